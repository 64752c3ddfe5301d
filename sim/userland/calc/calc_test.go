package calc_test

import (
	"testing"

	"github.com/dockerlab/dockerlab/sim/userland/progtest"
)

func TestLikeTheRealPrograms(t *testing.T) { progtest.Run(t, "testdata/*.txtar") }

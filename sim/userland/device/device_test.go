package device_test

import (
	"testing"

	"github.com/dockerlab/dockerlab/sim/userland/progtest"
)

func TestRecorded(t *testing.T) { progtest.Run(t, "testdata/*.txtar") }

package sh_test

import (
	"testing"

	"github.com/dockerlab/dockerlab/sim/userland/progtest"
)

func TestSmoke(t *testing.T) {
	for family, shells := range map[string][]string{"busybox": {"sh"}, "gnu": {"dash", "bash"}} {
		for _, shell := range shells {
			w := progtest.NewWorld(t, family)
			got := w.Sh(shell, `x=1; f() { echo "f $1 $x"; }; f a; for i in 1 2 3; do echo $i; done | cat; echo $(echo hi; (exit 3)) $?; cat <<E
doc $x
E
nosuch; echo $?; sleep 1 & wait $!; echo $?`)
			t.Logf("%s: %+v", shell, got)
		}
	}
}

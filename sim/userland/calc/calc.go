// Package calc holds the calculators bc, as GNU bc 1.07 and Busybox have it, and dc, as Busybox has it.
//
// A number is a decimal fraction of any length. bc's language is read statement by statement into
// a tree, which bceval.go walks; dc is a stack and a loop. The library that -l loads is computed
// here, with digits to spare, and cut off as the libraries of both families cut it.
package calc

import (
	"errors"

	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// Programs are the programs of this package.
var Programs = []prog.Program{
	{Name: "bc", Families: prog.Any, Run: bc},
	{Name: "dc", Families: prog.Busybox, Run: dc},
}

var (
	errDivide   = errors.New("divide by zero")
	errNegative = errors.New("negative number")
)

// work counts the small things that a calculator does: an operation on two short numbers costs
// far less than a step of the kernel's.
type work struct {
	c    *prog.Ctx
	done int
}

func (w *work) tick(n int) {
	if w.done += n; w.done >= 32 {
		w.c.Step(w.done / 32)
		w.done %= 32
	}
}

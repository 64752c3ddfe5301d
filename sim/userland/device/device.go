// Package device holds Busybox's programs for a machine's hardware and its kernel: disks, consoles,
// modules, clocks, bridges, swap, the boot and the shutdown.
//
// A container is not a machine. There is no /dev/sda and no console in it, and what asks the
// kernel for more than a container may is refused. So these programs do what they do in life until
// they meet the file that is not there or the call that is not allowed, and say so in their own
// words; where a learner gives them a file, as mkswap takes one, they work on that.
package device

import (
	"fmt"
	"strings"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// Programs are the programs of this package.
var Programs = programs()

// tool is a program of which all that matters is what it asks for first.
type tool struct {
	name  string
	short string      // its options, as getopt has them
	long  []prog.Long // and the long ones
	least int         // operands without which it prints its usage
	most  int         // operands that it takes, -1: any number
	run   func(c *prog.Ctx, opts options) int
}

// options are those that were given, with their last argument.
type options map[int]string

func (o options) has(letter int) bool { _, ok := o[letter]; return ok }

func programs() []prog.Program {
	var list []prog.Program
	for _, group := range [][]tool{blockTools, consoleTools, moduleTools, kernelTools, netTools, bootTools} {
		for _, t := range group {
			list = append(list, prog.Program{Name: t.name, Families: prog.Busybox, Run: t.main})
		}
	}
	return append(list,
		prog.Program{Name: "mkswap", Families: prog.Busybox, Run: mkswap},
		prog.Program{Name: "lsmod", Families: prog.Busybox, Run: lsmod},
		prog.Program{Name: "adjtimex", Families: prog.Busybox, Run: adjtimex},
		prog.Program{Name: "setpriv", Families: prog.Busybox, Run: setpriv},
		prog.Program{Name: "taskset", Families: prog.Busybox, Run: taskset},
	)
}

func (t tool) main(c *prog.Ctx) int {
	opts := options{}
	if t.short != "+" { // else its options are no getopt's
		for o := range c.Getopt(t.short, t.long) {
			opts[o.Val] = o.Arg
		}
	}
	if n := len(c.Args); n < t.least || t.most >= 0 && n > t.most {
		c.Usage()
	}
	return t.run(c, opts)
}

// open opens a file or ends the program.
func open(c *prog.Ctx, path string, flags int) *prog.File {
	f, err := c.OpenFile(path, flags, 0)
	if err != nil {
		c.Die(1, "can't open '%s': %v", path, err)
	}
	return f
}

// opens is a tool that opens its operand and then asks a device what only a device knows; what is
// how it names the question.
func opens(what string) func(*prog.Ctx, options) int {
	return func(c *prog.Ctx, _ options) int {
		open(c, c.Args[0], linux.O_RDONLY)
		c.Die(1, strings.ReplaceAll(what, "%f", c.Args[0])+": %v", linux.ENOTTY)
		return 1
	}
}

// needs is a tool that cannot do without a file of the machine's.
func needs(path string) func(*prog.Ctx, options) int {
	return func(c *prog.Ctx, _ options) int {
		open(c, path, linux.O_RDONLY)
		c.Die(1, "%s: %v", path, linux.ENOTTY)
		return 1
	}
}

// enters is a tool that changes to a directory first.
func enters(dir string) func(*prog.Ctx, options) int {
	return func(c *prog.Ctx, _ options) int {
		if err := c.Chdir(strings.ReplaceAll(dir, "%r", c.Uname().Release)); err != nil {
			c.Die(1, "can't change directory to '%s': %v", strings.ReplaceAll(dir, "%r", c.Uname().Release), err)
		}
		return 0
	}
}

// says is a tool that ends with a message.
func says(format string, args ...any) func(*prog.Ctx, options) int {
	return func(c *prog.Ctx, _ options) int {
		c.Die(1, format, args...)
		return 1
	}
}

// silent is a tool that finds nothing to do.
func silent(*prog.Ctx, options) int { return 0 }

// number reads an operand that has to be one.
func number(c *prog.Ctx, s string) {
	var n uint
	if k, err := fmt.Sscanf(s, "%d", &n); err != nil || k != 1 || fmt.Sprint(n) != s {
		c.Die(1, "invalid number '%s'", s)
	}
}

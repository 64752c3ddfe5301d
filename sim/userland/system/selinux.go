package system

import (
	"strings"

	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// chcon and runcon as they are on a kernel without SELinux, which is what the lab's is: no file
// has a security context of which a part could be changed, and no process runs in one.

const (
	chconReference   = prog.LongOnly + iota
	chconDereference // what it does anyhow
)

var chconLong = []prog.Long{
	{Name: "recursive", Val: 'R'}, {Name: "dereference", Val: chconDereference}, {Name: "no-dereference", Val: 'h'}, {Name: "reference", Arg: prog.ReqArg, Val: chconReference},
	{Name: "user", Arg: prog.ReqArg, Val: 'u'}, {Name: "role", Arg: prog.ReqArg, Val: 'r'}, {Name: "type", Arg: prog.ReqArg, Val: 't'}, {Name: "range", Arg: prog.ReqArg, Val: 'l'},
	{Name: "verbose", Val: 'v'},
}

func chcon(c *prog.Ctx) int {
	var part, reference, verbose, recursive, noDereference bool
	walk := byte('P')
	for o := range c.Getopt("HLPRhvu:r:t:l:", chconLong) {
		switch o.Val {
		case chconReference:
			reference = true
			if _, err := c.Stat(o.Arg); err != nil {
				c.Die(1, "failed to get security context of %s: %v", c.QuoteFile(o.Arg), err)
			}
		case 'u', 'r', 't', 'l':
			part = true
		case 'v':
			verbose = true
		case 'R':
			recursive = true
		case 'H', 'L', 'P':
			walk = byte(o.Val)
		case 'h':
			noDereference = true
		}
	}
	if recursive && noDereference && walk != 'P' {
		c.Die(1, "-R -h requires -P")
	}
	switch operands := len(c.Args); {
	case operands == 0:
		c.Warn("missing operand")
		c.Usage()
	case operands == 1 && !part && !reference:
		c.Warn("missing operand after %s", c.Quote(c.Args[0]))
		c.Usage()
	case part && reference:
		c.Warn("conflicting security context specifiers given")
		c.Usage()
	}
	files := c.Args
	if !part && !reference {
		files = files[1:]
	}
	for _, name := range files {
		switch _, err := c.Lstat(name); {
		case err != nil:
			c.Fail("cannot access %s: %v", c.QuoteFile(name), err)
		case part:
			c.Fail("can't apply partial context to unlabeled file %s", c.QuoteFile(name))
		case verbose:
			// The kernel takes any label and heeds none, so there is nothing to keep.
			c.Printf("changing security context of %s\n", c.QuoteFile(name))
		}
	}
	return c.Status
}

var runconLong = []prog.Long{
	{Name: "role", Arg: prog.ReqArg, Val: 'r'}, {Name: "type", Arg: prog.ReqArg, Val: 't'}, {Name: "user", Arg: prog.ReqArg, Val: 'u'},
	{Name: "range", Arg: prog.ReqArg, Val: 'l'}, {Name: "compute", Val: 'c'},
}

func runcon(c *prog.Ctx) int {
	seen := map[int]bool{}
	names := map[int]string{'r': "roles", 't': "types", 'u': "users", 'l': "levelranges"}
	for o := range c.Getopt("+r:t:u:l:c", runconLong) {
		if seen[o.Val] && o.Val != 'c' {
			c.Die(1, "multiple %s", names[o.Val])
		}
		seen[o.Val] = true
	}
	whole := len(seen) == 0
	if len(c.Args) == 0 {
		c.Die(1, "failed to get current context: Invalid argument")
	}
	if whole && len(c.Args) == 1 || strings.TrimSpace(c.Args[0]) == "" {
		c.Warn("no command specified")
		c.Usage()
	}
	c.Die(1, "runcon may be used only on a SELinux kernel")
	return 1
}

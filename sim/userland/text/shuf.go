package text

import (
	"io"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// maxShuffled bounds the range of shuf -i.
const maxShuffled = 10_000_000

const shufRandomSource = prog.LongOnly

// shuf writes lines, operands or a range of numbers in random order.
func shuf(c *prog.Ctx) int {
	echoed, span, count, output, end := false, "", -1, "", "\n"
	repeat, source := false, ""
	short, long := "ei:n:o:rz", []prog.Long{{Name: "echo", Val: 'e'}, {Name: "input-range", Arg: prog.ReqArg, Val: 'i'}, {Name: "head-count", Arg: prog.ReqArg, Val: 'n'},
		{Name: "output", Arg: prog.ReqArg, Val: 'o'}, {Name: "random-source", Arg: prog.ReqArg, Val: shufRandomSource}, {Name: "repeat", Val: 'r'}, {Name: "zero-terminated", Val: 'z'}}
	if !c.GNU() {
		short, long = "ei:n:o:z", nil
	}
	once := func(old, arg, what string) string {
		if old != "" && c.GNU() && (old != arg || what == "-i options") {
			c.Die(1, "multiple %s specified", what)
		}
		return arg
	}
	for o := range c.Getopt(short, long) {
		switch o.Val {
		case 'e':
			echoed = true
		case 'i':
			span = once(span, o.Arg, "-i options")
		case 'n':
			n, ok := parseCount(o.Arg)
			if !ok || n < 0 {
				if c.GNU() {
					c.Die(1, "invalid line count: '%s'", o.Arg)
				}
				c.Die(1, "invalid number '%s'", o.Arg)
			}
			if count < 0 || n < count || !c.GNU() {
				count = n
			}
		case 'o':
			output = once(output, o.Arg, "output files")
		case shufRandomSource:
			source = once(source, o.Arg, "random sources")
		case 'r':
			repeat = true
		case 'z':
			end = "\x00"
		}
	}
	if c.GNU() {
		switch {
		case echoed && span != "":
			c.Warn("cannot combine -e and -i options")
			c.Usage()
		case span != "":
			c.AtMost(0)
		case !echoed:
			c.AtMost(1)
		}
	}
	var items []string
	switch {
	case span != "":
		items = spanned(c, span)
	case echoed:
		items = c.Args
	default:
		name := orStdin(c.Args)[0]
		f, err := input(c, name)
		if err != nil {
			c.Die(1, "%s: %v", name, err)
		}
		in := newLines(c, f, end[0])
		for {
			raw, err := in.next()
			if err != nil {
				break
			}
			line, _ := in.chomp(raw)
			items = append(items, string(line))
		}
		f.Close()
	}
	ch := &chooser{r: c.RandomSource(source, 1)}
	var out io.Writer = c.Out
	if output != "" {
		f, err := c.CreateFile(output)
		if err != nil {
			c.Die(1, "%s: %v", output, err)
		}
		defer f.Close()
		out = f
	}
	if repeat {
		if len(items) == 0 && count != 0 {
			c.Die(1, "no lines to repeat")
		}
	} else {
		if count < 0 || count > len(items) {
			count = len(items)
		}
		ch.permute(items, count)
		c.Step(count)
	}
	for i := 0; count < 0 || i < count; i++ {
		at := i
		if repeat {
			at = ch.choose(len(items))
			c.Step(1)
		}
		if ch.err != nil {
			c.Die(1, "%s: end of file", c.QuoteColon(source))
		}
		if _, err := io.WriteString(out, items[at]+end); err != nil {
			return 1
		}
	}
	return c.Status
}

// spanned is the numbers of LO-HI.
func spanned(c *prog.Ctx, span string) (items []string) {
	lo, hi, _ := strings.Cut(span, "-")
	a, e1 := strconv.Atoi(lo)
	b, e2 := strconv.Atoi(hi)
	switch {
	case (e1 != nil || e2 != nil || a > b+1) && c.GNU():
		c.Die(1, "invalid input range: '%s'", span)
	case e1 != nil || e2 != nil || a > b+1:
		c.Die(1, "%s: invalid range", span)
	case b-a > maxShuffled:
		c.Die(1, "memory exhausted")
	}
	for ; a <= b; a++ {
		items = append(items, strconv.Itoa(a))
	}
	return items
}

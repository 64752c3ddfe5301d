package text

import (
	"bufio"
	"fmt"
	"io"
	"strconv"

	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

func cmpProgram(c *prog.Ctx) int {
	c.UsageStatus, c.WriteStatus = 2, 2
	var list, silent, show bool
	limit := int64(-1)
	var skip [2]int64
	short, long := "bci:ln:sv", []prog.Long{{Name: "print-bytes", Val: 'b'}, {Name: "print-chars", Val: 'c'}, {Name: "ignore-initial", Arg: prog.ReqArg, Val: 'i'}, {Name: "verbose", Val: 'l'},
		{Name: "bytes", Arg: prog.ReqArg, Val: 'n'}, {Name: "silent", Val: 's'}, {Name: "quiet", Val: 's'}, {Name: "version", Val: 'v'}}
	if c.GNU() {
		c.OnUsage = func() { c.Errorf("%s: Try '%s --help' for more information.\n", c.Name, c.Name) }
	} else {
		c.UsageStatus = 1
		short, long = "sln:", nil
	}
	number := func(s, what string) int64 {
		n, ok := suffixed(s, gnuSuffix)
		if !ok {
			if c.GNU() {
				c.Warn("invalid %s value '%s'", what, s)
				c.Usage()
			}
			c.Die(2, "invalid number '%s'", s)
		}
		return n
	}
	for o := range c.Getopt(short, long) {
		switch o.Val {
		case 'b', 'c':
			show = true
		case 'i':
			var a, b string
			a, b = o.Arg, o.Arg
			for i := range o.Arg {
				if o.Arg[i] == ':' {
					a, b = o.Arg[:i], o.Arg[i+1:]
				}
			}
			skip[0], skip[1] = number(a, "--ignore-initial"), number(b, "--ignore-initial")
		case 'l':
			list = true
		case 'n':
			limit = number(o.Arg, "--bytes")
		case 's':
			silent = true
		case 'v':
			c.Version()
		}
	}
	if len(c.Args) == 0 {
		if c.GNU() {
			c.Warn("missing operand after '%s'", c.Name)
		}
		c.Usage()
	}
	c.AtMost(4)
	names := [2]string{c.Args[0], "-"}
	if len(c.Args) > 1 {
		names[1] = c.Args[1]
	}
	for i := 2; i < len(c.Args); i++ {
		skip[i-2] = number(c.Args[i], "--ignore-initial")
	}
	var r [2]*bufio.Reader
	size := int64(1) << 60
	for i, name := range names {
		f, err := input(c, name)
		if err != nil {
			if !silent || !c.GNU() {
				c.Warn("%s: %v", name, err)
			}
			return 2
		}
		defer f.Close()
		fd := 0
		if pf, ok := f.(*prog.File); ok {
			fd = pf.Fd
		}
		if st, err := c.Fstat(fd); err == nil && st.Mode.IsRegular() {
			size = min(size, st.Size)
		}
		r[i] = bufio.NewReaderSize(f, 8192)
		if s, ok := f.(stdin); ok {
			r[i] = s.Reader
		}
		io.CopyN(io.Discard, r[i], skip[i])
	}
	width := len(strconv.FormatInt(size, 10))
	if size == 1<<60 || !c.GNU() {
		width = 1
	}
	status := 0
	line := int64(1)
	var last byte = '\n'
	for at := int64(1); limit < 0 || at <= limit; at++ {
		if at%256 == 0 {
			c.Step(4)
		}
		x, ex := r[0].ReadByte()
		y, ey := r[1].ReadByte()
		for i, err := range []error{ex, ey} {
			if err != nil && err != io.EOF {
				c.Warn("%s: %v", names[i], err)
				return 2
			}
		}
		if ex != nil || ey != nil {
			if ex != nil && ey != nil {
				return status
			}
			if !silent {
				name := names[0]
				if ex == nil {
					name = names[1]
				}
				where := ""
				switch {
				case !c.GNU():
				case at == 1:
					where = " which is empty"
				case list:
					where = " after byte " + strconv.FormatInt(at-1, 10)
				case last == '\n':
					where = fmt.Sprintf(" after byte %d, line %d", at-1, line-1)
				default:
					where = fmt.Sprintf(" after byte %d, in line %d", at-1, line)
				}
				// This goes out before what standard output holds back.
				fmt.Fprintf(c.Err, "%s: EOF on %s%s\n", c.Name, name, where)
			}
			return 1
		}
		if x != y {
			switch {
			case silent:
				return 1
			case list && show:
				c.Printf("%*d %3o %-4s %3o %s\n", width, at, x, caret(x), y, caret(y))
			case list:
				c.Printf("%*d %3o %3o\n", width, at, x, y)
			case show:
				c.Printf("%s %s differ: byte %d, line %d is %3o %s %3o %s\n", names[0], names[1], at, line, x, caret(x), y, caret(y))
				return 1
			default:
				c.Printf("%s %s differ: char %d, line %d\n", names[0], names[1], at, line)
				return 1
			}
			status = 1
		}
		if x == '\n' {
			line++
		}
		last = x
	}
	return status
}

package text

import (
	"bytes"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// opened opens an operand in cat's way and reports what fails. nil: it could not be opened.
func opened(c *prog.Ctx, name string) io.ReadCloser {
	f, err := input(c, name)
	if err != nil {
		cannotOpen(c, name, err)
		return nil
	}
	return f
}

// cannotOpen words a failed open: "cat: x: No such file..." or Busybox's "cat: can't open 'x': ...".
func cannotOpen(c *prog.Ctx, name string, err error) {
	if c.GNU() {
		c.Fail("%s: %v", c.QuoteColon(name), err)
		return
	}
	c.Fail("can't open '%s': %v", name, err)
}

// plainOpen is opened for the programs of Busybox that say "x: No such file...".
func plainOpen(c *prog.Ctx, name string) io.ReadCloser {
	f, err := input(c, name)
	if err != nil {
		readFailed(c, name, err)
		return nil
	}
	return f
}

// readFailed words a failed read.
func readFailed(c *prog.Ctx, name string, err error) {
	if c.GNU() {
		name = c.QuoteColon(name)
	}
	c.Fail("%s: %v", name, err)
}

func cat(c *prog.Ctx) int {
	var number, nonblank, squeeze, ends, tabs, show bool
	short, long := "benstuvAET", []prog.Long{
		{Name: "number-nonblank", Val: 'b'}, {Name: "number", Val: 'n'}, {Name: "squeeze-blank", Val: 's'},
		{Name: "show-nonprinting", Val: 'v'}, {Name: "show-ends", Val: 'E'}, {Name: "show-tabs", Val: 'T'}, {Name: "show-all", Val: 'A'}}
	if !c.GNU() {
		short, long = "nbvteAu", nil
	}
	for o := range c.Getopt(short, long) {
		switch o.Val {
		case 'b':
			number, nonblank = true, true
		case 'e':
			ends, show = true, true
		case 'n':
			number = true
		case 's':
			squeeze = true
		case 't':
			tabs, show = true, true
		case 'v':
			show = true
		case 'A':
			ends, tabs, show = true, true, true
		case 'E':
			ends = true
		case 'T':
			tabs = true
		}
	}
	if c.GNU() && nonblank {
		number = true
	}
	numbered := "\t"
	if !c.GNU() && number && (ends || tabs || show) {
		numbered = "  "
	}
	line, blank := 0, 0
	atStart := true
	st, _ := c.Fstat(1)
	for _, name := range orStdin(c.Args) {
		f := opened(c, name)
		if f == nil {
			continue
		}
		fd := 0
		if pf, ok := f.(*prog.File); ok {
			fd = pf.Fd
		}
		if in, err := c.Fstat(fd); err == nil && c.GNU() && in.Mode.IsRegular() && in.Ino == st.Ino && in.Dev == st.Dev && st.Mode.IsRegular() {
			if at, err := c.Lseek(fd, 0, linux.SEEK_CUR); err == nil && at < in.Size {
				c.Fail("%s: input file is output file", c.QuoteColon(name))
				f.Close()
				continue
			}
		}
		buf := make([]byte, 32768)
		for {
			n, err := f.Read(buf)
			if n > 0 {
				if !number && !squeeze && !ends && !tabs && !show {
					c.Out.Write(buf[:n])
					c.Out.Flush()
				} else {
					c.Print(catFormat(buf[:n], &line, &blank, &atStart, numbered, number, nonblank, squeeze, ends, tabs, show))
				}
			}
			if err == io.EOF {
				break
			}
			if err != nil {
				if c.GNU() {
					readFailed(c, name, err)
				} else {
					c.Fail("read error: %v", err)
				}
				break
			}
			if c.Out.Err() != nil {
				return 1
			}
		}
		f.Close()
		if !c.GNU() && number && numbered == "\t" && !atStart {
			c.Print("\n") // Busybox completes the last line when it only numbers
			atStart = true
		}
	}
	return c.Status
}

func catFormat(b []byte, line, blank *int, atStart *bool, numbered string, number, nonblank, squeeze, ends, tabs, show bool) string {
	var out strings.Builder
	for _, ch := range b {
		if *atStart {
			if ch == '\n' {
				*blank++
				if squeeze && *blank > 1 {
					continue
				}
			} else {
				*blank = 0
			}
			if number && !(nonblank && ch == '\n') {
				*line++
				s := strconv.Itoa(*line)
				out.WriteString(strings.Repeat(" ", max(0, 6-len(s))) + s + numbered)
			}
		}
		*atStart = ch == '\n'
		switch {
		case ch == '\n':
			if ends {
				out.WriteByte('$')
			}
			out.WriteByte('\n')
		case ch == '\t' && tabs:
			out.WriteString("^I")
		case ch == '\t' || !show:
			out.WriteByte(ch)
		default:
			out.WriteString(caret(ch))
		}
	}
	return out.String()
}

// caret is a byte as cat -v shows it.
func caret(ch byte) string {
	s := ""
	if ch >= 0x80 {
		s, ch = "M-", ch-0x80
	}
	switch {
	case ch < ' ':
		return s + "^" + string(rune(ch+'@'))
	case ch == 0x7f:
		return s + "^?"
	}
	return s + string(rune(ch))
}

func tac(c *prog.Ctx) int {
	sep, before, regex := "\n", false, false
	if c.GNU() {
		for o := range c.Getopt("brs:", []prog.Long{{Name: "before", Val: 'b'}, {Name: "regex", Val: 'r'}, {Name: "separator", Arg: prog.ReqArg, Val: 's'}}) {
			switch o.Val {
			case 'b':
				before = true
			case 'r':
				regex = true
			case 's':
				sep = o.Arg
			}
		}
		if sep == "" {
			if regex {
				c.Die(1, "separator cannot be empty")
			}
			sep = "\x00"
		}
	} else {
		for range c.Getopt("", nil) {
		}
	}
	find := func(b []byte, from int) (int, int) {
		i := strings.Index(string(b[from:]), sep)
		if i < 0 {
			return -1, -1
		}
		return from + i, from + i + len(sep)
	}
	if regex {
		re, err := compileBasic(sep)
		if err != nil {
			c.Die(1, "%v", err)
		}
		find = func(b []byte, from int) (int, int) {
			loc := re.Match(b, from, 0, 0, stepper(c))
			if loc == nil || loc[0] == loc[1] {
				return -1, -1
			}
			return loc[0], loc[1]
		}
	}
	for _, name := range orStdin(c.Args) {
		f, err := input(c, name)
		if err != nil {
			if c.GNU() {
				c.Fail("failed to open %s for reading: %v", c.QuoteFile(name), err)
			} else {
				c.Fail("%s: %v", name, err)
			}
			continue
		}
		b, err := readLimited(f)
		f.Close()
		if err != nil {
			if err == linux.EISDIR {
				err = linux.EINVAL // tac wants to seek in it
			}
			if c.GNU() {
				c.Fail("%s: read error: %v", c.QuoteColon(name), err)
				continue
			}
		}
		cuts := []int{0}
		for at := 0; ; {
			b0, e := find(b, at)
			if b0 < 0 {
				break
			}
			if before {
				cuts = append(cuts, b0)
			} else {
				cuts = append(cuts, e)
			}
			at = e
		}
		cuts = append(cuts, len(b))
		for i := len(cuts) - 1; i > 0; i-- {
			piece := b[cuts[i-1]:cuts[i]]
			c.Out.Write(piece)
		}
	}
	return c.Status
}

func rev(c *prog.Ctx) int {
	for range c.GetoptUtil("", nil) {
	}
	for _, name := range orStdin(c.Args) {
		f, err := input(c, name)
		if err != nil {
			if c.GNU() {
				c.Fail("cannot open %s: %v", name, err)
			} else {
				c.Fail("%s: %v", name, err)
			}
			continue
		}
		in := newLines(c, f, '\n')
		for n := 0; ; n++ {
			line, err := in.next()
			text, ended := in.chomp(line)
			if err == nil && c.GNU() && !utf8Locale(c) && bytes.ContainsFunc(text, func(r rune) bool { return r >= utf8.RuneSelf }) {
				err = linux.EILSEQ // as fgetws has it in the C locale
			}
			if err != nil {
				if err != io.EOF && c.GNU() {
					if name == "-" {
						name = "stdin"
					}
					c.Fail("%s: %d: %v", name, n, err)
				}
				break
			}
			if i := bytes.IndexByte(text, 0); i >= 0 && !c.GNU() {
				text, ended = text[:i], false // C's string ends there
			}
			if utf8Locale(c) {
				r := []rune(string(text))
				for i, j := 0, len(r)-1; i < j; i, j = i+1, j-1 {
					r[i], r[j] = r[j], r[i]
				}
				text = []byte(string(r))
			} else {
				for i, j := 0, len(text)-1; i < j; i, j = i+1, j-1 {
					text[i], text[j] = text[j], text[i]
				}
			}
			c.Out.Write(text)
			if ended {
				c.Print("\n")
			}
		}
		f.Close()
	}
	return c.Status
}

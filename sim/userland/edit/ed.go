package edit

import (
	"errors"
	"fmt"
	"strings"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// lineEditor is Busybox's ed: far less than the standard's. It looks for plain strings, forwards
// only, and does not undo.
type lineEditor struct {
	c       *prog.Ctx
	lines   []string // each with its newline, which only the last may lack
	at      int      // the current line, from 1; 0: none
	marks   [26]int
	pattern string
	file    string
	dirty   bool
}

var errLine = errors.New("reported")

func ed(c *prog.Ctx) int {
	e := &lineEditor{c: c}
	prompt := ""
	for o := range c.Getopt("p:", nil) {
		prompt = o.Arg
	}
	if len(c.Args) > 0 {
		e.file = c.Args[0]
		if !e.read(e.file, 1) {
			return 0
		}
		e.at, e.dirty = len(e.lines), false
	}
	for {
		line, ok := e.ask(prompt)
		if !ok {
			return 0
		}
		if e.at == 0 && len(e.lines) > 0 {
			e.at = 1
		}
		if e.command(strings.TrimRight(line, " \t\n\v\f\r")) {
			return 0
		}
	}
}

// ask reads a line from standard input.
func (e *lineEditor) ask(prompt string) (string, bool) {
	e.c.Print(prompt)
	e.c.Out.Flush()
	e.c.Step(1)
	line, err := e.c.In.ReadString('\n')
	return line, err == nil || line != ""
}

func blanks(s string) string { return strings.TrimLeft(s, " \t\n\v\f\r") }

// inRange says whether lines from a to b are there.
func (e *lineEditor) inRange(a, b int, what string) bool {
	if a < 1 || b > len(e.lines) || a > b {
		e.c.Warn("bad line range for %s", what)
		return false
	}
	return true
}

func (e *lineEditor) goTo(n int) bool {
	if n < 1 || n > len(e.lines) {
		e.c.Warn("line number %d does not exist", n)
		return false
	}
	e.at = n
	return true
}

// address reads a sum of numbers, ".", "$", marks and searches.
func (e *lineEditor) address(s string) (n int, has bool, rest string, err error) {
	minus := false
	for {
		s = blanks(s)
		num := 0
		switch {
		case s == "":
			return n, has, s, nil
		case s[0] == '.':
			num, s = e.at, s[1:]
		case s[0] == '$':
			num, s = len(e.lines), s[1:]
		case s[0] == '\'':
			if len(s) < 2 || s[1] < 'a' || s[1] > 'z' {
				e.c.Warn("bad mark name")
				return 0, false, "", errLine
			}
			num, s = e.marks[s[1]-'a'], s[2:]
		case s[0] == '/':
			text, after, _ := strings.Cut(s[1:], "/")
			if num, err = e.search(text); err != nil {
				return 0, false, "", err
			}
			s = after
		case s[0] >= '0' && s[0] <= '9':
			for s != "" && s[0] >= '0' && s[0] <= '9' {
				num = min(num*10+int(s[0]-'0'), 1<<30)
				s = s[1:]
			}
		default:
			return n, has, s, nil
		}
		has = true
		if minus {
			num = -num
		}
		n += num
		s = blanks(s)
		switch {
		case strings.HasPrefix(s, "-"):
			minus = true
		case strings.HasPrefix(s, "+"):
			minus = false
		default:
			return n, has, s, nil
		}
		s = s[1:]
	}
}

// search finds the next line with text in it, the current one included.
func (e *lineEditor) search(text string) (int, error) {
	if !e.inRange(e.at, len(e.lines), "search") {
		return 0, errLine
	}
	if !e.remember(text) {
		return 0, errLine
	}
	for i := e.at; i <= len(e.lines); i++ {
		e.c.Step(1)
		if strings.Contains(e.lines[i-1], e.pattern) {
			return i, nil
		}
	}
	e.c.Warn("can't find string \"%s\"", e.pattern)
	return 0, errLine
}

// remember makes text what is searched for; empty, it is what it was.
func (e *lineEditor) remember(text string) bool {
	if text == "" && e.pattern == "" {
		e.c.Warn("no previous search string")
		return false
	}
	if text != "" {
		e.pattern = text
	}
	return true
}

// command carries out one command, and tells whether it was the last.
func (e *lineEditor) command(line string) (quit bool) {
	c := e.c
	from, has, s, err := e.address(line)
	if err != nil {
		return false
	}
	to, both := from, false
	if s = blanks(s); strings.HasPrefix(s, ",") {
		n, second, rest, err := e.address(s[1:])
		if err != nil {
			return false
		}
		if s, to = rest, n; !has {
			from = 1
		}
		if !second {
			to = len(e.lines)
		}
		has, both = true, true
	}
	if !has {
		from = e.at
	}
	if !both {
		to = from
	}
	verb, rest := byte(0), ""
	if s != "" {
		verb, rest = s[0], s[1:]
	}
	// name is what follows f, r and w.
	name := func(what string) (string, bool) {
		if rest != "" && rest[0] != ' ' {
			c.Warn("bad %s command", what)
			return "", false
		}
		return blanks(rest), true
	}
	switch verb {
	case 'a':
		e.add(from + 1)
	case 'c':
		e.remove(from, to)
		e.add(from)
	case 'd':
		e.remove(from, to)
	case 'f':
		if f, ok := name("file"); !ok {
		} else if f != "" {
			e.file = f
		} else if e.file != "" {
			c.Print("\"", e.file, "\"\n")
		} else {
			c.Print("No file name\n")
		}
	case 'i':
		if !has && len(e.lines) == 0 {
			from = 1
		}
		e.add(from)
	case 'k':
		m := blanks(rest)
		if len(m) != 1 || m[0] < 'a' || m[0] > 'z' {
			c.Warn("bad mark name")
			return false
		}
		e.marks[m[0]-'a'] = to
	case 'l', 'p':
		e.show(from, to, verb == 'l')
	case 'q':
		if has || blanks(rest) != "" {
			c.Warn("bad quit command")
			return false
		}
		if !e.dirty {
			return true
		}
		answer, ok := e.ask("Really quit? ")
		return !ok || strings.HasPrefix(strings.ToLower(blanks(answer)), "y")
	case 'r':
		f, ok := name("read")
		if ok && f == "" {
			c.Warn("no file name")
		} else if ok {
			if !has {
				from = len(e.lines)
			}
			if !e.read(f, from+1) && e.file == "" {
				e.file = f
			}
		}
	case 's':
		e.substitute(rest, from, to)
	case 'w':
		f, ok := name("write")
		if !ok {
			return false
		}
		if f == "" {
			if f = e.file; f == "" {
				c.Warn("no file name specified")
				return false
			}
		}
		if !has {
			from, to, e.dirty = 1, len(e.lines), false
		}
		e.write(f, from, to)
	case 'z':
		switch {
		case strings.HasPrefix(rest, "-"):
			e.show(e.at-21, e.at, false)
		case strings.HasPrefix(rest, "."):
			e.show(e.at-11, e.at+10, false)
		default:
			e.show(e.at, e.at+21, false)
		}
	case '.':
		if has {
			c.Warn("no arguments allowed")
			return false
		}
		e.show(e.at, e.at, false)
	case '-':
		if e.goTo(e.at - 1) {
			e.show(e.at, e.at, false)
		}
	case '=':
		c.Printf("%d\n", from)
	case 0:
		if has {
			e.show(to, to, false)
		} else if e.goTo(e.at + 1) {
			e.show(e.at, e.at, false)
		}
	default:
		c.Warn("unimplemented command")
	}
	return false
}

// show prints lines; marked, with what cannot be seen in it made visible.
func (e *lineEditor) show(from, to int, marked bool) {
	if !e.inRange(from, to, "print") {
		return
	}
	for i := from; i <= to; i++ {
		line := e.lines[i-1]
		if !marked {
			e.c.Print(line)
			continue
		}
		for _, ch := range []byte(strings.TrimSuffix(line, "\n")) {
			if ch >= 0x80 {
				e.c.Print("M-")
				ch &= 0x7f
			}
			switch {
			case ch < ' ':
				e.c.Print("^", string(rune(ch+'@')))
			case ch == 0x7f:
				e.c.Print("^?")
			default:
				e.c.Print(string(rune(ch)))
			}
		}
		e.c.Print("$\n")
	}
	e.at = to
}

// insert puts a line in as number n, and makes it the current one.
func (e *lineEditor) insert(n int, line string) bool {
	if n < 1 || n > len(e.lines)+1 {
		e.c.Warn("inserting at bad line number")
		return false
	}
	if err := e.c.Sandbox().Charge(int64(len(line) + 16)); err != nil {
		e.c.Die(1, "out of memory")
	}
	if n == len(e.lines)+1 {
		e.lines = append(e.lines, line)
	} else {
		e.c.Step(1 + (len(e.lines)-n)/64)
		e.lines = append(e.lines[:n-1], append([]string{line}, e.lines[n-1:]...)...)
	}
	e.dirty, e.at = true, n
	return true
}

// add takes lines up to one of a single dot.
func (e *lineEditor) add(n int) {
	for {
		line, ok := e.ask("")
		if !ok || line == ".\n" || !e.insert(n, line) {
			return
		}
		n++
	}
}

func (e *lineEditor) remove(from, to int) {
	if !e.inRange(from, to, "delete") {
		return
	}
	count := to - from + 1
	switch {
	case e.at > to:
		e.at -= count
	case e.at >= from:
		switch {
		case to < len(e.lines):
			e.at = from
		case from > 1:
			e.at = from - 1
		default:
			e.at = 0
		}
	}
	e.lines = append(e.lines[:from-1], e.lines[to:]...)
	e.dirty = true
}

// read puts a file in before line n and tells its size.
func (e *lineEditor) read(name string, n int) bool {
	if n < 1 || n > len(e.lines)+1 {
		e.c.Warn("bad line for read")
		return false
	}
	b, err := e.c.ReadFile(name)
	if err != nil {
		e.c.Warn("%s: %v", name, err)
		return false
	}
	for line := range strings.Lines(string(b)) {
		if !e.insert(n, line) {
			return false
		}
		n++
	}
	e.c.Printf("%d\n", len(b))
	return true
}

func (e *lineEditor) write(name string, from, to int) {
	if !e.inRange(from, to, "write") {
		return
	}
	f, err := e.c.CreateFile(name)
	if err != nil {
		e.c.Warn("%s: %v", name, err)
		return
	}
	defer f.Close()
	n := 0
	for _, line := range e.lines[from-1 : to] {
		k, err := f.Write([]byte(line))
		if n += k; err != nil {
			e.c.Warn("%s: %v", name, err)
			return
		}
	}
	e.c.Printf("%d\n", n)
}

// substitute replaces a string in lines: s/OLD/NEW/gp.
func (e *lineEditor) substitute(s string, from, to int) {
	c := e.c
	if !e.inRange(from, to, "substitute") {
		return
	}
	if s == "" || s[0] == ' ' || s[0] == '\t' {
		c.Warn("bad delimiter for substitute")
		return
	}
	delim := s[:1]
	old, rest, ok := strings.Cut(s[1:], delim)
	if !ok {
		c.Warn("missing 2nd delimiter for substitute")
		return
	}
	replacement, flags, _ := strings.Cut(rest, delim)
	if strings.Trim(flags, "gp") != "" {
		c.Warn("unknown option for substitute")
		return
	}
	if !e.remember(old) {
		return
	}
	times := 1
	if strings.Contains(flags, "g") {
		times = -1
	}
	done := false
	for i := from; i <= to; i++ {
		line := e.lines[i-1]
		c.Step(1 + len(line)/64)
		if !strings.Contains(line, e.pattern) {
			continue
		}
		if n := len(line) + strings.Count(line, e.pattern)*len(replacement); n > 1<<24 || c.Sandbox().Charge(int64(n)) != nil {
			c.Die(1, "%v", linux.ENOMEM)
		}
		e.lines[i-1] = strings.Replace(line, e.pattern, replacement, times)
		done, e.dirty = true, true
		if strings.Contains(flags, "p") {
			e.show(i, i, false)
		}
	}
	if !done {
		c.Warn("%s", fmt.Sprintf("no substitutions found for \"%s\"", e.pattern))
	}
}

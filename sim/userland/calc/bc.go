package calc

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// What ends bc's reading: the words quit and halt.
var (
	errQuit = errors.New("quit")
	errHalt = errors.New("halt")
)

const bcVersion = "bc 1.35.0\nAdapted from https://github.com/gavinhoward/bc\nOriginal code (c) 2018 Gavin D. Howard and contributors\n"

const gnuBanner = `bc 1.07.1
Copyright 1991-1994, 1997, 1998, 2000, 2004, 2006, 2008, 2012-2017 Free Software Foundation, Inc.
This is free software with ABSOLUTELY NO WARRANTY.
For details type ` + "`warranty'. \n"

// gnuWarnings are the words of GNU's bc for what POSIX's has not; "name" is followed by the name.
var gnuWarnings = map[string]string{"name": "multiple letter name - ", "print": "print statement", "continue": "Continue statement",
	"else": "else clause in if statement", "halt": "halt statement", "&&": "&& operator", "||": "|| operator", "!": "! operator"}

func bc(c *prog.Ctx) int {
	m := &machine{c: c, work: &work{c: c}, gnu: c.GNU(), print: newPrinter(c, "BC_LINE_LENGTH", 2), ibase: 10, obase: 10,
		vars: map[string]number{}, arrays: map[string]*array{}, funcs: map[string]*function{}}
	c.Args = append(strings.Fields(c.Getenv("BC_ENV_ARGS")), c.Args...)
	long := []prog.Long{{Name: "quiet", Val: 'q'}, {Name: "mathlib", Val: 'l'}, {Name: "standard", Val: 's'}, {Name: "warn", Val: 'w'},
		{Name: "interactive", Val: 'i'}, {Name: "version", Val: 'v'}, {Name: "help", Val: 'h'}}
	short := "qlswiv"
	if m.gnu {
		short = "chilqsvw"
		c.OnUsage = func() {
			c.Out.Flush()
			io.WriteString(c.Err, c.HelpText())
		}
	}
	quiet, interactive, standard, warn := false, false, false, false
	for o := range c.GetoptOnly(short, long) {
		switch o.Val {
		case 'q':
			quiet = true
		case 'l':
			m.library()
		case 's':
			standard = true
		case 'w':
			warn = true
		case 'i':
			interactive = true
		case 'h':
			c.Help()
		case 'v':
			if m.gnu {
				c.Version()
			}
			c.Print(bcVersion)
			return 0
		}
	}
	tty := c.Isatty(0)
	if m.gnu {
		tty = tty && c.Isatty(1) || interactive
	}
	if tty && !quiet {
		if m.gnu {
			c.Print(gnuBanner)
		} else {
			c.Print(bcVersion)
		}
	}
	complain := func(src *source, posix, word, rest string) error {
		switch {
		case !standard && !warn:
			return nil
		case m.gnu:
			what, ok := gnuWarnings[word]
			if !ok {
				return nil
			}
			if word == "name" {
				what += rest
			}
			if standard {
				return &parseError{gnu: "Error: " + what}
			}
			c.Errorf("%s %d: (Warning) %s\n", m.where(src), src.line, what)
			return nil
		case standard:
			return &parseError{msg: posix}
		}
		c.Warn("%s%s", m.place(src), posix)
		return nil
	}
	run := func(src *source) error {
		l := &lexer{c: c, src: src, gnu: m.gnu, work: m.work}
		l.warn = func(posix, word, rest string) error { return complain(src, posix, word, rest) }
		return m.run(&parser{lexer: l}, tty && src.name == "")
	}
	for _, name := range c.Args {
		f, err := c.OpenFile(name, linux.O_RDONLY, 0)
		if err != nil {
			if m.gnu {
				c.Errorf("File %s is unavailable.\n", name)
				return 1
			}
			c.Die(1, "can't open '%s': %v", name, err)
		}
		src := &source{name: name, line: 1, next: m.lines(f)}
		err = run(src)
		f.Close()
		if err == errQuit || err == errHalt {
			return 0
		}
		if err != nil {
			return 1
		}
	}
	if err := run(&source{line: 1, next: m.lines(c.In)}); err != nil && err != errQuit && err != errHalt {
		return 1
	}
	return 0
}

// lines reads a script by lines of less than a mebibyte. NULs are dropped.
func (m *machine) lines(r io.Reader) func() (string, error) {
	br := buffered(r)
	return func() (string, error) {
		if br.Buffered() == 0 {
			m.c.Out.Flush()
		}
		var line []byte
		for {
			part, err := br.ReadSlice('\n')
			line = append(line, part...)
			if len(line) > 1<<20 {
				return "", linux.ENOMEM
			}
			if err == nil || err == io.EOF {
				s := strings.ReplaceAll(string(line), "\x00", "")
				if m.gnu {
					return s, err
				}
				for i := range len(s) {
					if b := s[i]; b < ' ' && b != '\t' && b != '\r' && b != '\n' || b > '~' {
						return "", &lexError{msg: fmt.Sprintf("illegal character 0x%02x", b)}
					}
				}
				return s, err
			}
			if !isFull(err) {
				return "", fmt.Errorf("input error: %w", err)
			}
		}
	}
}

// where is how GNU's bc names a script in its errors.
func (m *machine) where(src *source) string {
	if src.name == "" {
		return "(standard_in)"
	}
	return src.name
}

// place is what Busybox's errors begin with.
func (m *machine) place(src *source) string {
	if src.name == "" {
		return ""
	}
	return fmt.Sprintf("%s:%d: ", src.name, src.line)
}

// run executes a script: Busybox each statement as it ends and up to the first error, GNU each
// line, whatever became of the line before.
func (m *machine) run(p *parser, tty bool) error {
	m.read = p
	if m.gnu {
		return m.runLines(p)
	}
	for {
		err := m.runStatement(p)
		switch {
		case err == nil:
			continue
		case err == io.EOF:
			return nil
		case err == errQuit, err == errHalt:
			return err
		}
		src := *p.src
		if p.tok.kind == tokNewline {
			src.line-- // the error is on the line that has just ended
		}
		if errors.Is(err, linux.EISDIR) {
			src.name = ""
		}
		m.c.Warn("%s%v", m.place(&src), err)
		if !tty {
			return err
		}
		p.dropLine()
		p.depth, p.loops, p.fn, p.cond = 0, 0, nil, false
	}
}

func (m *machine) runStatement(p *parser) error {
	if err := p.next(); err != nil {
		return err
	}
	for {
		for p.tok.kind == tokNewline || p.tok.is(";") {
			if err := p.next(); err != nil {
				return err
			}
		}
		if p.tok.kind == tokEOF {
			return io.EOF
		}
		if p.tok.keyword("define") {
			f, err := p.define()
			if err != nil {
				return err
			}
			m.funcs[f.name] = f
		} else {
			n, err := p.statement()
			if err != nil {
				return err
			}
			if !blockLike(n) && (!p.tok.endsStatement() || p.tok.is("}")) {
				return p.bad("bad statement terminator")
			}
			if _, err := m.exec(n); err != nil {
				return err
			}
		}
		if p.tok.kind == tokNewline {
			return nil
		}
	}
}

func blockLike(n *node) bool {
	switch n.op {
	case "if", "while", "for", "{":
		return true
	}
	return false
}

// runLines is GNU's main loop.
func (m *machine) runLines(p *parser) error {
	for {
		list, f, err := p.gnuLine()
		for {
			var lex *lexError
			if !errors.As(err, &lex) {
				break
			}
			// An illegal character is passed over; the line is read on, but will not run.
			m.c.Errorf("%s %d: illegal character: %s\n", m.where(p.src), p.src.line, visible(lex.bad))
			if _, _, err = p.gnuLine(); err == nil {
				err = errSkip
			}
		}
		var syntax *parseError
		switch {
		case err == nil:
		case err == io.EOF, err == errQuit:
			return err
		case err == errSkip:
			if p.tok.kind == tokEOF {
				return nil
			}
			continue
		case errors.As(err, &syntax):
			what := syntax.gnu
			if what == "" {
				what = "syntax error"
			}
			m.c.Errorf("%s %d: %s\n", m.where(p.src), p.src.line, what)
			eof := p.tok.kind == tokEOF
			p.dropLine()
			p.depth, p.loops, p.fn, p.cond = 0, 0, nil, false
			if eof {
				return nil
			}
			continue
		default:
			m.c.Errorf("%v\n", err)
			return err
		}
		if f != nil {
			m.funcs[f.name] = f
		}
		for _, n := range list {
			if _, err := m.exec(n); err == errHalt {
				return err
			} else if err != nil {
				fault := &runError{}
				if !errors.As(err, &fault) {
					m.c.Errorf("%v\n", err)
					return err
				}
				m.c.Errorf("Runtime error (func=%s, adr=%d): %s\n", fault.fn, fault.adr, fault.msg)
				break
			}
		}
		if p.tok.kind == tokEOF {
			return nil
		}
	}
}

var errSkip = errors.New("skip")

// gnuLine reads a line: statements between semicolons, or a function.
func (p *parser) gnuLine() (list []*node, f *function, err error) {
	p.pc = 0
	if err := p.next(); err != nil {
		return nil, nil, err
	}
	for {
		switch {
		case p.tok.is(";"):
			if err := p.next(); err != nil {
				return nil, nil, err
			}
			continue
		case p.tok.kind == tokNewline, p.tok.kind == tokEOF:
			return list, f, nil
		case p.tok.keyword("define"):
			if f, err = p.define(); err != nil {
				return nil, nil, err
			}
		default:
			n, err := p.statement()
			if err != nil {
				return nil, nil, err
			}
			list = append(list, n)
		}
		if !p.tok.is(";") && p.tok.kind != tokNewline && p.tok.kind != tokEOF {
			return nil, nil, p.badToken()
		}
	}
}

// visible is a character as GNU's bc shows one that it does not know.
func visible(b byte) string {
	switch {
	case b < ' ':
		return "^" + string(rune(b+'@'))
	case b > '~':
		return fmt.Sprintf("\\%03o", b)
	}
	return string(rune(b))
}

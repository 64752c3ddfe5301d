package sh

import (
	"errors"
	"io"

	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/userland/sh/grammar"
)

// Session is a shell whose lines come from outside: a prompt that edits and completes for itself.
// Its methods are called inside the process that it was made in, one at a time.
type Session struct{ s *shell }

// NewSession starts an interactive shell of the dialect in process p: it reads the start-up files,
// and takes the terminal if there is one on standard error.
func NewSession(p *kernel.Proc, d Dialect) *Session {
	s := newShell(p, d)
	s.protect(func() int { s.startInteractive(false, false, false, ""); return 0 })
	return &Session{s}
}

// Run runs one or more lines. exited says that the shell ended, by exit or the like: Close is next.
// An incomplete command is a syntax error; ask NeedMore first.
func (x *Session) Run(line string) (status int, exited bool) {
	s := x.s
	defer func() {
		switch v := recover().(type) {
		case nil:
		case exit:
			status, exited = v.status, true
		default:
			panic(v)
		}
	}()
	s.atPrompt(func() {
		text, changed, wrong := s.expandHistory(line)
		if wrong != "" {
			s.plainf("%s", wrong)
			return
		}
		if changed {
			io.WriteString(s.p.Writer(2), text+"\n")
		}
		s.addHistory(text)
		s.promptCommand()
		p := s.textParser(text)
		s.runParser(p, false, nil)
	}, func() {})
	s.flow = flowNone
	s.notify()
	return s.status, false
}

// NeedMore says whether text is the beginning of a command that goes on on the next line.
func (x *Session) NeedMore(text string) bool {
	p := x.s.textParser(text)
	more := false
	p.Warn = func(int, string) { more = true } // a here-document without its end
	for {
		_, err := p.Next()
		if err == nil {
			continue
		}
		var e *grammar.Error
		return more || errors.As(err, &e) && e.EOF
	}
}

// Prompt is what PS1 says now; of a continuation line, PS2. "\[" and "\]" are taken out.
func (x *Session) Prompt(continued bool) string { return clean(x.s.prompt(continued)) }

// Complete gives what the word at the end of text may go on to.
func (x *Session) Complete(text string) Completion { return x.s.completions(text) }

// History is the lines of this and former sessions, the oldest first.
func (x *Session) History() []string { return x.s.history }

// Dir is the working directory as the shell names it.
func (x *Session) Dir() string { return x.s.cwd }

// Close runs what the shell runs at its end, and gives its exit status.
func (x *Session) Close(status int) int {
	return x.s.protect(func() int { return x.s.leave(status) })
}

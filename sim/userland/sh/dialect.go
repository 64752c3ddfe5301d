package sh

import (
	"fmt"
	"io"
	"strings"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/sh/grammar"
)

// say writes one line of an error, with the prefix that the dialect gives it.
func (s *shell) say(text string) { s.sayAt(s.line, text, false) }

func (s *shell) sayAt(line int, text string, syntax bool) {
	var b strings.Builder
	switch s.d {
	case Bash:
		b.WriteString(s.bashName(syntax))
		b.WriteString(": ")
		if syntax && s.cString && s.depth == 0 {
			b.WriteString("-c: ")
		}
		if !s.prompted || s.depth > 0 && syntax {
			fmt.Fprintf(&b, "line %d: ", line)
		}
		if s.command != "" && !syntax {
			b.WriteString(s.command + ": ")
		}
	case Dash:
		fmt.Fprintf(&b, "%s: %d: ", s.arg0, line)
		if s.command != "" && s.command != s.arg0 {
			b.WriteString(s.command + ": ")
		}
	default:
		b.WriteString(s.arg0 + ": ")
		if s.command != "" {
			if s.command != s.arg0 {
				b.WriteString(s.command + ": ")
			}
			if !s.prompted || s.depth > 0 {
				fmt.Fprintf(&b, "line %d: ", line)
			}
		}
	}
	b.WriteString(text)
	b.WriteByte('\n')
	io.WriteString(s.p.Writer(2), b.String())
}

// bashName is who speaks in bash's errors: the script, or where the running function was defined.
func (s *shell) bashName(syntax bool) string {
	if syntax && s.command != "" && s.depth > 0 {
		return s.arg0 + ": " + s.command
	}
	if n := len(s.calls); n > 0 && s.calls[n-1].source != "" {
		return s.calls[n-1].source
	}
	return s.arg0
}

// errorf says an error of the shell or of the builtin that runs.
func (s *shell) errorf(format string, a ...any) { s.say(fmt.Sprintf(format, a...)) }

// plainf says an error that names no builtin.
func (s *shell) plainf(format string, a ...any) {
	save := s.command
	s.command = s.scriptName()
	s.say(fmt.Sprintf(format, a...))
	s.command = save
}

// scriptName is what ash's errors outside of builtins name: the script's file.
func (s *shell) scriptName() string {
	if s.d == Bash || s.d == Dash && s.sourced == 0 {
		return ""
	}
	if s.input != nil {
		return s.input.name
	}
	return ""
}

// appletf says an error as a busybox program does that is built into ash.
func (s *shell) appletf(format string, a ...any) {
	fmt.Fprintf(s.p.Writer(2), "%s: %s\n", s.applet, fmt.Sprintf(format, a...))
}

func (s *shell) warn(line int, text string) {
	if s.d == Bash {
		fmt.Fprintf(s.p.Writer(2), "%s: line %d: warning: %s\n", s.bashName(false), line, text)
	}
}

// fatal is an error in an expansion: it ends ash and dash with status 2; bash drops the command.
func (s *shell) fatal(format string, a ...any) {
	s.plainf(format, a...)
	if s.d == Bash {
		panic(discard{1})
	}
	panic(discard{2})
}

// choose gives the words of the dialect.
func (s *shell) choose(ash, dash, bash string) string {
	switch s.d {
	case Ash:
		return ash
	case Dash:
		return dash
	}
	return bash
}

// cannotOpen is what a failed redirection says of its file.
func (s *shell) cannotOpen(name string, create bool, err error) string {
	if s.d == Bash {
		return name + ": " + errnoText(err)
	}
	text := errnoText(err)
	switch none := err == linux.ENOENT || err == linux.ENOTDIR; {
	case none && create:
		text = s.choose("nonexistent directory", "Directory nonexistent", "")
	case none:
		text = s.choose("no such file", "No such file", "")
	}
	verb := "open"
	if create {
		verb = "create"
	}
	return s.choose("can't ", "cannot ", "") + verb + " " + name + ": " + text
}

// notFound is what is said of a command that there is not.
func (s *shell) notFound(name string) string {
	if s.d == Bash {
		return name + ": command not found"
	}
	return name + ": not found"
}

// signalText is what a shell says of a job that a signal ended.
func signalText(sig linux.Signal, core bool) string {
	text := sig.String()
	if core {
		text += " (core dumped)"
	}
	return text
}

func isSpecial(d Dialect, name string) bool {
	switch name {
	case ".", ":", "break", "continue", "eval", "exec", "exit", "export", "readonly", "return", "set", "shift", "trap", "unset", "times":
		return true
	case "local":
		return d != Bash
	case "source":
		return d == Ash
	}
	return false
}

var _ = grammar.MaxDepth

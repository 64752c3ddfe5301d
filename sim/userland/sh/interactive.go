package sh

import (
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/linux"
)

// LineReader reads one line of input for an interactive shell, without its newline. It is called
// in the shell's process, with the prompt that is to be shown. Any error ends the input.
type LineReader func(p *kernel.Proc, prompt string) (string, error)

// Interactive is a shell whose lines come from its caller: a prompt with an editor that the lab
// knows nothing of. Apart from that it is the shell that a terminal gets.
func Interactive(d Dialect, read LineReader) kernel.Program {
	return func(p *kernel.Proc) int {
		s := newShell(p, d)
		s.lineFrom = read
		return s.process(func() int {
			s.startInteractive(false, false, false, "")
			return s.interact()
		})
	}
}

// startInteractive makes the shell an interactive one: signals, job control, start-up files, history.
func (s *shell) startInteractive(login, noprofile, norc bool, rcfile string) {
	s.interactive, s.prompted = true, true
	s.p.Signal(linux.SIGINT, kernel.Catch)
	s.p.Signal(linux.SIGTERM, kernel.Ignore)
	s.p.Signal(linux.SIGQUIT, kernel.Ignore)
	for _, fd := range []int{2, 0, 1} {
		if s.p.Isatty(fd) {
			if tty, err := s.p.Dup(fd, 10); err == nil {
				s.p.Cloexec(tty, true)
				s.ttyFd = tty
			}
			break
		}
	}
	if s.ttyFd >= 0 {
		s.setMonitor(true)
	}
	if s.d == Bash {
		s.opt.shopt["expand_aliases"] = true
		s.opt.letters['H'] = true
		s.opt.named["history"], s.opt.named["emacs"] = true, true
		s.setDefault("PS1", `\s-\v\$ `)
		s.setDefault("PS2", "> ")
		s.setDefault("HISTSIZE", "500")
		s.setDefault("HISTFILESIZE", "500")
		s.setDefault("HISTFILE", s.value("HOME")+"/.bash_history")
	}
	s.protectStartup(func() {
		switch {
		case login:
			s.loginFiles(noprofile)
		case s.d == Bash && !norc:
			if rcfile == "" {
				s.sourceQuietly("/etc/bash.bashrc")
				rcfile = s.value("HOME") + "/.bashrc"
			}
			s.sourceQuietly(rcfile)
		}
		if env, ok := s.get("ENV"); ok && s.d != Bash && env != "" {
			s.sourceQuietly(s.promptExpand(env))
		}
	})
	s.loadHistory()
}

func (s *shell) setDefault(name, value string) {
	if v := s.vars[name]; v == nil || !v.set {
		s.assign(name, value)
	}
}

// protectStartup runs start-up files, an error in which ends no shell.
func (s *shell) protectStartup(f func()) {
	defer func() {
		switch v := recover().(type) {
		case nil:
		case discard:
			s.status = v.status
		default:
			panic(v)
		}
	}()
	f()
	s.flow = flowNone
}

// setMonitor switches job control.
func (s *shell) setMonitor(on bool) {
	s.opt.letters['m'] = on
	if !on {
		return
	}
	for _, sig := range []linux.Signal{linux.SIGTSTP, linux.SIGTTIN, linux.SIGTTOU} {
		if _, trapped := s.traps.actions[int(sig)]; !trapped && s.ttyFd >= 0 {
			s.p.Signal(sig, kernel.Ignore)
		}
	}
	if s.ttyFd >= 0 {
		s.p.Setpgid(0, 0)
		s.p.Tcsetpgrp(s.ttyFd, s.p.Pgid())
	}
}

// interact reads and runs commands until the end of the input.
func (s *shell) interact() int {
	var entry []string // the lines of the command that is typed
	p := s.newParser(nil)
	second := false
	p.More = func() (string, bool) {
		s.runPendingTraps()
		if !second {
			s.notify()
			s.promptCommand()
		}
		line, ok := s.promptLine(second)
		if ok {
			entry = append(entry, strings.TrimSuffix(line, "\n"))
			second = true
		}
		return line, ok
	}
	p.Line = 1
	s.current = p
	warned := false
	for {
		second, entry = false, nil
		done := false
		s.atPrompt(func() {
			cmd, err := p.Next()
			if len(entry) > 0 {
				s.addHistory(strings.Join(entry, "\n"))
			}
			if err == io.EOF {
				done = true
				return
			}
			second = false
			if err != nil {
				s.syntaxError(p, err)
				return
			}
			if cmd != nil && !s.set('n') {
				s.line = p.Line - 1
				p.Extglob = s.opt.shopt["extglob"]
				s.runTop(cmd, false)
				s.flow = flowNone
				p.Extglob = s.opt.shopt["extglob"]
			}
		}, p.Discard)
		if !done {
			continue
		}
		if s.anyStopped() && !warned {
			warned = true
			fmt.Fprintln(s.p.Writer(2), s.choose("You have stopped jobs.", "You have stopped jobs.", "There are stopped jobs."))
			p = p.Again()
			s.current = p
			continue
		}
		if s.d == Bash {
			if s.loginShell {
				io.WriteString(s.p.Writer(2), "logout\n")
			} else {
				io.WriteString(s.p.Writer(2), "exit\n")
			}
		} else {
			io.WriteString(s.p.Writer(2), "\n")
		}
		return s.status
	}
}

func (s *shell) anyStopped() bool {
	for _, j := range s.jobs.jobs {
		if j.stopped && !j.done {
			return true
		}
	}
	return false
}

// atPrompt runs f; an interrupt in it makes after run, and the prompt come again.
func (s *shell) atPrompt(f, after func()) {
	depth, quiet := s.depth, s.quiet
	defer func() {
		switch v := recover().(type) {
		case nil:
		case discard:
			s.status = v.status
			s.depth, s.quiet, s.flow, s.loops = depth, quiet, flowNone, 0
			after()
		default:
			panic(v)
		}
	}()
	f()
}

// promptCommand runs what bash runs before each prompt.
func (s *shell) promptCommand() {
	if s.d != Bash {
		return
	}
	values, _ := s.elements("PROMPT_COMMAND")
	for _, text := range values {
		if text == "" {
			continue
		}
		status := s.status
		s.runText(text, 1, "")
		s.status = status
	}
}

// prompt is the text of a prompt.
func (s *shell) prompt(second bool) string {
	name := "PS1"
	if second {
		name = "PS2"
	}
	text, _ := s.get(name)
	if s.d == Ash {
		// backslashes are the editor's business, and not quotes
		return s.promptText(s.promptExpand(strings.ReplaceAll(text, `\`, `\\`)))
	}
	return s.promptExpand(text)
}

// promptLine asks for one line of input.
func (s *shell) promptLine(second bool) (string, bool) {
	prompt := s.prompt(second)
	if s.lineFrom != nil {
		return s.callerLine(prompt)
	}
	if !s.p.Isatty(0) || s.d == Dash {
		// dash has no line editing: the terminal does what there is
		io.WriteString(s.p.Writer(2), prompt)
		return s.plainLine()
	}
	if s.term == nil {
		s.term = &editor{s: s}
	}
	return s.term.line(prompt)
}

// callerLine asks the caller of Interactive for a line.
func (s *shell) callerLine(prompt string) (string, bool) {
	s.takeTerminal()
	line, err := s.lineFrom(s.p, clean(prompt))
	if err != nil {
		return "", false
	}
	text, changed, wrong := s.expandHistory(line)
	if wrong != "" {
		s.plainf("%s", wrong)
		panic(discard{s.status})
	}
	if changed {
		io.WriteString(s.p.Writer(2), text+"\n")
	}
	return text + "\n", true
}

// plainLine reads a line as the terminal gives it.
func (s *shell) plainLine() (string, bool) {
	var out []byte
	var b [1]byte
	for {
		n, err := s.p.Read(0, b[:])
		if err == linux.EINTR {
			if sig, ok := s.p.TakeSignal(); ok {
				if sig == linux.SIGINT && s.traps.actions[int(sig)] == "" {
					io.WriteString(s.p.Writer(2), "\n")
					panic(discard{130})
				}
				s.traps.pending = append(s.traps.pending, sig)
				s.runPendingTraps()
			}
			continue
		}
		if n <= 0 || err != nil {
			return string(out), len(out) > 0
		}
		out = append(out, b[0])
		if b[0] == '\n' || len(out) > maxText {
			return string(out), true
		}
	}
}

// promptText expands the backslash escapes of a prompt. "\[" and "\]" become the bytes 1 and 2,
// which the editor takes out again.
func (s *shell) promptText(text string) string {
	if strings.IndexByte(text, '\\') < 0 {
		return text
	}
	now := s.p.Now().UTC()
	host := s.p.Uname().Nodename
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' || i+1 == len(text) {
			b.WriteByte(text[i])
			continue
		}
		i++
		switch c := text[i]; c {
		case 'a':
			b.WriteByte(7)
		case 'd':
			b.WriteString(now.Format("Mon Jan 02"))
		case 'D':
			if i+1 < len(text) && text[i+1] == '{' {
				if end := strings.IndexByte(text[i:], '}'); end > 0 {
					f := text[i+2 : i+end]
					if f == "" {
						f = "%X"
					}
					b.WriteString(s.strftime(f, now))
					i += end
				}
			}
		case 'e', 'E':
			b.WriteByte(27)
		case 'h':
			short, _, _ := strings.Cut(host, ".")
			b.WriteString(short)
		case 'H':
			b.WriteString(host)
		case 'j':
			b.WriteString(strconv.Itoa(len(s.jobs.jobs)))
		case 'l':
			b.WriteString(path.Base(s.p.Ttyname(0)))
		case 'n':
			b.WriteByte('\n')
		case 'r':
			b.WriteByte('\r')
		case 's':
			b.WriteString(strings.TrimPrefix(path.Base(s.arg0), "-"))
		case 't':
			b.WriteString(now.Format("15:04:05"))
		case 'T':
			b.WriteString(now.Format("03:04:05"))
		case '@':
			b.WriteString(now.Format("03:04 PM"))
		case 'A':
			b.WriteString(now.Format("15:04"))
		case 'u':
			uid := strconv.Itoa(int(s.p.Cred().UID))
			name, ok := s.passwdField(func(f []string) bool { return f[2] == uid }, 0)
			if !ok {
				name = "I have no name!"
				if s.d == Ash {
					name = "?"
				}
			}
			b.WriteString(name)
		case 'v':
			b.WriteString("5.2")
		case 'V':
			b.WriteString("5.2.15")
		case 'w', 'W':
			dir := s.cwd
			if home := s.value("HOME"); home != "" && home != "/" && (dir == home || strings.HasPrefix(dir, home+"/")) {
				dir = "~" + dir[len(home):]
			}
			if c == 'W' && dir != "~" && dir != "/" {
				dir = path.Base(dir)
			}
			b.WriteString(dir)
		case '!':
			b.WriteString(strconv.Itoa(len(s.history) + 1))
		case '#':
			b.WriteString(strconv.Itoa(len(s.history) - s.histLoaded + 1))
		case '$':
			if s.p.Cred().UID == 0 {
				b.WriteByte('#')
			} else if s.d == Bash {
				b.WriteString(`\$`)
			} else {
				b.WriteByte('$')
			}
		case '[':
			b.WriteByte(1)
		case ']':
			b.WriteByte(2)
		case '\\':
			b.WriteByte('\\')
			if s.d == Bash {
				b.WriteByte('\\')
			}
		case '0', '1', '2', '3', '4', '5', '6', '7':
			n, k := 0, i
			for k < len(text) && k < i+3 && text[k] >= '0' && text[k] <= '7' {
				n = n*8 + int(text[k]-'0')
				k++
			}
			b.WriteByte(byte(n))
			i = k - 1
		default:
			b.WriteByte('\\')
			b.WriteByte(c)
		}
	}
	return b.String()
}

package sh

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/linux"
)

// LineReader reads one line of input for an interactive shell, without its newline. It is called
// in the shell's process, with the prompt that is to be shown. Any error ends the input.
type LineReader func(p *kernel.Proc, prompt string) (string, error)

// Interactive is a shell whose commands come from a reader of lines that its caller has: a prompt
// with an editor that the lab knows nothing of. It does what an interactive shell does: errors end
// no more than a line, jobs are controlled, ^C comes back to the prompt.
func Interactive(d Dialect, read LineReader) kernel.Program {
	return func(p *kernel.Proc) int {
		s := newShell(p, d)
		return s.process(func() int {
			s.startInteractive(false, false, false, "")
			return s.promptLoop(read)
		})
	}
}

// startInteractive makes the shell interactive, and runs what an interactive one begins with.
func (s *shell) startInteractive(login, noprofile, norc bool, rcfile string) {
	s.beginPrompt()
	switch {
	case login:
		s.loginFiles(noprofile)
	case norc:
	case rcfile != "":
		s.sourceQuietly(rcfile)
	case s.d == Bash:
		s.sourceQuietly("/etc/bash.bashrc") // Debian's bash reads it before the user's own
		s.sourceQuietly(s.value("HOME") + "/.bashrc")
	default:
		if env, ok := s.get("ENV"); ok && env != "" {
			s.sourceQuietly(s.promptExpand(env))
		}
	}
	s.loadHistory()
}

// interact is the life of a shell at a terminal.
func (s *shell) interact() int { return s.promptLoop(s.ttyLine) }

// maxTTYLine is the longest line that is read from a terminal.
const maxTTYLine = 64 << 10

// ttyLine shows the prompt and reads a line as the terminal hands it over.
func (s *shell) ttyLine(p *kernel.Proc, prompt string) (string, error) {
	_, _ = io.WriteString(p.Writer(2), prompt)
	var line []byte
	buf := make([]byte, 4096)
	for len(line) < maxTTYLine {
		n, err := p.Read(0, buf)
		if err == linux.EINTR {
			if _, hit := s.interruptedBy(); hit {
				_, _ = io.WriteString(p.Writer(2), "\n")
				panic(discard{130})
			}
			s.runPendingTraps()
			continue
		}
		if err != nil {
			return "", err
		}
		if n == 0 {
			if len(line) > 0 {
				break
			}
			return "", io.EOF
		}
		line = append(line, buf[:n]...)
		if line[len(line)-1] == '\n' {
			break
		}
	}
	return strings.TrimSuffix(string(line), "\n"), nil
}

// setMonitor switches job control, of which the option is all that there is to switch.
func (s *shell) setMonitor(on bool) { s.opt.letters['m'] = on }

// beginPrompt makes the shell interactive.
func (s *shell) beginPrompt() {
	s.interactive = true
	for _, letter := range []byte("im") {
		s.opt.letters[letter] = true
	}
	s.syncNamed()
	s.opt.shopt["expand_aliases"] = true
	for _, v := range [][2]string{{"PS1", `\s-\v\$ `}, {"PS2", "> "}} {
		if _, ok := s.get(v[0]); !ok {
			s.vars[v[0]] = &variable{set: true, value: v[1], gen: s.gen}
		}
	}
	if s.p.Isatty(0) {
		s.ttyFd = 0
		if fd, err := s.p.Dup(0, 255); err == nil {
			_ = s.p.Cloexec(fd, true)
			s.ttyFd = fd
		}
	}
	s.p.Signal(linux.SIGINT, kernel.Catch)
	for _, sig := range []linux.Signal{linux.SIGTERM, linux.SIGQUIT, linux.SIGTSTP, linux.SIGTTIN, linux.SIGTTOU} {
		s.p.Signal(sig, kernel.Ignore)
	}
}

// promptLoop reads commands and runs them until the input ends.
func (s *shell) promptLoop(read LineReader) int {
	ended := false
	begun := false // a command has been begun that more lines belong to
	p := s.newParser(nil)
	p.More = func() (string, bool) {
		name := "PS1"
		if begun {
			name = "PS2"
		} else {
			s.notify()
		}
		s.takeTerminal()
		line, err := read(s.p, s.prompt(name))
		if err != nil {
			if !begun && s.d == Bash {
				_, _ = io.WriteString(s.p.Writer(2), "exit\n")
			}
			ended = true
			return "", false
		}
		if !begun && strings.TrimSpace(line) != "" {
			s.remember(line)
		}
		begun = true
		return line + "\n", true
	}
	s.current = p
	for {
		begun = false
		again := s.attempt(func() {
			s.runPendingTraps()
			cmd, err := p.Next()
			switch {
			case errors.Is(err, io.EOF):
				panic(exit{s.status})
			case err != nil:
				s.syntaxError(p, err)
			case cmd != nil:
				s.runTop(cmd, false)
			}
			s.flow = flowNone
		})
		if !again || ended {
			return s.status
		}
	}
}

// attempt runs f; an error that drops the rest of a line ends no more than f. It is false where the
// shell is to end.
func (s *shell) attempt(f func()) (again bool) {
	defer func() {
		switch v := recover().(type) {
		case nil:
		case discard:
			s.status, again = v.status, true
			s.depth, s.quiet, s.loops, s.flow = 0, 0, 0, flowNone
		case exit:
			s.status, again = v.status, false
		default:
			panic(v)
		}
	}()
	f()
	return true
}

// maxHistory is how many lines a history holds.
const maxHistory = 500

func (s *shell) remember(line string) {
	if s.d != Bash || len(line) > maxTTYLine {
		return
	}
	s.history = append(s.history, line)
	if extra := len(s.history) - maxHistory; extra > 0 {
		s.history = s.history[extra:]
		s.histLoaded = max(0, s.histLoaded-extra)
	}
}

// historyFile is where bash keeps the history: "" is nowhere.
func (s *shell) historyFile() string {
	if s.d != Bash {
		return ""
	}
	if file, ok := s.get("HISTFILE"); ok {
		return file
	}
	home := s.value("HOME")
	if home == "" {
		return ""
	}
	return strings.TrimSuffix(home, "/") + "/.bash_history"
}

func (s *shell) loadHistory() {
	file := s.historyFile()
	if file == "" {
		return
	}
	b, err := s.p.View().ReadFile(file, maxHistory*1024)
	if err != nil {
		return
	}
	for line := range strings.Lines(string(b)) {
		s.remember(strings.TrimSuffix(line, "\n"))
	}
	s.histLoaded = len(s.history)
}

// saveHistory adds the lines of this session to the history file.
func (s *shell) saveHistory() {
	file := s.historyFile()
	if file == "" || s.histLoaded >= len(s.history) {
		return
	}
	fd, err := s.p.Open(file, linux.O_WRONLY|linux.O_CREAT|linux.O_APPEND|linux.O_CLOEXEC, 0o600)
	if err != nil {
		return
	}
	defer s.p.Close(fd)
	for _, line := range s.history[s.histLoaded:] {
		_, _ = io.WriteString(s.p.Writer(fd), line+"\n")
	}
	s.histLoaded = len(s.history)
}

// historyBuiltin is bash's history, as far as a shell without an editor has it: the list, its last
// N lines, -c to clear it and -w to write it.
func (s *shell) historyBuiltin(a []string) int {
	from := 0
	if len(a) > 0 {
		switch n, err := strconv.Atoi(a[0]); {
		case a[0] == "-c":
			s.history, s.histLoaded = nil, 0
			return 0
		case a[0] == "-w" || a[0] == "-a":
			s.saveHistory()
			return 0
		case err == nil && n >= 0:
			from = max(0, len(s.history)-n)
		default:
			s.errorf("history: %s: numeric argument required", a[0])
			return 1
		}
	}
	for i, line := range s.history[from:] {
		fmt.Fprintf(s.p.Writer(1), "%5d  %s\n", from+i+1, line)
	}
	return 0
}

// fc and compgen are for editing, which this shell leaves to the terminal.
func (s *shell) fc([]string) int {
	s.errorf("fc: no command line editing in the lab's shell")
	return 1
}

func (s *shell) compgen([]string) int {
	s.errorf("compgen: no completion in the lab's shell")
	return 1
}

// editor is what a terminal session would edit lines with.
type editor struct{}

// promptText replaces the escapes of bash and ash in a prompt.
func (s *shell) promptText(text string) string { return s.decodePrompt(text) }

// prompt is the text of a prompt variable, expanded.
func (s *shell) prompt(name string) string {
	status := s.status
	defer func() { s.status = status }()
	text := ""
	s.attempt(func() { text = s.expandPrompt(s.value(name)) })
	return text
}

// expandPrompt expands a prompt; ash's has the escapes too, but promptExpand only does bash's.
func (s *shell) expandPrompt(text string) string {
	if s.d == Ash {
		text = s.decodePrompt(text)
	}
	// What is expanded as a here-document is comes back with the newline of one.
	expanded := s.promptExpand(text)
	if !strings.HasSuffix(text, "\n") {
		expanded = strings.TrimSuffix(expanded, "\n")
	}
	return expanded
}

// decodePrompt replaces bash's backslash escapes. What stands between \[ and \] takes no room on
// the screen, which is for an editor to know, and is kept.
func (s *shell) decodePrompt(text string) string {
	if s.d == Dash || !strings.Contains(text, `\`) {
		return text
	}
	home := s.value("HOME")
	cwd := s.cwd
	if dir, err := s.p.Getwd(); err == nil {
		cwd = dir
	}
	short := cwd
	if home != "" && home != "/" && (cwd == home || strings.HasPrefix(cwd, home+"/")) {
		short = "~" + cwd[len(home):]
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' || i+1 == len(text) {
			b.WriteByte(text[i])
			continue
		}
		i++
		switch text[i] {
		case 'u':
			user := s.value("USER")
			if s.p.Cred().UID == 0 {
				user = "root"
			}
			b.WriteString(user)
		case 'h':
			host, _, _ := strings.Cut(s.p.Uname().Nodename, ".")
			b.WriteString(host)
		case 'H':
			b.WriteString(s.p.Uname().Nodename)
		case 'w':
			b.WriteString(short)
		case 'W':
			if i := strings.LastIndexByte(short, '/'); i >= 0 && short != "/" {
				b.WriteString(short[i+1:])
			} else {
				b.WriteString(short)
			}
		case '$':
			if s.p.Cred().UID == 0 {
				b.WriteByte('#')
			} else {
				b.WriteByte('$')
			}
		case 's':
			b.WriteString(s.applet)
		case 'n':
			b.WriteByte('\n')
		case 'e':
			b.WriteByte(0x1b)
		case 'a':
			b.WriteByte(7)
		case '[', ']':
		case 'v':
			b.WriteString("5.2")
		case 't':
			b.WriteString(s.p.Now().Format("15:04:05"))
		default:
			b.WriteByte('\\')
			b.WriteByte(text[i])
		}
	}
	return b.String()
}

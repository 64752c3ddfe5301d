package sh

import (
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/dockerlab/dockerlab/sim/linux"
)

// main is what a shell does with its arguments.
func (s *shell) main() int {
	args := s.p.Args()
	if len(args) > 0 {
		args = args[1:]
	}
	login := strings.HasPrefix(s.arg0, "-")
	forced, stdin := false, false
	cmdString, noprofile, norc, rcfile := false, false, false, ""
	for len(args) > 0 {
		a := args[0]
		if s.d == Bash && strings.HasPrefix(a, "--") && len(a) > 2 {
			args = args[1:]
			switch a {
			case "--login":
				login = true
			case "--noprofile":
				noprofile = true
			case "--norc":
				norc = true
			case "--rcfile", "--init-file":
				if len(args) > 0 {
					rcfile = args[0]
					args = args[1:]
				}
			case "--posix":
				s.opt.named["posix"] = true
			case "--noediting", "--restricted", "--verbose", "--debugger":
			case "--version":
				io.WriteString(s.p.Writer(1), bashVersion)
				return 0
			case "--help":
				io.WriteString(s.p.Writer(1), bashHelp)
				return 0
			default:
				fmt.Fprintf(s.p.Writer(2), "%s: %s: invalid option\n", s.arg0, a)
				io.WriteString(s.p.Writer(2), bashHelpShort(s.arg0))
				return 2
			}
			continue
		}
		if a == "--" || a == "-" {
			args = args[1:]
			break
		}
		if len(a) < 2 || a[0] != '-' && a[0] != '+' {
			break
		}
		if s.d == Ash && a == "--help" {
			io.WriteString(s.p.Writer(2), "BusyBox v1.35.0 (Debian 1:1.35.0-4+deb12u1+b1) multi-call binary.\n\n"+ashUsage)
			return 0
		}
		args = args[1:]
		on := a[0] == '-'
		for i := 1; i < len(a); i++ {
			switch c := a[i]; {
			case c == 'c' && on:
				cmdString = true
			case c == 'i':
				forced = on
			case c == 's':
				stdin = on
			case c == 'l' && s.d != Dash || c == 'l' && s.d == Dash:
				login = on
			case c == 'o' || c == 'O' && s.d == Bash:
				if len(args) == 0 {
					if c == 'o' {
						s.listOptions(on)
						return 0
					}
					return 0
				}
				name := args[0]
				args = args[1:]
				if c == 'O' {
					if _, ok := s.opt.shopt[name]; !ok {
						fmt.Fprintf(s.p.Writer(2), "%s: line 0: %s: invalid shell option name\n", s.arg0, name)
						return 2
					}
					s.opt.shopt[name] = on
					continue
				}
				if !s.setNamed(name, on) {
					switch s.d {
					case Bash:
						fmt.Fprintf(s.p.Writer(2), "%s: line 0: %s: %s: invalid option name\n", s.arg0, s.arg0, name)
					case Dash:
						fmt.Fprintf(s.p.Writer(2), "%s: 0: Illegal option -o %s\n", s.arg0, name)
					default:
						fmt.Fprintf(s.p.Writer(2), "%s: illegal option -o %s\n", s.arg0, name)
					}
					return 2
				}
			case s.knownFlag(c):
				s.opt.letters[c] = on
				s.syncNamed()
			default:
				switch s.d {
				case Bash:
					fmt.Fprintf(s.p.Writer(2), "%s: %c%c: invalid option\n", s.arg0, a[0], c)
					io.WriteString(s.p.Writer(2), bashHelpShort(s.arg0))
				case Dash:
					fmt.Fprintf(s.p.Writer(2), "%s: 0: Illegal option %c%c\n", s.arg0, a[0], c)
				default:
					fmt.Fprintf(s.p.Writer(2), "%s: illegal option %c%c\n", s.arg0, a[0], c)
				}
				return 2
			}
		}
	}
	s.loginShell = login
	s.opt.shopt["login_shell"] = login && s.d == Bash
	if cmdString {
		if len(args) == 0 {
			switch s.d {
			case Bash:
				fmt.Fprintf(s.p.Writer(2), "%s: -c: option requires an argument\n", s.arg0)
			case Dash:
				fmt.Fprintf(s.p.Writer(2), "%s: 0: -c requires an argument\n", s.arg0)
			default:
				fmt.Fprintf(s.p.Writer(2), "%s: -c requires an argument\n", s.arg0)
			}
			return 2
		}
		text := args[0]
		if len(args) > 1 {
			s.arg0 = args[1]
			s.pos = args[2:]
		}
		s.cString, s.cText = true, text
		if forced {
			s.startInteractive(login, noprofile, norc, rcfile)
		} else if login {
			s.loginFiles(noprofile)
		} else if s.d == Bash {
			s.bashEnv()
		}
		p := s.textParser(text)
		if s.d == Ash {
			p.Line = 0
		}
		s.line = p.Line
		return s.runParser(p, true, &text)
	}
	if len(args) > 0 && !stdin {
		return s.scriptFile(args[0], args[1:], login, noprofile)
	}
	s.pos = args
	s.stdinScript = true
	if forced || s.p.Isatty(0) && s.p.Isatty(2) {
		s.startInteractive(login, noprofile, norc, rcfile)
		return s.interact()
	}
	if login {
		s.loginFiles(noprofile)
	} else if s.d == Bash {
		s.bashEnv()
	}
	s.opt.letters['s'] = true
	p := s.newParser(s.stdinLines())
	return s.runParser(p, false, nil)
}

// scriptFile runs a script.
func (s *shell) scriptFile(name string, args []string, login, noprofile bool) int {
	file := name
	fd, err := s.p.Open(file, linux.O_RDONLY|linux.O_CLOEXEC, 0)
	if err != nil && s.d != Dash && !strings.Contains(name, "/") {
		if full, _, _ := s.find(name); full != "" {
			if f, e := s.p.Open(full, linux.O_RDONLY|linux.O_CLOEXEC, 0); e == nil {
				fd, err, file = f, nil, full
			}
		}
	}
	if err == nil {
		if st, e := s.p.Fstat(fd); e == nil && st.Mode.IsDir() {
			err = linux.EISDIR
		}
	}
	if err != nil {
		switch s.d {
		case Bash:
			by := s.arg0
			if err == linux.EISDIR {
				by = name
			}
			fmt.Fprintf(s.p.Writer(2), "%s: %s: %s\n", by, name, errnoText(err))
			if err == linux.ENOENT {
				return 127
			}
			return 126
		case Dash:
			if err == linux.EISDIR {
				return 0 // it can be opened, and has nothing to read
			}
			fmt.Fprintf(s.p.Writer(2), "%s: 0: cannot open %s: %s\n", s.arg0, name, strings.Replace(errnoText(err), "No such file or directory", "No such file", 1))
			return 2
		}
		fmt.Fprintf(s.p.Writer(2), "%s: can't open '%s': %s\n", s.arg0, name, errnoText(err))
		return 2
	}
	to, derr := s.p.Dup(fd, 10)
	if derr == nil {
		s.p.Close(fd)
		fd = to
		s.p.Cloexec(fd, true)
	}
	if s.d == Bash {
		if head := s.head(file); strings.HasPrefix(head, "\x7fELF") || strings.IndexByte(strings.SplitN(head, "\n", 2)[0], 0) >= 0 {
			fmt.Fprintf(s.p.Writer(2), "%s: %s: cannot execute binary file\n", name, name)
			return 126
		}
	}
	s.arg0 = name
	s.pos = args
	if login {
		s.loginFiles(noprofile)
	} else if s.d == Bash {
		s.bashEnv()
	}
	s.input = &source{name: name, fd: fd}
	s.script = name
	if s.d == Ash {
		s.command = name
	}
	p := s.newParser(s.fileLines(fd))
	return s.runParser(p, false, nil)
}

// fileLines reads a script file in blocks.
func (s *shell) fileLines(fd int) func() (string, bool) {
	var buf []byte
	done := false
	block := make([]byte, 4096)
	return func() (string, bool) {
		for {
			if i := strings.IndexByte(string(buf), '\n'); i >= 0 {
				line := string(buf[:i+1])
				buf = buf[i+1:]
				return line, true
			}
			if done {
				line := string(buf)
				buf = nil
				return line, line != ""
			}
			n, err := s.p.Read(fd, block)
			if err == linux.EINTR {
				s.runPendingTraps()
				continue
			}
			if err != nil || n <= 0 {
				done = true
				continue
			}
			buf = append(buf, block[:n]...)
			if len(buf) > maxText {
				done = true
			}
		}
	}
}

// stdinLines reads a script from standard input: bash takes no more than a line at a time, so that
// the commands of the script can read what follows; ash and dash read blocks.
func (s *shell) stdinLines() func() (string, bool) {
	if s.d != Bash {
		return s.fileLines(0)
	}
	_, err := s.p.Lseek(0, 0, linux.SEEK_CUR)
	if err != nil {
		return func() (string, bool) {
			var out []byte
			var b [1]byte
			for {
				n, err := s.p.Read(0, b[:])
				if err == linux.EINTR {
					s.runPendingTraps()
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
	}
	block := make([]byte, 1024)
	return func() (string, bool) {
		var out []byte
		for {
			n, err := s.p.Read(0, block)
			if err == linux.EINTR {
				s.runPendingTraps()
				continue
			}
			if n <= 0 || err != nil {
				return string(out), len(out) > 0
			}
			if i := strings.IndexByte(string(block[:n]), '\n'); i >= 0 {
				out = append(out, block[:i+1]...)
				s.p.Lseek(0, int64(i+1-n), linux.SEEK_CUR)
				return string(out), true
			}
			out = append(out, block[:n]...)
			if len(out) > maxText {
				return string(out), true
			}
		}
	}
}

// bashEnv runs the file that BASH_ENV names.
func (s *shell) bashEnv() {
	if v, ok := s.get("BASH_ENV"); ok && v != "" {
		s.sourceQuietly(s.promptExpand(v))
	}
}

// loginFiles runs what a login shell begins with.
func (s *shell) loginFiles(noprofile bool) {
	if noprofile {
		return
	}
	s.sourceQuietly("/etc/profile")
	home, _ := s.get("HOME")
	if s.d == Bash {
		for _, name := range []string{"/.bash_profile", "/.bash_login", "/.profile"} {
			if s.p.Access(home+name, linux.R_OK) == nil {
				s.sourceQuietly(home + name)
				return
			}
		}
		return
	}
	s.sourceQuietly(home + "/.profile")
}

// sourceQuietly runs a start-up file if there is one.
func (s *shell) sourceQuietly(file string) {
	fd, err := s.p.Open(file, linux.O_RDONLY|linux.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	s.p.Close(fd)
	s.sourceFile(file, nil)
	s.flow = flowNone
}

// sourceFile runs a file in this shell.
func (s *shell) sourceFile(file string, args []string) int {
	fd, err := s.p.Open(file, linux.O_RDONLY|linux.O_CLOEXEC, 0)
	if err != nil {
		return -1
	}
	if to, err := s.p.Dup(fd, 10); err == nil {
		s.p.Close(fd)
		fd = to
		s.p.Cloexec(fd, true)
	}
	s.enterDepth()
	pos, input, command, loops, cstr := s.pos, s.input, s.command, s.loops, s.cString
	if args != nil {
		s.pos = args
	}
	s.cString = false
	s.input = &source{name: file, fd: fd}
	s.sourced++
	s.calls = append(s.calls, call{line: s.line, source: file})
	n := len(s.calls)
	if s.d != Bash {
		s.command = file
	} else {
		s.command = ""
	}
	line := s.line
	s.guard(func() {
		p := s.newParser(s.fileLines(fd))
		s.status = 0
		s.runParser(p, false, nil)
		if s.flow == flowReturn {
			s.flow = flowNone
		}
		s.returnTrap()
	}, func() {
		s.p.Close(fd)
		s.calls = s.calls[:n-1]
		s.sourced--
		s.depth--
		if args != nil {
			s.pos = pos
		}
		s.input, s.command, s.loops, s.line, s.cString = input, command, loops, line, cstr
	})
	return s.status
}

const ashUsage = `Usage: sh [-il] [-|+Cabefmnuvx] [-|+o OPT]... [-c 'SCRIPT' [ARG0 ARGS] | FILE ARGS | -s ARGS]

Unix shell interpreter
`

const bashVersion = `GNU bash, version 5.2.15(1)-release (x86_64-pc-linux-gnu)
Copyright (C) 2022 Free Software Foundation, Inc.
License GPLv3+: GNU GPL version 3 or later <http://gnu.org/licenses/gpl.html>

This is free software; you are free to change and redistribute it.
There is NO WARRANTY, to the extent permitted by law.
`

func bashHelpShort(name string) string {
	return "Usage:\t" + name + ` [GNU long option] [option] ...
	` + name + ` [GNU long option] [option] script-file ...
GNU long options:
	--debug
	--debugger
	--dump-po-strings
	--dump-strings
	--help
	--init-file
	--login
	--noediting
	--noprofile
	--norc
	--posix
	--pretty-print
	--rcfile
	--restricted
	--verbose
	--version
Shell options:
	-ilrsD or -c command or -O shopt_option		(invocation only)
	-abefhkmnptuvxBCEHPT or -o option
`
}

const bashHelp = "GNU bash, version 5.2.15(1)-release-(x86_64-pc-linux-gnu)\n"

var _ = path.Base

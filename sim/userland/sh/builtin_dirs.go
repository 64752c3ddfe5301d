package sh

import (
	"fmt"
	"strconv"
	"strings"
)

// dirText is a directory as dirs prints it, with ~ for the home directory.
func (s *shell) dirText(dir string, long bool) string {
	home := s.value("HOME")
	if !long && home != "" && home != "/" && (dir == home || strings.HasPrefix(dir, home+"/")) {
		return "~" + dir[len(home):]
	}
	return dir
}

func (s *shell) dirsLine(long bool) string {
	out := []string{s.dirText(s.cwd, long)}
	for _, d := range s.dirs {
		out = append(out, s.dirText(d, long))
	}
	return strings.Join(out, " ")
}

func (s *shell) dirsBuiltin(args []string) int {
	long, perLine, verbose := false, false, false
	for _, a := range args {
		switch a {
		case "-c":
			s.dirs = nil
			return 0
		case "-l":
			long = true
		case "-p":
			perLine = true
		case "-v":
			verbose = true
		default:
			all := append([]string{s.cwd}, s.dirs...)
			i, ok := stackIndex(a, len(all))
			if !ok {
				s.errorf("%s: invalid option", a)
				s.usage("dirs [-clpv] [+N] [-N]")
				return 2
			}
			if i < 0 || i >= len(all) {
				if len(s.dirs) == 0 {
					s.errorf("directory stack empty")
				} else {
					s.errorf("%s: directory stack index out of range", strings.TrimLeft(a, "+-"))
				}
				return 1
			}
			return s.print(s.dirText(all[i], long) + "\n")
		}
	}
	if perLine || verbose {
		var b strings.Builder
		for i, d := range append([]string{s.cwd}, s.dirs...) {
			if verbose {
				fmt.Fprintf(&b, "%2d  ", i)
			}
			b.WriteString(s.dirText(d, long) + "\n")
		}
		return s.print(b.String())
	}
	return s.print(s.dirsLine(long) + "\n")
}

// stackIndex reads +N and -N.
func stackIndex(a string, n int) (int, bool) {
	if len(a) < 2 || a[0] != '+' && a[0] != '-' {
		return 0, false
	}
	v, err := strconv.Atoi(a[1:])
	if err != nil {
		return 0, false
	}
	if a[0] == '-' {
		return n - 1 - v, true
	}
	return v, true
}

func (s *shell) pushd(args []string) int {
	noCd := false
	for len(args) > 0 && (args[0] == "-n" || args[0] == "--") {
		noCd = noCd || args[0] == "-n"
		args = args[1:]
	}
	if len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' && !isNumber(args[0][1:]) {
		s.errorf("%s: invalid number", args[0])
		s.usage("pushd [-n] [+N | -N | dir]")
		return 2
	}
	if len(args) == 0 {
		if len(s.dirs) == 0 {
			s.errorf("no other directory")
			return 1
		}
		to := s.dirs[0]
		old := s.cwd
		if err := s.chdir(to, false); err != nil {
			s.errorf("%s: %s", to, errnoText(err))
			return 1
		}
		s.dirs[0] = old
		return s.print(s.dirsLine(false) + "\n")
	}
	all := append([]string{s.cwd}, s.dirs...)
	if i, ok := stackIndex(args[0], len(all)); ok {
		if i < 0 || i >= len(all) {
			if len(s.dirs) == 0 {
				s.errorf("directory stack empty")
			} else {
				s.errorf("%s: directory stack index out of range", args[0])
			}
			return 1
		}
		all = append(append([]string{}, all[i:]...), all[:i]...)
		if err := s.chdir(all[0], false); err != nil {
			s.errorf("%s: %s", all[0], errnoText(err))
			return 1
		}
		s.dirs = all[1:]
		return s.print(s.dirsLine(false) + "\n")
	}
	old := s.cwd
	if noCd {
		s.dirs = append([]string{args[0]}, s.dirs...)
		return s.print(s.dirsLine(false) + "\n")
	}
	if err := s.chdir(args[0], false); err != nil {
		s.errorf("%s: %s", args[0], errnoText(err))
		return 1
	}
	if len(s.dirs) > 4096 {
		s.errorf("directory stack full")
		return 1
	}
	s.dirs = append([]string{old}, s.dirs...)
	return s.print(s.dirsLine(false) + "\n")
}

func (s *shell) popd(args []string) int {
	if len(s.dirs) == 0 {
		s.errorf("directory stack empty")
		return 1
	}
	if len(args) > 0 {
		if i, ok := stackIndex(args[0], len(s.dirs)+1); ok {
			if i < 0 || i > len(s.dirs) {
				s.errorf("%s: directory stack index out of range", args[0])
				return 1
			}
			if i > 0 {
				s.dirs = append(append([]string{}, s.dirs[:i-1]...), s.dirs[i:]...)
				return s.print(s.dirsLine(false) + "\n")
			}
		} else if args[0] != "-n" {
			s.errorf("%s: invalid argument", args[0])
			s.usage("popd [-n] [+N | -N]")
			return 2
		}
	}
	to := s.dirs[0]
	if err := s.chdir(to, false); err != nil {
		s.errorf("%s: %s", to, errnoText(err))
		return 1
	}
	s.dirs = s.dirs[1:]
	return s.print(s.dirsLine(false) + "\n")
}

package sh

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/linux"
)

// historyFile is where lines are kept between sessions, or "".
func (s *shell) historyFile() string {
	if v, ok := s.get("HISTFILE"); ok || s.d == Bash {
		return v
	}
	if home := s.value("HOME"); home != "" && s.d == Ash {
		return strings.TrimSuffix(home, "/") + "/.ash_history"
	}
	return ""
}

// historySize is how many lines a variable lets be kept.
func (s *shell) historySize(name string) int {
	n, err := strconv.Atoi(s.value(name))
	if err != nil || n < 0 || n > 100000 {
		return 500
	}
	return n
}

func (s *shell) loadHistory() {
	file := s.historyFile()
	if file == "" || s.d == Dash {
		return
	}
	text, err := s.readFile(file)
	if err != nil {
		return
	}
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(line, "\n"); line != "" {
			s.history = append(s.history, line)
		}
	}
	s.trimHistory()
	s.histLoaded = len(s.history)
}

func (s *shell) trimHistory() {
	if n := s.historySize("HISTSIZE"); len(s.history) > n {
		drop := len(s.history) - n
		s.history = s.history[drop:]
		s.histLoaded = max(0, s.histLoaded-drop)
	}
}

// addHistory remembers a command.
func (s *shell) addHistory(text string) {
	if strings.TrimSpace(text) == "" || s.d == Dash || s.d == Bash && !s.opt.named["history"] {
		return
	}
	control := ":" + s.value("HISTCONTROL") + ":"
	if (strings.Contains(control, ":ignorespace:") || strings.Contains(control, ":ignoreboth:")) && strings.HasPrefix(text, " ") {
		return
	}
	dups := strings.Contains(control, ":ignoredups:") || strings.Contains(control, ":ignoreboth:") || s.d == Ash
	if n := len(s.history); dups && n > 0 && s.history[n-1] == text {
		return
	}
	s.charge(len(text))
	s.history = append(s.history, text)
	s.trimHistory()
}

// saveHistory writes the lines of this session down.
func (s *shell) saveHistory() {
	file := s.historyFile()
	if file == "" || s.d == Dash || s.d == Bash && !s.opt.named["history"] || len(s.history) == s.histLoaded && s.d == Bash {
		return
	}
	keep := s.history
	if n := s.historySize("HISTFILESIZE"); len(keep) > n && s.d == Bash {
		keep = keep[len(keep)-n:]
	}
	flags := linux.O_WRONLY | linux.O_CREAT | linux.O_TRUNC
	if s.opt.shopt["histappend"] {
		flags = linux.O_WRONLY | linux.O_CREAT | linux.O_APPEND
		keep = s.history[min(s.histLoaded, len(s.history)):]
	}
	fd, err := s.p.Open(file, flags, 0o600)
	if err != nil {
		return
	}
	s.p.Write(fd, []byte(strings.Join(keep, "\n")+"\n"))
	s.p.Close(fd)
}

func (s *shell) historyBuiltin(args []string) int {
	if len(args) > 0 {
		switch args[0] {
		case "-c":
			s.history, s.histLoaded = nil, 0
			return 0
		case "-w", "-a":
			s.saveHistory()
			return 0
		case "-r":
			s.loadHistory()
			return 0
		case "-s":
			s.history = append(s.history, strings.Join(args[1:], " "))
			return 0
		case "-d":
			if len(args) < 2 {
				s.errorf("-d: option requires an argument")
				return 2
			}
			n, err := strconv.Atoi(args[1])
			if err != nil || n < 1 || n > len(s.history) {
				s.errorf("%s: history position out of range", args[1])
				return 1
			}
			s.history = append(s.history[:n-1], s.history[n:]...)
			return 0
		}
	}
	from := 0
	if len(args) > 0 {
		n, err := strconv.Atoi(args[0])
		if err != nil {
			if strings.HasPrefix(args[0], "-") {
				s.errorf("%s: invalid option", args[0])
				s.usage("history [-c] [-d offset] [n] or history -anrw [filename] or history -ps arg [arg...]")
				return 2
			}
			s.errorf("%s: numeric argument required", args[0])
			return 1
		}
		from = max(0, len(s.history)-n)
	}
	w := s.newOut()
	for i := from; i < len(s.history); i++ {
		if s.d == Ash {
			fmt.Fprintf(w, "%4d %s\n", i, s.history[i])
		} else {
			fmt.Fprintf(w, "%5d  %s\n", i+1, s.history[i])
		}
	}
	return w.done()
}

// fc lists commands; to edit them is not part of the lab.
func (s *shell) fc(args []string) int {
	list, bare := false, false
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		for _, c := range args[0][1:] {
			switch c {
			case 'l':
				list = true
			case 'n':
				bare = true
			}
		}
		args = args[1:]
	}
	if !list {
		s.errorf("editing commands is not part of the lab; use fc -l")
		return 1
	}
	if len(s.history) == 0 {
		return 0
	}
	w := s.newOut()
	for i := max(0, len(s.history)-16); i < len(s.history); i++ {
		if bare {
			fmt.Fprintf(w, "\t %s\n", s.history[i])
		} else {
			fmt.Fprintf(w, "%d\t %s\n", i+1, s.history[i])
		}
	}
	return w.done()
}

// expandHistory is bash's "!": changed says that the line is another now, err what is wrong.
func (s *shell) expandHistory(line string) (text string, changed bool, err string) {
	if s.d != Bash || !s.opt.letters['H'] || strings.IndexByte(line, '!') < 0 {
		return line, false, ""
	}
	var b strings.Builder
	single := false
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case c == '\\' && i+1 < len(line):
			b.WriteString(line[i : i+2])
			i++
			continue
		case c == '\'':
			single = !single
		case c == '!' && !single && i+1 < len(line) && strings.IndexByte(" \t\n=(\"", line[i+1]) < 0:
			rest := line[i+1:]
			n := len(rest)
			for k := range len(rest) {
				if strings.IndexByte(" \t\n;&|<>\"'", rest[k]) >= 0 {
					n = k
					break
				}
			}
			event, used := rest[:n], n
			found := -1
			last := len(s.history) - 1
			switch {
			case event[:1] == "!":
				found, used = last, 1
			case event[:1] == "$":
				used = 1
				if last >= 0 {
					words := strings.Fields(s.history[last])
					if len(words) > 0 {
						b.WriteString(words[len(words)-1])
					}
					changed = true
					i += used
					continue
				}
			default:
				if num, e := strconv.Atoi(event); e == nil {
					if num < 0 {
						found = len(s.history) + num
					} else {
						found = num - 1
					}
				} else {
					for k := last; k >= 0; k-- {
						if strings.HasPrefix(s.history[k], event) || event[0] == '?' && strings.Contains(s.history[k], strings.Trim(event, "?")) {
							found = k
							break
						}
					}
				}
			}
			if found < 0 || found > last {
				return line, false, "!" + event + ": event not found"
			}
			b.WriteString(s.history[found])
			changed = true
			i += used
			continue
		}
		b.WriteByte(c)
	}
	return b.String(), changed, ""
}

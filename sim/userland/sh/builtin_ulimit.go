package sh

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/kernel"
)

// limit is a resource of ulimit.
type limit struct {
	flag     byte
	resource int   // RLIMIT_ number; -1: the shell's own
	unit     int64 // bytes or whatever one of the shown numbers is
	ash      string
	dash     string
	bash     string // with its unit
}

var limits = []limit{
	{'R', 15, 1, "", "", "real-time non-blocking time  (microseconds, -R)"},
	{'c', 4, 512, "core file size (blocks)         (-c)", "coredump(blocks)", "core file size              (blocks, -c)"},
	{'d', 2, 1024, "data seg size (kb)              (-d)", "data(kbytes)", "data seg size               (kbytes, -d)"},
	{'e', 13, 1, "scheduling priority             (-e)", "", "scheduling priority                 (-e)"},
	{'f', 1, 512, "file size (blocks)              (-f)", "file(blocks)", "file size                   (blocks, -f)"},
	{'i', 11, 1, "pending signals                 (-i)", "", "pending signals                     (-i)"},
	{'l', 8, 1024, "max locked memory (kb)          (-l)", "locked memory(kbytes)", "max locked memory           (kbytes, -l)"},
	{'m', 5, 1024, "max memory size (kb)            (-m)", "memory(kbytes)", "max memory size             (kbytes, -m)"},
	{'n', 7, 1, "open files                      (-n)", "nofiles", "open files                          (-n)"},
	{'p', -1, 512, "", "", "pipe size                (512 bytes, -p)"},
	{'q', 12, 1, "POSIX message queues (bytes)    (-q)", "", "POSIX message queues         (bytes, -q)"},
	{'r', 14, 1, "real-time priority              (-r)", "rtprio", "real-time priority                  (-r)"},
	{'s', 3, 1024, "stack size (kb)                 (-s)", "stack(kbytes)", "stack size                  (kbytes, -s)"},
	{'t', 0, 1, "cpu time (seconds)              (-t)", "time(seconds)", "cpu time                   (seconds, -t)"},
	{'u', 6, 1, "max user processes              (-u)", "process", "max user processes                  (-u)"},
	{'v', 9, 1024, "virtual memory (kb)             (-v)", "vmemory(kbytes)", "virtual memory              (kbytes, -v)"},
	{'x', 10, 1, "file locks                      (-x)", "locks", "file locks                          (-x)"},
}

const infinity = ^uint64(0)

func (l limit) name(d Dialect) string {
	switch d {
	case Ash:
		return l.ash
	case Dash:
		return l.dash
	}
	return l.bash
}

// limitFlag finds the resource of an option letter; dash has its own letters for two.
func (s *shell) limitFlag(c byte) (limit, bool) {
	if s.d == Dash {
		switch c {
		case 'p':
			c = 'u'
		case 'w':
			c = 'x'
		case 'u', 'x', 'e', 'i', 'q', 'R':
			return limit{}, false
		}
	}
	for _, l := range limits {
		if l.flag == c && l.name(s.d) != "" {
			return l, true
		}
	}
	return limit{}, false
}

func (s *shell) ulimit(args []string) int {
	soft, hard, all := true, true, false
	which := limit{}
	found := false
	asked := false
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' {
		a := args[0]
		for i := 1; i < len(a); i++ {
			switch c := a[i]; c {
			case 'S':
				soft = true
				if !asked {
					hard = false
				}
				asked = true
			case 'H':
				hard = true
				if !asked {
					soft = false
				}
				asked = true
			case 'a':
				all = true
			default:
				l, ok := s.limitFlag(c)
				if !ok {
					switch s.d {
					case Bash:
						s.errorf("-%c: invalid option", c)
						s.usage("ulimit [-SHabcdefiklmnpqrstuvxPRT] [limit]")
						return 2
					case Dash:
						s.errorf("Illegal option -%c", c)
						return 2
					}
					fmt.Fprintf(s.p.Writer(2), "ulimit: invalid option -- '%c'\n", c)
					return 1
				}
				which, found = l, true
			}
		}
		args = args[1:]
	}
	get := func(l limit) string {
		if l.resource < 0 {
			return "8"
		}
		r := s.p.Getrlimit(l.resource)
		v := r.Cur
		if hard && !soft {
			v = r.Max
		}
		if v == infinity {
			return "unlimited"
		}
		return strconv.FormatUint(v/uint64(l.unit), 10)
	}
	if all {
		var b strings.Builder
		order := limits
		if s.d == Dash {
			order = nil
			for _, c := range []byte("tfdscmlpnvwr") {
				l, _ := s.limitFlag(c)
				order = append(order, l)
			}
		}
		for _, l := range order {
			switch name := l.name(s.d); {
			case name == "":
			case s.d == Dash:
				fmt.Fprintf(&b, "%-20s %s\n", name, get(l))
			default:
				fmt.Fprintf(&b, "%s %s\n", name, get(l))
			}
		}
		return s.print(b.String())
	}
	if !found {
		which, _ = s.limitFlag('f')
	}
	if len(args) == 0 {
		return s.print(get(which) + "\n")
	}
	if len(args) > 1 && s.d == Dash {
		s.errorf("too many arguments")
		return 2
	}
	var v uint64
	switch args[0] {
	case "unlimited":
		v = infinity
	case "hard", "soft":
		r := s.p.Getrlimit(which.resource)
		v = r.Max
		if args[0] == "soft" {
			v = r.Cur
		}
	default:
		n, err := strconv.ParseUint(args[0], 10, 63)
		if err != nil {
			switch s.d {
			case Bash:
				s.errorf("%s: invalid number", args[0])
				return 1
			case Dash:
				s.errorf("bad number")
				return 2
			}
			s.appletf("invalid number '%s'", args[0])
			return 1
		}
		v = n * uint64(which.unit)
	}
	if which.resource < 0 {
		s.errorf("pipe size: cannot modify limit: Invalid argument")
		return 1
	}
	r := s.p.Getrlimit(which.resource)
	if hard {
		r.Max = v
	}
	if soft {
		r.Cur = v
	}
	if err := s.p.Setrlimit(which.resource, kernel.Rlimit{Cur: r.Cur, Max: r.Max}); err != nil {
		switch s.d {
		case Bash:
			name, _, _ := strings.Cut(which.bash, "  ")
			s.errorf("%s: cannot modify limit: %s", name, errnoText(err))
			return 1
		case Dash:
			s.errorf("error setting limit: %s", errnoText(err))
			return 2
		}
		fmt.Fprintf(s.p.Writer(2), "%s: error setting limit: %s\n", s.p.Comm(), errnoText(err))
		return 1
	}
	return 0
}

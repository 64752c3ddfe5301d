package system

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/posixre"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
	"github.com/dockerlab/dockerlab/sim/userland/userdb"
)

// kill sends a signal to processes.
func kill(c *prog.Ctx) int {
	if !c.GNU() {
		return killBusybox(c)
	}
	args := c.Args
	sig, named := linux.SIGTERM, false
	for len(args) > 0 && strings.HasPrefix(args[0], "-") && len(args[0]) > 1 {
		a := args[0]
		args = args[1:]
		switch {
		case a == "--":
			goto send
		case a == "-h" || a == "--help":
			c.Help()
		case a == "-V" || a == "--version":
			c.Version()
		case a == "-L" || a == "--table":
			signalTable(c)
			return 0
		case a == "-l" || a == "--list":
			if len(args) == 0 {
				width := 0
				for s := linux.SIGHUP; s <= linux.SIGSYS; s++ {
					name := s.Name()
					if s == linux.SIGIO {
						name = "POLL"
					}
					switch {
					case width == 0:
					case width+1+len(name) > 80:
						c.Print("\n")
						width = 0
					default:
						c.Print(" ")
						width++
					}
					c.Print(name)
					width += len(name)
				}
				c.Print("\n")
				return 0
			}
			for _, s := range args {
				convertSignal(c, s)
			}
			return c.Status
		case strings.HasPrefix(a, "-l"), strings.HasPrefix(a, "--list="):
			convertSignal(c, strings.TrimPrefix(strings.TrimPrefix(a, "--list="), "-l"))
			return c.Status
		case a == "-s" || a == "--signal":
			if len(args) == 0 {
				c.Fail("option requires an argument -- 's'")
				killUsage(c)
			}
			a, args, named = "-"+args[0], args[1:], true
			fallthrough
		default:
			name := strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(a, "--signal="), "-s"), "-")
			s, ok := linux.ParseSignal(name)
			switch {
			case ok:
			case named:
				s = -1 // which no kernel takes
			default:
				c.Fail("invalid argument %s", name[:min(1, len(name))])
				killUsage(c)
			}
			sig = s
			goto send
		}
	}
send:
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		killUsage(c)
	}
	for _, a := range args {
		pid, err := strconv.Atoi(a)
		if err != nil {
			c.Die(1, "failed to parse argument: '%s'", a)
		}
		if err := c.Kill(pid, sig); err != nil {
			c.Fail("(%d): %v", pid, err)
		}
	}
	return c.Status
}

func killUsage(c *prog.Ctx) {
	c.Errorf("\nUsage:\n kill [options] <pid> [...]\n\nOptions:\n <pid> [...]            send signal to every <pid> listed\n -<signal>, -s, --signal <signal>\n                        specify the <signal> to be sent\n -q, --queue <value>    integer value to be sent with the signal\n -l, --list=[<signal>]  list all signal names, or convert one to a name\n -L, --table            list all signal names in a nice table\n\n -h, --help     display this help and exit\n -V, --version  output version information and exit\n\nFor more details see kill(1).\n")
	c.Exit(1)
}

func signalTable(c *prog.Ctx) {
	for s := linux.SIGHUP; s <= linux.SIGSYS; s++ {
		if s%7 == 0 || s == linux.SIGSYS {
			c.Printf("%2d %s\n", int(s), s.Name())
		} else {
			c.Printf("%2d %-8s", int(s), s.Name())
		}
	}
}

// convertSignal prints the number of a name, or the name of a number.
func convertSignal(c *prog.Ctx, s string) {
	if n, err := strconv.Atoi(s); err == nil {
		sig := linux.Signal(n)
		if n <= 0 || n > 64 {
			c.Fail("unknown signal name %s", s)
			return
		}
		c.Print(sig.Name(), "\n")
		return
	}
	sig, ok := linux.ParseSignal(s)
	if !ok {
		c.Fail("unknown signal name %s", s)
		return
	}
	c.Print(strconv.Itoa(int(sig)), "\n")
}

func killBusybox(c *prog.Ctx) int {
	args := c.Args
	sig := linux.SIGTERM
	if len(args) > 0 && args[0] == "-l" {
		if len(args) == 1 {
			for s := linux.SIGHUP; s <= linux.SIGRTMAX; s++ {
				if s > linux.SIGSYS && s != linux.SIGRTMIN && s != linux.SIGRTMAX {
					continue
				}
				c.Printf("%2d) %s\n", int(s), s.Name())
			}
			return 0
		}
		for _, a := range args[1:] {
			if n, err := strconv.Atoi(a); err == nil {
				c.Print(linux.Signal(n&0x7f).Name(), "\n")
			} else if s, ok := linux.ParseSignal(a); ok {
				c.Print(strconv.Itoa(int(s)), "\n")
			} else {
				c.Die(1, "unknown signal '%s'", a)
			}
		}
		return 0
	}
	quiet := false
	if len(args) > 0 && strings.HasPrefix(args[0], "-") && args[0] != "--" {
		name := args[0][1:]
		args = args[1:]
		if c.Program == "killall" && name == "q" {
			quiet = true
			name = "TERM"
			if len(args) > 0 && strings.HasPrefix(args[0], "-") {
				name, args = args[0][1:], args[1:]
			}
		}
		if name == "s" {
			if len(args) == 0 {
				c.Usage()
			}
			name, args = args[0], args[1:]
		}
		s, ok := linux.ParseSignal(name)
		if !ok {
			c.Die(1, "bad signal name '%s'", name)
		}
		sig = s
	}
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		c.Die(1, "you need to specify whom to kill")
	}
	if c.Program == "killall" {
		for _, name := range args {
			pids := find(c, name)
			if len(pids) == 0 {
				c.Status = 1
				if !quiet {
					c.Warn("%s: no process killed", name)
				}
			}
			for _, pid := range pids {
				if pid == c.Pid() {
					continue
				}
				if err := c.Kill(pid, sig); err != nil {
					c.Status = 1
					if !quiet {
						c.Warn("can't kill pid %d: %v", pid, err)
					}
				}
			}
		}
		return c.Status
	}
	for _, a := range args {
		pid, err := strconv.Atoi(a)
		if err != nil {
			c.Fail("invalid number '%s'", a)
			continue
		}
		if err := c.Kill(pid, sig); err != nil {
			c.Fail("can't kill pid %d: %v", pid, err)
		}
	}
	return c.Status
}

// find lists the processes that run a program called name.
func find(c *prog.Ctx, name string) []int {
	var pids []int
	for _, p := range procs(c) {
		if p.State == 'Z' {
			continue
		}
		match := p.Comm == name[:min(len(name), 15)]
		if strings.Contains(name, "/") {
			match = p.Exe == name
		} else if !match && len(p.Cmdline) > 0 {
			first := p.Cmdline[0]
			match = first[strings.LastIndexByte(first, '/')+1:] == name
		}
		if match {
			pids = append(pids, p.Pid)
		}
	}
	return pids
}

func killall(c *prog.Ctx) int {
	if !c.GNU() {
		return killBusybox(c)
	}
	sig := linux.SIGTERM
	quiet, verbose, regex, fold, wait := false, false, false, false, false
	user := ""
	// "-9" and "-TERM" are signals.
	var rest []string
	for i, a := range c.Args {
		if a == "--" {
			rest = append(rest, c.Args[i:]...)
			break
		}
		if len(a) > 1 && a[0] == '-' {
			if s, ok := linux.ParseSignal(a[1:]); ok && s != 0 && (len(a) > 2 || a[1] >= '0' && a[1] <= '9') {
				sig = s
				continue
			}
		}
		rest = append(rest, a)
	}
	c.Args = rest
	c.OnUsage = func() { c.Errorf("%s", killallUsage) }
	var tests []func(p *kernel.ProcInfo) bool
	groups, ask := false, false
	for o := range c.Getopt("egy:o:iqs:u:vwVIrln:", []prog.Long{
		{Name: "exact", Val: 'e'}, {Name: "ignore-case", Val: 'I'}, {Name: "process-group", Val: 'g'}, {Name: "interactive", Val: 'i'}, {Name: "list", Val: 'l'},
		{Name: "younger-than", Arg: prog.ReqArg, Val: 'y'}, {Name: "older-than", Arg: prog.ReqArg, Val: 'o'}, {Name: "ns", Arg: prog.ReqArg, Val: 'n'},
		{Name: "quiet", Val: 'q'}, {Name: "regexp", Val: 'r'}, {Name: "signal", Arg: prog.ReqArg, Val: 's'}, {Name: "user", Arg: prog.ReqArg, Val: 'u'}, {Name: "verbose", Val: 'v'}, {Name: "wait", Val: 'w'},
	}) {
		switch o.Val {
		case 'e': // a long name is compared with the whole command line's in any case
		case 'g':
			groups = true
		case 'i':
			ask = true
		case 'y', 'o':
			age, ok := killallAge(o.Arg)
			if !ok {
				c.Errorf("Invalid time format\n")
				c.Usage()
			}
			older := o.Val == 'o'
			tests = append(tests, func(p *kernel.ProcInfo) bool { return (c.Now().Sub(p.Started) > age) == older })
		case 'I':
			fold = true
		case 'l':
			for s := linux.SIGHUP; s <= linux.SIGSYS; s++ {
				c.Print(s.Name())
				if s%16 == 0 || s == linux.SIGSYS {
					c.Print("\n")
				} else {
					c.Print(" ")
				}
			}
			return 0
		case 'n': // all that can be seen here shares the container's namespaces
			if _, err := strconv.Atoi(o.Arg); err != nil {
				c.Errorf("Invalid namespace PID\n")
				c.Usage()
			}
		case 'q':
			quiet = true
		case 'r':
			regex = true
		case 's':
			s, ok := linux.ParseSignal(o.Arg)
			if !ok {
				c.Errorf("%s: unknown signal; killall -l lists signals.\n", o.Arg)
				return 1
			}
			sig = s
		case 'u':
			user = o.Arg
		case 'v':
			verbose = true
		case 'w':
			wait = true
		case 'V':
			c.Version()
		}
	}
	if len(c.Args) == 0 && user == "" {
		c.Usage()
	}
	db := userdb.Load(c)
	var uid uint32
	if user != "" {
		u, ok := db.ParseUser(user)
		if !ok {
			c.Errorf("Cannot find user %s\n", user)
			return 1
		}
		uid = u
	}
	names := c.Args
	if len(names) == 0 {
		names = []string{""}
	}
	var killed []int
	for _, name := range names {
		hit := false
		for _, p := range procs(c) {
			if p.Pid == c.Pid() || p.State == 'Z' || user != "" && p.Cred.UID != uid {
				continue
			}
			comm := p.Comm
			if len(p.Cmdline) > 0 && len(comm) == 15 {
				comm = p.Cmdline[0][strings.LastIndexByte(p.Cmdline[0], '/')+1:]
			}
			switch {
			case name == "":
			case regex:
				re, err := posixre.Compile(name, posixre.Extended)
				if err != nil {
					c.Errorf("killall: Bad regular expression: %s\n", name)
					return 1
				}
				if !re.MatchString(comm) {
					continue
				}
			case strings.Contains(name, "/"):
				if p.Exe != name {
					continue
				}
			case fold:
				if !strings.EqualFold(comm, name) {
					continue
				}
			case comm != name:
				continue
			}
			if slices.ContainsFunc(tests, func(f func(*kernel.ProcInfo) bool) bool { return !f(&p) }) {
				continue
			}
			target := p.Pid
			if groups {
				if target = -p.Pgid; slices.Contains(killed, target) {
					continue
				}
			}
			if ask {
				c.Print("Kill ", p.Comm, "(", strconv.Itoa(p.Pid), ") ? (y/N) ")
				c.Out.Flush()
				if line, _ := c.In.ReadString('\n'); !strings.HasPrefix(strings.ToLower(strings.TrimSpace(line)), "y") {
					continue
				}
			}
			if err := c.Kill(target, sig); err != nil {
				c.Errorf("%s(%d): %v\n", name, p.Pid, err)
				continue
			}
			hit = true
			killed = append(killed, target)
			if verbose {
				c.Errorf("Killed %s(%d) with signal %d\n", name, p.Pid, int(sig))
			}
		}
		if !hit {
			c.Status = 1
			if !quiet {
				c.Errorf("%s: no process found\n", name)
			}
		}
	}
	for wait && slices.ContainsFunc(killed, func(pid int) bool { return c.Kill(pid, 0) == nil }) {
		c.Sleep(time.Second)
	}
	return c.Status
}

// killallAge reads the argument of killall -y and -o: a number and a unit.
func killallAge(s string) (time.Duration, bool) {
	units := map[string]float64{"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "M": 2630016, "y": 31557600}
	if s == "" {
		return 0, false
	}
	unit, ok := units[s[len(s)-1:]]
	n, err := strconv.ParseFloat(s[:len(s)-1], 64)
	if !ok || err != nil || n < 0 || n > 1e6 {
		return 0, false
	}
	return time.Duration(n * unit * float64(time.Second)), true
}

const killallUsage = `Usage: killall [OPTION]... [--] NAME...
       killall -l, --list
       killall -V, --version

  -e,--exact          require exact match for very long names
  -I,--ignore-case    case insensitive process name match
  -g,--process-group  kill process group instead of process
  -y,--younger-than   kill processes younger than TIME
  -o,--older-than     kill processes older than TIME
  -i,--interactive    ask for confirmation before killing
  -l,--list           list all known signal names
  -q,--quiet          don't print complaints
  -r,--regexp         interpret NAME as an extended regular expression
  -s,--signal SIGNAL  send this signal instead of SIGTERM
  -u,--user USER      kill only process(es) running as USER
  -v,--verbose        report if the signal was successfully sent
  -V,--version        display version information
  -w,--wait           wait for processes to die
  -n,--ns PID         match processes that belong to the same namespaces
                      as PID
  -Z,--context REGEXP kill only process(es) having context
                      (must precede other arguments)

`

func pidof(c *prog.Ctx) int {
	single, quiet, sep := false, false, " "
	var omit []string
	short, long := "cnqsxzo:d:S:hV", []prog.Long{{Name: "single-shot", Val: 's'}, {Name: "omit-pid", Arg: prog.ReqArg, Val: 'o'}, {Name: "separator", Arg: prog.ReqArg, Val: 'S'}, {Name: "check-root", Val: 'c'}, {Name: "quiet", Val: 'q'}, {Name: "with-workers", Val: 'w'}}
	if !c.GNU() {
		short, long = "", nil
		if c.Alpine {
			short = "so:"
		}
	}
	scripts := false
	for o := range c.Getopt(short, long) {
		switch o.Val {
		case 's':
			single = true
		case 'q':
			quiet = true
		case 'x':
			scripts = true
		case 'o':
			omit = append(omit, strings.Split(o.Arg, ",")...)
		case 'd', 'S':
			sep = o.Arg
		case 'h':
			c.Help()
		case 'V':
			c.Version()
		}
	}
	var found []string
	all := procs(c)
	slices.Reverse(all)
	for _, name := range c.Args {
		for _, p := range all {
			if p.State == 'Z' {
				continue
			}
			match := false
			if c.GNU() {
				match = p.Exe == name || len(p.Cmdline) > 0 && (p.Cmdline[0] == name || !strings.Contains(name, "/") && strings.TrimPrefix(p.Cmdline[0][strings.LastIndexByte(p.Cmdline[0], '/')+1:], "-") == name)
				if scripts && !match && len(p.Cmdline) > 1 {
					match = p.Cmdline[1][strings.LastIndexByte(p.Cmdline[1], '/')+1:] == name
				}
			} else {
				match = slices.Contains(find(c, name), p.Pid)
			}
			pid := strconv.Itoa(p.Pid)
			if !match || slices.Contains(omit, pid) || slices.Contains(omit, "%PPID") && p.Pid == c.Ppid() {
				continue
			}
			found = append(found, pid)
			if single {
				break
			}
		}
	}
	if len(found) == 0 {
		return 1
	}
	if !quiet {
		c.Print(strings.Join(found, sep), "\n")
	}
	return 0
}

const (
	pgSignal = prog.LongOnly + iota
	pgNS
	pgNSList
)

// pgrep is pgrep and pkill.
func pgrep(c *prog.Ctx) int {
	killing := c.Program == "pkill"
	sig := linux.SIGTERM
	if killing {
		var rest []string
		for _, a := range c.Args {
			if len(a) > 1 && a[0] == '-' {
				if s, ok := linux.ParseSignal(a[1:]); ok && (len(a) > 2 || a[1] >= '0' && a[1] <= '9') {
					sig = s
					continue
				}
			}
			rest = append(rest, a)
		}
		c.Args = rest
	}
	c.UsageStatus = 2
	if !c.GNU() {
		c.UsageStatus = 1
	}
	var full, exact, invert, fold, newest, oldest, listName, listAll, countOnly, echo bool
	locked, havePidfile, narrowing := false, false, 0
	delim := "\n"
	var tests []func(p *kernel.ProcInfo) bool
	db := userdb.Load(c)
	either := func(arg string, test func(item string) func(p *kernel.ProcInfo) bool) {
		var alts []func(p *kernel.ProcInfo) bool
		for _, item := range strings.Split(arg, ",") {
			alts = append(alts, test(item))
		}
		tests = append(tests, func(p *kernel.ProcInfo) bool {
			return slices.ContainsFunc(alts, func(f func(p *kernel.ProcInfo) bool) bool { return f(p) })
		})
	}
	number := func(get func(p *kernel.ProcInfo) int, self int) func(string) func(p *kernel.ProcInfo) bool {
		return func(item string) func(p *kernel.ProcInfo) bool {
			n, err := strconv.Atoi(item)
			if err != nil {
				c.Fail("not a number: %s", item)
				c.Usage()
			}
			if n == 0 {
				n = self
			}
			return func(p *kernel.ProcInfo) bool { return get(p) == n }
		}
	}
	users := func(get func(p *kernel.ProcInfo) uint32) func(string) func(p *kernel.ProcInfo) bool {
		return func(item string) func(p *kernel.ProcInfo) bool {
			uid, ok := db.ParseUser(item)
			if !ok {
				c.Die(2, "invalid user name: %s", item)
			}
			return func(p *kernel.ProcInfo) bool { return get(p) == uid }
		}
	}
	short := "cd:fg:G:ilLnoO:P:r:s:t:u:U:vwxAaF:hV"

	if killing {
		short = "eq:cfg:G:inoO:P:r:s:t:u:U:vxAF:hVL"
	}
	long := []prog.Long{
		{Name: "signal", Arg: prog.ReqArg, Val: pgSignal}, {Name: "count", Val: 'c'}, {Name: "delimiter", Arg: prog.ReqArg, Val: 'd'}, {Name: "full", Val: 'f'}, {Name: "group", Arg: prog.ReqArg, Val: 'G'},
		{Name: "ignore-case", Val: 'i'}, {Name: "list-name", Val: 'l'}, {Name: "list-full", Val: 'a'}, {Name: "newest", Val: 'n'}, {Name: "oldest", Val: 'o'}, {Name: "parent", Arg: prog.ReqArg, Val: 'P'},
		{Name: "pgroup", Arg: prog.ReqArg, Val: 'g'}, {Name: "session", Arg: prog.ReqArg, Val: 's'}, {Name: "terminal", Arg: prog.ReqArg, Val: 't'}, {Name: "euid", Arg: prog.ReqArg, Val: 'u'}, {Name: "uid", Arg: prog.ReqArg, Val: 'U'},
		{Name: "inverse", Val: 'v'}, {Name: "lightweight", Val: 'w'}, {Name: "exact", Val: 'x'}, {Name: "echo", Val: 'e'}, {Name: "runstates", Arg: prog.ReqArg, Val: 'r'},
		{Name: "older", Arg: prog.ReqArg, Val: 'O'}, {Name: "ignore-ancestors", Val: 'A'}, {Name: "pidfile", Arg: prog.ReqArg, Val: 'F'}, {Name: "logpidfile", Val: 'L'}, {Name: "queue", Arg: prog.ReqArg, Val: 'q'},
		{Name: "ns", Arg: prog.ReqArg, Val: pgNS}, {Name: "nslist", Arg: prog.ReqArg, Val: pgNSList},
	}
	if !c.GNU() {
		short, long = "vlafxons:P:", nil
	} else {
		c.UsageIsHelp()
	}
	try := func() {
		if c.GNU() {
			c.OnUsage = func() { c.Errorf("Try `%s --help' for more information.\n", c.Name) }
		}
		c.Usage()
	}
	for o := range c.Getopt(short, long) {
		switch o.Val {
		case 'a':
			listAll = true
		case 'c':
			countOnly = true
		case 'd':
			delim = o.Arg
		case 'e':
			echo = true
		case 'f':
			full = true
		case 'i':
			fold = true
		case 'l':
			listName = true
		case 'n':
			newest = true
		case 'o':
			oldest = true
		case 'v':
			invert = true
		case 'x':
			exact = true
		case 'g':
			either(o.Arg, number(func(p *kernel.ProcInfo) int { return p.Pgid }, c.Pgid()))
		case 'P':
			either(o.Arg, number(func(p *kernel.ProcInfo) int { return p.Ppid }, 0))
		case 's':
			either(o.Arg, number(func(p *kernel.ProcInfo) int { return p.Sid }, c.Sid()))
		case 'u':
			either(o.Arg, users(func(p *kernel.ProcInfo) uint32 { return p.Cred.UID }))
		case 'U':
			either(o.Arg, users(func(p *kernel.ProcInfo) uint32 { return p.Cred.RUID }))
		case 'G':
			either(o.Arg, func(item string) func(p *kernel.ProcInfo) bool {
				gid, ok := db.ParseGroup(item)
				if !ok {
					c.Fail("invalid group name: %s", item)
					c.Usage()
				}
				return func(p *kernel.ProcInfo) bool { return p.Cred.RGID == gid }
			})
		case 't':
			either(o.Arg, func(item string) func(p *kernel.ProcInfo) bool {
				return func(p *kernel.ProcInfo) bool { return p.TTY == item }
			})
		case 'r':
			either(o.Arg, func(item string) func(p *kernel.ProcInfo) bool {
				return func(p *kernel.ProcInfo) bool { return string(p.State) == item }
			})
		case 'O':
			secs, err := strconv.Atoi(o.Arg)
			if err != nil {
				c.Fail("not a number: %s", o.Arg)
				c.Usage()
			}
			tests = append(tests, func(p *kernel.ProcInfo) bool { return c.Now().Sub(p.Started) >= time.Duration(secs)*time.Second })
		case 'A':
			above := map[int]bool{}
			all := procs(c)
			for pid := c.Pid(); pid > 0; {
				above[pid] = true
				i := slices.IndexFunc(all, func(p kernel.ProcInfo) bool { return p.Pid == pid })
				if i < 0 {
					break
				}
				pid = all[i].Ppid
			}
			tests = append(tests, func(p *kernel.ProcInfo) bool { return !above[p.Pid] })
			narrowing++
		case 'w': // a process of the lab has one thread, which has its number
		case 'q': // the value goes to a handler that asks for it, which no program of the lab has
		case 'L':
			locked = true
		case 'F':
			havePidfile = true
			b, err := c.ReadFile(o.Arg)
			pid, err2 := strconv.Atoi(strings.TrimSpace(string(b)))
			if err != nil || err2 != nil {
				c.Fail("pidfile not valid")
				try()
			}
			tests = append(tests, func(p *kernel.ProcInfo) bool { return p.Pid == pid })
		case pgSignal:
			s, ok := linux.ParseSignal(o.Arg)
			if !ok {
				c.Fail("Unknown signal \"%s\".", o.Arg)
				c.Usage()
			}
			sig = s
		case 'h':
			c.Help()
		case 'V':
			c.Version()
		}
	}
	if locked && !havePidfile {
		c.Fail("-L without -F makes no sense")
		try()
	}
	switch {
	case len(c.Args) == 0 && len(tests) == narrowing:
		if c.GNU() {
			c.Fail("no matching criteria specified")
		}
		try()
	case len(c.Args) > 1 && c.GNU():
		c.Fail("only one pattern can be provided")
		try()
	}
	pattern := ""
	if len(c.Args) > 0 {
		pattern = c.Args[0]
		flags := posixre.Extended
		if fold {
			flags |= posixre.IgnoreCase
		}
		if exact {
			flags |= posixre.WholeLine
		}
		re, err := posixre.Compile(pattern, flags)
		if err != nil {
			if c.GNU() {
				c.Fail("regex error: %v", err)
				return 2
			}
			c.Die(1, "bad regex '%s': %v", pattern, err)
		}
		tests = append(tests, func(p *kernel.ProcInfo) bool {
			text := p.Comm
			if full {
				text = strings.Join(p.Cmdline, " ")
			}
			return re.Match([]byte(text), 0, 0, 0, c.Step) != nil
		})
	}
	var hits []kernel.ProcInfo
	for _, p := range procs(c) {
		if p.Pid == c.Pid() {
			continue
		}
		match := true
		for _, t := range tests {
			match = match && t(&p)
		}
		if match != invert {
			hits = append(hits, p)
		}
	}
	if newest && len(hits) > 0 {
		hits = hits[len(hits)-1:]
	}
	if oldest && len(hits) > 0 {
		hits = hits[:1]
	}
	if len(pattern) > 15 && !full && len(hits) == 0 && c.GNU() {
		c.Warn("pattern that searches for process name longer than 15 characters will result in zero matches")
		c.Errorf("Try `%s -f' option to match against the complete command line.\n", c.Name)
	}
	if killing {
		n := 0
		for _, p := range hits {
			if err := c.Kill(p.Pid, sig); err != nil {
				c.Warn("killing pid %d failed: %v", p.Pid, err)
				continue
			}
			n++
			if echo {
				c.Printf("%s killed (pid %d)\n", p.Comm, p.Pid)
			}
		}
		if countOnly {
			c.Printf("%d\n", n)
		}
		return b2i(n == 0)
	}
	if countOnly {
		c.Printf("%d\n", len(hits))
		return b2i(len(hits) == 0)
	}
	for i, p := range hits {
		if i > 0 {
			c.Print(delim)
		}
		c.Print(strconv.Itoa(p.Pid))
		switch {
		case listAll || listName && full && !c.GNU():
			c.Print(" ", strings.Join(p.Cmdline, " "))
		case listName:
			c.Print(" ", p.Comm)
		}
	}
	if len(hits) > 0 {
		c.Print("\n")
	}
	return b2i(len(hits) == 0)
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// top shows the processes, once or again and again; at a terminal, q ends it.
func top(c *prog.Ctx) int {
	batch, n, delay := false, -1, 3*time.Second
	if !c.GNU() {
		delay = 5 * time.Second
	}
	short, long := "hVbcd:n:p:u:U:", []prog.Long{{Name: "batch-mode", Val: 'b'}, {Name: "cmdline-toggle", Val: 'c'}, {Name: "iterations", Arg: prog.ReqArg, Val: 'n'},
		{Name: "delay", Arg: prog.ReqArg, Val: 'd'}, {Name: "pid", Arg: prog.ReqArg, Val: 'p'}, {Name: "filter-only-euser", Arg: prog.ReqArg, Val: 'u'}, {Name: "filter-any-user", Arg: prog.ReqArg, Val: 'U'}}
	if !c.GNU() {
		short, long = "d:n:bHm", nil
	}
	var only []string
	var user *uint32
	commandLine := false
	for o := range c.Getopt(short, long) {
		switch o.Val {
		case 'b':
			batch = true
		case 'n':
			v, err := strconv.Atoi(o.Arg)
			if err != nil || v < 1 {
				if c.GNU() {
					c.Errorf("%s: bad iterations argument '%s'\n", c.Name, o.Arg)
					return 1
				}
				c.Die(1, "invalid number '%s'", o.Arg)
			}
			n = v
		case 'd':
			d, ok := duration(o.Arg)
			if !ok {
				if c.GNU() {
					c.Errorf("%s: bad delay interval '%s'\n", c.Name, o.Arg)
					return 1
				}
				c.Die(1, "invalid number '%s'", o.Arg)
			}
			delay = d
		case 'p':
			only = append(only, strings.Split(o.Arg, ",")...)
		case 'c':
			commandLine = !commandLine
		case 'u', 'U':
			uid, ok := userdb.Load(c).ParseUser(o.Arg)
			if !ok {
				c.Errorf("%s: Invalid user\n", c.Name)
				return 1
			}
			user = &uid
		case 'h':
			c.Help()
		case 'V':
			c.Print(c.Name, " from procps-ng 4.0.2\n")
			return 0
		}
	}
	if !batch && !c.Isatty(1) && c.GNU() {
		c.Errorf("%s: failed tty get\n", c.Name)
		return 1
	}
	screen := !batch && c.Isatty(1)
	if screen {
		if old, err := c.Tcgetattr(0); err == nil {
			raw := old
			raw.Canon, raw.Echo = false, false
			raw.Min, raw.Time = 0, 0
			c.Tcsetattr(0, raw)
			c.AtExit(func() { c.Tcsetattr(0, old) })
		}
		c.Signal(linux.SIGINT, kernel.Catch)
	}
	for i := 0; n < 0 || i < n; i++ {
		if i > 0 {
			if screen {
				fds := []kernel.PollFd{{Fd: 0, Events: kernel.POLLIN}}
				if k, err := c.Poll(fds, delay); err != nil {
					return 0
				} else if k > 0 {
					b := make([]byte, 16)
					m, _ := c.Proc.Read(0, b)
					if m == 0 || strings.ContainsAny(string(b[:m]), "q\x03") {
						c.Print("\r\n")
						return 0
					}
				}
			} else {
				c.Print("\n")
				c.Out.Flush()
				pause(c, delay)
			}
		}
		rows := 0
		if screen {
			c.Print("\x1b[H\x1b[J")
			rows = 24
			if r, _, err := c.Winsize(1); err == nil && r > 0 {
				rows = r
			}
		}
		topScreen(c, rows, only, user, commandLine)
		c.Out.Flush()
	}
	return 0
}

func topScreen(c *prog.Ctx, rows int, only []string, user *uint32, commandLine bool) {
	db := userdb.Load(c)
	all := procs(c)
	m := meminfo(c)
	now := c.Now().In(c.Zone())
	states := map[byte]int{}
	for _, p := range all {
		states[p.State]++
	}
	var lines []string
	if c.GNU() {
		mib := func(k int64) float64 { return float64(k) / 1024 }
		cache := m["Buffers"] + m["Cached"] + m["SReclaimable"]
		lines = append(lines,
			fmt.Sprintf("top - %s %s", now.Format("15:04:05"), upText(c)),
			fmt.Sprintf("Tasks: %3d total, %3d running, %3d sleeping, %3d stopped, %3d zombie", len(all), states['R'], states['S'], states['T'], states['Z']),
			"%Cpu(s):  0.0 us,  0.0 sy,  0.0 ni,100.0 id,  0.0 wa,  0.0 hi,  0.0 si,  0.0 st ",
			fmt.Sprintf("MiB Mem : %8.1f total, %8.1f free, %8.1f used, %8.1f buff/cache     ", mib(m["MemTotal"]), mib(m["MemFree"]), mib(m["MemTotal"]-m["MemAvailable"]), mib(cache)),
			fmt.Sprintf("MiB Swap: %8.1f total, %8.1f free, %8.1f used. %8.1f avail Mem ", mib(m["SwapTotal"]), mib(m["SwapFree"]), mib(m["SwapTotal"]-m["SwapFree"]), mib(m["MemAvailable"])),
			"",
			"    PID USER      PR  NI    VIRT    RES    SHR S  %CPU  %MEM     TIME+ COMMAND",
		)
		for _, p := range all {
			if len(only) > 0 && !slices.Contains(only, strconv.Itoa(p.Pid)) || user != nil && p.Cred.UID != *user {
				continue
			}
			command := p.Comm
			if commandLine && len(p.Cmdline) > 0 {
				command = strings.Join(p.Cmdline, " ")
			}
			cs := p.CPU.Milliseconds() / 10
			lines = append(lines, fmt.Sprintf("%7d %-8.8s %3d %3d %7d %6d %6d %c %5.1f %5.1f %6d:%02d.%02d %s", p.Pid, db.UserName(p.Cred.UID), 20+p.Nice, p.Nice, vmSize, vmRSS, vmRSS*3/4, p.State, 0.0, 0.0, cs/6000, cs/100%60, cs%100, command))
		}
	} else {
		load := loadavg(c)
		lines = append(lines,
			fmt.Sprintf("Mem: %dK used, %dK free, %dK shrd, %dK buff, %dK cached", m["MemTotal"]-m["MemFree"], m["MemFree"], m["Shmem"], m["Buffers"], m["Cached"]),
			"CPU:   0% usr   0% sys   0% nic 100% idle   0% io   0% irq   0% sirq",
			fmt.Sprintf("Load average: %s %s %s 1/%d %d", load[0], load[1], load[2], len(all), c.Pid()),
			"  PID  PPID USER     STAT   VSZ %VSZ %CPU COMMAND",
		)
		for _, p := range all {
			row := &psRow{ProcInfo: p, c: c, db: db}
			lines = append(lines, fmt.Sprintf("%5d %5d %-8.8s %-4s %5d %3d%% %3d%% %s", p.Pid, p.Ppid, db.UserName(p.Cred.UID), string(p.State), vmSize, 0, 0, row.busyboxCommand()))
		}
	}
	if rows > 0 && len(lines) > rows-1 {
		lines = lines[:rows-1]
	}
	c.Print(strings.Join(lines, "\n"), "\n")
}

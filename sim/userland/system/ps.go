package system

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
	"github.com/dockerlab/dockerlab/sim/userland/userdb"
)

// What a process of the lab occupies, in KiB, as /proc/PID/status has it: the kernel does not
// count memory by process.
const (
	vmSize = 2500
	vmRSS  = 1600
)

// procs reads the process table, or ends the program as procps does where /proc is not mounted.
func procs(c *prog.Ctx) []kernel.ProcInfo {
	if _, err := c.Stat("/proc/self/stat"); err != nil {
		if c.GNU() {
			c.Errorf("Error, do this: mount -t proc proc /proc\n")
			c.Exit(1)
		}
		c.Die(1, "can't open '/proc': No such file or directory")
	}
	return c.Processes()
}

// psColumn is one column of ps.
type psColumn struct {
	header string
	width  int
	left   bool
	value  func(r *psRow) string
}

// psRow is a process as ps sees it.
type psRow struct {
	kernel.ProcInfo
	c     *prog.Ctx
	db    *userdb.DB
	depth int
	tree  string // what a forest has before the command
}

func (r *psRow) command() string {
	if len(r.Cmdline) == 0 || r.State == 'Z' {
		s := "[" + r.Comm + "]"
		if r.State == 'Z' {
			s += " <defunct>"
		}
		return s
	}
	return strings.Join(r.Cmdline, " ")
}

func (r *psRow) comm() string {
	if r.State == 'Z' {
		return r.Comm + " <defunct>"
	}
	return r.Comm
}

func (r *psRow) tty() string {
	if r.TTY == "" {
		return "?"
	}
	return r.TTY
}

func (r *psRow) stat() string {
	s := string(r.State)
	switch {
	case r.Nice < 0:
		s += "<"
	case r.Nice > 0:
		s += "N"
	}
	if r.Session {
		s += "s"
	}
	if r.Foreground {
		s += "+"
	}
	return s
}

func (r *psRow) cpu() float64 {
	if d := r.c.Now().Sub(r.Started); d > 0 {
		return min(float64(r.CPU)/float64(d)*100, 99.9)
	}
	return 0
}

func (r *psRow) start() string {
	t := r.Started.In(r.c.Zone())
	switch d := r.c.Now().Sub(t); {
	case d < 24*time.Hour:
		return t.Format("15:04")
	case d < 365*24*time.Hour:
		return t.Format("Jan02")
	}
	return t.Format("2006")
}

func clock(d time.Duration, hours bool) string {
	s := int(d.Seconds())
	if hours {
		if s >= 86400 {
			return fmt.Sprintf("%d-%02d:%02d:%02d", s/86400, s/3600%24, s/60%60, s%60)
		}
		return fmt.Sprintf("%02d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

func elapsed(d time.Duration) string {
	s := int(d.Seconds())
	switch {
	case s >= 86400:
		return fmt.Sprintf("%d-%02d:%02d:%02d", s/86400, s/3600%24, s/60%60, s%60)
	case s >= 3600:
		return fmt.Sprintf("%02d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%02d:%02d", s/60, s%60)
}

// userName is a user's name, or the number where the name is too long for the column.
func (r *psRow) userName(uid uint32) string {
	n := r.db.UserName(uid)
	if len(n) > 8 {
		return n[:7] + "+"
	}
	return n
}

func psInt(n int) string { return strconv.Itoa(n) }

// psColumns are the columns of -o, by each of their names.
var psColumns = map[string]psColumn{}

func init() {
	def := func(names string, header string, width int, left bool, value func(r *psRow) string) {
		for _, n := range strings.Split(names, " ") {
			psColumns[n] = psColumn{header, width, left, value}
		}
	}
	user := func(get func(r *psRow) uint32) func(r *psRow) string {
		return func(r *psRow) string { return r.userName(get(r)) }
	}
	group := func(get func(r *psRow) uint32) func(r *psRow) string {
		return func(r *psRow) string { return r.db.GroupName(get(r)) }
	}
	num := func(get func(r *psRow) uint32) func(r *psRow) string {
		return func(r *psRow) string { return strconv.Itoa(int(get(r))) }
	}
	euid, ruid := func(r *psRow) uint32 { return r.Cred.UID }, func(r *psRow) uint32 { return r.Cred.RUID }
	egid, rgid := func(r *psRow) uint32 { return r.Cred.GID }, func(r *psRow) uint32 { return r.Cred.RGID }
	fixed := func(s string) func(*psRow) string { return func(*psRow) string { return s } }
	def("pid", "PID", 7, false, func(r *psRow) string { return psInt(r.Pid) })
	def("tid spid lwp", "TID", 7, false, func(r *psRow) string { return psInt(r.Pid) })
	psColumns["lwp"] = psColumn{"LWP", 7, false, psColumns["pid"].value}
	def("tgid", "TGID", 7, false, func(r *psRow) string { return psInt(r.Pid) })
	def("ppid", "PPID", 7, false, func(r *psRow) string { return psInt(r.Ppid) })
	def("pgid pgrp", "PGID", 7, false, func(r *psRow) string { return psInt(r.Pgid) })
	def("sid sess session", "SID", 7, false, func(r *psRow) string { return psInt(r.Sid) })
	psColumns["sess"] = psColumn{"SESS", 7, false, psColumns["sid"].value}
	def("tpgid", "TPGID", 7, false, func(r *psRow) string {
		if r.Foreground {
			return psInt(r.Pgid)
		}
		return "-1"
	})
	def("user euser uname", "USER", 8, true, user(euid))
	psColumns["euser"] = psColumn{"EUSER", 8, true, user(euid)}
	def("ruser", "RUSER", 8, true, user(ruid))
	def("suser", "SUSER", 8, true, user(func(r *psRow) uint32 { return r.Cred.SUID }))
	def("uid_hack", "UID", 8, true, user(euid))
	def("uid euid", "UID", 5, false, num(euid))
	psColumns["euid"] = psColumn{"EUID", 5, false, num(euid)}
	def("ruid", "RUID", 5, false, num(ruid))
	def("group egroup", "GROUP", 8, true, group(egid))
	psColumns["egroup"] = psColumn{"EGROUP", 8, true, group(egid)}
	def("rgroup", "RGROUP", 8, true, group(rgid))
	def("gid egid", "GID", 5, false, num(egid))
	psColumns["egid"] = psColumn{"EGID", 5, false, num(egid)}
	def("rgid", "RGID", 5, false, num(rgid))
	def("comm ucmd ucomm fname exe", "COMMAND", 15, true, func(r *psRow) string { return r.tree + r.comm() })
	psColumns["fname"] = psColumn{"COMMAND", 8, true, func(r *psRow) string { return r.Comm[:min(8, len(r.Comm))] }}
	psColumns["exe"] = psColumn{"EXE", 27, true, func(r *psRow) string { return r.Exe }}
	psColumns["ucmd"] = psColumn{"CMD", 15, true, psColumns["comm"].value}
	def("args cmd command", "COMMAND", 27, true, func(r *psRow) string { return r.tree + r.command() })
	psColumns["cmd"] = psColumn{"CMD", 27, true, psColumns["args"].value}
	def("stat", "STAT", 4, true, (*psRow).stat)
	def("s state", "S", 1, true, func(r *psRow) string { return string(r.State) })
	def("tty tt tname", "TT", 8, true, (*psRow).tty)
	psColumns["tty"] = psColumn{"TT", 8, true, (*psRow).tty}
	psColumns["tname"] = psColumn{"TTY", 8, true, (*psRow).tty}
	def("time cputime", "TIME", 8, false, func(r *psRow) string { return clock(r.CPU, true) })
	def("bsdtime", "TIME", 6, false, func(r *psRow) string { return clock(r.CPU, false) })
	def("cputimes times", "TIME", 8, false, func(r *psRow) string { return psInt(int(r.CPU.Seconds())) })
	def("etime", "ELAPSED", 11, false, func(r *psRow) string { return elapsed(r.c.Now().Sub(r.Started)) })
	def("etimes", "ELAPSED", 7, false, func(r *psRow) string { return psInt(int(r.c.Now().Sub(r.Started).Seconds())) })
	def("stime start_time", "STIME", 5, false, (*psRow).start)
	psColumns["start_time"] = psColumn{"START", 5, false, (*psRow).start}
	def("bsdstart", "START", 6, false, (*psRow).start)
	def("start", "STARTED", 8, false, func(r *psRow) string {
		t := r.Started.In(r.c.Zone())
		if r.c.Now().Sub(t) < 24*time.Hour {
			return t.Format("15:04:05")
		}
		return t.Format("  Jan 02")
	})
	def("lstart", "STARTED", 24, false, func(r *psRow) string { return r.Started.In(r.c.Zone()).Format("Mon Jan _2 15:04:05 2006") })
	def("ni nice", "NI", 3, false, func(r *psRow) string { return psInt(r.Nice) })
	def("pri", "PRI", 3, false, func(r *psRow) string { return psInt(19 - r.Nice) })
	def("opri priority", "PRI", 3, false, func(r *psRow) string { return psInt(80 + r.Nice) })
	def("rtprio", "RTPRIO", 6, false, fixed("-"))
	def("cls class policy", "CLS", 3, false, fixed("TS"))
	def("%cpu pcpu", "%CPU", 4, false, func(r *psRow) string { return fmt.Sprintf("%.1f", r.cpu()) })
	def("c", "C", 2, false, func(r *psRow) string { return psInt(int(r.cpu())) })
	def("%mem pmem", "%MEM", 4, false, fixed("0.0"))
	def("vsz vsize", "VSZ", 6, false, fixed(strconv.Itoa(vmSize)))
	def("rss rssize rsz", "RSS", 5, false, fixed(strconv.Itoa(vmRSS)))
	def("sz", "SZ", 5, false, fixed(strconv.Itoa(vmSize/4)))
	def("size", "SIZE", 5, false, fixed("400"))
	def("psr cpuid", "PSR", 3, false, fixed("0"))
	def("nlwp thcount", "NLWP", 4, false, fixed("1"))
	def("f flag flags", "F", 1, false, fixed("4"))
	def("addr_sz", "ADDR SZ", 7, false, fixed(fmt.Sprintf("-%6d", vmSize/4)))
	def("wchan", "WCHAN", 6, true, fixed("-"))
	def("label", "LABEL", 31, true, fixed("-"))
	def("cgroup", "CGROUP", 27, true, fixed("0::/"))
	def("pending sig", "PENDING", 16, false, fixed("0000000000000000"))
	def("blocked", "BLOCKED", 16, false, fixed("0000000000000000"))
	def("ignored", "IGNORED", 16, false, fixed("0000000000000000"))
	def("caught", "CAUGHT", 16, false, fixed("0000000000000000"))
}

// psRun is one run of procps' ps.
type psRun struct {
	*prog.Ctx
	columns    []psColumn
	selectors  []func(p *kernel.ProcInfo) bool
	all        bool
	bsdAll     bool // a: with a terminal, of anybody
	bsdNoTTY   bool // x: without one, one's own
	onlyTTY    bool // T
	running    bool // r
	negate     bool
	noHeaders  bool
	noAddr     bool // -y
	longFormat bool // -l
	forest     byte // 'H' or 'f'
	sort       string
	wide       int
	bsd        bool
	db         *userdb.DB
}

// psFormats are the formats that a letter stands for.
var psFormats = map[string]string{
	"":   "pid tname time ucmd",
	"f":  "uid_hack pid ppid c stime tname time cmd",
	"F":  "uid_hack pid ppid c sz rss psr stime tname time cmd",
	"j":  "pid pgid sid tname time ucmd",
	"l":  "f s uid pid ppid c opri ni addr_sz wchan tname time ucmd",
	"ux": "user pid %cpu %mem vsz rss tname stat start_time bsdtime args",
	"jx": "ppid pid pgid sid tname tpgid stat uid bsdtime args",
	"lx": "f uid pid ppid opri ni vsz rss wchan stat tname bsdtime args",
	"vx": "pid tname stat bsdtime c size vsz rss %mem args",
	"x":  "pid tname stat bsdtime args",
}

func ps(c *prog.Ctx) int {
	if !c.GNU() {
		return psBusybox(c)
	}
	c.OnUsage = func() { c.Errorf("%s", psUsage) }
	r := &psRun{Ctx: c, db: userdb.Load(c)}
	r.parse(c.Args)
	if r.noAddr && !r.longFormat {
		r.fail("modifier -y without format -l makes no sense")
	}
	if r.columns == nil {
		key := ""
		if r.bsd {
			key = "x"
		}
		r.columns = r.format(psFormats[key])
	}
	all := procs(c)
	var rows []*psRow
	for i := range all {
		p := &all[i]
		if r.selected(p) != r.negate {
			rows = append(rows, &psRow{ProcInfo: *p, c: c, db: r.db})
		}
	}
	if r.sort != "" {
		r.order(rows)
	}
	if r.forest != 0 {
		rows = r.plant(rows)
	}
	r.print(rows)
	if len(rows) == 0 {
		return 1
	}
	return 0
}

const psUsage = `
Usage:
 ps [options]

 Try 'ps --help <simple|list|output|threads|misc|all>'
  or 'ps --help <s|l|o|t|m|a>'
 for additional help text.

For more details see ps(1).
`

func (r *psRun) fail(format string, args ...any) {
	r.Errorf("error: "+format+"\n", args...)
	r.Usage()
}

func (r *psRun) format(names string) []psColumn {
	var cols []psColumn
	for _, n := range strings.Fields(names) {
		cols = append(cols, psColumns[n])
	}
	return cols
}

// parse reads the three kinds of options: "-ef", "aux", "--sort".
func (r *psRun) parse(args []string) {
	for i := 0; i < len(args); i++ {
		a := args[i]
		next := func(rest string) string {
			if rest != "" {
				return rest
			}
			if i++; i >= len(args) {
				r.fail("list of process IDs must follow %s", a)
			}
			return args[i]
		}
		switch {
		case strings.HasPrefix(a, "--"):
			r.long(a[2:], next)
		case strings.HasPrefix(a, "-") && len(a) > 1:
			r.unix(a[1:], next)
		case a != "" && a[0] >= '0' && a[0] <= '9':
			r.pids(a, func(p *kernel.ProcInfo) int { return p.Pid })
		default:
			r.bsdOptions(a, next)
		}
	}
}

func psList(s string) []string {
	return strings.FieldsFunc(s, func(ch rune) bool { return ch == ',' || ch == ' ' })
}

func (r *psRun) pids(list string, get func(p *kernel.ProcInfo) int) {
	for _, s := range psList(list) {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			r.fail("process ID list syntax error")
		}
		r.selectors = append(r.selectors, func(p *kernel.ProcInfo) bool { return get(p) == n })
	}
}

func (r *psRun) names(list string) {
	for _, s := range psList(list) {
		r.selectors = append(r.selectors, func(p *kernel.ProcInfo) bool { return p.Comm == s[:min(len(s), 15)] })
	}
}

func (r *psRun) users(list string, get func(p *kernel.ProcInfo) uint32) {
	for _, s := range psList(list) {
		uid, ok := r.db.ParseUser(s)
		if !ok {
			r.fail("user name does not exist")
		}
		r.selectors = append(r.selectors, func(p *kernel.ProcInfo) bool { return get(p) == uid })
	}
}

func (r *psRun) groups(list string, get func(p *kernel.ProcInfo) uint32) {
	for _, s := range psList(list) {
		gid, ok := r.db.ParseGroup(s)
		if !ok {
			r.fail("group name does not exist")
		}
		r.selectors = append(r.selectors, func(p *kernel.ProcInfo) bool { return get(p) == gid })
	}
}

func (r *psRun) ttys(list string) {
	for _, s := range psList(list) {
		name := strings.TrimPrefix(s, "/dev/")
		r.selectors = append(r.selectors, func(p *kernel.ProcInfo) bool {
			return p.TTY == name || p.TTY == "pts/"+name || (name == "?" || name == "-") && p.TTY == ""
		})
	}
}

// user reads -o's list: names with "=" and a heading of one's own.
func (r *psRun) output(list string) {
	for list != "" {
		end := strings.IndexAny(list, ", =")
		if end < 0 {
			end = len(list)
		}
		name := list[:end]
		rest := list[end:]
		if name == "" {
			list = rest[1:]
			continue
		}
		name, width, hasWidth := strings.Cut(name, ":")
		col, ok := psColumns[name]
		if !ok {
			r.fail("unknown user-defined format specifier %q", name)
		}
		if hasWidth {
			if n, err := strconv.Atoi(width); err == nil && n > 0 && n < 1<<12 {
				col.width = n
			}
		}
		if strings.HasPrefix(rest, "=") {
			col.header, rest, _ = strings.Cut(rest[1:], ",")
			if !hasWidth {
				col.width = max(col.width, len(col.header))
			}
		}
		r.columns = append(r.columns, col)
		list = strings.TrimLeft(rest, ", ")
	}
}

func (r *psRun) long(a string, next func(string) string) {
	name, val, has := strings.Cut(a, "=")
	arg := func() string {
		if has {
			return val
		}
		return next("")
	}
	switch name {
	case "help":
		r.Print(psUsage)
		r.Exit(0)
	case "version", "info":
		r.Print("ps from procps-ng 4.0.2\n")
		r.Exit(0)
	case "no-headers", "no-heading", "noheaders", "noheading", "no-header", "noheader":
		r.noHeaders = true
	case "headers", "heading", "header", "cumulative":
	case "forest":
		r.forest = 'f'
	case "sort":
		r.sort = arg()
	case "pid":
		r.pids(arg(), func(p *kernel.ProcInfo) int { return p.Pid })
	case "ppid":
		r.pids(arg(), func(p *kernel.ProcInfo) int { return p.Ppid })
	case "sid":
		r.pids(arg(), func(p *kernel.ProcInfo) int { return p.Sid })
	case "user":
		r.users(arg(), func(p *kernel.ProcInfo) uint32 { return p.Cred.UID })
	case "User":
		r.users(arg(), func(p *kernel.ProcInfo) uint32 { return p.Cred.RUID })
	case "group":
		r.groups(arg(), func(p *kernel.ProcInfo) uint32 { return p.Cred.GID })
	case "Group":
		r.groups(arg(), func(p *kernel.ProcInfo) uint32 { return p.Cred.RGID })
	case "tty":
		r.ttys(arg())
	case "format":
		r.output(arg())
	case "deselect":
		r.negate = true
	case "cols", "columns", "width":
		r.wide, _ = strconv.Atoi(arg())
	case "lines", "rows":
		arg()
	default:
		r.fail("unknown gnu long option")
	}
}

func (r *psRun) unix(s string, next func(string) string) {
	for s != "" {
		ch := s[0]
		s = s[1:]
		arg := func() string {
			v := next(s)
			s = ""
			return v
		}
		switch ch {
		case 'A', 'e':
			r.all = true
		case 'a':
			r.selectors = append(r.selectors, func(p *kernel.ProcInfo) bool { return p.TTY != "" && !p.Session })
		case 'd':
			r.selectors = append(r.selectors, func(p *kernel.ProcInfo) bool { return !p.Session })
		case 'N':
			r.negate = true
		case 'C':
			r.names(arg())
		case 'G':
			r.groups(arg(), func(p *kernel.ProcInfo) uint32 { return p.Cred.RGID })
		case 'g', 's':
			r.pids(arg(), func(p *kernel.ProcInfo) int { return p.Sid })
		case 'p', 'q':
			r.pids(arg(), func(p *kernel.ProcInfo) int { return p.Pid })
		case 't':
			r.ttys(arg())
		case 'u':
			r.users(arg(), func(p *kernel.ProcInfo) uint32 { return p.Cred.UID })
		case 'U':
			r.users(arg(), func(p *kernel.ProcInfo) uint32 { return p.Cred.RUID })
		case 'f', 'F', 'j', 'l':
			r.columns = r.format(psFormats[string(ch)])
			r.longFormat = r.longFormat || ch == 'l'
		case 'o', 'O':
			if ch == 'O' {
				r.columns = r.format("pid")
				r.output(arg())
				r.columns = append(r.columns, r.format("s tname time cmd")...)
				break
			}
			r.output(arg())
		case 'H':
			r.forest = 'H'
		case 'w', 'c', 'y', 'L', 'T', 'm', 'n':
			switch ch {
			case 'w':
				r.wide = -1
			case 'y':
				r.noAddr = true
			}
		case 'M', 'Z':
			r.columns = append(r.format("label"), r.format(psFormats[""])...)
		case 'V':
			r.Print("ps from procps-ng 4.0.2\n")
			r.Exit(0)
		case 'x':
			r.bsdNoTTY = true
		default:
			r.fail("unsupported SysV option")
		}
	}
}

func (r *psRun) bsdOptions(s string, next func(string) string) {
	r.bsd = true
	for s != "" {
		ch := s[0]
		s = s[1:]
		arg := func() string {
			v := next(s)
			s = ""
			return v
		}
		switch ch {
		case 'a':
			r.bsdAll = true
		case 'x':
			r.bsdNoTTY = true
		case 'g':
		case 'T':
			r.onlyTTY = true
		case 'r':
			r.running = true
		case 'u', 'j', 'l', 'v':
			r.columns = r.format(psFormats[string(ch)+"x"])
		case 'p':
			r.pids(arg(), func(p *kernel.ProcInfo) int { return p.Pid })
		case 't':
			r.ttys(arg())
		case 'U':
			r.users(arg(), func(p *kernel.ProcInfo) uint32 { return p.Cred.UID })
		case 'o':
			r.output(arg())
		case 'k':
			r.sort = arg()
		case 'f':
			r.forest = 'f'
		case 'h':
			r.noHeaders = true
		case 'w':
			r.wide = -1
		case 'c', 'e', 'n', 'S', 'L', 'H', 'm':
		case 'V':
			r.Print("ps from procps-ng 4.0.2\n")
			r.Exit(0)
		default:
			r.fail("unsupported option (BSD syntax)")
		}
	}
}

// selected says whether p is to be shown.
func (r *psRun) selected(p *kernel.ProcInfo) bool {
	if r.running && p.State != 'R' {
		return false
	}
	if r.all || r.bsdAll && r.bsdNoTTY {
		return true
	}
	own := p.Cred.UID == r.Cred().UID
	if r.bsdAll && p.TTY != "" || r.bsdNoTTY && own {
		return true
	}
	for _, s := range r.selectors {
		if s(p) {
			return true
		}
	}
	if r.bsdAll || r.bsdNoTTY || len(r.selectors) > 0 {
		return false
	}
	mine := strings.TrimPrefix(r.Ttyname(0), "/dev/")
	for _, q := range r.Processes() {
		if q.Pid == r.Pid() {
			mine = q.TTY
		}
	}
	if r.onlyTTY || r.bsd {
		return own && p.TTY == mine && (mine != "" || r.onlyTTY)
	}
	return own && p.TTY == mine
}

func (r *psRun) order(rows []*psRow) {
	keys := psList(r.sort)
	slices.SortStableFunc(rows, func(a, b *psRow) int {
		for _, k := range keys {
			sign := 1
			switch {
			case strings.HasPrefix(k, "-"):
				sign, k = -1, k[1:]
			case strings.HasPrefix(k, "+"):
				k = k[1:]
			}
			col, ok := psColumns[k]
			if !ok {
				r.fail("unknown sort specifier")
			}
			x, y := col.value(a), col.value(b)
			d := strings.Compare(x, y)
			if f, err := strconv.ParseFloat(x, 64); err == nil {
				if g, err := strconv.ParseFloat(y, 64); err == nil {
					d = cmp.Compare(f, g)
				}
			}
			if d != 0 {
				return sign * d
			}
		}
		return 0
	})
}

// plant puts children below their parents.
func (r *psRun) plant(rows []*psRow) []*psRow {
	in := map[int]bool{}
	for _, p := range rows {
		in[p.Pid] = true
	}
	var out []*psRow
	var grow func(parent int, depth int, lead string)
	grow = func(parent, depth int, lead string) {
		var kids []*psRow
		for _, p := range rows {
			if p.Ppid == parent && p.Pid != parent || depth == 0 && !in[p.Ppid] {
				kids = append(kids, p)
			}
		}
		for i, p := range kids {
			p.depth = depth
			next := lead
			if depth > 0 {
				if r.forest == 'H' {
					p.tree = strings.Repeat("  ", depth)
				} else {
					p.tree = lead + ` \_ `
					if i == len(kids)-1 {
						next += "    "
					} else {
						next += " |  "
					}
				}
			}
			out = append(out, p)
			grow(p.Pid, depth+1, next)
		}
	}
	grow(-1, 0, "")
	return out
}

func (r *psRun) print(rows []*psRow) {
	width := 0
	if r.Isatty(1) && r.wide == 0 {
		width = 80
		if _, w, err := r.Winsize(1); err == nil && w > 0 {
			width = w
		}
		if w, err := strconv.Atoi(r.Getenv("COLUMNS")); err == nil && w > 0 {
			width = w
		}
	} else if r.wide > 0 {
		width = r.wide
	}
	line := func(get func(c psColumn) string) {
		var b strings.Builder
		for i, c := range r.columns {
			if i > 0 {
				b.WriteByte(' ')
			}
			text := get(c)
			last := i == len(r.columns)-1
			switch {
			case last && c.left:
				b.WriteString(text)
			case c.left:
				if len(text) > c.width {
					text = text[:c.width]
				}
				fmt.Fprintf(&b, "%-*s", c.width, text)
			default:
				fmt.Fprintf(&b, "%*s", c.width, text)
			}
		}
		s := b.String()
		if width > 0 && len(s) > width {
			s = s[:width]
		}
		r.Print(s, "\n")
	}
	headings := false
	for _, c := range r.columns {
		headings = headings || c.header != ""
	}
	if headings && !r.noHeaders {
		line(func(c psColumn) string { return c.header })
	}
	for _, p := range rows {
		line(func(c psColumn) string { return c.value(p) })
	}
}

// psBusyboxColumn is a column of Busybox's -o.
type psBusyboxColumn struct {
	name, header string
	width        int
	value        func(r *psRow) string
}

// psAlpineColumns are the columns that Alpine's build has beside, each before the one of that name.
var psAlpineColumns = map[string]psBusyboxColumn{
	"nice": {"etime", "ELAPSED", 7, func(r *psRow) string { return psMinutes(r.c.Now().Sub(r.Started)) }},
	"tty":  {"time", "TIME", 5, func(r *psRow) string { return psMinutes(r.CPU) }},
}

// psMinutes is a time as Busybox has it: minutes and seconds, or, from an hour on, hours and minutes.
func psMinutes(d time.Duration) string {
	n := int(d.Seconds())
	if n >= 3600 {
		return fmt.Sprintf("%2dh%02d", n/3600, n/60%60)
	}
	return fmt.Sprintf("%2d:%02d", n/60, n%60)
}

// psBusyboxColumns are the columns of Busybox's -o, in the order in which it lists them.
var psBusyboxColumns = []psBusyboxColumn{
	{"user", "USER", 8, func(r *psRow) string { return r.db.UserName(r.Cred.UID) }},
	{"group", "GROUP", 8, func(r *psRow) string { return r.db.GroupName(r.Cred.GID) }},
	{"comm", "COMMAND", 16, func(r *psRow) string { return r.Comm }},
	{"args", "COMMAND", 256, (*psRow).busyboxCommand},
	{"pid", "PID", 5, func(r *psRow) string { return psInt(r.Pid) }},
	{"ppid", "PPID", 5, func(r *psRow) string { return psInt(r.Ppid) }},
	{"pgid", "PGID", 5, func(r *psRow) string { return psInt(r.Pgid) }},
	{"nice", "NI", 5, func(r *psRow) string { return psInt(r.Nice) }},
	{"rgroup", "RGROUP", 8, func(r *psRow) string { return r.db.GroupName(r.Cred.RGID) }},
	{"ruser", "RUSER", 8, func(r *psRow) string { return r.db.UserName(r.Cred.RUID) }},
	{"tty", "TT", 6, func(r *psRow) string {
		if r.TTY == "" {
			return "?"
		}
		return "136,0"
	}},
	{"vsz", "VSZ", 4, func(r *psRow) string { return psInt(vmSize) }},
	{"sid", "SID", 5, func(r *psRow) string { return psInt(r.Sid) }},
	{"stat", "STAT", 4, func(r *psRow) string { return string(r.State) }},
	{"rss", "RSS", 4, func(r *psRow) string { return psInt(vmRSS) }},
}

// busyboxCommand shows the name in braces where the command line begins with another one.
func (r *psRow) busyboxCommand() string {
	if len(r.Cmdline) == 0 || r.State == 'Z' {
		return "[" + r.Comm + "]"
	}
	line := strings.Join(r.Cmdline, " ")
	first := strings.TrimPrefix(r.Cmdline[0], "-")
	if i := strings.LastIndexByte(first, '/'); i >= 0 {
		first = first[i+1:]
	}
	if !strings.HasPrefix(first, r.Comm) {
		return "{" + r.Comm + "} " + line
	}
	return line
}

func psBusybox(c *prog.Ctx) int {
	db := userdb.Load(c)
	type column struct {
		header string
		width  int
		value  func(r *psRow) string
	}
	all, shown := psBusyboxColumns, []string{"pid", "user", "args"}
	if c.Alpine {
		all, shown = nil, []string{"pid", "user", "time", "args"}
		for _, k := range psBusyboxColumns {
			if more, ok := psAlpineColumns[k.name]; ok {
				all = append(all, more)
			}
			all = append(all, k)
		}
	}
	var cols []column
	for o := range c.Getopt("o:aAdeflTZ", nil) {
		if o.Val != 'o' {
			continue
		}
		for _, item := range strings.Split(o.Arg, ",") {
			name, header, renamed := strings.Cut(item, "=")
			found := false
			for _, k := range all {
				if k.name == name {
					col := column{k.header, k.width, k.value}
					if renamed {
						col.header, col.width = header, max(col.width, len(header))
					}
					cols, found = append(cols, col), true
				}
			}
			if !found {
				var known []string
				for _, k := range all {
					known = append(known, k.name)
				}
				c.Die(1, "bad -o argument '%s', supported arguments: %s", name, strings.Join(known, ","))
			}
		}
	}
	if cols == nil {
		for _, name := range shown {
			for _, k := range all {
				if k.name == name {
					cols = append(cols, column{k.header, k.width, k.value})
				}
			}
		}
	}
	width := 0
	if _, w, err := c.Winsize(1); err == nil && w > 0 {
		width = w
	}
	line := func(get func(column) string) {
		var b strings.Builder
		for i, col := range cols {
			if i > 0 {
				b.WriteByte(' ')
			}
			text := get(col)
			if i == len(cols)-1 {
				b.WriteString(text)
				break
			}
			if len(text) > col.width {
				text = text[:col.width]
			}
			if numeric(text) && col.header != "USER" && col.header != "TT" && col.header != "COMMAND" {
				fmt.Fprintf(&b, "%*s", col.width, text)
			} else {
				fmt.Fprintf(&b, "%-*s", col.width, text)
			}
		}
		s := b.String()
		if width > 0 && len(s) > width {
			s = s[:width]
		}
		c.Print(s, "\n")
	}
	head := false
	for _, col := range cols {
		head = head || col.header != ""
	}
	if head {
		line(func(col column) string { return col.header })
	}
	for _, p := range procs(c) {
		row := &psRow{ProcInfo: p, c: c, db: db}
		line(func(col column) string { return col.value(row) })
	}
	return 0
}

func numeric(s string) bool {
	return s != "" && strings.Trim(s, "0123456789-") == ""
}

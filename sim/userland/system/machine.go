package system

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker/go-units"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/human"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// The programs that tell of the machine, most of it from /proc.

func hostname(c *prog.Ctx) int {
	domain := c.Program == "dnsdomainname"
	nis := c.Program == "domainname"
	what := byte(0)
	short, long := "aAdfbF:h?iIsVy", []prog.Long{
		{Name: "domain", Val: 'd'}, {Name: "boot", Val: 'b'}, {Name: "file", Arg: prog.ReqArg, Val: 'F'}, {Name: "fqdn", Val: 'f'}, {Name: "all-fqdns", Val: 'A'}, {Name: "help", Val: 'h'},
		{Name: "long", Val: 'f'}, {Name: "short", Val: 's'}, {Name: "version", Val: 'V'}, {Name: "alias", Val: 'a'}, {Name: "ip-address", Val: 'i'}, {Name: "all-ip-addresses", Val: 'I'}, {Name: "nis", Val: 'y'}, {Name: "yp", Val: 'y'},
	}
	if !c.GNU() {
		short, long = "dfisF:v", nil
	} else {
		c.OnUsage = func() { c.Errorf("%s", c.HelpText()) }
		c.UsageStatus = 255
	}
	file := ""
	for o := range c.GetoptOnly(short, long) {
		switch o.Val {
		case 'h', '?':
			c.Print(c.HelpText())
			return 0
		case 'V':
			c.Version()
		case 'F':
			file = o.Arg
		case 'b', 'v':
		default:
			what = byte(o.Val)
		}
	}
	u := c.Uname()
	name := u.Nodename
	if file != "" || len(c.Args) > 0 && what == 0 && !domain {
		newName := ""
		if file != "" {
			b, err := c.ReadFile(file)
			if err != nil {
				if c.GNU() {
					c.Die(1, "can't open `%s'", file)
				}
				c.Die(1, "can't open '%s': %v", file, err)
			}
			for line := range strings.Lines(string(b)) {
				if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
					newName = line
					break
				}
			}
		} else {
			newName = c.Args[0]
		}
		if err := c.SetHostname(newName); err != nil {
			switch {
			case !c.GNU():
				c.Die(1, "sethostname: %v", err)
			case err == linux.EPERM:
				c.Die(1, "you must be root to change the host name")
			default:
				c.Die(1, "the specified hostname is invalid")
			}
		}
		return 0
	}
	if nis && what == 0 {
		what = 'y'
	}
	if domain {
		what = 'd'
	}
	fqdn := func() string {
		full, _ := hostsEntry(c, name)
		if full == "" {
			return name
		}
		return full
	}
	switch what {
	case 'f', 'A':
		end := "\n"
		if what == 'A' {
			end = " \n"
		}
		c.Print(fqdn(), end)
	case 's':
		short, _, _ := strings.Cut(name, ".")
		c.Print(short, "\n")
	case 'd':
		_, d, ok := strings.Cut(fqdn(), ".")
		if ok {
			c.Print(d, "\n")
		}
	case 'i', 'I':
		addrs := addresses(c, name)
		if len(addrs) == 0 && what == 'i' {
			if c.GNU() {
				c.Die(1, "Name or service not known")
			}
			c.Die(1, "%s: Host name lookup failure", name)
		}
		c.Print(strings.Join(addrs, " "))
		if what == 'I' {
			c.Print(" ")
		}
		c.Print("\n")
	case 'a':
		_, aliases := hostsEntry(c, name)
		c.Print(strings.Join(aliases, " "), "\n")
	case 'y':
		if nis || c.Program == "hostname" {
			c.Print("(none)\n")
		}
	default:
		c.Print(name, "\n")
	}
	return 0
}

// hostsEntry finds a name's line in /etc/hosts: the canonical name and the others.
func hostsEntry(c *prog.Ctx, name string) (canonical string, aliases []string) {
	b, err := c.ReadFile("/etc/hosts")
	if err != nil {
		return "", nil
	}
	for line := range strings.Lines(string(b)) {
		line, _, _ = strings.Cut(line, "#")
		f := strings.Fields(line)
		if len(f) > 1 && slices.Contains(f[1:], name) {
			return f[1], f[2:]
		}
	}
	return "", nil
}

func addresses(c *prog.Ctx, name string) []string {
	addrs, err := c.Resolve(name)
	if err != nil {
		return nil
	}
	var out []string
	for _, a := range addrs {
		if a.Is4() || a.Is4In6() {
			out = append(out, a.Unmap().String())
		}
	}
	return out
}

// meminfo reads /proc/meminfo, in KiB.
func meminfo(c *prog.Ctx) map[string]int64 {
	m := map[string]int64{}
	b, err := c.ReadFile("/proc/meminfo")
	if err != nil {
		c.Die(1, "/proc/meminfo: %v", err)
	}
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) >= 2 {
			n, _ := strconv.ParseInt(f[1], 10, 64)
			m[strings.TrimSuffix(f[0], ":")] = n
		}
	}
	return m
}

func loadavg(c *prog.Ctx) []string {
	b, _ := c.ReadFile("/proc/loadavg")
	f := strings.Fields(string(b))
	if len(f) < 3 {
		return []string{"0.00", "0.00", "0.00"}
	}
	return f
}

func upSeconds(c *prog.Ctx) int {
	b, _ := c.ReadFile("/proc/uptime")
	f := strings.Fields(string(b))
	if len(f) == 0 {
		return 0
	}
	v, _ := strconv.ParseFloat(f[0], 64)
	return int(v)
}

// upText is what uptime says behind the time of day.
func upText(c *prog.Ctx) string {
	s := upSeconds(c)
	days, hours, mins := s/86400, s/3600%24, s/60%60
	up := "up "
	if days > 0 {
		word := "days"
		if days == 1 {
			word = "day"
		}
		up += fmt.Sprintf("%d %s, ", days, word)
	}
	if hours > 0 {
		up += fmt.Sprintf("%2d:%02d", hours, mins)
	} else {
		up += fmt.Sprintf("%d min", mins)
	}
	load := loadavg(c)
	users := "user"
	if !c.GNU() {
		users = "users"
	}
	return fmt.Sprintf("%s,  0 %s,  load average: %s, %s, %s", up, users, load[0], load[1], load[2])
}

func uptime(c *prog.Ctx) int {
	if !c.GNU() {
		for range c.Getopt("s", nil) {
			c.Print(c.Now().Add(-time.Duration(upSeconds(c))*time.Second).In(c.Zone()).Format("2006-01-02 15:04:05"), "\n")
			return 0
		}
	} else {
		c.UsageIsHelp()
		for o := range c.Getopt("phsV", []prog.Long{{Name: "pretty", Val: 'p'}, {Name: "help", Val: 'h'}, {Name: "since", Val: 's'}, {Name: "version", Val: 'V'}}) {
			switch o.Val {
			case 'h':
				c.Help()
			case 'V':
				c.Version()
			case 's':
				c.Print(c.Now().Add(-time.Duration(upSeconds(c))*time.Second).In(c.Zone()).Format("2006-01-02 15:04:05"), "\n")
				return 0
			case 'p':
				s := upSeconds(c)
				var parts []string
				for _, u := range []struct {
					n    int
					word string
				}{{s / 604800, "week"}, {s / 86400 % 7, "day"}, {s / 3600 % 24, "hour"}, {s / 60 % 60, "minute"}} {
					if u.n > 0 {
						w := u.word
						if u.n != 1 {
							w += "s"
						}
						parts = append(parts, fmt.Sprintf("%d %s", u.n, w))
					}
				}
				if parts == nil {
					parts = []string{"0 minutes"}
				}
				c.Print("up ", strings.Join(parts, ", "), "\n")
				return 0
			}
		}
		if len(c.Args) > 0 {
			c.Usage()
		}
	}
	c.Print(" ", c.Now().In(c.Zone()).Format("15:04:05"), " ", upText(c), "\n")
	return 0
}

const (
	freeKilo = prog.LongOnly + iota
	freeMega
	freeGiga
	freeTera
	freePeta
	freeTebi
	freePebi
	freeSI
	freeHelp
)

func free(c *prog.Ctx) int {
	if !c.GNU() {
		return freeBusybox(c)
	}
	c.UsageIsHelp()
	base, people, total, wide, lohi, committed := int64(1024), false, false, false, false, false
	every, times := time.Duration(0), 1
	exp := 1
	for o := range c.Getopt("bkmghltvc:ws:V", []prog.Long{
		{Name: "bytes", Val: 'b'}, {Name: "kilo", Val: freeKilo}, {Name: "mega", Val: freeMega}, {Name: "giga", Val: freeGiga}, {Name: "tera", Val: freeTera}, {Name: "peta", Val: freePeta},
		{Name: "kibi", Val: 'k'}, {Name: "mebi", Val: 'm'}, {Name: "gibi", Val: 'g'}, {Name: "tebi", Val: freeTebi}, {Name: "pebi", Val: freePebi}, {Name: "human", Val: 'h'}, {Name: "si", Val: freeSI},
		{Name: "lohi", Val: 'l'}, {Name: "total", Val: 't'}, {Name: "committed", Val: 'v'}, {Name: "seconds", Arg: prog.ReqArg, Val: 's'}, {Name: "count", Arg: prog.ReqArg, Val: 'c'}, {Name: "wide", Val: 'w'}, {Name: "help", Val: freeHelp}, {Name: "version", Val: 'V'},
	}) {
		switch o.Val {
		case 'b':
			exp = 0
		case 'k':
			exp = 1
		case 'm':
			exp = 2
		case 'g':
			exp = 3
		case freeTebi:
			exp = 4
		case freePebi:
			exp = 5
		case freeKilo, freeMega, freeGiga, freeTera, freePeta:
			exp, base = o.Val-freeKilo+1, 1000
		case 'h':
			people = true
		case freeSI:
			base = 1000
		case 'l':
			lohi = true
		case 't':
			total = true
		case 'v':
			committed = true
		case 'w':
			wide = true
		case 's':
			d, ok := duration(o.Arg)
			if !ok || d <= 0 {
				c.Die(1, "seconds argument `%s' is not positive number", o.Arg)
			}
			if every == 0 && times == 1 {
				times = -1
			}
			every = d
		case 'c':
			n, err := strconv.Atoi(o.Arg)
			if err != nil || n < 1 {
				c.Die(1, "failed to parse count argument: '%s'", o.Arg)
			}
			times = n
			if every == 0 {
				every = time.Second
			}
		case freeHelp:
			c.Help()
		case 'V':
			c.Version()
		}
	}
	unit := int64(1)
	for range exp {
		unit *= base
	}
	size := func(k int64) string {
		if !people {
			return strconv.FormatInt(k*1024/unit, 10)
		}
		return freeHuman(float64(k)*1024, float64(base))
	}
	for i := 0; times < 0 || i < times; i++ {
		if i > 0 {
			c.Print("\n")
			c.Out.Flush()
			pause(c, every)
		}
		m := meminfo(c)
		cache := m["Cached"] + m["SReclaimable"]
		used := m["MemTotal"] - m["MemAvailable"]
		if wide {
			c.Print("               total        used        free      shared     buffers       cache   available\n")
			c.Printf("%-9s%11s %11s %11s %11s %11s %11s %11s\n", "Mem:", size(m["MemTotal"]), size(used), size(m["MemFree"]), size(m["Shmem"]), size(m["Buffers"]), size(cache), size(m["MemAvailable"]))
		} else {
			c.Print("               total        used        free      shared  buff/cache   available\n")
			c.Printf("%-9s%11s %11s %11s %11s %11s %11s\n", "Mem:", size(m["MemTotal"]), size(used), size(m["MemFree"]), size(m["Shmem"]), size(m["Buffers"]+cache), size(m["MemAvailable"]))
		}
		row := func(name string, t, u, f int64) {
			c.Printf("%-9s%11s %11s %11s\n", name, size(t), size(u), size(f))
		}
		if lohi {
			row("Low:", m["MemTotal"], m["MemTotal"]-m["MemFree"], m["MemFree"])
			row("High:", 0, 0, 0)
		}
		swapUsed := m["SwapTotal"] - m["SwapFree"]
		row("Swap:", m["SwapTotal"], swapUsed, m["SwapFree"])
		if total {
			row("Total:", m["MemTotal"]+m["SwapTotal"], used+swapUsed, m["MemFree"]+m["SwapFree"])
		}
		if committed {
			row("Comm:", m["CommitLimit"], m["Committed_AS"], m["CommitLimit"]-m["Committed_AS"])
		}
	}
	return 0
}

// freeHuman is procps' way: "3.8Gi", "920Mi", "0B".
func freeHuman(n, base float64) string {
	units := []string{"B", "Ki", "Mi", "Gi", "Ti", "Pi"}
	if base == 1000 {
		units = []string{"B", "K", "M", "G", "T", "P"}
	}
	i := 0
	for ; i < len(units)-1; i++ {
		if n < base {
			break
		}
		n /= base
	}
	if i > 0 && n < 10 {
		return fmt.Sprintf("%.1f%s", n, units[i])
	}
	return fmt.Sprintf("%d%s", int64(n), units[i])
}

func freeBusybox(c *prog.Ctx) int {
	unit := uint64(1024)
	if len(c.Args) > 0 && strings.HasPrefix(c.Args[0], "-") {
		switch c.Args[0] {
		case "-b":
			unit = 1
		case "-m":
			unit = 1 << 20
		case "-g":
			unit = 1 << 30
		case "-h":
			unit = 0
		case "-k":
		default:
			c.Usage()
		}
	}
	size := func(k int64) string {
		if unit == 0 {
			return human.Busybox(uint64(k) * 1024)
		}
		return strconv.FormatUint((uint64(k)*1024+unit/2)/unit, 10)
	}
	m := meminfo(c)
	cache := m["Buffers"] + m["Cached"] + m["SReclaimable"]
	c.Print("              total        used        free      shared  buff/cache   available\n")
	c.Printf("Mem:    %11s %11s %11s %11s %11s %11s\n", size(m["MemTotal"]), size(m["MemTotal"]-m["MemFree"]-cache), size(m["MemFree"]), size(m["Shmem"]), size(cache), size(m["MemAvailable"]))
	c.Printf("Swap:   %11s %11s %11s\n", size(m["SwapTotal"]), size(m["SwapTotal"]-m["SwapFree"]), size(m["SwapFree"]))
	return 0
}

var dmesgLong = []prog.Long{
	{Name: "clear", Val: 'C'}, {Name: "read-clear", Val: 'c'}, {Name: "console-off", Val: 'D'}, {Name: "show-delta", Val: 'd'}, {Name: "console-on", Val: 'E'},
	{Name: "reltime", Val: 'e'}, {Name: "human", Val: 'H'}, {Name: "json", Val: 'J'}, {Name: "kernel", Val: 'k'}, {Name: "color", Arg: prog.OptArg, Val: 'L'},
	{Name: "level", Arg: prog.ReqArg, Val: 'l'}, {Name: "console-level", Arg: prog.ReqArg, Val: 'n'}, {Name: "nopager", Val: 'P'}, {Name: "force-prefix", Val: 'p'},
	{Name: "raw", Val: 'r'}, {Name: "ctime", Val: 'T'}, {Name: "notime", Val: 't'}, {Name: "userspace", Val: 'u'}, {Name: "follow-new", Val: 'W'}, {Name: "follow", Val: 'w'}, {Name: "decode", Val: 'x'},
}

func dmesg(c *prog.Ctx) int {
	action := "read kernel buffer"
	if c.GNU() {
		for o := range c.GetoptUtil("CcDdEeHJkL::l:n:iPprtTuWwx", dmesgLong) {
			switch o.Val {
			case 'C':
				action = "clear kernel buffer"
			case 'D', 'E', 'n':
				action = "klogctl"
			}
			// The others say which lines to show and how: there is one line to show at most.
		}
	} else {
		for range c.Getopt("cs:n:r", nil) {
		}
	}
	// Reading the kernel's log needs CAP_SYSLOG, which only the host's root has.
	if !c.Sandbox().IsHost() && !c.Sandbox().Privileged() || c.Cred().UID != 0 {
		if c.GNU() {
			c.Die(1, "%s failed: %v", action, linux.EPERM)
		}
		c.Die(1, "klogctl: %v", linux.EPERM)
	}
	u := c.Uname()
	c.Printf("[    0.000000] %s version %s %s\n", u.Sysname, u.Release, u.Version)
	return 0
}

// getconfValues are the variables of getconf that have a value in the lab.
var getconfValues = map[string]string{
	"ARG_MAX": "2097152", "_POSIX_ARG_MAX": "2097152", "CHILD_MAX": "31314", "CLK_TCK": "100", "HOST_NAME_MAX": "64", "LOGIN_NAME_MAX": "256", "NGROUPS_MAX": "65536", "OPEN_MAX": "1048576",
	"PAGESIZE": "4096", "PAGE_SIZE": "4096", "LINE_MAX": "2048", "LONG_BIT": "64", "WORD_BIT": "32", "CHAR_BIT": "8", "INT_MAX": "2147483647", "UINT_MAX": "4294967295", "SSIZE_MAX": "32767",
	"TTY_NAME_MAX": "32", "IOV_MAX": "1024", "STREAM_MAX": "16", "SYMLOOP_MAX": "", "PATH": "/bin:/usr/bin", "GNU_LIBC_VERSION": "glibc 2.36", "GNU_LIBPTHREAD_VERSION": "NPTL 2.36",
	"_POSIX_VERSION": "200809", "POSIX_VERSION": "200809", "_POSIX2_VERSION": "200809",
}

var getconfPath = map[string]string{"PATH_MAX": "4096", "NAME_MAX": "255", "PIPE_BUF": "4096", "LINK_MAX": "127", "FILESIZEBITS": "64", "SYMLINK_MAX": ""}

func getconf(c *prog.Ctx) int {
	args := c.Args
	if len(args) > 0 && args[0] == "-a" {
		var names []string
		for n := range getconfValues {
			names = append(names, n)
		}
		slices.Sort(names)
		for _, n := range names {
			c.Printf("%-35s%s\n", n, getconfValues[n])
		}
		return 0
	}
	if len(args) == 0 || len(args) > 2 {
		c.Errorf("Usage: %s [-v specification] variable_name [pathname]\n       %s -a [pathname]\n", c.Name, c.Name)
		return 2
	}
	switch name := args[0]; name {
	case "_NPROCESSORS_ONLN", "NPROCESSORS_ONLN", "_NPROCESSORS_CONF", "NPROCESSORS_CONF":
		c.Print(strconv.Itoa(cpus(c)), "\n")
	case "_PHYS_PAGES":
		c.Print(strconv.FormatInt(meminfo(c)["MemTotal"]/4, 10), "\n")
	case "_AVPHYS_PAGES":
		c.Print(strconv.FormatInt(meminfo(c)["MemFree"]/4, 10), "\n")
	default:
		if v, ok := getconfPath[name]; ok {
			if len(args) < 2 {
				c.Errorf("Usage: %s [-v specification] variable_name [pathname]\n       %s -a [pathname]\n", c.Name, c.Name)
				return 2
			}
			if _, err := c.Stat(args[1]); err != nil {
				c.Fail("pathconf: %s: %v", args[1], err)
				return 3
			}
			if v == "" {
				v = "undefined"
			}
			c.Print(v, "\n")
			return 0
		}
		v, ok := getconfValues[name]
		if !ok {
			c.Fail("Unrecognized variable `%s'", name)
			return 2
		}
		if v == "" {
			v = "undefined"
		}
		c.Print(v, "\n")
	}
	return 0
}

// lscpu shows /proc/cpuinfo by util-linux's names.
func lscpu(c *prog.Ctx) int {
	for range c.GetoptUtil("", nil) {
	}
	b, err := c.ReadFile("/proc/cpuinfo")
	if err != nil {
		c.Die(1, "cannot open /proc/cpuinfo: %v", err)
	}
	info := map[string]string{}
	for line := range strings.Lines(string(b)) {
		if k, v, ok := strings.Cut(line, ":"); ok {
			info[strings.TrimSpace(k)] = strings.TrimSpace(v)
		}
	}
	n := cpus(c)
	online := "0"
	if n > 1 {
		online = "0-" + strconv.Itoa(n-1)
	}
	for _, row := range [][2]string{
		{"Architecture", c.Uname().Machine}, {"  CPU op-mode(s)", "32-bit, 64-bit"}, {"  Byte Order", "Little Endian"},
		{"CPU(s)", strconv.Itoa(n)}, {"  On-line CPU(s) list", online}, {"Vendor ID", info["vendor_id"]}, {"  Model name", info["model name"]},
		{"    CPU family", info["cpu family"]}, {"    Model", info["model"]}, {"    Stepping", info["stepping"]}, {"    BogoMIPS", info["bogomips"]}, {"    Flags", info["flags"]},
	} {
		c.Printf("%-32s %s\n", row[0]+":", row[1])
	}
	return 0
}

func sysctl(c *prog.Ctx) int {
	var names, ignore, write, quiet, values, all, load bool
	short, long := "bneNwfp::qoxaAXr:Vdh", []prog.Long{{Name: "all", Val: 'a'}, {Name: "values", Val: 'n'}, {Name: "names", Val: 'N'}, {Name: "ignore", Val: 'e'}, {Name: "write", Val: 'w'}, {Name: "quiet", Val: 'q'}, {Name: "binary", Val: 'b'}, {Name: "load", Arg: prog.OptArg, Val: 'p'}, {Name: "help", Val: 'h'}, {Name: "version", Val: 'V'}}
	if !c.GNU() {
		short, long = "neAapwq", nil
	} else {
		c.UsageIsHelp()
	}
	for o := range c.GetoptOnly(short, long) {
		switch o.Val {
		case 'n':
			values = true
		case 'N':
			names = true
		case 'e':
			ignore = true
		case 'w':
			write = true
		case 'q':
			quiet = true
		case 'a', 'A', 'X':
			all = true
		case 'b':
			values = true
		case 'p', 'f':
			load = true
		case 'h', 'd':
			c.Help()
		case 'V':
			c.Version()
		}
	}
	show := func(key, path string) {
		b, err := c.ReadFile(path)
		if err != nil {
			if ignore {
				return
			}
			switch {
			case !c.GNU():
				c.Fail("error: '%s' is an unknown key", key)
			case err == linux.EACCES:
				c.Fail("permission denied on key '%s'", key)
			default:
				c.Fail("cannot stat %s: %v", path, err)
			}
			return
		}
		v := strings.TrimSuffix(string(b), "\n")
		switch {
		case names:
			c.Print(key, "\n")
		case values:
			c.Print(v, "\n")
		default:
			c.Print(key, " = ", v, "\n")
		}
	}
	if all {
		var walk func(dir string)
		walk = func(dir string) {
			ents, err := c.ReadDir(dir)
			if err != nil {
				return
			}
			for _, e := range ents {
				p := dir + "/" + e.Name
				if e.Mode.IsDir() {
					walk(p)
				} else {
					show(strings.ReplaceAll(strings.TrimPrefix(p, "/proc/sys/"), "/", "."), p)
				}
			}
		}
		walk("/proc/sys")
		return c.Status
	}
	args := c.Args
	if load {
		files := args
		if len(files) == 0 {
			files = []string{"/etc/sysctl.conf"}
		}
		args = nil
		for _, f := range files {
			b, err := c.ReadFile(f)
			if err != nil {
				c.Fail("cannot open \"%s\": %v", f, err)
				continue
			}
			for line := range strings.Lines(string(b)) {
				if line = strings.TrimSpace(line); line != "" && line[0] != '#' && line[0] != ';' {
					args = append(args, line)
				}
			}
		}
	} else if len(args) == 0 {
		if c.GNU() {
			c.Usage()
		}
		return 0
	}
	for _, a := range args {
		key, val, set := strings.Cut(a, "=")
		key = strings.TrimSpace(key)
		path := "/proc/sys/" + strings.ReplaceAll(key, ".", "/")
		if strings.Contains(key, "/") {
			path = "/proc/sys/" + key
			key = strings.ReplaceAll(key, "/", ".")
		}
		if !set {
			if write {
				c.Fail("\"%s\" must be of the form name=value", a)
				continue
			}
			show(key, path)
			continue
		}
		val = strings.TrimSpace(val)
		if _, err := c.Stat(path); err != nil {
			if !ignore {
				if c.GNU() {
					c.Fail("cannot stat %s: %v", path, err)
				} else {
					c.Fail("error: '%s' is an unknown key", key)
				}
			}
			continue
		}
		// /proc/sys is read-only in a container.
		f, err := c.OpenFile(path, linux.O_WRONLY, 0)
		if err == nil {
			_, err = f.Write([]byte(val + "\n"))
			f.Close()
		}
		switch {
		case err != nil && c.GNU():
			c.Fail("permission denied on key \"%s\"", key)
		case err != nil:
			c.Fail("error setting key '%s': %v", key, err)
		case !quiet:
			c.Print(key, " = ", val, "\n")
		}
	}
	return c.Status
}

var mountLong = []prog.Long{
	{Name: "bind", Val: 'B'}, {Name: "rbind", Val: 'R'}, {Name: "types", Arg: prog.ReqArg, Val: 't'}, {Name: "options", Arg: prog.ReqArg, Val: 'o'},
	{Name: "all", Val: 'a'}, {Name: "read-only", Val: 'r'}, {Name: "ro", Val: 'r'}, {Name: "rw", Val: 'w'}, {Name: "read-write", Val: 'w'}, {Name: "verbose", Val: 'v'},
	{Name: "move", Val: 'M'}, {Name: "no-canonicalize", Val: 'c'}, {Name: "fake", Val: 'f'}, {Name: "internal-only", Val: 'i'}, {Name: "show-labels", Val: 'l'},
	{Name: "no-mtab", Val: 'n'}, {Name: "make-private", Val: prog.LongOnly}, {Name: "make-rprivate", Val: prog.LongOnly}, {Name: "make-shared", Val: prog.LongOnly},
	{Name: "make-rshared", Val: prog.LongOnly}, {Name: "make-slave", Val: prog.LongOnly}, {Name: "make-rslave", Val: prog.LongOnly},
}

func mount(c *prog.Ctx) int {
	kind, opts, bind, all := "", "", false, false
	short, long := "aBcfilMno:rRsvwt:", mountLong
	if !c.GNU() {
		short, long = "o:t:rwanfvisO:T:", nil
	}
	for o := range c.GetoptUtil(short, long) {
		switch o.Val {
		case 'a':
			all = true
		case 'B', 'R':
			bind = true
		case 't':
			kind = o.Arg
		case 'o':
			opts = o.Arg
		}
	}
	if len(c.Args) == 0 && !all {
		b, err := c.ReadFile("/proc/mounts")
		if err != nil {
			if c.GNU() {
				c.Die(1, "failed to read mtab: %v", err)
			}
			c.Die(1, "no /proc/mounts")
		}
		for line := range strings.Lines(string(b)) {
			f := strings.Fields(line)
			if len(f) >= 4 && (kind == "" || slices.Contains(strings.Split(kind, ","), f[2])) {
				c.Print(f[0], " on ", f[1], " type ", f[2], " (", f[3], ")\n")
			}
		}
		return 0
	}
	if all {
		return 0 // the lab's fstab is empty
	}
	if strings.Contains(opts, "bind") {
		bind = true
	}
	target := c.Args[len(c.Args)-1]
	if len(c.Args) == 1 && c.GNU() {
		c.Die(1, "%s: can't find in /etc/fstab.", target)
	}
	if c.Cred().UID != 0 {
		if c.GNU() {
			c.Die(1, "%s: must be superuser to use mount.", target)
		}
		c.Die(1, "permission denied (are you root?)")
	}
	var err error
	switch {
	case bind:
		err = bindMount(c, c.Args[0], target)
	case kind == "tmpfs":
		err = mountTmpfs(c, c.Args[0], target, opts)
	default:
		err = linux.EPERM
		if c.Cred().Has(vfs.CapSysAdmin) {
			err = linux.ENODEV
		}
	}
	switch err {
	case nil:
		return 0
	case linux.EPERM:
		if c.GNU() {
			c.Warn("%s: permission denied.", target)
			c.Errorf("       dmesg(1) may have more information after failed mount system call.\n")
			return 32
		}
		c.Die(1, "permission denied (are you root?)")
	case linux.ENODEV:
		if c.GNU() {
			c.Warn("%s: unknown filesystem type '%s'.", target, kind)
			c.Errorf("       dmesg(1) may have more information after failed mount system call.\n")
			return 32
		}
		c.Die(1, "mounting %s on %s failed: No such device", c.Args[0], target)
	default:
		if c.GNU() {
			if err == linux.ENOENT {
				c.Warn("%s: mount point does not exist.", target)
			} else {
				c.Warn("%s: %v.", target, err)
			}
			c.Errorf("       dmesg(1) may have more information after failed mount system call.\n")
			return 32
		}
		c.Die(1, "mounting %s on %s failed: %v", c.Args[0], target, err)
	}
	return 1
}

// bindMount shows one directory or file at another place too.
func bindMount(c *prog.Ctx, source, target string) error {
	ref, err := c.View().Resolve(source, true)
	if err != nil {
		return err
	}
	return c.Mount(target, &vfs.Mount{
		FS: ref.Mount.FS, Root: ref.Ino, RootDir: ref.Dir, RootName: ref.Name, Source: ref.Mount.Source, Options: ref.Mount.Options, Dev: ref.Mount.Dev, ReadOnly: ref.Mount.ReadOnly,
	})
}

// mountTmpfs mounts an empty file system in memory.
func mountTmpfs(c *prog.Ctx, source, target, opts string) error {
	shown := "relatime"
	size := int64(0)
	for _, o := range strings.Split(opts, ",") {
		v, ok := strings.CutPrefix(o, "size=")
		if !ok {
			continue
		}
		n, err := units.RAMInBytes(v)
		if err != nil {
			return linux.EINVAL
		}
		size = n
		shown += fmt.Sprintf(",size=%dk", n>>10)
	}
	return c.MountTmpfs(target, source, shown, size)
}

func umount(c *prog.Ctx) int {
	quiet := false
	short, long := "cdfilnqrv", []prog.Long{{Name: "force", Val: 'f'}, {Name: "lazy", Val: 'l'}, {Name: "quiet", Val: 'q'}, {Name: "verbose", Val: 'v'},
		{Name: "no-canonicalize", Val: 'c'}, {Name: "detach-loop", Val: 'd'}, {Name: "internal-only", Val: 'i'}, {Name: "no-mtab", Val: 'n'}, {Name: "read-only", Val: 'r'}}
	if !c.GNU() {
		short, long = "fldnrat:vci", nil
	}
	for o := range c.GetoptUtil(short, long) {
		switch o.Val {
		case 'q':
			quiet = true
		}
	}
	if len(c.Args) == 0 {
		if c.GNU() {
			c.Warn("bad usage")
		}
		c.Usage()
	}
	for _, target := range c.Args {
		err := c.Unmount(target)
		if err == nil {
			continue
		}
		c.Status = 32
		if !c.GNU() {
			c.Status = 1
			c.Warn("can't unmount %s: %v", target, err)
			continue
		}
		switch err {
		case linux.EPERM, linux.EACCES:
			c.Warn("%s: must be superuser to unmount.", target)
		case linux.ENOENT:
			c.Warn("%s: no mount point specified.", target)
		case linux.EINVAL:
			if !quiet {
				c.Warn("%s: not mounted.", target)
			}
		case linux.EBUSY:
			c.Warn("%s: target is busy.", target)
		default:
			c.Warn("%s: %v.", target, err)
		}
	}
	return c.Status
}

func mountpoint(c *prog.Ctx) int {
	quiet, device, block, nofollow := false, false, false, false
	short, long := "qdx", []prog.Long{{Name: "quiet", Val: 'q'}, {Name: "nofollow", Val: prog.LongOnly}, {Name: "fs-devno", Val: 'd'}, {Name: "devno", Val: 'x'}}
	if !c.GNU() {
		short, long = "qdxn", nil
	}
	for o := range c.GetoptUtil(short, long) {
		switch o.Val {
		case 'q':
			quiet = true
		case 'd':
			device = true
		case 'x':
			block = true
		case prog.LongOnly:
			nofollow = true
		}
	}
	if len(c.Args) != 1 {
		if c.GNU() {
			c.Warn("bad usage")
		}
		c.Usage()
	}
	name := c.Args[0]
	stat := c.Stat
	if nofollow {
		stat = c.Lstat
	}
	st, err := stat(name)
	if err != nil {
		if !quiet {
			c.Warn("%s: %v", name, err)
		}
		return 1
	}
	if block && c.GNU() {
		if st.Mode.Type() != linux.S_IFBLK {
			if !quiet {
				c.Warn("%s: not a block device", name)
			}
			return 32
		}
		c.Printf("%d:%d\n", st.Rdev.Major(), st.Rdev.Minor())
		return 0
	}
	up, err := c.Stat(prog.JoinPath(name, ".."))
	is := st.Mode.IsDir() && err == nil && (up.Dev != st.Dev || up.Ino == st.Ino)
	if device && is {
		c.Printf("%d:%d\n", st.Dev.Major(), st.Dev.Minor())
		return 0
	}
	fail := 1
	if c.GNU() {
		fail = 32
	}
	if !is {
		if !quiet {
			c.Print(name, " is not a mountpoint\n")
		}
		return fail
	}
	if !quiet {
		c.Print(name, " is a mountpoint\n")
	}
	return 0
}

func which(c *prog.Ctx) int {
	all := false
	if c.GNU() {
		for _, a := range c.Args {
			if a == "--" || !strings.HasPrefix(a, "-") {
				break
			}
			if bad := strings.Trim(a[1:], "as"); bad != "" {
				c.Errorf("Illegal option -%s\nUsage: /usr/bin/which [-a] args\n", bad[:1])
				return 2
			}
		}
		for o := range c.GetoptOnly("as", nil) {
			all = all || o.Val == 'a'
		}
		if len(c.Args) == 0 {
			return 1
		}
	} else {
		for range c.Getopt("a", nil) {
			all = true
		}
		if len(c.Args) == 0 {
			c.Usage()
		}
	}
	for _, name := range c.Args {
		found := false
		for _, path := range c.Candidates(name) {
			st, err := c.Stat(path)
			if err != nil || !st.Mode.IsRegular() || c.Access(path, linux.X_OK) != nil {
				continue
			}
			c.Print(path, "\n")
			found = true
			if !all {
				break
			}
		}
		if !found {
			c.Status = 1
		}
	}
	return c.Status
}

package system

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/datetime"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
	"github.com/dockerlab/dockerlab/sim/userland/userdb"
)

// crontabs is where Busybox keeps them, one for each user, under the user's name.
const crontabs = "/var/spool/cron/crontabs"

// crontab shows, replaces, edits or removes a user's table.
func crontab(c *prog.Ctx) int {
	dir, user, what := crontabs, "", byte(0)
	for o := range c.Getopt("u:c:lerd", nil) {
		switch o.Val {
		case 'u':
			user = o.Arg
		case 'c':
			dir = o.Arg
		default: // -d and -r are one
			what = byte(o.Val)
		}
	}
	if len(c.Args) > 1 || what == 0 && len(c.Args) == 0 && c.Isatty(0) {
		c.Usage()
	}
	db := userdb.Load(c)
	u, ok := db.UID(c.Cred().RUID)
	if user != "" {
		if c.Cred().RUID != 0 {
			c.Die(1, "must be root to use this option") // -u, -c
		}
		u, ok = db.User(user)
	}
	if !ok {
		c.Die(1, "unknown user %s", user)
	}
	var table []byte
	if what == 0 {
		var err error
		if len(c.Args) == 0 || c.Args[0] == "-" {
			table, err = io.ReadAll(io.LimitReader(c.In, 1<<20))
		} else {
			table, err = c.ReadFile(c.Args[0])
		}
		if err != nil {
			c.Die(1, "can't open '%s': %v", c.Args[0], err)
		}
	}
	if err := c.Chdir(dir); err != nil {
		c.Die(1, "can't change directory to '%s': %v", dir, err)
	}
	switch what {
	case 'l':
		b, err := c.ReadFile(u.Name)
		if err != nil {
			c.Die(1, "can't open '%s': %v", u.Name, err)
		}
		c.Out.Write(b)
		return 0
	case 'r':
		c.Unlink(u.Name)
	case 'e':
		b, _ := c.ReadFile(u.Name)
		tmp := fmt.Sprintf("%s.%d", u.Name, c.Pid())
		if err := c.WriteFile(tmp, b, 0o600); err != nil {
			c.Die(1, "can't open '%s': %v", tmp, err)
		}
		editor := c.Getenv("VISUAL")
		if editor == "" {
			editor = c.Getenv("EDITOR")
		}
		if editor == "" {
			editor = "vi"
		}
		pid, err := c.Spawn("/bin/sh", []string{"sh", "-c", editor + " " + tmp}, c.Env(), nil)
		if err != nil {
			c.Die(1, "can't execute '/bin/sh': %v", err)
		}
		c.Wait(pid, 0)
		if err := c.Rename(tmp, u.Name); err != nil {
			c.Die(1, "can't create '%s/%s': %v", dir, u.Name, err)
		}
	default:
		if err := c.WriteFile(u.Name+".new", table, 0o600); err != nil {
			c.Die(1, "can't create '%s/%s.new': %v", dir, u.Name, err)
		}
		if err := c.Rename(u.Name+".new", u.Name); err != nil {
			c.Die(1, "can't create '%s/%s': %v", dir, u.Name, err)
		}
	}
	return 0
}

// cronJob is a line of a table.
type cronJob struct {
	minute, hour, day, month, weekday uint64 // one bit for each value
	anyDay, anyWeekday                bool   // the field was a star
	command                           string
}

var (
	cronMonths = strings.Fields("jan feb mar apr may jun jul aug sep oct nov dec")
	cronDays   = strings.Fields("sun mon tue wed thu fri sat")
)

// parseCronLine reads five fields and a command; not ok: the line is a comment, a variable or wrong.
func parseCronLine(line string) (job cronJob, ok bool) {
	line = strings.TrimSpace(line)
	if line == "" || line[0] == '#' {
		return job, false
	}
	var fields [5]string
	for i := range fields {
		k := strings.IndexAny(line, " \t")
		if k < 0 {
			return job, false
		}
		fields[i], line = line[:k], strings.TrimLeft(line[k:], " \t")
	}
	job.command = line
	for i, f := range []struct {
		to          *uint64
		least, most int
		names       []string
	}{{&job.minute, 0, 59, nil}, {&job.hour, 0, 23, nil}, {&job.day, 1, 31, nil}, {&job.month, 1, 12, cronMonths}, {&job.weekday, 0, 7, cronDays}} {
		if *f.to, ok = parseCronField(fields[i], f.least, f.most, f.names); !ok {
			return job, false
		}
	}
	if job.weekday&(1<<7) != 0 {
		job.weekday |= 1 // Sunday is 0 and 7
	}
	job.anyDay, job.anyWeekday = fields[2] == "*", fields[4] == "*"
	return job, true
}

// parseCronField reads "*", "5", "1-5", "*/2", "jan-mar" and lists of them.
func parseCronField(s string, least, most int, names []string) (set uint64, ok bool) {
	value := func(s string) (int, bool) {
		for i, name := range names {
			if len(s) >= 3 && strings.EqualFold(s[:3], name) {
				return i + least, true
			}
		}
		n, err := strconv.Atoi(s)
		return n, err == nil && n >= least && n <= most
	}
	for _, part := range strings.Split(s, ",") {
		span, every, stepped := strings.Cut(part, "/")
		step := 1
		if stepped {
			n, err := strconv.Atoi(every)
			if err != nil || n < 1 {
				return 0, false
			}
			step = n
		}
		from, to := least, most
		if span != "*" {
			a, b, isRange := strings.Cut(span, "-")
			if from, ok = value(a); !ok {
				return 0, false
			}
			switch {
			case isRange:
				if to, ok = value(b); !ok || to < from {
					return 0, false
				}
			case !stepped:
				to = from
			}
		}
		for ; from <= to; from += step {
			set |= 1 << from
		}
	}
	return set, true
}

// due says whether a job is to run in the minute of t. Where day and day of the week are both
// given, either will do.
func (j *cronJob) due(t time.Time) bool {
	in := func(set uint64, n int) bool { return set>>n&1 != 0 }
	if !in(j.minute, t.Minute()) || !in(j.hour, t.Hour()) || !in(j.month, int(t.Month())) {
		return false
	}
	day, weekday := in(j.day, t.Day()), in(j.weekday, int(t.Weekday()))
	if j.anyDay || j.anyWeekday {
		return day && weekday
	}
	return day || weekday
}

// crond runs what the tables say, minute by minute.
func crond(c *prog.Ctx) int {
	dir, log, foreground, level := crontabs, "", false, 8
	for o := range c.Getopt("l:L:fbSc:", nil) {
		switch o.Val {
		case 'f':
			foreground = true
		case 'b':
			foreground = false
		case 'S':
			log = ""
		case 'L':
			log = o.Arg
		case 'c':
			dir = o.Arg
		case 'l':
			n, err := strconv.ParseUint(o.Arg, 10, 31)
			if err != nil {
				c.Die(1, "invalid number '%s'", o.Arg)
			}
			level = int(n)
		}
	}
	if !foreground {
		// The daemon goes on by itself.
		c.Fork(func(p *kernel.Proc) int {
			detach(p)
			daemon := *c
			daemon.Proc = p
			return cronDaemon(&daemon, dir, log, level)
		})
		return 0
	}
	return cronDaemon(c, dir, log, level)
}

func cronDaemon(c *prog.Ctx, dir, log string, level int) int {
	p := c.Proc
	say := func(at int, format string, args ...any) {
		if at < level || log == "" {
			return // what is for the system's log goes nowhere: no daemon keeps one
		}
		fd, err := p.Open(log, linux.O_WRONLY|linux.O_CREAT|linux.O_APPEND, 0o666)
		if err != nil {
			return
		}
		p.Write(fd, []byte("crond: "+fmt.Sprintf(format, args...)+"\n"))
		p.Close(fd)
	}
	if err := p.Chdir(dir); err != nil {
		say(9, "can't change directory to '%s': %v", dir, err)
		return 1
	}
	say(8, "crond (busybox 1.35.0) started, log level %d", level)
	zone := datetime.Zone(c.Getenv("TZ"))
	p.Signal(linux.SIGCHLD, kernel.Ignore)
	for {
		now := p.Now()
		next := now.Truncate(time.Minute).Add(time.Minute)
		if p.Sleep(next.Sub(now)) != nil {
			continue
		}
		entries, err := p.ReadDir(".")
		if err != nil {
			continue
		}
		db := userdb.Load(c)
		for _, e := range entries {
			u, ok := db.User(e.Name)
			if !ok {
				continue
			}
			b, err := c.ReadFile(e.Name)
			if err != nil {
				continue
			}
			for line := range strings.Lines(string(b)) {
				p.Step(1)
				if job, ok := parseCronLine(line); ok && job.due(next.In(zone)) {
					say(8, "USER %s pid %3d cmd %s", u.Name, startJob(p, u, job.command), job.command)
				}
			}
		}
	}
}

// startJob runs a command as its user, in the user's home.
func startJob(p *kernel.Proc, u userdb.User, command string) int {
	pid, _ := p.Fork(func(j *kernel.Proc) int {
		j.Signal(linux.SIGCHLD, kernel.Default)
		j.Setgroups(nil)
		j.Setgid(u.GID)
		j.Setuid(u.UID)
		if j.Chdir(u.Home) != nil {
			j.Chdir("/")
		}
		env := []string{"PATH=/sbin:/usr/sbin:/bin:/usr/bin", "USER=" + u.Name, "LOGNAME=" + u.Name, "HOME=" + u.Home, "SHELL=/bin/sh"}
		j.Exec("/bin/sh", []string{"/bin/sh", "-c", command}, env)
		return 127
	})
	return pid
}

var syslogFacilities = strings.Fields("kern user mail daemon auth syslog lpr news uucp cron authpriv ftp local0 local1 local2 local3 local4 local5 local6 local7 security mark")

var syslogLevels = strings.Fields("emerg alert crit err warning notice info debug none error panic warn")

// logger writes to the system's log, which a container without a syslogd has not; -s shows it.
func logger(c *prog.Ctx) int {
	tag, show := userdb.Load(c).UserName(c.Cred().UID), false
	known := func(names []string, name string) bool {
		for _, n := range names {
			if n == name {
				return true
			}
		}
		_, err := strconv.ParseUint(name, 10, 8)
		return err == nil
	}
	for o := range c.Getopt("st:p:", nil) {
		switch o.Val {
		case 's':
			show = true
		case 't':
			tag = o.Arg
		case 'p':
			facility, level, both := strings.Cut(o.Arg, ".")
			if !both {
				level, facility = facility, "user"
			}
			if !known(syslogFacilities, facility) {
				c.Die(1, "unknown facility name: %s", facility)
			}
			if !known(syslogLevels, level) {
				c.Die(1, "unknown priority name: %s", level)
			}
		}
	}
	put := func(line string) {
		if show {
			c.Errorf("%s: %s\n", tag, line)
		}
	}
	if len(c.Args) > 0 {
		put(strings.Join(c.Args, " "))
		return 0
	}
	for {
		line, err := c.In.ReadString('\n')
		if line = strings.TrimSuffix(line, "\n"); line != "" {
			put(line)
		}
		if err != nil {
			return 0
		}
	}
}

// syslogd would keep the log. In the lab nothing speaks to it, so it waits.
func syslogd(c *prog.Ctx) int {
	foreground := false
	for o := range c.Getopt("nO:l:m:SR:Ls:b:C::Df:Kt", nil) {
		foreground = foreground || o.Val == 'n'
	}
	return standBy(c, foreground)
}

// telnetd waits for logins; there are no terminals to give.
func telnetd(c *prog.Ctx) int {
	foreground := false
	for o := range c.Getopt("f:l:Ki:p:b:Fw:S", nil) {
		foreground = foreground || o.Val == 'F'
	}
	return standBy(c, foreground)
}

// detach makes p a daemon: in a session of its own, and nobody waits for its output.
func detach(p *kernel.Proc) {
	p.Setsid()
	fd, err := p.Open("/dev/null", linux.O_RDWR, 0)
	for std := range 3 {
		if err == nil {
			p.Dup2(fd, std)
		} else {
			p.Close(std)
		}
	}
}

// standBy is a daemon with nothing to do.
func standBy(c *prog.Ctx, foreground bool) int {
	if foreground {
		for c.Sleep(24*time.Hour) == nil {
		}
		return 0
	}
	c.Fork(func(p *kernel.Proc) int {
		detach(p)
		for p.Sleep(24*time.Hour) == nil {
		}
		return 0
	})
	return 0
}

// last lists who was logged in: nobody, since the lab writes no record of it.
func last(c *prog.Ctx) int {
	c.AtMost(0)
	f, err := c.OpenFile("/var/log/wtmp", linux.O_RDONLY, 0)
	if err != nil {
		c.Die(1, "can't open '/var/log/wtmp': %v", err)
	}
	defer f.Close()
	c.Print("USER       TTY            HOST               LOGIN        TIME\n")
	return 0
}

// cttyhack gives a program a controlling terminal where it has none.
func cttyhack(c *prog.Ctx) int {
	if len(c.Args) == 0 {
		c.Usage()
	}
	if !c.Isatty(0) {
		if fd, err := c.Open("/dev/ttyS0", linux.O_RDWR, 0); err != nil {
			c.Warn("can't open '/dev/ttyS0': %v", err)
		} else {
			for to := range 3 {
				c.Dup2(fd, to)
			}
		}
	}
	full, err := c.Sandbox().LookPath(c.Args[0], c.Getenv("PATH"), prog.WorkDir(c), c.Cred())
	if err == nil {
		err = c.Exec(full, c.Args, c.Env())
	}
	c.Warn("can't execute '%s': %v", c.Args[0], err)
	if err == linux.ENOENT {
		return 127
	}
	return 126
}

// nuke removes what it is given, with all that is below, and says nothing.
func nuke(c *prog.Ctx) int {
	for _, name := range c.Args {
		removeTree(c, name)
	}
	return 0
}

func removeTree(c *prog.Ctx, name string) {
	if st, err := c.Lstat(name); err != nil || st.Mode&linux.S_IFMT != linux.S_IFDIR {
		c.Unlink(name)
		return
	}
	entries, _ := c.ReadDir(name)
	for _, e := range entries {
		removeTree(c, prog.JoinPath(name, e.Name))
	}
	c.Rmdir(name)
}

package system

import (
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
	"github.com/dockerlab/dockerlab/sim/userland/userdb"
)

// The programs that begin and end services, and the small programs that stand in for init.

// service runs a script of /etc/init.d with a clean environment.
func service(c *prog.Ctx) int {
	const usage = "Usage: service < option > | --status-all | [ service_name [ command | --full-restart ] ]\n"
	if len(c.Args) == 0 {
		c.Errorf(usage)
		return 1
	}
	switch c.Args[0] {
	case "--help", "-h", "--h":
		c.Print(usage)
		return 0
	case "--version", "-V":
		c.Print("service ver. 1.65.2+deb12u1\n")
		return 0
	case "--status-all":
		ents, _ := c.ReadDir("/etc/init.d")
		for _, e := range ents {
			script := "/etc/init.d/" + e.Name
			b, err := c.ReadFile(script)
			if err != nil || c.Access(script, linux.X_OK) != nil || strings.HasSuffix(e.Name, ".sh") && !strings.Contains(string(b), "status)") {
				continue
			}
			if !strings.Contains(string(b), "status)") {
				c.Errorf(" [ ? ]  %s\n", e.Name)
				continue
			}
			_, st := output(c, []string{script, "status"})
			if st.ExitCode() == 0 {
				c.Print(" [ + ]  ", e.Name, "\n")
			} else {
				c.Print(" [ - ]  ", e.Name, "\n")
			}
		}
		return 0
	}
	name := c.Args[0]
	script := "/etc/init.d/" + name
	if _, err := c.Stat(script); err != nil || c.Access(script, linux.X_OK) != nil {
		c.Errorf("%s: unrecognized service\n", name)
		return 1
	}
	args := c.Args[1:]
	if len(args) == 1 && args[0] == "--full-restart" {
		c.Command([]string{script, "stop"}, serviceEnv(c), nil)
		args = []string{"start"}
	}
	c.Chdir("/")
	c.Out.Flush()
	err := c.Exec(script, append([]string{script}, args...), serviceEnv(c))
	if err == linux.ENOEXEC {
		err = c.Exec("/bin/sh", append([]string{"/bin/sh", script}, args...), serviceEnv(c))
	}
	c.Warn("%s: %v", script, err)
	return 126
}

// serviceEnv is the little that service lets through.
func serviceEnv(c *prog.Ctx) []string {
	var env []string
	for _, name := range []string{"LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "PATH", "TERM"} {
		if v, ok := c.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// systemctl says what it says where systemd is not process 1.
func systemctl(c *prog.Ctx) int {
	for _, a := range c.Args {
		switch a {
		case "--version":
			c.Print("systemd 252 (252.39-1~deb12u1)\n+PAM +AUDIT +SELINUX +APPARMOR +IMA +SMACK +SECCOMP +GCRYPT -GNUTLS +OPENSSL +ACL +BLKID +CURL +ELFUTILS +FIDO2 +IDN2 -IDN +IPTC +KMOD +LIBCRYPTSETUP +LIBFDISK +PCRE2 -PWQUALITY +P11KIT +QRENCODE +TPM2 +BZIP2 +LZ4 +XZ +ZLIB +ZSTD -BPF_FRAMEWORK -XKBCOMMON +UTMP +SYSVINIT default-hierarchy=unified\n")
			return 0
		case "is-enabled", "is-active":
			if a == "is-active" {
				c.Print("inactive\n")
				return 3
			}
		}
	}
	c.Errorf("System has not been booted with systemd as init system (PID 1). Can't operate.\nFailed to connect to bus: Host is down\n")
	return 1
}

// daemonRun is one run of start-stop-daemon.
type daemonRun struct {
	*prog.Ctx
	exec, name, user, pidfile, startas, group, dir string
	pid, ppid                                      int
	uid                                            uint32
	haveUID                                        bool
	quiet, test, oknodo, background, makePid       bool
	removePid, noClose, verbose                    bool
	signal                                         linux.Signal
	retry                                          []retryStep
	umask                                          string
	stopping                                       bool
	output                                         string
}

// retryStep is a signal, or a time to wait.
type retryStep struct {
	signal linux.Signal
	wait   time.Duration
}

func startStopDaemon(c *prog.Ctx) int {
	const (
		ssdPid = prog.LongOnly + iota
		ssdPpid
		ssdRemove
		ssdNotifyAwait
		ssdNotifyTimeout
	)
	d := &daemonRun{Ctx: c, signal: linux.SIGTERM, name: ""}
	action := byte(0)
	c.UsageStatus = 3
	busybox := !c.GNU()
	long := []prog.Long{
		{Name: "start", Val: 'S'}, {Name: "stop", Val: 'K'}, {Name: "status", Val: 'T'}, {Name: "exec", Arg: prog.ReqArg, Val: 'x'}, {Name: "startas", Arg: prog.ReqArg, Val: 'a'}, {Name: "name", Arg: prog.ReqArg, Val: 'n'},
		{Name: "user", Arg: prog.ReqArg, Val: 'u'}, {Name: "pidfile", Arg: prog.ReqArg, Val: 'p'}, {Name: "pid", Arg: prog.ReqArg, Val: ssdPid}, {Name: "ppid", Arg: prog.ReqArg, Val: ssdPpid},
		{Name: "signal", Arg: prog.ReqArg, Val: 's'}, {Name: "test", Val: 't'}, {Name: "oknodo", Val: 'o'}, {Name: "quiet", Val: 'q'}, {Name: "chuid", Arg: prog.ReqArg, Val: 'c'}, {Name: "group", Arg: prog.ReqArg, Val: 'g'},
		{Name: "chroot", Arg: prog.ReqArg, Val: 'r'}, {Name: "chdir", Arg: prog.ReqArg, Val: 'd'}, {Name: "nicelevel", Arg: prog.ReqArg, Val: 'N'}, {Name: "umask", Arg: prog.ReqArg, Val: 'k'}, {Name: "background", Val: 'b'},
		{Name: "make-pidfile", Val: 'm'}, {Name: "remove-pidfile", Val: ssdRemove}, {Name: "no-close", Val: 'C'}, {Name: "retry", Arg: prog.ReqArg, Val: 'R'}, {Name: "verbose", Val: 'v'}, {Name: "output", Arg: prog.ReqArg, Val: 'O'},
		{Name: "procsched", Arg: prog.ReqArg, Val: 'P'}, {Name: "iosched", Arg: prog.ReqArg, Val: 'I'}, {Name: "notify-await", Val: ssdNotifyAwait}, {Name: "notify-timeout", Arg: prog.ReqArg, Val: ssdNotifyTimeout},
	}
	if !c.GNU() {
		c.UsageStatus = 1
	}
	chuid := ""
	short := "+HKSVTa:n:op:qr:s:tu:vx:c:N:bmR:g:d:I:k:P:CO:"
	if busybox {
		short = "+KSbqtma:n:s:u:c:x:p:ovN:R:"
	}
	for o := range c.Getopt(short, long) {
		switch o.Val {
		case 'S', 'K', 'T':
			if action != 0 {
				if busybox {
					c.Usage()
				}
				c.Fail("only one command can be specified")
				c.Usage()
			}
			action = byte(o.Val)
		case 'H':
			c.Help()
		case 'V':
			c.Version()
		case 'x':
			d.exec = o.Arg
		case 'a':
			d.startas = o.Arg
		case 'n':
			d.name = o.Arg
		case 'u':
			d.user = o.Arg
		case 'p':
			d.pidfile = o.Arg
		case ssdPid:
			d.pid, _ = strconv.Atoi(o.Arg)
		case ssdPpid:
			d.ppid, _ = strconv.Atoi(o.Arg)
		case 's':
			s, ok := linux.ParseSignal(o.Arg)
			if !ok {
				if busybox {
					c.Usage()
				}
				c.Fail("signal value must be numeric or name of signal (KILL, INT, ...)")
				c.Usage()
			}
			d.signal = s
		case 't':
			d.test = true
		case 'o':
			d.oknodo = true
		case 'q':
			d.quiet = true
		case 'v':
			d.verbose = true
		case 'c':
			chuid = o.Arg
		case 'g':
			d.group = o.Arg
		case 'r':
			if err := c.Chroot(o.Arg); err != nil {
				c.Die(2, "unable to chroot() to %s (%v)", o.Arg, err)
			}
		case 'd':
			d.dir = o.Arg
		case 'k':
			d.umask = o.Arg
		case 'b':
			d.background = true
		case 'm':
			d.makePid = true
		case ssdRemove:
			d.removePid = true
		case 'C':
			d.noClose = true
		case 'O':
			d.output = o.Arg
		case 'R':
			d.parseRetry(o.Arg)
		}
	}
	switch {
	case busybox && (action == 0 || action == 'K' && d.exec == "" && d.pidfile == "" && d.user == "" && d.name == ""):
		c.Usage()
	case busybox && action == 'S': // the program is that of -x, or -a's, or the first operand
		switch {
		case d.exec != "":
		case d.startas != "":
			d.exec = d.startas
		case len(c.Args) > 0:
			d.exec, c.Args = c.Args[0], c.Args[1:]
		default:
			c.Usage()
		}
	case busybox && d.makePid && d.pidfile == "":
		c.Usage()
	case busybox:
	case action == 0:
		c.Fail("need one of --start or --stop or --status")
		c.Usage()
	case d.exec == "" && d.pidfile == "" && d.user == "" && d.name == "" && d.pid == 0 && d.ppid == 0:
		c.Fail("need at least one of --exec, --pid, --ppid, --pidfile, --user or --name")
		c.Usage()
	case action == 'S' && d.exec == "" && d.startas == "":
		c.Fail("--start needs --exec or --startas")
		c.Usage()
	case d.makePid && d.pidfile == "":
		c.Fail("--make-pidfile requires --pidfile")
		c.Usage()
	}
	db := userdb.Load(c)
	if d.user != "" {
		uid, ok := db.ParseUser(d.user)
		if !ok {
			if busybox {
				c.Die(1, "unknown user %s", d.user)
			}
			c.Die(2, "user '%s' not found", d.user)
		}
		d.uid, d.haveUID = uid, true
	}
	if d.startas == "" {
		d.startas = d.exec
	}
	if d.exec != "" && c.GNU() {
		if _, err := c.Stat(d.exec); err != nil {
			c.Die(2, "unable to stat %s (%v)", d.exec, err)
		}
	}
	switch action {
	case 'T':
		if len(d.find()) > 0 {
			return 0
		}
		if d.pidfile != "" {
			if _, err := c.Stat(d.pidfile); err == nil {
				return 1
			}
		}
		return 3
	case 'K':
		return d.stop()
	}
	return d.start(db, chuid)
}

func (d *daemonRun) parseRetry(s string) {
	parts := strings.Split(s, "/")
	if len(parts) == 1 {
		n, err := strconv.Atoi(s)
		if err != nil || n < 0 {
			d.Fail("--retry schedule is not a number of seconds or a list: %s", s)
			d.Usage()
		}
		wait := time.Duration(n) * time.Second
		d.retry = []retryStep{{signal: 0}, {wait: wait}, {signal: linux.SIGKILL}, {wait: wait}}
		return
	}
	for _, p := range parts {
		if p == "forever" {
			continue
		}
		if n, err := strconv.Atoi(p); err == nil {
			d.retry = append(d.retry, retryStep{wait: time.Duration(n) * time.Second})
		} else if sig, ok := linux.ParseSignal(strings.TrimPrefix(p, "-")); ok {
			d.retry = append(d.retry, retryStep{signal: sig})
		} else {
			d.Fail("invalid schedule item %s", p)
			d.Usage()
		}
	}
}

// find lists the processes that all the given marks fit.
func (d *daemonRun) find() []int {
	want := d.pid
	if d.pidfile != "" {
		b, err := d.ReadFile(d.pidfile)
		if err != nil {
			return nil
		}
		n, err := strconv.Atoi(strings.TrimSpace(string(b)))
		if err != nil || n <= 0 {
			return nil
		}
		want = n
	}
	exe := d.exec
	if exe != "" {
		if full, err := prog.Realpath(d.Ctx, exe, prog.AllExist); err == nil {
			exe = full
		}
	}
	var pids []int
	for _, p := range d.Processes() {
		if p.State == 'Z' || p.Pid == d.Pid() || want != 0 && p.Pid != want || d.ppid != 0 && p.Ppid != d.ppid ||
			exe != "" && !d.runs(p, exe) || d.haveUID && p.Cred.UID != d.uid || d.name != "" && p.Comm != d.name[:min(15, len(d.name))] {
			continue
		}
		pids = append(pids, p.Pid)
	}
	if len(pids) == 0 && want != 0 && exe == "" && !d.haveUID && d.name == "" && d.ppid == 0 && d.stopping {
		return []int{want} // nothing but its number was asked for
	}
	return pids
}

// runs says whether p runs the executable exe. Busybox goes by the command line, for every one of
// its programs is the same file.
func (d *daemonRun) runs(p kernel.ProcInfo, exe string) bool {
	if !d.GNU() {
		return len(p.Cmdline) > 0 && p.Cmdline[0] == d.exec
	}
	return p.Exe == exe || p.Exe == d.exec
}

func (d *daemonRun) what() string {
	switch {
	case d.exec != "":
		return d.exec
	case d.pidfile != "":
		return "process in pidfile '" + d.pidfile + "'"
	case d.name != "" && !d.GNU():
		return d.name
	case d.name != "":
		return "process(es) named '" + d.name + "'"
	}
	return "process(es) owned by '" + d.user + "'"
}

func (d *daemonRun) stop() int {
	d.stopping = true
	steps := d.retry
	if steps == nil {
		steps = []retryStep{{signal: d.signal}}
	}
	any := false
	for _, s := range steps {
		if s.wait > 0 {
			for end := d.Now().Add(s.wait); len(d.find()) > 0 && d.Now().Before(end); {
				pause(d.Ctx, 20*time.Millisecond)
			}
			continue
		}
		sig := s.signal
		if sig == 0 {
			sig = d.signal
		}
		for _, pid := range d.find() {
			any = true
			if d.test {
				if !d.quiet {
					d.Printf("Would send signal %d to %d.\n", int(sig), pid)
				}
				continue
			}
			switch err := d.Kill(pid, sig); {
			case err == nil:
				if !d.GNU() && !d.quiet {
					d.Printf("stopped %s (pid %d)\n", d.what(), pid)
				}
			case d.GNU():
				d.Warn("warning: failed to kill %d: %v", pid, err)
				any = false
				if !d.quiet {
					d.Print("1 pids were not killed\n")
				}
			default:
				d.Warn("warning: killing process %d: %v", pid, err)
				if d.oknodo {
					return 0
				}
				return 1
			}
		}
	}
	if !any {
		if !d.quiet {
			if d.GNU() {
				d.Printf("No %s found running; none killed.\n", d.what())
			} else {
				d.Printf("no %s found; none killed\n", d.what())
			}
		}
		if d.oknodo {
			return 0
		}
		return 1
	}
	d.stopping = false
	if d.retry != nil && len(d.find()) > 0 {
		if !d.quiet {
			d.Printf("Program %s, 1 process(es), refused to die.\n", path.Base(d.exec))
		}
		return 2
	}
	if d.removePid && d.pidfile != "" {
		d.Unlink(d.pidfile)
	}
	return 0
}

func (d *daemonRun) start(db *userdb.DB, chuid string) int {
	if len(d.find()) > 0 {
		if !d.quiet {
			if d.GNU() {
				d.Printf("%s already running.\n", d.what())
			} else {
				d.Printf("%s is already running\n", d.what())
			}
		}
		if d.oknodo {
			return 0
		}
		return 1
	}
	argv := append([]string{d.startas}, d.Args...)
	if d.test {
		if !d.quiet && d.GNU() {
			d.Printf("Would start %s ", d.startas)
			for _, a := range d.Args {
				d.Print(a, " ")
			}
			d.Print(".\n")
		}
		return 0
	}
	file := d.startas
	if d.GNU() {
		if _, err := d.Stat(file); err != nil {
			d.Die(2, "unable to stat %s (%v)", file, err)
		}
	} else {
		var err error
		if file, err = d.Sandbox().LookPath(d.exec, d.Getenv("PATH"), prog.WorkDir(d.Ctx), d.Cred()); err != nil {
			d.Die(1, "can't execute '%s': %v", d.startas, err)
		}
	}
	if d.verbose && !d.quiet && d.GNU() {
		d.Printf("Starting %s...\n", d.startas)
	}
	d.Out.Flush()
	prepare := func(p *kernel.Proc) error {
		if d.umask != "" {
			if n, err := strconv.ParseUint(d.umask, 8, 12); err == nil {
				p.Umask(linux.Mode(n))
			}
		}
		if d.dir != "" {
			if err := p.Chdir(d.dir); err != nil {
				return err
			}
		}
		return d.becomeUser(p, db, chuid)
	}
	if !d.background {
		if d.makePid {
			d.WriteFile(d.pidfile, []byte(strconv.Itoa(d.Pid())+"\n"), 0o644)
		}
		if err := prepare(d.Proc); err != nil {
			d.Die(2, "%v", err)
		}
		err := d.Exec(file, argv, d.Env())
		d.Die(2, "unable to start %s (%v)", d.startas, err)
	}
	_, err := d.Fork(func(p *kernel.Proc) int {
		p.Setsid()
		if d.dir == "" {
			p.Chdir("/")
		}
		if !d.noClose {
			null, err := p.Open("/dev/null", linux.O_RDWR, 0)
			out := null
			if d.output != "" {
				if f, e := p.Open(d.output, linux.O_WRONLY|linux.O_CREAT|linux.O_APPEND, 0o666); e == nil {
					out = f
				}
			}
			if err == nil {
				p.Dup2(null, 0)
				p.Dup2(out, 1)
				p.Dup2(out, 2)
				p.Close(null)
			}
		}
		if d.makePid {
			child := *d.Ctx
			child.Proc = p
			child.WriteFile(d.pidfile, []byte(strconv.Itoa(p.Pid())+"\n"), 0o644)
		}
		if prepare(p) != nil {
			return 2
		}
		p.Exec(file, argv, d.Env())
		return 2
	})
	if err != nil {
		d.Die(2, "unable to do first fork (%v)", err)
	}

	return 0
}

func (d *daemonRun) becomeUser(p *kernel.Proc, db *userdb.DB, chuid string) error {
	if chuid == "" && d.group == "" {
		return nil
	}
	user, grp, _ := strings.Cut(chuid, ":")
	if d.group != "" {
		grp = d.group
	}
	var gid *uint32
	var uid *uint32
	name := ""
	if user != "" {
		u, ok := db.User(user)
		if !ok {
			if n, ok2 := db.ParseUser(user); ok2 {
				u, ok = db.UID(n)
				u.UID = n
			}
		}
		if !ok {
			return linux.ENOENT
		}
		uid, gid, name = &u.UID, &u.GID, u.Name
	}
	if grp != "" {
		g, ok := db.ParseGroup(grp)
		if !ok {
			return linux.ENOENT
		}
		gid = &g
	}
	if gid != nil {
		if err := p.Setgroups(db.GroupList(name, *gid)); err != nil {
			return err
		}
		if err := p.Setgid(*gid); err != nil {
			return err
		}
	}
	if uid != nil {
		return p.Setuid(*uid)
	}
	return nil
}

// tini is a minimal init: it runs one child, hands signals on to it, and reaps what is orphaned.
func tini(c *prog.Ctx) int {
	group, verbose := false, 0
	expect := map[int]bool{}
	c.OnUsage = func() {
		c.Errorf("tini (tini version 0.19.0)\nUsage: tini [OPTIONS] PROGRAM -- [ARGS] | --version\n\nExecute a program under the supervision of a valid init process (tini)\n\n")
	}
	for o := range c.GetoptOnly("+hvgwle:p:s", []prog.Long{{Name: "version", Val: 'V'}}) {
		switch o.Val {
		case 'V':
			c.Print("tini version 0.19.0\n")
			return 0
		case 'h':
			c.Print("tini (tini version 0.19.0)\nUsage: tini [OPTIONS] PROGRAM -- [ARGS] | --version\n")
			return 0
		case 'g':
			group = true
		case 'v':
			verbose++
		case 'e':
			n, err := strconv.Atoi(o.Arg)
			if err != nil || n < 0 || n > 255 {
				c.Usage()
			}
			expect[n] = true
		}
	}
	argv := c.Args
	if len(argv) == 0 {
		c.Usage()
	}
	if c.Pid() != 1 && verbose >= 0 {
		c.Errorf("[WARN  tini (%d)] Tini is not running as PID 1 and isn't registered as a child subreaper.\nZombie processes will not be re-parented to Tini, so zombie reaping won't work.\nTo fix the problem, use the -s option or set the environment variable TINI_SUBREAPER to register Tini as a child subreaper, or run Tini as PID 1.\n", c.Pid())
	}
	st, err := supervise(c, argv, group, false)
	if err != nil {
		c.Errorf("[FATAL tini (%d)] exec %s failed: %v\n", c.Pid(), argv[0], err)
		if err == linux.ENOENT {
			return 127
		}
		return 126
	}
	code := st.ExitCode()
	if expect[code] {
		return 0
	}
	return code
}

// dumbInit is Yelp's small init; by default signals go to the child's whole session.
func dumbInit(c *prog.Ctx) int {
	group := true
	for o := range c.GetoptOnly("+hvr:cV", []prog.Long{{Name: "help", Val: 'h'}, {Name: "single-child", Val: 'c'}, {Name: "rewrite", Arg: prog.ReqArg, Val: 'r'}, {Name: "verbose", Val: 'v'}, {Name: "version", Val: 'V'}}) {
		switch o.Val {
		case 'c':
			group = false
		case 'V':
			c.Errorf("dumb-init v1.2.5\n")
			return 0
		case 'h':
			c.Errorf("dumb-init v1.2.5\nUsage: %s [option] command [[arg] ...]\n", c.Name)
			return 0
		case 'r':
			c.Die(1, "rewriting signals is not part of the lab's dumb-init")
		}
	}
	if len(c.Args) == 0 {
		c.Errorf("Usage: %s [option] program [args]\nTry %s --help for full usage.\n", c.Name, c.Name)
		return 1
	}
	st, err := supervise(c, c.Args, group, group)
	if err != nil {
		c.Errorf("[dumb-init] %s: %v\n", c.Args[0], err)
		return 2
	}
	return st.ExitCode()
}

// supervise runs argv as a child, hands on every signal that can be caught, and reaps until the
// child has ended. With group, signals go to the child's process group; with session, the child
// leads a session of its own.
func supervise(c *prog.Ctx, argv []string, group, session bool) (kernel.Status, error) {
	var caught []linux.Signal
	for s := linux.SIGHUP; s <= linux.SIGSYS; s++ {
		if slices.Contains([]linux.Signal{linux.SIGKILL, linux.SIGSTOP, linux.SIGFPE, linux.SIGILL, linux.SIGSEGV, linux.SIGBUS, linux.SIGABRT, linux.SIGTRAP, linux.SIGSYS, linux.SIGTTIN, linux.SIGTTOU}, s) {
			continue
		}
		c.Signal(s, kernel.Catch)
		caught = append(caught, s)
	}
	pid, err := c.Start(argv, nil, &kernel.SpawnOpts{Pgid: -1, Foreground: c.Isatty(0) && !session, Default: caught})
	if err != nil {
		return kernel.Status{}, err
	}
	var main kernel.Status
	ended := false
	for {
		for {
			got, st, err := c.Wait(-1, kernel.WNOHANG)
			if err != nil || got == 0 {
				break
			}
			if got == pid {
				main, ended = st, true
			}
		}
		if ended {
			return main, nil
		}
		sig := c.Sigwait()
		if sig == linux.SIGCHLD {
			continue
		}
		to := pid
		if group {
			to = -pid
		}
		c.Kill(to, sig)
	}
}

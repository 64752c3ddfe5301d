// Package nginx is the web server nginx as the lab's images have it: it reads nginx.conf in its real
// grammar, and its master and worker processes serve over the lab's network.
// Words and headers are those of nginx 1.22.1, and of 1.13.6 where that differs.
package nginx

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
	"github.com/dockerlab/dockerlab/sim/userland/services/web"
	"github.com/dockerlab/dockerlab/sim/userland/userdb"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// Programs is nginx.
var Programs = []prog.Program{{Name: "nginx", Families: prog.Any, Run: run}}

const (
	defaultConf      = "/etc/nginx/nginx.conf"
	defaultAccessLog = "/var/log/nginx/access.log"
	defaultErrorLog  = "/var/log/nginx/error.log"
)

// build is one of the two ways in which nginx is packaged.
type build struct {
	number string
	prefix string
	pid    string
	temp   []string // directories that it makes
	logs   bool     // what fails at the start goes to the error log too, not only to the terminal
	body   string   // attributes of <body> in its own pages
}

var (
	official = build{"1.13.6", "/etc/nginx", "/var/run/nginx.pid",
		[]string{"/var/cache/nginx/client_temp", "/var/cache/nginx/proxy_temp", "/var/cache/nginx/fastcgi_temp", "/var/cache/nginx/uwsgi_temp", "/var/cache/nginx/scgi_temp"}, true, ` bgcolor="white"`}
	debian = build{"1.22.1", "/usr/share/nginx", "/run/nginx.pid",
		[]string{"/var/lib/nginx/body", "/var/lib/nginx/proxy", "/var/lib/nginx/fastcgi", "/var/lib/nginx/uwsgi", "/var/lib/nginx/scgi"}, false, ""}
)

// buildOf tells the builds apart by the directory that their package owns.
func buildOf(c *prog.Ctx) build {
	if st, err := c.Stat("/var/cache/nginx"); err == nil && st.Mode.IsDir() {
		return official
	}
	return debian
}

// nginx is a master process, or a command.
type nginx struct {
	c        *prog.Ctx
	build    build
	confFile string
	globals  string
	prefix   string
	conf     []*directive
	site     *site
	user     string
	account  userdb.User
	known    bool           // account is one of the system's
	logs     map[string]int // access logs, which the master opens and the workers inherit
	pidFile  string
	errFile  string
	level    int
	errFd    int
	listens  map[netip.AddrPort]int
	workers  []int
	started  bool // past the point where faults are told on the terminal
}

var levels = []string{"emerg", "alert", "crit", "error", "warn", "notice", "info", "debug"}

const usage = `Usage: nginx [-?hvVtTq] [-s signal] [-p prefix]
             [-e filename] [-c filename] [-g directives]

Options:
  -?,-h         : this help
  -v            : show version and exit
  -V            : show version and configure options then exit
  -t            : test configuration and exit
  -T            : test configuration, dump it and exit
  -q            : suppress non-error messages during configuration testing
  -s signal     : send signal to a master process: stop, quit, reopen, reload
  -p prefix     : set prefix path (default: %s/)
  -e filename   : set error log file (default: %s)
  -c filename   : set configuration file (default: /etc/nginx/nginx.conf)
  -g directives : set global directives out of configuration file

`

func run(c *prog.Ctx) int {
	n := &nginx{c: c, build: buildOf(c), confFile: defaultConf, errFd: 2, level: 3}
	n.prefix = n.build.prefix
	var test, dump, quiet, version, configure, help bool
	var signal string
	args := c.Args
	for i := 0; i < len(args); i++ {
		a := args[i]
		if !strings.HasPrefix(a, "-") {
			return n.plain("invalid option: %q", a)
		}
		for j := 1; j < len(a); j++ {
			value := func(what string) (string, bool) {
				if j+1 < len(a) {
					v := a[j+1:]
					j = len(a)
					return v, true
				}
				if i+1 < len(args) {
					i++
					j = len(a)
					return args[i], true
				}
				n.plain("option \"-%c\" requires %s", a[j], what)
				return "", false
			}
			ok := true
			switch a[j] {
			case '?', 'h':
				version, help = true, true
			case 'v':
				version = true
			case 'V':
				version, configure = true, true
			case 't':
				test = true
			case 'T':
				test, dump = true, true
			case 'q':
				quiet = true
			case 's':
				if signal, ok = value("parameter"); ok && !slices.Contains([]string{"stop", "quit", "reopen", "reload"}, signal) {
					return n.plain("invalid option: \"-s %s\"", signal)
				}
			case 'c':
				n.confFile, ok = value("file name")
			case 'p':
				n.prefix, ok = value("directory name")
			case 'e':
				n.errFile, ok = value("file name")
			case 'g':
				n.globals, ok = value("parameter")
			default:
				return n.plain("invalid option: %q", string(a[j]))
			}
			if !ok {
				return 1
			}
		}
	}
	if version {
		fmt.Fprintf(c.Err, "nginx version: nginx/%s\n", n.build.number)
		if help {
			log := "stderr"
			if n.build.logs {
				log = defaultErrorLog
			}
			fmt.Fprintf(c.Err, usage, n.build.prefix, log)
		}
		if configure {
			fmt.Fprintf(c.Err, "configure arguments: --prefix=%s --conf-path=%s --pid-path=%s\n", n.build.prefix, defaultConf, n.build.pid)
		}
		return 0
	}
	if !path.IsAbs(n.confFile) {
		n.confFile = path.Join(n.prefix, n.confFile)
	}
	if err := n.load(); err != nil {
		n.emerg("%v", err)
		if test {
			fmt.Fprintf(c.Err, "nginx: configuration file %s test failed\n", n.confFile)
		}
		return 1
	}
	switch {
	case test:
		if !quiet {
			fmt.Fprintf(c.Err, "nginx: the configuration file %s syntax is ok\n", n.confFile)
		}
		if err := n.makeTemp(); err != nil {
			n.emerg("%v", err)
			fmt.Fprintf(c.Err, "nginx: configuration file %s test failed\n", n.confFile)
			return 1
		}
		if !quiet {
			fmt.Fprintf(c.Err, "nginx: configuration file %s test is successful\n", n.confFile)
		}
		if dump {
			src, _ := c.ReadFile(n.confFile)
			c.Printf("# configuration file %s:\n%s\n", n.confFile, src)
		}
		return 0
	case signal != "":
		return n.send(signal)
	}
	return n.master()
}

// plain is a fault of the command line.
func (n *nginx) plain(format string, args ...any) int {
	fmt.Fprintf(n.c.Err, "nginx: "+format+"\n", args...)
	return 1
}

// emerg tells what keeps nginx from starting.
func (n *nginx) emerg(format string, args ...any) {
	m := fmt.Sprintf(format, args...)
	n.log("emerg", m)
	if !n.started && n.build.logs {
		fmt.Fprintf(n.c.Err, "nginx: [emerg] %s\n", m)
	}
}

// log writes to the error log.
func (n *nginx) log(level, m string) { logTo(n.c.Proc, n.errFd, n.level, level, m) }

func logTo(p *kernel.Proc, fd, most int, level, m string) {
	if slices.Index(levels, level) > most {
		return
	}
	fmt.Fprintf(p.Writer(fd), "%s [%s] %d#%d: %s\n", p.Now().Format("2006/01/02 15:04:05"), level, p.Pid(), p.Pid(), m)
}

// load reads the configuration, and opens what it names.
func (n *nginx) load() error {
	if n.build.logs && n.errFd == 2 {
		if fd, err := n.c.Open(defaultErrorLog, linux.O_WRONLY|linux.O_APPEND|linux.O_CREAT, 0o644); err == nil {
			n.errFd = fd
		} else {
			fmt.Fprintf(n.c.Err, "nginx: [alert] could not open error log file: open() %q failed (%s)\n", defaultErrorLog, errno(err))
		}
	}
	p := &parser{dir: path.Dir(n.confFile), read: n.read, glob: func(pattern string) []string {
		return globMatch(pattern, func(dir string) []string {
			es, _ := n.c.ReadDir(dir)
			var names []string
			for _, e := range es {
				names = append(names, e.Name)
			}
			return names
		})
	}}
	var global []*directive
	if n.globals != "" {
		l := &lexer{src: n.globals, file: "command line"}
		ds, err := p.block(l, inMain, false)
		if err != nil {
			m := strings.Replace(err.Error(), `unexpected end of file, expecting ";" or "}"`, `unexpected end of parameter, expecting ";"`, 1)
			m, _, _ = strings.Cut(m, " in command line:")
			return errors.New(m + " in command line")
		}
		global = ds
	}
	ds, err := p.parse(n.confFile, inMain)
	if err != nil {
		return err
	}
	for _, d := range ds {
		if find(global, d.name) != nil && d.name != "error_log" && d.name != "http" && d.name != "events" {
			return fault(d, "%q directive is duplicate", d.name)
		}
	}
	n.conf = append(global, ds...)
	if find(n.conf, "events") == nil {
		return errors.New(`no "events" section in configuration`)
	}
	var http []*directive
	if d := find(n.conf, "http"); d != nil {
		http = d.block
	}
	if n.site, err = makeSite(http); err != nil {
		return err
	}
	n.user = "nobody"
	if n.build.number == official.number {
		n.user = "nginx"
	}
	if d := find(n.conf, "user"); d != nil {
		n.user = d.args[0]
	}
	if n.account, n.known = userdb.Load(n.c).User(n.user); !n.known {
		if d := find(n.conf, "user"); d != nil {
			return fault(d, `getpwnam(%q) failed`, n.user)
		}
	}
	n.pidFile = n.build.pid
	if d := find(n.conf, "pid"); d != nil {
		n.pidFile = d.args[0]
		if !path.IsAbs(n.pidFile) {
			n.pidFile = path.Join(n.prefix, n.pidFile)
		}
	}
	if d := find(n.conf, "worker_processes"); d != nil && d.args[0] != "auto" {
		if w, err := strconv.Atoi(d.args[0]); err != nil || w < 1 {
			return fault(d, "invalid value %q", d.args[0])
		}
	}
	if err := n.openErrorLog(); err != nil {
		return err
	}
	n.logs = map[string]int{}
	for _, file := range n.site.logFiles() {
		if !path.IsAbs(file) {
			file = path.Join(n.prefix, file)
		}
		if _, ok := n.logs[file]; ok {
			continue
		}
		fd, err := n.c.Open(file, linux.O_WRONLY|linux.O_APPEND|linux.O_CREAT, 0o644)
		if err != nil {
			return fmt.Errorf("open() %q failed (%s)", file, errno(err))
		}
		n.logs[file] = fd
	}
	return nil
}

func (n *nginx) openErrorLog() error {
	d := find(n.conf, "error_log")
	file, level := n.errFile, "error"
	if d != nil {
		file = d.args[0]
		if len(d.args) > 1 {
			level = d.args[1]
		}
	} else if file == "" && n.build.logs {
		file = defaultErrorLog
	}
	if n.level = slices.Index(levels, level); n.level < 0 {
		return fault(d, "invalid log level %q", level)
	}
	switch {
	case file == "stderr" || file == "":
		n.errFd = 2
		return nil
	case !path.IsAbs(file):
		file = path.Join(n.prefix, file)
	}
	fd, err := n.c.Open(file, linux.O_WRONLY|linux.O_APPEND|linux.O_CREAT, 0o644)
	if err != nil {
		return fmt.Errorf("open() %q failed (%s)", file, errno(err))
	}
	n.errFd = fd
	return nil
}

func (n *nginx) read(name string) ([]byte, error) {
	b, err := n.c.ReadFile(name)
	if err != nil {
		var e linux.Errno
		errors.As(err, &e)
		return nil, &openError{"open", name, int(e), e.Error()}
	}
	return b, nil
}

// send is "nginx -s".
func (n *nginx) send(signal string) int {
	n.started = true
	if !n.build.logs {
		n.level = max(n.level, slices.Index(levels, "notice"))
	}
	n.log("notice", "signal process started")
	b, err := n.c.ReadFile(n.pidFile)
	complain := func(m string) int {
		n.log("error", m)
		if n.build.logs {
			fmt.Fprintf(n.c.Err, "nginx: [error] %s\n", m)
		}
		return 1
	}
	if err != nil {
		return complain(fmt.Sprintf("open() %q failed (%s)", n.pidFile, errno(err)))
	}
	text := strings.TrimSpace(string(b))
	pid, err := strconv.Atoi(text)
	if err != nil || pid <= 0 {
		return complain(fmt.Sprintf("invalid PID number %q in %q", text, n.pidFile))
	}
	sig := map[string]linux.Signal{"stop": linux.SIGTERM, "quit": linux.SIGQUIT, "reopen": linux.SIGUSR1, "reload": linux.SIGHUP}[signal]
	if err := n.c.Kill(pid, sig); err != nil {
		return complain(fmt.Sprintf("kill(%d, %d) failed (%s)", pid, sig, errno(err)))
	}
	return 0
}

// makeTemp makes the directories for what clients send and servers behind answer.
func (n *nginx) makeTemp() error {
	for _, dir := range n.build.temp {
		err := n.c.Mkdir(dir, 0o700)
		if err != nil && err != linux.EEXIST {
			return fmt.Errorf("mkdir() %q failed (%s)", dir, errno(err))
		}
		if n.known && n.c.Cred().UID == 0 {
			if st, err := n.c.Stat(dir); err == nil && st.UID != n.account.UID {
				n.c.Chown(dir, n.account.UID, vfs.NoID)
			}
		}
	}
	return nil
}

// bind opens the listening sockets that are not open yet.
func (n *nginx) bind() error {
	if n.listens == nil {
		n.listens = map[netip.AddrPort]int{}
	}
	for try := 0; ; try++ {
		failed := false
		for _, s := range n.site.servers {
			for _, l := range s.listens {
				if _, ok := n.listens[l.addr]; ok {
					continue
				}
				fd, err := n.c.Listen("tcp", l.addr)
				if err != nil {
					n.emerg("bind() to %s failed (%s)", l.addr, errno(err))
					if err != linux.EADDRINUSE {
						return err
					}
					failed = true
					continue
				}
				n.listens[l.addr] = fd
			}
		}
		if !failed {
			return nil
		}
		if try == 4 {
			n.emerg("still could not bind()")
			return linux.EADDRINUSE
		}
		n.c.Sleep(500 * time.Millisecond)
	}
}

func (n *nginx) on(name string, def bool) bool {
	if d := find(n.conf, name); d != nil {
		return d.args[0] == "on"
	}
	return def
}

// master serves until it is told to stop.
func (n *nginx) master() int {
	if n.c.Cred().UID != 0 {
		if d := find(n.conf, "user"); d != nil {
			n.log("warn", fmt.Sprintf(`the "user" directive makes sense only if the master process runs with super-user privileges, ignored in %s:%d`, d.file, d.line))
		}
	}
	if err := n.makeTemp(); err != nil {
		n.emerg("%v", err)
		return 1
	}
	if n.bind() != nil {
		return 1
	}
	if n.on("daemon", true) {
		if _, err := n.c.Fork(func(p *kernel.Proc) int {
			p.Setsid()
			null, err := p.Open("/dev/null", linux.O_RDWR, 0)
			if err == nil {
				p.Dup2(null, 0)
				p.Dup2(null, 1)
				p.Close(null)
			}
			c := *n.c
			c.Proc = p
			n.c = &c
			return n.serve()
		}); err != nil {
			n.emerg("fork() failed (%s)", errno(err))
			return 1
		}
		return 0
	}
	return n.serve()
}

func (n *nginx) serve() int {
	p := n.c.Proc
	n.started = true
	if err := n.c.WriteFile(n.pidFile, []byte(strconv.Itoa(p.Pid())+"\n"), 0o644); err != nil {
		n.emerg("open() %q failed (%s)", n.pidFile, errno(err))
		return 1
	}
	for _, s := range []linux.Signal{linux.SIGTERM, linux.SIGINT, linux.SIGQUIT, linux.SIGHUP, linux.SIGUSR1, linux.SIGCHLD, linux.SIGWINCH} {
		p.Signal(s, kernel.Catch)
	}
	p.Signal(linux.SIGPIPE, kernel.Ignore)
	if !n.on("master_process", true) {
		newWorker(n, p).loop()
		p.Unlink(n.pidFile)
		return 0
	}
	argv := append([]string{"nginx: master process " + n.c.Name}, n.c.Args...)
	p.SetCmdline([]string{strings.Join(argv, " ")})
	n.spawn()
	stopping := false
	for {
		switch s := p.Sigwait(); s {
		case linux.SIGTERM, linux.SIGINT:
			stopping = true
			n.tell(linux.SIGTERM)
		case linux.SIGQUIT:
			stopping = true
			n.tell(linux.SIGQUIT)
		case linux.SIGWINCH:
			n.tell(linux.SIGQUIT)
			n.workers = nil
		case linux.SIGUSR1:
			n.openErrorLog()
			n.tell(linux.SIGUSR1)
		case linux.SIGHUP:
			n.log("notice", "reconfiguring")
			old := *n
			if err := n.load(); err != nil {
				m := err.Error()
				*n = old
				n.log("emerg", m)
				continue
			}
			if n.bind() != nil {
				*n = old
				continue
			}
			n.tell(linux.SIGQUIT)
			n.workers = nil
			n.spawn()
		case linux.SIGCHLD:
			for {
				pid, st, err := p.Wait(-1, kernel.WNOHANG)
				if err != nil || pid == 0 {
					break
				}
				i := slices.Index(n.workers, pid)
				if i < 0 {
					continue
				}
				n.workers = slices.Delete(n.workers, i, i+1)
				if !stopping {
					if st.Signal != 0 {
						n.log("alert", fmt.Sprintf("worker process %d exited on signal %d", pid, st.Signal))
					}
					n.spawnOne()
				}
			}
		}
		if stopping && len(n.workers) == 0 {
			p.Unlink(n.pidFile)
			return 0
		}
	}
}

func (n *nginx) tell(s linux.Signal) {
	for _, w := range n.workers {
		n.c.Kill(w, s)
	}
}

// spawn starts the workers: as many as processors with "auto".
func (n *nginx) spawn() {
	count := 1
	if d := find(n.conf, "worker_processes"); d != nil {
		if w, err := strconv.Atoi(d.args[0]); err == nil {
			count = min(w, 16)
		} else {
			count = 2
		}
	}
	for range count {
		n.spawnOne()
	}
}

func (n *nginx) spawnOne() {
	pid, err := n.c.Fork(func(p *kernel.Proc) int {
		p.SetCmdline([]string{"nginx: worker process"})
		if n.known && p.Cred().UID == 0 {
			p.Setgid(n.account.GID)
			p.Setgroups([]uint32{n.account.GID})
			p.Setuid(n.account.UID)
		}
		w := newWorker(n, p)
		w.loop()
		return 0
	})
	if err != nil {
		n.log("alert", fmt.Sprintf("fork() failed while spawning \"worker process\" (%s)", errno(err)))
		return
	}
	n.workers = append(n.workers, pid)
}

// worker is a process that serves.
type worker struct {
	p       *kernel.Proc
	n       *nginx
	site    *site
	version build
	prefix  string
	logs    map[string]int // open access logs
}

func newWorker(n *nginx, p *kernel.Proc) *worker {
	w := &worker{p: p, n: n, site: n.site, version: n.build, prefix: n.prefix, logs: maps.Clone(n.logs)}
	return w
}

func (w *worker) loop() {
	s := &web.Server{P: w.p, Handle: w.handle, Keep: w.site.keep}
	var at []netip.AddrPort
	for a := range w.n.listens {
		at = append(at, a)
	}
	slices.SortFunc(at, netip.AddrPort.Compare)
	for _, a := range at {
		s.Listeners = append(s.Listeners, w.n.listens[a])
	}
	s.Signal = func(sig linux.Signal) bool {
		switch sig {
		case linux.SIGTERM, linux.SIGINT, linux.SIGQUIT:
			return true
		case linux.SIGUSR1:
			for f, fd := range w.logs {
				w.p.Close(fd)
				delete(w.logs, f)
			}
		}
		return false
	}
	s.Run()
}

// access writes a line of an access log.
func (w *worker) access(l accessLog, format string, q *request) {
	file := l.file
	if !path.IsAbs(file) {
		file = path.Join(w.prefix, file)
	}
	fd, ok := w.logs[file]
	if !ok {
		var err error
		if fd, err = w.p.Open(file, linux.O_WRONLY|linux.O_APPEND|linux.O_CREAT, 0o644); err != nil {
			return
		}
		w.logs[file] = fd
	}
	line := variable.ReplaceAllStringFunc(format, func(m string) string {
		v := q.value(strings.Trim(m, "${}"))
		if v == "" {
			return "-"
		}
		return escapeLog(v)
	})
	w.p.Write(fd, []byte(line+"\n"))
}

// escapeLog writes what could break a log's lines as \xXX.
func escapeLog(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c < 32 || c > 126 || c == '"' || c == '\\' {
			fmt.Fprintf(&b, `\x%02X`, c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

func (w *worker) errorLog(level, m string) { logTo(w.p, w.n.errFd, w.n.level, level, m) }

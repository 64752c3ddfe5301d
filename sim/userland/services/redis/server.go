// Package redis is the key-value server redis 7.0, and its client redis-cli, as the lab's redis image
// has them: strings, lists, hashes, sets and sorted sets over RESP, expiry, and snapshots in RDB files.
package redis

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// Programs are the server and its client.
var Programs = []prog.Program{{Name: "redis-server", Families: prog.Any, Run: serve}, {Name: "redis-cli", Families: prog.Any, Run: cli}}

// version is what the lab's redis is like; an image may have another release's name on it.
const version = "7.0.15"

// releaseOf is the release that the program's file is of.
func releaseOf(c *prog.Ctx) string { return cmp.Or(c.Release(), version) }

// allocator is the version of jemalloc that a release of redis brings.
func allocator(release string) string {
	if strings.HasPrefix(release, "3.") {
		return "4.0.3"
	}
	return "5.3.0"
}

type server struct {
	p       *kernel.Proc
	conf    map[string]string
	file    string // of the configuration
	dbs     []database
	clients map[int]*client
	count   int
	dirty   int // changes since the last save
	saved   time.Time
	began   time.Time
	logFd   int
	letter  byte // of the log lines: C before the start and in children, M for the master
	ended   bool
	id      string
	release string
	served  int
	child   int // that saves in the background
}

type client struct {
	s           *server
	fd, id      int
	in          []byte
	dbNum       int
	peer, local netip.AddrPort
	since       time.Time
	name        string
	multi       bool
	queued      [][]string
	closing     bool
	authed      bool
}

// defaults are the settings that CONFIG knows.
var defaults = map[string]string{
	"port": "6379", "bind": "* -::*", "protected-mode": "yes", "timeout": "0", "tcp-keepalive": "300", "daemonize": "no", "pidfile": "", "loglevel": "notice", "logfile": "",
	"databases": "16", "save": "3600 1 300 100 60 10000", "stop-writes-on-bgsave-error": "yes", "rdbcompression": "yes", "rdbchecksum": "yes", "dbfilename": "dump.rdb", "dir": "",
	"requirepass": "", "maxclients": "10000", "maxmemory": "0", "maxmemory-policy": "noeviction", "appendonly": "no", "appendfilename": "appendonly.aof", "appendfsync": "everysec",
	"tcp-backlog": "511", "always-show-logo": "no", "hz": "10", "slowlog-log-slower-than": "10000", "slowlog-max-len": "128", "notify-keyspace-events": "", "lua-time-limit": "5000",
}

func serve(c *prog.Ctx) int {
	s := &server{p: c.Proc, conf: map[string]string{}, clients: map[int]*client{}, logFd: 1, began: c.Now(), id: c.Kernel().NewID()[:40]}
	for k, v := range defaults {
		s.conf[k] = v
	}
	args := c.Args
	if len(args) > 0 {
		switch args[0] {
		case "-v", "--version":
			c.Printf("Redis server v=%s sha=00000000:0 malloc=jemalloc-%s bits=64 build=ae4d7c971a948f0\n", releaseOf(c), allocator(releaseOf(c)))
			return 0
		case "-h", "--help":
			c.Print("Usage: ./redis-server [/path/to/redis.conf] [options] [-]\n       ./redis-server - (read config from stdin)\n       ./redis-server -v or --version\n       ./redis-server -h or --help\n")
			return 0
		}
	}
	var lines []string
	if len(args) > 0 && !strings.HasPrefix(args[0], "--") {
		s.file = args[0]
		b, err := c.ReadFile(s.file)
		if err != nil {
			s.log('#', fmt.Sprintf("Fatal error, can't open config file '%s': %v", absolute(c, s.file), err))
			return 1
		}
		lines = strings.Split(string(b), "\n")
		args = args[1:]
	}
	for i := 0; i < len(args); {
		line := strings.TrimPrefix(args[i], "--")
		for i++; i < len(args) && !strings.HasPrefix(args[i], "--"); i++ {
			line += " " + quote(args[i])
		}
		lines = append(lines, line)
	}
	for n, l := range lines {
		l = strings.TrimSpace(l)
		if l == "" || l[0] == '#' {
			continue
		}
		w, fine := splitArgs(l)
		if !fine || len(w) < 2 || !s.set(strings.ToLower(w[0]), w[1:]) {
			at := n + 1
			if s.file == "" {
				at++
			}
			fmt.Fprintf(c.Err, "\n*** FATAL CONFIG FILE ERROR (Redis %s) ***\nReading the configuration file, at line %d\n>>> '%s'\nBad directive or wrong number of arguments\n", releaseOf(c), at, l)
			return 1
		}
	}
	if f := s.conf["logfile"]; f != "" {
		fd, err := c.Open(f, linux.O_WRONLY|linux.O_APPEND|linux.O_CREAT, 0o644)
		if err != nil {
			fmt.Fprintf(c.Err, "Can't open the log file: %v\n", err)
			return 1
		}
		s.logFd = fd
	}
	if d := s.conf["dir"]; d != "" {
		if err := c.Chdir(d); err != nil {
			s.log('#', fmt.Sprintf("Can't chdir to '%s': %v", d, err))
			return 1
		}
	}
	n, _ := strconv.Atoi(s.conf["databases"])
	for range max(1, min(n, 1024)) {
		s.dbs = append(s.dbs, database{})
	}
	s.conf["dir"], _ = c.Getwd()
	s.letter, s.release = 'C', releaseOf(c)
	s.log('#', "oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo")
	s.log('#', fmt.Sprintf("Redis version=%s, bits=64, commit=00000000, modified=0, pid=%d, just started", s.release, c.Pid()))
	if len(c.Args) == 0 {
		s.log('#', fmt.Sprintf("Warning: no config file specified, using the default config. In order to specify a config file use %s /path/to/redis.conf", c.Name))
	} else {
		s.log('#', "Configuration loaded")
	}
	if s.conf["daemonize"] == "yes" {
		if _, err := c.Fork(func(p *kernel.Proc) int {
			p.Setsid()
			s.p = p
			return s.run()
		}); err != nil {
			return 1
		}
		return 0
	}
	return s.run()
}

func absolute(c *prog.Ctx, name string) string {
	if path.IsAbs(name) {
		return name
	}
	wd, _ := c.Getwd()
	return path.Join(wd, name)
}

func quote(s string) string {
	if s == "" || strings.ContainsAny(s, " \t\"'") {
		return strconv.Quote(s)
	}
	return s
}

func (s *server) set(name string, args []string) bool {
	if name == "save" {
		v := strings.Join(args, " ")
		if v == `""` {
			v = ""
		}
		s.conf["save"] = v
		return true
	}
	if _, known := s.conf[name]; !known {
		return false
	}
	s.conf[name] = strings.Join(args, " ")
	return true
}

func (s *server) now() time.Time { return s.p.Now() }

func (s *server) log(level byte, m string) {
	letter := s.letter
	if letter == 0 {
		letter = 'C'
	}
	fmt.Fprintf(s.p.Writer(s.logFd), "%d:%c %s %c %s\n", s.p.Pid(), letter, s.p.Now().Format("02 Jan 2006 15:04:05.000"), level, m)
}

// run serves until it is told to stop.
func (s *server) run() int {
	s.letter = 'M'
	s.log('*', "monotonic clock: POSIX clock_gettime")
	port, err := strconv.ParseUint(s.conf["port"], 10, 16)
	if err != nil {
		return 1
	}
	addr := netip.IPv6Unspecified()
	if b := strings.Fields(s.conf["bind"]); len(b) == 1 && b[0] != "*" {
		if a, err := netip.ParseAddr(strings.TrimPrefix(b[0], "-")); err == nil {
			addr = a
		}
	}
	listen, err := s.p.Listen("tcp", netip.AddrPortFrom(addr, uint16(port)))
	if err != nil {
		s.log('#', fmt.Sprintf("Warning: Could not create server TCP listening socket *:%d: bind: %v", port, err))
		s.log('#', fmt.Sprintf("Failed listening on port %d (TCP), aborting.", port))
		return 1
	}
	s.log('*', fmt.Sprintf("Running mode=standalone, port=%d.", port))
	s.log('#', "Server initialized")
	s.saved = s.now()
	if n, err := s.load(); err != nil {
		s.log('#', fmt.Sprintf("Fatal error loading the DB: %v. Exiting.", err))
		return 1
	} else if n >= 0 {
		s.log('*', fmt.Sprintf("Done loading RDB, keys loaded: %d, keys expired: 0.", n))
		s.log('*', "DB loaded from disk: 0.000 seconds")
	}
	for _, sig := range []linux.Signal{linux.SIGTERM, linux.SIGINT, linux.SIGCHLD} {
		s.p.Signal(sig, kernel.Catch)
	}
	s.p.Signal(linux.SIGPIPE, kernel.Ignore)
	s.p.Signal(linux.SIGHUP, kernel.Ignore)
	s.log('*', "Ready to accept connections")
	buf := make([]byte, 16<<10)
	for !s.ended {
		for {
			sig, some := s.p.TakeSignal()
			if !some {
				break
			}
			switch sig {
			case linux.SIGCHLD:
				s.reap()
			case linux.SIGINT:
				s.log('#', "Received SIGINT scheduling shutdown...")
				s.log('#', "User requested shutdown...")
				s.stop(true)
			default:
				s.p.Exit(s.terminate())
			}
		}
		if s.ended {
			break
		}
		fds := []kernel.PollFd{{Fd: listen, Events: kernel.POLLIN}}
		for _, fd := range s.p.Fds() {
			if s.clients[fd] != nil {
				fds = append(fds, kernel.PollFd{Fd: fd, Events: kernel.POLLIN})
			}
		}
		if n, err := s.p.Poll(fds, s.untilSave()); err != nil {
			continue
		} else if n == 0 {
			s.background()
			continue
		}
		for _, f := range fds {
			if f.Revents == 0 {
				continue
			}
			if c := s.clients[f.Fd]; c != nil {
				s.feed(c, buf)
				continue
			}
			fd, peer, err := s.p.Accept(listen)
			if err != nil {
				continue
			}
			s.count++
			s.clients[fd] = &client{s: s, fd: fd, id: s.count, peer: peer, local: s.p.SockName(fd), since: s.now()}
		}
	}
	return 0
}

// terminate is SIGTERM.
func (s *server) terminate() int {
	s.log('#', "Received SIGTERM scheduling shutdown...")
	s.log('#', "User requested shutdown...")
	s.stop(true)
	return 0
}

// stop saves what "save" asks for, and ends the loop.
func (s *server) stop(save bool) {
	if save && s.conf["save"] != "" {
		s.log('*', "Saving the final RDB snapshot before exiting.")
		if err := s.save(); err != nil {
			s.log('#', "Error trying to save the DB, can't exit.")
			return
		}
	}
	s.log('#', "Redis is now ready to exit, bye bye...")
	s.ended = true
}

// untilSave is how long until the configuration asks for a snapshot; negative: it does not.
func (s *server) untilSave() time.Duration {
	f := strings.Fields(s.conf["save"])
	wait := time.Duration(-1)
	if s.dirty == 0 || s.child != 0 {
		return wait
	}
	for i := 0; i+1 < len(f); i += 2 {
		sec, _ := strconv.Atoi(f[i])
		changes, _ := strconv.Atoi(f[i+1])
		if s.dirty < changes {
			continue
		}
		if d := max(0, s.saved.Add(time.Duration(sec)*time.Second).Sub(s.now())); wait < 0 || d < wait {
			wait = d
		}
	}
	return wait
}

// background saves in a child, as BGSAVE does.
func (s *server) background() {
	if s.child != 0 {
		return
	}
	pid, err := s.p.Fork(func(p *kernel.Proc) int {
		c := *s
		c.p = p
		c.letter = 'C'
		if c.save() != nil {
			return 1
		}
		c.log('*', "Fork CoW for RDB: current 0 MB, peak 0 MB, average 0 MB")
		return 0
	})
	if err != nil {
		s.log('#', fmt.Sprintf("Can't save in background: fork: %v", err))
		return
	}
	s.log('*', fmt.Sprintf("Background saving started by pid %d", pid))
	s.child, s.dirty, s.saved = pid, 0, s.now()
}

func (s *server) reap() {
	for {
		pid, st, err := s.p.Wait(-1, kernel.WNOHANG)
		if err != nil || pid == 0 {
			return
		}
		if pid == s.child {
			s.child = 0
			if st.ExitCode() == 0 {
				s.log('*', "Background saving terminated with success")
			} else {
				s.log('#', "Background saving error")
			}
		}
	}
}

func (s *server) drop(c *client) {
	s.p.Close(c.fd)
	delete(s.clients, c.fd)
}

// feed reads what a client sent, and answers every command that is complete.
func (s *server) feed(c *client, buf []byte) {
	n, err := s.p.Read(c.fd, buf)
	if errors.Is(err, linux.EINTR) {
		return
	}
	if n == 0 || err != nil {
		s.drop(c)
		return
	}
	c.in = append(c.in, buf[:n]...)
	var out strings.Builder
	for !c.closing {
		args, used, err := request(c.in)
		if err == errMore {
			break
		}
		if err != nil {
			encode(&out, fault("ERR Protocol error: "+err.Error()))
			c.closing = true
			break
		}
		c.in = c.in[used:]
		if len(args) == 0 {
			continue
		}
		s.served++
		r := c.call(args)
		if !s.ended {
			encode(&out, r)
		}
	}
	if _, err := s.p.Write(c.fd, []byte(out.String())); err != nil || c.closing {
		s.drop(c)
	}
}

// call is a command of a client, queued if a transaction is open.
func (c *client) call(a []string) reply {
	name := strings.ToLower(a[0])
	if c.s.conf["requirepass"] != "" && !c.authed && name != "auth" && name != "quit" {
		return fault("NOAUTH Authentication required.")
	}
	if c.multi && name != "exec" && name != "discard" && name != "multi" && name != "quit" {
		if f, bad := c.check(a); bad {
			return f
		}
		c.queued = append(c.queued, a)
		return simple("QUEUED")
	}
	return c.do(a)
}

func (c *client) check(a []string) (fault, bool) {
	name := strings.ToLower(a[0])
	cmd, known := commands[name]
	if !known {
		var b strings.Builder
		for _, x := range a[1:] {
			if b.Len() > 100 {
				break
			}
			fmt.Fprintf(&b, "'%s' ", x)
		}
		return fault(fmt.Sprintf("ERR unknown command '%s', with args beginning with: %s", a[0], b.String())), true
	}
	if len(a) < cmd.least || cmd.most > 0 && len(a) > cmd.most {
		return fault("ERR wrong number of arguments for '" + name + "' command"), true
	}
	return "", false
}

func (c *client) do(a []string) reply {
	c.s.p.Step(5)
	if f, bad := c.check(a); bad {
		return f
	}
	return commands[strings.ToLower(a[0])].run(c, a)
}

// info is INFO.
func (s *server) info(want []string) string {
	u := s.p.Uname()
	up := int(s.now().Sub(s.began).Seconds())
	sections := []struct{ name, text string }{
		{"Server", fmt.Sprintf("redis_version:%s\r\nredis_git_sha1:00000000\r\nredis_git_dirty:0\r\nredis_build_id:ae4d7c971a948f0\r\nredis_mode:standalone\r\nos:Linux %s x86_64\r\narch_bits:64\r\nprocess_id:%d\r\nrun_id:%s\r\ntcp_port:%s\r\nserver_time_usec:%d\r\nuptime_in_seconds:%d\r\nuptime_in_days:%d\r\nhz:10\r\nconfigured_hz:10\r\nexecutable:%s\r\nconfig_file:%s\r\n",
			s.release, u.Release, s.p.Pid(), s.id, s.conf["port"], s.now().UnixMicro(), up, up/86400, s.p.Exe(), s.file)},
		{"Clients", fmt.Sprintf("connected_clients:%d\r\nblocked_clients:0\r\n", len(s.clients))},
		{"Persistence", fmt.Sprintf("loading:0\r\nrdb_changes_since_last_save:%d\r\nrdb_bgsave_in_progress:%d\r\nrdb_last_save_time:%d\r\nrdb_last_bgsave_status:ok\r\naof_enabled:0\r\n", s.dirty, min(s.child, 1), s.saved.Unix())},
		{"Stats", fmt.Sprintf("total_connections_received:%d\r\ntotal_commands_processed:%d\r\n", s.count, s.served)},
		{"Replication", "role:master\r\nconnected_slaves:0\r\n"},
		{"Keyspace", s.keyspace()},
	}
	var out []string
	for _, x := range sections {
		if len(want) == 0 || slices.ContainsFunc(want, func(w string) bool {
			return strings.EqualFold(w, x.name) || strings.EqualFold(w, "all") || strings.EqualFold(w, "everything") || strings.EqualFold(w, "default")
		}) {
			out = append(out, "# "+x.name+"\r\n"+x.text)
		}
	}
	return strings.Join(out, "\r\n")
}

func (s *server) keyspace() string {
	var b strings.Builder
	for i, d := range s.dbs {
		if len(d) == 0 {
			continue
		}
		n := 0
		for _, v := range d {
			if !v.expire.IsZero() {
				n++
			}
		}
		fmt.Fprintf(&b, "db%d:keys=%d,expires=%d,avg_ttl=0\r\n", i, len(d), n)
	}
	return b.String()
}

package kernel

import (
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// SandboxConfig is what a sandbox is made of.
type SandboxConfig struct {
	ID                   string // of the container
	Hostname, Domainname string
	NS                   *vfs.Namespace
	Net                  *NetNS   // nil: a namespace of its own with a loopback only
	Budget               *Budget  // nil: the kernel's
	Host                 bool     // the lab's host: it sees every process, by the kernel's own numbers
	Pids                 *Sandbox // whose numbers for processes it shares; nil: it has its own
	Privileged           bool
	OnBudget             func(*BudgetError)              // told, inside the kernel, which bound ended it
	NoNewPrivs           bool                            // set-id programs give nobody another identity
	Unfiltered           bool                            // no seccomp filter stands before its system calls
	MemoryLimit          int64                           // bytes that its processes may hold (see Proc.Charge); 0 is no limit
	OnOOM                func()                          // told, inside the kernel, that the limit ended a process
	OOMScoreAdj          int                             // as /proc/PID/oom_score_adj shows it
	CPUs                 int                             // that its processes may run on; 0: all of the machine's
	Sysctls              map[string]string               // what stands in /proc/sys instead of the usual, by names with dots
	MakeTmpfs            func(size int64) vfs.Filesystem // what mount(8) gets for an empty tmpfs; size in bytes, 0 for no bound
	Cgroups              string                          // what /proc/PID/cgroup says; "" is the one line of a lone cgroup v2
}

// Sandbox is the namespaces of a container, or of the lab's host. Its exported methods are for
// code outside of the kernel, unless they say otherwise.
type Sandbox struct {
	k        *Kernel
	cfg      SandboxConfig
	budget   Budget
	steps    int64 // left
	memory   int64
	anon     int64 // of memory, what is charged to processes
	hit      *BudgetError
	procs    map[int]*Proc // by its numbers for them
	pids     *pidSpace
	first    *Proc // its end is the end of all
	frozen   bool
	dead     bool // its first process has ended
	thawed   queue
	emptied  queue
	fifos    map[fifoKey]*pipe
	pts      map[int]*Terminal
	flockTab map[flockKey]*flockTable
}

// pidSpace is a namespace of process numbers (pid_namespaces(7)): that of the host, in which every
// process has one, or that of a sandbox and of those that share it.
type pidSpace struct {
	owner *Sandbox
	procs map[int]*Proc
	last  int
	host  bool
}

// next is the number of a process that the kernel has just made.
func (s *pidSpace) next(p *Proc) int {
	if s.host {
		return p.pid
	}
	for {
		s.last++
		if s.last > 4<<20 {
			s.last = 300
		}
		if s.procs[s.last] == nil {
			return s.last
		}
	}
}

// NewSandbox makes a sandbox in which nothing runs. It is called inside the kernel, or before
// anything runs.
func (k *Kernel) NewSandbox(c SandboxConfig) *Sandbox {
	s := &Sandbox{k: k, cfg: c, budget: k.opt.Budget, procs: map[int]*Proc{}, fifos: map[fifoKey]*pipe{}, pts: map[int]*Terminal{}}
	if c.Budget != nil {
		s.budget = c.Budget.orDefault()
	}
	s.steps = s.budget.Steps
	switch {
	case c.Host:
		s.pids = &pidSpace{owner: s, procs: k.procs, host: true}
	case c.Pids != nil:
		s.pids = c.Pids.pids
	default:
		s.pids = &pidSpace{owner: s, procs: map[int]*Proc{}}
	}
	if s.cfg.Net == nil {
		s.cfg.Net = NewNetNS()
	}
	k.sandboxes = append(k.sandboxes, s)
	if c.Host && k.host == nil {
		k.host = s
		s.cfg.Net.host = true
	}
	return s
}

// ID, Hostname, NS and Net are as they were configured.
func (s *Sandbox) ID() string           { return s.cfg.ID }
func (s *Sandbox) Hostname() string     { return s.cfg.Hostname }
func (s *Sandbox) NS() *vfs.Namespace   { return s.cfg.NS }
func (s *Sandbox) Net() *NetNS          { return s.cfg.Net }
func (s *Sandbox) IsHost() bool         { return s.cfg.Host }
func (s *Sandbox) Privileged() bool     { return s.cfg.Privileged }
func (s *Sandbox) SetHostname(n string) { s.cfg.Hostname = n }

// SetCPUs and SetMemoryLimit change what SandboxConfig has of these names. They are called inside
// the kernel.
func (s *Sandbox) SetCPUs(n int)          { s.cfg.CPUs = n }
func (s *Sandbox) SetMemoryLimit(n int64) { s.cfg.MemoryLimit = n }

// SetProcesses bounds how many processes there may be at one time. It is called inside the kernel.
func (s *Sandbox) SetProcesses(n int) { s.budget.Processes = n }

func (s *Sandbox) sorted() []*Proc { return sorted(s.procs) }

// sorted are processes in the order of their own numbers.
func sorted(procs map[int]*Proc) []*Proc {
	return slices.SortedFunc(maps.Values(procs), func(a, b *Proc) int { return a.nspid - b.nspid })
}

// Spec says what process to start in a sandbox.
type Spec struct {
	Path      string // of the file to run; LookPath finds it
	Body      Program
	Argv, Env []string
	Dir       string // "": the root directory
	Cred      vfs.Cred
	Umask     linux.Mode // 022 is the usual
	Files     []*File    // descriptors 0, 1, 2, ...; nil leaves one closed. Start takes them over.
	TTY       *Terminal  // its controlling terminal
	OnExit    func(Status)
	Limits    map[int]Rlimit
}

// Task is a process seen from outside.
type Task struct{ p *Proc }

// Pid is its number on the host; NSPid in its own sandbox.
func (t *Task) Pid() int   { return t.p.pid }
func (t *Task) NSPid() int { return t.p.nspid }

// Done is closed when the process has ended; Status is how, from then on.
func (t *Task) Done() <-chan struct{} { return t.p.done }
func (t *Task) Status() Status        { return t.p.status }

// Signal sends sig from outside of the sandbox. ESRCH where it has ended.
func (t *Task) Signal(sig linux.Signal) error {
	var err error
	t.p.k.Do(func() { err = t.SignalInside(sig) })
	return err
}

// SignalInside is Signal for callers inside the kernel.
func (t *Task) SignalInside(sig linux.Signal) error {
	if t.p.zombie {
		return linux.ESRCH
	}
	t.p.post(sig, false)
	return nil
}

// Ignores says that the process would take no notice of the signal now. It is called inside the kernel.
func (t *Task) Ignores(sig linux.Signal) bool {
	d := t.p.disposition[sig]
	return d == Ignore || d == Default && t.p.nspid == 1
}

// Start starts a process: the first is the sandbox's number 1, the others are beside it, as
// docker exec makes them. Errors are those of chdir and exec. It is called inside the kernel.
func (s *Sandbox) Start(spec Spec) (*Task, error) {
	closeAll := func() {
		for _, f := range spec.Files {
			if f != nil {
				f.unref()
			}
		}
	}
	p, err := s.k.newProc(s, nil)
	if err != nil {
		closeAll()
		return nil, err
	}
	for _, f := range spec.Files {
		p.fds = append(p.fds, descriptor{f: f})
	}
	p.limits = spec.Limits
	p.view = s.cfg.NS.View(spec.Cred)
	p.view.Umask = spec.Umask
	p.view.Cwd().Mount.FS.Pin(p.view.Cwd().Ino)
	p.newSession(spec.TTY)
	fail := func(err error) (*Task, error) {
		for fd := range p.fds {
			p.closeFd(fd)
		}
		if s.pids.last == p.nspid && !s.pids.host {
			s.pids.last--
		}
		if s.first == p {
			s.first = nil
		}
		p.view.Cwd().Mount.FS.Unpin(p.view.Cwd().Ino)
		p.reap()
		return nil, err
	}
	if spec.Dir != "" {
		// as runc does it: before it gives up being root
		p.view.Cred = vfs.Root(vfs.CapsAll)
		err := p.view.Chdir(spec.Dir)
		p.view.Cred = spec.Cred
		if err != nil {
			return fail(err)
		}
	}
	body := spec.Body
	if body == nil {
		img, err := p.load(spec.Path, spec.Argv, spec.Env)
		if err != nil {
			return fail(err)
		}
		p.become(img, spec.Env)
		body = img.program
	} else {
		p.argv, p.env = spec.Argv, spec.Env
		if len(spec.Argv) > 0 {
			p.SetComm(path.Base(spec.Argv[0]))
		}
	}
	p.onExit = spec.OnExit
	p.start(body)
	return &Task{p}, nil
}

// LookPath finds an executable as runc does: a name with a slash is itself, another is looked for
// in the directories of pathEnv. What is no regular file or not executable is passed over; EACCES
// where only such were seen, ENOENT where none was. It is called inside the kernel.
func (s *Sandbox) LookPath(name, pathEnv, dir string, cred vfs.Cred) (string, error) {
	v := s.cfg.NS.View(vfs.Root(vfs.CapsAll))
	if dir != "" {
		if err := v.Chdir(dir); err != nil {
			return "", err
		}
	}
	v.Cred = cred
	try := func(file string) error {
		st, err := v.Stat(file)
		if err != nil {
			return err
		}
		if st.Mode.IsDir() {
			return linux.EISDIR
		}
		if st.Mode&0o111 == 0 {
			return linux.EACCES
		}
		return nil
	}
	if strings.Contains(name, "/") {
		return name, try(name)
	}
	for _, d := range strings.Split(pathEnv, ":") {
		if d == "" {
			d = "."
		}
		file := path.Join(d, name)
		if !strings.HasPrefix(file, "/") {
			file = "./" + file
		}
		if try(file) == nil {
			return file, nil
		}
	}
	return "", linux.ENOENT
}

func (s *Sandbox) killAll() {
	for _, p := range s.procs {
		p.kill(linux.SIGKILL)
	}
}

// end is what a bound that was hit does: a container ends, and on the host all but its first process.
func (s *Sandbox) end() {
	if s.cfg.Host {
		s.KillOthers()
		return
	}
	s.killAll()
}

// KillSession ends every process of the session that a process leads, by its number. It is called
// inside the kernel.
func (s *Sandbox) KillSession(leader int) {
	for _, p := range s.procs {
		if p.group.session.nspid == leader {
			p.kill(linux.SIGKILL)
		}
	}
}

// KillOthers ends all processes but the first, and says whether there were any. It is called
// inside the kernel.
func (s *Sandbox) KillOthers() (any bool) {
	for n, p := range s.procs {
		if n != 1 && !p.zombie {
			p.kill(linux.SIGKILL)
			any = true
		}
	}
	return any
}

// Kill ends every process of the sandbox.
func (s *Sandbox) Kill() { s.k.Do(s.killAll) }

// KillInside is Kill for callers inside the kernel.
func (s *Sandbox) KillInside() { s.killAll() }

// Pause stops the sandbox's processes at their next step, Unpause lets them go on. Both are
// called inside the kernel.
func (s *Sandbox) Pause()       { s.frozen = true }
func (s *Sandbox) Paused() bool { return s.frozen }
func (s *Sandbox) Unpause() {
	s.frozen = false
	s.thawed.wakeAll()
}

// Alive says whether any process is left. It is called inside the kernel.
func (s *Sandbox) Alive() bool { return len(s.procs) > 0 }

// Destroy forgets a sandbox in which nothing runs any more. It is called inside the kernel.
func (s *Sandbox) Destroy() {
	s.killAll()
	s.k.sandboxes = slices.DeleteFunc(s.k.sandboxes, func(o *Sandbox) bool { return o == s })
	s.cfg.Net.closeAll()
}

// ProcInfo is what ps and /proc tell of a process. Numbers are as the asker sees them.
type ProcInfo struct {
	Pid, Ppid, Pgid, Sid int
	HostPid              int
	Comm                 string
	Cmdline              []string
	Exe                  string
	State                byte // R, S, T, Z
	Cred                 vfs.Cred
	TTY                  string // "pts/0", "" without one
	Foreground           bool   // in the terminal's foreground group
	Started              time.Time
	CPU                  time.Duration
	Session              bool // leads its session
	Nice                 int
	Sandbox              *Sandbox
}

// Procs are the processes of the sandbox (of the host: all there are), by number, with the
// numbers that the host has for them. It is called inside the kernel.
func (s *Sandbox) Procs() []ProcInfo {
	var out []ProcInfo
	for _, p := range s.sorted() {
		out = append(out, p.info(nil))
	}
	return out
}

// Pids are the numbers of the sandbox's own processes, as they see them, in order and without those
// that have ended. It is called inside the kernel.
func (s *Sandbox) Pids() (pids []int) {
	for _, p := range s.sorted() {
		if !p.zombie {
			pids = append(pids, p.nspid)
		}
	}
	return pids
}

// Processes are those that p can see, by number.
func (p *Proc) Processes() []ProcInfo {
	var out []ProcInfo
	for _, q := range p.visible() {
		out = append(out, q.info(p))
	}
	return out
}

// info describes q as p sees it, or as the host does where p is nil.
func (q *Proc) info(p *Proc) ProcInfo {
	i := ProcInfo{Pid: q.pid, HostPid: q.pid, Comm: q.comm, Cmdline: q.argv, Exe: q.exe, State: 'S', Started: q.started,
		CPU: time.Duration(q.used) * tick, Session: q.group.session.pid == q.pid, Sandbox: q.box, Nice: q.nice,
		Pgid: q.group.pid, Sid: q.group.session.pid}
	if q.cmdline != nil {
		i.Cmdline = q.cmdline
	}
	if q.view != nil {
		i.Cred = q.view.Cred
	}
	if q.parent != nil {
		i.Ppid = q.parent.pid
	}
	if p != nil {
		i.Pid, i.Pgid = p.number(q), p.groupNumber(q.group)
		i.Sid = q.group.session.pid
		if !p.box.pids.host {
			i.Sid = q.group.session.nspid
		}
		if q.parent != nil {
			i.Ppid = p.number(q.parent)
		}
	}
	switch {
	case q.zombie:
		i.State, i.Cmdline = 'Z', nil
	case q.stopped != 0:
		i.State = 'T'
	case q.task.queued:
		i.State = 'R'
	}
	if t := q.group.session.tty; t != nil {
		i.TTY = t.name()
		i.Foreground = t.foreground == q.group
	}
	return i
}

// Utsname is what uname(2) says.
type Utsname struct{ Sysname, Nodename, Release, Version, Machine, Domainname string }

// Release and Version name the kernel that the lab pretends to be: Debian bookworm's.
const (
	Release = "6.1.0-18-amd64"
	Version = "#1 SMP PREEMPT_DYNAMIC Debian 6.1.76-1 (2024-02-01)"
)

// Uname is uname(2).
func (p *Proc) Uname() Utsname {
	d := p.box.cfg.Domainname
	if d == "" {
		d = "(none)"
	}
	return Utsname{"Linux", p.box.cfg.Hostname, Release, Version, "x86_64", d}
}

// SetHostname is sethostname(2). EPERM without CapSysAdmin.
func (p *Proc) SetHostname(name string) error {
	if !p.view.Cred.Has(vfs.CapSysAdmin) {
		return linux.EPERM
	}
	p.box.cfg.Hostname = name
	return nil
}

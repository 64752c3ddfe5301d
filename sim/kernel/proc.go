package kernel

import (
	"path"
	"runtime/debug"
	"slices"
	"time"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// Proc is one process; its methods are the system calls of the program that runs in it, and are
// called from that program only.
type Proc struct {
	k    *Kernel
	box  *Sandbox
	task *task

	pid, nspid int // on the host, and in its own sandbox
	parent     *Proc
	children   []*Proc
	group      *group

	argv, env []string
	cmdline   []string
	exe       string
	text      vfs.Stat // of the file that it runs
	comm      string
	started   time.Time
	used      int64 // steps
	childUsed int64
	memory    int64 // bytes charged to it

	view   *vfs.View
	fds    []descriptor
	limits map[int]Rlimit
	nice   int

	noNewPrivs bool

	disposition [65]Disposition
	caught      []linux.Signal // arrived and not yet taken
	killed      linux.Signal   // of which it is about to die
	stopped     linux.Signal   // by which it is stopped now
	newState    bool           // stopped or continued since the parent last looked
	continued   bool
	unwinding   bool // its stack is being unwound
	zombie      bool
	status      Status
	quantum     int
	childq      queue // its own waits for children
	sigq        queue // its own waits for signals
	outside     *Outside

	onExit func(Status)
	done   chan struct{}
}

// group is a process group, in a session.
type group struct {
	pid, nspid int
	session    *session
}

type session struct {
	pid, nspid int
	box        *Sandbox
	tty        *Terminal
}

type descriptor struct {
	f       *File
	cloexec bool
}

// Status is how a process ended, or that it was stopped.
type Status struct {
	Code    int          // exit code, where no signal ended it
	Signal  linux.Signal // that ended or stopped it; 0: none
	Stopped bool         // by Signal; it lives
	Resumed bool         // by SIGCONT; it lives
}

// ExitCode is what $? and docker show: the code, or 128 and the signal.
func (s Status) ExitCode() int {
	if s.Signal != 0 {
		return 128 + int(s.Signal)
	}
	return s.Code
}

// unwind is the panic that ends or replaces what a process runs.
type unwind struct {
	p    *Proc
	next Program // after Exec
}

// newProc makes a process in box, as a child of parent where there is one.
func (k *Kernel) newProc(box *Sandbox, parent *Proc) (*Proc, error) {
	if box.dead || box.hit != nil {
		return nil, linux.ESRCH
	}
	if n := box.budget.Processes; n >= 0 && len(box.procs) >= n {
		return nil, linux.EAGAIN
	}
	if parent != nil && parent.atNprocLimit() {
		return nil, linux.EAGAIN
	}
	for {
		k.lastPid++
		if k.lastPid > 4<<20 {
			k.lastPid = 300
		}
		if k.procs[k.lastPid] == nil {
			break
		}
	}
	p := &Proc{k: k, box: box, pid: k.lastPid, parent: parent, started: k.Now(), quantum: slice, done: make(chan struct{})}
	p.task = k.newTask(p)
	p.nspid = box.pids.next(p)
	k.procs[p.pid] = p
	box.procs[p.nspid], box.pids.procs[p.nspid] = p, p
	if box.first == nil {
		box.first = p
	}
	if parent != nil {
		parent.children = append(parent.children, p)
	}
	return p, nil
}

// Fork makes a child with copies of the descriptors, working directory, umask, credentials and
// signal dispositions, in which body runs. EAGAIN at the sandbox's limit of processes.
func (p *Proc) Fork(body func(c *Proc) int) (pid int, err error) {
	p.Step(50)
	c, err := p.fork()
	if err != nil {
		return 0, err
	}
	c.start(body)
	return c.nspid, nil
}

func (p *Proc) fork() (*Proc, error) {
	c, err := p.k.newProc(p.box, p)
	if err != nil {
		return nil, err
	}
	c.group = p.group
	c.argv, c.env, c.exe, c.text, c.comm, c.cmdline = p.argv, p.env, p.exe, p.text, p.comm, p.cmdline
	c.view = p.view.Clone()
	c.view.Cwd().Mount.FS.Pin(c.view.Cwd().Ino)
	c.disposition = p.disposition
	c.limits, c.nice, c.noNewPrivs = p.limits, p.nice, p.noNewPrivs
	c.fds = slices.Clone(p.fds)
	for _, d := range c.fds {
		if d.f != nil {
			d.f.refs++
		}
	}
	return c, nil
}

// start lets the process run body from its next turn on.
func (p *Proc) start(body Program) {
	go func() {
		<-p.task.wake
		for body != nil {
			body = p.run(body)
		}
		p.finish()
		p.task.ended = true
		p.task.leave()
	}()
	p.task.ready()
}

// run runs one program; what follows it after an Exec is the result.
func (p *Proc) run(body Program) (next Program) {
	defer func() {
		r := recover()
		p.unwinding = false
		switch u := r.(type) {
		case nil:
		case *unwind:
			if u.p != p {
				panic(r)
			}
			next = u.next
		default:
			if p.k.opt.OnPanic != nil {
				p.k.opt.OnPanic(p.comm, r, debug.Stack())
			}
			p.status = Status{Signal: linux.SIGSEGV}
		}
	}()
	code := body(p)
	p.status = Status{Code: code & 0xff}
	return nil
}

// Exit ends the process. It does not return.
func (p *Proc) Exit(code int) {
	p.status = Status{Code: code & 0xff}
	p.unwinding = true
	panic(&unwind{p: p})
}

// finish is the end of a process, on its own goroutine.
func (p *Proc) finish() {
	p.unwinding = true // no signal has an effect from here on
	p.Charge(-p.memory)
	for fd := range p.fds {
		p.closeFd(fd)
	}
	if p.view != nil {
		p.view.Cwd().Mount.FS.Unpin(p.view.Cwd().Ino)
	}
	if p.box.first == p {
		// the end of a sandbox's first process is the end of all, and of all that are numbered by it
		all := p.box.procs
		if p.nspid == 1 && !p.box.pids.host {
			all = p.box.pids.procs
		}
		for len(all) > 1 {
			for _, q := range all {
				if q != p {
					q.kill(linux.SIGKILL)
				}
			}
			for _, q := range sorted(all) {
				if q.zombie && q != p {
					q.reap()
				}
			}
			if len(all) > 1 {
				p.box.emptied.add(p.task)
				p.task.sleep()
				p.box.emptied.remove(p.task)
			}
		}
	}
	if s := p.group.session; s.pid == p.pid && s.tty != nil {
		s.tty.hangup(s)
	}
	heir := p.box.pids.procs[1]
	if heir == p || heir == nil {
		heir = p.parent
	}
	for _, c := range p.children {
		c.parent = heir
		if heir != nil && heir != p {
			heir.children = append(heir.children, c)
			if c.zombie {
				heir.childq.wakeAll()
			}
		}
	}
	p.children = nil
	p.zombie = true
	if p.box.first == p {
		p.box.dead = true
	}
	if p.onExit != nil {
		p.onExit(p.status)
	}
	close(p.done)
	p.box.emptied.wakeAll()
	p.box.pids.owner.emptied.wakeAll()
	parent := p.parent
	if parent == nil || parent.zombie || parent.disposition[linux.SIGCHLD] == Ignore || parent.box != p.box {
		p.reap()
		return
	}
	parent.childq.wakeAll()
	parent.post(linux.SIGCHLD, true)
}

// reap forgets a zombie.
func (p *Proc) reap() {
	delete(p.k.procs, p.pid)
	delete(p.box.procs, p.nspid)
	delete(p.box.pids.procs, p.nspid)
	if p.parent != nil {
		p.parent.children = slices.DeleteFunc(p.parent.children, func(c *Proc) bool { return c == p })
		p.parent.childUsed += p.used + p.childUsed
	}
	p.box.emptied.wakeAll()
	p.box.pids.owner.emptied.wakeAll()
}

// Options of Wait.
const (
	WNOHANG    = 1
	WUNTRACED  = 2
	WCONTINUED = 8
)

// Wait is wait4(2): pid > 0 is one child, -1 any, 0 any of the own group, < -1 any of a group.
// ECHILD where there is none such, EINTR for a caught signal; pid 0 with WNOHANG and none ready.
func (p *Proc) Wait(pid, options int) (int, Status, error) {
	p.Step(1)
	for {
		found := false
		for _, c := range p.children {
			if !(pid == -1 || pid == c.nspid || pid == 0 && c.group == p.group || pid < -1 && c.group.nspid == -pid) {
				continue
			}
			found = true
			if c.zombie {
				st, id := c.status, c.nspid
				c.reap()
				return id, st, nil
			}
			if c.newState && c.stopped != 0 && options&WUNTRACED != 0 {
				c.newState = false
				return c.nspid, Status{Signal: c.stopped, Stopped: true}, nil
			}
			if c.newState && c.continued && options&WCONTINUED != 0 {
				c.newState = false
				return c.nspid, Status{Resumed: true}, nil
			}
		}
		if !found {
			return 0, Status{}, linux.ECHILD
		}
		if options&WNOHANG != 0 {
			return 0, Status{}, nil
		}
		if err := p.task.wait(&p.childq); err != nil {
			// a child that ended in the same moment goes first: SIGCHLD itself may be caught
			if c := p.ready(pid); c != nil {
				st, id := c.status, c.nspid
				c.reap()
				return id, st, nil
			}
			return 0, Status{}, err
		}
	}
}

func (p *Proc) ready(pid int) *Proc {
	for _, c := range p.children {
		if c.zombie && (pid == -1 || pid == c.nspid) {
			return c
		}
	}
	return nil
}

// Step charges n elementary steps to the sandbox's budget, and lets others run when the slice is
// used up. A program that loops calls it; it does not return where the process is killed.
func (p *Proc) Step(n int) {
	p.used += int64(n)
	s := p.box
	s.steps -= int64(n)
	if s.steps < 0 && s.budget.Steps >= 0 {
		s.exceed("steps", s.budget.Steps)
	}
	if k := p.k; k.opt.Clock == Virtual {
		k.clock.now = k.clock.now.Add(time.Duration(n) * tick)
		for len(k.clock.heap) > 0 && !k.clock.heap[0].at.After(k.clock.now) {
			k.clock.heap[0].fire()
		}
	}
	if p.quantum -= n; p.quantum <= 0 || p.k.sched.want.Load() > 0 {
		p.quantum = slice
		p.task.yield()
	}
	p.checkpoint()
}

// checkpoint is where a process notices what others did to it: it stands still while it is stopped
// or frozen, and dies of a signal that kills. EINTR where a caught signal waits to be taken.
func (p *Proc) checkpoint() error {
	if p.unwinding {
		return linux.EINTR
	}
	for (p.stopped != 0 || p.box.frozen) && p.killed == 0 {
		p.box.thawed.add(p.task)
		p.task.sleep()
		p.box.thawed.remove(p.task)
	}
	if p.killed != 0 {
		p.status = Status{Signal: p.killed}
		p.unwinding = true
		panic(&unwind{p: p})
	}
	if len(p.caught) > 0 {
		return linux.EINTR
	}
	return nil
}

// --- identity ---

// Args is argv; Env the environment it was started with. Neither is to be changed.
func (p *Proc) Args() []string { return p.argv }
func (p *Proc) Env() []string  { return p.env }

// SetArgs changes what Args gives, for a program that carries out another in its own process, as
// "busybox ls" does. What /proc shows stays.
func (p *Proc) SetArgs(argv []string) { p.argv = argv }

// Exe is the path of the executable.
func (p *Proc) Exe() string { return p.exe }

// Comm is the short name that ps shows, at most 15 bytes.
func (p *Proc) Comm() string { return p.comm }

// SetComm changes it.
func (p *Proc) SetComm(name string) { p.comm = name[:min(len(name), 15)] }

// SetCmdline changes what ps shows as the whole command ("nginx: master process nginx").
func (p *Proc) SetCmdline(argv []string) { p.cmdline = argv }

// Pid, Ppid, Pgid and Sid are numbers of the process's own sandbox; one from outside of it is 0.
func (p *Proc) Pid() int { return p.nspid }
func (p *Proc) Ppid() int {
	if p.parent == nil {
		return 0
	}
	return p.number(p.parent)
}
func (p *Proc) Pgid() int { return p.groupNumber(p.group) }
func (p *Proc) Sid() int {
	if p.group.session.box.pids != p.box.pids && !p.box.pids.host {
		return 0
	}
	if p.box.pids.host {
		return p.group.session.pid
	}
	return p.group.session.nspid
}

// number is q's pid as p sees it, 0 where it does not see it.
func (p *Proc) number(q *Proc) int {
	switch {
	case p.box.pids.host:
		return q.pid
	case p.box.pids == q.box.pids:
		return q.nspid
	}
	return 0
}

func (p *Proc) groupNumber(g *group) int {
	switch {
	case p.box.pids.host:
		return g.pid
	case g.session.box.pids == p.box.pids:
		return g.nspid
	}
	return 0
}

// find is the process that p knows by this number.
func (p *Proc) find(pid int) *Proc {
	return p.box.pids.procs[pid]
}

// Cred is who the process is.
func (p *Proc) Cred() vfs.Cred { return p.view.Cred }

// View is the process's eyes on the files.
func (p *Proc) View() *vfs.View { return p.view }

// Sandbox and Kernel are where it runs.
func (p *Proc) Sandbox() *Sandbox { return p.box }
func (p *Proc) Kernel() *Kernel   { return p.k }

// Setuid is setuid(2): all three identities with CapSetuid, else only the effective one.
func (p *Proc) Setuid(uid uint32) error {
	c := p.view.Cred
	switch {
	case c.Has(vfs.CapSetuid):
		c.UID, c.RUID, c.SUID = uid, uid, uid
	case uid == c.RUID || uid == c.SUID:
		c.UID = uid
	default:
		return linux.EPERM
	}
	p.setCred(c)
	return nil
}

// Setgid is setgid(2).
func (p *Proc) Setgid(gid uint32) error {
	c := p.view.Cred
	switch {
	case c.Has(vfs.CapSetgid):
		c.GID, c.RGID, c.SGID = gid, gid, gid
	case gid == c.RGID || gid == c.SGID:
		c.GID = gid
	default:
		return linux.EPERM
	}
	p.setCred(c)
	return nil
}

// Seteuid changes the effective user only.
func (p *Proc) Seteuid(uid uint32) error {
	c := p.view.Cred
	if !c.Has(vfs.CapSetuid) && uid != c.RUID && uid != c.SUID && uid != c.UID {
		return linux.EPERM
	}
	c.UID = uid
	p.setCred(c)
	return nil
}

// Setresuid is setresuid(2); vfs.NoID leaves an identity as it is.
func (p *Proc) Setresuid(ruid, euid, suid uint32) error {
	c := p.view.Cred
	may := func(id uint32) bool { return id == vfs.NoID || id == c.RUID || id == c.UID || id == c.SUID }
	if !c.Has(vfs.CapSetuid) && !(may(ruid) && may(euid) && may(suid)) {
		return linux.EPERM
	}
	set(&c.RUID, ruid)
	set(&c.UID, euid)
	set(&c.SUID, suid)
	p.setCred(c)
	return nil
}

// Setresgid is setresgid(2).
func (p *Proc) Setresgid(rgid, egid, sgid uint32) error {
	c := p.view.Cred
	may := func(id uint32) bool { return id == vfs.NoID || id == c.RGID || id == c.GID || id == c.SGID }
	if !c.Has(vfs.CapSetgid) && !(may(rgid) && may(egid) && may(sgid)) {
		return linux.EPERM
	}
	set(&c.RGID, rgid)
	set(&c.GID, egid)
	set(&c.SGID, sgid)
	p.setCred(c)
	return nil
}

func set(id *uint32, to uint32) {
	if to != vfs.NoID {
		*id = to
	}
}

// Setgroups sets the supplementary groups. EPERM without CapSetgid.
func (p *Proc) Setgroups(gids []uint32) error {
	if !p.view.Cred.Has(vfs.CapSetgid) {
		return linux.EPERM
	}
	p.view.Cred.Groups = slices.Sorted(slices.Values(gids)) // as Linux keeps them, to find one fast
	return nil
}

// setCred installs new identities: who stops being root loses the capabilities, who becomes it
// again (from a saved identity) has those of the bounding set.
func (p *Proc) setCred(c vfs.Cred) {
	was := p.view.Cred
	if was.UID == 0 && c.UID != 0 {
		c.Effective = 0
	} else if was.UID != 0 && c.UID == 0 {
		c.Effective = c.Bounding
	}
	p.view.Cred = c
}

// --- time ---

// Now is the lab's time.
func (p *Proc) Now() time.Time { return p.k.Now() }

// Sleep waits for d. EINTR where a caught signal came first.
func (p *Proc) Sleep(d time.Duration) error {
	p.Step(1)
	if d <= 0 {
		return nil
	}
	deadline := p.k.Now().Add(d)
	for {
		err := p.task.waitFor(deadline, &p.sigq)
		if err == linux.ETIMEDOUT {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// Pause waits until a caught signal comes.
func (p *Proc) Pause() {
	p.Step(1)
	for p.task.wait(&p.sigq) == nil {
	}
}

// Times is how long the process, and its children that were waited for, have run, in user mode and
// in the kernel: steps turned into time.
func (p *Proc) Times() (user, sys, cuser, csys time.Duration) {
	return time.Duration(p.used) * tick, 0, time.Duration(p.childUsed) * tick, 0
}

// CPUs is how many processors the process may run on.
func (p *Proc) CPUs() int {
	if n := p.box.cfg.CPUs; n > 0 {
		return min(n, machineCPUs)
	}
	return machineCPUs
}

// machineCPUs is how many processors the lab's machine has.
const machineCPUs = 2

// Rlimit is a soft and a hard limit; ^uint64(0) is none.
type Rlimit struct{ Cur, Max uint64 }

// Getrlimit is getrlimit(2), by the number of the resource.
func (p *Proc) Getrlimit(resource int) Rlimit {
	if l, ok := p.limits[resource]; ok {
		return l
	}
	if l, ok := defaultLimits[resource]; ok {
		return l
	}
	return Rlimit{^uint64(0), ^uint64(0)}
}

// Setrlimit is setrlimit(2): EPERM where the hard limit would rise without CapSysAdmin's like.
func (p *Proc) Setrlimit(resource int, l Rlimit) error {
	if l.Cur > l.Max {
		return linux.EINVAL
	}
	if l.Max > p.Getrlimit(resource).Max && !p.view.Cred.Has(vfs.CapSysAdmin) {
		return linux.EPERM
	}
	m := map[int]Rlimit{resource: l}
	for r, old := range p.limits {
		if r != resource {
			m[r] = old
		}
	}
	p.limits = m
	return nil
}

// Resources of Getrlimit that have a default of their own.
const (
	RLIMIT_FSIZE      = 1
	RLIMIT_STACK      = 3
	RLIMIT_CORE       = 4
	RLIMIT_NPROC      = 6
	RLIMIT_NOFILE     = 7
	RLIMIT_MEMLOCK    = 8
	RLIMIT_SIGPENDING = 11
	RLIMIT_MSGQUEUE   = 12
	RLIMIT_NICE       = 13
	RLIMIT_RTPRIO     = 14
)

// defaultLimits are those of a service of a Debian bookworm with 8 GiB of memory.
var defaultLimits = map[int]Rlimit{
	RLIMIT_STACK:      {8 << 20, ^uint64(0)},
	RLIMIT_NOFILE:     {1 << 20, 1 << 20},
	RLIMIT_MEMLOCK:    {8 << 20, 8 << 20},
	RLIMIT_SIGPENDING: {31435, 31435},
	RLIMIT_MSGQUEUE:   {819200, 819200},
	RLIMIT_NICE:       {0, 0},
	RLIMIT_RTPRIO:     {0, 0},
}

// atNprocLimit says whether the process's user has as many processes as he may. Root may have any
// number.
func (p *Proc) atNprocLimit() bool {
	limit, limited := p.limits[RLIMIT_NPROC]
	uid := p.view.Cred.RUID
	if !limited || uid == 0 {
		return false
	}
	n := uint64(0)
	for _, q := range p.k.procs {
		if q.view != nil && q.view.Cred.RUID == uid {
			n++
		}
	}
	return n >= limit.Cur
}

// --- exec ---

// Exec replaces the program by the file at path, with argv and env. It returns only where it
// fails: ENOENT, EACCES, E2BIG, ENOEXEC, ENOTDIR, ELOOP.
func (p *Proc) Exec(path string, argv, env []string) error {
	p.Step(100)
	img, err := p.load(path, argv, env)
	if err != nil {
		return err
	}
	p.become(img, env)
	p.unwinding = true
	panic(&unwind{p: p, next: img.program})
}

type image struct {
	program Program
	argv    []string
	exe     string
	comm    string
	stat    vfs.Stat
}

// What execve(2) takes of arguments and environment, in bytes: Linux's limits, with the usual stack of
// 8 MiB.
const (
	argMax    = 2 << 20   // all of them, each with its NUL and its pointer
	argStrMax = 128 << 10 // one, with its NUL
)

// fits says whether a new program can be given what it is to be given.
func fits(argv, env []string) bool {
	left := argMax
	for _, list := range [][]string{argv, env} {
		for _, s := range list {
			if len(s) >= argStrMax {
				return false
			}
			left -= len(s) + 1 + 8
		}
	}
	return left >= 0
}

// load finds out what running the file at name means, through "#!" lines.
func (p *Proc) load(name string, argv, env []string) (*image, error) {
	if len(argv) == 0 {
		argv = []string{""}
	}
	img := &image{argv: slices.Clone(argv), comm: path.Base(name)}
	for depth := 0; ; depth++ {
		ref, err := p.view.Resolve(name, true)
		if err != nil {
			return nil, err
		}
		st, err := ref.Stat()
		if err != nil {
			return nil, err
		}
		if ref.Opened != nil || !st.Mode.IsRegular() || !p.view.Cred.May(&st, linux.X_OK) || ref.Mount.NoExec {
			return nil, linux.EACCES
		}
		if depth == 0 && !fits(argv, env) {
			return nil, linux.E2BIG
		}
		f := &Executable{Path: name, Argv: img.argv, Stat: st, Ref: ref}
		f.ReadAt = func(b []byte, off int64) (int, error) { return ref.Mount.FS.ReadAt(ref.Ino, b, off) }
		f.Head = make([]byte, min(st.Size, 4096))
		n, _ := f.ReadAt(f.Head, 0)
		f.Head = f.Head[:n]
		interp, arg, script := shebang(f.Head)
		if !script {
			if p.k.opt.Loader == nil {
				return nil, linux.ENOEXEC
			}
			if img.program, err = p.k.opt.Loader(p, f); err != nil {
				return nil, err
			}
			img.exe, img.stat = name, st
			if full, ok := p.view.PathOf(ref); ok {
				img.exe = full
			}
			return img, nil
		}
		if depth == 4 {
			return nil, linux.ELOOP
		}
		if interp == "" {
			return nil, linux.ENOEXEC
		}
		rest := append([]string{name}, img.argv[1:]...)
		img.argv = []string{interp}
		if arg != "" {
			img.argv = append(img.argv, arg)
		}
		img.argv = append(img.argv, rest...)
		name = interp
	}
}

// shebang takes a "#!" line apart as the kernel does: the interpreter, and all that follows as one
// argument; 255 bytes at the most.
func shebang(head []byte) (interp, arg string, ok bool) {
	if len(head) < 2 || head[0] != '#' || head[1] != '!' {
		return "", "", false
	}
	line := head[2:min(len(head), 256)]
	for i, c := range line {
		if c == '\n' {
			line = line[:i]
			break
		}
	}
	blank := func(c byte) bool { return c == ' ' || c == '\t' }
	for len(line) > 0 && blank(line[0]) {
		line = line[1:]
	}
	for len(line) > 0 && blank(line[len(line)-1]) {
		line = line[:len(line)-1]
	}
	i := 0
	for i < len(line) && !blank(line[i]) && line[i] != 0 {
		i++
	}
	j := i
	for j < len(line) && blank(line[j]) {
		j++
	}
	return string(line[:i]), string(line[j:]), true
}

// become makes the process one that runs img.
func (p *Proc) become(img *image, env []string) {
	p.argv, p.env, p.cmdline = img.argv, slices.Clone(env), nil
	p.exe, p.text = img.exe, img.stat
	p.SetComm(img.comm)
	c := p.view.Cred
	gains := !p.box.cfg.NoNewPrivs && !p.noNewPrivs
	if gains && img.stat.Mode&linux.S_ISUID != 0 {
		c.UID, c.SUID = img.stat.UID, img.stat.UID
	} else {
		c.SUID = c.UID
	}
	if gains && img.stat.Mode&linux.S_ISGID != 0 && img.stat.Mode&0o010 != 0 {
		c.GID, c.SGID = img.stat.GID, img.stat.GID
	} else {
		c.SGID = c.GID
	}
	p.setCred(c)
	for fd, d := range p.fds {
		if d.f != nil && d.cloexec {
			p.closeFd(fd)
		}
	}
	for s := range p.disposition {
		if p.disposition[s] == Catch {
			p.disposition[s] = Default
		}
	}
	p.caught = nil
}

// SpawnOpts says how a spawned child differs from its parent.
type SpawnOpts struct {
	Files      map[int]int // child's descriptor -> parent's; nil: all of the parent's that are not close-on-exec
	Dir        string      // working directory; "": the parent's
	Pgid       int         // process group: 0 the parent's, -1 a new one, else one that exists
	Foreground bool        // and give the terminal to it
	Default    []linux.Signal
	Ignore     []linux.Signal
	Cred       *vfs.Cred
}

// Spawn is fork and exec in one: that the file cannot be run is its own error.
func (p *Proc) Spawn(path string, argv, env []string, o *SpawnOpts) (pid int, err error) {
	p.Step(100)
	c, err := p.fork()
	if err != nil {
		return 0, err
	}
	fail := func(err error) (int, error) {
		for fd := range c.fds {
			c.closeFd(fd)
		}
		c.view.Cwd().Mount.FS.Unpin(c.view.Cwd().Ino)
		c.reap()
		return 0, err
	}
	for s := range c.disposition {
		if c.disposition[s] == Catch {
			c.disposition[s] = Default
		}
	}
	if o != nil {
		if o.Dir != "" {
			if err := c.view.Chdir(o.Dir); err != nil {
				return fail(err)
			}
		}
		if o.Cred != nil {
			c.view.Cred = *o.Cred
		}
		for _, s := range o.Default {
			c.disposition[s] = Default
		}
		for _, s := range o.Ignore {
			c.disposition[s] = Ignore
		}
		if o.Files != nil {
			fds := make([]descriptor, 0, 3)
			for to, from := range o.Files {
				f, err := p.file(from)
				if err != nil {
					return fail(err)
				}
				for len(fds) <= to {
					fds = append(fds, descriptor{})
				}
				f.refs++
				fds[to] = descriptor{f: f}
			}
			for fd := range c.fds {
				c.closeFd(fd)
			}
			c.fds = fds
		}
		if o.Pgid != 0 {
			to := o.Pgid
			if to == -1 {
				to = 0
			}
			if err := p.Setpgid(c.nspid, to); err != nil {
				return fail(err)
			}
		}
		if tty := c.group.session.tty; o.Foreground && tty != nil {
			tty.foreground = c.group
		}
	}
	img, err := c.load(path, argv, env)
	if err != nil {
		return fail(err)
	}
	c.become(img, env)
	c.start(img.program)
	return c.nspid, nil
}

// Setpgid is setpgid(2): pid 0 is the caller, pgid 0 a group of the process's own.
func (p *Proc) Setpgid(pid, pgid int) error {
	q := p
	if pid != 0 {
		if q = p.find(pid); q == nil || q != p && q.parent != p {
			return linux.ESRCH
		}
	}
	if q.group.session != p.group.session || q.group.session.pid == q.pid {
		return linux.EPERM
	}
	if pgid == 0 {
		pgid = p.number(q)
	}
	if pgid == p.number(q) {
		if q.group.pid != q.pid {
			q.group = &group{pid: q.pid, nspid: q.nspid, session: q.group.session}
		}
		return nil
	}
	for _, o := range p.box.procs {
		if p.groupNumber(o.group) == pgid && o.group.session == q.group.session {
			q.group = o.group
			return nil
		}
	}
	return linux.EPERM
}

// Setsid begins a session without a terminal. EPERM for a group's leader.
func (p *Proc) Setsid() (int, error) {
	if p.group != nil && p.group.pid == p.pid {
		return 0, linux.EPERM
	}
	p.newSession(nil)
	return p.nspid, nil
}

func (p *Proc) newSession(tty *Terminal) {
	s := &session{pid: p.pid, nspid: p.nspid, box: p.box, tty: tty}
	p.group = &group{pid: p.pid, nspid: p.nspid, session: s}
	if tty != nil {
		tty.session, tty.foreground = s, p.group
	}
}

package container

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	ctypes "github.com/docker/docker/api/types/container"

	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/unionfs"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// What stands before runc's own words when a container, or an exec, cannot be started.
const (
	runcFailed   = "failed to create shim task: OCI runtime create failed: runc create failed: "
	createFailed = runcFailed + "unable to start container process: "
	execFailed   = "OCI runtime exec failed: exec failed: unable to start container process: "
)

// Start starts a container. NotModified: it runs already.
func (e *Engine) Start(ref string) error {
	c, err := e.Container(ref)
	if err != nil {
		return err
	}
	l := e.live(c.ID)
	l.op.Lock()
	defer l.op.Unlock()
	if c, err = e.Container(c.ID); err != nil {
		return err
	}
	switch st := c.Status; {
	case st.Paused:
		return conflict("cannot start a paused container, try unpause instead")
	case st.Running && !st.Restarting:
		return &Error{NotModified, errors.New("Container already started")}
	case st.Removing || st.Dead:
		return conflict("container is marked for removal and cannot be started")
	}
	l.restart.cancel(e)
	if err := e.start(c, l, true); err != nil {
		return err
	}
	e.k.Settle(settleSteps)
	return nil
}

// settleSteps is how far a container's processes get before its start is answered: as far as a
// server needs to listen, which in life takes less time than the client that asked to end.
const settleSteps = 100_000

// start starts a container whose op is held. fresh says that somebody asked for it, and that it is
// no restart by its policy.
func (e *Engine) start(c *Container, l *live, fresh bool) error {
	err := e.tryStart(c, l, fresh)
	if err == nil {
		return nil
	}
	code, err := startError(c.Path, err)
	for _, n := range e.disconnectAll(c.ID) {
		e.emitNetwork(n, "disconnect", map[string]string{"container": c.ID})
	}
	e.mu.Lock()
	x := l.io
	l.io, l.box, l.task, l.net, l.etc, l.ipc, l.sys, l.ifaces = nil, nil, nil, nil, nil, nil, nil, 0
	e.mu.Unlock()
	if x != nil {
		x.close()
	}
	e.change(c.ID, func(c *Container) error {
		c.Status.Running, c.Status.Restarting, c.Status.Pid = false, false, 0
		c.Status.ExitCode, c.Status.Error = code, err.Error()
		return nil
	})
	if c.Host.AutoRemove {
		go e.Remove(c.ID, RemoveOptions{Force: true, Volumes: true})
	}
	return err
}

// startError is how the engine words why a container did not start, and the exit code that it
// gives it.
func startError(cmd string, err error) (code int, worded error) {
	text := err.Error()
	switch {
	case strings.Contains(text, cmd) && (strings.Contains(text, "executable file not found") || strings.Contains(text, "no such file or directory")):
		return 127, &Error{Invalid, err}
	case strings.Contains(text, "permission denied"):
		return 126, &Error{Invalid, err}
	case strings.Contains(text, "not a directory"):
		return 127, invalid("%s: Are you trying to mount a directory onto a file (or vice-versa)? Check if the specified host path exists and is the expected type", text)
	}
	return 128, err
}

func (e *Engine) tryStart(c *Container, l *live, fresh bool) error {
	mode := c.Host.NetworkMode
	var sharedNet *live
	if mode.IsContainer() {
		o, err := e.Container(mode.ConnectedContainer())
		if err != nil {
			return err
		}
		if !o.Status.Running {
			return conflict("cannot join network of a non running container: %s", o.ID)
		}
		sharedNet = e.live(o.ID)
		if err := e.change(c.ID, func(c *Container) error {
			cfg := *c.Config
			cfg.Hostname, cfg.Domainname = o.Config.Hostname, o.Config.Domainname
			c.Config = &cfg
			return nil
		}); err != nil {
			return err
		}
		if c, err = e.Container(c.ID); err != nil {
			return err
		}
	}
	pids, err := e.pidsOf(c.Host.PidMode)
	if err != nil {
		return err
	}
	ipc, err := e.ipcOf(c.Host.IpcMode)
	if err != nil {
		return err
	}
	ns := kernel.NewNetNS()
	var etc *etcFiles
	switch {
	case sharedNet != nil:
		e.mu.Lock()
		ns, etc = sharedNet.net, sharedNet.etc
		e.mu.Unlock()
	case mode.IsHost():
		ns = e.hostNet()
	default:
		id := c.ID
		ns.Unprivileged = 0
		ns.Resolver = func(name string) []netip.Addr { return e.resolve(id, name) }
		ns.Reverser = func(a netip.Addr) string { return e.reverse(id, a) }
		ns.Route = e.hostNet().Route
	}
	e.k.Do(func() {
		if etc == nil {
			etc, err = e.newEtcFiles(c)
		}
		e.mu.Lock()
		l.net, l.etc = ns, etc
		e.mu.Unlock()
	})
	if err != nil {
		return err
	}
	if c, err = e.connectAll(c, ns); err != nil {
		return err
	}
	if err := e.checkLinks(c); err != nil {
		return err
	}

	x := e.stdioOf(c, l)
	var files *unionfs.FS
	var box *kernel.Sandbox
	var task *kernel.Task
	var tmp []*unionfs.FS
	e.k.Do(func() {
		charge := func(n int64) error {
			if box == nil {
				return nil
			}
			return box.Charge(n)
		}
		files = c.Files.FS(e.fsOptions("", charge))
		space := vfs.NewNamespace(files, "overlay", overlayOptions(c))
		cfg := e.sandboxConfig(c)
		cfg.NS, cfg.Net, cfg.Pids = space, ns, pids
		cfg.OnBudget = func(b *kernel.BudgetError) { e.overBudget(l, x, b) }
		cfg.OnOOM = func() { e.oomKilled(c.ID) }
		box = e.k.NewSandbox(cfg)
		spec := kernel.Spec{Umask: 0o022, Files: x.files(box), TTY: x.term, Limits: processLimits(c.Host)}
		if ipc == nil {
			ipc = e.newIPC(c.Host.ShmSize, charge)
		}
		m := &mounter{e: e, c: c, ns: space, ipc: ipc, v: space.View(vfs.Root(vfs.CapsAll)), charge: charge, box: func(kind string) *unionfs.FS {
			return unionfs.New(nil, e.fsOptions(kind, charge))
		}}
		m.v.Umask = 0
		task, tmp, err = e.launch(c, m, box, x, etc, &spec, func(st kernel.Status) { e.exited(c.ID, l, st) })
		if err != nil {
			return
		}
		// The process runs when we leave the kernel: nobody sees it end before it is known to run.
		now := e.later(e.k.Now())
		e.mu.Lock()
		l.files, l.box, l.task, l.mounted, l.ipc, l.sys = files, box, task, tmp, ipc, m.sys
		e.mu.Unlock()
		err = e.change(c.ID, func(c *Container) error {
			c.Status = Status{Running: true, Pid: task.Pid(), StartedAt: now, FinishedAt: c.Status.FinishedAt}
			c.Mounts = held(c.Mounts)
			c.HasStarted, c.HasLog, c.ManuallyStopped = true, true, false
			if fresh {
				c.RestartCount = 0
			}
			return nil
		})
		for _, m := range c.Mounts {
			if m.Type == "volume" {
				e.emitAt(now, "volume", "mount", m.Name, map[string]string{"container": c.ID, "destination": m.Destination,
					"driver": m.Driver, "propagation": string(m.Propagation), "read/write": fmt.Sprint(m.RW)})
			}
		}
		e.emitContainerAt(now, c, "start", nil)
	})
	if err != nil {
		if box != nil {
			e.k.Do(box.Destroy)
		}
		return err
	}
	e.startHealth(c, l)
	return nil
}

// oomKilled notes that a process of the container was killed because of --memory. It is called
// inside the kernel.
func (e *Engine) oomKilled(id string) {
	now := e.later(e.k.Now())
	e.background(func() {
		var was *Container
		if e.change(id, func(c *Container) error { c.Status.OOMKilled, was = true, c; return nil }) == nil {
			e.emitContainerAt(now, was, "oom", nil)
		}
	})
}

// overBudget tells all who read a container's output, and that of the commands that run in it, which bound has ended it. It is called
// inside the kernel.
func (e *Engine) overBudget(l *live, main *stdio, b *kernel.BudgetError) {
	line := []byte(b.Error() + "\n")
	main.write(Stderr, line)
	e.mu.Lock()
	var commands []*stdio
	for id := range l.execs {
		if x := e.execs[id]; x != nil && x.io != nil {
			commands = append(commands, x.io)
		}
	}
	e.mu.Unlock()
	for _, x := range commands {
		x.write(Stderr, line)
	}
}

// pidsOf is the sandbox whose process numbers a container of this mode shares, nil for its own.
func (e *Engine) pidsOf(mode ctypes.PidMode) (*kernel.Sandbox, error) {
	switch {
	case mode.IsHost():
		return e.k.Host(), nil
	case mode.IsContainer():
		_, l, err := e.donor(mode.Container())
		if err != nil {
			return nil, err
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		return l.box, nil
	case mode != "":
		return nil, invalid("Invalid PID mode: %s", mode)
	}
	return nil, nil
}

// ipcOf is what a container of this mode shares with another or the host, nil for what is its own.
func (e *Engine) ipcOf(mode ctypes.IpcMode) (*ipc, error) {
	if !mode.Valid() {
		return nil, invalid("Invalid IPC mode: %s", mode)
	}
	if mode.IsHost() && e.o.Host != nil {
		i := e.newIPC(0, nil)
		e.k.Do(func() {
			if ref, err := e.o.Host.View(vfs.Root(vfs.CapsAll)).Resolve("/dev/shm", true); err == nil {
				i.shm, i.size = ref.Mount.FS, ref.Mount.FS.Statfs().Bytes
			}
		})
		return i, nil
	}
	if !mode.IsContainer() {
		return nil, nil
	}
	c, l, err := e.donor(mode.Container())
	if err != nil {
		return nil, err
	}
	if !c.Host.IpcMode.IsShareable() {
		return nil, refuse(Unknown, "can't join IPC of container %s: non-shareable IPC (hint: use IpcMode:shareable for the donor container)", mode.Container())
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return l.ipc, nil
}

// donor finds a running container that another shares a namespace of.
func (e *Engine) donor(ref string) (*Container, *live, error) {
	c, err := e.Container(ref)
	switch {
	case err != nil:
		return nil, nil, err
	case !c.Status.Running:
		return nil, nil, conflict("container %s is not running", c.ID)
	case c.Status.Restarting:
		return nil, nil, conflict("Container %s is restarting, wait until the container is running", c.ID)
	}
	return c, e.live(c.ID), nil
}

// ipc is the file systems by which processes of an IPC namespace share memory and messages.
type ipc struct {
	shm, mqueue vfs.Filesystem
	size        int64 // of shm
}

func (e *Engine) newIPC(size int64, charge func(int64) error) *ipc {
	o := e.fsOptions("tmpfs", charge)
	o.Disk = &unionfs.Disk{Size: size}
	shm, mqueue := unionfs.New(nil, o), unionfs.New(nil, e.fsOptions("mqueue", charge))
	sticky(shm)
	sticky(mqueue)
	return &ipc{shm, mqueue, size}
}

// launch mounts what the container needs and starts its process. It works inside the kernel.
func (e *Engine) launch(c *Container, m *mounter, box *kernel.Sandbox, x *stdio, etc *etcFiles, spec *kernel.Spec, onExit func(kernel.Status)) (*kernel.Task, []*unionfs.FS, error) {
	if err := e.checkRuntime(c); err != nil {
		return nil, nil, err
	}
	if err := checkUlimits(c.Host.Ulimits); err != nil {
		return nil, nil, err
	}
	if err := m.standard(box, x.term); err != nil {
		return nil, nil, err
	}
	tmp, err := m.volumes(etc)
	if err != nil {
		return nil, nil, err
	}
	sysctls := slices.Sorted(maps.Keys(c.Host.Sysctls))
	if c.Host.NetworkMode.IsPrivate() {
		sysctls = append(sysctls, "net.ipv4.ip_unprivileged_port_start")
	}
	for _, name := range sysctls {
		file := "/proc/sys/" + strings.ReplaceAll(name, ".", "/")
		if _, err := m.v.Stat(file); err != nil {
			return nil, nil, refuse(Unknown, "%serror during container init: open %s: %w: unknown", createFailed, file, lower(err))
		}
	}
	if _, err := m.v.Stat("/dev/null"); err != nil { // which a volume on /dev hides
		return nil, nil, refuse(Unknown, "%sunable to setup user: stat /dev/null: %w: unknown", createFailed, lower(err))
	}
	if err := m.mask(); err != nil {
		return nil, nil, err
	}
	if c.Config.WorkingDir != "" {
		if err := mkdirAll(m.v, c.Config.WorkingDir, 0o755); err != nil {
			return nil, nil, fmt.Errorf("%smkdir %s: %w: unknown", createFailed, c.Config.WorkingDir, err)
		}
	}
	if c.Host.ReadonlyRootfs {
		m.ns.Root().ReadOnly = true
	}
	passwd, group := readAccounts(m.v)
	id, err := lookupUser(c.Config.User, c.Host.GroupAdd, passwd, group)
	if err != nil {
		return nil, nil, system("%w", err)
	}
	argv := append([]string{c.Path}, c.Args...)
	env := environment(c, e.linkEnv(c), id.home)
	cred := id.cred(bounding(c.Host.Privileged, c.Host.CapAdd, c.Host.CapDrop))
	init := c.Host.Init != nil && *c.Host.Init
	path, err := findExecutable(box, argv[0], env, c.Config.WorkingDir, cred)
	switch {
	case err != nil && !init:
		return nil, nil, fmt.Errorf("%s%w: unknown", createFailed, err)
	case err != nil && strings.Contains(argv[0], "/"):
		path = argv[0] // the init is to find that it cannot be run
	}
	spec.Path, spec.Argv, spec.Env, spec.Dir, spec.Cred, spec.OnExit = path, argv, env, c.Config.WorkingDir, cred, onExit
	if spec.Dir == "" {
		spec.Dir = "/"
	}
	if init {
		*spec = withInit(*spec)
	}
	task, err := e.startTask(box, *spec, x)
	if err != nil {
		return nil, nil, fmt.Errorf("%s%w: unknown", createFailed, err)
	}
	return task, tmp, nil
}

// startTask starts a process whose file was found. Where the file turns out not to be executable
// only when it is executed, a process starts all the same, to say so and end, as runc's does.
func (e *Engine) startTask(box *kernel.Sandbox, spec kernel.Spec, x *stdio) (*kernel.Task, error) {
	if spec.Body == nil {
		path, argv, env := spec.Path, spec.Argv, spec.Env
		spec.Body = func(p *kernel.Proc) int {
			err := p.Exec(path, argv, env)
			p.Write(2, []byte(fmt.Sprintf("exec %s: %s\n", path, errnoText(err))))
			return 1
		}
	}
	return box.Start(spec)
}

func errnoText(err error) string {
	if err == linux.ENOEXEC {
		return "exec format error"
	}
	return lower(err).Error()
}

// lower is an error of the kernel's as Go words it.
func lower(err error) error {
	text := err.Error()
	return errors.New(strings.ToLower(text[:1]) + text[1:])
}

// findExecutable finds the file that a command names, in runc's words where it cannot be run.
func findExecutable(box *kernel.Sandbox, name string, env []string, dir string, cred vfs.Cred) (string, error) {
	path := defaultPath
	for _, v := range env {
		if p, ok := strings.CutPrefix(v, "PATH="); ok {
			path = p
		}
	}
	file, err := box.LookPath(name, path, dir, cred)
	switch {
	case err == nil:
	case !strings.Contains(name, "/"):
		return "", fmt.Errorf("exec: %q: executable file not found in $PATH", name)
	case err == linux.EACCES || err == linux.EISDIR:
		return "", fmt.Errorf("exec: %q: permission denied", name)
	default:
		return "", fmt.Errorf("exec: %q: stat %s: %s", name, name, errnoText(err))
	}
	if !strings.Contains(name, "/") && !strings.HasPrefix(file, "/") {
		return "", fmt.Errorf("exec: %q: cannot run executable found relative to current directory", name)
	}
	v := box.NS().View(vfs.Root(vfs.CapsAll))
	if dir != "" {
		v.Chdir(dir)
	}
	v.Cred = cred
	if err := v.Access(file, linux.X_OK); err != nil {
		return "", fmt.Errorf("exec %s: %s", file, errnoText(err))
	}
	return file, nil
}

// environment is what a container's process starts with.
func environment(c *Container, links []string, home string) []string {
	env := []string{"PATH=" + defaultPath, "HOSTNAME=" + c.Config.Hostname}
	if c.Config.Tty {
		env = append(env, "TERM=xterm")
	}
	env = append(env, links...)
	return withHome(mergeEnv(env, c.Config.Env), home)
}

// mergeEnv puts variables over an environment: one without "=" takes the variable away.
func mergeEnv(env, over []string) []string {
	at := map[string]int{}
	for i, v := range env {
		k, _, _ := strings.Cut(v, "=")
		at[k] = i
	}
	for _, v := range over {
		k, _, set := strings.Cut(v, "=")
		i, known := at[k]
		switch {
		case !set && known:
			env[i] = ""
			delete(at, k)
		case !set:
		case known:
			env[i] = v
		default:
			at[k] = len(env)
			env = append(env, v)
		}
	}
	return slices.DeleteFunc(env, func(v string) bool { return v == "" })
}

func withHome(env []string, home string) []string {
	if slices.ContainsFunc(env, func(v string) bool { return strings.HasPrefix(v, "HOME=") }) {
		return env
	}
	return append(env, "HOME="+home)
}

// overlayOptions are what /proc/mounts shows of a container's root.
func overlayOptions(c *Container) string {
	d := graphDir(c.ID)
	return fmt.Sprintf("relatime,lowerdir=%s-init/diff,upperdir=%s/diff,workdir=%s/work", d, d, d)
}

// withInit puts the engine's own init before a process, as docker run --init does: it starts the
// process, passes signals on, and reaps what is orphaned.
func withInit(s kernel.Spec) kernel.Spec {
	path, argv, env := s.Path, s.Argv, s.Env
	s.Path, s.Argv = "", append([]string{"/sbin/docker-init", "--"}, argv...)
	s.Body = func(p *kernel.Proc) int {
		for sig := linux.Signal(1); sig <= linux.SIGSYS; sig++ {
			switch sig {
			case linux.SIGKILL, linux.SIGSTOP, linux.SIGCHLD, linux.SIGFPE, linux.SIGILL, linux.SIGSEGV, linux.SIGBUS, linux.SIGABRT, linux.SIGTRAP, linux.SIGSYS, linux.SIGTTIN, linux.SIGTTOU:
			default:
				p.Signal(sig, kernel.Catch)
			}
		}
		child, err := p.Spawn(path, argv, env, &kernel.SpawnOpts{Foreground: true})
		if err != nil {
			p.Write(2, []byte(fmt.Sprintf("[FATAL tini (%d)] exec %s failed: %s\n", p.Pid(), argv[0], err)))
			if err == linux.ENOENT {
				return 127
			}
			return 126
		}
		for {
			pid, st, err := p.Wait(-1, 0)
			switch {
			case err == linux.EINTR:
				for sig, ok := p.TakeSignal(); ok; sig, ok = p.TakeSignal() {
					p.Kill(child, sig)
				}
			case err != nil:
				return 1
			case pid == child:
				return st.ExitCode()
			}
		}
	}
	return s
}

// Package host is the machine that the learner sits at: a sandbox of the lab's kernel that sees all
// processes, with a disk, devices, and a first process that does what init does.
package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"

	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/layer"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/unionfs"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// Name is the host's name, which its shell's prompt shows.
const Name = "dockerlab"

// Env is what a process of the host's user begins with.
var Env = []string{
	"SHELL=/bin/bash", "HOME=/root", "USER=root", "LOGNAME=root", "LANG=C.UTF-8",
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
}

// Home is where a login begins.
const Home = "/root"

// Options say what a Host is booted with.
type Options struct {
	Tree *layer.Tree // what its disk holds at first; nil is an empty one
	// Files is what an earlier boot left on the disk, Tree included; nil is a first boot.
	Files  *unionfs.Snapshot
	Disk   *unionfs.Disk
	Budget *kernel.Budget // nil: the kernel's own
	Net    *kernel.NetNS  // nil: one with a loopback only
	// OnBudget is told which bound a command of the host hit.
	OnBudget func(*kernel.BudgetError)
}

// Host is a booted host.
type Host struct {
	k    *kernel.Kernel
	box  *kernel.Sandbox
	ns   *vfs.Namespace
	disk *unionfs.FS
	hit  error // the bound that ended the script that runs, or that it stalled

	brought int64 // bytes of content that came from outside the kernel, and are still there
}

// maxBrought bounds the memory of what comes to the disk from outside the kernel: the docker client
// writes archives and copies there, which are of images' sizes and not of scripts'.
const maxBrought = 512 << 20

// charge counts memory that the disk's files take: from the host's budget, which ends the script that
// exceeds it, or apart where it comes from outside; then there is no space left. Called inside the kernel.
func (h *Host) charge(n int64) error {
	switch {
	case n > 0 && h.k.Outside():
		if h.brought+n > maxBrought {
			return linux.ENOSPC
		}
		h.brought += n
		return nil
	case n < 0: // whose it was is not known; the sum is right
		back := min(-n, h.brought)
		h.brought -= back
		n += back
	}
	return h.box.Charge(n)
}

// Boot makes the kernel's host and starts its first process.
func Boot(k *kernel.Kernel, o Options) (*Host, error) {
	h := &Host{k: k}
	tree := o.Tree
	if tree == nil {
		tree = layer.NewTree()
	}
	options := unionfs.Options{Now: k.Now, Type: "ext4", Disk: o.Disk, Charge: func(n int64) error {
		if h.box == nil {
			return nil
		}
		return h.charge(n)
	}}
	if o.Files != nil {
		h.disk = o.Files.FS(options)
		if o.Disk != nil {
			o.Files.Occupy(o.Disk)
		}
	} else {
		h.disk = unionfs.New(tree, options)
	}
	h.ns = vfs.NewNamespace(h.disk, "/dev/vda1", "relatime")
	var err error
	k.Do(func() { err = h.boot(o) })
	if err != nil {
		return nil, fmt.Errorf("booting the lab's host: %w", err)
	}
	return h, nil
}

// nodes are the devices of /dev, as devtmpfs makes them.
var nodes = []struct {
	name         string
	mode         linux.Mode
	major, minor uint32
}{
	{"null", 0o666, 1, 3}, {"zero", 0o666, 1, 5}, {"full", 0o666, 1, 7}, {"random", 0o666, 1, 8}, {"urandom", 0o666, 1, 9},
	{"tty", 0o666, 5, 0}, {"console", 0o600, 5, 1}, {"ptmx", 0o666, 5, 2},
}

var links = [][2]string{{"fd", "/proc/self/fd"}, {"stdin", "/proc/self/fd/0"}, {"stdout", "/proc/self/fd/1"}, {"stderr", "/proc/self/fd/2"}}

func (h *Host) boot(o Options) error {
	h.box = h.k.NewSandbox(kernel.SandboxConfig{ID: Name, Hostname: Name, NS: h.ns, Net: o.Net, Budget: o.Budget, Host: true, Privileged: true,
		OnBudget: func(e *kernel.BudgetError) {
			h.hit = e
			if o.OnBudget != nil {
				o.OnBudget(e)
			}
		}})
	h.brought = min(h.disk.Held(), maxBrought) // by an earlier boot; refused is only more
	h.box.Charge(h.disk.Held() - h.brought)
	v := h.ns.View(vfs.Root(vfs.CapsAll))
	v.Umask = 0
	tmp := func() vfs.Filesystem {
		return unionfs.New(nil, unionfs.Options{Now: h.k.Now, Type: "tmpfs", Disk: o.Disk, Charge: h.box.Charge})
	}
	dev := tmp()
	for _, m := range []struct {
		at, source, options string
		fs                  vfs.Filesystem
	}{
		{"/proc", "proc", "nosuid,nodev,noexec,relatime", h.box.NewProcFS()},
		{"/sys", "sysfs", "nosuid,nodev,noexec,relatime", tmp()},
		{"/dev", "udev", "nosuid,relatime,mode=755", dev},
		{"/dev/pts", "devpts", "nosuid,noexec,relatime,gid=5,mode=620,ptmxmode=000", h.box.NewDevPts()},
		{"/dev/shm", "tmpfs", "nosuid,nodev", tmp()},
		{"/run", "tmpfs", "nosuid,nodev,noexec,relatime,mode=755", tmp()},
	} {
		if err := mkdir(v, m.at); err != nil {
			return fmt.Errorf("%s: %w", m.at, err)
		}
		if err := h.ns.Mount(m.at, &vfs.Mount{FS: m.fs, Source: m.source, Options: m.options}); err != nil {
			return fmt.Errorf("mounting %s: %w", m.at, err)
		}
	}
	for _, n := range nodes {
		if err := v.Mknod("/dev/"+n.name, linux.S_IFCHR|n.mode, linux.Mkdev(n.major, n.minor)); err != nil {
			return fmt.Errorf("/dev/%s: %w", n.name, err)
		}
	}
	for _, l := range links {
		if err := v.Symlink(l[1], "/dev/"+l[0]); err != nil {
			return fmt.Errorf("/dev/%s: %w", l[0], err)
		}
	}
	if err := v.Chmod("/dev/shm", 0o1777); err != nil {
		return err
	}
	first := o.Files == nil
	texts := map[string]string{
		"hostname": Name + "\n",
		"hosts":    "127.0.0.1\tlocalhost\n127.0.1.1\t" + Name + "\n::1\tlocalhost ip6-localhost ip6-loopback\n",
	}
	if !first {
		texts = nil
	}
	for name, text := range texts {
		if err := mkdir(v, "/etc"); err != nil {
			return err
		}
		if err := v.WriteFile("/etc/"+name, []byte(text), 0o644); err != nil {
			return fmt.Errorf("/etc/%s: %w", name, err)
		}
	}
	for _, dir := range []string{Home, "/tmp", "/run/lock"} {
		if err := mkdir(v, dir); err != nil {
			return fmt.Errorf("%s: %w", dir, err)
		}
	}
	if first {
		if err := v.Chmod("/tmp", 0o1777); err != nil {
			return err
		}
	}
	null := h.k.NullFile()
	_, err := h.box.Start(kernel.Spec{Body: initProcess, Argv: []string{"/sbin/init"}, Cred: vfs.Root(vfs.CapsAll), Umask: 0o022,
		Files: []*kernel.File{null, null.Ref(), null.Ref()}})
	return err
}

// initProcess takes in orphans and buries them, for ever.
func initProcess(p *kernel.Proc) int {
	p.SetComm("systemd")
	p.Signal(linux.SIGCHLD, kernel.Catch)
	for {
		for {
			if pid, _, err := p.Wait(-1, kernel.WNOHANG); pid == 0 || err != nil {
				break
			}
		}
		p.Sigwait()
	}
}

func mkdir(v *vfs.View, dir string) error {
	if st, err := v.Stat(dir); err == nil && st.Mode.IsDir() {
		return nil
	}
	if up := path.Dir(dir); up != "/" {
		if err := mkdir(v, up); err != nil {
			return err
		}
	}
	return v.Mkdir(dir, 0o755)
}

// Sandbox is the host to the kernel; Files its disk, without what is mounted on it.
func (h *Host) Sandbox() *kernel.Sandbox { return h.box }
func (h *Host) Files() *unionfs.FS       { return h.disk }

// View looks at the host's files as root. It is used inside the kernel.
func (h *Host) View() *vfs.View { return h.ns.View(vfs.Root(vfs.CapsAll)) }

// Command is a process to be run on the host.
type Command struct {
	Argv []string // Argv[0] is looked for on PATH
	Env  []string // nil: Env
	Dir  string   // "": Home
	// Its streams; nil is /dev/null. What it writes is written inside the kernel, so that the order
	// of the two outputs is kept.
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// TTY, where given, is all three streams and the controlling terminal instead.
	TTY *kernel.Terminal
}

// Start starts a process.
func (h *Host) Start(c Command) (*kernel.Task, error) {
	var task *kernel.Task
	var err error
	h.k.Do(func() { task, err = h.start(c) })
	if err != nil {
		return nil, fmt.Errorf("starting %s on the lab's host: %w", c.Argv[0], err)
	}
	return task, nil
}

func (h *Host) start(c Command) (*kernel.Task, error) {
	s := kernel.Spec{Argv: c.Argv, Env: c.Env, Dir: c.Dir, Cred: vfs.Root(vfs.CapsAll), Umask: 0o022, TTY: c.TTY}
	if s.Env == nil {
		s.Env = Env
	}
	if s.Dir == "" {
		s.Dir = Home
	}
	var err error
	if s.Path, err = h.box.LookPath(c.Argv[0], variable(s.Env, "PATH"), s.Dir, s.Cred); err != nil {
		return nil, err
	}
	switch {
	case c.TTY != nil:
		s.Files = []*kernel.File{c.TTY.Slave(), c.TTY.Slave(), c.TTY.Slave()}
	default:
		in := h.k.NullFile()
		if c.Stdin != nil {
			in = h.k.SourceFile(c.Stdin)
		}
		s.Files = []*kernel.File{in, h.sink(c.Stdout), h.sink(c.Stderr)}
	}
	return h.box.Start(s)
}

func (h *Host) sink(w io.Writer) *kernel.File {
	if w == nil {
		return h.k.NullFile()
	}
	return h.k.SinkFile(func(b []byte) { w.Write(b) })
}

func variable(env []string, name string) string {
	for _, e := range env {
		if len(e) > len(name) && e[len(name)] == '=' && e[:len(name)] == name {
			return e[len(name)+1:]
		}
	}
	return ""
}

// ErrStalled ends a command on a virtual clock when nothing that runs could ever wake it.
var ErrStalled = errors.New("stopped: everything in the lab waits, and nothing is left that could end the wait")

// Run runs a command to its end and gives its exit code. When ctx is done, all that it started on
// the host is killed, and ctx's error is given; a *kernel.BudgetError or ErrStalled says why the
// lab ended it.
func (h *Host) Run(ctx context.Context, c Command) (code int, err error) {
	h.k.Do(func() {
		h.hit = nil
		h.box.Refill()
	})
	task, err := h.Start(c)
	if err != nil {
		return 0, err
	}
	select {
	case <-task.Done():
	case <-ctx.Done():
		h.KillSession(task)
		<-task.Done()
		return task.Status().ExitCode(), ctx.Err()
	}
	h.k.Do(func() { err = h.hit })
	return task.Status().ExitCode(), err
}

// KillSession ends every process of the task's session.
func (h *Host) KillSession(task *kernel.Task) {
	h.k.Do(func() { h.box.KillSession(task.NSPid()) })
}

// Stalled is told, inside the kernel, that nothing in the lab can go on by itself
// (kernel.Options.OnStall): what runs on the host besides its first process is ended.
func (h *Host) Stalled() {
	if h == nil || h.box == nil || !h.box.KillOthers() {
		return
	}
	h.hit = ErrStalled
}

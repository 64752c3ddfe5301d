package progtest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pmezard/go-difflib/difflib"

	"github.com/dockerlab/dockerlab/sim/elfnote"
	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/unionfs"
	"github.com/dockerlab/dockerlab/sim/userland"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
	"github.com/dockerlab/dockerlab/sim/userland/userdb"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// Run holds the lab's programs against the cases of the files that the patterns name.
func Run(t *testing.T, patterns ...string) {
	t.Helper()
	n := 0
	for _, pattern := range patterns {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			f, err := Parse(text)
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			for _, c := range f.Cases {
				n++
				for _, family := range c.Families() {
					t.Run(c.Name+"/"+family, func(t *testing.T) { runCase(t, &c, family) })
				}
			}
		}
	}
	if n == 0 {
		t.Fatalf("no cases in %v", patterns)
	}
}

func runCase(t *testing.T, c *Case, family string) {
	want := c.Answers[family]
	if len(want) != len(c.Blocks) {
		t.Fatalf("%d blocks, %d recorded answers: record it with tests/record", len(c.Blocks), len(want))
	}
	w := NewWorld(t, family)
	for i, block := range c.Blocks {
		got := w.Sh(c.Shell(), block)
		if got != want[i] {
			diff, _ := difflib.GetUnifiedDiffString(difflib.UnifiedDiff{
				A: lines(want[i]), B: lines(got), FromFile: "real", ToFile: "ours", Context: 1})
			t.Errorf("$ %s\n%s", block, diff)
		}
	}
}

// lines is an answer by lines, its exit code the first.
func lines(a Answer) []string {
	return difflib.SplitLines(fmt.Sprintf("[%d]\n%s", a.Exit, strings.ReplaceAll(a.Output, "\x00", "␀")))
}

// World is a sandbox with the programs of one family in /bin, the users that Debian begins with,
// and an empty /t.
type World struct {
	t   testing.TB
	k   *kernel.Kernel
	box *kernel.Sandbox
}

// NewWorld boots a kernel with such a sandbox.
func NewWorld(t testing.TB, family string) *World {
	t.Helper()
	table := userland.New()
	k := kernel.New(kernel.Options{Clock: kernel.Virtual, Start: time.Date(2024, 6, 1, 12, 0, 0, 0, time.UTC), Seed: 1, Loader: table.Load,
		OnPanic: func(comm string, v any, stack []byte) { t.Errorf("%s panicked: %v\n%s", comm, v, stack) }})
	fs := unionfs.New(nil, unionfs.Options{Now: k.Now})
	ns := vfs.NewNamespace(fs, "overlay", "")
	v := ns.View(vfs.Root(vfs.CapsAll))
	v.Umask = 0
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range []string{"/etc", "/proc", "/dev", "/root", "/t", "/usr", "/usr/bin", "/usr/sbin", "/var", "/home"} {
		must(v.Mkdir(d, 0o755))
	}
	for _, d := range []string{"/bin", "/sbin"} {
		if family == "gnu" {
			must(v.Symlink("usr"+d, d))
		} else {
			must(v.Mkdir(d, 0o755))
		}
	}
	must(v.Mkdir("/tmp", 0o1777))
	must(v.Mkdir("/dev/pts", 0o755))
	must(v.Mkdir("/dev/shm", 0o1777))
	users := etc[family]
	must(v.WriteFile("/etc/passwd", []byte(users.passwd), 0o644))
	must(v.WriteFile("/etc/group", []byte(users.group), 0o644))
	shadow := ""
	for _, u := range userdb.ParseUsers(users.passwd) {
		shadow += u.Name + ":*:19700:0:99999:7:::\n"
	}
	must(v.WriteFile("/etc/shadow", []byte(shadow), 0o640))
	if family == "gnu" {
		gshadow := ""
		for _, g := range userdb.ParseGroups(users.group) {
			gshadow += g.Name + ":*::\n"
		}
		must(v.WriteFile("/etc/gshadow", []byte(gshadow), 0o640))
		must(v.WriteFile("/etc/subuid", nil, 0o644))
		must(v.WriteFile("/etc/subgid", nil, 0o644))
		must(v.Mkdir("/etc/skel", 0o755))
		for _, name := range []string{".bash_logout", ".bashrc", ".profile"} {
			must(v.WriteFile("/etc/skel/"+name, []byte("# "+name+"\n"), 0o644))
		}
	}
	must(v.WriteFile("/etc/hostname", []byte("box\n"), 0o644))
	must(v.WriteFile("/etc/hosts", []byte("127.0.0.1\tlocalhost\n172.17.0.2\tbox\n"), 0o644))
	for name, minor := range map[string]uint32{"null": 3, "zero": 5, "full": 7, "random": 8, "urandom": 9} {
		must(v.Mknod("/dev/"+name, linux.S_IFCHR|0o666, linux.Mkdev(1, minor)))
	}
	must(v.Mknod("/dev/tty", linux.S_IFCHR|0o666, linux.Mkdev(5, 0)))
	for name, target := range map[string]string{"stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2", "fd": "/proc/self/fd"} {
		must(v.Symlink(target, "/dev/"+name))
	}
	f, _ := prog.ParseFamily(family)
	if f == prog.Busybox {
		must(v.WriteFile("/bin/busybox", elfnote.Write("busybox", "busybox"), 0o755))
		for _, name := range table.Names(f) {
			if prog.IsBusyboxApplet(name) && name != "busybox" {
				must(v.Symlink("/bin/busybox", "/bin/"+name))
			}
		}
	} else {
		for _, name := range table.Names(f) {
			dir := "/bin/"
			if name == "nologin" {
				dir = "/sbin/"
			}
			must(v.WriteFile(dir+name, elfnote.Write(name, family), 0o755))
		}
		if _, err := v.Lstat("/bin/sh"); err != nil {
			must(v.Symlink("dash", "/bin/sh"))
		}
	}
	box := k.NewSandbox(kernel.SandboxConfig{ID: strings.Repeat("a", 64), Hostname: "box", NS: ns})
	must(ns.Mount("/proc", &vfs.Mount{FS: box.NewProcFS(), Source: "proc", Options: "nosuid,nodev,noexec,relatime"}))
	shm := unionfs.New(nil, unionfs.Options{Now: k.Now, Type: "tmpfs"})
	must(shm.SetAttr(shm.Root(), vfs.Attr{Mode: new(linux.Mode(0o1777))}))
	must(ns.Mount("/dev/shm", &vfs.Mount{FS: shm, Source: "shm", Options: "nosuid,nodev,noexec"}))
	must(ns.Mount("/dev/pts", &vfs.Mount{FS: box.NewDevPts(), Source: "devpts", Options: "nosuid,noexec"}))
	w := &World{t: t, k: k, box: box}
	// A first process that reaps, as the recorder's driver is.
	w.k.Do(func() {
		_, err := box.Start(kernel.Spec{Argv: []string{"init"}, Env: env, Cred: vfs.Root(vfs.CapsContainer), Umask: 0o022,
			Files: []*kernel.File{k.NullFile(), k.NullFile(), k.NullFile()}, Body: func(p *kernel.Proc) int {
				p.SetComm("sh")
				p.Signal(linux.SIGCHLD, kernel.Catch)
				for {
					p.Sigwait()
					for {
						if pid, _, err := p.Wait(-1, kernel.WNOHANG); err != nil || pid == 0 {
							break
						}
					}
				}
			}})
		must(err)
	})
	return w
}

var env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOSTNAME=box", "HOME=/root", "SH=sh", "PWD=/t"}

// Sh runs a block by a shell, in /t, with nothing on standard input.
func (w *World) Sh(shell, block string) Answer { return w.Run(shell, "-c", block) }

// Type runs a program at a terminal of 24 rows and 80 columns and types keys once it has written
// something; the answer holds all that the terminal was sent.
func (w *World) Type(keys string, argv ...string) Answer {
	w.t.Helper()
	var tty *kernel.Terminal
	w.k.Do(func() { tty = w.box.NewTerminal(24, 80) })
	master := tty.Master()
	seen, started := make(chan string), make(chan struct{})
	go func() {
		var all []byte
		buf := make([]byte, 4096)
		for {
			n, err := master.Read(buf)
			if len(all) == 0 {
				close(started)
			}
			if all = append(all, buf[:n]...); err != nil {
				seen <- string(all)
				return
			}
		}
	}()
	task := w.start(argv, func() []*kernel.File { return []*kernel.File{tty.Slave(), tty.Slave(), tty.Slave()} }, tty)
	<-started // a program that draws has set the terminal's modes before
	if _, err := master.Write([]byte(keys)); err != nil {
		w.t.Fatal(err)
	}
	w.wait(task, argv)
	out := <-seen
	return Answer{Exit: task.Status().ExitCode(), Output: out}
}

// File is the content of a file of the world.
func (w *World) File(path string) string {
	w.t.Helper()
	var b []byte
	var err error
	w.k.Do(func() { b, err = w.box.NS().View(vfs.Root(vfs.CapsAll)).ReadFile(path, 1<<20) })
	if err != nil {
		w.t.Fatalf("%s: %v", path, err)
	}
	return string(b)
}

// WriteFile makes a file in the world.
func (w *World) WriteFile(path, text string) {
	w.t.Helper()
	var err error
	w.k.Do(func() { err = w.box.NS().View(vfs.Root(vfs.CapsAll)).WriteFile(path, []byte(text), 0o644) })
	if err != nil {
		w.t.Fatalf("%s: %v", path, err)
	}
}

// Run runs a program that PATH has.
func (w *World) Run(argv ...string) Answer {
	w.t.Helper()
	var out bytes.Buffer
	task := w.start(argv, func() []*kernel.File {
		sink := func() *kernel.File {
			return w.k.SinkFile(func(b []byte) {
				if out.Len() < 1<<20 {
					out.Write(b)
				}
			})
		}
		return []*kernel.File{w.k.NullFile(), sink(), sink()}
	}, nil)
	w.wait(task, argv)
	var a Answer
	w.k.Do(func() { a = Answer{Exit: task.Status().ExitCode(), Output: out.String()} })
	return a
}

func (w *World) start(argv []string, files func() []*kernel.File, tty *kernel.Terminal) *kernel.Task {
	w.t.Helper()
	cred := vfs.Root(vfs.CapsContainer)
	var task *kernel.Task
	var err error
	w.k.Do(func() {
		var path string
		if path, err = w.box.LookPath(argv[0], strings.TrimPrefix(env[0], "PATH="), "/t", cred); err != nil {
			return
		}
		e := env
		if tty != nil {
			e = append(e[:len(e):len(e)], "TERM=xterm")
		}
		task, err = w.box.Start(kernel.Spec{Path: path, Argv: argv, Env: e, Dir: "/t", Cred: cred, Umask: 0o022, Files: files(), TTY: tty})
	})
	if err != nil {
		w.t.Fatalf("%s: %v", argv[0], err)
	}
	return task
}

func (w *World) wait(task *kernel.Task, argv []string) {
	w.t.Helper()
	select {
	case <-task.Done():
	case <-time.After(60 * time.Second):
		w.k.Do(func() { task.SignalInside(linux.SIGKILL) })
		w.t.Fatalf("%q did not end", argv)
	}
}

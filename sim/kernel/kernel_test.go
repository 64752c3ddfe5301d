package kernel_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/unionfs"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// machine is a kernel with one sandbox, whose programs are the functions that the test names:
// the file /bin/NAME holds "prog NAME".
type machine struct {
	t     *testing.T
	k     *kernel.Kernel
	box   *kernel.Sandbox
	out   bytes.Buffer
	progs map[string]kernel.Program
}

func boot(t *testing.T, clock kernel.Clock, budget kernel.Budget) *machine {
	m := &machine{t: t, progs: map[string]kernel.Program{}}
	m.k = kernel.New(kernel.Options{Clock: clock, Budget: budget,
		Loader: func(p *kernel.Proc, f *kernel.Executable) (kernel.Program, error) {
			name, ok := strings.CutPrefix(string(f.Head), "prog ")
			if !ok {
				return nil, linux.ENOEXEC
			}
			return m.progs[name], nil
		},
		OnPanic: func(comm string, v any, stack []byte) { t.Errorf("%s panicked: %v\n%s", comm, v, stack) },
	})
	fs := unionfs.New(nil, unionfs.Options{Now: m.k.Now})
	ns := vfs.NewNamespace(fs, "overlay", "")
	m.box = m.k.NewSandbox(kernel.SandboxConfig{ID: "box", Hostname: "box", NS: ns})
	v := ns.View(vfs.Root(vfs.CapsAll))
	for _, d := range []string{"/bin", "/tmp", "/proc", "/dev"} {
		if err := v.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := ns.Mount("/proc", &vfs.Mount{FS: m.box.NewProcFS(), Source: "proc"}); err != nil {
		t.Fatal(err)
	}
	if err := v.Mknod("/dev/null", linux.S_IFCHR|0o666, linux.Mkdev(1, 3)); err != nil {
		t.Fatal(err)
	}
	return m
}

// fresh makes a new sandbox over the same files: one whose first process has ended is dead.
func (m *machine) fresh() {
	m.box = m.k.NewSandbox(kernel.SandboxConfig{ID: "box", Hostname: "box", NS: m.box.NS()})
}

// program makes /bin/NAME run f.
func (m *machine) program(name string, f kernel.Program) {
	m.progs[name] = f
	if err := m.box.NS().View(vfs.Root(vfs.CapsAll)).WriteFile("/bin/"+name, []byte("prog "+name), 0o755); err != nil {
		m.t.Fatal(err)
	}
}

// run runs f as a process, and gives its status and what it wrote.
func (m *machine) run(f kernel.Program) (kernel.Status, string) {
	m.t.Helper()
	task := m.start(f, nil)
	select {
	case <-task.Done():
	case <-time.After(20 * time.Second):
		m.t.Fatal("the process hangs")
	}
	return task.Status(), m.out.String()
}

func (m *machine) start(f kernel.Program, tty *kernel.Terminal) *kernel.Task {
	m.t.Helper()
	var task *kernel.Task
	var err error
	m.out.Reset()
	m.k.Do(func() {
		files := []*kernel.File{m.k.NullFile(), m.k.SinkFile(func(b []byte) { m.out.Write(b) }), nil}
		if tty != nil {
			files = []*kernel.File{tty.Slave(), tty.Slave(), tty.Slave()}
		}
		task, err = m.box.Start(kernel.Spec{Body: f, Argv: []string{"init"}, Cred: vfs.Root(vfs.CapsAll), Umask: 0o022, Files: files, TTY: tty})
	})
	if err != nil {
		m.t.Fatal(err)
	}
	return task
}

func say(p *kernel.Proc, format string, args ...any) { fmt.Fprintf(p.Writer(1), format, args...) }

func TestForkAndWait(t *testing.T) {
	m := boot(t, kernel.Virtual, kernel.Budget{})
	st, out := m.run(func(p *kernel.Proc) int {
		pid, err := p.Fork(func(c *kernel.Proc) int {
			say(c, "child %d of %d\n", c.Pid(), c.Ppid())
			return 7
		})
		if err != nil {
			return 1
		}
		got, st, err := p.Wait(-1, 0)
		say(p, "%v %d %v\n", got == pid, st.Code, err)
		_, _, err = p.Wait(-1, 0)
		say(p, "%v\n", err)
		return 300 // only eight bits count
	})
	if want := "child 2 of 1\ntrue 7 <nil>\nNo child processes\n"; out != want {
		t.Errorf("out %q, want %q", out, want)
	}
	if st.Code != 44 {
		t.Errorf("code %d, want 44", st.Code)
	}
}

func TestPipes(t *testing.T) {
	m := boot(t, kernel.Virtual, kernel.Budget{})
	_, out := m.run(func(p *kernel.Proc) int {
		r, w, _ := p.Pipe()
		p.Fork(func(c *kernel.Proc) int {
			c.Close(r)
			big := bytes.Repeat([]byte("x"), 300_000) // more than a pipe holds
			n, err := c.Write(w, big)
			if n != len(big) || err != nil {
				say(c, "write: %d %v\n", n, err)
			}
			return 0
		})
		p.Close(w)
		n, err := io.Copy(io.Discard, p.Reader(r))
		say(p, "%d %v\n", n, err)
		p.Close(r)
		// a writer without a reader is killed by SIGPIPE
		r, w, _ = p.Pipe()
		p.Close(r)
		p.Fork(func(c *kernel.Proc) int { c.Write(w, []byte("x")); return 0 })
		p.Wait(-1, 0)
		_, st, _ := p.Wait(-1, 0)
		say(p, "%v\n", st.Signal)
		return 0
	})
	if want := "300000 <nil>\nBroken pipe\n"; out != want {
		t.Errorf("out %q, want %q", out, want)
	}
}

func TestVirtualTimeJumps(t *testing.T) {
	m := boot(t, kernel.Virtual, kernel.Budget{})
	began := time.Now()
	_, out := m.run(func(p *kernel.Proc) int {
		t0 := p.Now()
		for i := range 3 {
			p.Fork(func(c *kernel.Proc) int {
				c.Sleep(time.Duration(3-i) * time.Hour)
				say(c, "%d ", 3-i)
				return 0
			})
		}
		for range 3 {
			p.Wait(-1, 0)
		}
		say(p, "%v", p.Now().Sub(t0).Round(time.Second))
		return 0
	})
	if want := "1 2 3 3h0m0s"; out != want {
		t.Errorf("out %q, want %q", out, want)
	}
	if d := time.Since(began); d > time.Minute {
		t.Errorf("three hours took %v", d)
	}
}

func TestSignals(t *testing.T) {
	m := boot(t, kernel.Virtual, kernel.Budget{})
	_, out := m.run(func(p *kernel.Proc) int {
		// the default ends a process
		pid, _ := p.Fork(func(c *kernel.Proc) int { c.Pause(); return 0 })
		p.Sleep(time.Second)
		p.Kill(pid, linux.SIGTERM)
		_, st, _ := p.Wait(pid, 0)
		say(p, "%v %d\n", st.Signal, st.ExitCode())
		// a caught one interrupts what blocks, and is taken
		pid, _ = p.Fork(func(c *kernel.Proc) int {
			c.Signal(linux.SIGUSR1, kernel.Catch)
			err := c.Sleep(time.Hour)
			s, ok := c.TakeSignal()
			say(c, "%v %v %v\n", err, s, ok)
			return 3
		})
		p.Sleep(time.Second)
		p.Kill(pid, linux.SIGUSR1)
		p.Wait(pid, 0)
		// an ignored one does nothing; stop and continue are seen by the parent
		pid, _ = p.Fork(func(c *kernel.Proc) int {
			c.Signal(linux.SIGTERM, kernel.Ignore)
			c.Sleep(10 * time.Second)
			return 5
		})
		p.Sleep(time.Second)
		p.Kill(pid, linux.SIGTERM)
		p.Kill(pid, linux.SIGSTOP)
		_, st, _ = p.Wait(pid, kernel.WUNTRACED)
		say(p, "%v\n", st.Stopped)
		p.Kill(pid, linux.SIGCONT)
		_, st, _ = p.Wait(pid, 0)
		say(p, "%d\n", st.Code)
		// the first process of a sandbox is not killed from inside
		say(p, "%v\n", p.Kill(1, linux.SIGKILL))
		say(p, "%v\n", p.Kill(4711, linux.SIGKILL))
		return 0
	})
	want := "Terminated 143\nInterrupted system call User defined signal 1 true\ntrue\n5\n<nil>\nNo such process\n"
	if out != want {
		t.Errorf("out\n%s\nwant\n%s", out, want)
	}
}

func TestEndOfFirstProcessEndsAll(t *testing.T) {
	m := boot(t, kernel.Virtual, kernel.Budget{})
	st, _ := m.run(func(p *kernel.Proc) int {
		for range 3 {
			p.Fork(func(c *kernel.Proc) int { c.Pause(); return 0 })
		}
		p.Sleep(time.Second)
		return 9
	})
	if st.Code != 9 {
		t.Errorf("code %d", st.Code)
	}
	m.k.Do(func() {
		if m.box.Alive() {
			t.Errorf("left: %v", m.box.Procs())
		}
	})
}

func TestExecIsGivenNoMoreThanFits(t *testing.T) {
	for _, c := range []struct {
		name      string
		argv, env []string
		fits      bool
	}{
		{"the longest word", []string{"a", strings.Repeat("x", 128<<10-1)}, nil, true},
		{"a longer word", []string{"a", strings.Repeat("x", 128<<10)}, nil, false},
		{"a longer variable", []string{"a"}, []string{"A=" + strings.Repeat("x", 128<<10)}, false},
		{"many words", slices.Repeat([]string{strings.Repeat("x", 100_000)}, 20), nil, true},
		{"too many words", slices.Repeat([]string{strings.Repeat("x", 100_000)}, 21), nil, false},
		{"too many small words", slices.Repeat([]string{"x"}, 210_000), nil, false},
	} {
		m := boot(t, kernel.Virtual, kernel.Budget{})
		m.program("args", func(p *kernel.Proc) int { return 4 })
		_, out := m.run(func(p *kernel.Proc) int {
			say(p, "%v", p.Exec("/bin/args", c.argv, c.env))
			return 0
		})
		if want := map[bool]string{true: "", false: "Argument list too long"}[c.fits]; out != want {
			t.Errorf("%s: %.100q", c.name, out)
		}
	}
}

func TestExec(t *testing.T) {
	m := boot(t, kernel.Virtual, kernel.Budget{})
	m.program("args", func(p *kernel.Proc) int {
		say(p, "%s %q %s\n", p.Comm(), p.Args(), p.Exe())
		return 4
	})
	v := m.box.NS().View(vfs.Root(vfs.CapsAll))
	for name, text := range map[string]string{
		"script":  "#!/bin/args  one argument \nrest",
		"crlf":    "#!/bin/args\r\n",
		"nested":  "#!/bin/script",
		"nothing": "echo hi",
		"loop":    "#!/bin/loop",
	} {
		if err := v.WriteFile("/bin/"+name, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	v.WriteFile("/bin/plain", []byte("prog args"), 0o644)
	for _, c := range []struct {
		path, want string
	}{
		{"/bin/args", `args ["a0" "x"] /bin/args` + "\n4"},
		{"/bin/script", `script ["/bin/args" "one argument" "/bin/script" "x"] /bin/args` + "\n4"},
		{"/bin/nested", `nested ["/bin/args" "one argument" "/bin/script" "/bin/nested" "x"] /bin/args` + "\n4"},
		{"/bin/crlf", "No such file or directory"},
		{"/bin/nothing", "Exec format error"},
		{"/bin/loop", "Too many levels of symbolic links"},
		{"/bin/plain", "Permission denied"},
		{"/bin", "Permission denied"},
		{"/bin/missing", "No such file or directory"},
		{"/bin/args/x", "Not a directory"},
	} {
		m.fresh()
		st, out := m.run(func(p *kernel.Proc) int {
			err := p.Exec(c.path, []string{"a0", "x"}, nil)
			say(p, "%v", err)
			return 0
		})
		if st.Code != 0 {
			out += fmt.Sprint(st.Code)
		}
		if out != c.want {
			t.Errorf("%s: %q, want %q", c.path, out, c.want)
		}
	}
}

func TestSetUserIDProgram(t *testing.T) {
	m := boot(t, kernel.Virtual, kernel.Budget{})
	m.program("who", func(p *kernel.Proc) int {
		c := p.Cred()
		say(p, "%d %d %v", c.RUID, c.UID, c.Has(vfs.CapChown))
		return 0
	})
	m.box.NS().View(vfs.Root(vfs.CapsAll)).Chmod("/bin/who", 0o4755)
	_, out := m.run(func(p *kernel.Proc) int {
		p.Setgid(50)
		p.Setuid(1000)
		if err := p.Setuid(0); err != linux.EPERM {
			say(p, "setuid back: %v ", err)
		}
		p.Exec("/bin/who", []string{"who"}, nil)
		return 1
	})
	if want := "1000 0 true"; out != want {
		t.Errorf("out %q, want %q", out, want)
	}
}

func TestBudgets(t *testing.T) {
	for _, c := range []struct {
		what string
		f    kernel.Program
	}{
		{"steps", func(p *kernel.Proc) int {
			for {
				p.Step(1)
			}
		}},
		{"memory", func(p *kernel.Proc) int {
			for p.Sandbox().Charge(1<<20) == nil {
			}
			p.Step(1)
			return 0
		}},
	} {
		var hit *kernel.BudgetError
		m := boot(t, kernel.Virtual, kernel.Budget{Steps: 100_000})
		m.box = m.k.NewSandbox(kernel.SandboxConfig{NS: m.box.NS(), OnBudget: func(e *kernel.BudgetError) { hit = e }})
		st, _ := m.run(func(p *kernel.Proc) int {
			p.Fork(c.f)
			p.Wait(-1, 0)
			p.Sleep(time.Second)
			return 0
		})
		if hit == nil || hit.What != c.what || st.Signal != linux.SIGKILL {
			t.Errorf("%s: hit %v, status %+v", c.what, hit, st)
		}
	}
	// a fork bomb stops growing, and the machine lives
	m := boot(t, kernel.Virtual, kernel.Budget{Processes: 20, Steps: 100_000})
	st, _ := m.run(func(p *kernel.Proc) int {
		var bomb kernel.Program
		bomb = func(c *kernel.Proc) int {
			c.Fork(bomb)
			c.Fork(bomb)
			c.Sleep(time.Second)
			return 0
		}
		bomb(p)
		_, err := p.Fork(bomb)
		for err == nil {
			_, err = p.Fork(bomb)
		}
		if !errors.Is(err, linux.EAGAIN) {
			return 1
		}
		return 0
	})
	if st.Code != 0 {
		t.Errorf("status %+v", st)
	}
}

func TestDescriptors(t *testing.T) {
	m := boot(t, kernel.Virtual, kernel.Budget{})
	_, out := m.run(func(p *kernel.Proc) int {
		fd, err := p.Open("/tmp/f", linux.O_RDWR|linux.O_CREAT|linux.O_EXCL, 0o666)
		say(p, "%d %v\n", fd, err) // 2 is free in this machine
		p.Write(fd, []byte("hello"))
		d, _ := p.Dup(fd, 10)
		p.Write(d, []byte(" world")) // one offset for both
		p.Lseek(fd, 0, linux.SEEK_SET)
		b := make([]byte, 64)
		n, _ := p.Read(d, b)
		say(p, "%d %s\n", d, b[:n])
		n, err = p.Read(fd, b)
		say(p, "end: %d %v\n", n, err)
		_, err = p.Open("/tmp/f", linux.O_CREAT|linux.O_EXCL, 0o666)
		say(p, "%v\n", err)
		st, _ := p.Stat("/tmp/f")
		say(p, "%v %d\n", st.Mode, st.Size)
		p.Unlink("/tmp/f")
		p.Pwrite(fd, []byte("J"), 0)
		n, _ = p.Pread(fd, b, 0)
		say(p, "%s %s\n", b[:n], p.FdPath(fd))
		_, err = p.Open("/tmp", linux.O_WRONLY, 0)
		say(p, "%v\n", err)
		say(p, "%v %v\n", p.Close(99), p.Dup2(98, 97))
		return 0
	})
	want := "2 <nil>\n10 hello world\nend: 0 <nil>\nFile exists\n-rw-r--r-- 11\nJello world /tmp/f (deleted)\nIs a directory\nBad file descriptor Bad file descriptor\n"
	if out != want {
		t.Errorf("out\n%s\nwant\n%s", out, want)
	}
}

func TestProcFiles(t *testing.T) {
	m := boot(t, kernel.Virtual, kernel.Budget{})
	m.program("cat", func(p *kernel.Proc) int {
		fd, err := p.Open(p.Args()[1], linux.O_RDONLY, 0)
		if err != nil {
			say(p, "%v", err)
			return 1
		}
		io.Copy(p.Writer(1), p.Reader(fd))
		return 0
	})
	for path, want := range map[string]string{
		"/proc/self/cmdline":        "cat\x00/proc/self/cmdline\x00",
		"/proc/self/comm":           "cat\n",
		"/proc/1/comm":              "cat\n",
		"/proc/sys/kernel/hostname": "box\n",
		"/proc/2/comm":              "No such file or directory",
	} {
		m.fresh()
		m.box.NS().Unmount("/proc")
		m.box.NS().Mount("/proc", &vfs.Mount{FS: m.box.NewProcFS(), Source: "proc"})
		_, out := m.run(func(p *kernel.Proc) int { p.Exec("/bin/cat", []string{"cat", path}, nil); return 1 })
		if out != want {
			t.Errorf("%s: %q, want %q", path, out, want)
		}
	}
	m.fresh()
	m.box.NS().Unmount("/proc")
	m.box.NS().Mount("/proc", &vfs.Mount{FS: m.box.NewProcFS(), Source: "proc"})
	_, out := m.run(func(p *kernel.Proc) int {
		// /proc/self/fd/1 is the open file, not a path
		fd, err := p.Open("/proc/self/fd/1", linux.O_WRONLY, 0)
		if err != nil {
			say(p, "%v", err)
		}
		p.Write(fd, []byte("through the link"))
		return 0
	})
	if out != "through the link" {
		t.Errorf("out %q", out)
	}
}

func TestTerminal(t *testing.T) {
	m := boot(t, kernel.Real, kernel.Budget{})
	var tty *kernel.Terminal
	m.k.Do(func() { tty = m.box.NewTerminal(24, 80) })
	task := m.start(func(p *kernel.Proc) int {
		r := p.Reader(0)
		b := make([]byte, 100)
		n, _ := r.Read(b)
		say(p, "[%s]\n", strings.TrimSpace(string(b[:n])))
		mode, _ := p.Tcgetattr(0)
		p.Tcsetattr(0, mode.Raw())
		say(p, "ready")
		n, _ = r.Read(b)
		say(p, "(%q)", b[:n])
		p.Tcsetattr(0, mode)
		say(p, "again\n")
		p.Fork(func(c *kernel.Proc) int { c.Pause(); return 0 })
		p.Signal(linux.SIGINT, kernel.Ignore)
		_, st, _ := p.Wait(-1, 0)
		say(p, "%v\n", st.Signal)
		n, err := r.Read(b)
		say(p, "%d %v", n, err)
		return 0
	}, tty)
	master := tty.Master()
	var seen strings.Builder
	expect := func(text string) {
		t.Helper()
		for !strings.Contains(seen.String(), text) {
			b := make([]byte, 256)
			n, err := master.Read(b)
			seen.Write(b[:n])
			if err != nil {
				t.Fatalf("saw %q, not %q", seen.String(), text)
			}
		}
	}
	master.Write([]byte("heyx\x7f\x7fllo\r")) // two characters are rubbed out
	expect("[hello]\r\n")
	expect("ready")
	master.Write([]byte("\x03\r"))
	expect(`("\x03\r")`)
	expect("again\r\n")
	time.Sleep(10 * time.Millisecond) // until the child waits; its SIGINT is the default
	master.Write([]byte{3})
	expect("^C")
	expect("Interrupt\r\n")
	master.Write([]byte{4})
	expect("0 EOF")
	<-task.Done()
}

func TestSockets(t *testing.T) {
	m := boot(t, kernel.Virtual, kernel.Budget{})
	host := kernel.NewNetNS()
	m.k.NewSandbox(kernel.SandboxConfig{Host: true, NS: m.box.NS(), Net: host})
	br := kernel.NewNetwork("bridge", "docker0", netip.MustParsePrefix("172.17.0.0/16"), netip.MustParseAddr("172.17.0.1"), host)
	web := kernel.NewNetNS()
	br.Attach(web, "eth0", netip.MustParseAddr("172.17.0.2"), "")
	if err := host.Forward(netip.MustParseAddrPort("0.0.0.0:8080"), web, netip.MustParseAddrPort("172.17.0.2:80")); err != nil {
		t.Fatal(err)
	}
	server := m.k.NewSandbox(kernel.SandboxConfig{NS: m.box.NS(), Net: web})
	m.box = server
	m.start(func(p *kernel.Proc) int {
		fd, err := p.Listen("tcp", netip.MustParseAddrPort("0.0.0.0:80"))
		if err != nil {
			t.Error(err)
		}
		for {
			c, peer, _ := p.Accept(fd)
			b := make([]byte, 10)
			n, _ := p.Read(c, b)
			fmt.Fprintf(p.Writer(c), "%s from %s", b[:n], peer.Addr())
			p.Close(c)
		}
	}, nil)
	client := kernel.NewNetNS()
	br.Attach(client, "eth0", netip.MustParseAddr("172.17.0.3"), "")
	for _, c := range []struct {
		from *kernel.NetNS
		to   string
		want string
	}{
		{host, "127.0.0.1:8080", "hi from 172.17.0.1"},
		{client, "172.17.0.2:80", "hi from 172.17.0.3"},
		{host, "172.17.0.2:80", "hi from 172.17.0.1"},
		{client, "172.17.0.1:8080", "hi from 172.17.0.1"},
		{client, "127.0.0.1:80", "Connection refused"},
		{client, "172.17.0.9:80", "No route to host"},
		{kernel.NewNetNS(), "172.17.0.2:80", "Network is unreachable"},
	} {
		m.box = m.k.NewSandbox(kernel.SandboxConfig{NS: m.box.NS(), Net: c.from})
		_, out := m.run(func(p *kernel.Proc) int {
			fd, err := p.Dial("tcp", netip.MustParseAddrPort(c.to))
			if err != nil {
				say(p, "%v", err)
				return 1
			}
			p.Write(fd, []byte("hi"))
			p.Shutdown(fd, kernel.SHUT_WR)
			io.Copy(p.Writer(1), p.Reader(fd))
			return 0
		})
		if out != c.want {
			t.Errorf("%s: %q, want %q", c.to, out, c.want)
		}
	}
	// from outside, as a net.Conn
	conn, err := host.Dial(m.k, netip.MustParseAddrPort("127.0.0.1:8080"))
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(conn, "out")
	conn.CloseWrite()
	got, err := io.ReadAll(conn)
	if string(got) != "out from 172.17.0.1" || err != nil {
		t.Errorf("%q %v", got, err)
	}
}

func TestOutsideEndsOfPipes(t *testing.T) {
	m := boot(t, kernel.Real, kernel.Budget{})
	var in *kernel.OutsideWriter
	var out *kernel.OutsideReader
	var task *kernel.Task
	m.k.Do(func() {
		r, iw := m.k.InPipe()
		w, or := m.k.OutPipe()
		in, out = iw, or
		task, _ = m.box.Start(kernel.Spec{Body: func(p *kernel.Proc) int {
			io.Copy(p.Writer(1), p.Reader(0))
			return 0
		}, Cred: vfs.Root(0), Files: []*kernel.File{r, w}})
	})
	big := bytes.Repeat([]byte("0123456789"), 50_000)
	go func() {
		in.Write(big)
		in.Close()
	}()
	got, err := io.ReadAll(out)
	if !bytes.Equal(got, big) || err != nil {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	<-task.Done()
}

// A timer that was set for a wait in which the process was killed must not give the CPU to the dead.
func TestKilledInItsSleep(t *testing.T) {
	m := boot(t, kernel.Virtual, kernel.Budget{})
	_, out := m.run(func(p *kernel.Proc) int {
		pid, _ := p.Fork(func(c *kernel.Proc) int { c.Sleep(time.Hour); return 0 })
		p.Sleep(time.Second)
		p.Kill(pid, linux.SIGKILL)
		p.Wait(pid, 0)
		p.Sleep(2 * time.Hour)
		say(p, "alive")
		return 0
	})
	if out != "alive" {
		t.Errorf("out %q", out)
	}
}

func TestStall(t *testing.T) {
	stalled := make(chan bool, 100)
	k := kernel.New(kernel.Options{Clock: kernel.Virtual, OnStall: func() { stalled <- true }})
	fs := unionfs.New(nil, unionfs.Options{Now: k.Now})
	box := k.NewSandbox(kernel.SandboxConfig{NS: vfs.NewNamespace(fs, "overlay", "")})
	k.Do(func() {
		box.Start(kernel.Spec{Body: func(p *kernel.Proc) int { p.Sleep(time.Hour); p.Pause(); return 0 }, Cred: vfs.Root(0)})
	})
	select {
	case <-stalled:
	case <-time.After(10 * time.Second):
		t.Fatal("nobody was told")
	}
	box.Kill()
}

func BenchmarkPipeRoundTrip(b *testing.B) {
	k := kernel.New(kernel.Options{Clock: kernel.Virtual, Budget: kernel.Budget{Steps: -1}})
	fs := unionfs.New(nil, unionfs.Options{Now: k.Now})
	box := k.NewSandbox(kernel.SandboxConfig{NS: vfs.NewNamespace(fs, "overlay", "")})
	var task *kernel.Task
	k.Do(func() {
		task, _ = box.Start(kernel.Spec{Body: func(p *kernel.Proc) int {
			r1, w1, _ := p.Pipe()
			r2, w2, _ := p.Pipe()
			p.Fork(func(c *kernel.Proc) int {
				c.Close(w1)
				one := make([]byte, 1)
				for {
					if n, _ := c.Read(r1, one); n == 0 {
						return 0
					}
					c.Write(w2, one)
				}
			})
			one := make([]byte, 1)
			for b.Loop() {
				p.Write(w1, one)
				p.Read(r2, one)
			}
			return 0
		}, Cred: vfs.Root(0)})
	})
	<-task.Done()
}

func TestSkipLetsEveryHourHappen(t *testing.T) {
	m := boot(t, kernel.Real, kernel.Budget{})
	began := m.k.Now()
	var woken []time.Duration
	m.k.Do(func() {
		_, err := m.box.Start(kernel.Spec{Argv: []string{"sleeper"}, Body: func(p *kernel.Proc) int {
			for range 3 {
				p.Sleep(time.Hour)
				woken = append(woken, p.Now().Sub(began).Truncate(time.Hour))
			}
			return 0
		}})
		if err != nil {
			t.Error(err)
		}
	})
	m.k.Settle(10_000)
	m.k.Skip(2*time.Hour + time.Minute)
	m.k.Do(func() {
		if want := []time.Duration{time.Hour, 2 * time.Hour}; !slices.Equal(woken, want) {
			t.Errorf("a process that sleeps for an hour at a time has woken after %v, want %v", woken, want)
		}
	})
	if passed := m.k.Now().Sub(began); passed < 2*time.Hour {
		t.Errorf("%v have passed", passed)
	}
}

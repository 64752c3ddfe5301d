package container

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types"
	ctypes "github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"

	"github.com/dockerlab/dockerlab/sim/image"
	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/layer"
	"github.com/dockerlab/dockerlab/sim/linux"
)

// The programs of the test image, by the name of their file in /bin.
var programs = map[string]kernel.Program{
	"true": func(p *kernel.Proc) int { return 0 },
	"exit": func(p *kernel.Proc) int { return len(p.Args()) - 1 }, // one more with every argument
	"echo": func(p *kernel.Proc) int {
		fmt.Fprintln(p.Writer(1), strings.Join(p.Args()[1:], " "))
		return 0
	},
	"both": func(p *kernel.Proc) int {
		fmt.Fprintln(p.Writer(1), "out")
		fmt.Fprintln(p.Writer(2), "err")
		return 0
	},
	"env": func(p *kernel.Proc) int {
		fmt.Fprintln(p.Writer(1), strings.Join(p.Env(), "\n"))
		return 0
	},
	"write": func(p *kernel.Proc) int { // write FILE TEXT
		fd, err := p.Open(p.Args()[1], linux.O_WRONLY|linux.O_CREAT|linux.O_TRUNC, 0o644)
		if err != nil {
			fmt.Fprintln(p.Writer(2), err)
			return 1
		}
		fmt.Fprint(p.Writer(fd), p.Args()[2])
		return 0
	},
	"sleep": func(p *kernel.Proc) int {
		d, _ := time.ParseDuration(p.Args()[1])
		p.Sleep(d)
		return 0
	},
	"term": func(p *kernel.Proc) int { // ends well when it is asked to
		p.Signal(linux.SIGTERM, kernel.Catch)
		fmt.Fprintln(p.Writer(1), "ready")
		p.Sigwait()
		return 7
	},
	"spin": func(p *kernel.Proc) int {
		for {
			p.Step(1000)
		}
	},
}

func testImage(t testing.TB) *image.Image {
	entries := []layer.Entry{
		{Name: "bin", Mode: linux.S_IFDIR | 0o755},
		{Name: "data", Mode: linux.S_IFDIR | 0o750, UID: 7, GID: 8},
		{Name: "data/seed", Mode: linux.S_IFREG | 0o640, UID: 7, GID: 8, Content: layer.Text("seed")},
		{Name: "etc", Mode: linux.S_IFDIR | 0o755},
		{Name: "etc/passwd", Mode: linux.S_IFREG | 0o644, Content: layer.Text("root:x:0:0:root:/root:/bin/sh\n")},
		{Name: "plain", Mode: linux.S_IFREG | 0o644, Content: layer.Text("no program")},
	}
	for name := range programs {
		entries = append(entries, layer.Entry{Name: "bin/" + name, Mode: linux.S_IFREG | 0o755, Content: layer.Text("program " + name)})
	}
	slices.SortStableFunc(entries[6:], func(a, b layer.Entry) int { return strings.Compare(a.Name, b.Name) })
	l, err := layer.New(entries)
	if err != nil {
		t.Fatal(err)
	}
	img, err := image.Imported(l, &ctypes.Config{Cmd: []string{"true"}}, "", time.Unix(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// newEngine is an engine on a virtual clock with the test image, called base.
func newKernel(start time.Time) *kernel.Kernel {
	return kernel.New(kernel.Options{Clock: kernel.Virtual, Start: start, Loader: func(_ *kernel.Proc, f *kernel.Executable) (kernel.Program, error) {
		name, ok := strings.CutPrefix(string(f.Head), "program ")
		if !ok {
			return nil, linux.ENOEXEC
		}
		return programs[name], nil
	}})
}

func newEngine(t testing.TB) *Engine {
	e := New(Options{Kernel: newKernel(time.Time{})})
	img := testImage(t)
	if err := e.AddImage(img); err != nil {
		t.Fatal(err)
	}
	if err := e.Tag(string(img.ID), "base", ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Shutdown)
	return e
}

// captured is a FrameWriter that keeps both streams in one.
type captured struct{ *capture }

func (c captured) Frame(_ Stream, b []byte) error { _, err := c.Write(b); return err }

func create(t testing.TB, e *Engine, name string, cmd []string, h *ctypes.HostConfig) string {
	t.Helper()
	id, _, err := e.CreateContainer(Create{Name: name, Config: &ctypes.Config{Image: "base", Cmd: cmd}, Host: h})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// run creates a container, runs it to its end, and gives its exit code and what it wrote.
func run(t testing.TB, e *Engine, cmd []string, h *ctypes.HostConfig) (id string, code int, out string) {
	t.Helper()
	id = create(t, e, "", cmd, h)
	var b bytes.Buffer
	code, err := e.Run(context.Background(), id, &b, &b)
	if err != nil {
		t.Fatal(err)
	}
	return id, code, b.String()
}

// atWork holds the clock as a request does: it passes only while something waits with the context.
func atWork(t testing.TB, e *Engine) context.Context {
	done := e.k.Busy()
	t.Cleanup(func() { done() })
	return WithPark(context.Background(), func(wait func()) {
		done()
		defer func() { done = e.k.Busy() }()
		wait()
	})
}

func status(t testing.TB, e *Engine, ref string) string {
	t.Helper()
	c, err := e.Container(ref)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%s %d", c.Status, c.Status.ExitCode)
}

func TestARunEndsWithItsProcess(t *testing.T) {
	e := newEngine(t)
	for _, c := range []struct {
		cmd  []string
		code int
		out  string
	}{
		{[]string{"echo", "hi"}, 0, "hi\n"},
		{[]string{"exit", "x", "x", "x"}, 3, ""},
		{[]string{"both"}, 0, "out\nerr\n"},
	} {
		id, code, out := run(t, e, c.cmd, nil)
		if code != c.code || out != c.out {
			t.Errorf("%q: %d %q, want %d %q", c.cmd, code, out, c.code, c.out)
		}
		if got := status(t, e, id); got != fmt.Sprintf("exited %d", c.code) {
			t.Errorf("%q: %s", c.cmd, got)
		}
	}
}

// runc's words for what cannot be started, and the exit codes that go with them.
func TestWhatCannotBeStarted(t *testing.T) {
	e := newEngine(t)
	for _, c := range []struct {
		cmd  string
		code int
		want string
	}{
		{"nosuch", 127, `exec: "nosuch": executable file not found in $PATH: unknown`},
		{"", 127, `exec: "": executable file not found in $PATH: unknown`},
		{"/nosuch", 127, `exec: "/nosuch": stat /nosuch: no such file or directory: unknown`},
		{"/plain", 126, `exec: "/plain": permission denied: unknown`},
		{"/etc", 126, `exec: "/etc": permission denied: unknown`},
	} {
		id := create(t, e, "", []string{c.cmd, "x"}, nil)
		err := e.Start(id)
		if err == nil || err.Error() != createFailed+c.want || KindOf(err) != Invalid {
			t.Errorf("%q: %v, want %s", c.cmd, err, c.want)
		}
		if got, want := status(t, e, id), fmt.Sprintf("created %d", c.code); got != want {
			t.Errorf("%q: %s, want %s", c.cmd, got, want)
		}
	}
}

func TestEnvironment(t *testing.T) {
	e := newEngine(t)
	id, _, err := e.CreateContainer(Create{Config: &ctypes.Config{Image: "base", Cmd: []string{"env"}, Hostname: "h", Env: []string{"A=1", "HOSTNAME", "B="}}})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := e.Run(context.Background(), id, &out, &out); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), "PATH="+defaultPath+"\nA=1\nB=\nHOME=/root\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// stop asks, waits and kills; a virtual clock lets the ten seconds pass at once.
func TestStop(t *testing.T) {
	e := newEngine(t)
	ctx := atWork(t, e)
	for cmd, want := range map[string]string{"term": "exited 7", "sleep 1h": "exited 137"} {
		id := create(t, e, "", strings.Fields(cmd), nil)
		if err := e.Start(id); err != nil {
			t.Fatal(err)
		}
		for cmd == "term" && len(e.live(id).io.log.value().Lines) == 0 {
			time.Sleep(time.Millisecond) // it has yet to say that it listens
		}
		if err := e.Stop(ctx, id, nil); err != nil {
			t.Fatal(err)
		}
		if got := status(t, e, id); got != want {
			t.Errorf("%s: %s, want %s", cmd, got, want)
		}
		if err := e.Stop(ctx, id, nil); KindOf(err) != NotModified {
			t.Errorf("stopped twice: %v", err)
		}
	}
}

// What a container writes is there when it starts again, in its diff, and in an image made of it.
func TestFilesOutliveTheRun(t *testing.T) {
	e := newEngine(t)
	id, code, out := run(t, e, []string{"write", "/new", "text"}, nil)
	if code != 0 {
		t.Fatal(out)
	}
	changes, err := e.Changes(id)
	if err != nil {
		t.Fatal(err)
	}
	if len(changes) != 1 || changes[0].Kind != 'A' || changes[0].Path != "/new" {
		t.Errorf("diff: %v", changes)
	}
	img, err := e.Commit(id, Commit{Repo: "made", Author: "me", Pause: true})
	if err != nil {
		t.Fatal(err)
	}
	made := e.State().Images.Get(img)
	if made.Layers.Depth() != 2 || made.Config.History[1].CreatedBy != "write /new text" || string(made.Parent) != e.State().Containers.mustGet(id).Image {
		t.Errorf("the image: depth %d, history %+v", made.Layers.Depth(), made.Config.History)
	}
	st, err := e.StatPath(id, "/new")
	if err != nil || st.Size != 4 {
		t.Errorf("stat: %+v, %v", st, err)
	}
}

func (t Table[V]) mustGet(key string) V {
	v, ok := t.Get(key)
	if !ok {
		panic("no " + key)
	}
	return v
}

// A new volume takes over what the image has at its place; a second container sees what the first
// one wrote there, and neither diff shows it.
func TestVolumes(t *testing.T) {
	e := newEngine(t)
	vol := &ctypes.HostConfig{Binds: []string{"vol:/data"}}
	a, _, _ := run(t, e, []string{"write", "/data/new", "text"}, vol)
	b := create(t, e, "", nil, &ctypes.HostConfig{Binds: []string{"vol:/elsewhere"}})
	for _, name := range []string{"seed", "new"} {
		if _, err := e.StatPath(b, "/elsewhere/"+name); err != nil {
			t.Errorf("the volume has no %s: %v", name, err)
		}
	}
	if st, err := e.StatPath(b, "/elsewhere"); err != nil || st.Mode.Perm() != 0o750 {
		t.Errorf("the volume's own mode: %+v, %v", st, err)
	}
	if changes, _ := e.Changes(a); len(changes) != 0 {
		t.Errorf("diff: %v", changes)
	}
	if err := e.RemoveVolume("vol", false); KindOf(err) != Conflict {
		t.Errorf("a volume in use goes: %v", err)
	}
	for _, id := range []string{a, b} {
		if err := e.Remove(id, RemoveOptions{Volumes: true}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := e.InspectVolume("vol"); err != nil {
		t.Errorf("rm -v took a named volume along: %v", err)
	}
	if err := e.RemoveVolume("vol", false); err != nil {
		t.Error(err)
	}
}

func TestRestartPolicies(t *testing.T) {
	e := newEngine(t)
	for _, c := range []struct {
		policy ctypes.RestartPolicy
		cmd    []string
		runs   int
	}{
		{ctypes.RestartPolicy{Name: "on-failure", MaximumRetryCount: 2}, []string{"exit", "x"}, 3},
		{ctypes.RestartPolicy{Name: "on-failure"}, []string{"exit"}, 1},
		{ctypes.RestartPolicy{Name: "no"}, []string{"exit", "x"}, 1},
	} {
		id := create(t, e, "", c.cmd, &ctypes.HostConfig{RestartPolicy: c.policy})
		if err := e.Start(id); err != nil {
			t.Fatal(err)
		}
		deadline := time.Now().Add(10 * time.Second)
		for {
			s := e.State().Containers.mustGet(id)
			if !s.Status.Running && s.RestartCount == c.runs-1 {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%v: %s after %d restarts", c.policy, s.Status, s.RestartCount)
			}
			time.Sleep(time.Millisecond)
		}
	}
}

// A health check that fails often enough makes a container unhealthy, all within no real time.
func TestHealth(t *testing.T) {
	e := newEngine(t)
	for test, want := range map[string]string{"true": "healthy", "exit x": "unhealthy", "sleep 1h": "unhealthy"} {
		cfg := &ctypes.Config{Image: "base", Cmd: []string{"sleep", "100h"}, Healthcheck: &ctypes.HealthConfig{
			Test: append([]string{"CMD"}, strings.Fields(test)...), Interval: time.Second, Timeout: time.Second, Retries: 2}}
		id, _, err := e.CreateContainer(Create{Config: cfg})
		if err != nil {
			t.Fatal(err)
		}
		done := e.k.Busy()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		_, next := e.Events(ctx, time.Time{}, time.Time{}, filters.NewArgs(filters.Arg("event", "health_status"), filters.Arg("container", id)))
		if err := e.Start(id); err != nil {
			t.Fatal(err)
		}
		done()
		m, ok := <-next
		cancel()
		if !ok || m.Action != "health_status: "+want {
			t.Errorf("%s: %q, want %s", test, m.Action, want)
		}
		e.Remove(id, RemoveOptions{Force: true})
	}
}

func TestExec(t *testing.T) {
	e := newEngine(t)
	ctx := atWork(t, e)
	id := create(t, e, "", []string{"sleep", "1h"}, nil)
	if _, err := e.CreateExec(id, types.ExecConfig{Cmd: []string{"true"}}); KindOf(err) != Conflict {
		t.Errorf("exec in a container that does not run: %v", err)
	}
	if err := e.Start(id); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		cmd  []string
		code int
		out  string
	}{
		{[]string{"echo", "hi"}, 0, "hi\n"},
		{[]string{"exit", "x", "x"}, 2, ""},
		{[]string{"nosuch"}, 126, execFailed + `exec: "nosuch": executable file not found in $PATH: unknown`},
	} {
		x, err := e.CreateExec(id, types.ExecConfig{Cmd: c.cmd, AttachStdout: true, AttachStderr: true})
		if err != nil {
			t.Fatal(err)
		}
		out := &capture{limit: 1 << 10}
		err = e.StartExec(ctx, x, false, nil, captured{out})
		got := out.String()
		if err != nil {
			got = err.Error()
		}
		i, _ := e.InspectExec(x)
		if i.Running || i.ExitCode == nil || *i.ExitCode != c.code || got != c.out {
			t.Errorf("%q: %q, %+v", c.cmd, got, i)
		}
		if err := e.StartExec(ctx, x, false, nil, nil); KindOf(err) != Conflict {
			t.Errorf("%q a second time: %v", c.cmd, err)
		}
	}
}

// A container that uses more than it may ends, says why in its log, and the lab lives.
func TestBudget(t *testing.T) {
	e := newEngine(t)
	e.o.Budget = &kernel.Budget{Steps: 100_000}
	id, code, out := run(t, e, []string{"spin"}, nil)
	if code != 137 || !strings.Contains(out, "steps") {
		t.Errorf("%d %q", code, out)
	}
	c := e.State().Containers.mustGet(id)
	if len(c.Log.Lines) != 1 || !strings.Contains(string(c.Log.Lines[0].Data), "steps") {
		t.Errorf("log %q", c.Log.Lines)
	}
	if _, code, _ := run(t, e, []string{"true"}, nil); code != 0 {
		t.Errorf("the next container: %d", code)
	}
}

// Going back to a snapshot brings back what was removed, and forgets what came later; what ran is
// started anew.
func TestSnapshot(t *testing.T) {
	e := newEngine(t)
	atWork(t, e)
	kept, _, _ := run(t, e, []string{"write", "/f", "then"}, &ctypes.HostConfig{Binds: []string{"vol:/data"}})
	alive := create(t, e, "alive", []string{"sleep", "1h"}, nil)
	if err := e.Start(alive); err != nil {
		t.Fatal(err)
	}
	then := e.Snapshot()

	for _, id := range []string{kept, alive} {
		if err := e.Remove(id, RemoveOptions{Force: true}); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.RemoveVolume("vol", false); err != nil {
		t.Fatal(err)
	}
	if _, err := e.RemoveImage("base", true, true); err != nil {
		t.Fatal(err)
	}
	later := e.State()
	if later.Containers.Len() != 0 || later.Volumes.Len() != 0 || later.Images.Len() != 0 {
		t.Fatalf("something is left: %+v", later)
	}

	if again := e.Restore(then, nil); len(again) != 1 || again[0] != (Again{Name: "alive"}) {
		t.Errorf("started anew: %v", again)
	}
	if got := status(t, e, "alive"); got != "running 0" {
		t.Errorf("what ran: %s", got)
	}
	if st, err := e.StatPath(kept, "/f"); err != nil || st.Size != 4 {
		t.Errorf("the file: %+v, %v", st, err)
	}
	if st, err := e.StatPath(kept, "/data/seed"); err != nil || st.Size != 4 {
		t.Errorf("the volume: %+v, %v", st, err)
	}
}

// What nobody has touched in between runs on, with its address and its volume; what lies on something
// that was touched is started anew.
func TestRestoreLeavesAloneWhatIsUntouched(t *testing.T) {
	e := newEngine(t)
	atWork(t, e)
	start := func(name string, h *ctypes.HostConfig) *Container {
		id := create(t, e, name, []string{"sleep", "1h"}, h)
		if err := e.Start(id); err != nil {
			t.Fatal(err)
		}
		c, err := e.Container(id)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	quiet := start("quiet", &ctypes.HostConfig{Binds: []string{"calm:/data"}})
	start("beside", &ctypes.HostConfig{NetworkMode: "container:quiet"})
	start("touched", nil)
	start("leaning", &ctypes.HostConfig{NetworkMode: "container:touched"})
	start("wet", &ctypes.HostConfig{Binds: []string{"busy:/data"}})
	then := e.Snapshot()

	if err := e.Pause("touched"); err != nil {
		t.Fatal(err)
	}
	run(t, e, []string{"write", "/data/f", "later"}, &ctypes.HostConfig{Binds: []string{"busy:/data"}})
	start("new", nil)

	var again []string
	for _, a := range e.Restore(then, nil) {
		if a.Err != nil {
			t.Errorf("%s: %v", a.Name, a.Err)
		}
		again = append(again, a.Name)
	}
	if want := []string{"touched", "leaning", "wet"}; !slices.Equal(again, want) {
		t.Errorf("started anew: %v, want %v", again, want)
	}
	now, err := e.Container("quiet")
	if err != nil || now.Status != quiet.Status || now.Ends["bridge"].IPAddress != quiet.Ends["bridge"].IPAddress {
		t.Errorf("%+v, %v; it was %+v", now, err, quiet)
	}
	addresses := map[string]string{}
	for name, ep := range e.State().Containers.All() {
		if end := ep.Ends["bridge"]; end != nil {
			if other := addresses[end.IPAddress]; other != "" {
				t.Errorf("%s and %s have one address", name, other)
			}
			addresses[end.IPAddress] = name
		}
	}
	if err := e.Kill(t.Context(), "quiet", 0); err != nil {
		t.Error(err)
	}
	if got := status(t, e, "quiet"); got != "exited 137" {
		t.Errorf("after a kill: %s", got)
	}
}

// A log follows a container to its end.
func TestLogsFollow(t *testing.T) {
	e := newEngine(t)
	id := create(t, e, "", []string{"both"}, nil)
	if err := e.Start(id); err != nil {
		t.Fatal(err)
	}
	out := &capture{limit: 1 << 10}
	if err := e.Logs(context.Background(), id, LogsOptions{Stdout: true, Stderr: true, Follow: true}, func(bool) FrameWriter { return captured{out} }); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); got != "out\nerr\n" {
		t.Errorf("got %q", got)
	}
}

func TestArchiveThereAndBack(t *testing.T) {
	e := newEngine(t)
	a := create(t, e, "", nil, nil)
	_, write, err := e.GetArchive(a, "/data")
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	if err := e.PutArchive(a, "/etc", PutOptions{}, &b); err != nil {
		t.Fatal(err)
	}
	if st, err := e.StatPath(a, "/etc/data/seed"); err != nil || st.Size != 4 || st.Mode != 0o640 {
		t.Errorf("%+v, %v", st, err)
	}
	if err := e.PutArchive(a, "/etc", PutOptions{}, io.LimitReader(strings.NewReader(strings.Repeat("x", 600)), 600)); err == nil {
		t.Error("what is no tar was taken")
	}
}

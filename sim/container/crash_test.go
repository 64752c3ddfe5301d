package container

import (
	"context"
	"reflect"
	"testing"
	"time"

	ctypes "github.com/docker/docker/api/types/container"

	"github.com/dockerlab/dockerlab/sim/blob"
	"github.com/dockerlab/dockerlab/sim/layer"
	"github.com/dockerlab/dockerlab/sim/unionfs"
)

// again is the engine after its machine has lost power: a new one on what was kept of its state.
func again(t *testing.T, e *Engine, store blob.Memory) *Engine {
	t.Helper()
	r, err := e.Snapshot().Keep(&layer.Sink{Writer: &blob.Writer{Store: store, Memo: &blob.Memo{}}})
	if err != nil {
		t.Fatal(err)
	}
	s, err := ReadState(&layer.Source{Source: store, Own: unionfs.ReadContent}, r)
	if err != nil {
		t.Fatal(err)
	}
	e.Shutdown()
	next := New(Options{Kernel: newKernel(e.now().Add(time.Minute)), State: s})
	t.Cleanup(next.Shutdown)
	atWork(t, next)
	next.Boot(s)
	return next
}

// What Engine 20.10.24 did, live-restore off, with containers in each of these states when it was
// killed with SIGKILL and started again: docker ps and docker inspect. Only, there what was between two
// restarts stays so for ever, and here is started.
func TestAfterACrash(t *testing.T) {
	e := newEngine(t)
	ctx := atWork(t, e)
	policy := func(name string, max int) *ctypes.HostConfig {
		return &ctypes.HostConfig{RestartPolicy: ctypes.RestartPolicy{Name: name, MaximumRetryCount: max}}
	}
	start := func(name string, cmd []string, h *ctypes.HostConfig) string {
		id := create(t, e, name, cmd, h)
		if err := e.Start(id); err != nil {
			t.Fatal(err)
		}
		return id
	}
	long := []string{"sleep", "1h"}
	for _, c := range []struct {
		name string
		host *ctypes.HostConfig
	}{{"plain", nil}, {"always", policy("always", 0)}, {"unless", policy("unless-stopped", 0)}, {"onfail", policy("on-failure", 3)}, {"rmme", &ctypes.HostConfig{AutoRemove: true}}} {
		start(c.name, long, c.host)
	}
	if err := e.Pause(start("paused", long, nil)); err != nil {
		t.Fatal(err)
	}
	create(t, e, "created", long, nil)
	create(t, e, "createdalways", long, policy("always", 0))
	none := 0
	for _, p := range []string{"always", "unless-stopped"} {
		if err := e.Stop(ctx, start("stopped-"+p, long, policy(p, 0)), &none); err != nil {
			t.Fatal(err)
		}
	}
	was := e.State()
	e = again(t, e, blob.Memory{})
	for _, c := range []struct{ name, status string }{
		{"plain", "exited 137"},
		{"always", "running 0"},
		{"unless", "exited 137"},
		{"onfail", "running 0"},
		{"paused", "exited 137"},
		{"created", "created 0"},
		{"createdalways", "created 0"},
		{"stopped-always", "running 0"},
		{"stopped-unless-stopped", "exited 137"},
	} {
		if got := status(t, e, c.name); got != c.status {
			t.Errorf("%s is %s, want %s", c.name, got, c.status)
		}
	}
	if c, err := e.Container("rmme"); err == nil {
		t.Errorf("rmme is %s, and was to be removed at its end", c.Status)
	}
	id, _ := was.Names.Get("/plain")
	then, _ := was.Containers.Get(id)
	now, err := e.Container("plain")
	if err != nil {
		t.Fatal(err)
	}
	if !now.Status.StartedAt.Equal(then.Status.StartedAt) || !now.Status.FinishedAt.After(now.Status.StartedAt) || now.Net.SandboxID != "" {
		t.Errorf("plain: %+v, %+v", now.Status, now.Net)
	}
	var told []string
	for _, m := range e.journal.past {
		if m.Actor.Attributes["name"] == "paused" {
			told = append(told, m.Action+m.Actor.Attributes["signal"]+m.Actor.Attributes["exitCode"])
		}
	}
	if want := []string{"kill15", "unpause", "kill9", "die137", "stop"}; !reflect.DeepEqual(told, want) {
		t.Errorf("events of paused: %v, want %v", told, want)
	}
}

// What Engine 20.10.24 did when it was ended with SIGTERM and started again.
func TestAfterAnOrderlyEnd(t *testing.T) {
	e := newEngine(t)
	ctx := atWork(t, e)
	for _, c := range []struct {
		name, policy string
		cmd          []string
	}{
		{"deaf", "", []string{"sleep", "1h"}},
		{"plain", "", []string{"term"}},
		{"paused", "", []string{"term"}},
		{"always", "always", []string{"term"}},
		{"unless", "unless-stopped", []string{"term"}},
		{"failing", "on-failure", []string{"term"}},
		{"stopped", "always", []string{"sleep", "1h"}},
		{"stopped-unless", "unless-stopped", []string{"sleep", "1h"}},
	} {
		id := create(t, e, c.name, c.cmd, &ctypes.HostConfig{RestartPolicy: ctypes.RestartPolicy{Name: c.policy}})
		if err := e.Start(id); err != nil {
			t.Fatal(err)
		}
		for c.cmd[0] == "term" && len(e.live(id).io.log.value().Lines) == 0 {
			time.Sleep(time.Millisecond) // it has yet to say that it listens
		}
	}
	rmme := create(t, e, "rmme", []string{"sleep", "1h"}, &ctypes.HostConfig{AutoRemove: true})
	for _, err := range []error{e.Start(rmme), e.Pause("paused"), e.Kill(ctx, "stopped", 0), e.Kill(ctx, "stopped-unless", 0)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	e.GoDown(context.Background())
	for name, want := range map[string]string{"deaf": "exited 137", "plain": "exited 7", "paused": "exited 7", "always": "exited 7", "unless": "exited 7", "failing": "exited 7"} {
		if got := status(t, e, name); got != want {
			t.Errorf("at the end %s is %s, want %s", name, got, want)
		}
	}
	if _, err := e.Container("rmme"); err == nil {
		t.Error("rmme is there after its end")
	}
	next := again(t, e, blob.Memory{})
	for name, want := range map[string]string{
		"deaf": "exited 137", "plain": "exited 7", "paused": "exited 7", "stopped-unless": "exited 137",
		"always": "running 0", "unless": "running 0", "failing": "running 0", "stopped": "running 0",
	} {
		if got := status(t, next, name); got != want {
			t.Errorf("afterwards %s is %s, want %s", name, got, want)
		}
	}
}

// All that a state has is there when it is read, and keeping that again writes nothing.
func TestAStateIsKeptWhole(t *testing.T) {
	e := newEngine(t)
	atWork(t, e)
	run(t, e, []string{"write", "/f", "text"}, &ctypes.HostConfig{Binds: []string{"vol:/data"}})
	run(t, e, []string{"both"}, nil)
	id := create(t, e, "alive", []string{"sleep", "1h"}, nil)
	if err := e.Start(id); err != nil {
		t.Fatal(err)
	}
	if _, err := e.RemoveImage("base", true, true); err != nil {
		t.Fatal(err)
	}
	store := blob.Memory{}
	keep := func(s *State) blob.Ref {
		r, err := s.Keep(&layer.Sink{Writer: &blob.Writer{Store: store, Memo: &blob.Memo{}}})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	s := e.Snapshot()
	if e.Snapshot() != s {
		t.Error("nothing has changed, and the snapshot is another")
	}
	r := keep(s)
	n := len(store)
	read, err := ReadState(&layer.Source{Source: store, Own: unionfs.ReadContent}, r)
	if err != nil {
		t.Fatal(err)
	}
	if again := keep(read); again != r || len(store) != n {
		t.Errorf("kept again it is %v and not %v, with %d blobs more", again, r, len(store)-n)
	}
	if read.Differs(read) {
		t.Error("it differs from itself")
	}
}

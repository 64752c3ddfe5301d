package host_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/dockerlab/dockerlab/sim/host"
	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/unionfs"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// boot boots a host with the given programs in /bin.
func boot(t *testing.T, programs map[string]kernel.Program) (*kernel.Kernel, *host.Host) {
	t.Helper()
	var h *host.Host
	k := kernel.New(kernel.Options{Clock: kernel.Virtual,
		Loader: func(p *kernel.Proc, f *kernel.Executable) (kernel.Program, error) {
			if prog := programs[string(f.Head)]; prog != nil {
				return prog, nil
			}
			return nil, linux.ENOEXEC
		},
		OnStall: func() { h.Stalled() },
	})
	fs := unionfs.New(nil, unionfs.Options{Now: k.Now})
	v := vfs.NewNamespace(fs, "", "").View(vfs.Root(vfs.CapsAll))
	v.Mkdir("/bin", 0o755)
	for name := range programs {
		if err := v.WriteFile("/bin/"+name, []byte(name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	h, err := host.Boot(k, host.Options{Tree: fs.Tree()})
	if err != nil {
		t.Fatal(err)
	}
	return k, h
}

func TestRun(t *testing.T) {
	_, h := boot(t, map[string]kernel.Program{
		"cat": func(p *kernel.Proc) int { io.Copy(p.Writer(1), p.Reader(0)); return 3 },
	})
	var out bytes.Buffer
	code, err := h.Run(context.Background(), host.Command{Argv: []string{"cat"}, Stdin: strings.NewReader("in and out"), Stdout: &out})
	if code != 3 || err != nil || out.String() != "in and out" {
		t.Errorf("%d %v %q", code, err, out.String())
	}
	if _, err := h.Run(context.Background(), host.Command{Argv: []string{"dog"}}); !errors.Is(err, linux.ENOENT) {
		t.Errorf("a missing program: %v", err)
	}
}

func TestAnIdleInputDoesNotHoldTheClock(t *testing.T) {
	_, h := boot(t, map[string]kernel.Program{
		"sleep": func(p *kernel.Proc) int { p.Sleep(time.Hour); return 0 },
	})
	r, _ := io.Pipe() // nobody ever writes
	if code, err := h.Run(context.Background(), host.Command{Argv: []string{"sleep"}, Stdin: r}); code != 0 || err != nil {
		t.Errorf("%d %v", code, err)
	}
}

func TestWhatEndsACommand(t *testing.T) {
	_, h := boot(t, map[string]kernel.Program{
		"loop": func(p *kernel.Proc) int {
			for {
				p.Step(1)
			}
		},
		"wait": func(p *kernel.Proc) int { p.Pause(); return 0 },
		"ok":   func(p *kernel.Proc) int { return 0 },
	})
	var hit *kernel.BudgetError
	if code, err := h.Run(context.Background(), host.Command{Argv: []string{"loop"}}); code != 137 || !errors.As(err, &hit) || hit.What != "steps" {
		t.Errorf("a loop: %d %v", code, err)
	}
	if code, err := h.Run(context.Background(), host.Command{Argv: []string{"wait"}}); code != 137 || err != host.ErrStalled {
		t.Errorf("a wait for nothing: %d %v", code, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r, _ := io.Pipe()
	if _, err := h.Run(ctx, host.Command{Argv: []string{"wait"}, Stdin: r}); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled one: %v", err)
	}
	// the host lives on
	if code, err := h.Run(context.Background(), host.Command{Argv: []string{"ok"}}); code != 0 || err != nil {
		t.Errorf("afterwards: %d %v", code, err)
	}
}

func TestOrphansAreTakenIn(t *testing.T) {
	k, h := boot(t, map[string]kernel.Program{
		"leave": func(p *kernel.Proc) int {
			p.Fork(func(c *kernel.Proc) int { c.Sleep(time.Second); return 0 })
			return 0
		},
		"later": func(p *kernel.Proc) int { p.Sleep(time.Minute); return 0 },
	})
	h.Run(context.Background(), host.Command{Argv: []string{"leave"}})
	h.Run(context.Background(), host.Command{Argv: []string{"later"}})
	k.Do(func() {
		if ps := h.Sandbox().Procs(); len(ps) != 1 || ps[0].Comm != "systemd" {
			t.Errorf("left: %+v", ps)
		}
	})
}

package keep_test

import (
	"fmt"
	"testing"

	ctypes "github.com/docker/docker/api/types/container"

	"github.com/dockerlab/dockerlab/shell/keep"
	"github.com/dockerlab/dockerlab/sim"
	"github.com/dockerlab/dockerlab/sim/container"
	"github.com/dockerlab/dockerlab/sim/kernel"
)

// lab is one with a number of containers of one image, kept in dir where that is not "".
func lab(b testing.TB, dir string, containers int) (*sim.Lab, *sim.Timeline) {
	b.Helper()
	var store sim.Store
	if dir != "" {
		d, err := keep.Open(dir)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { d.Close() })
		store = d
	}
	timeline, err := sim.NewTimeline(store, sim.Options{})
	if err != nil {
		b.Fatal(err)
	}
	l, err := sim.New(sim.Options{Clock: kernel.Real, State: timeline.State()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { timeline.Close(); l.Close() })
	timeline.Follow(l, "", "")
	if containers > 0 {
		if err := l.Engine().Pull(b.Context(), "busybox", "latest", "", func(container.Progress) {}); err != nil {
			b.Fatal(err)
		}
	}
	for i := range containers {
		create(b, l, fmt.Sprint("c-", i))
	}
	return l, timeline
}

func create(b testing.TB, l *sim.Lab, name string) {
	b.Helper()
	if _, _, err := l.Engine().CreateContainer(container.Create{Name: name, Config: &ctypes.Config{Image: "busybox", Cmd: []string{"true"}}}); err != nil {
		b.Fatal(err)
	}
}

// write changes a file of the lab's host.
func write(b testing.TB, l *sim.Lab, n int) {
	l.Kernel().Do(func() {
		if err := l.Host().View().WriteFile("/root/f", []byte(fmt.Sprint(n)), 0o644); err != nil {
			b.Error(err)
		}
	})
}

// A snapshot of the whole lab, after a change; a pointer, whatever there is.
func BenchmarkSnapshot(b *testing.B) {
	for _, n := range []int{1, 1000} {
		b.Run(fmt.Sprintf("containers=%d", n), func(b *testing.B) {
			l, _ := lab(b, "", n)
			for i := 0; b.Loop(); i++ {
				write(b, l, i)
				l.State()
			}
		})
	}
}

// Undo and redo of a change, without a disk.
func BenchmarkUndoRedo(b *testing.B) {
	for _, n := range []int{1, 1000} {
		b.Run(fmt.Sprintf("containers=%d", n), func(b *testing.B) {
			l, t := lab(b, "", n)
			t.Begin()
			write(b, l, 0)
			t.Done("write")
			for b.Loop() {
				if _, err := t.Undo(); err != nil {
					b.Fatal(err)
				}
				if _, err := t.Redo(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// Saving one change, with the disk's fsync, and what it writes.
func BenchmarkSave(b *testing.B) {
	for _, n := range []int{1, 1000} {
		for _, what := range []string{"nothing", "file", "container"} {
			b.Run(fmt.Sprintf("containers=%d/%s", n, what), func(b *testing.B) {
				l, t := lab(b, b.TempDir(), n)
				if err := t.Save(); err != nil {
					b.Fatal(err)
				}
				for i := 0; b.Loop(); i++ {
					switch what {
					case "file":
						write(b, l, i)
					case "container":
						create(b, l, fmt.Sprint("new-", i))
					}
					if err := t.Save(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// Opening a state to look at it.
func BenchmarkOpen(b *testing.B) {
	for _, n := range []int{1, 1000} {
		b.Run(fmt.Sprintf("containers=%d", n), func(b *testing.B) {
			dir := b.TempDir()
			_, t := lab(b, dir, n)
			if err := t.Save(); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				_, done, err := keep.Read(dir, nil)
				if err != nil {
					b.Fatal(err)
				}
				done()
			}
		})
	}
}

package keep_test

import (
	"bytes"
	"os"
	"testing"

	ctypes "github.com/docker/docker/api/types/container"

	"github.com/dockerlab/dockerlab/shell/keep"
	"github.com/dockerlab/dockerlab/sim"
	"github.com/dockerlab/dockerlab/sim/catalog"
	"github.com/dockerlab/dockerlab/sim/container"
	"github.com/dockerlab/dockerlab/sim/kernel"
)

// A lab goes on under a catalogue that lacks what its images were made of: a later version of the
// program, or one without the teacher's folder.
func TestALabOutlastsItsCatalogue(t *testing.T) {
	dir := t.TempDir()
	var files [2]bytes.Buffer
	for i, registry := range []*catalog.Registry{catalog.OpenDir(os.DirFS("../../sim/catalog/testdata/teacher")), catalog.Open()} {
		store, err := keep.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		o := sim.Options{Clock: kernel.Virtual, Registry: registry}
		timeline, err := sim.NewTimeline(store, o)
		if err != nil {
			t.Fatal(err)
		}
		o.State = timeline.State()
		l, err := sim.New(o)
		if err != nil {
			t.Fatal(err)
		}
		timeline.Follow(l, "", "")
		if i == 0 {
			if err := l.Engine().Pull(t.Context(), "course/app", "1.0", "", func(container.Progress) {}); err != nil {
				t.Fatal(err)
			}
			if _, _, err := l.Engine().CreateContainer(container.Create{Name: "app", Config: &ctypes.Config{Image: "course/app:1.0"}}); err != nil {
				t.Fatal(err)
			}
		}
		export, err := l.Engine().Export("app")
		if err != nil {
			t.Fatal(err)
		}
		if err := export(&files[i]); err != nil {
			t.Fatal(err)
		}
		if _, _, err := l.Engine().CreateContainer(container.Create{Config: &ctypes.Config{Image: "course/app:1.0"}}); err != nil {
			t.Error(err)
		}
		if err := timeline.Close(); err != nil {
			t.Error(err)
		}
		l.Close()
		store.Close()
	}
	if files[0].Len() < 1<<20 || !bytes.Equal(files[0].Bytes(), files[1].Bytes()) {
		t.Errorf("the container's files were %d bytes, and are %d others", files[0].Len(), files[1].Len())
	}
}

package bench

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"github.com/dockerlab/dockerlab/sim/image"
	"github.com/dockerlab/dockerlab/sim/layer"
	"github.com/dockerlab/dockerlab/sim/unionfs"
)

// changed is a container over an image of size files, ten of which it has changed.
func changed(b testing.TB, size int) *unionfs.FS {
	entries := []layer.Entry{dirEntry("d")}
	for i := range size {
		entries = append(entries, fileEntry(fmt.Sprintf("d/f%06d", i), "x"))
	}
	l, err := layer.New(entries)
	if err != nil {
		b.Fatal(err)
	}
	tree, err := layer.NewTree().Apply(l)
	if err != nil {
		b.Fatal(err)
	}
	f := unionfs.New(tree, unionfs.Options{})
	for i := range 10 {
		file, err := view(f).Afero().OpenFile(fmt.Sprintf("/d/f%06d", i), os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			b.Fatal(err)
		}
		io.WriteString(file, "more")
		file.Close()
	}
	return f
}

// containerRaces compare a small image with large ones: what it costs must not grow with them.
func containerRaces() []race {
	over := func(size int) string { return fmt.Sprintf("over %d files", size) }
	sizes := []int{100000, 100}
	races := []race{
		{name: "diff of ten changed files", aim: "as much over a large image as over a small one"},
		{name: "commit of ten changed files", aim: "as much over a large image as over a small one"},
		{name: "snapshot and restore", aim: "as much over a large image as over a small one"},
	}
	for _, size := range sizes {
		for i, run := range []func(f *unionfs.FS) error{
			func(f *unionfs.FS) error { f.Changes(); return nil },
			func(f *unionfs.FS) error {
				l, err := f.Layer()
				if err == nil {
					l.DiffID()
				}
				return err
			},
			func(f *unionfs.FS) error { f.Snapshot().FS(unionfs.Options{}); return nil },
		} {
			races[i].runners = append(races[i].runners, runner{over(size), func(t testing.TB) func() error {
				f := changed(t, size)
				return func() error { return run(f) }
			}})
		}
	}
	return races
}

// archive is the docker-archive of an image of one layer of about 200 MB.
var archive = sync.OnceValue(func() []byte {
	var layerTar bytes.Buffer
	w := tar.NewWriter(&layerTar)
	random := rand.NewChaCha8([32]byte{})
	content := make([]byte, 5<<20)
	for i := range 40 {
		random.Read(content)
		w.WriteHeader(&tar.Header{Name: fmt.Sprintf("file%02d", i), Mode: 0o644, Size: int64(len(content)), Typeflag: tar.TypeReg})
		w.Write(content)
	}
	w.Close()
	config, _ := json.Marshal(map[string]any{"architecture": "amd64", "os": "linux", "config": map[string]any{},
		"rootfs":  map[string]any{"type": "layers", "diff_ids": []string{fmt.Sprintf("sha256:%x", sha256.Sum256(layerTar.Bytes()))}},
		"history": []any{map[string]any{"created_by": "a benchmark"}}})
	configName := fmt.Sprintf("%x.json", sha256.Sum256(config))
	manifest, _ := json.Marshal([]any{map[string]any{"Config": configName, "RepoTags": []string{"bench:latest"}, "Layers": []string{"layer/layer.tar"}}})
	var out bytes.Buffer
	w = tar.NewWriter(&out)
	for _, f := range []struct {
		name string
		data []byte
	}{{"layer/layer.tar", layerTar.Bytes()}, {configName, config}, {"manifest.json", manifest}} {
		w.WriteHeader(&tar.Header{Name: f.name, Mode: 0o644, Size: int64(len(f.data)), Typeflag: tar.TypeReg})
		w.Write(f.data)
	}
	w.Close()
	return out.Bytes()
})

// loadRace is the load of a 200 MB archive beside what no load can do without: to read the tar, and
// the tar of the layer in it, and to hash the layer.
func loadRace() race {
	return race{name: "load of a 200 MB archive", aim: "within 1.5x", runners: []runner{
		{ours, func(testing.TB) func() error {
			data := archive()
			return func() error {
				_, _, err := new(image.Store).Load(bytes.NewReader(data), image.LoadOptions{})
				return err
			}
		}},
		{"read and hash", func(testing.TB) func() error {
			data := archive()
			return func() error { return readAndHash(data) }
		}},
	}}
}

func readAndHash(data []byte) error {
	r := tar.NewReader(bytes.NewReader(data))
	for {
		h, err := r.Next()
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case h.Name != "layer/layer.tar":
			continue
		}
		sum := sha256.New()
		inner := tar.NewReader(io.TeeReader(r, sum))
		for err == nil {
			if _, err = inner.Next(); err == nil {
				_, err = io.Copy(io.Discard, inner)
			}
		}
		if err != io.EOF {
			return err
		}
		if _, err := io.Copy(sum, r); err != nil {
			return err
		}
	}
}

// archiveRace is "dockerlab layers --archive" beside "dive --ci", whole processes on one archive.
func archiveRace() race {
	file := func(t testing.TB) string {
		name := filepath.Join(t.TempDir(), "image.tar")
		if err := os.WriteFile(name, archive(), 0o644); err != nil {
			t.Fatal(err)
		}
		return name
	}
	binary := func(t testing.TB) string {
		name := filepath.Join(t.TempDir(), "dockerlab")
		if out, err := exec.Command("go", "build", "-o", name, "../../cmd/dockerlab").CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return name
	}
	process := func(name string, args ...string) func() error {
		return func() error {
			if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
				return fmt.Errorf("%s: %w\n%s", name, err, out)
			}
			return nil
		}
	}
	return race{name: "layers of a 200 MB archive, whole process", aim: "", runners: []runner{
		{ours, func(t testing.TB) func() error { return process(binary(t), "layers", "--archive", file(t)) }},
		{"dive --ci", func(t testing.TB) func() error {
			dive, err := exec.LookPath("dive") // go install github.com/wagoodman/dive@v0.13.1
			if err != nil {
				return nil
			}
			return process(dive, "--ci", "--source", "docker-archive", file(t))
		}},
	}}
}

// BenchmarkContainers gives the memory of a container that has changed a file, in an image of 64
// layers, as the metric B/container: the aim is less than 20 KB.
func BenchmarkContainers(b *testing.B) {
	tree := treeOf(b, 64)
	for b.Loop() {
		const n = 1000
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		all := make([]*unionfs.FS, n)
		for i := range all {
			all[i] = unionfs.New(tree, unionfs.Options{})
			f := view(all[i]).Afero()
			for _, name := range []string{"/usr/share/doc/file-0-3", "/pid"} {
				file, err := f.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
				if err != nil {
					b.Fatal(err)
				}
				io.WriteString(file, "1")
				file.Close()
			}
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/n, "B/container")
		runtime.KeepAlive(all)
	}
}

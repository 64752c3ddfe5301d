package unionfs_test

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"testing"

	"github.com/spf13/afero"

	"github.com/dockerlab/dockerlab/sim/layer"
	"github.com/dockerlab/dockerlab/sim/unionfs"
)

// The same files, in layers, three ways: this package, a stack of afero.CopyOnWriteFs, and a flat
// afero.MemMapFs, which has no layers to look through and sets the mark.

var depths = []int{1, 10, 64, 125}

const filesPerLayer = 8

func layerFiles(n int) []string {
	var fs []string
	for i := range filesPerLayer {
		fs = append(fs, fmt.Sprintf("/usr/share/doc/file-%d-%d", n, i))
	}
	return fs
}

func stackOf(b testing.TB, depth int) *layer.Tree {
	tree := layer.NewTree()
	for n := range depth {
		es := []layer.Entry{aDir("usr"), aDir("usr/share"), aDir("usr/share/doc")}
		for _, f := range layerFiles(n) {
			es = append(es, aFile(f[1:], "some content"))
		}
		l, err := layer.New(es)
		if err != nil {
			b.Fatal(err)
		}
		if tree, err = tree.Apply(l); err != nil {
			b.Fatal(err)
		}
	}
	return tree
}

func peers(b testing.TB, depth int) map[string]afero.Fs {
	flat := afero.NewMemMapFs()
	var cow afero.Fs
	for n := range depth {
		one := afero.NewMemMapFs()
		for _, f := range layerFiles(n) {
			for _, fs := range []afero.Fs{one, flat} {
				if err := afero.WriteFile(fs, f, []byte("some content"), 0o644); err != nil {
					b.Fatal(err)
				}
			}
		}
		if cow == nil {
			cow = one
		} else {
			cow = afero.NewCopyOnWriteFs(cow, one)
		}
	}
	cow = afero.NewCopyOnWriteFs(cow, afero.NewMemMapFs())
	return map[string]afero.Fs{
		"unionfs":  view(unionfs.New(stackOf(b, depth), unionfs.Options{})).Afero(),
		"CopyOnWr": cow, "MemMap": flat,
	}
}

func each(b *testing.B, run func(b *testing.B, fs afero.Fs)) {
	for _, d := range depths {
		ps := peers(b, d)
		for _, name := range []string{"unionfs", "CopyOnWr", "MemMap"} {
			b.Run(fmt.Sprintf("%s/%d", name, d), func(b *testing.B) {
				b.ReportAllocs()
				run(b, ps[name])
			})
		}
	}
}

func BenchmarkStat(b *testing.B) {
	each(b, func(b *testing.B, fs afero.Fs) {
		for b.Loop() {
			if _, err := fs.Stat("/usr/share/doc/file-0-3"); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkOpenRead(b *testing.B) {
	each(b, func(b *testing.B, fs afero.Fs) {
		buf := make([]byte, 64)
		for b.Loop() {
			f, err := fs.Open("/usr/share/doc/file-0-3")
			if err != nil {
				b.Fatal(err)
			}
			if n, _ := f.Read(buf); n != 12 {
				b.Fatal(n)
			}
			f.Close()
		}
	})
}

func BenchmarkReadDir(b *testing.B) {
	each(b, func(b *testing.B, fs afero.Fs) {
		for b.Loop() {
			f, err := fs.Open("/usr/share/doc")
			if err != nil {
				b.Fatal(err)
			}
			if ns, err := f.Readdirnames(-1); err != nil || len(ns) < filesPerLayer {
				b.Fatal(len(ns), err)
			}
			f.Close()
		}
	})
}

func BenchmarkCreateRemove(b *testing.B) {
	each(b, func(b *testing.B, fs afero.Fs) {
		for b.Loop() {
			f, err := fs.OpenFile("/usr/share/doc/new", os.O_CREATE|os.O_WRONLY, 0o644)
			if err != nil {
				b.Fatal(err)
			}
			io.WriteString(f, "x")
			f.Close()
			if err := fs.Remove("/usr/share/doc/new"); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// The cost of a look-up without a path to walk.
func BenchmarkLookupStat(b *testing.B) {
	for _, d := range depths {
		f := unionfs.New(stackOf(b, d), unionfs.Options{})
		doc := find(b, f, "/usr/share/doc")
		b.Run(fmt.Sprint(d), func(b *testing.B) {
			for b.Loop() {
				i, err := f.Lookup(doc, "file-0-3")
				if err != nil {
					b.Fatal(err)
				}
				f.Stat(i)
			}
		})
	}
}

// A diff and a commit of ten files, in trees of different sizes.
func BenchmarkDiffAndCommit(b *testing.B) {
	for _, size := range []int{100, 10000, 100000} {
		es := []layer.Entry{aDir("d")}
		for i := range size {
			es = append(es, aFile(fmt.Sprintf("d/f%06d", i), "x"))
		}
		f := unionfs.New(lowerTree(b, es...), unionfs.Options{})
		for i := range 10 {
			do(b, view(f), fmt.Sprintf("append /d/f%06d more", i))
		}
		b.Run(fmt.Sprintf("diff/of %d files", size), func(b *testing.B) {
			for b.Loop() {
				if len(f.Changes()) != 11 {
					b.Fatal()
				}
			}
		})
		b.Run(fmt.Sprintf("commit/of %d files", size), func(b *testing.B) {
			for b.Loop() {
				l, err := f.Layer()
				if err != nil || l.DiffID() == "" {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("snapshot and restore/of %d files", size), func(b *testing.B) {
			for b.Loop() {
				f.Snapshot().FS(unionfs.Options{})
			}
		})
	}
}

func BenchmarkAppend(b *testing.B) {
	f := unionfs.New(nil, unionfs.Options{})
	do(b, view(f), "touch /f")
	ino := find(b, f, "/f")
	p := []byte("a line of a log that grows, as logs do, by one line at a time\n")
	b.SetBytes(int64(len(p)))
	var off int64
	for b.Loop() {
		f.WriteAt(ino, p, off%(1<<26))
		off += int64(len(p))
	}
}

// What a container costs that changed a file: metric B/container.
func BenchmarkContainers(b *testing.B) {
	tree := stackOf(b, 64)
	for b.Loop() {
		const n = 1000
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		all := make([]*unionfs.FS, n)
		for i := range all {
			all[i] = unionfs.New(tree, unionfs.Options{})
			do(b, view(all[i]), "write /usr/share/doc/file-0-3 x\nmkdir /run\nwrite /run/pid 1")
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/n, "B/container")
		runtime.KeepAlive(all)
	}
}

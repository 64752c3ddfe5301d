package bench

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"testing"
	"time"

	"github.com/spf13/afero"

	"github.com/dockerlab/dockerlab/sim/layer"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/unionfs"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// The same files, in layers, three ways: our union, a flat afero.MemMapFs, which has no layers to
// look through and sets the mark, and a stack of afero.CopyOnWriteFs.

const (
	ours  = "dockerlab"
	flat  = "flat MemMapFs"
	stack = "CopyOnWriteFs stack"
)

var depths = []int{1, 10, 64, 125}

const filesPerLayer = 8

func layerFiles(n int) []string {
	var names []string
	for i := range filesPerLayer {
		names = append(names, fmt.Sprintf("/usr/share/doc/file-%d-%d", n, i))
	}
	return names
}

func dirEntry(name string) layer.Entry {
	return layer.Entry{Name: name, Mode: linux.S_IFDIR | 0o755, ModTime: time.Unix(1577934245, 0)}
}

func fileEntry(name, text string) layer.Entry {
	return layer.Entry{Name: name, Mode: linux.S_IFREG | 0o644, ModTime: time.Unix(1577934245, 0), Content: layer.Text(text)}
}

func view(f *unionfs.FS) *vfs.View {
	return vfs.NewNamespace(f, "overlay", "").View(vfs.Root(vfs.CapsAll))
}

// treeOf is the merged tree of so many layers.
func treeOf(b testing.TB, depth int) *layer.Tree {
	tree := layer.NewTree()
	for n := range depth {
		entries := []layer.Entry{dirEntry("usr"), dirEntry("usr/share"), dirEntry("usr/share/doc")}
		for _, name := range layerFiles(n) {
			entries = append(entries, fileEntry(name[1:], "some content"))
		}
		l, err := layer.New(entries)
		if err != nil {
			b.Fatal(err)
		}
		if tree, err = tree.Apply(l); err != nil {
			b.Fatal(err)
		}
	}
	return tree
}

func fileSystem(b testing.TB, kind string, depth int) afero.Fs {
	if kind == ours {
		return view(unionfs.New(treeOf(b, depth), unionfs.Options{})).Afero()
	}
	all := afero.NewMemMapFs()
	var union afero.Fs
	for n := range depth {
		one := afero.NewMemMapFs()
		for _, name := range layerFiles(n) {
			for _, to := range []afero.Fs{one, all} {
				if err := afero.WriteFile(to, name, []byte("some content"), 0o644); err != nil {
					b.Fatal(err)
				}
			}
		}
		if union == nil {
			union = one
		} else {
			union = afero.NewCopyOnWriteFs(union, one)
		}
	}
	if kind == flat {
		return all
	}
	return afero.NewCopyOnWriteFs(union, afero.NewMemMapFs())
}

// operations are what is done to a file system of layers.
var operations = []struct {
	name string
	run  func(f afero.Fs) error
}{
	{"Stat", func(f afero.Fs) error {
		_, err := f.Stat("/usr/share/doc/file-0-3")
		return err
	}},
	{"Open+Read", func(f afero.Fs) error {
		file, err := f.Open("/usr/share/doc/file-0-3")
		if err != nil {
			return err
		}
		defer file.Close()
		var buf [64]byte
		if n, _ := file.Read(buf[:]); n != 12 {
			return io.ErrUnexpectedEOF
		}
		return nil
	}},
	{"ReadDir", func(f afero.Fs) error {
		file, err := f.Open("/usr/share/doc")
		if err != nil {
			return err
		}
		defer file.Close()
		names, err := file.Readdirnames(-1)
		if err == nil && len(names) < filesPerLayer {
			return io.ErrUnexpectedEOF
		}
		return err
	}},
	{"Walk", func(f afero.Fs) error {
		return afero.Walk(f, "/", func(_ string, _ fs.FileInfo, err error) error { return err })
	}},
	{"Create+Remove", func(f afero.Fs) error {
		file, err := f.OpenFile("/usr/share/doc/new", os.O_CREATE|os.O_WRONLY, 0o644)
		if err != nil {
			return err
		}
		io.WriteString(file, "x")
		file.Close()
		return f.Remove("/usr/share/doc/new")
	}},
}

// fileRaces are every operation at every depth.
func fileRaces() []race {
	var all []race
	for _, op := range operations {
		for _, depth := range depths {
			r := race{name: op.name, layers: depth}
			for _, kind := range []string{ours, flat, stack} {
				r.runners = append(r.runners, runner{kind, func(t testing.TB) func() error {
					f := fileSystem(t, kind, depth)
					return func() error { return op.run(f) }
				}})
			}
			all = append(all, r)
		}
	}
	return all
}

package unionfs_test

import (
	"fmt"
	"testing"

	"github.com/dockerlab/dockerlab/sim/layer"
	"github.com/dockerlab/dockerlab/sim/unionfs"
)

// What stands beside its peers is measured in tests/bench.

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

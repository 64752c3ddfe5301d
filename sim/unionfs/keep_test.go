package unionfs

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"path"
	"reflect"
	"testing"

	"github.com/dockerlab/dockerlab/sim/blob"
	"github.com/dockerlab/dockerlab/sim/layer"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// below is a tree to write upon; with more, its inodes have other numbers.
func below(t *testing.T, more ...layer.Entry) *layer.Tree {
	t.Helper()
	es := append(more,
		layer.Entry{Name: "a", Mode: linux.S_IFDIR | 0o755},
		layer.Entry{Name: "a/b", Mode: linux.S_IFDIR | 0o755},
		layer.Entry{Name: "a/b/f", Mode: linux.S_IFREG | 0o644, Content: layer.Text("below")},
		layer.Entry{Name: "a/g", Mode: linux.S_IFREG | 0o644, Content: layer.Generated(1, 20000)},
		layer.Entry{Name: "c", Mode: linux.S_IFDIR | 0o755},
		layer.Entry{Name: "c/h", Mode: linux.S_IFREG | 0o644, Content: layer.Zero(1 << 20)},
		layer.Entry{Name: "c/h2", Mode: linux.S_IFREG | 0o644, Link: "c/h"},
		layer.Entry{Name: "c/s", Mode: linux.S_IFLNK | 0o777, Target: "h"},
	)
	l, err := layer.New(es)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := layer.NewTree().Apply(l)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// change does something to some path, which may fail.
func change(r *rand.Rand, v *vfs.View) {
	name := func() string {
		p := "/"
		for range 1 + r.IntN(3) {
			p = path.Join(p, string(rune('a'+r.IntN(8))))
		}
		return p
	}
	switch p := name(); r.IntN(12) {
	case 0, 1:
		v.Mkdir(p, 0o755)
	case 2, 3:
		v.WriteFile(p, bytes.Repeat([]byte{byte(r.IntN(256))}, r.IntN(3)*r.IntN(5000)), 0o644)
	case 4:
		v.Unlink(p)
	case 5:
		v.Rmdir(p)
	case 6:
		v.Rename(p, name())
	case 7:
		v.Link(p, name())
	case 8:
		v.Symlink(name(), p)
	case 9:
		v.Chmod(p, linux.Mode(r.IntN(0o1000)))
	case 10:
		v.Truncate(p, int64(r.IntN(30000)))
	case 11:
		if ref, err := v.Resolve(p, true); err == nil {
			ref.Mount.FS.WriteAt(ref.Ino, []byte("in the midst"), int64(r.IntN(20000)))
		}
	}
}

// told is all that can be seen of a snapshot, whatever its inodes' numbers.
func told(t *testing.T, s *Snapshot) string {
	t.Helper()
	var b bytes.Buffer
	for _, e := range s.tree.Walk(s.tree.Root(), "") {
		n := s.tree.Inode(s.tree.Find(e.Name))
		fmt.Fprintf(&b, "%s %o %d:%d %d %v %v %v", e.Name, n.Mode, n.UID, n.GID, n.Links(), n.Atime.UTC(), n.Mtime.UTC(), n.Ctime.UTC())
		if n.Content != nil {
			c := make([]byte, min(n.Content.Size(), 1<<16))
			if m, err := n.Content.ReadAt(c, 0); m < len(c) {
				t.Fatalf("%s: %v", e.Name, err)
			}
			fmt.Fprintf(&b, " %d %x", n.Content.Size(), c)
			if f, ok := n.Content.(*file); ok {
				fmt.Fprintf(&b, " %d %d", f.held, f.blocks())
			}
		}
		fmt.Fprintf(&b, " %s -> %s\n", e.Link, n.Target)
	}
	f := s.FS(Options{})
	fmt.Fprintf(&b, "%v\n", f.Changes())
	es := f.UpperEntries()
	for i := range es {
		es[i].Content = nil
		fmt.Fprintf(&b, "%+v\n", es[i])
	}
	fmt.Fprintf(&b, "%d bytes in memory, %d blocks, %d inodes\n", s.held, s.blocks, s.inodes)
	return b.String()
}

// What is read is what was kept, at any moment of a life, on the same layers; and the write layer is
// the same on layers whose inodes have other numbers.
func TestSnapshotsAreKept(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 1))
		store := blob.Memory{}
		sink := &layer.Sink{Writer: &blob.Writer{Store: store, Memo: &blob.Memo{}}}
		lower := below(t)
		f := New(lower, Options{})
		src := func() *layer.Source { return &layer.Source{Source: store, Own: ReadContent} }
		for range 12 {
			v := vfs.NewNamespace(f, "", "").View(vfs.Root(vfs.CapsAll))
			for range r.IntN(30) {
				change(r, v)
			}
			s := f.Snapshot()
			ref, err := s.Keep(sink)
			if err != nil {
				t.Fatal(err)
			}
			read, err := ReadSnapshot(src(), ref, lower)
			if err != nil {
				t.Fatal(err)
			}
			if want, got := told(t, s), told(t, read); got != want {
				t.Fatalf("seed %d: read\n%s\nkept\n%s", seed, got, want)
			}
			other, err := ReadSnapshot(src(), ref, below(t, layer.Entry{Name: "0", Mode: linux.S_IFDIR | 0o755}, layer.Entry{Name: "0/0", Mode: linux.S_IFREG | 0o644}))
			if err != nil {
				t.Fatal(err)
			}
			if want, got := s.FS(Options{}).Changes(), other.FS(Options{}).Changes(); !reflect.DeepEqual(got, want) {
				t.Fatalf("seed %d: on other layers %v\nkept %v", seed, got, want)
			}
			if r.IntN(2) == 0 {
				f = read.FS(Options{}) // go on from what was read
			}
		}
	}
}

// Keeping costs what has changed, and not what there is.
func TestKeepingCostsTheChange(t *testing.T) {
	store := blob.Memory{}
	sink := &layer.Sink{Writer: &blob.Writer{Store: store, Memo: &blob.Memo{}}}
	f := New(below(t), Options{})
	v := vfs.NewNamespace(f, "", "").View(vfs.Root(vfs.CapsAll))
	for d := range 50 {
		v.Mkdir(fmt.Sprintf("/d%d", d), 0o755)
		for i := range 100 {
			v.WriteFile(fmt.Sprintf("/d%d/f%d", d, i), bytes.Repeat([]byte("x"), 3000), 0o644)
		}
	}
	keep := func() (bytes int) {
		before := len(store)
		had := map[blob.Ref]bool{}
		for r := range store {
			had[r] = true
		}
		if _, err := f.Snapshot().Keep(sink); err != nil {
			t.Fatal(err)
		}
		for r, b := range store {
			if !had[r] {
				bytes += len(b.Data) + len(b.Refs)*len(r)
			}
		}
		t.Logf("%d blobs, %d bytes", len(store)-before, bytes)
		return bytes
	}
	keep()
	v.WriteFile("/d7/f7", []byte("new"), 0o644)
	if n := keep(); n > 16<<10 {
		t.Errorf("one file of 5000 cost %d bytes", n)
	}
	if n := keep(); n != 0 {
		t.Errorf("nothing cost %d bytes", n)
	}
}

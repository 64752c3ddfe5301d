package unionfs

import (
	"io"
	"path"
	"time"

	"github.com/dockerlab/dockerlab/sim/layer"
	"github.com/dockerlab/dockerlab/sim/linux"
)

// Change is one line of docker diff.
type Change struct {
	Kind Kind
	Path string // absolute
}

// Kind says what became of a path.
type Kind byte

// What can become of a path, as docker diff letters it.
const (
	Added   Kind = 'A'
	Changed Kind = 'C'
	Deleted Kind = 'D'
)

// Changes is what docker diff lists: how the merged tree differs from the lower one. The engine
// compares the two as trees and looks at no content, only at what stat tells. So a file that was
// copied up and has its old times is no change, although the upper, and a commit, has it.
//
// A directory comes before what is in it, deletions after the rest.
func (f *FS) Changes() []Change {
	d := differ{lower: f.lower, upper: &f.t.Tree, up: f.upNames, floor: f.floor}
	d.dir("/", f.lower.Root(), f.t.Root(), true)
	return d.changes
}

// upNames gives the names that the upper has in a directory of lower layers; ok is false where the
// upper has no such directory.
func (f *FS) upNames(dir layer.Ino) (names func(func(string, *whiteout) bool), ok bool) {
	u := f.up.Get(uint64(dir))
	if u == nil {
		return nil, false
	}
	return u.names.Scan, true
}

type differ struct {
	lower, upper *layer.Tree
	up           func(layer.Ino) (func(func(string, *whiteout) bool), bool)
	floor        layer.Ino
	changes      []Change
}

// dir compares two directories; old is 0 where there was none. told says that the directory itself
// has its line, or needs none.
func (d *differ) dir(at string, old, dir layer.Ino, told bool) {
	start := len(d.changes)
	var deleted []string
	if dir < d.floor { // what the upper does not name is the same
		names, ok := d.up(dir)
		if !ok {
			return
		}
		names(func(name string, w *whiteout) bool {
			if w == nil {
				d.name(path.Join(at, name), d.lower.Lookup(old, name), d.upper.Lookup(dir, name))
			} else if d.lower.Lookup(old, name) != 0 {
				deleted = append(deleted, name)
			}
			return true
		})
	} else {
		for name, i := range d.upper.Names(dir) {
			d.name(path.Join(at, name), d.lower.Lookup(old, name), i)
		}
		if old != 0 {
			for name := range d.lower.Names(old) {
				if d.upper.Lookup(dir, name) == 0 {
					deleted = append(deleted, name)
				}
			}
		}
	}
	for _, name := range deleted {
		d.changes = append(d.changes, Change{Deleted, path.Join(at, name)})
	}
	if len(d.changes) > start && !told {
		d.changes = append(d.changes, Change{})
		copy(d.changes[start+1:], d.changes[start:])
		d.changes[start] = Change{Changed, at}
	}
}

// name compares what a path was with what it is.
func (d *differ) name(at string, old, now layer.Ino) {
	n := d.upper.Inode(now)
	told := true
	if old == 0 {
		d.changes = append(d.changes, Change{Added, at})
	} else if different(d.lower.Inode(old), n) {
		d.changes = append(d.changes, Change{Changed, at})
	} else {
		told = false
	}
	if n.Mode.IsDir() {
		if old != 0 && !d.lower.Inode(old).Mode.IsDir() {
			old = 0
		}
		d.dir(at, old, now, told)
	}
}

// different is the engine's test. Its check for a directory is one bit of the mode, which block
// devices and sockets have as well.
func different(a, b *layer.Inode) bool {
	if a.Mode != b.Mode || a.UID != b.UID || a.GID != b.GID || a.Rdev != b.Rdev {
		return true
	}
	if a.Mode&linux.S_IFDIR == 0 && (!sameTime(a.Mtime, b.Mtime) || a.Size() != b.Size()) {
		return true
	}
	return a.Xattrs[layer.CapabilityXattr] != b.Xattrs[layer.CapabilityXattr]
}

// sameTime takes two times in one second for the same if one of them has no fraction, as those of
// layers have none.
func sameTime(a, b time.Time) bool {
	return a.Equal(b) || a.Unix() == b.Unix() && (a.Nanosecond() == 0 || b.Nanosecond() == 0)
}

// Layer is what docker commit stores: all that the upper holds, changed or not. It is nil where
// the upper is empty. What it holds does not change with the file system. The error is of type
// *layer.UnpackError: files named as whiteouts are can make a layer that no one can unpack.
func (f *FS) Layer() (*layer.Layer, error) {
	es := f.UpperEntries()
	if len(es) == 0 {
		return nil, nil
	}
	return layer.New(es)
}

// UpperEntries is what the upper holds, in the order of a tar.
func (f *FS) UpperEntries() []layer.Entry {
	f.t.Freeze() // contents from here on belong to the entries as well
	w := upperWalk{f: f, files: map[layer.Ino]string{}, whiteouts: map[*whiteout]string{}}
	w.dir(f.t.Root(), "")
	return w.entries
}

type upperWalk struct {
	f         *FS
	files     map[layer.Ino]string
	whiteouts map[*whiteout]string
	entries   []layer.Entry
}

func (w *upperWalk) dir(dir layer.Ino, at string) {
	u := w.f.up.Get(uint64(dir))
	u.names.Scan(func(name string, hidden *whiteout) bool {
		p := path.Join(at, name)
		if hidden != nil {
			// The whiteouts of one mount are links of one inode, which the engine's archiver
			// notes in the header although it writes an empty file.
			n := layer.Inode{Mode: linux.S_IFCHR, Mtime: hidden.mtime}
			e := layer.EntryOf(p, &n)
			e.Link = w.whiteouts[hidden]
			if e.Link == "" {
				w.whiteouts[hidden] = p
			}
			w.entries = append(w.entries, e)
			return true
		}
		i := w.f.t.Lookup(dir, name)
		n := w.f.t.Inode(i)
		if n.Mode.Type() == linux.S_IFSOCK {
			return true // a tar holds none
		}
		e := layer.EntryOf(p, n)
		if n.Mode.IsDir() {
			e.Opaque = w.f.up.Get(uint64(i)).opaque
			w.entries = append(w.entries, e)
			w.dir(i, p)
			return true
		}
		if n.Nlink > 1 {
			if e.Link = w.files[i]; e.Link == "" {
				w.files[i] = p
			}
		}
		w.entries = append(w.entries, e)
		return true
	})
}

// UpperSize is the size of the upper's files in bytes, each inode once: SizeRw in the API.
func (f *FS) UpperSize() int64 {
	var sum int64
	seen := map[layer.Ino]bool{}
	var walk func(dir layer.Ino)
	walk = func(dir layer.Ino) {
		f.up.Get(uint64(dir)).names.Scan(func(name string, hidden *whiteout) bool {
			if hidden != nil {
				return true
			}
			i := f.t.Lookup(dir, name)
			if n := f.t.Inode(i); n.Mode.IsDir() {
				walk(i)
			} else if n.Nlink == 1 || !seen[i] {
				seen[i] = true
				sum += n.Size()
			}
			return true
		})
	}
	walk(f.t.Root())
	return sum
}

// Tar writes what is below root, a path in the file system through no symlink, as docker export
// writes a container: without the directory itself. It fails with linux.ENOENT where root is none.
func (f *FS) Tar(w io.Writer, root string) error { return WriteTar(w, f.Tree(), root) }

// WriteTar is Tar of a tree.
func WriteTar(w io.Writer, t *layer.Tree, root string) error {
	dir := t.Find(root)
	if dir == 0 {
		return linux.ENOENT
	}
	es := t.Walk(dir, "")
	t.Accounts().Name(es)
	_, err := io.CopyBuffer(struct{ io.Writer }{w}, layer.NewTarReader(es), make([]byte, 64<<10))
	return err
}

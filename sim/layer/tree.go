package layer

import (
	"iter"
	"strings"
	"time"

	"github.com/tidwall/btree"

	"github.com/dockerlab/dockerlab/sim/internal/radix"
	"github.com/dockerlab/dockerlab/sim/linux"
)

// Ino numbers an inode of one tree. Zero is no inode.
type Ino uint64

// Inode is a file, directory, symlink or special file, without a name: names are entries of
// directories. An Inode that a Tree gave must not be changed; Edit.Change gives one that may be.
type Inode struct {
	Mode   linux.Mode // type and permission bits
	UID    uint32
	GID    uint32
	Nlink  uint32    // names of a file that is no directory, counted in its own layer as overlayfs does
	Rdev   linux.Dev // of device nodes
	Target string    // of a symlink
	// Content is a regular file's, nil where it is empty.
	Content Content
	// Xattrs is never changed once it is here. A layer's own tree marks opaque directories in it.
	Xattrs map[string]string
	Atime  time.Time
	Mtime  time.Time
	Ctime  time.Time

	dir *directory
	by  radix.Mark
}

type directory struct {
	parent Ino
	name   string // in parent; a directory has no other
	// merged says that more than one layer has a part in the directory; it then has one link.
	merged  bool
	subdirs uint32
	names   btree.Map[string, Ino]
}

// Size is st_size: bytes of a file, the target's length of a symlink, a block for a directory.
func (n *Inode) Size() int64 {
	switch n.Mode.Type() {
	case linux.S_IFDIR:
		return 4096
	case linux.S_IFLNK:
		return int64(len(n.Target))
	}
	if n.Content == nil {
		return 0
	}
	return n.Content.Size()
}

// Links is st_nlink. A directory has two and one for each directory in it, but one, as overlayfs
// has it, where it is merged from several layers.
func (n *Inode) Links() uint32 {
	if n.dir == nil {
		return n.Nlink
	}
	if n.dir.merged {
		return 1
	}
	return 2 + n.dir.subdirs
}

// Len is the number of names in a directory.
func (n *Inode) Len() int {
	if n.dir == nil {
		return 0
	}
	return n.dir.names.Len()
}

// Child finds name in a directory; 0 where there is none.
func (n *Inode) Child(name string) Ino {
	if n.dir == nil {
		return 0
	}
	i, _ := n.dir.names.Get(name)
	return i
}

// IsWhiteout says that this, in a layer's own tree, hides a name of the layers below: it is the
// character device 0:0.
func (n *Inode) IsWhiteout() bool { return n.Mode.Type() == linux.S_IFCHR && n.Rdev == 0 }

// IsOpaque says that this, in a layer's own tree, is a directory that hides what the layers below
// have at its path.
func (n *Inode) IsOpaque() bool { return n.Mode.IsDir() && n.Xattrs[OpaqueXattr] == "y" }

// OpaqueXattr is the attribute by which overlayfs knows an opaque directory.
const OpaqueXattr = "trusted.overlay.opaque"

// CapabilityXattr is the attribute that holds a program's capabilities.
const CapabilityXattr = "security.capability"

// Tree is a file tree that never changes: what the layers of an image look like merged, or what
// one layer has in its own directory. It is a pointer's worth; what changes is made by Edit, and
// shares with the old tree all that did not change.
type Tree struct {
	inodes radix.Array[Inode]
	root   Ino
	next   Ino
	newest time.Time
}

// NewTree is a tree with nothing but a root directory, of mode 0755 and root's.
func NewTree() *Tree {
	e := &Edit{Tree: Tree{next: 1}, mark: radix.NewMark()}
	e.root = e.New(Inode{Mode: linux.S_IFDIR | 0o755})
	e.Inode(e.root).dir.parent = e.root
	return e.Freeze()
}

// Root is the inode of the root directory.
func (t *Tree) Root() Ino { return t.root }

// Newest is the latest mtime in the layers that were applied.
func (t *Tree) Newest() time.Time { return t.newest }

// Next is the number that the next inode made will have: all numbers of the tree are below it.
func (t *Tree) Next() Ino { return t.next }

// Same says that two trees are one and the same: none has been changed since they were.
func (t *Tree) Same(o *Tree) bool { return t.inodes == o.inodes && t.next == o.next }

// Inode gives the inode of that number, or nil.
func (t *Tree) Inode(i Ino) *Inode { return t.inodes.Get(uint64(i)) }

// Lookup finds name in the directory dir; 0 where there is none.
func (t *Tree) Lookup(dir Ino, name string) Ino {
	n := t.Inode(dir)
	if n == nil {
		return 0
	}
	return n.Child(name)
}

// Parent is the directory that holds the directory dir; the root is its own.
func (t *Tree) Parent(dir Ino) Ino {
	n := t.Inode(dir)
	if n == nil || n.dir == nil {
		return 0
	}
	return n.dir.parent
}

// Name is the one that the directory dir has in its parent; "" for the root.
func (t *Tree) Name(dir Ino) string {
	n := t.Inode(dir)
	if n == nil || n.dir == nil {
		return ""
	}
	return n.dir.name
}

// Names lists a directory by name.
func (t *Tree) Names(dir Ino) iter.Seq2[string, Ino] {
	return func(yield func(string, Ino) bool) {
		if n := t.Inode(dir); n != nil && n.dir != nil {
			n.dir.names.Scan(yield)
		}
	}
}

// Find gives the inode at a slash-separated path, following no symlink; 0 where there is none.
func (t *Tree) Find(path string) Ino {
	at := t.root
	for name := range components(path) {
		if at = t.Lookup(at, name); at == 0 {
			return 0
		}
	}
	return at
}

// Follow gives the inode at a slash-separated path, following symlinks, of which absolute ones and
// those that climb stay within the tree; 0 where there is none.
func (t *Tree) Follow(path string) Ino {
	at := t.root
	for links := 0; path != ""; {
		var name string
		name, path, _ = strings.Cut(path, "/")
		switch name {
		case "", ".":
			continue
		case "..":
			at = t.Parent(at)
			continue
		}
		next := t.Lookup(at, name)
		if next == 0 {
			return 0
		}
		n := t.Inode(next)
		if !n.Mode.IsSymlink() {
			at = next
			continue
		}
		if links++; links > linux.MaxSymlinks || len(n.Target)+len(path) > 4*linux.PATH_MAX {
			return 0
		}
		if strings.HasPrefix(n.Target, "/") {
			at = t.root
		}
		path = n.Target + "/" + path
	}
	return at
}

// Edit is a tree in the making: a copy of a Tree, made in no time, that changes in place what it
// owns and copies first what it shares. One goroutine at a time may use it.
type Edit struct {
	Tree
	mark radix.Mark
}

// Edit begins a changed version of the tree.
func (t *Tree) Edit() *Edit { return &Edit{Tree: *t, mark: radix.NewMark()} }

// Freeze gives the tree as it is now, in no time; the Edit may go on, and will copy what it
// changes from here.
func (e *Edit) Freeze() *Tree {
	t := e.Tree
	e.mark = radix.NewMark()
	return &t
}

// Mark is the mark of what this Edit owns. It changes with every Freeze.
func (e *Edit) Mark() radix.Mark { return e.mark }

// Change gives the inode for changing, nil where there is none.
func (e *Edit) Change(i Ino) *Inode {
	n := e.Inode(i)
	if n == nil || n.by == e.mark {
		return n
	}
	c := *n
	c.by = e.mark
	if n.dir != nil {
		d := *n.dir
		d.names = *d.names.Copy() // of our copy: the shared map itself stays untouched
		c.dir = &d
	}
	e.inodes.Set(e.mark, uint64(i), &c)
	return &c
}

// New adds an inode that has no name yet.
func (e *Edit) New(n Inode) Ino {
	i := e.next
	e.next++
	n.by, n.dir = e.mark, nil
	if n.Mode.IsDir() {
		n.dir = &directory{}
	}
	e.inodes.Set(e.mark, uint64(i), &n)
	return i
}

// Place puts an inode at a number that the caller has chosen, in a tree that is put together again.
// A directory that is there keeps its names, and takes the attributes. Numbers of new inodes are
// above it.
func (e *Edit) Place(i Ino, n Inode) {
	n.by, n.dir = e.mark, nil
	if n.Mode.IsDir() {
		n.dir = &directory{}
		if old := e.Change(i); old != nil && old.dir != nil {
			n.dir = old.dir
		}
	}
	e.inodes.Set(e.mark, uint64(i), &n)
	e.Reserve(i + 1)
}

// Reserve makes the numbers of inodes that are made from now on begin at next, if not above it.
func (e *Edit) Reserve(next Ino) { e.next = max(e.next, next) }

// Drop removes an inode that no name leads to. The number of the last one made is given out again.
func (e *Edit) Drop(i Ino) {
	e.inodes.Set(e.mark, uint64(i), nil)
	if i == e.next-1 {
		e.next = i
	}
}

// Put makes name in dir lead to the inode i, whatever it led to. It counts no links of files.
func (e *Edit) Put(dir Ino, name string, i Ino) {
	d := e.Change(dir).dir
	old, had := d.names.Set(name, i)
	if had {
		e.countSubdir(d, old, -1)
	}
	if n := e.Inode(i); n.dir != nil {
		d.subdirs++
		if n.dir.parent != dir || n.dir.name != name {
			d := e.Change(i).dir
			d.parent, d.name = dir, name
		}
	}
}

// Remove takes name out of dir.
func (e *Edit) Remove(dir Ino, name string) {
	d := e.Change(dir).dir
	if old, had := d.names.Delete(name); had {
		e.countSubdir(d, old, -1)
	}
}

func (e *Edit) countSubdir(d *directory, i Ino, by int32) {
	if n := e.Inode(i); n != nil && n.dir != nil {
		d.subdirs += uint32(by)
	}
}

// Merged notes that the directory has parts in several layers.
func (e *Edit) Merged(dir Ino) { e.Change(dir).dir.merged = true }

// components are the names of a path; "." and empty ones are left out.
func components(path string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for start := 0; start <= len(path); {
			end := start
			for end < len(path) && path[end] != '/' {
				end++
			}
			if name := path[start:end]; name != "" && name != "." && !yield(name) {
				return
			}
			start = end + 1
		}
	}
}

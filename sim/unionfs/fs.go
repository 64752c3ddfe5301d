// Package unionfs is a file system that can be written to on top of a tree that cannot: a
// container's write layer over its image. It behaves as Linux's overlayfs does the way that
// Docker mounts it (no index, no redirects, no metacopy).
//
// Besides the merged tree, it keeps the upper explicitly: every path that was copied up, made,
// whited out or made opaque, whether it changed in the end or not. What docker diff lists and what
// docker commit stores both follow from it, are not the same, and cost what was changed, never
// what the image holds. With an empty tree below, the same file system serves as a tmpfs, a volume
// and the host's disk.
package unionfs

import (
	"time"

	"github.com/tidwall/btree"

	"github.com/dockerlab/dockerlab/sim/internal/radix"
	"github.com/dockerlab/dockerlab/sim/layer"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// Options is what a file system is made with; the zero value will do.
type Options struct {
	// Now is the clock that timestamps come from; nil is time.Now.
	Now func() time.Time
	// After is the latest time in the layers of the image below: changes are given times from the next
	// second on. So late it is there where a commit and the start of a container take their time; diff
	// tells files apart by their times, of which those of layers have whole seconds. Zero is the
	// latest time in the lower tree.
	After time.Time
	// Charge is told of memory that contents begin (positive) or cease (negative) to take, in
	// bytes. An error refuses more, and is what the write fails with. Zeros, and what the lower
	// tree holds, cost nothing.
	Charge func(bytes int64) error
	// Type is the name in /proc/mounts; "" is "overlay".
	Type string
	// Disk is the space that the upper takes its room from, shared by all file systems that name
	// it; nil is a disk of its own.
	Disk *Disk
}

// The size of a disk that nobody chose: 16 GiB, with as many inodes as mkfs.ext4 gives one.
const (
	DiskSize   = 16 << 30
	DiskInodes = 1 << 20
)

// Disk counts what file systems have written on it. The zero Disk has the sizes above.
type Disk struct {
	Size, Used         int64 // bytes; Size 0 is DiskSize
	Inodes, InodesUsed int64 // Inodes 0 is DiskInodes
}

func (d *Disk) size() int64 {
	if d.Size == 0 {
		return DiskSize
	}
	return d.Size
}

func (d *Disk) inodes() int64 {
	if d.Inodes == 0 {
		return DiskInodes
	}
	return d.Inodes
}

// FS is the union; it implements vfs.Filesystem. Like all file systems of the lab it locks
// nothing: one goroutine at a time may use it.
type FS struct {
	o     Options
	lower *layer.Tree
	floor layer.Ino   // inodes from here on are the upper's own; directories below it may be copied up
	t     *layer.Edit // lower and upper, merged
	up    radix.Array[upperDir]

	names    uint64    // version of the names; see NamesVersion
	dirs     uint64    // and of the ways to directories; see DirsVersion
	last     time.Time // that now gave
	whiteout *whiteout // the one that overlayfs links to wherever it hides a name; nil: not made yet
	held     int64     // bytes charged
	blocks   int64     // pages taken from the disk
	inodes   int64     // inodes taken from the disk
	snap     *Snapshot // the last, while nothing has changed since
	pins     map[layer.Ino]int
	copied   map[layer.Ino][]copied // of lower files that are pinned
	gone     map[layer.Ino]bool     // directories that were removed while pinned
}

// upperDir is a directory that the upper has: made there, or copied up.
type upperDir struct {
	by     radix.Mark
	opaque bool
	names  btree.Map[string, *whiteout] // of the upper's own directory; nil: not a whiteout
}

// whiteout is an inode of the upper that hides a lower name, or many: they are hard links.
type whiteout struct{ mtime time.Time }

var (
	_ vfs.Filesystem = (*FS)(nil)
	_ vfs.Copier     = (*FS)(nil)
)

// New puts an empty upper on lower; a nil lower is an empty tree. As in overlayfs, the root
// directory is the upper's from the beginning, of mode 0755 and root's.
func New(lower *layer.Tree, o Options) *FS {
	bare := lower == nil
	if bare {
		lower = layer.NewTree()
	}
	f := &FS{lower: lower, floor: lower.Next(), t: lower.Edit()}
	f.init(o)
	f.begin()
	now := f.now()
	root := f.t.Change(f.t.Root())
	root.Mode, root.UID, root.GID = linux.S_IFDIR|0o755, 0, 0
	root.Atime, root.Mtime, root.Ctime = now, now, now
	if !bare {
		f.t.Merged(f.t.Root())
	}
	f.up.Set(f.t.Mark(), uint64(f.t.Root()), &upperDir{by: f.t.Mark()})
	return f
}

func (f *FS) init(o Options) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Charge == nil {
		o.Charge = func(int64) error { return nil }
	}
	if o.Type == "" {
		o.Type = "overlay"
	}
	if o.Disk == nil {
		o.Disk = &Disk{}
	}
	f.o = o
	f.pins = map[layer.Ino]int{}
	f.copied = map[layer.Ino][]copied{}
	f.gone = map[layer.Ino]bool{}
}

// begin lets the times of changes begin a second after o.After, unless that is far ahead.
func (f *FS) begin() {
	if f.o.After.IsZero() {
		f.o.After = f.lower.Newest()
	}
	now, after := f.o.Now(), f.o.After.Truncate(time.Second)
	if next := after.Add(time.Second); now.Before(next) && after.Sub(now) < 2*time.Minute {
		f.last = next
	}
}

// now is the time of a change. No two changes have the same, however still the clock stands, and
// none has a whole second: what was changed differs in its time from what it was before, and what
// was made later is newer.
func (f *FS) now() time.Time {
	t := f.o.Now()
	if !t.After(f.last) {
		t = f.last.Add(1)
	}
	if t.Nanosecond() == 0 {
		t = t.Add(1)
	}
	f.last = t
	return t
}

// Type is the name in /proc/mounts.
func (f *FS) Type() string { return f.o.Type }

// NamesVersion changes whenever a path may lead to another inode than before, or no longer to any;
// see vfs.Versioned.
func (f *FS) NamesVersion() uint64 { return f.names }

// DirsVersion changes whenever a path that led to a directory may not lead there any more; see
// vfs.Versioned.
func (f *FS) DirsVersion() uint64 { return f.dirs }

// Root is the inode of the root directory.
func (f *FS) Root() vfs.Ino { return vfs.Ino(f.t.Root()) }

// Lower is the tree below.
func (f *FS) Lower() *layer.Tree { return f.lower }

// Tree is the merged tree as it is now. It takes no time.
func (f *FS) Tree() *layer.Tree { return f.t.Freeze() }

// dir gives the inode of a directory.
func (f *FS) dir(i vfs.Ino) (*layer.Inode, error) {
	n := f.t.Inode(layer.Ino(i))
	switch {
	case n == nil || f.gone[layer.Ino(i)]:
		return nil, linux.ENOENT
	case !n.Mode.IsDir():
		return nil, linux.ENOTDIR
	}
	return n, nil
}

// Lookup finds name in the directory dir.
func (f *FS) Lookup(dir vfs.Ino, name string) (vfs.Ino, error) {
	n, err := f.dir(dir)
	if err != nil {
		return 0, err
	}
	if i := n.Child(name); i != 0 {
		return vfs.Ino(i), nil
	}
	return 0, linux.ENOENT
}

// Parent is the directory that holds the directory dir; the root is its own.
func (f *FS) Parent(dir vfs.Ino) (vfs.Ino, error) {
	if _, err := f.dir(dir); err != nil {
		return 0, err
	}
	return vfs.Ino(f.t.Parent(layer.Ino(dir))), nil
}

// Stat describes an inode.
func (f *FS) Stat(ino vfs.Ino) (vfs.Stat, error) {
	n := f.t.Inode(layer.Ino(ino))
	if n == nil {
		return vfs.Stat{}, linux.ESTALE
	}
	st := vfs.Stat{
		Ino: ino, Mode: n.Mode, Nlink: n.Links(), UID: n.UID, GID: n.GID, Rdev: n.Rdev,
		Size: n.Size(), Atime: n.Atime, Mtime: n.Mtime, Ctime: n.Ctime,
	}
	switch n.Mode.Type() {
	case linux.S_IFREG:
		if c, ok := n.Content.(*file); ok {
			st.Blocks = c.blocks()
		} else {
			st.Blocks = pagesOf(st.Size) * (pageSize / 512)
		}
	case linux.S_IFDIR:
		st.Blocks = pageSize / 512
		if f.o.Type == "tmpfs" || f.o.Type == "mqueue" { // their directories are not on a disk
			names, _ := f.ReadDir(ino)
			st.Size, st.Blocks = int64(len(names)+2)*20, 0
		}
		if len(f.gone) > 0 && f.gone[layer.Ino(ino)] {
			st.Nlink = 0
		}
	case linux.S_IFLNK:
		if st.Size >= 60 { // a shorter target fits in the inode
			st.Blocks = pageSize / 512
		}
	}
	return st, nil
}

// ReadDir lists a directory by name. One that was removed while it was pinned has nothing in it.
func (f *FS) ReadDir(dir vfs.Ino) ([]vfs.Dirent, error) {
	if f.gone[layer.Ino(dir)] {
		return nil, nil
	}
	n, err := f.dir(dir)
	if err != nil {
		return nil, err
	}
	es := make([]vfs.Dirent, 0, n.Len())
	for name, i := range f.t.Names(layer.Ino(dir)) {
		es = append(es, vfs.Dirent{Name: name, Ino: vfs.Ino(i), Mode: f.t.Inode(i).Mode.Type()})
	}
	return es, nil
}

// Readlink gives a symlink's target.
func (f *FS) Readlink(ino vfs.Ino) (string, error) {
	n := f.t.Inode(layer.Ino(ino))
	switch {
	case n == nil:
		return "", linux.ESTALE
	case !n.Mode.IsSymlink():
		return "", linux.EINVAL
	}
	return n.Target, nil
}

// ReadAt reads a regular file.
func (f *FS) ReadAt(ino vfs.Ino, p []byte, off int64) (int, error) {
	c, err := f.Content(ino)
	if err != nil {
		return 0, err
	}
	if off < 0 {
		return 0, linux.EINVAL
	}
	return c.ReadAt(p, off)
}

// Content is what a regular file holds. It is the lower tree's own value where nobody wrote to the
// file since it was copied up, and so tells where it came from. It may change with the file until
// the next Snapshot, Tree or Layer.
func (f *FS) Content(ino vfs.Ino) (layer.Content, error) {
	n := f.t.Inode(layer.Ino(ino))
	switch {
	case n == nil:
		return nil, linux.ESTALE
	case n.Mode.IsDir():
		return nil, linux.EISDIR
	case !n.Mode.IsRegular():
		return nil, linux.EINVAL
	case n.Content == nil:
		return layer.Zero(0), nil
	}
	return n.Content, nil
}

// Statfs gives the size of the disk and what is left of it.
func (f *FS) Statfs() vfs.Statfs {
	d := f.o.Disk
	return vfs.Statfs{
		Bytes: d.size(), BytesFree: max(0, d.size()-d.Used),
		Inodes: d.inodes(), InodesFree: max(0, d.inodes()-d.InodesUsed),
	}
}

// Held is how many bytes of memory are charged.
func (f *FS) Held() int64 { return f.held }

// Discard gives back the room on the disk and the memory charged. The file system must not be used
// any more; a snapshot of it that is kept takes no room then.
func (f *FS) Discard() {
	f.o.Charge(-f.held)
	f.o.Disk.Used -= f.blocks * pageSize
	f.o.Disk.InodesUsed -= f.inodes
	f.held, f.blocks, f.inodes = 0, 0, 0
}

// Occupy takes the room that a snapshot has on a disk which does not count it yet.
func (s *Snapshot) Occupy(d *Disk) {
	d.Used += s.blocks * pageSize
	d.InodesUsed += s.inodes
}

// Discard gives back the room that a snapshot takes on a disk, when what it is a snapshot of has
// been removed for good.
func (s *Snapshot) Discard(d *Disk) {
	d.Used -= s.blocks * pageSize
	d.InodesUsed -= s.inodes
}

// Restore goes back to a snapshot of this file system: what was done since is undone, and the room
// that it took is given back. Files that are open stay so where they were there then; the numbers of
// others are not given out again.
func (f *FS) Restore(s *Snapshot) {
	f.o.Charge(s.held - f.held)
	f.o.Disk.Used += (s.blocks - f.blocks) * pageSize
	f.o.Disk.InodesUsed += s.inodes - f.inodes
	next := f.t.Next()
	f.lower, f.floor, f.t, f.up = s.lower, s.floor, s.tree.Edit(), s.up
	f.t.Reserve(next)
	f.held, f.blocks, f.inodes = s.held, s.blocks, s.inodes
	f.whiteout, f.snap, f.gone = nil, nil, map[layer.Ino]bool{}
	f.names++
	f.dirs++
}

// Snapshot is an FS at one moment; it never changes and is safe for concurrent use.
type Snapshot struct {
	lower                *layer.Tree
	floor                layer.Ino
	tree                 *layer.Tree
	up                   radix.Array[upperDir]
	held, blocks, inodes int64
	last                 time.Time
}

// Snapshot keeps the file system as it is now. It takes no time. Where nothing has changed since the
// last one, it is that one.
func (f *FS) Snapshot() *Snapshot {
	if s := f.snap; s != nil && s.tree.Same(&f.t.Tree) && s.up == f.up {
		return s
	}
	f.snap = &Snapshot{
		lower: f.lower, floor: f.floor, tree: f.t.Freeze(), up: f.up,
		held: f.held, blocks: f.blocks, inodes: f.inodes, last: f.last,
	}
	return f.snap
}

// FS is a file system that goes on from the snapshot, as a container that is started again goes
// on from what its write layer was: overlayfs makes a whiteout of its own at each mount. What the
// upper holds is charged at once, and refused only when it grows; on the disk it has its room
// already, since it was written.
func (s *Snapshot) FS(o Options) *FS {
	f := &FS{lower: s.lower, floor: s.floor, last: s.last, t: s.tree.Edit(), up: s.up, held: s.held, blocks: s.blocks, inodes: s.inodes}
	f.init(o)
	f.o.Charge(f.held)
	return f
}

// Tree is the merged tree of the snapshot.
func (s *Snapshot) Tree() *layer.Tree { return s.tree }

// Lower is the tree below.
func (s *Snapshot) Lower() *layer.Tree { return s.lower }

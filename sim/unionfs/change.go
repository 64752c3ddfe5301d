package unionfs

import (
	"maps"
	"time"

	"github.com/dockerlab/dockerlab/sim/layer"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// take is the resources of the upper's files.
func (f *FS) take(bytes, pages int64) error {
	d := f.o.Disk
	if pages > 0 && d.Used+pages*pageSize > d.size() {
		return linux.ENOSPC
	}
	if bytes != 0 {
		if err := f.o.Charge(bytes); err != nil && bytes > 0 {
			return err
		}
	}
	f.held += bytes
	f.blocks += pages
	d.Used += pages * pageSize
	return nil
}

func (f *FS) takeInode() error {
	d := f.o.Disk
	if d.InodesUsed >= d.inodes() {
		return linux.ENOSPC
	}
	d.InodesUsed++
	f.inodes++
	return nil
}

// own says whether an inode is the upper's and may be changed in place.
func (f *FS) own(i layer.Ino) bool {
	return i >= f.floor || f.up.Get(uint64(i)) != nil
}

// upper gives a directory of the upper for changing. It must be one.
func (f *FS) upper(dir layer.Ino) *upperDir {
	d := f.up.Get(uint64(dir))
	if d.by == f.t.Mark() {
		return d
	}
	c := *d
	c.by = f.t.Mark()
	c.names = *c.names.Copy()
	f.up.Set(c.by, uint64(dir), &c)
	return &c
}

// lowerHas says whether the layers below have something that the name in dir would show.
func (f *FS) lowerHas(dir layer.Ino, name string) bool {
	return dir < f.floor && f.lower.Lookup(dir, name) != 0
}

// copyUpDir makes dir and all directories above it the upper's. Times stay as they are.
func (f *FS) copyUpDir(dir layer.Ino) error {
	if f.up.Get(uint64(dir)) != nil {
		return nil
	}
	parent := f.t.Parent(dir)
	if err := f.copyUpDir(parent); err != nil {
		return err
	}
	if err := f.takeInode(); err != nil {
		return err
	}
	f.t.Merged(dir)
	f.up.Set(f.t.Mark(), uint64(dir), &upperDir{by: f.t.Mark()})
	f.upper(parent).names.Set(f.t.Name(dir), nil)
	return nil
}

// CopyUp makes the file that is name in dir the upper's; see vfs.Filesystem.
func (f *FS) CopyUp(dir vfs.Ino, name string) (vfs.Ino, error) {
	if dir == 0 {
		return f.Root(), nil
	}
	i, err := f.Lookup(dir, name)
	if err != nil {
		return 0, err
	}
	up, err := f.copyUp(layer.Ino(dir), name, layer.Ino(i))
	return vfs.Ino(up), err
}

func (f *FS) copyUp(dir layer.Ino, name string, i layer.Ino) (layer.Ino, error) {
	if i >= f.floor {
		return i, nil
	}
	n := f.t.Inode(i)
	if n.Mode.IsDir() {
		return i, f.copyUpDir(i)
	}
	if err := f.copyUpDir(dir); err != nil {
		return 0, err
	}
	if n.Mode.IsRegular() {
		if err := f.take(0, pagesOf(n.Size())); err != nil {
			return 0, err
		}
	}
	if err := f.takeInode(); err != nil {
		return 0, err
	}
	c := *n
	c.Nlink = 1
	c.Ctime = f.now()
	up := f.t.New(c)
	f.names++
	f.t.Put(dir, name, up)
	f.upper(dir).names.Set(name, nil)
	if f.pins[i] > 0 {
		f.copied[i] = append(f.copied[i], copied{dir, name, up})
		f.pins[up]++
	}
	return up, nil
}

// copied is a lower file that was copied up while it was open. To whom it was open by that name, it is
// the upper's from then on. The upper's is pinned as long as the lower one is.
type copied struct {
	dir  layer.Ino
	name string
	to   layer.Ino
}

// OneFile is of vfs.Copier.
func (f *FS) OneFile(i vfs.Ino) bool { return layer.Ino(i) >= f.floor }

// Copied gives the inode that an open file has now; see vfs.Copier.
func (f *FS) Copied(dir vfs.Ino, name string, ino vfs.Ino) vfs.Ino {
	if layer.Ino(ino) < f.floor {
		for _, c := range f.copied[layer.Ino(ino)] {
			if c.dir == layer.Ino(dir) && c.name == name {
				return vfs.Ino(c.to)
			}
		}
	}
	return ino
}

// touchDir notes a change of a directory's entries.
func (f *FS) touchDir(dir layer.Ino, now time.Time) {
	f.names++
	n := f.t.Change(dir)
	n.Mtime, n.Ctime = now, now
}

// mayMake judges whether name may be made in the directory dir.
func (f *FS) mayMake(dir vfs.Ino, name string) error {
	n, err := f.dir(dir)
	switch {
	case err != nil:
		return err
	case n.Child(name) != 0:
		return linux.EEXIST
	case len(name) > linux.NAME_MAX:
		return linux.ENAMETOOLONG
	}
	return nil
}

// Create makes a file, directory, symlink or special file.
func (f *FS) Create(dir vfs.Ino, name string, v vfs.Node) (vfs.Ino, error) {
	if err := f.mayMake(dir, name); err != nil {
		return 0, err
	}
	if v.Mode.Type() == linux.S_IFCHR && v.Rdev == 0 && f.o.Type == "overlay" {
		return 0, linux.EPERM // it would be a whiteout
	}
	d := layer.Ino(dir)
	if err := f.copyUpDir(d); err != nil {
		return 0, err
	}
	if err := f.takeInode(); err != nil {
		return 0, err
	}
	now := f.now()
	i := f.t.New(layer.Inode{
		Mode: v.Mode, UID: v.UID, GID: v.GID, Nlink: 1, Rdev: v.Rdev, Target: v.Target,
		Atime: now, Mtime: now, Ctime: now,
	})
	f.t.Put(d, name, i)
	u := f.upper(d)
	over, _ := u.names.Set(name, nil)
	if v.Mode.IsDir() {
		// Where there was a whiteout, the new directory must hide what the whiteout hid.
		f.up.Set(f.t.Mark(), uint64(i), &upperDir{by: f.t.Mark(), opaque: over != nil})
	}
	f.touchDir(d, now)
	return vfs.Ino(i), nil
}

// Link makes name in dir another name of what oldName in oldDir is.
func (f *FS) Link(oldDir vfs.Ino, oldName string, dir vfs.Ino, name string) error {
	i, err := f.Lookup(oldDir, oldName)
	if err != nil {
		return err
	}
	if err := f.mayMake(dir, name); err != nil {
		return err
	}
	if f.t.Inode(layer.Ino(i)).Mode.IsDir() {
		return linux.EPERM
	}
	up, err := f.copyUp(layer.Ino(oldDir), oldName, layer.Ino(i))
	if err != nil {
		return err
	}
	d := layer.Ino(dir)
	if err := f.copyUpDir(d); err != nil {
		return err
	}
	now := f.now()
	n := f.t.Change(up)
	n.Nlink++
	n.Ctime = now
	f.t.Put(d, name, up)
	f.upper(d).names.Set(name, nil)
	f.touchDir(d, now)
	return nil
}

// Unlink removes a name that is no directory.
func (f *FS) Unlink(dir vfs.Ino, name string) error {
	i, err := f.Lookup(dir, name)
	if err != nil {
		return err
	}
	if f.t.Inode(layer.Ino(i)).Mode.IsDir() {
		return linux.EISDIR
	}
	return f.remove(layer.Ino(dir), name, layer.Ino(i))
}

// Rmdir removes an empty directory.
func (f *FS) Rmdir(dir vfs.Ino, name string) error {
	i, err := f.Lookup(dir, name)
	if err != nil {
		return err
	}
	n := f.t.Inode(layer.Ino(i))
	switch {
	case !n.Mode.IsDir():
		return linux.ENOTDIR
	case n.Len() > 0:
		return linux.ENOTEMPTY
	}
	return f.remove(layer.Ino(dir), name, layer.Ino(i))
}

func (f *FS) remove(dir layer.Ino, name string, i layer.Ino) error {
	if err := f.copyUpDir(dir); err != nil {
		return err
	}
	f.moves(i)
	now := f.now()
	f.t.Remove(dir, name)
	f.forget(i, now)
	u := f.upper(dir)
	if f.lowerHas(dir, name) {
		if f.whiteout == nil {
			f.whiteout = &whiteout{now}
		}
		u.names.Set(name, f.whiteout)
	} else {
		u.names.Delete(name)
	}
	f.touchDir(dir, now)
	return nil
}

// moves notes that the inode is about to lose a name, which may be on the way to a directory.
func (f *FS) moves(i layer.Ino) {
	if t := f.t.Inode(i).Mode.Type(); t == linux.S_IFDIR || t == linux.S_IFLNK {
		f.dirs++
	}
}

// forget notes that an inode has lost a name, and lets it go with its last one.
func (f *FS) forget(i layer.Ino, now time.Time) {
	n := f.t.Inode(i)
	if n.Mode.IsDir() {
		if f.up.Get(uint64(i)) != nil {
			f.up.Set(f.t.Mark(), uint64(i), nil)
			f.o.Disk.InodesUsed--
			f.inodes--
		}
		if f.pins[i] > 0 {
			f.gone[i] = true
		} else if i >= f.floor {
			f.t.Drop(i)
		}
		return
	}
	if i < f.floor {
		return // the layers below keep it
	}
	n = f.t.Change(i)
	n.Nlink--
	n.Ctime = now
	if n.Nlink == 0 && f.pins[i] == 0 {
		f.free(i, n)
	}
}

// free gives back what a file without a name took.
func (f *FS) free(i layer.Ino, n *layer.Inode) {
	if c, ok := n.Content.(*file); ok {
		f.take(-c.held, -(pagesOf(c.below) + c.extra))
	} else if n.Mode.IsRegular() {
		f.take(0, -pagesOf(n.Size()))
	}
	f.o.Disk.InodesUsed--
	f.inodes--
	f.t.Drop(i)
}

// Pin keeps an inode alive while a file of it is open.
func (f *FS) Pin(ino vfs.Ino) { f.pins[layer.Ino(ino)]++ }

// Unpin ends one Pin.
func (f *FS) Unpin(ino vfs.Ino) {
	i := layer.Ino(ino)
	if n := f.pins[i]; n > 1 {
		f.pins[i] = n - 1
		return
	}
	delete(f.pins, i)
	if len(f.copied) > 0 {
		for _, c := range f.copied[i] {
			defer f.Unpin(vfs.Ino(c.to))
		}
		delete(f.copied, i)
	}
	n := f.t.Inode(i)
	switch {
	case n == nil || i < f.floor:
		delete(f.gone, i)
	case f.gone[i]:
		delete(f.gone, i)
		f.t.Drop(i)
	case !n.Mode.IsDir() && n.Nlink == 0:
		f.free(i, n)
	}
}

// Rename is rename(2) within the file system.
func (f *FS) Rename(oldDir vfs.Ino, oldName string, newDir vfs.Ino, newName string) error {
	vi, err := f.Lookup(oldDir, oldName)
	if err != nil {
		return err
	}
	i, from, to := layer.Ino(vi), layer.Ino(oldDir), layer.Ino(newDir)
	if _, err := f.dir(newDir); err != nil {
		return err
	}
	if len(newName) > linux.NAME_MAX {
		return linux.ENAMETOOLONG
	}
	n := f.t.Inode(i)
	isDir := n.Mode.IsDir()
	target := f.t.Lookup(to, newName)
	switch {
	case isDir && f.within(to, i):
		return linux.EINVAL
	case target != 0 && f.within(from, target):
		return linux.ENOTEMPTY
	}
	var replaced *layer.Inode
	if target != 0 {
		replaced = f.t.Inode(target)
		switch {
		case target == i && (i >= f.floor || isDir || from == to && oldName == newName):
			// Names of one inode: nothing to do. Of a lower file's names overlayfs does not know
			// that they are.
			return nil
		case isDir && !replaced.Mode.IsDir():
			return linux.ENOTDIR
		case !isDir && replaced.Mode.IsDir():
			return linux.EISDIR
		}
	}
	if isDir && i < f.floor {
		return linux.EXDEV
	}
	if replaced != nil && replaced.Len() > 0 {
		if isDir && target >= f.floor {
			f.hideBelow(i, to) // overlayfs has done so when the upper's own rename then fails
		}
		return linux.ENOTEMPTY
	}
	up, err := f.copyUp(from, oldName, i)
	if err != nil {
		return err
	}
	if err := f.copyUpDir(to); err != nil {
		return err
	}
	now := f.now()
	f.moves(up)
	f.t.Remove(from, oldName)
	f.t.Put(to, newName, up)
	if target != 0 {
		f.moves(target)
		f.forget(target, now)
	}
	f.t.Change(up).Ctime = now

	over, _ := f.upper(to).names.Set(newName, nil)
	switch u := f.upper(from); {
	case !f.lowerHas(from, oldName):
		u.names.Delete(oldName)
	case over != nil: // the two change places
		u.names.Set(oldName, over)
	default:
		u.names.Set(oldName, &whiteout{now})
	}
	if isDir {
		f.hideBelow(up, to)
	}
	f.touchDir(from, now)
	f.touchDir(to, now)
	return nil
}

// hideBelow makes a directory of the upper opaque, for it comes to lie in the directory to, where
// the layers below may have one of its new name.
func (f *FS) hideBelow(dir, to layer.Ino) {
	if to < f.floor && !f.up.Get(uint64(dir)).opaque {
		f.upper(dir).opaque = true
	}
}

// within says whether dir is below top or top itself.
func (f *FS) within(dir, top layer.Ino) bool {
	for dir != top {
		p := f.t.Parent(dir)
		if p == dir || p == 0 {
			return false
		}
		dir = p
	}
	return true
}

// change gives an inode of the upper for changing.
func (f *FS) change(ino vfs.Ino) (*layer.Inode, error) {
	i := layer.Ino(ino)
	switch {
	case f.t.Inode(i) == nil:
		return nil, linux.ESTALE
	case !f.own(i):
		return nil, linux.EROFS // the caller has not copied it up
	}
	return f.t.Change(i), nil
}

// SetAttr changes an inode that is already the upper's.
func (f *FS) SetAttr(ino vfs.Ino, a vfs.Attr) error {
	n, err := f.change(ino)
	if err != nil {
		return err
	}
	now := f.now()
	if a.Size != nil {
		switch {
		case n.Mode.IsDir():
			return linux.EISDIR
		case !n.Mode.IsRegular() || *a.Size < 0:
			return linux.EINVAL
		}
		if *a.Size != n.Size() {
			if err := f.content(n).truncate(f, *a.Size); err != nil {
				return err
			}
		}
		n.Mtime = now
	}
	if a.Mode != nil || a.UID != nil || a.GID != nil {
		f.names++
	}
	if a.Size != nil || a.UID != nil || a.GID != nil {
		dropCapability(n)
	}
	if a.Mode != nil {
		n.Mode = n.Mode.Type() | a.Mode.Perm()
	}
	if a.UID != nil {
		n.UID = *a.UID
	}
	if a.GID != nil {
		n.GID = *a.GID
	}
	if a.Atime != nil {
		n.Atime = *a.Atime
	}
	if a.Mtime != nil {
		n.Mtime = *a.Mtime
	}
	if a.Touch {
		n.Atime, n.Mtime = now, now
	}
	n.Ctime = now
	return nil
}

// WriteAt writes a regular file that is already the upper's.
func (f *FS) WriteAt(ino vfs.Ino, p []byte, off int64) (int, error) {
	n, err := f.change(ino)
	switch {
	case err != nil:
		return 0, err
	case n.Mode.IsDir():
		return 0, linux.EISDIR
	case !n.Mode.IsRegular() || off < 0:
		return 0, linux.EINVAL
	case len(p) == 0:
		return 0, nil
	}
	done, err := f.content(n).writeAt(f, p, off)
	if done > 0 {
		dropCapability(n)
		now := f.now()
		n.Mtime, n.Ctime = now, now
	}
	return done, err
}

// dropCapability takes a file's capabilities away, as the kernel does when it is written to or given to
// another owner.
func dropCapability(n *layer.Inode) {
	if _, has := n.Xattrs[layer.CapabilityXattr]; has && !n.Mode.IsDir() {
		n.Xattrs = maps.Clone(n.Xattrs)
		delete(n.Xattrs, layer.CapabilityXattr)
	}
}

// Xattrs are the extended attributes of an inode. They must not be changed. No process of the lab sees
// or sets any: they come with images and archives, and go with them.
func (f *FS) Xattrs(ino vfs.Ino) map[string]string {
	n := f.t.Inode(layer.Ino(ino))
	if n == nil {
		return nil
	}
	return n.Xattrs
}

// SetXattrs gives an inode that is already the upper's extended attributes.
func (f *FS) SetXattrs(ino vfs.Ino, xattrs map[string]string) error {
	n, err := f.change(ino)
	if err == nil {
		n.Xattrs, n.Ctime = xattrs, f.now()
	}
	return err
}

// content gives the content of n, which the caller may change, in a form that can be written to.
func (f *FS) content(n *layer.Inode) *file {
	c, ok := n.Content.(*file)
	switch {
	case !ok:
		c = &file{by: f.t.Mark()}
		if n.Content != nil {
			c.base, c.below, c.size = n.Content, n.Content.Size(), n.Content.Size()
		}
		n.Content = c
	case c.by != f.t.Mark():
		d := *c
		d.by = f.t.Mark()
		c = &d
		n.Content = c
	}
	return c
}

// SetContent makes an empty file of the upper hold c, which is shared and not copied: it costs no
// memory, and takes as much room on the disk as if it had been written.
func (f *FS) SetContent(ino vfs.Ino, c layer.Content) error {
	n, err := f.change(ino)
	switch {
	case err != nil:
		return err
	case !n.Mode.IsRegular() || n.Size() != 0:
		return linux.EINVAL
	}
	if err := f.take(0, pagesOf(c.Size())); err != nil {
		return err
	}
	if _, own := c.(*file); own {
		c = layer.Slice(c, 0, c.Size()) // what it holds is charged to another
	}
	now := f.now()
	n.Content, n.Mtime, n.Ctime = c, now, now
	return nil
}

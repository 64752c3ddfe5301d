package layer

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"path"
	"strings"
	"time"

	"github.com/dockerlab/dockerlab/sim/linux"
)

// unpack makes a layer's own directory of its entries, by the rules by which the engine unpacks a
// layer's tar into it: later entries replace earlier ones except that a directory takes a
// directory's attributes over, symlinks on the way to a name are followed, within the tree.
// Errors are worded as there.
func unpack(es []Entry) (*Tree, error) {
	u := unpacker{Edit: NewTree().Edit(), marks: true}
	return u.all(es)
}

func (u *unpacker) all(es []Entry) (*Tree, error) {
	seen := make(map[string]struct{}, len(es))
	for i := range es {
		e := &es[i]
		seen[e.tarName()] = struct{}{}
		if err := u.add(e); err != nil {
			return nil, err
		}
		if u.marks && len(seen) <= i {
			return nil, errDuplicate
		}
	}
	return u.done(), nil
}

// done ends the unpacking. Times of directories come last: files made in them would change them.
func (u *unpacker) done() *Tree {
	for _, d := range u.times {
		if n := u.Inode(d.dir); n != nil {
			u.Change(d.dir).Mtime = d.mtime
		}
	}
	return u.Freeze()
}

type unpacker struct {
	*Edit
	marks bool // names mean whiteouts, and come once: it is a layer that is unpacked
	times []dirTime
	// The directory of the last entry, which the next one's mostly is as well.
	lastDir  string
	lastIno  Ino
	symlinks bool // there is one, so that lastDir proves nothing
}

type dirTime struct {
	dir   Ino
	mtime time.Time
}

// add unpacks one entry.
func (u *unpacker) add(e *Entry) error {
	if e.Opaque && e.Mode == 0 { // a mark alone; a directory with its mark in one is below
		return u.markOpaque(e.Name)
	}
	if at := strings.LastIndexByte(e.Name, '/') + 1; u.marks && strings.HasPrefix(e.Name[at:], WhiteoutPrefix) {
		// Somebody's file with the name of a mark: once in a layer, it is one.
		if e.Name[at:] == OpaqueName {
			return u.markOpaque(e.Name[:at])
		}
		mark := *e
		mark.Name, mark.Whiteout = e.Name[:at]+e.Name[at+len(WhiteoutPrefix):], true
		e = &mark
	}
	if e.Name == "" || strings.HasSuffix(e.Name, "/") {
		switch {
		case e.Whiteout: // a mark that names nothing
			return fmt.Errorf("failed to mknod(%q, S_IFCHR, 0): file exists", path.Clean("/"+e.Name))
		case e.Mode.IsDir():
			return nil // the root directory has no attributes in a layer
		}
		return fmt.Errorf("unlinkat .//: device or resource busy")
	}
	dirName, name := path.Split(e.Name)
	if len(name) > linux.NAME_MAX || len(e.Name) >= linux.PATH_MAX-1 {
		return u.refuse(e, linux.ENAMETOOLONG)
	}
	dir, err := u.parent(dirName, e)
	if err != nil {
		return u.refuse(e, err)
	}
	old := u.Lookup(dir, name)
	if e.Whiteout {
		if old != 0 {
			return fmt.Errorf("failed to mknod(%q, S_IFCHR, 0): file exists", "/"+e.Name)
		}
		i := u.New(Inode{Mode: linux.S_IFCHR, Nlink: 1, UID: e.UID, GID: e.GID, Mtime: e.ModTime, Ctime: e.ModTime, Atime: e.ModTime})
		u.Put(dir, name, i)
		return nil
	}
	if old != 0 {
		if n := u.Inode(old); n.dir != nil && e.Mode.IsDir() {
			u.attributes(u.Change(old), e)
			u.times = append(u.times, dirTime{old, e.fileTime()})
			return nil
		}
		u.remove(dir, name, old)
	}
	if e.Link != "" {
		return u.link(e, dir, name)
	}
	n := Inode{Mode: e.Mode, Nlink: 1, Rdev: e.Rdev, Target: e.Target, Content: e.Content}
	u.attributes(&n, e)
	i := u.New(n)
	u.Put(dir, name, i)
	switch {
	case e.Mode.IsDir():
		u.times = append(u.times, dirTime{i, e.fileTime()})
	case e.Mode.IsSymlink():
		u.symlinks = true
	}
	return nil
}

func (u *unpacker) attributes(n *Inode, e *Entry) {
	n.Mode, n.UID, n.GID = e.Mode, e.UID, e.GID
	if e.Mode.IsSymlink() {
		n.Mode = linux.S_IFLNK | 0o777
	}
	t := e.fileTime()
	n.Atime, n.Mtime, n.Ctime = t, t, t
	opaque := n.Xattrs[OpaqueXattr]
	n.Xattrs = e.Xattrs
	if e.Opaque {
		opaque = "y"
	}
	if opaque != "" {
		n.Xattrs = withXattr(n.Xattrs, OpaqueXattr, opaque)
	}
}

// fileTime is the time of the file that an entry becomes. The engine sets none from before 1970, nor
// one whose nanoseconds since are more than 64 bits hold, except a symlink's.
func (e *Entry) fileTime() time.Time {
	if !e.Mode.IsSymlink() && (e.ModTime.Before(epoch) || e.ModTime.After(maxTime)) {
		return epoch
	}
	return e.ModTime
}

var epoch, maxTime = time.Unix(0, 0), time.Unix(0, math.MaxInt64)

func withXattr(m map[string]string, k, v string) map[string]string {
	m = maps.Clone(m)
	if m == nil {
		m = map[string]string{}
	}
	m[k] = v
	return m
}

func (u *unpacker) markOpaque(name string) error {
	dir, err := u.walk(name, true, time.Time{})
	if err == linux.ENOTDIR {
		return nil // a file takes the mark, and nobody looks for it there
	}
	if err != nil {
		return fmt.Errorf("setxattr(%q, trusted.overlay.opaque=y): %w", "/"+strings.TrimSuffix(name, "/"), lower(err))
	}
	if dir != u.Root() { // nor on a root
		n := u.Change(dir)
		n.Xattrs = withXattr(n.Xattrs, OpaqueXattr, "y")
	}
	return nil
}

func (u *unpacker) link(e *Entry, dir Ino, name string) error {
	tdir, tname := path.Split(e.Link)
	at, err := u.walk(tdir, false, time.Time{})
	var target Ino
	if err == nil {
		if target = u.Lookup(at, tname); target == 0 {
			err = linux.ENOENT
		} else if u.Inode(target).dir != nil {
			err = linux.EPERM
		}
	}
	if err != nil {
		return fmt.Errorf("link /%s /%s: %w", e.Link, e.Name, lower(err))
	}
	u.Change(target).Nlink++
	u.Put(dir, name, target)
	return nil
}

// remove takes a name away, with all that is below it.
func (u *unpacker) remove(dir Ino, name string, i Ino) {
	n := u.Inode(i)
	u.lastIno = 0
	if n.dir != nil {
		type child struct {
			name string
			ino  Ino
		}
		var kids []child
		for k, v := range u.Names(i) {
			kids = append(kids, child{k, v})
		}
		for _, k := range kids {
			u.remove(i, k.name, k.ino)
		}
	}
	u.Remove(dir, name)
	if n = u.Change(i); n.Nlink > 1 {
		n.Nlink--
	} else {
		u.Drop(i)
	}
}

// parent finds the directory that an entry goes to, and makes what is missing of it.
func (u *unpacker) parent(dir string, e *Entry) (Ino, error) {
	if u.lastIno != 0 && !u.symlinks && dir == u.lastDir {
		return u.lastIno, nil
	}
	i, err := u.walk(dir, true, e.ModTime)
	if err == nil {
		u.lastDir, u.lastIno = dir, i
	}
	return i, err
}

// walk follows a path to a directory, through symlinks within the tree. With create it makes the
// directories that are missing.
func (u *unpacker) walk(p string, create bool, mtime time.Time) (Ino, error) {
	at, links := u.Root(), 0
	rest := 0 // of p, what a symlink's target does not reach
	for p != "" {
		if len(p) <= rest {
			rest = 0
		}
		var name string
		name, p, _ = strings.Cut(p, "/")
		switch name {
		case "", ".":
			continue
		case "..":
			at = u.Parent(at)
			continue
		}
		if len(name) > linux.NAME_MAX {
			return 0, linux.ENAMETOOLONG
		}
		next := u.Lookup(at, name)
		if next == 0 {
			if !create || rest > 0 { // a symlink that leads nowhere is no directory to be made
				return 0, linux.ENOENT
			}
			next = u.New(Inode{Mode: linux.S_IFDIR | 0o755, Atime: mtime, Mtime: mtime, Ctime: mtime})
			u.Put(at, name, next)
		}
		n := u.Inode(next)
		switch {
		case n.Mode.IsSymlink():
			if links++; links > linux.MaxSymlinks {
				return 0, linux.ELOOP
			}
			if len(n.Target)+len(p) > 4*linux.PATH_MAX {
				return 0, linux.ENAMETOOLONG
			}
			if strings.HasPrefix(n.Target, "/") {
				at = u.Root()
			}
			if rest == 0 {
				rest = max(1, len(p))
			}
			p = n.Target + "/" + p
		case n.dir == nil:
			return 0, linux.ENOTDIR
		default:
			at = next
		}
	}
	return at, nil
}

// errDuplicate is what the engine's reader of tars says of a name that comes twice.
var errDuplicate = errors.New("duplicates of file paths not supported")

// tarName is the name of the entry's member in a tar, cleaned.
func (e *Entry) tarName() string {
	switch dir, name := path.Split(e.Name); {
	case e.Whiteout:
		return dir + WhiteoutPrefix + name
	case e.Opaque && e.Mode == 0:
		return path.Join(e.Name, OpaqueName)
	}
	return e.Name
}

// refuse words an error as the system call that the engine would have made for the entry.
func (u *unpacker) refuse(e *Entry, err error) error {
	err = lower(err)
	switch p := "/" + e.Name; {
	case e.Whiteout:
		return fmt.Errorf("failed to mknod(%q, S_IFCHR, 0): %w", p, err)
	case e.Link != "":
		return fmt.Errorf("link /%s %s: %w", e.Link, p, err)
	case e.Mode.IsDir():
		return fmt.Errorf("mkdir %s: %w", p, err)
	case e.Mode.IsSymlink():
		return fmt.Errorf("symlink %s %s: %w", e.Target, p, err)
	case e.Mode.IsRegular():
		return fmt.Errorf("open %s: %w", p, err)
	}
	return err
}

// lower is an errno in Go's words, which have no capital.
func lower(err error) error { return loweredError{err} }

type loweredError struct{ err error }

func (l loweredError) Error() string {
	s := l.err.Error()
	return strings.ToLower(s[:1]) + s[1:]
}

func (l loweredError) Unwrap() error { return l.err }

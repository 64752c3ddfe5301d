package archive

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"github.com/dockerlab/dockerlab/sim/layer"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/unionfs"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// Unpack lays the entries of a tar (compressed or not) into the root directory of v, over what is
// there. The rules are those of the engine's pkg/archive:
//
//   - what stands in the way of an entry is removed, but for a directory where a directory comes,
//     which then gets the entry's owner, mode and time;
//   - directories that no entry names are made, of mode 0755 and root's;
//   - symlinks on the way to an entry are followed, within v's root.
//
// Errors are worded as the engine words them, which unpacks in a process of its own whose root
// directory is v's; one that comes before the first entry is a *HeadError. sums, if not nil, takes
// the checksum of each entry.
func Unpack(r io.Reader, v *vfs.View, l Limits, sums Sums) error {
	r, err := Decompress(r)
	if err != nil {
		return &HeadError{err}
	}
	t := tar.NewReader(&bounded{r, l.Bytes})
	return NewUnpacker(v).all(t, l.Entries, sums)
}

// A HeadError is an archive that cannot be read as far as its first entry.
type HeadError struct{ Err error }

func (e *HeadError) Error() string { return e.Err.Error() }
func (e *HeadError) Unwrap() error { return e.Err }

// An Unpacker lays entries into a view one by one, by the rules of Unpack.
type Unpacker struct {
	v    *vfs.View
	dirs []*tar.Header // whose times are set at the end: what is made in them changes them
}

// NewUnpacker unpacks into the root directory of v.
func NewUnpacker(v *vfs.View) *Unpacker { return &Unpacker{v: v} }

func (u *Unpacker) all(t *tar.Reader, left int, sums Sums) error {
	for first := true; ; first, left = false, left-1 {
		h, err := t.Next()
		switch {
		case err == io.EOF:
			return u.Close()
		case err != nil && first:
			return &HeadError{err}
		case err != nil:
			return err
		}
		if left <= 0 {
			return ErrEntries
		}
		if sums == nil {
			err = u.entry(h, t)
		} else {
			sum := newSum(withoutNames(h))
			body := io.TeeReader(t, sum)
			if err = u.entry(h, body); err == nil {
				err = sums.add(h.Name, sum, body)
			}
		}
		if err != nil {
			return err
		}
	}
}

// Entry lays one entry. content is that of a regular file, nil where it is empty; it is not copied
// where the file system can hold it as it is.
func (u *Unpacker) Entry(h *tar.Header, content layer.Content) error {
	if content == nil {
		return u.entry(h, strings.NewReader(""))
	}
	return u.entry(h, stored{io.NewSectionReader(content, 0, content.Size()), content})
}

// stored is a body that is held already.
type stored struct {
	io.Reader
	content layer.Content
}

// Close sets the times of directories.
func (u *Unpacker) Close() error {
	for _, h := range u.dirs {
		if err := u.times(h, clean(h.Name)); err != nil {
			return err
		}
	}
	return nil
}

func (u *Unpacker) entry(h *tar.Header, body io.Reader) error {
	if h.Typeflag == tar.TypeXGlobalHeader {
		return nil
	}
	name := clean(h.Name)
	if name != "/" {
		parent := path.Dir(name)
		if _, err := u.v.Lstat(parent); err == linux.ENOENT {
			if err := MkdirAll(u.v, parent, 0o755, nil); err != nil {
				return err
			}
		}
	}
	if st, err := u.v.Lstat(name); err == nil {
		if st.Mode.IsDir() && name == "/" {
			return nil
		}
		if !st.Mode.IsDir() || h.Typeflag != tar.TypeDir {
			if err := RemoveAll(u.v, name); err != nil {
				return err
			}
		}
	}
	if err := u.create(h, name, body); err != nil {
		return err
	}
	if h.Typeflag == tar.TypeDir {
		u.dirs = append(u.dirs, h)
	}
	return nil
}

// headerMode is the permission bits of a header's mode.
func headerMode(h *tar.Header) linux.Mode { return linux.Mode(h.Mode) & 0o7777 }

func (u *Unpacker) create(h *tar.Header, name string, body io.Reader) error {
	mode := headerMode(h)
	switch h.Typeflag {
	case tar.TypeDir:
		if st, err := u.v.Lstat(name); err != nil || !st.Mode.IsDir() {
			if err := u.v.Mkdir(name, mode); err != nil {
				return &PathError{"mkdir", name, err}
			}
		}
	case tar.TypeReg:
		w, err := CreateFile(u.v, name, mode)
		if err != nil {
			return &PathError{"open", name, err}
		}
		if _, err := w.ReadFrom(body); err != nil {
			return err
		}
	case tar.TypeBlock:
		return u.mknod(h, name, linux.S_IFBLK)
	case tar.TypeChar:
		return u.mknod(h, name, linux.S_IFCHR)
	case tar.TypeFifo:
		return u.mknod(h, name, linux.S_IFIFO)
	case tar.TypeLink:
		target := clean(h.Linkname)
		if err := u.v.Link(target, name); err != nil {
			return fmt.Errorf("link %s %s: %s", target, name, goText(err))
		}
		if st, err := u.v.Lstat(target); err != nil || st.Mode.IsSymlink() {
			return u.chown(h, name)
		}
	case tar.TypeSymlink:
		if err := u.v.Symlink(h.Linkname, name); err != nil {
			return fmt.Errorf("symlink %s %s: %s", h.Linkname, name, goText(err))
		}
		if err := u.chown(h, name); err != nil {
			return err
		}
		return u.times(h, name)
	default:
		return fmt.Errorf("unhandled tar header type %d", h.Typeflag)
	}
	return u.finish(h, name)
}

func (u *Unpacker) mknod(h *tar.Header, name string, kind linux.Mode) error {
	dev := linux.Mkdev(uint32(h.Devmajor), uint32(h.Devminor))
	if err := u.v.Mknod(name, kind|headerMode(h), dev); err != nil {
		return errors.New(goText(err)) // the engine calls the system bare
	}
	return u.finish(h, name)
}

// finish gives what was made its owner, mode and times, in that order: a change of owner takes
// set-id bits away.
func (u *Unpacker) finish(h *tar.Header, name string) error {
	if err := u.chown(h, name); err != nil {
		return err
	}
	if err := u.v.Chmod(name, headerMode(h)); err != nil {
		return &PathError{"chmod", name, err}
	}
	if err := u.xattrs(h, name); err != nil {
		return &PathError{"lsetxattr", name, err}
	}
	return u.times(h, name)
}

// xattrs gives a file the extended attributes of its header, capabilities say.
func (u *Unpacker) xattrs(h *tar.Header, name string) error {
	xattrs := layer.Xattrs(h)
	if xattrs == nil {
		return nil
	}
	ref, err := u.v.Resolve(name, false)
	if err != nil {
		return err
	}
	if fs, ok := ref.Mount.FS.(*unionfs.FS); ok {
		return fs.SetXattrs(ref.Ino, xattrs)
	}
	return nil
}

func (u *Unpacker) chown(h *tar.Header, name string) error {
	if err := u.v.Chown(name, uint32(h.Uid), uint32(h.Gid), false); err != nil {
		return &PathError{"lchown", name, err}
	}
	return nil
}

func (u *Unpacker) times(h *tar.Header, name string) error {
	at := h.AccessTime
	if at.Before(h.ModTime) {
		at = h.ModTime
	}
	mt := h.ModTime
	for _, t := range []*time.Time{&at, &mt} {
		if t.Unix() < 0 {
			*t = time.Unix(0, 0)
		}
	}
	if err := u.v.Utimes(name, &at, &mt, h.Typeflag != tar.TypeSymlink, false); err != nil {
		return &PathError{"chtimes", name, err}
	}
	return nil
}

// File writes a regular file from its beginning.
type File struct {
	Ref vfs.Ref
	off int64
}

// CreateFile makes a file that is not there yet, a new name in an existing directory.
func CreateFile(v *vfs.View, name string, mode linux.Mode) (*File, error) {
	r, _, err := v.ResolveParent(name)
	if err != nil {
		return nil, err
	}
	if r, err = v.Create(r, vfs.Node{Mode: linux.S_IFREG | mode}); err != nil {
		return nil, err
	}
	return &File{Ref: r}, nil
}

// Write appends p.
func (f *File) Write(p []byte) (int, error) {
	done := 0
	for done < len(p) {
		n, err := f.Ref.Mount.FS.WriteAt(f.Ref.Ino, p[done:], f.off)
		done += n
		f.off += int64(n)
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

// ReadFrom appends what r holds. What is held already as a whole is taken as it is, without a copy.
func (f *File) ReadFrom(r io.Reader) (total int64, err error) {
	if s, ok := r.(stored); ok && f.off == 0 {
		if fs, ok := f.Ref.Mount.FS.(contentSetter); ok {
			return s.content.Size(), fs.SetContent(f.Ref.Ino, s.content)
		}
	}
	buf := make([]byte, 64<<10)
	for {
		n, err := r.Read(buf)
		if _, err := f.Write(buf[:n]); err != nil {
			return total, err
		}
		total += int64(n)
		if err == io.EOF {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}

// contentSetter is a file system that can share content, as unionfs can.
type contentSetter interface {
	SetContent(ino vfs.Ino, c layer.Content) error
}

// Owner is whom new directories are given to.
type Owner struct{ UID, GID uint32 }

// MkdirAll makes a directory and what is missing above it. The new ones have mode and, unless owner
// is nil, that owner.
func MkdirAll(v *vfs.View, dir string, mode linux.Mode, owner *Owner) error {
	if st, err := v.Stat(dir); err == nil {
		if st.Mode.IsDir() {
			return nil
		}
		return &PathError{"mkdir", dir, linux.ENOTDIR}
	}
	var missing []string
	for p := path.Clean(dir); p != "/"; p = path.Dir(p) {
		st, err := v.Stat(p)
		if err == nil {
			if !st.Mode.IsDir() {
				return &PathError{"mkdir", p, linux.ENOTDIR}
			}
			break
		}
		if err != linux.ENOENT && err != linux.ENOTDIR {
			return &PathError{"mkdir", p, err}
		}
		missing = append(missing, p)
	}
	for i := len(missing) - 1; i >= 0; i-- {
		p := missing[i]
		if err := v.Mkdir(p, mode); err != nil {
			return &PathError{"mkdir", p, err}
		}
		if owner != nil {
			if err := v.Chown(p, owner.UID, owner.GID, true); err != nil {
				return &PathError{"chown", p, err}
			}
		}
	}
	return nil
}

// RemoveAll removes what is at a path, and all that is in it. It does not recurse: how deep a tree
// is nested is not ours to choose.
func RemoveAll(v *vfs.View, name string) error {
	stack := []string{name}
	for len(stack) > 0 {
		p := stack[len(stack)-1]
		st, err := v.Lstat(p)
		if err == linux.ENOENT {
			stack = stack[:len(stack)-1]
			continue
		}
		if err != nil {
			return &PathError{"unlinkat", p, err}
		}
		if !st.Mode.IsDir() {
			if err := v.Unlink(p); err != nil {
				return &PathError{"unlinkat", p, err}
			}
			stack = stack[:len(stack)-1]
			continue
		}
		list, err := v.ReadDir(p)
		if err != nil {
			return &PathError{"open", p, err}
		}
		if len(list) == 0 {
			if err := v.Rmdir(p); err != nil {
				return &PathError{"unlinkat", p, err}
			}
			stack = stack[:len(stack)-1]
			continue
		}
		for _, e := range list {
			stack = append(stack, path.Join(p, e.Name))
		}
	}
	return nil
}

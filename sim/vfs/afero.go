package vfs

import (
	"io"
	"io/fs"
	"os"
	"path"
	"time"

	"github.com/spf13/afero"

	"github.com/dockerlab/dockerlab/sim/linux"
)

// Afero is the view as an afero.Fs, for code that knows files by that interface: it has symlinks
// (afero.Symlinker, afero.Lstater), owners, modes and permission checks, and its errors are
// *fs.PathErrors around linux.Errno values. It is used inside the kernel, as the view is.
func (v *View) Afero() afero.Fs { return aferoFs{v} }

type aferoFs struct{ v *View }

var (
	_ afero.Fs        = aferoFs{}
	_ afero.Symlinker = aferoFs{}
)

func pathErr(op, name string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: name, Err: err}
}

func (a aferoFs) Name() string { return "vfs" }

func (a aferoFs) Create(name string) (afero.File, error) {
	return a.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o666)
}

func (a aferoFs) Open(name string) (afero.File, error) { return a.OpenFile(name, os.O_RDONLY, 0) }

func (a aferoFs) OpenFile(name string, flag int, perm fs.FileMode) (afero.File, error) {
	f, err := a.open(name, flag, perm)
	if err != nil {
		return nil, pathErr("open", name, err)
	}
	return f, nil
}

func (a aferoFs) open(name string, flag int, perm fs.FileMode) (*aferoFile, error) {
	var r Ref
	var err error
	made := false
	if flag&os.O_CREATE != 0 {
		var slash bool
		if flag&os.O_EXCL != 0 {
			r, slash, err = a.v.ResolveParent(name)
		} else {
			r, slash, err = a.v.ResolveCreate(name)
		}
		switch {
		case err != nil:
			return nil, err
		case slash:
			return nil, linux.EISDIR
		case r.Ino != 0 && flag&os.O_EXCL != 0:
			return nil, linux.EEXIST
		}
		if r.Ino == 0 {
			if r, err = a.v.Create(r, Node{Mode: linux.S_IFREG | linux.ModeOf(perm).Perm()}); err != nil {
				return nil, err
			}
			made = true
		}
	} else if r, err = a.v.Resolve(name, true); err != nil {
		return nil, err
	}
	if r.Opened != nil {
		return nil, linux.ENXIO
	}
	if !made {
		if r, err = a.v.mayOpen(r, flag); err != nil {
			return nil, err
		}
	}
	r.Mount.FS.Pin(r.Ino)
	return &aferoFile{v: a.v, name: name, ref: r, flag: flag}, nil
}

// mayOpen judges whether what is at r may be opened, and copies it up and truncates it as flag says.
func (v *View) mayOpen(r Ref, flag int) (Ref, error) {
	st, err := r.Stat()
	if err != nil {
		return r, err
	}
	write := flag&(os.O_WRONLY|os.O_RDWR|os.O_TRUNC) != 0
	want := 0
	if flag&os.O_WRONLY == 0 {
		want |= linux.R_OK
	}
	if write {
		want |= linux.W_OK
	}
	switch {
	case write && st.Mode.IsDir():
		return r, linux.EISDIR
	case !v.Cred.May(&st, want):
		return r, linux.EACCES
	case !st.Mode.IsDir() && !st.Mode.IsRegular():
		return r, linux.ENXIO
	case !write:
		return r, nil
	}
	if r, err = r.CopyUp(); err != nil {
		return r, err
	}
	if flag&os.O_TRUNC != 0 {
		var zero int64
		err = r.Mount.FS.SetAttr(r.Ino, Attr{Size: &zero})
	}
	return r, err
}

func (a aferoFs) Mkdir(name string, perm fs.FileMode) error {
	return pathErr("mkdir", name, a.v.Mkdir(name, linux.ModeOf(perm).Perm()))
}

func (a aferoFs) MkdirAll(name string, perm fs.FileMode) error {
	if st, err := a.v.Stat(name); err == nil {
		if st.Mode.IsDir() {
			return nil
		}
		return pathErr("mkdir", name, linux.ENOTDIR)
	}
	if up := path.Dir(path.Clean(name)); up != name && up != "." {
		if err := a.MkdirAll(up, perm); err != nil {
			return err
		}
	}
	err := a.v.Mkdir(name, linux.ModeOf(perm).Perm())
	if err == linux.EEXIST {
		err = nil
	}
	return pathErr("mkdir", name, err)
}

func (a aferoFs) Remove(name string) error {
	err := a.v.Unlink(name)
	if err == linux.EISDIR {
		err = a.v.Rmdir(name)
	}
	return pathErr("remove", name, err)
}

func (a aferoFs) RemoveAll(name string) error {
	st, err := a.v.Lstat(name)
	if err == linux.ENOENT {
		return nil
	}
	if err != nil {
		return pathErr("unlinkat", name, err)
	}
	if st.Mode.IsDir() {
		es, err := a.v.ReadDir(name)
		if err != nil {
			return pathErr("unlinkat", name, err)
		}
		for _, e := range es {
			if err := a.RemoveAll(path.Join(name, e.Name)); err != nil {
				return err
			}
		}
	}
	return a.Remove(name)
}

func (a aferoFs) Rename(old, name string) error {
	if err := a.v.Rename(old, name); err != nil {
		return &os.LinkError{Op: "rename", Old: old, New: name, Err: err}
	}
	return nil
}

func (a aferoFs) Stat(name string) (fs.FileInfo, error) {
	st, err := a.v.Stat(name)
	if err != nil {
		return nil, pathErr("stat", name, err)
	}
	return FileInfo{path.Base(name), st}, nil
}

func (a aferoFs) LstatIfPossible(name string) (fs.FileInfo, bool, error) {
	st, err := a.v.Lstat(name)
	if err != nil {
		return nil, true, pathErr("lstat", name, err)
	}
	return FileInfo{path.Base(name), st}, true, nil
}

func (a aferoFs) SymlinkIfPossible(old, name string) error {
	if err := a.v.Symlink(old, name); err != nil {
		return &os.LinkError{Op: "symlink", Old: old, New: name, Err: err}
	}
	return nil
}

func (a aferoFs) ReadlinkIfPossible(name string) (string, error) {
	s, err := a.v.Readlink(name)
	return s, pathErr("readlink", name, err)
}

func (a aferoFs) Chmod(name string, mode fs.FileMode) error {
	return pathErr("chmod", name, a.v.Chmod(name, linux.ModeOf(mode).Perm()))
}

func (a aferoFs) Chown(name string, uid, gid int) error {
	return pathErr("chown", name, a.v.Chown(name, uint32(uid), uint32(gid), true))
}

func (a aferoFs) Chtimes(name string, atime, mtime time.Time) error {
	return pathErr("chtimes", name, a.v.Utimes(name, &atime, &mtime, true, false))
}

// FileInfo is a Stat as Go's fs.FileInfo; Sys gives the Stat.
type FileInfo struct {
	name string
	st   Stat
}

func (i FileInfo) Name() string       { return i.name }
func (i FileInfo) Size() int64        { return i.st.Size }
func (i FileInfo) Mode() fs.FileMode  { return i.st.Mode.FileMode() }
func (i FileInfo) ModTime() time.Time { return i.st.Mtime }
func (i FileInfo) IsDir() bool        { return i.st.Mode.IsDir() }
func (i FileInfo) Sys() any           { return i.st }

type aferoFile struct {
	v      *View
	name   string
	ref    Ref
	flag   int
	pos    int64
	dir    []fs.FileInfo
	listed bool
	closed bool
}

func (f *aferoFile) Name() string { return f.name }

func (f *aferoFile) Close() error {
	if f.closed {
		return pathErr("close", f.name, fs.ErrClosed)
	}
	f.closed = true
	f.ref.Mount.FS.Unpin(f.ref.Ino)
	return nil
}

func (f *aferoFile) Read(b []byte) (int, error) {
	n, err := f.ReadAt(b, f.pos)
	f.pos += int64(n)
	if n > 0 && err == io.EOF {
		err = nil
	}
	return n, err
}

func (f *aferoFile) ReadAt(b []byte, off int64) (int, error) {
	switch {
	case f.closed:
		return 0, pathErr("read", f.name, fs.ErrClosed)
	case f.flag&os.O_WRONLY != 0:
		return 0, pathErr("read", f.name, linux.EBADF)
	case off < 0:
		return 0, pathErr("read", f.name, linux.EINVAL)
	case len(b) == 0:
		return 0, nil
	}
	n, err := f.ref.Mount.FS.ReadAt(f.ref.Ino, b, off)
	if err == io.EOF {
		return n, err
	}
	return n, pathErr("read", f.name, err)
}

func (f *aferoFile) Write(b []byte) (int, error) {
	if f.flag&os.O_APPEND != 0 {
		st, err := f.ref.Mount.FS.Stat(f.ref.Ino)
		if err != nil {
			return 0, pathErr("write", f.name, err)
		}
		f.pos = st.Size
	}
	n, err := f.WriteAt(b, f.pos)
	f.pos += int64(n)
	return n, err
}

func (f *aferoFile) WriteAt(b []byte, off int64) (int, error) {
	switch {
	case f.closed:
		return 0, pathErr("write", f.name, fs.ErrClosed)
	case f.flag&(os.O_WRONLY|os.O_RDWR) == 0:
		return 0, pathErr("write", f.name, linux.EBADF)
	}
	done := 0
	for done < len(b) {
		n, err := f.ref.Mount.FS.WriteAt(f.ref.Ino, b[done:], off+int64(done))
		done += n
		if err != nil {
			return done, pathErr("write", f.name, err)
		}
	}
	return done, nil
}

func (f *aferoFile) WriteString(s string) (int, error) { return f.Write([]byte(s)) }

func (f *aferoFile) Seek(off int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		off += f.pos
	case io.SeekEnd:
		st, err := f.ref.Mount.FS.Stat(f.ref.Ino)
		if err != nil {
			return 0, pathErr("seek", f.name, err)
		}
		off += st.Size
	}
	if off < 0 {
		return 0, pathErr("seek", f.name, linux.EINVAL)
	}
	f.pos = off
	if off == 0 {
		f.listed = false
	}
	return off, nil
}

func (f *aferoFile) Stat() (fs.FileInfo, error) {
	if f.closed {
		return nil, pathErr("stat", f.name, fs.ErrClosed)
	}
	st, err := f.ref.Stat()
	if err != nil {
		return nil, pathErr("stat", f.name, err)
	}
	return FileInfo{path.Base(f.name), st}, nil
}

func (f *aferoFile) Readdir(count int) ([]fs.FileInfo, error) {
	if !f.listed {
		st, err := f.ref.Stat()
		if err != nil || !st.Mode.IsDir() {
			return nil, pathErr("readdirent", f.name, linux.ENOTDIR)
		}
		es, err := f.v.List(f.ref)
		if err != nil {
			return nil, pathErr("readdirent", f.name, err)
		}
		f.dir, f.listed = nil, true
		for _, e := range es {
			if st, err := f.ref.Mount.FS.Stat(e.Ino); err == nil {
				f.dir = append(f.dir, FileInfo{e.Name, st})
			}
		}
	}
	if count <= 0 {
		out := f.dir
		f.dir = nil
		return out, nil
	}
	if len(f.dir) == 0 {
		return nil, io.EOF
	}
	out := f.dir[:min(count, len(f.dir))]
	f.dir = f.dir[len(out):]
	return out, nil
}

func (f *aferoFile) Readdirnames(count int) ([]string, error) {
	is, err := f.Readdir(count)
	var out []string
	for _, i := range is {
		out = append(out, i.Name())
	}
	return out, err
}

func (f *aferoFile) Sync() error { return nil }

func (f *aferoFile) Truncate(size int64) error {
	switch {
	case f.closed:
		return pathErr("truncate", f.name, fs.ErrClosed)
	case f.flag&(os.O_WRONLY|os.O_RDWR) == 0 || size < 0:
		return pathErr("truncate", f.name, linux.EINVAL)
	}
	return pathErr("truncate", f.name, f.ref.Mount.FS.SetAttr(f.ref.Ino, Attr{Size: &size}))
}

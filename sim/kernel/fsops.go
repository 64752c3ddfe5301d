package kernel

import (
	"time"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// The calls that name files by path go to the process's View, and cost a few steps each.

const pathCost = 5

// Stat is stat(2), Lstat lstat(2).
func (p *Proc) Stat(path string) (vfs.Stat, error)  { p.Step(pathCost); return p.view.Stat(path) }
func (p *Proc) Lstat(path string) (vfs.Stat, error) { p.Step(pathCost); return p.view.Lstat(path) }

// ReadDir lists a directory without "." and "..".
func (p *Proc) ReadDir(path string) ([]vfs.Dirent, error) {
	p.Step(pathCost)
	es, err := p.view.ReadDir(path)
	p.Step(len(es) / 4)
	return es, err
}

// Readlink is readlink(2).
func (p *Proc) Readlink(path string) (string, error) { p.Step(pathCost); return p.view.Readlink(path) }

// Mkdir is mkdir(2); the umask is applied.
func (p *Proc) Mkdir(path string, perm linux.Mode) error {
	p.Step(pathCost)
	return p.view.Mkdir(path, perm)
}

// Rmdir, Unlink and Rename are the calls of their names.
func (p *Proc) Rmdir(path string) error         { p.Step(pathCost); return p.view.Rmdir(path) }
func (p *Proc) Unlink(path string) error        { p.Step(pathCost); return p.view.Unlink(path) }
func (p *Proc) Rename(old, path string) error   { p.Step(pathCost); return p.view.Rename(old, path) }
func (p *Proc) Link(old, path string) error     { p.Step(pathCost); return p.view.Link(old, path) }
func (p *Proc) Symlink(to, path string) error   { p.Step(pathCost); return p.view.Symlink(to, path) }
func (p *Proc) Access(path string, m int) error { p.Step(pathCost); return p.view.Access(path, m) }

// Mknod is mknod(2): mode carries the type.
func (p *Proc) Mknod(path string, mode linux.Mode, dev linux.Dev) error {
	p.Step(pathCost)
	return p.view.Mknod(path, mode, dev)
}

// Mkfifo makes a named pipe.
func (p *Proc) Mkfifo(path string, perm linux.Mode) error {
	return p.Mknod(path, linux.S_IFIFO|perm.Perm(), 0)
}

// Chmod is chmod(2).
func (p *Proc) Chmod(path string, perm linux.Mode) error {
	p.Step(pathCost)
	return p.view.Chmod(path, perm)
}

// Chown is chown(2), Lchown lchown(2); vfs.NoID leaves an identity as it is.
func (p *Proc) Chown(path string, uid, gid uint32) error {
	p.Step(pathCost)
	return p.view.Chown(path, uid, gid, true)
}

// Lchown does not follow a symlink at the end of path.
func (p *Proc) Lchown(path string, uid, gid uint32) error {
	p.Step(pathCost)
	return p.view.Chown(path, uid, gid, false)
}

// Utimes sets the times of a file: nil leaves one. Touch sets both to now.
func (p *Proc) Utimes(path string, atime, mtime *time.Time, nofollow bool) error {
	p.Step(pathCost)
	return p.view.Utimes(path, atime, mtime, !nofollow, false)
}

// Touch sets both times of a file to the current one.
func (p *Proc) Touch(path string, nofollow bool) error {
	p.Step(pathCost)
	now := p.Now()
	return p.view.Utimes(path, &now, &now, !nofollow, true)
}

// Truncate is truncate(2).
func (p *Proc) Truncate(path string, size int64) error {
	p.Step(pathCost)
	return p.view.Truncate(path, size)
}

// Chdir and Getwd are the working directory; Chroot the root.
func (p *Proc) Chdir(path string) error  { p.Step(pathCost); return p.view.Chdir(path) }
func (p *Proc) Getwd() (string, error)   { p.Step(pathCost); return p.view.Getwd() }
func (p *Proc) Chroot(path string) error { p.Step(pathCost); return p.view.Chroot(path) }

// Fchdir goes to an open directory.
func (p *Proc) Fchdir(fd int) error {
	f, err := p.file(fd)
	if err != nil {
		return err
	}
	if _, ok := f.ops.(*directory); !ok {
		return linux.ENOTDIR
	}
	return p.view.ChdirTo(f.ref)
}

// Umask sets the mask and gives the old one.
func (p *Proc) Umask(mask linux.Mode) (old linux.Mode) {
	old, p.view.Umask = p.view.Umask, mask&0o777
	return old
}

// Statfs describes the file system that path is on.
func (p *Proc) Statfs(path string) (vfs.Statfs, error) {
	p.Step(pathCost)
	r, err := p.view.Resolve(path, true)
	if err != nil || r.Mount == nil {
		return vfs.Statfs{}, err
	}
	return r.Mount.FS.Statfs(), nil
}

// MountOf is the mount that path is on.
func (p *Proc) MountOf(path string) (*vfs.Mount, error) {
	r, err := p.view.Resolve(path, true)
	if err != nil {
		return nil, err
	}
	return r.Mount, nil
}

// Mounts lists the mounts that the process sees.
func (p *Proc) Mounts() []*vfs.Mount { return p.view.NS.Mounts() }

// Fstat describes an open file.
func (p *Proc) Fstat(fd int) (vfs.Stat, error) {
	p.Step(1)
	f, err := p.file(fd)
	if err != nil {
		return vfs.Stat{}, err
	}
	return f.Stat()
}

// FReadDir lists an open directory.
func (p *Proc) FReadDir(fd int) ([]vfs.Dirent, error) {
	f, err := p.file(fd)
	if err != nil {
		return nil, err
	}
	if _, ok := f.ops.(*directory); !ok {
		return nil, linux.ENOTDIR
	}
	es, err := p.view.List(f.ref)
	p.Step(1 + len(es)/4)
	return es, err
}

// Ftruncate is ftruncate(2). EINVAL for what is not open for writing.
func (p *Proc) Ftruncate(fd int, size int64) error {
	p.Step(1)
	f, err := p.file(fd)
	if err != nil {
		return err
	}
	r, ok := f.ops.(*regular)
	if !ok || !f.writable() || size < 0 {
		return linux.EINVAL
	}
	st, err := r.ref.Stat()
	if err != nil {
		return err
	}
	return r.ref.Mount.FS.SetAttr(r.ref.Ino, p.view.Resized(st, size))
}

// Fchmod, Fchown and Futimes change an open file's inode.
func (p *Proc) Fchmod(fd int, perm linux.Mode) error {
	f, err := p.place(fd)
	if err != nil {
		return err
	}
	return p.view.ChmodRef(f, perm)
}

// Fchown is fchown(2).
func (p *Proc) Fchown(fd int, uid, gid uint32) error {
	f, err := p.place(fd)
	if err != nil {
		return err
	}
	return p.view.ChownRef(f, uid, gid)
}

// Futimes is futimens(2).
func (p *Proc) Futimes(fd int, atime, mtime *time.Time) error {
	f, err := p.place(fd)
	if err != nil {
		return err
	}
	return p.view.UtimesRef(f, atime, mtime, false)
}

// Fsync has nothing to do: what is written is there.
func (p *Proc) Fsync(fd int) error {
	p.Step(1)
	_, err := p.file(fd)
	return err
}

// place is where an open file stands, as far as it stands anywhere.
func (p *Proc) place(fd int) (vfs.Ref, error) {
	p.Step(pathCost)
	f, err := p.file(fd)
	if err != nil {
		return vfs.Ref{}, err
	}
	if f.ref.Mount == nil {
		return vfs.Ref{Opened: f}, nil
	}
	f.ref = f.ref.Current()
	return f.ref, nil
}

// Operations of Flock.
const (
	LOCK_SH = 1
	LOCK_EX = 2
	LOCK_NB = 4
	LOCK_UN = 8
)

type flockState struct{ table *flockTable }

type flockTable struct {
	holders map[*File]int
	changed queue
}

// Flock is flock(2): EAGAIN with LOCK_NB where another holds it.
func (p *Proc) Flock(fd, how int) error {
	p.Step(1)
	f, err := p.file(fd)
	if err != nil {
		return err
	}
	st, err := f.Stat()
	if err != nil {
		return err
	}
	key := flockKey{st.Dev, st.Ino}
	tab := p.box.flocks()[key]
	if how&LOCK_UN != 0 {
		f.locks.release(f)
		return nil
	}
	if tab == nil {
		tab = &flockTable{holders: map[*File]int{}}
		p.box.flocks()[key] = tab
	}
	for {
		free := true
		for o, held := range tab.holders {
			if o != f && (held == LOCK_EX || how&LOCK_EX != 0) {
				free = false
			}
		}
		if free {
			tab.holders[f] = how & (LOCK_SH | LOCK_EX)
			f.locks.table = tab
			return nil
		}
		if how&LOCK_NB != 0 {
			return linux.EAGAIN
		}
		if err := p.task.wait(&tab.changed); err != nil {
			return err
		}
	}
}

func (l *flockState) release(f *File) {
	if l.table != nil {
		delete(l.table.holders, f)
		l.table.changed.wakeAll()
		l.table = nil
	}
}

type flockKey struct {
	dev linux.Dev
	ino vfs.Ino
}

func (s *Sandbox) flocks() map[flockKey]*flockTable {
	if s.flockTab == nil {
		s.flockTab = map[flockKey]*flockTable{}
	}
	return s.flockTab
}

// Mount and Unmount change the process's mounts. EPERM without CapSysAdmin.
func (p *Proc) Mount(path string, m *vfs.Mount) error {
	if !p.view.Cred.Has(vfs.CapSysAdmin) {
		return linux.EPERM
	}
	r, err := p.view.Resolve(path, true)
	if err != nil {
		return err
	}
	if full, ok := p.view.PathOf(r); ok {
		path = full
	}
	return p.view.NS.MountAt(r, path, m)
}

// MountTmpfs mounts an empty file system in memory at path; size is in bytes, 0 for no bound.
// ENODEV where the sandbox has none to give.
func (p *Proc) MountTmpfs(path, source, options string, size int64) error {
	if !p.view.Cred.Has(vfs.CapSysAdmin) {
		return linux.EPERM
	}
	if p.box.cfg.MakeTmpfs == nil {
		return linux.ENODEV
	}
	return p.Mount(path, &vfs.Mount{FS: p.box.cfg.MakeTmpfs(size), Source: source, Options: options})
}

// Unmount takes away the mount at path.
func (p *Proc) Unmount(path string) error {
	if !p.view.Cred.Has(vfs.CapSysAdmin) {
		return linux.EPERM
	}
	return p.view.NS.Unmount(path)
}

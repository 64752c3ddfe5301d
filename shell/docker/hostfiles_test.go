package docker

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// hostFiles are the real files below a directory, which stands for the lab's root.
type hostFiles string

func (h hostFiles) at(name string) string { return filepath.Join(string(h), name) }

// fix puts the lab's name into an error.
func (h hostFiles) fix(err error, name string) error {
	switch e := err.(type) {
	case *fs.PathError:
		return &fs.PathError{Op: e.Op, Path: name, Err: e.Err}
	case *os.LinkError:
		return &fs.PathError{Op: e.Op, Path: name, Err: e.Err}
	}
	return err
}

func (h hostFiles) Open(name string) (io.ReadCloser, error) {
	f, err := os.Open(h.at(name))
	if err != nil {
		return nil, h.fix(err, name)
	}
	return f, nil
}

func (h hostFiles) Create(name string, perm fs.FileMode) (io.WriteCloser, error) {
	f, err := os.OpenFile(h.at(name), os.O_RDWR|os.O_CREATE|os.O_TRUNC, perm)
	if err != nil {
		return nil, h.fix(err, name)
	}
	return f, nil
}

func (h hostFiles) info(fi fs.FileInfo, err error, name string) (FileInfo, error) {
	if err != nil {
		return FileInfo{}, h.fix(err, name)
	}
	st := fi.Sys().(*syscall.Stat_t)
	return FileInfo{
		Name: fi.Name(), Mode: fi.Mode(), Size: fi.Size(), ModTime: fi.ModTime(),
		UID: int(st.Uid), GID: int(st.Gid), Ino: st.Ino, Nlink: uint64(st.Nlink),
		Major: int64(unix.Major(st.Rdev)), Minor: int64(unix.Minor(st.Rdev)),
	}, nil
}

func (h hostFiles) Stat(name string) (FileInfo, error) {
	fi, err := os.Stat(h.at(name))
	return h.info(fi, err, name)
}

func (h hostFiles) Lstat(name string) (FileInfo, error) {
	fi, err := os.Lstat(h.at(name))
	return h.info(fi, err, name)
}

func (h hostFiles) ReadDir(name string) ([]string, error) {
	entries, err := os.ReadDir(h.at(name))
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	sort.Strings(names)
	return names, h.fix(err, name)
}

func (h hostFiles) Readlink(name string) (string, error) {
	target, err := os.Readlink(h.at(name))
	return target, h.fix(err, name)
}

func (h hostFiles) Mkdir(name string, perm fs.FileMode) error {
	return h.fix(os.Mkdir(h.at(name), perm), name)
}
func (h hostFiles) Symlink(target, name string) error {
	return h.fix(os.Symlink(target, h.at(name)), name)
}
func (h hostFiles) Link(old, name string) error { return h.fix(os.Link(h.at(old), h.at(name)), name) }
func (h hostFiles) Rename(old, name string) error {
	return h.fix(os.Rename(h.at(old), h.at(name)), name)
}
func (h hostFiles) Remove(name string) error { return h.fix(os.Remove(h.at(name)), name) }
func (h hostFiles) Chmod(name string, mode fs.FileMode) error {
	return h.fix(os.Chmod(h.at(name), mode), name)
}
func (h hostFiles) Chtimes(name string, t time.Time) error {
	ts := unix.NsecToTimespec(t.UnixNano())
	return h.fix(unix.UtimesNanoAt(unix.AT_FDCWD, h.at(name), []unix.Timespec{ts, ts}, unix.AT_SYMLINK_NOFOLLOW), name)
}

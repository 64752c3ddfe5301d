package shell

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/afero"

	"github.com/dockerlab/dockerlab/shell/docker"
	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// labFiles are the files that the docker process sees, for the client that runs outside of the
// kernel: each call enters it. The process's own root, user and umask apply.
type labFiles struct{ o *kernel.Outside }

var _ docker.Files = labFiles{}

// goErrno is a linux.Errno in the words of Go's package syscall, which docker/cli's messages
// carry: without a capital.
type goErrno struct{ linux.Errno }

func (e goErrno) Error() string {
	text := e.Errno.Error()
	return strings.ToLower(text[:1]) + text[1:]
}

func (e goErrno) Unwrap() error { return e.Errno }

// pathError makes an error as package os has it.
func pathError(op, name string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	var inner *fs.PathError
	if errors.As(err, &inner) {
		err = inner.Err
	}
	if errno, ok := err.(linux.Errno); ok {
		err = goErrno{errno}
	}
	return &fs.PathError{Op: op, Path: name, Err: err}
}

// do runs f with the process's afero.Fs, inside the kernel.
func (l labFiles) do(op, name string, f func(a afero.Fs) error) error {
	var err error
	l.o.Do(func(v *vfs.View) { err = f(v.Afero()) })
	return pathError(op, name, err)
}

// descriptor finds names that stand for an open descriptor of the process.
var descriptor = regexp.MustCompile(`^/(?:dev/fd|proc/self/fd)/(\d+)$|^/dev/(stdin)$`)

func (l labFiles) Open(name string) (io.ReadCloser, error) {
	if m := descriptor.FindStringSubmatch(name); m != nil {
		fd, _ := strconv.Atoi(m[1]) // stdin is 0
		return l.o.Reader(fd), nil
	}
	var file afero.File
	err := l.do("open", name, func(a afero.Fs) (err error) {
		file, err = a.Open(name)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &labFile{l, name, file}, nil
}

func (l labFiles) Create(name string, perm fs.FileMode) (io.WriteCloser, error) {
	var file afero.File
	err := l.do("open", name, func(a afero.Fs) (err error) {
		file, err = a.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, perm)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &labFile{l, name, file}, nil
}

// labFile is an open file whose every call enters the kernel.
type labFile struct {
	l    labFiles
	name string
	file afero.File
}

func (f *labFile) Read(p []byte) (n int, err error) {
	err = f.l.do("read", f.name, func(afero.Fs) (err error) { n, err = f.file.Read(p); return err })
	return n, err
}

func (f *labFile) Write(p []byte) (n int, err error) {
	err = f.l.do("write", f.name, func(afero.Fs) (err error) { n, err = f.file.Write(p); return err })
	return n, err
}

func (f *labFile) Close() error {
	return f.l.do("close", f.name, func(afero.Fs) error { return f.file.Close() })
}

// stat describes a file by the kernel's own call, which knows more than an fs.FileInfo.
func (l labFiles) stat(op, name string, follow bool) (docker.FileInfo, error) {
	var st vfs.Stat
	var err error
	l.o.Do(func(v *vfs.View) {
		if follow {
			st, err = v.Stat(name)
		} else {
			st, err = v.Lstat(name)
		}
	})
	if err != nil {
		return docker.FileInfo{}, pathError(op, name, err)
	}
	return docker.FileInfo{
		Name: name[strings.LastIndexByte(name, '/')+1:], Mode: st.Mode.FileMode(), Size: st.Size, ModTime: st.Mtime,
		UID: int(st.UID), GID: int(st.GID), Ino: uint64(st.Ino), Nlink: uint64(st.Nlink),
		Major: int64(st.Rdev.Major()), Minor: int64(st.Rdev.Minor()),
	}, nil
}

func (l labFiles) Stat(name string) (docker.FileInfo, error)  { return l.stat("stat", name, true) }
func (l labFiles) Lstat(name string) (docker.FileInfo, error) { return l.stat("lstat", name, false) }

func (l labFiles) ReadDir(name string) ([]string, error) {
	var names []string
	var err error
	l.o.Do(func(v *vfs.View) {
		var entries []vfs.Dirent
		entries, err = v.ReadDir(name)
		for _, e := range entries {
			names = append(names, e.Name)
		}
	})
	return names, pathError("open", name, err)
}

func (l labFiles) Readlink(name string) (target string, err error) {
	l.o.Do(func(v *vfs.View) { target, err = v.Readlink(name) })
	return target, pathError("readlink", name, err)
}

// view calls f with the process's view of the files.
func (l labFiles) view(op, name string, f func(v *vfs.View) error) error {
	var err error
	l.o.Do(func(v *vfs.View) { err = f(v) })
	return pathError(op, name, err)
}

func (l labFiles) Mkdir(name string, perm fs.FileMode) error {
	return l.view("mkdir", name, func(v *vfs.View) error { return v.Mkdir(name, linux.ModeOf(perm).Perm()) })
}

func (l labFiles) Symlink(target, name string) error {
	return l.view("symlink", name, func(v *vfs.View) error { return v.Symlink(target, name) })
}

func (l labFiles) Link(old, name string) error {
	return l.view("link", name, func(v *vfs.View) error { return v.Link(old, name) })
}

func (l labFiles) Rename(old, name string) error {
	return l.view("rename", old, func(v *vfs.View) error { return v.Rename(old, name) })
}

func (l labFiles) Remove(name string) error {
	return l.view("remove", name, func(v *vfs.View) error {
		err := v.Unlink(name)
		if err == linux.EISDIR {
			err = v.Rmdir(name)
		}
		return err
	})
}

func (l labFiles) Chmod(name string, mode fs.FileMode) error {
	return l.view("chmod", name, func(v *vfs.View) error { return v.Chmod(name, linux.ModeOf(mode).Perm()) })
}

func (l labFiles) Chtimes(name string, mtime time.Time) error {
	return l.view("chtimes", name, func(v *vfs.View) error { return v.Utimes(name, &mtime, &mtime, false, false) })
}

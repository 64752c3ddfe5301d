package docker

import (
	"errors"
	"io"
	"io/fs"
	"path"
	"strings"
	"syscall"
	"time"
)

// Files are the files that a command line can name. Names are absolute and slash-separated.
// Errors are *fs.PathError values, as package os gives them, so that docker/cli's messages read
// as ever; fs.ErrNotExist and its like are found in them by errors.Is.
type Files interface {
	Open(name string) (io.ReadCloser, error)
	// Create makes or truncates a regular file.
	Create(name string, perm fs.FileMode) (io.WriteCloser, error)
	Stat(name string) (FileInfo, error)
	Lstat(name string) (FileInfo, error)
	// ReadDir gives the names in a directory, sorted.
	ReadDir(name string) ([]string, error)
	Readlink(name string) (string, error)

	// The rest is for "docker cp" and the files that a command leaves.
	Mkdir(name string, perm fs.FileMode) error
	Symlink(target, name string) error
	Link(old, name string) error
	Rename(old, name string) error
	Remove(name string) error // a file or an empty directory
	Chmod(name string, mode fs.FileMode) error
	Chtimes(name string, mtime time.Time) error // does not follow a symlink
}

// FileInfo describes a file as stat(2) does.
type FileInfo struct {
	Name    string // base name
	Mode    fs.FileMode
	Size    int64
	ModTime time.Time
	UID     int
	GID     int
	// Ino is the inode's number, and Nlink how many names it has.
	Ino   uint64
	Nlink uint64
	// Major and Minor are the device that a device node stands for.
	Major, Minor int64
}

// IsDir reports whether it is a directory.
func (i FileInfo) IsDir() bool { return i.Mode.IsDir() }

// abs makes name absolute in the lab, and cleans it.
func (inv *invocation) abs(name string) string {
	if !path.IsAbs(name) {
		name = path.Join(inv.o.Dir, name)
	}
	return path.Clean(name)
}

// maxLinks is how many symbolic links Linux follows in one path.
const maxLinks = 40

// evalSymlinks is filepath.EvalSymlinks for the absolute name.
func evalSymlinks(files Files, name string) (string, error) {
	resolved, rest, links := "/", name, 0
	for rest != "" {
		var elem string
		var slash bool
		elem, rest, slash = strings.Cut(strings.TrimLeft(rest, "/"), "/")
		switch elem {
		case "", ".":
			continue
		case "..":
			resolved = path.Dir(resolved)
			continue
		}
		next := path.Join(resolved, elem)
		info, err := files.Lstat(next)
		if err != nil {
			return "", err
		}
		if info.Mode&fs.ModeSymlink == 0 {
			if !info.IsDir() && slash {
				return "", syscall.ENOTDIR
			}
			resolved = next
			continue
		}
		if links++; links > maxLinks {
			return "", errors.New("EvalSymlinks: too many links")
		}
		target, err := files.Readlink(next)
		if err != nil {
			return "", err
		}
		if path.IsAbs(target) {
			resolved = "/"
		}
		if slash {
			target += "/"
		}
		rest = target + rest
	}
	return resolved, nil
}

// readFile reads a whole file of the lab, of at most limit bytes.
func readFile(files Files, name string, limit int64) ([]byte, error) {
	f, err := files.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > limit {
		return nil, &fs.PathError{Op: "read", Path: name, Err: syscall.EFBIG}
	}
	return b, nil
}

// withName puts the name that the user gave into a *fs.PathError, which has the absolute one.
func withName(err error, name string) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return &fs.PathError{Op: pathErr.Op, Path: name, Err: pathErr.Err}
	}
	return err
}

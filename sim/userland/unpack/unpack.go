// Package unpack lays down the files of packages, as dpkg and apk both do: a file gets the owner,
// mode and time that its package says, and content of the catalogue is shared, not copied.
package unpack

import (
	"io"
	"path"
	"slices"
	"time"

	"github.com/dockerlab/dockerlab/sim/catalog/manifest"
	"github.com/dockerlab/dockerlab/sim/layer"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// IsDir says that a path leads to a directory.
func IsDir(c *prog.Ctx, name string) bool {
	st, err := c.Stat(name)
	return err == nil && st.Mode.IsDir()
}

// Entry makes one file, in place of one that is there; a directory stays as it is. content gives
// what a regular file holds.
func Entry(c *prog.Ctx, e manifest.Entry, content func(manifest.Entry) (layer.Content, error)) error {
	st, err := c.Lstat(e.Path)
	exists := err == nil
	if e.Mode.IsDir() {
		if exists && (st.Mode.IsDir() || IsDir(c, e.Path)) {
			return nil
		}
		if exists {
			return linux.ENOTDIR
		}
		if err := Parents(c, e.Path); err != nil {
			return err
		}
		if err := c.Mkdir(e.Path, e.Mode.Perm()); err != nil {
			return err
		}
		return finish(c, e)
	}
	if exists && st.Mode.IsDir() {
		return linux.EISDIR
	}
	if !exists {
		if err := Parents(c, e.Path); err != nil {
			return err
		}
	} else if err := c.Unlink(e.Path); err != nil {
		return err
	}
	switch {
	case e.HardLink():
		return c.Link(e.Target, e.Path)
	case e.Mode.Type() == linux.S_IFLNK:
		if err := c.Symlink(e.Target, e.Path); err != nil {
			return err
		}
		return finish(c, e)
	case e.Mode.Type() == linux.S_IFIFO:
		if err := c.Mkfifo(e.Path, e.Mode.Perm()); err != nil {
			return err
		}
		return finish(c, e)
	}
	what, err := content(e)
	if err != nil {
		return err
	}
	if err := Put(c, e.Path, what, e.Mode.Perm()); err != nil {
		return err
	}
	return finish(c, e)
}

// Parents makes the directories that should be above a path.
func Parents(c *prog.Ctx, name string) error {
	var missing []string
	for d := path.Dir(name); d != "/" && !IsDir(c, d); d = path.Dir(d) {
		missing = append(missing, d)
	}
	for _, d := range slices.Backward(missing) {
		if err := c.Mkdir(d, 0o755); err != nil {
			return err
		}
	}
	return nil
}

// sharer is a file system that can hold content without a copy of it, as unionfs can.
type sharer interface {
	SetContent(ino vfs.Ino, c layer.Content) error
}

// Put makes a file that holds content, where none is yet.
func Put(c *prog.Ctx, name string, content layer.Content, perm linux.Mode) error {
	fd, err := c.Open(name, linux.O_WRONLY|linux.O_CREAT|linux.O_EXCL|linux.O_CLOEXEC, perm)
	if err != nil {
		return err
	}
	defer c.Close(fd)
	if _, small := content.(layer.Bytes); !small {
		if ref, err := c.View().Resolve(name, false); err == nil {
			if fs, ok := ref.Mount.FS.(sharer); ok {
				return fs.SetContent(ref.Ino, content)
			}
		}
	}
	_, err = io.Copy(c.Writer(fd), layer.NewReader(content))
	return err
}

// finish sets owner, mode and time.
func finish(c *prog.Ctx, e manifest.Entry) error {
	if e.UID != 0 || e.GID != 0 {
		if err := c.Lchown(e.Path, e.UID, e.GID); err != nil {
			return err
		}
	}
	if e.Mode.Type() != linux.S_IFLNK && (e.Mode.Perm()&^0o777 != 0) {
		if err := c.Chmod(e.Path, e.Mode.Perm()); err != nil {
			return err
		}
	}
	if e.Time == 0 {
		return nil
	}
	t := time.Unix(e.Time, 0)
	if now := c.Now(); t.After(now) {
		t = now
	}
	return c.Utimes(e.Path, &t, &t, true)
}

package build

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/dockerlab/dockerlab/sim/build/archive"
	"github.com/dockerlab/dockerlab/sim/layer"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// source is where COPY and ADD take files from: the context, or an image. Paths are relative to
// its root, as written in the Dockerfile.
type source struct {
	tree *layer.Tree
	// sums are the checksums of an archive's entries, as they came. Of an image and a download,
	// which come from no archive, they are made when they are asked for.
	sums archive.Sums
	made map[string]string
}

// at gives the inode at an absolute path without symlinks, or nil.
func (s *source) at(p string) *layer.Inode { return s.tree.Inode(s.tree.Find(p)) }

// errOutside is a path that cannot be followed within the source. The engine is no more specific
// than this, whatever the reason is.
func errOutside(p string) error {
	return fmt.Errorf("forbidden path outside the build context: %s ()", p)
}

// resolve gives the absolute path that a path leads to, all symlinks followed.
func (s *source) resolve(p string) (string, error) {
	out, err := vfs.InScope(p, func(p string) (linux.Mode, string, error) {
		return lookTree(s.tree, p)
	})
	if err != nil {
		return "", errOutside(p)
	}
	return out, nil
}

func lookTree(t *layer.Tree, p string) (linux.Mode, string, error) {
	dir, name := path.Split(p)
	d := t.Inode(t.Find(dir))
	if d != nil && !d.Mode.IsDir() {
		return 0, "", linux.ENOTDIR
	}
	if d == nil {
		return 0, "", linux.ENOENT
	}
	n := t.Inode(t.Lookup(t.Find(dir), name))
	if n == nil {
		return 0, "", linux.ENOENT
	}
	return n.Mode, n.Target, nil
}

// notExist is a file that is not there, worded as os.Stat words it for the path as written.
type notExist struct{ path string }

func (e *notExist) Error() string        { return "stat " + e.path + ": file does not exist" }
func (e *notExist) Is(target error) bool { return target == fs.ErrNotExist }

func isNotExist(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// stat describes what a path leads to.
func (s *source) stat(p string) (*layer.Inode, error) {
	to, err := s.resolve(p)
	if err != nil {
		return nil, err
	}
	n := s.at(to)
	if n == nil {
		return nil, &notExist{p}
	}
	return n, nil
}

// contextDir is where the engine keeps a context, which shows in an error; it has a random number.
const contextDir = "/var/lib/docker/tmp/docker-builder381276409"

// read reads a file of at most so many bytes.
func (s *source) read(p string, most int64) ([]byte, error) {
	n, err := s.stat(p)
	if err != nil {
		return nil, err
	}
	if n.Mode.IsDir() {
		return nil, fmt.Errorf("unexpected error reading Dockerfile: read %s: is a directory", path.Join(contextDir, p))
	}
	return readBounded(contentReader(n.Content), most)
}

func contentReader(c layer.Content) io.Reader {
	if c == nil {
		return strings.NewReader("")
	}
	return io.NewSectionReader(c, 0, c.Size())
}

// walk visits what is at an absolute path without symlinks and all below it, in the order of
// names, a directory before what is in it. rel is relative to the source's root, "." for that.
func (s *source) walk(p string, visit func(rel string, n *layer.Inode) error) error {
	return s.walkFrom(s.tree.Find(p), strings.TrimPrefix(path.Clean(p), "/"), visit)
}

func (s *source) walkFrom(i layer.Ino, rel string, visit func(rel string, n *layer.Inode) error) error {
	n := s.tree.Inode(i)
	if n == nil {
		return nil
	}
	show := rel
	if show == "" {
		show = "."
	}
	if err := visit(show, n); err != nil {
		return err
	}
	for name, child := range s.tree.Names(i) {
		if err := s.walkFrom(child, path.Join(rel, name), visit); err != nil {
			return err
		}
	}
	return nil
}

// hash is the checksum of what a path leads to, or the path itself where there is none: a symlink
// that leads nowhere has that.
func (s *source) hash(p string) (string, error) {
	to, err := s.resolve(p)
	if err != nil {
		return "", err
	}
	rel := strings.TrimPrefix(to, "/")
	if rel == "" {
		rel = "."
	}
	if s.sums != nil {
		if sum, ok := s.sums[rel]; ok {
			return sum, nil
		}
		return p, nil
	}
	if sum, ok := s.made[rel]; ok {
		return sum, nil
	}
	n := s.at(to)
	if n == nil {
		return rel, nil
	}
	sum, err := archive.Sum(header(rel, n), contentReader(n.Content))
	if err != nil {
		return "", fmt.Errorf("failed to create hash for %s: %w", rel, err)
	}
	if s.made == nil {
		s.made = map[string]string{}
	}
	s.made[rel] = sum
	return sum, nil
}

// header is the entry of an archive that the engine would make for a file.
func header(name string, n *layer.Inode) *tar.Header {
	e := layer.EntryOf(name, n)
	h := &tar.Header{
		Name:    name,
		Mode:    int64(n.Mode), // with the bits of the type, as the engine has it
		Uid:     int(n.UID),
		Gid:     int(n.GID),
		Uname:   e.Uname,
		Gname:   e.Gname,
		ModTime: n.Mtime.Truncate(time.Second),
		Format:  tar.FormatPAX,
	}
	switch n.Mode.Type() {
	case linux.S_IFREG:
		h.Typeflag, h.Size = tar.TypeReg, n.Size()
	case linux.S_IFDIR:
		h.Typeflag = tar.TypeDir
		h.Name += "/"
	case linux.S_IFLNK:
		h.Typeflag, h.Linkname = tar.TypeSymlink, n.Target
	case linux.S_IFIFO:
		h.Typeflag = tar.TypeFifo
	case linux.S_IFCHR:
		h.Typeflag = tar.TypeChar
	case linux.S_IFBLK:
		h.Typeflag = tar.TypeBlock
	}
	if h.Typeflag == tar.TypeChar || h.Typeflag == tar.TypeBlock {
		h.Devmajor, h.Devminor = int64(n.Rdev.Major()), int64(n.Rdev.Minor())
	}
	return h
}

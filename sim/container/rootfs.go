package container

import (
	"errors"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/dockerlab/dockerlab/sim/image"
	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/layer"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/unionfs"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// fsOptions are those of a file system of the engine's. charge, which may be nil, counts memory.
func (e *Engine) fsOptions(kind string, charge func(int64) error) unionfs.Options {
	return unionfs.Options{Now: e.k.Now, Type: kind, Disk: e.o.Disk, Charge: charge}
}

// NewFS is a file system to be written to above a tree, on the engine's disk, for what is no
// container. release is called when it is no longer needed.
func (e *Engine) NewFS(lower *layer.Tree) (fs *unionfs.FS, release func()) {
	return unionfs.New(lower, e.fsOptions("", e.bounded())), func() {}
}

// bounded counts the memory of a file system that belongs to no sandbox. It has as much as one may
// use.
func (e *Engine) bounded() (charge func(int64) error) {
	var held int64
	limit := kernel.DefaultBudget.Memory
	if e.o.Budget != nil && e.o.Budget.Memory != 0 {
		limit = e.o.Budget.Memory
	}
	return func(n int64) error {
		if n > 0 && limit > 0 && held+n > limit {
			return linux.ENOSPC
		}
		held += n
		return nil
	}
}

// root is the root file system of a container that does not run, opened to be changed.
type root struct {
	e  *Engine
	fs *unionfs.FS
}

// newRoot is the root file system of a new container.
func (e *Engine) newRoot(b *Base) (*root, error) {
	image, err := b.Layers.Tree()
	if err != nil {
		return nil, system("%w", err)
	}
	o := e.fsOptions("", nil)
	o.After = image.Newest()
	return &root{e, unionfs.New(b.Tree, o)}, nil
}

// openRoot is the root file system of a container that exists and does not run.
func (e *Engine) openRoot(c *Container) *root { return &root{e, c.Files.FS(e.fsOptions("", nil))} }

func (r *root) snapshot() (s *unionfs.Snapshot) {
	r.e.k.Do(func() { s = r.fs.Snapshot() })
	return s
}

// view looks at a file system as root does.
func view(fs vfs.Filesystem) *vfs.View {
	v := vfs.NewNamespace(fs, "", "").View(vfs.Root(vfs.CapsAll))
	v.Umask = 0
	return v
}

// base is an image with the engine's own layer above it: mount points and files that a container's
// start puts mounts on. It is no part of what diff and commit see.
func (e *Engine) base(img *image.Image) (*Base, error) {
	var layers *layer.Stack
	if img != nil {
		layers = img.Layers
	}
	chain := layers.ChainID()
	e.mu.Lock()
	b := e.bases[chain]
	e.mu.Unlock()
	if b != nil {
		return b, nil
	}
	below, err := layers.Tree()
	if err != nil {
		return nil, err
	}
	var top *layer.Layer
	e.k.Do(func() {
		fs := unionfs.New(below, e.fsOptions("", nil))
		if err = writeInit(view(fs)); err == nil {
			top, err = fs.Layer()
		}
	})
	if err != nil {
		return nil, err
	}
	if b, err = newBase(layers, top); err != nil {
		return nil, err
	}
	e.mu.Lock()
	e.bases[chain] = b
	e.mu.Unlock()
	return b, nil
}

func newBase(layers *layer.Stack, init *layer.Layer) (*Base, error) {
	tree, err := layers.Tree()
	if err == nil && init != nil {
		tree, err = tree.Apply(init)
	}
	return &Base{layers, init, tree}, err
}

// initPaths is what the engine's own layer holds: directories, empty files, and a symlink.
var initPaths = []struct{ path, what string }{
	{"/dev/pts", "dir"}, {"/dev/shm", "dir"}, {"/proc", "dir"}, {"/sys", "dir"},
	{"/.dockerenv", "file"}, {"/etc/resolv.conf", "file"}, {"/etc/hosts", "file"},
	{"/etc/hostname", "file"}, {"/dev/console", "file"}, {"/etc/mtab", "/proc/mounts"},
}

// writeInit makes the engine's own layer. What stands at one of its paths, or at a parent of one,
// and is no directory gives way.
func writeInit(v *vfs.View) error {
	for _, p := range initPaths {
		prefix := ""
		for _, part := range strings.Split(p.path[1:], "/") {
			prefix += "/" + part
			v.Unlink(prefix) // a directory refuses, and stays
		}
		if _, err := v.Stat(p.path); err == nil {
			continue
		}
		if err := mkdirAll(v, path.Dir(p.path), 0o755); err != nil {
			return err
		}
		var err error
		switch p.what {
		case "dir":
			err = v.Mkdir(p.path, 0o755)
		case "file":
			err = v.WriteFile(p.path, nil, 0o755)
		default:
			err = v.Symlink(p.what, p.path)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// mkdirAll makes a directory and its parents, where they are not there yet.
func mkdirAll(v *vfs.View, dir string, perm linux.Mode) error {
	if dir == "/" || dir == "." {
		return nil
	}
	if st, err := v.Stat(dir); err == nil {
		if !st.Mode.IsDir() {
			return linux.ENOTDIR
		}
		return nil
	}
	if err := mkdirAll(v, path.Dir(dir), perm); err != nil {
		return err
	}
	err := v.Mkdir(dir, perm)
	if err == linux.EEXIST {
		if st, err := v.Stat(dir); err == nil && st.Mode.IsDir() {
			return nil
		}
	}
	return err
}

// makeWorkdir makes a container's working directory. merged is where the engine has the root.
func (r *root) makeWorkdir(dir, merged string) (err error) {
	if dir == "" {
		return nil
	}
	dir = path.Clean(dir)
	if err := r.follow(dir, merged); err != nil {
		return err
	}
	r.e.k.Do(func() {
		v := view(r.fs)
		at, e := v.InScope(dir)
		if e == nil {
			e = mkdirAll(v, at, 0o755)
		}
		if e != nil {
			if st, e := v.Stat(dir); e == nil && !st.Mode.IsDir() {
				err = refuse(Unknown, "Cannot mkdir: %s is not a directory", dir)
				return
			}
			err = system("%s: %w", dir, e)
		}
	})
	return err
}

// follow reports a path that cannot be followed: its symlinks lead nowhere at all, or it goes through
// a file. merged is where the engine has the root.
func (r *root) follow(p, merged string) (err error) {
	r.e.k.Do(func() { _, err = view(r.fs).InScope(p) })
	var loop *vfs.TooManyLinks
	if errors.As(err, &loop) {
		return refuse(Unknown, "%v", &vfs.TooManyLinks{Path: merged + loop.Path})
	}
	var look *fs.PathError
	if errors.As(err, &look) {
		return refuse(Unknown, "%s %s: %w", look.Op, merged+look.Path, lower(look.Err))
	}
	return nil
}

// isNoDir says whether something that is no directory stands at a path.
func (r *root) isNoDir(p string) (no bool) {
	r.e.k.Do(func() {
		st, err := view(r.fs).Stat(p)
		no = err == nil && !st.Mode.IsDir()
	})
	return no
}

// errNoDir says that what was to be copied from is no directory.
var errNoDir = errors.New("not a directory to copy from")

// copyTo copies what is in the directory dir, and its owner, mode and times, to what a mount shows if
// that is empty. It is called inside the kernel. The error may be linux.ENOTDIR, of the way to dir.
func (r *root) copyTo(mount func() (*vfs.Mount, error), dir string) error {
	ref, err := view(r.fs).Resolve(dir, true)
	if err == linux.ENOENT {
		return nil // the image has nothing there
	}
	if err != nil {
		return err
	}
	st, err := ref.Stat()
	if err != nil {
		return err
	}
	to, err := mount()
	if err != nil {
		return err
	}
	top := to.Root
	if top == 0 {
		top = to.FS.Root()
	}
	if have, err := to.FS.ReadDir(top); err != nil || len(have) > 0 {
		return err
	}
	if !st.Mode.IsDir() {
		return errNoDir
	}
	c := copier{from: r.fs, to: to.FS, links: map[vfs.Ino]place{}}
	if err := c.dir(ref.Ino, top); err != nil {
		return system("failed to copy: %w", err)
	}
	return nil
}

// copier copies a tree from one file system into another, hard links and all.
type copier struct {
	from, to vfs.Filesystem
	links    map[vfs.Ino]place // files of several names that have been copied
}

type place struct {
	dir  vfs.Ino
	name string
}

func (c *copier) dir(from, to vfs.Ino) error {
	entries, err := c.from.ReadDir(from)
	if err != nil {
		return err
	}
	st, err := c.from.Stat(from)
	if err != nil {
		return err
	}
	// As the engine does it, before the entries: one that has any is new by its time.
	if err := c.attributes(to, st); err != nil {
		return err
	}
	for _, d := range entries {
		if err := c.entry(d, to); err != nil {
			return err
		}
	}
	return nil
}

func (c *copier) entry(d vfs.Dirent, to vfs.Ino) error {
	st, err := c.from.Stat(d.Ino)
	if err != nil {
		return err
	}
	multiple := !st.Mode.IsDir() && st.Nlink > 1
	if multiple {
		if p, ok := c.links[d.Ino]; ok {
			return c.to.Link(p.dir, p.name, to, d.Name)
		}
	}
	n := vfs.Node{Mode: st.Mode, UID: st.UID, GID: st.GID, Rdev: st.Rdev}
	if st.Mode.IsSymlink() {
		if n.Target, err = c.from.Readlink(d.Ino); err != nil {
			return err
		}
	}
	ino, err := c.to.Create(to, d.Name, n)
	if err != nil {
		return err
	}
	if multiple {
		c.links[d.Ino] = place{to, d.Name}
	}
	switch {
	case st.Mode.IsDir():
		return c.dir(d.Ino, ino)
	case st.Mode.IsRegular():
		if err := c.content(d.Ino, ino); err != nil {
			return err
		}
	}
	return c.attributes(ino, st)
}

func (c *copier) content(from, to vfs.Ino) error {
	buf := make([]byte, 64<<10)
	for off := int64(0); ; {
		n, err := c.from.ReadAt(from, buf, off)
		if n > 0 {
			if _, err := c.to.WriteAt(to, buf[:n], off); err != nil {
				return err
			}
			off += int64(n)
		}
		if err == io.EOF || n == 0 && err == nil {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (c *copier) attributes(ino vfs.Ino, st vfs.Stat) error {
	mode := st.Mode.Perm()
	at, mt := st.Atime, st.Mtime
	a := vfs.Attr{UID: &st.UID, GID: &st.GID, Atime: &at, Mtime: &mt}
	if !st.Mode.IsSymlink() {
		a.Mode = &mode
	}
	return c.to.SetAttr(ino, a)
}

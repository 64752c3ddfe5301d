package container

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/docker/docker/api/types"

	"github.com/dockerlab/dockerlab/sim/layer"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/unionfs"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// archiveLimit is the most bytes that docker cp may bring into a container at once.
const archiveLimit = 1 << 30

// place of docker cp: what the user wrote, and where it leads.
type cpPath struct {
	abs  string // from the root; it keeps a "/" or "/." at its end
	ref  vfs.Ref
	stat *types.ContainerPathStat
}

// keepEnd is p made clean but for a separator or a dot at its end, which say that it is a
// directory.
func keepEnd(p string) string {
	clean := path.Join("/", p)
	switch {
	case p == "." || strings.HasSuffix(p, "/."):
		if clean != "/" {
			clean += "/"
		}
		return clean + "."
	case strings.HasSuffix(p, "/") && clean != "/":
		return clean + "/"
	}
	return clean
}

// cpView looks at a container as docker cp does: its root file system, volumes and binds. A frozen
// one is as the container is now, and needs no kernel to be looked at. It is called inside the
// kernel, as fs is the container's.
func (e *Engine) cpView(c *Container, fs vfs.Filesystem, frozen bool) (*vfs.View, error) {
	freeze := func(f vfs.Filesystem) vfs.Filesystem { return f }
	if frozen {
		freeze = func(f vfs.Filesystem) vfs.Filesystem {
			if u, ok := f.(*unionfs.FS); ok {
				return u.Snapshot().FS(e.fsOptions(u.Type(), nil))
			}
			return f
		}
	}
	ns := vfs.NewNamespace(freeze(fs), "overlay", "")
	v := ns.View(vfs.Root(vfs.CapsAll))
	v.Umask = 0
	m := &mounter{e: e, c: c, ns: ns, v: v, freeze: freeze}
	var etc *etcFiles
	e.mu.Lock()
	if l := e.lives[c.ID]; l != nil {
		etc = l.etc
	}
	e.mu.Unlock()
	if etc == nil && c.HasStarted {
		var err error
		if etc, err = e.newEtcFiles(c); err != nil {
			return nil, err
		}
	}
	_, err := m.volumes(etc)
	return v, err
}

// look freezes a container and finds a place in it, whose last symlink is not followed.
func (e *Engine) look(ref, p string) (*vfs.View, cpPath, error) {
	c, err := e.Container(ref)
	if err != nil {
		return nil, cpPath{}, err
	}
	var v *vfs.View
	e.withFiles(c, func(fs *unionfs.FS) { v, err = e.cpView(c, fs, true) })
	if err != nil {
		return nil, cpPath{}, err
	}
	at := cpPath{abs: keepEnd(p)}
	dir, base := path.Split(at.abs)
	resolved, err := v.InScope(dir)
	if err == nil {
		resolved = strings.TrimSuffix(resolved, "/") + "/" + base
		if at.ref, err = v.Resolve(resolved, false); err != nil && err != linux.ENOENT {
			err = &fs.PathError{Op: "lstat", Path: resolved, Err: err}
		}
	}
	switch {
	case err == linux.ENOENT:
		return nil, at, notFound("Could not find the file %s in container %s", p, ref)
	case err != nil:
		return nil, at, c.scoped(err)
	}
	if at.stat, err = statPath(v, at); err != nil {
		return nil, at, c.scoped(err)
	}
	return v, at, nil
}

// scoped words an error of vfs.View.InScope, whose paths begin where the engine has c's root.
func (c *Container) scoped(err error) error {
	merged := graphDir(c.ID) + "/merged"
	var loop *vfs.TooManyLinks
	var at *fs.PathError
	switch {
	case errors.As(err, &loop):
		return system("%w", &vfs.TooManyLinks{Path: merged + loop.Path})
	case errors.As(err, &at):
		return system("%s %s: %s", at.Op, merged+at.Path, errnoText(at.Err))
	}
	return err
}

// StatPath describes a file of a container.
func (e *Engine) StatPath(ref, p string) (*types.ContainerPathStat, error) {
	_, at, err := e.look(ref, p)
	return at.stat, err
}

func statPath(v *vfs.View, at cpPath) (*types.ContainerPathStat, error) {
	st, err := at.ref.Stat()
	if err != nil {
		return nil, err
	}
	s := &types.ContainerPathStat{Name: path.Base(at.abs), Size: st.Size, Mode: st.Mode.FileMode(), Mtime: st.Mtime}
	if st.Mode.IsSymlink() {
		if s.LinkTarget, err = v.InScope(at.abs); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// GetArchive gives a file of a container, or a directory with all that is in it, as a tar whose
// names begin with the last name of the path.
func (e *Engine) GetArchive(ref, p string) (*types.ContainerPathStat, func(w io.Writer) error, error) {
	v, at, err := e.look(ref, p)
	if err != nil {
		return nil, nil, err
	}
	if c, err := e.Container(ref); err == nil {
		e.emitContainer(c, "archive-path", nil)
	}
	return at.stat, func(w io.Writer) error {
		t := newTarrer(w, v)
		if err := t.add(at.ref, path.Base(at.abs)); err != nil {
			return err
		}
		return t.w.Close()
	}, nil
}

type fileID struct {
	dev linux.Dev
	ino vfs.Ino
}

// tarrer writes what a View sees as a tar.
type tarrer struct {
	w     *tar.Writer
	v     *vfs.View
	links map[fileID]string // name in the tar of files that have several

	users, groups map[uint32]string // as the container itself knows them
}

func newTarrer(w io.Writer, v *vfs.View) *tarrer {
	t := &tarrer{w: tar.NewWriter(w), v: v, links: map[fileID]string{}}
	passwd, group := readAccounts(v)
	a := layer.Accounts{Users: idNames(passwd), Groups: idNames(group)}
	a.Complete()
	t.users, t.groups = a.Users, a.Groups
	return t
}

// idNames are the names of the numbers in a passwd or group file.
func idNames(file []byte) map[uint32]string {
	names := map[uint32]string{}
	for f := range records(file, 4) {
		if n, err := strconv.ParseUint(f[2], 10, 32); err == nil && names[uint32(n)] == "" {
			names[uint32(n)] = f[0]
		}
	}
	return names
}

func (t *tarrer) add(ref vfs.Ref, name string) error {
	st, err := ref.Stat()
	if err != nil {
		return err
	}
	h := &tar.Header{
		Name: name, Mode: int64(st.Mode), Uid: int(st.UID), Gid: int(st.GID),
		Uname: t.users[st.UID], Gname: t.groups[st.GID], ModTime: st.Mtime.Truncate(time.Second), Format: tar.FormatPAX,
	}
	if u, ok := ref.Mount.FS.(*unionfs.FS); ok {
		if c, ok := u.Xattrs(ref.Ino)[layer.CapabilityXattr]; ok { // the only one that the engine puts in archives
			h.PAXRecords = map[string]string{layer.XattrRecord + layer.CapabilityXattr: c}
		}
	}
	id := fileID{st.Dev, ref.Ino}
	if first, ok := t.links[id]; ok && !st.Mode.IsDir() {
		h.Typeflag, h.Linkname = tar.TypeLink, first
		return t.w.WriteHeader(h)
	}
	if !st.Mode.IsDir() && st.Nlink > 1 {
		t.links[id] = h.Name
	}
	switch st.Mode.Type() {
	case linux.S_IFREG:
		h.Typeflag, h.Size = tar.TypeReg, st.Size
		if err := t.w.WriteHeader(h); err != nil {
			return err
		}
		_, err := io.Copy(t.w, io.NewSectionReader(fileReader{ref}, 0, st.Size))
		return err
	case linux.S_IFDIR:
		h.Typeflag = tar.TypeDir
		if !strings.HasSuffix(h.Name, "/") {
			h.Name += "/"
		}
		if err := t.w.WriteHeader(h); err != nil {
			return err
		}
		return t.children(ref, name)
	case linux.S_IFLNK:
		h.Typeflag = tar.TypeSymlink
		if h.Linkname, err = ref.Mount.FS.Readlink(ref.Ino); err != nil {
			return err
		}
	case linux.S_IFIFO:
		h.Typeflag = tar.TypeFifo
	case linux.S_IFCHR:
		h.Typeflag, h.Devmajor, h.Devminor = tar.TypeChar, int64(st.Rdev.Major()), int64(st.Rdev.Minor())
	case linux.S_IFBLK:
		h.Typeflag, h.Devmajor, h.Devminor = tar.TypeBlock, int64(st.Rdev.Major()), int64(st.Rdev.Minor())
	default:
		return nil // a tar holds no sockets
	}
	return t.w.WriteHeader(h)
}

// children adds what is in a directory.
func (t *tarrer) children(dir vfs.Ref, name string) error {
	entries, err := t.v.List(dir)
	if err != nil {
		return err
	}
	for _, d := range entries {
		child, err := t.v.ResolveAt(dir, d.Name, false)
		if err != nil {
			return err
		}
		below := d.Name // in an export
		if name != "" {
			below = strings.TrimSuffix(name, "/") + "/" + d.Name // "./x" stays what it is
		}
		if err := t.add(child, below); err != nil {
			return err
		}
	}
	return nil
}

// fileReader reads a regular file.
type fileReader struct{ ref vfs.Ref }

func (r fileReader) ReadAt(b []byte, off int64) (int, error) {
	return r.ref.Mount.FS.ReadAt(r.ref.Ino, b, off)
}

// PutOptions say how docker cp unpacks.
type PutOptions struct {
	KeepKinds bool // no directory gives way to a file, nor a file to a directory
	Chown     bool // files become those of the container's user
}

// PutArchive unpacks a tar, compressed or not, into a directory of a container.
func (e *Engine) PutArchive(ref, dir string, o PutOptions, body io.Reader) error {
	c, err := e.Container(ref)
	if err != nil {
		return err
	}
	l := e.live(c.ID)
	l.op.Lock()
	defer l.op.Unlock()
	if c, err = e.Container(c.ID); err != nil {
		return err
	}
	check := func(v *vfs.View) (place string, err error) {
		if place, err = v.InScope(keepEnd(dir)); err != nil {
			return "", c.scoped(err)
		}
		st, err := v.Lstat(place)
		switch {
		case err == linux.ENOENT:
			return "", notFound("Could not find the file %s in container %s", dir, ref)
		case err != nil:
			return "", c.scoped(&fs.PathError{Op: "lstat", Path: place, Err: err})
		case !st.Mode.IsDir():
			return "", refuse(Unknown, "extraction point is not a directory")
		}
		return place, c.mayWrite(place)
	}
	e.withFiles(c, func(fs *unionfs.FS) {
		var v *vfs.View
		if v, err = e.cpView(c, fs, true); err == nil {
			_, err = check(v)
		}
	})
	if err != nil {
		return err
	}
	plain, _, err := layer.Decompress(body)
	if err != nil {
		return system("%w", err)
	}
	content, err := layer.ReadAll(plain, archiveLimit)
	if err != nil {
		return system("Error processing tar file(exit status 1): %w", err)
	}
	var after *unionfs.Snapshot
	e.withFiles(c, func(fs *unionfs.FS) {
		var v *vfs.View
		if v, err = e.cpView(c, fs, false); err != nil {
			return
		}
		var place string
		if place, err = check(v); err != nil {
			return
		}
		u := untarrer{v: v, dir: place, o: o, times: map[string]time.Time{}}
		// A container without a user keeps the owners of the archive, whatever the client wants.
		if u.o.Chown = o.Chown && c.Config.User != ""; u.o.Chown {
			if u.id, err = hostUser(c.Config.User); err != nil {
				return
			}
		}
		if err = u.unpack(io.NewSectionReader(content, 0, content.Size())); err != nil {
			err = system("Error processing tar file(exit status 1): %w", err)
		}
		after = fs.Snapshot()
	})
	if after != nil {
		e.change(c.ID, func(c *Container) error {
			if !c.Status.Running {
				c.Files = after
			}
			return nil
		})
		e.emitContainer(c, "extract-to-dir", nil)
	}
	return err
}

// mayWrite says why nothing can be copied to a path: it is in a volume, or the container, that is
// read-only.
func (c *Container) mayWrite(abs string) error {
	for _, m := range c.Mounts {
		if abs == m.Destination || strings.HasPrefix(abs, m.Destination+"/") {
			if !m.RW {
				return invalid("mounted volume is marked read-only")
			}
			return nil
		}
	}
	if c.Host.ReadonlyRootfs {
		return invalid("container rootfs is marked read-only")
	}
	return nil
}

// untarrer unpacks a tar through a View. It works inside the kernel.
type untarrer struct {
	v     *vfs.View
	dir   string
	o     PutOptions
	id    identity
	times map[string]time.Time // of directories, which what is put into them would change
}

func (u *untarrer) unpack(r io.Reader) error {
	t := tar.NewReader(r)
	for {
		h, err := t.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if err := u.entry(h, t); err != nil {
			return err
		}
	}
	for p, at := range u.times {
		u.v.Utimes(p, &at, &at, true, false)
	}
	return nil
}

func (u *untarrer) entry(h *tar.Header, r io.Reader) error {
	if h.Typeflag == tar.TypeXGlobalHeader {
		return nil
	}
	name := path.Clean(h.Name)
	at := path.Join(u.dir, name)
	if rel := strings.TrimPrefix(at, strings.TrimSuffix(u.dir, "/")); at != u.dir && (rel == at && u.dir != "/" || !strings.HasPrefix(rel, "/")) {
		return fmt.Errorf("%q is outside of %q", h.Name, u.dir)
	}
	if parent := path.Dir(at); !strings.HasSuffix(h.Name, "/") {
		if _, err := u.v.Lstat(parent); err == linux.ENOENT {
			if err := mkdirAll(u.v, parent, 0o755); err != nil {
				return err
			}
		}
	}
	isDir := h.Typeflag == tar.TypeDir
	if st, err := u.v.Lstat(at); err == nil {
		switch {
		case u.o.KeepKinds && st.Mode.IsDir() && !isDir:
			return fmt.Errorf("cannot overwrite directory %q with non-directory %q", at, u.dir)
		case u.o.KeepKinds && !st.Mode.IsDir() && isDir:
			return fmt.Errorf("cannot overwrite non-directory %q with directory %q", at, u.dir)
		case st.Mode.IsDir() && name == ".":
			return nil
		case !(st.Mode.IsDir() && isDir):
			if err := removeAll(u.v, at); err != nil {
				return fmt.Errorf("unlinkat %s/%s: %s", path.Dir(at), path.Base(at), errnoText(err)) // "//x" at the top
			}
		}
	}
	return u.make(h, at, r)
}

func (u *untarrer) make(h *tar.Header, at string, r io.Reader) error {
	mode := linux.Mode(h.Mode & 0o7777)
	worded := func(what string, err error) error {
		if err != nil {
			err = fmt.Errorf("%s: %s", what, errnoText(err))
		}
		return err
	}
	var err error
	switch h.Typeflag {
	case tar.TypeDir:
		if err = u.v.Mkdir(at, mode); err == linux.EEXIST {
			err = nil
		}
		err = worded("mkdir "+at, err)
	case tar.TypeReg, tar.TypeRegA: //nolint:staticcheck // old archives have it
		if err = worded("open "+at, u.v.WriteFile(at, nil, mode)); err == nil {
			err = u.content(at, r)
		}
	case tar.TypeLink:
		target := path.Join(u.dir, h.Linkname)
		if target != u.dir && !strings.HasPrefix(target, strings.TrimSuffix(u.dir, "/")+"/") {
			return fmt.Errorf("invalid hardlink %q -> %q", target, h.Linkname)
		}
		return worded("link "+target+" "+at, u.v.Link(target, at))
	case tar.TypeSymlink:
		err = worded("symlink "+h.Linkname+" "+at, u.v.Symlink(h.Linkname, at))
	case tar.TypeFifo:
		err = u.v.Mknod(at, linux.S_IFIFO|mode, 0)
	case tar.TypeChar:
		err = u.v.Mknod(at, linux.S_IFCHR|mode, linux.Mkdev(uint32(h.Devmajor), uint32(h.Devminor)))
	case tar.TypeBlock:
		err = u.v.Mknod(at, linux.S_IFBLK|mode, linux.Mkdev(uint32(h.Devmajor), uint32(h.Devminor)))
	default:
		return fmt.Errorf("unhandled tar header type %d", h.Typeflag)
	}
	if err != nil {
		return err
	}
	uid, gid := uint32(h.Uid), uint32(h.Gid)
	if u.o.Chown {
		uid, gid = u.id.uid, u.id.gid
	}
	if err := u.v.Chown(at, uid, gid, false); err != nil {
		return err
	}
	if h.Typeflag != tar.TypeSymlink {
		if err := u.v.Chmod(at, mode); err != nil {
			return err
		}
	}
	if err := u.xattrs(h, at); err != nil {
		return err
	}
	when := h.ModTime
	if h.Typeflag == tar.TypeDir {
		u.times[at] = when
		return nil
	}
	return u.v.Utimes(at, &when, &when, false, false)
}

// xattrs gives a file the extended attributes that its header has.
func (u *untarrer) xattrs(h *tar.Header, at string) error {
	xattrs := layer.Xattrs(h)
	if xattrs == nil {
		return nil
	}
	ref, err := u.v.Resolve(at, false)
	if err != nil {
		return err
	}
	if fs, ok := ref.Mount.FS.(*unionfs.FS); ok {
		return fs.SetXattrs(ref.Ino, xattrs)
	}
	return nil
}

// content writes a file that is empty.
func (u *untarrer) content(at string, r io.Reader) error {
	ref, err := u.v.Resolve(at, false)
	if err != nil {
		return err
	}
	buf := make([]byte, 64<<10)
	for off := int64(0); ; {
		n, err := r.Read(buf)
		if n > 0 {
			if _, err := ref.Mount.FS.WriteAt(ref.Ino, buf[:n], off); err != nil {
				return fmt.Errorf("write %s: %s", at, errnoText(err))
			}
			off += int64(n)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// removeAll removes a file, or a directory with all that is in it.
func removeAll(v *vfs.View, p string) error {
	st, err := v.Lstat(p)
	if err != nil {
		return nil
	}
	if !st.Mode.IsDir() {
		return v.Unlink(p)
	}
	entries, err := v.ReadDir(p)
	if err != nil {
		return err
	}
	for _, d := range entries {
		if err := removeAll(v, path.Join(p, d.Name)); err != nil {
			return err
		}
	}
	return v.Rmdir(p)
}

// Export writes the root file system of a container as a tar, without what is mounted in it.
func (e *Engine) Export(ref string) (func(w io.Writer) error, error) {
	c, err := e.Container(ref)
	if err != nil {
		return nil, err
	}
	if c.Status.Dead {
		return nil, conflict("You cannot export container %s which is Dead", c.ID)
	}
	if c.Status.Removing {
		return nil, conflict("You cannot export container %s which is being removed", c.ID)
	}
	var fs *unionfs.FS
	e.withFiles(c, func(live *unionfs.FS) { fs = live.Snapshot().FS(e.fsOptions("", nil)) })
	e.emitContainer(c, "export", nil)
	return func(w io.Writer) error {
		v := view(fs)
		t := newTarrer(w, v)
		if err := t.children(v.RootDir(), ""); err != nil {
			return err
		}
		return t.w.Close()
	}, nil
}

// Changes are what docker diff lists.
func (e *Engine) Changes(ref string) (changes []unionfs.Change, err error) {
	c, err := e.Container(ref)
	if err != nil {
		return nil, err
	}
	e.withFiles(c, func(fs *unionfs.FS) { changes = fs.Changes() })
	return changes, nil
}

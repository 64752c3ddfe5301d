package vfs

import (
	"io"
	"strings"
	"time"

	"github.com/dockerlab/dockerlab/sim/linux"
)

// View is one process's eyes on a Namespace: where its root and working directory are, who it
// is, and which permission bits it never gives to what it makes.
type View struct {
	NS    *Namespace
	Cred  Cred
	Umask linux.Mode
	root  Ref
	cwd   Ref
	// strayed says that the last walk left the mount of the root, or went where what a path leads
	// to can change by itself.
	strayed bool
}

// View looks at the whole namespace, from its root, with umask 022.
func (ns *Namespace) View(c Cred) *View {
	r := ns.top(Ref{Mount: ns.root, Ino: ns.root.Root})
	return &View{NS: ns, Cred: c, Umask: 0o022, root: r, cwd: r}
}

// Clone is a View of its own that begins as v is.
func (v *View) Clone() *View { w := *v; return &w }

// Ref is a place in a namespace: a name in a directory, and the inode there.
type Ref struct {
	Mount *Mount
	Dir   Ino    // directory that holds Name; 0 where it is not known (a directory reached by "..")
	Name  string //
	Ino   Ino    // 0: there is nothing of that name
	// Opened is set where the path led through a magic link of /proc to a file that is open and
	// may have no name, a pipe say.
	Opened Opened
}

// Opened is an open file that /proc/self/fd leads to.
type Opened interface{ Stat() (Stat, error) }

// MagicLinker is a Filesystem some of whose symlinks lead to a place and not to a path, as those
// below /proc/self do.
type MagicLinker interface {
	FollowMagic(ino Ino) (ref Ref, ok bool, err error)
}

// Stat describes what is at the place.
func (r Ref) Stat() (Stat, error) {
	if r.Opened != nil {
		return r.Opened.Stat()
	}
	if r.Ino == 0 {
		return Stat{}, linux.ENOENT
	}
	st, err := r.Mount.FS.Stat(r.Ino)
	st.Dev = r.Mount.Dev
	return st, err
}

func (r Ref) same(o Ref) bool { return r.Mount == o.Mount && r.Ino == o.Ino }

// Current is the place with the inode that a file has now which was opened there before.
func (r Ref) Current() Ref {
	if c, ok := r.mountFS().(Copier); ok {
		r.Ino = c.Copied(r.Dir, r.Name, r.Ino)
	}
	return r
}

func (r Ref) mountFS() Filesystem {
	if r.Mount == nil {
		return nil
	}
	return r.Mount.FS
}

// CopyUp makes the place writable (see Filesystem.CopyUp) and gives it with its inode of now.
func (r Ref) CopyUp() (Ref, error) {
	if r.Mount.ReadOnly {
		return r, linux.EROFS
	}
	dir, name := r.Dir, r.Name
	if r.Ino == r.Mount.Root {
		dir, name = r.Mount.RootDir, r.Mount.RootName
	}
	fs := r.Mount.FS
	if dir == 0 && r.Ino != fs.Root() {
		p, err := fs.Parent(r.Ino)
		if err != nil {
			return r, err
		}
		if name, err = nameIn(fs, p, r.Ino); err != nil {
			return r, err
		}
		dir = p
	}
	if now, err := fs.Lookup(dir, name); dir != 0 && (err != nil || now != r.Ino) {
		return r, nil // an open file whose name is gone: it is the upper's already or nobody's
	}
	ino, err := fs.CopyUp(dir, name)
	if err == nil {
		r.Ino = ino
	}
	return r, err
}

func nameIn(fs Filesystem, dir, ino Ino) (string, error) {
	es, err := fs.ReadDir(dir)
	if err != nil {
		return "", err
	}
	for _, e := range es {
		if e.Ino == ino {
			return e.Name, nil
		}
	}
	return "", linux.ENOENT
}

// top climbs to the uppermost mount on a place.
func (ns *Namespace) top(r Ref) Ref {
	for {
		m := ns.covering(r.Mount, r.Ino)
		if m == nil {
			return r
		}
		r = Ref{Mount: m, Ino: m.Root}
	}
}

// ResolveAt is Resolve for a path that begins at base, not at the working directory.
func (v *View) ResolveAt(base Ref, path string, follow bool) (Ref, error) {
	r, err := v.walk(base, path, follow, false)
	if err == nil && r.Ino == 0 && r.Opened == nil {
		err = linux.ENOENT
	}
	return r, err
}

// ResolveParent finds the directory and the last name of path, whatever is there or is not.
// A path that ends in "." or ".." or is the root has no last name: EINVAL, EEXIST, EBUSY are the
// caller's to say, so Name is "." , ".." or "/" then.
func (v *View) ResolveParent(path string) (r Ref, slash bool, err error) {
	slash = len(path) > 1 && strings.HasSuffix(path, "/")
	r, err = v.find(v.versions(path), path, false, true)
	return r, slash, err
}

// ResolveCreate is ResolveParent, but follows a symlink at the end, dangling or not, as open with
// O_CREAT does.
func (v *View) ResolveCreate(path string) (r Ref, slash bool, err error) {
	if slash = strings.HasSuffix(path, "/"); slash && strings.Trim(path, "/") != "" {
		path = strings.TrimRight(path, "/") // not to be a directory is not what is wrong with it
	}
	r, err = v.find(v.versions(path), path, true, false)
	return r, slash, err
}

// walk goes down path. With parent it stops before the last component is judged, which then may
// be ".", ".." or a symlink; else an absent last component gives a Ref without Ino.
func (v *View) walk(at Ref, path string, follow, parent bool) (Ref, error) {
	if path == "" {
		return Ref{}, linux.ENOENT
	}
	if len(path) >= linux.PATH_MAX {
		return Ref{}, linux.ENAMETOOLONG
	}
	links := 0
	if path[0] == '/' {
		at = v.root
	}
	var st Stat    // of at,
	known := false // where the step that led there has it
	for {
		path = strings.TrimLeft(path, "/")
		if path == "" {
			if parent && at.Name == "" {
				at.Name = "/"
			}
			return at, nil
		}
		name, rest, more := strings.Cut(path, "/")
		rest = strings.TrimLeft(rest, "/")
		last := rest == ""
		slash := more && last
		if at.Opened != nil {
			return Ref{}, linux.ENOTDIR
		}
		if at.Mount != v.NS.root {
			v.strayed = true
		}
		fs := at.Mount.FS
		var err error
		if !known {
			if st, err = fs.Stat(at.Ino); err != nil {
				return Ref{}, err
			}
		}
		known = false
		if !st.Mode.IsDir() {
			return Ref{}, linux.ENOTDIR
		}
		if !v.Cred.May(&st, linux.X_OK) {
			return Ref{}, linux.EACCES
		}
		if len(name) > linux.NAME_MAX {
			return Ref{}, linux.ENAMETOOLONG
		}
		if parent && last && (name == "." || name == "..") {
			at.Name = name
			return at, nil
		}
		switch name {
		case ".":
			path = rest
			continue
		case "..":
			if at, err = v.up(at); err != nil {
				return Ref{}, err
			}
			path = rest
			continue
		}
		ino, err := fs.Lookup(at.Ino, name)
		if err != nil && err != linux.ENOENT {
			return Ref{}, err
		}
		if err != nil {
			if last {
				return Ref{Mount: at.Mount, Dir: at.Ino, Name: name}, nil
			}
			return Ref{}, linux.ENOENT
		}
		next := Ref{Mount: at.Mount, Dir: at.Ino, Name: name, Ino: ino}
		if parent && last {
			return next, nil
		}
		covered := v.NS.top(next)
		if covered.Mount != next.Mount {
			v.strayed = true
			at, path = covered, rest
			if last {
				return v.end(at, slash)
			}
			continue
		}
		if last && !follow && !slash {
			return next, nil
		}
		if st, err = fs.Stat(ino); err != nil {
			return Ref{}, err
		}
		if !st.Mode.IsSymlink() {
			at, path, known = next, rest, true
			if last {
				return v.end(at, slash)
			}
			continue
		}
		if links++; links > linux.MaxSymlinks {
			return Ref{}, linux.ELOOP
		}
		if ml, ok := fs.(MagicLinker); ok {
			ref, ok, err := ml.FollowMagic(ino)
			if err != nil {
				return Ref{}, err
			}
			if ok {
				v.strayed = true // following it may have resolved paths of this view
				at, path = ref, rest
				if last {
					return v.end(at, slash)
				}
				continue
			}
		}
		target, err := fs.Readlink(ino)
		if err != nil {
			return Ref{}, err
		}
		if target == "" {
			return Ref{}, linux.ENOENT
		}
		if more {
			target += "/" + rest
		}
		if len(target) >= linux.PATH_MAX {
			return Ref{}, linux.ENAMETOOLONG
		}
		if target[0] == '/' {
			at = v.root
		}
		path = target
	}
}

// end judges the trailing slash of a path that has been walked to something that exists.
func (v *View) end(r Ref, slash bool) (Ref, error) {
	if slash {
		st, err := r.Stat()
		if err != nil {
			return Ref{}, err
		}
		if !st.Mode.IsDir() {
			return Ref{}, linux.ENOTDIR
		}
	}
	return r, nil
}

// up is "..": it stops at the view's root and crosses mounts.
func (v *View) up(at Ref) (Ref, error) {
	v.strayed = true
	for {
		if at.same(v.root) {
			return at, nil
		}
		if at.Ino != at.Mount.Root {
			break
		}
		if at.Mount.parent == nil {
			return at, nil
		}
		at = Ref{Mount: at.Mount.parent, Ino: at.Mount.point}
	}
	p, err := at.Mount.FS.Parent(at.Ino)
	if err != nil {
		return Ref{}, err
	}
	return v.NS.top(Ref{Mount: at.Mount, Ino: p}), nil
}

// PathOf is the absolute path of a directory, or of a name in one, as the view sees it. ok is
// false where it is outside of the view's root or gone.
func (v *View) PathOf(r Ref) (path string, ok bool) {
	var parts []string
	for !r.same(v.root) {
		if r.Ino == r.Mount.Root {
			if r.Mount.parent == nil {
				return "", false
			}
			r = Ref{Mount: r.Mount.parent, Ino: r.Mount.point, Dir: r.Mount.pointDir(), Name: r.Mount.pointName()}
			continue
		}
		fs := r.Mount.FS
		dir, name := r.Dir, r.Name
		if dir == 0 {
			p, err := fs.Parent(r.Ino)
			if err != nil || p == r.Ino {
				return "", false
			}
			if name, err = nameIn(fs, p, r.Ino); err != nil {
				return "", false
			}
			dir = p
		} else if ino, err := fs.Lookup(dir, name); err != nil || r.Ino != 0 && ino != r.Ino {
			return "", false
		}
		parts = append(parts, name)
		r = Ref{Mount: r.Mount, Ino: dir}
		if m := v.NS.covering(r.Mount, r.Ino); m != nil && !r.same(v.root) {
			return "", false // covered by a mount since
		}
	}
	if len(parts) == 0 {
		return "/", true
	}
	var b strings.Builder
	for i := len(parts) - 1; i >= 0; i-- {
		b.WriteByte('/')
		b.WriteString(parts[i])
	}
	return b.String(), true
}

// A mount point that is a file is found again by the last name of the path it was mounted at.
func (m *Mount) pointName() string { return m.Path[strings.LastIndexByte(m.Path, '/')+1:] }
func (m *Mount) pointDir() Ino {
	st, err := m.parent.FS.Stat(m.point)
	if err != nil || st.Mode.IsDir() {
		return 0
	}
	v := &View{NS: &Namespace{root: m.parent, at: map[covered]*Mount{}}, Cred: Root(CapsAll)}
	v.root = Ref{Mount: m.parent, Ino: m.parent.Root}
	v.cwd = v.root
	r, err := v.Resolve(strings.TrimPrefix(m.Path, strings.TrimSuffix(m.parent.Path, "/")), false)
	if err != nil {
		return 0
	}
	return r.Dir
}

// Getwd is the working directory's path. ENOENT where it has been removed.
func (v *View) Getwd() (string, error) {
	p, ok := v.PathOf(v.cwd)
	if !ok {
		return "", linux.ENOENT
	}
	return p, nil
}

// Cwd is the working directory; RootDir the root directory.
func (v *View) Cwd() Ref     { return v.cwd }
func (v *View) RootDir() Ref { return v.root }

// Chdir changes the working directory. ENOTDIR, EACCES.
func (v *View) Chdir(path string) error {
	r, err := v.Resolve(path, true)
	if err != nil {
		return err
	}
	return v.ChdirTo(r)
}

// ChdirTo is Chdir for a place already found.
func (v *View) ChdirTo(r Ref) error {
	st, err := r.Stat()
	if err != nil {
		return err
	}
	if !st.Mode.IsDir() {
		return linux.ENOTDIR
	}
	if !v.Cred.May(&st, linux.X_OK) {
		return linux.EACCES
	}
	r.Mount.FS.Pin(r.Ino)
	if v.cwd.Mount != nil {
		v.cwd.Mount.FS.Unpin(v.cwd.Ino)
	}
	r.Dir, r.Name = 0, ""
	v.cwd = r
	return nil
}

// Chroot changes the root directory (and not the working directory). EPERM without CapSysChroot.
func (v *View) Chroot(path string) error {
	r, err := v.Resolve(path, true)
	if err != nil {
		return err
	}
	st, err := r.Stat()
	switch {
	case err != nil:
		return err
	case !st.Mode.IsDir():
		return linux.ENOTDIR
	case !v.Cred.May(&st, linux.X_OK):
		return linux.EACCES
	case !v.Cred.Has(CapSysChroot):
		return linux.EPERM
	}
	r.Dir, r.Name = 0, ""
	v.root = r
	return nil
}

// Stat is stat(2); Lstat does not follow a symlink at the end.
func (v *View) Stat(path string) (Stat, error) {
	r, err := v.Resolve(path, true)
	if err != nil {
		return Stat{}, err
	}
	return r.Stat()
}

// Lstat is lstat(2).
func (v *View) Lstat(path string) (Stat, error) {
	r, err := v.Resolve(path, false)
	if err != nil {
		return Stat{}, err
	}
	return r.Stat()
}

// ReadDir lists a directory, without "." and "..". What is mounted on an entry shows with the
// mount's inode and type.
func (v *View) ReadDir(path string) ([]Dirent, error) {
	r, err := v.Resolve(path, true)
	if err != nil {
		return nil, err
	}
	st, err := r.Stat()
	if err != nil {
		return nil, err
	}
	if !st.Mode.IsDir() {
		return nil, linux.ENOTDIR
	}
	if !v.Cred.May(&st, linux.R_OK) {
		return nil, linux.EACCES
	}
	return v.List(r)
}

// List is ReadDir of a place that is known to be a readable directory.
func (v *View) List(r Ref) ([]Dirent, error) {
	es, err := r.Mount.FS.ReadDir(r.Ino)
	if err != nil {
		return nil, err
	}
	for i := range es {
		if m := v.NS.covering(r.Mount, es[i].Ino); m != nil {
			top := v.NS.top(Ref{Mount: m, Ino: m.Root})
			if st, err := top.Stat(); err == nil {
				es[i].Ino, es[i].Mode = st.Ino, st.Mode.Type()
			}
		}
	}
	return es, nil
}

// Readlink is readlink(2): EINVAL for what is no symlink.
func (v *View) Readlink(path string) (string, error) {
	r, err := v.Resolve(path, false)
	if err != nil {
		return "", err
	}
	st, err := r.Stat()
	if err != nil {
		return "", err
	}
	if !st.Mode.IsSymlink() {
		return "", linux.EINVAL
	}
	return r.Mount.FS.Readlink(r.Ino)
}

// Access is access(2), judged by the effective identity.
func (v *View) Access(path string, mode int) error {
	r, err := v.Resolve(path, true)
	if err != nil {
		return err
	}
	st, err := r.Stat()
	if err != nil {
		return err
	}
	if mode&linux.W_OK != 0 && r.Mount != nil && r.Mount.ReadOnly && (st.Mode.IsRegular() || st.Mode.IsDir() || st.Mode.IsSymlink()) {
		return linux.EROFS
	}
	if !v.Cred.May(&st, mode) {
		return linux.EACCES
	}
	return nil
}

// mayChange judges whether names may come and go in the directory of r, which it describes.
func (v *View) mayChange(r Ref) (dir Stat, err error) {
	dir, err = r.Mount.FS.Stat(r.Dir)
	switch {
	case err != nil:
	case dir.Nlink == 0:
		err = linux.ENOENT
	case r.Mount.ReadOnly:
		err = linux.EROFS
	case !v.Cred.May(&dir, linux.W_OK|linux.X_OK):
		err = linux.EACCES
	}
	return dir, err
}

// mayRemove is mayChange for taking away what is there and has st: the sticky bit, and mounts on it.
func (v *View) mayRemove(r Ref, st Stat) error {
	dir, err := v.mayChange(r)
	if err != nil {
		return err
	}
	if dir.Mode&linux.S_ISVTX != 0 && v.Cred.UID != dir.UID && v.Cred.UID != st.UID && !v.Cred.Has(CapFowner) {
		return linux.EPERM
	}
	if v.NS.busy(r.Mount, r.Ino) {
		return linux.EBUSY
	}
	return nil
}

// Create makes what n describes at r, a place from ResolveParent or ResolveCreate. Owner and
// group come from the view (and a set-group-ID directory), the umask is applied.
func (v *View) Create(r Ref, n Node) (Ref, error) {
	if r.Ino != 0 || r.Opened != nil {
		return r, linux.EEXIST
	}
	dir, err := v.mayChange(r)
	if err != nil {
		return r, err
	}
	n.UID, n.GID = v.Cred.UID, v.Cred.GID
	if !n.Mode.IsSymlink() {
		n.Mode &^= v.Umask & 0o777
	}
	if dir.Mode&linux.S_ISGID != 0 {
		n.GID = dir.GID
		if n.Mode.IsDir() {
			n.Mode |= linux.S_ISGID
		}
	}
	r.Ino, err = r.Mount.FS.Create(r.Dir, r.Name, n)
	return r, err
}

// Mkdir is mkdir(2).
func (v *View) Mkdir(path string, perm linux.Mode) error {
	r, _, err := v.ResolveParent(path)
	if err != nil {
		return err
	}
	if r.Name == "." || r.Name == ".." || r.Name == "/" {
		return linux.EEXIST
	}
	_, err = v.Create(r, Node{Mode: linux.S_IFDIR | perm.Perm()&0o1777})
	return err
}

// Mknod makes a special or regular file. EPERM for a device without CapMknod.
func (v *View) Mknod(path string, mode linux.Mode, dev linux.Dev) error {
	r, slash, err := v.ResolveParent(path)
	if err != nil {
		return err
	}
	if r.Name == "." || r.Name == ".." || r.Name == "/" {
		return linux.EEXIST
	}
	if slash {
		return linux.ENOENT
	}
	switch mode.Type() {
	case linux.S_IFCHR, linux.S_IFBLK:
		if !v.Cred.Has(CapMknod) {
			return linux.EPERM
		}
	case 0:
		mode |= linux.S_IFREG
	case linux.S_IFREG, linux.S_IFIFO, linux.S_IFSOCK:
	default:
		return linux.EINVAL
	}
	_, err = v.Create(r, Node{Mode: mode, Rdev: dev})
	return err
}

// Symlink makes path a symlink to target.
func (v *View) Symlink(target, path string) error {
	if target == "" {
		return linux.ENOENT
	}
	if len(target) >= linux.PATH_MAX {
		return linux.ENAMETOOLONG
	}
	r, slash, err := v.ResolveParent(path)
	if err != nil {
		return err
	}
	if r.Name == "." || r.Name == ".." || r.Name == "/" {
		return linux.EEXIST
	}
	if slash && r.Ino == 0 {
		return linux.ENOENT
	}
	_, err = v.Create(r, Node{Mode: linux.S_IFLNK | 0o777, Target: target})
	return err
}

// Link makes path another name of old; a symlink at old is not followed.
func (v *View) Link(old, path string) error {
	o, err := v.Resolve(old, false)
	if err != nil {
		return err
	}
	r, slash, err := v.ResolveParent(path)
	if err != nil {
		return err
	}
	if r.Ino != 0 || r.Name == "." || r.Name == ".." || r.Name == "/" {
		return linux.EEXIST
	}
	if slash {
		return linux.ENOENT
	}
	switch {
	case r.Mount.FS.Type() == "proc":
		return linux.ENOENT // there, what is not found cannot be made either
	case r.Mount.ReadOnly:
		return linux.EROFS
	case o.Mount != r.Mount:
		return linux.EXDEV
	}
	st, err := o.Stat()
	if err != nil {
		return err
	}
	if !v.mayLink(st) {
		return linux.EPERM
	}
	if _, err := v.mayChange(r); err != nil {
		return err
	}
	if st.Mode.IsDir() {
		return linux.EPERM
	}
	return o.Mount.FS.Link(o.Dir, o.Name, r.Dir, r.Name)
}

// mayLink is the rule of fs.protected_hardlinks, which Debian turns on: to somebody else's file one
// may link only if one could read and write it, and it is an ordinary file that gives no rights.
func (v *View) mayLink(st Stat) bool {
	if v.Cred.Owns(&st) {
		return true
	}
	const sgid = linux.S_ISGID | 0o010
	return st.Mode.IsRegular() && st.Mode&linux.S_ISUID == 0 && st.Mode&sgid != sgid && v.Cred.May(&st, linux.R_OK|linux.W_OK)
}

// Unlink is unlink(2).
func (v *View) Unlink(path string) error {
	r, slash, err := v.ResolveParent(path)
	if err != nil {
		return err
	}
	if r.Name == "." || r.Name == ".." || r.Name == "/" {
		return linux.EISDIR
	}
	if r.Ino == 0 {
		return linux.ENOENT
	}
	st, err := r.Mount.FS.Stat(r.Ino)
	if err != nil {
		return err
	}
	if slash && !st.Mode.IsDir() {
		return linux.ENOTDIR
	}
	if err := v.mayRemove(r, st); err != nil {
		return err
	}
	if st.Mode.IsDir() {
		return linux.EISDIR
	}
	return r.Mount.FS.Unlink(r.Dir, r.Name)
}

// Rmdir is rmdir(2).
func (v *View) Rmdir(path string) error {
	r, _, err := v.ResolveParent(path)
	if err != nil {
		return err
	}
	switch r.Name {
	case ".":
		return linux.EINVAL
	case "..":
		return linux.ENOTEMPTY
	case "/":
		return linux.EBUSY
	}
	if r.Ino == 0 {
		return linux.ENOENT
	}
	st, err := r.Mount.FS.Stat(r.Ino)
	if err != nil {
		return err
	}
	if err := v.mayRemove(r, st); err != nil {
		return err
	}
	if !st.Mode.IsDir() {
		return linux.ENOTDIR
	}
	return r.Mount.FS.Rmdir(r.Dir, r.Name)
}

// Rename is rename(2).
func (v *View) Rename(old, path string) error {
	o, oslash, err := v.ResolveParent(old)
	if err != nil {
		return err
	}
	r, slash, err := v.ResolveParent(path)
	if err != nil {
		return err
	}
	for _, n := range []string{o.Name, r.Name} {
		if n == "." || n == ".." || n == "/" {
			return linux.EBUSY
		}
	}
	if o.Mount != r.Mount {
		return linux.EXDEV
	}
	if o.Ino == 0 {
		return linux.ENOENT
	}
	fs := o.Mount.FS
	st, err := fs.Stat(o.Ino)
	if err != nil {
		return err
	}
	if !st.Mode.IsDir() && (oslash || slash) {
		return linux.ENOTDIR
	}
	within := func(dir, top Ino) (bool, error) {
		for dir != top {
			p, err := fs.Parent(dir)
			if err != nil || p == dir {
				return false, err
			}
			dir = p
		}
		return true, nil
	}
	if in, err := within(r.Dir, o.Ino); err != nil {
		return err
	} else if in {
		return linux.EINVAL // into itself
	}
	if in, err := within(o.Dir, r.Ino); err != nil {
		return err
	} else if in {
		return linux.ENOTEMPTY // over a directory that it is in
	}
	if o.Ino == r.Ino { // nothing to do, whoever asks
		if c, ok := fs.(Copier); !ok || o.Dir == r.Dir && o.Name == r.Name || c.OneFile(o.Ino) {
			return nil
		}
	}
	if err := v.mayRemove(o, st); err != nil {
		return err
	}
	if r.Ino == 0 {
		if _, err := v.mayChange(r); err != nil {
			return err
		}
	} else {
		nst, err := fs.Stat(r.Ino)
		if err != nil {
			return err
		}
		if err := v.mayRemove(r, nst); err != nil {
			return err
		}
		if st.Mode.IsDir() && !nst.Mode.IsDir() {
			return linux.ENOTDIR
		}
		if !st.Mode.IsDir() && nst.Mode.IsDir() {
			return linux.EISDIR
		}
	}
	if st.Mode.IsDir() && o.Dir != r.Dir && !v.Cred.May(&st, linux.W_OK) {
		return linux.EACCES // its ".." changes
	}
	return fs.Rename(o.Dir, o.Name, r.Dir, r.Name)
}

// Chmod is chmod(2). The set-group-ID bit is dropped where the caller is not in the group.
func (v *View) Chmod(path string, perm linux.Mode) error {
	r, err := v.Resolve(path, true)
	if err != nil {
		return err
	}
	return v.ChmodRef(r, perm)
}

// ChmodRef is Chmod of a place already found.
func (v *View) ChmodRef(r Ref, perm linux.Mode) error {
	if r.Opened != nil {
		return linux.EPERM
	}
	st, err := r.Stat()
	if err != nil {
		return err
	}
	if r.Mount.ReadOnly {
		return linux.EROFS
	}
	if !v.Cred.Owns(&st) {
		return linux.EPERM
	}
	perm = perm.Perm()
	if perm&linux.S_ISGID != 0 && !v.Cred.InGroup(st.GID) && !v.Cred.Has(CapFsetid) {
		perm &^= linux.S_ISGID
	}
	if r, err = r.CopyUp(); err != nil {
		return err
	}
	return r.Mount.FS.SetAttr(r.Ino, Attr{Mode: &perm})
}

// NoID leaves an owner or group as it is.
const NoID = ^uint32(0)

// Chown is chown(2), or lchown where follow is false. Regular files lose their set-id bits.
func (v *View) Chown(path string, uid, gid uint32, follow bool) error {
	r, err := v.Resolve(path, follow)
	if err != nil {
		return err
	}
	return v.ChownRef(r, uid, gid)
}

// ChownRef is Chown of a place already found.
func (v *View) ChownRef(r Ref, uid, gid uint32) error {
	if r.Opened != nil {
		return nil
	}
	st, err := r.Stat()
	if err != nil {
		return err
	}
	if r.Mount.ReadOnly {
		return linux.EROFS
	}
	if !v.Cred.Has(CapChown) {
		if uid != NoID && (uid != st.UID || v.Cred.UID != st.UID) {
			return linux.EPERM
		}
		if gid != NoID && (v.Cred.UID != st.UID || gid != st.GID && !v.Cred.InGroup(gid)) {
			return linux.EPERM
		}
	}
	if r, err = r.CopyUp(); err != nil {
		return err
	}
	var a Attr
	if uid != NoID {
		a.UID = &uid
	}
	if gid != NoID {
		a.GID = &gid
	}
	if !st.Mode.IsDir() && !st.Mode.IsSymlink() {
		a.Mode = st.withoutSetID()
	}
	return r.Mount.FS.SetAttr(r.Ino, a)
}

// Utimes sets access and modification times. now says that both are the current time, for which
// write permission is enough.
func (v *View) Utimes(path string, atime, mtime *time.Time, follow, now bool) error {
	r, err := v.Resolve(path, follow)
	if err != nil {
		return err
	}
	return v.UtimesRef(r, atime, mtime, now)
}

// UtimesRef is Utimes of a place already found.
func (v *View) UtimesRef(r Ref, atime, mtime *time.Time, now bool) error {
	if r.Opened != nil {
		return nil
	}
	st, err := r.Stat()
	if err != nil {
		return err
	}
	if r.Mount.ReadOnly {
		return linux.EROFS
	}
	if !v.Cred.Owns(&st) {
		if !now {
			return linux.EPERM
		}
		if !v.Cred.May(&st, linux.W_OK) {
			return linux.EACCES
		}
	}
	if r, err = r.CopyUp(); err != nil {
		return err
	}
	if now {
		return r.Mount.FS.SetAttr(r.Ino, Attr{Touch: true})
	}
	return r.Mount.FS.SetAttr(r.Ino, Attr{Atime: atime, Mtime: mtime})
}

// Truncate is truncate(2).
func (v *View) Truncate(path string, size int64) error {
	r, err := v.Resolve(path, true)
	if err != nil {
		return err
	}
	st, err := r.Stat()
	switch {
	case err != nil:
		return err
	case size < 0:
		return linux.EINVAL
	case st.Mode.IsDir():
		return linux.EISDIR
	case !st.Mode.IsRegular():
		return linux.EINVAL
	case r.Mount.ReadOnly:
		return linux.EROFS
	case !v.Cred.May(&st, linux.W_OK):
		return linux.EACCES
	}
	if r, err = r.CopyUp(); err != nil {
		return err
	}
	return r.Mount.FS.SetAttr(r.Ino, v.Resized(st, size))
}

// Resized is the change that a new size brings: who has no CAP_FSETID takes set-id bits away with it.
func (v *View) Resized(st Stat, size int64) Attr {
	a := Attr{Size: &size}
	if !v.Cred.Has(CapFsetid) {
		a.Mode = st.withoutSetID()
	}
	return a
}

// Written is the change that writing to a file brings besides its content, nil for none: as Resized.
func (v *View) Written(st Stat) *linux.Mode {
	if v.Cred.Has(CapFsetid) {
		return nil
	}
	return st.withoutSetID()
}

// withoutSetID gives the mode that a file has when its set-id bits are taken away, nil where it has
// none. A set-gid bit without an x for the group means mandatory locks, and stays.
func (st Stat) withoutSetID() *linux.Mode {
	m := st.Mode.Perm() &^ linux.S_ISUID
	if m&0o010 != 0 {
		m &^= linux.S_ISGID
	}
	if m == st.Mode.Perm() {
		return nil
	}
	return &m
}

// ReadFile reads the whole of a regular file of at most limit bytes. EFBIG beyond it.
func (v *View) ReadFile(path string, limit int64) ([]byte, error) {
	r, err := v.Resolve(path, true)
	if err != nil {
		return nil, err
	}
	st, err := r.Stat()
	switch {
	case err != nil:
		return nil, err
	case st.Mode.IsDir():
		return nil, linux.EISDIR
	case r.Opened != nil || !st.Mode.IsRegular():
		return nil, linux.EINVAL
	case !v.Cred.May(&st, linux.R_OK):
		return nil, linux.EACCES
	}
	size := st.Size
	if r.Mount.FS.Type() == "proc" || r.Mount.FS.Type() == "sysfs" {
		size = 64 << 10 // the files of /proc have no size until they are read
	}
	if size > limit {
		return nil, linux.EFBIG
	}
	b := make([]byte, size)
	n, err := r.Mount.FS.ReadAt(r.Ino, b, 0)
	if err == io.EOF {
		err = nil
	}
	return b[:n], err
}

// WriteFile writes data to a file that it makes with perm if need be, and empties first.
func (v *View) WriteFile(path string, data []byte, perm linux.Mode) error {
	r, slash, err := v.ResolveCreate(path)
	if err != nil {
		return err
	}
	if r.Opened != nil {
		return linux.EINVAL
	}
	if r.Ino == 0 {
		if slash {
			return linux.EISDIR
		}
		if r, err = v.Create(r, Node{Mode: linux.S_IFREG | perm.Perm()}); err != nil {
			return err
		}
	} else {
		st, err := r.Stat()
		switch {
		case err != nil:
			return err
		case st.Mode.IsDir():
			return linux.EISDIR
		case !v.Cred.May(&st, linux.W_OK):
			return linux.EACCES
		}
		if r, err = r.CopyUp(); err != nil {
			return err
		}
		var zero int64
		if err := r.Mount.FS.SetAttr(r.Ino, Attr{Size: &zero}); err != nil {
			return err
		}
	}
	for off := int64(0); len(data) > 0; {
		n, err := r.Mount.FS.WriteAt(r.Ino, data, off)
		if err != nil {
			return err
		}
		data, off = data[n:], off+int64(n)
	}
	return nil
}

package build

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"net/url"
	"path"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/dockerlab/dockerlab/sim/build/archive"
	"github.com/dockerlab/dockerlab/sim/image"
	"github.com/dockerlab/dockerlab/sim/layer"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// copying is a COPY or ADD that knows what it copies.
type copying struct {
	name   string // "COPY" or "ADD"
	items  []item
	dest   string // as written, expanded
	chown  string
	unpack bool // archives
	keep   bool // owners: COPY --from without --chown
}

// item is one file or directory to be copied: what a source named, or one match of its glob.
type item struct {
	src  *source
	path string // relative to the source's root, as named
	hash string // "file:..." or "dir:...", what history shows and the cache compares
	raw  bool   // never an archive: what ADD downloads is not unpacked
}

func (r *run) add(st *stage, c *instructions.AddCommand) error {
	if c.Chmod != "" {
		return needsBuildKit("chmod")
	}
	cp := copying{name: "ADD", dest: c.DestPath, chown: c.Chown, unpack: true}
	return r.copyFrom(st, cp, c.SourcePaths, r.context, false)
}

func (r *run) copy(st *stage, c *instructions.CopyCommand) error {
	if c.Chmod != "" {
		return needsBuildKit("chmod")
	}
	cp := copying{name: "COPY", dest: c.DestPath, chown: c.Chown}
	if c.From == "" {
		return r.copyFrom(st, cp, c.SourcePaths, r.context, false)
	}
	cp.keep = c.Chown == ""
	src, err := r.imageSource(st, c.From)
	if err != nil {
		return fmt.Errorf("invalid from flag value %s: %w", c.From, err)
	}
	return r.copyFrom(st, cp, c.SourcePaths, src, true)
}

// imageSource opens the files of a stage or an image.
func (r *run) imageSource(st *stage, name string) (*source, error) {
	var i *image.Image
	earlier, err := r.earlier(name)
	switch {
	case err != nil:
		return nil, err
	case earlier != nil:
		i = earlier.image
	default:
		if i, err = r.lookUp(name, r.options.Platform); err != nil {
			return nil, err
		}
	}
	if src, ok := r.images[idOf(i)]; ok {
		return src, nil
	}
	tree, err := treeOf(i)
	if err != nil {
		return nil, err
	}
	src := &source{tree: tree}
	r.images[idOf(i)] = src
	return src, nil
}

// treeOf is the files of an image.
func treeOf(i *image.Image) (*layer.Tree, error) {
	if i == nil || i.Layers.Depth() == 0 {
		return layer.NewTree(), nil
	}
	return i.Layers.Tree()
}

// copyFrom finds what is to be copied, and copies it unless the cache has it.
func (r *run) copyFrom(st *stage, cp copying, sources []string, src *source, isImage bool) error {
	for _, s := range sources {
		items, err := r.find(s, cp, src, isImage)
		if err != nil {
			return fmt.Errorf("%s failed: %w", cp.name, err)
		}
		cp.items = append(cp.items, items...)
	}
	if len(cp.items) == 0 {
		return fmt.Errorf("%s failed: no source files were specified", cp.name)
	}
	if len(cp.items) > 1 && !strings.HasSuffix(cp.dest, "/") {
		return fmt.Errorf("When using %s with more than one source file, the destination must be a directory and end with a /", cp.name)
	}
	chown := ""
	if cp.chown != "" {
		chown = "--chown=" + cp.chown // and no blank after it: that is how 20.10 has it
	}
	cfg := noted(st.config, fmt.Sprintf("#(nop) %s %s%s in %s ", cp.name, chown, cp.hash(), cp.dest))
	if hit, err := r.look(st, cfg); err != nil || hit {
		return err
	}
	l, err := r.place(st, cp, cfg.Cmd)
	if err != nil {
		return err
	}
	i, err := image.Child(st.image, image.Step{
		Layer:           l,
		Config:          frozen(st.config),
		ContainerConfig: *frozen(cfg),
		Created:         r.engine.Now(),
		Author:          st.maintainer,
		CreatedBy:       strings.Join(cfg.Cmd, " "),
	})
	if err != nil {
		return err
	}
	if err := r.engine.AddImage(i); err != nil {
		return fmt.Errorf("failed to export image: %w", err)
	}
	st.image = i
	return nil
}

// hash is the checksum of all that is copied: one item's own, or that of the items' together.
func (cp *copying) hash() string {
	if len(cp.items) == 1 {
		return cp.items[0].hash
	}
	var all []string
	for _, i := range cp.items {
		all = append(all, i.hash)
	}
	return hashOf("multi", all)
}

func hashOf(kind string, hashes []string) string {
	sum := sha256.Sum256([]byte(strings.Join(hashes, ",")))
	return kind + ":" + hex.EncodeToString(sum[:])
}

// find gives the items that one source of COPY or ADD stands for.
func (r *run) find(name string, cp copying, src *source, isImage bool) ([]item, error) {
	if isURL(name) {
		if cp.name != "ADD" {
			return nil, errors.New("source can't be a URL for COPY")
		}
		i, err := r.download(name, cp.dest)
		return []item{i}, err
	}
	if src == nil {
		return nil, errors.New("missing build context")
	}
	name = strings.TrimPrefix(strings.TrimPrefix(name, "/"), "./")
	if !isGlob(name) {
		i, err := find(name, src, isImage)
		return []item{i}, err
	}
	var items []item
	err := src.walk("/", func(rel string, n *layer.Inode) error {
		if r.ctx.Err() != nil {
			return r.ctx.Err()
		}
		if ok, _ := path.Match(name, rel); !ok || rel == "." {
			return nil
		}
		i, err := find(rel, src, isImage)
		items = append(items, i)
		return err
	})
	return items, err
}

// isGlob says whether a name has a wildcard that is not escaped.
func isGlob(name string) bool {
	for i := 0; i < len(name); i++ {
		switch name[i] {
		case '\\':
			i++
		case '*', '?', '[':
			return true
		}
	}
	return false
}

// find is one file or directory.
func find(name string, src *source, isImage bool) (item, error) {
	n, err := src.stat(name)
	if err != nil {
		if isNotExist(err) && !isImage {
			err = fmt.Errorf("file not found in build context or excluded by .dockerignore: %w", err)
		}
		return item{}, err
	}
	i := item{src: src, path: name}
	if !n.Mode.IsDir() {
		sum, err := src.hash(name)
		i.hash = "file:" + sum
		return i, err
	}
	at, err := src.resolve(name)
	if err != nil {
		return item{}, err
	}
	var all []string
	err = src.walk(at, func(rel string, n *layer.Inode) error {
		if rel == "." {
			return nil
		}
		if sum, err := src.hash(rel); err == nil {
			all = append(all, sum)
		}
		return nil
	})
	sort.Strings(all)
	i.hash = hashOf("dir", all)
	return i, err
}

// unnamed is what a download without a name is called, where the destination names it.
const unnamed = "__unnamed__"

// download fetches what ADD was given an address of.
func (r *run) download(address, dest string) (item, error) {
	u, err := url.Parse(address)
	if err != nil {
		return item{}, err
	}
	p, err := Get(r.ctx, r.web, address)
	if err != nil {
		return item{}, err
	}
	defer p.Body.Close()
	name := base(u.Path)
	if _, params, err := mime.ParseMediaType(p.ContentDisposition); err == nil && name == "" {
		name = base(params["filename"])
	}
	file := name
	if file == "" {
		file = unnamed
	}
	fs, release := r.engine.NewFS(nil)
	r.closers = append(r.closers, release)
	v := view(fs)
	w, err := archive.CreateFile(v, "/"+file, 0o600)
	if err != nil {
		return item{}, err
	}
	body := NewProgressReader(p.Body, p.Length, func(done, total int64, last bool) {
		r.tell(Downloading{Progress{Status: "Downloading", Current: done, Total: total}, last})
	})
	if _, err := w.ReadFrom(archive.Bound(body, r.limits.ContextBytes)); err != nil {
		return item{}, err
	}
	r.tell(Downloaded{address})
	mtime := time.Unix(0, 0)
	if t, err := http.ParseTime(p.LastModified); err == nil {
		mtime = t
	}
	if err := v.Utimes("/"+file, &mtime, &mtime, true, false); err != nil {
		return item{}, err
	}
	if name == "" && strings.HasSuffix(dest, "/") {
		return item{}, fmt.Errorf("cannot determine filename for source %s", address)
	}
	src := &source{tree: fs.Tree()}
	sum, err := src.hash(file)
	// The file's name is part of the checksum without a prefix: the engine forgot it.
	return item{src: src, path: file, hash: sum, raw: true}, err
}

// place copies onto the stage's image and gives the layer that comes of it; nil where nothing
// changed.
func (r *run) place(st *stage, cp copying, cmd []string) (*layer.Layer, error) {
	tree, err := treeOf(st.image)
	if err != nil {
		return nil, err
	}
	fs, release := r.engine.NewFS(tree)
	defer release()
	d := destination{v: view(fs), where: "/var/lib/docker/overlay2/" + mountName(st.image, cmd) + "/merged"}
	dest := cp.dest
	if !path.IsAbs(dest) {
		dest = path.Join("/", st.config.WorkingDir, dest)
		if strings.HasSuffix(cp.dest, "/") {
			dest += "/"
		}
	}
	owner := archive.Owner{}
	if cp.chown != "" {
		if owner, err = d.owner(cp.chown); err != nil {
			return nil, fmt.Errorf("unable to convert uid/gid chown string to host mapping: %w", err)
		}
	}
	if !cp.keep {
		d.to = &owner
	}
	d.unpack = cp.unpack
	d.limits = archive.Limits{Entries: r.limits.ContextEntries, Bytes: r.limits.ContextBytes}
	for _, i := range cp.items {
		if r.ctx.Err() != nil {
			return nil, r.ctx.Err()
		}
		if err := d.put(i, dest); err != nil {
			return nil, fmt.Errorf("failed to copy files: %w", err)
		}
	}
	return fs.Layer()
}

// mountName is the name of the directory in which the engine would mount the files of a step.
func mountName(i *image.Image, cmd []string) string {
	sum := sha256.Sum256([]byte(string(idOf(i)) + strings.Join(cmd, " ")))
	return hex.EncodeToString(sum[:])
}

// destination is the files of an image that is being made.
type destination struct {
	v      *vfs.View
	where  string         // the engine has mounted them, which shows in its errors
	to     *archive.Owner // whom files are given to; nil: they keep their owners
	unpack bool
	limits archive.Limits
}

// outside names the path of an error as it is outside of the image, where the engine stands.
func (d *destination) outside(err error) error {
	switch e := err.(type) {
	case *archive.PathError:
		return &archive.PathError{Op: e.Op, Path: path.Join(d.where, e.Path), Err: e.Err}
	case *fs.PathError:
		return &archive.PathError{Op: e.Op, Path: path.Join(d.where, e.Path), Err: e.Err}
	case *vfs.TooManyLinks:
		return &vfs.TooManyLinks{Path: path.Join(d.where, e.Path)}
	}
	return err
}

// mkdirAll makes a directory and those above it that are missing.
func (d *destination) mkdirAll(dir string, owner *archive.Owner) error {
	return d.outside(archive.MkdirAll(d.v, dir, 0o755, owner))
}

// insideError is an error of the part of the engine that has the destination as its root directory.
type insideError struct{ err error }

func (e *insideError) Error() string {
	return "Error processing tar file(exit status 1): " + e.err.Error()
}
func (e *insideError) Unwrap() error { return e.err }

// resolve follows the symlinks of a path within the image.
func (d *destination) resolve(p string) (string, error) {
	to, err := d.v.InScope(p)
	return to, d.outside(err)
}

func (d *destination) isDir(p string) (bool, error) {
	st, err := d.v.Stat(p)
	if err == linux.ENOENT {
		return false, nil
	}
	if err != nil {
		return false, d.outside(&archive.PathError{Op: "stat", Path: p, Err: err})
	}
	return st.Mode.IsDir(), nil
}

// put copies one item to dest, an absolute path whose symlinks are not followed yet.
func (d *destination) put(i item, dest string) error {
	from, err := i.src.resolve(i.path)
	if err != nil {
		return err
	}
	to, err := d.resolve(dest)
	if err != nil {
		return err
	}
	n := i.src.at(from)
	if n == nil {
		return fmt.Errorf("source path not found: stat %s: no such file or directory", i.path)
	}
	if n.Mode.IsDir() {
		return d.putDir(i.src, from, to)
	}
	if d.unpack && !i.raw && n.Mode.IsRegular() && archive.Is(contentReader(n.Content)) {
		return d.putArchive(n, to)
	}
	isDir, err := d.isDir(to)
	if err != nil {
		return err
	}
	if strings.HasSuffix(dest, "/") || isDir {
		to = path.Join(to, path.Base(i.path)) // the name as written: a symlink's, not its target's
	}
	return d.putFile(n, to)
}

// below is a view whose root is a directory of the image: symlinks on the way to what is unpacked
// there stay within it.
//
// To make it, the engine makes a directory in it and removes it again. That shows: the directory is
// in the layer even if nothing is put there.
func (d *destination) below(dir string) (*vfs.View, error) {
	pivot := path.Join(dir, ".pivot_root381276409")
	err := d.v.Mkdir(pivot, 0o700)
	if err == nil {
		err = d.v.Rmdir(pivot)
	}
	if err != nil {
		e := &archive.PathError{Op: "mkdir", Path: path.Join(d.where, pivot), Err: err}
		return nil, &insideError{fmt.Errorf("Error setting up pivot dir: %w", e)}
	}
	v := d.v.Clone()
	if err := v.Chroot(dir); err != nil {
		return nil, &insideError{&archive.PathError{Op: "chroot", Path: dir, Err: err}}
	}
	return v, nil
}

// putDir copies what is in a directory. Only what was copied, and dir itself if it is new, is given
// to the owner.
func (d *destination) putDir(src *source, from, to string) error {
	existed, err := d.isDir(to)
	if err != nil {
		return fmt.Errorf("failed to query destination path: %w", err)
	}
	if err := d.mkdirAll(to, &archive.Owner{}); err != nil {
		return fmt.Errorf("failed to copy directory: %w", err)
	}
	v, err := d.below(to)
	if err == nil {
		err = copyTree(src, from, v)
	}
	if err != nil {
		return fmt.Errorf("failed to copy directory: %w", err)
	}
	if d.to == nil {
		return nil
	}
	return src.walk(from, func(rel string, n *layer.Inode) error {
		name := path.Join("/", strings.TrimPrefix("/"+rel, from))
		if rel == "." {
			name = "/"
		}
		if name == "/" && existed {
			return nil
		}
		return chown(v, name, *d.to)
	})
}

func chown(v *vfs.View, name string, o archive.Owner) error {
	if err := v.Chown(name, o.UID, o.GID, false); err != nil {
		return &archive.PathError{Op: "lchown", Path: name, Err: err}
	}
	return nil
}

// copyTree lays what is in the directory from into v's root, as if it went through an archive.
func copyTree(src *source, from string, v *vfs.View) error {
	u := archive.NewUnpacker(v)
	links := map[*layer.Inode]string{} // the first name of files that have several
	err := src.walk(from, func(rel string, n *layer.Inode) error {
		name := strings.TrimPrefix(strings.TrimPrefix("/"+rel, from), "/")
		if name == "" || rel == "." || n.Mode.Type() == linux.S_IFSOCK {
			return nil
		}
		h := header(name, n)
		if !n.Mode.IsDir() && n.Nlink > 1 {
			if first, ok := links[n]; ok {
				h.Typeflag, h.Linkname, h.Size = '1', first, 0
				return u.Entry(h, nil)
			}
			links[n] = name
		}
		return u.Entry(h, n.Content)
	})
	if err == nil {
		err = u.Close()
	}
	if err != nil {
		return &insideError{err}
	}
	return nil
}

func (d *destination) putArchive(n *layer.Inode, to string) error {
	if _, err := d.v.Stat(to); err == linux.ENOENT {
		if err := d.mkdirAll(to, &archive.Owner{}); err != nil {
			return err
		}
	}
	v, err := d.below(to)
	if err != nil {
		return err
	}
	if err := archive.Unpack(contentReader(n.Content), v, d.limits, nil); err != nil {
		return &insideError{err}
	}
	return nil
}

// putFile copies a file. Directories that are missing on the way to it are its owner's.
func (d *destination) putFile(n *layer.Inode, to string) error {
	dir := path.Dir(to)
	if err := d.mkdirAll(dir, d.to); err != nil {
		if d.to == nil {
			return err
		}
		return fmt.Errorf("failed to create new directory: %w", err)
	}
	v, err := d.below(dir)
	if err != nil {
		return fmt.Errorf("failed to copy file: %w", err)
	}
	u := archive.NewUnpacker(v)
	if err := u.Entry(header(path.Base(to), n), n.Content); err != nil {
		return fmt.Errorf("failed to copy file: %w", &insideError{err})
	}
	if d.to == nil {
		return nil
	}
	return chown(v, path.Join("/", path.Base(to)), *d.to)
}

// owner reads --chown: user, user:group, by name from the image's own files or by number. A user
// alone stands for the group of the same name.
func (d *destination) owner(spec string) (archive.Owner, error) {
	parts := strings.Split(spec, ":")
	if len(parts) > 2 {
		return archive.Owner{}, errors.New("invalid chown string format: " + spec)
	}
	user, group := parts[0], parts[len(parts)-1]
	uid, err := d.id(user, "/etc/passwd", "user")
	if err != nil {
		return archive.Owner{}, fmt.Errorf("can't find uid for user %s: %w", user, err)
	}
	gid, err := d.id(group, "/etc/group", "group")
	if err != nil {
		return archive.Owner{}, fmt.Errorf("can't find gid for group %s: %w", group, err)
	}
	return archive.Owner{UID: uid, GID: gid}, nil
}

// id is the number of a user or group: the third field of the line that its name begins, 0 where the
// line ends before.
func (d *destination) id(name, file, kind string) (uint32, error) {
	if n, err := strconv.Atoi(name); err == nil {
		return uint32(n), nil
	}
	p, err := d.resolve(file)
	if err != nil {
		return 0, err
	}
	const most = 1 << 20
	text, err := d.v.ReadFile(p, most)
	if err != nil {
		return 0, d.outside(&archive.PathError{Op: "open", Path: p, Err: err})
	}
	for _, line := range strings.Split(string(text), "\n") {
		line = strings.TrimSpace(line)
		f := strings.Split(line, ":")
		if line == "" || f[0] != name {
			continue
		}
		n := 0
		if len(f) > 2 {
			n, _ = strconv.Atoi(f[2])
		}
		return uint32(n), nil
	}
	return 0, fmt.Errorf("no such %s: %s", kind, name)
}

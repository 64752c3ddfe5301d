package docker

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"syscall"

	"github.com/docker/go-units"
	"github.com/moby/go-archive"
	"github.com/moby/moby/client"
	"github.com/spf13/cobra"
)

// "docker cp" is written anew: docker/cli's works on the files of its own machine throughout. The
// rules are those of its documentation, and the words of its messages are kept.

// rewriteCopy replaces "docker cp".
func rewriteCopy(inv *invocation, cmd *cobra.Command) {
	wrap(cmd, func(_ func(*cobra.Command, []string) error, cmd *cobra.Command, args []string) error {
		if args[0] == "" {
			return errors.New("source can not be empty")
		}
		if args[1] == "" {
			return errors.New("destination can not be empty")
		}
		flag := func(name string) bool { return cmd.Flags().Lookup(name).Value.String() == "true" }
		c := copier{inv: inv, ctx: cmd.Context(), api: inv.Client(), follow: flag("follow-link"), owners: flag("archive"), quiet: flag("quiet")}
		if !cmd.Flags().Changed("quiet") {
			c.quiet = !inv.Out().IsTerminal()
		}
		from, source := splitContainer(args[0])
		to, dest := splitContainer(args[1])
		switch {
		case from != "" && to != "":
			return errors.New("copying between containers is not supported")
		case from != "":
			return c.fromContainer(from, source, dest)
		case to != "":
			return c.toContainer(source, to, dest)
		}
		return errors.New("must specify at least one container source")
	})
}

// splitContainer splits CONTAINER:PATH. A path that begins with a dot or a slash has no container.
func splitContainer(arg string) (container, name string) {
	if path.IsAbs(arg) {
		return "", arg
	}
	container, name, ok := strings.Cut(arg, ":")
	if !ok || strings.HasPrefix(container, ".") {
		return "", arg
	}
	return container, name
}

type copier struct {
	inv    *invocation
	ctx    context.Context
	api    client.APIClient
	follow bool // symbolic links in the source
	owners bool // keep user and group
	quiet  bool
}

// absKeep makes a path absolute, and keeps the "/" or "/." at its end, which mean something.
func (c *copier) absKeep(name string) string {
	abs := c.inv.abs(name)
	if path.Base(name) == "." {
		abs = strings.TrimSuffix(abs, "/") + "/."
	}
	if strings.HasSuffix(name, "/") && !strings.HasSuffix(abs, "/") {
		return abs + "/"
	}
	return abs
}

// splitDirEntry splits a path into directory and entry, where "dir/." has the entry ".".
func splitDirEntry(name string) (dir, base string) {
	clean := path.Clean(name)
	if path.Base(name) == "." {
		clean += "/."
		return path.Clean(strings.TrimSuffix(clean, "/.")), "."
	}
	return path.Dir(clean), path.Base(clean)
}

// rebaseName says what a source is called in the archive when resolving its links changed its
// name, and keeps "/." and "/" at the end of the resolved path.
func rebaseName(name, resolved string) (string, string) {
	if path.Base(name) == "." && path.Base(resolved) != "." {
		resolved += "/."
	}
	if strings.HasSuffix(name, "/") && !strings.HasSuffix(resolved, "/") {
		resolved += "/"
	}
	if path.Base(name) != path.Base(resolved) {
		return resolved, path.Base(name)
	}
	return resolved, ""
}

// place is one side of a copy.
type place struct {
	path   string
	exists bool
	dir    bool
	rename string // see rebaseName
}

var (
	errCannotCopyDir = errors.New("cannot copy directory")
	errDirNotExists  = errors.New("no such directory")
)

// prepare decides into which directory an archive of src is unpacked to arrive at dst, and
// renames its entries for that.
func prepare(content io.Reader, src, dst place) (dir string, out io.ReadCloser, err error) {
	_, srcBase := splitDirEntry(src.path)
	dstDir, dstBase := splitDirEntry(dst.path)
	switch {
	case dst.exists && dst.dir:
		return dst.path, io.NopCloser(content), nil
	case dst.exists && src.dir:
		return "", nil, errCannotCopyDir
	case !dst.exists && !src.dir && (strings.HasSuffix(dst.path, "/") || path.Base(dst.path) == "."):
		return "", nil, errDirNotExists
	}
	if src.rename != "" {
		srcBase = src.rename
	}
	return dstDir, archive.RebaseArchiveEntries(content, srcBase, dstBase), nil
}

// checkKind refuses what is neither a file nor a directory.
func checkKind(mode fs.FileMode) error {
	switch {
	case mode&fs.ModeDevice != 0:
		return errors.New("got a device")
	case mode&fs.ModeIrregular != 0:
		return errors.New("got an irregular file")
	}
	return nil
}

func (c *copier) fromContainer(container, source, dest string) error {
	if dest != "-" {
		dest = c.absKeep(dest)
		if err := c.checkOutput(dest); err != nil {
			return err
		}
	}
	var rename string
	if c.follow {
		stat, err := c.api.ContainerStatPath(c.ctx, container, client.ContainerStatPathOptions{Path: source})
		if err == nil && stat.Stat.Mode&fs.ModeSymlink != 0 {
			target := stat.Stat.LinkTarget
			if !path.IsAbs(target) {
				parent, _ := splitDirEntry(source)
				target = path.Join(parent, target)
			}
			source, rename = rebaseName(source, target)
		}
	}
	res, err := c.api.CopyFromContainer(c.ctx, container, client.CopyFromContainerOptions{SourcePath: source})
	if err != nil {
		return err
	}
	defer res.Content.Close()
	if dest == "-" {
		_, err := io.Copy(c.inv.Out(), res.Content)
		return err
	}
	src := place{path: source, exists: true, dir: res.Stat.Mode.IsDir(), rename: rename}
	counted := &counter{r: res.Content}
	var content io.Reader = counted
	if rename != "" {
		_, base := splitDirEntry(source)
		content = archive.RebaseArchiveEntries(content, base, rename)
	}
	dst, err := c.destination(dest)
	if err != nil {
		return err
	}
	dir, out, err := prepare(content, src, dst)
	if err != nil {
		return err
	}
	defer out.Close()
	err = unpack(c.inv.o.Files, out, dir)
	if !c.quiet {
		size := counted.n
		if !src.dir {
			size = res.Stat.Size
		}
		c.report(size, counted.n, dest)
	}
	return err
}

// checkOutput refuses a destination whose directory is missing, or which is a device.
func (c *copier) checkOutput(dest string) error {
	if dir := path.Dir(path.Clean(dest)); dir != "" {
		if _, err := c.inv.o.Files.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("invalid output path: directory %q does not exist", dir)
		}
	}
	info, err := c.inv.o.Files.Stat(dest)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := checkKind(info.Mode); err != nil {
		return fmt.Errorf("invalid output path: %q must be a directory or a regular file: %w", dest, err)
	}
	return nil
}

// destination looks at where a copy goes, following a symbolic link that may lead to nothing yet.
func (c *copier) destination(name string) (place, error) {
	files, original := c.inv.o.Files, name
	info, err := files.Lstat(name)
	if err == nil && strings.HasSuffix(name, "/") && !info.IsDir() && info.Mode&fs.ModeSymlink == 0 {
		return place{}, &fs.PathError{Op: "lstat", Path: name, Err: syscall.ENOTDIR}
	}
	for n := 0; err == nil && info.Mode&fs.ModeSymlink != 0; n++ {
		if n > 10 {
			return place{}, errors.New("too many symlinks in " + original)
		}
		target, lerr := files.Readlink(strings.TrimSuffix(name, "/"))
		if lerr != nil {
			return place{}, lerr
		}
		if !path.IsAbs(target) {
			parent, _ := splitDirEntry(name)
			target = path.Join(parent, target)
		}
		name = target
		info, err = files.Lstat(name)
	}
	if err == nil {
		return place{path: name, exists: true, dir: info.IsDir()}, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return place{}, err
	}
	parent, _ := splitDirEntry(name)
	info, err = files.Stat(parent)
	if err != nil {
		return place{}, err
	}
	if !info.IsDir() {
		return place{}, errors.New("not a directory")
	}
	return place{path: name}, nil
}

func (c *copier) toContainer(source, container, dest string) error {
	if source != "-" {
		source = c.absKeep(source)
	}
	dst := place{path: dest}
	if res, err := c.api.ContainerStatPath(c.ctx, container, client.ContainerStatPathOptions{Path: dest}); err == nil {
		stat := res.Stat
		if stat.Mode&fs.ModeSymlink != 0 {
			target := stat.LinkTarget
			if !path.IsAbs(target) {
				parent, _ := splitDirEntry(dest)
				target = path.Join(parent, target)
			}
			dst.path = target
			res, err = c.api.ContainerStatPath(c.ctx, container, client.ContainerStatPathOptions{Path: target})
			stat = res.Stat
		}
		if err == nil {
			if err := checkKind(stat.Mode); err != nil {
				return fmt.Errorf(`destination "%s:%s" must be a directory or a regular file: %w`, container, dest, err)
			}
			dst.exists, dst.dir = true, stat.Mode.IsDir()
		}
		// An error is left to the extraction, which fails in the engine's words or succeeds.
	}

	var content io.Reader
	var dir string
	size := int64(-1)
	if source == "-" {
		if !dst.dir {
			return fmt.Errorf(`destination "%s:%s" must be a directory`, container, dest)
		}
		content, dir = c.inv.In(), dst.path
	} else {
		src, err := c.source(source)
		if err != nil {
			return err
		}
		size = c.contentSize(src.path)
		archived := c.pack(src)
		defer archived.Close()
		var prepared io.ReadCloser
		if dir, prepared, err = prepare(archived, src, dst); err != nil {
			return err
		}
		defer prepared.Close()
		content = prepared
	}
	counted := &counter{r: content}
	_, err := c.api.CopyToContainer(c.ctx, container, client.CopyToContainerOptions{
		DestinationPath: dir,
		Content:         counted,
		CopyUIDGID:      c.owners,
	})
	if !c.quiet {
		if size < 0 {
			size = counted.n
		}
		c.report(size, counted.n, container+":"+dst.path)
	}
	return err
}

// source looks at what is copied, with the links before its last name resolved, or all of them.
func (c *copier) source(name string) (place, error) {
	files := c.inv.o.Files
	var resolved, rename string
	if c.follow {
		r, err := evalSymlinks(files, name)
		if err != nil {
			return place{}, err
		}
		resolved, rename = rebaseName(name, r)
	} else {
		slash := strings.LastIndex(name, "/")
		dir, err := evalSymlinks(files, name[:slash+1])
		if err != nil {
			return place{}, err
		}
		resolved = strings.TrimSuffix(dir, "/") + "/" + name[slash+1:]
		if strings.HasSuffix(name, "/") && path.Base(name) != path.Base(resolved) {
			rename = path.Base(name)
		}
	}
	look := files.Lstat
	if strings.HasSuffix(resolved, "/") || path.Base(resolved) == "." {
		look = files.Stat // a name that ends so is a directory's, or its link's
	}
	info, err := look(resolved)
	if err != nil {
		return place{}, err
	}
	if strings.HasSuffix(resolved, "/") && !info.IsDir() {
		return place{}, &fs.PathError{Op: "lstat", Path: resolved, Err: syscall.ENOTDIR}
	}
	return place{path: resolved, exists: true, dir: info.IsDir(), rename: rename}, nil
}

// pack archives a source under its own name, or that of its rename.
func (c *copier) pack(src place) io.ReadCloser {
	dir, base := splitDirEntry(src.path)
	p := &packer{files: c.inv.o.Files, root: dir, include: base, rename: src.rename}
	return p.pack()
}

// contentSize adds up the sizes of the regular files at name.
func (c *copier) contentSize(name string) int64 {
	total := int64(0)
	_ = walk(c.inv.o.Files, path.Clean(name), ".", func(_ string, info FileInfo, err error) error {
		if err == nil && info.Mode.IsRegular() {
			total += info.Size
		}
		return nil
	})
	return total
}

func (c *copier) report(content, transferred int64, dest string) {
	human := func(n int64) string { return units.HumanSizeWithPrecision(float64(n), 3) }
	if content != transferred {
		fmt.Fprintf(c.inv.stderr, "Successfully copied %s (transferred %s) to %s\n", human(content), human(transferred), dest)
		return
	}
	fmt.Fprintf(c.inv.stderr, "Successfully copied %s to %s\n", human(content), dest)
}

// counter counts what is read.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// unpack extracts an archive that the engine sent below dir. Entries may come from a container
// that means harm: a name that leads out of dir, through ".." or a symbolic link, is refused.
func unpack(files Files, content io.Reader, dir string) error {
	dir = path.Clean(dir)
	tr := tar.NewReader(content)
	type dirTime struct {
		name string
		h    *tar.Header
	}
	var dirs []dirTime
	for {
		h, err := tr.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if h.Typeflag == tar.TypeXGlobalHeader {
			continue
		}
		name, err := inside(files, dir, h.Name)
		if err != nil {
			return err
		}
		if name == dir {
			continue
		}
		h.Name = path.Clean(h.Name)
		if info, err := files.Lstat(name); err == nil {
			switch {
			case info.IsDir() && h.Typeflag != tar.TypeDir:
				return fmt.Errorf("cannot overwrite directory %q with non-directory %q", h.Name, dir)
			case !info.IsDir() && h.Typeflag == tar.TypeDir:
				return fmt.Errorf("cannot overwrite non-directory %q with directory %q", h.Name, dir)
			case !info.IsDir():
				if err := files.Remove(name); err != nil {
					return err
				}
			}
		}
		if err := mkdirAll(files, path.Dir(name)); err != nil {
			return err
		}
		if err := extract(files, tr, h, dir, name); err != nil {
			return err
		}
		if h.Typeflag == tar.TypeDir {
			dirs = append(dirs, dirTime{name, h})
		}
	}
	// Last, because making a file in a directory changes its time.
	for _, d := range dirs {
		if err := files.Chtimes(d.name, d.h.ModTime); err != nil {
			return err
		}
	}
	return nil
}

// inside gives the path of an entry below dir, if no component before the last leads out of it.
func inside(files Files, dir, entry string) (string, error) {
	clean := path.Clean("/" + strings.TrimLeft(entry, "/"))
	if strings.HasPrefix(path.Clean(strings.TrimLeft(entry, "/")), "..") {
		return "", fmt.Errorf("invalid entry name %q", entry)
	}
	at := dir
	elems := strings.Split(strings.Trim(clean, "/"), "/")
	for i, elem := range elems {
		if elem == "" {
			continue
		}
		at = path.Join(at, elem)
		if i == len(elems)-1 {
			break
		}
		if info, err := files.Lstat(at); err == nil && info.Mode&fs.ModeSymlink != 0 {
			return "", fmt.Errorf("invalid entry name %q: %s is a symbolic link", entry, at)
		}
	}
	return at, nil
}

func mkdirAll(files Files, dir string) error {
	if info, err := files.Stat(dir); err == nil {
		if !info.IsDir() {
			return &fs.PathError{Op: "mkdir", Path: dir, Err: syscall.ENOTDIR}
		}
		return nil
	}
	if err := mkdirAll(files, path.Dir(dir)); err != nil {
		return err
	}
	return files.Mkdir(dir, 0o755)
}

// extract makes one entry.
func extract(files Files, r io.Reader, h *tar.Header, dir, name string) error {
	mode := h.FileInfo().Mode()
	switch h.Typeflag {
	case tar.TypeDir:
		if info, err := files.Lstat(name); err != nil || !info.IsDir() {
			if err := files.Mkdir(name, mode.Perm()); err != nil {
				return err
			}
		}
		return files.Chmod(name, mode)
	case tar.TypeReg:
		f, err := files.Create(name, mode.Perm())
		if err != nil {
			return err
		}
		_, err = io.Copy(f, r)
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
		if err := files.Chmod(name, mode); err != nil {
			return err
		}
		return files.Chtimes(name, h.ModTime)
	case tar.TypeLink:
		target, err := inside(files, dir, h.Linkname)
		if err != nil {
			return err
		}
		return files.Link(target, name)
	case tar.TypeSymlink:
		if err := files.Symlink(h.Linkname, name); err != nil {
			return err
		}
		return files.Chtimes(name, h.ModTime)
	}
	return fmt.Errorf("cannot copy %s: it is neither a file, a directory nor a link", h.Name)
}

package docker

import (
	"archive/tar"
	"errors"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/moby/patternmatcher"
)

// packer writes the lab's files as a tar archive, entry for entry as docker/cli does: in PAX
// format, in the order of names, with times in whole seconds and hard links kept.
type packer struct {
	files   Files
	root    string
	include string                         // what to pack, relative to root; "" is all below root, "." is that and root itself
	rename  string                         // what include is called in the archive; "" leaves it
	matcher *patternmatcher.PatternMatcher // what to leave out; nil is nothing
	owner   *owner                         // of every entry; nil leaves each its own

	dockerfile *addedDockerfile // added to the archive; may be nil
}

type owner struct{ uid, gid int }

// addedDockerfile is a Dockerfile that does not lie in the context: it goes in under a name of its
// own, which .dockerignore then keeps out of the image.
type addedDockerfile struct {
	name string
	text []byte
	time time.Time
}

// pack gives the archive. Reading it reads the files.
func (p *packer) pack() io.ReadCloser {
	r, w := io.Pipe()
	go func() {
		tw := tar.NewWriter(w)
		err := p.write(tw)
		if err == nil && p.dockerfile == nil {
			// docker/cli leaves an archive to which it added a Dockerfile without its end, and
			// engines take it so; the size that it reports is of that.
			err = tw.Close()
		}
		w.CloseWithError(err)
	}()
	return r
}

func (p *packer) write(w *tar.Writer) error {
	seen := make(map[uint64]string) // inodes that have several names: the first of them
	matches := newMatches(p.matcher)
	wroteIgnore := false
	start := p.include
	if start == "" {
		start = "."
	}
	err := walk(p.files, p.root, start, func(rel string, info FileInfo, err error) error {
		if err != nil {
			return nil // what vanishes while it is packed is left out
		}
		if rel == "." && p.include == "" {
			return nil
		}
		if rel != p.include {
			skip, err := matches.match(rel, info.IsDir())
			if err != nil {
				return err
			}
			if skip {
				if info.IsDir() && !matches.exceptionUnder(rel) {
					return fs.SkipDir
				}
				return nil
			}
		}
		name := rel
		if p.include == "." && rel != "." {
			name = "./" + rel
		}
		if p.rename != "" {
			name = strings.TrimPrefix(p.rename+strings.TrimPrefix(name, p.include), "/")
		}
		if p.dockerfile != nil && rel == ".dockerignore" {
			wroteIgnore = true
			text, err := readFile(p.files, path.Join(p.root, rel), maxDockerfile)
			if err != nil {
				return nil
			}
			return p.writeBytes(w, p.header(name, info), p.dockerfile.ignore(text))
		}
		return p.add(w, seen, rel, name, info)
	})
	if err != nil || p.dockerfile == nil {
		return err
	}
	d := p.dockerfile
	added := &tar.Header{Name: d.name, Typeflag: tar.TypeReg, Mode: 0o600, ModTime: d.time}
	if err := p.writeBytes(w, added, d.text); err != nil || wroteIgnore {
		return err
	}
	added = &tar.Header{Name: ".dockerignore", Typeflag: tar.TypeReg, Mode: 0o600, ModTime: d.time}
	return p.writeBytes(w, added, d.ignore([]byte(".dockerignore")))
}

// ignore adds the Dockerfile's own name to the text of a .dockerignore.
func (d *addedDockerfile) ignore(text []byte) []byte {
	return append(text, "\n"+d.name+"\n"...)
}

func (p *packer) writeBytes(w *tar.Writer, h *tar.Header, b []byte) error {
	h.Size = int64(len(b))
	if err := w.WriteHeader(h); err != nil {
		return err
	}
	_, err := w.Write(b)
	return err
}

// header makes the entry of a file.
func (p *packer) header(name string, info FileInfo) *tar.Header {
	h := &tar.Header{
		Name: name, Format: tar.FormatPAX, ModTime: info.ModTime.Truncate(time.Second),
		Mode: int64(info.Mode.Perm()), Uid: info.UID, Gid: info.GID,
	}
	for _, bit := range []struct {
		mode fs.FileMode
		tar  int64
	}{{fs.ModeSetuid, 0o4000}, {fs.ModeSetgid, 0o2000}, {fs.ModeSticky, 0o1000}} {
		if info.Mode&bit.mode != 0 {
			h.Mode |= bit.tar
		}
	}
	if p.owner != nil {
		h.Uid, h.Gid = p.owner.uid, p.owner.gid
	}
	switch m := info.Mode; {
	case m.IsRegular():
		h.Typeflag, h.Size = tar.TypeReg, info.Size
	case m.IsDir():
		h.Typeflag, h.Name = tar.TypeDir, strings.TrimSuffix(name, "/")+"/"
	case m&fs.ModeSymlink != 0:
		h.Typeflag = tar.TypeSymlink
	case m&fs.ModeNamedPipe != 0:
		h.Typeflag = tar.TypeFifo
	case m&fs.ModeCharDevice != 0:
		h.Typeflag, h.Devmajor, h.Devminor = tar.TypeChar, info.Major, info.Minor
	case m&fs.ModeDevice != 0:
		h.Typeflag, h.Devmajor, h.Devminor = tar.TypeBlock, info.Major, info.Minor
	}
	return h
}

// add writes one file. A socket has no entry.
func (p *packer) add(w *tar.Writer, seen map[uint64]string, rel, name string, info FileInfo) error {
	if info.Mode&fs.ModeSocket != 0 {
		return nil
	}
	h := p.header(name, info)
	full := path.Join(p.root, rel)
	if h.Typeflag == tar.TypeSymlink {
		target, err := p.files.Readlink(full)
		if err != nil {
			return nil
		}
		h.Linkname = target
	}
	if !info.IsDir() && info.Nlink > 1 {
		if first, ok := seen[info.Ino]; ok {
			h.Typeflag, h.Linkname, h.Size = tar.TypeLink, first, 0
		} else {
			seen[info.Ino] = h.Name
		}
	}
	if h.Typeflag != tar.TypeReg || h.Size == 0 {
		return w.WriteHeader(h)
	}
	f, err := p.files.Open(full)
	if err != nil {
		return nil
	}
	defer f.Close()
	if err := w.WriteHeader(h); err != nil {
		return err
	}
	// A file that grows is cut; one that shrank leaves an entry that cannot be finished.
	if n, err := io.Copy(w, io.LimitReader(f, h.Size)); err != nil {
		return err
	} else if n < h.Size {
		return errors.New("file " + full + " changed while it was read")
	}
	return nil
}

// matches asks a pattern matcher about the paths of a walk, in the walk's order: what a directory
// matched is kept for what is below it.
type matches struct {
	pm      *patternmatcher.PatternMatcher
	dirs    []string
	results []patternmatcher.MatchInfo
}

func newMatches(pm *patternmatcher.PatternMatcher) *matches { return &matches{pm: pm} }

func (m *matches) match(rel string, dir bool) (bool, error) {
	if m.pm == nil {
		return false, nil
	}
	for n := len(m.dirs); n > 0 && !strings.HasPrefix(rel, m.dirs[n-1]+"/"); n = len(m.dirs) {
		m.dirs, m.results = m.dirs[:n-1], m.results[:n-1]
	}
	var parent patternmatcher.MatchInfo
	if n := len(m.results); n > 0 {
		parent = m.results[n-1]
	}
	matched, info, err := m.pm.MatchesUsingParentResults(rel, parent)
	if err == nil && dir {
		m.dirs, m.results = append(m.dirs, rel), append(m.results, info)
	}
	return matched, err
}

// exceptionUnder reports whether a "!" pattern may bring back something below the directory rel.
func (m *matches) exceptionUnder(rel string) bool {
	if !m.pm.Exclusions() {
		return false
	}
	for _, pattern := range m.pm.Patterns() {
		if pattern.Exclusion() && strings.HasPrefix(pattern.String()+"/", rel+"/") {
			return true
		}
	}
	return false
}

package dpkg

import (
	"archive/tar"
	"bytes"
	"cmp"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dockerlab/dockerlab/sim/catalog/debian"
	"github.com/dockerlab/dockerlab/sim/catalog/manifest"
	"github.com/dockerlab/dockerlab/sim/layer"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/archive"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// Deb is a package in its file.
type Deb struct {
	debian.Control
	// Facts is what the catalogue knows of it; nil for a package that somebody built.
	Facts     *debian.Package
	Conffiles []string
	Triggers  []string
	Entries   []manifest.Entry // what it unpacks, before the merge of /usr

	members []member
	info    map[string]script // members of its control part, but for control, conffiles and triggers
	bytes   map[string][]byte // what the files of a package that was built hold
}

// script is a file of the control part.
type script struct {
	text string
	mode linux.Mode
}

// member is a member of the ar archive.
type member struct {
	name      string
	off, size int64
}

// Limits of a package that was built: its control part, and what is in its files, in bytes.
const (
	maxControl = 1 << 20
	maxData    = 64 << 20
	maxEntries = 100_000
)

// errNoArchive is for what is no .deb.
var errNoArchive = errors.New("is not a Debian format archive")

// ReadDeb reads a package from its file.
func ReadDeb(c *prog.Ctx, facts Facts, name string) (*Deb, error) {
	f, err := c.OpenFile(name, linux.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	d := &Deb{info: map[string]script{}, bytes: map[string][]byte{}}
	if err := d.readMembers(f, st.Size); err != nil {
		return nil, err
	}
	for _, m := range d.members {
		part := io.NewSectionReader(f, m.off, m.size)
		switch {
		case strings.HasPrefix(m.name, "control.tar"):
			err = d.readControl(part)
		case strings.HasPrefix(m.name, "data.tar"):
			err = d.readData(facts, part)
		}
		if err != nil {
			return nil, err
		}
	}
	if d.Get("Package") == "" {
		return nil, errNoArchive
	}
	c.Step(len(d.Entries))
	return d, nil
}

// readMembers reads the headers of the archive, of size bytes.
func (d *Deb) readMembers(r io.ReaderAt, size int64) error {
	head := make([]byte, 60)
	if _, err := r.ReadAt(head[:8], 0); err != nil || string(head[:8]) != debian.ArMagic {
		return errNoArchive
	}
	for off := int64(8); off+60 <= size && len(d.members) < 16; {
		if _, err := r.ReadAt(head, off); err != nil || head[58] != '`' {
			return errNoArchive
		}
		n, err := strconv.ParseInt(strings.TrimSpace(string(head[48:58])), 10, 64)
		if err != nil || n < 0 || n > size-off-60 {
			return errNoArchive
		}
		d.members = append(d.members, member{strings.TrimRight(strings.TrimSpace(string(head[:16])), "/"), off + 60, n})
		off += 60 + n + n%2
	}
	if len(d.members) < 3 || d.members[0].name != "debian-binary" {
		return errNoArchive
	}
	return nil
}

func (d *Deb) readControl(r io.Reader) error {
	plain, err := archive.Decompress(r)
	if err != nil {
		return err
	}
	t := tar.NewReader(io.LimitReader(plain, maxControl))
	for {
		h, err := t.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading the control part: %w", err)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		b, err := io.ReadAll(t)
		if err != nil {
			return fmt.Errorf("reading the control part: %w", err)
		}
		switch name := path.Base(h.Name); name {
		case "control":
			if d.Control, err = debian.ParseControl(string(b)); err != nil {
				return err
			}
		case "conffiles":
			d.Conffiles = strings.Fields(string(b))
		case "triggers":
			d.Triggers = strings.Split(strings.TrimSpace(string(b)), "\n")
		default:
			d.info[name] = script{string(b), linux.Mode(h.Mode & 0o7777)}
		}
	}
}

// readData reads what the package unpacks: from the catalogue's facts, for which the data are a
// stand-in, or from the tar that they are.
func (d *Deb) readData(facts Facts, r io.ReadSeeker) error {
	head := make([]byte, len(debian.StandIn))
	if _, err := io.ReadFull(r, head); err == nil && string(head) == debian.StandIn {
		d.Facts, err = facts.Package(d.Get("Package"), d.Get("Version"))
		if err != nil {
			return err
		}
		if d.Facts == nil {
			return errors.New("the catalogue does not have this package any more")
		}
		d.Entries = d.Facts.Files
		return nil
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return err
	}
	plain, err := archive.Decompress(r)
	if err != nil {
		return err
	}
	t := tar.NewReader(plain)
	left := int64(maxData)
	for {
		h, err := t.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading the files: %w", err)
		}
		if len(d.Entries) >= maxEntries {
			return errors.New("too many files")
		}
		e := manifest.Entry{
			Path: path.Clean("/" + h.Name), Mode: linux.Mode(h.Mode & 0o7777), UID: uint32(h.Uid), GID: uint32(h.Gid), Time: h.ModTime.Unix(), Size: h.Size,
		}
		switch h.Typeflag {
		case tar.TypeDir:
			if e.Path == "/" {
				continue
			}
			e.Mode |= linux.S_IFDIR
		case tar.TypeSymlink:
			e.Mode |= linux.S_IFLNK
			e.Target = h.Linkname
		case tar.TypeLink:
			e = manifest.Entry{Path: e.Path, Target: path.Clean("/" + h.Linkname)}
		case tar.TypeReg:
			if left -= h.Size; left < 0 {
				return linux.EFBIG
			}
			e.Mode |= linux.S_IFREG
			b, err := io.ReadAll(t)
			if err != nil {
				return fmt.Errorf("reading the files: %w", err)
			}
			d.bytes[e.Path] = b
		default:
			return fmt.Errorf("%s is of a kind that packages do not have", e.Path)
		}
		d.Entries = append(d.Entries, e)
	}
}

// content is what a file of the package holds.
func (d *Deb) content(facts Facts, e manifest.Entry, family string) (layer.Content, error) {
	if d.Facts == nil {
		return layer.Bytes(d.bytes[e.Path]), nil
	}
	return facts.FileContent(e, family)
}

// contentOf is content of one entry, wherever it is laid down.
func (d *Deb) contentOf(facts Facts, e manifest.Entry) func(manifest.Entry) (layer.Content, error) {
	return func(manifest.Entry) (layer.Content, error) { return d.content(facts, e, "gnu") }
}

// timeOf is a time as a package has it, in seconds.
func timeOf(seconds int64) time.Time { return time.Unix(seconds, 0) }

// build makes a .deb of a directory with a DEBIAN folder in it.
func build(c *prog.Ctx, dir string) ([]byte, debian.Control, error) {
	text, err := c.ReadFile(dir + "/DEBIAN/control")
	if err != nil {
		return nil, nil, fmt.Errorf("failed to open package info file '%s/DEBIAN/control' for reading: %w", dir, err)
	}
	control, err := debian.ParseControl(string(text))
	if err != nil {
		return nil, nil, err
	}
	for _, field := range []string{"Package", "Version", "Architecture"} {
		if control.Get(field) == "" {
			return nil, nil, fmt.Errorf("parsing file '%s/DEBIAN/control' near line %d package '%s':\n missing '%s' field", dir, strings.Count(string(text), "\n"), cmp.Or(control.Get("Package"), "<none>"), field)
		}
	}
	left := int64(maxData)
	controlTar, err := pack(c, dir+"/DEBIAN", nil, &left)
	if err != nil {
		return nil, nil, err
	}
	dataTar, err := pack(c, dir, func(name string) bool { return name == "DEBIAN" }, &left)
	if err != nil {
		return nil, nil, err
	}
	var out bytes.Buffer
	out.WriteString(debian.ArMagic)
	now := c.Now().Unix()
	for _, m := range []struct {
		name string
		data []byte
	}{{"debian-binary", []byte("2.0\n")}, {"control.tar.gz", controlTar}, {"data.tar.gz", dataTar}} {
		out.WriteString(debian.ArMember(m.name, now, int64(len(m.data))))
		out.Write(m.data)
		if len(m.data)%2 == 1 {
			out.WriteByte('\n')
		}
	}
	return out.Bytes(), control, nil
}

// pack makes a compressed tar of a directory, of at most left bytes.
func pack(c *prog.Ctx, dir string, skip func(name string) bool, left *int64) ([]byte, error) {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	t := tar.NewWriter(z)
	var walk func(at, name string) error
	walk = func(at, name string) error {
		st, err := c.Lstat(at)
		if err != nil {
			return err
		}
		h := &tar.Header{Name: "." + name, Mode: int64(st.Mode.Perm()), Uid: int(st.UID), Gid: int(st.GID), ModTime: st.Mtime, Format: tar.FormatGNU}
		switch {
		case st.Mode.IsDir():
			h.Typeflag, h.Name = tar.TypeDir, h.Name+"/"
			if err := t.WriteHeader(h); err != nil {
				return err
			}
			entries, err := c.ReadDir(at)
			if err != nil {
				return err
			}
			for _, e := range entries {
				if name == "" && skip != nil && skip(e.Name) {
					continue
				}
				if err := walk(at+"/"+e.Name, name+"/"+e.Name); err != nil {
					return err
				}
			}
			return nil
		case st.Mode.IsRegular():
			if *left -= st.Size; *left < 0 {
				return linux.EFBIG
			}
			b, err := c.ReadFile(at)
			if err != nil {
				return err
			}
			h.Typeflag, h.Size = tar.TypeReg, int64(len(b))
			if err := t.WriteHeader(h); err != nil {
				return err
			}
			_, err = t.Write(b)
			return err
		case st.Mode.Type() == linux.S_IFLNK:
			if h.Linkname, err = c.Readlink(at); err != nil {
				return err
			}
			h.Typeflag = tar.TypeSymlink
			return t.WriteHeader(h)
		}
		return nil
	}
	err := walk(dir, "")
	err = cmp.Or(err, t.Close())
	err = cmp.Or(err, z.Close())
	return out.Bytes(), err
}

// names are those of the control part's files.
func (d *Deb) names() []string {
	all := []string{"control"}
	if len(d.Conffiles) > 0 {
		all = append(all, "conffiles")
	}
	if len(d.Triggers) > 0 {
		all = append(all, "triggers")
	}
	for name := range d.info {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

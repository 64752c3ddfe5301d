package layer

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"github.com/dockerlab/dockerlab/sim/linux"
)

// Names that mark whiteouts in a tar, from the image specification.
const (
	WhiteoutPrefix = ".wh."
	OpaqueName     = ".wh..wh..opq"
)

const tarBlock = 512

// XattrRecord is the prefix under which PAX headers hold extended attributes.
const XattrRecord = "SCHILY.xattr."

// TarReader gives entries as a tar, in the form that Docker's archiver gives the members: PAX only
// where a header does not suffice, times in whole seconds, the type's bits in the mode. It is made
// as it is read, and needs no memory for contents.
type TarReader struct {
	entries []Entry
	head    bytes.Buffer // header blocks and padding still to be given
	body    io.Reader    // content still to be given, with what pads it
	ended   bool
	err     error
}

// NewTarReader begins a tar of the entries.
func NewTarReader(entries []Entry) *TarReader { return &TarReader{entries: entries} }

func (r *TarReader) Read(p []byte) (int, error) {
	for {
		switch {
		case r.head.Len() > 0:
			return r.head.Read(p)
		case r.body != nil:
			n, err := r.body.Read(p)
			if err == io.EOF {
				r.body, err = nil, nil
			}
			if n > 0 || err != nil {
				return n, err
			}
		case r.err != nil:
			return 0, r.err
		case len(r.entries) > 0:
			e := r.entries[0]
			r.entries = r.entries[1:]
			r.head.Reset()
			if r.err = writeHeaders(&r.head, e); r.err != nil {
				return 0, r.err
			}
			if size := e.bodySize(); size > 0 {
				r.body = io.MultiReader(NewReader(e.Content), bytes.NewReader(make([]byte, padding(size))))
			}
		case !r.ended:
			r.ended = true
			r.head.Reset()
			r.head.Write(make([]byte, 2*tarBlock))
		default:
			return 0, io.EOF
		}
	}
}

func padding(size int64) int64 { return -size & (tarBlock - 1) }

// bodySize is how many bytes of content follow the header.
func (e *Entry) bodySize() int64 {
	if !e.Mode.IsRegular() || e.Link != "" || e.Whiteout || e.Content == nil {
		return 0
	}
	return e.Content.Size()
}

// writeHeaders writes the header of an entry, and after an opaque directory that of its mark.
func writeHeaders(w io.Writer, e Entry) error {
	h, err := header(e)
	if err != nil {
		return err
	}
	// A writer of its own for each header: the content does not pass through it.
	if err := tar.NewWriter(w).WriteHeader(h); err != nil {
		return fmt.Errorf("write tar header of %s: %w", e.Name, err)
	}
	if !e.Opaque {
		return nil
	}
	mark := &tar.Header{
		Typeflag: tar.TypeReg, Mode: int64(e.Mode & 0o777), Name: path.Join(e.Name, OpaqueName),
		Uid: h.Uid, Gid: h.Gid, Uname: h.Uname, Gname: h.Gname,
	}
	if err := tar.NewWriter(w).WriteHeader(mark); err != nil {
		return fmt.Errorf("write tar header of %s: %w", mark.Name, err)
	}
	return nil
}

// header is what Docker's archiver writes for the entry.
func header(e Entry) (*tar.Header, error) {
	h := &tar.Header{
		Format: tar.FormatPAX, Name: e.Name, Mode: int64(e.Mode),
		Uid: int(e.UID), Gid: int(e.GID), Uname: e.Uname, Gname: e.Gname,
		ModTime: e.ModTime.Truncate(time.Second),
	}
	if c, ok := e.Xattrs[CapabilityXattr]; ok { // Docker's archiver puts no other one in
		h.PAXRecords = map[string]string{XattrRecord + CapabilityXattr: c}
	}
	if e.Whiteout {
		dir, name := path.Split(e.Name)
		h.Name, h.Mode, h.Typeflag, h.Linkname = dir+WhiteoutPrefix+name, 0o600, tar.TypeReg, e.Link
		return h, nil
	}
	switch e.Mode.Type() {
	case linux.S_IFREG:
		h.Typeflag = tar.TypeReg
		h.Size = e.bodySize()
	case linux.S_IFDIR:
		h.Typeflag = tar.TypeDir
		h.Name += "/"
	case linux.S_IFLNK:
		h.Typeflag, h.Linkname = tar.TypeSymlink, e.Target
	case linux.S_IFCHR:
		h.Typeflag = tar.TypeChar
	case linux.S_IFBLK:
		h.Typeflag = tar.TypeBlock
	case linux.S_IFIFO:
		h.Typeflag = tar.TypeFifo
	default:
		return nil, fmt.Errorf("write tar header of %s: a tar holds no file of type %o", e.Name, e.Mode.Type())
	}
	if h.Typeflag == tar.TypeChar || h.Typeflag == tar.TypeBlock {
		h.Devmajor, h.Devminor = int64(e.Rdev.Major()), int64(e.Rdev.Minor())
	}
	if e.Link != "" {
		h.Typeflag, h.Linkname, h.Size = tar.TypeLink, e.Link, 0
	}
	return h, nil
}

// WriteTo writes the layer's tar.
func (l *Layer) WriteTo(w io.Writer) (int64, error) {
	r, err := l.Tar()
	if err != nil {
		return 0, err
	}
	return io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{r}, make([]byte, 64<<10))
}

// Tar is the layer's tar: the bytes that were kept, or made as they are read.
func (l *Layer) Tar() (io.Reader, error) {
	if l.tar != nil {
		return NewReader(l.tar), nil
	}
	es, err := l.load()
	if err != nil {
		return nil, err
	}
	return NewTarReader(es), nil
}

// TarSize is the length of the layer's tar in bytes.
func (l *Layer) TarSize() (int64, error) {
	if l.tar != nil {
		return l.tar.Size(), nil
	}
	es, err := l.load()
	if err != nil {
		return 0, err
	}
	return TarSize(es)
}

// TarSize is the length in bytes of what NewTarReader gives.
func TarSize(es []Entry) (int64, error) {
	n := counter(2 * tarBlock)
	for _, e := range es {
		if err := writeHeaders(&n, e); err != nil {
			return 0, err
		}
		size := e.bodySize()
		n += counter(size + padding(size))
	}
	return int64(n), nil
}

type counter int64

func (c *counter) Write(p []byte) (int, error) { *c += counter(len(p)); return len(p), nil }

// Walk gives what is below dir as entries in the order and the form in which Docker's archiver
// walks a directory: by name at each level, what is in a directory after it, and of a file with
// several names the first as the file and the others as links. Names begin with prefix. What a tar
// cannot hold, a socket, is left out. Whiteouts and opaque marks of a layer's own tree are those of
// the entries.
func (t *Tree) Walk(dir Ino, prefix string) []Entry {
	w := walker{tree: t, seen: map[Ino]string{}}
	w.walk(dir, strings.Trim(prefix, "/"))
	return w.entries
}

type walker struct {
	tree    *Tree
	seen    map[Ino]string
	entries []Entry
}

func (w *walker) walk(dir Ino, at string) {
	for name, i := range w.tree.Names(dir) {
		n := w.tree.Inode(i)
		p := path.Join(at, name)
		if n.Mode.Type() == linux.S_IFSOCK {
			continue
		}
		e := EntryOf(p, n)
		if n.dir == nil && n.Nlink > 1 {
			if first, ok := w.seen[i]; ok {
				e.Link = first
			} else {
				w.seen[i] = p
			}
		}
		w.entries = append(w.entries, e)
		if n.dir != nil {
			w.walk(i, p)
		}
	}
}

// EntryOf describes an inode under a name as a tar can hold it: with whole seconds.
func EntryOf(name string, n *Inode) Entry {
	return Entry{
		Name: name, Mode: n.Mode, UID: n.UID, GID: n.GID, Uname: hostUsers[n.UID], Gname: hostGroups[n.GID],
		ModTime: n.Mtime.Truncate(time.Second), Content: n.Content, Target: n.Target, Rdev: n.Rdev, Xattrs: n.Xattrs,
		Whiteout: n.IsWhiteout(), Opaque: n.IsOpaque(),
	}
}

// FileBytes is the sum of the sizes of the tree's files and symlinks in bytes, each inode once.
func (t *Tree) FileBytes() int64 {
	var sum int64
	t.inodes.From(0, func(_ uint64, n *Inode) bool {
		if n.dir == nil {
			sum += n.Size()
		}
		return true
	})
	return sum
}

// hostUsers and hostGroups are the accounts of the machine that the engine runs on, a Debian:
// the engine writes their names into the tars that it makes, whatever the container calls them.
var (
	hostUsers  = accounts("root:0 daemon:1 bin:2 sys:3 sync:4 games:5 man:6 lp:7 mail:8 news:9 uucp:10 proxy:13 www-data:33 backup:34 list:38 irc:39 _apt:42 nobody:65534")
	hostGroups = accounts("root:0 daemon:1 bin:2 sys:3 adm:4 tty:5 disk:6 lp:7 mail:8 news:9 uucp:10 man:12 proxy:13 kmem:15 dialout:20 fax:21 voice:22 cdrom:24 floppy:25 tape:26 sudo:27 audio:29 dip:30 www-data:33 backup:34 operator:37 list:38 irc:39 src:40 shadow:42 utmp:43 video:44 sasl:45 plugdev:46 staff:50 games:60 users:100 nogroup:65534")
)

func accounts(list string) map[uint32]string {
	m := map[uint32]string{}
	for a := range strings.FieldsSeq(list) {
		name, id, _ := strings.Cut(a, ":")
		var n uint32
		for _, c := range id {
			n = n*10 + uint32(c-'0')
		}
		m[n] = name
	}
	return m
}

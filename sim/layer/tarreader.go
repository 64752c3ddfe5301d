package layer

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"path"
	"strings"

	"github.com/dockerlab/dockerlab/sim/linux"
)

// Read makes a layer of an uncompressed tar. The bytes are kept, so that the layer's tar is theirs
// to the byte, and the files' contents are stretches of them. What the engine refuses to unpack is
// refused, in its words; and so is a tar whose sparse files would unpack to more than maxSparse.
func Read(t Content) (*Layer, error) {
	es, err := readEntries(t, marks)
	if err != nil {
		return nil, &UnpackError{err}
	}
	l, err := New(es)
	if err != nil {
		return nil, err
	}
	l.tar = t
	return l, nil
}

// maxSparse is how many bytes the sparse files of one tar may have in all. They alone can say
// more in a header than the archive holds.
const maxSparse = 4 << 30

// maxMembers is how many members an archive may have: in a compressed one they cost next to nothing.
const maxMembers = 1 << 19

// Members lists an archive's members as they are: names like those of whiteouts mean nothing. Names
// are paths from the root and do not leave it; members without a name of their own are left out.
// Contents are stretches of t. Errors are archive/tar's.
func Members(t Content) ([]Entry, error) { return readEntries(t, nil) }

// Unpack makes a tree of an archive, by the rules of a layer's except that no name is a whiteout
// and that names may come twice. The error is of type *UnpackError.
func Unpack(t Content) (*Tree, error) {
	es, err := Members(t)
	if err != nil {
		return nil, &UnpackError{err}
	}
	u := unpacker{Edit: NewTree().Edit()}
	tree, err := u.all(es)
	if err != nil {
		return nil, &UnpackError{err}
	}
	return tree, nil
}

func (l *Layer) findLost() string {
	if l.tar != nil {
		for r := tar.NewReader(NewReader(l.tar)); ; {
			h, err := r.Next()
			if err != nil { // the end, or what whoever reads the layer will be told
				return ""
			}
			if h.Size > 0 && (isMark(h.Name) || !strings.HasPrefix(path.Join("/dir", h.Name), "/dir/")) {
				return h.Name
			}
		}
	}
	es, _ := l.load()
	for i := range es {
		if e := &es[i]; e.bodySize() > 0 && isMark(e.Name) {
			return e.Name
		}
	}
	return ""
}

// isMark says whether a name is that of a whiteout or an opaque mark.
func isMark(name string) bool {
	return strings.HasPrefix(name[strings.LastIndexByte(name, '/')+1:], WhiteoutPrefix)
}

// marks reads the names that mark whiteouts and opaque directories.
func marks(e *Entry) {
	dir, base := path.Split(e.Name)
	if base == OpaqueName {
		*e = Entry{Name: strings.TrimSuffix(dir, "/"), Opaque: true, UID: e.UID, GID: e.GID, ModTime: e.ModTime}
	} else if name, ok := strings.CutPrefix(base, WhiteoutPrefix); ok {
		*e = Entry{Name: dir + name, Whiteout: true, UID: e.UID, GID: e.GID, ModTime: e.ModTime}
	}
}

// readEntries reads the members of t, and passes each through read.
func readEntries(t Content, read func(*Entry)) ([]Entry, error) {
	at := io.NewSectionReader(t, 0, t.Size())
	r := tar.NewReader(at)
	var es []Entry
	var sparse int64
	for {
		h, err := r.Next()
		if err == io.EOF {
			return es, nil
		}
		if err != nil {
			return nil, err
		}
		if isRoot(h) {
			continue
		}
		e, err := entry(h)
		if err != nil {
			return nil, err
		}
		if read != nil {
			read(&e)
		}
		if e.Mode.IsRegular() && h.Size > 0 && e.Link == "" && !e.Whiteout {
			start, err := at.Seek(0, io.SeekCurrent)
			if err != nil {
				return nil, err
			}
			switch {
			case isSparse(h):
				if sparse += h.Size; sparse > maxSparse || sparse < 0 {
					return nil, errSparse
				}
				if e.Content, err = readSparse(r); err != nil {
					return nil, err
				}
			case h.Size > t.Size()-start:
				return nil, io.ErrUnexpectedEOF
			default:
				e.Content = Slice(t, start, h.Size)
			}
		}
		if len(es) == maxMembers {
			return nil, fmt.Errorf("more than %d files in an archive", maxMembers)
		}
		es = append(es, e)
	}
}

// isRoot says that a header makes no entry: the root has no attributes in a layer.
func isRoot(h *tar.Header) bool {
	return h.Typeflag == tar.TypeXGlobalHeader || path.Clean(h.Name) == "."
}

// isSparse says that a file's holes are not in the archive, and its size therefore is no measure.
func isSparse(h *tar.Header) bool {
	return h.PAXRecords["GNU.sparse.major"] != "" || h.PAXRecords["GNU.sparse.map"] != ""
}

var errSparse = fmt.Errorf("sparse files of more than %d bytes", int64(maxSparse))

// readSparse keeps what is not zeros.
func readSparse(r io.Reader) (Content, error) {
	var parts []Content
	var hole int64
	for {
		b := make([]byte, 64<<10)
		n, err := io.ReadFull(r, b)
		b = b[:n]
		if len(bytes.Trim(b, "\x00")) == 0 {
			hole += int64(n)
		} else {
			parts = append(parts, Zero(hole), Bytes(b))
			hole = 0
		}
		if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) && n > 0 {
			return Join(append(parts, Zero(hole))...), nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// entry is the member that a header describes. Names cannot leave the tree: ".." above the root is
// the root, as in the chroot that the engine unpacks in.
func entry(h *tar.Header) (Entry, error) {
	e := Entry{
		Name: inside(h.Name), Mode: linux.Mode(h.Mode & 0o7777), UID: uint32(h.Uid), GID: uint32(h.Gid),
		Uname: h.Uname, Gname: h.Gname, ModTime: h.ModTime, Xattrs: Xattrs(h),
	}
	switch h.Typeflag {
	case tar.TypeReg:
		e.Mode |= linux.S_IFREG
	case tar.TypeDir:
		e.Mode |= linux.S_IFDIR
	case tar.TypeSymlink:
		e.Mode |= linux.S_IFLNK
		e.Target = h.Linkname
	case tar.TypeLink:
		e.Mode |= linux.S_IFREG
		e.Link = inside(h.Linkname)
	case tar.TypeChar, tar.TypeBlock:
		e.Mode |= linux.S_IFCHR
		if h.Typeflag == tar.TypeBlock {
			e.Mode = e.Mode.Perm() | linux.S_IFBLK
		}
		if h.Devmajor < 0 || h.Devmajor > math.MaxUint32 || h.Devminor < 0 || h.Devminor > math.MaxUint32 {
			return e, tar.ErrHeader
		}
		e.Rdev = linux.Mkdev(uint32(h.Devmajor), uint32(h.Devminor))
	case tar.TypeFifo:
		e.Mode |= linux.S_IFIFO
	default:
		return e, fmt.Errorf("unhandled tar header type %d\n", h.Typeflag)
	}
	return e, nil
}

// Xattrs are the extended attributes in a header, nil for none.
func Xattrs(h *tar.Header) map[string]string {
	var xattrs map[string]string
	for k, v := range h.PAXRecords {
		if name, ok := strings.CutPrefix(k, XattrRecord); ok {
			if xattrs == nil {
				xattrs = map[string]string{}
			}
			xattrs[name] = v
		}
	}
	return xattrs
}

// inside is a member's name as a path from the root that stays below it.
func inside(name string) string { return path.Clean("/" + name)[1:] }

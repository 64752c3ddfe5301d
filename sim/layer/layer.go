// Package layer holds what an image is made of. A Layer is one change to a file tree, a value that
// never changes and is known by its diff ID, the SHA-256 of its tar. A Tree is what layers look
// like merged. A Stack is layers one upon the other, with the Tree that they make.
//
//	            Stack                       Tree
//	entry ┐   ┌───────┐
//	entry ├─▶ │ Layer │ ─┐
//	entry ┘   ├───────┤  ├─ Apply ─▶  /  bin  etc ...
//	tar  ───▶ │ Layer │ ─┘
//	          └───────┘
//
// A tree is a table of inodes, and directories whose names lead to inode numbers. Both are
// persistent: a changed tree shares with the old one what did not change, so that a snapshot is a
// pointer, applying a layer costs what is in the layer, and a look-up costs the same under one
// layer and under 125.
//
// How files are stored as layers, with whiteouts and opaque directories, follows overlayfs and
// Docker Engine 20.10; the words of the image specification are used throughout.
package layer

import (
	"sync"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/dockerlab/dockerlab/sim/linux"
)

// Entry is one member of a layer in the order of its tar.
type Entry struct {
	// Name is the path from the root, without a leading or a trailing slash: "etc/passwd".
	Name string
	// Mode is the type and the permission bits.
	Mode linux.Mode
	UID  uint32
	GID  uint32
	// Uname and Gname are the names that a tar gives for UID and GID; nothing else uses them.
	Uname, Gname string
	ModTime      time.Time // a tar has whole seconds
	// Content of a regular file; nil is empty.
	Content Content
	Target  string    // of a symlink
	Rdev    linux.Dev // of a device node
	// Link is the Name of an earlier entry whose file this is another name of. The tar repeats
	// that file's mode and owner.
	Link string
	// Xattrs are extended attributes, "security.capability" say.
	Xattrs map[string]string
	// Whiteout says that this hides Name in the layers below. Its Mode counts for nothing. Link may
	// be set, and counts for as little: overlayfs makes its whiteouts as links of one inode, and
	// the engine's tars show it.
	Whiteout bool
	// Opaque, of a directory, hides all that the layers below have in it.
	Opaque bool
}

// Layer is one change to a file tree. It is immutable and safe for concurrent use.
type Layer struct {
	load  func() ([]Entry, error) // the entries; makes them once
	tar   Content                 // the tar where it is kept; nil: made of the entries
	dir   func() (*Tree, error)   // the layer's own directory; makes it once
	id    func() digest.Digest    // of the tar; computed once
	sum   func() int64            // Size; computed once
	known digest.Digest           // a diff ID that was given, not computed
	lost  func() string           // see Lost; computed once
}

// New makes a layer of entries, which are to be in the order of a tar: a file before its other
// names. Parents that are missing are made, of mode 0755 and root's. The entries must not be
// changed afterwards.
func New(entries []Entry) (*Layer, error) {
	l := newLayer(func() ([]Entry, error) { return entries, nil })
	if _, err := l.dir(); err != nil {
		return nil, err
	}
	return l, nil
}

// Lazy is a layer whose diff ID and size are known, and whose entries are fetched once, when a
// tree or a tar is first wanted. The catalogue's layers are such.
func Lazy(diffID digest.Digest, size int64, open func() ([]Entry, error)) *Layer {
	l := newLayer(open)
	l.known = diffID
	l.id = func() digest.Digest { return diffID }
	l.sum = func() int64 { return size }
	return l
}

func newLayer(open func() ([]Entry, error)) *Layer {
	l := &Layer{load: sync.OnceValues(open)}
	l.dir = sync.OnceValues(func() (*Tree, error) {
		es, err := l.load()
		if err != nil {
			return nil, err
		}
		t, err := unpack(es)
		if err != nil {
			return nil, &UnpackError{err}
		}
		return t, nil
	})
	l.id = sync.OnceValue(func() digest.Digest {
		h := digest.Canonical.Digester()
		if _, err := l.WriteTo(h.Hash()); err != nil {
			return ""
		}
		return h.Digest()
	})
	l.lost = sync.OnceValue(l.findLost)
	l.sum = sync.OnceValue(func() int64 {
		t, err := l.dir()
		if err != nil {
			return 0
		}
		return t.FileBytes()
	})
	return l
}

// UnpackError says that a layer's tar cannot be unpacked, in the engine's words.
type UnpackError struct{ Err error }

func (e *UnpackError) Error() string {
	if e.Err == errDuplicate { // found before the unpacking, so that the words stand elsewhere
		return "Error processing tar file(" + e.Err.Error() + "): "
	}
	return "Error processing tar file(exit status 1): " + e.Err.Error()
}

// Unwrap gives what stood in the way.
func (e *UnpackError) Unwrap() error { return e.Err }

// DiffID is the SHA-256 of the layer's uncompressed tar.
func (l *Layer) DiffID() digest.Digest { return l.id() }

// Size is the sum of the sizes of the layer's files and of its symlinks' targets in bytes, hard
// links counted once, as the engine counts.
func (l *Layer) Size() int64 { return l.sum() }

// Lost names a file of the layer, as its tar does, whose bytes are not found at its name when it has
// been unpacked, "" if there is none: one that has the name of a whiteout, or climbs out of the layer.
// The engine keeps layers unpacked, so that it cannot make the tar of such a one again.
func (l *Layer) Lost() string { return l.lost() }

// Entries are the members of the layer's tar. They must not be changed.
func (l *Layer) Entries() ([]Entry, error) { return l.load() }

// Dir is the layer's own directory, what the engine has in its "diff": a whiteout is the character
// device 0:0 there, and an opaque directory has OpaqueXattr.
func (l *Layer) Dir() (*Tree, error) { return l.dir() }

// EmptyDiffID is the diff ID of a tar without members, the layer that an image does not keep.
const EmptyDiffID digest.Digest = "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"

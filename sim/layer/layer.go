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
	"errors"
	"io"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/dockerlab/dockerlab/sim/linux"
)

// Entry is one member of a layer in the order of its tar.
type Entry struct {
	// Name is the path from the root, without a leading or a trailing slash: "etc/passwd".
	Name string
	// Mode is the type and the permission bits. It is 0 for Link and for Whiteout.
	Mode    linux.Mode
	UID     uint32
	GID     uint32
	ModTime time.Time
	// Content of a regular file; nil is empty.
	Content Content
	Target  string    // of a symlink
	Rdev    linux.Dev // of a device node
	// Link is the Name of an earlier entry whose file this is another name of.
	Link string
	// Xattrs are extended attributes, "security.capability" say.
	Xattrs map[string]string
	// Whiteout hides Name in the layers below.
	Whiteout bool
	// Opaque, of a directory, hides all that the layers below have in it.
	Opaque bool
}

// Layer is one change to a file tree. It is immutable and safe for concurrent use.
type Layer struct {
	todo struct{}
}

// ErrMaxDepth is what pushing a layer on a full Stack gives.
var ErrMaxDepth = errors.New("max depth exceeded")

// MaxDepth is the most layers that an image may have.
const MaxDepth = 125

// New makes a layer of entries, which are to be in the order of a tar: parents before what is in
// them, a file before its other names. Missing parents are made, of mode 0755 and root's.
func New(entries []Entry) (*Layer, error) { panic("todo") }

// Lazy is a layer whose diff ID and size are known and whose entries are fetched when a tree or a
// tar is first wanted. The catalogue's layers are such.
func Lazy(diffID digest.Digest, size int64, open func() ([]Entry, error)) *Layer { panic("todo") }

// Read makes a layer of an uncompressed tar. The bytes are kept, so that the layer's tar is
// theirs to the byte, and contents of files are stretches of them.
func Read(tar Content) (*Layer, error) { panic("todo") }

// DiffID is the SHA-256 of the layer's uncompressed tar.
func (l *Layer) DiffID() digest.Digest { panic("todo") }

// Size is the sum of the sizes of the layer's files in bytes, hard links counted once, as the
// engine counts.
func (l *Layer) Size() int64 { panic("todo") }

// Entries are the members of the layer's tar.
func (l *Layer) Entries() ([]Entry, error) { panic("todo") }

// WriteTo writes the layer's tar.
func (l *Layer) WriteTo(w io.Writer) (int64, error) { panic("todo") }

// Tar is the layer's tar. It is made on reading where it is not kept.
func (l *Layer) Tar() io.ReadCloser { panic("todo") }

// Apply is the tree with the layer on top of it.
func (t *Tree) Apply(l *Layer) (*Tree, error) { panic("todo") }

// Stack is layers one upon the other, from the top down. It is immutable and safe for concurrent
// use; nil is the empty stack, that of an image FROM scratch.
type Stack struct {
	Top   *Layer
	Below *Stack
	depth int
}

// Push puts l on the stack. It gives ErrMaxDepth where there are MaxDepth layers already.
func (s *Stack) Push(l *Layer) (*Stack, error) { panic("todo") }

// Depth is the number of layers.
func (s *Stack) Depth() int { panic("todo") }

// Layers are the layers from the bottom up.
func (s *Stack) Layers() []*Layer { panic("todo") }

// DiffIDs are those of the layers from the bottom up.
func (s *Stack) DiffIDs() []digest.Digest { panic("todo") }

// ChainID identifies the stack as a whole; the empty stack's is "".
func (s *Stack) ChainID() digest.Digest { panic("todo") }

// Size is the sum of the sizes of the layers.
func (s *Stack) Size() int64 { panic("todo") }

// Tree is what the layers look like merged. It is made once.
func (s *Stack) Tree() (*Tree, error) { panic("todo") }

// Package unionfs is a file system that can be written to on top of a tree that cannot: a
// container's write layer over its image. It behaves as Linux's overlayfs does the way that
// Docker mounts it (no index, no redirects, no metacopy).
//
// Besides the merged tree, it keeps the upper explicitly: every path that was copied up, made,
// whited out or made opaque, whether it changed in the end or not. What docker diff lists and what
// docker commit stores both follow from it, are not the same, and cost what was changed, never
// what the image holds. With an empty tree below, the same file system serves as a tmpfs, a volume
// and the host's disk.
package unionfs

import (
	"io"
	"time"

	"github.com/dockerlab/dockerlab/sim/layer"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// Options is what a file system is made with; the zero value will do.
type Options struct {
	// Now is the clock that timestamps come from; nil is time.Now.
	Now func() time.Time
	// Charge is told of memory that contents begin (positive) or cease to take, in bytes. An error
	// refuses, and is what the write fails with. Zeros and what the lower tree holds cost nothing.
	Charge func(bytes int64) error
	// Type is the name in /proc/mounts; "" is "overlay".
	Type string
	// Disk is the space that the upper takes its room from, shared by all file systems that name
	// it; nil is a disk of its own of DiskSize bytes.
	Disk *Disk
}

// DiskSize is the size of a disk that nobody chose, 16 GiB.
const DiskSize = 16 << 30

// Disk counts the bytes that file systems have written on it.
type Disk struct {
	Size int64
	Used int64
}

// FS is the union; it implements vfs.Filesystem. Like all file systems of the lab it locks nothing.
type FS struct{ todo struct{} }

// New puts an empty upper on lower; a nil lower is an empty tree. The root directory is the
// upper's from the beginning.
func New(lower *layer.Tree, o Options) *FS { panic("todo") }

// Change is one line of docker diff.
type Change struct {
	Kind Kind
	Path string // absolute
}

// Kind says what became of a path.
type Kind byte

// What can become of a path, as docker diff letters it.
const (
	Added   Kind = 'A'
	Changed Kind = 'C'
	Deleted Kind = 'D'
)

// Changes is what docker diff lists: how the merged tree differs from the lower one, parents
// before what is in them.
func (f *FS) Changes() []Change { panic("todo") }

// Layer is what docker commit stores: all that the upper holds. It is nil where the upper is empty.
func (f *FS) Layer() (*layer.Layer, error) { panic("todo") }

// UpperSize is the size of the upper's files in bytes, SizeRw in the API.
func (f *FS) UpperSize() int64 { panic("todo") }

// Tree is the merged tree as it is now, in no time.
func (f *FS) Tree() *layer.Tree { panic("todo") }

// Lower is the tree below.
func (f *FS) Lower() *layer.Tree { panic("todo") }

// Tar writes what is at root, a slash-separated path in the file system, as docker export does:
// the entries of a directory without the directory itself; names begin with prefix.
func (f *FS) Tar(w io.Writer, root, prefix string) error { panic("todo") }

// Snapshot is an FS at one moment; it never changes and is safe for concurrent use.
type Snapshot struct{ todo struct{} }

// Snapshot keeps the file system as it is now, in no time.
func (f *FS) Snapshot() *Snapshot { panic("todo") }

// FS is a file system that goes on from the snapshot.
func (s *Snapshot) FS(o Options) *FS { panic("todo") }

func (f *FS) read() *vfs.Stat { return nil }

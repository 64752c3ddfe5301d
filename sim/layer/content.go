package layer

import "io"

// Content is the bytes of a regular file. A Content never changes, so many files, layers and
// snapshots hold the same one. What costs no memory to hold (zeros, bytes generated on reading, a
// stretch of an archive that is kept anyway) is a Content of its own kind.
type Content interface {
	// Size is the length in bytes.
	Size() int64
	io.ReaderAt
}

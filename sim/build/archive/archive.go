// Package archive reads the tar archives that builds are given, the context and what ADD unpacks,
// as Docker Engine 20.10 does: which compressions it knows, what counts as an archive, what
// unpacking one over existing files does, and the checksums by which the cache knows a file again.
//
// Nobody trusts an archive: it is unpacked into a vfs.View and cannot name what is outside of it;
// what it may hold is bounded by Limits.
package archive

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"errors"
	"io"
	"path"
	"unicode"
	"unicode/utf8"

	"github.com/ulikunitz/xz"
)

// Limits bounds what an archive may hold.
type Limits struct {
	Entries int   // files, directories and links
	Bytes   int64 // of the archive, decompressed
}

// What an archive that is over its limits is refused with.
var (
	ErrEntries = errors.New("archive has too many entries")
	ErrBytes   = errors.New("archive is too large")
)

var magics = []struct {
	magic []byte
	open  func(io.Reader) (io.Reader, error)
}{
	{[]byte{0x42, 0x5a, 0x68}, func(r io.Reader) (io.Reader, error) { return bzip2.NewReader(r), nil }},
	{[]byte{0x1f, 0x8b, 0x08}, func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }},
	{[]byte{0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00}, func(r io.Reader) (io.Reader, error) { return xz.NewReader(r) }},
}

// Decompress gives what r holds, which may be compressed with bzip2, gzip or xz: how is told by its
// first bytes. (20.10 does not know zstd.)
func Decompress(r io.Reader) (io.Reader, error) {
	b := bufio.NewReader(r)
	head, err := b.Peek(10)
	if err != nil && err != io.EOF {
		return nil, err
	}
	for _, m := range magics {
		if bytes.HasPrefix(head, m.magic) {
			return m.open(b)
		}
	}
	return b, nil
}

// Is says whether r begins as an archive that ADD unpacks: a tar, compressed or not, with at least
// one entry. Its name does not matter.
func Is(r io.Reader) bool {
	r, err := Decompress(r)
	if err != nil {
		return false
	}
	_, err = tar.NewReader(r).Next()
	return err == nil
}

// Bound reads up to a number of bytes of r, and then fails with ErrBytes.
func Bound(r io.Reader, bytes int64) io.Reader { return &bounded{r, bytes} }

type bounded struct {
	r    io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, ErrBytes
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.r.Read(p)
	b.left -= int64(n)
	return n, err
}

// PathError is an operation on a file that failed, worded as Go's os package words it.
type PathError struct {
	Op, Path string
	Err      error
}

func (e *PathError) Error() string { return e.Op + " " + e.Path + ": " + goText(e.Err) }
func (e *PathError) Unwrap() error { return e.Err }

// goText is the text of an error number as Go has it: strerror's without the capital.
func goText(err error) string {
	s := err.Error()
	if r, n := utf8.DecodeRuneInString(s); n > 0 && len(s) > n && !unicode.IsUpper(rune(s[n])) {
		return string(unicode.ToLower(r)) + s[n:]
	}
	return s
}

// clean is the absolute form of a name in an archive: ".." cannot lead out.
func clean(name string) string { return path.Clean("/" + name) }

package layer

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"errors"
	"fmt"
	"github.com/klauspost/compress/gzip"
	"io"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// Compression is how a stream is compressed, as its first bytes tell.
type Compression string

// The compressions that Decompress knows. The engine of 20.10 knows all but Zstd.
const (
	Uncompressed Compression = ""
	Gzip         Compression = "gzip"
	Bzip2        Compression = "bzip2"
	XZ           Compression = "xz"
	Zstd         Compression = "zstd"
)

var magic = []struct {
	c Compression
	b string
}{
	{Gzip, "\x1f\x8b\x08"},
	{Bzip2, "BZh"},
	{XZ, "\xfd7zXZ\x00"},
	{Zstd, "\x28\xb5\x2f\xfd"},
}

// DetectCompression tells how something that begins with head is compressed.
func DetectCompression(head []byte) Compression {
	for _, m := range magic {
		if bytes.HasPrefix(head, []byte(m.b)) {
			return m.c
		}
	}
	return Uncompressed
}

// Decompress gives what r holds, whether it is compressed or not. How much that is, is the
// caller's to bound.
func Decompress(r io.Reader) (io.Reader, Compression, error) {
	br := bufio.NewReaderSize(r, 64<<10)
	head, err := br.Peek(10)
	if err != nil && err != io.EOF {
		return nil, Uncompressed, err
	}
	c := DetectCompression(head)
	var out io.Reader = br
	switch c {
	case Gzip:
		out, err = gzip.NewReader(br)
	case Bzip2:
		out, err = bzip2.NewReader(br), nil
	case XZ:
		out, err = xz.ReaderConfig{DictCap: 64 << 20}.NewReader(br)
	case Zstd:
		var z *zstd.Decoder
		z, err = zstd.NewReader(br, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(256<<20))
		out = z
	default:
		err = nil
	}
	if err != nil {
		return nil, c, fmt.Errorf("read %s: %w", c, err)
	}
	return out, c, nil
}

// ErrTooLarge says that an archive holds more than is allowed.
var ErrTooLarge = errors.New("archive is too large")

// ReadAll keeps what r gives, up to limit bytes; beyond them the error is ErrTooLarge.
func ReadAll(r io.Reader, limit int64) (Content, error) {
	var k kept
	for {
		b := make([]byte, keptChunk)
		var n int
		var err error
		for n < len(b) && err == nil { // io.ReadFull would take a truncated stream for its end
			var m int
			m, err = r.Read(b[n:])
			n += m
		}
		if n < keptChunk/2 {
			b = append([]byte(nil), b[:n]...)
		}
		k.chunks = append(k.chunks, b[:n])
		k.size += int64(n)
		switch {
		case k.size > limit:
			return nil, ErrTooLarge
		case err == io.EOF:
			if len(k.chunks) == 1 {
				return Bytes(k.chunks[0]), nil
			}
			return k, nil
		case err != nil:
			return nil, err
		}
	}
}

const keptChunk = 1 << 20

// kept is bytes in chunks of keptChunk, the last one shorter.
type kept struct {
	chunks [][]byte
	size   int64
}

func (k kept) Size() int64 { return k.size }

func (k kept) ReadAt(p []byte, off int64) (int, error) {
	total, end := window(k.size, len(p), off)
	p = p[:total]
	for len(p) > 0 {
		n := copy(p, k.chunks[off/keptChunk][off%keptChunk:])
		p, off = p[n:], off+int64(n)
	}
	return total, end
}

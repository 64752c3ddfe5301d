package layer

import (
	"encoding/binary"
	"io"
)

// Content is the bytes of a regular file. A Content never changes, so many files, layers and
// snapshots hold the same one. What costs no memory to hold (zeros, bytes generated on reading, a
// stretch of an archive that is kept anyway) is a Content of its own kind.
type Content interface {
	// Size is the length in bytes.
	Size() int64
	io.ReaderAt
}

// Bytes is Content that is simply there. Whoever makes one must not change it afterwards.
type Bytes []byte

// Size is the number of bytes.
func (b Bytes) Size() int64 { return int64(len(b)) }

// ReadAt reads as io.ReaderAt says.
func (b Bytes) ReadAt(p []byte, off int64) (int, error) {
	if off >= int64(len(b)) {
		return 0, io.EOF
	}
	n := copy(p, b[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Text is Bytes written as a string.
func Text(s string) Content { return Bytes(s) }

// Zero is size zero bytes, which take no memory.
func Zero(size int64) Content { return zero(size) }

type zero int64

func (z zero) Size() int64 { return int64(z) }

func (z zero) ReadAt(p []byte, off int64) (int, error) {
	n, err := window(int64(z), len(p), off)
	clear(p[:n])
	return n, err
}

// Generated is size bytes that are computed when read: the same ones for a seed wherever the
// reading begins, without structure that would compress, and held nowhere. The catalogue pads its
// programs and archives with them to the size that the real ones have.
func Generated(seed uint64, size int64) Content { return generated{seed, size} }

type generated struct {
	seed uint64
	size int64
}

func (g generated) Size() int64 { return g.size }

func (g generated) ReadAt(p []byte, off int64) (int, error) {
	n, err := window(g.size, len(p), off)
	p = p[:n]
	word := uint64(off) / 8
	if skip := int(uint64(off) % 8); skip > 0 && n > 0 {
		var w [8]byte
		binary.LittleEndian.PutUint64(w[:], g.word(word))
		p = p[copy(p, w[skip:]):]
		word++
	}
	for ; len(p) >= 8; p = p[8:] {
		binary.LittleEndian.PutUint64(p, g.word(word))
		word++
	}
	if len(p) > 0 {
		var w [8]byte
		binary.LittleEndian.PutUint64(w[:], g.word(word))
		copy(p, w[:])
	}
	return n, err
}

// word is splitmix64, whose n-th value needs none before it.
func (g generated) word(n uint64) uint64 {
	z := g.seed + (n+1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// Join is the parts one after the other: a small head before a long generated tail, say.
func Join(parts ...Content) Content {
	j := joined{ends: make([]int64, 0, len(parts))}
	var end int64
	for _, p := range parts {
		if p.Size() == 0 {
			continue
		}
		end += p.Size()
		j.parts, j.ends = append(j.parts, p), append(j.ends, end)
	}
	if len(j.parts) == 1 {
		return j.parts[0]
	}
	return j
}

type joined struct {
	parts []Content
	ends  []int64
}

func (j joined) Size() int64 {
	if len(j.ends) == 0 {
		return 0
	}
	return j.ends[len(j.ends)-1]
}

func (j joined) ReadAt(p []byte, off int64) (int, error) {
	total, end := window(j.Size(), len(p), off)
	p = p[:total]
	for i, part := range j.parts {
		if len(p) == 0 {
			break
		}
		if off >= j.ends[i] {
			continue
		}
		start := j.ends[i] - part.Size()
		n := int(min(int64(len(p)), j.ends[i]-off))
		if m, err := part.ReadAt(p[:n], off-start); m < n {
			return total - len(p) + m, err
		}
		p, off = p[n:], off+int64(n)
	}
	return total, end
}

// Slice is the n bytes of c from off on. It must lie within c.
func Slice(c Content, off, n int64) Content { return io.NewSectionReader(c, off, n) }

// window clips a read of want bytes at off to a content of size, and says io.EOF where it is short.
func window(size int64, want int, off int64) (int, error) {
	if off >= size {
		if want == 0 {
			return 0, nil
		}
		return 0, io.EOF
	}
	if int64(want) > size-off {
		return int(size - off), io.EOF
	}
	return want, nil
}

// NewReader reads c from its beginning.
func NewReader(c Content) io.Reader { return io.NewSectionReader(c, 0, c.Size()) }

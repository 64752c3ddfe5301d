package layer

import (
	"bytes"
	"errors"
	"hash/maphash"
	"io"
	"reflect"
)

// Summed is the Content of a file that was read through and not kept: its size and a hash are all
// that is known. Reading it gives ErrNotKept.
type Summed struct {
	bytes int64
	hash  uint64
}

// ErrNotKept is what reading a Summed gives.
var ErrNotKept = errors.New("the content was not kept")

// Size is the number of bytes that there were.
func (s Summed) Size() int64 { return s.bytes }

// ReadAt fails: there is nothing to read.
func (s Summed) ReadAt([]byte, int64) (int, error) { return 0, ErrNotKept }

// Summer makes Summed content of what is written to it. The zero Summer is ready.
type Summer struct {
	hash  maphash.Hash
	bytes int64
}

// sumSeed is one for the whole process, so that all sums in it compare. Nobody can choose bytes
// that collide under a seed that was drawn at random.
var sumSeed = maphash.MakeSeed()

func (s *Summer) Write(p []byte) (int, error) {
	if s.bytes == 0 {
		s.hash.SetSeed(sumSeed)
	}
	s.bytes += int64(len(p))
	return s.hash.Write(p)
}

// Content is what was written since the last call; nil where that is nothing.
func (s *Summer) Content() Content {
	if s.bytes == 0 {
		return nil
	}
	c := Summed{s.bytes, s.hash.Sum64()}
	*s = Summer{}
	return c
}

// Same says whether two contents, either of which may be nil for an empty one, are the same bytes.
// It reads them where nothing else tells.
func Same(a, b Content) (bool, error) {
	var n, m int64
	if a != nil {
		n = a.Size()
	}
	if b != nil {
		m = b.Size()
	}
	switch {
	case n != m:
		return false, nil
	case n == 0 || identical(a, b):
		return true, nil
	}
	x, sumA := a.(Summed)
	y, sumB := b.(Summed)
	var err error
	switch {
	case sumA && !sumB:
		y, err = sum(b)
	case sumB && !sumA:
		x, err = sum(a)
	case !sumA:
		return sameBytes(a, b)
	}
	return x == y, err
}

// identical says whether two contents are known, without reading them, to be one and the same.
func identical(a, b Content) bool {
	if x, ok := a.(Bytes); ok {
		y, ok := b.(Bytes)
		return ok && &x[0] == &y[0]
	}
	return reflect.ValueOf(a).Comparable() && reflect.ValueOf(b).Comparable() && a == b
}

func sum(c Content) (Summed, error) {
	var s Summer
	if _, err := io.CopyBuffer(&s, struct{ io.Reader }{NewReader(c)}, make([]byte, 64<<10)); err != nil {
		return Summed{}, err
	}
	got, _ := s.Content().(Summed)
	return got, nil
}

func sameBytes(a, b Content) (bool, error) {
	const chunk = 64 << 10
	p, q := make([]byte, min(chunk, a.Size())), make([]byte, min(chunk, a.Size()))
	for off := int64(0); off < a.Size(); off += chunk {
		n := min(chunk, a.Size()-off)
		if m, err := a.ReadAt(p[:n], off); int64(m) < n {
			return false, err
		}
		if m, err := b.ReadAt(q[:n], off); int64(m) < n {
			return false, err
		}
		if !bytes.Equal(p[:n], q[:n]) {
			return false, nil
		}
	}
	return true, nil
}

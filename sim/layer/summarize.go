package layer

import (
	"archive/tar"
	"fmt"
	"io"
	"path"

	"github.com/opencontainers/go-digest"
)

// Summarize reads the uncompressed tar of a layer to its end and keeps no file's content: those of
// the layer that it makes are Summed. Memory is that of the names and attributes.
//
// It is for looking at archives of whatever origin. So a name that comes twice, which the engine
// refuses, means the later member. What cannot be unpacked otherwise is refused in the engine's
// words. admit is asked about each entry, and its error ends the reading.
func Summarize(r io.Reader, admit func(*Entry) error) (*Layer, error) {
	sum := newHasher()
	defer sum.stop()
	all := io.TeeReader(r, sum)
	u := unpacker{Edit: NewTree().Edit(), marks: true}
	if err := u.summarize(all, admit); err != nil {
		return nil, err
	}
	// What follows the tar's end is no member, but part of what the diff ID is the hash of.
	if _, err := io.CopyBuffer(io.Discard, struct{ io.Reader }{all}, make([]byte, 64<<10)); err != nil {
		return nil, err
	}
	tree, id := u.done(), sum.digest()
	size := tree.FileBytes()
	return &Layer{
		load: func() ([]Entry, error) { return nil, ErrNotKept },
		dir:  func() (*Tree, error) { return tree, nil },
		id:   func() digest.Digest { return id },
		sum:  func() int64 { return size },
	}, nil
}

// summarize unpacks a tar while it is read.
func (u *unpacker) summarize(r io.Reader, admit func(*Entry) error) error {
	t := tar.NewReader(r)
	var sum Summer
	var sparse int64
	buf := make([]byte, 64<<10)
	for {
		h, err := t.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if isRoot(h) {
			continue
		}
		e, err := entry(h)
		if err != nil {
			return err
		}
		marks(&e)
		if err := admit(&e); err != nil {
			return err
		}
		if e.Mode.IsRegular() && h.Size > 0 && e.Link == "" && !e.Whiteout {
			if isSparse(h) {
				if sparse += h.Size; sparse > maxSparse || sparse < 0 {
					return errSparse
				}
			}
			if _, err := io.CopyBuffer(&sum, struct{ io.Reader }{t}, buf); err != nil {
				return fmt.Errorf("%s: %w", path.Clean(h.Name), err)
			}
			e.Content = sum.Content()
		}
		if err := u.add(&e); err != nil {
			return &UnpackError{err}
		}
	}
}

// hasher computes a SHA-256 beside whoever writes to it, which takes as long as all the rest.
type hasher struct {
	full, free chan []byte
	block      []byte // being filled
	done       chan digest.Digest
}

const (
	hashBlock  = 256 << 10
	hashBlocks = 4
)

func newHasher() *hasher {
	h := &hasher{full: make(chan []byte, hashBlocks), free: make(chan []byte, hashBlocks), done: make(chan digest.Digest, 1)}
	for range hashBlocks {
		h.free <- nil // made when it is first wanted: most layers are small
	}
	go func(full <-chan []byte) {
		d := digest.Canonical.Digester()
		for b := range full {
			d.Hash().Write(b)
			h.free <- b[:0]
		}
		h.done <- d.Digest()
	}(h.full)
	return h
}

func (h *hasher) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		if h.block == nil {
			if h.block = <-h.free; h.block == nil {
				h.block = make([]byte, 0, min(hashBlock, max(n, 4<<10)))
			}
		}
		m := min(len(p), cap(h.block)-len(h.block))
		h.block, p = append(h.block, p[:m]...), p[m:]
		if len(h.block) == cap(h.block) {
			h.full <- h.block
			h.block = nil
		}
	}
	return n, nil
}

// digest ends the writing and gives the hash of all of it.
func (h *hasher) digest() digest.Digest {
	if h.block != nil {
		h.full <- h.block
		h.block = nil
	}
	h.stop()
	return <-h.done
}

// stop ends the goroutine.
func (h *hasher) stop() {
	if h.full != nil {
		close(h.full)
		h.full = nil
	}
}

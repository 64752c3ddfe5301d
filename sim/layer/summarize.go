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
	sum := digest.Canonical.Digester()
	all := io.TeeReader(r, sum.Hash())
	u := unpacker{Edit: NewTree().Edit(), marks: true}
	if err := u.summarize(all, admit); err != nil {
		return nil, err
	}
	// What follows the tar's end is no member, but part of what the diff ID is the hash of.
	if _, err := io.CopyBuffer(io.Discard, struct{ io.Reader }{all}, make([]byte, 64<<10)); err != nil {
		return nil, err
	}
	tree, id := u.done(), sum.Digest()
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

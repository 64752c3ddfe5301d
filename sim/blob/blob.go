// Package blob is how a lab's state is written down: as blobs, byte strings that are known by the
// SHA-256 of what they hold and that name other blobs. A value that never changes is one blob, or a
// tree of them; a changed value shares with the old one, in the store as in memory, all that is the
// same, so that keeping a state costs what has changed since the last one was kept.
//
//	root ──▶ state ──▶ containers ──▶ container ──▶ write layer ──▶ pages
//	             └───▶ images ──▶ layers
//
// The rooms of sim write their own values with an Encoder and read them with a Decoder. Where the
// blobs lie is the business of a Store, which stands outside of sim.
package blob

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
)

// Ref names a blob. The zero Ref names none.
type Ref [sha256.Size]byte

// IsZero says that it names no blob.
func (r Ref) IsZero() bool { return r == Ref{} }

// String is the first 16 of its hex digits, for messages.
func (r Ref) String() string { return hex.EncodeToString(r[:8]) }

// Blob is bytes, and the blobs that they speak of, in the order in which they do.
type Blob struct {
	Refs []Ref
	Data []byte
}

// Ref is the name of the blob.
func (b Blob) Ref() Ref {
	h := sha256.New()
	var n [4]byte
	binary.LittleEndian.PutUint32(n[:], uint32(len(b.Refs)))
	h.Write(n[:])
	for _, r := range b.Refs {
		h.Write(r[:])
	}
	h.Write(b.Data)
	return Ref(h.Sum(nil))
}

// Source is where blobs are read from. It is safe for concurrent use.
type Source interface {
	// Get gives a blob, which must not be changed. The error is a *MissingError or *DamagedError,
	// or one of the medium.
	Get(Ref) (Blob, error)
}

// Store keeps blobs.
type Store interface {
	Source
	// Put keeps a blob and gives its name; one that is there already costs no more than its hash.
	// Its Refs must be there. What is put need not outlast the process before it is committed, see
	// sim.Store.
	Put(Blob) (Ref, error)
	// Has says whether a blob is there. Where it is, those that it speaks of are.
	Has(Ref) bool
}

// MissingError says that a store lacks a blob that another one speaks of.
type MissingError struct{ Ref Ref }

func (e *MissingError) Error() string { return fmt.Sprintf("blob %v is missing", e.Ref) }

// DamagedError says that a blob is not what was written.
type DamagedError struct {
	Ref Ref
	Err error // in what way; may be nil
}

func (e *DamagedError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("blob %v is damaged", e.Ref)
	}
	return fmt.Sprintf("blob %v is damaged: %v", e.Ref, e.Err)
}

// Unwrap gives in what way.
func (e *DamagedError) Unwrap() error { return e.Err }

// Memory is a Store in memory, for tests. It is not safe for concurrent use.
type Memory map[Ref]Blob

// Get gives a blob.
func (m Memory) Get(r Ref) (Blob, error) {
	b, ok := m[r]
	if !ok {
		return Blob{}, &MissingError{r}
	}
	return b, nil
}

// Has says whether a blob is there.
func (m Memory) Has(r Ref) bool {
	_, ok := m[r]
	return ok
}

// Put keeps a blob.
func (m Memory) Put(b Blob) (Ref, error) {
	r := b.Ref()
	if _, ok := m[r]; !ok {
		m[r] = Blob{append([]Ref(nil), b.Refs...), append([]byte(nil), b.Data...)}
	}
	return r, nil
}

var errShort = errors.New("it ends too early")

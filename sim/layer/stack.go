package layer

import (
	"errors"
	"slices"
	"sync"

	"github.com/opencontainers/go-digest"
)

// ErrMaxDepth is what pushing a layer on a full Stack gives.
var ErrMaxDepth = errors.New("max depth exceeded")

// MaxDepth is the most layers that an image may have. With the two of a container, its init and
// its write layer, they make 127.
const MaxDepth = 125

// Stack is layers one upon the other, a list from the top down that shares its tail with the
// stacks it was made from. It is immutable and safe for concurrent use; nil is the empty stack,
// that of an image FROM scratch.
type Stack struct {
	Top   *Layer
	Below *Stack

	depth int
	chain func() digest.Digest
	tree  func() (*Tree, error)
}

// Push puts l on the stack. It gives ErrMaxDepth where there are MaxDepth layers already.
func (s *Stack) Push(l *Layer) (*Stack, error) {
	if s.Depth() >= MaxDepth {
		return nil, ErrMaxDepth
	}
	n := &Stack{Top: l, Below: s, depth: s.Depth() + 1}
	n.chain = sync.OnceValue(func() digest.Digest {
		if s == nil {
			return l.DiffID()
		}
		return digest.FromString(s.ChainID().String() + " " + l.DiffID().String())
	})
	n.tree = sync.OnceValues(func() (*Tree, error) {
		below, err := s.Tree()
		if err != nil {
			return nil, err
		}
		return below.Apply(l)
	})
	return n, nil
}

// Depth is the number of layers.
func (s *Stack) Depth() int {
	if s == nil {
		return 0
	}
	return s.depth
}

// Layers are the layers from the bottom up.
func (s *Stack) Layers() []*Layer {
	ls := make([]*Layer, 0, s.Depth())
	for ; s != nil; s = s.Below {
		ls = append(ls, s.Top)
	}
	slices.Reverse(ls)
	return ls
}

// DiffIDs are those of the layers from the bottom up.
func (s *Stack) DiffIDs() []digest.Digest {
	ls := s.Layers()
	ids := make([]digest.Digest, len(ls))
	for i, l := range ls {
		ids[i] = l.DiffID()
	}
	return ids
}

// ChainID identifies the stack as a whole; the empty stack's is "".
func (s *Stack) ChainID() digest.Digest {
	if s == nil {
		return ""
	}
	return s.chain()
}

// Size is the sum of the sizes of the layers in bytes.
func (s *Stack) Size() int64 {
	var n int64
	for ; s != nil; s = s.Below {
		n += s.Top.Size()
	}
	return n
}

// Tree is what the layers look like merged. It is made once, from the tree of the stack below.
func (s *Stack) Tree() (*Tree, error) {
	if s == nil {
		return NewTree(), nil
	}
	return s.tree()
}

// Package radix holds a persistent array: a copy of one is a snapshot that costs nothing, and
// writing to either copy afterwards copies only the few nodes on the way to the slot.
package radix

// Mark is a right to change nodes in place. A node bears the mark it was made under, and is
// copied before a write under any other one. Marks are compared by identity.
type Mark struct{ o *owner }

type owner struct{ _ byte }

// NewMark makes a mark that nothing bears yet.
func NewMark() Mark { return Mark{new(owner)} }

const (
	fanBits = 5
	fan     = 1 << fanBits
)

// Array is a sparse array of pointers, as a radix tree. The zero value is empty, absent slots take
// no room, and whoever copies the struct has a snapshot, provided that both sides write under
// marks that are new from then on.
type Array[V any] struct {
	root   *node[V]
	levels int // below the root; 0 where the root is a leaf
}

type node[V any] struct {
	by    Mark
	used  int
	kids  []*node[V] // inner nodes
	slots []*V       // leaves
}

// Get gives what is at i, or nil.
func (a *Array[V]) Get(i uint64) *V {
	n := a.root
	if n == nil || i>>((a.levels+1)*fanBits) != 0 {
		return nil
	}
	for l := a.levels; l > 0; l-- {
		if n = n.kids[i>>(l*fanBits)&(fan-1)]; n == nil {
			return nil
		}
	}
	return n.slots[i&(fan-1)]
}

// Set puts v at i under the mark m; nil empties the slot.
func (a *Array[V]) Set(m Mark, i uint64, v *V) {
	for a.root == nil || i>>((a.levels+1)*fanBits) != 0 {
		if v == nil {
			return
		}
		if a.root == nil {
			a.levels = 0
			for i>>((a.levels+1)*fanBits) != 0 {
				a.levels++
			}
			a.root = newNode[V](m, a.levels)
			break
		}
		a.levels++
		up := newNode[V](m, a.levels)
		up.kids[0], up.used = a.root, 1
		a.root = up
	}
	a.root = a.root.set(m, a.levels, i, v)
	if a.root == nil {
		a.levels = 0
	}
}

func newNode[V any](m Mark, level int) *node[V] {
	if level == 0 {
		return &node[V]{by: m, slots: make([]*V, fan)}
	}
	return &node[V]{by: m, kids: make([]*node[V], fan)}
}

func (n *node[V]) own(m Mark) *node[V] {
	if n.by == m {
		return n
	}
	c := *n
	c.by = m
	if c.kids != nil {
		c.kids = append([]*node[V](nil), n.kids...)
	} else {
		c.slots = append([]*V(nil), n.slots...)
	}
	return &c
}

// set gives the node as it is with v at i, or nil where nothing is left in it.
func (n *node[V]) set(m Mark, level int, i uint64, v *V) *node[V] {
	at := i >> (level * fanBits) & (fan - 1)
	if level == 0 {
		old := n.slots[at]
		if old == v {
			return n
		}
		n = n.own(m)
		n.slots[at] = v
		n.used += count(v != nil) - count(old != nil)
	} else {
		kid := n.kids[at]
		next := kid
		if kid == nil {
			if v == nil {
				return n
			}
			next = newNode[V](m, level-1)
		}
		next = next.set(m, level-1, i, v)
		if next == kid {
			return n
		}
		n = n.own(m)
		n.kids[at] = next
		n.used += count(next != nil) - count(kid != nil)
	}
	if n.used == 0 {
		return nil
	}
	return n
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}

// From calls f for every slot that is filled, from i on in order, until f gives false.
func (a *Array[V]) From(i uint64, f func(i uint64, v *V) bool) {
	if a.root != nil && i>>((a.levels+1)*fanBits) == 0 {
		a.root.from(a.levels, 0, i, f)
	}
}

func (n *node[V]) from(level int, base, i uint64, f func(uint64, *V) bool) bool {
	width := uint64(1) << (level * fanBits)
	for at := range uint64(fan) {
		first := base + at*width
		if first+width <= i {
			continue
		}
		if level == 0 {
			if v := n.slots[at]; v != nil && !f(first, v) {
				return false
			}
		} else if k := n.kids[at]; k != nil && !k.from(level-1, first, i, f) {
			return false
		}
	}
	return true
}

// Truncate empties every slot from i on.
func (a *Array[V]) Truncate(m Mark, i uint64) {
	if a.root == nil {
		return
	}
	a.root = a.root.truncate(m, a.levels, 0, i)
	if a.root == nil {
		a.levels = 0
	}
}

func (n *node[V]) truncate(m Mark, level int, base, i uint64) *node[V] {
	width := uint64(1) << (level * fanBits)
	if base >= i {
		return nil
	}
	if base+width*fan <= i {
		return n
	}
	n = n.own(m)
	for at := range uint64(fan) {
		first := base + at*width
		if first+width <= i {
			continue
		}
		if level == 0 {
			n.used -= count(n.slots[at] != nil)
			n.slots[at] = nil
		} else if k := n.kids[at]; k != nil {
			n.kids[at] = k.truncate(m, level-1, first, i)
			n.used -= count(n.kids[at] == nil)
		}
	}
	if n.used == 0 {
		return nil
	}
	return n
}

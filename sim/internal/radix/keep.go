package radix

import (
	"errors"

	"github.com/dockerlab/dockerlab/sim/blob"
)

// Keep writes the filled slots of the array that are not the very ones of below, node by node: what
// was kept before, and what a and below share, costs nothing. put appends what a slot holds. The
// zero Ref stands for nothing to be written. Nobody may write to the array under an old mark any
// more: keep a snapshot.
func (a *Array[V]) Keep(w *blob.Writer, below *Array[V], put func(e *blob.Encoder, i uint64, v *V)) (blob.Ref, error) {
	k := keeper[V]{w, put}
	var under *node[V]
	if below != nil {
		under = below.root
		for l := below.levels; under != nil && l > a.levels; l-- {
			under = under.kids[0] // cannot be: arrays grow
		}
		for l := below.levels; under != nil && l < a.levels; l++ {
			under = &node[V]{kids: append([]*node[V]{under}, make([]*node[V], fan-1)...)}
		}
	}
	return k.node(a.root, under, a.levels, 0)
}

type keeper[V any] struct {
	w   *blob.Writer
	put func(e *blob.Encoder, i uint64, v *V)
}

func (k *keeper[V]) node(n, under *node[V], level int, base uint64) (blob.Ref, error) {
	if n == nil || n == under {
		return blob.Ref{}, nil
	}
	if r, ok := blob.Recall(k.w, n); ok {
		return r, nil
	}
	var e blob.Encoder
	e.Uint(uint64(level))
	some := false
	for at := range uint64(fan) {
		i := base | at<<(level*fanBits)
		if level > 0 {
			var below *node[V]
			if under != nil {
				below = under.kids[at]
			}
			r, err := k.node(n.kids[at], below, level-1, i)
			if err != nil {
				return r, err
			}
			if !r.IsZero() {
				e.Uint(at)
				e.Ref(r)
				some = true
			}
			continue
		}
		if v := n.slots[at]; v != nil && (under == nil || under.slots[at] != v) {
			e.Uint(at)
			k.put(&e, i, v)
			some = true
		}
	}
	if !some {
		return blob.Ref{}, nil
	}
	e.Uint(fan)
	r, err := e.Put(k.w)
	if err == nil {
		blob.Remember(k.w, n, r)
	}
	return r, err
}

// Kept calls each for every slot that Keep wrote, in order, with what put appended for it.
func Kept(s blob.Source, r blob.Ref, each func(i uint64, d *blob.Decoder)) error {
	if r.IsZero() {
		return nil
	}
	return kept(s, r, -1, 0, each)
}

// maxLevel is the highest that a node can be, of slots numbered by 64 bits.
const maxLevel = 64 / fanBits

func kept(s blob.Source, r blob.Ref, level int, base uint64, each func(uint64, *blob.Decoder)) error {
	d, err := blob.Open(s, r)
	if err != nil {
		return err
	}
	l := int(d.Uint())
	if l > maxLevel || level >= 0 && l != level {
		d.Fail(errors.New("a node is where it cannot be"))
		return d.Err()
	}
	for {
		at := d.Uint()
		if at >= fan || d.Err() != nil {
			break
		}
		i := base | at<<(l*fanBits)
		if l == 0 {
			each(i, d)
			continue
		}
		kid := d.Ref()
		if d.Err() != nil {
			break
		}
		if err := kept(s, kid, l-1, i, each); err != nil {
			return err
		}
	}
	return d.End()
}

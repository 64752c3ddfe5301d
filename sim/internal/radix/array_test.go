package radix

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// An array and its snapshots are each compared with a map that was copied where they were.
func TestSnapshotsKeepWhatTheyHad(t *testing.T) {
	type pair struct {
		a     Array[int]
		model map[uint64]int
		mark  Mark
	}
	r := rand.New(rand.NewPCG(1, 2))
	all := []*pair{{model: map[uint64]int{}, mark: NewMark()}}
	index := func() uint64 { return r.Uint64N(1 << r.IntN(20)) }
	for range 20000 {
		p := all[r.IntN(len(all))]
		switch k := r.IntN(100); {
		case k < 60:
			i, v := index(), r.IntN(1000)
			p.a.Set(p.mark, i, &v)
			p.model[i] = v
		case k < 90:
			i := index()
			p.a.Set(p.mark, i, nil)
			delete(p.model, i)
		case k < 92:
			i := index()
			p.a.Truncate(p.mark, i)
			maps.DeleteFunc(p.model, func(k uint64, _ int) bool { return k >= i })
		case k == 92 && len(all) < 20:
			p.mark = NewMark()
			all = append(all, &pair{a: p.a, model: maps.Clone(p.model), mark: NewMark()})
		default:
			i := index()
			want, ok := p.model[i]
			if got := p.a.Get(i); (got != nil) != ok || ok && *got != want {
				t.Fatalf("slot %d holds %v, want %v %v", i, got, want, ok)
			}
		}
	}
	for n, p := range all {
		from := index() / 2
		var got []uint64
		p.a.From(from, func(i uint64, v *int) bool {
			if *v != p.model[i] {
				t.Fatalf("snapshot %d: slot %d holds %d, want %d", n, i, *v, p.model[i])
			}
			got = append(got, i)
			return true
		})
		want := slices.Sorted(maps.Keys(p.model))
		want = want[len(want)-len(slices.DeleteFunc(slices.Clone(want), func(i uint64) bool { return i < from })):]
		if !slices.Equal(got, want) {
			t.Errorf("snapshot %d from %d: slots %v, want %v", n, from, got, want)
		}
	}
}

func TestEmptiedArrayHoldsNothing(t *testing.T) {
	var a Array[int]
	m := NewMark()
	v := 1
	a.Set(m, 1<<40, &v)
	if a.Get(1<<40) == nil || a.Get(0) != nil || a.Get(1<<63) != nil {
		t.Error("a slot far out is not alone")
	}
	a.Set(m, 1<<40, nil)
	if a.root != nil {
		t.Error("nodes are left")
	}
}

func BenchmarkGet(b *testing.B) {
	var a Array[int]
	m, v := NewMark(), 1
	for i := range uint64(10000) {
		a.Set(m, i, &v)
	}
	for i := uint64(0); b.Loop(); i++ {
		a.Get(i % 10000)
	}
}

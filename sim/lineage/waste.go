package lineage

import (
	"cmp"
	"slices"
)

// Waste is a file of a layer that nobody can see: all of its names are hidden by layers above.
type Waste struct {
	Path string `json:"path"`
	// Links are the other names of the same file, where it has several.
	Links []string `json:"links,omitempty"`
	Bytes int64    `json:"bytes"`
	Layer int      `json:"layer"`  // the number of the one that has it
	By    int      `json:"hidden"` // and of the one that hid the last of its names
	How   How      `json:"how"`
	Diff  Diff     `json:"differs,omitempty"` // between it and the copy that took its place
}

// Again says that the file is wasted because a copy of the same content took its place.
func (w *Waste) Again() bool { return w.How == Attributes || w.How == Linked || w.How == Copied }

// Waste lists the files that cannot be seen and take space, the largest first.
func (s *Stack) Waste() []Waste {
	var all []Waste
	for _, f := range s.files {
		if f.seen > 0 || f.inode.Size() == 0 {
			continue
		}
		w := Waste{Path: f.name.path(), Bytes: f.inode.Size(), Layer: int(f.layer) + 1, By: int(f.hidden) + 1, How: f.how, Diff: f.diff}
		for _, n := range f.more {
			w.Links = append(w.Links, n.path())
		}
		all = append(all, w)
	}
	slices.SortStableFunc(all, func(a, b Waste) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Layer, b.Layer))
	})
	return all
}

// Efficiency is the part of the bytes that can be seen, from 0 to 1; of nothing it is 1.
func (s *Stack) Efficiency() float64 { return Efficiency(s.Visible(), s.Size()) }

// Efficiency is visible of size bytes, from 0 to 1; 1 where there is nothing.
func Efficiency(visible, size int64) float64 {
	if size == 0 {
		return 1
	}
	return float64(visible) / float64(size)
}

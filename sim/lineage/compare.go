package lineage

import "fmt"

// Difference is a path that two trees do not have alike.
type Difference struct {
	Path string `json:"path"`
	// What is "added" for what only B has, "removed" for what only A has, or "changed".
	What string `json:"what"`
	Diff Diff   `json:"differs,omitempty"`
	// A and B are the file in either, and LayerA and LayerB the numbers of the layers that have it.
	A      *Attr `json:"a,omitempty"`
	B      *Attr `json:"b,omitempty"`
	LayerA int   `json:"layer_a,omitempty"`
	LayerB int   `json:"layer_b,omitempty"`
}

// What Difference.What can be.
const (
	OnlyInB = "added"
	OnlyInA = "removed"
	Changed = "changed"
)

// Grows is by how many bytes B's file is larger.
func (d *Difference) Grows() int64 {
	var n int64
	if d.B != nil {
		n += d.B.Size
	}
	if d.A != nil {
		n -= d.A.Size
	}
	return n
}

// Compare lists in what the trees of two stacks differ, by path. Directories that differ in their
// time alone are left out.
func Compare(a, b *Stack) ([]Difference, error) {
	c := comparison{}
	err := c.dir(a.root, b.root)
	return c.all, err
}

type comparison struct{ all []Difference }

// dir compares what is in two directories, either of which may be nil. Both lists are by name.
func (c *comparison) dir(a, b *node) error {
	x, y := a.list(), b.list()
	for len(x) > 0 || len(y) > 0 {
		var err error
		switch {
		case len(y) == 0 || len(x) > 0 && x[0].name < y[0].name:
			err = c.path(x[0], nil)
			x = x[1:]
		case len(x) == 0 || y[0].name < x[0].name:
			err = c.path(nil, y[0])
			y = y[1:]
		default:
			err = c.path(x[0], y[0])
			x, y = x[1:], y[1:]
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// list gives what one sees in the directory n; nothing where n is nil or none.
func (n *node) list() []*node {
	if n == nil || n.file() == nil || !n.file().inode.Mode.IsDir() {
		return nil
	}
	var all []*node
	n.each(func(k *node) {
		if k.file() != nil {
			all = append(all, k)
		}
	})
	return all
}

func (c *comparison) path(a, b *node) error {
	d := Difference{What: Changed}
	if a != nil {
		f := a.file()
		d.Path, d.A, d.LayerA = a.path(), attrOf(f.inode), int(f.layer)+1
	}
	if b != nil {
		f := b.file()
		d.Path, d.B, d.LayerB = b.path(), attrOf(f.inode), int(f.layer)+1
	}
	differ := true
	switch {
	case b == nil:
		d.What = OnlyInA
	case a == nil:
		d.What = OnlyInB
	default:
		x, y := a.file().inode, b.file().inode
		var err error
		if d.Diff, err = compare(x, y); err != nil {
			return fmt.Errorf("%s: %w", d.Path, err)
		}
		differ = d.Diff != 0 && !(x.Mode.IsDir() && d.Diff == Mtime)
	}
	if differ {
		c.all = append(c.all, d)
	}
	return c.dir(a, b)
}

// Shared is how many layers two stacks have in common from the bottom up. Layers of containers are
// nobody else's.
func Shared(a, b *Stack) int {
	n := 0
	for n < len(a.Layers) && n < len(b.Layers) && a.Layers[n].DiffID != "" && a.Layers[n].DiffID == b.Layers[n].DiffID {
		n++
	}
	return n
}

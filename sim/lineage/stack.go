// Package lineage tells where the files of an image or a container come from, and what they cost.
//
// An image is a pile of layers. Each may bring a path, bring it again in another form, or hide it;
// what is hidden is still there, and is stored and shipped with the rest. A Stack remembers for
// every path what each layer did to it:
//
//	                 /etc/motd                    /usr/lib/big
//	layer 3   ┌──────────────────────┬──────────────────────────────┐
//	          │         -            │  removed (a whiteout)        │
//	layer 2   ├──────────────────────┼──────────────────────────────┤
//	          │  attributes: mode    │           -                  │  ◀ a copy, to change its mode
//	layer 1   ├──────────────────────┼──────────────────────────────┤
//	          │  added, 40 bytes     │  added, 9 MB                 │
//	          └──────────────────────┴──────────────────────────────┘
//	            40 bytes seen,         9 MB wasted
//	            40 bytes wasted
//
// Of N copies of a file at most one is seen, so the others are waste: bytes that cost space and
// that nobody can see. For every stack,
//
//	the bytes seen + the bytes wasted = the sum of the layers' sizes
//
// sizes being the engine's: of regular files and the targets of symlinks, each inode of a layer
// once, however many names it has.
//
// Layers are merged by the rules of overlayfs, as sim/layer has them. Contents are compared and not
// needed otherwise, so layers whose contents are but summed (layer.Summed) will do.
package lineage

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/tidwall/btree"

	"github.com/dockerlab/dockerlab/sim/image"
	"github.com/dockerlab/dockerlab/sim/layer"
)

// Kind says what part a layer has in a stack.
type Kind string

// The kinds of layers.
const (
	OfImage   Kind = "image"
	InitLayer Kind = "init"  // that the engine puts above an image for each container
	Upper     Kind = "write" // a container's write layer
)

// Part is a layer that a Stack is made of.
type Part struct {
	Layer *layer.Layer
	Kind  Kind
	// Row is the step of the image's history that made the layer, counted from 1; 0 where none is
	// known. CreatedBy and Created are the row's.
	Row       int
	CreatedBy string
	Created   time.Time
}

// Parts are the layers of an image, from the bottom up, with the rows of its history that made them.
func Parts(history []image.History, layers []*layer.Layer) []Part {
	parts := make([]Part, len(layers))
	at := 0
	for i, h := range history {
		if h.EmptyLayer || at == len(parts) {
			continue
		}
		parts[at] = Part{Row: i + 1, CreatedBy: h.CreatedBy, Created: h.Created}
		if h.CreatedBy == "" {
			parts[at].CreatedBy = h.Comment // of docker import, which ran nothing
		}
		at++
	}
	for i, l := range layers {
		parts[i].Layer, parts[i].Kind = l, OfImage
	}
	return parts
}

// Layer is what one layer does in its stack.
type Layer struct {
	Number    int           `json:"layer"` // counted from 1, the lowest
	Kind      Kind          `json:"kind"`
	DiffID    digest.Digest `json:"diff_id,omitempty"` // of an image's layer
	Row       int           `json:"history_row,omitempty"`
	CreatedBy string        `json:"created_by,omitempty"`
	Created   time.Time     `json:"created,omitzero"`

	Size    int64 `json:"size"`    // bytes of its files
	Visible int64 `json:"visible"` // of Size, what can be seen at the top
	Hides   int64 `json:"hides"`   // bytes of lower layers that it is the one to hide

	// Added, Changed and Removed count paths: those that were not there below, those that were, and
	// those that are there no more. A directory counts as changed where its mode, owner or extended
	// attributes are others than below.
	Added   int `json:"added"`
	Changed int `json:"changed"`
	Removed int `json:"removed"`
}

// Stack is the layers of an image or a container, from the bottom up, and what each does to each
// path. It is made once and does not change.
type Stack struct {
	Layers []Layer

	root  *node
	files []*file // of all layers, in the order in which they were met
}

// node is a path that some layer speaks of.
type node struct {
	name   string
	parent *node
	kids   *btree.Map[string, *node]
	last   *version // what the highest layer that speaks of it says
}

// version is what one layer says of a path.
type version struct {
	prev  *version
	file  *file // nil: nothing is there any more
	layer int32 // index
	how   How
	diff  Diff
}

// file is an inode of a layer.
type file struct {
	inode *layer.Inode
	name  *node
	more  []*node // other names, of hard links
	layer int32   // index
	seen  int32   // how many names lead there, at the top
	// The layer that hid the last of its names, and how.
	hidden int32
	how    How
	diff   Diff
}

func (n *node) file() *file {
	if n.last == nil {
		return nil
	}
	return n.last.file
}

// path is absolute.
func (n *node) path() string {
	if n.parent == nil {
		return "/"
	}
	var names []string
	for ; n.parent != nil; n = n.parent {
		names = append(names, n.name)
	}
	slices.Reverse(names)
	return "/" + strings.Join(names, "/")
}

func (n *node) kid(name string) *node {
	if n.kids == nil {
		n.kids = new(btree.Map[string, *node])
	}
	if k, ok := n.kids.Get(name); ok {
		return k
	}
	k := &node{name: name, parent: n}
	n.kids.Set(name, k)
	return k
}

// look gives the node below n, or nil.
func (n *node) look(name string) *node {
	if n.kids == nil {
		return nil
	}
	k, _ := n.kids.Get(name)
	return k
}

// each calls f with the nodes below n, by name.
func (n *node) each(f func(*node)) {
	if n.kids != nil {
		n.kids.Scan(func(_ string, k *node) bool { f(k); return true })
	}
}

// New puts layers one upon the other. The error is that of a layer that cannot be unpacked, or of a
// content that cannot be read.
func New(parts []Part) (*Stack, error) {
	s := &Stack{root: &node{}}
	for i, p := range parts {
		tree, err := p.Layer.Dir()
		if err != nil {
			return nil, fmt.Errorf("layer %d: %w", i+1, err)
		}
		l := Layer{Number: i + 1, Kind: p.Kind, Row: p.Row, CreatedBy: p.CreatedBy, Created: p.Created}
		if p.Kind == OfImage {
			l.DiffID = p.Layer.DiffID()
		}
		s.Layers = append(s.Layers, l)
		a := adding{Stack: s, tree: tree, at: int32(i), links: map[layer.Ino]*file{}}
		if i == 0 {
			s.root.last = &version{file: &file{inode: tree.Inode(tree.Root()), name: s.root, seen: 1}}
		}
		if err := a.dir(s.root, tree.Root()); err != nil {
			return nil, fmt.Errorf("layer %d: %w", i+1, err)
		}
	}
	for _, f := range s.files {
		l := &s.Layers[f.layer]
		l.Size += f.inode.Size()
		if f.seen > 0 {
			l.Visible += f.inode.Size()
		} else {
			s.Layers[f.hidden].Hides += f.inode.Size()
		}
	}
	return s, nil
}

// adding is a layer that is being put on a stack.
type adding struct {
	*Stack
	tree  *layer.Tree
	at    int32
	links map[layer.Ino]*file // the layer's files with several names
}

// dir puts what is in a directory of the layer upon the directory n.
func (a *adding) dir(n *node, dir layer.Ino) error {
	for name, ino := range a.tree.Names(dir) {
		i := a.tree.Inode(ino)
		if i.IsWhiteout() {
			if k := n.look(name); k != nil {
				a.hide(k, Removed)
			}
			continue
		}
		k := n.kid(name)
		if err := a.put(k, i, ino); err != nil {
			return err
		}
		if i.Mode.IsDir() {
			if err := a.dir(k, ino); err != nil {
				return err
			}
		}
	}
	return nil
}

// put makes n what the layer has there.
func (a *adding) put(n *node, i *layer.Inode, ino layer.Ino) error {
	l := &a.Layers[a.at]
	f := a.links[ino]
	if f == nil {
		f = &file{inode: i, name: n, layer: a.at}
		if !i.Mode.IsDir() {
			a.files = append(a.files, f)
		}
		if !i.Mode.IsDir() && i.Nlink > 1 {
			a.links[ino] = f
		}
	} else {
		f.more = append(f.more, n)
	}
	f.seen++
	v := &version{prev: n.last, file: f, layer: a.at, how: Added}
	old := n.file()
	if old == nil {
		l.Added++
		n.last = v
		return nil
	}
	var err error
	if v.diff, err = compare(old.inode, i); err != nil {
		return fmt.Errorf("%s: %w", n.path(), err)
	}
	v.how = howOf(old.inode, i, v.diff)
	if i.Mode.IsDir() && old.inode.Mode.IsDir() && !i.IsOpaque() {
		if v.diff&^Mtime != 0 {
			l.Changed++
		}
		n.last = v
		return nil
	}
	l.Changed++
	below := Covered
	if v.how == Opaque {
		below = Opaque
	}
	n.each(func(k *node) { a.hide(k, below) })
	a.lose(old, v.how, v.diff)
	n.last = v
	return nil
}

// hide takes n away, and what is below it.
func (a *adding) hide(n *node, how How) {
	old := n.file()
	if old == nil {
		return
	}
	a.Layers[a.at].Removed++
	a.lose(old, how, 0)
	n.last = &version{prev: n.last, layer: a.at, how: how}
	if how == Removed {
		how = RemovedAbove
	}
	n.each(func(k *node) { a.hide(k, how) })
}

// lose takes one name of a file away.
func (a *adding) lose(f *file, how How, diff Diff) {
	if f.seen--; f.seen == 0 {
		f.hidden, f.how, f.diff = a.at, how, diff
	}
}

// Size is the sum of the layers' sizes, in bytes.
func (s *Stack) Size() int64 {
	var n int64
	for _, l := range s.Layers {
		n += l.Size
	}
	return n
}

// Visible is what can be seen at the top, in bytes: each file once, however many names it has.
func (s *Stack) Visible() int64 {
	var n int64
	for _, l := range s.Layers {
		n += l.Visible
	}
	return n
}

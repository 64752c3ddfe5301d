package unionfs

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/dockerlab/dockerlab/sim/blob"
	"github.com/dockerlab/dockerlab/sim/internal/radix"
	"github.com/dockerlab/dockerlab/sim/layer"
	"github.com/dockerlab/dockerlab/sim/linux"
)

// How a snapshot is kept: what the upper has, by the numbers of its inodes, and nothing of what lies
// below. The table of inodes and that of directories are trees of blobs, as they are trees in memory,
// so that a file that was written to costs its pages and the few nodes above its inode. Numbers are
// those of the tree below as it was; where it is another one when the snapshot is read, a later
// version of the catalogue say, the directories that the two have in common are found by their names.

// Keep writes the upper of a snapshot.
func (s *Snapshot) Keep(k *layer.Sink) (blob.Ref, error) {
	if r, ok := blob.Recall(k.Writer, s); ok {
		return r, nil
	}
	inodes, err := k.Inodes(s.tree, s.lower)
	if err != nil {
		return inodes, fmt.Errorf("keeping inodes: %w", err)
	}
	dirs, err := s.up.Keep(k.Writer, nil, func(e *blob.Encoder, i uint64, d *upperDir) { s.keepDir(k, e, layer.Ino(i), d) })
	if err != nil {
		return dirs, fmt.Errorf("keeping directories: %w", err)
	}
	var e blob.Encoder
	e.Uint(uint64(s.floor))
	e.Uint(uint64(s.tree.Next()))
	e.Int(s.held)
	e.Int(s.blocks)
	e.Int(s.inodes)
	e.Time(s.last)
	e.Ref(inodes)
	e.Ref(dirs)
	r, err := e.Put(k.Writer)
	if err == nil {
		blob.Remember(k.Writer, s, r)
	}
	return r, err
}

// keepDir appends a directory of the upper. One of the layers below is known by its place. A
// whiteout is known by its time: no two changes have the same.
func (s *Snapshot) keepDir(k *layer.Sink, e *blob.Encoder, i layer.Ino, d *upperDir) {
	e.Bool(d.opaque)
	if i < s.floor {
		e.Uint(uint64(s.tree.Parent(i)))
		e.String(s.tree.Name(i))
	}
	t := blob.NewTable(k.Writer)
	d.names.Scan(func(name string, hidden *whiteout) bool {
		t.Add(name, func(e *blob.Encoder) {
			e.Bool(hidden != nil)
			if hidden != nil {
				e.Time(hidden.mtime)
			} else {
				e.Uint(uint64(s.tree.Lookup(i, name)))
			}
		})
		return true
	})
	t.End(e)
}

// Keep appends the content: its pages, and what shows where there are none.
func (f *file) Keep(k *layer.Sink, e *blob.Encoder) {
	e.Uint(uint64(f.size))
	e.Uint(uint64(f.below))
	e.Uint(uint64(f.held))
	e.Int(f.extra)
	if f.below > 0 {
		k.Content(e, f.base)
	}
	keepPage(k, e, &f.first)
	r, err := f.rest.Keep(k.Writer, nil, func(e *blob.Encoder, _ uint64, p *page) { keepPage(k, e, p) })
	e.Fail(err)
	e.Ref(r)
}

// pageInPlace is the most bytes of a page that stand in place.
const pageInPlace = 512

// How a page is written.
const (
	pageNone = iota
	pageZero
	pageHere
	pageAt
)

func keepPage(k *layer.Sink, e *blob.Encoder, p *page) {
	switch {
	case p.none():
		e.Uint(pageNone)
		return
	case p.zero():
		e.Uint(pageZero)
		return
	case p.away == nil && len(p.data) <= pageInPlace:
		e.Uint(pageHere)
		e.Uint(uint64(cap(p.data)))
		e.Bytes(p.data)
		return
	}
	var r blob.Ref
	size := 0
	if p.away != nil && k.Has(p.away.ref) {
		r, size = p.away.ref, p.away.size
	} else {
		data, err := p.bytes()
		if !e.Fail(err) {
			r, err = k.Put(blob.Blob{Data: data})
			e.Fail(err)
		}
		size = len(data)
	}
	e.Uint(pageAt)
	e.Uint(uint64(p.room()))
	e.Uint(uint64(size))
	e.Ref(r)
}

// pageAway is a page that lies in a store.
type pageAway struct {
	src       blob.Source
	ref       blob.Ref
	size, cap int

	once sync.Once
	data []byte
	err  error
}

func (p *pageAway) fetch() ([]byte, error) {
	p.once.Do(func() {
		b, err := p.src.Get(p.ref)
		if err == nil && len(b.Data) != p.size {
			err = &blob.DamagedError{Ref: p.ref}
		}
		if err != nil {
			p.err = err
			return
		}
		p.data = append(make([]byte, 0, p.cap), b.Data...)
	})
	return p.data, p.err
}

func takePage(src *layer.Source, d *blob.Decoder) page {
	kind := d.Uint()
	switch kind {
	case pageNone:
		return page{}
	case pageZero:
		return zeroPage
	}
	room := d.Uint()
	if room > pageSize || kind > pageAt {
		d.Fail(errors.New("there is no such page"))
		return zeroPage
	}
	if kind == pageHere {
		b := d.Bytes()
		return page{data: append(make([]byte, 0, max(room, uint64(len(b)))), b...)}
	}
	size := d.Uint()
	if size > room {
		d.Fail(errors.New("a page is larger than its room"))
	}
	return page{away: &pageAway{src: src, size: int(size), cap: int(room), ref: d.Ref()}}
}

// ReadContent takes the content of a file that a file system has written to; it is the Own of a
// layer.Source.
func ReadContent(src *layer.Source, d *blob.Decoder) layer.Content {
	f := &file{size: int64(d.Uint()), below: int64(d.Uint()), held: int64(d.Uint()), extra: d.Int()}
	if f.size < 0 || f.below < 0 || f.size > maxFile || f.below > f.size {
		d.Fail(errors.New("a file has no such size"))
		return nil
	}
	if f.below > 0 {
		if f.base = src.Content(d); f.base == nil || f.base.Size() < f.below {
			d.Fail(errors.New("a file lies on less than it shows"))
			return nil
		}
	}
	f.by = radix.NewMark()
	f.first = takePage(src, d)
	d.Pass(radix.Kept(src, d.Ref(), func(i uint64, d *blob.Decoder) { f.setPage(i, takePage(src, d)) }))
	return f
}

// ReadSnapshot reads a snapshot above a tree. What no name led to any more, since it was only open,
// is gone.
func ReadSnapshot(src *layer.Source, r blob.Ref, lower *layer.Tree) (*Snapshot, error) {
	d, err := blob.Open(src, r)
	if err != nil {
		return nil, err
	}
	s := &Snapshot{lower: lower, floor: lower.Next()}
	x := &reading{Snapshot: s, t: lower.Edit(), oldFloor: layer.Ino(d.Uint()), whiteouts: map[time.Time]*whiteout{}, names: map[layer.Ino]bool{}}
	next := layer.Ino(d.Uint())
	s.held, s.blocks, s.inodes, s.last = d.Int(), d.Int(), d.Int(), d.Time()
	inodes, dirs := d.Ref(), d.Ref()
	if err := d.End(); err != nil {
		return nil, err
	}
	if next < x.oldFloor {
		return nil, &blob.DamagedError{Ref: r}
	}
	x.t.Reserve(x.moved(next))
	if err := x.read(src, inodes, dirs); err != nil {
		return nil, fmt.Errorf("reading a file system: %w", err)
	}
	s.tree = x.t.Freeze()
	blob.Remember(src.Writer, s, r)
	return s, nil
}

// reading is a snapshot that is being put together.
type reading struct {
	*Snapshot
	t        *layer.Edit
	oldFloor layer.Ino

	dirs      map[layer.Ino]*readDir // by the numbers that were
	whiteouts map[time.Time]*whiteout
	names     map[layer.Ino]bool // inodes, by the numbers that were, that a name leads to
}

// readDir is a directory of the upper as it was written.
type readDir struct {
	opaque bool
	parent layer.Ino // of one of the layers below
	name   string
	names  []readName
	now    layer.Ino // its number here; 0: not known yet
}

type readName struct {
	name   string
	hidden time.Time // of a whiteout
	ino    layer.Ino // 0: it is a whiteout
}

// moved is the number here of an inode that was the upper's own.
func (x *reading) moved(i layer.Ino) layer.Ino { return i - x.oldFloor + x.floor }

func (x *reading) read(src *layer.Source, inodes, dirs blob.Ref) error {
	x.dirs = map[layer.Ino]*readDir{}
	root := x.t.Root()
	err := radix.Kept(src, dirs, func(i uint64, d *blob.Decoder) {
		r := &readDir{opaque: d.Bool()}
		if layer.Ino(i) < x.oldFloor {
			r.parent, r.name = layer.Ino(d.Uint()), d.String()
			if r.parent == layer.Ino(i) {
				r.now = root
			}
		} else {
			r.now = x.moved(layer.Ino(i))
		}
		d.Table(src, func(name string, d *blob.Decoder) {
			n := readName{name: name}
			if d.Bool() {
				n.hidden = d.Time()
			} else {
				n.ino = layer.Ino(d.Uint())
				x.names[n.ino] = true
			}
			r.names = append(r.names, n)
		})
		x.dirs[layer.Ino(i)] = r
	})
	if err != nil {
		return err
	}
	order := slices.Sorted(maps.Keys(x.dirs))
	for _, i := range order {
		if _, err := x.here(i, 0); err != nil {
			return err
		}
	}
	if err := src.ReadInodes(inodes, x.inode); err != nil {
		return err
	}
	mark := x.t.Mark()
	for _, i := range order {
		if err := x.fill(mark, x.dirs[i]); err != nil {
			return err
		}
	}
	return nil
}

// here finds the number that a directory of the upper has here. One of a layer below that is no
// longer there becomes the upper's own.
func (x *reading) here(i layer.Ino, depth int) (layer.Ino, error) {
	d := x.dirs[i]
	if d == nil || depth > linux.PATH_MAX {
		return 0, errors.New("a directory is missing")
	}
	if d.now != 0 {
		return d.now, nil
	}
	parent, err := x.here(d.parent, depth+1)
	if err != nil {
		return 0, err
	}
	if d.now = x.lower.Lookup(parent, d.name); d.now == 0 || !x.lower.Inode(d.now).Mode.IsDir() {
		d.now = x.t.New(layer.Inode{Mode: linux.S_IFDIR})
	}
	return d.now, nil
}

func (x *reading) inode(i layer.Ino, n layer.Inode, merged bool) {
	now := x.moved(i)
	if d := x.dirs[i]; d != nil {
		now = d.now
	} else if i < x.oldFloor {
		return // a directory of a layer below that was removed, after it had been copied up
	}
	if now != x.t.Root() && !x.names[i] {
		if f, ok := n.Content.(*file); ok {
			x.held -= f.held
			x.blocks -= pagesOf(f.below) + f.extra
		} else if n.Mode.IsRegular() {
			x.blocks -= pagesOf(n.Size())
		}
		if !n.Mode.IsDir() {
			x.inodes--
		}
		return
	}
	x.t.Place(now, n)
	if merged {
		x.t.Merged(now)
	}
}

// fill gives a directory the names that the upper has in it.
func (x *reading) fill(mark radix.Mark, d *readDir) error {
	if x.t.Inode(d.now) == nil || !x.t.Inode(d.now).Mode.IsDir() {
		return errors.New("a directory has no inode")
	}
	u := &upperDir{by: mark, opaque: d.opaque}
	for _, n := range d.names {
		if n.ino == 0 {
			w := x.whiteouts[n.hidden]
			if w == nil {
				w = &whiteout{n.hidden}
				x.whiteouts[n.hidden] = w
			}
			u.names.Set(n.name, w)
			if x.t.Lookup(d.now, n.name) != 0 {
				x.t.Remove(d.now, n.name)
			}
			continue
		}
		now := x.moved(n.ino)
		if child := x.dirs[n.ino]; child != nil {
			now = child.now
		} else if n.ino < x.oldFloor {
			return fmt.Errorf("%q leads to nothing of the upper", n.name)
		}
		if x.t.Inode(now) == nil {
			return fmt.Errorf("%q leads to no inode", n.name)
		}
		u.names.Set(n.name, nil)
		x.t.Put(d.now, n.name, now)
	}
	x.up.Set(mark, uint64(d.now), u)
	return nil
}

package layer

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"

	"github.com/opencontainers/go-digest"

	"github.com/dockerlab/dockerlab/sim/blob"
	"github.com/dockerlab/dockerlab/sim/internal/radix"
	"github.com/dockerlab/dockerlab/sim/linux"
)

// Sink is where contents, layers, stacks and trees are kept.
type Sink struct {
	*blob.Writer
}

// Source is where they are read from again. Contents are read when they are wanted. It is safe for
// concurrent use.
type Source struct {
	blob.Source
	// Layer gives a layer that whoever reads has already, so that it is shared; nil: it is read. It may
	// be nil, and so knows none.
	Layer func(digest.Digest) (*Layer, error)
	// Recipe makes the Content of a Recipe.
	Recipe func(string) (Content, error)
	// Own reads what a Keepable has appended.
	Own func(s *Source, d *blob.Decoder) Content
	// Writer is what goes on keeping what is read here: it need not write that again. nil: nothing does.
	Writer *blob.Writer

	mu     sync.Mutex
	layers map[blob.Ref]*Layer
	stacks map[blob.Ref]*Stack
}

// Recipe is Content that is made whenever it is read, from a few words. It is kept as these.
type Recipe interface {
	Content
	Recipe() string
}

// Keepable is Content of another package that keeps itself.
type Keepable interface {
	Content
	Keep(s *Sink, e *blob.Encoder)
}

// How contents are written.
const (
	asNothing = iota
	asBytes   // in place
	asChunks  // in blobs of their own
	asZeros
	asGenerated
	asJoined
	asSlice
	asRecipe
	asOwn
)

const (
	inPlace = 512 // the most bytes that stand in place
	// maxNesting bounds what is made of what is made of ...
	maxNesting = 64
)

// Content appends a content.
func (s *Sink) Content(e *blob.Encoder, c Content) {
	switch c := c.(type) {
	case nil:
		e.Uint(asNothing)
	case zero:
		e.Uint(asZeros)
		e.Uint(uint64(c))
	case generated:
		e.Uint(asGenerated)
		e.Uint(c.seed)
		e.Uint(uint64(c.size))
	case joined:
		e.Uint(asJoined)
		e.Uint(uint64(len(c.parts)))
		for _, p := range c.parts {
			s.Content(e, p)
		}
	case Keepable:
		e.Uint(asOwn)
		c.Keep(s, e)
	case Recipe:
		e.Uint(asRecipe)
		e.String(c.Recipe())
	case *io.SectionReader:
		outer, off, n := c.Outer()
		if whole, ok := outer.(Content); ok {
			e.Uint(asSlice)
			s.Content(e, whole)
			e.Uint(uint64(off))
			e.Uint(uint64(n))
			return
		}
		s.bytes(e, c)
	default:
		s.bytes(e, c)
	}
}

// bytes appends a content that is nothing but bytes.
func (s *Sink) bytes(e *blob.Encoder, c Content) {
	size := c.Size()
	if size <= inPlace {
		b := make([]byte, size)
		if n, err := c.ReadAt(b, 0); n < len(b) {
			e.Fail(fmt.Errorf("reading a file's content: %w", err))
		}
		e.Uint(asBytes)
		e.Bytes(b)
		return
	}
	r, err := s.chunks(c)
	e.Fail(err)
	e.Uint(asChunks)
	e.Uint(uint64(size))
	e.Ref(r)
}

// chunks keeps bytes in blobs of keptChunk, and their list.
func (s *Sink) chunks(c Content) (blob.Ref, error) {
	var mark *byte // what the content is known by
	switch c := c.(type) {
	case *stored:
		if s.Has(c.ref) {
			return c.ref, nil
		}
	case kept:
		mark = &c.chunks[0][0]
		if r, ok := blob.Recall(s.Writer, mark); ok {
			return r, nil
		}
	}
	var list blob.Encoder
	buf := make([]byte, min(c.Size(), keptChunk))
	for off := int64(0); off < c.Size(); off += keptChunk {
		b := buf[:min(c.Size()-off, keptChunk)]
		if n, err := c.ReadAt(b, off); n < len(b) {
			return blob.Ref{}, fmt.Errorf("reading a file's content: %w", err)
		}
		r, err := s.Put(blob.Blob{Data: b})
		if err != nil {
			return r, err
		}
		list.Ref(r)
	}
	r, err := list.Put(s.Writer)
	if err == nil && mark != nil {
		blob.Remember(s.Writer, mark, r)
	}
	return r, err
}

// Content takes a content.
func (s *Source) Content(d *blob.Decoder) Content { return s.content(d, 0) }

func (s *Source) content(d *blob.Decoder, depth int) Content {
	if depth > maxNesting {
		d.Fail(errors.New("a content is nested too deeply"))
		return nil
	}
	size := func() int64 {
		n := int64(d.Uint())
		if n < 0 {
			d.Fail(errors.New("a size is negative"))
			return 0
		}
		return n
	}
	switch kind := d.Uint(); kind {
	case asNothing:
	case asBytes:
		return Bytes(d.Bytes())
	case asChunks:
		return &stored{src: s, size: size(), ref: d.Ref()}
	case asZeros:
		return Zero(size())
	case asGenerated:
		seed := d.Uint()
		return Generated(seed, size())
	case asJoined:
		var parts []Content
		for n := d.Count(); n > 0; n-- {
			if p := s.content(d, depth+1); p != nil {
				parts = append(parts, p)
			}
		}
		return Join(parts...)
	case asSlice:
		whole := s.content(d, depth+1)
		off, n := size(), size()
		if whole == nil || off+n < 0 || off+n > whole.Size() {
			d.Fail(errors.New("a slice does not lie in what it is of"))
			return nil
		}
		return Slice(whole, off, n)
	case asRecipe:
		c, err := s.Recipe(d.String())
		if err != nil {
			d.Fail(err)
			return nil
		}
		return c
	case asOwn:
		return s.Own(s, d)
	default:
		d.Fail(fmt.Errorf("there are no contents of kind %d", kind))
	}
	return nil
}

// stored is bytes that lie in a store.
type stored struct {
	src  *Source
	size int64
	ref  blob.Ref // of the list of its chunks

	once   sync.Once
	chunks []blob.Ref
	err    error
}

func (c *stored) Size() int64 { return c.size }

func (c *stored) list() ([]blob.Ref, error) {
	c.once.Do(func() {
		b, err := c.src.Get(c.ref)
		if err == nil && int64(len(b.Refs)) != (c.size+keptChunk-1)/keptChunk {
			err = &blob.DamagedError{Ref: c.ref}
		}
		c.chunks, c.err = b.Refs, err
	})
	return c.chunks, c.err
}

// ReadAt reads as io.ReaderAt says.
func (c *stored) ReadAt(p []byte, off int64) (int, error) {
	total, end := window(c.size, len(p), off)
	p = p[:total]
	if total == 0 {
		return 0, end
	}
	list, err := c.list()
	if err != nil {
		return 0, err
	}
	for len(p) > 0 {
		i := off / keptChunk
		b, err := c.src.Get(list[i])
		if err == nil && int64(len(b.Data)) != min(keptChunk, c.size-i*keptChunk) {
			err = &blob.DamagedError{Ref: list[i]}
		}
		if err != nil {
			return total - len(p), err
		}
		n := copy(p, b.Data[off%keptChunk:])
		p, off = p[n:], off+int64(n)
	}
	return total, end
}

// How layers are written.
const (
	layerTar = iota
	layerEntries
)

// Layer keeps a layer.
func (s *Sink) Layer(l *Layer) (blob.Ref, error) {
	if r, ok := blob.Recall(s.Writer, l); ok {
		return r, nil
	}
	var e blob.Encoder
	e.String(string(l.DiffID()))
	switch {
	case l.tar != nil:
		e.Uint(layerTar)
		e.Uint(uint64(l.Size()))
		s.Content(&e, l.tar)
	default:
		es, err := l.Entries()
		if err != nil {
			return blob.Ref{}, fmt.Errorf("reading layer %s: %w", l.DiffID(), err)
		}
		e.Uint(layerEntries)
		e.Uint(uint64(l.Size()))
		t := blob.NewTable(s.Writer)
		for i := range es {
			t.Add(es[i].Name, func(e *blob.Encoder) { s.entry(e, &es[i]) })
		}
		t.End(&e)
	}
	r, err := e.Put(s.Writer)
	if err == nil {
		blob.Remember(s.Writer, l, r)
	}
	return r, err
}

func (s *Sink) entry(e *blob.Encoder, t *Entry) {
	e.Uint(uint64(t.Mode))
	e.Uint(uint64(t.UID))
	e.Uint(uint64(t.GID))
	e.String(t.Uname)
	e.String(t.Gname)
	e.Time(t.ModTime)
	e.String(t.Target)
	e.Uint(uint64(t.Rdev))
	e.String(t.Link)
	xattrs(e, t.Xattrs)
	e.Bool(t.Whiteout)
	e.Bool(t.Opaque)
	s.Content(e, t.Content)
}

func (s *Source) entry(name string, d *blob.Decoder) Entry {
	return Entry{
		Name: name, Mode: linux.Mode(d.Uint()), UID: uint32(d.Uint()), GID: uint32(d.Uint()),
		Uname: d.String(), Gname: d.String(), ModTime: d.Time(), Target: d.String(), Rdev: linux.Dev(d.Uint()),
		Link: d.String(), Xattrs: takeXattrs(d), Whiteout: d.Bool(), Opaque: d.Bool(), Content: s.Content(d),
	}
}

func xattrs(e *blob.Encoder, m map[string]string) {
	e.Uint(uint64(len(m)))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		e.String(k)
		e.String(m[k])
	}
}

func takeXattrs(d *blob.Decoder) map[string]string {
	n := d.Count()
	if n == 0 {
		return nil
	}
	m := make(map[string]string, n)
	for ; n > 0; n-- {
		k := d.String()
		m[k] = d.String()
	}
	return m
}

// ReadLayer reads a layer. The same one is the same value.
func (s *Source) ReadLayer(r blob.Ref) (*Layer, error) {
	s.mu.Lock()
	l := s.layers[r]
	s.mu.Unlock()
	if l != nil {
		return l, nil
	}
	d, err := blob.Open(s, r)
	if err != nil {
		return nil, err
	}
	id := digest.Digest(d.String())
	if s.Layer != nil {
		if l, err = s.Layer(id); err != nil {
			return nil, fmt.Errorf("layer %s: %w", id, err)
		}
	}
	if l == nil {
		if l, err = s.layer(id, d); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if first := s.layers[r]; first != nil {
		return first, nil
	}
	if s.layers == nil {
		s.layers = map[blob.Ref]*Layer{}
	}
	s.layers[r] = l
	blob.Remember(s.Writer, l, r)
	return l, nil
}

// layer takes what Layer wrote behind the name.
func (s *Source) layer(id digest.Digest, d *blob.Decoder) (l *Layer, err error) {
	switch kind := d.Uint(); kind {
	case layerTar:
		size := int64(d.Uint())
		t := s.Content(d)
		l = Lazy(id, size, func() ([]Entry, error) { return readEntries(t, marks) })
		l.tar = t
	case layerEntries:
		size := int64(d.Uint())
		rest := *d
		d.Table(s, func(name string, d *blob.Decoder) { s.entry(name, d) })
		l = Lazy(id, size, func() ([]Entry, error) {
			var es []Entry
			d := rest
			d.Table(s, func(name string, d *blob.Decoder) { es = append(es, s.entry(name, d)) })
			return es, d.End()
		})
	default:
		d.Fail(fmt.Errorf("there are no layers of kind %d", kind))
	}
	return l, d.End()
}

// Stack keeps a stack. The zero Ref is the empty one.
func (s *Sink) Stack(st *Stack) (blob.Ref, error) {
	if st == nil {
		return blob.Ref{}, nil
	}
	if r, ok := blob.Recall(s.Writer, st); ok {
		return r, nil
	}
	below, err := s.Stack(st.Below)
	if err != nil {
		return below, err
	}
	top, err := s.Layer(st.Top)
	if err != nil {
		return top, err
	}
	var e blob.Encoder
	e.Ref(below)
	e.Ref(top)
	r, err := e.Put(s.Writer)
	if err == nil {
		blob.Remember(s.Writer, st, r)
	}
	return r, err
}

// ReadStack reads a stack. Stacks share what is the same below.
func (s *Source) ReadStack(r blob.Ref) (*Stack, error) { return s.stack(r, 0) }

func (s *Source) stack(r blob.Ref, depth int) (*Stack, error) {
	if r.IsZero() {
		return nil, nil
	}
	if depth > MaxDepth {
		return nil, &blob.DamagedError{Ref: r, Err: ErrMaxDepth}
	}
	s.mu.Lock()
	st := s.stacks[r]
	s.mu.Unlock()
	if st != nil {
		return st, nil
	}
	d, err := blob.Open(s, r)
	if err != nil {
		return nil, err
	}
	below, top := d.Ref(), d.Ref()
	if err := d.End(); err != nil {
		return nil, err
	}
	under, err := s.stack(below, depth+1)
	if err != nil {
		return nil, err
	}
	l, err := s.ReadLayer(top)
	if err != nil {
		return nil, err
	}
	if st, err = under.Push(l); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if first := s.stacks[r]; first != nil {
		return first, nil
	}
	if s.stacks == nil {
		s.stacks = map[blob.Ref]*Stack{}
	}
	s.stacks[r] = st
	blob.Remember(s.Writer, st, r)
	return st, nil
}

// Inodes keeps the inodes of t that are not the very ones of below, without their names.
func (s *Sink) Inodes(t, below *Tree) (blob.Ref, error) {
	return t.inodes.Keep(s.Writer, &below.inodes, func(e *blob.Encoder, _ uint64, n *Inode) {
		e.Uint(uint64(n.Mode))
		e.Uint(uint64(n.UID))
		e.Uint(uint64(n.GID))
		e.Uint(uint64(n.Nlink))
		e.Uint(uint64(n.Rdev))
		e.String(n.Target)
		xattrs(e, n.Xattrs)
		e.Time(n.Atime)
		e.Time(n.Mtime)
		e.Time(n.Ctime)
		e.Bool(n.dir != nil && n.dir.merged)
		s.Content(e, n.Content)
	})
}

// ReadInodes reads what Inodes wrote; merged says of a directory what Edit.Merged noted.
func (s *Source) ReadInodes(r blob.Ref, each func(i Ino, n Inode, merged bool)) error {
	return radix.Kept(s, r, func(i uint64, d *blob.Decoder) {
		n := Inode{
			Mode: linux.Mode(d.Uint()), UID: uint32(d.Uint()), GID: uint32(d.Uint()), Nlink: uint32(d.Uint()),
			Rdev: linux.Dev(d.Uint()), Target: d.String(), Xattrs: takeXattrs(d),
			Atime: d.Time(), Mtime: d.Time(), Ctime: d.Time(),
		}
		merged := d.Bool()
		n.Content = s.Content(d)
		if d.Err() == nil {
			each(Ino(i), n, merged)
		}
	})
}

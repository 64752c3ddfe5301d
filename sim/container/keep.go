package container

import (
	"encoding/json"
	"fmt"
	"maps"

	"github.com/dockerlab/dockerlab/sim/blob"
	"github.com/dockerlab/dockerlab/sim/image"
	"github.com/dockerlab/dockerlab/sim/layer"
	"github.com/dockerlab/dockerlab/sim/unionfs"
)

// A state is kept as its tables, each container in a blob of its own: the record as JSON, as the
// engine has it in config.v2.json, its log in blocks, its file system.

// Keep writes the state.
func (s *State) Keep(k *layer.Sink) (blob.Ref, error) {
	if r, ok := blob.Recall(k.Writer, s); ok {
		return r, nil
	}
	var e blob.Encoder
	e.String(s.ID)
	s.Images.Keep(k, &e)
	keepTable(k, &e, s.Containers, func(e *blob.Encoder, c *Container) {
		r, err := c.keep(k)
		e.Fail(err)
		e.Ref(r)
	})
	keepTable(k, &e, s.Names, func(e *blob.Encoder, id string) { e.String(id) })
	keepTable(k, &e, s.Volumes, func(e *blob.Encoder, v *Volume) {
		keepJSON(e, v)
		var r blob.Ref
		if v.Files != nil {
			var err error
			r, err = v.Files.Keep(k)
			e.Fail(err)
		}
		e.Ref(r)
	})
	keepTable(k, &e, s.Networks, func(e *blob.Encoder, n *Network) { keepJSON(e, n) })
	r, err := e.Put(k.Writer)
	if err != nil {
		return r, fmt.Errorf("keeping the engine's state: %w", err)
	}
	blob.Remember(k.Writer, s, r)
	return r, nil
}

func keepTable[V any](k *layer.Sink, e *blob.Encoder, t Table[V], value func(*blob.Encoder, V)) {
	w := blob.NewTable(k.Writer)
	for key, v := range t.All() {
		w.Add(key, func(e *blob.Encoder) { value(e, v) })
	}
	w.End(e)
}

func keepJSON(e *blob.Encoder, v any) {
	b, err := json.Marshal(v)
	e.Fail(err)
	e.Bytes(b)
}

func takeJSON(d *blob.Decoder, v any) {
	if b := d.Bytes(); d.Err() == nil {
		d.Fail(json.Unmarshal(b, v))
	}
}

func (c *Container) keep(k *layer.Sink) (blob.Ref, error) {
	if r, ok := blob.Recall(k.Writer, c); ok {
		return r, nil
	}
	var e blob.Encoder
	keepJSON(&e, c)
	base, err := c.Base.keep(k)
	if err != nil {
		return base, err
	}
	e.Ref(base)
	files, err := c.Files.Keep(k)
	if err != nil {
		return files, fmt.Errorf("container %s: %w", c.ID, err)
	}
	e.Ref(files)
	c.Log.keep(k, &e)
	r, err := e.Put(k.Writer)
	if err == nil {
		blob.Remember(k.Writer, c, r)
	}
	return r, err
}

func (b *Base) keep(k *layer.Sink) (blob.Ref, error) {
	if r, ok := blob.Recall(k.Writer, b); ok {
		return r, nil
	}
	layers, err := k.Stack(b.Layers)
	if err != nil {
		return layers, err
	}
	var init blob.Ref
	if b.Init != nil {
		if init, err = k.Layer(b.Init); err != nil {
			return init, err
		}
	}
	var e blob.Encoder
	e.Ref(layers)
	e.Ref(init)
	r, err := e.Put(k.Writer)
	if err == nil {
		blob.Remember(k.Writer, b, r)
	}
	return r, err
}

// keep appends the log, as blobs of about blockLines lines. Where one ends follows from the times of
// the lines alone, so that lines which come behind, and those that are dropped before, leave the
// others as they are.
func (l Log) keep(k *layer.Sink, e *blob.Encoder) {
	var blocks []blob.Ref
	from := 0
	for i := range l.Lines {
		if i-from < 8*blockLines && uint64(l.Lines[i].Time.UnixNano())*0x9e3779b97f4a7c15>>57 != 0 {
			continue
		}
		r, err := keepBlock(k, l.Lines[from:i+1])
		e.Fail(err)
		blocks = append(blocks, r)
		from = i + 1
	}
	e.Uint(uint64(len(blocks)))
	for _, r := range blocks {
		e.Ref(r)
	}
	keepLines(e, l.Lines[from:])
}

const blockLines = 128

func keepBlock(k *layer.Sink, lines []LogLine) (blob.Ref, error) {
	mark := &lines[0].Data[0] // no other block begins with the very same bytes
	if r, ok := blob.Recall(k.Writer, mark); ok {
		return r, nil
	}
	var e blob.Encoder
	keepLines(&e, lines)
	r, err := e.Put(k.Writer)
	if err == nil {
		blob.Remember(k.Writer, mark, r)
	}
	return r, err
}

func keepLines(e *blob.Encoder, lines []LogLine) {
	e.Uint(uint64(len(lines)))
	var attrs map[string]string
	for _, l := range lines {
		e.Time(l.Time)
		e.Uint(uint64(l.Stream))
		e.Bytes(l.Data)
		e.Bool(!maps.Equal(l.Attrs, attrs))
		if !maps.Equal(l.Attrs, attrs) {
			attrs = l.Attrs
			keepJSON(e, attrs)
		}
	}
}

func takeLines(d *blob.Decoder) []LogLine {
	var lines []LogLine
	var attrs map[string]string
	for n := d.Count(); n > 0; n-- {
		l := LogLine{Time: d.Time(), Stream: Stream(d.Uint()), Data: d.Bytes()}
		if d.Bool() {
			attrs = nil
			takeJSON(d, &attrs)
		}
		if len(l.Data) == 0 || l.Stream != Stdout && l.Stream != Stderr {
			d.Fail(fmt.Errorf("a log has no such line"))
			return nil
		}
		l.Attrs = attrs
		lines = append(lines, l)
	}
	return lines
}

// ReadState reads a state that Keep wrote.
func ReadState(src *layer.Source, r blob.Ref) (*State, error) {
	d, err := blob.Open(src, r)
	if err != nil {
		return nil, err
	}
	x := reader{src, map[blob.Ref]*Base{}}
	s := &State{ID: d.String(), Images: image.ReadStore(src, d)}
	d.Table(src, func(id string, d *blob.Decoder) {
		c, err := x.container(d.Ref())
		if err == nil && c.ID != id {
			err = fmt.Errorf("container %s has the record of %s", id, c.ID)
		}
		d.Pass(err)
		s.Containers = s.Containers.With(id, c)
	})
	d.Table(src, func(name string, d *blob.Decoder) { s.Names = s.Names.With(name, d.String()) })
	d.Table(src, func(name string, d *blob.Decoder) {
		v := &Volume{}
		takeJSON(d, v)
		if files := d.Ref(); !files.IsZero() {
			var err error
			v.Files, err = unionfs.ReadSnapshot(src, files, layer.NewTree())
			d.Pass(err)
		}
		s.Volumes = s.Volumes.With(name, v)
	})
	d.Table(src, func(id string, d *blob.Decoder) {
		n := &Network{}
		takeJSON(d, n)
		s.Networks = s.Networks.With(id, n)
	})
	if err := d.End(); err != nil {
		return nil, fmt.Errorf("reading the engine's state: %w", err)
	}
	return s, nil
}

type reader struct {
	src   *layer.Source
	bases map[blob.Ref]*Base
}

func (x *reader) container(r blob.Ref) (*Container, error) {
	d, err := blob.Open(x.src, r)
	if err != nil {
		return nil, err
	}
	c := &Container{}
	takeJSON(d, c)
	base, files := d.Ref(), d.Ref()
	for n := d.Count(); n > 0; n-- {
		b, err := blob.Open(x.src, d.Ref())
		if err != nil {
			return nil, err
		}
		c.Log.Lines = append(c.Log.Lines, takeLines(b)...)
		d.Pass(b.End())
	}
	c.Log.Lines = append(c.Log.Lines, takeLines(d)...)
	if err := d.End(); err != nil {
		return nil, err
	}
	if c.Config == nil || c.Host == nil || c.Name == "" {
		return nil, &blob.DamagedError{Ref: r}
	}
	if c.Base, err = x.base(base); err != nil {
		return nil, fmt.Errorf("container %s: %w", c.Name, err)
	}
	if c.Files, err = unionfs.ReadSnapshot(x.src, files, c.Base.Tree); err != nil {
		return nil, fmt.Errorf("container %s: %w", c.Name, err)
	}
	blob.Remember(x.src.Writer, c, r)
	return c, nil
}

func (x *reader) base(r blob.Ref) (*Base, error) {
	if b := x.bases[r]; b != nil {
		return b, nil
	}
	d, err := blob.Open(x.src, r)
	if err != nil {
		return nil, err
	}
	stack, top := d.Ref(), d.Ref()
	if err := d.End(); err != nil {
		return nil, err
	}
	layers, err := x.src.ReadStack(stack)
	if err != nil {
		return nil, err
	}
	var init *layer.Layer
	if !top.IsZero() {
		if init, err = x.src.ReadLayer(top); err != nil {
			return nil, err
		}
	}
	b, err := newBase(layers, init)
	if err != nil {
		return nil, err
	}
	x.bases[r] = b
	blob.Remember(x.src.Writer, b, r)
	return b, nil
}

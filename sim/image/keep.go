package image

import (
	"fmt"

	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"

	"github.com/dockerlab/dockerlab/sim/blob"
	"github.com/dockerlab/dockerlab/sim/layer"
)

// Keep appends the store: of each image its configuration, layers and parent, and all names.
func (s *Store) Keep(k *layer.Sink, e *blob.Encoder) {
	t := blob.NewTable(k.Writer)
	s.images.Scan(func(id ID, r record) bool {
		ref, err := r.keep(k)
		t.Add(string(id), func(e *blob.Encoder) {
			e.Fail(err)
			e.Ref(ref)
			e.String(string(r.Parent))
			e.Time(r.tagged)
		})
		return true
	})
	t.End(e)
	t = blob.NewTable(k.Writer)
	s.names.Scan(func(ref string, n name) bool {
		t.Add(ref, func(e *blob.Encoder) { e.String(string(n.id)) })
		return true
	})
	t.End(e)
}

// keep writes an image but for its parent, which can be taken from it.
func (i *Image) keep(k *layer.Sink) (blob.Ref, error) {
	if r, ok := blob.Recall(k.Writer, i); ok {
		return r, nil
	}
	stack, err := k.Stack(i.Layers)
	if err != nil {
		return stack, err
	}
	var e blob.Encoder
	e.Bytes(i.Raw)
	e.Ref(stack)
	r, err := e.Put(k.Writer)
	if err == nil {
		blob.Remember(k.Writer, i, r)
	}
	return r, err
}

// ReadStore takes a store.
func ReadStore(src *layer.Source, d *blob.Decoder) *Store {
	s := &Store{}
	d.Table(src, func(id string, d *blob.Decoder) {
		ref, parent, tagged := d.Ref(), ID(d.String()), d.Time()
		if d.Err() != nil {
			return
		}
		i, err := readImage(src, ref)
		if err != nil {
			d.Pass(fmt.Errorf("image %s: %w", shortID(ID(id)), err))
			return
		}
		i.Parent = parent
		s.images.Set(i.ID, record{i, tagged})
	})
	d.Table(src, func(ref string, d *blob.Decoder) {
		id := digest.Digest(d.String())
		named, err := reference.ParseNamed(ref)
		if err != nil {
			d.Fail(err)
			return
		}
		s.names.Set(ref, name{named, id})
	})
	return s
}

func readImage(src *layer.Source, r blob.Ref) (*Image, error) {
	d, err := blob.Open(src, r)
	if err != nil {
		return nil, err
	}
	raw, stack := d.Bytes(), d.Ref()
	if err := d.End(); err != nil {
		return nil, err
	}
	layers, err := src.ReadStack(stack)
	if err != nil {
		return nil, err
	}
	i, err := Parse(raw, layers)
	if err == nil {
		blob.Remember(src.Writer, i, r)
	}
	return i, err
}

package image

import (
	"fmt"
	"strings"
	"time"

	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"
	"github.com/tidwall/btree"

	"github.com/dockerlab/dockerlab/sim/layer"
)

// Store is the images of one engine and the names that lead to them. It never changes: methods
// named With and Without give a changed copy, which shares with the old one what is the same. The
// zero Store is empty.
type Store struct {
	images btree.Map[ID, record]
	names  btree.Map[string, name] // by the whole reference as a string
}

type record struct {
	*Image
	tagged time.Time
}

type name struct {
	ref reference.Named
	id  ID
}

func (s *Store) copy() *Store {
	c := *s
	c.images = *c.images.Copy()
	c.names = *c.names.Copy()
	return &c
}

// NotFoundError says that no image has that name or ID.
type NotFoundError struct{ Ref string }

func (e *NotFoundError) Error() string { return "No such image: " + e.Ref }

// Get gives the image of a whole ID, or nil.
func (s *Store) Get(id ID) *Image {
	r, _ := s.images.Get(id)
	return r.Image
}

// Len is the number of images.
func (s *Store) Len() int { return s.images.Len() }

// All gives the images in the order of their IDs.
func (s *Store) All() []*Image {
	is := make([]*Image, 0, s.images.Len())
	s.images.Scan(func(_ ID, r record) bool {
		is = append(is, r.Image)
		return true
	})
	return is
}

// Find gives the image that a user means by ref: a name with or without a tag or digest, an ID, or
// the beginning of one that no other has. A name beats the beginning of an ID, a whole ID beats a
// name. The error is of type *NotFoundError, or that of ParseReference.
func (s *Store) Find(ref string) (*Image, error) {
	r, err := ParseReference(ref)
	if err != nil {
		return nil, err
	}
	named, ok := r.(reference.Named)
	if !ok {
		if d, ok := r.(reference.Digested); ok {
			if i := s.Get(d.Digest()); i != nil {
				return i, nil
			}
		}
		return nil, &NotFoundError{reference.FamiliarString(r)}
	}
	if id, ok := s.Resolve(named); ok {
		if i := s.Get(id); i != nil {
			return i, nil
		}
	}
	if i := s.Search(ref); i != nil {
		return i, nil
	}
	return nil, &NotFoundError{reference.FamiliarString(reference.TagNameOnly(named))}
}

// Search gives the one image whose ID begins with term, which may begin with "sha256:"; nil where
// there is none, or more than one.
func (s *Store) Search(term string) *Image {
	hex := strings.TrimPrefix(term, "sha256:")
	if hex == "" {
		return nil
	}
	prefix := "sha256:" + hex
	var found *Image
	n := 0
	s.images.Ascend(ID(prefix), func(id ID, r record) bool {
		if !strings.HasPrefix(string(id), prefix) {
			return false
		}
		found = r.Image
		n++
		return n < 2
	})
	if n != 1 {
		return nil
	}
	return found
}

// Resolve gives the image ID that a name leads to: by its digest if it has one, by its tag, or by
// the tag latest.
func (s *Store) Resolve(ref reference.Named) (ID, bool) {
	if c, ok := ref.(reference.Canonical); ok {
		if _, ok := ref.(reference.Tagged); ok {
			if d, err := reference.WithDigest(reference.TrimNamed(c), c.Digest()); err == nil {
				ref = d
			}
		}
	} else {
		ref = reference.TagNameOnly(ref)
	}
	n, ok := s.names.Get(ref.String())
	return n.id, ok
}

// Refs are the names that lead to an image, in order.
func (s *Store) Refs(id ID) []reference.Named {
	var refs []reference.Named
	s.names.Scan(func(_ string, n name) bool {
		if n.id == id {
			refs = append(refs, n.ref)
		}
		return true
	})
	return refs
}

// Named are the names, with whatever tag or digest, of one repository, in order.
func (s *Store) Named(repository reference.Named) []reference.Named {
	var refs []reference.Named
	s.names.Ascend(repository.Name(), func(_ string, n name) bool {
		if !strings.HasPrefix(n.ref.Name(), repository.Name()) {
			return false
		}
		if n.ref.Name() == repository.Name() {
			refs = append(refs, n.ref)
		}
		return true
	})
	return refs
}

// Children are the images whose Parent is id, in order.
func (s *Store) Children(id ID) []ID {
	var ids []ID
	s.images.Scan(func(child ID, r record) bool {
		if r.Parent == id {
			ids = append(ids, child)
		}
		return true
	})
	return ids
}

// LastTagged is when a name was last given to the image; zero if never.
func (s *Store) LastTagged(id ID) time.Time {
	r, _ := s.images.Get(id)
	return r.tagged
}

// Stacks are the layers of all images, by chain ID: a stack for each layer that is kept.
func (s *Store) Stacks() map[digest.Digest]*layer.Stack {
	m := map[digest.Digest]*layer.Stack{}
	s.images.Scan(func(_ ID, r record) bool {
		for st := r.Layers; st != nil && m[st.ChainID()] == nil; st = st.Below {
			m[st.ChainID()] = st
		}
		return true
	})
	return m
}

// With adds an image. One that is there already stays, but learns its parent.
func (s *Store) With(i *Image) *Store {
	old, had := s.images.Get(i.ID)
	if had && (old.Parent != "" || i.Parent == "") {
		return s
	}
	if had {
		i = old.withParent(i.Parent)
	}
	c := s.copy()
	c.images.Set(i.ID, record{i, old.tagged})
	return c
}

func (i *Image) withParent(id ID) *Image {
	c := *i
	c.Parent = id
	return &c
}

// WithTag makes ref, which has a tag or a digest, lead to the image, and notes the time.
func (s *Store) WithTag(ref reference.Named, id ID, at time.Time) *Store {
	c := s.copy()
	c.names.Set(ref.String(), name{ref, id})
	if r, ok := c.images.Get(id); ok {
		r.tagged = at
		c.images.Set(id, r)
	}
	return c
}

// WithoutTag removes a name.
func (s *Store) WithoutTag(ref reference.Named) *Store {
	c := s.copy()
	c.names.Delete(ref.String())
	return c
}

// Without removes an image and the names that lead to it. Images made from it have no parent then.
func (s *Store) Without(id ID) *Store {
	c := s.copy()
	c.images.Delete(id)
	for _, ref := range s.Refs(id) {
		c.names.Delete(ref.String())
	}
	for _, child := range s.Children(id) {
		if r, ok := c.images.Get(child); ok {
			c.images.Set(child, record{r.withParent(""), r.tagged})
		}
	}
	return c
}

// ParseReference reads what a user writes for an image: a name, or a whole ID. Its errors are in
// the words of 20.10.
func ParseReference(s string) (reference.Reference, error) {
	if upperDomain(s) {
		return nil, errUpper
	}
	r, err := reference.ParseAnyReference(s)
	return r, words(err)
}

// ParseName reads the name of an image, without adding a tag.
func ParseName(s string) (reference.Named, error) {
	if upperDomain(s) {
		return nil, errUpper
	}
	r, err := reference.ParseNormalizedNamed(s)
	return r, words(err)
}

// upperDomain says whether today's reference package takes the first component of a name for a
// registry because it has capitals. That of 20.10 took it for a part of the name.
func upperDomain(s string) bool {
	first, _, more := strings.Cut(s, "/")
	return more && !strings.ContainsAny(first, ".:") && strings.ToLower(first) != first
}

var errUpper = fmt.Errorf("%w: repository name must be lowercase", reference.ErrReferenceInvalidFormat)

// words puts an error of today's reference package as that of 20.10 put it: it named no name.
func words(err error) error {
	if err != nil && strings.HasSuffix(err.Error(), "must be lowercase") {
		return errUpper
	}
	return err
}

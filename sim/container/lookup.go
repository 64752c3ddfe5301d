package container

import (
	"strings"

	"github.com/dockerlab/dockerlab/sim/image"
)

// Container finds a container by its ID, its name or the start of its ID, in this order.
func (e *Engine) Container(ref string) (*Container, error) { return e.State().container(ref) }

// Container finds a container by its ID, its name or the start of its ID, in this order.
func (s *State) Container(ref string) (*Container, error) { return s.container(ref) }

func (s *State) container(ref string) (*Container, error) {
	if ref == "" {
		return nil, invalid("invalid name or ID supplied: %q", ref)
	}
	if c, ok := s.Containers.Get(ref); ok {
		return c, nil
	}
	name := ref
	if !strings.HasPrefix(name, "/") {
		name = "/" + name
	}
	if id, ok := s.Names.Get(name); ok {
		if c, ok := s.Containers.Get(id); ok {
			return c, nil
		}
	}
	var found *Container
	for id, c := range s.Containers.From(ref) {
		if !strings.HasPrefix(id, ref) {
			break
		}
		if found != nil {
			return nil, system("Multiple IDs found with provided prefix: %s", ref)
		}
		found = c
	}
	if found == nil {
		return nil, noSuchContainer(ref)
	}
	return found, nil
}

// findImage finds an image as a user names it.
func (e *Engine) findImage(ref string) (*image.Image, error) {
	img, err := e.State().Images.Find(ref)
	if err != nil {
		return nil, imageError(err)
	}
	return img, nil
}

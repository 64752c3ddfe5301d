package views

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/distribution/reference"

	"github.com/dockerlab/dockerlab/sim/catalog"
	"github.com/dockerlab/dockerlab/sim/container"
	"github.com/dockerlab/dockerlab/sim/image"
	"github.com/dockerlab/dockerlab/sim/image/archive"
	"github.com/dockerlab/dockerlab/sim/layer"
	"github.com/dockerlab/dockerlab/sim/lineage"
	"github.com/dockerlab/dockerlab/sim/unionfs"
)

// Source is where a command finds what it is asked about by name.
type Source interface {
	// Find finds an image or a container.
	Find(ctx context.Context, ref string) (*Subject, error)
}

// ofImage is an image as a subject.
func ofImage(ref string, img *image.Image, tags []string) *Subject {
	return &Subject{
		About:  About{Name: ref, Kind: "image", ID: img.ID.Encoded(), Tags: tags, Platform: img.Config.OS + "/" + img.Config.Architecture},
		Config: img.Config, Parts: lineage.Parts(img.Config.History, img.Layers.Layers()),
	}
}

// Engine finds images and containers of an engine. State gives its state, with the file systems of
// running containers as they are; it is called for each search.
type Engine struct {
	State func() (*container.State, error)
}

// Find finds a container by its name or ID, or an image.
func (e Engine) Find(_ context.Context, ref string) (*Subject, error) {
	s, err := e.State()
	if err != nil {
		return nil, err
	}
	if c, err := s.Container(ref); err == nil {
		return ofContainer(ref, s, c)
	}
	img, err := s.Images.Find(ref)
	var missing *image.NotFoundError
	switch {
	case errors.As(err, &missing):
		return nil, fmt.Errorf("No such image or container: %s", ref)
	case err != nil:
		return nil, err
	}
	var tags []string
	for _, r := range s.Images.Refs(img.ID) {
		if t, ok := r.(reference.NamedTagged); ok {
			tags = append(tags, reference.FamiliarString(t))
		}
	}
	return ofImage(ref, img, tags), nil
}

// ofContainer is a container as a subject: its image's layers, the engine's own, and its write layer.
func ofContainer(ref string, s *container.State, c *container.Container) (*Subject, error) {
	sub := &Subject{Config: image.Config{Architecture: image.Architecture, OS: image.OS}}
	if img := s.Images.Get(image.ID(c.Image)); img != nil { // its layers stay when it is removed, its history does not
		sub.Config = img.Config
	}
	sub.Config.Config = c.Config
	sub.About = About{Name: ref, Kind: "container", ID: c.ID, Platform: sub.Config.OS + "/" + sub.Config.Architecture}
	sub.Parts = lineage.Parts(sub.Config.History, c.Base.Layers.Layers())
	upper, err := c.Files.FS(unionfs.Options{}).Layer()
	if err != nil {
		return nil, err
	}
	for _, l := range []struct {
		*layer.Layer
		kind lineage.Kind
	}{{c.Base.Init, lineage.InitLayer}, {upper, lineage.Upper}} {
		if l.Layer == nil { // it is there, and empty
			if l.Layer, err = layer.New(nil); err != nil {
				return nil, err
			}
		}
		sub.Parts = append(sub.Parts, lineage.Part{Layer: l.Layer, Kind: l.kind, Created: c.Created})
	}
	return sub, nil
}

// Catalog finds images of the catalogue.
type Catalog struct{ Registry *catalog.Registry }

// Find finds an image as docker pull does.
func (c Catalog) Find(_ context.Context, ref string) (*Subject, error) {
	name, err := image.ParseName(ref)
	if err != nil {
		return nil, err
	}
	name = reference.TagNameOnly(name)
	found, err := c.Registry.Resolve(name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", reference.FamiliarString(name), err)
	}
	var stack *layer.Stack
	for _, l := range found.Layers {
		opened, err := l.Open()
		if err != nil {
			return nil, err
		}
		if stack, err = stack.Push(opened); err != nil {
			return nil, err
		}
	}
	img, err := image.Parse(found.ConfigJSON, stack)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", reference.FamiliarString(name), err)
	}
	return ofImage(ref, img, []string{reference.FamiliarString(name)}), nil
}

// readArchive reads the image of an archive that choice means; "" is the only one.
func readArchive(name string, r io.Reader, choice string) (*Subject, error) {
	images, err := archive.Read(r, archive.Limits{})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	i, err := archive.Choose(images, choice)
	if err != nil {
		return nil, fmt.Errorf("%s: %w; choose one with --image", name, err)
	}
	about := About{Name: choice, Kind: "image", ID: i.ID.Encoded(), Tags: i.Names, Platform: i.Platform}
	if about.Name == "" {
		about.Name = name
		if len(i.Names) > 0 {
			about.Name = strings.Join(i.Names, ", ")
		}
	}
	return &Subject{About: about, Config: i.Config, Parts: lineage.Parts(i.Config.History, i.Layers)}, nil
}

package container

import (
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/distribution/reference"
	ctypes "github.com/docker/docker/api/types/container"

	"github.com/dockerlab/dockerlab/sim/image"
	"github.com/dockerlab/dockerlab/sim/layer"
	"github.com/dockerlab/dockerlab/sim/unionfs"
)

// Commit says what image to make of a container.
type Commit struct {
	Repo, Tag string
	Author    string
	Comment   string
	Config    *ctypes.Config // of the image, completed by the container's; nil is the container's
	Changes   []string       // Dockerfile instructions applied to it
	Pause     bool           // the container, meanwhile
}

var errNoChanges = errors.New("the engine was made without a reader of Dockerfile instructions")

func (e *Engine) applyChanges(c *ctypes.Config, changes []string) (*ctypes.Config, error) {
	if e.o.Change == nil {
		if len(changes) > 0 {
			return nil, errNoChanges
		}
		return cloneConfig(c), nil
	}
	return e.o.Change(c, changes)
}

func (e *Engine) importConfig(changes []string) (*ctypes.Config, error) {
	return e.applyChanges(&ctypes.Config{}, changes)
}

// cloneConfig is a copy whose parts can be added to.
func cloneConfig(c *ctypes.Config) *ctypes.Config {
	d := *c
	d.ExposedPorts, d.Volumes, d.Labels = maps.Clone(c.ExposedPorts), maps.Clone(c.Volumes), maps.Clone(c.Labels)
	d.Env = slices.Clone(c.Env)
	return &d
}

// Commit makes an image of a container as it is, and gives the image's ID.
func (e *Engine) Commit(ref string, o Commit) (image.ID, error) {
	c, err := e.Container(ref)
	if err != nil {
		return "", err
	}
	if c.Status.Dead {
		return "", conflict("You cannot commit container %s which is Dead", c.ID)
	}
	if c.Status.Removing {
		return "", conflict("You cannot commit container %s which is being removed", c.ID)
	}
	if o.Pause && c.Status.Running && !c.Status.Paused {
		l := e.live(c.ID)
		if e.pause(c.ID, l) == nil {
			defer e.unpause(c.ID, l)
		}
	}
	config := o.Config
	if config == nil {
		config = c.Config
	}
	config, err = e.applyChanges(config, o.Changes)
	if err != nil {
		return "", err
	}
	config = cloneConfig(config)
	mergeConfig(config, c.Config)
	img, err := e.commit(c, image.Step{Config: config, ContainerConfig: *c.Config, Author: o.Author, Comment: o.Comment})
	if err != nil {
		return "", err
	}
	name := ""
	if o.Repo != "" {
		if err := e.Tag(string(img.ID), o.Repo, o.Tag); err != nil {
			return "", err
		}
		if r, err := image.ParseName(o.Repo); err == nil {
			if o.Tag != "" {
				r, _ = reference.WithTag(reference.TrimNamed(r), o.Tag)
			}
			name = reference.FamiliarString(reference.TagNameOnly(r))
		}
	}
	e.emitContainer(c, "commit", map[string]string{"comment": o.Comment, "imageID": string(img.ID), "imageRef": name})
	return img.ID, nil
}

// commit makes and keeps the image that a container and a step make.
func (e *Engine) commit(c *Container, step image.Step) (*image.Image, error) {
	var top *layer.Layer
	var err error
	e.withFiles(c, func(fs *unionfs.FS) { top, err = fs.Layer() })
	if err != nil {
		return nil, err
	}
	var parent *image.Image
	if c.Image != "" {
		if parent = e.State().Images.Get(image.ID(c.Image)); parent == nil {
			return nil, refuse(Unknown, "failed to get digest %s: open %s/image/overlay2/imagedb/content/sha256/%s: no such file or directory", c.Image, Root, strings.TrimPrefix(c.Image, "sha256:"))
		}
	}
	step.Layer, step.Container, step.Created = top, c.ID, e.now()
	if step.CreatedBy == "" {
		step.CreatedBy = strings.Join(step.ContainerConfig.Cmd, " ")
	}
	img, err := image.Child(parent, step)
	if err != nil {
		return nil, err
	}
	return img, e.AddImage(img)
}

// AddImage keeps an image, without a name. One that is there already stays as it is.
func (e *Engine) AddImage(img *image.Image) error {
	return e.update(func(s *State) error {
		s.Images = s.Images.With(img)
		return nil
	})
}

// CommitStep makes an image of a container for a build: config is the image's, ran what it records
// of the container.
func (e *Engine) CommitStep(id, author string, config, ran *ctypes.Config) (image.ID, error) {
	c, err := e.Container(id)
	if err != nil {
		return "", err
	}
	img, err := e.commit(c, image.Step{Config: config, ContainerConfig: *ran, Author: author})
	if err != nil {
		return "", err
	}
	return img.ID, nil
}

// Children are the images whose parent is id; of the empty ID, those that have none.
func (e *Engine) Children(id image.ID) []*image.Image {
	s := e.State().Images
	var list []*image.Image
	for _, c := range s.Children(id) {
		list = append(list, s.Get(c))
	}
	return list
}

// SetParent records the parent of an image that has none.
func (e *Engine) SetParent(id, parent image.ID) error {
	return e.update(func(s *State) error {
		img := s.Images.Get(id)
		if img == nil {
			return notFound("No such image: %s", id)
		}
		d := *img
		d.Parent = parent
		s.Images = s.Images.With(&d)
		return nil
	})
}

// TagImage makes a name lead to an image.
func (e *Engine) TagImage(id image.ID, name reference.NamedTagged) error { return e.tag(id, name) }

// MakeWorkdir makes a container's working directory and starts nothing.
func (e *Engine) MakeWorkdir(id string) error {
	c, err := e.Container(id)
	if err != nil {
		return err
	}
	l := e.live(c.ID)
	l.op.Lock()
	defer l.op.Unlock()
	rw := e.openRoot(c)
	if err := rw.makeWorkdir(c.Config.WorkingDir, graphDir(c.ID)+"/merged"); err != nil {
		return err
	}
	files := rw.snapshot()
	return e.change(id, func(c *Container) error { c.Files = files; return nil })
}

// Run starts a container and waits for its end; stdout and stderr are written to meanwhile. When
// ctx ends the container is killed, and the error is ctx's.
func (e *Engine) Run(ctx context.Context, id string, stdout, stderr io.Writer) (exit int, err error) {
	c, err := e.Container(id)
	if err != nil {
		return 0, err
	}
	l := e.live(c.ID)
	f := e.stdioOf(c, l).subscribe(true, true)
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		for got := f.take(context.Background()); got != nil; got = f.take(context.Background()) {
			for _, k := range got {
				if k.s == Stderr {
					stderr.Write(k.b)
				} else {
					stdout.Write(k.b)
				}
			}
		}
	}()
	end, err := e.Wait(id, WaitNextExit)
	if err != nil {
		return 0, err
	}
	if err := e.Start(id); err != nil {
		<-copied
		return 0, err
	}
	exit, ok := end.Wait(ctx)
	if !ok {
		e.Kill(context.WithoutCancel(ctx), id, 0)
		<-copied
		return 0, ctx.Err()
	}
	<-copied
	return exit, nil
}

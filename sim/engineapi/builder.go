package engineapi

import (
	"context"
	"io"
	"time"

	"github.com/distribution/reference"
	ctypes "github.com/docker/docker/api/types/container"

	"github.com/dockerlab/dockerlab/sim/build"
	"github.com/dockerlab/dockerlab/sim/container"
	"github.com/dockerlab/dockerlab/sim/image"
	"github.com/dockerlab/dockerlab/sim/layer"
	"github.com/dockerlab/dockerlab/sim/unionfs"
)

// ForBuilds is an engine as a build wants it.
func ForBuilds(e *container.Engine) build.Engine { return builds{e} }

type builds struct{ e *container.Engine }

func (b builds) Now() time.Time { return b.e.Now() }

func (b builds) Image(ctx context.Context, ref string, o build.LookUp) (*image.Image, error) {
	// An image that is here is taken even if its platform is another one: so the classic builder does.
	find := func() (*image.Image, error) { return b.e.FindImage(ref) }
	if o.Pull != build.PullAlways {
		img, err := find()
		if err == nil || o.Pull == build.PullNever || container.KindOf(err) != container.NotFound {
			return img, err
		}
	}
	name, err := image.ParseName(ref)
	if err != nil {
		return nil, err
	}
	tell := func(p container.Progress) {
		if o.Progress != nil {
			o.Progress(build.Progress{ID: p.ID, Status: p.Status, Current: p.Current, Total: p.Total})
		}
	}
	if err := b.e.Pull(ctx, reference.TagNameOnly(name).String(), "", o.Platform, tell); err != nil {
		return nil, err
	}
	return find()
}

// NewFS gives a write layer for the steps of a build that run nothing.
func (b builds) NewFS(lower *layer.Tree) (*unionfs.FS, func()) { return b.e.NewFS(lower) }

func (b builds) Children(id image.ID) []*image.Image               { return b.e.Children(id) }
func (b builds) SetParent(id, parent image.ID) error               { return b.e.SetParent(id, parent) }
func (b builds) AddImage(i *image.Image) error                     { return b.e.AddImage(i) }
func (b builds) Tag(id image.ID, name reference.NamedTagged) error { return b.e.TagImage(id, name) }
func (b builds) MakeWorkdir(id string) error                       { return b.e.MakeWorkdir(id) }
func (b builds) RemoveContainer(id string) error {
	return b.e.Remove(id, container.RemoveOptions{Force: true, Volumes: true})
}

func (b builds) CreateContainer(c *ctypes.Config, h *ctypes.HostConfig) (string, []string, error) {
	return b.e.CreateContainer(container.Create{Config: c, Host: h})
}

func (b builds) RunContainer(ctx context.Context, id string, stdout, stderr io.Writer) (int, error) {
	return b.e.Run(ctx, id, stdout, stderr)
}

func (b builds) CommitContainer(id string, c build.Commit) (image.ID, error) {
	return b.e.CommitStep(id, c.Author, c.Config, c.ContainerConfig)
}

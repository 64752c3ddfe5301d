// Package buildtest is an engine for tests of builds: real images, layers and file trees, and
// containers that run nothing but a Go function. With it every instruction but RUN is as in life.
package buildtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/distribution/reference"
	"github.com/docker/docker/api/types/container"

	"github.com/dockerlab/dockerlab/sim/build"
	"github.com/dockerlab/dockerlab/sim/build/archive"
	"github.com/dockerlab/dockerlab/sim/image"
	"github.com/dockerlab/dockerlab/sim/layer"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/unionfs"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// Command runs what a container was started for: files are the container's, cfg is what it was
// created with. It gives the exit code.
type Command func(files *vfs.View, cfg *container.Config, stdout, stderr io.Writer) int

// Engine implements build.Engine.
type Engine struct {
	Store *image.Store
	Run   Command // nil: every command works and changes nothing

	boxes map[string]*box
	made  int // containers so far, which number their IDs
	clock time.Time
}

// box is a container.
type box struct {
	config *container.Config
	image  *image.Image
	fs     *unionfs.FS
}

// New gives an engine that holds the images given, under their names.
func New(images map[string]*image.Image) *Engine {
	e := &Engine{Store: &image.Store{}, boxes: map[string]*box{}, clock: time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)}
	for _, n := range slices.Sorted(maps.Keys(images)) {
		e.Store = e.Store.With(images[n])
		if ref, err := reference.ParseNormalizedNamed(n); err == nil {
			e.Store = e.Store.WithTag(reference.TagNameOnly(ref), images[n].ID, e.Now())
		}
	}
	return e
}

// Containers are the IDs of the containers that are there, in order.
func (e *Engine) Containers() []string { return slices.Sorted(maps.Keys(e.boxes)) }

// Now is a clock that a second passes on each time it is looked at.
func (e *Engine) Now() time.Time {
	e.clock = e.clock.Add(time.Second)
	return e.clock
}

// NewFS gives a file system on a disk of its own.
func (e *Engine) NewFS(lower *layer.Tree) (*unionfs.FS, func()) {
	fs := unionfs.New(lower, unionfs.Options{Now: e.Now})
	return fs, fs.Discard
}

// Image finds an image. There is no registry to pull from.
func (e *Engine) Image(_ context.Context, ref string, o build.LookUp) (*image.Image, error) {
	if i := e.Store.Get(image.ID(ref)); i != nil {
		return i, nil
	}
	i, err := e.Store.Find(ref)
	if err == nil || o.Pull == build.PullNever {
		return i, err
	}
	named, err := image.ParseName(ref)
	if err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("manifest for %s not found: manifest unknown: manifest unknown", reference.FamiliarString(reference.TagNameOnly(named)))
}

// Children gives the images made from another.
func (e *Engine) Children(id image.ID) []*image.Image {
	var out []*image.Image
	for _, c := range e.Store.Children(id) {
		out = append(out, e.Store.Get(c))
	}
	return out
}

// SetParent records an image's parent.
func (e *Engine) SetParent(id, parent image.ID) error {
	i := *e.Store.Get(id)
	i.Parent = parent
	e.Store = e.Store.With(&i)
	return nil
}

// AddImage adds an image.
func (e *Engine) AddImage(i *image.Image) error {
	e.Store = e.Store.With(i)
	return nil
}

// Tag names an image.
func (e *Engine) Tag(id image.ID, name reference.NamedTagged) error {
	e.Store = e.Store.WithTag(name, id, e.Now())
	return nil
}

// CreateContainer makes a container.
func (e *Engine) CreateContainer(c *container.Config, _ *container.HostConfig) (string, []string, error) {
	b := &box{config: c}
	var tree *layer.Tree
	if c.Image != "" {
		var err error
		if b.image = e.Store.Get(image.ID(c.Image)); b.image == nil {
			return "", nil, fmt.Errorf("No such image: %s", c.Image)
		}
		if tree, err = b.image.Tree(); err != nil {
			return "", nil, err
		}
	}
	if len(c.Entrypoint) == 1 && c.Entrypoint[0] == "" {
		c.Entrypoint = nil
	}
	if len(c.Entrypoint) == 0 && len(c.Cmd) == 0 {
		return "", nil, errors.New("No command specified")
	}
	b.fs, _ = e.NewFS(tree)
	e.made++
	id := fmt.Sprintf("%012x%052x", e.made, e.made)
	e.boxes[id] = b
	return id, nil, nil
}

func (b *box) view() *vfs.View {
	return vfs.NewNamespace(b.fs, "overlay", "rw").View(vfs.Root(vfs.CapsContainer))
}

// MakeWorkdir makes the working directory of a container.
func (e *Engine) MakeWorkdir(id string) error {
	b := e.boxes[id]
	v := b.view()
	if st, err := v.Stat(b.config.WorkingDir); err == nil && !st.Mode.IsDir() {
		return fmt.Errorf("Cannot mkdir: %s is not a directory", b.config.WorkingDir)
	}
	dir, err := v.InScope(b.config.WorkingDir)
	if err != nil {
		return err
	}
	return archive.MkdirAll(v, dir, 0o755, nil)
}

// RunContainer runs the engine's Command.
func (e *Engine) RunContainer(ctx context.Context, id string, stdout, stderr io.Writer) (int, error) {
	b := e.boxes[id]
	if ctx.Err() != nil || e.Run == nil {
		return 0, ctx.Err()
	}
	if wd := b.config.WorkingDir; wd != "" {
		if err := e.MakeWorkdir(id); err != nil {
			return 0, err
		}
	}
	return e.Run(b.view(), b.config, stdout, stderr), nil
}

// CommitContainer makes an image of a container.
func (e *Engine) CommitContainer(id string, c build.Commit) (image.ID, error) {
	b := e.boxes[id]
	l, err := b.fs.Layer()
	if err != nil {
		return "", err
	}
	i, err := image.Child(b.image, image.Step{
		Layer: l, Config: c.Config, ContainerConfig: *c.ContainerConfig, Container: id,
		Created: e.Now(), Author: c.Author, CreatedBy: strings.Join(c.ContainerConfig.Cmd, " "),
	})
	if err != nil {
		return "", err
	}
	return i.ID, e.AddImage(i)
}

// RemoveContainer removes a container.
func (e *Engine) RemoveContainer(id string) error {
	if e.boxes[id] == nil {
		return fmt.Errorf("No such container: %s", id)
	}
	delete(e.boxes, id)
	return nil
}

var _ build.Engine = (*Engine)(nil)

// Base makes an image of files, by their paths, each with the text that it holds; a path that ends
// in a slash is a directory.
func Base(files map[string]string, c *container.Config) (*image.Image, error) {
	fs := unionfs.New(nil, unionfs.Options{Now: func() time.Time { return time.Unix(1_700_000_000, 0) }})
	v := vfs.NewNamespace(fs, "overlay", "rw").View(vfs.Root(vfs.CapsAll))
	for _, name := range slices.Sorted(maps.Keys(files)) {
		dir := name[:strings.LastIndexByte(name, '/')+1]
		if err := archive.MkdirAll(v, "/"+dir, 0o755, nil); err != nil {
			return nil, err
		}
		if strings.HasSuffix(name, "/") {
			continue
		}
		if err := v.WriteFile("/"+name, []byte(files[name]), linux.Mode(0o644)); err != nil {
			return nil, err
		}
	}
	l, err := fs.Layer()
	if err != nil {
		return nil, err
	}
	return image.Imported(l, c, "base", time.Unix(1_700_000_000, 0))
}

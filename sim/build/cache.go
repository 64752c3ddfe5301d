package build

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/opencontainers/go-digest"

	"github.com/dockerlab/dockerlab/sim/image"
)

// cache finds images that a step need not make again. A nil cache finds none.
//
// An image will do when its parent is the image that the step stands on and the container that it
// was made from had the config that the step's would have. That holds for all instructions alike:
// for COPY and ADD the config names the checksums of the files.
//
// With --cache-from only the images named there and their parents are looked at, and, since an
// image that was pulled knows no parents, their histories.
type cache struct {
	engine Engine
	from   []*image.Image // of --cache-from, those that are here
	only   bool           // whether --cache-from was given
	missed bool           // a step of this stage has missed: all after it do
}

func newCache(ctx context.Context, e Engine, from []string) *cache {
	c := &cache{engine: e, only: len(from) > 0}
	for _, ref := range from {
		if i, err := e.Image(ctx, ref, LookUp{Pull: PullNever}); err == nil {
			c.from = append(c.from, i)
		}
	}
	return c
}

// look gives the image for a step, or says why there is none.
func (c *cache) look(parent *image.Image, cfg *container.Config) (hit *image.Image, miss *Miss, err error) {
	switch {
	case c == nil:
		return nil, &Miss{Why: SwitchedOff}, nil
	case c.missed:
		return nil, &Miss{Why: AfterMiss}, nil
	}
	hit, miss = c.children(parent, cfg)
	if c.only {
		if hit != nil && !slices.ContainsFunc(c.from, func(i *image.Image) bool { return c.descends(i, hit.ID) }) {
			hit, miss = nil, &Miss{Why: NotInSources, Nearest: hit.ID}
		}
		if hit == nil {
			if hit, err = c.histories(parent, cfg); err != nil {
				return nil, nil, err
			}
			if len(c.from) == 0 {
				miss = &Miss{Why: NoSources}
			}
		}
	}
	c.missed = hit == nil
	return hit, miss, nil
}

// children looks among the images made from parent; of several, the newest will do.
func (c *cache) children(parent *image.Image, cfg *container.Config) (hit *image.Image, miss *Miss) {
	all := c.engine.Children(idOf(parent))
	for _, i := range all {
		if sameConfig(&i.Config.ContainerConfig, cfg) && (hit == nil || hit.Config.Created.Before(i.Config.Created)) {
			hit = i
		}
	}
	if hit == nil {
		miss = explain(all, cfg)
	}
	return hit, miss
}

func idOf(i *image.Image) image.ID {
	if i == nil {
		return ""
	}
	return i.ID
}

// descends says whether an image has id among its parents.
func (c *cache) descends(i *image.Image, id image.ID) bool {
	for i != nil && i.Parent != "" {
		if i.Parent == id {
			return true
		}
		next, err := c.engine.Image(context.Background(), string(i.Parent), LookUp{Pull: PullNever})
		if err != nil {
			return false
		}
		i = next
	}
	return false
}

// histories looks whether an image of --cache-from went on from parent as the step would, judging
// by its history. Where that image went on further, the image in between is made anew from it.
func (c *cache) histories(parent *image.Image, cfg *container.Config) (*image.Image, error) {
	var history []image.History
	var diffs []digest.Digest
	if parent != nil {
		history, diffs = parent.Config.History, diffIDs(parent)
	}
	n := len(history)
	for _, target := range c.from {
		if !continues(target, history, diffs) || strings.Join(cfg.Cmd, " ") != target.Config.History[n].CreatedBy {
			continue
		}
		if len(target.Config.History)-1 == n {
			if parent != nil {
				if err := c.engine.SetParent(target.ID, parent.ID); err != nil {
					return nil, fmt.Errorf("failed to set parent for %v to %v: %w", target.ID, parent.ID, err)
				}
			}
			return target, nil
		}
		i, err := restore(parent, target, n, cfg)
		if err == nil {
			err = c.engine.AddImage(i)
		}
		if err == nil && parent != nil {
			err = c.engine.SetParent(i.ID, parent.ID)
		}
		if err != nil {
			return nil, fmt.Errorf("failed to restore cached image from %q to %v: %w", idOf(parent), target.ID, err)
		}
		c.from = []*image.Image{target}
		return i, nil
	}
	return nil, nil
}

func diffIDs(i *image.Image) []digest.Digest {
	if i.Config.RootFS == nil {
		return nil
	}
	return i.Config.RootFS.DiffIDs
}

// continues says whether an image begins with a history and layers and has more history.
func continues(i *image.Image, history []image.History, diffs []digest.Digest) bool {
	h, d := i.Config.History, diffIDs(i)
	if len(h) <= len(history) || len(d) < len(diffs) {
		return false
	}
	sameRow := func(a, b image.History) bool {
		return a.Created.Equal(b.Created) && a.Author == b.Author && a.CreatedBy == b.CreatedBy && a.Comment == b.Comment && a.EmptyLayer == b.EmptyLayer
	}
	return slices.EqualFunc(h[:len(history)], history, sameRow) && slices.Equal(d[:len(diffs)], diffs)
}

// restore makes the image that target was after row n of its history.
func restore(parent, target *image.Image, n int, cfg *container.Config) (*image.Image, error) {
	row := target.Config.History[n]
	layers := 0
	for _, h := range target.Config.History[:n] {
		if !h.EmptyLayer {
			layers++
		}
	}
	stack, history := target.Layers, slices.Clone(target.Config.History[:n+1])
	all := target.Layers.Layers()
	if !row.EmptyLayer {
		layers++
	}
	if layers > len(all) {
		return nil, fmt.Errorf("image %v has fewer layers than its history says", target.ID)
	}
	for stack.Depth() > layers {
		stack = stack.Below
	}
	return image.New(image.Config{
		Architecture:  target.Config.Architecture,
		Author:        target.Config.Author,
		Config:        frozen(cfg),
		Created:       row.Created,
		DockerVersion: target.Config.DockerVersion,
		History:       history,
		OS:            target.Config.OS,
		OSFeatures:    target.Config.OSFeatures,
		OSVersion:     target.Config.OSVersion,
	}, stack)
}

// sameConfig compares what the engine compares: the working directory, the health check and the
// shell are not among it.
func sameConfig(a, b *container.Config) bool {
	return !a.OpenStdin && !b.OpenStdin &&
		a.AttachStdout == b.AttachStdout && a.AttachStderr == b.AttachStderr &&
		a.User == b.User && a.Tty == b.Tty &&
		slices.Equal(a.Cmd, b.Cmd) &&
		slices.Equal(a.Env, b.Env) &&
		maps.Equal(a.Labels, b.Labels) &&
		maps.Equal(a.ExposedPorts, b.ExposedPorts) &&
		slices.Equal(a.Entrypoint, b.Entrypoint) &&
		maps.Equal(a.Volumes, b.Volumes)
}

package container

import (
	"context"
	"fmt"
	"strings"

	"github.com/distribution/reference"
	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/filters"
	"github.com/opencontainers/go-digest"

	"github.com/dockerlab/dockerlab/sim/image"
)

// RemoveImage removes a name of an image, and the image where it was the last one. Of what is
// removed, parents go too that have no name and no other children, unless prune is false.
//
// A name goes although containers use the image, if another name is left; with force it always
// does. An ID goes only if at most one name leads to the image, or with force, and never while a
// container that runs uses it or an image is made from it.
func (e *Engine) RemoveImage(ref string, force, prune bool) ([]types.ImageDeleteResponseItem, error) {
	img, err := e.findImage(ref)
	if err != nil {
		return nil, err
	}
	d := &deletion{e: e, items: []types.ImageDeleteResponseItem{}}
	removedName := false
	refs := d.refs(img.ID)
	if byID(img.ID, ref) {
		if oneName(refs) {
			if err := d.conflict(img.ID, force, false); err != nil {
				return nil, err
			}
			for _, r := range refs {
				d.untag(img.ID, r)
			}
		}
	} else {
		if user := d.user(img.ID, func(*Container) bool { return true }); !force && oneName(refs) && user != nil {
			return nil, conflict("conflict: unable to remove repository reference %q (must force) - container %s is using its referenced image %s", ref, shortID(user.ID), img.ShortID())
		}
		name, err := image.ParseName(ref)
		if err != nil {
			return nil, err
		}
		name = reference.TagNameOnly(name)
		d.untag(img.ID, name)
		refs = d.refs(img.ID)
		if _, byDigest := name.(reference.Canonical); !byDigest {
			refs = d.dropDigests(img.ID, name, refs)
		}
		if len(refs) > 0 {
			return d.items, nil
		}
		removedName = true
	}
	if err := d.remove(img.ID, force, prune, removedName); err != nil {
		return nil, err
	}
	return d.items, nil
}

// deletion is the removal of an image under way.
type deletion struct {
	e     *Engine
	items []types.ImageDeleteResponseItem
}

// byID says whether a reference is the start of an image's ID.
func byID(id image.ID, ref string) bool {
	return strings.HasPrefix(string(id), ref) || strings.HasPrefix(id.Encoded(), ref)
}

// oneName says whether one name leads to the image: one tag, or a tag and digests of the same
// repository.
func oneName(refs []reference.Named) bool {
	if len(refs) <= 1 {
		return len(refs) == 1
	}
	var tag reference.Named
	repos := map[string]bool{}
	for _, r := range refs {
		if _, ok := r.(reference.Canonical); ok {
			repos[r.Name()] = true
		} else if tag == nil {
			tag = r
		} else {
			return false
		}
	}
	if tag == nil {
		tag = refs[0]
	}
	return len(repos) == 1 && repos[tag.Name()]
}

func (d *deletion) refs(id image.ID) []reference.Named { return d.e.State().Images.Refs(id) }

func (d *deletion) untag(id image.ID, name reference.Named) {
	d.e.emitImage(string(id), string(id), "untag")
	d.e.update(func(s *State) error {
		s.Images = s.Images.WithoutTag(name)
		return nil
	})
	d.items = append(d.items, types.ImageDeleteResponseItem{Untagged: reference.FamiliarString(name)})
}

// dropDigests removes the digests of a repository of which no tag is left, and gives the names
// that remain.
func (d *deletion) dropDigests(id image.ID, name reference.Named, refs []reference.Named) []reference.Named {
	for _, r := range refs {
		if _, ok := r.(reference.Canonical); !ok && r.Name() == name.Name() {
			return refs
		}
	}
	var left []reference.Named
	for _, r := range refs {
		if _, ok := r.(reference.Canonical); ok && r.Name() == name.Name() {
			d.e.update(func(s *State) error { s.Images = s.Images.WithoutTag(r); return nil })
			d.items = append(d.items, types.ImageDeleteResponseItem{Untagged: reference.FamiliarString(r)})
		} else {
			left = append(left, r)
		}
	}
	return left
}

// user is a container that uses the image, or nil.
func (d *deletion) user(id image.ID, which func(*Container) bool) *Container {
	for _, c := range d.e.State().containers() {
		if c.Image == string(id) && which(c) {
			return c
		}
	}
	return nil
}

// inUse is a refusal to remove an image.
type inUse struct {
	error
	used bool // by a container
}

// conflict says why an image cannot be removed. names says whether names that lead to it count.
func (d *deletion) conflict(id image.ID, force, names bool) *Error {
	s := d.e.State()
	no := func(used bool, how, format string, a ...any) *Error {
		text := fmt.Errorf("conflict: unable to delete %s (%s) - %s", shortID(string(id)), how, fmt.Sprintf(format, a...))
		return &Error{Conflict, inUse{text, used}}
	}
	if len(s.Images.Children(id)) > 0 {
		return no(false, "cannot be forced", "image has dependent child images")
	}
	if c := d.user(id, func(c *Container) bool { return c.Status.Running }); c != nil {
		return no(true, "cannot be forced", "image is being used by running container %s", shortID(c.ID))
	}
	if force {
		return nil
	}
	if names && len(s.Images.Refs(id)) > 0 {
		return no(false, "must be forced", "image is referenced in multiple repositories")
	}
	if c := d.user(id, func(c *Container) bool { return !c.Status.Running }); c != nil {
		return no(true, "must be forced", "image is being used by stopped container %s", shortID(c.ID))
	}
	return nil
}

// remove removes an image and then, with prune, its parents. A quiet one that cannot go stays
// without a word.
func (d *deletion) remove(id image.ID, force, prune, quiet bool) error {
	if err := d.conflict(id, force, true); err != nil {
		s := d.e.State().Images
		dangling := len(s.Refs(id)) == 0 && len(s.Children(id)) == 0
		if quiet && (!dangling || err.Err.(inUse).used) {
			return nil
		}
		return err
	}
	for _, r := range d.refs(id) {
		d.untag(id, r)
	}
	d.e.emitImage(string(id), string(id), "delete")
	img := d.e.State().Images.Get(id)
	if img == nil {
		return notFound("No such image: %s", id)
	}
	var gone []digest.Digest
	d.e.update(func(s *State) error {
		s.Images = s.Images.Without(id)
		kept := s.Images.Stacks()
		for _, c := range s.Containers.All() {
			if c.Image == string(id) { // its layers live on below the container's
				for st := img.Layers; st != nil; st = st.Below {
					kept[st.ChainID()] = st
				}
			}
		}
		for st := img.Layers; st != nil && kept[st.ChainID()] == nil; st = st.Below {
			gone = append(gone, st.ChainID())
		}
		return nil
	})
	d.items = append(d.items, types.ImageDeleteResponseItem{Deleted: string(id)})
	for _, chain := range gone {
		d.items = append(d.items, types.ImageDeleteResponseItem{Deleted: chain.String()})
	}
	if !prune || img.Parent == "" {
		return nil
	}
	return d.remove(img.Parent, false, true, true)
}

// PruneImages removes images that no tag leads to, or with the filter dangling=false all that no
// container uses.
func (e *Engine) PruneImages(ctx context.Context, f filters.Args) (*types.ImagesPruneReport, error) {
	if err := checkFilters(f, "dangling", "label", "label!", "until"); err != nil {
		return nil, err
	}
	dangling, given, err := boolFilter(f, "dangling")
	if err != nil {
		return nil, badFilter("dangling", f.Get("dangling"))
	}
	dangling = dangling || !given
	until, err := e.untilFilter(f)
	if err != nil {
		return nil, err
	}
	r := &types.ImagesPruneReport{}
	s := e.State().Images
	stacks := s.Stacks()
	for _, img := range s.All() {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		refs, children := s.Refs(img.ID), len(s.Children(img.ID)) > 0
		if dangling && children || len(refs) == 0 && children || !until.IsZero() && img.Config.Created.After(until) {
			continue
		}
		if img.Config.Config != nil && !matchLabels(f, img.Config.Config.Labels) {
			continue
		}
		tagged := false
		for _, ref := range refs {
			_, ok := ref.(reference.NamedTagged)
			tagged = tagged || ok
		}
		var names []string
		switch {
		case len(refs) == 0:
			names = []string{img.ID.Encoded()}
		case !dangling || !tagged:
			for _, ref := range refs {
				names = append(names, ref.String())
			}
		}
		for _, n := range names {
			if items, err := e.RemoveImage(n, false, true); err == nil {
				r.ImagesDeleted = append(r.ImagesDeleted, items...)
			}
		}
	}
	for _, item := range r.ImagesDeleted {
		if st := stacks[digest.Digest(item.Deleted)]; st != nil {
			r.SpaceReclaimed += uint64(st.Top.Size())
		}
	}
	e.emit("image", "prune", "", map[string]string{"reclaimed": fmt.Sprint(r.SpaceReclaimed)})
	return r, nil
}

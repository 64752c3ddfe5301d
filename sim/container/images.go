package container

import (
	"errors"
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/distribution/reference"
	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/filters"
	himage "github.com/docker/docker/api/types/image"

	"github.com/dockerlab/dockerlab/sim/image"
)

// imageError gives an error of the image store its kind.
func imageError(err error) error {
	var none *image.NotFoundError
	if errors.As(err, &none) {
		return as(NotFound, err)
	}
	return as(Invalid, err)
}

// imageOf is the image of a container, or nil where it is gone.
func (e *Engine) imageOf(c *Container) *image.Image {
	if c.Image == "" {
		return nil
	}
	return e.State().Images.Get(image.ID(c.Image))
}

// Images lists those that pass the filters, the newest first. Without all, those that only serve
// as parents of others are left out.
func (e *Engine) Images(f filters.Args, all bool) ([]*types.ImageSummary, error) {
	if err := checkFilters(f, "dangling", "label", "before", "since", "reference"); err != nil {
		return nil, err
	}
	dangling := false
	if f.Contains("dangling") {
		if dangling = f.ExactMatch("dangling", "true"); !dangling && !f.ExactMatch("dangling", "false") {
			return nil, badFilter("dangling", f.Get("dangling"))
		}
	}
	var before, since *image.Image
	for name, to := range map[string]**image.Image{"before": &before, "since": &since} {
		for _, v := range f.Get(name) {
			img, err := e.findImage(v)
			if err != nil {
				return nil, err
			}
			*to = img
		}
	}
	s := e.State().Images
	list := []*types.ImageSummary{}
	images := s.All()
	sort.SliceStable(images, func(i, j int) bool { return images[i].Config.Created.After(images[j].Config.Created) })
	for _, img := range images {
		children := len(s.Children(img.ID)) > 0
		created := img.Config.Created
		if dangling && children || before != nil && !created.Before(before.Config.Created) || since != nil && !created.After(since.Config.Created) {
			continue
		}
		if f.Contains("label") && (img.Config.Config == nil || !f.MatchKVList("label", img.Config.Config.Labels)) {
			continue
		}
		sum, named, err := summarize(s, img, f)
		if err != nil {
			return nil, err
		}
		if !named {
			if f.Contains("reference") || children && !all || f.Contains("dangling") && !dangling {
				continue
			}
			sum.RepoDigests, sum.RepoTags = []string{"<none>@<none>"}, []string{"<none>:<none>"}
		} else if dangling && len(sum.RepoTags) > 0 {
			continue
		}
		list = append(list, sum)
	}
	return list, nil
}

// summarize is an image as docker images shows it; named says whether a name that passes the
// filters leads to it.
func summarize(s *image.Store, img *image.Image, f filters.Args) (sum *types.ImageSummary, named bool, err error) {
	sum = &types.ImageSummary{
		ID: string(img.ID), ParentID: string(img.Parent), Created: img.Config.Created.Unix(),
		Size: img.Size(), VirtualSize: img.Size(), SharedSize: -1, Containers: -1,
	}
	if img.Config.Config != nil {
		sum.Labels = img.Config.Config.Labels
	}
	for _, ref := range s.Refs(img.ID) {
		ok := !f.Contains("reference")
		for _, pattern := range f.Get("reference") {
			if ok, err = reference.FamiliarMatch(pattern, ref); err != nil {
				return nil, false, err
			}
			if ok {
				break
			}
		}
		if !ok {
			continue
		}
		if _, ok := ref.(reference.Canonical); ok {
			sum.RepoDigests = append(sum.RepoDigests, reference.FamiliarString(ref))
		}
		if _, ok := ref.(reference.NamedTagged); ok {
			sum.RepoTags = append(sum.RepoTags, reference.FamiliarString(ref))
		}
	}
	return sum, sum.RepoDigests != nil || sum.RepoTags != nil, nil
}

// InspectImage describes an image.
func (e *Engine) InspectImage(ref string) (*types.ImageInspect, error) {
	img, err := e.findImage(ref)
	if err != nil {
		return nil, refuse(KindOf(err), "no such image: %s: %w", ref, err)
	}
	s := e.State().Images
	tags, digests := []string{}, []string{}
	for _, r := range s.Refs(img.ID) {
		switch r.(type) {
		case reference.NamedTagged:
			tags = append(tags, reference.FamiliarString(r))
		case reference.Canonical:
			digests = append(digests, reference.FamiliarString(r))
		}
	}
	c := img.Config
	comment := c.Comment
	if comment == "" && len(c.History) > 0 {
		comment = c.History[len(c.History)-1].Comment
	}
	config := c.ContainerConfig
	i := &types.ImageInspect{
		ID: string(img.ID), RepoTags: tags, RepoDigests: digests, Parent: string(img.Parent), Comment: comment,
		Created: c.Created.Format(time.RFC3339Nano), Container: c.Container, ContainerConfig: &config,
		DockerVersion: c.DockerVersion, Author: c.Author, Config: c.Config, Architecture: c.Architecture, Variant: c.Variant,
		Os: c.OS, OsVersion: c.OSVersion, Size: img.Size(), VirtualSize: img.Size(),
		RootFS: types.RootFS{Type: "layers"},
	}
	if i.Os == "" {
		i.Os = "linux"
	}
	for _, d := range img.Layers.DiffIDs() {
		i.RootFS.Layers = append(i.RootFS.Layers, d.String())
	}
	if img.Layers != nil {
		data := map[string]string{}
		for n, st := 0, img.Layers; st != nil; n, st = n+1, st.Below {
			dir := Root + "/overlay2/" + st.Top.DiffID().Encoded()
			switch n {
			case 0:
				data["MergedDir"], data["UpperDir"], data["WorkDir"] = dir+"/merged", dir+"/diff", dir+"/work"
			case 1:
				data["LowerDir"] = dir + "/diff"
			default:
				data["LowerDir"] += ":" + dir + "/diff"
			}
		}
		i.GraphDriver = types.GraphDriverData{Name: "overlay2", Data: data}
	}
	i.Metadata.LastTagTime = s.LastTagged(img.ID)
	return i, nil
}

// History lists how an image came to be, the last step first.
func (e *Engine) History(ref string) ([]himage.HistoryResponseItem, error) {
	img, err := e.findImage(ref)
	if err != nil {
		return nil, err
	}
	s := e.State().Images
	layers := img.Layers.Layers()
	h := img.Config.History
	list := make([]himage.HistoryResponseItem, len(h))
	for i, n := 0, 0; i < len(h); i++ {
		item := himage.HistoryResponseItem{ID: "<missing>", Created: h[i].Created.Unix(), CreatedBy: h[i].CreatedBy, Comment: h[i].Comment}
		if !h[i].EmptyLayer {
			if n >= len(layers) {
				return nil, fmt.Errorf("too many non-empty layers in History section")
			}
			item.Size = layers[n].Size()
			n++
		}
		list[len(h)-1-i] = item
	}
	for i, at := 0, img; i < len(list) && at != nil; i++ {
		list[i].ID = string(at.ID)
		for _, r := range s.Refs(at.ID) {
			if _, ok := r.(reference.NamedTagged); ok {
				list[i].Tags = append(list[i].Tags, reference.FamiliarString(r))
			}
		}
		at = s.Get(at.Parent)
	}
	return list, nil
}

// Tag gives an image one more name.
func (e *Engine) Tag(ref, repo, tag string) error {
	img, err := e.findImage(ref)
	if err != nil {
		return err
	}
	name, err := image.ParseName(repo)
	if err != nil {
		return err
	}
	if tag != "" {
		if name, err = reference.WithTag(reference.TrimNamed(name), tag); err != nil {
			return err
		}
	}
	return e.tag(img.ID, reference.TagNameOnly(name))
}

// tag makes a name lead to an image; one without a tag gets latest, of which its event says nothing.
func (e *Engine) tag(id image.ID, name reference.Named) error {
	if _, ok := name.(reference.Canonical); ok {
		return invalid("refusing to create a tag with a digest reference")
	}
	if reference.FamiliarName(name) == "sha256" {
		return invalid("refusing to create an ambiguous tag using digest algorithm as name")
	}
	now, said := e.now(), reference.FamiliarString(name)
	if err := e.update(func(s *State) error {
		if s.Images.Get(id) == nil {
			return notFound("No such image: %s", id)
		}
		s.Images = s.Images.WithTag(reference.TagNameOnly(name), id, now)
		return nil
	}); err != nil {
		return err
	}
	e.emitImage(string(id), said, "tag")
	return nil
}

// shortID is what people are shown of an ID.
func shortID(id string) string {
	id = strings.TrimPrefix(id, "sha256:")
	return id[:min(12, len(id))]
}

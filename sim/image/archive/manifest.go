package archive

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/dockerlab/dockerlab/sim/image"
	"github.com/dockerlab/dockerlab/sim/layer"
)

// blobs is where an OCI layout has its files, by digest; archives of today's docker save as well.
const blobs = "blobs/sha256/"

// images finds the images that the descriptions speak of.
func (a *reading) images() ([]*Image, error) {
	a.entries = 0 // now they count for each image
	var all []*Image
	var err error
	switch {
	case a.members["manifest.json"] != nil:
		all, err = a.manifest()
	case a.members["index.json"] != nil:
		all, err = a.layout()
	default:
		return nil, errors.New("the archive holds no image: it has neither manifest.json, as docker save writes it, nor index.json of an OCI layout, or it is cut off")
	}
	if err == nil && len(all) == 0 {
		err = errors.New("the archive holds no image")
	}
	return all, err
}

// decode reads a description.
func (a *reading) decode(name string, v any) ([]byte, error) {
	m, err := a.find(name)
	if err != nil {
		return nil, err
	}
	if m.json == nil {
		return nil, fmt.Errorf("%s is no description of an image", name)
	}
	if want, ok := strings.CutPrefix(inside(name), blobs); ok && m.sum.Encoded() != want {
		return nil, fmt.Errorf("%s has the digest %s", name, m.sum)
	}
	if err := json.Unmarshal(m.json, v); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return m.json, nil
}

// manifest reads what docker save describes.
func (a *reading) manifest() ([]*Image, error) {
	var items []struct {
		Config   string
		RepoTags []string
		Layers   []string
	}
	if _, err := a.decode("manifest.json", &items); err != nil {
		return nil, err
	}
	var all []*Image
	for _, item := range items {
		i, err := a.image(item.Config, item.Layers)
		if err != nil {
			return nil, err
		}
		i.Names = item.RepoTags
		all = append(all, i)
	}
	return all, nil
}

// image reads an image, whose configuration and layers are members.
func (a *reading) image(config string, layers []string) (*Image, error) {
	i := &Image{}
	raw, err := a.decode(config, &i.Config)
	if err != nil {
		return nil, err
	}
	i.ID = digest.FromBytes(raw)
	i.Platform = i.Config.OS + "/" + i.Config.Architecture
	if i.Config.Variant != "" {
		i.Platform += "/" + i.Config.Variant
	}
	if i.Config.RootFS == nil {
		return nil, fmt.Errorf("%s is no configuration of an image: it lists no layers", config)
	}
	ids := i.Config.RootFS.DiffIDs
	if len(ids) != len(layers) {
		return nil, fmt.Errorf("the image %s has %d layers by its configuration, and %d by the archive", short(i.ID), len(ids), len(layers))
	}
	if len(ids) > a.limits.Layers {
		return nil, &LimitError{"layers in one image", int64(a.limits.Layers)}
	}
	for n, name := range layers {
		l, err := a.layerOf(name)
		if err != nil {
			return nil, fmt.Errorf("layer %d of %s: %w", n+1, short(i.ID), err)
		}
		if got := l.DiffID(); got != ids[n] {
			return nil, fmt.Errorf("layer %d of %s: %s has the diff ID %s, and the configuration says %s", n+1, short(i.ID), name, got, ids[n])
		}
		i.Layers = append(i.Layers, l)
	}
	return i, nil
}

// layerOf gives the layer that a member is.
func (a *reading) layerOf(name string) (*layer.Layer, error) {
	m, err := a.find(name)
	if err != nil {
		return nil, err
	}
	if m.layer == nil {
		if m.err == nil {
			m.err = errors.New("it is no tar")
		}
		return nil, fmt.Errorf("%s: %w", name, m.err)
	}
	if want, ok := strings.CutPrefix(inside(name), blobs); ok && m.sum.Encoded() != want {
		return nil, fmt.Errorf("%s has the digest %s", name, m.sum)
	}
	if a.entries += m.entries; a.entries > a.limits.Entries {
		return nil, &LimitError{"entries", a.limits.Entries}
	}
	return m.layer, nil
}

func short(id image.ID) string { return id.Encoded()[:12] }

// layout reads an OCI layout.
func (a *reading) layout() ([]*Image, error) {
	var index specs.Index
	if _, err := a.decode("index.json", &index); err != nil {
		return nil, err
	}
	var all []*Image
	err := a.index(index, "", 0, &all)
	return all, err
}

// maxDepth is how deep indexes may lie in each other.
const maxDepth = 4

// index reads the images of an index. name is what an index above calls them. Images of other
// platforms, which the archive may name and not hold, are left out then.
func (a *reading) index(index specs.Index, name string, depth int, all *[]*Image) error {
	if depth > maxDepth {
		return errors.New("indexes of indexes lie too deep")
	}
	for _, d := range index.Manifests {
		if d.Annotations["vnd.docker.reference.type"] != "" {
			continue // an attestation, no image
		}
		at := name
		for _, key := range []string{"io.containerd.image.name", specs.AnnotationRefName} {
			if at == "" {
				at = d.Annotations[key]
			}
		}
		if err := d.Digest.Validate(); err != nil {
			return fmt.Errorf("index.json: digest %q: %w", d.Digest, err)
		}
		if a.members[blob(d.Digest)] == nil && len(index.Manifests) > 1 {
			continue
		}
		switch d.MediaType {
		case specs.MediaTypeImageIndex, "application/vnd.docker.distribution.manifest.list.v2+json":
			var inner specs.Index
			if _, err := a.decode(blob(d.Digest), &inner); err != nil {
				return err
			}
			if err := a.index(inner, at, depth+1, all); err != nil {
				return err
			}
			continue
		}
		var m specs.Manifest
		if _, err := a.decode(blob(d.Digest), &m); err != nil {
			return err
		}
		var layers []string
		for _, l := range append(m.Layers, m.Config) {
			if err := l.Digest.Validate(); err != nil {
				return fmt.Errorf("%s: digest %q: %w", blob(d.Digest), l.Digest, err)
			}
			layers = append(layers, blob(l.Digest))
		}
		i, err := a.image(blob(m.Config.Digest), layers[:len(m.Layers)])
		if err != nil {
			return err
		}
		if at != "" {
			i.Names = []string{familiar(at)}
		}
		*all = append(*all, i)
	}
	return nil
}

func blob(d digest.Digest) string { return path.Join("blobs", d.Algorithm().String(), d.Encoded()) }

// familiar is a name as people write it.
func familiar(name string) string {
	if r, err := image.ParseName(name); err == nil {
		return reference.FamiliarString(reference.TagNameOnly(r))
	}
	return name
}

// A ChoiceError says that a reference means none of an archive's images, or more than one.
type ChoiceError struct {
	Ref    string // "" where none was given
	Images []*Image
}

func (e *ChoiceError) Error() string {
	var names []string
	for _, i := range e.Images {
		n := short(i.ID)
		if len(i.Names) > 0 {
			n = strings.Join(i.Names, ", ")
		}
		names = append(names, n+" ("+i.Platform+")")
	}
	list := strings.Join(names, "; ")
	if e.Ref == "" {
		return "the archive holds several images: " + list
	}
	return fmt.Sprintf("the archive holds not one image %s, but these: %s", e.Ref, list)
}

// Choose picks the image that ref means: a name, an ID or the beginning of one. Without ref it is
// the only one. Of several that differ in their platform it is the one of the engine's. The error is
// a *ChoiceError.
func Choose(images []*Image, ref string) (*Image, error) {
	var found []*Image
	for _, i := range images {
		if ref == "" || slices.Contains(i.Names, familiar(ref)) || slices.Contains(i.Names, ref) || len(ref) >= 4 && strings.HasPrefix(i.ID.Encoded(), strings.TrimPrefix(ref, "sha256:")) {
			if !slices.ContainsFunc(found, func(f *Image) bool { return f.ID == i.ID }) {
				found = append(found, i)
			}
		}
	}
	if len(found) > 1 {
		var ours []*Image
		for _, i := range found {
			if i.Platform == image.OS+"/"+image.Architecture {
				ours = append(ours, i)
			}
		}
		if len(ours) == 1 && sameNames(found) {
			return ours[0], nil
		}
	}
	if len(found) != 1 {
		return nil, &ChoiceError{ref, images}
	}
	return found[0], nil
}

func sameNames(images []*Image) bool {
	for _, i := range images {
		if !slices.Equal(i.Names, images[0].Names) {
			return false
		}
	}
	return true
}

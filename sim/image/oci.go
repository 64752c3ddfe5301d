package image

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/dockerlab/dockerlab/sim/layer"
)

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// layout loads an OCI image layout. The engine of 20.10 does not know them; what today's tools
// write mostly is one, and other engines load it.
func (l *loading) layout() error {
	var index specs.Index
	if err := l.decode("index.json", &index); err != nil {
		return err
	}
	return l.index(index, "", 0)
}

// index loads the images of an index for this machine. name is what an index above calls them.
func (l *loading) index(index specs.Index, name string, depth int) error {
	if depth > 4 {
		return errors.New("indexes of indexes lie too deep")
	}
	found := false
	for _, d := range index.Manifests {
		if p := d.Platform; p != nil && (p.OS != OS || p.Architecture != Architecture) {
			continue
		}
		if d.Annotations["vnd.docker.reference.type"] != "" {
			continue // an attestation, no image
		}
		found = true
		at := name
		if at == "" {
			at = d.Annotations["io.containerd.image.name"]
		}
		if at == "" {
			at = d.Annotations[specs.AnnotationRefName]
		}
		raw, err := l.blob(d.Digest)
		if err != nil {
			return err
		}
		switch d.MediaType {
		case specs.MediaTypeImageIndex, "application/vnd.docker.distribution.manifest.list.v2+json":
			var inner specs.Index
			if err := json.Unmarshal(raw, &inner); err != nil {
				return err
			}
			if err := l.index(inner, at, depth+1); err != nil {
				return err
			}
		default:
			if err := l.ociImage(raw, at); err != nil {
				return err
			}
		}
	}
	if !found && len(index.Manifests) > 0 {
		return fmt.Errorf("no image for %s/%s in the archive", OS, Architecture)
	}
	return nil
}

func (l *loading) ociImage(raw []byte, name string) error {
	var m specs.Manifest
	if err := json.Unmarshal(raw, &m); err != nil {
		return err
	}
	config, err := l.blob(m.Config.Digest)
	if err != nil {
		return err
	}
	var files []string
	for _, d := range m.Layers {
		if err := d.Digest.Validate(); err != nil {
			return fmt.Errorf("layer %q: %w", d.Digest, err)
		}
		if err := l.verify(d.Digest); err != nil {
			return err
		}
		files = append(files, blobFile(d.Digest))
	}
	i, err := l.image(config, files)
	if err != nil {
		return err
	}
	if named, err := ParseName(name); err == nil {
		if tagged, ok := reference.TagNameOnly(named).(reference.NamedTagged); ok {
			l.tag(tagged, i.ID)
			l.o.Line(fmt.Sprintf("Loaded image: %s\n", reference.FamiliarString(tagged)))
			return nil
		}
	}
	l.o.Line(fmt.Sprintf("Loaded image ID: %s\n", i.ID))
	return nil
}

func blobFile(d digest.Digest) string {
	return "blobs/" + d.Algorithm().String() + "/" + d.Encoded()
}

// verify checks a blob against its digest, without keeping it.
func (l *loading) verify(d digest.Digest) error {
	c, err := l.open(blobFile(d))
	if err != nil {
		return err
	}
	h := d.Algorithm().Digester()
	if _, err := io.Copy(h.Hash(), layer.NewReader(c)); err != nil {
		return fmt.Errorf("read blob %s: %w", d, err)
	}
	if got := h.Digest(); got != d {
		return fmt.Errorf("blob %s has the digest %s", d, got)
	}
	return nil
}

// blob reads a description by its digest, and checks it.
func (l *loading) blob(d digest.Digest) ([]byte, error) {
	if err := d.Validate(); err != nil {
		return nil, fmt.Errorf("blob %q: %w", d, err)
	}
	raw, err := l.read(blobFile(d))
	if err != nil {
		return nil, err
	}
	if got := d.Algorithm().FromBytes(raw); got != d {
		return nil, fmt.Errorf("blob %s has the digest %s", d, got)
	}
	return raw, nil
}

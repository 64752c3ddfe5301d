package catalog

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/strslice"
	"github.com/opencontainers/go-digest"

	"github.com/dockerlab/dockerlab/sim/image"
)

// dockerVersion is the engine's that made an image which does not say.
const dockerVersion = "20.10.24"

// build makes an image of its description and the image that it begins with.
func (r *Registry) build(name string, v variant, base *Image) (*Image, error) {
	i := &Image{}
	c := image.Config{
		Architecture: "amd64", OS: "linux", Author: v.Author, Comment: v.Comment, Created: v.Created.UTC(),
		DockerVersion: cmp.Or(v.Docker, dockerVersion), Config: &container.Config{},
		RootFS: &image.RootFS{Type: "layers"},
	}
	if base != nil {
		var b image.Config
		if err := json.Unmarshal(base.ConfigJSON, &b); err != nil {
			return nil, fmt.Errorf("the configuration of its base: %w", err)
		}
		c.Config, c.History, c.RootFS = b.Config, slices.Clone(b.History), b.RootFS
		i.Layers = slices.Clone(base.Layers)
	}
	if err := v.configure(c.Config); err != nil {
		return nil, err
	}
	for _, s := range v.History {
		created := s.Created
		if created.IsZero() {
			created = v.Created
		}
		c.History = append(c.History, image.History{
			Created: created.UTC(), Author: v.Author, CreatedBy: s.CreatedBy, Comment: s.Comment, EmptyLayer: s.Layer == ""})
		if s.Layer == "" {
			continue
		}
		l, err := r.layer(s.Layer)
		if err != nil {
			return nil, err
		}
		i.Layers = append(i.Layers, l)
		c.RootFS.DiffIDs = append(c.RootFS.DiffIDs, l.DiffID)
	}
	c.Container, c.ContainerConfig = lastContainer(name, c)
	var err error
	if i.ConfigJSON, err = json.Marshal(c); err != nil {
		return nil, fmt.Errorf("writing its configuration: %w", err)
	}
	i.Digest, err = i.manifestDigest()
	return i, err
}

// lastContainer is the container whose commit the image is: the classic builder makes one for the
// last instruction of a Dockerfile, and its configuration stays in the image.
func lastContainer(name string, c image.Config) (string, container.Config) {
	if len(c.History) == 0 {
		return "", container.Config{}
	}
	sum := sha256.Sum256([]byte(name))
	id := hex.EncodeToString(sum[:])
	config := *c.Config
	config.Hostname = id[:12]
	shell, last := "/bin/sh -c ", c.History[len(c.History)-1].CreatedBy
	if rest, ok := bytes.CutPrefix([]byte(last), []byte(shell)); ok {
		config.Cmd = strslice.StrSlice{"/bin/sh", "-c"}
		if nop, ok := bytes.CutPrefix(rest, []byte("#(nop) ")); ok {
			config.Cmd, rest = append(config.Cmd, "#(nop) "), bytes.TrimLeft(nop, " ")
		}
		config.Cmd = append(config.Cmd, string(rest))
	}
	return id, config
}

// manifestDigest is the digest of the image's manifest, of the kind that an engine of that time
// pushed.
func (i *Image) manifestDigest() (digest.Digest, error) {
	type descriptor struct {
		MediaType string        `json:"mediaType"`
		Size      int64         `json:"size"`
		Digest    digest.Digest `json:"digest"`
	}
	m := struct {
		SchemaVersion int          `json:"schemaVersion"`
		MediaType     string       `json:"mediaType"`
		Config        descriptor   `json:"config"`
		Layers        []descriptor `json:"layers"`
	}{
		SchemaVersion: 2, MediaType: "application/vnd.docker.distribution.manifest.v2+json",
		Config: descriptor{"application/vnd.docker.container.image.v1+json", int64(len(i.ConfigJSON)), digest.FromBytes(i.ConfigJSON)},
	}
	for _, l := range i.Layers {
		m.Layers = append(m.Layers, descriptor{"application/vnd.docker.image.rootfs.diff.tar.gzip", l.CompressedSize, l.Digest})
	}
	b, err := json.MarshalIndent(m, "", "   ")
	return digest.FromBytes(b), err
}

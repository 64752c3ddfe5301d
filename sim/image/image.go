// Package image holds images: a configuration, a stack of layers, and the names that lead there.
// An image is known by the SHA-256 of its configuration, which lists the diff IDs of its layers.
// A Store is the images of one engine, an immutable value: to add, tag or remove makes a new one.
//
// Bytes are the engine's. A configuration is written as Docker Engine 20.10 writes it, so that
// image IDs are the same there and here, and Save and Load speak its archives.
package image

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/opencontainers/go-digest"

	"github.com/dockerlab/dockerlab/sim/layer"
)

// ID is an image ID: the SHA-256 of the image's configuration.
type ID = digest.Digest

// The engine that images are made by, and the machine they are made on, unless they say another.
const (
	DockerVersion = "20.10.24+dfsg1" // as Debian numbers it
	Architecture  = "amd64"
	OS            = "linux"
)

// Config is an image's configuration, what its ID is the hash of. Its fields are in the order in
// which the engine writes them: that of their names.
type Config struct {
	Size            int64             `json:",omitempty"` // only in what very old engines wrote
	Architecture    string            `json:"architecture,omitempty"`
	Author          string            `json:"author,omitempty"`
	Comment         string            `json:"comment,omitempty"`
	Config          *container.Config `json:"config,omitempty"`
	Container       string            `json:"container,omitempty"`
	ContainerConfig container.Config  `json:"container_config"`
	Created         time.Time         `json:"created"`
	DockerVersion   string            `json:"docker_version,omitempty"`
	History         []History         `json:"history,omitempty"`
	ID              string            `json:"id,omitempty"` // only in what very old engines wrote
	OS              string            `json:"os,omitempty"`
	OSFeatures      []string          `json:"os.features,omitempty"`
	OSVersion       string            `json:"os.version,omitempty"`
	Parent          ID                `json:"parent,omitempty"`
	RootFS          *RootFS           `json:"rootfs,omitempty"`
	Variant         string            `json:"variant,omitempty"`
}

// RootFS lists the layers of an image from the bottom up.
type RootFS struct {
	Type    string          `json:"type"`
	DiffIDs []digest.Digest `json:"diff_ids,omitempty"`
}

// History is one step of how an image came to be.
type History struct {
	Created    time.Time `json:"created"`
	Author     string    `json:"author,omitempty"`
	CreatedBy  string    `json:"created_by,omitempty"`
	Comment    string    `json:"comment,omitempty"`
	EmptyLayer bool      `json:"empty_layer,omitempty"`
}

// Image is one image. It is immutable: what it gives must not be changed.
type Image struct {
	ID     ID
	Raw    []byte // the configuration as it was written, whose hash is the ID
	Config Config // Raw, parsed
	Layers *layer.Stack
	Parent ID // the local image that it was made from; "" where there is none, or no longer
}

// New makes an image of a configuration and layers. The configuration's RootFS is set from them.
func New(c Config, layers *layer.Stack) (*Image, error) {
	c.RootFS = &RootFS{Type: "layers", DiffIDs: layers.DiffIDs()}
	raw, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("write image configuration: %w", err)
	}
	return parse(raw, layers)
}

// Parse makes an image of a configuration that was written elsewhere, whose diff IDs must be those
// of the layers.
func Parse(raw []byte, layers *layer.Stack) (*Image, error) {
	i, err := parse(raw, layers)
	if err != nil {
		return nil, err
	}
	if !slices.Equal(i.Config.RootFS.DiffIDs, layers.DiffIDs()) {
		return nil, errors.New("the layers are not those of the configuration")
	}
	return i, nil
}

var errManyHistory = errors.New("too many non-empty layers in History section")

func parse(raw []byte, layers *layer.Stack) (*Image, error) {
	i := &Image{ID: digest.FromBytes(raw), Raw: raw, Layers: layers}
	if err := json.Unmarshal(raw, &i.Config); err != nil {
		return nil, err
	}
	if i.Config.RootFS == nil {
		return nil, errors.New("invalid image JSON, no RootFS key")
	}
	steps := 0
	for _, h := range i.Config.History {
		if !h.EmptyLayer {
			steps++
		}
	}
	if steps > len(i.Config.RootFS.DiffIDs) {
		return nil, errManyHistory
	}
	return i, nil
}

// Step is how an image comes from its parent: a commit, or an instruction of a build.
type Step struct {
	Layer           *layer.Layer      // what it adds; nil where no file changed
	Config          *container.Config // the new image's
	ContainerConfig container.Config  // of the container that was committed
	Container       string            // its ID
	Created         time.Time
	Author          string
	Comment         string
	CreatedBy       string // history's words for it
}

// Child makes the image that comes from parent by one step; a nil parent is scratch. The error is
// layer.ErrMaxDepth where the parent has as many layers as there may be.
func Child(parent *Image, s Step) (*Image, error) {
	c := Config{
		Architecture:    Architecture,
		Author:          s.Author,
		Config:          s.Config,
		Container:       s.Container,
		ContainerConfig: s.ContainerConfig,
		Created:         s.Created.UTC(),
		DockerVersion:   DockerVersion,
		OS:              OS,
	}
	var stack *layer.Stack
	var from ID
	if parent != nil {
		p := parent.Config
		if p.Architecture != "" {
			c.Architecture = p.Architecture
		}
		if p.OS != "" {
			c.OS = p.OS
		}
		c.Variant, c.OSFeatures, c.OSVersion = p.Variant, p.OSFeatures, p.OSVersion
		c.History = slices.Clip(p.History)
		stack, from = parent.Layers, parent.ID
	}
	// The engine pushes the layer of a step that changed nothing as well, before it sees that it is
	// empty: of a full image no other can be made at all.
	if stack.Depth() >= layer.MaxDepth {
		return nil, layer.ErrMaxDepth
	}
	if s.Layer != nil {
		var err error
		if stack, err = stack.Push(s.Layer); err != nil {
			return nil, err
		}
	}
	c.History = append(c.History, History{
		Created: c.Created, Author: s.Author, CreatedBy: s.CreatedBy, Comment: s.Comment, EmptyLayer: s.Layer == nil,
	})
	i, err := New(c, stack)
	if err != nil {
		return nil, err
	}
	i.Parent = from
	return i, nil
}

// Imported makes the image of docker import: one layer, and a history of one step.
func Imported(l *layer.Layer, c *container.Config, message string, created time.Time) (*Image, error) {
	stack, err := (*layer.Stack)(nil).Push(l)
	if err != nil {
		return nil, err
	}
	created = created.UTC()
	return New(Config{
		Architecture: Architecture, Comment: message, Config: c, Created: created, DockerVersion: DockerVersion,
		History: []History{{Created: created, Comment: message}}, OS: OS,
	}, stack)
}

// Size is the sum of the sizes of its layers in bytes.
func (i *Image) Size() int64 { return i.Layers.Size() }

// Tree is the image's file tree.
func (i *Image) Tree() (*layer.Tree, error) { return i.Layers.Tree() }

// ShortID is the beginning of the ID that is shown to people: 12 hex digits.
func (i *Image) ShortID() string { return shortID(i.ID) }

func shortID(d digest.Digest) string {
	s := d.String()
	if _, hex, ok := strings.Cut(s, ":"); ok {
		s = hex
	}
	return s[:min(12, len(s))]
}

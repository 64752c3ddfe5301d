// Package image holds images: a configuration, a stack of layers, and the names that lead there.
// An image is known by the SHA-256 of its configuration, which lists the diff IDs of its layers.
// A Store is the images of one engine, an immutable value: to add, tag or remove makes a new one.
package image

import (
	"io"
	"time"

	"github.com/distribution/reference"
	"github.com/docker/docker/api/types/container"
	"github.com/opencontainers/go-digest"

	"github.com/dockerlab/dockerlab/sim/layer"
)

// ID is an image ID: the SHA-256 of the image's configuration.
type ID = digest.Digest

// Config is an image's configuration, what its ID is the hash of. Marshalled, it is the bytes that
// Docker Engine 20.10 writes, whose top-level keys are in order.
type Config struct {
	Architecture    string            `json:"architecture,omitempty"`
	Author          string            `json:"author,omitempty"`
	Comment         string            `json:"comment,omitempty"`
	Config          *container.Config `json:"config,omitempty"`
	Container       string            `json:"container,omitempty"`
	ContainerConfig container.Config  `json:"container_config"`
	Created         time.Time         `json:"created"`
	DockerVersion   string            `json:"docker_version,omitempty"`
	History         []History         `json:"history,omitempty"`
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
	Parent ID // the local image it was made from; "" where that is not known
}

// New makes an image of a configuration and layers: RootFS is set from them.
func New(c Config, layers *layer.Stack) (*Image, error) { panic("todo") }

// Parse makes an image of a configuration as stored elsewhere. Its diff IDs must be the layers'.
func Parse(raw []byte, layers *layer.Stack) (*Image, error) { panic("todo") }

// Child is the image made from parent (nil: from scratch) by one step: commit, or an instruction
// of a build. A nil step.Layer adds none.
func Child(parent *Image, step Step) (*Image, error) { panic("todo") }

// Step is how an image comes from its parent.
type Step struct {
	Layer           *layer.Layer
	Config          *container.Config // the new image's
	ContainerConfig container.Config  // of the container that was committed
	Container       string            // its ID
	Created         time.Time
	Author          string
	Comment         string
	CreatedBy       string // history's words for the step
}

// Size is the sum of the sizes of its layers in bytes.
func (i *Image) Size() int64 { panic("todo") }

// Store is the images of one engine. It never changes: methods named With give a changed copy.
// The zero Store is empty.
type Store struct{ todo struct{} }

// Get gives the image of a whole ID, or nil.
func (s *Store) Get(id ID) *Image { panic("todo") }

// Find gives the image that ref names as a user writes it: a name with or without tag or digest,
// an ID or the beginning of one. Its error is of type *NotFoundError or as reference words it.
func (s *Store) Find(ref string) (*Image, error) { panic("todo") }

// NotFoundError says that no image has that name or ID.
type NotFoundError struct{ Ref string }

func (e *NotFoundError) Error() string { return "No such image: " + e.Ref }

// All gives the images in no useful order.
func (s *Store) All() []*Image { panic("todo") }

// Refs are the names (with tag or digest) that lead to an image, in order.
func (s *Store) Refs(id ID) []reference.Named { panic("todo") }

// Resolve gives the image ID that a name with a tag or digest leads to.
func (s *Store) Resolve(ref reference.Named) (ID, bool) { panic("todo") }

// Children are the images whose Parent is id.
func (s *Store) Children(id ID) []ID { panic("todo") }

// With adds an image.
func (s *Store) With(i *Image) *Store { panic("todo") }

// WithTag makes ref, which has a tag or a digest, lead to the image, and notes the time.
func (s *Store) WithTag(ref reference.Named, id ID, at time.Time) *Store { panic("todo") }

// LastTagged is when a name was last given to the image; zero if never.
func (s *Store) LastTagged(id ID) time.Time { panic("todo") }

// WithoutTag removes a name.
func (s *Store) WithoutTag(ref reference.Named) *Store { panic("todo") }

// Without removes an image and the names that lead to it.
func (s *Store) Without(id ID) *Store { panic("todo") }

// Save writes the images that names lead to as docker save does.
func (s *Store) Save(w io.Writer, names []string) error { panic("todo") }

// Loaded is what Load found.
type Loaded struct {
	Images []*Image
	Lines  []string // what docker load prints of it
}

// Load reads an archive that docker save wrote (of any version), or an OCI layout as a tar; each
// may be compressed. It gives the store with what was in it.
func (s *Store) Load(r io.Reader) (*Store, Loaded, error) { panic("todo") }

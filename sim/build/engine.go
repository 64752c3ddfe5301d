package build

import (
	"context"
	"io"
	"time"

	"github.com/docker/docker/api/types/container"

	"github.com/dockerlab/dockerlab/sim/vfs"
)

// Engine is what a build asks of the engine that it runs on. IDs of images are "sha256:" and 64
// hex digits, the empty ID is scratch; IDs of containers are 64 hex digits. Configs are handed over
// for good: neither side changes one afterwards. Errors come in the engine's own words, which the
// builder passes on.
//
// A build calls its Engine from one goroutine, outside of the kernel.
type Engine interface {
	Images
	Containers
}

// Images is the half of an Engine that knows images.
type Images interface {
	// Image finds an image by name, ID or the start of one, and pulls it where o says so.
	Image(ctx context.Context, ref string, o LookUp) (*Image, error)
	// Children gives the images whose parent is id, in any order; for scratch, those that have no
	// parent. The cache looks among them.
	Children(id string) []*Image
	// SetParent records parent as the parent of an image that came without one: a build that took
	// it from --cache-from knows.
	SetParent(id, parent string) error
	// NewLayer opens the files of an image, of scratch an empty tree, with nothing above them yet.
	NewLayer(id string) (Layer, error)
	// AddImage makes the image that is parent and what was written to l, with one more row of
	// history, and gives its ID. A nil l is an image that shares all of its parent's layers and
	// keeps the history and layers of n instead (a cached image restored from --cache-from). Its
	// error is "max depth exceeded" where the image would have more than 125 layers.
	AddImage(parent string, l Layer, n NewImage) (id string, err error)
	// Tag gives an image a name, in the normalised form "docker.io/library/name:tag".
	Tag(id, name string) error
}

// Containers is the half of an Engine that runs things.
type Containers interface {
	// CreateContainer makes a container as the API's create does, without merging the image's
	// config into c: c is whole. c.Image is the ID of its image, empty for scratch.
	CreateContainer(c *container.Config, h *container.HostConfig) (id string, warnings []string, err error)
	// MakeWorkdir makes the container's working directory, as a start would, and starts nothing.
	MakeWorkdir(id string) error
	// RunContainer starts the container and waits for its end. stdout and stderr are written to
	// while it runs. exit is the container's exit code; err says why it did not start. When ctx
	// ends, the container is killed and err is ctx's.
	RunContainer(ctx context.Context, id string, stdout, stderr io.Writer) (exit int, err error)
	// CommitContainer makes an image of the container, whose parent is the container's image, and
	// gives the image's ID. No layer is added when the container changed nothing.
	CommitContainer(id string, n NewImage) (image string, err error)
	// RemoveContainer removes the container, running or not, and its anonymous volumes.
	RemoveContainer(id string) error
}

// Layer is a file tree that is written to: the files of an image below, changes above. A Layer that
// is not handed to AddImage is closed and leaves nothing.
type Layer interface {
	// Files is the merged tree.
	Files() vfs.Filesystem
	Close()
}

// LookUp says how an image is looked for.
type LookUp struct {
	Pull     Pull
	Platform string         // "linux/arm64"; empty for the engine's own
	Progress func(Progress) // of a pull; nil for none
}

// Pull says when an image is fetched from the registry.
type Pull uint8

const (
	PullMissing Pull = iota // where it is not here: FROM and COPY --from
	PullAlways              // docker build --pull
	PullNever               // names of stages, IDs that the build itself made
)

// Progress is one report of work that takes its time: pulling, downloading.
type Progress struct {
	ID             string // of a layer; empty for the whole
	Status         string // "Pulling fs layer", "Downloading"
	Current, Total int64  // bytes; Total is zero where there is no bar to draw
}

// Image is an image as the builder needs to know it.
type Image struct {
	ID              string
	Parent          string // empty where none is known
	Created         time.Time
	Config          *container.Config // what its containers start with; nil where it has none
	ContainerConfig *container.Config // of the container that it was made from: what the cache compares
	OS              string            // "linux"
	Architecture    string            // "amd64"
	Variant         string            // "v8"
	History         []History
	DiffIDs         []string // of its layers, the lowest first
}

// History is a row of docker history.
type History struct {
	Created    time.Time
	CreatedBy  string
	Author     string
	Comment    string
	EmptyLayer bool
}

// NewImage is what a step makes of its parent.
type NewImage struct {
	Author          string
	Config          *container.Config
	ContainerConfig *container.Config // its Cmd, joined by blanks, is the row's CreatedBy

	// Of an image that is restored from --cache-from: the whole of its history and layers.
	History []History
	DiffIDs []string
}

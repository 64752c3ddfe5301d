package build

import (
	"context"
	"io"
	"time"

	"github.com/distribution/reference"
	"github.com/docker/docker/api/types/container"

	"github.com/dockerlab/dockerlab/sim/image"
	"github.com/dockerlab/dockerlab/sim/layer"
	"github.com/dockerlab/dockerlab/sim/unionfs"
)

// Engine is what a build asks of the engine that it runs on. The empty image ID is scratch.
// Configs are handed over for good: neither side changes one afterwards. Errors come in the
// engine's own words, and the builder passes them on.
//
// A build calls its Engine from one goroutine, outside of the kernel.
type Engine interface {
	Images
	Containers
	// Now is the time of the lab.
	Now() time.Time
	// NewFS gives a file system that can be written to on top of a tree (nil: an empty one), on the
	// engine's disk and counted as what a container writes. release gives its room back.
	NewFS(lower *layer.Tree) (fs *unionfs.FS, release func())
}

// Images is the half of an Engine that knows images. A build makes an image's layer and
// configuration itself (see image.Child) and then adds it.
type Images interface {
	// Image finds an image by name, ID or the start of one, and pulls it where o says so.
	Image(ctx context.Context, ref string, o LookUp) (*image.Image, error)
	// Children gives the images whose parent is id, in any order; for scratch, those that have no
	// parent. The cache looks among them.
	Children(id image.ID) []*image.Image
	// SetParent records the parent of an image that came without one: a build that found it
	// through --cache-from knows.
	SetParent(id, parent image.ID) error
	// AddImage adds an image, untagged. One that is there already is left as it is.
	AddImage(i *image.Image) error
	// Tag makes a name, which has a tag, lead to an image.
	Tag(id image.ID, name reference.NamedTagged) error
}

// Containers is the half of an Engine that runs things. IDs are 64 hex digits.
type Containers interface {
	// CreateContainer makes a container of c, whose Image is the ID of its image or empty for
	// scratch. As with the API's create, what c leaves open comes from the image's config; an
	// Entrypoint of one empty string stands for none.
	CreateContainer(c *container.Config, h *container.HostConfig) (id string, warnings []string, err error)
	// MakeWorkdir makes the container's working directory, as a start would, and starts nothing.
	MakeWorkdir(id string) error
	// RunContainer starts the container and waits for its end. stdout and stderr are written to
	// while it runs. exit is the container's exit code; err says why it did not start. When ctx
	// ends, the container is killed and err is ctx's.
	RunContainer(ctx context.Context, id string, stdout, stderr io.Writer) (exit int, err error)
	// CommitContainer makes an image of the container and gives the image's ID. Its parent is the
	// container's image. It adds no layer when the container changed nothing.
	CommitContainer(id string, c Commit) (image.ID, error)
	// RemoveContainer removes the container, running or not, and its anonymous volumes.
	RemoveContainer(id string) error
}

// Commit is what an image that is made of a container is given. The new image's history says
// ContainerConfig.Cmd, its words joined by blanks.
type Commit struct {
	Author          string
	Config          *container.Config // the image's
	ContainerConfig *container.Config // what the image records of the container, not what the container has
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
	PullNever               // stages, and what the build itself made
)

// Progress is one report of work that takes its time: pulling, downloading.
type Progress struct {
	ID             string // of a layer; empty for the whole
	Status         string // "Pulling fs layer", "Downloading"
	Current, Total int64  // bytes; Total is zero where there is no bar to draw
}

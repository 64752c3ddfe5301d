package container

import (
	"time"

	"github.com/dockerlab/dockerlab/sim/image"
	"github.com/dockerlab/dockerlab/sim/layer"
	"github.com/dockerlab/dockerlab/sim/unionfs"
)

// Layers are the layers of a container above those of its image, which is nil for one of scratch:
// init, the engine's own, and upper, the write layer as it is in Files. Either is nil where it is
// empty.
func (c *Container) Layers(img *image.Image) (init, upper *layer.Layer, err error) {
	base := layer.NewTree()
	if img != nil {
		if base, err = img.Tree(); err != nil {
			return nil, nil, err
		}
	}
	o := unionfs.Options{Now: func() time.Time { return c.Created }}
	fs := unionfs.New(base, o)
	if err = writeInit(view(fs)); err != nil {
		return nil, nil, err
	}
	if init, err = fs.Layer(); err != nil {
		return nil, nil, err
	}
	upper, err = c.Files.FS(o).Layer()
	return init, upper, err
}

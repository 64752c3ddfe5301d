package catalog

import (
	"fmt"

	"github.com/dockerlab/dockerlab/sim/layer"
)

// hostLayers are what the lab's host is made of, from the bottom up.
var hostLayers = []string{"debian/base", "host"}

// Host is the file tree of the lab's host: Debian with curl, an editor and the like, and docker at
// /usr/bin/docker. A folder changes it by a layer "host" of its own.
func (r *Registry) Host() (*layer.Tree, error) {
	var stack *layer.Stack
	for _, name := range hostLayers {
		l, err := r.layer(name)
		if err != nil {
			return nil, fmt.Errorf("catalog: the host: %w", err)
		}
		if stack, err = stack.Push(l.layer); err != nil {
			return nil, fmt.Errorf("catalog: the host: %w", err)
		}
	}
	tree, err := stack.Tree()
	if err != nil {
		return nil, fmt.Errorf("catalog: the host: %w", err)
	}
	return tree, nil
}

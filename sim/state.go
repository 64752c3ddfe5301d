package sim

import (
	"github.com/dockerlab/dockerlab/sim/container"
	"github.com/dockerlab/dockerlab/sim/unionfs"
)

// State is all that lasts of a lab, as an immutable value: what its engine knows, images, containers
// with their write layers and logs, volumes and networks, and the disk of its host. What runs
// is no part of it.
type State struct {
	Engine *container.State
	Host   *unionfs.Snapshot
}

// State is the lab as it is now. It costs a pointer for each container that runs and each volume.
func (l *Lab) State() *State {
	s := &State{Engine: l.engine.Snapshot()}
	l.k.Do(func() { s.Host = l.host.Files().Snapshot() })
	return s
}

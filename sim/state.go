package sim

import (
	"fmt"
	"time"

	"github.com/dockerlab/dockerlab/sim/blob"
	"github.com/dockerlab/dockerlab/sim/catalog"
	"github.com/dockerlab/dockerlab/sim/container"
	"github.com/dockerlab/dockerlab/sim/layer"
	"github.com/dockerlab/dockerlab/sim/unionfs"
)

// State is all that lasts of a lab, as an immutable value: what its engine knows, images, containers
// with their write layers and logs, volumes and networks, and the disk of its host. What runs
// is no part of it.
type State struct {
	Engine *container.State
	Host   *unionfs.Snapshot
	Random []byte    // where the source of identifiers stands
	Now    time.Time // the lab's time, which does not go back

	tree *layer.Tree // below what the host's disk has been written
}

// State is the lab as it is now. It costs a pointer for each container that runs and each volume that
// was used. Where nothing has changed since the last one, it is that one.
func (l *Lab) State() *State {
	s := &State{Engine: l.engine.Snapshot(), tree: l.tree}
	l.k.Do(func() { s.Host, s.Random, s.Now = l.host.Files().Snapshot(), l.k.Random(), l.k.Now() })
	l.mu.Lock()
	defer l.mu.Unlock()
	if old := l.last; old != nil && old.Engine == s.Engine && old.Host == s.Host {
		return old
	}
	l.last = s
	return s
}

// Running is how many containers ran.
func (s *State) Running() (n int) {
	for _, c := range s.Engine.Containers.All() {
		if c.Status.Running {
			n++
		}
	}
	return n
}

// Differs says whether something has been done between two states: what containers print, and how
// their health checks go, is not counted.
func (s *State) Differs(o *State) bool { return s.Host != o.Host || s.Engine.Differs(o.Engine) }

// Restore goes back to a state, of this lab or of one made with the same Registry and Programs. What
// runs in containers and is not as it was is ended; containers that ran then are started anew, and told
// of. What runs on the host goes on.
func (l *Lab) Restore(s *State) []container.Again {
	return l.engine.Restore(s.Engine, func() { l.k.Do(func() { l.host.Files().Restore(s.Host) }) })
}

// Keep writes a state, whole: a lab made with another catalogue goes on from it as well.
func (s *State) Keep(w *blob.Writer) (blob.Ref, error) {
	if r, ok := blob.Recall(w, s); ok {
		return r, nil
	}
	k := &layer.Sink{Writer: w}
	engine, err := s.Engine.Keep(k)
	if err != nil {
		return engine, err
	}
	host, err := s.Host.Keep(k)
	if err != nil {
		return host, fmt.Errorf("keeping the host's disk: %w", err)
	}
	var e blob.Encoder
	e.Ref(engine)
	e.Ref(host)
	e.Bytes(s.Random)
	e.Time(s.Now)
	r, err := e.Put(w)
	if err == nil {
		blob.Remember(w, s, r)
	}
	return r, err
}

// readState reads a state that Keep wrote. The contents of files are read when they are wanted. w is
// what goes on keeping it; nil: nothing does. o are those of the lab that is to go on from it; its
// Registry and Programs count, and a State in it is one that was read before, with which this one shares
// what it can.
func readState(src blob.Source, r blob.Ref, w *blob.Writer, o Options) (*State, error) {
	if o.Registry == nil {
		o.Registry = catalog.Open()
	}
	from := &layer.Source{Source: src, Recipe: catalog.Content, Own: unionfs.ReadContent, Layer: o.Registry.Layer, Writer: w}
	d, err := blob.Open(src, r)
	if err != nil {
		return nil, err
	}
	engine, host := d.Ref(), d.Ref()
	s := &State{Random: append([]byte(nil), d.Bytes()...), Now: d.Time()}
	if err := d.End(); err != nil {
		return nil, err
	}
	if s.Engine, err = container.ReadState(from, engine); err != nil {
		return nil, err
	}
	if o.State != nil {
		s.tree = o.State.tree
	} else if s.tree, err = hostTree(o.Registry, o.Programs); err != nil {
		return nil, err
	}
	if s.Host, err = unionfs.ReadSnapshot(from, host, s.tree); err != nil {
		return nil, fmt.Errorf("the host's disk: %w", err)
	}
	return s, nil
}

package container

import (
	"context"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/unionfs"
)

// Snapshot is the state with the file systems and logs of running containers and of volumes as they
// are at this moment. It costs a pointer for each; where nothing has changed since the last one, it
// is that one.
func (e *Engine) Snapshot() (s *State) {
	e.k.Do(func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		s = e.snapshot()
	})
	return s
}

func (e *Engine) snapshot() *State {
	of := e.state.Load()
	s := *of
	if e.shotOf == of {
		s = *e.shot
	}
	same := e.shotOf == of
	for id, l := range e.lives {
		c, ok := of.Containers.Get(id)
		if !ok || l.files == nil {
			l.shot, l.shotOf = nil, nil
			continue
		}
		files, log := l.files.Snapshot(), c.Log
		if l.io != nil && l.io.log != nil {
			log = l.io.log.value()
		}
		if l.shotOf != c || l.shot.Files != files || !l.shot.Log.same(log) {
			d := *c
			d.Files, d.Log = files, log
			l.shot, l.shotOf, same = &d, c, false
			s.Containers = s.Containers.With(id, &d)
		} else if e.shotOf != of {
			s.Containers = s.Containers.With(id, l.shot)
		}
	}
	for name, fs := range e.volumes {
		v, ok := of.Volumes.Get(name)
		if !ok || v.inMemory() {
			continue
		}
		files, shot := fs.Snapshot(), e.shots[name]
		if shot == nil || shot.Files != files || shot.Created != v.Created {
			w := *v
			w.Files = files
			shot, same = &w, false
			e.shots[name] = shot
		}
		if have, _ := s.Volumes.Get(name); have != shot {
			s.Volumes = s.Volumes.With(name, shot)
		}
	}
	if !same {
		e.shot, e.shotOf = &s, of
	}
	return e.shot
}

// same says that two logs of one container are the same lines.
func (l Log) same(o Log) bool {
	n := len(l.Lines)
	if n != len(o.Lines) {
		return false
	}
	return n == 0 || &l.Lines[0].Data[0] == &o.Lines[0].Data[0] && &l.Lines[n-1].Data[0] == &o.Lines[n-1].Data[0]
}

// Differs says whether something has been done between two states of one engine: what containers
// print, and how their health checks go, is not counted.
func (s *State) Differs(o *State) bool {
	return s.Images != o.Images ||
		!sameTables(s.Names, o.Names, func(a, b string) bool { return a == b }) ||
		!sameTables(s.Networks, o.Networks, func(a, b *Network) bool { return a == b }) ||
		!sameTables(s.Volumes, o.Volumes, func(a, b *Volume) bool {
			return a == b || a.Created.Equal(b.Created) && a.Files == b.Files
		}) ||
		!sameTables(s.Containers, o.Containers, func(a, b *Container) bool {
			if a == b {
				return true
			}
			x, y := *a, *b
			x.Log, x.Health, y.Log, y.Health = Log{}, nil, Log{}, nil
			return reflect.DeepEqual(x.Status, y.Status) && x.Files == y.Files && x.Name == y.Name && x.Host == y.Host &&
				x.RestartCount == y.RestartCount && reflect.DeepEqual(x.Ends, y.Ends) && reflect.DeepEqual(x.Links, y.Links)
		})
}

func sameTables[V any](a, b Table[V], same func(V, V) bool) bool {
	if a.m == b.m {
		return true
	}
	if a.Len() != b.Len() {
		return false
	}
	for k, v := range a.All() {
		if w, ok := b.Get(k); !ok || !same(v, w) {
			return false
		}
	}
	return true
}

// adopt takes a state for the engine's own. Nothing of it runs: what did is as an engine finds it
// that was killed and comes up again, exited with 137. One whose removal was under way is dead, as
// nobody knows any more what was to be removed with it. Addresses are free again.
func (e *Engine) adopt(to *State, now time.Time) {
	s := *to
	for id, c := range to.Containers.All() {
		d := *c
		switch {
		case c.Status.Restarting:
			d.Status.Running, d.Status.Restarting = false, false
		case c.Status.Running:
			d.Status = Status{ExitCode: 137, StartedAt: c.Status.StartedAt, FinishedAt: now}
			d.ManuallyStopped = true
		case c.Status.Removing:
			d.Status.Removing, d.Status.Dead = false, true
		case c.Net.SandboxID == "":
			continue
		}
		d.Ends = detached(c.Ends)
		d.Net = NetState{}
		s.Containers = s.Containers.With(id, &d)
	}
	for id, n := range s.Networks.All() {
		m := *n
		m.Pools, m.Pools6 = n.emptied(n.Pools), n.emptied(n.Pools6)
		s.Networks = s.Networks.With(id, &m)
	}
	bases := map[digest.Digest]*Base{}
	var files []*unionfs.Snapshot
	for _, c := range s.Containers.All() {
		if c.Base != nil {
			bases[c.Base.Layers.ChainID()] = c.Base
		}
		files = append(files, c.Files)
	}
	for _, v := range s.Volumes.All() {
		files = append(files, v.Files)
	}
	e.k.Do(func() {
		e.occupy(files, (*unionfs.Snapshot).Occupy)
		e.mu.Lock()
		defer e.mu.Unlock()
		for _, l := range e.lives { // whoever waits for what is no more
			for _, w := range l.waiters {
				w.wake.fire()
			}
		}
		for id, w := range e.wires {
			if _, ok := s.Networks.Get(id); !ok {
				w.Remove()
				delete(e.wires, id)
			}
		}
		maps.Copy(e.bases, bases)
		e.lives, e.volumes, e.execs, e.ports = map[string]*live{}, map[string]*unionfs.FS{}, map[string]*exec{}, map[portKey]string{}
		e.shot, e.shotOf, e.shots = nil, nil, map[string]*Volume{}
		e.state.Store(&s)
	})
}

// occupy takes or gives back the room on the disk of some snapshots, any of which may be nil.
func (e *Engine) occupy(files []*unionfs.Snapshot, f func(*unionfs.Snapshot, *unionfs.Disk)) {
	if e.o.Disk == nil {
		return
	}
	for _, s := range files {
		if s != nil {
			f(s, e.o.Disk)
		}
	}
}

// Boot is what an engine does when it is started after it was killed: containers that ran are ended,
// restart policies apply, and containers that were to be removed at their end are. was is the state
// that it was made with.
//
// The events are those of 20.10, and so is that unless-stopped brings up nothing that ran: the
// engine ends it as docker stop does. Only, containers between two restarts are restarted; there they
// stay between them for ever.
func (e *Engine) Boot(was *State) {
	for _, c := range e.inOrder() {
		old, _ := was.Containers.Get(c.ID)
		if old == nil || !old.Status.Running || old.Status.Restarting {
			continue
		}
		signal := func(sig linux.Signal) {
			e.emitContainer(c, "kill", map[string]string{"signal": strconv.Itoa(int(sig))})
		}
		signal(linux.SIGTERM)
		if old.Status.Paused {
			e.emitContainer(c, "unpause", nil)
		}
		signal(linux.SIGKILL)
		e.emitContainer(c, "die", map[string]string{"exitCode": strconv.Itoa(c.Status.ExitCode)})
		e.emitContainer(c, "stop", nil)
	}
	for _, c := range e.inOrder() {
		old, _ := was.Containers.Get(c.ID)
		switch {
		case old != nil && old.Status.Restarting, c.HasStarted && !c.Status.Dead && c.comesUp():
			e.Start(c.ID) // an error is in its record
		case c.Host.AutoRemove:
			e.Remove(c.ID, RemoveOptions{Force: true, Volumes: true})
		}
	}
}

// comesUp says whether the container's restart policy starts it with the engine.
func (c *Container) comesUp() bool {
	switch p := c.Host.RestartPolicy; {
	case p.IsAlways():
		return true
	case p.IsUnlessStopped():
		return !c.ManuallyStopped
	case p.IsOnFailure():
		return c.Status.ExitCode != 0 && (p.MaximumRetryCount == 0 || c.RestartCount < p.MaximumRetryCount)
	}
	return false
}

// inOrder are the containers in the order in which they were last started: one that needs another
// comes after it.
func (e *Engine) inOrder() []*Container {
	var list []*Container
	for _, c := range e.State().Containers.All() {
		list = append(list, c)
	}
	slices.SortStableFunc(list, func(a, b *Container) int { return a.Status.StartedAt.Compare(b.Status.StartedAt) })
	return list
}

// Again is a container that Restore has started anew.
type Again struct {
	Name string // without a slash
	Err  error  // why it did not start
}

// Restore goes back to a state that Snapshot gave. What runs is ended, without a word; the containers
// that ran then are started anew from their command, after between has been called, and told of.
func (e *Engine) Restore(to *State, between func()) []Again {
	e.stopAll()
	now := e.State()
	var files []*unionfs.Snapshot
	for _, c := range now.Containers.All() {
		files = append(files, c.Files)
	}
	e.k.Do(func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		for name, v := range now.Volumes.All() {
			if fs := e.volumes[name]; fs != nil {
				fs.Discard()
			} else {
				files = append(files, v.Files)
			}
		}
		e.occupy(files, (*unionfs.Snapshot).Discard)
	})
	e.adopt(to, e.now())
	if between != nil {
		between()
	}
	var again []Again
	for _, c := range e.inOrder() {
		then, _ := to.Containers.Get(c.ID)
		if !then.Status.Running {
			continue
		}
		err := e.Start(c.ID)
		if err == nil && then.Status.Paused {
			err = e.Pause(c.ID)
		}
		again = append(again, Again{c.Name[1:], err})
	}
	return again
}

// stopAll ends everything that runs, at once and for good.
func (e *Engine) stopAll() {
	for _, c := range e.State().Containers.All() {
		l := e.live(c.ID)
		l.restart.stop(e)
		if c.Status.Restarting {
			l.restart.cancel(e)
		}
	}
	for _, c := range e.State().Containers.All() {
		if !c.Status.Running {
			continue
		}
		e.change(c.ID, func(c *Container) error { // nobody is to remove what comes back
			h := *c.Host
			h.AutoRemove = false
			c.Host = &h
			return nil
		})
		e.crash(c.ID)
	}
}

// crash ends a container without any ceremony.
func (e *Engine) crash(id string) {
	l := e.live(id)
	l.restart.stop(e)
	e.stopHealth(id, l)
	e.mu.Lock()
	box := l.box
	e.mu.Unlock()
	if box != nil {
		e.k.Do(box.KillInside)
		e.awaitEnd(context.Background(), l, -1)
	}
}

// emptied are pools of the network with only the addresses taken that no container has.
func (n *Network) emptied(pools []Pool) (out []Pool) {
	for _, p := range pools {
		var aux map[string]string
		for _, c := range n.IPAM.Config {
			if sub, err := netip.ParsePrefix(c.Subnet); err == nil && sub.Masked() == p.Subnet {
				aux = c.AuxAddress
			}
		}
		out = append(out, p.emptied(aux))
	}
	return out
}

// emptied is the pool with only the addresses taken that no container has.
func (p Pool) emptied(aux map[string]string) Pool {
	taken := map[netip.Addr]bool{p.Subnet.Addr(): true, p.Gateway: true}
	if p.Subnet.Addr().Is4() {
		taken[broadcast(p.Subnet)] = true
	}
	for _, a := range aux {
		if ip, err := netip.ParseAddr(a); err == nil {
			taken[ip] = true
		}
	}
	p.Taken, p.Last = taken, netip.Addr{}
	return p
}

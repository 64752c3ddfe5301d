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
		!sameTables(s.Volumes, o.Volumes, (*Volume).same) ||
		!sameTables(s.Containers, o.Containers, (*Container).same)
}

// same says that nothing has been done to a volume between two records of it.
func (v *Volume) same(o *Volume) bool {
	return v == o || v.Created.Equal(o.Created) && v.Files == o.Files
}

// same says that nothing has been done to a container between two records of it: what it prints, and
// how its health checks go, is not counted.
func (c *Container) same(o *Container) bool {
	return c == o || reflect.DeepEqual(c.Status, o.Status) && c.Files == o.Files && c.Name == o.Name && c.Host == o.Host &&
		c.RestartCount == o.RestartCount && reflect.DeepEqual(c.Ends, o.Ends) && reflect.DeepEqual(c.Links, o.Links)
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

// adopt takes a state for the engine's own. Of it, only the containers of kept run on, and have their
// addresses: what else did is as an engine finds it that was killed and comes up again, exited with 137.
// One whose removal was under way is dead, as nobody knows any more what was to be removed with it.
func (e *Engine) adopt(to *State, kept map[string]*Container, now time.Time) {
	s := *to
	for id, c := range to.Containers.All() {
		d := *c
		switch {
		case kept[id] != nil:
			s.Containers = s.Containers.With(id, kept[id])
			continue
		case c.Status.Restarting:
			d.Status.Running, d.Status.Restarting = false, false
		case c.Status.Running:
			d.Status = Status{ExitCode: 137, StartedAt: c.Status.StartedAt, FinishedAt: now}
			d.ManuallyStopped = true
		case c.Status.Removing:
			d.Status.Removing, d.Status.Dead = false, true
		case c.Net.Ports == nil:
			continue
		}
		d.Ends = detached(c.Ends)
		d.Net = NetState{}
		s.Containers = s.Containers.With(id, &d)
	}
	for id, n := range s.Networks.All() {
		m := *n
		m.Pools, m.Pools6 = n.emptied(n.Pools, kept), n.emptied(n.Pools6, kept)
		s.Networks = s.Networks.With(id, &m)
	}
	bases := map[digest.Digest]*Base{}
	var files []*unionfs.Snapshot
	for id, c := range s.Containers.All() {
		if c.Base != nil {
			bases[c.Base.Layers.ChainID()] = c.Base
		}
		if kept[id] == nil {
			files = append(files, c.Files)
		}
	}
	used := usedBy(kept)
	for name, v := range s.Volumes.All() {
		if !used[name] {
			files = append(files, v.Files)
		}
	}
	e.k.Do(func() {
		e.occupy(files, (*unionfs.Snapshot).Occupy)
		e.mu.Lock()
		defer e.mu.Unlock()
		maps.DeleteFunc(e.lives, func(id string, l *live) bool {
			if kept[id] != nil {
				return false
			}
			for _, w := range l.waiters { // for what is no more
				w.wake.fire()
			}
			return true
		})
		maps.DeleteFunc(e.volumes, func(name string, _ *unionfs.FS) bool { return !used[name] })
		maps.DeleteFunc(e.execs, func(_ string, x *exec) bool { return kept[x.container] == nil })
		maps.DeleteFunc(e.ports, func(_ portKey, id string) bool { return kept[id] == nil })
		for id, w := range e.wires {
			if _, ok := s.Networks.Get(id); !ok {
				w.Remove()
				delete(e.wires, id)
			}
		}
		maps.Copy(e.bases, bases)
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

// Restore goes back to a state that Snapshot gave. What has run since then and was not touched runs on;
// all else that runs is ended, without a word, and the containers that ran then are started anew from
// their command, after between has been called, and told of.
func (e *Engine) Restore(to *State, between func()) []Again {
	kept := untouched(e.Snapshot(), to)
	e.stopAll(kept)
	now := e.State()
	var files []*unionfs.Snapshot
	for id, c := range now.Containers.All() {
		if kept[id] == nil {
			files = append(files, c.Files)
		} else {
			kept[id] = c // a log goes on in the record of now
		}
	}
	used := usedBy(kept)
	e.k.Do(func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		for name, v := range now.Volumes.All() {
			switch fs := e.volumes[name]; {
			case used[name]:
			case fs != nil:
				fs.Discard()
			default:
				files = append(files, v.Files)
			}
		}
		e.occupy(files, (*unionfs.Snapshot).Discard)
	})
	e.adopt(to, kept, e.now())
	if between != nil {
		between()
	}
	var again []Again
	for _, c := range e.inOrder() {
		then, _ := to.Containers.Get(c.ID)
		if !then.Status.Running || kept[c.ID] != nil {
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

// untouched are the containers that run in both of two states and have not been changed in between, nor
// has what they stand on: their volumes, and the containers whose namespaces they share.
func untouched(now, to *State) map[string]*Container {
	kept := map[string]*Container{}
	for id, c := range now.Containers.All() {
		then, _ := to.Containers.Get(id)
		if then != nil && c.Status.Running && !c.Status.Restarting && c.same(then) {
			kept[id] = c
		}
	}
	stands := func(c *Container) bool {
		for _, m := range c.Mounts {
			if m.Type != "volume" {
				continue
			}
			a, _ := now.Volumes.Get(m.Name)
			b, _ := to.Volumes.Get(m.Name)
			if a == nil || b == nil || !a.same(b) {
				return false
			}
		}
		for _, ref := range []string{c.Host.NetworkMode.ConnectedContainer(), c.Host.IpcMode.Container(), c.Host.PidMode.Container()} {
			if id, ok := now.Names.Get("/" + ref); ok {
				ref = id
			}
			if ref != "" && kept[ref] == nil {
				return false
			}
		}
		return true
	}
	for n := -1; n != len(kept); { // one that falls may take others with it
		n = len(kept)
		maps.DeleteFunc(kept, func(_ string, c *Container) bool { return !stands(c) })
	}
	return kept
}

// usedBy are the names of the volumes that some containers mount.
func usedBy(some map[string]*Container) map[string]bool {
	used := map[string]bool{}
	for _, c := range some {
		for _, m := range c.Mounts {
			if m.Type == "volume" {
				used[m.Name] = true
			}
		}
	}
	return used
}

// stopAll ends everything that runs, but for some, at once and for good.
func (e *Engine) stopAll(but map[string]*Container) {
	for _, c := range e.State().Containers.All() {
		if but[c.ID] != nil {
			continue
		}
		l := e.live(c.ID)
		l.restart.stop(e)
		if c.Status.Restarting {
			l.restart.cancel(e)
		}
	}
	for _, c := range e.State().Containers.All() {
		if !c.Status.Running || but[c.ID] != nil {
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

// emptied are pools of the network with only the addresses taken that no container has, or one of some.
func (n *Network) emptied(pools []Pool, some map[string]*Container) (out []Pool) {
	for _, p := range pools {
		var aux map[string]string
		for _, c := range n.IPAM.Config {
			if sub, err := netip.ParsePrefix(c.Subnet); err == nil && sub.Masked() == p.Subnet {
				aux = c.AuxAddress
			}
		}
		p = p.emptied(aux)
		for _, c := range some {
			if end := c.Ends[n.Name]; end != nil {
				for _, a := range []string{end.IPAddress, end.GlobalIPv6Address} {
					if ip, err := netip.ParseAddr(a); err == nil && p.Subnet.Contains(ip) {
						p.Taken[ip] = true
					}
				}
			}
		}
		out = append(out, p)
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

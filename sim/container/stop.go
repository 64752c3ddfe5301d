package container

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/docker/docker/api/types"
	ctypes "github.com/docker/docker/api/types/container"

	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/linux"
)

// Stop asks a container to end by its stop signal and kills it when it has not after a while; a
// nil timeout is the container's own. NotModified: it does not run.
func (e *Engine) Stop(ctx context.Context, ref string, seconds *int) error {
	c, err := e.Container(ref)
	if err != nil {
		return err
	}
	if !c.Status.Running {
		return &Error{NotModified, errors.New("Container already stopped")}
	}
	if err := e.stop(ctx, c, seconds); err != nil {
		return as(System, fmt.Errorf("cannot stop container: %s: %w", ref, err))
	}
	return nil
}

func (e *Engine) stop(ctx context.Context, c *Container, seconds *int) error {
	if !c.Status.Running {
		return nil
	}
	sig := linux.SIGTERM
	if c.Config.StopSignal != "" {
		if s, err := ParseSignal(c.Config.StopSignal); err == nil {
			sig = s
		}
	}
	grace := c.StopTimeout()
	if seconds != nil {
		grace = time.Duration(*seconds) * time.Second
	}
	l := e.live(c.ID)
	if err := e.signal(c, l, sig); err != nil && KindOf(err) != Conflict {
		return err
	}
	deaf := e.leaving.Load() && e.ignores(l, sig)
	if deaf || !e.awaitEnd(ctx, l, grace) {
		if err := e.kill(ctx, c, l); err != nil {
			return err
		}
	}
	e.emitContainer(c, "stop", nil)
	return nil
}

// ignores says that a container's process takes no notice of a signal.
func (e *Engine) ignores(l *live, sig linux.Signal) (does bool) {
	e.k.Do(func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		does = l.task != nil && l.task.Ignores(sig)
	})
	return does
}

// GoDown ends what runs as an engine does that is told to end, before Shutdown: all containers at once,
// each by its stop signal, and by SIGKILL where it has not ended after its stop timeout. None is
// restarted, and none counts as stopped by hand, so that its policy brings it up with the next engine. A
// process that takes no notice of the signal is not waited for: what it ends with is the same.
func (e *Engine) GoDown(ctx context.Context) {
	e.leaving.Store(true)
	var all sync.WaitGroup
	for _, c := range e.inOrder() {
		all.Go(func() { e.stop(ctx, c, nil) }) // an error is that it has ended meanwhile
	}
	all.Wait()
}

// signal sends a signal to a container's process. The stop signal, and SIGKILL, mean that no
// policy restarts it.
func (e *Engine) signal(c *Container, l *live, sig linux.Signal) error {
	c, err := e.Container(c.ID)
	if err != nil {
		return err
	}
	if !c.Status.Running {
		return notRunning(c.ID)
	}
	stops := true
	if c.Config.StopSignal != "" && sig != linux.SIGKILL {
		s, err := ParseSignal(c.Config.StopSignal)
		stops = err == nil && s == sig
	}
	if stops {
		l.restart.stop(e)
	}
	if !e.leaving.Load() {
		if err := e.change(c.ID, func(c *Container) error { c.ManuallyStopped = true; return nil }); err != nil {
			return err
		}
	}
	if c.Status.Restarting {
		e.endRestarting(c, l)
		return nil
	}
	e.k.Do(func() {
		e.mu.Lock()
		task, box := l.task, l.box
		e.mu.Unlock()
		if task == nil {
			err = notRunning(c.ID)
			return
		}
		// Told here, it comes before the death that it may bring.
		e.emitContainerAt(e.later(e.k.Now()), c, "kill", map[string]string{"signal": strconv.Itoa(int(sig))})
		task.SignalInside(sig)
		if stops && c.Status.Paused {
			box.Unpause()
			e.change(c.ID, func(c *Container) error { c.Status.Paused = false; return nil })
		}
	})
	return err
}

// endRestarting makes a container that waits to be restarted one that has stopped.
func (e *Engine) endRestarting(c *Container, l *live) {
	l.restart.cancel(e)
	e.change(c.ID, func(c *Container) error {
		c.Status.Running, c.Status.Restarting = false, false
		return nil
	})
	e.settle(l, c.Status.ExitCode)
}

// kill ends a container's process and waits until it has ended.
func (e *Engine) kill(ctx context.Context, c *Container, l *live) error {
	if err := e.signal(c, l, linux.SIGKILL); err != nil {
		if KindOf(err) == Conflict { // it ended by itself meanwhile
			return nil
		}
		return err
	}
	e.awaitEnd(ctx, l, -1)
	return nil
}

// Kill sends a signal; zero is SIGKILL, after which it waits for the end.
func (e *Engine) Kill(ctx context.Context, ref string, sig linux.Signal) error {
	c, err := e.Container(ref)
	if err != nil {
		return err
	}
	if sig < 0 || sig > linux.SIGRTMAX {
		return fmt.Errorf("The linux daemon does not support signal %d", uint64(sig))
	}
	if !c.Status.Running {
		return notRunning(c.ID)
	}
	if sig == 0 || sig == linux.SIGKILL {
		return e.kill(ctx, c, e.live(c.ID))
	}
	return e.signal(c, e.live(c.ID), sig)
}

// Restart stops a container, where it runs, and starts it.
func (e *Engine) Restart(ctx context.Context, ref string, seconds *int) error {
	c, err := e.Container(ref)
	if err != nil {
		return err
	}
	wrap := func(err error) error {
		return &Error{KindOf(err), fmt.Errorf("Cannot restart container %s: %w", ref, err)}
	}
	auto := c.Host.AutoRemove
	setAuto := func(on bool) {
		e.change(c.ID, func(c *Container) error {
			h := *c.Host
			h.AutoRemove = on
			c.Host = &h
			return nil
		})
	}
	if auto && c.Status.Running {
		setAuto(false)
	}
	err = e.stop(ctx, c, seconds)
	if auto && c.Status.Running {
		setAuto(true)
	}
	if err != nil {
		return wrap(err)
	}
	if err := e.Start(c.ID); err != nil && KindOf(err) != NotModified {
		return wrap(err)
	}
	e.emitContainer(c, "restart", nil)
	return nil
}

// Pause stops a container's processes where they are.
func (e *Engine) Pause(ref string) error { return e.exclusively(ref, e.pause) }

// Unpause lets a paused container go on.
func (e *Engine) Unpause(ref string) error { return e.exclusively(ref, e.unpause) }

// exclusively does something with a container that nothing else is to be done with meanwhile.
func (e *Engine) exclusively(ref string, do func(id string, l *live) error) error {
	c, err := e.Container(ref)
	if err != nil {
		return err
	}
	l := e.live(c.ID)
	l.op.Lock()
	defer l.op.Unlock()
	return do(c.ID, l)
}

func (e *Engine) pause(id string, l *live) error {
	return e.freeze(id, l, "pause", (*kernel.Sandbox).Pause, func(c *Container) error {
		switch {
		case !c.Status.Running:
			return notRunning(c.ID)
		case c.Status.Paused:
			return conflict("Container %s is already paused", c.ID)
		case c.Status.Restarting:
			return conflict("Container %s is restarting, wait until the container is running", c.ID)
		}
		c.Status.Paused = true
		if c.Health != nil {
			h := *c.Health
			h.Status = types.Unhealthy // nobody checks it now
			c.Health = &h
		}
		return nil
	})
}

func (e *Engine) unpause(id string, l *live) error {
	return e.freeze(id, l, "unpause", (*kernel.Sandbox).Unpause, func(c *Container) error {
		if !c.Status.Paused {
			return refuse(Unknown, "Container %s is not paused", c.ID)
		}
		c.Status.Paused = false
		return nil
	})
}

// freeze changes whether a container is paused: its record by mark, and its processes by do.
func (e *Engine) freeze(id string, l *live, action string, do func(*kernel.Sandbox), mark func(*Container) error) error {
	var was *Container
	var err error
	e.k.Do(func() {
		if err = e.change(id, func(c *Container) error { was = c; return mark(c) }); err != nil {
			return
		}
		e.mu.Lock()
		box := l.box
		e.mu.Unlock()
		if box != nil {
			do(box)
		}
	})
	if err != nil {
		return err
	}
	e.emitContainer(was, action, nil)
	return nil
}

// RemoveOptions say how a container is removed.
type RemoveOptions struct {
	Force   bool // kill it first, where it runs
	Volumes bool // and its anonymous volumes
	Link    bool // the name is one that --link gave: only that goes
}

// Remove removes a container.
func (e *Engine) Remove(ref string, o RemoveOptions) error {
	c, err := e.Container(ref)
	if err != nil {
		return err
	}
	if o.Link {
		return e.removeLink(c, ref)
	}
	err = e.change(c.ID, func(c *Container) error {
		if c.Status.Removing {
			return conflict("removal of container %s is already in progress", ref)
		}
		c.Status.Removing = true
		return nil
	})
	if err != nil {
		return err
	}
	if err := e.remove(c, o); err != nil {
		e.change(c.ID, func(c *Container) error { c.Status.Removing = false; return nil })
		return err
	}
	return nil
}

func (e *Engine) remove(c *Container, o RemoveOptions) error {
	l := e.live(c.ID)
	if c.Status.Running {
		if !o.Force {
			what := "Stop the container before attempting removal or force remove"
			state := c.Status.String()
			if state == "paused" {
				what = "Unpause and then " + strings.ToLower(what)
			}
			return conflict("You cannot remove a %s container %s. %s", state, c.ID, what)
		}
		if err := e.kill(context.Background(), c, l); err != nil {
			return refuse(KindOf(err), "Could not kill running container %s, cannot remove - %w", c.ID, err)
		}
	}
	l.op.Lock()
	defer l.op.Unlock()
	l.restart.cancel(e)
	if err := e.update(func(s *State) error {
		now, ok := s.Containers.Get(c.ID)
		if !ok {
			return noSuchContainer(c.ID)
		}
		c = now
		s.Containers = s.Containers.Without(c.ID)
		for name, id := range s.Names.All() {
			if id == c.ID || strings.HasPrefix(name, c.Name+"/") {
				s.Names = s.Names.Without(name)
			}
		}
		for id, o := range s.Containers.All() {
			if links := maps.Clone(o.Links); links != nil {
				maps.DeleteFunc(links, func(_, child string) bool { return child == c.ID })
				if len(links) != len(o.Links) {
					p := *o
					p.Links = links
					s.Containers = s.Containers.With(id, &p)
				}
			}
		}
		delete(e.lives, c.ID)
		maps.DeleteFunc(e.execs, func(_ string, x *exec) bool { return x.container == c.ID })
		return nil
	}); err != nil {
		return err
	}
	if c.Files != nil && e.o.Disk != nil {
		e.k.Do(func() { c.Files.Discard(e.o.Disk) })
	}
	if o.Volumes {
		for _, m := range c.Mounts {
			if m.Type == "volume" && m.Spec.Source == "" {
				e.RemoveVolume(m.Name, false)
			}
		}
	}
	e.emitContainer(c, "destroy", nil)
	e.tell(l, c.Status.ExitCode, func(WaitCondition) bool { return true })
	e.mu.Lock()
	x := l.io
	l.io = nil
	e.mu.Unlock()
	if x != nil {
		x.close()
	}
	return nil
}

// removeLink takes away a name that --link gave: "/parent/alias".
func (e *Engine) removeLink(c *Container, name string) error {
	if !strings.HasPrefix(name, "/") {
		name = "/" + name
	}
	parent, alias := path.Split(name)
	if parent == "/" {
		return refuse(Unknown, "Conflict, cannot remove the default link name of the container")
	}
	parent = strings.TrimSuffix(parent, "/")
	return e.update(func(s *State) error {
		id, ok := s.Names.Get(parent)
		if !ok {
			return refuse(Unknown, "Cannot get parent %s for link name %s", parent, name)
		}
		s.Names = s.Names.Without(name)
		if p, ok := s.Containers.Get(id); ok {
			q := *p
			q.Links = maps.Clone(p.Links)
			delete(q.Links, alias)
			s.Containers = s.Containers.With(id, &q)
		}
		return nil
	})
}

// Rename gives a container another name.
func (e *Engine) Rename(ref, name string) error {
	if ref == "" || name == "" {
		return invalid("Neither old nor new names may be empty")
	}
	if name[0] != '/' {
		name = "/" + name
	}
	c, err := e.Container(ref)
	if err != nil {
		return err
	}
	if c.Name == name {
		return invalid("Renaming a container with the same name as its current name")
	}
	old := c.Name
	err = e.update(func(s *State) error {
		if !nameRule.MatchString(name) {
			return invalid("Error when allocating new name: Invalid container name (%s), only %s are allowed", name, nameChars)
		}
		if err := s.reserve(name, c.ID); err != nil {
			return refuse(KindOf(err), "Error when allocating new name: %w", err)
		}
		s.Names = s.Names.Without(old)
		for linked, id := range s.Names.All() {
			if alias, ok := strings.CutPrefix(linked, old+"/"); ok {
				s.Names = s.Names.Without(linked).With(name+"/"+alias, id)
			}
		}
		now, ok := s.Containers.Get(c.ID)
		if !ok {
			return noSuchContainer(ref)
		}
		d := *now
		d.Name = name
		c = &d
		s.Containers = s.Containers.With(c.ID, c)
		return nil
	})
	if err != nil {
		return err
	}
	e.emitContainer(c, "rename", map[string]string{"oldName": old})
	return nil
}

// Update changes the limits and the restart policy of a container.
func (e *Engine) Update(ref string, r ctypes.Resources, policy ctypes.RestartPolicy) (warnings []string, err error) {
	check := ctypes.HostConfig{Resources: r, RestartPolicy: policy}
	warnings, err = e.checkHost(&check, true)
	if err != nil {
		return warnings, as(Invalid, err)
	}
	r = check.Resources
	c, err := e.Container(ref)
	if err != nil {
		return warnings, err
	}
	l := e.live(c.ID)
	var now *Container
	err = e.change(c.ID, func(c *Container) error {
		now = c
		fail := func(err error) error {
			return refuse(KindOf(err), "Cannot update container %s: %w", c.ID, err)
		}
		if c.Status.Removing || c.Status.Dead {
			return fail(errors.New("Container is marked for removal and cannot be \"update\"."))
		}
		h := *c.Host
		if err := updateResources(&h.Resources, r); err != nil {
			return fail(err)
		}
		if policy.Name != "" {
			if h.AutoRemove && !policy.IsNone() {
				return fail(conflict("Restart policy cannot be updated because AutoRemove is enabled for the container"))
			}
			h.RestartPolicy = policy
		}
		c.Host = &h
		return nil
	})
	if err != nil {
		return warnings, err
	}
	if policy.Name != "" {
		e.mu.Lock()
		l.restart.canceled = false
		e.mu.Unlock()
	}
	e.k.Do(func() {
		e.mu.Lock()
		box := l.box
		e.mu.Unlock()
		if box != nil {
			cfg := e.sandboxConfig(now)
			box.SetCPUs(cfg.CPUs)
			box.SetMemoryLimit(cfg.MemoryLimit)
			if cfg.Budget != nil {
				box.SetProcesses(cfg.Budget.Processes)
			}
		}
	})
	e.emitContainer(c, "update", nil)
	return warnings, nil
}

// updateResources takes over what an update sets.
func updateResources(to *ctypes.Resources, r ctypes.Resources) error {
	if to.NanoCPUs > 0 && r.CPUPeriod > 0 {
		return conflict("Conflicting options: CPU Period cannot be updated as NanoCPUs has already been set")
	}
	if to.NanoCPUs > 0 && r.CPUQuota > 0 {
		return conflict("Conflicting options: CPU Quota cannot be updated as NanoCPUs has already been set")
	}
	if r.NanoCPUs > 0 && to.CPUPeriod > 0 {
		return conflict("Conflicting options: NanoCPUs cannot be updated as CPU Period has already been set")
	}
	if r.NanoCPUs > 0 && to.CPUQuota > 0 {
		return conflict("Conflicting options: NanoCPUs cannot be updated as CPU Quota has already been set")
	}
	if r.Memory != 0 && r.MemorySwap == 0 && r.Memory > to.MemorySwap {
		return conflict("Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time")
	}
	set := func(to *int64, v int64) {
		if v != 0 {
			*to = v
		}
	}
	set(&to.CPUShares, r.CPUShares)
	set(&to.NanoCPUs, r.NanoCPUs)
	set(&to.CPUPeriod, r.CPUPeriod)
	set(&to.CPUQuota, r.CPUQuota)
	set(&to.Memory, r.Memory)
	set(&to.MemorySwap, r.MemorySwap)
	set(&to.MemoryReservation, r.MemoryReservation)
	set(&to.KernelMemory, r.KernelMemory)
	set(&to.CPURealtimePeriod, r.CPURealtimePeriod)
	set(&to.CPURealtimeRuntime, r.CPURealtimeRuntime)
	if r.BlkioWeight != 0 {
		to.BlkioWeight = r.BlkioWeight
	}
	if r.CpusetCpus != "" {
		to.CpusetCpus = r.CpusetCpus
	}
	if r.CpusetMems != "" {
		to.CpusetMems = r.CpusetMems
	}
	if r.PidsLimit != nil {
		to.PidsLimit = r.PidsLimit
	}
	return nil
}

package container

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/docker/docker/api/types"

	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/linux"
)

// What a health check that leaves it open has, and what is kept of its results.
const (
	probeInterval = 30 * time.Second
	probeTimeout  = 30 * time.Second
	probeRetries  = 3
	probesKept    = 5
	probeOutput   = 4096
)

// Health is the record of a container's health checks. It is immutable.
type Health struct {
	Status  string // "starting", "healthy", "unhealthy"
	Failing int    // checks that have failed in a row
	Log     []*types.HealthcheckResult
}

// prober runs a container's health check again and again. Engine.mu guards it.
type prober struct {
	argv    []string
	timer   *kernel.Timer
	stopped chan struct{}
}

// probeOf is the command of a health check, or nil where there is none.
func probeOf(c *Container) []string {
	h := c.Config.Healthcheck
	if h == nil || len(h.Test) < 2 {
		return nil
	}
	switch h.Test[0] {
	case "CMD":
		return h.Test[1:]
	case "CMD-SHELL":
		shell := []string(c.Config.Shell)
		if len(shell) == 0 {
			shell = []string{"/bin/sh", "-c"}
		}
		return append(slices.Clone(shell), h.Test[1:]...)
	}
	return nil
}

func orDefault(d, or time.Duration) time.Duration {
	if d == 0 {
		return or
	}
	return d
}

// startHealth begins to check the health of a container that has just started.
func (e *Engine) startHealth(c *Container, l *live) {
	argv := probeOf(c)
	if argv == nil {
		return
	}
	e.change(c.ID, func(c *Container) error {
		h := Health{Status: types.Starting}
		if c.Health != nil {
			h.Log = c.Health.Log
		}
		c.Health = &h
		return nil
	})
	p := &prober{argv: argv, stopped: make(chan struct{})}
	e.mu.Lock()
	l.health = p
	e.mu.Unlock()
	e.k.Do(func() { e.nextProbe(c, p) })
}

// nextProbe sets the timer of the next check. It is called inside the kernel.
func (e *Engine) nextProbe(c *Container, p *prober) {
	e.mu.Lock()
	defer e.mu.Unlock()
	select {
	case <-p.stopped:
		return
	default:
	}
	p.timer = e.k.AfterFunc(orDefault(c.Config.Healthcheck.Interval, probeInterval), func() {
		done := e.k.Busy()
		go e.probe(c.ID, p, done)
	})
}

// stopHealth ends the checks of a container. It counts as unhealthy from then on, as in the engine.
func (e *Engine) stopHealth(id string, l *live) {
	e.mu.Lock()
	p := l.health
	l.health = nil
	if p != nil {
		close(p.stopped)
	}
	e.mu.Unlock()
	if p == nil {
		return
	}
	e.k.Do(func() { p.timer.Stop() })
	e.change(id, func(c *Container) error {
		h := *c.Health
		h.Status = types.Unhealthy
		c.Health = &h
		return nil
	})
}

// probe runs one check and records what came of it. done ends its hold of the clock.
func (e *Engine) probe(id string, p *prober, done func()) {
	defer func() { done() }()
	park := WithPark(context.Background(), func(wait func()) {
		done()
		defer func() { done = e.k.Busy() }()
		wait()
	})
	c, err := e.Container(id)
	if err != nil || !c.Status.Running {
		return
	}
	defer e.k.Do(func() { e.nextProbe(c, p) })
	if c.Status.Paused {
		return
	}
	result := e.runProbe(c, p, park)
	if result == nil {
		return
	}
	var changed string
	e.change(id, func(c *Container) error {
		select {
		case <-p.stopped:
			return nil
		default:
		}
		if c.Health == nil {
			return nil
		}
		h := *c.Health
		h.Log = append(slices.Clone(h.Log), result)
		if len(h.Log) > probesKept {
			h.Log = h.Log[len(h.Log)-probesKept:]
		}
		if result.ExitCode == 0 {
			h.Failing, h.Status = 0, types.Healthy
		} else if h.Status != types.Starting || result.Start.Sub(c.Status.StartedAt) >= c.Config.Healthcheck.StartPeriod {
			retries := c.Config.Healthcheck.Retries
			if retries <= 0 {
				retries = probeRetries
			}
			if h.Failing++; h.Failing >= retries {
				h.Status = types.Unhealthy
			}
		}
		if h.Status != c.Health.Status {
			changed = h.Status
		}
		c.Health = &h
		return nil
	})
	if changed != "" {
		e.emitContainer(c, "health_status: "+changed, nil)
	}
}

// runProbe runs the check's command; nil is no result, since the container has ended meanwhile.
// park lets the clock go while the command runs: it is its time that passes, and not ours.
func (e *Engine) runProbe(c *Container, p *prober, park context.Context) *types.HealthcheckResult {
	timeout := orDefault(c.Config.Healthcheck.Timeout, probeTimeout)
	r := &types.HealthcheckResult{Start: e.now()}
	fail := func(err error) *types.HealthcheckResult {
		r.End, r.ExitCode, r.Output = e.now(), -1, err.Error()
		return r
	}
	id, err := e.CreateExec(c.ID, types.ExecConfig{Cmd: p.argv, AttachStdout: true, AttachStderr: true})
	if err != nil {
		return fail(err)
	}
	out := &capture{limit: probeOutput}
	ended := e.newWake()
	late, forget := e.After(timeout)
	defer forget()
	e.mu.Lock()
	x := e.execs[id]
	x.tap, x.watch = out, ended
	e.mu.Unlock()
	if err := e.StartExec(park, id, false, nil, nil); err != nil {
		return fail(err)
	}
	overdue := false
	Park(park, func() (hold func()) {
		select {
		case hold = <-ended.C:
		case hold = <-late.C:
			overdue = true
		case <-p.stopped:
		}
		return hold
	})
	ended.Cancel()
	e.mu.Lock()
	task, code := x.task, x.code
	e.mu.Unlock()
	if code == nil {
		task.Signal(linux.SIGKILL)
	}
	select {
	case <-p.stopped:
		return nil
	default:
	}
	if overdue || code == nil {
		return fail(fmt.Errorf("Health check exceeded timeout (%v)", timeout))
	}
	e.mu.Lock()
	delete(e.execs, id)
	e.mu.Unlock()
	r.End, r.ExitCode, r.Output = e.now(), *code, out.String()
	return r
}

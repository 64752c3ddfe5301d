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

// stopHealth ends the checks of a container.
func (e *Engine) stopHealth(l *live) {
	e.mu.Lock()
	p := l.health
	l.health = nil
	if p != nil {
		close(p.stopped)
	}
	e.mu.Unlock()
	if p != nil {
		e.k.Do(func() { p.timer.Stop() })
	}
}

// probe runs one check and records what came of it. ready is called when the command runs: from
// then on it is its time that passes, and not ours.
func (e *Engine) probe(id string, p *prober, ready func()) {
	defer ready()
	c, err := e.Container(id)
	if err != nil || !c.Status.Running {
		return
	}
	defer e.k.Do(func() { e.nextProbe(c, p) })
	if c.Status.Paused {
		return
	}
	result := e.runProbe(c, p, ready)
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
func (e *Engine) runProbe(c *Container, p *prober, ready func()) *types.HealthcheckResult {
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
	e.mu.Lock()
	x := e.execs[id]
	e.mu.Unlock()
	out := &capture{limit: probeOutput}
	var late chan struct{}
	var cancel func()
	e.k.Do(func() {
		late = make(chan struct{})
		t := e.k.AfterFunc(timeout, func() { close(late) })
		cancel = func() { e.k.Do(t.Stop) }
	})
	defer cancel()
	started := make(chan error, 1)
	ctx := WithPark(context.Background(), func(wait func()) {
		ready()
		wait()
	})
	go func() { started <- e.StartExec(ctx, id, false, nil, captured{out}) }()
	type end struct {
		err  error
		late bool
	}
	wait := make(chan end, 1)
	go func() {
		select {
		case err := <-started:
			if err == nil {
				<-x.ended
			}
			wait <- end{err: err}
		case <-late:
			wait <- end{late: true}
		case <-p.stopped:
			wait <- end{late: true}
		}
	}()
	got := <-wait
	select {
	case <-p.stopped:
		return nil
	default:
	}
	switch {
	case got.late:
		e.mu.Lock()
		task := x.task
		e.mu.Unlock()
		if task != nil {
			task.Signal(linux.SIGKILL)
		}
		return fail(fmt.Errorf("Health check exceeded timeout (%v)", timeout))
	case got.err != nil:
		return fail(got.err)
	}
	e.mu.Lock()
	code := x.code
	delete(e.execs, id)
	e.mu.Unlock()
	r.End, r.ExitCode, r.Output = e.now(), *code, out.String()
	return r
}

// captured is a FrameWriter that keeps both streams in one.
type captured struct{ *capture }

func (c captured) Frame(_ Stream, b []byte) error { _, err := c.Write(b); return err }

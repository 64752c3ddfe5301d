package container

import (
	"context"
	"strconv"
	"time"

	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/unionfs"
)

// stdioOf is the streams of the container's next or present run, made when somebody first wants
// them.
func (e *Engine) stdioOf(c *Container, l *live) *stdio {
	e.mu.Lock()
	defer e.mu.Unlock()
	if l.io == nil {
		var log *logger
		if c.Host.LogConfig.Type != "none" {
			log = newLogger(c.Log, e.o.LogLimit, logAttrs(c), c.Host.LogConfig.Config)
		}
		l.io = newStdio(e.k, c.Config.Tty, c.Config.OpenStdin, c.Config.StdinOnce, log)
		id := c.ID
		l.io.paused = func() bool {
			c, ok := e.State().Containers.Get(id)
			return ok && c.Status.Paused
		}
	}
	return l.io
}

// exited is called inside the kernel when a container's process has ended.
func (e *Engine) exited(id string, l *live, st kernel.Status) {
	e.background(func() { e.finish(id, l, st) })
}

// finish takes down what a container that has ended had, and restarts it where its policy says so.
func (e *Engine) finish(id string, l *live, st kernel.Status) {
	e.mu.Lock()
	x, box, files := l.io, l.box, l.files
	e.mu.Unlock()
	if x.term != nil {
		<-x.drained
	}
	x.close()
	c, err := e.Container(id)
	if err != nil {
		return
	}
	e.stopHealth(id, l)
	var snap *unionfs.Snapshot
	var now time.Time
	e.k.Do(func() {
		now = e.later(e.k.Now())
		snap = files.Snapshot()
		box.Destroy()
		for _, tmp := range l.mounted {
			tmp.Discard()
		}
		e.releaseVolumes(c)
	})
	code := st.ExitCode()
	left := e.disconnectAll(id)
	wait, restart := l.restart.next(c, code, now)
	e.mu.Lock()
	l.files, l.box, l.task, l.io, l.net, l.etc, l.mounted, l.ipc, l.sys, l.ifaces = nil, nil, nil, nil, nil, nil, nil, nil, nil, 0
	e.mu.Unlock()
	e.change(id, func(c *Container) error {
		c.Status.Running, c.Status.Restarting, c.Status.Paused, c.Status.Pid = restart, restart, false, 0
		c.Status.ExitCode, c.Status.FinishedAt = code, now
		c.Files = snap
		if x.log != nil {
			c.Log = x.log.value()
		}
		if restart {
			c.RestartCount++
		}
		return nil
	})
	e.emitContainer(c, "die", map[string]string{"exitCode": strconv.Itoa(code)})
	for _, n := range left {
		e.emitNetwork(n, "disconnect", map[string]string{"container": id})
	}
	for _, m := range c.Mounts {
		if m.Type == "volume" {
			e.emitVolume(m.Name, "unmount", map[string]string{"container": id, "driver": m.Driver})
		}
	}
	// Whoever waits learns of it only now: what comes next finds everything in its place.
	e.settle(l, code)
	e.mu.Lock()
	ends := l.ends
	l.ends = nil
	e.mu.Unlock()
	for _, w := range ends {
		w.fire()
	}
	if restart {
		l.restart.after(e, wait, func() { e.restartNow(id, l) })
		return
	}
	if !c.Host.AutoRemove {
		return
	}
	remove := func() { e.Remove(id, RemoveOptions{Force: true, Volumes: true}) }
	if e.execsSince(id, now.Add(-execGrace)) {
		e.k.Do(func() { e.k.AfterFunc(execGrace, func() { e.background(remove) }) })
		return
	}
	remove()
}

// execGrace is how long a container that is removed by itself waits for the clients of the execs that
// ended with it: they ask for an exit code yet. An engine has the files to unmount meanwhile.
const execGrace = 50 * time.Millisecond

// restartNow starts a container again that its policy restarts.
func (e *Engine) restartNow(id string, l *live) {
	l.op.Lock()
	defer l.op.Unlock()
	c, err := e.Container(id)
	if err != nil || !c.Status.Restarting {
		return
	}
	if err := e.start(c, l, false); err != nil {
		e.settle(l, 0)
	}
}

// restarter waits between the restarts of a container: 100 ms at first, each time twice as long up
// to a minute, and from the beginning again after a run of ten seconds. Engine.mu guards it.
type restarter struct {
	delay    time.Duration
	timer    *kernel.Timer
	canceled bool
}

const (
	restartDelay    = 100 * time.Millisecond
	restartDelayMax = time.Minute
)

// next says whether a container that has ended with code is to be restarted, and after how long.
func (r *restarter) next(c *Container, code int, now time.Time) (time.Duration, bool) {
	p := c.Host.RestartPolicy
	if p.IsNone() || r.canceled {
		return 0, false
	}
	if now.Sub(c.Status.StartedAt) >= 10*time.Second {
		r.delay = 0
	}
	r.delay = min(max(2*r.delay, restartDelay), restartDelayMax)
	switch {
	case p.IsAlways():
		return r.delay, true
	case p.IsUnlessStopped():
		return r.delay, !c.ManuallyStopped
	case p.IsOnFailure():
		return r.delay, code != 0 && (p.MaximumRetryCount == 0 || c.RestartCount < p.MaximumRetryCount)
	}
	return 0, false
}

func (r *restarter) after(e *Engine, d time.Duration, f func()) {
	e.k.Do(func() {
		t := e.k.AfterFunc(d, func() { e.background(f) })
		e.mu.Lock()
		r.timer = t
		e.mu.Unlock()
	})
}

// cancel forgets a restart that is due, and how often there have been some.
func (r *restarter) cancel(e *Engine) {
	e.k.Do(func() {
		e.mu.Lock()
		t := r.timer
		r.timer, r.delay, r.canceled = nil, 0, false
		e.mu.Unlock()
		t.Stop()
	})
}

// stop makes the present run the last.
func (r *restarter) stop(e *Engine) {
	e.mu.Lock()
	defer e.mu.Unlock()
	r.canceled = true
}

// WaitCondition is what a wait waits for.
type WaitCondition int

const (
	WaitNotRunning WaitCondition = iota // nothing to wait for unless it runs
	WaitNextExit
	WaitRemoved
)

// Waiter waits for the end of a container.
type Waiter struct {
	cond WaitCondition
	wake *Wake
	code int // set before wake is fired
}

// Wait waits, and gives the container's exit code; ok is false when ctx ended first.
func (w *Waiter) Wait(ctx context.Context) (code int, ok bool) {
	Park(ctx, func() (hold func()) {
		select {
		case hold = <-w.wake.C:
			code, ok = w.code, true
		case <-ctx.Done():
			w.wake.Cancel()
		}
		return hold
	})
	return code, ok
}

// Wait begins to wait for the end of a container: what happens from now on is not missed.
func (e *Engine) Wait(ref string, cond WaitCondition) (*Waiter, error) {
	c, err := e.Container(ref)
	if err != nil {
		return nil, err
	}
	w := &Waiter{cond: cond, wake: e.newWake()}
	l := e.live(c.ID)
	e.mu.Lock()
	defer e.mu.Unlock()
	c, ok := e.state.Load().Containers.Get(c.ID)
	if !ok {
		return nil, noSuchContainer(ref)
	}
	if cond == WaitNotRunning && !c.Status.Running {
		w.code = c.Status.ExitCode
		w.wake.fire()
		return w, nil
	}
	l.waiters = append(l.waiters, w)
	return w, nil
}

// settle tells those who wait that the container has ended.
func (e *Engine) settle(l *live, code int) {
	e.tell(l, code, func(c WaitCondition) bool { return c != WaitRemoved })
}

func (e *Engine) tell(l *live, code int, about func(WaitCondition) bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	var kept []*Waiter
	for _, w := range l.waiters {
		if about(w.cond) {
			w.code = code
			w.wake.fire()
		} else {
			kept = append(kept, w)
		}
	}
	l.waiters = kept
}

// awaitEnd waits until the present run has ended, at most for d of the lab's time; a negative d is
// for ever. It reports whether it has.
func (e *Engine) awaitEnd(ctx context.Context, l *live, d time.Duration) (ended bool) {
	w := e.newWake()
	e.mu.Lock()
	if l.box == nil {
		e.mu.Unlock()
		return true
	}
	l.ends = append(l.ends, w)
	e.mu.Unlock()
	var late chan func()
	if d >= 0 {
		t, stop := e.After(d)
		defer stop()
		late = t.C
	}
	Park(ctx, func() (hold func()) {
		select {
		case hold = <-w.C:
			ended = true
		case hold = <-late:
			w.Cancel()
		}
		return hold
	})
	return ended
}

// StopTimeout is how long a container is given to end after its stop signal.
func (c *Container) StopTimeout() time.Duration {
	if t := c.Config.StopTimeout; t != nil {
		return time.Duration(*t) * time.Second
	}
	return 10 * time.Second
}

// Shutdown ends everything that runs, at once.
func (e *Engine) Shutdown() { e.stopAll(nil) }

package container

import (
	"context"
	"sync"
	"time"

	"github.com/dockerlab/dockerlab/sim/kernel"
)

// A request counts as work that the virtual clock must not overtake, but not while it waits for
// something in the lab. Whoever ends such a wait holds the clock on the waiter's behalf, until the
// waiter is back at work: else time could pass between the two.

type parkKey struct{}

// WithPark gives a context whose request counts as work, except while it waits: then park is
// called around the waiting, and lets the clock go meanwhile.
func WithPark(ctx context.Context, park func(wait func())) context.Context {
	return context.WithValue(ctx, parkKey{}, park)
}

// Park waits by calling wait, and lets the clock go meanwhile. What wait gives, the hold of the
// one who ended the wait or nil, is called when the request is back at work.
func Park(ctx context.Context, wait func() (hold func())) {
	var hold func()
	if p, ok := ctx.Value(parkKey{}).(func(func())); ok {
		p(func() { hold = wait() })
	} else {
		hold = wait()
	}
	if hold != nil {
		hold()
	}
}

// Wake is one end of a wait: it is fired at most once, and then holds the clock until who waits has
// taken the hold out of C and called it.
type Wake struct {
	C chan func()

	k    *kernel.Kernel
	mu   sync.Mutex // a leaf
	over bool
}

func (e *Engine) newWake() *Wake { return &Wake{C: make(chan func(), 1), k: e.k} }

// fire ends the wait. It may be called anywhere.
func (w *Wake) fire() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.over {
		w.over = true
		w.C <- w.k.Busy()
	}
}

// Cancel says that nobody waits any more.
func (w *Wake) Cancel() {
	w.mu.Lock()
	w.over = true
	w.mu.Unlock()
	select {
	case hold := <-w.C:
		hold()
	default:
	}
}

// After gives a Wake that is fired when d of the lab's time has passed, and what forgets it.
func (e *Engine) After(d time.Duration) (w *Wake, stop func()) {
	w = e.newWake()
	var t *kernel.Timer
	e.k.Do(func() { t = e.k.AfterFunc(d, w.fire) })
	return w, func() {
		e.k.Do(t.Stop)
		w.Cancel()
	}
}

// Deadline gives a Wake that is fired when the lab's time has come to t, and what forgets it.
func (e *Engine) Deadline(t time.Time) (w *Wake, stop func()) { return e.After(t.Sub(e.now())) }

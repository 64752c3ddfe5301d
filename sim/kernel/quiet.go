package kernel

import (
	"runtime/metrics"
	"time"
)

// A program that runs outside (see Proc.Outside) is ordinary Go code, whose goroutines the kernel
// does not know. It must not see a virtual clock jump while it is about to ask for something: how
// fast it computes depends on the machine, and what a script prints must not. So the clock moves
// only once the Go scheduler has nothing left to run: then whoever is outside waits, and for the lab.

const (
	// quietFor is how many times in a row nothing may be seen to run.
	quietFor = 3
	// stuckFor is how long, in real time, system calls may last before they count as waiting for
	// the world: reading a terminal, say.
	stuckFor = 50 * time.Millisecond
	// stalledFor is how long a machine without a timer must be quiet before it counts as stalled:
	// a client may wait for a timer of its own.
	stalledFor = 3 * time.Second
	// noisyFor ends the wait where quiet never comes: something else in this process keeps running.
	noisyFor = time.Second
)

// activity is what the Go scheduler has to do.
type activity struct {
	running, runnable uint64 // goroutines, the caller's own among those that run
	calling           uint64 // goroutines in system calls
}

func look() activity {
	s := []metrics.Sample{
		{Name: "/sched/goroutines/running:goroutines"},
		{Name: "/sched/goroutines/runnable:goroutines"},
		{Name: "/sched/goroutines/not-in-go:goroutines"},
	}
	metrics.Read(s)
	return activity{s[0].Value.Uint64(), s[1].Value.Uint64(), s[2].Value.Uint64()}
}

// advanceWhenQuiet lets time pass once whoever is outside waits, unless something happens after turn.
// Without a timer to go to, the machine has stalled.
func (k *Kernel) advanceWhenQuiet(turn uint64, timer bool) {
	s := &k.sched
	unchanged := func() bool { return s.turn == turn && s.cur == nil && s.busy == 0 }
	began := time.Now()
	pause := 10 * time.Microsecond
	var calling uint64
	for seen, since := 0, began; ; pause = min(2*pause, time.Millisecond) {
		time.Sleep(pause)
		a := look()
		s.mu.Lock()
		same, stuck := unchanged(), s.stuck
		s.mu.Unlock()
		if !same {
			return
		}
		now := time.Now()
		if a.running > 1 || a.runnable > 0 || a.calling != calling {
			seen, since, calling = 0, now, a.calling
		} else {
			seen++
		}
		waits := seen >= quietFor && (calling <= stuck || now.Sub(since) > stuckFor)
		if (waits || now.Sub(began) > noisyFor) && (timer || now.Sub(began) > stalledFor) {
			break
		}
	}
	s.mu.Lock()
	if !unchanged() {
		s.mu.Unlock()
		return
	}
	s.stuck = calling
	s.cur = k.newTask(nil) // nobody else comes in while the clock moves
	s.mu.Unlock()
	k.advance()
	k.handOver()
}

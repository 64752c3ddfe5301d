// Package kernel is the lab's one machine: processes, file descriptors, pipes, terminals, signals,
// credentials, sockets, the clock, and the budgets that keep all of it bounded. The lab's host and
// its containers are Sandboxes of one Kernel, as they are namespaces of one kernel in life.
//
// One process runs at a time. Each is a goroutine, and runs only while it holds the kernel's one
// CPU, which it gives up when it blocks, and after a slice of steps; so nothing inside the kernel
// locks, and the order in which things happen is the same in every run. Code that is no process
// (an API handler, a terminal's reader) comes in by Kernel.Do, or through the outside ends of
// pipes, terminals and sockets.
//
// A program is a Go function over a *Proc, whose methods are its system calls. It ends by
// returning; and when it is killed, or calls Exit or Exec, its stack is unwound by a panic that
// only this package recovers.
package kernel

import (
	"encoding/hex"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// Program is what runs in a process; its result is the exit code.
type Program func(p *Proc) int

// Loader says which program an executable file is. It is asked after the kernel has dealt with
// "#!" lines. ENOEXEC is for what no program is; ENOENT for one whose interpreter is missing.
type Loader func(p *Proc, f *Executable) (Program, error)

// Executable is a file that is to be run.
type Executable struct {
	Path   string // as it was given to Exec
	Argv   []string
	Stat   vfs.Stat
	Head   []byte // its first 4 KiB, or less
	Ref    vfs.Ref
	ReadAt func(b []byte, off int64) (int, error)
}

// Clock says whose time the lab lives in.
type Clock int

const (
	// Real is the machine's own time, for a learner and for sockets.
	Real Clock = iota
	// Virtual time stands still while anything can run, and then jumps to the next timer.
	Virtual
)

// Options are what a Kernel is made with.
type Options struct {
	Clock Clock
	// Start is the first moment of a virtual clock, 2024-01-01 where it is zero. A real one does not
	// begin before it.
	Start time.Time
	Seed  uint64 // of identifiers and of random bytes
	// Random is where an earlier machine's source of all that is random stood (Kernel.Random); it
	// stands in for Seed.
	Random []byte
	Loader Loader
	Budget Budget // of each sandbox that brings none; zero fields are DefaultBudget's
	// OnStall is told, inside the kernel, when nothing can ever run again by itself: every process
	// waits, no timer is set, and nobody outside is at work.
	OnStall func()
	// OnPanic is told of a program that panicked, which is a fault of ours; the process dies of
	// SIGSEGV.
	OnPanic func(comm string, value any, stack []byte)
}

// Kernel is one simulated machine.
type Kernel struct {
	opt    Options
	rand   *rand.Rand
	random *rand.PCG // what rand draws from

	sched sched
	clock clock

	procs     map[int]*Proc // by host pid
	lastPid   int
	sandboxes []*Sandbox
	boot      time.Time
	pipeIno   uint64
	host      *Sandbox
	unix      map[fifoKey]*listener
}

// New makes a machine with no sandboxes. Its first is the host.
func New(o Options) *Kernel {
	if o.Start.IsZero() {
		o.Start = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	o.Budget = o.Budget.orDefault()
	k := &Kernel{opt: o, random: rand.NewPCG(o.Seed, 0x646f636b65726c61), procs: map[int]*Proc{}}
	if o.Random != nil && k.random.UnmarshalBinary(o.Random) != nil {
		k.random.Seed(o.Seed, 0x646f636b65726c61)
	}
	k.rand = rand.New(k.random)
	k.clock.now = o.Start
	k.clock.offset = max(0, o.Start.Sub(time.Now()))
	k.boot = k.Now()
	return k
}

// Host is the sandbox of the lab's host, the first that was made.
func (k *Kernel) Host() *Sandbox { return k.host }

// Boot is when the machine was made.
func (k *Kernel) Boot() time.Time { return k.boot }

// Rand is the seeded source of all that is random in the lab. It is used inside the kernel only.
func (k *Kernel) Rand() *rand.Rand { return k.rand }

// Random is where the source of all that is random stands. It is called inside the kernel.
func (k *Kernel) Random() []byte {
	b, _ := k.random.MarshalBinary() // it has no error to give
	return b
}

// NewID is an identifier of 64 hexadecimal digits, as containers and networks have. It is called
// inside the kernel.
func (k *Kernel) NewID() string {
	var b [32]byte
	for i := range b {
		b[i] = byte(k.rand.Uint32())
	}
	return hex.EncodeToString(b[:])
}

func (k *Kernel) nextIno() uint64 { k.pipeIno++; return 10000 + k.pipeIno }

// --- the scheduler ---

// slice is how many steps a process runs before others have their turn.
const slice = 2000

// task is something that can hold the CPU: a process, or a goroutine from outside.
type task struct {
	k       *Kernel
	wake    chan struct{}
	proc    *Proc // nil for one from outside
	queued  bool  // in the run queue, or holding the CPU
	timed   bool  // woken by its timer
	patient bool  // from outside, and in no hurry: nobody yields for it
	ended   bool  // its process is dead: nobody will ever run in it again
	gone    func() bool
}

type sched struct {
	mu   sync.Mutex // guards what follows; held for a few instructions only
	cur  *task
	runq []*task
	want atomic.Int32 // tasks from outside that wait in runq: the running process yields to them soon
	busy int          // work outside that a virtual clock must not overtake
	out  int          // processes whose program runs outside (see Proc.Outside)
	turn uint64

	stuck uint64 // goroutines outside in system calls that last (see advanceWhenQuiet)
}

func (k *Kernel) newTask(p *Proc) *task { return &task{k: k, wake: make(chan struct{}, 1), proc: p} }

// enter takes the CPU for a goroutine from outside.
func (k *Kernel) enter() *task {
	t := k.newTask(nil)
	t.acquire()
	return t
}

func (t *task) acquire() {
	s := &t.k.sched
	s.mu.Lock()
	t.queued = true
	s.turn++
	if s.cur == nil {
		s.cur = t
		s.mu.Unlock()
		return
	}
	s.want.Add(1)
	// those from outside go first: they are few, short, and somebody waits for them
	s.runq = append([]*task{t}, s.runq...)
	s.mu.Unlock()
	<-t.wake
}

// leave gives the CPU up, for good or until acquire.
func (t *task) leave() {
	t.queued = false
	t.k.handOver()
}

// Do runs f inside the kernel, while no process runs. f must not block.
func (k *Kernel) Do(f func()) {
	t := k.enter()
	defer t.leave()
	f()
}

// Outside says whether the code that runs inside the kernel came from outside of it, by Do, and is no
// process of the lab. It is called inside the kernel.
func (k *Kernel) Outside() bool {
	k.sched.mu.Lock()
	defer k.sched.mu.Unlock()
	return k.sched.cur != nil && k.sched.cur.proc == nil
}

// handOver passes the CPU to whoever is next, or lets it idle.
func (k *Kernel) handOver() {
	s := &k.sched
	for {
		s.mu.Lock()
		s.turn++
		if len(s.runq) > 0 {
			t := s.runq[0]
			s.runq[0] = nil
			s.runq = s.runq[1:]
			if t.hurried() {
				s.want.Add(-1)
			}
			s.cur = t
			s.mu.Unlock()
			t.wake <- struct{}{}
			return
		}
		if k.opt.Clock != Virtual || s.busy > 0 {
			s.cur = nil
			s.mu.Unlock()
			return
		}
		if s.out > 0 {
			// a client outside may be about to ask for something
			s.cur = nil
			turn, timer := s.turn, k.clock.pending()
			s.mu.Unlock()
			go k.advanceWhenQuiet(turn, timer)
			return
		}
		if !k.clock.pending() && k.opt.OnStall == nil {
			s.cur = nil
			s.mu.Unlock()
			return
		}
		idle := k.newTask(nil)
		s.cur = idle
		s.mu.Unlock()
		if !k.advance() {
			s.mu.Lock()
			s.cur = nil
			empty := len(s.runq) == 0
			s.mu.Unlock()
			if empty {
				return
			}
		}
	}
}

// advance moves the virtual clock to the next timer and fires it; without one, the machine has
// stalled. It reports whether anything happened. It runs inside the kernel.
func (k *Kernel) advance() bool {
	if k.clock.next() {
		return true
	}
	if k.opt.OnStall != nil {
		k.opt.OnStall()
		k.sched.mu.Lock()
		defer k.sched.mu.Unlock()
		return len(k.sched.runq) > 0
	}
	return false
}

// Busy tells a virtual clock that work outside is under way which it must not overtake, until
// done is called. It may be called from anywhere, done more than once.
func (k *Kernel) Busy() (done func()) {
	k.sched.mu.Lock()
	k.sched.busy++
	k.sched.mu.Unlock()
	var once sync.Once
	return func() {
		once.Do(func() {
			k.sched.mu.Lock()
			k.sched.busy--
			idle := k.sched.busy == 0 && k.sched.cur == nil
			k.sched.mu.Unlock()
			if idle {
				k.kick()
			}
		})
	}
}

// kick lets an idle machine see whether time may pass now.
func (k *Kernel) kick() { k.enter().leave() }

// ready puts a task that waits back into the run queue. It is called inside the kernel.
func (t *task) ready() {
	s := &t.k.sched
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.queued || t.ended {
		return
	}
	t.queued = true
	s.runq = append(s.runq, t)
	if t.hurried() {
		s.want.Add(1)
	}
}

// yield lets the others run first.
func (t *task) yield() {
	s := &t.k.sched
	s.mu.Lock()
	if len(s.runq) == 0 {
		s.mu.Unlock()
		return
	}
	s.runq = append(s.runq, t)
	if t.hurried() {
		s.want.Add(1)
	}
	s.mu.Unlock()
	t.k.handOver()
	<-t.wake
}

// hurried says that running processes give way to the task.
func (t *task) hurried() bool { return t.proc == nil && !t.patient }

// Settle lets what can run do so, until all of it waits for something, or has had about n steps
// each: a server that has just been started listens then. It is called from outside.
func (k *Kernel) Settle(n int) {
	t := k.enter()
	defer t.leave()
	t.patient = true
	for ; n > 0 && k.runnable(); n -= slice {
		t.yield()
	}
}

func (k *Kernel) runnable() bool {
	k.sched.mu.Lock()
	defer k.sched.mu.Unlock()
	return len(k.sched.runq) > 0
}

// sleep blocks the task until somebody calls ready.
func (t *task) sleep() {
	t.queued = false
	t.k.handOver()
	<-t.wake
}

// queue is a set of tasks that wait for one condition.
type queue struct{ waiting []*task }

func (q *queue) add(t *task) { q.waiting = append(q.waiting, t) }

func (q *queue) remove(t *task) {
	for i, w := range q.waiting {
		if w == t {
			q.waiting = append(q.waiting[:i], q.waiting[i+1:]...)
			return
		}
	}
}

// wakeAll makes all that wait look again.
func (q *queue) wakeAll() {
	for _, t := range q.waiting {
		t.ready()
	}
	q.waiting = q.waiting[:0]
}

// wait blocks until the queue is woken or a signal comes: then it is EINTR, where the signal is
// caught, and does not return where it kills.
func (t *task) wait(qs ...*queue) error {
	if err := t.interrupted(); err != nil {
		return err
	}
	for _, q := range qs {
		q.add(t)
	}
	t.sleep()
	for _, q := range qs {
		q.remove(t)
	}
	return t.interrupted()
}

// waitFor is wait that also ends at the deadline, with ETIMEDOUT; a zero deadline is none.
func (t *task) waitFor(deadline time.Time, qs ...*queue) error {
	if deadline.IsZero() {
		return t.wait(qs...)
	}
	if !t.k.Now().Before(deadline) {
		return linux.ETIMEDOUT
	}
	t.timed = false
	timer := t.k.at(deadline, func() { t.timed = true; t.ready() })
	// A wait that a signal ends unwinds the stack: the timer must not wake who is dead by then.
	defer timer.Stop()
	err := t.wait(qs...)
	if err == nil && t.timed {
		err = linux.ETIMEDOUT
	}
	return err
}

func (t *task) interrupted() error {
	if t.proc != nil {
		return t.proc.checkpoint()
	}
	if t.gone != nil && t.gone() {
		return linux.EINTR
	}
	return nil
}

// --- the clock ---

// Timer is a function that will run later, inside the kernel.
type Timer struct {
	k    *Kernel
	at   time.Time
	seq  uint64
	f    func()
	real *time.Timer
	idx  int // in the heap, -1 when out of it
}

type clock struct {
	now    time.Time // of a virtual clock
	offset time.Duration
	heap   timerHeap
	seq    uint64
}

// Now is the lab's time. It may be called inside the kernel, and on a real clock from anywhere.
func (k *Kernel) Now() time.Time {
	if k.opt.Clock == Virtual {
		return k.clock.now
	}
	return time.Now().UTC().Add(k.clock.offset)
}

// ClockKind says whether the lab's clock is real.
func (k *Kernel) ClockKind() Clock { return k.opt.Clock }

const (
	// skipFor bounds, in real time, how long Skip takes care of one timer after the other.
	skipFor = 5 * time.Second
	// skipStep is how long, in real time, it waits for the work that a timer has made.
	skipStep = 20 * time.Millisecond
)

// Skip moves the time of a real clock on by d. Timers fire on the way, each at its own time, and
// what they wake runs until all of it waits again: a program that sleeps for a second sees every
// second. Where that takes too long, what is left of d passes at once. It is called from outside.
func (k *Kernel) Skip(d time.Duration) {
	end := k.Now().Add(d)
	for began := time.Now(); time.Since(began) < skipFor && k.fireNext(end); {
		for fired := time.Now(); !k.idle() && time.Since(fired) < skipStep; {
			time.Sleep(20 * time.Microsecond)
		}
	}
	k.Do(func() {
		k.clock.offset += max(0, end.Sub(k.Now()))
		now := k.Now()
		for len(k.clock.heap) > 0 && !k.clock.heap[0].at.After(now) {
			k.clock.heap[0].fire()
		}
		for _, t := range k.clock.heap {
			t.real.Reset(t.at.Sub(now))
		}
	})
}

// fireNext moves time on to the first timer and fires it, unless it is for after end.
func (k *Kernel) fireNext(end time.Time) (fired bool) {
	k.Do(func() {
		if len(k.clock.heap) == 0 || k.clock.heap[0].at.After(end) {
			return
		}
		t := k.clock.heap[0]
		k.clock.offset += max(0, t.at.Sub(k.Now()))
		t.fire()
		fired = true
	})
	return fired
}

// idle says whether nothing runs, or is about to.
func (k *Kernel) idle() bool {
	k.sched.mu.Lock()
	defer k.sched.mu.Unlock()
	return k.sched.cur == nil && len(k.sched.runq) == 0 && k.sched.busy == 0
}

// AfterFunc runs f inside the kernel when d has passed. It is called inside the kernel.
func (k *Kernel) AfterFunc(d time.Duration, f func()) *Timer { return k.at(k.Now().Add(d), f) }

func (k *Kernel) at(when time.Time, f func()) *Timer {
	c := &k.clock
	c.seq++
	t := &Timer{k: k, at: when, seq: c.seq, f: f}
	c.heap.push(t)
	if k.opt.Clock == Real {
		t.real = time.AfterFunc(max(0, when.Sub(k.Now())), func() {
			k.Do(func() {
				if t.idx >= 0 {
					t.fire()
				}
			})
		})
	}
	return t
}

func (t *Timer) fire() {
	t.Stop()
	t.f()
}

// Stop prevents the timer from firing. It is called inside the kernel.
func (t *Timer) Stop() {
	if t == nil {
		return
	}
	if t.idx >= 0 {
		t.k.clock.heap.remove(t.idx)
	}
	if t.real != nil {
		t.real.Stop()
	}
}

func (c *clock) pending() bool { return len(c.heap) > 0 }

// next goes to the first timer and fires it.
func (c *clock) next() bool {
	if len(c.heap) == 0 {
		return false
	}
	c.forward(c.heap[0].at)
	return true
}

// forward moves virtual time to when, firing what falls due.
func (c *clock) forward(when time.Time) {
	for len(c.heap) > 0 && !c.heap[0].at.After(when) {
		t := c.heap[0]
		if t.at.After(c.now) {
			c.now = t.at
		}
		t.fire()
	}
	if when.After(c.now) {
		c.now = when
	}
}

// tick is what a step costs on a virtual clock, so that a loop which watches the clock ends.
const tick = time.Microsecond

// timerHeap orders timers by time, then by age.
type timerHeap []*Timer

func (h timerHeap) less(i, j int) bool {
	if !h[i].at.Equal(h[j].at) {
		return h[i].at.Before(h[j].at)
	}
	return h[i].seq < h[j].seq
}

func (h timerHeap) swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].idx, h[j].idx = i, j
}

func (h *timerHeap) push(t *Timer) {
	t.idx = len(*h)
	*h = append(*h, t)
	h.up(t.idx)
}

func (h *timerHeap) remove(i int) {
	old := *h
	n := len(old) - 1
	t := old[i]
	if i != n {
		old.swap(i, n)
	}
	old[n] = nil
	*h = old[:n]
	if i < n {
		h.down(i)
		h.up(i)
	}
	t.idx = -1
}

func (h timerHeap) up(i int) {
	for i > 0 {
		p := (i - 1) / 2
		if !h.less(i, p) {
			return
		}
		h.swap(i, p)
		i = p
	}
}

func (h timerHeap) down(i int) {
	for {
		c := 2*i + 1
		if c >= len(h) {
			return
		}
		if c+1 < len(h) && h.less(c+1, c) {
			c++
		}
		if !h.less(c, i) {
			return
		}
		h.swap(i, c)
		i = c
	}
}

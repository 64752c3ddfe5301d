package container

import (
	"context"
	"io"
	"sync"

	"github.com/dockerlab/dockerlab/sim/kernel"
)

// stdio is the standard streams of one run of a container, or of one exec: what it writes goes to
// its log and to every client that is attached, what clients send is its standard input. Clients
// may attach before the process starts.
type stdio struct {
	k    *kernel.Kernel
	tty  bool
	open bool // standard input is kept open: clients can write to it
	once bool // it ends when the first client to write to it has ended
	log  *logger
	tap  io.Writer // is given all that is written, and must not wait; nil is nobody

	mu      sync.Mutex // a leaf
	feeds   map[*feed]bool
	closed  bool
	written int64
	stdinR  *kernel.File
	stdinW  io.WriteCloser
	ready   chan struct{} // closed when stdinW is there
	box     *kernel.Sandbox
	slow    bool // the process is held because a client does not keep up
	paused  func() bool

	term    *kernel.Terminal
	drained chan struct{} // closed when all that the terminal held has been passed on
}

// feedHigh is how many bytes in a feed hold the writer, until they have been taken.
const feedHigh = 1 << 20

func newStdio(k *kernel.Kernel, tty, open, once bool, log *logger) *stdio {
	return &stdio{k: k, tty: tty, open: open, once: once, log: log, feeds: map[*feed]bool{}, ready: make(chan struct{}), drained: make(chan struct{})}
}

// chunk is bytes of one stream on the way to a client.
type chunk struct {
	s Stream
	b []byte
}

// feed is what one client has yet to be sent.
type feed struct {
	io       *stdio
	out, err bool
	more     chan struct{} // has room for one token: there is something to take
	chunks   []chunk
	bytes    int
	ended    bool
	busy     func()
}

// subscribe begins a feed of the streams asked for.
func (x *stdio) subscribe(out, err bool) *feed {
	f := &feed{io: x, out: out, err: err, more: make(chan struct{}, 1)}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed {
		f.ended = true
		f.poke()
		return f
	}
	x.feeds[f] = true
	return f
}

func (f *feed) poke() {
	select {
	case f.more <- struct{}{}:
	default:
	}
}

// hold holds the clock for the feed's client, who has something to take. stdio.mu is held.
func (f *feed) hold() {
	if f.busy == nil {
		f.busy = f.io.k.Busy()
	}
}

// write passes on what the process wrote. It may be called inside the kernel.
func (x *stdio) write(s Stream, b []byte) {
	if len(b) == 0 {
		return
	}
	if x.log != nil {
		x.log.write(s, b, x.k.Now())
	}
	if x.tap != nil {
		x.tap.Write(b)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.written += int64(len(b))
	var data []byte
	for f := range x.feeds {
		if s == Stdout && !f.out || s == Stderr && !f.err {
			continue
		}
		if data == nil {
			data = append(data, b...)
		}
		f.hold()
		f.chunks = append(f.chunks, chunk{s, data})
		if f.bytes += len(data); f.bytes > feedHigh && !x.slow && x.box != nil && !x.box.Paused() {
			x.slow = true
			x.box.Pause()
		}
		f.poke()
	}
}

// take gives what there is to send, waiting until there is something; at the end of the streams,
// or of ctx, nothing. The clock is held from the moment that there is something.
func (f *feed) take(ctx context.Context) (got []chunk) {
	got, ended, hold := f.grab()
	if hold != nil {
		defer hold() // whoever calls is at work
	}
	if len(got) > 0 || ended {
		return got
	}
	Park(ctx, func() (hold func()) {
		for {
			select {
			case <-f.more:
			case <-ctx.Done():
				return nil
			}
			if got, ended, hold = f.grab(); len(got) > 0 || ended {
				return hold
			}
		}
	})
	return got
}

// grab takes what there is without waiting, and lets a writer go on that was held for it.
func (f *feed) grab() (got []chunk, ended bool, hold func()) {
	x := f.io
	x.mu.Lock()
	got, ended, hold = f.chunks, f.ended, f.busy
	f.chunks, f.bytes, f.busy = nil, 0, nil
	resume, box := x.slow, x.box
	x.slow = false
	x.mu.Unlock()
	if resume && box != nil {
		x.k.Do(func() {
			if x.paused == nil || !x.paused() {
				box.Unpause()
			}
		})
	}
	return got, ended, hold
}

// cancel ends the feed early.
func (f *feed) cancel() {
	f.io.mu.Lock()
	defer f.io.mu.Unlock()
	delete(f.io.feeds, f)
	f.chunks, f.ended = nil, true
	if f.busy != nil {
		f.busy()
		f.busy = nil
	}
	f.poke()
}

// close ends the streams: the process is gone, or never came to be.
func (x *stdio) close() {
	if x.log != nil {
		x.log.end(x.k.Now())
	}
	x.mu.Lock()
	if x.closed {
		x.mu.Unlock()
		return
	}
	x.closed = true
	for f := range x.feeds {
		f.ended = true
		f.hold()
		f.poke()
	}
	x.feeds = nil
	w := x.stdinW
	x.mu.Unlock()
	if w != nil && x.term == nil {
		w.Close()
	}
}

// files makes the process's descriptors 0, 1 and 2. It is called inside the kernel, once.
func (x *stdio) files(box *kernel.Sandbox) []*kernel.File {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.box = box
	if x.tty {
		x.term = box.NewTerminal(0, 0)
		m := x.term.Master()
		x.stdinW = m
		close(x.ready)
		go x.pump(m)
		return []*kernel.File{x.term.Slave(), x.term.Slave(), x.term.Slave()}
	}
	close(x.drained)
	limit := box.Budget().Output
	sink := func(s Stream) *kernel.File {
		return x.k.SinkFile(func(b []byte) {
			x.write(s, b)
			if limit > 0 && x.written > limit {
				box.Exceed("output", limit)
			}
		})
	}
	in := x.k.NullFile()
	if x.open {
		in, x.stdinW = x.k.InPipe()
	}
	close(x.ready)
	return []*kernel.File{in, sink(Stdout), sink(Stderr)}
}

// pump passes on what is written on the terminal.
func (x *stdio) pump(m io.Reader) {
	defer close(x.drained)
	buf := make([]byte, 32<<10)
	for {
		n, err := m.Read(buf)
		done := x.k.Busy()
		x.write(Stdout, buf[:n])
		done()
		if err != nil {
			return
		}
	}
}

// resize sets the terminal's size.
func (x *stdio) resize(rows, cols int) bool {
	x.mu.Lock()
	t := x.term
	x.mu.Unlock()
	if t == nil {
		return false
	}
	t.Resize(rows, cols)
	return true
}

package line

import (
	"errors"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"
)

// ErrNoTerminal is what Open gives where input or output is no terminal.
var ErrNoTerminal = errors.New("standard input or output is not a terminal")

// Terminal is the terminal of this program, in raw mode from Open to Close. Its input is read by
// one goroutine, always, and kept until somebody asks for it: what is typed while a command runs
// is there for the next line.
type Terminal struct {
	in, out *os.File
	saved   *term.State
	cooked  string   // the modes before Open, for the guard; "" where there can be none
	guard   *os.File // tells the guard how this ended; nil without one
	resized chan struct{}
	stop    func() // ends the watch for a new size
	closed  sync.Once

	mu      sync.Mutex
	changed *sync.Cond // of what follows
	input   []byte
	err     error // that ended the input
	holder  int   // counts hand-overs; a reader of an earlier one gets nothing more
}

// maxAhead is how much input is kept that nobody has asked for; more is left to the system.
const maxAhead = 64 << 10

// Open takes over the terminal that in and out are. Close must be called, whatever happens.
func Open(in, out *os.File) (*Terminal, error) {
	if !term.IsTerminal(int(in.Fd())) || !term.IsTerminal(int(out.Fd())) {
		return nil, ErrNoTerminal
	}
	cooked := modes(int(in.Fd()))
	saved, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return nil, err
	}
	t := &Terminal{in: in, out: out, saved: saved, cooked: cooked, resized: make(chan struct{}, 1)}
	t.changed = sync.NewCond(&t.mu)
	t.stop = watchSize(t.resized)
	go t.pump()
	return t, nil
}

// pump reads the terminal for as long as the program runs. After Close, what it reads is dropped.
func (t *Terminal) pump() {
	buf := make([]byte, 4096)
	for {
		n, err := t.in.Read(buf)
		t.mu.Lock()
		for len(t.input) > maxAhead && t.err == nil {
			t.changed.Wait()
		}
		t.input = append(t.input, buf[:n]...)
		if err != nil && t.err == nil {
			t.err = err
		}
		t.changed.Broadcast()
		stop := t.err != nil
		t.mu.Unlock()
		if stop {
			return
		}
	}
}

// Close puts the terminal back as Open found it. It may be called twice.
func (t *Terminal) Close() error {
	var err error
	t.closed.Do(func() {
		t.stop()
		t.mu.Lock()
		t.err = io.ErrClosedPipe
		t.changed.Broadcast()
		t.mu.Unlock()
		io.WriteString(t.out, settle)
		err = term.Restore(int(t.in.Fd()), t.saved)
		t.dismiss()
	})
	return err
}

// Size is the size of the window in characters; 24 by 80 where the system does not tell.
func (t *Terminal) Size() (rows, cols int) {
	cols, rows, err := term.GetSize(int(t.out.Fd()))
	if err != nil || rows <= 0 || cols <= 0 {
		return 24, 80
	}
	return rows, cols
}

// Resized gets a value when the size may have changed. There is one reader of it at a time.
func (t *Terminal) Resized() <-chan struct{} { return t.resized }

// Write writes to the terminal, which is raw: a line ends in "\r\n".
func (t *Terminal) Write(p []byte) (int, error) { return t.out.Write(p) }

// Lease takes the input. Whoever held it before gets no more of it.
func (t *Terminal) Lease() *Lease {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.holder++
	t.changed.Broadcast()
	return &Lease{t: t, turn: t.holder}
}

// Lease is the right to read the terminal's input.
type Lease struct {
	t    *Terminal
	turn int
}

// Read reads what is typed, byte for byte. It gives io.EOF when the lease has ended.
func (l *Lease) Read(p []byte) (int, error) { return l.read(p, 0) }

// errNoInput is what read gives when nothing came in time.
var errNoInput = errors.New("no input")

// read is Read that waits for a time at most, unless that is 0.
func (l *Lease) read(p []byte, wait time.Duration) (int, error) {
	t := l.t
	expired := false
	if wait > 0 {
		timer := time.AfterFunc(wait, func() {
			t.mu.Lock()
			expired = true
			t.changed.Broadcast()
			t.mu.Unlock()
		})
		defer timer.Stop()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for {
		switch {
		case l.turn != t.holder:
			return 0, io.EOF
		case len(t.input) > 0:
			n := copy(p, t.input)
			t.input = t.input[n:]
			if len(t.input) == 0 {
				t.input = nil
			}
			t.changed.Broadcast()
			return n, nil
		case t.err != nil:
			return 0, io.EOF
		case expired:
			return 0, errNoInput
		}
		t.changed.Wait()
	}
}

// End ends the lease; a Read that waits returns. What was not read stays for the next holder.
func (l *Lease) End() {
	l.t.mu.Lock()
	defer l.t.mu.Unlock()
	if l.turn == l.t.holder {
		l.t.holder++
		l.t.changed.Broadcast()
	}
}

// Unread puts p before the input that waits: it was read, and not used.
func (t *Terminal) Unread(p []byte) {
	if len(p) == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.input = append(append([]byte(nil), p...), t.input...)
	t.changed.Broadcast()
}

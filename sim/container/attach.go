package container

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
)

// Attach says what of a container's streams a client wants.
type Attach struct {
	Stdin, Stdout, Stderr bool
	Logs                  bool   // what has been logged, first
	Stream                bool   // what comes from now on
	DetachKeys            string // "ctrl-p,ctrl-q" where empty
	// Open gives the client's connection, once nothing can be refused any more. mux says whether
	// the two output streams are to be kept apart.
	Open func(mux bool) (io.Reader, FrameWriter, error)
}

// FrameWriter sends bytes of one of the streams to a client.
type FrameWriter interface {
	Frame(s Stream, b []byte) error
}

// errDetached is the end of an attach by its detach keys.
var errDetached = errors.New("read escape sequence")

// Attach joins a client to a container's streams until the container ends, the client detaches or
// its connection is lost.
func (e *Engine) Attach(ctx context.Context, ref string, a Attach) error {
	keys, err := parseDetachKeys(a.DetachKeys)
	if err != nil {
		return invalid("Invalid detach keys (%s) provided", a.DetachKeys)
	}
	c, err := e.Container(ref)
	if err != nil {
		return err
	}
	if c.Status.Paused {
		return conflict("container %s is paused, unpause the container before attach", ref)
	}
	if c.Status.Restarting {
		return conflict("container %s is restarting, wait until the container is running", ref)
	}
	l := e.live(c.ID)
	x := e.stdioOf(c, l)
	var f *feed
	if a.Stream {
		f = x.subscribe(a.Stdout, a.Stderr)
	}
	e.emitContainer(c, "attach", nil) // before the client learns that it is attached
	in, out, err := a.Open(!c.Config.Tty)
	if err != nil {
		if f != nil {
			f.cancel()
		}
		return err
	}
	if a.Logs {
		log := c.Log
		if x.log != nil {
			log = x.log.value()
		}
		for _, line := range log.Lines {
			if line.Stream == Stdout && a.Stdout || line.Stream == Stderr && a.Stderr {
				if err := out.Frame(line.Stream, line.Data); err != nil {
					return nil
				}
			}
		}
	}
	if !a.Stream {
		return nil
	}
	if !a.Stdin || !c.Config.OpenStdin {
		in = nil
	}
	err = x.serve(ctx, f, in, out, keys)
	if err == errDetached {
		e.emitContainer(c, "detach", nil)
	}
	if x.once && in != nil && !x.tty && err != errDetached && ctx.Err() == nil {
		// The client of docker run -i is told that all is over only when it is.
		if w, err := e.Wait(c.ID, WaitNotRunning); err == nil {
			w.Wait(ctx)
		}
	}
	return nil
}

// serve moves bytes between a client and the process until one of them has ended.
func (x *stdio) serve(ctx context.Context, f *feed, in io.Reader, out FrameWriter, keys []byte) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if in != nil {
		go func() {
			err := x.input(ctx, in, keys)
			if err == errDetached || !x.once || x.tty && err != nil {
				cancel(err) // the client has nothing more to say: it is not waited for either
			}
		}()
	}
	for {
		got := f.take(ctx)
		if got == nil {
			f.cancel()
			if errors.Is(context.Cause(ctx), errDetached) {
				return errDetached
			}
			return nil
		}
		for _, k := range got {
			if err := out.Frame(k.s, k.b); err != nil {
				f.cancel()
				return err
			}
		}
	}
}

// input copies what a client sends to the process, until it has ended.
func (x *stdio) input(ctx context.Context, in io.Reader, keys []byte) error {
	buf := make([]byte, 32<<10)
	esc := &escape{keys: keys}
	for {
		n, err := in.Read(buf)
		data, detach := buf[:n], false
		if x.tty {
			data, detach = esc.scan(buf[:n])
		}
		if len(data) > 0 {
			select {
			case <-x.ready:
			case <-ctx.Done():
				return ctx.Err()
			}
			if x.stdinW == nil {
				return io.ErrClosedPipe
			}
			if _, err := x.stdinW.Write(data); err != nil {
				return err
			}
		}
		if detach {
			return errDetached
		}
		if err != nil {
			if x.once && !x.tty {
				select {
				case <-x.ready:
					if x.stdinW != nil {
						x.stdinW.Close()
					}
				case <-ctx.Done():
				}
			}
			return err
		}
	}
}

// escape looks for the detach keys in what is typed.
type escape struct {
	keys []byte
	at   int // how many of them have been seen in a row
}

// scan gives what is to be passed on, which holds keys back that may be the start of the sequence.
func (s *escape) scan(b []byte) (pass []byte, detach bool) {
	for _, c := range b {
		if len(s.keys) > 0 && c == s.keys[s.at] {
			if s.at++; s.at == len(s.keys) {
				return pass, true
			}
			continue
		}
		if s.at > 0 {
			pass = append(pass, s.keys[:s.at]...)
			s.at = 0
		}
		if len(s.keys) > 0 && c == s.keys[0] {
			s.at = 1
			continue
		}
		pass = append(pass, c)
	}
	return pass, false
}

// parseDetachKeys reads a list by commas of characters and of "ctrl-" and one of a-z, @, [, \, ], ^
// and _.
func parseDetachKeys(s string) ([]byte, error) {
	if s == "" {
		return []byte{16, 17}, nil
	}
	var out []byte
	for _, k := range strings.Split(s, ",") {
		if len(k) == 1 {
			out = append(out, k[0])
			continue
		}
		c, ok := strings.CutPrefix(k, "ctrl-")
		if !ok || len(c) != 1 {
			return nil, fmt.Errorf("Unknown character: '%s'", k)
		}
		switch i := strings.IndexByte("@abcdefghijklmnopqrstuvwxyz[\\]^_", c[0]); {
		case i >= 0:
			out = append(out, byte(i))
		default:
			return nil, fmt.Errorf("Unknown character: '%s'", k)
		}
	}
	return out, nil
}

// Resize sets the size of a container's terminal.
func (e *Engine) Resize(ref string, rows, cols int) error {
	c, err := e.Container(ref)
	if err != nil {
		return err
	}
	if !c.Status.Running {
		return notRunning(c.ID)
	}
	l := e.live(c.ID)
	e.mu.Lock()
	x := l.io
	e.mu.Unlock()
	if x != nil && x.resize(rows, cols) {
		e.emitContainer(c, "resize", map[string]string{"height": fmt.Sprint(rows), "width": fmt.Sprint(cols)})
	}
	return nil
}

// capture keeps what is written to it up to a limit, for health checks and their like.
type capture struct {
	mu    sync.Mutex
	buf   bytes.Buffer
	limit int
	cut   bool
}

func (c *capture) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	room := max(0, c.limit-c.buf.Len())
	if len(b) > room {
		c.cut = true
	}
	c.buf.Write(b[:min(room, len(b))])
	return len(b), nil
}

func (c *capture) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cut {
		return c.buf.String() + "..."
	}
	return c.buf.String()
}

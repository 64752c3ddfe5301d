package kernel

import (
	"io"
	"sync"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// Outside is what a program has while it runs outside of the kernel (see Proc.Outside). Its
// methods may be called from any goroutine.
type Outside struct {
	p    *Proc
	done chan struct{}
	once sync.Once
}

// Outside gives up the CPU and runs f, which may start goroutines and block as it likes: this is
// for a program that is ordinary Go code, the docker client. f reaches the lab through o only. A
// signal closes o.Done; when f has returned, the process goes on (and dies, if the signal kills).
func (p *Proc) Outside(f func(o *Outside) int) int {
	p.checkpoint()
	o := &Outside{p: p, done: make(chan struct{})}
	p.outside = o
	p.k.sched.mu.Lock()
	p.k.sched.out++
	p.k.sched.mu.Unlock()
	p.task.leave()
	code := f(o)
	p.task.acquire()
	p.outside = nil
	p.k.sched.mu.Lock()
	p.k.sched.out--
	p.k.sched.mu.Unlock()
	p.checkpoint()
	return code
}

func (o *Outside) interrupt() {
	o.once.Do(func() { close(o.done) })
	o.p.sigq.wakeAll()
}

// Done is closed when a signal has come that kills the process or that it catches.
func (o *Outside) Done() <-chan struct{} { return o.done }

// Signalled is the signal of Done: one that kills, or the first that was caught.
func (o *Outside) Signalled() linux.Signal {
	var s linux.Signal
	o.p.k.Do(func() {
		if s = o.p.killed; s == 0 && len(o.p.caught) > 0 {
			s = o.p.caught[0]
		}
	})
	return s
}

// Proc is the process; its methods are not to be called while f runs, except inside Do.
func (o *Outside) Proc() *Proc { return o.p }

// Do runs f inside the kernel; f may use the process's View, and must not block.
func (o *Outside) Do(f func(v *vfs.View)) { o.p.k.Do(func() { f(o.p.view) }) }

func (o *Outside) isDone() bool {
	select {
	case <-o.done:
		return true
	default:
		return false
	}
}

func (o *Outside) file(fd int) (f *File) {
	o.p.k.Do(func() { f, _ = o.p.file(fd) })
	return f
}

// Reader reads a descriptor of the process; Writer writes one.
func (o *Outside) Reader(fd int) io.Reader { return outsideFd{o, fd} }
func (o *Outside) Writer(fd int) io.Writer { return outsideFd{o, fd} }

type outsideFd struct {
	o  *Outside
	fd int
}

func (d outsideFd) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	t := d.o.p.k.newTask(nil)
	t.gone = d.o.isDone
	t.acquire()
	defer t.leave()
	f, err := d.o.p.file(d.fd)
	if err != nil {
		return 0, err
	}
	if d.o.isDone() {
		return 0, linux.EINTR
	}
	// a read that waits for a process must end when this one is told to
	n, err := readWatching(t, f, b, &d.o.p.sigq)
	if n == 0 && err == nil {
		err = io.EOF
	}
	return n, err
}

// readWatching is read, woken by q too.
func readWatching(t *task, f *File, b []byte, q *queue) (int, error) {
	q.add(t)
	defer q.remove(t)
	f.refs++
	defer f.unref()
	return f.ops.read(t, f, b)
}

func (d outsideFd) Write(b []byte) (int, error) {
	t := d.o.p.k.newTask(nil)
	t.acquire()
	defer t.leave()
	f, err := d.o.p.file(d.fd)
	if err != nil {
		return 0, err
	}
	f.refs++
	defer f.unref()
	done := 0
	for done < len(b) {
		n, err := f.ops.write(t, f, b[done:])
		done += n
		if err != nil {
			if err == linux.EPIPE {
				d.o.p.post(linux.SIGPIPE, true)
			}
			return done, err
		}
	}
	return done, nil
}

// Isatty, Winsize, Tcgetattr and Tcsetattr are the process's.
func (o *Outside) Isatty(fd int) (yes bool) {
	o.p.k.Do(func() { yes = o.p.Isatty(fd) })
	return yes
}

// Winsize is the size of the terminal at fd.
func (o *Outside) Winsize(fd int) (rows, cols int, err error) {
	o.p.k.Do(func() { rows, cols, err = o.p.Winsize(fd) })
	return rows, cols, err
}

// Tcgetattr reads the mode of the terminal at fd.
func (o *Outside) Tcgetattr(fd int) (m Termios, err error) {
	o.p.k.Do(func() { m, err = o.p.Tcgetattr(fd) })
	return m, err
}

// Tcsetattr sets the mode of the terminal at fd.
func (o *Outside) Tcsetattr(fd int, m Termios) (err error) {
	o.p.k.Do(func() {
		t, e := o.p.tty(fd)
		if err = e; err == nil {
			t.setMode(m)
		}
	})
	return err
}

// DialUnix connects to a socket of the process's sandbox by its path.
func (o *Outside) DialUnix(path string) (*Conn, error) {
	return o.p.k.dialFor(o.p.view, path)
}

// Terminal is the terminal at fd, or nil.
func (o *Outside) Terminal(fd int) *Terminal {
	f := o.file(fd)
	if f == nil {
		return nil
	}
	if t, ok := f.ops.(*ttyFile); ok {
		return t.t
	}
	return nil
}

package kernel

import (
	"io"
	"sync"
	"sync/atomic"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// Outside is what a program has while it runs outside of the kernel (see Proc.Outside). Its
// methods may be called from any goroutine.
type Outside struct {
	p       *Proc
	done    chan struct{}
	once    sync.Once
	signals chan linux.Signal
	writes  sync.RWMutex // held for reading by each write that waits for its turn in the kernel
	killed  bool         // by SIGPIPE: nothing that f writes after it is seen. It is set and read inside the kernel
}

// Outside gives up the CPU and runs f, which may start goroutines and block as it likes: this is
// for a program that is ordinary Go code, the docker client. f reaches the lab through o only. A
// signal that kills closes o.Done, one that is caught comes out of o.Signals; when f has returned,
// the process goes on (and dies, if the signal kills).
func (p *Proc) Outside(f func(o *Outside) int) int {
	p.checkpoint()
	o := &Outside{p: p, done: make(chan struct{}), signals: make(chan linux.Signal, 16)}
	p.outside = o
	p.k.sched.mu.Lock()
	p.k.sched.out++
	p.k.sched.mu.Unlock()
	p.task.leave()
	code := f(o)
	// What a goroutine of f had begun to write is written: on a machine it would not have had to wait.
	o.writes.Lock()
	o.writes.Unlock()
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

// Done is closed when a signal has come that kills the process.
func (o *Outside) Done() <-chan struct{} { return o.done }

// Signals gives the signals that the process catches, as they come. A few wait for their reader;
// more are dropped, as signals are.
func (o *Outside) Signals() <-chan linux.Signal { return o.signals }

// catch hands a signal over. It is called inside the kernel.
func (o *Outside) catch(sig linux.Signal) {
	select {
	case o.signals <- sig:
	default:
	}
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

// Reader reads a descriptor of the process. Its Close ends a Read that waits, and leaves the
// descriptor open.
func (o *Outside) Reader(fd int) io.ReadCloser { return &outsideFd{o: o, fd: fd} }

// Writer writes a descriptor of the process.
func (o *Outside) Writer(fd int) io.Writer { return &outsideFd{o: o, fd: fd} }

type outsideFd struct {
	o      *Outside
	fd     int
	closed atomic.Bool
}

func (d *outsideFd) Close() error {
	d.closed.Store(true)
	d.o.p.k.Do(d.o.p.sigq.wakeAll)
	return nil
}

func (d *outsideFd) gone() bool { return d.closed.Load() || d.o.isDone() }

func (d *outsideFd) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	t := d.o.p.k.newTask(nil)
	t.gone = d.gone
	t.acquire()
	defer t.leave()
	f, err := d.o.p.file(d.fd)
	if err != nil {
		return 0, err
	}
	if d.gone() {
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

func (d *outsideFd) Write(b []byte) (int, error) {
	t := d.o.p.k.newTask(nil)
	d.o.writes.RLock()
	t.acquire()
	d.o.writes.RUnlock()
	defer t.leave()
	f, err := d.o.p.file(d.fd)
	if err != nil {
		return 0, err
	}
	if d.o.killed {
		return 0, linux.EPIPE
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
				d.o.killed = d.o.p.disposition[linux.SIGPIPE] == Default
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

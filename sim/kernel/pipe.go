package kernel

import (
	"fmt"
	"io"
	"sync/atomic"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// pipeSize is what a pipe holds before a writer waits.
const pipeSize = 64 << 10

// pipe is a stretch of bytes between writers and readers.
type pipe struct {
	buf              []byte
	readers, writers int
	changed          queue
	ino              uint64
	st               *vfs.Stat // of a named one
	opened           queue
	everR, everW     int
}

type pipeEnd struct {
	p      *pipe
	write_ bool
	read_  bool
}

func (p *pipe) end(k *Kernel, flags int) *File {
	e := &pipeEnd{p: p}
	if flags&linux.O_ACCMODE != linux.O_WRONLY {
		e.read_ = true
		p.readers++
		p.everR++
	}
	if flags&linux.O_ACCMODE != linux.O_RDONLY {
		e.write_ = true
		p.writers++
		p.everW++
	}
	f := k.newFile(e, flags)
	f.ino = p.ino
	if p.st == nil {
		f.label = fmt.Sprintf("pipe:[%d]", p.ino)
	}
	p.changed.wakeAll()
	p.opened.wakeAll()
	return f
}

func (p *pipe) get(t *task, b []byte, nonblock bool) (int, error) {
	for len(p.buf) == 0 {
		if p.writers == 0 {
			return 0, nil
		}
		if nonblock {
			return 0, linux.EAGAIN
		}
		if err := t.wait(&p.changed); err != nil {
			return 0, err
		}
	}
	n := copy(b, p.buf)
	if p.buf = p.buf[n:]; len(p.buf) == 0 {
		p.buf = nil
	}
	p.changed.wakeAll()
	return n, nil
}

func (p *pipe) put(t *task, b []byte, nonblock bool) (int, error) {
	done := 0
	for done < len(b) {
		if p.readers == 0 {
			return done, linux.EPIPE
		}
		room := pipeSize - len(p.buf)
		if room <= 0 || room < len(b) && len(b) <= 4096 && done == 0 && len(p.buf) > 0 {
			if nonblock {
				return done, linux.EAGAIN
			}
			if err := t.wait(&p.changed); err != nil {
				return done, err
			}
			continue
		}
		n := min(room, len(b)-done)
		p.buf = append(p.buf, b[done:done+n]...)
		done += n
		p.changed.wakeAll()
	}
	return done, nil
}

func (e *pipeEnd) read(t *task, f *File, b []byte) (int, error) {
	return e.p.get(t, b, f.flags&linux.O_NONBLOCK != 0)
}

func (e *pipeEnd) write(t *task, f *File, b []byte) (int, error) {
	if e.p.readers == 0 {
		return 0, linux.EPIPE
	}
	return e.p.put(t, b, f.flags&linux.O_NONBLOCK != 0)
}

func (e *pipeEnd) stat(f *File) (vfs.Stat, error) {
	if e.p.st != nil {
		return *e.p.st, nil
	}
	return pipeStat(f), nil
}

func (e *pipeEnd) close(*File) {
	if e.read_ {
		e.p.readers--
	}
	if e.write_ {
		e.p.writers--
	}
	e.p.changed.wakeAll()
}

func (e *pipeEnd) poll(*File) (int16, []*queue) {
	var ev int16
	if e.read_ {
		if len(e.p.buf) > 0 {
			ev |= POLLIN
		}
		if e.p.writers == 0 && e.p.everW > 0 {
			ev |= POLLHUP
		}
	}
	if e.write_ {
		if len(e.p.buf) < pipeSize {
			ev |= POLLOUT
		}
		if e.p.readers == 0 {
			ev |= POLLERR
		}
	}
	return ev, []*queue{&e.p.changed}
}

// Pipe makes a pipe: r is read from what w is written to.
func (p *Proc) Pipe() (r, w int, err error) {
	p.Step(5)
	pp := &pipe{ino: p.k.nextIno()}
	rf, wf := pp.end(p.k, linux.O_RDONLY), pp.end(p.k, linux.O_WRONLY)
	if r, err = p.install(rf, 0, false); err != nil {
		rf.unref()
		wf.unref()
		return -1, -1, err
	}
	if w, err = p.install(wf, 0, false); err != nil {
		p.closeFd(r)
		wf.unref()
		return -1, -1, err
	}
	return r, w, nil
}

type fifoKey struct {
	fs  vfs.Filesystem
	ino vfs.Ino
}

// openFifo opens a named pipe, which waits for the other side as fifo(7) says.
func (p *Proc) openFifo(ref vfs.Ref, flags int) (*File, error) {
	key := fifoKey{ref.Mount.FS, ref.Ino}
	box := p.box
	pp := box.fifos[key]
	if pp == nil {
		st, err := ref.Stat()
		if err != nil {
			return nil, err
		}
		pp = &pipe{ino: p.k.nextIno(), st: &st}
		box.fifos[key] = pp
		ref.Mount.FS.Pin(ref.Ino)
	}
	nonblock := flags&linux.O_NONBLOCK != 0
	mode := flags & linux.O_ACCMODE
	if mode == linux.O_WRONLY && nonblock && pp.readers == 0 {
		return nil, linux.ENXIO
	}
	everR, everW := pp.everR, pp.everW
	f := pp.end(p.k, flags)
	f.ref = ref
	for !nonblock && (mode == linux.O_RDONLY && pp.writers == 0 && pp.everW == everW || mode == linux.O_WRONLY && pp.readers == 0 && pp.everR == everR) {
		if err := p.waitOr(f, &pp.opened); err != nil {
			f.unref()
			return nil, err
		}
	}
	return f, nil
}

// waitOr waits, and closes f if the process dies in it.
func (p *Proc) waitOr(f *File, q *queue) error {
	alive := false
	defer func() {
		if !alive {
			f.unref()
		}
	}()
	err := p.task.wait(q)
	alive = true
	return err
}

// OutsideReader is the end of a pipe that code outside of the kernel reads.
type OutsideReader struct {
	k      *Kernel
	f      *File
	closed atomic.Bool
}

// OutsideWriter is the end of a pipe that code outside of the kernel writes.
type OutsideWriter struct {
	k      *Kernel
	f      *File
	closed atomic.Bool
}

// OutPipe is a pipe out of the lab: a process writes w. It is called inside the kernel.
func (k *Kernel) OutPipe() (w *File, r *OutsideReader) {
	pp := &pipe{ino: k.nextIno()}
	return pp.end(k, linux.O_WRONLY), &OutsideReader{k: k, f: pp.end(k, linux.O_RDONLY)}
}

// InPipe is a pipe into the lab: a process reads r. It is called inside the kernel.
func (k *Kernel) InPipe() (r *File, w *OutsideWriter) {
	pp := &pipe{ino: k.nextIno()}
	return pp.end(k, linux.O_RDONLY), &OutsideWriter{k: k, f: pp.end(k, linux.O_WRONLY)}
}

// OutsideReaderOf makes a file that is open for reading readable from outside; it takes it over.
func (k *Kernel) OutsideReaderOf(f *File) *OutsideReader { return &OutsideReader{k: k, f: f} }

// OutsideWriterOf makes a file that is open for writing writable from outside; it takes it over.
func (k *Kernel) OutsideWriterOf(f *File) *OutsideWriter { return &OutsideWriter{k: k, f: f} }

// Read waits for bytes, and gives io.EOF when all writers are gone.
func (r *OutsideReader) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	t := r.k.newTask(nil)
	t.gone = r.closed.Load
	t.acquire()
	defer t.leave()
	if r.closed.Load() {
		return 0, io.ErrClosedPipe
	}
	n, err := r.f.ops.read(t, r.f, b)
	if r.closed.Load() {
		err = io.ErrClosedPipe
	} else if n == 0 && err == nil {
		err = io.EOF
	}
	return n, err
}

// Close makes writers fail with EPIPE, and a Read that waits return.
func (r *OutsideReader) Close() error {
	r.k.Do(func() {
		if !r.closed.Swap(true) {
			_, qs := r.f.ops.poll(r.f)
			r.f.unref()
			for _, q := range qs {
				q.wakeAll()
			}
		}
	})
	return nil
}

// Write waits until all of b is in the pipe. io.ErrClosedPipe where nobody will read it.
func (w *OutsideWriter) Write(b []byte) (int, error) {
	t := w.k.newTask(nil)
	t.gone = w.closed.Load
	t.acquire()
	defer t.leave()
	done := 0
	for done < len(b) {
		if w.closed.Load() {
			return done, io.ErrClosedPipe
		}
		n, err := w.f.ops.write(t, w.f, b[done:])
		done += n
		if err != nil {
			return done, io.ErrClosedPipe
		}
	}
	return done, nil
}

// Close lets readers see the end.
func (w *OutsideWriter) Close() error {
	w.k.Do(func() {
		if !w.closed.Swap(true) {
			_, qs := w.f.ops.poll(w.f)
			w.f.unref()
			for _, q := range qs {
				q.wakeAll()
			}
		}
	})
	return nil
}

// SourceFile is a file for reading what r gives. r is read only while a process waits for more, and
// that holds a virtual clock: nobody can say how long the answer takes. It looks like a pipe.
func (k *Kernel) SourceFile(r io.Reader) *File {
	f := k.newFile(&source{k: k, from: r}, linux.O_RDONLY)
	f.ino = k.nextIno()
	f.label = fmt.Sprintf("pipe:[%d]", f.ino)
	return f
}

type source struct {
	k       *Kernel
	from    io.Reader
	buf     []byte
	ended   bool
	reading bool
	changed queue
}

// fill asks for more, outside of the kernel.
func (s *source) fill() {
	if s.reading || s.ended || len(s.buf) > 0 {
		return
	}
	s.reading = true
	done := s.k.Busy()
	go func() {
		defer done()
		b := make([]byte, 32<<10)
		n, err := s.from.Read(b)
		s.k.Do(func() {
			s.buf, s.ended, s.reading = b[:n], err != nil, false
			s.changed.wakeAll()
		})
	}()
}

func (s *source) read(t *task, f *File, b []byte) (int, error) {
	for len(s.buf) == 0 {
		if s.ended {
			return 0, nil
		}
		if f.flags&linux.O_NONBLOCK != 0 {
			s.fill()
			return 0, linux.EAGAIN
		}
		s.fill()
		if err := t.wait(&s.changed); err != nil {
			return 0, err
		}
	}
	n := copy(b, s.buf)
	s.buf = s.buf[n:]
	return n, nil
}

func (s *source) write(*task, *File, []byte) (int, error) { return 0, linux.EBADF }
func (s *source) stat(f *File) (vfs.Stat, error)          { return pipeStat(f), nil }
func (s *source) close(*File)                             {}
func (s *source) poll(*File) (int16, []*queue) {
	s.fill()
	if len(s.buf) > 0 || s.ended {
		return POLLIN, nil
	}
	return 0, []*queue{&s.changed}
}

package kernel

import (
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// File is an open file description: what descriptors, of one process or several, refer to.
type File struct {
	k     *Kernel
	ops   fileOps
	flags int
	pos   int64
	refs  int
	ref   vfs.Ref // where it was opened, if anywhere
	label string  // what /proc/PID/fd shows where ref is nothing: "pipe:[123]"
	ino   uint64
	locks flockState
}

// fileOps is what kinds of files differ in. Reading gives (0, nil) at the end. All are called
// inside the kernel; read and write may block the task.
type fileOps interface {
	read(t *task, f *File, b []byte) (int, error)
	write(t *task, f *File, b []byte) (int, error)
	stat(f *File) (vfs.Stat, error)
	close(f *File)
	// poll says which of POLLIN, POLLOUT, POLLHUP, POLLERR hold, and which queues tell of a change.
	poll(f *File) (int16, []*queue)
}

// Stat describes the open file; it makes a File something that a magic link of /proc leads to.
func (f *File) Stat() (vfs.Stat, error) { return f.ops.stat(f) }

func (k *Kernel) newFile(ops fileOps, flags int) *File {
	return &File{k: k, ops: ops, flags: flags, refs: 1}
}

func (f *File) unref() {
	if f.refs--; f.refs == 0 {
		f.locks.release(f)
		f.ops.close(f)
	}
}

// Ref takes another reference for a caller that gives the file to a second process.
func (f *File) Ref() *File { f.refs++; return f }

// Close drops a reference, inside the kernel.
func (f *File) Close() { f.unref() }

func (f *File) readable() bool { return f.flags&linux.O_ACCMODE != linux.O_WRONLY }
func (f *File) writable() bool { return f.flags&linux.O_ACCMODE != linux.O_RDONLY }

// --- descriptors ---

func (p *Proc) file(fd int) (*File, error) {
	if fd < 0 || fd >= len(p.fds) || p.fds[fd].f == nil {
		return nil, linux.EBADF
	}
	return p.fds[fd].f, nil
}

// install gives f the lowest free descriptor from min on.
func (p *Proc) install(f *File, min int, cloexec bool) (int, error) {
	fd := min
	for fd < len(p.fds) && p.fds[fd].f != nil {
		fd++
	}
	if uint64(fd) >= p.Getrlimit(RLIMIT_NOFILE).Cur {
		return -1, linux.EMFILE
	}
	for len(p.fds) <= fd {
		p.fds = append(p.fds, descriptor{})
	}
	p.fds[fd] = descriptor{f, cloexec}
	return fd, nil
}

func (p *Proc) closeFd(fd int) {
	if f := p.fds[fd].f; f != nil {
		p.fds[fd] = descriptor{}
		f.unref()
	}
}

// Close closes a descriptor. EBADF.
func (p *Proc) Close(fd int) error {
	p.Step(1)
	if _, err := p.file(fd); err != nil {
		return err
	}
	p.closeFd(fd)
	return nil
}

// Dup is fcntl's F_DUPFD: the lowest free descriptor from min on.
func (p *Proc) Dup(fd, min int) (int, error) {
	p.Step(1)
	f, err := p.file(fd)
	if err != nil {
		return -1, err
	}
	n, err := p.install(f, min, false)
	if err == nil {
		f.refs++
	}
	return n, err
}

// Dup2 makes to refer to what fd does, closing what it was.
func (p *Proc) Dup2(fd, to int) error {
	p.Step(1)
	f, err := p.file(fd)
	if err != nil {
		return err
	}
	if to < 0 || uint64(to) >= p.Getrlimit(RLIMIT_NOFILE).Cur {
		return linux.EBADF
	}
	if fd == to {
		return nil
	}
	for len(p.fds) <= to {
		p.fds = append(p.fds, descriptor{})
	}
	f.refs++
	p.closeFd(to)
	p.fds[to] = descriptor{f: f}
	return nil
}

// Cloexec sets or clears close-on-exec.
func (p *Proc) Cloexec(fd int, on bool) error {
	if _, err := p.file(fd); err != nil {
		return err
	}
	p.fds[fd].cloexec = on
	return nil
}

// IsCloexec says whether a descriptor is closed by Exec.
func (p *Proc) IsCloexec(fd int) bool {
	_, err := p.file(fd)
	return err == nil && p.fds[fd].cloexec
}

// Fds are the open descriptors, in order.
func (p *Proc) Fds() []int {
	var out []int
	for fd, d := range p.fds {
		if d.f != nil {
			out = append(out, fd)
		}
	}
	return out
}

// FdFlags are the flags that a descriptor was opened with, its access mode among them.
func (p *Proc) FdFlags(fd int) (int, error) {
	f, err := p.file(fd)
	if err != nil {
		return 0, err
	}
	return f.flags, nil
}

// Nonblock sets or clears O_NONBLOCK.
func (p *Proc) Nonblock(fd int, on bool) error {
	f, err := p.file(fd)
	if err != nil {
		return err
	}
	f.flags &^= linux.O_NONBLOCK
	if on {
		f.flags |= linux.O_NONBLOCK
	}
	return nil
}

// Take gives up a descriptor and hands its file to the caller, for Spec.Files of another process.
func (p *Proc) Take(fd int) (*File, error) {
	f, err := p.file(fd)
	if err != nil {
		return nil, err
	}
	p.fds[fd] = descriptor{}
	return f, nil
}

// Give installs a file that came from outside, which it takes over.
func (p *Proc) Give(f *File) (int, error) { return p.install(f, 0, false) }

// FdPath is where /proc/self/fd/N points.
func (p *Proc) FdPath(fd int) string {
	f, err := p.file(fd)
	if err != nil {
		return ""
	}
	return f.pathFor(p)
}

func (f *File) pathFor(p *Proc) string {
	if f.label != "" {
		return f.label
	}
	if t, ok := f.ops.(*ttyFile); ok {
		return "/dev/" + t.t.name()
	}
	if f.ref.Mount == nil {
		return "anon_inode:[file]"
	}
	if path, ok := p.view.PathOf(f.ref); ok {
		return path
	}
	dir, _ := p.view.PathOf(vfs.Ref{Mount: f.ref.Mount, Ino: f.ref.Dir})
	return strings.TrimSuffix(dir, "/") + "/" + f.ref.Name + " (deleted)"
}

// --- reading and writing ---

// Read reads from a descriptor; 0 bytes is the end of the file. EBADF, EISDIR, EINTR, EAGAIN.
func (p *Proc) Read(fd int, b []byte) (int, error) {
	p.Step(1 + len(b)>>12)
	f, err := p.file(fd)
	if err != nil || !f.readable() {
		return 0, linux.EBADF
	}
	if len(b) == 0 {
		return 0, nil
	}
	f.refs++
	defer f.unref()
	return f.ops.read(p.task, f, b)
}

// Write writes all of b, or says why it could not: EBADF, EPIPE (after SIGPIPE), ENOSPC, EINTR.
func (p *Proc) Write(fd int, b []byte) (int, error) {
	p.Step(1 + len(b)>>12)
	f, err := p.file(fd)
	if err != nil || !f.writable() {
		return 0, linux.EBADF
	}
	f.refs++
	defer f.unref()
	done := 0
	for {
		part := b[done:]
		if room, limited := p.roomToWrite(f); limited && int64(len(part)) > room {
			if part = part[:room]; room == 0 {
				p.post(linux.SIGXFSZ, true)
				p.checkpoint()
				return done, linux.EFBIG
			}
		}
		n, err := f.ops.write(p.task, f, part)
		done += n
		if err == linux.EPIPE {
			p.post(linux.SIGPIPE, true)
			if p.nspid == 1 && p.disposition[linux.SIGPIPE] == Default {
				return done, err
			}
			p.checkpoint()
		}
		if err != nil || done == len(b) {
			return done, err
		}
	}
}

// roomToWrite is how many bytes the limit of a file's size lets be written where f stands.
func (p *Proc) roomToWrite(f *File) (room int64, limited bool) {
	limit, ok := p.limits[RLIMIT_FSIZE]
	if _, reg := f.ops.(*regular); !ok || !reg || limit.Cur > math.MaxInt64 {
		return 0, false
	}
	pos := f.pos
	if f.flags&linux.O_APPEND != 0 {
		if st, err := f.Stat(); err == nil {
			pos = st.Size
		}
	}
	return max(0, int64(limit.Cur)-pos), true
}

// Pread reads at an offset, and does not move the file's own.
func (p *Proc) Pread(fd int, b []byte, off int64) (int, error) { return p.at(fd, b, off, false) }

// Pwrite writes at an offset.
func (p *Proc) Pwrite(fd int, b []byte, off int64) (int, error) { return p.at(fd, b, off, true) }

func (p *Proc) at(fd int, b []byte, off int64, write bool) (int, error) {
	p.Step(1 + len(b)>>12)
	f, err := p.file(fd)
	if err != nil {
		return 0, err
	}
	r, ok := f.ops.(*regular)
	if !ok {
		return 0, linux.ESPIPE
	}
	g := *f
	g.pos = off
	if write {
		if !f.writable() {
			return 0, linux.EBADF
		}
		return r.write(p.task, &g, b)
	}
	if !f.readable() {
		return 0, linux.EBADF
	}
	return r.read(p.task, &g, b)
}

// Lseek moves a file's offset. ESPIPE for what has none, EINVAL.
func (p *Proc) Lseek(fd int, off int64, whence int) (int64, error) {
	p.Step(1)
	f, err := p.file(fd)
	if err != nil {
		return 0, err
	}
	switch f.ops.(type) {
	case *regular, *directory, *procFile:
	case *device:
		return 0, nil
	default:
		return 0, linux.ESPIPE
	}
	switch whence {
	case linux.SEEK_SET:
	case linux.SEEK_CUR:
		off += f.pos
	case linux.SEEK_END:
		st, err := f.Stat()
		if err != nil {
			return 0, err
		}
		off += st.Size
	default:
		return 0, linux.EINVAL
	}
	if off < 0 {
		return 0, linux.EINVAL
	}
	f.pos = off
	return off, nil
}

// Reader and Writer are a descriptor as Go's io knows them: io.EOF at the end, and EINTR retried.
func (p *Proc) Reader(fd int) io.Reader { return fdReader{p, fd} }
func (p *Proc) Writer(fd int) io.Writer { return fdWriter{p, fd} }

type fdReader struct {
	p  *Proc
	fd int
}

func (r fdReader) Read(b []byte) (int, error) {
	n, err := r.p.Read(r.fd, b)
	if n == 0 && err == nil && len(b) > 0 {
		return 0, io.EOF
	}
	return n, err
}

type fdWriter struct {
	p  *Proc
	fd int
}

func (w fdWriter) Write(b []byte) (int, error) { return w.p.Write(w.fd, b) }

// Events of Poll.
const (
	POLLIN   = 1
	POLLOUT  = 4
	POLLERR  = 8
	POLLHUP  = 16
	POLLNVAL = 32
)

// PollFd is one descriptor of a Poll.
type PollFd struct {
	Fd              int
	Events, Revents int16
}

// Poll waits until one of the descriptors is ready, at most for timeout; a negative one is for
// ever. It gives how many are.
func (p *Proc) Poll(fds []PollFd, timeout time.Duration) (int, error) {
	p.Step(1)
	var deadline time.Time
	if timeout >= 0 {
		deadline = p.k.Now().Add(timeout)
	}
	for {
		n := 0
		qs := []*queue{&p.sigq}
		for i := range fds {
			fds[i].Revents = 0
			if fds[i].Fd < 0 {
				continue
			}
			f, err := p.file(fds[i].Fd)
			if err != nil {
				fds[i].Revents = POLLNVAL
				n++
				continue
			}
			ev, q := f.ops.poll(f)
			if fds[i].Revents = ev & (fds[i].Events | POLLERR | POLLHUP); fds[i].Revents != 0 {
				n++
			}
			qs = append(qs, q...)
		}
		if n > 0 || timeout == 0 {
			return n, nil
		}
		if err := p.task.waitFor(deadline, qs...); err == linux.ETIMEDOUT {
			return 0, nil
		} else if err != nil {
			return 0, err
		}
	}
}

// --- regular files and directories ---

type regular struct {
	ref   vfs.Ref // pinned
	setid bool    // has set-id bits that a write takes away
}

// here is the file's place with the inode that it has now: a copy-up gives it another.
func (r *regular) here() vfs.Ref {
	if now := r.ref.Current(); now.Ino != r.ref.Ino {
		now.Mount.FS.Pin(now.Ino)
		r.ref.Mount.FS.Unpin(r.ref.Ino)
		r.ref = now
	}
	return r.ref
}

func (r *regular) read(t *task, f *File, b []byte) (int, error) {
	at := r.here()
	n, err := at.Mount.FS.ReadAt(at.Ino, b, f.pos)
	if err == io.EOF {
		err = nil
	}
	f.pos += int64(n)
	return n, err
}

func (r *regular) write(t *task, f *File, b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	if f.flags&linux.O_APPEND != 0 {
		st, err := r.ref.Mount.FS.Stat(r.ref.Ino)
		if err != nil {
			return 0, err
		}
		f.pos = st.Size
	}
	if r.setid {
		r.setid = false
		if st, err := r.ref.Mount.FS.Stat(r.ref.Ino); err == nil && t.proc != nil {
			if m := t.proc.view.Written(st); m != nil {
				r.ref.Mount.FS.SetAttr(r.ref.Ino, vfs.Attr{Mode: m})
			}
		}
	}
	n, err := r.ref.Mount.FS.WriteAt(r.ref.Ino, b, f.pos)
	f.pos += int64(n)
	return n, err
}

func (r *regular) stat(f *File) (vfs.Stat, error) {
	return r.here().Stat()
}

func (r *regular) close(f *File)                  { r.ref.Mount.FS.Unpin(r.ref.Ino) }
func (r *regular) poll(f *File) (int16, []*queue) { return POLLIN | POLLOUT, nil }

type directory struct{ regular }

func (d *directory) read(*task, *File, []byte) (int, error)  { return 0, linux.EISDIR }
func (d *directory) write(*task, *File, []byte) (int, error) { return 0, linux.EISDIR }

// Open opens a file, and makes it with O_CREAT; it gives the lowest free descriptor.
func (p *Proc) Open(path string, flags int, perm linux.Mode) (int, error) {
	p.Step(5)
	f, err := p.open(path, flags, perm)
	if err != nil {
		return -1, err
	}
	fd, err := p.install(f, 0, flags&linux.O_CLOEXEC != 0)
	if err != nil {
		f.unref()
	}
	return fd, err
}

func (p *Proc) open(path string, flags int, perm linux.Mode) (*File, error) {
	v := p.view
	var ref vfs.Ref
	var err error
	created := false
	follow := flags&linux.O_NOFOLLOW == 0
	if flags&linux.O_CREAT != 0 {
		var slash bool
		if flags&linux.O_EXCL != 0 {
			ref, slash, err = v.ResolveParent(path)
			if err == nil && (ref.Ino != 0 || ref.Name == "." || ref.Name == ".." || ref.Name == "/") {
				return nil, linux.EEXIST
			}
		} else {
			ref, slash, err = v.ResolveCreate(path)
		}
		if err != nil {
			return nil, err
		}
		if slash {
			return nil, linux.EISDIR
		}
		if ref.Ino == 0 && ref.Opened == nil {
			ref, err = v.Create(ref, vfs.Node{Mode: linux.S_IFREG | perm.Perm()})
			if err != nil {
				return nil, err
			}
			created = true
		}
	} else if ref, err = v.Resolve(path, follow); err != nil {
		return nil, err
	}
	if of, ok := ref.Opened.(*File); ok {
		return p.reopen(of, flags)
	}
	st, err := ref.Stat()
	if err != nil {
		return nil, err
	}
	return p.openFound(ref, st, flags, created)
}

// openFound opens what has been found, or created, at a place.
func (p *Proc) openFound(ref vfs.Ref, st vfs.Stat, flags int, created bool) (*File, error) {
	v := p.view
	var err error
	write := flags&linux.O_ACCMODE != linux.O_RDONLY || flags&linux.O_TRUNC != 0
	switch {
	case st.Mode.IsSymlink() && flags&linux.O_PATH == 0:
		return nil, linux.ELOOP
	case st.Mode.IsDir() && (write || flags&linux.O_CREAT != 0):
		return nil, linux.EISDIR
	case !st.Mode.IsDir() && flags&linux.O_DIRECTORY != 0:
		return nil, linux.ENOTDIR
	case st.Mode.Type() == linux.S_IFSOCK:
		return nil, linux.ENXIO
	}
	if !created {
		want := 0
		if flags&linux.O_ACCMODE != linux.O_WRONLY {
			want |= linux.R_OK
		}
		if write {
			want |= linux.W_OK
		}
		if write && ref.Mount.ReadOnly && (st.Mode.IsRegular() || st.Mode.IsDir()) {
			return nil, linux.EROFS
		}
		if !v.Cred.May(&st, want) {
			return nil, linux.EACCES
		}
	}
	switch st.Mode.Type() {
	case linux.S_IFCHR, linux.S_IFBLK:
		f, err := p.openDevice(st, flags)
		if f != nil {
			f.ref = ref
		}
		return f, err
	case linux.S_IFIFO:
		return p.openFifo(ref, flags)
	}
	if write && !created {
		if st.Mode.IsRegular() && p.k.runs(st) {
			return nil, linux.ETXTBSY
		}
		if ref, err = ref.CopyUp(); err != nil {
			return nil, err
		}
		if flags&linux.O_TRUNC != 0 {
			if err := ref.Mount.FS.SetAttr(ref.Ino, v.Resized(st, 0)); err != nil {
				return nil, err
			}
		}
	}
	reg := regular{ref: ref, setid: st.Mode&(linux.S_ISUID|linux.S_ISGID) != 0}
	var ops fileOps = &reg
	if st.Mode.IsDir() {
		ops = &directory{reg}
	} else if po, ok := ref.Mount.FS.(*procFS); ok {
		if ops, err = po.open(ref.Ino); err != nil {
			return nil, err
		}
	}
	ref.Mount.FS.Pin(ref.Ino)
	f := p.k.newFile(ops, flags&^(linux.O_CREAT|linux.O_EXCL|linux.O_TRUNC))
	f.ref = ref
	return f, nil
}

// runs says whether a process runs the file, which then cannot be written to.
func (k *Kernel) runs(file vfs.Stat) bool {
	for _, p := range k.procs {
		if p.text.Ino == file.Ino && p.text.Dev == file.Dev && !p.zombie {
			return true
		}
	}
	return false
}

// reopen opens what a magic link of /proc leads to.
func (p *Proc) reopen(of *File, flags int) (*File, error) {
	switch ops := of.ops.(type) {
	case *pipeEnd:
		return ops.p.end(p.k, flags), nil
	case *regular:
		ref := ops.here()
		st, err := ref.Stat()
		if err != nil {
			return nil, err
		}
		return p.openFound(ref, st, flags, false)
	case *socket:
		return nil, linux.ENXIO
	default:
		of.refs++
		return of, nil
	}
}

// --- devices ---

type device struct {
	k     *Kernel
	major uint32
	minor uint32
	st    vfs.Stat
}

func (p *Proc) openDevice(st vfs.Stat, flags int) (*File, error) {
	major, minor := st.Rdev.Major(), st.Rdev.Minor()
	if st.Mode.Type() == linux.S_IFBLK {
		return nil, linux.ENXIO
	}
	switch {
	case major == 1 && (minor == 3 || minor == 5 || minor == 7 || minor == 8 || minor == 9):
		return p.k.newFile(&device{p.k, major, minor, st}, flags), nil
	case major == 5 && minor == 0, major == 5 && minor == 1:
		t := p.group.session.tty
		if t == nil {
			return nil, linux.ENXIO
		}
		return t.open(flags), nil
	case major == 136:
		if t := p.box.pts[int(minor)]; t != nil {
			return t.open(flags), nil
		}
		return nil, linux.EIO
	}
	return nil, linux.ENXIO
}

func (d *device) read(t *task, f *File, b []byte) (int, error) {
	switch d.minor {
	case 3:
		return 0, nil
	case 5, 7:
		clear(b)
	default:
		for i := range b {
			b[i] = byte(d.k.rand.Uint32())
		}
	}
	return len(b), nil
}

func (d *device) write(t *task, f *File, b []byte) (int, error) {
	if d.minor == 7 {
		return 0, linux.ENOSPC
	}
	return len(b), nil
}

func (d *device) stat(*File) (vfs.Stat, error) { return d.st, nil }
func (d *device) close(*File)                  {}
func (d *device) poll(*File) (int16, []*queue) { return POLLIN | POLLOUT, nil }

// NullFile is /dev/null, opened for reading and writing.
func (k *Kernel) NullFile() *File {
	st := vfs.Stat{Mode: linux.S_IFCHR | 0o666, Rdev: linux.Mkdev(1, 3), Nlink: 1}
	f := k.newFile(&device{k, 1, 3, st}, linux.O_RDWR)
	f.label = "/dev/null"
	return f
}

// SinkFile is a file for writing: what is written goes to write, inside the kernel, which must not
// block. It looks like a pipe.
func (k *Kernel) SinkFile(write func(b []byte)) *File {
	f := k.newFile(&sink{write, nil}, linux.O_WRONLY)
	f.ino = k.nextIno()
	f.label = fmt.Sprintf("pipe:[%d]", f.ino)
	return f
}

// SinkFileFunc is SinkFile with a function that is told, inside the kernel, that the last
// reference is gone.
func (k *Kernel) SinkFileFunc(write func(b []byte), closed func()) *File {
	f := k.SinkFile(write)
	f.ops = &sink{write, closed}
	return f
}

type sink struct {
	to     func([]byte)
	closed func()
}

func (s *sink) read(*task, *File, []byte) (int, error) { return 0, linux.EBADF }
func (s *sink) write(_ *task, _ *File, b []byte) (int, error) {
	s.to(b)
	return len(b), nil
}
func (s *sink) stat(f *File) (vfs.Stat, error) { return pipeStat(f), nil }
func (s *sink) close(*File) {
	if s.closed != nil {
		s.closed()
	}
}
func (s *sink) poll(*File) (int16, []*queue) { return POLLOUT, nil }

func pipeStat(f *File) vfs.Stat {
	return vfs.Stat{Dev: linux.Mkdev(0, 13), Ino: vfs.Ino(f.ino), Mode: linux.S_IFIFO | 0o600, Nlink: 1}
}

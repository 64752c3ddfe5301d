package prog

import (
	"io"
	"strings"

	"github.com/dockerlab/dockerlab/sim/elfnote"
	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// File is an open file with Go's I/O conventions.
type File struct {
	p  *kernel.Proc
	Fd int
}

// OpenFile opens path with the flags of open(2), close-on-exec. The error is the bare Errno.
func (c *Ctx) OpenFile(path string, flags int, perm linux.Mode) (*File, error) {
	fd, err := c.Proc.Open(path, flags|linux.O_CLOEXEC, perm)
	if err != nil {
		return nil, err
	}
	return &File{c.Proc, fd}, nil
}

// OpenInput opens path for reading, or standard input where path is "-", through the buffer
// c.In; closing that does nothing.
func (c *Ctx) OpenInput(path string) (io.ReadCloser, error) {
	if path == "-" {
		return io.NopCloser(c.In), nil
	}
	f, err := c.OpenFile(path, linux.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// CreateFile opens path for writing, empty, made with mode 0666 less the umask.
func (c *Ctx) CreateFile(path string) (*File, error) {
	return c.OpenFile(path, linux.O_WRONLY|linux.O_CREAT|linux.O_TRUNC, 0o666)
}

// FD makes a File of a descriptor that is open.
func (c *Ctx) FD(fd int) *File { return &File{c.Proc, fd} }

// Read implements io.Reader.
func (f *File) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	n, err := f.p.Read(f.Fd, b)
	if err == nil && n == 0 {
		err = io.EOF
	}
	return n, err
}

// Write implements io.Writer.
func (f *File) Write(b []byte) (int, error) { return f.p.Write(f.Fd, b) }

// ReadAt implements io.ReaderAt.
func (f *File) ReadAt(b []byte, off int64) (n int, err error) {
	for n < len(b) {
		k, err := f.p.Pread(f.Fd, b[n:], off+int64(n))
		if err != nil {
			return n, err
		}
		if k == 0 {
			return n, io.EOF
		}
		n += k
	}
	return n, nil
}

// Seek implements io.Seeker.
func (f *File) Seek(off int64, whence int) (int64, error) { return f.p.Lseek(f.Fd, off, whence) }

// Stat describes the file.
func (f *File) Stat() (vfs.Stat, error) { return f.p.Fstat(f.Fd) }

// Close closes it.
func (f *File) Close() error { return f.p.Close(f.Fd) }

// ReadFile reads a whole file of at most 16 MiB; a larger one fails with EFBIG.
func (c *Ctx) ReadFile(path string) ([]byte, error) {
	f, err := c.OpenFile(path, linux.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	const limit = 16 << 20
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && len(b) > limit {
		return nil, linux.EFBIG
	}
	return b, err
}

// WriteFile makes or replaces the contents of a file.
func (c *Ctx) WriteFile(path string, data []byte, perm linux.Mode) error {
	f, err := c.OpenFile(path, linux.O_WRONLY|linux.O_CREAT|linux.O_TRUNC, perm)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}

// Release is the version in the note of the program's own file, as in "node 7.2.0"; "" where there
// is none. Programs that images have in several versions go by it.
func (c *Ctx) Release() string {
	f, err := c.OpenFile("/proc/self/exe", linux.O_RDONLY, 0)
	if err != nil {
		return ""
	}
	defer f.Close()
	head := make([]byte, elfnote.HeadSize)
	n, _ := f.ReadAt(head, 0)
	program, _, _ := elfnote.Read(head[:n])
	_, release, _ := strings.Cut(program, " ")
	return release
}

// JoinPath puts name below dir with exactly one slash between, and cleans nothing else.
func JoinPath(dir, name string) string {
	if dir == "" {
		return name
	}
	return strings.TrimRight(dir, "/") + "/" + strings.TrimLeft(name, "/")
}

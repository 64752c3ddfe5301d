// Package prog is what the lab's programs are written with: the part of a C library and of the
// start-up code that decides how a program reads its options, buffers its streams, words its
// errors and ends.
//
// A Program is a Go function with a name. It runs inside a kernel process and gets a Ctx, which
// is that process with its streams and its name around it:
//
//	var Programs = []prog.Program{{Name: "rmdir", Families: prog.Any, Run: rmdir}}
//
//	func rmdir(c *prog.Ctx) int {
//		for opt := range c.Getopt("pv", long) { ... }
//		for _, dir := range c.Args {
//			if err := c.Rmdir(dir); err != nil { c.Fail("...: %v", err) }
//		}
//		return c.Status
//	}
//
// Most programs exist in two families, as they do in life: GNU's, in Debian's images, and
// Busybox's, in busybox and alpine. They differ in options, words and exit codes, so a program
// asks c.GNU() where they part.
package prog

import (
	"bufio"
	"fmt"
	"io"
	"path"
	"time"

	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/linux"
)

// Family is a set of implementations of the standard programs.
type Family uint8

// The families. GNU stands for what Debian bookworm installs (coreutils 9.1, findutils 4.9,
// procps 4.0.2, util-linux 2.38.1 and so on), Busybox for BusyBox 1.35 as Debian builds it.
const (
	GNU Family = 1 << iota
	Busybox
	// Alpine is Busybox as Alpine builds it: a program that runs as it is one of Busybox's, with
	// Ctx.Alpine set.
	Alpine

	Any = GNU | Busybox
)

// String is the word for the family in an ELF note: "gnu", "busybox".
func (f Family) String() string {
	switch f {
	case GNU:
		return "gnu"
	case Busybox:
		return "busybox"
	case Alpine:
		return "alpine"
	case Any:
		return "any"
	}
	return fmt.Sprintf("Family(%d)", uint8(f))
}

// ParseFamily reads what String writes.
func ParseFamily(s string) (f Family, ok bool) {
	for _, f := range []Family{GNU, Busybox, Alpine, Any} {
		if f.String() == s {
			return f, true
		}
	}
	return 0, false
}

// Program is one program of one or both families.
type Program struct {
	Name     string // what it is called in /bin, "ls"
	Families Family
	Run      func(c *Ctx) int // its result is the exit code
}

// Main makes a kernel.Program of pr in one family. argv[0] names it in its own messages, whole in
// the GNU family and by its last element in Busybox, as the real ones have it.
func (pr Program) Main(f Family) kernel.Program {
	return func(p *kernel.Proc) int {
		argv := p.Args()
		name := pr.Name
		if len(argv) > 0 && argv[0] != "" {
			name, argv = argv[0], argv[1:]
		}
		return pr.RunArgs(p, f, name, argv)
	}
}

// RunArgs runs pr in the process p as a call of name with args, and flushes its output. It is
// how one program carries out another, as "busybox ls" does.
func (pr Program) RunArgs(p *kernel.Proc, f Family, name string, args []string) int {
	argv0 := name
	alpine := f == Alpine
	if alpine {
		f = Busybox
	}
	if f == Busybox {
		name = path.Base(name)
	}
	c := &Ctx{
		Proc:        p,
		argv0:       argv0,
		Name:        name,
		Family:      f,
		Alpine:      alpine,
		Program:     pr.Name,
		Args:        args,
		UsageStatus: 1,
	}
	c.In = bufio.NewReaderSize(inReader{c}, 4096)
	c.Out = newWriter(c, 1)
	c.Err = p.Writer(2)
	if f == Busybox && len(args) == 1 && args[0] == "--help" && busyboxUsage()[pr.Name] != "" {
		c.Help()
	}
	return c.finish(pr.Run(c))
}

// Ctx is a running program: its process, its name and its standard streams.
type Ctx struct {
	*kernel.Proc

	Name    string   // how its messages begin
	Program string   // its name in the table of programs, whatever argv[0] says
	Family  Family   // GNU or Busybox
	Alpine  bool     // Busybox with what Alpine's build has and Debian's lacks
	Args    []string // what follows argv[0]; after Getopt, the operands

	In  *bufio.Reader // fd 0
	Out *Writer       // fd 1, buffered as C's stdio does it
	Err io.Writer     // fd 2, unbuffered

	// Status is for the program's own use: the exit code it is heading for. Fail raises it to 1.
	Status int
	// UsageStatus is the exit code of wrong use, 1 unless the program sets another before Getopt.
	UsageStatus int
	// OnUsage, if set, replaces what Usage does; if it returns, the program exits with UsageStatus.
	OnUsage func()
	// WriteStatus is the exit code when standard output cannot be written. 0 means 1 in the GNU
	// family, where every program looks; a Busybox program that does not look leaves it 0.
	WriteStatus int

	zone    *time.Location // what Zone found
	argv0   string         // as getopt writes it
	closers []func()
}

// GNU says whether the program runs as the GNU one.
func (c *Ctx) GNU() bool { return c.Family == GNU }

// Fail writes "NAME: message" and a newline to standard error, after what standard output
// holds back, and sets Status to 1 if it was 0.
func (c *Ctx) Fail(format string, args ...any) {
	if c.Status == 0 {
		c.Status = 1
	}
	c.Warn(format, args...)
}

// Warn is Fail without a word on the exit code.
func (c *Ctx) Warn(format string, args ...any) {
	c.Out.Flush()
	io.WriteString(c.Err, c.Name+": "+fmt.Sprintf(format, args...)+"\n")
}

// Die is Fail and the end of the program.
func (c *Ctx) Die(status int, format string, args ...any) {
	c.Warn(format, args...)
	c.Exit(status)
}

// Errorf writes to standard error as it stands, after what standard output holds back.
func (c *Ctx) Errorf(format string, args ...any) {
	c.Out.Flush()
	fmt.Fprintf(c.Err, format, args...)
}

// Printf writes to standard output.
func (c *Ctx) Printf(format string, args ...any) { fmt.Fprintf(c.Out, format, args...) }

// Print writes strings to standard output, one after the other.
func (c *Ctx) Print(s ...string) {
	for _, s := range s {
		c.Out.WriteString(s)
	}
}

// Exit flushes standard output and ends the process; it does not return.
func (c *Ctx) Exit(status int) {
	c.Proc.Exit(c.finish(status))
}

// AtExit has f called when the program ends by returning or by Exit, before its output is
// flushed for the last time; the last f first. A program killed by a signal skips it.
func (c *Ctx) AtExit(f func()) { c.closers = append(c.closers, f) }

// finish does what exit(3) and the families' close_stdout do, and gives the exit code.
func (c *Ctx) finish(status int) int {
	for len(c.closers) > 0 {
		f := c.closers[len(c.closers)-1]
		c.closers = c.closers[:len(c.closers)-1]
		f()
	}
	if n := c.In.Buffered(); n > 0 {
		c.Lseek(0, int64(-n), linux.SEEK_CUR) // fails, rightly, unless stdin is a file
	}
	c.Out.Flush()
	if err := c.Out.err; err != nil && !c.Out.reported && (c.GNU() || c.WriteStatus != 0) {
		c.Out.reported = true
		what := "write error"
		if !c.GNU() {
			what = "standard output"
		}
		io.WriteString(c.Err, c.Name+": "+what+": "+err.Error()+"\n")
		status = max(c.WriteStatus, 1)
	}
	return status
}

// inReader reads fd 0. As stdio does, it first sends out what a line-buffered output holds back.
type inReader struct{ c *Ctx }

func (r inReader) Read(b []byte) (int, error) {
	if r.c.Out.lines {
		r.c.Out.Flush()
	}
	n, err := r.c.Proc.Read(0, b)
	if err == nil && n == 0 {
		err = io.EOF
	}
	return n, err
}

// Writer is a C stdio stream for output: it holds back up to 4096 bytes, or, on a terminal, up to
// the end of a line. After a failed write it drops everything and keeps the error.
type Writer struct {
	c        *Ctx
	fd       int
	buf      []byte
	size     int
	lines    bool // flush at newlines
	err      error
	reported bool
}

func newWriter(c *Ctx, fd int) *Writer {
	w := &Writer{c: c, fd: fd, size: 4096}
	if c.Isatty(fd) {
		w.lines, w.size = true, 1024
	}
	return w
}

// Unbuffered makes each later write go out at once, as setvbuf(stdout, NULL, _IONBF, 0).
func (w *Writer) Unbuffered() { w.Flush(); w.size = 0 }

// LineBuffered makes w keep lines together and send each as it ends, as _IOLBF.
func (w *Writer) LineBuffered() { w.lines = true }

// Err is the first error that a write met.
func (w *Writer) Err() error { return w.err }

// Flush writes what is held back.
func (w *Writer) Flush() error {
	if len(w.buf) > 0 && w.err == nil {
		_, w.err = w.c.Proc.Write(w.fd, w.buf)
	}
	w.buf = w.buf[:0]
	return w.err
}

// Write implements io.Writer.
func (w *Writer) Write(b []byte) (int, error) {
	return w.WriteString(string(b))
}

// WriteString implements io.StringWriter.
func (w *Writer) WriteString(s string) (int, error) {
	n := len(s)
	w.c.Step(1 + n>>6)
	nl := false
	for i := 0; w.lines && i < len(s) && !nl; i++ {
		nl = s[i] == '\n'
	}
	for len(w.buf)+len(s) > w.size && len(s) > 0 && w.err == nil {
		if w.size == 0 {
			w.buf = append(w.buf, s...)
			s = ""
		} else {
			k := min(w.size-len(w.buf), len(s))
			w.buf = append(w.buf, s[:k]...)
			s = s[k:]
		}
		w.Flush()
	}
	if w.err != nil {
		return 0, w.err
	}
	w.buf = append(w.buf, s...)
	if nl {
		w.Flush()
	}
	return n, w.err
}

// WriteByte implements io.ByteWriter.
func (w *Writer) WriteByte(b byte) error {
	_, err := w.WriteString(string([]byte{b}))
	return err
}

// WriteRune writes r in UTF-8.
func (w *Writer) WriteRune(r rune) (int, error) { return w.WriteString(string(r)) }

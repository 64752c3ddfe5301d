package kernel

import (
	"fmt"
	"io"
	"sync/atomic"
	"unicode/utf8"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// Termios is what a terminal does to what passes through it; see termios(3).
type Termios struct {
	Icrnl, Ixon                 bool
	Opost, Onlcr                bool
	Isig, Canon, Echo           bool
	Echoe, Echok, Echoctl, Iext bool
	Intr, Quit, Susp, Eof       byte
	Erase, Kill, Werase         byte
	Min, Time                   byte
}

// Sane is how a terminal begins.
var Sane = Termios{Icrnl: true, Ixon: true, Opost: true, Onlcr: true, Isig: true, Canon: true, Echo: true,
	Echoe: true, Echok: true, Echoctl: true, Iext: true,
	Intr: 3, Quit: 28, Susp: 26, Eof: 4, Erase: 127, Kill: 21, Werase: 23, Min: 1}

// Raw is Sane with nothing done to what passes through.
func (t Termios) Raw() Termios {
	t.Icrnl, t.Ixon, t.Opost, t.Onlcr = false, false, false, false
	t.Isig, t.Canon, t.Echo, t.Iext = false, false, false, false
	t.Min, t.Time = 1, 0
	return t
}

// Terminal is a pseudo-terminal: processes have its slave, and code outside its master.
type Terminal struct {
	k          *Kernel
	box        *Sandbox
	num        int
	mode       Termios
	rows, cols int
	session    *session
	foreground *group
	lines      [][]byte // canonical input that is complete; an empty one is end of file
	line       []byte   // being typed
	raw        []byte   // input when not canonical
	stopped    bool     // by ^S
	out        []byte
	slaves     int
	everOpened bool
	gone       bool // the master is closed
	readers    queue
	masters    queue
	writers    queue
	st         vfs.Stat
}

// NewTerminal makes a terminal of the given size in the sandbox. It is called inside the kernel.
func (b *Sandbox) NewTerminal(rows, cols int) *Terminal {
	k := b.k
	n := 0
	for b.pts[n] != nil {
		n++
	}
	t := &Terminal{k: k, box: b, num: n, mode: Sane, rows: rows, cols: cols}
	now := k.Now()
	t.st = vfs.Stat{Dev: linux.Mkdev(0, 21), Ino: vfs.Ino(n + 3), Mode: linux.S_IFCHR | 0o620, Nlink: 1, GID: 5, Rdev: linux.Mkdev(136, uint32(n)), Atime: now, Mtime: now, Ctime: now}
	b.pts[n] = t
	return t
}

func (t *Terminal) name() string { return fmt.Sprintf("pts/%d", t.num) }

// Name is its path below /dev: "pts/0".
func (t *Terminal) Name() string { return t.name() }

type ttyFile struct{ t *Terminal }

// Slave opens the terminal for a process. It is called inside the kernel.
func (t *Terminal) Slave() *File { return t.open(linux.O_RDWR) }

func (t *Terminal) open(flags int) *File {
	t.slaves++
	t.everOpened = true
	return t.k.newFile(&ttyFile{t}, flags)
}

func (f *ttyFile) close(*File) {
	f.t.slaves--
	f.t.masters.wakeAll()
}

func (f *ttyFile) stat(*File) (vfs.Stat, error) { return f.t.st, nil }

func (t *Terminal) inputReady() bool {
	if t.mode.Canon {
		return len(t.lines) > 0
	}
	return len(t.raw) > 0 || len(t.lines) > 0
}

func (f *ttyFile) poll(*File) (int16, []*queue) {
	var ev int16
	if f.t.inputReady() || f.t.gone {
		ev |= POLLIN
	}
	if f.t.gone {
		ev |= POLLHUP
	}
	if len(f.t.out) < pipeSize {
		ev |= POLLOUT
	}
	return ev, []*queue{&f.t.readers, &f.t.writers}
}

func (f *ttyFile) read(t *task, file *File, b []byte) (int, error) {
	y := f.t
	for {
		if y.gone {
			return 0, nil
		}
		if p := t.proc; p != nil && y.session == p.group.session && y.foreground != p.group && y.foreground != nil {
			if p.disposition[linux.SIGTTIN] == Ignore || p.orphaned() {
				return 0, linux.EIO
			}
			y.k.signalGroup(p.group, linux.SIGTTIN)
			if err := p.checkpoint(); err != nil {
				return 0, err
			}
			continue
		}
		if y.inputReady() {
			break
		}
		if !y.mode.Canon && y.mode.Min == 0 && y.mode.Time == 0 {
			return 0, nil
		}
		if file.flags&linux.O_NONBLOCK != 0 {
			return 0, linux.EAGAIN
		}
		if err := t.wait(&y.readers); err != nil {
			return 0, err
		}
	}
	if len(y.lines) > 0 {
		l := y.lines[0]
		n := copy(b, l)
		if y.lines[0] = l[n:]; n == len(l) {
			y.lines = y.lines[1:]
		}
		return n, nil
	}
	n := copy(b, y.raw)
	y.raw = y.raw[n:]
	return n, nil
}

func (f *ttyFile) write(t *task, file *File, b []byte) (int, error) {
	y := f.t
	for i := range b {
		for (len(y.out) >= pipeSize || y.stopped) && !y.gone {
			if err := t.wait(&y.writers); err != nil {
				return i, err
			}
		}
		if y.gone {
			return i, linux.EIO
		}
		if b[i] == '\n' && y.mode.Opost && y.mode.Onlcr {
			y.out = append(y.out, '\r')
		}
		y.out = append(y.out, b[i])
	}
	y.masters.wakeAll()
	return len(b), nil
}

// input is what the line discipline does with bytes from the master.
func (t *Terminal) input(b []byte) {
	m := &t.mode
	for _, c := range b {
		if c == '\r' && m.Icrnl {
			c = '\n'
		}
		if m.Ixon && c == 19 {
			t.stopped = true
			continue
		}
		if m.Ixon && t.stopped {
			t.stopped = false
			t.writers.wakeAll()
			if c == 17 {
				continue
			}
		}
		if m.Isig && c != 0 {
			var sig linux.Signal
			switch c {
			case m.Intr:
				sig = linux.SIGINT
			case m.Quit:
				sig = linux.SIGQUIT
			case m.Susp:
				sig = linux.SIGTSTP
			}
			if sig != 0 {
				t.line, t.raw = nil, nil
				t.echo(c)
				t.k.signalGroup(t.foreground, sig)
				continue
			}
		}
		if !m.Canon {
			t.raw = append(t.raw, c)
			t.echo(c)
			continue
		}
		switch c {
		case m.Erase, 8:
			if c == 8 && m.Erase != 8 {
				t.line = append(t.line, c)
				t.echo(c)
				continue
			}
			t.erase()
		case m.Kill:
			for len(t.line) > 0 {
				t.erase()
			}
		case m.Werase:
			for len(t.line) > 0 && t.line[len(t.line)-1] == ' ' {
				t.erase()
			}
			for len(t.line) > 0 && t.line[len(t.line)-1] != ' ' {
				t.erase()
			}
		case m.Eof:
			t.lines = append(t.lines, t.line)
			t.line = nil
		case '\n':
			t.echo(c)
			t.lines = append(t.lines, append(t.line, c))
			t.line = nil
		default:
			if len(t.line) < 4095 {
				t.line = append(t.line, c)
				t.echo(c)
			}
		}
	}
	t.readers.wakeAll()
	t.masters.wakeAll()
}

func (t *Terminal) echo(c byte) {
	if !t.mode.Echo {
		return
	}
	switch {
	case c == '\n' && t.mode.Opost && t.mode.Onlcr:
		t.out = append(t.out, '\r', '\n')
	case c < 32 && c != '\n' && c != '\t' && t.mode.Echoctl:
		t.out = append(t.out, '^', c+64)
	default:
		t.out = append(t.out, c)
	}
}

// erase takes the last character off the line being typed, and off the screen.
func (t *Terminal) erase() {
	if len(t.line) == 0 {
		return
	}
	r, n := utf8.DecodeLastRune(t.line)
	width := 1
	if r < 32 && r != utf8.RuneError {
		width = 2
	} else if r >= 0x1100 && r != utf8.RuneError {
		width = 2
	}
	t.line = t.line[:len(t.line)-n]
	if t.mode.Echo && t.mode.Echoe {
		for range width {
			t.out = append(t.out, '\b', ' ', '\b')
		}
	}
}

// hangup is the end of the session that has the terminal.
func (t *Terminal) hangup(s *session) {
	if t.session != s {
		return
	}
	fg := t.foreground
	t.session, t.foreground = nil, nil
	s.tty = nil
	if fg != nil {
		t.k.signalGroup(fg, linux.SIGHUP)
		t.k.signalGroup(fg, linux.SIGCONT)
	}
	t.readers.wakeAll()
	t.masters.wakeAll()
}

// Master is the outside of a terminal: an io.ReadWriteCloser for any goroutine.
type Master struct {
	t      *Terminal
	closed atomic.Bool
}

// Master opens the terminal from outside.
func (t *Terminal) Master() *Master { return &Master{t: t} }

// Read waits for what processes wrote and the terminal echoed. io.EOF once no process has the
// terminal open any more.
func (m *Master) Read(b []byte) (int, error) {
	t := m.t.k.newTask(nil)
	t.gone = m.closed.Load
	t.acquire()
	defer t.leave()
	y := m.t
	for len(y.out) == 0 {
		if m.closed.Load() || y.gone || y.everOpened && y.slaves == 0 {
			return 0, io.EOF
		}
		t.wait(&y.masters)
	}
	n := copy(b, y.out)
	if y.out = y.out[n:]; len(y.out) == 0 {
		y.out = nil
	}
	y.writers.wakeAll()
	return n, nil
}

// Write types b.
func (m *Master) Write(b []byte) (int, error) {
	m.t.k.Do(func() { m.t.input(b) })
	return len(b), nil
}

// Close hangs up: the session that has the terminal gets SIGHUP.
func (m *Master) Close() error {
	if m.closed.Swap(true) {
		return nil
	}
	m.t.k.Do(func() {
		y := m.t
		y.gone = true
		delete(y.box.pts, y.num)
		if s := y.session; s != nil {
			if lead := y.k.procs[s.pid]; lead != nil {
				lead.post(linux.SIGHUP, false)
				lead.post(linux.SIGCONT, false)
			}
			if y.foreground != nil && y.foreground.pid != s.pid {
				y.k.signalGroup(y.foreground, linux.SIGHUP)
			}
		}
		y.readers.wakeAll()
		y.masters.wakeAll()
		y.writers.wakeAll()
	})
	return nil
}

// Resize changes the size, and tells the foreground group by SIGWINCH. It is called from outside.
func (t *Terminal) Resize(rows, cols int) {
	t.k.Do(func() { t.ResizeInside(rows, cols) })
}

// ResizeInside is Resize for callers inside the kernel.
func (t *Terminal) ResizeInside(rows, cols int) {
	if t.rows == rows && t.cols == cols {
		return
	}
	t.rows, t.cols = rows, cols
	t.k.signalGroup(t.foreground, linux.SIGWINCH)
}

// --- the terminal as a process sees it ---

func (p *Proc) tty(fd int) (*Terminal, error) {
	f, err := p.file(fd)
	if err != nil {
		return nil, err
	}
	if t, ok := f.ops.(*ttyFile); ok {
		return t.t, nil
	}
	return nil, linux.ENOTTY
}

// Isatty says whether a descriptor is a terminal.
func (p *Proc) Isatty(fd int) bool { _, err := p.tty(fd); return err == nil }

// Ttyname is the path of the terminal at fd, "/dev/pts/0", or "".
func (p *Proc) Ttyname(fd int) string {
	t, err := p.tty(fd)
	if err != nil {
		return ""
	}
	return "/dev/" + t.name()
}

// Winsize is the terminal's size.
func (p *Proc) Winsize(fd int) (rows, cols int, err error) {
	t, err := p.tty(fd)
	if err != nil {
		return 0, 0, err
	}
	return t.rows, t.cols, nil
}

// SetWinsize changes it.
func (p *Proc) SetWinsize(fd, rows, cols int) error {
	t, err := p.tty(fd)
	if err == nil {
		t.ResizeInside(rows, cols)
	}
	return err
}

// Tcgetattr and Tcsetattr read and set the terminal's mode.
func (p *Proc) Tcgetattr(fd int) (Termios, error) {
	t, err := p.tty(fd)
	if err != nil {
		return Termios{}, err
	}
	return t.mode, nil
}

// Tcsetattr sets the terminal's mode. What was typed and not yet read is kept.
func (p *Proc) Tcsetattr(fd int, m Termios) error {
	p.Step(1)
	t, err := p.tty(fd)
	if err != nil {
		return err
	}
	t.setMode(m)
	return nil
}

func (t *Terminal) setMode(m Termios) {
	if t.mode.Canon && !m.Canon {
		for _, l := range t.lines {
			t.raw = append(t.raw, l...)
		}
		t.raw = append(t.raw, t.line...)
		t.lines, t.line = nil, nil
	} else if !t.mode.Canon && m.Canon {
		pending := t.raw
		t.raw = nil
		t.mode = m
		quiet := m
		quiet.Echo = false
		t.mode = quiet
		t.input(pending)
	}
	t.mode = m
	t.readers.wakeAll()
}

// Tcgetpgrp is the terminal's foreground group.
func (p *Proc) Tcgetpgrp(fd int) (int, error) {
	t, err := p.tty(fd)
	if err != nil {
		return 0, err
	}
	if t.session != p.group.session {
		return 0, linux.ENOTTY
	}
	if t.foreground == nil {
		return 0, nil
	}
	return p.groupNumber(t.foreground), nil
}

// Tcsetpgrp makes a group of the session the terminal's foreground group. A caller in the
// background gets SIGTTOU unless it ignores or catches it.
func (p *Proc) Tcsetpgrp(fd, pgid int) error {
	p.Step(1)
	t, err := p.tty(fd)
	if err != nil {
		return err
	}
	if t.session != p.group.session {
		return linux.ENOTTY
	}
	for _, q := range p.visible() {
		if p.groupNumber(q.group) == pgid && q.group.session == t.session {
			if t.foreground != p.group && t.foreground != nil && p.disposition[linux.SIGTTOU] == Default && !p.orphaned() {
				p.k.signalGroup(p.group, linux.SIGTTOU)
				p.checkpoint()
			}
			t.foreground = q.group
			t.readers.wakeAll()
			return nil
		}
	}
	return linux.EPERM
}

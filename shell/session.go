package shell

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/dockerlab/dockerlab/lessons"
	"github.com/dockerlab/dockerlab/shell/line"
	"github.com/dockerlab/dockerlab/sim"
	"github.com/dockerlab/dockerlab/sim/host"
	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/userland/sh"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// Session is somebody at work on the lab's host. One bash runs for all of it, so that the working
// directory, variables and functions stay from line to line. At a terminal, the bash gets its
// lines from the editor of package line, and has a terminal of the lab otherwise, which the outer
// one mirrors while a command runs. Without one, lines are read plainly.
type Session struct {
	Lab *Lab

	Terminal *line.Terminal // from line.Open; nil where there is none
	History  *line.History  // may be nil

	// In and Out stand for the terminal where there is none.
	In  io.Reader
	Out io.Writer

	// Command is asked first what to do with a line, and returns true for one that is not for
	// the shell. Ran is called when the shell has run one. What they print goes to out. Both may be
	// nil.
	Command func(ctx context.Context, text string, out io.Writer) bool
	Ran     func(ctx context.Context, out io.Writer)

	// Timeline follows the lab: with one, commands can be undone, and are kept when they have ended.
	Timeline *sim.Timeline
	// Lang is the language of the session's own messages; nil is English.
	Lang func() lessons.Lang

	next  *Lab      // to move to
	label [2]string // of next: what it is used for, and by which command
	lines interface {
		ReadLine(prompt string) (string, error)
	}
	pty    *kernel.Terminal
	master *kernel.Master
	mark   []byte
	marks  chan struct{}
	asks   chan ask

	mu  sync.Mutex
	cwd string
}

// ask is the shell's wish for a line, and where to put it.
type ask struct {
	prompt string
	answer chan answer
}

type answer struct {
	text string
	err  error
}

// Run works until the shell ends, by "exit" or by ^D, or ctx does.
func (s *Session) Run(ctx context.Context) error {
	s.cwd = Home
	s.mark = []byte("\x1b]777;" + rand.Text() + "\x07")
	s.marks = make(chan struct{}, 1)
	s.asks = make(chan ask)
	if s.Terminal != nil {
		s.lines = line.NewEditor(s.Terminal, line.Options{History: s.History, Completer: &completer{s}})
	} else {
		s.lines = newPlainLines(s.In)
	}
	for {
		again, err := s.shell(ctx)
		if s.next != nil {
			left := s.Lab
			s.Lab, s.next, again = s.next, nil, true
			s.cwd = Home
			if s.Timeline != nil {
				s.Lab.Follow(s.Timeline, s.label[0], s.label[1])
				s.done(ctx, s.label[1])
			}
			left.Close()
		}
		if err != nil || !again {
			return err
		}
	}
}

// MoveTo makes the session go on in another lab, with a new shell. The one that it leaves is
// closed. It is called from Command. The lab's use, and the command that moves, are for the timeline;
// see sim.Timeline.Follow.
func (s *Session) MoveTo(lab *Lab, use, command string) {
	s.next, s.label = lab, [2]string{use, command}
}

// out is where messages are printed.
func (s *Session) out() io.Writer {
	if s.Terminal != nil {
		return crlf{s.Terminal}
	}
	return s.Out
}

func (s *Session) workingDirectory() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cwd
}

// shell runs one bash from its start to its end. It is to be started again where a bound of the
// lab has ended it, and not its user.
func (s *Session) shell(ctx context.Context) (again bool, err error) {
	k, box := s.Lab.sim.Kernel(), s.Lab.sim.Host().Sandbox()
	spec := kernel.Spec{
		Body:  sh.Interactive(sh.Bash, s.readLine),
		Argv:  []string{"bash"},
		Env:   append([]string{"TERM=xterm-256color"}, host.Env...),
		Dir:   s.workingDirectory(),
		Cred:  vfs.Root(vfs.CapsAll),
		Umask: 0o022,
	}
	var rows, cols int
	if s.Terminal != nil {
		rows, cols = s.Terminal.Size()
	}
	var task *kernel.Task
	k.Do(func() {
		box.Refill()
		if s.Terminal != nil {
			s.pty = box.NewTerminal(rows, cols)
			s.master = s.pty.Master()
			spec.TTY = s.pty
			spec.Files = []*kernel.File{s.pty.Slave(), s.pty.Slave(), s.pty.Slave()}
		} else {
			out := k.SinkFile(func(b []byte) { s.Out.Write(b) })
			spec.Files = []*kernel.File{k.NullFile(), out, out.Ref()}
		}
		task, err = box.Start(spec)
	})
	if err != nil {
		return false, fmt.Errorf("start bash in the lab: %w", err)
	}
	if s.Terminal != nil {
		defer s.mirror()()
	}

	foreground := s.lend()
	ran, last := false, ""
	for {
		select {
		case a := <-s.asks:
			foreground()
			s.settle()
			if ran {
				s.done(ctx, last)
			}
			if ran && s.Ran != nil {
				s.Ran(ctx, s.out())
			}
			text, err := s.nextLine(ctx, a.prompt)
			ran, last = err == nil, text
			s.begin()
			k.Do(box.Refill)
			foreground = s.lend()
			a.answer <- answer{text, err}
		case <-task.Done():
			foreground()
			var hit *kernel.BudgetError
			k.Do(func() { hit = box.Hit() })
			if hit == nil {
				return false, nil
			}
			fmt.Fprintf(s.out(), "\ndockerlab: %v\n", hit)
			return true, nil
		case <-ctx.Done():
			foreground()
			return false, context.Cause(ctx)
		}
	}
}

// errMoved ends the input of a shell whose lab is left.
var errMoved = errors.New("moved to another lab")

// nextLine reads a line for the shell; those for Command are not.
func (s *Session) nextLine(ctx context.Context, prompt string) (string, error) {
	for {
		text, err := s.lines.ReadLine(prompt)
		if err == nil {
			if was, moved := s.timeTravel(text, s.out()); was {
				if moved && s.Ran != nil {
					s.Ran(ctx, s.out())
				}
				continue
			}
		}
		if err != nil || s.Command == nil {
			return text, err
		}
		s.begin()
		if !s.Command(ctx, text, s.out()) {
			return text, err
		}
		s.done(ctx, text)
		if s.next != nil {
			return "", errMoved
		}
	}
}

// mirror shows what the lab's terminal shows, and keeps it as large as the outer one, until the
// function that it returns is called.
func (s *Session) mirror() (end func()) {
	shown := make(chan struct{})
	go func() {
		defer close(shown)
		s.show()
	}()
	stop := make(chan struct{})
	var resizing sync.WaitGroup
	resizing.Go(func() {
		for {
			select {
			case <-s.Terminal.Resized():
				s.pty.Resize(s.Terminal.Size())
			case <-stop:
				return
			}
		}
	})
	return func() {
		close(stop)
		resizing.Wait()
		select {
		case <-shown:
		case <-time.After(100 * time.Millisecond): // a process in the background has the terminal
		}
		s.master.Close()
		<-shown
	}
}

// settle waits until all that was printed before the shell asked for a line is on the screen.
func (s *Session) settle() {
	if s.Terminal == nil {
		return
	}
	select {
	case <-s.marks:
	case <-time.After(time.Second): // the shell's terminal is closed to it
	}
}

// lend gives the keyboard to whatever runs in the lab, until the function that it returns is
// called.
func (s *Session) lend() (end func()) {
	if s.Terminal == nil {
		return func() {}
	}
	lease := s.Terminal.Lease()
	done := make(chan struct{})
	master := s.master
	go func() {
		defer close(done)
		_, _ = io.Copy(master, lease)
	}()
	return func() {
		lease.End()
		<-done
	}
}

// show copies the lab's terminal to the outer one. The mark that readLine writes is taken out, and
// tells that all that came before it is on the screen.
func (s *Session) show() {
	var held []byte
	buf := make([]byte, 16<<10)
	for {
		n, err := s.master.Read(buf)
		held = append(held, buf[:n]...)
		for {
			before, after, found := bytes.Cut(held, s.mark)
			if !found {
				break
			}
			_, _ = s.Terminal.Write(before)
			held = after
			select {
			case s.marks <- struct{}{}:
			default:
			}
		}
		keep := 0
		if err == nil {
			keep = beginning(held, s.mark)
		}
		_, _ = s.Terminal.Write(held[:len(held)-keep])
		held = append([]byte(nil), held[len(held)-keep:]...)
		if err != nil {
			return
		}
	}
}

// beginning is how many bytes at the end of b may be the beginning of mark.
func beginning(b, mark []byte) int {
	for n := min(len(mark)-1, len(b)); n > 0; n-- {
		if bytes.HasSuffix(b, mark[:n]) {
			return n
		}
	}
	return 0
}

// readLine is how the shell in the lab gets a line. It is called in the shell's process. io.EOF
// ends the shell.
func (s *Session) readLine(p *kernel.Proc, prompt string) (string, error) {
	if dir, err := p.Getwd(); err == nil {
		s.mu.Lock()
		s.cwd = dir
		s.mu.Unlock()
	}
	ahead := s.takeTerminal(p)
	result := answer{err: io.EOF}
	p.Outside(func(o *kernel.Outside) int {
		if s.Terminal != nil {
			s.Terminal.Unread(ahead)
		}
		a := ask{prompt: prompt, answer: make(chan answer, 1)}
		select {
		case s.asks <- a:
		case <-o.Done():
			return 1
		}
		select {
		case result = <-a.answer:
		case <-o.Done():
			return 1
		}
		return 0
	})
	if result.err != nil {
		return "", io.EOF
	}
	return result.text, nil
}

// takeTerminal puts the lab's terminal in order before a prompt, as readline does: whatever mode a
// command has left it in. It gives what was typed and no command has read, which is for the next
// line, and marks where the output of the commands so far ends.
func (s *Session) takeTerminal(p *kernel.Proc) (ahead []byte) {
	if s.Terminal == nil {
		return nil
	}
	if p.Isatty(0) {
		raw := kernel.Sane.Raw()
		raw.Min = 0
		if p.Tcsetattr(0, raw) == nil {
			buf := make([]byte, 4096)
			for {
				n, err := p.Read(0, buf)
				if n == 0 || err != nil {
					break
				}
				ahead = append(ahead, buf[:n]...)
			}
		}
		_ = p.Tcsetattr(0, kernel.Sane)
	}
	for _, fd := range []int{2, 0, 1} {
		if p.Isatty(fd) {
			_, _ = p.Write(fd, s.mark)
			break
		}
	}
	return ahead
}

// crlf writes lines to a terminal that is raw.
type crlf struct{ w io.Writer }

func (c crlf) Write(p []byte) (int, error) {
	if _, err := c.w.Write(bytes.ReplaceAll(p, []byte("\n"), []byte("\r\n"))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// plainLines reads lines from what is no terminal.
type plainLines struct{ s *bufio.Scanner }

// maxLine is the longest line that is read.
const maxLine = 1 << 20

func newPlainLines(r io.Reader) plainLines {
	s := bufio.NewScanner(r)
	s.Buffer(nil, maxLine)
	return plainLines{s}
}

func (p plainLines) ReadLine(string) (string, error) {
	if p.s.Scan() {
		return p.s.Text(), nil
	}
	if err := p.s.Err(); err != nil {
		return "", err
	}
	return "", io.EOF
}

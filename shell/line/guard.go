package line

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime/debug"
)

// settle puts the screen in order after whatever a program in the lab has switched on: no bracketed
// paste or mouse reports, the normal screen, the cursor shown, default colours.
const settle = "\x1b[?2004l\x1b[?1000l\x1b[?1049l\x1b[?25h\x1b[0m"

// closedInOrder is what Close tells the guard: there is nothing left to do.
const closedInOrder = '.'

// Guard has a second process put the terminal back if this one ends without Close: a panic on any
// goroutine, which no deferred call of another goroutine sees, or SIGKILL. cmd is that process; it
// is to run KeepGuard at once. Close ends it. On systems where a console belongs to its program
// there is nothing to guard, and cmd is not started.
func (t *Terminal) Guard(cmd *exec.Cmd) error {
	if t.cooked == "" {
		return nil
	}
	r, w, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("guard the terminal: %w", err)
	}
	defer r.Close()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = r, t.out, nil
	if err := cmd.Start(); err != nil {
		w.Close()
		return fmt.Errorf("guard the terminal: %w", err)
	}
	go cmd.Wait() // so that it leaves no zombie
	// The Go runtime writes the report of a fatal panic to w before the process ends: the guard
	// has the terminal in order before the shell that waits for us looks at it.
	if _, err := fmt.Fprintln(w, t.cooked); err == nil {
		err = debug.SetCrashOutput(w, debug.CrashOptions{})
	}
	if err != nil {
		w.Close()
		return fmt.Errorf("guard the terminal: %w", err)
	}
	t.guard = w
	return nil
}

// dismiss ends the guard; the terminal is in order.
func (t *Terminal) dismiss() {
	if t.guard == nil {
		return
	}
	debug.SetCrashOutput(nil, debug.CrashOptions{})
	t.guard.Write([]byte{closedInOrder})
	t.guard.Close()
}

// KeepGuard is the work of the process that Guard starts: in is its standard input, out its standard
// output. It returns when the other process has ended or has closed its terminal.
func KeepGuard(in io.Reader, out *os.File) error {
	ignoreSignals()
	r := bufio.NewReader(in)
	cooked, err := r.ReadString('\n')
	if err != nil {
		return nil // it ended before it had begun
	}
	if word, err := r.ReadByte(); err == nil && word == closedInOrder {
		return nil
	}
	if err := restore(int(out.Fd()), cooked); err != nil {
		return fmt.Errorf("restore the terminal: %w", err)
	}
	if _, err := io.WriteString(out, settle); err != nil {
		return fmt.Errorf("restore the terminal: %w", err)
	}
	return nil
}

//go:build unix

package line

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// child names the variable that makes the test binary an editor at a terminal; it says in which
// way it ends.
const child = "DOCKERLAB_LINE_CHILD"

func TestMain(m *testing.M) {
	switch how := os.Getenv(child); how {
	case "":
	case "guard":
		if err := KeepGuard(os.Stdin, os.Stdout); err != nil {
			panic(err)
		}
		os.Exit(0)
	default:
		os.Exit(runChild(how))
	}
	os.Exit(m.Run())
}

// words completes to a few words.
type words []string

func (w words) Complete(before string, asked bool) []Suggestion {
	if !asked {
		return nil
	}
	var out []Suggestion
	for _, word := range w {
		if strings.HasPrefix(word, before[WordStart(before):]) {
			out = append(out, Suggestion{Text: word})
		}
	}
	return out
}

// runChild reads lines and says what it read.
func runChild(how string) int {
	t, err := Open(os.Stdin, os.Stdout)
	if err != nil {
		fmt.Println("cannot open:", err)
		return 1
	}
	defer t.Close()
	guard := exec.Command(os.Args[0])
	guard.Env = append(os.Environ(), child+"=guard")
	if err := t.Guard(guard); err != nil {
		fmt.Fprintf(t, "guard: %v\r\n", err)
	}
	history, err := OpenHistory(os.Getenv("DOCKERLAB_LINE_HISTORY"))
	if err != nil {
		fmt.Fprintf(t, "history: %v\r\n", err)
	}
	e := NewEditor(t, Options{History: history, Completer: words{"inspect", "images", "info"}})
	for {
		line, err := e.ReadLine("$ ")
		if errors.Is(err, io.EOF) {
			fmt.Fprintf(t, "end\r\n")
			return 0
		}
		fmt.Fprintf(t, "got <%s>\r\n", line)
		switch {
		case line == "cat": // a command that reads the terminal
			lease := t.Lease()
			buf := make([]byte, 100)
			n, _ := lease.Read(buf)
			fmt.Fprintf(t, "cat read %q\r\n", buf[:n])
			lease.End()
		case line == "fail" && how == "panic":
			defer func() { recover() }()
			panic("fail")
		case line == "fail" && how == "panic elsewhere":
			go func() { panic("fail") }()
			select {}
		case line == "fail" && how == "kill":
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
	}
}

// screen is the other end of the terminal.
type screen struct {
	t    *testing.T
	pty  *os.File
	tty  *os.File
	cmd  *exec.Cmd
	mu   sync.Mutex
	text bytes.Buffer
}

// start runs the child at a new terminal of 80 by 24.
func start(t *testing.T, how string, controlling bool, env ...string) *screen {
	t.Helper()
	ptmx, tty, err := pty.Open()
	if err != nil {
		t.Skipf("no pseudo-terminals: %v", err)
	}
	if err := pty.Setsize(ptmx, &pty.Winsize{Rows: 24, Cols: 80}); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), append(env, child+"="+how)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: controlling}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := &screen{t: t, pty: ptmx, tty: tty, cmd: cmd}
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := ptmx.Read(buf)
			s.mu.Lock()
			s.text.Write(buf[:n])
			s.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		ptmx.Close()
		tty.Close()
	})
	return s
}

func (s *screen) typeKeys(keys string) {
	s.t.Helper()
	if _, err := io.WriteString(s.pty, keys); err != nil {
		s.t.Fatal(err)
	}
}

// expect waits until the screen has shown text, and forgets what came up to it.
func (s *screen) expect(text string) {
	s.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for time.Now().Before(deadline) {
		s.mu.Lock()
		i := strings.Index(s.text.String(), text)
		if i >= 0 {
			s.text.Next(i + len(text))
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
		time.Sleep(5 * time.Millisecond)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.t.Fatalf("the screen never showed %q; it has %q", text, s.text.String())
}

func TestEditor(t *testing.T) {
	s := start(t, "run", true)
	s.expect("$ ")
	s.typeKeys("docker ps\r")
	s.expect("got <docker ps>")

	s.expect("$ ")
	s.typeKeys("echo 你好，世界\x1b[D\x1b[D界\r") // the left arrow goes over a whole character
	s.expect("got <echo 你好，界世界>")

	s.expect("$ ")
	s.typeKeys("\x1b[A\x1b[A\r") // up, up: the line before the last
	s.expect("got <docker ps>")

	s.expect("$ ")
	s.typeKeys("one\rtwo\r") // faster than lines are read
	s.expect("got <one>")
	s.expect("got <two>")

	s.expect("$ ")
	s.typeKeys("\x1b[200~first\nsecond\nthird\x1b[201~")
	s.expect("got <first>")
	s.expect("got <second>")
	s.typeKeys("!\r")
	s.expect("got <third!>")

	s.expect("$ ")
	s.typeKeys("half a line\x03whole\r") // ^C drops the line and nothing else
	s.expect("got <whole>")

	s.expect("$ ")
	s.typeKeys("docker ins\t-f\r") // Tab completes the word
	s.expect("got <docker inspect -f>")

	s.expect("$ ")
	s.typeKeys("cat\r")
	s.expect("got <cat>")
	s.typeKeys("\x1b[A raw\r") // a lease gets the bytes as they are
	s.expect(`cat read "\x1b[A raw\r"`)

	s.expect("$ ")
	s.typeKeys("abc\x04\x04\x7f\x7f\x7f\x04") // ^D ends an empty line only
	s.expect("end")
	if err := s.cmd.Wait(); err != nil {
		t.Errorf("the editor ended with %v", err)
	}
}

// Without a controlling terminal there is no /dev/tty; the lines are read all the same.
func TestEditorWithoutDevTTY(t *testing.T) {
	s := start(t, "run", false)
	s.expect("$ ")
	s.typeKeys("docker ps\r")
	s.expect("got <docker ps>")
	s.expect("$ ")
	s.typeKeys("\x04")
	s.expect("end")
}

// The terminal is as it was after the end, after a panic on any goroutine, and after SIGKILL.
func TestTerminalIsRestored(t *testing.T) {
	for _, test := range []struct{ how, last string }{
		{"exit", "\x04"}, {"panic", "fail\r"}, {"panic elsewhere", "fail\r"}, {"kill", "fail\r"},
	} {
		t.Run(test.how, func(t *testing.T) {
			// Not the controlling terminal: that is hung up when the leader of its session ends, where
			// in life that leader is a shell that goes on.
			s := start(t, test.how, false)
			before, err := unix.IoctlGetTermios(int(s.tty.Fd()), getTermios)
			if err != nil {
				t.Fatal(err)
			}
			cooked := *before
			s.expect("$ ")
			raw, err := unix.IoctlGetTermios(int(s.tty.Fd()), getTermios)
			if err != nil {
				t.Fatal(err)
			}
			if raw.Lflag&unix.ICANON != 0 {
				t.Error("the terminal is not raw at the prompt")
			}
			s.typeKeys(test.last)
			s.cmd.Wait()
			s.expect("\x1b[?2004l") // the last thing that is done
			after, err := unix.IoctlGetTermios(int(s.tty.Fd()), getTermios)
			if err != nil {
				t.Fatal(err)
			}
			cooked.Lflag |= unix.ICANON | unix.ECHO | unix.ISIG // where the child was faster than we
			if after.Lflag&(unix.ICANON|unix.ECHO|unix.ISIG) != cooked.Lflag&(unix.ICANON|unix.ECHO|unix.ISIG) {
				t.Errorf("local modes are %#x, were %#x", after.Lflag, cooked.Lflag)
			}
			if after.Iflag&unix.ICRNL == 0 {
				t.Error("carriage returns are no longer mapped to newlines")
			}
		})
	}
}

func TestHistoryIsKept(t *testing.T) {
	name := filepath.Join(t.TempDir(), "state", "history")
	first := start(t, "run", true, "DOCKERLAB_LINE_HISTORY="+name)
	first.expect("$ ")
	first.typeKeys("docker pull nginx\r")
	first.expect("got <docker pull nginx>")
	first.expect("$ ")
	first.typeKeys("\x04")
	first.expect("end")
	first.cmd.Wait()

	second := start(t, "run", true, "DOCKERLAB_LINE_HISTORY="+name)
	second.expect("$ ")
	second.typeKeys("\x1b[A\r")
	second.expect("got <docker pull nginx>")
}

func TestHistoryFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "history")
	h, err := OpenHistory(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"one", "one", "two\nlines", "three"} {
		h.Add(line)
	}
	again, err := OpenHistory(name)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(again.Lines(), "|"); got != "one|three" {
		t.Errorf("history is %q: a line again, and one that is two, are left out", got)
	}
	for i := range 3 * maxHistory {
		again.Add(fmt.Sprint("line ", i))
	}
	last, err := OpenHistory(name)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(last.Lines()); n != maxHistory {
		t.Errorf("%d lines are kept, want %d", n, maxHistory)
	}
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(b, []byte("\n")); n > 2*maxHistory {
		t.Errorf("the file has %d lines", n)
	}
}

func TestOpenNeedsTerminal(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	if _, err := Open(r, w); !errors.Is(err, ErrNoTerminal) {
		t.Errorf("Open of a pipe gives %v", err)
	}
}

//go:build unix

package main

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
)

// atTerminal is a dockerlab that runs at a terminal of 80 by 24.
type atTerminal struct {
	t    *testing.T
	pty  *os.File
	cmd  *exec.Cmd
	mu   sync.Mutex
	text bytes.Buffer
}

func startAtTerminal(t *testing.T, args ...string) *atTerminal {
	t.Helper()
	// The test binary is dockerlab when it is called by that name (testscript.Main).
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Args[0] = "dockerlab"
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "XDG_STATE_HOME=", "LANG=en_US.UTF-8", "LC_ALL=", "TERM=xterm")
	f, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: 80})
	if err != nil {
		t.Skipf("no pseudo-terminal: %v", err)
	}
	a := &atTerminal{t: t, pty: f, cmd: cmd}
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := f.Read(buf)
			a.mu.Lock()
			a.text.Write(buf[:n])
			a.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		f.Close()
	})
	return a
}

func (a *atTerminal) send(keys string) {
	a.t.Helper()
	if _, err := a.pty.WriteString(keys); err != nil {
		a.t.Fatal(err)
	}
}

// expect waits until text is on the screen, and forgets what came up to it.
func (a *atTerminal) expect(text string) {
	a.t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		a.mu.Lock()
		if i := strings.Index(a.text.String(), text); i >= 0 {
			a.text.Next(i + len(text))
			a.mu.Unlock()
			return
		}
		a.mu.Unlock()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.t.Fatalf("the screen never showed %q; it has %q", text, a.text.String())
}

// What a person does at the prompt: state that stays from line to line, a container with a
// terminal of its own, ^C, an editor's worth of keys, and the end.
func TestPromptAtTerminal(t *testing.T) {
	a := startAtTerminal(t, "play")
	a.expect("root@dockerlab:~# ")
	a.send("cd /etc; x=kept\r")
	a.expect("root@dockerlab:/etc# ")
	a.send("echo $x $PWD\r")
	a.expect("kept /etc\r\n")

	a.expect("# ")
	a.send("docker run -it --rm busybox sh\r")
	a.expect("/ # ")
	a.send("stty size; echo in $((20+3))\r")
	a.expect("24 80")
	a.expect("in 23")
	a.expect("/ # ")
	a.send("exit 4\r")
	a.expect("root@dockerlab:/etc# ")
	a.send("echo code $?\r")
	a.expect("code 4")

	a.expect("# ")
	a.send("sleep 1000\r")
	time.Sleep(300 * time.Millisecond)
	a.send("\x03") // ^C stops the command and not the lab
	a.expect("root@dockerlab:/etc# ")
	a.send("echo 世界 $x\r")
	a.expect("世界 kept\r\n")

	a.expect("# ")
	a.send("\x04")
	a.expect("exit")
	if err := a.cmd.Wait(); err != nil {
		t.Errorf("dockerlab ended with %v", err)
	}
}

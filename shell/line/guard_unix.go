//go:build unix

package line

import (
	"encoding/json"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// modes is the terminal's modes as one line of text.
func modes(fd int) string {
	termios, err := unix.IoctlGetTermios(fd, getTermios)
	if err != nil {
		return ""
	}
	text, err := json.Marshal(termios)
	if err != nil {
		return ""
	}
	return string(text)
}

// restore sets what modes gave.
func restore(fd int, modes string) error {
	var termios unix.Termios
	if err := json.Unmarshal([]byte(modes), &termios); err != nil {
		return err
	}
	return unix.IoctlSetTermios(fd, setTermios, &termios)
}

// ignoreSignals keeps the guard alive for as long as the process that it guards. SIGTTOU would stop
// it: once that process is gone, the guard is in the background.
func ignoreSignals() {
	signal.Ignore(syscall.SIGTTOU, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGTSTP)
}

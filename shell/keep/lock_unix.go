//go:build unix

package keep

import (
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// lockFile takes the lock, which the end of the process gives back, however it ends. The error is a
// *LockedError where another has it.
func lockFile(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		defer f.Close()
		if err != unix.EWOULDBLOCK {
			return nil, &os.PathError{Op: "lock", Path: name, Err: err}
		}
		pid, _ := io.ReadAll(io.LimitReader(f, 20))
		return nil, &LockedError{Pid: strings.TrimSpace(string(pid))}
	}
	// Who has it is for messages only.
	if f.Truncate(0) == nil {
		f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	return f, nil
}

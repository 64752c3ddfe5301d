//go:build unix

package grade

import (
	"fmt"
	"math"
	"runtime/debug"

	"golang.org/x/sys/unix"
)

// confine bounds the worker's own process: Go's collector keeps within Memory where it can, and
// the operating system ends the process a little above it, or when its processor time is used up.
func confine(l Limits) error {
	debug.SetMaxStack(64 << 20)
	if l.Memory > 0 {
		debug.SetMemoryLimit(l.Memory)
		if err := lower(unix.RLIMIT_DATA, uint64(l.Memory)+1<<30); err != nil {
			return fmt.Errorf("memory: %w", err)
		}
	}
	if l.CPU > 0 {
		if err := lower(unix.RLIMIT_CPU, uint64(math.Ceil(l.CPU.Seconds()))); err != nil {
			return fmt.Errorf("processor time: %w", err)
		}
	}
	if err := lower(unix.RLIMIT_CORE, 0); err != nil {
		return fmt.Errorf("core size: %w", err)
	}
	return nil
}

// lower sets both limits of a resource, unless they are lower already.
func lower(resource int, to uint64) error {
	var r unix.Rlimit
	if err := unix.Getrlimit(resource, &r); err != nil {
		return err
	}
	n := min(uint64(r.Max), to)
	r.Cur, r.Max = n, n
	return unix.Setrlimit(resource, &r)
}

//go:build !unix

package grade

import "runtime/debug"

// confine bounds the worker as far as Go itself can; its time is bounded by the pool.
func confine(l Limits) error {
	debug.SetMaxStack(64 << 20)
	if l.Memory > 0 {
		debug.SetMemoryLimit(l.Memory)
	}
	return nil
}

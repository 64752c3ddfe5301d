//go:build unix && !linux

package line

import "golang.org/x/sys/unix"

const tcgets = unix.TIOCGETA

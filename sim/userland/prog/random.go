package prog

import (
	"encoding/binary"
	"io"
)

// RandomSource is what --random-source names: a file's bytes, or the kernel's randomness without
// one. A file that does not open ends the program with status.
func (c *Ctx) RandomSource(file string, status int) io.Reader {
	if file == "" {
		return kernelRandom{c}
	}
	f, err := c.OpenInput(file)
	if err != nil {
		c.Die(status, "%s: %v", c.QuoteColon(file), err)
	}
	return f
}

type kernelRandom struct{ c *Ctx }

func (k kernelRandom) Read(b []byte) (int, error) {
	var word [8]byte
	for rest := b; len(rest) > 0; {
		binary.LittleEndian.PutUint64(word[:], k.c.Kernel().Rand().Uint64())
		rest = rest[copy(rest, word[:]):]
	}
	return len(b), nil
}

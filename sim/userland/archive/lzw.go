package archive

import (
	"bufio"
	"errors"
	"io"
)

var errCorrupted = errors.New("corrupted data")

// lzwReader reads the format of compress(1): codes of 9 bits and more, the lowest bits first. Codes
// are packed in groups of eight, so that what is left of a group is passed over when their size
// changes.
type lzwReader struct {
	r      io.ByteReader
	max    int  // bits of the longest code
	block  bool // code 256 forgets what was learnt
	bits   int  // of a code now
	next   int  // the code that is learnt next
	prefix []uint16
	suffix []byte
	old    int // the code before, -1 at the start
	first  byte
	acc    uint32
	have   int
	used   int // bits of the group
	out    []byte
	err    error
}

const lzwClear = 256

func newLZWReader(r io.Reader) (io.Reader, error) {
	b, ok := r.(*bufio.Reader)
	if !ok {
		b = bufio.NewReader(r)
	}
	var h [3]byte
	if n, err := io.ReadFull(b, h[:]); err != nil {
		if n == 2 && h[0] == 0x1f && h[1] == 0x9d {
			return nil, errShortRead
		}
		return nil, errMagic
	}
	if h[0] != 0x1f || h[1] != 0x9d {
		return nil, errMagic
	}
	z := &lzwReader{r: b, max: int(h[2] & 31), block: h[2]&0x80 != 0, bits: 9, old: -1}
	if z.max < 9 || z.max > 16 {
		return nil, errors.New("compressed with too many bits, can only handle 16 bits")
	}
	z.prefix, z.suffix = make([]uint16, 1<<z.max), make([]byte, 1<<z.max)
	for i := range 256 {
		z.suffix[i] = byte(i)
	}
	z.reset()
	return z, nil
}

func (z *lzwReader) reset() {
	z.next = 256
	if z.block {
		z.next = 257
	}
}

// code reads the next code. What is left at the end and is too short for one is nothing.
func (z *lzwReader) code() (int, error) {
	for z.have < z.bits {
		b, err := z.r.ReadByte()
		if err != nil {
			return 0, err
		}
		z.acc |= uint32(b) << z.have
		z.have += 8
	}
	c := int(z.acc & (1<<z.bits - 1))
	z.acc >>= z.bits
	z.have -= z.bits
	z.used += z.bits
	return c, nil
}

// align passes over the rest of the group.
func (z *lzwReader) align() error {
	group := z.bits * 8
	rest := (group - z.used%group) % group
	z.used = 0
	for rest > 0 {
		n := min(rest, z.have)
		z.acc >>= n
		z.have -= n
		if rest -= n; rest > 0 {
			b, err := z.r.ReadByte()
			if err != nil {
				return err
			}
			z.acc, z.have = uint32(b), 8
		}
	}
	return nil
}

func (z *lzwReader) Read(b []byte) (int, error) {
	for len(z.out) == 0 {
		if z.err != nil {
			return 0, z.err
		}
		z.err = z.step()
	}
	n := copy(b, z.out)
	z.out = z.out[n:]
	return n, nil
}

// step decodes one code into z.out.
func (z *lzwReader) step() error {
	if z.next >= 1<<z.bits && z.bits < z.max {
		if err := z.align(); err != nil {
			return err
		}
		z.bits++
	}
	c, err := z.code()
	if err != nil {
		return err
	}
	if z.block && c == lzwClear {
		if err := z.align(); err != nil {
			return err
		}
		z.bits, z.old = 9, -1
		z.reset()
		return nil
	}
	if z.old < 0 {
		if c > 255 {
			return errCorrupted
		}
		z.old, z.first = c, byte(c)
		z.out = []byte{byte(c)}
		return nil
	}
	in := c
	var s []byte // backwards
	if c >= z.next {
		if c > z.next {
			return errCorrupted
		}
		s = append(s, z.first)
		c = z.old
	}
	for c >= 256 {
		s = append(s, z.suffix[c])
		c = int(z.prefix[c])
	}
	z.first = byte(c)
	s = append(s, z.first)
	if z.next < 1<<z.max {
		z.prefix[z.next], z.suffix[z.next] = uint16(z.old), z.first
		z.next++
	}
	z.old = in
	for i, j := 0, len(s)-1; i < j; i, j = i+1, j-1 {
		s[i], s[j] = s[j], s[i]
	}
	z.out = s
	return nil
}

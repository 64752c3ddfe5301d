// Package sm3 is the hash of GB/T 32905-2016, which cksum -a sm3 prints.
package sm3

import (
	"encoding/binary"
	"hash"
	"math/bits"
)

// Size is the size of a sum in bytes, BlockSize that of a block.
const (
	Size      = 32
	BlockSize = 64
)

// start is the state before the first block.
var start = [8]uint32{0x7380166f, 0x4914b2b9, 0x172442d7, 0xda8a0600, 0xa96f30bc, 0x163138aa, 0xe38dee4d, 0xb0fb0e4e}

type digest struct {
	state [8]uint32
	block [BlockSize]byte
	n     int    // bytes in block
	total uint64 // bytes so far
}

// New begins a sum.
func New() hash.Hash { return &digest{state: start} }

func (d *digest) Reset()         { *d = digest{state: start} }
func (d *digest) Size() int      { return Size }
func (d *digest) BlockSize() int { return BlockSize }

func (d *digest) Write(b []byte) (int, error) {
	n := len(b)
	d.total += uint64(n)
	for len(b) > 0 {
		k := copy(d.block[d.n:], b)
		d.n, b = d.n+k, b[k:]
		if d.n == BlockSize {
			d.compress()
			d.n = 0
		}
	}
	return n, nil
}

func (d *digest) Sum(b []byte) []byte {
	e := *d
	length := e.total * 8
	e.Write([]byte{0x80})
	for e.n != BlockSize-8 {
		e.Write([]byte{0})
	}
	e.Write(binary.BigEndian.AppendUint64(nil, length))
	for _, w := range e.state {
		b = binary.BigEndian.AppendUint32(b, w)
	}
	return b
}

// compress takes the block into the state: section 5.3 of the standard.
func (d *digest) compress() {
	var w [68]uint32
	for i := range 16 {
		w[i] = binary.BigEndian.Uint32(d.block[4*i:])
	}
	for i := 16; i < len(w); i++ {
		x := w[i-16] ^ w[i-9] ^ bits.RotateLeft32(w[i-3], 15)
		x ^= bits.RotateLeft32(x, 15) ^ bits.RotateLeft32(x, 23)
		w[i] = x ^ bits.RotateLeft32(w[i-13], 7) ^ w[i-6]
	}
	s := d.state
	for i := range 64 {
		t := uint32(0x79cc4519)
		ff, gg := s[0]^s[1]^s[2], s[4]^s[5]^s[6]
		if i >= 16 {
			t = 0x7a879d8a
			ff = s[0]&s[1] | s[0]&s[2] | s[1]&s[2]
			gg = s[4]&s[5] | ^s[4]&s[6]
		}
		a12 := bits.RotateLeft32(s[0], 12)
		ss1 := bits.RotateLeft32(a12+s[4]+bits.RotateLeft32(t, i), 7)
		tt1 := ff + s[3] + (ss1 ^ a12) + (w[i] ^ w[i+4])
		tt2 := gg + s[7] + ss1 + w[i]
		tt2 ^= bits.RotateLeft32(tt2, 9) ^ bits.RotateLeft32(tt2, 17)
		s = [8]uint32{tt1, s[0], bits.RotateLeft32(s[1], 9), s[2], tt2, s[4], bits.RotateLeft32(s[5], 19), s[6]}
	}
	for i := range s {
		d.state[i] ^= s[i]
	}
}

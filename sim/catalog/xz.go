package catalog

import (
	"encoding/binary"
	"hash/crc32"
	"io"
)

// xzWriter writes a valid .xz that stores and does not compress: what the catalogue packs is made of
// bytes that would not become fewer, in seconds that a learner would wait.
type xzWriter struct {
	w            io.Writer
	chunk        []byte
	unpadded     uint64 // size of the block without its padding
	uncompressed uint64
	err          error
}

const (
	xzChunk      = 1 << 16 // the most that a stored chunk of LZMA2 holds
	xzDictionary = 18      // 1 MiB, as the filter's properties say it
)

func newXZ(w io.Writer) *xzWriter {
	x := &xzWriter{w: w, chunk: make([]byte, 0, xzChunk)}
	// Stream header: magic, flags (no check of the content), their CRC.
	x.put(append([]byte("\xfd7zXZ\x00"), xzFlags()...))
	// Block header: its size in words, no flags, the filter LZMA2, padding, its CRC.
	header := []byte{2, 0, 0x21, 1, xzDictionary, 0, 0, 0}
	header = binary.LittleEndian.AppendUint32(header, crc32.ChecksumIEEE(header))
	x.put(header)
	x.unpadded = uint64(len(header))
	return x
}

func xzFlags() []byte {
	flags := []byte{0, 0}
	return binary.LittleEndian.AppendUint32(flags, crc32.ChecksumIEEE(flags))
}

func (x *xzWriter) put(b []byte) {
	if x.err == nil {
		_, x.err = x.w.Write(b)
	}
}

func (x *xzWriter) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		k := min(len(p), xzChunk-len(x.chunk))
		x.chunk = append(x.chunk, p[:k]...)
		p = p[k:]
		if len(x.chunk) == xzChunk {
			x.flush()
		}
	}
	return n, x.err
}

// flush writes a stored chunk, the first of which resets the dictionary.
func (x *xzWriter) flush() {
	if len(x.chunk) == 0 {
		return
	}
	control := byte(2)
	if x.uncompressed == 0 {
		control = 1
	}
	x.put(binary.BigEndian.AppendUint16([]byte{control}, uint16(len(x.chunk)-1)))
	x.put(x.chunk)
	x.unpadded += 3 + uint64(len(x.chunk))
	x.uncompressed += uint64(len(x.chunk))
	x.chunk = x.chunk[:0]
}

func (x *xzWriter) Close() error {
	x.flush()
	x.put([]byte{0}) // the end of LZMA2
	x.unpadded++
	x.put(make([]byte, -x.unpadded&3))
	// Index: one record, padding, its CRC.
	index := []byte{0, 1}
	index = binary.AppendUvarint(index, x.unpadded)
	index = binary.AppendUvarint(index, x.uncompressed)
	index = append(index, make([]byte, -len(index)&3)...)
	index = binary.LittleEndian.AppendUint32(index, crc32.ChecksumIEEE(index))
	x.put(index)
	// Footer: CRC, the index's size in words, flags, magic.
	footer := binary.LittleEndian.AppendUint32(nil, uint32(len(index)/4-1))
	footer = append(footer, 0, 0)
	x.put(binary.LittleEndian.AppendUint32(nil, crc32.ChecksumIEEE(footer)))
	x.put(append(footer, 'Y', 'Z'))
	return x.err
}

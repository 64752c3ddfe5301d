// Package archive holds the programs that pack and compress: tar, gzip, bzip2, xz and their
// relatives, unzip and zip, cpio and ar, as GNU and Busybox have them.
package archive

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"errors"
	"hash/crc32"
	"io"

	"compress/flate"

	dsnet "github.com/dsnet/compress/bzip2"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
	"github.com/ulikunitz/xz/lzma"

	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// Programs are the programs of this package.
var Programs = []prog.Program{
	{Name: "gzip", Families: prog.Any, Run: compressor},
	{Name: "gunzip", Families: prog.Any, Run: compressor},
	{Name: "zcat", Families: prog.Any, Run: compressor},
	{Name: "bzip2", Families: prog.Any, Run: compressor},
	{Name: "bunzip2", Families: prog.Any, Run: compressor},
	{Name: "bzcat", Families: prog.Any, Run: compressor},
	{Name: "xz", Families: prog.Any, Run: compressor},
	{Name: "unxz", Families: prog.Any, Run: compressor},
	{Name: "xzcat", Families: prog.Any, Run: compressor},
	{Name: "lzma", Families: prog.Any, Run: compressor},
	{Name: "unlzma", Families: prog.Any, Run: compressor},
	{Name: "lzcat", Families: prog.Any, Run: compressor},
	{Name: "uncompress", Families: prog.Any, Run: compressor},
	{Name: "tar", Families: prog.Any, Run: tarProgram},
	{Name: "zgrep", Families: prog.GNU, Run: zgrep},
	{Name: "zegrep", Families: prog.GNU, Run: zgrep},
	{Name: "zfgrep", Families: prog.GNU, Run: zgrep},
	{Name: "bzgrep", Families: prog.GNU, Run: zgrep},
	{Name: "bzegrep", Families: prog.GNU, Run: zgrep},
	{Name: "bzfgrep", Families: prog.GNU, Run: zgrep},
	{Name: "xzgrep", Families: prog.GNU, Run: zgrep},
	{Name: "xzegrep", Families: prog.GNU, Run: zgrep},
	{Name: "xzfgrep", Families: prog.GNU, Run: zgrep},
	{Name: "zdiff", Families: prog.GNU, Run: zdiff},
	{Name: "zcmp", Families: prog.GNU, Run: zdiff},
	{Name: "bzdiff", Families: prog.GNU, Run: zdiff},
	{Name: "bzcmp", Families: prog.GNU, Run: zdiff},
	{Name: "xzdiff", Families: prog.GNU, Run: zdiff},
	{Name: "xzcmp", Families: prog.GNU, Run: zdiff},
	{Name: "zless", Families: prog.GNU, Run: zpager},
	{Name: "zmore", Families: prog.GNU, Run: zpager},
	{Name: "bzless", Families: prog.GNU, Run: zpager},
	{Name: "bzmore", Families: prog.GNU, Run: zpager},
	{Name: "xzless", Families: prog.GNU, Run: zpager},
	{Name: "xzmore", Families: prog.GNU, Run: zpager},
	{Name: "zforce", Families: prog.GNU, Run: zforce},
	{Name: "ar", Families: prog.Busybox, Run: ar},
	{Name: "cpio", Families: prog.Busybox, Run: cpio},
	{Name: "unzip", Families: prog.Any, Run: unzip},
}

// codec is a compression format.
type codec struct {
	name   string // of the program
	suffix []string
	magic  []byte
	reader func(r io.Reader) (io.Reader, error)
	writer func(w io.Writer, level int) (io.WriteCloser, error)
}

var (
	gzipCodec  = &codec{"gzip", []string{".gz", ".tgz", ".taz", ".z", "-gz", "-z", "_z", ".Z"}, []byte{0x1f, 0x8b}, gzipReader, nil}
	bzip2Codec = &codec{"bzip2", []string{".bz2", ".tbz2", ".tbz", ".bz"}, []byte("BZh"), func(r io.Reader) (io.Reader, error) {
		return bzip2.NewReader(r), nil
	}, func(w io.Writer, level int) (io.WriteCloser, error) {
		return dsnet.NewWriter(w, &dsnet.WriterConfig{Level: level})
	}}
	xzCodec = &codec{"xz", []string{".xz", ".txz"}, []byte("\xfd7zXZ\x00"), func(r io.Reader) (io.Reader, error) {
		return xz.NewReader(r)
	}, func(w io.Writer, level int) (io.WriteCloser, error) { return xz.NewWriter(w) }}
	zstdCodec = &codec{"zstd", []string{".zst", ".tzst"}, []byte{0x28, 0xb5, 0x2f, 0xfd}, func(r io.Reader) (io.Reader, error) {
		return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(64<<20))
	}, func(w io.Writer, level int) (io.WriteCloser, error) {
		return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
	}}
	// LZMA's own format begins with nothing that tells it; uncompress reads what compress(1) made.
	lzmaCodec     = &codec{"lzma", []string{".lzma"}, nil, lzmaReader, func(w io.Writer, level int) (io.WriteCloser, error) { return lzma.NewWriter(w) }}
	compressCodec = &codec{"compress", []string{".Z"}, []byte{0x1f, 0x9d}, newLZWReader, nil}

	// codecs are those that can be told by their first bytes.
	codecs = []*codec{gzipCodec, bzip2Codec, xzCodec, zstdCodec, compressCodec}
)

func lzmaReader(r io.Reader) (io.Reader, error) {
	b := bufio.NewReader(r)
	head, _ := b.Peek(13)
	// Properties, the size of the dictionary, and that of the content.
	if len(head) < 13 || head[0] >= 9*5*5 {
		return nil, errLZMAHeader
	}
	dec, err := lzma.ReaderConfig{DictCap: 64 << 20}.NewReader(b)
	if err != nil {
		return nil, errLZMAHeader
	}
	return dec, nil
}

// sniff tells a compressed stream by its first bytes.
func sniff(head []byte) *codec {
	for _, c := range codecs {
		if bytes.HasPrefix(head, c.magic) {
			return c
		}
	}
	return nil
}

var (
	errMagic      = errors.New("invalid magic")
	errCRC        = errors.New("crc error")
	errLZMAHeader = errors.New("bad lzma header")
	errTrailing   = errors.New("trailing garbage")
)

// gunzipReader reads gzip members one after the other.
type gunzipReader struct {
	r       *bufio.Reader
	f       io.ReadCloser
	crc     uint32
	size    uint32
	members int
	name    string // of the first member
	mtime   uint32
}

func gzipReader(r io.Reader) (io.Reader, error) {
	b, ok := r.(*bufio.Reader)
	if !ok {
		b = bufio.NewReader(r)
	}
	g := &gunzipReader{r: b}
	return g, g.header()
}

// header reads a member's header.
func (g *gunzipReader) header() error {
	var h [10]byte
	if _, err := io.ReadFull(g.r, h[:]); err != nil {
		if g.members > 0 {
			if err == io.EOF {
				return io.EOF
			}
			return errTrailing
		}
		if err == io.EOF {
			return io.ErrUnexpectedEOF
		}
		if h[0] != 0x1f || h[1] != 0x8b {
			return errMagic
		}
		return io.ErrUnexpectedEOF
	}
	if h[0] != 0x1f || h[1] != 0x8b || h[2] != 8 {
		if g.members > 0 {
			return errTrailing
		}
		return errMagic
	}
	flags := h[3]
	if flags&4 != 0 {
		var n [2]byte
		if _, err := io.ReadFull(g.r, n[:]); err != nil {
			return io.ErrUnexpectedEOF
		}
		if _, err := io.CopyN(io.Discard, g.r, int64(n[0])|int64(n[1])<<8); err != nil {
			return io.ErrUnexpectedEOF
		}
	}
	for _, bit := range []byte{8, 16} {
		if flags&bit == 0 {
			continue
		}
		text := []byte{}
		for {
			c, err := g.r.ReadByte()
			if err != nil {
				return io.ErrUnexpectedEOF
			}
			if c == 0 {
				break
			}
			if len(text) < 4096 {
				text = append(text, c)
			}
		}
		if bit == 8 && g.members == 0 {
			g.name = string(text)
		}
	}
	if flags&2 != 0 {
		g.r.Discard(2)
	}
	if g.members == 0 {
		g.mtime = uint32(h[4]) | uint32(h[5])<<8 | uint32(h[6])<<16 | uint32(h[7])<<24
	}
	g.members++
	g.crc, g.size = 0, 0
	g.f = flate.NewReader(g.r)
	return nil
}

func (g *gunzipReader) Read(b []byte) (int, error) {
	for {
		n, err := g.f.Read(b)
		g.crc = crc32.Update(g.crc, crc32.IEEETable, b[:n])
		g.size += uint32(n)
		switch err {
		case nil:
			return n, nil
		case io.EOF:
		case io.ErrUnexpectedEOF:
			return n, err
		default:
			return n, errors.New("invalid compressed data--format violated")
		}
		var t [8]byte
		if _, err := io.ReadFull(g.r, t[:]); err != nil {
			return n, io.ErrUnexpectedEOF
		}
		le := func(i int) uint32 {
			return uint32(t[i]) | uint32(t[i+1])<<8 | uint32(t[i+2])<<16 | uint32(t[i+3])<<24
		}
		if le(0) != g.crc || le(4) != g.size {
			return n, errCRC
		}
		if err := g.header(); err != nil {
			return n, err
		}
		if n > 0 {
			return n, nil
		}
	}
}

// gzipWriter writes one member with the header that gzip writes.
type gzipWriter struct {
	w    io.Writer
	f    *flate.Writer
	crc  uint32
	size uint32
	any  bool
}

func newGzipWriter(w io.Writer, level int, name string, mtime uint32) (*gzipWriter, error) {
	h := []byte{0x1f, 0x8b, 8, 0, byte(mtime), byte(mtime >> 8), byte(mtime >> 16), byte(mtime >> 24), 0, 3}
	if name != "" {
		h[3] = 8
	}
	switch level {
	case 9:
		h[8] = 2
	case 1:
		h[8] = 4
	}
	if name != "" {
		h = append(append(h, name...), 0)
	}
	if _, err := w.Write(h); err != nil {
		return nil, err
	}
	f, err := flate.NewWriter(w, level)
	return &gzipWriter{w: w, f: f}, err
}

func (g *gzipWriter) Write(b []byte) (int, error) {
	g.crc = crc32.Update(g.crc, crc32.IEEETable, b)
	g.size += uint32(len(b))
	g.any = g.any || len(b) > 0
	return g.f.Write(b)
}

func (g *gzipWriter) Close() error {
	if g.any {
		if err := g.f.Close(); err != nil {
			return err
		}
	} else if _, err := g.w.Write([]byte{3, 0}); err != nil { // zlib's way to say nothing
		return err
	}
	var t [8]byte
	for i := range 4 {
		t[i], t[4+i] = byte(g.crc>>(8*i)), byte(g.size>>(8*i))
	}
	_, err := g.w.Write(t[:])
	return err
}

// Decompress reads what r holds, which may be compressed in any of the ways that tar(1) knows.
func Decompress(r io.Reader) (io.Reader, error) {
	b := bufio.NewReader(r)
	head, _ := b.Peek(16)
	if k := sniff(head); k != nil {
		return k.reader(b)
	}
	return b, nil
}

package archive

import (
	"bytes"
	"io"
	"testing"
)

// FuzzLZW feeds uncompress anything: it must end, with an error or without.
func FuzzLZW(f *testing.F) {
	f.Add([]byte("\x1f\x9d\x90h\xca\xb0a\xf3F\x81\x83"))
	f.Add([]byte("\x1f\x9d\x90\x01\x01\x01\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := newLZWReader(bytes.NewReader(b))
		if err != nil {
			return
		}
		n, err := io.Copy(io.Discard, r)
		if limit := int64(len(b)) * 1 << 16; n > limit {
			t.Errorf("%d bytes of %d, %v", n, len(b), err)
		}
	})
}

// FuzzCpio feeds cpio's reader anything.
func FuzzCpio(f *testing.F) {
	var b bytes.Buffer
	w := &cpioWriter{w: &b}
	w.header(&cpioEntry{name: "a", mode: 0o100644, nlink: 1, size: 2})
	w.content(bytes.NewReader([]byte("x\n")), 2)
	w.header(&cpioEntry{name: cpioTrailer, nlink: 1})
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		r := newCpioReader(bytes.NewReader(b))
		for {
			if _, err := r.next(); err != nil {
				return
			}
			if _, err := io.Copy(io.Discard, r); err != nil {
				return
			}
		}
	})
}

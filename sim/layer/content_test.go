package layer

import (
	"bytes"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"
)

func TestContentsReadTheSameWhereverReadingBegins(t *testing.T) {
	three := Join(Text("head"), Zero(0), Generated(7, 3000), Zero(1000), Text("tail"))
	big, err := ReadAll(bytes.NewReader(bytes.Repeat([]byte("0123456789abcdef"), 3<<16)), 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]Content{
		"bytes": Text("some bytes"), "none": Bytes(nil), "zero": Zero(5000), "generated": Generated(1, 4099),
		"joined": three, "nothing joined": Join(), "slice": Slice(three, 2, 3500), "kept": big,
	} {
		t.Run(name, func(t *testing.T) {
			whole, err := io.ReadAll(NewReader(c))
			if err != nil || int64(len(whole)) != c.Size() {
				t.Fatalf("read %d bytes of %d: %v", len(whole), c.Size(), err)
			}
			if c.Size() < 1<<20 {
				if err := iotest.TestReader(NewReader(c), whole); err != nil {
					t.Error(err)
				}
			}
			r := rand.New(rand.NewPCG(3, 4))
			for range 200 {
				off, n := r.Int64N(c.Size()+10), r.IntN(5000)
				p := make([]byte, n)
				got, err := c.ReadAt(p, off)
				want := whole[min(off, c.Size()):min(off+int64(n), c.Size())]
				if !bytes.Equal(p[:got], want) || (got < n) != (err == io.EOF) {
					t.Fatalf("ReadAt(%d bytes, %d): %d bytes, %v; want %d", n, off, got, err, len(want))
				}
			}
		})
	}
}

func TestReadAllStopsAtItsLimit(t *testing.T) {
	if _, err := ReadAll(NewReader(Zero(1<<40)), 3<<20); err != ErrTooLarge {
		t.Errorf("error %v", err)
	}
	if _, err := ReadAll(iotest.TimeoutReader(NewReader(Zero(1<<20))), 1<<30); err != iotest.ErrTimeout {
		t.Errorf("error %v", err)
	}
}

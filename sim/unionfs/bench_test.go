package unionfs_test

import (
	"testing"

	"github.com/dockerlab/dockerlab/sim/unionfs"
)

// What has layers and peers is measured in tests/bench.

func BenchmarkAppend(b *testing.B) {
	f := unionfs.New(nil, unionfs.Options{})
	do(b, view(f), "touch /f")
	ino := find(b, f, "/f")
	p := []byte("a line of a log that grows, as logs do, by one line at a time\n")
	b.SetBytes(int64(len(p)))
	var off int64
	for b.Loop() {
		f.WriteAt(ino, p, off%(1<<26))
		off += int64(len(p))
	}
}

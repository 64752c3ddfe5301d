package archive_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"runtime"
	"testing"

	"github.com/dockerlab/dockerlab/sim/image/archive"
	"github.com/dockerlab/dockerlab/sim/lineage"
)

// bigArchive is an archive of docker save: layers of files each of size bytes.
func bigArchive(layers, files, size int) []byte {
	body := bytes.Repeat([]byte("0123456789abcdef"), size/16)
	var all []string
	for l := range layers {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for f := range files {
			w.WriteHeader(&tar.Header{Name: fmt.Sprintf("usr/lib/package%d/file%d", (l*files+f)/20, f), Mode: 0o644, Size: int64(size), Typeflag: tar.TypeReg})
			w.Write(body)
		}
		w.Close()
		all = append(all, b.String())
	}
	return []byte(pack(saved(all...)...))
}

// BenchmarkRead reads an archive of 200 MB, and does beside it what cannot be left out: to read the
// tars and hash them.
func BenchmarkRead(b *testing.B) {
	big := bigArchive(5, 2000, 20_000)
	b.Run("archive", func(b *testing.B) {
		b.SetBytes(int64(len(big)))
		b.ReportAllocs()
		for b.Loop() {
			images, err := archive.Read(bytes.NewReader(big), archive.Limits{})
			if err != nil {
				b.Fatal(err)
			}
			if _, err := lineage.New(lineage.Parts(images[0].Config.History, images[0].Layers)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("hash", func(b *testing.B) {
		b.SetBytes(int64(len(big)))
		for b.Loop() {
			sum := sha256.New()
			io.Copy(sum, bytes.NewReader(big))
			sum.Sum(nil)
		}
	})
}

// BenchmarkEntry measures what an entry costs in memory, from the archive to the stack.
func BenchmarkEntry(b *testing.B) {
	const layers, files = 4, 25_000
	many := bigArchive(layers, files, 0)
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		images, err := archive.Read(bytes.NewReader(many), archive.Limits{})
		if err != nil {
			b.Fatal(err)
		}
		s, err := lineage.New(lineage.Parts(images[0].Config.History, images[0].Layers))
		if err != nil {
			b.Fatal(err)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(layers*files), "B/entry")
		runtime.KeepAlive(s)
		runtime.KeepAlive(images)
	}
}

// Memory is for entries and not for bytes: an archive of large files allocates as much as one of
// small files.
func TestMemoryIsForEntries(t *testing.T) {
	allocated := func(size int) uint64 {
		b := bigArchive(2, 100, size)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := archive.Read(bytes.NewReader(b), archive.Limits{}); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	small, large := allocated(16), allocated(160_000)
	if large > small+small/2 {
		t.Errorf("%d bytes were allocated for files of 16 bytes, %d for files of 160,000", small, large)
	}
}

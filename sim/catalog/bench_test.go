package catalog

import (
	"testing"

	"github.com/distribution/reference"

	"github.com/dockerlab/dockerlab/sim/layer"
)

// What a pull of debian costs, from nothing.
func BenchmarkPull(b *testing.B) {
	ref, err := reference.ParseNormalizedNamed("debian")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := Open().Resolve(ref); err != nil {
			b.Fatal(err)
		}
	}
}

// What the first look into debian's files costs.
func BenchmarkTree(b *testing.B) {
	for b.Loop() {
		l, err := Open().layer("debian/base")
		if err != nil {
			b.Fatal(err)
		}
		if _, err := layer.NewTree().Apply(l.layer); err != nil {
			b.Fatal(err)
		}
	}
}

// What the lab's host costs, which is there before anything else.
func BenchmarkHost(b *testing.B) {
	for b.Loop() {
		if _, err := Open().Host(); err != nil {
			b.Fatal(err)
		}
	}
}

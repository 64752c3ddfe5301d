package catalog

import (
	"testing"

	"github.com/distribution/reference"
)

func resolve(t testing.TB, r *Registry, name string) *Image {
	t.Helper()
	ref, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		t.Fatal(err)
	}
	image, err := r.Resolve(ref)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return image
}

func TestDebianIsThere(t *testing.T) {
	r := Open()
	for _, n := range []string{"debian", "debian:bookworm-slim"} {
		i := resolve(t, r, n)
		l, err := i.Layers[0].Open()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Entries(); err != nil {
			t.Error(err)
		}
	}
}

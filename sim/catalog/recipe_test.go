package catalog

import (
	"testing"

	"github.com/dockerlab/dockerlab/sim/layer"
)

// What a recipe makes has the same recipe.
func FuzzContent(f *testing.F) {
	for _, c := range []layer.Recipe{stub{"ls", "gnu", 1 << 17}, blob{"/usr/lib/a b.so", 42}, lines{comment{"/* ", " */"}, "/x.css", 1000}} {
		f.Add(c.Recipe())
	}
	f.Add("program -1 \"\" \"\"")
	f.Add("lines 10 \"\" \"\" \"\"")
	f.Fuzz(func(t *testing.T, recipe string) {
		c, err := Content(recipe)
		if err != nil {
			return
		}
		again, err := Content(c.(layer.Recipe).Recipe())
		if err != nil || again != c {
			t.Errorf("%q makes %#v, whose recipe makes %#v: %v", recipe, c, again, err)
		}
		var b [100]byte
		c.ReadAt(b[:], c.Size()/2)
	})
}

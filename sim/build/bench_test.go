package build_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/dockerlab/dockerlab/sim/build"
)

// A build whose 120 steps are all in the cache.
func BenchmarkCachedBuild(b *testing.B) {
	e := newEngine(b)
	var text strings.Builder
	text.WriteString("FROM base\n")
	for i := range 120 {
		fmt.Fprintf(&text, "RUN write /f%d text\n", i)
	}
	f := files{"Dockerfile": text.String()}
	builder := &build.Builder{Engine: e}
	run := func() {
		if _, err := builder.Build(context.Background(), build.Options{Remove: true}, f.tar(b), func(build.Event) {}); err != nil {
			b.Fatal(err)
		}
	}
	run()
	for b.Loop() {
		run()
	}
}

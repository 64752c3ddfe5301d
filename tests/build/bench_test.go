package build

import (
	"archive/tar"
	"bytes"
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"
)

var beside = flag.String("beside", "", "measure the engine at this address in the same run, once")

// BenchmarkSteps builds 120 RUNs: anew, from the cache, and, with -beside, on a real engine, which
// tells how many times faster ours was.
func BenchmarkSteps(b *testing.B) {
	const steps = 120
	var text strings.Builder
	text.WriteString("FROM build-base\n")
	for i := range steps {
		fmt.Fprintf(&text, "RUN echo %d > /f%d\n", i, i)
	}
	var context bytes.Buffer
	w := tar.NewWriter(&context)
	if err := w.WriteHeader(&tar.Header{Name: "Dockerfile", Mode: 0o644, Size: int64(text.Len())}); err != nil {
		b.Fatal(err)
	}
	w.Write([]byte(text.String()))
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	run := func(b *testing.B, e *remote, query string) {
		out, err := e.build("t=build-bench"+query, bytes.NewReader(context.Bytes()))
		if err != nil || !bytes.Contains(out, []byte("Successfully built")) {
			b.Fatalf("%v: %.500s", err, out)
		}
	}
	ours := newLab()(b).(*remote)
	var each time.Duration
	b.Run("run", func(b *testing.B) {
		for b.Loop() {
			run(b, ours, "&nocache=1")
		}
		each = b.Elapsed() / time.Duration(b.N)
	})
	b.Run("cached", func(b *testing.B) {
		run(b, ours, "")
		for b.Loop() {
			run(b, ours, "")
		}
	})
	if *beside == "" {
		return
	}
	b.Run("beside", func(b *testing.B) {
		real, err := newReal(*beside)
		if err == nil {
			err = real.importBusybox()
		}
		if err != nil {
			b.Fatal(err)
		}
		defer real.clean(b)
		began := time.Now()
		run(b, real, "&nocache=1")
		took := time.Since(began)
		began = time.Now()
		run(b, real, "")
		b.ReportMetric(took.Seconds(), "s/run")
		b.ReportMetric(time.Since(began).Seconds(), "s/cached")
		b.ReportMetric(float64(took)/float64(each), "times-slower")
	})
}

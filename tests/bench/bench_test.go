// Package bench measures the lab beside its peers, both in one run, and writes BENCHMARKS.md. No
// test here asserts a time.
//
//	go test ./tests/bench -bench .                              the figures
//	go test ./tests/bench -run Table -table ../../BENCHMARKS.md the table
package bench

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// race is one thing done by several; the first runner is ours.
type race struct {
	name    string
	layers  int // of the file system; 0 where that does not matter
	aim     string
	runners []runner
}

type runner struct {
	name string
	run  func(b *testing.B)
}

func otherRaces() []race { return append(containerRaces(), loadRace(), archiveRace()) }

func BenchmarkFiles(b *testing.B)  { runAll(b, fileRaces()) }
func BenchmarkOthers(b *testing.B) { runAll(b, otherRaces()) }

func runAll(b *testing.B, races []race) {
	for _, r := range races {
		for _, c := range r.runners {
			name := r.name
			if r.layers > 0 {
				name = fmt.Sprintf("%s/%d layers", name, r.layers)
			}
			b.Run(name+"/"+c.name, c.run)
		}
	}
}

var table = flag.String("table", "", "write the table of all benchmarks to this file")

// TestTable writes BENCHMARKS.md.
func TestTable(t *testing.T) {
	if *table == "" {
		t.Skip("takes minutes: -table FILE writes the table")
	}
	var w strings.Builder
	fmt.Fprintf(&w, `# Benchmarks

Measured in one run, ours and its peers side by side, with

    go test ./tests/bench -run Table -table ../../BENCHMARKS.md

on %s, %d CPUs, %s, %s. A figure is the time of one operation. The last table needs
[dive](https://github.com/wagoodman/dive) on the PATH.

## Files in layers

The same files in 1 to 125 layers: our union through its afero view, which also checks permissions on the way, a flat
map of files with no layers at all, and one afero.CopyOnWriteFs for each layer.

| operation | layers | dockerlab | flat MemMapFs | CopyOnWriteFs stack | to the flat map | ahead of the stack |
|---|--:|--:|--:|--:|--:|--:|
`, processor(), runtime.NumCPU(), runtime.GOOS+"/"+runtime.GOARCH, runtime.Version())
	for _, r := range fileRaces() {
		times := r.measure(t)
		fmt.Fprintf(&w, "| %s | %d | %s | %s | %s | %.1fx | %.1fx |\n", r.name, r.layers, show(times[0]), show(times[1]), show(times[2]),
			float64(times[0])/float64(times[1]), float64(times[2])/float64(times[0]))
	}
	w.WriteString("\n## Containers and archives\n\n| what | | | beside it | | ratio | aim |\n|---|---|--:|---|--:|--:|---|\n")
	for _, r := range otherRaces() {
		times := r.measure(t)
		fmt.Fprintf(&w, "| %s | %s | %s | %s | %s | %.2fx | %s |\n", r.name, r.runners[0].name, show(times[0]), r.runners[1].name, show(times[1]),
			float64(times[0])/float64(times[1]), r.aim)
	}
	memory := testing.Benchmark(BenchmarkContainers).Extra["B/container"]
	fmt.Fprintf(&w, "\nA container that has changed one file of its image and made another takes %.1f KB (aim: less than 20 KB).\n", memory/1000)
	if err := os.WriteFile(*table, []byte(w.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// measure gives the best of three: what else the machine does only ever adds.
func (r race) measure(t *testing.T) []time.Duration {
	times := make([]time.Duration, len(r.runners))
	for range 3 {
		for i, c := range r.runners {
			result := testing.Benchmark(c.run)
			if result.N == 0 {
				t.Logf("%s, %s: not measured", r.name, c.name)
				continue
			}
			if d := time.Duration(result.NsPerOp()); times[i] == 0 || d < times[i] {
				times[i] = d
			}
		}
	}
	return times
}

func show(d time.Duration) string {
	switch {
	case d == 0:
		return "-"
	case d < 10*time.Microsecond:
		return fmt.Sprintf("%d ns", d.Nanoseconds())
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1f µs", float64(d.Nanoseconds())/1e3)
	}
	return fmt.Sprintf("%.0f ms", float64(d.Nanoseconds())/1e6)
}

// processor is the name of the CPU, where the system tells.
func processor() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if name, value, ok := strings.Cut(s.Text(), ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

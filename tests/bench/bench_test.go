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
	// prepare makes what is measured; nil where this machine cannot.
	prepare func(t testing.TB) (op func() error)
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
			b.Run(name+"/"+c.name, func(b *testing.B) {
				op := c.prepare(b)
				if op == nil {
					b.Skip("not on this machine")
				}
				b.ReportAllocs()
				for b.Loop() {
					if err := op(); err != nil {
						b.Fatal(err)
					}
				}
			})
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

on %s, %d CPUs, %s, %s. A figure is the time of one operation, in the best of many short rounds
in which the runners take turns. The second table needs
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
	// What stands below is measured elsewhere.
	old, _ := os.ReadFile(*table)
	if _, builds, ok := strings.Cut(string(old), "\n## Builds\n"); ok {
		w.WriteString("\n## Builds\n" + builds)
	}
	if err := os.WriteFile(*table, []byte(w.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// The runners of a race take turns: in a round each does as many operations as take roundTime.
const (
	roundTime = 20 * time.Millisecond // long enough for the collector to have its part in it
	raceTime  = 6 * time.Second
	minRounds = 5
)

// measure gives the time of an operation in the best round of each runner: what else the machine does
// only ever adds, and rounds are short enough for some to be spared it. 0: not measured.
func (r race) measure(t *testing.T) []time.Duration {
	best := make([]time.Duration, len(r.runners))
	ops := make([]func() error, len(r.runners))
	for i, c := range r.runners {
		if ops[i] = c.prepare(t); ops[i] == nil {
			t.Logf("%s, %s: not measured", r.name, c.name)
		}
	}
	began := time.Now()
	for round := 0; round < minRounds || time.Since(began) < raceTime; round++ {
		for i, op := range ops {
			if op == nil {
				continue
			}
			n := 1
			if best[i] > 0 {
				n = max(1, int(roundTime/best[i]))
			}
			start := time.Now()
			for range n {
				if err := op(); err != nil {
					t.Fatalf("%s, %s: %v", r.name, r.runners[i].name, err)
				}
			}
			if d := time.Since(start) / time.Duration(n); best[i] == 0 || d < best[i] {
				best[i] = d
			}
		}
	}
	return best
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

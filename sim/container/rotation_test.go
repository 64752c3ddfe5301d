package container

import (
	"fmt"
	"testing"
	"time"
)

// A line of ten bytes takes 80 in a file of the driver, where its time has nine digits.
func TestLogFilesRotate(t *testing.T) {
	for _, c := range []struct {
		about       string
		options     map[string]string
		lines       int
		first, last string // of what is left
	}{
		{"without options there is no end", nil, 100, "line-0000\n", "line-0099\n"},
		{"one file begins anew when it is full", map[string]string{"max-size": "800"}, 25, "line-0020\n", "line-0024\n"},
		{"of two files the older one goes", map[string]string{"max-size": "800", "max-file": "2"}, 25, "line-0010\n", "line-0024\n"},
		{"a size in other units", map[string]string{"max-size": "1m", "max-file": "2"}, 100, "line-0000\n", "line-0099\n"},
	} {
		g := newLogger(Log{}, 0, nil, c.options)
		at := time.Date(2024, 1, 2, 3, 4, 5, 123456789, time.UTC)
		for i := range c.lines {
			g.write(Stdout, fmt.Appendf(nil, "line-%04d\n", i), at)
		}
		got := g.value().Lines
		if first, last := string(got[0].Data), string(got[len(got)-1].Data); first != c.first || last != c.last {
			t.Errorf("%s: from %q to %q, want from %q to %q", c.about, first, last, c.first, c.last)
		}
		again := newLogger(g.value(), 0, nil, c.options)
		again.write(Stdout, []byte("more\n"), at)
		if n := len(again.value().Lines); n > len(got)+1 || n < len(got)/2 {
			t.Errorf("%s: after another run there are %d lines, and were %d", c.about, n, len(got))
		}
	}
}

package container

import (
	"sync"
	"time"
)

// Stream is which of its output files a process wrote to.
type Stream byte

const (
	Stdout Stream = 1
	Stderr Stream = 2
)

// LogLine is a record of a container's log, as the driver json-file keeps them: a line with its
// newline, or what there was without one when the stream ended or the line grew past 16 KiB.
type LogLine struct {
	Time   time.Time
	Stream Stream
	Data   []byte
	Attrs  map[string]string // of --log-opt labels and env
}

// Log is the log of a container: an immutable value, since lines are only ever added behind it.
type Log struct{ Lines []LogLine }

// lineLimit is where the driver cuts a line.
const lineLimit = 16 << 10

// logger cuts what a container writes into lines and keeps them, and wakes those who follow.
type logger struct {
	mu      sync.Mutex // a leaf
	lines   []LogLine
	bytes   int64
	limit   int64
	partial [3][]byte // by Stream: the line in the making
	attrs   map[string]string
	changed chan struct{} // closed and replaced when a line is added
	ended   bool
}

func newLogger(l Log, limit int64, attrs map[string]string) *logger {
	g := &logger{lines: l.Lines, limit: limit, attrs: attrs, changed: make(chan struct{})}
	for _, line := range l.Lines {
		g.bytes += int64(len(line.Data))
	}
	return g
}

// write takes what a process wrote.
func (g *logger) write(s Stream, b []byte, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	part := append(g.partial[s], b...)
	added := false
	for {
		n := lineEnd(part)
		if n == 0 {
			break
		}
		g.add(LogLine{now, s, append([]byte(nil), part[:n]...), g.attrs})
		part = part[n:]
		added = true
	}
	g.partial[s] = append(g.partial[s][:0], part...)
	if added {
		g.wake()
	}
}

func lineEnd(b []byte) int {
	for i, c := range b {
		if c == '\n' || i+1 == lineLimit {
			return i + 1
		}
	}
	return 0
}

func (g *logger) add(l LogLine) {
	g.lines = append(g.lines, l)
	g.bytes += int64(len(l.Data))
	drop := 0
	for g.limit > 0 && g.bytes > g.limit && drop < len(g.lines)-1 {
		g.bytes -= int64(len(g.lines[drop].Data))
		drop++
	}
	if drop > 0 {
		g.lines = append([]LogLine(nil), g.lines[drop:]...)
	}
}

func (g *logger) wake() {
	close(g.changed)
	g.changed = make(chan struct{})
}

// end keeps what is left without a newline; nothing will be written any more.
func (g *logger) end(now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, s := range []Stream{Stdout, Stderr} {
		if len(g.partial[s]) > 0 {
			g.add(LogLine{now, s, append([]byte(nil), g.partial[s]...), g.attrs})
			g.partial[s] = nil
		}
	}
	g.ended = true
	g.wake()
}

// value is the log as it is now.
func (g *logger) value() Log {
	g.mu.Lock()
	defer g.mu.Unlock()
	return Log{g.lines[:len(g.lines):len(g.lines)]}
}

// after gives the log, whether it has ended, and what is closed when it changes.
func (g *logger) after() (lines []LogLine, ended bool, changed <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.lines[:len(g.lines):len(g.lines)], g.ended, g.changed
}

package container

import (
	"encoding/json"
	"strconv"
	"sync"
	"time"

	"github.com/docker/go-units"
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
	files   rotation
	partial [3][]byte // by Stream: the line in the making
	attrs   map[string]string
	changed chan struct{} // closed and replaced when a line is added
	ended   bool
}

// newLogger goes on with a log. limit bounds the bytes that the lab keeps of it, options are those of
// --log-opt.
func newLogger(l Log, limit int64, attrs, options map[string]string) *logger {
	g := &logger{limit: limit, attrs: attrs, files: rotationOf(options), changed: make(chan struct{})}
	for _, line := range l.Lines {
		g.add(line)
	}
	return g
}

// rotation is how the driver json-file spreads a log over files: max-size and max-file.
type rotation struct {
	max   int64 // bytes after which a new file begins; 0: there is one file without end
	keep  int   // how many files there are at most
	size  int64 // of the newest one
	lines []int // how many each file has, the newest last
}

func rotationOf(options map[string]string) rotation {
	r := rotation{keep: 1, lines: []int{0}}
	if n, err := units.FromHumanSize(options["max-size"]); err == nil && n > 0 {
		r.max = n
	}
	if n, err := strconv.Atoi(options["max-file"]); err == nil && n > 0 {
		r.keep = n
	}
	return r
}

// add takes a line, and says how many of the oldest lines are gone with their file.
func (r *rotation) add(l LogLine) (gone int) {
	if r.max == 0 {
		return 0
	}
	if r.size >= r.max {
		r.size, r.lines = 0, append(r.lines, 0)
		if len(r.lines) > r.keep {
			gone, r.lines = r.lines[0], r.lines[1:]
		}
	}
	r.lines[len(r.lines)-1]++
	r.size += jsonLogSize(l)
	return gone
}

// jsonLogSize is how many bytes a line takes in a file of the driver json-file.
func jsonLogSize(l LogLine) int64 {
	n := len(`{"log":,"stream":"stdout","time":""}` + "\n")
	text, _ := json.Marshal(string(l.Data)) // a string has no error to give
	n += len(text) + len(l.Time.UTC().Format(time.RFC3339Nano))
	if len(l.Attrs) > 0 {
		attrs, _ := json.Marshal(l.Attrs)
		n += len(`"attrs":,`) + len(attrs)
	}
	return int64(n)
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
	drop := g.files.add(l)
	for _, gone := range g.lines[:drop] {
		g.bytes -= int64(len(gone.Data))
	}
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

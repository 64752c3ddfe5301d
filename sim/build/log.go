package build

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dockerlab/dockerlab/sim/image"
)

// Log remembers the last builds, to be asked why they did what they did. The zero Log is empty and
// ready; it is safe for concurrent use.
type Log struct {
	mu      sync.Mutex
	records []Record
	steps   int // of all records
}

// What a Log remembers: builds, and steps of all of them together.
const (
	maxRecords = 50
	maxLogged  = 20_000
)

// Record is what became of a build.
type Record struct {
	Started time.Time
	Tags    []string
	Steps   []Step
	Image   image.ID // "" of a build that failed
	Err     string
}

// Step is what became of one step.
type Step struct {
	N, Of  int
	Source string // the instruction
	// Looked says that the cache was asked, which FROM and an ARG before it do not; Hit is the image
	// that it had, or Miss is why it had none. With ONBUILD triggers it is the first miss.
	Looked bool
	Hit    image.ID
	Miss   *Miss
	// From is the image that the step stands on, and Made the one that it ends with.
	From, Made image.ID
}

// Records are the builds remembered, the last one first.
func (l *Log) Records() []Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := slices.Clone(l.records)
	slices.Reverse(all)
	return all
}

func (l *Log) add(r Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.records = append(l.records, r)
	l.steps += len(r.Steps)
	for len(l.records) > maxRecords || l.steps > maxLogged && len(l.records) > 1 {
		l.steps -= len(l.records[0].Steps)
		l.records = slices.Delete(l.records, 0, 1)
	}
}

// recorder makes a Record of a build's events.
type recorder struct {
	Record
	at image.ID
}

// maxSource is how much of an instruction is remembered, in bytes.
const maxSource = 1000

func short(s string) string {
	if len(s) > maxSource {
		s = strings.ToValidUTF8(s[:maxSource], "") + "…"
	}
	return s
}

func (r *recorder) tell(e Event) {
	if s, ok := e.(StepStarted); ok {
		if strings.EqualFold(strings.SplitN(s.Source, " ", 2)[0], "FROM") {
			r.at = "" // another stage
		}
		r.Steps = append(r.Steps, Step{N: s.N, Of: s.Of, Source: short(s.Source), From: r.at})
		return
	}
	if len(r.Steps) == 0 {
		return
	}
	last := &r.Steps[len(r.Steps)-1]
	switch e := e.(type) {
	case CacheHit:
		last.Looked, last.Hit = true, e.Image
	case CacheMiss:
		last.Looked = true
		if last.Miss == nil {
			m := e.Miss
			m.Was, m.Now = short(m.Was), short(m.Now)
			for i := range m.Settings {
				s := &m.Settings[i]
				s.Was, s.Now = short(s.Was), short(s.Now)
			}
			last.Miss = &m
		}
	case ImageMade:
		r.at, last.Made = e.Image, e.Image
	case Built:
		r.Image = e.Image
	}
}

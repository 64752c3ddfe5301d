package document

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dockerlab/dockerlab/sim/kernel"
)

// Suite is a set of documents with what they need.
type Suite struct {
	// Engine is the address of the engine that records them again; "" replays them on the lab's own.
	Engine string
	// Setting is the path of a document whose commands run first, in silence; "" is none.
	Setting string
	// Programs are on the host besides its own.
	Programs map[string]kernel.Program
	// Mask hides in an answer what is of the moment, besides identifiers; nil is nothing.
	Mask func(answer string) string
}

// Run replays or records the documents in testdata, each on a host of its own.
func (s Suite) Run(t *testing.T) {
	files, err := filepath.Glob("testdata/*.md")
	if err != nil || len(files) == 0 {
		t.Fatal("no documents", err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".md"), func(t *testing.T) { s.run(t, f) })
	}
}

func (s Suite) run(t *testing.T, file string) {
	d, err := Read(file)
	if err != nil {
		t.Fatal(err)
	}
	h, err := NewHost(s.Engine, s.Programs)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Lab.Close()
	defer h.Clean("all")
	h.mask = s.Mask
	h.Clean("all")
	if s.Setting != "" && file != s.Setting {
		if h.Prepare(t, s.Setting); t.Failed() {
			return
		}
	}
	record := s.Engine != ""
	for _, c := range d.Cases {
		if c.Name == "" {
			h.replay(t, c, record)
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			defer h.Clean("")
			h.replay(t, c, record)
		})
	}
	if !record || t.Failed() {
		return
	}
	if err := os.WriteFile(file, []byte(d.String()), 0o666); err != nil {
		t.Error(err)
	}
}

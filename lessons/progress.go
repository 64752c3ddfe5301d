package lessons

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Progress is which steps of which lessons a learner has finished, and where they were last.
type Progress struct {
	Lesson string              `json:"lesson,omitempty"` // the last one opened
	Lang   Lang                `json:"lang,omitempty"`
	Done   map[string][]string `json:"done"`
	file   string
}

// OpenProgress reads a progress file. One that is not there yet is empty progress; one that cannot
// be read is an error and is left as it is.
func OpenProgress(file string) (*Progress, error) {
	p := &Progress{Done: map[string][]string{}, file: file}
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading progress: %w", err)
	}
	if err := json.Unmarshal(b, p); err != nil {
		return nil, fmt.Errorf("reading progress %s: %w (move the file away to begin anew)", file, err)
	}
	if p.Done == nil {
		p.Done = map[string][]string{}
	}
	return p, nil
}

// Save writes the progress: the old file or the new one is there at any moment, whole.
func (p *Progress) Save() error {
	b, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	dir := filepath.Dir(p.file)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("saving progress: %w", err)
	}
	tmp, err := os.CreateTemp(dir, ".progress-*")
	if err != nil {
		return fmt.Errorf("saving progress: %w", err)
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(append(b, '\n'))
	if err == nil {
		err = tmp.Sync()
	}
	if cerr := tmp.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(tmp.Name(), p.file)
	}
	if err != nil {
		return fmt.Errorf("saving progress: %w", err)
	}
	return nil
}

package line

import (
	"bufio"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"unicode/utf8"
)

// History is the lines that were entered, oldest first, kept in a file between runs. Losing it is
// no reason to lose a session: what goes wrong with the file after it was opened is ignored.
type History struct {
	mu    sync.Mutex
	name  string // "": not kept
	lines []string
}

const (
	maxHistory     = 1000     // lines that are kept
	maxHistoryLine = 64 << 10 // bytes of one line; longer ones are left out
)

// OpenHistory reads the history in the file name, and will add to it. A missing file is made with
// the first line. With an error, the history that comes with it is not kept.
func OpenHistory(name string) (*History, error) {
	h := &History{}
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			return h, err
		}
		h.name = name
		return h, nil
	}
	if err != nil {
		return h, err
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	s.Buffer(nil, maxHistoryLine)
	read := 0
	for s.Scan() {
		if line := s.Text(); line != "" && utf8.ValidString(line) {
			h.lines = append(h.lines, line)
			read++
		}
	}
	h.trim()
	h.name = name
	if read > 2*maxHistory {
		h.rewrite()
	}
	return h, nil
}

func (h *History) trim() {
	if extra := len(h.lines) - maxHistory; extra > 0 {
		h.lines = append([]string(nil), h.lines[extra:]...)
	}
}

// rewrite makes the file hold the lines that are kept, and no more.
func (h *History) rewrite() {
	temp := h.name + ".new"
	if os.WriteFile(temp, []byte(strings.Join(h.lines, "\n")+"\n"), 0o600) == nil {
		_ = os.Rename(temp, h.name)
	}
}

// Lines are the lines, oldest first.
func (h *History) Lines() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string(nil), h.lines...)
}

// Add adds a line, unless it is the last one again.
func (h *History) Add(line string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if n := len(h.lines); n > 0 && h.lines[n-1] == line || len(line) > maxHistoryLine || strings.ContainsRune(line, '\n') {
		return
	}
	h.lines = append(h.lines, line)
	h.trim()
	if h.name == "" {
		return
	}
	f, err := os.OpenFile(h.name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	_, _ = f.WriteString(line + "\n")
	_ = f.Close()
}

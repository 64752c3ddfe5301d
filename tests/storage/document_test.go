package storage

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// A document is a Markdown file. Its blocks that are marked "console" hold commands, each after "$ ",
// lines that go on with one after "> ", and under each what it printed. The commands under one heading
// of the second level are a case; those before the first are a setting for all that follow.
type document struct {
	path  string
	cases []*docCase
}

// docCase is one case of a document.
type docCase struct {
	name  string // its heading; "" for what stands before the first
	parts []part
}

// part is a stretch of a case: text, or a command with its answer.
type part struct {
	text    string // verbatim, where there is no command
	command string // of several lines perhaps
	answer  string
}

const (
	fence   = "```"
	console = fence + "console"
)

func readDocument(path string) (*document, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	d := &document{path: path}
	c := &docCase{}
	inside := false
	for line := range strings.Lines(string(b)) {
		switch {
		case inside && line == fence+"\n":
			inside = false
		case inside:
			if err := c.consoleLine(line); err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
			continue
		case line == console+"\n":
			inside = true
		case strings.HasPrefix(line, "## "):
			d.cases = append(d.cases, c)
			c = &docCase{name: strings.TrimSpace(line[3:])}
		}
		c.parts = append(c.parts, part{text: line})
	}
	d.cases = append(d.cases, c)
	return d, nil
}

func (c *docCase) consoleLine(line string) error {
	last := &c.parts[len(c.parts)-1]
	if cmd, ok := strings.CutPrefix(line, "$ "); ok {
		c.parts = append(c.parts, part{command: cmd})
		return nil
	}
	if last.command == "" {
		return errors.New("a block begins without a command")
	}
	if more, ok := strings.CutPrefix(line, "> "); ok && last.answer == "" {
		last.command += more
		return nil
	}
	last.answer += line
	return nil
}

// String is the document's text.
func (d *document) String() string {
	var b strings.Builder
	for _, c := range d.cases {
		for _, p := range c.parts {
			b.WriteString(p.String())
		}
	}
	return b.String()
}

func (p part) String() string {
	if p.command == "" {
		return p.text
	}
	first, more, _ := strings.Cut(strings.TrimSuffix(p.command, "\n"), "\n")
	s := "$ " + first + "\n"
	for line := range strings.Lines(more) {
		s += "> " + strings.TrimSuffix(line, "\n") + "\n"
	}
	return s + p.answer
}

// check says what of an answer could not be read again.
func (p part) check() error {
	for line := range strings.Lines(p.answer) {
		if strings.HasPrefix(line, "$ ") || strings.HasPrefix(line, "> ") || strings.HasPrefix(line, fence) {
			return fmt.Errorf("%q prints a line that means something here: %q", p.command, line)
		}
	}
	return nil
}

// Package document replays documents: Markdown files with shell sessions on a lab's host, and with what
// a real engine answered there. They are to be read as such. A Suite is a set of them; its test records
// them again against an engine.
package document

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// Document is a Markdown file. Its blocks that are marked "console" hold commands, each after "$ ",
// lines that go on with one after "> ", and under each what it printed. The commands under one heading
// of the second level are a case; those before the first are a setting for all that follow.
type Document struct {
	path  string
	Cases []*Case
}

// Case is one case of a document.
type Case struct {
	Name  string // its heading; "" for what stands before the first
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

// Read reads the document at path.
func Read(path string) (*Document, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	d := &Document{path: path}
	c := &Case{}
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
			d.Cases = append(d.Cases, c)
			c = &Case{Name: strings.TrimSpace(line[3:])}
		}
		c.parts = append(c.parts, part{text: line})
	}
	d.Cases = append(d.Cases, c)
	return d, nil
}

func (c *Case) consoleLine(line string) error {
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
func (d *Document) String() string {
	var b strings.Builder
	for _, c := range d.Cases {
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

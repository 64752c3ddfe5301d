// Package views shows what layers hold: the stack of an image or a container as a picture, the bytes
// in it that nobody can see, in what two differ, and why a build's steps did or did not come from
// the cache. Each is a report, which is written as text for people or as JSON for programs; package
// lineage knows what is in it.
//
// The same commands serve at the lab's prompt, where they look at the lab's engine and files, and
// as verbs of dockerlab, where they look at the catalogue or at archives on the real machine.
package views

import (
	"encoding/json"
	"io"
	"strings"

	"github.com/docker/go-units"
	"github.com/mattn/go-runewidth"

	"github.com/dockerlab/dockerlab/sim/image"
	"github.com/dockerlab/dockerlab/sim/lineage"
)

// Subject is an image or a container that is looked at.
type Subject struct {
	About
	Config image.Config // a container's has its own configuration
	Parts  []lineage.Part
}

// About says what a report is about.
type About struct {
	Name     string   `json:"name"` // as it was asked for
	Kind     string   `json:"kind"` // "image" or "container"
	ID       string   `json:"id"`
	Tags     []string `json:"tags,omitempty"` // all names of an image
	Platform string   `json:"platform,omitempty"`
}

// Style says how text is set.
type Style struct {
	Width int  // of the screen, in columns; at least 40
	Color bool // ANSI colours
}

const (
	bold   = "\x1b[1m"
	dim    = "\x1b[2m"
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	reset  = "\x1b[0m"
)

// page is text being set.
type page struct {
	strings.Builder
	Style
	*words
}

func newPage(st Style, w *words) *page {
	st.Width = max(st.Width, 40)
	return &page{Style: st, words: w}
}

// line adds a line without blanks at its end.
func (p *page) line(parts ...string) {
	p.WriteString(strings.TrimRight(strings.Join(parts, ""), " ") + "\n")
}

func (p *page) paint(code, s string) string {
	if !p.Color || s == "" {
		return s
	}
	return code + s + reset
}

// columns measures text. Lines and blocks of pictures, whose width is a terminal's choice in the
// East, have the one column that terminals give them today.
var columns = &runewidth.Condition{}

// width is how many columns s takes, colours left out.
func width(s string) int { return columns.StringWidth(plain(s)) }

// plain is s without colours.
func plain(s string) string {
	for {
		before, after, found := strings.Cut(s, "\x1b[")
		if !found {
			return s
		}
		_, after, _ = strings.Cut(after, "m")
		s = before + after
	}
}

// fit is s cut or filled to n columns. What it shows of others' text can neither move the cursor nor
// begin a line.
func fit(s string, n int) string {
	s = cut(s, n)
	return s + strings.Repeat(" ", max(0, n-width(s)))
}

// cut is s cut to n columns.
func cut(s string, n int) string { return columns.Truncate(clean(s), max(n, 1), "…") }

// right is s at the right of n columns.
func right(s string, n int) string { return strings.Repeat(" ", max(0, n-width(s))) + s }

// clean makes text of an archive fit for a line: control characters, which a terminal would obey,
// become question marks, and runs of white space one blank.
func clean(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return '?'
		}
		return r
	}, s)
}

// wrapped breaks s into lines of n columns, between words where that is possible.
func wrapped(s string, n int) []string {
	var lines []string
	line := ""
	for _, word := range strings.SplitAfter(clean(s), " ") {
		if width(line)+width(strings.TrimRight(word, " ")) > n && line != "" {
			lines = append(lines, line)
			line = ""
		}
		for width(word) > n {
			part := columns.Truncate(word, n, "")
			if part == "" {
				break
			}
			lines = append(lines, part)
			word = word[len(part):]
		}
		line += word
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// size is bytes as docker images writes them.
func size(n int64) string {
	if n < 0 {
		return "-" + size(-n)
	}
	return units.HumanSizeWithPrecision(float64(n), 3)
}

// writeJSON writes a report for programs.
func writeJSON(w io.Writer, report any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(report)
}

// instruction is the line of a Dockerfile that a row of a history was made of, as far as the row
// tells: without the shell that RUN puts before it, and the marks of builders.
func instruction(createdBy string) string {
	s := strings.TrimSpace(createdBy)
	s = strings.TrimSpace(strings.TrimSuffix(s, "# buildkit"))
	run, buildkit := strings.CutPrefix(s, "RUN ")
	if rest, ok := strings.CutPrefix(run, "|"); ok { // build arguments stand before the shell
		if at := strings.Index(rest, "/bin/sh -c "); at >= 0 {
			run = rest[at:]
		}
	}
	command, shell := strings.CutPrefix(run, "/bin/sh -c ")
	switch {
	case strings.HasPrefix(command, "#(nop)"):
		return strings.TrimSpace(strings.TrimPrefix(command, "#(nop)"))
	case shell:
		return "RUN " + strings.TrimSpace(command)
	case buildkit:
		return "RUN " + run
	}
	return s
}

// label is what a layer is called in text.
func (p *page) label(l *lineage.Layer) string {
	switch {
	case l.Kind == lineage.InitLayer:
		return p.initLayer
	case l.Kind == lineage.Upper:
		return p.writeLayer
	case l.CreatedBy == "":
		return p.noCommand
	}
	return instruction(l.CreatedBy)
}

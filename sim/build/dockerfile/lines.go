package dockerfile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

var (
	errNoInstructions = errors.New("file with no instructions")
	errNoStage        = errors.New("no build stage in current context")
)

// line is an instruction: one line, or several joined by the escape character at their ends.
type line struct {
	text       string
	start, end int // numbers of the first and last line of the file, from 1
}

// directives are the comments at the top of a file that change how it is read:
//
//	# escape=`
//	# syntax=docker/dockerfile:1
//
// The first line that is not one ends them. 20.10 knows no others; "check" is a comment.
type directives struct {
	escape rune
	seen   map[string]bool
	done   bool
	err    error // that ended the reading
}

var directive = regexp.MustCompile(`^#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*$`)

// look takes a line that may be a directive.
func (d *directives) look(s string) error {
	if d.done {
		return nil
	}
	m := directive.FindStringSubmatch(s)
	var name string
	if m != nil {
		name = strings.ToLower(m[1])
	}
	if name != "escape" && name != "syntax" {
		d.done = true
		return nil
	}
	if d.seen[name] {
		return fmt.Errorf("only one %s parser directive can be used", name)
	}
	if d.seen == nil {
		d.seen = map[string]bool{}
	}
	d.seen[name] = true
	if name == "escape" {
		if m[2] != "`" && m[2] != `\` {
			return fmt.Errorf("invalid escape token '%s' does not match ` or \\", m[2])
		}
		d.escape = rune(m[2][0])
	}
	return nil
}

// lines splits a file into instructions. tail is what was wrong with the file's end, which counts
// only when all before it was right; d.err is a directive that is wrong.
func (d *directives) lines(text []byte) (out []line, warnings []string, tail error) {
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	sc := bufio.NewScanner(bytes.NewReader(text))
	number := 0
	for sc.Scan() {
		raw := bytes.TrimLeftFunc(sc.Bytes(), unicode.IsSpace)
		if d.err = d.look(string(raw)); d.err != nil {
			return out, nil, nil
		}
		number++
		if isComment(raw) {
			raw = nil
		}
		s, more := d.continued(string(raw))
		if !more && s == "" {
			continue
		}
		l := line{start: number}
		joined := strings.Builder{}
		joined.WriteString(s)
		blank := false
		for more && sc.Scan() {
			number++
			raw := sc.Bytes()
			trimmed := bytes.TrimLeftFunc(raw, unicode.IsSpace)
			switch {
			case isComment(trimmed):
			case len(trimmed) == 0:
				blank = true
			default:
				s, more = d.continued(string(raw))
				joined.WriteString(s)
			}
		}
		l.text, l.end = joined.String(), number
		if blank {
			warnings = append(warnings, "[WARNING]: Empty continuation line found in:\n    "+l.text)
		}
		out = append(out, l)
	}
	if len(warnings) > 0 {
		warnings = append(warnings, "[WARNING]: Empty continuation lines will become errors in a future release.")
	}
	if err := sc.Err(); errors.Is(err, bufio.ErrTooLong) {
		tail = fmt.Errorf("dockerfile line greater than max allowed size of %d", bufio.MaxScanTokenSize-1)
	}
	return out, warnings, tail
}

func isComment(trimmed []byte) bool { return len(trimmed) > 0 && trimmed[0] == '#' }

// continued takes the escape character off the end of a line that goes on in the next one. Two of
// them at the end are no continuation; blanks after it do not matter.
func (d *directives) continued(s string) (string, bool) {
	t := strings.TrimRight(s, " \t")
	esc := byte(d.escape)
	if t == "" || t[len(t)-1] != esc || len(t) > 1 && t[len(t)-2] == esc {
		return s, false
	}
	return t[:len(t)-1], true
}

package edit

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// buffer is a text: lines of characters, never none, and a cursor in it.
type buffer struct {
	lines   [][]rune
	row     int
	col     int // in characters; may stand behind the last one only while inserting
	name    string
	noEOL   bool // the file had no newline at its end
	isNew   bool // there was no such file
	changed bool
	undos   []state
	redos   []state
}

// state is a text as it was.
type state struct {
	lines    [][]rune
	row, col int
	changed  bool
}

// maxUndo bounds how many changes can be taken back.
const maxUndo = 200

// load reads a file into the buffer. A file that is not there gives an empty one.
func (b *buffer) load(c *prog.Ctx, name string) error {
	*b = buffer{lines: [][]rune{nil}, name: name}
	if name == "" {
		return nil
	}
	data, err := c.ReadFile(name)
	if err == linux.ENOENT {
		b.isNew = true
		return nil
	}
	if err != nil {
		return err
	}
	b.setText(data)
	return nil
}

func (b *buffer) setText(data []byte) {
	text := string(data)
	b.noEOL = text != "" && !strings.HasSuffix(text, "\n")
	b.lines = nil
	for _, l := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		b.lines = append(b.lines, decode(l))
	}
}

// rawByte is where bytes that are no UTF-8 are kept, so that they are written as they were read.
const rawByte = 0xdc00

func decode(s string) []rune {
	var rs []rune
	for s != "" {
		r, n := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && n == 1 {
			r = rawByte + rune(s[0])
		}
		rs = append(rs, r)
		s = s[n:]
	}
	return rs
}

func encode(rs []rune) string {
	var b strings.Builder
	for _, r := range rs {
		if r >= rawByte && r < rawByte+256 {
			b.WriteByte(byte(r - rawByte))
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// text is what is written to the file.
func (b *buffer) text() string {
	if len(b.lines) == 1 && len(b.lines[0]) == 0 {
		return ""
	}
	parts := make([]string, len(b.lines))
	for i, l := range b.lines {
		parts[i] = encode(l)
	}
	s := strings.Join(parts, "\n")
	if !b.noEOL {
		s += "\n"
	}
	return s
}

// mark keeps the text as it is now, before a change.
func (b *buffer) mark() {
	b.undos = append(b.undos, b.snapshot())
	if len(b.undos) > maxUndo {
		b.undos = slices.Delete(b.undos, 0, 1)
	}
	b.redos = nil
	b.changed = true
}

func (b *buffer) snapshot() state {
	return state{slices.Clone(b.lines), b.row, b.col, b.changed}
}

func (b *buffer) restore(s state) {
	b.lines, b.row, b.col, b.changed = slices.Clone(s.lines), s.row, s.col, s.changed
}

func (b *buffer) undo() bool {
	if len(b.undos) == 0 {
		return false
	}
	b.redos = append(b.redos, b.snapshot())
	b.restore(b.undos[len(b.undos)-1])
	b.undos = b.undos[:len(b.undos)-1]
	return true
}

func (b *buffer) redo() bool {
	if len(b.redos) == 0 {
		return false
	}
	b.undos = append(b.undos, b.snapshot())
	b.restore(b.redos[len(b.redos)-1])
	b.redos = b.redos[:len(b.redos)-1]
	return true
}

func (b *buffer) line() []rune { return b.lines[b.row] }

// setLine replaces the cursor's line; lines are never changed in place, states share them.
func (b *buffer) setLine(l []rune) { b.lines[b.row] = l }

func (b *buffer) insert(r rune) {
	if r == '\n' {
		l := b.line()
		rest := slices.Clone(l[b.col:])
		b.setLine(slices.Clone(l[:b.col]))
		b.lines = slices.Insert(b.lines, b.row+1, rest)
		b.row, b.col = b.row+1, 0
		return
	}
	b.setLine(slices.Insert(slices.Clone(b.line()), b.col, r))
	b.col++
}

// backspace removes what stands before the cursor, a line's end included.
func (b *buffer) backspace() {
	switch {
	case b.col > 0:
		b.setLine(slices.Delete(slices.Clone(b.line()), b.col-1, b.col))
		b.col--
	case b.row > 0:
		tail := b.line()
		b.lines = slices.Delete(slices.Clone(b.lines), b.row, b.row+1)
		b.row--
		b.col = len(b.line())
		b.setLine(slices.Concat(b.line(), tail))
	}
}

func (b *buffer) deleteChars(from, to int) []rune {
	l := b.line()
	to = min(to, len(l))
	if from >= to {
		return nil
	}
	cut := slices.Clone(l[from:to])
	b.setLine(slices.Delete(slices.Clone(l), from, to))
	return cut
}

// deleteLines removes the lines [from, to) and gives them.
func (b *buffer) deleteLines(from, to int) [][]rune {
	to = min(to, len(b.lines))
	cut := slices.Clone(b.lines[from:to])
	b.lines = slices.Delete(slices.Clone(b.lines), from, to)
	if len(b.lines) == 0 {
		b.lines = [][]rune{nil}
	}
	return cut
}

// clamp keeps the cursor in the text; over lets it stand behind the last character.
func (b *buffer) clamp(over bool) {
	b.row = min(max(b.row, 0), len(b.lines)-1)
	last := len(b.line())
	if !over {
		last--
	}
	b.col = max(0, min(b.col, last))
}

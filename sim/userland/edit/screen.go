package edit

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"

	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// key is a key as it was pressed: a character, a control character, or one of the constants.
type key rune

const (
	keyUp key = 0x110000 + iota
	keyDown
	keyLeft
	keyRight
	keyHome
	keyEnd
	keyPageUp
	keyPageDown
	keyDelete
	keyResize
	keyEOF
)

func ctrl(r rune) key { return key(r & 0x1f) }

const keyEscape = key(0x1b)

// screen is the terminal that an editor draws on.
type screen struct {
	c          *prog.Ctx
	rows, cols int
	shown      []string // what stands on the terminal, row by row
	in         []byte   // bytes read and not yet keys
	top        int      // first line of the text that is shown
	left       int      // first column
}

func newScreen(c *prog.Ctx) *screen {
	s := &screen{c: c}
	if old, err := c.Tcgetattr(0); err == nil {
		raw := old
		raw.Canon, raw.Echo, raw.Isig, raw.Icrnl, raw.Ixon = false, false, false, false, false
		raw.Min, raw.Time = 1, 0
		c.Tcsetattr(0, raw)
		c.AtExit(func() { c.Tcsetattr(0, old) })
	}
	c.Signal(linux.SIGWINCH, kernel.Catch)
	c.AtExit(func() { c.Print("\x1b[?1049l"); c.Out.Flush() })
	c.Print("\x1b[?1049h\x1b[H\x1b[2J")
	s.resize()
	return s
}

// resize takes the terminal's size, and draws everything anew the next time.
func (s *screen) resize() {
	s.rows, s.cols = 24, 80
	if r, c, err := s.c.Winsize(1); err == nil && r > 1 && c > 1 {
		s.rows, s.cols = r, c
	}
	s.shown = make([]string, s.rows)
	for i := range s.shown {
		s.shown[i] = "\x00"
	}
}

// read waits for a key.
func (s *screen) read() key {
	for {
		if k, n := parseKey(s.in, false); n > 0 {
			s.in = s.in[n:]
			return k
		}
		if len(s.in) > 0 && s.in[0] == 0x1b {
			// An escape alone is known by nothing that follows it soon.
			fds := []kernel.PollFd{{Fd: 0, Events: kernel.POLLIN}}
			if n, err := s.c.Poll(fds, 50*time.Millisecond); err == nil && n == 0 {
				k, n := parseKey(s.in, true)
				s.in = s.in[n:]
				return k
			}
		}
		s.c.Out.Flush()
		buf := make([]byte, 256)
		n, err := s.c.Proc.Read(0, buf)
		if err == linux.EINTR {
			if sig, ok := s.c.TakeSignal(); ok && sig == linux.SIGWINCH {
				s.resize()
				return keyResize
			}
			continue
		}
		if n == 0 || err != nil {
			return keyEOF
		}
		s.in = append(s.in, buf[:n]...)
	}
}

// parseKey takes a key from the beginning of b; n is 0 if there is none yet. final says that
// nothing more follows for now.
func parseKey(b []byte, final bool) (k key, n int) {
	if len(b) == 0 {
		return 0, 0
	}
	if b[0] != 0x1b {
		if !utf8.FullRune(b) && !final {
			return 0, 0
		}
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 {
			return key(rawByte + rune(b[0])), 1
		}
		return key(r), n
	}
	if len(b) == 1 {
		if final {
			return keyEscape, 1
		}
		return 0, 0
	}
	if b[1] != '[' && b[1] != 'O' {
		return keyEscape, 1
	}
	for i := 2; i < len(b) && i < 16; i++ {
		if b[i] < 0x40 || b[i] > 0x7e {
			continue
		}
		switch b[i] {
		case 'A':
			return keyUp, i + 1
		case 'B':
			return keyDown, i + 1
		case 'C':
			return keyRight, i + 1
		case 'D':
			return keyLeft, i + 1
		case 'H':
			return keyHome, i + 1
		case 'F':
			return keyEnd, i + 1
		case '~':
			switch string(b[2:i]) {
			case "1", "7":
				return keyHome, i + 1
			case "4", "8":
				return keyEnd, i + 1
			case "3":
				return keyDelete, i + 1
			case "5":
				return keyPageUp, i + 1
			case "6":
				return keyPageDown, i + 1
			}
		}
		return 0, i + 1
	}
	if final || len(b) >= 16 {
		return keyEscape, 1
	}
	return 0, 0
}

// width is how many columns r takes when it stands in column at.
func width(r rune, at int) int {
	switch {
	case r == '\t':
		return 8 - at%8
	case r < ' ' || r == 0x7f:
		return 2
	case r >= rawByte && r < rawByte+256:
		return 4
	}
	return runewidth.RuneWidth(r)
}

// glyph is how r is shown in column at.
func glyph(r rune, at int) string {
	switch {
	case r == '\t':
		return strings.Repeat(" ", 8-at%8)
	case r == 0x7f:
		return "^?"
	case r < ' ':
		return "^" + string(r+'@')
	case r >= rawByte && r < rawByte+256:
		const hex = "0123456789abcdef"
		b := byte(r - rawByte)
		return "<" + string(hex[b>>4]) + string(hex[b&15]) + ">"
	}
	return string(r)
}

// column is the screen column of the character col of a line.
func column(line []rune, col int) int {
	at := 0
	for _, r := range line[:min(col, len(line))] {
		at += width(r, at)
	}
	return at
}

// show draws the text with the cursor in sight, above the given bottom rows. Beyond the end of
// the text stands filler.
func (s *screen) show(b *buffer, head []string, bottom []string, filler string, cursor func() (row, col int)) {
	height := max(1, s.rows-len(head)-len(bottom))
	s.top = min(s.top, b.row)
	if b.row >= s.top+height {
		s.top = b.row - height + 1
	}
	at := column(b.line(), b.col)
	if at < s.left {
		s.left = at
	}
	if at >= s.left+s.cols {
		s.left = at - s.cols + 1
	}
	row := 0
	for _, h := range head {
		s.put(row, h)
		row++
	}
	for i := range height {
		text := filler
		if n := s.top + i; n < len(b.lines) {
			text = s.cut(b.lines[n])
		}
		s.put(row, text)
		row++
	}
	for _, t := range bottom {
		s.put(row, t)
		row++
	}
	r, c := len(head)+b.row-s.top, at-s.left
	if cursor != nil {
		r, c = cursor()
	}
	s.move(r, c)
}

// cut is the part of a line that is in sight.
func (s *screen) cut(line []rune) string {
	var out strings.Builder
	at := 0
	for _, r := range line {
		w := width(r, at)
		switch {
		case at+w > s.left+s.cols:
			return out.String()
		case at >= s.left:
			out.WriteString(glyph(r, at))
		case at+w > s.left:
			out.WriteString(strings.Repeat(" ", at+w-s.left))
		}
		at += w
	}
	return out.String()
}

// put shows a row, if it is not what stands there already.
func (s *screen) put(row int, text string) {
	if row >= len(s.shown) || s.shown[row] == text {
		return
	}
	s.shown[row] = text
	s.move(row, 0)
	s.c.Print(text, "\x1b[K")
}

func (s *screen) move(row, col int) {
	s.c.Printf("\x1b[%d;%dH", row+1, min(col, s.cols-1)+1)
}

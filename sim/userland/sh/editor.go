package sh

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"

	"github.com/dockerlab/dockerlab/sim/linux"
)

// editor edits one line on the terminal, as readline and busybox's line editing do.
type editor struct {
	s      *shell
	prompt string // its last line
	buf    []rune
	pos    int // cursor, in runes
	row    int // the row of the cursor below the prompt's
	killed []rune
	at     int      // in the history; len(history) is the new line
	edited []string // the history, and what is typed now
	tabs   int      // how many tabs came in a row
	paste  bool
	// accepted says that a history search ended with Enter
	accepted bool
	out      []byte
}

// line lets the user type a line. It is false at the end of the input.
func (e *editor) line(prompt string) (string, bool) {
	s := e.s
	old, err := s.p.Tcgetattr(0)
	if err != nil {
		return s.plainLine()
	}
	raw := old
	raw.Canon, raw.Echo, raw.Isig, raw.Icrnl, raw.Ixon = false, false, false, false, false
	raw.Min, raw.Time = 1, 0
	s.p.Tcsetattr(0, raw)
	defer s.p.Tcsetattr(0, old)
	modern := s.d == Bash && s.value("TERM") != "" && s.value("TERM") != "dumb"
	if modern {
		e.put("\x1b[?2004h") // bracketed paste
	}
	if i := strings.LastIndexByte(prompt, '\n'); i >= 0 {
		e.put(clean(prompt[:i+1]))
		prompt = prompt[i+1:]
	}
	e.prompt, e.buf, e.pos, e.row, e.tabs, e.paste = prompt, nil, 0, 0, 0, false
	e.edited = append(append([]string(nil), s.history...), "")
	e.at = len(s.history)
	e.put(clean(prompt))
	e.flush()
	for {
		r, ok := rune('\r'), true
		if !e.accepted {
			r, ok = e.key()
		}
		e.accepted = false
		if !ok {
			return "", false
		}
		if r != '\t' {
			e.tabs = 0
		}
		switch r {
		case '\r', '\n':
			if e.paste {
				e.insert('\n')
				break
			}
			e.end()
			text := string(e.buf)
			expanded, changed, wrong := s.expandHistory(text)
			e.put("\n")
			if modern {
				e.put("\x1b[?2004l\r")
			}
			if wrong != "" {
				e.flush()
				s.p.Tcsetattr(0, old)
				s.plainf("%s", wrong)
				panic(discard{s.status})
			}
			if changed {
				e.put(expanded + "\n")
			}
			e.flush()
			return expanded + "\n", true
		case 3: // ^C
			e.end()
			e.put("^C\n")
			if modern {
				e.put("\x1b[?2004l\r")
			}
			e.flush()
			panic(discard{130})
		case 4: // ^D
			if len(e.buf) == 0 {
				if modern {
					e.put("\x1b[?2004l\r")
				}
				e.flush()
				return "", false
			}
			e.delete(e.pos, e.pos+1)
		default:
			e.handle(r)
		}
		e.flush()
	}
}

// clean takes out what "\[" and "\]" left in a prompt.
func clean(t string) string {
	return strings.NewReplacer("\x01", "", "\x02", "").Replace(t)
}

func (e *editor) put(t string) { e.out = append(e.out, t...) }

func (e *editor) flush() {
	if len(e.out) > 0 {
		e.s.p.Write(2, e.out)
		e.out = e.out[:0]
	}
}

// Keys that are no characters.
const (
	keyUp rune = -1 - iota
	keyDown
	keyRight
	keyLeft
	keyHome
	keyEnd
	keyDelete
	keyWordLeft
	keyWordRight
	keyKillWord
	keyBackWord
	keyPaste
	keyPasteEnd
	keyNone
	keyLastWord
)

func (e *editor) byte() (byte, bool) {
	var b [1]byte
	for {
		n, err := e.s.p.Read(0, b[:])
		if err == linux.EINTR {
			if sig, ok := e.s.p.TakeSignal(); ok && e.s.traps.actions[int(sig)] != "" {
				e.s.traps.pending = append(e.s.traps.pending, sig)
				e.s.runPendingTraps()
			}
			continue
		}
		if n <= 0 || err != nil {
			return 0, false
		}
		return b[0], true
	}
}

// key reads one key.
func (e *editor) key() (rune, bool) {
	b, ok := e.byte()
	if !ok {
		return 0, false
	}
	if b == 27 {
		return e.escape()
	}
	if b < utf8.RuneSelf {
		return rune(b), true
	}
	raw := []byte{b}
	for !utf8.FullRune(raw) && len(raw) < utf8.UTFMax {
		if b, ok = e.byte(); !ok {
			return 0, false
		}
		raw = append(raw, b)
	}
	r, _ := utf8.DecodeRune(raw)
	return r, true
}

func (e *editor) escape() (rune, bool) {
	b, ok := e.byte()
	if !ok {
		return 0, false
	}
	switch b {
	case 'b':
		return keyWordLeft, true
	case 'f':
		return keyWordRight, true
	case 'd':
		return keyKillWord, true
	case 127, 8:
		return keyBackWord, true
	case '.', '_':
		return keyLastWord, true
	case '[', 'O':
	default:
		return keyNone, true
	}
	var arg []byte
	for {
		if b, ok = e.byte(); !ok {
			return 0, false
		}
		if b >= 0x40 && b < 0x7f || len(arg) > 16 {
			break
		}
		arg = append(arg, b)
	}
	control := strings.HasSuffix(string(arg), ";5") || strings.HasSuffix(string(arg), ";3")
	switch b {
	case 'A':
		return keyUp, true
	case 'B':
		return keyDown, true
	case 'C':
		if control {
			return keyWordRight, true
		}
		return keyRight, true
	case 'D':
		if control {
			return keyWordLeft, true
		}
		return keyLeft, true
	case 'H':
		return keyHome, true
	case 'F':
		return keyEnd, true
	case '~':
		switch string(arg) {
		case "1", "7":
			return keyHome, true
		case "4", "8":
			return keyEnd, true
		case "3":
			return keyDelete, true
		case "200":
			return keyPaste, true
		case "201":
			return keyPasteEnd, true
		}
	}
	return keyNone, true
}

func (e *editor) handle(r rune) {
	switch r {
	case 1, keyHome:
		e.move(0)
	case 5, keyEnd:
		e.move(len(e.buf))
	case 2, keyLeft:
		e.move(e.pos - 1)
	case 6, keyRight:
		e.move(e.pos + 1)
	case keyWordLeft:
		e.move(e.wordLeft(isWordRune))
	case keyWordRight:
		e.move(e.wordRight())
	case 127, 8:
		if e.pos > 0 {
			e.delete(e.pos-1, e.pos)
		}
	case keyDelete:
		e.delete(e.pos, e.pos+1)
	case 11: // ^K
		e.kill(e.pos, len(e.buf))
	case 21: // ^U
		e.kill(0, e.pos)
	case 23: // ^W
		e.kill(e.wordLeft(func(r rune) bool { return r != ' ' && r != '\t' }), e.pos)
	case keyBackWord:
		e.kill(e.wordLeft(isWordRune), e.pos)
	case keyKillWord:
		e.kill(e.pos, e.wordRight())
	case 25: // ^Y
		e.insert(e.killed...)
	case 20: // ^T
		if e.pos > 0 && len(e.buf) > 1 {
			i := min(e.pos, len(e.buf)-1)
			e.buf[i-1], e.buf[i] = e.buf[i], e.buf[i-1]
			e.pos = i + 1
			e.redraw()
		}
	case 12: // ^L
		e.put("\x1b[H\x1b[2J")
		e.row = 0
		e.redraw()
	case 16, keyUp:
		e.recall(e.at - 1)
	case 14, keyDown:
		e.recall(e.at + 1)
	case 18: // ^R
		e.search()
	case keyLastWord:
		if n := len(e.s.history); n > 0 {
			if words := strings.Fields(e.s.history[n-1]); len(words) > 0 {
				e.insert([]rune(words[len(words)-1])...)
			}
		}
	case '\t':
		if e.paste {
			e.insert('\t')
			break
		}
		e.complete()
	case keyPaste:
		e.paste = true
	case keyPasteEnd:
		e.paste = false
	default:
		if r >= 32 {
			e.insert(r)
		}
	}
}

func isWordRune(r rune) bool {
	return r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r > 127
}

func (e *editor) wordLeft(in func(rune) bool) int {
	i := e.pos
	for i > 0 && !in(e.buf[i-1]) {
		i--
	}
	for i > 0 && in(e.buf[i-1]) {
		i--
	}
	return i
}

func (e *editor) wordRight() int {
	i := e.pos
	for i < len(e.buf) && !isWordRune(e.buf[i]) {
		i++
	}
	for i < len(e.buf) && isWordRune(e.buf[i]) {
		i++
	}
	return i
}

// insert puts runes at the cursor.
func (e *editor) insert(rs ...rune) {
	if len(e.buf)+len(rs) > 1<<16 {
		e.put("\a")
		return
	}
	end := e.pos == len(e.buf)
	e.buf = append(e.buf[:e.pos], append(append([]rune(nil), rs...), e.buf[e.pos:]...)...)
	e.pos += len(rs)
	if end && len(rs) == 1 && rs[0] != '\n' {
		// the common case: the character is echoed
		row, col := e.where(e.pos)
		if col > 0 && row == e.row {
			e.put(string(rs))
			return
		}
	}
	e.redraw()
}

func (e *editor) delete(from, to int) {
	from, to = max(from, 0), min(to, len(e.buf))
	if from >= to {
		return
	}
	last := to == len(e.buf) && from == e.pos-1 && runewidth.RuneWidth(e.buf[from]) == 1
	e.buf = append(e.buf[:from], e.buf[to:]...)
	e.pos = from
	if row, col := e.where(e.pos); last && row == e.row && col > 0 {
		e.put("\b\x1b[K")
		return
	}
	e.redraw()
}

func (e *editor) kill(from, to int) {
	if from >= to {
		return
	}
	e.killed = append([]rune(nil), e.buf[from:to]...)
	e.delete(from, to)
}

func (e *editor) move(to int) {
	to = max(0, min(to, len(e.buf)))
	if to == e.pos {
		return
	}
	row, col := e.where(to)
	if row != e.row {
		e.vertical(row - e.row)
	}
	e.put("\r")
	if col > 0 {
		e.put(fmt.Sprintf("\x1b[%dC", col))
	}
	e.pos, e.row = to, row
}

func (e *editor) vertical(n int) {
	if n > 0 {
		e.put(fmt.Sprintf("\x1b[%dB", n))
	} else if n < 0 {
		e.put(fmt.Sprintf("\x1b[%dA", -n))
	}
}

func (e *editor) columns() int {
	if _, cols, err := e.s.p.Winsize(0); err == nil && cols > 0 {
		return cols
	}
	return 80
}

// where is the place on the screen of a position in the buffer, below the prompt's first row.
func (e *editor) where(pos int) (row, col int) {
	cols := e.columns()
	col = promptWidth(e.prompt)
	row, col = col/cols, col%cols
	for _, r := range e.buf[:pos] {
		if r == '\n' {
			row, col = row+1, 0
			continue
		}
		w := runewidth.RuneWidth(r)
		if col+w > cols {
			row, col = row+1, 0
		}
		if col += w; col == cols {
			row, col = row+1, 0
		}
	}
	return row, col
}

// promptWidth is how many columns a prompt takes, without its escape sequences.
func promptWidth(t string) int {
	n, hidden := 0, false
	for i := 0; i < len(t); {
		r, w := utf8.DecodeRuneInString(t[i:])
		switch {
		case r == 1:
			hidden = true
		case r == 2:
			hidden = false
		case hidden:
		case r == 27 && i+1 < len(t) && t[i+1] == '[':
			j := i + 2
			for j < len(t) && (t[j] < 0x40 || t[j] > 0x7e) {
				j++
			}
			w = j + 1 - i
		case r >= 32:
			n += runewidth.RuneWidth(r)
		}
		i += w
	}
	return n
}

// redraw draws prompt and line again and puts the cursor where it belongs.
func (e *editor) redraw() {
	e.vertical(-e.row)
	e.put("\r" + clean(e.prompt) + strings.ReplaceAll(string(e.buf), "\n", "\x1b[K\n"))
	row, col := e.where(len(e.buf))
	if col == 0 && row > 0 && len(e.buf) > 0 && e.buf[len(e.buf)-1] != '\n' {
		e.put("\n") // the terminal waits at the margin
	}
	e.put("\x1b[J")
	want, wantCol := e.where(e.pos)
	if want != row || wantCol != col {
		e.vertical(want - row)
		e.put("\r")
		if wantCol > 0 {
			e.put(fmt.Sprintf("\x1b[%dC", wantCol))
		}
	}
	e.row = want
}

// end puts the cursor behind the line.
func (e *editor) end() { e.move(len(e.buf)) }

// recall shows a line of the history.
func (e *editor) recall(at int) {
	if at < 0 || at >= len(e.edited) {
		e.put("\a")
		return
	}
	e.edited[e.at] = string(e.buf)
	e.at = at
	e.buf = []rune(e.edited[at])
	e.pos = len(e.buf)
	e.redraw()
}

// search is ^R: it looks backwards through the history for what is typed.
func (e *editor) search() {
	prompt, query := e.prompt, ""
	from := len(e.s.history) - 1
	match := -1
	find := func(start int) bool {
		for i := min(start, len(e.s.history)-1); i >= 0; i-- {
			if query != "" && strings.Contains(e.s.history[i], query) {
				match, from = i, i
				return true
			}
		}
		return false
	}
	failed := false
	show := func() {
		label := "(reverse-i-search)`"
		if failed {
			label = "(failed reverse-i-search)`"
		}
		e.prompt = label + query + "': "
		if match >= 0 {
			e.buf = []rune(e.s.history[match])
			e.pos = max(0, len([]rune(e.s.history[match][:max(0, strings.Index(e.s.history[match], query))])))
		}
		e.redraw()
		e.flush()
	}
	saved := append([]rune(nil), e.buf...)
	show()
	leave := func() {
		e.prompt = prompt
		e.redraw()
	}
	for {
		r, ok := e.key()
		if !ok {
			leave()
			return
		}
		switch {
		case r == 18:
			failed = !find(from - 1)
		case r == 7, r == 3:
			e.buf, e.pos = saved, len(saved)
			leave()
			return
		case r == 127 || r == 8:
			if query != "" {
				_, w := utf8.DecodeLastRuneInString(query)
				query = query[:len(query)-w]
				match = -1
				failed = query != "" && !find(len(e.s.history)-1)
			}
		case r >= 32:
			query += string(r)
			failed = !find(from)
		default:
			e.pos = len(e.buf)
			leave()
			if r == '\r' || r == '\n' {
				e.accepted = true // the line is done
			} else if r != 27 && r != keyNone {
				e.handle(r)
			}
			return
		}
		show()
	}
}

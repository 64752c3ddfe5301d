package edit

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/posixre"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// visual is one run of vi.
type visual struct {
	*prog.Ctx
	*screen
	buf      buffer
	files    []string
	at       int // of files
	mode     byte
	prompt   []rune // what is typed behind : or /
	message  string
	yank     [][]rune
	yankLine bool // yank is whole lines
	search   string
	backward bool
	readOnly bool
	number   bool
	last     []key // keys of the last change, for "."
	record   []key
	replay   []key
	quit     bool
	status   int
}

const (
	modeNormal  = 'n'
	modeInsert  = 'i'
	modeReplace = 'R'
)

func vi(c *prog.Ctx) int {
	v := &visual{Ctx: c, mode: modeNormal}
	v.readOnly = c.Program == "view"
	var commands []string
	line, atEnd := "", false
	var args []string
	for _, a := range c.Args {
		if n, ok := strings.CutPrefix(a, "+"); ok {
			line, atEnd = n, n == ""
			continue
		}
		args = append(args, a)
	}
	c.Args = args
	short, long := "c:RHnNeEsvxyu:i:hT:", []prog.Long{{Name: "noplugin", Val: 'n'}, {Name: "clean", Val: 'n'}}
	if !c.GNU() {
		short, long = "c:RHh", nil
	}
	for o := range c.Getopt(short, long) {
		switch o.Val {
		case 'c':
			commands = append(commands, o.Arg)
		case 'R':
			v.readOnly = true
		case 'h':
			c.Help()
		}
	}
	v.files = c.Args
	if c.GNU() && !c.Isatty(1) {
		c.Errorf("Vim: Warning: Output is not to a terminal\n")
	}
	if c.GNU() && !c.Isatty(0) {
		c.Errorf("Vim: Warning: Input is not from a terminal\n")
	}
	v.screen = newScreen(c)
	name := ""
	if len(v.files) > 0 {
		name = v.files[0]
	}
	v.open(name)
	switch n, err := strconv.Atoi(line); {
	case strings.HasPrefix(line, "/"):
		v.find(line[1:], false)
	case err == nil:
		v.buf.row = n - 1
	case atEnd:
		v.buf.row = len(v.buf.lines) - 1
	}
	v.buf.clamp(false)
	for _, cmd := range commands {
		if v.ex(strings.TrimPrefix(cmd, ":")); v.quit {
			return v.status
		}
	}
	for !v.quit {
		v.draw()
		k := v.next()
		if k == keyEOF {
			v.status = 1
			break
		}
		v.key(k)
	}
	v.screen.put(v.screen.rows-1, v.message)
	v.screen.move(v.screen.rows-1, 0)
	return v.status
}

func (v *visual) open(name string) {
	err := v.buf.load(v.Ctx, name)
	switch {
	case err != nil:
		v.buf = buffer{lines: [][]rune{nil}, name: name}
		v.say("%q %v", name, err)
		if err == linux.EISDIR {
			v.say("%q is a directory", name)
		}
	case name == "":
		v.message = ""
	case v.buf.isNew && v.GNU():
		v.say("%q [New]", name)
	case v.GNU():
		v.say("%q %dL, %dB", name, v.lineCount(), len(v.buf.text()))
	default:
		v.message = v.busyboxStatus()
	}
	v.screen.top, v.screen.left = 0, 0
}

func (v *visual) lineCount() int {
	if len(v.buf.lines) == 1 && len(v.buf.lines[0]) == 0 {
		return 0
	}
	return len(v.buf.lines)
}

func (v *visual) busyboxStatus() string {
	name := v.buf.name
	if name == "" {
		name = "No file"
	}
	mod := ""
	if v.buf.changed {
		mod = " [Modified]"
	}
	mark := "-"
	switch v.mode {
	case modeInsert:
		mark = "I"
	case modeReplace:
		mark = "R"
	}
	return fmt.Sprintf("%s %s%s %d/%d %d%%", mark, name, mod, v.buf.row+1, len(v.buf.lines), (v.buf.row+1)*100/len(v.buf.lines))
}

func (v *visual) say(format string, args ...any) { v.message = fmt.Sprintf(format, args...) }

// draw shows the text and the status line.
func (v *visual) draw() {
	status := v.message
	var cursor func() (int, int)
	switch {
	case v.prompt != nil:
		status = string(v.prompt)
		cursor = func() (int, int) { return v.screen.rows - 1, column(v.prompt, len(v.prompt)) }
	case !v.GNU() && status == "":
		status = v.busyboxStatus()
	case v.mode == modeInsert && v.GNU():
		status = "-- INSERT --"
	case v.mode == modeReplace && v.GNU():
		status = "-- REPLACE --"
	}
	if v.GNU() && v.prompt == nil {
		pos := fmt.Sprintf("%d,%d", v.buf.row+1, v.buf.col+1)
		if pad := v.screen.cols - 18 - prog.Width(status); pad > 0 {
			status += strings.Repeat(" ", pad) + pos
		}
	}
	v.screen.show(&v.buf, nil, []string{status}, "~", cursor)
}

// next is the next key: of a change that is repeated, or of the keyboard.
func (v *visual) next() key {
	if len(v.replay) > 0 {
		k := v.replay[0]
		v.replay = v.replay[1:]
		return k
	}
	k := v.screen.read()
	v.record = append(v.record, k)
	return k
}

func (v *visual) key(k key) {
	if k == keyResize {
		return
	}
	if k == ctrl('l') {
		v.screen.resize()
		return
	}
	switch v.mode {
	case modeInsert, modeReplace:
		v.insertKey(k)
		if v.mode == modeNormal && len(v.replay) == 0 {
			v.last = slices.Clone(v.record)
		}
	default:
		if len(v.replay) == 0 {
			v.record = []key{k}
		}
		v.message = ""
		v.normalKey(k)
	}
}

func (v *visual) insertKey(k key) {
	b := &v.buf
	switch k {
	case keyEscape, ctrl('c'):
		v.mode = modeNormal
		if b.col > 0 {
			b.col--
		}
		b.clamp(false)
		v.message = ""
	case '\r', '\n':
		b.insert('\n')
	case 0x7f, ctrl('h'):
		b.backspace()
	case ctrl('w'):
		for b.col > 0 && b.line()[b.col-1] == ' ' {
			b.backspace()
		}
		for b.col > 0 && b.line()[b.col-1] != ' ' {
			b.backspace()
		}
	case ctrl('u'):
		for b.col > 0 {
			b.backspace()
		}
	case keyDelete:
		b.deleteChars(b.col, b.col+1)
	case keyUp:
		b.row--
	case keyDown:
		b.row++
	case keyLeft:
		b.col--
	case keyRight:
		b.col++
	case keyHome:
		b.col = 0
	case keyEnd:
		b.col = len(b.line())
	case ctrl('v'):
		if k := v.next(); k < 0x110000 {
			b.insert(rune(k))
		}
	default:
		if k >= ' ' && k < 0x110000 || k == '\t' {
			if v.mode == modeReplace {
				b.deleteChars(b.col, b.col+1)
			}
			b.insert(rune(k))
		}
	}
	b.clamp(v.mode != modeNormal)
}

// maxCount bounds a count before a command.
const maxCount = 1 << 20

func (v *visual) normalKey(k key) {
	b := &v.buf
	count, counted := 0, false
	for k >= '1' && k <= '9' || k == '0' && counted {
		count, counted = min(count*10+int(k-'0'), maxCount), true
		k = v.next()
	}
	n := max(count, 1)
	begin := func(mode byte) {
		b.mark()
		v.mode = mode
	}
	change := func() { // a change that ends at once: it is what "." repeats
		if len(v.replay) == 0 {
			v.last = slices.Clone(v.record)
		}
		b.clamp(false)
	}
	if v.motion(k, n, counted) {
		b.clamp(false)
		return
	}
	switch k {
	case 'i':
		begin(modeInsert)
	case 'a':
		begin(modeInsert)
		b.col = min(b.col+1, len(b.line()))
	case 'I':
		begin(modeInsert)
		b.col = indent(b.line())
	case 'A':
		begin(modeInsert)
		b.col = len(b.line())
	case 'o', 'O':
		begin(modeInsert)
		at := b.row
		if k == 'o' {
			at++
		}
		b.lines = slices.Insert(slices.Clone(b.lines), at, nil)
		b.row, b.col = at, 0
	case 'R':
		begin(modeReplace)
	case 's':
		begin(modeInsert)
		v.setYank(b.deleteChars(b.col, b.col+n))
	case 'S':
		v.operate('c', 'c', n)
	case 'C':
		begin(modeInsert)
		v.setYank(b.deleteChars(b.col, len(b.line())))
	case 'x', keyDelete:
		b.mark()
		v.setYank(b.deleteChars(b.col, b.col+n))
		change()
	case 'X':
		from := max(0, b.col-n)
		b.mark()
		v.setYank(b.deleteChars(from, b.col))
		b.col = from
		change()
	case 'D':
		b.mark()
		v.setYank(b.deleteChars(b.col, len(b.line())))
		change()
	case 'Y':
		v.operate('y', 'y', n)
	case 'd', 'y', 'c', '>', '<':
		m := v.next()
		extra, had := 0, false
		for m >= '1' && m <= '9' || m == '0' && had {
			extra, had = min(extra*10+int(m-'0'), maxCount), true
			m = v.next()
		}
		if had {
			n *= extra
		}
		v.operate(k, m, min(n, maxCount))
		if k != 'y' && v.mode == modeNormal {
			change()
		}
	case 'p', 'P':
		if v.yank == nil {
			return
		}
		b.mark()
		for range min(n, 1000) {
			v.put(k == 'p')
		}
		change()
	case 'J':
		if b.row+1 < len(b.lines) {
			b.mark()
			next := b.lines[b.row+1]
			next = next[indent(next):]
			l := b.line()
			b.col = len(l)
			if len(l) > 0 && len(next) > 0 {
				l = append(slices.Clone(l), ' ')
			}
			b.setLine(slices.Concat(l, next))
			b.lines = slices.Delete(slices.Clone(b.lines), b.row+1, b.row+2)
			change()
		}
	case 'r':
		r := v.next()
		if r == keyEscape || b.col+n > len(b.line()) {
			return
		}
		b.mark()
		if r == '\r' {
			b.deleteChars(b.col, b.col+n)
			b.insert('\n')
		} else if r < 0x110000 {
			l := slices.Clone(b.line())
			for i := range n {
				l[b.col+i] = rune(r)
			}
			b.setLine(l)
			b.col += n - 1
		}
		change()
	case '~':
		if b.col < len(b.line()) {
			b.mark()
			l := slices.Clone(b.line())
			for i := b.col; i < min(b.col+n, len(l)); i++ {
				if unicode.IsUpper(l[i]) {
					l[i] = unicode.ToLower(l[i])
				} else {
					l[i] = unicode.ToUpper(l[i])
				}
			}
			b.setLine(l)
			b.col += n
			change()
		}
	case 'u':
		if !b.undo() {
			v.message = "Already at oldest change"
		}
		b.clamp(false)
	case ctrl('r'):
		if !b.redo() {
			v.message = "Already at newest change"
		}
		b.clamp(false)
	case '.':
		v.replay = slices.Clone(v.last)
		for len(v.replay) > 0 {
			v.key(v.next())
		}
	case ':', '/', '?':
		v.ask(rune(k))
	case 'n', 'N':
		if v.search == "" {
			v.message = "E35: No previous regular expression"
			return
		}
		v.find(v.search, v.backward != (k == 'N'))
	case 'Z':
		switch v.next() {
		case 'Z':
			v.ex("x")
		case 'Q':
			v.ex("q!")
		}
	case ctrl('g'):
		v.say("%q %d lines --%d%%--", b.name, len(b.lines), (b.row+1)*100/len(b.lines))
	case ctrl('c'):
		v.message = "Type  :qa  and press <Enter> to exit Vim"
	}
}

func indent(l []rune) int {
	i := 0
	for i < len(l) && (l[i] == ' ' || l[i] == '\t') {
		i++
	}
	return i
}

func (v *visual) setYank(rs []rune) {
	if rs != nil {
		v.yank, v.yankLine = [][]rune{rs}, false
	}
}

// put inserts what was deleted or yanked, after the cursor or before it.
func (v *visual) put(after bool) {
	b := &v.buf
	if v.yankLine {
		at := b.row
		if after {
			at++
		}
		b.lines = slices.Insert(slices.Clone(b.lines), at, v.yank...)
		b.row, b.col = at, 0
		b.col = indent(b.line())
		return
	}
	if after && len(b.line()) > 0 {
		b.col++
	}
	b.setLine(slices.Insert(slices.Clone(b.line()), b.col, v.yank[0]...))
	b.col += len(v.yank[0]) - 1
}

// class sorts characters into blanks, words and the rest, for w, b and e.
func class(r rune, big bool) int {
	switch {
	case unicode.IsSpace(r):
		return 0
	case big || r == '_' || unicode.IsLetter(r) && r < 0x2e80 || unicode.IsDigit(r):
		return 1
	case r >= 0x2e80:
		return 3
	}
	return 2
}

// motion carries out a motion; false if k is none.
func (v *visual) motion(k key, n int, counted bool) bool {
	b := &v.buf
	page := max(1, v.screen.rows-3)
	switch k {
	case 'h', keyLeft, 0x7f, ctrl('h'):
		b.col -= n
	case 'l', keyRight, ' ':
		b.col += n
	case 'j', keyDown, ctrl('n'), ctrl('j'):
		b.row += n
	case 'k', keyUp, ctrl('p'):
		b.row -= n
	case '+', '\r':
		b.row += n
		b.clamp(false)
		b.col = indent(b.line())
	case '-':
		b.row -= n
		b.clamp(false)
		b.col = indent(b.line())
	case '0', keyHome:
		b.col = 0
	case '^':
		b.col = indent(b.line())
	case '$', keyEnd:
		b.row += n - 1
		b.clamp(false)
		b.col = len(b.line())
	case '|':
		b.col = n - 1
	case 'G':
		b.row = len(b.lines) - 1
		if counted {
			b.row = n - 1
		}
		b.clamp(false)
		b.col = indent(b.line())
	case 'g':
		if v.next() == 'g' {
			b.row = n - 1
			b.clamp(false)
			b.col = indent(b.line())
		}
	case 'H':
		b.row = v.screen.top + n - 1
	case 'M':
		b.row = v.screen.top + page/2
	case 'L':
		b.row = v.screen.top + page + 1 - n
	case ctrl('f'), keyPageDown:
		b.row += page * n
		v.screen.top = min(v.screen.top+page*n, max(0, len(b.lines)-1))
	case ctrl('b'), keyPageUp:
		b.row -= page * n
		v.screen.top = max(0, v.screen.top-page*n)
	case ctrl('d'):
		b.row += page / 2
	case ctrl('u'):
		b.row -= page / 2
	case 'w', 'W', 'b', 'B', 'e', 'E':
		for range n {
			v.word(k)
		}
	case 'f', 'F', 't', 'T':
		v.toChar(k, v.next(), n)
	case '{':
		for ; n > 0 && b.row > 0; n-- {
			for b.row--; b.row > 0 && len(b.line()) > 0; b.row-- {
			}
		}
		b.col = 0
	case '}':
		for ; n > 0 && b.row < len(b.lines)-1; n-- {
			for b.row++; b.row < len(b.lines)-1 && len(b.line()) > 0; b.row++ {
			}
		}
		b.col = 0
	case '%':
		v.matchBracket()
	case '*':
		l := b.line()
		from, to := b.col, b.col
		for from > 0 && from <= len(l) && class(l[from-1], false) == 1 {
			from--
		}
		for to < len(l) && class(l[to], false) == 1 {
			to++
		}
		if from < to {
			v.find(`\<`+encode(l[from:to])+`\>`, false)
		}
	default:
		return false
	}
	return true
}

func (v *visual) word(k key) {
	b := &v.buf
	big := k == 'W' || k == 'B' || k == 'E'
	at := func() int {
		if b.col >= len(b.line()) {
			return 0
		}
		return class(b.line()[b.col], big)
	}
	forward := func() bool {
		if b.col+1 < len(b.line()) {
			b.col++
			return true
		}
		if b.row+1 < len(b.lines) {
			b.row, b.col = b.row+1, 0
			return true
		}
		return false
	}
	back := func() bool {
		if b.col > 0 {
			b.col--
			return true
		}
		if b.row > 0 {
			b.row--
			b.col = max(0, len(b.line())-1)
			return true
		}
		return false
	}
	switch k {
	case 'w', 'W':
		c, row := at(), b.row
		for at() == c && c != 0 && b.row == row {
			if !forward() {
				b.col = len(b.line())
				return
			}
		}
		for at() == 0 {
			if len(b.line()) == 0 && b.row != row {
				return
			}
			if !forward() {
				return
			}
		}
	case 'e', 'E':
		if !forward() {
			return
		}
		for at() == 0 && forward() {
		}
		for c := at(); b.col+1 < len(b.line()) && class(b.line()[b.col+1], big) == c; {
			b.col++
		}
	case 'b', 'B':
		if !back() {
			return
		}
		for at() == 0 && back() {
		}
		for c := at(); b.col > 0 && class(b.line()[b.col-1], big) == c; {
			b.col--
		}
	}
}

func (v *visual) toChar(k, want key, n int) {
	b := &v.buf
	step := 1
	if k == 'F' || k == 'T' {
		step = -1
	}
	for i := b.col + step; i >= 0 && i < len(b.line()); i += step {
		if key(b.line()[i]) == want {
			if n--; n == 0 {
				switch k {
				case 't':
					i--
				case 'T':
					i++
				}
				b.col = i
				return
			}
		}
	}
}

func (v *visual) matchBracket() {
	b := &v.buf
	const pairs = "()[]{}"
	l := b.line()
	i := b.col
	for i < len(l) && !strings.ContainsRune(pairs, l[i]) {
		i++
	}
	if i >= len(l) {
		return
	}
	at := strings.IndexRune(pairs, l[i])
	open, other, step := l[i], rune(pairs[at^1]), 1
	if at%2 == 1 {
		step = -1
	}
	depth := 0
	for row := b.row; row >= 0 && row < len(b.lines); row += step {
		l = b.lines[row]
		if row != b.row {
			if i = 0; step < 0 {
				i = len(l) - 1
			}
		}
		for ; i >= 0 && i < len(l); i += step {
			v.Step(1)
			switch l[i] {
			case open:
				depth++
			case other:
				if depth--; depth == 0 {
					b.row, b.col = row, i
					return
				}
			}
		}
	}
}

// operate is d, y, c, > or < over a motion; doubled, over whole lines.
func (v *visual) operate(op, m key, n int) {
	b := &v.buf
	if m == keyEscape {
		return
	}
	row, col := b.row, b.col
	whole := m == op
	if op == 'c' && (m == 'w' || m == 'W') && col < len(b.line()) && class(b.line()[col], false) != 0 {
		m += 'e' - 'w' // as vi has it, cw leaves the blanks
		// a word of one letter has its end where it begins
		if col+1 >= len(b.line()) || class(b.line()[col+1], m == 'E') != class(b.line()[col], m == 'E') {
			if n == 1 {
				m = 'l'
			}
		}
	}
	switch {
	case whole:
		b.row = min(row+n-1, len(b.lines)-1)
	case !v.motion(m, n, n > 1):
		return
	}
	endRow, endCol := min(max(b.row, 0), len(b.lines)-1), b.col
	lineMotion := whole || strings.ContainsRune("jkG+-HLM\r", rune(m)) || m == keyUp || m == keyDown || m == 'g'
	if lineMotion || op == '>' || op == '<' {
		from, to := min(row, endRow), max(row, endRow)
		b.row, b.col = row, col
		switch op {
		case 'y':
			v.yank, v.yankLine = slices.Clone(b.lines[from:to+1]), true
			b.row = from
			if to-from >= 2 {
				v.say("%d lines yanked", to-from+1)
			}
		case 'd':
			b.mark()
			v.yank, v.yankLine = b.deleteLines(from, to+1), true
			b.row = min(from, len(b.lines)-1)
			b.col = indent(b.line())
			if to-from >= 2 {
				v.say("%d fewer lines", to-from+1)
			}
		case 'c':
			b.mark()
			v.yank, v.yankLine = slices.Clone(b.lines[from:to+1]), true
			b.lines = slices.Replace(slices.Clone(b.lines), from, to+1, nil)
			b.row, b.col, v.mode = from, 0, modeInsert
		case '>', '<':
			b.mark()
			for i := from; i <= to; i++ {
				l := b.lines[i]
				if op == '>' && len(l) > 0 {
					b.lines[i] = append([]rune{'\t'}, l...)
				} else if op == '<' {
					k := 0
					for k < len(l) && k < 8 && l[k] == ' ' {
						k++
					}
					if k == 0 && len(l) > 0 && l[0] == '\t' {
						k = 1
					}
					b.lines[i] = l[k:]
				}
			}
			b.row = from
			b.col = indent(b.line())
		}
		return
	}
	// From one place to another, on one line: what goes beyond it ends with the line.
	if endRow > row {
		endRow, endCol = row, len(b.lines[row])
	}
	if endRow < row {
		endRow, endCol = row, 0
	}
	b.row = row
	if strings.ContainsRune("eEft%", rune(m)) && endCol >= col {
		endCol++
	}
	from, to := min(col, endCol), min(max(col, endCol), len(b.line()))
	b.col = from
	if from == to && op != 'c' {
		return
	}
	switch op {
	case 'y':
		v.setYank(slices.Clone(b.line()[from:to]))
	default:
		b.mark()
		v.setYank(b.deleteChars(from, to))
		if op == 'c' {
			v.mode = modeInsert
		}
	}
}

// ask reads a line behind ":", "/" or "?" and carries it out.
func (v *visual) ask(first rune) {
	v.prompt = []rune{first}
	defer func() { v.prompt = nil }()
	for {
		v.draw()
		switch k := v.next(); k {
		case keyEscape, ctrl('c'), keyEOF:
			return
		case '\r', '\n':
			text := encode(v.prompt[1:])
			v.prompt = nil
			switch first {
			case ':':
				v.ex(text)
			default:
				v.backward = first == '?'
				if text == "" {
					text = v.search
				}
				v.find(text, v.backward)
			}
			return
		case 0x7f, ctrl('h'):
			if v.prompt = v.prompt[:len(v.prompt)-1]; len(v.prompt) == 0 {
				return
			}
		case ctrl('u'):
			v.prompt = v.prompt[:1]
		default:
			if k >= ' ' && k < 0x110000 {
				v.prompt = append(v.prompt, rune(k))
			}
		}
	}
}

// find goes to the next match of a basic regular expression, around the end of the text.
func (v *visual) find(pattern string, backward bool) {
	re, err := posixre.Compile(pattern, posixre.UTF8)
	if err != nil {
		v.say("E486: Pattern not found: %s", pattern)
		return
	}
	v.search = pattern
	b := &v.buf
	n := len(b.lines)
	for i := 0; i <= n; i++ {
		row := (b.row + i) % n
		if backward {
			row = ((b.row-i)%n + n) % n
		}
		text := encode(b.lines[row])
		best := -1
		for from := 0; from <= len(text); {
			m := re.Match([]byte(text), from, 0, 0, v.Step)
			if m == nil {
				break
			}
			col := len(decode(text[:m[0]]))
			ok := i > 0 && i < n || i == 0 && (!backward && col > b.col || backward && col < b.col) || i == n && (!backward && col <= b.col || backward && col >= b.col)
			if ok && (best < 0 || backward) {
				best = col
			}
			if best >= 0 && !backward {
				break
			}
			from = m[0] + 1
		}
		if best >= 0 {
			if !backward && row < b.row || backward && row > b.row {
				v.message = "search hit BOTTOM, continuing at TOP"
				if backward {
					v.message = "search hit TOP, continuing at BOTTOM"
				}
			}
			b.row, b.col = row, best
			return
		}
	}
	if v.GNU() {
		v.say("E486: Pattern not found: %s", pattern)
	} else {
		v.message = "Pattern not found"
	}
}

// ex carries out a line behind ":".
func (v *visual) ex(text string) {
	text = strings.TrimSpace(text)
	b := &v.buf
	from, to, rest, ok := v.addresses(text)
	if !ok {
		v.say("E20: Mark not set")
		return
	}
	if rest == "" {
		if text != "" {
			b.row = to
			b.clamp(false)
			b.col = indent(b.line())
		}
		return
	}
	cmd := rest
	end := 0
	for end < len(rest) && (rest[end]|0x20 >= 'a' && rest[end]|0x20 <= 'z') {
		end++
	}
	arg := ""
	if end > 0 {
		cmd, arg = rest[:end], rest[end:]
	}
	force := strings.HasPrefix(arg, "!")
	if force {
		arg = arg[1:]
	}
	arg = strings.TrimSpace(arg)
	switch cmd {
	case "w", "write":
		v.write(arg, force)
	case "q", "quit", "qa", "qall":
		if b.changed && !force {
			if v.GNU() {
				v.message = "E37: No write since last change (add ! to override)"
			} else {
				v.message = "No write since last change (:quit! overrides)"
			}
			return
		}
		v.quit = true
	case "wq", "x", "xit", "exit", "wqa", "xa":
		if cmd[0] == 'x' && !b.changed && arg == "" || v.write(arg, force) {
			v.quit = true
		}
	case "cq":
		v.quit, v.status = true, 1
	case "e", "edit":
		if b.changed && !force {
			v.message = "E37: No write since last change (add ! to override)"
			return
		}
		name := arg
		if name == "" {
			name = b.name
		}
		v.open(name)
	case "n", "next":
		if b.changed && !force {
			v.message = "E37: No write since last change (add ! to override)"
			return
		}
		if v.at+1 >= len(v.files) {
			v.message = "E165: Cannot go beyond last file"
			return
		}
		v.at++
		v.open(v.files[v.at])
	case "r", "read":
		var extra buffer
		if err := extra.load(v.Ctx, arg); err != nil || extra.isNew {
			v.say("E484: Can't open file %s", arg)
			return
		}
		b.mark()
		b.lines = slices.Insert(slices.Clone(b.lines), b.row+1, extra.lines...)
		b.row++
	case "f", "file":
		if arg != "" {
			b.name = arg
		}
		v.say("%q %d lines", b.name, len(b.lines))
	case "d", "delete":
		b.mark()
		v.yank, v.yankLine = b.deleteLines(from, to+1), true
		b.row = from
		b.clamp(false)
	case "y", "yank":
		v.yank, v.yankLine = slices.Clone(b.lines[from:to+1]), true
	case "s", "substitute":
		v.substitute(from, to, rest[end:])
	case "set", "se", "syntax", "syn", "filetype":
	case "noh", "nohlsearch":
		v.search = ""
	case "u", "undo":
		b.undo()
		b.clamp(false)
	default:
		if strings.HasPrefix(rest, "!") {
			out := v.shell(rest[1:])
			v.screen.resize()
			v.message = strings.TrimSpace(out)
			return
		}
		if v.GNU() {
			v.say("E492: Not an editor command: %s", text)
		} else {
			v.say("'%s' is not implemented", text)
		}
	}
}

// shell runs a command on the terminal and waits for Enter.
func (v *visual) shell(line string) string {
	v.Print("\x1b[?1049l")
	v.Out.Flush()
	st, err := v.Command([]string{"sh", "-c", line}, nil, nil)
	if err != nil {
		return err.Error()
	}
	if st.ExitCode() != 0 {
		v.Printf("\r\nshell returned %d\r\n", st.ExitCode())
	}
	v.Print("\r\nPress ENTER or type command to continue")
	v.next()
	v.Print("\x1b[?1049h")
	return ""
}

// addresses reads "%", "N", "N,M", ".", "$" before a command.
func (v *visual) addresses(s string) (from, to int, rest string, ok bool) {
	last := len(v.buf.lines) - 1
	if r, all := strings.CutPrefix(s, "%"); all {
		return 0, last, r, true
	}
	one := func(s string) (int, string, bool) {
		n := v.buf.row
		had := false
		switch {
		case strings.HasPrefix(s, "."):
			s, had = s[1:], true
		case strings.HasPrefix(s, "$"):
			n, s, had = last, s[1:], true
		case s != "" && s[0] >= '0' && s[0] <= '9':
			i := 0
			for i < len(s) && s[i] >= '0' && s[i] <= '9' {
				i++
			}
			k, _ := strconv.Atoi(s[:i])
			n, s, had = k-1, s[i:], true
		}
		for len(s) > 1 && (s[0] == '+' || s[0] == '-') && s[1] >= '0' && s[1] <= '9' {
			i := 1
			for i < len(s) && s[i] >= '0' && s[i] <= '9' {
				i++
			}
			k, _ := strconv.Atoi(s[:i])
			n, s, had = n+k, s[i:], true
		}
		return min(max(n, 0), last), s, had
	}
	from, rest, _ = one(s)
	to = from
	if r, two := strings.CutPrefix(rest, ","); two {
		to, rest, _ = one(r)
	}
	if from > to {
		from, to = to, from
	}
	return from, to, rest, true
}

// substitute is :s/old/new/flags.
func (v *visual) substitute(from, to int, s string) {
	if s == "" {
		return
	}
	sep, size := rune(s[0]), 1
	parts := splitUnescaped(s[size:], byte(sep))
	if len(parts) < 2 {
		parts = append(parts, "", "")
	}
	pattern, with, flags := parts[0], parts[1], ""
	if len(parts) > 2 {
		flags = parts[2]
	}
	if pattern == "" {
		pattern = v.search
	}
	f := posixre.UTF8
	if strings.Contains(flags, "i") {
		f |= posixre.IgnoreCase
	}
	re, err := posixre.Compile(pattern, f)
	if err != nil {
		v.say("E486: Pattern not found: %s", pattern)
		return
	}
	b := &v.buf
	count, lines := 0, 0
	saved := b.snapshot()
	b.mark()
	for row := from; row <= to && row < len(b.lines); row++ {
		text := encode(b.lines[row])
		var out strings.Builder
		at, hit := 0, false
		for at <= len(text) {
			m := re.Match([]byte(text), at, 0, -1, v.Step)
			if m == nil {
				break
			}
			out.WriteString(text[at:m[0]])
			out.WriteString(expandReplacement(with, text, m))
			hit = true
			count++
			if m[1] == m[0] {
				if m[1] < len(text) {
					out.WriteByte(text[m[1]])
				}
				at = m[1] + 1
			} else {
				at = m[1]
			}
			if !strings.Contains(flags, "g") {
				break
			}
		}
		if hit {
			if at < len(text) {
				out.WriteString(text[at:])
			}
			lines++
			b.lines[row] = decode(out.String())
			b.row, b.col = row, 0
		}
	}
	if count == 0 {
		b.restore(saved)
		b.undos = b.undos[:len(b.undos)-1]
		v.say("E486: Pattern not found: %s", pattern)
		return
	}
	v.search = pattern
	if count > 2 {
		v.say("%d substitutions on %d lines", count, lines)
	}
}

func splitUnescaped(s string, sep byte) []string {
	var parts []string
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			if s[i+1] != sep {
				b.WriteByte('\\')
			}
			i++
			b.WriteByte(s[i])
		case s[i] == sep:
			parts = append(parts, b.String())
			b.Reset()
		default:
			b.WriteByte(s[i])
		}
	}
	return append(parts, b.String())
}

func expandReplacement(with, text string, m []int) string {
	var b strings.Builder
	for i := 0; i < len(with); i++ {
		switch {
		case with[i] == '&':
			b.WriteString(text[m[0]:m[1]])
		case with[i] == '\\' && i+1 < len(with):
			i++
			if d := int(with[i] - '0'); d >= 0 && d <= 9 {
				if 2*d+1 < len(m) && m[2*d] >= 0 {
					b.WriteString(text[m[2*d]:m[2*d+1]])
				}
				continue
			}
			if with[i] == 't' {
				b.WriteByte('\t')
				continue
			}
			b.WriteByte(with[i])
		default:
			b.WriteByte(with[i])
		}
	}
	return b.String()
}

// write stores the text, and says whether it could.
func (v *visual) write(name string, force bool) bool {
	b := &v.buf
	own := name == "" || name == b.name
	if name == "" {
		name = b.name
	}
	if name == "" {
		v.message = "E32: No file name"
		return false
	}
	if v.readOnly && own && !force {
		v.message = "E45: 'readonly' option is set (add ! to override)"
		return false
	}
	_, missing := v.Stat(name)
	text := b.text()
	if err := v.WriteFile(name, []byte(text), 0o666); err != nil {
		if v.GNU() {
			v.say("%q E212: Can't open file for writing", name)
		} else {
			v.say("'%s' %v", name, err)
		}
		return false
	}
	if b.name == "" {
		b.name = name
		own = true
	}
	if own {
		b.changed = false
		for i := range b.undos {
			b.undos[i].changed = true
		}
	}
	if v.GNU() {
		fresh := ""
		if missing != nil {
			fresh = " [New]"
		}
		v.say("%q%s %dL, %dB written", name, fresh, v.lineCount(), len(text))
	} else {
		v.say("'%s' %dL, %dC", name, v.lineCount(), len(text))
	}
	return true
}

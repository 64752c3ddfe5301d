package edit

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// simple is one run of nano.
type simple struct {
	*prog.Ctx
	*screen
	buf     buffer
	message string
	cut     [][]rune
	cutting bool // the last key was ^K: the next one adds to the cut
	search  string
	quit    bool
	ended   bool // the buffer ends in an empty line
}

func nano(c *prog.Ctx) int {
	n := &simple{Ctx: c}
	line := 0
	var args []string
	for _, a := range c.Args {
		if strings.HasPrefix(a, "+") {
			text, _, _ := strings.Cut(a[1:], ",")
			line, _ = strconv.Atoi(text)
			continue
		}
		args = append(args, a)
	}
	c.Args = args
	for o := range c.GetoptOnly("hVlwvx", []prog.Long{{Name: "help", Val: 'h'}, {Name: "version", Val: 'V'}, {Name: "linenumbers", Val: 'l'}, {Name: "nowrap", Val: 'w'}, {Name: "view", Val: 'v'}, {Name: "nohelp", Val: 'x'}}) {
		switch o.Val {
		case 'h':
			c.Print("Usage: nano [OPTIONS] [[+LINE[,COLUMN]] FILE]...\n")
			return 0
		case 'V':
			c.Print(" GNU nano, version 7.2\n")
			return 0
		}
	}
	if !c.Isatty(0) || !c.Isatty(1) {
		c.Errorf("Standard input is not a terminal\n")
		return 1
	}
	name := ""
	if len(c.Args) > 0 {
		name = c.Args[0]
	}
	n.screen = newScreen(c)
	switch err := n.buf.load(c, name); {
	case err != nil:
		n.buf.lines = [][]rune{nil}
		n.message = fmt.Sprintf("[ Error reading %s: %v ]", name, err)
	case n.buf.isNew:
		n.message = "[ New File ]"
	case name != "":
		n.message = "[ Read " + lines(len(n.buf.lines)) + " ]"
	}
	// As in nano, an empty line stands behind the last one, and is its newline.
	if len(n.buf.line()) > 0 || len(n.buf.lines) > 1 {
		n.endLine()
	}
	n.buf.noEOL = true
	n.buf.row = max(line-1, 0)
	n.buf.clamp(true)
	for !n.quit {
		n.draw("")
		k := n.screen.read()
		if k == keyEOF {
			return 1
		}
		n.key(k)
	}
	n.screen.put(n.screen.rows-1, "")
	n.screen.move(n.screen.rows-1, 0)
	return 0
}

// endLine sees to it that the last line is the empty one.
func (n *simple) endLine() {
	if l := n.buf.lines; len(l[len(l)-1]) > 0 || !n.buf.noEOL && len(l) > 0 && !n.ended {
		n.buf.lines = append(slices.Clone(l), nil)
	}
	n.ended = true
}

func lines(n int) string {
	if n == 1 {
		return "1 line"
	}
	return strconv.Itoa(n) + " lines"
}

const invert, plain = "\x1b[7m", "\x1b[0m"

// draw shows the text between nano's title and its footer; prompt replaces the message.
func (n *simple) draw(prompt string) {
	name := n.buf.name
	if name == "" {
		name = "New Buffer"
	}
	title := "  GNU nano 7.2"
	mod := ""
	if n.buf.changed {
		mod = "Modified"
	}
	middle := max(1, (n.screen.cols-prog.Width(name))/2-len(title))
	head := title + strings.Repeat(" ", middle) + name
	head += strings.Repeat(" ", max(1, n.screen.cols-prog.Width(head)-len(mod)-2)) + mod + "  "
	keys := func(list ...string) string {
		var b strings.Builder
		for i := 0; i < len(list); i += 2 {
			cell := fmt.Sprintf("%-*s", max(1, n.screen.cols/6), list[i]+" "+list[i+1])
			b.WriteString(invert + list[i] + plain + cell[len(list[i]):])
		}
		return b.String()
	}
	message := ""
	if n.message != "" {
		message = strings.Repeat(" ", max(0, (n.screen.cols-prog.Width(n.message))/2)) + invert + n.message + plain
	}
	var cursor func() (int, int)
	if prompt != "" {
		message = invert + prompt + strings.Repeat(" ", max(0, n.screen.cols-prog.Width(prompt))) + plain
		cursor = func() (int, int) { return n.screen.rows - 3, prog.Width(prompt) }
	}
	bottom := []string{message,
		keys("^G", "Help", "^O", "Write Out", "^W", "Where Is", "^K", "Cut", "^T", "Execute", "^C", "Location"),
		keys("^X", "Exit", "^R", "Read File", `^\`, "Replace", "^U", "Paste", "^J", "Justify", "^/", "Go To Line")}
	n.screen.show(&n.buf, []string{invert + head + plain}, bottom, "", cursor)
}

func (n *simple) key(k key) {
	b := &n.buf
	if k == keyResize {
		return
	}
	wasCutting := n.cutting
	n.cutting = false
	n.message = ""
	page := max(1, n.screen.rows-5)
	switch k {
	case ctrl('x'):
		n.exit()
	case ctrl('o'), ctrl('s'):
		n.save(k == ctrl('o'))
	case ctrl('k'):
		b.mark()
		if !wasCutting {
			n.cut = nil
		}
		n.cut = append(n.cut, b.deleteLines(b.row, b.row+1)...)
		b.col = 0
		n.cutting = true
	case ctrl('u'):
		if n.cut != nil {
			b.mark()
			b.lines = slices.Insert(slices.Clone(b.lines), b.row, n.cut...)
			b.row += len(n.cut)
			b.col = 0
		}
	case ctrl('w'):
		if text, ok := n.ask("Search: "); ok {
			if text != "" {
				n.search = text
			}
			n.find()
		}
	case ctrl('c'):
		n.message = fmt.Sprintf("[ line %d/%d (%d%%), col %d/%d ]", b.row+1, len(b.lines), (b.row+1)*100/len(b.lines), b.col+1, len(b.line())+1)
	case ctrl('_'):
		if text, ok := n.ask("Enter line number, column number: "); ok {
			if v, err := strconv.Atoi(strings.TrimSpace(text)); err == nil {
				b.row, b.col = v-1, 0
			}
		}
	case ctrl('l'):
		n.screen.resize()
	case ctrl('g'):
		n.message = "[ ^O writes, ^X leaves, ^K cuts a line, ^U pastes, ^W searches, M-U undoes ]"
	case keyEscape:
		switch n.screen.read() {
		case 'u', 'U':
			b.undo()
		case 'e', 'E':
			b.redo()
		}
	case keyUp, ctrl('p'):
		b.row--
	case keyDown, ctrl('n'):
		b.row++
	case keyLeft, ctrl('b'):
		if b.col == 0 && b.row > 0 {
			b.row--
			b.col = len(b.line())
		} else {
			b.col--
		}
	case keyRight, ctrl('f'):
		if b.col == len(b.line()) && b.row+1 < len(b.lines) {
			b.row, b.col = b.row+1, 0
		} else {
			b.col++
		}
	case keyHome, ctrl('a'):
		b.col = 0
	case keyEnd, ctrl('e'):
		b.col = len(b.line())
	case keyPageUp, ctrl('y'):
		b.row -= page
	case keyPageDown, ctrl('v'):
		b.row += page
	case 0x7f, ctrl('h'):
		b.mark()
		b.backspace()
	case keyDelete, ctrl('d'):
		b.mark()
		if b.col < len(b.line()) {
			b.deleteChars(b.col, b.col+1)
		} else if b.row+1 < len(b.lines) {
			b.row, b.col = b.row+1, 0
			b.backspace()
		}
	case '\r', '\n':
		b.mark()
		b.insert('\n')
	default:
		if k >= ' ' && k < 0x110000 || k == '\t' {
			b.mark()
			b.insert(rune(k))
		}
	}
	b.clamp(true)
}

// ask reads a line in the row above the footer; ok is false if it was cancelled.
func (n *simple) ask(question string) (string, bool) {
	return n.askWith(question, "")
}

func (n *simple) askWith(question, text string) (string, bool) {
	rs := decode(text)
	for {
		n.draw(question + encode(rs))
		switch k := n.screen.read(); k {
		case ctrl('c'), keyEscape, keyEOF:
			n.message = "[ Cancelled ]"
			return "", false
		case '\r', '\n':
			return encode(rs), true
		case 0x7f, ctrl('h'):
			if len(rs) > 0 {
				rs = rs[:len(rs)-1]
			}
		default:
			if k >= ' ' && k < 0x110000 {
				rs = append(rs, rune(k))
			}
		}
	}
}

func (n *simple) exit() {
	if !n.buf.changed {
		n.quit = true
		return
	}
	for {
		n.draw("Save modified buffer?  Y Yes  N No  ^C Cancel ")
		switch n.screen.read() {
		case 'y', 'Y':
			n.quit = n.save(true)
			return
		case 'n', 'N':
			n.quit = true
			return
		case ctrl('c'), keyEscape, keyEOF:
			n.message = "[ Cancelled ]"
			return
		}
	}
}

// save writes the text, under a name that is asked for.
func (n *simple) save(ask bool) bool {
	name := n.buf.name
	if ask || name == "" {
		var ok bool
		if name, ok = n.askWith("File Name to Write: ", name); !ok || name == "" {
			return false
		}
	}
	n.endLine()
	if err := n.WriteFile(name, []byte(n.buf.text()), 0o666); err != nil {
		n.message = fmt.Sprintf("[ Error writing %s: %v ]", name, err)
		return false
	}
	n.buf.name, n.buf.changed = name, false
	count := len(n.buf.lines) - 1
	n.message = "[ Wrote " + lines(count) + " ]"
	return true
}

// find goes to the next place where the search text stands, in either case of letters.
func (n *simple) find() {
	b := &n.buf
	want := strings.ToLower(n.search)
	for i := 0; i <= len(b.lines); i++ {
		row := (b.row + i) % len(b.lines)
		n.Step(1 + len(b.lines[row])/16)
		text := strings.ToLower(encode(b.lines[row]))
		from := 0
		if i == 0 {
			from = min(len(text), len(encode(b.lines[row][:min(b.col+1, len(b.lines[row]))])))
		}
		if at := strings.Index(text[from:], want); at >= 0 {
			b.row, b.col = row, len(decode(text[:from+at]))
			return
		}
	}
	n.message = fmt.Sprintf("[ %q not found ]", n.search)
}

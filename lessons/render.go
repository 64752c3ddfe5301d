package lessons

import (
	"fmt"
	"strings"

	"github.com/mattn/go-runewidth"
	"github.com/yuin/goldmark/ast"
	east "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/text"
)

// Style says how Render marks what stands out.
type Style struct {
	Width int  // of the screen, in columns; at least 20
	Color bool // ANSI colours and weights; else plain text, with code between backquotes
}

// Render sets Markdown for a terminal. Lines are broken between words, and between any two Chinese
// characters but before closing and after opening punctuation (GB/T 15834), which libraries for
// terminal Markdown do not do.
func Render(src string, st Style) string {
	st.Width = max(st.Width, 20)
	b := []byte(src)
	r := &renderer{src: b, st: st}
	r.blocks(markdown().Parser().Parse(text.NewReader(b)), "", "")
	return strings.TrimRight(r.out.String(), "\n") + "\n"
}

type renderer struct {
	src []byte
	st  Style
	out strings.Builder
}

const (
	bold   = "\x1b[1m"
	italic = "\x1b[3m"
	cyan   = "\x1b[36m"
	green  = "\x1b[32m"
	dim    = "\x1b[2m"
	reset  = "\x1b[0m"
)

func (r *renderer) paint(code, s string) string {
	if !r.st.Color || s == "" {
		return s
	}
	return code + s + reset
}

// blocks sets the children of n; first goes before the first line, rest before all others.
func (r *renderer) blocks(n ast.Node, first, rest string) {
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		r.block(c, first, rest)
		first = rest
		if c.NextSibling() != nil && c.Kind() != ast.KindTextBlock {
			r.out.WriteString(strings.TrimRight(rest, " ") + "\n")
		}
	}
}

func (r *renderer) block(n ast.Node, first, rest string) {
	switch n := n.(type) {
	case *ast.Heading:
		r.wrap(r.spans(n, bold), first, rest)
	case *ast.FencedCodeBlock, *ast.CodeBlock:
		for i := range n.Lines().Len() {
			seg := n.Lines().At(i)
			line := strings.TrimRight(string(seg.Value(r.src)), "\n")
			r.out.WriteString(first + "    " + r.paint(green, line) + "\n")
			first = rest
		}
	case *ast.List:
		num := n.Start
		for c := n.FirstChild(); c != nil; c = c.NextSibling() {
			mark := "• "
			if n.IsOrdered() {
				mark = fmt.Sprintf("%d. ", num)
				num++
			}
			r.blocks(c, first+mark, rest+strings.Repeat(" ", runewidth.StringWidth(mark)))
			first = rest
			if !n.IsTight && c.NextSibling() != nil {
				r.out.WriteString("\n")
			}
		}
	case *ast.Blockquote:
		r.blocks(n, first+"│ ", rest+"│ ")
	case *ast.ThematicBreak:
		r.out.WriteString(first + strings.Repeat("─", r.st.Width-runewidth.StringWidth(first)) + "\n")
	case *east.Table:
		r.table(n, first, rest)
	case *ast.HTMLBlock:
	default:
		r.wrap(r.spans(n, ""), first, rest)
	}
}

// span is text in one style.
type span struct{ style, text string }

func (r *renderer) spans(n ast.Node, style string) []span {
	var out []span
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		switch c := c.(type) {
		case *ast.Text:
			out = append(out, span{style, string(c.Segment.Value(r.src))})
			if c.HardLineBreak() {
				out = append(out, span{style, "\n"})
			} else if c.SoftLineBreak() {
				out = append(out, span{style, " "})
			}
		case *ast.String:
			out = append(out, span{style, string(c.Value)})
		case *ast.CodeSpan:
			s := string(inlineText(c, r.src))
			if !r.st.Color {
				s = "`" + s + "`"
			}
			out = append(out, span{cyan, s})
		case *ast.Emphasis:
			mark := italic
			if c.Level == 2 {
				mark = bold
			}
			out = append(out, r.spans(c, style+mark)...)
		case *ast.AutoLink:
			out = append(out, span{style, string(c.URL(r.src))})
		case *ast.Link:
			out = append(out, r.spans(c, style)...)
			if url := string(c.Destination); url != string(inlineText(c, r.src)) {
				out = append(out, span{dim, " (" + url + ")"})
			}
		default:
			out = append(out, r.spans(c, style)...)
		}
	}
	return out
}

// glyph is one character to be set; a style may change at each.
type glyph struct {
	r     rune
	style string
}

// wrap sets spans as a paragraph.
func (r *renderer) wrap(spans []span, first, rest string) {
	var text []glyph
	for i, s := range spans {
		if s.text == " " && i > 0 && i+1 < len(spans) && wide(lastRune(spans[i-1].text)) && wide(firstRune(spans[i+1].text)) {
			continue // a line of the source that ends between Chinese characters is no blank
		}
		for _, c := range s.text {
			text = append(text, glyph{c, s.style})
		}
	}
	prefix := first
	for {
		room := r.st.Width - runewidth.StringWidth(prefix)
		n, skip := fit(text, max(room, 10))
		r.out.WriteString(prefix)
		style := ""
		for _, g := range text[:n] {
			if g.style != style && r.st.Color {
				if style != "" {
					r.out.WriteString(reset)
				}
				r.out.WriteString(g.style)
				style = g.style
			}
			r.out.WriteRune(g.r)
		}
		if style != "" {
			r.out.WriteString(reset)
		}
		r.out.WriteByte('\n')
		text, prefix = text[n+skip:], rest
		if len(text) == 0 {
			return
		}
	}
}

// fit says how many glyphs go on a line of the given room, and how many after them (blanks, the
// line's end) are dropped.
func fit(text []glyph, room int) (n, skip int) {
	width, good, goodSkip := 0, 0, 0
	for i, g := range text {
		if g.r == '\n' {
			return i, 1
		}
		w := runewidth.RuneWidth(g.r)
		if i > 0 && g.r == ' ' {
			good, goodSkip = i, 1
		} else if i > 0 && breakable(text[i-1].r, g.r) {
			good, goodSkip = i, 0
		}
		if width+w > room {
			if good == 0 {
				return i, 0 // a word longer than the line
			}
			return good, goodSkip
		}
		width += w
	}
	return len(text), 0
}

const (
	neverFirst = "，。、；：？！）》」』】〉”’…—·,.;:?!)]}%"
	neverLast  = "（《「『【〈“‘([{"
)

func breakable(a, b rune) bool {
	if !wide(a) && !wide(b) {
		return false
	}
	return !strings.ContainsRune(neverFirst, b) && !strings.ContainsRune(neverLast, a) && a != ' '
}

func wide(r rune) bool { return runewidth.RuneWidth(r) == 2 }

func firstRune(s string) rune {
	for _, r := range s {
		return r
	}
	return 0
}

func lastRune(s string) (last rune) {
	for _, r := range s {
		last = r
	}
	return last
}

// table sets a table with columns as wide as their widest cell.
func (r *renderer) table(t *east.Table, first, rest string) {
	var rows [][]string
	for row := t.FirstChild(); row != nil; row = row.NextSibling() {
		var cells []string
		for c := row.FirstChild(); c != nil; c = c.NextSibling() {
			var b strings.Builder
			for _, s := range r.spans(c, "") {
				b.WriteString(s.text)
			}
			cells = append(cells, b.String())
		}
		rows = append(rows, cells)
	}
	widths := make([]int, len(t.Alignments))
	for _, row := range rows {
		for i, c := range row {
			if i < len(widths) {
				widths[i] = max(widths[i], runewidth.StringWidth(c))
			}
		}
	}
	for i, row := range rows {
		var b strings.Builder
		for j, c := range row {
			if j < len(widths) {
				b.WriteString(runewidth.FillRight(c, widths[j]) + "  ")
			}
		}
		line := strings.TrimRight(b.String(), " ")
		if i == 0 {
			line = r.paint(bold, line)
		}
		r.out.WriteString(first + line + "\n")
		first = rest
	}
}

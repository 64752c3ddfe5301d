package text

import (
	"io"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

func fold(c *prog.Ctx) int {
	width, bytes, spaces := 80, false, false
	short, long := "bsw:0123456789", []prog.Long{{Name: "bytes", Val: 'b'}, {Name: "spaces", Val: 's'}, {Name: "width", Arg: prog.ReqArg, Val: 'w'}}
	if !c.GNU() {
		short, long = "bsw:", nil
		if len(c.Args) > 0 && len(c.Args[0]) > 1 && c.Args[0][0] == '-' && isDigit(int(c.Args[0][1])) {
			c.Args[0] = "-w" + c.Args[0][1:]
		}
	}
	digits := ""
	set := func(s string) {
		n, ok := parseCount(s)
		if !ok || n < 1 {
			switch {
			case c.GNU() && ok:
				c.Die(1, "invalid number of columns: '%s': %v", s, linux.ERANGE)
			case c.GNU():
				c.Die(1, "invalid number of columns: '%s'", s)
			case ok:
				c.Die(1, "number %s is not in 1..10000 range", s)
			}
			c.Die(1, "invalid number '%s'", s)
		}
		width = n
	}
	for o := range c.Getopt(short, long) {
		switch o.Val {
		case 'b':
			bytes = true
		case 's':
			spaces = true
		case 'w':
			set(o.Arg)
		default:
			digits += string(rune(o.Val))
			set(digits)
		}
	}
	column := func(col int, ch byte) int {
		if bytes {
			return col + 1
		}
		switch ch {
		case '\b':
			return max(0, col-1)
		case '\r':
			return 0
		case '\t':
			return col + 8 - col%8
		}
		return col + 1
	}
	for _, name := range orStdin(c.Args) {
		f := plainOpen(c, name)
		if f == nil {
			continue
		}
		in := newLines(c, f, '\n')
		for {
			raw, err := in.next()
			if err != nil {
				if err != io.EOF && c.GNU() {
					readFailed(c, name, err)
				}
				break
			}
			line, ended := in.chomp(raw)
			var out []byte
			col := 0
			for i := 0; i < len(line); {
				ch := line[i]
				next := column(col, ch)
				if next > width {
					if spaces {
						cut := len(out)
						for cut > 0 && out[cut-1] != ' ' && out[cut-1] != '\t' {
							cut--
						}
						if cut > 0 {
							c.Out.Write(out[:cut])
							c.Print("\n")
							out = append([]byte(nil), out[cut:]...)
							col = 0
							for _, b := range out {
								col = column(col, b)
							}
							continue
						}
					}
					if len(out) > 0 {
						c.Out.Write(out)
						c.Print("\n")
						out, col = nil, 0
						continue
					}
				}
				out = append(out, ch)
				col = next
				i++
			}
			c.Out.Write(out)
			if ended {
				c.Print("\n")
			}
		}
		f.Close()
	}
	return c.Status
}

// tabStops reads a list of tab stops; every is the distance between them if there is but one
// number, and beyond the list with "/N".
type tabStops struct {
	stops      []int
	every      int
	plus       bool // "+N": counted from the last stop
	afterStops bool
}

func readTabs(c *prog.Ctx, s string) tabStops {
	var t tabStops
	for _, f := range strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' }) {
		num := strings.TrimLeft(f, "/+")
		n, err := strconv.Atoi(num)
		if err != nil || n < 0 {
			bad := strings.TrimLeft(num, "0123456789")
			c.Die(1, "tab size contains invalid character(s): '%s'", bad)
		}
		if n == 0 {
			c.Die(1, "tab size cannot be 0")
		}
		switch f[0] {
		case '/':
			t.every, t.afterStops = n, true
			continue
		case '+':
			t.every, t.plus, t.afterStops = n, true, true
			continue
		}
		if k := len(t.stops); k > 0 && n <= t.stops[k-1] {
			c.Die(1, "tab sizes must be ascending")
		}
		t.stops = append(t.stops, n)
	}
	if len(t.stops) == 0 && t.every == 0 {
		t.every = 8
	}
	if len(t.stops) == 1 && !t.afterStops {
		t.every, t.stops = t.stops[0], nil
	}
	return t
}

// next is the stop after col; ok is false beyond the last.
func (t *tabStops) next(col int) (int, bool) {
	for _, s := range t.stops {
		if s > col {
			return s, true
		}
	}
	if t.every > 0 {
		base := 0
		if t.plus && len(t.stops) > 0 {
			base = t.stops[len(t.stops)-1]
		}
		return base + ((col-base)/t.every+1)*t.every, true
	}
	return col + 1, false
}

func expand(c *prog.Ctx) int {
	initial, list := false, ""
	short, long := "it:0123456789,", []prog.Long{{Name: "initial", Val: 'i'}, {Name: "tabs", Arg: prog.ReqArg, Val: 't'}}
	if !c.GNU() {
		short = "it:"
	}
	for o := range c.Getopt(short, long) {
		switch o.Val {
		case 'i':
			initial = true
		case 't':
			if list != "" {
				list += ","
			}
			list += o.Arg
		default:
			list += string(rune(o.Val))
		}
	}
	tabs := tabStops{every: 8}
	if list != "" {
		if _, err := strconv.Atoi(list); err != nil && !c.GNU() {
			c.Die(1, "invalid number '%s'", list)
		}
		tabs = readTabs(c, list)
	}
	for _, name := range orStdin(c.Args) {
		f := plainOpen(c, name)
		if f == nil {
			continue
		}
		in := newLines(c, f, '\n')
		for {
			raw, err := in.next()
			if err != nil {
				if err != io.EOF && c.GNU() {
					readFailed(c, name, err)
				}
				break
			}
			col, convert := 0, true
			var out strings.Builder
			for _, ch := range raw {
				switch {
				case ch == '\n':
				case ch == '\t' && convert:
					n, ok := tabs.next(col)
					if !ok {
						n = col + 1
					}
					out.WriteString(strings.Repeat(" ", n-col))
					col = n
					continue
				case ch == '\b':
					col = max(0, col-1)
				default:
					col++
				}
				if initial && ch != ' ' && ch != '\t' {
					convert = false
				}
				out.WriteByte(ch)
			}
			c.Print(out.String())
		}
		f.Close()
	}
	return c.Status
}

func unexpand(c *prog.Ctx) int {
	all, first, list := false, false, ""
	short, long := "at:0123456789,", []prog.Long{{Name: "all", Val: 'a'}, {Name: "tabs", Arg: prog.ReqArg, Val: 't'}, {Name: "first-only", Val: prog.LongOnly}}
	if !c.GNU() {
		short, long = "ft:a", []prog.Long{{Name: "first-only", Val: 'f'}, {Name: "tabs", Arg: prog.ReqArg, Val: 't'}, {Name: "all", Val: 'a'}}
	}
	for o := range c.Getopt(short, long) {
		switch o.Val {
		case 'a':
			all = true
		case 't':
			all = true
			if list != "" {
				list += ","
			}
			list += o.Arg
		case 'f', prog.LongOnly:
			first = true
		default:
			all = true
			list += string(rune(o.Val))
		}
	}
	if first {
		all = false
	}
	tabs := tabStops{every: 8}
	if list != "" {
		tabs = readTabs(c, list)
	}
	for _, name := range orStdin(c.Args) {
		f := plainOpen(c, name)
		if f == nil {
			continue
		}
		in := newLines(c, f, '\n')
		for {
			raw, err := in.next()
			if err != nil {
				if err != io.EOF && c.GNU() {
					readFailed(c, name, err)
				}
				break
			}
			line, ended := in.chomp(raw)
			var out strings.Builder
			col, start, blanks := 0, 0, 0              // the column, where the run of blanks began, its length
			convert, tabbed, met := true, false, false // met: blanks
			flush := func() {
				if blanks == 0 {
					return
				}
				met = true
				at := start
				for {
					n, ok := tabs.next(at)
					if !ok || n > col {
						break
					}
					if blanks == 1 && !tabbed && c.GNU() {
						break // a lone blank stays one
					}
					out.WriteByte('\t')
					at = n
				}
				out.WriteString(strings.Repeat(" ", col-at))
				blanks, tabbed = 0, false
			}
			for _, ch := range line {
				if convert && (ch == ' ' || ch == '\t') {
					if blanks == 0 {
						start = col
					}
					blanks++
					if ch == '\t' {
						tabbed = true
						col, _ = tabs.next(col)
					} else {
						col++
					}
					continue
				}
				flush()
				if ch == '\b' {
					col = max(0, col-1)
				} else {
					col++
				}
				if !all && (met || c.GNU()) { // Busybox converts the first blanks even behind a word
					convert = false
				}
				out.WriteByte(ch)
			}
			flush()
			if ended {
				out.WriteByte('\n')
			}
			c.Print(out.String())
		}
		f.Close()
	}
	return c.Status
}

func fmtProgram(c *prog.Ctx) int {
	width, goal := 75, 0
	var crown, tagged, split, uniform bool
	prefix := ""
	if len(c.Args) > 0 && len(c.Args[0]) > 1 && c.Args[0][0] == '-' && isDigit(int(c.Args[0][1])) {
		c.Args[0] = "-w" + c.Args[0][1:]
	}
	num := func(s string) int {
		n, ok := parseCount(s)
		if !ok {
			c.Die(1, "invalid width: '%s'", s)
		}
		if n > 2500 {
			c.Die(1, "invalid width: '%s': %v", s, linux.ERANGE)
		}
		return n
	}
	goalSet := false
	for o := range c.Getopt("0123456789cstuw:p:g:", []prog.Long{{Name: "crown-margin", Val: 'c'}, {Name: "prefix", Arg: prog.ReqArg, Val: 'p'}, {Name: "split-only", Val: 's'},
		{Name: "tagged-paragraph", Val: 't'}, {Name: "uniform-spacing", Val: 'u'}, {Name: "width", Arg: prog.ReqArg, Val: 'w'}, {Name: "goal", Arg: prog.ReqArg, Val: 'g'}}) {
		switch o.Val {
		case 'c':
			crown = true
		case 's':
			split = true
		case 't':
			tagged = true
		case 'u':
			uniform = true
		case 'w':
			width = num(o.Arg)
		case 'p':
			prefix = o.Arg
		case 'g':
			goal, goalSet = num(o.Arg), true
			if goal > 75 && width == 75 {
				width = goal + 10
			}
		default:
			c.Warn("invalid option -- %c; -WIDTH is recognized only when it is the first\noption; use -w N instead", o.Val)
			c.Usage()
		}
	}
	if !goalSet {
		goal = width * (2*(100-7) + 1) / 200
	}
	p := &paragraph{c: c, width: width, goal: goal, crown: crown, tagged: tagged, split: split, uniform: uniform, prefix: prefix}
	for _, name := range orStdin(c.Args) {
		f, err := input(c, name)
		if err != nil {
			c.Fail("cannot open %s for reading: %v", c.QuoteFile(name), err)
			continue
		}
		p.file(newLines(c, f, '\n'))
		f.Close()
	}
	return c.Status
}

// fmtWord is a word of a paragraph and what surrounds it.
type fmtWord struct {
	text          string
	space         int
	paren         bool // begins with an opening bracket
	period        bool // ends with one
	punct         bool
	final         bool // ends a sentence
	best          int64
	next, lineLen int
}

// paragraph is what fmt fills.
type paragraph struct {
	c                             *prog.Ctx
	width, goal                   int
	crown, tagged, split, uniform bool
	prefix                        string
	words                         []fmtWord
	margin                        int  // where the prefix stands
	first, other                  int  // columns of the first line and of the others
	tabs                          bool // the input had tabs
}

func (p *paragraph) file(in *lines) {
	other := -1
	firstLine := true
	flush := func() {
		if len(p.words) > 0 {
			if p.tagged && other < 0 { // a paragraph of one line: a tag without text
				p.other = 0
				if p.first == 0 {
					p.other = 3
				}
			}
			p.fill()
			p.words = nil
		}
		firstLine = true
	}
	for {
		raw, err := in.next()
		if err != nil {
			break
		}
		b, _ := in.chomp(raw)
		line := string(b)
		body, indent := p.blanks(line, 0)
		margin := 0
		if p.prefix != "" {
			lead := len(p.prefix) - len(strings.TrimLeft(p.prefix, " "))
			rest, found := strings.CutPrefix(body, strings.Trim(p.prefix, " "))
			margin = min(indent, lead)
			body, indent = p.blanks(rest, margin+len(strings.Trim(p.prefix, " ")))
			if !found || margin < lead || body != "" && indent < len(p.prefix) {
				flush()
				p.c.Print(line, "\n")
				continue
			}
		}
		if body == "" {
			flush()
			p.c.Print(strings.TrimRight(p.prefix, " "), "\n")
			continue
		}
		if margin != p.margin {
			flush()
		}
		p.margin = margin
		switch {
		case firstLine:
			p.first, other = indent, indent
			firstLine = false
			p.other = indent
			p.words = nil
			if p.crown || p.tagged {
				other = -1
			}
		case other < 0:
			if p.tagged && indent == p.first {
				flush()
				p.first, firstLine = indent, false
				other = -1
			} else {
				other, p.other = indent, indent
			}
		case p.split || indent != p.other:
			flush()
			p.first, p.other, other, firstLine = indent, indent, indent, false
			if p.crown || p.tagged {
				other = -1
			}
		}
		p.add(body)
		if p.split {
			flush()
		}
	}
	flush()
}

// blanks takes the blanks off the front of s, which stands at a column, and tells the column behind
// them.
func (p *paragraph) blanks(s string, col int) (string, int) {
	for s != "" && (s[0] == ' ' || s[0] == '\t') {
		if s[0] == '\t' {
			p.tabs = true
			col += 7 - col%8
		}
		col++
		s = s[1:]
	}
	return s, col
}

// space is what leads from one column to another: with tabs, if the input had some.
func (p *paragraph) space(from, to int) string {
	s := ""
	if stop := to / 8 * 8; p.tabs && from+1 < stop {
		for ; from < stop; from = (from/8 + 1) * 8 {
			s += "\t"
		}
	}
	return s + strings.Repeat(" ", max(0, to-from))
}

func (p *paragraph) add(s string) {
	for s != "" {
		i := strings.IndexAny(s, " \t")
		if i < 0 {
			i = len(s)
		}
		w := fmtWord{text: s[:i]}
		rest := s[i:]
		trimmed := strings.TrimLeft(rest, " \t")
		w.space = len(rest) - len(trimmed)
		core := strings.TrimRight(w.text, ")]'\"")
		w.paren = strings.IndexByte("(['`\"", w.text[0]) >= 0
		last := w.text[len(w.text)-1]
		w.punct = !(trClasses["alnum"](last)) && last < 0x80 && trClasses["punct"](last)
		w.period = core != "" && strings.IndexByte(".?!", core[len(core)-1]) >= 0
		w.final = w.period && (trimmed == "" || w.space > 1)
		if p.uniform || trimmed == "" {
			w.space = 1
			if w.final {
				w.space = 2
			}
		}
		p.words = append(p.words, w)
		s = trimmed
	}
}

// fill breaks the paragraph where GNU's costs are least: lines near the goal, few ragged edges,
// breaks at the ends of sentences.
func (p *paragraph) fill() {
	ws := p.words
	n := len(ws)
	ws[n-1].period, ws[n-1].final = true, true
	const inf = int64(1) << 60
	square := func(x int64) int64 { return x * x }
	equiv := func(x int64) int64 { return square(x) }
	short := func(x int64) int64 { return equiv(x * 10) }
	ragged := func(x int64) int64 { return short(x) / 2 }
	base := func(i int) int64 {
		cost := int64(70 * 70)
		if i > 0 {
			prev := &ws[i-1]
			switch {
			case prev.period:
				if prev.final {
					cost -= 50 * 50
				} else {
					cost += 600 * 600
				}
			case prev.punct:
				cost -= 40 * 40
			case i > 1 && ws[i-2].final:
				cost += 200 * 200 / int64(len(prev.text)+2)
			}
		}
		if ws[i].paren {
			cost -= 40 * 40
		} else if ws[i].final {
			cost += 150 * 150 / int64(len(ws[i].text)+2)
		}
		return cost
	}
	lineCost := func(next, length int) int64 {
		if next == n {
			return 0
		}
		cost := short(int64(p.goal - length))
		if ws[next].next != n {
			cost += ragged(int64(length - ws[next].lineLen))
		}
		return cost
	}
	for s := n - 1; s >= 0; s-- {
		p.c.Step(8)
		best := inf
		length := p.other
		if s == 0 {
			length = p.first
		}
		w := s
		length += len(ws[w].text)
		for {
			w++
			var cost int64 = 0
			if w < n {
				cost = ws[w].best
			}
			cost += lineCost(w, length)
			if cost < best {
				best = cost
				ws[s].next, ws[s].lineLen = w, length
			}
			if w == n {
				break
			}
			length += ws[w-1].space + len(ws[w].text)
			if length >= p.width {
				break
			}
		}
		ws[s].best = best + base(s)
	}
	indent := p.first
	for s := 0; s < n; s = ws[s].next {
		var b strings.Builder
		b.WriteString(p.space(0, p.margin))
		b.WriteString(strings.Trim(p.prefix, " "))
		b.WriteString(p.space(p.margin+len(strings.Trim(p.prefix, " ")), indent))
		for i := s; i < ws[s].next; i++ {
			b.WriteString(ws[i].text)
			if i+1 < ws[s].next {
				b.WriteString(strings.Repeat(" ", ws[i].space))
			}
		}
		p.c.Print(b.String(), "\n")
		indent = p.other
	}
}

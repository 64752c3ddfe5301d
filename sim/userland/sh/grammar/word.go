package grammar

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// ctx says what a piece of text stands in: what ends it, and what its quotes mean.
type ctx uint8

const (
	inWord        ctx = iota // until a blank or an operator
	inDouble                 // until "
	inHere                   // until the end of the text
	inBrace                  // ${x-HERE}, until }
	inBraceDouble            // the same inside of double quotes
	inPattern                // ${x/HERE/y}, until / or }
	inSlice                  // ${x:HERE:3}, until : or }
	inIndex                  // x[HERE], until ]
	inArith                  // $((HERE)), until ))
	inBracket                // $[HERE], until ]
	inRegex                  // [[ x =~ HERE ]]
)

// word reads one word.
func (p *Parser) word(c ctx) *Word {
	from := len(p.rec)
	w := &Word{Line: p.Line}
	w.Parts = p.parts(c)
	w.Src = string(p.rec[from:])
	return w
}

// literals collects unquoted text between other parts.
type literals struct {
	parts []Part
	text  []byte
}

func (l *literals) byte(c int) { l.text = append(l.text, byte(c)) }

func (l *literals) add(part Part) {
	l.flush()
	l.parts = append(l.parts, part)
}

func (l *literals) flush() {
	if len(l.text) > 0 {
		l.parts = append(l.parts, &Lit{string(l.text)})
		l.text = nil
	}
}

func (l *literals) quoted(c int) {
	l.flush()
	if n := len(l.parts); n > 0 {
		if q, ok := l.parts[n-1].(*Quoted); ok {
			q.Text += string([]byte{byte(c)})
			return
		}
	}
	l.parts = append(l.parts, &Quoted{string([]byte{byte(c)})})
}

// parts reads text up to what ends it in c, which it leaves unread.
func (p *Parser) parts(c ctx) []Part {
	p.enter()
	defer p.leave()
	var l literals
	defer l.flush()
	start := p.Line
	parens, brackets, headless := 0, 0, false
	single := c == inWord || c == inBrace || c == inPattern || c == inRegex || c == inSlice || c == inIndex && p.Lang == Bash
	for {
		ch := p.peek()
		if c == inHere && ch == '\\' && p.at(1) == eof {
			p.raw()
			l.byte('\\')
			continue
		}
		switch ch {
		case eof:
			switch c {
			case inDouble:
				p.unterminated(`"`, start)
			case inBrace, inBraceDouble, inPattern, inSlice:
				p.unterminated("}", start)
			case inArith:
				p.unterminated("))", start)
			case inIndex, inBracket:
				p.unterminated("]", start)
			}
			l.flush()
			return l.parts
		case '\\':
			p.raw()
			p.escape(c, &l)
			continue
		case '\'':
			if single {
				p.raw()
				l.add(&Quoted{p.singleQuoted()})
				continue
			}
		case '"':
			switch c {
			case inDouble:
				l.flush()
				return l.parts
			case inHere:
			case inArith, inBracket, inIndex:
				if p.Lang == Bash {
					p.raw()
					l.add(&Double{p.doubleQuoted()})
					continue
				}
			case inBraceDouble:
				// the quotes of "${x-"y"}" only switch splitting off and on again, which is
				// off here anyway
				p.raw()
				l.flush()
				if p.Lang == Bash {
					l.parts = append(l.parts, p.doubleQuoted()...)
				} else {
					// ash and dash leave the outer quotes here
					l.parts = append(l.parts, p.innerUnquoted()...)
				}
				continue
			default:
				p.raw()
				l.add(&Double{p.doubleQuoted()})
				continue
			}
		case '$':
			part, lit := p.dollar(c)
			if part == nil {
				for i := range len(lit) {
					l.byte(int(lit[i]))
				}
			} else {
				l.add(part)
			}
			continue
		case '`':
			l.add(p.backquote(c == inDouble || c == inBraceDouble))
			continue
		}
		// what ends the text
		switch c {
		case inWord:
			switch ch {
			case ' ', '\t', '\n', ';', '&', '|', ')':
				l.flush()
				return l.parts
			case '(':
				if n := len(l.text); p.Extglob && p.Lang == Bash && n > 0 && strings.IndexByte("?*+@!", l.text[n-1]) >= 0 {
					p.extglob(&l)
					continue
				}
				l.flush()
				return l.parts
			case '<', '>':
				if p.Lang != Dash && p.at(1) == '(' && (p.Lang == Bash || len(l.text) == 0 && len(l.parts) == 0) {
					l.add(p.procSubst())
					continue
				}
				l.flush()
				return l.parts
			case '[', '=', '+':
				if p.Lang == Bash && p.assignOK && !headless && len(l.parts) == 0 {
					headless = true // only the first of these can end a name
					if IsName(string(l.text)) && p.assignHead(&l) {
						continue
					}
				}
			}
		case inBrace, inBraceDouble:
			if ch == '}' {
				l.flush()
				return l.parts
			}
		case inPattern:
			if ch == '}' || ch == '/' && len(l.text)+len(l.parts) > 0 || ch == '/' && p.Lang == Bash {
				l.flush()
				return l.parts
			}
		case inSlice:
			switch ch {
			case '(', '?':
				parens++
			case ')':
				parens--
			case ':':
				if parens <= 0 {
					l.flush()
					return l.parts
				}
				parens--
			case '}':
				l.flush()
				return l.parts
			}
		case inIndex, inBracket:
			switch ch {
			case '[':
				brackets++
			case ']':
				if brackets == 0 {
					l.flush()
					return l.parts
				}
				brackets--
			}
		case inArith:
			switch ch {
			case '(':
				parens++
			case ')':
				if parens == 0 {
					l.flush()
					return l.parts
				}
				parens--
			}
		case inRegex:
			switch ch {
			case ' ', '\t', '\n':
				if parens <= 0 {
					l.flush()
					return l.parts
				}
			case ';', '&', '<', '>':
				if parens <= 0 {
					l.flush()
					return l.parts
				}
			case '(':
				parens++
			case ')':
				parens--
				if parens < 0 {
					l.flush()
					return l.parts
				}
			}
		}
		p.raw()
		l.byte(ch)
	}
}

// escape deals with what follows a backslash.
func (p *Parser) escape(c ctx, l *literals) {
	ch := p.at(0)
	if ch == eof {
		l.byte('\\')
		return
	}
	special := ""
	switch c {
	case inDouble:
		special = "$`\"\\"
	case inHere:
		special = "$`\\"
	case inBraceDouble:
		special = "$`\"\\}"
	case inArith, inBracket:
		special = "$`\\\""
		if p.Lang != Bash {
			special = "$`\\"
		}
	default:
		p.raw()
		l.quoted(ch)
		return
	}
	if strings.IndexByte(special, byte(ch)) < 0 {
		l.byte('\\')
		return
	}
	p.raw()
	l.quoted(ch)
}

// singleQuoted reads up to the closing quote.
func (p *Parser) singleQuoted() string {
	start := p.Line
	var b strings.Builder
	for {
		switch c := p.raw(); c {
		case eof:
			p.unterminated("'", start)
		case '\'':
			return b.String()
		default:
			b.WriteByte(byte(c))
		}
	}
}

func (p *Parser) doubleQuoted() []Part {
	start := p.Line
	parts := p.parts(inDouble)
	if p.next() != '"' {
		p.unterminated(`"`, start)
	}
	return parts
}

// innerUnquoted is the text between inner quotes of "${x-"text"}" as ash and dash take it.
func (p *Parser) innerUnquoted() []Part { return p.doubleQuoted() }

// extglob reads "(a|b)" of a pattern, whose parentheses are text of the word.
func (p *Parser) extglob(l *literals) {
	p.enter()
	defer p.leave()
	start := p.Line
	l.byte(p.raw())
	for {
		switch ch := p.peek(); ch {
		case eof:
			p.unterminated(")", start)
		case ')':
			p.raw()
			l.byte(')')
			return
		case '(':
			p.extglob(l)
		case '\\':
			p.raw()
			p.escape(inWord, l)
		case '\'':
			p.raw()
			l.add(&Quoted{p.singleQuoted()})
		case '"':
			p.raw()
			l.add(&Double{p.doubleQuoted()})
		case '$':
			part, lit := p.dollar(inWord)
			if part != nil {
				l.add(part)
			} else {
				l.text = append(l.text, lit...)
			}
		case '`':
			l.add(p.backquote(false))
		default:
			p.raw()
			l.byte(ch)
		}
	}
}

// arrayPart and indexPart carry an assignment's head out of the lexer; no word that leaves the
// parser holds one.
type arrayPart struct {
	elems []ArrayElem
}
type indexPart struct {
	index *Word
	src   string
}

func (*arrayPart) part() {}
func (*indexPart) part() {}

// assignHead reads "[i]=", "=(" and "+=(" after a name, and says whether it found one of them.
func (p *Parser) assignHead(l *literals) bool {
	s := p.save()
	if p.peek() == '[' {
		if _, ok := p.try(func() {
			p.raw()
			from := len(p.rec)
			ix := p.word(inIndex)
			src := string(p.rec[from:])
			p.raw()
			if c := p.peek(); c != '=' && !(c == '+' && p.at(1) == '=') {
				panic(bail{&Error{}})
			}
			l.add(&indexPart{ix, src})
		}); !ok {
			p.restore(s)
			return false
		}
		return true
	}
	if p.peek() == '+' {
		if p.at(1) != '=' || p.at(2) != '(' {
			return false
		}
		l.byte(p.raw())
	} else if p.at(1) != '(' {
		return false
	}
	l.byte(p.raw())
	start := p.Line
	p.raw()
	l.add(&arrayPart{p.arrayElems(start)})
	return true
}

// try runs f and says whether it bailed out; TooDeep and TooLong go through.
func (p *Parser) try(f func()) (err *Error, ok bool) {
	defer func() {
		switch b := recover().(type) {
		case nil:
		case bail:
			if b.err.Fault == TooDeep || b.err.Fault == TooLong {
				panic(b)
			}
			err, ok = b.err, false
		default:
			panic(b)
		}
	}()
	f()
	return nil, true
}

func (p *Parser) arrayElems(start int) []ArrayElem {
	p.enter()
	defer p.leave()
	var elems []ArrayElem
	for {
		switch c := p.peek(); {
		case c == eof:
			p.unterminated(")", start)
		case c == ' ' || c == '\t' || c == '\n':
			p.raw()
			continue
		case c == '#':
			for c := p.at(0); c != '\n' && c != eof; c = p.at(0) {
				p.raw()
			}
			continue
		case c == ')':
			p.raw()
			return elems
		case c == '[':
			s := p.save()
			var e ArrayElem
			if _, ok := p.try(func() {
				p.raw()
				from := len(p.rec)
				e.Index = p.word(inIndex)
				e.IndexAs = string(p.rec[from:])
				p.raw()
				if p.take('+') {
					e.Append = true
				}
				if p.next() != '=' {
					panic(bail{&Error{}})
				}
			}); ok {
				e.Value = p.elemWord()
				elems = append(elems, e)
				continue
			}
			p.restore(s)
		case strings.IndexByte(";&|<>(", byte(c)) >= 0 && !((c == '<' || c == '>') && p.at(1) == '('):
			t := token{kind: tOp, op: string(rune(c)), line: p.Line, start: p.frames[0].pos}
			p.unexpected(t, "")
		}
		elems = append(elems, ArrayElem{Value: p.elemWord()})
	}
}

func (p *Parser) elemWord() *Word {
	ok := p.assignOK
	p.assignOK = false
	w := p.word(inWord)
	p.assignOK = ok
	return w
}

// dollar reads an expansion. Where "$" is only a character, part is nil and lit the text.
func (p *Parser) dollar(c ctx) (part Part, lit string) {
	double := c == inDouble || c == inHere || c == inBraceDouble || c == inArith || c == inBracket
	from := len(p.rec)
	p.raw()
	switch ch := p.peek(); {
	case ch == '{':
		p.raw()
		return p.braced(from, c == inDouble || c == inHere || c == inBraceDouble), ""
	case ch == '(':
		return p.parenthesis(), ""
	case nameStart(ch):
		var b strings.Builder
		for nameChar(p.peek()) {
			b.WriteByte(byte(p.raw()))
		}
		// an unbraced name in an index or arithmetic is taken as any other
		return &Param{Name: b.String(), Src: string(p.rec[from:])}, ""
	case digit(ch) || ch != eof && strings.IndexByte("@*#?-$!", byte(ch)) >= 0:
		p.raw()
		return &Param{Name: string(rune(ch)), Src: string(p.rec[from:])}, ""
	case ch == '\'' && !double && p.Lang != Dash:
		p.raw()
		return &Quoted{p.ansiQuoted()}, ""
	case ch == '"' && !double && p.Lang == Bash:
		p.raw()
		return &Double{p.doubleQuoted()}, ""
	case ch == '[' && p.Lang == Bash:
		p.raw()
		w := p.word(inBracket)
		p.raw()
		return &ArithExp{w}, ""
	}
	return nil, "$"
}

// parenthesis reads $(...) or $((...)) after the "$".
func (p *Parser) parenthesis() Part {
	p.enter()
	defer p.leave()
	line := p.Line
	if p.at(1) == '(' {
		s := p.save()
		var e *ArithExp
		err, ok := p.try(func() {
			p.raw()
			p.raw()
			w := p.word(inArith)
			p.next()
			if p.peek() != ')' {
				panic(bail{&Error{Lang: p.Lang, Fault: Unterminated, Token: "))", Line: p.Line}})
			}
			p.raw()
			e = &ArithExp{w}
		})
		if ok {
			return e
		}
		if p.Lang != Bash || err.EOF {
			panic(bail{err})
		}
		// no arithmetic: a command substitution that begins with a subshell
		p.restore(s)
	}
	p.raw()
	cs := &CmdSubst{Line: line}
	cs.Body = p.enclosed()
	return cs
}

// enclosed reads commands up to a closing parenthesis, and takes that.
func (p *Parser) enclosed() Node {
	tok, has, assign, here := p.tok, p.hasTok, p.assignOK, p.here
	p.hasTok, p.here = false, nil
	body := p.list(listOptional)
	t := p.drop()
	if t.kind != tOp || t.op != ")" {
		if p.Lang == Bash && t.kind == tEOF {
			p.fail(&Error{Fault: Unterminated, Token: ")", Line: p.Line, EOF: true})
		}
		p.unexpected(t, `")"`)
	}
	if len(p.here) > 0 {
		p.readHere()
	}
	p.tok, p.hasTok, p.assignOK, p.here = tok, has, assign, here
	return body
}

func (p *Parser) procSubst() Part {
	p.enter()
	defer p.leave()
	line := p.Line
	op := byte(p.raw())
	p.raw()
	return &ProcSubst{Line: line, Op: op, Body: p.enclosed()}
}

func (p *Parser) backquote(double bool) Part {
	p.enter()
	defer p.leave()
	start := p.Line
	p.raw()
	var b strings.Builder
	for {
		c := p.raw()
		if c == eof {
			p.unterminated("`", start)
		}
		if c == '`' {
			break
		}
		if c == '\\' {
			switch n := p.at(0); {
			case n == '\n' && p.Lang != Bash:
				p.raw()
				continue
			case n == '$' || n == '`' || n == '\\' || n == '"' && double:
				c = p.raw()
			}
		}
		b.WriteByte(byte(c))
	}
	cs := &CmdSubst{Line: start, Back: true}
	if p.Lang == Bash {
		cs.Late = b.String()
		return cs
	}
	q := p.sub(b.String(), start)
	cs.Body = q.all()
	return cs
}

// ansiQuoted reads $'...' after its first quote.
func (p *Parser) ansiQuoted() string {
	start := p.Line
	var raw []byte
	for {
		c := p.raw()
		switch c {
		case eof:
			p.unterminated("'", start)
		case '\'':
			return decodeANSI(string(raw), p.UTF8 || p.Lang != Bash)
		case '\\':
			raw = append(raw, '\\')
			if c = p.raw(); c == eof {
				p.unterminated("'", start)
			}
		}
		raw = append(raw, byte(c))
	}
}

// DecodeANSI decodes the escapes of bash's $'...'. A NUL ends the text, as in C.
func DecodeANSI(s string) string { return decodeANSI(s, true) }

func decodeANSI(s string, unicode bool) string {
	var b []byte
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b = append(b, s[i])
			continue
		}
		i++
		number := func(base, most int) int {
			n, digits := 0, 0
			for digits < most && i+1 < len(s) {
				v := hexValue(s[i+1])
				if v < 0 || v >= base {
					break
				}
				n, digits, i = n*base+v, digits+1, i+1
			}
			if digits == 0 {
				return -1
			}
			return n
		}
		c := s[i]
		switch c {
		case 'a':
			b = append(b, 7)
		case 'b':
			b = append(b, 8)
		case 'e', 'E':
			b = append(b, 27)
		case 'f':
			b = append(b, 12)
		case 'n':
			b = append(b, 10)
		case 'r':
			b = append(b, 13)
		case 't':
			b = append(b, 9)
		case 'v':
			b = append(b, 11)
		case '\\', '\'', '"', '?':
			b = append(b, c)
		case '0', '1', '2', '3', '4', '5', '6', '7':
			i--
			n := number(8, 3)
			if n&255 == 0 {
				return string(b)
			}
			b = append(b, byte(n))
		case 'x':
			switch n := number(16, 2); {
			case n < 0:
				b = append(b, '\\', 'x')
			case n == 0:
				return string(b)
			default:
				b = append(b, byte(n))
			}
		case 'u', 'U':
			most := 4
			if c == 'U' {
				most = 8
			}
			switch n := number(16, most); {
			case n < 0:
				b = append(b, '\\', c)
			case n == 0:
				return string(b)
			case n > 127 && !unicode && n < 0x10000:
				b = fmt.Appendf(b, "\\u%04X", n)
			case n > 127 && !unicode:
				b = fmt.Appendf(b, "\\U%08X", n)
			default:
				b = utf8.AppendRune(b, rune(n))
			}
		case 'c':
			if i+1 < len(s) {
				i++
				b = append(b, s[i]&31)
			}
		default:
			b = append(b, '\\', c)
		}
	}
	return string(b)
}

func hexValue(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// braced reads ${...} after its brace. from is where the "$" stands in rec.
func (p *Parser) braced(from int, double bool) Part {
	p.enter()
	defer p.leave()
	start := p.Line
	x := &Param{Braced: true}
	bash := p.Lang == Bash
	finish := func() Part {
		if p.next() != '}' {
			p.unterminated("}", start)
		}
		x.Src = string(p.rec[from:])
		return x
	}
	bad := func() Part {
		x.Bad = true
		p.skipBrace(start)
		x.Src = string(p.rec[from:])
		return x
	}
	special := func(c int) bool { return c != eof && strings.IndexByte("@*#?-$!", byte(c)) >= 0 }

	switch p.peek() {
	case eof:
		p.unterminated("}", start)
	case '#':
		switch c := p.at(1); {
		case nameChar(c), c == '@', c == '*':
			p.raw()
			x.Length = true
		case (c == '#' || c == '?' || c == '-' || c == '$' || c == '!') && p.at(2) == '}':
			p.raw()
			x.Length = true
		}
	case '!':
		if c := p.at(1); bash && (nameChar(c) || (c == '@' || c == '*' || c == '#' || c == '?' || c == '!') && c != '}') {
			p.raw()
			x.Indirect = true
		}
	}
	c := p.peek()
	switch {
	case nameStart(c):
		var b strings.Builder
		for nameChar(p.peek()) {
			b.WriteByte(byte(p.raw()))
		}
		x.Name = b.String()
	case digit(c):
		var b strings.Builder
		for digit(p.peek()) {
			b.WriteByte(byte(p.raw()))
		}
		x.Name = b.String()
	case special(c):
		p.raw()
		x.Name = string(rune(c))
	default:
		return bad()
	}
	if bash && p.peek() == '[' && nameStart(int(x.Name[0])) {
		p.raw()
		at := len(p.rec)
		x.Index = p.word(inIndex)
		x.IndexAs = string(p.rec[at:])
		p.raw()
	}
	c = p.peek()
	if x.Length {
		if c != '}' {
			return bad()
		}
		return finish()
	}
	if x.Indirect && x.Index == nil && (c == '*' || c == '@') && p.at(1) == '}' {
		p.raw()
		x.Names, x.Op = true, string(rune(c))
		return finish()
	}
	if x.Indirect && x.Index == nil && c == '@' {
		// ${!x@Q}
	}
	value := func() *Word {
		k := inBrace
		if double {
			k = inBraceDouble
		}
		return p.word(k)
	}
	switch c {
	case '}':
		return finish()
	case eof:
		p.unterminated("}", start)
	case '-', '=', '?', '+':
		p.raw()
		x.Op = string(rune(c))
		x.Arg = value()
		return finish()
	case ':':
		if n := p.at(1); n == '-' || n == '=' || n == '?' || n == '+' {
			p.raw()
			p.raw()
			x.Op = ":" + string(rune(n))
			x.Arg = value()
			return finish()
		}
		if p.Lang == Dash || p.Lang == Ash && p.at(1) == '}' {
			return bad()
		}
		p.raw()
		x.Op = ":"
		x.Arg = p.word(inSlice)
		if p.take(':') {
			x.Arg2 = p.word(inSlice)
		}
		return finish()
	case '#', '%':
		p.raw()
		x.Op = string(rune(c))
		if p.take(c) {
			x.Op += string(rune(c))
		}
		x.Arg = p.word(inBrace)
		return finish()
	case '/':
		if p.Lang == Dash {
			return bad()
		}
		p.raw()
		x.Op = "/"
		switch n := p.peek(); {
		case n == '/':
			p.raw()
			x.Op = "//"
		case bash && (n == '#' || n == '%'):
			p.raw()
			x.Op += string(rune(n))
		}
		x.Arg = p.word(inPattern)
		if p.take('/') {
			x.Arg2 = value()
		}
		return finish()
	case '^', ',', '~':
		if !bash {
			return bad()
		}
		p.raw()
		x.Op = string(rune(c))
		if p.take(c) {
			x.Op += string(rune(c))
		}
		x.Arg = p.word(inBrace)
		return finish()
	case '@':
		if !bash {
			return bad()
		}
		p.raw()
		x.Op = "@"
		x.Arg = p.word(inBrace)
		if t, ok := x.Arg.Literal(); !ok || len(t) != 1 || !strings.Contains("QEPAKaUuLk", t) {
			x.Bad = true
		}
		return finish()
	}
	return bad()
}

// skipBrace skips to behind the closing brace of what is no substitution.
func (p *Parser) skipBrace(start int) {
	for level := 1; ; {
		switch p.next() {
		case eof:
			p.unterminated("}", start)
		case '{':
			level++
		case '}':
			if level--; level == 0 {
				return
			}
		case '\\':
			p.raw()
		case '\'':
			p.singleQuoted()
		}
	}
}

// ParseDoubleQuoted parses text as if it stood in a here-document: prompts are expanded so.
func ParseDoubleQuoted(lang Lang, text string) (w *Word, err error) {
	p := FromString(lang, text)
	defer func() {
		switch b := recover().(type) {
		case nil:
		case bail:
			w, err = nil, b.err
		default:
			panic(b)
		}
	}()
	return &Word{Parts: p.parts(inHere), Src: text}, nil
}

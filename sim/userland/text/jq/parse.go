package jq

import (
	"fmt"
	"strconv"
	"strings"
)

// SyntaxError is what is wrong with a program.
type SyntaxError struct {
	Text string
	At   int // the offset of the token that does not fit
}

func (e *SyntaxError) Error() string { return e.Text }

// The kinds of tokens; punctuation and keywords stand for themselves.
const (
	tEOF    = ""
	tNum    = "LITERAL"
	tStr    = "QQSTRING_START"
	tIdent  = "IDENT"
	tField  = "FIELD"
	tVar    = "$var"
	tFormat = "FORMAT"
)

type token struct {
	kind string
	at   int     // its offset
	text string  // a name, without "." or "$"
	num  float64 // a number
	str  []piece // a string
}

// piece is a part of a string: text, or an expression in \( ).
type piece struct {
	text string
	expr *node
}

var keywords = map[string]bool{"def": true, "if": true, "then": true, "elif": true, "else": true, "end": true, "as": true, "reduce": true, "foreach": true,
	"try": true, "catch": true, "label": true, "and": true, "or": true, "import": true, "include": true, "__loc__": true}

type parser struct {
	src   string
	pos   int
	tok   token
	depth int
}

// node is an expression.
type node struct {
	op         string
	at         int // the offset of a name
	text       string
	num        float64
	a, b, c, d *node
	args       []*node
	pat        *pattern
	pieces     []piece
	fn         *function
	entries    []entry
}

// entry is a key and value of an object.
type entry struct{ key, val *node }

// pattern is what "as" takes apart: a variable, an array or an object of patterns.
type pattern struct {
	name  string
	array []*pattern
	keys  []*node // of an object
	vals  []*pattern
	bind  []string // $name keys, which bind the value too
	obj   bool
}

// function is a definition.
type function struct {
	name   string
	params []string // with "$" for one that is a value
	body   *node
}

// Parse reads a program.
func Parse(src string) (n *node, err error) {
	defer func() {
		switch e := recover().(type) {
		case nil:
		case *SyntaxError:
			err = e
		default:
			panic(e)
		}
	}()
	p := &parser{src: src}
	p.next()
	n = p.program()
	if p.tok.kind != tEOF {
		if len(p.tok.kind) == 1 && strings.Contains(")]}", p.tok.kind) {
			p.tok.kind = "INVALID_CHARACTER"
		}
		p.fail("syntax error, unexpected %s, expecting $end (Unix shell quoting issues?)", p.tok.shown())
	}
	return n, nil
}

func (p *parser) fail(format string, args ...any) {
	panic(&SyntaxError{fmt.Sprintf(format, args...), p.tok.at})
}

func (p *parser) unexpected() {
	p.fail("syntax error, unexpected %s (Unix shell quoting issues?)", p.tok.shown())
}

// shown is a token as an error names it.
func (t token) shown() string {
	switch {
	case t.kind == tEOF:
		return "$end"
	case t.kind == tVar:
		return "'$'"
	case len(t.kind) == 1:
		return "'" + t.kind + "'"
	}
	return t.kind
}

func isIdent(c byte, first bool) bool {
	return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' || !first && c >= '0' && c <= '9'
}

func (p *parser) ident() string {
	start := p.pos
	for p.pos < len(p.src) && (isIdent(p.src[p.pos], p.pos == start) || p.pos > start && strings.HasPrefix(p.src[p.pos:], "::")) {
		if p.src[p.pos] == ':' {
			p.pos++
		}
		p.pos++
	}
	return p.src[start:p.pos]
}

func (p *parser) next() {
	for p.pos < len(p.src) {
		if c := p.src[p.pos]; c == '#' {
			for p.pos < len(p.src) && p.src[p.pos] != '\n' {
				p.pos++
			}
		} else if strings.IndexByte(" \t\r\n", c) < 0 {
			break
		} else {
			p.pos++
		}
	}
	if p.pos == len(p.src) {
		p.tok = token{kind: tEOF, at: p.tok.at} // where the last one was
		return
	}
	at := p.pos
	defer func() { p.tok.at = at }()
	p.tok.at = at
	c := p.src[p.pos]
	rest := p.src[p.pos:]
	switch {
	case c == '"':
		p.tok = token{kind: tStr, str: p.str()}
	case c == '.' && len(rest) > 1 && isIdent(rest[1], true):
		p.pos++
		p.tok = token{kind: tField, text: p.ident()}
	case c >= '0' && c <= '9' || c == '.' && len(rest) > 1 && rest[1] >= '0' && rest[1] <= '9':
		end := p.pos
		for end < len(p.src) && (p.src[end] >= '0' && p.src[end] <= '9' || p.src[end] == '.') {
			end++
		}
		if end < len(p.src) && p.src[end]|0x20 == 'e' {
			e := end + 1
			if e < len(p.src) && (p.src[e] == '+' || p.src[e] == '-') {
				e++
			}
			if e < len(p.src) && p.src[e] >= '0' && p.src[e] <= '9' {
				for end = e; end < len(p.src) && p.src[end] >= '0' && p.src[end] <= '9'; end++ {
				}
			}
		}
		f, err := strconv.ParseFloat(p.src[p.pos:end], 64)
		if err != nil && f == 0 {
			p.fail("syntax error, unexpected INVALID_CHARACTER (Unix shell quoting issues?)")
		}
		p.pos = end
		p.tok = token{kind: tNum, num: f}
	case c == '$' && len(rest) > 1 && isIdent(rest[1], true):
		p.pos++
		p.tok = token{kind: tVar, text: p.ident()}
	case c == '@' && len(rest) > 1 && isIdent(rest[1], false):
		start := p.pos
		p.pos++
		p.ident()
		p.tok = token{kind: tFormat, text: p.src[start:p.pos]}
	case isIdent(c, true):
		name := p.ident()
		if keywords[name] {
			p.tok = token{kind: name, text: name}
		} else {
			p.tok = token{kind: tIdent, text: name}
		}
	default:
		for _, op := range []string{"?//=", "?//", "//=", "..", "==", "!=", "<=", ">=", "//", "|=", "+=", "-=", "*=", "/=", "%="} {
			if strings.HasPrefix(rest, op) && op != "?//=" {
				p.pos += len(op)
				p.tok = token{kind: op}
				return
			}
		}
		if strings.IndexByte(".[]{}()|,:;=<>+-*/%$?", c) < 0 {
			p.tok = token{kind: "INVALID_CHARACTER"}
			p.unexpected()
		}
		p.pos++
		p.tok = token{kind: string(rune(c))}
	}
}

// str reads a string, with its expressions.
func (p *parser) str() []piece {
	p.pos++
	var pieces []piece
	var b strings.Builder
	for {
		if p.pos >= len(p.src) {
			p.tok.at = p.pos - 1
			p.fail("syntax error, unexpected $end, expecting QQSTRING_TEXT or QQSTRING_INTERP_START or QQSTRING_END (Unix shell quoting issues?)")
		}
		c := p.src[p.pos]
		p.pos++
		switch {
		case c == '"':
			return append(pieces, piece{text: b.String()})
		case c != '\\' || p.pos >= len(p.src):
			b.WriteByte(c)
			continue
		}
		c = p.src[p.pos]
		p.pos++
		switch i := strings.IndexByte(`"\/bfnrt`, c); {
		case i >= 0:
			b.WriteByte("\"\\/\b\f\n\r\t"[i])
		case c == 'u':
			r := p.hex4()
			if r >= 0xd800 && r < 0xdc00 && strings.HasPrefix(p.src[p.pos:], `\u`) {
				p.pos += 2
				r = 0x10000 + (r-0xd800)<<10 + (p.hex4() - 0xdc00)
			}
			b.WriteRune(r)
		case c == '(':
			pieces = append(pieces, piece{text: b.String()})
			b.Reset()
			saved := p.tok
			p.next()
			e := p.pipe()
			if p.tok.kind != ")" {
				p.unexpected()
			}
			p.tok = saved
			pieces = append(pieces, piece{expr: e})
		default:
			p.fail("syntax error, unexpected INVALID_CHARACTER, expecting QQSTRING_TEXT or QQSTRING_INTERP_START or QQSTRING_END (Unix shell quoting issues?)")
		}
	}
}

func (p *parser) hex4() rune {
	if p.pos+4 > len(p.src) {
		p.fail("invalid escape")
	}
	n, err := strconv.ParseUint(p.src[p.pos:p.pos+4], 16, 32)
	if err != nil {
		p.fail("invalid escape")
	}
	p.pos += 4
	return rune(n)
}

func (p *parser) accept(kind string) bool {
	if p.tok.kind != kind {
		return false
	}
	p.next()
	return true
}

func (p *parser) expect(kind string) string {
	if p.tok.kind != kind {
		p.unexpected()
	}
	text := p.tok.text
	p.next()
	return text
}

// program is definitions and an expression, which may be left out.
func (p *parser) program() *node {
	if p.tok.kind == tEOF {
		return &node{op: "."}
	}
	if p.tok.kind == "def" {
		fn := p.def()
		return &node{op: "def", fn: fn, a: p.program()}
	}
	return p.pipe()
}

func (p *parser) def() *function {
	p.expect("def")
	fn := &function{name: p.name()}
	if p.accept("(") {
		for {
			if p.tok.kind == tVar {
				fn.params = append(fn.params, "$"+p.expect(tVar))
			} else {
				fn.params = append(fn.params, p.name())
			}
			if !p.accept(";") {
				break
			}
		}
		p.expect(")")
	}
	p.expect(":")
	fn.body = p.pipe()
	p.expect(";")
	return fn
}

func (p *parser) name() string {
	if keywords[p.tok.kind] {
		t := p.tok.text
		p.next()
		return t
	}
	return p.expect(tIdent)
}

// enter bounds how deep expressions nest.
func (p *parser) enter() func() {
	if p.depth++; p.depth > 500 {
		p.fail("syntax error: expression is nested too deeply")
	}
	return func() { p.depth-- }
}

func (p *parser) pipe() *node {
	defer p.enter()()
	if p.tok.kind == "def" {
		fn := p.def()
		return &node{op: "def", fn: fn, a: p.pipe()}
	}
	left := p.comma()
	switch {
	case p.accept("|"):
		return &node{op: "|", a: left, b: p.pipe()}
	}
	return left
}

func (p *parser) comma() *node {
	left := p.binary(0)
	for p.accept(",") {
		left = &node{op: ",", a: left, b: p.binary(0)}
	}
	return left
}

// levels are the binary operators from the weakest; "r" binds to the right, "n" not at all.
var levels = []struct {
	assoc string
	ops   []string
}{
	{"r", []string{"//"}}, {"n", []string{"=", "|=", "+=", "-=", "*=", "/=", "%=", "//="}}, {"l", []string{"or"}}, {"l", []string{"and"}},
	{"n", []string{"==", "!=", "<", "<=", ">", ">="}}, {"l", []string{"+", "-"}}, {"l", []string{"*", "/", "%"}},
}

func (p *parser) binary(level int) *node {
	if level == len(levels) {
		return p.unary()
	}
	l := levels[level]
	is := func() bool {
		for _, op := range l.ops {
			if p.tok.kind == op {
				return true
			}
		}
		return false
	}
	left := p.binary(level + 1)
	for is() {
		op := p.tok.kind
		p.next()
		if l.assoc == "r" {
			done := p.enter()
			left = &node{op: op, a: left, b: p.binary(level)}
			done()
			return left
		}
		left = &node{op: op, a: left, b: p.binary(level + 1)}
		if l.assoc == "n" && is() {
			p.unexpected()
		}
	}
	return left
}

func (p *parser) unary() *node {
	defer p.enter()()
	switch p.tok.kind {
	case "-":
		p.next()
		return &node{op: "neg", a: p.unary()}
	case "reduce", "foreach":
		op := p.tok.kind
		p.next()
		n := &node{op: op, a: p.postfix()}
		p.expect("as")
		n.pat = p.pattern()
		p.expect("(")
		n.b = p.pipe()
		p.expect(";")
		n.c = p.pipe()
		if op == "foreach" && p.accept(";") {
			n.d = p.pipe()
		}
		p.expect(")")
		return p.suffixes(n)
	case "if":
		return p.suffixes(p.conditional())
	case "try":
		p.next()
		n := &node{op: "try", a: p.postTry()}
		if p.accept("catch") {
			n.b = p.postTry()
		}
		return n
	case "label":
		p.next()
		name := p.expect(tVar)
		p.expect("|")
		return &node{op: "label", text: name, a: p.pipe()}
	case "def":
		fn := p.def()
		return &node{op: "def", fn: fn, a: p.pipe()}
	}
	t := p.postfix()
	if p.accept("as") {
		pat := p.pattern()
		for p.tok.kind == "?//" {
			p.unexpected()
		}
		p.expect("|")
		return &node{op: "as", a: t, pat: pat, b: p.pipe()}
	}
	return t
}

func (p *parser) postTry() *node {
	if p.tok.kind == "if" || p.tok.kind == "reduce" || p.tok.kind == "foreach" || p.tok.kind == "-" {
		return p.unary()
	}
	return p.postfix()
}

func (p *parser) conditional() *node {
	p.next()
	n := &node{op: "if", a: p.pipe()}
	p.expect("then")
	n.b = p.pipe()
	switch p.tok.kind {
	case "elif":
		n.c = p.conditional()
		return n
	case "else":
		p.next()
		n.c = p.pipe()
		p.expect("end")
		return n
	}
	if p.tok.kind == "end" { // which jq 1.6 does not allow yet
		p.fail("syntax error, unexpected end (Unix shell quoting issues?)")
	}
	p.unexpected()
	return nil
}

func (p *parser) pattern() *pattern {
	defer p.enter()()
	switch p.tok.kind {
	case tVar:
		return &pattern{name: p.expect(tVar)}
	case "[":
		p.next()
		pat := &pattern{array: []*pattern{p.pattern()}}
		for p.accept(",") {
			pat.array = append(pat.array, p.pattern())
		}
		p.expect("]")
		return pat
	case "{":
		p.next()
		pat := &pattern{obj: true}
		for {
			bind := ""
			var key *node
			switch p.tok.kind {
			case tVar:
				bind = p.expect(tVar)
				key = literal(bind)
			case tStr:
				key = &node{op: "string", pieces: p.tok.str}
				p.next()
			case "(":
				p.next()
				key = p.pipe()
				p.expect(")")
			default:
				key = literal(p.name())
			}
			var val *pattern
			if p.accept(":") {
				val = p.pattern()
			} else if bind == "" {
				p.unexpected()
			}
			pat.keys, pat.vals, pat.bind = append(pat.keys, key), append(pat.vals, val), append(pat.bind, bind)
			if !p.accept(",") {
				break
			}
		}
		p.expect("}")
		return pat
	}
	p.unexpected()
	return nil
}

func literal(s string) *node { return &node{op: "string", pieces: []piece{{text: s}}} }

func (p *parser) postfix() *node { return p.suffixes(p.term()) }

func (p *parser) suffixes(t *node) *node {
	for {
		switch p.tok.kind {
		case tField:
			t = &node{op: "index", a: t, b: literal(p.tok.text)}
			p.next()
		case ".":
			p.next()
			switch p.tok.kind {
			case tStr:
				t = &node{op: "index", a: t, b: &node{op: "string", pieces: p.tok.str}}
				p.next()
			default:
				p.fail("syntax error, unexpected '%s', expecting FORMAT or QQSTRING_START (Unix shell quoting issues?)", p.tok.kind)
			}
		case "?":
			p.next()
			t = &node{op: "try", a: t}
		case "[":
			t = p.bracket(t)
		default:
			return t
		}
	}
}

func (p *parser) bracket(t *node) *node {
	p.next()
	if p.accept("]") {
		return &node{op: "each", a: t}
	}
	if p.accept(":") {
		to := p.pipe()
		p.expect("]")
		return &node{op: "slice", a: t, c: to}
	}
	i := p.pipe()
	if p.accept(":") {
		n := &node{op: "slice", a: t, b: i}
		if p.tok.kind != "]" {
			n.c = p.pipe()
		}
		p.expect("]")
		return n
	}
	p.expect("]")
	return &node{op: "index", a: t, b: i}
}

func (p *parser) term() *node {
	t := p.tok
	switch t.kind {
	case tNum:
		p.next()
		return &node{op: "num", num: t.num}
	case tStr:
		p.next()
		return &node{op: "string", pieces: t.str}
	case tFormat:
		p.next()
		if p.tok.kind == tStr {
			n := &node{op: "string", text: t.text, pieces: p.tok.str}
			p.next()
			return n
		}
		return &node{op: "format", text: t.text}
	case ".":
		p.next()
		switch p.tok.kind {
		case tStr:
			n := &node{op: "index", a: &node{op: "."}, b: &node{op: "string", pieces: p.tok.str}}
			p.next()
			return n
		case "[":
			return p.bracket(&node{op: "."})
		}
		return &node{op: "."}
	case "..":
		p.next()
		return &node{op: "call", text: "recurse"}
	case tField:
		p.next()
		return &node{op: "index", a: &node{op: "."}, b: literal(t.text)}
	case tVar:
		p.next()
		if t.text == "__loc__" {
			line := strings.Count(p.src[:p.pos], "\n") + 1
			return &node{op: "{", entries: []entry{{literal("file"), literal("<top-level>")}, {literal("line"), &node{op: "num", num: float64(line)}}}}
		}
		return &node{op: "var", text: t.text, at: t.at}
	case "(":
		p.next()
		n := p.pipe()
		p.expect(")")
		return n
	case "[":
		p.next()
		if p.accept("]") {
			return &node{op: "[]"}
		}
		n := p.pipe()
		p.expect("]")
		return &node{op: "[", a: n}
	case "{":
		return p.object()
	case tIdent:
		p.next()
		if t.text == "break" {
			return &node{op: "break", text: p.expect(tVar), at: t.at}
		}
		if (t.text == "null" || t.text == "true" || t.text == "false") && p.tok.kind != "(" {
			return &node{op: t.text}
		}
		n := &node{op: "call", text: t.text, at: t.at}
		if p.accept("(") {
			n.args = append(n.args, p.pipe())
			for p.accept(";") {
				n.args = append(n.args, p.pipe())
			}
			p.expect(")")
		}
		return n
	case "if", "reduce", "foreach", "try", "label", "def", "-":
		return p.unary()
	}
	p.unexpected()
	return nil
}

func (p *parser) object() *node {
	p.expect("{")
	n := &node{op: "{"}
	if p.accept("}") {
		return n
	}
	for {
		var e entry
		switch t := p.tok; t.kind {
		case tVar:
			p.next()
			e = entry{literal(t.text), &node{op: "var", text: t.text}}
		case "(":
			p.next()
			e.key = p.pipe()
			p.expect(")")
			p.expect(":")
			e.val = p.objectValue()
		default:
			switch {
			case t.kind == tStr:
				e.key = &node{op: "string", pieces: t.str}
				p.next()
			case t.kind == tFormat:
				p.next()
				e.key = &node{op: "format", text: t.text}
				if p.tok.kind == tStr {
					e.key = &node{op: "string", text: t.text, pieces: p.tok.str}
					p.next()
				}
			case t.kind == tNum:
				p.fail("Object keys must be strings")
			default:
				e.key = literal(p.name())
			}
			if p.accept(":") {
				e.val = p.objectValue()
			} else {
				e.val = &node{op: "index", a: &node{op: "."}, b: e.key}
			}
		}
		n.entries = append(n.entries, e)
		if !p.accept(",") {
			break
		}
	}
	p.expect("}")
	return n
}

// objectValue is a value in an object: terms joined by "|", without a comma.
func (p *parser) objectValue() *node {
	n := p.unary()
	for p.tok.kind == "|" {
		p.next()
		n = &node{op: "|", a: n, b: p.unary()}
	}
	return n
}

package grammar

import (
	"strings"
)

// Parser reads commands. Its fields may be changed between calls of Next.
type Parser struct {
	Lang Lang
	// More gives the next line of input, with its newline if it has one; false at the end.
	More func() (line string, ok bool)
	// Alias looks up an alias; nil for none.
	Alias func(name string) (value string, ok bool)
	// Extglob says that bash's "@(a|b)" patterns are words.
	Extglob bool
	// UTF8 says that the locale has all of Unicode: bash writes other characters of $'\u00e9' as
	// escapes again.
	UTF8 bool
	// Warn is told what bash only warns of; nil to drop it.
	Warn func(line int, text string)
	// Line is the number of the line that is read, from 1 (ash counts the text of -c from 0).
	Line int

	buf    []byte // what More gave and the current command has not outlived
	frames []frame
	eof    bool
	rec    []byte // what was consumed, with aliases replaced
	here   []*Redir
	depth  int
	size   int
	again  int // bytes that were read a second time

	tok       token
	hasTok    bool
	assignOK  bool // the next word may be an assignment with an array
	condStart int  // the line of the [[ that is read
	aliasNext bool // the last alias ended in a blank: the next word is looked up too
}

// frame is a place that characters come from: the input, or an alias's value.
type frame struct {
	text  string // of an alias; the input's is in buf
	pos   int
	alias string
	base  bool
}

// New is a parser of what more gives.
func New(lang Lang, more func() (string, bool)) *Parser {
	return &Parser{Lang: lang, More: more, Line: 1, frames: []frame{{base: true}}}
}

// FromString is a parser of text.
func FromString(lang Lang, text string) *Parser {
	return New(lang, func() (string, bool) {
		if text == "" {
			return "", false
		}
		i := strings.IndexByte(text, '\n') + 1
		if i == 0 {
			i = len(text)
		}
		line := text[:i]
		text = text[i:]
		return line, true
	})
}

const eof = -1

// bail is how the parser leaves its recursion with an error; Next recovers it.
type bail struct{ err *Error }

func (p *Parser) fail(e *Error) {
	e.Lang = p.Lang
	panic(bail{e})
}

func (p *Parser) unterminated(what string, line int) {
	if p.Lang != Bash {
		line = p.Line
	}
	p.fail(&Error{Fault: Unterminated, Token: what, Line: line, EOF: true})
}

func (p *Parser) enter() {
	p.depth++
	if p.depth > MaxDepth {
		p.fail(&Error{Fault: TooDeep, Line: p.Line})
	}
}

func (p *Parser) leave() { p.depth-- }

// state is what a second try at the same text goes back to.
type state struct {
	frames []frame
	line   int
	rec    int
	here   int
	depth  int
	tok    token
	hasTok bool
}

func (p *Parser) save() state {
	return state{append([]frame(nil), p.frames...), p.Line, len(p.rec), len(p.here), p.depth, p.tok, p.hasTok}
}

func (p *Parser) restore(s state) {
	// scripts made for it would have the same text read again and again
	if p.again += max(0, len(p.rec)-s.rec); p.again > 2*MaxCommand {
		p.fail(&Error{Fault: TooLong, Line: p.Line})
	}
	p.frames = append(p.frames[:0], s.frames...)
	p.Line, p.rec, p.here, p.depth, p.tok, p.hasTok = s.line, p.rec[:s.rec], p.here[:s.here], s.depth, s.tok, s.hasTok
}

// at is the character i places ahead in the current frame, or eof; it reads more input if it must.
func (p *Parser) at(i int) int {
	for {
		f := &p.frames[len(p.frames)-1]
		if !f.base {
			if f.pos+i < len(f.text) {
				return int(f.text[f.pos+i])
			}
			if i > 0 {
				return eof
			}
			if strings.HasSuffix(strings.TrimSuffix(f.text, " "), " ") || strings.HasSuffix(strings.TrimSuffix(f.text, " "), "\t") {
				p.aliasNext = true
			}
			p.frames = p.frames[:len(p.frames)-1]
			continue
		}
		if f.pos+i < len(p.buf) {
			return int(p.buf[f.pos+i])
		}
		if p.eof || p.More == nil {
			return eof
		}
		line, ok := p.More()
		if !ok {
			p.eof = true
			if n := len(p.buf); p.Lang == Bash && n > 0 && p.buf[n-1] != '\n' {
				p.buf = append(p.buf, '\n') // bash ends every line
				continue
			}
			return eof
		}
		p.size += len(line)
		if p.size > MaxCommand {
			p.fail(&Error{Fault: TooLong, Line: p.Line})
		}
		p.buf = append(p.buf, line...)
	}
}

// raw takes one character as it stands.
func (p *Parser) raw() int {
	c := p.at(0)
	if c == eof {
		return eof
	}
	f := &p.frames[len(p.frames)-1]
	f.pos++
	if c == '\n' && f.base {
		p.Line++
	}
	p.rec = append(p.rec, byte(c))
	return c
}

// peek is the next character after line continuations.
func (p *Parser) peek() int {
	for {
		c := p.at(0)
		if c != '\\' || p.at(1) != '\n' {
			return c
		}
		f := &p.frames[len(p.frames)-1]
		f.pos += 2
		if f.base {
			p.Line++
		}
	}
}

// next takes the next character after line continuations.
func (p *Parser) next() int {
	p.peek()
	return p.raw()
}

// take takes the next character if it is c.
func (p *Parser) take(c int) bool {
	if p.peek() == c {
		p.raw()
		return true
	}
	return false
}

type kind uint8

const (
	tEOF kind = iota
	tNewline
	tWord
	tOp
	tRedir
)

type token struct {
	kind  kind
	op    string // of tOp and tRedir
	word  *Word
	line  int
	start int // where it begins in buf
	fd    int // of tRedir: -1 for none
	fdvar string
	rec   int // where it begins in rec
	end   int // the line that it ends in
}

// name is the token as the shell's errors have it.
func (p *Parser) name(t token) string {
	if p.Lang == Bash {
		switch t.kind {
		case tEOF:
			return "end of file"
		case tNewline:
			return "newline"
		case tWord:
			return t.word.Src
		case tRedir:
			if t.fd >= 0 {
				return string(rune('0' + t.fd%10))
			}
		}
		return t.op
	}
	switch t.kind {
	case tEOF:
		return "end of file"
	case tNewline:
		return "newline"
	case tWord:
		if text, ok := t.word.Literal(); ok && reserved(p.Lang, text) {
			return `"` + text + `"`
		}
		return "word"
	case tRedir:
		return "redirection"
	}
	return `"` + t.op + `"`
}

// unexpected fails at a token. want is what ash and dash would have liked, or "".
func (p *Parser) unexpected(t token, want string) {
	line := p.Line
	if p.Lang == Bash {
		line = t.line
	}
	p.fail(&Error{Fault: Unexpected, Token: p.name(t), EOF: t.kind == tEOF, Want: want, Line: line, Text: p.lineAt(t.start)})
}

// lineAt is the line of the input around an offset in buf.
func (p *Parser) lineAt(at int) string {
	at = max(0, min(at, len(p.buf)))
	from := strings.LastIndexByte(string(p.buf[:at]), '\n') + 1
	line, _, _ := strings.Cut(string(p.buf[from:]), "\n")
	return line
}

func (p *Parser) token() token {
	if p.hasTok {
		return p.tok
	}
	p.tok = p.lex()
	p.hasTok = true
	p.tok.end = p.Line
	if p.tok.kind == tNewline {
		p.tok.end = p.tok.line
	}
	return p.tok
}

func (p *Parser) drop() token {
	t := p.token()
	p.hasTok = false
	return t
}

// command is the next token where a command may begin: aliases are replaced.
func (p *Parser) command() token {
	p.assignOK = true
	for {
		t := p.token()
		if t.kind != tWord || p.Alias == nil {
			return t
		}
		name, ok := t.word.Literal()
		if !ok || reserved(p.Lang, name) || !p.alias(name) {
			return t
		}
	}
}

// alias replaces the token just read by the alias's value, if it is one and is not being replaced.
func (p *Parser) alias(name string) bool {
	if p.Alias == nil || len(p.frames) > 64 {
		return false
	}
	for _, f := range p.frames {
		if !f.base && f.alias == name {
			return false
		}
	}
	value, ok := p.Alias(name)
	if !ok {
		return false
	}
	p.hasTok = false
	p.rec = p.rec[:p.tok.rec]
	p.frames = append(p.frames, frame{text: value + " ", alias: name})
	return true
}

func (p *Parser) lex() token {
	for {
		switch c := p.peek(); c {
		case ' ', '\t':
			p.raw()
			continue
		case '#':
			for c := p.at(0); c != '\n' && c != eof; c = p.at(0) {
				p.raw()
			}
			continue
		}
		break
	}
	t := token{line: p.Line, fd: -1, start: p.frames[0].pos, rec: len(p.rec)}
	c := p.peek()
	op := func(s string) token { t.kind, t.op = tOp, s; return t }
	redir := func(s string) token { t.kind, t.op = tRedir, s; return t }
	bash := p.Lang == Bash
	switch c {
	case eof:
		return t
	case '\n':
		p.raw()
		t.kind = tNewline
		p.readHere()
		return t
	case '&':
		p.raw()
		switch {
		case p.take('&'):
			return op("&&")
		case p.Lang != Dash && p.peek() == '>':
			p.raw()
			if p.take('>') {
				return redir("&>>")
			}
			return redir("&>")
		}
		return op("&")
	case '|':
		p.raw()
		switch {
		case p.take('|'):
			return op("||")
		case bash && p.take('&'):
			return op("|&")
		}
		return op("|")
	case ';':
		p.raw()
		switch {
		case p.take(';'):
			if bash && p.take('&') {
				return op(";;&")
			}
			return op(";;")
		case bash && p.take('&'):
			return op(";&")
		}
		return op(";")
	case '(':
		p.raw()
		return op("(")
	case ')':
		p.raw()
		return op(")")
	case '<', '>':
		if p.Lang == Dash || p.at(1) != '(' {
			return redir(p.redirOp())
		}
	}
	t.kind = tWord
	t.word = p.word(inWord)
	// a number or {name} that touches a redirection belongs to it
	if c := p.peek(); c == '<' || c == '>' {
		if text, ok := t.word.Literal(); ok && text == t.word.Src {
			if fd, ok := fdNumber(text); ok {
				t.fd = fd
				return redir(p.redirOp())
			}
			if bash && len(text) > 2 && text[0] == '{' && text[len(text)-1] == '}' && isVarRef(text[1:len(text)-1]) {
				t.fdvar = text[1 : len(text)-1]
				return redir(p.redirOp())
			}
		}
	}
	return t
}

// isVarRef says whether text is a name, or a name with an index.
func isVarRef(text string) bool {
	if i := strings.IndexByte(text, '['); i > 0 && text[len(text)-1] == ']' {
		text = text[:i]
	}
	return IsName(text)
}

func fdNumber(s string) (int, bool) {
	if s == "" || len(s) > 4 {
		return 0, false
	}
	n := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, true
}

func (p *Parser) redirOp() string {
	if p.next() == '<' {
		switch {
		case p.take('<'):
			if p.Lang == Bash && p.take('<') {
				return "<<<"
			}
			if p.take('-') {
				return "<<-"
			}
			return "<<"
		case p.take('&'):
			return "<&"
		case p.take('>'):
			return "<>"
		}
		return "<"
	}
	switch {
	case p.take('>'):
		return ">>"
	case p.take('&'):
		return ">&"
	case p.take('|'):
		return ">|"
	}
	return ">"
}

// readHere reads the documents that were announced on the line that just ended.
func (p *Parser) readHere() {
	pending := p.here
	p.here = nil
	for _, r := range pending {
		delim, _, ok := r.Word.Static()
		if !ok {
			delim = r.Word.Src
		}
		var body strings.Builder
		start, joined := p.Line, false
		for {
			if p.at(0) == eof {
				if p.Warn != nil && p.Lang == Bash {
					p.Warn(p.Line-1, "here-document at line "+itoa(r.Line)+" delimited by end-of-file (wanted `"+delim+"')")
				}
				break
			}
			var line strings.Builder
			for {
				c := p.raw()
				if c == eof {
					break
				}
				line.WriteByte(byte(c))
				if c == '\n' {
					break
				}
			}
			text := line.String()
			if r.Op == "<<-" && !joined {
				text = strings.TrimLeft(text, "\t")
			}
			if !joined && strings.TrimSuffix(text, "\n") == delim {
				break
			}
			joined = false
			if !r.Quote && strings.HasSuffix(text, "\\\n") {
				cut := strings.TrimSuffix(text, "\n")
				joined = (len(cut)-len(strings.TrimRight(cut, `\`)))%2 == 1
			}
			body.WriteString(text)
		}
		if r.Quote {
			r.Here = &Word{Line: start, Parts: []Part{&Quoted{body.String()}}}
			continue
		}
		sub := p.sub(body.String(), start)
		r.Here = &Word{Line: start, Parts: sub.parts(inHere)}
	}
}

// sub is a parser of text that stands inside of what p parses.
func (p *Parser) sub(text string, line int) *Parser {
	q := FromString(p.Lang, text)
	q.Alias, q.Extglob, q.UTF8, q.Warn, q.Line, q.depth = p.Alias, p.Extglob, p.UTF8, p.Warn, line, p.depth
	return q
}

func itoa(n int) string {
	if n < 0 {
		return "-" + itoa(-n)
	}
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + string(rune('0'+n%10))
}

func nameStart(c int) bool { return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
func digit(c int) bool     { return c >= '0' && c <= '9' }
func nameChar(c int) bool  { return nameStart(c) || digit(c) }

// IsName says whether s can be the name of a variable.
func IsName(s string) bool {
	if s == "" || !nameStart(int(s[0])) {
		return false
	}
	for i := range len(s) {
		if !nameChar(int(s[i])) {
			return false
		}
	}
	return true
}

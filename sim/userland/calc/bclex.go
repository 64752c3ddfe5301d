package calc

import (
	"io"
	"slices"
	"strings"

	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

type tokenKind uint8

const (
	tokEOF tokenKind = iota
	tokNewline
	tokNumber
	tokName
	tokKeyword
	tokString
	tokOp
)

type token struct {
	kind tokenKind
	text string // a string without its quotes
	rest string // of the line, from the token on: what Busybox's errors show
}

func (t token) is(op string) bool     { return t.kind == tokOp && t.text == op }
func (t token) keyword(k string) bool { return t.kind == tokKeyword && t.text == k }
func (t token) endsStatement() bool {
	return t.kind == tokNewline || t.kind == tokEOF || t.is(";") || t.is("}")
}
func (t token) beginsOperand() bool {
	return t.kind >= tokNumber && t.kind <= tokString || t.is("(") || t.is("!") || t.is(".")
}
func (t token) assigns() (string, bool) {
	switch t.text {
	case "=", "+=", "-=", "*=", "/=", "%=", "^=":
		return strings.TrimSuffix(t.text, "="), t.kind == tokOp
	}
	return "", false
}

var bcKeywords = []string{"auto", "break", "continue", "define", "else", "for", "halt", "ibase", "if", "last", "length",
	"limits", "obase", "print", "quit", "read", "return", "scale", "sqrt", "while"}

// source gives the lines of one script, each with its newline if it has one.
type source struct {
	name string // of the file; "" is standard input
	next func() (string, error)
	line int
}

// lexer takes bc's script apart. Lines are read as they are needed: what follows a statement on
// standard input is read()'s.
type lexer struct {
	c    *prog.Ctx
	src  *source
	buf  string
	tok  token
	err  error // of reading
	gnu  bool
	work *work
	warn func(posix, word, rest string) error // a word that POSIX's bc does not have was met
}

var bcOps = []string{"++", "--", "+=", "-=", "*=", "/=", "%=", "^=", "==", "<=", ">=", "!=", "&&", "||",
	"+", "-", "*", "/", "%", "^", "=", "<", ">", "!", "(", ")", "[", "]", "{", "}", ";", ",", "."}

// lexError is a fault of the text, in Busybox's words.
type lexError struct {
	msg string
	bad byte // the character that GNU's bc calls illegal
}

func (e *lexError) Error() string { return e.msg }

func (l *lexer) fill() bool {
	if l.err != nil {
		return false
	}
	s, err := l.src.next()
	if err != nil && s == "" {
		l.err = err
		return false
	}
	l.buf = s
	return true
}

// next moves to the next token.
func (l *lexer) next() error {
	l.work.tick(1)
	for {
		if l.buf == "" && !l.fill() {
			l.tok = token{kind: tokEOF}
			if l.err != io.EOF {
				return l.err
			}
			return nil
		}
		switch ch := l.buf[0]; {
		case ch == '\n':
			l.tok = token{kind: tokNewline}
			l.buf = ""
			l.src.line++
			return nil
		case ch == ' ', ch == '\t', ch == '\r' && !l.gnu:
			l.buf = l.buf[1:]
			continue
		case strings.HasPrefix(l.buf, "\\\n"):
			l.buf = ""
			l.src.line++
			continue
		case ch == '#':
			if err := l.warn("POSIX does not allow '#' script comments", "comment", ""); err != nil {
				return err
			}
			l.buf = l.buf[len(strings.TrimRight(l.buf, "\n")):]
			continue
		case strings.HasPrefix(l.buf, "/*"):
			l.buf = l.buf[2:]
			for {
				if i := strings.Index(l.buf, "*/"); i >= 0 {
					l.buf = l.buf[i+2:]
					break
				}
				l.src.line++
				if !l.fill() {
					return &lexError{msg: "unterminated comment"}
				}
			}
			continue
		case ch == '"':
			rest := l.buf
			var text strings.Builder
			for l.buf = l.buf[1:]; ; {
				if i := strings.IndexByte(l.buf, '"'); i >= 0 {
					text.WriteString(l.buf[:i])
					l.buf = l.buf[i+1:]
					break
				}
				text.WriteString(l.buf)
				l.src.line++
				if text.Len() > 1<<20 || !l.fill() {
					l.buf = ""
					return &lexError{msg: "unterminated string", bad: '"'}
				}
			}
			l.set(tokString, text.String(), rest)
			return nil
		case isDigit(ch) || ch == '.' && len(l.buf) > 1 && isDigit(l.buf[1]) && (l.gnu || l.buf[1] <= '9'):
			rest, text, point := l.buf, []byte{}, false
			for i := 0; ; {
				switch {
				case strings.HasPrefix(l.buf[i:], "\\\n"):
					l.src.line++
					l.buf, i = "", 0
					l.fill()
					continue
				case i < len(l.buf) && (isDigit(l.buf[i]) || l.buf[i] == '.' && !point):
					point = point || l.buf[i] == '.'
					text = append(text, l.buf[i])
					i++
					continue
				}
				l.buf = l.buf[i:]
				break
			}
			l.set(tokNumber, string(text), rest)
			return nil
		case ch >= 'a' && ch <= 'z':
			i := 1
			for i < len(l.buf) && (l.buf[i] >= 'a' && l.buf[i] <= 'z' || l.buf[i] >= '0' && l.buf[i] <= '9' || l.buf[i] == '_') {
				i++
			}
			rest, name := l.buf, l.buf[:i]
			l.buf = l.buf[i:]
			if slices.Contains(bcKeywords, name) || l.gnu && (name == "warranty" || name == "void") {
				l.set(tokKeyword, name, rest)
				switch name {
				case "continue", "else", "halt", "last", "limits", "print", "read":
					return l.warn("POSIX does not allow the '"+name+"' keyword", name, rest)
				}
				return nil
			}
			l.set(tokName, name, rest)
			if len(name) > 1 {
				return l.warn("POSIX only allows one character names; this is bad: '"+strings.TrimSuffix(rest, "\n")+"'", "name", name)
			}
			return nil
		default:
			i := slices.IndexFunc(bcOps, func(op string) bool { return strings.HasPrefix(l.buf, op) })
			if i < 0 {
				l.buf = l.buf[1:]
				return &lexError{msg: "bad character '" + string([]byte{ch}) + "'", bad: ch}
			}
			l.set(tokOp, bcOps[i], l.buf)
			l.buf = l.buf[len(bcOps[i]):]
			switch bcOps[i] {
			case "&&", "||", "!":
				return l.warn("POSIX does not allow boolean operators; this is bad: "+bcOps[i], bcOps[i], "")
			}
			return nil
		}
	}
}

func (l *lexer) set(k tokenKind, text, rest string) {
	rest, _, _ = strings.Cut(rest, "\n")
	l.tok = token{k, text, rest}
}

// dropLine forgets the rest of the line, as GNU's bc does after an error.
func (l *lexer) dropLine() {
	if l.tok.kind != tokNewline && l.buf != "" {
		l.src.line++
	}
	l.buf = ""
	l.tok = token{kind: tokNewline}
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' }

package awk

import (
	"strconv"
	"strings"
)

type token uint8

const (
	tEOF token = iota
	tNewline
	tNumber
	tString
	tRegex
	tName
	tFuncName // a name directly before "("
	tBuiltin
	tKeyword
	tOp // text holds it
	tBad
)

var keywords = map[string]bool{
	"BEGIN": true, "END": true, "function": true, "func": true, "if": true, "else": true, "while": true, "for": true, "do": true, "break": true, "continue": true,
	"next": true, "nextfile": true, "exit": true, "return": true, "delete": true, "in": true, "getline": true, "print": true, "printf": true, "switch": false,
}

var commonBuiltins = []string{"length", "substr", "index", "split", "sub", "gsub", "match", "sprintf", "sin", "cos", "atan2", "exp", "log", "sqrt", "int", "rand", "srand",
	"tolower", "toupper", "system", "close", "fflush", "systime", "strftime", "mktime"}

var busyboxBuiltins = []string{"and", "or", "xor", "compl", "lshift", "rshift", "gensub"}

type lexer struct {
	src      string
	pos      int
	line     int
	dialect  Dialect
	builtins map[string]bool
	// the current token
	tok     token
	text    string
	num     float64
	at      int // its line
	last    token
	lastTxt string
	spaced  bool // white space stood before it
}

func newLexer(src string, d Dialect) *lexer {
	l := &lexer{src: src, line: 1, dialect: d, builtins: map[string]bool{}}
	for _, b := range commonBuiltins {
		l.builtins[b] = true
	}
	if d == Busybox {
		for _, b := range busyboxBuiltins {
			l.builtins[b] = true
		}
	}
	return l
}

func letter(c byte) bool { return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' }
func digit(c byte) bool  { return c >= '0' && c <= '9' }

// divides tells whether a slash after the last token is a division.
func (l *lexer) divides() bool {
	switch l.tok {
	case tNumber, tString, tName, tRegex:
		return true
	case tBuiltin:
		return l.text == "length"
	case tOp:
		return l.text == ")" || l.text == "]" || l.text == "$" || l.text == "++" || l.text == "--"
	}
	return false
}

// next reads the next token.
func (l *lexer) next() {
	slashDivides := l.divides()
	l.last, l.lastTxt = l.tok, l.text
	l.spaced = false
	for l.pos < len(l.src) {
		switch c := l.src[l.pos]; {
		case c == ' ' || c == '\t' || c == '\r':
			l.pos++
			l.spaced = true
			continue
		case c == '\\' && strings.HasPrefix(l.src[l.pos:], "\\\n"):
			l.pos += 2
			l.line++
			continue
		case c == '\\' && strings.HasPrefix(l.src[l.pos:], "\\\r\n"):
			l.pos += 3
			l.line++
			continue
		case c == '#':
			for l.pos < len(l.src) && l.src[l.pos] != '\n' {
				l.pos++
			}
			continue
		}
		break
	}
	l.at = l.line
	if l.pos >= len(l.src) {
		l.tok, l.text = tEOF, ""
		return
	}
	start := l.pos
	c := l.src[l.pos]
	switch {
	case c == '\n':
		l.pos++
		l.line++
		l.tok, l.text = tNewline, "\n"
	case letter(c):
		for l.pos < len(l.src) && (letter(l.src[l.pos]) || digit(l.src[l.pos])) {
			l.pos++
		}
		l.text = l.src[start:l.pos]
		switch {
		case keywords[l.text]:
			l.tok = tKeyword
		case l.builtins[l.text]:
			l.tok = tBuiltin
		case l.pos < len(l.src) && l.src[l.pos] == '(':
			l.tok = tFuncName
		default:
			l.tok = tName
		}
	case digit(c) || c == '.' && l.pos+1 < len(l.src) && digit(l.src[l.pos+1]):
		l.number()
	case c == '"':
		l.string()
	case c == '/' && !slashDivides:
		l.regex()
	default:
		l.operator()
	}
}

func (l *lexer) number() {
	s := l.src[l.pos:]
	n, w := 0.0, 0
	if l.dialect == Busybox {
		n, w = busyboxNumber(s)
	} else {
		n, w = decimal(s)
		if w == 0 {
			l.tok, l.text = tBad, s[:1]
			l.pos++
			return
		}
	}
	l.tok, l.num, l.text = tNumber, n, s[:w]
	l.pos += w
}

// decimal reads a decimal number at the beginning of s and gives its length.
func decimal(s string) (float64, int) {
	i := 0
	for i < len(s) && digit(s[i]) {
		i++
	}
	digits := i
	if i < len(s) && s[i] == '.' {
		i++
		for i < len(s) && digit(s[i]) {
			i++
			digits++
		}
	}
	if digits == 0 {
		return 0, 0
	}
	if i < len(s) && s[i]|0x20 == 'e' {
		j := i + 1
		if j < len(s) && (s[j] == '+' || s[j] == '-') {
			j++
		}
		if j < len(s) && digit(s[j]) {
			for j < len(s) && digit(s[j]) {
				j++
			}
			i = j
		}
	}
	v, _ := strconv.ParseFloat(strings.TrimSuffix(s[:i], "."), 64)
	return v, i
}

// busyboxNumber is decimal, with 0x11 and 011 read as C does.
func busyboxNumber(s string) (float64, int) {
	if len(s) > 1 && s[0] == '0' && (digit(s[1]) || s[1]|0x20 == 'x') {
		base, i := 8, 1
		if s[1]|0x20 == 'x' {
			base, i = 16, 2
		}
		v, start := 0.0, i
		for i < len(s) {
			d, err := strconv.ParseUint(s[i:i+1], base, 8)
			if err != nil {
				break
			}
			v = v*float64(base) + float64(d)
			i++
		}
		if i > start && (i >= len(s) || s[i] != '.' && s[i]|0x20 != 'e' && !digit(s[i])) {
			return v, i
		}
	}
	return decimal(s)
}

func (l *lexer) string() {
	var b strings.Builder
	i := l.pos + 1
	for {
		if i >= len(l.src) || l.src[i] == '\n' && l.dialect == Mawk {
			l.tok, l.text = tBad, "\""
			end := strings.IndexByte(l.src[l.pos:], '\n')
			if end < 0 {
				end = len(l.src) - l.pos
			}
			l.text = l.src[l.pos : l.pos+end]
			l.num = 1 // an open string
			l.pos += end
			return
		}
		c := l.src[i]
		if c == '"' {
			break
		}
		if c == '\n' {
			l.line++
		}
		if c == '\\' && i+1 < len(l.src) {
			if l.src[i+1] == '\n' {
				l.line++
				if l.dialect == Busybox {
					b.WriteByte('\n')
				}
				i += 2
				continue
			}
			s, n := escape(l.src[i+1:], l.dialect)
			b.WriteString(s)
			i += 1 + n
			continue
		}
		b.WriteByte(c)
		i++
	}
	l.tok, l.text = tString, b.String()
	l.pos = i + 1
}

// escape reads what follows a backslash in a string.
func escape(s string, d Dialect) (string, int) {
	if k := strings.IndexByte("\"\\/abfnrtv", s[0]); k >= 0 && !(s[0] == '/' && d == Mawk) {
		return "\"\\/\a\b\f\n\r\t\v"[k : k+1], 1
	}
	v, n := 0, 0
	for n < 3 && n < len(s) && s[n] >= '0' && s[n] <= '7' {
		v = v*8 + int(s[n]-'0')
		n++
	}
	if n > 0 {
		return string([]byte{byte(v)}), n
	}
	if s[0] == 'x' && len(s) > 1 {
		if h, err := strconv.ParseUint(s[1:min(len(s), 3)], 16, 8); err == nil {
			return string([]byte{byte(h)}), min(len(s), 3)
		}
		if h, err := strconv.ParseUint(s[1:2], 16, 8); err == nil {
			return string([]byte{byte(h)}), 2
		}
	}
	if d == Busybox {
		return s[:1], 1
	}
	return "\\" + s[:1], 1
}

// unescape replaces the escapes of a whole string, as -v and assignments have them.
func unescape(s string, d Dialect) string {
	if !strings.Contains(s, "\\") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		t, n := escape(s[i+1:], d)
		b.WriteString(t)
		i += n
	}
	return b.String()
}

func (l *lexer) regex() {
	i := l.pos + 1
	var b strings.Builder
	bracket := false
	start := 0
	for {
		if i >= len(l.src) || l.src[i] == '\n' {
			l.tok, l.text, l.num = tBad, l.src[l.pos:i], 2
			l.pos = i
			return
		}
		c := l.src[i]
		switch {
		case c == '\\' && i+1 < len(l.src):
			if l.src[i+1] == '/' {
				b.WriteByte('/')
			} else {
				b.WriteString(l.src[i : i+2])
			}
			i += 2
			continue
		case bracket:
			if c == ']' && i > start+1 && !(i == start+2 && l.src[start+1] == '^') {
				bracket = false
			}
		case c == '[' && (l.dialect == Mawk || strings.Contains(l.src[i:], "]")):
			bracket, start = true, i
		case c == '/':
			l.tok, l.text = tRegex, b.String()
			l.pos = i + 1
			return
		}
		b.WriteByte(c)
		i++
	}
}

var operators = []string{"**=", "**", "+=", "-=", "*=", "/=", "%=", "^=", "==", "<=", ">=", "!=", "++", "--", "&&", "||", ">>", "!~"}

func (l *lexer) operator() {
	rest := l.src[l.pos:]
	for _, op := range operators {
		if strings.HasPrefix(rest, op) {
			if op[0] == '*' && op[1] == '*' && l.dialect == Mawk {
				continue
			}
			l.tok, l.text = tOp, op
			if op == "**" {
				l.text = "^"
			} else if op == "**=" {
				l.text = "^="
			}
			l.pos += len(op)
			return
		}
	}
	l.tok, l.text = tOp, rest[:1]
	if strings.IndexByte("{}()[];,+-*/%^!<>|?:~$=", rest[0]) < 0 {
		l.tok = tBad
		l.num = 0
	}
	l.pos++
}

// IsName says whether s is the name of a variable.
func IsName(s string) bool {
	for i := range len(s) {
		if !letter(s[i]) && (i == 0 || !digit(s[i])) {
			return false
		}
	}
	return s != ""
}

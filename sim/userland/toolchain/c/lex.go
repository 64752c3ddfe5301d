package c

import (
	"fmt"
	"strings"
)

type kind uint8

const (
	end kind = iota
	name
	number
	char
	text
	punct
	newline // only while preprocessing
	header  // <stdio.h>, in an include
)

// token is one of C's, with the place that it was written at.
type token struct {
	kind  kind
	text  string // as it is written; of text and char, what it stands for
	src   *source
	line  int
	col   int
	width int
	blank bool // white space before it
	first bool // the first of its line
	hide  []string
}

// source is a file as it was read.
type source struct {
	name  string
	lines []string
}

func (t token) fail(kind, format string, a ...any) *Error {
	e := &Error{Kind: kind, Text: fmt.Sprintf(format, a...), Width: max(1, t.width), Line: t.line, Col: t.col}
	if t.src != nil {
		e.File = t.src.name
		if t.line >= 1 && t.line <= len(t.src.lines) {
			e.Source = t.src.lines[t.line-1]
		}
	}
	return e
}

var puncts = []string{"...", "<<=", ">>=", "->", "++", "--", "<<", ">>", "<=", ">=", "==", "!=", "&&", "||", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "##",
	"[", "]", "(", ")", "{", "}", ".", "&", "*", "+", "-", "~", "!", "/", "%", "<", ">", "^", "|", "?", ":", ";", "=", ",", "#", "\\"}

// lex cuts a file into tokens, with a newline token at the end of each line.
func lex(fileName, content string) ([]token, *Error) {
	src := &source{name: fileName, lines: strings.Split(content, "\n")}
	var out []token
	line, col := 1, 1
	i := 0
	blank, first := false, true
	step := func(n int) {
		for range n {
			if i < len(content) && content[i] == '\n' {
				line, col = line+1, 0
			}
			i++
			col++
		}
	}
	for i < len(content) {
		ch := content[i]
		rest := content[i:]
		at := token{src: src, line: line, col: col, width: 1, blank: blank, first: first}
		switch {
		case ch == '\n':
			at.kind = newline
			out = append(out, at)
			step(1)
			blank, first = false, true
			continue
		case strings.HasPrefix(rest, "\\\n"):
			step(2)
			continue
		case strings.HasPrefix(rest, "\\\r\n"):
			step(3)
			continue
		case ch == ' ' || ch == '\t' || ch == '\r' || ch == '\f' || ch == '\v':
			step(1)
			blank = true
			continue
		case strings.HasPrefix(rest, "//"):
			n := strings.IndexByte(rest, '\n')
			if n < 0 {
				n = len(rest)
			}
			step(n)
			blank = true
			continue
		case strings.HasPrefix(rest, "/*"):
			n := strings.Index(rest[2:], "*/")
			if n < 0 {
				return nil, at.fail("error", "unterminated comment")
			}
			step(n + 4)
			blank = true
			continue
		case letter(ch):
			n := 1
			for n < len(rest) && (letter(rest[n]) || digit(rest[n])) {
				n++
			}
			at.kind, at.text = name, rest[:n]
		case digit(ch) || ch == '.' && len(rest) > 1 && digit(rest[1]):
			n := 1
			for n < len(rest) && (letter(rest[n]) || digit(rest[n]) || rest[n] == '.' || (rest[n] == '+' || rest[n] == '-') && strings.IndexByte("eEpP", rest[n-1]) >= 0) {
				n++
			}
			at.kind, at.text = number, rest[:n]
		case ch == '"' || ch == '\'':
			value, n, msg := quoted(rest)
			at.width = max(1, n)
			if msg != "" {
				return nil, at.fail("error", "%s", msg)
			}
			at.kind, at.text = text, value
			if ch == '\'' {
				at.kind = char
				if value == "" {
					return nil, at.fail("error", "empty character constant")
				}
				if len(value) > 1 {
					return nil, at.fail("sorry, unimplemented", "a character constant of more than one byte")
				}
			}
			step(n)
			out = append(out, at)
			blank, first = false, false
			continue
		default:
			for _, p := range puncts {
				if strings.HasPrefix(rest, p) {
					at.kind, at.text = punct, p
					break
				}
			}
			if at.text == "" {
				return nil, at.fail("error", "stray '\\%o' in program", ch)
			}
		}
		at.width = len(at.text)
		step(len(at.text))
		out = append(out, at)
		blank, first = false, false
	}
	if len(out) > 0 && out[len(out)-1].kind != newline {
		out = append(out, token{kind: newline, src: src, line: line, col: col})
	}
	return out, nil
}

func letter(ch byte) bool { return ch == '_' || ch|0x20 >= 'a' && ch|0x20 <= 'z' }
func digit(ch byte) bool  { return ch >= '0' && ch <= '9' }

// quoted reads a string or character constant: what it stands for, and its length as written.
func quoted(s string) (value string, n int, msg string) {
	q := s[0]
	var b strings.Builder
	for n = 1; n < len(s); n++ {
		switch ch := s[n]; {
		case ch == q:
			return b.String(), n + 1, ""
		case ch == '\n':
			return "", n, fmt.Sprintf("missing terminating %c character", q)
		case ch != '\\':
			b.WriteByte(ch)
		default:
			n++
			if n == len(s) {
				break
			}
			if i := strings.IndexByte("abfnrtv\\'\"?e", s[n]); i >= 0 {
				b.WriteByte("\a\b\f\n\r\t\v\\'\"?\x1b"[i])
				continue
			}
			switch {
			case s[n] == '\n':
			case s[n] == 'x':
				v, k := 0, n+1
				for k < len(s) && hex(s[k]) >= 0 {
					v = (v<<4 | hex(s[k])) & 0xff
					k++
				}
				if k == n+1 {
					return "", k, "\\x used with no following hex digits"
				}
				b.WriteByte(byte(v))
				n = k - 1
			case s[n] >= '0' && s[n] <= '7':
				v, k := 0, n
				for k < len(s) && k < n+3 && s[k] >= '0' && s[k] <= '7' {
					v = v<<3 | int(s[k]-'0')
					k++
				}
				b.WriteByte(byte(v))
				n = k - 1
			default:
				b.WriteByte(s[n])
			}
		}
	}
	return "", n, fmt.Sprintf("missing terminating %c character", q)
}

func hex(ch byte) int {
	switch {
	case digit(ch):
		return int(ch - '0')
	case ch|0x20 >= 'a' && ch|0x20 <= 'f':
		return int(ch|0x20-'a') + 10
	}
	return -1
}

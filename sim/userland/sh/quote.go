package sh

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// quoteAlways quotes text as ${x@Q} does.
func (s *shell) quoteAlways(t string) string {
	if s.needsANSI(t) {
		return s.ansiQuote(t)
	}
	return "'" + strings.ReplaceAll(t, "'", `'\''`) + "'"
}

// quoteSingle quotes as ash and dash do: 'it'"'"'s'.
func quoteSingle(t string) string {
	if !strings.Contains(t, "'") {
		return "'" + t + "'"
	}
	var b strings.Builder
	for t != "" {
		i := strings.IndexByte(t, '\'')
		if i < 0 {
			i = len(t)
		}
		if i > 0 {
			b.WriteString("'" + t[:i] + "'")
			t = t[i:]
		}
		j := 0
		for j < len(t) && t[j] == '\'' {
			j++
		}
		if j > 0 {
			b.WriteString(`"` + t[:j] + `"`)
			t = t[j:]
		}
	}
	return b.String()
}

// needsANSI says whether t has characters that cannot be printed in the shell's locale.
func (s *shell) needsANSI(t string) bool {
	for i := range len(t) {
		if t[i] < 32 || t[i] == 127 {
			return true
		}
	}
	return !isASCII(t) && (!s.utf8() || !utf8.ValidString(t))
}

func isASCII(t string) bool {
	for i := range len(t) {
		if t[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// ansiQuote is $'...'.
func (s *shell) ansiQuote(t string) string {
	var b strings.Builder
	wide := s.utf8()
	b.WriteString("$'")
	for len(t) > 0 {
		r, w := utf8.DecodeRuneInString(t)
		c := t[0]
		switch {
		case c == 7:
			b.WriteString(`\a`)
		case c == 8:
			b.WriteString(`\b`)
		case c == 9:
			b.WriteString(`\t`)
		case c == 10:
			b.WriteString(`\n`)
		case c == 11:
			b.WriteString(`\v`)
		case c == 12:
			b.WriteString(`\f`)
		case c == 13:
			b.WriteString(`\r`)
		case c == 27:
			b.WriteString(`\E`)
		case c == '\'' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < 32 || c == 127 || c >= utf8.RuneSelf && !wide || r == utf8.RuneError && w == 1:
			fmt.Fprintf(&b, `\%03o`, c)
			w = 1
		default:
			b.WriteString(t[:w])
		}
		t = t[w:]
	}
	b.WriteByte('\'')
	return b.String()
}

// doubleQuote quotes as declare -p does.
func (s *shell) doubleQuote(t string) string {
	if s.needsANSI(t) {
		return s.ansiQuote(t)
	}
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(t) {
		if strings.IndexByte("\"\\$`", t[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(t[i])
	}
	b.WriteByte('"')
	return b.String()
}

// traceQuote quotes for set -x in bash: a word with a character that is special to the shell stands
// in plain quotes, whatever else is in it.
func (s *shell) traceQuote(t string) string {
	if t == "" || plainWord(t, "%+,-./:=@_^") {
		return s.quoteIfNeeded(t)
	}
	for i := range len(t) {
		if strings.IndexByte(" \t\n'\"\\|&;()<>!{}*[]?$`", t[i]) >= 0 {
			return "'" + strings.ReplaceAll(t, "'", `'\''`) + "'"
		}
	}
	return s.quoteIfNeeded(t)
}

// quoteIfNeeded quotes for set in bash: plain words stay as they are.
func (s *shell) quoteIfNeeded(t string) string {
	if t == "" {
		return "''"
	}
	if s.needsANSI(t) {
		return s.ansiQuote(t)
	}
	if plainWord(t, "%+,-./:=@_^") {
		return t
	}
	return "'" + strings.ReplaceAll(t, "'", `'\''`) + "'"
}

func plainWord(t, also string) bool {
	for i := range len(t) {
		c := t[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte(also, c) >= 0 || c >= 0x80) {
			if c == '#' && i > 0 || c == '~' && i > 0 {
				continue
			}
			return false
		}
	}
	return true
}

// quoteBackslash is printf %q.
func (s *shell) quoteBackslash(t string) string {
	if t == "" {
		return "''"
	}
	if s.needsANSI(t) {
		return s.ansiQuote(t)
	}
	var b strings.Builder
	for i := range len(t) {
		c := t[i]
		if strings.IndexByte(" \t\n'\"\\|&;()<>!{}*[]?^$`,", c) >= 0 || (c == '#' || c == '~') && i == 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
	return b.String()
}

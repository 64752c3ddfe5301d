package prog

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// The ways in which GNU programs put names into messages (gnulib's quotearg).
// Busybox writes names as they are, between apostrophes where the message has them.

// Quote is gnulib's quote: 'name', or ‘name’ in a locale of UTF-8, with C escapes for what is odd
// in it.
func (c *Ctx) Quote(s string) string {
	if c.GNU() && c.UTF8() {
		return "‘" + escapeUTF8(s) + "’"
	}
	return "'" + escapeC(s, '\'') + "'"
}

// QuoteFile is gnulib's quoteaf: a name as a shell would take it, always in apostrophes.
func (c *Ctx) QuoteFile(s string) string { return shellQuote(s, true, c.UTF8()) }

// QuoteColon is gnulib's quotef: a name before a colon, in apostrophes only where a shell
// needs them, or where it holds a colon.
func (c *Ctx) QuoteColon(s string) string {
	return shellQuote(s, strings.Contains(s, ":"), c.UTF8())
}

// QuoteShell is a name as ls writes it to a terminal: in apostrophes only where a shell needs
// them. Characters beyond ASCII stand as they are if utf8 is true.
func QuoteShell(s string, utf8 bool) string { return shellQuote(s, false, utf8) }

// escapeUTF8 gives s with C escapes for what is no printable character, and a backslash before a
// backslash.
func escapeUTF8(s string) string {
	var b strings.Builder
	for i, n := 0, 0; i < len(s); i += n {
		var r rune
		if r, n = utf8.DecodeRuneInString(s[i:]); r < utf8.RuneSelf || r == utf8.RuneError {
			b.WriteString(escapeC(s[i:i+1], 0))
			n = 1
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

func escapeC(s string, quote byte) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch ch := s[i]; {
		case ch == quote || ch == '\\':
			b.WriteByte('\\')
			b.WriteByte(ch)
		case ch < ' ' || ch == 0x7f || ch >= 0x80:
			b.WriteString(escapeByte(ch, i+1 < len(s) && s[i+1] >= '0' && s[i+1] <= '9'))
		default:
			b.WriteByte(ch)
		}
	}
	return b.String()
}

const cLetters = "\a\b\f\n\r\t\v"

func escapeByte(ch byte, digitNext bool) string {
	if i := strings.IndexByte(cLetters, ch); i >= 0 {
		return `\` + "abfnrtv"[i:i+1]
	}
	return fmt.Sprintf(`\%03o`, ch)
}

// EscapeC gives s with C escapes for what is not printable ASCII, and a backslash before quote
// (if it is not 0) and backslash.
func EscapeC(s string, quote byte) string { return escapeC(s, quote) }

// shellQuote quotes s for a shell, with $'..' around what cannot be printed.
func shellQuote(s string, always, wide bool) string {
	plain, odd, apostrophe := s != "", false, false
	for i, r := range s {
		switch {
		case r == '\'':
			apostrophe, plain = true, false
		case r < ' ' || r == 0x7f || (r >= 0x80 && (!wide || r == utf8.RuneError)):
			odd, plain = true, false
		case strings.ContainsRune("!\"$&()*;<=>?[\\^`| ", r):
			plain = false
		case r == '#' || r == '~':
			plain = plain && i > 0
		case r == '{' || r == '}':
			plain = plain && len(s) > 1
		}
	}
	switch {
	case plain && !always:
		return s
	case apostrophe && !odd && !strings.ContainsAny(s, "\"$\\`!"):
		return `"` + s + `"`
	}
	var b strings.Builder
	b.WriteByte('\'')
	escaping := false
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		bad := r < ' ' || r == 0x7f || r >= 0x80 && (!wide || r == utf8.RuneError && n == 1)
		switch {
		case bad:
			if !escaping {
				b.WriteString(`'$'`)
				escaping = true
			}
			for j := i; j < i+n; j++ {
				b.WriteString(escapeByte(s[j], false))
			}
			i += n
			continue
		case escaping:
			b.WriteString(`''`)
			escaping = false
		}
		if r == '\'' {
			b.WriteString(`'\''`)
		} else {
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	b.WriteByte('\'')
	return b.String()
}

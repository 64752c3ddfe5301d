package sh

import (
	"strings"
	"unicode/utf8"
)

// matcher matches text against shell patterns. In a pattern a backslash makes the next character an
// ordinary one.
type matcher struct {
	step    func(n int) // charged for the work
	extglob bool
	fold    bool // letters match in either case
	utf8    bool // a character is a rune, and not a byte
	path    bool // "/" is matched only by "/"
	bangs   bool // [!x] only; [^x] too otherwise
}

// match says whether the whole of text matches the pattern.
func (m *matcher) match(pat, text string) bool {
	return m.try(pat, text, 0)
}

// char is the width of the first character of text.
func (m *matcher) char(text string) int {
	if m.utf8 {
		_, n := utf8.DecodeRuneInString(text)
		return n
	}
	return 1
}

func (m *matcher) same(a, b string) bool {
	return a == b || m.fold && strings.EqualFold(a, b)
}

func (m *matcher) try(pat, text string, depth int) bool {
	if depth > 200 {
		return false
	}
	starPat, starText := "", ""
	star := false
	for {
		m.step(1)
		ok := false
		switch {
		case pat == "":
			if text == "" {
				return true
			}
		case m.extglob && len(pat) > 1 && pat[1] == '(' && strings.IndexByte("?*+@!", pat[0]) >= 0:
			if alts, rest, good := splitExt(pat); good {
				if m.ext(pat[0], alts, rest, text, depth+1) {
					return true
				}
				break
			}
			ok = m.one(&pat, &text)
		case pat[0] == '*':
			for pat != "" && pat[0] == '*' && !(m.extglob && len(pat) > 1 && pat[1] == '(') {
				pat = pat[1:]
			}
			if pat == "" {
				return !m.path || strings.IndexByte(text, '/') < 0
			}
			star, starPat, starText = true, pat, text
			continue
		default:
			ok = m.one(&pat, &text)
		}
		if ok {
			continue
		}
		// let the last star take one character more
		if !star || starText == "" || m.path && starText[0] == '/' {
			return false
		}
		starText = starText[m.char(starText):]
		pat, text = starPat, starText
	}
}

// one matches one element of the pattern with one character, and takes both away.
func (m *matcher) one(pat, text *string) bool {
	if *text == "" {
		return false
	}
	p, t := *pat, *text
	n := m.char(t)
	switch p[0] {
	case '?':
		if m.path && t[0] == '/' {
			return false
		}
		*pat, *text = p[1:], t[n:]
		return true
	case '[':
		if m.path && t[0] == '/' {
			return false
		}
		if in, rest, ok := m.bracket(p, t[:n]); ok {
			if !in {
				return false
			}
			*pat, *text = rest, t[n:]
			return true
		}
	case '\\':
		if len(p) > 1 {
			p = p[1:]
		}
	}
	w := m.char(p)
	if w > len(p) {
		w = len(p)
	}
	if !m.same(p[:w], t[:n]) {
		return false
	}
	*pat, *text = p[w:], t[n:]
	return true
}

// bracket matches a bracket expression at the start of p; ok is false if it has no end.
func (m *matcher) bracket(p, c string) (in bool, rest string, ok bool) {
	i := 1
	not := false
	if i < len(p) && (p[i] == '!' || p[i] == '^' && !m.bangs) {
		not = true
		i++
	}
	first := true
	for i < len(p) {
		if p[i] == ']' && !first {
			return in != not, p[i+1:], true
		}
		first = false
		if p[i] == '[' && i+1 < len(p) && (p[i+1] == ':' || p[i+1] == '.' || p[i+1] == '=') {
			kind := p[i+1]
			if end := strings.Index(p[i+2:], string([]byte{kind, ']'})); end >= 0 {
				name := p[i+2 : i+2+end]
				i += end + 4
				if kind == ':' {
					if class(name, c, m.fold) {
						in = true
					}
				} else if name == c {
					in = true
				}
				continue
			}
		}
		lo, w := m.bracketChar(p[i:])
		i += w
		if i+1 < len(p) && p[i] == '-' && p[i+1] != ']' {
			hi, w := m.bracketChar(p[i+1:])
			i += 1 + w
			if m.inRange(lo, hi, c) {
				in = true
			}
			continue
		}
		if m.same(lo, c) {
			in = true
		}
	}
	return false, "", false
}

func (m *matcher) inRange(lo, hi, c string) bool {
	if lo <= c && c <= hi && len(lo) <= len(c) && len(c) <= max(len(hi), len(lo)) {
		return true
	}
	if m.fold {
		l, u := strings.ToLower(c), strings.ToUpper(c)
		return lo <= l && l <= hi || lo <= u && u <= hi
	}
	return false
}

func (m *matcher) bracketChar(p string) (c string, width int) {
	if p[0] == '\\' && len(p) > 1 {
		n := min(m.char(p[1:]), len(p)-1)
		return p[1 : 1+n], 1 + n
	}
	n := min(m.char(p), len(p))
	return p[:n], n
}

// class says whether c is of a POSIX character class, in the C locale.
func class(name, c string, fold bool) bool {
	if len(c) != 1 {
		r, _ := utf8.DecodeRuneInString(c)
		return (name == "alpha" || name == "alnum" || name == "print" || name == "graph") && r != utf8.RuneError
	}
	b := c[0]
	up, low, dig := b >= 'A' && b <= 'Z', b >= 'a' && b <= 'z', b >= '0' && b <= '9'
	switch name {
	case "alpha":
		return up || low
	case "digit":
		return dig
	case "alnum":
		return up || low || dig
	case "upper":
		return up || fold && low
	case "lower":
		return low || fold && up
	case "space":
		return b == ' ' || b >= 9 && b <= 13
	case "blank":
		return b == ' ' || b == '\t'
	case "punct":
		return b > 32 && b < 127 && !(up || low || dig)
	case "print":
		return b >= 32 && b < 127
	case "graph":
		return b > 32 && b < 127
	case "cntrl":
		return b < 32 || b == 127
	case "xdigit":
		return dig || b >= 'a' && b <= 'f' || b >= 'A' && b <= 'F'
	case "word":
		return up || low || dig || b == '_'
	}
	return false
}

// splitExt takes "@(a|b)rest" apart.
func splitExt(p string) (alts []string, rest string, ok bool) {
	level, from := 0, 2
	for i := 1; i < len(p); i++ {
		switch p[i] {
		case '\\':
			i++
		case '(':
			level++
		case '|':
			if level == 1 {
				alts = append(alts, p[from:i])
				from = i + 1
			}
		case ')':
			if level--; level == 0 {
				return append(alts, p[from:i]), p[i+1:], true
			}
		}
	}
	return nil, "", false
}

// ext matches an extended pattern and what follows it.
func (m *matcher) ext(op byte, alts []string, rest, text string, depth int) bool {
	if depth > 200 {
		return false
	}
	anyAlt := func(s string) bool {
		for _, a := range alts {
			if m.try(a, s, depth) {
				return true
			}
		}
		return false
	}
	if (op == '?' || op == '*') && m.try(rest, text, depth) {
		return true
	}
	for i := 0; i <= len(text); i++ {
		m.step(1)
		if m.path && i > 0 && text[i-1] == '/' {
			break
		}
		head, tail := text[:i], text[i:]
		if op == '!' {
			if !anyAlt(head) && m.try(rest, tail, depth) {
				return true
			}
			continue
		}
		if !anyAlt(head) {
			continue
		}
		if m.try(rest, tail, depth) {
			return true
		}
		if (op == '*' || op == '+') && i > 0 && m.ext('*', alts, rest, tail, depth+1) {
			return true
		}
	}
	return false
}

// special says whether a pattern has anything but ordinary characters.
func (m *matcher) special(pat string) bool {
	open := false
	for i := 0; i < len(pat); i++ {
		switch pat[i] {
		case '\\':
			i++
		case '*', '?':
			return true
		case '[': // special where it is closed
			open = true
		case ']':
			if open {
				return true
			}
		case '(':
			if m.extglob && i > 0 && strings.IndexByte("?*+@!", pat[i-1]) >= 0 {
				return true
			}
		}
	}
	return false
}

// width is how many characters each match of the pattern has, or -1 if that differs.
func (m *matcher) width(pat string) int {
	n := 0
	for pat != "" {
		switch {
		case pat[0] == '*', m.extglob && len(pat) > 1 && pat[1] == '(' && strings.IndexByte("?+@!", pat[0]) >= 0:
			return -1
		case pat[0] == '[':
			if _, rest, ok := m.bracket(pat, "a"); ok {
				pat = rest
				n++
				continue
			}
			pat = pat[1:]
		case pat[0] == '\\' && len(pat) > 1:
			pat = pat[1+min(m.char(pat[1:]), len(pat)-1):]
		default:
			pat = pat[min(m.char(pat), len(pat)):]
		}
		n++
	}
	return n
}

// unescape is a pattern's text without its backslashes.
func unescape(pat string) string {
	if strings.IndexByte(pat, '\\') < 0 {
		return pat
	}
	var b strings.Builder
	for i := 0; i < len(pat); i++ {
		if pat[i] == '\\' && i+1 < len(pat) {
			i++
		}
		b.WriteByte(pat[i])
	}
	return b.String()
}

// patternChars mean something in patterns, or, as "&", in a replacement.
const patternChars = `*?[]\!-^()|+@&`

// escapePattern makes a pattern that matches just text.
func escapePattern(text string) string {
	if !strings.ContainsAny(text, patternChars) {
		return text
	}
	var b strings.Builder
	for i := range len(text) {
		if strings.IndexByte(patternChars, text[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

func (s *shell) matcher() *matcher {
	return &matcher{step: s.p.Step, extglob: s.opt.shopt["extglob"], utf8: s.utf8()}
}

// utf8 says whether the locale counts in runes.
func (s *shell) utf8() bool {
	if s.d == Dash {
		return false
	}
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := s.vars[name]; v != nil && v.value != "" {
			u := strings.ToLower(v.value)
			return strings.Contains(u, "utf-8") || strings.Contains(u, "utf8")
		}
	}
	return false
}

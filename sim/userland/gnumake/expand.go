package gnumake

import (
	"strconv"
	"strings"
)

// Expansion is bounded: a makefile is anybody's.
const (
	maxDepth = 500
	maxValue = 8 << 20 // bytes
)

func itoa(n int) string { return strconv.Itoa(n) }

// matching finds the parenthesis that closes the one at s[i], or is -1.
func matching(s string, i int) int {
	open, close := s[i], byte(')')
	if open == '{' {
		close = '}'
	}
	depth := 0
	for ; i < len(s); i++ {
		switch s[i] {
		case open:
			depth++
		case close:
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// expand replaces the references in text by their values, in the scope of a target or, if s is
// nil, the global one.
func (m *maker) expand(text string, s *scope) string {
	if strings.IndexByte(text, '$') < 0 {
		return text
	}
	if m.depth++; m.depth > maxDepth {
		m.depth = 0
		m.fatal(m.where, "references are nested too deep")
	}
	defer func() { m.depth-- }()
	var b strings.Builder
	for {
		i := strings.IndexByte(text, '$')
		if i < 0 || i+1 == len(text) {
			// A lone dollar at the end stands for itself.
			b.WriteString(text)
			break
		}
		m.c.Step(1)
		b.WriteString(text[:i])
		text = text[i+1:]
		switch ch := text[0]; ch {
		case '$':
			b.WriteByte('$')
			text = text[1:]
		case '(', '{':
			end := matching(text, 0)
			if end < 0 {
				m.fatal(m.expandingAt(), "unterminated variable reference")
			}
			b.WriteString(m.reference(text[1:end], ch, s))
			text = text[end+1:]
		default:
			if ch != ' ' && ch != '\t' {
				b.WriteString(m.variableValue(text[:1], s))
			}
			text = text[1:]
		}
		if b.Len() > maxValue {
			m.fatal(m.where, "a value is longer than %d bytes", maxValue)
		}
	}
	return b.String()
}

// reference is what stands in parentheses behind a dollar.
func (m *maker) reference(text string, open byte, s *scope) string {
	if name, rest, ok := strings.Cut(text, " "); ok || strings.Contains(text, "\t") {
		if i := strings.IndexByte(text, '\t'); i >= 0 && (!ok || i < len(name)) {
			name, rest = text[:i], text[i+1:]
		}
		if f, ok := functions[name]; ok {
			return m.call(name, f, strings.TrimLeft(rest, " \t"), open, s)
		}
	}
	if strings.IndexByte(text, '$') >= 0 {
		text = m.expand(text, s)
	}
	if name, sub, ok := cutReference(text); ok {
		if from, to, ok := strings.Cut(sub, "="); ok {
			if !strings.Contains(from, "%") {
				from, to = "%"+from, "%"+to
			}
			return patsubst(from, to, m.variableValue(name, s))
		}
	}
	return m.variableValue(text, s)
}

func cutReference(text string) (name, sub string, ok bool) {
	i := strings.IndexByte(text, ':')
	if i <= 0 {
		return "", "", false
	}
	return text[:i], text[i+1:], true
}

// variableValue is the value of a variable, "" where there is none.
func (m *maker) variableValue(name string, s *scope) string {
	v, at := m.lookup(name, s)
	if v == nil {
		switch name {
		case ".VARIABLES":
			return strings.Join(m.vars.names(), " ")
		case ".FEATURES":
			return "target-specific order-only second-expansion else-if shortest-stem undefine oneshell nocomment grouped-target extra-prereqs jobserver"
		case ".INCLUDE_DIRS":
			return strings.Join(m.includeDirs(), " ")
		}
		if m.warnUndefined {
			m.say(m.where, "warning: undefined variable '%s'", name)
		}
		return ""
	}
	value := m.valueOf(v, s)
	if v.appends {
		outer, ok := "", false
		if at.outer != nil {
			outer, ok = m.variableValue(name, at.outer), true
		}
		if !ok {
			if g := m.vars.vars[name]; g != nil && at != m.vars {
				outer = m.valueOf(g, s)
			}
		}
		value = strings.TrimSpace(outer + " " + value)
	}
	return value
}

func (m *maker) valueOf(v *variable, s *scope) string {
	if !v.recursive {
		return v.value
	}
	if v.expanding {
		m.fatal(v.at, "Recursive variable '%s' references itself (eventually)", v.name)
	}
	v.expanding = true
	outer := m.varAt
	m.varAt = v.at
	value := m.expand(v.value, s)
	v.expanding, m.varAt = false, outer
	return value
}

// expandingAt is where the text that is being expanded stands.
func (m *maker) expandingAt() location {
	if m.varAt.file != "" {
		return m.varAt
	}
	return m.where
}

// patsubst replaces the words of text that pattern matches.
func patsubst(pattern, to, text string) string {
	words := strings.Fields(text)
	for i, w := range words {
		if stem, ok := match(pattern, w); ok {
			if before, after, ok := cutPercent(to); ok {
				if strings.Contains(pattern, "%") {
					words[i] = before + stem + after
					continue
				}
			}
			words[i] = to
		}
	}
	return strings.Join(words, " ")
}

// cutPercent cuts a pattern at its first unescaped percent sign.
func cutPercent(p string) (before, after string, ok bool) {
	for i := 0; i < len(p); i++ {
		if p[i] != '%' {
			continue
		}
		n := 0
		for i-n > 0 && p[i-n-1] == '\\' {
			n++
		}
		if n%2 == 1 {
			p = p[:i-n] + p[i-n+(n+1)/2:]
			i -= (n + 1) / 2
			continue
		}
		return p[:i-n] + p[i-n+n/2:i], p[i+1:], true
	}
	return p, "", false
}

// match matches a word with a pattern, and gives what the percent sign stands for.
func match(pattern, word string) (stem string, ok bool) {
	before, after, ok := cutPercent(pattern)
	if !ok {
		return "", before == word
	}
	if len(word) < len(before)+len(after) || !strings.HasPrefix(word, before) || !strings.HasSuffix(word, after) {
		return "", false
	}
	return word[len(before) : len(word)-len(after)], true
}

package text

import (
	"strings"

	"github.com/dockerlab/dockerlab/sim/posixre"
)

// busyboxSed reads a script as Busybox does: line by line, lines that end in a backslash glued to
// the next.
type busyboxSed struct {
	s      *sedder
	blocks []int
	glued  string
}

func (s *sedder) parseBusybox(chunks []sedChunk) {
	p := &busyboxSed{s: s}
	for _, ch := range chunks {
		for _, line := range strings.Split(ch.text, "\n") {
			p.line(line)
		}
	}
	if p.glued != "" {
		p.commands(p.glued)
	}
	for _, b := range p.blocks {
		s.script.commands[b].target = -1 // an open block; skipping it is an error
	}
}

func (p *busyboxSed) line(line string) {
	line = p.glued + line
	p.glued = ""
	n := len(line)
	for n > 0 && line[n-1] == '\\' {
		n--
	}
	if (len(line)-n)%2 == 1 {
		p.glued = line + "\n"
		return
	}
	p.commands(line)
}

func (p *busyboxSed) die(format string, args ...any) { p.s.c.Die(1, format, args...) }

func (p *busyboxSed) commands(s string) {
	for {
		s = strings.TrimLeft(s, "; \t\n\r\f\v")
		if s == "" {
			return
		}
		if s[0] == '#' {
			if s == "#n" || strings.HasPrefix(s, "#n\n") {
				p.s.script.quiet = true
			}
			_, s, _ = strings.Cut(s, "\n")
			continue
		}
		c := &sedCommand{n: -1, target: -1}
		rest, ok := p.address(s, &c.a1)
		if rest != "" && rest[0] == ',' {
			if !ok {
				p.die("no address after comma")
			}
			rest = rest[1:]
			if strings.HasPrefix(rest, "+") && len(rest) > 1 && isDigit(int(rest[1])) {
				rest, _ = p.address(rest[1:], &c.a2)
				c.a2.kind = addrPlus
			} else if rest, ok = p.address(rest, &c.a2); !ok {
				p.die("no address after comma")
			}
		}
		if c.a1.kind == addrLine && c.a1.n == 0 {
			if c.a2.kind == addrNone {
				c.a1.kind = addrNone
			}
		}
		rest = strings.TrimLeft(rest, " \t\n\r\f\v")
		if strings.HasPrefix(rest, "!") {
			c.not = true
			rest = strings.TrimLeft(rest[1:], " \t\n\r\f\v")
		}
		if rest == "" {
			p.die("missing command")
		}
		c.name = rest[0]
		s = p.arguments(c, rest[1:])
		if c.name != '}' && c.name != ':' {
			p.s.script.commands = append(p.s.script.commands, c)
		}
	}
}

func (p *busyboxSed) address(s string, a *sedAddress) (rest string, ok bool) {
	switch {
	case s == "":
		return s, false
	case isDigit(int(s[0])):
		n, i := 0, 0
		for i < len(s) && isDigit(int(s[i])) {
			n = min(n*10+int(s[i]-'0'), 1<<30)
			i++
		}
		a.kind, a.n = addrLine, n
		return s[i:], true
	case s[0] == '$':
		a.kind = addrLast
		return s[1:], true
	case s[0] == '/' || s[0] == '\\':
		delim := byte('/')
		if s[0] == '\\' {
			if len(s) < 2 {
				p.die("unmatched '%c'", 0)
			}
			s = s[1:]
			delim = s[0]
		}
		end := p.delimiter(s[1:], delim, true)
		a.kind = addrRegexp
		if a.re = p.regexp(s[1:1+end], 0); a.re == nil {
			a.re = p.s.regexp(nil)
		}
		p.s.lastRe = a.re
		return s[end+2:], true
	}
	return s, false
}

// delimiter is the index of the next delimiter that has no backslash before it and, in a regular
// expression, is not in brackets.
func (p *busyboxSed) delimiter(s string, delim byte, regex bool) int {
	bracket, escaped := -1, false
	for i := 0; i < len(s); i++ {
		ch := s[i]
		switch {
		case bracket >= 0:
			if ch == ']' && !(bracket == i-1 || bracket == i-2 && s[i-1] == '^') {
				bracket = -1
			}
		case escaped:
			escaped = false
		case ch == '\\':
			escaped = true
		case regex && ch == '[':
			bracket = i
		case ch == delim:
			return i
		}
	}
	p.die("unmatched '%c'", delim)
	return 0
}

func (p *busyboxSed) regexp(pattern string, flags posixre.Flags) *sedRegexp {
	if pattern == "" {
		return nil
	}
	re, err := p.s.compile(busyboxEscapes(pattern, false), flags)
	if err != nil {
		p.die("bad regex '%s': %v", pattern, err)
	}
	return re
}

// busyboxEscapes makes \n, \t and \r what they mean; with strip, other backslashes go too.
func busyboxEscapes(s string, strip bool) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		switch s[i] {
		case 'n':
			b.WriteByte('\n')
		case 't':
			b.WriteByte('\t')
		case 'r':
			b.WriteByte('\r')
		default:
			if !strip {
				b.WriteByte('\\')
			}
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

func (p *busyboxSed) arguments(c *sedCommand, s string) (rest string) {
	switch c.name {
	case 's':
		return p.substitute(c, s)
	case 'a', 'i', 'c':
		for s != "" {
			if s[0] == '\n' || s[0] == '\\' {
				if s[0] == '\\' && len(s) > 1 && s[1] == '\n' {
					s = s[1:]
				}
				s = s[1:]
				break
			}
			if !isSpace(int(s[0])) {
				break
			}
			s = s[1:]
		}
		c.text = busyboxEscapes(s, true) + "\n"
		return ""
	case 'r', 'w':
		s = strings.TrimLeft(s, " \t")
		name, rest, _ := strings.Cut(s, "\n")
		if name == "" {
			p.die("empty filename")
		}
		c.text = name
		if c.name == 'w' {
			c.out = p.s.output(name)
		}
		return rest
	case ':', 'b', 't', 'T':
		s = strings.TrimLeft(s, " \t\n\r\f\v")
		n := strings.IndexAny(s, "; \t\n")
		if c.name == ':' {
			n = strings.IndexAny(s, ";\n")
		}
		if n < 0 {
			n = len(s)
		}
		c.text = s[:n]
		if c.name == ':' {
			c.text = strings.TrimRight(c.text, " \t")
			p.s.script.commands = append(p.s.script.commands, c)
			c.name = ':'
		}
		return s[n:]
	case 'y':
		if s == "" {
			p.die("bad format in substitution expression")
		}
		from, to, rest := p.delimited(s)
		unescape := func(t string) []byte {
			t = busyboxEscapes(t, false)
			t = strings.ReplaceAll(strings.ReplaceAll(t, "\\"+s[:1], s[:1]), "\\\n", "\n")
			return []byte(strings.ReplaceAll(t, "\\\\", "\\"))
		}
		a, z := unescape(from), unescape(to)
		n := min(len(a), len(z))
		c.table = sedTable(a[:n], z[:n])
		return rest
	case '{':
		p.blocks = append(p.blocks, len(p.s.script.commands))
		return s
	case '}':
		if n := len(p.blocks); n > 0 {
			p.s.script.commands[p.blocks[n-1]].target = len(p.s.script.commands)
			p.blocks = p.blocks[:n-1]
		}
		return s
	}
	if strings.IndexByte("dDgGhHlnNpPqx=", c.name) < 0 {
		p.die("unsupported command %c", c.name)
	}
	return s
}

// delimited reads /a/b/ and gives a, b and what follows.
func (p *busyboxSed) delimited(s string) (from, to, rest string) {
	delim := s[0]
	if delim == '\n' {
		p.die("bad format in substitution expression")
	}
	i := p.delimiter(s[1:], delim, true)
	from, s = s[1:1+i], s[i+2:]
	i = p.delimiter(s, delim, false)
	return from, s[:i], s[i+1:]
}

func (p *busyboxSed) substitute(c *sedCommand, s string) (rest string) {
	if s == "" || s[0] == '\n' {
		p.die("bad format in substitution expression")
	}
	if s[0] == '\\' {
		p.die("unmatched '\\'")
	}
	delim := s[:1]
	from, to, s := p.delimited(s)
	sub := &sedSubst{nth: 1}
	c.subst = sub
	var flags posixre.Flags
flags:
	for s != "" {
		ch := s[0]
		switch {
		case isDigit(int(ch)):
			n, i := 0, 0
			for i < len(s) && isDigit(int(s[i])) {
				n = min(n*10+int(s[i]-'0'), 1<<30)
				i++
			}
			sub.nth, sub.global = max(n, 1), false
			s = s[i:]
			continue
		case isSpace(int(ch)):
		case ch == 'g':
			sub.global, sub.nth = true, 1
		case ch == 'p':
			sub.print = 1
		case ch == 'i' || ch == 'I':
			flags |= posixre.IgnoreCase
		case ch == 'w':
			name, rest, _ := strings.Cut(strings.TrimLeft(s[1:], " \t"), "\n")
			if name == "" {
				p.die("empty filename")
			}
			sub.out = p.s.output(name)
			s = rest
			break flags
		case ch == '#':
			_, s, _ = strings.Cut(s, "\n")
			break flags
		case ch == ';' || ch == '}':
			break flags
		default:
			p.die("bad option in substitution expression")
		}
		s = s[1:]
	}
	sub.re = p.regexp(from, flags)
	_ = delim
	part := sedPart{group: -1}
	to = busyboxEscapes(to, false)
	for i := 0; i < len(to); i++ {
		switch ch := to[i]; {
		case ch == '&':
			part.group = 0
		case ch == '\\' && i+1 < len(to):
			i++
			if isDigit(int(to[i])) {
				part.group = int(to[i] - '0')
			} else {
				part.text += to[i : i+1]
			}
		default:
			part.text += to[i : i+1]
		}
		if part.group >= 0 {
			sub.parts = append(sub.parts, part)
			part = sedPart{group: -1}
		}
	}
	if part.text != "" {
		sub.parts = append(sub.parts, part)
	}
	return s
}

// Package perlre is the part of Perl's regular expressions that grep -P users write: greedy, lazy
// and possessive repetition, classes and their letters, groups of all kinds, look-ahead and
// look-behind, back-references, \b, \K and inline flags. It matches by backtracking, as PCRE does,
// over bytes; a step callback bounds it.
package perlre

import (
	"errors"
	"strconv"
	"strings"
)

// Regexp is a compiled pattern.
type Regexp struct {
	root   node
	groups int
}

type node interface{}

type (
	set    struct{ in [256]bool }
	cat    struct{ subs []node }
	alt    struct{ subs []node }
	repeat struct {
		sub              node
		min, max         int // max < 0: no limit
		lazy, possessive bool
	}
	group struct {
		sub node
		n   int
	}
	backref struct {
		n    int
		fold bool
	}
	look struct {
		sub         node
		behind, not bool
	}
	atomic struct{ sub node }
	place  struct{ kind byte } // ^ $ A z Z b B G K
)

// The limits of a pattern and of a match.
const (
	maxDepth     = 200
	maxRecursion = 100000
)

type parser struct {
	s     string
	i     int
	n     int
	fold  bool
	dot   bool // (?s)
	multi bool // (?m)
	free  bool // (?x)
	depth int
	names map[string]int
}

// Compile parses a pattern; fold ignores case. The error is what PCRE2 says.
func Compile(pattern string, fold bool) (re *Regexp, err error) {
	p := &parser{s: pattern, fold: fold, names: map[string]int{}}
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(error)
			if !ok {
				panic(r)
			}
			re, err = nil, e
		}
	}()
	root := p.alternatives()
	if p.i < len(p.s) {
		p.fail("unmatched closing parenthesis")
	}
	return &Regexp{root, p.n}, nil
}

func (p *parser) fail(s string) { panic(errors.New(s)) }

func (p *parser) more() bool        { return p.i < len(p.s) }
func (p *parser) has(s string) bool { return strings.HasPrefix(p.s[p.i:], s) }
func (p *parser) accept(s string) bool {
	if p.has(s) {
		p.i += len(s)
		return true
	}
	return false
}

func (p *parser) alternatives() node {
	if p.depth++; p.depth > maxDepth {
		p.fail("parentheses are too deeply nested")
	}
	defer func() { p.depth-- }()
	fold, dot, multi, free := p.fold, p.dot, p.multi, p.free
	defer func() { p.fold, p.dot, p.multi, p.free = fold, dot, multi, free }()
	a := &alt{}
	for {
		a.subs = append(a.subs, p.branch())
		if !p.accept("|") {
			break
		}
	}
	if len(a.subs) == 1 {
		return a.subs[0]
	}
	return a
}

func (p *parser) branch() node {
	c := &cat{}
	for p.more() && !p.has("|") && !p.has(")") {
		if p.free {
			if strings.IndexByte(" \t\n\r", p.s[p.i]) >= 0 {
				p.i++
				continue
			}
			if p.has("#") {
				for p.more() && p.s[p.i] != '\n' {
					p.i++
				}
				continue
			}
		}
		n := p.atom()
		if n == nil {
			continue
		}
		c.subs = append(c.subs, p.repeats(n))
	}
	return c
}

func (p *parser) repeats(n node) node {
	for p.more() {
		lo, hi := 0, -1
		switch {
		case p.accept("*"):
		case p.accept("+"):
			lo = 1
		case p.accept("?"):
			hi = 1
		case p.has("{"):
			end := strings.IndexByte(p.s[p.i:], '}')
			if end < 0 {
				return n
			}
			a, b, comma := strings.Cut(p.s[p.i+1:p.i+end], ",")
			x, err := strconv.Atoi(a)
			if err != nil || x < 0 {
				return n
			}
			lo, hi = x, x
			if comma {
				hi = -1
				if b != "" {
					if hi, err = strconv.Atoi(b); err != nil {
						return n
					}
					if hi < lo {
						p.fail("numbers out of order in {} quantifier")
					}
				}
			}
			if max(lo, hi) > 65535 {
				p.fail("number too big in {} quantifier")
			}
			p.i += end + 1
		default:
			return n
		}
		r := &repeat{sub: n, min: lo, max: hi}
		if p.accept("?") {
			r.lazy = true
		} else if p.accept("+") {
			r.possessive = true
		}
		n = r
	}
	return n
}

func single(c byte, fold bool) *set {
	s := &set{}
	s.in[c] = true
	if fold && (c|0x20 >= 'a' && c|0x20 <= 'z') {
		s.in[c^0x20] = true
	}
	return s
}

func (p *parser) atom() node {
	c := p.s[p.i]
	p.i++
	switch c {
	case '.':
		s := &set{}
		for i := range s.in {
			s.in[i] = p.dot || i != '\n'
		}
		return s
	case '^':
		if p.multi {
			return &place{'m'}
		}
		return &place{'^'}
	case '$':
		if p.multi {
			return &place{'M'}
		}
		return &place{'$'}
	case '[':
		return p.class()
	case '(':
		return p.group()
	case '\\':
		return p.escape()
	case '*', '+', '?':
		p.fail("quantifier does not follow a repeatable item")
	}
	return single(c, p.fold)
}

func (p *parser) group() node {
	close := func(n node) node {
		if !p.accept(")") {
			p.fail("missing closing parenthesis")
		}
		return n
	}
	if !p.accept("?") {
		p.n++
		n := p.n
		return close(&group{p.alternatives(), n})
	}
	switch {
	case p.accept(":"):
		return close(p.alternatives())
	case p.accept("="):
		return close(&look{sub: p.alternatives()})
	case p.accept("!"):
		return close(&look{sub: p.alternatives(), not: true})
	case p.accept("<="):
		return close(&look{sub: p.alternatives(), behind: true})
	case p.accept("<!"):
		return close(&look{sub: p.alternatives(), behind: true, not: true})
	case p.accept(">"):
		return close(&atomic{p.alternatives()})
	case p.accept("#"):
		for p.more() && !p.has(")") {
			p.i++
		}
		close(nil)
		return nil
	case p.accept("P<"), p.accept("<"), p.accept("'"):
		end := strings.IndexAny(p.s[p.i:], ">'")
		if end <= 0 {
			p.fail("subpattern name expected")
		}
		p.n++
		n := p.n
		p.names[p.s[p.i:p.i+end]] = n
		p.i += end + 1
		return close(&group{p.alternatives(), n})
	}
	on := true
	for p.more() {
		c := p.s[p.i]
		p.i++
		switch c {
		case '-':
			on = false
		case 'i':
			p.fold = on
		case 's':
			p.dot = on
		case 'm':
			p.multi = on
		case 'x':
			p.free = on
		case ')':
			return nil // to the end of the group
		case ':':
			return close(p.alternatives())
		default:
			p.fail("unrecognized character after (? or (?-")
		}
	}
	p.fail("missing closing parenthesis")
	return nil
}

func word(c byte) bool  { return c == '_' || alnum(c) }
func alnum(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' }
func digit(c byte) bool { return c >= '0' && c <= '9' }
func space(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

// letters are the classes that a letter behind a backslash stands for.
var letters = map[byte]func(byte) bool{'d': digit, 'w': word, 's': space, 'h': func(c byte) bool { return c == ' ' || c == '\t' },
	'v': func(c byte) bool { return c >= '\n' && c <= '\r' }, 'N': func(c byte) bool { return c != '\n' }}

var posix = map[string]func(byte) bool{"alpha": func(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }, "digit": digit, "alnum": alnum, "upper": func(c byte) bool { return c >= 'A' && c <= 'Z' },
	"lower": func(c byte) bool { return c >= 'a' && c <= 'z' }, "space": space, "blank": func(c byte) bool { return c == ' ' || c == '\t' }, "punct": func(c byte) bool { return c > ' ' && c < 0x7f && !alnum(c) },
	"print": func(c byte) bool { return c >= ' ' && c < 0x7f }, "graph": func(c byte) bool { return c > ' ' && c < 0x7f }, "cntrl": func(c byte) bool { return c < ' ' || c == 0x7f },
	"xdigit": func(c byte) bool { return digit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' }, "word": word}

func (s *set) add(in func(byte) bool, not bool) {
	for i := range s.in {
		if in(byte(i)) != not {
			s.in[i] = true
		}
	}
}

// char reads the character that an escape stands for.
func (p *parser) char() (byte, bool) {
	c := p.s[p.i]
	if k := strings.IndexByte("aefnrt0", c); k >= 0 {
		p.i++
		return "\a\x1b\f\n\r\t\x00"[k], true
	}
	if c == 'x' {
		rest := p.s[p.i+1:]
		if strings.HasPrefix(rest, "{") {
			if end := strings.IndexByte(rest, '}'); end > 0 {
				if v, err := strconv.ParseUint(rest[1:end], 16, 8); err == nil {
					p.i += end + 2
					return byte(v), true
				}
			}
		}
		n := 0
		for n < 2 && n < len(rest) && posix["xdigit"](rest[n]) {
			n++
		}
		v, _ := strconv.ParseUint("0"+rest[:n], 16, 8)
		p.i += 1 + n
		return byte(v), true
	}
	if !alnum(c) {
		p.i++
		return c, true
	}
	return 0, false
}

func (p *parser) escape() node {
	if !p.more() {
		p.fail("\\ at end of pattern")
	}
	c := p.s[p.i]
	low := c | 0x20
	if in := letters[c]; in != nil {
		p.i++
		s := &set{}
		s.add(in, false)
		return s
	}
	if in := letters[low]; in != nil && c != low {
		p.i++
		s := &set{}
		s.add(in, true)
		return s
	}
	switch c {
	case 'b', 'B', 'A', 'z', 'Z', 'G', 'K':
		p.i++
		return &place{c}
	case 'Q':
		end := strings.Index(p.s[p.i:], "\\E")
		text := p.s[p.i+1:]
		if end >= 0 {
			text = p.s[p.i+1 : p.i+end]
			p.i += end + 2
		} else {
			p.i = len(p.s)
		}
		q := &cat{}
		for i := range len(text) {
			q.subs = append(q.subs, single(text[i], p.fold))
		}
		return q
	case 'E':
		p.i++
		return nil
	case 'R':
		p.i++
		s := &set{}
		s.add(letters['v'], false)
		return s
	}
	if c >= '1' && c <= '9' {
		j := p.i
		for j < len(p.s) && digit(p.s[j]) && j < p.i+2 {
			j++
		}
		n, _ := strconv.Atoi(p.s[p.i:j])
		p.i = j
		if n > p.n && n > strings.Count(p.s, "(") {
			p.fail("reference to non-existent subpattern")
		}
		return &backref{n, p.fold}
	}
	if ch, ok := p.char(); ok {
		return single(ch, p.fold)
	}
	p.fail("unrecognized character follows \\")
	return nil
}

func (p *parser) class() node {
	s := &set{}
	not := p.accept("^")
	for first := true; ; first = false {
		if !p.more() {
			p.fail("missing terminating ] for character class")
		}
		if p.has("]") && !first {
			p.i++
			break
		}
		if p.has("[:") {
			if end := strings.Index(p.s[p.i:], ":]"); end > 0 {
				name := p.s[p.i+2 : p.i+end]
				bare := strings.TrimPrefix(name, "^")
				in := posix[bare]
				if in == nil {
					p.fail("unknown POSIX class name")
				}
				s.add(in, bare != name)
				p.i += end + 2
				continue
			}
		}
		lo, ok := p.classChar(s)
		if !ok {
			continue
		}
		hi := lo
		if p.has("-") && !p.has("-]") && p.i+1 < len(p.s) {
			p.i++
			var ok bool
			if hi, ok = p.classChar(s); !ok {
				s.in[lo], s.in['-'] = true, true
				continue
			}
			if hi < lo {
				p.fail("range out of order in character class")
			}
		}
		for c := int(lo); c <= int(hi); c++ {
			s.in[c] = true
			if b := byte(c); p.fold && (b|0x20 >= 'a' && b|0x20 <= 'z') {
				s.in[b^0x20] = true
			}
		}
	}
	if not {
		for i := range s.in {
			s.in[i] = !s.in[i]
		}
	}
	return s
}

// classChar reads a character of a class, or adds the class that an escape stands for.
func (p *parser) classChar(s *set) (byte, bool) {
	c := p.s[p.i]
	p.i++
	if c != '\\' || !p.more() {
		return c, true
	}
	e := p.s[p.i]
	if in := letters[e]; in != nil {
		p.i++
		s.add(in, false)
		return 0, false
	}
	if in := letters[e|0x20]; in != nil {
		p.i++
		s.add(in, true)
		return 0, false
	}
	if e == 'b' {
		p.i++
		return '\b', true
	}
	if ch, ok := p.char(); ok {
		return ch, true
	}
	p.fail("unrecognized character follows \\")
	return 0, false
}

type matcher struct {
	text  []byte
	caps  []int
	keep  int // where \K moved the beginning to
	depth int
	spent int
	step  func(int)
}

// Find gives begin and end of the first match at or after from; ok is false if there is none.
func (re *Regexp) Find(text []byte, from int, step func(n int)) (begin, end int, ok bool) {
	m := &matcher{text: text, caps: make([]int, 2*re.groups+2), step: step}
	for i := from; i <= len(text); i++ {
		for k := range m.caps {
			m.caps[k] = -1
		}
		m.keep = i
		e := -1
		if m.try(re.root, i, func(at int) bool { e = at; return true }) {
			return m.keep, e, true
		}
	}
	return 0, 0, false
}

func (m *matcher) try(n node, i int, then func(int) bool) bool {
	if m.spent++; m.spent >= 256 && m.step != nil {
		m.step(m.spent / 8)
		m.spent = 0
	}
	if m.depth > maxRecursion {
		return false
	}
	m.depth++
	defer func() { m.depth-- }()
	switch n := n.(type) {
	case *set:
		return i < len(m.text) && n.in[m.text[i]] && then(i+1)
	case *cat:
		return m.all(n.subs, i, then)
	case *alt:
		for _, s := range n.subs {
			if m.try(s, i, then) {
				return true
			}
		}
		return false
	case *group:
		b, e := m.caps[2*n.n], m.caps[2*n.n+1]
		if m.try(n.sub, i, func(at int) bool {
			pb, pe := m.caps[2*n.n], m.caps[2*n.n+1]
			m.caps[2*n.n], m.caps[2*n.n+1] = i, at
			if then(at) {
				return true
			}
			m.caps[2*n.n], m.caps[2*n.n+1] = pb, pe
			return false
		}) {
			return true
		}
		m.caps[2*n.n], m.caps[2*n.n+1] = b, e
		return false
	case *backref:
		if 2*n.n+1 >= len(m.caps) || m.caps[2*n.n] < 0 {
			return false
		}
		was := string(m.text[m.caps[2*n.n]:m.caps[2*n.n+1]])
		if i+len(was) > len(m.text) {
			return false
		}
		is := string(m.text[i : i+len(was)])
		return (is == was || n.fold && strings.EqualFold(is, was)) && then(i+len(was))
	case *atomic:
		at := -1
		return m.try(n.sub, i, func(e int) bool { at = e; return true }) && then(at)
	case *look:
		found := false
		if n.behind {
			for b := i; b >= 0 && !found; b-- {
				found = m.try(n.sub, b, func(e int) bool { return e == i })
			}
		} else {
			found = m.try(n.sub, i, func(int) bool { return true })
		}
		return found != n.not && then(i)
	case *place:
		if n.kind == 'K' {
			was := m.keep
			m.keep = i
			if then(i) {
				return true
			}
			m.keep = was
			return false
		}
		return m.at(n.kind, i) && then(i)
	case *repeat:
		return m.repeat(n, i, 0, then)
	}
	return then(i)
}

func (m *matcher) at(kind byte, i int) bool {
	before := i > 0 && word(m.text[i-1])
	after := i < len(m.text) && word(m.text[i])
	switch kind {
	case '^', 'A':
		return i == 0
	case 'm':
		return i == 0 || m.text[i-1] == '\n'
	case 'M':
		return i == len(m.text) || m.text[i] == '\n'
	case '$', 'Z':
		return i == len(m.text) || i == len(m.text)-1 && m.text[i] == '\n'
	case 'z':
		return i == len(m.text)
	case 'b':
		return before != after
	case 'B':
		return before == after
	}
	return true
}

func (m *matcher) all(subs []node, i int, then func(int) bool) bool {
	if len(subs) == 0 {
		return then(i)
	}
	return m.try(subs[0], i, func(at int) bool { return m.all(subs[1:], at, then) })
}

func (m *matcher) repeat(n *repeat, i, count int, then func(int) bool) bool {
	if s, ok := n.sub.(*set); ok { // a run of characters needs no recursion
		run := 0
		for (n.max < 0 || run < n.max) && i+run < len(m.text) && s.in[m.text[i+run]] {
			run++
		}
		if run < n.min {
			return false
		}
		switch {
		case n.possessive:
			return then(i + run)
		case n.lazy:
			for k := n.min; k <= run; k++ {
				if then(i + k) {
					return true
				}
			}
		default:
			for k := run; k >= n.min; k-- {
				m.spent++
				if then(i + k) {
					return true
				}
			}
		}
		return false
	}
	if n.possessive {
		plain := *n
		plain.possessive = false
		return m.try(&atomic{&plain}, i, then)
	}
	again := func() bool {
		return (n.max < 0 || count < n.max) && m.try(n.sub, i, func(at int) bool {
			return (at > i || count < n.min) && m.repeat(n, at, count+1, then)
		})
	}
	if n.lazy {
		return count >= n.min && then(i) || again()
	}
	return again() || count >= n.min && then(i)
}

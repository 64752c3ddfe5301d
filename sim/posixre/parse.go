package posixre

import (
	"slices"
	"strings"
	"unicode/utf8"
)

type op uint8

const (
	opEmpty   op = iota
	opSet        // one character of a set
	opCat        // subs in turn
	opAlt        // one of subs
	opRepeat     // subs[0], min to max times
	opGroup      // subs[0], remembered as group n
	opBackref    // what group n matched
	opAssert     // a place
)

type assertion uint8

const (
	atBOL    assertion = iota // ^
	atEOL                     // $
	atStart                   // \`
	atEnd                     // \'
	atWord                    // \b
	atNoWord                  // \B
	atWordStart
	atWordEnd
	atWordBeginsOrNone // what is before is no word character
	atWordEndsOrNone   // what is after is no word character
)

// node is a node of a parsed pattern.
type node struct {
	op       op
	subs     []*node
	set      *charset
	min, max int // of opRepeat; max < 0 is no limit
	n        int // group
	at       assertion
	tails    []*node // of opCat: what is left after each sub, made when asked for
	rest     *node   // of opRepeat: the same without a lower bound
}

// Limits on what a pattern may ask for.
const (
	dupMax   = 0x7fff // RE_DUP_MAX
	maxDepth = 1000   // nesting of groups
	maxInsts = 60000  // instructions of the automaton's program
)

type parser struct {
	src      string
	pos      int
	flags    Flags
	groups   int
	closed   uint64 // groups that are complete, for back-references
	depth    int
	backrefs bool
	warnings []string
}

func (p *parser) warn(s string) {
	if !slices.Contains(p.warnings, s) {
		p.warnings = append(p.warnings, s)
	}
}

func (p *parser) extended() bool { return p.flags&Extended != 0 }
func (p *parser) more() bool     { return p.pos < len(p.src) }

// has tells whether the source goes on with s.
func (p *parser) has(s string) bool { return strings.HasPrefix(p.src[p.pos:], s) }

func (p *parser) parse() (*node, error) {
	if p.flags&Literal != 0 {
		cat := &node{op: opCat}
		for p.more() {
			cat.subs = append(cat.subs, p.char(p.next()))
		}
		return cat, nil
	}
	n, err := p.alternatives()
	if err != nil {
		return nil, err
	}
	if p.more() { // only a closing parenthesis ends alternatives early
		if p.flags&Regcomp != 0 {
			return nil, ErrParen
		}
		return nil, ErrStray
	}
	return n, nil
}

// next takes one character: a rune, or a byte.
func (p *parser) next() rune {
	if p.flags&UTF8 != 0 {
		if r, n := utf8.DecodeRuneInString(p.src[p.pos:]); r != utf8.RuneError || n > 1 {
			p.pos += n
			return r
		}
	}
	c := p.src[p.pos]
	p.pos++
	return rune(c)
}

func (p *parser) char(r rune) *node {
	s := &charset{}
	s.add(r, r)
	return p.setNode(s)
}

func (p *parser) setNode(s *charset) *node {
	s.finish(p.flags)
	return &node{op: opSet, set: s}
}

func (p *parser) bar() string {
	if p.extended() {
		return "|"
	}
	return "\\|"
}

func (p *parser) closing() string {
	if p.extended() {
		return ")"
	}
	return "\\)"
}

func (p *parser) alternatives() (*node, error) {
	var alts []*node
	before := p.closed
	after := before
	for {
		p.closed = before // a branch cannot refer to a group of another
		n, err := p.branch()
		if err != nil {
			return nil, err
		}
		alts = append(alts, n)
		after |= p.closed
		if !p.has(p.bar()) {
			break
		}
		p.pos += len(p.bar())
	}
	p.closed = after
	if len(alts) == 1 {
		return alts[0], nil
	}
	return &node{op: opAlt, subs: alts}, nil
}

// atBranchEnd tells whether a branch ends here: at the end, a bar, or a parenthesis that closes.
func (p *parser) atBranchEnd() bool {
	if !p.more() || p.has(p.bar()) {
		return true
	}
	if p.has(p.closing()) {
		return p.depth > 0 || !p.extended() || p.flags&Regcomp == 0
	}
	return false
}

func (p *parser) branch() (*node, error) {
	cat := &node{op: opCat}
	start := true // nothing stands before that could be repeated
	for !p.atBranchEnd() {
		n, err := p.piece(start, len(cat.subs) == 0)
		if err != nil {
			return nil, err
		}
		cat.subs = append(cat.subs, n)
		// An anchor cannot be repeated: what follows it is as at the beginning.
		start = n.op == opAssert
	}
	if len(cat.subs) == 1 {
		return cat.subs[0], nil
	}
	return cat, nil
}

// repeatOp recognises a repetition operator and gives its length; 0 is none.
func (p *parser) repeatOp() int {
	switch {
	case p.has("*"):
		return 1
	case p.extended() && (p.has("+") || p.has("?")):
		return 1
	case !p.extended() && (p.has("\\+") || p.has("\\?")):
		return 2
	case p.extended() && p.has("{") && p.flags&NoInterval == 0:
		return 1
	case !p.extended() && p.has("\\{"):
		return 2
	}
	return 0
}

// piece parses an atom and its repetitions. start: nothing stands before that could be repeated;
// first: nothing at all stands before in this branch.
func (p *parser) piece(start, first bool) (*node, error) {
	if n := p.repeatOp(); start && n > 0 {
		interval := p.src[p.pos+n-1] == '{'
		switch {
		case p.flags&StrayRepeat != 0 && p.extended():
			p.warn(map[bool]string{false: p.src[p.pos : p.pos+n], true: "{...}"}[interval] + " at start of expression")
			p.pos += n
			return &node{op: opEmpty}, nil
		case p.flags&StrayRepeat != 0:
			if interval {
				p.pos += n
				return &node{op: opEmpty}, nil
			}
		case p.extended(), interval:
			return nil, ErrRepeat
		}
	}
	n, err := p.atom(first)
	if err != nil || n.op == opAssert {
		return n, err
	}
	for {
		w := p.repeatOp()
		if w == 0 {
			return n, nil
		}
		lo, hi := 0, -1
		switch p.src[p.pos+w-1] {
		case '+':
			lo = 1
		case '?':
			hi = 1
		case '{':
			var ok bool
			if lo, hi, ok, err = p.interval(w); err != nil {
				return nil, err
			}
			if !ok {
				return n, nil
			}
			w = 0
		}
		p.pos += w
		n = &node{op: opRepeat, subs: []*node{n}, min: lo, max: hi}
		if !p.extended() && p.flags&StrayRepeat == 0 && (p.has("*") || p.has("\\{")) {
			return nil, ErrRepeat // RE_CONTEXT_INVALID_DUP
		}
	}
}

// interval reads {m}, {m,}, {,n} or {m,n} whose opening is w bytes. If it is none and may stand
// for itself, ok is false and nothing is taken.
func (p *parser) interval(w int) (lo, hi int, ok bool, err error) {
	i := p.pos + w
	end := "\\}"
	if p.extended() {
		end = "}"
	}
	const none, bad = -1, -2
	// num reads up to a comma or the end of the interval, as glibc does.
	num := func() int {
		v := none
		for ; i < len(p.src) && p.src[i] != ',' && !strings.HasPrefix(p.src[i:], end); i++ {
			d := int(p.src[i]) - '0'
			switch {
			case d < 0 || d > 9 || v == bad:
				v = bad
			default:
				v = min(max(v, 0)*10+d, dupMax+1)
			}
		}
		if i >= len(p.src) {
			v = bad
		}
		return v
	}
	lo = num()
	hi = lo
	empty := false
	if i < len(p.src) && p.src[i] == ',' {
		if lo == none {
			lo = 0
		}
		i++
		hi = num()
	} else {
		empty = lo == none
	}
	switch {
	case lo == bad || hi == bad || empty || !strings.HasPrefix(p.src[i:], end):
		if p.extended() && p.flags&StrayInterval != 0 {
			return 0, 0, false, nil
		}
		if i >= len(p.src) {
			return 0, 0, false, ErrBrace
		}
		return 0, 0, false, ErrInterval
	case hi >= 0 && lo > hi:
		return 0, 0, false, ErrInterval
	case max(lo, hi) > dupMax:
		return 0, 0, false, ErrSize
	}
	p.pos = i + len(end)
	return lo, hi, true, nil
}

func assert(at assertion) *node { return &node{op: opAssert, at: at} }

// atom parses one thing that can be repeated. first: it is the first of its branch, where a basic
// expression's "^" is an anchor.
func (p *parser) atom(first bool) (*node, error) {
	c := p.src[p.pos]
	switch {
	case c == '[':
		p.pos++
		return p.bracket()
	case c == '.':
		p.pos++
		s := &charset{negate: true}
		if p.flags&Newline != 0 {
			s.add('\n', '\n')
		}
		return p.setNode(s), nil
	case c == '^' && (p.extended() || first && !p.afterAnchor()):
		p.pos++
		return assert(atBOL), nil
	case c == '$' && (p.extended() || p.dollarEnds()):
		p.pos++
		return assert(atEOL), nil
	case c == '(' && p.extended():
		p.pos++
		return p.group()
	case c == '\\':
		return p.escape()
	}
	return p.char(p.next()), nil
}

// afterAnchor tells whether the character before is a "^" that was an anchor, so that this one is
// not.
func (p *parser) afterAnchor() bool { return p.pos > 0 && p.src[p.pos-1] == '^' }

// dollarEnds tells whether a "$" in a basic expression ends a branch.
func (p *parser) dollarEnds() bool {
	rest := p.src[p.pos+1:]
	return rest == "" || strings.HasPrefix(rest, "\\)") || strings.HasPrefix(rest, "\\|")
}

func (p *parser) group() (*node, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, ErrSpace
	}
	p.groups++
	n := p.groups
	sub, err := p.alternatives()
	if err != nil {
		return nil, err
	}
	if !p.has(p.closing()) {
		return nil, ErrParen
	}
	p.pos += len(p.closing())
	p.depth--
	if n < 10 {
		p.closed |= 1 << n
	}
	return &node{op: opGroup, n: n, subs: []*node{sub}}, nil
}

func (p *parser) escape() (*node, error) {
	if p.pos+1 >= len(p.src) {
		return nil, ErrEscape
	}
	c := p.src[p.pos+1]
	p.pos += 2
	if p.flags&CEscape != 0 {
		if r, n := cEscape(p.src[p.pos-1:]); n > 0 {
			p.pos += n - 1
			return p.char(r), nil
		}
	}
	gnu := p.flags&NoBackref == 0
	switch {
	case c == '(' && !p.extended():
		return p.group()
	case c == '{' && !p.extended():
		return nil, ErrRepeat
	case c >= '1' && c <= '9' && gnu:
		n := int(c - '0')
		if p.closed&(1<<n) == 0 {
			return nil, ErrBackref
		}
		p.backrefs = true
		return &node{op: opBackref, n: n}, nil
	}
	if gnu {
		switch c {
		case 'w', 'W', 's', 'S':
			s := &charset{negate: c == 'W' || c == 'S'}
			if c == 'w' || c == 'W' {
				s.class("alnum", p.flags)
				s.add('_', '_')
			} else {
				s.class("space", p.flags)
			}
			return p.setNode(s), nil
		case 'b':
			return assert(atWord), nil
		case 'B':
			return assert(atNoWord), nil
		case '<':
			return assert(atWordStart), nil
		case '>':
			return assert(atWordEnd), nil
		case '`':
			return assert(atStart), nil
		case '\'':
			return assert(atEnd), nil
		}
	}
	p.pos--
	return p.char(p.next()), nil
}

// cEscape reads the escape that follows a backslash, as C and awk have it; n is 0 if it is none.
func cEscape(s string) (r rune, n int) {
	switch s[0] {
	case 'n':
		return '\n', 1
	case 't':
		return '\t', 1
	case 'r':
		return '\r', 1
	case 'f':
		return '\f', 1
	case 'v':
		return '\v', 1
	case 'a':
		return '\a', 1
	case 'b':
		return '\b', 1
	}
	for n < 3 && n < len(s) && s[n] >= '0' && s[n] <= '7' {
		r = r*8 + rune(s[n]-'0')
		n++
	}
	return r & 0xff, n
}

// bracket parses a bracket expression whose "[" is taken.
func (p *parser) bracket() (*node, error) {
	s := &charset{}
	if p.has("^") {
		p.pos++
		s.negate = true
		if p.flags&Newline != 0 {
			s.add('\n', '\n')
		}
	}
	for first := true; ; first = false {
		if !p.more() {
			if first {
				return nil, ErrPattern
			}
			return nil, ErrBracket
		}
		if p.has("]") && !first {
			p.pos++
			return p.setNode(s), nil
		}
		if p.has("[:") {
			end := strings.Index(p.src[p.pos+2:], ":]")
			if end < 0 {
				return nil, ErrBracket
			}
			if !s.class(p.src[p.pos+2:p.pos+2+end], p.flags) {
				return nil, ErrClass
			}
			p.pos += end + 4
			continue
		}
		if p.has("[=") {
			r, err := p.collating("=]")
			if err != nil {
				return nil, err
			}
			s.add(r, r)
			continue
		}
		lo, err := p.endpoint()
		if err != nil {
			return nil, err
		}
		hi := lo
		if p.has("-") && !p.has("-]") {
			p.pos++
			if !p.more() {
				return nil, ErrBracket
			}
			if p.has("[:") || p.has("[=") {
				return nil, ErrRange
			}
			if hi, err = p.endpoint(); err != nil {
				return nil, err
			}
			if hi < lo {
				return nil, ErrRange
			}
		}
		s.add(lo, hi)
	}
}

// collating parses [.x.] or [=x=], which only single characters have here, as in the C locale.
func (p *parser) collating(end string) (rune, error) {
	p.pos += 2
	n := strings.Index(p.src[min(p.pos+1, len(p.src)):], end)
	if n < 0 {
		return 0, ErrBracket
	}
	name := p.src[p.pos : p.pos+1+n]
	r := p.next()
	if p.src[p.pos-1:] == "" || len(name) != 1 && len(string(r)) != len(name) {
		return 0, ErrCollate
	}
	p.pos += len(end)
	return r, nil
}

func (p *parser) endpoint() (rune, error) {
	if p.has("[.") {
		return p.collating(".]")
	}
	if p.flags&BracketEscape != 0 && p.has("\\") && p.pos+1 < len(p.src) {
		p.pos++
		if r, n := cEscape(p.src[p.pos:]); n > 0 {
			p.pos += n
			return r, nil
		}
		if strings.IndexByte("]\\-^/\"", p.src[p.pos]) < 0 {
			p.pos--
		}
	}
	return p.next(), nil
}

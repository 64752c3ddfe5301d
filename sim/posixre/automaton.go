package posixre

import (
	"slices"
	"unicode/utf8"
)

// The automaton's program, as Thompson has it, over bytes.
type instOp uint8

const (
	instBytes instOp = iota // a byte of the set, then out
	instSplit               // out or out2
	instAssert
	instMatch
)

type inst struct {
	op        instOp
	at        assertion
	out, out2 int32
	lo, hi    byte       // a range of bytes, if set is nil
	set       *[256]bool // a set of bytes
}

// compiler makes the program of a tree. Loops are patched, so that code grows with the pattern
// and its counts only.
type compiler struct {
	flags Flags
	prog  []inst
	err   error
}

func (c *compiler) compile(root *node) error {
	c.emit(inst{op: instMatch})
	start := c.node(root, 0)
	if c.err != nil {
		return c.err
	}
	// The entry is the last instruction.
	c.emit(inst{op: instSplit, out: start, out2: -1})
	return c.err
}

func (c *compiler) emit(i inst) int32 {
	if len(c.prog) >= maxInsts {
		c.err = ErrSize
		return 0
	}
	c.prog = append(c.prog, i)
	return int32(len(c.prog) - 1)
}

// node emits code for n that continues at next and gives its entry.
func (c *compiler) node(n *node, next int32) int32 {
	if c.err != nil {
		return 0
	}
	switch n.op {
	case opSet:
		return c.set(n.set, next)
	case opCat:
		for _, s := range slices.Backward(n.subs) {
			next = c.node(s, next)
		}
		return next
	case opAlt:
		entry := c.node(n.subs[len(n.subs)-1], next)
		for _, s := range slices.Backward(n.subs[:len(n.subs)-1]) {
			entry = c.emit(inst{op: instSplit, out: c.node(s, next), out2: entry})
		}
		return entry
	case opGroup:
		return c.node(n.subs[0], next)
	case opAssert:
		return c.emit(inst{op: instAssert, at: n.at, out: next})
	case opRepeat:
		return c.repeat(n, next)
	}
	return next
}

func (c *compiler) repeat(n *node, next int32) int32 {
	sub := n.subs[0]
	switch {
	case n.max < 0:
		loop := c.emit(inst{op: instSplit, out2: next})
		entry := c.node(sub, loop)
		if c.err != nil {
			return 0
		}
		c.prog[loop].out = entry
		next = loop
	default:
		end := next
		for range n.max - n.min {
			next = c.emit(inst{op: instSplit, out: c.node(sub, next), out2: end})
			if c.err != nil {
				return 0
			}
		}
	}
	for range n.min {
		next = c.node(sub, next)
		if c.err != nil {
			return 0
		}
	}
	return next
}

func (c *compiler) set(s *charset, next int32) int32 {
	if !s.utf8 {
		return c.emit(inst{op: instBytes, set: &s.ascii, out: next})
	}
	var low [256]bool
	any := false
	entry := int32(-1)
	join := func(e int32) {
		if entry < 0 {
			entry = e
			return
		}
		entry = c.emit(inst{op: instSplit, out: e, out2: entry})
	}
	for _, r := range s.ranges {
		for b := r[0]; b <= min(r[1], 0x7f); b++ {
			low[b], any = true, true
		}
		if r[1] >= 0x80 {
			c.runes(max(r[0], 0x80), r[1], next, join)
		}
	}
	if any {
		join(c.emit(inst{op: instBytes, set: &low, out: next}))
	}
	if entry < 0 { // an empty set matches nothing
		return c.emit(inst{op: instBytes, set: &low, out: next})
	}
	return entry
}

// runes emits the byte sequences of the runes from lo to hi, none of them ASCII.
func (c *compiler) runes(lo, hi rune, next int32, join func(int32)) {
	for _, top := range []rune{0x7ff, 0xffff, utf8.MaxRune} { // one length of encoding at a time
		if lo > hi {
			return
		}
		if lo <= top {
			c.sameLength(lo, min(hi, top), next, join)
			lo = top + 1
		}
	}
}

func (c *compiler) sameLength(lo, hi rune, next int32, join func(int32)) {
	if c.err != nil || lo > hi {
		return
	}
	// Split until all bytes but a common prefix range freely.
	n := 2
	if lo > 0x7ff {
		n = 3
	}
	if lo > 0xffff {
		n = 4
	}
	for i := 1; i < n; i++ {
		mask := rune(1)<<(6*i) - 1
		if lo&^mask != hi&^mask {
			if lo&mask != 0 {
				c.sameLength(lo, lo|mask, next, join)
				c.sameLength((lo|mask)+1, hi, next, join)
				return
			}
			if hi&mask != mask {
				c.sameLength(lo, hi&^mask-1, next, join)
				c.sameLength(hi&^mask, hi, next, join)
				return
			}
		}
	}
	a, b := encode(lo, n), encode(hi, n)
	for i := n - 1; i >= 0; i-- {
		next = c.emit(inst{op: instBytes, lo: a[i], hi: b[i], out: next})
	}
	join(next)
}

// encode is UTF-8 without regard to surrogates.
func encode(r rune, n int) (b [4]byte) {
	for i := n - 1; i > 0; i-- {
		b[i] = 0x80 | byte(r&0x3f)
		r >>= 6
	}
	b[0] = byte(0xf0<<(4-n)) | byte(r)
	return b
}

// context is what stands before a place.
type context uint8

const (
	ctxOther context = iota
	ctxWord
	ctxNewline
	ctxBegin // the text's beginning, which is a line's
	ctxEdge  // the text's beginning, which is not a line's
)

func isWord(c byte) bool {
	return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9'
}

func contextOf(c byte) context {
	switch {
	case isWord(c):
		return ctxWord
	case c == '\n':
		return ctxNewline
	}
	return ctxOther
}

// holds tells whether an assertion holds between what is before and after.
func (a assertion) holds(before, after context, newline bool) bool {
	wb, wa := before == ctxWord, after == ctxWord
	switch a {
	case atBOL:
		return before == ctxBegin || newline && before == ctxNewline
	case atEOL:
		return after == ctxBegin || newline && after == ctxNewline
	case atStart:
		return before == ctxBegin || before == ctxEdge
	case atEnd:
		return after == ctxBegin || after == ctxEdge
	case atWord:
		return wb != wa
	case atNoWord:
		return wb == wa
	case atWordStart:
		return !wb && wa
	case atWordEnd:
		return wb && !wa
	case atWordBeginsOrNone:
		return !wb
	case atWordEndsOrNone:
		return !wa
	}
	return false
}

// A state of the automaton is a set of instructions not yet followed through their splits and
// assertions, with the context before them: what comes next decides the assertions, so a state
// learns that it accepted when it sees the next byte or the end.
type state struct {
	insts  []int32
	before context
	// next[b] is the state after byte b, plus one; 0 is not known yet. next[256] and next[257]
	// are the text's end, of a line or not. Bit 31 says that a match ends before the byte.
	next [258]uint32
}

const (
	accepts  = 1 << 31
	dead     = accepts - 2 // no instruction is left
	endLine  = 256
	endEdge  = 257
	maxCache = 2000 // states; then the cache begins anew
)

type automaton struct {
	prog    []inst
	newline bool
	search  bool // try to begin at every place
	states  []*state
	byKey   map[string]uint32
	seen    []bool
	list    []int32
	key     []byte
}

func (a *automaton) init(prog []inst, flags Flags, search bool) {
	a.prog, a.newline, a.search = prog, flags&Newline != 0, search
}

func (a *automaton) entry() int32 { return int32(len(a.prog) - 1) }

// intern finds or makes the state of a sorted set of instructions.
func (a *automaton) intern(insts []int32, before context) uint32 {
	if len(insts) == 0 {
		return dead
	}
	a.key = append(a.key[:0], byte(before))
	for _, i := range insts {
		a.key = append(a.key, byte(i), byte(i>>8), byte(i>>16))
	}
	if s, ok := a.byKey[string(a.key)]; ok {
		return s
	}
	if a.byKey == nil || len(a.states) >= maxCache {
		a.byKey, a.states = map[string]uint32{}, nil
	}
	a.states = append(a.states, &state{insts: slices.Clone(insts), before: before})
	s := uint32(len(a.states) - 1)
	a.byKey[string(a.key)] = s
	return s
}

// closure follows splits and the assertions that hold, and gives the instructions that take a
// byte; match tells whether the end was reached.
func (a *automaton) closure(insts []int32, before, after context) (list []int32, match bool) {
	if a.seen == nil {
		a.seen = make([]bool, len(a.prog))
	}
	clear(a.seen)
	stack := slices.Clone(insts)
	list = a.list[:0]
	for len(stack) > 0 {
		i := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if i < 0 || a.seen[i] {
			continue
		}
		a.seen[i] = true
		switch in := &a.prog[i]; in.op {
		case instMatch:
			match = true
		case instSplit:
			stack = append(stack, in.out2, in.out)
		case instAssert:
			if in.at.holds(before, after, a.newline) {
				stack = append(stack, in.out)
			}
		default:
			list = append(list, i)
		}
	}
	a.list = list
	return list, match
}

// advance computes one transition of state s on symbol c and remembers it.
func (a *automaton) advance(s uint32, c int) uint32 {
	st := a.states[s]
	after := ctxBegin
	switch {
	case c == endEdge:
		after = ctxEdge
	case c < 256:
		after = contextOf(byte(c))
	}
	list, match := a.closure(st.insts, st.before, after)
	var to []int32
	if c < 256 {
		for _, i := range list {
			in := &a.prog[i]
			if in.set != nil && in.set[c] || in.set == nil && in.lo <= byte(c) && byte(c) <= in.hi {
				to = append(to, in.out)
			}
		}
		if a.search && !match {
			to = append(to, a.entry())
		}
	}
	slices.Sort(to)
	to = slices.Compact(to)
	t := a.intern(to, after)
	if match {
		t |= accepts
	}
	st.next[c] = t + 1
	return t
}

// run runs the automaton from place i and gives the last place where a match ends (the first, if
// any is set), or -1.
func (m *matcher) run(a *automaton, i int, any bool) int {
	before := ctxBegin
	switch {
	case i > 0:
		before = contextOf(m.text[i-1])
	case m.flags&NotBOL != 0:
		before = ctxEdge
	}
	end := -1
	s := a.intern([]int32{a.entry()}, before)
	begin := i
	for ; ; i++ {
		c := endLine
		if i < len(m.text) {
			c = int(m.text[i])
		} else if m.flags&NotEOL != 0 {
			c = endEdge
		}
		t := a.states[s].next[c]
		if t == 0 {
			t = a.advance(s, c)
			m.charge(len(a.list))
		} else {
			t--
		}
		if t&accepts != 0 {
			end = i
			if any {
				break
			}
			t &^= accepts
		}
		if t == dead || i >= len(m.text) {
			break
		}
		s = t
		if i&1023 == 1023 {
			m.charge(1024)
		}
	}
	m.charge((i - begin) & 1023)
	return end
}

// analyse finds what every match must begin with.
func (re *Regexp) analyse() {
	re.anchored = begins(re.root, atBOL) && re.flags&Newline == 0 || begins(re.root, atStart)
	if lit, whole := literal(re.root); len(lit) > 0 {
		re.prefix, re.whole = lit, whole && !re.backrefs
	}
	if re.backrefs {
		return
	}
	// The bytes that can come first, whatever the assertions say.
	var first [256]bool
	seen := make([]bool, len(re.prog))
	stack := []int32{int32(len(re.prog) - 1)}
	for len(stack) > 0 {
		i := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if i < 0 || seen[i] {
			continue
		}
		seen[i] = true
		switch in := &re.prog[i]; in.op {
		case instMatch:
			return
		case instSplit:
			stack = append(stack, in.out, in.out2)
		case instAssert:
			stack = append(stack, in.out)
		default:
			for b := range 256 {
				if in.set != nil && in.set[b] || in.set == nil && in.lo <= byte(b) && byte(b) <= in.hi {
					first[b] = true
				}
			}
		}
	}
	re.first = &first
}

// begins tells whether every match of n begins with the assertion.
func begins(n *node, at assertion) bool {
	switch n.op {
	case opAssert:
		return n.at == at
	case opCat:
		return len(n.subs) > 0 && begins(n.subs[0], at)
	case opGroup:
		return begins(n.subs[0], at)
	case opAlt:
		for _, s := range n.subs {
			if !begins(s, at) {
				return false
			}
		}
		return true
	}
	return false
}

// literal is the text that n begins with; whole if n is nothing else.
func literal(n *node) (lit []byte, whole bool) {
	switch n.op {
	case opSet:
		if c, ok := n.set.single(); ok {
			return []byte{c}, true
		}
	case opCat:
		for _, s := range n.subs {
			l, w := literal(s)
			lit = append(lit, l...)
			if !w {
				return lit, false
			}
		}
		return lit, len(lit) > 0
	}
	return nil, false
}

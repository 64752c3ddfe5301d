package posixre

import (
	"bytes"
	"slices"
)

// maxRecursion bounds the depth of the search, and with it the memory of a match.
const maxRecursion = 200000

// backtrack finds the leftmost-longest match of a pattern with back-references by trying every
// way.
func (m *matcher) backtrack(from, nsub int) []int {
	m.caps = make([]int, 2*m.re.groups+2)
	for i := from; i <= len(m.text); i++ {
		if len(m.re.prefix) > 0 {
			if i = indexFrom(m.text, m.re.prefix, i); i < 0 {
				return nil
			}
		}
		if m.re.anchored && i > 0 {
			return nil
		}
		for k := range m.caps {
			m.caps[k] = -1
		}
		m.start, m.best = i, -1
		m.try(m.re.root, i, func(end int) bool {
			if end > m.best {
				m.best = end
				m.bestCaps = slices.Clone(m.caps)
			}
			return end == len(m.text) // none is longer
		})
		if m.best >= 0 {
			m.bestCaps[0], m.bestCaps[1] = i, m.best
			return m.bestCaps[:2+2*nsub]
		}
	}
	return nil
}

// try matches n at i and calls then at each place where it can end, longest ways first, until
// then says that it is done.
func (m *matcher) try(n *node, i int, then func(end int) bool) bool {
	m.charge(64)
	if m.depth > maxRecursion {
		return false
	}
	m.depth++
	defer func() { m.depth-- }()
	switch n.op {
	case opSet:
		w := n.set.match(m.text[i:])
		return w > 0 && then(i+w)
	case opAssert:
		return m.holds(n.at, i) && then(i)
	case opCat:
		return m.tryAll(n.subs, i, then)
	case opAlt:
		for _, s := range n.subs {
			if m.try(s, i, then) {
				return true
			}
		}
		return false
	case opGroup:
		b, e := m.caps[2*n.n], m.caps[2*n.n+1]
		done := m.try(n.subs[0], i, func(end int) bool {
			pb, pe := m.caps[2*n.n], m.caps[2*n.n+1]
			m.caps[2*n.n], m.caps[2*n.n+1] = i, end
			if then(end) {
				return true
			}
			m.caps[2*n.n], m.caps[2*n.n+1] = pb, pe
			return false
		})
		if !done {
			m.caps[2*n.n], m.caps[2*n.n+1] = b, e
		}
		return done
	case opBackref:
		b, e := m.caps[2*n.n], m.caps[2*n.n+1]
		if b < 0 {
			return false
		}
		was := m.text[b:e]
		if i+len(was) > len(m.text) {
			return false
		}
		is := m.text[i : i+len(was)]
		m.charge(len(was))
		if bytes.Equal(was, is) || m.re.flags&IgnoreCase != 0 && bytes.EqualFold(was, is) {
			return then(i + len(was))
		}
		return false
	case opRepeat:
		return m.tryRepeat(n, i, 0, then)
	}
	return then(i)
}

func (m *matcher) tryAll(subs []*node, i int, then func(int) bool) bool {
	if len(subs) == 0 {
		return then(i)
	}
	return m.try(subs[0], i, func(end int) bool { return m.tryAll(subs[1:], end, then) })
}

func (m *matcher) tryRepeat(n *node, i, count int, then func(int) bool) bool {
	if n.subs[0].op == opSet {
		for _, e := range m.repeatEnds(n, i, len(m.text)) {
			if then(e) {
				return true
			}
		}
		return false
	}
	if n.max < 0 || count < n.max {
		if m.try(n.subs[0], i, func(end int) bool {
			if end == i && count >= n.min {
				return false // an empty iteration leads nowhere
			}
			return m.tryRepeat(n, end, count+1, then)
		}) {
			return true
		}
	}
	return count >= n.min && then(i)
}

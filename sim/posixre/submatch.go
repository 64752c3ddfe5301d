package posixre

import "slices"

// memoKey names the question where a node can end that begins at a place.
type memoKey struct {
	n    *node
	from int
}

// submatches fits the groups into the match from start to end.
func (m *matcher) submatches(start, end, nsub int) []int {
	m.memo = map[memoKey][]int{}
	m.caps = make([]int, 2*m.re.groups+2)
	for i := range m.caps {
		m.caps[i] = -1
	}
	m.caps[0], m.caps[1] = start, end
	m.assign(m.re.root, start, end, end)
	return m.caps[:2+2*nsub]
}

// contexts are what stands before and after place i.
func (m *matcher) contexts(i int) (before, after context) {
	before, after = ctxBegin, ctxBegin
	switch {
	case i > 0:
		before = contextOf(m.text[i-1])
	case m.flags&NotBOL != 0:
		before = ctxEdge
	}
	switch {
	case i < len(m.text):
		after = contextOf(m.text[i])
	case m.flags&NotEOL != 0:
		after = ctxEdge
	}
	return before, after
}

func (m *matcher) holds(at assertion, i int) bool {
	before, after := m.contexts(i)
	return at.holds(before, after, m.re.flags&Newline != 0)
}

// ends gives the places where n can end that begins at from, none beyond limit, in the order in
// which they are preferred: earlier alternatives before later ones, more repetitions before fewer.
func (m *matcher) ends(n *node, from, limit int) []int {
	m.charge(4)
	switch n.op {
	case opEmpty:
		return []int{from}
	case opSet:
		if w := n.set.match(m.text[from:limit]); w > 0 {
			return []int{from + w}
		}
		return nil
	case opAssert:
		if m.holds(n.at, from) {
			return []int{from}
		}
		return nil
	case opGroup:
		return m.ends(n.subs[0], from, limit)
	}
	key := memoKey{n, from}
	if e, ok := m.memo[key]; ok {
		return e
	}
	var e []int
	switch n.op {
	case opCat:
		e = []int{from}
		for _, s := range n.subs {
			e = m.union(e, s, limit)
			if len(e) == 0 {
				break
			}
		}
	case opAlt:
		for _, s := range n.subs {
			e = append(e, m.ends(s, from, limit)...)
		}
		e = distinct(e)
	case opRepeat:
		e = m.repeatEnds(n, from, limit)
	}
	m.memo[key] = e
	return e
}

// union is all ends of n from any of the places.
func (m *matcher) union(from []int, n *node, limit int) []int {
	if len(from) == 1 {
		return m.ends(n, from[0], limit)
	}
	var e []int
	for _, f := range from {
		e = append(e, m.ends(n, f, limit)...)
	}
	return distinct(e)
}

// distinct drops what stands in e before.
func distinct(e []int) []int {
	if len(e) < 2 {
		return e
	}
	seen := make(map[int]bool, len(e))
	return slices.DeleteFunc(slices.Clone(e), func(x int) bool {
		was := seen[x]
		seen[x] = true
		return was
	})
}

func descending(e []int) []int {
	e = slices.Clone(e)
	slices.SortFunc(e, func(a, b int) int { return b - a })
	return slices.Compact(e)
}

func (m *matcher) repeatEnds(n *node, from, limit int) []int {
	sub := n.subs[0]
	if sub.op == opSet { // the common case: a run of characters
		e := []int{}
		at, count := from, 0
		for ; ; count++ {
			if count >= n.min {
				e = append(e, at)
			}
			if n.max >= 0 && count >= n.max {
				break
			}
			w := sub.set.match(m.text[at:limit])
			if w == 0 {
				break
			}
			at += w
		}
		m.charge(count)
		slices.Reverse(e)
		return e
	}
	places := []int{from}
	for range n.min {
		next := m.union(places, sub, limit)
		if slices.Equal(next, places) {
			break
		}
		places = next
	}
	all := slices.Clone(places)
	seen := map[int]bool{}
	for _, p := range places {
		seen[p] = true
	}
	for k := n.min; (n.max < 0 || k < n.max) && len(places) > 0; k++ {
		var fresh []int
		for _, p := range m.union(places, sub, limit) {
			if !seen[p] {
				seen[p] = true
				fresh = append(fresh, p)
			}
		}
		all = append(all, fresh...)
		places = fresh
	}
	return descending(all)
}

// reaches tells whether n can go from from to exactly to.
func (m *matcher) reaches(n *node, from, to, limit int) bool {
	return slices.Contains(m.ends(n, from, limit), to)
}

// assign sets the groups of n, which is known to go from from to to.
func (m *matcher) assign(n *node, from, to, limit int) {
	switch n.op {
	case opGroup:
		m.caps[2*n.n], m.caps[2*n.n+1] = from, to
		m.assign(n.subs[0], from, to, limit)
	case opAlt:
		for _, s := range n.subs {
			if m.reaches(s, from, to, limit) {
				m.assign(s, from, to, limit)
				return
			}
		}
	case opCat:
		for i, s := range n.subs {
			if i == len(n.subs)-1 {
				m.assign(s, from, to, limit)
				break
			}
			rest := n.subs[i+1:]
			for _, e := range m.ends(s, from, limit) {
				if e <= to && m.restReaches(n, i+1, rest, e, to, limit) {
					if hasGroups(s) {
						m.assign(s, from, e, limit)
					}
					from = e
					break
				}
			}
		}
	case opRepeat:
		m.assignRepeat(n, from, to, limit)
	}
}

// restReaches tells whether the subs of a concatenation from the ith on go from from to to.
func (m *matcher) restReaches(n *node, i int, rest []*node, from, to, limit int) bool {
	if len(rest) == 1 {
		return m.reaches(rest[0], from, to, limit)
	}
	// The rest is a concatenation of its own, remembered under a node made for it.
	if n.tails == nil {
		n.tails = make([]*node, len(n.subs))
	}
	if n.tails[i] == nil {
		n.tails[i] = &node{op: opCat, subs: rest}
	}
	return m.reaches(n.tails[i], from, to, limit)
}

func hasGroups(n *node) bool {
	if n.op == opGroup {
		return true
	}
	return slices.ContainsFunc(n.subs, hasGroups)
}

func (m *matcher) assignRepeat(n *node, from, to, limit int) {
	sub := n.subs[0]
	if !hasGroups(sub) {
		return
	}
	for count := 0; ; count++ {
		if from == to {
			// An empty iteration sets the groups only where one is due.
			if count < n.min || count == 0 && n.max != 0 && m.reaches(sub, from, to, limit) {
				m.assign(sub, from, to, limit)
			}
			return
		}
		left := &node{op: opRepeat, subs: n.subs, min: max(0, n.min-count-1), max: n.max}
		if n.max >= 0 {
			left.max = n.max - count - 1
		}
		if n.max < 0 && n.min <= count+1 {
			left = n.star()
		}
		moved := false
		for _, e := range m.ends(sub, from, limit) {
			if e <= to && (e > from || n.min > count+1) && m.reaches(left, e, to, limit) {
				m.assign(sub, from, e, limit)
				moved = e > from
				from = e
				break
			}
		}
		if !moved && from != to && n.min <= count+1 {
			return
		}
	}
}

// star is n without a lower bound.
func (n *node) star() *node {
	if n.min == 0 {
		return n
	}
	if n.rest == nil {
		n.rest = &node{op: opRepeat, subs: n.subs, max: n.max}
	}
	return n.rest
}

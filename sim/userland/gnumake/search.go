package gnumake

import (
	"slices"
	"strings"
)

// maxChain bounds how many implicit rules may follow one another.
const maxChain = 20

// candidate is a pattern rule that a file's name fits.
type candidate struct {
	rule *patternRule
	stem string
	dir  string // what of the name stands before the stem's pattern
	at   int    // which of the rule's targets
}

// implicit looks for a pattern rule that makes f, and gives f its prerequisites and recipe.
func (m *maker) implicit(f *file) bool { return m.search(f, f.name, 0) }

func (m *maker) search(f *file, name string, chain int) bool {
	if chain > maxChain {
		return false
	}
	m.c.Step(len(m.rules))
	dir, base := "", name
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		dir, base = name[:i+1], name[i+1:]
	}
	var found []candidate
	specific := false
	for _, r := range m.rules {
		if r.inUse {
			continue
		}
		for at, t := range r.targets {
			word, prefix := name, ""
			if !strings.Contains(t, "/") {
				word, prefix = base, dir
			}
			stem, ok := match(t, word)
			if !ok || stem == "" {
				continue
			}
			if t != "%" && !r.terminal {
				specific = true
			}
			if r.cmds == nil {
				continue // it stands there only to be specific
			}
			found = append(found, candidate{r, stem, prefix, at})
			break
		}
	}
	if specific {
		found = slices.DeleteFunc(found, func(c candidate) bool { return c.rule.targets[c.at] == "%" && !c.rule.terminal })
	}
	slices.SortStableFunc(found, func(a, b candidate) int { return len(a.dir+a.stem) - len(b.dir+b.stem) })
	for _, chaining := range []bool{false, true} {
		for _, c := range found {
			if chaining && c.rule.terminal {
				continue
			}
			if m.try(f, c, chaining, chain) {
				return true
			}
		}
	}
	return false
}

// try sees whether a candidate's prerequisites are there or can be made.
func (m *maker) try(f *file, c candidate, chaining bool, chain int) bool {
	r := c.rule
	full := c.dir + c.stem
	var deps []dep
	var makes []*file // files that a further implicit rule makes
	r.inUse = true
	defer func() { r.inUse = false }()
	names, order := r.deps, r.order
	if r.second {
		names, order = m.secondly(f, r, full)
	}
	for i, d := range names {
		if before, after, ok := cutPercent(d); ok {
			d = before + c.stem + after
			if c.dir != "" && !strings.HasPrefix(d, "/") {
				d = c.dir + d
			}
		}
		for _, name := range m.globOrSelf(d) {
			name = trimDots(name)
			if known := m.files[name]; known != nil && (known.target || m.mentioned(known)) && !known.made {
				deps = append(deps, dep{file: known, orderOnly: order[i]})
				continue
			}
			if m.exists(name) || m.viaVpath(name) != "" {
				deps = append(deps, dep{file: m.enter(name), orderOnly: order[i]})
				continue
			}
			if !chaining {
				return false
			}
			mid := &file{name: name, made: true, searchd: true}
			if known := m.files[name]; known != nil {
				mid.keep, mid.second, mid.phony = known.keep, known.second, known.phony
			}
			if !m.search(mid, name, chain+1) {
				return false
			}
			makes = append(makes, mid)
			deps = append(deps, dep{file: mid, orderOnly: order[i]})
		}
	}
	for i := range deps {
		if mid := deps[i].file; slices.Contains(makes, mid) {
			if known := m.files[mid.name]; known != nil {
				known.deps, known.cmds, known.stem, known.made, known.searchd = append(mid.deps, known.deps...), mid.cmds, mid.stem, true, true
				known.also = mid.also
				deps[i].file = known
			} else {
				m.files[mid.name] = mid
				m.order = append(m.order, mid)
			}
		}
	}
	f.deps = append(deps, f.deps...)
	f.cmds, f.stem = r.cmds, full
	for i, t := range r.targets {
		if i == c.at {
			continue
		}
		if before, after, ok := cutPercent(t); ok {
			other := before + c.stem + after
			if !strings.Contains(t, "/") {
				other = c.dir + other
			}
			o := m.enter(other)
			f.also = append(f.also, o)
		}
	}
	return true
}

// mentioned says whether a makefile names f, be it as a prerequisite.
func (m *maker) mentioned(f *file) bool { return m.files[f.name] == f && !f.made }

// secondly expands the prerequisites of a pattern rule once more, for f.
func (m *maker) secondly(f *file, r *patternRule, stem string) (names []string, order []bool) {
	s := newScope(nil)
	s.set("@", f.name, fromAutomatic, false)
	s.set("*", stem, fromAutomatic, false)
	for i, d := range r.deps {
		if strings.Contains(d, "$") {
			if before, after, ok := cutPercent(d); ok {
				d = before + stem + after
			}
			for _, w := range splitWords(m.expand(d, s)) {
				names, order = append(names, w), append(order, r.order[i])
			}
			continue
		}
		names, order = append(names, d), append(order, r.order[i])
	}
	return names, order
}

// viaVpath finds a file in the directories of vpath directives and of VPATH.
func (m *maker) viaVpath(name string) string {
	if strings.HasPrefix(name, "/") {
		return ""
	}
	try := func(dirs []string) string {
		for _, d := range dirs {
			if full := strings.TrimSuffix(d, "/") + "/" + name; m.exists(full) {
				return full
			}
		}
		return ""
	}
	for _, v := range m.vpaths {
		if _, ok := match(v.pattern, name); ok {
			if full := try(v.dirs); full != "" {
				return full
			}
		}
	}
	if v, _ := m.lookup("VPATH", nil); v != nil {
		return try(strings.FieldsFunc(m.expand("$(VPATH)", nil), func(r rune) bool { return r == ':' || r == ' ' || r == '\t' }))
	}
	return ""
}

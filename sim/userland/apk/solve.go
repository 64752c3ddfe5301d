package apk

import (
	"cmp"
	"slices"
	"strings"

	"github.com/dockerlab/dockerlab/sim/catalog/alpine"
)

// wish is how the package of a name is to be chosen, beside what its dependencies ask for.
type wish struct {
	upgrade   bool // the newest, not the one that is installed
	latest    bool // the newest, even if it cannot be installed
	reinstall bool
	keep      bool // the installed one even in an upgrade
}

// request is what is to be solved.
type request struct {
	world []alpine.Dependency
	every wish            // of all packages
	named map[string]wish // of some
	// loose takes packages that cannot be together: for fetching them.
	loose bool
}

// wish is that of a name.
func (q *request) wish(name string) wish {
	w, n := q.every, q.named[name]
	w.upgrade = w.upgrade || n.upgrade
	w.latest = w.latest || n.latest
	w.reinstall = w.reinstall || n.reinstall
	w.keep = n.keep
	return w
}

// demand is a dependency, with the package that has it; nil for the world.
type demand struct {
	alpine.Dependency
	by *candidate
}

// solution is what provides each name that is needed.
type solution struct {
	chosen  map[string]*candidate
	version map[string]string // in which version a name is provided
	demands map[string][]demand
	errors  int
	broken  map[*candidate]bool
	missing map[string]bool // names that nothing provides
}

// maxTries bounds how often solve begins anew with what it has learned.
const maxTries = 500

// solve finds the packages that the world needs. Choosing a package can rule out another one that
// was chosen before; then it begins anew without that one, unless nothing else would do. The result
// has errors where there is no solution; it is then as near to one as can be.
func (db *database) solve(q request) *solution {
	slices.SortStableFunc(q.world, func(a, b alpine.Dependency) int { return strings.Compare(a.Name, b.Name) })
	t := &trying{db: db, request: q, banned: map[*candidate]bool{}}
	for range maxTries {
		s, again := t.once(false)
		if s != nil {
			return s
		}
		if !again {
			break
		}
	}
	t.banned = map[*candidate]bool{}
	s, _ := t.once(true)
	return s
}

// trying is the search for a solution.
type trying struct {
	db      *database
	request request
	banned  map[*candidate]bool // by what was learned in earlier tries
	*solution
	order []string // names that are needed, as they came up
}

// once goes through what is needed once. Without lenient it gives nil where it failed, and says
// whether it has learned something from that.
func (t *trying) once(lenient bool) (s *solution, again bool) {
	t.solution = &solution{chosen: map[string]*candidate{}, version: map[string]string{}, demands: map[string][]demand{}, broken: map[*candidate]bool{}, missing: map[string]bool{}}
	t.order = nil
	for _, d := range t.request.world {
		if culprit, ok := t.need(demand{d, nil}); !ok && !lenient {
			return nil, t.ban(culprit)
		}
	}
	for {
		name, ok := t.next()
		if !ok {
			if !t.installBy() {
				break
			}
			continue
		}
		best := t.best(name, lenient)
		if best == nil {
			if !lenient {
				// Whoever needs it cannot be chosen.
				for _, d := range t.demands[name] {
					if d.by != nil && !d.Conflict && t.ban(d.by) {
						return nil, true
					}
				}
				return nil, false
			}
			t.missing[name] = true
			t.errors++
			continue
		}
		if culprit := t.choose(name, best, lenient); culprit != nil {
			if !t.ban(culprit) {
				return nil, t.ban(best)
			}
			return nil, true
		}
	}
	if lenient && t.errors == 0 {
		t.errors = 1
	}
	return t.solution, false
}

// ban rules a package out in further tries; it reports whether that is new.
func (t *trying) ban(c *candidate) bool {
	if c == nil || t.banned[c] {
		return false
	}
	t.banned[c] = true
	return true
}

// need notes a demand. It is not ok where it contradicts what is chosen: culprit.
func (t *trying) need(d demand) (culprit *candidate, ok bool) {
	if d.Conflict && t.request.loose {
		return nil, true
	}
	if _, seen := t.demands[d.Name]; !seen {
		t.order = append(t.order, d.Name)
	}
	t.demands[d.Name] = append(t.demands[d.Name], d)
	if c := t.chosen[d.Name]; c != nil && !met(d.Dependency, c, t.version[d.Name]) {
		return c, false
	}
	return nil, true
}

// met says that a dependency is content with a package that provides its name in that version; nil
// for none.
func met(d alpine.Dependency, c *candidate, version string) bool {
	if c == nil {
		return d.Conflict
	}
	allowed := d.Allows(version)
	if d.Op == "><" {
		allowed = c.Checksum == d.Version
	}
	return allowed != d.Conflict
}

// next is the name to decide on: one that leaves no choice, else the first whose package is asked
// for by its own name. A name that packages share comes last, as they may be asked for yet.
func (t *trying) next() (string, bool) {
	first, found, shared := "", false, true
	for _, name := range t.order {
		if t.chosen[name] != nil || t.missing[name] || !slices.ContainsFunc(t.demands[name], func(d demand) bool { return !d.Conflict }) {
			continue
		}
		options, named := 0, false
		for _, c := range t.db.providers(name) {
			if t.allowed(name, c) {
				options++
				named = named || c.Name == name
			}
		}
		if options == 1 {
			return name, true
		}
		if !found || shared && named {
			first, found, shared = name, true, !named
		}
	}
	return first, found
}

// allowed says that a package can be chosen for a name as things stand.
func (t *trying) allowed(name string, c *candidate) bool {
	if t.banned[c] || !c.available() || !t.tagged(c) {
		return false
	}
	version, _ := c.Provided(name)
	for _, d := range t.demands[name] {
		if !met(d.Dependency, c, version) {
			return false
		}
	}
	return true
}

// tagged says that one of the package's repositories may be used: those without a tag, and those
// whose tag the world gives to the name.
func (t *trying) tagged(c *candidate) bool {
	if c.installed != nil || c.virtual || c.file != "" || len(c.repos) == 0 {
		return true
	}
	for _, i := range c.repos {
		tag := t.db.repos[i].tag
		if tag == "" || slices.ContainsFunc(t.request.world, func(d alpine.Dependency) bool { return d.Tag == tag }) {
			return true
		}
	}
	return false
}

// best is the package to choose for a name, nil where there is none.
func (t *trying) best(name string, lenient bool) *candidate {
	var best *candidate
	for _, c := range t.db.providers(name) {
		version, _ := c.Provided(name)
		if !lenient && !t.allowed(name, c) || !c.available() {
			continue
		}
		// What only shares a name, and was not asked for, is not for apk to choose.
		asked := slices.ContainsFunc(t.demands[c.Name], func(d demand) bool { return !d.Conflict })
		if version == "" && c.Name != name && c.Priority == 0 && !asked && c.installed == nil && !t.alone(name, c) {
			continue
		}
		if best == nil || t.compare(name, c, best) > 0 {
			best = c
		}
	}
	return best
}

// alone says that no package of another name provides it.
func (t *trying) alone(name string, c *candidate) bool {
	return t.db.s.since("2.10.0") && !slices.ContainsFunc(t.db.providers(name), func(other *candidate) bool { return other.Name != c.Name })
}

// compare tells which of two packages to choose for a name: above 0 for a.
func (t *trying) compare(name string, a, b *candidate) int {
	flag := func(a, b bool) int {
		if a == b {
			return 0
		}
		if a {
			return 1
		}
		return -1
	}
	wa, wb := t.request.wish(a.Name), t.request.wish(b.Name)
	latest := wa.latest || wb.latest
	if !latest {
		if r := flag(t.allowed(name, a), t.allowed(name, b)); r != 0 {
			return r
		}
		if wa.keep || wb.keep {
			if r := flag(a.installed != nil, b.installed != nil); r != 0 {
				return r
			}
		}
		if !wa.upgrade && !wb.upgrade {
			if r := flag(a.installed != nil, b.installed != nil); r != 0 {
				return r
			}
		}
	}
	va, _ := a.Provided(name)
	vb, _ := b.Provided(name)
	first := func(c *candidate) int {
		if len(c.repos) == 0 {
			return 0
		}
		return slices.Min(c.repos) + 1
	}
	sameName := 0
	if a.Name == b.Name {
		sameName = alpine.Compare(a.Version, b.Version)
	}
	return cmp.Or(alpine.Compare(va, vb), sameName, flag(a.installed != nil, b.installed != nil), cmp.Compare(a.Priority, b.Priority), cmp.Compare(first(b), first(a)))
}

// choose takes a package for all that it provides. culprit is one that was chosen and cannot stay.
func (t *trying) choose(name string, c *candidate, lenient bool) (culprit *candidate) {
	fail := func(other *candidate) bool {
		if !lenient {
			culprit = other
			return true
		}
		if !t.broken[c] {
			t.broken[c], t.errors = true, t.errors+1
		}
		return false
	}
	take := func(name, version string) bool {
		if old := t.chosen[name]; old != nil && old != c {
			// Several may provide a name without a version.
			if (version != "" || t.version[name] != "") && !t.request.loose && fail(old) {
				return false
			}
			return true
		}
		for _, d := range t.demands[name] {
			if !met(d.Dependency, c, version) && !t.request.loose && fail(d.by) {
				return false
			}
		}
		t.chosen[name], t.version[name] = c, version
		return true
	}
	if !take(c.Name, c.Version) {
		return culprit
	}
	for _, p := range c.Provides {
		if !take(p.Name, p.Version) {
			return culprit
		}
	}
	for _, d := range c.Depends {
		if other, ok := t.need(demand{d, c}); !ok && fail(other) {
			return culprit
		}
	}
	return nil
}

// installBy chooses packages that install themselves where others are; it reports whether there was
// one.
func (t *trying) installBy() bool {
	some := false
	for _, c := range t.db.selfInstalling() {
		if t.chosen[c.Name] != nil || t.banned[c] || !t.tagged(c) || slices.ContainsFunc(t.demands[c.Name], func(d demand) bool {
			return d.Conflict && met(alpine.Dependency{Name: d.Name, Op: d.Op, Version: d.Version}, c, c.Version)
		}) {
			continue
		}
		if !slices.ContainsFunc(c.InstallIf, func(d alpine.Dependency) bool {
			return t.chosen[d.Name] == nil || !met(d, t.chosen[d.Name], t.version[d.Name])
		}) {
			if t.choose(c.Name, c, false) == nil {
				some = true
			} else {
				t.banned[c] = true
			}
		}
	}
	return some
}

// selfInstalling are the packages that install themselves where others are.
func (db *database) selfInstalling() []*candidate {
	if !db.selfKnown {
		db.selfKnown = true
		db.bySelf = slices.DeleteFunc(slices.Clone(db.installed), func(c *candidate) bool { return len(c.InstallIf) == 0 })
		for i, r := range db.repos {
			if r.index == nil {
				continue
			}
			for _, p := range r.index.SelfInstalling() {
				if c := db.wrap(p, i); !slices.Contains(db.bySelf, c) {
					db.bySelf = append(db.bySelf, c)
				}
			}
		}
	}
	return db.bySelf
}

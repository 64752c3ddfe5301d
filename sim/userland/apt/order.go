package apt

import (
	"cmp"
	"slices"

	"github.com/dockerlab/dockerlab/sim/catalog/debian"
)

// order puts what is planned in the order in which APT fetches, unpacks and removes it: what others
// depend on comes before them, removals are the other way round. It follows pkgOrderList: the
// packages by score and name, each visited after its dependencies.
func (p *plan) order() []string {
	o := ordering{plan: p, in: map[string]bool{}, seen: map[string]bool{}}
	for name := range p.coming {
		o.in[name] = true
	}
	for name := range p.going {
		o.in[name] = true
	}
	for name := range p.purging {
		if p.installed(name) == nil {
			o.in[name] = true
		}
	}
	roots := sortedKeys(o.in)
	slices.SortStableFunc(roots, func(a, b string) int {
		return cmp.Or(cmp.Compare(o.now(b), o.now(a)), cmp.Compare(o.score(b), o.score(a)), cmp.Compare(a, b))
	})
	for _, name := range roots {
		o.visit(name)
	}
	// Then once more by what has to be configured before something is unpacked.
	first := o.done
	o.done, o.seen, o.pre = nil, map[string]bool{}, true
	for _, name := range first {
		o.visit(name)
	}
	return o.done
}

type ordering struct {
	*plan
	in, seen map[string]bool
	done     []string
	pre      bool
	depth    int
}

// now tells what is installed from what is not.
func (o *ordering) now(name string) int {
	if o.installed(name) != nil {
		return 1
	}
	return 0
}

func (o *ordering) score(name string) int {
	a := o.coming[name]
	if a == nil {
		return 100
	}
	n := priority(a.Control)
	if a.Get("Essential") == "yes" {
		n += 200
	}
	if a.Get("Pre-Depends") != "" {
		n += 50
	}
	return n
}

func (o *ordering) visit(name string) {
	if !o.in[name] || o.seen[name] {
		return
	}
	o.seen[name] = true
	o.s.c.Step(5)
	o.depth++
	if a := o.coming[name]; a != nil {
		o.dependencies(a, "Pre-Depends")
		if !o.pre || o.depth > 1 {
			o.dependencies(a, "Depends")
		}
	} else if !o.pre {
		o.dependents(name)
	}
	o.depth--
	o.done = append(o.done, name)
}

// dependencies visits what a package that comes depends on.
func (o *ordering) dependencies(a *available, field string) {
	for _, clause := range debian.ParseRelations(a.Get(field)) {
		if o.pre && slices.ContainsFunc(clause, o.metByNow) {
			continue
		}
		for _, r := range clause {
			for _, name := range append([]string{r.Name}, o.providers(r.Name)...) {
				if c := o.coming[name]; c != nil && meets(c.Control, r) {
					o.visit(name)
				}
			}
		}
	}
}

// metByNow says that what is installed, or was visited, meets a relation.
func (o *ordering) metByNow(r debian.Relation) bool {
	for _, name := range append([]string{r.Name}, o.providers(r.Name)...) {
		if c := o.coming[name]; c != nil && slices.Contains(o.done, name) && meets(c.Control, r) {
			return true
		}
		if q := o.installed(name); q != nil && o.coming[name] == nil && meets(q.Control, r) {
			return true
		}
	}
	return false
}

// dependents visits one of those that depend on a package that goes, and go too.
func (o *ordering) dependents(name string) {
	q := o.installed(name)
	if q == nil {
		return
	}
	for _, other := range o.db.Packages() {
		if !o.going[other.Name()] || o.seen[other.Name()] {
			continue
		}
		for _, field := range []string{"Depends", "Pre-Depends"} {
			for _, clause := range debian.ParseRelations(other.Get(field)) {
				if slices.ContainsFunc(clause, func(r debian.Relation) bool { return meets(q.Control, r) }) {
					o.visit(other.Name())
					return
				}
			}
		}
	}
}

package apk

import (
	"slices"

	"github.com/dockerlab/dockerlab/sim/catalog/alpine"
)

// change is a step from what is installed to what is to be: old is nil for something new, new for
// something that goes. They are the same for what stays.
type change struct {
	old, new  *candidate
	reinstall bool
}

// does says that the change does something.
func (c change) does() bool { return c.old != c.new || c.reinstall }

// name is the name of the package that changes.
func (c change) name() string {
	if c.new != nil {
		return c.new.Name
	}
	return c.old.Name
}

// ordering puts changes in order: a package after those that it depends on, and one that goes before
// those that were there for it.
type ordering struct {
	db        *database
	request   request
	solution  *solution
	changes   []change
	names     map[string]bool       // that are dealt with
	packages  map[*candidate]bool   // likewise
	installed map[string]*candidate // by all names that they have with a version
	needed    map[string]int        // how many need an installed package, by its own name
}

// order gives the changes that lead to a solution, with what stays among them.
func (db *database) order(q request, s *solution) []change {
	o := &ordering{db: db, request: q, solution: s, names: map[string]bool{}, packages: map[*candidate]bool{}, installed: map[string]*candidate{}, needed: map[string]int{}}
	for _, c := range db.installed {
		o.installed[c.Name] = c
		for _, p := range c.Provides {
			if p.Version != "" {
				o.installed[p.Name] = c
			}
		}
	}
	for _, c := range db.installed {
		o.count(c, 1)
	}
	for _, c := range db.installed {
		if o.needed[c.Name] == 0 && s.chosen[c.Name] == nil {
			o.remove(c)
		}
	}
	for _, d := range q.world {
		o.name(d.Name)
	}
	for _, c := range db.installed {
		o.name(c.Name)
	}
	return o.changes
}

// count notes that a package needs others, or, with -1, no more.
func (o *ordering) count(c *candidate, by int) {
	for _, d := range c.Depends {
		if other := o.installed[d.Name]; other != nil && !d.Conflict {
			o.needed[other.Name] += by
		}
	}
}

// name deals with a name: with the package that is chosen for it, and those that it depends on.
func (o *ordering) name(name string) {
	if o.names[name] {
		return
	}
	o.orphan(name)
	c := o.solution.chosen[name]
	if c == nil || o.packages[c] {
		return
	}
	o.packages[c] = true
	o.orphan(c.Name)
	for _, p := range c.Provides {
		o.orphan(p.Name)
	}
	old := o.db.owner(c.Name)
	for _, d := range c.Depends {
		o.name(d.Name)
	}
	reinstall := o.request.wish(c.Name).reinstall && old == c
	o.changes = append(o.changes, change{old, c, reinstall})
	for _, self := range o.db.selfInstalling() {
		if o.solution.chosen[self.Name] == self && !o.names[self.Name] && slices.ContainsFunc(self.InstallIf, func(d alpine.Dependency) bool { return d.Name == c.Name }) &&
			!slices.ContainsFunc(self.InstallIf, func(d alpine.Dependency) bool { return !o.names[d.Name] }) {
			o.name(self.Name)
		}
	}
	o.count(c, 1)
	if old != nil {
		o.release(old)
	}
}

// orphan deals with a name whose package goes, or is no longer the one of that name.
func (o *ordering) orphan(name string) {
	if o.names[name] {
		return
	}
	o.names[name] = true
	c := o.solution.chosen[name]
	if old := o.db.owner(name); old != nil && (c == nil || c.Name != name) {
		o.remove(old)
	}
}

// remove removes a package, after those that depend on it.
func (o *ordering) remove(c *candidate) {
	if chosen := o.solution.chosen[c.Name]; o.packages[c] || chosen != nil && chosen.Name == c.Name {
		return
	}
	o.names[c.Name], o.packages[c] = true, true
	for _, other := range dependants(c, o.db.installed) {
		o.remove(other)
	}
	for _, other := range o.db.installed {
		if o.needed[other.Name] == 0 && o.solution.chosen[other.Name] == nil && slices.ContainsFunc(other.InstallIf, func(d alpine.Dependency) bool { return d.Name == c.Name }) {
			o.remove(other)
		}
	}
	o.changes = append(o.changes, change{old: c})
	o.release(c)
}

// release notes that a package no longer needs others, and removes those that nobody needs then.
func (o *ordering) release(c *candidate) {
	for _, d := range c.Depends {
		other := o.installed[d.Name]
		if other == nil || d.Conflict {
			continue
		}
		if o.needed[other.Name]--; o.needed[other.Name] > 0 {
			continue
		}
		if named := o.db.owner(d.Name); named != nil {
			o.remove(named)
		}
	}
}

package apt

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dockerlab/dockerlab/sim/catalog/debian"
)

// plan is what is to change: packages that come, stay and go.
type plan struct {
	*cache
	coming     map[string]*available // to be installed, upgraded or installed again
	again      map[string]bool       // of those: the same version once more
	going      map[string]bool
	purging    map[string]bool
	asked      map[string]bool // by the user
	broken     []string        // what cannot be met, as the user is told
	recommends bool
	suggests   bool
	depth      int
}

func (k *cache) plan() *plan {
	return &plan{
		cache: k, coming: map[string]*available{}, again: map[string]bool{}, going: map[string]bool{}, purging: map[string]bool{}, asked: map[string]bool{},
		recommends: k.s.config.flag("APT::Install-Recommends", true), suggests: k.s.config.flag("APT::Install-Suggests", false),
	}
}

// after is the control data of a package as it will be; nil if it will not be there.
func (p *plan) after(name string) debian.Control {
	if c := p.coming[name]; c != nil {
		return c.Control
	}
	if p.going[name] {
		return nil
	}
	if q := p.installed(name); q != nil {
		return q.Control
	}
	return nil
}

// met says that a relation will hold.
func (p *plan) met(r debian.Relation) bool {
	if meets(p.after(r.Name), r) {
		return true
	}
	return slices.ContainsFunc(p.providers(r.Name), func(name string) bool { return meets(p.after(name), r) })
}

func (p *plan) anyMet(clause []debian.Relation) bool { return slices.ContainsFunc(clause, p.met) }

// maxDepth bounds how far dependencies are followed.
const maxDepth = 3000

// install plans a package and what it needs. It is automatic if nobody asked for it.
func (p *plan) install(a *available) {
	name := a.Get("Package")
	p.s.c.Step(5)
	if p.depth > maxDepth || p.coming[name] != nil {
		return
	}
	if q := p.installed(name); q != nil && !p.going[name] && q.Version() == a.Get("Version") {
		return
	}
	p.depth++
	defer func() { p.depth-- }()
	p.coming[name] = a
	delete(p.going, name)
	if !p.asked[name] && p.installed(name) == nil {
		p.auto[name] = true
	}
	p.exclude(a)
	for _, field := range []string{"Pre-Depends", "Depends"} {
		for _, clause := range debian.ParseRelations(a.Get(field)) {
			if p.anyMet(clause) {
				continue
			}
			if choice := p.choose(clause); choice != nil {
				p.install(choice)
			}
		}
	}
	for _, field := range []struct {
		name string
		on   bool
	}{{"Recommends", p.recommends}, {"Suggests", p.suggests}} {
		if !field.on {
			continue
		}
		for _, clause := range debian.ParseRelations(a.Get(field.name)) {
			if p.anyMet(clause) {
				continue
			}
			if choice := p.choose(clause); choice != nil && p.possible(choice, map[string]bool{}) {
				p.install(choice)
			}
		}
	}
}

// choose finds what could meet a clause: the first that is to be had, by its name or by one that it
// provides.
func (p *plan) choose(clause []debian.Relation) *available {
	for _, r := range clause {
		if c := p.candidate(r.Name); c != nil && meets(c.Control, r) && !p.held(r.Name) {
			return c
		}
		var best *available
		for _, name := range p.providers(r.Name) {
			c := p.candidate(name)
			if c == nil || !meets(c.Control, r) || p.held(name) {
				continue
			}
			if best == nil || priority(c.Control) > priority(best.Control) {
				best = c
			}
		}
		if best != nil {
			return best
		}
	}
	return nil
}

// held says that a package is to stay as it is.
func (p *plan) held(name string) bool {
	q := p.db.Package(name)
	return q != nil && q.Want == "hold" && p.installed(name) != nil
}

// priority is how much a package matters.
func priority(c debian.Control) int {
	return map[string]int{"required": 5, "important": 4, "standard": 3, "optional": 1}[c.Get("Priority")]
}

// possible says that what a package depends on is to be had, and that nothing that is there would
// have to go for it.
func (p *plan) possible(a *available, seen map[string]bool) bool {
	name := a.Get("Package")
	if seen[name] || len(seen) > maxDepth {
		return true
	}
	seen[name] = true
	for _, clause := range debian.ParseRelations(a.Get("Conflicts")) {
		for _, other := range append(p.providers(clause[0].Name), clause[0].Name) {
			if c := p.after(other); other != name && meets(c, clause[0]) {
				return false
			}
		}
	}
	for _, field := range []string{"Pre-Depends", "Depends"} {
		for _, clause := range debian.ParseRelations(a.Get(field)) {
			if p.anyMet(clause) {
				continue
			}
			choice := p.choose(clause)
			if choice == nil || !p.possible(choice, seen) {
				return false
			}
		}
	}
	return true
}

// exclude plans the removal of what cannot be there together with a package.
func (p *plan) exclude(a *available) {
	name := a.Get("Package")
	for _, field := range []string{"Conflicts", "Breaks"} {
		for _, clause := range debian.ParseRelations(a.Get(field)) {
			for _, other := range append(p.providers(clause[0].Name), clause[0].Name) {
				if other != name && meets(p.after(other), clause[0]) && p.coming[other] == nil {
					p.remove(other, false)
				}
			}
		}
	}
	for _, q := range p.db.Packages() {
		if q.Name() == name || p.after(q.Name()) == nil || p.coming[q.Name()] != nil {
			continue
		}
		for _, field := range []string{"Conflicts", "Breaks"} {
			for _, clause := range debian.ParseRelations(q.Get(field)) {
				if meets(a.Control, clause[0]) {
					p.remove(q.Name(), false)
				}
			}
		}
	}
}

// remove plans that a package goes, and with it all that depends on it.
func (p *plan) remove(name string, purge bool) {
	p.s.c.Step(5)
	if purge && p.db.Package(name) != nil {
		p.purging[name] = true
	}
	if p.installed(name) == nil || p.going[name] {
		return
	}
	p.going[name] = true
	delete(p.coming, name)
	for _, q := range p.db.Packages() {
		if p.after(q.Name()) == nil || p.coming[q.Name()] != nil {
			continue
		}
		for _, field := range []string{"Pre-Depends", "Depends"} {
			for _, clause := range debian.ParseRelations(q.Get(field)) {
				if !p.anyMet(clause) && p.wasMet(clause) {
					p.remove(q.Name(), purge)
				}
			}
		}
	}
}

// wasMet says that a clause holds now.
func (p *plan) wasMet(clause []debian.Relation) bool {
	return slices.ContainsFunc(clause, func(r debian.Relation) bool {
		for _, name := range append(p.providers(r.Name), r.Name) {
			if q := p.installed(name); q != nil && meets(q.Control, r) {
				return true
			}
		}
		return false
	})
}

// check looks for what will not be met or cannot be together, and fills broken.
func (p *plan) check() {
	for _, name := range sortedKeys(p.coming) {
		a := p.coming[name]
		var lines []string
		for _, kind := range []string{"PreDepends", "Depends", "Conflicts", "Breaks"} {
			field := strings.Replace(kind, "PreDepends", "Pre-Depends", 1)
			for _, clause := range debian.ParseRelations(a.Get(field)) {
				if kind == "Conflicts" || kind == "Breaks" {
					for _, other := range append(p.providers(clause[0].Name), clause[0].Name) {
						if c := p.after(other); other != name && meets(c, clause[0]) {
							text := clause[0].String()
							if other == clause[0].Name {
								text += " but " + c.Get("Version") + " is to be installed"
							}
							lines = append(lines, kind+": "+text)
						}
					}
					continue
				}
				if p.anyMet(clause) {
					continue
				}
				for i, r := range clause {
					text := kind + ": "
					if i > 0 {
						text = strings.Repeat(" ", len(kind)+2)
					}
					text += r.String() + p.whyNot(r)
					if i < len(clause)-1 {
						text += " or"
					}
					lines = append(lines, text)
				}
			}
		}
		if len(lines) == 0 {
			continue
		}
		p.broken = append(p.broken, " "+name+" : "+strings.Join(lines, "\n"+strings.Repeat(" ", len(name)+4)))
	}
}

// whyNot says why a relation does not hold.
func (p *plan) whyNot(r debian.Relation) string {
	if len(p.providers(r.Name)) > 0 {
		return ""
	}
	switch c := p.after(r.Name); {
	case c != nil:
		return " but " + c.Get("Version") + " is to be installed"
	case p.candidate(r.Name) == nil:
		return " but it is not installable"
	}
	return " but it is not going to be installed"
}

// garbage are the packages that are installed because others depended on them, and that nobody
// needs any more.
func (p *plan) garbage() []string {
	needed := map[string]bool{}
	var mark func(name string)
	fields := []string{"Pre-Depends", "Depends"}
	if p.s.config.flag("APT::AutoRemove::RecommendsImportant", true) {
		fields = append(fields, "Recommends")
	}
	if p.s.config.flag("APT::AutoRemove::SuggestsImportant", true) {
		fields = append(fields, "Suggests")
	}
	mark = func(name string) {
		if needed[name] {
			return
		}
		c := p.after(name)
		if c == nil {
			return
		}
		needed[name] = true
		p.s.c.Step(5)
		for _, field := range fields {
			for _, clause := range debian.ParseRelations(c.Get(field)) {
				for _, r := range clause {
					for _, other := range append(p.providers(r.Name), r.Name) {
						if meets(p.after(other), r) {
							mark(other)
						}
					}
				}
			}
		}
	}
	var all []string
	for _, q := range p.db.Packages() {
		if q.There() {
			all = append(all, q.Name())
		}
	}
	for name := range p.coming {
		if p.installed(name) == nil {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	for _, name := range all {
		if c := p.after(name); c != nil && (!p.auto[name] || c.Get("Essential") == "yes" || c.Get("Protected") == "yes") {
			mark(name)
		}
	}
	var found []string
	for _, name := range all {
		if p.after(name) != nil && !needed[name] {
			found = append(found, name)
		}
	}
	return found
}

// autoremove deals with garbage: it goes, if the user said so, or is told of.
func (p *plan) autoremove() {
	purge := p.s.config.flag("APT::Get::Purge", false)
	garbage := p.garbage()
	if p.s.config.flag("APT::Get::AutomaticRemove", false) {
		for _, name := range garbage {
			if p.coming[name] != nil {
				delete(p.coming, name)
				continue
			}
			p.going[name] = true
			if purge {
				p.purging[name] = true
			}
		}
		return
	}
	garbage = slices.DeleteFunc(garbage, func(name string) bool { return p.coming[name] != nil && p.installed(name) == nil })
	if len(garbage) == 0 || p.s.config.flag("APT::Get::HideAutoRemove", false) {
		return
	}
	title, use := "The following packages were automatically installed and are no longer required:", "Use '%s' to remove them."
	if len(garbage) == 1 {
		title, use = "The following package was automatically installed and is no longer required:", "Use '%s' to remove it."
	}
	p.s.list(title, garbage)
	command := "apt autoremove"
	if p.s.c.Getenv("SUDO_USER") != "" {
		command = "sudo " + command
	}
	p.s.say("%s\n", fmt.Sprintf(use, command))
}

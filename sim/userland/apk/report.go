package apk

import (
	"slices"

	"github.com/dockerlab/dockerlab/sim/catalog/alpine"
)

// report tells why the world cannot be had: of each package of the attempt what it breaks, and of
// each name that nothing provides who needs it.
func (s *session) report(q request, solution *solution, changes []change) {
	if s.since("2.10.8") {
		s.fail("unable to select packages:")
	} else {
		s.fail("unsatisfiable constraints:")
	}
	s.c.Out.Flush()
	r := &reporter{session: s, world: q.world, present: map[string]bool{}, told: map[string]bool{}}
	for _, c := range changes {
		if c.new != nil {
			r.packages = append(r.packages, c.new)
			r.present[c.new.Name] = true
			for _, p := range c.new.Provides {
				r.present[p.Name] = true
			}
		}
	}
	r.names(q.world)
	for _, c := range r.packages {
		r.pkg(c)
		r.names(c.Depends)
	}
	if r.labels == 0 {
		s.c.Print("  Huh? Error reporter did not find the broken constraints.\n")
	}
}

// reporter writes a report.
type reporter struct {
	*session
	world    []alpine.Dependency
	packages []*candidate
	present  map[string]bool // names that some package has
	told     map[string]bool // names that were reported missing
	labels   int
	label    string // of what is to be told; "" once that is begun
	line     *indent
}

// begin begins a line of what there is to tell.
func (r *reporter) begin(text string) {
	if r.label != "" {
		r.c.Printf("  %s:\n", r.label)
		r.label = ""
		r.labels++
	}
	if r.line == nil {
		r.c.Printf("    %s", text)
		r.line = &indent{s: r.session, at: 4 + len(text) + 1, x: 4 + len(text)}
	}
}

// end ends it.
func (r *reporter) end() {
	if r.line != nil {
		r.c.Print("\n")
		r.line = nil
	}
}

// names tells of those that nothing provides.
func (r *reporter) names(all []alpine.Dependency) {
	for _, d := range all {
		if d.Conflict || r.present[d.Name] || r.told[d.Name] {
			continue
		}
		r.told[d.Name] = true
		providers := r.db.providers(d.Name)
		switch {
		case len(providers) > 0:
			r.label = d.Name + " (virtual)"
			if r.since("2.10.8") {
				r.begin("note:")
				for _, w := range []string{"please", "select", "one", "of", "the", "'provided", "by'", "packages", "explicitly"} {
					r.line.word(w)
				}
				r.end()
			}
			r.begin("provided by:")
			var shown []string
			for _, c := range providers {
				if !slices.Contains(shown, c.Name) {
					shown = append(shown, c.Name)
					r.line.word(c.Name)
				}
			}
			r.end()
		case r.since("2.10.8"):
			r.label = d.Name + " (no such package)"
		default:
			r.label = d.Name + " (missing)"
		}
		r.begin("required by:")
		for _, w := range r.world {
			if w.Name == d.Name && !w.Conflict {
				r.line.word("world[" + w.String() + "]")
			}
		}
		for _, c := range r.packages {
			for _, w := range c.Depends {
				if w.Name == d.Name && !w.Conflict {
					r.line.word(c.String() + "[" + w.String() + "]")
					break
				}
			}
		}
		r.end()
	}
}

// pkg tells what a package of the attempt is in the way of, and who needs it then.
func (r *reporter) pkg(c *candidate) {
	r.label = c.String()
	for _, p := range c.Provides {
		for _, other := range r.packages {
			version, ok := other.Provided(p.Name)
			if other == c || !ok || version == "" && p.Version == "" {
				continue
			}
			r.begin("conflicts:")
			r.line.word(other.String() + "[" + p.String() + "]")
		}
	}
	r.end()
	r.dependencies(c, "breaks:", func(d alpine.Dependency) bool { return relates(d, c) && c.Satisfies(plain(d)) == d.Conflict })
	if r.label == "" {
		r.dependencies(c, "satisfies:", func(d alpine.Dependency) bool { return relates(d, c) && !d.Conflict && c.Satisfies(d) })
	}
}

// plain is a dependency without its "!".
func plain(d alpine.Dependency) alpine.Dependency {
	d.Conflict = false
	return d
}

// relates says that a dependency is about a package.
func relates(d alpine.Dependency, c *candidate) bool {
	_, ok := c.Provided(d.Name)
	return ok
}

// dependencies lists who has a dependency of some kind.
func (r *reporter) dependencies(c *candidate, title string, is func(alpine.Dependency) bool) {
	for _, d := range r.world {
		if is(d) {
			r.begin(title)
			r.line.word("world[" + d.String() + "]")
		}
	}
	for _, other := range r.packages {
		for _, d := range other.Depends {
			if is(d) {
				r.begin(title)
				r.line.word(other.String() + "[" + d.String() + "]")
			}
		}
	}
	r.end()
}

package alpine

import (
	"fmt"
	"strings"
)

// Dependency is something that a package, or the world, needs: "musl>=1.1", "so:libz.so.1",
// "!uclibc". What a package provides has the same form.
type Dependency struct {
	Name     string
	Op       string // "", "<", "<=", "=", ">=", ">", "~" (begins with) or "><" (has this checksum)
	Version  string
	Tag      string // "edge" of name@edge: the repositories that it may come from
	Conflict bool   // "!": it must not be there
}

// ParseDependency reads one dependency.
func ParseDependency(s string) (Dependency, error) {
	var d Dependency
	rest, conflict := strings.CutPrefix(s, "!")
	d.Conflict = conflict
	d.Name = rest
	if i := strings.IndexAny(rest, "<>=~"); i >= 0 {
		d.Name = rest[:i]
		d.Version = strings.TrimLeft(rest[i:], "<>=~")
		op := rest[i : len(rest)-len(d.Version)]
		less, equal, greater, fuzzy := strings.Contains(op, "<"), strings.Contains(op, "="), strings.Contains(op, ">"), strings.Contains(op, "~")
		switch {
		case less && greater:
			d.Op = "><"
		case fuzzy:
			d.Op = "~"
		default:
			if less {
				d.Op = "<"
			}
			if greater {
				d.Op = ">"
			}
			if equal {
				d.Op += "="
			}
		}
		if d.Version == "" || d.Op != "><" && !ValidVersion(d.Version) {
			return Dependency{}, fmt.Errorf("alpine: %q is no dependency", s)
		}
	}
	if name, tag, ok := strings.Cut(d.Name, "@"); ok {
		d.Name, d.Tag = name, tag
	}
	if d.Name == "" || strings.ContainsAny(d.Name, " \n") {
		return Dependency{}, fmt.Errorf("alpine: %q is no dependency", s)
	}
	return d, nil
}

// ParseDependencies reads those that stand in a field, or a file, between white space. What is no
// dependency ends them, as in apk.
func ParseDependencies(s string) []Dependency {
	var all []Dependency
	for word := range strings.FieldsSeq(s) {
		d, err := ParseDependency(word)
		if err != nil {
			break
		}
		all = append(all, d)
	}
	return all
}

// String is the dependency as ParseDependency reads it.
func (d Dependency) String() string {
	s := d.Name
	if d.Conflict {
		s = "!" + s
	}
	if d.Tag != "" {
		s += "@" + d.Tag
	}
	if d.Version != "" {
		s += d.Op + d.Version
	}
	return s
}

// format writes dependencies, as a field has them.
func format(all []Dependency) string {
	words := make([]string, len(all))
	for i, d := range all {
		words[i] = d.String()
	}
	return strings.Join(words, " ")
}

// Allows says whether a version of what the dependency names is one that it asks for. The version
// is "" where a package provides the name without one.
func (d Dependency) Allows(version string) bool {
	if d.Op == "" {
		return true
	}
	if version == "" {
		return false
	}
	order := compare(version, d.Version, d.Op == "~")
	switch d.Op {
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case "=", "~":
		return order == 0
	case ">=":
		return order >= 0
	case ">":
		return order > 0
	}
	return false
}

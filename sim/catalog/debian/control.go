package debian

import (
	"fmt"
	"strings"
)

// Field is one field of a control stanza. The lines of a Value after the first keep the blank that
// they begin with.
type Field struct{ Name, Value string }

// Control is a stanza of control data, deb822(5), its fields in order.
type Control []Field

// Get is the value of the field of that name, "" where there is none.
func (c Control) Get(name string) string {
	for _, f := range c {
		if strings.EqualFold(f.Name, name) {
			return f.Value
		}
	}
	return ""
}

// String is the stanza as text, without the empty line that ends it.
func (c Control) String() string {
	var b strings.Builder
	for _, f := range c {
		b.WriteString(f.Name)
		b.WriteByte(':')
		if f.Value != "" && f.Value[0] != '\n' {
			b.WriteByte(' ')
		}
		b.WriteString(f.Value)
		b.WriteByte('\n')
	}
	return b.String()
}

// ParseControl reads one stanza.
func ParseControl(s string) (Control, error) {
	var c Control
	for line := range strings.Lines(s) {
		line = strings.TrimRight(line, "\n")
		if line == "" || line[0] == '#' {
			continue
		}
		if line[0] == ' ' || line[0] == '\t' {
			if len(c) == 0 {
				return nil, fmt.Errorf("debian: a continuation without a field: %q", line)
			}
			c[len(c)-1].Value += "\n" + line
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok || name == "" {
			return nil, fmt.Errorf("debian: not a field: %q", line)
		}
		c = append(c, Field{name, strings.TrimSpace(value)})
	}
	return c, nil
}

// Relation is a package named in Depends and its like: one of the alternatives of a clause.
type Relation struct {
	Name    string
	Op      string // "", "<<", "<=", "=", ">=" or ">>"
	Version string
}

// ParseRelations reads a field such as Depends: clauses that must all hold, each of which is
// alternatives of which one must. Architecture qualifiers are dropped: there is one architecture.
func ParseRelations(s string) [][]Relation {
	var all [][]Relation
	for clause := range strings.SplitSeq(s, ",") {
		var any []Relation
		for alternative := range strings.SplitSeq(clause, "|") {
			name, rest, _ := strings.Cut(strings.TrimSpace(alternative), " ")
			name, _, _ = strings.Cut(name, ":")
			if name == "" {
				continue
			}
			r := Relation{Name: name}
			if rest = strings.TrimSpace(rest); strings.HasPrefix(rest, "(") {
				inner, _, _ := strings.Cut(rest[1:], ")")
				r.Op = inner[:len(inner)-len(strings.TrimLeft(inner, "<>="))]
				r.Version = strings.TrimSpace(inner[len(r.Op):])
			}
			any = append(any, r)
		}
		if any != nil {
			all = append(all, any)
		}
	}
	return all
}

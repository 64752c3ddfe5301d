package debian

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Suite is a set of packages that belong together, a release of Debian. It reads what is asked of
// it when it is asked. It is safe for concurrent use.
type Suite struct {
	folders   []fs.FS
	index     func() (map[string]stanza, error)
	list      func() (string, error)
	providers func() map[string][]string // virtual package to the real ones, sorted

	mu       sync.Mutex
	control  map[string]Control
	packages map[string]*Package
}

// stanza is the control data of a package, not yet parsed.
type stanza struct {
	text   string
	folder fs.FS
}

// OpenSuite opens the suite in a folder, or in several: the first that has a package counts. It
// reads nothing yet.
func OpenSuite(folders ...fs.FS) *Suite {
	s := &Suite{folders: folders, control: map[string]Control{}, packages: map[string]*Package{}}
	s.index = sync.OnceValues(s.readIndex)
	s.list = sync.OnceValues(s.writeList)
	s.providers = sync.OnceValue(s.findProviders)
	return s
}

func (s *Suite) readIndex() (map[string]stanza, error) {
	index := map[string]stanza{}
	for _, folder := range s.folders {
		b, err := fs.ReadFile(folder, "Packages")
		if err != nil {
			return nil, fmt.Errorf("reading the list of packages: %w", err)
		}
		for text := range strings.SplitSeq(string(b), "\n\n") {
			name := fieldOf(text, "Package")
			if _, ok := index[name]; !ok && name != "" {
				index[name] = stanza{text, folder}
			}
		}
	}
	return index, nil
}

// fieldOf finds the first line of a field in a stanza without parsing the rest.
func fieldOf(text, name string) string {
	_, value, ok := strings.Cut("\n"+text, "\n"+name+":")
	if !ok {
		return ""
	}
	value, _, _ = strings.Cut(value, "\n")
	return strings.TrimSpace(value)
}

func (s *Suite) findProviders() map[string][]string {
	all := map[string][]string{}
	index, err := s.index()
	if err != nil {
		return all // whoever asks has met the error
	}
	for name, p := range index {
		for _, clause := range ParseRelations(fieldOf(p.text, "Provides")) {
			all[clause[0].Name] = append(all[clause[0].Name], name)
		}
	}
	for _, names := range all {
		slices.Sort(names)
	}
	return all
}

// Names are the names of all packages, sorted.
func (s *Suite) Names() ([]string, error) {
	index, err := s.index()
	return slices.Sorted(maps.Keys(index)), err
}

// List is the control data of all packages, one stanza each, by name.
func (s *Suite) List() (string, error) { return s.list() }

func (s *Suite) writeList() (string, error) {
	index, err := s.index()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(index)) {
		b.WriteString(strings.TrimRight(index[name].text, "\n") + "\n\n")
	}
	return b.String(), nil
}

// Providers are the packages that provide a name, sorted.
func (s *Suite) Providers(name string) []string { return s.providers()[name] }

// Control is what there is to know of a package but its files. It is nil where the suite has no
// package of that name.
func (s *Suite) Control(name string) (Control, error) {
	index, err := s.index()
	if err != nil {
		return nil, err
	}
	p, ok := index[name]
	if !ok {
		return nil, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.control[name]; c != nil {
		return c, nil
	}
	c, err := ParseControl(p.text)
	if err != nil {
		return nil, fmt.Errorf("package %s: %w", name, err)
	}
	s.control[name] = c
	return c, nil
}

// Package reads a package. It is nil where the suite has none of that name.
func (s *Suite) Package(name string) (*Package, error) {
	control, err := s.Control(name)
	if control == nil {
		return nil, err
	}
	index, err := s.index()
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.packages[name]; p != nil {
		return p, nil
	}
	b, err := fs.ReadFile(index[name].folder, name+".pkg")
	if err != nil {
		return nil, fmt.Errorf("reading the package %s: %w", name, err)
	}
	p, err := Parse(control, string(b))
	if err == nil {
		s.packages[name] = p
	}
	return p, err
}

// NotFoundError says that a suite lacks a package.
type NotFoundError struct{ Name string }

func (e *NotFoundError) Error() string { return "unable to locate package " + e.Name }

// Select tells which packages have to be installed for those wanted to be there, in an order in
// which each follows what it depends on, as far as that is possible. Those that are installed
// already are left out. Where a dependency can be met in several ways, one that is met already
// counts, else the first that the suite can meet. The error is a *NotFoundError for a wanted name
// that is neither a package nor provided by one alone.
func (s *Suite) Select(installed func(name string) bool, wanted []string, recommends bool) ([]string, error) {
	index, err := s.index()
	if err != nil {
		return nil, err
	}
	sel := selection{suite: s, index: index, installed: installed, wanted: wanted, chosen: map[string]bool{}}
	for _, name := range wanted {
		if _, ok := index[name]; !ok {
			p := s.providers()[name]
			if len(p) != 1 {
				return nil, &NotFoundError{name}
			}
			name = p[0]
		}
		sel.add(name)
	}
	for i := 0; recommends && i < len(sel.order); i++ {
		sel.meet(sel.order[i], "Recommends")
	}
	return sel.order, sel.err
}

// selection is the work of Select.
type selection struct {
	suite     *Suite
	index     map[string]stanza
	installed func(string) bool
	wanted    []string
	chosen    map[string]bool
	order     []string
	err       error
}

// add chooses a package of the suite and what it depends on.
func (s *selection) add(name string) {
	if s.chosen[name] || s.installed(name) {
		return
	}
	s.chosen[name] = true
	s.meet(name, "Pre-Depends")
	s.meet(name, "Depends")
	s.order = append(s.order, name)
}

// meet chooses what a field of a package asks for.
func (s *selection) meet(name, field string) {
	c, err := s.suite.Control(name)
	if err != nil && s.err == nil {
		s.err = err
	}
	for _, clause := range ParseRelations(c.Get(field)) {
		if slices.ContainsFunc(clause, s.there) {
			continue
		}
		for _, r := range clause {
			if _, ok := s.index[r.Name]; ok {
				s.add(r.Name)
				break
			}
			if p := s.suite.providers()[r.Name]; len(p) > 0 {
				s.add(s.best(p))
				break
			}
		}
	}
}

// best is which of several packages is taken: one that is wanted, else the one that matters most, else
// the first.
func (s *selection) best(names []string) string {
	rank := func(name string) int {
		if slices.Contains(s.wanted, name) {
			return len(priorities)
		}
		return slices.Index(priorities, fieldOf(s.index[name].text, "Priority"))
	}
	return slices.MaxFunc(names, func(a, b string) int { return rank(a) - rank(b) })
}

// priorities are those of packages, the highest last.
var priorities = []string{"extra", "optional", "standard", "important", "required"}

// there says that a relation is met.
func (s *selection) there(r Relation) bool {
	met := func(name string) bool { return s.chosen[name] || s.installed(name) }
	return met(r.Name) || slices.ContainsFunc(s.suite.providers()[r.Name], met)
}

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
	folders []fs.FS
	index   func() (*index, error)

	mu       sync.Mutex
	packages map[string]*Package
}

type index struct {
	control   map[string]Control
	folder    map[string]fs.FS
	providers map[string][]string // virtual package to the real ones, sorted
}

// OpenSuite opens the suite in a folder, or in several: the first that has a package counts. It
// reads nothing yet.
func OpenSuite(folders ...fs.FS) *Suite {
	s := &Suite{folders: folders, packages: map[string]*Package{}}
	s.index = sync.OnceValues(s.readIndex)
	return s
}

func (s *Suite) readIndex() (*index, error) {
	x := &index{control: map[string]Control{}, folder: map[string]fs.FS{}, providers: map[string][]string{}}
	for _, folder := range s.folders {
		b, err := fs.ReadFile(folder, "Packages")
		if err != nil {
			return nil, fmt.Errorf("reading the list of packages: %w", err)
		}
		for stanza := range strings.SplitSeq(string(b), "\n\n") {
			c, err := ParseControl(stanza)
			if err != nil {
				return nil, err
			}
			name := c.Get("Package")
			if name == "" || x.control[name] != nil {
				continue
			}
			x.control[name], x.folder[name] = c, folder
			for _, clause := range ParseRelations(c.Get("Provides")) {
				x.providers[clause[0].Name] = append(x.providers[clause[0].Name], name)
			}
		}
	}
	for _, p := range x.providers {
		slices.Sort(p)
	}
	return x, nil
}

// Names are the names of all packages, sorted.
func (s *Suite) Names() ([]string, error) {
	x, err := s.index()
	if err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(x.control)), nil
}

// Control is what there is to know of a package but its files. It is nil where the suite has no
// package of that name.
func (s *Suite) Control(name string) (Control, error) {
	x, err := s.index()
	if err != nil {
		return nil, err
	}
	return x.control[name], nil
}

// Package reads a package. It is nil where the suite has none of that name.
func (s *Suite) Package(name string) (*Package, error) {
	x, err := s.index()
	if err != nil || x.control[name] == nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.packages[name]; p != nil {
		return p, nil
	}
	b, err := fs.ReadFile(x.folder[name], name+".pkg")
	if err != nil {
		return nil, fmt.Errorf("reading the package %s: %w", name, err)
	}
	p, err := Parse(x.control[name], string(b))
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
	x, err := s.index()
	if err != nil {
		return nil, err
	}
	chosen := map[string]bool{}
	var order []string
	there := func(name string) bool {
		if chosen[name] || installed(name) {
			return true
		}
		return slices.ContainsFunc(x.providers[name], func(p string) bool { return chosen[p] || installed(p) })
	}
	var add func(name string)
	meet := func(fields ...string) func(c Control) {
		return func(c Control) {
			for _, field := range fields {
				for _, clause := range ParseRelations(c.Get(field)) {
					if slices.ContainsFunc(clause, func(r Relation) bool { return there(r.Name) }) {
						continue
					}
					for _, r := range clause {
						if x.control[r.Name] != nil {
							add(r.Name)
							break
						}
						if p := x.providers[r.Name]; len(p) > 0 {
							add(p[0])
							break
						}
					}
				}
			}
		}
	}
	needs, would := meet("Pre-Depends", "Depends"), meet("Recommends")
	var later []string
	add = func(name string) {
		if chosen[name] || installed(name) {
			return
		}
		chosen[name] = true
		needs(x.control[name])
		order = append(order, name)
		later = append(later, name)
	}
	for _, name := range wanted {
		if x.control[name] == nil {
			if p := x.providers[name]; len(p) == 1 {
				name = p[0]
			} else {
				return nil, &NotFoundError{name}
			}
		}
		add(name)
	}
	for i := 0; recommends && i < len(later); i++ {
		would(x.control[later[i]])
	}
	return order, nil
}

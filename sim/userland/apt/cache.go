package apt

import (
	"slices"
	"strings"

	"github.com/dockerlab/dockerlab/sim/catalog"
	"github.com/dockerlab/dockerlab/sim/catalog/debian"
	"github.com/dockerlab/dockerlab/sim/userland/dpkg"
)

// origin is a list of packages that an update left.
type origin struct {
	source
	component string
	archive   *catalog.Archive
	suite     *debian.Suite // nil: it has none
}

// site is what Get lines and the like call it: "http://deb.debian.org/debian bookworm/main".
func (o origin) site() string {
	return strings.TrimSuffix(o.uri, "/") + " " + o.dist + "/" + o.component
}

// available is one version of a package, and who has it.
type available struct {
	debian.Control
	origins []origin
	file    string // of a .deb that the command line named
}

// cache is what is installed and what can be.
type cache struct {
	s          *session
	db         *dpkg.Database
	origins    []origin
	auto       map[string]bool // installed because others depend on them
	local      map[string]*available
	candidates map[string]*available
	virtual    map[string][]string // names to the installed packages that provide them
	states     bool                // there is a file of automatic marks
}

const statesFile = "/var/lib/apt/extended_states"

// open reads the lists and the database.
func (s *session) open() (*cache, error) {
	k := &cache{s: s, db: dpkg.Open(s.c), auto: map[string]bool{}, local: map[string]*available{}, candidates: map[string]*available{}, virtual: map[string][]string{}}
	sources, err := s.sources()
	if err != nil {
		return nil, err
	}
	for _, src := range sources {
		a, err := s.archives.Archive(src.host(), src.path(), src.dist)
		if err != nil {
			return nil, err
		}
		if a == nil {
			continue
		}
		for _, component := range src.components {
			if _, ok := s.listFile(src, component); ok {
				k.origins = append(k.origins, origin{src, component, a, a.Packages(component)})
			}
		}
	}
	for _, p := range k.db.Packages() {
		if !p.There() {
			continue
		}
		for _, clause := range debian.ParseRelations(p.Get("Provides")) {
			k.virtual[clause[0].Name] = append(k.virtual[clause[0].Name], p.Name())
		}
	}
	if b, err := s.c.ReadFile(statesFile); err == nil {
		k.states = true
		for stanza := range strings.SplitSeq(string(b), "\n\n") {
			if c, err := debian.ParseControl(stanza); err == nil && c.Get("Auto-Installed") == "1" {
				k.auto[c.Get("Package")] = true
			}
		}
	}
	return k, nil
}

// listFile is where a list of packages lies, compressed or not.
func (s *session) listFile(src source, component string) (string, bool) {
	name := src.file(component + "/binary-" + dpkg.Architecture + "/Packages")
	for _, at := range []string{name, name + ".lz4"} {
		if _, err := s.c.Stat(at); err == nil {
			return at, true
		}
	}
	return name, false
}

// writeStates writes the automatic marks.
func (k *cache) writeStates() error {
	var b strings.Builder
	for _, name := range sortedKeys(k.auto) {
		if k.auto[name] {
			arch := dpkg.Architecture
			b.WriteString("Package: " + name + "\nArchitecture: " + arch + "\nAuto-Installed: 1\n\n")
		}
	}
	if b.Len() == 0 && !k.states {
		return nil
	}
	return k.s.c.WriteFile(statesFile, []byte(b.String()), 0o644)
}

// installed is the package of that name, if its files are there.
func (k *cache) installed(name string) *dpkg.Package {
	if p := k.db.Package(name); p.There() {
		return p
	}
	return nil
}

// versions are those that the archives have, the latest first.
func (k *cache) versions(name string) []*available {
	var all []*available
	if l := k.local[name]; l != nil {
		all = append(all, l)
	}
	for _, o := range k.origins {
		if o.suite == nil {
			continue
		}
		c, err := o.suite.Control(name)
		if err != nil || c == nil {
			continue
		}
		i := slices.IndexFunc(all, func(a *available) bool { return a.Get("Version") == c.Get("Version") })
		if i < 0 {
			all = append(all, &available{Control: c, origins: []origin{o}})
			continue
		}
		all[i].origins = append(all[i].origins, o)
	}
	slices.SortStableFunc(all, func(a, b *available) int { return debian.Compare(b.Get("Version"), a.Get("Version")) })
	return all
}

// candidate is what would be installed of a package: nil where no archive has it. One that somebody
// wants in another version is in candidates.
func (k *cache) candidate(name string) *available {
	if c, ok := k.candidates[name]; ok {
		return c
	}
	var found *available
	if all := k.versions(name); len(all) > 0 {
		found = all[0]
		if p := k.installed(name); p != nil && debian.Compare(p.Version(), found.Get("Version")) > 0 && found.file == "" {
			found = nil // there is a later one
		}
	}
	k.candidates[name] = found
	return found
}

// known says that a name is that of a package, installed or to be had.
func (k *cache) known(name string) bool {
	return k.db.Package(name) != nil || len(k.versions(name)) > 0
}

// names are those of all packages, sorted.
func (k *cache) names() []string {
	all := map[string]bool{}
	for _, p := range k.db.Packages() {
		all[p.Name()] = true
	}
	for _, o := range k.origins {
		if o.suite == nil {
			continue
		}
		names, err := o.suite.Names()
		if err != nil {
			continue
		}
		for _, n := range names {
			all[n] = true
		}
	}
	return sortedKeys(all)
}

// providers are the packages that provide a name and could be installed or are, sorted.
func (k *cache) providers(name string) []string {
	all := map[string]bool{}
	for _, p := range k.virtual[name] {
		all[p] = true
	}
	for _, o := range k.origins {
		if o.suite == nil {
			continue
		}
		for _, p := range o.suite.Providers(name) {
			all[p] = true
		}
	}
	delete(all, name)
	return sortedKeys(all)
}

// meets says that a package with such control data is what a relation asks for.
func meets(c debian.Control, r debian.Relation) bool {
	if c == nil {
		return false
	}
	if c.Get("Package") == r.Name && r.Holds(c.Get("Version")) {
		return true
	}
	for _, clause := range debian.ParseRelations(c.Get("Provides")) {
		if v := clause[0]; v.Name == r.Name && (r.Op == "" || v.Op == "=" && r.Holds(v.Version)) {
			return true
		}
	}
	return false
}

// reading says what APT does while it opens the cache.
func (s *session) reading(k *cache) {
	done := ""
	if s.c.Isatty(1) && s.config.number("quiet") == 0 {
		done = " Done"
	}
	s.say("Reading package lists...%s\nBuilding dependency tree...%s\n", done, done)
	if k.states {
		s.say("Reading state information...%s\n", done)
	}
}

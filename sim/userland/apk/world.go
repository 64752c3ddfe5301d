package apk

import (
	"crypto/sha1"
	"fmt"
	"slices"
	"strings"

	"github.com/dockerlab/dockerlab/sim/catalog/alpine"
)

var addOptions = []option{
	{'t', "virtual", "NAME", func(s *session, v string) { s.virtual, s.isVirtual = v, true }},
	flag('u', "upgrade"), flag('l', "latest"), flag(0, "initdb"),
}

// add puts packages into the world.
func (s *session) add(args []string) int {
	q := request{world: slices.Clone(s.db.world), named: map[string]wish{}}
	w := wish{upgrade: s.flags["upgrade"], latest: s.flags["latest"]}
	var made *alpine.Package
	if s.isVirtual {
		var ok bool
		if made, ok = s.makeVirtual(); !ok {
			return -1
		}
		if len(args) == 0 && s.since("2.10.0") {
			s.warn("creating empty virtual package")
		}
	}
	for _, a := range args {
		var d alpine.Dependency
		if strings.Contains(a, ".apk") {
			c, err := s.readPackage(a)
			if err != nil {
				s.fail("%s: %s", a, why(err))
				return -1
			}
			s.db.made = append(s.db.made, c)
			d = alpine.Dependency{Name: c.Name, Op: "><", Version: c.Checksum}
		} else {
			var err error
			if d, err = alpine.ParseDependency(a); err != nil || made != nil && d.Tag != "" {
				s.badDependency(a, made != nil)
				return -1
			}
		}
		if made != nil {
			made.Depends = with(made.Depends, d)
			continue
		}
		q.world = with(q.world, d)
		q.named[d.Name] = w
	}
	if made != nil {
		s.db.made = append(s.db.made, &candidate{Package: made, virtual: true})
		d := alpine.Dependency{Name: made.Name, Op: "=", Version: made.Version}
		if !s.since("2.12.0") {
			d = alpine.Dependency{Name: made.Name}
			// The old one of that name gives way.
			for _, c := range s.db.installed {
				if c.Name == made.Name {
					c.installed.Package.Depends = made.Depends
					s.db.made = nil
				}
			}
		}
		q.world = with(q.world, d)
		q.named[made.Name] = w
	}
	return s.commit(q)
}

// with is the dependencies with one more, which takes the place of one of the same name.
func with(all []alpine.Dependency, d alpine.Dependency) []alpine.Dependency {
	for i := range all {
		if all[i].Name == d.Name {
			all[i] = d
			return all
		}
	}
	return append(all, d)
}

// badDependency says that something is no dependency.
func (s *session) badDependency(text string, child bool) {
	if !s.since("2.10.0") {
		s.fail("'%s' is not a valid dependency, format is name(@tag)([<>=]version)", text)
		return
	}
	if child {
		s.fail("'%s' is not a valid child dependency, format is name([<>~=]version)", text)
		return
	}
	s.fail("'%s' is not a valid world dependency, format is name(@tag)([<>~=]version)", text)
}

// makeVirtual makes the package that -t asks for.
func (s *session) makeVirtual() (*alpine.Package, bool) {
	d, err := alpine.ParseDependency(s.virtual)
	if err != nil || d.Conflict || d.Op != "" && (d.Op != "=" || !s.since("2.12.0")) {
		s.fail("%s: bad package specifier", s.virtual)
		return nil, false
	}
	p := &alpine.Package{Name: d.Name, Version: d.Version, Arch: "noarch", Description: "virtual meta package"}
	sum := []byte(p.Name)
	switch {
	case !s.since("2.10.0"):
		p.Version = "0"
	case p.Version == "":
		p.Version = s.c.Now().UTC().Format("20060102.150405")
		fallthrough
	default:
		sum = fmt.Appendf(sum, "%d %s", s.c.Pid(), p.Version)
	}
	digest := sha1.Sum(sum)
	p.Checksum = alpine.Checksum(digest[:])
	return p, true
}

// readPackage reads a package that somebody has as a file.
func (s *session) readPackage(name string) (*candidate, error) {
	b, err := s.c.ReadFile(name)
	if err != nil {
		return nil, err
	}
	p, err := alpine.ReadFile(strings.NewReader(string(b)))
	if err != nil {
		return nil, err
	}
	sum := sha1.Sum([]byte(p.String()))
	p.Checksum, p.Size = alpine.Checksum(sum[:]), int64(len(b))
	c := s.db.bySum[p.Checksum]
	if c == nil {
		c = &candidate{Package: p}
		s.db.bySum[p.Checksum] = c
	}
	c.file = name
	return c, nil
}

var delOptions = []option{flag('r', "rdepends")}

// del takes packages out of the world, and what was there for them.
func (s *session) del(args []string) int {
	q := request{world: slices.Clone(s.db.world)}
	drop := func(name string) {
		q.world = slices.DeleteFunc(q.world, func(d alpine.Dependency) bool { return d.Name == name })
	}
	errors := 0
	done := map[*candidate]bool{}
	var remove func(c *candidate)
	remove = func(c *candidate) {
		if done[c] {
			return
		}
		done[c] = true
		drop(c.Name)
		if s.flags["rdepends"] {
			for _, other := range dependants(c, s.db.installed) {
				remove(other)
			}
		}
	}
	names := s.matching(args, func(name string) {
		if s.since("2.12.0") {
			s.fail("No such package: %s", name)
		}
		errors++
	})
	if errors > 0 {
		return errors
	}
	for _, name := range names {
		if c := s.db.owner(name); c != nil {
			remove(c)
		} else {
			drop(name)
		}
	}
	solution := s.db.solve(q)
	changes := s.db.order(q, solution)
	if solution.errors > 0 {
		s.report(q, solution, changes)
		return solution.errors
	}
	s.tellWhatStays(q.world, changes, names)
	return s.apply(q.world, changes)
}

// tellWhatStays tells of packages that were to go, and stay because others need them.
func (s *session) tellWhatStays(world []alpine.Dependency, changes []change, names []string) {
	stays := map[*candidate]bool{}
	var all []*candidate
	for _, c := range changes {
		if c.new != nil {
			stays[c.new] = true
			all = append(all, c.new)
		}
	}
	header := false
	for _, name := range names {
		var line *indent
		seen := map[*candidate]bool{}
		var tell func(c *candidate)
		tell = func(c *candidate) {
			if seen[c] {
				return
			}
			seen[c] = true
			if !header {
				s.message("World updated, but the following packages are not removed due to:")
				header = true
			}
			if line == nil {
				s.c.Printf("  %s:", name)
				line = &indent{s: s, at: len(name) + 4, x: len(name) + 3}
			}
			inWorld := func(n string) bool {
				return !s.since("2.10.0") && n == c.Name && n != name || s.since("2.10.0") && slices.ContainsFunc(world, func(d alpine.Dependency) bool { return d.Name == n })
			}
			if inWorld(c.Name) {
				line.word(c.Name)
			}
			for _, p := range c.Provides {
				if inWorld(p.Name) {
					line.word(p.Name)
				}
			}
			for _, other := range dependants(c, all) {
				tell(other)
			}
		}
		for _, c := range s.db.providers(name) {
			if stays[c] {
				tell(c)
			}
		}
		if line != nil {
			s.c.Print("\n")
		}
	}
	if header {
		s.c.Print("\n")
	}
}

var fixOptions = []option{flag('d', "depends"), flag('r', "reinstall"), flag('u', "upgrade"), flag('x', "xattr"), flag(0, "directory-permissions")}

// fix installs packages again.
func (s *session) fix(args []string) int {
	q := request{world: s.db.world, named: map[string]wish{}}
	w := wish{reinstall: s.flags["reinstall"] || !s.flags["upgrade"], upgrade: s.flags["upgrade"]}
	if len(args) == 0 {
		for _, c := range s.db.installed {
			if c.installed.Broken != "" {
				q.named[c.Name] = w
			}
		}
	}
	errors := 0
	for _, name := range s.matching(args, func(name string) {
		s.fail("Package '%s' not found", name)
		errors++
	}) {
		q.named[name] = w
	}
	if errors > 0 {
		return errors
	}
	return s.commit(q)
}

// update says which indexes there are; they were fetched when the database was opened.
func (s *session) update([]string) int {
	if s.verbosity < 1 {
		return s.db.failed
	}
	for _, r := range s.db.repos {
		if r.index != nil {
			s.message("%s [%s]", r.index.Description, r.url)
		}
	}
	result := "OK:"
	if s.db.failed > 0 {
		result = fmt.Sprintf("%d errors;", s.db.failed)
	}
	s.message("%s %d distinct packages available", result, len(s.db.all()))
	return s.db.failed
}

var upgradeOptions = []option{flag('a', "available"), flag('l', "latest"), flag(0, "no-self-upgrade"), flag(0, "self-upgrade-only"), flag(0, "ignore"), flag(0, "prune")}

// upgrade installs the newest of all packages, or of some.
func (s *session) upgrade(args []string) int {
	if !s.tagsExist(s.db.world) {
		return -1
	}
	if s.flags["self-upgrade-only"] {
		return 0 // the lab has one version of apk in each release
	}
	q := request{world: s.db.world, named: map[string]wish{}, every: wish{upgrade: true, latest: s.flags["latest"]}}
	if len(args) > 0 {
		if !s.flags["ignore"] {
			q.every.upgrade = false
		}
		errors := 0
		for _, name := range s.matching(args, func(name string) {
			s.fail("Package '%s' not found", name)
			errors++
		}) {
			q.named[name] = wish{upgrade: !s.flags["ignore"], keep: s.flags["ignore"]}
		}
		if errors > 0 {
			return errors
		}
	}
	if s.flags["prune"] {
		q.world = slices.DeleteFunc(slices.Clone(q.world), func(d alpine.Dependency) bool {
			return !slices.ContainsFunc(s.db.providers(d.Name), func(c *candidate) bool { return len(c.repos) > 0 })
		})
	}
	return s.commit(q)
}

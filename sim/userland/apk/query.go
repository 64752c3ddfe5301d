package apk

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dockerlab/dockerlab/sim/catalog/alpine"
	"github.com/dockerlab/dockerlab/sim/fnmatch"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// names are all names that the database knows: of packages and of what they provide, in the order of
// apk's table of them.
func (db *database) names() []string {
	seen := map[string]bool{}
	var all []string
	add := func(name string) {
		if !seen[name] {
			seen[name] = true
			all = append(all, name)
		}
	}
	for _, c := range db.all() {
		add(c.Name)
		for _, p := range c.Provides {
			add(p.Name)
		}
	}
	tabled(all)
	return all
}

// matching are the names that are asked for: each as it is, or, of a pattern, those that match it.
// missing is called for one that is unknown.
func (s *session) matching(args []string, missing func(string)) []string {
	var found []string
	var all []string
	for _, a := range args {
		if !strings.ContainsAny(a, "*?[") {
			if len(s.db.providers(a)) == 0 && !slices.ContainsFunc(s.db.world, func(d alpine.Dependency) bool { return d.Name == a }) {
				missing(a)
			} else if !slices.Contains(found, a) {
				found = append(found, a)
			}
			continue
		}
		if all == nil {
			all = s.db.names()
		}
		none := true
		for _, name := range all {
			if fnmatch.Match(a, name, 0) {
				none = false
				if !slices.Contains(found, name) {
					found = append(found, name)
				}
			}
		}
		if none && s.since("2.12.0") {
			missing(a)
		}
	}
	return found
}

var infoOptions = []option{
	flag('a', "all"), flag('L', "contents"), flag('R', "depends"), flag('d', "description"), flag('e', "installed"), flag(0, "install-if"), flag(0, "license"),
	flag('P', "provides"), flag('r', "rdepends"), flag(0, "replaces"), flag('i', "rinstall-if"), flag('s', "size"), flag('t', "triggers"), flag('w', "webpage"), flag('W', "who-owns"),
}

// info tells of packages.
func (s *session) info(args []string) int {
	switch {
	case s.flags["installed"]:
		return s.infoInstalled(args)
	case s.flags["who-owns"]:
		return s.infoOwner(args)
	case len(args) == 0:
		for _, c := range s.db.installed {
			s.name(c, max(s.verbosity, 1))
		}
		return 0
	}
	errors := 0
	for _, name := range s.matching(args, func(string) { errors++ }) {
		for _, c := range s.db.providers(name) {
			s.about(c)
		}
	}
	return errors
}

// name writes a package's name, with its version and description as far as -v asks for them.
func (s *session) name(c *candidate, verbosity int) {
	if verbosity < 1 {
		return
	}
	s.c.Print(c.Name)
	if s.verbosity > 1 {
		s.c.Print("-", c.Version)
	}
	if s.verbosity > 2 {
		s.c.Print(" - ", c.Description)
	}
	s.c.Print("\n")
}

// infoInstalled is info -e: which of some packages are installed.
func (s *session) infoInstalled(args []string) int {
	errors := 0
	for _, a := range args {
		d, err := alpine.ParseDependency(a)
		if err != nil {
			continue
		}
		ok := d.Conflict
		for _, c := range s.db.installed {
			if version, is := c.Provided(d.Name); is {
				if ok = met(d, c, version); ok {
					s.name(c, s.verbosity)
				}
				break
			}
		}
		if !ok {
			errors++
		}
	}
	return errors
}

// infoOwner is info -W: whose a file is.
func (s *session) infoOwner(args []string) int {
	errors := 0
	owner := func(file string) *candidate {
		file = strings.TrimPrefix(file, "/")
		for _, c := range s.db.installed {
			for _, d := range c.installed.Owned {
				for _, f := range d.Files {
					if d.Name == "" && f.Name == file || d.Name != "" && len(file) == len(d.Name)+1+len(f.Name) && strings.HasPrefix(file, d.Name+"/") && strings.HasSuffix(file, f.Name) {
						return c
					}
				}
			}
		}
		return nil
	}
	var quiet []string
	for _, a := range args {
		c, via, shown := owner(a), "", a
		if !strings.HasPrefix(a, "/") {
			if full, err := prog.Realpath(s.c, a, prog.AllExist); err == nil {
				shown = full
				c = owner(full)
			}
		}
		if c == nil {
			if st, err := s.c.Lstat(s.path(a)); err == nil && st.Mode.Type() == linux.S_IFLNK {
				if target, err := s.c.Readlink(s.path(a)); err == nil && strings.HasPrefix(target, "/") {
					c, via = owner(target), "symlink target "
				}
			}
		}
		if c == nil {
			s.fail("%s: Could not find owner package", shown)
			errors++
			continue
		}
		if s.verbosity < 1 {
			if !slices.Contains(quiet, c.Name) {
				quiet = append(quiet, c.Name)
			}
			continue
		}
		s.c.Printf("%s %sis owned by %s\n", shown, via, c.Package)
	}
	if len(quiet) > 0 {
		s.c.Print(strings.Join(quiet, " "), "\n")
	}
	return errors
}

// about tells of a package what the options ask for.
func (s *session) about(c *candidate) {
	all := s.flags["all"]
	some := all
	for _, o := range infoOptions {
		some = some || s.flags[o.name]
	}
	wants := func(name string) bool {
		return all || s.flags[name] || !some && (name == "description" || name == "webpage" || name == "size")
	}
	long := s.verbosity > 1
	line := func(name, title, text string) {
		if !wants(name) {
			return
		}
		if long {
			s.c.Printf("%s: %s\n", c.Name, text)
		} else {
			s.c.Printf("%s %s:\n%s\n\n", c.Package, title, text)
		}
	}
	list := func(name, title, prefix string, words []string) {
		if !wants(name) {
			return
		}
		if s.verbosity == 1 {
			s.c.Printf("%s %s:\n", c.Package, title)
		}
		if long {
			s.c.Printf("%s: %s", c.Name, prefix)
		}
		for _, w := range words {
			if long {
				s.c.Print(w, " ")
			} else {
				s.c.Print(w, "\n")
			}
		}
		s.c.Print("\n")
	}
	words := func(all []alpine.Dependency) []string {
		var w []string
		for _, d := range all {
			w = append(w, d.String())
		}
		return w
	}
	// each is a list whose lines all begin with the name, with -v.
	each := func(name, title, prefix string, lines []string) {
		if !wants(name) {
			return
		}
		if s.verbosity == 1 {
			s.c.Printf("%s %s:\n", c.Package, title)
		}
		for _, l := range lines {
			if long {
				s.c.Printf("%s: %s", c.Name, prefix)
			}
			s.c.Print(l, "\n")
		}
		s.c.Print("\n")
	}
	size := fmt.Sprint(c.InstalledSize)
	if s.since("2.12.0") {
		size = human(c.InstalledSize)
	}
	line("description", "description", c.Description)
	line("webpage", "webpage", c.URL)
	line("size", "installed size", size)
	list("depends", "depends on", "", words(c.Depends))
	list("provides", "provides", "", words(c.Provides))
	if i := c.installed; i != nil {
		var by []string
		for _, other := range dependants(c, s.db.installed) {
			by = append(by, other.String())
		}
		list("rdepends", "is required by", "", by)
		var files []string
		for _, d := range i.Owned {
			for _, f := range d.Files {
				if d.Name == "" {
					files = append(files, f.Name)
				} else {
					files = append(files, d.Name+"/"+f.Name)
				}
			}
		}
		each("contents", "contains", "", files)
		each("triggers", "triggers", "trigger ", i.Triggers)
	}
	list("install-if", "has auto-install rule", "", words(c.InstallIf))
	if i := c.installed; i != nil {
		var affected []string
		for _, other := range s.db.installed {
			if slices.ContainsFunc(other.InstallIf, func(d alpine.Dependency) bool { return d.Name == c.Name }) {
				affected = append(affected, other.String())
			}
		}
		list("rinstall-if", "affects auto-installation of", "", affected)
		list("replaces", "replaces", "", words(i.Replaces))
	}
	if s.since("2.10.0") {
		line("license", "license", c.License)
	}
}

var searchOptions = []option{flag('a', "all"), flag('d', "description"), flag('x', "exact"), {'e', "exact", "", func(s *session, _ string) { s.flags["exact"] = true }}, flag('o', "origin"), flag('r', "rdepends"), flag(0, "has-origin")}

// search finds packages that repositories have.
func (s *session) search(args []string) int {
	seen := map[*candidate]bool{}
	show := func(c *candidate) {
		if seen[c] {
			return
		}
		seen[c] = true
		name := c.Name
		if s.flags["origin"] && c.Origin != "" {
			name = c.Origin
		}
		s.c.Print(name)
		if s.verbosity > 0 {
			s.c.Print("-", c.Version)
		}
		if s.verbosity > 1 && !s.flags["origin"] {
			s.c.Print(" - ", c.Description)
		}
		s.c.Print("\n")
	}
	result := show
	if s.flags["rdepends"] {
		result = func(c *candidate) {
			if s.verbosity > 0 {
				s.c.Printf("%s is required by:\n", c.Package)
				clear(seen)
			}
			for _, other := range s.db.tabled() {
				if slices.ContainsFunc(other.Depends, func(d alpine.Dependency) bool { return !d.Conflict && c.Satisfies(d) }) {
					show(other)
				}
			}
		}
	}
	if s.flags["description"] || s.flags["has-origin"] {
		for _, c := range s.db.tabled() {
			if slices.ContainsFunc(args, func(a string) bool {
				if s.flags["description"] {
					return strings.Contains(c.Description, a) || strings.Contains(c.Name, a)
				}
				return c.Origin == a
			}) {
				result(c)
			}
		}
		return 0
	}
	patterns := slices.Clone(args)
	if !s.flags["exact"] {
		for i := range patterns {
			patterns[i] = "*" + patterns[i] + "*"
		}
	}
	if len(args) == 0 {
		patterns = []string{"*"}
	}
	for _, name := range s.matching(patterns, func(string) {}) {
		providers := s.db.providers(name)
		if s.flags["all"] {
			for _, c := range providers {
				result(c)
			}
			continue
		}
		var newest *candidate
		for _, c := range providers {
			version, _ := c.Provided(name)
			if newest == nil || alpine.Compare(version, newest.Version) > 0 {
				newest = c
			}
		}
		if newest != nil {
			result(newest)
		}
	}
	return 0
}

var listOptions = []option{flag('a', "available"), flag('I', "installed"), flag('d', "depends"), flag('o', "origin"), flag('O', "orphaned"), flag('P', "providers"), flag('u', "upgradable"), flag(0, "upgradeable")}

// list lists packages with what they are.
func (s *session) list(args []string) int {
	installed := s.flags["installed"] || s.flags["orphaned"]
	available := s.flags["available"]
	upgradable := s.flags["upgradable"] || s.flags["upgradeable"]
	if upgradable {
		installed, available = false, true
	}
	show := func(c *candidate, as string) {
		owner := s.db.owner(c.Name)
		newer := owner != nil && alpine.Compare(owner.Version, c.Version) < 0
		switch {
		case s.flags["origin"] && !slices.Contains(args, c.Origin),
			installed && c.installed == nil,
			s.flags["orphaned"] && slices.ContainsFunc(s.db.providers(c.Name), func(c *candidate) bool { return len(c.repos) > 0 }),
			available && len(c.repos) == 0,
			upgradable && !newer:
			return
		}
		origin := c.Origin
		if origin == "" {
			origin = c.Name
		}
		s.c.Printf("%s%s %s {%s} (%s)", as, c.Package, c.Arch, origin, c.License)
		if c.installed != nil {
			s.c.Print(" [installed]")
		} else if newer {
			s.c.Printf(" [upgradable from: %s]", owner.Package)
		}
		if s.verbosity > 1 {
			s.c.Printf("\n  %s\n", c.Description)
			if s.verbosity > 2 {
				s.c.Printf("  <%s>\n", c.URL)
			}
		}
		s.c.Print("\n")
	}
	patterns := args
	if len(args) == 0 || s.flags["origin"] {
		patterns = []string{"*"}
	}
	for _, name := range s.matching(patterns, func(string) {}) {
		if s.flags["depends"] {
			for _, c := range s.db.tabled() {
				if slices.ContainsFunc(c.Depends, func(d alpine.Dependency) bool { return d.Name == name }) {
					show(c, "")
				}
			}
			continue
		}
		for _, c := range s.db.providers(name) {
			switch {
			case s.flags["providers"]:
				show(c, "<"+name+"> ")
			case c.Name == name:
				show(c, "")
			}
		}
	}
	return 0
}

// policy tells where versions of packages come from.
func (s *session) policy(args []string) int {
	for _, name := range s.matching(args, func(string) {}) {
		first := true
		for _, c := range s.db.providers(name) {
			if c.Name != name {
				continue
			}
			if first {
				s.c.Printf("%s policy:\n", name)
				first = false
			}
			s.c.Printf("  %s:\n", c.Version)
			if c.installed != nil {
				s.c.Print("    lib/apk/db/installed\n")
			}
			for _, i := range c.repos {
				tag := s.db.repos[i].tag
				if tag != "" {
					tag = "@" + tag + " "
				}
				s.c.Printf("    %s%s\n", tag, s.db.repos[i].url)
			}
		}
	}
	return 0
}

// stats counts what there is.
func (s *session) stats([]string) int {
	packages, dirs, files, bytes := s.db.count()
	triggers := 0
	for _, c := range s.db.installed {
		if len(c.installed.Triggers) > 0 {
			triggers++
		}
	}
	s.c.Printf("installed:\n  packages: %d\n  dirs: %d\n  files: %d\n  bytes: %d\n  triggers: %d\n", packages, dirs, files, bytes, triggers)
	s.c.Printf("available:\n  names: %d\n  packages: %d\n", len(s.db.names()), len(s.db.all()))
	return 0
}

var versionOptions = []option{
	flag('a', "all"), flag('c', "check"), flag('I', "indexes"), flag('t', "test"),
	{'l', "limit", "LIMCHARS", func(s *session, v string) { s.limit = v }},
}

// versions compares versions: of packages with what repositories have, or any two.
func (s *session) versions(args []string) int {
	switch {
	case s.flags["check"]:
		bad := 0
		for _, a := range args {
			if !alpine.ValidVersion(a) {
				bad++
				s.message("%s", a)
			}
		}
		return bad
	case s.flags["indexes"]:
		for _, r := range s.db.repos {
			if r.index != nil {
				s.c.Printf("%s [%s]\n", r.index.Description, r.url)
			}
		}
		return 0
	case s.flags["test"]:
		if len(args) != 2 {
			return 1
		}
		s.c.Print(sign(alpine.Compare(args[0], args[1])), "\n")
		return 0
	}
	if s.limit == "" && len(args) == 0 && s.verbosity == 1 {
		s.limit = "<"
	}
	if s.verbosity > 0 {
		s.c.Printf("%-42sAvailable:\n", "Installed:")
	}
	patterns := args
	if len(args) == 0 {
		patterns = []string{"*"}
	}
	for _, name := range s.matching(patterns, func(string) {}) {
		c := s.db.owner(name)
		if c == nil {
			continue
		}
		latest, op := "", "?"
		for _, other := range s.db.providers(name) {
			if other.Name == name && len(other.repos) > 0 && (latest == "" || alpine.Compare(other.Version, latest) > 0) {
				latest = other.Version
			}
		}
		if latest != "" {
			op = sign(alpine.Compare(c.Version, latest))
		}
		if s.limit != "" && !strings.Contains(s.limit, op) {
			continue
		}
		if s.verbosity <= 0 {
			s.c.Print(name, "\n")
			continue
		}
		shown := c.String()
		s.c.Printf("%-40s%s %s \n", shown[:min(len(shown), 40)], op, latest)
	}
	return 0
}

// sign is how a comparison is written.
func sign(order int) string {
	switch {
	case order < 0:
		return "<"
	case order > 0:
		return ">"
	}
	return "="
}

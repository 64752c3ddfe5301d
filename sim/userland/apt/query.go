package apt

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/catalog/debian"
	"github.com/dockerlab/dockerlab/sim/fnmatch"
	"github.com/dockerlab/dockerlab/sim/userland/dpkg"
)

const cacheHelp = `apt 2.6.1 (amd64)
Usage: apt-cache [options] command
       apt-cache [options] show pkg1 [pkg2 ...]

apt-cache queries and displays available information about installed
and installable packages. It works exclusively on the data acquired
into the local cache via the 'update' command of e.g. apt-get. The
displayed information may therefore be outdated if the last update was
too long ago, but in exchange apt-cache works independently of the
availability of the configured sources (e.g. offline).

Most used commands:
  showsrc - Show source records
  search - Search the package list for a regex pattern
  depends - Show raw dependency information for a package
  rdepends - Show reverse dependency information for a package
  show - Show a readable record for the package
  pkgnames - List the names of all packages in the system
  policy - Show policy settings

See apt-cache(8) for more information about the available commands.
Configuration options and syntax is detailed in apt.conf(5).
Information about how to configure sources can be found in sources.list(5).
Package and version choices can be expressed via apt_preferences(5).
Security details are available in apt-secure(8).
`

// query is apt-cache.
func (s *session) query() int {
	if len(s.args) == 0 || s.config.flag("help", false) {
		s.c.Print(cacheHelp)
		return 0
	}
	k, err := s.open()
	if err != nil {
		return s.badSources(err)
	}
	names := s.args[1:]
	switch s.args[0] {
	case "search":
		return s.search(k, names)
	case "show":
		return s.show(k, names)
	case "policy", "madison", "depends", "rdepends":
		return s.ask(k, s.args[0], names)
	case "pkgnames":
		for _, n := range k.names() {
			if len(names) == 0 || strings.HasPrefix(n, names[0]) {
				s.c.Print(n, "\n")
			}
		}
		return 0
	case "showsrc":
		if len(names) == 0 {
			return s.fail("No packages found")
		}
		return s.fail("You must put some 'deb-src' URIs in your sources.list")
	case "gencaches":
		return 0
	}
	return s.fail("Invalid operation %s", s.args[0])
}

// summary is the first line of a description.
func summary(c debian.Control) string {
	line, _, _ := strings.Cut(c.Get("Description"), "\n")
	return line
}

// patterns compiles what is searched for.
func (s *session) patterns(words []string) ([]*regexp.Regexp, int) {
	if len(words) == 0 {
		return nil, s.fail("You must give at least one search pattern")
	}
	var all []*regexp.Regexp
	for _, w := range words {
		re, err := regexp.Compile("(?i)" + w)
		if err != nil {
			return nil, s.fail("Regex compilation error - Invalid preceding regular expression")
		}
		all = append(all, re)
	}
	return all, 0
}

// search is apt-cache search.
func (s *session) search(k *cache, words []string) int {
	res, status := s.patterns(words)
	if status != 0 {
		return status
	}
	for _, name := range k.names() {
		if a := k.orInstalled(name); a != nil && s.matches(name, a, res) {
			s.c.Printf("%s - %s\n", name, summary(a.Control))
		}
	}
	return 0
}

func (s *session) matches(name string, a *available, res []*regexp.Regexp) bool {
	for _, re := range res {
		if !re.MatchString(name) && (s.config.flag("APT::Cache::NamesOnly", false) || !re.MatchString(a.Get("Description"))) {
			return false
		}
	}
	return true
}

// showFields are those that apt-cache show gives first, in its order.
var showFields = []string{"Package", "Source", "Version", "Essential", "Protected", "Installed-Size", "Maintainer", "Architecture", "Replaces", "Provides", "Depends", "Pre-Depends",
	"Recommends", "Suggests", "Conflicts", "Breaks", "Enhances", "Description", "Multi-Arch", "Homepage", "Section", "Priority", "Filename", "Size"}

// show is apt-cache show.
func (s *session) show(k *cache, names []string) int {
	if len(names) == 0 {
		return s.fail("No packages found")
	}
	shown := 0
	for _, arg := range names {
		name, v, versioned := strings.Cut(arg, "=")
		all := k.versions(name)
		if q := k.installed(name); q != nil && !slices.ContainsFunc(all, func(a *available) bool { return a.Get("Version") == q.Version() }) {
			all = append(all, &available{Control: q.Control})
		}
		all = slices.DeleteFunc(all, func(a *available) bool { return versioned && a.Get("Version") != v })
		if len(all) == 0 {
			switch {
			case versioned && k.known(name):
				s.c.Errorf("E: Version '%s' for '%s' was not found\n", v, name)
			case len(k.providers(name)) > 0:
				s.notice("Can't select versions from package '%s' as it is purely virtual", name)
			default:
				s.notice("Unable to locate package %s", name)
			}
			continue
		}
		if !s.config.flag("APT::Cmd::All-Versions", true) {
			all = all[:1]
		}
		for _, a := range all {
			shown++
			for _, name := range showFields {
				if v := a.Get(name); v != "" {
					s.c.Print(debian.Control{{Name: name, Value: v}}.String())
				}
			}
			s.c.Print("\n")
		}
	}
	if shown == 0 {
		return s.fail("No packages found")
	}
	return 0
}

// policy is apt-cache policy and apt policy.
func (s *session) policy(k *cache, names []string) int {
	if len(names) == 0 {
		s.c.Print("Package files:\n 100 /var/lib/dpkg/status\n     release a=now\n")
		for _, o := range slices.Backward(k.origins) {
			s.c.Printf(" 500 %s %s Packages\n     release v=%s,o=%s,a=%s,n=%s,l=%s,c=%s,b=%s\n     origin %s\n", o.site(), dpkg.Architecture,
				o.archive.Version, o.archive.Origin, o.archive.Suite, o.archive.Codename, o.archive.Label, o.component, dpkg.Architecture, o.host())
		}
		s.c.Print("Pinned packages:\n")
		return 0
	}
	for _, name := range names {
		if !k.known(name) {
			if len(k.providers(name)) > 0 {
				s.c.Printf("%s:\n  Installed: (none)\n  Candidate: (none)\n  Version table:\n", name)
				continue
			}
			s.notice("Unable to locate package %s", name)
			continue
		}
		installed, candidate := "(none)", "(none)"
		q := k.installed(name)
		if q != nil {
			installed = q.Version()
		}
		if a := k.orInstalled(name); a != nil {
			candidate = a.Get("Version")
		}
		s.c.Printf("%s:\n  Installed: %s\n  Candidate: %s\n  Version table:\n", name, installed, candidate)
		all := k.versions(name)
		if q != nil && !slices.ContainsFunc(all, func(a *available) bool { return a.Get("Version") == q.Version() }) {
			all = append(all, &available{Control: q.Control})
			slices.SortStableFunc(all, func(a, b *available) int { return debian.Compare(b.Get("Version"), a.Get("Version")) })
		}
		for _, a := range all {
			mark, priority := "    ", 500
			if q != nil && a.Get("Version") == q.Version() {
				mark = "*** "
			}
			if len(a.origins) == 0 {
				priority = 100
			}
			s.c.Printf(" %s%s %d\n", mark, a.Get("Version"), priority)
			for _, o := range a.origins {
				s.c.Printf("        500 %s %s Packages\n", o.site(), dpkg.Architecture)
			}
			if mark == "*** " {
				s.c.Print("        100 /var/lib/dpkg/status\n")
			}
		}
		if p := k.db.Package(name); q == nil && p != nil && !slices.ContainsFunc(all, func(a *available) bool { return a.Get("Version") == p.Version() }) {
			s.c.Printf("     %s -1\n        100 /var/lib/dpkg/status\n", p.Version())
		}
	}
	return 0
}

// madison is apt-cache madison.
func (s *session) madison(k *cache, names []string) int {
	if len(names) == 0 {
		return s.fail("No packages found")
	}
	for _, name := range names {
		all := k.versions(name)
		if len(all) == 0 {
			s.notice("Unable to locate package %s", name)
		}
		for _, a := range all {
			for _, o := range a.origins {
				s.c.Printf("%10s | %10s | %s %s Packages\n", name, a.Get("Version"), o.site(), dpkg.Architecture)
			}
		}
	}
	return 0
}

// depends is apt-cache depends.
func (s *session) depends(k *cache, names []string) int {
	if len(names) == 0 {
		return s.fail("No packages found")
	}
	recurse := s.config.flag("APT::Cache::RecurseDepends", false)
	important := s.config.flag("APT::Cache::Important", false)
	seen := map[string]bool{}
	queue := slices.Clone(names)
	for n := 0; n < len(queue); n++ {
		name := queue[n]
		if seen[name] {
			continue
		}
		seen[name] = true
		a := k.orInstalled(name)
		if a == nil {
			if n >= len(names) || len(k.providers(name)) > 0 {
				s.c.Printf("<%s>\n", name)
				continue
			}
			return s.fail("No packages found")
		}
		s.c.Print(name, "\n")
		for _, kind := range []struct{ field, word string }{{"Pre-Depends", "PreDepends"}, {"Depends", "Depends"}, {"Conflicts", "Conflicts"}, {"Breaks", "Breaks"},
			{"Recommends", "Recommends"}, {"Suggests", "Suggests"}, {"Replaces", "Replaces"}, {"Enhances", "Enhances"}} {
			if important && kind.field != "Pre-Depends" && kind.field != "Depends" {
				continue
			}
			for _, clause := range debian.ParseRelations(a.Get(kind.field)) {
				for i, r := range clause {
					mark := " "
					if i < len(clause)-1 {
						mark = "|"
					}
					shown := r.Name
					virtual := k.orInstalled(r.Name) == nil
					if virtual && len(k.providers(r.Name)) > 0 {
						shown = "<" + r.Name + ">"
					}
					s.c.Printf(" %s%s: %s\n", mark, kind.word, shown)
					for _, p := range k.providers(r.Name) {
						if b := k.orInstalled(p); b != nil && meets(b.Control, r) {
							s.c.Printf("    %s\n", p)
						}
					}
					if recurse {
						queue = append(queue, r.Name)
					}
				}
			}
		}
	}
	return 0
}

// rdepends is apt-cache rdepends.
func (s *session) rdepends(k *cache, names []string) int {
	if len(names) == 0 {
		return s.fail("No packages found")
	}
	for _, name := range names {
		if !k.known(name) {
			return s.fail("No packages found")
		}
		s.c.Printf("%s\nReverse Depends:\n", name)
		for _, other := range k.names() {
			a := k.orInstalled(other)
			if a == nil {
				continue
			}
			for _, field := range []string{"Pre-Depends", "Depends", "Recommends", "Suggests", "Conflicts", "Breaks", "Replaces", "Enhances"} {
				for _, clause := range debian.ParseRelations(a.Get(field)) {
					for i, r := range clause {
						if r.Name == name {
							mark := " "
							if i < len(clause)-1 {
								mark = "|"
							}
							s.c.Printf(" %s%s\n", mark, other)
						}
					}
				}
			}
		}
	}
	return 0
}

const aptHelp = `apt 2.6.1 (amd64)
Usage: apt [options] command

apt is a commandline package manager and provides commands for
searching and managing as well as querying information about packages.
It provides the same functionality as the specialized APT tools,
like apt-get and apt-cache, but enables options more suitable for
interactive use by default.

Most used commands:
  list - list packages based on package names
  search - search in package descriptions
  show - show package details
  install - install packages
  reinstall - reinstall packages
  remove - remove packages
  autoremove - automatically remove all unused packages
  update - update list of available packages
  upgrade - upgrade the system by installing/upgrading packages
  full-upgrade - upgrade the system by removing/installing/upgrading packages
  edit-sources - edit the source information file
  satisfy - satisfy dependency strings

See apt(8) for more information about the available commands.
Configuration options and syntax is detailed in apt.conf(5).
Information about how to configure sources can be found in sources.list(5).
Package and version choices can be expressed via apt_preferences(5).
Security details are available in apt-secure(8).
                                        This APT has Super Cow Powers.
`

// apt is apt, which has a face of its own and warns scripts of it.
func (s *session) apt() int {
	if len(s.args) == 0 || s.config.flag("help", false) {
		s.c.Print(aptHelp)
		return 0
	}
	if !s.c.Isatty(1) && !s.config.flag("APT::Cmd::Disable-Script-Warning", false) {
		s.c.Errorf("\nWARNING: apt does not have a stable CLI interface. Use with caution in scripts.\n\n")
	}
	names := s.args[1:]
	switch s.args[0] {
	case "list", "search", "show", "policy", "madison", "depends", "rdepends":
	case "update", "install", "reinstall", "remove", "purge", "autoremove", "auto-remove", "autopurge", "upgrade", "full-upgrade", "dist-upgrade",
		"clean", "autoclean", "download", "source", "build-dep", "changelog", "moo":
		return s.get()
	default:
		return s.fail("Invalid operation %s", s.args[0])
	}
	k, err := s.open()
	if err != nil {
		return s.badSources(err)
	}
	switch s.args[0] {
	case "list":
		return s.listing(k, names)
	case "search":
		return s.fullSearch(k, names)
	case "show":
		return s.details(k, names)
	}
	return s.ask(k, s.args[0], names)
}

// ask is what apt and apt-cache say alike.
func (s *session) ask(k *cache, verb string, names []string) int {
	switch verb {
	case "policy":
		return s.policy(k, names)
	case "madison":
		return s.madison(k, names)
	case "depends":
		return s.depends(k, names)
	}
	return s.rdepends(k, names)
}

// row is a version of a package in apt list: "tree/oldstable,now 2.1.0-1 amd64 [installed]".
func (k *cache) row(garbage map[string]bool, name string, a *available) string {
	var suites []string
	for _, o := range a.origins {
		suites = append(suites, o.archive.Suite)
	}
	q := k.installed(name)
	status := ""
	if q != nil && q.Version() == a.Get("Version") {
		suites = append(suites, "now")
		switch newer := k.newer(q); {
		case newer != nil:
			status = "installed,upgradable to: " + newer.Get("Version")
		case len(a.origins) == 0:
			status = "installed,local"
		case garbage[name]:
			status = "installed,auto-removable"
		case k.auto[name]:
			status = "installed,automatic"
		default:
			status = "installed"
		}
	} else if q != nil && k.candidate(name) == a {
		status = "upgradable from: " + q.Version()
	} else if c := k.db.Package(name); q == nil && c != nil && c.State == dpkg.ConfigFiles {
		suites = append(suites, "now")
		status = "residual-config"
	}
	text := fmt.Sprintf("%s/%s %s %s", name, strings.Join(suites, ","), a.Get("Version"), a.Get("Architecture"))
	if status != "" {
		text += " [" + status + "]"
	}
	return text
}

// all are the versions of a package, the installed one among them.
func (k *cache) all(name string) []*available {
	all := k.versions(name)
	if q := k.installed(name); q != nil && !slices.ContainsFunc(all, func(a *available) bool { return a.Get("Version") == q.Version() }) {
		all = append(all, &available{Control: q.Control})
	}
	return all
}

func (k *cache) garbageSet() map[string]bool {
	p := k.plan()
	set := map[string]bool{}
	for _, name := range p.garbage() {
		set[name] = true
	}
	return set
}

// listing is apt list.
func (s *session) listing(k *cache, patterns []string) int {
	s.say("Listing...%s\n", s.done())
	garbage := k.garbageSet()
	unknown := 0
	for _, pattern := range patterns {
		if !slices.ContainsFunc(k.names(), func(n string) bool { return fnmatch.Match(pattern, n, 0) }) {
			unknown++
		}
	}
	for _, name := range k.names() {
		if len(patterns) > 0 && !slices.ContainsFunc(patterns, func(pattern string) bool { return fnmatch.Match(pattern, name, 0) }) {
			continue
		}
		q := k.installed(name)
		switch {
		case s.config.flag("APT::Cmd::Installed", false) && q == nil,
			s.config.flag("APT::Cmd::Manual-Installed", false) && (q == nil || k.auto[name]),
			s.config.flag("APT::Cmd::Upgradable", false) && (q == nil || k.newer(q) == nil):
			continue
		}
		all := k.all(name)
		if s.config.flag("APT::Cmd::Installed", false) && !s.config.flag("APT::Cmd::All-Versions", false) {
			all = slices.DeleteFunc(slices.Clone(all), func(a *available) bool { return a.Get("Version") != q.Version() })
		} else if !s.config.flag("APT::Cmd::All-Versions", false) && len(all) > 1 {
			all = all[:1]
		}
		for _, a := range all {
			s.c.Print(k.row(garbage, name, a), "\n")
		}
		if s.config.flag("APT::Cmd::All-Versions", false) && len(all) > 0 {
			s.c.Print("\n")
		}
	}
	return 0
}

// fullSearch is apt search.
func (s *session) fullSearch(k *cache, words []string) int {
	res, status := s.patterns(words)
	if status != 0 {
		return status
	}
	s.say("Sorting...%s\nFull Text Search...%s\n", s.done(), s.done())
	garbage := k.garbageSet()
	for _, name := range k.names() {
		if a := k.orInstalled(name); a != nil && s.matches(name, a, res) {
			s.c.Printf("%s\n  %s\n\n", k.row(garbage, name, a), summary(a.Control))
		}
	}
	return 0
}

// detailFields are those of apt show, in its order.
var detailFields = []string{"Package", "Version", "Priority", "Essential", "Protected", "Section", "Source", "Maintainer", "Installed-Size", "Provides", "Pre-Depends", "Depends",
	"Recommends", "Suggests", "Conflicts", "Breaks", "Replaces", "Enhances", "Homepage"}

// details is apt show.
func (s *session) details(k *cache, names []string) int {
	if len(names) == 0 {
		return s.fail("No packages found")
	}
	shown, missing := 0, false
	for _, name := range names {
		a := k.orInstalled(name)
		if a == nil {
			if providers := k.providers(name); len(providers) > 0 {
				s.c.Printf("Package: %s\nState: not a real package (virtual)\n", name)
				s.notice("Can't select candidate version from package %s as it has no candidate", name)
				s.notice("Can't select versions from package '%s' as it is purely virtual", name)
				s.notice("No packages found")
				continue
			}
			s.notice("Unable to locate package %s", name)
			s.notice("Unable to locate package %s", name)
			missing = true
			continue
		}
		shown++
		for _, field := range detailFields {
			v := a.Get(field)
			if v == "" {
				continue
			}
			if field == "Installed-Size" {
				if n, err := strconv.ParseInt(v, 10, 64); err == nil {
					v = size(n*1024) + "B"
				}
			}
			s.c.Printf("%s: %s\n", field, v)
		}
		if n := bytesOf(a); n > 0 {
			s.c.Printf("Download-Size: %sB\n", size(n))
		}
		if k.installed(name) != nil {
			manual := "yes"
			if k.auto[name] {
				manual = "no"
			}
			s.c.Printf("APT-Manual-Installed: %s\n", manual)
		}
		source := "/var/lib/dpkg/status"
		if len(a.origins) > 0 {
			source = a.origins[0].site() + " " + dpkg.Architecture + " Packages"
		}
		s.c.Printf("APT-Sources: %s\nDescription: %s\n\n", source, a.Get("Description"))
	}
	if shown == 0 {
		s.c.Errorf("E: No packages found\n")
		return 100
	}
	if missing {
		return 100
	}
	return 0
}

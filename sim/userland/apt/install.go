package apt

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/catalog/debian"
	"github.com/dockerlab/dockerlab/sim/fnmatch"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/dpkg"
)

// commands are those of apt-get and apt that install and remove.
func (s *session) get() int {
	if s.config.flag("help", false) || len(s.args) == 0 {
		s.c.Print(getHelp)
		if len(s.args) == 0 && !s.config.flag("help", false) {
			return 0
		}
		return 0
	}
	switch command := s.args[0]; command {
	case "update":
		return s.update()
	case "install", "reinstall", "remove", "purge", "autoremove", "auto-remove", "autopurge":
		return s.change(command)
	case "upgrade", "dist-upgrade", "full-upgrade":
		return s.upgrade(command)
	case "check":
		return s.check()
	case "clean", "distclean", "autoclean", "auto-clean":
		return s.clean(command)
	case "download":
		return s.download()
	case "source", "build-dep", "changelog":
		return s.source(command)
	case "dselect-upgrade":
		return s.upgrade(command)
	case "indextargets", "moo", "satisfy":
		if command == "moo" {
			s.c.Print("                 (__) \n                 (oo) \n           /------\\/ \n          / |    ||   \n         *  /\\---/\\ \n            ~~   ~~   \n...\"Have you mooed today?\"...\n")
			return 0
		}
	}
	return s.fail("Invalid operation %s", s.args[0])
}

const getHelp = `apt 2.6.1 (amd64)
Usage: apt-get [options] command
       apt-get [options] install|remove pkg1 [pkg2 ...]
       apt-get [options] source pkg1 [pkg2 ...]

apt-get is a command line interface for retrieval of packages
and information about them from authenticated sources and
for installation, upgrade and removal of packages together
with their dependencies.

Most used commands:
  update - Retrieve new lists of packages
  upgrade - Perform an upgrade
  install - Install new packages (pkg is libc6 not libc6.deb)
  reinstall - Reinstall packages (pkg is libc6 not libc6.deb)
  remove - Remove packages
  purge - Remove packages and config files
  autoremove - Remove automatically all unused packages
  dist-upgrade - Distribution upgrade, see apt-get(8)
  dselect-upgrade - Follow dselect selections
  build-dep - Configure build-dependencies for source packages
  satisfy - Satisfy dependency strings
  clean - Erase downloaded archive files
  autoclean - Erase old downloaded archive files
  check - Verify that there are no broken dependencies
  source - Download source archives
  download - Download the binary package into the current directory
  changelog - Download and display the changelog for the given package

See apt-get(8) for more information about the available commands.
Configuration options and syntax is detailed in apt.conf(5).
Information about how to configure sources can be found in sources.list(5).
Package and version choices can be expressed via apt_preferences(5).
Security details are available in apt-secure(8).
                                        This APT has Super Cow Powers.
`

// locked takes dpkg's lock, which only root can.
func (s *session) locked() bool {
	if s.config.flag("APT::Get::Simulate", false) || s.config.flag("APT::Get::Print-URIs", false) {
		return true
	}
	const file = "/var/lib/dpkg/lock-frontend"
	err := s.lock(file)
	switch {
	case err == nil:
		return true
	case err == linux.EACCES && !s.root():
		s.c.Errorf("E: Could not open lock file %s - open (13: Permission denied)\nE: Unable to acquire the dpkg frontend lock (%s), are you root?\n", file, file)
	default:
		n := 0
		if e, ok := err.(linux.Errno); ok {
			n = int(e)
		}
		s.c.Errorf("E: Could not open lock file %s - open (%d: %v)\nE: Unable to acquire the dpkg frontend lock (%s), are you root?\n", file, n, err, file)
	}
	return false
}

// mode is what is to be done with a package that the command line names.
type mode int

const (
	toInstall mode = iota
	toRemove
)

// wish is a package that the command line names.
type wish struct {
	name string
	what mode
	want *available
}

// change is install, remove and their like.
func (s *session) change(command string) int {
	fallback := toRemove
	switch command {
	case "install":
		fallback = toInstall
	case "reinstall":
		fallback = toInstall
		s.config.set("APT::Get::ReInstall", "yes")
	case "purge":
		s.config.set("APT::Get::Purge", "yes")
	case "autoremove", "auto-remove":
		s.config.set("APT::Get::AutomaticRemove", "yes")
	case "autopurge":
		s.config.set("APT::Get::AutomaticRemove", "yes")
		s.config.set("APT::Get::Purge", "yes")
	}
	if !s.locked() {
		return 100
	}
	k, err := s.open()
	if err != nil {
		return s.badSources(err)
	}
	s.reading(k)
	wishes, status := s.wishes(k, s.args[1:], fallback)
	if status != 0 {
		return status
	}
	if bad := k.unmet(); len(bad) > 0 && len(s.args) > 1 && !s.config.flag("APT::Get::Fix-Broken", false) {
		s.say("You might want to run 'apt --fix-broken install' to correct these.\nThe following packages have unmet dependencies:\n%s\n", strings.Join(bad, "\n"))
		return s.fail("Unmet dependencies. Try 'apt --fix-broken install' with no packages (or specify a solution).")
	}
	p := k.plan()
	purge := s.config.flag("APT::Get::Purge", false)
	marks := false
	for _, w := range wishes {
		if w.what != toRemove {
			continue
		}
		if k.installed(w.name) == nil && !(purge && k.db.Package(w.name) != nil) {
			s.say("Package '%s' is not installed, so not removed\n", w.name)
			continue
		}
		p.remove(w.name, purge)
	}
	for _, w := range wishes {
		if w.what == toInstall {
			marks = p.wish(w) || marks
		}
	}
	for _, w := range wishes {
		if w.what == toInstall && p.going[w.name] {
			delete(p.going, w.name)
		}
	}
	if bad := k.unmet(); s.config.flag("APT::Get::Fix-Broken", false) && len(bad) > 0 {
		s.say("Correcting dependencies... Done\n")
		p.mend()
	}
	p.check()
	if len(p.broken) > 0 {
		return s.cannot(p)
	}
	p.autoremove()
	s.extras(p, wishes, command)
	return s.carryOut(p, wishes, command, marks)
}

// wish plans the installation of a package, and reports whether an automatic mark was taken off.
func (p *plan) wish(w wish) (marked bool) {
	q := p.installed(w.name)
	again := p.s.config.flag("APT::Get::ReInstall", false)
	switch {
	case q != nil && !p.s.config.flag("APT::Get::Upgrade", true):
		p.s.say("Skipping %s, it is already installed and upgrade is not set.\n", w.name)
		return false
	case q == nil && p.s.config.flag("APT::Get::Only-Upgrade", false):
		p.s.say("Skipping %s, it is not installed and only upgrades are requested.\n", w.name)
		return false
	}
	p.asked[w.name] = true
	p.candidates[w.name] = w.want
	if q != nil && q.Version() == w.want.Get("Version") && !p.going[w.name] {
		if again {
			if len(w.want.origins) == 0 && w.want.file == "" {
				p.s.say("Reinstallation of %s is not possible, it cannot be downloaded.\n", w.name)
				return false
			}
			p.coming[w.name], p.again[w.name] = w.want, true
			return false
		}
		p.s.say("%s is already the newest version (%s).\n", w.name, q.Version())
		if p.auto[w.name] && !p.s.config.flag("APT::Get::Download-Only", false) {
			p.s.say("%s set to manually installed.\n", w.name)
			delete(p.auto, w.name)
			return true
		}
		return false
	}
	p.install(w.want)
	if q == nil {
		delete(p.auto, w.name)
	}
	return false
}

// mend plans what the dependencies of what is installed lack.
func (p *plan) mend() {
	for _, q := range p.db.Packages() {
		if !q.There() || p.going[q.Name()] {
			continue
		}
		for _, field := range []string{"Pre-Depends", "Depends"} {
			for _, clause := range debian.ParseRelations(q.Get(field)) {
				if p.anyMet(clause) {
					continue
				}
				if choice := p.choose(clause); choice != nil && p.possible(choice, map[string]bool{}) {
					p.install(choice)
				} else {
					p.remove(q.Name(), false)
				}
			}
		}
	}
}

// unmet are the installed packages whose dependencies do not hold, in APT's words.
func (k *cache) unmet() []string {
	p := k.plan()
	var all []string
	for _, q := range k.db.Packages() {
		if !q.There() {
			continue
		}
		var lines []string
		for _, kind := range []string{"PreDepends", "Depends"} {
			for _, clause := range debian.ParseRelations(q.Get(strings.Replace(kind, "PreDepends", "Pre-Depends", 1))) {
				if p.anyMet(clause) {
					continue
				}
				for i, r := range clause {
					text := kind + ": " + r.String() + strings.Replace(p.whyNot(r), "but it is not going to be installed", "but it is not installed", 1)
					if i < len(clause)-1 {
						text += " or"
					}
					lines = append(lines, text)
				}
			}
		}
		if len(lines) > 0 {
			all = append(all, " "+q.Name()+" : "+strings.Join(lines, "\n"+strings.Repeat(" ", len(q.Name())+4)))
		}
	}
	return all
}

// cannot says what keeps a plan from being carried out.
func (s *session) cannot(p *plan) int {
	s.say("Some packages could not be installed. This may mean that you have\nrequested an impossible situation or if you are using the unstable\n" +
		"distribution that some required packages have not yet been created\nor been moved out of Incoming.\n" +
		"The following information may help to resolve the situation:\n\nThe following packages have unmet dependencies:\n")
	s.say("%s\n", strings.Join(p.broken, "\n"))
	return s.fail("Unable to correct problems, you have held broken packages.")
}

// wishes reads the packages that the command line names.
func (s *session) wishes(k *cache, names []string, fallback mode) ([]wish, int) {
	var all []wish
	var errors, notes []string
	add := func(name string, what mode, want *available) {
		if !slices.ContainsFunc(all, func(w wish) bool { return w.name == name }) {
			all = append(all, wish{name, what, want})
		}
	}
	for _, arg := range names {
		if strings.HasPrefix(arg, "/") || strings.HasPrefix(arg, "./") || strings.HasPrefix(arg, "../") {
			if a := s.file(k, arg); a != nil && fallback == toInstall {
				add(a.Get("Package"), toInstall, a)
			} else {
				errors = append(errors, fmt.Sprintf("Unsupported file %s given on commandline", arg))
			}
			continue
		}
		name, what := arg, fallback
		if !k.known(name) && len(k.providers(name)) == 0 {
			if n := strings.TrimSuffix(name, "-"); n != name && (k.known(n) || len(k.providers(n)) > 0) {
				name, what = n, toRemove
			} else if n := strings.TrimSuffix(name, "+"); n != name && (k.known(n) || len(k.providers(n)) > 0) {
				name, what = n, toInstall
			}
		}
		plain, version, versioned := strings.Cut(name, "=")
		release := ""
		if !versioned {
			plain, release, _ = strings.Cut(name, "/")
		}
		plain = strings.TrimSuffix(strings.TrimSuffix(plain, ":"+dpkg.Architecture), ":native")
		switch {
		case what == toInstall && k.known(plain):
			want := k.candidate(plain)
			if versioned || release != "" {
				want = nil
				for _, a := range k.versions(plain) {
					if versioned && (a.Get("Version") == version || fnmatch.Match(version, a.Get("Version"), 0)) ||
						release != "" && slices.ContainsFunc(a.origins, func(o origin) bool {
							return o.archive.Suite == release || o.archive.Codename == release || o.dist == release
						}) {
						want = a
						break
					}
				}
				if q := k.installed(plain); want == nil && versioned && q != nil && q.Version() == version {
					want = &available{Control: q.Control}
				}
				switch {
				case want == nil && versioned:
					s.missing(k, plain)
					errors = append(errors, fmt.Sprintf("Version '%s' for '%s' was not found", version, plain))
					continue
				case want == nil:
					errors = append(errors, fmt.Sprintf("Release '%s' for '%s' was not found", release, plain))
					continue
				}
				if o := want.origins; len(o) > 0 && release != "" {
					notes = append(notes, fmt.Sprintf("Selected version '%s' (%s [%s]) for '%s'\n", want.Get("Version"), o[0].release(), want.Get("Architecture"), plain))
				}
			}
			if want == nil {
				if q := k.installed(plain); q != nil {
					want = &available{Control: q.Control}
				}
			}
			if want == nil {
				errors = append(errors, s.missing(k, plain)...)
				continue
			}
			add(plain, toInstall, want)
		case what == toRemove && k.known(plain):
			add(plain, toRemove, nil)
		default:
			found, status := s.others(k, plain, what)
			if status != nil {
				errors = append(errors, status...)
				continue
			}
			for _, f := range found {
				add(f.name, f.what, f.want)
			}
		}
	}
	for _, n := range notes {
		s.say("%s", n)
	}
	if len(errors) > 0 {
		for _, e := range errors {
			s.c.Errorf("E: %s\n", e)
		}
		return nil, 100
	}
	return all, 0
}

// release is a source as APT tells where a version is from: "Debian:12.15/oldstable".
func (o origin) release() string {
	return o.archive.Label + ":" + o.archive.Version + "/" + o.archive.Suite
}

// file is a .deb of the command line.
func (s *session) file(k *cache, name string) *available {
	if !strings.HasSuffix(name, ".deb") {
		return nil
	}
	d, err := dpkg.ReadDeb(s.c, s.archives, name)
	if err != nil {
		return nil
	}
	at := name
	if !strings.HasPrefix(at, "/") {
		if dir, err := s.c.Getwd(); err == nil {
			at = path.Join(dir, name)
		}
	}
	a := &available{Control: d.Control, file: at}
	if st, err := s.c.Stat(name); err == nil {
		a.Control = append(slices.Clone(a.Control), debian.Field{Name: "Size", Value: strconv.FormatInt(st.Size, 10)})
	}
	k.local[d.Get("Package")] = a
	delete(k.candidates, d.Get("Package"))
	return a
}

// others finds what a name means that no package has: one that is provided, a pattern, a regular
// expression.
func (s *session) others(k *cache, name string, what mode) ([]wish, []string) {
	if providers := k.providers(name); len(providers) > 0 {
		if what == toRemove {
			if len(providers) == 1 {
				s.say("Note, selecting '%s' instead of '%s'\n", providers[0], name)
				return []wish{{providers[0], toRemove, nil}}, nil
			}
			return nil, []string{fmt.Sprintf("Virtual packages like '%s' can't be removed", name)}
		}
		var real []string
		for _, p := range providers {
			if k.candidate(p) != nil || k.installed(p) != nil {
				real = append(real, p)
			}
		}
		if len(real) == 1 {
			s.say("Note, selecting '%s' instead of '%s'\n", real[0], name)
			return []wish{{real[0], toInstall, k.orInstalled(real[0])}}, nil
		}
		s.say("Package %s is a virtual package provided by:\n", name)
		for _, p := range slices.Backward(real) {
			s.say("  %s %s\n", p, k.orInstalled(p).Get("Version"))
		}
		s.say("\n")
		return nil, []string{fmt.Sprintf("Package '%s' has no installation candidate", name)}
	}
	match := func(string) bool { return false }
	kind := ""
	switch {
	case strings.ContainsAny(name, "*?["):
		kind, match = "glob", func(n string) bool { return fnmatch.Match(name, n, 0) }
	case strings.ContainsAny(name, ".+^$|("):
		if re, err := regexp.Compile(name); err == nil {
			kind, match = "regex", re.MatchString
		}
	}
	var found []wish
	for _, n := range k.names() {
		if !match(n) {
			continue
		}
		a := k.orInstalled(n)
		if a == nil {
			continue
		}
		s.say("Note, selecting '%s' for %s '%s'\n", n, kind, name)
		found = append(found, wish{n, what, a})
	}
	if len(found) > 0 {
		return found, nil
	}
	if p := k.mentioned(name); p != "" && kind == "" {
		return nil, s.missing(k, name)
	}
	errors := []string{fmt.Sprintf("Unable to locate package %s", name)}
	if kind == "glob" {
		errors = append(errors, fmt.Sprintf("Couldn't find any package by glob '%s'", name))
		if strings.ContainsAny(name, ".+") {
			errors = append(errors, fmt.Sprintf("Couldn't find any package by regex '%s'", name))
		}
	} else if kind == "regex" {
		errors = append(errors, fmt.Sprintf("Couldn't find any package by glob '%s'", name))
		if strings.Contains(name, ".") {
			errors = append(errors, fmt.Sprintf("Couldn't find any package by regex '%s'", name))
		}
	}
	return nil, errors
}

// orInstalled is the candidate of a package, or the version that is installed.
func (k *cache) orInstalled(name string) *available {
	if c := k.candidate(name); c != nil {
		return c
	}
	if q := k.installed(name); q != nil {
		return &available{Control: q.Control}
	}
	return nil
}

// mentioned is a package that names another in its fields, "" if none does.
func (k *cache) mentioned(name string) string {
	for _, p := range k.db.Packages() {
		for _, field := range []string{"Depends", "Recommends", "Suggests", "Conflicts", "Replaces", "Breaks"} {
			for _, clause := range debian.ParseRelations(p.Get(field)) {
				if slices.ContainsFunc(clause, func(r debian.Relation) bool { return r.Name == name }) {
					return p.Name()
				}
			}
		}
	}
	return ""
}

// missing says that a package that others name is not to be had.
func (s *session) missing(k *cache, name string) []string {
	s.say("Package %s is not available, but is referred to by another package.\nThis may mean that the package is missing, has been obsoleted, or\nis only available from another source\n", name)
	var replacing []string
	for _, other := range k.names() {
		if a := k.orInstalled(other); a != nil && slices.ContainsFunc(debian.ParseRelations(a.Get("Replaces")), func(clause []debian.Relation) bool { return clause[0].Name == name }) {
			replacing = append(replacing, other)
		}
	}
	s.list("However the following packages replace it:", replacing)
	s.say("\n")
	return []string{fmt.Sprintf("Package '%s' has no installation candidate", name)}
}

// extras shows what comes beside what was asked for, and what could.
func (s *session) extras(p *plan, wishes []wish, command string) {
	var extra, suggested, recommended []string
	asked := map[string]bool{}
	for _, w := range wishes {
		asked[w.name] = w.what == toInstall
	}
	if command != "install" && command != "reinstall" {
		return
	}
	seen := map[string]bool{}
	for _, name := range sortedKeys(p.coming) {
		if p.again[name] {
			continue
		}
		if !asked[name] {
			extra = append(extra, name)
		}
		for _, kind := range []string{"Suggests", "Recommends"} {
			for _, clause := range debian.ParseRelations(p.coming[name].Get(kind)) {
				names := qualified(p.coming[name].Get(kind), clause)
				key := kind + strings.Join(names, " | ")
				if seen[key] {
					continue
				}
				seen[key] = true
				if p.anyMet(clause) {
					continue
				}
				for i := range names {
					if i > 0 {
						names[i] = "| " + names[i]
					}
				}
				if kind == "Suggests" {
					suggested = append(suggested, names...)
				} else {
					recommended = append(recommended, names...)
				}
			}
		}
	}
	s.list("The following additional packages will be installed:", extra)
	s.list("Suggested packages:", suggested)
	s.list("Recommended packages:", recommended)
}

// qualified are the names of a clause as the field has them, with ":any" where it says so.
func qualified(field string, clause []debian.Relation) []string {
	var names []string
	for _, r := range clause {
		n := r.Name
		if strings.Contains(field, n+":any") {
			n += ":any"
		}
		names = append(names, n)
	}
	return names
}

// counts are what a plan changes.
type counts struct{ upgraded, installed, again, downgraded, removed, kept int }

// announce shows what will be done.
func (s *session) announce(p *plan, held []string) counts {
	var n counts
	var fresh, gone, upgraded, downgraded []string
	for _, name := range sortedKeys(p.coming) {
		q := p.installed(name)
		switch {
		case p.again[name]:
			n.again++
		case q == nil:
			n.installed++
			fresh = append(fresh, name)
		case debian.Compare(p.coming[name].Get("Version"), q.Version()) > 0:
			n.upgraded++
			upgraded = append(upgraded, name)
		default:
			n.downgraded++
			downgraded = append(downgraded, name)
		}
	}
	leaving := map[string]bool{}
	for name := range p.going {
		leaving[name] = true
	}
	for name := range p.purging {
		if p.coming[name] == nil {
			leaving[name] = true
		}
	}
	for _, name := range sortedKeys(leaving) {
		n.removed++
		if p.purging[name] {
			name += "*"
		}
		gone = append(gone, name)
	}
	s.list("The following packages will be REMOVED:", gone)
	s.list("The following NEW packages will be installed:", fresh)
	s.list("The following packages have been kept back:", held)
	s.list("The following packages will be upgraded:", upgraded)
	s.list("The following packages will be DOWNGRADED:", downgraded)
	n.kept = len(held)
	for _, q := range p.db.Packages() {
		if q.There() && p.coming[q.Name()] == nil && !p.going[q.Name()] && p.newer(q) != nil && !slices.Contains(held, q.Name()) {
			n.kept++
		}
	}
	return n
}

func (s *session) totals(n counts) {
	text := fmt.Sprintf("%d upgraded, %d newly installed, ", n.upgraded, n.installed)
	if n.again > 0 {
		text += fmt.Sprintf("%d reinstalled, ", n.again)
	}
	if n.downgraded > 0 {
		text += fmt.Sprintf("%d downgraded, ", n.downgraded)
	}
	s.say("%s%d to remove and %d not upgraded.\n", text, n.removed, n.kept)
}

// changesHeld shows the packages that somebody wants as they are, and that change.
func (s *session) changesHeld(p *plan) bool {
	var names []string
	for _, q := range p.db.Packages() {
		if q.Want == "hold" && (p.coming[q.Name()] != nil || p.going[q.Name()]) {
			names = append(names, q.Name())
		}
	}
	s.list("The following held packages will be changed:", names)
	return len(names) > 0
}

// essential warns of packages without which the system does not work.
func (s *session) essential(p *plan) bool {
	var names []string
	for _, name := range sortedKeys(p.going) {
		if q := p.installed(name); q.Get("Essential") == "yes" || q.Get("Protected") == "yes" || name == "apt" {
			names = append(names, name)
		}
	}
	s.list("WARNING: The following essential packages will be removed.\nThis should NOT be done unless you know exactly what you are doing!", names)
	return len(names) > 0
}

const archivesDir = "/var/cache/apt/archives"

// carryOut does what is planned.
func (s *session) carryOut(p *plan, wishes []wish, command string, marks bool) int {
	c := s.c
	var held []string
	if command == "upgrade" || command == "dist-upgrade" || command == "full-upgrade" {
		for _, q := range p.db.Packages() {
			if q.There() && q.Want == "hold" && p.newer(q) != nil {
				held = append(held, q.Name())
			}
		}
	}
	n := s.announce(p, held)
	change := s.changesHeld(p)
	essential := s.essential(p) && !s.config.flag("APT::Get::Download-Only", false)
	s.totals(n)
	unfinished := s.unfinished(p)
	if unfinished > 0 {
		s.say("%d not fully installed or removed.\n", unfinished)
	}
	if len(p.coming) == 0 && n.removed == 0 {
		if marks && !s.config.flag("APT::Get::Simulate", false) {
			if err := p.writeStates(); err != nil {
				return s.fail("Failed to write temporary StateFile %s", statesFile)
			}
		}
		if unfinished == 0 {
			return 0
		}
	}
	if n.removed > 0 && !s.config.flag("APT::Get::Remove", true) {
		return s.fail("Packages need to be removed but remove is disabled.")
	}
	yes := s.config.number("quiet") >= 2 || s.config.flag("APT::Get::Assume-Yes", false)
	force := s.config.flag("APT::Get::Force-Yes", false)
	if yes && !force {
		switch {
		case change && !s.config.flag("APT::Get::allow-change-held-packages", false):
			return s.fail("Held packages were changed and -y was used without --allow-change-held-packages.")
		case essential && !s.config.flag("APT::Get::allow-remove-essential", false):
			return s.fail("Essential packages were removed and -y was used without --allow-remove-essential.")
		case n.downgraded > 0 && !s.config.flag("APT::Get::allow-downgrades", false):
			return s.fail("Packages were downgraded and -y was used without --allow-downgrades.")
		}
	}
	order := p.order()
	if s.config.flag("APT::Get::Simulate", false) {
		return s.simulate(p, order)
	}
	wanted, total := s.toFetch(p, order)
	var need int64
	for _, w := range wanted {
		need += bytesOf(w)
	}
	switch {
	case need != total:
		s.say("Need to get %sB/%sB of archives.\n", size(need), size(total))
	case total != 0:
		s.say("Need to get %sB of archives.\n", size(total))
	}
	if used := p.used(); used >= 0 {
		s.say("After this operation, %sB of additional disk space will be used.\n", size(used))
	} else {
		s.say("After this operation, %sB disk space will be freed.\n", size(-used))
	}
	if s.config.flag("APT::Get::Print-URIs", false) {
		for _, w := range wanted {
			c.Printf("'%s' %s %d \n", w.uri(), debian.Filename(w.Control), bytesOf(w))
		}
		return 0
	}
	if essential && !s.config.flag("APT::Get::allow-remove-essential", false) && !force {
		return s.fail("Removing essential system-critical packages is not permitted. This might break the system.")
	}
	ask := essential || change || n.downgraded > 0 || n.removed > 0 || n.installed+n.upgraded+n.again != countInstalls(wishes) || command == "upgrade" || command == "dist-upgrade" || command == "full-upgrade"
	if ask && !yes {
		if s.config.flag("APT::Get::Trivial-Only", false) {
			return s.fail("Trivial Only specified but this is not a trivial operation.")
		}
		if !s.yes("Do you want to continue?") {
			c.Print("Abort.\n")
			return 1
		}
	}
	if status := s.fetch(p, order, wanted); status != 0 {
		return status
	}
	if s.config.flag("APT::Get::Download-Only", false) {
		s.say("Download complete and in download only mode\n")
		return 0
	}
	return s.dpkg(p, order)
}

// unfinished counts the packages that wait to be configured.
func (s *session) unfinished(p *plan) int {
	n := 0
	for _, q := range p.db.Packages() {
		if q.State == dpkg.Unpacked || q.State == dpkg.HalfConfigured {
			n++
		}
	}
	return n
}

func countInstalls(wishes []wish) int {
	n := 0
	for _, w := range wishes {
		if w.what == toInstall {
			n++
		}
	}
	return n
}

// yes asks; no answer is no.
func (s *session) yes(question string) bool {
	s.c.Printf("%s [Y/n] ", question)
	if s.config.flag("APT::Get::Assume-No", false) {
		s.c.Print("N\n")
		return false
	}
	s.c.Out.Flush()
	line, err := s.c.In.ReadString('\n')
	if err != nil && line == "" {
		return false
	}
	line = strings.ToLower(strings.TrimSpace(line))
	return line == "" || line[0] == 'y'
}

// bytesOf is the size of a package's file.
func bytesOf(a *available) int64 {
	n, _ := strconv.ParseInt(a.Get("Size"), 10, 64)
	return n
}

// uri is where a package is fetched from.
func (a *available) uri() string {
	if a.file != "" || len(a.origins) == 0 {
		return "file:" + a.file
	}
	return a.origins[0].uri + a.Get("Filename")
}

// toFetch are the packages whose files are not there yet, and the size of all.
func (s *session) toFetch(p *plan, order []string) (wanted []*available, total int64) {
	for _, name := range order {
		a := p.coming[name]
		if a == nil {
			continue
		}
		total += bytesOf(a)
		if a.file != "" {
			continue
		}
		if st, err := s.c.Stat(archivesDir + "/" + debian.Filename(a.Control)); err == nil && st.Size == bytesOf(a) {
			continue
		}
		wanted = append(wanted, a)
	}
	return wanted, total
}

// used is how much more of the disk is used afterwards, in bytes.
func (p *plan) used() int64 {
	kib := func(c debian.Control) int64 {
		n, _ := strconv.ParseInt(c.Get("Installed-Size"), 10, 64)
		return n
	}
	var n int64
	for name, a := range p.coming {
		n += kib(a.Control)
		if q := p.installed(name); q != nil {
			n -= kib(q.Control)
		}
	}
	for name := range p.going {
		n -= kib(p.installed(name).Control)
	}
	return n * 1024
}

// fetch fetches packages into the cache of archives.
func (s *session) fetch(p *plan, order []string, wanted []*available) int {
	if err := s.directory(archivesDir+"/partial", 0o755); err != nil {
		return s.fail("Archives directory %s/partial is missing. - Acquire (%v)", archivesDir, err)
	}
	if err := s.lock(archivesDir + "/lock"); err != nil {
		return s.fail("Could not open lock file %s/lock - open (%v)", archivesDir, err)
	}
	var bytes int64
	var faults []string
	number := 0
	for _, name := range order {
		if a := p.coming[name]; a != nil && a.file != "" {
			number++
			s.say("Get:%d %s %s %s %s [%sB]\n", number, a.file, name, a.Get("Architecture"), a.Get("Version"), size(bytesOf(a)))
		}
	}
	for i, a := range wanted {
		i += number
		what := a.what()
		fault := s.fetchOne(a, archivesDir+"/"+debian.Filename(a.Control))
		if fault != "" {
			s.say("Err:%d %s\n  %s\n", i+1, what, fault)
			faults = append(faults, fmt.Sprintf("E: Failed to fetch %s  %s\n", a.uri(), fault))
			continue
		}
		s.say("Get:%d %s [%sB]\n", i+1, what, size(bytesOf(a)))
		bytes += bytesOf(a)
	}
	// Where nobody watches, the last line is held back until there is more, and the hooks come first.
	if bytes > 0 && (s.c.Isatty(1) || len(faults) > 0 || s.config.flag("APT::Get::Download-Only", false)) {
		s.fetched(bytes)
	} else {
		s.held = bytes
	}
	if len(faults) > 0 {
		for _, f := range faults {
			s.c.Errorf("%s", f)
		}
		return s.fail("Unable to fetch some archives, maybe run apt-get update or try with --fix-missing?")
	}
	return 0
}

// what is what a Get line calls a package.
func (a *available) what() string {
	site := ""
	if len(a.origins) > 0 {
		site = a.origins[0].site()
	}
	return fmt.Sprintf("%s %s %s %s %s", site, dpkg.Architecture, a.Get("Package"), a.Get("Architecture"), a.Get("Version"))
}

// fetchOne fetches one package's file; it gives why it could not.
func (s *session) fetchOne(a *available, to string) string {
	if fault := s.reach(a.uri()); fault != nil {
		return fault.Error()
	}
	facts, err := s.archives.Package(a.Get("Package"), a.Get("Version"))
	if err != nil || facts == nil {
		return "Hash Sum mismatch"
	}
	if err := s.put(to, s.archives.Deb(facts), 0o644); err != nil {
		return fmt.Sprintf("Write error - write (%v)", err)
	}
	return ""
}

// simulate tells what would be done.
func (s *session) simulate(p *plan, order []string) int {
	for _, name := range order {
		if q := p.installed(name); p.going[name] {
			word := "Remv"
			if p.purging[name] {
				word = "Purg"
			}
			s.c.Printf("%s %s [%s]\n", word, name, q.Version())
		} else if p.coming[name] == nil {
			s.c.Printf("Purg %s [%s]\n", name, p.db.Package(name).Version())
		}
	}
	tail := func(a *available) string {
		from := ""
		if len(a.origins) > 0 {
			from = " " + a.origins[0].release()
		}
		return fmt.Sprintf("(%s%s [%s])", a.Get("Version"), from, a.Get("Architecture"))
	}
	for _, name := range order {
		if a := p.coming[name]; a != nil {
			old := ""
			if q := p.installed(name); q != nil {
				old = "[" + q.Version() + "] "
			}
			s.c.Printf("Inst %s %s%s\n", name, old, tail(a))
		}
	}
	for _, name := range order {
		if a := p.coming[name]; a != nil {
			s.c.Printf("Conf %s %s\n", name, tail(a))
		}
	}
	return 0
}

// upgrade is upgrade and dist-upgrade.
func (s *session) upgrade(command string) int {
	if !s.locked() {
		return 100
	}
	k, err := s.open()
	if err != nil {
		return s.badSources(err)
	}
	s.reading(k)
	s.say("Calculating upgrade...%s\n", s.done())
	p := k.plan()
	for _, q := range k.db.Packages() {
		if q.There() && q.Want != "hold" {
			if a := k.newer(q); a != nil {
				p.install(a)
			}
		}
	}
	p.check()
	if len(p.broken) > 0 {
		return s.cannot(p)
	}
	p.autoremove()
	return s.carryOut(p, nil, command, false)
}

// check is apt-get check.
func (s *session) check() int {
	k, err := s.open()
	if err != nil {
		return s.badSources(err)
	}
	s.reading(k)
	if bad := k.unmet(); len(bad) > 0 {
		s.say("You might want to run 'apt --fix-broken install' to correct these.\nThe following packages have unmet dependencies:\n%s\n", strings.Join(bad, "\n"))
		return s.fail("Unmet dependencies. Try 'apt --fix-broken install' with no packages (or specify a solution).")
	}
	return 0
}

// clean is clean and autoclean.
func (s *session) clean(command string) int {
	auto := strings.HasPrefix(command, "auto")
	var k *cache
	if auto {
		var err error
		if k, err = s.open(); err != nil {
			return s.badSources(err)
		}
		s.reading(k)
	}
	if !s.root() {
		return s.mayNot(true)
	}
	if err := s.directory(archivesDir+"/partial", 0o755); err != nil {
		return 0
	}
	s.lock(archivesDir + "/lock")
	for _, dir := range []string{archivesDir, archivesDir + "/partial"} {
		entries, err := s.c.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, e := range entries {
			if e.Name == "lock" || e.Mode.IsDir() {
				continue
			}
			if auto {
				name, ok := debian.SplitFilename(e.Name)
				if a := k.candidate(name); !ok || a != nil && debian.Filename(a.Control) == e.Name {
					continue
				}
				s.say("Del %s %s\n", name, e.Name)
			}
			s.c.Unlink(dir + "/" + e.Name)
		}
	}
	if !auto {
		s.c.Unlink(cacheDir + "/pkgcache.bin")
		s.c.Unlink(cacheDir + "/srcpkgcache.bin")
	}
	return 0
}

// download is apt-get download: packages' files into the current directory.
func (s *session) download() int {
	k, err := s.open()
	if err != nil {
		return s.badSources(err)
	}
	if len(s.args) == 1 {
		return s.fail("No packages found")
	}
	var wanted []*available
	for _, arg := range s.args[1:] {
		name, v, versioned := strings.Cut(arg, "=")
		var found *available
		for _, a := range k.versions(name) {
			if !versioned || a.Get("Version") == v {
				found = a
				break
			}
		}
		switch {
		case found != nil:
			wanted = append(wanted, found)
		case versioned && k.known(name):
			return s.fail("Version '%s' for '%s' was not found", v, name)
		case k.installed(name) != nil:
			return s.fail("Can't find a source to download version '%s' of '%s:%s'", k.installed(name).Version(), name, dpkg.Architecture)
		default:
			return s.fail("Unable to locate package %s", name)
		}
	}
	var bytes int64
	for i, a := range wanted {
		if fault := s.fetchOne(a, debian.Filename(a.Control)); fault != "" {
			s.say("Err:%d %s\n  %s\n", i+1, a.what(), fault)
			return s.fail("Failed to fetch %s  %s", a.uri(), fault)
		}
		s.say("Get:%d %s [%sB]\n", i+1, a.what(), size(bytesOf(a)))
		bytes += bytesOf(a)
	}
	s.fetched(bytes)
	return 0
}

// source is source, build-dep and changelog, for which there is no source archive.
func (s *session) source(command string) int {
	s.say("Reading package lists...%s\n", s.done())
	if len(s.args) == 1 {
		if command == "build-dep" {
			return s.fail("Must specify at least one package to check builddeps for")
		}
		return s.fail("Must specify at least one package to fetch source for")
	}
	if command == "changelog" {
		return s.fail("Unable to locate package %s", s.args[1])
	}
	return s.fail("You must put some 'deb-src' URIs in your sources.list")
}

// dpkg hands the plan on to dpkg.
func (s *session) dpkg(p *plan, order []string) int {
	c := s.c
	if !s.scripts("Dpkg::Pre-Invoke") {
		return 100
	}
	if len(p.coming) > 0 {
		s.preconfigure(p)
	}
	if s.held > 0 {
		s.fetched(s.held)
	}
	s.history(p, c.Now())
	ok := s.onTerminal(func(s *session) bool { return s.operate(p, order) })
	for name := range p.going {
		delete(p.auto, name)
	}
	after := dpkg.Open(c)
	for name := range p.auto {
		if !after.Package(name).There() {
			delete(p.auto, name)
		}
	}
	if err := p.writeStates(); err != nil {
		ok = false
	}
	s.writeCaches(s.cacheBytes(p.cache))
	s.endHistory(ok)
	if ok && !s.config.flag("APT::Keep-Downloaded-Packages", true) {
		for _, a := range p.coming {
			c.Unlink(archivesDir + "/" + debian.Filename(a.Control))
		}
	}
	if !s.scripts("Dpkg::Post-Invoke") {
		return 100
	}
	if !ok {
		return s.fail("Sub-process /usr/bin/dpkg returned an error code (1)")
	}
	return 0
}

// cacheBytes is the size of APT's binary caches.
func (s *session) cacheBytes(k *cache) int64 {
	var n int64
	for _, o := range k.origins {
		if index := o.archive.Index(o.component); index != nil {
			n += index.Content.Size() * 78 / 100
		}
	}
	return n
}

// preconfigure is what debconf's hook says before packages are unpacked.
func (s *session) preconfigure(p *plan) {
	if !slices.ContainsFunc(s.config.lists["dpkg::pre-install-pkgs"], func(cmd string) bool { return strings.Contains(cmd, "dpkg-preconfigure") }) {
		return
	}
	if _, err := s.c.Stat("/usr/sbin/dpkg-preconfigure"); err != nil || strings.EqualFold(s.c.Getenv("DEBIAN_FRONTEND"), "noninteractive") {
		return
	}
	if _, err := s.c.Stat("/usr/bin/apt-extracttemplates"); err != nil {
		s.c.Errorf("debconf: delaying package configuration, since apt-utils is not installed\n")
		return
	}
	for _, a := range p.coming {
		facts, err := s.archives.Package(a.Get("Package"), a.Get("Version"))
		if err == nil && facts != nil && slices.ContainsFunc(facts.Info, func(i debian.InfoFile) bool { return i.Name == "templates" }) {
			s.c.Print("Preconfiguring packages ...\n")
			s.c.Errorf("%s", dpkg.Frontends(s.c))
			return
		}
	}
}

// operate carries out removals and installations in order. What is to be configured before another
// package can be unpacked is.
func (s *session) operate(p *plan, order []string) bool {
	o := &operations{session: s, plan: p, state: map[string]string{}}
	for _, name := range order {
		switch {
		case p.coming[name] != nil:
			o.unpack(name)
		case p.going[name]:
			o.add("remove", name)
		}
	}
	for _, step := range o.steps {
		if !o.run(step) {
			return false
		}
	}
	return o.finish()
}

// operations are the calls of dpkg that a plan needs.
type operations struct {
	*session
	*plan
	state map[string]string // "unpacked", "configured"
	steps []step
	wake  []*dpkg.Run
}

// call begins a call of dpkg.
func (o *operations) call() *dpkg.Run {
	r := dpkg.NewRun(dpkg.Open(o.c), o.archives)
	r.Watched = r.Watched || o.pty
	for _, option := range o.config.lists["dpkg::options"] {
		r.Force.Add(strings.TrimPrefix(option, "--force-"))
	}
	return r
}

// step is one call.
type step struct {
	what  string
	names []string
}

func (o *operations) add(what, name string) {
	if n := len(o.steps); n > 0 && o.steps[n-1].what == what {
		o.steps[n-1].names = append(o.steps[n-1].names, name)
		return
	}
	o.steps = append(o.steps, step{what, []string{name}})
}

// unpack plans the unpacking of a package after what has to be configured before it.
func (o *operations) unpack(name string) {
	if o.state[name] != "" {
		return
	}
	o.state[name] = "pending"
	for _, clause := range debian.ParseRelations(o.coming[name].Get("Pre-Depends")) {
		o.ensure(clause, true)
	}
	o.state[name] = "unpacked"
	o.add("unpack", name)
}

// ensure plans what of a clause comes, so that it is unpacked and configured.
func (o *operations) ensure(clause []debian.Relation, configured bool) {
	for _, r := range clause {
		for _, other := range append([]string{r.Name}, o.providers(r.Name)...) {
			if q := o.installed(other); q != nil && o.coming[other] == nil && !o.going[other] && meets(q.Control, r) {
				return
			}
		}
	}
	for _, r := range clause {
		for _, other := range append([]string{r.Name}, o.providers(r.Name)...) {
			a := o.coming[other]
			if a == nil || !meets(a.Control, r) {
				continue
			}
			o.unpack(other)
			if configured {
				o.configure(other)
			}
			return
		}
	}
}

func (o *operations) configure(name string) {
	if o.state[name] != "unpacked" {
		return
	}
	o.state[name] = "configured"
	a := o.coming[name]
	for _, clause := range debian.ParseRelations(a.Get("Depends")) {
		o.ensure(clause, true)
	}
	o.add("configure", name)
}

// run is one call of dpkg.
func (o *operations) run(st step) bool {
	r := o.call()
	switch st.what {
	case "unpack":
		// Of more than a few files, dpkg is given a directory of links, whose names keep the order.
		const few = 5
		digits := len(strconv.Itoa(len(st.names) - 1))
		for i, name := range st.names {
			a := o.coming[name]
			file := a.file
			shown := file
			if file == "" {
				file = archivesDir + "/" + debian.Filename(a.Control)
				shown = file
			}
			if len(st.names) > few {
				shown = fmt.Sprintf("/tmp/apt-dpkg-install-XXXXXX/%0*d-%s", digits, i, path.Base(file))
			}
			d, err := dpkg.ReadDeb(o.c, o.archives, file)
			if err != nil {
				o.c.Errorf("dpkg-deb: error: %v\n", err)
				r.Finish()
				return false
			}
			if r.Wants(name, "install"); !r.Unpack(d, shown) {
				r.ProcessTriggers()
				r.Finish()
				return false
			}
		}
	case "configure":
		r.ConfigureAll(st.names)
	case "remove":
		r.RemoveAll(st.names, false, true)
	}
	o.wake = append(o.wake, r)
	return r.Finish()
}

// finish configures what is left, processes triggers and purges.
func (o *operations) finish() bool {
	r := o.call()
	for _, before := range o.wake {
		r.Inherit(before)
	}
	r.ConfigureAll(nil)
	r.ProcessTriggers()
	if !r.Finish() {
		return false
	}
	if len(o.purging) == 0 {
		return true
	}
	r = o.call()
	r.RemoveAll(r.Purgeable(sortedKeys(o.purging)), true, true)
	r.ProcessTriggers()
	return r.Finish()
}

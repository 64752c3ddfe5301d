//go:build linux

package main

import (
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dockerlab/dockerlab/sim/catalog/debian"
	"github.com/dockerlab/dockerlab/sim/catalog/manifest"
)

// effects reads what configuring and removing packages did, and gives it to them.
type effects struct {
	from         string
	owners       map[string]string // merged path to package
	alternatives map[string]bool   // the links of update-alternatives
	known        map[string]bool   // paths that are there before the package at hand
	triggered    map[string][][]string
}

// readAll reads the effects of all packages in the order in which they were configured.
func (e *effects) readAll(packages map[string]*debian.Package) error {
	base, err := os.ReadFile(filepath.Join(e.from, "base.tsv"))
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(base)) {
		name, _, _ := strings.Cut(line, "\t")
		e.known[path.Clean("/"+name)] = true
	}
	for _, p := range packages {
		for _, f := range p.Files {
			if f.Mode.IsDir() {
				e.known[debian.MergeUsr(f.Path)] = true
			}
		}
	}
	order, err := os.ReadFile(filepath.Join(e.from, "order"))
	if err != nil {
		return err
	}
	for _, name := range strings.Fields(string(order)) {
		p := packages[name]
		if p == nil {
			return fmt.Errorf("%s was configured, but is not there", name)
		}
		if err := e.read(p); err != nil {
			return fmt.Errorf("the effects of %s: %w", name, err)
		}
	}
	if err := e.early(packages); err != nil {
		return err
	}
	diversions, err := e.text("inst/var/lib/dpkg", "diversions")
	if err != nil {
		return err
	}
	for l := strings.Split(diversions, "\n"); len(l) >= 3; l = l[3:] {
		// dash is in every root, its diversion is the base's own.
		if p := packages[l[2]]; p != nil && l[2] != "dash" {
			p.Diversions = append(p.Diversions, l[0]+" "+l[1])
		}
	}
	for name, all := range e.triggered {
		if p := packages[name]; p != nil {
			p.Triggered = commonest(all)
		}
	}
	return nil
}

// early gives users that were made before a package was unpacked to the package whose preinst names
// them.
func (e *effects) early(packages map[string]*debian.Package) error {
	for _, file := range []string{"passwd", "group"} {
		before, err := e.text("base/etc", file)
		if err != nil {
			return err
		}
		after, err := e.text("inst/etc", file)
		if err != nil {
			return err
		}
		for line := range strings.Lines(after) {
			line = strings.TrimSuffix(line, "\n")
			name, _, _ := strings.Cut(line, ":")
			if strings.Contains("\n"+before, "\n"+name+":") {
				continue
			}
			var by *debian.Package
			taken := false
			for _, n := range slices.Sorted(maps.Keys(packages)) {
				p := packages[n]
				to := &p.Users
				if file == "group" {
					to = &p.Groups
				}
				taken = taken || slices.ContainsFunc(*to, func(l string) bool { return strings.HasPrefix(l, name+":") })
				script, err := e.text("inst/var/lib/dpkg/info", n+".preinst")
				if err != nil {
					return err
				}
				if by == nil && slices.Contains(strings.Fields(script), name) {
					by = p
				}
			}
			switch {
			case taken || by == nil:
			case file == "passwd":
				by.Users = append(by.Users, line)
			default:
				by.Groups = append(by.Groups, line)
			}
		}
	}
	return nil
}

// commonest is the list that is there most often, the first of equals.
func commonest(all [][]string) []string {
	count := map[string]int{}
	var best []string
	for _, l := range all {
		key := strings.Join(l, "\n")
		if count[key]++; count[key] > count[strings.Join(best, "\n")] {
			best = l
		}
	}
	return best
}

// text is a file of the record, "" if it is not there.
func (e *effects) text(dir, name string) (string, error) {
	b, err := os.ReadFile(filepath.Join(e.from, dir, name))
	if os.IsNotExist(err) {
		return "", nil
	}
	return string(b), err
}

// notEffects begin the paths that every installation changes, or that the lab writes anew.
var notEffects = []string{"/var/cache/", "/var/log/", "/var/lib/apt/", "/var/lib/dpkg/", "/etc/alternatives/", "/etc/ld.so.cache", "/run/", "/root/", "/tmp/", "/proc/", "/dev/",
	"/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow", "/etc/subuid", "/etc/subgid", "/etc/.pwd.lock", "/etc/machine-id", "/var/lib/dbus/machine-id"}

func (e *effects) read(p *debian.Package) error {
	name := p.Name()
	for _, x := range []struct {
		ext string
		to  *[]string
	}{{".passwd", &p.Users}, {".group", &p.Groups}} {
		s, err := e.text("effects", name+x.ext)
		if err != nil {
			return err
		}
		if s != "" {
			*x.to = strings.Split(strings.TrimSuffix(s, "\n"), "\n")
		}
	}
	if err := e.made(p); err != nil {
		return err
	}
	if err := e.printed(p); err != nil {
		return err
	}
	return e.gone(p)
}

// made reads which files p's configuration made and removed.
func (e *effects) made(p *debian.Package) error {
	s, err := e.text("effects", p.Name()+".diff")
	if err != nil {
		return err
	}
	gone, there, made := map[string]bool{}, map[string]bool{}, map[string]manifest.Entry{}
	for line := range strings.Lines(s) {
		line = strings.TrimSuffix(line, "\n")
		if len(line) < 2 || line[0] != '<' && line[0] != '>' {
			continue
		}
		f, err := parseFound(line[2:])
		if err != nil {
			return err
		}
		name := f.Path
		if strings.Contains(name, ".dpkg-") || slices.ContainsFunc(notEffects, func(s string) bool { return strings.HasPrefix(name, s) }) || e.alternatives[name] {
			continue
		}
		if line[0] == '<' {
			gone[name] = true
			continue
		}
		there[name] = true
		if owner, ok := e.owners[name]; ok && owner != p.Name() || e.known[name] {
			continue // another package's conffile, say, or a directory of which only the time has changed
		}
		if slices.ContainsFunc(p.Files, func(f manifest.Entry) bool { return debian.MergeUsr(f.Path) == name && !f.Mode.IsDir() }) {
			continue
		}
		made[name] = f.Entry
	}
	for _, name := range slices.Sorted(maps.Keys(made)) {
		f := made[name]
		e.known[name] = true
		if f.Mode.IsRegular() {
			head, err := readHead(filepath.Join(e.from, "inst", name))
			if err == nil {
				classify(&f, head)
			}
		}
		p.Made = append(p.Made, f)
	}
	for _, name := range slices.Sorted(maps.Keys(gone)) {
		// What is gone stays in the record, as the layer's marks share an inode.
		if there[name] {
			continue
		}
		if _, owned := e.owners[name]; owned || e.known[name] {
			p.Removed = append(p.Removed, name)
		}
		delete(e.known, name)
		delete(e.owners, name)
	}
	return nil
}

// printed reads what p's configuration printed, and what its processing of triggers did.
func (e *effects) printed(p *debian.Package) error {
	s, err := e.text("effects", p.Name()+".out")
	if err != nil {
		return err
	}
	var order []string // of its alternatives
	who := ""
	said := map[string][]string{}
	for line := range strings.Lines(s) {
		line = strings.TrimSuffix(line, "\n")
		if rest, ok := strings.CutPrefix(line, "Setting up "); ok && strings.HasSuffix(line, " ...") {
			who, _, _ = strings.Cut(rest, " ")
			continue
		}
		if rest, ok := strings.CutPrefix(line, "Processing triggers for "); ok {
			who, _, _ = strings.Cut(rest, " ")
			who = "trigger " + plain(who)
			said[who] = []string{}
			continue
		}
		if i := strings.LastIndex(line, " ("); strings.HasPrefix(line, "update-alternatives: using ") && i > 0 {
			name, _, _ := strings.Cut(line[i+2:], ")")
			order = append(order, name)
		}
		if who != "" {
			said[who] = append(said[who], line)
		}
	}
	for who, lines := range said {
		if name, ok := strings.CutPrefix(who, "trigger "); ok {
			e.triggered[name] = append(e.triggered[name], tidy(lines))
		} else if plain(who) == p.Name() {
			p.Configured = tidy(lines)
		}
	}
	if _, ok := said["trigger "+p.Name()]; ok && !slices.ContainsFunc(p.Triggers, func(t string) bool { return strings.Contains(t, " /") }) {
		// Its own script activates what it waits for.
		for _, t := range p.Triggers {
			if kind, name, _ := strings.Cut(t, " "); strings.HasPrefix(kind, "interest") && !slices.Contains(p.Triggers, "activate-noawait "+name) {
				p.Triggers = append(p.Triggers, "activate-noawait "+name)
			}
		}
	}
	script, err := e.text("inst/var/lib/dpkg/info", p.InfoName()+".postinst")
	if err != nil {
		return err
	}
	p.Quiet = len(p.Alternatives) > 0 && strings.Contains(script, "update-alternatives --quiet")
	slices.SortStableFunc(p.Alternatives, func(a, b debian.Alternative) int { return slices.Index(order, a.Name) - slices.Index(order, b.Name) })
	return nil
}

// plain is a package's name without its architecture.
func plain(name string) string {
	name, _, _ = strings.Cut(name, ":")
	return name
}

// maxLines bounds what is kept of what a package prints.
const maxLines = 40

// tidy leaves out what dpkg and its programs print themselves, and what is of the machine.
func tidy(lines []string) []string {
	host, _ := os.Hostname()
	var kept []string
	question := false
	for _, line := range lines {
		switch {
		case strings.Trim(line, "-") == "" && len(line) > 3 && len(kept) > 0:
			// The title of a question and what it asks; nobody is there to answer.
			kept = kept[:len(kept)-1]
			question = true
			continue
		case question:
			question = !strings.Contains(line, "uninitialized value") && line != ""
			continue
		case strings.HasPrefix(line, "update-alternatives:"), strings.HasPrefix(line, "dpkg:"), strings.HasPrefix(line, "Errors were encountered"):
			continue
		case strings.HasPrefix(line, "debconf: "):
			if len(kept) == 0 || kept[len(kept)-1] != debian.Debconf {
				kept = append(kept, debian.Debconf)
			}
			continue
		case strings.HasPrefix(line, "(Reading database"):
			continue
		}
		if host != "" {
			line = strings.ReplaceAll(line, host, "lab")
		}
		kept = append(kept, line)
	}
	if len(kept) > maxLines {
		kept = kept[:maxLines]
	}
	return kept
}

// gone reads what is printed when p goes, and what it leaves for ever.
func (e *effects) gone(p *debian.Package) error {
	gone, early := map[string]bool{}, map[string]bool{}
	for _, how := range []struct {
		name, begins string
		to           *[]string
	}{{"remove", "Removing ", &p.Removing}, {"purge", "Purging configuration files for ", &p.Purging}} {
		s, err := e.text("gone", p.Name()+"."+how.name)
		if err != nil {
			return err
		}
		if _, after, ok := strings.Cut("\n"+s, "\n"+how.begins); ok {
			after, _, _ = strings.Cut(after, "\nProcessing triggers for ")
			lines := strings.Split(strings.TrimSuffix(after, "\n"), "\n")
			*how.to = tidy(lines[1:])
		}
		diff, err := e.text("gone", p.Name()+"."+how.name+".diff")
		if err != nil {
			return err
		}
		for line := range strings.Lines(diff) {
			if rest, ok := strings.CutPrefix(line, "< "); ok {
				name, _, _ := strings.Cut(rest, "\t")
				gone[path.Clean("/"+name)] = true
				if how.name == "remove" {
					early[path.Clean("/"+name)] = true
				}
			}
		}
	}
	for _, f := range p.Made {
		away, soon := false, false
		for d := f.Path; d != "/" && !away; d = path.Dir(d) {
			away, soon = gone[d], early[d]
		}
		if !away {
			p.Stays = append(p.Stays, f.Path)
		}
		if soon && !strings.HasPrefix(f.Path, "/usr/") {
			p.Early = append(p.Early, f.Path)
		}
	}
	return nil
}

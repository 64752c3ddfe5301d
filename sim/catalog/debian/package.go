// Package debian holds the packages of a Debian release as the catalogue has them: what they are,
// what they depend on, which files they bring and what their configuration makes. Installing them
// (Install) tells the files of a root directory and of dpkg's database in it.
//
// A Suite is a folder, or a zip file, of plain text:
//
//	Packages   one stanza of control data for each package, as in a Debian archive
//	NAME.pkg   the files of a package, in sections:
//
//	    %time 1679593652            what most of the files were last changed at
//	    %files                      manifest lines, in the order of the package
//	    %conffiles                  paths
//	    %info                       "644 1234 postinst": what it has in dpkg's info folder
//	    %alternatives               what it offers to update-alternatives(1), see Alternative
//	    %users, %groups             lines that its configuration adds to /etc/passwd, /etc/group
//	    %made                       manifest lines of files that its configuration makes
//	    %removed                    paths that it removes
//	    %stays                      of what it made: the paths that even a purge leaves
//	    %early                      and those outside of /usr that a removal takes
//	    %diversions                 "FROM TO": what it diverts, see dpkg-divert(1)
//	    %quiet                      its alternatives are offered without a word
//	    %triggers                   what it has in its triggers file, deb-triggers(5)
//	    %configured                 what is printed when it is configured; and so on
//	    %triggered, %removing, %purging
package debian

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/catalog/manifest"
	"github.com/dockerlab/dockerlab/sim/linux"
)

// Package is one binary package.
type Package struct {
	Control   Control
	Time      int64            // seconds: of the files whose entry has no time of its own
	Files     []manifest.Entry // before the merge of /usr: /bin/ls
	Conffiles []string
	Info      []InfoFile // what dpkg keeps of it in its info folder, but for list and conffiles

	Alternatives []Alternative
	Users        []string // passwd lines; the numbers are those of the machine that was recorded
	Groups       []string
	Made         []manifest.Entry // after the merge of /usr
	Removed      []string
	Stays        []string
	Early        []string
	Triggers     []string
	Diversions   []string // "FROM TO": what it diverts before it is unpacked
	Quiet        bool     // its alternatives are offered without a word

	// What its scripts print. A line that is Debconf stands for what debconf says there of the
	// frontends that cannot be used.
	Configured, Triggered, Removing, Purging []string
}

// Debconf is a line of what a package's scripts print, see Package.
const Debconf = "%"

// list is a section of plain lines.
type list struct {
	name string
	of   *[]string
}

// lists are the sections that are no more than lines.
func (p *Package) lists() []list {
	return []list{
		{"conffiles", &p.Conffiles}, {"users", &p.Users}, {"groups", &p.Groups}, {"removed", &p.Removed}, {"stays", &p.Stays}, {"early", &p.Early},
		{"diversions", &p.Diversions}, {"triggers", &p.Triggers},
		{"configured", &p.Configured}, {"triggered", &p.Triggered}, {"removing", &p.Removing}, {"purging", &p.Purging},
	}
}

// InfoFile is a file of /var/lib/dpkg/info, without the package's name before it.
type InfoFile struct {
	Name string
	Mode linux.Mode
	Size int64
}

// Name is the package's name.
func (p *Package) Name() string { return p.Control.Get("Package") }

// Version is the package's version, its epoch included.
func (p *Package) Version() string { return p.Control.Get("Version") }

// InfoName is how the package's files in dpkg's info folder begin: several architectures of
// a package that allows it can be installed together, so the architecture is part of the name.
func (p *Package) InfoName() string {
	if p.Control.Get("Multi-Arch") == "same" {
		return p.Name() + ":" + p.Control.Get("Architecture")
	}
	return p.Name()
}

// Format writes all but Control, for Parse.
func (p *Package) Format() string {
	var b strings.Builder
	section := func(name string, n int) bool {
		if n > 0 {
			fmt.Fprintf(&b, "%%%s\n", name)
		}
		return n > 0
	}
	if p.Time != 0 {
		fmt.Fprintf(&b, "%%time %d\n", p.Time)
	}
	if p.Quiet {
		b.WriteString("%quiet\n")
	}
	entries := func(name string, list []manifest.Entry) {
		section(name, len(list))
		for _, e := range list {
			fmt.Fprintln(&b, e)
		}
	}
	entries("files", p.Files)
	if section("info", len(p.Info)) {
		for _, i := range p.Info {
			fmt.Fprintf(&b, "%o %d %s\n", uint32(i.Mode), i.Size, i.Name)
		}
	}
	if section("alternatives", len(p.Alternatives)) {
		for _, a := range p.Alternatives {
			fmt.Fprintf(&b, "%s %s %s %d\n", a.Name, a.Link, a.Path, a.Priority)
			for _, s := range a.Slaves {
				fmt.Fprintf(&b, "+ %s %s %s\n", s.Name, s.Link, s.Path)
			}
		}
	}
	entries("made", p.Made)
	for _, l := range p.lists() {
		section(l.name, len(*l.of))
		for _, s := range *l.of {
			// A line that would be taken for a section or for nothing is quoted.
			if s == "" || s[0] == '%' || s[0] == '"' {
				s = strconv.Quote(s)
			}
			b.WriteString(s + "\n")
		}
	}
	return b.String()
}

// Parse reads what Format wrote.
func Parse(control Control, text string) (*Package, error) {
	p := &Package{Control: control}
	plain := map[string]*[]string{}
	for _, l := range p.lists() {
		plain[l.name] = l.of
	}
	section := ""
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSuffix(line, "\n")
		if line == "" {
			continue
		}
		if line[0] == '%' {
			var arg string
			section, arg, _ = strings.Cut(line[1:], " ")
			if section == "time" {
				t, err := strconv.ParseInt(arg, 10, 64)
				if err != nil {
					return nil, p.badLine(n, err)
				}
				p.Time = t
			}
			p.Quiet = p.Quiet || section == "quiet"
			continue
		}
		if err := p.parseLine(section, line, plain); err != nil {
			return nil, p.badLine(n, err)
		}
	}
	return p, nil
}

// parseLine reads a line of a section; plain are the sections of lines.
func (p *Package) parseLine(section, line string, plain map[string]*[]string) error {
	switch section {
	case "files":
		return appendEntry(&p.Files, line)
	case "made":
		return appendEntry(&p.Made, line)
	case "info":
		return p.appendInfo(line)
	case "alternatives":
		return p.appendAlternative(line)
	}
	to := plain[section]
	if to == nil {
		return fmt.Errorf("unknown section %q", section)
	}
	if line[0] == '"' {
		unquoted, err := strconv.Unquote(line)
		if err != nil {
			return fmt.Errorf("bad line %s: %w", line, err)
		}
		line = unquoted
	}
	*to = append(*to, line)
	return nil
}

func (p *Package) appendInfo(line string) error {
	f := strings.SplitN(line, " ", 3)
	if len(f) != 3 || strings.Contains(f[2], "/") {
		return fmt.Errorf("bad info %q", line)
	}
	mode, err1 := strconv.ParseUint(f[0], 8, 12)
	size, err2 := strconv.ParseUint(f[1], 10, 62)
	if err1 != nil || err2 != nil {
		return fmt.Errorf("bad info %q", line)
	}
	p.Info = append(p.Info, InfoFile{Name: f[2], Mode: linux.Mode(mode), Size: int64(size)})
	return nil
}

func (p *Package) badLine(n int, err error) error {
	return fmt.Errorf("debian: package %s, line %d: %w", p.Name(), n, err)
}

func appendEntry(to *[]manifest.Entry, line string) error {
	e, err := manifest.Parse(line)
	*to = append(*to, e)
	return err
}

func (p *Package) appendAlternative(line string) error {
	f := strings.Fields(line)
	if len(f) != 4 {
		return fmt.Errorf("bad alternative %q", line)
	}
	if f[0] == "+" {
		if len(p.Alternatives) == 0 {
			return fmt.Errorf("a slave without a master: %q", line)
		}
		a := &p.Alternatives[len(p.Alternatives)-1]
		a.Slaves = append(a.Slaves, Slave{f[1], f[2], f[3]})
		return nil
	}
	priority, err := strconv.Atoi(f[3])
	p.Alternatives = append(p.Alternatives, Alternative{Name: f[0], Link: f[1], Path: f[2], Priority: priority})
	return err
}

package dpkg

import (
	"cmp"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/dockerlab/dockerlab/sim/catalog/debian"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// Package is a package as the status file knows it.
type Package struct {
	debian.Control // without Status
	// Want, Flag and State are the three words of Status: "install ok installed".
	Want, Flag, State string
}

// States of a package.
const (
	Installed      = "installed"
	Unpacked       = "unpacked"
	HalfConfigured = "half-configured"
	ConfigFiles    = "config-files"
)

// Name is the package's name.
func (p *Package) Name() string { return p.Get("Package") }

// Version is the package's version.
func (p *Package) Version() string { return p.Get("Version") }

// Shown is the name as dpkg shows it: with the architecture, where several may be installed.
func (p *Package) Shown() string { return Shown(p.Control) }

// Shown is Package.Shown of control data.
func Shown(c debian.Control) string {
	if c.Get("Multi-Arch") == "same" {
		return c.Get("Package") + ":" + c.Get("Architecture")
	}
	return c.Get("Package")
}

// There says that the package's files are there: it is unpacked, configured or not.
func (p *Package) There() bool {
	return p != nil && p.State != ConfigFiles && p.State != "not-installed"
}

// stanza is the package's entry in the status file.
func (p *Package) stanza() string {
	return debian.Stanza(append(slices.Clone(p.Control), debian.Field{Name: "Status", Value: p.Want + " " + p.Flag + " " + p.State}))
}

// Conffiles are the package's configuration files, each with the MD5 sum of its text as the package
// had it.
func (p *Package) Conffiles() map[string]string {
	all := map[string]string{}
	for line := range strings.Lines(p.Get("Conffiles")) {
		if f := strings.Fields(line); len(f) >= 2 {
			all[f[0]] = f[1]
		}
	}
	return all
}

// setConffiles writes the field.
func (p *Package) setConffiles(sums map[string]string) {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(sums)) {
		b.WriteString("\n " + name + " " + sums[name])
	}
	p.Set("Conffiles", b.String())
}

// Set gives a field a value; an empty one takes it away.
func (p *Package) Set(name, value string) {
	i := slices.IndexFunc(p.Control, func(f debian.Field) bool { return strings.EqualFold(f.Name, name) })
	switch {
	case value == "" && i >= 0:
		p.Control = slices.Delete(slices.Clone(p.Control), i, i+1)
	case value == "":
	case i >= 0:
		p.Control = slices.Clone(p.Control)
		p.Control[i].Value = value
	default:
		p.Control = append(slices.Clone(p.Control), debian.Field{Name: name, Value: value})
	}
}

// Database is what dpkg knows is installed.
type Database struct {
	c        *prog.Ctx
	packages map[string]*Package
	lists    map[string][]string // by name: info/NAME.list, once read
	changed  bool
}

// Open reads the database. One that is not there is empty.
func Open(c *prog.Ctx) *Database {
	d := &Database{c: c, packages: map[string]*Package{}, lists: map[string][]string{}}
	b, err := c.ReadFile(database + "/status")
	if err != nil {
		return d
	}
	c.Step(len(b) >> 8)
	for _, p := range Parse(string(b)) {
		d.packages[p.Name()] = p
	}
	return d
}

// Parse reads a status file, by the names of the packages. What is no entry is skipped.
func Parse(status string) []*Package {
	var all []*Package
	for text := range strings.SplitSeq(status, "\n\n") {
		control, err := debian.ParseControl(text)
		if err != nil || control.Get("Package") == "" {
			continue
		}
		p := &Package{Want: "unknown", Flag: "ok", State: "not-installed"}
		if f := strings.Fields(control.Get("Status")); len(f) == 3 {
			p.Want, p.Flag, p.State = f[0], f[1], f[2]
		}
		p.Control = slices.DeleteFunc(control, func(f debian.Field) bool { return f.Name == "Status" })
		all = append(all, p)
	}
	slices.SortFunc(all, byName)
	return all
}

func byName(a, b *Package) int { return cmp.Compare(a.Name(), b.Name()) }

// Packages are all that the database has, by name.
func (d *Database) Packages() []*Package {
	return slices.SortedFunc(maps.Values(d.packages), byName)
}

// Package finds a package by its name, with or without its architecture; nil if it is not known.
func (d *Database) Package(name string) *Package {
	name, arch, qualified := strings.Cut(name, ":")
	p := d.packages[name]
	if p != nil && qualified && arch != p.Get("Architecture") && !(arch == Architecture && p.Get("Architecture") == "all") {
		return nil
	}
	return p
}

// Save writes the status file, its forerunner to status-old.
func (d *Database) Save() error {
	if !d.changed {
		return nil
	}
	var b strings.Builder
	for _, p := range d.Packages() {
		if p.State == "not-installed" && p.Want != "hold" {
			delete(d.packages, p.Name())
			continue
		}
		b.WriteString(p.stanza() + "\n")
	}
	d.c.Step(b.Len() >> 8)
	const file = database + "/status"
	if err := d.c.WriteFile(file+"-new", []byte(b.String()), 0o644); err != nil {
		return err
	}
	d.c.Unlink(file + "-old")
	d.c.Link(file, file+"-old")
	d.changed = false
	return d.c.Rename(file+"-new", file)
}

// info is the path of one of the files that the database keeps of a package.
func info(p *Package, kind string) string { return path.Join(database, "info", p.Shown()+"."+kind) }

// List is what a package has, as its list says: directories as well, parents first. It is nil for a
// package that has none.
func (d *Database) List(p *Package) []string {
	if l, ok := d.lists[p.Name()]; ok {
		return l
	}
	b, err := d.c.ReadFile(info(p, "list"))
	if err != nil {
		return nil
	}
	d.c.Step(len(b) >> 8)
	l := strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
	d.lists[p.Name()] = l
	return l
}

func (d *Database) setList(p *Package, list []string) error {
	d.lists[p.Name()] = list
	return d.c.WriteFile(info(p, "list"), []byte(strings.Join(list, "\n")+"\n"), 0o644)
}

// Count is how many files and directories all packages have together, those that are diverted under
// both names.
func (d *Database) Count() int {
	all := map[string]bool{}
	for _, v := range readDiversions(d.c) {
		all[v.from], all[v.to] = true, true
	}
	for _, p := range d.packages {
		for _, f := range d.List(p) {
			all[f] = true
		}
	}
	return len(all)
}

// provides says that p is, or provides, what a relation names, in a version that suits it.
func provides(p *Package, r debian.Relation) bool {
	if p.Name() == r.Name && r.Holds(p.Version()) {
		return true
	}
	for _, clause := range debian.ParseRelations(p.Get("Provides")) {
		if v := clause[0]; v.Name == r.Name && (r.Op == "" || v.Op == "=" && r.Holds(v.Version)) {
			return true
		}
	}
	return false
}

// locks takes the database for one who changes it. It fails for anyone but root.
func lock(c *prog.Ctx) error {
	for _, name := range []string{"lock-frontend", "lock"} {
		fd, err := c.Open(database+"/"+name, linux.O_RDWR|linux.O_CREAT|linux.O_CLOEXEC, 0o640)
		if err != nil {
			return err
		}
		c.Close(fd)
	}
	return nil
}

// log writes a line to /var/log/dpkg.log.
func (d *Database) log(line string) {
	fd, err := d.c.Open("/var/log/dpkg.log", linux.O_WRONLY|linux.O_CREAT|linux.O_APPEND|linux.O_CLOEXEC, 0o644)
	if err != nil {
		return
	}
	d.c.Proc.Write(fd, []byte(d.c.Now().In(d.c.Zone()).Format("2006-01-02 15:04:05 ")+line+"\n"))
	d.c.Close(fd)
}

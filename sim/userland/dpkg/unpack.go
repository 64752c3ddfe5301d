package dpkg

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/dockerlab/dockerlab/sim/catalog/debian"
	"github.com/dockerlab/dockerlab/sim/catalog/manifest"
	"github.com/dockerlab/dockerlab/sim/fnmatch"
	"github.com/dockerlab/dockerlab/sim/layer"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/unpack"
)

// Unpack lays down the files of a package. shown is the name of its file.
func (r *Run) Unpack(d *Deb, shown string) bool {
	c := r.c
	name := d.Get("Package")
	old := r.packages[name]
	if arch := d.Get("Architecture"); arch != Architecture && arch != "all" {
		r.fail(shown, "unpack", "package architecture (%s) does not match system (%s)", arch, Architecture)
		return false
	}
	switch {
	case !old.There():
		c.Printf("Selecting previously unselected package %s.\n", Shown(d.Control))
	case old.Want != "install":
		c.Printf("Selecting previously deselected package %s.\n", Shown(d.Control))
	}
	r.count()
	c.Printf("Preparing to unpack %s ...\n", summarize(shown))
	if why := r.preDepends(d); why != "" {
		c.Errorf("dpkg: regarding %s containing %s, pre-dependency problem:\n%s\n", shown, Shown(d.Control), why)
		r.fail(shown, "unpack", "pre-dependency problem - not installing %s", Shown(d.Control))
		return false
	}
	if other := r.conflict(d); other != nil {
		c.Errorf("dpkg: regarding %s containing %s:\n %s conflicts with %s\n  %s (version %s) is present and installed.\n\n", shown, Shown(d.Control), name, other.Name(), other.Shown(), other.Version())
		r.fail(shown, "unpack", "conflicting packages - not installing %s", Shown(d.Control))
		return false
	}
	p := &Package{Control: d.Control, Want: "install", Flag: "ok", State: Unpacked}
	before := "<none>"
	if old.There() {
		before = old.Version()
	}
	if arch := d.Get("Architecture"); before == "<none>" {
		r.log(fmt.Sprintf("install %s:%s <none> %s", name, arch, p.Version()))
	} else {
		r.log(fmt.Sprintf("upgrade %s:%s %s %s", name, arch, before, p.Version()))
	}
	r.log(fmt.Sprintf("status half-installed %s:%s %s", name, d.Get("Architecture"), p.Version()))
	if d.Facts == nil {
		if err := r.scriptOf(d, p, "preinst", before); err != nil {
			r.fail(shown, "unpack", "%v", err)
			return false
		}
	}
	if d.Facts != nil {
		if err := r.divertFor(d.Facts); err != nil {
			r.fail(shown, "unpack", "%v", err)
			return false
		}
	}
	if old.There() {
		c.Printf("Unpacking %s (%s) over (%s) ...\n", p.Shown(), p.Version(), before)
	} else {
		c.Printf("Unpacking %s (%s) ...\n", p.Shown(), p.Version())
	}
	if owner, file := r.overwrites(d, old); owner != nil {
		r.fail(shown, "unpack", "trying to overwrite '%s', which is also in package %s %s", file, owner.Shown(), owner.Version())
		return false
	}
	umask := c.Umask(0)
	list, err := r.lay(d)
	c.Umask(umask)
	if err != nil {
		r.fail(shown, "unpack", "%v", err)
		return false
	}
	if old.There() {
		r.disappear(old, list)
	}
	// The old conffiles' sums say whether somebody changed them.
	sums := map[string]string{}
	was := map[string]string{}
	if old != nil {
		was = old.Conffiles()
	}
	for _, name := range d.Conffiles {
		if sum, ok := was[name]; ok {
			sums[name] = sum
		} else {
			sums[name] = "newconffile"
		}
	}
	p.setConffiles(sums)
	r.packages[name] = p
	r.changed = true
	if err := r.keepInfo(d, p, list); err != nil {
		r.fail(shown, "unpack", "%v", err)
		return false
	}
	r.log(fmt.Sprintf("status unpacked %s:%s %s", name, d.Get("Architecture"), p.Version()))
	r.interest(p, d.Triggers)
	if d.Facts != nil {
		r.interest(p, d.Facts.Triggers)
	}
	r.activate(p, list)
	return true
}

// preDepends says what has to be configured before the package may be unpacked, and is not.
func (r *Run) preDepends(d *Deb) string {
	if r.Force.Depends {
		return ""
	}
	for _, clause := range debian.ParseRelations(d.Get("Pre-Depends")) {
		if slices.ContainsFunc(clause, func(rel debian.Relation) bool {
			return r.met(rel, func(p *Package) bool { return p.State == Installed || p.State == "triggers-pending" })
		}) {
			continue
		}
		var names []string
		for _, rel := range clause {
			names = append(names, rel.String())
		}
		why := fmt.Sprintf(" %s pre-depends on %s\n", d.Get("Package"), strings.Join(names, " | "))
		for _, rel := range clause {
			if p := r.packages[rel.Name]; p.There() {
				why += fmt.Sprintf("  %s is unpacked, but has never been configured.\n", rel.Name)
			} else {
				why += fmt.Sprintf("  %s is not installed.\n", rel.Name)
			}
		}
		return why
	}
	return ""
}

// conflict finds a package that cannot be there together with the one to come, one that goes
// excepted.
func (r *Run) conflict(d *Deb) *Package {
	self := &Package{Control: d.Control}
	for _, clause := range debian.ParseRelations(d.Get("Conflicts")) {
		for _, p := range r.Packages() {
			if p.There() && p.Name() != self.Name() && p.Want == "install" && provides(p, clause[0]) {
				return p
			}
		}
	}
	for _, p := range r.Packages() {
		if !p.There() || p.Name() == self.Name() || p.Want != "install" {
			continue
		}
		for _, clause := range debian.ParseRelations(p.Get("Conflicts")) {
			if provides(self, clause[0]) {
				return p
			}
		}
	}
	return nil
}

// overwrites finds a file that another package has, and that this one neither replaces nor was
// diverted from.
func (r *Run) overwrites(d *Deb, old *Package) (*Package, string) {
	if r.Force.Overwrite {
		return nil, ""
	}
	mine := map[string]bool{}
	for _, e := range d.Entries {
		if !e.Mode.IsDir() {
			mine[e.Path] = true
		}
	}
	replaces := debian.ParseRelations(d.Get("Replaces"))
	for _, p := range r.Packages() {
		if p.Name() == d.Get("Package") || !p.There() {
			continue
		}
		if slices.ContainsFunc(replaces, func(clause []debian.Relation) bool { return provides(p, clause[0]) }) {
			continue
		}
		for _, f := range r.List(p) {
			if mine[f] && !unpack.IsDir(r.c, f) && r.diverted(f, d.Get("Package")) == f {
				return p, f
			}
		}
	}
	return nil, ""
}

// excluded says that the configuration keeps a path from being unpacked.
func (r *Run) excluded(e manifest.Entry) bool {
	out := false
	for _, x := range r.excludes {
		if fnmatch.Match(x.pattern, e.Path, 0) {
			out = !x.include
		}
	}
	if out && e.Mode.IsDir() {
		// A directory stays for what may be included below it.
		for _, x := range r.excludes {
			fixed, _, _ := strings.Cut(x.pattern, "*")
			if x.include && (strings.HasPrefix(fixed, e.Path) || strings.HasPrefix(e.Path, fixed)) {
				return false
			}
		}
	}
	return out
}

// lay unpacks the entries and gives the package's list. Conffiles are laid beside their place.
func (r *Run) lay(d *Deb) ([]string, error) {
	list := []string{"/."}
	conffile := map[string]bool{}
	for _, name := range d.Conffiles {
		conffile[name] = true
	}
	for _, e := range d.Entries {
		list = append(list, e.Path)
		if r.excluded(e) {
			continue
		}
		if d.Facts != nil && e.Time == 0 {
			e.Time = d.Facts.Time
		}
		at := r.diverted(e.Path, d.Get("Package"))
		if conffile[e.Path] {
			at += ".dpkg-new"
		}
		as := e
		as.Path = at
		if err := unpack.Entry(r.c, as, d.contentOf(r.Facts, e)); err != nil {
			return nil, fmt.Errorf("unable to create '%s' (while processing '.%s'): %s", strings.TrimSuffix(at, ".dpkg-new")+".dpkg-new", e.Path, errno(err))
		}
	}
	return list, nil
}

// disappear removes what the old version of a package had and the new one has not.
func (r *Run) disappear(old *Package, list []string) {
	stays := map[string]bool{}
	for _, f := range list {
		stays[f] = true
	}
	conffiles := old.Conffiles()
	for _, f := range slices.Backward(r.List(old)) {
		if _, conf := conffiles[f]; stays[f] || conf || f == "/." {
			continue
		}
		if unpack.IsDir(r.c, f) {
			r.c.Rmdir(f)
		} else {
			r.c.Unlink(f)
		}
	}
}

// keepInfo writes what the database keeps of a package.
func (r *Run) keepInfo(d *Deb, p *Package, list []string) error {
	if err := unpack.Parents(r.c, info(p, "list")); err != nil {
		return err
	}
	if err := r.setList(p, list); err != nil {
		return fmt.Errorf("writing the list of %s: %w", p.Shown(), err)
	}
	if len(d.Conffiles) > 0 {
		if err := r.c.WriteFile(info(p, "conffiles"), []byte(strings.Join(d.Conffiles, "\n")+"\n"), 0o644); err != nil {
			return err
		}
	}
	if d.Facts == nil {
		for name, s := range d.info {
			r.c.Unlink(info(p, name))
			if err := unpack.Put(r.c, info(p, name), layer.Text(s.text), s.mode); err != nil {
				return err
			}
		}
		return nil
	}
	for _, i := range d.Facts.Info {
		if i.Name == "triggers" {
			if err := r.c.WriteFile(info(p, i.Name), []byte(strings.Join(d.Facts.Triggers, "\n")+"\n"), 0o644); err != nil {
				return err
			}
			continue
		}
		e := manifest.Entry{Path: info(p, i.Name), Mode: linux.S_IFREG | i.Mode, Size: i.Size, Kind: manifest.Text}
		if err := unpack.Entry(r.c, e, func(e manifest.Entry) (layer.Content, error) { return r.Facts.FileContent(e, "gnu") }); err != nil {
			return err
		}
	}
	return nil
}

// scriptOf runs preinst of a package that was built, before anything of it is unpacked.
func (r *Run) scriptOf(d *Deb, p *Package, kind, before string) error {
	s, ok := d.info[kind]
	if !ok {
		return nil
	}
	if err := unpack.Parents(r.c, info(p, kind)); err != nil {
		return err
	}
	r.c.Unlink(info(p, kind))
	if err := unpack.Put(r.c, info(p, kind), layer.Text(s.text), s.mode|0o111); err != nil {
		return err
	}
	args := []string{"install"}
	if before != "<none>" {
		args = []string{"upgrade", before}
	}
	if err := r.run(p, kind, args...); err != nil {
		return fmt.Errorf("%s", strings.Replace(err.Error(), "installed ", "new ", 1))
	}
	return nil
}

// md5sum is the sum of a file's bytes, "" if it cannot be read.
func (r *Run) md5sum(name string) string {
	f, err := r.c.OpenFile(name, linux.O_RDONLY, 0)
	if err != nil {
		return ""
	}
	defer f.Close()
	sum := md5.New()
	if n, err := io.Copy(sum, io.LimitReader(f, maxData)); err != nil || n == maxData {
		return ""
	}
	return hex.EncodeToString(sum.Sum(nil))
}

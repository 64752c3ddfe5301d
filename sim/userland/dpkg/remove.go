package dpkg

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dockerlab/dockerlab/sim/catalog/debian"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/unpack"
)

// RemoveAll removes packages, each after those that depend on it as far as that is possible; purge
// takes their configuration as well. force lets go what others need.
func (r *Run) RemoveAll(names []string, purge, force bool) {
	how := "remove"
	if purge {
		how = "purge"
	}
	queue := slices.Clone(names)
	going := map[string]bool{}
	for _, name := range queue {
		going[r.plain(name)] = true
	}
	idle := 0
	for len(queue) > 0 {
		name := queue[0]
		queue = queue[1:]
		p := r.Package(name)
		switch {
		case p == nil || p.State == "not-installed":
			delete(going, r.plain(name))
			r.c.Errorf("dpkg: warning: ignoring request to remove %s which isn't installed\n", name)
			continue
		case p.State == ConfigFiles && !purge:
			delete(going, p.Name())
			r.c.Errorf("dpkg: warning: ignoring request to remove %s, only the config\n files of which are on the system; use --purge to remove them too\n", p.Shown())
			continue
		case p.There() && p.Get("Essential") == "yes" && !r.Force.RemoveEssential:
			delete(going, p.Name())
			r.fail(p.Shown(), how, "this is an essential package; it should not be removed")
			continue
		}
		if p.There() && !force && !r.Force.Depends {
			needed := r.needed(p, going)
			if slices.ContainsFunc(needed, func(n need) bool { return n.going }) && idle <= len(queue) {
				queue = append(queue, name)
				idle++
				continue
			}
			if why := complaints(p, needed); why != "" {
				delete(going, p.Name())
				r.c.Errorf("dpkg: dependency problems prevent removal of %s:\n%s\n", p.Shown(), why)
				r.fail(p.Shown(), how, "dependency problems - not removing")
				continue
			}
		}
		idle = 0
		delete(going, p.Name())
		if p.There() && !r.Remove(p) {
			continue
		}
		if q := r.packages[p.Name()]; purge && q != nil {
			r.Purge(q)
		}
	}
}

// plain is a package's name without its architecture.
func (r *Run) plain(name string) string {
	name, _, _ = strings.Cut(name, ":")
	return name
}

// need is a package that another would lack.
type need struct {
	by    *Package
	going bool
	text  string
}

// needed finds who depends on a package and finds nobody else to do.
func (r *Run) needed(p *Package, going map[string]bool) []need {
	var all []need
	for _, q := range slices.Backward(r.Packages()) {
		if !q.There() || q == p {
			continue
		}
		for _, field := range []string{"Depends", "Pre-Depends"} {
			for _, clause := range debian.ParseRelations(q.Get(field)) {
				if !slices.ContainsFunc(clause, func(rel debian.Relation) bool { return provides(p, rel) }) {
					continue
				}
				others := func(o *Package) bool { return o.There() && o != p }
				if slices.ContainsFunc(clause, func(rel debian.Relation) bool { return r.met(rel, others) }) {
					continue
				}
				rel := clause[slices.IndexFunc(clause, func(rel debian.Relation) bool { return provides(p, rel) })]
				text := fmt.Sprintf(" %s depends on %s.\n", q.Shown(), rel)
				if rel.Name != p.Name() {
					text = fmt.Sprintf(" %s depends on %s; however:\n  Package %s is to be removed.\n", q.Shown(), rel, p.Shown())
				}
				all = append(all, need{q, going[q.Name()], text})
			}
		}
	}
	return all
}

func complaints(p *Package, needed []need) string {
	var b strings.Builder
	for _, n := range needed {
		if !n.going {
			b.WriteString(n.text)
		}
	}
	return b.String()
}

// Remove takes the files of a package away, its configuration stays.
func (r *Run) Remove(p *Package) bool {
	r.count()
	r.c.Printf("Removing %s (%s) ...\n", p.Shown(), p.Version())
	name := p.Name() + ":" + p.Get("Architecture")
	r.log(fmt.Sprintf("remove %s %s <none>", name, p.Version()))
	f := r.facts(p)
	r.activate(p, r.List(p))
	if f != nil {
		r.says(f, f.Removing, "stop")
		for _, a := range f.Alternatives {
			if err := withdraw(r.c, a.Name, a.Path); err != nil {
				r.fail(p.Shown(), "remove", "%v", err)
				return false
			}
		}
	} else if err := r.run(p, "prerm", "remove"); err != nil {
		r.fail(p.Shown(), "remove", "%v", err)
		return false
	}
	r.changed = true
	if f != nil {
		r.unmake(f, func(name string) bool { return strings.HasPrefix(name, "/usr/") || slices.Contains(f.Early, name) })
		r.undivert(f)
	}
	conffiles := p.Conffiles()
	final := len(conffiles) == 0 && !r.exists(info(p, "postrm"))
	list := r.takeAway(p, final, func(name string) bool { _, ok := conffiles[name]; return ok })
	if f == nil {
		if err := r.run(p, "postrm", "remove"); err != nil {
			r.fail(p.Shown(), "remove", "%v", err)
			return false
		}
	}
	r.log(fmt.Sprintf("status config-files %s %s", name, p.Version()))
	p.Want, p.State = "deinstall", ConfigFiles
	p.Set("Config-Version", p.Version())
	if final {
		r.forget(p)
		return true
	}
	r.setList(p, list)
	r.forgetInterest(p)
	r.forgetInfo(p, "list", "postrm", "conffiles")
	return true
}

// takeAway removes a package's files but those that stay, and its directories where nobody else has
// them, and gives the list of what is left. If final, nothing will take a directory away later.
func (r *Run) takeAway(p *Package, final bool, stays func(name string) bool) []string {
	shared := map[string]bool{}
	for _, q := range r.packages {
		if q == p || !q.There() {
			continue
		}
		for _, f := range r.List(q) {
			shared[f] = true
		}
	}
	var left []string
	for _, name := range slices.Backward(r.List(p)) {
		switch {
		case name == "/.":
			left = append(left, name)
		case stays(name):
			left = append(left, name)
		case unpack.IsDir(r.c, name):
			if shared[name] || !r.isRealDir(name) {
				// Its line stays if something below it does.
				if slices.ContainsFunc(left, func(f string) bool { return strings.HasPrefix(f, name+"/") }) {
					left = append(left, name)
				}
				continue
			}
			if err := r.c.Rmdir(name); err == linux.ENOTEMPTY || err == linux.EEXIST {
				if final && !slices.ContainsFunc(left, func(f string) bool { return strings.HasPrefix(f, name+"/") }) {
					r.c.Errorf("dpkg: warning: while removing %s, directory '%s' not empty so not removed\n", p.Shown(), name)
				}
				left = append(left, name)
			} else if err == linux.EBUSY {
				r.c.Errorf("dpkg: warning: while removing %s, unable to remove directory '%s': Device or resource busy - directory may be a mount point?\n", p.Shown(), name)
				left = append(left, name)
			}
		case shared[name]:
		default:
			r.c.Unlink(r.diverted(name, p.Name()))
		}
	}
	slices.Reverse(left)
	return left
}

// isRealDir tells a directory from a link to one.
func (r *Run) isRealDir(name string) bool {
	st, err := r.c.Lstat(name)
	return err == nil && st.Mode.IsDir()
}

// unmake removes what a package's configuration made, where which says so.
func (r *Run) unmake(f *debian.Package, which func(name string) bool) {
	for _, e := range slices.Backward(f.Made) {
		compiled := strings.Contains(e.Path, "/__pycache__") // prerm takes these, by whichever package's
		if !which(e.Path) || slices.Contains(f.Stays, e.Path) && !compiled {
			continue
		}
		if e.Mode.IsDir() {
			r.c.Rmdir(e.Path)
		} else {
			r.c.Unlink(e.Path)
		}
	}
}

// Purge takes what Remove left of a package.
func (r *Run) Purge(p *Package) bool {
	r.count()
	r.c.Printf("Purging configuration files for %s (%s) ...\n", p.Shown(), p.Version())
	r.log(fmt.Sprintf("purge %s:%s %s <none>", p.Name(), p.Get("Architecture"), p.Version()))
	for name := range p.Conffiles() {
		for _, suffix := range []string{"", "~", ".dpkg-old", ".dpkg-new", ".dpkg-dist", ".dpkg-tmp"} {
			r.c.Unlink(name + suffix)
		}
	}
	f := r.facts(p)
	if f != nil {
		r.says(f, f.Purging, "")
		r.unmake(f, func(string) bool { return true })
	} else if err := r.run(p, "postrm", "purge"); err != nil {
		r.fail(p.Shown(), "purge", "%v", err)
		return false
	}
	r.takeAway(p, true, func(string) bool { return false })
	r.forget(p)
	return true
}

// forget takes a package out of the database.
func (r *Run) forget(p *Package) {
	r.log(fmt.Sprintf("status not-installed %s:%s <none>", p.Name(), p.Get("Architecture")))
	r.forgetInterest(p)
	r.forgetInfo(p)
	delete(r.packages, p.Name())
	delete(r.lists, p.Name())
	r.changed = true
}

// forgetInfo removes what the database keeps of a package, but the kinds given.
func (r *Run) forgetInfo(p *Package, but ...string) {
	entries, err := r.c.ReadDir(database + "/info")
	if err != nil {
		return
	}
	for _, e := range entries {
		kind, ok := strings.CutPrefix(e.Name, p.Shown()+".")
		if ok && !strings.Contains(kind, ".") && !slices.Contains(but, kind) {
			r.c.Unlink(database + "/info/" + e.Name)
		}
	}
}

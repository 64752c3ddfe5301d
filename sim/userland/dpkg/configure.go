package dpkg

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/dockerlab/dockerlab/sim/catalog/debian"
	"github.com/dockerlab/dockerlab/sim/catalog/manifest"
	"github.com/dockerlab/dockerlab/sim/layer"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/unpack"
)

// Configure sets up an unpacked package, whose dependencies are.
func (r *Run) Configure(p *Package) bool {
	r.c.Printf("Setting up %s (%s) ...\n", p.Shown(), p.Version())
	name := p.Name() + ":" + p.Get("Architecture")
	r.log(fmt.Sprintf("configure %s %s <none>", name, p.Version()))
	r.log(fmt.Sprintf("status half-configured %s %s", name, p.Version()))
	r.changed = true
	if err := r.placeConffiles(p); err != nil {
		r.fail(p.Shown(), "configure", "%v", err)
		return false
	}
	p.State = HalfConfigured
	if f := r.facts(p); f != nil {
		if err := r.effects(f); err != nil {
			r.fail(p.Shown(), "configure", "installed %s package post-installation script subprocess returned error exit status 1", p.Shown())
			return false
		}
	} else if err := r.run(p, "postinst", "configure", p.Get("Config-Version")); err != nil {
		r.fail(p.Shown(), "configure", "%v", err)
		return false
	}
	p.State = Installed
	p.Set("Config-Version", "")
	r.changed = true
	r.log(fmt.Sprintf("status installed %s %s", name, p.Version()))
	return true
}

// placeConffiles puts the package's configuration files in their places, but not over what somebody
// wrote there.
func (r *Run) placeConffiles(p *Package) error {
	sums := p.Conffiles()
	for _, name := range r.conffileOrder(p, sums) {
		fresh := name + ".dpkg-new"
		if !r.exists(fresh) {
			continue
		}
		sum := r.md5sum(fresh)
		old := sums[name]
		there := r.md5sum(name)
		sums[name] = sum
		switch {
		case !r.exists(name):
			if old != "newconffile" && !r.Force.Confmiss {
				// Somebody removed it, and it stays so.
				r.c.Unlink(fresh)
				continue
			}
		case there == sum, old != "newconffile" && there == old:
			// It is as it was, or as it is to be.
		case old != "newconffile" && old == sum:
			r.c.Unlink(fresh) // only the system's has changed
			continue
		default:
			keep, err := r.askConffile(p, name, old == "newconffile")
			if err != nil {
				sums[name] = old
				return err
			}
			if keep {
				r.c.Unlink(name + ".dpkg-dist")
				r.c.Rename(fresh, name+".dpkg-dist")
				continue
			}
			r.c.Printf("Installing new version of config file %s ...\n", name)
			r.c.Unlink(name + ".dpkg-old")
			r.c.Rename(name, name+".dpkg-old")
		}
		if err := r.c.Rename(fresh, name); err != nil {
			return fmt.Errorf("unable to install '%s' as '%s': %s", fresh, name, errno(err))
		}
	}
	p.setConffiles(sums)
	return nil
}

// conffileOrder are the conffiles in the order of the package.
func (r *Run) conffileOrder(p *Package, sums map[string]string) []string {
	var order []string
	for _, f := range r.List(p) {
		if _, ok := sums[f]; ok {
			order = append(order, f)
		}
	}
	return order
}

// askConffile asks what is to become of a configuration file that is not as the package had it.
func (r *Run) askConffile(p *Package, name string, byUser bool) (keep bool, err error) {
	r.c.Printf("\nConfiguration file '%s'\n", name)
	if byUser {
		r.c.Print(" ==> File on system created by you or by a script.\n ==> File also in package provided by package maintainer.\n")
	} else {
		r.c.Print(" ==> Modified (by you or by a script) since installation.\n ==> Package distributor has shipped an updated version.\n")
	}
	switch {
	case r.Force.Confdef:
		r.c.Print(" ==> Keeping old config file as default.\n")
		return true, nil
	case r.Force.Confold:
		r.c.Print(" ==> Using current old file as you requested.\n")
		return true, nil
	case r.Force.Confnew:
		r.c.Print(" ==> Using new file as you requested.\n")
		return false, nil
	}
	for {
		r.c.Printf("   What would you like to do about it ?  Your options are:\n    Y or I  : install the package maintainer's version\n"+
			"    N or O  : keep your currently-installed version\n      D     : show the differences between the versions\n"+
			"      Z     : start a shell to examine the situation\n The default action is to keep your current version.\n*** %s (Y/I/N/O/D/Z) [default=N] ? ", path.Base(name))
		r.c.Out.Flush()
		line, err := r.c.In.ReadString('\n')
		if err != nil {
			return false, fmt.Errorf("end of file on stdin at conffile prompt")
		}
		switch strings.ToLower(strings.TrimSpace(line)) {
		case "", "n", "o":
			return true, nil
		case "y", "i":
			return false, nil
		case "d":
			r.c.Command([]string{"diff", "-Nu", name, name + ".dpkg-new"}, nil, nil)
		}
	}
}

// effects does what the scripts of a package of the catalogue do when it is configured.
func (r *Run) effects(f *debian.Package) error {
	if err := r.users(f); err != nil {
		return err
	}
	umask := r.c.Umask(0)
	defer r.c.Umask(umask)
	for _, e := range f.Made {
		if r.excluded(e) || r.exists(e.Path) && !e.Mode.IsDir() {
			continue
		}
		e.UID, e.GID = r.user(e.UID), r.group(e.GID)
		e.Time = 0
		if err := unpack.Entry(r.c, e, func(e manifest.Entry) (layer.Content, error) { return r.Facts.FileContent(e, "gnu") }); err != nil && err != linux.EISDIR {
			return err
		}
	}
	for _, name := range f.Removed {
		r.c.Unlink(name)
	}
	r.says(f, f.Configured, "start")
	for _, a := range f.Alternatives {
		if err := offer(r.c, a, f.Quiet); err != nil {
			return err
		}
	}
	return nil
}

// says prints what the scripts of a package of the catalogue print. A service that would begin or
// end does so as the system's policy has it.
func (r *Run) says(f *debian.Package, lines []string, action string) {
	for _, line := range lines {
		switch {
		case line == debian.Debconf:
			r.debconf()
			continue
		case strings.HasPrefix(line, "Created symlink ") && !r.exists("/usr/bin/systemctl"):
			continue // deb-systemd-helper makes it without a word
		case line == "invoke-rc.d: policy-rc.d denied execution of "+action+"." && !r.exists("/usr/sbin/policy-rc.d"):
			continue
		}
		r.c.Print(r.renumber(line), "\n")
	}
}

// debconf says which of its frontends cannot be used, down to the one that can.
func (r *Run) debconf() {
	if strings.EqualFold(r.c.Getenv("DEBIAN_FRONTEND"), "noninteractive") {
		return
	}
	why := Frontends(r.c)
	r.c.Errorf("%s", why)
}

// users makes the users and groups of a package, with numbers that are free here.
func (r *Run) users(f *debian.Package) error {
	if len(f.Users)+len(f.Groups) == 0 {
		return nil
	}
	a, err := readAccounts(r.c)
	if err != nil {
		return err
	}
	for _, line := range f.Groups {
		a.addGroup(line)
	}
	for _, line := range f.Users {
		a.addUser(line)
	}
	return a.write()
}

// interest registers the triggers that a package waits for.
func (r *Run) interest(p *Package, triggers []string) {
	for _, line := range triggers {
		f := strings.Fields(line)
		if len(f) != 2 || !strings.HasPrefix(f[0], "interest") {
			continue
		}
		who := p.Name()
		if p.Get("Multi-Arch") == "same" {
			who = p.Shown()
		}
		if strings.HasSuffix(f[0], "-noawait") {
			who += "/noawait"
		}
		file, entry := triggersDir+"/"+f[1], who
		if strings.HasPrefix(f[1], "/") {
			file, entry = triggersDir+"/File", f[1]+" "+who
		}
		b, _ := r.c.ReadFile(file)
		if lines := strings.Split(string(b), "\n"); !slices.Contains(lines, entry) {
			r.c.WriteFile(file, append(b, entry+"\n"...), 0o644)
		}
	}
}

const triggersDir = database + "/triggers"

// forgetInterest takes a package out of the files of triggers.
func (r *Run) forgetInterest(p *Package) {
	entries, err := r.c.ReadDir(triggersDir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if !e.Mode.IsRegular() || e.Name == "Lock" || e.Name == "Unincorp" {
			continue
		}
		file := triggersDir + "/" + e.Name
		b, err := r.c.ReadFile(file)
		if err != nil {
			continue
		}
		var left []string
		lines := strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
		for _, line := range lines {
			if f := strings.Fields(line); len(f) > 0 && interested(f[len(f)-1]) == p.Name() {
				continue
			}
			left = append(left, line)
		}
		switch {
		case len(left) == len(lines):
		case len(left) == 0 && e.Name != "File":
			r.c.Unlink(file)
		default:
			r.c.WriteFile(file, []byte(strings.Join(append(left, ""), "\n")), 0o644)
		}
	}
}

// interested is the package's name in a line of a trigger's file.
func interested(who string) string {
	who = strings.TrimSuffix(who, "/noawait")
	who, _, _ = strings.Cut(who, ":")
	return who
}

// activate notes which packages' triggers the files of p concern, and those that it names itself.
func (r *Run) activate(p *Package, list []string) {
	wake := func(name string) {
		if q := r.packages[name]; q.There() && !slices.Contains(r.pending, name) {
			r.pending = append(r.pending, name)
		}
	}
	named := func(trigger string) {
		b, err := r.c.ReadFile(triggersDir + "/" + trigger)
		if err != nil {
			return
		}
		for line := range strings.Lines(string(b)) {
			wake(interested(strings.TrimSpace(line)))
		}
	}
	if b, err := r.c.ReadFile(triggersDir + "/File"); err == nil {
		for line := range strings.Lines(string(b)) {
			f := strings.Fields(line)
			if len(f) != 2 {
				continue
			}
			for _, at := range list {
				if at == f[0] || strings.HasPrefix(at, f[0]+"/") {
					wake(interested(f[1]))
					break
				}
			}
		}
	}
	triggers := []string{}
	if f := r.facts(p); f != nil {
		triggers = f.Triggers
	} else if b, err := r.c.ReadFile(info(p, "triggers")); err == nil {
		triggers = strings.Split(string(b), "\n")
	}
	for _, line := range triggers {
		if f := strings.Fields(line); len(f) == 2 && strings.HasPrefix(f[0], "activate") {
			named(f[1])
		}
	}
}

// ProcessTriggers processes the triggers that wait.
func (r *Run) ProcessTriggers() {
	slices.SortFunc(r.pending, hashOrder)
	for _, name := range r.pending {
		p := r.packages[name]
		if !p.There() || p.State != Installed {
			continue
		}
		r.c.Printf("Processing triggers for %s (%s) ...\n", p.Shown(), p.Version())
		r.log(fmt.Sprintf("trigproc %s:%s %s <none>", p.Name(), p.Get("Architecture"), p.Version()))
		if f := r.facts(p); f != nil {
			r.says(f, f.Triggered, "")
		} else if err := r.run(p, "postinst", "triggered", name); err != nil {
			r.fail(p.Shown(), "configure", "%v", err)
		}
	}
	r.pending = nil
}

package dpkg

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/dockerlab/dockerlab/sim/catalog/debian"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
	"github.com/dockerlab/dockerlab/sim/userland/unpack"
)

const help = `
Type dpkg --help for help about installing and deinstalling packages [*];
Use 'apt' or 'aptitude' for user-friendly package management;
Type dpkg -Dhelp for a list of dpkg debug flag values;
Type dpkg --force-help for a list of forcing options;
Type dpkg-deb --help for help about manipulating *.deb files;

Options marked [*] produce a lot of output - pipe it through 'less' or 'more' !
`

const usage = `Usage: dpkg [<option>...] <command>

Commands:
  -i|--install       <.deb file name>...
  --unpack           <.deb file name>...
  --configure        <package>... | -a|--pending
  -r|--remove        <package>... | -a|--pending
  -P|--purge         <package>... | -a|--pending
  -s|--status        <package>...
  -L|--listfiles     <package>...
  -l|--list          [<pattern>...]
  -S|--search        <pattern>...
  -C|--audit
  --get-selections   [<pattern>...]
  --set-selections
  --add-architecture, --print-architecture, --compare-versions
`

// actions are dpkg's, by their short and long names; those of dpkg-query and dpkg-deb are handed on.
var actions = map[string]string{
	"-i": "--install", "-r": "--remove", "-P": "--purge", "-C": "--audit",
	"-l": "--list", "-s": "--status", "-L": "--listfiles", "-S": "--search", "-p": "--print-avail",
	"-b": "--build", "-c": "--contents", "-I": "--info", "-x": "--extract", "-X": "--vextract", "-f": "--field", "-e": "--control", "-V": "--verify",
}

var known = []string{"--install", "--unpack", "--configure", "--remove", "--purge", "--triggers-only", "--audit", "--get-selections", "--set-selections",
	"--clear-selections", "--add-architecture", "--remove-architecture", "--print-architecture", "--print-foreign-architectures", "--compare-versions",
	"--validate-pkgname", "--validate-version", "--yet-to-unpack", "--verify", "--version", "--help", "--force-help"}

var (
	queries = []string{"--list", "--status", "--listfiles", "--search", "--print-avail"}
	debs    = []string{"--build", "--contents", "--info", "--extract", "--vextract", "--field", "--control"}
)

// dpkgProgram is dpkg.
func dpkgProgram(c *prog.Ctx, facts Facts) int {
	wrong := func(format string, args ...any) int {
		c.Errorf("dpkg: error: "+format+"\n"+help, args...)
		return 2
	}
	var action string
	var args []string
	var force Force
	all, recursive := false, false
	for i := 0; i < len(c.Args); i++ {
		a := c.Args[i]
		long := cmp.Or(actions[a], a)
		switch {
		case a == "--":
			args = append(args, c.Args[i+1:]...)
			i = len(c.Args)
		case slices.Contains(queries, long) && action == "":
			return asked(c, long, slices.Concat(args, c.Args[i+1:]))
		case slices.Contains(debs, long) && action == "":
			return debAction(c, facts, long, slices.Concat(args, c.Args[i+1:]))
		case slices.Contains(known, long):
			if action != "" && action != long {
				return wrong("conflicting actions %s and %s", shortFor(long), shortFor(action))
			}
			action = long
		case a == "-a" || a == "--pending":
			all = true
		case a == "-R" || a == "--recursive":
			recursive = true
		case a == "-E" || a == "-G" || a == "-O" || a == "-B" || a == "--auto-deconfigure" || a == "--skip-same-version" || a == "--no-triggers" || a == "--triggers" || a == "--no-pager":
		case strings.HasPrefix(a, "--force-") || strings.HasPrefix(a, "--no-force-") || strings.HasPrefix(a, "--refuse-"):
			if strings.HasPrefix(a, "--force-") && !force.Add(strings.TrimPrefix(a, "--force-")) {
				return wrong("unknown force/refuse option '%s'", strings.TrimPrefix(a, "--force-"))
			}
		case strings.HasPrefix(a, "--admindir=") || strings.HasPrefix(a, "--log=") || strings.HasPrefix(a, "--status-fd"):
			return wrong("unknown option %s", a)
		case strings.HasPrefix(a, "--"):
			return wrong("unknown option %s", a)
		case strings.HasPrefix(a, "-") && len(a) > 1:
			return wrong("unknown option %s", a[:2])
		default:
			args = append(args, a)
		}
	}
	switch action {
	case "":
		return wrong("need an action option")
	case "--version":
		c.Printf("Debian 'dpkg' package management program version %s (amd64).\nThis is free software; see the GNU General Public License version 2 or\nlater for copying conditions. There is NO warranty.\n", version)
		return 0
	case "--help":
		c.Print(usage)
		return 0
	case "--print-architecture":
		c.Print(Architecture, "\n")
		return 0
	case "--print-foreign-architectures", "--add-architecture", "--remove-architecture":
		return architectures(c, action, args)
	case "--compare-versions":
		return compareVersions(c, args, wrong)
	case "--validate-pkgname", "--validate-version":
		return 0
	case "--get-selections":
		return getSelections(c, args)
	case "--audit", "--yet-to-unpack":
		return audit(c)
	case "--verify":
		return verify(c, args)
	}
	if len(args) == 0 && !all && action != "--set-selections" && action != "--clear-selections" {
		what := "package name"
		if action == "--install" || action == "--unpack" {
			what = "package archive file"
		}
		if action == "--configure" || action == "--remove" || action == "--purge" || action == "--triggers-only" {
			return wrong("%s (without --pending) needs at least one %s argument", action, what)
		}
		return wrong("%s needs at least one %s argument", action, what)
	}
	if !root(c) {
		c.Errorf("dpkg: error: requested operation requires superuser privilege\n")
		return 2
	}
	if err := lock(c); err != nil {
		c.Errorf("dpkg: error: unable to open/create dpkg frontend lock: %v\n", err)
		return 2
	}
	r := NewRun(Open(c), facts)
	r.Force = merged(r.Force, force)
	switch action {
	case "--set-selections":
		return setPackageSelections(c, r)
	case "--clear-selections":
		for _, p := range r.Packages() {
			if p.Get("Essential") != "yes" {
				p.Want = "deinstall"
			}
		}
		r.changed = true
	case "--install", "--unpack":
		if recursive {
			args = debsBelow(c, args)
		}
		r.Action = strings.TrimPrefix(action, "--")
		r.log("startup archives " + r.Action)
		var done []string
		for _, name := range args {
			d, err := ReadDeb(c, facts, name)
			if err == linux.ENOENT {
				c.Errorf("dpkg: error: cannot access archive '%s': %v\n", name, err)
				r.Finish()
				return 2
			}
			if err != nil {
				if err == errNoArchive {
					c.Errorf("dpkg-deb: error: '%s' is not a Debian format archive\n", name)
				} else {
					c.Errorf("dpkg-deb: error: %v\n", err)
				}
				r.fail(name, strings.TrimPrefix(action, "--"), "dpkg-deb --control subprocess returned error exit status 2")
				continue
			}
			if r.Unpack(d, name) {
				done = append(done, d.Get("Package"))
			}
		}
		if action == "--install" && len(done) > 0 {
			r.ConfigureAll(done)
		}
		r.ProcessTriggers()
	case "--configure":
		r.log("startup packages configure")
		if all {
			args = nil
		}
		r.ConfigureAll(args)
		r.ProcessTriggers()
	case "--remove", "--purge":
		r.log("startup packages " + strings.TrimPrefix(action, "--"))
		if all {
			args = nil
			for _, p := range r.Packages() {
				if p.Want == "purge" || p.Want == "deinstall" && p.State != ConfigFiles {
					args = append(args, p.Name())
				}
			}
		}
		r.RemoveAll(args, action == "--purge", false)
		r.ProcessTriggers()
	}
	if !r.Finish() {
		return 1
	}
	return 0
}

// merged adds what the command line forces to what the configuration does.
func merged(a, b Force) Force {
	return Force{
		Confold: a.Confold || b.Confold, Confnew: a.Confnew || b.Confnew, Confdef: a.Confdef || b.Confdef, Confmiss: a.Confmiss || b.Confmiss,
		Depends: a.Depends || b.Depends, Overwrite: a.Overwrite || b.Overwrite, RemoveEssential: a.RemoveEssential || b.RemoveEssential,
	}
}

// shortFor names an action as dpkg does in its complaint about two.
func shortFor(long string) string {
	for short, l := range actions {
		if l == long {
			return short + " (" + l + ")"
		}
	}
	return long
}

// debsBelow finds the packages in directories.
func debsBelow(c *prog.Ctx, dirs []string) []string {
	var found []string
	var walk func(dir string, depth int)
	walk = func(dir string, depth int) {
		entries, err := c.ReadDir(dir)
		if err != nil || depth > 32 {
			return
		}
		for _, e := range entries {
			switch at := path.Join(dir, e.Name); {
			case e.Mode.IsDir():
				walk(at, depth+1)
			case strings.HasSuffix(e.Name, ".deb"):
				found = append(found, at)
			}
		}
	}
	for _, d := range dirs {
		walk(d, 0)
	}
	return found
}

// architectures is --add-architecture and its like: a list of names in /var/lib/dpkg/arch.
func architectures(c *prog.Ctx, action string, args []string) int {
	const file = database + "/arch"
	b, _ := c.ReadFile(file)
	all := strings.Fields(string(b))
	if action == "--print-foreign-architectures" {
		for _, a := range all {
			if a != Architecture {
				c.Print(a, "\n")
			}
		}
		return 0
	}
	if len(args) != 1 {
		c.Errorf("dpkg: error: %s takes exactly one argument\n%s", action, help)
		return 2
	}
	if !root(c) {
		c.Errorf("dpkg: error: requested operation requires superuser privilege\n")
		return 2
	}
	switch i := slices.Index(all, args[0]); {
	case action == "--add-architecture" && args[0] != Architecture && i < 0:
		if len(all) == 0 {
			all = []string{Architecture}
		}
		all = append(all, args[0])
	case action == "--remove-architecture" && i < 0:
		c.Errorf("dpkg: warning: cannot remove non-foreign architecture '%s'\n", args[0])
		return 0
	case action == "--remove-architecture":
		all = slices.Delete(all, i, i+1)
	}
	if len(all) <= 1 {
		c.Unlink(file)
		return 0
	}
	if err := c.WriteFile(file, []byte(strings.Join(append(all, ""), "\n")), 0o644); err != nil {
		c.Errorf("dpkg: error: unable to create '%s': %v\n", file, err)
		return 2
	}
	return 0
}

// compareVersions is --compare-versions A OP B.
func compareVersions(c *prog.Ctx, args []string, wrong func(string, ...any) int) int {
	if len(args) != 3 {
		return wrong("--compare-versions takes three arguments: <version> <relation> <version>")
	}
	cmp := debian.Compare(args[0], args[2])
	// With an "-nl" an empty version is later than any, without it earlier.
	op := args[1]
	if strings.HasSuffix(op, "-nl") {
		op = strings.TrimSuffix(op, "-nl")
		switch {
		case args[0] == "" && args[2] == "":
			cmp = 0
		case args[0] == "":
			cmp = 1
		case args[2] == "":
			cmp = -1
		}
	} else if (args[0] == "") != (args[2] == "") {
		cmp = 1
		if args[0] == "" {
			cmp = -1
		}
	}
	holds := false
	switch op {
	case "lt", "<<":
		holds = cmp < 0
	case "le", "<=", "<":
		holds = cmp <= 0
	case "eq", "=":
		holds = cmp == 0
	case "ne":
		holds = cmp != 0
	case "ge", ">=", ">":
		holds = cmp >= 0
	case "gt", ">>":
		holds = cmp > 0
	default:
		return wrong("--compare-versions bad relation")
	}
	if holds {
		return 0
	}
	return 1
}

func getSelections(c *prog.Ctx, patterns []string) int {
	rows := Open(c).Packages()
	status := 0
	if len(patterns) > 0 {
		var some []*Package
		for _, n := range patterns {
			found := matching(rows, n)
			if len(found) == 0 {
				c.Errorf("dpkg: no packages found matching %s\n", n)
			}
			some = append(some, found...)
		}
		rows = some
	}
	for _, p := range rows {
		tabs := max(1, 6-len(p.Shown())/8)
		c.Print(p.Shown(), strings.Repeat("\t", tabs), p.Want, "\n")
	}
	return status
}

// setPackageSelections is --set-selections.
func setPackageSelections(c *prog.Ctx, r *Run) int {
	for n := 1; ; n++ {
		line, err := c.In.ReadString('\n')
		f := strings.Fields(line)
		if len(f) == 2 {
			if !slices.Contains([]string{"install", "hold", "deinstall", "purge"}, f[1]) {
				c.Errorf("dpkg: error: unknown wanted status at line %d: %s\n", n, f[1])
				return 2
			}
			if p := r.Package(f[0]); p != nil {
				p.Want = f[1]
				r.changed = true
			} else {
				c.Errorf("dpkg: warning: package not in status nor available database at line %d: %s\n", n, f[0])
			}
		} else if len(f) == 1 {
			c.Errorf("dpkg: error: unexpected end of line after package name at line %d\n", n)
			return 2
		}
		if err != nil {
			break
		}
	}
	if !r.Finish() {
		return 2
	}
	return 0
}

// audit is -C: what is not as it should be.
func audit(c *prog.Ctx) int {
	status := 0
	for _, kind := range []struct{ state, text string }{
		{Unpacked, "The following packages have been unpacked but not yet configured.\nThey must be configured using dpkg --configure or the configure\nmenu option in dselect for them to work:\n"},
		{HalfConfigured, "The following packages are only half configured, probably due to problems\nconfiguring them the first time.  The configuration should be retried using\ndpkg --configure <package> or the configure menu option in dselect:\n"},
	} {
		said := false
		for _, p := range Open(c).Packages() {
			if p.State != kind.state {
				continue
			}
			if !said {
				c.Print(kind.text)
				said, status = true, 1
			}
			c.Printf(" %-20s %s\n", p.Shown(), p.summary())
		}
		if said {
			c.Print("\n")
		}
	}
	return status
}

// verify is -V: configuration files that are not as the package had them.
func verify(c *prog.Ctx, names []string) int {
	r := &Run{Database: Open(c)}
	rows := r.Packages()
	if len(names) > 0 {
		rows = nil
		for _, n := range names {
			p := r.Package(n)
			if p == nil {
				c.Errorf("dpkg: package '%s' is not installed\n", n)
				return 1
			}
			rows = append(rows, p)
		}
	}
	for _, p := range rows {
		sums := p.Conffiles()
		for _, f := range r.List(p) {
			sum, conf := sums[f]
			switch {
			case !r.exists(f) && conf:
				c.Printf("missing   c %s\n", f)
			case !r.exists(f):
				c.Printf("missing     %s\n", f)
			case conf && sum != "newconffile" && r.md5sum(f) != sum:
				c.Printf("??5?????? c %s\n", f)
			}
		}
	}
	return 0
}

// debProgram is dpkg-deb.
func debProgram(c *prog.Ctx, facts Facts) int {
	var args []string
	action := ""
	for i := 0; i < len(c.Args); i++ {
		a := c.Args[i]
		long := cmp.Or(map[string]string{"-W": "--show", "-R": "--raw-extract"}[a], actions[a], a)
		switch {
		case slices.Contains(debs, long) || long == "--show" || long == "--raw-extract":
			if action != "" {
				c.Errorf("dpkg-deb: error: conflicting actions %s and %s\n", shortFor(long), shortFor(action))
				return 2
			}
			action = long
		case a == "--version":
			c.Printf("Debian 'dpkg-deb' package archive backend version %s (amd64).\nThis is free software; see the GNU General Public License version 2 or\nlater for copying conditions. There is NO warranty.\n", version)
			return 0
		case a == "--root-owner-group" || a == "--nocheck" || a == "-v" || strings.HasPrefix(a, "-Z") || strings.HasPrefix(a, "-z"):
		case strings.HasPrefix(a, "-"):
			c.Errorf("dpkg-deb: error: unknown option %s\n\nType dpkg-deb --help for help about manipulating *.deb files;\nType dpkg --help for help about installing and deinstalling packages.\n", a)
			return 2
		default:
			args = append(args, a)
		}
	}
	if action == "" {
		c.Errorf("dpkg-deb: error: need an action option\n\nType dpkg-deb --help for help about manipulating *.deb files;\nType dpkg --help for help about installing and deinstalling packages.\n")
		return 2
	}
	return debAction(c, facts, action, args)
}

// debAction works on a package's file.
func debAction(c *prog.Ctx, facts Facts, action string, args []string) int {
	fail := func(format string, a ...any) int {
		c.Errorf("dpkg-deb: error: "+format+"\n", a...)
		return 2
	}
	if len(args) == 0 {
		if action == "--build" {
			return fail("--build needs a <directory> argument")
		}
		return fail("%s needs a .deb filename argument", action)
	}
	if action == "--build" {
		dir := strings.TrimSuffix(args[0], "/")
		if st, err := c.Stat(dir); err != nil || !st.Mode.IsDir() {
			return fail("failed to open package info file '%s/DEBIAN/control' for reading: No such file or directory", dir)
		}
		out := dir + ".deb"
		b, control, err := build(c, dir)
		if err != nil {
			return fail("%v", err)
		}
		if len(args) > 1 {
			out = args[1]
			if st, err := c.Stat(out); err == nil && st.Mode.IsDir() {
				out = path.Join(out, debian.Filename(control))
			}
		}
		c.Printf("dpkg-deb: building package '%s' in '%s'.\n", control.Get("Package"), out)
		if err := c.WriteFile(out, b, 0o644); err != nil {
			return fail("unable to create '%s': %v", out, err)
		}
		return 0
	}
	name := args[0]
	d, err := ReadDeb(c, facts, name)
	switch {
	case err == errNoArchive:
		return fail("'%s' is not a Debian format archive", name)
	case err == linux.ENOENT:
		return fail("failed to read archive '%s': %v", name, err)
	case err != nil:
		return fail("%v", err)
	}
	switch action {
	case "--contents":
		d.contents(c)
	case "--info":
		d.showInfo(c, name)
	case "--show":
		c.Print(d.Get("Package"), "\t", d.Get("Version"), "\n")
	case "--field":
		fields := args[1:]
		for _, f := range d.Control {
			switch {
			case len(fields) == 0:
				c.Print(debian.Control{f}.String())
			case len(fields) == 1 && strings.EqualFold(f.Name, fields[0]):
				c.Print(f.Value, "\n")
			case slices.ContainsFunc(fields, func(w string) bool { return strings.EqualFold(w, f.Name) }):
				c.Print(debian.Control{f}.String())
			}
		}
	case "--control":
		to := "DEBIAN"
		if len(args) > 1 {
			to = args[1]
		}
		return d.extractControl(c, to, fail)
	default:
		if len(args) < 2 {
			return fail("%s needs a target directory.\nPerhaps you should be using dpkg --install ?", action)
		}
		if status := d.extract(c, facts, args[1], action == "--vextract", fail); status != 0 || action != "--raw-extract" {
			return status
		}
		return d.extractControl(c, args[1]+"/DEBIAN", fail)
	}
	return 0
}

// contents is -c: a listing as tar's.
func (d *Deb) contents(c *prog.Ctx) {
	zone := c.Zone()
	if d.Facts != nil {
		c.Printf("drwxr-xr-x root/root         0 %s ./\n", timeOf(d.Facts.Time).In(zone).Format("2006-01-02 15:04"))
	}
	for _, e := range d.Entries {
		t := e.Time
		if t == 0 && d.Facts != nil {
			t = d.Facts.Time
		}
		mode, name, size := e.Mode.String(), "."+e.Path, fmt.Sprint(e.Size)
		switch {
		case e.HardLink():
			mode, size = "hrw-r--r--", "0"
			name += " link to ." + e.Target
		case e.Mode.IsDir():
			name += "/"
		case e.Mode.Type() == linux.S_IFLNK:
			name += " -> " + e.Target
			size = "0"
		}
		owner := func(id uint32) string {
			if id == 0 {
				return "root"
			}
			return fmt.Sprint(id)
		}
		who := owner(e.UID) + "/" + owner(e.GID)
		c.Printf("%s %s %*s %s %s\n", mode, who, max(1, 19-len(who)-1), size, timeOf(t).In(zone).Format("2006-01-02 15:04"), name)
	}
}

// showInfo is -I.
func (d *Deb) showInfo(c *prog.Ctx, name string) {
	size := int64(0)
	if st, err := c.Stat(name); err == nil {
		size = st.Size
	}
	control := int64(0)
	for _, m := range d.members {
		if strings.HasPrefix(m.name, "control.tar") {
			control = m.size
		}
	}
	c.Printf(" new Debian package, version 2.0.\n size %d bytes: control archive=%d bytes.\n", size, control)
	text := d.Control.String()
	c.Printf(" %7d bytes, %5d lines      %-20s\n", len(text), strings.Count(text, "\n"), "control")
	for line := range strings.Lines(text) {
		c.Print(" ", line)
	}
}

// extractControl writes the control part's files into a directory.
func (d *Deb) extractControl(c *prog.Ctx, dir string, fail func(string, ...any) int) int {
	if err := c.Mkdir(dir, 0o755); err != nil && err != linux.EEXIST {
		return fail("failed to create directory: %v", err)
	}
	for _, name := range d.names() {
		text, mode := d.info[name].text, d.info[name].mode
		switch name {
		case "control":
			text, mode = d.Control.String(), 0o644
		case "conffiles":
			text, mode = strings.Join(d.Conffiles, "\n")+"\n", 0o644
		case "triggers":
			text, mode = strings.Join(d.Triggers, "\n")+"\n", 0o644
		}
		if err := c.WriteFile(dir+"/"+name, []byte(text), mode); err != nil {
			return fail("unable to create '%s/%s': %v", dir, name, err)
		}
	}
	return 0
}

// extract writes the package's files below a directory.
func (d *Deb) extract(c *prog.Ctx, facts Facts, dir string, verbose bool, fail func(string, ...any) int) int {
	if _, err := c.Stat(dir); err != nil {
		if err := c.Mkdir(dir, 0o755); err != nil {
			return fail("failed to create directory: %v", err)
		}
	}
	r := &Run{Database: &Database{c: c, packages: map[string]*Package{}, lists: map[string][]string{}}, Facts: facts}
	umask := c.Umask(0)
	defer c.Umask(umask)
	for _, e := range d.Entries {
		if verbose {
			c.Print(".", e.Path, "\n")
		}
		inside := e
		inside.Path = strings.TrimSuffix(dir, "/") + e.Path
		if e.HardLink() {
			inside.Target = strings.TrimSuffix(dir, "/") + e.Target
		}
		if !root(c) {
			inside.UID, inside.GID = 0, 0
		}
		if e.Time == 0 && d.Facts != nil {
			inside.Time = d.Facts.Time
		}
		if err := unpack.Entry(r.c, inside, d.contentOf(facts, e)); err != nil {
			return fail("unable to create '%s': %v", inside.Path, err)
		}
	}
	return 0
}

package dpkg

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dockerlab/dockerlab/sim/catalog/debian"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// The small programs beside dpkg, and those of debconf and init-system-helpers.

// diversion is a file that packages but one find under another name.
type diversion struct{ from, to, by string }

func readDiversions(c *prog.Ctx) []diversion {
	b, err := c.ReadFile(database + "/diversions")
	if err != nil {
		return nil
	}
	lines := strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
	var all []diversion
	for ; len(lines) >= 3; lines = lines[3:] {
		all = append(all, diversion{lines[0], lines[1], lines[2]})
	}
	return all
}

// diverted is where a package's file belongs: another place, if somebody else diverted it.
func (r *Run) diverted(name, pkg string) string {
	for _, d := range readDiversions(r.c) {
		if d.from == name && d.by != pkg {
			return d.to
		}
	}
	return name
}

// divertFor diverts what a package of the catalogue does before it is unpacked.
func (r *Run) divertFor(f *debian.Package) error {
	all := readDiversions(r.c)
	for _, line := range f.Diversions {
		from, to, _ := strings.Cut(line, " ")
		d := diversion{from, to, f.Name()}
		if slices.Contains(all, d) {
			continue
		}
		r.c.Printf("Adding 'diversion of %s to %s by %s'\n", d.from, d.to, d.by)
		if err := r.c.Rename(from, to); err != nil && err != linux.ENOENT {
			return fmt.Errorf("dpkg-divert: error: rename: cannot rename '%s' to '%s': %w", from, to, err)
		}
		all = append(all, d)
		if writeDiversions(r.c, all) != 0 {
			return errors.New("new pre-installation script subprocess returned error exit status 2")
		}
	}
	return nil
}

// undivert puts back what a package of the catalogue had diverted. Its scripts have said so.
func (r *Run) undivert(f *debian.Package) {
	all := readDiversions(r.c)
	for _, line := range f.Diversions {
		from, to, _ := strings.Cut(line, " ")
		if i := slices.Index(all, diversion{from, to, f.Name()}); i >= 0 {
			r.c.Unlink(from)
			r.c.Rename(to, from)
			all = slices.Delete(all, i, i+1)
			writeDiversions(r.c, all)
		}
	}
}

// divert is dpkg-divert.
func divert(c *prog.Ctx) int {
	const usage = "\nUse --help for program usage information.\n"
	wrong := func(format string, args ...any) int {
		c.Errorf("dpkg-divert: error: "+format+"\n"+usage, args...)
		return 2
	}
	action, by, to := "--add", ":", ""
	rename, test := false, false
	var names []string
	for i := 0; i < len(c.Args); i++ {
		a, value, has := strings.Cut(c.Args[i], "=")
		if !has && (a == "--divert" || a == "--package") && i+1 < len(c.Args) {
			i++
			value, has = c.Args[i], true
		}
		switch a {
		case "--add", "--remove", "--list", "--listpackage", "--truename":
			action = a
		case "--divert":
			to = value
		case "--package":
			by = value
		case "--local":
			by = ":"
		case "--rename":
			rename = true
		case "--no-rename", "--quiet":
			rename = rename && a != "--no-rename"
		case "--test":
			test = true
		default:
			if strings.HasPrefix(a, "-") {
				return wrong("unknown option %s", c.Args[i])
			}
			names = append(names, c.Args[i])
		}
	}
	all := readDiversions(c)
	owner := func(d diversion) string {
		if d.by == ":" {
			return "local diversion of " + d.from + " to " + d.to
		}
		return "diversion of " + d.from + " to " + d.to + " by " + d.by
	}
	if action == "--list" {
		for _, d := range all {
			if len(names) == 0 || slices.Contains(names, d.from) || slices.Contains(names, "*") {
				c.Print(owner(d), "\n")
			}
		}
		return 0
	}
	if len(names) != 1 {
		return wrong("%s needs a single argument", action)
	}
	name := names[0]
	i := slices.IndexFunc(all, func(d diversion) bool { return d.from == name })
	switch action {
	case "--listpackage":
		if i >= 0 {
			if all[i].by == ":" {
				c.Print("LOCAL\n")
			} else {
				c.Print(all[i].by, "\n")
			}
		}
		return 0
	case "--truename":
		if i >= 0 {
			name = all[i].to
		}
		c.Print(name, "\n")
		return 0
	}
	if !strings.HasPrefix(name, "/") {
		return wrong("filename \"%s\" is not absolute", name)
	}
	if !root(c) {
		c.Errorf("dpkg-divert: error: unable to open '%s/diversions-new': Permission denied\n", database)
		return 2
	}
	if action == "--add" {
		if to == "" {
			to = name + ".distrib"
		}
		d := diversion{name, to, by}
		if i >= 0 {
			if all[i] == d {
				c.Printf("Leaving '%s'\n", owner(d))
				return 0
			}
			c.Errorf("dpkg-divert: error: '%s' clashes with '%s'\n", owner(d), owner(all[i]))
			return 2
		}
		c.Printf("Adding '%s'\n", owner(d))
		if test {
			return 0
		}
		if rename {
			if err := c.Rename(name, to); err != nil && err != linux.ENOENT {
				c.Errorf("dpkg-divert: error: rename: cannot rename '%s' to '%s': %v\n", name, to, err)
				return 2
			}
		}
		return writeDiversions(c, append(all, d))
	}
	if i < 0 {
		c.Printf("No diversion '%s', none removed.\n", "any diversion of "+name)
		return 0
	}
	c.Printf("Removing '%s'\n", owner(all[i]))
	if test {
		return 0
	}
	if rename {
		if err := c.Rename(all[i].to, name); err != nil && err != linux.ENOENT {
			c.Errorf("dpkg-divert: error: rename: cannot rename '%s' to '%s': %v\n", all[i].to, name, err)
			return 2
		}
	}
	return writeDiversions(c, slices.Delete(all, i, i+1))
}

func writeDiversions(c *prog.Ctx, all []diversion) int {
	var b strings.Builder
	for _, d := range all {
		b.WriteString(d.from + "\n" + d.to + "\n" + d.by + "\n")
	}
	const file = database + "/diversions"
	c.Unlink(file + "-old")
	c.Rename(file, file+"-old")
	if err := c.WriteFile(file, []byte(b.String()), 0o644); err != nil {
		c.Errorf("dpkg-divert: error: cannot write '%s': %v\n", file, err)
		return 2
	}
	return 0
}

// statoverride is dpkg-statoverride: --list, --add and --remove.
func statoverride(c *prog.Ctx) int {
	const file = database + "/statoverride"
	wrong := func(format string, args ...any) int {
		c.Errorf("dpkg-statoverride: error: "+format+"\n\nUse --help for program usage information.\n", args...)
		return 2
	}
	action, update := "", false
	var args []string
	for _, a := range c.Args {
		switch {
		case a == "--update":
			update = true
		case a == "--add" || a == "--remove" || a == "--list":
			action = a
		case a == "--force-all" || a == "--quiet" || strings.HasPrefix(a, "--force-statoverride"):
		case strings.HasPrefix(a, "-"):
			return wrong("unknown option %s", a)
		default:
			args = append(args, a)
		}
	}
	b, _ := c.ReadFile(file)
	var lines []string
	if len(b) > 0 {
		lines = strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
	}
	path := func(line string) string { return line[strings.LastIndexByte(line, ' ')+1:] }
	switch action {
	case "":
		return wrong("need an action option")
	case "--list":
		found := 1
		for _, line := range lines {
			if len(args) == 0 || slices.Contains(args, path(line)) {
				c.Print(line, "\n")
				found = 0
			}
		}
		return found
	case "--add":
		if len(args) != 4 {
			return wrong("--add needs four arguments")
		}
		if slices.ContainsFunc(lines, func(l string) bool { return path(l) == args[3] }) {
			c.Errorf("dpkg-statoverride: error: an override for '%s' already exists; aborting\n", args[3])
			return 2
		}
		lines = append(lines, strings.Join(args, " "))
		if update {
			if st, err := c.Command([]string{"chown", args[0] + ":" + args[1], args[3]}, nil, nil); err != nil || st.Code != 0 {
				return 2
			}
			if st, err := c.Command([]string{"chmod", args[2], args[3]}, nil, nil); err != nil || st.Code != 0 {
				return 2
			}
		}
	case "--remove":
		if len(args) != 1 {
			return wrong("--remove needs a single argument")
		}
		i := slices.IndexFunc(lines, func(l string) bool { return path(l) == args[0] })
		if i < 0 {
			c.Errorf("dpkg-statoverride: warning: no override present\n")
			return 2
		}
		lines = slices.Delete(lines, i, i+1)
	}
	if err := c.WriteFile(file, []byte(strings.Join(append(lines, ""), "\n")), 0o644); err != nil {
		c.Errorf("dpkg-statoverride: error: cannot write %s: %v\n", file, err)
		return 2
	}
	return 0
}

// Frontends says in debconf's words which of its frontends cannot be used, down to the one that can.
func Frontends(c *prog.Ctx) string {
	var b strings.Builder
	refuse := func(name, why, next string) {
		fmt.Fprintf(&b, "debconf: unable to initialize frontend: %s\ndebconf: (%s)\ndebconf: falling back to frontend: %s\n", name, why, next)
	}
	term := c.Getenv("TERM")
	has := func(names ...string) bool {
		for _, n := range names {
			if _, err := c.Stat(n); err == nil {
				return true
			}
		}
		return false
	}
	tty := c.Isatty(0)
	switch {
	case term == "":
		refuse("Dialog", "TERM is not set, so the dialog frontend is not usable.", "Readline")
	case !has("/usr/bin/whiptail", "/usr/bin/dialog"):
		refuse("Dialog", "No usable dialog-like program is installed, so the dialog based frontend cannot be used. at /usr/share/perl5/Debconf/FrontEnd/Dialog.pm line 78.", "Readline")
	case !tty:
		refuse("Dialog", "Dialog frontend will not work on a dumb terminal, an emacs shell buffer, or without a controlling terminal.", "Readline")
	default:
		return ""
	}
	switch {
	case !has("/usr/share/perl/5.36.0/Term/ReadLine.pm"):
		refuse("Readline", "Can't locate Term/ReadLine.pm in @INC (you may need to install the Term::ReadLine module) (@INC contains: /etc/perl /usr/local/lib/x86_64-linux-gnu/perl/5.36.0 /usr/local/share/perl/5.36.0 /usr/lib/x86_64-linux-gnu/perl5/5.36 /usr/share/perl5 /usr/lib/x86_64-linux-gnu/perl-base /usr/lib/x86_64-linux-gnu/perl/5.36 /usr/share/perl/5.36 /usr/local/lib/site_perl) at /usr/share/perl5/Debconf/FrontEnd/Readline.pm line 7.", "Teletype")
	case !tty:
		refuse("Readline", "This frontend requires a controlling tty.", "Teletype")
	}
	return b.String()
}

// reconfigure is dpkg-reconfigure.
func reconfigure(c *prog.Ctx, facts Facts) int {
	if !root(c) {
		c.Errorf("%s must be run as root\n", c.Name)
		return 1
	}
	var names []string
	for i := 0; i < len(c.Args); i++ {
		a := c.Args[i]
		switch {
		case a == "-f" || a == "-p" || a == "--frontend" || a == "--priority":
			i++
		case strings.HasPrefix(a, "-"):
		default:
			names = append(names, a)
		}
	}
	name := "/usr/sbin/dpkg-reconfigure"
	if !strings.EqualFold(c.Getenv("DEBIAN_FRONTEND"), "noninteractive") {
		c.Errorf("%s", Frontends(c))
	}
	if len(names) == 0 {
		c.Errorf("%s: please specify a package to reconfigure\n", name)
		return 1
	}
	r := NewRun(Open(c), facts)
	for _, pkg := range names {
		p := r.Package(pkg)
		if p == nil || p.State == "not-installed" {
			c.Errorf("%s: package '%s' is not installed and no information is available\nUse dpkg --info (= dpkg-deb --info) to examine archive files.\n%s: %s is not installed\n", "dpkg-query", pkg, name, pkg)
			return 1
		}
		if p.State != Installed {
			c.Errorf("%s: %s is broken or not fully installed\n", name, pkg)
			return 1
		}
		if f := r.facts(p); f != nil {
			r.says(f, f.Configured, "start")
		} else if err := r.run(p, "postinst", "configure", p.Version()); err != nil {
			c.Errorf("%s: %v\n", name, err)
			return 1
		}
	}
	return 0
}

// setSelections is debconf-set-selections: it notes answers in /var/cache/debconf/config.dat.
func setSelections(c *prog.Ctx) int {
	check := false
	var files []string
	for _, a := range c.Args {
		switch {
		case a == "-c" || a == "--checkonly":
			check = true
		case a == "-v" || a == "--verbose" || a == "-u" || a == "--unseen":
		case strings.HasPrefix(a, "-") && a != "-":
			c.Errorf("Unknown option: %s\nUsage: debconf-set-selections [-vcu] [file]\n", strings.TrimLeft(a, "-"))
			return 1
		default:
			files = append(files, a)
		}
	}
	if len(files) == 0 {
		files = []string{"-"}
	}
	status := 0
	var answers strings.Builder
	for _, name := range files {
		var text string
		if name == "-" {
			for {
				line, err := c.In.ReadString('\n')
				text += line
				if err != nil {
					break
				}
			}
		} else {
			b, err := c.ReadFile(name)
			if err != nil {
				c.Errorf("error: Can't open %s: %v at /usr/bin/debconf-set-selections line 135.\n", name, err)
				return 1
			}
			text = string(b)
		}
		n := 0
		for line := range strings.Lines(text) {
			n++
			line = strings.TrimSpace(line)
			if line == "" || line[0] == '#' {
				continue
			}
			f := strings.Fields(line)
			if len(f) < 3 {
				c.Errorf("error: parse error on line %d: '%s'\n", n, line)
				status = 1
				continue
			}
			value := ""
			if rest := strings.SplitN(strings.ReplaceAll(line, "\t", " "), " ", 4); len(f) > 3 && len(rest) == 4 {
				value = strings.Join(f[3:], " ")
			}
			fmt.Fprintf(&answers, "Name: %s\nTemplate: %s\nValue: %s\nOwners: %s\nFlags: seen\n\n", f[1], f[1], value, f[0])
		}
	}
	if status != 0 || check || answers.Len() == 0 {
		return status
	}
	const file = "/var/cache/debconf/config.dat"
	old, err := c.ReadFile(file)
	if err != nil && err != linux.ENOENT {
		c.Errorf("debconf: DbDriver \"config\": could not open %s\n", file)
		return 1
	}
	if err := c.WriteFile(file, append(old, answers.String()...), 0o644); err != nil {
		c.Errorf("debconf: DbDriver \"passwords\" warning: could not open /var/cache/debconf/passwords.dat: %v\n", err)
		return 1
	}
	return 0
}

// updateRC is update-rc.d: it makes and removes the links of init's runlevels.
func updateRC(c *prog.Ctx) int {
	var args []string
	for _, a := range c.Args {
		if a != "-f" {
			args = append(args, a)
		}
	}
	if len(args) < 2 {
		c.Errorf("update-rc.d: error: not enough arguments\nusage: update-rc.d [-f] <basename> remove\n       update-rc.d [-f] <basename> defaults\n       update-rc.d [-f] <basename> defaults-disabled\n       update-rc.d <basename> disable|enable [S|2|3|4|5]\n\t\t-f: force\n\nThe disable|enable API is not stable and might change in the future.\n")
		return 1
	}
	name, action := args[0], args[1]
	script := "/etc/init.d/" + name
	switch action {
	case "defaults", "enable", "disable", "defaults-disabled":
		if _, err := c.Stat(script); err != nil {
			c.Errorf("update-rc.d: error: initscript does not exist: %s\n", script)
			return 1
		}
	case "remove":
		if _, err := c.Stat(script); err == nil && !slices.Contains(c.Args, "-f") {
			return 0
		}
	default:
		c.Errorf("update-rc.d: error: unknown action %s\n", action)
		return 1
	}
	for _, level := range "0123456S" {
		dir := fmt.Sprintf("/etc/rc%c.d", level)
		entries, err := c.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, e := range entries {
			if len(e.Name) > 3 && e.Name[3:] == name {
				c.Unlink(dir + "/" + e.Name)
			}
		}
		start := level >= '2' && level <= '5' && action != "disable" && action != "defaults-disabled"
		switch {
		case action == "remove" || level == 'S':
		case start:
			c.Symlink("../init.d/"+name, dir+"/S01"+name)
		default:
			c.Symlink("../init.d/"+name, dir+"/K01"+name)
		}
	}
	return 0
}

// invokeRC is invoke-rc.d: it starts or stops a service, if the policy lets it.
func invokeRC(c *prog.Ctx) int {
	args := slices.DeleteFunc(slices.Clone(c.Args), func(a string) bool { return strings.HasPrefix(a, "--") })
	if len(args) < 2 {
		c.Errorf("invoke-rc.d: syntax error: missing required parameter, see invoke-rc.d --help\n")
		return 103
	}
	script := "/etc/init.d/" + args[0]
	if _, err := c.Stat(script); err != nil {
		c.Errorf("invoke-rc.d: unknown initscript, %s not found.\n", script)
		return 100
	}
	c.Errorf("invoke-rc.d: could not determine current runlevel\n")
	if st, err := c.Command([]string{"/usr/sbin/policy-rc.d", args[0], args[1]}, nil, nil); err == nil && st.Code == 101 {
		c.Errorf("invoke-rc.d: policy-rc.d denied execution of %s.\n", args[1])
		return 0
	}
	st, err := c.Command(append([]string{script}, args[1:]...), nil, nil)
	if err != nil {
		c.Errorf("invoke-rc.d: initscript %s, action \"%s\" failed.\n", args[0], args[1])
		return 1
	}
	if st.Code != 0 {
		c.Errorf("invoke-rc.d: initscript %s, action \"%s\" failed.\n", args[0], args[1])
	}
	return st.Code
}

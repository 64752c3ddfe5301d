package dpkg

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/catalog/debian"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

const (
	alternativesDir = database + "/alternatives"
	linksDir        = "/etc/alternatives"
)

// group is what is offered for one name, and which of it stands there.
type group struct {
	name    string
	manual  bool
	choices []debian.Alternative
}

// readGroup reads a group; nil if there is none of that name.
func readGroup(c *prog.Ctx, name string) (*group, error) {
	b, err := c.ReadFile(alternativesDir + "/" + name)
	if err == linux.ENOENT {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	choices, err := debian.ParseAlternative(name, string(b))
	if err != nil {
		return nil, err
	}
	return &group{name, strings.HasPrefix(string(b), "manual"), choices}, nil
}

// write writes the group, or removes what nobody offers any more.
func (g *group) write(c *prog.Ctx) error {
	if len(g.choices) == 0 {
		c.Unlink(alternativesDir + "/" + g.name)
		return nil
	}
	for _, dir := range []string{alternativesDir, linksDir} {
		if _, err := c.Stat(dir); err != nil {
			if err := c.Mkdir(dir, 0o755); err != nil {
				return err
			}
		}
	}
	return c.WriteFile(alternativesDir+"/"+g.name, []byte(debian.FormatAlternative(g.choices, g.manual)), 0o644)
}

// best is the choice of automatic mode: the highest priority, the first of equals.
func (g *group) best() *debian.Alternative {
	if len(g.choices) == 0 {
		return nil
	}
	best := &g.choices[0]
	for i := range g.choices {
		if g.choices[i].Priority > best.Priority {
			best = &g.choices[i]
		}
	}
	return best
}

// current is the path that the group's link leads to, "" if none.
func (g *group) current(c *prog.Ctx) string {
	target, err := c.Readlink(linksDir + "/" + g.name)
	if err != nil {
		return ""
	}
	return target
}

// find is the choice with that path.
func (g *group) find(path string) *debian.Alternative {
	for i := range g.choices {
		if g.choices[i].Path == path {
			return &g.choices[i]
		}
	}
	return nil
}

// install makes the links of a choice; old is what stood there.
func (g *group) install(c *prog.Ctx, a, old *debian.Alternative) error {
	if err := link(c, a.Path, linksDir+"/"+g.name); err != nil {
		return err
	}
	if err := link(c, linksDir+"/"+g.name, a.Link); err != nil {
		return err
	}
	for _, s := range a.Slaves {
		if _, err := c.Stat(s.Path); err != nil {
			c.Errorf("update-alternatives: warning: skip creation of %s because associated file %s (of link group %s) doesn't exist\n", s.Link, s.Path, g.name)
			c.Unlink(linksDir + "/" + s.Name)
			continue
		}
		if err := link(c, s.Path, linksDir+"/"+s.Name); err != nil {
			return err
		}
		if err := link(c, linksDir+"/"+s.Name, s.Link); err != nil {
			return err
		}
	}
	if old == nil {
		return nil
	}
	for _, s := range old.Slaves {
		if !slices.ContainsFunc(a.Slaves, func(t debian.Slave) bool { return t.Name == s.Name }) {
			unlink(c, s.Link)
			c.Unlink(linksDir + "/" + s.Name)
		}
	}
	return nil
}

// gone takes the links of a choice away.
func (g *group) gone(c *prog.Ctx, a debian.Alternative) {
	c.Unlink(linksDir + "/" + g.name)
	unlink(c, a.Link)
	for _, s := range a.Slaves {
		c.Unlink(linksDir + "/" + s.Name)
		unlink(c, s.Link)
	}
}

// link makes a symbolic link in the place of another; a real file is left alone.
func link(c *prog.Ctx, target, at string) error {
	if st, err := c.Lstat(at); err == nil {
		if st.Mode.Type() != linux.S_IFLNK {
			c.Errorf("update-alternatives: warning: not replacing %s with a link\n", at)
			return nil
		}
		c.Unlink(at)
	}
	if err := c.Symlink(target, at); err != nil {
		return fmt.Errorf("error creating symbolic link '%s.dpkg-tmp': %w", at, err)
	}
	return nil
}

// unlink removes a link, and nothing but a link.
func unlink(c *prog.Ctx, at string) {
	if st, err := c.Lstat(at); err == nil && st.Mode.Type() == linux.S_IFLNK {
		c.Unlink(at)
	}
}

// offer is update-alternatives --install.
func offer(c *prog.Ctx, a debian.Alternative, quiet bool) error {
	g, err := readGroup(c, a.Name)
	if err != nil {
		return err
	}
	if g == nil {
		g = &group{name: a.Name}
	}
	was := g.current(c)
	old := g.find(was)
	if old != nil {
		copied := *old
		old = &copied
	}
	if same := g.find(a.Path); same != nil {
		*same = a
	} else {
		g.choices = append(g.choices, a)
	}
	slices.SortFunc(g.choices, func(x, y debian.Alternative) int { return strings.Compare(x.Path, y.Path) })
	if best := g.best(); !g.manual && best.Path != was {
		if !quiet {
			c.Printf("update-alternatives: using %s to provide %s (%s) in auto mode\n", best.Path, best.Link, g.name)
		}
		if err := g.install(c, best, old); err != nil {
			return err
		}
	}
	return g.write(c)
}

// withdraw is update-alternatives --remove.
func withdraw(c *prog.Ctx, name, path string) error {
	g, err := readGroup(c, name)
	if err != nil || g == nil {
		return err
	}
	a := g.find(path)
	if a == nil {
		return nil
	}
	removed := *a
	was := g.current(c)
	g.choices = slices.DeleteFunc(g.choices, func(x debian.Alternative) bool { return x.Path == path })
	if was == path {
		if g.manual {
			c.Printf("update-alternatives: warning: removing manually selected alternative - switching %s to auto mode\n", name)
			g.manual = false
		}
		if best := g.best(); best != nil {
			c.Printf("update-alternatives: using %s to provide %s (%s) in auto mode\n", best.Path, best.Link, name)
			if err := g.install(c, best, &removed); err != nil {
				return err
			}
		} else {
			g.gone(c, removed)
		}
	}
	return g.write(c)
}

const alternativesUsage = "\nUse 'update-alternatives --help' for program usage information.\n"

// alternatives is update-alternatives.
func alternatives(c *prog.Ctx) int {
	wrong := func(format string, args ...any) int {
		c.Errorf("update-alternatives: error: "+format+"\n"+alternativesUsage, args...)
		return 2
	}
	failed := func(format string, args ...any) int {
		c.Errorf("update-alternatives: error: "+format+"\n", args...)
		return 2
	}
	var action string
	var args []string
	var offered debian.Alternative
	quiet := false
	for i := 0; i < len(c.Args); i++ {
		take := func(n int) bool {
			if len(c.Args)-i <= n {
				return false
			}
			args = c.Args[i+1 : i+1+n]
			i += n
			return true
		}
		switch a := c.Args[i]; a {
		case "--install":
			if action = a; !take(4) {
				return wrong("--install needs <link> <name> <path> <priority>")
			}
			priority, err := strconv.Atoi(args[3])
			if err != nil {
				return wrong("priority must be an integer")
			}
			offered = debian.Alternative{Link: args[0], Name: args[1], Path: args[2], Priority: priority}
		case "--slave":
			if action != "--install" {
				return wrong("--slave only allowed with --install")
			}
			if !take(3) {
				return wrong("--slave needs <link> <name> <path>")
			}
			offered.Slaves = append(offered.Slaves, debian.Slave{Link: args[0], Name: args[1], Path: args[2]})
		case "--set", "--remove":
			if action = a; !take(2) {
				return wrong("%s needs <name> <path>", a)
			}
		case "--remove-all", "--auto", "--display", "--query", "--list", "--config":
			if action = a; !take(1) {
				return wrong("%s needs <name>", a)
			}
		case "--get-selections", "--version", "--help":
			action = a
		case "--quiet", "--force", "--skip-auto", "--verbose":
			quiet = quiet || a == "--quiet"
		default:
			if strings.HasPrefix(a, "-") {
				return wrong("unknown option '%s'", a)
			}
			return wrong("unknown argument '%s'", a)
		}
	}
	switch action {
	case "":
		c.Errorf("update-alternatives: need --display, --query, --list, --get-selections, --config, --set, --set-selections, --install, --remove, --all, --remove-all or --auto\n" + alternativesUsage)
		return 2
	case "--version":
		c.Printf("Debian update-alternatives version %s.\n\nThis is free software; see the GNU General Public License version 2 or\nlater for copying conditions. There is NO warranty.\n", version)
		return 0
	case "--help":
		c.Print("Usage: update-alternatives [<option> ...] <command>\n")
		return 0
	case "--install":
		if offered.Link == offered.Path {
			return wrong("<link> '%s' is the same as <path>", offered.Link)
		}
		if !strings.HasPrefix(offered.Link, "/") {
			return failed("alternative link is not absolute as it should be: %s", offered.Link)
		}
		if !strings.HasPrefix(offered.Path, "/") {
			return failed("alternative path is not absolute as it should be: %s", offered.Path)
		}
		if strings.ContainsAny(offered.Name, "/ \t") {
			return failed("alternative name (%s) must not contain '/' and spaces", offered.Name)
		}
		if _, err := c.Stat(offered.Path); err != nil {
			return failed("alternative path %s doesn't exist", offered.Path)
		}
		if err := offer(c, offered, quiet); err != nil {
			return failed("%v", err)
		}
		return 0
	case "--get-selections":
		return selections(c)
	}
	name := args[0]
	g, err := readGroup(c, name)
	if err != nil {
		return failed("%v", err)
	}
	if g == nil {
		return failed("no alternatives for %s", name)
	}
	switch action {
	case "--list":
		for _, a := range g.choices {
			c.Print(a.Path, "\n")
		}
	case "--display":
		g.display(c)
	case "--query":
		g.query(c)
	case "--remove":
		if g.find(args[1]) == nil {
			return failed("alternative %s for %s not registered; not removing", args[1], name)
		}
		err = withdraw(c, name, args[1])
	case "--remove-all":
		for _, a := range slices.Clone(g.choices) {
			if err = withdraw(c, name, a.Path); err != nil {
				break
			}
		}
	case "--auto", "--set":
		err = g.choose(c, action, args)
	case "--config":
		if len(g.choices) == 1 {
			c.Printf("There is only one alternative in link group %s (providing %s): %s\nNothing to configure.\n", name, g.choices[0].Link, g.choices[0].Path)
			return 0
		}
		err = g.ask(c)
	}
	if err != nil {
		return failed("%v", err)
	}
	return 0
}

// choose is --set and --auto.
func (g *group) choose(c *prog.Ctx, action string, args []string) error {
	was := g.current(c)
	old := g.find(was)
	a := g.best()
	mode := "auto"
	if action == "--set" {
		if a = g.find(args[1]); a == nil {
			return fmt.Errorf("alternative %s for %s not registered; not setting", args[1], g.name)
		}
		mode = "manual"
	}
	g.manual = mode == "manual"
	if a.Path != was {
		c.Printf("update-alternatives: using %s to provide %s (%s) in %s mode\n", a.Path, a.Link, g.name, mode)
		if err := g.install(c, a, old); err != nil {
			return err
		}
	}
	return g.write(c)
}

// ask is --config.
func (g *group) ask(c *prog.Ctx) error {
	current := g.current(c)
	best := g.best()
	c.Printf("There are %d choices for the alternative %s (providing %s).\n\n", len(g.choices), g.name, best.Link)
	w := len(best.Path)
	for _, a := range g.choices {
		w = max(w, len(a.Path))
	}
	c.Printf("  Selection    %-*s   Priority   Status\n%s\n", w, "Path", strings.Repeat("-", 60))
	row := func(here bool, n int, a debian.Alternative, mode string) {
		mark := ' '
		if here {
			mark = '*'
		}
		c.Printf("%c %-12d %-*s  % -10d  %s mode\n", mark, n, w, a.Path, a.Priority, mode)
	}
	row(!g.manual, 0, *best, "auto")
	for i, a := range g.choices {
		row(g.manual && a.Path == current, i+1, a, "manual")
	}
	c.Print("\nPress <enter> to keep the current choice[*], or type selection number: ")
	c.Out.Flush()
	line, _ := c.In.ReadString('\n')
	n, err := strconv.Atoi(strings.TrimSpace(line))
	switch {
	case err != nil || n < 0 || n > len(g.choices):
		return nil
	case n == 0:
		return g.choose(c, "--auto", nil)
	}
	return g.choose(c, "--set", []string{g.name, g.choices[n-1].Path})
}

func (g *group) mode() string {
	if g.manual {
		return "manual"
	}
	return "auto"
}

func (g *group) display(c *prog.Ctx) {
	best := g.best()
	c.Printf("%s - %s mode\n  link best version is %s\n  link currently points to %s\n  link %s is %s\n", g.name, g.mode(), best.Path, g.current(c), g.name, best.Link)
	seen := map[string]bool{}
	for _, a := range g.choices {
		for _, s := range a.Slaves {
			if !seen[s.Name] {
				seen[s.Name] = true
				c.Printf("  slave %s is %s\n", s.Name, s.Link)
			}
		}
	}
	for _, a := range g.choices {
		c.Printf("%s - priority %d\n", a.Path, a.Priority)
		for _, s := range a.Slaves {
			c.Printf("  slave %s: %s\n", s.Name, s.Path)
		}
	}
}

func (g *group) query(c *prog.Ctx) {
	best := g.best()
	slaves := func(a []debian.Slave, value func(s debian.Slave) string) {
		if len(a) > 0 {
			c.Print("Slaves:\n")
		}
		for _, s := range a {
			c.Printf(" %s %s\n", s.Name, value(s))
		}
	}
	c.Printf("Name: %s\nLink: %s\n", g.name, best.Link)
	slaves(best.Slaves, func(s debian.Slave) string { return s.Link })
	c.Printf("Status: %s\nBest: %s\nValue: %s\n", g.mode(), best.Path, g.current(c))
	for _, a := range g.choices {
		c.Printf("\nAlternative: %s\nPriority: %d\n", a.Path, a.Priority)
		slaves(a.Slaves, func(s debian.Slave) string { return s.Path })
	}
}

// selections is --get-selections.
func selections(c *prog.Ctx) int {
	entries, err := c.ReadDir(alternativesDir)
	if err != nil {
		return 0
	}
	for _, e := range entries {
		g, err := readGroup(c, e.Name)
		if err != nil || g == nil {
			continue
		}
		c.Printf("%-30s %-8s %s\n", g.name, g.mode(), g.current(c))
	}
	return 0
}

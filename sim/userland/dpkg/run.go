package dpkg

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"github.com/dockerlab/dockerlab/sim/catalog/debian"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// Force are dpkg's --force options that have an effect here.
type Force struct {
	Confold, Confnew, Confdef, Confmiss bool
	Depends, Overwrite                  bool
	RemoveEssential                     bool
}

// Run is one call of dpkg, which changes the database. What it prints goes to the streams of its
// program.
type Run struct {
	*Database
	Facts Facts
	Force Force
	// AutoDeconfigure lets an unpacking take away what it conflicts with, if that is to go.
	AutoDeconfigure bool

	// Action is what the user asked for, where that is more than one thing: "install".
	Action string
	// Watched says that what is printed goes to a terminal, the one that apt gives dpkg or another.
	Watched bool

	failed   []string        // in the processing of which there were errors
	counted  bool            // "Reading database" was said
	pending  []string        // packages with triggers to be processed, in the order of their hashes
	excludes []exclude       // path-exclude and path-include of the configuration
	who      map[uint32]user // what recorded numbers of users and groups are here
	groups   map[uint32]uint32
}

// NewRun begins a call of dpkg.
func NewRun(d *Database, facts Facts) *Run {
	r := &Run{Database: d, Facts: facts, Watched: d.c.Isatty(1)}
	r.configure()
	return r
}

// fail says what went wrong with a package, or with its file.
func (r *Run) fail(what, how, format string, args ...any) {
	r.c.Errorf("dpkg: error processing %s %s (--%s):\n %s\n", kind(what), what, cmp.Or(r.Action, how), fmt.Sprintf(format, args...))
	r.failed = append(r.failed, what)
}

func kind(what string) string {
	if strings.Contains(what, "/") || strings.HasSuffix(what, ".deb") {
		return "archive"
	}
	return "package"
}

// Finish writes the database, and reports whether all went well.
func (r *Run) Finish() bool {
	if err := r.Save(); err != nil {
		r.c.Errorf("dpkg: error: failed to write to '%s/status': %v\n", database, err)
		return false
	}
	if len(r.failed) > 0 {
		r.c.Errorf("Errors were encountered while processing:\n")
		for _, f := range r.failed {
			r.c.Errorf(" %s\n", f)
		}
	}
	return len(r.failed) == 0
}

// count says how many files there are, once.
func (r *Run) count() {
	if r.counted {
		return
	}
	r.counted = true
	r.c.Print("(Reading database ... ")
	// A terminal shows how far it is, in steps of five of a hundred packages.
	for at := 5; r.Watched && at <= 100; at += 5 {
		r.c.Printf("\r(Reading database ... %d%%", at)
	}
	if r.Watched {
		r.c.Print("\r(Reading database ... ")
	}
	r.c.Printf("%d files and directories currently installed.)\n", r.Count())
}

// summarize is a file's name as dpkg shows it: of a long one, what is behind a slash.
func summarize(name string) string {
	short := name
	for len(short) > 30 {
		_, rest, ok := strings.Cut(short, "/")
		if !ok {
			break
		}
		short = rest
	}
	if short != name {
		return ".../" + short
	}
	return name
}

// hashOrder is the order in which dpkg goes through packages: that of its hash table.
func hashOrder(a, b string) int {
	const bins = 65521
	hash := func(s string) uint32 {
		h := fnv.New32a()
		h.Write([]byte(s))
		return h.Sum32() % bins
	}
	return cmp.Or(cmp.Compare(hash(a), hash(b)), cmp.Compare(a, b))
}

// met says that a relation holds among packages of which ok is true.
func (r *Run) met(rel debian.Relation, ok func(p *Package) bool) bool {
	if p := r.packages[rel.Name]; p != nil && ok(p) && rel.Holds(p.Version()) {
		return true
	}
	for _, p := range r.packages {
		if ok(p) && provides(p, rel) {
			return true
		}
	}
	return false
}

// deferral is what keeps a package from being configured.
type deferral int

const (
	ready deferral = iota
	later          // what it depends on will be configured
	never
)

// dependencies looks what of a package's dependencies is not configured. The texts say why never.
func (r *Run) dependencies(p *Package, queued map[string]bool, cycles bool) (deferral, []string) {
	configured := func(q *Package) bool {
		return q.State == Installed || q.State == "triggers-pending" || q.State == "triggers-awaited" || q == p
	}
	coming := func(q *Package) bool { return queued[q.Name()] }
	result := ready
	var why []string
	for _, field := range []string{"Depends", "Pre-Depends"} {
		for _, clause := range debian.ParseRelations(p.Get(field)) {
			if slices.ContainsFunc(clause, func(rel debian.Relation) bool { return r.met(rel, configured) }) {
				continue
			}
			if slices.ContainsFunc(clause, func(rel debian.Relation) bool { return r.met(rel, coming) }) {
				if cycles {
					continue // the cycle is broken here
				}
				result = max(result, later)
				continue
			}
			result = never
			var names []string
			for _, rel := range clause {
				names = append(names, rel.String())
			}
			text := fmt.Sprintf(" %s depends on %s; however:\n", p.Shown(), strings.Join(names, " | "))
			for _, rel := range clause {
				switch q := r.packages[rel.Name]; {
				case q == nil || q.State == "not-installed":
					text += fmt.Sprintf("  Package %s is not installed.\n", rel.Name)
				case q.State == ConfigFiles:
					text += fmt.Sprintf("  Package %s is not installed.\n", q.Shown())
				case !rel.Holds(q.Version()):
					text += fmt.Sprintf("  Version of %s on system is %s.\n", q.Shown(), q.Version())
				default:
					text += fmt.Sprintf("  Package %s is not configured yet.\n", q.Shown())
				}
			}
			why = append(why, text)
		}
	}
	return result, why
}

// ConfigureAll configures packages, of which names are given, or all that wait for it, each after
// those that it depends on as far as that is possible.
func (r *Run) ConfigureAll(names []string) {
	var queue []string
	if names == nil {
		for name, p := range r.packages {
			if p.State == Unpacked || p.State == HalfConfigured {
				queue = append(queue, name)
			}
		}
		slices.SortFunc(queue, hashOrder)
	} else {
		queue = slices.Clone(names)
	}
	queued := map[string]bool{}
	for _, name := range queue {
		queued[name] = true
	}
	idle, cycles := 0, false
	for len(queue) > 0 {
		r.c.Step(20)
		name := queue[0]
		queue = queue[1:]
		p := r.packages[name]
		if p == nil || !p.There() {
			delete(queued, name)
			r.fail(name, "configure", "package %s is not installed, cannot configure", name)
			continue
		}
		if p.State == Installed {
			delete(queued, name)
			r.fail(p.Shown(), "configure", "package %s is already installed and configured", p.Shown())
			continue
		}
		state, why := r.dependencies(p, queued, cycles)
		if state == later && !r.Force.Depends {
			queue = append(queue, name)
			if idle++; idle > len(queue)+1 {
				cycles = true
			}
			continue
		}
		delete(queued, name)
		idle, cycles = 0, false
		if state == never && !r.Force.Depends {
			r.c.Errorf("dpkg: dependency problems prevent configuration of %s:\n%s\n", p.Shown(), strings.Join(why, ""))
			r.fail(p.Shown(), "configure", "dependency problems - leaving unconfigured")
			continue
		}
		r.Configure(p)
	}
}

// run carries out a script that a package brought, as a child in which it may do what it likes.
func (r *Run) run(p *Package, kind string, args ...string) error {
	file := info(p, kind)
	if _, err := r.c.Lstat(file); err != nil {
		return nil
	}
	env := append(slices.Clone(r.c.Env()), "DPKG_MAINTSCRIPT_PACKAGE="+p.Name(), "DPKG_MAINTSCRIPT_ARCH="+p.Get("Architecture"), "DPKG_MAINTSCRIPT_NAME="+kind,
		"DPKG_RUNNING_VERSION="+version, "DPKG_ADMINDIR="+database, "DPKG_ROOT=")
	r.c.Out.Flush()
	if err := r.Save(); err != nil {
		return err
	}
	status, err := r.c.Command(append([]string{file}, args...), env, nil)
	if err != nil {
		return fmt.Errorf("unable to execute installed %s package %s script (%s): %w", p.Shown(), kind, file, err)
	}
	if status.Signal != 0 {
		return fmt.Errorf("installed %s package %s script subprocess was killed by signal (%s)", p.Shown(), kind, status.Signal)
	}
	if status.Code != 0 {
		return fmt.Errorf("installed %s package %s script subprocess returned error exit status %d", p.Shown(), kind, status.Code)
	}
	// The script may have called dpkg's own programs.
	clear(r.lists)
	return nil
}

// facts are what the catalogue knows of an installed package; nil for one that somebody built.
func (r *Run) facts(p *Package) *debian.Package {
	f, err := r.Facts.Package(p.Name(), p.Version())
	if err != nil {
		return nil
	}
	return f
}

// exclude is a line path-exclude or path-include of dpkg's configuration.
type exclude struct {
	pattern string
	include bool
}

// configure reads dpkg's configuration.
func (r *Run) configure() {
	files := []string{"/etc/dpkg/dpkg.cfg"}
	if entries, err := r.c.ReadDir("/etc/dpkg/dpkg.cfg.d"); err == nil {
		for _, e := range entries {
			files = append(files, "/etc/dpkg/dpkg.cfg.d/"+e.Name)
		}
	}
	for _, file := range files {
		b, err := r.c.ReadFile(file)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(b)) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			if value == "" {
				name, value, _ = strings.Cut(name, " ")
			}
			switch name = strings.TrimSpace(name); {
			case name == "path-exclude" || name == "path-include":
				r.excludes = append(r.excludes, exclude{strings.Trim(strings.TrimSpace(value), `"`), name == "path-include"})
			case strings.HasPrefix(name, "force-"):
				r.Force.Add(strings.TrimPrefix(name, "force-"))
			}
		}
	}
}

// forces are the names of what can be forced, and whether that has an effect here.
var forces = map[string]func(f *Force) *bool{
	"confold": func(f *Force) *bool { return &f.Confold }, "confnew": func(f *Force) *bool { return &f.Confnew },
	"confdef": func(f *Force) *bool { return &f.Confdef }, "confmiss": func(f *Force) *bool { return &f.Confmiss },
	"depends": func(f *Force) *bool { return &f.Depends }, "overwrite": func(f *Force) *bool { return &f.Overwrite },
	"remove-essential": func(f *Force) *bool { return &f.RemoveEssential },
	// The rest changes nothing in a lab: there is no cache to be flushed, no other architecture.
	"unsafe-io": nil, "not-root": nil, "bad-path": nil, "architecture": nil, "script-chrootless": nil, "security-mac": nil, "statoverride-add": nil,
	"statoverride-remove": nil, "downgrade": nil, "depends-version": nil, "breaks": nil, "conflicts": nil, "configure-any": nil, "hold": nil,
	"remove-reinstreq": nil, "remove-protected": nil, "overwrite-dir": nil, "overwrite-diverted": nil, "confask": nil, "bad-verify": nil, "bad-version": nil,
}

// Add sets what is named; false if dpkg knows no such thing.
func (f *Force) Add(names string) bool {
	for name := range strings.SplitSeq(names, ",") {
		if name == "all" {
			*f = Force{Confmiss: false, Depends: true, Overwrite: true, RemoveEssential: true}
			continue
		}
		at, ok := forces[name]
		if !ok {
			return false
		}
		if at != nil {
			*at(f) = true
		}
	}
	return true
}

// root says that the program may change the system.
func root(c *prog.Ctx) bool { return c.Cred().UID == 0 }

// exists says that something is at a path, a symbolic link or not.
func (r *Run) exists(name string) bool {
	_, err := r.c.Lstat(name)
	return err == nil
}

// errno is an error as strerror words it.
func errno(err error) string {
	if e, ok := err.(linux.Errno); ok {
		return e.Error()
	}
	return err.Error()
}

// Wants notes what somebody wants of a package that is known: "install", "hold", "deinstall".
func (r *Run) Wants(name, want string) {
	p := r.packages[name]
	switch {
	case p == nil && want == "hold":
		r.packages[name] = &Package{Control: debian.Control{{Name: "Package", Value: name}, {Name: "Architecture", Value: Architecture}}, Want: want, Flag: "ok", State: "not-installed"}
		r.changed = true
	case p != nil && p.Want != want:
		p.Want = want
		r.changed = true
	}
}

// Inherit takes over the triggers that an earlier call left.
func (r *Run) Inherit(before *Run) {
	for _, name := range before.pending {
		if !slices.Contains(r.pending, name) {
			r.pending = append(r.pending, name)
		}
	}
}

// Purgeable are those of names that left their configuration, in dpkg's order.
func (r *Run) Purgeable(names []string) []string {
	var all []string
	for _, name := range names {
		if p := r.packages[name]; p != nil && p.State == ConfigFiles {
			all = append(all, name)
		}
	}
	slices.SortFunc(all, hashOrder)
	return all
}

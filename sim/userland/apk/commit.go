package apk

import (
	"crypto/sha1"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/dockerlab/dockerlab/sim/catalog/alpine"
	"github.com/dockerlab/dockerlab/sim/catalog/manifest"
	"github.com/dockerlab/dockerlab/sim/fnmatch"
	"github.com/dockerlab/dockerlab/sim/layer"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/unpack"
)

// commit solves what is asked for and makes it so; it gives the exit code.
func (s *session) commit(q request) int {
	if !s.tagsExist(q.world) {
		return -1
	}
	solution := s.db.solve(q)
	changes := s.db.order(q, solution)
	if solution.errors > 0 {
		if s.forceBroken && s.dropBroken(&q, solution) {
			return s.commit(q)
		}
		s.report(q, solution, changes)
		return solution.errors
	}
	return s.apply(q.world, changes)
}

// tagsExist says that a repository has each tag that the world names.
func (s *session) tagsExist(world []alpine.Dependency) bool {
	ok := true
	for _, d := range world {
		if d.Tag != "" && !slices.ContainsFunc(s.db.repos, func(r repository) bool { return r.tag == d.Tag }) {
			s.warn("The repository tag for world dependency '%s@%s' does not exist", d.Name, d.Tag)
			ok = false
		}
	}
	if ok || s.forceBroken {
		return true
	}
	option := "--force-broken-world"
	if !s.since("2.10.0") {
		option = "--force"
	}
	s.fail("Not committing changes due to missing repository tags. Use %s to override.", option)
	return false
}

// dropBroken takes what cannot be had out of the world; it reports whether there was something.
func (s *session) dropBroken(q *request, solution *solution) bool {
	before := len(q.world)
	q.world = slices.DeleteFunc(slices.Clone(q.world), func(d alpine.Dependency) bool {
		c := solution.chosen[d.Name]
		return !d.Conflict && (c == nil || solution.broken[c])
	})
	return len(q.world) < before
}

// running is changes on their way.
type running struct {
	*session
	changed map[string]bool       // directories whose content has changed
	fresh   map[*candidate]bool   // packages that were installed in this run
	owners  map[string]*candidate // by path without a slash before it
	progress
}

// apply makes changes, and the world what it is then.
func (s *session) apply(world []alpine.Dependency, changes []change) int {
	r := &running{session: s, changed: map[string]bool{}, fresh: map[*candidate]bool{}}
	total := 0
	for _, c := range changes {
		if c.does() {
			total++
			r.progress.add(c)
		}
	}
	if (s.verbosity > 1 || s.interactive) && !s.simulate && !s.announce(changes) {
		return -1
	}
	errors, n := 0, 0
	for i, c := range changes {
		if !c.does() {
			if c.old.installed.Broken != "" {
				errors++
			}
			continue
		}
		n++
		s.say(n, total, c)
		r.progress.show(r.session, 0)
		if !s.simulate && !r.one(&changes[i]) {
			errors++
		}
		r.progress.done(c)
	}
	if total > 0 {
		r.progress.show(r.session, 0)
	}
	if !s.simulate {
		errors += r.triggers(changes)
		s.db.world = world
		if err := s.db.write(); err != nil {
			s.fail("%s", why(err))
			return 1
		}
	}
	result := "OK:"
	if errors > 0 {
		result = fmt.Sprintf("%d error%s;", errors, map[bool]string{true: "s"}[errors > 1 || !s.since("2.10.0")])
	}
	packages, dirs, files, bytes := s.db.count()
	if s.verbosity > 1 {
		s.message("%s %d packages, %d dirs, %d files, %d MiB", result, packages, dirs, files, bytes>>20)
	} else {
		s.message("%s %d MiB in %d packages", result, bytes>>20, packages)
	}
	return errors
}

// count is what is installed.
func (db *database) count() (packages, dirs, files int, bytes int64) {
	seen := map[string]bool{"": true} // the root is everybody's
	dirs = 1
	for _, c := range db.installed {
		packages++
		bytes += c.InstalledSize
		for _, d := range c.installed.Owned {
			if !seen[d.Name] {
				seen[d.Name] = true
				dirs++
			}
			files += len(d.Files)
		}
	}
	return packages, dirs, files, bytes
}

// say tells what a change is.
func (s *session) say(n, total int, c change) {
	tag := ""
	for _, d := range s.db.world {
		if d.Name == c.name() && d.Tag != "" {
			tag = "@" + d.Tag
		}
	}
	what, version := "", ""
	switch {
	case c.old == nil:
		what, version = "Installing", c.new.Version
	case c.new == nil:
		what, version = "Purging", c.old.Version
	case c.new == c.old:
		what, version = "Reinstalling", c.new.Version
		if len(c.new.repos) == 0 {
			what = "[APK unavailable, skipped] Reinstalling"
		}
	default:
		what, version = "Replacing", c.old.Version+" -> "+c.new.Version
		if order := alpine.Compare(c.new.Version, c.old.Version); order < 0 {
			what = "Downgrading"
		} else if order > 0 {
			what = "Upgrading"
		}
	}
	s.message("(%d/%d) %s %s%s (%s)", n, total, what, c.name(), tag, version)
}

// announce tells beforehand what will change, and asks, with -i; it reports whether to go on.
func (s *session) announce(changes []change) bool {
	said := 0
	list := func(title string, is func(change) bool) {
		in := indent{s: s, at: 2}
		first := true
		for _, c := range changes {
			if !is(c) {
				continue
			}
			if first {
				s.c.Printf("%s:\n", title)
			}
			first = false
			in.word(c.name())
			said++
		}
		if !first {
			s.c.Print("\n")
		}
	}
	older := func(c change) int { return alpine.Compare(c.new.Version, c.old.Version) }
	list("The following packages will be REMOVED", func(c change) bool { return c.new == nil })
	list("The following packages will be DOWNGRADED", func(c change) bool { return c.new != nil && c.old != nil && older(c) < 0 })
	if said == 0 && !s.interactive && s.verbosity <= 2 {
		return true
	}
	list("The following NEW packages will be installed", func(c change) bool { return c.old == nil })
	list("The following packages will be upgraded", func(c change) bool { return c.new != nil && c.old != nil && c.new != c.old && older(c) >= 0 })
	if s.since("2.10.0") {
		list("The following packages will be reinstalled", func(c change) bool { return c.reinstall })
	}
	var used, download int64
	for _, c := range changes {
		if c.new != nil {
			used += c.new.InstalledSize
			if c.new != c.old {
				download += c.new.Size
			}
		}
		if c.old != nil {
			used -= c.old.InstalledSize
		}
	}
	if s.since("2.12.0") && download > 0 {
		s.c.Printf("Need to download %s of packages.\n", human(download))
	}
	what := "additional disk space will be used"
	if used < 0 {
		what = "disk space will be freed"
		used = -used
	}
	if s.since("2.12.0") {
		s.c.Printf("After this operation, %s of %s.\n", human(used), what)
	} else if kib := used / 1024; kib > 10000 {
		s.c.Printf("After this operation, %d MiB of %s.\n", kib/1024, what)
	} else {
		s.c.Printf("After this operation, %d KiB of %s.\n", kib, what)
	}
	if said > 0 && s.interactive {
		s.c.Print("Do you want to continue [Y/n]? ")
		s.c.Out.Flush()
		var b [1]byte
		n, _ := s.c.Proc.Read(0, b[:])
		return n == 1 && strings.Contains("yY\n", string(b[:]))
	}
	return true
}

// human is a size in a unit that leaves four digits at most.
func human(n int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	i := 0
	for ; n >= 10000 && i < len(units)-1; i++ {
		n /= 1024
	}
	return fmt.Sprintf("%d %s", n, units[i])
}

// one makes one change; it reports whether that went well.
func (r *running) one(c *change) bool {
	if c.new == nil {
		r.script(c.old, "pre-deinstall", c.old.Version)
		r.removeFiles(c.old, nil)
		r.script(c.old, "post-deinstall", c.old.Version)
		r.db.forget(c.old)
		return true
	}
	if c.reinstall && len(c.new.repos) == 0 {
		return true
	}
	release := ""
	for _, i := range c.new.repos {
		release = r.db.repos[i].release()
	}
	contents, err := r.repositories.AlpineContents(release, c.new.Package)
	if c.new.virtual {
		contents, err = new(alpine.Contents), nil
	}
	if err == nil && c.new.InstalledSize > 0 {
		err = r.fetchPackage(c.new)
	}
	if err != nil {
		r.fail("%s: %s", c.new.Package, why(err))
		return false
	}
	i := &alpine.Installed{Package: c.new.Package, Contents: contents}
	for _, d := range r.db.world {
		if d.Name == c.new.Name {
			i.Tag = d.Tag
		}
	}
	before, after, args := "pre-install", "post-install", []string{c.new.Version}
	if c.old != nil {
		before, after, args = "pre-upgrade", "post-upgrade", []string{c.new.Version, c.old.Version}
	}
	was := c.old
	next := &candidate{Package: c.new.Package, installed: i, repos: c.new.repos, virtual: c.new.virtual}
	if !r.script(next, before, args...) {
		i.Broken = "s"
	}
	if err := r.unpack(next, was); err != nil {
		r.fail("%s: %s", c.new.Package, why(err))
		i.Broken = "f"
	}
	if was != nil {
		r.removeFiles(was, i)
	}
	r.db.replace(was, next)
	c.new = next
	r.fresh[next] = true
	if !r.script(next, after, args...) {
		i.Broken = "s"
	}
	return i.Broken == ""
}

// forget takes a package out of what is installed.
func (db *database) forget(c *candidate) {
	db.installed = slices.DeleteFunc(db.installed, func(other *candidate) bool { return other == c })
}

// replace puts a package at the end of what is installed, and takes its old version out.
func (db *database) replace(old, next *candidate) {
	db.installed = append(db.installed, next)
	if old != nil {
		db.forget(old)
	}
}

// fetchPackage asks for the file of a package, which may be kept.
func (r *running) fetchPackage(c *candidate) error {
	if len(c.repos) == 0 || r.noNetwork {
		return nil
	}
	return r.retrieve(c, "")
}

// unpack lays down the files of a package.
func (r *running) unpack(c, old *candidate) error {
	if r.owners == nil {
		r.owners = map[string]*candidate{}
		for _, other := range r.db.installed {
			for _, d := range other.installed.Owned {
				for _, f := range d.Files {
					r.owners[path.Join(d.Name, f.Name)] = other
				}
			}
		}
	}
	i := c.installed
	if c.InstalledSize == 0 {
		return nil
	}
	content := func(e manifest.Entry) (layer.Content, error) { return r.repositories.FileContent(e, r.familyOf(e)) }
	var failed error
	laid := i.Files[:0:0]
	for _, e := range i.Files {
		name := strings.TrimPrefix(e.Path, "/")
		if e.Mode.IsDir() {
			r.changed[e.Path] = true
		} else {
			r.changed[path.Dir(e.Path)] = true
			if other := r.owners[name]; other != nil && other != old && other.Name != c.Name && (other.Origin == "" || other.Origin != c.Origin) && !replaces(i, other) && !replaces(other.installed, c) {
				if !r.forceOverwrite {
					r.fail("%s: trying to overwrite %s owned by %s.", c.Package, name, other.Package)
					failed = errOverwrite
					continue
				}
				r.warn("%s: overwriting %s owned by %s.", c.Package, name, other.Package)
			} else if other != nil && other.Name != c.Name && other.Origin != c.Origin && !replaces(i, other) {
				continue // the other one's stays
			}
			if other := r.owners[name]; other != nil && other.Name != c.Name {
				disown(other.installed, name)
			}
			r.owners[name] = c
		}
		laid = append(laid, e)
		at := e
		at.Path = r.path(e.Path)
		if e.HardLink() {
			at.Target = r.path(e.Target)
		}
		if !e.Mode.IsDir() && r.edited(e, old) {
			at.Path += ".apk-new"
		}
		if err := unpack.Entry(r.c, at, content); err != nil && err != linux.EISDIR {
			return err
		}
	}
	i.Files = laid
	var err error
	i.Owned, err = alpine.Own(i.Files, func(e manifest.Entry) (string, error) {
		if e.Mode.Type() == linux.S_IFLNK {
			return alpine.LinkChecksum(e.Target), nil
		}
		of := e
		if e.HardLink() {
			for _, f := range i.Files {
				if f.Path == e.Target {
					of = f
				}
			}
		}
		what, err := content(of)
		if err != nil {
			return "", err
		}
		return checksum(layer.NewReader(what))
	})
	if failed != nil {
		return failed
	}
	return err
}

// errOverwrite is for files that belong to somebody else; apk words it as an I/O error does.
var errOverwrite = linux.EEXIST

func checksum(r io.Reader) (string, error) {
	h := sha1.New()
	if _, err := io.Copy(h, r); err != nil {
		return "", err
	}
	return alpine.Checksum(h.Sum(nil)), nil
}

// familyOf is the family of a program: Busybox's and apk are Alpine's own.
func (r *running) familyOf(e manifest.Entry) string {
	switch name, _, _ := strings.Cut(e.Program, " "); name {
	case "busybox", "apk", "ssl_client":
		return "alpine"
	}
	return "gnu"
}

// replaces says that a package may overwrite another's files.
func replaces(i *alpine.Installed, c *candidate) bool {
	return slices.ContainsFunc(i.Replaces, func(d alpine.Dependency) bool { return c.Satisfies(d) })
}

// disown takes a file from a package.
func disown(i *alpine.Installed, name string) {
	for j := range i.Owned {
		d := &i.Owned[j]
		d.Files = slices.DeleteFunc(d.Files, func(f alpine.OwnedFile) bool { return path.Join(d.Name, f.Name) == name })
	}
}

// edited says that somebody has changed a file of configuration, so that a new one is laid beside it.
func (r *running) edited(e manifest.Entry, old *candidate) bool {
	if !strings.HasPrefix(e.Path, "/etc/") || strings.HasPrefix(e.Path, "/etc/apk/") || r.flags["clean-protected"] {
		return false
	}
	at := r.path(e.Path)
	st, err := r.c.Lstat(at)
	if err != nil || !st.Mode.IsRegular() {
		return false
	}
	have, err := r.sum(at)
	if err != nil {
		return false
	}
	if old != nil {
		for _, d := range old.installed.Owned {
			for _, f := range d.Files {
				if "/"+path.Join(d.Name, f.Name) == e.Path {
					return f.Sum != have
				}
			}
		}
	}
	what, err := r.repositories.FileContent(e, "gnu")
	if err != nil {
		return true
	}
	sum, err := checksum(layer.NewReader(what))
	return err != nil || sum != have
}

// sum is the checksum of a file of the system.
func (s *session) sum(name string) (string, error) {
	if st, err := s.c.Lstat(name); err == nil && st.Mode.Type() == linux.S_IFLNK {
		target, err := s.c.Readlink(name)
		return alpine.LinkChecksum(target), err
	}
	f, err := s.c.OpenFile(name, linux.O_RDONLY, 0)
	if err != nil {
		return "", err
	}
	defer f.Close()
	return checksum(f)
}

// removeFiles removes the files of a package, but for those that next has too, and configuration
// that somebody has changed.
func (r *running) removeFiles(c *candidate, next *alpine.Installed) {
	stays := map[string]bool{}
	if next != nil {
		for _, e := range next.Files {
			stays[strings.TrimPrefix(e.Path, "/")] = true
		}
	}
	for _, d := range c.installed.Owned {
		r.changed["/"+d.Name] = true
		for _, f := range d.Files {
			name := path.Join(d.Name, f.Name)
			if stays[name] {
				continue
			}
			delete(r.owners, name)
			at := r.path("/" + name)
			if strings.HasPrefix(name, "etc/") && !strings.HasPrefix(name, "etc/apk/") && !r.purge {
				if have, err := r.sum(at); err != nil || have != f.Sum {
					continue
				}
			}
			r.c.Unlink(at)
		}
	}
	for _, d := range slices.Backward(c.installed.Owned) {
		if d.Name == "" || stays[d.Name] || r.shared(c, d.Name) {
			continue
		}
		r.c.Rmdir(r.path("/" + d.Name))
	}
}

// shared says that another package has a directory too.
func (r *running) shared(c *candidate, name string) bool {
	for _, other := range r.db.installed {
		if other != c && slices.ContainsFunc(other.installed.Owned, func(d alpine.Dir) bool { return d.Name == name }) {
			return true
		}
	}
	return false
}

// script runs a script of a package, if it has one; it reports whether that went well.
func (r *running) script(c *candidate, when string, args ...string) bool {
	text, ok := c.installed.Scripts[when]
	if !ok || r.noScripts {
		return true
	}
	shown := c.String() + "." + when
	r.message("Executing %s", shown)
	r.c.Out.Flush()
	file := alpine.DatabaseDir[:len("/lib/apk")] + "/exec/" + c.ScriptFile(when)
	at := r.path(file)
	if err := unpack.Parents(r.c, at); err != nil {
		r.fail("%s: failed to execute: %s", shown, why(err))
		return false
	}
	r.c.Unlink(at)
	if err := r.c.WriteFile(at, []byte(text), 0o755); err != nil {
		r.fail("%s: failed to execute: %s", shown, why(err))
		return false
	}
	defer r.c.Unlink(at)
	umask := r.c.Umask(0o022)
	defer r.c.Umask(umask)
	st, err := r.c.Command(append([]string{at}, args...), []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, nil)
	if err != nil {
		r.fail("%s: failed to execute: %s", shown, why(err))
		return false
	}
	if st.Code != 0 {
		r.fail("%s: script exited with error %d", c.ScriptFile(when), st.Code)
		return false
	}
	return true
}

// triggers runs the triggers of packages whose directories have changed; it gives how many failed.
func (r *running) triggers(changes []change) (failed int) {
	if len(r.changed) == 0 {
		return 0
	}
	for _, ch := range changes {
		c := ch.new
		if c == nil || c.installed == nil || len(c.installed.Triggers) == 0 {
			continue
		}
		var fired []string
		for _, dir := range r.directories(c) {
			if slices.ContainsFunc(c.installed.Triggers, func(pattern string) bool { return fnmatch.Match(pattern, dir, fnmatch.Pathname) }) {
				fired = append(fired, dir)
			}
		}
		if len(fired) > 0 && !r.script(c, "trigger", fired...) {
			failed++
		}
	}
	return failed
}

// directories are those that a trigger is told of: the changed ones, or, of a package that was
// installed just now, all that there are.
func (r *running) directories(c *candidate) []string {
	if !r.fresh[c] {
		dirs := make([]string, 0, len(r.changed))
		for d := range r.changed {
			dirs = append(dirs, d)
		}
		slices.Sort(dirs)
		return dirs
	}
	var dirs []string
	for _, other := range r.db.installed {
		for _, d := range other.installed.Owned {
			if d.Name != "" {
				dirs = append(dirs, "/"+d.Name)
			}
		}
	}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}

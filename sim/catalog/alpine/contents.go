package alpine

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/dockerlab/dockerlab/sim/catalog/manifest"
	"github.com/dockerlab/dockerlab/sim/linux"
)

// Contents is what a package holds.
type Contents struct {
	Files    []manifest.Entry
	Replaces []Dependency      // packages whose files it may overwrite
	Scripts  map[string]string // by when they run: "post-install"
	Triggers []string          // directories, as patterns, whose change runs the script "trigger"
}

// known is what a release knows of a package's files.
type known struct {
	files    []manifest.Entry
	replaces []Dependency
}

// ScriptNames are when a script of a package may run.
var ScriptNames = []string{"pre-install", "post-install", "pre-deinstall", "post-deinstall", "pre-upgrade", "post-upgrade", "trigger"}

// like310 is the release of which the files of most packages are known; another one's are called
// alike, but for libraries.
const like310 = "v3.10"

// Contents puts together what a package of a release holds: the files that are recorded of it, here
// or in another release; the programs, libraries and pkg-config files that it provides; and those of
// the packages of Debian that are made of the same source. Their sizes add up to the package's own.
func (d *Distribution) Contents(release string, p *Package) (*Contents, error) {
	c := &Contents{Scripts: map[string]string{}}
	for _, dir := range []string{"scripts/", "scripts/" + release + "/"} {
		for _, name := range ScriptNames {
			b, err := fs.ReadFile(d.fsys, dir+p.Name+"."+name)
			if err == nil {
				c.Scripts[name] = string(b)
			} else if !errors.Is(err, fs.ErrNotExist) {
				return nil, fmt.Errorf("alpine: %w", err)
			}
		}
	}
	fires, err := d.fires()
	if err != nil {
		return nil, err
	}
	if c.Scripts["trigger"] != "" {
		c.Triggers = fires[p.Name]
	}
	if p.InstalledSize == 0 {
		return c, nil
	}
	own, err := d.known(release, p.Name)
	if err != nil {
		return nil, err
	}
	if own != nil {
		c.Files, c.Replaces = slices.Clone(own.files), own.replaces
		fill(c.Files, p.InstalledSize)
		return c, nil
	}
	l := layout{at: map[string]*manifest.Entry{}, time: p.Built}
	if other, err := d.known(like310, p.Name); err != nil {
		return nil, err
	} else if other != nil {
		c.Replaces = other.replaces
		for _, e := range other.files {
			if !isLibrary(e.Path) {
				l.put(e)
			}
		}
	} else if p.InstalledSize > metaSize {
		if err := d.afterDebian(release, &l, p); err != nil {
			return nil, err
		}
	}
	l.provides(p)
	for _, name := range l.commands {
		// A program that two packages have is one that either may overwrite; the index does not say so.
		others, err := d.having(release, "cmd:"+name)
		if err != nil {
			return nil, err
		}
		for _, other := range others {
			if other != p.Name && !slices.ContainsFunc(c.Replaces, func(r Dependency) bool { return r.Name == other }) {
				c.Replaces = append(c.Replaces, Dependency{Name: other})
			}
		}
	}
	if p.InstalledSize > metaSize && !l.large() {
		// Nothing of any size is known.
		rest := manifest.Entry{Path: path.Join("/usr/share", p.Name, "data"), Mode: linux.S_IFREG | 0o644, Kind: manifest.Binary}
		if stem, dev := strings.CutSuffix(p.Name, "-dev"); dev {
			rest.Path, rest.Kind, rest.Size = path.Join("/usr/include", stem+".h"), manifest.Text, 2*small
		}
		l.put(rest)
	}
	c.Files = l.files()
	fit(c.Files, p.InstalledSize)
	return c, nil
}

// metaSize is what packages without files are said to take.
const metaSize = 4096

// known reads what the release knows of the files of a package, nil for nothing.
func (d *Distribution) known(release, name string) (*known, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	all, ok := d.files[release]
	if !ok {
		b, err := fs.ReadFile(d.fsys, release+"/files")
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("alpine: %w", err)
		}
		all = map[string]known{}
		for block := range strings.SplitSeq(string(b), "\n\n") {
			var k known
			var of string
			for line := range strings.Lines(block) {
				line = strings.TrimSuffix(line, "\n")
				switch {
				case strings.HasPrefix(line, "P:"):
					of = line[2:]
				case strings.HasPrefix(line, "r:"):
					k.replaces = ParseDependencies(line[2:])
				case line != "":
					e, err := manifest.Parse(line)
					if err != nil {
						return nil, fmt.Errorf("alpine: %s/files: %w", release, err)
					}
					k.files = append(k.files, e)
				}
			}
			all[of] = k
		}
		d.files[release] = all
	}
	if k, ok := all[name]; ok {
		return &k, nil
	}
	return nil, nil
}

// layout is the files of a package as they come together.
type layout struct {
	at       map[string]*manifest.Entry
	time     int64
	commands []string // programs that the package has by another release's index
}

// put adds a file, if none is there, and the directories above it.
func (l *layout) put(e manifest.Entry) {
	if l.at[e.Path] != nil {
		return
	}
	if !e.Mode.IsDir() && e.Time == 0 {
		e.Time = l.time
	}
	l.at[e.Path] = &e
	for dir := path.Dir(e.Path); dir != "/" && l.at[dir] == nil; dir = path.Dir(dir) {
		l.at[dir] = &manifest.Entry{Path: dir, Mode: linux.S_IFDIR | 0o755}
	}
}

// large says that some file is not small, or of unknown size.
func (l *layout) large() bool {
	for _, e := range l.at {
		if e.Mode.IsRegular() && (e.Size > small || e.Size == 0 && typical(e) > small) {
			return true
		}
	}
	return false
}

// files are all of them, a directory before what is in it, other names last.
func (l *layout) files() []manifest.Entry {
	all := make([]manifest.Entry, 0, len(l.at))
	for _, e := range l.at {
		all = append(all, *e)
	}
	slices.SortFunc(all, func(a, b manifest.Entry) int {
		if a.HardLink() != b.HardLink() {
			if a.HardLink() {
				return 1
			}
			return -1
		}
		return strings.Compare(a.Path, b.Path)
	})
	return all
}

// provides adds what the index says that the package provides: libraries with the links that their
// names are, programs, and descriptions for pkg-config.
func (l *layout) provides(p *Package) {
	for _, d := range p.Provides {
		kind, name, ok := strings.Cut(d.Name, ":")
		if !ok || strings.Contains(name, "/") {
			continue
		}
		switch kind {
		case "so":
			l.library(name, d.Version)
		case "pc":
			l.put(manifest.Entry{Path: "/usr/lib/pkgconfig/" + name + ".pc", Mode: linux.S_IFREG | 0o644, Size: 260, Kind: manifest.Text})
		case "cmd":
			l.program(name)
		}
	}
	for _, name := range l.commands {
		l.program(name)
	}
}

// program adds a program, if none of its name is there.
func (l *layout) program(name string) {
	if !slices.ContainsFunc(programDirs, func(dir string) bool { return l.at[dir+"/"+name] != nil }) {
		l.put(manifest.Entry{Path: "/usr/bin/" + name, Mode: linux.S_IFREG | 0o755, Kind: manifest.Program, Program: name})
	}
}

// released are the programs of the lab that behave as the version that they are of.
var released = map[string]bool{"node": true, "npm": true, "pip": true, "pip3": true, "python3": true, "go": true, "apk": true, "redis-server": true, "redis-cli": true}

// programDirs are where programs lie.
var programDirs = []string{"/usr/bin", "/bin", "/usr/sbin", "/sbin"}

// library adds a shared library by its name and version: libz.so.1 of version 1.2.8 is a link to
// libz.so.1.2.8.
func (l *layout) library(name, version string) {
	stem, _, ok := strings.Cut(name, ".so")
	file := stem + ".so." + version
	if ok && version != "" && strings.HasPrefix(file, name+".") {
		l.put(manifest.Entry{Path: "/usr/lib/" + name, Mode: linux.S_IFLNK | 0o777, Target: file})
	} else {
		file = name
	}
	l.put(manifest.Entry{Path: "/usr/lib/" + file, Mode: linux.S_IFREG | 0o755, Kind: manifest.Binary})
}

// isLibrary says that a path is that of a shared library which packages provide by its name.
func isLibrary(name string) bool {
	dir := path.Dir(name)
	return (dir == "/lib" || dir == "/usr/lib") && strings.Contains(path.Base(name), ".so")
}

// afterDebian adds the files of the packages of Debian that are made of the same source, where
// Alpine has them.
func (d *Distribution) afterDebian(release string, l *layout, p *Package) error {
	like, err := d.like()
	if err != nil {
		return err
	}
	names, ok := like[p.Name]
	if !ok {
		names = []string{p.Name}
		if rest, is := strings.CutPrefix(p.Name, "py3-"); is {
			names = append(names, "python3-"+rest)
		}
	}
	commands, err := d.commands(release, p)
	if err != nil {
		return err
	}
	for name := range commands {
		l.commands = append(l.commands, name)
	}
	slices.Sort(l.commands)
	dev := strings.HasSuffix(p.Name, "-dev")
	python, err := d.python(release, p)
	if err != nil {
		return err
	}
	moved := func(name string) string {
		return strings.NewReplacer("/x86_64-linux-gnu", "", "/dist-packages/", "/site-packages/", "/usr/lib/python3/", "/usr/lib/"+python+"/", debianPython, python, "python-3.11", "python-"+python[len("python"):]).Replace(name)
	}
	there := map[string]manifest.Entry{} // all that Debian has, by where it would lie
	var paths []string
	for _, name := range names {
		files, err := d.debian(name)
		if err != nil {
			return fmt.Errorf("alpine: the files of %s: %w", p.Name, err)
		}
		for _, e := range files {
			e.Path, e.Target = moved(e.Path), moved(e.Target)
			if _, ok := there[e.Path]; !ok {
				there[e.Path] = e
				paths = append(paths, e.Path)
			}
		}
	}
	kept := func(name string) bool {
		return !slices.Contains(programDirs, path.Dir(name)) || commands == nil || commands[path.Base(name)]
	}
	for _, name := range paths {
		e := there[name]
		if e.Mode.IsDir() || dropped(name, dev) || !kept(name) || python == python2 && strings.Contains(path.Base(name), "3") {
			continue
		}
		if e.Mode.Type() == linux.S_IFLNK && path.Dir(name) != "/usr/lib" {
			// A link to what is called otherwise in Alpine is that itself.
			end, ok := follow(there, e)
			if !ok {
				continue
			}
			if !kept(end.Path) {
				end.Path = name
				e = end
			}
		}
		e.UID, e.GID = 0, 0
		if released[e.Program] {
			version, _, _ := strings.Cut(p.Version, "-r")
			e.Program += " " + version
		}
		l.put(e)
	}
	// A link, or another name, whose file stayed behind goes too.
	for name, e := range l.at {
		target := e.Target
		if target != "" && !path.IsAbs(target) {
			target = path.Join(path.Dir(name), target)
		}
		if e.HardLink() && l.at[target] == nil {
			delete(l.at, name)
		}
	}
	return nil
}

// having are the names of the packages that provide something, here or in the release that most is
// known of.
func (d *Distribution) having(release, name string) ([]string, error) {
	var names []string
	for _, from := range []string{release, like310} {
		repositories, err := d.Repositories(from)
		if err != nil {
			return nil, err
		}
		for _, r := range repositories {
			for _, p := range r.Providers(name) {
				names = append(names, p.Name)
			}
		}
		if names != nil {
			break
		}
	}
	return names, nil
}

// commands are the programs that the index says the package has; nil where indexes do not say so
// yet, and none of a later release does.
func (d *Distribution) commands(release string, p *Package) (map[string]bool, error) {
	for _, from := range []string{release, like310} {
		repositories, err := d.Repositories(from)
		if err != nil {
			return nil, err
		}
		for _, r := range repositories {
			for _, q := range r.Providers(p.Name) {
				if q.Name != p.Name {
					continue
				}
				all := map[string]bool{}
				for _, own := range q.Provides {
					if name, ok := strings.CutPrefix(own.Name, "cmd:"); ok {
						all[name] = true
					}
				}
				if len(all) > 0 || from == like310 {
					return all, nil
				}
			}
		}
	}
	return nil, nil
}

// follow is what a link leads to in the end.
func follow(there map[string]manifest.Entry, e manifest.Entry) (manifest.Entry, bool) {
	for range 8 {
		if e.Mode.Type() != linux.S_IFLNK {
			return e, true
		}
		target := e.Target
		if !path.IsAbs(target) {
			target = path.Join(path.Dir(e.Path), target)
		}
		var ok bool
		if e, ok = there[target]; !ok {
			return e, false
		}
	}
	return e, false
}

// python2 is what the old Python is called.
const python2 = "python2.7"

// debianPython is the Python of Debian 12, by whose name its files are called.
const debianPython = "python3.11"

// python is what the Python that a package belongs to is called: "python3.5".
func (d *Distribution) python(release string, p *Package) (string, error) {
	if p.Name == "python" || strings.HasPrefix(p.Name, "python-") || strings.HasPrefix(p.Name, "python2") || strings.HasPrefix(p.Name, "py-") {
		return python2, nil
	}
	repositories, err := d.Repositories(release)
	if err != nil {
		return "", err
	}
	for _, r := range repositories {
		for _, q := range r.Providers("python3") {
			if q.Name == "python3" {
				major, rest, _ := strings.Cut(q.Version, ".")
				minor, _, _ := strings.Cut(rest, ".")
				return "python" + major + "." + minor, nil
			}
		}
	}
	return debianPython, nil
}

// dropped says that a file of Debian is in another package of Alpine, or in none.
func dropped(name string, dev bool) bool {
	for _, dir := range []string{"/usr/share/doc/", "/usr/share/man/", "/usr/share/locale/", "/usr/share/info/", "/usr/share/lintian/", "/usr/share/bash-completion/",
		"/usr/share/bug/", "/usr/share/menu/", "/usr/share/apport/", "/usr/share/doc-base/", "/usr/share/zsh/", "/etc/init.d/", "/etc/default/", "/etc/cron",
		"/lib/systemd/", "/usr/lib/systemd/", "/usr/lib/debug/", "/usr/lib/x86_64", "/etc/alternatives/", "/var/lib/dpkg/", "/usr/share/python3/", "/etc/logrotate.d/",
		"/usr/share/perl5/Debconf", "/usr/share/debconf", "/etc/apparmor.d/"} {
		if strings.HasPrefix(name, dir) {
			return true
		}
	}
	header := strings.HasPrefix(name, "/usr/include/") || strings.HasSuffix(name, ".pc") || strings.HasSuffix(name, ".m4") || strings.HasPrefix(name, "/usr/lib/cmake/")
	if dev {
		link := strings.HasSuffix(name, ".so") && path.Dir(name) == "/usr/lib"
		return !header && !link && !slices.Contains(programDirs, path.Dir(name)) && !strings.HasSuffix(name, ".o")
	}
	return strings.HasSuffix(name, ".a") || isLibrary(name)
}

// small is the size up to which a file is what it is, whatever its package's size: a script, a
// configuration file.
const small = 1024

// fit gives files sizes that add up to total: those that are not small share what is left in the
// proportion of what is known of them, or of what files of their kind are like.
func fit(files []manifest.Entry, total int64) {
	spread(files, total, func(size int64, _ bool) bool { return size <= small })
}

// fill is fit where sizes are recorded: only files of which none is known share what is left.
func fill(files []manifest.Entry, total int64) {
	spread(files, total, func(_ int64, known bool) bool { return known })
}

// spread gives files whose size is not known that of their kind, and lets those share total that do
// not keep theirs.
func spread(files []manifest.Entry, total int64, keeps func(size int64, known bool) bool) {
	var free []*manifest.Entry
	for i := range files {
		e := &files[i]
		if !e.Mode.IsRegular() {
			continue
		}
		known := e.Size != 0
		if !known {
			e.Size = typical(e)
		}
		if keeps(e.Size, known) {
			total -= e.Size
		} else {
			free = append(free, e)
		}
	}
	share(free, total)
}

// share divides total among files in the proportion of their sizes, if there is as much.
func share(files []*manifest.Entry, total int64) {
	var sum int64
	for _, e := range files {
		sum += e.Size
	}
	if sum == 0 || total <= 0 {
		return
	}
	rest := total
	for _, e := range files {
		e.Size = max(1, int64(float64(e.Size)*float64(total)/float64(sum)))
		rest -= e.Size
	}
	largest := slices.MaxFunc(files, func(a, b *manifest.Entry) int { return cmp.Compare(a.Size, b.Size) })
	largest.Size = max(1, largest.Size+rest)
}

// typical is the size of a file of which none is known, in bytes.
func typical(e *manifest.Entry) int64 {
	switch {
	case e.Kind == manifest.Program:
		return 60_000
	case e.Kind == manifest.Binary && isLibrary(e.Path):
		return 150_000
	case e.Kind == manifest.Binary:
		return 2000
	}
	return 400
}

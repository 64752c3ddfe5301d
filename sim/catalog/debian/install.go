package debian

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/dockerlab/dockerlab/sim/catalog/manifest"
	"github.com/dockerlab/dockerlab/sim/linux"
)

// Options is how packages are installed.
type Options struct {
	// SplitUsr keeps /bin, /sbin and /lib beside /usr, as before Debian 12 and Ubuntu 19.04.
	SplitUsr bool
	// Omit says of a path, a directory or not, that it is not unpacked: dpkg's path-exclude. The
	// lists in dpkg's database name it all the same.
	Omit func(path string) bool
	// Auto are those that were installed because others depend on them, apt-mark(8).
	Auto []string
}

// File is a file of a root directory. Text is what is in it where that is not to be generated, as
// Known then says.
type File struct {
	manifest.Entry
	Text  string
	Known bool
}

// merged are the directories that are links into /usr since it was merged.
var merged = []string{"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"}

// MergeUsr is where a path leads on a system whose /bin, /sbin and /lib are links into /usr.
func MergeUsr(name string) string {
	for _, d := range merged {
		if rest, ok := strings.CutPrefix(name, d); ok && (rest == "" || rest[0] == '/') {
			return "/usr" + name
		}
	}
	return name
}

// Install tells what unpacking and configuring packages changes in a root in which those of below
// are installed already: the files sorted by name, and the paths that are removed. What users and groups they make is not part of it, see Package.Users.
func Install(below, packages []*Package, o Options) (files []*File, removed []string) {
	count := 0
	for _, p := range packages {
		count += len(p.Files) + len(p.Made) + len(p.Info) + 2
	}
	at := make(map[string]*File, count)
	put := func(f File) {
		if !o.SplitUsr {
			f.Path = MergeUsr(f.Path)
			if f.HardLink() {
				f.Target = MergeUsr(f.Target)
			}
		}
		if f.Mode.IsDir() {
			if old := at[f.Path]; old != nil && old.Mode.IsDir() {
				return // the first package's directory stays
			}
		}
		if o.Omit != nil && o.Omit(f.Path) {
			return
		}
		at[f.Path] = &f
	}
	for _, p := range packages {
		for _, e := range p.Files {
			if e.Time == 0 && !e.Mode.IsDir() {
				e.Time = p.Time
			}
			put(File{Entry: e})
		}
	}
	for _, p := range packages {
		for _, e := range p.Made {
			put(File{Entry: e})
		}
		for _, name := range p.Removed {
			delete(at, name)
			removed = append(removed, name)
		}
	}
	known := func(name, text string) {
		put(File{Known: true, Text: text, Entry: manifest.Entry{
			Path: name, Mode: linux.S_IFREG | 0o644, Size: int64(len(text)), Kind: manifest.Text}})
	}
	for _, p := range packages {
		info := "/var/lib/dpkg/info/" + p.InfoName() + "."
		known(info+"list", p.list())
		if len(p.Conffiles) > 0 {
			known(info+"conffiles", strings.Join(p.Conffiles, "\n")+"\n")
		}
		for _, i := range p.Info {
			put(File{Entry: manifest.Entry{Path: info + i.Name, Mode: linux.S_IFREG | i.Mode, Size: i.Size, Kind: manifest.Text}})
		}
	}
	all := slices.SortedFunc(slices.Values(slices.Concat(below, packages)), func(a, b *Package) int { return strings.Compare(a.Name(), b.Name()) })
	offered := choices(all)
	link := func(name, target string) {
		put(File{Entry: manifest.Entry{Path: name, Mode: linux.S_IFLNK | 0o777, Target: target}})
	}
	for name := range choices(packages) {
		best := offered[name].best()
		known("/var/lib/dpkg/alternatives/"+name, offered[name].text(false))
		link("/etc/alternatives/"+name, best.Path)
		link(best.Link, "/etc/alternatives/"+name)
		for _, s := range best.Slaves {
			if o.Omit != nil && o.Omit(s.Path) {
				continue // its target is not there
			}
			link("/etc/alternatives/"+s.Name, s.Path)
			link(s.Link, "/etc/alternatives/"+s.Name)
		}
	}
	known("/var/lib/dpkg/status", Status(all))
	if len(o.Auto) > 0 {
		var b strings.Builder
		for _, name := range slices.Sorted(slices.Values(o.Auto)) {
			fmt.Fprintf(&b, "Package: %s\nArchitecture: amd64\nAuto-Installed: 1\n\n", name)
		}
		known("/var/lib/apt/extended_states", b.String())
	}
	// Every file's directories are there.
	names := slices.Collect(maps.Keys(at))
	for _, name := range names {
		for d := path.Dir(name); d != "/"; d = path.Dir(d) {
			if at[d] != nil {
				break
			}
			at[d] = &File{Entry: manifest.Entry{Path: d, Mode: linux.S_IFDIR | 0o755}}
			names = append(names, d)
		}
	}
	slices.Sort(names)
	files = make([]*File, len(names))
	for i, name := range names {
		files[i] = at[name]
	}
	return files, removed
}

// list is what dpkg -L prints of a package: its paths, parents before what is in them.
func (p *Package) list() string {
	var b strings.Builder
	b.WriteString("/.\n")
	for _, e := range p.Files {
		b.WriteString(e.Path + "\n")
	}
	return b.String()
}

// statusFields are the fields of /var/lib/dpkg/status in dpkg's order; others follow them.
var statusFields = []string{"Package", "Essential", "Protected", "Status", "Priority", "Section", "Installed-Size", "Origin", "Maintainer", "Bugs", "Architecture",
	"Multi-Arch", "Source", "Version", "Config-Version", "Replaces", "Provides", "Depends", "Pre-Depends", "Recommends", "Suggests", "Breaks", "Conflicts",
	"Enhances", "Conffiles", "Triggers-Pending", "Triggers-Awaited", "Description"}

// Stanza is an entry of /var/lib/dpkg/status, without the empty line that ends it.
func Stanza(c Control) string {
	var b strings.Builder
	write := func(f Field) {
		if f.Value != "" {
			b.WriteString(Control{f}.String())
		}
	}
	for _, name := range statusFields {
		write(Field{name, c.Get(name)})
	}
	for _, f := range c {
		if !slices.Contains(statusFields, f.Name) && f.Name != "Filename" && f.Name != "Size" {
			write(f)
		}
	}
	return b.String()
}

// Status is /var/lib/dpkg/status of a system that has these packages installed and no others.
func Status(packages []*Package) string {
	var b strings.Builder
	for _, p := range packages {
		c := append(slices.Clone(p.Control), Field{"Status", "install ok installed"})
		value := ""
		for _, name := range p.Conffiles {
			value += "\n " + name + " newconffile"
		}
		if value != "" {
			c = append(c, Field{"Conffiles", value})
		}
		b.WriteString(Stanza(c) + "\n")
	}
	return b.String()
}

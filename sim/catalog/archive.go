package catalog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"path"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/dockerlab/dockerlab/sim/catalog/debian"
	"github.com/dockerlab/dockerlab/sim/catalog/manifest"
	"github.com/dockerlab/dockerlab/sim/layer"
)

// Archive is a distribution in a package archive: what a line of sources.list leads to.
type Archive struct {
	Origin, Label, Suite, Codename, Version string
	Components                              []string
	Date                                    time.Time

	dist     dist
	packages *debian.Suite // nil: it has none
	list     string        // the stanzas of packages
}

// archives is a set of hosts that have the same, an element of archives.yaml.
type archives struct {
	Hosts, Paths, Components []string
	Origin, Label            string
	Dists                    []dist
}

// dist is a distribution there.
type dist struct {
	Names          []string // the codename, and what else it is called
	Suite, Version string
	Date           time.Time
	Release        int64    // the size of InRelease
	Packages       []string // suites of the catalogue that its main component has
	Index          struct {
		Size, Download      int64 // of the list of packages: in bytes, and as it is fetched
		Translation         int64
		TranslationDownload int64 `yaml:"translation_download"`
	}
}

// readArchives reads archives.yaml of a folder, which may have none.
func (f *folder) readArchives() ([]archives, error) {
	b, err := fs.ReadFile(f.fsys, "archives.yaml")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("catalog: %w", err)
	}
	var all []archives
	y := yaml.NewDecoder(bytes.NewReader(b))
	y.KnownFields(true)
	if err := y.Decode(&all); err != nil && err != io.EOF {
		return nil, fmt.Errorf("catalog: archives.yaml: %w", err)
	}
	return all, nil
}

// Archive finds a distribution by the host of its archive, the path of that, "/debian", and the
// name, "bookworm". It is nil where there is none.
func (r *Registry) Archive(host, root, name string) (*Archive, error) {
	for a, err := range r.archivesAt(host, strings.TrimSuffix(root, "/")) {
		if err != nil {
			return nil, err
		}
		for _, d := range a.Dists {
			if slices.Contains(d.Names, name) {
				return r.archive(a, d)
			}
		}
	}
	return nil, nil
}

// archivesAt goes through the archives at a host and a path of it, folder by folder; a folder that
// cannot be read ends it.
func (r *Registry) archivesAt(host, root string) iter.Seq2[archives, error] {
	return func(yield func(archives, error) bool) {
		for _, f := range r.folders {
			all, err := f.archives()
			if err != nil {
				yield(archives{}, err)
				return
			}
			for _, a := range all {
				if slices.Contains(a.Hosts, host) && slices.Contains(a.Paths, root) && !yield(a, nil) {
					return
				}
			}
		}
	}
}

func (r *Registry) archive(a archives, d dist) (*Archive, error) {
	found := &Archive{Origin: a.Origin, Label: a.Label, Suite: d.Suite, Codename: d.Names[0], Version: d.Version, Components: a.Components, Date: d.Date, dist: d}
	if len(d.Packages) == 0 {
		return found, nil
	}
	var err error
	if found.packages, err = r.packages(d.Packages); err != nil {
		return nil, fmt.Errorf("catalog: the archive %s: %w", found.Codename, err)
	}
	if found.list, err = found.packages.List(); err != nil {
		return nil, fmt.Errorf("catalog: the archive %s: %w", found.Codename, err)
	}
	return found, nil
}

// Packages are those of a component, nil where there are none: the catalogue has them all in main.
func (a *Archive) Packages(component string) *debian.Suite {
	if component != a.Components[0] {
		return nil
	}
	return a.packages
}

// Release is the archive's InRelease: who it is. It is filled up, where a real one has the digests
// of its lists.
func (a *Archive) Release() layer.Content {
	var b strings.Builder
	b.WriteString("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n")
	fmt.Fprintf(&b, "Origin: %s\nLabel: %s\nSuite: %s\nVersion: %s\nCodename: %s\nDate: %s\nAcquire-By-Hash: yes\nArchitectures: amd64\nComponents: %s\n",
		a.Origin, a.Label, a.Suite, a.Version, a.Codename, a.Date.UTC().Format("Mon, 02 Jan 2006 15:04:05 UTC"), strings.Join(a.Components, " "))
	return padded(b.String(), a.dist.Release)
}

// Index is a list of an archive.
type Index struct {
	Content  layer.Content
	Download int64 // how many bytes are fetched for it
}

// Index is the list of the packages of a component, as deb822 stanzas: those of the catalogue, and
// as much empty space as the others would take. It is nil for a component that there is not.
func (a *Archive) Index(component string) *Index {
	if !slices.Contains(a.Components, component) {
		return nil
	}
	if component != a.Components[0] {
		return &Index{layer.Text(""), 0}
	}
	return &Index{padded(a.list, a.dist.Index.Size), a.dist.Index.Download}
}

// Translation is the list of the descriptions of the packages of a component, of which only the
// size is known.
func (a *Archive) Translation(component string) *Index {
	if component != a.Components[0] {
		return nil
	}
	return &Index{padded("", a.dist.Index.Translation), a.dist.Index.TranslationDownload}
}

// padded is text with empty lines after it, size bytes in all if the text is not longer.
func padded(text string, size int64) layer.Content {
	if more := size - int64(len(text)); more > 0 {
		return layer.Join(layer.Text(text), emptyLines(more))
	}
	return layer.Text(text)
}

// emptyLines is so many bytes of empty lines.
type emptyLines int64

func (n emptyLines) Size() int64 { return int64(n) }

func (n emptyLines) ReadAt(p []byte, off int64) (int, error) {
	if off >= int64(n) {
		return 0, io.EOF
	}
	short := int64(len(p)) > int64(n)-off
	if short {
		p = p[:int64(n)-off]
	}
	for i := range p {
		p[i] = '\n'
	}
	if short {
		return len(p), io.EOF
	}
	return len(p), nil
}

// Package finds one version of a package, whichever suite has it. It is nil where none has.
func (r *Registry) Package(name, version string) (*debian.Package, error) {
	suites, err := r.allSuites()
	if err != nil {
		return nil, err
	}
	for _, suite := range suites {
		packages, err := r.packages([]string{suite})
		if err != nil {
			return nil, err
		}
		if c, err := packages.Control(name); err != nil {
			return nil, err
		} else if c != nil && c.Get("Version") == version {
			return packages.Package(name)
		}
	}
	return nil, nil
}

// allSuites are the names of the suites of all folders.
func (r *Registry) allSuites() ([]string, error) {
	var names []string
	for _, f := range r.folders {
		dirs, err := fs.ReadDir(f.fsys, "packages")
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("catalog: %w", err)
		}
		for _, d := range dirs {
			if name := strings.TrimSuffix(d.Name(), ".zip"); !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names, nil
}

// FileContent is what a file of a package holds: its text, where a suite has that, else bytes that
// are made when they are read, a program's those of family.
func (r *Registry) FileContent(e manifest.Entry, family string) (layer.Content, error) {
	suites, err := r.allSuites()
	if err != nil {
		return nil, err
	}
	found, err := r.find(suites)
	if err != nil {
		return nil, err
	}
	for _, s := range found {
		texts, err := s.contents()
		if err != nil {
			return nil, err
		}
		if text, ok := texts[debian.MergeUsr(e.Path)]; ok {
			return fill(text, e.Path, e.Size), nil
		}
	}
	return generate(e, family), nil
}

// Deb is a package as the file that an archive has: its control data are in it, of its files only
// where to find them, see debian.WriteDeb.
func (r *Registry) Deb(p *debian.Package) layer.Content { return debian.WriteDeb(p) }

// archivePage is what a host of packages answers: nil for a path that it has not.
func (r *Registry) archivePage(host, url string) (*Page, error) {
	root, rest, ok := strings.Cut(url, "/dists/")
	if ok {
		return r.listPage(host, root, rest)
	}
	root, rest, ok = strings.Cut(url, "/pool/")
	if !ok {
		return nil, nil
	}
	name, ok := debian.SplitFilename(path.Base(rest))
	if !ok {
		return nil, nil
	}
	for a, err := range r.archivesAt(host, root) {
		if err != nil {
			return nil, err
		}
		for _, d := range a.Dists {
			found, err := r.archive(a, d)
			if err != nil {
				return nil, err
			}
			if found.packages == nil {
				continue
			}
			c, err := found.packages.Control(name)
			if err != nil {
				return nil, err
			}
			if c.Get("Filename") != "pool/"+rest {
				continue
			}
			p, err := r.Package(name, c.Get("Version"))
			if err != nil || p == nil {
				return nil, err
			}
			return &Page{Status: 200, Type: "application/vnd.debian.binary-package", Content: r.Deb(p)}, nil
		}
	}
	return nil, nil
}

// listPage is a list of an archive: rest is the path below dists.
func (r *Registry) listPage(host, root, rest string) (*Page, error) {
	for i := strings.IndexByte(rest, '/'); i >= 0; {
		name, file := rest[:i], rest[i+1:]
		a, err := r.Archive(host, root, name)
		if err != nil {
			return nil, err
		}
		if a != nil {
			var content layer.Content
			component, _, _ := strings.Cut(file, "/")
			switch index := a.Index(component); {
			case file == "InRelease" || file == "Release":
				content = a.Release()
			case index != nil && file == component+"/binary-amd64/Packages":
				content = index.Content
			case index != nil && file == component+"/i18n/Translation-en" && a.Translation(component) != nil:
				content = a.Translation(component).Content
			default:
				return nil, nil
			}
			return &Page{Status: 200, Type: "application/octet-stream", Content: content}, nil
		}
		next := strings.IndexByte(file, '/')
		if next < 0 {
			break
		}
		i += 1 + next
	}
	return nil, nil
}

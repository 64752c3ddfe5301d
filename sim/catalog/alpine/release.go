// Package alpine holds the packages of Alpine Linux as the catalogue has them: what the indexes of
// its repositories say, which files a package brings, and which scripts run with it.
//
// A Release is a folder of plain text and indexes:
//
//	v3.4/main/x86_64/APKINDEX.tar.gz   the index of a repository, at the path that it has in the web
//	v3.4/files                         what is known of files: manifest lines under "P:package"
//	debian                             "zlib-dev: zlib1g-dev": whose files a package's are after
//	scripts/bash.post-install          the scripts of a package, in every release
//	scripts/v3.17/nginx.post-install   and in one
//	triggers                           "bash: /etc/shells": directories whose change runs its trigger
//
// Names, versions, sizes and dependencies are those of the real indexes. They do not say which files
// a package has; Contents puts those together.
package alpine

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/dockerlab/dockerlab/sim/catalog/manifest"
)

// Debian gives the files of a package of Debian, nil where there is none of that name.
type Debian func(name string) ([]manifest.Entry, error)

// Distribution is all releases of Alpine. It is safe for concurrent use, and reads what is asked of
// it when it is asked.
type Distribution struct {
	fsys   fs.FS
	debian Debian
	like   func() (map[string][]string, error) // by package: the packages of Debian that its files are after
	fires  func() (map[string][]string, error) // by package: the directories of its trigger

	mu           sync.Mutex
	repositories map[string]*Repository
	files        map[string]map[string]known // by release and package
}

// Open opens the folder that the package's documentation describes.
func Open(fsys fs.FS, debian Debian) *Distribution {
	d := &Distribution{fsys: fsys, debian: debian, repositories: map[string]*Repository{}, files: map[string]map[string]known{}}
	d.like = sync.OnceValues(func() (map[string][]string, error) { return d.table("debian") })
	d.fires = sync.OnceValues(func() (map[string][]string, error) { return d.table("triggers") })
	return d
}

// table reads a file of lines "name: word word".
func (d *Distribution) table(name string) (map[string][]string, error) {
	b, err := fs.ReadFile(d.fsys, name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("alpine: %w", err)
	}
	all := map[string][]string{}
	for line := range strings.Lines(string(b)) {
		if name, words, ok := strings.Cut(line, ":"); ok && line[0] != '#' {
			all[name] = strings.Fields(words)
		}
	}
	return all, nil
}

// Repository is one of a release: v3.4/main.
type Repository struct {
	Name        string // "v3.4/main"
	Description string // the version that the index has of itself: "v3.4.6-2-g20654dd"
	Packed      []byte // the index as it lies in the web, a tar.gz
	Packages    []*Package

	providers func() map[string][]*Package
	self      func() []*Package
}

// SelfInstalling are the packages of the repository that are installed by themselves where others
// are.
func (r *Repository) SelfInstalling() []*Package { return r.self() }

// Providers are the packages of the repository that are or provide something of that name.
func (r *Repository) Providers(name string) []*Package { return r.providers()[name] }

// Release is the release that the repository is of: "v3.4".
func (r *Repository) Release() string { return path.Dir(r.Name) }

// NewRepository makes a repository of packages that somebody has listed.
func NewRepository(name, description string, packages []*Package) *Repository {
	r := &Repository{Name: name, Description: description, Packages: packages}
	r.providers = sync.OnceValue(func() map[string][]*Package {
		all := map[string][]*Package{}
		for _, p := range packages {
			all[p.Name] = append(all[p.Name], p)
			for _, d := range p.Provides {
				if got := all[d.Name]; !slices.Contains(got, p) {
					all[d.Name] = append(got, p)
				}
			}
		}
		return all
	})
	r.self = sync.OnceValue(func() []*Package {
		return slices.DeleteFunc(slices.Clone(packages), func(p *Package) bool { return len(p.InstallIf) == 0 })
	})
	return r
}

// MaxIndex is how long an index may be, in bytes.
const MaxIndex = 64 << 20

// ReadIndex reads a packed index.
func ReadIndex(name string, packed []byte) (*Repository, error) {
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("alpine: the index of %s: %w", name, err)
	}
	var text, description string
	for t := tar.NewReader(io.LimitReader(z, MaxIndex)); ; {
		h, err := t.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("alpine: the index of %s: %w", name, err)
		}
		b, err := io.ReadAll(t)
		if err != nil {
			return nil, fmt.Errorf("alpine: the index of %s: %w", name, err)
		}
		switch h.Name {
		case "APKINDEX":
			text = string(b)
		case "DESCRIPTION":
			description = string(b)
		}
	}
	packages, err := ParseIndex(text)
	if err != nil {
		return nil, err
	}
	r := NewRepository(name, description, packages)
	r.Packed = packed
	return r, nil
}

// Repository finds a repository by its name, "v3.4/main"; it is nil where there is none.
func (d *Distribution) Repository(name string) (*Repository, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if r := d.repositories[name]; r != nil {
		return r, nil
	}
	file := path.Join(name, "x86_64/APKINDEX.tar.gz")
	if !fs.ValidPath(file) {
		return nil, nil
	}
	packed, err := fs.ReadFile(d.fsys, file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("alpine: %w", err)
	}
	r, err := ReadIndex(name, packed)
	if err != nil {
		return nil, err
	}
	d.repositories[name] = r
	return r, nil
}

// Repositories are those of a release, the main one first.
func (d *Distribution) Repositories(release string) ([]*Repository, error) {
	var all []*Repository
	for _, name := range []string{"main", "community"} {
		r, err := d.Repository(release + "/" + name)
		if err != nil {
			return nil, err
		}
		if r != nil {
			all = append(all, r)
		}
	}
	return all, nil
}

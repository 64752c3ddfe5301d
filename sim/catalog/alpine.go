package catalog

import (
	"crypto/sha1"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/dockerlab/dockerlab/sim/catalog/alpine"
	"github.com/dockerlab/dockerlab/sim/catalog/debian"
	"github.com/dockerlab/dockerlab/sim/catalog/manifest"
	"github.com/dockerlab/dockerlab/sim/layer"
	"github.com/dockerlab/dockerlab/sim/linux"
)

// alpineMirrors are the hosts that have Alpine's repositories, below /alpine.
var alpineMirrors = []string{"dl-cdn.alpinelinux.org", "dl-2.alpinelinux.org", "dl-3.alpinelinux.org", "dl-4.alpinelinux.org", "dl-5.alpinelinux.org", "nl.alpinelinux.org",
	"uk.alpinelinux.org", "mirrors.aliyun.com", "mirrors.ustc.edu.cn", "mirrors.tuna.tsinghua.edu.cn", "mirrors.163.com", "mirrors.cloud.tencent.com", "mirrors.tencent.com",
	"mirror.sjtu.edu.cn", "mirrors.sjtug.sjtu.edu.cn", "repo.huaweicloud.com", "mirrors.huaweicloud.com", "mirrors.bfsu.edu.cn", "mirrors.zju.edu.cn"}

// openAlpine opens the folder alpine of the catalogue: the last one, which is built in, has it.
func (r *Registry) openAlpine() *alpine.Distribution {
	sub, err := fs.Sub(r.folders[len(r.folders)-1].fsys, "alpine")
	if err != nil {
		panic(err) // the name is valid
	}
	return alpine.Open(sub, r.debianFiles)
}

// debianFiles are the files of a package of Debian 12, nil where there is no such package.
func (r *Registry) debianFiles(name string) ([]manifest.Entry, error) {
	packages, err := r.packages([]string{"bookworm"})
	if err != nil {
		return nil, err
	}
	c, err := packages.Control(name)
	if err != nil || c == nil {
		return nil, err
	}
	p, err := packages.Package(name)
	if err != nil {
		return nil, err
	}
	return p.Files, nil
}

// Alpine is a repository of Alpine Linux by its URL's host and path: "/alpine/v3.4/main". It is nil
// where there is none.
func (r *Registry) Alpine(host, url string) (*alpine.Repository, error) {
	name, ok := strings.CutPrefix(path.Clean("/"+url), "/alpine/")
	if !ok || !slices.Contains(alpineMirrors, host) {
		return nil, nil
	}
	name = strings.Replace(name, "latest-stable", latestAlpine, 1)
	return r.alpine().Repository(name)
}

// latestAlpine is the release that the tag latest is of.
const latestAlpine = "v3.17"

// AlpineContents is what a package of a release of Alpine, "v3.4", holds.
func (r *Registry) AlpineContents(release string, p *alpine.Package) (*alpine.Contents, error) {
	return r.alpine().Contents(release, p)
}

// alpinePage is what a host of Alpine's packages answers: an index, or a package as a file.
func (r *Registry) alpinePage(host, url string) (*Page, error) {
	dir, file := path.Split(url)
	if path.Base(dir) != "x86_64" {
		return nil, nil
	}
	repository, err := r.Alpine(host, path.Dir(path.Clean(dir)))
	if err != nil || repository == nil {
		return nil, err
	}
	if file == "APKINDEX.tar.gz" {
		return &Page{Status: 200, Type: "application/octet-stream", Content: layer.Bytes(repository.Packed)}, nil
	}
	for _, p := range repository.Packages {
		if p.File() == file {
			return &Page{Status: 200, Type: "application/octet-stream", Content: alpine.WriteFile(p)}, nil
		}
	}
	return nil, nil
}

// alpineLayer puts together a layer that installs packages of Alpine.
func (r *Registry) alpineLayer(p *plan) ([]file, error) {
	installed, err := r.alpinePackages(p)
	if err != nil {
		return nil, err
	}
	own := p.own(nil, nil)
	unpacked, err := p.unpackAlpine(installed, own)
	if err != nil {
		return nil, err
	}
	return p.merge(unpacked, p.own(unpacked, nil))
}

// alpinePackages are what a layer installs, in order. No dependencies are looked for.
func (r *Registry) alpinePackages(p *plan) ([]*alpine.Installed, error) {
	repositories, err := r.alpine().Repositories(p.Alpine)
	if err != nil {
		return nil, err
	}
	var all []*alpine.Installed
	for _, name := range p.Install {
		var found *alpine.Package
		for _, repository := range repositories {
			for _, q := range repository.Providers(name) {
				if q.Name == name {
					found = q
				}
			}
		}
		if found == nil {
			return nil, fmt.Errorf("Alpine %s has no package %s", p.Alpine, name)
		}
		contents, err := r.alpine().Contents(p.Alpine, found)
		if err != nil {
			return nil, err
		}
		all = append(all, &alpine.Installed{Package: found, Contents: contents})
	}
	return all, nil
}

// unpackAlpine tells what the layer's packages of Alpine bring, and the database of them that apk
// keeps. own stands before it.
func (p *plan) unpackAlpine(installed []*alpine.Installed, own map[string]file) ([]*debian.File, error) {
	at := map[string]*debian.File{}
	var names []string
	put := func(f debian.File) {
		if at[f.Path] == nil {
			at[f.Path] = &f
			names = append(names, f.Path)
		}
	}
	for _, i := range installed {
		for _, e := range i.Contents.Files {
			put(debian.File{Entry: e})
		}
	}
	sum := func(e manifest.Entry) (string, error) {
		f, ok := own[e.Path]
		if !ok {
			f = p.file(e)
		}
		if f.Mode.Type() == linux.S_IFLNK {
			return alpine.LinkChecksum(f.Target), nil
		}
		h := sha1.New()
		if _, err := io.Copy(h, layer.NewReader(f.Content)); err != nil {
			return "", err
		}
		return alpine.Checksum(h.Sum(nil)), nil
	}
	database, err := alpine.Database(installed, p.Time, sum)
	if err != nil {
		return nil, err
	}
	for name, text := range database {
		put(debian.File{Known: true, Text: text, Entry: manifest.Entry{Path: name, Mode: linux.S_IFREG | 0o644, Size: int64(len(text)), Kind: manifest.Text}})
	}
	slices.Sort(names)
	files := make([]*debian.File, len(names))
	for i, name := range names {
		files[i] = at[name]
	}
	return files, nil
}

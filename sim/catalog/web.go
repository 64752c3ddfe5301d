package catalog

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
	"go.yaml.in/yaml/v3"

	"github.com/dockerlab/dockerlab/sim/layer"
	"github.com/dockerlab/dockerlab/sim/pgp"
)

// Page is what the lab's web answers to a GET.
type Page struct {
	Status   int // 200, or 301 or 302 with a Location
	Location string
	Type     string // Content-Type
	Content  layer.Content
}

// site is a host of the web: the folder web/HOST. Its files are pages; pages.yaml describes those
// that are made.
type site map[string]page

type page struct {
	// Text is the page itself.
	Text string
	// Type is its Content-Type, where its name does not say it.
	Type string
	// Location is where to look instead.
	Location string
	// Archive is a layer, whose files the page is a tar of, compressed as its name says.
	Archive string
	// Program and Size are for an executable, see ELF.
	Program string
	Size    int64
	// Key is a public key, armored.
	Key *pgp.Key
	// Signs is the path of another page of the host, of which this is a signature by the key By; in
	// the clear, with that page's text in it, if Clear.
	Signs string
	By    *pgp.Key
	Clear bool
	Made  time.Time
}

// Hosts are the names of the hosts that have pages, repositories or packages, sorted.
func (r *Registry) Hosts() ([]string, error) {
	hosts := map[string]bool{}
	for _, host := range alpineMirrors {
		hosts[host] = true
	}
	for _, f := range r.folders {
		aliases, err := f.aliases()
		if err != nil {
			return nil, err
		}
		for name := range aliases {
			hosts[name] = true
		}
		for _, folder := range []string{"web", "git"} {
			dirs, err := fs.ReadDir(f.fsys, folder)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, fmt.Errorf("catalog: %w", err)
			}
			for _, d := range dirs {
				if d.IsDir() {
					hosts[d.Name()] = true
				}
			}
		}
		all, err := f.archives()
		if err != nil {
			return nil, err
		}
		for _, a := range all {
			for _, host := range a.Hosts {
				hosts[host] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(hosts)), nil
}

// aliases are the hosts that have another one's pages: the file web/aliases.yaml.
func (f *folder) aliases() (map[string]string, error) {
	b, err := readFile(f.fsys, "web/aliases.yaml")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	all := map[string]string{}
	if err == nil {
		err = yaml.Unmarshal(b, &all)
	}
	if err != nil {
		return nil, fmt.Errorf("catalog: web/aliases.yaml: %w", err)
	}
	return all, nil
}

// Page finds a page by its host and the path and query of its URL; a page without a query serves
// all of them. It is nil where there is none: the host answers 404 then, if it is one of Hosts.
func (r *Registry) Page(host, url, query string) (*Page, error) {
	url = path.Clean("/" + url)
	for _, f := range r.folders {
		aliases, err := f.aliases()
		if err != nil {
			return nil, err
		}
		dir := path.Join("web", cmp.Or(aliases[host], host))
		b, err := readFile(f.fsys, path.Join(dir, "pages.yaml"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("catalog: %w", err)
		}
		pages := site{}
		y := yaml.NewDecoder(bytes.NewReader(b))
		y.KnownFields(true)
		if err := y.Decode(&pages); err != nil && err != io.EOF {
			return nil, fmt.Errorf("catalog: %s/pages.yaml: %w", dir, err)
		}
		p, ok := pages[url+"?"+query]
		if query == "" || !ok {
			p, ok = pages[url]
		}
		if ok {
			page, err := r.page(host, url, p)
			if err != nil {
				err = fmt.Errorf("catalog: %s%s: %w", host, url, err)
			}
			return page, err
		}
		for _, name := range []string{url, url + "/index.html"} {
			b, err := readFile(f.fsys, path.Join(dir, "root", name))
			if err == nil {
				return &Page{Status: 200, Type: typeOf(name), Content: layer.Bytes(b)}, nil
			}
		}
	}
	if p, err := r.alpinePage(host, url); p != nil || err != nil {
		return p, err
	}
	return r.archivePage(host, url)
}

// page makes a page of its description.
func (r *Registry) page(host, url string, p page) (*Page, error) {
	made := &Page{Status: 200, Type: cmp.Or(p.Type, typeOf(url))}
	switch {
	case p.Location != "":
		made.Status, made.Location, made.Content = 302, p.Location, layer.Text("")
	case p.Key != nil:
		made.Content = layer.Text(p.Key.Armor())
		made.Type = cmp.Or(p.Type, "application/pgp-keys")
	case p.Signs != "" && p.By != nil:
		of, err := r.Page(host, p.Signs, "")
		if err != nil {
			return nil, err
		}
		if of == nil {
			return nil, fmt.Errorf("it signs %s, which is not there", p.Signs)
		}
		b, err := io.ReadAll(layer.NewReader(of.Content))
		if err != nil {
			return nil, err
		}
		if p.Clear {
			made.Content = layer.Text(p.By.Clearsign(string(b), p.Made))
		} else {
			made.Content = layer.Text(p.By.Sign(b, p.Made).Armor())
		}
	case p.Program != "":
		made.Content = ELF(p.Program, "gnu", p.Size)
	case p.Archive != "":
		b, err := r.packed(p.Archive, path.Ext(url))
		if err != nil {
			return nil, err
		}
		made.Content = layer.Bytes(b)
	default:
		made.Content = layer.Text(p.Text)
	}
	return made, nil
}

// types are the Content-Types of what the web has; a host's own table is no business of ours.
var types = map[string]string{
	"": "text/html; charset=UTF-8", ".html": "text/html; charset=UTF-8", ".css": "text/css", ".js": "application/javascript",
	".json": "application/json", ".txt": "text/plain", ".asc": "text/plain", ".sh": "text/plain", ".gz": "application/x-gzip",
	".tgz": "application/x-gzip", ".xz": "application/x-xz", ".tar": "application/x-tar", ".zip": "application/zip",
}

func typeOf(name string) string { return cmp.Or(types[path.Ext(name)], "application/octet-stream") }

// packed makes the tar of a layer, compressed as the extension says. It is made once.
func (r *Registry) packed(name, ext string) ([]byte, error) {
	key := name + ext
	r.mu.Lock()
	b := r.tars[key]
	r.mu.Unlock()
	if b != nil {
		return b, nil
	}
	entries, err := r.entries(name)
	if err != nil {
		return nil, err
	}
	l, err := layer.New(entries)
	if err != nil {
		return nil, err
	}
	tar, err := l.Tar()
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	var w io.WriteCloser
	switch ext {
	case ".tar":
		w = plain{&out}
	case ".gz", ".tgz":
		w, err = gzip.NewWriterLevel(&out, gzip.BestSpeed)
	case ".xz":
		w = newXZ(&out)
	default:
		err = fmt.Errorf("a compression that is not known: %s", ext)
	}
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(w, tar); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tars[key] = out.Bytes()
	return out.Bytes(), nil
}

type plain struct{ io.Writer }

func (plain) Close() error { return nil }

// Git finds a version of a Git repository, git/HOST/PATH/REF: a folder as a layer's. An empty ref is
// "HEAD", or "master" where the repository has no HEAD, and the other way round. The error is fs.ErrNotExist where the catalogue has no such repository or version.
func (r *Registry) Git(repository, ref string) ([]layer.Entry, error) {
	refs := []string{ref}
	switch ref {
	case "", "HEAD":
		refs = []string{"HEAD", "master"}
	case "master":
		refs = []string{"master", "HEAD"}
	}
	for _, ref := range refs {
		name := path.Join("../git", strings.TrimSuffix(repository, ".git"), ref)
		if !fs.ValidPath(strings.TrimPrefix(name, "../")) {
			break
		}
		entries, err := r.entries(name)
		if !errors.Is(err, errNoLayer) {
			return entries, err
		}
	}
	return nil, fs.ErrNotExist
}

package catalog

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/dockerlab/dockerlab/sim/catalog/debian"
	"github.com/dockerlab/dockerlab/sim/catalog/manifest"
	"github.com/dockerlab/dockerlab/sim/layer"
	"github.com/dockerlab/dockerlab/sim/linux"
)

// digests are what is known of a layer without looking into it.
type digests struct {
	diffID     digest.Digest
	size       int64
	compressed int64
}

// readDigests reads the file "digests": of each layer its name, diff ID, size and compressed size.
// It is written by the test that has -update; a folder may have none.
func (f *folder) readDigests() (map[string]digests, error) {
	all := map[string]digests{}
	b, err := fs.ReadFile(f.fsys, "digests")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("catalog: %w", err)
	}
	lines := bufio.NewScanner(bytes.NewReader(b))
	for lines.Scan() {
		line := lines.Text()
		if line == "" || line[0] == '#' {
			continue
		}
		w := strings.Fields(line)
		if len(w) != 4 {
			return nil, fmt.Errorf("catalog: digests: bad line %q", line)
		}
		d := digests{diffID: digest.Digest(w[1])}
		err1 := d.diffID.Validate()
		size, err2 := strconv.ParseInt(w[2], 10, 64)
		compressed, err3 := strconv.ParseInt(w[3], 10, 64)
		if err := errors.Join(err1, err2, err3); err != nil {
			return nil, fmt.Errorf("catalog: digests: bad line %q: %w", line, err)
		}
		d.size, d.compressed = size, compressed
		all[w[0]] = d
	}
	return all, nil
}

// describe finds the description of a layer, and the folder that has it.
func (r *Registry) describe(name string) (*description, *folder, error) {
	for _, f := range r.folders {
		d, err := f.layer(name)
		if err == nil {
			return d, f, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, nil, err
		}
	}
	return nil, nil, fmt.Errorf("%w %s", errNoLayer, name)
}

var errNoLayer = errors.New("there is no layer")

// layer makes the layer of that name, once.
func (r *Registry) layer(name string) (Layer, error) {
	_, f, err := r.describe(name)
	if err != nil {
		return Layer{}, err
	}
	known, err := f.digests()
	if err != nil {
		return Layer{}, err
	}
	d, ok := known[name]
	r.mu.Lock()
	l := r.layers[name]
	if l == nil && ok {
		l = layer.Lazy(d.diffID, d.size, func() ([]layer.Entry, error) { return r.entries(name) })
		r.layers[name] = l
	}
	r.mu.Unlock()
	if l == nil {
		entries, err := r.entries(name)
		if err != nil {
			return Layer{}, err
		}
		if l, err = layer.New(entries); err != nil {
			return Layer{}, fmt.Errorf("layer %s: %w", name, err)
		}
		r.mu.Lock()
		if first := r.layers[name]; first != nil {
			l = first
		}
		r.layers[name] = l
		r.mu.Unlock()
	}
	if !ok {
		entries, err := l.Entries()
		if err != nil {
			return Layer{}, err
		}
		d = digests{diffID: l.DiffID(), size: l.Size(), compressed: compressedSize(entries)}
	}
	// There is no blob to take the digest of; what it would be named after is its content.
	blob := digest.FromString("compressed " + d.diffID.String())
	return Layer{Digest: blob, DiffID: d.diffID, CompressedSize: d.compressed, layer: l}, nil
}

// compressedSize is what gzip would make of such files: an estimate, as their bytes are not the
// real ones.
func compressedSize(entries []layer.Entry) int64 {
	var n int64 = 20
	for _, e := range entries {
		n += 64 // of a tar's header
		if e.Content == nil || e.Link != "" {
			continue
		}
		size := e.Content.Size()
		switch {
		case strings.HasSuffix(e.Name, ".gz") || strings.HasSuffix(e.Name, ".xz"):
			n += size
		case e.Mode&0o111 != 0 || strings.Contains(e.Name, ".so"):
			n += size * 9 / 20
		default:
			n += size / 4
		}
	}
	return n
}

// plan is a layer's description with what it is a variation of.
type plan struct {
	description
	packages *debian.Suite     // of Suites; nil where there are none
	contents map[string]string // by path: the texts that are known
	manifest []manifest.Entry
	rootfs   map[string]string
}

// plan reads the description of a layer. depth counts the layers that led here by Like and On.
func (r *Registry) plan(name string, depth int) (*plan, error) {
	if depth > maxBases {
		return nil, fmt.Errorf("layer %s: it is a variation of itself", name)
	}
	d, f, err := r.describe(name)
	if err != nil {
		return nil, err
	}
	p := &plan{description: *d, rootfs: map[string]string{}}
	if d.Like != "" {
		like, err := r.plan(d.Like, depth+1)
		if err != nil {
			return nil, fmt.Errorf("layer %s: %w", name, err)
		}
		p.manifest, p.rootfs = like.manifest, like.rootfs
		p.Install = slices.Concat(like.Install, d.Install)
		p.Omit, p.Keep, p.Remove = slices.Concat(like.Omit, d.Omit), slices.Concat(like.Keep, d.Keep), slices.Concat(like.Remove, d.Remove)
		p.On, p.Family = cmp.Or(d.On, like.On), cmp.Or(d.Family, like.Family)
		p.Suites = slices.Concat(d.Suites, like.Suites)
		p.SplitUsr, p.Recommends = d.SplitUsr || like.SplitUsr, d.Recommends || like.Recommends
		if d.Time.IsZero() {
			p.Time = like.Time
		}
	}
	if p.packages, p.contents, err = r.suite(p.Suites); err != nil {
		return nil, fmt.Errorf("layer %s: %w", name, err)
	}
	dir := path.Join("layers", name)
	switch b, err := readFile(f.fsys, dir+"/manifest"); {
	case err == nil:
		own, err := manifest.Read(bytes.NewReader(b))
		if err != nil {
			return nil, fmt.Errorf("layer %s: its manifest: %w", name, err)
		}
		p.manifest = slices.Concat(p.manifest, own)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("layer %s: %w", name, err)
	}
	own, err := readTree(f.fsys, dir+"/rootfs")
	if err != nil {
		return nil, fmt.Errorf("layer %s: %w", name, err)
	}
	maps.Copy(p.rootfs, own)
	return p, nil
}

// suite joins the suites of these names, wherever they are. There is one Suite for each list of names.
func (r *Registry) suite(names []string) (*debian.Suite, map[string]string, error) {
	if len(names) == 0 {
		return nil, nil, nil
	}
	all := make([]*suite, len(names))
	contents := map[string]string{}
	for i, name := range names {
		err := fs.ErrNotExist
		for _, f := range r.folders {
			if all[i], err = f.suite(name); !errors.Is(err, fs.ErrNotExist) {
				break
			}
		}
		if err != nil {
			return nil, nil, fmt.Errorf("suite %s: %w", name, err)
		}
		texts, err := all[i].contents()
		if err != nil {
			return nil, nil, fmt.Errorf("suite %s: %w", name, err)
		}
		for file, text := range texts {
			if _, ok := contents[file]; !ok {
				contents[file] = text
			}
		}
	}
	key := strings.Join(names, " ")
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.suites[key] == nil {
		var folders []fs.FS
		for _, s := range all {
			folders = append(folders, s.packages)
		}
		r.suites[key] = debian.OpenSuite(folders...)
	}
	return r.suites[key], contents, nil
}

// installation is the packages that the layers below have installed, and those that the layer
// installs.
func (r *Registry) installation(p *plan, depth int) (below, own []*debian.Package, err error) {
	if p.On != "" {
		on, err := r.plan(p.On, depth+1)
		if err != nil {
			return nil, nil, err
		}
		b, o, err := r.installation(on, depth+1)
		if err != nil {
			return nil, nil, err
		}
		below = slices.Concat(b, o)
	}
	if len(p.Install) == 0 {
		return below, nil, nil
	}
	if p.packages == nil {
		return nil, nil, fmt.Errorf("it installs packages of no suite")
	}
	installed := map[string]bool{}
	for _, q := range below {
		installed[q.Name()] = true
	}
	names, err := p.packages.Select(func(name string) bool { return installed[name] }, p.Install, p.Recommends)
	if err != nil {
		return nil, nil, err
	}
	for _, name := range names {
		q, err := p.packages.Package(name)
		if err != nil {
			return nil, nil, err
		}
		own = append(own, q)
	}
	return below, own, nil
}

// entries puts together the files of a layer.
func (r *Registry) entries(name string) ([]layer.Entry, error) {
	p, err := r.plan(name, 0)
	if err != nil {
		return nil, err
	}
	below, installed, err := r.installation(p, 0)
	if err != nil {
		return nil, fmt.Errorf("layer %s: %w", name, err)
	}
	// What the description itself says stands before what packages bring.
	own := map[string]layer.Entry{}
	for _, m := range p.manifest {
		if p.omits(m.Path) {
			continue
		}
		e := p.entry(m)
		if text, ok := p.contents[m.Path]; ok && m.Mode.IsRegular() {
			e.Content = fill(text, m.Path, m.Size)
		}
		own[m.Path] = e
	}
	files, removed := p.unpack(below, installed)
	for _, f := range files {
		if text, ok := p.rootfs[f.Path]; ok && f.Mode.IsRegular() {
			if _, ok := own[f.Path]; !ok {
				e := p.entry(f.Entry)
				e.Content = layer.Text(text)
				own[f.Path] = e
			}
		}
	}
	for file, text := range p.rootfs {
		e, ok := own[file]
		if !ok || !e.Mode.IsRegular() {
			e = layer.Entry{Name: file[1:], Mode: linux.S_IFREG | 0o644, ModTime: p.Time}
			if strings.HasPrefix(text, "#!") {
				e.Mode |= 0o111
			}
		}
		e.Content = layer.Text(text)
		own[file] = e
	}
	if p.On != "" {
		for _, gone := range slices.Concat(p.Remove, removed) {
			own[gone] = layer.Entry{Name: strings.TrimPrefix(gone, "/"), Whiteout: true, ModTime: p.Time}
		}
	}
	return p.merge(files, own)
}

// unpack tells what the layer's packages bring.
func (p *plan) unpack(below, installed []*debian.Package) (files []*debian.File, removed []string) {
	if len(installed) == 0 {
		return nil, nil
	}
	o := debian.Options{SplitUsr: p.SplitUsr}
	if len(p.Omit) > 0 {
		o.Omit = p.omits
	}
	if len(below) > 0 {
		for _, q := range installed {
			if !slices.Contains(p.Install, q.Name()) {
				o.Auto = append(o.Auto, q.Name())
			}
		}
	}
	return debian.Install(below, installed, o)
}

// merge makes the entries of the layer: of the packages' files, which are sorted, where own has
// nothing at their path, and of own. Names of files that are there come last.
func (p *plan) merge(files []*debian.File, own map[string]layer.Entry) ([]layer.Entry, error) {
	paths := slices.Sorted(maps.Keys(own))
	entries := make([]layer.Entry, 0, len(files)+len(paths))
	var links []layer.Entry
	at := map[string]int{} // of the files that have other names
	add := func(e layer.Entry) {
		if e.Link != "" {
			links = append(links, e)
			at[e.Link] = -1
			return
		}
		entries = append(entries, e)
	}
	for _, f := range files {
		for len(paths) > 0 && paths[0] < f.Path {
			add(own[paths[0]])
			paths = paths[1:]
		}
		if len(paths) > 0 && paths[0] == f.Path {
			continue
		}
		e := p.entry(f.Entry)
		if f.Known {
			e.Content = layer.Text(f.Text)
		} else if text, ok := p.contents[f.Path]; ok && f.Mode.IsRegular() {
			e.Content = fill(text, f.Path, f.Size)
		}
		add(e)
	}
	for _, file := range paths {
		add(own[file])
	}
	if len(links) == 0 {
		return entries, nil
	}
	for i, e := range entries {
		if _, ok := at[e.Name]; ok {
			at[e.Name] = i
		}
	}
	for _, e := range links {
		i := at[e.Link]
		if i < 0 {
			return nil, fmt.Errorf("layer %s: /%s is another name of /%s, which is no file of it", p.name, e.Name, e.Link)
		}
		first := entries[i]
		e.Mode, e.UID, e.GID, e.ModTime = first.Mode, first.UID, first.GID, first.ModTime
		entries = append(entries, e)
	}
	return entries, nil
}

// omits says that the layer leaves a path out.
func (p *plan) omits(name string) bool {
	if len(p.Omit) == 0 || under(p.Keep, name) {
		return false
	}
	return under(p.Omit, name)
}

// under says that a path, or a directory that it is in, matches one of the patterns.
func under(patterns []string, name string) bool {
	for _, pattern := range patterns {
		prefix := name
		for n := strings.Count(name, "/") - strings.Count(pattern, "/"); n > 0; n-- {
			prefix = path.Dir(prefix)
		}
		if ok, err := path.Match(pattern, prefix); ok && err == nil {
			return true
		}
	}
	return false
}

// entry makes an entry of a manifest's, its content generated.
func (p *plan) entry(m manifest.Entry) layer.Entry {
	e := layer.Entry{Name: m.Path[1:], Mode: m.Mode, UID: m.UID, GID: m.GID, ModTime: p.Time, Target: m.Target}
	if t := time.Unix(m.Time, 0).UTC(); m.Time != 0 && t.Before(p.Time) {
		e.ModTime = t // packages that are newer than the image are as old as it is
	}
	switch {
	case m.HardLink():
		e.Link, e.Target = m.Target[1:], ""
	case m.Mode.IsRegular():
		e.Content = generate(m, cmp.Or(p.Family, "gnu"))
	case m.Mode.Type() == linux.S_IFCHR:
		e.Rdev = linux.Mkdev(m.Major, m.Minor)
	}
	return e
}

// seed is what a file's generated bytes follow from.
func seed(name string, size int64) uint64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s %d", name, size)
	return h.Sum64()
}

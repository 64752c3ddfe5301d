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
		l = layer.Lazy(d.diffID, d.size, func() ([]layer.Entry, error) { return r.list(name) })
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
		p.Alpine = cmp.Or(d.Alpine, like.Alpine)
		p.SplitUsr, p.Recommends = d.SplitUsr || like.SplitUsr, d.Recommends || like.Recommends
		if d.Time.IsZero() {
			p.Time = like.Time
		}
	}
	suites, err := r.find(p.Suites)
	if err != nil {
		return nil, fmt.Errorf("layer %s: %w", name, err)
	}
	if p.contents, err = contents(suites); err != nil {
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

// find finds suites by their names, wherever they are.
func (r *Registry) find(names []string) ([]*suite, error) {
	all := make([]*suite, len(names))
	for i, name := range names {
		err := fs.ErrNotExist
		for _, f := range r.folders {
			if all[i], err = f.suite(name); !errors.Is(err, fs.ErrNotExist) {
				break
			}
		}
		if err != nil {
			return nil, fmt.Errorf("suite %s: %w", name, err)
		}
	}
	return all, nil
}

// contents are the texts of suites; the first that has one counts.
func contents(suites []*suite) (map[string]string, error) {
	all := map[string]string{}
	for _, s := range suites {
		texts, err := s.contents()
		if err != nil {
			return nil, err
		}
		for name, text := range texts {
			if _, ok := all[name]; !ok {
				all[name] = text
			}
		}
	}
	return all, nil
}

// packages joins the packages of suites. There is one Suite for each list of names.
func (r *Registry) packages(names []string) (*debian.Suite, error) {
	suites, err := r.find(names)
	if err != nil {
		return nil, err
	}
	var folders []fs.FS
	for _, s := range suites {
		folder, err := s.packages()
		if err != nil {
			return nil, err
		}
		folders = append(folders, folder)
	}
	key := strings.Join(names, " ")
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.suites[key] == nil {
		r.suites[key] = debian.OpenSuite(folders...)
	}
	return r.suites[key], nil
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
	if len(p.Suites) == 0 {
		return nil, nil, errors.New("it installs packages of no suite")
	}
	packages, err := r.packages(p.Suites)
	if err != nil {
		return nil, nil, err
	}
	installed := map[string]bool{}
	for _, q := range below {
		installed[q.Name()] = true
	}
	names, err := packages.Select(func(name string) bool { return installed[name] }, p.Install, p.Recommends)
	if err != nil {
		return nil, nil, err
	}
	for _, name := range names {
		q, err := packages.Package(name)
		if err != nil {
			return nil, nil, err
		}
		own = append(own, q)
	}
	return below, own, nil
}

// file is a file of a layer, and what a list says of it.
type file struct {
	layer.Entry
	kind    manifest.Kind
	program string
	known   bool // the text is put together from the packages
}

// entries puts together the files of a layer from its description.
func (r *Registry) entries(name string) ([]layer.Entry, error) {
	_, files, err := r.files(name)
	if err != nil {
		return nil, err
	}
	entries := make([]layer.Entry, len(files))
	for i, f := range files {
		entries[i] = f.Entry
	}
	return entries, nil
}

func (r *Registry) files(name string) (*plan, []file, error) {
	p, err := r.plan(name, 0)
	if err != nil {
		return nil, nil, err
	}
	if p.Alpine != "" {
		files, err := r.alpineLayer(p)
		if err != nil {
			return nil, nil, fmt.Errorf("layer %s: %w", name, err)
		}
		return p, files, nil
	}
	below, installed, err := r.installation(p, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("layer %s: %w", name, err)
	}
	unpacked, removed := p.unpack(below, installed)
	files, err := p.merge(unpacked, p.own(unpacked, removed))
	if err != nil {
		return nil, nil, fmt.Errorf("layer %s: %w", name, err)
	}
	return p, files, nil
}

// own is what the description itself says, which stands before what packages bring.
func (p *plan) own(unpacked []*debian.File, removed []string) map[string]file {
	own := map[string]file{}
	for _, m := range p.manifest {
		if !p.omits(m.Path) {
			own[m.Path] = p.file(m)
		}
	}
	for _, f := range unpacked {
		if _, ok := own[f.Path]; !ok && p.rootfs[f.Path] != "" {
			own[f.Path] = p.file(f.Entry)
		}
	}
	for name, text := range p.rootfs {
		f, ok := own[name]
		if !ok || !f.Mode.IsRegular() {
			f = file{Entry: layer.Entry{Name: name[1:], Mode: linux.S_IFREG | 0o644, ModTime: p.Time}, kind: manifest.Text}
			if strings.HasPrefix(text, "#!") {
				f.Mode |= 0o111
			}
		}
		f.Content = layer.Text(text)
		own[name] = f
	}
	if p.On != "" {
		for _, gone := range slices.Concat(p.Remove, removed) {
			own[gone] = file{Entry: layer.Entry{Name: strings.TrimPrefix(gone, "/"), Whiteout: true, ModTime: p.Time}}
		}
	}
	return own
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

// merge puts together the files of packages, which are sorted, where own has nothing at their path,
// and own. Other names of files come last.
func (p *plan) merge(unpacked []*debian.File, own map[string]file) ([]file, error) {
	paths := slices.Sorted(maps.Keys(own))
	files := make([]file, 0, len(unpacked)+len(paths))
	var links []file
	add := func(f file) {
		if f.Link != "" {
			links = append(links, f)
		} else {
			files = append(files, f)
		}
	}
	for _, u := range unpacked {
		for len(paths) > 0 && paths[0] < u.Path {
			add(own[paths[0]])
			paths = paths[1:]
		}
		if len(paths) > 0 && paths[0] == u.Path {
			continue
		}
		f := p.file(u.Entry)
		if u.Known {
			f.Content, f.known = layer.Text(u.Text), true
		}
		add(f)
	}
	for _, name := range paths {
		add(own[name])
	}
	files = append(files, links...)
	return files, linkUp(files)
}

// linkUp gives the other names of files, which come after them, the files' modes and owners.
func linkUp(files []file) error {
	first := map[string]int{}
	for _, f := range files {
		if f.Link != "" {
			first[f.Link] = -1
		}
	}
	if len(first) == 0 {
		return nil
	}
	for i, f := range files {
		if _, ok := first[f.Name]; ok && f.Link == "" {
			first[f.Name] = i
		}
	}
	for i := range files {
		f := &files[i]
		if f.Link == "" {
			continue
		}
		j := first[f.Link]
		if j < 0 {
			return fmt.Errorf("/%s is another name of /%s, which is no file of it", f.Name, f.Link)
		}
		f.Mode, f.UID, f.GID, f.ModTime = files[j].Mode, files[j].UID, files[j].GID, files[j].ModTime
	}
	return nil
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

// file makes a file of a line of a manifest: its content is the suite's text of that path, or
// generated.
func (p *plan) file(m manifest.Entry) file {
	f := file{
		Entry: layer.Entry{Name: m.Path[1:], Mode: m.Mode, UID: m.UID, GID: m.GID, ModTime: p.Time, Target: m.Target},
		kind:  m.Kind, program: m.Program,
	}
	if t := time.Unix(m.Time, 0).UTC(); m.Time != 0 && t.Before(p.Time) {
		f.ModTime = t // packages that are newer than the image are as old as it is
	}
	switch {
	case m.HardLink():
		f.Link, f.Target = m.Target[1:], ""
	case m.Mode.IsRegular():
		if text, ok := p.contents[m.Path]; ok {
			f.Content = fill(text, m.Path, m.Size)
		} else {
			f.Content = generate(m, cmp.Or(p.Family, "gnu"))
		}
	case m.Mode.Type() == linux.S_IFCHR:
		f.Rdev = linux.Mkdev(m.Major, m.Minor)
	}
	return f
}

// seed is what a file's generated bytes follow from.
func seed(name string, size int64) uint64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s %d", name, size)
	return h.Sum64()
}

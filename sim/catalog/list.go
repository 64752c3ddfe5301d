package catalog

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"

	"github.com/dockerlab/dockerlab/sim/catalog/manifest"
	"github.com/dockerlab/dockerlab/sim/layer"
	"github.com/dockerlab/dockerlab/sim/linux"
)

// A list is what a layer's description comes to, lists/NAME.gz: a manifest of all its files in the
// order of its tar. "%gone" before a line makes it a whiteout; after "%known" stand the paths of the
// files whose text is put together from packages, dpkg's database. It saves reading hundreds of
// packages when the lab starts. The test that has -update writes it; a folder may have none.

// list gives the files of a layer by its list, or, if it has none, by its description.
func (r *Registry) list(name string) ([]layer.Entry, error) {
	_, f, err := r.describe(name)
	if err != nil {
		return nil, err
	}
	packed, err := readFile(f.fsys, "lists/"+name+".gz")
	if errors.Is(err, fs.ErrNotExist) {
		return r.entries(name)
	}
	if err != nil {
		return nil, fmt.Errorf("layer %s: %w", name, err)
	}
	p, err := r.plan(name, 0)
	if err != nil {
		return nil, err
	}
	entries, err := r.readList(p, packed)
	if err != nil {
		return nil, fmt.Errorf("layer %s: its list: %w", name, err)
	}
	return entries, nil
}

func (r *Registry) readList(p *plan, packed []byte) ([]layer.Entry, error) {
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(z)
	if err != nil {
		return nil, err
	}
	var files []file
	section := ""
	texts := map[string]int{} // where the files of kind Text are, which may be known
	known := sync.OnceValues(func() (map[string]layer.Content, error) { return r.known(p.name) })
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case strings.HasPrefix(line, "%"):
			section = line
		case section == "%known":
			i, ok := texts[line]
			if !ok {
				return nil, fmt.Errorf("the known file %s is not listed", line)
			}
			files[i].Content = knownText{path: line, size: files[i].Content.Size(), all: known}
		default:
			m, err := manifest.Parse(line)
			if err != nil {
				return nil, err
			}
			f := p.file(m)
			if text, ok := p.rootfs[m.Path]; ok && m.Mode.IsRegular() {
				f.Content = fill(text, m.Path, m.Size)
			}
			if m.Kind == manifest.Text {
				texts[m.Path] = len(files)
			}
			if section == "%gone" {
				f.Entry = layer.Entry{Name: f.Name, Whiteout: true, ModTime: p.Time}
			}
			files = append(files, f)
		}
	}
	if err := linkUp(files); err != nil {
		return nil, err
	}
	entries := make([]layer.Entry, len(files))
	for i, f := range files {
		entries[i] = f.Entry
	}
	return entries, nil
}

// known puts together the texts that a list leaves out.
func (r *Registry) known(name string) (map[string]layer.Content, error) {
	entries, err := r.entries(name)
	if err != nil {
		return nil, err
	}
	all := map[string]layer.Content{}
	for _, e := range entries {
		if e.Content != nil {
			all["/"+e.Name] = e.Content
		}
	}
	return all, nil
}

// knownText is a file that is put together when it is read.
type knownText struct {
	path string
	size int64
	all  func() (map[string]layer.Content, error)
}

func (k knownText) Size() int64 { return k.size }

func (k knownText) ReadAt(p []byte, off int64) (int, error) {
	all, err := k.all()
	if err != nil {
		return 0, err
	}
	c := all[k.path]
	if c == nil || c.Size() != k.size {
		return 0, fmt.Errorf("catalog: %s is not what its layer's list says", k.path)
	}
	return c.ReadAt(p, off)
}

// writeList writes the list of a layer.
func (r *Registry) writeList(w io.Writer, name string) error {
	p, files, err := r.files(name)
	if err != nil {
		return err
	}
	b := bufio.NewWriter(w)
	var known []string
	for _, f := range files {
		m := manifest.Entry{
			Path: "/" + f.Name, Mode: f.Mode, UID: f.UID, GID: f.GID, Target: f.Target, Kind: f.kind, Program: f.program,
			Major: f.Rdev.Major(), Minor: f.Rdev.Minor(),
		}
		if !f.ModTime.Equal(p.Time) {
			m.Time = f.ModTime.Unix()
		}
		switch {
		case f.Whiteout:
			m = manifest.Entry{Path: m.Path, Mode: linux.S_IFREG, Kind: manifest.Text}
			fmt.Fprintf(b, "%%gone\n%s\n%%files\n", m)
			continue
		case f.Link != "":
			m = manifest.Entry{Path: m.Path, Target: "/" + f.Link}
		case f.Mode.IsRegular():
			m.Size = f.Content.Size()
		}
		if f.known {
			known = append(known, m.Path)
		}
		fmt.Fprintln(b, m)
	}
	if len(known) > 0 {
		fmt.Fprintf(b, "%%known\n%s\n", strings.Join(known, "\n"))
	}
	return b.Flush()
}

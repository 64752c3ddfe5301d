package catalog

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/dockerlab/dockerlab/sim/layer"
)

var (
	derive = flag.Bool("derive", false, "derive the diff IDs of all layers from their tars, about a gigabyte")
	update = flag.Bool("update", false, "derive them and write data/digests")
)

// The digests that the catalogue comes with are those of its layers: go test -args -derive. After
// a change to the data, -update writes them anew.
func TestDigestsAreThoseOfTheTars(t *testing.T) {
	if !*derive && !*update {
		t.Skip("reads a gigabyte: pass -args -derive")
	}
	r := Open()
	known, err := r.folders[0].digests()
	if err != nil && !*update {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("# layer, diff ID, size, compressed size: written by go test ./sim/catalog -args -update\n")
	for _, name := range layerNames(t, r) {
		entries, err := r.entries(name)
		if err != nil {
			t.Fatal(err)
		}
		l, err := layer.New(entries)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got := digests{l.DiffID(), l.Size(), compressedSize(entries)}
		fmt.Fprintln(&b, name, got.diffID, got.size, got.compressed)
		if want := known[name]; got != want && !*update {
			t.Errorf("layer %s is %v, the catalogue has %v", name, got, want)
		}
	}
	if *update {
		if err := os.WriteFile("data/digests", []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// A layer's list says what its description comes to.
func TestListsAreWhatTheDescriptionsComeTo(t *testing.T) {
	r := Open()
	for _, name := range layerNames(t, r) {
		if *update {
			var b bytes.Buffer
			z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
			if err != nil {
				t.Fatal(err)
			}
			if err := r.writeList(z, name); err != nil {
				t.Fatal(err)
			}
			if err := z.Close(); err != nil {
				t.Fatal(err)
			}
			file := path.Join("data/lists", name+".gz")
			if err := os.MkdirAll(path.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		listed, err := r.list(name)
		if err != nil {
			t.Fatal(err)
		}
		described, err := r.entries(name)
		if err != nil {
			t.Fatal(err)
		}
		if len(listed) != len(described) {
			t.Errorf("layer %s: %d files are listed, %d described: run with -args -update", name, len(listed), len(described))
			continue
		}
		for i, got := range listed {
			want := described[i]
			if a, b := beginning(t, got.Content), beginning(t, want.Content); a != b {
				t.Errorf("layer %s: /%s begins with %.60q, want %.60q", name, got.Name, a, b)
			}
			got.Content, want.Content = nil, nil
			if !reflect.DeepEqual(got, want) {
				t.Errorf("layer %s: listed is %+v, described %+v", name, got, want)
			}
		}
	}
}

// beginning is the first bytes of a content and its size.
func beginning(t *testing.T, c layer.Content) string {
	t.Helper()
	if c == nil {
		return ""
	}
	head := make([]byte, 200)
	n, err := c.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d %s", c.Size(), head[:n])
}

// The data has not changed since the digests were derived: a hash of what every layer lists and of
// how its files begin, which takes no gigabyte of reading.
func TestDigestsAreUpToDate(t *testing.T) {
	const file = "testdata/fingerprints"
	r := Open()
	var b strings.Builder
	for _, name := range layerNames(t, r) {
		entries, err := r.entries(name)
		if err != nil {
			t.Fatal(err)
		}
		h := sha256.New()
		head := make([]byte, 500)
		for _, e := range entries {
			fmt.Fprintln(h, e.Name, e.Mode, e.UID, e.GID, e.ModTime.Unix(), e.Target, e.Link, e.Rdev, e.Whiteout)
			if e.Content == nil || e.Link != "" {
				continue
			}
			n, err := e.Content.ReadAt(head, 0)
			if err != nil && err != io.EOF {
				t.Fatalf("layer %s: /%s: %v", name, e.Name, err)
			}
			fmt.Fprintln(h, e.Content.Size())
			h.Write(head[:n])
		}
		fmt.Fprintf(&b, "%s %x\n", name, h.Sum(nil))
	}
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	old := strings.Split(string(want), "\n")
	for line := range strings.Lines(b.String()) {
		if line = strings.TrimSpace(line); !slices.Contains(old, line) {
			t.Errorf("layer %s has changed: derive the digests anew with go test ./sim/catalog -args -update", strings.Fields(line)[0])
		}
	}
}

// layerNames are the layers of all images of a catalogue, and of its host.
func layerNames(t *testing.T, r *Registry) []string {
	names := slices.Clone(hostLayers)
	for _, image := range imageNames(t, r) {
		repository, err := r.read(image)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range repository.variants {
			for _, s := range v.History {
				if s.Layer != "" && !slices.Contains(names, s.Layer) {
					names = append(names, s.Layer)
				}
			}
		}
	}
	return names
}

// imageNames are the repositories of a catalogue, as their files are named.
func imageNames(t *testing.T, r *Registry) []string {
	var names []string
	for _, f := range r.folders {
		err := fs.WalkDir(f.fsys, "images", func(file string, d fs.DirEntry, err error) error {
			if err == nil && path.Ext(file) == ".yaml" {
				names = append(names, strings.TrimSuffix(strings.TrimPrefix(file, "images/"), ".yaml"))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return names
}

package lineage_test

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	"golang.org/x/tools/txtar"

	"github.com/dockerlab/dockerlab/sim/image"
	"github.com/dockerlab/dockerlab/sim/image/archive"
	"github.com/dockerlab/dockerlab/sim/layer"
	"github.com/dockerlab/dockerlab/sim/lineage"
)

// savedCases are builds that a real engine (20.10.24, overlay2) made and saved. What is in
// testdata/saved.txtar of each is a listing of the layers in its archive, the sizes that docker
// history gave them, and how many bytes of files docker export gave of a container.
//
//	DOCKER_HOST=... go test -tags engine ./sim/lineage -run TestRecord -record
//
// records it again. Each begins FROM scratch with a shell and the files of savedBase.
var savedCases = []struct {
	name string
	runs []string
	want string // the waste: path, bytes, layer>by, how, in the order of Stack.Waste
}{
	{"nothing hidden", []string{"echo new > /new"}, ""},
	{"three copies", []string{"echo 22 > /d/a", "echo 333 > /d/a"}, "/d/a 1000 1>2 rewritten; /d/a 3 2>3 rewritten"},
	{"chmod, chown, touch", []string{"chmod 600 /d/a", "chown 7:7 /d/a", "touch -d @1000 /d/a"},
		"/d/a 1000 1>2 attributes mode; /d/a 1000 2>3 attributes owner; /d/a 1000 3>4 attributes mtime"},
	{"changed and changed back", []string{"chmod 600 /d/a; chmod 644 /d/a"}, "/d/a 1000 1>2 copied"},
	{"removed", []string{"rm /d/a /d/b", "rm -r /d"}, "/d/a 1000 1>2 removed; /d/sub/deep 300 1>3 removed-above; /d/b 20 1>2 removed"},
	{"a directory made again", []string{"rm -r /d; mkdir /d; echo x > /d/a"}, "/d/a 1000 1>2 opaque; /d/sub/deep 300 1>2 opaque; /d/b 20 1>2 opaque"},
	{"a directory becomes a file", []string{"rm -r /d; echo file > /d"}, "/d/a 1000 1>2 covered; /d/sub/deep 300 1>2 covered; /d/b 20 1>2 covered"},
	{"a file becomes a directory", []string{"rm /d/a; mkdir /d/a; echo x > /d/a/x"}, "/d/a 1000 1>2 replaced"},
	{"a file becomes a symlink", []string{"ln -sf b /d/a"}, "/d/a 1000 1>2 replaced"},
	{"a hard link to a lower file", []string{"ln /d/a /e"}, "/d/a 1000 1>2 linked"},
	{"copy-up breaks a hard link", []string{"echo more >> /l1"}, ""},
	{"one name of a hard link removed", []string{"rm /l1"}, ""},
	{"both names removed", []string{"rm /l1", "rm /l2"}, "/l1=/l2 500 1>3 removed"},
	{"moved", []string{"mv /d/a /moved"}, "/d/a 1000 1>2 removed"},
	{"a lower directory moved", []string{"mv /d /moved"}, "/d/a 1000 1>2 removed-above; /d/sub/deep 300 1>2 removed-above; /d/b 20 1>2 removed-above"},
	{"made and removed in one step", []string{"head -c 5000 /dev/zero > /big; rm /big"}, ""},
	{"made and removed in two", []string{"head -c 5000 /dev/zero > /big", "rm /big"}, "/big 5000 2>3 removed"},
	{"brought back", []string{"rm /d/b", "echo back > /d/b"}, "/d/b 20 1>2 removed"},
}

// savedFile is a file of savedBase: its path, and how many bytes it has.
type savedFile struct {
	name string
	size int
}

// savedBase is what each case begins with; l2 is another name of l1.
var savedBase = []savedFile{{"d/a", 1000}, {"d/b", 20}, {"d/sub/deep", 300}, {"l1", 500}}

// The listing of a layer has a line for each member of its tar: type, mode, uid, gid, time, size,
// a sum of the content or -, the name, and what a link leads to.
const listing = "%c %o %d %d %d %d %s %q %q"

// list writes the listing of a layer's tar.
func list(r io.Reader) (string, error) {
	var out strings.Builder
	t := tar.NewReader(r)
	for {
		h, err := t.Next()
		if err == io.EOF {
			return out.String(), nil
		}
		if err != nil {
			return "", err
		}
		sum := "-"
		if h.Size > 0 {
			d, err := digest.FromReader(t)
			if err != nil {
				return "", err
			}
			sum = d.Encoded()[:12]
		}
		fmt.Fprintf(&out, listing+"\n", h.Typeflag, h.Mode, h.Uid, h.Gid, h.ModTime.Unix(), h.Size, sum, h.Name, h.Linkname)
	}
}

// unlist makes a tar of a listing. Contents are others than they were, and the same where these
// were.
func unlist(text []byte) ([]byte, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for line := range strings.Lines(string(text)) {
		var h tar.Header
		var kind rune
		var unix int64
		var sum string
		if _, err := fmt.Sscanf(line, listing, &kind, &h.Mode, &h.Uid, &h.Gid, &unix, &h.Size, &sum, &h.Name, &h.Linkname); err != nil {
			return nil, fmt.Errorf("%q: %w", line, err)
		}
		h.Typeflag, h.ModTime = byte(kind), time.Unix(unix, 0)
		if err := w.WriteHeader(&h); err != nil {
			return nil, err
		}
		if h.Size > 0 {
			var seed uint64
			fmt.Sscanf(sum, "%x", &seed)
			if _, err := io.Copy(w, layer.NewReader(layer.Generated(seed, h.Size))); err != nil {
				return nil, err
			}
		}
	}
	return out.Bytes(), w.Close()
}

// savedArchive makes an archive as docker save does, of listings.
func savedArchive(t *testing.T, listings [][]byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	put := func(name string, body []byte) {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(body)), Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		w.Write(body)
	}
	var names []string
	config := image.Config{RootFS: &image.RootFS{Type: "layers"}}
	for i, text := range listings {
		b, err := unlist(text)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, fmt.Sprintf("%064x/layer.tar", i))
		put(names[i], b)
		config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, digest.FromBytes(b))
	}
	raw, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	put("config.json", raw)
	manifest, err := json.Marshal([]map[string]any{{"Config": "config.json", "Layers": names}})
	if err != nil {
		t.Fatal(err)
	}
	put("manifest.json", manifest)
	w.Close()
	return out.Bytes()
}

// savedAnswer is what the engine said of a case.
type savedAnswer struct {
	Sizes   []int64 // of the layers, from the bottom up
	Visible int64
}

func TestArchivesOfARealEngine(t *testing.T) {
	file, err := txtar.ParseFile("testdata/saved.txtar")
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string][]byte{}
	for _, f := range file.Files {
		sections[f.Name] = f.Data
	}
	for _, c := range savedCases {
		t.Run(c.name, func(t *testing.T) {
			var answer savedAnswer
			if err := json.Unmarshal(sections[c.name+"/engine"], &answer); err != nil {
				t.Fatalf("not recorded: %v", err)
			}
			var listings [][]byte
			for _, name := range slices.Sorted(maps.Keys(sections)) {
				if strings.HasPrefix(name, c.name+"/layer") {
					listings = append(listings, sections[name])
				}
			}
			images, err := archive.Read(bytes.NewReader(savedArchive(t, listings)), archive.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			s, err := lineage.New(lineage.Parts(images[0].Config.History, images[0].Layers))
			if err != nil {
				t.Fatal(err)
			}
			var sizes []int64
			for _, l := range s.Layers {
				sizes = append(sizes, l.Size)
			}
			if !slices.Equal(sizes, answer.Sizes) {
				t.Errorf("layers of %d bytes, the engine says %d", sizes, answer.Sizes)
			}
			if s.Visible() != answer.Visible {
				t.Errorf("%d bytes can be seen, the engine exports %d", s.Visible(), answer.Visible)
			}
			var waste []string
			for _, w := range s.Waste() {
				line := fmt.Sprintf("%s %d %d>%d %v", strings.Join(append([]string{w.Path}, w.Links...), "="), w.Bytes, w.Layer, w.By, w.How)
				if w.How == lineage.Attributes {
					line += " " + strings.Join(w.Diff.Words(), ",")
				}
				waste = append(waste, line)
			}
			if got := strings.Join(waste, "; "); got != c.want {
				t.Errorf("waste\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

package image

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/distribution/reference"
	"github.com/docker/docker/api/types/container"
	"github.com/opencontainers/go-digest"

	"github.com/dockerlab/dockerlab/sim/layer"
	"github.com/dockerlab/dockerlab/sim/linux"
)

// The archives in testdata were written by Docker Engine 20.10.24, of images made thus, root.tar
// being a few files:
//
//	docker import -m "a message" -c 'CMD ["/x"]' -c 'ENV A=b' root.tar storage-fx:1
//	docker create --name c storage-fx:1 /y; docker cp motd c:/etc/new
//	docker commit -a 'me <me@x>' -m msg -c 'LABEL k=v' c storage-fx:2; docker commit c storage-fx:3
//	docker tag storage-fx:2 storage-fx/o:9; docker rm c
//	docker create --name c storage-fx:2 /y; docker commit -c 'CMD ["/z"]' c storage-fx:4
//	docker save storage-fx:1 | gzip > imported.tar.gz                      # and so on

func saved(t testing.TB, name string) []byte {
	t.Helper()
	f, err := os.Open("testdata/" + name + ".tar.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func load(t testing.TB, s *Store, archive []byte) (*Store, []*Image, string) {
	t.Helper()
	var out strings.Builder
	s, is, err := s.Load(bytes.NewReader(archive), LoadOptions{Line: func(l string) { out.WriteString(l) }})
	if err != nil {
		t.Fatal(err)
	}
	return s, is, out.String()
}

func TestWhatTheEngineSavedIsSavedAgainToTheByte(t *testing.T) {
	for _, c := range []struct {
		archive string
		names   []string
		printed string
	}{
		{"imported", []string{"storage-fx:1"}, "Loaded image: storage-fx:1\n"},
		{"committed", []string{"storage-fx:2"}, "Loaded image: storage-fx:2\n"},
		{"committed-unchanged", []string{"storage-fx:4"}, "Loaded image: storage-fx:4\n"},
		{"parent-and-child", []string{"storage-fx:4", "storage-fx:2"}, "Loaded image: storage-fx:4\nLoaded image: storage-fx:2\n"},
		{"three-names", nil, "Loaded image: storage-fx:2\nLoaded image: storage-fx/o:9\nLoaded image: storage-fx:3\nLoaded image: storage-fx:1\n"},
	} {
		t.Run(c.archive, func(t *testing.T) {
			archive := saved(t, c.archive)
			s, is, out := load(t, &Store{}, archive)
			if c.names == nil { // the order of several images is no order, in the engine
				var m []manifestItem
				files(t, archive, map[string]any{manifestFile: &m})
				for _, item := range m {
					c.names = append(c.names, item.RepoTags...)
				}
				c.printed = ""
				for _, n := range c.names {
					c.printed += "Loaded image: " + n + "\n"
				}
			}
			if out != c.printed {
				t.Errorf("printed %q", out)
			}
			for _, i := range is {
				if _, err := archiveFile(archive, i.ID.Encoded()+".json"); err != nil {
					t.Errorf("image %s is not in the archive", i.ID)
				}
			}
			var b bytes.Buffer
			if err := s.Save(&b, c.names, linkTime(archive)); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(b.Bytes(), archive) {
				t.Errorf("saved otherwise:\n%s\nthe engine's:\n%s", listing(b.Bytes()), listing(archive))
			}
		})
	}
}

// linkTime is when the engine wrote the archive: the time of its symlinks, which have no other.
func linkTime(b []byte) time.Time {
	r := tar.NewReader(bytes.NewReader(b))
	for {
		h, err := r.Next()
		if err != nil {
			return time.Time{}
		}
		if h.Typeflag == tar.TypeSymlink {
			return h.ModTime
		}
	}
}

func listing(b []byte) string {
	var out strings.Builder
	r := tar.NewReader(bytes.NewReader(b))
	for {
		h, err := r.Next()
		if err != nil {
			return out.String()
		}
		text, _ := io.ReadAll(r)
		fmt.Fprintf(&out, "%s %o %d %d %s\n", h.Name, h.Mode, h.Size, h.ModTime.Unix(), digest.FromBytes(text).Encoded()[:12])
	}
}

func archiveFile(archive []byte, name string) ([]byte, error) {
	r := tar.NewReader(bytes.NewReader(archive))
	for {
		h, err := r.Next()
		if err != nil {
			return nil, err
		}
		if h.Name == name {
			return io.ReadAll(r)
		}
	}
}

func files(t testing.TB, archive []byte, want map[string]any) {
	t.Helper()
	for name, v := range want {
		b, err := archiveFile(archive, name)
		if err != nil {
			t.Fatal(name, err)
		}
		if err := json.Unmarshal(b, v); err != nil {
			t.Fatal(name, err)
		}
	}
}

func TestConfigurationsAreWrittenAsTheEngineWritesThem(t *testing.T) {
	var last *Image
	for _, name := range []string{"imported", "committed", "committed-unchanged"} {
		_, is, _ := load(t, &Store{}, saved(t, name))
		i := is[0]
		again, err := New(i.Config, i.Layers)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again.Raw, i.Raw) || again.ID != i.ID {
			t.Errorf("%s: written as\n%s\nthe engine's\n%s", name, again.Raw, i.Raw)
		}
		// And made of what the engine was given.
		c := i.Config
		h := c.History[len(c.History)-1]
		var made *Image
		if last == nil {
			made, err = Imported(i.Layers.Top, c.Config, c.Comment, c.Created)
		} else {
			s := Step{Config: c.Config, ContainerConfig: c.ContainerConfig, Container: c.Container, Created: c.Created,
				Author: h.Author, Comment: h.Comment, CreatedBy: strings.Join(c.ContainerConfig.Cmd, " ")}
			if !h.EmptyLayer {
				s.Layer = i.Layers.Top
			}
			made, err = Child(last, s)
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.ReplaceAll(string(made.Raw), `"20.10.24"`, `"20.10.24+dfsg1"`); got != string(i.Raw) {
			t.Errorf("%s: made as\n%s\nthe engine's\n%s", name, got, i.Raw)
		}
		if last != nil && made.Parent != last.ID {
			t.Errorf("%s: parent %s", name, made.Parent)
		}
		last = i
	}
}

func small(t testing.TB, text string) *layer.Layer {
	t.Helper()
	l, err := layer.New([]layer.Entry{{Name: "f", Mode: linux.S_IFREG | 0o644, Content: layer.Text(text)}})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func newImage(t testing.TB, texts ...string) *Image {
	t.Helper()
	var s *layer.Stack
	for _, x := range texts {
		var err error
		if s, err = s.Push(small(t, x)); err != nil {
			t.Fatal(err)
		}
	}
	i, err := New(Config{Config: &container.Config{}, OS: OS, Comment: strings.Join(texts, " ")}, s)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func named(t testing.TB, s string) reference.Named {
	t.Helper()
	r, err := ParseName(s)
	if err != nil {
		t.Fatal(err)
	}
	return reference.TagNameOnly(r)
}

func TestImageHasAtMost125Layers(t *testing.T) {
	i := newImage(t, "base")
	for n := 2; ; n++ {
		next, err := Child(i, Step{Layer: small(t, fmt.Sprint(n))})
		if n <= 125 && err != nil || n == 126 && (err != layer.ErrMaxDepth || err.Error() != "max depth exceeded") {
			t.Fatalf("layer %d: %v", n, err)
		}
		if n == 126 {
			break
		}
		i = next
	}
	if _, err := Child(i, Step{}); err != layer.ErrMaxDepth {
		t.Errorf("a step that changes no file is %v: of a full image nothing can be made", err)
	}
	tree, err := i.Tree()
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 3)
	tree.Inode(tree.Find("f")).Content.ReadAt(b, 0)
	if string(b) != "125" || i.Layers.Depth() != 125 {
		t.Errorf("%d layers, of which the file is %q", i.Layers.Depth(), b)
	}
}

func TestSameLayerTwiceIsStoredOnce(t *testing.T) {
	i := newImage(t, "one", "two", "one")
	s := (&Store{}).With(i).WithTag(named(t, "twice"), i.ID, time.Time{})
	var b bytes.Buffer
	if err := s.Save(&b, []string{"twice"}, time.Unix(1e9, 0)); err != nil {
		t.Fatal(err)
	}
	links := 0
	r := tar.NewReader(bytes.NewReader(b.Bytes()))
	for h, err := r.Next(); err == nil; h, err = r.Next() {
		if h.Typeflag == tar.TypeSymlink {
			links++
		}
	}
	_, is, _ := load(t, &Store{}, b.Bytes())
	if links != 1 || is[0].ID != i.ID || is[0].Layers.ChainID() != i.Layers.ChainID() {
		t.Errorf("%d symlinks; loaded %v", links, is[0].ID)
	}
}

func TestFindTakesNamesAndIDs(t *testing.T) {
	a, b := newImage(t, "a"), newImage(t, "b")
	hexA := a.ID.Encoded()
	s := (&Store{}).With(a).With(b).
		WithTag(named(t, "busybox"), a.ID, time.Time{}).
		WithTag(named(t, "busybox:1"), b.ID, time.Time{}).
		WithTag(named(t, "reg.io:5000/x/y:z"), b.ID, time.Time{}).
		WithTag(named(t, hexA[:10]), b.ID, time.Time{})
	byDigest, _ := reference.WithDigest(reference.TrimNamed(named(t, "busybox")), digest.FromString("m"))
	s = s.WithTag(byDigest, a.ID, time.Time{})
	for _, c := range []struct {
		ref  string
		want *Image
		err  string
	}{
		{"busybox", a, ""}, {"busybox:latest", a, ""}, {"docker.io/library/busybox", a, ""}, {"busybox:1", b, ""},
		{"reg.io:5000/x/y:z", b, ""}, {byDigest.String(), a, ""},
		{"busybox:1@" + byDigest.Digest().String(), a, ""}, // the digest decides
		{hexA, a, ""}, {"sha256:" + hexA, a, ""}, {hexA[:12], a, ""}, {"sha256:" + hexA[:12], a, ""},
		{hexA[:10], b, ""}, // a name beats the beginning of an ID
		{"none", nil, "No such image: none:latest"}, {"none:1", nil, "No such image: none:1"},
		{"reg.io/none", nil, "No such image: reg.io/none:latest"},
		{strings.Repeat("0", 64), nil, "No such image: sha256:" + strings.Repeat("0", 64)},
		{"UPPER", nil, "invalid reference format: repository name must be lowercase"},
		{"a b", nil, "invalid reference format"}, {"", nil, "invalid reference format"},
	} {
		i, err := s.Find(c.ref)
		if i != c.want || err != nil && err.Error() != c.err || err == nil && c.err != "" {
			t.Errorf("Find(%q): %v, %v; want %q", c.ref, i, err, c.err)
		}
		var missing *NotFoundError
		if errors.As(err, &missing) != strings.HasPrefix(c.err, "No such") {
			t.Errorf("Find(%q): error of type %T", c.ref, err)
		}
	}
}

func TestStoreThatIsChangedIsAnother(t *testing.T) {
	parent := newImage(t, "a")
	child, err := Child(parent, Step{Layer: small(t, "b")})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Unix(1e9, 0)
	none := &Store{}
	two := none.With(parent).With(child).WithTag(named(t, "p"), parent.ID, at).WithTag(named(t, "q"), parent.ID, at).WithTag(named(t, "c"), child.ID, at)
	less := two.Without(parent.ID)
	moved := two.WithTag(named(t, "q"), child.ID, at.Add(1))
	bare := two.WithoutTag(named(t, "p"))
	for _, c := range []struct {
		what  string
		s     *Store
		want  string
		depth int
	}{
		{"nothing", none, "", 0},
		{"two images", two, "[p:latest q:latest] [c:latest]", 2},
		{"without the parent", less, "[] [c:latest]", 2},
		{"with a name moved", moved, "[p:latest] [c:latest q:latest]", 2},
		{"with a name gone", bare, "[q:latest] [c:latest]", 2},
	} {
		got := ""
		if c.s.Len() > 0 {
			got = fmt.Sprint(familiar(c.s.Refs(parent.ID)), " ", familiar(c.s.Refs(child.ID)))
		}
		if got != c.want || len(c.s.Stacks()) != c.depth {
			t.Errorf("%s: names %s, %d layers", c.what, got, len(c.s.Stacks()))
		}
	}
	if k := two.Children(parent.ID); len(k) != 1 || k[0] != child.ID {
		t.Errorf("children %v", k)
	}
	if less.Get(child.ID).Parent != "" || two.Get(child.ID).Parent != parent.ID {
		t.Error("an image without its parent must have none, and only there")
	}
	if moved.LastTagged(child.ID) != at.Add(1) || two.LastTagged(child.ID) != at {
		t.Error("the time of tagging is not that of the store")
	}
	if r := familiar(two.Named(named(t, "p"))); len(r) != 1 || r[0] != "p:latest" {
		t.Errorf("names of the repository: %v", r)
	}
}

func familiar(refs []reference.Named) []string {
	out := []string{}
	for _, r := range refs {
		out = append(out, reference.FamiliarString(r))
	}
	return out
}

func archiveOf(t testing.TB, fs map[string]string) []byte {
	t.Helper()
	e := layer.NewTree().Edit()
	for name, text := range fs {
		dir := e.Root()
		parts := strings.Split(name, "/")
		for _, p := range parts[:len(parts)-1] {
			next := e.Lookup(dir, p)
			if next == 0 {
				next = e.New(layer.Inode{Mode: linux.S_IFDIR | 0o755})
				e.Put(dir, p, next)
			}
			dir = next
		}
		e.Put(dir, parts[len(parts)-1], e.New(layer.Inode{Mode: linux.S_IFREG | 0o644, Nlink: 1, Content: layer.Text(text)}))
	}
	b, err := io.ReadAll(layer.NewTarReader(e.Freeze().Walk(e.Root(), "")))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// What Docker Engine 20.10.24 said of the same archives.
func TestLoadRefusesAsTheEngineDoes(t *testing.T) {
	l, err := small(t, "x").Tar()
	if err != nil {
		t.Fatal(err)
	}
	b, _ := io.ReadAll(l)
	id := digest.FromBytes(b)
	config := `{"os":"linux","rootfs":{"type":"layers","diff_ids":["` + id.String() + `"]}}`
	other := digest.FromString("other")
	for _, c := range []struct {
		what    string
		archive []byte
		want    string
	}{
		{"nothing", nil, "open DIR/repositories: no such file or directory"},
		{"an empty archive", make([]byte, 1024), "open DIR/repositories: no such file or directory"},
		{"a few bytes", []byte("junk"), "Error processing tar file(exit status 1): unexpected EOF"},
		{"a block of them", bytes.Repeat([]byte("j"), 512), "Error processing tar file(exit status 1): archive/tar: invalid tar header"},
		{"something else", archiveOf(t, map[string]string{"f": "x"}), "open DIR/repositories: no such file or directory"},
		{"a configuration that is absent", archiveOf(t, map[string]string{"manifest.json": `[{"Config":"absent.json"}]`}), "open DIR/absent.json: no such file or directory"},
		{"a configuration outside of it", archiveOf(t, map[string]string{"manifest.json": `[{"Config":"../../etc/passwd"}]`}), "evalSymlinksInScope: ../etc/passwd is not in DIR"},
		{"an object for a list", archiveOf(t, map[string]string{"manifest.json": "{}"}), "json: cannot unmarshal object into Go value of type []tarexport.manifestItem"},
		{"no JSON", archiveOf(t, map[string]string{"manifest.json": "no json"}), "invalid character 'o' in literal null (expecting 'u')"},
		{"no image", archiveOf(t, map[string]string{"manifest.json": "[]"}), ""},
		{"too few layers", archiveOf(t, map[string]string{"manifest.json": `[{"Config":"c"}]`, "c": config}), "invalid manifest, layers length mismatch: expected 0, got 1"},
		{"no rootfs", archiveOf(t, map[string]string{"manifest.json": `[{"Config":"c"}]`, "c": "{}"}), "invalid image JSON, no RootFS key"},
		{"another layer", archiveOf(t, map[string]string{"manifest.json": `[{"Config":"c","Layers":["l"]}]`, "c": strings.ReplaceAll(config, id.String(), other.String()), "l": string(b)}),
			fmt.Sprintf("invalid diffID for layer 0: expected %q, got %q", other, id)},
		{"an image of Windows", archiveOf(t, map[string]string{"manifest.json": `[{"Config":"c","Layers":["l"]}]`, "c": strings.ReplaceAll(config, "linux", "windows"), "l": string(b)}),
			"cannot load windows image on linux"},
		{"a layer that is no tar", archiveOf(t, map[string]string{"manifest.json": `[{"Config":"c","Layers":["l"]}]`, "c": config, "l": "junk"}),
			"Error processing tar file(exit status 1): unexpected EOF"},
		{"a name without a tag", archiveOf(t, map[string]string{"manifest.json": `[{"Config":"c","Layers":["l"],"RepoTags":["x"]}]`, "c": config, "l": string(b)}), `invalid tag "x"`},
		{"a tag of nothing", archiveOf(t, map[string]string{"repositories": `{"x":{"y":"zz"}}`}), "invalid target ID: zz"},
	} {
		s := &Store{}
		after, is, err := s.Load(bytes.NewReader(c.archive), LoadOptions{Dir: "DIR"})
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s: %s\nthe engine: %s", c.what, got, c.want)
		}
		if c.what != "a name without a tag" && (len(is) > 0 || after.Len() > 0) {
			t.Errorf("%s: left %d images", c.what, after.Len())
		}
	}
	bomb := &bytes.Buffer{}
	z := gzip.NewWriter(bomb)
	io.Copy(z, layer.NewReader(layer.Zero(100<<20)))
	z.Close()
	if _, _, err := (&Store{}).Load(bomb, LoadOptions{Limit: 10 << 20}); !errors.Is(err, layer.ErrTooLarge) {
		t.Errorf("100 MiB of zeros where 10 are the limit: %v", err)
	}
}

func TestOldArchivesBecomeImagesOfToday(t *testing.T) {
	l, _ := small(t, "x").Tar()
	b, _ := io.ReadAll(l)
	old, older := strings.Repeat("b2", 32), strings.Repeat("a1", 32)
	s, is, out := load(t, &Store{}, archiveOf(t, map[string]string{
		old + "/VERSION": "1.0", old + "/layer.tar": string(b),
		old + "/json":      `{"id":"` + old + `","parent":"` + older + `","created":"2019-01-01T00:00:00Z","docker_version":"1.9.0","os":"linux","architecture":"amd64","author":"old","container_config":{"Cmd":["made","it"]},"config":{"Cmd":["/x"],"Env":["A=1"]},"Size":7}`,
		older + "/VERSION": "1.0", older + "/layer.tar": string(make([]byte, 1024)),
		older + "/json": `{"id":"` + older + `","created":"2018-01-01T00:00:00Z","config":null}`,
		"repositories":  `{"name":{"old":"` + old + `"}}`,
	}))
	if len(is) != 2 || out != "" {
		t.Fatalf("%d images, printed %q", len(is), out)
	}
	i, err := s.Find("name:old")
	if err != nil {
		t.Fatal(err)
	}
	if h := i.Config.History; len(h) != 2 || h[1].CreatedBy != "made it" || h[1].Author != "old" || i.Layers.Depth() != 2 || i.Parent != is[0].ID {
		t.Errorf("history %+v, %d layers, parent %s", h, i.Layers.Depth(), i.Parent)
	}
	for _, gone := range []string{old, older, `"Size"`} {
		if strings.Contains(string(i.Raw), gone) {
			t.Errorf("%s is left in the configuration", gone)
		}
	}
}

func TestLayoutsOfOCILoad(t *testing.T) {
	i := newImage(t, "one", "two")
	fs := map[string]string{"oci-layout": `{"imageLayoutVersion":"1.0.0"}`}
	blob := func(media string, b []byte) string {
		d := digest.FromBytes(b)
		fs["blobs/sha256/"+d.Encoded()] = string(b)
		return fmt.Sprintf(`{"mediaType":%q,"digest":%q,"size":%d`, media, d, len(b))
	}
	var layers []string
	for _, l := range i.Layers.Layers() {
		var z bytes.Buffer
		w := gzip.NewWriter(&z)
		l.WriteTo(w)
		w.Close()
		layers = append(layers, blob("application/vnd.oci.image.layer.v1.tar+gzip", z.Bytes())+"}")
	}
	manifest := fmt.Sprintf(`{"schemaVersion":2,"config":%s},"layers":[%s]}`, blob("application/vnd.oci.image.config.v1+json", i.Raw), strings.Join(layers, ","))
	m := blob("application/vnd.oci.image.manifest.v1+json", []byte(manifest))
	fs["index.json"] = `{"schemaVersion":2,"manifests":[` + m + `,"annotations":{"org.opencontainers.image.ref.name":"some/name:tag"}}]}`
	s, is, out := load(t, &Store{}, archiveOf(t, fs))
	if len(is) != 1 || is[0].ID != i.ID || out != "Loaded image: some/name:tag\n" {
		t.Errorf("loaded %v, printed %q", is, out)
	}
	if _, err := s.Find("some/name:tag"); err != nil {
		t.Error(err)
	}
	for name := range fs {
		if !strings.HasPrefix(name, "blobs/") {
			continue
		}
		was := fs[name]
		fs[name] = strings.ReplaceAll(was, "e", "f")
		if fs[name] != was {
			if _, is, err := (&Store{}).Load(bytes.NewReader(archiveOf(t, fs)), LoadOptions{}); err == nil || len(is) > 0 {
				t.Errorf("with another %s: %v, %v", name, is, err)
			}
		}
		fs[name] = was
	}
	// What decompresses to the right tar may be another blob still.
	for name, was := range fs {
		if !strings.HasPrefix(was, "\x1f\x8b") {
			continue
		}
		fs[name] = was + "\x00"
		if _, is, err := (&Store{}).Load(bytes.NewReader(archiveOf(t, fs)), LoadOptions{}); err == nil || !strings.Contains(err.Error(), "has the digest") || len(is) > 0 {
			t.Errorf("a byte behind %s: %v, %v", name, is, err)
		}
		fs[name] = was
	}
}

func TestSaveRefusesAsTheEngineDoes(t *testing.T) {
	i := newImage(t, "a")
	bare, err := New(Config{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := (&Store{}).With(i).With(bare).WithTag(named(t, "x:1"), i.ID, time.Time{}).WithTag(named(t, "bare"), bare.ID, time.Time{})
	for name, want := range map[string]string{
		"x:2": "reference does not exist", "absent": "No such image: absent", "UPPER": "invalid reference format: repository name must be lowercase",
		"bare": "empty export - not implemented",
	} {
		if err := s.Save(io.Discard, []string{"x:1", name}, time.Time{}); err == nil || err.Error() != want {
			t.Errorf("save %s: %v, want %s", name, err, want)
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(archiveOf(f, map[string]string{"manifest.json": `[{"Config":"c","Layers":["l"],"RepoTags":["x:1"]}]`, "c": `{"rootfs":{"diff_ids":["sha256:x"]}}`, "l": ""}))
	f.Add(archiveOf(f, map[string]string{"repositories": `{"x":{"y":"z"}}`, "z/json": `{"parent":"z"}`, "z/layer.tar": ""}))
	f.Add(archiveOf(f, map[string]string{"oci-layout": "", "index.json": `{"manifests":[{"digest":"sha256:x"}]}`}))
	for _, n := range []string{"imported", "committed"} {
		f.Add(saved(f, n))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s, is, err := (&Store{}).Load(bytes.NewReader(b), LoadOptions{Limit: 1 << 20})
		if err != nil {
			return
		}
		for _, i := range is {
			if s.Get(i.ID) == nil || digest.FromBytes(i.Raw) != i.ID {
				t.Errorf("image %s is not what it says", i.ID)
			}
		}
	})
}

package catalog

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/ulikunitz/xz"

	"github.com/dockerlab/dockerlab/sim/elfnote"
	"github.com/dockerlab/dockerlab/sim/image"
	"github.com/dockerlab/dockerlab/sim/layer"
)

// The example of README.md: testdata/teacher.
func TestATeachersFolder(t *testing.T) {
	r := OpenDir(os.DirFS("testdata/teacher"))
	i := resolve(t, r, "course/app:1.0")
	if i.Layers[0].layer != resolve(t, r, "nginx").Layers[0].layer {
		t.Error("the base is not shared with nginx")
	}
	var c image.Config
	if err := json.Unmarshal(i.ConfigJSON, &c); err != nil {
		t.Fatal(err)
	}
	if c.Config.WorkingDir != "/srv/app" || len(c.Config.Env) != 1 || c.History[2].Author != "A Teacher <teacher@course.example>" {
		t.Errorf("the configuration is %s", i.ConfigJSON)
	}
	merged := tree(t, i)
	if got := text(t, merged, "/srv/app/app.conf"); got != "threads = 4\n" {
		t.Errorf("app.conf is %q", got)
	}
	start := follow(merged, "/srv/app/start", 1)
	if start.Mode.Perm() != 0o750 || start.UID != 1000 || !strings.HasPrefix(text(t, merged, "/srv/app/start"), "#!/bin/sh\necho") {
		t.Errorf("start is %v of %d", start.Mode, start.UID)
	}
	if got := text(t, merged, "/usr/share/greeter/words"); got != "hello\n" {
		t.Errorf("a package's text is %q", got)
	}
	if status := text(t, merged, "/var/lib/dpkg/status"); !strings.Contains(status, "Package: greeter\n") || !strings.Contains(status, "Package: libexpat1\n") || !strings.Contains(status, "Package: bash\n") {
		t.Error("the status file lacks a package")
	}
	if merged.Find("/etc/motd") != 0 {
		t.Error("what the layer removes is still there")
	}
	resolve(t, r, "registry.course.example/tool")
	if _, err := r.Resolve(named(t, "registry.course.example/other")); !errors.Is(err, ErrNoRepository) {
		t.Errorf("a registry that is there, an image that is not: %v", err)
	}
}

func TestMistakesInAFolderAreNamed(t *testing.T) {
	for _, c := range []struct {
		what  string
		files map[string]string
		want  string
	}{
		{"an unknown key", map[string]string{"images/x.yaml": "- tags: [latest]\n  form: debian\n"}, "form"},
		{"an unknown field of Config", map[string]string{"images/x.yaml": "- tags: [latest]\n  config: {Comand: [sh]}\n"}, "Comand"},
		{"no tags", map[string]string{"images/x.yaml": "- from: debian\n"}, "needs tags"},
		{"no such layer", map[string]string{"images/x.yaml": "- tags: [latest]\n  history: [{layer: nowhere}]\n"}, "no layer nowhere"},
		{"no such base", map[string]string{"images/x.yaml": "- tags: [latest]\n  from: nowhere\n"}, "from nowhere"},
		{"its own base", map[string]string{"images/x.yaml": "- tags: [latest]\n  from: x\n"}, "made from itself"},
		{"each other's base", map[string]string{"images/x.yaml": "- tags: [latest]\n  from: y\n", "images/y.yaml": "- tags: [latest]\n  from: x\n"}, "made from itself"},
		{"a bad manifest", map[string]string{"images/x.yaml": "- tags: [latest]\n  history: [{layer: l}]\n", "layers/l/manifest": "f 644 /x\n"}, "line 1"},
		{"a link to nothing", map[string]string{"images/x.yaml": "- tags: [latest]\n  history: [{layer: l}]\n", "layers/l/manifest": "h /x -> /y\n"}, "/y"},
		{"no such package", map[string]string{"images/x.yaml": "- tags: [latest]\n  history: [{layer: l}]\n", "layers/l/layer.yaml": "suites: [bookworm]\ninstall: [nonesuch]\n"}, "nonesuch"},
		{"no such suite", map[string]string{"images/x.yaml": "- tags: [latest]\n  history: [{layer: l}]\n", "layers/l/layer.yaml": "suites: [sarge]\n"}, "sarge"},
		{"a circle of layers", map[string]string{"images/x.yaml": "- tags: [latest]\n  history: [{layer: l}]\n", "layers/l/layer.yaml": "like: l\n"}, "variation of itself"},
		{"a bad digest", map[string]string{"images/x.yaml": "- tags: [latest]\n  history: [{layer: l}]\n", "layers/l/layer.yaml": "family: gnu\n", "digests": "l sha256:x 1 1\n"}, "digests"},
	} {
		fsys := fstest.MapFS{}
		for name, s := range c.files {
			fsys[name] = &fstest.MapFile{Data: []byte(s)}
		}
		_, err := OpenDir(fsys).Resolve(named(t, "x"))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.what, err)
		}
	}
}

func TestSearch(t *testing.T) {
	r := OpenDir(os.DirFS("testdata/teacher"))
	for term, want := range map[string]string{
		"nginx":    "nginx",
		"course":   "course/app",
		"tool":     "", // it is another registry's
		"linux di": "ubuntu centos debian",
	} {
		found, err := r.Search(term)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, f := range found {
			names = append(names, f.Name)
			if f.Official == strings.Contains(f.Name, "/") {
				t.Errorf("%s is official: %v", f.Name, f.Official)
			}
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%q finds %q, want %q", term, got, want)
		}
	}
}

func TestWeb(t *testing.T) {
	r := OpenDir(os.DirFS("testdata/teacher"))
	get := func(url string) (*Page, string) {
		t.Helper()
		p, err := r.Page("www.course.example", url, "")
		if err != nil || p == nil {
			t.Fatalf("%s: %v, %v", url, p, err)
		}
		b, err := io.ReadAll(layer.NewReader(p.Content))
		if err != nil {
			t.Fatal(err)
		}
		return p, string(b)
	}
	if p, s := get("/"); s != "<p>The course</p>\n" || p.Status != 200 || !strings.HasPrefix(p.Type, "text/html") {
		t.Errorf("/ is %q, %+v", s, p)
	}
	if p, s := get("/ip"); s != "192.0.2.7\n" || p.Type != "text/plain" {
		t.Errorf("/ip is %q, %+v", s, p)
	}
	if p, _ := get("/old"); p.Status != 302 || p.Location != "http://www.course.example/" {
		t.Errorf("/old is %+v", p)
	}
	if _, s := get("/greeter"); len(s) != 30000 {
		t.Errorf("/greeter has %d bytes", len(s))
	} else if program, _, ok := elfnote.Read([]byte(s)); !ok || program != "greeter" {
		t.Errorf("/greeter is %q", program)
	}
	_, packed := get("/app.tar.gz")
	z, err := gzip.NewReader(strings.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	first := names(t, z)
	_, packed = get("/app.tar.xz")
	x, err := xz.NewReader(strings.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	if second := names(t, x); first != second || !strings.Contains(first, " srv/app/start ") {
		t.Errorf("the archives hold %q and %q", first, second)
	}
	for host, url := range map[string]string{"www.course.example": "/nothing", "nowhere.example": "/", "../images": "/course/app.yaml"} {
		if p, err := r.Page(host, url, ""); p != nil || err != nil {
			t.Errorf("%s%s: %v, %v", host, url, p, err)
		}
	}
	hosts, err := r.Hosts()
	if err != nil || !strings.Contains(strings.Join(hosts, " "), "www.course.example") {
		t.Errorf("the hosts are %v, %v", hosts, err)
	}
}

func names(t *testing.T, r io.Reader) string {
	t.Helper()
	all := " "
	for a := tar.NewReader(r); ; {
		h, err := a.Next()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all += h.Name + " "
	}
}

func TestXZ(t *testing.T) {
	for _, n := range []int{0, 1, 3, xzChunk - 1, xzChunk, xzChunk + 1, 3*xzChunk + 5} {
		want, err := io.ReadAll(layer.NewReader(layer.Generated(1, int64(n))))
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		w := newXZ(&b)
		if _, err := w.Write(want); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		r, err := xz.NewReader(&b)
		if err != nil {
			t.Fatalf("%d bytes: %v", n, err)
		}
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes came back as %d, %v", n, len(got), err)
		}
	}
}

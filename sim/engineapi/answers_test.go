package engineapi_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/dockerlab/dockerlab/sim/build"
	"github.com/dockerlab/dockerlab/sim/container"
	"github.com/dockerlab/dockerlab/sim/engineapi"
	"github.com/dockerlab/dockerlab/sim/image"
	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/layer"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/unionfs"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// record is the socket of a real engine, 20.10.24, that has an image busybox:
//
//	go test ./sim/engineapi -run TestAnswers -record /var/run/docker.sock
//
// Its answers then take the place of those in testdata.
var record = flag.String("record", "", "record the answers of the engine at this socket")

// exchange is a request and what a real engine answered to it, made comparable by normalise.
type exchange struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	Body   string `json:"body,omitempty"`
	Type   string `json:"type,omitempty"` // of the body; application/json where it is empty
	Status int    `json:"status"`
	Answer string `json:"answer,omitempty"`
}

// TestAnswers asks the engine what a real one was asked, in the same order, and wants the same
// answers. Each file of testdata is one such conversation; the first lines of resources.jsonl make
// what the others are about.
func TestAnswers(t *testing.T) {
	files, err := filepath.Glob("testdata/*.jsonl")
	if err != nil || len(files) == 0 {
		t.Fatal("no conversations in testdata", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".jsonl"), func(t *testing.T) {
			talk := readTalk(t, file)
			if *record != "" {
				ask := realEngine(*record)
				for i := range talk {
					talk[i].Status, talk[i].Answer = ask(t, talk[i])
				}
				writeTalk(t, file, talk)
				return
			}
			ask := newEngine(t)
			for _, x := range talk {
				status, answer := ask(t, x)
				if status != x.Status || answer != x.Answer {
					t.Errorf("%s %s %s\n real: %d %s\n ours: %d %s", x.Method, x.Path, x.Body, x.Status, x.Answer, status, answer)
				}
			}
		})
	}
}

func readTalk(t *testing.T, file string) (talk []exchange) {
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var x exchange
		if err := json.Unmarshal(lines.Bytes(), &x); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		talk = append(talk, x)
	}
	return talk
}

func writeTalk(t *testing.T, file string, talk []exchange) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	for _, x := range talk {
		enc.Encode(x)
	}
	if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

type asker func(t *testing.T, x exchange) (status int, answer string)

func (x exchange) request(t *testing.T, base string) *http.Request {
	r, err := http.NewRequest(x.Method, base+x.Path, strings.NewReader(x.Body))
	if err != nil {
		t.Fatal(err)
	}
	if x.Body != "" || x.Method == "POST" {
		r.Header.Set("Content-Type", "application/json")
	}
	if x.Type != "" {
		r.Header.Set("Content-Type", x.Type)
	}
	return r
}

func realEngine(socket string) asker {
	c := &http.Client{
		Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", socket)
		}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return func(t *testing.T, x exchange) (int, string) {
		resp, err := c.Do(x.request(t, "http://docker"))
		if err != nil {
			t.Fatalf("%s %s: %v", x.Method, x.Path, err)
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, normalise(string(b))
	}
}

// newEngine is an engine with an image busybox, and a host with /tmp.
func newEngine(t *testing.T) asker {
	h := handler(t)
	return func(t *testing.T, x exchange) (int, string) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, x.request(t, ""))
		return w.Code, normalise(w.Body.String())
	}
}

func handler(t testing.TB) http.Handler {
	k := kernel.New(kernel.Options{Clock: kernel.Virtual})
	host := unionfs.New(nil, unionfs.Options{Now: k.Now})
	ns := vfs.NewNamespace(host, "", "")
	k.Do(func() { ns.View(vfs.Root(vfs.CapsAll)).Mkdir("/tmp", 0o777) })
	e := container.New(container.Options{Kernel: k, Host: ns, Change: build.ChangeConfig})
	if err := e.AddImage(busybox(t)); err != nil {
		t.Fatal(err)
	}
	img := e.State().Images.All()[0]
	if err := e.Tag(string(img.ID), "busybox", ""); err != nil {
		t.Fatal(err)
	}
	return engineapi.NewHandler(e, nil)
}

// busybox is an image with a few files of the real one.
func busybox(t testing.TB) *image.Image {
	l, err := layer.New([]layer.Entry{
		{Name: "bin", Mode: linux.S_IFDIR | 0o755},
		{Name: "bin/sh", Mode: linux.S_IFREG | 0o755, Content: layer.Text("sh")},
		{Name: "etc", Mode: linux.S_IFDIR | 0o755},
		{Name: "etc/passwd", Mode: linux.S_IFREG | 0o644, Content: layer.Text("root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n")},
		{Name: "home", Mode: linux.S_IFDIR | 0o755},
	})
	if err != nil {
		t.Fatal(err)
	}
	stack, err := (*layer.Stack)(nil).Push(l)
	if err != nil {
		t.Fatal(err)
	}
	img, err := image.Parse([]byte(`{"architecture":"amd64","comment":"a busybox root","config":{"Cmd":["sh"]},"created":"2024-01-01T00:00:00Z","os":"linux",`+
		`"history":[{"created":"2024-01-01T00:00:00Z","comment":"a busybox root"}],"rootfs":{"type":"layers","diff_ids":["`+l.DiffID().String()+`"]}}`), stack)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// What may rightly differ between two engines, and what stands for it.
var differing = []struct {
	re *regexp.Regexp
	to string
}{
	{regexp.MustCompile(`/[^":]*/(overlay2|volumes|containers|netns)/`), "/$1/"},
	{regexp.MustCompile(`/overlay2/[^":]*(:/overlay2/[^":]*)*`), "/overlay2"},
	{regexp.MustCompile(`\b[0-9a-f]{64}\b`), "ID64"},
	{regexp.MustCompile(`\b[0-9a-f]{12}\b`), "ID12"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`), "TIME"},
	{regexp.MustCompile(`"(Created|Size|VirtualSize|SizeRootFs)":\d+`), `"$1":0`},
	{regexp.MustCompile(`"Propagation":"rslave"`), `"Propagation":"rprivate"`}, // of a data root below /tmp
	{regexp.MustCompile(`"DockerVersion":"[^"]*"`), `"DockerVersion":""`},
	{regexp.MustCompile(`"Hostname":"(vm|dockerlab)"`), `"Hostname":"HOST"`},
	{regexp.MustCompile(`172\.\d+\.\d+\.\d+`), "IP"},
	{regexp.MustCompile(`ID64, ID64`), "ID64"},
}

// normalise makes answers comparable: JSON with its keys in order, lists of mounts in order, and
// neither IDs nor times.
func normalise(s string) string {
	for _, d := range differing {
		s = d.re.ReplaceAllString(s, d.to)
	}
	s = strings.TrimSpace(s)
	var v any
	if json.Unmarshal([]byte(s), &v) != nil {
		return s
	}
	sortMounts(v)
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.Encode(v)
	return strings.TrimSpace(b.String())
}

func sortMounts(v any) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			sortMounts(e)
		}
	case map[string]any:
		for k, e := range v {
			if list, ok := e.([]any); ok && (k == "Mounts" || k == "Volumes") {
				slices.SortFunc(list, func(a, b any) int {
					x, _ := json.Marshal(a)
					y, _ := json.Marshal(b)
					return bytes.Compare(x, y)
				})
			}
			sortMounts(e)
		}
	}
}

// Package build replays builds that a real engine did: Docker Engine 20.10 with its classic
// builder. A case is a file of testdata; what the engine answered is in it. To record the answers
// again, with an engine at hand:
//
//	go test ./tests/build -record unix:///var/run/docker.sock [-run Builds/NAME]
//
// The builds are sent to the engine's API as they are here, byte for byte, so that not only words
// and files must agree but the checksums of what is copied as well.
package build

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pmezard/go-difflib/difflib"

	"github.com/dockerlab/dockerlab/sim"
	"github.com/dockerlab/dockerlab/sim/build"
	"github.com/dockerlab/dockerlab/sim/build/buildtest"
	"github.com/dockerlab/dockerlab/sim/build/classic"
	"github.com/dockerlab/dockerlab/sim/image"
	"github.com/dockerlab/dockerlab/sim/layer"
)

var record = flag.String("record", "", "record the answers of the engine at this address")

// TestBuilds are builds that run nothing: they need no kernel and no programs, only our builder.
func TestBuilds(t *testing.T) {
	replay(t, "testdata/*.txtar", newBuilder, (*remote).importBase)
}

// TestRuns are builds with RUN, in a busybox.
func TestRuns(t *testing.T) {
	replay(t, "testdata/run/*.txtar", newLab(), (*remote).importBusybox)
}

// replay runs the cases of a pattern on ours, or records them on a real engine; prepare brings the
// base image there.
func replay(t *testing.T, pattern string, ours func(testing.TB) engine, prepare func(*remote) error) {
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".txtar"), func(t *testing.T) {
			c, err := readCase(f)
			if err != nil {
				t.Fatal(err)
			}
			if *record != "" {
				r, err := newReal(*record)
				if err == nil {
					err = prepare(r)
				}
				if err != nil {
					t.Fatal(err)
				}
				defer r.clean(t)
				got, err := c.run(r)
				if err == nil {
					err = c.write(got)
				}
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			got, err := c.run(ours(t))
			if err != nil {
				t.Fatal(err)
			}
			if got != c.want {
				diff, _ := difflib.GetUnifiedDiffString(difflib.UnifiedDiff{
					A: difflib.SplitLines(c.want), B: difflib.SplitLines(got), FromFile: "the engine", ToFile: "ours", Context: 2,
				})
				t.Errorf("%s\n%s", strings.TrimSpace(string(c.archive.Comment)), diff)
			}
		})
	}
}

// base is the image build-base: enough of a system to be copied onto.
func base() ([]byte, error) {
	return tarOf(`
etc/
etc/passwd text=root:x:0:0::/root:/bin/sh\nmail:x:8:8::/var/mail:/bin/false\ndaemon:x:1:1::/:/bin/false\n
etc/group text=root:x:0:\nmail:x:8:\ndaemon:x:1:\nusers:x:100:\n
home/
opt/
opt/full/ mode=0711
opt/full/old | old
opt/full/sub/
opt/full/sub/deep | deep
opt/file | a file
opt/dirlink -> full
opt/filelink -> file
opt/abslink -> /opt/full
opt/uplink -> ../../../tmp
opt/dangling -> nowhere/at/all
opt/loop -> loop
opt/suid mode=4755 | suid
opt/hard1 | hard
opt/hard2 => opt/hard1
tmp/ mode=1777
`, "")
}

// builder is our builder over an engine that runs nothing.
type builder struct {
	*remote
	engine *buildtest.Engine
}

func newBuilder(t testing.TB) engine {
	t.Helper()
	b, err := base()
	if err != nil {
		t.Fatal(err)
	}
	l, err := layer.Read(layer.Bytes(b))
	if err != nil {
		t.Fatal(err)
	}
	i, err := image.Imported(l, nil, "base", time.Unix(1_700_000_000, 0))
	if err != nil {
		t.Fatal(err)
	}
	e := buildtest.New(map[string]*image.Image{"build-base": i})
	return builder{engine: e, remote: serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := classic.Handle(&build.Builder{Engine: e}, w, r); err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			json.NewEncoder(w).Encode(map[string]string{"message": err.Error()})
		}
	}))}
}

func (o builder) save(name string) ([]byte, error) {
	var b bytes.Buffer
	err := o.engine.Store.Save(&b, []string{name}, time.Unix(0, 0))
	return b.Bytes(), err
}

// newLab gives the whole of our engine, with a base of its own for each case: one that another case
// built on would have what it built in the cache.
func newLab() func(testing.TB) engine {
	lab := sync.OnceValues(func() (*sim.Lab, error) { return sim.New(sim.Options{}) })
	return func(t testing.TB) engine {
		t.Helper()
		l, err := lab()
		if err != nil {
			t.Fatal(err)
		}
		r := serve(t, l.Handler())
		if _, err := r.post("/images/create?fromImage=busybox&tag=latest", nil); err == nil {
			err = r.importBusybox()
		}
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
}

func serve(t testing.TB, h http.Handler) *remote {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return &remote{client: s.Client(), url: s.URL + "/v1.41"}
}

// remote is an engine behind its API.
type remote struct {
	client *http.Client
	url    string
	made   []string // images, by the beginnings of their IDs, in the order in which they were told
}

// newReal reaches a real engine.
func newReal(address string) (*remote, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	c := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, u.Scheme, u.Path)
	}}}
	return &remote{client: c, url: "http://engine/v1.41"}, nil
}

// importBase makes the image build-base.
func (r *remote) importBase() error {
	b, err := base()
	if err != nil {
		return err
	}
	return r.importImage("build-base", bytes.NewReader(b))
}

// importBusybox makes the image build-base of what busybox has, so that it is one layer with no
// history of its own.
func (r *remote) importBusybox() error {
	body := strings.NewReader(`{"Image":"busybox","Cmd":["x"]}`)
	resp, err := r.client.Post(r.url+"/containers/create", "application/json", body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var c struct{ Id, Message string }
	if err := json.NewDecoder(resp.Body).Decode(&c); err != nil {
		return err
	}
	if c.Id == "" {
		return errors.New(c.Message)
	}
	defer r.delete("/containers/" + c.Id)
	files, err := r.get("/containers/" + c.Id + "/export")
	if err != nil {
		return err
	}
	return r.importImage("build-base", bytes.NewReader(files))
}

func (r *remote) importImage(name string, files io.Reader) error {
	_, err := r.post("/images/create?fromSrc=-&message=base&repo="+name, files)
	return err
}

var told = regexp.MustCompile(` ---\\u003e ([0-9a-f]{12})`)

func (r *remote) build(query string, context io.Reader) ([]byte, error) {
	// The containers of a failing build are removed, which does not show in what it says.
	stream, err := r.post("/build?"+query+"&forcerm=1", context)
	for _, m := range told.FindAllSubmatch(stream, -1) {
		r.made = append(r.made, string(m[1]))
	}
	return stream, err
}

func (r *remote) save(name string) ([]byte, error) { return r.get("/images/" + name + "/get") }

// clean removes the images whose names begin with "build-", and all that the builds told of.
func (r *remote) clean(t testing.TB) {
	list, err := r.get("/images/json")
	if err != nil {
		t.Error(err)
		return
	}
	var images []struct{ RepoTags []string }
	if err := json.Unmarshal(list, &images); err != nil {
		t.Error(err)
		return
	}
	var doomed []string
	for _, i := range images {
		for _, tag := range i.RepoTags {
			if strings.HasPrefix(tag, "build-") && tag != "build-base:latest" {
				doomed = append(doomed, tag)
			}
		}
	}
	slices.Reverse(r.made)
	for _, name := range slices.Concat(doomed, r.made, []string{"build-base"}) {
		r.delete("/images/" + name) // most are gone with what stood on them
	}
}

func (r *remote) delete(path string) {
	req, err := http.NewRequest(http.MethodDelete, r.url+path, nil)
	if err != nil {
		return
	}
	if resp, err := r.client.Do(req); err == nil {
		resp.Body.Close()
	}
}

func (r *remote) get(path string) ([]byte, error) { return answer(r.client.Get(r.url + path)) }

func (r *remote) post(path string, body io.Reader) ([]byte, error) {
	return answer(r.client.Post(r.url+path, "application/x-tar", body))
}

// answer is the body of an answer, or the error that it is.
func answer(resp *http.Response, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusOK {
		return nil, message(b)
	}
	if err != nil {
		b = append(b, []byte(`{"error":"(the connection broke)"}`)...)
	}
	return b, nil
}

// message is an error as the API answers it.
func message(body []byte) error {
	var m struct{ Message string }
	if err := json.Unmarshal(body, &m); err != nil {
		return fmt.Errorf("%s", body)
	}
	return errors.New(m.Message)
}

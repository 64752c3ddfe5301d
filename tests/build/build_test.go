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
	"testing"
	"time"

	"github.com/pmezard/go-difflib/difflib"

	"github.com/dockerlab/dockerlab/sim/build"
	"github.com/dockerlab/dockerlab/sim/build/buildtest"
	"github.com/dockerlab/dockerlab/sim/build/classic"
	"github.com/dockerlab/dockerlab/sim/image"
	"github.com/dockerlab/dockerlab/sim/layer"
)

var record = flag.String("record", "", "record the answers of the engine at this address")

func TestBuilds(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
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
				e := newReal(t, *record)
				got, err := c.run(e)
				if err == nil {
					err = c.write(got)
				}
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			got, err := c.run(newOurs(t))
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

// ours is our builder over an engine that runs nothing.
type ours struct {
	engine *buildtest.Engine
	server *httptest.Server
}

func newOurs(t *testing.T) engine {
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
	o := ours{engine: buildtest.New(map[string]*image.Image{"build-base": i})}
	builder := &build.Builder{Engine: o.engine, Web: web{}}
	o.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := classic.Handle(builder, w, r); err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			json.NewEncoder(w).Encode(map[string]string{"message": err.Error()})
		}
	}))
	t.Cleanup(o.server.Close)
	return o
}

func (o ours) build(query string, context io.Reader) ([]byte, error) {
	return post(o.server.Client(), o.server.URL+"/build?"+query, context)
}

func (o ours) save(name string) ([]byte, error) {
	var b bytes.Buffer
	err := o.engine.Store.Save(&b, []string{name}, time.Unix(0, 0))
	return b.Bytes(), err
}

// real is a real engine.
type real struct {
	t      *testing.T
	client *http.Client
	made   []string // images, by the beginnings of their IDs, in the order in which they were told
}

const realURL = "http://engine/v1.41"

func newReal(t *testing.T, address string) engine {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	r := &real{t: t, client: &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, u.Scheme, u.Path)
	}}}}
	b, err := base()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := post(r.client, realURL+"/images/create?fromSrc=-&repo=build-base&message=base", bytes.NewReader(b)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.clean)
	return r
}

var told = regexp.MustCompile(` ---\\u003e ([0-9a-f]{12})`)

func (r *real) build(query string, context io.Reader) ([]byte, error) {
	// The containers of a failing build are removed, which does not show in what it says.
	stream, err := post(r.client, realURL+"/build?"+query+"&forcerm=1", context)
	for _, m := range told.FindAllSubmatch(stream, -1) {
		r.made = append(r.made, string(m[1]))
	}
	return stream, err
}

func (r *real) save(name string) ([]byte, error) {
	resp, err := r.client.Get(realURL + "/images/" + name + "/get")
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusOK {
		return nil, message(b)
	}
	return b, err
}

// clean removes the images whose names begin with "build-", and all that the builds told of.
func (r *real) clean() {
	resp, err := r.client.Get(realURL + "/images/json")
	if err != nil {
		r.t.Error(err)
		return
	}
	defer resp.Body.Close()
	var images []struct{ RepoTags []string }
	if err := json.NewDecoder(resp.Body).Decode(&images); err != nil {
		r.t.Error(err)
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
		req, err := http.NewRequest(http.MethodDelete, realURL+"/images/"+name, nil)
		if err != nil {
			r.t.Error(err)
			return
		}
		if resp, err := r.client.Do(req); err == nil {
			resp.Body.Close() // most are gone with what stood on them
		}
	}
}

func post(c *http.Client, url string, body io.Reader) ([]byte, error) {
	resp, err := c.Post(url, "application/x-tar", body)
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

// web is empty.
type web struct{}

func (web) Get(context.Context, string) (*build.Page, error) { return nil, errors.New("no web") }
func (web) Clone(context.Context, string, string) (io.ReadCloser, error) {
	return nil, errors.New("no web")
}

//go:build engine

// Package archives exchanges images with a real engine and with skopeo: what one has saved the others
// load, and it is the same image there. Nothing of it is recorded, so it needs both at hand:
//
//	go test -tags engine ./tests/archives -engine unix:///var/run/docker.sock
//
// The engine has the images busybox and debian, of which it is told to save what is needed. What is made
// there begins with archives/ and is removed.
package archives

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dockerlab/dockerlab/sim"
	"github.com/dockerlab/dockerlab/sim/kernel"
)

var address = flag.String("engine", "unix:///var/run/docker.sock", "the real engine to exchange images with")

// engine is an engine behind its API.
type engine struct {
	t      *testing.T
	name   string // in messages
	client *http.Client
	base   string
}

func theEngine(t *testing.T) *engine {
	u, err := url.Parse(*address)
	if err != nil {
		t.Fatal(err)
	}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, u.Scheme, u.Path)
	}
	return &engine{t, "the engine", &http.Client{Transport: &http.Transport{DialContext: dial}}, "http://docker"}
}

func ours(t *testing.T) *engine {
	lab, err := sim.New(sim.Options{Clock: kernel.Real})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(lab.Handler())
	t.Cleanup(func() { s.Close(); lab.Close() })
	return &engine{t, "ours", s.Client(), s.URL}
}

// call asks for something and gives the answer, which must be a success.
func (e *engine) call(method, path string, body []byte) []byte {
	e.t.Helper()
	r, err := http.NewRequest(method, e.base+"/v1.41"+path, bytes.NewReader(body))
	if err != nil {
		e.t.Fatal(err)
	}
	if bytes.HasPrefix(body, []byte("{")) {
		r.Header.Set("Content-Type", "application/json")
	}
	a, err := e.client.Do(r)
	if err != nil {
		e.t.Fatal(err)
	}
	defer a.Body.Close()
	got, err := io.ReadAll(a.Body)
	if err != nil || a.StatusCode >= 300 {
		e.t.Fatalf("%s: %s %s: %s %s %v", e.name, method, path, a.Status, got, err)
	}
	return got
}

func (e *engine) save(names ...string) []byte {
	e.t.Helper()
	return e.call("GET", "/images/get?"+url.Values{"names": names}.Encode(), nil)
}

func (e *engine) load(archive []byte) {
	e.t.Helper()
	if said := e.call("POST", "/images/load?quiet=1", archive); bytes.Contains(said, []byte("errorDetail")) {
		e.t.Fatalf("%s: load: %s", e.name, said)
	}
}

func (e *engine) remove(image string) {
	r, _ := http.NewRequest("DELETE", e.base+"/v1.41/images/"+image+"?force=1", nil)
	if a, err := e.client.Do(r); err == nil {
		a.Body.Close()
	}
}

// image is what makes an image the same one elsewhere.
type image struct {
	ID     string
	RootFS struct{ Layers []string }
}

func (e *engine) inspect(name string) (i image) {
	e.t.Helper()
	if err := json.Unmarshal(e.call("GET", "/images/"+name+"/json", nil), &i); err != nil {
		e.t.Fatal(err)
	}
	return i
}

// run runs a command in a new container and gives what it writes.
func (e *engine) run(image string, command ...string) string {
	e.t.Helper()
	config, _ := json.Marshal(map[string]any{"Image": image, "Cmd": command, "Tty": true})
	var c struct{ ID string }
	if err := json.Unmarshal(e.call("POST", "/containers/create", config), &c); err != nil {
		e.t.Fatal(err)
	}
	defer e.call("DELETE", "/containers/"+c.ID+"?force=1&v=1", nil)
	e.call("POST", "/containers/"+c.ID+"/start", nil)
	e.call("POST", "/containers/"+c.ID+"/wait", nil)
	return strings.TrimSpace(strings.ReplaceAll(string(e.call("GET", "/containers/"+c.ID+"/logs?stdout=1&stderr=1", nil)), "\r", ""))
}

// derive makes an image of another one by a command in a container: archives/derived, with a layer that adds,
// changes and hides.
func (e *engine) derive(from string) string {
	e.t.Helper()
	config, _ := json.Marshal(map[string]any{"Image": from, "Cmd": []string{"sh", "-c",
		"mkdir /made && echo text >/made/a && ln /made/a /made/b && ln -s a /made/c && rm -r /home && mkdir /home && chmod 700 /root && chown 12:34 /made/c"}})
	var c struct{ ID string }
	if err := json.Unmarshal(e.call("POST", "/containers/create", config), &c); err != nil {
		e.t.Fatal(err)
	}
	defer e.call("DELETE", "/containers/"+c.ID+"?force=1&v=1", nil)
	e.call("POST", "/containers/"+c.ID+"/start", nil)
	e.call("POST", "/containers/"+c.ID+"/wait", nil)
	e.call("POST", "/commit?repo=archives/derived&container="+c.ID, []byte(`{"Env":["A=b"],"Labels":{"k":"v"}}`))
	return "archives/derived"
}

func same(t *testing.T, a, b image) {
	t.Helper()
	if a.ID != b.ID || !slices.Equal(a.RootFS.Layers, b.RootFS.Layers) {
		t.Errorf("%+v became %+v", a, b)
	}
}

var bases = []string{"busybox", "debian"}

// What the engine has saved loads here as the same image, and is saved again to the byte.
func TestWhatTheEngineSavedIsSavedAgainToTheByte(t *testing.T) {
	for _, base := range bases {
		t.Run(base, func(t *testing.T) {
			real, lab := theEngine(t), ours(t)
			defer real.remove("archives/derived")
			derived := real.derive(base)
			archive := real.save(derived)
			lab.load(archive)
			same(t, real.inspect(derived), lab.inspect(derived))
			if again := lab.save(derived); !bytes.Equal(again, archive) {
				t.Errorf("%d bytes became %d others", len(archive), len(again))
			}
		})
	}
}

// What is made here of a real base loads in the engine as the same image, and runs there.
func TestTheEngineLoadsAndRunsWhatIsMadeHere(t *testing.T) {
	for _, base := range bases {
		t.Run(base, func(t *testing.T) {
			real, lab := theEngine(t), ours(t)
			lab.load(real.save(base))
			derived := lab.derive(base)
			defer real.remove(derived)
			real.load(lab.save(derived))
			same(t, lab.inspect(derived), real.inspect(derived))
			const show = "cat /made/b; ls -ld /home /root /made/c | cut -c1-10; ls -lnd /made/c | tr -s ' ' | cut -d' ' -f3,4; ls -A /home; echo $A"
			if got, want := real.run(derived, "sh", "-c", show), lab.run(derived, "sh", "-c", show); got != want || !strings.HasPrefix(got, "text\n") {
				t.Errorf("it shows %q there and %q here", got, want)
			}
		})
	}
}

// An image of the catalogue loads in the engine as the same image, though its programs do not run there.
func TestTheEngineLoadsTheCatalogue(t *testing.T) {
	real, lab := theEngine(t), ours(t)
	lab.call("POST", "/images/create?fromImage=redis&tag=latest", nil)
	lab.call("POST", "/images/redis/tag?repo=archives/redis", nil)
	defer real.remove("archives/redis")
	real.load(lab.save("archives/redis"))
	same(t, lab.inspect("archives/redis"), real.inspect("archives/redis"))
}

// skopeo copies an image and gives where it is.
func skopeo(t *testing.T, from, to string) {
	t.Helper()
	if out, err := exec.Command("skopeo", "--insecure-policy", "copy", "-q", from, to).CombinedOutput(); err != nil {
		t.Fatalf("skopeo copy %s %s: %v\n%s", from, to, err, out)
	}
}

// skopeo reads what is saved here; what it writes, as an archive of docker's or as an OCI layout, loads
// here with the same layers. Of docker's kind the image is the same one; that of an OCI layout has a
// configuration that skopeo writes anew, and is the one of which the engine's own tools would say so.
func TestSkopeoReadsAndWritesTheSameImages(t *testing.T) {
	if _, err := exec.LookPath("skopeo"); err != nil {
		t.Skip(err)
	}
	lab := ours(t)
	lab.load(theEngine(t).save("busybox"))
	derived := lab.derive("busybox")
	want := lab.inspect(derived)
	dir := t.TempDir()
	saved := filepath.Join(dir, "saved.tar")
	if err := os.WriteFile(saved, lab.save(derived), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"docker-archive", "oci-archive"} {
		t.Run(kind, func(t *testing.T) {
			other := ours(t)
			copied := filepath.Join(dir, kind+".tar")
			skopeo(t, "docker-archive:"+saved, kind+":"+copied+":archives/copied:1")
			b, err := os.ReadFile(copied)
			if err != nil {
				t.Fatal(err)
			}
			other.load(b)
			name := "archives/copied:1"
			if kind == "oci-archive" {
				name = "sha256:" + configOf(t, b)
			}
			got := other.inspect(name)
			if kind == "docker-archive" {
				same(t, want, got)
			}
			if !slices.Equal(want.RootFS.Layers, got.RootFS.Layers) {
				t.Errorf("layers %v became %v", want.RootFS.Layers, got.RootFS.Layers)
			}
			if out := other.run(got.ID, "cat", "/made/b"); out != "text" {
				t.Errorf("it shows %q", out)
			}
		})
	}
}

// configOf is the digest of the only image's configuration in an OCI layout.
func configOf(t *testing.T, archive []byte) string {
	t.Helper()
	files := map[string][]byte{}
	for r := tar.NewReader(bytes.NewReader(archive)); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		files[h.Name], _ = io.ReadAll(r)
	}
	type descriptor struct{ Digest string }
	var index struct{ Manifests []descriptor }
	var manifest struct{ Config descriptor }
	blob := func(digest string) []byte { return files["blobs/sha256/"+strings.TrimPrefix(digest, "sha256:")] }
	if err := json.Unmarshal(files["index.json"], &index); err != nil || len(index.Manifests) != 1 {
		t.Fatal(fmt.Errorf("index.json: %v", err))
	}
	if err := json.Unmarshal(blob(index.Manifests[0].Digest), &manifest); err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(manifest.Config.Digest, "sha256:")
}

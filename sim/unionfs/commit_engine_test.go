//go:build engine

package unionfs_test

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"os"
	"os/exec"
	"sort"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	"golang.org/x/tools/txtar"
)

var record = flag.Bool("record", false, "record testdata again, on the engine of DOCKER_HOST")

// engineBase makes what the cases run over, in a container of busybox.
const engineBase = `mkdir -p /d1/sub/deep /d2/sub /d3/b /e
printf xxx > /d1/a; printf xxxx > /d1/b; printf x > /d1/sub/x; printf xxxxxx > /d1/sub/deep/y
ln -s a /d1/c; ln -s ../d1/sub /d2/y; ln /d1/b /d1/x; chmod 600 /d1/b; chown 1234:50 /d1/sub
printf xx > /d2/a; printf xxx > /d2/sub/y; touch /d3/b/c
find /d1 /d2 /d3 /e | xargs touch -h -d "2020-01-02 03:04:05"`

func TestRecord(t *testing.T) {
	if !*record {
		t.Skip("without -record")
	}
	docker := func(args ...string) []byte {
		t.Helper()
		var errs bytes.Buffer
		c := exec.Command("docker", args...)
		c.Stderr = &errs
		out, err := c.Output()
		if err != nil {
			t.Fatalf("docker %q: %v: %s", args, err, errs.Bytes())
		}
		return out
	}
	const container, image, base = "storage-record", "storage-record:case", "storage-record:base"
	topLayer := func(image string) []byte {
		files := map[string][]byte{}
		r := tar.NewReader(bytes.NewReader(docker("save", image)))
		for {
			h, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if files[h.Name], err = io.ReadAll(r); err != nil {
				t.Fatal(err)
			}
		}
		var m []struct{ Layers []string }
		if err := json.Unmarshal(files["manifest.json"], &m); err != nil {
			t.Fatal(err)
		}
		return files[m[0].Layers[len(m[0].Layers)-1]]
	}
	run := func(from, script, to string) (layer []byte, diff string) {
		docker("run", "--name", container, from, "sh", "-c", "umask 022\n"+script)
		d := strings.Split(strings.TrimSpace(string(docker("diff", container))), "\n")
		sort.Strings(d)
		docker("commit", container, to)
		docker("rm", container)
		return topLayer(to), strings.Join(d, "\n")
	}
	a := txtar.Archive{Comment: []byte("What Docker Engine 20.10.24 (overlay2) answered. Recorded by commit_engine_test.go.\n\n")}
	add := func(name, text string) {
		a.Files = append(a.Files, txtar.File{Name: name, Data: []byte(text + "\n")})
	}
	list := func(b []byte) string {
		ms, err := members(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(ms, "\n")
	}
	b, _ := run("busybox", engineBase, base)
	add("base", list(b))
	for _, c := range engineCases {
		var sh []string
		for line := range strings.Lines(c.script) {
			sh = append(sh, shellLine(line))
		}
		top, diff := run(base, strings.Join(append(sh, "true"), "\n"), image)
		id, listing := digest.FromBytes(top).String(), list(top)
		if bytes.Equal(top, b) { // no layer: the last one is the base's
			id, listing = digest.FromBytes(make([]byte, 1024)).String(), ""
		}
		add(c.name+": diff", diff)
		add(c.name+": layer", id+"\n"+listing)
		docker("rmi", image)
	}
	docker("rmi", base)
	if err := os.WriteFile("testdata/commit.txtar", txtar.Format(&a), 0o644); err != nil {
		t.Fatal(err)
	}
}

//go:build engine

package lineage_test

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/dockerlab/dockerlab/sim/image"
)

var record = flag.Bool("record", false, "ask the engine at DOCKER_HOST and write testdata/saved.txtar")

// TestRecord needs the image busybox at the engine.
func TestRecord(t *testing.T) {
	if !*record {
		t.Skip("without -record")
	}
	dir := t.TempDir()
	docker := func(stdin io.Reader, args ...string) []byte {
		t.Helper()
		c := exec.Command("docker", args...)
		c.Env = append(os.Environ(), "DOCKER_BUILDKIT=0")
		c.Stdin = stdin
		var errs bytes.Buffer
		c.Stderr = &errs
		out, err := c.Output()
		if err != nil {
			t.Fatalf("docker %s: %v\n%s", strings.Join(args, " "), err, errs.Bytes())
		}
		return out
	}
	line := func(args ...string) string { return strings.TrimSpace(string(docker(nil, args...))) }

	shell := line("create", "busybox")
	docker(nil, "cp", shell+":/bin/busybox", filepath.Join(dir, "busybox"))
	docker(nil, "rm", shell)
	base := "mkdir -p /d/sub; "
	for i, f := range savedBase {
		base += fmt.Sprintf("head -c %d /dev/urandom > /%s; touch -d @%d /%s; ", f.size, f.name, 1_000_000+i, f.name)
	}
	base += "ln /l1 /l2"

	var out txtar.Archive
	out.Comment = []byte("Recorded by TestRecord; see savedCases.\n")
	for _, c := range savedCases {
		// The shell and the base are one layer: the directory is squashed through an import.
		build := func(dockerfile string) string {
			if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte(dockerfile), 0o644); err != nil {
				t.Fatal(err)
			}
			return line("build", "-q", dir)
		}
		first := build("FROM busybox\nRUN " + base + "\n")
		container := line("create", first)
		flat := line("import", tarOf(t, docker(nil, "export", container), dir))
		dockerfile := "FROM " + flat + "\n"
		for _, run := range c.runs {
			dockerfile += "RUN " + run + "\n"
		}
		id := build(dockerfile)

		var answer savedAnswer
		for size := range strings.FieldsSeq(line("history", "--human=false", "--format", "{{.Size}}", id)) {
			n, err := strconv.ParseInt(size, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			answer.Sizes = append(answer.Sizes, n)
		}
		slices.Reverse(answer.Sizes)
		layers, empty := layersOf(t, docker(nil, "save", id))
		answer.Sizes = slices.Collect(func(yield func(int64) bool) {
			for i, n := range answer.Sizes {
				if !empty[i] && !yield(n) {
					return
				}
			}
		})
		shown := line("create", id, "none")
		answer.Visible = exported(t, docker(nil, "export", shown))
		for i, l := range layers {
			text, err := list(bytes.NewReader(l))
			if err != nil {
				t.Fatal(err)
			}
			out.Files = append(out.Files, txtar.File{Name: fmt.Sprintf("%s/layer%d", c.name, i+1), Data: []byte(text)})
		}
		text, err := json.Marshal(answer)
		if err != nil {
			t.Fatal(err)
		}
		out.Files = append(out.Files, txtar.File{Name: c.name + "/engine", Data: append(text, '\n')})
		docker(nil, "rm", container, shown)
		docker(nil, "rmi", "-f", id, flat, first)
	}
	if err := os.WriteFile("testdata/saved.txtar", txtar.Format(&out), 0o644); err != nil {
		t.Fatal(err)
	}
}

// wanted says whether a file of the exported base is in the base of the cases: the shell, the
// programs that they run, and the files made.
func wanted(name string) bool {
	for _, p := range []string{"d/", "l1", "l2"} {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	return name == "bin/" || name == "bin/busybox" || slices.Contains(strings.Fields("sh rm mv ln chmod chown touch mkdir head"), strings.TrimPrefix(name, "bin/"))
}

// tarOf writes what is wanted of an export to a file, and gives its name.
func tarOf(t *testing.T, export []byte, dir string) string {
	t.Helper()
	var out bytes.Buffer
	r, w := tar.NewReader(bytes.NewReader(export)), tar.NewWriter(&out)
	for {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if !wanted(h.Name) {
			continue
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(w, r); err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	name := filepath.Join(dir, "base.tar")
	if err := os.WriteFile(name, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// exported sums the files and symlinks of an export, but for what the engine puts there.
func exported(t *testing.T, export []byte) int64 {
	t.Helper()
	var sum int64
	for r := tar.NewReader(bytes.NewReader(export)); ; {
		h, err := r.Next()
		if err == io.EOF {
			return sum
		}
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case h.Typeflag == tar.TypeReg:
			sum += h.Size
		case h.Typeflag == tar.TypeSymlink && h.Name != "etc/mtab":
			sum += int64(len(h.Linkname))
		}
	}
}

// layersOf gives the tars of the layers in a docker save, from the bottom up, and which rows of the
// history made none.
func layersOf(t *testing.T, saved []byte) (layers [][]byte, empty []bool) {
	t.Helper()
	files := map[string][]byte{}
	for r := tar.NewReader(bytes.NewReader(saved)); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			if files[h.Name], err = io.ReadAll(r); err != nil {
				t.Fatal(err)
			}
		}
	}
	var manifest []struct {
		Config string
		Layers []string
	}
	if err := json.Unmarshal(files["manifest.json"], &manifest); err != nil {
		t.Fatal(err)
	}
	var config image.Config
	if err := json.Unmarshal(files[manifest[0].Config], &config); err != nil {
		t.Fatal(err)
	}
	for _, h := range config.History {
		empty = append(empty, h.EmptyLayer)
	}
	for _, name := range manifest[0].Layers {
		layers = append(layers, files[name])
	}
	return layers, empty
}

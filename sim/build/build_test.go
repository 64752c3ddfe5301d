package build_test

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"

	"github.com/dockerlab/dockerlab/sim/build"
	"github.com/dockerlab/dockerlab/sim/build/buildtest"
	"github.com/dockerlab/dockerlab/sim/build/classic"
	"github.com/dockerlab/dockerlab/sim/image"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// newEngine is an engine with the image base, in which RUN knows three commands: "write FILE TEXT",
// "say TEXT" and "exit N".
func newEngine(t *testing.T) *buildtest.Engine {
	t.Helper()
	base, err := buildtest.Base(map[string]string{
		"etc/passwd": "root:x:0:0:root:/root:/bin/sh\nmail:x:8:8:mail:/var/mail:/sbin/nologin\n",
		"etc/group":  "root:x:0:\nmail:x:8:\nusers:x:100:\n",
		"tmp/":       "",
	}, &container.Config{Cmd: []string{"sh"}})
	if err != nil {
		t.Fatal(err)
	}
	e := buildtest.New(map[string]*image.Image{"base": base})
	e.Run = func(files *vfs.View, cfg *container.Config, stdout, stderr io.Writer) int {
		f := strings.SplitN(cfg.Cmd[len(cfg.Cmd)-1], " ", 3)
		switch f[0] {
		case "write":
			if err := files.WriteFile(f[1], []byte(f[2]), 0o644); err != nil {
				fmt.Fprintln(stderr, err)
				return 1
			}
		case "say":
			fmt.Fprintln(stdout, strings.Join(f[1:], " "))
		case "exit":
			var n int
			fmt.Sscan(f[1], &n)
			return n
		}
		return 0
	}
	return e
}

// files is a context: names and what they hold.
type files map[string]string

func (f files) tar(t *testing.T) io.Reader {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for name, text := range f {
		h := &tar.Header{Name: name, Mode: 0o100644, Size: int64(len(text)), Typeflag: tar.TypeReg}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, text)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &b
}

// runBuild builds and gives what the docker client would print.
func runBuild(t *testing.T, e *buildtest.Engine, o build.Options, f files) (string, error) {
	t.Helper()
	b := &build.Builder{Engine: e}
	var stream bytes.Buffer
	face := classic.NewFace(&stream)
	o.Remove = true
	_, err := b.Build(context.Background(), o, f.tar(t), face.Tell)
	return printed(t, &stream), err
}

// printed is the text of a stream of messages.
func printed(t *testing.T, stream io.Reader) string {
	t.Helper()
	var out strings.Builder
	for d := json.NewDecoder(stream); ; {
		var m struct{ Stream string }
		if err := d.Decode(&m); err == io.EOF {
			return out.String()
		} else if err != nil {
			t.Fatal(err)
		}
		out.WriteString(strings.NewReplacer("\x1b[91m", "", "\x1b[0m", "").Replace(m.Stream))
	}
}

func TestSmoke(t *testing.T) {
	e := newEngine(t)
	out, err := runBuild(t, e, build.Options{Tags: []string{"x"}}, files{
		"Dockerfile": "FROM base\nENV a=1\nCOPY f /x/y/\nRUN write /z hello\nRUN say hi\nLABEL a=b\nWORKDIR /w\nUSER mail\nCMD x\n",
		"f":          "text",
	})
	t.Logf("%s %v", out, err)
	out, err = runBuild(t, e, build.Options{Tags: []string{"x"}}, files{
		"Dockerfile": "FROM base\nENV a=1\nCOPY f /x/y/\nRUN write /z hello\nRUN say hi\nLABEL a=b\nWORKDIR /w\nUSER mail\nCMD x\n",
		"f":          "text",
	})
	t.Logf("%s %v", out, err)
	i, _ := e.Store.Find("x")
	t.Logf("%s", i.Raw)
}

//go:build realengine && linux

package docker

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pmezard/go-difflib/difflib"
)

// asDocker makes the test binary a docker command over the machine's own files.
const asDocker = "DOCKERLAB_AS_DOCKER"

func TestMain(m *testing.M) {
	socket := os.Getenv(asDocker)
	if socket == "" {
		os.Exit(m.Run())
	}
	env := os.Environ()
	dir, err := os.Getwd()
	if err != nil {
		panic(err)
	}
	os.Clearenv()
	time.Local = time.UTC
	os.Exit(Run(context.Background(), os.Args[1:], Options{
		Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Files: hostFiles("/"), Env: env, Dir: dir,
	}))
}

// TestAsTheRealClient runs the same command lines with docker/cli's own program and with this
// package, before a real engine, and compares what they print, leave and return.
//
//	DOCKER_HOST=unix:///var/run/docker.sock go test -tags realengine ./shell/docker
//
// The engine needs the image busybox.
func TestAsTheRealClient(t *testing.T) {
	socket, ok := strings.CutPrefix(os.Getenv("DOCKER_HOST"), "unix://")
	if !ok {
		t.Skip("DOCKER_HOST names no socket")
	}
	bin := t.TempDir()
	stock, ours := filepath.Join(bin, "stock"), filepath.Join(bin, "ours")
	for _, d := range []string{stock, ours} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	// docker/cli is no module and declares no version of the language.
	build := exec.Command("go", "build", "-gcflags=github.com/docker/cli/...=-lang=go1.26", "-o", filepath.Join(stock, "docker.real"), "github.com/docker/cli/cmd/docker")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// Builds are never from the cache, or the second client would print less than the first.
	wrap := "#!/bin/bash\n[ \"$1\" = build ] && { shift; set -- build --no-cache \"$@\"; }\n"
	for dir, command := range map[string]string{
		stock: "exec " + stock + `/docker.real "$@"` + "\n",
		ours:  asDocker + "=" + socket + " exec " + self + ` "$@"` + "\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, "docker"), []byte(wrap+command), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile("testdata/commands.txt")
	if err != nil {
		t.Fatal(err)
	}
	for i, script := range strings.Split(string(text), "\n---\n") {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			want, got := once(t, stock, script), once(t, ours, script)
			if want == got {
				return
			}
			diff, _ := difflib.GetUnifiedDiffString(difflib.UnifiedDiff{
				A: difflib.SplitLines(want), B: difflib.SplitLines(got), FromFile: "docker/cli", ToFile: "dockerlab", Context: 2,
			})
			t.Errorf("%s\n%s", script, diff)
		})
	}
}

// once runs a script with the docker command in bin, and gives all that it printed.
func once(t *testing.T, bin, script string) string {
	t.Helper()
	dir := "/tmp/dockerlab-real-client"
	box := fmt.Sprintf("dockerlab-real-%d", os.Getpid())
	setup := "docker rm -f " + box + " >/dev/null 2>&1; docker run -d --name " + box + ` busybox sh -c '
		mkdir -p /s/sub /t /w; echo one > /s/one; ln -s one /s/lnk; ln -s /s /slink; ln -s nowhere /dangling
		echo two > /s/sub/two; ln /s/one /s/hard; chmod 4711 /s/sub/two; ln -s /etc/passwd /s/abs; touch /ready; sleep 100000' >/dev/null
		until docker exec ` + box + ` test -e /ready; do sleep 0.1; done`
	if strings.Contains(script, "$BOX") {
		if out, err := exec.Command("bash", "-c", strings.ReplaceAll(setup, "docker", filepath.Join(bin, "docker"))).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		defer exec.Command(filepath.Join(bin, "docker"), "rm", "-f", box).Run()
	}
	os.RemoveAll(dir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	var out, stderr bytes.Buffer
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", script)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "HOME=/root", "DOCKER_BUILDKIT=0", "DOCKER_HOST=" + os.Getenv("DOCKER_HOST"), "BOX=" + box}
	cmd.Stdout, cmd.Stderr = &out, &stderr
	err := cmd.Run()
	return clean(fmt.Sprintf("%s--- standard error\n%s--- %v\n", out.String(), stderr.String(), err))
}

// noise is what differs between two runs of the same client.
var noise = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{regexp.MustCompile(`(?s)DEPRECATED: The legacy builder.*?\n\n`), ""},
	{regexp.MustCompile(`\b[0-9a-f]{64}\b`), "ID64"},
	{regexp.MustCompile(`\b[0-9a-f]{12}\b`), "ID12"},
	{regexp.MustCompile(`\.dockerfile\.[0-9a-f]{20}`), ".dockerfile.RANDOM"},
	{regexp.MustCompile(`(?m)^time=.*\n`), ""}, // docker/cli's log
	{regexp.MustCompile(`\b17\d{8}\b`), "TIME"},
}

func clean(s string) string {
	for _, n := range noise {
		s = n.pattern.ReplaceAllString(s, n.with)
	}
	return s
}

package docker

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// engine is a tiny Engine API 1.41 that answers a few calls and keeps what it was sent.
type engine struct {
	mu       sync.Mutex
	requests []string
	bodies   map[string][]byte // by path
	now      time.Time
}

func (e *engine) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	path := strings.TrimPrefix(r.URL.Path, "/v1.41")
	e.mu.Lock()
	e.requests = append(e.requests, r.Method+" "+path)
	if e.bodies == nil {
		e.bodies = make(map[string][]byte)
	}
	e.bodies[path] = body
	e.mu.Unlock()
	w.Header().Set("Api-Version", "1.41")
	w.Header().Set("Ostype", "linux")
	reply := func(v any) {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(v)
	}
	switch path {
	case "/_ping":
	case "/containers/create":
		w.WriteHeader(http.StatusCreated)
		reply(map[string]any{"Id": strings.Repeat("c", 64), "Warnings": []string{}})
	case "/images/json":
		reply([]any{map[string]any{"Id": "sha256:" + strings.Repeat("a", 64), "RepoTags": []string{"web:1"}, "Created": e.now.Add(-3 * time.Hour).Unix(), "Size": 1234}})
	case "/build":
		reply(map[string]any{"stream": "Step 1/1 : FROM scratch\n"})
		reply(map[string]any{"aux": map[string]any{"ID": "sha256:" + strings.Repeat("b", 64)}})
	case "/images/get":
		io.WriteString(w, "an archive")
	case "/images/load":
		reply(map[string]any{"stream": fmt.Sprintf("Loaded %d bytes\n", len(body))})
	default:
		w.WriteHeader(http.StatusNotFound)
		reply(map[string]any{"message": "No such container: " + path})
	}
}

// result is what a command line left.
type result struct {
	code        int
	out, stderr string
}

// listen serves the engine on a socket in memory, and gives a dial function for it.
func (e *engine) listen(t testing.TB) func(context.Context, string, string) (net.Conn, error) {
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "engine.sock"))
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: e}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", l.Addr().String())
	}
}

func run(t testing.TB, e *engine, files Files, o Options, args ...string) result {
	t.Helper()
	var out, stderr bytes.Buffer
	o.Dial, o.Files, o.Stdout, o.Stderr = e.listen(t), files, &out, &stderr
	code := Run(context.Background(), args, o)
	return result{code, out.String(), stderr.String()}
}

func TestExitCodesAndWords(t *testing.T) {
	for _, test := range []struct {
		args        string
		code        int
		out, stderr string // a part of each
	}{
		{"--version", 0, "Docker version " + Version, ""},
		{"", 0, "", "Common Commands:"},
		{"ps --help", 0, "List containers", ""},
		{"nonsense", 1, "", "docker: unknown command: docker nonsense\n\nRun 'docker --help' for more information"},
		{"ps --nonsense", 125, "", "unknown flag: --nonsense\n\nUsage:  docker ps [OPTIONS]\n\nRun 'docker ps --help' for more information"},
		{"run", 1, "", "'docker run' requires at least 1 argument"},
		{"-H tcp://a -c b ps", 1, "", "conflicting options"},
		{"-l loud ps", 1, "", "Unable to parse logging level: loud"},
		{"inspect none", 1, "[]", "error: no such object: none"},
		{"build nowhere", 1, "", `unable to prepare context: path "nowhere" not found`},
		{"buildx build .", 1, "", "unknown command: docker buildx"},
		{"run --env-file none web", 125, "", "docker: --env-file: open none: no such file or directory"},
		{"create --cidfile no/such web", 1, "", "failed to create the container ID file: open no/such: no such file or directory"},
		{"load -i none", 1, "", "open none: no such file or directory"},
		{"save -o no/such web", 1, "", "failed to save image: invalid output path: stat no: no such file or directory"},
		{"cp none box:/", 1, "", "lstat /work/none: no such file or directory"},
		{"cp box:/x no/such", 1, "", `invalid output path: directory "/work/no" does not exist`},
		{"login", 1, "", "docker login: not available"},
	} {
		t.Run(test.args, func(t *testing.T) {
			files := tree(t, "work/")
			got := run(t, &engine{}, files, Options{Dir: "/work"}, strings.Fields(test.args)...)
			if got.code != test.code {
				t.Errorf("exit code %d, want %d", got.code, test.code)
			}
			if !strings.Contains(got.out, test.out) || !strings.Contains(got.stderr, test.stderr) {
				t.Errorf("printed %q and %q,\n want %q and %q", got.out, got.stderr, test.out, test.stderr)
			}
		})
	}
}

// What the command line names comes from the lab: variables, files, mounts.
func TestCreateReadsTheLab(t *testing.T) {
	t.Setenv("ONLY_OUTSIDE", "1")
	t.Setenv("BOTH", "outside")
	files := tree(t, "work/d/")
	os.WriteFile(files.at("/work/vars"), []byte("# comment\nA=1\nFROM_LAB\nNOWHERE\n"), 0o644)
	os.WriteFile(files.at("/work/labels"), []byte("one=1\n"), 0o644)
	e := &engine{}
	got := run(t, e, files, Options{Dir: "/work", Env: []string{"FROM_LAB=lab", "BOTH=inside"}},
		"create", "--env-file", "vars", "-e", "BOTH", "-e", "ONLY_OUTSIDE", "-e", "B=2", "--label-file", "labels", "--label", "two=2",
		"-v", "./d:/x", "-v", "named:/y", "--mount", "type=bind,src=./d,dst=/z", "--cidfile", "cid", "web")
	if got.code != 0 {
		t.Fatal(got)
	}
	var sent struct {
		Env        []string
		Labels     map[string]string
		HostConfig struct {
			Binds  []string
			Mounts []struct{ Source string }
		}
	}
	if err := json.Unmarshal(e.bodies["/containers/create"], &sent); err != nil {
		t.Fatal(err)
	}
	// A name that the lab does not have is sent without a value, which the engine leaves out.
	if want := []string{"A=1", "FROM_LAB=lab", "BOTH=inside", "ONLY_OUTSIDE", "B=2"}; !slices.Equal(sent.Env, want) {
		t.Errorf("Env is %q, want %q", sent.Env, want)
	}
	if len(sent.Labels) != 2 || sent.Labels["one"] != "1" || sent.Labels["two"] != "2" {
		t.Errorf("Labels are %v", sent.Labels)
	}
	slices.Sort(sent.HostConfig.Binds)
	if want := []string{"/work/d:/x", "named:/y"}; !slices.Equal(sent.HostConfig.Binds, want) {
		t.Errorf("Binds are %q, want %q", sent.HostConfig.Binds, want)
	}
	if len(sent.HostConfig.Mounts) != 1 || sent.HostConfig.Mounts[0].Source != "/work/d" {
		t.Errorf("Mounts are %v", sent.HostConfig.Mounts)
	}
	if b, _ := os.ReadFile(files.at("/work/cid")); string(b) != strings.Repeat("c", 64) {
		t.Errorf("the cidfile holds %q", b)
	}
}

func TestBuildPacksTheLab(t *testing.T) {
	files := tree(t, "work/Dockerfile", "work/src/a", "work/.dockerignore", "elsewhere/Other")
	os.WriteFile(files.at("/work/.dockerignore"), []byte("src\n"), 0o644)
	e := &engine{}
	got := run(t, e, files, Options{Dir: "/work"}, "build", "--iidfile", "id", ".")
	if got.code != 0 || !strings.Contains(got.out, "Sending build context to Docker daemon  3.072kB") {
		t.Fatal(got)
	}
	if list := listing(e.bodies["/build"]); strings.Contains(list, "src") || !strings.Contains(list, "Dockerfile") {
		t.Errorf("the context is\n%s", list)
	}
	if b, _ := os.ReadFile(files.at("/work/id")); string(b) != "sha256:"+strings.Repeat("b", 64) {
		t.Errorf("the iidfile holds %q", b)
	}

	// A Dockerfile from outside of the context goes along under another name.
	got = run(t, e, files, Options{Dir: "/work"}, "build", "-f", "../elsewhere/Other", ".")
	if got.code != 0 || !strings.Contains(listing(e.bodies["/build"]), ".dockerfile.") {
		t.Errorf("%v\n%s", got, listing(e.bodies["/build"]))
	}

	// So does one that is typed.
	got = run(t, e, files, Options{Dir: "/work", Stdin: strings.NewReader("FROM scratch\n")}, "build", "-")
	if got.code != 0 || !strings.Contains(listing(e.bodies["/build"]), "Dockerfile") {
		t.Errorf("%v\n%s", got, listing(e.bodies["/build"]))
	}
}

// Files of archives are the lab's, and appear whole or not at all.
func TestArchivesAreFilesOfTheLab(t *testing.T) {
	files := tree(t, "work/")
	e := &engine{}
	if got := run(t, e, files, Options{Dir: "/work"}, "save", "-o", "web.tar", "web"); got.code != 0 {
		t.Fatal(got)
	}
	if b, _ := os.ReadFile(files.at("/work/web.tar")); string(b) != "an archive" {
		t.Errorf("the file holds %q", b)
	}
	got := run(t, e, files, Options{Dir: "/work"}, "load", "-i", "web.tar")
	if got.out != "Loaded 10 bytes\n" {
		t.Errorf("load says %q, %q", got.out, got.stderr)
	}
	if got := run(t, e, files, Options{Dir: "/work"}, "export", "-o", "box.tar", "none"); got.code != 1 {
		t.Error(got)
	}
	if names, _ := files.ReadDir("/work"); !slices.Equal(names, []string{"web.tar"}) {
		t.Errorf("after an export that failed there is %q", names)
	}
}

// Ages are told by the clock of the lab, whatever year it is there.
func TestAgesAreTheLabs(t *testing.T) {
	lab := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	got := run(t, &engine{now: lab}, nil, Options{Now: func() time.Time { return lab }}, "images", "--format", "{{.CreatedSince}}")
	if got.out != "3 hours ago\n" {
		t.Errorf("the image is from %q, want 3 hours ago; %s", got.out, got.stderr)
	}
	got = run(t, &engine{now: lab}, nil, Options{Now: func() time.Time { return lab }}, "images", "--format", "{{.CreatedAt}}")
	if !strings.HasPrefix(got.out, "2023-12-31") {
		t.Errorf("the image is from %q, want the last day of 2023", got.out)
	}
}

func TestConfigurationIsTheLabs(t *testing.T) {
	files := tree(t, "root/.docker/")
	os.WriteFile(files.at("/root/.docker/config.json"), []byte(`{"imagesFormat":"{{.Repository}} of the lab","credsStore":"danger"}`), 0o644)
	got := run(t, &engine{}, files, Options{Env: []string{"HOME=/root"}}, "images")
	if got.out != "web of the lab\n" {
		t.Errorf("images says %q, %q", got.out, got.stderr)
	}
}

func TestCompletion(t *testing.T) {
	got := run(t, &engine{}, nil, Options{}, "__complete", "rmi", "w")
	if !strings.HasPrefix(got.out, "web:1\n") {
		t.Errorf("completion of an image gives %q", got.out)
	}
}

// A command line leaves no goroutines, no matter how it ends.
func TestNothingIsLeftBehind(t *testing.T) {
	e := &engine{}
	dial := e.listen(t)
	once := func() {
		var out bytes.Buffer
		Run(context.Background(), []string{"images"}, Options{Dial: dial, Stdout: &out, Stderr: &out})
		Run(context.Background(), []string{"inspect", "none"}, Options{Dial: dial, Stdout: &out, Stderr: &out})
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		Run(ctx, []string{"images"}, Options{Dial: dial, Stdout: &out, Stderr: &out})
	}
	once()
	before := runtime.NumGoroutine()
	for range 20 {
		once()
	}
	for i := 0; ; i++ {
		if after := runtime.NumGoroutine(); after <= before+5 {
			break
		} else if i == 500 {
			t.Fatalf("%d goroutines, then %d", before, after)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func BenchmarkRun(b *testing.B) {
	e := &engine{}
	dial := e.listen(b)
	for b.Loop() {
		Run(context.Background(), []string{"images"}, Options{Dial: dial, Stdout: io.Discard, Stderr: io.Discard})
	}
}

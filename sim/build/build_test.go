package build_test

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
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
func newEngine(t testing.TB) *buildtest.Engine {
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

func (f files) tar(t testing.TB) io.Reader {
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

// plain is what a build prints, without what it says of containers and images.
func plain(out string) string {
	var keep []string
	for _, l := range strings.Split(strings.TrimSuffix(out, "\n"), "\n") {
		switch {
		case strings.HasPrefix(l, " ---> Running in"), strings.HasPrefix(l, "Removing intermediate"), strings.HasPrefix(l, "Successfully"):
		case l == " ---> Using cache":
			keep = append(keep, "(cached)")
		case strings.HasPrefix(l, " ---> "):
		default:
			keep = append(keep, l)
		}
	}
	return strings.Join(keep, "\n")
}

func TestRun(t *testing.T) {
	e := newEngine(t)
	f := files{"Dockerfile": "FROM base\nRUN write /tmp/f text\nRUN say hello\n"}
	out, err := runBuild(t, e, build.Options{Tags: []string{"x"}}, f)
	want := "Step 1/3 : FROM base\nStep 2/3 : RUN write /tmp/f text\nStep 3/3 : RUN say hello\nhello"
	if err != nil || plain(out) != want {
		t.Errorf("%v\n%s", err, out)
	}
	i, err := e.Store.Find("x")
	if err != nil {
		t.Fatal(err)
	}
	if n := i.Layers.Depth(); n != 2 {
		t.Errorf("%d layers: a RUN that changes nothing adds one", n)
	}
	if out, _ = runBuild(t, e, build.Options{}, f); strings.Count(out, "Using cache") != 2 {
		t.Errorf("not from the cache:\n%s", out)
	}
}

func TestRunThatFails(t *testing.T) {
	_, err := runBuild(t, newEngine(t), build.Options{}, files{"Dockerfile": "FROM base\nRUN exit 7\n"})
	want := build.ExitError{Message: "The command '/bin/sh -c exit 7' returned a non-zero code: 7", Code: 7}
	if x, ok := err.(*build.ExitError); !ok || *x != want {
		t.Errorf("%#v", err)
	}
}

// What becomes of the containers that a build makes.
func TestIntermediateContainers(t *testing.T) {
	for _, test := range []struct {
		name        string
		rm, forceRM bool
		left        int // after ENV, RUN that works, RUN that fails
	}{
		{"kept", false, false, 3},
		{"removed, but for that of the step that failed", true, false, 1},
		{"removed whatever happens", true, true, 0},
	} {
		e := newEngine(t)
		b := &build.Builder{Engine: e}
		o := build.Options{Remove: test.rm, ForceRemove: test.forceRM}
		f := files{"Dockerfile": "FROM base\nENV a=b\nRUN say x\nRUN exit 1\n"}
		if _, err := b.Build(context.Background(), o, f.tar(t), func(build.Event) {}); err == nil {
			t.Errorf("%s: the build works", test.name)
		}
		if n := len(e.Containers()); n != test.left {
			t.Errorf("%s: %d are left", test.name, n)
		}
	}
}

// RUN sees build arguments as variables, and no health check or entrypoint; the image keeps the
// latter two and records the first.
func TestWhatRunIsStartedWith(t *testing.T) {
	e := newEngine(t)
	var ran *container.Config
	e.Run = func(_ *vfs.View, cfg *container.Config, _, _ io.Writer) int {
		ran = cfg
		return 0
	}
	value := "given"
	_, err := runBuild(t, e, build.Options{Tags: []string{"x"}, BuildArgs: map[string]*string{"b": &value, "http_proxy": &value}}, files{
		"Dockerfile": "FROM base\nENTRYPOINT [\"e\"]\nHEALTHCHECK CMD h\nENV c=env\nARG a=1\nARG b\nARG c=arg\nRUN x\n",
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(ran.Env[1:], " "); got != "c=env a=1 b=given http_proxy=given" {
		t.Errorf("RUN sees %s", got)
	}
	if ran.Entrypoint != nil || ran.Healthcheck.Test[0] != "NONE" {
		t.Errorf("RUN is started with entrypoint %q and health check %q", ran.Entrypoint, ran.Healthcheck.Test)
	}
	i, err := e.Store.Find("x")
	if err != nil {
		t.Fatal(err)
	}
	if c := i.Config.Config; c.Entrypoint[0] != "e" || c.Healthcheck.Test[1] != "h" || len(c.Env) != 2 {
		t.Errorf("the image has %+v", c)
	}
	if h := i.Config.History; h[len(h)-1].CreatedBy != "|2 a=1 b=given /bin/sh -c x" {
		t.Errorf("history shows %q", h[len(h)-1].CreatedBy)
	}
}

func TestCacheFromAnImageWithoutParents(t *testing.T) {
	f := files{"Dockerfile": "FROM base\nENV a=1\nCOPY f /f\nENV b=2\nENV c=3\n", "f": "text"}
	e := newEngine(t)
	if _, err := runBuild(t, e, build.Options{Tags: []string{"pulled"}}, f); err != nil {
		t.Fatal(err)
	}
	pulled, err := e.Store.Find("pulled")
	if err != nil {
		t.Fatal(err)
	}
	pulled, err = image.Parse(pulled.Raw, pulled.Layers)
	if err != nil {
		t.Fatal(err)
	}
	e = newEngine(t)
	e.Store = e.Store.With(pulled)
	f["Dockerfile"] = "FROM base\nENV a=1\nCOPY f /f\nENV b=2\nENV c=other\n"
	out, err := runBuild(t, e, build.Options{CacheFrom: []string{string(pulled.ID)}}, f)
	want := "Step 1/5 : FROM base\nStep 2/5 : ENV a=1\n(cached)\nStep 3/5 : COPY f /f\n(cached)\nStep 4/5 : ENV b=2\n(cached)\nStep 5/5 : ENV c=other"
	if err != nil || plain(out) != want {
		t.Errorf("%v\n%s", err, plain(out))
	}
	f["Dockerfile"] = "FROM base\nENV a=1\nCOPY f /f\nENV b=2\nENV c=3\n"
	out, err = runBuild(t, e, build.Options{Tags: []string{"again"}, CacheFrom: []string{string(pulled.ID)}}, f)
	if i, _ := e.Store.Find("again"); err != nil || i.ID != pulled.ID || strings.Count(out, "Using cache") != 4 {
		t.Errorf("the whole image is not found again: %v\n%s", err, out)
	}
}

// TestCacheMissSaysWhy builds a first Dockerfile and then a second one, which misses the cache.
func TestCacheMissSaysWhy(t *testing.T) {
	arg := func(kv string) build.Options {
		name, value, _ := strings.Cut(kv, "=")
		return build.Options{BuildArgs: map[string]*string{name: &value}}
	}
	type f = files
	for _, test := range []struct {
		name          string
		first, second files // without a FROM
		o1, o2        build.Options
		want          string // of the second build: what the steps say, but for those that hit
	}{
		{"the same again", f{"Dockerfile": "ENV a=1\nRUN say x\n"}, f{"Dockerfile": "ENV a=1\nRUN say x\n"}, build.Options{}, build.Options{}, ""},
		{"another command", f{"Dockerfile": "RUN say x\nRUN say z\n"}, f{"Dockerfile": "RUN say y\nRUN say z\n"}, build.Options{}, build.Options{},
			"instruction: /bin/sh -c say x > /bin/sh -c say y|after-miss"},
		{"the nearest command", f{"Dockerfile": "RUN say hello\n"}, f{"Dockerfile": "RUN say hullo\n"}, build.Options{}, build.Options{},
			"instruction: /bin/sh -c say hello > /bin/sh -c say hullo"},
		{"another file", f{"Dockerfile": "COPY f /f\n", "f": "1"}, f{"Dockerfile": "COPY f /f\n", "f": "2"}, build.Options{}, build.Options{}, "files"},
		{"a file that became two", f{"Dockerfile": "COPY f* /d/\n", "f": "1"}, f{"Dockerfile": "COPY f* /d/\n", "f": "1", "f2": "2"}, build.Options{}, build.Options{}, "files"},
		{"another place", f{"Dockerfile": "COPY f /f\n", "f": "1"}, f{"Dockerfile": "COPY f /g\n", "f": "1"}, build.Options{}, build.Options{}, "instruction"},
		{"another build argument", f{"Dockerfile": "ARG v\nRUN say x\n"}, f{"Dockerfile": "ARG v\nRUN say x\n"}, arg("v=1"), arg("v=2"), "build-args ARG v: 1 > 2"},
		{"a variable before", f{"Dockerfile": "ENV a=1\nRUN say x\n"}, f{"Dockerfile": "ENV a=2\nRUN say x\n"}, build.Options{}, build.Options{},
			"instruction|after-miss"},
		{"on something new", f{"Dockerfile": "RUN say x\n"}, f{"Dockerfile": "RUN say x\nRUN say y\n"}, build.Options{}, build.Options{}, "first-time"},
		{"switched off", f{"Dockerfile": "RUN say x\n"}, f{"Dockerfile": "RUN say x\n"}, build.Options{}, build.Options{NoCache: true}, "no-cache"},
		{"a source that is not here", f{"Dockerfile": "RUN say x\n"}, f{"Dockerfile": "RUN say x\n"}, build.Options{}, build.Options{CacheFrom: []string{"nowhere"}}, "no-sources"},
		{"a source that does not have it", f{"Dockerfile": "RUN say x\n"}, f{"Dockerfile": "RUN say x\n"}, build.Options{}, build.Options{CacheFrom: []string{"base"}}, "cache-from"},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := newEngine(t)
			log := &build.Log{}
			b := &build.Builder{Engine: e, Log: log}
			for _, run := range []struct {
				f files
				o build.Options
			}{{test.first, test.o1}, {test.second, test.o2}} {
				run.f["Dockerfile"] = "FROM base\n" + run.f["Dockerfile"]
				if _, err := b.Build(context.Background(), run.o, run.f.tar(t), func(build.Event) {}); err != nil {
					t.Fatal(err)
				}
			}
			var all []string
			for _, s := range log.Records()[0].Steps {
				if s.Miss == nil {
					continue
				}
				text := string(s.Miss.Why)
				for _, x := range s.Miss.Settings {
					text += fmt.Sprintf(" %s %s: %s > %s", x.Field, x.Name, x.Was, x.Now)
				}
				if s.Miss.Why == build.OtherCommand && strings.Contains(test.want, ": ") {
					text += ": " + s.Miss.Was + " > " + s.Miss.Now
				}
				all = append(all, text)
			}
			if got := strings.Join(all, "|"); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestLogRemembersSteps(t *testing.T) {
	e := newEngine(t)
	log := &build.Log{}
	b := &build.Builder{Engine: e, Log: log}
	ctx := files{"Dockerfile": "FROM base\nENV a=1\nRUN exit 3\n"}
	if _, err := b.Build(context.Background(), build.Options{Tags: []string{"t:1"}}, ctx.tar(t), func(build.Event) {}); err == nil {
		t.Fatal("the build did not fail")
	}
	r := log.Records()[0]
	if len(r.Steps) != 3 || r.Image != "" || r.Err == "" || r.Tags[0] != "t:1" {
		t.Fatalf("%+v", r)
	}
	from, env, run := r.Steps[0], r.Steps[1], r.Steps[2]
	if from.Looked || from.Made == "" || !env.Looked || env.From != from.Made || env.Miss == nil || run.From != env.Made || run.Made != "" || run.Source != "RUN exit 3" || run.Of != 3 {
		t.Errorf("%+v", r.Steps)
	}
}

// fakeWeb has pages by address, and one repository.
type fakeWeb struct {
	pages map[string]build.Page
	body  map[string]string
	repo  func() io.Reader
}

func (w fakeWeb) Get(_ context.Context, url string) (*build.Page, error) {
	text, ok := w.body[url]
	if !ok {
		return nil, fmt.Errorf("Get %q: dial tcp: lookup nohost: no such host", url)
	}
	p := w.pages[url]
	if p.Status == 0 {
		p.Status, p.Length = 200, int64(len(text))
	}
	p.Body = io.NopCloser(strings.NewReader(text))
	return &p, nil
}

func (w fakeWeb) Clone(_ context.Context, url, ref string) (io.ReadCloser, error) {
	if url != "https://host/repo.git" || ref != "master" && ref != "v1" {
		return nil, fmt.Errorf("error fetching: fatal: couldn't find remote ref %s\n: exit status 128", ref)
	}
	return io.NopCloser(w.repo()), nil
}

func TestAddFromTheWeb(t *testing.T) {
	web := fakeWeb{
		pages: map[string]build.Page{
			"http://h/d/":   {Status: 200, Length: 1, ContentDisposition: `attachment; filename="named"`},
			"http://h/gone": {Status: 404, Length: 1},
			"http://h/long": {Status: 200, Length: -1},
		},
		body: map[string]string{"http://h/f": "text", "http://h/d/": "d", "http://h/": "root", "http://h/gone": " sorry\n", "http://h/long": "l", "http://h/a.tar": archiveOf(t)},
	}
	for _, test := range []struct{ instruction, files, err string }{
		{"ADD http://h/f /x/", "/x/f", ""},
		{"ADD http://h/f /x", "/x", ""},
		{"ADD http://h/d/ /x/", "/x/named", ""},
		{"ADD http://h/ /x", "/x", ""},
		{"ADD http://h/long http://h/f /x/", "/x/long /x/f", ""},
		{"ADD http://h/a.tar /x/", "/x/a.tar", ""}, // not unpacked
		{"ADD http://h/ /x/", "", "ADD failed: cannot determine filename for source http://h/"},
		{"ADD http://h/gone /x", "", "ADD failed: failed to GET http://h/gone with status 404 Not Found: sorry"},
		{"ADD http://nohost /x", "", `ADD failed: Get "http://nohost": dial tcp: lookup nohost: no such host`},
		{"COPY http://h/f /x", "", "COPY failed: source can't be a URL for COPY"},
	} {
		e := newEngine(t)
		b := &build.Builder{Engine: e, Web: web}
		id, err := b.Build(context.Background(), build.Options{}, files{"Dockerfile": "FROM scratch\n" + test.instruction + "\n"}.tar(t), func(build.Event) {})
		if test.err != "" {
			if err == nil || err.Error() != test.err {
				t.Errorf("%s: %v", test.instruction, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", test.instruction, err)
			continue
		}
		tree, err := e.Store.Get(id).Tree()
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range strings.Fields(test.files) {
			if n := tree.Inode(tree.Find(name)); n == nil || n.Mode.Perm() != 0o600 {
				t.Errorf("%s: no %s of mode 0600", test.instruction, name)
			}
		}
	}
}

func archiveOf(t *testing.T) string {
	b, err := io.ReadAll(files{"in": "in"}.tar(t))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestRemoteContexts(t *testing.T) {
	tree := files{"Dockerfile": "FROM scratch\nCOPY f /top\n", "f": "f", "sub/Dockerfile": "FROM scratch\nCOPY f /sub\n", "sub/f": "g"}
	text, err := io.ReadAll(tree.tar(t))
	if err != nil {
		t.Fatal(err)
	}
	web := fakeWeb{
		pages: map[string]build.Page{
			"http://h/c.tar": {Status: 200, ContentType: "application/x-tar", Length: -1},
			"http://h/D":     {Status: 200, ContentType: "text/plain; charset=utf-8", Length: -1},
			"http://h/guess": {Status: 200, Length: 18},
			"http://h/page":  {Status: 200, ContentType: "text/html", Length: -1},
		},
		body: map[string]string{"http://h/c.tar": string(text), "http://h/D": "FROM base\nENV a=1\n", "http://h/guess": "FROM base\nENV a=1\n", "http://h/page": "<html>", "http://h/none": ""},
		repo: func() io.Reader { return tree.tar(t) },
	}
	for _, test := range []struct{ remote, has, err string }{
		{"http://h/c.tar", "/top", ""},
		{"http://h/D", "/etc/passwd", ""},
		{"http://h/guess", "/etc/passwd", ""},
		{"https://host/repo.git", "/top", ""},
		{"https://host/repo.git#v1", "/top", ""},
		{"https://host/repo.git#:sub", "/sub", ""},
		{"https://host/repo.git#v1:sub/", "/sub", ""},
		{"https://host/repo.git#nope", "", "error fetching: fatal: couldn't find remote ref nope\n: exit status 128"},
		{"https://host/repo.git#-x", "", "invalid refspec: -x"},
		{"https://host/repo.git#:f", "", "error setting git context, not a directory: /f"},
		{"http://h/page", "", `error detecting content type for remote http://h/page: unsupported Content-Type "text/html"`},
		{"http://h/none", "", "error detecting content type for remote http://h/none: empty response"},
		{"http://h/lost", "", `error downloading remote context http://h/lost: Get "http://h/lost": dial tcp: lookup nohost: no such host`},
		{"ftp://h", "", "remoteURL (ftp://h) could not be recognized as URL"},
	} {
		e := newEngine(t)
		b := &build.Builder{Engine: e, Web: web}
		id, err := b.Build(context.Background(), build.Options{Remote: test.remote, Remove: true}, nil, func(build.Event) {})
		if test.err != "" {
			if err == nil || err.Error() != test.err {
				t.Errorf("%s: %v", test.remote, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", test.remote, err)
			continue
		}
		got, err := e.Store.Get(id).Tree()
		if err != nil {
			t.Fatal(err)
		}
		if got.Find(test.has) == 0 {
			t.Errorf("%s: the image has no %s", test.remote, test.has)
		}
	}
}

// A Dockerfile without a context cannot copy.
func TestCopyWithoutAContext(t *testing.T) {
	web := fakeWeb{body: map[string]string{"http://h/D": "FROM base\nCOPY a b\n"}}
	b := &build.Builder{Engine: newEngine(t), Web: web}
	_, err := b.Build(context.Background(), build.Options{Remote: "http://h/D"}, nil, func(build.Event) {})
	if err == nil || err.Error() != "COPY failed: missing build context" {
		t.Error(err)
	}
}

func TestChangeConfig(t *testing.T) {
	old := &container.Config{Env: []string{"a=1", "b=2"}, Cmd: []string{"old"}, WorkingDir: "/w"}
	for _, test := range []struct {
		lines []string
		want  func(*container.Config) string
		is    string
	}{
		{[]string{"ENV a=$b c=3"}, func(c *container.Config) string { return strings.Join(c.Env, " ") }, "a=2 b=2 c=3"},
		{[]string{"CMD x"}, func(c *container.Config) string { return strings.Join(c.Cmd, " ") }, "/bin/sh -c x"},
		{[]string{`ENTRYPOINT ["e"]`}, func(c *container.Config) string { return fmt.Sprint(c.Entrypoint, c.Cmd) }, "[e] []"},
		{[]string{"WORKDIR sub"}, func(c *container.Config) string { return c.WorkingDir }, "/w/sub"},
		{[]string{"EXPOSE 80", "VOLUME /v", "USER u", "LABEL l=m"}, func(c *container.Config) string {
			return fmt.Sprint(c.ExposedPorts, c.Volumes, c.User, c.Labels)
		}, "map[80/tcp:{}] map[/v:{}]umap[l:m]"},
		{[]string{"ONBUILD RUN x"}, func(c *container.Config) string { return fmt.Sprint(c.OnBuild) }, "[RUN x]"},
	} {
		c, err := build.ChangeConfig(old, test.lines)
		if err != nil {
			t.Errorf("%q: %v", test.lines, err)
			continue
		}
		if got := test.want(c); got != test.is {
			t.Errorf("%q: %s", test.lines, got)
		}
	}
	if len(old.Env) != 2 || old.Env[0] != "a=1" {
		t.Errorf("the config that was given has changed: %+v", old)
	}
	for line, want := range map[string]string{
		"RUN x":         "run is not a valid change command",
		"COPY a b":      "copy is not a valid change command",
		"STOPSIGNAL 9":  "stopsignal is not a valid change command",
		"ENV":           "ENV requires at least one argument",
		"EXPOSE nobody": "Invalid containerPort: nobody",
		"":              "file with no instructions",
	} {
		if _, err := build.ChangeConfig(old, []string{line}); err == nil || err.Error() != want {
			t.Errorf("%s: %v", line, err)
		}
	}
}

// Builds that mean harm end with an error, soon, and leave nothing.
func TestHostileBuilds(t *testing.T) {
	manyTriggers := buildtest.New(nil)
	base, err := buildtest.Base(map[string]string{"f": ""}, &container.Config{OnBuild: strings.Split(strings.Repeat("ENV a=b\n", 3000), "\n")})
	if err != nil {
		t.Fatal(err)
	}
	manyTriggers = buildtest.New(map[string]*image.Image{"base": base})
	many := files{"Dockerfile": "FROM base\nCOPY . /x\n"}
	for i := range 300 {
		many[fmt.Sprint("f", i)] = ""
	}
	for _, test := range []struct {
		name   string
		engine *buildtest.Engine
		files  files
		want   string
	}{
		{"100,000 instructions", newEngine(t), files{"Dockerfile": "FROM base\n" + strings.Repeat("ENV a=b\n", 100_000)}, "the Dockerfile has too many instructions"},
		{"a large Dockerfile", newEngine(t), files{"Dockerfile": strings.Repeat("#\n", 3<<20)}, "the Dockerfile is too large"},
		{"triggers without end", manyTriggers, files{"Dockerfile": "FROM base\n"}, "the Dockerfile has too many instructions"},
		{"a variable that doubles", newEngine(t), files{"Dockerfile": "FROM base\nENV a=x\n" + strings.Repeat("ENV a=$a$a\n", 64)}, `longer than 1048576 bytes`},
		{"entries without end", newEngine(t), many, "archive has too many entries"},
		{"not text", newEngine(t), files{"Dockerfile": "\x00\xff\xfe\x01"}, "unknown instruction"},
		{"UTF-16", newEngine(t), files{"Dockerfile": "\xff\xfeF\x00R\x00O\x00M\x00 \x00b\x00a\x00s\x00e\x00\n\x00"}, "unknown instruction"},
	} {
		b := &build.Builder{Engine: test.engine, Limits: build.Limits{ContextBytes: 64 << 20, ContextEntries: 200, DockerfileBytes: 4 << 20, Instructions: 2000}}
		before := test.engine.Store.Len()
		_, err := b.Build(context.Background(), build.Options{ForceRemove: true, Remove: true}, test.files.tar(t), func(build.Event) {})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %.200v", test.name, err)
		}
		if n := len(test.engine.Containers()); n != 0 {
			t.Errorf("%s: %d containers are left", test.name, n)
		}
		if test.name != "a variable that doubles" && test.engine.Store.Len() != before {
			t.Errorf("%s: images are left", test.name)
		}
	}
}

// A context is read no further than it is allowed to be, whatever its entries say of themselves.
func TestHostileContexts(t *testing.T) {
	for name, test := range map[string]struct {
		entries []tar.Header
		want    string
	}{
		"ten gigabytes of zeros":      {[]tar.Header{{Name: "big", Typeflag: tar.TypeReg, Mode: 0o644, Size: 10 << 30}}, "archive is too large"},
		"names that lead out":         {[]tar.Header{{Name: "../../out", Typeflag: tar.TypeReg, Mode: 0o644}}, ""},
		"a link that leads out":       {[]tar.Header{{Name: "l", Typeflag: tar.TypeSymlink, Linkname: "../../../etc"}, {Name: "l/passwd", Typeflag: tar.TypeReg, Mode: 0o644}}, ""},
		"a million empty files":       {make([]tar.Header, 1_000_000), "archive has too many entries"},
		"a name that is a whole line": {[]tar.Header{{Name: strings.Repeat("x/", 5000) + "y", Typeflag: tar.TypeReg, Mode: 0o644}}, ""},
	} {
		e := newEngine(t)
		before := e.Store.Len()
		r, w := io.Pipe()
		go func() {
			out := tar.NewWriter(w)
			write := func(h tar.Header, text io.Reader) error {
				if err := out.WriteHeader(&h); err != nil {
					return err
				}
				_, err := io.Copy(out, text)
				return err
			}
			const dockerfile = "FROM base\nCOPY . /x\n"
			err := write(tar.Header{Name: "Dockerfile", Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(dockerfile))}, strings.NewReader(dockerfile))
			for i, h := range test.entries {
				if h.Name == "" {
					h = tar.Header{Name: fmt.Sprint("f", i), Typeflag: tar.TypeReg, Mode: 0o644}
				}
				if err == nil {
					err = write(h, io.LimitReader(zeros{}, h.Size))
				}
			}
			w.CloseWithError(errors.Join(err, out.Close()))
		}()
		b := &build.Builder{Engine: e, Limits: build.Limits{ContextBytes: 64 << 20, ContextEntries: 20_000, DockerfileBytes: 4 << 20, Instructions: 2000}}
		_, err := b.Build(context.Background(), build.Options{ForceRemove: true, Remove: true}, r, func(build.Event) {})
		r.Close()
		if test.want == "" {
			continue // an error or none: what counts is that it stays inside, which the engine's files show
		}
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %.200v, want %s", name, err, test.want)
		}
		if e.Store.Len() != before || len(e.Containers()) != 0 {
			t.Errorf("%s: something is left", name)
		}
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	b := &build.Builder{Engine: newEngine(t)}
	steps := 0
	_, err := b.Build(ctx, build.Options{}, files{"Dockerfile": "FROM base\nENV a=1\nENV b=2\n"}.tar(t), func(e build.Event) {
		if _, ok := e.(build.StepStarted); ok {
			steps++
			if steps == 2 {
				cancel()
			}
		}
	})
	if err == nil || err.Error() != "Build cancelled" || steps != 2 {
		t.Errorf("%v after %d steps", err, steps)
	}
}

// FuzzBuild gives a build any Dockerfile and any context.
func FuzzBuild(f *testing.F) {
	f.Add("FROM base\nCOPY --chown=mail:users f* /x/\nADD f /y\nWORKDIR a\nARG b=c\nENV d=${b:-e}\n", []byte("text"))
	f.Add("FROM base AS a\nONBUILD COPY f g\nFROM a\nCOPY --from=0 /etc /e\nVOLUME /v\nEXPOSE 1-3\n", []byte{0x1f, 0x8b, 8})
	f.Fuzz(func(t *testing.T, dockerfile string, data []byte) {
		e := newEngine(t)
		b := &build.Builder{Engine: e, Limits: build.Limits{ContextBytes: 1 << 20, ContextEntries: 100, DockerfileBytes: 1 << 16, Instructions: 50}}
		id, err := b.Build(context.Background(), build.Options{ForceRemove: true, Remove: true}, files{"Dockerfile": dockerfile, "f": string(data)}.tar(t), func(build.Event) {})
		if (err == nil) != (e.Store.Get(id) != nil) {
			t.Errorf("image %s, error %v", id, err)
		}
		if n := len(e.Containers()); n != 0 {
			t.Errorf("%d containers are left", n)
		}
	})
}

package classic_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/dockerlab/dockerlab/sim/build"
	"github.com/dockerlab/dockerlab/sim/build/buildtest"
	"github.com/dockerlab/dockerlab/sim/build/classic"
	"github.com/dockerlab/dockerlab/sim/image"
)

const digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// The messages that events become. Each is followed by a carriage return and a newline.
func TestMessages(t *testing.T) {
	container := strings.Repeat("c0ffee", 11)
	for _, test := range []struct {
		event build.Event
		want  []string
	}{
		{build.StepStarted{N: 1, Of: 2, Source: "FROM a"}, []string{`{"stream":"Step 1/2 : FROM a"}`, `{"stream":"\n"}`}},
		{build.ImageMade{Image: digest}, []string{`{"stream":" ---\u003e 0123456789ab\n"}`}},
		{build.ImageMade{}, []string{`{"stream":" ---\u003e \n"}`}}, // after FROM scratch
		{build.CacheHit{Image: digest}, []string{`{"stream":" ---\u003e Using cache\n"}`}},
		{build.CacheMiss{Miss: build.Miss{Why: build.FirstTime}}, nil},
		{build.Running{Container: container}, []string{`{"stream":" ---\u003e Running in c0ffeec0ffee\n"}`}},
		{build.Output{Data: []byte("out\n")}, []string{`{"stream":"out\n"}`}},
		{build.Output{Stderr: true, Data: []byte("err")}, []string{`{"stream":"\u001b[91merr\u001b[0m"}`}},
		{build.Removed{Container: container}, []string{`{"stream":"Removing intermediate container c0ffeec0ffee\n"}`}},
		{build.Removed{Container: container, Err: errors.New("busy")}, []string{`{"stream":"Error removing intermediate container c0ffeec0ffee: busy\n"}`}},
		{build.StageDone{Image: digest}, []string{`{"aux":{"ID":"` + digest + `"}}`}},
		{build.Triggers{N: 1}, []string{`{"stream":"# Executing 1 build trigger\n"}`}},
		{build.Triggers{N: 2}, []string{`{"stream":"# Executing 2 build triggers\n"}`}},
		{build.HealthcheckReplaced{Test: []string{"CMD", "x"}}, []string{`{"stream":"Note: overriding previous HEALTHCHECK: [CMD x]\n"}`}},
		{build.ArgsUnused{Names: []string{"a", "b"}}, []string{`{"stream":"[Warning] One or more build-args [a b] were not consumed\n"}`}},
		{build.Parsed{Warnings: []string{"one", "two"}}, []string{`{"stream":"\u001b[91mone\ntwo\n\u001b[0m"}`}},
		{build.Parsed{}, nil},
		{build.Downloading{Progress: build.Progress{Status: "Downloading", Current: 5, Total: 10}}, []string{`{"status":"Downloading","progressDetail":{"current":5,"total":10},"progress":"[=========================\u003e                         ]       5B/10B"}`}},
		{build.Downloading{Progress: build.Progress{Status: "Downloading", Current: 5}, Last: true}, []string{`{"status":"Downloading","progressDetail":{"current":5},"progress":"      5B"}`, `{}`}},
		{build.Downloaded{URL: "u"}, []string{`{"stream":"\n"}`}},
		{build.Pulling{Progress: build.Progress{ID: "layer", Status: "Pull complete"}}, []string{`{"status":"Pull complete","progressDetail":{},"id":"layer"}`}},
		{build.Built{Image: digest}, []string{`{"stream":"Successfully built 0123456789ab\n"}`}},
		{build.Tagged{Name: "a:b"}, []string{`{"stream":"Successfully tagged a:b\n"}`}},
	} {
		var b bytes.Buffer
		f := classic.NewFace(&b)
		f.Tell(test.event)
		var want string
		for _, m := range test.want {
			want += m + "\r\n"
		}
		if b.String() != want {
			t.Errorf("%T:\n got %q\nwant %q", test.event, b.String(), want)
		}
		if f.Wrote() != (want != "") {
			t.Errorf("%T: wrote is %v", test.event, f.Wrote())
		}
	}
}

func TestErrorsAsMessages(t *testing.T) {
	var b bytes.Buffer
	classic.NewFace(&b).Fail(&build.ExitError{Message: "no", Code: 3})
	classic.NewFace(&b).Fail(errors.New("other"))
	want := `{"errorDetail":{"code":3,"message":"no"},"error":"no"}` + "\r\n" + `{"errorDetail":{"message":"other"},"error":"other"}` + "\r\n"
	if b.String() != want {
		t.Errorf("%q", b.String())
	}
}

func TestOptions(t *testing.T) {
	q, err := url.ParseQuery(`t=a&t=b:c&dockerfile=d/D&remote=r&target=s&nocache=1&pull=true&forcerm=1&rm=0&memory=5&cpushares=x&shmsize=7` +
		`&buildargs={"a":"1","b":null}&labels={"l":"m"}&cachefrom=["i"]&networkmode=none&ulimits=[{"Name":"nofile","Hard":2,"Soft":1}]&extrahosts=h:1.2.3.4`)
	if err != nil {
		t.Fatal(err)
	}
	o, err := classic.Options(q)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Join(o.Tags, " ") != "a b:c" || o.Dockerfile != "d/D" || o.Remote != "r" || o.Target != "s" || !o.NoCache || !o.Pull {
		t.Errorf("%+v", o)
	}
	if !o.ForceRemove || !o.Remove {
		t.Error("forcerm does not include rm")
	}
	if o.Memory != 5 || o.CPUShares != 0 || o.ShmSize != 7 || o.NetworkMode != "none" || o.Ulimits[0].Hard != 2 || o.ExtraHosts[0] != "h:1.2.3.4" {
		t.Errorf("%+v", o)
	}
	if *o.BuildArgs["a"] != "1" || len(o.BuildArgs) != 2 || o.BuildArgs["b"] != nil || o.Labels["l"] != "m" || o.CacheFrom[0] != "i" {
		t.Errorf("%+v", o)
	}
	for query, want := range map[string]bool{"": true, "rm=1": true, "rm=0": false, "rm=false": false, "rm=0&forcerm=1": true} {
		q, _ := url.ParseQuery(query)
		if o, err := classic.Options(q); err != nil || o.Remove != want {
			t.Errorf("%q: containers are removed: %v, %v", query, o.Remove, err)
		}
	}
}

func TestOptionsThatAreRefused(t *testing.T) {
	for query, want := range map[string]string{
		"squash=1":         "squash is only supported with experimental mode",
		"securityopt=x":    "The daemon on this platform does not support setting security options on build",
		"isolation=hyperx": `Unsupported isolation: "hyperx"`,
		"buildargs=[":      "error reading build args: unexpected end of JSON input",
		"labels=1":         "error reading labels: json: cannot unmarshal number into Go value of type map[string]string",
		"shmsize=x":        `strconv.ParseInt: parsing "x": invalid syntax`,
		"version=3":        `invalid version "3"`,
	} {
		q, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := classic.Options(q); err == nil || err.Error() != want {
			t.Errorf("%s: %v", query, err)
		}
	}
}

// What POST /build answers: an error before the first step has a status of its own, one after it is
// the last message of the stream.
func TestHandle(t *testing.T) {
	base, err := buildtest.Base(map[string]string{"f": ""}, nil)
	if err != nil {
		t.Fatal(err)
	}
	web := fakeWeb{
		"http://h/good": "FROM base\nENV a=1\n",
		"http://h/late": "FROM base\nCOPY a b\n",
		"http://h/soon": "FROM base\nNOSUCH\n",
		"http://h/args": "ARG a\n",
	}
	b := &build.Builder{Engine: buildtest.New(map[string]*image.Image{"base": base}), Web: web}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := classic.Handle(b, w, r); err != nil {
			status := http.StatusInternalServerError
			if _, ok := err.(interface{ InvalidParameter() }); ok {
				status = http.StatusBadRequest
			}
			http.Error(w, err.Error(), status)
		}
	}))
	defer s.Close()
	for _, test := range []struct {
		query  string
		status int
		ends   string
	}{
		{"dockerfile=none", 500, "Cannot locate specified Dockerfile: none\n"},
		{"t=UP", 500, "invalid reference format: repository name must be lowercase\n"},
		{"squash=1", 400, "squash is only supported with experimental mode\n"},
		{"remote=x", 500, "remoteURL (x) could not be recognized as URL\n"},
		{"remote=http://h/late&q=1", 200, `{"errorDetail":{"message":"COPY failed: missing build context"},"error":"COPY failed: missing build context"}` + "\r\n"},
		{"remote=http://h/late", 200, `"error":"COPY failed: missing build context"}` + "\r\n"},
		{"remote=http://h/good&t=x", 200, `{"stream":"Successfully tagged x:latest\n"}` + "\r\n"},
	} {
		resp, err := http.Post(s.URL+"?"+test.query, "application/x-tar", strings.NewReader(""))
		if err != nil {
			t.Errorf("%s: %v", test.query, err)
			continue
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != test.status || !strings.HasSuffix(string(body), test.ends) {
			t.Errorf("%s: %d %q, %v", test.query, resp.StatusCode, body, err)
		}
	}
	resp, err := http.Post(s.URL+"?remote=http://h/good&q=1", "application/x-tar", nil)
	if err != nil {
		t.Fatal(err)
	}
	quiet, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || !strings.HasPrefix(string(quiet), `{"stream":"sha256:`) || strings.Count(string(quiet), "\n") != 1 {
		t.Errorf("a quiet build answers %q, %v", quiet, err)
	}
	// The engine dies of a Dockerfile without FROM; its client sees the answer break off.
	resp, err = http.Post(s.URL+"?remote=http://h/args", "application/x-tar", nil)
	if err == nil {
		_, err = io.ReadAll(resp.Body)
		resp.Body.Close()
	}
	if err == nil {
		t.Error("a Dockerfile without FROM is answered to the end")
	}
}

// fakeWeb has Dockerfiles by address.
type fakeWeb map[string]string

func (w fakeWeb) Get(_ context.Context, url string) (*build.Page, error) {
	return &build.Page{Status: 200, ContentType: "text/plain", Length: int64(len(w[url])), Body: io.NopCloser(strings.NewReader(w[url]))}, nil
}

func (w fakeWeb) Clone(context.Context, string, string) (io.ReadCloser, error) {
	return nil, errors.New("no repositories")
}

package grade

import (
	"encoding/json"
	"encoding/xml"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/dockerlab/dockerlab/content"
	"github.com/dockerlab/dockerlab/lessons"
)

const small = "---\nid: small\ntitle: Small\n---\nDo it.\n\n```check\n- {name: it is there, image: x}\n- {name: it is named, points: 2, container: y}\n```\n"

func TestFind(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.md") // an absolute path, as a shell completes it
	if err := os.WriteFile(file, []byte(small), 0o644); err != nil {
		t.Fatal(err)
	}
	a, err := Find(os.ReadFile, content.FS, file, lessons.English)
	if err != nil || a.ID != "small" || a.Prose != "Do it." || a.Tag != "submission" || len(a.Checks) != 2 || a.Checks[0].Points != 1 {
		t.Errorf("%+v %v", a, err)
	}
	for _, lang := range lessons.Langs {
		if a, err := Find(os.ReadFile, content.FS, "static-site", lang); err != nil || a.Lang != lang || a.Tag != "site" {
			t.Errorf("%s: %+v %v", lang, a, err)
		}
	}
	if _, err := Find(os.ReadFile, content.FS, "nosuch", lessons.English); err == nil || err.Error() != `no assignment "nosuch"` {
		t.Errorf("%v", err)
	}
}

func TestParseSaysWhatIsWrong(t *testing.T) {
	for _, c := range []struct{ from, to, want string }{
		{"id: small\n", "", "a.md:1: the header needs an id and a title"},
		{"name: it is there, ", "", "a.md: check 1 has no name"},
		{"it is named", "it is there", `a.md: two checks are named "it is there"`},
		{"points: 2", "points: -2", `a.md: check "it is named" has negative points`},
		{"```check", "```text", "a.md: no check block"},
		{"image: x", "imag: x", "a.md:7: check: yaml: "},
	} {
		_, err := Parse("a.md", []byte(strings.Replace(small, c.from, c.to, 1)), lessons.English)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %s", c.to, err, c.want)
		}
	}
}

func TestCommand(t *testing.T) {
	f := &fstest.MapFile{Data: []byte("x")}
	for _, c := range []struct {
		files fstest.MapFS
		want  string
	}{
		{fstest.MapFS{"Dockerfile": f, "x.sh": f}, "docker build -t site ."},
		{fstest.MapFS{"it's.sh": f}, `bash 'it'\''s.sh'`},
		{fstest.MapFS{"a.sh": f, "b.sh": f}, ""},
		{fstest.MapFS{}, ""},
	} {
		got, err := command(&Assignment{Tag: "site"}, c.files)
		if got != c.want || (err != nil) != (c.want == "") {
			t.Errorf("%v: %q %v, want %q", c.files, got, err, c.want)
		}
	}
}

var reports = []Report{
	{Submission: "li", Assignment: "small", Status: Passed, Score: 3, MaxScore: 3, Checks: []CheckReport{{Name: "a", Passed: true, Score: 1, MaxScore: 1}, {Name: "b", Passed: true, Score: 2, MaxScore: 2}}},
	{Submission: "wang", Assignment: "small", Status: Failed, Score: 1, MaxScore: 3, Message: "stopped\x1b[31m", Output: "out<&>\x00", Checks: []CheckReport{{Name: "a", Passed: true, Score: 1, MaxScore: 1}, {Name: "b", MaxScore: 2, Message: "no <b>"}}},
	{Submission: "zhao", Assignment: "small", Status: Error, MaxScore: 3, Message: "the grader failed", Checks: []CheckReport{{Name: "a", MaxScore: 1}, {Name: "b", MaxScore: 2}}},
}

func TestText(t *testing.T) {
	var b strings.Builder
	if err := Text(&b, reports[1:2]); err != nil {
		t.Fatal(err)
	}
	if want := "wang: failed, 1/3\n  ! stopped\x1b[31m\n  + a (1/1)\n  - b (0/2)\n      no <b>\n"; b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
}

func TestJSON(t *testing.T) {
	var b strings.Builder
	if err := JSON(&b, reports); err != nil {
		t.Fatal(err)
	}
	var back struct {
		Version int
		Reports []Report
	}
	if err := json.Unmarshal([]byte(b.String()), &back); err != nil || back.Version != 1 || len(back.Reports) != 3 || back.Reports[1].Score != 1 {
		t.Errorf("%+v %v", back, err)
	}
}

func TestJUnit(t *testing.T) {
	var b strings.Builder
	if err := JUnit(&b, reports); err != nil {
		t.Fatal(err)
	}
	var all junitSuites
	if err := xml.Unmarshal([]byte(b.String()), &all); err != nil {
		t.Fatalf("%v in\n%s", err, b.String())
	}
	if all.Tests != 6 || all.Failures != 1 || all.Errors != 2 {
		t.Errorf("tests %d, failures %d, errors %d", all.Tests, all.Failures, all.Errors)
	}
	names := map[string]bool{}
	for _, s := range all.Suites {
		for _, c := range s.Cases {
			if names[c.Name] {
				t.Errorf("two cases are named %q", c.Name)
			}
			names[c.Name] = true
		}
	}
	if strings.ContainsAny(b.String(), "\x00\x1b") {
		t.Error("control characters are left")
	}
}

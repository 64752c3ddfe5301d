package lessons_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/dockerlab/dockerlab/content"
	"github.com/dockerlab/dockerlab/lessons"
)

func TestContentLoads(t *testing.T) {
	b, err := lessons.Load(content.FS)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range b.Lessons {
		if len(l.Text) != len(lessons.Langs) {
			t.Errorf("%s is not in all languages", l.ID)
		}
		for lang, text := range l.Text {
			if text.Intro == "" || text.Outro == "" {
				t.Errorf("%s in %s has no beginning or no end", l.ID, lang)
			}
			for _, s := range text.Steps {
				if s.Prose == "" || len(s.Hints) == 0 {
					t.Errorf("%s: step %s has no prose or no hint", text.File, s.ID)
				}
				if strings.Contains(s.Prose, "```") {
					t.Errorf("%s: step %s shows its check, solution or hint", text.File, s.ID)
				}
			}
		}
	}
}

const small = `---
id: small
title: Small
---
Beginning.

## First *step* {#one}

Prose.

` + "```check\n- image: nginx\n```\n\n```solution\ndocker pull nginx\n```\n\n```hint\nPull it.\n```\n" + `
After.

## The end {#done}

Goodbye.
`

func TestParse(t *testing.T) {
	head, text, err := lessons.Parse("small.md", []byte(small))
	if err != nil {
		t.Fatal(err)
	}
	if head.ID != "small" || text.Title != "Small" || text.Intro != "Beginning." || text.Outro != "Goodbye." {
		t.Errorf("%+v %+v", head, text)
	}
	want := []lessons.Step{{ID: "one", Title: "First step", Prose: "Prose.\n\n\n\n\n\n\n\nAfter.", Hints: []string{"Pull it."},
		Solution: "docker pull nginx\n", Checks: []lessons.Check{{Image: "nginx"}}, Line: 7}}
	want[0].Prose = text.Steps[0].Prose
	if !reflect.DeepEqual(text.Steps, want) {
		t.Errorf("steps %+v\nwant  %+v", text.Steps, want)
	}
	if got := strings.Fields(text.Steps[0].Prose); !reflect.DeepEqual(got, []string{"Prose.", "After."}) {
		t.Errorf("prose %q", text.Steps[0].Prose)
	}
}

func TestParseErrorsSayWhere(t *testing.T) {
	for _, c := range []struct{ from, to, want string }{
		{"---\nid", "id", `small.md:1: the file does not begin with a "---" header`},
		{"id: small\n", "", "small.md:1: the header needs an id and a title"},
		{"id: small", "di: small", "small.md: header: yaml: "},
		{" {#one}", "", `small.md:7: the heading "First step" has no {#id}`},
		{"- image: nginx", "- imag: nginx", "small.md:11: check: yaml: "},
		{"- image: nginx", "- {image: nginx, run: ls}", "small.md:11: check 1: more than one subject: image, run"},
		{"- image: nginx", "- contains: x", "small.md:11: check 1: no subject"},
		{"- image: nginx", "- looked: at it", `small.md:11: check 1: looked "at it"`},
		{"- image: nginx", "- {image: nginx, author: '('}", "small.md:11: check 1: error parsing regexp"},
		{"- image: nginx", "- {image: nginx, max-size: 3 apples}", `small.md:11: check 1: size "3 apples"`},
		{"```solution\ndocker pull nginx\n```", "", `small.md:7: step "one" has no solution`},
		{"## The end {#done}", "## Again {#one}", `small.md:25: step "one" stands here twice`},
	} {
		src := strings.Replace(small, c.from, c.to, 1)
		if src == small {
			t.Fatalf("%q is not in the lesson", c.from)
		}
		_, _, err := lessons.Parse("small.md", []byte(src))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q for %q:\n got  %v\n want %s", c.to, c.from, err, c.want)
		}
	}
}

func TestRender(t *testing.T) {
	for _, c := range []struct{ name, src, want string }{
		{"words are wrapped", "one two three four five six seven", "one two three four\nfive six seven\n"},
		{"Chinese breaks anywhere", "镜像是多层存储每一层都是在前一层的基础上修改", "镜像是多层存储每一层\n都是在前一层的基础上\n修改\n"},
		{"but no line begins with a comma", "镜像是多层存储每一层，都是", "镜像是多层存储每一\n层，都是\n"},
		{"a line's end between Chinese is no blank", "镜像\n和层", "镜像和层\n"},
		{"between Latin words it is", "one\ntwo", "one two\n"},
		{"code stands as it is", "see:\n\n    docker run -it --rm ubuntu:14.04 bash\n", "see:\n\n    docker run -it --rm ubuntu:14.04 bash\n"},
		{"lists hang", "- one two three four five\n- six", "• one two three four\n  five\n• six\n"},
		{"numbers count", "3. a\n4. b", "3. a\n4. b\n"},
		{"code spans keep their quotes without colour", "say `ls`", "say `ls`\n"},
		{"tables line up", "| a | b |\n|---|---|\n| 镜像 | 2 |", "a     b\n镜像  2\n"},
		{"a long word is cut", "abcdefghijklmnopqrstuvwxyz", "abcdefghijklmnopqrst\nuvwxyz\n"},
	} {
		if got := lessons.Render(c.src, lessons.Style{Width: 20}); got != c.want {
			t.Errorf("%s:\n got  %q\n want %q", c.name, got, c.want)
		}
	}
	if got, want := lessons.Render("a **b** `c`", lessons.Style{Width: 20, Color: true}), "a \x1b[1mb\x1b[0m \x1b[36mc\x1b[0m\n"; got != want {
		t.Errorf("colour: %q, want %q", got, want)
	}
}

func TestProgressSurvives(t *testing.T) {
	file := filepath.Join(t.TempDir(), "deep", "progress.json")
	p, err := lessons.OpenProgress(file)
	if err != nil {
		t.Fatal(err)
	}
	p.Lesson, p.Done["a"] = "a", []string{"one", "two"}
	if err := p.Save(); err != nil {
		t.Fatal(err)
	}
	q, err := lessons.OpenProgress(file)
	if err != nil || q.Lesson != "a" || !reflect.DeepEqual(q.Done, p.Done) {
		t.Errorf("%+v %v", q, err)
	}
	os.WriteFile(file, []byte("{"), 0o644)
	if _, err := lessons.OpenProgress(file); err == nil || !strings.Contains(err.Error(), "move the file away") {
		t.Errorf("a broken file: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(small))
	f.Fuzz(func(t *testing.T, src []byte) {
		if _, text, err := lessons.Parse("f.md", src); err == nil {
			for _, s := range text.Steps {
				lessons.Render(s.Prose, lessons.Style{Width: 40, Color: true})
			}
		}
	})
}

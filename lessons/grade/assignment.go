// Package grade judges submissions: a folder with a Dockerfile, or with a shell script of docker
// commands, against an assignment. Each submission is judged in a fresh lab in a process of its
// own, which the operating system bounds, so that none can harm another or the grader.
package grade

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/dockerlab/dockerlab/lessons"
)

// Assignment is a task with checks that carry points, in one language.
type Assignment struct {
	ID     string
	Title  string
	Tag    string          // what a submitted Dockerfile is built as
	Lang   lessons.Lang    //
	Prose  string          // Markdown
	Checks []lessons.Check // each with a name and points
}

type header struct {
	ID    string `yaml:"id"`
	Title string `yaml:"title"`
	Tag   string `yaml:"tag"`
}

// Find reads an assignment: a file of its own, by read, when name ends in .md, else the one with
// that ID in a content folder. Where the language is missing, the other is taken.
func Find(read func(name string) ([]byte, error), content fs.FS, name string, lang lessons.Lang) (*Assignment, error) {
	if strings.HasSuffix(name, ".md") {
		src, err := read(name)
		if err != nil {
			return nil, err
		}
		return Parse(name, src, lang)
	}
	var errs []error
	for _, l := range append([]lessons.Lang{lang}, lessons.Langs...) {
		found, err := fs.Glob(content, path.Join(string(l), "assignments", "*.md"))
		if err != nil {
			return nil, err
		}
		for _, f := range found {
			src, err := fs.ReadFile(content, f)
			if err != nil {
				return nil, err
			}
			a, err := Parse(f, src, l)
			if err != nil {
				errs = append(errs, err)
			} else if a.ID == name {
				return a, nil
			}
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("no assignment %q", name)
}

// Parse reads an assignment's Markdown. Its check blocks are the checks; each needs a name, and is
// worth one point unless it says otherwise.
func Parse(name string, src []byte, lang lessons.Lang) (*Assignment, error) {
	var h header
	prose, checks, err := lessons.ParseTask(name, src, &h)
	if err != nil {
		return nil, err
	}
	a := &Assignment{ID: h.ID, Title: h.Title, Tag: h.Tag, Lang: lang, Prose: prose, Checks: checks}
	if a.ID == "" || a.Title == "" {
		return nil, fmt.Errorf("%s:1: the header needs an id and a title", name)
	}
	if a.Tag == "" {
		a.Tag = "submission"
	}
	if len(checks) == 0 {
		return nil, fmt.Errorf("%s: no check block", name)
	}
	seen := map[string]bool{}
	for i := range a.Checks {
		c := &a.Checks[i]
		switch {
		case c.Name == "":
			return nil, fmt.Errorf("%s: check %d has no name", name, i+1)
		case seen[c.Name]:
			return nil, fmt.Errorf("%s: two checks are named %q", name, c.Name)
		case c.Points < 0:
			return nil, fmt.Errorf("%s: check %q has negative points", name, c.Name)
		case c.Points == 0:
			c.Points = 1
		}
		seen[c.Name] = true
	}
	return a, nil
}

package lessons

import (
	"context"
	"fmt"
	"reflect"
	"strings"
)

// Problem is something wrong with a lesson.
type Problem struct {
	File string
	Line int
	Text string
}

func (p Problem) String() string {
	if p.Line > 0 {
		return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Text)
	}
	return p.File + ": " + p.Text
}

// NewLab makes a fresh lab; close ends it.
type NewLab func(ctx context.Context) (lab Lab, close func(), err error)

// Lint proves of each lesson that no step is solved before it is begun, that each step's solution
// solves it, and that the languages have the same steps, checks and solutions.
func Lint(ctx context.Context, b *Book, newLab NewLab) ([]Problem, error) {
	var out []Problem
	for _, l := range b.Lessons {
		out = append(out, agree(l)...)
		for _, lang := range Langs {
			t := l.Text[lang]
			if t == nil {
				continue
			}
			ps, err := prove(ctx, l, t, newLab)
			if err != nil {
				return out, err
			}
			out = append(out, ps...)
			if twin := l.Text[Chinese]; lang == English && twin != nil && same(t, twin) {
				break // the proof holds for both
			}
		}
	}
	return out, nil
}

// prove solves the lesson in a fresh lab.
func prove(ctx context.Context, l *Lesson, t *Text, newLab NewLab) ([]Problem, error) {
	lab, end, err := newLab(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	var out []Problem
	for i := range t.Steps {
		s := &t.Steps[i]
		mark := len(lab.Requests())
		why, err := Judge(ctx, since{lab, mark}, s.Checks)
		if err != nil {
			return out, fmt.Errorf("%s: step %s: %w", t.File, s.ID, err)
		}
		if len(why) == 0 {
			out = append(out, Problem{t.File, s.Line, fmt.Sprintf("step %q is solved before it is begun", s.ID)})
		}
		mark = len(lab.Requests())
		text, code, err := lab.RunHost(ctx, s.Solution)
		if err != nil {
			return out, fmt.Errorf("%s: step %s: %w", t.File, s.ID, err)
		}
		if code != 0 {
			out = append(out, Problem{t.File, s.Line, fmt.Sprintf("the solution of step %q ends with exit code %d: %s", s.ID, code, lastLine(text))})
		}
		why, err = Judge(ctx, since{lab, mark}, s.Checks)
		if err != nil {
			return out, fmt.Errorf("%s: step %s: %w", t.File, s.ID, err)
		}
		for _, f := range why {
			out = append(out, Problem{t.File, s.Line, fmt.Sprintf("the solution of step %q does not solve it: %s", s.ID, f.In(English))})
		}
	}
	return out, nil
}

// agree compares the languages of a lesson.
func agree(l *Lesson) []Problem {
	var out []Problem
	var first *Text
	for _, lang := range Langs {
		t := l.Text[lang]
		if t == nil {
			for _, o := range l.Text {
				out = append(out, Problem{File: o.File, Text: fmt.Sprintf("there is no %s/lessons file with id %q", lang, l.ID)})
			}
			continue
		}
		if first == nil {
			first = t
			continue
		}
		if a, b := stepIDs(first), stepIDs(t); !reflect.DeepEqual(a, b) {
			out = append(out, Problem{File: t.File, Text: fmt.Sprintf("its steps are %s; those of %s are %s", strings.Join(b, ", "), first.File, strings.Join(a, ", "))})
			continue
		}
		for i := range t.Steps {
			x, y := &first.Steps[i], &t.Steps[i]
			if !reflect.DeepEqual(x.Checks, y.Checks) {
				out = append(out, Problem{t.File, y.Line, fmt.Sprintf("the checks of step %q are not those of %s:%d", y.ID, first.File, x.Line)})
			}
			if x.Solution != y.Solution {
				out = append(out, Problem{t.File, y.Line, fmt.Sprintf("the solution of step %q is not that of %s:%d", y.ID, first.File, x.Line)})
			}
			if len(x.Hints) != len(y.Hints) {
				out = append(out, Problem{t.File, y.Line, fmt.Sprintf("step %q has %d hints, and %d in %s:%d", y.ID, len(y.Hints), len(x.Hints), first.File, x.Line)})
			}
		}
	}
	return out
}

func same(a, b *Text) bool {
	if len(a.Steps) != len(b.Steps) {
		return false
	}
	for i := range a.Steps {
		if a.Steps[i].Solution != b.Steps[i].Solution || !reflect.DeepEqual(a.Steps[i].Checks, b.Steps[i].Checks) {
			return false
		}
	}
	return true
}

func stepIDs(t *Text) []string {
	var out []string
	for _, s := range t.Steps {
		out = append(out, s.ID)
	}
	return out
}

package grade

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/dockerlab/dockerlab/lessons"
)

// Report is what grading one submission came to.
type Report struct {
	Submission string        `json:"submission"`
	Assignment string        `json:"assignment"`
	Status     Status        `json:"status"`
	Score      float64       `json:"score"`
	MaxScore   float64       `json:"max_score"`
	Message    string        `json:"message,omitempty"` // why it could not be judged, or was cut short
	Output     string        `json:"output,omitempty"`  // the end of what the build or script printed
	Checks     []CheckReport `json:"checks"`
}

// Status is how a submission fared.
type Status string

const (
	Passed Status = "passed" // every check holds
	Failed Status = "failed" // some do not, or there was nothing to judge
	Error  Status = "error"  // the grader itself failed
)

// CheckReport is what one check came to.
type CheckReport struct {
	Name     string  `json:"name"`
	Passed   bool    `json:"passed"`
	Score    float64 `json:"score"`
	MaxScore float64 `json:"max_score"`
	Message  string  `json:"message,omitempty"`
}

// NewLab makes a fresh lab whose host has the files of work in its working directory.
type NewLab func(ctx context.Context, work fs.FS) (lab lessons.Lab, close func(), err error)

// maxOutput is how much of the end of a submission's output a report keeps.
const maxOutput = 8 << 10

// Grade judges the submission whose files are work. An error is the grader's own; what a
// submission does wrong is in the report.
func Grade(ctx context.Context, a *Assignment, name string, work fs.FS, newLab NewLab) (Report, error) {
	r := Report{Submission: name, Assignment: a.ID, Status: Failed}
	for _, c := range a.Checks {
		r.MaxScore += c.Points
		r.Checks = append(r.Checks, CheckReport{Name: c.Name, MaxScore: c.Points})
	}
	say := func(en, zh string, args ...any) string {
		if a.Lang == lessons.Chinese {
			en = zh
		}
		return fmt.Sprintf(en, args...)
	}
	script, err := command(a, work)
	if err != nil {
		r.Message = say("There is neither a Dockerfile nor a single shell script (*.sh) in the submission.", "提交里既没有 Dockerfile，也没有唯一的 shell 脚本（*.sh）。")
		if !errors.Is(err, errNothing) {
			r.Message = err.Error()
		}
		return r, nil
	}
	lab, end, err := newLab(ctx, work)
	if err != nil {
		return r, fmt.Errorf("making a lab: %w", err)
	}
	defer end()
	out, code, err := lab.RunHost(ctx, script)
	r.Output = tail(out)
	if err != nil {
		r.Message = say("The submission was stopped: %v.", "提交的运行被中止：%v。", err)
	} else if code != 0 {
		r.Message = say("`%s` ended with exit code %d.", "`%s` 的退出码是 %d。", script, code)
	}
	for i := range a.Checks {
		c, cr := &a.Checks[i], &r.Checks[i]
		f, err := lessons.JudgeOne(ctx, lab, c)
		switch {
		case err != nil:
			cr.Message = err.Error()
		case f != nil:
			cr.Message = f.In(a.Lang)
		default:
			cr.Passed, cr.Score = true, c.Points
			r.Score += c.Points
		}
	}
	if r.Score == r.MaxScore {
		r.Status = Passed
	}
	return r, nil
}

var errNothing = errors.New("nothing to run")

// command is what the lab's host runs for a submission.
func command(a *Assignment, work fs.FS) (string, error) {
	if st, err := fs.Stat(work, "Dockerfile"); err == nil && !st.IsDir() {
		return "docker build -t " + a.Tag + " .", nil
	}
	scripts, err := fs.Glob(work, "*.sh")
	if err != nil || len(scripts) != 1 {
		return "", errNothing
	}
	return "bash " + quote(path.Base(scripts[0])), nil
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// tail is the end of a submission's output, from a line's beginning on.
func tail(s string) string {
	if len(s) <= maxOutput {
		return s
	}
	s = s[len(s)-maxOutput:]
	if i := strings.IndexByte(s, '\n'); i >= 0 {
		s = s[i+1:]
	}
	return "...\n" + s
}

package grade

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/dockerlab/dockerlab/lessons"
)

// Limits bound a worker, the process in which one submission is judged.
type Limits struct {
	Wall   time.Duration // from start to end
	CPU    time.Duration
	Memory int64 // bytes of address space that it may use beyond what Go reserves
}

// DefaultLimits are far above what the lab's own budgets let a submission use: they are a
// backstop, and what they stop is reported as such.
var DefaultLimits = Limits{Wall: 2 * time.Minute, CPU: time.Minute, Memory: 2 << 30}

// Job is what a worker is asked to do, as JSON on its standard input.
type Job struct {
	Assignment *Assignment  `json:"assignment"`
	Submission string       `json:"submission"` // its name
	Dir        string       `json:"dir"`
	Lang       lessons.Lang `json:"lang"`
	Limits     Limits       `json:"limits"`
}

// Work is the worker: it reads a Job, judges the submission, and writes the Report.
func Work(ctx context.Context, in io.Reader, out io.Writer, newLab NewLab) error {
	var j Job
	if err := json.NewDecoder(in).Decode(&j); err != nil {
		return fmt.Errorf("reading the job: %w", err)
	}
	if err := confine(j.Limits); err != nil {
		return fmt.Errorf("setting the limits: %w", err)
	}
	root, err := os.OpenRoot(j.Dir) // no link leads out of it
	if err != nil {
		return err
	}
	defer root.Close()
	r, err := Grade(ctx, j.Assignment, j.Submission, root.FS(), newLab)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(r)
}

// Pool judges submissions in worker processes: command is the worker's command line. Reports come
// in the order of the submissions, whatever the order they were finished in.
type Pool struct {
	Command []string
	Limits  Limits
	Workers int // at one time; 0: one for each processor
	// Done is told of each report when it is ready; it may be nil.
	Done func(Report)
}

// Grade judges each of the submissions, which are folders.
func (p *Pool) Grade(ctx context.Context, a *Assignment, dirs []string) ([]Report, error) {
	n := p.Workers
	if n <= 0 {
		n = runtime.NumCPU()
	}
	reports := make([]Report, len(dirs))
	errs := make([]error, len(dirs))
	slots := make(chan struct{}, n)
	var wg sync.WaitGroup
	var mu sync.Mutex
	for i, dir := range dirs {
		slots <- struct{}{}
		wg.Add(1)
		go func() {
			defer wg.Done()
			defer func() { <-slots }()
			reports[i], errs[i] = p.one(ctx, a, dir)
			if p.Done != nil && errs[i] == nil {
				mu.Lock()
				defer mu.Unlock()
				p.Done(reports[i])
			}
		}()
	}
	wg.Wait()
	return reports, errors.Join(errs...)
}

func (p *Pool) one(ctx context.Context, a *Assignment, dir string) (Report, error) {
	limits := p.Limits
	if limits == (Limits{}) {
		limits = DefaultLimits
	}
	name := filepath.Base(filepath.Clean(dir))
	r := Report{Submission: name, Assignment: a.ID, Status: Failed}
	for _, c := range a.Checks {
		r.MaxScore += c.Points
		r.Checks = append(r.Checks, CheckReport{Name: c.Name, MaxScore: c.Points})
	}
	if st, err := os.Stat(dir); err != nil {
		return r, err
	} else if !st.IsDir() {
		return r, &fs.PathError{Op: "grade", Path: dir, Err: errors.New("a submission is a folder")}
	}
	job, err := json.Marshal(Job{Assignment: a, Submission: name, Dir: dir, Lang: a.Lang, Limits: limits})
	if err != nil {
		return r, err
	}
	ctx, cancel := context.WithTimeout(ctx, limits.Wall)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.Command[0], p.Command[1:]...)
	var out, errOut bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(job), &limited{&out, 16 << 20}, &limited{&errOut, 1 << 16}
	cmd.Env = []string{"GOMAXPROCS=1", "GOTRACEBACK=none"}
	err = cmd.Run()
	stopped := func(en, zh string) Report {
		r.Message = en
		if a.Lang == lessons.Chinese {
			r.Message = zh
		}
		return r
	}
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return stopped(fmt.Sprintf("Stopped by the backstop: it took more than %v.", limits.Wall), fmt.Sprintf("被兜底限制中止：运行超过 %v。", limits.Wall)), nil
	case errors.As(err, &exit) && exit.ExitCode() == WorkerFailed:
		r.Status, r.Message = Error, lastLine(errOut.String())
		return r, nil
	case errors.As(err, &exit):
		return stopped("Stopped by the backstop: it used more memory, stack or processor time than a submission may.", "被兜底限制中止：内存、栈或处理器时间超出了提交允许的范围。"), nil
	case err != nil:
		return r, fmt.Errorf("running a worker for %s: %w", name, err)
	}
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		return r, fmt.Errorf("the worker's report on %s: %w", name, err)
	}
	return r, nil
}

// WorkerFailed is the exit code of a worker that failed through no fault of the submission.
const WorkerFailed = 3

func lastLine(s string) string {
	b := bytes.TrimSpace([]byte(s))
	return string(b[bytes.LastIndexByte(b, '\n')+1:])
}

// limited keeps the first bytes of what is written, and takes the rest as written.
type limited struct {
	to   *bytes.Buffer
	left int
}

func (l *limited) Write(b []byte) (int, error) {
	n := min(len(b), l.left)
	l.to.Write(b[:n])
	l.left -= n
	return len(b), nil
}

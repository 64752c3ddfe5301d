package main

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dockerlab/dockerlab/lessons"
	"github.com/dockerlab/dockerlab/lessons/grade"
	"github.com/dockerlab/dockerlab/shell"
	"github.com/dockerlab/dockerlab/sim/kernel"
)

// workerVerb is the hidden verb by which grade runs itself again, once for each submission.
const workerVerb = "grade-worker"

func newGrade(a *app, w *words) *cobra.Command {
	var format, folder, output string
	var workers int
	limits := grade.DefaultLimits
	cmd := &cobra.Command{
		Use:   "grade ASSIGNMENT SUBMISSION...",
		Short: w.gradeShort,
		Long:  w.gradeLong,
		Args:  cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			write := grade.Formats[format]
			if write == nil {
				return fmt.Errorf("--format: want one of %s", strings.Join(slices.Sorted(maps.Keys(grade.Formats)), ", "))
			}
			files, err := material(folder)
			if err != nil {
				return err
			}
			assignment, err := grade.Find(os.ReadFile, files, args[0], lessons.Lang(a.lang))
			if err != nil {
				return err
			}
			for _, dir := range args[1:] {
				if info, err := os.Stat(dir); err != nil {
					return err
				} else if !info.IsDir() {
					return fmt.Errorf("%s is no folder", dir)
				}
			}
			self, err := os.Executable()
			if err != nil {
				return broken(err)
			}
			ctx, stop := untilSignal(cmd.Context())
			defer stop()
			pool := grade.Pool{Command: []string{self, workerVerb}, Limits: limits, Workers: workers}
			reports, err := pool.Grade(ctx, assignment, args[1:])
			if err != nil {
				return a.ended(err)
			}
			if err := writeTo(a.out, output, func(out io.Writer) error { return write(out, reports) }); err != nil {
				return broken(err)
			}
			return verdict(reports)
		},
	}
	cmd.Flags().StringVar(&format, "format", "text", w.gradeFormat)
	cmd.Flags().StringVarP(&output, "output", "o", "", w.gradeOutput)
	cmd.Flags().IntVar(&workers, "workers", 0, w.gradeWorkers)
	cmd.Flags().DurationVar(&limits.Wall, "timeout", limits.Wall, w.gradeTimeout)
	cmd.Flags().StringVar(&folder, "content", "", w.contentFlag)
	return cmd
}

// writeTo writes to the file name, or to out where there is none.
func writeTo(out io.Writer, name string, write func(io.Writer) error) error {
	if name == "" {
		return write(out)
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	if err := write(f); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// verdict is the exit code for reports: 3 where the grader failed, 1 where a submission did.
func verdict(reports []grade.Report) error {
	code := exitOK
	for _, r := range reports {
		switch r.Status {
		case grade.Error:
			code = exitBroken
		case grade.Failed:
			code = max(code, exitFailed)
		}
	}
	if code != exitOK {
		return &exitError{code, nil}
	}
	return nil
}

func newGradeWorker(a *app, w *words) *cobra.Command {
	return &cobra.Command{
		Use:    workerVerb,
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return broken(grade.Work(cmd.Context(), a.in, a.out, func(_ context.Context, work fs.FS) (lessons.Lab, func(), error) {
				lab, err := shell.Open(shell.Options{Clock: kernel.Virtual, Seed: 1, Work: work})
				if err != nil {
					return nil, nil, err
				}
				return lab, lab.Close, nil
			}))
		},
	}
}

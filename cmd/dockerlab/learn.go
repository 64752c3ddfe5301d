package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/dockerlab/dockerlab/content"
	"github.com/dockerlab/dockerlab/lessons"
	"github.com/dockerlab/dockerlab/shell"
	"github.com/dockerlab/dockerlab/shell/line"
	"github.com/dockerlab/dockerlab/sim"
	"github.com/dockerlab/dockerlab/sim/catalog"
	"github.com/dockerlab/dockerlab/sim/kernel"
)

func newLearn(a *app, w *words) *cobra.Command {
	var folder string
	cmd := &cobra.Command{
		Use:   "learn [LESSON]",
		Short: w.learnShort,
		Long:  w.learnLong,
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			name := ""
			if len(args) > 0 {
				name = args[0]
			}
			return a.learn(cmd.Context(), w, folder, name, cmd.Flags().Changed("lang"))
		},
	}
	cmd.Flags().StringVar(&folder, "content", "", w.contentFlag)
	a.catalogFlag(cmd, w)
	a.keepFlags(cmd, w)
	a.publishFlag(cmd, w)
	return cmd
}

// material is the content that is built in, or a teacher's folder.
func material(folder string) (fs.FS, error) {
	if folder == "" {
		return content.FS, nil
	}
	if info, err := os.Stat(folder); err != nil {
		return nil, err
	} else if !info.IsDir() {
		return nil, fmt.Errorf("%s is no folder", folder)
	}
	return os.DirFS(folder), nil
}

// book reads the lessons.
func book(folder string) (*lessons.Book, error) {
	files, err := material(folder)
	if err != nil {
		return nil, err
	}
	return lessons.Load(files)
}

// progress is where the learner was last.
func (a *app) progress() (*lessons.Progress, error) {
	dir, err := a.env.stateDir()
	if err != nil {
		return nil, err
	}
	return lessons.OpenProgress(filepath.Join(dir, "progress.json"))
}

// learn teaches a lesson, or goes on where the learner left.
func (a *app) learn(ctx context.Context, w *words, folder, name string, langGiven bool) error {
	b, err := book(folder)
	if err != nil {
		return err
	}
	if name != "" {
		if _, err := b.Lesson(name); err != nil {
			return err
		}
	}
	p, err := a.progress()
	if err != nil {
		return broken(err)
	}
	lang := lessons.Lang(a.lang)
	if p.Lang != "" && !langGiven {
		lang = p.Lang // chosen with "lang" in an earlier session
	}
	ctx, stop := untilSignal(ctx)
	defer stop()
	t, err := a.terminal()
	if err != nil && !errors.Is(err, line.ErrNoTerminal) {
		return broken(err)
	}
	s := &shell.Session{Terminal: t, In: a.in, Out: a.out}
	style := func() lessons.Style { return lessons.Style{Width: 80} }
	if t != nil {
		defer t.Close()
		s.History = a.history(t)
		style = func() lessons.Style {
			_, cols := t.Size()
			return lessons.Style{Width: min(cols, 100), Color: a.env["NO_COLOR"] == "" && a.env["TERM"] != "dumb"}
		}
	}
	registry, err := a.registry()
	if err != nil {
		return err
	}
	o := a.labOptions(t, registry)
	end, err := a.keep(s, o, "learn", w)
	if err != nil {
		return err
	}
	defer end()
	publisher, closePorts := a.publisher(t, w)
	defer closePorts()
	o.Publish = publisher
	newLab := func(from *sim.State) (*shell.Lab, error) {
		o := o
		o.Seed, o.State = seedOfNow(), from
		return shell.Open(o)
	}
	tutor := shell.Tutor{Book: b, Progress: p, Lang: lang, NewLab: newLab, Style: style}
	return a.ended(tutor.Teach(ctx, s, name))
}

// labOptions are those of a lab that somebody works in by hand.
func (a *app) labOptions(t *line.Terminal, registry *catalog.Registry) shell.Options {
	o := shell.Options{Clock: kernel.Real, Seed: seedOfNow(), Registry: registry, Lang: lessons.Lang(a.lang)}
	if t != nil {
		o.Pace = pace
	}
	return o
}

// ended is the result of a session that ended with err.
func (a *app) ended(err error) error {
	var killed signalError
	if errors.As(err, &killed) {
		return &exitError{128 + killed.number(), nil}
	}
	return broken(err)
}

func newLessons(a *app, w *words) *cobra.Command {
	var folder string
	cmd := &cobra.Command{
		Use:   "lessons",
		Short: w.lessonsShort,
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := book(folder)
			if err != nil {
				return err
			}
			done := make(map[string][]string)
			if p, err := a.progress(); err == nil {
				done = p.Done
			}
			for _, l := range b.Lessons {
				text := l.In(lessons.Lang(a.lang))
				fmt.Fprintf(a.out, "%-24s %d/%d  %s\n", l.ID, len(done[l.ID]), len(text.Steps), text.Title)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&folder, "content", "", w.contentFlag)
	return cmd
}

func newLint(a *app, w *words) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "lint [DIR]",
		Short: w.lintShort,
		Long:  w.lintLong,
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			folder := ""
			if len(args) > 0 {
				folder = args[0]
			}
			b, err := book(folder)
			if err != nil {
				return err
			}
			registry, err := a.registry()
			if err != nil {
				return err
			}
			ctx, stop := untilSignal(cmd.Context())
			defer stop()
			problems, err := lessons.Lint(ctx, b, func(context.Context) (lessons.Lab, func(), error) {
				lab, err := shell.Open(shell.Options{Clock: kernel.Virtual, Registry: registry})
				if err != nil {
					return nil, nil, err
				}
				return lab, lab.Close, nil
			})
			if err != nil {
				return a.ended(err)
			}
			for _, p := range problems {
				fmt.Fprintln(a.err, p)
			}
			if len(problems) > 0 {
				return &exitError{exitFailed, nil}
			}
			fmt.Fprintf(a.out, w.lintPassed+"\n", len(b.Lessons))
			return nil
		},
	}
	a.catalogFlag(cmd, w)
	return cmd
}

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/dockerlab/dockerlab/lessons"
	"github.com/dockerlab/dockerlab/shell"
	"github.com/dockerlab/dockerlab/shell/line"
)

// pace is how long a step of a pull takes at a prompt, where somebody watches.
const pace = 30 * time.Millisecond

func newPlay(a *app, w *words) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "play",
		Short: w.playShort,
		Long:  w.playLong,
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.play(cmd.Context(), w)
		},
	}
	a.catalogFlag(cmd, w)
	a.keepFlags(cmd, w)
	a.publishFlag(cmd, w)
	return cmd
}

// play opens a lab at a prompt; where there is no terminal, it runs the lines that it is given.
func (a *app) play(ctx context.Context, w *words) error {
	registry, err := a.registry()
	if err != nil {
		return err
	}
	ctx, stop := untilSignal(ctx)
	defer stop()
	t, err := a.terminal()
	if err != nil && !errors.Is(err, line.ErrNoTerminal) {
		return broken(err)
	}
	s := shell.Session{Terminal: t, In: a.in, Out: a.out, Lang: func() lessons.Lang { return lessons.Lang(a.lang) }}
	if t != nil {
		defer t.Close()
		s.History = a.history(t)
		fmt.Fprintf(t, "%s\r\n", w.playBanner)
	}
	o := a.labOptions(t, registry)
	end, err := a.keep(&s, o, "play", w)
	if err != nil {
		return err
	}
	defer end()
	publisher, closePorts := a.publisher(t, w)
	defer closePorts()
	o.Publish = publisher
	o.State = s.Timeline.State()
	if s.Lab, err = shell.Open(o); err != nil {
		return broken(err)
	}
	s.Lab.Follow(s.Timeline, "play", "")
	return a.ended(s.Run(ctx))
}

// terminal takes over the terminal, if standard input and output are one.
func (a *app) terminal() (*line.Terminal, error) {
	in, inFile := a.in.(*os.File)
	out, outFile := a.out.(*os.File)
	if !inFile || !outFile {
		return nil, line.ErrNoTerminal
	}
	t, err := line.Open(in, out)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err == nil {
		err = t.Guard(exec.Command(self, guardVerb))
	}
	if err != nil {
		fmt.Fprintf(t, "dockerlab: %v\r\n", err)
	}
	return t, nil
}

// guardVerb is the hidden verb by which a prompt runs dockerlab a second time, to put the terminal
// back should the first come to a sudden end.
const guardVerb = "terminal-guard"

func newGuard(a *app, _ *words) *cobra.Command {
	return &cobra.Command{
		Use:    guardVerb,
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			out, ok := a.out.(*os.File)
			if !ok {
				return line.ErrNoTerminal
			}
			return broken(line.KeepGuard(a.in, out))
		},
	}
}

// history is the lines of earlier runs. Without a place to keep them they last for one run.
func (a *app) history(t *line.Terminal) *line.History {
	dir, err := a.env.stateDir()
	if err != nil {
		return new(line.History)
	}
	h, err := line.OpenHistory(filepath.Join(dir, "history"))
	if err != nil {
		fmt.Fprintf(t, "dockerlab: history: %v\r\n", err)
	}
	return h
}

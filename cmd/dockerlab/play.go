package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/dockerlab/dockerlab/shell"
	"github.com/dockerlab/dockerlab/shell/line"
	"github.com/dockerlab/dockerlab/sim/kernel"
)

func newPlay(a *app, w *words) *cobra.Command {
	return &cobra.Command{
		Use:   "play",
		Short: w.playShort,
		Long:  w.playLong,
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.play(cmd.Context(), w)
		},
	}
}

// play opens a lab at a prompt; where there is no terminal, it runs the lines that it is given.
func (a *app) play(ctx context.Context, w *words) error {
	o := shell.Options{Clock: kernel.Real, Seed: seedOfNow()}
	t, err := a.terminal()
	if errors.Is(err, line.ErrNoTerminal) {
		return runScript(ctx, a, o, script{})
	}
	if err != nil {
		return broken(err)
	}
	defer t.Close()
	lab, err := shell.Open(o)
	if err != nil {
		return broken(err)
	}
	defer lab.Close()
	ctx, stop := untilSignal(ctx)
	defer stop()
	fmt.Fprintf(t, "%s\r\n", w.playBanner)
	s := shell.Session{Lab: lab, Terminal: t, History: a.history(t)}
	err = s.Run(ctx)
	var killed signalError
	if errors.As(err, &killed) {
		return &exitError{128 + killed.number(), nil}
	}
	return broken(err)
}

// terminal takes over the terminal, if standard input and output are one.
func (a *app) terminal() (*line.Terminal, error) {
	in, inFile := a.in.(*os.File)
	out, outFile := a.out.(*os.File)
	if !inFile || !outFile {
		return nil, line.ErrNoTerminal
	}
	return line.Open(in, out)
}

// history is the lines of earlier runs. Without a place to keep them they last for one run.
func (a *app) history(t *line.Terminal) *line.History {
	dir, err := a.env.stateDir()
	if err != nil {
		h, _ := line.OpenHistory("")
		return h
	}
	h, err := line.OpenHistory(filepath.Join(dir, "history"))
	if err != nil {
		fmt.Fprintf(t, "dockerlab: history: %v\r\n", err)
	}
	return h
}

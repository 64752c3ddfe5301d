package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/dockerlab/dockerlab/shell"
	"github.com/dockerlab/dockerlab/shell/keep"
	"github.com/dockerlab/dockerlab/sim"
)

// keepFlags gives a verb that keeps its lab the flags that say where, and whether.
func (a *app) keepFlags(cmd *cobra.Command, w *words) {
	cmd.Flags().StringVar(&a.state, "state", "", w.stateFlag)
	cmd.Flags().BoolVar(&a.noState, "no-state", false, w.noStateFlag)
}

// keep gives a session the timeline of the lab that the verb keeps. end is to be called when the
// session has ended: it saves, and closes the lab.
func (a *app) keep(s *shell.Session, o shell.Options, verb string, w *words) (end func(), err error) {
	dir := a.state
	if a.noState && dir != "" {
		return nil, errors.New(w.stateOrNone)
	}
	if dir == "" && !a.noState {
		// Where there is no place for it, a lab lasts as long as the session.
		if base, err := a.env.stateDir(); err == nil {
			dir = filepath.Join(base, verb)
		}
	}
	timeline, closeState, err := a.timeline(dir, o)
	if err != nil {
		var exit *exitError
		if errors.As(err, &exit) {
			return nil, &exitError{exit.code, fmt.Errorf(w.stateElsewhere, exit.err)}
		}
		return nil, err
	}
	s.Timeline = timeline
	return func() {
		if s.Lab != nil && dir != "" {
			s.Lab.GoDown(context.Background())
		}
		if err := timeline.Close(); err != nil {
			fmt.Fprintf(a.err, "dockerlab: %v\n", err)
		}
		if s.Lab != nil {
			s.Lab.Close()
		}
		closeState()
	}, nil
}

// timeline opens the labs that are kept in a directory; "" is none. closeState is to be called when
// the last of them is closed.
func (a *app) timeline(dir string, o shell.Options) (t *sim.Timeline, closeState func(), err error) {
	if dir == "" {
		t, err = shell.NewTimeline(nil, o)
		return t, func() {}, broken(err)
	}
	d, err := keep.Open(dir)
	if err != nil {
		return nil, nil, broken(err)
	}
	if t, err = shell.NewTimeline(d, o); err != nil {
		d.Close()
		return nil, nil, broken(fmt.Errorf("%s: %w", dir, err))
	}
	return t, func() { d.Close() }, nil
}

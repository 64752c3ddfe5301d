package main

import (
	"errors"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/dockerlab/dockerlab/shell/keep"
	"github.com/dockerlab/dockerlab/shell/views"
	"github.com/dockerlab/dockerlab/sim/catalog"
	"github.com/dockerlab/dockerlab/sim/container"
)

// newViews makes the verbs that show what layers hold. They look at the catalogue's images, at what a
// lab that is kept has, and at archives on this machine.
func newViews(a *app, w *words) []*cobra.Command {
	held := heldState{}
	e := &views.Env{
		Lang: a.lang, Style: a.viewStyle(), In: a.in, Out: a.out,
		Open: func(name string) (io.ReadCloser, error) { return os.Open(name) },
		Source: func() (views.Source, error) {
			registry, err := a.registry()
			if err != nil {
				return nil, err
			}
			if held.dir != "" {
				return views.Engine{State: func() (*container.State, error) { return held.read(registry) }}, nil
			}
			if registry == nil {
				registry = catalog.Open()
			}
			return views.Catalog{Registry: registry}, nil
		},
	}
	commands := views.Commands(e)
	for _, cmd := range commands {
		run := cmd.RunE
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			defer held.close()
			err := run(cmd, args)
			if errors.Is(err, views.ErrFailed) {
				return &exitError{code: exitFailed}
			}
			return err
		}
		a.catalogFlag(cmd, w)
		cmd.Flags().StringVar(&held.dir, "state", "", w.heldFlag)
		if cmd.Flags().Lookup("base") == nil { // which may be of there, of an archive too
			cmd.MarkFlagsMutuallyExclusive("archive", "state")
			cmd.MarkFlagsMutuallyExclusive("archive", "catalog")
		}
	}
	return commands
}

// heldState is the state of a lab that is kept in a directory, which is read once and not changed.
type heldState struct {
	dir     string
	engine  *container.State
	release func() error
}

func (h *heldState) read(registry *catalog.Registry) (*container.State, error) {
	if h.engine != nil {
		return h.engine, nil
	}
	s, release, err := keep.Read(h.dir, registry)
	if err != nil {
		return nil, err
	}
	h.engine, h.release = s.Engine, release
	return h.engine, nil
}

// close lets go of the directory: contents cannot be read any more.
func (h *heldState) close() {
	if h.release != nil {
		h.release()
	}
}

// viewStyle is how reports are set: as wide as the terminal, and in colour on one only.
func (a *app) viewStyle() views.Style {
	st := views.Style{Width: 80}
	f, ok := a.out.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return st
	}
	st.Color = a.env["NO_COLOR"] == "" && a.env["TERM"] != "dumb"
	if cols, _, err := term.GetSize(int(f.Fd())); err == nil && cols > 0 {
		st.Width = min(cols, 120)
	}
	return st
}

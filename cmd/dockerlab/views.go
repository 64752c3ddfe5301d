package main

import (
	"errors"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/dockerlab/dockerlab/shell/views"
	"github.com/dockerlab/dockerlab/sim/catalog"
)

// newViews makes the verbs that show what layers hold: they look at the catalogue's images and at
// archives on this machine.
func newViews(a *app, w *words) []*cobra.Command {
	e := &views.Env{
		Lang: a.lang, Style: a.viewStyle(), In: a.in, Out: a.out,
		Open: func(name string) (io.ReadCloser, error) { return os.Open(name) },
		Source: func() (views.Source, error) {
			registry, err := a.registry()
			if registry == nil {
				registry = catalog.Open()
			}
			return views.Catalog{Registry: registry}, err
		},
	}
	commands := views.Commands(e)
	for _, cmd := range commands {
		run := cmd.RunE
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			err := run(cmd, args)
			if errors.Is(err, views.ErrFailed) {
				return &exitError{code: exitFailed}
			}
			return err
		}
		a.catalogFlag(cmd, w)
	}
	return commands
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

package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dockerlab/dockerlab/lessons"
	"github.com/dockerlab/dockerlab/shell/views"
	"github.com/dockerlab/dockerlab/sim/container"
	"github.com/dockerlab/dockerlab/sim/kernel"
)

// viewNames are the programs of package views.
var viewNames = []string{"layers", "waste", "compare", "explain"}

// viewCommand makes the command of a program.
func (l *Lab) viewCommand(e *views.Env, name string) *cobra.Command {
	explain := views.NewExplain(e, l.sim.Builds().Records, func() views.Images { return l.sim.Engine().State().Images.Get })
	for _, c := range append(views.Commands(e), explain) {
		if c.Name() == name {
			return views.Alone(e, c)
		}
	}
	return nil
}

// view is the program of package views that the process's name says.
func (l *Lab) view(p *kernel.Proc) int {
	args := p.Args()
	name := path.Base(args[0])
	dir, err := p.Getwd()
	if err != nil {
		dir = "/"
	}
	env := p.Env()
	return p.Outside(func(o *kernel.Outside) int {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		stderr := o.Writer(2)
		e := l.viewEnv(env)
		e.In, e.Out = o.Reader(0), o.Writer(1)
		e.Open = func(name string) (io.ReadCloser, error) {
			if !path.IsAbs(name) {
				name = path.Join(dir, name)
			}
			return labFiles{o}.Open(name)
		}
		if o.Isatty(1) {
			e.Color = variable(env, "NO_COLOR") == "" && variable(env, "TERM") != "dumb"
			if _, cols, err := o.Winsize(1); err == nil && cols > 0 {
				e.Width = min(cols, 120)
			}
		}
		c := l.viewCommand(e, name)
		if c == nil {
			fmt.Fprintf(stderr, "%s: no such view\n", name)
			return 127
		}
		c.SetArgs(append([]string{}, args[1:]...))
		c.SetErr(stderr)
		switch err := c.ExecuteContext(ctx); {
		case errors.Is(err, views.ErrFailed):
			return 1
		case err != nil:
			fmt.Fprintf(stderr, "%s: %v\n", name, err)
			return 2
		}
		return 0
	})
}

// viewEnv is where a view looks at this lab, for a process with an environment.
func (l *Lab) viewEnv(env []string) *views.Env {
	return &views.Env{
		Lang:  string(l.language(env)),
		Style: views.Style{Width: 80},
		Source: func() (views.Source, error) {
			return views.Engine{State: func() (*container.State, error) { return l.sim.Engine().Snapshot(), nil }}, nil
		},
	}
}

// language is that of a process's locale where it is one of the lab's two, and the lab's otherwise.
func (l *Lab) language(env []string) lessons.Lang {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		value := variable(env, name)
		if value == "" {
			continue
		}
		for _, lang := range lessons.Langs {
			if strings.HasPrefix(value, string(lang)+"_") || value == string(lang) {
				return lang
			}
		}
		break
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lang
}

// variable is the value of an environment variable.
func variable(env []string, name string) string {
	value := ""
	for _, entry := range env {
		if v, ok := strings.CutPrefix(entry, name+"="); ok {
			value = v
		}
	}
	return value
}

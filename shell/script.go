package shell

import (
	"bytes"
	"context"
	"io"
	"path"
	"path/filepath"

	"github.com/dockerlab/dockerlab/sim/host"
	"github.com/dockerlab/dockerlab/sim/linux"
)

// Script is one run of the host's shell, bash, without a terminal.
type Script struct {
	Args  []string  // bash's, after its name: "-c", "docker ps"; none reads the script from Stdin
	Stdin io.Reader // nil is no input
	// Stdout and Stderr get what is written, in the order in which it is; they may be the same.
	Stdout, Stderr io.Writer
}

// Run runs a script in the lab's home directory, and gives its exit code: 128 and the signal where
// one ended it. The error is a *kernel.BudgetError where the script used too much,
// host.ErrStalled where it would wait for ever, and ctx's where that ended it.
func (l *Lab) Run(ctx context.Context, s Script) (code int, err error) {
	box := l.sim.Host().Sandbox()
	limit := box.Budget().Output
	out := &output{left: limit, exceed: func() { box.Exceed("output", limit) }}
	if limit < 0 {
		out = nil
	}
	c := host.Command{
		Argv:  append([]string{"bash"}, s.Args...),
		Stdin: s.Stdin,
	}
	if s.Stdout != nil {
		c.Stdout = out.to(s.Stdout)
	}
	if s.Stderr != nil {
		c.Stderr = out.to(s.Stderr)
	}
	return l.sim.Host().Run(ctx, c)
}

// output bounds what a script writes, to both of its outputs together. It is used inside the
// kernel, which is why nothing is locked.
type output struct {
	left   int64
	exceed func()
}

// to is w up to the bound.
func (o *output) to(w io.Writer) io.Writer {
	if o == nil {
		return w
	}
	return bounded{o, w}
}

type bounded struct {
	o *output
	w io.Writer
}

func (b bounded) Write(p []byte) (int, error) {
	n := len(p)
	if int64(n) > b.o.left {
		p = p[:b.o.left]
		b.o.exceed()
	}
	b.o.left -= int64(len(p))
	if len(p) > 0 {
		if _, err := b.w.Write(p); err != nil {
			return 0, err
		}
	}
	return n, nil
}

// AddScript puts the text of a script into the lab, so that bash can run it under its own name,
// and gives the name to run: the same, below the home directory, where that is possible. Another
// file of that name is not replaced.
func (l *Lab) AddScript(name string, text []byte) (string, error) {
	name = filepath.ToSlash(name)
	if !filepath.IsLocal(name) {
		name = path.Join("/tmp", path.Base(name))
	}
	var err error
	l.sim.Kernel().Do(func() {
		v := l.rootView()
		if err = v.Chdir(Home); err != nil {
			return
		}
		if there, readErr := v.ReadFile(name, int64(len(text))+1); readErr == nil {
			if !bytes.Equal(there, text) {
				err = linux.EEXIST
			}
			return
		}
		for i, c := range name {
			if c != '/' || i == 0 {
				continue
			}
			if err = v.Mkdir(name[:i], 0o755); err != nil && err != linux.EEXIST {
				return
			}
		}
		err = v.WriteFile(name, text, 0o755)
	})
	if err != nil {
		return "", pathError("create", name, err)
	}
	return name, nil
}

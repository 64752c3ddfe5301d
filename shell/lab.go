package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/moby/moby/client"

	"github.com/dockerlab/dockerlab/lessons"
	"github.com/dockerlab/dockerlab/shell/publish"
	"github.com/dockerlab/dockerlab/sim"
	"github.com/dockerlab/dockerlab/sim/catalog"
	"github.com/dockerlab/dockerlab/sim/host"
	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// Home is the working directory of whoever works on the lab's host, which is root.
const Home = host.Home

// Options say what kind of lab to open.
type Options struct {
	// Clock is Real for a person and Virtual for a script, whose output is then the same on every
	// machine. Seed is where identifiers come from.
	Clock kernel.Clock
	Seed  uint64
	// Budget bounds the host and each container; zero fields are kernel.DefaultBudget's.
	Budget kernel.Budget
	// Pace slows the progress of a pull down to something that can be watched; zero is at once.
	Pace time.Duration
	// Registry is what can be pulled and fetched; nil is the catalogue that is built in.
	Registry *catalog.Registry
	// Work is copied into the working directory; nil is nothing.
	Work fs.FS
	// State is what an earlier lab left; nil is a fresh one.
	State *sim.State
	// Lang is the language of the lab's own commands where a process's locale tells none; "" is
	// English.
	Lang lessons.Lang
	// Engine connects to the engine that the host's docker command works with; nil is the lab's own.
	// With another one, a real engine say, the host stays a simulated one.
	Engine func(context.Context) (net.Conn, error)
	// Publish serves the ports that containers publish on the real machine; nil is nothing of the kind.
	// It is the Options' last lab that it serves.
	Publish *publish.Publisher
	// Programs are more programs for the host, by name: each stands in /usr/bin.
	Programs map[string]kernel.Program
}

// Lab is a simulated host with its engine, and a docker command on it that is ours. It is a
// lessons.Lab.
type Lab struct {
	sim    *sim.Lab
	remote func(context.Context) (net.Conn, error) // nil: the engine is the lab's own

	mu       sync.Mutex
	lang     lessons.Lang
	requests []lessons.Request
	engine   *client.Client
}

var _ lessons.Lab = (*Lab)(nil)

// Open makes a lab.
func Open(o Options) (*Lab, error) {
	l := &Lab{lang: o.Lang, remote: o.Engine}
	s, err := sim.New(o.sim(l))
	if err != nil {
		return nil, err
	}
	l.sim = s
	if o.Publish != nil {
		o.Publish.Follow(s)
	}
	if o.Work != nil {
		if err := l.copyIn(o.Work, Home); err != nil {
			s.Close()
			return nil, fmt.Errorf("copy the files into the lab: %w", err)
		}
	}
	return l, nil
}

// sim are the options of the lab below l.
func (o Options) sim(l *Lab) sim.Options {
	programs := l.programs()
	maps.Copy(programs, o.Programs)
	return sim.Options{
		Clock:    o.Clock,
		Seed:     o.Seed,
		State:    o.State,
		Budget:   o.Budget,
		Pace:     o.Pace,
		Registry: o.Registry,
		Programs: programs,
	}
}

// GoDown ends what runs in containers as the engine of a machine does that is switched off; see
// sim.Lab.
func (l *Lab) GoDown(ctx context.Context) { l.sim.GoDown(ctx) }

// Close ends the lab and all that runs in it, at once.
func (l *Lab) Close() {
	if l.engine != nil {
		l.engine.Close()
	}
	l.sim.Close()
}

// Handler is the Engine API of the lab.
func (l *Lab) Handler() http.Handler { return l.sim.Handler() }

// programs are those of the host that reach into the lab.
func (l *Lab) programs() map[string]kernel.Program {
	m := map[string]kernel.Program{"docker": l.docker, "clock": l.clock}
	for _, name := range viewNames {
		m[name] = l.view
	}
	return m
}

// Speak makes the lab's own commands speak a language.
func (l *Lab) Speak(lang lessons.Lang) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lang = lang
}

// docker is the docker command of this lab; it notes what it asks of the engine.
func (l *Lab) docker(p *kernel.Proc) int { return runDocker(p, l.remote, l.sim.Web(), l.note) }

// maxRequests bounds how many requests are remembered; the oldest are forgotten.
const maxRequests = 10_000

func (l *Lab) note(method, path string, status int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.requests) >= maxRequests {
		l.requests = append([]lessons.Request(nil), l.requests[maxRequests/2:]...)
	}
	l.requests = append(l.requests, lessons.Request{Method: method, Path: path, Status: status})
}

// Requests are those that docker commands in the lab have made of the engine.
func (l *Lab) Requests() []lessons.Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]lessons.Request(nil), l.requests...)
}

// dial connects to the engine from outside.
func (l *Lab) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	if l.remote != nil {
		return l.remote(ctx)
	}
	return l.sim.DialEngine(ctx)
}

// Engine is a client of the engine that docker commands in the lab work with; it belongs to the lab.
func (l *Lab) Engine() *client.Client {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.engine == nil {
		c, err := client.New(
			client.WithHost("unix://"+sim.Socket),
			client.WithDialContext(l.dial),
		)
		if err != nil {
			panic(err) // the options are constant
		}
		l.engine = c
	}
	return l.engine
}

// maxHostFile bounds what ReadHostFile reads.
const maxHostFile = 16 << 20

// ReadHostFile reads a file of the lab's host.
func (l *Lab) ReadHostFile(_ context.Context, name string) (b []byte, err error) {
	l.sim.Kernel().Do(func() {
		b, err = l.rootView().ReadFile(name, maxHostFile)
	})
	return b, pathError("open", name, err)
}

// rootView is root's view of the host's files. It is used inside the kernel.
func (l *Lab) rootView() *vfs.View { return l.sim.Host().View() }

// RunHost runs a script on the lab's host and gives what it prints, standard error included.
func (l *Lab) RunHost(ctx context.Context, script string) (output string, code int, err error) {
	var out strings.Builder
	code, err = l.Run(ctx, Script{Args: []string{"-c", script}, Stdout: &out, Stderr: &out})
	return out.String(), code, err
}

// Bounds of what is copied into a lab.
const (
	maxCopyFiles = 10_000
	maxCopyBytes = 256 << 20
)

// copyIn copies files into the directory dir of the host. Links stay links, so that none of them
// can lead to a file outside.
func (l *Lab) copyIn(files fs.FS, dir string) error {
	count, size := 0, int64(0)
	return fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name == "." {
			return nil
		}
		if count++; count > maxCopyFiles {
			return fmt.Errorf("more than %d files", maxCopyFiles)
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		to := path.Join(dir, name)
		perm := linux.ModeOf(info.Mode()).Perm() &^ 0o7000
		var b []byte
		var target string
		switch {
		case info.Mode().IsRegular():
			if size += info.Size(); size > maxCopyBytes {
				return fmt.Errorf("more than %d bytes", int64(maxCopyBytes))
			}
			if b, err = readAll(files, name, maxCopyBytes); err != nil {
				return err
			}
		case info.Mode()&fs.ModeSymlink != 0:
			if target, err = fs.ReadLink(files, name); err != nil {
				return err
			}
		case !d.IsDir():
			return fmt.Errorf("%s is neither a file, a directory nor a symbolic link", name)
		}
		mtime := info.ModTime()
		l.sim.Kernel().Do(func() {
			v := l.rootView()
			switch {
			case d.IsDir():
				if err = v.Mkdir(to, perm); err == linux.EEXIST {
					err = nil
				}
			case target != "":
				err = v.Symlink(target, to)
			default:
				if err = v.WriteFile(to, b, perm); err == nil {
					err = v.Utimes(to, &mtime, &mtime, true, false)
				}
			}
		})
		return pathError("copy", name, err)
	})
}

func readAll(files fs.FS, name string, limit int64) ([]byte, error) {
	f, err := files.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = errors.New("the file is too large")
	}
	return b, err
}

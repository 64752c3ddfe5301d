// Package sim is the lab: one simulated machine with a host to work at, a Docker engine, and a
// registry and web to fetch from, all of it values in memory. Nothing in it reaches the real
// machine's processes, files or network, and it runs where Go does, a browser included.
//
//	lab, err := sim.New(sim.Options{})
//	defer lab.Close()
//	code, err := lab.Host().Run(ctx, host.Command{Argv: []string{"sh", "-c", "uname -a"}, Stdout: out})
//
// Its rooms: kernel (processes), unionfs, layer and image (storage), userland (programs),
// container (the engine), build, engineapi (HTTP), catalog (what there is to pull), web (what there
// is to fetch).
package sim

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/distribution/reference"

	"github.com/dockerlab/dockerlab/sim/build"
	"github.com/dockerlab/dockerlab/sim/catalog"
	"github.com/dockerlab/dockerlab/sim/container"
	"github.com/dockerlab/dockerlab/sim/elfnote"
	"github.com/dockerlab/dockerlab/sim/engineapi"
	"github.com/dockerlab/dockerlab/sim/host"
	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/layer"
	"github.com/dockerlab/dockerlab/sim/unionfs"
	"github.com/dockerlab/dockerlab/sim/userland"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
	"github.com/dockerlab/dockerlab/sim/web"
)

// Socket is where on the lab's host the engine listens.
const Socket = "/var/run/docker.sock"

// Options are what a lab is made with; the zero value is a lab in real time.
type Options struct {
	Clock kernel.Clock
	Start time.Time // of a virtual clock; a State that is later counts instead
	Seed  uint64    // of all that is random
	// State is what an earlier lab left; nil is a fresh one. It was read with the same Registry and
	// Programs. What ran is as after a crash: exited with 137, unless its restart policy starts it.
	State *State
	// Budget bounds the host and each container; zero fields are kernel.DefaultBudget's.
	Budget kernel.Budget
	// Registry is what can be pulled; nil is the catalogue that is built in.
	Registry *catalog.Registry
	// Programs are more programs for the host, by name: each stands in /usr/bin.
	Programs map[string]kernel.Program
	// Pace slows the progress of a pull down to something that can be watched; zero is at once.
	Pace time.Duration
	// OnPanic is told of a program of the lab that failed.
	OnPanic func(program string, value any, stack []byte)
}

// Lab is one simulated machine.
type Lab struct {
	k       *kernel.Kernel
	host    *host.Host
	engine  *container.Engine
	handler http.Handler
	server  *http.Server
	web     *web.Web
	builds  build.Log
	tree    *layer.Tree // below what the host's disk has been written

	mu   sync.Mutex
	last *State // that State gave

	close     sync.Once
	listeners []net.Listener
}

// New makes a lab and boots its host.
func New(o Options) (*Lab, error) {
	if o.Registry == nil {
		o.Registry = catalog.Open()
	}
	l := &Lab{}
	extra := userland.Packages(o.Registry)
	for name, p := range o.Programs {
		extra = append(extra, userland.Entry{Name: name, Families: prog.GNU, Main: func(prog.Family) kernel.Program { return p }})
	}
	table := userland.New(extra...)
	was := o.State
	if was == nil {
		tree, err := hostTree(o.Registry, o.Programs)
		if err != nil {
			return nil, err
		}
		was = &State{tree: tree}
	}
	l.tree = was.tree
	if was.Now.After(o.Start) {
		o.Start = was.Now
	}
	l.k = kernel.New(kernel.Options{
		Clock: o.Clock, Start: o.Start, Seed: o.Seed, Random: was.Random, Budget: o.Budget, Loader: table.Load, OnPanic: o.OnPanic,
		OnStall: func() { l.host.Stalled() },
	})
	disk := &unionfs.Disk{Size: unionfs.DiskSize}
	var err error
	if l.host, err = host.Boot(l.k, host.Options{Tree: was.tree, Files: was.Host, Disk: disk}); err != nil {
		return nil, err
	}
	if l.web, err = web.Serve(l.k, o.Registry); err != nil {
		return nil, err
	}
	net := l.host.Sandbox().Net()
	net.Resolver, net.Route = l.web.Resolve, l.web.Route
	l.engine = container.New(container.Options{
		Kernel: l.k, Registry: registry{o.Registry}, Host: l.host.Sandbox().NS(), Change: build.ChangeConfig, Disk: disk, Pace: o.Pace, State: was.Engine,
	})
	l.handler = engineapi.NewHandler(l.engine, &build.Builder{
		Engine: engineapi.ForBuilds(l.engine), Web: l.Web(), Log: &l.builds,
	})
	l.server = &http.Server{Handler: l.handler}
	sock, err := l.host.Sandbox().ListenUnixOutside(Socket, 0o660, dockerGroup)
	if err != nil {
		return nil, fmt.Errorf("listening on the lab's %s: %w", Socket, err)
	}
	l.listeners = append(l.listeners, sock)
	if was.Engine != nil {
		l.engine.Boot(was.Engine)
	}
	go l.server.Serve(sock)
	return l, nil
}

// dockerGroup is the group that the socket belongs to.
const dockerGroup = 101

// hostTree is the disk of the lab's host: the catalogue's, and the lab's own programs.
func hostTree(r *catalog.Registry, programs map[string]kernel.Program) (*layer.Tree, error) {
	tree, err := r.Host()
	if err != nil {
		return nil, err
	}
	var entries []layer.Entry
	for name := range programs {
		entries = append(entries, layer.Entry{Name: "usr/bin/" + name, Mode: 0o100755, Content: layer.Bytes(elfnote.Write(name, "gnu"))})
	}
	slices.SortFunc(entries, func(a, b layer.Entry) int { return strings.Compare(a.Name, b.Name) })
	if len(entries) == 0 {
		return tree, nil
	}
	top, err := layer.New(entries)
	if err != nil {
		return nil, err
	}
	return tree.Apply(top)
}

// Web is the lab's internet as the host reaches it.
func (l *Lab) Web() build.Web { return web.Client{Web: l.web, Host: l.host.Sandbox().Net()} }

// Kernel is the machine.
func (l *Lab) Kernel() *kernel.Kernel { return l.k }

// Host is where people work.
func (l *Lab) Host() *host.Host { return l.host }

// Engine is the Docker engine.
func (l *Lab) Engine() *container.Engine { return l.engine }

// Builds is what became of the last builds.
func (l *Lab) Builds() *build.Log { return &l.builds }

// Handler is the engine's API, to be served on whatever connection.
func (l *Lab) Handler() http.Handler { return l.handler }

// DialEngine connects to the engine's API in memory. The connection can be closed by halves, as
// attaching to a container needs it.
func (l *Lab) DialEngine(ctx context.Context) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return l.host.Sandbox().DialUnixOutside(ctx, Socket)
}

// GoDown ends what runs in containers as the engine of a machine does that is switched off: with its
// stop signal first. It takes as long as their stop timeouts.
func (l *Lab) GoDown(ctx context.Context) { l.engine.GoDown(ctx) }

// Close ends all that runs in the lab, at once.
func (l *Lab) Close() error {
	l.close.Do(func() {
		for _, c := range l.listeners {
			c.Close()
		}
		l.server.Close()
		l.web.Close()
		l.engine.Shutdown()
	})
	return nil
}

// registry is the catalogue as the engine knows registries.
type registry struct{ *catalog.Registry }

func (r registry) Resolve(_ context.Context, ref reference.Named) (*container.Manifest, error) {
	img, err := r.Registry.Resolve(ref)
	if err != nil {
		return nil, registryError(err)
	}
	m := &container.Manifest{Digest: img.Digest, Config: img.ConfigJSON}
	for _, l := range img.Layers {
		opened, err := l.Open()
		if err != nil {
			return nil, err
		}
		m.Layers = append(m.Layers, container.ManifestLayer{Layer: opened, Digest: l.Digest, Size: l.CompressedSize})
	}
	return m, nil
}

func (r registry) Tags(_ context.Context, ref reference.Named) ([]string, error) {
	tags, err := r.Registry.Tags(ref)
	return tags, registryError(err)
}

func (r registry) Search(_ context.Context, term string) ([]container.SearchResult, error) {
	found, err := r.Registry.Search(term)
	if err != nil {
		return nil, err
	}
	var all []container.SearchResult
	for _, f := range found {
		all = append(all, container.SearchResult{Name: f.Name, Description: f.Description, Stars: f.Stars, Official: f.Official})
	}
	return all, nil
}

func registryError(err error) error {
	for _, e := range []struct{ from, to error }{
		{catalog.ErrNoHost, container.ErrNoHost}, {catalog.ErrNoRepository, container.ErrNoRepository}, {catalog.ErrNoManifest, container.ErrNoManifest},
	} {
		if errors.Is(err, e.from) {
			return e.to
		}
	}
	return err
}

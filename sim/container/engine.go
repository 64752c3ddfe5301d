package container

import (
	"context"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/distribution/reference"
	ctypes "github.com/docker/docker/api/types/container"
	"github.com/opencontainers/go-digest"

	"github.com/dockerlab/dockerlab/sim/image"
	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/layer"
	"github.com/dockerlab/dockerlab/sim/unionfs"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// Root is where the engine says that its data lies.
const Root = "/var/lib/docker"

// Options are what an Engine is made with. Only Kernel must be given.
type Options struct {
	Kernel   *kernel.Kernel
	Registry Registry // nil: no image can be pulled
	// Host is the mounts of the lab's host, for bind mounts; nil has no host paths.
	Host *vfs.Namespace
	// Change applies Dockerfile instructions to a config, for commit and import; nil refuses all.
	Change func(c *ctypes.Config, changes []string) (*ctypes.Config, error)
	// Disk is where write layers and volumes take their room from.
	Disk *unionfs.Disk
	// Budget bounds each container; nil is the kernel's own.
	Budget *kernel.Budget
	// Pace is how long each step of a pull takes to be shown, in real time; zero is none.
	Pace time.Duration
	// LogLimit bounds the log of a container in bytes: the oldest lines go first. Zero is 16 MiB.
	LogLimit int64
}

// Registry is where images are pulled from.
type Registry interface {
	// Resolve finds the image that a name with a tag or a digest leads to. Its errors are ErrNoHost,
	// ErrNoRepository, ErrNoManifest, or a fault of the registry's own.
	Resolve(ctx context.Context, ref reference.Named) (*Manifest, error)
	// Tags lists the tags of a repository, for docker pull -a.
	Tags(ctx context.Context, repository reference.Named) ([]string, error)
	// Search finds repositories whose name holds term.
	Search(ctx context.Context, term string) ([]SearchResult, error)
}

// Manifest is an image as a registry serves it.
type Manifest struct {
	Digest digest.Digest
	Config []byte // the image's configuration, whose hash is its ID
	Layers []ManifestLayer
}

// ManifestLayer is one layer of a Manifest, the lowest first.
type ManifestLayer struct {
	Layer  *layer.Layer
	Digest digest.Digest // of the compressed layer, whose first digits a pull shows
	Size   int64         // compressed, in bytes
}

// SearchResult is a line of docker search.
type SearchResult struct {
	Name        string
	Description string
	Stars       int
	Official    bool
	Automated   bool
}

// Engine is one Docker engine. Its methods are called from outside of the kernel, by any goroutine.
type Engine struct {
	o Options
	k *kernel.Kernel

	state atomic.Pointer[State]
	last  atomic.Int64 // the last time that now gave, in nanoseconds

	mu      sync.Mutex // guards what follows, and changes of state; a leaf
	lives   map[string]*live
	volumes map[string]*unionfs.FS // file systems of volumes that have been used
	execs   map[string]*exec
	journal journal
	ports   map[portKey]string         // ports of the host that are taken, and the container that has them
	nextEph uint16                     // the next port to give out where none was asked for
	inits   map[string]*layer.Tree     // images with the engine's own layer above, by chain ID
	wires   map[string]*kernel.Network // by network ID
	alone   *kernel.NetNS              // stands for the host's where there is no host
	id      string                     // as docker info shows it
}

// live is the half of a container that is not its record: what runs.
type live struct {
	op sync.Mutex // one change of the life cycle at a time

	// Engine.mu guards these.
	files   *unionfs.FS // while it runs
	box     *kernel.Sandbox
	task    *kernel.Task
	io      *stdio
	mounted []*unionfs.FS // tmpfs
	ends    []*Wake       // of those who wait for the present run's end
	waiters []*Waiter
	health  *prober
	restart restarter
	net     *kernel.NetNS
	etc     *etcFiles
	ipc     *ipc
	sys     *unionfs.FS // its /sys
	ifaces  int         // how many it has been given since it started
	execs   map[string]bool
	gone    chan struct{} // closed when the container is removed
}

// New makes an engine with the three networks that every engine has, and nothing else.
func New(o Options) *Engine {
	if o.LogLimit == 0 {
		o.LogLimit = 16 << 20
	}
	e := &Engine{
		o: o, k: o.Kernel,
		lives: map[string]*live{}, volumes: map[string]*unionfs.FS{}, execs: map[string]*exec{},
		ports: map[portKey]string{}, nextEph: firstEphemeral, inits: map[string]*layer.Tree{},
		wires: map[string]*kernel.Network{}, alone: kernel.NewNetNS(),
	}
	e.id = dockerID(e.newID())
	s := State{Images: &image.Store{}}
	e.addPredefinedNetworks(&s)
	e.state.Store(&s)
	return e
}

// Kernel is the machine that the engine's containers run on.
func (e *Engine) Kernel() *kernel.Kernel { return e.k }

// State is all that the engine knows now. File systems of running containers are as they were when
// Snapshot last looked.
func (e *Engine) State() *State { return e.state.Load() }

// update replaces the state by a changed one. f gets a copy to change, and may refuse.
func (e *Engine) update(f func(s *State) error) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := *e.state.Load()
	if err := f(&s); err != nil {
		return err
	}
	e.state.Store(&s)
	return nil
}

// change replaces the record of one container. Not found: it is gone.
func (e *Engine) change(id string, f func(c *Container) error) error {
	return e.update(func(s *State) error {
		old, ok := s.Containers.Get(id)
		if !ok {
			return noSuchContainer(id)
		}
		c := *old
		if err := f(&c); err != nil {
			return err
		}
		s.Containers = s.Containers.With(id, &c)
		return nil
	})
}

// live is the running half of a container.
func (e *Engine) live(id string) *live {
	e.mu.Lock()
	defer e.mu.Unlock()
	l := e.lives[id]
	if l == nil {
		l = &live{execs: map[string]bool{}, gone: make(chan struct{})}
		e.lives[id] = l
	}
	return l
}

// now is the lab's time. Two calls never give the same, so that what happened is in order on a
// virtual clock too, which stands still between two requests.
func (e *Engine) now() (t time.Time) {
	if e.k.ClockKind() == kernel.Real {
		return e.later(e.k.Now())
	}
	e.k.Do(func() { t = e.k.Now() })
	return e.later(t)
}

// later is t, or the moment after the last one that it gave.
func (e *Engine) later(t time.Time) time.Time {
	for {
		last := e.last.Load()
		n := max(t.UnixNano(), last+1)
		if e.last.CompareAndSwap(last, n) {
			return time.Unix(0, n).UTC()
		}
	}
}

// Now is the lab's time.
func (e *Engine) Now() time.Time { return e.now() }

func (e *Engine) newID() (id string) {
	e.k.Do(func() { id = e.k.NewID() })
	return id
}

// background runs f in a goroutine that the kernel knows to be at work.
func (e *Engine) background(f func()) {
	done := e.k.Busy()
	go func() {
		defer done()
		f()
	}()
}

// Snapshot is the state with the file systems of running containers and of volumes as they are at
// this moment. It costs a pointer for each.
func (e *Engine) Snapshot() *State {
	var s State
	e.k.Do(func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		s = *e.state.Load()
		for id, l := range e.lives {
			c, ok := s.Containers.Get(id)
			if !ok || l.files == nil {
				continue
			}
			d := *c
			d.Files = l.files.Snapshot()
			if l.io != nil {
				d.Log = l.io.log.value()
			}
			s.Containers = s.Containers.With(id, &d)
		}
		for name, fs := range e.volumes {
			if v, ok := s.Volumes.Get(name); ok {
				w := *v
				w.Files = fs.Snapshot()
				s.Volumes = s.Volumes.With(name, &w)
			}
		}
	})
	return &s
}

// Restore goes back to a state that Snapshot gave. What runs is ended without a word, and
// containers that ran in the restored state are found as after a crash: exited with 137.
func (e *Engine) Restore(to *State) {
	for _, c := range e.State().Containers.All() {
		if c.Status.Running {
			e.crash(c.ID)
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	s := *to
	now := time.Time{}
	for id, c := range to.Containers.All() {
		if !c.Status.Running {
			continue
		}
		d := *c
		d.Status = Status{ExitCode: 137, StartedAt: c.Status.StartedAt, FinishedAt: now}
		d.Ends = detached(c.Ends)
		d.Net = NetState{}
		s.Containers = s.Containers.With(id, &d)
	}
	for id, n := range s.Networks.All() {
		m := *n
		m.Pools = nil
		for _, p := range n.Pools {
			m.Pools = append(m.Pools, p.emptied())
		}
		s.Networks = s.Networks.With(id, &m)
	}
	e.lives, e.volumes, e.execs, e.ports = map[string]*live{}, map[string]*unionfs.FS{}, map[string]*exec{}, map[portKey]string{}
	e.state.Store(&s)
}

// cloneMap is maps.Clone that never gives nil.
func cloneMap[K comparable, V any](m map[K]V) map[K]V {
	if m == nil {
		return map[K]V{}
	}
	return maps.Clone(m)
}

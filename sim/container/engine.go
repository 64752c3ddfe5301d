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
	// State is what the engine knew when its machine went down; nil is a fresh engine. Boot brings
	// up again what is to run.
	State *State
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

	leaving atomic.Bool // see GoDown

	mu      sync.Mutex // guards what follows, and changes of state; a leaf
	lives   map[string]*live
	volumes map[string]*unionfs.FS // file systems of volumes that have been used
	execs   map[string]*exec
	journal journal
	ports   map[portKey]string         // ports of the host that are taken, and the container that has them
	nextEph uint16                     // the next port to give out where none was asked for
	bases   map[digest.Digest]*Base    // by the chain ID of an image's layers
	wires   map[string]*kernel.Network // by network ID
	alone   *kernel.NetNS              // stands for the host's where there is no host
	shot    *State                     // what Snapshot gave last
	shotOf  *State                     // the state that it was of
	shots   map[string]*Volume         // the records of used volumes in it
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

	shot   *Container // its record in what Snapshot gave last
	shotOf *Container // the record that that was made of
}

// New makes an engine with the three networks that every engine has, and nothing else; or one that
// goes on from Options.State.
func New(o Options) *Engine {
	if o.LogLimit == 0 {
		o.LogLimit = 16 << 20
	}
	e := &Engine{
		o: o, k: o.Kernel,
		lives: map[string]*live{}, volumes: map[string]*unionfs.FS{}, execs: map[string]*exec{},
		ports: map[portKey]string{}, nextEph: firstEphemeral, bases: map[digest.Digest]*Base{}, shots: map[string]*Volume{},
		wires: map[string]*kernel.Network{}, alone: kernel.NewNetNS(),
	}
	if o.State != nil {
		e.adopt(o.State, nil, e.now())
		return e
	}
	s := State{ID: dockerID(e.newID()), Images: &image.Store{}}
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

// cloneMap is maps.Clone that never gives nil.
func cloneMap[K comparable, V any](m map[K]V) map[K]V {
	if m == nil {
		return map[K]V{}
	}
	return maps.Clone(m)
}

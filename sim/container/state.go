package container

import (
	"iter"
	"time"

	ctypes "github.com/docker/docker/api/types/container"
	ntypes "github.com/docker/docker/api/types/network"
	"github.com/docker/go-connections/nat"
	"github.com/tidwall/btree"

	"github.com/dockerlab/dockerlab/sim/image"
	"github.com/dockerlab/dockerlab/sim/layer"
	"github.com/dockerlab/dockerlab/sim/unionfs"
)

// State is all that the engine knows, as an immutable value.
type State struct {
	ID         string // of the engine, as docker info shows it
	Images     *image.Store
	Containers Table[*Container] // by ID
	Names      Table[string]     // container ID by name, with the leading slash
	Volumes    Table[*Volume]    // by name
	Networks   Table[*Network]   // by ID
}

// Table is an immutable map whose keys are in order; changing one entry makes a new Table that
// shares the rest. The zero Table is empty.
type Table[V any] struct{ m *btree.Map[string, V] }

// Get gives the value of a key, and whether there is one.
func (t Table[V]) Get(key string) (v V, ok bool) {
	if t.m == nil {
		return v, false
	}
	return t.m.Get(key)
}

// Len is the number of entries.
func (t Table[V]) Len() int {
	if t.m == nil {
		return 0
	}
	return t.m.Len()
}

// All walks the entries in the order of their keys.
func (t Table[V]) All() iter.Seq2[string, V] { return t.From("") }

// From walks the entries from key on.
func (t Table[V]) From(key string) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		if t.m != nil {
			t.m.Ascend(key, yield)
		}
	}
}

// With is the table with one entry set. Tables are changed by one goroutine at a time.
func (t Table[V]) With(key string, v V) Table[V] {
	m := &btree.Map[string, V]{}
	if t.m != nil {
		m = t.m.Copy()
	}
	m.Set(key, v)
	return Table[V]{m}
}

// Without is the table with one entry less.
func (t Table[V]) Without(key string) Table[V] {
	if _, ok := t.Get(key); !ok {
		return t
	}
	m := t.m.Copy()
	m.Delete(key)
	return Table[V]{m}
}

// Container is the record of a container. It is immutable: a change makes another. What hangs from
// it (configs, maps) is never written to either.
type Container struct {
	ID      string
	Name    string // with the leading slash
	Created time.Time
	Path    string // of its command
	Args    []string
	Image   string // ID; empty of one made from scratch
	Config  *ctypes.Config
	Host    *ctypes.HostConfig
	Mounts  []*Mount                            // ordered by destination
	Ends    map[string]*ntypes.EndpointSettings // networks it is connected to, by name
	Links   map[string]string                   // --link: the alias in it, and the ID of the container meant

	Status          Status
	RestartCount    int
	ManuallyStopped bool // docker stop: a restart policy leaves it alone
	HasStarted      bool // its directory has hosts, hostname and resolv.conf
	HasLog          bool // and a log: it has started, or somebody asked for one
	Net             NetState
	Health          *Health // nil without a health check

	Base  *Base             `json:"-"` // what its write layer lies on
	Files *unionfs.Snapshot `json:"-"` // its root file system; of one that runs, as it was when last looked at
	Log   Log               `json:"-"`
}

// Base is what a container's write layer lies on: its image's layers, which stay when the image is
// removed, and the engine's own layer above them. It is immutable; containers of one image share it.
type Base struct {
	Layers *layer.Stack
	Init   *layer.Layer // mount points and files for what a container's start mounts; nil where the image has them all
	Tree   *layer.Tree  // all of them merged
}

// Status is where a container is in its life.
type Status struct {
	Running    bool
	Paused     bool
	Restarting bool
	Removing   bool
	Dead       bool
	OOMKilled  bool
	Pid        int
	ExitCode   int
	Error      string
	StartedAt  time.Time
	FinishedAt time.Time
}

// String is the word in docker inspect.
func (s Status) String() string {
	switch {
	case s.Running && s.Paused:
		return "paused"
	case s.Running && s.Restarting:
		return "restarting"
	case s.Running:
		return "running"
	case s.Removing:
		return "removing"
	case s.Dead:
		return "dead"
	case s.StartedAt.IsZero():
		return "created"
	}
	return "exited"
}

// NetState is what a running container has of the network.
type NetState struct {
	SandboxID string
	Ports     nat.PortMap
}

// Volume is the record of a volume of the local driver.
type Volume struct {
	Name    string
	Driver  string
	Created time.Time
	Labels  map[string]string // nil where a container's start made the volume
	Options map[string]string
	Files   *unionfs.Snapshot `json:"-"` // as it was when last looked at; nil where nobody has used it
	Anon    bool              // made without a name, for a container
}

// Network is the record of a network.
type Network struct {
	ID         string
	Name       string
	Driver     string // "bridge", "host", "null"
	Created    time.Time
	Internal   bool
	Attachable bool
	Ingress    bool
	EnableIPv6 bool
	ConfigOnly bool
	IPAM       ntypes.IPAM
	Pools      []Pool // of IPv4
	Pools6     []Pool // of IPv6, where EnableIPv6
	Options    map[string]string
	Labels     map[string]string
	Interface  string // of its bridge on the host, "br-" and 12 digits
	ConfigFrom string // the configuration-only network it was made after

	ChosenSubnet bool // somebody chose its subnets: containers may ask for addresses
}

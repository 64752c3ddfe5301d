// Package build makes images of Dockerfiles, as the classic builder of Docker Engine 20.10 does.
//
// A build reads its context (a tar, a Git repository, a page of the web), parses the Dockerfile in
// it (package dockerfile), and runs one instruction after the other. Each makes an image whose
// parent is the one before; an image that another build already made in the same way is taken from
// the cache. RUN is done by the engine, through the interface Engine; COPY and ADD work on file
// trees here.
//
// What happens is told as a stream of typed events. Package classic words them as the engine does,
// so that another face can word the same build otherwise.
package build

import (
	"context"
	"io"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/go-units"

	"github.com/dockerlab/dockerlab/sim/image"
)

// Options is what docker build asks for, as the API's query has it.
type Options struct {
	Dockerfile  string // path in the context; empty is "Dockerfile"
	Remote      string // in place of a context: a Git or web address
	Target      string
	Platform    string
	Tags        []string // normalised: "docker.io/library/name:tag"
	BuildArgs   map[string]*string
	Labels      map[string]string
	CacheFrom   []string
	NoCache     bool
	Pull        bool
	Remove      bool // intermediate containers, after a step that worked
	ForceRemove bool // after one that failed too

	// For the containers of RUN.
	NetworkMode  string
	ExtraHosts   []string
	Isolation    container.Isolation
	SecurityOpt  []string
	ShmSize      int64
	Memory       int64
	MemorySwap   int64
	CPUShares    int64
	CPUPeriod    int64
	CPUQuota     int64
	CPUSetCPUs   string
	CPUSetMems   string
	CgroupParent string
	Ulimits      []*units.Ulimit
}

// Builder builds images on an engine.
type Builder struct {
	Engine Engine
	Web    Web    // what http and git addresses stand for; nil: there is no web
	Limits Limits // the zero value is DefaultLimits
}

// Build builds an image from a context and gives its ID. archive is the context, a tar in any of
// the compressions that docker knows; nil when o.Remote names one. Events are told to tell as they
// happen, from the caller's goroutine and while a container runs from the engine's.
//
// An error is worded as the engine words it. An *ExitError is a RUN that failed.
func (b *Builder) Build(ctx context.Context, o Options, archive io.Reader, tell func(Event)) (id image.ID, err error) {
	panic("not yet")
}

// Web fetches what http, https and Git addresses stand for.
type Web interface {
	// Get fetches a page. Its error is worded as Go's HTTP client does.
	Get(ctx context.Context, url string) (*Page, error)
	// Clone gives the files of a Git repository at a branch, tag or commit (empty: its head), as a
	// tar without .git. Its error is worded as the git program does.
	Clone(ctx context.Context, url, ref string) (io.ReadCloser, error)
}

// Page is an answer of a web server.
type Page struct {
	Status             int    // 200
	ContentType        string // as in the header; empty where the server sent none
	ContentDisposition string
	LastModified       string
	Length             int64 // of the body; -1 where the server did not say
	Body               io.ReadCloser
}

// Limits bounds what a build may take from a context and a Dockerfile that nobody trusts.
type Limits struct {
	ContextBytes    int64 // content of the context's files held in memory; zeros cost nothing
	ContextEntries  int   // files, directories and links of the context
	DockerfileBytes int64
	Instructions    int // of the Dockerfile, triggers included
}

// ChangeConfig gives the config that results when changes, lines of a Dockerfile, are applied to c,
// as docker commit and docker import do for --change. c itself is left alone.
func ChangeConfig(c *container.Config, changes []string) (*container.Config, error) {
	panic("not yet")
}

// Package build makes images of Dockerfiles, as the classic builder of Docker Engine 20.10 does.
//
// A build reads its context (a tar, a Git repository, a page of the web), reads the Dockerfile in
// it (package dockerfile), and runs one instruction after the other. Each makes an image whose
// parent is the one before; an image that another build already made in the same way is taken from
// the cache. RUN is done by the engine, through the interface Engine; COPY and ADD work on file
// trees here.
//
//	context ─┬─ Dockerfile ── stages ── instructions ─┬─ RUN ─────────── Engine
//	         └─ files ────────────────────────────────┴─ COPY, ADD ──── layer ── image
//
// What happens is told as a stream of typed events. Package classic words them as the engine does,
// so that another face can word the same build otherwise.
//
// The corners are those of 20.10, oddities included, where it is known what they are; a comment at
// each says which. Nobody trusts a context: Limits bounds what one may cost.
package build

import (
	"context"
	"errors"
	"io"

	"github.com/distribution/reference"
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
	Tags        []string // as given: they are normalised and checked first of all
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
	Log    *Log   // remembers what became of builds; may be nil
}

// Limits bounds what a build may take from a context and a Dockerfile that nobody trusts. What the
// context's files take of memory is the engine's to bound (Engine.NewFS).
type Limits struct {
	ContextBytes    int64 // of a context or an archive, decompressed
	ContextEntries  int   // its files, directories and links
	DockerfileBytes int64
	Instructions    int // of a Dockerfile; and, apart from those, of a base image's triggers
}

// DefaultLimits are those of a Builder that sets none.
var DefaultLimits = Limits{ContextBytes: 16 << 30, ContextEntries: 200_000, DockerfileBytes: 4 << 20, Instructions: 2000}

// Errors of a build. Most have the words of the engine alone.
var (
	// ErrNoStage is a Dockerfile with ARG and nothing else, which 20.10 dies of: its client sees
	// the connection close.
	ErrNoStage = errors.New("a Dockerfile without FROM")

	errInstructions = errors.New("the Dockerfile has too many instructions")
	errDockerfile   = errors.New("the Dockerfile is too large")
)

// An ExitError is a RUN whose command failed. The client exits with the same code.
type ExitError struct {
	Message string // "The command '/bin/sh -c false' returned a non-zero code: 1"
	Code    int
}

func (e *ExitError) Error() string { return e.Message }

// inputError marks an error as the caller's mistake, which the API answers with status 400.
type inputError struct{ error }

// InvalidParameter is how the API's handlers know such an error.
func (inputError) InvalidParameter() {}

func (e inputError) Unwrap() error { return e.error }

// Build builds an image from a context and gives its ID. archive is the context, a tar in any of
// the compressions that docker knows; nil when o.Remote names one. Events are told to tell as they
// happen, one at a time: from the caller's goroutine, and while a container runs from the engine's.
//
// An error is worded as the engine words it. An *ExitError is a RUN that failed; one with a method
// InvalidParameter is the caller's mistake.
func (b *Builder) Build(ctx context.Context, o Options, archive io.Reader, tell func(Event)) (id image.ID, err error) {
	tags, err := checkTags(o.Tags)
	if err != nil {
		return "", err
	}
	if o.Dockerfile == "" {
		o.Dockerfile = "Dockerfile"
	}
	limits := b.Limits
	if limits == (Limits{}) {
		limits = DefaultLimits
	}
	if b.Log != nil {
		rec := recorder{Record: Record{Started: b.Engine.Now(), Tags: o.Tags}}
		outer := tell
		tell = func(e Event) {
			rec.tell(e)
			outer(e)
		}
		defer func() {
			if err != nil {
				rec.Err = short(err.Error())
			}
			b.Log.add(rec.Record)
		}()
	}
	opener := opener{engine: b.Engine, web: b.Web, limits: limits, tell: tell}
	defer opener.close()
	src, file, warnings, err := opener.open(ctx, o, archive)
	if err != nil {
		return "", err
	}
	r := run{ctx: ctx, engine: b.Engine, web: b.Web, limits: limits, options: o, tell: tell, context: src}
	defer r.close()
	id, err = r.build(file, warnings)
	if err != nil {
		return "", err
	}
	tell(Built{id})
	for _, t := range tags {
		if err := b.Engine.Tag(id, t); err != nil {
			return "", err
		}
		tell(Tagged{reference.FamiliarString(t)})
	}
	return id, nil
}

// checkTags normalises the names given with -t; one that comes twice counts once.
func checkTags(names []string) ([]reference.NamedTagged, error) {
	var out []reference.NamedTagged
	seen := map[string]bool{}
	for _, n := range names {
		if n == "" {
			continue
		}
		ref, err := image.ParseName(n)
		if err != nil {
			return nil, err
		}
		if _, ok := ref.(reference.Canonical); ok {
			return nil, errors.New("build tag cannot contain a digest")
		}
		tagged, ok := reference.TagNameOnly(ref).(reference.NamedTagged)
		if ok && !seen[tagged.String()] {
			seen[tagged.String()] = true
			out = append(out, tagged)
		}
	}
	return out, nil
}

// Package classic words a build as Docker Engine 20.10 does without BuildKit: POST /build of the
// API, its query and the stream of messages that answers it.
package classic

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/docker/docker/api/types"
	"github.com/docker/go-units"

	"github.com/dockerlab/dockerlab/sim/build"
	"github.com/dockerlab/dockerlab/sim/image"
)

// A Face writes the events of a build as JSON messages. The zero Face is not ready for use.
//
// Its words are the engine's, down to the blank line that ends a download.
type Face struct {
	w     io.Writer
	err   error // the first that writing gave
	wrote bool
}

// NewFace gives a Face that writes to w, and flushes it after each message where it can be.
func NewFace(w io.Writer) *Face { return &Face{w: w} }

// Wrote says whether something has been written: an error after that is a message of the stream
// (see Fail), one before it an answer of its own.
func (f *Face) Wrote() bool { return f.wrote }

// Tell writes an event.
func (f *Face) Tell(e build.Event) {
	switch e := e.(type) {
	case build.Parsed:
		if len(e.Warnings) > 0 {
			f.stderr(strings.Join(e.Warnings, "\n") + "\n")
		}
	case build.StepStarted:
		f.stdout(fmt.Sprintf("Step %d/%d : %s", e.N, e.Of, e.Source))
		f.stdout("\n")
	case build.Triggers:
		s := ""
		if e.N > 1 {
			s = "s"
		}
		f.stdout(fmt.Sprintf("# Executing %d build trigger%s\n", e.N, s))
	case build.CacheHit:
		f.stdout(" ---> Using cache\n")
	case build.Running:
		f.stdout(fmt.Sprintf(" ---> Running in %s\n", shortID(e.Container)))
	case build.Output:
		if e.Stderr {
			f.stderr(string(e.Data))
		} else {
			f.stdout(string(e.Data))
		}
	case build.Removed:
		if e.Err != nil {
			f.stdout(fmt.Sprintf("Error removing intermediate container %s: %v\n", shortID(e.Container), e.Err))
		} else {
			f.stdout(fmt.Sprintf("Removing intermediate container %s\n", shortID(e.Container)))
		}
	case build.ImageMade:
		f.stdout(fmt.Sprintf(" ---> %s\n", shortImage(e.Image)))
	case build.StageDone:
		id, _ := json.Marshal(types.BuildResult{ID: string(e.Image)})
		f.message(message{Aux: (*json.RawMessage)(&id)})
	case build.Warning:
		f.stdout(fmt.Sprintf(" ---> [Warning] %s\n", e.Text))
	case build.HealthcheckReplaced:
		f.stdout(fmt.Sprintf("Note: overriding previous HEALTHCHECK: %v\n", e.Test))
	case build.ArgsUnused:
		f.stdout(fmt.Sprintf("[Warning] One or more build-args %v were not consumed\n", e.Names))
	case build.Pulling:
		f.progress(e.Progress)
	case build.Downloading:
		f.progress(e.Progress)
		if e.Last {
			f.message(message{})
		}
	case build.Downloaded:
		f.stdout("\n")
	case build.Cancelled:
		f.stdout("Build cancelled\n")
	case build.Built:
		f.stdout(fmt.Sprintf("Successfully built %s\n", shortImage(e.Image)))
	case build.Tagged:
		f.stdout(fmt.Sprintf("Successfully tagged %s\n", e.Name))
	}
}

// Fail writes the error that ended the build.
func (f *Face) Fail(err error) {
	e := &failure{Message: err.Error()}
	if x, ok := err.(*build.ExitError); ok {
		e.Code = x.Code
	}
	f.message(message{Failure: e, Error: e.Message})
}

// message is one of the engine's stream (its pkg/jsonmessage): fields in its order.
type message struct {
	Stream   string           `json:"stream,omitempty"`
	Status   string           `json:"status,omitempty"`
	Detail   *detail          `json:"progressDetail,omitempty"`
	Progress string           `json:"progress,omitempty"`
	ID       string           `json:"id,omitempty"`
	Failure  *failure         `json:"errorDetail,omitempty"`
	Error    string           `json:"error,omitempty"`
	Aux      *json.RawMessage `json:"aux,omitempty"`
}

type detail struct {
	Current int64 `json:"current,omitempty"`
	Total   int64 `json:"total,omitempty"`
}

type failure struct {
	Code    int    `json:"code,omitempty"`
	Message string `json:"message"`
}

func (f *Face) stdout(s string) { f.message(message{Stream: s}) }

// stderr is in bright red, which the client passes on to a terminal and strips elsewhere.
func (f *Face) stderr(s string) { f.message(message{Stream: "\x1b[91m" + s + "\x1b[0m"}) }

func (f *Face) progress(p build.Progress) {
	m := message{ID: p.ID, Status: p.Status, Detail: &detail{p.Current, p.Total}}
	if p.Current > 0 {
		m.Progress = bar(p.Current, p.Total)
	}
	f.message(m)
}

// bar draws progress for clients that cannot themselves.
func bar(current, total int64) string {
	if total <= 0 {
		return fmt.Sprintf("%8v", units.HumanSize(float64(current)))
	}
	const width = 50
	percent := int(float64(current) / float64(total) * 100 / 2)
	percent = min(percent, width)
	blanks := width - percent
	return fmt.Sprintf("[%s>%s] %8v/%v", strings.Repeat("=", percent), strings.Repeat(" ", blanks),
		units.HumanSize(float64(current)), units.HumanSize(float64(total)))
}

func (f *Face) message(m message) {
	if f.err != nil {
		return
	}
	b, err := json.Marshal(m)
	if err == nil {
		_, err = f.w.Write(append(b, '\r', '\n'))
	}
	f.err, f.wrote = err, true
	if fl, ok := f.w.(http.Flusher); ok && err == nil {
		fl.Flush()
	}
}

// shortID is the twelve digits that users see of an ID.
func shortID(id string) string {
	if len(id) > 12 {
		return id[:12]
	}
	return id
}

func shortImage(id image.ID) string { return shortID(strings.TrimPrefix(string(id), "sha256:")) }

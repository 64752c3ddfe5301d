// Package classic words a build as Docker Engine 20.10 does without BuildKit: the stream of
// messages that the docker client prints, and the query that the client sends.
package classic

import (
	"io"
	"net/url"

	"github.com/dockerlab/dockerlab/sim/build"
)

// Options reads what docker build asked for from the query of POST /build.
func Options(q url.Values) (build.Options, error) { panic("not yet") }

// A Face writes the events of a build as the JSON messages of the engine's answer.
type Face struct {
	w     io.Writer
	quiet bool
}

// NewFace gives a Face that writes to w. A quiet one (docker build -q) says only what image was
// built.
func NewFace(w io.Writer, quiet bool) *Face { return &Face{w: w, quiet: quiet} }

// Tell writes an event.
func (f *Face) Tell(e build.Event) { panic("not yet") }

// Fail writes the error that ended the build.
func (f *Face) Fail(err error) { panic("not yet") }

package container

import (
	"errors"
	"fmt"
)

// Kind says what sort of refusal an Error is; each is one HTTP status.
type Kind int

const (
	Unknown      Kind = iota // 500
	NotFound                 // 404
	Invalid                  // 400
	Conflict                 // 409
	Forbidden                // 403
	Unauthorized             // 401
	Unavailable              // 503
	System                   // 500, and said to be the engine's own fault
	NotModified              // 304
	Unsupported              // 501
)

// Error is an answer in which the engine refuses a request.
type Error struct {
	Kind Kind
	Err  error
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// KindOf is the kind of the outermost Error in err's chain, or Unknown.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Unknown
}

func refuse(k Kind, format string, a ...any) error {
	return &Error{Kind: k, Err: fmt.Errorf(format, a...)}
}

func notFound(format string, a ...any) error { return refuse(NotFound, format, a...) }
func invalid(format string, a ...any) error  { return refuse(Invalid, format, a...) }
func conflict(format string, a ...any) error { return refuse(Conflict, format, a...) }
func system(format string, a ...any) error   { return refuse(System, format, a...) }

// as gives err a kind, unless it has one.
func as(k Kind, err error) error {
	if err == nil || KindOf(err) != Unknown {
		return err
	}
	return &Error{Kind: k, Err: err}
}

func noSuchContainer(ref string) error { return notFound("No such container: %s", ref) }
func notRunning(id string) error       { return conflict("Container %s is not running", id) }

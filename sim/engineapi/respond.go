package engineapi

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/versions"

	"github.com/dockerlab/dockerlab/sim/container"
)

// respond answers with a JSON document.
func respond(w http.ResponseWriter, status int, v any) error {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

var statusOf = map[container.Kind]int{
	container.Unknown: 500, container.System: 500, container.NotFound: 404, container.Invalid: 400, container.Conflict: 409,
	container.Forbidden: 403, container.Unauthorized: 401, container.Unavailable: 503, container.NotModified: 304, container.Unsupported: 501,
}

// status is the HTTP status of an error.
func status(err error) int {
	var bad interface{ InvalidParameter() }
	if container.KindOf(err) == container.Unknown && errors.As(err, &bad) {
		return http.StatusBadRequest
	}
	return statusOf[container.KindOf(err)]
}

// respondError answers with an error: as JSON, or as plain text where the client is so old that
// the engine did not yet.
func respondError(w http.ResponseWriter, r *request, err error) {
	code := status(err)
	if code == http.StatusNotModified {
		w.WriteHeader(code)
		return
	}
	if versions.LessThan(r.version, "1.24") && r.version != "" {
		http.Error(w, err.Error(), code)
		return
	}
	w.Header().Del("Content-Length")
	respond(w, code, &types.ErrorResponse{Message: err.Error()})
}

// parseForm reads the query, and a body that is a form.
func (r *request) parseForm() error {
	if err := r.ParseForm(); err != nil && !strings.HasPrefix(err.Error(), "mime:") {
		return refuse(container.Invalid, "%w", err)
	}
	return nil
}

// flag is a value of the query that is true or false: empty, "0", "no", "false" and "none" are
// false.
func (r *request) flag(name string) bool {
	switch strings.ToLower(strings.TrimSpace(r.FormValue(name))) {
	case "", "0", "no", "false", "none":
		return false
	}
	return true
}

// flagOr is flag for a value that may be left out.
func (r *request) flagOr(name string, or bool) bool {
	if _, ok := r.Form[name]; !ok {
		return or
	}
	return r.flag(name)
}

// filters reads the value "filters" of the query.
func (r *request) filters() (filters.Args, error) {
	return filters.FromJSON(r.Form.Get("filters"))
}

// checkJSON refuses a body that does not say that it is JSON.
func (r *request) checkJSON() error {
	ct := r.Header.Get("Content-Type")
	if ct == "" && (r.Body == nil || r.ContentLength == 0) {
		return nil
	}
	if t, _, err := mime.ParseMediaType(ct); err == nil && t == "application/json" {
		return nil
	}
	return refuse(container.Invalid, "Content-Type specified (%s) must be 'application/json'", ct)
}

// decode reads a JSON body. Errors are in the words of the Go release that the engine was built
// with; typeName is what it calls the value.
func decode(body io.Reader, v any, typeName string) error {
	return words(json.NewDecoder(body).Decode(v), typeName)
}

func words(err error, typeName string) error {
	var bad *json.UnmarshalTypeError
	if !errors.As(err, &bad) {
		return err
	}
	typ := bad.Type.String()
	if typeName != "" && strings.HasSuffix(typ, "."+typeName[strings.LastIndexByte(typeName, '.')+1:]) {
		typ = typeName
	}
	if bad.Struct == "" && bad.Field == "" {
		return errors.New("json: cannot unmarshal " + bad.Value + " into Go value of type " + typ)
	}
	var path []string
	for _, f := range strings.Split(bad.Field, ".") {
		if f == "Resources" || f == "NetworkCreate" || f == "Config" && len(path) == 0 {
			continue // an embedded struct has no name in JSON
		}
		path = append(path, f)
	}
	return errors.New("json: cannot unmarshal " + bad.Value + " into Go struct field " + bad.Struct + "." + strings.Join(path, ".") + " of type " + typ)
}

// decodeStrict is decode for the requests whose broken bodies are the client's fault; of
// containers they are said to be the engine's.
func decodeStrict(body io.Reader, v any, typeName string) error {
	err := decode(body, v, typeName)
	if err == io.EOF {
		return refuse(container.Invalid, "got EOF while reading request body")
	}
	if err != nil {
		return refuse(container.Invalid, "%w", err)
	}
	return nil
}

// flushWriter sends on what is written to it at once.
type flushWriter struct {
	w     io.Writer
	wrote bool
}

func (f *flushWriter) Write(b []byte) (int, error) {
	f.wrote = true
	n, err := f.w.Write(b)
	f.flush()
	return n, err
}

func (f *flushWriter) flush() {
	if fl, ok := f.w.(http.Flusher); ok {
		fl.Flush()
	}
}

// message is one message of a stream that tells of a long piece of work.
type message struct {
	Stream   string          `json:"stream,omitempty"`
	Status   string          `json:"status,omitempty"`
	Detail   *progressDetail `json:"progressDetail,omitempty"`
	Progress string          `json:"progress,omitempty"`
	ID       string          `json:"id,omitempty"`
	Error    *errorDetail    `json:"errorDetail,omitempty"`
	Text     string          `json:"error,omitempty"`
}

type progressDetail struct {
	Current int64 `json:"current,omitempty"`
	Total   int64 `json:"total,omitempty"`
}

type errorDetail struct {
	Code    int    `json:"code,omitempty"`
	Message string `json:"message"`
}

// stream writes messages, one a line, which the protocol ends with CR LF.
type stream struct{ flushWriter }

func (s *stream) send(m message) error {
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	_, err = s.Write(append(b, '\r', '\n'))
	return err
}

// fail ends a stream with an error. Before anything was sent it is an answer of its own.
func (s *stream) fail(err error) error {
	if !s.wrote {
		return err
	}
	s.send(message{Error: &errorDetail{Message: err.Error()}, Text: err.Error()}) // a client that has gone is told nothing
	return nil
}

func (s *stream) progress(p container.Progress) {
	m := message{ID: p.ID, Status: p.Status}
	if p.Detail {
		m.Detail = &progressDetail{}
	}
	if p.Bar {
		m.Detail = &progressDetail{p.Current, p.Total}
		m.Progress = p.Text()
	}
	s.send(m)
}

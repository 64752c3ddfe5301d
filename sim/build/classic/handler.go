package classic

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/docker/docker/api/types/container"

	"github.com/dockerlab/dockerlab/sim/build"
)

// Options reads what docker build asked for from the query of POST /build. Its error is the
// caller's mistake.
func Options(q url.Values) (build.Options, error) {
	o := build.Options{
		Dockerfile:   q.Get("dockerfile"),
		Remote:       q.Get("remote"),
		Target:       q.Get("target"),
		Platform:     q.Get("platform"),
		Tags:         q["t"],
		NoCache:      isTrue(q, "nocache"),
		Pull:         isTrue(q, "pull"),
		ForceRemove:  isTrue(q, "forcerm"),
		NetworkMode:  q.Get("networkmode"),
		ExtraHosts:   q["extrahosts"],
		Isolation:    container.Isolation(q.Get("isolation")),
		Memory:       number(q, "memory"),
		MemorySwap:   number(q, "memswap"),
		CPUShares:    number(q, "cpushares"),
		CPUPeriod:    number(q, "cpuperiod"),
		CPUQuota:     number(q, "cpuquota"),
		CPUSetCPUs:   q.Get("cpusetcpus"),
		CPUSetMems:   q.Get("cpusetmems"),
		CgroupParent: q.Get("cgroupparent"),
	}
	// Containers are removed unless rm says otherwise.
	o.Remove = o.ForceRemove || q.Get("rm") == "" || isTrue(q, "rm")
	if q["securityopt"] != nil {
		return o, badRequest{errors.New("The daemon on this platform does not support setting security options on build")}
	}
	if isTrue(q, "squash") {
		return o, badRequest{errors.New("squash is only supported with experimental mode")}
	}
	if !o.Isolation.IsValid() {
		return o, badRequest{fmt.Errorf("Unsupported isolation: %q", string(o.Isolation))}
	}
	switch v := q.Get("version"); v {
	case "", "1":
	case "2":
		return o, badRequest{errors.New("BuildKit is not enabled on daemon")}
	default:
		return o, fmt.Errorf("invalid version %q", v)
	}
	if s := q.Get("shmsize"); s != "" {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return o, err
		}
		o.ShmSize = n
	}
	for _, f := range []struct {
		name, what string
		into       any
	}{
		{"ulimits", "error reading ulimit settings: ", &o.Ulimits},
		{"buildargs", "error reading build args: ", &o.BuildArgs},
		{"labels", "error reading labels: ", &o.Labels},
		{"cachefrom", "", &o.CacheFrom},
		{"outputs", "", new([]struct{})}, // BuildKit's, but read
	} {
		s := q.Get(f.name)
		if s == "" {
			continue
		}
		switch err := json.Unmarshal([]byte(s), f.into); {
		case err != nil && f.what == "":
			return o, err // the engine calls it its own fault
		case err != nil:
			return o, badRequest{fmt.Errorf("%s%w", f.what, err)}
		}
	}
	return o, nil
}

// badRequest is the caller's mistake: status 400.
type badRequest struct{ error }

// InvalidParameter marks it for the API's handlers.
func (badRequest) InvalidParameter() {}

// isTrue and number read a value as the engine's API does: what it cannot read is true, and zero.
func isTrue(q url.Values, key string) bool {
	switch strings.ToLower(strings.TrimSpace(q.Get(key))) {
	case "", "0", "no", "false", "none":
		return false
	}
	return true
}

func number(q url.Values, key string) int64 {
	n, err := strconv.ParseInt(q.Get(key), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// Handle answers POST /build. An error that it gives came before the answer began and is the
// caller's to word: with status 400 where it has a method InvalidParameter, else 500. A build that
// the engine would die of ends the connection (http.ErrAbortHandler).
func Handle(b *build.Builder, w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Content-Type", "application/json")
	o, err := Options(r.URL.Query())
	if err != nil {
		return err
	}
	// A client may not read before it has sent its whole context, so nothing is written until
	// then: the builder has read it to its end when it tells the first event.
	quiet := isTrue(r.URL.Query(), "q")
	var kept bytes.Buffer
	out := io.Writer(w)
	if quiet {
		out = &kept
	}
	face := NewFace(out)
	body := io.Reader(r.Body)
	if r.Body == nil || r.Body == http.NoBody {
		body = nil
	}
	drained := body == nil
	id, err := b.Build(r.Context(), o, body, func(e build.Event) {
		if !drained && o.Remote == "" {
			io.Copy(io.Discard, body)
			drained = true
		}
		face.Tell(e)
	})
	switch {
	case errors.Is(err, build.ErrNoStage):
		panic(http.ErrAbortHandler)
	case err != nil && !face.Wrote():
		if body != nil {
			io.Copy(io.Discard, io.LimitReader(body, drainMost))
		}
		return err
	case quiet && err != nil:
		w.Write(kept.Bytes())
		NewFace(w).Fail(err)
	case err != nil:
		face.Fail(err)
	case quiet:
		NewFace(w).stdout(string(id) + "\n")
	}
	return nil
}

// drainMost is how much of a context is read for a build that failed already, so that the client
// comes to read why. In bytes.
const drainMost = 64 << 20

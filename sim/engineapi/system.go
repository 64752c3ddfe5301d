package engineapi

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/docker/docker/api/types"
	timetypes "github.com/docker/docker/api/types/time"

	"github.com/dockerlab/dockerlab/sim/container"
)

func (a *api) system() {
	a.handle("GET", "/_ping", a.ping)
	a.handle("HEAD", "/_ping", a.ping)
	a.handle("GET", "/events", a.events)
	a.handle("GET", "/info", a.info)
	a.handle("GET", "/version", a.versionInfo)
	a.handle("GET", "/system/df", a.diskUsage)
	a.handle("POST", "/auth", a.auth)
}

func (a *api) ping(w http.ResponseWriter, r *request) error {
	h := w.Header()
	h.Set("Cache-Control", "no-cache, no-store, must-revalidate")
	h.Set("Pragma", "no-cache")
	if r.Method == http.MethodHead {
		h.Set("Content-Type", "text/plain; charset=utf-8")
		h.Set("Content-Length", "0")
		return nil
	}
	_, err := w.Write([]byte("OK"))
	return err
}

func (a *api) info(w http.ResponseWriter, _ *request) error {
	return respond(w, http.StatusOK, a.e.Info())
}

func (a *api) versionInfo(w http.ResponseWriter, _ *request) error {
	return respond(w, http.StatusOK, a.e.VersionInfo())
}

func (a *api) diskUsage(w http.ResponseWriter, _ *request) error {
	du, err := a.e.DiskUsage()
	if err != nil {
		return err
	}
	return respond(w, http.StatusOK, du)
}

// auth cannot ask the registry whether somebody may log in.
func (a *api) auth(_ http.ResponseWriter, r *request) error {
	var c types.AuthConfig
	if err := decode(r.Body, &c, ""); err != nil {
		return err
	}
	return a.e.Login(c.ServerAddress)
}

func eventTime(s string) (time.Time, error) {
	sec, nsec, err := timetypes.ParseTimestamps(s, -1)
	if err != nil || sec == -1 {
		return time.Time{}, err
	}
	return time.Unix(sec, nsec), nil
}

func (a *api) events(w http.ResponseWriter, r *request) error {
	if err := r.parseForm(); err != nil {
		return err
	}
	since, err := eventTime(r.Form.Get("since"))
	if err != nil {
		return err
	}
	until, err := eventTime(r.Form.Get("until"))
	if err != nil {
		return err
	}
	if !until.IsZero() && until.Before(since) {
		return refuse(container.Invalid, "`since` time (%s) cannot be after `until` time (%s)", r.Form.Get("since"), r.Form.Get("until"))
	}
	f, err := r.filters()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	w.Header().Set("Content-Type", "application/json")
	out := &flushWriter{w: w}
	out.flush()
	enc := json.NewEncoder(out)
	past, next := a.e.Events(ctx, since, until, f)
	for _, m := range past {
		if err := enc.Encode(m); err != nil {
			return nil
		}
	}
	var late chan func()
	if !until.IsZero() {
		if !until.After(a.e.Now()) {
			return nil
		}
		w, stop := a.e.Deadline(until)
		defer stop()
		late = w.C
	}
	for {
		over := false
		var send func() error
		container.Park(ctx, func() (hold func()) {
			select {
			case m, ok := <-next:
				over = !ok
				send = func() error { return enc.Encode(m) }
			case hold = <-late:
				over = true
			case <-ctx.Done():
				over = true
			}
			return hold
		})
		if over {
			return nil
		}
		if err := send(); err != nil {
			return nil
		}
	}
}

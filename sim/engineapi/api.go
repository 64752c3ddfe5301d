package engineapi

import (
	"fmt"
	"net/http"
	"path"
	"regexp"
	"strings"

	"github.com/docker/docker/api/types/versions"

	"github.com/dockerlab/dockerlab/sim/build"
	"github.com/dockerlab/dockerlab/sim/container"
)

// api is the handler of one engine.
type api struct {
	e      *container.Engine
	b      *build.Builder
	routes []route
}

// NewHandler serves the API of an engine, and POST /build by a builder on it.
func NewHandler(e *container.Engine, b *build.Builder) http.Handler {
	a := &api{e: e, b: b}
	a.containers()
	a.execs()
	a.images()
	a.networks()
	a.volumes()
	a.system()
	a.swarm()
	a.plugins()
	return a
}

// request is one call of the API.
type request struct {
	*http.Request
	vars    map[string]string // parts of the path
	version string            // of the API, that the client speaks
}

// atLeast says whether the client speaks a version or a later one.
func (r *request) atLeast(v string) bool { return versions.GreaterThanOrEqualTo(r.version, v) }

type handler func(w http.ResponseWriter, r *request) error

type route struct {
	method string
	path   *regexp.Regexp
	h      handler
}

// handle adds a route. "{name}" stands for any part of the path, which for an image's name may
// hold slashes; of routes that match, the first added wins.
func (a *api) handle(method, path string, h handler) {
	expr := regexp.MustCompile(`\{(\w+)\}`).ReplaceAllString(path, `(?P<$1>.*)`)
	a.routes = append(a.routes, route{method, regexp.MustCompile("^" + expr + "$"), h})
}

var versioned = regexp.MustCompile(`^/v([0-9.]+)(/.*)$`)

func (a *api) ServeHTTP(w http.ResponseWriter, hr *http.Request) {
	// What is being worked on holds a virtual clock; what only waits does not.
	k := a.e.Kernel()
	done := k.Busy()
	defer func() { done() }()
	ctx := container.WithPark(hr.Context(), func(wait func()) {
		done()
		defer func() { done = k.Busy() }()
		wait()
	})
	r := &request{Request: hr.WithContext(ctx), version: container.APIVersion}
	at := hr.URL.Path
	if clean := cleanPath(at); clean != at {
		u := *hr.URL
		u.Path = clean
		w.Header().Set("Location", u.String())
		w.WriteHeader(http.StatusMovedPermanently)
		return
	}
	if m := versioned.FindStringSubmatch(at); m != nil {
		r.version, at = m[1], m[2]
	}
	rt, ok := a.route(hr.Method, at, r)
	if !ok {
		respondError(w, r, &container.Error{Kind: container.NotFound, Err: errPageNotFound})
		return
	}
	h := w.Header()
	h.Set("Server", "Docker/"+container.Version+" (linux)")
	h.Set("Api-Version", container.APIVersion)
	h.Set("Ostype", "linux")
	if err := checkVersion(r.version); err != nil {
		respondError(w, r, err)
		return
	}
	h.Set("Docker-Experimental", "false")
	if err := rt.h(w, r); err != nil {
		respondError(w, r, err)
	}
}

// cleanPath is a path without empty, "." and ".." parts; a slash at its end stays.
func cleanPath(p string) string {
	clean := path.Clean("/" + p)
	if strings.HasSuffix(p, "/") && clean != "/" {
		clean += "/"
	}
	return clean
}

var errPageNotFound = fmt.Errorf("page not found")

func (a *api) route(method, path string, r *request) (route, bool) {
	if method == http.MethodOptions {
		return route{h: func(w http.ResponseWriter, _ *request) error { w.WriteHeader(http.StatusOK); return nil }}, true
	}
	for _, rt := range a.routes {
		if rt.method != method {
			continue
		}
		m := rt.path.FindStringSubmatch(path)
		if m == nil {
			continue
		}
		r.vars = map[string]string{}
		for i, n := range rt.path.SubexpNames() {
			if n != "" {
				r.vars[n] = m[i]
			}
		}
		return rt, true
	}
	return route{}, false
}

func checkVersion(v string) error {
	if strings.Trim(v, ".") == "" || versions.LessThan(v, container.MinAPIVersion) {
		return refuse(container.Invalid, "client version %s is too old. Minimum supported API version is %s, please upgrade your client to a newer version", v, container.MinAPIVersion)
	}
	if versions.GreaterThan(v, container.APIVersion) {
		return refuse(container.Invalid, "client version %s is too new. Maximum supported API version is %s", v, container.APIVersion)
	}
	return nil
}

func refuse(k container.Kind, format string, args ...any) error {
	return &container.Error{Kind: k, Err: fmt.Errorf(format, args...)}
}

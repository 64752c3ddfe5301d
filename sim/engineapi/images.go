package engineapi

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/registry"

	"github.com/dockerlab/dockerlab/sim/build"
	"github.com/dockerlab/dockerlab/sim/build/classic"
	"github.com/dockerlab/dockerlab/sim/container"
)

func (a *api) images() {
	a.handle("GET", "/images/json", a.listImages)
	a.handle("GET", "/images/search", a.searchImages)
	a.handle("GET", "/images/get", a.saveImages)
	a.handle("GET", "/images/{name}/get", a.saveImages)
	a.handle("GET", "/images/{name}/history", a.imageHistory)
	a.handle("GET", "/images/{name}/json", a.inspectImage)
	a.handle("POST", "/images/load", a.loadImages)
	a.handle("POST", "/images/create", a.createImage)
	a.handle("POST", "/images/{name}/push", a.pushImage)
	a.handle("POST", "/images/{name}/tag", a.tagImage)
	a.handle("POST", "/images/prune", a.pruneImages)
	a.handle("DELETE", "/images/{name}", a.removeImage)
	a.handle("GET", "/distribution/{name}/json", a.distribution)
	a.handle("POST", "/build", a.build)
	a.handle("POST", "/build/prune", a.pruneBuilds)
	a.handle("POST", "/build/cancel", a.cancelBuild)
	a.handle("POST", "/session", a.noBuildKit)
	a.handle("POST", "/grpc", a.noBuildKit)
}

func (a *api) listImages(w http.ResponseWriter, r *request) error {
	if err := r.parseForm(); err != nil {
		return err
	}
	f, err := r.filters()
	if err != nil {
		return err
	}
	if old := r.Form.Get("filter"); old != "" && !r.atLeast("1.41") {
		f.Add("reference", old)
	}
	list, err := a.e.Images(f, r.flag("all"))
	if err != nil {
		return err
	}
	return respond(w, http.StatusOK, list)
}

func (a *api) inspectImage(w http.ResponseWriter, r *request) error {
	i, err := a.e.InspectImage(r.vars["name"])
	if err != nil {
		return err
	}
	return respond(w, http.StatusOK, i)
}

func (a *api) imageHistory(w http.ResponseWriter, r *request) error {
	h, err := a.e.History(r.vars["name"])
	if err != nil {
		return err
	}
	return respond(w, http.StatusOK, h)
}

func (a *api) tagImage(w http.ResponseWriter, r *request) error {
	if err := r.parseForm(); err != nil {
		return err
	}
	if err := a.e.Tag(r.vars["name"], r.Form.Get("repo"), r.Form.Get("tag")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusCreated)
	return nil
}

func (a *api) removeImage(w http.ResponseWriter, r *request) error {
	if err := r.parseForm(); err != nil {
		return err
	}
	name := r.vars["name"]
	if strings.TrimSpace(name) == "" {
		return refuse(container.Invalid, "image name cannot be blank")
	}
	items, err := a.e.RemoveImage(name, r.flag("force"), !r.flag("noprune"))
	if err != nil {
		return err
	}
	return respond(w, http.StatusOK, items)
}

func (a *api) pruneImages(w http.ResponseWriter, r *request) error {
	if err := r.parseForm(); err != nil {
		return err
	}
	f, err := r.filters()
	if err != nil {
		return err
	}
	rep, err := a.e.PruneImages(r.Context(), f)
	if err != nil {
		return err
	}
	return respond(w, http.StatusOK, rep)
}

func (a *api) searchImages(w http.ResponseWriter, r *request) error {
	if err := r.parseForm(); err != nil {
		return err
	}
	limit := 25
	if s := r.Form.Get("limit"); s != "" {
		var err error
		if limit, err = strconv.Atoi(s); err != nil {
			return err
		}
	}
	f, err := r.filters()
	if err != nil {
		return err
	}
	if err := f.Validate(map[string]bool{"is-automated": true, "is-official": true, "stars": true}); err != nil {
		return refuse(container.Invalid, "%w", err)
	}
	found, err := a.e.Search(r.Context(), r.Form.Get("term"), limit)
	if err != nil {
		return err
	}
	list := []registry.SearchResult{}
	for _, s := range found {
		if f.Contains("is-official") && s.Official != f.ExactMatch("is-official", "true") ||
			f.Contains("is-automated") && s.Automated != f.ExactMatch("is-automated", "true") {
			continue
		}
		least := 0
		for _, v := range f.Get("stars") {
			if least, err = strconv.Atoi(v); err != nil {
				return refuse(container.Invalid, "Invalid filter 'stars=%s'", v)
			}
		}
		if s.Stars < least {
			continue
		}
		list = append(list, registry.SearchResult{StarCount: s.Stars, IsOfficial: s.Official, Name: s.Name, IsAutomated: s.Automated, Description: s.Description})
	}
	return respond(w, http.StatusOK, list)
}

func (a *api) saveImages(w http.ResponseWriter, r *request) error {
	if err := r.parseForm(); err != nil {
		return err
	}
	names := r.Form["names"]
	if n, ok := r.vars["name"]; ok {
		names = []string{n}
	}
	s := stream{flushWriter{w: w}}
	w.Header().Set("Content-Type", "application/x-tar")
	if err := a.e.Save(&s, names); err != nil {
		return s.fail(err)
	}
	return nil
}

func (a *api) loadImages(w http.ResponseWriter, r *request) error {
	if err := r.parseForm(); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	s := &stream{flushWriter{w: w, wrote: true}}
	var step func(container.Progress)
	if !r.flagOr("quiet", true) {
		step = s.progress
	}
	err := a.e.Load(r.Body, func(line string) { s.send(message{Stream: line}) }, step)
	if err != nil {
		return s.fail(err)
	}
	return nil
}

func (a *api) createImage(w http.ResponseWriter, r *request) error {
	if err := r.parseForm(); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	s := &stream{flushWriter{w: w}}
	platform := ""
	if r.atLeast("1.32") {
		platform = r.FormValue("platform")
	}
	if from := r.Form.Get("fromImage"); from != "" {
		if err := a.e.Pull(r.Context(), from, r.Form.Get("tag"), platform, s.progress); err != nil {
			return s.fail(err)
		}
		return nil
	}
	return a.importImage(s, r)
}

// importImage makes an image of a tar: of the request's body, or of what is at a URL, where a name without a scheme is one of http.
func (a *api) importImage(s *stream, r *request) error {
	src, comment := r.Form.Get("fromSrc"), r.Form.Get("message")
	if comment == "" {
		comment = "Imported from " + src
	}
	body := io.Reader(r.Body)
	if src != "-" {
		if !strings.Contains(src, "://") {
			src = "http://" + src
		}
		u, err := url.Parse(src)
		if err != nil {
			return refuse(container.Invalid, "%w", err)
		}
		var network build.Web
		if a.b != nil {
			network = a.b.Web
		}
		p, err := build.Get(r.Context(), network, u.String())
		var refused *build.StatusError
		switch {
		case errors.As(err, &refused) && refused.Status == http.StatusNotFound:
			return refuse(container.NotFound, "%w", err)
		case errors.As(err, &refused) && refused.Status < 500:
			return refuse(container.Invalid, "%w", err)
		case err != nil:
			return err
		}
		defer p.Body.Close()
		s.send(message{Status: "Downloading from " + u.String()})
		body = build.NewProgressReader(p.Body, p.Length, func(done, total int64, _ bool) {
			s.progress(container.Progress{Status: "Importing", Current: done, Total: total, Bar: true})
		})
	}
	id, err := a.e.Import(body, r.Form.Get("repo"), r.Form.Get("tag"), comment, r.Form["changes"])
	if err != nil {
		return s.fail(err)
	}
	return s.send(message{Status: string(id)})
}

func (a *api) pushImage(w http.ResponseWriter, r *request) error {
	if err := r.parseForm(); err != nil {
		return err
	}
	if r.Header.Get("X-Registry-Auth") == "" {
		if err := decode(r.Body, &types.AuthConfig{}, ""); err != nil {
			return refuse(container.Invalid, "Bad parameters and missing X-Registry-Auth: %w", err)
		}
	}
	w.Header().Set("Content-Type", "application/json")
	s := &stream{flushWriter{w: w}}
	if err := a.e.Push(r.Context(), r.vars["name"], r.Form.Get("tag"), s.progress); err != nil {
		return s.fail(err)
	}
	return nil
}

// distribution looks an image up in its registry, which cannot be reached from here.
func (a *api) distribution(_ http.ResponseWriter, r *request) error {
	return a.e.Distribution(r.vars["name"])
}

func (a *api) build(w http.ResponseWriter, r *request) error {
	if a.b == nil {
		return refuse(container.Unsupported, "this engine builds no images")
	}
	return classic.Handle(a.b, w, r.Request)
}

func (a *api) pruneBuilds(w http.ResponseWriter, r *request) error {
	if err := r.parseForm(); err != nil {
		return err
	}
	if _, err := r.filters(); err != nil {
		return refuse(container.Unknown, "could not parse filters: %w", err)
	}
	return respond(w, http.StatusOK, types.BuildCachePruneReport{})
}

func (a *api) cancelBuild(w http.ResponseWriter, r *request) error {
	w.Header().Set("Content-Type", "application/json")
	if r.FormValue("id") == "" {
		return refuse(container.Unknown, "build ID not provided")
	}
	return nil
}

// noBuildKit refuses what only BuildKit uses.
func (a *api) noBuildKit(_ http.ResponseWriter, r *request) error {
	if r.Header.Get("Upgrade") == "" {
		kind := container.Invalid
		if strings.HasSuffix(r.URL.Path, "/grpc") {
			kind = container.Unknown
		}
		return refuse(kind, "no upgrade proto in request")
	}
	return refuse(container.Unsupported, "the lab's engine has the classic builder only: set DOCKER_BUILDKIT=0")
}

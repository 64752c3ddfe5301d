package engineapi

import (
	"net/http"
	"strconv"

	"github.com/dockerlab/dockerlab/sim/container"
)

// swarm answers as an engine that is in no swarm. The lab is one machine: it cannot become one.
func (a *api) swarm() {
	no := func(http.ResponseWriter, *request) error { return container.ErrNoSwarm }
	for _, p := range []string{"/swarm", "/swarm/unlockkey", "/services", "/services/{id}", "/services/{id}/logs", "/nodes", "/nodes/{id}",
		"/tasks", "/tasks/{id}", "/tasks/{id}/logs", "/secrets", "/secrets/{id}", "/configs", "/configs/{id}"} {
		a.handle("GET", p, no)
	}
	for _, what := range []string{"swarm", "service", "node", "secret", "config"} {
		path := "/" + what + "s/{id}/update"
		if what == "swarm" {
			path = "/swarm/update"
		}
		a.handle("POST", path, func(_ http.ResponseWriter, r *request) error {
			v := r.FormValue("version")
			if _, err := strconv.ParseUint(v, 10, 64); err != nil {
				return refuse(container.Invalid, "invalid %s version '%s': %w", what, v, err)
			}
			return container.ErrNoSwarm
		})
	}
	for _, p := range []string{"/swarm/unlock", "/services/create", "/secrets/create", "/configs/create"} {
		a.handle("POST", p, no)
	}
	for _, p := range []string{"/services/{id}", "/nodes/{id}", "/secrets/{id}", "/configs/{id}"} {
		a.handle("DELETE", p, no)
	}
	alone := func(http.ResponseWriter, *request) error {
		return refuse(container.Unsupported, "the lab is one machine and cannot be part of a swarm")
	}
	a.handle("POST", "/swarm/init", alone)
	a.handle("POST", "/swarm/join", alone)
	a.handle("POST", "/swarm/leave", func(http.ResponseWriter, *request) error {
		return refuse(container.Unavailable, "This node is not part of a swarm")
	})
}

// plugins answers as an engine that has none installed.
func (a *api) plugins() {
	none := func(_ http.ResponseWriter, r *request) error {
		return refuse(container.NotFound, "plugin %q not found", r.vars["name"])
	}
	a.handle("GET", "/plugins", func(w http.ResponseWriter, r *request) error { return respond(w, http.StatusOK, []struct{}{}) })
	a.handle("GET", "/plugins/{name}/json", none)
	a.handle("DELETE", "/plugins/{name}", none)
	a.handle("POST", "/plugins/{name}/enable", func(w http.ResponseWriter, r *request) error {
		if _, err := strconv.Atoi(r.FormValue("timeout")); err != nil {
			return err
		}
		return none(w, r)
	})
	for _, verb := range []string{"disable", "push", "upgrade", "set"} {
		a.handle("POST", "/plugins/{name}/"+verb, none)
	}
	cannot := func(http.ResponseWriter, *request) error {
		return refuse(container.Unsupported, "the lab's engine cannot install plugins")
	}
	a.handle("GET", "/plugins/privileges", cannot)
	a.handle("POST", "/plugins/pull", cannot)
	a.handle("POST", "/plugins/create", cannot)
}

package engineapi

import (
	"net/http"
	"strconv"

	"github.com/docker/docker/api/types"

	"github.com/dockerlab/dockerlab/sim/container"
)

func (a *api) networks() {
	a.handle("GET", "/networks/?", a.listNetworks)
	a.handle("GET", "/networks/{id}", a.inspectNetwork)
	a.handle("POST", "/networks/create", a.createNetwork)
	a.handle("POST", "/networks/{id}/connect", a.connectNetwork)
	a.handle("POST", "/networks/{id}/disconnect", a.disconnectNetwork)
	a.handle("POST", "/networks/prune", a.pruneNetworks)
	a.handle("DELETE", "/networks/{id}", a.removeNetwork)
}

func (a *api) listNetworks(w http.ResponseWriter, r *request) error {
	if err := r.parseForm(); err != nil {
		return err
	}
	f, err := r.filters()
	if err != nil {
		return err
	}
	list, err := a.e.Networks(f, !r.atLeast("1.28"))
	if err != nil {
		return err
	}
	return respond(w, http.StatusOK, list)
}

func (a *api) inspectNetwork(w http.ResponseWriter, r *request) error {
	if err := r.parseForm(); err != nil {
		return err
	}
	if v := r.URL.Query().Get("verbose"); v != "" {
		if _, err := strconv.ParseBool(v); err != nil {
			return refuse(container.Invalid, "invalid value for verbose: %s: %w", v, err)
		}
	}
	if s := r.URL.Query().Get("scope"); s != "" && s != "local" {
		return refuse(container.NotFound, "network %s not found", r.vars["id"])
	}
	n, err := a.e.InspectNetwork(r.vars["id"])
	if err != nil {
		return err
	}
	return respond(w, http.StatusOK, n)
}

// body reads a JSON body that a request must have.
func (r *request) body(v any) error {
	if err := r.parseForm(); err != nil {
		return err
	}
	if err := r.checkJSON(); err != nil {
		return err
	}
	return decodeStrict(r.Body, v, "")
}

func (a *api) createNetwork(w http.ResponseWriter, r *request) error {
	var c types.NetworkCreateRequest
	if err := r.body(&c); err != nil {
		return err
	}
	n, err := a.e.CreateNetwork(c)
	if err != nil {
		return err
	}
	return respond(w, http.StatusCreated, n)
}

func (a *api) connectNetwork(_ http.ResponseWriter, r *request) error {
	var c types.NetworkConnect
	if err := r.body(&c); err != nil {
		return err
	}
	return a.e.Connect(c.Container, r.vars["id"], c.EndpointConfig)
}

func (a *api) disconnectNetwork(_ http.ResponseWriter, r *request) error {
	var c types.NetworkDisconnect
	if err := r.body(&c); err != nil {
		return err
	}
	return a.e.Disconnect(c.Container, r.vars["id"], c.Force)
}

func (a *api) removeNetwork(w http.ResponseWriter, r *request) error {
	if err := r.parseForm(); err != nil {
		return err
	}
	if err := a.e.RemoveNetwork(r.vars["id"]); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (a *api) pruneNetworks(w http.ResponseWriter, r *request) error {
	if err := r.parseForm(); err != nil {
		return err
	}
	f, err := r.filters()
	if err != nil {
		return err
	}
	rep, err := a.e.PruneNetworks(r.Context(), f)
	if err != nil {
		return err
	}
	return respond(w, http.StatusOK, rep)
}

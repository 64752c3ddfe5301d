package engineapi

import (
	"net/http"

	vtypes "github.com/docker/docker/api/types/volume"
)

func (a *api) volumes() {
	a.handle("GET", "/volumes", a.listVolumes)
	a.handle("GET", "/volumes/{name}", a.inspectVolume)
	a.handle("POST", "/volumes/create", a.createVolume)
	a.handle("POST", "/volumes/prune", a.pruneVolumes)
	a.handle("DELETE", "/volumes/{name}", a.removeVolume)
}

func (a *api) listVolumes(w http.ResponseWriter, r *request) error {
	if err := r.parseForm(); err != nil {
		return err
	}
	f, err := r.filters()
	if err != nil {
		return err
	}
	list, err := a.e.Volumes(f)
	if err != nil {
		return err
	}
	return respond(w, http.StatusOK, &vtypes.VolumeListOKBody{Volumes: list})
}

func (a *api) inspectVolume(w http.ResponseWriter, r *request) error {
	if err := r.parseForm(); err != nil {
		return err
	}
	v, err := a.e.InspectVolume(r.vars["name"])
	if err != nil {
		return err
	}
	return respond(w, http.StatusOK, v)
}

func (a *api) createVolume(w http.ResponseWriter, r *request) error {
	var c vtypes.VolumeCreateBody
	if err := r.body(&c); err != nil {
		return err
	}
	v, err := a.e.CreateVolume(c)
	if err != nil {
		return err
	}
	return respond(w, http.StatusCreated, v)
}

func (a *api) removeVolume(w http.ResponseWriter, r *request) error {
	if err := r.parseForm(); err != nil {
		return err
	}
	if err := a.e.RemoveVolume(r.vars["name"], r.flag("force")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (a *api) pruneVolumes(w http.ResponseWriter, r *request) error {
	if err := r.parseForm(); err != nil {
		return err
	}
	f, err := r.filters()
	if err != nil {
		return err
	}
	rep, err := a.e.PruneVolumes(r.Context(), f)
	if err != nil {
		return err
	}
	return respond(w, http.StatusOK, rep)
}

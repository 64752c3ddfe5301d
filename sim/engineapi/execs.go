package engineapi

import (
	"net/http"

	"github.com/docker/docker/api/types"

	"github.com/dockerlab/dockerlab/sim/container"
)

func (a *api) execs() {
	a.handle("GET", "/exec/{id}/json", a.inspectExec)
	a.handle("POST", "/containers/{name}/exec", a.createExec)
	a.handle("POST", "/exec/{id}/start", a.startExec)
	a.handle("POST", "/exec/{id}/resize", a.resizeExec)
}

func (a *api) createExec(w http.ResponseWriter, r *request) error {
	if err := r.parseForm(); err != nil {
		return err
	}
	if err := r.checkJSON(); err != nil {
		return err
	}
	var cfg types.ExecConfig
	if err := decodeStrict(r.Body, &cfg, ""); err != nil {
		return err
	}
	if len(cfg.Cmd) == 0 {
		return refuse(container.Invalid, "No exec command specified")
	}
	id, err := a.e.CreateExec(r.vars["name"], cfg)
	if err != nil {
		return err
	}
	return respond(w, http.StatusCreated, types.IDResponse{ID: id})
}

func (a *api) startExec(w http.ResponseWriter, r *request) error {
	if err := r.parseForm(); err != nil {
		return err
	}
	if r.atLeast("1.22") {
		if err := r.checkJSON(); err != nil {
			return err
		}
	}
	var o types.ExecStartCheck
	if err := decodeStrict(r.Body, &o, ""); err != nil {
		return err
	}
	id := r.vars["id"]
	if err := a.e.CheckExec(id); err != nil {
		return err
	}
	if o.Detach {
		return a.e.StartExec(r.Context(), id, o.Tty, nil, nil)
	}
	conn, in, err := hijack(w, r, w.Header())
	if err != nil {
		return err
	}
	defer hangUp(conn, in)
	out := frames{conn, !o.Tty}
	if err := a.e.StartExec(r.Context(), id, o.Tty, in, out); err != nil {
		out.Frame(container.Stdout, []byte(err.Error()+"\r\n"))
	}
	return nil
}

func (a *api) inspectExec(w http.ResponseWriter, r *request) error {
	x, err := a.e.InspectExec(r.vars["id"])
	if err != nil {
		return err
	}
	return respond(w, http.StatusOK, x)
}

func (a *api) resizeExec(_ http.ResponseWriter, r *request) error {
	rows, cols, err := r.size()
	if err != nil {
		return err
	}
	return a.e.ResizeExec(r.vars["id"], rows, cols)
}

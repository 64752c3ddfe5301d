package engineapi

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/docker/docker/api/types"
	ctypes "github.com/docker/docker/api/types/container"
	ntypes "github.com/docker/docker/api/types/network"

	"github.com/dockerlab/dockerlab/sim/container"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/unionfs"
)

func (a *api) containers() {
	a.handle("HEAD", "/containers/{name}/archive", a.headArchive)
	a.handle("GET", "/containers/json", a.listContainers)
	a.handle("GET", "/containers/{name}/export", a.exportContainer)
	a.handle("GET", "/containers/{name}/changes", a.containerChanges)
	a.handle("GET", "/containers/{name}/json", a.inspectContainer)
	a.handle("GET", "/containers/{name}/top", a.topContainer)
	a.handle("GET", "/containers/{name}/logs", a.containerLogs)
	a.handle("GET", "/containers/{name}/stats", a.containerStats)
	a.handle("GET", "/containers/{name}/archive", a.getArchive)
	a.handle("POST", "/containers/create", a.createContainer)
	a.handle("POST", "/containers/{name}/kill", a.killContainer)
	a.handle("POST", "/containers/{name}/pause", a.simple(a.e.Pause))
	a.handle("POST", "/containers/{name}/unpause", a.simple(a.e.Unpause))
	a.handle("POST", "/containers/{name}/restart", a.restartContainer)
	a.handle("POST", "/containers/{name}/start", a.startContainer)
	a.handle("POST", "/containers/{name}/stop", a.stopContainer)
	a.handle("POST", "/containers/{name}/wait", a.waitContainer)
	a.handle("POST", "/containers/{name}/resize", a.resizeContainer)
	a.handle("POST", "/containers/{name}/attach", a.attachContainer)
	a.handle("GET", "/containers/{name}/attach/ws", a.attachWebSocket)
	a.handle("POST", "/containers/{name}/copy", a.copyContainer)
	a.handle("POST", "/containers/{name}/rename", a.renameContainer)
	a.handle("POST", "/containers/{name}/update", a.updateContainer)
	a.handle("POST", "/containers/prune", a.pruneContainers)
	a.handle("POST", "/commit", a.commit)
	a.handle("PUT", "/containers/{name}/archive", a.putArchive)
	for method, path := range map[string]string{"GET": "/containers/{name}/checkpoints", "POST": "/containers/{name}/checkpoints", "DELETE": "/containers/{name}/checkpoints/{id}"} {
		a.handle(method, path, func(http.ResponseWriter, *request) error {
			return refuse(container.Unsupported, "This experimental feature is disabled by default. Start the Docker daemon in experimental mode in order to enable it.")
		})
	}
	a.handle("DELETE", "/containers/{name}", a.removeContainer)
}

// simple is a request without parameters or an answer.
func (a *api) simple(f func(ref string) error) handler {
	return func(w http.ResponseWriter, r *request) error {
		if err := r.parseForm(); err != nil {
			return err
		}
		if err := f(r.vars["name"]); err != nil {
			return err
		}
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
}

func (a *api) listContainers(w http.ResponseWriter, r *request) error {
	if err := r.parseForm(); err != nil {
		return err
	}
	o := container.ListOptions{All: r.flag("all"), Size: r.flag("size")}
	var err error
	if o.Filters, err = r.filters(); err != nil {
		return err
	}
	if s := r.Form.Get("limit"); s != "" {
		if o.Limit, err = strconv.Atoi(s); err != nil {
			return err
		}
	}
	list, err := a.e.List(o)
	if err != nil {
		return err
	}
	return respond(w, http.StatusOK, list)
}

func (a *api) inspectContainer(w http.ResponseWriter, r *request) error {
	c, err := a.e.Inspect(r.vars["name"], r.flag("size"))
	if err != nil {
		return err
	}
	return respond(w, http.StatusOK, c)
}

// ContainerConfigWrapper is the body of a request to create a container: its config, with the
// host's part of it under a name of its own or, as old clients have it, beside it. The engine's
// own name for it is in its error messages.
type ContainerConfigWrapper struct {
	*ctypes.Config
	InnerHostConfig    *ctypes.HostConfig       `json:"HostConfig,omitempty"`
	Cpuset             string                   `json:",omitempty"`
	NetworkingConfig   *ntypes.NetworkingConfig `json:"NetworkingConfig,omitempty"`
	*ctypes.HostConfig                          // of old clients
}

func (c *ContainerConfigWrapper) host() *ctypes.HostConfig {
	h := c.HostConfig
	if h == nil && c.InnerHostConfig != nil {
		h = c.InnerHostConfig
	} else if h != nil && c.InnerHostConfig != nil {
		in := c.InnerHostConfig
		if h.Memory != 0 && in.Memory == 0 {
			in.Memory = h.Memory
		}
		if h.MemorySwap != 0 && in.MemorySwap == 0 {
			in.MemorySwap = h.MemorySwap
		}
		if h.CPUShares != 0 && in.CPUShares == 0 {
			in.CPUShares = h.CPUShares
		}
		if h.CpusetCpus != "" && in.CpusetCpus == "" {
			in.CpusetCpus = h.CpusetCpus
		}
		if h.VolumeDriver != "" && in.VolumeDriver == "" {
			in.VolumeDriver = h.VolumeDriver
		}
		h = in
	}
	if h != nil {
		if c.Cpuset != "" && h.CpusetCpus == "" {
			h.CpusetCpus = c.Cpuset
		}
		if h.NetworkMode == "" {
			h.NetworkMode = "default"
		}
	}
	return h
}

func (r *request) decodeConfig() (*ContainerConfigWrapper, error) {
	var c ContainerConfigWrapper
	if err := decode(r.Body, &c, "runconfig.ContainerConfigWrapper"); err != nil {
		return nil, err
	}
	return &c, container.CheckDecoded(c.Config, c.host())
}

func (a *api) createContainer(w http.ResponseWriter, r *request) error {
	if err := r.parseForm(); err != nil {
		return err
	}
	if err := r.checkJSON(); err != nil {
		return err
	}
	c, err := r.decodeConfig()
	if err != nil {
		return err
	}
	h := c.host()
	if h != nil {
		if !r.atLeast("1.25") {
			h.AutoRemove = false
		}
		if !r.atLeast("1.40") {
			for _, m := range h.Mounts {
				if m.BindOptions != nil {
					m.BindOptions.NonRecursive = false
				}
			}
			h.KernelMemoryTCP = 0
			if h.IpcMode.IsEmpty() {
				h.IpcMode = "shareable"
			}
		}
		if h.PidsLimit != nil && *h.PidsLimit <= 0 {
			h.PidsLimit = nil
		}
	}
	req := container.Create{Name: r.Form.Get("name"), Config: c.Config, Host: h, Net: c.NetworkingConfig}
	if r.atLeast("1.41") {
		req.Platform = r.Form.Get("platform")
	}
	id, warnings, err := a.e.CreateContainer(req)
	if err != nil {
		return err
	}
	if warnings == nil {
		warnings = []string{}
	}
	return respond(w, http.StatusCreated, ctypes.ContainerCreateCreatedBody{ID: id, Warnings: warnings})
}

func (a *api) startContainer(w http.ResponseWriter, r *request) error {
	if r.ContentLength > 7 || r.ContentLength == -1 {
		if r.atLeast("1.24") {
			return refuse(container.Invalid, "starting container with non-empty request body was deprecated since API v1.22 and removed in v1.24")
		}
		if _, err := a.e.Container(r.vars["name"]); err != nil {
			return err
		}
		return refuse(container.Invalid, "a host config that comes with the start of a container is not supported")
	}
	if err := r.parseForm(); err != nil {
		return err
	}
	if r.Form.Get("checkpoint") != "" || r.Form.Get("checkpoint-dir") != "" {
		return refuse(container.Invalid, "checkpoint is only supported in experimental mode")
	}
	if err := a.e.Start(r.vars["name"]); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// seconds reads the timeout of a stop.
func (r *request) seconds() (*int, error) {
	if err := r.parseForm(); err != nil {
		return nil, err
	}
	s := r.Form.Get("t")
	if s == "" {
		return nil, nil
	}
	n, err := strconv.Atoi(s)
	return &n, err
}

func (a *api) stopContainer(w http.ResponseWriter, r *request) error {
	t, err := r.seconds()
	if err != nil {
		return err
	}
	if err := a.e.Stop(r.Context(), r.vars["name"], t); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (a *api) restartContainer(w http.ResponseWriter, r *request) error {
	t, err := r.seconds()
	if err != nil {
		return err
	}
	if err := a.e.Restart(r.Context(), r.vars["name"], t); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (a *api) killContainer(w http.ResponseWriter, r *request) error {
	if err := r.parseForm(); err != nil {
		return err
	}
	name := r.vars["name"]
	var sig linux.Signal
	if s := r.Form.Get("signal"); s != "" {
		var err error
		if sig, err = container.ParseSignal(s); err != nil {
			return err
		}
	}
	if err := a.e.Kill(r.Context(), name, sig); err != nil {
		if !r.atLeast("1.20") && container.KindOf(err) == container.Conflict {
			w.WriteHeader(http.StatusNoContent)
			return nil
		}
		return refuse(container.KindOf(err), "Cannot kill container: %s: %w", name, err)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (a *api) waitContainer(w http.ResponseWriter, r *request) error {
	cond := container.WaitNotRunning
	if r.atLeast("1.30") {
		if err := r.parseForm(); err != nil {
			return err
		}
		switch ctypes.WaitCondition(r.Form.Get("condition")) {
		case ctypes.WaitConditionNextExit:
			cond = container.WaitNextExit
		case ctypes.WaitConditionRemoved:
			cond = container.WaitRemoved
		}
	}
	c, err := a.e.Wait(r.vars["name"], cond)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	if r.atLeast("1.30") {
		w.WriteHeader(http.StatusOK)
		(&flushWriter{w: w}).flush()
	}
	code, ok := c.Wait(r.Context())
	if !ok {
		return nil
	}
	json.NewEncoder(w).Encode(&ctypes.ContainerWaitOKBody{StatusCode: int64(code)})
	return nil
}

// size reads the size of a terminal.
func (r *request) size() (rows, cols int, err error) {
	if err := r.parseForm(); err != nil {
		return 0, 0, err
	}
	if rows, err = strconv.Atoi(r.Form.Get("h")); err != nil {
		return 0, 0, refuse(container.Invalid, "%w", err)
	}
	if cols, err = strconv.Atoi(r.Form.Get("w")); err != nil {
		return 0, 0, refuse(container.Invalid, "%w", err)
	}
	return rows, cols, nil
}

func (a *api) resizeContainer(_ http.ResponseWriter, r *request) error {
	rows, cols, err := r.size()
	if err != nil {
		return err
	}
	return a.e.Resize(r.vars["name"], rows, cols)
}

func (a *api) attachContainer(w http.ResponseWriter, r *request) error {
	if err := r.parseForm(); err != nil {
		return err
	}
	var conn net.Conn
	var in io.Reader
	err := a.e.Attach(r.Context(), r.vars["name"], container.Attach{
		Stdin: r.flag("stdin"), Stdout: r.flag("stdout"), Stderr: r.flag("stderr"),
		Logs: r.flag("logs"), Stream: r.flag("stream"), DetachKeys: r.FormValue("detachKeys"),
		Open: func(mux bool) (io.Reader, container.FrameWriter, error) {
			var err error
			if conn, in, err = hijack(w, r, nil); err != nil {
				return nil, nil, err
			}
			return in, frames{conn, mux}, nil
		},
	})
	if conn != nil {
		hangUp(conn, in)
		return nil
	}
	if err == nil {
		return nil
	}
	// The engine's answer here is no JSON, since it takes the connection over before it looks.
	hj, ok := w.(http.Hijacker)
	if !ok {
		return err
	}
	c, buf, herr := hj.Hijack()
	if herr != nil {
		return err
	}
	code := status(err)
	fmt.Fprintf(c, "HTTP/1.1 %d %s\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n%s\r\n", code, http.StatusText(code), err)
	hangUp(c, rest(c, buf.Reader))
	return nil
}

func (a *api) containerLogs(w http.ResponseWriter, r *request) error {
	if err := r.parseForm(); err != nil {
		return err
	}
	o := container.LogsOptions{
		Stdout: r.flag("stdout"), Stderr: r.flag("stderr"), Follow: r.flag("follow"), Timestamps: r.flag("timestamps"), Details: r.flag("details"),
		Since: r.Form.Get("since"), Until: r.Form.Get("until"), Tail: r.Form.Get("tail"),
	}
	if !o.Stdout && !o.Stderr {
		return refuse(container.Invalid, "Bad parameters: you must choose at least one stream")
	}
	return a.e.Logs(r.Context(), r.vars["name"], o, func(mux bool) container.FrameWriter {
		fw := &flushWriter{w: w}
		fw.flush()
		return frames{fw, mux}
	})
}

func (a *api) containerStats(w http.ResponseWriter, r *request) error {
	if err := r.parseForm(); err != nil {
		return err
	}
	follow := r.flagOr("stream", true)
	if !follow {
		w.Header().Set("Content-Type", "application/json")
	}
	last, running, err := a.e.Stats(r.vars["name"])
	if err != nil {
		return err
	}
	fw := &flushWriter{w: w}
	enc := json.NewEncoder(fw)
	if !follow {
		if running && !r.flag("one-shot") {
			last.PreCPUStats, last.PreRead = last.CPUStats, last.Read
		}
		return enc.Encode(last)
	}
	for {
		if err := enc.Encode(last); err != nil {
			return nil
		}
		gone := false
		second, stop := a.e.After(time.Second)
		container.Park(r.Context(), func() (hold func()) {
			select {
			case hold = <-second.C:
			case <-r.Context().Done():
				gone = true
			}
			return hold
		})
		stop()
		if gone {
			return nil
		}
		next, _, err := a.e.Stats(r.vars["name"])
		if err != nil {
			return nil
		}
		next.PreCPUStats, next.PreRead = last.CPUStats, last.Read
		last = next
	}
}

func (a *api) topContainer(w http.ResponseWriter, r *request) error {
	if err := r.parseForm(); err != nil {
		return err
	}
	t, err := a.e.Top(r.vars["name"], r.Form.Get("ps_args"))
	if err != nil {
		return err
	}
	return respond(w, http.StatusOK, t)
}

func (a *api) containerChanges(w http.ResponseWriter, r *request) error {
	changes, err := a.e.Changes(r.vars["name"])
	if err != nil {
		return err
	}
	kinds := map[unionfs.Kind]uint8{unionfs.Changed: 0, unionfs.Added: 1, unionfs.Deleted: 2}
	var list []ctypes.ContainerChangeResponseItem
	for _, c := range changes {
		list = append(list, ctypes.ContainerChangeResponseItem{Path: c.Path, Kind: kinds[c.Kind]})
	}
	return respond(w, http.StatusOK, list)
}

func (a *api) exportContainer(w http.ResponseWriter, r *request) error {
	write, err := a.e.Export(r.vars["name"])
	if err != nil {
		return err
	}
	write(w)
	return nil
}

func (a *api) renameContainer(w http.ResponseWriter, r *request) error {
	if err := r.parseForm(); err != nil {
		return err
	}
	if err := a.e.Rename(r.vars["name"], r.Form.Get("name")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (a *api) updateContainer(w http.ResponseWriter, r *request) error {
	if err := r.parseForm(); err != nil {
		return err
	}
	if err := r.checkJSON(); err != nil {
		return err
	}
	var u ctypes.UpdateConfig
	if err := decode(r.Body, &u, ""); err != nil {
		return err
	}
	if !r.atLeast("1.40") {
		u.PidsLimit = nil
	}
	if u.PidsLimit != nil && *u.PidsLimit <= 0 {
		var none int64
		u.PidsLimit = &none
	}
	warnings, err := a.e.Update(r.vars["name"], u.Resources, u.RestartPolicy)
	if err != nil {
		return err
	}
	return respond(w, http.StatusOK, ctypes.ContainerUpdateOKBody{Warnings: warnings})
}

func (a *api) pruneContainers(w http.ResponseWriter, r *request) error {
	if err := r.parseForm(); err != nil {
		return err
	}
	f, err := r.filters()
	if err != nil {
		return refuse(container.Invalid, "%w", err)
	}
	rep, err := a.e.PruneContainers(r.Context(), f)
	if err != nil {
		return err
	}
	return respond(w, http.StatusOK, rep)
}

func (a *api) removeContainer(w http.ResponseWriter, r *request) error {
	if err := r.parseForm(); err != nil {
		return err
	}
	err := a.e.Remove(r.vars["name"], container.RemoveOptions{Force: r.flag("force"), Volumes: r.flag("v"), Link: r.flag("link")})
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (a *api) commit(w http.ResponseWriter, r *request) error {
	if err := r.parseForm(); err != nil {
		return err
	}
	if err := r.checkJSON(); err != nil {
		return err
	}
	c, err := r.decodeConfig()
	if err != nil && err != io.EOF {
		return err
	}
	o := container.Commit{
		Repo: r.Form.Get("repo"), Tag: r.Form.Get("tag"), Author: r.Form.Get("author"), Comment: r.Form.Get("comment"),
		Changes: r.Form["changes"], Pause: r.flag("pause") || r.FormValue("pause") == "",
	}
	if err == nil {
		o.Config = c.Config
	}
	id, err := a.e.Commit(r.Form.Get("container"), o)
	if err != nil {
		return err
	}
	return respond(w, http.StatusCreated, types.IDResponse{ID: string(id)})
}

// copyContainer was the way of docker cp before 1.8, and is gone.
func (a *api) copyContainer(w http.ResponseWriter, r *request) error {
	if r.atLeast("1.24") {
		w.WriteHeader(http.StatusNotFound)
		return nil
	}
	if _, err := a.e.Container(r.vars["name"]); err != nil {
		return err
	}
	return refuse(container.NotFound, "page not found")
}

// archivePath reads which path of which container is meant.
func (r *request) archivePath() (name, path string, err error) {
	if err := r.parseForm(); err != nil {
		return "", "", err
	}
	name, path = r.vars["name"], r.Form.Get("path")
	if name == "" {
		return "", "", refuse(container.Invalid, "bad parameter: namecannot be empty")
	}
	if path == "" {
		return "", "", refuse(container.Invalid, "bad parameter: pathcannot be empty")
	}
	return name, path, nil
}

func setStat(h http.Header, st *types.ContainerPathStat) error {
	b, err := json.Marshal(st)
	if err != nil {
		return err
	}
	h.Set("X-Docker-Container-Path-Stat", base64.StdEncoding.EncodeToString(b))
	return nil
}

func (a *api) headArchive(w http.ResponseWriter, r *request) error {
	name, path, err := r.archivePath()
	if err != nil {
		return err
	}
	st, err := a.e.StatPath(name, path)
	if err != nil {
		return err
	}
	return setStat(w.Header(), st)
}

func (a *api) getArchive(w http.ResponseWriter, r *request) error {
	name, path, err := r.archivePath()
	if err != nil {
		return err
	}
	st, write, err := a.e.GetArchive(name, path)
	if err != nil {
		return err
	}
	if err := setStat(w.Header(), st); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/x-tar")
	write(w)
	return nil
}

func (a *api) putArchive(_ http.ResponseWriter, r *request) error {
	name, path, err := r.archivePath()
	if err != nil {
		return err
	}
	return a.e.PutArchive(name, path, container.PutOptions{KeepKinds: r.flag("noOverwriteDirNonDir"), Chown: r.flag("copyUIDGID")}, r.Body)
}

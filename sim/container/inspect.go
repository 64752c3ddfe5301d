package container

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/docker/docker/api/types"
	ntypes "github.com/docker/docker/api/types/network"
	"github.com/docker/go-connections/nat"

	"github.com/dockerlab/dockerlab/sim/unionfs"
)

// graphDir is where on the host the container's write layer would lie.
func graphDir(id string) string { return Root + "/overlay2/" + id }

func (c *Container) dir() string { return Root + "/containers/" + c.ID }

// Inspect describes a container, with its sizes where they are asked for.
func (e *Engine) Inspect(ref string, size bool) (*types.ContainerJSON, error) {
	c, err := e.Container(ref)
	if err != nil {
		return nil, err
	}
	st := c.Status
	state := &types.ContainerState{
		Status: st.String(), Running: st.Running, Paused: st.Paused, Restarting: st.Restarting,
		OOMKilled: st.OOMKilled, Dead: st.Dead, Pid: st.Pid, ExitCode: st.ExitCode, Error: st.Error,
		StartedAt: stamp(st.StartedAt), FinishedAt: stamp(st.FinishedAt),
	}
	if c.Health != nil {
		state.Health = &types.Health{Status: c.Health.Status, FailingStreak: c.Health.Failing, Log: slices.Clone(c.Health.Log)}
		if state.Health.Log == nil {
			state.Health.Log = []*types.HealthcheckResult{}
		}
	}
	host := *c.Host
	host.Links = e.shownLinks(c)
	base := &types.ContainerJSONBase{
		ID: c.ID, Created: stamp(c.Created), Path: c.Path, Args: orNoStrings(c.Args), State: state, Image: c.Image,
		Name: c.Name, RestartCount: c.RestartCount, Driver: "overlay2", Platform: "linux",
		ExecIDs: e.execIDs(c.ID), HostConfig: &host,
		GraphDriver: types.GraphDriverData{Name: "overlay2", Data: map[string]string{
			"LowerDir": graphDir(c.ID) + "-init/diff" + e.lowerDirs(c), "MergedDir": graphDir(c.ID) + "/merged",
			"UpperDir": graphDir(c.ID) + "/diff", "WorkDir": graphDir(c.ID) + "/work",
		}},
	}
	if c.HasStarted {
		d := c.dir()
		base.ResolvConfPath, base.HostnamePath, base.HostsPath = d+"/resolv.conf", d+"/hostname", d+"/hosts"
	}
	if c.HasLog && c.Host.LogConfig.Type == "json-file" {
		base.LogPath = c.dir() + "/" + c.ID + "-json.log"
	}
	if size {
		rw, root := e.sizes(c)
		base.SizeRw, base.SizeRootFs = &rw, &root
	}
	return &types.ContainerJSON{ContainerJSONBase: base, Mounts: mountPoints(c), Config: c.Config, NetworkSettings: netSettings(c)}, nil
}

// stamp is a time as inspect shows it.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

func orNoStrings(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

// lowerDirs is what of a container's LowerDir is its image's.
func (e *Engine) lowerDirs(c *Container) string {
	img := e.imageOf(c)
	if img == nil {
		return ""
	}
	var b strings.Builder
	layers := img.Layers.Layers()
	for i := len(layers) - 1; i >= 0; i-- {
		fmt.Fprintf(&b, ":%s/overlay2/%s/diff", Root, layers[i].DiffID().Encoded())
	}
	return b.String()
}

// shownLinks are the links of a container as inspect shows them.
func (e *Engine) shownLinks(c *Container) []string {
	var links []string
	for _, alias := range slices.Sorted(maps.Keys(c.Links)) {
		if child, err := e.Container(c.Links[alias]); err == nil {
			links = append(links, child.Name+":"+path.Join(c.Name, alias))
		}
	}
	return links
}

func mountPoints(c *Container) []types.MountPoint {
	list := []types.MountPoint{}
	for _, m := range c.Mounts {
		list = append(list, types.MountPoint{
			Type: m.Type, Name: m.Name, Source: m.Source, Destination: m.Destination, Driver: m.Driver, Mode: m.Mode, RW: m.RW, Propagation: m.Propagation,
		})
	}
	return list
}

func netSettings(c *Container) *types.NetworkSettings {
	n := &types.NetworkSettings{
		NetworkSettingsBase: types.NetworkSettingsBase{Ports: nat.PortMap{}},
		Networks:            map[string]*ntypes.EndpointSettings{},
	}
	maps.Copy(n.Networks, c.Ends)
	if c.Net.SandboxID != "" {
		n.SandboxID, n.SandboxKey = c.Net.SandboxID, "/var/run/docker/netns/"+c.Net.SandboxID[:12]
		if c.Host.NetworkMode.IsHost() {
			n.SandboxKey = "/var/run/docker/netns/default"
		}
		maps.Copy(n.Ports, c.Net.Ports)
	}
	// What once were the settings of the only network are those of the default one.
	if ep := c.Ends["bridge"]; ep != nil {
		n.EndpointID, n.Gateway, n.IPAddress, n.IPPrefixLen, n.MacAddress = ep.EndpointID, ep.Gateway, ep.IPAddress, ep.IPPrefixLen, ep.MacAddress
	}
	return n
}

// sizes are the bytes that a container has written, and those with its image's.
func (e *Engine) sizes(c *Container) (rw, root int64) {
	e.withFiles(c, func(fs *unionfs.FS) { rw = fs.UpperSize() })
	root = rw
	if img := e.imageOf(c); img != nil {
		root += img.Size()
	}
	return rw, root
}

// withFiles looks at a container's root file system as it is now. f is called inside the kernel
// for one that runs, and must be quick.
func (e *Engine) withFiles(c *Container, f func(fs *unionfs.FS)) {
	e.k.Do(func() {
		e.mu.Lock()
		fs := (*unionfs.FS)(nil)
		if l := e.lives[c.ID]; l != nil {
			fs = l.files
		}
		now, ok := e.state.Load().Containers.Get(c.ID)
		e.mu.Unlock()
		if fs == nil {
			if ok {
				c = now
			}
			fs = c.Files.FS(e.fsOptions("", nil))
		}
		f(fs)
	})
}

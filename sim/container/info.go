package container

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"maps"
	"net"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/registry"
	"github.com/docker/docker/api/types/swarm"
	"github.com/opencontainers/go-digest"

	"github.com/dockerlab/dockerlab/sim/image"
	"github.com/dockerlab/dockerlab/sim/kernel"
)

// What the engine says that it is. Everything that depends on the version stands here and in
// sim/image.
const (
	Version       = image.DockerVersion
	APIVersion    = "1.41"
	MinAPIVersion = "1.12"
	gitCommit     = "5d6db84"
	goVersion     = "go1.19.8"
	buildTime     = "2026-05-07T21:09:36.000000000+00:00"
)

// dockerID makes of an identifier one as docker info shows it: twelve groups of four.
func dockerID(id string) string {
	sum := sha256.Sum256([]byte(id))
	s := base32.StdEncoding.EncodeToString(sum[:30])
	var groups []string
	for i := 0; i+4 <= len(s) && len(groups) < 12; i += 4 {
		groups = append(groups, s[i:i+4])
	}
	return strings.Join(groups, ":")
}

// VersionInfo is what docker version shows of the server.
func (e *Engine) VersionInfo() types.Version {
	return types.Version{
		Components: []types.ComponentVersion{
			{Name: "Engine", Version: Version, Details: map[string]string{
				"ApiVersion": APIVersion, "Arch": "amd64", "BuildTime": buildTime, "Experimental": "false", "GitCommit": gitCommit,
				"GoVersion": goVersion, "KernelVersion": kernel.Release, "MinAPIVersion": MinAPIVersion, "Os": "linux",
			}},
			{Name: "containerd", Version: "1.6.20~ds1", Details: map[string]string{"GitCommit": "1.6.20~ds1-1+deb12u3"}},
			{Name: "runc", Version: "1.1.5+ds1", Details: map[string]string{"GitCommit": "1.1.5+ds1-1+deb12u1"}},
			{Name: "docker-init", Version: "0.19.0", Details: map[string]string{"GitCommit": ""}},
		},
		Version: Version, APIVersion: APIVersion, MinAPIVersion: MinAPIVersion, GitCommit: gitCommit, GoVersion: goVersion,
		Os: "linux", Arch: "amd64", KernelVersion: kernel.Release, BuildTime: buildTime,
	}
}

// Info is what docker info shows of the server.
func (e *Engine) Info() *types.Info {
	s := e.State()
	i := &types.Info{
		ID: s.ID, Containers: s.Containers.Len(), Images: s.Images.Len(), Driver: "overlay2",
		DriverStatus: [][2]string{{"Backing Filesystem", "extfs"}, {"Supports d_type", "true"}, {"Native Overlay Diff", "true"}, {"userxattr", "false"}},
		Plugins: types.PluginsInfo{
			Volume: []string{"local"}, Network: []string{"bridge", "host", "ipvlan", "macvlan", "null", "overlay"},
			Log: []string{"awslogs", "fluentd", "gcplogs", "gelf", "journald", "json-file", "local", "logentries", "splunk", "syslog"},
		},
		MemoryLimit: true, SwapLimit: true, KernelMemory: true, KernelMemoryTCP: true, CPUCfsPeriod: true, CPUCfsQuota: true,
		CPUShares: true, CPUSet: true, PidsLimit: true, IPv4Forwarding: true, BridgeNfIptables: true, BridgeNfIP6tables: true,
		NFd: 28, OomKillDisable: true, NGoroutines: 40, SystemTime: e.now().UTC().Format(time.RFC3339Nano),
		LoggingDriver: "json-file", CgroupDriver: "cgroupfs", CgroupVersion: "1", KernelVersion: kernel.Release,
		OperatingSystem: "Debian GNU/Linux 12 (bookworm)", OSVersion: "12", OSType: "linux", Architecture: "x86_64",
		IndexServerAddress: "https://index.docker.io/v1/",
		RegistryConfig: &registry.ServiceConfig{
			AllowNondistributableArtifactsCIDRs: []*registry.NetIPNet{}, AllowNondistributableArtifactsHostnames: []string{},
			InsecureRegistryCIDRs: []*registry.NetIPNet{{IP: net.IPv4(127, 0, 0, 0), Mask: net.CIDRMask(8, 32)}},
			IndexConfigs:          map[string]*registry.IndexInfo{"docker.io": {Name: "docker.io", Mirrors: []string{}, Secure: true, Official: true}},
			Mirrors:               []string{},
		},
		NCPU: cpus, MemTotal: memTotal, DockerRootDir: Root, Name: e.hostname(), Labels: []string{}, ServerVersion: Version,
		Runtimes:       map[string]types.Runtime{"io.containerd.runc.v2": {Path: "runc"}, "io.containerd.runtime.v1.linux": {Path: "runc"}, "runc": {Path: "runc"}},
		DefaultRuntime: "runc", Swarm: swarm.Info{LocalNodeState: swarm.LocalNodeStateInactive}, InitBinary: "docker-init",
		ContainerdCommit: types.Commit{ID: "1.6.20~ds1-1+deb12u3", Expected: "1.6.20~ds1-1+deb12u3"},
		RuncCommit:       types.Commit{ID: "1.1.5+ds1-1+deb12u1", Expected: "1.1.5+ds1-1+deb12u1"},
		SecurityOptions:  []string{"name=seccomp,profile=default"},
	}
	e.mu.Lock()
	i.NEventsListener = len(e.journal.listeners)
	e.mu.Unlock()
	for _, c := range s.Containers.All() {
		switch {
		case c.Status.Paused:
			i.ContainersPaused++
		case c.Status.Running:
			i.ContainersRunning++
		default:
			i.ContainersStopped++
		}
	}
	return i
}

// DiskUsage is what docker system df shows.
func (e *Engine) DiskUsage() (*types.DiskUsage, error) {
	s := e.State()
	du := &types.DiskUsage{Images: []*types.ImageSummary{}, Volumes: []*types.Volume{}}
	var err error
	if du.Images, err = e.Images(filters.NewArgs(), false); err != nil {
		return nil, err
	}
	users := map[digest.Digest]int{}
	for _, sum := range du.Images {
		img := s.Images.Get(digest.Digest(sum.ID))
		if img == nil {
			continue
		}
		for st := img.Layers; st != nil; st = st.Below {
			users[st.ChainID()]++
		}
	}
	for _, sum := range du.Images {
		img := s.Images.Get(digest.Digest(sum.ID))
		sum.SharedSize, sum.Containers = 0, 0
		for _, c := range s.Containers.All() {
			if c.Image == sum.ID {
				sum.Containers++
			}
		}
		if img == nil {
			continue
		}
		for st := img.Layers; st != nil; st = st.Below {
			if users[st.ChainID()] > 1 {
				sum.SharedSize += st.Top.Size()
			}
		}
	}
	for _, st := range s.Images.Stacks() {
		du.LayersSize += st.Top.Size()
	}
	if du.Containers, err = e.List(ListOptions{All: true, Size: true, Filters: filters.NewArgs()}); err != nil {
		return nil, err
	}
	for _, v := range s.Volumes.All() {
		if len(v.Options) > 0 { // its files are elsewhere, perhaps
			continue
		}
		r := v.resource()
		r.UsageData = &types.VolumeUsageData{RefCount: int64(len(s.volumeUsers(v.Name))), Size: e.volumeSize(v)}
		du.Volumes = append(du.Volumes, r)
	}
	return du, nil
}

// PruneContainers removes all containers that do not run.
func (e *Engine) PruneContainers(ctx context.Context, f filters.Args) (*types.ContainersPruneReport, error) {
	if err := checkFilters(f, "label", "label!", "until"); err != nil {
		return nil, err
	}
	until, err := e.untilFilter(f)
	if err != nil {
		return nil, err
	}
	r := &types.ContainersPruneReport{}
	for _, c := range e.State().containers() {
		if ctx.Err() != nil {
			break
		}
		if c.Status.Running || !until.IsZero() && c.Created.After(until) || !matchLabels(f, c.Config.Labels) {
			continue
		}
		size, _ := e.sizes(c)
		if e.Remove(c.ID, RemoveOptions{}) != nil {
			continue
		}
		r.SpaceReclaimed += uint64(max(size, 0))
		r.ContainersDeleted = append(r.ContainersDeleted, c.ID)
	}
	e.emit("container", "prune", "", map[string]string{"reclaimed": fmt.Sprint(r.SpaceReclaimed)})
	return r, nil
}

// linkEnv are the variables that --link sets in a container on the default network.
func (e *Engine) linkEnv(c *Container) []string {
	var env []string
	for _, alias := range slices.Sorted(maps.Keys(c.Links)) {
		child, err := e.Container(c.Links[alias])
		if err != nil || !child.Status.Running || child.Ends["bridge"] == nil {
			continue
		}
		ip := child.Ends["bridge"].IPAddress
		up := strings.ToUpper(strings.ReplaceAll(alias, "-", "_"))
		ports := child.publishedPorts()
		sort.Slice(ports, func(i, j int) bool {
			return ports[i].Int() < ports[j].Int() || ports[i].Int() == ports[j].Int() && ports[i].Proto() == "tcp"
		})
		if len(ports) > 0 {
			env = append(env, fmt.Sprintf("%s_PORT=%s://%s:%s", up, ports[0].Proto(), ip, ports[0].Port()))
		}
		for _, p := range ports {
			pre := fmt.Sprintf("%s_PORT_%s_%s", up, p.Port(), strings.ToUpper(p.Proto()))
			env = append(env, fmt.Sprintf("%s=%s://%s:%s", pre, p.Proto(), ip, p.Port()),
				pre+"_ADDR="+ip, pre+"_PORT="+p.Port(), pre+"_PROTO="+p.Proto())
		}
		env = append(env, fmt.Sprintf("%s_NAME=%s/%s", up, c.Name, alias))
		for _, v := range child.Config.Env {
			k, val, ok := strings.Cut(v, "=")
			if ok && k != "HOME" && k != "PATH" {
				env = append(env, fmt.Sprintf("%s_ENV_%s=%s", up, k, val))
			}
		}
	}
	return env
}

package container

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"sort"
	"strconv"
	"strings"

	ctypes "github.com/docker/docker/api/types/container"
	ntypes "github.com/docker/docker/api/types/network"
	"github.com/docker/go-connections/nat"

	"github.com/dockerlab/dockerlab/sim/image"
)

// Create is a request to make a container. The engine takes Config and Host over.
type Create struct {
	Name     string // empty: one is made up
	Config   *ctypes.Config
	Host     *ctypes.HostConfig
	Net      *ntypes.NetworkingConfig
	Platform string // "linux/amd64"; empty is whatever the image is of
	Whole    bool   // Config is whole: nothing of the image's is merged in, as a build wants it
}

// CreateContainer makes a container, which does not run yet.
func (e *Engine) CreateContainer(r Create) (id string, warnings []string, err error) {
	if r.Config == nil {
		return "", nil, invalid("Config cannot be empty in order to create a container")
	}
	if r.Host == nil {
		r.Host = &ctypes.HostConfig{}
	} else if r.Host.Runtime == "" {
		r.Host.Runtime = "runc"
	}
	if err := checkConfig(r.Config); err != nil {
		return "", nil, as(Invalid, err)
	}
	warnings, err = e.checkHost(r.Host, false)
	if err != nil {
		return "", warnings, as(Invalid, err)
	}
	if err := checkEndpoints(r.Net); err != nil {
		return "", warnings, as(Invalid, err)
	}
	if err := e.adapt(r.Host); err != nil {
		return "", warnings, as(Invalid, err)
	}
	var img *image.Image
	if r.Config.Image != "" {
		if img, err = e.findImage(r.Config.Image); err != nil {
			return "", warnings, err
		}
		if err := checkPlatform(r.Config.Image, img, r.Platform); err != nil {
			return "", warnings, err
		}
		if r.Platform == "" && (img.Config.Architecture != "amd64" || img.Config.OS != "linux") {
			platform := img.Config.OS + "/" + img.Config.Architecture
			if img.Config.OS == "" {
				platform = "unknown"
			}
			warnings = append(warnings, fmt.Sprintf("The requested image's platform (%s) does not match the detected host platform (linux/amd64) and no specific platform was requested", platform))
		}
	}
	if !r.Whole && img != nil && img.Config.Config != nil {
		mergeConfig(r.Config, img.Config.Config)
	}
	if ep := r.Config.Entrypoint; len(ep) == 1 && ep[0] == "" {
		r.Config.Entrypoint = nil
	}
	if len(r.Config.Entrypoint) == 0 && len(r.Config.Cmd) == 0 {
		return "", warnings, invalid("No command specified")
	}
	if err := checkLogConfig(&r.Host.LogConfig); err != nil {
		return "", warnings, as(Invalid, err)
	}
	c, err := e.create(r, img)
	if err != nil {
		return "", warnings, err
	}
	e.emitContainer(c, "create", nil)
	return c.ID, warnings, nil
}

func checkPlatform(ref string, img *image.Image, want string) error {
	if want == "" {
		return nil
	}
	f := strings.Split(want, "/")
	if len(f) > 3 {
		return invalid("%q: cannot parse platform specifier: invalid argument", want)
	}
	wantOS, wantArch := "linux", f[0]
	if len(f) > 1 {
		wantOS, wantArch = f[0], f[1]
	} else if f[0] == "linux" {
		wantArch = "amd64"
	}
	arch := img.Config.Architecture
	switch wantArch {
	case "x86_64", "x86-64":
		wantArch = "amd64"
	case "aarch64":
		wantArch = "arm64"
	}
	if (arch != "" && arch != wantArch) || (img.Config.OS != "" && img.Config.OS != wantOS) {
		return notFound("image with reference %s was found but does not match the specified platform: wanted %s, actual: %s/%s", ref, wantOS+"/"+wantArch, img.Config.OS, arch)
	}
	return nil
}

// adapt fills in what a host config leaves to the engine.
func (e *Engine) adapt(h *ctypes.HostConfig) error {
	if h.Memory > 0 && h.MemorySwap == 0 {
		h.MemorySwap = 2 * h.Memory
	}
	if h.ShmSize == 0 {
		h.ShmSize = 64 << 20
	}
	if h.IpcMode == "" {
		h.IpcMode = "private"
	}
	if h.CgroupnsMode == "" {
		h.CgroupnsMode = "host"
	}
	labelled := slices.ContainsFunc(h.SecurityOpt, func(o string) bool { return strings.HasPrefix(o, "label=") })
	if (h.Privileged || h.IpcMode.IsHost() || h.PidMode.IsHost()) && !labelled {
		h.SecurityOpt = append(h.SecurityOpt, "label=disable")
	}
	if h.OomKillDisable == nil {
		no := false
		h.OomKillDisable = &no
	}
	// Modes that name another container are kept by its ID: its name may change.
	if h.PidMode.IsContainer() {
		c, err := e.Container(h.PidMode.Container())
		if err != nil {
			return refuse(Invalid, "%w", err)
		}
		h.PidMode = ctypes.PidMode("container:" + c.ID)
	}
	if h.IpcMode.IsContainer() {
		c, err := e.Container(h.IpcMode.Container())
		if err != nil {
			return refuse(Invalid, "%w", err)
		}
		h.IpcMode = ctypes.IpcMode("container:" + c.ID)
	}
	if h.NetworkMode.IsContainer() {
		if c, err := e.Container(h.NetworkMode.ConnectedContainer()); err == nil {
			h.NetworkMode = ctypes.NetworkMode("container:" + c.ID)
		}
	}
	return nil
}

func mergeConfig(c, img *ctypes.Config) {
	if c.User == "" {
		c.User = img.User
	}
	if len(c.ExposedPorts) == 0 {
		c.ExposedPorts = maps.Clone(img.ExposedPorts)
	} else {
		for p := range img.ExposedPorts {
			c.ExposedPorts[p] = struct{}{}
		}
	}
	name := func(env string) string { n, _, _ := strings.Cut(env, "="); return n }
	if len(c.Env) == 0 {
		c.Env = slices.Clone(img.Env)
	} else {
		given := map[string]bool{}
		for _, v := range c.Env {
			given[name(v)] = true
		}
		for _, v := range img.Env {
			if !given[name(v)] {
				c.Env = append(c.Env, v)
			}
		}
	}
	if c.Labels == nil {
		c.Labels = map[string]string{}
	}
	for k, v := range img.Labels {
		if _, ok := c.Labels[k]; !ok {
			c.Labels[k] = v
		}
	}
	if len(c.Entrypoint) == 0 {
		if len(c.Cmd) == 0 {
			c.Cmd = img.Cmd
			c.ArgsEscaped = img.ArgsEscaped
		}
		if c.Entrypoint == nil {
			c.Entrypoint = img.Entrypoint
		}
	}
	if h := img.Healthcheck; h != nil {
		if c.Healthcheck == nil {
			c.Healthcheck = h
		} else {
			merged := *c.Healthcheck
			if len(merged.Test) == 0 {
				merged.Test = h.Test
			}
			if merged.Interval == 0 {
				merged.Interval = h.Interval
			}
			if merged.Timeout == 0 {
				merged.Timeout = h.Timeout
			}
			if merged.StartPeriod == 0 {
				merged.StartPeriod = h.StartPeriod
			}
			if merged.Retries == 0 {
				merged.Retries = h.Retries
			}
			c.Healthcheck = &merged
		}
	}
	if c.WorkingDir == "" {
		c.WorkingDir = img.WorkingDir
	}
	if len(c.Volumes) == 0 {
		c.Volumes = maps.Clone(img.Volumes)
	} else {
		maps.Copy(c.Volumes, img.Volumes)
	}
	if c.StopSignal == "" {
		c.StopSignal = img.StopSignal
	}
}

// logDrivers are those that the engine has. The lab keeps logs as json-file and local do, and not
// at all for "none"; what would leave the machine cannot be had.
var logDrivers = []string{"json-file", "local", "none"}

var jsonFileOptions = []string{"max-file", "max-size", "compress", "labels", "labels-regex", "env", "env-regex", "tag"}

func checkLogConfig(l *ctypes.LogConfig) error {
	if l.Type == "" {
		l.Type = "json-file"
	}
	if l.Config == nil {
		l.Config = map[string]string{}
	}
	if l.Type == "none" {
		return nil
	}
	if !slices.Contains(logDrivers, l.Type) {
		return fmt.Errorf("error looking up logging plugin %s: plugin %q not found", l.Type, l.Type)
	}
	for k, v := range l.Config {
		switch k {
		case "mode":
			if v != "blocking" && v != "non-blocking" {
				return fmt.Errorf("logger: logging mode not supported: %s", v)
			}
			continue
		case "max-buffer-size":
			if l.Config["mode"] != "non-blocking" {
				return errors.New("logger: max-buffer-size option is only supported with 'mode=non-blocking'")
			}
			continue
		}
		if !slices.Contains(jsonFileOptions, k) {
			return fmt.Errorf("unknown log opt '%s' for %s log driver", k, l.Type)
		}
	}
	return nil
}

// create makes and records a container whose options are in order.
func (e *Engine) create(r Create, img *image.Image) (*Container, error) {
	c := &Container{ID: e.newID(), Created: e.now(), Config: r.Config, Host: r.Host}
	if img != nil {
		c.Image = string(img.ID)
	}
	if err := e.reserveName(c, r.Name); err != nil {
		return nil, err
	}
	made := false
	var newVolumes []string
	defer func() {
		if !made {
			e.update(func(s *State) error {
				for name, id := range s.Names.All() {
					if id == c.ID || strings.HasPrefix(name, c.Name+"/") {
						s.Names = s.Names.Without(name)
					}
				}
				return nil
			})
			for _, v := range newVolumes {
				e.RemoveVolume(v, false)
			}
		}
	}()
	argv := append(slices.Clone(c.Config.Entrypoint), c.Config.Cmd...)
	c.Path, c.Args = argv[0], argv[1:]
	if c.Config.Hostname == "" {
		c.Config.Hostname = c.ID[:12]
		if c.Host.NetworkMode.IsHost() {
			c.Config.Hostname = e.hostname()
		}
	}
	if err := checkSecurity(c.Host.SecurityOpt); err != nil {
		return nil, err
	}
	if len(c.Host.StorageOpt) > 0 {
		return nil, errors.New("--storage-opt is supported only for overlay over xfs with 'pquota' mount option")
	}
	base, err := e.base(img)
	if err != nil {
		return nil, system("%w", err)
	}
	c.Base = base
	rw, err := e.newRoot(base)
	if err != nil {
		return nil, err
	}
	mounts, made1, err := e.registerMounts(c)
	newVolumes = made1
	if err != nil {
		return nil, err
	}
	if err := e.registerLinks(c); err != nil {
		return nil, err
	}
	if c.Host.NetworkMode == "" {
		c.Host.NetworkMode = "default"
	}
	if c.Config.WorkingDir != "" {
		c.Config.WorkingDir = path.Clean(c.Config.WorkingDir)
	}
	if err := rw.makeWorkdir(c.Config.WorkingDir, graphDir(c.ID)+"/merged"); err != nil {
		return nil, err
	}
	if !c.Host.Privileged {
		if c.Host.MaskedPaths == nil {
			c.Host.MaskedPaths = slices.Clone(maskedPaths)
		}
		if c.Host.ReadonlyPaths == nil {
			c.Host.ReadonlyPaths = slices.Clone(readonlyPaths)
		}
	}
	for dest := range c.Config.Volumes {
		dest = path.Clean(dest)
		if _, ok := mounts[dest]; ok {
			continue
		}
		merged := graphDir(c.ID) + "/merged"
		if err := rw.follow(dest, merged); err != nil {
			return nil, err
		}
		if rw.isNoDir(dest) {
			return nil, refuse(Unknown, "cannot mount volume over existing file, file exists %s", merged+dest)
		}
		v, err := e.makeVolume(volumeSpec{name: e.newID(), anon: true, driver: c.Host.VolumeDriver, container: c.ID})
		if err != nil {
			return nil, err
		}
		newVolumes = append(newVolumes, v.Name)
		mounts[dest] = &Mount{Type: "volume", Name: v.Name, Source: v.mountpoint(), Driver: v.Driver, Destination: dest, RW: true, CopyData: true}
	}
	for _, dest := range slices.Sorted(maps.Keys(mounts)) {
		m := mounts[dest]
		c.Mounts = append(c.Mounts, m)
		if m.Type == "volume" && m.CopyData {
			if err := e.populate(rw, c.ID, m); err != nil {
				return nil, err
			}
		}
	}
	c.Files = rw.snapshot()
	c.Ends = e.endpointsFor(c, r.Net)
	if err := e.update(func(s *State) error {
		s.Containers = s.Containers.With(c.ID, c)
		return nil
	}); err != nil {
		return nil, err
	}
	made = true
	return c, nil
}

// reserveName gives the container its name, one that nobody has.
func (e *Engine) reserveName(c *Container, want string) error {
	if want != "" {
		name, err := cleanName(want)
		if err != nil {
			return err
		}
		c.Name = name
		return e.update(func(s *State) error { return s.reserve(name, c.ID) })
	}
	for try := 0; ; try++ {
		e.k.Do(func() { c.Name = generateName(e.k.Rand(), try) })
		err := e.update(func(s *State) error { return s.reserve(c.Name, c.ID) })
		if err == nil || try > 100 {
			return err
		}
	}
}

// reserve notes that name leads to the container, unless another has it.
func (s *State) reserve(name, id string) error {
	if holder, taken := s.Names.Get(name); taken {
		return conflict("Conflict. The container name %q is already in use by container %q. You have to remove (or rename) that container to be able to reuse that name.", name, holder)
	}
	s.Names = s.Names.With(name, id)
	return nil
}

// registerMounts finds what the options of a container mount, by destination, and makes the named
// volumes that are not there yet. Of two for one destination, those of --volumes-from yield.
func (e *Engine) registerMounts(c *Container) (mounts map[string]*Mount, made []string, err error) {
	mounts = map[string]*Mount{}
	h := c.Host
	for _, raw := range h.VolumesFrom {
		ref, mode, err := parseVolumesFrom(raw)
		if err != nil {
			return nil, made, &Error{Invalid, err}
		}
		from, err := e.Container(ref)
		if err != nil {
			return nil, made, &Error{Invalid, err}
		}
		for _, m := range from.Mounts {
			cp := *m
			cp.RW = m.RW && !mode.readOnly
			cp.CopyData, cp.Mode = false, ""
			if v, ok := e.State().Volumes.Get(cp.Name); ok && cp.Type == "volume" {
				cp.Borrowed = !v.Anon
			}
			mounts[cp.Destination] = &cp
		}
	}
	given := map[string]bool{}
	volume := func(m *Mount, labels, options map[string]string) error {
		spec := volumeSpec{name: m.Name, driver: m.Driver, labels: labels, options: options, container: c.ID}
		if spec.name == "" {
			spec.name, spec.anon = e.newID(), true
		}
		_, known := e.State().Volumes.Get(spec.name)
		v, err := e.makeVolume(spec)
		if err != nil {
			return err
		}
		if !known {
			made = append(made, v.Name)
		}
		m.Name, m.Driver, m.Source = v.Name, v.Driver, v.mountpoint()
		if m.Mode == "" {
			m.Mode = "z"
		}
		return nil
	}
	add := func(m *Mount, target string) error {
		_, tmpfs := h.Tmpfs[m.Destination]
		if given[m.Destination] || tmpfs {
			return invalid("Duplicate mount point: %s", target)
		}
		return nil
	}
	for _, raw := range h.Binds {
		m, err := parseBind(raw, h.VolumeDriver)
		if err != nil {
			return nil, made, err
		}
		if err := add(m, m.Destination); err != nil {
			return nil, made, err
		}
		if m.Type == "volume" {
			if err := volume(m, nil, nil); err != nil {
				return nil, made, err
			}
		}
		given[m.Destination] = true
		mounts[m.Destination] = m
	}
	for _, spec := range h.Mounts {
		m, err := mountFromSpec(spec, e.hostPathExists)
		if err != nil {
			return nil, made, err
		}
		if given[m.Destination] {
			return nil, made, invalid("Duplicate mount point: %s", spec.Target)
		}
		m.MustExist = m.Type == "bind"
		if m.Type == "volume" {
			var labels, options map[string]string
			if o := spec.VolumeOptions; o != nil {
				labels = o.Labels
				if o.DriverConfig != nil {
					options = o.DriverConfig.Options
				}
			}
			if err := volume(m, labels, options); err != nil {
				return nil, made, err
			}
		}
		given[m.Destination] = true
		mounts[m.Destination] = m
	}
	return mounts, made, nil
}

// registerLinks reads --link of a container on the default network. Each makes a name: the
// container's, a slash and the alias lead to the other container.
func (e *Engine) registerLinks(c *Container) error {
	h := c.Host
	if isUserDefined(string(h.NetworkMode)) || len(h.Links) == 0 {
		return nil
	}
	links := map[string]string{}
	for _, raw := range h.Links {
		name, alias, err := parseLink(raw)
		if err != nil {
			return err
		}
		child, err := e.Container(name)
		if err != nil {
			return &Error{Invalid, fmt.Errorf("could not get container for %s: %w", name, err)}
		}
		for child.Host.NetworkMode.IsContainer() {
			parent, err := e.Container(child.Host.NetworkMode.ConnectedContainer())
			if err != nil {
				return &Error{Invalid, fmt.Errorf("could not get container for %s: %w", child.Host.NetworkMode.ConnectedContainer(), err)}
			}
			child = parent
		}
		if child.Host.NetworkMode.IsHost() {
			return invalid("conflicting options: host type networking can't be used with links. This would result in undefined behavior")
		}
		if alias != "" { // which names nothing, and is let through
			if err := e.update(func(s *State) error { return s.reserve(path.Join(c.Name, alias), child.ID) }); err != nil {
				return err
			}
		}
		links[alias] = child.ID
	}
	c.Links = links
	h.Links = nil
	return nil
}

// parseLink reads "name:alias", "name", or what inspect shows of a link.
func parseLink(raw string) (name, alias string, err error) {
	if raw == "" {
		return "", "", errors.New("empty string specified for links")
	}
	f := strings.Split(raw, ":")
	if len(f) > 2 {
		return "", "", fmt.Errorf("bad format for links: %s", raw)
	}
	if len(f) == 1 {
		return raw, raw, nil
	}
	if strings.HasPrefix(f[0], "/") {
		_, alias = path.Split(f[1])
		return f[0][1:], alias, nil
	}
	return f[0], f[1], nil
}

// endpointsFor is the networks that a new container will be connected to.
func (e *Engine) endpointsFor(c *Container, net *ntypes.NetworkingConfig) map[string]*ntypes.EndpointSettings {
	mode := c.Host.NetworkMode
	if mode.IsContainer() || c.Config.NetworkDisabled {
		return nil
	}
	name := mode.NetworkName()
	if mode.IsDefault() {
		name = "bridge"
	}
	if isUserDefined(string(mode)) {
		if n, err := e.Network(string(mode)); err == nil {
			name = n.Name
		} else {
			name = string(mode)
		}
	}
	ends := map[string]*ntypes.EndpointSettings{}
	if net != nil {
		for k, ep := range net.EndpointsConfig {
			if n, err := e.Network(k); err == nil {
				k = n.Name
			}
			if k == "default" {
				k = name
			}
			ends[k] = ep.Copy()
		}
	}
	if len(ends) == 0 {
		ends[name] = &ntypes.EndpointSettings{}
	}
	return ends
}

// checkSecurity refuses security options that the engine does not know.
func checkSecurity(opts []string) error {
	for _, o := range opts {
		if o == "no-new-privileges" || o == "disable" {
			continue
		}
		k, v, ok := strings.Cut(o, "=")
		if !ok {
			if k, v, ok = strings.Cut(o, ":"); !ok {
				return fmt.Errorf("invalid --security-opt 1: %q", o)
			}
		}
		switch k {
		case "no-new-privileges":
			if _, err := strconv.ParseBool(v); err != nil {
				return fmt.Errorf("invalid --security-opt 2: %q", o)
			}
		case "label", "apparmor", "seccomp", "systempaths":
		default:
			return fmt.Errorf("invalid --security-opt 2: %q", o)
		}
	}
	return nil
}

// publishedPorts is what -p, -P and EXPOSE of a container ask for: each of its ports, in order,
// with the bindings wanted. Ports with no binding are only exposed.
func (c *Container) publishedPorts() []nat.Port {
	seen := map[nat.Port]bool{}
	var out []nat.Port
	for p := range c.Config.ExposedPorts {
		seen[p] = true
		out = append(out, p)
	}
	for p := range c.Host.PortBindings {
		if !seen[p] {
			out = append(out, p)
		}
	}
	sort.Slice(out, func(i, j int) bool {
		if out[i].Int() != out[j].Int() {
			return out[i].Int() < out[j].Int()
		}
		return out[i].Proto() < out[j].Proto()
	})
	return out
}

var maskedPaths = []string{"/proc/asound", "/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
	"/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware"}

var readonlyPaths = []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}

package container

import (
	"errors"
	"fmt"
	"net"
	"path"
	"slices"
	"strconv"
	"strings"

	ctypes "github.com/docker/docker/api/types/container"
	ntypes "github.com/docker/docker/api/types/network"
	"github.com/docker/go-connections/nat"

	"github.com/dockerlab/dockerlab/sim/linux"
)

// The machine that the lab stands for, as docker info tells it.
const (
	cpus     = 2
	memTotal = 4026532 << 10 // as its /proc/meminfo says
)

// CheckDecoded refuses combinations of options that the engine already refuses while it reads a
// request to create a container.
func CheckDecoded(c *ctypes.Config, h *ctypes.HostConfig) error {
	if h == nil || c == nil {
		return nil
	}
	mode := h.NetworkMode
	if rest, ok := strings.CutPrefix(string(mode), "container"); ok && (rest == "" || rest == ":") {
		return invalid("Invalid network mode: invalid container format container:<name|id>")
	}
	shared := mode.IsContainer()
	switch {
	case shared && c.Hostname != "":
		return invalid("conflicting options: hostname and the network mode")
	case shared && len(h.Links) > 0:
		return invalid("conflicting options: container type network can't be used with links. This would result in undefined behavior")
	case shared && len(h.DNS) > 0:
		return invalid("conflicting options: dns and the network mode")
	case shared && len(h.ExtraHosts) > 0:
		return invalid("conflicting options: custom host-to-IP mapping and the network mode")
	case (shared || mode.IsHost()) && c.MacAddress != "":
		return invalid("conflicting options: mac-address and the network mode")
	case shared && (len(h.PortBindings) > 0 || h.PublishAllPorts):
		return invalid("conflicting options: port publishing and the container type network mode")
	case shared && len(c.ExposedPorts) > 0:
		return invalid("conflicting options: port exposing and the container type network mode")
	case h.UTSMode.IsHost() && c.Hostname != "":
		return invalid("conflicting options: hostname and the UTS mode")
	case mode.IsHost() && len(h.Links) > 0:
		return invalid("conflicting options: host type networking can't be used with links. This would result in undefined behavior")
	case !h.Isolation.IsDefault():
		return refuse(Unknown, "Invalid isolation: %q - linux only supports 'default'", h.Isolation)
	case h.IOMaximumBandwidth != 0:
		return refuse(Unknown, "Invalid QoS settings: linux does not support configuration of maximum bandwidth")
	case h.IOMaximumIOps != 0:
		return refuse(Unknown, "Invalid QoS settings: linux does not support configuration of maximum IOPs")
	}
	return nil
}

// checkConfig refuses a container's config that cannot be.
func checkConfig(c *ctypes.Config) error {
	if c.WorkingDir != "" && !path.IsAbs(c.WorkingDir) {
		return fmt.Errorf("the working directory '%s' is invalid, it needs to be an absolute path", c.WorkingDir)
	}
	if c.StopSignal != "" {
		if _, err := ParseSignal(c.StopSignal); err != nil {
			return err
		}
	}
	for _, env := range c.Env {
		if name, _, _ := strings.Cut(env, "="); name == "" {
			return fmt.Errorf("invalid environment variable: %s", env)
		}
	}
	if h := c.Healthcheck; h != nil {
		for _, f := range []struct {
			name string
			d    int64
		}{{"Interval", int64(h.Interval)}, {"Timeout", int64(h.Timeout)}, {"StartPeriod", int64(h.StartPeriod)}} {
			if f.d != 0 && f.d < int64(ctypes.MinimumDuration) {
				return fmt.Errorf("%s in Healthcheck cannot be less than %s", f.name, ctypes.MinimumDuration)
			}
			if f.name == "Timeout" && h.Retries < 0 {
				return errors.New("Retries in Healthcheck cannot be negative")
			}
		}
	}
	return nil
}

// checkHost refuses a host config that cannot be, and tells of what would be discarded.
func (e *Engine) checkHost(h *ctypes.HostConfig, update bool) (warnings []string, err error) {
	if h.AutoRemove && !h.RestartPolicy.IsNone() {
		return nil, errors.New("can't create 'AutoRemove' container with restart policy")
	}
	for _, m := range h.Mounts {
		if _, err := mountFromSpec(m, e.hostPathExists); err != nil {
			return nil, err
		}
	}
	for _, x := range h.ExtraHosts {
		name, ip, ok := strings.Cut(x, ":")
		if !ok || name == "" {
			return nil, fmt.Errorf("bad format for add-host: %q", x)
		}
		if ip != "host-gateway" && net.ParseIP(strings.TrimSpace(ip)) == nil {
			return nil, fmt.Errorf("invalid IP address in add-host: %q", ip)
		}
	}
	if err := checkPorts(h.PortBindings); err != nil {
		return nil, err
	}
	if err := checkRestartPolicy(h.RestartPolicy); err != nil {
		return nil, err
	}
	if err := checkCaps("CapAdd", h.CapAdd); err != nil {
		return nil, err
	}
	if err := checkCaps("CapDrop", h.CapDrop); err != nil {
		return nil, err
	}
	if !h.Isolation.IsDefault() {
		return nil, fmt.Errorf("invalid isolation '%s' on linux", h.Isolation)
	}
	if warnings, err = checkResources(&h.Resources, update); err != nil {
		return warnings, err
	}
	switch {
	case h.ShmSize < 0:
		return warnings, errors.New("SHM size can not be less than 0")
	case h.OomScoreAdj < -1000 || h.OomScoreAdj > 1000:
		return warnings, fmt.Errorf("Invalid value %d, range for oom score adj is [-1000, 1000]", h.OomScoreAdj)
	}
	if h.NetworkMode.IsHost() && len(h.PortBindings) > 0 {
		warnings = append(warnings, "Published ports are discarded when using host network mode")
	}
	switch h.Runtime {
	case "", "runc", "io.containerd.runc.v2":
	case "io.containerd.runtime.v1.linux":
		warnings = append(warnings, fmt.Sprintf("Configured runtime %q is deprecated and will be removed in the next release.", h.Runtime))
	default:
		return warnings, fmt.Errorf("Unknown runtime specified %s", h.Runtime)
	}
	for dest := range h.Tmpfs {
		if err := checkDestination(dest); err != nil {
			return warnings, err
		}
	}
	if !h.CgroupnsMode.Valid() {
		return warnings, fmt.Errorf("invalid cgroup namespace mode: %v", h.CgroupnsMode)
	}
	return warnings, nil
}

// checkResources refuses limits that make no sense. The lab's kernel keeps to budgets of its own
// (see kernel.Budget): these limits are stored and shown.
func checkResources(r *ctypes.Resources, update bool) (warnings []string, err error) {
	const least = 6 << 20
	if s := r.MemorySwappiness; s != nil && *s == -1 {
		r.MemorySwappiness = nil
	}
	switch s := r.MemorySwappiness; {
	case r.Memory != 0 && r.Memory < least:
		return nil, errors.New("Minimum memory limit allowed is 6MB")
	case r.Memory > 0 && r.MemorySwap > 0 && r.MemorySwap < r.Memory:
		return nil, errors.New("Minimum memoryswap limit should be larger than memory limit, see usage")
	case r.Memory == 0 && r.MemorySwap > 0 && !update:
		return nil, errors.New("You should always set the Memory limit when using Memoryswap limit, see usage")
	case s != nil && (*s < 0 || *s > 100):
		return nil, fmt.Errorf("Invalid value: %v, valid memory swappiness range is 0-100", *s)
	case r.MemoryReservation > 0 && r.MemoryReservation < least:
		return nil, errors.New("Minimum memory reservation allowed is 6MB")
	case r.Memory > 0 && r.MemoryReservation > 0 && r.Memory < r.MemoryReservation:
		return nil, errors.New("Minimum memory limit can not be less than memory reservation limit, see usage")
	}
	if r.KernelMemory > 0 {
		warnings = append(warnings, "Specifying a kernel memory limit is deprecated and will be removed in a future release.")
		if r.KernelMemory < least {
			return warnings, errors.New("Minimum kernel memory limit allowed is 6MB")
		}
	}
	if r.OomKillDisable != nil && *r.OomKillDisable && r.Memory == 0 {
		warnings = append(warnings, "OOM killer is disabled for the container, but no memory limit is set, this can result in the system running out of resources.")
	}
	switch {
	case r.NanoCPUs > 0 && r.CPUPeriod > 0:
		return warnings, errors.New("Conflicting options: Nano CPUs and CPU Period cannot both be set")
	case r.NanoCPUs > 0 && r.CPUQuota > 0:
		return warnings, errors.New("Conflicting options: Nano CPUs and CPU Quota cannot both be set")
	case r.NanoCPUs < 0 || r.NanoCPUs > cpus*1e9:
		return warnings, fmt.Errorf("Range of CPUs is from 0.01 to %d.00, as there are only %d CPUs available", cpus, cpus)
	case r.CPUPeriod != 0 && (r.CPUPeriod < 1000 || r.CPUPeriod > 1000000):
		return warnings, errors.New("CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)")
	case r.CPUQuota > 0 && r.CPUQuota < 1000:
		return warnings, errors.New("CPU cfs quota can not be less than 1ms (i.e. 1000)")
	}
	if r.CPUPercent > 0 {
		warnings = append(warnings, "linux does not support CPU percent. Percent discarded.")
		r.CPUPercent = 0
	}
	for _, set := range []struct {
		list, what, said, has string
		n                     int
	}{{r.CpusetCpus, "cpus", "CPUs", "0-1", cpus}, {r.CpusetMems, "mems", "memory nodes", "0", 1}} {
		max, err := highest(set.list)
		if err != nil {
			return warnings, fmt.Errorf("Invalid value %s for cpuset %s: %w", set.list, set.what, err)
		}
		if max >= set.n {
			return warnings, fmt.Errorf("Requested %s are not available - requested %s, available: %s", set.said, set.list, set.has)
		}
	}
	if r.BlkioWeight > 0 {
		warnings = append(warnings, "Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight discarded.")
		r.BlkioWeight = 0
	}
	if len(r.BlkioWeightDevice) > 0 {
		warnings = append(warnings, "Your kernel does not support Block I/O weight_device or the cgroup is not mounted. Weight-device discarded.")
		r.BlkioWeightDevice = nil
	}
	if r.IOMaximumBandwidth != 0 || r.IOMaximumIOps != 0 {
		return warnings, errors.New("Invalid QoS settings: linux does not support Maximum IO Bandwidth or Maximum IO IOps")
	}
	return warnings, nil
}

// highest is the greatest number of a list like "0-2,7", or -1 of an empty one.
func highest(list string) (int, error) {
	max := -1
	if list == "" {
		return max, nil
	}
	for _, part := range strings.Split(list, ",") {
		lo, hi, ranged := strings.Cut(part, "-")
		a, err := strconv.Atoi(lo)
		if err != nil {
			return 0, fmt.Errorf("invalid format: %s", list)
		}
		b := a
		if ranged {
			if b, err = strconv.Atoi(hi); err != nil {
				return 0, fmt.Errorf("invalid format: %s", list)
			}
			if b < a {
				return 0, fmt.Errorf("invalid format: %s", list)
			}
		}
		if b > max {
			max = b
		}
	}
	return max, nil
}

func checkPorts(ports nat.PortMap) error {
	for port, bindings := range ports {
		_, n := nat.SplitProtoPort(string(port))
		if _, err := nat.ParsePort(n); err != nil {
			return fmt.Errorf("invalid port specification: %q", n)
		}
		for _, b := range bindings {
			if b.HostPort == "" {
				continue
			}
			if _, err := nat.NewPort(nat.SplitProtoPort(b.HostPort)); err != nil {
				return fmt.Errorf("invalid port specification: %q", b.HostPort)
			}
		}
	}
	return nil
}

func checkRestartPolicy(p ctypes.RestartPolicy) error {
	switch p.Name {
	case "":
	case "always", "unless-stopped", "no":
		if p.MaximumRetryCount != 0 {
			return fmt.Errorf("maximum retry count cannot be used with restart policy '%s'", p.Name)
		}
	case "on-failure":
		if p.MaximumRetryCount < 0 {
			return errors.New("maximum retry count cannot be negative")
		}
	default:
		return fmt.Errorf("invalid restart policy '%s'", p.Name)
	}
	return nil
}

// capabilities are the names of capabilities(7), in the order of their numbers.
var capabilities = strings.Fields(`CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID
	SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER
	SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE
	SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN
	SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE`)

// capNumber is the number of a capability as --cap-add names it, with or without "CAP_".
func capNumber(name string) (int, bool) {
	name = strings.TrimPrefix(strings.ToUpper(name), "CAP_")
	for i, c := range capabilities {
		if c == name {
			return i, true
		}
	}
	return 0, false
}

func checkCaps(field string, names []string) error {
	for _, n := range names {
		if strings.EqualFold(n, "ALL") {
			continue
		}
		if _, ok := capNumber(n); !ok {
			up := strings.ToUpper(n)
			if !strings.HasPrefix(up, "CAP_") {
				up = "CAP_" + up
			}
			return fmt.Errorf("invalid %s: unknown capability: %q", field, up)
		}
	}
	return nil
}

// checkEndpoints refuses networking options of a create request that cannot be.
func checkEndpoints(n *ntypes.NetworkingConfig) error {
	if n == nil || len(n.EndpointsConfig) == 0 {
		return nil
	}
	if len(n.EndpointsConfig) > 1 {
		var names []string
		for k := range n.EndpointsConfig {
			names = append(names, k)
		}
		slices.Sort(names)
		return fmt.Errorf("Container cannot be connected to network endpoints: %s", strings.Join(names, ", "))
	}
	for k, ep := range n.EndpointsConfig {
		if ep == nil {
			return fmt.Errorf("no EndpointSettings for %s", k)
		}
		c := ep.IPAMConfig
		if c == nil {
			continue
		}
		if c.IPv4Address != "" && net.ParseIP(c.IPv4Address).To4() == nil {
			return fmt.Errorf("invalid IPv4 address: %s", c.IPv4Address)
		}
		if c.IPv6Address != "" {
			if ip := net.ParseIP(c.IPv6Address); ip == nil || ip.To4() != nil {
				return fmt.Errorf("invalid IPv6 address: %s", c.IPv6Address)
			}
		}
	}
	return nil
}

// ParseSignal reads a signal's number or its name, with or without "SIG".
func ParseSignal(s string) (linux.Signal, error) {
	if n, err := strconv.Atoi(s); err == nil && n != 0 {
		return linux.Signal(n), nil
	}
	sig, ok := linux.ParseSignal(s)
	if !ok || sig == 0 {
		return 0, invalid("Invalid signal: %s", s)
	}
	return sig, nil
}

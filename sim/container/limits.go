package container

import (
	"fmt"
	"slices"
	"strings"

	ctypes "github.com/docker/docker/api/types/container"

	"github.com/dockerlab/dockerlab/sim/kernel"
)

// rlimits are the resources that --ulimit names, by the kernel's numbers for them.
var rlimits = map[string]int{
	"core": kernel.RLIMIT_CORE, "cpu": 0, "data": 2, "fsize": kernel.RLIMIT_FSIZE, "locks": 10, "memlock": kernel.RLIMIT_MEMLOCK,
	"msgqueue": kernel.RLIMIT_MSGQUEUE, "nice": kernel.RLIMIT_NICE, "nofile": kernel.RLIMIT_NOFILE, "nproc": kernel.RLIMIT_NPROC,
	"rss": 5, "rtprio": kernel.RLIMIT_RTPRIO, "rttime": 15, "sigpending": kernel.RLIMIT_SIGPENDING, "stack": kernel.RLIMIT_STACK,
}

// processLimits are those that a container's --ulimit gives its processes, nil for none.
func processLimits(h *ctypes.HostConfig) map[int]kernel.Rlimit {
	var limits map[int]kernel.Rlimit
	for _, u := range h.Ulimits {
		if limits == nil {
			limits = map[int]kernel.Rlimit{}
		}
		limits[rlimits[u.Name]] = kernel.Rlimit{Cur: uint64(u.Soft), Max: uint64(u.Hard)}
	}
	return limits
}

// sandboxConfig is what a container's options come to for the kernel, where they concern neither
// its files nor its network.
func (e *Engine) sandboxConfig(c *Container) kernel.SandboxConfig {
	h := c.Host
	cfg := kernel.SandboxConfig{
		ID: c.ID, Hostname: c.Config.Hostname, Domainname: c.Config.Domainname, Privileged: h.Privileged, Budget: e.o.Budget,
		NoNewPrivs: noNewPrivileges(h.SecurityOpt), Unfiltered: h.Privileged || slices.ContainsFunc(h.SecurityOpt, unconfined),
		MemoryLimit: h.Memory, OOMScoreAdj: h.OomScoreAdj, Cgroups: cgroupLines(c),
	}
	if h.UTSMode.IsHost() {
		cfg.Hostname = e.hostname()
	}
	if h.OomKillDisable != nil && *h.OomKillDisable {
		cfg.MemoryLimit = 0 // in life its processes would wait for ever
	}
	if p := h.PidsLimit; p != nil && *p > 0 {
		b := kernel.DefaultBudget
		if e.o.Budget != nil {
			b = *e.o.Budget
		}
		if b.Processes <= 0 || b.Processes > int(*p) {
			b.Processes = int(*p)
		}
		cfg.Budget = &b
	}
	return cfg
}

func unconfined(opt string) bool { return opt == "seccomp=unconfined" || opt == "seccomp:unconfined" }

func noNewPrivileges(opts []string) (on bool) {
	for _, o := range opts {
		if rest, ok := strings.CutPrefix(o, "no-new-privileges"); ok {
			on = rest == "" || rest[1:] == "true" || rest[1:] == "1"
		}
	}
	return on
}

// cgroupControllers are the hierarchies of the lab's machine, in the order in which a container
// has them mounted. Their numbers in /proc/PID/cgroup are other ones.
var cgroupControllers = []string{"cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids", "name=systemd"}

// cgroupDir is the directory of a container in each hierarchy.
func cgroupDir(c *Container) string {
	parent := c.Host.CgroupParent
	if parent == "" {
		parent = "/docker"
	}
	if !strings.HasPrefix(parent, "/") {
		parent = "/" + parent
	}
	return parent + "/" + c.ID
}

// cgroupLines is what /proc/PID/cgroup says in a container: with a cgroup namespace of its own, it
// stands at the root.
func cgroupLines(c *Container) string {
	dir := cgroupDir(c)
	if c.Host.CgroupnsMode.IsPrivate() {
		dir = "/"
	}
	var b strings.Builder
	for n := len(cgroupControllers); n > 0; n-- {
		fmt.Fprintf(&b, "%d:%s:%s\n", n, cgroupControllers[n-1], dir)
	}
	fmt.Fprintf(&b, "0::%s\n", dir)
	return b.String()
}

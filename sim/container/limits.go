package container

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/docker/api/types/blkiodev"
	ctypes "github.com/docker/docker/api/types/container"
	"github.com/docker/go-units"

	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/unionfs"
	"github.com/dockerlab/dockerlab/sim/vfs"
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
		limits[rlimits[strings.ToLower(u.Name)]] = kernel.Rlimit{Cur: uint64(u.Soft), Max: uint64(u.Hard)}
	}
	return limits
}

// checkUlimits finds the first --ulimit that runc refuses, in its words. (The docker command refuses
// them itself: who speaks to the API gets here.)
func checkUlimits(limits []*units.Ulimit) error {
	for _, u := range limits {
		n, known := rlimits[strings.ToLower(u.Name)]
		switch {
		case !known:
			return fmt.Errorf("%swrong rlimit value: RLIMIT_%s: unknown", runcFailed, strings.ToUpper(u.Name))
		case uint64(u.Soft) > uint64(u.Hard):
			return fmt.Errorf("%serror during container init: error setting rlimits for ready process: error setting rlimit type %d: invalid argument: unknown", createFailed, n)
		}
	}
	return nil
}

// sandboxConfig is what a container's options come to for the kernel, where they concern neither
// its files nor its network.
func (e *Engine) sandboxConfig(c *Container) kernel.SandboxConfig {
	h := c.Host
	cfg := kernel.SandboxConfig{
		ID: c.ID, Hostname: c.Config.Hostname, Domainname: c.Config.Domainname, Privileged: h.Privileged, Budget: e.o.Budget,
		NoNewPrivs: noNewPrivileges(h.SecurityOpt), Unfiltered: h.Privileged || slices.ContainsFunc(h.SecurityOpt, unconfined),
		MemoryLimit: h.Memory, OOMScoreAdj: h.OomScoreAdj, Cgroups: cgroupLines(c), CPUs: cpuCount(h.CpusetCpus), Sysctls: h.Sysctls,
		MakeTmpfs: func(size int64) vfs.Filesystem {
			o := e.fsOptions("tmpfs", e.bounded())
			if size > 0 {
				o.Disk = &unionfs.Disk{Size: size}
			}
			return unionfs.New(nil, o)
		},
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

// cpuCount is how many processors a list like "0-1" names, 0 for an empty one.
func cpuCount(list string) int {
	n := 0
	for cpu := range cpus {
		for _, part := range strings.Split(list, ",") {
			lo, hi, ranged := strings.Cut(part, "-")
			if !ranged {
				hi = lo
			}
			a, err1 := strconv.Atoi(lo)
			b, err2 := strconv.Atoi(hi)
			if err1 == nil && err2 == nil && a <= cpu && cpu <= b {
				n++
				break
			}
		}
	}
	return n
}

// ownSysctls are the parts of /proc/sys that a container may have of its own; of kernel.*,
// only what belongs to IPC and to its name.
var ownSysctls = []string{"kernel.domainname", "kernel.hostname", "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem",
	"kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced"}

// checkRuntime refuses, in runc's words or the engine's, limits that only show to be wrong when the
// container is about to be made. It is called inside the kernel.
func (e *Engine) checkRuntime(c *Container) error {
	h := c.Host
	for _, d := range h.DeviceRequests {
		return refuse(Unknown, "could not select device driver %q with capabilities: %v", d.Driver, d.Capabilities)
	}
	for _, list := range [][]*blkiodev.ThrottleDevice{h.BlkioDeviceReadBps, h.BlkioDeviceWriteBps, h.BlkioDeviceReadIOps, h.BlkioDeviceWriteIOps} {
		for _, d := range list {
			if _, err := e.hostDevice(d.Path); err != nil {
				return refuse(Unknown, "stat %s: %w", d.Path, lower(err))
			}
		}
	}
	const create = "failed to create shim task: OCI runtime create failed: runc create failed: "
	for name := range h.Sysctls {
		net := strings.HasPrefix(name, "net.")
		switch {
		case net && h.NetworkMode.IsHost():
			return refuse(Unknown, "%ssysctl %q not allowed in host network namespace: unknown", create, name)
		case net || strings.HasPrefix(name, "fs.mqueue.") || slices.Contains(ownSysctls, name):
		default:
			return refuse(Unknown, "%ssysctl %q is not in a separate kernel namespace: unknown", create, name)
		}
	}
	switch {
	case h.CPUShares < 0:
		return refuse(Unknown, "shares: invalid argument")
	case h.CPUShares == 1:
		return refuse(Unknown, "%serror during container init: error setting cgroup config for procHooks process: the minimum allowed cpu-shares is 2: unknown", createFailed)
	case h.CPURealtimeRuntime != 0:
		return refuse(Unknown, "%sunable to apply cgroup configuration: failed to write \"%d\": write /sys/fs/cgroup/cpu%s/cpu.rt_runtime_us: invalid argument: unknown",
			createFailed, h.CPURealtimeRuntime, cgroupDir(c))
	case len(c.Config.Hostname) > 64:
		return refuse(Unknown, "%serror during container init: sethostname: invalid argument: unknown", createFailed)
	}
	return checkLogFiles(h.LogConfig.Config)
}

// checkLogFiles refuses bounds of a log that make no sense, as the driver does when it starts.
func checkLogFiles(opts map[string]string) error {
	if s, ok := opts["max-size"]; ok {
		if n, err := units.FromHumanSize(s); err != nil || n < 0 {
			return refuse(Unknown, "failed to initialize logging driver: invalid size: '%s'", s)
		}
	}
	if s, ok := opts["max-file"]; ok {
		n, err := strconv.Atoi(s)
		if err != nil {
			return refuse(Unknown, "failed to initialize logging driver: %w", err)
		}
		if n < 1 {
			return refuse(Unknown, "failed to initialize logging driver: max-file cannot be less than 1")
		}
	}
	return nil
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

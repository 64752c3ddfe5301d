package container

import (
	"fmt"
	"io"
	"math"
	"strings"

	ctypes "github.com/docker/docker/api/types/container"

	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// cgroupFS is one controller's directory as a container sees it below /sys/fs/cgroup: files that
// tell of its limits and of what it uses, made up at each look. Containers only read them.
type cgroupFS struct {
	e     *Engine
	id    string // of the container
	box   *kernel.Sandbox
	files []cgroupFile // inode 2 and on; 1 is the directory
}

// cgroupFile is a file of a controller; a nil text cannot be read, only written to.
type cgroupFile struct {
	name string
	mode linux.Mode
	text func(*cgroupFS) string
}

// noLimit is what the kernel shows of a memory limit that nobody set: the last page's end.
const noLimit = math.MaxInt64 &^ 4095

func (e *Engine) newCgroupFS(controller, id string, box *kernel.Sandbox) *cgroupFS {
	fs := &cgroupFS{e: e, id: id, box: box}
	own := cgroupFiles[controller]
	i := 0
	for _, common := range cgroupCommon {
		for ; i < len(own) && own[i].name < common.name; i++ {
			fs.files = append(fs.files, own[i])
		}
		fs.files = append(fs.files, common)
	}
	fs.files = append(fs.files, own[i:]...)
	return fs
}

func says(s string) func(*cgroupFS) string { return func(*cgroupFS) string { return s + "\n" } }

func number64(f func(*cgroupFS) int64) func(*cgroupFS) string {
	return func(fs *cgroupFS) string { return fmt.Sprintln(f(fs)) }
}

const (
	readable = linux.Mode(0o444)
	settable = linux.Mode(0o644)
	writable = linux.Mode(0o200)
)

// cgroupCommon are the files that every controller has. All tables are in the order of names.
var cgroupCommon = []cgroupFile{
	{"cgroup.clone_children", settable, says("0")},
	{"cgroup.procs", settable, (*cgroupFS).pids},
	{"notify_on_release", settable, says("0")},
	{"tasks", settable, (*cgroupFS).pids},
}

var cgroupFiles = map[string][]cgroupFile{
	"blkio": {
		{"blkio.reset_stats", writable, nil},
		{"blkio.throttle.io_service_bytes", readable, says("Total 0")},
		{"blkio.throttle.io_service_bytes_recursive", readable, says("Total 0")},
		{"blkio.throttle.io_serviced", readable, says("Total 0")},
		{"blkio.throttle.io_serviced_recursive", readable, says("Total 0")},
		{"blkio.throttle.read_bps_device", settable, func(*cgroupFS) string { return "" }},
		{"blkio.throttle.read_iops_device", settable, func(*cgroupFS) string { return "" }},
		{"blkio.throttle.write_bps_device", settable, func(*cgroupFS) string { return "" }},
		{"blkio.throttle.write_iops_device", settable, func(*cgroupFS) string { return "" }},
	},
	"cpu": {
		{"cpu.cfs_burst_us", settable, says("0")},
		{"cpu.cfs_period_us", settable, func(fs *cgroupFS) string { period, _ := fs.cfs(); return fmt.Sprintln(period) }},
		{"cpu.cfs_quota_us", settable, func(fs *cgroupFS) string { _, quota := fs.cfs(); return fmt.Sprintln(quota) }},
		{"cpu.idle", settable, says("0")},
		{"cpu.rt_period_us", settable, says("1000000")},
		{"cpu.rt_runtime_us", settable, says("0")},
		{"cpu.shares", settable, number64(func(fs *cgroupFS) int64 { return orElse(fs.host().CPUShares, 1024) })},
		{"cpu.stat", readable, says("nr_periods 0\nnr_throttled 0\nthrottled_time 0\nnr_bursts 0\nburst_time 0")},
		{"cpu.stat.local", readable, says("throttled_time 0")},
	},
	"cpuacct": {
		{"cpuacct.stat", readable, func(fs *cgroupFS) string { return fmt.Sprintf("user %d\nsystem 0\n", fs.cpuTime()/1e7) }},
		{"cpuacct.usage", settable, number64((*cgroupFS).cpuTime)},
		{"cpuacct.usage_all", readable, func(fs *cgroupFS) string { return fmt.Sprintf("cpu user system\n0 %d 0\n1 0 0\n", fs.cpuTime()) }},
		{"cpuacct.usage_percpu", readable, func(fs *cgroupFS) string { return fmt.Sprintf("%d 0 \n", fs.cpuTime()) }},
		{"cpuacct.usage_percpu_sys", readable, says("0 0 ")},
		{"cpuacct.usage_percpu_user", readable, func(fs *cgroupFS) string { return fmt.Sprintf("%d 0 \n", fs.cpuTime()) }},
		{"cpuacct.usage_sys", readable, says("0")},
		{"cpuacct.usage_user", readable, number64((*cgroupFS).cpuTime)},
	},
	"cpuset": {
		{"cpuset.cpu_exclusive", settable, says("0")},
		{"cpuset.cpus", settable, func(fs *cgroupFS) string { return orElse(fs.host().CpusetCpus, "0-1") + "\n" }},
		{"cpuset.effective_cpus", readable, func(fs *cgroupFS) string { return orElse(fs.host().CpusetCpus, "0-1") + "\n" }},
		{"cpuset.effective_mems", readable, says("0")},
		{"cpuset.mem_exclusive", settable, says("0")},
		{"cpuset.mem_hardwall", settable, says("0")},
		{"cpuset.memory_migrate", settable, says("0")},
		{"cpuset.memory_pressure", readable, says("0")},
		{"cpuset.memory_spread_page", settable, says("0")},
		{"cpuset.memory_spread_slab", settable, says("0")},
		{"cpuset.mems", settable, says("0")},
		{"cpuset.sched_load_balance", settable, says("1")},
		{"cpuset.sched_relax_domain_level", settable, says("-1")},
	},
	"devices": {
		{"devices.allow", writable, nil},
		{"devices.deny", writable, nil},
		{"devices.list", readable, (*cgroupFS).devices},
	},
	"freezer": {
		{"freezer.parent_freezing", readable, says("0")},
		{"freezer.self_freezing", readable, says("0")},
		{"freezer.state", settable, says("THAWED")}, // nobody looks while it is frozen
	},
	"memory": {
		{"cgroup.event_control", writable, nil},
		{"memory.failcnt", settable, says("0")},
		{"memory.force_empty", writable, nil},
		{"memory.kmem.failcnt", settable, says("0")},
		{"memory.kmem.limit_in_bytes", settable, number64(func(fs *cgroupFS) int64 { return orElse(fs.host().KernelMemory, noLimit) })},
		{"memory.kmem.max_usage_in_bytes", settable, says("0")},
		{"memory.kmem.slabinfo", readable, func(*cgroupFS) string { return "" }},
		{"memory.kmem.tcp.failcnt", settable, says("0")},
		{"memory.kmem.tcp.limit_in_bytes", settable, says(fmt.Sprint(int64(noLimit)))},
		{"memory.kmem.tcp.max_usage_in_bytes", settable, says("0")},
		{"memory.kmem.tcp.usage_in_bytes", readable, says("0")},
		{"memory.kmem.usage_in_bytes", readable, says("0")},
		{"memory.limit_in_bytes", settable, number64(func(fs *cgroupFS) int64 { return orElse(fs.host().Memory, noLimit) })},
		{"memory.max_usage_in_bytes", settable, number64((*cgroupFS).memory)},
		{"memory.memsw.failcnt", settable, says("0")},
		{"memory.memsw.limit_in_bytes", settable, number64(func(fs *cgroupFS) int64 {
			if n := fs.host().MemorySwap; n > 0 {
				return n
			}
			return noLimit
		})},
		{"memory.memsw.max_usage_in_bytes", settable, number64((*cgroupFS).memory)},
		{"memory.memsw.usage_in_bytes", readable, number64((*cgroupFS).memory)},
		{"memory.move_charge_at_immigrate", settable, says("0")},
		{"memory.numa_stat", readable, func(fs *cgroupFS) string { return fmt.Sprintf("total=%d N0=%[1]d\n", fs.memory()>>12) }},
		{"memory.oom_control", settable, func(fs *cgroupFS) string {
			off := 0
			if d := fs.host().OomKillDisable; d != nil && *d {
				off = 1
			}
			return fmt.Sprintf("oom_kill_disable %d\nunder_oom 0\noom_kill 0\n", off)
		}},
		{"memory.pressure_level", 0, nil},
		{"memory.soft_limit_in_bytes", settable, number64(func(fs *cgroupFS) int64 { return orElse(fs.host().MemoryReservation, noLimit) })},
		{"memory.stat", readable, func(fs *cgroupFS) string {
			return fmt.Sprintf("cache 0\nrss %d\nrss_huge 0\nshmem 0\nmapped_file 0\ndirty 0\nwriteback 0\nswap 0\nhierarchical_memory_limit %d\n",
				fs.memory(), orElse(fs.host().Memory, noLimit))
		}},
		{"memory.swappiness", settable, number64(func(fs *cgroupFS) int64 {
			if s := fs.host().MemorySwappiness; s != nil {
				return *s
			}
			return 60
		})},
		{"memory.usage_in_bytes", readable, number64((*cgroupFS).memory)},
		{"memory.use_hierarchy", settable, says("1")},
	},
	"pids": {
		{"pids.current", readable, func(fs *cgroupFS) string { return fmt.Sprintln(len(fs.box.Pids())) }},
		{"pids.events", readable, says("max 0")},
		{"pids.max", settable, func(fs *cgroupFS) string {
			if p := fs.host().PidsLimit; p != nil && *p > 0 {
				return fmt.Sprintln(*p)
			}
			return "max\n"
		}},
	},
}

func orElse[T comparable](v, or T) T {
	var zero T
	if v == zero {
		return or
	}
	return v
}

// memoryOfProcess is what a process takes besides the memory that is charged to it.
const memoryOfProcess = 400 << 10

// memoryOf is how many bytes the processes of a container hold.
func memoryOf(box *kernel.Sandbox) int64 {
	return box.Memory() + int64(len(box.Pids()))*memoryOfProcess
}

// host is the container's options as they are now: docker update changes them.
func (fs *cgroupFS) host() ctypes.HostConfig {
	if c, ok := fs.e.State().Containers.Get(fs.id); ok {
		return *c.Host
	}
	return ctypes.HostConfig{}
}

func (fs *cgroupFS) memory() int64 { return memoryOf(fs.box) }

func (fs *cgroupFS) cpuTime() int64 {
	var n int64
	for _, p := range fs.box.Procs() {
		n += int64(p.CPU)
	}
	return n
}

// cfs is the period and the quota of --cpus, or of the options that set them singly, in µs.
func (fs *cgroupFS) cfs() (period, quota int64) {
	h := fs.host()
	if h.NanoCPUs > 0 {
		return 100000, h.NanoCPUs / 10000
	}
	return orElse(h.CPUPeriod, 100000), orElse(h.CPUQuota, -1)
}

func (fs *cgroupFS) pids() string {
	var b strings.Builder
	for _, n := range fs.box.Pids() {
		fmt.Fprintln(&b, n)
	}
	return b.String()
}

// devices are the devices that a container may use: the engine's list, and its options'.
func (fs *cgroupFS) devices() string {
	h := fs.host()
	if h.Privileged {
		return "a *:* rwm\n"
	}
	var b strings.Builder
	b.WriteString("b *:* m\nc *:* m\n")
	for _, d := range h.Devices {
		if st, err := fs.e.hostDevice(d.PathOnHost); err == nil {
			kind := 'c'
			if st.Mode&linux.S_IFMT == linux.S_IFBLK {
				kind = 'b'
			}
			fmt.Fprintf(&b, "%c %d:%d %s\n", kind, st.Rdev.Major(), st.Rdev.Minor(), d.CgroupPermissions)
		}
	}
	for _, rule := range h.DeviceCgroupRules {
		fmt.Fprintln(&b, rule)
	}
	b.WriteString("c 1:3 rwm\nc 1:5 rwm\nc 1:7 rwm\nc 1:8 rwm\nc 1:9 rwm\nc 5:0 rwm\nc 5:2 rwm\nc 10:200 rwm\nc 136:* rwm\n")
	return b.String()
}

func (fs *cgroupFS) Type() string  { return "cgroup" }
func (fs *cgroupFS) Root() vfs.Ino { return 1 }

func (fs *cgroupFS) Lookup(dir vfs.Ino, name string) (vfs.Ino, error) {
	if dir != 1 {
		return 0, linux.ENOTDIR
	}
	for i, f := range fs.files {
		if f.name == name {
			return vfs.Ino(i + 2), nil
		}
	}
	return 0, linux.ENOENT
}

func (fs *cgroupFS) Parent(vfs.Ino) (vfs.Ino, error) { return 1, nil }

func (fs *cgroupFS) Stat(ino vfs.Ino) (vfs.Stat, error) {
	now := fs.e.k.Now()
	st := vfs.Stat{Ino: ino, Nlink: 1, Atime: now, Mtime: now, Ctime: now}
	switch i := int(ino) - 2; {
	case ino == 1:
		st.Mode, st.Nlink = linux.S_IFDIR|0o755, 2
	case i >= 0 && i < len(fs.files):
		st.Mode = linux.S_IFREG | fs.files[i].mode
	default:
		return st, linux.ENOENT
	}
	return st, nil
}

func (fs *cgroupFS) ReadDir(vfs.Ino) ([]vfs.Dirent, error) {
	var list []vfs.Dirent
	for i, f := range fs.files {
		list = append(list, vfs.Dirent{Name: f.name, Ino: vfs.Ino(i + 2), Mode: linux.S_IFREG})
	}
	return list, nil
}

func (fs *cgroupFS) ReadAt(ino vfs.Ino, p []byte, off int64) (int, error) {
	i := int(ino) - 2
	if i < 0 || i >= len(fs.files) {
		return 0, linux.EISDIR
	}
	if fs.files[i].text == nil {
		return 0, linux.EINVAL
	}
	text := fs.files[i].text(fs)
	if off >= int64(len(text)) {
		return 0, io.EOF
	}
	n := copy(p, text[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (fs *cgroupFS) Readlink(vfs.Ino) (string, error) { return "", linux.EINVAL }
func (fs *cgroupFS) CopyUp(dir vfs.Ino, name string) (vfs.Ino, error) {
	if dir == 0 {
		return 1, nil
	}
	return fs.Lookup(dir, name)
}
func (fs *cgroupFS) Create(vfs.Ino, string, vfs.Node) (vfs.Ino, error) { return 0, linux.EACCES }
func (fs *cgroupFS) Link(vfs.Ino, string, vfs.Ino, string) error       { return linux.EPERM }
func (fs *cgroupFS) Unlink(vfs.Ino, string) error                      { return linux.EPERM }
func (fs *cgroupFS) Rmdir(vfs.Ino, string) error                       { return linux.EPERM }
func (fs *cgroupFS) Rename(vfs.Ino, string, vfs.Ino, string) error     { return linux.EPERM }
func (fs *cgroupFS) SetAttr(vfs.Ino, vfs.Attr) error                   { return linux.EACCES }
func (fs *cgroupFS) WriteAt(vfs.Ino, []byte, int64) (int, error)       { return 0, linux.EACCES }
func (fs *cgroupFS) Pin(vfs.Ino)                                       {}
func (fs *cgroupFS) Unpin(vfs.Ino)                                     {}
func (fs *cgroupFS) Statfs() vfs.Statfs                                { return vfs.Statfs{} }

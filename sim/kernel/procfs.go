package kernel

import (
	"fmt"
	"io"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// procFS is /proc of a sandbox: made up at each look from what the kernel knows. Its inode numbers
// are pid*procSpan + what; pid 0 is the part that is no process's.
type procFS struct {
	readOnlyFS
	k      *Kernel
	box    *Sandbox
	static []staticEntry // by what; static[procRoot] is the root
	byName map[string]int
}

const (
	procSpan = 8192
	procRoot = 1
	procFd   = 4096 // + descriptor
)

// What there is of a process.
const (
	prDir = iota
	prCmdline
	prComm
	prStatus
	prStat
	prEnviron
	prExe
	prCwd
	prRoot
	prFd
	prMounts
	prMountinfo
	prLimits
	prCgroup
	prStatm
	prOomScoreAdj
	prMaps
	prNetDir
	prFirstFree
)

var prNames = [...]string{prCmdline: "cmdline", prComm: "comm", prStatus: "status", prStat: "stat", prEnviron: "environ",
	prExe: "exe", prCwd: "cwd", prRoot: "root", prFd: "fd", prMounts: "mounts", prMountinfo: "mountinfo", prLimits: "limits",
	prCgroup: "cgroup", prStatm: "statm", prOomScoreAdj: "oom_score_adj", prMaps: "maps", prNetDir: "net"}

type staticEntry struct {
	path string // below /proc, "" the root
	mode linux.Mode
	link string
	text func(fs *procFS) string
}

// NewProcFS is a file system for /proc of the sandbox.
func (s *Sandbox) NewProcFS() vfs.Filesystem {
	fs := &procFS{k: s.k, box: s, static: make([]staticEntry, procRoot+1), byName: map[string]int{}}
	fs.static[procRoot] = staticEntry{mode: linux.S_IFDIR | 0o555}
	fs.byName[""] = procRoot
	add := func(e staticEntry) {
		for i := range e.path {
			if e.path[i] == '/' {
				if d := e.path[:i]; fs.byName[d] == 0 {
					fs.byName[d] = len(fs.static)
					fs.static = append(fs.static, staticEntry{path: d, mode: linux.S_IFDIR | 0o555})
				}
			}
		}
		fs.byName[e.path] = len(fs.static)
		fs.static = append(fs.static, e)
	}
	for _, e := range procStatic {
		name, sys := strings.CutPrefix(e.path, "sys/")
		if v, ok := s.cfg.Sysctls[strings.ReplaceAll(name, "/", ".")]; sys && ok {
			e.text = fixed(v + "\n")
		}
		add(e)
	}
	return fs
}

func fixed(text string) func(*procFS) string { return func(*procFS) string { return text } }

var procStatic = []staticEntry{
	{path: "self", mode: linux.S_IFLNK | 0o777},
	{path: "thread-self", mode: linux.S_IFLNK | 0o777},
	{path: "mounts", mode: linux.S_IFLNK | 0o777, link: "self/mounts"},
	{path: "net", mode: linux.S_IFLNK | 0o777, link: "self/net"},
	{path: "cmdline", mode: linux.S_IFREG | 0o444, text: fixed("BOOT_IMAGE=/boot/vmlinuz-" + Release + " root=/dev/vda1 ro quiet\n")},
	{path: "cpuinfo", mode: linux.S_IFREG | 0o444, text: func(*procFS) string {
		var b strings.Builder
		for i := range machineCPUs {
			fmt.Fprintf(&b, "processor\t: %d\nvendor_id\t: DockerLab\ncpu family\t: 6\nmodel\t\t: 1\nmodel name\t: Simulated CPU\nstepping\t: 0\ncpu MHz\t\t: 1000.000\ncache size\t: 4096 KB\nphysical id\t: 0\nsiblings\t: 2\ncore id\t\t: %d\ncpu cores\t: 2\nfpu\t\t: yes\nflags\t\t: fpu sse sse2\nbogomips\t: 2000.00\n\n", i, i)
		}
		return b.String()
	}},
	{path: "meminfo", mode: linux.S_IFREG | 0o444, text: func(fs *procFS) string {
		used := fs.box.memory >> 10
		return fmt.Sprintf("MemTotal:        4026532 kB\nMemFree:         %7d kB\nMemAvailable:    %7d kB\nBuffers:           65536 kB\nCached:           524288 kB\nSwapCached:            0 kB\nActive:           262144 kB\nInactive:         262144 kB\nSwapTotal:             0 kB\nSwapFree:              0 kB\nShmem:              1024 kB\nSReclaimable:      65536 kB\n", 2919824-used, 3574000-used)
	}},
	{path: "uptime", mode: linux.S_IFREG | 0o444, text: func(fs *procFS) string {
		up := fs.k.Now().Sub(fs.k.boot).Seconds() + 60
		return fmt.Sprintf("%.2f %.2f\n", up, up*1.9)
	}},
	{path: "loadavg", mode: linux.S_IFREG | 0o444, text: func(fs *procFS) string {
		n := len(fs.k.procs)
		return fmt.Sprintf("0.00 0.01 0.05 1/%d %d\n", n, fs.k.lastPid)
	}},
	{path: "version", mode: linux.S_IFREG | 0o444, text: fixed("Linux version " + Release + " (debian-kernel@lists.debian.org) (gcc-12 (Debian 12.2.0-14) 12.2.0, GNU ld (GNU Binutils for Debian) 2.40) " + Version + "\n")},
	{path: "filesystems", mode: linux.S_IFREG | 0o444, text: fixed("nodev\tsysfs\nnodev\ttmpfs\nnodev\tproc\nnodev\tdevtmpfs\nnodev\tdevpts\nnodev\tmqueue\n\text4\nnodev\toverlay\n")},
	{path: "stat", mode: linux.S_IFREG | 0o444, text: func(fs *procFS) string {
		return fmt.Sprintf("cpu  100 0 100 100000 10 0 0 0 0 0\ncpu0 50 0 50 50000 5 0 0 0 0 0\ncpu1 50 0 50 50000 5 0 0 0 0 0\nintr 0\nctxt 1000\nbtime %d\nprocesses %d\nprocs_running 1\nprocs_blocked 0\n", fs.k.boot.Unix()-60, fs.k.lastPid)
	}},
	{path: "swaps", mode: linux.S_IFREG | 0o444, text: fixed("Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n")},
	{path: "partitions", mode: linux.S_IFREG | 0o444, text: fixed("major minor  #blocks  name\n\n 254        0   16777216 vda\n 254        1   16776192 vda1\n")},
	{path: "devices", mode: linux.S_IFREG | 0o444, text: fixed("Character devices:\n  1 mem\n  5 /dev/tty\n136 pts\n\nBlock devices:\n254 virtblk\n")},
	{path: "acpi", mode: linux.S_IFDIR | 0o555},
	{path: "bus", mode: linux.S_IFDIR | 0o555},
	{path: "fs", mode: linux.S_IFDIR | 0o555},
	{path: "irq", mode: linux.S_IFDIR | 0o555},
	{path: "keys", mode: linux.S_IFREG | 0o444, text: fixed("")},
	{path: "timer_list", mode: linux.S_IFREG | 0o400, text: fixed("")},
	{path: "modules", mode: linux.S_IFREG | 0o444, text: fixed("")},
	{path: "sys/kernel/hostname", mode: linux.S_IFREG | 0o644, text: func(fs *procFS) string { return fs.box.cfg.Hostname + "\n" }},
	{path: "sys/kernel/ostype", mode: linux.S_IFREG | 0o444, text: fixed("Linux\n")},
	{path: "sys/kernel/osrelease", mode: linux.S_IFREG | 0o444, text: fixed(Release + "\n")},
	{path: "sys/kernel/version", mode: linux.S_IFREG | 0o444, text: fixed(Version + "\n")},
	{path: "sys/kernel/pid_max", mode: linux.S_IFREG | 0o644, text: fixed("4194304\n")},
	{path: "sys/kernel/threads-max", mode: linux.S_IFREG | 0o644, text: fixed("31314\n")},
	{path: "sys/kernel/shmmax", mode: linux.S_IFREG | 0o644, text: fixed("18446744073692774399\n")},
	{path: "sys/kernel/random/uuid", mode: linux.S_IFREG | 0o444, text: func(fs *procFS) string { return fs.k.uuid() + "\n" }},
	{path: "sys/kernel/random/boot_id", mode: linux.S_IFREG | 0o444, text: fixed("5f3c9c1e-6d0c-4a55-9f0f-3a1d6d1c0b27\n")},
	{path: "sys/kernel/random/entropy_avail", mode: linux.S_IFREG | 0o444, text: fixed("256\n")},
	{path: "sys/fs/file-max", mode: linux.S_IFREG | 0o644, text: fixed("9223372036854775807\n")},
	{path: "sys/net/core/somaxconn", mode: linux.S_IFREG | 0o644, text: fixed("4096\n")},
	{path: "sys/net/ipv4/ip_forward", mode: linux.S_IFREG | 0o644, text: fixed("1\n")},
	{path: "sys/net/ipv4/ip_local_port_range", mode: linux.S_IFREG | 0o644, text: fixed("32768\t60999\n")},
	{path: "sys/net/ipv4/ip_unprivileged_port_start", mode: linux.S_IFREG | 0o644, text: fixed("0\n")},
	{path: "sys/net/ipv4/ping_group_range", mode: linux.S_IFREG | 0o644, text: func(fs *procFS) string {
		if fs.box.cfg.Host {
			return "1\t0\n"
		}
		return "0\t2147483647\n"
	}},
	{path: "sys/vm/overcommit_memory", mode: linux.S_IFREG | 0o644, text: fixed("0\n")},
	{path: "sys/vm/max_map_count", mode: linux.S_IFREG | 0o644, text: fixed("65530\n")},
	{path: "sys/vm/swappiness", mode: linux.S_IFREG | 0o644, text: fixed("60\n")},
}

func (k *Kernel) uuid() string {
	id := k.NewID()
	return id[:8] + "-" + id[8:12] + "-4" + id[13:16] + "-a" + id[17:20] + "-" + id[20:32]
}

// current is the process that runs now, or nil.
func (k *Kernel) current() *Proc {
	if t := k.sched.cur; t != nil {
		return t.proc
	}
	return nil
}

func (fs *procFS) Type() string  { return "proc" }
func (fs *procFS) Root() vfs.Ino { return procRoot }

func split(ino vfs.Ino) (pid, what int) { return int(ino / procSpan), int(ino % procSpan) }
func join(pid, what int) vfs.Ino        { return vfs.Ino(pid)*procSpan + vfs.Ino(what) }

// proc finds a process by the sandbox's number of it.
func (fs *procFS) proc(pid int) *Proc {
	return fs.box.pids.procs[pid]
}

// asSeen is a process of the sandbox to see others by.
func (fs *procFS) asSeen() *Proc { return &Proc{k: fs.k, box: fs.box} }

func (fs *procFS) pids() []int {
	var out []int
	for n := range fs.box.pids.procs {
		out = append(out, n)
	}
	sort.Ints(out)
	return out
}

func (fs *procFS) Lookup(dir vfs.Ino, name string) (vfs.Ino, error) {
	pid, what := split(dir)
	if pid == 0 {
		d := fs.static[what].path
		if d != "" {
			d += "/"
		}
		if n := fs.byName[d+name]; n != 0 {
			return join(0, n), nil
		}
		if n, err := strconv.Atoi(name); err == nil && what == procRoot && n > 0 && name[0] != '0' && name[0] != '+' && fs.proc(n) != nil {
			return join(n, prDir), nil
		}
		return 0, linux.ENOENT
	}
	p := fs.proc(pid)
	if p == nil {
		return 0, linux.ENOENT
	}
	switch what {
	case prDir:
		if i := slices.Index(prNames[:], name); i > 0 {
			return join(pid, i), nil
		}
	case prFd:
		if n, err := strconv.Atoi(name); err == nil && n >= 0 && n < procSpan-procFd {
			if _, err := p.file(n); err == nil {
				return join(pid, procFd+n), nil
			}
		}
	case prNetDir:
		if i := slices.Index(netFiles, name); i >= 0 {
			return join(pid, prFirstFree+i), nil
		}
	}
	return 0, linux.ENOENT
}

var netFiles = []string{"dev", "route", "tcp", "tcp6", "udp", "unix"}

func (fs *procFS) Parent(dir vfs.Ino) (vfs.Ino, error) {
	pid, what := split(dir)
	switch {
	case pid == 0:
		d := fs.static[what].path
		if i := strings.LastIndexByte(d, '/'); i >= 0 {
			return join(0, fs.byName[d[:i]]), nil
		}
		return procRoot, nil
	case what == prDir:
		return procRoot, nil
	}
	return join(pid, prDir), nil
}

func (fs *procFS) mode(ino vfs.Ino) linux.Mode {
	pid, what := split(ino)
	switch {
	case pid == 0:
		return fs.static[what].mode
	case what == prDir || what == prNetDir:
		return linux.S_IFDIR | 0o555
	case what == prFd:
		return linux.S_IFDIR | 0o500
	case what == prExe || what == prCwd || what == prRoot:
		return linux.S_IFLNK | 0o777
	case what >= procFd:
		return linux.S_IFLNK | 0o700
	case what == prEnviron:
		return linux.S_IFREG | 0o400
	case what == prComm || what == prOomScoreAdj:
		return linux.S_IFREG | 0o644
	}
	return linux.S_IFREG | 0o444
}

func (fs *procFS) Stat(ino vfs.Ino) (vfs.Stat, error) {
	pid, what := split(ino)
	now := fs.k.Now()
	st := vfs.Stat{Ino: ino, Nlink: 1, Mode: fs.mode(ino), Atime: now, Mtime: now, Ctime: now}
	if pid != 0 {
		p := fs.proc(pid)
		if p == nil {
			return st, linux.ENOENT
		}
		if what == prDir || what >= procFd || what == prFd || what == prEnviron {
			st.UID, st.GID = p.view.Cred.UID, p.view.Cred.GID
		}
	}
	if st.Mode.IsDir() {
		st.Nlink = 2
	}
	if st.Mode.IsSymlink() && pid != 0 {
		st.Size = 64
	}
	return st, nil
}

func (fs *procFS) ReadDir(dir vfs.Ino) ([]vfs.Dirent, error) {
	pid, what := split(dir)
	var out []vfs.Dirent
	add := func(name string, ino vfs.Ino) {
		out = append(out, vfs.Dirent{Name: name, Ino: ino, Mode: fs.mode(ino).Type()})
	}
	if pid == 0 {
		prefix := fs.static[what].path
		if prefix != "" {
			prefix += "/"
		} else {
			for _, n := range fs.pids() {
				add(strconv.Itoa(n), join(n, prDir))
			}
		}
		for i, e := range fs.static {
			if i > procRoot && strings.HasPrefix(e.path, prefix) && !strings.Contains(e.path[len(prefix):], "/") {
				add(e.path[len(prefix):], join(0, i))
			}
		}
		return out, nil
	}
	p := fs.proc(pid)
	if p == nil {
		return nil, linux.ENOENT
	}
	switch what {
	case prDir:
		for i, n := range prNames {
			if n != "" {
				add(n, join(pid, i))
			}
		}
	case prFd:
		for _, fd := range p.Fds() {
			add(strconv.Itoa(fd), join(pid, procFd+fd))
		}
	case prNetDir:
		for i, n := range netFiles {
			add(n, join(pid, prFirstFree+i))
		}
	default:
		return nil, linux.ENOTDIR
	}
	return out, nil
}

func (fs *procFS) Readlink(ino vfs.Ino) (string, error) {
	pid, what := split(ino)
	if pid == 0 {
		e := fs.static[what]
		switch e.path {
		case "self", "thread-self":
			p := fs.k.current()
			if p == nil || p.box.pids != fs.box.pids && !fs.box.pids.host {
				return "", linux.ENOENT
			}
			n := fs.asSeen().number(p)
			if e.path == "self" {
				return strconv.Itoa(n), nil
			}
			return fmt.Sprintf("%d/task/%d", n, n), nil
		}
		return e.link, nil
	}
	p := fs.proc(pid)
	if p == nil || p.view == nil {
		return "", linux.ENOENT
	}
	if c := fs.k.current(); c != nil && c.view != nil && c.view.Cred.UID != p.view.Cred.UID && !c.view.Cred.Has(vfs.CapSysPtrace) && c.view.Cred.UID != 0 {
		return "", linux.EACCES
	}
	switch {
	case what == prExe:
		if p.exe == "" || p.zombie {
			return "", linux.ENOENT
		}
		return p.exe, nil
	case what == prCwd:
		return p.view.Getwd()
	case what == prRoot:
		return "/", nil
	case what >= procFd:
		f, err := p.file(what - procFd)
		if err != nil {
			return "", linux.ENOENT
		}
		return f.pathFor(p), nil
	}
	return "", linux.EINVAL
}

// FollowMagic leads from /proc/PID/fd/N to the open file itself, and from cwd and root to the
// places.
func (fs *procFS) FollowMagic(ino vfs.Ino) (vfs.Ref, bool, error) {
	pid, what := split(ino)
	if pid == 0 {
		return vfs.Ref{}, false, nil
	}
	p := fs.proc(pid)
	if p == nil || p.view == nil {
		return vfs.Ref{}, true, linux.ENOENT
	}
	switch {
	case what == prCwd:
		return p.view.Cwd(), true, nil
	case what == prRoot:
		return p.view.RootDir(), true, nil
	case what == prExe:
		r, err := p.view.Resolve(p.exe, true)
		return r, true, err
	case what >= procFd:
		f, err := p.file(what - procFd)
		if err != nil {
			return vfs.Ref{}, true, linux.ENOENT
		}
		if d, ok := f.ops.(*directory); ok {
			r := f.ref
			r.Ino = d.ref.Ino
			return r, true, nil
		}
		return vfs.Ref{Opened: f}, true, nil
	}
	return vfs.Ref{}, false, nil
}

func (fs *procFS) text(ino vfs.Ino) (string, error) {
	pid, what := split(ino)
	if pid == 0 {
		if t := fs.static[what].text; t != nil {
			return t(fs), nil
		}
		return "", linux.EISDIR
	}
	p := fs.proc(pid)
	if p == nil {
		return "", linux.ESRCH
	}
	seen := p.info(fs.asSeen())
	switch what {
	case prCmdline:
		if len(seen.Cmdline) == 0 {
			return "", nil
		}
		return strings.Join(seen.Cmdline, "\x00") + "\x00", nil
	case prComm:
		return p.comm + "\n", nil
	case prEnviron:
		if len(p.env) == 0 {
			return "", nil
		}
		return strings.Join(p.env, "\x00") + "\x00", nil
	case prStatus:
		return p.statusText(seen), nil
	case prStat:
		tty, fg := 0, -1
		if t := p.group.session.tty; t != nil {
			tty = 136<<8 | t.num
			if t.foreground != nil {
				fg = fs.asSeen().groupNumber(t.foreground)
			}
		}
		start := int64(seen.Started.Sub(fs.k.boot).Seconds()*100) + 6000
		return fmt.Sprintf("%d (%s) %c %d %d %d %d %d 4194304 100 0 0 0 %d 0 0 0 %d %d 1 0 %d 2560000 400 18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n",
			seen.Pid, p.comm, seen.State, seen.Ppid, seen.Pgid, seen.Sid, tty, fg, seen.CPU.Milliseconds()/10, 20+p.nice, p.nice, start), nil
	case prStatm:
		return "625 400 300 200 0 100 0\n", nil
	case prMounts:
		return p.mountsText(false), nil
	case prMountinfo:
		return p.mountsText(true), nil
	case prLimits:
		return p.limitsText(), nil
	case prCgroup:
		if fs.box.cfg.Host || p.box.cfg.Host {
			return "0::/init.scope\n", nil
		}
		if p.box.cfg.Cgroups != "" {
			return p.box.cfg.Cgroups, nil
		}
		return "0::/\n", nil
	case prOomScoreAdj:
		return fmt.Sprintf("%d\n", p.box.cfg.OOMScoreAdj), nil
	case prMaps:
		return "", nil
	}
	if i := what - prFirstFree; i >= 0 && i < len(netFiles) {
		return p.netText(netFiles[i]), nil
	}
	return "", linux.EISDIR
}

func (p *Proc) statusText(i ProcInfo) string {
	state := map[byte]string{'R': "R (running)", 'S': "S (sleeping)", 'T': "T (stopped)", 'Z': "Z (zombie)"}[i.State]
	var ign, cgt uint64
	for s, d := range p.disposition {
		if d == Ignore {
			ign |= 1 << (s - 1)
		} else if d == Catch {
			cgt |= 1 << (s - 1)
		}
	}
	c := i.Cred
	noNew, seccomp, filters := 0, 2, 1
	if p.box.cfg.NoNewPrivs || p.noNewPrivs {
		noNew = 1
	}
	if p.box.cfg.Unfiltered || p.box.cfg.Host {
		seccomp, filters = 0, 0
	}
	var groups strings.Builder
	for _, g := range c.Groups {
		fmt.Fprintf(&groups, "%d ", g)
	}
	return fmt.Sprintf("Name:\t%s\nUmask:\t%04o\nState:\t%s\nTgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\nTracerPid:\t0\nUid:\t%d\t%d\t%d\t%d\nGid:\t%d\t%d\t%d\t%d\nFDSize:\t64\nGroups:\t%s\nNStgid:\t%d\nNSpid:\t%d\nNSpgid:\t%d\nNSsid:\t%d\nVmSize:\t    2500 kB\nVmRSS:\t    1600 kB\nThreads:\t1\nSigIgn:\t%016x\nSigCgt:\t%016x\nCapInh:\t%016x\nCapPrm:\t%016x\nCapEff:\t%016x\nCapBnd:\t%016x\nCapAmb:\t0000000000000000\nNoNewPrivs:\t%d\nSeccomp:\t%d\nSeccomp_filters:\t%d\n",
		p.comm, p.view.Umask, state, i.Pid, i.Pid, i.Ppid, c.RUID, c.UID, c.SUID, c.UID, c.RGID, c.GID, c.SGID, c.GID, groups.String(),
		i.Pid, i.Pid, i.Pgid, i.Sid, ign, cgt, 0, uint64(c.Effective), uint64(c.Effective), uint64(c.Bounding), noNew, seccomp, filters)
}

func (p *Proc) mountsText(info bool) string {
	var b strings.Builder
	for i, m := range p.view.NS.Mounts() {
		rw := "rw"
		if m.ReadOnly {
			rw = "ro"
		}
		opts := rw
		if m.Options != "" {
			opts += "," + m.Options
		}
		if info {
			fmt.Fprintf(&b, "%d %d %d:%d / %s %s - %s %s %s\n", 500+i, 499, m.Dev.Major(), m.Dev.Minor(), m.Path, opts, m.FS.Type(), m.Source, rw)
			continue
		}
		fmt.Fprintf(&b, "%s %s %s %s 0 0\n", m.Source, m.Path, m.FS.Type(), opts)
	}
	return b.String()
}

func (p *Proc) limitsText() string {
	rows := []struct {
		name, unit string
		res        int
	}{
		{"Max cpu time", "seconds", 0}, {"Max file size", "bytes", 1}, {"Max data size", "bytes", 2}, {"Max stack size", "bytes", RLIMIT_STACK},
		{"Max core file size", "bytes", RLIMIT_CORE}, {"Max resident set", "bytes", 5}, {"Max processes", "processes", RLIMIT_NPROC}, {"Max open files", "files", RLIMIT_NOFILE},
		{"Max locked memory", "bytes", 8}, {"Max address space", "bytes", 9}, {"Max file locks", "locks", 10}, {"Max pending signals", "signals", 11},
		{"Max msgqueue size", "bytes", 12}, {"Max nice priority", "", 13}, {"Max realtime priority", "", 14}, {"Max realtime timeout", "us", 15},
	}
	word := func(n uint64) string {
		if n == ^uint64(0) {
			return "unlimited"
		}
		return strconv.FormatUint(n, 10)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units")
	for _, r := range rows {
		l := p.Getrlimit(r.res)
		fmt.Fprintf(&b, "%-25s %-20s %-20s %-10s\n", r.name, word(l.Cur), word(l.Max), r.unit)
	}
	return b.String()
}

func (p *Proc) netText(name string) string {
	ns := p.box.cfg.Net
	var b strings.Builder
	switch name {
	case "dev":
		b.WriteString("Inter-|   Receive                                                |  Transmit\n face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n")
		for _, n := range append([]Iface{{Name: "lo"}}, ns.ifaces...) {
			fmt.Fprintf(&b, "%6s: %7d %7d    0    0    0     0          0         0 %8d %7d    0    0    0     0       0          0\n", n.Name, 0, 0, 0, 0)
		}
	case "route":
		b.WriteString("Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n")
		hex := func(a [4]byte) string { return fmt.Sprintf("%02X%02X%02X%02X", a[3], a[2], a[1], a[0]) }
		for i, f := range ns.ifaces {
			if f.Network == nil || !f.Addr.Addr().Is4() {
				continue
			}
			if i == ns.DefaultIface() && !ns.host && f.Network.Gateway.Is4() {
				fmt.Fprintf(&b, "%s\t00000000\t%s\t0003\t0\t0\t0\t00000000\t0\t0\t0\n", f.Name, hex(f.Network.Gateway.As4()))
			}
			mask := ^uint32(0) << (32 - f.Addr.Bits())
			fmt.Fprintf(&b, "%s\t%s\t00000000\t0001\t0\t0\t0\t%02X%02X%02X%02X\t0\t0\t0\n", f.Name, hex(f.Addr.Masked().Addr().As4()), byte(mask), byte(mask>>8), byte(mask>>16), byte(mask>>24))
		}
	case "tcp", "tcp6":
		b.WriteString("  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n")
		i := 0
		for _, a := range ns.sortedListeners() {
			if a.Addr().Is4() != (name == "tcp") {
				continue
			}
			raw := a.Addr().AsSlice()
			for j := 0; j+4 <= len(raw); j += 4 {
				raw[j], raw[j+1], raw[j+2], raw[j+3] = raw[j+3], raw[j+2], raw[j+1], raw[j]
			}
			fmt.Fprintf(&b, "%4d: %X:%04X %s:0000 0A 00000000:00000000 00:00000000 00000000     0        0 %d 1 0000000000000000 100 0 0 10 0\n", i, raw, a.Port(), strings.Repeat("0", 2*len(raw)), 20000+i)
			i++
		}
	case "udp":
		b.WriteString("   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n")
	case "unix":
		b.WriteString("Num       RefCount Protocol Flags    Type St Inode Path\n")
	}
	return b.String()
}

func (fs *procFS) ReadAt(ino vfs.Ino, b []byte, off int64) (int, error) {
	s, err := fs.text(ino)
	if err != nil {
		return 0, err
	}
	if off >= int64(len(s)) {
		return 0, io.EOF
	}
	n := copy(b, s[off:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// open fixes what a file of /proc says at the moment it is opened.
func (fs *procFS) open(ino vfs.Ino) (fileOps, error) {
	if fs.mode(ino).IsDir() {
		return &directory{}, nil
	}
	s, err := fs.text(ino)
	if err != nil {
		return nil, err
	}
	st, err := fs.Stat(ino)
	return &procFile{fs: fs, ino: ino, text: s, st: st}, err
}

type procFile struct {
	fs   *procFS
	ino  vfs.Ino
	text string
	st   vfs.Stat
}

func (f *procFile) read(_ *task, file *File, b []byte) (int, error) {
	if file.pos >= int64(len(f.text)) {
		return 0, nil
	}
	n := copy(b, f.text[file.pos:])
	file.pos += int64(n)
	return n, nil
}

func (f *procFile) write(_ *task, _ *File, b []byte) (int, error) {
	pid, what := split(f.ino)
	if p := f.fs.proc(pid); pid != 0 && p != nil {
		switch what {
		case prComm:
			p.SetComm(strings.TrimSuffix(string(b), "\n"))
			return len(b), nil
		case prOomScoreAdj:
			return len(b), nil
		}
	}
	return 0, linux.EIO
}

func (f *procFile) stat(*File) (vfs.Stat, error) { return f.st, nil }
func (f *procFile) close(*File)                  {}
func (f *procFile) poll(*File) (int16, []*queue) { return POLLIN | POLLOUT, nil }

// devPts is /dev/pts of a sandbox: its terminals.
type devPts struct {
	readOnlyFS
	box *Sandbox
}

// NewDevPts is a file system for /dev/pts of the sandbox.
func (s *Sandbox) NewDevPts() vfs.Filesystem { return &devPts{box: s} }

func (fs *devPts) Type() string  { return "devpts" }
func (fs *devPts) Root() vfs.Ino { return 1 }
func (fs *devPts) Lookup(dir vfs.Ino, name string) (vfs.Ino, error) {
	if name == "ptmx" {
		return 2, nil
	}
	if n, err := strconv.Atoi(name); err == nil && fs.box.pts[n] != nil {
		return vfs.Ino(n + 3), nil
	}
	return 0, linux.ENOENT
}
func (fs *devPts) Parent(vfs.Ino) (vfs.Ino, error) { return 1, nil }
func (fs *devPts) Stat(ino vfs.Ino) (vfs.Stat, error) {
	t := fs.box.k.boot
	st := vfs.Stat{Ino: ino, Nlink: 2, Mode: linux.S_IFDIR | 0o755, Atime: t, Mtime: t, Ctime: t}
	switch {
	case ino == 2:
		st.Mode, st.Nlink, st.Rdev = linux.S_IFCHR|0o666, 1, linux.Mkdev(5, 2)
	case ino > 2:
		y := fs.box.pts[int(ino)-3]
		if y == nil {
			return st, linux.ENOENT
		}
		return y.st, nil
	}
	return st, nil
}
func (fs *devPts) ReadDir(vfs.Ino) ([]vfs.Dirent, error) {
	var nums []int
	for n := range fs.box.pts {
		nums = append(nums, n)
	}
	sort.Ints(nums)
	var out []vfs.Dirent
	for _, n := range nums {
		out = append(out, vfs.Dirent{Name: strconv.Itoa(n), Ino: vfs.Ino(n + 3), Mode: linux.S_IFCHR})
	}
	return append(out, vfs.Dirent{Name: "ptmx", Ino: 2, Mode: linux.S_IFCHR}), nil
}
func (fs *devPts) Readlink(vfs.Ino) (string, error)               { return "", linux.EINVAL }
func (fs *devPts) ReadAt(vfs.Ino, []byte, int64) (int, error)     { return 0, linux.EINVAL }
func (fs *devPts) CopyUp(d vfs.Ino, name string) (vfs.Ino, error) { return fs.Lookup(d, name) }
func (fs *devPts) SetAttr(ino vfs.Ino, a vfs.Attr) error {
	y := fs.box.pts[int(ino)-3]
	if y == nil {
		return linux.EPERM
	}
	if a.Mode != nil {
		y.st.Mode = y.st.Mode.Type() | a.Mode.Perm()
	}
	if a.UID != nil {
		y.st.UID = *a.UID
	}
	if a.GID != nil {
		y.st.GID = *a.GID
	}
	return nil
}

// readOnlyFS is the half of a Filesystem that /proc does not have.
type readOnlyFS struct{}

func (readOnlyFS) Create(vfs.Ino, string, vfs.Node) (vfs.Ino, error) { return 0, linux.ENOENT }
func (readOnlyFS) Link(vfs.Ino, string, vfs.Ino, string) error       { return linux.EPERM }
func (readOnlyFS) Unlink(vfs.Ino, string) error                      { return linux.EPERM }
func (readOnlyFS) Rmdir(vfs.Ino, string) error                       { return linux.EPERM }
func (readOnlyFS) Rename(vfs.Ino, string, vfs.Ino, string) error     { return linux.EPERM }
func (readOnlyFS) SetAttr(vfs.Ino, vfs.Attr) error                   { return nil }
func (readOnlyFS) WriteAt(vfs.Ino, []byte, int64) (int, error)       { return 0, linux.EIO }
func (readOnlyFS) Pin(vfs.Ino)                                       {}
func (readOnlyFS) Unpin(vfs.Ino)                                     {}
func (readOnlyFS) Statfs() vfs.Statfs                                { return vfs.Statfs{} }
func (fs *procFS) CopyUp(dir vfs.Ino, name string) (vfs.Ino, error) {
	if dir == 0 {
		return procRoot, nil
	}
	return fs.Lookup(dir, name)
}

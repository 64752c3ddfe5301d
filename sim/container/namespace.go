package container

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"sort"
	"strconv"
	"strings"

	ctypes "github.com/docker/docker/api/types/container"
	mtypes "github.com/docker/docker/api/types/mount"

	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/unionfs"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// etcFiles are the files in /etc that the engine writes for a container at its start, and keeps
// beside it: they are mounted over the image's.
type etcFiles struct {
	fs                       *unionfs.FS
	hosts, hostname, resolve vfs.Ino
	host                     string // the host's resolv.conf
	resolved                 string // its own, as the engine wrote it
}

// mounter puts a container's mounts together. It works inside the kernel.
type mounter struct {
	e   *Engine
	c   *Container
	ns  *vfs.Namespace
	v   *vfs.View
	box func(kind string) *unionfs.FS // a fresh, empty file system
	ipc *ipc                          // nil where it does not run
	sys *unionfs.FS                   // what standard made for /sys

	charge func(int64) error // counts the memory of a tmpfs; nil where it does not run

	// freeze, where it is set, gives what stands for a file system that others write to.
	freeze func(vfs.Filesystem) vfs.Filesystem
}

// shown is the file system that is mounted for fs.
func (m *mounter) shown(fs vfs.Filesystem) vfs.Filesystem {
	if m.freeze != nil {
		return m.freeze(fs)
	}
	return fs
}

// mountJob is a mount to be made.
type mountJob struct {
	at      string
	source  string // as errors name it: a path on the host, or "tmpfs"
	options mountOptions
	file    bool // what is mounted is no directory
	mt      *vfs.Mount
}

// procfd is what runc puts behind a target in the text of an error: it mounts by descriptor.
const procfd = " (via /proc/self/fd/6)"

// failed is why a mount could not be made, in runc's words.
func (j *mountJob) failed(format string, args ...any) error {
	return fmt.Errorf("%serror during container init: error mounting %q to rootfs at %q: %w: unknown", createFailed, j.source, j.at, fmt.Errorf(format, args...))
}

// inProc are the files of /proc that something may be mounted on.
var inProc = []string{"/proc/cpuinfo", "/proc/diskstats", "/proc/meminfo", "/proc/stat", "/proc/swaps", "/proc/uptime", "/proc/loadavg",
	"/proc/slabinfo", "/proc/net/dev", "/proc/sys/kernel/ns_last_pid"}

// mount makes a mount. What it is to cover is made if need be.
func (m *mounter) mount(j *mountJob) error {
	merged := graphDir(m.c.ID) + "/merged"
	memory := j.source == "tmpfs"
	switch {
	case memory:
	case j.at == "/proc":
		return j.failed("%q cannot be mounted because it is not of type proc", merged+j.at)
	case strings.HasPrefix(j.at, "/proc/") && !slices.Contains(inProc, j.at):
		return j.failed("%q cannot be mounted because it is inside /proc", merged+j.at)
	}
	err := m.place(j.at, j.file)
	var at *fs.PathError
	if errors.As(err, &at) {
		err = at.Err
	}
	switch {
	case err == nil:
		err = m.ns.Mount(j.at, j.mt)
	case memory:
		return j.failed("mkdir %s: %s", merged+m.obstacle(j.at), errnoText(err))
	case err == linux.ENOTDIR:
		return j.failed("open o_path procfd: open %s: %s", merged+j.at, errnoText(err))
	}
	if err != nil {
		return j.failed("%s: %s", j.options.call(j.source, j.at+procfd), errnoText(err))
	}
	return nil
}

// obstacle is the first name on the way to a path that is no directory.
func (m *mounter) obstacle(p string) string {
	at := ""
	for _, name := range strings.Split(p[1:], "/") {
		at += "/" + name
		if st, err := m.v.Stat(at); err != nil || !st.Mode.IsDir() {
			break
		}
	}
	return at
}

// place makes a mount point.
func (m *mounter) place(at string, file bool) error {
	if _, err := m.v.Stat(at); err == nil {
		return nil
	}
	// A symlink that leads nowhere is followed: what it names is made.
	at, err := m.v.InScope(at)
	if err != nil {
		return err
	}
	if !file {
		return mkdirAll(m.v, at, 0o755)
	}
	if err := mkdirAll(m.v, path.Dir(at), 0o755); err != nil {
		return err
	}
	return m.v.WriteFile(at, nil, 0o755)
}

// standard mounts what every container has: /proc, /dev, /sys and what belongs below.
func (m *mounter) standard(box *kernel.Sandbox, tty *kernel.Terminal) error {
	h := m.c.Host
	dev := m.box("tmpfs")
	if err := makeDevices(dev, tty); err != nil {
		return err
	}
	for _, d := range h.Devices {
		if err := m.addDevice(view(dev), d); err != nil {
			return err
		}
	}
	sys := m.box("sysfs")
	m.sys = sys
	for _, d := range []string{"block", "bus", "class", "dev", "devices", "firmware", "fs", "fs/cgroup", "kernel", "module", "power"} {
		if err := view(sys).Mkdir("/"+d, 0o755); err != nil {
			return err
		}
	}
	if err := sysNet(view(sys), box.Net()); err != nil {
		return err
	}
	hierarchies := m.box("tmpfs")
	type place struct {
		at string
		m  vfs.Mount
	}
	mounts := []place{
		{"/proc", vfs.Mount{FS: box.NewProcFS(), Source: "proc", Options: "nosuid,nodev,noexec,relatime"}},
		{"/dev", vfs.Mount{FS: dev, Source: "tmpfs", Options: "nosuid,size=65536k,mode=755"}},
		{"/dev/pts", vfs.Mount{FS: box.NewDevPts(), Source: "devpts", Options: "nosuid,noexec,relatime,gid=5,mode=620,ptmxmode=666"}},
		{"/sys", vfs.Mount{FS: sys, Source: "sysfs", ReadOnly: !h.Privileged, Options: "nosuid,nodev,noexec,relatime"}},
		{"/sys/fs/cgroup", vfs.Mount{FS: hierarchies, Source: "tmpfs", Options: "nosuid,nodev,noexec,relatime,mode=755"}},
	}
	for _, name := range cgroupControllers {
		dir := strings.TrimPrefix(name, "name=")
		if err := view(hierarchies).Mkdir("/"+dir, 0o755); err != nil {
			return err
		}
		mounts = append(mounts, place{"/sys/fs/cgroup/" + dir, vfs.Mount{FS: m.e.newCgroupFS(dir, m.c.ID, box), Source: "cgroup",
			ReadOnly: !h.Privileged, Options: "nosuid,nodev,noexec,relatime," + name}})
	}
	closed := linux.Mode(0o555)
	hierarchies.SetAttr(hierarchies.Root(), vfs.Attr{Mode: &closed})
	mounts = append(mounts, place{"/dev/mqueue", vfs.Mount{FS: m.ipc.mqueue, Source: "mqueue", Options: "nosuid,nodev,noexec,relatime"}})
	if !h.IpcMode.IsNone() {
		mounts = append(mounts, place{"/dev/shm", vfs.Mount{FS: m.ipc.shm, Source: "shm", Options: fmt.Sprintf("nosuid,nodev,noexec,relatime,size=%dk", m.ipc.size>>10)}})
	}
	for _, mt := range mounts {
		if err := m.place(mt.at, false); err != nil {
			return err
		}
		if err := m.ns.Mount(mt.at, &mt.m); err != nil {
			return err
		}
	}
	return nil
}

// addDevice puts a device of the host's where --device wants it, if that is below /dev.
func (m *mounter) addDevice(dev *vfs.View, d ctypes.DeviceMapping) error {
	st, err := m.e.hostDevice(d.PathOnHost)
	if err != nil {
		return refuse(Unknown, "error gathering device information while adding custom device %q: %w", d.PathOnHost, lower(err))
	}
	if t := st.Mode.Type(); t != linux.S_IFCHR && t != linux.S_IFBLK {
		return refuse(Unknown, "error gathering device information while adding custom device %q: not a device node", d.PathOnHost)
	}
	at, below := strings.CutPrefix(path.Clean(orElse(d.PathInContainer, d.PathOnHost)), "/dev")
	if !below {
		return nil
	}
	if err := mkdirAll(dev, path.Dir(at), 0o755); err != nil {
		return err
	}
	dev.Unlink(at)
	if err := dev.Mknod(at, st.Mode, st.Rdev); err != nil {
		return err
	}
	return dev.Chown(at, st.UID, st.GID, false)
}

// hostDevice finds a device on the lab's host.
func (e *Engine) hostDevice(p string) (vfs.Stat, error) {
	if e.o.Host == nil {
		return vfs.Stat{}, linux.ENOENT
	}
	return e.o.Host.View(vfs.Root(vfs.CapsAll)).Stat(p)
}

// sysNet fills /sys/class/net with the interfaces that the container has now.
func sysNet(v *vfs.View, ns *kernel.NetNS) error {
	type iface struct{ name, address, state, mtu string }
	all := []iface{{"lo", "00:00:00:00:00:00", "unknown", "65536"}}
	for _, i := range ns.Ifaces() {
		all = append(all, iface{i.Name, i.MAC, "up", strconv.Itoa(i.Network.MTU)})
	}
	if err := mkdirAll(v, "/class/net", 0o755); err != nil {
		return err
	}
	old, err := v.ReadDir("/class/net")
	if err != nil {
		return err
	}
	for _, d := range old {
		v.Unlink("/class/net/" + d.Name)
	}
	for _, i := range all {
		dir := "/devices/virtual/net/" + i.name
		if err := mkdirAll(v, dir, 0o755); err != nil {
			return err
		}
		for _, f := range [][2]string{{"address", i.address}, {"operstate", i.state}, {"mtu", i.mtu}} {
			if err := v.WriteFile(dir+"/"+f[0], []byte(f[1]+"\n"), 0o444); err != nil {
				return err
			}
		}
		if err := v.Symlink("../.."+dir, "/class/net/"+i.name); err != nil {
			return err
		}
	}
	return nil
}

// mask hides and write-protects the parts of /proc and /sys that a container must not reach.
func (m *mounter) mask() error {
	for _, p := range m.c.Host.ReadonlyPaths {
		ref, err := m.v.Resolve(p, true)
		if err != nil {
			continue
		}
		o := *ref.Mount
		mt := &vfs.Mount{FS: o.FS, Root: ref.Ino, RootDir: ref.Dir, RootName: ref.Name, ReadOnly: true, Source: o.Source, Options: o.Options}
		if err := m.ns.Mount(p, mt); err != nil {
			return err
		}
	}
	for _, p := range m.c.Host.MaskedPaths {
		st, err := m.v.Stat(p)
		if err != nil {
			continue
		}
		if st.Mode.IsDir() {
			err = m.ns.Mount(p, &vfs.Mount{FS: m.box("tmpfs"), Source: "tmpfs", ReadOnly: true, Options: "relatime"})
		} else if ref, e := m.v.Resolve("/dev/null", true); e == nil {
			err = m.ns.Mount(p, &vfs.Mount{FS: ref.Mount.FS, Root: ref.Ino, RootDir: ref.Dir, RootName: ref.Name, Source: "tmpfs", Options: ref.Mount.Options})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func sticky(fs *unionfs.FS) {
	mode := linux.Mode(0o1777)
	fs.SetAttr(fs.Root(), vfs.Attr{Mode: &mode})
}

// makeDevices fills a container's /dev; tty is its terminal, nil for none.
func makeDevices(fs *unionfs.FS, tty *kernel.Terminal) error {
	v := view(fs)
	if tty != nil {
		// the terminal that the container was given, under the name that login programs look for
		n, err := strconv.ParseUint(path.Base(tty.Name()), 10, 32)
		if err != nil {
			return fmt.Errorf("terminal %s: %w", tty.Name(), err)
		}
		if err := v.Mknod("/console", linux.S_IFCHR|0o620, linux.Mkdev(136, uint32(n))); err != nil {
			return err
		}
		if err := v.Chown("/console", 0, 5, false); err != nil {
			return err
		}
	}
	for _, d := range []struct {
		name         string
		major, minor uint32
	}{{"null", 1, 3}, {"zero", 1, 5}, {"full", 1, 7}, {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}} {
		if err := v.Mknod("/"+d.name, linux.S_IFCHR|0o666, linux.Mkdev(d.major, d.minor)); err != nil {
			return err
		}
	}
	for _, l := range [][2]string{{"pts/ptmx", "ptmx"}, {"/proc/self/fd", "fd"}, {"/proc/self/fd/0", "stdin"},
		{"/proc/self/fd/1", "stdout"}, {"/proc/self/fd/2", "stderr"}} {
		if err := v.Symlink(l[0], "/"+l[1]); err != nil {
			return err
		}
	}
	for _, d := range []string{"pts", "mqueue"} {
		if err := v.Mkdir("/"+d, 0o755); err != nil {
			return err
		}
	}
	return nil
}

// volumes mounts what the container's options ask for: volumes, binds and tmpfs, parents first,
// and the engine's files in /etc where no mount of the user's stands. Without etc, as docker cp
// sees a container, there are neither these nor tmpfs. It gives those of memory.
func (m *mounter) volumes(etc *etcFiles) ([]*unionfs.FS, error) {
	var jobs []*mountJob
	var tmp []*unionfs.FS
	addTmpfs := func(at, options string) error {
		if m.freeze != nil {
			return nil
		}
		fs, j, err := m.tmpfs(at, options)
		if err == nil {
			tmp, jobs = append(tmp, fs), append(jobs, j)
		}
		return err
	}
	covered := map[string]bool{}
	for _, mp := range m.c.Mounts {
		covered[mp.Destination] = true
		j := &mountJob{at: mp.Destination, source: mp.Source, options: mountOptions{flags: msBind | msRec}}
		var err error
		switch mp.Type {
		case mtypes.TypeVolume:
			if j.mt, err = m.e.volumeMount(mp.Name, m.freeze == nil); err != nil && KindOf(err) != NotFound {
				err = system("error while mounting volume '%s': %w", mp.Source, err)
			}
		case mtypes.TypeBind:
			j.mt, j.file, err = m.e.bind(mp)
		case mtypes.TypeTmpfs:
			if err := addTmpfs(mp.Destination, tmpfsOptions(mp.Spec)); err != nil {
				return nil, err
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		if !mp.RW {
			j.options.flags |= msReadOnly
			j.mt.ReadOnly = true
		}
		j.mt.FS = m.shown(j.mt.FS)
		jobs = append(jobs, j)
	}
	for _, dest := range slices.Sorted(maps.Keys(m.c.Host.Tmpfs)) {
		if err := addTmpfs(path.Clean(dest), m.c.Host.Tmpfs[dest]); err != nil {
			return nil, err
		}
	}
	if etc != nil {
		for _, f := range []struct {
			at  string
			ino vfs.Ino
		}{{"/etc/resolv.conf", etc.resolve}, {"/etc/hostname", etc.hostname}, {"/etc/hosts", etc.hosts}} {
			if !covered[f.at] && f.ino != 0 {
				name := path.Base(f.at)
				jobs = append(jobs, &mountJob{
					at: f.at, source: Root + "/containers/" + m.c.ID + "/" + name, options: mountOptions{flags: msBind | msRec}, file: true,
					mt: &vfs.Mount{FS: m.shown(etc.fs), Root: f.ino, RootDir: etc.fs.Root(), RootName: name, Source: "/dev/vda1",
						ReadOnly: m.c.Host.ReadonlyRootfs, Options: "relatime"},
				})
			}
		}
	}
	sort.SliceStable(jobs, func(i, j int) bool {
		return strings.Count(path.Clean(jobs[i].at), "/") < strings.Count(path.Clean(jobs[j].at), "/")
	})
	for _, j := range jobs {
		if err := m.mount(j); err != nil {
			return nil, err
		}
	}
	return tmp, nil
}

// tmpfs is an empty file system in memory. Its root has the mode of the directory that it hides,
// whatever the options say, which count where there is none.
func (m *mounter) tmpfs(at, list string) (*unionfs.FS, *mountJob, error) {
	o, err := parseTmpfsOptions(list)
	if err != nil {
		return nil, nil, err
	}
	j := &mountJob{at: at, source: "tmpfs", options: o, mt: &vfs.Mount{Source: "tmpfs"}}
	t, ok := parseTmpfsData(o.data)
	if !ok {
		return nil, nil, j.failed("%s: invalid argument", o.call("tmpfs", at+procfd))
	}
	if hidden, err := m.v.Stat(at); err == nil && hidden.Mode.IsDir() {
		t.mode = hidden.Mode.Perm()
	}
	fs := m.e.newTmpfs(t, m.charge)
	o.mount(j.mt, t.shown)
	j.mt.FS = fs
	return fs, j, nil
}

// bind is a mount of a place on the host. A directory that -v names is made if need be.
func (e *Engine) bind(mp *Mount) (mt *vfs.Mount, file bool, err error) {
	mt, file, err = e.hostMount(mp.Source)
	if err == linux.ENOENT {
		if mp.MustExist {
			return nil, false, invalid("invalid mount config for type \"bind\": bind source path does not exist: %s", mp.Source)
		}
		if err = mkdirAll(e.o.Host.View(vfs.Root(vfs.CapsAll)), mp.Source, 0o755); err == nil {
			mt, file, err = e.hostMount(mp.Source)
		}
	}
	if err != nil {
		return nil, false, system("error while creating mount source path '%s': mkdir %s: %w", mp.Source, mp.Source, err)
	}
	return mt, file, nil
}

// hostMount is a mount of a place on the host. file says that it is no directory.
func (e *Engine) hostMount(p string) (mt *vfs.Mount, file bool, err error) {
	if e.o.Host == nil {
		return nil, false, linux.EROFS
	}
	ref, err := e.o.Host.View(vfs.Root(vfs.CapsAll)).Resolve(p, true)
	if err != nil {
		return nil, false, err
	}
	st, err := ref.Stat()
	if err != nil {
		return nil, false, err
	}
	return &vfs.Mount{FS: ref.Mount.FS, Root: ref.Ino, RootDir: ref.Dir, RootName: ref.Name, Source: "/dev/vda1",
		ReadOnly: ref.Mount.ReadOnly, Options: "relatime"}, !st.Mode.IsDir(), nil
}

// hostPathExists says whether the lab's host has something at a path.
func (e *Engine) hostPathExists(p string) (ok bool) {
	if e.o.Host == nil {
		return false
	}
	e.k.Do(func() {
		_, err := e.o.Host.View(vfs.Root(vfs.CapsAll)).Stat(p)
		ok = err == nil
	})
	return ok
}

// hostname is what the lab's host is called.
func (e *Engine) hostname() string {
	if h := e.k.Host(); h != nil {
		return h.Hostname()
	}
	return "dockerlab"
}

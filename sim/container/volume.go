package container

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/filters"
	vtypes "github.com/docker/docker/api/types/volume"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/unionfs"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

var volumeRule = regexp.MustCompile(`^` + nameChars + `*$`)

// mountpoint is where on the host the volume's data would lie.
func (v *Volume) mountpoint() string { return Root + "/volumes/" + v.Name + "/_data" }

func (v *Volume) resource() *types.Volume {
	return &types.Volume{
		CreatedAt: v.Created.Format(time.RFC3339), Driver: v.Driver, Labels: v.Labels,
		Mountpoint: v.mountpoint(), Name: v.Name, Options: v.Options, Scope: "local",
	}
}

type volumeSpec struct {
	name            string
	driver          string
	labels, options map[string]string
	anon            bool   // the name was made up
	container       string // it is made for; empty for docker volume create
}

// CreateVolume makes a volume, or finds the one of that name.
func (e *Engine) CreateVolume(r vtypes.VolumeCreateBody) (*types.Volume, error) {
	spec := volumeSpec{name: r.Name, driver: r.Driver, labels: r.Labels, options: r.DriverOpts}
	if spec.name == "" {
		spec.name = e.newID()
	}
	v, err := e.makeVolume(spec)
	if err != nil {
		return nil, err
	}
	return v.resource(), nil
}

func (e *Engine) makeVolume(spec volumeSpec) (*Volume, error) {
	wrap := func(err error) error {
		return &Error{KindOf(err), fmt.Errorf("create %s: %w", spec.name, err)}
	}
	driver := spec.driver
	if driver == "" {
		driver = "local"
	}
	if driver != "local" {
		return nil, wrap(notFound("error looking up volume plugin %s: plugin %q not found", driver, driver))
	}
	if len(spec.name) == 1 {
		return nil, wrap(invalid("volume name is too short, names should be at least two alphanumeric characters"))
	}
	if !volumeRule.MatchString(spec.name) {
		return nil, wrap(invalid("%q includes invalid characters for a local volume name, only %q are allowed. If you intended to pass a host directory, use absolute path", spec.name, nameChars))
	}
	if v, ok := e.State().Volumes.Get(spec.name); ok {
		if spec.driver != "" && v.Driver != spec.driver {
			return nil, wrap(conflict("volume name must be unique"))
		}
		e.emitVolume(v.Name, "create", map[string]string{"driver": v.Driver})
		return v, nil
	}
	if err := checkVolumeOptions(spec.options); err != nil {
		return nil, wrap(err)
	}
	v := &Volume{Name: spec.name, Driver: driver, Created: e.now(), Labels: spec.labels, Options: spec.options, Anon: spec.anon}
	err := e.update(func(s *State) error {
		if have, ok := s.Volumes.Get(v.Name); ok {
			v = have
			return nil
		}
		s.Volumes = s.Volumes.With(v.Name, v)
		return nil
	})
	if err != nil {
		return nil, err
	}
	e.emitVolume(v.Name, "create", map[string]string{"driver": v.Driver})
	return v, nil
}

// checkVolumeOptions reads -o of docker volume create for the local driver: those of mount(8).
func checkVolumeOptions(o map[string]string) error {
	for k := range o {
		switch k {
		case "type", "o", "device":
		case "size":
			return invalid("quota size requested but no quota support")
		default:
			return invalid("invalid option: %q", k)
		}
	}
	if len(o) > 0 {
		for _, k := range []string{"device", "type"} {
			if o[k] == "" && !(k == "type" && strings.Contains(o["o"], "bind")) {
				return invalid("missing required option: %q", k)
			}
		}
	}
	return nil
}

// volumeFS is the file system of a volume without options, the same one for all who use it.
func (e *Engine) volumeFS(name string) (*unionfs.FS, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if fs, ok := e.volumes[name]; ok {
		return fs, nil
	}
	v, ok := e.state.Load().Volumes.Get(name)
	if !ok {
		return nil, notFound("get %s: no such volume", name)
	}
	o := e.fsOptions("ext4", e.bounded())
	fs := unionfs.New(nil, o)
	if v.Files != nil {
		fs = v.Files.FS(o)
	}
	e.volumes[name] = fs
	return fs, nil
}

// foreign says whether a volume's data is elsewhere: its options say what the driver mounts where it
// would lie, while a container uses it.
func (v *Volume) foreign() bool { return v.Options["type"] != "" || v.Options["device"] != "" }

// inMemory says whether a volume is a tmpfs: --opt type=tmpfs.
func (v *Volume) inMemory() bool { return v.Options["type"] == "tmpfs" }

// volumeMount is a mount of a volume's data. It is called inside the kernel. keep says that a container
// is to run with it: a tmpfs that is made lives from then on, until the last of them ends.
func (e *Engine) volumeMount(name string, keep bool) (*vfs.Mount, error) {
	v, ok := e.State().Volumes.Get(name)
	if !ok || !v.foreign() {
		fs, err := e.volumeFS(name)
		return &vfs.Mount{FS: fs, Source: "/dev/vda1", Options: "relatime"}, err
	}
	kind, device := v.Options["type"], v.Options["device"]
	o := parseMountOptions(v.Options["o"])
	failed := func(err error) (*vfs.Mount, error) {
		return nil, fmt.Errorf("failed to mount local volume: %s: %w", o.call(device, v.mountpoint()), lower(err))
	}
	switch {
	case o.flags&msBind != 0:
		m, file, err := e.hostMount(device)
		switch {
		case err != nil:
			return failed(err)
		case file:
			return failed(linux.ENOTDIR)
		}
		o.mount(m, nil)
		return m, nil
	case kind == "tmpfs":
		t, ok := parseTmpfsData(o.data)
		if !ok {
			return failed(linux.EINVAL)
		}
		m := &vfs.Mount{Source: device}
		o.mount(m, t.shown)
		e.mu.Lock()
		defer e.mu.Unlock()
		fs := e.volumes[name]
		if fs == nil {
			fs = e.newTmpfs(t, e.bounded())
		}
		if keep {
			e.volumes[name] = fs
		}
		m.FS = fs
		return m, nil
	case slices.Contains([]string{"ext2", "ext3", "ext4", "xfs", "btrfs", "iso9660", "squashfs", "vfat"}, kind): // the lab has no block device to spare
		if _, _, err := e.hostMount(device); err != nil {
			return failed(err)
		}
		return failed(linux.ENOTBLK)
	}
	return failed(linux.ENODEV)
}

// releaseVolumes ends what a container that has ended was the last to use of volumes in memory. It is
// called inside the kernel.
func (e *Engine) releaseVolumes(c *Container) {
	s := e.State()
	for _, m := range c.Mounts {
		v, ok := s.Volumes.Get(m.Name)
		if m.Type != "volume" || !ok || !v.inMemory() {
			continue
		}
		if slices.ContainsFunc(s.volumeUsers(m.Name), func(id string) bool {
			other, ok := s.Containers.Get(id)
			return ok && id != c.ID && other.Status.Running
		}) {
			continue
		}
		e.mu.Lock()
		fs := e.volumes[m.Name]
		delete(e.volumes, m.Name)
		e.mu.Unlock()
		if fs != nil {
			fs.Discard()
		}
	}
}

// populate gives an empty volume what the image has at its place in the container: content, owner and
// mode.
func (e *Engine) populate(rw *root, id string, m *Mount) (err error) {
	e.k.Do(func() {
		err = rw.copyTo(func() (*vfs.Mount, error) { return e.volumeMount(m.Name, false) }, m.Destination)
	})
	place := graphDir(id) + "/merged" + m.Destination
	switch {
	case err == errNoDir:
		return system("source %s is not directory", place)
	case err == linux.ENOTDIR:
		return system("lstat %s: %s", place, errnoText(err))
	}
	return err
}

// InspectVolume describes a volume.
func (e *Engine) InspectVolume(name string) (*types.Volume, error) {
	if name == "" {
		return nil, notFound("get: no such volume")
	}
	v, ok := e.State().Volumes.Get(name)
	if !ok {
		return nil, notFound("get %s: no such volume", name)
	}
	return v.resource(), nil
}

// volumeUsers are the containers that mount the volume.
func (s *State) volumeUsers(name string) []string {
	var ids []string
	for id, c := range s.Containers.All() {
		if slices.ContainsFunc(c.Mounts, func(m *Mount) bool { return m.Type == "volume" && m.Name == name && !m.Borrowed }) {
			ids = append(ids, id)
		}
	}
	return ids
}

// Volumes lists those that pass the filters.
func (e *Engine) Volumes(f filters.Args) ([]*types.Volume, error) {
	if err := checkFilters(f, "dangling", "name", "driver", "label"); err != nil {
		return nil, err
	}
	dangling, byUse, err := boolFilter(f, "dangling")
	if err != nil {
		return nil, badFilter("dangling", f.Get("dangling"))
	}
	list := []*types.Volume{}
	s := e.State()
	for _, v := range s.Volumes.All() {
		if f.Contains("name") && !f.Match("name", v.Name) ||
			f.Contains("driver") && !f.ExactMatch("driver", v.Driver) ||
			f.Contains("label") && !f.MatchKVList("label", v.Labels) ||
			byUse && dangling != (len(s.volumeUsers(v.Name)) == 0) {
			continue
		}
		list = append(list, v.resource())
	}
	return list, nil
}

// RemoveVolume removes a volume that no container mounts. With force one that is not there is no
// error.
func (e *Engine) RemoveVolume(name string, force bool) error {
	var files *unionfs.FS
	var kept *unionfs.Snapshot
	err := e.update(func(s *State) error {
		v, ok := s.Volumes.Get(name)
		if !ok {
			return notFound("get %s: no such volume", name)
		}
		if users := s.volumeUsers(name); len(users) > 0 {
			return conflict("remove %s: volume is in use - [%s]", v.Name, strings.Join(users, ", "))
		}
		s.Volumes = s.Volumes.Without(name)
		files, kept = e.volumes[name], v.Files
		delete(e.volumes, name)
		return nil
	})
	if err != nil {
		if force && KindOf(err) == NotFound {
			return nil
		}
		return err
	}
	e.k.Do(func() {
		switch {
		case files != nil:
			files.Discard()
		case kept != nil && e.o.Disk != nil:
			kept.Discard(e.o.Disk)
		}
	})
	e.emitVolume(name, "destroy", map[string]string{"driver": "local"})
	return nil
}

// PruneVolumes removes all volumes that no container mounts.
func (e *Engine) PruneVolumes(ctx context.Context, f filters.Args) (*types.VolumesPruneReport, error) {
	if err := checkFilters(f, "label", "label!"); err != nil {
		return nil, err
	}
	r := &types.VolumesPruneReport{VolumesDeleted: []string{}}
	s := e.State()
	for _, v := range s.Volumes.All() {
		if ctx.Err() != nil {
			break
		}
		if len(s.volumeUsers(v.Name)) > 0 || !matchLabels(f, v.Labels) {
			continue
		}
		size := e.volumeSize(v)
		if e.RemoveVolume(v.Name, false) == nil {
			r.VolumesDeleted = append(r.VolumesDeleted, v.Name)
			r.SpaceReclaimed += uint64(size)
		}
	}
	e.emitVolume("", "prune", map[string]string{"reclaimed": fmt.Sprint(r.SpaceReclaimed)})
	return r, nil
}

// volumeSize is how many bytes a volume's files have; of those that are elsewhere it has none.
func (e *Engine) volumeSize(v *Volume) (n int64) {
	if v.foreign() {
		return 0
	}
	fs, err := e.volumeFS(v.Name)
	if err != nil {
		return 0
	}
	e.k.Do(func() { n = fs.UpperSize() })
	return n
}

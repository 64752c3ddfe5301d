package container

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	mtypes "github.com/docker/docker/api/types/mount"
)

// Mount is a volume, a bind mount or a tmpfs that a container has. It is immutable.
type Mount struct {
	Type        mtypes.Type
	Name        string // of a volume
	Source      string // of a bind: a path on the host; of a volume, where its data would lie
	Destination string // clean and absolute
	Driver      string // of a volume
	Mode        string // what followed the second colon of -v
	RW          bool
	Propagation mtypes.Propagation
	CopyData    bool // an empty volume takes over what the image has here
	MustExist   bool // a bind by --mount: its source is not made
	Spec        mtypes.Mount
	// Borrowed says that --volumes-from gave a named volume, and that the container has not started
	// yet: until then the volume does not know of it, and can be removed.
	Borrowed bool `json:",omitempty"`
}

// held are the mounts of a container that has started, none of which is borrowed.
func held(ms []*Mount) []*Mount {
	ms = slices.Clone(ms)
	for i, m := range ms {
		if m.Borrowed {
			own := *m
			own.Borrowed = false
			ms[i] = &own
		}
	}
	return ms
}

// propagations are the modes of bind-propagation.
var propagations = map[string]bool{"private": true, "rprivate": true, "slave": true, "rslave": true, "shared": true, "rshared": true}

// mountMode is the third field of -v, a list of words by commas of which each kind may come once.
type mountMode struct {
	readOnly    bool
	noCopy      bool
	propagation string
}

func parseMountMode(mode string) (m mountMode, ok bool) {
	if mode == "" {
		return m, true
	}
	var seen [5]bool
	for _, w := range strings.Split(mode, ",") {
		kind := -1
		switch w {
		case "rw", "ro":
			kind, m.readOnly = 0, w == "ro"
		case "z", "Z":
			kind = 1
		case "nocopy":
			kind, m.noCopy = 2, true
		case "consistent", "cached", "delegated":
			kind = 3
		default:
			if !propagations[w] {
				return m, false
			}
			kind, m.propagation = 4, w
		}
		if seen[kind] {
			return m, false
		}
		seen[kind] = true
	}
	return m, true
}

func invalidVolumeSpec(raw string) error {
	return refuse(Unknown, "invalid volume specification: '%s'", raw)
}
func invalidMountMode(mode string) error { return refuse(Unknown, "invalid mode: %s", mode) }

// parseBind reads what docker run -v was given.
func parseBind(raw, driver string) (*Mount, error) {
	f := strings.Split(raw, ":")
	if len(f) > 3 || f[0] == "" {
		return nil, invalidVolumeSpec(raw)
	}
	var spec mtypes.Mount
	var modeText string
	switch len(f) {
	case 1:
		spec.Target = f[0]
	case 2:
		if _, isMode := parseMountMode(f[1]); isMode {
			return nil, invalidVolumeSpec(raw)
		}
		spec.Source, spec.Target = f[0], f[1]
	case 3:
		spec.Source, spec.Target, modeText = f[0], f[1], f[2]
	}
	mode, ok := parseMountMode(modeText)
	if !ok {
		return nil, invalidMountMode(modeText)
	}
	spec.Type = mtypes.TypeVolume
	if path.IsAbs(spec.Source) {
		spec.Type = mtypes.TypeBind
	}
	spec.ReadOnly = mode.readOnly
	if spec.Type == mtypes.TypeVolume && driver != "" {
		spec.VolumeOptions = &mtypes.VolumeOptions{DriverConfig: &mtypes.Driver{Name: driver}}
	}
	if mode.noCopy {
		if spec.VolumeOptions == nil {
			spec.VolumeOptions = &mtypes.VolumeOptions{}
		}
		spec.VolumeOptions.NoCopy = true
	}
	if mode.propagation != "" {
		spec.BindOptions = &mtypes.BindOptions{Propagation: mtypes.Propagation(mode.propagation)}
	}
	m, err := mountFromSpec(spec, nil)
	if err != nil {
		return nil, refuse(Unknown, "invalid volume specification: '%s': %w", raw, errors.New(err.Error()))
	}
	m.Mode = modeText
	return m, nil
}

// mountFromSpec reads what docker run --mount was given. exists says whether a path is there on
// the host; nil asks nobody.
func mountFromSpec(spec mtypes.Mount, exists func(string) bool) (*Mount, error) {
	if err := checkMount(spec, exists); err != nil {
		return nil, invalid("invalid mount config for type %q: %v", spec.Type, err)
	}
	m := &Mount{Type: spec.Type, RW: !spec.ReadOnly, Destination: path.Clean(spec.Target), Spec: spec}
	switch spec.Type {
	case mtypes.TypeVolume:
		m.Name, m.CopyData = spec.Source, true
		if o := spec.VolumeOptions; o != nil {
			if o.DriverConfig != nil {
				m.Driver = o.DriverConfig.Name
			}
			m.CopyData = !o.NoCopy
		}
	case mtypes.TypeBind:
		m.Source = path.Clean(spec.Source)
		m.Propagation = mtypes.PropagationRPrivate
		if o := spec.BindOptions; o != nil && o.Propagation != "" {
			m.Propagation = o.Propagation
		}
	}
	return m, nil
}

func checkMount(spec mtypes.Mount, exists func(string) bool) error {
	if spec.Target == "" {
		return fmt.Errorf("field Target must not be empty")
	}
	if err := checkDestination(spec.Target); err != nil {
		return err
	}
	switch spec.Type {
	case mtypes.TypeBind:
		switch o := spec.BindOptions; {
		case spec.Source == "":
			return fmt.Errorf("field Source must not be empty")
		case o != nil && o.Propagation != "" && !propagations[string(o.Propagation)]:
			return fmt.Errorf("invalid propagation mode: %s", o.Propagation)
		case spec.VolumeOptions != nil:
			return fmt.Errorf("field VolumeOptions must not be specified")
		case !path.IsAbs(spec.Source):
			return fmt.Errorf("invalid mount path: '%s' mount path must be absolute", spec.Source)
		case exists != nil && !exists(spec.Source):
			return fmt.Errorf("bind source path does not exist: %s", spec.Source)
		}
	case mtypes.TypeVolume:
		if spec.BindOptions != nil {
			return fmt.Errorf("field BindOptions must not be specified")
		}
		if spec.Source == "" && spec.ReadOnly {
			return fmt.Errorf("must not set ReadOnly mode when using anonymous volumes")
		}
	case mtypes.TypeTmpfs:
		if spec.BindOptions != nil {
			return fmt.Errorf("field BindOptions must not be specified")
		}
		if spec.Source != "" {
			return fmt.Errorf("field Source must not be specified")
		}
	default:
		return fmt.Errorf("mount type unknown")
	}
	return nil
}

// checkDestination refuses places that nothing may be mounted on.
func checkDestination(p string) error {
	if path.Clean(p) == "/" {
		return fmt.Errorf("invalid specification: destination can't be '/'")
	}
	if !path.IsAbs(p) {
		return fmt.Errorf("invalid mount path: '%s' mount path must be absolute", p)
	}
	return nil
}

// parseVolumesFrom reads what docker run --volumes-from was given.
func parseVolumesFrom(raw string) (ref string, mode mountMode, err error) {
	if raw == "" {
		return "", mode, invalid("volumes-from specification cannot be an empty string")
	}
	ref, text, given := strings.Cut(raw, ":")
	if !given {
		return ref, mode, nil
	}
	mode, ok := parseMountMode(text)
	if !ok || mode.noCopy || mode.propagation != "" {
		return "", mode, invalidMountMode(text)
	}
	return ref, mode, nil
}

// tmpfsOptions are the mount options of a tmpfs that --mount describes, as tmpfs(5) has them.
func tmpfsOptions(spec mtypes.Mount) string {
	var out []string
	if spec.ReadOnly {
		out = append(out, "ro")
	}
	if o := spec.TmpfsOptions; o != nil {
		if o.Mode != 0 {
			out = append(out, fmt.Sprintf("mode=%o", o.Mode))
		}
		if o.SizeBytes != 0 {
			out = append(out, fmt.Sprintf("size=%d", o.SizeBytes))
		}
	}
	return strings.Join(out, ",")
}

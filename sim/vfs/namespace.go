package vfs

import (
	"slices"
	"sort"
	"strings"

	"github.com/dockerlab/dockerlab/sim/linux"
)

// Mount is a Filesystem, or a directory or file of one, put over a place of a Namespace.
type Mount struct {
	FS       Filesystem
	Root     Ino    // what of FS is shown: its root, or the source of a bind mount
	RootDir  Ino    // where Root stands in FS, for a bind-mounted file or directory that is copied up
	RootName string //
	ReadOnly bool
	NoExec   bool
	Dev      linux.Dev // st_dev of its files
	Source   string    // first field of /proc/mounts: "overlay", "proc", "/dev/vda1"
	Path     string    // where it is mounted, as the mounter said it
	Options  string    // what follows rw or ro in /proc/mounts, "nosuid,noexec"

	parent *Mount // nil for the root mount
	point  Ino    // the covered inode in parent.FS
}

// Namespace is a tree of mounts, what a container sees of the world. It is changed only inside
// the kernel, or before the first process starts.
type Namespace struct {
	root   *Mount
	at     map[covered]*Mount
	mounts []*Mount
	devs   uint32
	known  memory
}

type covered struct {
	m   *Mount
	ino Ino
}

// NewNamespace makes a namespace whose root is fs.
func NewNamespace(fs Filesystem, source, options string) *Namespace {
	ns := &Namespace{at: map[covered]*Mount{}}
	ns.root = &Mount{FS: fs, Root: fs.Root(), Source: source, Path: "/", Options: options}
	ns.add(ns.root)
	return ns
}

func (ns *Namespace) add(m *Mount) {
	ns.forget()
	if m.Dev == 0 {
		ns.devs++
		m.Dev = linux.Mkdev(0, 40+ns.devs)
	}
	ns.mounts = append(ns.mounts, m)
}

// Clone is a namespace of its own with the same mounts, as unshare(CLONE_NEWNS) gives.
func (ns *Namespace) Clone() *Namespace {
	c := &Namespace{at: map[covered]*Mount{}, devs: ns.devs}
	twin := map[*Mount]*Mount{}
	for _, m := range ns.mounts {
		d := *m
		twin[m] = &d
		if m.parent != nil {
			d.parent = twin[m.parent]
			c.at[covered{d.parent, d.point}] = &d
		}
		c.mounts = append(c.mounts, &d)
	}
	c.root = twin[ns.root]
	return c
}

// Root is the root mount.
func (ns *Namespace) Root() *Mount { return ns.root }

// Mounts lists the mounts in the order of /proc/mounts.
func (ns *Namespace) Mounts() []*Mount { return slices.Clone(ns.mounts) }

// Mount puts m over the place that path names, as root sees it. The place must exist, and be a
// directory exactly when m's root is one.
func (ns *Namespace) Mount(path string, m *Mount) error {
	ref, err := ns.View(Root(CapsAll)).Resolve(path, true)
	if err != nil {
		return err
	}
	return ns.MountAt(ref, path, m)
}

// MountAt is Mount for a place already found.
func (ns *Namespace) MountAt(ref Ref, path string, m *Mount) error {
	if m.Root == 0 {
		m.Root = m.FS.Root()
	}
	st, err := m.FS.Stat(m.Root)
	if err != nil {
		return err
	}
	under, err := ref.Stat()
	if err != nil {
		return err
	}
	if under.Mode.IsDir() != st.Mode.IsDir() {
		return linux.ENOTDIR
	}
	m.parent, m.point, m.Path = ref.Mount, ref.Ino, path
	ns.add(m)
	ns.at[covered{ref.Mount, ref.Ino}] = m
	ref.Mount.FS.Pin(ref.Ino)
	return nil
}

// Unmount takes away the uppermost mount at path. EINVAL where nothing is mounted, EBUSY where
// another mount stands on it.
func (ns *Namespace) Unmount(path string) error {
	ref, err := ns.View(Root(CapsAll)).Resolve(path, true)
	if err != nil {
		return err
	}
	m := ref.Mount
	if ref.Ino != m.Root || m.parent == nil {
		return linux.EINVAL
	}
	for _, o := range ns.mounts {
		if o.parent == m {
			return linux.EBUSY
		}
	}
	ns.forget()
	delete(ns.at, covered{m.parent, m.point})
	m.parent.FS.Unpin(m.point)
	ns.mounts = slices.DeleteFunc(ns.mounts, func(o *Mount) bool { return o == m })
	return nil
}

// covering is the uppermost mount on an inode, or nil.
func (ns *Namespace) covering(m *Mount, ino Ino) *Mount {
	if len(ns.at) == 0 {
		return nil
	}
	return ns.at[covered{m, ino}]
}

// busy says whether something is mounted on the inode of the file system that m shows.
func (ns *Namespace) busy(m *Mount, ino Ino) bool {
	if _, ok := ns.at[covered{m, ino}]; ok {
		return true
	}
	for _, o := range ns.mounts {
		if o.parent != nil && o.parent.FS == m.FS && o.point == ino {
			return true
		}
	}
	return false
}

// MountPoints lists the paths of the mounts below the directory dir (and not dir itself), sorted.
func (ns *Namespace) MountPoints(dir string) []string {
	var out []string
	prefix := strings.TrimSuffix(dir, "/") + "/"
	for _, m := range ns.mounts {
		if m.parent != nil && strings.HasPrefix(m.Path, prefix) {
			out = append(out, m.Path)
		}
	}
	sort.Strings(out)
	return out
}

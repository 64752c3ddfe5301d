package vfs

import (
	"strings"

	"github.com/dockerlab/dockerlab/sim/linux"
)

// Versioned is a Filesystem that tells when paths in it may lead elsewhere than before. A
// Namespace then remembers where they led, so that a path that is asked for again, as a shell asks
// for its commands, is not walked again, and one of a directory that is known costs one step.
type Versioned interface {
	// NamesVersion changes with every name, and with every inode's type, owner or mode.
	NamesVersion() uint64
	// DirsVersion changes whenever a path that led to a directory may not lead there any more: a
	// directory or a symlink was renamed or removed.
	DirsVersion() uint64
}

// knownPaths is where absolute paths lead in the root mount of a namespace, for views that begin
// at its root and may search all directories.
type knownPaths struct {
	version uint64
	twice   bool // the version was the same when a path was asked for before
	paths   map[string]Ref
}

// memory is what a namespace remembers.
type memory struct {
	dirs             knownPaths // symlinks followed
	followed, places knownPaths // of all kinds, where a symlink at the end is followed and is not
}

const maxKnownPaths = 1024

// forget lets the namespace forget where paths led, when its mounts change.
func (ns *Namespace) forget() { ns.known = memory{} }

// versions gives the file system that a path leads through; nil where nothing is remembered of it: the
// path is relative, or the view is not whole.
func (v *View) versions(path string) Versioned {
	if path == "" || path[0] != '/' || v.root.Ino != v.NS.root.Root || v.root.Mount != v.NS.root || !v.Cred.Has(CapDacOverride) {
		return nil
	}
	fs, _ := v.NS.root.FS.(Versioned)
	return fs
}

// current says whether paths of that version may be looked up and kept. One look between two changes is not
// worth remembering.
func (k *knownPaths) current(version uint64) bool {
	if version != k.version || k.paths == nil {
		*k = knownPaths{version: version, paths: k.paths}
		clear(k.paths)
		if k.paths == nil {
			k.paths = map[string]Ref{}
		}
		return false
	}
	if !k.twice {
		k.twice = true
		return false
	}
	return true
}

func (k *knownPaths) keep(path string, r Ref) {
	if len(k.paths) >= maxKnownPaths {
		clear(k.paths)
	}
	k.paths[path] = r
}

// Resolve finds what path names; follow says whether a symlink at its end is followed. Errors are
// those of path_resolution(7): ENOENT, ENOTDIR, EACCES, ELOOP, ENAMETOOLONG.
func (v *View) Resolve(path string, follow bool) (Ref, error) {
	known := &v.NS.known.places
	if follow {
		known = &v.NS.known.followed
	}
	fs := v.versions(path)
	remembers := fs != nil && known.current(fs.NamesVersion())
	if remembers {
		if r, ok := known.paths[path]; ok {
			return r, nil
		}
	}
	r, err := v.find(fs, path, follow, false)
	if err == nil && r.Ino == 0 && r.Opened == nil {
		err = linux.ENOENT
	}
	if remembers && err == nil && !v.strayed {
		known.keep(path, r)
	}
	return r, err
}

// find walks path as walk does, from the view's place, and remembers the way to its directory.
func (v *View) find(fs Versioned, path string, follow, parent bool) (Ref, error) {
	v.strayed = false
	cut := strings.LastIndexByte(path, '/')
	if fs == nil || cut <= 0 || len(path) >= linux.PATH_MAX {
		return v.walk(v.cwd, path, follow, parent)
	}
	dir, name := path[:cut], path[cut+1:]
	dirs := &v.NS.known.dirs
	if name == "" || name == "." || name == ".." || !dirs.current(fs.DirsVersion()) {
		return v.walk(v.cwd, path, follow, parent)
	}
	at, ok := dirs.paths[dir]
	if !ok {
		var err error
		if at, err = v.walk(v.cwd, dir, true, false); err != nil {
			return Ref{}, err
		}
		st, err := at.Stat()
		if err != nil {
			return Ref{}, err
		}
		if st.Mode.IsDir() && !v.strayed {
			dirs.keep(dir, at)
		}
	}
	return v.walk(at, name, follow, parent)
}

package vfs

// Versioned is a Filesystem that tells when paths in it may lead elsewhere than before. A
// Namespace then remembers where they led, so that a path that is asked for again, as a shell asks
// for its commands, is not walked again.
type Versioned interface {
	// NamesVersion changes with every name, and with every inode's type, owner or mode.
	NamesVersion() uint64
}

// knownPaths is where absolute paths lead in the root mount of a namespace, for views that begin
// at its root and may search all directories.
type knownPaths struct {
	version uint64
	twice   bool // the version was the same when a path was asked for before
	paths   map[pathKey]Ref
}

type pathKey struct {
	path   string
	follow bool
}

const maxKnownPaths = 1024

// remembers gives the paths that the view may look up and add to; nil where there is nothing to be
// gained: the path is relative, the view is not whole, or the file system is just changing.
func (v *View) remembers(path string) map[pathKey]Ref {
	if path == "" || path[0] != '/' || v.root.Ino != v.NS.root.Root || v.root.Mount != v.NS.root || !v.Cred.Has(CapDacOverride) {
		return nil
	}
	fs, ok := v.NS.root.FS.(Versioned)
	if !ok {
		return nil
	}
	k := &v.NS.known
	if now := fs.NamesVersion(); now != k.version || k.paths == nil {
		k.version, k.twice = now, false
		clear(k.paths)
		if k.paths == nil {
			k.paths = map[pathKey]Ref{}
		}
		return nil
	}
	if !k.twice { // one look between two changes is not worth remembering
		k.twice = true
		return nil
	}
	return k.paths
}

// forget lets the namespace forget where paths led, when its mounts change.
func (ns *Namespace) forget() { ns.known = knownPaths{} }

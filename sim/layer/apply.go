package layer

// Apply is the tree with the layer on top of it, as overlayfs would show the two: a directory of
// the layer joins one that is there unless it is opaque, anything else takes the place of what is
// there, and whiteouts hide. It costs what is in the layer.
func (t *Tree) Apply(l *Layer) (*Tree, error) {
	d, err := l.Dir()
	if err != nil {
		return nil, err
	}
	m := merge{Edit: t.Edit(), from: d, files: map[Ino]Ino{}}
	m.children(m.Root(), d.Root(), true)
	return m.Freeze(), nil
}

type merge struct {
	*Edit
	from  *Tree
	files map[Ino]Ino // inodes of the layer with several names, to those they became
}

// children brings what is in the layer's directory from into the directory to. Under joined there
// is something of lower layers that whiteouts can hide.
func (m *merge) children(to, from Ino, joined bool) {
	for name, i := range m.from.Names(from) {
		n := m.from.Inode(i)
		if n.Mtime.After(m.newest) {
			m.newest = n.Mtime
		}
		if n.IsWhiteout() {
			if joined && m.Lookup(to, name) != 0 {
				m.Remove(to, name)
			}
			continue
		}
		if n.dir == nil {
			m.Put(to, name, m.file(i, n))
			continue
		}
		if old := m.Lookup(to, name); joined && old != 0 && !n.IsOpaque() && m.Inode(old).dir != nil {
			o := m.Change(old)
			o.Mode, o.UID, o.GID, o.Xattrs = n.Mode, n.UID, n.GID, n.Xattrs
			o.Atime, o.Mtime, o.Ctime = n.Atime, n.Mtime, n.Ctime
			o.dir.merged = true
			m.children(old, i, true)
			continue
		}
		c := *n
		c.Xattrs = withoutOpaque(n.Xattrs)
		at := m.New(c)
		m.Put(to, name, at)
		m.children(at, i, false)
	}
}

func (m *merge) file(i Ino, n *Inode) Ino {
	if n.Nlink == 1 {
		return m.New(*n)
	}
	if at, ok := m.files[i]; ok {
		return at
	}
	at := m.New(*n)
	m.files[i] = at
	return at
}

func withoutOpaque(m map[string]string) map[string]string {
	if m[OpaqueXattr] == "" {
		return m
	}
	o := make(map[string]string, len(m))
	for k, v := range m {
		if k != OpaqueXattr {
			o[k] = v
		}
	}
	return o
}

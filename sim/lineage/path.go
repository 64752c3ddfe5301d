package lineage

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dockerlab/dockerlab/sim/layer"
	"github.com/dockerlab/dockerlab/sim/linux"
)

// Attr is what a file is, but for its content.
type Attr struct {
	Type   string    `json:"type"` // as find -type has it, in a word: "file", "directory", ...
	Mode   string    `json:"mode"` // octal permission bits: "0644"
	UID    uint32    `json:"uid"`
	GID    uint32    `json:"gid"`
	Size   int64     `json:"size"` // in bytes; 0 of a directory
	Mtime  time.Time `json:"mtime"`
	Target string    `json:"target,omitempty"` // of a symlink
}

func attrOf(i *layer.Inode) *Attr {
	a := &Attr{Type: typeName(i.Mode), Mode: fmt.Sprintf("%04o", i.Mode.Perm()), UID: i.UID, GID: i.GID, Mtime: i.Mtime.UTC().Truncate(time.Second), Target: i.Target}
	if !i.Mode.IsDir() {
		a.Size = i.Size()
	}
	return a
}

func typeName(m linux.Mode) string {
	switch m.Type() {
	case linux.S_IFDIR:
		return "directory"
	case linux.S_IFLNK:
		return "symlink"
	case linux.S_IFCHR:
		return "char-device"
	case linux.S_IFBLK:
		return "block-device"
	case linux.S_IFIFO:
		return "fifo"
	}
	return "file"
}

// Event is what one layer did to a path.
type Event struct {
	Layer int  `json:"layer"` // its number
	How   How  `json:"how"`
	Diff  Diff `json:"differs,omitempty"` // from what was there below
	// File is what is there after it; nil where nothing is.
	File *Attr `json:"file,omitempty"`
	// Links are the other names that the file has in this layer.
	Links []string `json:"links,omitempty"`
	// Parted are the names that were the same file as the path below this layer, and no longer are: an
	// overlay file system copies a file up under one name only.
	Parted []string `json:"parted,omitempty"`
	// By is the directory above, whose removal or replacement this follows from.
	By string `json:"by,omitempty"`
}

// Share is what one layer has of a directory that can be seen.
type Share struct {
	Layer int   `json:"layer"` // its number
	Files int   `json:"files"` // whatever is no directory
	Bytes int64 `json:"bytes"`
}

// Origin is how a path came to be what it is.
type Origin struct {
	Path string `json:"path"` // after symlinks in it were followed
	// Events are what the layers did to it, the lowest layer first.
	Events []Event `json:"events"`
	// Shares, of a directory, are who provides what is in it.
	Shares []Share `json:"shares,omitempty"`
}

// Provider is the number of the layer whose file one sees; 0 where nothing is there any more.
func (o *Origin) Provider() int {
	last := o.Events[len(o.Events)-1]
	if last.File == nil {
		return 0
	}
	return last.Layer
}

// Origin tells how a path came to be what it is, or is no more. Symlinks on the way to it are
// followed, the last name is not. It is not ok where no layer speaks of the path.
func (s *Stack) Origin(path string) (o *Origin, ok bool) {
	n := s.find(path)
	if n == nil || n.last == nil {
		return nil, false
	}
	o = &Origin{Path: n.path()}
	for v := n.last; v != nil; v = v.prev {
		o.Events = append(o.Events, event(n, v))
	}
	slices.Reverse(o.Events)
	if f := n.file(); f != nil && f.inode.Mode.IsDir() {
		o.Shares = s.shares(n)
	}
	return o, true
}

// find walks to a path, through symlinks that can be seen on the way.
func (s *Stack) find(path string) *node {
	n := s.root
	for links := 0; path != ""; {
		var name string
		name, path, _ = strings.Cut(path, "/")
		switch name {
		case "", ".":
			continue
		case "..":
			if n.parent != nil {
				n = n.parent
			}
			continue
		}
		next := n.look(name)
		if next == nil {
			return nil
		}
		f := next.file()
		if path == "" || f == nil || !f.inode.Mode.IsSymlink() {
			n = next
			continue
		}
		target := f.inode.Target
		if links++; links > linux.MaxSymlinks || len(target)+len(path) > 4*linux.PATH_MAX {
			return nil
		}
		if strings.HasPrefix(target, "/") {
			n = s.root
		}
		path = target + "/" + path
	}
	return n
}

func event(n *node, v *version) Event {
	e := Event{Layer: int(v.layer) + 1, How: v.how, Diff: v.diff}
	if v.file != nil {
		e.File = attrOf(v.file.inode)
		e.Links = otherNames(v.file, n)
	}
	if v.file != nil && v.prev != nil && v.prev.file != nil {
		for _, name := range v.prev.file.names() {
			if now := name.at(v.layer); name != n && name.at(v.layer-1) == v.prev.file && now != nil && now != v.file {
				e.Parted = append(e.Parted, name.path())
			}
		}
	}
	if v.how == RemovedAbove || v.how == Covered || v.how == Opaque && v.file == nil {
		for p := n.parent; p != nil; p = p.parent {
			if w := p.version(v.layer); w != nil && (w.how == Removed || w.how == Replaced || w.how == Opaque && w.file != nil) {
				e.By = p.path()
				break
			}
		}
	}
	return e
}

func (f *file) names() []*node { return append([]*node{f.name}, f.more...) }

func otherNames(f *file, n *node) []string {
	var names []string
	for _, o := range f.names() {
		if o != n {
			names = append(names, o.path())
		}
	}
	return names
}

// version is what a layer says of n, nil where it is silent.
func (n *node) version(layer int32) *version {
	for v := n.last; v != nil; v = v.prev {
		if v.layer == layer {
			return v
		}
	}
	return nil
}

// at is the file that n was after the layer.
func (n *node) at(layer int32) *file {
	for v := n.last; v != nil; v = v.prev {
		if v.layer <= layer {
			return v.file
		}
	}
	return nil
}

// shares sums what the layers have below n. A file counts once, however many names it has there.
func (s *Stack) shares(n *node) []Share {
	all := make([]Share, len(s.Layers))
	counted := map[*file]bool{}
	var walk func(*node)
	walk = func(n *node) {
		f := n.file()
		if f == nil {
			return
		}
		if f.inode.Mode.IsDir() {
			n.each(walk)
			return
		}
		if f.more != nil {
			if counted[f] {
				return
			}
			counted[f] = true
		}
		all[f.layer].Files++
		all[f.layer].Bytes += f.inode.Size()
	}
	n.each(walk)
	var out []Share
	for i, sh := range all {
		if sh.Files > 0 {
			sh.Layer = i + 1
			out = append(out, sh)
		}
	}
	return out
}

// Change is what a layer did to a path, in a list of all that it did.
type Change struct {
	Path string `json:"path"`
	How  How    `json:"how"`
	Diff Diff   `json:"differs,omitempty"`
	Size int64  `json:"size"` // of what is there after it; 0 of a directory
}

// Changes lists for each layer what it added, changed and removed, by path. What went with a
// directory above it is not listed, nor is a directory that is as it was but for its time.
func (s *Stack) Changes() [][]Change {
	all := make([][]Change, len(s.Layers))
	var walk func(*node)
	walk = func(n *node) {
		for v := n.last; v != nil && n.parent != nil; v = v.prev {
			dir := v.file != nil && v.file.inode.Mode.IsDir()
			switch {
			case v.how == RemovedAbove, v.how == Covered, v.how == Opaque && v.file == nil:
				continue
			case dir && v.how != Added && v.how != Opaque && v.diff&^Mtime == 0:
				continue
			}
			c := Change{Path: n.path(), How: v.how, Diff: v.diff}
			if v.file != nil && !dir {
				c.Size = v.file.inode.Size()
			}
			all[v.layer] = append(all[v.layer], c)
		}
		n.each(walk)
	}
	walk(s.root)
	return all
}

// Hidden is how many bytes of copies of a path nobody can see.
func (s *Stack) Hidden(path string) int64 {
	n := s.find(path)
	if n == nil {
		return 0
	}
	var sum int64
	for v := n.last; v != nil; v = v.prev {
		if f := v.file; f != nil && f.seen == 0 && !f.inode.Mode.IsDir() {
			sum += f.inode.Size()
		}
	}
	return sum
}

package lineage

import (
	"encoding/json"
	"maps"
	"time"

	"github.com/dockerlab/dockerlab/sim/layer"
)

// How says what a layer did to a path.
type How uint8

// What a layer can do to a path. An overlay file system copies a file of a lower layer up before it
// changes anything about it, which is why a change of its mode brings all of its bytes again.
const (
	Added        How = iota // nothing was there
	Rewritten               // it has other content
	Attributes              // the same content with another mode, owner, time or attribute
	Linked                  // the same again: it was copied up to be given another name
	Copied                  // the same again: copied up, or brought, with nothing changed in the end
	Replaced                // something of another type took its place
	Opaque                  // its directory was made again, empty: an opaque directory
	Removed                 // by a whiteout of its own
	RemovedAbove            // by a whiteout of a directory above
	Covered                 // what is no directory took the place of a directory above
)

var hows = [...]string{
	Added: "added", Rewritten: "rewritten", Attributes: "attributes", Linked: "linked", Copied: "copied", Replaced: "replaced",
	Opaque: "opaque", Removed: "removed", RemovedAbove: "removed-above", Covered: "covered",
}

func (h How) String() string { return hows[h] }

// MarshalText gives the word for h in JSON.
func (h How) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// Diff is a set of what two files differ in.
type Diff uint16

// What files can differ in.
const (
	Type    Diff = 1 << iota // a file, a directory, a symlink, ...
	Content                  // of a regular file
	Target                   // of a symlink
	Device                   // the numbers of a device node
	Mode                     // the permission bits
	Owner                    // the user or the group
	Xattrs                   // extended attributes
	Mtime                    // the time of the last change, in whole seconds
)

var diffs = [...]string{"type", "content", "target", "device", "mode", "owner", "xattrs", "mtime"}

// Words are the words for what is in d, in the order of the constants.
func (d Diff) Words() []string {
	words := []string{}
	for i, w := range diffs {
		if d&(1<<i) != 0 {
			words = append(words, w)
		}
	}
	return words
}

// MarshalJSON gives the words as a list.
func (d Diff) MarshalJSON() ([]byte, error) { return json.Marshal(d.Words()) }

// compare tells what two files differ in. Those of different types differ in nothing else.
func compare(a, b *layer.Inode) (Diff, error) {
	if a.Mode.Type() != b.Mode.Type() {
		return Type, nil
	}
	var d Diff
	same, err := layer.Same(a.Content, b.Content)
	if err != nil {
		return 0, err
	}
	if !same {
		d |= Content
	}
	if a.Target != b.Target {
		d |= Target
	}
	if a.Rdev != b.Rdev {
		d |= Device
	}
	if a.Mode != b.Mode {
		d |= Mode
	}
	if a.UID != b.UID || a.GID != b.GID {
		d |= Owner
	}
	if !sameXattrs(a.Xattrs, b.Xattrs) {
		d |= Xattrs
	}
	if !a.Mtime.Truncate(time.Second).Equal(b.Mtime.Truncate(time.Second)) {
		d |= Mtime
	}
	return d, nil
}

// sameXattrs compares attributes, but for the mark of an opaque directory, which is none of a file.
func sameXattrs(a, b map[string]string) bool {
	if len(a) == 0 && len(b) == 0 {
		return true
	}
	a, b = maps.Clone(a), maps.Clone(b)
	delete(a, layer.OpaqueXattr)
	delete(b, layer.OpaqueXattr)
	return maps.Equal(a, b)
}

// howOf says what a layer did that put now where old was.
func howOf(old, now *layer.Inode, d Diff) How {
	switch {
	case d&Type != 0:
		return Replaced
	case now.IsOpaque():
		return Opaque
	case d&(Content|Target|Device) != 0:
		return Rewritten
	case d != 0:
		return Attributes
	case !now.Mode.IsDir() && now.Nlink > 1:
		return Linked
	}
	return Copied
}

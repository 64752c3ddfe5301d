package container

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/unionfs"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// Flags of mount(2).
const (
	msReadOnly = 0x1
	msNoSuid   = 0x2
	msNoDev    = 0x4
	msNoExec   = 0x8
	msBind     = 0x1000
	msRec      = 0x4000
)

// mountWords are the words of mount(8) that set or clear a flag.
var mountWords = map[string]struct {
	flag  int
	clear bool
}{
	"ro": {msReadOnly, false}, "rw": {msReadOnly, true}, "nosuid": {msNoSuid, false}, "suid": {msNoSuid, true},
	"nodev": {msNoDev, false}, "dev": {msNoDev, true}, "noexec": {msNoExec, false}, "exec": {msNoExec, true},
	"sync": {0x10, false}, "async": {0x10, true}, "mand": {0x40, false}, "nomand": {0x40, true}, "dirsync": {0x80, false},
	"noatime": {0x400, false}, "atime": {0x400, true}, "nodiratime": {0x800, false}, "diratime": {0x800, true},
	"relatime": {1 << 21, false}, "norelatime": {1 << 21, true}, "strictatime": {1 << 24, false}, "nostrictatime": {1 << 24, true},
	"private": {1 << 18, false}, "rprivate": {1<<18 | msRec, false}, "slave": {1 << 19, false}, "rslave": {1<<19 | msRec, false},
	"shared": {1 << 20, false}, "rshared": {1<<20 | msRec, false}, "unbindable": {1 << 17, false}, "runbindable": {1<<17 | msRec, false},
	"bind": {msBind, false}, "rbind": {msBind | msRec, false}, "defaults": {},
}

// mountOptions are what mount(2) is given: flags, and words for the file system itself.
type mountOptions struct {
	flags int
	data  []string
}

// with is o and one more word.
func (o mountOptions) with(word string) mountOptions {
	w, known := mountWords[word]
	switch {
	case !known:
		o.data = append(slices.Clip(o.data), word)
	case w.clear:
		o.flags &^= w.flag
	default:
		o.flags |= w.flag
	}
	return o
}

// parseMountOptions reads a list of words with commas between.
func parseMountOptions(list string) (o mountOptions) {
	for _, w := range strings.Split(list, ",") {
		if w != "" {
			o = o.with(w)
		}
	}
	return o
}

// call is the mount(2) of source on target, as errors of the engine and of runc have it.
func (o mountOptions) call(source, target string) string {
	s := "mount " + source + ":" + target
	if o.flags != 0 {
		s += fmt.Sprintf(", flags: %#x", o.flags)
	}
	if len(o.data) > 0 {
		s += ", data: " + strings.Join(o.data, ",")
	}
	return s
}

// mount applies the flags to a mount, and says how /proc/mounts shows them, and shown behind them.
func (o mountOptions) mount(m *vfs.Mount, shown []string) {
	m.ReadOnly = o.flags&msReadOnly != 0
	m.NoExec = o.flags&msNoExec != 0
	words := []string{}
	for _, w := range []string{"sync", "dirsync", "mand", "nosuid", "nodev", "noexec", "noatime", "nodiratime"} {
		if o.flags&mountWords[w].flag != 0 {
			words = append(words, w)
		}
	}
	if o.flags&(mountWords["noatime"].flag|mountWords["strictatime"].flag) == 0 {
		words = append(words, "relatime")
	}
	m.Options = strings.Join(append(words, shown...), ",")
}

// tmpfsWords are the options of a tmpfs itself that --tmpfs takes.
var tmpfsWords = []string{"size", "nr_blocks", "nr_inodes", "mode", "uid", "gid", "mpol"}

// parseTmpfsOptions reads the options of --tmpfs, on top of those that the engine gives each. Of two
// that set the same thing the later counts.
func parseTmpfsOptions(list string) (mountOptions, error) {
	o := parseMountOptions("noexec,nosuid,nodev")
	for _, w := range strings.Split(list, ",") {
		k, _, valued := strings.Cut(w, "=")
		switch _, known := mountWords[w]; {
		case w == "" || w == "tmpcopyup":
		case known && w != "bind" && w != "rbind":
			o = o.with(w)
		case valued && slices.Contains(tmpfsWords, k):
			o.data = slices.DeleteFunc(o.data, func(have string) bool { return strings.HasPrefix(have, k+"=") })
			o = o.with(w)
		default:
			return o, refuse(Unknown, "invalid tmpfs option %q", strings.SplitN(w, "=", 2))
		}
	}
	return o, nil
}

// tmpfsData is what tmpfs(5) makes of its own options.
type tmpfsData struct {
	disk     unionfs.Disk
	mode     linux.Mode
	uid, gid uint32
	shown    []string // as /proc/mounts has them
}

const pageSize = 4096

// parseTmpfsData reads options of a tmpfs; ok is whether the kernel takes them.
func parseTmpfsData(data []string) (t tmpfsData, ok bool) {
	const half = memTotal / pageSize / 2 // which is what one may have if nothing is said
	t = tmpfsData{mode: 0o1777, disk: unionfs.Disk{Size: half * pageSize, Inodes: half}}
	for _, w := range data {
		k, val, _ := strings.Cut(w, "=")
		var n uint64
		var err error
		switch k {
		case "size":
			var bytes uint64
			if percent, of := strings.CutSuffix(val, "%"); of {
				n, err = strconv.ParseUint(percent, 10, 16)
				bytes = n * memTotal / 100
			} else if bytes, ok = parseMemory(val); !ok {
				return t, false
			}
			t.disk.Size = int64((bytes + pageSize - 1) / pageSize * pageSize)
		case "nr_blocks":
			if n, ok = parseMemory(val); !ok {
				return t, false
			}
			t.disk.Size = int64(n * pageSize)
		case "nr_inodes":
			if n, ok = parseMemory(val); !ok {
				return t, false
			}
			t.disk.Inodes = int64(n)
		case "mode":
			n, err = strconv.ParseUint(val, 8, 16)
			t.mode = linux.Mode(n & 0o7777)
		case "uid":
			n, err = strconv.ParseUint(val, 10, 32)
			t.uid = uint32(n)
		case "gid":
			n, err = strconv.ParseUint(val, 10, 32)
			t.gid = uint32(n)
		case "mpol": // of machines whose memory is not all as near; this one's is
			if val != "default" && val != "local" {
				return t, false
			}
		default:
			return t, false
		}
		if err != nil {
			return t, false
		}
	}
	show := func(yes bool, format string, v any) {
		if yes {
			t.shown = append(t.shown, fmt.Sprintf(format, v))
		}
	}
	show(t.disk.Size != half*pageSize, "size=%dk", t.disk.Size>>10)
	show(t.disk.Inodes != half, "nr_inodes=%d", t.disk.Inodes)
	show(t.mode != 0o1777, "mode=%o", t.mode)
	show(t.uid != 0, "uid=%d", t.uid)
	show(t.gid != 0, "gid=%d", t.gid)
	return t, true
}

// parseMemory reads a number as the kernel does: decimal, octal after 0 or hexadecimal after 0x, and
// perhaps a letter for a power of 1024 behind it.
func parseMemory(s string) (n uint64, ok bool) {
	shift := 0
	if s != "" {
		if i := strings.IndexByte("kmgtpe", s[len(s)-1]|0x20); i >= 0 && !(s[len(s)-1]|0x20 == 'e' && strings.HasPrefix(s, "0x")) {
			shift, s = 10*(i+1), s[:len(s)-1]
		}
	}
	n, err := strconv.ParseUint(s, 0, 64)
	if err != nil || strings.Contains(s, "_") || n > 1<<62>>shift {
		return 0, false
	}
	return n << shift, true
}

// newTmpfs is an empty file system in memory. charge, which may be nil, counts what it holds.
func (e *Engine) newTmpfs(t tmpfsData, charge func(int64) error) *unionfs.FS {
	o := e.fsOptions("tmpfs", charge)
	disk := t.disk
	disk.InodesUsed = 1 // its root
	o.Disk = &disk
	fs := unionfs.New(nil, o)
	fs.SetAttr(fs.Root(), vfs.Attr{Mode: &t.mode, UID: &t.uid, GID: &t.gid})
	return fs
}

package alpine

import (
	"archive/tar"
	"bytes"
	"crypto/sha1"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dockerlab/dockerlab/sim/catalog/manifest"
	"github.com/dockerlab/dockerlab/sim/linux"
)

// Where apk keeps what is installed.
const (
	DatabaseDir   = "/lib/apk/db"
	InstalledFile = DatabaseDir + "/installed"
	ScriptsFile   = DatabaseDir + "/scripts.tar"
	TriggersFile  = DatabaseDir + "/triggers"
	LockFile      = DatabaseDir + "/lock"
	WorldFile     = "/etc/apk/world"
)

// Installed is a package that is installed.
type Installed struct {
	*Package
	*Contents
	Owned  []Dir  // its files, as the database has them
	Tag    string // of the repository that it came from
	Broken string // "f", "s": files or a script failed
}

// Dir is a directory of a package, with the files that the package has in it.
type Dir struct {
	Name  string // without a slash before it: "usr/bin"; "" is the root
	Mode  linux.Mode
	UID   uint32
	GID   uint32
	Files []OwnedFile
}

// OwnedFile is a file of a package.
type OwnedFile struct {
	Name string
	Mode linux.Mode // permission bits
	UID  uint32
	GID  uint32
	Sum  string // see Checksum; "" for none
}

// LinkChecksum is the checksum of a symbolic link: of what it leads to.
func LinkChecksum(target string) string {
	sum := sha1.Sum([]byte(target))
	return Checksum(sum[:])
}

// Own makes the list of what a package owns of its files. sum is the checksum of one that is no
// directory.
func Own(files []manifest.Entry, sum func(manifest.Entry) (string, error)) ([]Dir, error) {
	var dirs []Dir
	at := map[string]int{}
	dir := func(name string) *Dir {
		i, ok := at[name]
		if !ok {
			i = len(dirs)
			at[name] = i
			dirs = append(dirs, Dir{Name: name, Mode: 0o755})
		}
		return &dirs[i]
	}
	for _, e := range files {
		name := strings.TrimPrefix(e.Path, "/")
		if e.Mode.IsDir() {
			d := dir(name)
			d.Mode, d.UID, d.GID = e.Mode.Perm(), e.UID, e.GID
			continue
		}
		s, err := sum(e)
		if err != nil {
			return nil, err
		}
		mode := e.Mode.Perm()
		if e.HardLink() {
			mode = 0o755
		}
		parent := path.Dir(name)
		if parent == "." {
			parent = ""
		}
		d := dir(parent)
		d.Files = append(d.Files, OwnedFile{Name: path.Base(name), Mode: mode, UID: e.UID, GID: e.GID, Sum: s})
	}
	return dirs, nil
}

// FormatInstalled writes the database of what is installed.
func FormatInstalled(all []*Installed) string {
	var b strings.Builder
	for _, i := range all {
		b.WriteString(i.Stanza())
		if len(i.Replaces) > 0 {
			fmt.Fprintf(&b, "r:%s\n", format(i.Replaces))
		}
		if i.Tag != "" {
			fmt.Fprintf(&b, "s:%s\n", i.Tag)
		}
		if i.Broken != "" {
			fmt.Fprintf(&b, "f:%s\n", i.Broken)
		}
		for _, d := range i.Owned {
			fmt.Fprintf(&b, "F:%s\n", d.Name)
			if d.Mode != 0o755 || d.UID != 0 || d.GID != 0 {
				fmt.Fprintf(&b, "M:%d:%d:%o\n", d.UID, d.GID, d.Mode)
			}
			for _, f := range d.Files {
				fmt.Fprintf(&b, "R:%s\n", f.Name)
				if f.Mode != 0o644 || f.UID != 0 || f.GID != 0 {
					fmt.Fprintf(&b, "a:%d:%d:%o\n", f.UID, f.GID, f.Mode)
				}
				if f.Sum != "" {
					fmt.Fprintf(&b, "Z:%s\n", f.Sum)
				}
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// FormatError is a line of the database that cannot be read.
type FormatError struct {
	Line  int
	Field byte
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("FDB format error (line %d, entry '%c')", e.Line, e.Field)
}

// ParseInstalled reads the database of what is installed.
func ParseInstalled(s string) ([]*Installed, error) {
	var all []*Installed
	new := func() *Installed { return &Installed{Package: new(Package), Contents: new(Contents)} }
	cur := new()
	done := func() {
		if cur.Name != "" {
			all = append(all, cur)
			cur = new()
		}
	}
	n := 0
	for line := range strings.Lines(s) {
		n++
		line = strings.TrimSuffix(line, "\n")
		if line == "" {
			done()
			continue
		}
		if len(line) < 2 || line[1] != ':' {
			return nil, &FormatError{n, line[0]}
		}
		value := line[2:]
		bad := &FormatError{n, line[0]}
		switch line[0] {
		case 'F':
			cur.Owned = append(cur.Owned, Dir{Name: value, Mode: 0o755})
		case 'M', 'R', 'a', 'Z':
			if len(cur.Owned) == 0 {
				return nil, bad
			}
			d := &cur.Owned[len(cur.Owned)-1]
			if line[0] == 'R' {
				d.Files = append(d.Files, OwnedFile{Name: value, Mode: 0o644})
				break
			}
			if line[0] == 'M' {
				if !acl(value, &d.UID, &d.GID, &d.Mode) {
					return nil, bad
				}
				break
			}
			if len(d.Files) == 0 {
				return nil, bad
			}
			f := &d.Files[len(d.Files)-1]
			if line[0] == 'Z' {
				f.Sum = value
			} else if !acl(value, &f.UID, &f.GID, &f.Mode) {
				return nil, bad
			}
		case 'r':
			cur.Replaces = ParseDependencies(value)
		case 's':
			cur.Tag = value
		case 'f':
			cur.Broken = value
		default:
			if err := cur.Set(line[0], value); err != nil {
				return nil, bad
			}
		}
	}
	done()
	return all, nil
}

// acl reads "uid:gid:mode".
func acl(s string, uid, gid *uint32, mode *linux.Mode) bool {
	words := strings.Split(s, ":")
	if len(words) < 3 {
		return false
	}
	u, err1 := strconv.ParseUint(words[0], 10, 32)
	g, err2 := strconv.ParseUint(words[1], 10, 32)
	m, err3 := strconv.ParseUint(words[2], 8, 12)
	*uid, *gid, *mode = uint32(u), uint32(g), linux.Mode(m)
	return err1 == nil && err2 == nil && err3 == nil
}

// FormatTriggers writes the list of the triggers of what is installed.
func FormatTriggers(all []*Installed) string {
	var b strings.Builder
	for _, i := range all {
		if len(i.Triggers) > 0 {
			fmt.Fprintf(&b, "%s %s\n", i.Checksum, strings.Join(i.Triggers, " "))
		}
	}
	return b.String()
}

// FormatScripts writes the archive of the scripts of what is installed.
func FormatScripts(all []*Installed, now time.Time) string {
	var b bytes.Buffer
	t := tar.NewWriter(&b)
	for _, i := range all {
		for _, when := range ScriptNames {
			text, ok := i.Scripts[when]
			if !ok {
				continue
			}
			// Writing to memory does not fail.
			t.WriteHeader(&tar.Header{Name: i.ScriptFile(when), Mode: 0o755, Size: int64(len(text)), ModTime: now.Truncate(time.Second), Uname: "root", Gname: "root", Format: tar.FormatUSTAR})
			t.Write([]byte(text))
		}
	}
	t.Close()
	return b.String()
}

// ScriptFile is what a script of the package is called in the archive of scripts.
func (p *Package) ScriptFile(when string) string {
	return p.String() + "." + p.Checksum + "." + when
}

// ReadScripts reads the archive of scripts and the list of triggers into what is installed. What
// cannot be read, or belongs to nothing, is passed over, as by apk.
func ReadScripts(all []*Installed, archive io.Reader, triggers string) {
	by := map[string]*Installed{}
	for _, i := range all {
		i.Scripts = map[string]string{}
		by[i.Checksum] = i
	}
	for t := tar.NewReader(archive); ; {
		h, err := t.Next()
		if err != nil {
			break
		}
		b, err := io.ReadAll(t)
		if err != nil {
			break
		}
		rest, when, ok := cutLast(h.Name, ".")
		if !ok || !slices.Contains(ScriptNames, when) {
			continue
		}
		if _, sum, ok := cutLast(rest, "."); ok && by[sum] != nil {
			by[sum].Scripts[when] = string(b)
		}
	}
	for line := range strings.Lines(triggers) {
		if words := strings.Fields(line); len(words) > 0 && by[words[0]] != nil {
			by[words[0]].Triggers = words[1:]
		}
	}
}

func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// Database is the files of the database of packages that were just installed.
func Database(all []*Installed, now time.Time, sum func(manifest.Entry) (string, error)) (map[string]string, error) {
	for _, i := range all {
		var err error
		if i.Owned, err = Own(i.Files, sum); err != nil {
			return nil, fmt.Errorf("alpine: the checksums of %s: %w", i.Name, err)
		}
	}
	return map[string]string{
		InstalledFile: FormatInstalled(all), ScriptsFile: FormatScripts(all, now), TriggersFile: FormatTriggers(all),
	}, nil
}

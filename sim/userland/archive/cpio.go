package archive

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/dockerlab/dockerlab/sim/fnmatch"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/datetime"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
	"github.com/dockerlab/dockerlab/sim/userland/userdb"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

var errShortRead = errors.New("short read")

// cpioEntry is the header of a member in the "new" format: "070701" and 13 numbers of eight
// hexadecimal digits.
type cpioEntry struct {
	name                string
	ino                 uint64
	mode                linux.Mode
	uid, gid            uint32
	nlink               uint32
	mtime               time.Time
	size                int64
	devMajor, devMinor  uint32
	rdevMajor, rdevMinr uint32
}

const cpioTrailer = "TRAILER!!!"

// cpioReader reads an archive.
type cpioReader struct {
	r    *bufio.Reader
	read int64 // bytes so far
	left int64 // of the member's content and its padding
}

func newCpioReader(r io.Reader) *cpioReader { return &cpioReader{r: bufio.NewReader(r)} }

func (a *cpioReader) full(b []byte) error {
	n, err := io.ReadFull(a.r, b)
	a.read += int64(n)
	if err != nil {
		return errShortRead
	}
	return nil
}

func (a *cpioReader) skip(n int64) error {
	k, err := io.CopyN(io.Discard, a.r, n)
	a.read += k
	if err != nil {
		return errShortRead
	}
	return nil
}

// pad passes over what brings the position to a multiple of four.
func (a *cpioReader) pad() error { return a.skip(-a.read & 3) }

// next reads a header; io.EOF is the trailer, or the end before any header.
func (a *cpioReader) next() (*cpioEntry, error) {
	if err := a.skip(a.left); err != nil {
		return nil, err
	}
	a.left = 0
	if err := a.pad(); err != nil {
		return nil, err
	}
	if _, err := a.r.Peek(1); err == io.EOF && a.read == 0 {
		return nil, io.EOF
	}
	var h [110]byte
	if err := a.full(h[:]); err != nil {
		return nil, err
	}
	if magic := string(h[:6]); magic != "070701" && magic != "070702" {
		return nil, errors.New("unsupported cpio format, use newc or crc")
	}
	var n [13]uint32
	for i := range n {
		v, err := strconv.ParseUint(string(h[6+8*i:14+8*i]), 16, 32)
		if err != nil {
			return nil, errors.New("damaged cpio file")
		}
		n[i] = uint32(v)
	}
	if n[11] == 0 || n[11] > 4096 {
		return nil, errShortRead
	}
	name := make([]byte, n[11])
	if err := a.full(name); err != nil {
		return nil, err
	}
	if err := a.pad(); err != nil {
		return nil, err
	}
	e := &cpioEntry{ino: uint64(n[0]), mode: linux.Mode(n[1]), uid: n[2], gid: n[3], nlink: n[4], mtime: time.Unix(int64(n[5]), 0), size: int64(n[6]),
		devMajor: n[7], devMinor: n[8], rdevMajor: n[9], rdevMinr: n[10]}
	e.name, _, _ = strings.Cut(string(name), "\x00")
	a.left = e.size
	if e.name == cpioTrailer {
		return nil, io.EOF
	}
	return e, nil
}

// Read reads the member's content.
func (a *cpioReader) Read(b []byte) (int, error) {
	if a.left == 0 {
		return 0, io.EOF
	}
	n, err := a.r.Read(b[:min(int64(len(b)), a.left)])
	a.read += int64(n)
	a.left -= int64(n)
	if err == io.EOF {
		err = errShortRead
	}
	return n, err
}

// cpioRun is one run of cpio.
type cpioRun struct {
	c                                  *prog.Ctx
	parents, mtime, verbose, overwrite bool
	list, stdout, quiet, follow, nul   bool
	uid, gid                           *uint32             // of -R
	links                              map[uint64][]string // names that wait for their content, by inode
}

const (
	cpioQuiet = prog.LongOnly + iota
	cpioStdout
	cpioIgnored
)

func cpio(c *prog.Ctx) int {
	a := &cpioRun{c: c, links: map[uint64][]string{}}
	extract, create, format, file := false, false, "", ""
	for o := range c.Getopt("iodmvutF:R:H:L0", []prog.Long{{Name: "extract", Val: 'i'}, {Name: "list", Val: 't'}, {Name: "create", Val: 'o'},
		{Name: "format", Arg: prog.ReqArg, Val: 'H'}, {Name: "owner", Arg: prog.ReqArg, Val: 'R'}, {Name: "verbose", Val: 'v'}, {Name: "null", Val: '0'},
		{Name: "quiet", Val: cpioQuiet}, {Name: "to-stdout", Val: cpioStdout}, {Name: "ignore-devno", Val: cpioIgnored}, {Name: "renumber-inodes", Val: cpioIgnored}}) {
		switch o.Val {
		case 'i':
			extract = true
		case 'o':
			create = true
		case 'd':
			a.parents = true
		case 'm':
			a.mtime = true
		case 'v':
			a.verbose = true
		case 'u':
			a.overwrite = true
		case 't':
			a.list = true
		case 'F':
			file = o.Arg
		case 'R':
			a.owner(o.Arg)
		case 'H':
			format = o.Arg
		case 'L':
			a.follow = true
		case '0':
			a.nul = true
		case cpioQuiet:
			a.quiet = true
		case cpioStdout:
			a.stdout = true
		}
	}
	var in io.Reader = c.In
	var out io.Writer = c.Out
	if file != "" {
		flags := linux.O_RDONLY
		if create {
			flags = linux.O_WRONLY | linux.O_CREAT | linux.O_TRUNC
		}
		f, err := c.OpenFile(file, flags, 0o666)
		if err != nil {
			c.Die(1, "can't open '%s': %v", file, err)
		}
		defer f.Close()
		in, out = f, f
	}
	switch {
	case create:
		if format != "newc" {
			c.Usage()
		}
		return a.create(out)
	case !extract && !a.list:
		c.Usage()
	}
	return a.extract(in)
}

// owner takes -R USER[:GRP].
func (a *cpioRun) owner(spec string) {
	uid, gid, err := userdb.Load(a.c).ParseOwner(spec)
	if err != nil {
		user, group, _ := strings.Cut(spec, ":")
		if _, ok := userdb.Load(a.c).ParseUser(user); !ok {
			a.c.Die(1, "unknown user %s", user)
		}
		a.c.Die(1, "unknown group %s", group)
	}
	a.uid, a.gid = uid, gid
}

// give makes -R's owner the entry's.
func (a *cpioRun) give(e *cpioEntry) {
	if a.uid != nil {
		e.uid = *a.uid
	}
	if a.gid != nil {
		e.gid = *a.gid
	}
}

// create writes an archive of the files that standard input names. Files with several names
// come last, all their names together, the content with the last of them.
func (a *cpioRun) create(out io.Writer) int {
	c := a.c
	w := &cpioWriter{w: out}
	type linked struct {
		file  string
		st    vfs.Stat
		names []string
	}
	var order []*linked
	byInode := map[[2]uint64]*linked{}
	end := byte('\n')
	if a.nul {
		end = 0
	}
	failed := func(err error) bool {
		if err != nil {
			c.Warn("%v", err)
			c.Status = 1
		}
		return err != nil
	}
	for {
		line, err := c.In.ReadString(end)
		name := strings.TrimSuffix(line, string([]byte{end}))
		if name == "" && err != nil {
			break
		}
		if name == "" {
			continue
		}
		file := name
		for strings.HasPrefix(name, "./") {
			name = strings.TrimLeft(name[2:], "/")
		}
		name = strings.TrimLeft(name, "/")
		if name == "" {
			continue
		}
		stat := c.Lstat
		if a.follow {
			stat = c.Stat
		}
		st, err := stat(file)
		if err != nil {
			c.Die(1, "%s: %v", file, err)
		}
		if a.verbose {
			c.Errorf("%s\n", name)
		}
		if st.Nlink > 1 && !st.Mode.IsDir() {
			key := [2]uint64{uint64(st.Dev), uint64(st.Ino)}
			l := byInode[key]
			if l == nil {
				l = &linked{file: file, st: st}
				byInode[key] = l
				order = append(order, l)
			}
			l.names = append([]string{name}, l.names...)
			continue
		}
		if failed(a.write(w, file, name, st, true)) {
			return 1
		}
	}
	for _, l := range order {
		for i, name := range l.names {
			if failed(a.write(w, l.file, name, l.st, i == len(l.names)-1)) {
				return 1
			}
		}
	}
	if failed(w.header(&cpioEntry{name: cpioTrailer, nlink: 1, mtime: time.Unix(0, 0)})) {
		return 1
	}
	return c.Status
}

func (a *cpioRun) write(w *cpioWriter, file, name string, st vfs.Stat, content bool) error {
	e := &cpioEntry{name: name, ino: uint64(st.Ino), mode: st.Mode, uid: st.UID, gid: st.GID, nlink: uint32(st.Nlink), mtime: st.Mtime,
		devMajor: st.Dev.Major(), devMinor: st.Dev.Minor(), rdevMajor: st.Rdev.Major(), rdevMinr: st.Rdev.Minor()}
	a.give(e)
	if st.Mode.IsSymlink() {
		target, err := a.c.Readlink(file)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		e.size = int64(len(target))
		if err := w.header(e); err != nil {
			return err
		}
		return w.content(strings.NewReader(target), e.size)
	}
	if !st.Mode.IsRegular() || !content {
		return w.header(e)
	}
	e.size = st.Size
	f, err := a.c.OpenFile(file, linux.O_RDONLY, 0)
	if err != nil {
		return fmt.Errorf("can't open '%s': %w", file, err)
	}
	defer f.Close()
	if err := w.header(e); err != nil {
		return err
	}
	return w.content(f, e.size)
}

// cpioWriter writes members.
type cpioWriter struct {
	w io.Writer
	n int64
}

func (w *cpioWriter) write(b []byte) error {
	n, err := w.w.Write(b)
	w.n += int64(n)
	return err
}

func (w *cpioWriter) pad() error { return w.write(make([]byte, -w.n&3)) }

func (w *cpioWriter) header(e *cpioEntry) error {
	h := fmt.Sprintf("070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%s\x00", uint32(e.ino), uint32(e.mode), e.uid, e.gid, e.nlink, uint32(e.mtime.Unix()),
		uint32(e.size), e.devMajor, e.devMinor, e.rdevMajor, e.rdevMinr, len(e.name)+1, 0, e.name)
	if err := w.write([]byte(h)); err != nil {
		return err
	}
	return w.pad()
}

func (w *cpioWriter) content(r io.Reader, size int64) error {
	n, err := io.Copy(w.w, io.LimitReader(r, size))
	w.n += n
	if err != nil {
		return err
	}
	if n < size {
		return errShortRead
	}
	return w.pad()
}

// extract lists or unpacks an archive.
func (a *cpioRun) extract(in io.Reader) int {
	c := a.c
	r := newCpioReader(in)
	pending := map[uint64]*cpioEntry{}
	made := map[uint64]string{}
	for {
		e, err := r.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			c.Die(1, "%v", err)
		}
		c.Step(1)
		e.name = a.safe(e.name)
		if e.nlink > 1 && !e.mode.IsDir() && e.size == 0 {
			a.links[e.ino] = append(a.links[e.ino], e.name)
			pending[e.ino] = e
			continue
		}
		a.give(e)
		if !a.wanted(e.name) {
			continue
		}
		if a.stdout {
			if e.mode.IsRegular() {
				if _, err := io.Copy(c.Out, r); err != nil {
					c.Die(1, "%v", err)
				}
			}
			continue
		}
		if a.list {
			if err := a.show(e, r); err != nil {
				c.Die(1, "%v", err)
			}
			continue
		}
		if err := a.unpack(e, r); err != nil {
			c.Die(1, "%v", err)
		}
		if a.verbose {
			c.Print(e.name, "\n")
		}
		if e.nlink > 1 && !e.mode.IsDir() {
			made[e.ino] = e.name
		}
	}
	// Names without content: links to what came with it, or empty files.
	if !a.list && !a.stdout {
		for ino, names := range a.links {
			target := made[ino]
			for _, name := range names {
				if !a.wanted(name) {
					continue
				}
				if target == "" {
					e := *pending[ino]
					e.name = name
					a.give(&e)
					if err := a.unpack(&e, strings.NewReader("")); err != nil {
						c.Die(1, "%v", err)
					}
					target = name
					continue
				}
				if !a.clear(name, pending[ino].mtime) {
					continue
				}
				if err := c.Link(target, name); err != nil {
					c.Die(1, "can't create hard link '%s' to '%s': %v", name, target, err)
				}
			}
		}
	}
	if r.read > 0 && !a.quiet {
		c.Errorf("%d blocks\n", (r.read+511)/512)
	}
	return c.Status
}

// safe takes from a name what would lead out of the directory.
func (a *cpioRun) safe(name string) string {
	for strings.HasPrefix(name, "./") {
		name = strings.TrimLeft(name[2:], "/")
	}
	return name
}

func (a *cpioRun) wanted(name string) bool {
	if len(a.c.Args) == 0 {
		return true
	}
	for _, p := range a.c.Args {
		if fnmatch.Match(p, name, 0) {
			return true
		}
	}
	return false
}

func (a *cpioRun) show(e *cpioEntry, r io.Reader) error {
	if !a.verbose {
		a.c.Print(e.name, "\n")
		return nil
	}
	size, arrow := e.size, ""
	if e.mode.IsSymlink() {
		target, err := io.ReadAll(io.LimitReader(r, 4096))
		if err != nil {
			return err
		}
		size, arrow = 0, " -> "+string(target)
	}
	a.c.Printf("%s %d/%d %9d %s %s%s\n", e.mode, e.uid, e.gid, size,
		datetime.Format("%Y-%m-%d %H:%M:%S", e.mtime.In(datetime.Zone(a.c.Getenv("TZ")))), e.name, arrow)
	return nil
}

// clear makes room for a member, or says why it stays away.
func (a *cpioRun) clear(name string, mtime time.Time) bool {
	st, err := a.c.Lstat(name)
	if err != nil {
		return true
	}
	if !a.overwrite && !st.Mtime.Truncate(time.Second).Before(mtime) {
		a.c.Warn("%s not created: newer or same age file exists", name)
		return false
	}
	a.c.Unlink(name)
	return true
}

func (a *cpioRun) unpack(e *cpioEntry, r io.Reader) error {
	c := a.c
	if a.parents {
		a.mkParents(e.name)
	}
	st, err := c.Lstat(e.name)
	exists := err == nil
	if exists && st.Mode.IsDir() && e.mode.IsDir() {
		return nil
	}
	if exists && !a.clear(e.name, e.mtime) {
		return nil
	}
	switch {
	case e.mode.IsDir():
		if err := c.Mkdir(e.name, e.mode.Perm()); err != nil {
			return fmt.Errorf("can't make dir %s: %w", e.name, err)
		}
	case e.mode.IsSymlink():
		target, err := io.ReadAll(io.LimitReader(r, 4096))
		if err != nil {
			return err
		}
		if err := c.Symlink(string(target), e.name); err != nil {
			return fmt.Errorf("can't create symlink '%s' to '%s': %w", e.name, target, err)
		}
	case e.mode.IsRegular():
		f, err := c.OpenFile(e.name, linux.O_WRONLY|linux.O_CREAT|linux.O_EXCL, e.mode.Perm()&0o777)
		if err != nil {
			return fmt.Errorf("can't open '%s': %w", e.name, err)
		}
		_, err = io.Copy(f, r)
		f.Close()
		if err != nil {
			return err
		}
	default:
		if err := c.Mknod(e.name, e.mode, linux.Mkdev(e.rdevMajor, e.rdevMinr)); err != nil {
			return fmt.Errorf("can't create node %s: %w", e.name, err)
		}
	}
	c.Lchown(e.name, e.uid, e.gid)
	if !e.mode.IsSymlink() {
		c.Chmod(e.name, e.mode.Perm())
	}
	if a.mtime {
		c.Utimes(e.name, &e.mtime, &e.mtime, true)
	}
	return nil
}

func (a *cpioRun) mkParents(name string) {
	dir := path.Dir(name)
	if dir == "." || dir == "/" {
		return
	}
	if _, err := a.c.Stat(dir); err == nil {
		return
	}
	a.mkParents(dir)
	a.c.Mkdir(dir, 0o777)
}

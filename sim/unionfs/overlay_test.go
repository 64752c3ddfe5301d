//go:build overlay && linux

// The kernel's overlayfs is what this package imitates, so here it is asked: random operations run
// on a mounted overlay and on an FS, three uppers deep, and whatever can be seen of the two is
// compared: what each operation returned, the merged tree, and the upper directory itself.
//
//	go test -tags overlay ./sim/unionfs -run Overlay -overlay.seeds 500        (as root)
//	go test -tags overlay ./sim/unionfs -run Overlay -overlay.seed 42 -overlay.seeds 1

package unionfs_test

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sort"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dockerlab/dockerlab/sim/layer"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/unionfs"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

var (
	seeds  = flag.Int("overlay.seeds", 100, "random runs to compare with the kernel")
	from   = flag.Int("overlay.seed", 0, "the first of them")
	perRun = flag.Int("overlay.ops", 25, "operations between two mounts")
)

const mounts = 3

// op is one system call. The same one runs on both sides.
type op struct {
	call string
	a, b string
	n    int
	user uint32 // 0, or somebody without capabilities
}

func (o op) String() string { return fmt.Sprintf("%d: %s %s %s %d", o.user, o.call, o.a, o.b, o.n) }

var (
	dirs  = []string{"/r/d1", "/r/d1", "/r/d2", "/r/d1/sub", "/r/d1/sub", "/r/d2/sub", "/r/d3", "/r/e", "/r/n1"}
	names = []string{"a", "b", "c", "x", "y"}
	calls = []string{
		"mkdir", "mkdir", "rmdir", "rmdir", "unlink", "unlink", "unlink", "rename", "rename", "rename", "rename", "link", "link",
		"symlink", "mkfifo", "chmod", "chown", "lchown", "write", "write", "append", "openrw", "truncate", "utimes", "creatx", "rmtree", "cat", "mksock", "lutimes", "lutimes", "chmod", "chown",
	}
)

func randomOp(r *rand.Rand) op {
	p := func() string {
		d := dirs[r.IntN(len(dirs))]
		if r.IntN(5) == 0 {
			return d
		}
		return d + "/" + names[r.IntN(len(names))]
	}
	o := op{call: calls[r.IntN(len(calls))], a: p(), n: r.IntN(8)}
	if r.IntN(3) == 0 {
		o.user = 1000
	}
	switch o.call {
	case "rename", "link":
		o.b = p()
	case "symlink":
		o.b = []string{p()[1:], "a", "../b", "sub", ".", "y"}[r.IntN(6)]
	}
	return o
}

var modes = []uint32{0o777, 0o644, 0o4755, 0o1777, 0, 0o2770, 0o6770, 0o2745}

// kernelSide runs an operation below root on the machine.
func kernelSide(root string, o op) error {
	a, b := root+o.a, root+o.b
	if o.user != 0 { // for the file system, and on this thread alone
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		unix.SetfsgidRetGid(50)
		unix.SetfsuidRetUid(int(o.user))
		defer unix.SetfsgidRetGid(0)
		defer unix.SetfsuidRetUid(0)
	}
	switch o.call {
	case "mkdir":
		return unix.Mkdir(a, modes[o.n]|0o700)
	case "rmdir":
		return unix.Rmdir(a)
	case "unlink":
		return unix.Unlink(a)
	case "rename":
		return unix.Rename(a, b)
	case "link":
		return unix.Linkat(unix.AT_FDCWD, a, unix.AT_FDCWD, b, 0)
	case "symlink":
		return unix.Symlink(o.b, a)
	case "mkfifo":
		return unix.Mknod(a, unix.S_IFIFO|0o644, 0)
	case "mksock":
		return unix.Mknod(a, unix.S_IFSOCK|0o644, 0)
	case "chmod":
		return unix.Chmod(a, modes[o.n])
	case "chown":
		return unix.Chown(a, o.n*1000, o.n%2*50)
	case "lchown":
		return unix.Lchown(a, o.n*1000, o.n%2*50)
	case "write", "append", "openrw", "creatx":
		flags := map[string]int{"write": unix.O_CREAT | unix.O_TRUNC, "append": unix.O_CREAT | unix.O_APPEND, "openrw": 0, "creatx": unix.O_CREAT | unix.O_EXCL}[o.call]
		fd, err := unix.Open(a, flags|unix.O_WRONLY|unix.O_NONBLOCK, 0o644)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		if o.call != "openrw" {
			_, err = unix.Write(fd, payload(o.n))
		}
		return err
	case "truncate":
		return unix.Truncate(a, int64(o.n*3))
	case "utimes":
		return unix.UtimesNanoAt(unix.AT_FDCWD, a, []unix.Timespec{{Sec: 5}, {Sec: int64(1000 + o.n)}}, 0)
	case "lutimes":
		return unix.UtimesNanoAt(unix.AT_FDCWD, a, []unix.Timespec{{Sec: 5}, {Sec: int64(1000 + o.n)}}, unix.AT_SYMLINK_NOFOLLOW)
	case "cat":
		f, err := os.OpenFile(a, unix.O_NONBLOCK, 0)
		if err != nil {
			return errnoOf(err)
		}
		defer f.Close()
		_, err = unix.Read(int(f.Fd()), make([]byte, 10))
		return err
	}
	panic(o.call)
}

func payload(n int) []byte { return []byte(strings.Repeat(string(rune('a'+n)), n*n+1)) }

func errnoOf(err error) error {
	var e syscall.Errno
	if err != nil {
		for err != nil {
			if x, ok := err.(syscall.Errno); ok {
				e = x
				break
			}
			u, ok := err.(interface{ Unwrap() error })
			if !ok {
				break
			}
			err = u.Unwrap()
		}
		return e
	}
	return nil
}

// labSide runs the same on a view.
func labSide(v *vfs.View, o op) error {
	switch o.call {
	case "mkdir":
		return v.Mkdir(o.a, linux.Mode(modes[o.n]|0o700))
	case "rmdir":
		return v.Rmdir(o.a)
	case "unlink":
		return v.Unlink(o.a)
	case "rename":
		return v.Rename(o.a, o.b)
	case "link":
		return v.Link(o.a, o.b)
	case "symlink":
		return v.Symlink(o.b, o.a)
	case "mkfifo":
		return v.Mknod(o.a, linux.S_IFIFO|0o644, 0)
	case "mksock":
		return v.Mknod(o.a, linux.S_IFSOCK|0o644, 0)
	case "chmod":
		return v.Chmod(o.a, linux.Mode(modes[o.n]))
	case "chown", "lchown":
		return v.Chown(o.a, uint32(o.n*1000), uint32(o.n%2*50), o.call == "chown")
	case "write", "append", "openrw", "creatx":
		return labOpen(v, o)
	case "truncate":
		return v.Truncate(o.a, int64(o.n*3))
	case "utimes", "lutimes":
		at, mt := time.Unix(5, 0), time.Unix(int64(1000+o.n), 0)
		return v.Utimes(o.a, &at, &mt, o.call == "utimes", false)
	case "cat":
		r, err := v.Resolve(o.a, true)
		if err != nil {
			return err
		}
		st, err := r.Stat()
		switch {
		case err != nil:
			return err
		case !v.Cred.May(&st, linux.R_OK):
			return linux.EACCES
		case st.Mode.IsDir():
			return linux.EISDIR
		case st.Mode.Type() == linux.S_IFSOCK:
			return linux.ENXIO
		case !st.Mode.IsRegular():
			return nil
		}
		_, err = r.Mount.FS.ReadAt(r.Ino, make([]byte, 10), 0)
		if err == io.EOF {
			err = nil
		}
		return err
	}
	panic(o.call)
}

// labOpen is open(2) for writing, which the kernel of the lab has and a view has not.
func labOpen(v *vfs.View, o op) error {
	var r vfs.Ref
	var slash bool
	var err error
	switch o.call {
	case "openrw":
		r, err = v.Resolve(o.a, true)
	case "creatx":
		r, slash, err = v.ResolveParent(o.a)
	default:
		r, slash, err = v.ResolveCreate(o.a)
	}
	if err != nil {
		return err
	}
	_ = slash
	if r.Ino != 0 {
		st, err := r.Stat()
		if err != nil {
			return err
		}
		switch {
		case o.call == "creatx":
			return linux.EEXIST
		case st.Mode.IsDir():
			return linux.EISDIR
		case !v.Cred.May(&st, linux.W_OK):
			return linux.EACCES
		case !st.Mode.IsRegular():
			return linux.ENXIO // a pipe that nobody reads, a socket
		}
		if r, err = r.CopyUp(); err != nil {
			return err
		}
	} else if r, err = v.Create(r, vfs.Node{Mode: linux.S_IFREG | 0o644}); err != nil {
		return err
	}
	fs := r.Mount.FS
	st, err := fs.Stat(r.Ino)
	if err != nil || o.call == "openrw" {
		return err
	}
	if o.call == "write" {
		if err := fs.SetAttr(r.Ino, v.Resized(st, 0)); err != nil {
			return err
		}
		st.Size = 0
	}
	if _, err = fs.WriteAt(r.Ino, payload(o.n), st.Size); err != nil {
		return err
	}
	if m := v.Written(st); m != nil {
		return fs.SetAttr(r.Ino, vfs.Attr{Mode: m})
	}
	return nil
}

// base is what both sides begin with, as a layer.
func base() []layer.Entry {
	t := time.Unix(981173106, 0)
	d := func(name string) layer.Entry {
		return layer.Entry{Name: name, Mode: linux.S_IFDIR | 0o755, ModTime: t}
	}
	f := func(name, text string) layer.Entry {
		return layer.Entry{Name: name, Mode: linux.S_IFREG | 0o644, ModTime: t, Content: layer.Text(text)}
	}
	return []layer.Entry{
		d("r"), d("r/d1"), f("r/d1/a", "one"), f("r/d1/b", "two"), {Name: "r/d1/c", Mode: linux.S_IFLNK | 0o777, Target: "a", ModTime: t},
		d("r/d1/sub"), d("r/d1/sub/deep"), f("r/d1/sub/deep/y", "deep"), f("r/d1/sub/x", "x"),
		{Name: "r/d1/x", Mode: linux.S_IFREG | 0o644, ModTime: t, Link: "r/d1/b"},
		d("r/d2"), d("r/d2/sub"), {Name: "r/d2/y", Mode: linux.S_IFLNK | 0o777, Target: "../d1/sub", ModTime: t},
		d("r/d3"), d("r/d3/b"), f("r/d3/b/c", ""), d("r/e"),
	}
}

func makeBase(dir string) error {
	for _, e := range base() {
		p := filepath.Join(dir, e.Name)
		var err error
		switch {
		case e.Link != "":
			err = os.Link(filepath.Join(dir, e.Link), p)
		case e.Mode.IsDir():
			err = os.Mkdir(p, 0o755)
		case e.Mode.IsSymlink():
			err = os.Symlink(e.Target, p)
		default:
			var b []byte
			if e.Content != nil {
				b = []byte(e.Content.(layer.Bytes))
			}
			err = os.WriteFile(p, b, 0o644)
		}
		if err != nil {
			return err
		}
	}
	return filepath.Walk(dir, func(p string, _ os.FileInfo, err error) error {
		ts := []unix.Timespec{{Sec: 981173106}, {Sec: 981173106}}
		return unix.UtimesNanoAt(unix.AT_FDCWD, p, ts, unix.AT_SYMLINK_NOFOLLOW)
	})
}

// see describes a tree of the machine: a line for each path. Times that are not long ago are "now".
func see(root string, upper bool) (map[string]string, error) {
	out := map[string]string{}
	first := map[uint64]string{}
	err := filepath.Walk(root, func(p string, fi os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		name := "/" + strings.TrimPrefix(strings.TrimPrefix(p, root), "/")
		if name == "/" {
			return nil
		}
		var st unix.Stat_t
		if err := unix.Lstat(p, &st); err != nil {
			return err
		}
		if upper && st.Mode&unix.S_IFMT == unix.S_IFSOCK {
			return nil // no tar holds one
		}
		link := ""
		if st.Nlink > 1 && !fi.IsDir() {
			if first[st.Ino] == "" {
				first[st.Ino] = name
			}
			link = first[st.Ino]
		}
		if upper && st.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev == 0 {
			if link == "" {
				link = name
			}
			out[name] = "whiteout =" + link
			return nil
		}
		size, text := int64(0), ""
		switch st.Mode & unix.S_IFMT {
		case unix.S_IFREG:
			b, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			size, text = st.Size, fmt.Sprintf("%x", sha256.Sum256(b))[:8]
		case unix.S_IFLNK:
			text, _ = os.Readlink(p)
		}
		when := "now"
		if st.Mtim.Sec < 1e9 {
			when = fmt.Sprint(st.Mtim.Sec)
		}
		out[name] = fmt.Sprintf("%s %d:%d %d %s %s", linux.Mode(st.Mode), st.Uid, st.Gid, size, text, when)
		if !upper {
			out[name] += fmt.Sprint(" links ", st.Nlink)
		}
		if link != "" && (upper || true) {
			out[name] += " =" + link
		}
		if upper && fi.IsDir() {
			b := make([]byte, 8)
			if n, err := unix.Lgetxattr(p, "trusted.overlay.opaque", b); err == nil && string(b[:n]) == "y" {
				out[name] += " opaque"
			}
		}
		return nil
	})
	return out, err
}

func when(t time.Time) string {
	if t.Unix() < 1e9 {
		return fmt.Sprint(t.Unix())
	}
	return "now"
}

func text(c layer.Content) (int64, string) {
	var b []byte
	if c != nil {
		b, _ = io.ReadAll(layer.NewReader(c))
	}
	return int64(len(b)), fmt.Sprintf("%x", sha256.Sum256(b))[:8]
}

// seeMerged describes an FS as see does a mount.
func seeMerged(t *testing.T, f *unionfs.FS) map[string]string {
	out := map[string]string{}
	first := map[vfs.Ino]string{}
	var walk func(dir vfs.Ino, at string)
	walk = func(dir vfs.Ino, at string) {
		es, err := f.ReadDir(dir)
		if err != nil {
			t.Fatal(at, err)
		}
		for _, e := range es {
			name := at + "/" + e.Name
			st, err := f.Stat(e.Ino)
			if err != nil {
				t.Fatal(name, err)
			}
			var size int64
			var what string
			switch st.Mode.Type() {
			case linux.S_IFREG:
				c, err := f.Content(e.Ino)
				if err != nil {
					t.Fatal(name, err)
				}
				size, what = text(c)
				if size != st.Size {
					t.Fatalf("%s: size %d, content of %d", name, st.Size, size)
				}
			case linux.S_IFLNK:
				what, _ = f.Readlink(e.Ino)
			}
			out[name] = fmt.Sprintf("%s %d:%d %d %s %s links %d", st.Mode, st.UID, st.GID, size, what, when(st.Mtime), st.Nlink)
			if st.Nlink > 1 && !st.Mode.IsDir() {
				if first[e.Ino] == "" {
					first[e.Ino] = name
				}
				out[name] += " =" + first[e.Ino]
			}
			if st.Mode.IsDir() {
				walk(e.Ino, name)
			}
		}
	}
	walk(f.Root(), "")
	return out
}

// seeUpper describes an FS's upper as see does an upper directory.
func seeUpper(f *unionfs.FS) map[string]string {
	out := map[string]string{}
	linked := map[string]bool{}
	es := f.UpperEntries()
	for _, e := range es {
		linked[e.Link] = true
	}
	for _, e := range es {
		name := "/" + e.Name
		link := ""
		if e.Link != "" {
			link = "/" + e.Link
		} else if linked[e.Name] || e.Whiteout {
			link = name
		}
		if e.Whiteout {
			out[name] = "whiteout =" + link
			continue
		}
		var size int64
		what := e.Target
		if e.Mode.IsRegular() {
			size, what = text(e.Content)
		}
		out[name] = fmt.Sprintf("%s %d:%d %d %s %s", e.Mode, e.UID, e.GID, size, what, when(e.ModTime))
		if link != "" {
			out[name] += " =" + link
		}
		if e.Opaque {
			out[name] += " opaque"
		}
	}
	return out
}

func firstDifference(kernel, lab map[string]string) string {
	var all []string
	for k := range kernel {
		all = append(all, k)
	}
	for k := range lab {
		all = append(all, k)
	}
	sort.Strings(all)
	for _, k := range slices.Compact(all) {
		if kernel[k] != lab[k] {
			return fmt.Sprintf("%s\n\tkernel %q\n\tlab    %q", k, kernel[k], lab[k])
		}
	}
	return ""
}

// compare runs the operations of each mount on both sides and says where they differ.
func compare(t *testing.T, tmp string, runs [][]op) (difference string) {
	os.RemoveAll(tmp)
	lower := filepath.Join(tmp, "base")
	merged := filepath.Join(tmp, "merged")
	for _, d := range []string{lower, merged} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := makeBase(lower); err != nil {
		t.Fatal(err)
	}
	first, err := layer.New(base())
	if err != nil {
		t.Fatal(err)
	}
	tree, err := layer.NewTree().Apply(first)
	if err != nil {
		t.Fatal(err)
	}
	for n, ops := range runs {
		upper, work := filepath.Join(tmp, fmt.Sprint("upper", n)), filepath.Join(tmp, fmt.Sprint("work", n))
		os.Mkdir(upper, 0o755)
		os.Mkdir(work, 0o755)
		options := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s,index=off,redirect_dir=off,metacopy=off,xino=off", lower, upper, work)
		if err := unix.Mount("overlay", merged, "overlay", 0, options); err != nil {
			t.Skipf("mount an overlay: %v", err)
		}
		f := unionfs.New(tree, unionfs.Options{})
		v := vfs.NewNamespace(f, "overlay", "").View(vfs.Root(vfs.CapsAll))
		v.Umask = 0o022
		somebody := v.Clone()
		done := func() string {
			defer unix.Unmount(merged, unix.MNT_DETACH)
			for i, o := range ops {
				for _, o := range expand(merged, o) {
					who := v
					if o.user != 0 {
						who = somebody
						who.Cred = vfs.Cred{UID: o.user, GID: 50}
					}
					k, l := kernelSide(merged, o), labSide(who, o)
					kn, _ := k.(syscall.Errno)
					ln, _ := l.(linux.Errno)
					if uint(kn) != uint(ln) {
						return fmt.Sprintf("mount %d, operation %d, %v: kernel %v, lab %v", n, i, o, k, l)
					}
				}
				if testing.Verbose() {
					m, err := see(merged, false)
					if err != nil {
						t.Fatal(err)
					}
					if d := firstDifference(m, seeMerged(t, f)); d != "" {
						return fmt.Sprintf("mount %d, after operation %d, %v: merged %s", n, i, o, d)
					}
				}
			}
			m, err := see(merged, false)
			if err != nil {
				t.Fatal(err)
			}
			if d := firstDifference(m, seeMerged(t, f)); d != "" {
				return fmt.Sprintf("mount %d: merged %s", n, d)
			}
			u, err := see(upper, true)
			if err != nil {
				t.Fatal(err)
			}
			if d := firstDifference(u, seeUpper(f)); d != "" {
				return fmt.Sprintf("mount %d: upper %s", n, d)
			}
			return ""
		}()
		if done != "" {
			return done
		}
		// What was written becomes the next mount's topmost lower layer.
		removeSockets(upper)
		l, err := f.Layer()
		if err != nil {
			t.Fatal(err)
		}
		if l != nil {
			if tree, err = tree.Apply(l); err != nil {
				t.Fatal(err)
			}
		}
		lower = upper + ":" + lower
	}
	return ""
}

func removeSockets(dir string) {
	filepath.Walk(dir, func(p string, fi os.FileInfo, err error) error {
		if err == nil && fi.Mode()&os.ModeSocket != 0 {
			parent, _ := os.Stat(filepath.Dir(p))
			os.Remove(p)
			os.Chtimes(filepath.Dir(p), time.Time{}, parent.ModTime())
		}
		return nil
	})
}

// expand makes single system calls of what is more than one.
func expand(root string, o op) []op {
	if o.call != "rmtree" {
		return []op{o}
	}
	var all []op
	filepath.Walk(root+o.a, func(p string, fi os.FileInfo, err error) error {
		if err != nil {
			return nil
		}
		call := "unlink"
		if fi.IsDir() {
			call = "rmdir"
		}
		all = append(all, op{call: call, a: strings.TrimPrefix(p, root), user: o.user})
		return nil
	})
	slices.Reverse(all)
	return all
}

func TestOverlayOfTheKernelDoesTheSame(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounting needs root")
	}
	syscall.Umask(0o022)
	tmp := filepath.Join(t.TempDir(), "o")
	for d := filepath.Dir(tmp); d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		os.Chmod(d, 0o755) // somebody else has to get there
	}
	bad := 0
	for seed := *from; seed < *from+*seeds && bad < 5; seed++ {
		r := rand.New(rand.NewPCG(uint64(seed), 0))
		runs := make([][]op, mounts)
		for i := range runs {
			for range *perRun {
				runs[i] = append(runs[i], randomOp(r))
			}
		}
		d := compare(t, tmp, runs)
		if d == "" {
			continue
		}
		bad++
		for shrunk := true; shrunk; { // leave out what is not needed for a difference
			shrunk = false
			for i := range runs {
				for j := 0; j < len(runs[i]); j++ {
					less := slices.Clone(runs)
					less[i] = slices.Delete(slices.Clone(runs[i]), j, j+1)
					if e := compare(t, tmp, less); e != "" {
						runs, d, shrunk = less, e, true
						j--
					}
				}
			}
		}
		t.Errorf("seed %d: %s\nafter %q", seed, d, runs)
	}
}

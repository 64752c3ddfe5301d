package vfs_test

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/spf13/afero"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/unionfs"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

func now() time.Time { return time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC) }

func newFS() vfs.Filesystem { return unionfs.New(nil, unionfs.Options{Now: now}) }

// tree makes a namespace from lines: "d PATH MODE UID", "f PATH MODE UID TEXT", "l PATH TARGET".
func tree(t *testing.T, lines string) *vfs.Namespace {
	t.Helper()
	ns := vfs.NewNamespace(newFS(), "overlay", "")
	grow(t, ns, lines)
	return ns
}

func grow(t *testing.T, ns *vfs.Namespace, lines string) {
	t.Helper()
	v := ns.View(vfs.Root(vfs.CapsAll))
	for line := range strings.Lines(lines) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		var err error
		if f[0] == "l" {
			err = v.Symlink(f[2], f[1])
		} else {
			var mode linux.Mode
			var uid uint32
			fmt.Sscanf(f[2], "%o", &mode)
			fmt.Sscan(f[3], &uid)
			if f[0] == "d" {
				err = v.Mkdir(f[1], 0o755)
			} else {
				err = v.WriteFile(f[1], []byte(f[4]), 0o644)
			}
			if err == nil {
				err = v.Chown(f[1], uid, uid, false)
			}
			if err == nil {
				err = v.Chmod(f[1], mode)
			}
		}
		if err != nil {
			t.Fatalf("%s: %v", strings.TrimSpace(line), err)
		}
	}
}

func TestResolve(t *testing.T) {
	ns := tree(t, `
		d /a 755 0
		d /a/b 755 0
		f /a/b/f 644 0 text
		l /abs /a/b
		l /rel a/b
		l /a/up ../a/b/f
		l /loop loop
		l /dangling nowhere
		l /out ../../../../a
		d /secret 700 0
		f /secret/f 644 0 text
		d /search 711 0
		f /search/f 644 0 text
	`)
	root, user := vfs.Root(vfs.CapsContainer), vfs.User(1000, 1000, nil, 0)
	for _, c := range []struct {
		cred vfs.Cred
		path string
		want string // the path of what is found, or the error
	}{
		{root, "/", "/"},
		{root, "//a///b/./f", "/a/b/f"},
		{root, "/a/b/../b/f", "/a/b/f"},
		{root, "/../../a", "/a"},
		{root, "/abs/f", "/a/b/f"},
		{root, "/rel/f", "/a/b/f"},
		{root, "/a/up", "/a/b/f"},
		{root, "/out/b", "/a/b"},
		{root, "/abs/..", "/a"}, // ".." is of the directory, not of the name
		{root, "/a/b/", "/a/b"},
		{root, "/abs/", "/a/b"},
		{root, "/a/b/f/", "Not a directory"},
		{root, "/a/b/f/x", "Not a directory"},
		{root, "/a/b/f/..", "Not a directory"},
		{root, "/missing", "No such file or directory"},
		{root, "/missing/..", "No such file or directory"},
		{root, "", "No such file or directory"},
		{root, "/loop", "Too many levels of symbolic links"},
		{root, "/loop/x", "Too many levels of symbolic links"},
		{root, "/dangling", "No such file or directory"},
		{root, "/" + strings.Repeat("x", 256), "File name too long"},
		{root, "/" + strings.Repeat("a/../", 1000), "File name too long"},
		{user, "/secret", "/secret"},
		{user, "/secret/f", "Permission denied"},
		{user, "/secret/missing", "Permission denied"},
		{user, "/search/f", "/search/f"},
		{root, "/secret/f", "/secret/f"},
	} {
		v := ns.View(c.cred)
		ref, err := v.Resolve(c.path, true)
		got := fmt.Sprint(err)
		if err == nil {
			got, _ = v.PathOf(ref)
		}
		if got != c.want {
			t.Errorf("%s as %d: %s, want %s", c.path, c.cred.UID, got, c.want)
		}
	}
	v := ns.View(user)
	if _, err := v.ReadDir("/search"); err != linux.EACCES {
		t.Errorf("listing a directory that may only be searched: %v", err)
	}
}

func TestMounts(t *testing.T) {
	ns := tree(t, `
		d /mnt 755 0
		f /mnt/below 644 0 below
		f /hosts 644 0 image
	`)
	other := tree(t, `
		d /d 755 0
		f /d/above 644 0 above
		f /file 644 0 bind
	`)
	if err := ns.Mount("/mnt", &vfs.Mount{FS: other.Root().FS, Source: "vol"}); err != nil {
		t.Fatal(err)
	}
	src, err := other.View(vfs.Root(0)).Resolve("/file", true)
	if err != nil {
		t.Fatal(err)
	}
	if err := ns.Mount("/hosts", &vfs.Mount{FS: src.Mount.FS, Root: src.Ino, RootDir: src.Dir, RootName: src.Name, Source: "bind"}); err != nil {
		t.Fatal(err)
	}
	v := ns.View(vfs.Root(vfs.CapsAll))
	read := func(p string) string {
		b, err := v.ReadFile(p, 100)
		if err != nil {
			return err.Error()
		}
		return string(b)
	}
	for p, want := range map[string]string{
		"/mnt/below":      "No such file or directory",
		"/mnt/d/above":    "above",
		"/mnt/../mnt/d/.": "Is a directory",
		"/hosts":          "bind",
		"/mnt/d/../file":  "bind",
	} {
		if got := read(p); got != want {
			t.Errorf("%s: %s, want %s", p, got, want)
		}
	}
	for what, err := range map[string]error{
		"unlink a mount point": v.Unlink("/hosts"),
		"rename a mount point": v.Rename("/hosts", "/h2"),
		"rename onto one":      v.Rename("/mnt/file", "/hosts"),
		"rmdir a mount point":  v.Rmdir("/mnt"),
		"rename across":        v.Rename("/mnt/file", "/file"),
		"link across":          v.Link("/mnt/file", "/file"),
	} {
		want := linux.EBUSY
		if strings.Contains(what, "across") || what == "rename onto one" {
			want = linux.EXDEV
		}
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
	}
	v.Chdir("/mnt/d")
	if wd, _ := v.Getwd(); wd != "/mnt/d" {
		t.Errorf("working directory %s", wd)
	}
	// a write through the bind mount is seen in the source
	if err := v.WriteFile("/hosts", []byte("changed"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := read("/mnt/file"); got != "changed" {
		t.Errorf("the source says %q", got)
	}
	ns.Mounts()[1].ReadOnly = true
	if err := v.WriteFile("/mnt/new", nil, 0o644); err != linux.EROFS {
		t.Errorf("writing to a read-only mount: %v", err)
	}
	if err := ns.Unmount("/mnt"); err != nil {
		t.Fatal(err)
	}
	if got := read("/mnt/below"); got != "below" {
		t.Errorf("after unmounting: %s", got)
	}
	if err := ns.Unmount("/mnt"); err != linux.EINVAL {
		t.Errorf("unmounting nothing: %v", err)
	}
}

func TestPermissions(t *testing.T) {
	ns := tree(t, `
		d /tmp 1777 0
		f /tmp/mine 644 1000 x
		f /tmp/theirs 666 2000 x
		d /home 755 1000
		f /home/roots 644 0 x
		d /group 2775 0
		f /suid 4755 1000 x
	`)
	user := vfs.User(1000, 1000, []uint32{50}, 0)
	v := ns.View(user)
	uid := uint32(1000)
	for _, c := range []struct {
		what string
		err  error
		want error
	}{
		{"remove one's own file below a sticky directory", v.Unlink("/tmp/mine"), nil},
		{"remove another's there", v.Unlink("/tmp/theirs"), linux.EPERM},
		{"remove root's file from one's own directory", v.Unlink("/home/roots"), nil},
		{"make a file in the root", v.WriteFile("/new", nil, 0o644), linux.EACCES},
		{"chmod another's", v.Chmod("/tmp/theirs", 0o600), linux.EPERM},
		{"give one's own file away", v.Chown("/suid", 0, vfs.NoID, true), linux.EPERM},
		{"give it to a group of one's own", v.Chown("/suid", vfs.NoID, 50, true), nil},
		{"and to another", v.Chown("/suid", vfs.NoID, 51, true), linux.EPERM},
		{"keep its owner", v.Chown("/suid", uid, vfs.NoID, true), nil},
		{"mknod a device", v.Mknod("/tmp/dev", linux.S_IFCHR|0o666, linux.Mkdev(1, 3)), linux.EPERM},
		{"chroot", v.Chroot("/home"), linux.EPERM},
	} {
		if c.err != c.want && !errors.Is(c.err, c.want) {
			t.Errorf("%s: %v, want %v", c.what, c.err, c.want)
		}
	}
	if st, _ := v.Stat("/suid"); st.Mode&linux.S_ISUID != 0 {
		t.Error("chown leaves the set-user-ID bit")
	}
	root := ns.View(vfs.Root(vfs.CapsContainer))
	root.Mkdir("/group/sub", 0o777)
	if st, _ := root.Stat("/group/sub"); st.Mode != linux.S_IFDIR|0o2755 || st.GID != 0 {
		t.Errorf("a directory below a set-group-ID one: %v", st.Mode)
	}
}

func TestRename(t *testing.T) {
	ns := tree(t, `
		d /a 755 0
		d /a/b 755 0
		f /a/f 644 0 x
		d /full 755 0
		f /full/f 644 0 y
		d /empty 755 0
	`)
	v := ns.View(vfs.Root(vfs.CapsAll))
	for _, c := range []struct {
		from, to string
		want     error
	}{
		{"/a", "/a/b/c", linux.EINVAL},
		{"/a/f", "/empty", linux.EISDIR},
		{"/empty", "/a/f", linux.ENOTDIR},
		{"/empty", "/full", linux.ENOTEMPTY},
		{"/a/f", "/new/", linux.ENOTDIR},
		{"/a/.", "/new", linux.EBUSY},
		{"/missing", "/new", linux.ENOENT},
		{"/a/f", "/a/f", nil},
		{"/a/f", "/full/f", nil},
		{"/a", "/empty", nil},
	} {
		if err := v.Rename(c.from, c.to); err != c.want {
			t.Errorf("%s to %s: %v, want %v", c.from, c.to, err, c.want)
		}
	}
	if b, _ := v.ReadFile("/full/f", 10); string(b) != "x" {
		t.Errorf("/full/f holds %q", b)
	}
	if _, err := v.Stat("/empty/b"); err != nil {
		t.Errorf("/empty/b: %v", err)
	}
}

func TestAferoIsAFileSystem(t *testing.T) {
	ns := tree(t, `
		d /dir 755 0
		f /dir/one 644 0 1
		f /dir/two 600 0 22
		d /dir/deep 755 0
		f /dir/deep/three 644 0 333
		f /four 644 0 4444
	`)
	a := ns.View(vfs.Root(vfs.CapsAll)).Afero()
	if err := fstest.TestFS(afero.NewIOFS(afero.NewBasePathFs(a, "/")), "dir/one", "dir/two", "dir/deep/three", "four"); err != nil {
		t.Error(err)
	}
	if err := a.MkdirAll("/x/y/z", 0o755); err != nil {
		t.Error(err)
	}
	if err := afero.WriteFile(a, "/x/y/z/f", []byte("hello"), 0o640); err != nil {
		t.Error(err)
	}
	if err := a.(afero.Symlinker).SymlinkIfPossible("y", "/x/link"); err != nil {
		t.Error(err)
	}
	if b, err := afero.ReadFile(a, "/x/link/z/f"); string(b) != "hello" || err != nil {
		t.Errorf("%q %v", b, err)
	}
	if i, _, err := a.(afero.Lstater).LstatIfPossible("/x/link"); err != nil || i.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("%v %v", i, err)
	}
	if _, err := a.Open("/missing"); !errors.Is(err, fs.ErrNotExist) || err.Error() != "open /missing: No such file or directory" {
		t.Errorf("%v", err)
	}
	if err := a.RemoveAll("/x"); err != nil {
		t.Error(err)
	}
	if ok, _ := afero.Exists(a, "/x/y"); ok {
		t.Error("still there")
	}
}

package unionfs_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/dockerlab/dockerlab/sim/layer"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/unionfs"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

var then = time.Unix(1577934245, 0)

func lowerTree(t testing.TB, es ...layer.Entry) *layer.Tree {
	t.Helper()
	l, err := layer.New(es)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := layer.NewTree().Apply(l)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func aFile(name, text string) layer.Entry {
	return layer.Entry{Name: name, Mode: linux.S_IFREG | 0o644, ModTime: then, Content: layer.Text(text)}
}

func aDir(name string) layer.Entry {
	return layer.Entry{Name: name, Mode: linux.S_IFDIR | 0o755, ModTime: then}
}

// sample has a file, two links of another, a directory and something in it.
func sample(t testing.TB) *layer.Tree {
	return lowerTree(t, aDir("d"), aFile("d/a", "one"), aFile("d/b", "two"),
		layer.Entry{Name: "d/x", Mode: linux.S_IFREG | 0o644, ModTime: then, Link: "d/b"},
		layer.Entry{Name: "d/l", Mode: linux.S_IFLNK | 0o777, ModTime: then, Target: "a"},
		aDir("e"), aFile("e/f", "f"), layer.Entry{Name: "big", Mode: linux.S_IFREG | 0o644, ModTime: then, Content: layer.Zero(1 << 30)})
}

func view(f *unionfs.FS) *vfs.View {
	return vfs.NewNamespace(f, "overlay", "").View(vfs.Root(vfs.CapsAll))
}

func do(t testing.TB, v *vfs.View, script string) {
	t.Helper()
	for line := range strings.Lines(script) {
		if err := perform(v, line); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
	}
}

func read(t testing.TB, f *unionfs.FS, ino vfs.Ino) string {
	t.Helper()
	st, err := f.Stat(ino)
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, st.Size)
	if n, err := f.ReadAt(ino, b, 0); n < len(b) && err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func find(t testing.TB, f *unionfs.FS, p string) vfs.Ino {
	t.Helper()
	r, err := view(f).Resolve(p, false)
	if err != nil {
		t.Fatalf("%s: %v", p, err)
	}
	return r.Ino
}

func TestOpenFileSeesTheLowerOneAfterCopyUp(t *testing.T) {
	f := unionfs.New(sample(t), unionfs.Options{})
	before := find(t, f, "/d/a")
	f.Pin(before)
	do(t, view(f), "append /d/a more")
	after := find(t, f, "/d/a")
	if before == after || read(t, f, before) != "one" || read(t, f, after) != "onemore" {
		t.Errorf("inode %d reads %q, then inode %d %q", before, read(t, f, before), after, read(t, f, after))
	}
	if d := find(t, f, "/d"); d != find(t, unionfs.New(sample(t), unionfs.Options{}), "/d") {
		t.Error("a directory has another inode after its copy-up")
	}
}

func TestCopyUpBreaksLowerLinks(t *testing.T) {
	f := unionfs.New(sample(t), unionfs.Options{})
	do(t, view(f), "append /d/x more")
	if got := read(t, f, find(t, f, "/d/b")); got != "two" {
		t.Errorf("the other name reads %q", got)
	}
	for p, want := range map[string]uint32{"/d/x": 1, "/d/b": 2} {
		if st, _ := f.Stat(find(t, f, p)); st.Nlink != want {
			t.Errorf("%s has %d links, want %d", p, st.Nlink, want)
		}
	}
}

func TestRemovedFileLivesWhileItIsOpen(t *testing.T) {
	disk := &unionfs.Disk{}
	f := unionfs.New(nil, unionfs.Options{Disk: disk})
	v := view(f)
	do(t, v, "write /f text")
	ino := find(t, f, "/f")
	f.Pin(ino)
	do(t, v, "rm /f")
	if got := read(t, f, ino); got != "text" {
		t.Errorf("reads %q", got)
	}
	if _, err := f.WriteAt(ino, []byte("TEXT"), 0); err != nil {
		t.Error(err)
	}
	if st, _ := f.Stat(ino); st.Nlink != 0 {
		t.Errorf("%d links", st.Nlink)
	}
	f.Unpin(ino)
	if _, err := f.Stat(ino); err != linux.ESTALE {
		t.Errorf("still there: %v", err)
	}
	if disk.Used != 0 || disk.InodesUsed != 0 || f.Held() != 0 {
		t.Errorf("not given back: %+v, %d bytes", *disk, f.Held())
	}
}

func TestRemovedDirectoryTakesNothing(t *testing.T) {
	for _, p := range []string{"/e", "/new"} {
		f := unionfs.New(sample(t), unionfs.Options{})
		v := view(f)
		do(t, v, "mkdir /new\nrm /e/f")
		ino := find(t, f, p)
		f.Pin(ino)
		do(t, v, "rmdir "+p)
		if _, err := f.Create(ino, "x", vfs.Node{Mode: linux.S_IFREG}); err != linux.ENOENT {
			t.Errorf("%s: create in it: %v", p, err)
		}
		if es, err := f.ReadDir(ino); err != nil || len(es) > 0 {
			t.Errorf("%s: list it: %v, %v", p, es, err)
		}
		if st, err := f.Stat(ino); err != nil || st.Nlink != 0 {
			t.Errorf("%s: %d links, %v", p, st.Nlink, err)
		}
		f.Unpin(ino)
	}
}

func TestErrorsAreThoseOfOverlayfs(t *testing.T) {
	f := unionfs.New(sample(t), unionfs.Options{})
	v := view(f)
	do(t, v, "mkdir /new\nmkdir /new/sub")
	root, d, e, n := f.Root(), find(t, f, "/d"), find(t, f, "/e"), find(t, f, "/new")
	lowerFile := find(t, f, "/d/a")
	for _, c := range []struct {
		what string
		err  error
		want linux.Errno
	}{
		{"rename a lower directory", f.Rename(root, "e", root, "e2"), linux.EXDEV},
		{"rename a lower directory over one with content", f.Rename(root, "e", root, "d"), linux.EXDEV},
		{"rename a directory over one with content", f.Rename(root, "new", root, "d"), linux.ENOTEMPTY},
		{"rename a directory into itself", f.Rename(root, "new", n, "x"), linux.EINVAL},
		{"rename a directory over a file", f.Rename(root, "new", d, "a"), linux.ENOTDIR},
		{"rename a file over a directory", f.Rename(d, "a", root, "e"), linux.EISDIR},
		{"rename nothing", f.Rename(d, "none", root, "x"), linux.ENOENT},
		{"unlink a directory", f.Unlink(root, "d"), linux.EISDIR},
		{"rmdir a file", f.Rmdir(d, "a"), linux.ENOTDIR},
		{"rmdir a directory with content", f.Rmdir(root, "e"), linux.ENOTEMPTY},
		{"link a directory", f.Link(root, "d", root, "d2"), linux.EPERM},
		{"link over a name", f.Link(d, "a", d, "b"), linux.EEXIST},
		{"make a name that is there", second(f.Create(d, "a", vfs.Node{Mode: linux.S_IFREG})), linux.EEXIST},
		{"make the device that whiteouts are", second(f.Create(d, "w", vfs.Node{Mode: linux.S_IFCHR})), linux.EPERM},
		{"make in a file", second(f.Create(lowerFile, "w", vfs.Node{Mode: linux.S_IFREG})), linux.ENOTDIR},
		{"make a name too long", second(f.Create(d, strings.Repeat("n", 256), vfs.Node{Mode: linux.S_IFREG})), linux.ENAMETOOLONG},
		{"write what was not copied up", second(f.WriteAt(lowerFile, []byte("x"), 0)), linux.EROFS},
		{"write a directory", second(f.WriteAt(n, []byte("x"), 0)), linux.EISDIR},
		{"read a directory", second(f.ReadAt(e, nil, 0)), linux.EISDIR},
		{"write too far", second(f.WriteAt(vfs.Ino(mustCopyUp(t, f, d, "b")), []byte("x"), 1<<50)), linux.EFBIG},
	} {
		if c.err != c.want {
			t.Errorf("%s: %v, want %v", c.what, c.err, c.want)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func mustCopyUp(t testing.TB, f *unionfs.FS, dir vfs.Ino, name string) vfs.Ino {
	t.Helper()
	i, err := f.CopyUp(dir, name)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func TestSnapshotKeepsWhatWas(t *testing.T) {
	f := unionfs.New(sample(t), unionfs.Options{})
	v := view(f)
	do(t, v, "write /d/new one\nrm /e/f\nappend /d/a +")
	s := f.Snapshot()
	was := seeTree(s.Tree())
	do(t, v, "append /d/new two\nwrite /e/f back\nrm /d/a\nchmod 600 /d\nmkdir /d/more")
	g := s.FS(unionfs.Options{})
	if now := seeTree(s.Tree()); now != was {
		t.Errorf("the snapshot has become\n%s\nwas\n%s", now, was)
	}
	if got := lines(g.Changes()); got != "C /d; C /d/a; A /d/new; C /e; D /e/f" {
		t.Errorf("what goes on from it has the changes %s", got)
	}
	do(t, view(g), "append /d/new three")
	if a, b := read(t, f, find(t, f, "/d/new")), read(t, g, find(t, g, "/d/new")); a != "onetwo" || b != "onethree" {
		t.Errorf("the two read %q and %q", a, b)
	}
}

func lines(cs []unionfs.Change) string {
	var out []string
	for _, c := range cs {
		out = append(out, fmt.Sprintf("%c %s", c.Kind, c.Path))
	}
	return strings.Join(out, "; ")
}

func seeTree(t *layer.Tree) string {
	var b strings.Builder
	for _, e := range t.Walk(t.Root(), "") {
		text, _ := io.ReadAll(layer.NewReader(layer.Join(orNone(e.Content))))
		if len(text) > 100 {
			text = text[:100]
		}
		fmt.Fprintf(&b, "%s %v %d:%d %d %q %s %s\n", e.Name, e.Mode, e.UID, e.GID, e.ModTime.Unix(), text, e.Target, e.Link)
	}
	return b.String()
}

func orNone(c layer.Content) layer.Content {
	if c == nil || c.Size() > 1<<20 {
		return layer.Zero(0)
	}
	return c
}

// Writes at random places, truncations and snapshots, beside the same on a slice of bytes.
func TestContentIsWhatWasWritten(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	const size = 40000
	held := int64(0)
	disk := &unionfs.Disk{}
	lower := lowerTree(t, layer.Entry{Name: "f", Mode: linux.S_IFREG | 0o644, Content: layer.Generated(1, 21111)})
	f := unionfs.New(lower, unionfs.Options{Disk: disk, Charge: func(n int64) error { held += n; return nil }})
	model := make([]byte, 21111)
	layer.Generated(1, 21111).ReadAt(model, 0)
	ino := mustCopyUp(t, f, f.Root(), "f")
	type snapshot struct {
		tree *layer.Tree
		want []byte
	}
	var kept []snapshot
	for i := range 3000 {
		switch k := r.IntN(20); {
		case k < 14:
			off, n := r.Int64N(size), r.IntN(9000)
			p := make([]byte, n)
			if r.IntN(3) > 0 {
				for j := range p {
					p[j] = byte(r.Uint32())
				}
			}
			if _, err := f.WriteAt(ino, p, off); err != nil {
				t.Fatal(err)
			}
			if n > 0 && len(model) < int(off)+n {
				model = append(model, make([]byte, int(off)+n-len(model))...)
			}
			copy(model[min(int(off), len(model)):], p)
		case k < 18:
			n := r.Int64N(size)
			if err := f.SetAttr(ino, vfs.Attr{Size: &n}); err != nil {
				t.Fatal(err)
			}
			model = append(model[:min(len(model), int(n))], make([]byte, max(0, int(n)-len(model)))...)
		case k == 18 && i%10 == 0:
			kept = append(kept, snapshot{f.Tree(), bytes.Clone(model)})
		}
		if got := read(t, f, ino); got != string(model) {
			t.Fatalf("step %d: content of %d bytes differs from the model's %d", i, len(got), len(model))
		}
		st, _ := f.Stat(ino)
		if st.Blocks > (int64(len(model))+4095)/4096*8 || st.Blocks*512 != disk.Used {
			t.Fatalf("step %d: %d blocks of a file of %d bytes, %d bytes used on the disk", i, st.Blocks, len(model), disk.Used)
		}
		if held != f.Held() || held < 0 || held > 2*size {
			t.Fatalf("step %d: %d bytes charged, %d held", i, held, f.Held())
		}
	}
	for i, s := range kept {
		b := make([]byte, len(s.want))
		s.tree.Inode(s.tree.Find("f")).Content.ReadAt(b, 0)
		if !bytes.Equal(b, s.want) {
			t.Errorf("snapshot %d has changed", i)
		}
	}
	if err := f.Unlink(f.Root(), "f"); err != nil || held != 0 || disk.Used != 0 {
		t.Errorf("after the removal %d bytes are charged and %d used: %v", held, disk.Used, err)
	}
}

func TestZerosAndHolesTakeNoMemory(t *testing.T) {
	f := unionfs.New(sample(t), unionfs.Options{Charge: func(n int64) error {
		if n > 0 {
			return errors.New("something was charged")
		}
		return nil
	}})
	v := view(f)
	do(t, v, "chmod 600 /big\ntruncate 2000000000 /big\nmkfifo /p")
	ino := find(t, f, "/big")
	if _, err := f.WriteAt(ino, make([]byte, 1<<20), 3<<30); err != nil {
		t.Error(err)
	}
	st, err := f.Stat(ino)
	if err != nil || st.Size != 3<<30+1<<20 || st.Blocks != (1<<30+1<<20)/512 {
		t.Errorf("size %d in %d blocks, %v", st.Size, st.Blocks, err)
	}
}

func TestBudgetAndDiskRefuse(t *testing.T) {
	refused := errors.New("too much")
	left := int64(10000)
	f := unionfs.New(nil, unionfs.Options{Charge: func(n int64) error {
		if n > left {
			return refused
		}
		left -= n
		return nil
	}})
	do(t, view(f), "touch /f")
	n, err := f.WriteAt(find(t, f, "/f"), bytes.Repeat([]byte("x"), 20000), 0)
	if err != refused || n == 0 || n > 10000 {
		t.Errorf("wrote %d bytes: %v", n, err)
	}
	f = unionfs.New(sample(t), unionfs.Options{Disk: &unionfs.Disk{Size: 100 << 20, Inodes: 3}})
	if _, err := f.CopyUp(f.Root(), "big"); err != linux.ENOSPC {
		t.Errorf("copy up more than the disk holds: %v", err)
	}
	do(t, view(f), "touch /1\ntouch /2\ntouch /3")
	if err := perform(view(f), "touch /4"); err != linux.ENOSPC {
		t.Errorf("a fourth inode of three: %v", err)
	}
	do(t, view(f), "rm /1\ntouch /4")
	if st := f.Statfs(); st.Bytes != 100<<20 || st.InodesFree != 0 {
		t.Errorf("%+v", st)
	}
}

// Changes goes by what the upper names. That is the same as a comparison of all of the two trees.
func TestChangesAreTheDifferenceOfTheTrees(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 7))
		tree := lowerTree(t, aDir("d"), aFile("d/a", "one"), aFile("d/b", "two"),
			layer.Entry{Name: "d/x", Mode: linux.S_IFREG | 0o644, ModTime: then, Link: "d/b"}, aDir("e"), aFile("e/f", "f"))
		for range 3 {
			f := unionfs.New(tree, unionfs.Options{})
			v := view(f)
			scramble(r, v)
			want, got := differences(tree, f.Tree()), strings.Split(lines(f.Changes()), "; ")
			sort.Strings(got)
			if got := strings.Join(got, "; "); got != want {
				t.Fatalf("seed %d: changes\n%s\nthe trees differ in\n%s", seed, got, want)
			}
			// What is committed and applied is what was there.
			l, err := f.Layer()
			if err != nil {
				t.Fatal(err)
			}
			if l != nil {
				if tree, err = tree.Apply(l); err != nil {
					t.Fatal(err)
				}
			}
			if a, b := seeTree(tree), seeTree(f.Tree()); a != b {
				t.Fatalf("seed %d: committed\n%s\nwas\n%s", seed, a, b)
			}
			// And so it is after a way through a tar.
			var b bytes.Buffer
			if err := f.Tar(&b, "/"); err != nil {
				t.Fatal(err)
			}
			if again, err := layer.Unpack(layer.Bytes(b.Bytes())); err != nil || seeTree(again) != seeTree(tree) {
				t.Fatalf("seed %d: through a tar it is\n%s\nwas\n%s\n%v", seed, seeTree(again), seeTree(tree), err)
			}
		}
	}
}

func TestChangesHaveTimesOfTheirOwn(t *testing.T) {
	still := then // a clock that stands, on the second
	f := unionfs.New(sample(t), unionfs.Options{Now: func() time.Time { return still }})
	v := view(f)
	do(t, v, "write /d/a two\nwrite /d/new 1\nwrite /d/newer 1\nchmod 644 /d/b")
	if got := lines(f.Changes()); got != "C /d; C /d/a; A /d/new; A /d/newer" {
		t.Errorf("changes %s", got)
	}
	a, _ := f.Stat(find(t, f, "/d/new"))
	b, _ := f.Stat(find(t, f, "/d/newer"))
	if !b.Mtime.After(a.Mtime) {
		t.Errorf("%v is not newer than %v", b.Mtime, a.Mtime)
	}
}

// A namespace remembers where paths led. Whatever is done to the files and the mounts, it must say
// what one does that has never been asked.
func TestRememberedPathsAreThoseOfAWalk(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 9))
	f := unionfs.New(sample(t), unionfs.Options{})
	other := unionfs.New(sample(t), unionfs.Options{})
	ns := vfs.NewNamespace(f, "overlay", "")
	v := ns.View(vfs.Root(vfs.CapsAll))
	mounted := false
	hits := 0
	for i := range 3000 {
		switch k := r.IntN(40); {
		case k < 4:
			scramble(r, v)
		case k == 4:
			perform(v, "symlink "+[]string{"/d", "..", "d/a", "/e/f", "l"}[r.IntN(5)]+" /l")
		case k == 5:
			perform(v, "rm /l")
		case k == 6 && !mounted:
			mounted = ns.Mount("/e", &vfs.Mount{FS: other, Root: other.Root()}) == nil
		case k == 7 && mounted:
			mounted = ns.Unmount("/e") != nil
		}
		for range 3 {
			p := []string{"/d/a", "/d", "/e/f", "/l", "/l/a", "/e", "/d/n/f", "/n/d", "/d/../e/f", "/l/../d/x"}[r.IntN(10)]
			follow := r.IntN(2) == 0
			got, gotErr := v.Resolve(p, follow)
			want, wantErr := ns.Clone().View(vfs.Root(vfs.CapsAll)).Resolve(p, follow)
			if got.Ino != want.Ino || got.Dir != want.Dir || got.Name != want.Name || gotErr != wantErr {
				t.Fatalf("step %d: %s leads to %+v, %v; a walk to %+v, %v", i, p, got, gotErr, want, wantErr)
			}
			if gotErr == nil {
				hits++
			}
		}
	}
	if hits < 1000 {
		t.Errorf("only %d paths led anywhere", hits)
	}
}

// scramble does things at random; most of them fail.
func scramble(r *rand.Rand, v *vfs.View) {
	p := func() string {
		return []string{"/d", "/d/a", "/d/b", "/d/x", "/e", "/e/f", "/n", "/n/d", "/d/n", "/d/n/f", "/e/d"}[r.IntN(11)]
	}
	for range 25 {
		c := []string{"write %s 1", "append %s 2", "rm %s", "rm %s", "rmdir %s", "mkdir %s", "mv %s %s", "mv %s %s", "ln %s %s", "symlink a %s", "chmod 600 %s", "chown 1 2 %s", "mkfifo %s"}[r.IntN(13)]
		perform(v, fmt.Sprintf(strings.ReplaceAll(c, "%s", "%[1]s")+"%[2]s", p(), ""))
		if strings.Count(c, "%s") == 2 {
			perform(v, fmt.Sprintf(c, p(), p()))
		}
	}
}

// differences compares two trees name by name, as the engine says that its diff does.
func differences(old, now *layer.Tree) string {
	has := func(t *layer.Tree) map[string]*layer.Inode {
		m := map[string]*layer.Inode{}
		var walk func(layer.Ino, string)
		walk = func(d layer.Ino, at string) {
			for name, i := range t.Names(d) {
				m[path.Join(at, name)] = t.Inode(i)
				walk(i, path.Join(at, name))
			}
		}
		walk(t.Root(), "/")
		return m
	}
	a, b := has(old), has(now)
	kind := map[string]byte{}
	for p, n := range b {
		o := a[p]
		switch {
		case o == nil:
			kind[p] = 'A'
		case o.Mode != n.Mode || o.UID != n.UID || o.GID != n.GID,
			!n.Mode.IsDir() && (!o.Mtime.Equal(n.Mtime) || o.Size() != n.Size()):
			kind[p] = 'C'
		}
	}
	for p := range a {
		parent := path.Dir(p)
		if b[p] == nil && (parent == "/" || b[parent] != nil && b[parent].Mode.IsDir()) {
			kind[p] = 'D'
		}
	}
	for p := range kind {
		for d := path.Dir(p); d != "/"; d = path.Dir(d) {
			if kind[d] == 0 {
				kind[d] = 'C'
			}
		}
	}
	var out []string
	for p, k := range kind {
		out = append(out, fmt.Sprintf("%c %s", k, p))
	}
	sort.Strings(out)
	return strings.Join(out, "; ")
}

package archive_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ulikunitz/xz"

	"github.com/dockerlab/dockerlab/sim/build/archive"
	"github.com/dockerlab/dockerlab/sim/layer"
	"github.com/dockerlab/dockerlab/sim/unionfs"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

var loose = archive.Limits{Entries: 1000, Bytes: 1 << 20}

// newView looks at an empty file system as root.
func newView() (*vfs.View, *unionfs.FS) {
	fs := unionfs.New(nil, unionfs.Options{})
	return vfs.NewNamespace(fs, "overlay", "rw").View(vfs.Root(vfs.CapsAll)), fs
}

// dir, file, link and hard are entries of an archive.
func dir(name string, mode int64) tar.Header {
	return tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: mode}
}

func file(name string, mode int64) tar.Header {
	return tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode}
}

func link(name, target string) tar.Header {
	return tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target, Mode: 0o777}
}

func hard(name, target string) tar.Header {
	return tar.Header{Typeflag: tar.TypeLink, Name: name, Linkname: target, Mode: 0o644}
}

// archived is a tar of entries; a file holds its own name.
func archived(t *testing.T, hs ...tar.Header) *bytes.Buffer {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range hs {
		if h.Typeflag == tar.TypeReg {
			h.Size = int64(len(h.Name))
		}
		h.ModTime = time.Unix(1000, 0)
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			io.WriteString(w, h.Name)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &b
}

// tree is all that a file system holds: "/d drwxr-xr-x 0:0".
func tree(fs *unionfs.FS) []string {
	var out []string
	t := fs.Tree()
	for _, e := range t.Walk(t.Root(), "") {
		row := fmt.Sprintf("/%s %v %d:%d", e.Name, e.Mode, e.UID, e.GID)
		if e.Target != "" {
			row += " -> " + e.Target
		}
		out = append(out, row)
	}
	slices.Sort(out)
	return out
}

func TestUnpack(t *testing.T) {
	owned := file("o", 0o4751)
	owned.Uid, owned.Gid = 3, 4
	for _, test := range []struct {
		name    string
		entries []tar.Header
		want    string
	}{
		{"files and directories", []tar.Header{dir("d/", 0o1777), file("d/f", 0o600)}, "/d drwxrwxrwt 0:0|/d/f -rw------- 0:0"},
		{"owners and set-id bits", []tar.Header{owned}, "/o -rwsr-x--x 3:4"},
		{"directories that are not named", []tar.Header{file("a/b/f", 0o644)}, "/a drwxr-xr-x 0:0|/a/b drwxr-xr-x 0:0|/a/b/f -rw-r--r-- 0:0"},
		{"absolute names", []tar.Header{file("/a/f", 0o644)}, "/a drwxr-xr-x 0:0|/a/f -rw-r--r-- 0:0"},
		{"names that lead out", []tar.Header{file("../../f", 0o644), file("a/../../g", 0o644)}, "/f -rw-r--r-- 0:0|/g -rw-r--r-- 0:0"},
		{"a later entry replaces an earlier", []tar.Header{dir("d", 0o755), file("d/x", 0o644), file("d", 0o600)}, "/d -rw------- 0:0"},
		{"but directories are merged", []tar.Header{dir("d", 0o755), file("d/x", 0o644), dir("d", 0o700)}, "/d drwx------ 0:0|/d/x -rw-r--r-- 0:0"},
		{"links are followed on the way, within the root", []tar.Header{link("l", "/etc"), dir("etc", 0o755), file("l/f", 0o644)}, "/etc drwxr-xr-x 0:0|/etc/f -rw-r--r-- 0:0|/l lrwxrwxrwx 0:0 -> /etc"},
		{"links that lead out stop at the root", []tar.Header{link("l", "../../.."), file("l/f", 0o644)}, "/f -rw-r--r-- 0:0|/l lrwxrwxrwx 0:0 -> ../../.."},
		{"a link in the way is replaced", []tar.Header{file("f", 0o600), link("l", "f"), file("l", 0o644)}, "/f -rw------- 0:0|/l -rw-r--r-- 0:0"},
		{"a hard link brings its own mode", []tar.Header{file("f", 0o600), hard("h", "f")}, "/f -rw-r--r-- 0:0|/h -rw-r--r-- 0:0"},
		{"the root's own entry is left out", []tar.Header{dir("./", 0o700), file("f", 0o600)}, "/f -rw------- 0:0"},
	} {
		v, fs := newView()
		if err := archive.Unpack(archived(t, test.entries...), v, loose, nil); err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if got := strings.Join(tree(fs), "|"); got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", test.name, got, test.want)
		}
	}
}

func TestUnpackThatFails(t *testing.T) {
	odd := file("f", 0o644)
	odd.Typeflag = '7'
	for _, test := range []struct {
		name string
		tar  io.Reader
		want string
	}{
		{"a link to nothing", archived(t, hard("h", "nope")), "link /nope /h: no such file or directory"},
		{"a file as a directory", archived(t, file("f", 0o644), file("f/g", 0o644)), "open /f/g: not a directory"},
		{"a kind that is none", archived(t, odd), "unhandled tar header type 55"},
		{"a link that leads nowhere", archived(t, link("l", "nope"), file("l/f", 0o644)), "open /l/f: no such file or directory"},
		{"an archive cut short", io.LimitReader(archived(t, file("long", 0o644)), 514), "unexpected EOF"},
	} {
		v, _ := newView()
		if err := archive.Unpack(test.tar, v, loose, nil); err == nil || err.Error() != test.want {
			t.Errorf("%s: %v; want %s", test.name, err, test.want)
		}
	}
}

func TestUnpackIsBounded(t *testing.T) {
	many := make([]tar.Header, 11)
	for i := range many {
		many[i] = file(fmt.Sprint("f", i), 0o644)
	}
	v, _ := newView()
	if err := archive.Unpack(archived(t, many...), v, archive.Limits{Entries: 10, Bytes: 1 << 20}, nil); !errors.Is(err, archive.ErrEntries) {
		t.Errorf("eleven entries where ten may be: %v", err)
	}
	v, _ = newView()
	if err := archive.Unpack(archived(t, many...), v, archive.Limits{Entries: 20, Bytes: 2000}, nil); !errors.Is(err, archive.ErrBytes) {
		t.Errorf("more bytes than may be: %v", err)
	}
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	io.CopyN(z, archived(t, file("f", 0o644)), 512)
	z.Write(make([]byte, 1<<22))
	z.Close()
	v, _ = newView()
	if err := archive.Unpack(&bomb, v, archive.Limits{Entries: 20, Bytes: 1000}, nil); err == nil {
		t.Error("an archive that grows a thousand times is unpacked")
	}
}

func TestWhatIsAnArchive(t *testing.T) {
	plain := archived(t, file("f", 0o644)).Bytes()
	var gz, x, words bytes.Buffer
	z := gzip.NewWriter(&gz)
	z.Write(plain)
	z.Close()
	xw, err := xz.NewWriter(&x)
	if err != nil {
		t.Fatal(err)
	}
	xw.Write(plain)
	xw.Close()
	w := gzip.NewWriter(&words)
	io.WriteString(w, "words")
	w.Close()
	for _, test := range []struct {
		name string
		data []byte
		want bool
	}{
		{"a tar", plain, true},
		{"in gzip", gz.Bytes(), true},
		{"in xz", x.Bytes(), true},
		{"a tar with nothing in it", archived(t).Bytes(), false},
		{"words in gzip", words.Bytes(), false},
		{"words", []byte("words"), false},
		{"nothing", nil, false},
		{"the magic of gzip alone", []byte{0x1f, 0x8b, 8}, false},
		{"zstd, which 20.10 does not know", []byte{0x28, 0xb5, 0x2f, 0xfd, 4, 0, 0, 0, 0, 0, 0, 0}, false},
	} {
		if got := archive.Is(bytes.NewReader(test.data)); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}

// The checksum knows a file by what it is and what it is called, not by its time or its owner's
// name.
func TestSums(t *testing.T) {
	sum := func(h tar.Header) string {
		v, _ := newView()
		sums := archive.Sums{}
		if err := archive.Unpack(archived(t, h), v, loose, sums); err != nil {
			t.Fatal(err)
		}
		return sums[strings.TrimPrefix(h.Name, "./")]
	}
	f := file("f", 0o100644)
	// What the engine has for a file f that holds "f", of mode 0644 and root's.
	if want := "cafd950af0bbb81520d4c6e8259485a3771dafce17b2afff4939cf3ad7434461"; sum(f) != want {
		t.Errorf("the checksum is %s, not %s", sum(f), want)
	}
	named := f
	named.Uname, named.Gname = "someone", "some"
	if sum(named) != sum(f) {
		t.Error("names of owners count")
	}
	for what, change := range map[string]func(*tar.Header){
		"mode": func(h *tar.Header) { h.Mode = 0o100600 },
		"uid":  func(h *tar.Header) { h.Uid = 1 },
		"name": func(h *tar.Header) { h.Name = "./f" },
	} {
		h := f
		change(&h)
		if sum(h) == sum(f) {
			t.Errorf("%s does not count", what)
		}
	}
}

func TestContentIsShared(t *testing.T) {
	v, fs := newView()
	huge := layer.Generated(1, 1<<30)
	u := archive.NewUnpacker(v)
	if err := u.Entry(&tar.Header{Typeflag: tar.TypeReg, Name: "huge", Mode: 0o644, Size: huge.Size()}, huge); err != nil {
		t.Fatal(err)
	}
	if fs.Held() != 0 {
		t.Errorf("a file of generated bytes holds %d bytes of memory", fs.Held())
	}
	if st, err := v.Stat("/huge"); err != nil || st.Size != huge.Size() {
		t.Errorf("it is %d bytes long, %v", st.Size, err)
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add([]byte("not a tar"))
	f.Add([]byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0})
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range []tar.Header{dir("d", 0o755), file("d/f", 0o644), link("d/l", "../.."), hard("h", "d/f"), file("d/l/x", 0o644)} {
		w.WriteHeader(&h)
	}
	w.Close()
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		v, fs := newView()
		sums := archive.Sums{}
		l := archive.Limits{Entries: 100, Bytes: 1 << 20}
		if err := archive.Unpack(bytes.NewReader(data), v, l, sums); err != nil {
			return
		}
		if len(sums) > l.Entries {
			t.Errorf("%d checksums of at most %d entries", len(sums), l.Entries)
		}
		for _, row := range tree(fs) {
			if strings.Contains(row, "/../") {
				t.Errorf("a name leads out: %s", row)
			}
		}
	})
}

package layer

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

// member is one of a tar: kind, name, and the content or the link's target.
type member struct {
	kind       byte
	name, text string
}

func archive(t testing.TB, ms []member) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, m := range ms {
		h := &tar.Header{Typeflag: m.kind, Name: m.name, Mode: 0o644, ModTime: time.Unix(1577934245, 0), Format: tar.FormatPAX}
		switch m.kind {
		case tar.TypeReg:
			h.Size = int64(len(m.text))
		case tar.TypeLink, tar.TypeSymlink:
			h.Linkname = m.text
		case tar.TypeDir:
			h.Mode = 0o755
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if m.kind == tar.TypeReg {
			io.WriteString(w, m.text)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// tree lists a tree: "f:4" is a file of 4 bytes, "d/" a directory, "l->t" a symlink.
func tree(t *Tree) string {
	var out []string
	for _, e := range t.Walk(t.Root(), "") {
		switch {
		case e.Link != "":
			out = append(out, e.Name+"="+e.Link)
		case e.Mode.IsDir():
			out = append(out, e.Name+"/")
		case e.Mode.IsSymlink():
			out = append(out, e.Name+"->"+e.Target)
		default:
			out = append(out, fmt.Sprintf("%s:%d", e.Name, e.bodySize()))
		}
	}
	return strings.Join(out, " ")
}

const (
	file, hard, link, char, dir = tar.TypeReg, tar.TypeLink, tar.TypeSymlink, tar.TypeChar, tar.TypeDir
)

// What a layer's tar does to the tree below, or what the engine says of it. All of it was seen on
// Docker Engine 20.10.24, by loading an image of two layers.
func TestLayersUnpackAsTheEngineUnpacksThem(t *testing.T) {
	below := []member{{file, "f", "base"}, {dir, "d", ""}, {file, "d/old", "old"}, {dir, "q", ""}, {file, "q/old", ""}}
	const rest = "d/ d/old:3 f:4 q/ q/old:0"
	n300 := strings.Repeat("n", 300)
	for _, c := range []struct {
		name  string
		layer []member
		want  string // the tree, or the error
	}{
		{"names above the root stay below it", []member{{file, "../x", "1"}, {file, "a/../../y", "2"}}, rest + " x:1 y:1"},
		{"absolute names", []member{{file, "/abs/z", "1"}}, "abs/ abs/z:1 " + rest},
		{"a link to nothing", []member{{hard, "a", "nope"}}, "link /nope /a: no such file or directory"},
		{"a link to an absolute name", []member{{file, "f", "1"}, {hard, "a", "/f"}}, "a:1 d/ d/old:3 f=a q/ q/old:0"},
		{"a link out of the tree", []member{{hard, "a", "../../etc/passwd"}}, "link /etc/passwd /a: no such file or directory"},
		{"through a symlink out of the tree", []member{{link, "a", "../../../etc"}, {file, "a/in", "x"}}, "open /a/in: no such file or directory"},
		{"through an absolute symlink", []member{{link, "a", "/etc"}, {file, "a/in", "x"}}, "open /a/in: no such file or directory"},
		{"through a dangling symlink", []member{{link, "a", "b"}, {file, "a/in", "x"}}, "open /a/in: no such file or directory"},
		{"through a symlink", []member{{dir, "b", ""}, {link, "a", "b"}, {file, "a/in", "x"}}, "a->b b/ b/in:1 " + rest},
		{"a file below a file", []member{{file, "f", "1"}, {file, "f/x", "2"}}, "open /f/x: not a directory"},
		{"a directory below a file", []member{{file, "f", "1"}, {dir, "f/x", ""}}, "mkdir /f/x: not a directory"},
		{"deeper below a file", []member{{file, "f", "1"}, {file, "f/x/y", ""}}, "open /f/x/y: not a directory"},
		{"a symlink below a file", []member{{file, "f", "1"}, {link, "f/x", "z"}}, "symlink z /f/x: not a directory"},
		{"a whiteout below a file", []member{{file, "f", "1"}, {file, "f/.wh.x", ""}}, `failed to mknod("/f/x", S_IFCHR, 0): not a directory`},
		{"a kind that is none", []member{{tar.TypeCont, "c", ""}}, "unhandled tar header type 55\n"},
		{"a whiteout", []member{{file, ".wh.f", ""}, {file, "d/.wh.old", ""}}, "d/ q/ q/old:0"},
		{"a whiteout of nothing", []member{{file, ".wh.nothing", ""}}, rest},
		{"a whiteout of what the layer has", []member{{file, "f", "1"}, {file, ".wh.f", ""}}, `failed to mknod("/f", S_IFCHR, 0): file exists`},
		{"the same after a whiteout", []member{{file, ".wh.f", ""}, {dir, "f", ""}, {file, "f/g", ""}}, "d/ d/old:3 f/ f/g:0 q/ q/old:0"},
		{"a whiteout and then a directory hide nothing", []member{{file, ".wh.d", ""}, {dir, "d", ""}}, rest},
		{"a whiteout without a name", []member{{file, ".wh.", ""}}, `failed to mknod("/", S_IFCHR, 0): file exists`},
		{"one in a directory", []member{{file, "d/.wh.", ""}}, `failed to mknod("/d", S_IFCHR, 0): file exists`},
		{"an opaque directory", []member{{dir, "d", ""}, {file, "d/.wh..wh..opq", ""}, {file, "d/new", "n"}}, "d/ d/new:1 f:4 q/ q/old:0"},
		{"an opaque root is not looked for", []member{{file, ".wh..wh..opq", ""}, {file, "n", ""}}, "d/ d/old:3 f:4 n:0 q/ q/old:0"},
		{"an opaque mark makes its directory", []member{{file, "q/.wh..wh..opq", ""}}, "d/ d/old:3 f:4 q/"},
		{"an opaque mark on a file", []member{{file, "f", "1"}, {file, "f/.wh..wh..opq", ""}}, "d/ d/old:3 f:1 q/ q/old:0"},
		{"marks that aufs made", []member{{dir, ".wh..wh.plnk", ""}, {file, ".wh..wh.plnk/x", ""}, {file, ".wh..wh.aufs", ""}}, ".wh..wh.plnk/ .wh..wh.plnk/x:0 " + rest},
		{"a link to a directory", []member{{dir, "d", ""}, {hard, "e", "d"}}, "link /d /e: operation not permitted"},
		{"symlinks that go round", []member{{link, "a", "b"}, {link, "b", "a"}, {file, "a/x", ""}}, "open /a/x: too many levels of symbolic links"},
		{"a name too long", []member{{file, n300, ""}}, "open /" + n300 + ": file name too long"},
		{"a directory's name too long", []member{{file, n300 + "/x", ""}}, "open /" + n300 + "/x: file name too long"},
		{"a file for the root, as dot", []member{{file, ".", "x"}}, rest},
		{"a symlink for the root, as slash", []member{{link, "/", "x"}}, "unlinkat .//: device or resource busy"},
		{"a directory for the root", []member{{dir, "./", ""}, {file, "./a", ""}}, "a:0 " + rest},
		{"the device that whiteouts are", []member{{char, "d", ""}}, "f:4 q/ q/old:0"},
		{"names that come twice", []member{{file, "x", "1"}, {file, "y", "1"}, {file, "./x", "2"}}, "duplicates of file paths not supported"},
		{"a directory in place of a file", []member{{dir, "f", ""}, {file, "f/x", ""}}, "d/ d/old:3 f/ f/x:0 q/ q/old:0"},
		{"a file in place of a directory", []member{{file, "d", "1"}}, "d:1 f:4 q/ q/old:0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			lower, err := Read(Bytes(archive(t, below)))
			if err != nil {
				t.Fatal(err)
			}
			first, err := NewTree().Apply(lower)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if l, err := Read(Bytes(archive(t, c.layer))); err != nil {
				u, ok := err.(*UnpackError)
				if !ok {
					t.Fatalf("error %#v", err)
				}
				got = u.Unwrap().Error()
			} else if second, err := first.Apply(l); err != nil {
				t.Fatal(err)
			} else {
				got = tree(second)
			}
			if got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if tree(first) != rest {
				t.Errorf("the tree below has changed: %s", tree(first))
			}
		})
	}
}

// Whatever bytes come, Read gives an error or a layer that holds together.
func FuzzRead(f *testing.F) {
	f.Add(archive(f, []member{{dir, "d", ""}, {file, "d/f", "text"}, {hard, "d/g", "d/f"}, {link, "l", "d"}, {file, "l/h", ""}}))
	f.Add(archive(f, []member{{file, "d/.wh.x", ""}, {file, "d/.wh..wh..opq", ""}, {file, ".wh.", ""}}))
	f.Add(archive(f, []member{{link, "a", "b"}, {link, "b", "a"}, {file, "a/x", ""}, {char, "c", ""}}))
	f.Add([]byte("junk"))
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := Read(Bytes(b))
		if err != nil {
			return
		}
		tr, err := NewTree().Apply(l)
		if err != nil {
			t.Fatal(err)
		}
		if l.Size() < 0 || l.Size() > int64(len(b))+maxSparse {
			t.Errorf("%d bytes hold files of %d", len(b), l.Size())
		}
		// What is in the tree can be written and read again, and is the same then.
		es := tr.Walk(tr.Root(), "")
		var out bytes.Buffer
		if _, err := io.Copy(&out, io.LimitReader(NewTarReader(es), 1<<20)); err != nil || out.Len() == 1<<20 {
			return // more than a header can say, a time far off
		}
		again, err := Unpack(Bytes(out.Bytes()))
		if err != nil {
			t.Fatalf("%v in what was written", err)
		}
		if a, b := tree(tr), tree(again); a != b {
			t.Errorf("before %s\nafter  %s", a, b)
		}
	})
}

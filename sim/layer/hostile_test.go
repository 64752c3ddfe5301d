package layer

import (
	"archive/tar"
	"strings"
	"testing"
)

// TestHostileTarsStayInside unpacks layers that try to get out of their tree, or to harm whoever unpacks
// them. What the engine unpacks, in the root that it works in, is unpacked; the rest is refused.
func TestHostileTarsStayInside(t *testing.T) {
	for _, c := range []struct {
		name    string
		members []member
		want    string // what Walk lists, or "error: " and a part of the error
	}{
		{"a name that climbs", []member{{file, "../../etc/passwd", "x"}}, "etc etc/passwd"},
		{"an absolute name", []member{{file, "/etc/passwd", "x"}}, "etc etc/passwd"},
		{"a name that climbs in the middle", []member{{dir, "a", ""}, {file, "a/../../../b", "x"}}, "a b"},
		{"through a symlink that leads out", []member{{link, "out", "../../../.."}, {file, "out/evil", "x"}}, "evil out"},
		{"through an absolute symlink", []member{{dir, "etc", ""}, {link, "l", "/etc"}, {file, "l/evil", "x"}}, "etc etc/evil l"},
		{"through a symlink to nowhere", []member{{link, "l", "/nowhere"}, {file, "l/evil", "x"}}, "error: no such file"},
		{"through a symlink to itself", []member{{link, "l", "l"}, {file, "l/evil", "x"}}, "error: too many levels"},
		{"a hard link to what is outside", []member{{hard, "h", "../../../etc/shadow"}}, "error: no such file"},
		{"a hard link to a directory", []member{{dir, "d", ""}, {hard, "h", "d"}}, "error: not permitted"},
		{"a file in a file", []member{{file, "f", "x"}, {file, "f/g", "x"}}, "error: not a directory"},
		{"a very long name", []member{{file, strings.Repeat("n", 300), "x"}}, "error: file name too long"},
		{"a very deep one", []member{{file, strings.Repeat("d/", 3000) + "f", "x"}}, "error: file name too long"},
		{"the root hidden", []member{{file, ".wh.", ""}}, "error: file exists"},
	} {
		got, err := Read(Bytes(archive(t, c.members)))
		if part, refused := strings.CutPrefix(c.want, "error: "); refused {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		tree, err := got.Dir()
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var names []string
		for _, e := range tree.Walk(tree.Root(), "") {
			names = append(names, e.Name)
		}
		if list := strings.Join(names, " "); list != c.want {
			t.Errorf("%s: %s, want %s", c.name, list, c.want)
		}
	}
}

func TestDevicesAreNodesAndNoMore(t *testing.T) {
	l, err := Read(Bytes(archive(t, []member{{tar.TypeChar, "null", ""}, {tar.TypeBlock, "disk", ""}, {tar.TypeFifo, "pipe", ""}})))
	if err != nil {
		t.Fatal(err)
	}
	tree, err := l.Dir()
	if err != nil || tree.FileBytes() != 0 {
		t.Errorf("%v, %d bytes", err, tree.FileBytes())
	}
}

// repeated is a content that is the same block again and again.
type repeated struct {
	block []byte
	times int64
}

func (r repeated) Size() int64 { return r.times * int64(len(r.block)) }

func (r repeated) ReadAt(p []byte, off int64) (int, error) {
	n, end := window(r.Size(), len(p), off)
	for p = p[:n]; len(p) > 0; {
		m := copy(p, r.block[off%int64(len(r.block)):])
		p, off = p[m:], off+int64(m)
	}
	return n, end
}

func TestArchivesOfTooManyMembersAreRefused(t *testing.T) {
	header := archive(t, []member{{file, "f", ""}})[:512]
	if _, err := Read(repeated{header, maxMembers + 1}); err == nil || !strings.Contains(err.Error(), "more than 524288 files") {
		t.Error(err)
	}
}

func TestCutArchivesAreRefused(t *testing.T) {
	whole := archive(t, []member{{dir, "d", ""}, {file, "d/f", strings.Repeat("text", 500)}})
	for n := 1; n < 2*512+2000; n += 97 {
		if _, err := Read(Bytes(whole[:n])); err == nil && n != 512 {
			t.Errorf("cut after %d bytes: no error", n)
		}
	}
}

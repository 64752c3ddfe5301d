package unionfs_test

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	"golang.org/x/tools/txtar"

	"github.com/dockerlab/dockerlab/sim/layer"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/unionfs"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// engineCases are scripts of system calls, each of which a real engine (20.10.24, overlay2) ran in
// a container over the same base and committed. What it answered is in testdata/commit.txtar;
//
//	DOCKER_HOST=... go test -tags engine ./sim/unionfs -run TestRecord -record
//
// records it again. A case is known by its name there.
var engineCases = []struct{ name, script string }{
	{"nothing", ""},
	{"a file in a lower directory", "write /d1/new hello"},
	{"append to a lower file", "append /d1/a more"},
	{"chmod without a change of content", "chmod 600 /d1/a\nchmod 700 /d1/sub"},
	{"chown without a change of content", "chown 1234 50 /d1/b\nchown 33 33 /d2"},
	{"chmod to the mode that it has", "chmod 644 /d1/a"},
	{"copied up and changed back", "chmod 600 /d1/a\nchmod 644 /d1/a"},
	{"the same bytes written", "write /d1/a one"},
	{"remove files and a directory", "rm /d1/a\nrm /d2/a\nrm /d3/b/c\nrmdir /d3/b"},
	{"whiteouts are links of one inode", "rm /d1/a\nrm /d1/c\nrm /d2/a\nrm /d2/y"},
	{"make and remove", "write /d1/new x\nrm /d1/new\nmkdir /d1/dir\nrmdir /d1/dir"},
	{"remove and make a file again", "rm /d1/a\nwrite /d1/a one"},
	{"remove and make a directory again", "rm /d3/b/c\nrmdir /d3/b\nrmdir /d3\nmkdir /d3\nmkdir /d3/b"},
	{"a directory made again with other content", "rm /d3/b/c\nrmdir /d3/b\nmkdir /d3/b\nwrite /d3/b/z z"},
	{"a file becomes a directory", "rm /d1/a\nmkdir /d1/a\nwrite /d1/a/x x"},
	{"a directory becomes a file", "rm /d3/b/c\nrmdir /d3/b\nwrite /d3/b file"},
	{"a symlink is aimed anew", "rm /d1/c\nsymlink b /d1/c"},
	{"rename a lower file", "mv /d1/a /d1/z"},
	{"rename a lower file over a lower file", "mv /d1/a /d2/a"},
	{"rename to a name that was removed", "rm /d2/a\nmv /d1/a /d2/a"},
	{"rename a new directory", "mkdir /d1/dir\nwrite /d1/dir/f f\nmv /d1/dir /d2/moved"},
	{"rename a new directory within a new one", "mkdir /d1/dir\nmkdir /d1/dir/x\nmv /d1/dir/x /d1/dir/y"},
	{"rename a lower directory", "exdev /d1/sub /d2/moved"},
	{"rename a directory made again", "rmdir /e\nmkdir /e\nmv /e /e2"},
	{"link to a lower file", "ln /d1/a /d2/hard"},
	{"links within the upper", "write /d2/f f\nln /d2/f /d1/f\nln /d1/f /d1/g"},
	{"copy-up breaks lower links", "append /d1/x more"},
	{"remove one of two lower links", "rm /d1/x"},
	{"rename one lower link over the other", "mv /d1/b /d1/x"},
	{"special bits", "write /d1/s s\nchmod 6755 /d1/s\nmkdir /d1/t\nchmod 1777 /d1/t\nchmod 2775 /d2"},
	{"a pipe", "mkfifo /d1/p"},
	{"names that look like whiteouts", "touch /d1/.wh.odd"},
	{"long and foreign names", "write /d1/" + strings.Repeat("n", 200) + " x\nwrite /d1/ünïcödé x\nmkdir /d1/目录\nwrite /d1/目录/文件 x\nsymlink " + strings.Repeat("t", 150) + " /d1/long"},
	{"deep trees", "mkdir /e/1\nmkdir /e/1/2\nmkdir /e/1/2/3\nmkdir /e/1/2/3/4\nwrite /e/1/2/3/4/f f\nchmod 600 /d1/sub/deep/y"},
	{"a hole", "write /d1/hole x\ntruncate 100000 /d1/hole"},
	{"truncate a lower file", "truncate 1 /d1/sub/deep/y"},
	{"owners with names on the engine's host", "write /d1/u u\nchown 8 12 /d1/u\nwrite /d1/v v\nchown 65534 65534 /d1/v"},
}

// perform runs one line of a script.
func perform(v *vfs.View, line string) error {
	w := strings.Fields(line)
	num := func(s string, base int) uint32 {
		n, err := strconv.ParseUint(s, base, 32)
		if err != nil {
			panic(err)
		}
		return uint32(n)
	}
	switch w[0] {
	case "write", "append", "touch":
		r, _, err := v.ResolveCreate(w[1])
		if err != nil {
			return err
		}
		if r.Ino != 0 {
			r, err = r.CopyUp()
		} else {
			r, err = v.Create(r, vfs.Node{Mode: linux.S_IFREG | 0o666})
		}
		if err != nil {
			return err
		}
		var none int64
		if w[0] == "write" {
			if err := r.Mount.FS.SetAttr(r.Ino, vfs.Attr{Size: &none}); err != nil {
				return err
			}
		}
		st, err := r.Stat()
		if err != nil || w[0] == "touch" {
			return err
		}
		_, err = r.Mount.FS.WriteAt(r.Ino, []byte(w[2]), st.Size)
		return err
	case "rm":
		return v.Unlink(w[1])
	case "mkdir":
		return v.Mkdir(w[1], 0o777)
	case "rmdir":
		return v.Rmdir(w[1])
	case "mv":
		return v.Rename(w[1], w[2])
	case "exdev":
		if err := v.Rename(w[1], w[2]); err != linux.EXDEV {
			return fmt.Errorf("want EXDEV: %v", err)
		}
		return nil
	case "ln":
		return v.Link(w[1], w[2])
	case "symlink":
		return v.Symlink(w[1], w[2])
	case "mkfifo":
		return v.Mknod(w[1], linux.S_IFIFO|0o666, 0)
	case "chmod":
		return v.Chmod(w[2], linux.Mode(num(w[1], 8)))
	case "chown":
		return v.Chown(w[3], num(w[1], 10), num(w[2], 10), true)
	case "truncate":
		return v.Truncate(w[2], int64(num(w[1], 10)))
	}
	panic(line)
}

// shellLine is the same for the container's shell, as the programs that make the one system call.
func shellLine(line string) string {
	w := strings.Fields(line)
	switch w[0] {
	case "write":
		return "printf %s " + w[2] + " > " + w[1]
	case "append":
		return "printf %s " + w[2] + " >> " + w[1]
	case "symlink":
		return "ln -s " + w[1] + " " + w[2]
	case "exdev": // mv(1) would copy where rename(2) refuses
		return "true"
	case "chown":
		return "chown " + w[1] + ":" + w[2] + " " + w[3]
	case "truncate":
		return "truncate -s " + w[1] + " " + w[2]
	}
	return line
}

// members lists a tar, a line for each member.
func members(r io.Reader) ([]string, error) {
	var out []string
	t := tar.NewReader(r)
	for {
		h, err := t.Next()
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		out = append(out, fmt.Sprintf("%c %06o %d:%d %s:%s %d %d %q %q", h.Typeflag, h.Mode, h.Uid, h.Gid, h.Uname, h.Gname, h.Size, h.ModTime.Unix(), h.Name, h.Linkname))
	}
}

const timeField = 5 // of a line of members

// baseLayer is the layer below that of the cases, as the engine stored it.
func baseLayer(t *testing.T, listing []byte) *layer.Tree {
	t.Helper()
	var es []layer.Entry
	for line := range strings.Lines(string(listing)) {
		var e layer.Entry
		var kind rune
		var mode, uid, gid uint32
		var size, sec int64
		var owner, name, link string
		if _, err := fmt.Sscanf(line, "%c %o %d:%d %s %d %d %q %q", &kind, &mode, &uid, &gid, &owner, &size, &sec, &name, &link); err != nil {
			t.Fatalf("base: %q: %v", line, err)
		}
		e = layer.Entry{Name: strings.TrimSuffix(name, "/"), Mode: linux.Mode(mode), UID: uid, GID: gid, ModTime: time.Unix(sec, 0)}
		switch kind {
		case '1':
			e.Link = link
		case '2':
			e.Target = link
		case '0':
			e.Content = layer.Text(strings.Repeat("x", int(size)))
		}
		es = append(es, e)
	}
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

func TestLayerIsWhatTheEngineCommits(t *testing.T) {
	a, err := txtar.ParseFile("testdata/commit.txtar")
	if err != nil {
		t.Fatal(err)
	}
	recorded := map[string]string{}
	for _, f := range a.Files {
		recorded[f.Name] = string(f.Data)
	}
	lower := baseLayer(t, []byte(recorded["base"]))
	for _, c := range engineCases {
		t.Run(c.name, func(t *testing.T) {
			want, ok := recorded[c.name+": layer"]
			if !ok {
				t.Fatal("no record of it: record it")
			}
			f := unionfs.New(lower, unionfs.Options{})
			v := vfs.NewNamespace(f, "overlay", "").View(vfs.Root(vfs.CapsAll))
			for line := range strings.Lines(c.script) {
				if err := perform(v, line); err != nil {
					t.Fatalf("%s: %v", line, err)
				}
			}
			var diff []string
			for _, ch := range f.Changes() {
				diff = append(diff, fmt.Sprintf("%c %s", ch.Kind, ch.Path))
			}
			sort.Strings(diff)
			if got := strings.Join(diff, "\n"); got != strings.TrimSpace(recorded[c.name+": diff"]) {
				t.Errorf("diff:\n%s\nthe engine's:\n%s", got, recorded[c.name+": diff"])
			}

			// Times differ, as they do from one run to the next on an engine. With the engine's
			// in their places, all is the same to the byte.
			wantLines := strings.Split(strings.TrimSpace(want), "\n")
			wantID, wantLines := wantLines[0], wantLines[1:]
			times := map[string]int64{}
			for _, l := range wantLines {
				w := strings.SplitN(l, " ", 8)
				name, _ := strconv.Unquote(strings.SplitAfter(w[timeField+1], `" `)[0])
				if name == "" {
					fmt.Sscanf(strings.Join(w[timeField+1:], " "), "%q", &name)
				}
				times[name], _ = strconv.ParseInt(w[timeField], 10, 64)
			}
			es := f.UpperEntries()
			for i := range es {
				n := es[i].Name
				switch at := strings.LastIndexByte(n, '/') + 1; {
				case es[i].Whiteout:
					n = n[:at] + layer.WhiteoutPrefix + n[at:]
				case es[i].Mode.IsDir():
					n += "/"
				}
				es[i].ModTime = time.Unix(times[n], 0)
			}
			var b bytes.Buffer
			if _, err := io.Copy(&b, layer.NewTarReader(es)); err != nil {
				t.Fatal(err)
			}
			got, err := members(bytes.NewReader(b.Bytes()))
			if err != nil {
				t.Fatal(err)
			}
			if g, w := strings.Join(got, "\n"), strings.Join(wantLines, "\n"); g != w {
				t.Errorf("layer:\n%s\nthe engine's:\n%s", g, w)
			} else if id := digest.FromBytes(b.Bytes()).String(); id != wantID {
				t.Errorf("diff ID %s, the engine's %s", id, wantID)
			}
		})
	}
}

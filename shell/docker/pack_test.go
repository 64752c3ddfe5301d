package docker

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/moby/go-archive"
	"github.com/moby/patternmatcher"
)

// tree makes files below a new directory: "name" is a file that holds its name, "name/" a
// directory, "name -> target" a symlink, "name = other" a hard link.
func tree(t *testing.T, entries ...string) hostFiles {
	t.Helper()
	root := t.TempDir()
	when := time.Date(2024, 2, 29, 12, 0, 0, 123456789, time.UTC)
	for _, e := range entries {
		var err error
		if name, target, ok := strings.Cut(e, " -> "); ok {
			err = os.Symlink(target, filepath.Join(root, name))
		} else if name, old, ok := strings.Cut(e, " = "); ok {
			err = os.Link(filepath.Join(root, old), filepath.Join(root, name))
		} else if strings.HasSuffix(e, "/") {
			err = os.MkdirAll(filepath.Join(root, e), 0o755)
		} else {
			name := filepath.Join(root, e)
			if err = os.MkdirAll(filepath.Dir(name), 0o755); err == nil {
				err = os.WriteFile(name, []byte(e+"\n"), 0o644)
			}
			os.Chtimes(name, when, when)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return hostFiles(root)
}

// A build context is the archive that docker/cli makes, byte for byte: the size that the client
// reports, and the builder's cache, depend on it.
func TestPackIsDockers(t *testing.T) {
	tests := []struct {
		name     string
		files    []string
		excludes []string
	}{
		{name: "nothing"},
		{name: "files and directories", files: []string{"Dockerfile", "src/main.go", "src/empty/", "a b"}},
		{name: "links", files: []string{"d/one", "two -> d/one", "three = d/one", "broken -> nowhere"}},
		{name: "a long name", files: []string{strings.Repeat("d", 90) + "/" + strings.Repeat("n", 90)}},
		{name: "a Chinese name", files: []string{"目录/文件"}},
		{name: "an exclusion", files: []string{"a", "b", "d/a"}, excludes: []string{"a"}},
		{name: "a directory excluded", files: []string{"a/b/c", "a/d", "e"}, excludes: []string{"a"}},
		{name: "an exception", files: []string{"a/b/c", "a/b/d", "a/e", "f"}, excludes: []string{"a", "!a/b/c"}},
		{name: "wildcards", files: []string{"x.md", "README.md", "d/y.md", "d/z"}, excludes: []string{"**/*.md", "!README.md"}},
		{name: "everything but one", files: []string{"a", "b/c", "b/d"}, excludes: []string{"*", "!b/c"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			files := tree(t, test.files...)
			theirs, err := archive.TarWithOptions(string(files), &archive.TarOptions{
				ExcludePatterns: test.excludes,
				ChownOpts:       &archive.ChownOpts{},
			})
			if err != nil {
				t.Fatal(err)
			}
			want, err := io.ReadAll(theirs)
			if err != nil {
				t.Fatal(err)
			}
			matcher, err := patternmatcher.New(test.excludes)
			if err != nil {
				t.Fatal(err)
			}
			p := &packer{files: files, root: "/", matcher: matcher, owner: &owner{}}
			got, err := io.ReadAll(p.pack())
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("the archives differ:\n%s\nwant\n%s", listing(got), listing(want))
			}
		})
	}
}

// listing is what a failed comparison shows of an archive.
func listing(b []byte) string {
	var out strings.Builder
	r := tar.NewReader(bytes.NewReader(b))
	for {
		h, err := r.Next()
		if err != nil {
			fmt.Fprintf(&out, "%v after %d bytes", err, len(b))
			return out.String()
		}
		fmt.Fprintf(&out, "%c %s %q %o %d %d:%d %v %v\n", h.Typeflag, h.Name, h.Linkname, h.Mode, h.Size, h.Uid, h.Gid, h.ModTime, h.PAXRecords)
	}
}

// evalSymlinks resolves what the real one does, and fails where it does.
func TestEvalSymlinks(t *testing.T) {
	files := tree(t, "d/e/f", "d/up -> ..", "l -> d", "ll -> l/e", "chain -> ll/f", "loop -> loop", "abs -> /d/e", "broken -> nowhere/x", "d/e/back -> ../../l")
	for name, want := range map[string]string{
		"/d/e/f":          "/d/e/f",
		"/l/e/f":          "/d/e/f",
		"/ll/../e/f":      "/d/e/f",
		"/chain":          "/d/e/f",
		"/d/up/l/up/ll/":  "/d/e",
		"/abs/f":          "/d/e/f",
		"/d/e/back/e/./f": "/d/e/f",
		"/":               "/",
		"/../../d":        "/d",
	} {
		if got, err := evalSymlinks(files, name); got != want || err != nil {
			t.Errorf("evalSymlinks(%q) is %q, %v; want %q", name, got, err, want)
		}
	}
	for name, want := range map[string]string{
		"/none":     "no such file or directory",
		"/broken":   "no such file or directory",
		"/d/e/f/":   "not a directory",
		"/d/e/f/g":  "not a directory",
		"/chain/x":  "not a directory",
		"/loop":     "too many links",
		"/d/none/x": "no such file or directory",
	} {
		if got, err := evalSymlinks(files, name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("evalSymlinks(%q) is %q, %v; want an error with %q", name, got, err, want)
		}
	}
}

func TestRelative(t *testing.T) {
	for _, test := range []struct{ root, name, want string }{
		{"/ctx", "/ctx/Dockerfile", "Dockerfile"},
		{"/ctx", "/ctx/docker/Dockerfile", "docker/Dockerfile"},
		{"/ctx", "/ctxt/Dockerfile", "../ctxt/Dockerfile"},
		{"/a/b", "/a/Dockerfile", "../Dockerfile"},
		{"/a/b", "/Dockerfile", "../../Dockerfile"},
		{"/", "/Dockerfile", "Dockerfile"},
		{"/a", "/a", "."},
	} {
		if got := relative(test.root, test.name); got != test.want {
			t.Errorf("relative(%q, %q) is %q, want %q", test.root, test.name, got, test.want)
		}
	}
}

// What a container sends for "docker cp" must stay where it was asked for.
func TestUnpackStaysInside(t *testing.T) {
	type entry struct {
		name, link string
		kind       byte
	}
	attacks := map[string][]entry{
		"dots":                     {{name: "../evil"}},
		"dots behind a directory":  {{name: "d/../../evil"}},
		"through a symlink":        {{name: "out", link: "/", kind: tar.TypeSymlink}, {name: "out/evil"}},
		"through a relative one":   {{name: "out", link: "..", kind: tar.TypeSymlink}, {name: "out/evil"}},
		"a directory behind one":   {{name: "out", link: "..", kind: tar.TypeSymlink}, {name: "out/evil", kind: tar.TypeDir}},
		"a hard link to outside":   {{name: "h", link: "../secret", kind: tar.TypeLink}},
		"a hard link by a symlink": {{name: "out", link: "..", kind: tar.TypeSymlink}, {name: "h", link: "out/secret", kind: tar.TypeLink}},
	}
	for name, entries := range attacks {
		t.Run(name, func(t *testing.T) {
			files := tree(t, "secret", "into/")
			var b bytes.Buffer
			w := tar.NewWriter(&b)
			for _, e := range entries {
				h := &tar.Header{Name: e.name, Linkname: e.link, Typeflag: e.kind, Mode: 0o644}
				if e.kind == 0 {
					h.Typeflag, h.Size = tar.TypeReg, 4
				}
				if err := w.WriteHeader(h); err != nil {
					t.Fatal(err)
				}
				if e.kind == 0 {
					w.Write([]byte("evil"))
				}
			}
			w.Close()
			if err := unpack(files, &b, "/into"); err == nil {
				t.Error("it was unpacked")
			}
			if _, err := files.Lstat("/evil"); !errors.Is(err, fs.ErrNotExist) {
				t.Error("a file was written outside")
			}
			if info, err := files.Lstat("/secret"); err != nil || info.Nlink != 1 {
				t.Errorf("the file outside has %d links, %v", info.Nlink, err)
			}
		})
	}
}

func FuzzUnpack(f *testing.F) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	w.WriteHeader(&tar.Header{Name: "d/", Typeflag: tar.TypeDir, Mode: 0o755})
	w.WriteHeader(&tar.Header{Name: "d/f", Typeflag: tar.TypeReg, Size: 1, Mode: 0o644})
	w.Write([]byte("x"))
	w.WriteHeader(&tar.Header{Name: "l", Linkname: "../..", Typeflag: tar.TypeSymlink})
	w.Close()
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, archive []byte) {
		files := hostFiles(t.TempDir())
		if err := files.Mkdir("/into", 0o755); err != nil {
			t.Fatal(err)
		}
		_ = unpack(files, bytes.NewReader(archive), "/into")
		if names, _ := files.ReadDir("/"); len(names) != 1 {
			t.Fatalf("outside there is now %q", names)
		}
	})
}

package catalog

import (
	"bytes"
	"compress/gzip"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"

	"github.com/dockerlab/dockerlab/sim/catalog/manifest"
	"github.com/dockerlab/dockerlab/sim/elfnote"
	"github.com/dockerlab/dockerlab/sim/image"
	"github.com/dockerlab/dockerlab/sim/layer"
)

func named(t testing.TB, name string) reference.Named {
	t.Helper()
	ref, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func resolve(t testing.TB, r *Registry, name string) *Image {
	t.Helper()
	image, err := r.Resolve(named(t, name))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return image
}

// tree is what an image's files look like.
func tree(t testing.TB, image *Image) *layer.Tree {
	t.Helper()
	var stack *layer.Stack
	for _, l := range image.Layers {
		opened, err := l.Open()
		if err != nil {
			t.Fatal(err)
		}
		if stack, err = stack.Push(opened); err != nil {
			t.Fatal(err)
		}
	}
	merged, err := stack.Tree()
	if err != nil {
		t.Fatal(err)
	}
	return merged
}

// follow finds the inode at a path, through symlinks.
func follow(merged *layer.Tree, file string, budget int) *layer.Inode {
	at := "/"
	rest := strings.Split(strings.Trim(file, "/"), "/")
	for i, name := range rest {
		next := path.Join(at, name)
		n := merged.Inode(merged.Find(next))
		if n == nil || budget == 0 {
			return nil
		}
		if n.Mode.IsSymlink() {
			target := n.Target
			if !path.IsAbs(target) {
				target = path.Join(at, target)
			}
			return follow(merged, path.Join(target, path.Join(rest[i+1:]...)), budget-1)
		}
		if i == len(rest)-1 {
			return n
		}
		at = next
	}
	return merged.Inode(merged.Root())
}

func text(t testing.TB, merged *layer.Tree, file string) string {
	t.Helper()
	n := follow(merged, file, 10)
	if n == nil || !n.Mode.IsRegular() {
		t.Fatalf("there is no file %s", file)
	}
	if n.Content == nil {
		return ""
	}
	b, err := io.ReadAll(layer.NewReader(n.Content))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// debian is what debootstrap made on the day of the record, file by file.
func TestDebianIsAMinbaseRoot(t *testing.T) {
	f, err := os.Open("testdata/minbase.manifest.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	real, err := manifest.Read(z)
	if err != nil {
		t.Fatal(err)
	}
	merged := tree(t, resolve(t, Open(), "debian"))
	names := map[string]bool{}
	var size, realSize int64
	for _, want := range real {
		names[want.Path] = true
		got := merged.Inode(merged.Find(want.Path))
		if got == nil {
			if want.Path != "/etc/hostname" && want.Path != "/etc/resolv.conf" { // the machine's
				t.Errorf("%s is missing", want.Path)
			}
			continue
		}
		if want.HardLink() {
			continue // which name is the first differs
		}
		if got.Mode != want.Mode || got.UID != want.UID || got.GID != want.GID || got.Target != want.Target {
			t.Errorf("%s: %v %d:%d -> %q, want %s", want.Path, got.Mode, got.UID, got.GID, got.Target, want)
		}
		if want.Mode.IsRegular() {
			size, realSize = size+got.Size(), realSize+want.Size
			written := strings.HasPrefix(want.Path, "/var/lib/dpkg/") // the lab's own, of the facts
			if s, ok := got.Content.(stub); ok && s.size > want.Size {
				written = s.size < 1000 // a script that is shorter than the stub for it
			}
			if got.Size() != want.Size && !written {
				t.Errorf("%s has %d bytes, want %d", want.Path, got.Size(), want.Size)
			}
		}
	}
	for _, e := range merged.Walk(merged.Root(), "") {
		if e.Name != "" && !names["/"+e.Name] {
			t.Errorf("/%s should not be there", e.Name)
		}
	}
	if d := size - realSize; d > realSize/1000 || d < -realSize/1000 {
		t.Errorf("the files have %d bytes, want %d", size, realSize)
	}
	for _, absent := range []string{"/usr/bin/ps", "/usr/bin/curl", "/usr/bin/less"} {
		if merged.Find(absent) != 0 {
			t.Errorf("%s is there, a minbase root has none", absent)
		}
	}
}

// The images have the sizes of the real ones, those that could not be reached about so.
func TestSizes(t *testing.T) {
	r := Open()
	for _, c := range []struct {
		image    string
		size     int64 // bytes, of the real one or of the one it stands for
		percent  int64
		min, max int // files
	}{
		{"debian", 116_667_077, 1, 6600, 6700},
		{"debian:bookworm-slim", 74_800_000, 1, 4100, 4300},
		{"ubuntu", 122_000_000, 5, 6000, 8000},
		{"ubuntu:16.04", 122_000_000, 5, 6000, 8000},
		{"ubuntu:14.04", 188_000_000, 5, 7000, 10000},
		{"nginx", 125_000_000, 5, 4200, 6000},
		{"httpd", 148_000_000, 15, 4200, 6000},
		{"redis", 117_000_000, 15, 4200, 6000},
		{"ubuntu:15.10", 137_000_000, 5, 6000, 8000},
		{"debian:jessie", 123_000_000, 6, 6000, 8000},
		{"centos:6.8", 195_000_000, 5, 2000, 6000},
		{"centos", 197_000_000, 5, 2000, 6000},
		{"node", 660_000_000, 5, 10000, 20000},
		{"python", 690_000_000, 5, 10000, 20000},
		{"golang", 733_000_000, 6, 10000, 20000},
		{"mongo:3.2", 300_000_000, 5, 6000, 8000},
		{"mysql", 408_000_000, 7, 6000, 8000},
		{"alpine:3.4", 4_800_000, 15, 400, 520},
		{"alpine", 7_050_000, 10, 400, 520},
		{"busybox", 1_240_000, 5, 380, 450},
		{"hello-world", 1840, 0, 1, 2},
	} {
		image := resolve(t, r, c.image)
		var size int64
		for _, l := range image.Layers {
			size += l.layer.Size()
		}
		if d := max(size-c.size, c.size-size); d > c.size*c.percent/100 {
			t.Errorf("%s has %d bytes, want %d within %d %%", c.image, size, c.size, c.percent)
		}
		merged := tree(t, image)
		if n := len(merged.Walk(merged.Root(), "")); n < c.min || n > c.max {
			t.Errorf("%s has %d files, want %d to %d", c.image, n, c.min, c.max)
		}
	}
}

func TestImagesOfOneBaseShareItsLayer(t *testing.T) {
	r := Open()
	base := resolve(t, r, "debian:bookworm-slim").Layers[0]
	for _, name := range []string{"nginx", "httpd", "redis"} {
		first := resolve(t, r, name).Layers[0]
		if first.layer != base.layer || first.DiffID != base.DiffID || first.Digest != base.Digest {
			t.Errorf("%s does not stand on bookworm-slim", name)
		}
	}
	if a, b := resolve(t, r, "ubuntu"), resolve(t, r, "ubuntu:16.04"); a != b {
		t.Error("ubuntu's latest is another image than 16.04")
	}
}

// What a learner looks at first is as it should be.
func TestWhoTheImagesSayTheyAre(t *testing.T) {
	r := Open()
	for _, c := range []struct{ image, file, has string }{
		{"debian", "/etc/os-release", `PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"`},
		{"debian", "/etc/passwd", "www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin"},
		{"debian", "/etc/shells", "/bin/bash"},
		{"nginx", "/etc/os-release", "ID=debian"},
		{"nginx", "/etc/passwd", "nginx:x:101:101:"},
		{"nginx", "/usr/share/nginx/html/index.html", "<title>Welcome to nginx!</title>"},
		{"nginx", "/etc/nginx/nginx.conf", "include /etc/nginx/conf.d/*.conf;"},
		{"nginx", "/var/lib/dpkg/status", "Package: nginx\nStatus: install ok installed\n"},
		{"httpd", "/usr/local/apache2/htdocs/index.html", "<html><body><h1>It works!</h1></body></html>"},
		{"httpd", "/usr/local/apache2/conf/httpd.conf", "\nListen 80\n"},
		{"redis", "/etc/passwd", "redis:x:999:999:"},
		{"redis", "/usr/local/bin/docker-entrypoint.sh", `exec gosu redis "$0" "$@"`},
		{"ubuntu", "/etc/os-release", `VERSION="16.04.3 LTS (Xenial Xerus)"`},
		{"ubuntu:14.04", "/etc/os-release", `VERSION="14.04.5 LTS, Trusty Tahr"`},
		{"ubuntu:14.04", "/etc/lsb-release", "DISTRIB_CODENAME=trusty"},
		{"debian:jessie", "/etc/os-release", `PRETTY_NAME="Debian GNU/Linux 8 (jessie)"`},
		{"centos:6.8", "/etc/redhat-release", "CentOS release 6.8 (Final)\n"},
		{"centos", "/etc/os-release", `PRETTY_NAME="CentOS Linux 7 (Core)"`},
		{"alpine:3.4", "/etc/os-release", "VERSION_ID=3.4"},
		{"alpine", "/etc/os-release", "ID=alpine\n"},
		{"alpine", "/etc/passwd", "root:x:0:0:root:/root:/bin/ash\n"},
		{"busybox", "/etc/passwd", "www-data:x:33:33:www-data:/var/www:/bin/false\n"},
	} {
		if s := text(t, tree(t, resolve(t, r, c.image)), c.file); !strings.Contains(s, c.has) {
			t.Errorf("%s: %s lacks %q", c.image, c.file, c.has)
		}
	}
}

// Programs stand where the real ones do, and are known by their notes.
func TestProgramsAreAtTheirPlaces(t *testing.T) {
	r := Open()
	for _, c := range []struct{ image, file, program, family string }{
		{"debian", "/bin/ls", "ls", "gnu"},
		{"debian", "/bin/sh", "dash", "gnu"},
		{"debian", "/bin/bash", "bash", "gnu"},
		{"debian", "/usr/bin/awk", "awk", "gnu"},
		{"debian", "/usr/bin/which", "which", "gnu"},
		{"debian", "/usr/bin/perl", "perl", "gnu"},
		{"debian", "/usr/bin/apt-get", "apt-get", "gnu"},
		{"debian", "/usr/sbin/useradd", "useradd", "gnu"},
		{"ubuntu:14.04", "/bin/ls", "ls", "gnu"},
		{"ubuntu:14.04", "/usr/bin/vi", "vi", "gnu"},
		{"nginx", "/usr/sbin/nginx", "nginx", "gnu"},
		{"httpd", "/usr/local/apache2/bin/httpd", "httpd", "gnu"},
		{"redis", "/usr/local/bin/redis-server", "redis-server", "gnu"},
		{"redis", "/usr/local/bin/redis-sentinel", "redis-server", "gnu"},
		{"redis", "/usr/local/bin/gosu", "gosu", "gnu"},
		{"alpine", "/bin/sh", "busybox", "alpine"},
		{"alpine", "/usr/sbin/adduser", "busybox", "alpine"},
		{"alpine", "/sbin/apk", "apk", "alpine"},
		{"busybox", "/bin/sh", "busybox", "alpine"},
		{"busybox", "/bin/nohup", "busybox", "alpine"},
		{"hello-world", "/hello", "hello-world", "gnu"},
	} {
		head := text(t, tree(t, resolve(t, r, c.image)), c.file)
		program, family, ok := elfnote.Read([]byte(head))
		if program, _, _ = strings.Cut(program, " "); !ok || program != c.program || family != c.family {
			t.Errorf("%s: %s is %q of %q, want %q of %q", c.image, c.file, program, family, c.program, c.family)
		}
	}
}

func TestTheHostHasWhatItTakes(t *testing.T) {
	host, err := Open().Host()
	if err != nil {
		t.Fatal(err)
	}
	for _, program := range []string{"bash", "curl", "docker", "less", "nano", "ps", "vi", "tar", "gzip", "sed", "find"} {
		if n := follow(host, "/usr/bin/"+program, 5); n == nil || n.Mode&0o111 == 0 {
			t.Errorf("the host has no %s", program)
		}
	}
	if got := text(t, host, "/etc/hostname"); got != "dockerlab\n" {
		t.Errorf("the host's name is %q", got)
	}
}

// The rows are those of the seed of the lessons, in which docker history cuts a command after 45
// characters.
func TestHistoryOfNginx(t *testing.T) {
	var c image.Config
	if err := json.Unmarshal(resolve(t, Open(), "nginx").ConfigJSON, &c); err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, h := range slices.Backward(c.History) {
		row := strings.ReplaceAll(h.CreatedBy, "\t", " ")
		if len(row) > 45 {
			row = row[:42] + "..."
		}
		rows = append(rows, strings.TrimRight(row, " "))
	}
	want := []string{
		`/bin/sh -c #(nop)  CMD ["nginx" "-g" "daem...`,
		`/bin/sh -c #(nop)  STOPSIGNAL [SIGTERM]`,
		`/bin/sh -c #(nop)  EXPOSE 80/tcp`,
		`/bin/sh -c ln -sf /dev/stdout /var/log/ngi...`,
		`/bin/sh -c set -x  && apt-get update  && a...`,
		`/bin/sh -c #(nop)  ENV NJS_VERSION=1.13.6....`,
		`/bin/sh -c #(nop)  ENV NGINX_VERSION=1.13....`,
		`/bin/sh -c #(nop)  LABEL maintainer=NGINX ...`,
		`/bin/sh -c #(nop)  CMD ["bash"]`,
		`/bin/sh -c #(nop) ADD file:45233d6b5c9b91e...`,
	}
	if !slices.Equal(rows, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(rows, "\n"), strings.Join(want, "\n"))
	}
}

// Every configuration is one of an image: what it lists is there, its ID is its hash.
func TestConfigurations(t *testing.T) {
	r := Open()
	for _, name := range imageNames(t, r) {
		tags, err := r.Tags(named(t, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, tag := range tags {
			i := resolve(t, r, name+":"+tag)
			var c image.Config
			if err := json.Unmarshal(i.ConfigJSON, &c); err != nil {
				t.Fatalf("%s:%s: %v", name, tag, err)
			}
			layers := 0
			for _, h := range c.History {
				if !h.EmptyLayer {
					layers++
				}
			}
			if layers != len(i.Layers) || len(c.RootFS.DiffIDs) != len(i.Layers) {
				t.Errorf("%s:%s: %d rows with layers, %d diff IDs, %d layers", name, tag, layers, len(c.RootFS.DiffIDs), len(i.Layers))
			}
			if c.Created.IsZero() || c.Config == nil {
				t.Errorf("%s:%s: the configuration is empty", name, tag)
			}
			byDigest := resolve(t, r, fmt.Sprintf("%s@%s", name, i.Digest))
			if byDigest != i {
				t.Errorf("%s:%s: its digest leads to another image", name, tag)
			}
			if again := resolve(t, Open(), name+":"+tag); again.Digest != i.Digest {
				t.Errorf("%s:%s: another registry has another digest", name, tag)
			}
		}
	}
}

func TestWhatTheRegistryHasNot(t *testing.T) {
	r := Open()
	for name, want := range map[string]error{
		"nginx:no-such-tag":                       ErrNoManifest,
		"no-such-image":                           ErrNoRepository,
		"somebody/no-such":                        ErrNoRepository,
		"registry.example:5000/app":               ErrNoHost,
		"nginx@" + string(digest.FromString("x")): ErrNoManifest,
	} {
		if _, err := r.Resolve(named(t, name)); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
}

// Each program file of all images is an executable, whatever its size.
func TestStubs(t *testing.T) {
	r := Open()
	seen := map[string]bool{}
	for _, name := range layerNames(t, r) {
		entries, err := r.entries(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			s, ok := e.Content.(stub)
			if !ok || seen[s.program+s.family] || e.Link != "" {
				continue
			}
			seen[s.program+s.family] = true
			if _, err := elf.NewFile(s); err != nil {
				t.Errorf("%s: /%s: %v", name, e.Name, err)
			}
			head := make([]byte, min(s.Size(), elfnote.HeadSize))
			if _, err := s.ReadAt(head, 0); err != nil {
				t.Errorf("%s: /%s: %v", name, e.Name, err)
			}
			if program, family, ok := elfnote.Read(head); !ok || program != s.program || family != s.family {
				t.Errorf("%s: /%s: its note says %q, %q", name, e.Name, program, family)
			}
		}
	}
	if len(seen) < 500 {
		t.Errorf("only %d programs", len(seen))
	}
}

// dpkg's lists and the files agree: dpkg -L names what is there.
func TestTheDatabaseOfPackagesAgrees(t *testing.T) {
	r := Open()
	for _, name := range []string{"debian", "nginx", "httpd"} {
		merged := tree(t, resolve(t, r, name))
		status := text(t, merged, "/var/lib/dpkg/status")
		lists := 0
		for _, e := range merged.Walk(merged.Root(), "") {
			list, isInfo := strings.CutPrefix(e.Name, "var/lib/dpkg/info/")
			list, isList := strings.CutSuffix(list, ".list")
			if !isInfo || !isList {
				continue
			}
			lists++
			list, _, _ = strings.Cut(list, ":")
			if !strings.Contains("\n"+status, "\nPackage: "+list+"\n") {
				t.Errorf("%s: %s is no package of the status file", name, list)
			}
			for file := range strings.Lines(text(t, merged, "/"+e.Name)) {
				file = strings.TrimSpace(file)
				omitted := name != "debian" && strings.HasPrefix(file, "/usr/share/")
				if file != "/." && !omitted && parent(merged, file) == 0 && file != "/var/lib/apt/lists/partial" {
					t.Errorf("%s: %s of %s is missing", name, file, list)
				}
			}
		}
		if n := strings.Count("\n"+status, "\nPackage: "); n != lists || lists < 80 {
			t.Errorf("%s: %d packages, %d lists", name, n, lists)
		}
	}
}

// parent finds a file whose directories may be links.
func parent(merged *layer.Tree, file string) layer.Ino {
	if i := merged.Find(file); i != 0 {
		return i
	}
	return merged.Find("/usr" + file)
}

func TestGeneratedContents(t *testing.T) {
	for _, c := range []layer.Content{
		lines{comment{"# ", ""}, "/usr/share/doc/x", 1000},
		lines{comment{"<!-- ", " -->"}, "/x.html", 3},
		lines{comment{"# ", ""}, "/x", 1},
		ELF("ls", "gnu", 5000),
		fill("a=b\n", "/etc/x.conf", 500),
	} {
		whole, err := io.ReadAll(layer.NewReader(c))
		if err != nil || int64(len(whole)) != c.Size() {
			t.Fatalf("%#v: %d bytes of %d, %v", c, len(whole), c.Size(), err)
		}
		for off := int64(0); off < c.Size(); off += 7 {
			part := make([]byte, 13)
			n, _ := c.ReadAt(part, off)
			if !bytes.Equal(part[:n], whole[off:min(off+13, c.Size())]) {
				t.Fatalf("%#v: other bytes at %d", c, off)
			}
		}
	}
	s, _ := io.ReadAll(layer.NewReader(fill("a=b\n", "/etc/x.conf", 200)))
	for i, line := range strings.Split(strings.TrimSuffix(string(s), "\n"), "\n") {
		if i > 0 && line != "" && line[0] != '#' {
			t.Errorf("what fills a configuration is no comment: %q", line)
		}
	}
}

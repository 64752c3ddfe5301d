//go:build linux

// Command gen turns a record of a real Debian, which record.sh makes, into the catalogue's data:
//
//	go run ./sim/catalog/internal/gen -from WORKDIR
//
// It writes, below -to (sim/catalog),
//
//	data/packages/bookworm.zip       the packages, see package debian
//	data/layers/debian/base/manifest what a minbase root has beside the files of its packages
//	testdata/minbase.manifest.gz     the root as it was, for the test that compares
//
// Only facts are carried over: names, modes, owners, sizes, times, links, dependencies. What a
// file is, text or bytes or a program, is told from its first bytes, which are then forgotten.
package main

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"bytes"
	"cmp"
	"compress/flate"
	"compress/gzip"
	"flag"
	"fmt"
	"io"
	"log"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/dockerlab/dockerlab/sim/catalog/debian"
	"github.com/dockerlab/dockerlab/sim/catalog/manifest"
	"github.com/dockerlab/dockerlab/sim/linux"
)

func main() {
	log.SetFlags(0)
	from := flag.String("from", "", "the work `directory` that record.sh filled")
	to := flag.String("to", "sim/catalog", "where to write, the catalogue's source `directory`")
	flag.Parse()
	if *from == "" {
		flag.Usage()
		os.Exit(2)
	}
	if err := generate(*from, *to); err != nil {
		log.Fatal(err)
	}
}

func generate(from, to string) error {
	debs, err := filepath.Glob(filepath.Join(from, "debs", "*.deb"))
	if err != nil {
		return err
	}
	packages := map[string]*debian.Package{}
	for _, deb := range debs {
		p, err := readDeb(deb)
		if err != nil {
			return fmt.Errorf("%s: %w", deb, err)
		}
		if old := packages[p.Name()]; old != nil {
			return fmt.Errorf("%s: %s is there in two versions", deb, p.Name())
		}
		packages[p.Name()] = p
	}
	owners := map[string]string{} // merged path to package
	for name, p := range packages {
		for _, e := range p.Files {
			if !e.Mode.IsDir() {
				owners[debian.MergeUsr(e.Path)] = name
			}
		}
	}
	alternatives := map[string]bool{}
	for _, root := range []string{"base", "inst"} {
		links, err := readAlternatives(filepath.Join(from, root), packages, owners)
		if err != nil {
			return err
		}
		maps.Copy(alternatives, links)
	}
	e := effects{from: from, owners: owners, alternatives: alternatives, known: map[string]bool{}, triggered: map[string][][]string{}}
	if err := e.readAll(packages); err != nil {
		return err
	}
	if err := writePackages(filepath.Join(to, "data/packages/bookworm.zip"), packages); err != nil {
		return err
	}
	return writeBase(from, to, packages)
}

// readDeb reads the facts of one package.
func readDeb(deb string) (*debian.Package, error) {
	p := &debian.Package{}
	err := eachMember(deb, "--ctrl-tarfile", func(h *tar.Header, r io.Reader) error {
		name := path.Base(h.Name)
		switch {
		case h.Typeflag != tar.TypeReg:
			return nil
		case name == "control":
			b, err := io.ReadAll(r)
			if err != nil {
				return err
			}
			p.Control, err = readControl(string(b))
			return err
		case name == "conffiles":
			b, err := io.ReadAll(r)
			p.Conffiles = strings.Fields(string(b))
			return err
		case name == "triggers":
			b, err := io.ReadAll(r)
			if err != nil {
				return err
			}
			for line := range strings.Lines(string(b)) {
				if f := strings.Fields(line); len(f) == 2 && f[0][0] != '#' {
					p.Triggers = append(p.Triggers, strings.Join(f, " "))
				}
			}
		}
		p.Info = append(p.Info, debian.InfoFile{Name: name, Mode: linux.Mode(h.Mode & 0o7777), Size: h.Size})
		return nil
	})
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(deb)
	if err != nil {
		return nil, err
	}
	name, version := p.Control.Get("Package"), p.Control.Get("Version")
	source, _, _ := strings.Cut(cmp.Or(p.Control.Get("Source"), name), " ")
	letter := source[:1]
	if strings.HasPrefix(source, "lib") && len(source) > 3 {
		letter = source[:4]
	}
	_, bare, ok := strings.Cut(version, ":") // without the epoch
	if !ok {
		bare = version
	}
	p.Control = append(p.Control,
		debian.Field{Name: "Filename", Value: fmt.Sprintf("pool/main/%s/%s/%s_%s_%s.deb", letter, source, name, bare, p.Control.Get("Architecture"))},
		debian.Field{Name: "Size", Value: strconv.FormatInt(info.Size(), 10)})

	times := map[int64]int{}
	err = eachMember(deb, "--fsys-tarfile", func(h *tar.Header, r io.Reader) error {
		e := manifest.Entry{
			Path: path.Clean("/" + h.Name), Mode: linux.Mode(h.Mode & 0o7777), UID: uint32(h.Uid), GID: uint32(h.Gid),
			Time: h.ModTime.Unix(), Size: h.Size, Target: h.Linkname,
		}
		switch h.Typeflag {
		case tar.TypeDir:
			if e.Path == "/" {
				return nil
			}
			e.Mode |= linux.S_IFDIR
			e.Time, e.Size = 0, 0
		case tar.TypeSymlink:
			e.Mode |= linux.S_IFLNK
			e.Size = 0
		case tar.TypeLink:
			e = manifest.Entry{Path: e.Path, Target: path.Clean("/" + h.Linkname)}
		case tar.TypeReg:
			e.Mode |= linux.S_IFREG
			head := make([]byte, 4096)
			n, err := io.ReadFull(r, head)
			if err != nil && err != io.ErrUnexpectedEOF && err != io.EOF {
				return err
			}
			classify(&e, head[:n])
		default:
			return fmt.Errorf("%s: a file of type %q", h.Name, h.Typeflag)
		}
		if e.Time != 0 {
			times[e.Time]++
		}
		p.Files = append(p.Files, e)
		return nil
	})
	// The commonest time is the package's own.
	for t, n := range times {
		if m := times[p.Time]; n > m || n == m && t < p.Time {
			p.Time = t
		}
	}
	for i := range p.Files {
		if p.Files[i].Time == p.Time {
			p.Files[i].Time = 0
		}
	}
	return p, err
}

// readControl keeps of a control file what a program could ask for: the long description is prose.
func readControl(s string) (debian.Control, error) {
	c, err := debian.ParseControl(s)
	if err != nil {
		return nil, err
	}
	for i, f := range c {
		if f.Name == "Description" {
			c[i].Value, _, _ = strings.Cut(f.Value, "\n")
		}
	}
	return c, nil
}

func eachMember(deb, part string, f func(*tar.Header, io.Reader) error) error {
	cmd := exec.Command("dpkg-deb", part, deb)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	t := tar.NewReader(bufio.NewReaderSize(out, 1<<20))
	for {
		h, err := t.Next()
		if err == io.EOF {
			break
		}
		if err == nil {
			err = f(h, t)
		}
		if err != nil {
			cmd.Process.Kill()
			cmd.Wait()
			return err
		}
	}
	io.Copy(io.Discard, out)
	return cmd.Wait()
}

// classify says what kind of file e is, by its place and its first bytes.
func classify(e *manifest.Entry, head []byte) {
	dir, base := path.Split(e.Path)
	programs := map[string]bool{"bin": true, "sbin": true, "games": true}[path.Base(dir)]
	elf := bytes.HasPrefix(head, []byte("\x7fELF"))
	script := bytes.HasPrefix(head, []byte("#!"))
	executable := e.Mode&0o111 != 0
	switch {
	case executable && elf && !strings.Contains(base, ".so"), programs && executable && script:
		e.Kind, e.Program = manifest.Program, programOf(base)
	case text(head):
		e.Kind = manifest.Text
	default:
		e.Kind = manifest.Binary
	}
}

// variants are files whose name says which of several versions of a program they are.
var variants = map[string]string{
	"mawk": "awk", "nc.openbsd": "nc", "nc.traditional": "nc", "vim.tiny": "vi", "vim.basic": "vim", "which.debianutils": "which",
	"inetutils-telnet": "telnet", "traceroute.db": "traceroute", "bsd-mailx": "mailx", "python3.11": "python3", "g++-12": "g++",
	"redis-check-rdb": "redis-server", "file-rename": "rename", "ld.bfd": "ld",
}

// programOf is the program that a file of that name is.
func programOf(base string) string {
	base = strings.TrimPrefix(base, "x86_64-linux-gnu-")
	if name := variants[base]; name != "" {
		return name
	}
	for _, name := range []string{"gcc", "cpp"} {
		if strings.HasPrefix(base, name+"-1") {
			return name
		}
	}
	return base
}

func text(head []byte) bool {
	if bytes.IndexByte(head, 0) >= 0 {
		return false
	}
	if len(head) == 4096 { // may end in the middle of a character
		head = head[:4093]
		for len(head) > 0 && head[len(head)-1] >= 0x80 {
			head = head[:len(head)-1]
		}
	}
	return utf8.Valid(head)
}

// readAlternatives gives each package the alternatives that it brings, and tells all the links.
func readAlternatives(root string, packages map[string]*debian.Package, owners map[string]string) (map[string]bool, error) {
	links := map[string]bool{}
	dir := filepath.Join(root, "var/lib/dpkg/alternatives")
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			return nil, err
		}
		all, err := debian.ParseAlternative(f.Name(), string(b))
		if err != nil {
			return nil, err
		}
		for _, a := range all {
			links["/etc/alternatives/"+a.Name], links[debian.MergeUsr(a.Link)] = true, true
			for _, s := range a.Slaves {
				links["/etc/alternatives/"+s.Name], links[debian.MergeUsr(s.Link)] = true, true
			}
			p := packages[owners[debian.MergeUsr(a.Path)]]
			if p == nil {
				log.Printf("alternative %s: nobody owns %s", a.Name, a.Path)
				continue
			}
			if !slices.ContainsFunc(p.Alternatives, func(b debian.Alternative) bool { return a.Name == b.Name && a.Path == b.Path }) {
				p.Alternatives = append(p.Alternatives, a)
			}
		}
	}
	return links, nil
}

// found is a line of find -printf as record.sh has it.
type found struct {
	manifest.Entry
	links int
	inode string
}

func parseFound(line string) (found, error) {
	f := strings.Split(line, "\t")
	if len(f) != 10 {
		return found{}, fmt.Errorf("bad line %q", line)
	}
	var n [6]int64
	for i, s := range []struct {
		text string
		base int
	}{{f[2], 8}, {f[3], 10}, {f[4], 10}, {f[5], 10}, {strings.SplitN(f[6], ".", 2)[0], 10}, {f[7], 10}} {
		v, err := strconv.ParseInt(s.text, s.base, 64)
		if err != nil {
			return found{}, fmt.Errorf("bad line %q: %w", line, err)
		}
		n[i] = v
	}
	e := manifest.Entry{Path: path.Clean("/" + f[0]), Mode: linux.Mode(n[0]), UID: uint32(n[1]), GID: uint32(n[2])}
	switch f[1] {
	case "d":
		e.Mode |= linux.S_IFDIR
	case "l":
		e.Mode |= linux.S_IFLNK
		e.Target = f[9]
	case "f":
		e.Mode |= linux.S_IFREG
		e.Size, e.Kind = n[3], manifest.Text
	case "c":
		e.Mode |= linux.S_IFCHR
	case "p", "s":
		e.Mode |= linux.S_IFIFO // a socket is nothing that a package makes
	default:
		return found{}, fmt.Errorf("%s: a file of type %s", e.Path, f[1])
	}
	return found{e, int(n[5]), f[8]}, nil
}

func readHead(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head := make([]byte, 4096)
	n, err := io.ReadFull(f, head)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = nil
	}
	return head[:n], err
}

func writePackages(file string, packages map[string]*debian.Package) error {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestCompression) })
	add := func(name string, content []byte) error {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: time.Unix(0, 0).UTC()})
		if err == nil {
			_, err = w.Write(content)
		}
		return err
	}
	var index bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(packages)) {
		index.WriteString(packages[name].Control.String())
		index.WriteString("\n")
	}
	if err := add("Packages", index.Bytes()); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(packages)) {
		if err := add(name+".pkg", []byte(packages[name].Format())); err != nil {
			return err
		}
	}
	if err := z.Close(); err != nil {
		return err
	}
	return write(file, out.Bytes())
}

// writeBase writes what the base root has beside what its packages put there.
func writeBase(from, to string, packages map[string]*debian.Package) error {
	b, err := os.ReadFile(filepath.Join(from, "base.tsv"))
	if err != nil {
		return err
	}
	installed, err := os.ReadFile(filepath.Join(from, "base.packages"))
	if err != nil {
		return err
	}
	expected := map[string]*debian.File{}
	var base []*debian.Package
	for _, name := range strings.Fields(string(installed)) {
		p := packages[name]
		if p == nil {
			return fmt.Errorf("the base's package %s was not downloaded", name)
		}
		base = append(base, p)
	}
	files, _ := debian.Install(nil, base, debian.Options{})
	for _, f := range files {
		expected[f.Path] = f
	}
	var extra, golden strings.Builder
	names := map[string]string{} // inode to first path
	seen := map[string]bool{}
	for line := range strings.Lines(string(b)) {
		f, err := parseFound(strings.TrimSuffix(line, "\n"))
		if err != nil {
			return err
		}
		e := f.Entry
		if e.Path == "/" {
			continue
		}
		seen[e.Path] = true
		if e.Mode.IsRegular() {
			if first := names[f.inode]; first != "" && f.links > 1 {
				e = manifest.Entry{Path: e.Path, Target: first}
			} else {
				names[f.inode] = e.Path
			}
		}
		if e.Mode.Type() == linux.S_IFCHR {
			if e.Major, e.Minor, err = device(filepath.Join(from, "base", e.Path)); err != nil {
				return err
			}
		}
		fmt.Fprintln(&golden, e)
		if machines[e.Path] {
			continue
		}
		if want, ok := expected[e.Path]; ok {
			if want.Known || want.HardLink() || e.HardLink() || same(want.Entry, e) {
				continue
			}
		}
		if e.Mode.IsRegular() {
			head, err := readHead(filepath.Join(from, "base", e.Path))
			if err != nil {
				return err
			}
			classify(&e, head)
		}
		fmt.Fprintln(&extra, e)
	}
	for _, name := range slices.Sorted(maps.Keys(expected)) {
		if !seen[name] {
			log.Printf("base: its packages have %s, the root has not", name)
		}
	}
	var z bytes.Buffer
	w, _ := gzip.NewWriterLevel(&z, gzip.BestCompression)
	io.WriteString(w, golden.String())
	if err := w.Close(); err != nil {
		return err
	}
	if err := write(filepath.Join(to, "testdata/minbase.manifest.gz"), z.Bytes()); err != nil {
		return err
	}
	head := "# What debootstrap --variant=minbase bookworm leaves beside the files of its packages: derived by internal/gen.\n"
	return write(filepath.Join(to, "data/layers/debian/base/manifest"), []byte(head+extra.String()))
}

// machines are the files that debootstrap copies from the machine it runs on.
var machines = map[string]bool{"/etc/hostname": true, "/etc/resolv.conf": true}

func device(file string) (major, minor uint32, err error) {
	var s unix.Stat_t
	if err := unix.Lstat(file, &s); err != nil {
		return 0, 0, fmt.Errorf("%s: %w", file, err)
	}
	return unix.Major(s.Rdev), unix.Minor(s.Rdev), nil
}

// same says that the root has what a package put there.
func same(a, b manifest.Entry) bool {
	return a.Mode == b.Mode && a.UID == b.UID && a.GID == b.GID && a.Size == b.Size && a.Target == b.Target
}

func write(file string, b []byte) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, b, 0o644)
}

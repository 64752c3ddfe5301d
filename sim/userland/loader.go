package userland

import (
	"bytes"
	"crypto/sha256"
	"debug/elf"
	"encoding/binary"
	"io"
	"path"
	"strings"
	"time"

	"github.com/dockerlab/dockerlab/sim/elfnote"
	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// wellKnown are the directories in which a name says what a program is.
var wellKnown = map[string]bool{
	"/bin": true, "/sbin": true, "/usr/bin": true, "/usr/sbin": true, "/usr/local/bin": true, "/usr/local/sbin": true,
}

// Load is the kernel.Loader of the table.
func (t *Table) Load(p *kernel.Proc, f *kernel.Executable) (kernel.Program, error) {
	if !bytes.HasPrefix(f.Head, []byte(elf.ELFMAG)) {
		return nil, linux.ENOEXEC
	}
	interp, ok := interpreter(f.Head)
	if !ok {
		return nil, linux.ENOEXEC
	}
	if interp != "" {
		if st, err := p.Stat(interp); err != nil {
			return nil, err
		} else if !st.Mode.IsRegular() {
			return nil, linux.EACCES
		}
	}
	if name, family, ok := elfnote.Read(f.Head); ok {
		return t.noted(f, name, family), nil
	}
	id := t.identify(p, f)
	if id.name == "" {
		return missing(f.Path), nil
	}
	if main, ok := t.Lookup(id.name, id.family); ok {
		return main, nil
	}
	return missing(f.Path), nil
}

// noted finds the program that a note names.
func (t *Table) noted(f *kernel.Executable, name, family string) kernel.Program {
	fam, ok := prog.ParseFamily(family)
	if !ok || fam == prog.Any {
		fam = prog.GNU
	}
	name, _, _ = strings.Cut(name, " ") // a release may follow, see prog.Ctx.Release
	if main, ok := t.Lookup(name, fam); ok {
		return main
	}
	// Some programs exist in one family only, whatever image they stand in.
	if main, ok := t.Lookup(name, prog.Any&^fam); ok {
		return main
	}
	return missing(f.Path)
}

// identity is what is known of an executable's content.
type identity struct {
	name   string // "": nothing
	family prog.Family
}

// identities remembers what files are: by place while they stay unchanged, which saves reading
// them, and by content.
type identities struct {
	places   map[place]identity
	contents map[[sha256.Size]byte]identity
}

// place is an inode at one moment.
type place struct {
	dev   linux.Dev
	fs    vfs.Filesystem
	ino   vfs.Ino
	mtime time.Time
	size  int64
}

// maxPlaces bounds what identities remembers; beyond it, it begins anew.
const maxPlaces = 4096

func newIdentities() identities {
	return identities{map[place]identity{}, map[[sha256.Size]byte]identity{}}
}

// maxImage is the largest real executable that is read to find out what it is.
const maxImage = 64 << 20

// identify says what a real executable is.
func (t *Table) identify(p *kernel.Proc, f *kernel.Executable) identity {
	at := place{f.Stat.Dev, f.Ref.Mount.FS, f.Ref.Ino, f.Stat.Mtime, f.Stat.Size}
	if id, ok := t.ids.places[at]; ok {
		return id
	}
	if len(t.ids.places) >= maxPlaces {
		clear(t.ids.places)
	}
	id := t.identifyContent(p, f)
	t.ids.places[at] = id
	return id
}

func (t *Table) identifyContent(p *kernel.Proc, f *kernel.Executable) identity {
	if f.Stat.Size > maxImage {
		return t.byPath(p, f)
	}
	p.Step(int(f.Stat.Size >> 12))
	content := io.NewSectionReader(readerAt(f.ReadAt), 0, f.Stat.Size)
	sum, isBusybox, err := scan(content)
	if err != nil {
		return identity{}
	}
	if isBusybox {
		return identity{"busybox", prog.Busybox}
	}
	if id := t.byPath(p, f); id.name != "" {
		t.ids.contents[sum] = id
		return id
	}
	if id, ok := t.ids.contents[sum]; ok {
		return id
	}
	return t.original(p, f, sum)
}

// byPath goes by the file's own path, links resolved.
func (t *Table) byPath(p *kernel.Proc, f *kernel.Executable) identity {
	name, ok := p.View().PathOf(f.Ref)
	if !ok {
		return identity{}
	}
	if dir, base := path.Split(name); wellKnown[path.Clean(dir)] {
		if _, ok := t.gnu[base]; ok {
			return identity{base, prog.GNU}
		}
	}
	return identity{}
}

// original looks among the programs at well-known paths for one that f is a copy of.
func (t *Table) original(p *kernel.Proc, f *kernel.Executable, sum [sha256.Size]byte) identity {
	for _, dir := range []string{"/usr/bin", "/bin", "/usr/sbin", "/sbin", "/usr/local/bin"} {
		ents, err := p.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, e := range ents {
			if _, ok := t.gnu[e.Name]; !ok || !e.Mode.IsRegular() {
				continue
			}
			ref, err := p.View().Resolve(dir+"/"+e.Name, true)
			if err != nil {
				continue
			}
			st, err := ref.Stat()
			if err != nil || st.Size != f.Stat.Size {
				continue
			}
			p.Step(int(st.Size >> 12))
			read := func(b []byte, off int64) (int, error) { return ref.Mount.FS.ReadAt(ref.Ino, b, off) }
			if other, _, err := scan(io.NewSectionReader(readerAt(read), 0, st.Size)); err == nil && other == sum {
				id := identity{e.Name, prog.GNU}
				t.ids.contents[sum] = id
				return id
			}
		}
	}
	return identity{}
}

type readerAt func(b []byte, off int64) (int, error)

func (r readerAt) ReadAt(b []byte, off int64) (int, error) { return r(b, off) }

// scan hashes a file and looks for Busybox's banner in it.
func scan(r io.Reader) (sum [sha256.Size]byte, busybox bool, err error) {
	banner := []byte("BusyBox v1.")
	h := sha256.New()
	buf := make([]byte, len(banner)+64<<10)
	keep := 0
	for {
		n, err := r.Read(buf[keep:])
		h.Write(buf[keep : keep+n])
		busybox = busybox || bytes.Contains(buf[:keep+n], banner)
		if err == io.EOF {
			return [sha256.Size]byte(h.Sum(nil)), busybox, nil
		}
		if err != nil {
			return sum, false, err
		}
		end := keep + n
		keep = min(end, len(banner)-1)
		copy(buf, buf[end-keep:end])
	}
}

// interpreter reads PT_INTERP from the head of an ELF file: "" for a static one. ok is false for
// what Linux on amd64 does not run.
func interpreter(head []byte) (interp string, ok bool) {
	le := binary.LittleEndian
	if len(head) < 64 || head[elf.EI_CLASS] != byte(elf.ELFCLASS64) || head[elf.EI_DATA] != byte(elf.ELFDATA2LSB) || elf.Machine(le.Uint16(head[18:])) != elf.EM_X86_64 {
		return "", false
	}
	if kind := elf.Type(le.Uint16(head[16:])); kind != elf.ET_EXEC && kind != elf.ET_DYN {
		return "", false
	}
	phoff, size, n := le.Uint64(head[32:]), uint64(le.Uint16(head[54:])), uint64(le.Uint16(head[56:]))
	if size != 56 || phoff > uint64(len(head)) || n*size > uint64(len(head))-phoff {
		return "", false
	}
	for i := range n {
		h := head[phoff+i*size:]
		if elf.ProgType(le.Uint32(h)) != elf.PT_INTERP {
			continue
		}
		off, length := le.Uint64(h[8:]), le.Uint64(h[32:])
		if off > uint64(len(head)) || length > uint64(len(head))-off || length < 2 {
			return "", false
		}
		return string(bytes.TrimRight(head[off:off+length], "\x00")), true
	}
	return "", true
}

package toolchain

import (
	"bytes"
	"debug/elf"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/dockerlab/dockerlab/sim/elfnote"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// maxScanned is how much of a file scanelf reads, in bytes.
const maxScanned = 64 << 20

// scanelf is scanelf of pax-utils as Dockerfiles use it: which libraries the programs below some
// directories need.
func scanelf(c *prog.Ctx) int {
	s := scanner{c: c, header: true}
	for o := range c.Getopt("nRByCF:qE:", []prog.Long{{Name: "needed", Val: 'n'}, {Name: "recursive", Val: 'R'}, {Name: "nobanner", Val: 'B'}, {Name: "symlink", Val: 'y'},
		{Name: "nocolor", Val: 'C'}, {Name: "quiet", Val: 'q'}, {Name: "format", Arg: prog.ReqArg, Val: 'F'}, {Name: "etype", Arg: prog.ReqArg, Val: 'E'}}) {
		switch o.Val {
		case 'n':
			s.needed = true
		case 'R':
			s.recursive = true
		case 'B':
			s.header = false
		case 'y':
			s.noLinks = true
		case 'F':
			s.format = o.Arg
		case 'E':
			s.types = strings.Split(o.Arg, ",")
		}
	}
	if s.format == "" {
		s.format = "%o %F"
		if s.needed {
			s.format = "%o %n %F"
		}
		s.pad = " "
	}
	status := 0
	for _, name := range c.Args {
		if err := s.walk(name, true); err != nil {
			status = 1
		}
	}
	return status
}

// scanner is one run of scanelf.
type scanner struct {
	c                                  *prog.Ctx
	needed, recursive, header, noLinks bool
	format, pad                        string
	types                              []string
}

// walk scans a file, or what is in a directory.
func (s *scanner) walk(name string, named bool) error {
	st, err := s.c.Lstat(name)
	if err != nil {
		return err
	}
	if st.Mode.Type() == linux.S_IFLNK {
		if s.noLinks {
			return nil
		}
		if st, err = s.c.Stat(name); err != nil {
			return nil
		}
		if st.Mode.IsDir() && !named {
			return nil
		}
	}
	if st.Mode.IsDir() {
		if !named && !s.recursive {
			return nil
		}
		entries, err := s.c.ReadDir(name)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if e.Name != "." && e.Name != ".." {
				s.walk(path.Join(name, e.Name), false)
			}
		}
		return nil
	}
	if st.Mode.IsRegular() {
		return s.file(name, st.Size)
	}
	return nil
}

// errNotELF is for a file that is no ELF object.
var errNotELF = errors.New("no ELF object")

// file tells of an ELF object.
func (s *scanner) file(name string, size int64) error {
	f, err := s.c.OpenFile(name, linux.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	head := make([]byte, elfnote.HeadSize)
	n, _ := f.ReadAt(head, 0)
	head = head[:n]
	if !bytes.HasPrefix(head, []byte(elf.ELFMAG)) || size > maxScanned {
		return nil
	}
	kind, libraries, err := s.object(f, head)
	if err != nil {
		return nil
	}
	if s.types != nil && !slices.Contains(s.types, kind) {
		return nil
	}
	if s.needed && s.format == "%n#p" && len(libraries) == 0 {
		return nil
	}
	if s.header {
		s.header = false
		s.c.Print(" TYPE   ", map[bool]string{true: "NEEDED "}[s.needed], "FILE \n")
	}
	line := strings.NewReplacer("%o", kind, "%n#p", strings.Join(libraries, ","), "%n", strings.Join(libraries, ","), "%F", name, "%p", name).Replace(s.format)
	s.c.Print(line, s.pad, "\n")
	return nil
}

// object says of what type an ELF object is, and which libraries it needs. A program of the lab
// needs the C library of the system that it was made on, as far as it is linked with one.
func (s *scanner) object(f *prog.File, head []byte) (kind string, libraries []string, err error) {
	if _, _, ok := elfnote.Read(head); ok {
		if !bytes.Contains(head, []byte("/lib/ld-musl-x86_64.so.1\x00")) && !bytes.Contains(head, []byte("/lib64/ld-linux-x86-64.so.2\x00")) {
			return "ET_EXEC", nil, nil
		}
		if _, err := s.c.Stat("/lib/ld-musl-x86_64.so.1"); err == nil {
			return "ET_DYN", []string{"libc.musl-x86_64.so.1"}, nil
		}
		return "ET_DYN", []string{"libc.so.6"}, nil
	}
	e, err := elf.NewFile(f)
	if err != nil {
		return "", nil, errNotELF
	}
	libraries, err = e.ImportedLibraries()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", nil, errNotELF
	}
	return e.Type.String(), libraries, nil
}

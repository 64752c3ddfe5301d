// Package manifest is the catalogue's description of a file tree: one line for each file, in the
// spirit of mtree(5), as a person can write it and a listing of a real distribution fills it.
//
//	d 755 0:0 /etc/nginx
//	f 644 0:0 1077 /etc/nginx/fastcgi_params
//	f 4755 0:0 @1679593652 62672 /usr/bin/chfn
//	b 644 0:0 1922136 /usr/lib/x86_64-linux-gnu/libc.so.6
//	x 755 0:0 151344 /usr/bin/ls
//	x 755 0:0 151344 /usr/bin/vdir = ls
//	l 777 0:0 /bin -> usr/bin
//	h /usr/bin/perl5.36.0 -> /usr/bin/perl
//	c 666 0:0 1,3 /dev/null
//
// The first letter is the type: d a directory, f a file of text, b a file of bytes, x a program, l a
// symbolic link, h another name of an earlier file, c and p a character device and a FIFO. Then come
// the permission bits in octal, user:group in numbers, the time of the last change in seconds after
// @ where it is not the manifest's own, the size in bytes (of a device major,minor), the path, and
// what a link leads to. A program is known by its name; where that is not the file's, it stands after
// the "=". A path with a blank, a quote or a control character in it is quoted as in Go. Empty lines
// and lines that begin with # say nothing.
package manifest

import (
	"bufio"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/linux"
)

// Kind says what the bytes of a regular file are; of anything else it is None.
type Kind uint8

const (
	None    Kind = iota
	Text         // lines
	Binary       // anything but text or a program
	Program      // an executable that the lab may have a simulation of
)

// Entry is one line.
type Entry struct {
	Path   string     // absolute and clean: "/etc/passwd"
	Mode   linux.Mode // type and permission bits; 0 for a hard link
	UID    uint32
	GID    uint32
	Time   int64  // seconds; 0 where the line gives none
	Size   int64  // bytes, of a regular file
	Kind   Kind   // of a regular file
	Target string // of a symlink: as it is; of a hard link: an absolute path
	// Program is the name of the program that a file of kind Program stands for.
	Program      string
	Major, Minor uint32 // of a device
}

// HardLink says that the entry is another name of Target.
func (e Entry) HardLink() bool { return e.Mode == 0 }

// MaxLine is the length of the longest line, in bytes.
const MaxLine = 16 << 10

// Read reads all the lines. An error names the line by its number.
func Read(r io.Reader) ([]Entry, error) {
	var entries []Entry
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, MaxLine)
	for n := 1; lines.Scan(); n++ {
		line := lines.Text()
		if line == "" || line[0] == '#' {
			continue
		}
		e, err := Parse(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		entries = append(entries, e)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("reading a manifest: %w", err)
	}
	return entries, nil
}

// Parse reads one line, which must say something.
func Parse(line string) (Entry, error) {
	kind, rest, _ := strings.Cut(line, " ")
	p := fields{rest: rest}
	var e Entry
	switch kind {
	case "d":
		p.owner(&e, linux.S_IFDIR)
		e.Path = p.path()
	case "f", "b", "x":
		p.owner(&e, linux.S_IFREG)
		e.Size = int64(p.number(10, 63))
		e.Path = p.path()
		switch kind {
		case "f":
			e.Kind = Text
		case "b":
			e.Kind = Binary
		case "x":
			e.Kind, e.Program = Program, path.Base(e.Path)
			if p.rest != "" {
				p.word("=")
				e.Program = p.string()
			}
		}
	case "l":
		p.owner(&e, linux.S_IFLNK)
		e.Path = p.path()
		p.word("->")
		e.Target = p.string()
	case "h":
		e.Path = p.path()
		p.word("->")
		e.Target = p.path()
	case "c":
		p.owner(&e, linux.S_IFCHR)
		major, minor, ok := strings.Cut(p.field(), ",")
		if !ok {
			p.fail("a device needs its numbers")
		}
		e.Major, e.Minor = uint32(p.parse(major, 10, 12)), uint32(p.parse(minor, 10, 20))
		e.Path = p.path()
	case "p":
		p.owner(&e, linux.S_IFIFO)
		e.Path = p.path()
	default:
		p.fail("unknown type " + strconv.Quote(kind))
	}
	if p.rest != "" {
		p.fail("more than the line should have: " + strconv.Quote(p.rest))
	}
	if p.err != nil {
		return Entry{}, p.err
	}
	return e, nil
}

// fields takes a line apart from the left and keeps the first error.
type fields struct {
	rest string
	err  error
}

func (p *fields) fail(what string) {
	if p.err == nil {
		p.err = fmt.Errorf("manifest: %s", what)
	}
}

// field is all up to the next blank.
func (p *fields) field() string {
	f, rest, _ := strings.Cut(p.rest, " ")
	p.rest = rest
	if f == "" {
		p.fail("the line is too short")
	}
	return f
}

func (p *fields) word(want string) {
	if got := p.field(); got != want {
		p.fail("expected " + want + ", not " + strconv.Quote(got))
	}
}

// string is a field that may be quoted.
func (p *fields) string() string {
	if !strings.HasPrefix(p.rest, `"`) {
		return p.field()
	}
	q, err := strconv.QuotedPrefix(p.rest)
	if err != nil {
		p.fail("a quoted name does not end")
		return ""
	}
	p.rest = p.rest[len(q):]
	if p.rest != "" {
		if p.rest[0] != ' ' {
			p.fail("expected a blank after " + q)
		}
		p.rest = p.rest[1:]
	}
	s, err := strconv.Unquote(q)
	if err != nil || s == "" {
		p.fail("a bad quoted name: " + q)
	}
	return s
}

func (p *fields) path() string {
	s := p.string()
	if p.err == nil && (!strings.HasPrefix(s, "/") || path.Clean(s) != s || strings.ContainsRune(s, 0)) {
		p.fail("not an absolute, clean path: " + strconv.Quote(s))
	}
	return s
}

func (p *fields) number(base, bits int) uint64 { return p.parse(p.field(), base, bits) }

func (p *fields) parse(s string, base, bits int) uint64 {
	n, err := strconv.ParseUint(s, base, bits)
	if err != nil {
		p.fail("a bad number: " + strconv.Quote(s))
	}
	return n
}

// owner takes mode, user:group and the time.
func (p *fields) owner(e *Entry, kind linux.Mode) {
	e.Mode = kind | linux.Mode(p.number(8, 12))
	uid, gid, ok := strings.Cut(p.field(), ":")
	if !ok {
		p.fail("expected user:group")
	}
	e.UID, e.GID = uint32(p.parse(uid, 10, 32)), uint32(p.parse(gid, 10, 32))
	if strings.HasPrefix(p.rest, "@") {
		e.Time = int64(p.parse(p.field()[1:], 10, 40))
	}
}

// String is the line that Parse reads e from.
func (e Entry) String() string {
	if e.HardLink() {
		return "h " + quote(e.Path) + " -> " + quote(e.Target)
	}
	var b strings.Builder
	letter := byte('?')
	switch e.Mode.Type() {
	case linux.S_IFDIR:
		letter = 'd'
	case linux.S_IFLNK:
		letter = 'l'
	case linux.S_IFCHR:
		letter = 'c'
	case linux.S_IFIFO:
		letter = 'p'
	case linux.S_IFREG:
		letter = " fbx"[e.Kind&3]
	}
	fmt.Fprintf(&b, "%c %o %d:%d ", letter, uint32(e.Mode.Perm()), e.UID, e.GID)
	if e.Time != 0 {
		fmt.Fprintf(&b, "@%d ", e.Time)
	}
	switch letter {
	case 'f', 'b', 'x':
		fmt.Fprintf(&b, "%d ", e.Size)
	case 'c':
		fmt.Fprintf(&b, "%d,%d ", e.Major, e.Minor)
	}
	b.WriteString(quote(e.Path))
	switch {
	case letter == 'l':
		b.WriteString(" -> " + quote(e.Target))
	case letter == 'x' && e.Program != path.Base(e.Path):
		b.WriteString(" = " + quote(e.Program))
	}
	return b.String()
}

// quote quotes a name that would not stand for itself.
func quote(s string) string {
	for _, r := range s {
		if r <= ' ' || r == '"' || r == 0x7f || r == '\ufffd' {
			return strconv.Quote(s)
		}
	}
	return s
}

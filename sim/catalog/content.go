package catalog

import (
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/dockerlab/dockerlab/sim/catalog/manifest"
	"github.com/dockerlab/dockerlab/sim/elfnote"
	"github.com/dockerlab/dockerlab/sim/layer"
)

// ELF is the file that stands for a program: a stub, see package elfnote, filled up to size bytes.
// It is longer than size where the stub is.
func ELF(program, family string, size int64) layer.Content {
	if size < elfnote.HeadSize {
		size = max(size, int64(len(elfnote.Write(program, family))))
	}
	return stub{program, family, size}
}

// stub is the Content of ELF, whose head is made when it is read: a layer has hundreds of them.
type stub struct {
	program, family string
	size            int64
}

func (s stub) Size() int64 { return s.size }

func (s stub) ReadAt(p []byte, off int64) (int, error) {
	head := elfnote.Write(s.program, s.family)
	rest := layer.Generated(seed(s.program+" "+s.family, s.size), max(0, s.size-int64(len(head))))
	return layer.Join(layer.Bytes(head), rest).ReadAt(p, off)
}

// generate makes the content of a file of which no more is known than a manifest has.
func generate(m manifest.Entry, family string) layer.Content {
	switch m.Kind {
	case manifest.Program:
		return ELF(m.Program, family, m.Size)
	case manifest.Binary:
		return blob{m.Path, m.Size}
	}
	if m.Mode&0o111 != 0 && m.Size > int64(len(script)) {
		return layer.Join(layer.Text(script), lines{comment{"# ", ""}, m.Path, m.Size - int64(len(script))})
	}
	return lines{commentOf(m.Path), m.Path, m.Size}
}

// blob is a file of bytes: what it is known by, and then anything.
type blob struct {
	name string
	size int64
}

func (b blob) Size() int64 { return b.size }

func (b blob) ReadAt(p []byte, off int64) (int, error) {
	magic := magicOf(b.name)
	magic = magic[:min(int64(len(magic)), b.size)]
	rest := layer.Generated(seed(b.name, b.size), b.size-int64(len(magic)))
	return layer.Join(layer.Text(magic), rest).ReadAt(p, off)
}

// script begins a file of text that can be executed; it does nothing.
const script = "#!/bin/sh\n"

// magicOf is how a file of bytes begins by which file(1) knows it.
func magicOf(name string) string {
	switch base := path.Base(name); {
	case strings.HasSuffix(base, ".so") || strings.Contains(base, ".so."):
		return "\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x03\x00\x3e\x00" // a shared object
	case strings.HasSuffix(base, ".gz"):
		return "\x1f\x8b\x08\x00"
	case strings.HasSuffix(base, ".mo"):
		return "\xde\x12\x04\x95"
	case strings.HasSuffix(base, ".a"):
		return "!<arch>\n"
	case strings.HasSuffix(base, ".png"):
		return "\x89PNG\r\n\x1a\n"
	case strings.HasPrefix(name, "/usr/share/zoneinfo/"):
		return "TZif2"
	}
	return ""
}

// fill is text, and behind it, where the real file is longer, lines that say so.
func fill(text, name string, size int64) layer.Content {
	more := size - int64(len(text))
	if more < 2 || text == "" {
		return layer.Text(text)
	}
	return layer.Join(layer.Text(text), lines{commentOf(name), name, more})
}

// comment is what a line of comment begins and ends with.
type comment struct{ begin, end string }

func commentOf(name string) comment {
	switch path.Ext(name) {
	case ".h", ".c", ".hpp", ".js", ".go", ".scss":
		return comment{"// ", ""}
	case ".html", ".xml", ".svg", ".htm":
		return comment{"<!-- ", " -->"}
	case ".css":
		return comment{"/* ", " */"}
	case ".el", ".ini":
		return comment{"; ", ""}
	case ".vim":
		return comment{`" `, ""}
	}
	return comment{"# ", ""}
}

// lines is size bytes of text, numbered lines that name the file. Any of them is computed from its
// number.
type lines struct {
	comment
	name string
	size int64
}

func (l lines) Size() int64 { return l.size }

// width is the length of one line.
func (l lines) width() int64 { return int64(len(l.line(0))) }

func (l lines) line(n int64) string {
	return fmt.Sprintf("%s%s: line %07d of the lab's stand-in%s\n", l.begin, l.name, n%1e7, l.end)
}

func (l lines) ReadAt(p []byte, off int64) (int, error) {
	n, width := 0, l.width()
	for n < len(p) && off < l.size {
		line := l.line(off / width)
		// The last, short line is one of comment still, if two bytes are there for it.
		if start := off / width * width; l.size-start < width {
			line = l.short(l.size - start)
		}
		k := copy(p[n:], line[off%width:])
		n += k
		off += int64(k)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// short is a last line of n bytes.
func (l lines) short(n int64) string {
	ends := int64(len(l.begin) + len(l.end) + 1)
	if n < ends {
		return strings.Repeat("\n", int(n))
	}
	return l.begin + strings.Repeat("-", int(n-ends)) + l.end + "\n"
}

package toolchain

import (
	"bytes"
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// member is a file of an archive.
type member struct {
	name string
	mode uint32
	data []byte
}

const (
	archiveMagic = "!<arch>\n"
	memberHeader = 60
)

// readArchive reads an ar archive in GNU's format.
func readArchive(b []byte) (members []member, ok bool) {
	b, ok = bytes.CutPrefix(b, []byte(archiveMagic))
	if !ok {
		return nil, false
	}
	var names []byte
	for len(b) >= memberHeader {
		h := string(b[:memberHeader])
		size, err := strconv.Atoi(strings.TrimSpace(h[48:58]))
		if err != nil || h[58:] != "`\n" || size < 0 || size > len(b)-memberHeader {
			return nil, false
		}
		data := b[memberHeader : memberHeader+size]
		b = b[min(len(b), memberHeader+size+size&1):]
		name := strings.TrimRight(h[:16], " ")
		mode, _ := strconv.ParseUint(strings.TrimSpace(h[40:48]), 8, 32)
		switch {
		case name == "/" || name == "/SYM64/":
			continue // the index
		case name == "//":
			names = data
			continue
		case len(name) > 1 && name[0] == '/':
			at, err := strconv.Atoi(name[1:])
			if err != nil || at < 0 || at >= len(names) {
				return nil, false
			}
			long, _, _ := strings.Cut(string(names[at:]), "/\n")
			name = long
		default:
			name = strings.TrimSuffix(name, "/")
		}
		members = append(members, member{name, uint32(mode), data})
	}
	return members, true
}

// writeArchive writes one, with owners and times of zero as ar does by default.
func writeArchive(members []member) []byte {
	var names, body bytes.Buffer
	for _, m := range members {
		name := m.name + "/"
		if len(name) > 16 {
			at := names.Len()
			names.WriteString(m.name + "/\n")
			name = "/" + strconv.Itoa(at)
		}
		fmt.Fprintf(&body, "%-16s%-12d%-6d%-6d%-8o%-10d`\n", name, 0, 0, 0, m.mode, len(m.data))
		body.Write(m.data)
		if len(m.data)&1 == 1 {
			body.WriteByte('\n')
		}
	}
	var b bytes.Buffer
	b.WriteString(archiveMagic)
	if names.Len() > 0 {
		if names.Len()&1 == 1 {
			names.WriteByte('\n')
		}
		fmt.Fprintf(&b, "%-48s%-10d`\n", "//", names.Len())
		b.Write(names.Bytes())
	}
	b.Write(body.Bytes())
	return b.Bytes()
}

func ar(ctx *prog.Ctx) int {
	if len(ctx.Args) == 1 && (ctx.Args[0] == "--version" || ctx.Args[0] == "-V") {
		ctx.Print("GNU ar (GNU Binutils for Debian) 2.40\n")
		return 0
	}
	if len(ctx.Args) < 2 {
		ctx.UsageIsHelp()
		ctx.Usage()
	}
	ops, archive, files := strings.TrimPrefix(ctx.Args[0], "-"), ctx.Args[1], ctx.Args[2:]
	op := byte(0)
	verbose, quietCreate := false, false
	for i := range len(ops) {
		switch o := ops[i]; o {
		case 'r', 'q', 't', 'x', 'd', 'p', 's':
			if op == 0 || op == 's' {
				op = o
			} else if o != 's' {
				ctx.Die(1, "two different operation options specified")
			}
		case 'c':
			quietCreate = true
		case 'v':
			verbose = true
		case 'u', 'D', 'U', 'S':
		default:
			ctx.Errorf("%s: invalid option -- '%c'\n", ctx.Name, o)
			ctx.UsageIsHelp()
			ctx.Usage()
		}
	}
	if op == 0 {
		ctx.Die(1, "no operation specified")
	}
	var members []member
	b, err := ctx.ReadFile(archive)
	switch {
	case err == nil:
		var ok bool
		if members, ok = readArchive(b); !ok {
			ctx.Die(1, "%s: file format not recognized", archive)
		}
	case op != 'r' && op != 'q':
		ctx.Die(1, "%s: %v", archive, err)
	case !quietCreate:
		ctx.Warn("creating %s", archive)
	}
	find := func(name string) int {
		for i, m := range members {
			if m.name == path.Base(name) {
				return i
			}
		}
		return -1
	}
	change := false
	switch op {
	case 'r', 'q':
		for _, f := range files {
			data, err := ctx.ReadFile(f)
			if err != nil {
				ctx.Die(1, "%s: %v", f, err)
			}
			st, _ := ctx.Stat(f)
			m := member{path.Base(f), uint32(st.Mode), data}
			if i := find(f); i >= 0 && op == 'r' {
				members[i] = m
				if verbose {
					ctx.Printf("r - %s\n", f)
				}
			} else {
				members = append(members, m)
				if verbose {
					ctx.Printf("a - %s\n", f)
				}
			}
		}
		change = true
	case 'd':
		for _, f := range files {
			if i := find(f); i >= 0 {
				members = append(members[:i:i], members[i+1:]...)
				if verbose {
					ctx.Printf("d - %s\n", f)
				}
			}
		}
		change = true
	case 't', 'x', 'p':
		list := members
		if len(files) > 0 {
			list = nil
			for _, f := range files {
				if i := find(f); i >= 0 {
					list = append(list, members[i])
				} else {
					ctx.Errorf("no entry %s in archive\n", f)
					ctx.Status = 1
				}
			}
		}
		for _, m := range list {
			switch {
			case op == 't' && verbose:
				ctx.Printf("%s 0/0 %6d Jan  1 00:00 1970 %s\n", permissions(m.mode), len(m.data), m.name)
			case op == 't':
				ctx.Printf("%s\n", m.name)
			case op == 'p':
				ctx.Out.Write(m.data)
			default:
				if verbose {
					ctx.Printf("x - %s\n", m.name)
				}
				if err := ctx.WriteFile(m.name, m.data, 0o644); err != nil {
					ctx.Fail("%s: %v", m.name, err)
				}
			}
		}
	}
	if change {
		if err := ctx.WriteFile(archive, writeArchive(members), 0o666); err != nil {
			ctx.Die(1, "%s: %v", archive, err)
		}
	}
	return ctx.Status
}

func permissions(mode uint32) string {
	b := []byte("rwxrwxrwx")
	for i := range b {
		if mode>>(8-i)&1 == 0 {
			b[i] = '-'
		}
	}
	return string(b)
}

// ranlib checks that its files are archives: those of the lab need no index.
func ranlib(ctx *prog.Ctx) int {
	for _, f := range ctx.Args {
		if strings.HasPrefix(f, "-") {
			ctx.Errorf("%s: unrecognized option '%s'\n", ctx.Name, f)
			return 1
		}
		b, err := ctx.ReadFile(f)
		if err != nil {
			ctx.Fail("'%s': No such file", f)
			continue
		}
		if _, ok := readArchive(b); !ok {
			ctx.Fail("%s: file format not recognized", f)
		}
	}
	return ctx.Status
}

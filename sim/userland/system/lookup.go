package system

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/userland/prog"
	"github.com/dockerlab/dockerlab/sim/userland/userdb"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// util-linux's programs that tell where something is: namei, findmnt, whereis and last.

// maxNameiLinks is how many symbolic links namei follows on one path.
const maxNameiLinks = 20

// namei follows a path component by component.
func namei(c *prog.Ctx) int {
	var modes, owners, vertical, nosymlinks, mountpoints bool
	for o := range c.GetoptUtil("lmnovx", []prog.Long{{Name: "long", Val: 'l'}, {Name: "modes", Val: 'm'}, {Name: "owners", Val: 'o'}, {Name: "nosymlinks", Val: 'n'},
		{Name: "vertical", Val: 'v'}, {Name: "mountpoints", Val: 'x'}}) {
		switch o.Val {
		case 'l':
			modes, owners, vertical = true, true, true
		case 'm':
			modes = true
		case 'o':
			owners = true
		case 'n':
			nosymlinks = true
		case 'v':
			vertical = true
		case 'x':
			mountpoints = true
		}
	}
	if len(c.Args) == 0 {
		c.Warn("pathname argument is missing")
		c.Usage()
	}
	db := userdb.Load(c)
	links := 0
	var walk func(dir, name string, depth int)
	walk = func(dir, name string, depth int) {
		indent := strings.Repeat(" ", depth*2)
		line := func(kind byte, mode, owner, rest string) {
			if !modes {
				mode = string(rune(kind))
			}
			if vertical { // the indent stands behind the columns
				c.Print(mode)
			} else {
				c.Print(indent, " ", mode)
			}
			if owners {
				c.Print(" ", owner)
			}
			if vertical {
				c.Print(indent)
			}
			c.Print(" ", rest, "\n")
		}
		parts := strings.FieldsFunc(name, func(r rune) bool { return r == '/' })
		if strings.HasPrefix(name, "/") {
			dir, parts = "/", append([]string{"/"}, parts...)
		}
		for _, part := range parts {
			at := part
			if part != "/" {
				at = prog.JoinPath(dir, part)
			}
			st, err := c.Lstat(at)
			if err != nil {
				blank := 2
				if modes {
					blank = 11
				}
				if vertical {
					blank--
				}
				if owners {
					blank += len(" root root")
				}
				c.Print(indent, strings.Repeat(" ", blank), " ", part, " - ", err.Error(), "\n")
				c.Status = 1
				return
			}
			kind := st.Mode.String()[0]
			if mountpoints && st.Mode.IsDir() && part != "/" {
				if up, err := c.Stat(prog.JoinPath(at, "..")); err == nil && up.Dev != st.Dev {
					kind = 'D'
				}
			} else if mountpoints && part == "/" {
				kind = 'D'
			}
			mode := string(rune(kind)) + st.Mode.String()[1:]
			owner := db.UserName(st.UID) + " " + db.GroupName(st.GID)
			if !st.Mode.IsSymlink() {
				line(kind, mode, owner, part)
				dir = at
				continue
			}
			target, _ := c.Readlink(at)
			line(kind, mode, owner, part+" -> "+target)
			if nosymlinks {
				dir = at
				continue
			}
			if links++; links > maxNameiLinks {
				c.Fail("%s: exceeded limit of symlinks", c.Args[0])
				return
			}
			walk(dir, target, depth+1)
			if full, err := prog.Realpath(c, at, prog.AllExist); err == nil {
				dir = full
			} else {
				return
			}
		}
	}
	for _, name := range c.Args {
		if name == "" {
			continue
		}
		c.Print("f: ", name, "\n")
		links = 0
		dir, _ := c.Getwd()
		walk(dir, name, 0)
	}
	return c.Status
}

// mountEntry is a line of /proc/self/mountinfo.
type mountEntry struct {
	id, parent                           int
	target, source, fstype, options, dev string
	children                             []*mountEntry
}

// readMountinfo reads the mounts of the process, in their order.
func readMountinfo(c *prog.Ctx) []*mountEntry {
	b, err := c.ReadFile("/proc/self/mountinfo")
	if err != nil {
		c.Die(1, "can't read /proc/self/mountinfo: %v", err)
	}
	unescape := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
	var all []*mountEntry
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		sep := slices.Index(f, "-")
		if sep < 6 || len(f) < sep+4 {
			continue
		}
		m := &mountEntry{target: unescape.Replace(f[4]), dev: f[2], fstype: f[sep+1], source: unescape.Replace(f[sep+2])}
		m.id, _ = strconv.Atoi(f[0])
		m.parent, _ = strconv.Atoi(f[1])
		if root := unescape.Replace(f[3]); root != "/" {
			m.source += "[" + root + "]"
		}
		m.options = f[5]
		for _, o := range strings.Split(f[sep+3], ",") {
			if !slices.Contains(strings.Split(m.options, ","), o) {
				m.options += "," + o
			}
		}
		all = append(all, m)
	}
	return all
}

// findmntColumns are the columns that findmnt -o knows.
var findmntColumns = map[string]func(m *mountEntry) string{
	"TARGET":  func(m *mountEntry) string { return m.target },
	"SOURCE":  func(m *mountEntry) string { return m.source },
	"FSTYPE":  func(m *mountEntry) string { return m.fstype },
	"OPTIONS": func(m *mountEntry) string { return m.options },
	"MAJ:MIN": func(m *mountEntry) string { return m.dev },
	"ID":      func(m *mountEntry) string { return strconv.Itoa(m.id) },
	"PARENT":  func(m *mountEntry) string { return strconv.Itoa(m.parent) },
	"FSROOT": func(m *mountEntry) string {
		_, r, ok := strings.Cut(strings.TrimSuffix(m.source, "]"), "[")
		return orSlash(r, ok)
	},
}

func orSlash(s string, ok bool) string {
	if ok {
		return s
	}
	return "/"
}

// findmnt lists mounts as a tree, or those that its operands and options choose.
func findmnt(c *prog.Ctx) int {
	columns := []string{"TARGET", "SOURCE", "FSTYPE", "OPTIONS"}
	var list, raw, pairs, noHeadings, first, invert bool
	types, target, inside, source := "", "", "", ""
	for o := range c.GetoptUtil("ailnfo:rPt:T:M:S:", []prog.Long{{Name: "ascii", Val: 'a'}, {Name: "invert", Val: 'i'}, {Name: "list", Val: 'l'}, {Name: "noheadings", Val: 'n'}, {Name: "first-only", Val: 'f'},
		{Name: "output", Arg: prog.ReqArg, Val: 'o'}, {Name: "raw", Val: 'r'}, {Name: "pairs", Val: 'P'}, {Name: "types", Arg: prog.ReqArg, Val: 't'},
		{Name: "target", Arg: prog.ReqArg, Val: 'T'}, {Name: "mountpoint", Arg: prog.ReqArg, Val: 'M'}, {Name: "source", Arg: prog.ReqArg, Val: 'S'}}) {
		switch o.Val {
		case 'i':
			invert = true
		case 'l':
			list = true
		case 'n':
			noHeadings = true
		case 'f':
			first = true
		case 'o':
			columns = nil
			for _, name := range strings.Split(o.Arg, ",") {
				if findmntColumns[strings.ToUpper(name)] == nil {
					c.Die(1, "unknown column: %s", name)
				}
				columns = append(columns, strings.ToUpper(name))
			}
		case 'r':
			raw = true
		case 'P':
			pairs = true
		case 't':
			types = o.Arg
		case 'T':
			inside = o.Arg
		case 'M':
			target = o.Arg
		case 'S':
			source = o.Arg
		}
	}
	all := readMountinfo(c)
	chosen := all
	keep := func(ok func(m *mountEntry) bool) {
		chosen = slices.DeleteFunc(slices.Clone(chosen), func(m *mountEntry) bool { return !ok(m) })
	}
	if types != "" {
		if others, no := strings.CutPrefix(types, "no"); no { // as in mount -t nonfs,proc
			types, invert = others, !invert
		}
		keep(func(m *mountEntry) bool { return slices.Contains(strings.Split(types, ","), m.fstype) != invert })
	}
	if source != "" {
		keep(func(m *mountEntry) bool { return (m.source == source) != invert })
	}
	if len(c.Args) > 0 {
		name := c.Args[0]
		keep(func(m *mountEntry) bool {
			return m.source == name && len(c.Args) == 1 || m.target == path.Clean(name) || len(c.Args) == 2 && m.source == name && m.target == path.Clean(c.Args[1])
		})
	}
	if target != "" {
		keep(func(m *mountEntry) bool { return m.target == path.Clean(target) })
	}
	if inside != "" {
		full, err := prog.Realpath(c, inside, prog.AllExist)
		if err != nil {
			return 1
		}
		best := ""
		for _, m := range all {
			if (full == m.target || strings.HasPrefix(full, strings.TrimSuffix(m.target, "/")+"/")) && len(m.target) >= len(best) {
				best = m.target
			}
		}
		keep(func(m *mountEntry) bool { return m.target == best })
	}
	if len(chosen) == 0 {
		if len(c.Args) == 0 && target == "" && inside == "" && source == "" {
			return 0 // a list without entries
		}
		return 1
	}
	if first {
		chosen = chosen[:1]
	}
	tree := !list && !raw && !pairs && len(c.Args) == 0 && target == "" && inside == "" && !first
	var rows [][]string
	if !pairs {
		rows = append(rows, columns)
	}
	row := func(m *mountEntry, branch string) {
		var r []string
		for _, name := range columns {
			text := findmntColumns[name](m)
			if name == "TARGET" {
				text = branch + text
			}
			r = append(r, text)
		}
		rows = append(rows, r)
	}
	if tree {
		mountTree(chosen, row)
	} else {
		for _, m := range chosen {
			row(m, "")
		}
	}
	skip := 0
	if noHeadings {
		skip = 1 // it makes its columns wide enough all the same
	}
	switch {
	case pairs:
		for _, r := range rows {
			for i := range r {
				r[i] = columns[i] + `="` + r[i] + `"`
			}
			c.Print(strings.Join(r, " "), "\n")
		}
	case raw:
		for _, r := range rows[skip:] {
			c.Print(strings.Join(r, " "), "\n")
		}
	default:
		aligned(c, rows, skip)
	}
	return 0
}

// mountTree hands out mounts below those that they are mounted on, with the branches before them.
func mountTree(mounts []*mountEntry, row func(m *mountEntry, branch string)) {
	byID := map[int]*mountEntry{}
	for _, m := range mounts {
		byID[m.id] = m
	}
	var roots []*mountEntry
	for _, m := range mounts {
		if p := byID[m.parent]; p != nil && p != m {
			p.children = append(p.children, m)
		} else {
			roots = append(roots, m)
		}
	}
	var show func(m *mountEntry, own, below string)
	show = func(m *mountEntry, own, below string) {
		row(m, own)
		for i, k := range m.children {
			if i == len(m.children)-1 {
				show(k, below+"`-", below+"  ")
			} else {
				show(k, below+"|-", below+"| ")
			}
		}
	}
	for i, m := range roots {
		switch {
		case len(roots) == 1 || m.target == "/":
			show(m, "", "")
		case i == len(roots)-1:
			show(m, "`-", "  ")
		default:
			show(m, "|-", "| ")
		}
	}
}

// aligned prints rows from the one of number skip on, in columns as wide as the widest cell of all
// rows; the last column is as it is.
func aligned(c *prog.Ctx, rows [][]string, skip int) {
	var width []int
	for _, r := range rows {
		for i, s := range r {
			if i == len(width) {
				width = append(width, 0)
			}
			width[i] = max(width[i], prog.Width(s))
		}
	}
	for _, r := range rows[skip:] {
		for i, s := range r {
			if i == len(r)-1 {
				c.Print(s, "\n")
				break
			}
			c.Print(s, strings.Repeat(" ", width[i]-prog.Width(s)+1))
		}
	}
}

// whereis looks for programs and their manual pages in the places where they usually are.
func whereis(c *prog.Ctx) int {
	binaries, manuals := true, true
	for o := range c.GetoptUtil("bm", nil) {
		binaries, manuals = o.Val == 'b', o.Val == 'm'
	}
	if len(c.Args) == 0 {
		c.Warn("not enough arguments")
		c.Usage()
	}
	for _, name := range c.Args {
		c.Print(name, ":")
		if binaries {
			seen := map[vfs.Ino]bool{}
			for _, dir := range []string{"/usr/bin", "/usr/sbin", "/bin", "/sbin", "/usr/local/bin", "/usr/local/sbin", "/usr/games"} {
				if st, err := c.Stat(dir + "/" + name); err == nil && st.Mode.IsRegular() && !seen[st.Ino] {
					seen[st.Ino] = true
					c.Print(" ", dir, "/", name)
				}
			}
		}
		if manuals {
			for section := 1; section <= 8; section++ {
				file := "/usr/share/man/man" + strconv.Itoa(section) + "/" + name + "." + strconv.Itoa(section) + ".gz"
				if _, err := c.Stat(file); err == nil {
					c.Print(" ", file)
				}
			}
		}
		c.Print("\n")
	}
	return 0
}

// lastSessions is last: it lists the sessions of /var/log/wtmp, of which the lab writes none, so that the
// options, which choose columns, have nothing to show.
func lastSessions(c *prog.Ctx) int {
	const file = "/var/log/wtmp"
	for range c.GetoptUtil("adFiRwx", nil) {
	}
	st, err := c.Stat(file)
	if err != nil {
		c.Die(1, "cannot open %s: %v", file, err)
	}
	c.Print("\nwtmp begins ", st.Ctime.In(c.Zone()).Format("Mon Jan _2 15:04:05 2006"), "\n")
	return 0
}

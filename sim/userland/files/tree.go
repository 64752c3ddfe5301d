package files

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/fnmatch"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/datetime"
	"github.com/dockerlab/dockerlab/sim/userland/human"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
	"github.com/dockerlab/dockerlab/sim/userland/userdb"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// treeRun is one run of tree.
type treeRun struct {
	*prog.Ctx
	all, dirsOnly, fullPath, follow, xdev, classify, noIndent, noReport, quote, literal bool
	perms, size, human, user, group, date, inode, device, dirsFirst, reverse, byTime    bool
	noSort                                                                              bool
	level                                                                               int
	include, exclude                                                                    []string
	dirs, files                                                                         int
	top                                                                                 linux.Dev
	db                                                                                  *userdb.DB
	branch, corner, bar                                                                 string
}

const (
	treeNoReport = prog.LongOnly + iota
	treeDirsFirst
	treeCharset
	treeInodes
	treeDevice
	treeNoLinks
)

func tree(c *prog.Ctx) int {
	t := &treeRun{Ctx: c, level: -1, db: userdb.Load(c)}
	charset := ""
	c.OnUsage = func() { c.Errorf("%s", strings.ReplaceAll(treeUsage, "\x00", c.Name)) }
	for o := range c.Getopt("adfilnpqsugDhxrtUFNQL:P:I:CSA", []prog.Long{
		{Name: "noreport", Val: treeNoReport}, {Name: "dirsfirst", Val: treeDirsFirst}, {Name: "charset", Arg: prog.ReqArg, Val: treeCharset},
		{Name: "inodes", Val: treeInodes}, {Name: "device", Val: treeDevice},
	}) {
		switch o.Val {
		case 'a':
			t.all = true
		case 'd':
			t.dirsOnly = true
		case 'f':
			t.fullPath = true
		case 'i':
			t.noIndent = true
		case 'l':
			t.follow = true
		case 'n', 'q', 'C', 'A', 'S':
		case 'p':
			t.perms = true
		case 's':
			t.size = true
		case 'h':
			t.human = true
		case 'u':
			t.user = true
		case 'g':
			t.group = true
		case 'D':
			t.date = true
		case 'x':
			t.xdev = true
		case 'r':
			t.reverse = true
		case 't':
			t.byTime = true
		case 'U':
			t.noSort = true
		case 'F':
			t.classify = true
		case 'N':
			t.literal = true
		case 'Q':
			t.quote = true
		case 'L':
			n, err := strconv.Atoi(o.Arg)
			if err != nil || n < 1 {
				c.Die(1, "Invalid level, must be greater than 0.")
			}
			t.level = n
		case 'P':
			t.include = append(t.include, o.Arg)
		case 'I':
			t.exclude = append(t.exclude, strings.Split(o.Arg, "|")...)
		case treeNoReport:
			t.noReport = true
		case treeDirsFirst:
			t.dirsFirst = true
		case treeCharset:
			charset = o.Arg
		case treeInodes:
			t.inode = true
		case treeDevice:
			t.device = true
		}
	}
	t.branch, t.corner, t.bar = "|-- ", "`-- ", "|   "
	if c.UTF8() || strings.EqualFold(charset, "utf-8") {
		t.branch, t.corner, t.bar = "├── ", "└── ", "│   "
	}
	roots := c.Args
	if len(roots) == 0 {
		roots = []string{"."}
	}
	for _, r := range roots {
		st, err := c.Stat(r)
		if err == nil && !st.Mode.IsDir() || err != nil {
			c.Print(r, "  [error opening dir]\n")
			c.Status = 2
			continue
		}
		t.top = st.Dev
		mark := ""
		if t.classify {
			mark = "/"
		}
		c.Print(t.info(st), r, mark, "\n")
		t.dirs++
		t.walk(r, "", 1, map[vfsID]bool{{st.Dev, st.Ino}: true})
	}
	if !t.noReport {
		c.Print("\n", count(t.dirs, "directory", "directories"))
		if !t.dirsOnly {
			c.Print(", ", count(t.files, "file", "files"))
		}
		c.Print("\n")
	}
	return c.Status
}

const treeUsage = "usage: \x00 [-acdfghilnpqrstuvxACDFJQNSUX] [-L level [-R]] [-H  baseHREF]\n"

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

func (t *treeRun) info(st vfs.Stat) string {
	var f []string
	if t.inode {
		f = append(f, fmt.Sprintf("%7d", st.Ino))
	}
	if t.device {
		f = append(f, fmt.Sprintf("%3d", st.Dev))
	}
	if t.perms {
		f = append(f, st.Mode.String())
	}
	if t.user {
		f = append(f, fmt.Sprintf("%-8.32s", t.db.UserName(st.UID)))
	}
	if t.group {
		f = append(f, fmt.Sprintf("%-8.32s", t.db.GroupName(st.GID)))
	}
	switch {
	case t.human:
		f = append(f, fmt.Sprintf("%4s", human.GNU(uint64(st.Size), 1024)))
	case t.size:
		f = append(f, fmt.Sprintf("%11d", st.Size))
	}
	if t.date {
		f = append(f, datetime.Format("%b %e %H:%M", st.Mtime.In(t.Zone())))
	}
	if f == nil {
		return ""
	}
	return "[" + strings.Join(f, " ") + "]  "
}

// treeEntry is a name in a directory.
type treeEntry struct {
	name string
	st   vfs.Stat
	dir  bool
}

func (t *treeRun) walk(dir, prefix string, level int, above map[vfsID]bool) {
	ents, err := t.ReadDir(dir)
	if err != nil {
		t.Print(dir, "  [error opening dir]\n")
		return
	}
	var list []treeEntry
	for _, e := range ents {
		t.Step(2)
		if strings.HasPrefix(e.Name, ".") && !t.all {
			continue
		}
		st, err := t.Lstat(prog.JoinPath(dir, e.Name))
		if err != nil {
			continue
		}
		isDir := st.Mode.IsDir()
		if st.Mode.IsSymlink() {
			if through, err := t.Stat(prog.JoinPath(dir, e.Name)); err == nil && through.Mode.IsDir() {
				isDir = true
			}
		}
		if t.dirsOnly && !isDir || slices.ContainsFunc(t.exclude, func(p string) bool { return fnmatch.Match(p, e.Name, 0) }) {
			continue
		}
		if len(t.include) > 0 && !isDir {
			match := false
			for _, p := range t.include {
				for _, alt := range strings.Split(p, "|") {
					match = match || fnmatch.Match(alt, e.Name, 0)
				}
			}
			if !match {
				continue
			}
		}
		list = append(list, treeEntry{e.Name, st, isDir})
	}
	if !t.noSort {
		slices.SortStableFunc(list, func(a, b treeEntry) int {
			if t.dirsFirst && a.dir != b.dir {
				if a.dir {
					return -1
				}
				return 1
			}
			r := strings.Compare(a.name, b.name)
			if t.byTime {
				if d := a.st.Mtime.Compare(b.st.Mtime); d != 0 {
					r = d
				}
			}
			if t.reverse {
				r = -r
			}
			return r
		})
	}
	for i, e := range list {
		full := prog.JoinPath(dir, e.name)
		mark, next := t.branch, t.bar
		if i == len(list)-1 {
			mark, next = t.corner, "    "
		}
		if !t.noIndent {
			t.Print(prefix, mark)
		}
		name := e.name
		if t.fullPath {
			name = full
		}
		t.Print(t.info(e.st), t.name(name))
		if e.st.Mode.IsSymlink() {
			to, _ := t.Readlink(full)
			t.Print(" -> ", t.name(to))
		} else if t.classify {
			switch {
			case e.dir:
				t.Print("/")
			case e.st.Mode.Type() == linux.S_IFIFO:
				t.Print("|")
			case e.st.Mode.Type() == linux.S_IFSOCK:
				t.Print("=")
			case e.st.Mode&0o111 != 0:
				t.Print("*")
			}
		}
		t.Print("\n")
		if !e.dir {
			t.files++
			continue
		}
		t.dirs++
		if e.st.Mode.IsSymlink() && !t.follow || t.level >= 0 && level >= t.level || t.xdev && e.st.Dev != t.top {
			continue
		}
		st, err := t.Stat(full)
		id := vfsID{st.Dev, st.Ino}
		if err != nil || above[id] {
			continue
		}
		above[id] = true
		t.walk(full, prefix+next, level+1, above)
		delete(above, id)
	}
}

func (t *treeRun) name(s string) string {
	if t.quote {
		return `"` + strings.ReplaceAll(s, `"`, `\"`) + `"`
	}
	if t.literal || t.UTF8() {
		return s
	}
	return strings.ReplaceAll(prog.EscapeC(s, 0), " ", " ")
}

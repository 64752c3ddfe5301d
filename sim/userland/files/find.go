package files

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/datetime"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
	"github.com/dockerlab/dockerlab/sim/userland/userdb"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// finder is one run of find: the options that hold for all of it, and where it stands.
type finder struct {
	*prog.Ctx
	follow             byte // 'P', 'H', 'L'
	maxDepth, minDepth int
	depthFirst         bool
	xdev               bool
	now, dayStart      time.Time
	db                 *userdb.DB
	batches            []*batch // of -exec ... +
	outputs            map[string]*prog.File
	warned             bool
	quit               bool
	files0             string // of -files0-from
}

// found is the file that the expression looks at.
type found struct {
	path  string
	top   string // the operand that it was found below
	depth int
	st    vfs.Stat // as -P, -H or -L have it
	lst   vfs.Stat
	prune bool
}

func (f *found) base() string {
	p := strings.TrimRight(f.path, "/")
	if p == "" {
		return "/"
	}
	return p[strings.LastIndexByte(p, '/')+1:]
}

func find(c *prog.Ctx) int {
	f := &finder{Ctx: c, follow: 'P', maxDepth: -1, db: userdb.Load(c), outputs: map[string]*prog.File{}}
	f.now = c.Now()
	f.dayStart = f.now
	args := c.Args
	if c.GNU() && len(args) == 1 && (args[0] == "--help" || args[0] == "-help") {
		c.Help()
	}
	if c.GNU() && len(args) > 0 && (args[0] == "--version" || args[0] == "-version") {
		c.Version()
	}
options:
	for len(args) > 0 {
		switch a := args[0]; {
		case a == "-H" || a == "-L" || a == "-P":
			f.follow = a[1]
		case a == "--":
			args = args[1:]
			break options
		case c.GNU() && strings.HasPrefix(a, "-O"):
			if _, err := strconv.Atoi(a[2:]); err != nil {
				if a != "-O" {
					c.Die(1, "Please specify a decimal number immediately after -O")
				}
				c.Die(1, "The -O option must be immediately followed by a decimal integer")
			}
		case c.GNU() && a == "-D" && len(args) > 1:
			args = args[1:]
		default:
			break options
		}
		args = args[1:]
	}
	var paths []string
	for len(args) > 0 && (!startsExpression(args[0]) || c.GNU() && (args[0] == "," || args[0] == ")")) {
		paths = append(paths, args[0])
		args = args[1:]
	}
	p := &findParser{finder: f, args: args}
	expr := p.parse()
	switch {
	case f.files0 != "" && len(paths) > 0:
		c.Warn("extra operand %s", c.QuoteFile(paths[0]))
		c.Warn("file operands cannot be combined with -files0-from")
		c.Exit(1)
	case f.files0 != "":
		in, err := c.OpenInput(f.files0)
		if err != nil {
			c.Die(1, "cannot open %s for reading: %v", c.QuoteFile(f.files0), err)
		}
		b, _ := io.ReadAll(io.LimitReader(in, 1<<20))
		in.Close()
		paths = strings.FieldsFunc(string(b), func(r rune) bool { return r == 0 })
	case len(paths) == 0:
		paths = []string{"."}
	}
	for _, path := range paths {
		if f.quit {
			break
		}
		f.walk(path, path, 0, expr, nil, 0)
	}
	for _, b := range f.batches {
		b.run(f)
	}
	for _, o := range f.outputs {
		o.Close()
	}
	return c.Status
}

func startsExpression(a string) bool {
	return len(a) > 1 && a[0] == '-' || a == "(" || a == ")" || a == "!" || a == ","
}

func (f *finder) cannot(path string, err error) {
	if f.GNU() {
		f.Fail("%s: %v", f.QuoteFile(path), err)
	} else {
		f.Fail("%s: %v", path, err)
	}
}

func (f *finder) walk(path, top string, depth int, expr findExpr, above []vfsID, dev linux.Dev) {
	f.Step(4)
	lst, err := f.Lstat(path)
	if err != nil {
		if depth > 0 && err == linux.ENOENT {
			return // it went away meanwhile
		}
		f.cannot(path, err)
		return
	}
	st := lst
	if lst.Mode.IsSymlink() && (f.follow == 'L' || f.follow == 'H' && depth == 0) {
		if through, err := f.Stat(path); err == nil {
			st = through
		} else if err == linux.ELOOP {
			f.cannot(path, err)
			return
		}
	}
	if depth == 0 {
		dev = st.Dev
	}
	file := &found{path: path, top: top, depth: depth, st: st, lst: lst}
	id := vfsID{st.Dev, st.Ino}
	for i, a := range above {
		if a == id && st.Mode.IsDir() {
			if f.GNU() {
				f.Fail("File system loop detected; %s is part of the same file system loop as %s.", f.QuoteFile(path), f.QuoteFile(ancestor(path, len(above)-i)))
			}
			return
		}
	}
	visit := func() {
		if depth >= f.minDepth && !f.quit {
			expr(file)
		}
	}
	if !f.depthFirst {
		visit()
	}
	descend := st.Mode.IsDir() && !file.prune && !f.quit && (f.maxDepth < 0 || depth < f.maxDepth) && !(f.xdev && st.Dev != dev)
	if descend {
		ents, err := f.ReadDir(path)
		if err != nil {
			f.cannot(path, err)
		}
		for _, e := range ents {
			if f.quit {
				break
			}
			child := path + "/" + e.Name
			if strings.HasSuffix(path, "/") {
				child = path + e.Name
			}
			f.walk(child, top, depth+1, expr, append(above, id), dev)
		}
	}
	if f.depthFirst {
		visit()
	}
}

func ancestor(path string, up int) string {
	for range up {
		if i := strings.LastIndexByte(path, '/'); i > 0 {
			path = path[:i]
		}
	}
	return path
}

// batch collects the files of one -exec ... + .
type batch struct {
	argv  []string // before the files
	files []string
	size  int
	dir   string // of -execdir
}

// maxBatch is about how many bytes of arguments one command of -exec + gets.
const maxBatch = 128 << 10

func (b *batch) add(f *finder, path string) {
	if b.size+len(path) > maxBatch {
		b.run(f)
	}
	b.files = append(b.files, path)
	b.size += len(path) + 1
}

func (b *batch) run(f *finder) {
	if len(b.files) == 0 {
		return
	}
	argv := append(append([]string{}, b.argv...), b.files...)
	b.files, b.size = nil, 0
	if !f.command(argv, b.dir) {
		f.Status = 1
	}
}

// command runs argv in a directory ("" for here) and says whether it succeeded.
func (f *finder) command(argv []string, dir string) bool {
	f.Out.Flush()
	var here string
	if dir != "" {
		here, _ = f.Getwd()
		if err := f.Chdir(dir); err != nil {
			f.cannot(dir, err)
			return false
		}
		defer f.Chdir(here)
	}
	st, err := f.Command(argv, nil, nil)
	if err != nil {
		if f.GNU() {
			f.Errorf("%s: %s: %v\n", f.Name, f.QuoteFile(argv[0]), err)
		} else {
			f.Errorf("%s: %s: %v\n", f.Name, argv[0], err)
		}
		return false
	}
	return st.Code == 0 && st.Signal == 0
}

// findEscape says whether a backslash before ch means something to -printf.
func findEscape(ch byte) bool { return strings.IndexByte("abfnrtv\\01234567", ch) >= 0 }

// checkEscapes warns of backslashes in a format that mean nothing.
func (f *finder) checkEscapes(format string) {
	for i := 0; i+1 < len(format); i++ {
		if format[i] == '\\' {
			if i++; !findEscape(format[i]) && format[i] != 'c' {
				f.Warn("warning: unrecognized escape `\\%c'", format[i])
			}
		}
	}
}

// print is -printf and -fprintf.
func (f *finder) printf(format string, file *found, out func(string)) {
	for i := 0; i < len(format); i++ {
		switch format[i] {
		case '\\':
			if i+1 < len(format) && format[i+1] == 'c' {
				if out == nil {
					return
				}
				f.Out.Flush()
				return
			}
			n, text := unescape(format[i:])
			if n == 1 || !findEscape(format[i+1]) {
				n = 1
				// No escape: the backslash and what follows stand.
				text = `\`
			}
			out(text)
			i += n - 1
			continue
		case '%':
		default:
			out(format[i : i+1])
			continue
		}
		start := i
		i++
		flags := ""
		for i < len(format) && strings.IndexByte("-+ #0", format[i]) >= 0 {
			flags += format[i : i+1]
			i++
		}
		width, prec := 0, -1
		for i < len(format) && format[i] >= '0' && format[i] <= '9' {
			width = min(width*10+int(format[i]-'0'), 1<<12)
			i++
		}
		if i < len(format) && format[i] == '.' {
			prec = 0
			for i++; i < len(format) && format[i] >= '0' && format[i] <= '9'; i++ {
				prec = min(prec*10+int(format[i]-'0'), 1<<12)
			}
		}
		if i >= len(format) {
			if f.GNU() {
				f.Die(1, "error: %% at end of format string")
			}
			out(format[start:])
			return
		}
		var text string
		if strings.IndexByte("ABCT", format[i]) >= 0 && i+1 < len(format) {
			text = f.timeText(map[byte]time.Time{'A': file.st.Atime, 'C': file.st.Ctime, 'T': file.st.Mtime, 'B': birth(file.st)}[format[i]], format[i+1])
			i++
		} else {
			var ok bool
			if text, ok = f.verb(format[i], file, flags); !ok {
				if !f.warned {
					f.warned = true
					f.Warn("warning: unrecognized format directive `%%%c'", format[i])
				}
				text = format[start : i+1]
			}
		}
		if prec >= 0 && prec < len(text) && strings.IndexByte("bDgGikmnsSuU", format[i]) < 0 {
			text = text[:prec]
		}
		if pad := width - len(text); pad > 0 {
			switch {
			case strings.Contains(flags, "-"):
				text += strings.Repeat(" ", pad)
			case strings.Contains(flags, "0") && strings.IndexByte("bdDGikmnsU", format[i]) >= 0:
				text = strings.Repeat("0", pad) + text
			default:
				text = strings.Repeat(" ", pad) + text
			}
		}
		out(text)
	}
}

// timeText is %Ak, %Ck and %Tk of -printf.
func (f *finder) timeText(t time.Time, k byte) string {
	t = t.In(f.Zone())
	frac := fmt.Sprintf(".%09d0", t.Nanosecond())
	switch k {
	case '@':
		return strconv.FormatInt(t.Unix(), 10) + frac
	case '+':
		return datetime.Format("%Y-%m-%d+%H:%M:%S", t) + frac
	case 'S':
		return datetime.Format("%S", t) + frac
	case 'T':
		return datetime.Format("%H:%M:%S", t) + frac
	case 'X':
		return datetime.Format("%H:%M:%S", t) + frac
	case 'r':
		return datetime.Format("%I:%M:%S %p", t)
	}
	return datetime.Format("%"+string(k), t)
}

// stamp is %a, %c and %t of -printf.
func (f *finder) stamp(t time.Time) string {
	t = t.In(f.Zone())
	return datetime.Format("%a %b %e %H:%M:%S", t) + fmt.Sprintf(".%09d0", t.Nanosecond()) + datetime.Format(" %Y", t)
}

func (f *finder) verb(v byte, file *found, flags string) (string, bool) {
	dec := func(n int64) (string, bool) { return strconv.FormatInt(n, 10), true }
	st := file.st
	switch v {
	case '%':
		return "%", true
	case 'a':
		return f.stamp(st.Atime), true
	case 'b':
		return dec(st.Blocks)
	case 'c':
		return f.stamp(st.Ctime), true
	case 'd':
		return dec(int64(file.depth))
	case 'D':
		return dec(int64(st.Dev))
	case 'f':
		return file.base(), true
	case 'F':
		if m, err := f.MountOf(file.path); err == nil {
			return m.FS.Type(), true
		}
		return "unknown", true
	case 'g':
		return f.db.GroupName(st.GID), true
	case 'G':
		return dec(int64(st.GID))
	case 'h':
		p := strings.TrimRight(file.path, "/")
		i := strings.LastIndexByte(p, '/')
		if i < 0 {
			return ".", true
		}
		return p[:i], true
	case 'H':
		return file.top, true
	case 'i':
		return dec(int64(st.Ino))
	case 'k':
		return dec((st.Blocks + 1) / 2)
	case 'l':
		if !file.lst.Mode.IsSymlink() || !st.Mode.IsSymlink() {
			return "", true
		}
		to, _ := f.Readlink(file.path)
		return to, true
	case 'm':
		s := strconv.FormatUint(uint64(st.Mode.Perm()), 8)
		if strings.Contains(flags, "#") {
			s = "0" + s
		}
		return s, true
	case 'M':
		return st.Mode.String(), true
	case 'n':
		return dec(int64(st.Nlink))
	case 'p':
		return file.path, true
	case 'P':
		rest := strings.TrimPrefix(file.path, file.top)
		return strings.TrimLeft(rest, "/"), true
	case 's':
		return dec(st.Size)
	case 'S':
		if st.Size == 0 {
			return "1", true
		}
		return strconv.FormatFloat(float64(st.Blocks)*512/float64(st.Size), 'g', 6, 64), true
	case 't':
		return f.stamp(st.Mtime), true
	case 'u':
		return f.db.UserName(st.UID), true
	case 'U':
		return dec(int64(st.UID))
	case 'y':
		return typeLetter(st.Mode), true
	case 'Y':
		if !file.lst.Mode.IsSymlink() {
			return typeLetter(st.Mode), true
		}
		through, err := f.Stat(file.path)
		switch err {
		case nil:
			return typeLetter(through.Mode), true
		case linux.ELOOP:
			return "L", true
		case linux.ENOENT, linux.ENOTDIR:
			return "N", true
		}
		return "?", true
	case 'Z':
		return "", true
	}
	return "", false
}

func typeLetter(m linux.Mode) string {
	switch m.Type() {
	case linux.S_IFREG:
		return "f"
	case linux.S_IFDIR:
		return "d"
	case linux.S_IFLNK:
		return "l"
	case linux.S_IFBLK:
		return "b"
	case linux.S_IFCHR:
		return "c"
	case linux.S_IFIFO:
		return "p"
	case linux.S_IFSOCK:
		return "s"
	}
	return "U"
}

// list is one line of -ls.
func (f *finder) list(file *found) string {
	st := file.st
	var b strings.Builder
	size := strconv.FormatInt(st.Size, 10)
	if t := st.Mode.Type(); t == linux.S_IFCHR || t == linux.S_IFBLK {
		size = fmt.Sprintf("%3d, %3d", st.Rdev.Major(), st.Rdev.Minor())
	}
	t := st.Mtime.In(f.Zone())
	date := datetime.Format("%b %e %H:%M", t)
	if age := f.now.Sub(t); age > 365*24*time.Hour/2 || age < -time.Hour {
		date = datetime.Format("%b %e  %Y", t)
	}
	fmt.Fprintf(&b, "%9d %6d %s %3d %-8s %-8s %8s %s %s", st.Ino, (st.Blocks+1)/2, st.Mode, st.Nlink, f.db.UserName(st.UID), f.db.GroupName(st.GID), size, date, escapeName(file.path))
	if st.Mode.IsSymlink() {
		to, _ := f.Readlink(file.path)
		b.WriteString(" -> " + escapeName(to))
	}
	b.WriteString("\n")
	return b.String()
}

// escapeName is ls -b's quoting, blanks included.
func escapeName(s string) string { return strings.ReplaceAll(prog.EscapeC(s, 0), " ", `\ `) }

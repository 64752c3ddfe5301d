package files

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dockerlab/dockerlab/sim/fnmatch"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/datetime"
	"github.com/dockerlab/dockerlab/sim/userland/human"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
	"github.com/dockerlab/dockerlab/sim/userland/userdb"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// listing is one run of ls: what its options mean, and what it found.
type listing struct {
	*prog.Ctx
	format     byte // 'l' long, '1' one a line, 'C' columns, 'x' rows, 'm' commas
	all        byte // 0, 'A' almost, 'a' all
	sort       byte // 'n' name, 'S' size, 't' time, 'X' extension, 'v' version, 'U' none, 'w' width
	time       byte // 'm', 'a', 'c', 'b'
	reverse    bool
	dirsFirst  bool
	recursive  bool
	asIs       bool // -d
	deref      byte // 0 never, 'c' command line, 'd' command-line links to directories, 'L' always
	inode      bool
	blocks     bool
	owner      bool
	group      bool
	author     bool
	numeric    bool
	context    bool
	human      human.BlockSize // of sizes
	blockSize  human.BlockSize // of -s and the total
	indicator  byte            // 0, '/' directories, 'f' file types, 'F' classify
	quote      string          // GNU's quoting style
	hideCtl    bool            // -q
	color      bool
	colors     map[string]string
	colorExts  []string
	usedColor  bool
	width      int
	beside     []*lsEntry // directories of the command line, which the columns of its files are wide enough for
	tab        int
	style      string // time style
	ignore     []string
	hide       []string
	end        string // "\n", or "\0" of --zero
	utf8       bool
	hyperlink  bool
	db         *userdb.DB
	now        time.Time
	someQuoted bool
	firstDir   bool
	many       bool // names of directories are printed
}

// lsEntry is a file to list.
type lsEntry struct {
	name     string // as it is shown
	path     string
	st       vfs.Stat
	ok       bool // st is known
	target   string
	targetSt vfs.Stat
	targetOK bool
}

const (
	lsAuthor = prog.LongOnly + iota
	lsBlockSize
	lsColor
	lsDerefCL
	lsFileType
	lsFormat
	lsFullTime
	lsDirsFirst
	lsHide
	lsHyperlink
	lsIndicator
	lsQuotingStyle
	lsShowControl
	lsSI
	lsSort
	lsTime
	lsTimeStyle
	lsZero
)

var lsLong = []prog.Long{
	{Name: "all", Val: 'a'}, {Name: "escape", Val: 'b'}, {Name: "directory", Val: 'd'}, {Name: "dired", Val: 'D'},
	{Name: "full-time", Val: lsFullTime}, {Name: "group-directories-first", Val: lsDirsFirst}, {Name: "human-readable", Val: 'h'},
	{Name: "inode", Val: 'i'}, {Name: "kibibytes", Val: 'k'}, {Name: "numeric-uid-gid", Val: 'n'}, {Name: "no-group", Val: 'G'},
	{Name: "hide-control-chars", Val: 'q'}, {Name: "reverse", Val: 'r'}, {Name: "size", Val: 's'}, {Name: "width", Arg: prog.ReqArg, Val: 'w'},
	{Name: "almost-all", Val: 'A'}, {Name: "ignore-backups", Val: 'B'}, {Name: "classify", Arg: prog.OptArg, Val: 'F'},
	{Name: "file-type", Val: lsFileType}, {Name: "si", Val: lsSI}, {Name: "dereference-command-line", Val: 'H'},
	{Name: "dereference-command-line-symlink-to-dir", Val: lsDerefCL}, {Name: "hide", Arg: prog.ReqArg, Val: lsHide},
	{Name: "ignore", Arg: prog.ReqArg, Val: 'I'}, {Name: "indicator-style", Arg: prog.ReqArg, Val: lsIndicator},
	{Name: "dereference", Val: 'L'}, {Name: "literal", Val: 'N'}, {Name: "quote-name", Val: 'Q'},
	{Name: "quoting-style", Arg: prog.ReqArg, Val: lsQuotingStyle}, {Name: "recursive", Val: 'R'}, {Name: "format", Arg: prog.ReqArg, Val: lsFormat},
	{Name: "show-control-chars", Val: lsShowControl}, {Name: "sort", Arg: prog.ReqArg, Val: lsSort}, {Name: "tabsize", Arg: prog.ReqArg, Val: 'T'},
	{Name: "time", Arg: prog.ReqArg, Val: lsTime}, {Name: "time-style", Arg: prog.ReqArg, Val: lsTimeStyle}, {Name: "zero", Val: lsZero},
	{Name: "color", Arg: prog.OptArg, Val: lsColor}, {Name: "hyperlink", Arg: prog.OptArg, Val: lsHyperlink},
	{Name: "block-size", Arg: prog.ReqArg, Val: lsBlockSize}, {Name: "context", Val: 'Z'}, {Name: "author", Val: lsAuthor},
}

var lsLongBusybox = []prog.Long{
	{Name: "full-time", Val: lsFullTime}, {Name: "group-directories-first", Val: lsDirsFirst}, {Name: "color", Arg: prog.OptArg, Val: lsColor},
}

// runLs is ls, dir and vdir.
func runLs(c *prog.Ctx) int {
	c.UsageStatus, c.WriteStatus = 2, 2
	l := &listing{Ctx: c, sort: 'n', time: 'm', owner: true, group: true, end: "\n", style: "locale", tab: 8, width: -1, quote: "literal", firstDir: true}
	tty := c.Isatty(1)
	switch {
	case c.Program == "dir":
		l.format, l.quote = 'C', "escape"
	case c.Program == "vdir":
		l.format, l.quote = 'l', "escape"
	case tty:
		l.format, l.quote, l.hideCtl = 'C', "shell-escape", true
	default:
		l.format = '1'
	}
	l.utf8 = c.UTF8()
	if c.GNU() {
		l.gnuOptions(tty)
	} else {
		c.UsageStatus, c.WriteStatus = 1, 0
		l.busyboxOptions(tty)
	}
	if l.width < 0 {
		l.width = 80
		if w, err := strconv.Atoi(c.Getenv("COLUMNS")); err == nil && w > 0 && c.GNU() {
			l.width = w
		} else if _, w, err := c.Winsize(1); err == nil && w > 0 {
			l.width = w
		}
	}
	l.db = userdb.Load(c)
	l.now = c.Now()
	l.run()
	return c.Status
}

func (l *listing) gnuOptions(tty bool) {
	c := l.Ctx
	explicit, sortSet, quoteSet := byte(0), false, false
	if qs := c.Getenv("QUOTING_STYLE"); qs != "" {
		if slices.Contains(quotingStyles, qs) {
			l.quote, quoteSet = qs, true
		}
	}
	l.blockSize = human.BlockSize{Size: 1024}
	for _, env := range []string{"LS_BLOCK_SIZE", "BLOCK_SIZE"} {
		if b, ok := human.ParseBlockSize(c.Getenv(env)); ok {
			l.blockSize, l.human = b, b
			break
		}
	}
	kib := false
	for o := range c.Getopt("abcdfghiklmnopqrstuvw:xABCDFGHI:LNQRST:UXZ1", lsLong) {
		switch o.Val {
		case 'a':
			l.all = 'a'
		case 'A':
			l.all = 'A'
		case 'b':
			l.quote, quoteSet = "escape", true
		case 'c':
			l.time = 'c'
		case 'd':
			l.asIs = true
		case 'D': // dired output is for Emacs: offsets are written at the end
			l.format = 'l'
		case 'f':
			l.all, l.sort, sortSet = 'a', 'U', true
			if l.format == 'l' {
				l.format = 0
			}
			l.color, l.blocks = false, false
		case 'g':
			l.format, l.owner, explicit = 'l', false, 'l'
		case 'G':
			l.group = false
		case 'h':
			l.human = human.BlockSize{Human: 1024}
			l.blockSize = l.human
		case lsSI:
			l.human = human.BlockSize{Human: 1000}
			l.blockSize = l.human
		case 'i':
			l.inode = true
		case 'k':
			kib = true
		case 'l':
			l.format, explicit = 'l', 'l'
		case 'm':
			l.format, explicit = 'm', 'm'
		case 'n':
			l.numeric, l.format, explicit = true, 'l', 'l'
		case 'o':
			l.format, l.group, explicit = 'l', false, 'l'
		case 'p':
			l.indicator = '/'
		case 'q':
			l.hideCtl = true
		case lsShowControl:
			l.hideCtl = false
		case 'r':
			l.reverse = true
		case 'R':
			l.recursive = true
		case 's':
			l.blocks = true
		case 'S', 't', 'U', 'X', 'v':
			l.sort, sortSet = byte(o.Val), true
		case 'u':
			l.time = 'a'
		case 'w':
			n, err := strconv.ParseUint(o.Arg, 0, 31)
			if err != nil {
				c.Die(2, "invalid line width: %s", c.Quote(o.Arg))
			}
			l.width = int(n)
		case 'T':
			n, err := strconv.ParseUint(o.Arg, 0, 31)
			if err != nil {
				c.Die(2, "invalid tab size: %s", c.Quote(o.Arg))
			}
			l.tab = int(n)
		case 'x':
			l.format, explicit = 'x', 'x'
		case 'C':
			l.format, explicit = 'C', 'C'
		case '1':
			if l.format != 'l' || explicit == 0 {
				l.format, explicit = '1', '1'
			}
		case 'B':
			l.ignore = append(l.ignore, "*~", ".*~")
		case 'F':
			if l.when(o, "classify", tty) {
				l.indicator = 'F'
			}
		case lsFileType:
			l.indicator = 'f'
		case 'H':
			l.deref = 'c'
		case lsDerefCL:
			l.deref = 'd'
		case 'L':
			l.deref = 'L'
		case 'I':
			l.ignore = append(l.ignore, o.Arg)
		case lsHide:
			l.hide = append(l.hide, o.Arg)
		case 'N':
			l.quote, quoteSet = "literal", true
		case 'Q':
			l.quote, quoteSet = "c", true
		case lsQuotingStyle:
			l.quote, quoteSet = l.Choose("--quoting-style", o.Arg, quotingStyles...), true
		case lsIndicator:
			l.indicator = map[string]byte{"none": 0, "slash": '/', "file-type": 'f', "classify": 'F'}[l.Choose("--indicator-style", o.Arg, "none", "slash", "file-type", "classify")]
		case lsFormat:
			l.format = map[string]byte{"verbose": 'l', "commas": 'm', "horizontal": 'x', "vertical": 'C', "single-column": '1'}[l.Choose("--format", o.Arg, "verbose|long", "commas", "horizontal|across", "vertical", "single-column")]
			explicit = l.format
		case lsSort:
			l.sort = map[string]byte{"none": 'U', "size": 'S', "time": 't', "version": 'v', "extension": 'X', "width": 'w'}[l.Choose("--sort", o.Arg, "none", "time", "size", "extension", "version", "width")]
			sortSet = true
		case lsTime:
			l.time = map[string]byte{"atime": 'a', "ctime": 'c', "birth": 'b'}[l.Choose("--time", o.Arg, "atime|access|use", "ctime|status", "birth|creation")]
		case lsTimeStyle:
			l.style = o.Arg
		case lsFullTime:
			l.format, l.style, explicit = 'l', "full-iso", 'l'
		case lsDirsFirst:
			l.dirsFirst = true
		case lsColor:
			l.color = l.when(o, "color", tty)
		case lsHyperlink:
			l.hyperlink = l.when(o, "hyperlink", tty)
		case lsBlockSize:
			b, ok := human.ParseBlockSize(o.Arg)
			if !ok {
				c.Die(2, "invalid --block-size argument %s", c.Quote(o.Arg))
			}
			l.human, l.blockSize, kib = b, b, false
		case lsAuthor:
			l.author = true
		case 'Z':
			l.context = true
		case lsZero:
			l.end, l.hideCtl, l.color = "\x00", false, false
			if l.format != 'l' {
				l.format, explicit = '1', '1'
			}
			l.quote, quoteSet = "literal", true
		}
	}
	if kib && l.blockSize.Human == 0 {
		l.blockSize = human.BlockSize{Size: 1024}
	}
	if l.format == 0 {
		l.format = '1'
		if tty {
			l.format = 'C'
		}
	}
	if quoteSet && l.quote != "literal" {
		l.hideCtl = false
	}
	// -c and -u alone sort by that time, unless the long format shows it.
	if !sortSet && l.time != 'm' && l.format != 'l' {
		l.sort = 't'
	}
	if l.format == 'l' {
		if s := c.Getenv("TIME_STYLE"); s != "" && l.style == "locale" {
			l.style = s
		}
		style := strings.TrimPrefix(l.style, "posix-")
		if !strings.HasPrefix(style, "+") && !slices.Contains([]string{"full-iso", "long-iso", "iso", "locale"}, style) {
			c.Warn("invalid argument %s for %s", c.QuoteFile(style), c.Quote("time style"))
			c.Errorf("Valid arguments are:\n  - [posix-]full-iso\n  - [posix-]long-iso\n  - [posix-]iso\n  - [posix-]locale\n  - +FORMAT (e.g., +%%H:%%M) for a 'date'-style format\n")
			c.Usage()
		}
		if strings.HasPrefix(l.style, "posix-") {
			style = "locale" // which is what the C locale is
		}
		l.style = style
	}
	if l.color && c.Getenv("LS_COLORS") == "" && c.Getenv("COLORTERM") == "" && !colorTerminal(c.Getenv("TERM")) {
		l.color = false
	}
	if l.color {
		l.readColors()
		l.tab = 0
	}
}

// colorTerminal says whether dircolors knows a terminal to have colours.
func colorTerminal(term string) bool {
	for _, p := range strings.Fields("Eterm ansi *color* con[0-9]*x[0-9]* cons25 console cygwin *direct* dtterm gnome hurd jfbterm konsole kterm linux linux-c mlterm putty rxvt* screen* st terminator tmux* vt100 vt220 xterm*") {
		if fnmatch.Match(p, term, 0) {
			return true
		}
	}
	return false
}

var quotingStyles = []string{"literal", "shell", "shell-always", "shell-escape", "shell-escape-always", "c", "c-maybe", "escape", "locale", "clocale"}

// when reads WHEN of --color and its like.
func (l *listing) when(o prog.Opt, name string, tty bool) bool {
	if !o.Has {
		return true
	}
	switch l.Choose("--"+name, o.Arg, "always|yes|force", "never|no|none", "auto|tty|if-tty") {
	case "never":
		return false
	case "auto":
		return tty
	}
	return true
}

func (l *listing) busyboxOptions(tty bool) {
	c := l.Ctx
	l.quote, l.hideCtl = "literal", false
	l.tab = 0
	l.blockSize = human.BlockSize{Size: 1024}
	l.color = tty && c.Getenv("TERM") != "" && c.Getenv("TERM") != "dumb"
	for o := range c.Getopt("Cadi1lgnsxAkFpRQctuSXrvLHhw:T:", lsLongBusybox) {
		switch o.Val {
		case 'C', '1', 'x', 'l':
			l.format = byte(o.Val)
		case 'g':
			l.format, l.owner = 'l', false
		case 'n':
			l.format, l.numeric = 'l', true
		case 'a', 'A':
			l.all = byte(o.Val)
		case 'd':
			l.asIs = true
		case 'i':
			l.inode = true
		case 's':
			l.blocks = true
		case 'k':
		case 'F':
			l.indicator = 'F'
		case 'p':
			l.indicator = '/'
		case 'R':
			l.recursive = true
		case 'Q':
			l.quote = "c"
		case 'c':
			l.time = 'c'
		case 'u':
			l.time = 'a'
		case 't', 'S', 'X', 'v':
			l.sort = byte(o.Val)
		case 'r':
			l.reverse = true
		case 'L':
			l.deref = 'L'
		case 'H':
			l.deref = 'c'
		case 'h':
			l.human = human.BlockSize{Human: 1024}
		case 'w':
			n, err := strconv.Atoi(o.Arg)
			if err != nil {
				c.Die(1, "invalid number '%s'", o.Arg)
			}
			l.width = n
		case 'T':
		case lsFullTime:
			l.format, l.style = 'l', "full-iso"
		case lsDirsFirst:
			l.dirsFirst = true
		case lsColor:
			switch o.Arg {
			case "", "always", "yes", "force":
				l.color = true
			case "never", "no", "none":
				l.color = false
			case "auto", "tty", "if-tty":
				l.color = tty
			default:
				c.Usage()
			}
		}
	}
	if l.sort == 'n' && l.time != 'm' && l.format != 'l' {
		l.sort = 't'
	}
}

// run lists the operands: files first, then the contents of directories.
func (l *listing) run() {
	operands := l.Args
	if len(operands) == 0 {
		operands = []string{"."}
	}
	var fileList, dirs []*lsEntry
	for _, name := range operands {
		e := &lsEntry{name: name, path: name}
		if !l.operand(e) {
			continue
		}
		if e.st.Mode.IsDir() && !l.asIs {
			dirs = append(dirs, e)
		} else {
			fileList = append(fileList, e)
		}
	}
	l.order(fileList)
	l.order(dirs)
	l.many = len(operands) > 1 || l.recursive
	if !l.GNU() {
		l.many = len(dirs) > 1 || len(fileList) > 0 || l.recursive
	}
	if len(fileList) > 0 {
		l.beside = dirs
		l.show(fileList)
		l.beside = nil
		l.firstDir = false
	}
	for _, d := range dirs {
		l.directory(d.name, d.path, map[vfsID]bool{})
	}
}

type vfsID struct {
	dev linux.Dev
	ino vfs.Ino
}

// operand looks at a name of the command line, through a symbolic link or not as the options say.
func (l *listing) operand(e *lsEntry) bool {
	follow := l.deref != 0
	switch {
	case l.deref != 0 && l.deref != 'd':
	case l.GNU():
		// By default a link to a directory is followed, unless its own nature is asked for.
		follow = l.deref == 'd' || !(l.asIs || l.format == 'l' || l.indicator == 'F')
		if follow {
			if st, err := l.Stat(e.path); err == nil && st.Mode.IsDir() {
				e.st, e.ok = st, true
				return true
			}
		}
		follow = false
	default:
		follow = l.deref == 'L' || l.deref == 'c' || l.format != 'l' && !l.asIs && l.indicator != 'F'
	}
	var err error
	if follow {
		e.st, err = l.Stat(e.path)
	} else {
		e.st, err = l.Lstat(e.path)
	}
	if err != nil {
		l.cannot(2, "access", e.path, err)
		return false
	}
	e.ok = true
	l.readTarget(e)
	return true
}

func (l *listing) cannot(status int, what, path string, err error) {
	if l.GNU() {
		l.Status = max(l.Status, status)
		l.Warn("cannot %s %s: %v", what, l.QuoteFile(path), err)
		return
	}
	if what == "open directory" {
		l.Fail("can't open '%s': %v", path, err)
	} else {
		l.Fail("%s: %v", path, err)
	}
}

func (l *listing) readTarget(e *lsEntry) {
	if !e.st.Mode.IsSymlink() {
		return
	}
	if l.format == 'l' {
		t, err := l.Readlink(e.path)
		if err != nil {
			l.cannot(1, "read symbolic link", e.path, err)
		}
		e.target = t
	}
	if l.format == 'l' || l.color || l.dirsFirst {
		st, err := l.Stat(e.path)
		e.targetSt, e.targetOK = st, err == nil
	}
}

// directory lists the contents of one directory, and with -R of those below it.
func (l *listing) directory(name, path string, above map[vfsID]bool) {
	st, err := l.Stat(path)
	if err == nil && l.recursive {
		id := vfsID{st.Dev, st.Ino}
		if above[id] {
			l.Status = 2
			l.Warn("%s: not listing already-listed directory", l.QuoteColon(name))
			return
		}
		above[id] = true
		defer delete(above, id)
	}
	ents, err := l.ReadDir(path)
	if err != nil && l.GNU() {
		status := 1
		if !l.recursive || len(above) <= 1 {
			status = 2
		}
		l.cannot(status, "open directory", path, err)
		return
	}
	if l.many {
		if !l.firstDir {
			l.Print("\n")
		}
		l.firstDir = false
		if l.GNU() {
			l.Print(l.dirName(name), ":\n")
		} else {
			l.Print(name, ":\n")
		}
	}
	l.firstDir = false
	if err != nil {
		l.cannot(1, "open directory", path, err)
		return
	}
	var list []*lsEntry
	if l.all == 'a' {
		ents = append([]vfs.Dirent{{Name: ".", Mode: linux.S_IFDIR}, {Name: "..", Mode: linux.S_IFDIR}}, ents...)
	}
	for _, d := range ents {
		n := d.Name
		if l.skipped(n) {
			continue
		}
		l.Step(1)
		e := &lsEntry{name: n, path: prog.JoinPath(path, n)}
		if !l.needStat() && n != "." && n != ".." {
			e.st, e.ok = vfs.Stat{Mode: d.Mode, Ino: d.Ino}, true
			list = append(list, e)
			continue
		}
		if l.deref == 'L' {
			e.st, err = l.Stat(e.path)
			if err != nil && l.GNU() {
				l.cannot(1, "access", e.path, err)
			} else if err != nil {
				l.cannot(1, "access", e.path, err)
				continue
			}
		} else {
			e.st, err = l.Lstat(e.path)
			if err != nil {
				l.cannot(1, "access", e.path, err)
			}
		}
		e.ok = err == nil
		if !e.ok && !l.GNU() {
			continue
		}
		l.readTarget(e)
		list = append(list, e)
	}
	l.order(list)
	if l.format == 'l' || l.blocks {
		var sum uint64
		for _, e := range list {
			sum += uint64(e.st.Blocks)
		}
		if l.GNU() {
			l.Print("total ", l.blockCount(sum), l.end)
		} else if l.format == 'l' || l.blocks {
			if l.human.Human != 0 {
				l.Print("total ", human.Busybox(sum*512), "\n")
			} else {
				l.Printf("total %d\n", (sum+1)/2)
			}
		}
	}
	if len(list) > 0 {
		l.show(list)
	}
	if !l.recursive {
		return
	}
	for _, e := range list {
		if e.st.Mode.IsDir() && e.name != "." && e.name != ".." {
			l.directory(prog.JoinPath(name, e.name), e.path, above)
		}
	}
}

// needStat says whether more must be known of files than the directory itself tells.
func (l *listing) needStat() bool {
	return !l.GNU() || l.format == 'l' || l.deref == 'L' || l.blocks || l.color || l.indicator == 'F' || l.dirsFirst || l.sort == 't' || l.sort == 'S' || l.inode
}

func (l *listing) skipped(name string) bool {
	if strings.HasPrefix(name, ".") && l.all == 0 {
		return true
	}
	for _, p := range l.ignore {
		if fnmatch.Match(p, name, fnmatch.Period) {
			return true
		}
	}
	if l.all == 0 {
		for _, p := range l.hide {
			if fnmatch.Match(p, name, fnmatch.Period) {
				return true
			}
		}
	}
	return false
}

// stamp is the time that is shown and sorted by.
func (l *listing) stamp(st vfs.Stat) time.Time {
	switch l.time {
	case 'a':
		return st.Atime
	case 'c', 'b':
		return st.Ctime
	}
	return st.Mtime
}

func (l *listing) order(list []*lsEntry) {
	isDir := func(e *lsEntry) bool { return e.st.Mode.IsDir() || e.targetOK && e.targetSt.Mode.IsDir() }
	l.Step(len(list) * 4)
	if l.sort == 'U' {
		if l.reverse && !l.GNU() {
			slices.Reverse(list)
		}
		return
	}
	slices.SortStableFunc(list, func(a, b *lsEntry) int {
		if l.dirsFirst {
			if da, db := isDir(a), isDir(b); da != db {
				if da {
					return -1
				}
				return 1
			}
		}
		r := 0
		switch l.sort {
		case 'S':
			r = cmp.Compare(b.st.Size, a.st.Size)
		case 't':
			r = l.stamp(b.st).Compare(l.stamp(a.st))
		case 'X':
			r = strings.Compare(extension(a.name), extension(b.name))
		case 'v':
			if r = versionCompare(a.name, b.name); !l.GNU() {
				r = strverscmp(a.name, b.name)
			}
		case 'w':
			r = cmp.Compare(len(l.shown(a.name)), len(l.shown(b.name)))
		}
		if r == 0 {
			r = strings.Compare(a.name, b.name)
		}
		if l.reverse {
			r = -r
		}
		return r
	})
}

func extension(name string) string {
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		return name[i:]
	}
	return ""
}

func (l *listing) blockCount(blocks uint64) string {
	if l.blockSize.Human != 0 {
		return human.GNU(blocks*512, l.blockSize.Human)
	}
	return strconv.FormatUint(human.Ceil(blocks*512, l.blockSize.Size), 10) + l.blockSize.Suffix
}

func (l *listing) sizeText(n int64) string {
	switch {
	case l.human.Human != 0 && l.GNU():
		return human.GNU(uint64(n), l.human.Human)
	case l.human.Human != 0:
		return human.Busybox(uint64(n))
	case l.human.Size > 0:
		return strconv.FormatUint(human.Ceil(uint64(n), l.human.Size), 10) + l.human.Suffix
	}
	return strconv.FormatInt(n, 10)
}

// shown is a name in the quoting style.
func (l *listing) shown(name string) string {
	if !l.GNU() {
		s := printable(name)
		if l.quote == "c" {
			s = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
		}
		return s
	}
	s := l.quoted(name)
	if l.hideCtl {
		s = strings.Map(func(r rune) rune {
			if r < ' ' || r == 0x7f || r == 0xfffd {
				return '?'
			}
			return r
		}, maskBytes(s, l.utf8))
	}
	return s
}

// maskBytes puts "?" for bytes that the locale has no character for.
func maskBytes(s string, utf8 bool) string {
	if utf8 {
		return s
	}
	b := []byte(s)
	for i := range b {
		if b[i] >= 0x80 {
			b[i] = '?'
		}
	}
	return string(b)
}

// printable is Busybox's printable_string: "?" for what is no printable ASCII.
func printable(s string) string {
	b := []byte(s)
	for i := range b {
		if b[i] < ' ' || b[i] >= 0x7f {
			b[i] = '?'
		}
	}
	return string(b)
}

// quoted is a name in the style of --quoting-style.
func (l *listing) quoted(name string) string {
	switch l.quote {
	case "shell-escape":
		return prog.QuoteShell(name, l.utf8)
	case "shell-escape-always":
		return l.QuoteFile(name)
	case "shell":
		if q := prog.QuoteShell(name, true); !strings.Contains(q, "$'") {
			return q
		}
		return "'" + strings.ReplaceAll(name, "'", `'\''`) + "'"
	case "shell-always":
		if strings.Contains(name, "'") && !strings.ContainsAny(name, "\"$\\`!") {
			return `"` + name + `"`
		}
		return "'" + strings.ReplaceAll(name, "'", `'\''`) + "'"
	case "c":
		return `"` + prog.EscapeC(name, '"') + `"`
	case "c-maybe":
		if e := prog.EscapeC(name, '"'); e != name {
			return `"` + e + `"`
		}
	case "escape":
		return strings.ReplaceAll(prog.EscapeC(name, 0), " ", `\ `)
	case "clocale":
		if l.UTF8() {
			return l.Quote(name)
		}
		return `"` + prog.EscapeC(name, '"') + `"`
	case "locale":
		return l.Quote(name)
	}
	return name
}

// dirName is how the heading of a directory shows its name.
func (l *listing) dirName(name string) string {
	s := l.shown(name)
	if s == name && strings.Contains(name, ":") && strings.HasPrefix(l.quote, "shell") {
		s = "'" + name + "'"
	}
	return s
}

func (l *listing) indicatorOf(mode linux.Mode, ok bool) string {
	if l.indicator == 0 || !ok {
		return ""
	}
	if mode.IsDir() {
		return "/"
	}
	if l.indicator == '/' {
		return ""
	}
	switch mode.Type() {
	case linux.S_IFLNK:
		return "@"
	case linux.S_IFIFO:
		return "|"
	case linux.S_IFSOCK:
		return "="
	case linux.S_IFREG:
		if l.indicator == 'F' && mode&0o111 != 0 {
			return "*"
		}
	}
	return ""
}

// columnWidth counts what a terminal shows of s.
func (l *listing) columnWidth(s string) int {
	if l.utf8 {
		return prog.Width(s)
	}
	return len(s)
}

// show writes entries in the chosen format.
func (l *listing) show(list []*lsEntry) {
	l.someQuoted = false
	if l.GNU() && l.alignQuotes() {
		for _, e := range list {
			l.someQuoted = l.someQuoted || l.shown(e.name) != e.name
		}
	}
	switch l.format {
	case 'l':
		if l.GNU() {
			l.long(list)
		} else {
			l.longBusybox(list)
		}
	case '1':
		for _, e := range list {
			l.Print(l.frills(list, e, true), l.colored(e, l.padded(e.name)), l.indicatorOf(e.st.Mode, e.ok), l.end)
		}
	case 'm':
		l.commas(list)
	default:
		if l.GNU() {
			l.columns(list)
		} else {
			l.columnsBusybox(list)
		}
	}
}

func (l *listing) alignQuotes() bool {
	return strings.HasPrefix(l.quote, "shell") && l.quote != "shell-always" && l.quote != "shell-escape-always" &&
		(l.format == 'l' || (l.format == 'C' || l.format == 'x') && l.width > 0) || l.quote == "c-maybe" && l.format == 'l'
}

// padded is the shown name, moved by one where other names have an apostrophe before them.
func (l *listing) padded(name string) string {
	s := l.shown(name)
	if l.someQuoted && s == name {
		return " " + s
	}
	return s
}

// frills are the inode and block columns before a name.
func (l *listing) frills(list []*lsEntry, e *lsEntry, aligned bool) string {
	if !l.inode && !l.blocks && !l.context {
		return ""
	}
	if !l.GNU() {
		s := ""
		if l.inode {
			s += fmt.Sprintf("%7d ", e.st.Ino)
		}
		if l.blocks {
			if l.human.Human != 0 {
				s += fmt.Sprintf("%6s ", human.Busybox(uint64(e.st.Blocks)*512))
			} else {
				s += fmt.Sprintf("%6d ", (e.st.Blocks+1)/2)
			}
		}
		return s
	}
	s := ""
	list = slices.Concat(list, l.beside)
	if l.inode {
		w := 0
		for _, o := range list {
			w = max(w, len(l.inodeText(o)))
		}
		if !aligned {
			w = 0
		}
		s += fmt.Sprintf("%*s ", w, l.inodeText(e))
	}
	if l.blocks {
		w := 0
		for _, o := range list {
			w = max(w, len(l.blocksText(o)))
		}
		if !aligned {
			w = 0
		}
		s += fmt.Sprintf("%*s ", w, l.blocksText(e))
	}
	if l.context && l.format != 'l' {
		s += "? "
	}
	return s
}

func (l *listing) inodeText(e *lsEntry) string {
	if !e.ok {
		return "?"
	}
	return strconv.FormatUint(uint64(e.st.Ino), 10)
}

func (l *listing) blocksText(e *lsEntry) string {
	if !e.ok {
		return "?"
	}
	return l.blockCount(uint64(e.st.Blocks))
}

func (l *listing) commas(list []*lsEntry) {
	pos := 0
	for i, e := range list {
		text := l.frills(list, e, false) + l.shown(e.name)
		ind := l.indicatorOf(e.st.Mode, e.ok)
		w := l.columnWidth(text + ind)
		if i > 0 {
			if l.width == 0 || pos+w+2 < l.width {
				l.Print(", ")
				pos += 2
			} else {
				l.Print(",\n")
				pos = 0
			}
		}
		l.Print(l.frills(list, e, false), l.colored(e, l.shown(e.name)), ind)
		pos += w
	}
	l.Print("\n")
}

// columns is GNU's layout: the most columns, at least three wide each, that fit the line.
func (l *listing) columns(list []*lsEntry) {
	n := len(list)
	widths := make([]int, n)
	for i, e := range list {
		widths[i] = l.columnWidth(l.frills(list, e, true)+l.padded(e.name)) + len(l.indicatorOf(e.st.Mode, e.ok))
	}
	down := l.format == 'C'
	limit := l.width
	maxCols := n
	if limit > 0 {
		maxCols = min(n, max(1, (limit+2)/3))
	}
	cols, colWidths := 1, []int{0}
	for try := maxCols; try >= 1; try-- {
		w := make([]int, try)
		rows := (n + try - 1) / try
		total := 3 * try
		for i := range w {
			w[i] = 3
		}
		fits := true
		for i, width := range widths {
			at := i % try
			if down {
				at = i / rows
			}
			if at != try-1 {
				width += 2
			}
			if width > w[at] {
				total += width - w[at]
				w[at] = width
				if fits = limit == 0 || total < limit; !fits {
					break
				}
			}
		}
		l.Step(n / 16)
		if fits || try == 1 {
			cols, colWidths = try, w
			break
		}
	}
	rows := (n + cols - 1) / cols
	if !down {
		pos := 0
		for i, e := range list {
			at := i % cols
			if i > 0 {
				if at == 0 {
					l.Print("\n")
					pos = 0
				} else {
					prev := i - 1
					l.indent(pos+widths[prev], pos+colWidths[at-1])
					pos += colWidths[at-1]
				}
			}
			l.Print(l.frills(list, e, true), l.colored(e, l.padded(e.name)), l.indicatorOf(e.st.Mode, e.ok))
		}
		l.Print("\n")
		return
	}
	for row := range rows {
		pos := 0
		for col := 0; ; col++ {
			i := col*rows + row
			e := list[i]
			l.Print(l.frills(list, e, true), l.colored(e, l.padded(e.name)), l.indicatorOf(e.st.Mode, e.ok))
			if i+rows >= n {
				break
			}
			l.indent(pos+widths[i], pos+colWidths[col])
			pos += colWidths[col]
		}
		l.Print("\n")
	}
}

// indent goes from one column of the screen to another, by tabs where they help.
func (l *listing) indent(from, to int) {
	for from < to {
		if l.tab > 0 && to/l.tab > (from+1)/l.tab {
			l.Print("\t")
			from += l.tab - from%l.tab
		} else {
			l.Print(" ")
			from++
		}
	}
}

func (l *listing) columnsBusybox(list []*lsEntry) {
	width := 0
	for _, e := range list {
		width = max(width, len(l.shown(e.name)))
	}
	width += 2
	if l.inode {
		width += 8
	}
	if l.blocks {
		width += 5
	}
	cols := max(l.width/width, 1)
	rows := len(list)
	if cols > 1 {
		rows = (len(list) + cols - 1) / cols
	} else {
		cols = 1
	}
	for row := range rows {
		column, next := 0, 0
		for col := range cols {
			i := col*rows + row
			if l.format == 'x' {
				i = row*cols + col
			}
			if i >= len(list) {
				continue
			}
			e := list[i]
			if column > 0 {
				next -= column
				l.Print(strings.Repeat(" ", max(next, 0)))
				column += next
			}
			next = column + width
			text := l.frills(list, e, true)
			ind := l.indicatorOf(e.st.Mode, e.ok)
			l.Print(text, l.colored(e, l.shown(e.name)), ind)
			column += len(text) + len(l.shown(e.name)) + len(ind)
		}
		l.Print("\n")
	}
}

// long is GNU's long format: each column as wide as its widest entry.
func (l *listing) long(list []*lsEntry) {
	type row struct{ frills, mode, nlink, owner, group, author, size, major, minor, date string }
	rows := make([]row, len(list)+len(l.beside))
	var w struct{ nlink, owner, group, author, size, major, minor int }
	dateWidth := 0
	for i, e := range slices.Concat(list, l.beside) {
		r := &rows[i]
		r.frills = l.frills(list, e, true)
		if !e.ok {
			r.mode, r.nlink, r.owner, r.group, r.size, r.author = "?????????? ", "?", "?", "?", "?", "?"
			w.size = max(w.size, 1)
			w.nlink, w.owner, w.group, w.author = max(w.nlink, 1), max(w.owner, 1), max(w.group, 1), max(w.author, 1)
			continue
		}
		r.mode = e.st.Mode.String() + " "
		r.nlink = strconv.FormatUint(uint64(e.st.Nlink), 10)
		r.owner, r.group = l.userText(e.st.UID), l.groupText(e.st.GID)
		r.author = r.owner
		r.date = l.date(l.stamp(e.st))
		dateWidth = max(dateWidth, len(r.date))
		if t := e.st.Mode.Type(); t == linux.S_IFCHR || t == linux.S_IFBLK {
			r.major, r.minor = strconv.FormatUint(uint64(e.st.Rdev.Major()), 10), strconv.FormatUint(uint64(e.st.Rdev.Minor()), 10)
			w.major, w.minor = max(w.major, len(r.major)), max(w.minor, len(r.minor))
		} else {
			r.size = l.sizeText(e.st.Size)
			w.size = max(w.size, len(r.size))
		}
		w.nlink, w.owner, w.group = max(w.nlink, len(r.nlink)), max(w.owner, len(r.owner)), max(w.group, len(r.group))
		w.author = max(w.author, len(r.author))
	}
	if w.major > 0 {
		w.size = max(w.size, w.major+2+w.minor)
	}
	for i, e := range list {
		r := rows[i]
		id := func(s string, width int) string {
			if l.numeric {
				return fmt.Sprintf("%*s ", width, s)
			}
			return fmt.Sprintf("%-*s ", width, s)
		}
		l.Print(r.frills, r.mode, fmt.Sprintf("%*s ", w.nlink, r.nlink))
		if l.owner {
			l.Print(id(r.owner, w.owner))
		}
		if l.group {
			l.Print(id(r.group, w.group))
		}
		if l.author {
			l.Print(id(r.author, w.author))
		}
		if l.context {
			l.Print("? ")
		}
		if r.major != "" {
			l.Print(fmt.Sprintf("%*s, %*s ", w.size-2-w.minor, r.major, w.minor, r.minor))
		} else {
			l.Print(fmt.Sprintf("%*s ", w.size, r.size))
		}
		if e.ok {
			l.Print(r.date, " ")
		} else {
			l.Print(fmt.Sprintf("%*s ", max(dateWidth, 12), "?"))
		}
		l.Print(l.colored(e, l.padded(e.name)))
		if e.st.Mode.IsSymlink() && e.ok {
			if e.target != "" {
				l.Print(" -> ", l.coloredTarget(e), l.indicatorOf(e.targetSt.Mode, e.targetOK && l.indicator != '/'))
				if l.indicator == '/' && e.targetOK && e.targetSt.Mode.IsDir() {
					l.Print("/")
				}
			}
		} else {
			l.Print(l.indicatorOf(e.st.Mode, e.ok))
		}
		l.Print(l.end)
	}
}

func (l *listing) userText(uid uint32) string {
	if l.numeric {
		return strconv.FormatUint(uint64(uid), 10)
	}
	return l.db.UserName(uid)
}

func (l *listing) groupText(gid uint32) string {
	if l.numeric {
		return strconv.FormatUint(uint64(gid), 10)
	}
	return l.db.GroupName(gid)
}

// date is a time in the time style; a time within the last half year is recent.
func (l *listing) date(t time.Time) string {
	t = t.In(l.Zone())
	if t.After(l.now) {
		l.now = l.Now()
	}
	recent := t.Before(l.now.Add(time.Nanosecond)) && t.After(l.now.Add(-31556952/2*time.Second))
	format := ""
	switch l.style {
	case "full-iso":
		format = "%Y-%m-%d %H:%M:%S.%N %z"
	case "long-iso":
		format = "%Y-%m-%d %H:%M"
	case "iso":
		format = "%Y-%m-%d "
		if recent {
			format = "%m-%d %H:%M"
		}
	case "locale":
		format = "%b %e  %Y"
		if recent {
			format = "%b %e %H:%M"
		}
	default:
		old, new, two := strings.Cut(l.style[1:], "\n")
		format = old
		if two && recent {
			format = new
		}
	}
	return datetime.Format(format, t)
}

func (l *listing) longBusybox(list []*lsEntry) {
	for _, e := range list {
		l.Print(l.frills(list, e, true), e.st.Mode.String(), " ", fmt.Sprintf("%4d ", e.st.Nlink))
		if l.numeric {
			if l.owner {
				l.Print(fmt.Sprintf("%-8d %-8d ", e.st.UID, e.st.GID))
			} else {
				l.Print(fmt.Sprintf("%-8d ", e.st.GID))
			}
		} else {
			if l.owner {
				l.Print(fmt.Sprintf("%-8.8s ", l.db.UserName(e.st.UID)))
			}
			l.Print(fmt.Sprintf("%-8.8s ", l.db.GroupName(e.st.GID)))
		}
		if t := e.st.Mode.Type(); t == linux.S_IFCHR || t == linux.S_IFBLK {
			l.Print(fmt.Sprintf("%4d, %3d ", e.st.Rdev.Major(), e.st.Rdev.Minor()))
		} else if l.human.Human != 0 {
			l.Print(fmt.Sprintf("%7s ", l.sizeText(e.st.Size)))
		} else {
			l.Print(fmt.Sprintf("%9d ", e.st.Size))
		}
		t := l.stamp(e.st).In(l.Zone())
		switch age := l.now.Unix() - t.Unix(); {
		case l.style == "full-iso":
			l.Print(t.Format("2006-01-02 15:04:05 -0700 "))
		case age < 3600*24*365/2 && age > -15*60:
			l.Print(t.Format("Jan _2 15:04 "))
		default:
			l.Print(t.Format("Jan _2  2006 "))
		}
		l.Print(l.colored(e, l.shown(e.name)))
		if e.st.Mode.IsSymlink() {
			l.Print(" -> ", l.coloredTarget(e))
			l.Print(l.indicatorOf(e.targetSt.Mode, e.targetOK))
		} else {
			l.Print(l.indicatorOf(e.st.Mode, e.ok))
		}
		l.Print("\n")
	}
}

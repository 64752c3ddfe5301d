package text

import (
	"bytes"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/fnmatch"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/posixre"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

func grep(c *prog.Ctx) int  { return (&grepper{c: c, kind: 'G'}).main() }
func egrep(c *prog.Ctx) int { return grepAs(c, 'E') }
func fgrep(c *prog.Ctx) int { return grepAs(c, 'F') }
func rgrep(c *prog.Ctx) int { return grepAs(c, 'r') }

// grepAs is egrep, fgrep or rgrep: in Debian a script that runs grep, in Busybox grep itself.
func grepAs(c *prog.Ctx, kind byte) int {
	if c.GNU() {
		pr := prog.Program{Name: "grep", Run: grep}
		return pr.RunArgs(c.Proc, c.Family, "grep", append([]string{"-" + string(rune(kind))}, c.Args...))
	}
	return (&grepper{c: c, kind: kind}).main()
}

// matcher finds a pattern in a line.
type matcher interface {
	// find gives begin and end of the leftmost match at or after from, or ok false.
	find(line []byte, from int) (begin, end int, ok bool)
}

// grepper is one run of grep.
type grepper struct {
	c        *prog.Ctx
	kind     byte // G, E, F or P
	patterns []string
	any      bool // a pattern was given, if only an empty file of them
	kindSet  bool // by an option
	match    []matcher

	ignoreCase, invert, word, line     bool
	count, list, listNot, only, quiet  bool
	silent, number, offset, null, text bool
	skipBinary, initialTab             bool
	names                              int // 1 with, -1 without, 0 by count of files
	recurse, follow                    bool
	dirs                               string
	skipDevices                        bool
	before, after                      int
	contexts                           bool // -A, -B or -C was given, of 0 lines even
	max                                int
	label                              string
	separator                          string
	noSeparator                        bool
	color                              bool
	colors                             *grepColors // nil: none
	end                                byte
	include, exclude, excludeDir       []string
	status                             int // 0 found, 1 not; 2 after an error
	trouble                            bool
	listed                             bool // -L printed a name
	width                              int  // of numbers with -T
	out                                vfs.Stat
	outRegular                         bool
}

var grepLong = []prog.Long{
	{Name: "basic-regexp", Val: 'G'}, {Name: "extended-regexp", Val: 'E'}, {Name: "fixed-regexp", Val: 'F'},
	{Name: "fixed-strings", Val: 'F'}, {Name: "perl-regexp", Val: 'P'},
	{Name: "after-context", Arg: prog.ReqArg, Val: 'A'}, {Name: "before-context", Arg: prog.ReqArg, Val: 'B'},
	{Name: "context", Arg: prog.ReqArg, Val: 'C'}, {Name: "group-separator", Arg: prog.ReqArg, Val: grepSeparator},
	{Name: "no-group-separator", Val: grepNoSeparator},
	{Name: "binary-files", Arg: prog.ReqArg, Val: grepBinaryFiles}, {Name: "byte-offset", Val: 'b'},
	{Name: "color", Arg: prog.OptArg, Val: grepColor}, {Name: "colour", Arg: prog.OptArg, Val: grepColor},
	{Name: "count", Val: 'c'}, {Name: "devices", Arg: prog.ReqArg, Val: 'D'}, {Name: "directories", Arg: prog.ReqArg, Val: 'd'},
	{Name: "exclude", Arg: prog.ReqArg, Val: grepExclude}, {Name: "exclude-from", Arg: prog.ReqArg, Val: grepExcludeFrom},
	{Name: "exclude-dir", Arg: prog.ReqArg, Val: grepExcludeDir}, {Name: "include", Arg: prog.ReqArg, Val: grepInclude},
	{Name: "file", Arg: prog.ReqArg, Val: 'f'}, {Name: "files-with-matches", Val: 'l'}, {Name: "files-without-match", Val: 'L'},
	{Name: "ignore-case", Val: 'i'}, {Name: "no-ignore-case", Val: grepNoIgnoreCase}, {Name: "initial-tab", Val: 'T'},
	{Name: "label", Arg: prog.ReqArg, Val: grepLabel}, {Name: "line-buffered", Val: grepLineBuffered}, {Name: "line-number", Val: 'n'},
	{Name: "line-regexp", Val: 'x'}, {Name: "max-count", Arg: prog.ReqArg, Val: 'm'}, {Name: "no-filename", Val: 'h'},
	{Name: "no-messages", Val: 's'}, {Name: "null", Val: 'Z'}, {Name: "null-data", Val: 'z'}, {Name: "only-matching", Val: 'o'},
	{Name: "quiet", Val: 'q'}, {Name: "recursive", Val: 'r'}, {Name: "dereference-recursive", Val: 'R'},
	{Name: "regexp", Arg: prog.ReqArg, Val: 'e'}, {Name: "invert-match", Val: 'v'}, {Name: "silent", Val: 'q'},
	{Name: "text", Val: 'a'}, {Name: "binary", Val: 'U'}, {Name: "unix-byte-offsets", Val: 'u'},
	{Name: "with-filename", Val: 'H'}, {Name: "word-regexp", Val: 'w'},
	{Name: "version", Val: 'V'}, {Name: "help", Val: grepHelp},
}

const (
	grepSeparator = prog.LongOnly + iota
	grepNoSeparator
	grepBinaryFiles
	grepColor
	grepExclude
	grepExcludeFrom
	grepExcludeDir
	grepInclude
	grepNoIgnoreCase
	grepLabel
	grepLineBuffered
	grepHelp
)

const (
	grepGNU     = "0123456789A:B:C:D:EFGHILPTUVX:abcd:e:f:hiLlm:noqRrsuvwxyZz"
	grepBusybox = "lnqvscFiHhe:f:LorRm:wxA:B:C:EaIz"
)

func (g *grepper) main() int {
	c := g.c
	c.UsageStatus = 2
	g.end, g.max, g.separator = '\n', -1, "--"
	g.before, g.after = -1, -1
	g.label = "(standard input)"
	short, long := grepGNU, grepLong
	if c.GNU() {
		c.OnUsage = func() {
			c.Errorf("Usage: %s [OPTION]... PATTERNS [FILE]...\nTry '%s --help' for more information.\n", c.Name, c.Name)
			c.Exit(2)
		}
	} else {
		short, long = grepBusybox, []prog.Long{{Name: "color", Arg: prog.OptArg, Val: grepColor}}
	}
	g.options(short, long)
	if !g.any {
		if len(c.Args) == 0 {
			c.Usage()
		}
		g.add(c.Args[0])
		c.Args = c.Args[1:]
	}
	g.before, g.after = max(g.before, 0), max(g.after, 0)
	if c.GNU() && (g.max == 0 || g.invert && !g.word && slices.Contains(g.patterns, "")) && !g.listNot {
		return 1
	}
	g.compile()
	if g.only && c.GNU() || g.count || g.quiet || g.list || g.listNot {
		if !g.only {
			g.before, g.after = 0, 0
		}
	}
	if st, err := c.Fstat(1); err == nil {
		g.out, g.outRegular = st, st.Mode.IsRegular()
	}
	g.status = 1
	files := c.Args
	if len(files) == 0 {
		files = []string{"-"}
		if g.recurse && c.GNU() {
			files = []string{""}
		}
	}
	if g.names == 0 {
		g.names = -1
		if len(c.Args) > 1 || g.recurse && (len(c.Args) > 0 || c.GNU()) {
			g.names = 1
		}
		if c.GNU() && g.recurse && len(c.Args) == 1 {
			// A file that is searched by itself needs no name.
			if st, err := c.Stat(c.Args[0]); err == nil && !st.Mode.IsDir() {
				g.names = -1
			}
		}
	}
	for _, f := range files {
		g.file(f, true)
	}
	if g.listNot && !c.GNU() {
		// Busybox's -L succeeds if it printed a name.
		g.status = 1
		if g.listed {
			g.status = 0
		}
	}
	if g.trouble && (!g.quiet || g.status != 0) {
		return 2
	}
	return g.status
}

// setKind is -E, -F, -G or -P, of which GNU's takes only one.
func (g *grepper) setKind(kind byte) {
	if g.kindSet && kind != g.kind && g.c.GNU() {
		g.c.Die(2, "conflicting matchers specified")
	}
	g.kind, g.kindSet = kind, true
}

func (g *grepper) options(short string, long []prog.Long) {
	c := g.c
	digits := ""
	for o := range c.GetoptOnly(short, long) {
		if o.Val >= '0' && o.Val <= '9' {
			digits += string(rune(o.Val))
			n, err := strconv.Atoi(digits)
			if err != nil {
				n = 1 << 60
			}
			g.before, g.after, g.contexts = n, n, true
			continue
		}
		digits = ""
		switch o.Val {
		case 'A':
			g.after, g.contexts = g.context(o.Arg), true
		case 'B':
			g.before, g.contexts = g.context(o.Arg), true
		case 'C':
			n := g.context(o.Arg)
			g.before, g.after, g.contexts = n, n, true
		case 'E', 'F', 'G', 'P':
			g.setKind(byte(o.Val))
		case 'X':
			kind := map[string]byte{"grep": 'G', "egrep": 'E', "fgrep": 'F', "awk": 'E', "perl": 'P', "posixawk": 'E'}[o.Arg]
			if kind == 0 {
				c.Die(2, "invalid matcher %s", o.Arg)
			}
			g.setKind(kind)
		case 'D':
			switch o.Arg {
			case "skip":
				g.skipDevices = true
			case "read":
				g.skipDevices = false
			default:
				c.Die(2, "unknown devices method")
			}
		case 'd':
			i := slices.IndexFunc([]string{"read", "recurse", "skip"}, func(s string) bool { return o.Arg != "" && strings.HasPrefix(s, o.Arg) })
			if i < 0 || o.Arg == "re" || o.Arg == "r" {
				c.Warn("invalid argument '%s' for '--directories'", o.Arg)
				c.Errorf("Valid arguments are:\n  - 'read'\n  - 'recurse'\n  - 'skip'\n")
				c.Errorf("Usage: %s [OPTION]... PATTERNS [FILE]...\nTry '%s --help' for more information.\n", c.Name, c.Name)
				c.Exit(1)
			}
			g.dirs = []string{"", "", "skip"}[i]
			g.recurse = i == 1
		case 'H':
			g.names = 1
		case 'h':
			g.names = -1
		case 'I':
			g.skipBinary = c.GNU()
		case 'L':
			g.listNot, g.list = true, false
		case 'l':
			g.list, g.listNot = true, false
		case 'T':
			g.initialTab = true
		case 'U':
		case 'u':
			c.Warn("warning: --unix-byte-offsets (-u) is obsolete")
		case 'V':
			c.Version()
		case grepHelp:
			c.Help()
		case 'a':
			g.text = true
		case 'b':
			g.offset = true
		case 'c':
			g.count = true
		case 'e':
			g.add(o.Arg)
		case 'f':
			g.addFile(o.Arg)
		case 'i', 'y':
			g.ignoreCase = true
		case grepNoIgnoreCase:
			g.ignoreCase = false
		case 'm':
			n, ok := parseCount(o.Arg)
			if !ok {
				if c.GNU() {
					c.Die(2, "invalid max count")
				}
				c.Die(2, "invalid number '%s'", o.Arg)
			}
			g.max = n
		case 'n':
			g.number = true
		case 'o':
			g.only = true
		case 'q':
			g.quiet = true
		case 'R', 'r':
			g.recurse, g.follow = true, o.Val == 'R'
		case 's':
			g.silent = true
		case 'v':
			g.invert = true
		case 'w':
			g.word = true
		case 'x':
			g.line = true
		case 'Z':
			g.null = true
		case 'z':
			g.end = 0
		case grepSeparator:
			g.separator, g.noSeparator = o.Arg, false
		case grepNoSeparator:
			g.noSeparator = true
		case grepBinaryFiles:
			g.text, g.skipBinary = false, false
			switch o.Arg {
			case "binary":
			case "text":
				g.text = true
			case "without-match":
				g.skipBinary = true
			default:
				c.Die(2, "unknown binary-files type")
			}
		case grepColor:
			if !c.GNU() {
				continue
			}
			switch {
			case !o.Has || o.Arg == "auto" || o.Arg == "tty" || o.Arg == "if-tty":
				g.color = c.Isatty(1) && c.Getenv("TERM") != "" && c.Getenv("TERM") != "dumb"
			case o.Arg == "always" || o.Arg == "yes" || o.Arg == "force":
				g.color = true
			case o.Arg == "never" || o.Arg == "no" || o.Arg == "none":
				g.color = false
			default:
				c.Help()
			}
		case grepExclude:
			g.exclude = append(g.exclude, o.Arg)
		case grepExcludeFrom:
			b, err := c.ReadFile(o.Arg)
			if err != nil {
				c.Die(2, "%s: %v", o.Arg, err)
			}
			for _, l := range strings.Split(string(b), "\n") {
				if l != "" {
					g.exclude = append(g.exclude, l)
				}
			}
		case grepExcludeDir:
			g.excludeDir = append(g.excludeDir, strings.TrimRight(o.Arg, "/"))
		case grepInclude:
			g.include = append(g.include, o.Arg)
		case grepLabel:
			g.label = o.Arg
		case grepLineBuffered:
			c.Out.LineBuffered()
		}
	}
	if g.color {
		g.colors = readGrepColors(c)
	}
}

func (g *grepper) context(s string) int {
	n, ok := parseCount(s)
	if !ok || n < 0 {
		if g.c.GNU() {
			g.c.Die(2, "%s: invalid context length argument", s)
		}
		g.c.Die(2, "invalid number '%s'", s)
	}
	return n
}

// parseCount reads a decimal number; one too large is as large as can be.
func parseCount(s string) (int, bool) {
	n, err := strconv.Atoi(s)
	if err != nil {
		if strings.Trim(s, "0123456789") != "" || s == "" {
			return 0, false
		}
		n = 1 << 60
	}
	return n, true
}

// add takes patterns, one a line.
func (g *grepper) add(s string) {
	g.any = true
	for _, p := range strings.Split(s, "\n") {
		if !slices.Contains(g.patterns, p) {
			g.patterns = append(g.patterns, p)
		}
	}
}

func (g *grepper) addFile(name string) {
	in, err := input(g.c, name)
	var b []byte
	if err == nil {
		b, err = io.ReadAll(io.LimitReader(in, maxLine))
		in.Close()
	}
	if err != nil {
		g.c.Die(2, "%s: %v", name, err)
	}
	g.any = true
	if len(b) > 0 {
		g.add(strings.TrimSuffix(string(b), "\n"))
	}
}

// bareClass says whether a pattern has a bracket expression like [:space:], which is not the class
// that its writer meant but a set of characters.
func bareClass(p string) bool {
	for i := 0; i < len(p); i++ {
		switch p[i] {
		case '\\':
			i++
		case '[':
			body := p[i+1:]
			end := strings.IndexByte(body, ']')
			if end > 1 && body[0] == ':' && body[end-1] == ':' {
				return true
			}
			// Past the expression: a "]" that comes first is a member, and classes have their own.
			j := i + 1
			if j < len(p) && p[j] == '^' {
				j++
			}
			if j < len(p) && p[j] == ']' {
				j++
			}
			for j < len(p) && p[j] != ']' {
				if p[j] == '[' && j+1 < len(p) && strings.IndexByte(":.=", p[j+1]) >= 0 {
					if k := strings.Index(p[j+2:], p[j+1:j+2]+"]"); k >= 0 {
						j += k + 4
						continue
					}
				}
				j++
			}
			i = j
		}
	}
	return false
}

func (g *grepper) compile() {
	c := g.c
	flags := map[byte]posixre.Flags{
		'G': posixre.StrayRepeat,
		'E': posixre.Extended | posixre.StrayRepeat | posixre.StrayInterval | posixre.Regcomp,
		'F': posixre.Literal,
	}[g.kind]
	if g.ignoreCase {
		flags |= posixre.IgnoreCase
	}
	if g.word && !g.line {
		flags |= posixre.WholeWord
	}
	if g.line {
		flags |= posixre.WholeLine
	}
	if utf8Locale(c) {
		flags |= posixre.UTF8
	}
	if g.kind == 'P' {
		g.compilePerl()
		return
	}
	for _, p := range g.patterns {
		if c.GNU() && g.kind != 'F' && bareClass(p) {
			c.Die(2, "character class syntax is [[:space:]], not [:space:]")
		}
		re, err := posixre.Compile(p, flags)
		if err != nil {
			if c.GNU() {
				c.Die(2, "%v", err)
			}
			c.Die(2, "bad regex '%s'", p)
		}
		if c.GNU() {
			for _, w := range re.Warnings() {
				c.Warn("warning: %s", w)
			}
		}
		g.match = append(g.match, posixMatcher{re, stepper(c)})
	}
}

type posixMatcher struct {
	re   *posixre.Regexp
	step func(int)
}

func (m posixMatcher) find(line []byte, from int) (int, int, bool) {
	loc := m.re.Match(line, from, 0, 0, m.step)
	if loc == nil {
		return 0, 0, false
	}
	return loc[0], loc[1], true
}

// utf8Locale tells whether the environment asks for UTF-8; static Busybox knows only C.
func utf8Locale(c *prog.Ctx) bool { return c.GNU() && c.UTF8() }

// find is the leftmost-longest match of any pattern.
func (g *grepper) find(line []byte, from int) (begin, end int, ok bool) {
	for _, m := range g.match {
		if b, e, found := m.find(line, from); found && (!ok || b < begin || b == begin && e > end) {
			begin, end, ok = b, e, true
		}
	}
	return begin, end, ok
}

func (g *grepper) fail(name string, err error) {
	g.trouble = true
	if !g.silent {
		g.c.Warn("%s: %v", name, err)
	}
}

// file searches one file, or a directory's files with -r. top: it was named on the command line.
func (g *grepper) file(name string, top bool) {
	c := g.c
	if name == "-" {
		if !g.isOutput(c.FD(0), g.label) {
			g.search(c.In, g.label)
		}
		return
	}
	open := name
	if open == "" {
		open = "."
	}
	st, err := c.Stat(open)
	if err != nil {
		g.fail(name, err)
		return
	}
	switch {
	case st.Mode.IsDir() && g.recurse:
		g.directory(name, open, top)
		return
	case st.Mode.IsDir() && c.GNU() && g.dirs == "skip":
		return
	case st.Mode.IsDir() && c.GNU():
		g.fail(name, linux.EISDIR)
		return
	case st.Mode.IsDir(): // Busybox reads nothing from it
		g.search(strings.NewReader(""), name)
		return
	case !st.Mode.IsDir() && !g.selected(name, top):
		return
	case !st.Mode.IsRegular() && !st.Mode.IsDir() && (g.skipDevices || !top && c.GNU()):
		return
	}
	f, err := c.OpenFile(open, linux.O_RDONLY, 0)
	if err != nil {
		g.fail(name, err)
		return
	}
	defer f.Close()
	if !g.isOutput(f, name) {
		g.search(f, name)
	}
}

// isOutput refuses to read the file that is being written.
func (g *grepper) isOutput(f *prog.File, name string) bool {
	if !g.outRegular || !g.c.GNU() || g.quiet || g.list || g.listNot || g.max == 1 {
		return false
	}
	st, err := f.Stat()
	if err != nil || st.Ino != g.out.Ino || st.Dev != g.out.Dev {
		return false
	}
	g.trouble = true
	if !g.silent {
		g.c.Warn("%s: input file is also the output", name)
	}
	return true
}

// selected applies --include and --exclude to a file.
func (g *grepper) selected(name string, top bool) bool {
	base := func(p string) bool {
		return fnmatch.Match(p, name, 0) || !top && matchTail(p, name) || top && matchTail(p, name) && !strings.Contains(p, "/")
	}
	if len(g.include) > 0 && !slices.ContainsFunc(g.include, base) {
		return false
	}
	return !slices.ContainsFunc(g.exclude, base)
}

// matchTail tells whether the pattern matches a tail of the path that follows a slash.
func matchTail(pattern, name string) bool {
	for {
		if fnmatch.Match(pattern, name, 0) {
			return true
		}
		i := strings.IndexByte(name, '/')
		if i < 0 {
			return false
		}
		name = name[i+1:]
	}
}

func (g *grepper) directory(name, open string, top bool) {
	c := g.c
	if len(g.excludeDir) > 0 {
		base := strings.TrimRight(name, "/")
		for _, p := range g.excludeDir {
			if base != "" && (fnmatch.Match(p, base, 0) || !top && matchTail(p, base)) {
				return
			}
		}
	}
	entries, err := c.ReadDir(open)
	if err != nil {
		g.fail(open, err)
		return
	}
	for _, e := range entries {
		sub := prog.JoinPath(name, e.Name)
		if e.Mode == linux.S_IFLNK && !g.follow {
			// Busybox follows links to files even so.
			if st, err := c.Stat(sub); c.GNU() || err != nil || st.Mode.IsDir() {
				continue
			}
		}
		if g.follow && e.Mode == linux.S_IFLNK {
			if st, err := c.Stat(sub); err == nil && st.Mode.IsDir() && g.loops(sub, st) {
				if !g.silent {
					c.Warn("warning: %s: recursive directory loop", sub)
				}
				continue
			}
		}
		g.file(sub, false)
	}
}

// loops tells whether a directory reached by a link is one of its own parents.
func (g *grepper) loops(name string, st vfs.Stat) bool {
	for i := strings.LastIndexByte(name, '/'); i > 0; i = strings.LastIndexByte(name[:i], '/') {
		if up, err := g.c.Stat(name[:i]); err == nil && up.Ino == st.Ino && up.Dev == st.Dev {
			return true
		}
	}
	up, err := g.c.Stat(".")
	return err == nil && up.Ino == st.Ino && up.Dev == st.Dev
}

// binaryLook is how much of a file is looked at to see whether it is binary.
const binaryLook = 32768

// search prints what matches in one stream.
func (g *grepper) search(r io.Reader, name string) {
	c := g.c
	in := newLines(c, r, g.end)
	g.width = 0
	if f, ok := r.(*prog.File); ok && g.initialTab {
		if st, err := f.Stat(); err == nil {
			size := st.Size
			if g.number {
				size++
			}
			g.width = len(strconv.FormatInt(size, 10))
		}
	}
	binary := false
	if c.GNU() && !g.text && g.end == '\n' {
		head, _ := in.r.Peek(binaryLook)
		if len(head) < binaryLook && in.r.Buffered() > 0 {
			head, _ = in.r.Peek(in.r.Buffered())
		}
		binary = bytes.IndexByte(head, 0) >= 0
		if binary && g.skipBinary {
			if g.listNot {
				g.printName(name)
			}
			return
		}
	}
	found, number, offset := 0, 0, 0
	var context [][]byte // lines that may have to be printed before the next match
	var contextAt []int
	pending := 0 // lines still to be printed after the last match
	last := 0    // number of the last line printed
	printed := false
	show := !g.count && !g.list && !g.listNot && !g.quiet
	for {
		if found == g.max && pending == 0 {
			break
		}
		raw, err := in.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			if c.GNU() || err == linux.ENOMEM {
				g.fail(name, err)
			}
			break
		}
		number++
		line, _ := in.chomp(raw)
		if !binary && c.GNU() && !g.text && g.end == '\n' && bytes.IndexByte(line, 0) >= 0 {
			binary = true
		}
		_, _, hit := g.find(line, 0)
		hit = hit != g.invert
		if found == g.max && hit {
			if !c.GNU() {
				break
			}
			hit = false
		}
		at := offset
		offset += len(raw)
		if !hit {
			switch {
			case pending > 0 && show && !binary:
				pending--
				if !g.only || !c.GNU() {
					g.printLine(name, line, number, at, '-')
				}
				last = number
			case g.before > 0 && show:
				context = append(context, line)
				contextAt = append(contextAt, at)
				if len(context) > g.before {
					context, contextAt = context[1:], contextAt[1:]
				}
			}
			if pending > 0 && binary {
				pending--
			}
			continue
		}
		found++
		g.status = min(g.status, 0)
		if g.quiet {
			c.Exit(0)
		}
		if g.list || g.listNot {
			break
		}
		if !show {
			continue
		}
		if binary {
			c.Warn("%s: binary file matches", name)
			break
		}
		first := number - len(context)
		if g.contexts && printed && first > last+1 && !g.noSeparator {
			g.printSeparator()
		}
		for i, l := range context {
			if !g.only || !c.GNU() {
				g.printLine(name, l, first+i, contextAt[i], '-')
			}
		}
		context, contextAt = nil, nil
		g.printLine(name, line, number, at, ':')
		printed, last, pending = true, number, g.after
	}
	if g.count && !g.list && !g.listNot && !g.quiet {
		if g.names > 0 {
			g.prefix(name, ':')
		}
		c.Printf("%d\n", found)
	}
	if g.list && found > 0 || g.listNot && found == 0 {
		g.printName(name)
	}
}

func (g *grepper) printName(name string) {
	g.listed = true
	if g.quiet {
		return
	}
	name = g.colors.paint("fn", name)
	end := "\n"
	if g.null {
		end = "\x00"
	}
	g.c.Print(name, end)
}

func (g *grepper) printSeparator() {
	g.c.Print(g.colors.paint("se", g.separator), "\n")
}

func (g *grepper) sep(c byte) string {
	return g.colors.paint("se", string(rune(c)))
}

// prefix writes the file's name and what follows it.
func (g *grepper) prefix(name string, sep byte) {
	name = g.colors.paint("fn", name)
	if g.null {
		g.c.Print(name, "\x00")
		return
	}
	g.c.Print(name, g.sep(sep))
}

// head writes what stands before a line.
func (g *grepper) head(name string, number, offset int, sep byte) {
	any := false
	if g.names > 0 {
		g.prefix(name, sep)
		any = true
	}
	num := func(color string, n int) {
		s := strconv.Itoa(n)
		if g.initialTab {
			s = strings.Repeat(" ", max(0, g.width-len(s))) + s
		}
		g.c.Print(g.colors.paint(color, s), g.sep(sep))
		any = true
	}
	if g.number {
		num("ln", number)
	}
	if g.offset {
		num("bn", offset)
	}
	if g.initialTab && any {
		g.c.Print("\t")
	}
}

func (g *grepper) printLine(name string, line []byte, number, offset int, sep byte) {
	c := g.c
	selected := sep == ':'
	if g.only && selected {
		if g.invert {
			return
		}
		for from := 0; from <= len(line); {
			b, e, ok := g.find(line, from)
			if !ok {
				break
			}
			if b == e {
				from = e + 1
				continue
			}
			g.head(name, number, offset+b, sep)
			c.Print(g.colors.paint("ms", string(line[b:e])))
			c.Out.WriteByte(g.end)
			from = e
		}
		return
	}
	g.head(name, number, offset, sep)
	from := 0
	if g.colors == nil {
		c.Out.Write(line)
		c.Out.WriteByte(g.end)
		return
	}
	plain, match := g.colors.lineColor(selected, g.invert), "mc"
	if selected {
		match = "ms"
	}
	if selected != g.invert {
		for at := 0; at <= len(line); {
			b, e, ok := g.find(line, at)
			if !ok {
				break
			}
			if b == e {
				at = e + 1
				continue
			}
			c.Print(g.colors.paint(plain, string(line[from:b])), g.colors.paint(match, string(line[b:e])))
			from, at = e, e
		}
	}
	c.Print(g.colors.paint(plain, string(line[from:])))
	c.Out.WriteByte(g.end)
}

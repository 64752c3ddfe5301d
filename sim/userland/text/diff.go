package text

import (
	"bytes"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/fnmatch"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/posixre"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// differ is one run of diff.
type differ struct {
	c                                             *prog.Ctx
	gnu                                           bool
	style                                         byte // n normal, u, c, e, y
	context                                       int
	brief, same, recursive, newFile, oneNew, text bool
	fold, blanks, allBlanks, endBlanks, tabs      bool
	blankLines, stripCR, expand, initialTab       bool
	ignoreRe                                      []*posixre.Regexp
	labels                                        []string
	exclude                                       []string
	startAt                                       string
	width                                         int
	noCommon, leftColumn, color                   bool
	showFunction                                  *posixre.Regexp
	args                                          string // the options, for the headings of -r
	status                                        int
	noDeref                                       bool
}

const (
	diffLabel = prog.LongOnly + iota
	diffNormal
	diffSuppress
	diffLeftColumn
	diffColor
	diffStripCR
	diffNoDeref
	diffTabsize
	diffUniFrom
	diffIgnoreFileCase
)

var diffLong = []prog.Long{{Name: "normal", Val: diffNormal}, {Name: "brief", Val: 'q'}, {Name: "report-identical-files", Val: 's'}, {Name: "context", Arg: prog.OptArg, Val: 'C'}, {Name: "unified", Arg: prog.OptArg, Val: 'U'},
	{Name: "ed", Val: 'e'}, {Name: "side-by-side", Val: 'y'}, {Name: "width", Arg: prog.ReqArg, Val: 'W'}, {Name: "left-column", Val: diffLeftColumn}, {Name: "suppress-common-lines", Val: diffSuppress},
	{Name: "show-c-function", Val: 'p'}, {Name: "show-function-line", Arg: prog.ReqArg, Val: 'F'}, {Name: "label", Arg: prog.ReqArg, Val: diffLabel}, {Name: "expand-tabs", Val: 't'}, {Name: "initial-tab", Val: 'T'},
	{Name: "recursive", Val: 'r'}, {Name: "no-dereference", Val: diffNoDeref}, {Name: "new-file", Val: 'N'}, {Name: "unidirectional-new-file", Val: 'P'}, {Name: "exclude", Arg: prog.ReqArg, Val: 'x'}, {Name: "exclude-from", Arg: prog.ReqArg, Val: 'X'},
	{Name: "starting-file", Arg: prog.ReqArg, Val: 'S'}, {Name: "ignore-case", Val: 'i'}, {Name: "ignore-tab-expansion", Val: 'E'}, {Name: "ignore-trailing-space", Val: 'Z'}, {Name: "ignore-space-change", Val: 'b'},
	{Name: "ignore-all-space", Val: 'w'}, {Name: "ignore-blank-lines", Val: 'B'}, {Name: "ignore-matching-lines", Arg: prog.ReqArg, Val: 'I'}, {Name: "text", Val: 'a'}, {Name: "strip-trailing-cr", Val: diffStripCR},
	{Name: "minimal", Val: 'd'}, {Name: "speed-large-files", Val: 'H'}, {Name: "color", Arg: prog.OptArg, Val: diffColor}, {Name: "version", Val: 'v'}}

func diffProgram(c *prog.Ctx) int {
	d := &differ{c: c, gnu: c.GNU(), style: 'n', context: 3, width: 130}
	c.UsageStatus, c.WriteStatus = 2, 2
	short, long := "0123456789abBcC:dD:eEfF:hHiI:lL:nNpPqrsS:tTuU:vwW:x:X:yZ", diffLong
	if !d.gnu {
		c.UsageStatus = 1
		short, long = "abdiL:NqrsS:tTU:wupBE", nil
		d.style = 'u'
	} else {
		c.OnUsage = func() { c.Errorf("%s: Try '%s --help' for more information.\n", c.Name, c.Name) }
	}
	given := slices.Clone(c.Args)
	digits := ""
	setContext := func(s string, style byte) {
		d.style = style
		if s == "" {
			return
		}
		n, ok := parseCount(s)
		if !ok || n < 0 {
			if d.gnu {
				c.Warn("invalid context length '%s'", s)
				c.Usage()
			}
			c.Die(2, "invalid number '%s'", s)
		}
		d.context = n
	}
	for o := range c.Getopt(short, long) {
		switch o.Val {
		case 'a':
			d.text = true
		case 'b':
			d.blanks = true
		case 'B':
			d.blankLines = true
		case 'c':
			d.style = 'c'
		case 'C':
			setContext(o.Arg, 'c')
		case 'd', 'H', 'h':
		case 'e':
			d.style = 'e'
		case 'E':
			d.tabs = true
		case 'i':
			d.fold = true
		case 'I':
			re, err := compileBasic(o.Arg)
			if err != nil {
				c.Die(2, "%s: %v", o.Arg, err)
			}
			d.ignoreRe = append(d.ignoreRe, re)
		case 'F':
			re, err := compileBasic(o.Arg)
			if err != nil {
				c.Die(2, "%s: %v", o.Arg, err)
			}
			d.showFunction = re
		case 'p':
			if d.gnu {
				d.showFunction, _ = compileBasic("^[[:alpha:]$_]")
				if d.style == 'n' {
					d.style = 'c'
				}
			}
		case 'L', diffLabel:
			if len(d.labels) == 2 {
				c.Die(2, "too many file label options")
			}
			d.labels = append(d.labels, o.Arg)
		case 'N':
			d.newFile = true
		case 'P':
			d.oneNew = true
		case 'q':
			d.brief = true
		case 'r':
			d.recursive = true
		case 's':
			d.same = true
		case 'S':
			d.startAt = o.Arg
		case 't':
			d.expand = true
		case 'T':
			d.initialTab = true
		case 'u':
			d.style = 'u'
		case 'U':
			setContext(o.Arg, 'u')
		case 'w':
			d.allBlanks = true
		case 'W':
			n, ok := parseCount(o.Arg)
			if !ok || n < 1 {
				c.Warn("invalid width '%s'", o.Arg)
				c.Usage()
			}
			d.width = n
		case 'x':
			d.exclude = append(d.exclude, o.Arg)
		case 'X':
			b, err := c.ReadFile(o.Arg)
			if err != nil {
				c.Die(2, "%s: %v", o.Arg, err)
			}
			d.exclude = append(d.exclude, strings.Fields(string(b))...)
		case 'y':
			d.style = 'y'
		case 'Z':
			d.endBlanks = true
		case 'v':
			c.Version()
		case diffNormal:
			d.style = 'n'
		case diffSuppress:
			d.noCommon = true
		case diffLeftColumn:
			d.leftColumn = true
		case diffColor:
			d.color = o.Arg == "always"
		case diffStripCR:
			d.stripCR = true
		case diffNoDeref:
			d.noDeref = true
		default:
			if o.Val >= '0' && o.Val <= '9' {
				digits += string(rune(o.Val))
				d.context, _ = strconv.Atoi(digits)
				break
			}
			c.Warn("invalid option -- '%c'", o.Val)
			c.Usage()
		}
	}
	switch {
	case len(c.Args) == 0:
		if d.gnu {
			c.Warn("missing operand after '%s'", c.Name)
		}
		c.Usage()
	case len(c.Args) == 1:
		if d.gnu {
			c.Warn("missing operand after '%s'", c.Args[0])
		}
		c.Usage()
	}
	c.AtMost(2)
	var opts []string
	for _, a := range given {
		if len(a) > 1 && a[0] == '-' || slices.Index(c.Args, a) < 0 {
			opts = append(opts, a)
		}
	}
	d.args = strings.Join(append([]string{"diff"}, opts...), " ")
	d.top(c.Args[0], c.Args[1])
	return d.status
}

func (d *differ) set(n int) { d.status = max(d.status, n) }

// trouble reports a file that cannot be read.
func (d *differ) trouble(name string, err error) {
	d.set(2)
	if d.gnu {
		d.c.Warn("%s: %v", name, err)
	} else {
		d.c.Warn("can't stat '%s': %v", name, err)
	}
}

func (d *differ) stat(name string) (vfs.Stat, error) {
	if name == "-" {
		return d.c.Fstat(0)
	}
	return d.c.Stat(name)
}

// top compares the two operands.
func (d *differ) top(a, b string) {
	sa, ea := d.stat(a)
	sb, eb := d.stat(b)
	joined := false
	if ea == nil && eb == nil {
		if sa.Mode.IsDir() != sb.Mode.IsDir() {
			// A file against a directory is against the file of its name there.
			joined = true
			if sa.Mode.IsDir() {
				if b != "-" {
					a = prog.JoinPath(a, path.Base(b))
				}
				sa, ea = d.stat(a)
			} else {
				if a != "-" {
					b = prog.JoinPath(b, path.Base(a))
				}
				sb, eb = d.stat(b)
			}
		}
	}
	missing := false
	for _, f := range []struct {
		name string
		err  error
	}{{a, ea}, {b, eb}} {
		if f.err != nil && !(d.newFile && f.err == linux.ENOENT && (ea == nil || eb == nil)) {
			if !d.gnu && ea != eb && joined {
				d.c.Warn("can't stat '%s': %v", f.name, f.err)
				d.set(1)
				return
			}
			d.trouble(f.name, f.err)
			if !d.gnu {
				return
			}
			missing = true
		}
	}
	if missing {
		return
	}
	if ea == nil && eb == nil && sa.Mode.IsDir() && sb.Mode.IsDir() {
		d.dirs(a, b)
		return
	}
	d.files(a, b, ea == nil, eb == nil, false)
}

// names lists a directory, sorted.
func (d *differ) names(dir string, there bool) ([]string, bool) {
	if !there {
		return nil, true
	}
	entries, err := d.c.ReadDir(dir)
	if err != nil {
		d.trouble(dir, err)
		return nil, false
	}
	var l []string
	for _, e := range entries {
		if slices.ContainsFunc(d.exclude, func(p string) bool { return fnmatch.Match(p, e.Name, fnmatch.Period) }) {
			continue
		}
		if d.startAt != "" && e.Name < d.startAt {
			continue
		}
		l = append(l, e.Name)
	}
	slices.Sort(l)
	return l, true
}

func (d *differ) dirs(a, b string) { d.dirsIf(a, b, true, true) }

func (d *differ) dirsIf(a, b string, hasA, hasB bool) {
	la, oka := d.names(a, hasA)
	lb, okb := d.names(b, hasB)
	if !oka || !okb {
		return
	}
	start := d.startAt
	d.startAt = ""
	defer func() { d.startAt = start }()
	for len(la) > 0 || len(lb) > 0 {
		d.c.Step(5)
		order := 0
		switch {
		case len(la) == 0:
			order = 1
		case len(lb) == 0:
			order = -1
		default:
			order = strings.Compare(la[0], lb[0])
		}
		name := ""
		inA, inB := order <= 0, order >= 0
		if inA {
			name, la = la[0], la[1:]
		}
		if inB {
			name, lb = lb[0], lb[1:]
		}
		pa, pb := prog.JoinPath(a, name), prog.JoinPath(b, name)
		if !inA || !inB {
			dir, there := a, pa
			if inB {
				dir, there = b, pb
			}
			st, err := d.c.Stat(there)
			fill := d.newFile || d.oneNew && inB
			if err == nil && fill && (d.recursive || !st.Mode.IsDir()) {
				if st.Mode.IsDir() {
					d.dirsIf(pa, pb, inA, inB)
				} else {
					d.files(pa, pb, inA, inB, true)
				}
				continue
			}
			d.set(1)
			d.c.Printf("Only in %s: %s\n", dir, name)
			continue
		}
		if d.noDeref {
			xa, _ := d.c.Lstat(pa)
			xb, _ := d.c.Lstat(pb)
			if xa.Mode.IsSymlink() && xb.Mode.IsSymlink() {
				ta, _ := d.c.Readlink(pa)
				tb, _ := d.c.Readlink(pb)
				if ta != tb {
					d.c.Printf("Symbolic links %s and %s differ\n", pa, pb)
					d.set(1)
				}
				continue
			}
		}
		sa, ea := d.c.Stat(pa)
		sb, eb := d.c.Stat(pb)
		switch {
		case ea != nil:
			d.trouble(pa, ea)
		case eb != nil:
			d.trouble(pb, eb)
		case sa.Mode.IsDir() && sb.Mode.IsDir():
			if d.recursive {
				d.dirs(pa, pb)
			} else {
				d.c.Printf("Common subdirectories: %s and %s\n", pa, pb)
			}
		case sa.Mode.IsDir() != sb.Mode.IsDir() || sa.Mode.Type() != sb.Mode.Type():
			d.set(1)
			d.c.Printf("File %s is a %s while file %s is a %s\n", pa, fileKind(sa), pb, fileKind(sb))
		default:
			d.files(pa, pb, true, true, true)
		}
	}
}

func fileKind(st vfs.Stat) string {
	switch st.Mode.Type() {
	case linux.S_IFDIR:
		return "directory"
	case linux.S_IFLNK:
		return "symbolic link"
	case linux.S_IFIFO:
		return "fifo"
	case linux.S_IFCHR:
		return "character special file"
	case linux.S_IFBLK:
		return "block special file"
	case linux.S_IFSOCK:
		return "socket"
	}
	if st.Size == 0 {
		return "regular empty file"
	}
	return "regular file"
}

// side is one of the two files.
type side struct {
	name, label string
	st          vfs.Stat
	there       bool
	data        []byte
	lines       [][]byte // with their ends
	open        bool     // the last has none
	class       []int
}

func (d *differ) load(name string, there bool) (*side, bool) {
	s := &side{name: name, label: name, there: there}
	if !there {
		return s, true
	}
	c := d.c
	var f io.ReadCloser
	if name == "-" {
		f = stdin{c.In}
		s.st, _ = c.Fstat(0)
		s.st.Mtime = c.Now()
	} else {
		pf, err := c.OpenFile(name, linux.O_RDONLY, 0)
		if err != nil {
			d.trouble(name, err)
			return nil, false
		}
		s.st, _ = pf.Stat()
		f = pf
	}
	defer f.Close()
	b, err := readLimited(f)
	if err != nil {
		d.trouble(name, err)
		return nil, false
	}
	s.data = b
	return s, true
}

func (s *side) split() {
	b := s.data
	for len(b) > 0 {
		i := bytes.IndexByte(b, '\n') + 1
		if i == 0 {
			i = len(b)
			s.open = true
		}
		s.lines = append(s.lines, b[:i])
		b = b[i:]
	}
}

// key is a line as the comparison sees it.
func (d *differ) key(line []byte, open bool) string {
	text := bytes.TrimSuffix(line, []byte("\n"))
	if d.stripCR {
		text = bytes.TrimSuffix(text, []byte("\r"))
	}
	if d.tabs {
		var b []byte
		for _, ch := range text {
			if ch == '\t' {
				b = append(b, strings.Repeat(" ", 8-len(b)%8)...)
			} else {
				b = append(b, ch)
			}
		}
		text = b
	}
	switch {
	case d.allBlanks:
		text = bytes.Join(bytes.Fields(text), nil)
	case d.blanks:
		var b []byte
		for _, ch := range bytes.TrimRight(text, " \t\r\v\f") {
			if isSpace(int(ch)) {
				if n := len(b); n > 0 && b[n-1] == ' ' {
					continue
				}
				ch = ' '
			}
			b = append(b, ch)
		}
		text = b
	case d.endBlanks:
		text = bytes.TrimRight(text, " \t\r\v\f")
	}
	if d.fold {
		text = bytes.ToLower(text)
	}
	if open && !d.allBlanks && !d.blanks && !d.endBlanks {
		return string(text) + "\x00" // a line without its end is another line
	}
	return string(text)
}

func (d *differ) files(na, nb string, hasA, hasB, heading bool) {
	c := d.c
	a, ok := d.load(na, hasA)
	if !ok {
		return
	}
	b, ok := d.load(nb, hasB)
	if !ok {
		return
	}
	if len(d.labels) > 0 && !heading {
		a.label = d.labels[0]
		if len(d.labels) > 1 {
			b.label = d.labels[1]
		}
	}
	identical := func() {
		if d.same && (c.GNU() || na != nb) {
			c.Printf("Files %s and %s are identical\n", a.label, b.label)
		}
	}
	if bytes.Equal(a.data, b.data) && (hasA == hasB || d.newFile || d.oneNew) {
		if d.style == 'y' && !d.noCommon && !d.brief {
			a.split()
			b.split()
			d.sideBySide(a, b, nil)
		}
		identical()
		return
	}
	if !d.text && (isBinary(a.data) || isBinary(b.data)) {
		d.set(1)
		if d.brief {
			c.Printf("Files %s and %s differ\n", a.label, b.label)
		} else {
			c.Printf("Binary files %s and %s differ\n", a.label, b.label)
		}
		return
	}
	a.split()
	b.split()
	classes := map[string]int{}
	for _, s := range []*side{a, b} {
		for i, l := range s.lines {
			k := d.key(l, s.open && i == len(s.lines)-1)
			n, ok := classes[k]
			if !ok {
				n = len(classes)
				classes[k] = n
			}
			s.class = append(s.class, n)
		}
		c.Step(len(s.lines))
	}
	del, ins := edits(a.class, b.class, c.Step)
	hunks := d.changes(a, b, del, ins)
	if !slices.ContainsFunc(hunks, func(h change) bool { return !h.ignore }) {
		if d.style == 'y' && !d.noCommon && !d.brief {
			d.sideBySide(a, b, hunks)
		}
		identical()
		return
	}
	d.set(1)
	if d.brief {
		c.Printf("Files %s and %s differ\n", a.label, b.label)
		return
	}
	if heading && d.gnu {
		c.Printf("%s %s %s\n", d.args, na, nb)
	}
	switch d.style {
	case 'u':
		d.unified(a, b, hunks)
	case 'c':
		d.contextual(a, b, hunks)
	case 'e':
		d.edScript(b, hunks)
	case 'y':
		d.sideBySide(a, b, hunks)
	default:
		d.normal(a, b, hunks)
	}
}

func isBinary(b []byte) bool { return bytes.IndexByte(b[:min(len(b), 32768)], 0) >= 0 }

// change replaces lines a0 to a1 of the first file by b0 to b1 of the second.
type change struct {
	a0, a1, b0, b1 int
	ignore         bool
}

func (d *differ) changes(a, b *side, del, ins []bool) []change {
	var l []change
	i, j := 0, 0
	for i < len(del) || j < len(ins) {
		if i < len(del) && !del[i] && j < len(ins) && !ins[j] {
			i++
			j++
			continue
		}
		h := change{a0: i, b0: j}
		for i < len(del) && del[i] {
			i++
		}
		for j < len(ins) && ins[j] {
			j++
		}
		h.a1, h.b1 = i, j
		h.ignore = d.ignorable(a.lines[h.a0:h.a1]) && d.ignorable(b.lines[h.b0:h.b1])
		l = append(l, h)
	}
	return l
}

func (d *differ) ignorable(lines [][]byte) bool {
	if !d.blankLines && len(d.ignoreRe) == 0 {
		return false
	}
	for _, l := range lines {
		text := bytes.TrimSuffix(l, []byte("\n"))
		blank := d.blankLines && len(text) == 0
		if d.blankLines && (d.allBlanks || d.blanks) {
			blank = len(bytes.TrimSpace(text)) == 0
		}
		if blank || slices.ContainsFunc(d.ignoreRe, func(re *posixre.Regexp) bool { return re.Match(text, 0, 0, 0, d.c.Step) != nil }) {
			continue
		}
		return false
	}
	return true
}

const noNewline = "\\ No newline at end of file\n"

// line writes a line behind a prefix.
func (d *differ) line(prefix string, s *side, i int) {
	c := d.c
	l := s.lines[i]
	color := ""
	if d.color {
		switch prefix[0] {
		case '-', '<':
			color = "\x1b[31m"
		case '+', '>':
			color = "\x1b[32m"
		}
	}
	open := s.open && i == len(s.lines)-1
	text := string(bytes.TrimSuffix(l, []byte("\n")))
	if d.initialTab && d.gnu {
		prefix = strings.TrimSuffix(prefix, " ") + "\t"
		if text == "" && d.style == 'u' {
			prefix = strings.TrimSuffix(prefix, "\t")
		}
	}
	if d.expand {
		text = expandTabs(text)
	}
	c.Print(color, prefix, text)
	if color != "" {
		c.Print("\x1b[0m")
	}
	c.Print("\n")
	if open {
		c.Print(noNewline)
	}
}

func expandTabs(s string) string {
	var b strings.Builder
	col := 0
	for i := 0; i < len(s); i++ {
		if s[i] == '\t' {
			n := 8 - col%8
			b.WriteString(strings.Repeat(" ", n))
			col += n
			continue
		}
		b.WriteByte(s[i])
		col++
	}
	return b.String()
}

// lineRange is a range of lines as the normal format does.
func lineRange(lo, hi int) string {
	if hi-lo <= 1 {
		return strconv.Itoa(hi)
	}
	return fmt.Sprintf("%d,%d", lo+1, hi)
}

func (d *differ) normal(a, b *side, hunks []change) {
	for _, h := range hunks {
		if h.ignore {
			continue
		}
		op := "c"
		switch {
		case h.a0 == h.a1:
			op = "a"
		case h.b0 == h.b1:
			op = "d"
		}
		head := lineRange(h.a0, h.a1) + op + lineRange(h.b0, h.b1)
		if d.color {
			head = "\x1b[36m" + head + "\x1b[0m"
		}
		d.c.Print(head, "\n")
		for i := h.a0; i < h.a1; i++ {
			d.line("< ", a, i)
		}
		if op == "c" {
			d.c.Print("---\n")
		}
		for i := h.b0; i < h.b1; i++ {
			d.line("> ", b, i)
		}
	}
}

// groups joins changes whose contexts meet.
func (d *differ) groups(hunks []change) [][]change {
	var gs [][]change
	for _, h := range hunks {
		if n := len(gs); n > 0 {
			last := gs[n-1][len(gs[n-1])-1]
			if h.a0-last.a1 <= 2*d.context {
				gs[n-1] = append(gs[n-1], h)
				continue
			}
		}
		gs = append(gs, []change{h})
	}
	return slices.DeleteFunc(gs, func(g []change) bool {
		return !slices.ContainsFunc(g, func(h change) bool { return !h.ignore })
	})
}

// stamp is what stands behind a file's name in a heading.
func (d *differ) stamp(s *side, i int) string {
	if !d.gnu || i < len(d.labels) {
		return ""
	}
	t := s.st.Mtime
	zone := d.c.Zone()
	if d.style == 'c' {
		return "\t" + t.In(zone).Format("Mon Jan _2 15:04:05 2006")
	}
	if !s.there {
		return "\t1970-01-01 00:00:00.000000000 +0000"
	}
	return "\t" + t.In(zone).Format("2006-01-02 15:04:05.000000000 -0700")
}

func (d *differ) function(a *side, before int) string {
	if d.showFunction == nil {
		return ""
	}
	for i := before - 1; i >= 0; i-- {
		text := bytes.TrimSuffix(a.lines[i], []byte("\n"))
		if d.showFunction.Match(text, 0, 0, 0, d.c.Step) != nil {
			s := string(bytes.TrimLeft(text, " \t"))
			return " " + strings.TrimRight(s[:min(len(s), 40)], " \t")
		}
	}
	return ""
}

func (d *differ) unified(a, b *side, hunks []change) {
	c := d.c
	bold, cyan, reset := "", "", ""
	if d.color {
		bold, cyan, reset = "\x1b[1m", "\x1b[36m", "\x1b[0m"
	}
	c.Print(bold, "--- ", a.label, d.stamp(a, 0), reset, "\n", bold, "+++ ", b.label, d.stamp(b, 1), reset, "\n")
	count := func(lo, hi int) string {
		switch hi - lo {
		case 0:
			return fmt.Sprintf("%d,0", lo)
		case 1:
			return strconv.Itoa(hi)
		}
		return fmt.Sprintf("%d,%d", lo+1, hi-lo)
	}
	for _, g := range d.groups(hunks) {
		first, last := g[0], g[len(g)-1]
		before := min(d.context, first.a0)
		after := min(d.context, len(a.lines)-last.a1)
		a0, a1 := first.a0-before, last.a1+after
		b0, b1 := first.b0-before, last.b1+after
		c.Printf("%s@@ -%s +%s @@%s%s\n", cyan, count(a0, a1), count(b0, b1), reset, d.function(a, a0))
		i := a0
		for _, h := range g {
			for ; i < h.a0; i++ {
				d.line(" ", a, i)
			}
			for ; i < h.a1; i++ {
				d.line("-", a, i)
			}
			for j := h.b0; j < h.b1; j++ {
				d.line("+", b, j)
			}
		}
		for ; i < a1; i++ {
			d.line(" ", a, i)
		}
	}
}

func (d *differ) contextual(a, b *side, hunks []change) {
	c := d.c
	c.Print("*** ", a.label, d.stamp(a, 0), "\n--- ", b.label, d.stamp(b, 1), "\n")
	rng := func(lo, hi int) string {
		if hi-lo <= 1 {
			return strconv.Itoa(hi)
		}
		return fmt.Sprintf("%d,%d", lo+1, hi)
	}
	for _, g := range d.groups(hunks) {
		first, last := g[0], g[len(g)-1]
		before := min(d.context, first.a0)
		after := min(d.context, len(a.lines)-last.a1)
		a0, a1 := first.a0-before, last.a1+after
		b0, b1 := first.b0-before, last.b1+after
		c.Print("***************", d.function(a, a0), "\n*** ", rng(a0, a1), " ****\n")
		if slices.ContainsFunc(g, func(h change) bool { return h.a1 > h.a0 }) {
			i := a0
			for _, h := range g {
				for ; i < h.a0; i++ {
					d.line("  ", a, i)
				}
				mark := "- "
				if h.b1 > h.b0 {
					mark = "! "
				}
				for ; i < h.a1; i++ {
					d.line(mark, a, i)
				}
			}
			for ; i < a1; i++ {
				d.line("  ", a, i)
			}
		}
		c.Print("--- ", rng(b0, b1), " ----\n")
		if slices.ContainsFunc(g, func(h change) bool { return h.b1 > h.b0 }) {
			i := b0
			for _, h := range g {
				for ; i < h.b0; i++ {
					d.line("  ", b, i)
				}
				mark := "+ "
				if h.a1 > h.a0 {
					mark = "! "
				}
				for ; i < h.b1; i++ {
					d.line(mark, b, i)
				}
			}
			for ; i < b1; i++ {
				d.line("  ", b, i)
			}
		}
	}
}

func (d *differ) edScript(b *side, hunks []change) {
	for _, h := range slices.Backward(hunks) {
		if h.ignore {
			continue
		}
		op := "c"
		switch {
		case h.a0 == h.a1:
			op = "a"
		case h.b0 == h.b1:
			op = "d"
		}
		d.c.Print(lineRange(h.a0, h.a1), op, "\n")
		if op == "d" {
			continue
		}
		for i := h.b0; i < h.b1; i++ {
			l := string(bytes.TrimSuffix(b.lines[i], []byte("\n")))
			if l == "." {
				l = "..\n.\ns/.//\na"
			}
			d.c.Print(l, "\n")
		}
		d.c.Print(".\n")
	}
}

// sideBySide is -y.
func (d *differ) sideBySide(a, b *side, hunks []change) {
	tab := 8
	if d.expand {
		tab = 1
	}
	const gutter = 3
	tg := tab + gutter
	off := d.width>>1 + tg>>1 + d.width&tg&1
	off -= off % tab
	half := max(0, min(off-gutter, d.width-off))
	col2 := d.width
	if half > 0 {
		col2 = off
	}
	var out strings.Builder
	to := func(from, to int) int {
		if !d.expand {
			for t := from + 8 - from%8; t <= to; t += 8 {
				out.WriteByte('\t')
				from = t
			}
		}
		for ; from < to; from++ {
			out.WriteByte(' ')
		}
		return to
	}
	text := func(l []byte, indent int) int {
		at, shown := 0, 0
		for _, ch := range bytes.TrimSuffix(l, []byte("\n")) {
			if ch == '\t' {
				n := 8 - at%8
				if at == shown {
					if d.expand {
						m := min(at+n, half)
						out.WriteString(strings.Repeat(" ", max(0, m-shown)))
						shown = m
					} else if at+n < half {
						to(indent+shown, indent+at+n)
						shown = at + n
					}
				}
				at += n
				continue
			}
			if at++; at <= half {
				shown = at
				out.WriteByte(ch)
			}
		}
		return indent + shown
	}
	row := func(l []byte, sep byte, r []byte) {
		col := 0
		nl := false
		if l != nil {
			nl = bytes.HasSuffix(l, []byte("\n"))
			col = text(l, 0)
		}
		if sep != ' ' {
			col = to(col, (half+col2-1)/2) + 1
			if sep == '|' && nl != bytes.HasSuffix(r, []byte("\n")) {
				sep = '\\'
				if nl {
					sep = '/'
				}
			}
			out.WriteByte(sep)
		}
		if r != nil {
			nl = nl || bytes.HasSuffix(r, []byte("\n"))
			if !bytes.Equal(r, []byte("\n")) {
				col = to(col, col2)
				text(r, col)
			}
		}
		if nl {
			out.WriteByte('\n')
		}
	}
	common := func(i, j, n int) {
		if d.noCommon {
			return
		}
		for k := range n {
			if d.leftColumn {
				row(a.lines[i+k], '(', nil)
			} else {
				row(a.lines[i+k], ' ', b.lines[j+k])
			}
		}
	}
	i, j := 0, 0
	for _, h := range hunks {
		common(i, j, h.a0-i)
		k := 0
		for ; h.a0+k < h.a1 && h.b0+k < h.b1; k++ {
			row(a.lines[h.a0+k], '|', b.lines[h.b0+k])
		}
		for m := h.a0 + k; m < h.a1; m++ {
			row(a.lines[m], '<', nil)
		}
		for m := h.b0 + k; m < h.b1; m++ {
			row(nil, '>', b.lines[m])
		}
		i, j = h.a1, h.b1
	}
	common(i, j, len(a.lines)-i)
	d.c.Print(out.String())
}

// sdiff is diff -y under another name.
func sdiff(c *prog.Ctx) int {
	d := &differ{c: c, gnu: true, style: 'y', width: 130}
	c.UsageStatus = 2
	c.OnUsage = func() { c.Errorf("%s: Try '%s --help' for more information.\n", c.Name, c.Name) }
	for o := range c.Getopt("adiEBbstw:lWZ", []prog.Long{{Name: "suppress-common-lines", Val: 's'}, {Name: "left-column", Val: 'l'}, {Name: "width", Arg: prog.ReqArg, Val: 'w'},
		{Name: "ignore-case", Val: 'i'}, {Name: "ignore-all-space", Val: 'W'}, {Name: "ignore-space-change", Val: 'b'}, {Name: "ignore-blank-lines", Val: 'B'}, {Name: "expand-tabs", Val: 't'}, {Name: "text", Val: 'a'}}) {
		switch o.Val {
		case 's':
			d.noCommon = true
		case 'l':
			d.leftColumn = true
		case 'w':
			n, ok := parseCount(o.Arg)
			if !ok || n < 1 {
				c.Die(2, "invalid width '%s'", o.Arg)
			}
			d.width = n
		case 'i':
			d.fold = true
		case 'W':
			d.allBlanks = true
		case 'b':
			d.blanks = true
		case 'B':
			d.blankLines = true
		case 't':
			d.expand = true
		case 'a':
			d.text = true
		case 'E':
			d.tabs = true
		case 'Z':
			d.endBlanks = true
		}
	}
	if len(c.Args) < 2 {
		last := c.Name
		if len(c.Args) == 1 {
			last = c.Args[0]
		}
		c.Warn("missing operand after '%s'", last)
		c.Usage()
	}
	c.AtMost(2)
	d.top(c.Args[0], c.Args[1])
	return d.status
}

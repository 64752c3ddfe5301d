package files

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dockerlab/dockerlab/sim/fnmatch"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/posixre"
	"github.com/dockerlab/dockerlab/sim/userland/datetime"
	"github.com/dockerlab/dockerlab/sim/userland/filemode"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// findExpr is an expression of find, ready to be asked about a file.
type findExpr func(file *found) bool

// findParser turns find's arguments into a findExpr.
type findParser struct {
	*finder
	args   []string
	i      int
	action bool // an action stands in the expression: no -print by itself
	syntax string
	depth  int
}

// maxNesting bounds the parentheses of an expression.
const maxNesting = 1000

func (p *findParser) parse() findExpr {
	if len(p.args) == 0 {
		return p.printer("\n")
	}
	e := p.list
	if !p.GNU() {
		e = p.groups
	}
	return p.whole(e())
}

// whole is the expression with what it does where it has no action.
func (p *findParser) whole(e findExpr) findExpr {
	if p.i < len(p.args) {
		p.unexpected(p.args[p.i])
	}
	if !p.action {
		print := p.printer("\n")
		test := e
		return func(f *found) bool { return test(f) && print(f) }
	}
	return e
}

func (p *findParser) die(format string, args ...any) { p.Die(1, format, args...) }

func (p *findParser) unexpected(a string) {
	switch {
	case a == ")" && p.GNU():
		p.die("you have too many ')'")
	case !p.GNU():
		p.Out.Flush()
		p.Errorf("%s: unrecognized: %s\n", p.Name, a)
		p.Usage()
	case strings.HasPrefix(a, "-newer") && len(a) == len("-newerXY"):
		p.die("invalid predicate `%s'", a)
	case a == "-context":
		p.die("invalid predicate -context: SELinux is not enabled.")
	case strings.HasPrefix(a, "-"):
		p.die("unknown predicate `%s'", a)
	}
	p.Warn("paths must precede expression: `%s'", a)
	if p.i > 0 && exists(p.Ctx, a) {
		// The name of a file: a pattern that the shell has replaced, maybe.
		for i := p.i - 1; i >= 0; i-- {
			if pred := p.args[i]; strings.HasPrefix(pred, "-") {
				p.Warn("possible unquoted pattern after predicate `%s'?", pred)
				break
			}
		}
	}
	p.Exit(1)
}

func (p *findParser) peek() string {
	if p.i < len(p.args) {
		return p.args[p.i]
	}
	return ""
}

func (p *findParser) more() bool { return p.i < len(p.args) }

// list is "a , b".
func (p *findParser) list() findExpr {
	e := p.or()
	for p.more() && p.peek() == "," && p.GNU() {
		p.i++
		if !p.more() {
			p.die("invalid expression; expected to find a ')' but didn't see one. Perhaps you need an extra predicate after ','")
		}
		a, b := e, p.or()
		e = func(f *found) bool { a(f); return b(f) }
	}
	return e
}

// groups is Busybox's way: groups of actions between "-o". A "!" with nothing behind it is nothing.
func (p *findParser) groups() findExpr {
	if p.depth++; p.depth > maxNesting {
		p.die("expression is too deep")
	}
	defer func() { p.depth-- }()
	var groups [][]findExpr
	group := []findExpr{}
	not := false
	for p.more() && p.peek() != ")" {
		switch a := p.peek(); a {
		case "-o", "-or":
			p.i++
			groups = append(groups, group)
			group, not = []findExpr{}, false
			continue
		case "-a", "-and":
			p.i++
			continue
		case "!", "-not":
			p.i++
			not = !not
			continue
		case "(":
			p.i++
			e := p.groups()
			if !p.more() {
				p.die("unpaired '('")
			}
			p.i++
			group = append(group, negate(e, not))
		default:
			group = append(group, negate(p.primary(), not))
		}
		not = false
	}
	groups = append(groups, group)
	return func(f *found) bool {
		holds := true
		for _, g := range groups {
			if len(g) == 0 {
				break // an empty group is an end, whatever follows
			}
			for _, e := range g {
				if holds = e(f); !holds {
					break
				}
			}
			if holds {
				break
			}
		}
		return holds
	}
}

func negate(e findExpr, not bool) findExpr {
	if !not {
		return e
	}
	return func(f *found) bool { return !e(f) }
}

func (p *findParser) or() findExpr {
	e := p.and()
	for p.more() && (p.peek() == "-o" || p.peek() == "-or") {
		op := p.peek()
		p.i++
		if !p.more() {
			p.die("expected an expression after '%s'", op)
		}
		a, b := e, p.and()
		e = func(f *found) bool { return a(f) || b(f) }
	}
	return e
}

func (p *findParser) and() findExpr {
	e := p.not()
	for p.more() {
		switch p.peek() {
		case "-o", "-or", ")", ",":
			return e
		case "-a", "-and":
			op := p.peek()
			p.i++
			if !p.more() {
				p.die("expected an expression after '%s'", op)
			}
		}
		a, b := e, p.not()
		e = func(f *found) bool { return a(f) && b(f) }
	}
	return e
}

func (p *findParser) not() findExpr {
	if p.more() && (p.peek() == "!" || p.peek() == "-not") {
		op := p.peek()
		p.i++
		if !p.more() {
			p.die("expected an expression after '%s'", op)
		}
		if p.depth++; p.depth > maxNesting {
			p.die("expression is too deep")
		}
		e := p.not()
		p.depth--
		return func(f *found) bool { return !e(f) }
	}
	return p.primary()
}

func (p *findParser) primary() findExpr {
	if !p.more() {
		p.die("invalid expression")
	}
	a := p.args[p.i]
	p.i++
	if a == "(" {
		if p.depth++; p.depth > maxNesting {
			p.die("expression is too deep")
		}
		if p.GNU() {
			if !p.more() {
				p.die("invalid expression; expected to find a ')' but didn't see one. Perhaps you need an extra predicate after '('")
			}
			if p.peek() == ")" {
				p.die("invalid expression; empty parentheses are not allowed.")
			}
		}
		e := p.list()
		p.depth--
		if p.peek() != ")" || !p.more() {
			if p.GNU() {
				p.die("invalid expression; I was expecting to find a ')' somewhere but did not see one.")
			}
			p.die("bad arg '('")
		}
		p.i++
		return e
	}
	if a == ")" {
		if p.GNU() {
			p.die("invalid expression; you have used a binary operator '%s' with nothing before it.", a)
		}
	}
	if a == "-o" || a == "-a" || a == "-or" || a == "-and" || a == "," {
		if p.GNU() {
			p.die("invalid expression; you have used a binary operator '%s' with nothing before it.", a)
		}
	}
	if t, ok := findTests[a]; ok && (p.GNU() || t.busybox || p.Alpine && t.alpine) {
		return t.parse(p, a)
	}
	p.i--
	p.unexpected(a)
	return nil
}

// arg takes the argument of the predicate name.
func (p *findParser) arg(name string) string {
	if !p.more() {
		if p.GNU() {
			p.die("missing argument to `%s'", name)
		}
		p.die("%s requires an argument", name)
	}
	p.i++
	return p.args[p.i-1]
}

func (p *findParser) bad(name, arg string) {
	if p.GNU() {
		p.die("invalid argument `%s' to `%s'", arg, name)
	}
	p.die("invalid number '%s'", arg)
}

// number reads "+n", "-n" or "n" and gives a comparison with it.
func (p *findParser) number(name, s string) (n float64, cmp byte) {
	text := s
	cmp = '='
	if s != "" && (s[0] == '+' || s[0] == '-') {
		cmp, text = s[0], s[1:]
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(n, 0) || math.IsNaN(n) {
		if p.GNU() && (name == "-mtime" || name == "-atime" || name == "-ctime" || name == "-mmin" || name == "-amin" || name == "-cmin" || name == "-used") {
			if name == "-used" {
				p.die("Invalid argument %s to -used", s)
			}
			p.die("invalid argument `%s' to `%s'", s, name)
		}
		p.bad(name, s)
	}
	return n, cmp
}

func compare(v, n float64, cmp byte) bool {
	switch cmp {
	case '+':
		return v > n
	case '-':
		return v < n
	}
	return v == n
}

// integer is a test of an integral property.
func integer(get func(f *found) int64) func(p *findParser, name string) findExpr {
	return func(p *findParser, name string) findExpr {
		if !p.more() && p.GNU() {
			p.bad(name, name) // as it says it in life
		}
		s := p.arg(name)
		n, cmp := p.number(name, s)
		if n != math.Trunc(n) {
			p.bad(name, s)
		}
		return func(f *found) bool { return compare(float64(get(f)), n, cmp) }
	}
}

// age is -mtime and its like: whole units of age.
func age(get func(vfs.Stat) time.Time, unit time.Duration) func(p *findParser, name string) findExpr {
	return func(p *findParser, name string) findExpr {
		s := p.arg(name)
		n, cmp := p.number(name, s)
		now := p.dayStart
		return func(f *found) bool {
			d := now.Sub(get(f.st))
			switch cmp {
			case '+':
				if p.GNU() && unit == time.Minute {
					return float64(d)/float64(unit) > n
				}
				return math.Floor(float64(d)/float64(unit)) > n
			case '-':
				return float64(d)/float64(unit) < n
			}
			if unit == time.Minute {
				v := float64(d) / float64(unit)
				return v > n-1 && v <= n
			}
			return math.Floor(float64(d)/float64(unit)) == n
		}
	}
}

func mtime(s vfs.Stat) time.Time { return s.Mtime }
func atime(s vfs.Stat) time.Time { return s.Atime }
func ctime(s vfs.Stat) time.Time { return s.Ctime }

// glob is -name, -path, -lname and their -i forms.
func glob(get func(p *findParser, f *found) (string, bool), flags fnmatch.Flags) func(p *findParser, name string) findExpr {
	return func(p *findParser, name string) findExpr {
		pattern := p.arg(name)
		if p.GNU() && p.Isatty(0) && (name == "-name" || name == "-iname") && strings.Contains(pattern, "/") && pattern != "/" {
			p.Warn("warning: '%s' matches against basenames only, but the given pattern contains a directory separator ('/'), thus the expression will evaluate to false all the time.  Did you mean '%s'?", name, map[string]string{"-name": "-wholename", "-iname": "-iwholename"}[name])
		}
		return func(f *found) bool {
			s, ok := get(p, f)
			return ok && fnmatch.Match(pattern, s, flags)
		}
	}
}

func byName(p *findParser, f *found) (string, bool) { return f.base(), true }
func byPath(p *findParser, f *found) (string, bool) { return f.path, true }
func byTarget(p *findParser, f *found) (string, bool) {
	if !f.st.Mode.IsSymlink() {
		return "", false
	}
	s, err := p.Readlink(f.path)
	return s, err == nil
}

// constant is an option of find: it changes the run and is true.
func constant(set func(p *findParser)) func(p *findParser, name string) findExpr {
	return func(p *findParser, name string) findExpr {
		set(p)
		return func(*found) bool { return true }
	}
}

// findTest is a predicate.
type findTest struct {
	busybox bool // Debian's Busybox has it
	alpine  bool // Alpine's has it
	parse   func(p *findParser, name string) findExpr
}

var findTests map[string]findTest

func init() {
	both := func(f func(p *findParser, name string) findExpr) findTest { return findTest{true, true, f} }
	gnu := func(f func(p *findParser, name string) findExpr) findTest { return findTest{false, false, f} }
	most := func(f func(p *findParser, name string) findExpr) findTest { return findTest{false, true, f} }
	findTests = map[string]findTest{
		"-true":  gnu(constant(func(*findParser) {})),
		"-false": gnu(func(*findParser, string) findExpr { return func(*found) bool { return false } }),
		// options
		"-depth":                 both(constant(func(p *findParser) { p.depthFirst = true })),
		"-d":                     gnu(constant(func(p *findParser) { p.depthFirst = true })),
		"-xdev":                  both(constant(func(p *findParser) { p.xdev = true })),
		"-mount":                 gnu(constant(func(p *findParser) { p.xdev = true })),
		"-follow":                both(constant(func(p *findParser) { p.finder.follow = 'L' })),
		"-noleaf":                gnu(constant(func(p *findParser) {})),
		"-warn":                  gnu(constant(func(p *findParser) {})),
		"-nowarn":                gnu(constant(func(p *findParser) {})),
		"-ignore_readdir_race":   gnu(constant(func(p *findParser) {})),
		"-noignore_readdir_race": gnu(constant(func(p *findParser) {})),
		"-daystart": gnu(constant(func(p *findParser) {
			now := p.now.In(p.Zone())
			p.dayStart = time.Date(now.Year(), now.Month(), now.Day()+1, 0, 0, 0, 0, now.Location())
		})),
		"-maxdepth": both(depthOption(func(p *findParser, n int) { p.maxDepth = n })),
		"-mindepth": both(depthOption(func(p *findParser, n int) { p.minDepth = n })),
		"-regextype": gnu(func(p *findParser, name string) findExpr {
			p.syntax = p.arg(name)
			types := []string{"findutils-default", "ed", "emacs", "gnu-awk", "grep", "posix-awk", "awk", "posix-basic", "posix-egrep", "egrep", "posix-extended", "posix-minimal-basic", "sed"}
			if !slices.Contains(types, p.syntax) {
				p.die("Unknown regular expression type %s; valid types are %s.", p.Quote(p.syntax), "'"+strings.Join(types, "', '")+"'")
			}
			return func(*found) bool { return true }
		}),
		"-files0-from": gnu(func(p *findParser, name string) findExpr {
			p.files0 = p.arg(name)
			return func(*found) bool { return true }
		}),
		// names
		"-name":       both(glob(byName, 0)),
		"-iname":      both(glob(byName, fnmatch.FoldCase)),
		"-path":       both(glob(byPath, 0)),
		"-wholename":  gnu(glob(byPath, 0)),
		"-ipath":      both(glob(byPath, fnmatch.FoldCase)),
		"-iwholename": gnu(glob(byPath, fnmatch.FoldCase)),
		"-lname":      gnu(glob(byTarget, 0)),
		"-ilname":     gnu(glob(byTarget, fnmatch.FoldCase)),
		"-regex":      both(regexTest(false)),
		"-iregex":     gnu(regexTest(true)),
		// kinds and sizes
		"-type":  both(typeTest),
		"-xtype": gnu(xtypeTest),
		"-size":  both(sizeTest),
		"-empty": both(func(p *findParser, name string) findExpr {
			return func(f *found) bool {
				switch {
				case f.st.Mode.IsRegular():
					return f.st.Size == 0
				case f.st.Mode.IsDir():
					ents, err := p.ReadDir(f.path)
					if err != nil {
						p.cannot(f.path, err)
					}
					return err == nil && len(ents) == 0
				}
				return false
			}
		}),
		"-links": both(integer(func(f *found) int64 { return int64(f.st.Nlink) })),
		"-inum":  both(integer(func(f *found) int64 { return int64(f.st.Ino) })),
		"-uid":   gnu(integer(func(f *found) int64 { return int64(f.st.UID) })),
		"-gid":   gnu(integer(func(f *found) int64 { return int64(f.st.GID) })),
		"-user":  both(ownerTest(true)),
		"-group": both(ownerTest(false)),
		"-nouser": gnu(func(p *findParser, _ string) findExpr {
			return func(f *found) bool { _, ok := p.db.UID(f.st.UID); return !ok }
		}),
		"-nogroup": gnu(func(p *findParser, _ string) findExpr {
			return func(f *found) bool { _, ok := p.db.GID(f.st.GID); return !ok }
		}),
		"-perm":       both(permTest),
		"-readable":   gnu(accessTest(linux.R_OK)),
		"-writable":   gnu(accessTest(linux.W_OK)),
		"-executable": both(accessTest(linux.X_OK)),
		"-samefile": both(func(p *findParser, name string) findExpr {
			ref := p.arg(name)
			st, err := p.Lstat(ref)
			if p.finder.follow == 'L' {
				st, err = p.Stat(ref)
			}
			if err != nil {
				p.cannot(ref, err)
				p.Exit(1)
			}
			return func(f *found) bool { return f.st.Ino == st.Ino && f.st.Dev == st.Dev }
		}),
		"-fstype": gnu(func(p *findParser, name string) findExpr {
			want := p.arg(name)
			return func(f *found) bool {
				m, err := p.MountOf(f.path)
				return err == nil && m.FS.Type() == want
			}
		}),
		// times
		"-mtime": both(age(mtime, 24*time.Hour)),
		"-atime": both(age(atime, 24*time.Hour)),
		"-ctime": both(age(ctime, 24*time.Hour)),
		"-mmin":  both(age(mtime, time.Minute)),
		"-amin":  both(age(atime, time.Minute)),
		"-cmin":  both(age(ctime, time.Minute)),
		"-used": gnu(func(p *findParser, name string) findExpr {
			n, cmp := p.number(name, p.arg(name))
			return func(f *found) bool {
				return compare(math.Floor(f.st.Atime.Sub(f.st.Ctime).Hours()/24), n, cmp)
			}
		}),
		"-newer":  both(newerTest(mtime, 'm')),
		"-anewer": gnu(newerTest(atime, 'm')),
		"-cnewer": gnu(newerTest(ctime, 'm')),
		// actions
		"-print":  both(func(p *findParser, _ string) findExpr { p.action = true; return p.printer("\n") }),
		"-print0": both(func(p *findParser, _ string) findExpr { p.action = true; return p.printer("\x00") }),
		"-ls": gnu(func(p *findParser, _ string) findExpr {
			p.action = true
			return func(f *found) bool { p.Print(p.finder.list(f)); return true }
		}),
		"-printf": gnu(func(p *findParser, name string) findExpr {
			p.action = true
			format := p.arg(name)
			p.checkEscapes(format)
			return func(f *found) bool {
				p.printf(format, f, func(s string) { p.Print(s) })
				return true
			}
		}),
		"-fprint":  gnu(toFile(func(p *findParser, f *found, _ string) string { return f.path + "\n" }, false)),
		"-fprint0": gnu(toFile(func(p *findParser, f *found, _ string) string { return f.path + "\x00" }, false)),
		"-fls":     gnu(toFile(func(p *findParser, f *found, _ string) string { return p.finder.list(f) }, false)),
		"-fprintf": gnu(toFile(func(p *findParser, f *found, format string) string {
			var b strings.Builder
			p.printf(format, f, func(s string) { b.WriteString(s) })
			return b.String()
		}, true)),
		"-prune": both(func(p *findParser, _ string) findExpr {
			return func(f *found) bool {
				f.prune = !p.depthFirst
				return true
			}
		}),
		"-quit": both(func(p *findParser, _ string) findExpr {
			p.action = p.action || !p.GNU()
			return func(*found) bool { p.quit = true; return false }
		}),
		"-delete": most(func(p *findParser, _ string) findExpr {
			p.action, p.depthFirst = true, true
			return func(f *found) bool {
				if f.path == "." {
					return true
				}
				remove := p.Unlink
				if f.st.Mode.IsDir() {
					remove = p.Rmdir
				}
				err := remove(f.path)
				if err == nil {
					return true
				}
				if p.GNU() {
					p.Fail("cannot delete %s: %v", p.QuoteFile(f.path), err)
				} else {
					p.Fail("%s: %v", f.path, err)
				}
				return false
			}
		}),
		"-exec":    both(execTest),
		"-execdir": gnu(execTest),
		"-ok":      most(execTest),
		"-okdir":   gnu(execTest),
	}
	for _, x := range "aBcm" {
		for _, y := range "aBcmt" {
			findTests["-newer"+string(x)+string(y)] = gnu(newerTest(map[rune]func(vfs.Stat) time.Time{'a': atime, 'B': birth, 'c': ctime, 'm': mtime}[x], byte(y)))
		}
	}
}

func (p *findParser) printer(end string) findExpr {
	return func(f *found) bool {
		p.Print(f.path, end)
		return true
	}
}

func depthOption(set func(p *findParser, n int)) func(p *findParser, name string) findExpr {
	return func(p *findParser, name string) findExpr {
		s := p.arg(name)
		n, err := strconv.Atoi(s)
		if err != nil || n < 0 {
			if p.GNU() {
				p.die("Expected a positive decimal integer argument to %s, but got %s", name, p.Quote(s))
			}
			p.die("invalid number '%s'", s)
		}
		set(p, n)
		return func(*found) bool { return true }
	}
}

func regexTest(fold bool) func(p *findParser, name string) findExpr {
	return func(p *findParser, name string) findExpr {
		text := p.arg(name)
		re, err := p.compile(text, fold)
		if err != nil {
			if p.GNU() {
				p.die("failed to compile regular expression '%s': %v", text, err)
			}
			p.die("bad regex '%s': %v", text, err)
		}
		return func(f *found) bool {
			return re(f.path)
		}
	}
}

// compile makes a matcher of the whole path. The default syntax of GNU find is Emacs's: "\(", "\|"
// as in basic expressions, but "+" and "?" as in extended ones.
func (p *findParser) compile(text string, fold bool) (func(string) bool, error) {
	var flags posixre.Flags
	switch p.syntax {
	case "", "findutils-default", "emacs":
		if p.GNU() {
			text = emacsToBasic(text)
		}
	case "posix-extended", "posix-egrep", "egrep", "awk", "posix-awk", "gnu-awk":
		flags |= posixre.Extended
	}
	if fold {
		flags |= posixre.IgnoreCase
	}
	re, err := posixre.Compile(text, flags|posixre.WholeLine)
	if err != nil {
		return nil, err
	}
	return func(s string) bool { return re.Match([]byte(s), 0, 0, 0, p.Step) != nil }, nil
}

// emacsToBasic writes Emacs's "a+" and "a?" as basic expressions have them, and their escaped
// forms as plain characters.
func emacsToBasic(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch ch := s[i]; {
		case ch == '\\' && i+1 < len(s):
			i++
			if s[i] != '+' && s[i] != '?' {
				b.WriteByte('\\')
			}
			b.WriteByte(s[i])
		case ch == '[':
			j := i + 1
			if j < len(s) && s[j] == '^' {
				j++
			}
			if j < len(s) && s[j] == ']' {
				j++
			}
			for j < len(s) && s[j] != ']' {
				j++
			}
			end := min(j+1, len(s))
			b.WriteString(s[i:end])
			i = end - 1
		case (ch == '+' || ch == '?') && b.Len() > 0:
			b.WriteByte('\\')
			b.WriteByte(ch)
		default:
			b.WriteByte(ch)
		}
	}
	return b.String()
}

func typeTest(p *findParser, name string) findExpr {
	want := p.types(name)
	return func(f *found) bool { return strings.Contains(want, typeLetter(f.st.Mode)) }
}

func (p *findParser) types(name string) string {
	s := p.arg(name)
	letters := ""
	parts := []string{s}
	if p.GNU() {
		if s == "" {
			p.die("Arguments to %s should contain at least one letter", name)
		}
		parts = strings.Split(s, ",")
	}
	for _, t := range parts {
		switch {
		case len(t) > 1 && p.GNU() && strings.Contains("bcdlpfsD", t[:1]):
			p.die("Must separate multiple arguments to %s using: ','", name)
		case len(t) != 1 || !strings.Contains("bcdlpfsD", t):
			if p.GNU() {
				p.die("Unknown argument to %s: %s", name, t[:min(1, len(t))])
			}
			p.die("invalid argument '%s' to '%s'", s, name)
		}
		letters += t
	}
	return letters
}

func xtypeTest(p *findParser, name string) findExpr {
	want := p.types(name)
	return func(f *found) bool {
		st := f.lst
		if p.finder.follow != 'L' {
			if through, err := p.Stat(f.path); err == nil {
				st = through
			}
		}
		return strings.Contains(want, typeLetter(st.Mode))
	}
}

func sizeTest(p *findParser, name string) findExpr {
	s := p.arg(name)
	text, unit := s, int64(512)
	if s != "" {
		switch s[len(s)-1] {
		case 'c':
			unit = 1
		case 'w':
			unit = 2
		case 'b':
			unit = 512
		case 'k':
			unit = 1 << 10
		case 'M':
			unit = 1 << 20
		case 'G':
			unit = 1 << 30
		default:
			if ch := s[len(s)-1]; ch < '0' || ch > '9' {
				if p.GNU() {
					p.die("invalid -size type `%c'", ch)
				}
				p.die("invalid number '%s'", strings.TrimLeft(s, "+-"))
			}
		}
		if ch := s[len(s)-1]; ch < '0' || ch > '9' {
			text = s[:len(s)-1]
		}
	}
	cmp := byte('=')
	digits := text
	if text != "" && (text[0] == '+' || text[0] == '-') {
		cmp, digits = text[0], text[1:]
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		if p.GNU() {
			p.die("Invalid argument `%s' to -size", s)
		}
		p.die("invalid number '%s'", s)
	}
	return func(f *found) bool {
		size := (f.st.Size + unit - 1) / unit
		if !p.GNU() {
			// Busybox compares bytes.
			return compare(float64(f.st.Size), float64(n*unit), cmp)
		}
		return compare(float64(size), float64(n), cmp)
	}
}

func ownerTest(user bool) func(p *findParser, name string) findExpr {
	return func(p *findParser, name string) findExpr {
		s := p.arg(name)
		parse := p.db.ParseGroup
		if user {
			parse = p.db.ParseUser
		}
		id, ok := parse(s)
		if !ok {
			switch {
			case !p.GNU():
				what := "group"
				if user {
					what = "user"
				}
				p.die("unknown %s %s", what, s)
			case user:
				p.die("%s is not the name of a known user", p.Quote(s))
			default:
				p.die("%s is not the name of an existing group", p.Quote(s))
			}
		}
		return func(f *found) bool {
			if user {
				return f.st.UID == id
			}
			return f.st.GID == id
		}
	}
}

func permTest(p *findParser, name string) findExpr {
	s := p.arg(name)
	text, kind := s, byte('=')
	if s != "" && (s[0] == '-' || s[0] == '/' || s[0] == '+' && !p.GNU()) {
		kind, text = s[0], s[1:]
	}
	change, ok := filemode.Parse(text)
	if strings.HasPrefix(text, "+") {
		ok = ok && strings.Trim(text[1:], "01234567") != ""
	}
	if !ok {
		if p.GNU() {
			p.die("invalid mode %s", p.Quote(s))
		}
		p.die("invalid mode '%s'", text)
	}
	want := change.Apply(0, false, 0)
	wantDir := change.Apply(0, true, 0)
	return func(f *found) bool {
		w := want
		if f.st.Mode.IsDir() {
			w = wantDir
		}
		m := f.st.Mode.Perm()
		switch kind {
		case '-':
			return m&w == w
		case '/', '+':
			return w == 0 || m&w != 0
		}
		return m == w
	}
}

func accessTest(how int) func(p *findParser, name string) findExpr {
	return func(p *findParser, name string) findExpr {
		return func(f *found) bool { return p.Access(f.path, how) == nil }
	}
}

// newerTest compares the time that get gives with a reference: a file's time, or with 't' a date.
func newerTest(get func(vfs.Stat) time.Time, ref byte) func(p *findParser, name string) findExpr {
	return func(p *findParser, name string) findExpr {
		s := p.arg(name)
		var at time.Time
		if ref == 't' {
			var ok bool
			if at, ok = datetime.Parse(s, p.now.In(p.Zone())); !ok {
				p.die("I cannot figure out how to interpret %s as a date or time", p.Quote(s))
			}
		} else {
			stat := p.Lstat
			if p.finder.follow != 'P' {
				stat = p.Stat
			}
			if !p.GNU() {
				stat = p.Stat
			}
			st, err := stat(s)
			if err != nil && !p.GNU() {
				p.die("can't stat '%s': %v", s, err)
			}
			if err != nil {
				p.cannot(s, err)
				p.Exit(1)
			}
			at = map[byte]func(vfs.Stat) time.Time{'a': atime, 'B': birth, 'c': ctime, 'm': mtime}[ref](st)
		}
		if !p.GNU() {
			return func(f *found) bool { return get(f.st).Unix() > at.Unix() }
		}
		return func(f *found) bool { return get(f.st).After(at) }
	}
}

// toFile is an action that writes to a file of its own.
func toFile(text func(p *findParser, f *found, format string) string, formatted bool) func(p *findParser, name string) findExpr {
	return func(p *findParser, name string) findExpr {
		p.action = true
		path := p.arg(name)
		format := ""
		if formatted {
			format = p.arg(name)
		}
		out := p.outputs[path]
		if out == nil {
			var err error
			if out, err = p.CreateFile(path); err != nil {
				p.cannot(path, err)
				p.Exit(1)
			}
			p.outputs[path] = out
		}
		return func(f *found) bool {
			if _, err := out.Write([]byte(text(p, f, format))); err != nil {
				p.cannot(path, err)
				return false
			}
			return true
		}
	}
}

// execTest is -exec, -execdir, -ok and -okdir.
func execTest(p *findParser, name string) findExpr {
	p.action = true
	ask, inDir := strings.HasPrefix(name, "-ok"), strings.HasSuffix(name, "dir")
	begin := p.i
	end, plus := -1, false
	for i := begin; i < len(p.args); i++ {
		if p.args[i] == ";" {
			end = i
			break
		}
		if p.args[i] == "+" && i > begin && p.args[i-1] == "{}" && !ask {
			end, plus = i, true
			break
		}
	}
	if end < 0 || end == begin {
		if p.GNU() {
			if end < 0 {
				p.die("missing argument to `%s'", name)
			}
			p.die("invalid argument `;' to `%s'", name)
		}
		p.die("%s requires an argument", "-exec")
	}
	argv := p.args[begin:end]
	p.i = end + 1
	if plus {
		argv = argv[:len(argv)-1]
		if slices.Contains(argv, "{}") && p.GNU() {
			p.die("Only one instance of {} is supported with %s ... +", name)
		}
		b := &batch{argv: argv}
		p.batches = append(p.batches, b)
		return func(f *found) bool {
			if inDir {
				dir, base := dirAndName(f.path)
				if b.dir != dir {
					b.run(p.finder)
					b.dir = dir
				}
				b.add(p.finder, base)
				return true
			}
			b.add(p.finder, f.path)
			return true
		}
	}
	return func(f *found) bool {
		path, dir := f.path, ""
		if inDir {
			dir, path = dirAndName(f.path)
		}
		cmd := make([]string, len(argv))
		for i, a := range argv {
			cmd[i] = strings.ReplaceAll(a, "{}", path)
		}
		if ask {
			if p.GNU() {
				p.Errorf("< %s ... %s > ? ", cmd[0], path)
			} else {
				p.Errorf("%s ?", strings.Join(cmd, " "))
			}
			if !yes(p.Ctx) {
				return false
			}
		}
		return p.command(cmd, dir)
	}
}

func dirAndName(path string) (dir, name string) {
	trimmed := strings.TrimRight(path, "/")
	if trimmed == "" {
		return "/", "/"
	}
	i := strings.LastIndexByte(trimmed, '/')
	if i < 0 {
		return ".", "./" + trimmed
	}
	if i == 0 {
		return "/", "./" + trimmed[1:]
	}
	return trimmed[:i], "./" + trimmed[i+1:]
}

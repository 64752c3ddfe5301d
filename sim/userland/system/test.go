package system

import (
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// tester evaluates the expression of test and [. It follows POSIX where the number of arguments
// decides what they mean, and GNU's recursive descent beyond four.
type tester struct {
	*prog.Ctx
	args []string
	i    int
	last string // of all arguments
}

// test is test, [ and [[; its exit code is 0 for true, 1 for false, 2 for an error.
func test(c *prog.Ctx) int {
	c.WriteStatus = 2
	args := c.Args
	if c.Program != "test" {
		if c.GNU() && len(args) == 1 && (args[0] == "--help" || args[0] == "--version") {
			soleOption(c)
		}
		end := strings.Replace(c.Program, "[", "]", -1)
		if len(args) == 0 || args[len(args)-1] != end {
			if c.GNU() {
				c.Die(2, "missing %s", c.Quote(end))
			}
			c.Die(2, "missing %s", end)
		}
		args = args[:len(args)-1]
	}
	if len(args) == 0 {
		return 1
	}
	t := &tester{Ctx: c, args: args, last: args[len(args)-1]}
	v := t.posix()
	if t.i < len(t.args) {
		if c.GNU() {
			t.die("extra argument %s", t.Quote(t.args[t.i]))
		}
		t.die("%s: unknown operand", t.args[t.i])
	}
	if v {
		return 0
	}
	return 1
}

func (t *tester) die(format string, args ...any) { t.Die(2, format, args...) }

func (t *tester) posix() bool {
	a := t.args
	switch n := len(a) - t.i; {
	case n == 1:
		t.i++
		return a[t.i-1] != ""
	case n == 2 && a[t.i] == "!":
		t.i++
		return !t.posix()
	case n == 2:
		if isUnary(a[t.i]) {
			return t.unary()
		}
		if t.GNU() {
			if len(a[t.i]) == 2 && a[t.i][0] == '-' {
				t.die("%s: unary operator expected", t.Quote(a[t.i]))
			}
			t.die("missing argument after %s", t.Quote(t.last))
		}
		return t.or()
	case n == 3:
		if isBinary(a[t.i+1]) {
			return t.binary()
		}
		switch {
		case a[t.i] == "!":
			t.i++
			return !t.posix()
		case a[t.i] == "(" && a[t.i+2] == ")":
			t.i += 3
			return a[t.i-2] != ""
		case a[t.i+1] == "-a" || a[t.i+1] == "-o":
			return t.or()
		case t.GNU():
			t.die("%s: binary operator expected", t.Quote(a[t.i+1]))
		}
		return t.or()
	case n == 4 && a[t.i] == "!":
		t.i++
		return !t.posix()
	case n == 4 && a[t.i] == "(" && a[t.i+3] == ")":
		t.i++
		sub := &tester{Ctx: t.Ctx, args: a[:len(a)-1], i: t.i, last: t.last}
		v := sub.posix()
		t.i = len(a)
		return v
	}
	return t.or()
}

func (t *tester) more() bool { return t.i < len(t.args) }

func (t *tester) or() bool {
	v := t.and()
	for t.more() && t.args[t.i] == "-o" {
		t.i++
		r := t.and()
		v = v || r
	}
	return v
}

func (t *tester) and() bool {
	v := t.term()
	for t.more() && t.args[t.i] == "-a" {
		t.i++
		r := t.term()
		v = v && r
	}
	return v
}

func (t *tester) term() bool {
	not := false
	for t.more() && t.args[t.i] == "!" && t.i+1 < len(t.args) {
		t.i++
		not = !not
	}
	if !t.more() {
		t.missing()
	}
	a := t.args
	var v bool
	switch {
	case a[t.i] == "(":
		t.i++
		if t.GNU() {
			// What stands before the first ")" is judged by its number, up to four.
			n := 1
			for t.i+n < len(a) && a[t.i+n] != ")" {
				if n++; n > 4 {
					n = len(a) - t.i
					break
				}
			}
			sub := &tester{Ctx: t.Ctx, args: a[:min(t.i+n, len(a))], i: t.i, last: t.last}
			if !sub.more() {
				t.missing()
			}
			v = sub.posix()
			t.i = sub.i
		} else {
			v = t.or()
		}
		switch {
		case !t.more():
			if t.GNU() {
				t.die("%s expected", t.Quote(")"))
			}
			t.die("closing paren expected")
		case a[t.i] != ")":
			if t.GNU() {
				t.die("%s expected, found %s", t.Quote(")"), a[t.i])
			}
			t.die("closing paren expected")
		}
		t.i++
	case t.i+2 < len(a) && isBinary(a[t.i+1]) || t.i+3 < len(a) && a[t.i] == "-l" && isBinary(a[t.i+2]):
		v = t.binary()
	case isUnary(a[t.i]) && t.i+1 < len(a):
		v = t.unary()
	default:
		v = a[t.i] != ""
		t.i++
	}
	return v != not
}

func (t *tester) missing() {
	if t.GNU() {
		t.die("missing argument after %s", t.Quote(t.last))
	}
	t.die("argument expected")
}

func isUnary(s string) bool {
	return len(s) == 2 && s[0] == '-' && strings.IndexByte("bcdefghknoprstuwxzGLNOS", s[1]) >= 0 && s[1] != 'o'
}

func isBinary(s string) bool {
	switch s {
	case "=", "==", "!=", "-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-nt", "-ot", "-ef":
		return true
	}
	return false
}

func (t *tester) unary() bool {
	op, arg := t.args[t.i], t.args[t.i+1]
	t.i += 2
	st, err := t.Stat(arg)
	ok := err == nil
	kind := func(m linux.Mode) bool { return ok && st.Mode.Type() == m }
	switch op[1] {
	case 'n':
		return arg != ""
	case 'z':
		return arg == ""
	case 'b':
		return kind(linux.S_IFBLK)
	case 'c':
		return kind(linux.S_IFCHR)
	case 'd':
		return kind(linux.S_IFDIR)
	case 'e':
		return ok
	case 'f':
		return kind(linux.S_IFREG)
	case 'g':
		return ok && st.Mode&linux.S_ISGID != 0
	case 'G':
		return ok && st.GID == t.Cred().GID
	case 'h', 'L':
		st, err := t.Lstat(arg)
		return err == nil && st.Mode.IsSymlink()
	case 'k':
		return ok && st.Mode&linux.S_ISVTX != 0
	case 'N':
		return ok && st.Mtime.After(st.Atime)
	case 'O':
		return ok && st.UID == t.Cred().UID
	case 'p':
		return kind(linux.S_IFIFO)
	case 'r':
		return t.Access(arg, linux.R_OK) == nil
	case 's':
		return ok && st.Size > 0
	case 'S':
		return kind(linux.S_IFSOCK)
	case 't':
		fd := t.integer(arg)
		return t.Isatty(int(fd))
	case 'u':
		return ok && st.Mode&linux.S_ISUID != 0
	case 'w':
		return t.Access(arg, linux.W_OK) == nil
	case 'x':
		return t.Access(arg, linux.X_OK) == nil
	}
	return false
}

func (t *tester) integer(s string) int64 {
	n, err := strconv.ParseInt(strings.TrimPrefix(strings.TrimSpace(s), "+"), 10, 64)
	if err != nil {
		if t.GNU() {
			t.die("invalid integer %s", t.Quote(s))
		}
		t.die("%s: bad number", s)
	}
	return n
}

func (t *tester) binary() bool {
	a, op, b := t.args[t.i], t.args[t.i+1], t.args[t.i+2]
	if a == "-l" && t.i+3 < len(t.args) && isBinary(b) && t.GNU() {
		a, op, b = strconv.Itoa(len(op)), b, t.args[t.i+3]
		t.i++
	}
	t.i += 3
	switch op {
	case "=", "==":
		return a == b
	case "!=":
		return a != b
	case "-nt", "-ot", "-ef":
		x, errX := t.Stat(a)
		y, errY := t.Stat(b)
		return compareFiles(op, x, y, errX == nil, errY == nil)
	}
	x, y := t.integer(a), t.integer(b)
	switch op {
	case "-eq":
		return x == y
	case "-ne":
		return x != y
	case "-lt":
		return x < y
	case "-le":
		return x <= y
	case "-gt":
		return x > y
	}
	return x >= y
}

func compareFiles(op string, x, y vfs.Stat, haveX, haveY bool) bool {
	switch op {
	case "-nt":
		return haveX && (!haveY || x.Mtime.After(y.Mtime))
	case "-ot":
		return haveY && (!haveX || x.Mtime.Before(y.Mtime))
	}
	return haveX && haveY && x.Dev == y.Dev && x.Ino == y.Ino
}

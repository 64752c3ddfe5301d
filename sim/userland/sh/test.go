package sh

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/sh/grammar"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

func (s *shell) test(args []string) int { return s.testArgs("test", args, false) }

func (s *shell) bracket(args []string) int {
	if len(args) == 0 || args[len(args)-1] != "]" {
		switch s.d {
		case Bash:
			s.errorf("missing `]'")
		case Dash:
			s.errorf("missing ]")
		default:
			s.appletf("missing ]")
		}
		return 2
	}
	return s.testArgs("[", args[:len(args)-1], false)
}

// bracket2 is ash's [[.
func (s *shell) bracket2(args []string) int {
	if len(args) == 0 || args[len(args)-1] != "]]" {
		s.appletf("missing ]]")
		return 2
	}
	return s.testArgs("[[", args[:len(args)-1], true)
}

// tester evaluates the arguments of test.
type tester struct {
	s     *shell
	args  []string
	pos   int
	glob  bool // ash's [[: = matches a pattern
	depth int
}

// testFault is a wrong expression; it has been said.
type testFault struct{}

func (s *shell) testArgs(name string, args []string, glob bool) (status int) {
	s.p.Step(1)
	t := &tester{s: s, args: args, glob: glob}
	defer func() {
		switch v := recover().(type) {
		case nil:
		case testFault:
			status = 2
		default:
			panic(v)
		}
	}()
	if t.eval() {
		return 0
	}
	return 1
}

func (t *tester) fail(format string, a ...any) {
	if t.s.d == Ash {
		t.s.appletf(format, a...)
	} else {
		t.s.errorf(format, a...)
	}
	panic(testFault{})
}

// eval decides by the number of arguments, as POSIX has it, before it parses.
func (t *tester) eval() bool {
	a := t.args
	switch len(a) {
	case 0:
		return false
	case 1:
		return a[0] != ""
	case 2:
		if a[0] == "!" {
			return a[1] == ""
		}
		if isUnaryTest(a[0], t.s.d) {
			return t.unary(a[0], a[1])
		}
		if isBinaryTest(a[1], t.s.d) && t.s.d != Bash {
			t.fail("%s: argument expected", a[1])
		}
		switch t.s.d {
		case Bash:
			t.fail("%s: unary operator expected", a[0])
		case Dash:
			t.fail("%s: unexpected operator", a[0])
		}
		t.fail("%s: unknown operand", a[1])
	case 3:
		if r, ok := t.three(a); ok {
			return r
		}
	case 4:
		if a[0] == "!" && t.s.d != Ash {
			sub := &tester{s: t.s, args: a[1:], glob: t.glob}
			return !sub.eval()
		}
		if a[0] == "(" && a[3] == ")" && t.s.d == Bash {
			sub := &tester{s: t.s, args: a[1:3], glob: t.glob}
			return sub.eval()
		}
	}
	v := t.or()
	if t.pos < len(t.args) {
		switch t.s.d {
		case Bash:
			t.fail("too many arguments")
		case Dash:
			t.fail("%s: unexpected operator", t.args[max(t.pos-1, 0)])
		}
		t.fail("%s: unknown operand", t.args[t.pos])
	}
	return v
}

func (t *tester) three(a []string) (result, ok bool) {
	switch {
	case isBinaryTest(a[1], t.s.d):
		return t.binary(a[0], a[1], a[2]), true
	case t.s.d == Ash && a[0] != "!":
		return false, false
	case a[1] == "-a":
		return a[0] != "" && a[2] != "", true
	case a[1] == "-o":
		return a[0] != "" || a[2] != "", true
	case a[0] == "!":
		sub := &tester{s: t.s, args: a[1:], glob: t.glob}
		return !sub.eval(), true
	case a[0] == "(" && a[2] == ")":
		return a[1] != "", true
	}
	switch t.s.d {
	case Bash:
		t.fail("%s: binary operator expected", a[1])
	case Dash:
		if isUnaryTest(a[0], t.s.d) {
			return false, false
		}
		t.fail("%s: unexpected operator", a[0])
	}
	return false, false
}

func (t *tester) peek() string {
	if t.pos < len(t.args) {
		return t.args[t.pos]
	}
	return ""
}

func (t *tester) or() bool {
	if t.depth++; t.depth > 500 {
		t.fail("too many arguments")
	}
	defer func() { t.depth-- }()
	v := t.and()
	for t.peek() == "-o" {
		t.pos++
		w := t.and()
		v = v || w
	}
	return v
}

func (t *tester) and() bool {
	v := t.not()
	for t.peek() == "-a" && t.pos < len(t.args) {
		t.pos++
		w := t.not()
		v = v && w
	}
	return v
}

func (t *tester) not() bool {
	if t.pos < len(t.args) && t.args[t.pos] == "!" {
		if t.depth++; t.depth > 500 {
			t.fail("too many arguments")
		}
		defer func() { t.depth-- }()
		t.pos++
		return !t.not()
	}
	return t.primary()
}

func (t *tester) primary() bool {
	left := len(t.args) - t.pos
	if left <= 0 {
		switch t.s.d {
		case Bash:
			t.fail("argument expected")
		case Dash:
			if n := len(t.args); n > 0 {
				t.fail("%s: argument expected", t.args[n-1])
			}
			t.fail("argument expected")
		}
		panic(testFault{})
	}
	a := t.args[t.pos]
	if left >= 3 && isBinaryTest(t.args[t.pos+1], t.s.d) {
		t.pos += 3
		return t.binary(a, t.args[t.pos-2], t.args[t.pos-1])
	}
	if a == "(" && left > 1 {
		t.pos++
		v := t.or()
		if t.peek() != ")" {
			switch t.s.d {
			case Bash:
				if t.pos < len(t.args) {
					t.fail("`)' expected, found %s", t.args[t.pos])
				}
				t.fail("`)' expected")
			case Dash:
				t.fail("closing paren expected")
			}
			t.fail("closing paren expected")
		}
		t.pos++
		return v
	}
	if isUnaryTest(a, t.s.d) && left >= 2 {
		t.pos += 2
		return t.unary(a, t.args[t.pos-1])
	}
	if isUnaryTest(a, t.s.d) && left == 1 && t.s.d == Dash && len(t.args) > 1 {
		t.fail("%s: argument expected", a)
	}
	if len(a) == 2 && a[0] == '-' && left >= 2 && t.s.d == Bash && !isUnaryTest(a, t.s.d) && t.args[t.pos+1] != "-a" && t.args[t.pos+1] != "-o" {
		t.fail("%s: unary operator expected", a)
	}
	t.pos++
	return a != ""
}

func isUnaryTest(op string, d Dialect) bool {
	if len(op) != 2 || op[0] != '-' {
		return false
	}
	if strings.IndexByte("bcdefghknprstuwxzGLOS", op[1]) >= 0 {
		return true
	}
	return d == Bash && strings.IndexByte("aovNR", op[1]) >= 0
}

func isBinaryTest(op string, d Dialect) bool {
	switch op {
	case "=", "!=", "-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-nt", "-ot", "-ef":
		return true
	case "==", "=~":
		return d != Dash && (op == "==" || d == Ash)
	case "<", ">":
		return true
	}
	return false
}

// integer reads a number of test.
func (t *tester) integer(text string) int64 {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil {
		trimmed := strings.TrimSpace(text)
		switch t.s.d {
		case Bash:
			t.fail("%s: integer expression expected", text)
		case Dash:
			t.fail("Illegal number: %s", text)
		}
		if trimmed == "" {
			t.fail("bad number")
		}
		if errors.Is(err, strconv.ErrRange) {
			t.fail("%s: out of range", text)
		}
		t.fail("%s: bad number", text)
	}
	return n
}

func (t *tester) binary(x, op, y string) bool {
	switch op {
	case "=", "==", "!=":
		eq := x == y
		if t.glob {
			eq = t.s.matcher().match(y, x)
		}
		return eq == (op != "!=")
	case "=~":
		re, err := regexp.CompilePOSIX(y)
		return err == nil && re.MatchString(x)
	case "<":
		return x < y
	case ">":
		return x > y
	case "-nt", "-ot", "-ef":
		return t.s.compareFiles(x, op, y)
	}
	a, b := t.integer(x), t.integer(y)
	return compareInts(a, op, b)
}

func compareInts(a int64, op string, b int64) bool {
	switch op {
	case "-eq":
		return a == b
	case "-ne":
		return a != b
	case "-lt":
		return a < b
	case "-le":
		return a <= b
	case "-gt":
		return a > b
	}
	return a >= b
}

func (s *shell) compareFiles(x, op, y string) bool {
	a, err1 := s.p.Stat(x)
	b, err2 := s.p.Stat(y)
	switch op {
	case "-ef":
		return err1 == nil && err2 == nil && a.Dev == b.Dev && a.Ino == b.Ino
	case "-nt":
		if s.d == Bash {
			return err1 == nil && (err2 != nil || a.Mtime.After(b.Mtime))
		}
		return err1 == nil && err2 == nil && truncated(s, a.Mtime).After(truncated(s, b.Mtime))
	}
	if s.d == Bash {
		return err2 == nil && (err1 != nil || a.Mtime.Before(b.Mtime))
	}
	return err1 == nil && err2 == nil && truncated(s, a.Mtime).Before(truncated(s, b.Mtime))
}

// truncated is a time as busybox compares it: in whole seconds.
func truncated(s *shell, t time.Time) time.Time {
	if s.d == Ash {
		return t.Truncate(time.Second)
	}
	return t
}

// unary is a test of one operand.
func (t *tester) unary(op, x string) bool {
	if op == "-t" {
		n, err := strconv.Atoi(x)
		if err != nil {
			switch t.s.d {
			case Bash:
				t.fail("%s: integer expression expected", x)
			case Dash:
				t.fail("Illegal number: %s", x)
			}
			t.fail("%s: bad number", x)
		}
		return t.s.p.Isatty(n)
	}
	return t.s.fileTest(op[1], x)
}

func (s *shell) fileTest(op byte, x string) bool {
	switch op {
	case 'n':
		return x != ""
	case 'z':
		return x == ""
	case 'o':
		for _, o := range s.options() {
			if o.name == x {
				return s.named2(o)
			}
		}
		return false
	case 'v':
		return s.isSet(x)
	case 'R':
		v := s.vars[x]
		return v != nil && v.nameref
	case 'h', 'L':
		st, err := s.p.Lstat(x)
		return err == nil && st.Mode.IsSymlink()
	case 'r', 'w', 'x':
		if x == "" {
			return false
		}
		mode := map[byte]int{'r': linux.R_OK, 'w': linux.W_OK, 'x': linux.X_OK}[op]
		return s.p.Access(x, mode) == nil
	}
	if x == "" {
		return false
	}
	st, err := s.p.Stat(x)
	if err != nil {
		return false
	}
	return s.statTest(op, st)
}

func (s *shell) statTest(op byte, st vfs.Stat) bool {
	switch op {
	case 'a', 'e':
		return true
	case 'b':
		return st.Mode.Type() == linux.S_IFBLK
	case 'c':
		return st.Mode.Type() == linux.S_IFCHR
	case 'd':
		return st.Mode.IsDir()
	case 'f':
		return st.Mode.IsRegular()
	case 'p':
		return st.Mode.Type() == linux.S_IFIFO
	case 'S':
		return st.Mode.Type() == linux.S_IFSOCK
	case 's':
		return st.Size > 0
	case 'g':
		return st.Mode&linux.S_ISGID != 0
	case 'u':
		return st.Mode&linux.S_ISUID != 0
	case 'k':
		return st.Mode&linux.S_ISVTX != 0
	case 'O':
		return st.UID == s.p.Cred().UID
	case 'G':
		return st.GID == s.p.Cred().GID
	case 'N':
		return st.Mtime.After(st.Atime)
	}
	return false
}

// isSet is -v: a variable, an element, or any element of an array.
func (s *shell) isSet(name string) bool {
	if n, err := strconv.Atoi(name); err == nil {
		return n == 0 || n <= len(s.pos)
	}
	if base, ix, ok := splitIndex(name); ok {
		if ix == "@" || ix == "*" {
			v, _ := s.elements(base)
			return len(v) > 0
		}
		_, set := s.element(base, ix)
		return set
	}
	_, ok := s.get(name)
	return ok
}

// --- [[ ]] of bash ---

func (s *shell) condStatus(e grammar.CondExpr) (status int) {
	defer func() {
		switch v := recover().(type) {
		case nil:
		case testFault:
			status = 2
		case condFault:
			status = 1
		default:
			panic(v)
		}
	}()
	if s.cond(e) {
		return 0
	}
	return 1
}

func (s *shell) traceCond(parts ...string) {
	if s.set('x') {
		s.trace("[[ " + strings.Join(parts, " ") + " ]]")
	}
}

func (s *shell) cond(e grammar.CondExpr) bool {
	s.p.Step(1)
	switch e := e.(type) {
	case *grammar.CondNot:
		return !s.cond(e.X)
	case *grammar.CondParen:
		return s.cond(e.X)
	case *grammar.CondLogic:
		if e.Or {
			return s.cond(e.X) || s.cond(e.Y)
		}
		return s.cond(e.X) && s.cond(e.Y)
	case *grammar.CondWord:
		x := s.text(e.X)
		s.traceCond("-n", s.traceQuote(x))
		return x != ""
	case *grammar.CondUnary:
		x := s.text(e.X)
		s.traceCond(e.Op, s.traceQuote(x))
		if e.Op == "-t" {
			n, err := strconv.Atoi(x)
			return err == nil && s.p.Isatty(n)
		}
		return s.fileTest(e.Op[1], x)
	case *grammar.CondBinary:
		return s.condBinary(e)
	}
	return false
}

func (s *shell) condBinary(e *grammar.CondBinary) bool {
	x := s.text(e.X)
	switch e.Op {
	case "=", "==", "!=":
		pat := s.pattern(e.Y)
		s.traceCond(s.traceQuote(x), e.Op, s.tracePattern(pat))
		mt := s.matcher()
		mt.extglob = true
		mt.fold = s.opt.shopt["nocasematch"]
		return mt.match(pat, x) == (e.Op != "!=")
	case "=~":
		return s.condRegex(x, e.Y)
	}
	y := s.text(e.Y)
	s.traceCond(s.traceQuote(x), e.Op, s.traceQuote(y))
	switch e.Op {
	case "<":
		return x < y
	case ">":
		return x > y
	case "-nt", "-ot", "-ef":
		return s.compareFiles(x, e.Op, y)
	}
	save := s.command
	s.command = "[["
	defer func() { s.command = save }()
	return compareInts(s.condArith(x), e.Op, s.condArith(y))
}

// condArith evaluates an operand of -eq and its kin, an error in which makes the whole test false.
func (s *shell) condArith(text string) (v int64) {
	defer func() {
		switch e := recover().(type) {
		case nil:
		case discard:
			panic(condFault{})
		default:
			panic(e)
		}
	}()
	return s.arithText(strings.TrimSpace(text))
}

// condFault ends a [[ ]] with status 1; what is wrong has been said.
type condFault struct{}

func (s *shell) tracePattern(pat string) string {
	if pat == "" {
		return "''"
	}
	return pat
}

// condRegex is =~, which leaves its groups in BASH_REMATCH.
func (s *shell) condRegex(x string, w *grammar.Word) bool {
	b := s.newBuilder(false)
	s.regexParts(b, w.Parts)
	src := string(b.cur.pat)
	s.traceCond(s.traceQuote(x), "=~", w.Src)
	s.p.Step(len(src) + len(x)/8)
	if s.opt.shopt["nocasematch"] {
		src = "(?i)" + src
	}
	re, err := compileERE(src)
	if err != nil {
		panic(testFault{})
	}
	s.p.Step(len(src) * len(x) / 64)
	m := re.FindStringSubmatchIndex(x)
	v := s.own("BASH_REMATCH")
	*v = variable{gen: s.gen, kind: indexed, set: true}
	if m == nil {
		return false
	}
	for i := 0; i < len(m); i += 2 {
		text := ""
		if m[i] >= 0 {
			text = x[m[i]:m[i+1]]
		}
		s.setIndexed(v, i/2, text, false)
	}
	return true
}

// regexParts expands the right side of =~: what is quoted stands for itself.
func (s *shell) regexParts(b *builder, parts []grammar.Part) {
	for _, p := range parts {
		switch p := p.(type) {
		case *grammar.Lit:
			b.cur.pat = append(b.cur.pat, p.Text...)
		case *grammar.Quoted:
			b.cur.pat = append(b.cur.pat, regexp.QuoteMeta(p.Text)...)
		case *grammar.Double:
			t := s.hereText(&grammar.Word{Parts: p.Parts})
			b.cur.pat = append(b.cur.pat, regexp.QuoteMeta(t)...)
		default:
			t := s.text(&grammar.Word{Parts: []grammar.Part{p}})
			b.cur.pat = append(b.cur.pat, t...)
		}
	}
}

// compileERE compiles a POSIX extended regular expression, which knows no Perl classes.
func compileERE(src string) (*regexp.Regexp, error) {
	fold := strings.HasPrefix(src, "(?i)")
	src = strings.TrimPrefix(src, "(?i)")
	// in a bracket expression a backslash is an ordinary character
	var b strings.Builder
	for i := 0; i < len(src); i++ {
		switch src[i] {
		case '\\':
			b.WriteByte(src[i])
			if i+1 < len(src) {
				i++
				b.WriteByte(src[i])
			}
		case '[':
			j := i + 1
			if j < len(src) && src[j] == '^' {
				j++
			}
			if j < len(src) && src[j] == ']' {
				j++
			}
			for j < len(src) && src[j] != ']' {
				if src[j] == '[' && j+1 < len(src) && (src[j+1] == ':' || src[j+1] == '.' || src[j+1] == '=') {
					if end := strings.Index(src[j+2:], string([]byte{src[j+1], ']'})); end >= 0 {
						j += end + 3
					}
				}
				j++
			}
			body := src[i:min(j+1, len(src))]
			if strings.HasPrefix(body, "[]") {
				body = `[\]` + body[2:]
			} else if strings.HasPrefix(body, "[^]") {
				body = `[^\]` + body[3:]
			}
			inner := body[1 : len(body)-1]
			b.WriteByte('[')
			for k := 0; k < len(inner); k++ {
				switch {
				case inner[k] == '\\' && !(k+1 < len(inner) && inner[k+1] == ']'):
					b.WriteString(`\\`)
				case inner[k] == '\\':
					b.WriteString(`\]`)
					k++
				case inner[k] == '[' && !(k+1 < len(inner) && inner[k+1] == ':'):
					b.WriteString(`\[`)
				default:
					b.WriteByte(inner[k])
				}
			}
			b.WriteByte(']')
			i = j
		default:
			b.WriteByte(src[i])
		}
	}
	text := b.String()
	if fold {
		re, err := regexp.Compile("(?i)" + text)
		if err != nil {
			return nil, err
		}
		re.Longest()
		return re, nil
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, err
	}
	re.Longest()
	return re, nil
}

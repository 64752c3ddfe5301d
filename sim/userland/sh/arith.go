package sh

import (
	"errors"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/userland/sh/grammar"
)

// arithmetic evaluates an expression of 64-bit integers that wrap. The dialects differ in what they
// have (dash knows no ++ and no **), in what a variable may hold and in their errors.
type arithmetic struct {
	s     *shell
	text  string
	pos   int
	tok   string // "" at the end
	start int    // where tok begins
	num   int64  // of a number
	kind  byte   // 'n' number, 'v' name, 'o' operator, 0 end
	skip  int    // evaluate nothing: the other side of && || ?:
	depth int
	last  int // where the token before began
}

// arithError carries an error out of the evaluator.
type arithError struct{}

// arith evaluates the text of an expression.
func (s *shell) arith(text string, expansion bool) int64 { return s.arithAt(text, 0) }

// arithText evaluates text such as an index or the value of an integer variable.
func (s *shell) arithText(text string) int64 {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && (text[0] != '0' || len(text) == 1) {
		return n
	}
	return s.arithAt(text, 0)
}

func (s *shell) arithAt(text string, depth int) int64 {
	a := &arithmetic{s: s, text: text, depth: depth}
	s.p.Step(1 + len(text)/16)
	if depth > 64 {
		s.fatal("%s: expression recursion level exceeded (error token is \"%s\")", text, text)
	}
	a.next()
	if a.kind == 0 {
		if s.d == Dash {
			a.dashError("expecting primary")
		}
		return 0
	}
	v := a.comma()
	if a.kind != 0 {
		switch s.d {
		case Bash:
			if a.kind == 'o' && strings.HasPrefix(a.tok, "=") && len(a.tok) == 1 {
				a.bashError("attempted assignment to non-variable", a.text[a.start:])
			}
			if a.kind == 'o' {
				a.bashError("syntax error: invalid arithmetic operator", a.text[a.start:])
			}
			a.bashError("syntax error in expression", a.text[a.start:])
		case Dash:
			a.dashError("expecting EOF")
		default:
			a.ashError()
		}
	}
	return v
}

func (a *arithmetic) bashError(what, token string) {
	expr := strings.TrimLeft(a.text, " \t\n")
	name := ""
	if a.s.command != "" {
		name = a.s.command + ": "
	}
	a.s.plainf("%s%s: %s (error token is \"%s\")", name, expr, what, token)
	panic(discard{1})
}

func (a *arithmetic) dashError(what string) {
	a.s.plainf("arithmetic expression: %s: \"%s\"", what, a.text)
	panic(discard{2})
}

func (a *arithmetic) ashError() {
	a.s.plainf("arithmetic syntax error")
	panic(discard{2})
}

func (a *arithmetic) syntax(bash string) {
	switch a.s.d {
	case Bash:
		tok := a.text[min(a.start, len(a.text)):]
		if a.kind == 0 {
			tok = a.text[a.last:]
		}
		a.bashError(bash, tok)
	case Dash:
		if bash == "missing `)'" {
			a.dashError("expecting ')'")
		}
		a.dashError("expecting primary")
	default:
		a.ashError()
	}
}

func (a *arithmetic) divideByZero() {
	switch a.s.d {
	case Bash:
		a.bashError("division by 0", a.text[a.last:])
	case Dash:
		a.dashError("division by zero")
	default:
		a.s.plainf("divide by zero")
		panic(discard{2})
	}
}

var arithOps = []string{"<<=", ">>=", "**", "++", "--", "<<", ">>", "<=", ">=", "==", "!=", "&&", "||", "*=", "/=", "%=", "+=", "-=", "&=", "^=", "|="}

func (a *arithmetic) next() {
	a.last = a.start
	for a.pos < len(a.text) && strings.IndexByte(" \t\n\r", a.text[a.pos]) >= 0 {
		a.pos++
	}
	a.start = a.pos
	if a.pos == len(a.text) {
		a.kind, a.tok = 0, ""
		return
	}
	c := a.text[a.pos]
	switch {
	case c >= '0' && c <= '9':
		end := a.pos
		for end < len(a.text) && (isLetter(a.text[end]) || a.text[end] >= '0' && a.text[end] <= '9' || a.text[end] == '_' || a.s.d != Dash && (a.text[end] == '#' || a.text[end] == '@')) {
			end++
		}
		a.tok, a.kind = a.text[a.pos:end], 'n'
		a.pos = end
		a.num = a.number(a.tok)
	case c == '_' || isLetter(c):
		end := a.pos
		for end < len(a.text) && (isLetter(a.text[end]) || a.text[end] == '_' || a.text[end] >= '0' && a.text[end] <= '9') {
			end++
		}
		a.tok, a.kind = a.text[a.pos:end], 'v'
		a.pos = end
	default:
		a.kind = 'o'
		a.tok = a.text[a.pos : a.pos+1]
		for _, op := range arithOps {
			if strings.HasPrefix(a.text[a.pos:], op) {
				if a.s.d == Dash && (op == "**" || op == "++" || op == "--") {
					continue
				}
				a.tok = op
				break
			}
		}
		a.pos += len(a.tok)
	}
}

// number reads a constant: decimal, octal, hexadecimal or base#digits.
func (a *arithmetic) number(t string) int64 {
	base, digits := int64(10), t
	switch {
	case strings.HasPrefix(t, "0x"), strings.HasPrefix(t, "0X"):
		base, digits = 16, t[2:]
	case strings.Contains(t, "#") && a.s.d != Dash:
		b, d, _ := strings.Cut(t, "#")
		n, err := strconv.Atoi(b)
		if err != nil || n < 2 || n > 64 {
			if a.s.d == Bash {
				a.bashError("invalid arithmetic base", t)
			}
			a.ashError()
		}
		base, digits = int64(n), d
		if d == "" && a.s.d == Bash {
			a.bashError("invalid integer constant", t)
		}
	case len(t) > 1 && t[0] == '0':
		base, digits = 8, t[1:]
	}
	var v int64
	if a.s.d == Ash && base == 10 {
		if _, err := strconv.ParseUint(digits, 10, 64); errors.Is(err, strconv.ErrRange) {
			return 0
		}
	}
	if a.s.d == Dash && base == 10 {
		if n, err := strconv.ParseInt(digits, 10, 64); err != nil && n == 1<<63-1 {
			return n // strtoimax stops at the largest number
		}
	}
	for i := range len(digits) {
		d := digitValue(digits[i], base)
		if d < 0 || d >= base {
			switch {
			case a.s.d == Bash && d >= 0:
				a.bashError("value too great for base", t)
			case a.s.d == Bash:
				a.bashError("syntax error: invalid arithmetic operator", digits[i:])
			case a.s.d == Dash:
				a.dashError("expecting EOF")
			}
			a.ashError()
		}
		v = v*base + d
	}
	return v
}

func digitValue(c byte, base int64) int64 {
	switch {
	case c >= '0' && c <= '9':
		return int64(c - '0')
	case c >= 'a' && c <= 'z':
		return int64(c-'a') + 10
	case c >= 'A' && c <= 'Z':
		if base <= 36 {
			return int64(c-'A') + 10
		}
		return int64(c-'A') + 36
	case c == '@':
		return 62
	case c == '_':
		return 63
	}
	return -1
}

func (a *arithmetic) is(op string) bool { return a.kind == 'o' && a.tok == op }

func (a *arithmetic) comma() int64 {
	v := a.assignment()
	for a.is(",") && a.s.d != Dash {
		a.next()
		v = a.assignment()
	}
	return v
}

// lvalue is a variable, or an element of an array.
type lvalue struct {
	name  string
	index string
	array bool
}

func (a *arithmetic) load(l lvalue) int64 {
	if a.skip > 0 {
		return 0
	}
	var text string
	var ok bool
	if l.array {
		text, ok = a.s.element(l.name, l.index)
	} else {
		text, ok = a.s.get(l.name)
	}
	if !ok {
		if a.s.set('u') && !l.array {
			if a.s.d == Bash {
				a.s.plainf("%s: unbound variable", l.name)
				a.s.expansionFailed()
			}
			if a.s.d == Dash {
				a.s.plainf("%s: parameter not set", l.name)
				panic(discard{2})
			}
		}
		return 0
	}
	t := strings.TrimSpace(text)
	if t == "" {
		return 0
	}
	if n, err := strconv.ParseInt(t, 10, 64); err == nil && (t[0] != '0' || len(t) == 1) && t[0] != '+' {
		return n
	}
	if a.s.d == Dash {
		n, err := parseCNumber(t)
		if err {
			a.s.plainf("Illegal number: %s", text)
			panic(discard{2})
		}
		return n
	}
	return a.s.arithAt(text, a.depth+1)
}

// parseCNumber reads a number as strtoimax with base 0 does.
func parseCNumber(t string) (n int64, bad bool) {
	neg := false
	u := t
	switch {
	case strings.HasPrefix(u, "-"):
		neg, u = true, u[1:]
	case strings.HasPrefix(u, "+"):
		u = u[1:]
	}
	base := int64(10)
	switch {
	case strings.HasPrefix(u, "0x"), strings.HasPrefix(u, "0X"):
		base, u = 16, u[2:]
	case len(u) > 1 && u[0] == '0':
		base, u = 8, u[1:]
	}
	if u == "" {
		return 0, true
	}
	for i := range len(u) {
		d := digitValue(u[i], base)
		if d < 0 || d >= base {
			return 0, true
		}
		n = n*base + d
	}
	if neg {
		n = -n
	}
	return n, false
}

func (a *arithmetic) store(l lvalue, v int64) {
	if a.skip > 0 {
		return
	}
	text := strconv.FormatInt(v, 10)
	ok := true
	if l.array {
		ok = a.s.assignElement(l.name, l.index, text, false)
	} else {
		ok = a.s.assign(l.name, text)
	}
	if !ok {
		panic(discard{1})
	}
}

// assignment is "x = expr" and its kin, or a conditional.
func (a *arithmetic) assignment() int64 {
	a.enter()
	defer a.leaveLevel()
	if a.kind == 'v' {
		save := *a
		l := a.variable()
		if a.kind == 'o' && strings.HasSuffix(a.tok, "=") {
			switch op := a.tok; op {
			case "=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>=":
				a.next()
				at := a.start
				right := a.assignment()
				v := right
				if op != "=" {
					a.last = at
					v = a.apply(op[:len(op)-1], a.load(l), right)
				}
				a.store(l, v)
				return v
			}
		}
		*a = save
	}
	return a.conditional()
}

func (a *arithmetic) enter() {
	a.s.p.Step(1)
	if a.depth++; a.depth > 1000 {
		a.s.fatal("expression nested too deeply")
	}
}

func (a *arithmetic) leaveLevel() { a.depth-- }

// variable reads a name with its index.
func (a *arithmetic) variable() lvalue {
	l := lvalue{name: a.tok}
	if a.s.d == Bash && a.pos < len(a.text) && a.text[a.pos] == '[' {
		level, i := 0, a.pos
		for ; i < len(a.text); i++ {
			if a.text[i] == '[' {
				level++
			} else if a.text[i] == ']' {
				if level--; level == 0 {
					break
				}
			}
		}
		if i == len(a.text) {
			a.bashError("bad array subscript", a.text[a.start:])
		}
		l.array, l.index = true, a.text[a.pos+1:i]
		if v := a.s.vars[a.s.ref(l.name)]; v != nil && v.kind == associative {
			l.index = strings.Trim(l.index, `"'`)
		}
		a.pos = i + 1
	}
	a.next()
	return l
}

func (a *arithmetic) conditional() int64 {
	c := a.binary(0)
	if !a.is("?") {
		return c
	}
	a.next()
	if c == 0 {
		a.skip++
	}
	var x int64
	if a.s.d == Dash {
		x = a.assignment()
	} else {
		x = a.comma()
	}
	if c == 0 {
		a.skip--
	}
	if !a.is(":") {
		if a.s.d == Dash {
			a.dashError("expecting ':'")
		}
		if a.s.d == Ash && a.is("=") {
			a.s.plainf("malformed ?: operator")
			panic(discard{2})
		}
		a.syntax("`:' expected for conditional expression")
	}
	a.next()
	if c != 0 {
		a.skip++
	}
	y := a.conditionalTail()
	if c != 0 {
		a.skip--
		return x
	}
	return y
}

func (a *arithmetic) conditionalTail() int64 {
	a.enter()
	defer a.leaveLevel()
	return a.conditional()
}

var precedence = map[string]int{
	"||": 1, "&&": 2, "|": 3, "^": 4, "&": 5, "==": 6, "!=": 6, "<": 7, ">": 7, "<=": 7, ">=": 7,
	"<<": 8, ">>": 8, "+": 9, "-": 9, "*": 10, "/": 10, "%": 10, "**": 11,
}

func (a *arithmetic) binary(least int) int64 {
	a.enter()
	defer a.leaveLevel()
	x := a.unary()
	for a.kind == 'o' {
		op := a.tok
		prec, ok := precedence[op]
		if !ok || prec <= least {
			break
		}
		a.next()
		at := a.start
		switch op {
		case "||", "&&":
			known := (op == "||") == (x != 0)
			if known {
				a.skip++
			}
			y := a.binary(prec)
			if known {
				a.skip--
				x = truth(op == "||")
			} else {
				x = truth(y != 0)
			}
			continue
		case "**":
			y := a.binary(prec - 1)
			a.last = at
			x = a.apply(op, x, y)
			continue
		}
		y := a.binary(prec)
		save := a.last
		a.last = at
		x = a.apply(op, x, y)
		a.last = save
	}
	return x
}

func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func (a *arithmetic) apply(op string, x, y int64) int64 {
	switch op {
	case "+":
		return x + y
	case "-":
		return x - y
	case "*":
		return x * y
	case "/", "%":
		if y == 0 {
			if a.skip > 0 {
				return 0
			}
			a.divideByZero()
		}
		if y == -1 {
			if op == "%" {
				return 0
			}
			return -x
		}
		if op == "/" {
			return x / y
		}
		return x % y
	case "**":
		if y < 0 {
			if a.s.d == Bash {
				a.bashError("exponent less than 0", a.text[a.last:])
			}
			a.s.plainf("exponent less than 0")
			panic(discard{2})
		}
		r := int64(1)
		for y > 0 {
			if y&1 != 0 {
				r *= x
			}
			x *= x
			y >>= 1
		}
		return r
	case "<<":
		return x << uint64(y&63)
	case ">>":
		return x >> uint64(y&63)
	case "&":
		return x & y
	case "|":
		return x | y
	case "^":
		return x ^ y
	case "==":
		return truth(x == y)
	case "!=":
		return truth(x != y)
	case "<":
		return truth(x < y)
	case ">":
		return truth(x > y)
	case "<=":
		return truth(x <= y)
	case ">=":
		return truth(x >= y)
	}
	return 0
}

func (a *arithmetic) unary() int64 {
	a.enter()
	defer a.leaveLevel()
	switch {
	case a.is("!"):
		a.next()
		return truth(a.unary() == 0)
	case a.is("~"):
		a.next()
		return ^a.unary()
	case a.is("-"):
		a.next()
		return -a.unary()
	case a.is("+"):
		a.next()
		return a.unary()
	case a.is("++"), a.is("--"):
		d := int64(1)
		if a.tok == "--" {
			d = -1
		}
		save := *a
		a.next()
		if a.kind == 'v' {
			l := a.variable()
			v := a.load(l) + d
			a.store(l, v)
			return v
		}
		*a = save
		if a.s.d == Ash {
			a.ashError()
		}
		a.next()
		return a.unary()
	}
	return a.primary()
}

func (a *arithmetic) primary() int64 {
	switch {
	case a.kind == 'n':
		v := a.num
		a.next()
		return v
	case a.kind == 'v':
		l := a.variable()
		switch {
		case a.is("++"), a.is("--"):
			d := int64(1)
			if a.tok == "--" {
				d = -1
			}
			// x++ y is no postfix
			a.next()
			v := a.load(l)
			a.store(l, v+d)
			return v
		}
		return a.load(l)
	case a.is("("):
		a.next()
		v := a.comma()
		if !a.is(")") {
			a.syntax("missing `)'")
		}
		a.next()
		return v
	}
	a.syntax("syntax error: operand expected")
	return 0
}

var _ = grammar.IsName

package system

import (
	"math/big"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/posixre"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// evaluator is one run of expr: recursive descent over its arguments, with values that are
// strings until they are used as numbers.
type evaluator struct {
	*prog.Ctx
	args  []string
	i     int
	depth int
}

// expr evaluates its arguments: 0 if the value is neither null nor 0, 1 if it is, 2 for a wrong
// expression.
func expr(c *prog.Ctx) int {
	c.UsageStatus, c.WriteStatus = 2, 3
	soleOption(c)
	args := c.Args
	if len(args) > 0 && args[0] == "--" && c.GNU() {
		args = args[1:]
	}
	if len(args) == 0 {
		if c.GNU() {
			c.Fail("missing operand")
			c.Usage()
		}
		c.Die(2, "too few arguments")
	}
	e := &evaluator{Ctx: c, args: args}
	v := e.or(true)
	if e.i < len(args) {
		if c.GNU() {
			c.Die(2, "syntax error: unexpected argument %s", c.Quote(args[e.i]))
		}
		c.Die(2, "syntax error")
	}
	c.Print(v, "\n")
	if null(v) {
		return 1
	}
	return 0
}

// null says whether a value counts as false.
func null(v string) bool {
	if v == "" {
		return true
	}
	t := strings.TrimPrefix(v, "-")
	return t != "" && strings.Trim(t, "0") == ""
}

func (e *evaluator) next(op string) bool {
	if e.i < len(e.args) && e.args[e.i] == op {
		e.i++
		return true
	}
	return false
}

func (e *evaluator) or(eval bool) string {
	l := e.and(eval)
	for e.next("|") {
		r := e.and(eval && null(l))
		if null(l) {
			l = r
			if null(l) {
				l = "0"
			}
		}
	}
	return l
}

func (e *evaluator) and(eval bool) string {
	l := e.compare(eval)
	for e.next("&") {
		r := e.compare(eval && !null(l))
		if null(l) || null(r) {
			l = "0"
		}
	}
	return l
}

func (e *evaluator) compare(eval bool) string {
	l := e.sum(eval)
	for {
		op := ""
		for _, o := range []string{"<", "<=", "=", "==", "!=", ">=", ">"} {
			if e.next(o) {
				op = o
				break
			}
		}
		if op == "" {
			return l
		}
		r := e.sum(eval)
		cmp := strings.Compare(l, r)
		if x, ok := integer(l); ok {
			if y, ok := integer(r); ok {
				cmp = x.Cmp(y)
			}
		}
		var v bool
		switch op {
		case "<":
			v = cmp < 0
		case "<=":
			v = cmp <= 0
		case "=", "==":
			v = cmp == 0
		case "!=":
			v = cmp != 0
		case ">=":
			v = cmp >= 0
		default:
			v = cmp > 0
		}
		l = "0"
		if v {
			l = "1"
		}
	}
}

// maxDigits bounds the numbers of expr.
const maxDigits = 10000

func integer(s string) (*big.Int, bool) {
	t := strings.TrimPrefix(s, "-")
	if t == "" || len(t) > maxDigits || strings.Trim(t, "0123456789") != "" {
		return nil, false
	}
	return new(big.Int).SetString(s, 10)
}

func (e *evaluator) number(s string) *big.Int {
	n, ok := integer(s)
	if !ok {
		if e.GNU() {
			e.Die(2, "non-integer argument")
		}
		e.Die(2, "non-numeric argument")
	}
	if !e.GNU() && !n.IsInt64() {
		e.Die(2, "non-numeric argument")
	}
	e.Step(1 + len(s)/8)
	return n
}

func (e *evaluator) sum(eval bool) string {
	l := e.product(eval)
	for {
		op := ""
		switch {
		case e.next("+"):
			op = "+"
		case e.next("-"):
			op = "-"
		default:
			return l
		}
		r := e.product(eval)
		if !eval {
			continue
		}
		x, y := e.number(l), e.number(r)
		if op == "+" {
			l = new(big.Int).Add(x, y).String()
		} else {
			l = new(big.Int).Sub(x, y).String()
		}
	}
}

func (e *evaluator) product(eval bool) string {
	l := e.match(eval)
	for {
		op := ""
		for _, o := range []string{"*", "/", "%"} {
			if e.next(o) {
				op = o
				break
			}
		}
		if op == "" {
			return l
		}
		r := e.match(eval)
		if !eval {
			continue
		}
		x, y := e.number(l), e.number(r)
		if op != "*" && y.Sign() == 0 {
			e.Die(2, "division by zero")
		}
		switch op {
		case "*":
			l = new(big.Int).Mul(x, y).String()
		case "/":
			l = new(big.Int).Quo(x, y).String()
		case "%":
			l = new(big.Int).Rem(x, y).String()
		}
	}
}

func (e *evaluator) match(eval bool) string {
	l := e.primary(eval)
	for e.next(":") {
		r := e.primary(eval)
		if eval {
			l = e.regex(l, r)
		}
	}
	return l
}

// regex matches s against an anchored basic regular expression: the first subexpression's text if
// there is one, else the length of the match.
func (e *evaluator) regex(s, pattern string) string {
	re, err := posixre.Compile("^"+strings.TrimPrefix(pattern, "^"), 0)
	if err != nil {
		if e.GNU() {
			e.Die(2, "%v", err)
		}
		e.Die(2, "bad regex '%s': %v", pattern, err)
	}
	m := re.Match([]byte(s), 0, 0, -1, e.Step)
	if re.Groups() > 0 {
		if m == nil || m[2] < 0 {
			return ""
		}
		return s[m[2]:m[3]]
	}
	if m == nil {
		return "0"
	}
	return strconv.Itoa(m[1] - m[0])
}

// maxDepth bounds nested parentheses.
const maxDepth = 1000

func (e *evaluator) primary(eval bool) string {
	if e.i >= len(e.args) {
		if e.GNU() {
			e.Die(2, "syntax error: missing argument after %s", e.Quote(e.args[len(e.args)-1]))
		}
		e.Die(2, "syntax error")
	}
	a := e.args[e.i]
	e.i++
	switch {
	case a == "(":
		if e.depth++; e.depth > maxDepth {
			e.Die(2, "syntax error")
		}
		v := e.or(eval)
		e.depth--
		if !e.next(")") {
			if e.GNU() {
				if e.i >= len(e.args) {
					e.Die(2, "syntax error: expecting ')' after %s", e.Quote(e.args[len(e.args)-1]))
				}
				e.Die(2, "syntax error: expecting ')' instead of %s", e.Quote(e.args[e.i]))
			}
			e.Die(2, "syntax error")
		}
		return v
	case a == ")":
		if e.GNU() {
			e.Die(2, "syntax error: unexpected ')'")
		}
		e.Die(2, "syntax error")
	case a == "+" && e.GNU():
		if e.i >= len(e.args) {
			e.Die(2, "syntax error: missing argument after %s", e.Quote("+"))
		}
		e.i++
		return e.args[e.i-1]
	case a == "length":
		return strconv.Itoa(len(e.primary(eval)))
	case a == "match":
		s := e.primary(eval)
		return e.regex(s, e.primary(eval))
	case a == "index":
		s := e.primary(eval)
		return strconv.Itoa(strings.IndexAny(s, e.primary(eval)) + 1)
	case a == "substr":
		s := e.primary(eval)
		pos, n := e.primary(eval), e.primary(eval)
		p, err1 := strconv.Atoi(pos)
		l, err2 := strconv.Atoi(n)
		if err1 != nil || err2 != nil || p <= 0 || l <= 0 || p > len(s) {
			return ""
		}
		return s[p-1 : min(len(s), p-1+min(l, len(s)))]
	case !e.GNU() && (a == ":" || a == "+" || a == "-" || a == "--" || a == "*" || a == "/" || a == "%"):
		e.Die(2, "syntax error")
	}
	return a
}

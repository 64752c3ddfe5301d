package calc

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"strings"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// machine runs bc's statements.
type machine struct {
	c     *prog.Ctx
	print *printer
	work  *work
	gnu   bool
	read  *parser // read() continues where its script is read from standard input

	ibase, obase, scale int
	last                number
	vars                map[string]number
	arrays              map[string]*array
	funcs               map[string]*function
	builtin             map[string]func(m *machine, args []number) (number, error) // what -l loads
	fn                  string                                                     // the function that runs, "" at the top
	depth               int
	result              number // of the function that returned
}

type array struct {
	elems map[int]number
	size  int
}

func newArray() *array { return &array{elems: map[int]number{}} }

// maxDepth bounds how deep functions call each other, maxArray what an index may be.
const (
	maxDepth = 4000
	maxArray = 16777215
)

// flow is how a statement ended.
type flow uint8

const (
	goOn flow = iota
	doBreak
	doContinue
	doReturn
)

// runError is a run-time error of GNU's bc.
type runError struct {
	fn  string
	adr int
	msg string
}

func (e *runError) Error() string { return e.msg }

// fault is a run-time error at n, in either family's words.
func (m *machine) fault(n *node, busybox, gnu string) error {
	if !m.gnu {
		return errors.New(busybox)
	}
	return &runError{m.function(), n.adr, gnu}
}

func (m *machine) function() string {
	if m.fn == "" {
		return "(main)"
	}
	return m.fn
}

// warn is a run-time warning of GNU's bc.
func (m *machine) warn(n *node, msg string) {
	m.c.Errorf("Runtime warning (func=%s, adr=%d): %s\n", m.function(), n.adr, msg)
}

func (m *machine) exec(n *node) (flow, error) {
	m.work.tick(1)
	switch n.op {
	case "{":
		for _, k := range n.kids {
			if f, err := m.exec(k); f != goOn || err != nil {
				return f, err
			}
		}
	case "show":
		e := n.kids[0]
		v, err := m.eval(e)
		if err != nil {
			return goOn, err
		}
		if e.op == "=" || e.op == "call" && m.funcs[e.text] != nil && m.funcs[e.text].void {
			return goOn, nil
		}
		m.show(v)
		m.print.newline()
	case "string":
		m.print.text(n.text)
	case "print":
		for _, k := range n.kids {
			if k.op == "string" {
				m.print.text(m.escapes(k.text))
				continue
			}
			v, err := m.eval(k)
			if err != nil {
				return goOn, err
			}
			m.show(v)
		}
	case "if":
		v, err := m.eval(n.kids[0])
		if err != nil {
			return goOn, err
		}
		if !v.isZero() {
			return m.exec(n.kids[1])
		}
		if len(n.kids) > 2 {
			return m.exec(n.kids[2])
		}
	case "while":
		return m.loop(nil, n.kids[0], nil, n.kids[1])
	case "for":
		return m.loop(n.kids[0], n.kids[1], n.kids[2], n.kids[3])
	case "break":
		return doBreak, nil
	case "continue":
		return doContinue, nil
	case "return":
		m.result = zero
		if len(n.kids) > 0 {
			v, err := m.eval(n.kids[0])
			if err != nil {
				return goOn, err
			}
			m.result = v
		}
		return doReturn, nil
	case "halt":
		return goOn, errHalt
	case "limits":
		base, dim, scale, str, exp, vars := "999", "2147483647", "4294967295", "4294967294", "999999999", "999999999"
		if m.gnu {
			base, dim, scale, str, exp, vars = "2147483647", "16777215", "2147483647", "2147483647", "9223372036854775807", "32767"
		}
		m.c.Print("BC_BASE_MAX     = ", base, "\nBC_DIM_MAX      = ", dim, "\nBC_SCALE_MAX    = ", scale, "\nBC_STRING_MAX   = ", str,
			"\nMAX Exponent    = ", exp, "\nNumber of vars  = ", vars, "\n")
	case "warranty":
		m.c.Print(gnuWarranty)
	}
	return goOn, nil
}

func (m *machine) loop(init, cond, update, body *node) (flow, error) {
	if init != nil {
		if _, err := m.eval(init); err != nil {
			return goOn, err
		}
	}
	for {
		m.work.tick(1)
		if cond != nil {
			v, err := m.eval(cond)
			if err != nil {
				return goOn, err
			}
			if v.isZero() {
				return goOn, nil
			}
		}
		switch f, err := m.exec(body); {
		case err != nil || f == doReturn:
			return f, err
		case f == doBreak:
			return goOn, nil
		}
		if update != nil {
			if _, err := m.eval(update); err != nil {
				return goOn, err
			}
		}
	}
}

func (m *machine) show(v number) {
	m.print.number(v, m.obase)
	m.last = v
}

// escapes replaces what print knows after a backslash.
func (m *machine) escapes(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	from, to := "nabfrte\\", "\n\a\b\f\r\t\\\\"
	if m.gnu {
		from, to = "nabfrtq\\", "\n\a\b\f\r\t\"\\"
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		if k := strings.IndexByte(from, s[i]); k >= 0 {
			b.WriteByte(to[k])
		} else if !m.gnu {
			b.WriteString(s[i-1 : i+1])
		}
	}
	return b.String()
}

func (m *machine) eval(n *node) (number, error) {
	m.work.tick(1)
	switch n.op {
	case "num":
		if len(n.text) > 64 {
			m.c.Step(len(n.text) / 16)
		}
		v := parseNumber(n.text, m.ibase)
		if v.isZero() && !m.gnu {
			v = zero // Busybox forgets how many zeros were written
		}
		return v, nil
	case "()":
		return m.eval(n.kids[0])
	case "var":
		if v, ok := m.vars[n.text]; ok {
			return v, nil
		}
		return zero, nil
	case "ibase":
		return fromInt(int64(m.ibase)), nil
	case "obase":
		return fromInt(int64(m.obase)), nil
	case "scale":
		return fromInt(int64(m.scale)), nil
	case "last":
		if m.last.m == nil {
			return zero, nil
		}
		return m.last, nil
	case "[]":
		a, i, err := m.element(n)
		if err != nil {
			return zero, err
		}
		if v, ok := a.elems[i]; ok {
			return v, nil
		}
		return zero, nil
	case "array":
		return zero, errors.New("variable is wrong type")
	case "=", "pre", "post":
		return m.assign(n)
	case "call":
		return m.call(n)
	case "read":
		return m.readNumber()
	case "&&", "||":
		l, err := m.eval(n.kids[0])
		if err != nil {
			return zero, err
		}
		if l.isZero() == (n.op == "&&") {
			if m.gnu {
				return truth(!l.isZero()), nil
			}
		}
		r, err := m.eval(n.kids[1])
		if err != nil {
			return zero, err
		}
		if n.op == "&&" {
			return truth(!l.isZero() && !r.isZero()), nil
		}
		return truth(!l.isZero() || !r.isZero()), nil
	case "length":
		if n.kids[0].op == "array" {
			return fromInt(int64(m.array(n.kids[0].text).size)), nil
		}
	}
	x, err := m.eval(n.kids[0])
	if err != nil {
		return zero, err
	}
	switch n.op {
	case "neg":
		return x.neg(), nil
	case "!":
		return truth(x.isZero()), nil
	case "sqrt":
		if x.m.Sign() < 0 {
			return zero, m.fault(n, errNegative.Error(), "Square root of a negative number")
		}
		m.c.Step(1 + (x.digits()+2*m.scale)/8)
		return x.sqrt(m.scale)
	case "scale()":
		return fromInt(int64(x.scale)), nil
	case "length":
		return fromInt(int64(m.length(x))), nil
	}
	y, err := m.eval(n.kids[1])
	if err != nil {
		return zero, err
	}
	return m.operate(n, n.op, x, y)
}

// length is what length() says of a number.
func (m *machine) length(x number) int {
	if m.gnu {
		whole := max(1, len(new(big.Int).Abs(x.integer()).String()))
		if x.scale > 0 && x.integer().Sign() == 0 {
			whole = 0
		}
		return max(1, whole+x.scale)
	}
	if x.isZero() {
		return max(1, x.scale)
	}
	return x.significant()
}

func (m *machine) operate(n *node, op string, x, y number) (number, error) {
	m.work.tick(1 + (x.m.BitLen()+y.m.BitLen())/16)
	var r number
	var err error
	switch op {
	case "+":
		return x.add(y), nil
	case "-":
		return x.sub(y), nil
	case "*":
		m.c.Step(x.m.BitLen() / 512 * (y.m.BitLen() / 512))
		r, err = x.mul(y, m.scale)
	case "/", "%":
		m.c.Step(m.scale/64 + x.m.BitLen()/512*(y.m.BitLen()/512))
		r, err = x.div(y, m.scale)
		if op == "%" {
			_, r, err = x.divmod(y, m.scale)
		}
		if err == errDivide {
			what := "Divide by zero"
			if op == "%" {
				what = "Modulo by zero"
			}
			return zero, m.fault(n, err.Error(), what)
		}
	case "^":
		if y.scale > 0 {
			if !m.gnu {
				return zero, errors.New("not an integer")
			}
			m.warn(n, "non-zero scale in exponent")
		}
		e := y.integer()
		if m.gnu && !e.IsInt64() {
			return zero, m.fault(n, "", "exponent too large in raise")
		}
		r, err = x.pow(e, m.scale)
		m.c.Step(r.digits() / 8)
	case "==":
		return truth(x.cmp(y) == 0), nil
	case "!=":
		return truth(x.cmp(y) != 0), nil
	case "<":
		return truth(x.cmp(y) < 0), nil
	case "<=":
		return truth(x.cmp(y) <= 0), nil
	case ">":
		return truth(x.cmp(y) > 0), nil
	case ">=":
		return truth(x.cmp(y) >= 0), nil
	}
	if err == linux.ENOMEM {
		err = m.outOfMemory()
	}
	return r, err
}

func (m *machine) outOfMemory() error {
	if m.gnu {
		return errors.New("Out of memory for malloc.")
	}
	return errors.New("out of memory")
}

func (m *machine) array(name string) *array {
	a := m.arrays[name]
	if a == nil {
		a = newArray()
		m.arrays[name] = a
	}
	return a
}

// element finds the element that n names.
func (m *machine) element(n *node) (*array, int, error) {
	i, err := m.eval(n.kids[0])
	if err != nil {
		return nil, 0, err
	}
	k := i.integer()
	switch {
	case k.Sign() < 0 && !m.gnu:
		return nil, 0, errNegative
	case k.Sign() < 0, !k.IsInt64(), k.Int64() > maxArray:
		at := &node{adr: n.adr + 2}
		return nil, 0, m.fault(at, "array too long; must be [1,2147483647]", "Array "+n.text+" subscript out of bounds.")
	}
	a := m.array(n.text)
	if int(k.Int64()) >= a.size {
		a.size = int(k.Int64()) + 1
	}
	return a, int(k.Int64()), nil
}

func (m *machine) assign(n *node) (number, error) {
	target := n.kids[0]
	var a *array
	var index int
	var err error
	if target.op == "[]" {
		if a, index, err = m.element(target); err != nil {
			return zero, err
		}
	}
	load := func() number {
		if a != nil {
			if v, ok := a.elems[index]; ok {
				return v
			}
			return zero
		}
		v, _ := m.eval(target)
		return v
	}
	var v, old number
	switch n.op {
	case "=":
		if v, err = m.eval(n.kids[1]); err != nil {
			return zero, err
		}
		if n.text != "" {
			v, err = m.operate(n, n.text, load(), v)
		}
	default:
		old = load()
		v, err = m.operate(n, n.text, old, one)
	}
	if err != nil {
		return zero, err
	}
	switch target.op {
	case "var":
		m.vars[target.text] = v
	case "[]":
		if _, ok := a.elems[index]; !ok {
			if err := m.c.Sandbox().Charge(64); err != nil {
				return zero, m.outOfMemory()
			}
		}
		a.elems[index] = v
	case "last":
		m.last = v
	default:
		if err := m.setSpecial(n, target.op, v); err != nil {
			return zero, err
		}
	}
	if n.op == "post" {
		return old, nil
	}
	return v, nil
}

// setSpecial sets ibase, obase or scale.
func (m *machine) setSpecial(n *node, name string, v number) error {
	i := v.integer()
	small := int64(1 << 40)
	if i.IsInt64() && i.Int64() < small {
		small = i.Int64()
	}
	switch name {
	case "scale":
		switch {
		case small < 0 && m.gnu:
			m.warn(n, "negative scale, set to 0")
			small = 0
		case small < 0:
			return errNegative
		case small > maxDigits:
			return m.outOfMemory()
		}
		m.scale = int(small)
	case "ibase":
		switch {
		case small >= 2 && small <= 36:
		case !m.gnu && small < 0:
			return errNegative
		case !m.gnu:
			return errors.New("bad ibase; must be [2,16]")
		case small < 2:
			m.warn(n, "ibase too small, set to 2")
			small = 2
		default:
			m.warn(n, "ibase too large, set to 36")
			small = 36
		}
		m.ibase = int(small)
	case "obase":
		switch {
		case small >= 2 && (small <= 999 || m.gnu && small <= 2147483647):
		case !m.gnu && small < 0:
			return errNegative
		case !m.gnu:
			return errors.New("bad obase; must be [2,999]")
		case small < 2:
			m.warn(n, "obase too small, set to 2")
			small = 2
		default:
			m.warn(n, "obase too large, set to 2147483647")
			small = 2147483647
		}
		m.obase = int(small)
	}
	return nil
}

func (m *machine) call(n *node) (number, error) {
	f := m.funcs[n.text]
	if f == nil && m.builtin[n.text] == nil {
		return zero, m.fault(n, "undefined function", "Function "+n.text+" not defined.")
	}
	if m.depth >= maxDepth {
		return zero, m.outOfMemory()
	}
	if f == nil {
		return m.callBuiltin(n)
	}
	if len(n.kids) != len(f.params) {
		at := &node{adr: n.adr + min(len(n.kids), len(f.params)) + 1}
		return zero, m.fault(at, fmt.Sprintf("function has %d parameters, but called with %d", len(f.params), len(n.kids)), "Parameter number mismatch")
	}
	// All arguments are found before any parameter is set.
	numbers := make([]number, len(n.kids))
	arrays := make([]*array, len(n.kids))
	for i, k := range n.kids {
		isArray := k.op == "array"
		if isArray != f.params[i].array && !(k.op == "var" && f.params[i].array && m.gnu) {
			return zero, m.fault(n, "variable is wrong type", "Parameter type mismatch, parameter "+f.params[i].name+" in "+n.text+".")
		}
		if f.params[i].array {
			arrays[i] = m.array(k.text)
			if !f.params[i].ref {
				m.c.Step(len(arrays[i].elems))
				if err := m.c.Sandbox().Charge(int64(64 * len(arrays[i].elems))); err != nil {
					return zero, m.outOfMemory()
				}
				arrays[i] = &array{maps.Clone(arrays[i].elems), arrays[i].size}
			}
			continue
		}
		v, err := m.eval(k)
		if err != nil {
			return zero, err
		}
		numbers[i] = v
	}
	// Names are dynamic: the caller's values are put aside and come back.
	type saved struct {
		param
		n   number
		set bool
		a   *array
	}
	var old []saved
	bind := func(p param, v number, a *array) {
		if p.array {
			old = append(old, saved{param: p, a: m.arrays[p.name]})
			m.arrays[p.name] = a
			return
		}
		was, set := m.vars[p.name]
		old = append(old, saved{param: p, n: was, set: set})
		m.vars[p.name] = v
	}
	for i, p := range f.params {
		bind(p, numbers[i], arrays[i])
	}
	for _, p := range f.autos {
		bind(p, zero, newArray())
	}
	caller := m.fn
	m.fn, m.result = n.text, zero
	m.depth++
	var err error
	returned := false
	for _, s := range f.body {
		var how flow
		if how, err = m.exec(s); err != nil || how == doReturn {
			returned = err == nil
			break
		}
	}
	m.depth--
	m.fn = caller
	for i := len(old) - 1; i >= 0; i-- {
		switch o := old[i]; {
		case o.array && o.a == nil:
			delete(m.arrays, o.name)
		case o.array:
			m.arrays[o.name] = o.a
		case o.set:
			m.vars[o.name] = o.n
		default:
			delete(m.vars, o.name)
		}
	}
	if err != nil || !returned {
		return zero, err
	}
	return m.result, nil
}

// readNumber is read(): the next line of standard input as an expression, or in GNU's bc the next
// number on it.
func (m *machine) readNumber() (number, error) {
	m.c.Out.Flush()
	line, err := m.c.In.ReadString('\n')
	if err != nil && line == "" {
		if m.gnu {
			return zero, nil
		}
		return zero, errors.New("bad expression")
	}
	if m.read != nil && m.read.src.name == "" {
		m.read.src.line++
	}
	if m.gnu {
		s := strings.TrimSpace(line)
		sign, digits := strings.CutPrefix(s, "-")
		v := parseNumber(strings.TrimRightFunc(sign, func(r rune) bool { return r > 127 || !isDigit(byte(r)) && r != '.' }), m.ibase)
		if digits {
			v = v.neg()
		}
		return v, nil
	}
	used := false
	sub := &parser{lexer: &lexer{c: m.c, work: m.work, src: &source{next: func() (string, error) {
		if used {
			return "", io.EOF
		}
		used = true
		return line, nil
	}}, warn: func(string, string, string) error { return nil }}}
	if err := sub.next(); err != nil {
		return zero, err
	}
	n, err := sub.expression()
	if err != nil {
		return zero, err
	}
	if sub.tok.kind != tokNewline && sub.tok.kind != tokEOF {
		return zero, sub.bad("bad read() expression")
	}
	m.depth++
	defer func() { m.depth-- }()
	if m.depth > maxDepth {
		return zero, m.outOfMemory()
	}
	return m.eval(n)
}

func buffered(r io.Reader) *bufio.Reader {
	if b, ok := r.(*bufio.Reader); ok {
		return b
	}
	return bufio.NewReader(r)
}

func isFull(err error) bool { return err == bufio.ErrBufferFull }

const gnuWarranty = `
bc 1.07.1
Copyright 1991-1994, 1997, 1998, 2000, 2004, 2006, 2008, 2012-2017 Free Software Foundation, Inc.

    This program is free software; you can redistribute it and/or modify
    it under the terms of the GNU General Public License as published by
    the Free Software Foundation; either version 3 of the License , or
    (at your option) any later version.

    This program is distributed in the hope that it will be useful,
    but WITHOUT ANY WARRANTY; without even the implied warranty of
    MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE.  See the
    GNU General Public License for more details.

    You should have received a copy of the GNU General Public License
    along with this program. If not, write to

       The Free Software Foundation, Inc.
       51 Franklin Street, Fifth Floor
       Boston, MA 02110-1335  USA

`

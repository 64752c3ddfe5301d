package calc

import (
	"slices"
	"strings"
)

// node is a part of a bc program. adr is where GNU's bc has its instruction: the number that
// its run-time errors tell.
type node struct {
	op   string // "num", "var", "[]", "call", "=", "+", "if", ...
	text string // a number's digits, a name, a string, the operator of an assignment
	kids []*node
	adr  int
}

// function is what define made.
type function struct {
	name   string
	params []param
	autos  []param
	body   []*node
	void   bool
}

type param struct {
	name       string
	array, ref bool
}

// maxNesting bounds how deep expressions and statements nest.
const maxNesting = 1000

// parser reads statements. Its errors are in Busybox's words; GNU's bc says "syntax error" to all.
type parser struct {
	*lexer
	pc    int // length of the code that GNU's bc would have made
	depth int
	loops int
	fn    *function
	cond  bool // in a condition, where POSIX allows comparisons
}

// parseError is a syntax error.
type parseError struct {
	msg string
	gnu string // what GNU's bc says instead of "syntax error"
}

func (e *parseError) Error() string { return e.msg }

func (p *parser) bad(what string) error { return &parseError{msg: what + " at '" + p.tok.rest + "'"} }
func (p *parser) badToken() error       { return p.bad("bad token") }
func (p *parser) badExpr() error        { return p.bad("bad expression") }

func (p *parser) enter() error {
	if p.depth++; p.depth > maxNesting {
		return p.badExpr()
	}
	return nil
}

// emit counts n bytes of code and gives a node that ends there.
func (p *parser) emit(n int, op, text string, kids ...*node) *node {
	p.pc += n
	return &node{op, text, kids, p.pc}
}

// expect takes the token op.
func (p *parser) expect(op string) error {
	if !p.tok.is(op) {
		return p.badToken()
	}
	return p.next()
}

func (p *parser) skipNewlines() error {
	for p.tok.kind == tokNewline {
		if err := p.next(); err != nil {
			return err
		}
	}
	return nil
}

// block reads { statements }, the brace being the token.
func (p *parser) block() ([]*node, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	if err := p.next(); err != nil {
		return nil, err
	}
	var list []*node
	for {
		for p.tok.kind == tokNewline || p.tok.is(";") {
			if err := p.next(); err != nil {
				return nil, err
			}
		}
		if p.tok.is("}") {
			return list, p.next()
		}
		if p.tok.kind == tokEOF {
			return nil, p.badToken()
		}
		s, err := p.statement()
		if err != nil {
			return nil, err
		}
		list = append(list, s)
		if !p.tok.endsStatement() && s.op != "if" && s.op != "while" && s.op != "for" && s.op != "{" {
			return nil, p.bad("bad statement terminator")
		}
	}
}

// statement reads one statement; the token after it is not taken.
func (p *parser) statement() (*node, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	t := p.tok
	switch {
	case t.is("{"):
		list, err := p.block()
		return &node{op: "{", kids: list}, err
	case t.kind == tokString:
		n := p.emit(len(t.text)+2, "string", t.text)
		return n, p.next()
	case t.kind == tokKeyword:
		switch t.text {
		case "if":
			return p.ifStatement()
		case "while":
			return p.whileStatement()
		case "for":
			return p.forStatement()
		case "print":
			return p.printStatement()
		case "return":
			return p.returnStatement()
		case "break", "continue":
			if p.loops == 0 {
				if p.gnu {
					what := "Break outside a for/while"
					if t.text == "continue" {
						what = "Continue outside a for"
					}
					return nil, &parseError{gnu: what}
				}
				return nil, p.badToken()
			}
			n := p.emit(3, t.text, "")
			return n, p.next()
		case "halt", "limits", "warranty":
			n := p.emit(1, t.text, "")
			return n, p.next()
		case "quit":
			return &node{op: "quit"}, errQuit
		case "auto", "define", "else":
			return nil, p.badToken()
		}
	}
	e, err := p.expression()
	if err != nil {
		return nil, err
	}
	p.pc++
	return &node{op: "show", kids: []*node{e}}, nil
}

func (p *parser) condition() (*node, error) {
	p.cond = true
	e, err := p.expression()
	p.cond = false
	if err != nil {
		return nil, err
	}
	return e, p.expect(")")
}

func (p *parser) ifStatement() (*node, error) {
	if err := p.next(); err != nil {
		return nil, err
	}
	if err := p.expect("("); err != nil {
		return nil, err
	}
	cond, err := p.condition()
	if err != nil {
		return nil, err
	}
	p.pc += 3
	if err := p.skipNewlines(); err != nil {
		return nil, err
	}
	then, err := p.statement()
	if err != nil {
		return nil, err
	}
	n := &node{op: "if", kids: []*node{cond, then}}
	if !p.tok.keyword("else") {
		return n, nil
	}
	p.pc += 3
	if err := p.next(); err != nil {
		return nil, err
	}
	if err := p.skipNewlines(); err != nil {
		return nil, err
	}
	other, err := p.statement()
	n.kids = append(n.kids, other)
	return n, err
}

func (p *parser) body() (*node, error) {
	if err := p.skipNewlines(); err != nil {
		return nil, err
	}
	p.loops++
	s, err := p.statement()
	p.loops--
	return s, err
}

func (p *parser) whileStatement() (*node, error) {
	if err := p.next(); err != nil {
		return nil, err
	}
	if err := p.expect("("); err != nil {
		return nil, err
	}
	cond, err := p.condition()
	if err != nil {
		return nil, err
	}
	p.pc += 3
	body, err := p.body()
	p.pc += 3
	return &node{op: "while", kids: []*node{cond, body}}, err
}

func (p *parser) forStatement() (*node, error) {
	if err := p.next(); err != nil {
		return nil, err
	}
	if err := p.expect("("); err != nil {
		return nil, err
	}
	n := &node{op: "for", kids: make([]*node, 4)}
	for i, part := range []struct{ name, end string }{{"init", ";"}, {"condition", ";"}, {"update", ")"}} {
		if p.tok.is(part.end) {
			if err := p.warn("POSIX does not allow an empty "+part.name+" expression in 'for()'", "for", part.name); err != nil {
				return nil, err
			}
		} else {
			p.cond = i == 1
			e, err := p.expression()
			p.cond = false
			if err != nil {
				return nil, err
			}
			n.kids[i] = e
		}
		p.pc += []int{1, 6, 4}[i]
		if err := p.expect(part.end); err != nil {
			return nil, err
		}
	}
	body, err := p.body()
	p.pc += 3
	n.kids[3] = body
	return n, err
}

func (p *parser) printStatement() (*node, error) {
	n := &node{op: "print"}
	for {
		if err := p.next(); err != nil {
			return nil, err
		}
		if p.tok.kind == tokString {
			n.kids = append(n.kids, p.emit(len(p.tok.text)+2, "string", p.tok.text))
			if err := p.next(); err != nil {
				return nil, err
			}
		} else {
			e, err := p.expression()
			if err != nil {
				return nil, err
			}
			p.pc++
			n.kids = append(n.kids, e)
		}
		if !p.tok.is(",") {
			return n, nil
		}
	}
}

func (p *parser) returnStatement() (*node, error) {
	if p.fn == nil {
		if p.gnu {
			if err := p.next(); err != nil {
				return nil, err
			}
			for !p.tok.endsStatement() {
				if err := p.next(); err != nil {
					return nil, err
				}
			}
			return nil, &parseError{gnu: "Return outside of a function."}
		}
		return nil, &parseError{msg: "'return' not in a function"}
	}
	if err := p.next(); err != nil {
		return nil, err
	}
	n := &node{op: "return"}
	if p.tok.endsStatement() {
		p.pc += 2
		return n, nil
	}
	paren := p.tok.is("(")
	e, err := p.expression()
	if err != nil {
		return nil, err
	}
	p.pc++
	n.kids = []*node{e}
	if !paren {
		err = p.warn("POSIX requires parentheses around return expressions", "return", "")
	}
	return n, err
}

// define reads a function, the word being the token.
func (p *parser) define() (*function, error) {
	badDef := func() error { return p.bad("bad function definition") }
	f := &function{}
	if err := p.next(); err != nil {
		return nil, err
	}
	if p.tok.kind != tokName && !p.tok.keyword("void") {
		return nil, badDef()
	}
	f.name = p.tok.text
	if err := p.next(); err != nil {
		return nil, err
	}
	if f.name == "void" && p.tok.kind == tokName {
		f.void, f.name = true, p.tok.text
		if err := p.next(); err != nil {
			return nil, err
		}
	}
	if !p.tok.is("(") {
		return nil, badDef()
	}
	if err := p.next(); err != nil {
		return nil, err
	}
	for !p.tok.is(")") {
		v, err := p.parameter(f)
		if err != nil {
			return nil, err
		}
		f.params = append(f.params, v)
		if !p.tok.is(",") {
			break
		}
		if err := p.next(); err != nil {
			return nil, err
		}
		if p.tok.is(")") {
			return nil, badDef()
		}
	}
	if !p.tok.is(")") {
		return nil, badDef()
	}
	if err := p.next(); err != nil {
		return nil, err
	}
	if !p.tok.is("{") {
		if err := p.warn("POSIX requires the left brace be on the same line as the function header", "{", ""); err != nil {
			return nil, err
		}
	}
	if err := p.skipNewlines(); err != nil {
		return nil, err
	}
	if !p.tok.is("{") {
		return nil, &parseError{msg: "function { body } expected"}
	}
	at, loops := p.pc, p.loops
	p.fn, p.pc, p.loops = f, 0, 0
	defer func() { p.fn, p.pc, p.loops = nil, at, loops }()
	// The brace's body, its autos first.
	if err := p.next(); err != nil {
		return nil, err
	}
	if err := p.skipNewlines(); err != nil {
		return nil, err
	}
	if p.tok.keyword("auto") {
		for {
			if err := p.next(); err != nil {
				return nil, err
			}
			v, err := p.parameter(f)
			if err != nil {
				return nil, err
			}
			f.autos = append(f.autos, v)
			if !p.tok.is(",") {
				break
			}
		}
		if !p.tok.endsStatement() || p.tok.is("}") || p.tok.kind == tokEOF {
			return nil, p.bad("bad 'auto' syntax")
		}
	}
	for {
		for p.tok.kind == tokNewline || p.tok.is(";") {
			if err := p.next(); err != nil {
				return nil, err
			}
		}
		if p.tok.is("}") {
			return f, p.next()
		}
		if p.tok.kind == tokEOF {
			return nil, p.badToken()
		}
		s, err := p.statement()
		if err != nil {
			return nil, err
		}
		f.body = append(f.body, s)
	}
}

// parameter reads the name of a parameter or an auto variable: x, x[] or *x[].
func (p *parser) parameter(f *function) (param, error) {
	var v param
	bad := func() error { return p.bad("bad function definition") }
	if p.tok.is("*") {
		v.ref = true
		if err := p.next(); err != nil {
			return v, err
		}
	}
	if p.tok.kind != tokName {
		return v, bad()
	}
	v.name = p.tok.text
	if err := p.next(); err != nil {
		return v, err
	}
	if p.tok.is("[") {
		v.array = true
		if err := p.next(); err != nil {
			return v, err
		}
		if !p.tok.is("]") {
			return v, bad()
		}
		if err := p.next(); err != nil {
			return v, err
		}
	} else if v.ref {
		return v, p.bad("vars can't be references")
	}
	if slices.ContainsFunc(append(f.params[:len(f.params):len(f.params)], f.autos...), func(o param) bool { return o.name == v.name && o.array == v.array }) {
		return v, &parseError{msg: "duplicate function parameter or auto name"}
	}
	return v, nil
}

// The operators from the loosest to the tightest; assignment stands with the names it assigns.
var binary = [][]string{{"||"}, {"&&"}, nil, {"==", "<=", ">=", "!=", "<", ">"}, {"+", "-"}, {"*", "/", "%"}}

const notLevel = 2 // where GNU's ! stands; Busybox's is a sign

// expression reads an expression.
func (p *parser) expression() (*node, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	e, err := p.level(0)
	if err == nil && p.tok.beginsOperand() && !(p.tok.kind == tokKeyword && !isOperandWord(p.tok.text)) && p.tok.kind != tokString {
		return nil, p.badExpr() // two operands in a row
	}
	return e, err
}

func isOperandWord(k string) bool {
	switch k {
	case "ibase", "obase", "scale", "last", "length", "sqrt", "read":
		return true
	}
	return false
}

func (p *parser) level(i int) (*node, error) {
	if i == len(binary) {
		return p.power()
	}
	if i == notLevel {
		if p.gnu && p.tok.is("!") {
			if err := p.enter(); err != nil {
				return nil, err
			}
			defer func() { p.depth-- }()
			if err := p.next(); err != nil {
				return nil, err
			}
			e, err := p.level(i)
			if err != nil {
				return nil, err
			}
			return p.emit(1, "!", "", e), nil
		}
		return p.level(i + 1)
	}
	left, err := p.level(i + 1)
	for err == nil && p.tok.kind == tokOp && slices.Contains(binary[i], p.tok.text) {
		op := p.tok.text
		if i == 3 && !p.cond {
			if err := p.warn("POSIX does not allow comparison operators outside if or loops", op, ""); err != nil {
				return nil, err
			}
		}
		if err := p.next(); err != nil {
			return nil, err
		}
		if op == "&&" || op == "||" {
			p.pc += 5
		}
		var right *node
		if right, err = p.level(i + 1); err != nil {
			return nil, err
		}
		left = p.emit(1, op, "", left, right)
	}
	return left, err
}

// power reads a^b^c, which groups from the right; a sign binds tighter.
func (p *parser) power() (*node, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	left, err := p.unary()
	if err != nil || !p.tok.is("^") {
		return left, err
	}
	if err := p.next(); err != nil {
		return nil, err
	}
	right, err := p.power()
	if err != nil {
		return nil, err
	}
	return p.emit(1, "^", "", left, right), nil
}

func (p *parser) unary() (*node, error) {
	op := p.tok.text
	switch {
	case p.tok.is("-"), !p.gnu && p.tok.is("!"):
		if err := p.enter(); err != nil {
			return nil, err
		}
		defer func() { p.depth-- }()
		if err := p.next(); err != nil {
			return nil, err
		}
		if op == "-" && p.tok.is("!") {
			return nil, p.badExpr()
		}
		e, err := p.unary()
		if err != nil {
			return nil, err
		}
		if op == "-" {
			op = "neg"
		}
		return p.emit(1, op, "", e), nil
	}
	return p.postfix()
}

// lvalue says whether n can be assigned to.
func lvalue(n *node) bool {
	switch n.op {
	case "var", "[]", "ibase", "obase", "scale", "last":
		return true
	}
	return false
}

func (p *parser) postfix() (*node, error) {
	if p.tok.is("++") || p.tok.is("--") {
		op := p.tok.text[:1]
		if err := p.next(); err != nil {
			return nil, err
		}
		n, err := p.name()
		if err != nil {
			return nil, err
		}
		if n == nil || !lvalue(n) {
			return nil, p.badToken()
		}
		return p.emit(4, "pre", op, n), nil
	}
	n, err := p.operand()
	if err != nil {
		return nil, err
	}
	if p.tok.is("++") || p.tok.is("--") {
		op := p.tok.text
		if !lvalue(n) {
			if p.gnu {
				return nil, p.badToken()
			}
			if err := p.next(); err != nil {
				return nil, err
			}
			return nil, p.badToken()
		}
		if err := p.next(); err != nil {
			return nil, err
		}
		return p.emit(4, "post", op[:1], n), nil
	}
	if op, ok := p.tok.assigns(); ok {
		if !lvalue(n) {
			return nil, p.bad("bad assignment: left side must be variable or array element")
		}
		if op != "" {
			p.pc += 2
		}
		if err := p.next(); err != nil {
			return nil, err
		}
		right, err := p.level(notLevel + 2)
		if err != nil {
			return nil, err
		}
		if op != "" {
			p.pc++
		}
		return p.emit(2, "=", op, n, right), nil
	}
	switch n.op {
	case "var", "[]", "ibase", "obase", "scale", "last":
		p.pc += 2
		n.adr = p.pc
	}
	return n, nil
}

// name reads what may be assigned to, or nil. The code that loads it is not counted yet.
func (p *parser) name() (*node, error) {
	t := p.tok
	switch {
	case t.is("."):
		if err := p.warn("POSIX does not allow '.' as 'last'", "last", ""); err != nil {
			return nil, err
		}
		return &node{op: "last"}, p.next()
	case t.keyword("ibase"), t.keyword("obase"), t.keyword("last"):
		return &node{op: t.text}, p.next()
	case t.keyword("scale"):
		if err := p.next(); err != nil {
			return nil, err
		}
		if !p.tok.is("(") {
			return &node{op: "scale"}, nil
		}
		return p.builtin("scale()")
	case t.kind == tokName:
		if err := p.next(); err != nil {
			return nil, err
		}
		switch {
		case p.tok.is("("):
			return p.call(t.text)
		case p.tok.is("["):
			if err := p.next(); err != nil {
				return nil, err
			}
			if p.tok.is("]") {
				return &node{op: "array", text: t.text}, p.next()
			}
			i, err := p.expression()
			if err != nil {
				return nil, err
			}
			return &node{op: "[]", text: t.text, kids: []*node{i}, adr: p.pc}, p.expect("]")
		}
		return &node{op: "var", text: t.text}, nil
	}
	return nil, nil
}

func (p *parser) operand() (*node, error) {
	if n, err := p.name(); n != nil || err != nil {
		if n != nil && n.op == "array" && err == nil {
			return nil, p.badExpr()
		}
		return n, err
	}
	t := p.tok
	switch {
	case t.kind == tokNumber:
		size := len(strings.TrimPrefix(t.text, "-")) + 2
		if t.text == "0" || t.text == "1" {
			size = 1
		}
		n := p.emit(size, "num", t.text)
		return n, p.next()
	case t.is("("):
		if err := p.next(); err != nil {
			return nil, err
		}
		e, err := p.expression()
		if err != nil {
			return nil, err
		}
		if err := p.expect(")"); err != nil {
			return nil, err
		}
		return &node{op: "()", kids: []*node{e}}, nil
	case t.keyword("length"), t.keyword("sqrt"):
		if err := p.next(); err != nil {
			return nil, err
		}
		return p.builtin(t.text)
	case t.keyword("read"):
		if err := p.next(); err != nil {
			return nil, err
		}
		if err := p.expect("("); err != nil {
			return nil, err
		}
		if err := p.expect(")"); err != nil {
			return nil, err
		}
		return p.emit(2, "read", ""), nil
	}
	if t.is("]") {
		return nil, p.badToken()
	}
	return nil, p.badExpr()
}

// builtin reads the argument of length, sqrt or scale.
func (p *parser) builtin(name string) (*node, error) {
	if err := p.expect("("); err != nil {
		return nil, err
	}
	if p.tok.kind == tokName && name == "length" && !p.gnu {
		n, err := p.argument()
		if err != nil {
			return nil, err
		}
		if err := p.expect(")"); err != nil {
			return nil, err
		}
		return p.emit(2, name, "", n), nil
	}
	e, err := p.expression()
	if err != nil {
		return nil, err
	}
	if err := p.expect(")"); err != nil {
		return nil, err
	}
	return p.emit(2, name, "", e), nil
}

// argument reads one argument of a call: an expression or a whole array, x[].
func (p *parser) argument() (*node, error) {
	if p.tok.kind == tokName && arrayAhead(p.buf) {
		n, err := p.name()
		if n != nil {
			p.pc += 4
		}
		return n, err
	}
	return p.expression()
}

// arrayAhead says whether "[]" stands next in the line.
func arrayAhead(s string) bool {
	s, ok := strings.CutPrefix(strings.TrimLeft(s, " \t"), "[")
	return ok && strings.HasPrefix(strings.TrimLeft(s, " \t"), "]")
}

// call reads a call's arguments, the parenthesis being the token.
func (p *parser) call(name string) (*node, error) {
	n := &node{op: "call", text: name}
	if err := p.next(); err != nil {
		return nil, err
	}
	for !p.tok.is(")") {
		a, err := p.argument()
		if err != nil {
			return nil, err
		}
		n.kids = append(n.kids, a)
		if !p.tok.is(",") {
			break
		}
		if err := p.next(); err != nil {
			return nil, err
		}
		if p.tok.is(")") {
			return nil, p.badExpr()
		}
	}
	p.pc += 2
	n.adr = p.pc
	p.pc += len(n.kids) + 1
	return n, p.expect(")")
}

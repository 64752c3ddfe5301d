package awk

import (
	"fmt"
	"strings"

	"github.com/dockerlab/dockerlab/sim/posixre"
)

// maxNesting bounds the depth of a program's tree.
const maxNesting = 500

type parser struct {
	*lexer
	p      *Program
	fn     *function // being parsed
	loops  int
	depth  int
	parens int
	braces int
	noIn   bool // inside "for (" an "in" belongs to the for
	noGT   bool // in print's list ">" is a redirection
	calls  []*call
	source string          // how errors name what is read
	begin  bool            // in a BEGIN or END
	uses   map[string]byte // mawk: 's' and 'a' of names whose kind is known
}

type parseFailure struct{ err *Error }

// Source is one part of a program's text, and how errors in it name it: the file of -f, or
// CommandLine.
type Source struct{ Name, Text string }

// CommandLine is the Name of a Source that was given on the command line.
const CommandLine = "cmd. line"

// Parse reads a program. To mawk its sources are one text; in Busybox each stands for itself.
func Parse(d Dialect, sources ...Source) (p *Program, err error) {
	if d == Mawk {
		var texts []string
		for _, s := range sources {
			texts = append(texts, s.Text)
		}
		sources = []Source{{CommandLine, strings.Join(texts, "\n")}}
	}
	pr := &parser{p: &Program{dialect: d, funcs: map[string]*function{}, globals: map[string]int{}}, uses: map[string]byte{}}
	defer func() {
		if r := recover(); r != nil {
			f, ok := r.(parseFailure)
			if !ok {
				panic(r)
			}
			p, err = nil, f.err
		}
	}()
	for _, name := range specialNames {
		pr.global(name)
	}
	for _, s := range sources {
		pr.lexer, pr.source = newLexer(s.Text, d), s.Name
		pr.program()
	}
	pr.resolve()
	return pr.p, nil
}

// fail ends the parser with an error at the current token.
func (p *parser) fail() {
	if p.dialect == Busybox {
		msg := "Unexpected token"
		if p.tok == tBad && p.num == 1 {
			msg = "Unexpected end of string"
		} else if p.tok == tBad && p.num == 2 {
			msg = "Unexpected end of string"
		}
		p.failBusybox(msg)
	}
	switch {
	case p.tok == tBad && p.num == 1:
		p.failMawk("line %d: runaway string constant %s ...", p.at, head(p.text))
	case p.tok == tBad && p.num == 2:
		p.failMawk("line %d: runaway regular expression %s ...", p.at, head(p.text))
	case p.tok == tBad:
		p.failMawk("%d: unexpected character '%s'", p.at, p.text)
	}
	near, line := p.text, p.at
	switch p.tok {
	case tEOF:
		near = "end of file"
		line++
	case tNewline:
		near = "end of line"
	case tString:
		near = p.src[max(0, p.pos-len(p.text)-2):p.pos]
	case tRegex:
		near = "/" + p.text + "/"
	}
	closing := p.tok == tEOF || p.tok == tNewline || p.tok == tOp && (p.text == "}" || p.text == ";" || p.text == "{")
	switch {
	case p.parens > 0 && closing:
		p.failMawk("line %d: missing ) near %s", line, near)
	case p.braces == 0 && p.is("}"):
		p.failMawk("line %d: extra '}'\nline %d: syntax error at or near end of line", p.at, p.at)
	case p.braces > 0 && p.tok == tEOF:
		p.failMawk("line %d: missing } near %s", line, near)
	}
	p.failMawk("line %d: syntax error at or near %s", line, near)
}

func head(s string) string { return s[:min(len(s), 10)] }

func (p *parser) failBusybox(msg string) {
	panic(parseFailure{failure(1, "%s:%d: %s", p.source, p.at, msg)})
}

func (p *parser) failMawk(format string, args ...any) {
	panic(parseFailure{failure(2, format, args...)})
}

func (p *parser) is(op string) bool   { return p.tok == tOp && p.text == op }
func (p *parser) isKey(k string) bool { return p.tok == tKeyword && p.text == k }

func (p *parser) want(op string) {
	if !p.is(op) {
		p.fail()
	}
	switch op {
	case "(":
		p.parens++
	case ")":
		p.parens--
	case "{":
		p.braces++
	case "}":
		p.braces--
	}
	p.next()
}

func (p *parser) newlines() {
	for p.tok == tNewline {
		p.next()
	}
}

func (p *parser) nest() func() {
	if p.depth++; p.depth > maxNesting {
		if p.dialect == Busybox {
			p.failBusybox("Possible syntax error")
		}
		p.failMawk("line %d: program is nested too deeply", p.at)
	}
	return func() { p.depth-- }
}

func (p *parser) global(name string) int {
	i, ok := p.p.globals[name]
	if !ok {
		i = len(p.p.names)
		p.p.globals[name] = i
		p.p.names = append(p.p.names, name)
	}
	return i
}

func (p *parser) variable(name string) *variable {
	if p.fn != nil {
		for i, param := range p.fn.params {
			if param == name {
				return &variable{name, i, true}
			}
		}
	}
	return &variable{name, p.global(name), false}
}

// use notes that a name stands for a scalar ('s') or an array ('a'). mawk wants it to be always
// the same.
func (p *parser) use(v *variable, kind byte) *variable {
	if p.dialect != Mawk {
		return v
	}
	key, what := v.name, "variable"
	if v.local {
		key, what = p.fn.name+"("+v.name, "local variable"
	}
	if was := p.uses[key]; was != 0 && was != kind {
		if was == 'a' {
			what = strings.Replace(what, "variable", "array", 1)
		}
		p.failMawk("line %d: illegal reference to %s %s", p.at, what, v.name)
	}
	p.uses[key] = kind
	return v
}

func (p *parser) program() {
	p.next()
	for {
		for p.tok == tNewline || p.is(";") {
			p.next()
		}
		switch {
		case p.tok == tEOF:
			return
		case p.isKey("BEGIN"), p.isKey("END"):
			begin := p.text == "BEGIN"
			p.next()
			if !p.is("{") {
				p.fail()
			}
			p.begin = true
			body := p.action()
			p.begin = false
			if begin {
				p.p.begin = append(p.p.begin, body)
			} else {
				p.p.end = append(p.p.end, body)
			}
		case p.isKey("function"), p.isKey("func"):
			p.function()
		default:
			r := &rule{}
			if !p.is("{") {
				r.pattern = p.expr()
				if p.is(",") {
					p.next()
					p.newlines()
					r.end = p.expr()
				}
			}
			if p.is("{") {
				r.body = p.action()
			} else {
				r.noBody = true
			}
			p.p.rules = append(p.p.rules, r)
			if r.noBody && p.tok != tNewline && p.tok != tEOF && !p.is(";") {
				p.fail()
			}
		}
	}
}

// resolve finds the functions that are called.
func (p *parser) resolve() {
	var missing []string
	for i := len(p.calls) - 1; i >= 0; i-- {
		c := p.calls[i]
		f := p.p.funcs[c.name]
		if f == nil || !f.defined {
			if p.p.dialect == Busybox {
				continue // an error when it is called
			}
			missing = append(missing, fmt.Sprintf("line %d: function %s never defined", p.line+1, c.name))
			continue
		}
		c.fn = f
		if len(c.args) > len(f.params) && p.dialect == Mawk {
			p.failMawk("line %d: too many arguments in call to %s", c.line, c.name)
		}
	}
	if missing != nil {
		panic(parseFailure{failure(2, "%s", strings.Join(missing, "\n"))})
	}
}

func (p *parser) function() {
	p.next()
	if p.tok != tName && p.tok != tFuncName {
		p.fail()
	}
	f := p.p.funcs[p.text]
	if f == nil {
		f = &function{name: p.text}
		p.p.funcs[p.text] = f
	}
	if f.defined {
		if p.dialect == Busybox {
			p.failBusybox("Duplicate function")
		}
		p.failMawk("line %d: redefinition of %s", p.at, f.name)
	}
	f.defined, f.line = true, p.at
	p.next()
	p.want("(")
	for more := !p.is(")"); more; {
		if p.tok != tName {
			p.fail()
		}
		for _, q := range f.params {
			if q == p.text && p.dialect == Mawk {
				p.failMawk("line %d: %s is duplicated in argument list", p.at, p.text)
			}
		}
		f.params = append(f.params, p.text)
		p.next()
		if more = p.is(","); more {
			p.next()
			p.newlines()
		}
	}
	p.want(")")
	p.newlines()
	p.fn = f
	f.body = p.action()
	p.fn = nil
}

func (p *parser) action() []stmt {
	p.want("{")
	body := p.stmts()
	p.want("}")
	return body
}

func (p *parser) stmts() []stmt {
	var list []stmt
	for {
		for p.tok == tNewline || p.is(";") {
			p.next()
		}
		if p.is("}") || p.tok == tEOF {
			return list
		}
		list = append(list, p.stmt())
	}
}

// body is a statement behind if, while and the like; an empty one is allowed.
func (p *parser) body() []stmt {
	p.newlines()
	if p.is(";") {
		p.next()
		return nil
	}
	return []stmt{p.stmt()}
}

// terminate reads what ends a simple statement.
func (p *parser) terminate() {
	switch {
	case p.is(";"), p.tok == tNewline:
		p.next()
	case p.is("}"):
	case p.tok == tEOF:
	default:
		p.fail()
	}
}

func (p *parser) stmt() stmt {
	defer p.nest()()
	switch {
	case p.is("{"):
		return &blockStmt{p.action()}
	case p.is(";"):
		p.next()
		return &blockStmt{}
	case p.tok == tKeyword:
		switch p.text {
		case "if":
			p.next()
			p.want("(")
			s := &ifStmt{cond: p.expr()}
			p.want(")")
			s.yes = p.body()
			// An else may stand behind newlines and one semicolon.
			save, tok, text, at, num := p.pos, p.tok, p.text, p.at, p.num
			line := p.line
			for p.tok == tNewline || p.is(";") {
				p.next()
			}
			if p.isKey("else") {
				p.next()
				s.no = p.body()
			} else {
				p.pos, p.tok, p.text, p.at, p.num, p.line = save, tok, text, at, num, line
			}
			return s
		case "while":
			p.next()
			p.want("(")
			s := &whileStmt{cond: p.expr()}
			p.want(")")
			if p.is(";") {
				p.next()
				return s
			}
			p.loops++
			s.body = p.body()
			p.loops--
			return s
		case "do":
			p.next()
			s := &whileStmt{post: true}
			p.loops++
			s.body = p.body()
			p.loops--
			for p.tok == tNewline || p.is(";") {
				p.next()
			}
			if !p.isKey("while") {
				p.fail()
			}
			p.next()
			p.want("(")
			s.cond = p.expr()
			p.want(")")
			p.terminate()
			return s
		case "for":
			return p.forLoop()
		}
	}
	s := p.simple()
	p.terminate()
	return s
}

func (p *parser) forLoop() stmt {
	p.next()
	p.want("(")
	// for (name in array)
	if p.tok == tName {
		save, tok, text, at, line := p.pos, p.tok, p.text, p.at, p.line
		v := p.variable(p.text)
		p.next()
		if p.isKey("in") {
			p.next()
			if p.tok == tName {
				arr := p.variable(p.text)
				p.next()
				if p.is(")") {
					p.use(arr, 'a')
					p.want(")")
					p.loops++
					s := &forInStmt{v: v, array: arr, body: p.body()}
					p.loops--
					return s
				}
			}
		}
		p.pos, p.tok, p.text, p.at, p.line = save, tok, text, at, line
	}
	s := &forStmt{}
	if !p.is(";") {
		s.init = p.simple()
	}
	p.want(";")
	p.newlines()
	if !p.is(";") {
		s.cond = p.expr()
	}
	p.want(";")
	p.newlines()
	if !p.is(")") {
		s.step = p.simple()
	}
	p.want(")")
	if p.is(";") {
		p.next()
		return s
	}
	p.loops++
	s.body = p.body()
	p.loops--
	return s
}

// simple is a statement without a block.
func (p *parser) simple() stmt {
	if p.tok != tKeyword {
		return &exprStmt{p.expr()}
	}
	switch p.text {
	case "print", "printf":
		return p.print()
	case "break", "continue":
		word := p.text
		if p.loops == 0 {
			if p.dialect == Busybox {
				p.failBusybox("'" + word + "' not in a loop")
			}
			p.failMawk("line %d: %s statement outside of loop", p.at, word)
		}
		p.next()
		if word == "break" {
			return &breakStmt{}
		}
		return &continueStmt{}
	case "next", "nextfile":
		s := &nextStmt{file: p.text == "nextfile"}
		if (p.begin || p.fn != nil) && p.dialect == Mawk {
			p.failMawk("line %d: improper use of %s", p.at, p.text)
		}
		p.next()
		return s
	case "exit":
		p.next()
		s := &exitStmt{}
		if !p.ended() {
			s.code = p.expr()
		}
		return s
	case "return":
		if p.fn == nil && p.dialect == Mawk {
			p.failMawk("line %d: return outside function body", p.at)
		}
		p.next()
		s := &returnStmt{}
		if !p.ended() {
			s.x = p.expr()
		}
		return s
	case "delete":
		p.next()
		paren := p.is("(")
		if paren {
			p.want("(")
		}
		if p.ended() && p.dialect == Busybox {
			p.failBusybox("Too few arguments")
		}
		if p.tok != tName {
			p.fail()
		}
		s := &deleteStmt{array: p.use(p.variable(p.text), 'a')}
		p.next()
		if p.is("[") {
			p.next()
			s.index = p.list("]")
			p.want("]")
		}
		if paren {
			p.want(")")
		}
		return s
	case "getline":
		return &exprStmt{p.expr()}
	}
	p.fail()
	return nil
}

func (p *parser) ended() bool {
	return p.is(";") || p.is("}") || p.tok == tNewline || p.tok == tEOF
}

// list reads expressions with commas between, up to end.
func (p *parser) list(end string) []expr {
	var l []expr
	for !p.is(end) {
		l = append(l, p.expr())
		if !p.is(",") {
			break
		}
		p.next()
		p.newlines()
	}
	return l
}

func (p *parser) print() stmt {
	s := &printStmt{format: p.text == "printf"}
	p.next()
	redirected := func() bool { return p.is(">") || p.is(">>") || p.is("|") }
	if !p.ended() && !redirected() {
		if p.is("(") {
			// print (a, b) > "x": the list in parentheses, unless an expression goes on behind.
			save := *p.lexer
			parens, calls := p.parens, len(p.calls)
			p.want("(")
			p.notEmpty()
			old := p.noGT
			p.noGT = false
			args := p.list(")")
			p.noGT = old
			p.want(")")
			if p.ended() || redirected() {
				s.args = args
			} else {
				*p.lexer = save
				p.parens, p.calls = parens, p.calls[:calls]
			}
		}
		if s.args == nil {
			p.noGT = true
			s.args = p.printList()
			p.noGT = false
		}
	}
	if redirected() {
		s.mode = p.text
		p.next()
		p.noGT = true
		// busybox's target is a whole expression, print 1 > 2 ? "a" : "b", and so is a file's of mawk.
		if p.dialect == Busybox || s.mode != "|" && p.dialect == Mawk {
			s.to = p.expr()
		} else {
			s.to = p.concat()
		}
		p.noGT = false
	}
	if s.format && len(s.args) == 0 {
		if p.dialect == Mawk {
			p.failMawk("line %d: no arguments in call to printf", p.at)
		}
		s.args = []expr{&stringLit{text("")}}
	}
	return s
}

func (p *parser) printList() []expr {
	var l []expr
	for {
		l = append(l, p.expr())
		if !p.is(",") {
			return l
		}
		p.next()
		p.newlines()
	}
}

// The levels of expressions, from the loosest.

func (p *parser) expr() expr {
	defer p.nest()()
	return p.ternary()
}

func lvalue(x expr) bool {
	switch x.(type) {
	case *variable, *field, *element:
		return true
	}
	return false
}

func (p *parser) ternary() expr {
	c := p.or()
	if p.is("?") {
		p.next()
		p.newlines()
		a := p.expr()
		p.newlines()
		if !p.is(":") {
			p.fail()
		}
		p.next()
		p.newlines()
		return &conditional{c, a, p.expr()}
	}
	if lvalue(c) && p.tok == tOp {
		switch p.text {
		case "=", "+=", "-=", "*=", "/=", "%=", "^=":
			op := strings.TrimSuffix(p.text, "=")
			p.next()
			p.newlines()
			return &assign{op, c, p.expr()}
		}
	}
	return c
}

func (p *parser) or() expr {
	l := p.and()
	for p.is("||") {
		p.next()
		p.newlines()
		l = &logical{true, l, p.assigned(p.and())}
	}
	return l
}

func (p *parser) and() expr {
	l := p.in()
	for p.is("&&") {
		p.next()
		p.newlines()
		l = &logical{false, l, p.assigned(p.in())}
	}
	return l
}

// assigned lets "a && b = 1" be read as a && (b = 1), as every awk does.
func (p *parser) assigned(x expr) expr {
	if lvalue(x) && p.tok == tOp {
		switch p.text {
		case "=", "+=", "-=", "*=", "/=", "%=", "^=":
			op := strings.TrimSuffix(p.text, "=")
			p.next()
			p.newlines()
			return &assign{op, x, p.expr()}
		}
	}
	return x
}

func (p *parser) in() expr {
	l := p.matching()
	for p.isKey("in") && !p.noIn {
		p.next()
		if p.tok != tName {
			p.fail()
		}
		l = &inArray{[]expr{l}, p.use(p.variable(p.text), 'a')}
		p.next()
	}
	return l
}

func (p *parser) matching() expr {
	l := p.comparison()
	for p.is("~") || p.is("!~") {
		not := p.text == "!~"
		p.next()
		l = &match{not, l, p.assigned(p.comparison())}
	}
	return l
}

func (p *parser) comparison() expr {
	l := p.concat()
	for p.tok == tOp {
		switch p.text {
		case ">":
			if p.noGT {
				return l
			}
		case "<", "<=", "==", "!=", ">=":
		default:
			return p.piped(l)
		}
		op := p.text
		p.next()
		l = &binary{op, l, p.assigned(p.concat())}
	}
	return p.piped(l)
}

// piped reads "cmd" | getline behind an expression.
func (p *parser) piped(l expr) expr {
	for p.is("|") {
		save := *p.lexer
		p.next()
		if !p.isKey("getline") {
			*p.lexer = save
			return l
		}
		p.next()
		l = &getline{cmd: l, target: p.target()}
	}
	return l
}

// target is the variable that getline may have.
func (p *parser) target() expr {
	if p.tok == tName || p.is("$") {
		return p.primary(true)
	}
	return nil
}

// startsOperand tells whether the token can begin the right side of a concatenation.
func (p *parser) startsOperand() bool {
	switch p.tok {
	case tNumber, tString, tRegex, tName, tFuncName, tBuiltin:
		return true
	case tOp:
		switch p.text {
		case "$", "!", "(", "-", "+", "++", "--":
			return true
		}
	}
	return false
}

func (p *parser) concat() expr {
	l := p.additive()
	for p.startsOperand() {
		if p.isKey("in") {
			break
		}
		l = &binary{" ", l, p.additive()}
	}
	return l
}

func (p *parser) additive() expr {
	l := p.multiplicative()
	for p.is("+") || p.is("-") {
		op := p.text
		p.next()
		l = &binary{op, l, p.multiplicative()}
	}
	return l
}

func (p *parser) multiplicative() expr {
	l := p.unary()
	for p.is("*") || p.is("/") || p.is("%") {
		op := p.text
		p.next()
		l = &binary{op, l, p.unary()}
	}
	return l
}

func (p *parser) unary() expr {
	if p.is("!") || p.is("-") || p.is("+") {
		defer p.nest()()
		op := p.text[0]
		p.next()
		x := p.unary()
		if op == '!' {
			return &unary{op, p.assigned(x)}
		}
		return &unary{op, x}
	}
	return p.power()
}

func (p *parser) power() expr {
	l := p.postfix()
	if p.is("^") {
		p.next()
		var r expr
		if p.is("-") || p.is("+") || p.is("!") {
			op := p.text[0]
			p.next()
			r = &unary{op, p.power()}
		} else {
			r = p.power()
		}
		return &binary{"^", l, r}
	}
	return l
}

func (p *parser) postfix() expr {
	x := p.primary(false)
	if lvalue(x) && (p.is("++") || p.is("--")) {
		d := 1.0
		if p.text == "--" {
			d = -1
		}
		p.next()
		return &increment{x, d, false}
	}
	return x
}

// primary parses an operand. simple: only what getline can read into.
func (p *parser) primary(simple bool) expr {
	defer p.nest()()
	switch p.tok {
	case tNumber:
		v := number(p.num)
		p.next()
		return &numberLit{v}
	case tString:
		v := text(p.text)
		p.next()
		return &stringLit{v}
	case tRegex:
		re := p.regexp(p.text)
		p.next()
		return &regexLit{re}
	case tName:
		v := p.variable(p.text)
		p.next()
		if p.is("[") {
			p.use(v, 'a')
			p.next()
			e := &element{v, p.list("]")}
			if len(e.index) == 0 {
				p.fail()
			}
			p.want("]")
			return e
		}
		if !p.is(",") && !p.is(")") { // a bare argument may be either
			p.use(v, 's')
		}
		return v
	case tFuncName:
		if _, known := p.p.globals[p.text]; known && p.dialect == Mawk && p.p.funcs[p.text] == nil {
			v := p.variable(p.text) // not a call: a variable, and something in parentheses
			p.next()
			return v
		}
		return p.call()
	case tBuiltin:
		return p.builtin()
	case tKeyword:
		if p.text == "getline" {
			p.next()
			g := &getline{target: p.target()}
			if p.is("<") {
				p.next()
				g.file = p.operand()
			}
			return g
		}
	case tOp:
		switch p.text {
		case "$":
			p.next()
			if p.is("++") || p.is("--") {
				return &field{p.primary(false)}
			}
			if p.is("-") || p.is("+") || p.is("!") {
				op := p.text[0]
				p.next()
				return &field{&unary{op, p.primary(false)}}
			}
			return &field{p.primary(false)}
		case "++", "--":
			d := 1.0
			if p.text == "--" {
				d = -1
			}
			p.next()
			x := p.primary(false)
			if !lvalue(x) {
				p.fail()
			}
			return &increment{x, d, true}
		case "-", "+", "!":
			op := p.text[0]
			p.next()
			return &unary{op, p.unary()}
		case "(":
			return p.grouping()
		}
	}
	p.fail()
	return nil
}

// operand is what stands behind "<" of getline: no concatenation.
func (p *parser) operand() expr { return p.postfix() }

// notEmpty fails at "()", behind its first half.
func (p *parser) notEmpty() {
	if p.is(")") && p.dialect == Busybox {
		p.failBusybox("Empty sequence")
	}
}

func (p *parser) grouping() expr {
	p.want("(")
	p.notEmpty()
	oldGT, oldIn := p.noGT, p.noIn
	p.noGT, p.noIn = false, false
	first := p.expr()
	if p.is(",") {
		index := []expr{first}
		for p.is(",") {
			p.next()
			p.newlines()
			index = append(index, p.expr())
		}
		p.want(")")
		p.noGT, p.noIn = oldGT, oldIn
		if !p.isKey("in") {
			p.fail()
		}
		p.next()
		if p.tok != tName {
			p.fail()
		}
		x := &inArray{index, p.use(p.variable(p.text), 'a')}
		p.next()
		return x
	}
	p.want(")")
	p.noGT, p.noIn = oldGT, oldIn
	return &group{first}
}

func (p *parser) call() expr {
	c := &call{name: p.text, line: p.at}
	p.next()
	p.want("(")
	oldGT, oldIn := p.noGT, p.noIn
	p.noGT, p.noIn = false, false
	p.newlines()
	c.args = p.list(")")
	p.newlines()
	p.want(")")
	p.noGT, p.noIn = oldGT, oldIn
	p.calls = append(p.calls, c)
	return c
}

// arities are the least and most arguments of the builtins.
var arities = map[string][2]int{
	"length": {0, 1}, "substr": {2, 3}, "index": {2, 2}, "split": {2, 3}, "sub": {2, 3}, "gsub": {2, 3}, "match": {2, 2}, "sprintf": {1, 1 << 20},
	"sin": {1, 1}, "cos": {1, 1}, "atan2": {2, 2}, "exp": {1, 1}, "log": {1, 1}, "sqrt": {1, 1}, "int": {1, 1}, "rand": {0, 0}, "srand": {0, 1},
	"tolower": {1, 1}, "toupper": {1, 1}, "system": {1, 1}, "close": {1, 1}, "fflush": {0, 1}, "systime": {0, 0}, "strftime": {0, 3}, "mktime": {1, 1},
	"and": {2, 2}, "or": {2, 2}, "xor": {2, 2}, "compl": {1, 1}, "lshift": {2, 2}, "rshift": {2, 2}, "gensub": {3, 4},
}

func (p *parser) builtin() expr {
	b := &builtin{name: p.text, line: p.at}
	p.next()
	if !p.is("(") {
		if b.name == "length" {
			return b
		}
		p.fail()
	}
	p.want("(")
	oldGT, oldIn := p.noGT, p.noIn
	p.noGT, p.noIn = false, false
	p.newlines()
	b.args = p.list(")")
	p.newlines()
	p.want(")")
	p.noGT, p.noIn = oldGT, oldIn
	if b.name == "split" && len(b.args) > 1 {
		if v, ok := b.args[1].(*variable); ok {
			p.use(v, 'a')
		}
	}
	if b.name == "length" && len(b.args) == 1 {
		if v, ok := b.args[0].(*variable); ok && p.uses[v.name] == 0 && !v.local {
			p.use(v, 's')
		}
	}
	a := arities[b.name]
	if len(b.args) < a[0] || len(b.args) > a[1] {
		if p.dialect == Busybox {
			if len(b.args) > a[1] {
				p.failBusybox("Too many arguments")
			}
			p.failBusybox("Too few arguments")
		}
		p.failMawk("line %d: wrong number of arguments in call to %s", b.line, b.name)
	}
	return b
}

func (p *parser) regexp(s string) *posixre.Regexp {
	re, err := compileRegexp(s, p.dialect)
	if err == nil {
		return re
	}
	if p.dialect == Busybox {
		panic(parseFailure{failure(1, "bad regex '%s': %v", s, err)})
	}
	p.failMawk("line %d: regular expression compile failed (%s)\n%s", p.at, mawkRegexp(err), s)
	return nil
}

func compileRegexp(s string, d Dialect) (*posixre.Regexp, error) {
	flags := posixre.Extended | posixre.Regcomp | posixre.CEscape
	if d == Mawk {
		flags |= posixre.NoBackref | posixre.NoInterval | posixre.BracketEscape | posixre.StrayRepeat
	} else {
		flags |= posixre.BracketEscape
	}
	re, err := posixre.Compile(s, flags)
	if err != nil && d == Busybox { // it tries again
		if re, err := posixre.Compile(s, flags&^posixre.Extended); err == nil {
			return re, nil
		}
	}
	return re, err
}

// mawkRegexp is what mawk's own engine says.
func mawkRegexp(err error) string {
	switch err {
	case posixre.ErrParen:
		return "missing ')'"
	case posixre.ErrBracket, posixre.ErrPattern:
		return "bad class -- [], [^] or ["
	case posixre.ErrRepeat:
		return "missing operand"
	}
	return "bad class -- [], [^] or ["
}

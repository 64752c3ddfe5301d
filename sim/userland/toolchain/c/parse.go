package c

import (
	"strconv"
	"strings"
)

// Unit is a source that was compiled.
type Unit struct {
	File  string
	Text  string // what the preprocessor left, if Stand is nil
	Stand *Stand // what it stands for, if it is the catalogue's
	// Functions and variables that it defines, and those that it uses and does not.
	Defines, Uses []string
	Warnings      []*Error

	funcs   map[string]*function
	globals map[string]*global
	order   []*global
}

type function struct {
	name   string
	result *ctype
	params []param
	body   stmt
	slots  int // of its variables
	at     token
	known  bool // a declaration or definition was seen
	static bool
}

type param struct {
	name string
	t    *ctype
}

type global struct {
	name   string
	t      *ctype
	init   func(m *machine, o *object)
	object *object
	extern bool
	slot   int // of a local; -1 for a global
}

// expr is an expression: its value, and where it has one, its place.
type expr struct {
	t     *ctype
	at    token
	value func(f *frame) value
	place func(f *frame) address // nil: not an lvalue
	fixed bool                   // a constant
}

type stmt func(f *frame) flow

// flow is how a statement ended.
type flow uint8

const (
	goOn flow = iota
	breaks
	continues
	returns
)

// parser makes functions of tokens. The first error ends it by a panic with an *Error, which
// protect takes.
type parser struct {
	tokens []token
	n      int
	unit   *Unit
	fn     *function
	scopes []map[string]*global
	depth  int
	step   func(int)
	loops  int
	cases  *[]caseLabel
}

func (ps *parser) protect(f func()) (err *Error) {
	defer func() {
		if v := recover(); v != nil {
			e, ok := v.(*Error)
			if !ok {
				panic(v) // not ours: the kernel ends processes so
			}
			if ps.fn != nil && e.Kind != "fatal error" {
				e.Func = ps.fn.name
			}
			err = e
		}
	}()
	f()
	return nil
}

func (t token) throw(kind, format string, a ...any) { panic(t.fail(kind, format, a...)) }

func (ps *parser) peek() token {
	if ps.n < len(ps.tokens) {
		return ps.tokens[ps.n]
	}
	t := token{kind: end}
	if len(ps.tokens) > 0 {
		last := ps.tokens[len(ps.tokens)-1]
		t.src, t.line, t.col, t.width = last.src, last.line, last.col+last.width, 1
	}
	return t
}

func (ps *parser) next() token {
	t := ps.peek()
	ps.n++
	if ps.n&63 == 0 {
		ps.step(1)
	}
	return t
}

func (ps *parser) is(s string) bool {
	t := ps.peek()
	return t.text == s && (t.kind == punct || t.kind == name)
}

func (ps *parser) accept(s string) bool {
	if ps.is(s) {
		ps.n++
		return true
	}
	return false
}

// expect takes a token that must come. What is missing is missing behind the token before.
func (ps *parser) expect(s string) token {
	if ps.is(s) {
		return ps.next()
	}
	t := ps.peek()
	what := "'" + t.text + "' token"
	switch t.kind {
	case end:
		what = "end of input"
	case name:
		what = "'" + t.text + "'"
	case text:
		what = "string constant"
	case number:
		what = "numeric constant"
	}
	at := t
	if ps.n > 0 && (s == ";" || s == ")" || t.kind == end) {
		at = ps.tokens[min(ps.n, len(ps.tokens))-1]
		at.col, at.width = at.col+at.width, 1
	}
	if t.kind == end {
		at.throw("error", "expected '%s' at %s", s, what)
	}
	at.throw("error", "expected '%s' before %s", s, what)
	return t
}

// enter bounds how deep the source is nested.
func (ps *parser) enter() {
	if ps.depth++; ps.depth > 200 {
		ps.peek().throw("fatal error", "nested too deep")
	}
}

func (ps *parser) leave() { ps.depth-- }

// parse reads the whole of a unit.
func (u *Unit) parse(tokens []token, step func(int)) error {
	u.funcs, u.globals = map[string]*function{}, map[string]*global{}
	ps := &parser{tokens: tokens, unit: u, step: step, scopes: []map[string]*global{u.globals}}
	if err := ps.protect(func() {
		for ps.peek().kind != end {
			ps.external()
		}
	}); err != nil {
		return err
	}
	for n, f := range u.funcs {
		if f.body != nil {
			u.Defines = append(u.Defines, n)
		}
	}
	for n, g := range u.globals {
		if !g.extern {
			u.Defines = append(u.Defines, n)
		}
	}
	return nil
}

var unsupported = map[string]bool{"struct": true, "union": true, "enum": true, "typedef": true, "goto": true, "_Bool": true, "float": false, "asm": true, "__asm__": true, "__attribute__": true, "_Generic": true, "inline": false}

var typeWords = map[string]bool{"void": true, "char": true, "short": true, "int": true, "long": true, "unsigned": true, "signed": true, "double": true, "float": true, "const": true, "volatile": true,
	"static": true, "extern": true, "register": true, "auto": true, "inline": true, "restrict": true, "FILE": true, "size_t": true, "ssize_t": true, "pid_t": true, "uid_t": true, "gid_t": true,
	"time_t": true, "off_t": true, "int8_t": true, "uint8_t": true, "int16_t": true, "uint16_t": true, "int32_t": true, "uint32_t": true, "int64_t": true, "uint64_t": true, "uintptr_t": true, "intptr_t": true}

var typeNames = map[string]*ctype{"FILE": tFile, "size_t": tULong, "ssize_t": tLong, "pid_t": tInt, "uid_t": tUInt, "gid_t": tUInt, "time_t": tLong, "off_t": tLong, "int8_t": tChar,
	"uint8_t": {k: uchar}, "int16_t": {k: short16}, "uint16_t": {k: ushort}, "int32_t": tInt, "uint32_t": tUInt, "int64_t": tLong, "uint64_t": tULong, "uintptr_t": tULong, "intptr_t": tLong}

// startsType says whether a declaration begins here.
func (ps *parser) startsType() bool {
	t := ps.peek()
	if t.kind != name {
		return false
	}
	if unsupported[t.text] && t.text != "goto" {
		t.throw("sorry, unimplemented", "'%s' in the lab's C", t.text)
	}
	return typeWords[t.text] && ps.local(t.text) == nil
}

// baseType reads the words of a type.
func (ps *parser) baseType() (t *ctype, static, extern bool) {
	first := ps.peek()
	longs, shorts, unsigned, signed := 0, 0, false, false
	var base *ctype
	seen := false
	for ps.peek().kind == name {
		w := ps.peek().text
		if unsupported[w] {
			ps.startsType()
		}
		if !typeWords[w] {
			break
		}
		switch w {
		case "const", "volatile", "register", "auto", "inline", "restrict":
		case "static":
			static = true
		case "extern":
			extern = true
		case "long":
			longs++
			seen = true
		case "short":
			shorts++
			seen = true
		case "unsigned":
			unsigned, seen = true, true
		case "signed":
			signed, seen = true, true
		case "void":
			base, seen = tVoid, true
		case "char":
			base, seen = tChar, true
		case "int":
			if base == nil {
				base = tInt
			}
			seen = true
		case "double", "float":
			base, seen = tDouble, true
		default:
			if seen {
				goto done
			}
			base, seen = typeNames[w], true
		}
		ps.next()
	}
done:
	if !seen {
		first.throw("error", "unknown type name '%s'", first.text)
	}
	_ = signed
	switch {
	case base == tDouble || base == tVoid || base == tFile:
		return base, static, extern
	case base == tChar && unsigned:
		return &ctype{k: uchar}, static, extern
	case base == tChar:
		return tChar, static, extern
	case shorts > 0 && unsigned:
		return &ctype{k: ushort}, static, extern
	case shorts > 0:
		return &ctype{k: short16}, static, extern
	case longs > 0 && unsigned:
		return tULong, static, extern
	case longs > 0:
		return tLong, static, extern
	case unsigned:
		return tUInt, static, extern
	case base != nil:
		return base, static, extern
	}
	return tInt, static, extern
}

// declarator reads "*name[3]"; of a function's, it gives the parameters too.
func (ps *parser) declarator(base *ctype) (t *ctype, id token, params []param, isFunc bool) {
	t = base
	for ps.accept("*") {
		t = &ctype{k: pointer, elem: t}
		for ps.is("const") || ps.is("volatile") || ps.is("restrict") {
			ps.next()
		}
	}
	if ps.is("(") {
		ps.peek().throw("sorry, unimplemented", "a pointer to a function in the lab's C")
	}
	if ps.peek().kind == name {
		id = ps.next()
	}
	if ps.accept("(") {
		return t, id, ps.params(), true
	}
	var dims []int
	for ps.accept("[") {
		n := -1
		if !ps.is("]") {
			at := ps.peek()
			e := ps.conditional()
			if !e.fixed {
				at.throw("sorry, unimplemented", "an array of variable length in the lab's C")
			}
			k := ps.constant(e)
			if k < 0 || k > 1<<20 {
				at.throw("error", "size of array '%s' is too large or negative", id.text)
			}
			n = int(k)
		}
		ps.expect("]")
		dims = append(dims, n)
	}
	for i := len(dims) - 1; i >= 0; i-- {
		t = &ctype{k: array, elem: t, n: dims[i]}
		if t.cells() > 1<<20 {
			id.throw("error", "size of array '%s' is too large", id.text)
		}
	}
	return t, id, nil, false
}

func (ps *parser) params() []param {
	var out []param
	if ps.accept(")") {
		return nil
	}
	for {
		if ps.is("...") {
			ps.peek().throw("sorry, unimplemented", "a variadic function in the lab's C")
		}
		base, _, _ := ps.baseType()
		t, id, _, isFunc := ps.declarator(base)
		if isFunc {
			id.throw("sorry, unimplemented", "a pointer to a function in the lab's C")
		}
		if t.k == array {
			t = &ctype{k: pointer, elem: t.elem}
		}
		if t.k != void {
			out = append(out, param{id.text, t})
		}
		if !ps.accept(",") {
			break
		}
	}
	ps.expect(")")
	return out
}

// external reads a declaration outside of functions.
func (ps *parser) external() {
	if ps.accept(";") {
		return
	}
	at := ps.peek()
	if !ps.startsType() {
		if at.kind == name && ps.n+1 < len(ps.tokens) && ps.tokens[ps.n+1].text == "(" {
			at.throw("sorry, unimplemented", "a function without a type in the lab's C")
		}
		if at.kind == name {
			at.throw("error", "unknown type name '%s'", at.text)
		}
		at.throw("error", "expected identifier or '(' before '%s' token", at.text)
	}
	base, static, extern := ps.baseType()
	if ps.accept(";") {
		return
	}
	for {
		t, id, params, isFunc := ps.declarator(base)
		if id.text == "" {
			ps.peek().throw("error", "expected identifier or '(' before '%s' token", ps.peek().text)
		}
		if isFunc {
			f := ps.unit.funcs[id.text]
			if f == nil {
				f = &function{name: id.text, result: t, params: params, at: id, static: static}
				ps.unit.funcs[id.text] = f
			}
			f.known = true
			if ps.is("{") {
				if f.body != nil {
					id.throw("error", "redefinition of '%s'", id.text)
				}
				f.params, f.result = params, t
				ps.function(f)
				return
			}
		} else {
			ps.global(t, id, extern)
		}
		if ps.accept(",") {
			continue
		}
		ps.endDeclaration()
		return
	}
}

// endDeclaration takes the semicolon behind the last of the names that are declared.
func (ps *parser) endDeclaration() {
	if t := ps.peek(); !ps.is(";") && (t.kind == name || t.kind == number) {
		t.throw("error", "expected '=', ',', ';', 'asm' or '__attribute__' before '%s'", t.text)
	}
	ps.expect(";")
}

func (ps *parser) global(t *ctype, id token, extern bool) {
	g := &global{name: id.text, t: t, extern: extern, slot: -1}
	if t.k == void {
		id.throw("error", "variable or field '%s' declared void", id.text)
	}
	if ps.accept("=") {
		ps.initializer(g, id)
	}
	if old := ps.unit.globals[id.text]; old != nil {
		if !old.extern && g.init != nil && old.init != nil {
			id.throw("error", "redefinition of '%s'", id.text)
		}
		if g.extern {
			return
		}
		*old = *g
		return
	}
	ps.unit.globals[id.text] = g
	ps.unit.order = append(ps.unit.order, g)
}

// initializer reads what a variable begins with.
func (ps *parser) initializer(g *global, id token) {
	type setter struct {
		at int
		e  *expr
	}
	var sets []setter
	t := g.t
	if t.k == array && t.elem.k <= uchar && ps.peek().kind == text {
		s := ps.stringConstant()
		if t.n < 0 {
			t.n = len(s) + 1
		}
		n := t.n
		g.init = func(m *machine, o *object) {
			for i := 0; i < n && i < len(s); i++ {
				o.cells[i].i = int64(int8(s[i]))
			}
		}
		return
	}
	if t.k == array {
		flat := 0
		var list func(t *ctype)
		list = func(t *ctype) {
			ps.expect("{")
			from := flat
			count := 0
			for !ps.is("}") {
				if t.k == array && t.elem.k == array && ps.is("{") {
					flat = from + count*t.elem.cells()
					list(t.elem)
				} else {
					e := ps.assignment()
					sets = append(sets, setter{flat, ps.convertTo(e, t.scalar())})
					flat++
				}
				count++
				if !ps.accept(",") {
					break
				}
			}
			ps.expect("}")
			if t.n < 0 {
				t.n = count
			}
			if count > t.n {
				id.throw("error", "excess elements in array initializer")
			}
		}
		list(t)
	} else {
		braced := ps.accept("{")
		sets = append(sets, setter{0, ps.convertTo(ps.assignment(), t)})
		if braced {
			ps.expect("}")
		}
	}
	g.init = func(m *machine, o *object) {
		f := m.top
		for _, s := range sets {
			if s.at < len(o.cells) {
				o.cells[s.at] = s.e.value(f)
			}
		}
	}
}

func (ps *parser) function(f *function) {
	ps.fn = f
	scope := map[string]*global{}
	ps.scopes = append(ps.scopes, scope)
	for _, p := range f.params {
		if p.name == "" {
			f.at.throw("error", "parameter name omitted")
		}
		scope[p.name] = &global{name: p.name, t: p.t, slot: f.slots}
		f.slots++
	}
	f.body = func(*frame) flow { return goOn } // so that it may call itself
	f.body = ps.block()
	ps.scopes = ps.scopes[:len(ps.scopes)-1]
	ps.fn = nil
}

// local finds a variable by its name.
func (ps *parser) local(id string) *global {
	for i := len(ps.scopes) - 1; i >= 0; i-- {
		if g := ps.scopes[i][id]; g != nil {
			return g
		}
	}
	return nil
}

func (ps *parser) block() stmt {
	ps.enter()
	defer ps.leave()
	ps.expect("{")
	ps.scopes = append(ps.scopes, map[string]*global{})
	var list []stmt
	for !ps.is("}") {
		if ps.peek().kind == end {
			ps.expect("}")
		}
		list = append(list, ps.statement())
	}
	ps.expect("}")
	ps.scopes = ps.scopes[:len(ps.scopes)-1]
	return sequence(list)
}

func sequence(list []stmt) stmt {
	return func(f *frame) flow {
		for _, s := range list {
			if w := s(f); w != goOn {
				return w
			}
		}
		return goOn
	}
}

// declaration reads one inside of a function.
func (ps *parser) declaration() stmt {
	base, static, extern := ps.baseType()
	if extern {
		ps.peek().throw("sorry, unimplemented", "'extern' in a function in the lab's C")
	}
	var list []stmt
	for !ps.is(";") {
		t, id, _, isFunc := ps.declarator(base)
		if id.text == "" {
			ps.peek().throw("error", "expected identifier or '(' before '%s' token", ps.peek().text)
		}
		if isFunc {
			if ps.unit.funcs[id.text] == nil {
				ps.unit.funcs[id.text] = &function{name: id.text, result: t, at: id, known: true}
			}
		} else {
			if t.k == void {
				id.throw("error", "variable or field '%s' declared void", id.text)
			}
			g := &global{name: id.text, t: t, slot: -1}
			scope := ps.scopes[len(ps.scopes)-1]
			if scope[id.text] != nil {
				id.throw("error", "redefinition of '%s'", id.text)
			}
			if !static {
				g.slot = ps.fn.slots
				ps.fn.slots++
			}
			if !ps.is("=") {
				scope[id.text] = g
			}
			if ps.accept("=") {
				scope[id.text] = g
				ps.initializer(g, id)
			}
			if t.k == array && t.n < 0 {
				id.throw("error", "array size missing in '%s'", id.text)
			}
			if static {
				ps.unit.order = append(ps.unit.order, g)
			} else {
				list = append(list, func(f *frame) flow {
					f.m.release(f.slots[g.slot]) // of the time round before
					o := f.m.alloc(g.t)
					f.slots[g.slot] = o
					if g.init != nil {
						f.m.top = f
						g.init(f.m, o)
					}
					return goOn
				})
			}
		}
		if !ps.accept(",") {
			break
		}
	}
	if t := ps.peek(); !ps.is(";") && (t.kind == name || t.kind == number) {
		t.throw("error", "expected ',' or ';' before '%s'", t.text)
	}
	ps.expect(";")
	return sequence(list)
}

type caseLabel struct {
	value     int64
	isDefault bool
	at        int
}

func (ps *parser) statement() stmt {
	ps.enter()
	defer ps.leave()
	t := ps.peek()
	if t.kind == punct && t.text == "{" {
		return ps.block()
	}
	if ps.accept(";") {
		return func(*frame) flow { return goOn }
	}
	if t.kind == name {
		switch t.text {
		case "if":
			ps.next()
			ps.expect("(")
			cond := ps.truth()
			ps.expect(")")
			then := ps.statement()
			var other stmt
			if ps.accept("else") {
				other = ps.statement()
			}
			return func(f *frame) flow {
				f.m.step()
				if cond(f) {
					return then(f)
				}
				if other != nil {
					return other(f)
				}
				return goOn
			}
		case "while":
			ps.next()
			ps.expect("(")
			cond := ps.truth()
			ps.expect(")")
			body := ps.loop()
			return loop(nil, cond, nil, body, false)
		case "do":
			ps.next()
			body := ps.loop()
			ps.expect("while")
			ps.expect("(")
			cond := ps.truth()
			ps.expect(")")
			ps.expect(";")
			return loop(nil, cond, nil, body, true)
		case "for":
			ps.next()
			ps.expect("(")
			ps.scopes = append(ps.scopes, map[string]*global{})
			var begin stmt
			if ps.startsType() {
				begin = ps.declaration()
			} else if !ps.accept(";") {
				begin = ps.effect(ps.expression())
				ps.expect(";")
			}
			cond := func(*frame) bool { return true }
			if !ps.is(";") {
				cond = ps.truth()
			}
			ps.expect(";")
			var step stmt
			if !ps.is(")") {
				step = ps.effect(ps.expression())
			}
			ps.expect(")")
			body := ps.loop()
			ps.scopes = ps.scopes[:len(ps.scopes)-1]
			return loop(begin, cond, step, body, false)
		case "return":
			ps.next()
			if ps.accept(";") {
				return func(f *frame) flow { return returns }
			}
			e := ps.expression()
			ps.expect(";")
			if ps.fn.result.k == void {
				return ps.effectThen(e, returns)
			}
			e = ps.convertTo(e, ps.fn.result)
			return func(f *frame) flow {
				f.result = e.value(f)
				return returns
			}
		case "break", "continue":
			ps.next()
			if ps.loops == 0 && (t.text == "continue" || ps.cases == nil) {
				t.throw("error", "%s statement not within a loop%s", t.text, map[string]string{"break": " or switch"}[t.text])
			}
			ps.expect(";")
			w := breaks
			if t.text == "continue" {
				w = continues
			}
			return func(*frame) flow { return w }
		case "switch":
			return ps.switchStatement()
		case "case", "default":
			t.throw("error", "'%s' label not within a switch statement", t.text)
		case "goto":
			t.throw("sorry, unimplemented", "'goto' in the lab's C")
		case "else":
			t.throw("error", "'else' without a previous 'if'")
		}
		if ps.startsType() {
			return ps.declaration()
		}
		if ps.n+1 < len(ps.tokens) && ps.tokens[ps.n+1].text == ":" && ps.tokens[ps.n+1].kind == punct {
			t.throw("sorry, unimplemented", "a label in the lab's C")
		}
	}
	e := ps.expression()
	ps.expect(";")
	return ps.effect(e)
}

func (ps *parser) loop() stmt {
	ps.loops++
	defer func() { ps.loops-- }()
	return ps.statement()
}

func loop(begin stmt, cond func(*frame) bool, step, body stmt, bodyFirst bool) stmt {
	return func(f *frame) flow {
		if begin != nil {
			begin(f)
		}
		for first := bodyFirst; first || cond(f); first = false {
			f.m.step()
			switch body(f) {
			case breaks:
				return goOn
			case returns:
				return returns
			}
			if step != nil {
				step(f)
			}
		}
		return goOn
	}
}

func (ps *parser) switchStatement() stmt {
	ps.next()
	ps.expect("(")
	e := ps.expression()
	if !e.t.integer() {
		e.at.throw("error", "switch quantity not an integer")
	}
	ps.expect(")")
	ps.expect("{")
	ps.scopes = append(ps.scopes, map[string]*global{})
	outer := ps.cases
	var labels []caseLabel
	ps.cases = &labels
	var list []stmt
	for !ps.is("}") {
		switch t := ps.peek(); {
		case t.kind == end:
			ps.expect("}")
		case ps.accept("default"):
			ps.expect(":")
			labels = append(labels, caseLabel{isDefault: true, at: len(list)})
		case ps.accept("case"):
			at := ps.peek()
			c := ps.conditional()
			if !c.fixed {
				at.throw("error", "case label does not reduce to an integer constant")
			}
			v := ps.constant(c)
			for _, l := range labels {
				if !l.isDefault && l.value == v {
					at.throw("error", "duplicate case value")
				}
			}
			ps.expect(":")
			labels = append(labels, caseLabel{value: v, at: len(list)})
		default:
			list = append(list, ps.statement())
		}
	}
	ps.expect("}")
	ps.cases = outer
	ps.scopes = ps.scopes[:len(ps.scopes)-1]
	return func(f *frame) flow {
		f.m.step()
		v := e.value(f).i
		from := -1
		for _, l := range labels {
			if !l.isDefault && l.value == v {
				from = l.at
				break
			}
			if l.isDefault && from < 0 {
				from = l.at
			}
		}
		if from < 0 {
			return goOn
		}
		for _, s := range list[from:] {
			switch w := s(f); w {
			case breaks:
				return goOn
			case goOn:
			default:
				return w
			}
		}
		return goOn
	}
}

func (ps *parser) effect(e *expr) stmt { return ps.effectThen(e, goOn) }

func (ps *parser) effectThen(e *expr, w flow) stmt {
	return func(f *frame) flow {
		f.m.step()
		e.value(f)
		return w
	}
}

// truth reads a condition.
func (ps *parser) truth() func(f *frame) bool { return truthOf(ps.expression()) }

func truthOf(e *expr) func(f *frame) bool {
	switch {
	case e.t.k == double:
		return func(f *frame) bool { return e.value(f).f != 0 }
	case e.t.address():
		return func(f *frame) bool { p := e.value(f).p; return p.o != nil || p.off != 0 }
	case e.t.integer():
		return func(f *frame) bool { return e.value(f).i != 0 }
	}
	e.at.throw("error", "used %s type value where scalar is required", e.t)
	return nil
}

// stringConstant joins adjacent ones.
func (ps *parser) stringConstant() string {
	var b strings.Builder
	for ps.peek().kind == text {
		b.WriteString(ps.next().text)
	}
	return b.String()
}

// literal reads a number.
func literal(t token) *expr {
	s := strings.ToLower(t.text)
	if !strings.HasPrefix(s, "0x") && strings.ContainsAny(s, ".e") {
		v, err := strconv.ParseFloat(strings.TrimRight(s, "fl"), 64)
		if err != nil {
			t.throw("error", "invalid number '%s'", t.text)
		}
		return &expr{t: tDouble, at: t, fixed: true, value: func(*frame) value { return value{f: v} }}
	}
	digits := strings.TrimRight(s, "ul")
	suffix := s[len(digits):]
	u, err := strconv.ParseUint(digits, 0, 64)
	if err != nil || strings.Contains(digits, "_") || strings.HasPrefix(digits, "0o") {
		t.throw("error", "invalid suffix or digit in integer constant '%s'", t.text)
	}
	v := int64(u)
	typ := tInt
	decimal := digits[0] != '0'
	switch {
	case strings.Contains(suffix, "u") && (strings.Contains(suffix, "l") || u > 1<<32-1) || u > 1<<63-1:
		typ = tULong
	case strings.Contains(suffix, "u"):
		typ = tUInt
	case strings.Contains(suffix, "l") || u > 1<<32-1 || decimal && u > 1<<31-1:
		typ = tLong
	case u > 1<<31-1:
		typ = tUInt
	}
	return &expr{t: typ, at: t, fixed: true, value: func(*frame) value { return value{i: v} }}
}

// constant evaluates an expression that needs no program.
func (ps *parser) constant(e *expr) int64 {
	if !e.fixed || !e.t.integer() {
		e.at.throw("error", "expression is not an integer constant expression")
	}
	return e.value(&frame{m: &machine{}}).i
}

package c

// expression reads one with commas.
func (ps *parser) expression() *expr {
	e := ps.assignment()
	for ps.is(",") {
		ps.next()
		left, right := e, ps.assignment()
		e = &expr{t: right.t, at: left.at, value: func(f *frame) value { left.value(f); return right.value(f) }}
	}
	return e
}

var assignOps = map[string]string{"+=": "+", "-=": "-", "*=": "*", "/=": "/", "%=": "%", "&=": "&", "|=": "|", "^=": "^", "<<=": "<<", ">>=": ">>"}

func (ps *parser) assignment() *expr {
	ps.enter()
	defer ps.leave()
	left := ps.conditional()
	op := ps.peek()
	if op.kind != punct {
		return left
	}
	if op.text == "=" {
		ps.next()
		ps.mustPlace(left, op)
		right := ps.convertTo(ps.assignment(), left.t)
		return ps.store(left, op, func(f *frame, _ value) value { return right.value(f) })
	}
	if bin, ok := assignOps[op.text]; ok {
		ps.next()
		ps.mustPlace(left, op)
		right := ps.assignment()
		var old value
		now := &expr{t: left.t, at: left.at, value: func(f *frame) value { return f.m.old[len(f.m.old)-1] }}
		_ = old
		sum := ps.convertTo(ps.binary(op, bin, now, right), left.t)
		return ps.store(left, op, func(f *frame, v value) value {
			f.m.old = append(f.m.old, v)
			v = sum.value(f)
			f.m.old = f.m.old[:len(f.m.old)-1]
			return v
		})
	}
	return left
}

func (ps *parser) mustPlace(e *expr, op token) {
	if e.place == nil || e.t.k == array {
		op.throw("error", "lvalue required as left operand of assignment")
	}
}

// store is an assignment: the new value is made of the old one.
func (ps *parser) store(left *expr, at token, make func(f *frame, old value) value) *expr {
	return &expr{t: left.t, at: at, value: func(f *frame) value {
		p := left.place(f)
		old := f.m.load(p, at)
		v := make(f, old)
		f.m.put(p, v, at)
		return v
	}}
}

func (ps *parser) conditional() *expr {
	ps.enter()
	defer ps.leave()
	e := ps.level(0)
	if !ps.is("?") {
		return e
	}
	at := ps.next()
	cond := truthOf(e)
	a := ps.expression()
	ps.expect(":")
	b := ps.conditional()
	t := a.t
	if a.t.number() && b.t.number() {
		t = usual(a.t, b.t)
		a, b = ps.convertTo(a, t), ps.convertTo(b, t)
	} else if a.t.integer() && b.t.address() {
		t = b.t
		a = ps.convertTo(a, decay(t))
	} else if a.t.address() && b.t.integer() {
		b = ps.convertTo(b, decay(t))
	}
	t = decay(t)
	return &expr{t: t, at: at, fixed: e.fixed && a.fixed && b.fixed, value: func(f *frame) value {
		if cond(f) {
			return a.value(f)
		}
		return b.value(f)
	}}
}

func decay(t *ctype) *ctype {
	if t.k == array {
		return &ctype{k: pointer, elem: t.elem}
	}
	return t
}

var levels = [][]string{{"||"}, {"&&"}, {"|"}, {"^"}, {"&"}, {"==", "!="}, {"<", ">", "<=", ">="}, {"<<", ">>"}, {"+", "-"}, {"*", "/", "%"}}

func (ps *parser) level(n int) *expr {
	if n == len(levels) {
		return ps.cast()
	}
	left := ps.level(n + 1)
	for {
		op := ps.peek()
		found := false
		for _, o := range levels[n] {
			found = found || op.kind == punct && op.text == o
		}
		if !found {
			return left
		}
		ps.next()
		right := ps.level(n + 1)
		if op.text == "&&" || op.text == "||" {
			a, b, both := truthOf(left), truthOf(right), op.text == "&&"
			left = &expr{t: tInt, at: op, fixed: left.fixed && right.fixed, value: func(f *frame) value {
				if a(f) != both {
					return number01(!both)
				}
				return number01(b(f))
			}}
			continue
		}
		left = ps.binary(op, op.text, left, right)
	}
}

func number01(b bool) value {
	if b {
		return value{i: 1}
	}
	return value{}
}

func (ps *parser) binary(at token, op string, a, b *expr) *expr {
	fixed := a.fixed && b.fixed
	bad := func() {
		at.throw("error", "invalid operands to binary %s (have '%s' and '%s')", op, a.t, b.t)
	}
	compare := op == "==" || op == "!=" || op == "<" || op == ">" || op == "<=" || op == ">="
	if a.t.address() || b.t.address() {
		switch {
		case op == "+" && a.t.integer():
			a, b = b, a
			fallthrough
		case (op == "+" || op == "-") && b.t.integer():
			t := decay(a.t)
			n := t.elem.cells()
			sign := 1
			if op == "-" {
				sign = -1
			}
			return &expr{t: t, at: at, value: func(f *frame) value {
				p := a.value(f).p
				p.off += sign * n * int(b.value(f).i)
				return value{p: p}
			}}
		case op == "-" && a.t.address() && b.t.address():
			n := max(1, decay(a.t).elem.cells())
			return &expr{t: tLong, at: at, value: func(f *frame) value {
				p, q := a.value(f).p, b.value(f).p
				return value{i: int64((p.off - q.off) / n)}
			}}
		case compare:
			if a.t.integer() {
				a = ps.convertTo(a, decay(b.t))
			}
			if b.t.integer() {
				b = ps.convertTo(b, decay(a.t))
			}
			if !a.t.address() || !b.t.address() {
				bad()
			}
			return &expr{t: tInt, at: at, value: func(f *frame) value {
				p, q := a.value(f).p, b.value(f).p
				d := p.off - q.off
				if p.o != q.o {
					if op == "==" || op == "!=" {
						return number01(op == "!=")
					}
					f.m.fault(at)
				}
				return number01(ordered(op, d < 0, d == 0))
			}}
		}
		bad()
	}
	if !a.t.number() || !b.t.number() {
		bad()
	}
	shift := op == "<<" || op == ">>"
	t := usual(a.t, b.t)
	if shift {
		t = usual(a.t, tInt)
	}
	if t.k == double && (shift || op == "%" || op == "&" || op == "|" || op == "^") {
		bad()
	}
	x, y := ps.convertTo(a, t), b
	if !shift {
		y = ps.convertTo(b, t)
	}
	if compare {
		return &expr{t: tInt, at: at, fixed: fixed, value: func(f *frame) value {
			v, w := x.value(f), y.value(f)
			switch {
			case t.k == double:
				return number01(ordered(op, v.f < w.f, v.f == w.f) && !(v.f != v.f || w.f != w.f) || op == "!=" && v.f != w.f)
			case t.unsigned():
				return number01(ordered(op, uint64(v.i) < uint64(w.i), v.i == w.i))
			}
			return number01(ordered(op, v.i < w.i, v.i == w.i))
		}}
	}
	if t.k == double {
		return &expr{t: t, at: at, fixed: fixed, value: func(f *frame) value {
			v, w := x.value(f).f, y.value(f).f
			switch op {
			case "+":
				return value{f: v + w}
			case "-":
				return value{f: v - w}
			case "*":
				return value{f: v * w}
			}
			return value{f: v / w}
		}}
	}
	unsigned := t.unsigned()
	return &expr{t: t, at: at, fixed: fixed, value: func(f *frame) value {
		v, w := x.value(f).i, y.value(f).i
		switch op {
		case "+":
			v += w
		case "-":
			v -= w
		case "*":
			v *= w
		case "/", "%":
			if w == 0 {
				f.m.divide(at)
			}
			switch {
			case op == "/" && unsigned:
				v = int64(uint64(v) / uint64(w))
			case unsigned:
				v = int64(uint64(v) % uint64(w))
			case w == -1 && op == "/":
				v = -v
			case w == -1:
				v = 0
			case op == "/":
				v /= w
			default:
				v %= w
			}
		case "&":
			v &= w
		case "|":
			v |= w
		case "^":
			v ^= w
		case "<<":
			v <<= uint64(w) & 63
		case ">>":
			if unsigned {
				v = int64(uint64(v) >> (uint64(w) & 63))
			} else {
				v >>= uint64(w) & 63
			}
		}
		return value{i: wrap(v, t)}
	}}
}

func ordered(op string, less, equal bool) bool {
	switch op {
	case "==":
		return equal
	case "!=":
		return !equal
	case "<":
		return less
	case "<=":
		return less || equal
	case ">":
		return !less && !equal
	}
	return !less
}

// convertTo converts e as an assignment to t does.
func (ps *parser) convertTo(e *expr, t *ctype) *expr {
	from := e.t
	switch {
	case t.number() && from.number(), t.k == void:
	case t.k == pointer && from.address():
		if d := decay(from); d.elem.k != void && t.elem.k != void && !same(d.elem, t.elem) && !(d.elem.k <= uchar && t.elem.k <= uchar) {
			e.at.throw("sorry, unimplemented", "a '%s' as a '%s' in the lab's C", d, t)
		}
	case t.k == pointer && from.integer() && e.fixed && ps.constant(e) == 0:
	case t.integer() && from.address(), t.k == pointer && from.integer():
		e.at.throw("sorry, unimplemented", "a '%s' as a '%s' in the lab's C", decay(from), t)
	default:
		e.at.throw("error", "incompatible types when assigning to type '%s' from type '%s'", t, from)
	}
	if from == t {
		return e
	}
	return &expr{t: t, at: e.at, fixed: e.fixed, value: func(f *frame) value { return convert(e.value(f), from, t) }}
}

func (ps *parser) cast() *expr {
	ps.enter()
	defer ps.leave()
	if ps.is("(") && ps.n+1 < len(ps.tokens) && typeWords[ps.tokens[ps.n+1].text] && ps.tokens[ps.n+1].kind == name {
		at := ps.next()
		base, _, _ := ps.baseType()
		t, _, _, _ := ps.declarator(base)
		ps.expect(")")
		e := ps.cast()
		from := e.t
		if t.k == void {
			return &expr{t: tVoid, at: at, value: func(f *frame) value { e.value(f); return value{} }}
		}
		if from.k == void || t.k == pointer && from.k == double || t.k == double && from.address() {
			at.throw("error", "cannot convert from type '%s' to type '%s'", from, t)
		}
		if t.address() && from.address() {
			e = ps.convertTo(e, t)
			return &expr{t: t, at: at, value: e.value}
		}
		return &expr{t: t, at: at, fixed: e.fixed, value: func(f *frame) value { return convert(e.value(f), from, t) }}
	}
	return ps.unary()
}

func (ps *parser) unary() *expr {
	t := ps.peek()
	if t.kind == name && t.text == "sizeof" {
		ps.next()
		var of *ctype
		if ps.is("(") && ps.n+1 < len(ps.tokens) && typeWords[ps.tokens[ps.n+1].text] {
			ps.next()
			base, _, _ := ps.baseType()
			of, _, _, _ = ps.declarator(base)
			ps.expect(")")
		} else {
			of = ps.unary().t
		}
		n := of.size()
		return &expr{t: tULong, at: t, fixed: true, value: func(*frame) value { return value{i: n} }}
	}
	if t.kind != punct {
		return ps.postfix()
	}
	switch t.text {
	case "++", "--":
		ps.next()
		e := ps.unary()
		return ps.increment(e, t, true)
	case "+", "-", "~":
		ps.next()
		e := ps.cast()
		if !e.t.number() || t.text == "~" && !e.t.integer() {
			t.throw("error", "wrong type argument to unary %s", map[string]string{"-": "minus", "+": "plus", "~": "bit-complement"}[t.text])
		}
		typ := usual(e.t, tInt)
		e = ps.convertTo(e, typ)
		return &expr{t: typ, at: t, fixed: e.fixed, value: func(f *frame) value {
			v := e.value(f)
			switch t.text {
			case "-":
				return value{i: wrap(-v.i, typ), f: -v.f}
			case "~":
				return value{i: wrap(^v.i, typ)}
			}
			return v
		}}
	case "!":
		ps.next()
		e := ps.cast()
		cond := truthOf(e)
		return &expr{t: tInt, at: t, fixed: e.fixed, value: func(f *frame) value { return number01(!cond(f)) }}
	case "*":
		ps.next()
		e := ps.cast()
		return ps.deref(e, t)
	case "&":
		ps.next()
		e := ps.cast()
		if e.place == nil {
			t.throw("error", "lvalue required as unary '&' operand")
		}
		return &expr{t: &ctype{k: pointer, elem: e.t}, at: t, value: func(f *frame) value { return value{p: e.place(f)} }}
	}
	return ps.postfix()
}

// deref is what e points to.
func (ps *parser) deref(e *expr, at token) *expr {
	if !e.t.address() {
		at.throw("error", "invalid type argument of unary '*' (have '%s')", e.t)
	}
	elem := decay(e.t).elem
	if elem.k == void || elem.k == stream {
		at.throw("error", "dereferencing 'void *' pointer")
	}
	return lvalue(elem, at, func(f *frame) address { return e.value(f).p })
}

// lvalue is an expression with a place. An array's value is its address.
func lvalue(t *ctype, at token, place func(f *frame) address) *expr {
	e := &expr{t: t, at: at, place: place}
	if t.k == array {
		e.value = func(f *frame) value { return value{p: place(f)} }
	} else {
		e.value = func(f *frame) value { return f.m.load(place(f), at) }
	}
	return e
}

func (ps *parser) increment(e *expr, at token, before bool) *expr {
	if e.place == nil || e.t.k == array {
		at.throw("error", "lvalue required as %s operand", map[string]string{"++": "increment", "--": "decrement"}[at.text])
	}
	n := 1
	if at.text == "--" {
		n = -1
	}
	t := e.t
	return &expr{t: t, at: at, value: func(f *frame) value {
		p := e.place(f)
		old := f.m.load(p, at)
		v := old
		switch {
		case t.k == pointer:
			v.p.off += n * t.elem.cells()
		case t.k == double:
			v.f += float64(n)
		default:
			v.i = wrap(v.i+int64(n), t)
		}
		f.m.put(p, v, at)
		if before {
			return v
		}
		return old
	}}
}

func (ps *parser) postfix() *expr {
	e := ps.primary()
	for {
		t := ps.peek()
		if t.kind != punct {
			return e
		}
		switch t.text {
		case "[":
			ps.next()
			i := ps.expression()
			ps.expect("]")
			if !e.t.address() && !i.t.address() {
				t.throw("error", "subscripted value is neither array nor pointer nor vector")
			}
			e = ps.deref(ps.binary(t, "+", e, i), t)
		case "++", "--":
			ps.next()
			e = ps.increment(e, t, false)
		case ".", "->":
			t.throw("sorry, unimplemented", "a struct in the lab's C")
		case "(":
			t.throw("sorry, unimplemented", "a call of a pointer in the lab's C")
		default:
			return e
		}
	}
}

func (ps *parser) primary() *expr {
	t := ps.next()
	switch t.kind {
	case number:
		return literal(t)
	case char:
		v := int64(int8(t.text[0]))
		return &expr{t: tInt, at: t, fixed: true, value: func(*frame) value { return value{i: v} }}
	case text:
		ps.n--
		s := ps.stringConstant()
		typ := &ctype{k: array, elem: tChar, n: len(s) + 1}
		o := constantString(s)
		return lvalue(typ, t, func(*frame) address { return address{o: o} })
	case name:
		if ps.is("(") {
			return ps.call(t)
		}
		g := ps.local(t.text)
		if g == nil {
			if s, ok := streams[t.text]; ok {
				return &expr{t: &ctype{k: pointer, elem: tFile}, at: t, value: func(f *frame) value { return value{p: address{o: f.m.streams[s]}} }}
			}
			if t.text == "errno" {
				return lvalue(tInt, t, func(f *frame) address { return address{o: f.m.errno} })
			}
			if unsupported[t.text] {
				t.throw("sorry, unimplemented", "'%s' in the lab's C", t.text)
			}
			if ps.unit.funcs[t.text] != nil {
				t.throw("sorry, unimplemented", "a pointer to a function in the lab's C")
			}
			where := " (first use in this function)"
			if ps.fn == nil {
				where = " here (not in a function)"
			}
			t.throw("error", "'%s' undeclared%s", t.text, where)
		}
		if g.slot >= 0 {
			slot := g.slot
			return lvalue(g.t, t, func(f *frame) address { return address{o: f.slots[slot]} })
		}
		unit, id := ps.unit, t.text
		if g.extern {
			return lvalue(g.t, t, func(f *frame) address {
				if real := f.m.globals[id]; real != nil {
					return address{o: real.object}
				}
				return address{o: g.object}
			})
		}
		_ = unit
		return lvalue(g.t, t, func(f *frame) address { return address{o: g.object} })
	case punct:
		if t.text == "(" {
			e := ps.expression()
			ps.expect(")")
			return e
		}
	case end:
		t.throw("error", "expected expression at end of input")
	}
	if t.kind == punct || t.kind == name {
		t.throw("error", "expected expression before '%s' token", t.text)
	}
	t.throw("error", "expected expression")
	return nil
}

// call reads the arguments of a function, of the unit, of another one, or of the library.
func (ps *parser) call(id token) *expr {
	ps.expect("(")
	var args []*expr
	for !ps.is(")") {
		args = append(args, ps.assignment())
		if !ps.accept(",") {
			break
		}
	}
	ps.expect(")")
	fn := ps.unit.funcs[id.text]
	if lib, ok := library[id.text]; ok && (fn == nil || fn.body == nil && !fn.static) {
		return ps.libraryCall(id, lib, args)
	}
	if fn == nil {
		w := id.fail("warning", "implicit declaration of function '%s' [-Wimplicit-function-declaration]", id.text)
		if ps.fn != nil {
			w.Func = ps.fn.name
		}
		ps.unit.Warnings = append(ps.unit.Warnings, w)
		fn = &function{name: id.text, result: tInt, at: id}
		ps.unit.funcs[id.text] = fn
	}
	if fn.known && len(args) != len(fn.params) {
		few := "few"
		if len(args) > len(fn.params) {
			few = "many"
		}
		if len(fn.params) > 0 || fn.body != nil {
			id.throw("error", "too %s arguments to function '%s'", few, id.text)
		}
	}
	for i := range args {
		if i < len(fn.params) {
			args[i] = ps.convertTo(args[i], fn.params[i].t)
		} else if args[i].t.k == void {
			args[i].at.throw("error", "invalid use of void expression")
		}
	}
	ps.unit.Uses = append(ps.unit.Uses, id.text)
	return &expr{t: fn.result, at: id, value: func(f *frame) value {
		target := fn
		if target.body == nil {
			if target = f.m.funcs[id.text]; target == nil {
				f.m.fault(id)
			}
		}
		vals := make([]value, len(args))
		for i, a := range args {
			vals[i] = a.value(f)
		}
		return f.m.call(target, vals, id)
	}}
}

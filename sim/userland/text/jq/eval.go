package jq

import (
	"fmt"
	"math"
	"strings"
	"sync"
)

// Config is the world of a program.
type Config struct {
	Vars   map[string]any      // $name
	Env    func() *Object      // the environment
	Inputs func() (any, error) // the next input; io.EOF at the end
	Now    func() float64      // seconds since 1970
	Debug  func(msg string)    // what debug and stderr write to standard error
	Line   func() int          // of the input
	File   func() any          // its name, or nil
	Step   func(n int)         // is told of the work done
}

// Program is a program that can be run.
type Program struct {
	root *node
	conf Config
	in   *interp
	env  *env
}

// Compile reads a program and looks for what is not defined in it.
func Compile(src string, conf Config) (*Program, error) {
	n, err := Parse(src)
	if err != nil {
		return nil, err
	}
	in := &interp{conf: conf}
	e := prelude()
	for name := range conf.Vars {
		e = &env{up: e, name: "$" + name, value: conf.Vars[name]}
	}
	e = &env{up: e, name: "$ENV", value: nil, lazy: conf.Env}
	if err := check(n, e); err != nil {
		return nil, err
	}
	return &Program{root: n, conf: conf, in: in, env: e}, nil
}

// Run evaluates the program for an input. yield is called with each result; an error that it
// returns ends the run and is given back.
func (p *Program) Run(input any, yield func(v any) error) error {
	return p.in.eval(p.root, p.env, pv{v: input}, func(v pv) error { return yield(v.v) })
}

// pv is a value with its path; no path is kept where path is nil.
type pv struct {
	v    any
	path []any
}

func (p pv) child(key, v any) pv {
	if p.path == nil {
		return pv{v: v}
	}
	return pv{v, append(p.path[:len(p.path):len(p.path)], key)}
}

// env is what names stand for: variables as "$x", functions as "f/1", labels as "*x".
type env struct {
	up    *env
	name  string
	value any
	lazy  func() *Object
	fn    *function
	def   *env // where fn was defined
	arg   *node
	argIn *env // where arg is to be evaluated
}

func (e *env) find(name string) *env {
	for ; e != nil; e = e.up {
		if e.name == name {
			return e
		}
	}
	return nil
}

type interp struct {
	conf   Config
	depth  int
	labels int
}

func sig(name string, n int) string { return fmt.Sprintf("%s/%d", name, n) }

// check looks for names that nothing defines.
func check(n *node, e *env) error {
	if n == nil {
		return nil
	}
	switch n.op {
	case "call":
		s := sig(n.text, len(n.args))
		if e.find(s) == nil && builtins[s] == nil {
			return &SyntaxError{s + " is not defined", n.at}
		}
	case "var":
		if e.find("$"+n.text) == nil {
			return &SyntaxError{"$" + n.text + " is not defined", n.at}
		}
	case "break":
		if e.find("*"+n.text) == nil {
			return &SyntaxError{"$*label-" + n.text + " is not defined", n.at}
		}
	case "def":
		if err := check(n.fn.body, defEnv(n.fn, &env{up: e, name: sig(n.fn.name, len(n.fn.params))})); err != nil {
			return err
		}
		return check(n.a, &env{up: e, name: sig(n.fn.name, len(n.fn.params))})
	case "label":
		return check(n.a, &env{up: e, name: "*" + n.text})
	case "as", "reduce", "foreach":
		if err := check(n.a, e); err != nil {
			return err
		}
		in := e
		for _, v := range n.pat.vars(nil) {
			in = &env{up: in, name: "$" + v}
		}
		parts := []*node{n.b, n.c, n.d}
		if n.op != "as" {
			if err := check(n.b, e); err != nil {
				return err
			}
			parts = parts[1:]
		}
		for _, part := range parts {
			if err := check(part, in); err != nil {
				return err
			}
		}
		return nil
	}
	for _, c := range append([]*node{n.a, n.b, n.c, n.d}, n.args...) {
		if err := check(c, e); err != nil {
			return err
		}
	}
	for _, p := range n.pieces {
		if err := check(p.expr, e); err != nil {
			return err
		}
	}
	for _, en := range n.entries {
		if err := check(en.key, e); err != nil {
			return err
		}
		if err := check(en.val, e); err != nil {
			return err
		}
	}
	return nil
}

func defEnv(fn *function, e *env) *env {
	for _, p := range fn.params {
		e = &env{up: e, name: sig(strings.TrimPrefix(p, "$"), 0)}
		if strings.HasPrefix(p, "$") {
			e = &env{up: e, name: p}
		}
	}
	return e
}

func (p *pattern) vars(list []string) []string {
	if p == nil {
		return list
	}
	if p.name != "" {
		list = append(list, p.name)
	}
	for _, b := range p.bind {
		if b != "" {
			list = append(list, b)
		}
	}
	for _, s := range append(p.array, p.vals...) {
		list = s.vars(list)
	}
	return list
}

// eval evaluates n for in and calls out with each result.
func (in *interp) eval(n *node, e *env, x pv, out func(pv) error) error {
	if in.conf.Step != nil {
		in.conf.Step(1)
	}
	if in.depth++; in.depth > 10*maxDepth {
		return ErrDepth
	}
	defer func() { in.depth-- }()
	switch n.op {
	case ".":
		return out(x)
	case "num":
		return in.value(x, n.num, out)
	case "null":
		return in.value(x, nil, out)
	case "true", "false":
		return in.value(x, n.op == "true", out)
	case "string":
		return in.str(n, e, x, 0, "", out)
	case "format":
		s, err := format(n.text, x.v)
		if err != nil {
			return err
		}
		return in.value(x, s, out)
	case "|":
		return in.eval(n.a, e, x, func(v pv) error { return in.eval(n.b, e, v, out) })
	case ",":
		if err := in.eval(n.a, e, x, out); err != nil {
			return err
		}
		return in.eval(n.b, e, x, out)
	case "[]":
		return in.value(x, []any{}, out)
	case "[":
		list := []any{}
		err := in.eval(n.a, e, pv{v: x.v}, func(v pv) error {
			list = append(list, v.v)
			return in.room(len(list))
		})
		if err != nil {
			return err
		}
		return in.value(x, list, out)
	case "{":
		return in.object(n.entries, e, x, newObject(), out)
	case "neg":
		return in.eval(n.a, e, pv{v: x.v}, func(v pv) error {
			f, ok := v.v.(float64)
			if !ok {
				return errorf("%s cannot be negated", described(v.v))
			}
			return in.value(x, -f, out)
		})
	case "index":
		return in.eval(n.a, e, x, func(v pv) error {
			return in.eval(n.b, e, pv{v: x.v}, func(i pv) error {
				r, err := index(v.v, i.v)
				if err != nil {
					return err
				}
				return out(v.child(i.v, r))
			})
		})
	case "slice":
		return in.eval(n.a, e, x, func(v pv) error {
			bound := func(b *node, f func(any) error) error {
				if b == nil {
					return f(nil)
				}
				return in.eval(b, e, pv{v: x.v}, func(i pv) error { return f(i.v) })
			}
			return bound(n.c, func(to any) error {
				return bound(n.b, func(from any) error {
					r, err := slice(v.v, from, to)
					if err != nil {
						return err
					}
					key := newObject()
					key.set("start", from)
					key.set("end", to)
					return out(v.child(key, r))
				})
			})
		})
	case "each":
		return in.eval(n.a, e, x, func(v pv) error { return in.each(v, out) })
	case "if":
		return in.eval(n.a, e, pv{v: x.v}, func(c pv) error {
			if truthy(c.v) {
				return in.eval(n.b, e, x, out)
			}
			return in.eval(n.c, e, x, out)
		})
	case "try":
		return in.try(n, e, x, out)
	case "and", "or":
		return in.eval(n.a, e, pv{v: x.v}, func(a pv) error {
			if truthy(a.v) == (n.op == "or") {
				return in.value(x, n.op == "or", out)
			}
			return in.eval(n.b, e, pv{v: x.v}, func(b pv) error { return in.value(x, truthy(b.v), out) })
		})
	case "//":
		any := false
		err := in.eval(n.a, e, x, func(v pv) error {
			if !truthy(v.v) {
				return nil
			}
			any = true
			if err := out(v); err != nil {
				return passing{err}
			}
			return nil
		})
		if p, ok := err.(passing); ok {
			return p.error
		}
		if _, soft := err.(*Error); err != nil && !soft {
			return err
		}
		if any {
			return nil
		}
		return in.eval(n.b, e, x, out)
	case "==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "%":
		return in.eval(n.b, e, pv{v: x.v}, func(b pv) error {
			return in.eval(n.a, e, pv{v: x.v}, func(a pv) error {
				r, err := in.operate(n.op, a.v, b.v)
				if err != nil {
					return err
				}
				return in.value(x, r, out)
			})
		})
	case "=", "|=", "+=", "-=", "*=", "/=", "%=", "//=":
		return in.assign(n, e, x, out)
	case "var":
		b := e.find("$" + n.text)
		if b == nil {
			return errorf("$%s is not defined", n.text)
		}
		if b.lazy != nil {
			return in.value(x, b.lazy(), out)
		}
		return in.value(x, b.value, out)
	case "as":
		return in.eval(n.a, e, pv{v: x.v}, func(v pv) error {
			return in.bind(n.pat, v.v, e, x.v, func(e *env) error { return in.eval(n.b, e, x, out) })
		})
	case "reduce":
		return in.eval(n.b, e, x, func(acc pv) error {
			err := in.eval(n.a, e, pv{v: x.v}, func(v pv) error {
				return in.bind(n.pat, v.v, e, x.v, func(e *env) error {
					last := pv{path: acc.path}
					err := in.eval(n.c, e, acc, func(r pv) error { last = r; return nil })
					acc = last
					return err
				})
			})
			if err != nil {
				return err
			}
			return out(acc)
		})
	case "foreach":
		return in.eval(n.b, e, x, func(acc pv) error {
			return in.eval(n.a, e, pv{v: x.v}, func(v pv) error {
				return in.bind(n.pat, v.v, e, x.v, func(e *env) error {
					return in.eval(n.c, e, acc, func(r pv) error {
						acc = r
						if n.d == nil {
							return out(r)
						}
						return in.eval(n.d, e, r, out)
					})
				})
			})
		})
	case "label":
		in.labels++
		id := in.labels
		err := in.eval(n.a, &env{up: e, name: "*" + n.text, value: id}, x, out)
		if b, ok := err.(breakError); ok && b.label == id {
			return nil
		}
		return err
	case "break":
		return breakError{e.find("*" + n.text).value.(int)}
	case "def":
		d := &env{up: e, name: sig(n.fn.name, len(n.fn.params)), fn: n.fn}
		d.def = d
		return in.eval(n.a, d, x, out)
	case "call":
		return in.call(n, e, x, out)
	}
	return errorf("jq: unknown expression %s", n.op)
}

// passing carries an error of what comes after out of what catches errors.
type passing struct{ error }

// room bounds the length of a list.
func (in *interp) room(n int) error {
	if n > 4<<20 {
		return errorf("array is too large")
	}
	return nil
}

// value gives out a value that is no part of the input.
func (in *interp) value(x pv, v any, out func(pv) error) error {
	if x.path != nil {
		return out(pv{v, noPath})
	}
	return out(pv{v: v})
}

// noPath marks a value that has no path while paths are wanted.
var noPath = []any{&Object{}}

func isNoPath(p []any) bool { return len(p) > 0 && p[0] == noPath[0] }

func (in *interp) try(n *node, e *env, x pv, out func(pv) error) error {
	err := in.eval(n.a, e, x, func(v pv) error {
		if err := out(v); err != nil {
			return passing{err}
		}
		return nil
	})
	switch err := err.(type) {
	case passing:
		return err.error
	case *Error:
		if o, ok := err.Value.(*Object); ok && o.vals["__jq"] != nil {
			return nil // error(break)
		}
		if n.b == nil || err.Value == nil {
			return nil
		}
		return in.eval(n.b, e, pv{v: err.Value}, out)
	}
	return err
}

// str builds a string of pieces, each value of an expression by the format.
func (in *interp) str(n *node, e *env, x pv, i int, sofar string, out func(pv) error) error {
	if len(sofar) > 16<<20 {
		return errorf("string is too long")
	}
	if i == len(n.pieces) {
		return in.value(x, sofar, out)
	}
	p := n.pieces[i]
	if p.expr == nil {
		return in.str(n, e, x, i+1, sofar+p.text, out)
	}
	return in.eval(p.expr, e, pv{v: x.v}, func(v pv) error {
		name := n.text
		if name == "" {
			name = "@text"
		}
		s, err := format(name, v.v)
		if err != nil {
			return err
		}
		return in.str(n, e, x, i+1, sofar+s, out)
	})
}

func (in *interp) object(entries []entry, e *env, x pv, o *Object, out func(pv) error) error {
	if len(entries) == 0 {
		return in.value(x, o, out)
	}
	return in.eval(entries[0].key, e, pv{v: x.v}, func(k pv) error {
		key, ok := k.v.(string)
		if !ok {
			return errorf("Cannot use %s as object key", described(k.v))
		}
		val := entries[0].val
		return in.eval(val, e, pv{v: x.v}, func(v pv) error {
			next := o.clone()
			next.set(key, v.v)
			return in.object(entries[1:], e, x, next, out)
		})
	})
}

func (in *interp) each(v pv, out func(pv) error) error {
	switch c := v.v.(type) {
	case []any:
		for i, x := range c {
			if err := out(v.child(float64(i), x)); err != nil {
				return err
			}
		}
	case *Object:
		for _, k := range c.keys {
			if err := out(v.child(k, c.vals[k])); err != nil {
				return err
			}
		}
	case nil:
		if v.path != nil {
			return nil
		}
		return errorf("Cannot iterate over null")
	default:
		return errorf("Cannot iterate over %s", described(v.v))
	}
	return nil
}

// bind takes v apart by a pattern.
func (in *interp) bind(p *pattern, v any, e *env, input any, then func(*env) error) error {
	switch {
	case p.name != "":
		return then(&env{up: e, name: "$" + p.name, value: v})
	case p.obj:
		return in.bindKeys(p, 0, v, e, input, then)
	}
	return in.bindItems(p, 0, v, e, input, then)
}

func (in *interp) bindItems(p *pattern, i int, v any, e *env, input any, then func(*env) error) error {
	if i == len(p.array) {
		return then(e)
	}
	item, err := index(v, float64(i))
	if err != nil {
		return err
	}
	return in.bind(p.array[i], item, e, input, func(e *env) error { return in.bindItems(p, i+1, v, e, input, then) })
}

func (in *interp) bindKeys(p *pattern, i int, v any, e *env, input any, then func(*env) error) error {
	if i == len(p.keys) {
		return then(e)
	}
	return in.eval(p.keys[i], e, pv{v: input}, func(k pv) error {
		if _, ok := k.v.(string); !ok {
			return errorf("Cannot index %s with %s", typeOf(v), typeOf(k.v))
		}
		item, err := index(v, k.v)
		if err != nil {
			return err
		}
		e := e
		if p.bind[i] != "" {
			e = &env{up: e, name: "$" + p.bind[i], value: item}
		}
		next := func(e *env) error { return in.bindKeys(p, i+1, v, e, input, then) }
		if p.vals[i] == nil {
			return next(e)
		}
		return in.bind(p.vals[i], item, e, input, next)
	})
}

// call evaluates a function: a parameter, one that the program defines, or a builtin.
func (in *interp) call(n *node, e *env, x pv, out func(pv) error) error {
	s := sig(n.text, len(n.args))
	b := e.find(s)
	switch {
	case b == nil:
		f := builtins[s]
		if f == nil {
			return errorf("%s is not defined", s)
		}
		return f(in, n.args, e, x, out)
	case b.arg != nil:
		return in.eval(b.arg, b.argIn, x, out)
	case b.fn == nil: // a value parameter called as a function
		return in.value(x, b.value, out)
	}
	return in.params(b.fn, b.def, n.args, 0, e, x, b.def, out)
}

// params binds the arguments from i on and evaluates the body.
func (in *interp) params(fn *function, def *env, args []*node, i int, caller *env, x pv, inner *env, out func(pv) error) error {
	if i == len(args) {
		return in.eval(fn.body, inner, x, out)
	}
	p := fn.params[i]
	if !strings.HasPrefix(p, "$") {
		return in.params(fn, def, args, i+1, caller, x, &env{up: inner, name: sig(p, 0), arg: args[i], argIn: caller}, out)
	}
	return in.eval(args[i], caller, pv{v: x.v}, func(v pv) error {
		e := &env{up: &env{up: inner, name: sig(p[1:], 0), value: v.v}, name: p, value: v.v}
		return in.params(fn, def, args, i+1, caller, x, e, out)
	})
}

// paths calls f with each path that n yields for v.
func (in *interp) paths(n *node, e *env, v any, f func(pv) error) error {
	return in.eval(n, e, pv{v, []any{}}, func(p pv) error {
		if isNoPath(p.path) {
			return errorf("Invalid path expression with result %s", Format(p.v, Style{}))
		}
		return f(p)
	})
}

func (in *interp) assign(n *node, e *env, x pv, out func(pv) error) error {
	update := func(f func(old any) (any, bool, error)) (any, error) {
		result := x.v
		var gone []any
		err := in.paths(n.a, e, x.v, func(p pv) error {
			old, err := getPath(result, p.path)
			if err != nil {
				return err
			}
			v, ok, err := f(old)
			if err != nil {
				return err
			}
			if !ok {
				gone = append(gone, any(p.path))
				return nil
			}
			result, err = setPath(result, p.path, v)
			return err
		})
		if err == nil && len(gone) > 0 {
			result, err = deletePaths(result, gone)
		}
		return result, err
	}
	if n.op == "|=" {
		r, err := update(func(old any) (v any, ok bool, err error) {
			stop := breakError{-1}
			err = in.eval(n.b, e, pv{v: old}, func(r pv) error { v, ok = r.v, true; return stop })
			if err == stop {
				err = nil
			}
			return v, ok, err
		})
		if err != nil {
			return err
		}
		return in.value(x, r, out)
	}
	return in.eval(n.b, e, pv{v: x.v}, func(b pv) error {
		r, err := update(func(old any) (any, bool, error) {
			switch n.op {
			case "=":
				return b.v, true, nil
			case "//=":
				if truthy(old) {
					return old, true, nil
				}
				return b.v, true, nil
			}
			v, err := in.operate(n.op[:1], old, b.v)
			return v, true, err
		})
		if err != nil {
			return err
		}
		return in.value(x, r, out)
	})
}

func index(v, i any) (any, error) {
	switch c := v.(type) {
	case nil:
		switch i.(type) {
		case string, float64, nil:
			return nil, nil
		case *Object:
			return slice(v, i.(*Object).vals["start"], i.(*Object).vals["end"])
		}
	case *Object:
		if k, ok := i.(string); ok {
			return c.vals[k], nil
		}
	case []any:
		switch i := i.(type) {
		case float64:
			n := int(math.Floor(i))
			if n < 0 {
				n += len(c)
			}
			if n < 0 || n >= len(c) {
				return nil, nil
			}
			return c[n], nil
		case *Object:
			return slice(v, i.vals["start"], i.vals["end"])
		case []any:
			return indices(c, i), nil
		}
	case string:
		if o, ok := i.(*Object); ok {
			return slice(v, o.vals["start"], o.vals["end"])
		}
	}
	if k, ok := i.(string); ok {
		return nil, errorf("Cannot index %s with string \"%s\"", typeOf(v), k)
	}
	return nil, errorf("Cannot index %s with %s", typeOf(v), typeOf(i))
}

// bounds turns the ends of a slice into indexes of something of length n.
func bounds(from, to any, n int) (int, int, error) {
	a, b := 0.0, float64(n)
	var ok bool
	if from != nil {
		if a, ok = from.(float64); !ok {
			return 0, 0, errorf("Start and end indices of an array slice must be numbers")
		}
		a = math.Floor(a)
	}
	if to != nil {
		if b, ok = to.(float64); !ok {
			return 0, 0, errorf("Start and end indices of an array slice must be numbers")
		}
		b = math.Ceil(b)
	}
	if a < 0 {
		a += float64(n)
	}
	if b < 0 {
		b += float64(n)
	}
	i := int(max(0, min(a, float64(n))))
	return i, int(max(float64(i), min(b, float64(n)))), nil
}

func slice(v, from, to any) (any, error) {
	switch c := v.(type) {
	case nil:
		return nil, nil
	case []any:
		i, j, err := bounds(from, to, len(c))
		if err != nil {
			return nil, err
		}
		return append([]any{}, c[i:j]...), nil
	case string:
		r := []rune(c)
		i, j, err := bounds(from, to, len(r))
		if err != nil {
			return nil, err
		}
		return string(r[i:j]), nil
	}
	return nil, errorf("Cannot index %s with object", typeOf(v))
}

func getPath(v any, path []any) (any, error) {
	for _, k := range path {
		if v == nil {
			return nil, nil
		}
		var err error
		if v, err = index(v, k); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// setPath gives v with the value at path replaced; what is missing on the way is made.
func setPath(v any, path []any, to any) (any, error) {
	if len(path) == 0 {
		return to, nil
	}
	old, err := index(v, path[0])
	if err != nil {
		return nil, err
	}
	inner, err := setPath(old, path[1:], to)
	if err != nil {
		return nil, err
	}
	switch k := path[0].(type) {
	case string:
		o, _ := v.(*Object)
		if o == nil {
			o = newObject()
		}
		o = o.clone()
		o.set(k, inner)
		return o, nil
	case float64:
		list, _ := v.([]any)
		i := int(math.Floor(k))
		if i < 0 {
			if i += len(list); i < 0 {
				return nil, errorf("Out of bounds negative array index")
			}
		}
		if i > 1<<20 && i > 2*len(list) {
			return nil, errorf("Array index too large")
		}
		list = append([]any{}, list...)
		for len(list) <= i {
			list = append(list, nil)
		}
		list[i] = inner
		return list, nil
	case *Object:
		list, _ := v.([]any)
		i, j, err := bounds(k.vals["start"], k.vals["end"], len(list))
		if err != nil {
			return nil, err
		}
		in, ok := inner.([]any)
		if !ok {
			return nil, errorf("A slice of an array can only be assigned another array")
		}
		r := append([]any{}, list[:i]...)
		r = append(r, in...)
		return append(r, list[j:]...), nil
	}
	return nil, errorf("Invalid path component")
}

// deletePaths gives v without what stands at the paths; the last of them go first.
func deletePaths(v any, paths []any) (any, error) {
	paths = append([]any{}, paths...)
	sortValues(paths)
	for i := len(paths) - 1; i >= 0; i-- {
		p, ok := paths[i].([]any)
		if !ok {
			return nil, errorf("Path must be specified as an array")
		}
		var err error
		if v, err = deletePath(v, p); err != nil {
			return nil, err
		}
	}
	return v, nil
}

func deletePath(v any, path []any) (any, error) {
	if v == nil || len(path) == 0 {
		return nil, nil
	}
	if len(path) > 1 {
		old, err := index(v, path[0])
		if err != nil || old == nil {
			return v, err
		}
		inner, err := deletePath(old, path[1:])
		if err != nil {
			return nil, err
		}
		return setPath(v, path[:1], inner)
	}
	switch k := path[0].(type) {
	case string:
		if o, ok := v.(*Object); ok {
			return o.without(k), nil
		}
		return nil, errorf("Cannot delete field at object index of %s", typeOf(v))
	case float64:
		list, ok := v.([]any)
		if !ok {
			return nil, errorf("Cannot delete field at array index of %s", typeOf(v))
		}
		i := int(math.Floor(k))
		if i < 0 {
			i += len(list)
		}
		if i < 0 || i >= len(list) {
			return v, nil
		}
		return append(append([]any{}, list[:i]...), list[i+1:]...), nil
	case *Object:
		list, ok := v.([]any)
		if !ok {
			return nil, errorf("Cannot delete field at object index of %s", typeOf(v))
		}
		i, j, err := bounds(k.vals["start"], k.vals["end"], len(list))
		if err != nil {
			return nil, err
		}
		return append(append([]any{}, list[:i]...), list[j:]...), nil
	}
	return nil, errorf("Cannot delete field at array index of array")
}

// operate is an operator between two values.
func (in *interp) operate(op string, a, b any) (any, error) {
	switch op {
	case "==":
		return compare(a, b) == 0, nil
	case "!=":
		return compare(a, b) != 0, nil
	case "<":
		return compare(a, b) < 0, nil
	case "<=":
		return compare(a, b) <= 0, nil
	case ">":
		return compare(a, b) > 0, nil
	case ">=":
		return compare(a, b) >= 0, nil
	}
	x, xok := a.(float64)
	y, yok := b.(float64)
	if xok && yok {
		switch op {
		case "+":
			return x + y, nil
		case "-":
			return x - y, nil
		case "*":
			return x * y, nil
		case "/":
			if y == 0 {
				return nil, errorf("%s and %s cannot be divided because the divisor is zero", described(a), described(b))
			}
			return x / y, nil
		case "%":
			if int64(y) == 0 {
				return nil, errorf("%s and %s cannot be divided (remainder) because the divisor is zero", described(a), described(b))
			}
			d := int64(y)
			if d < 0 {
				d = -d
			}
			return float64(int64(x) % d), nil
		}
	}
	verb := map[string]string{"+": "added", "-": "subtracted", "*": "multiplied", "/": "divided", "%": "divided"}[op]
	switch op {
	case "+":
		if a == nil {
			return b, nil
		}
		if b == nil {
			return a, nil
		}
		switch l := a.(type) {
		case string:
			if r, ok := b.(string); ok {
				if len(l)+len(r) > 16<<20 {
					return nil, errorf("string is too long")
				}
				return l + r, nil
			}
		case []any:
			if r, ok := b.([]any); ok {
				if err := in.room(len(l) + len(r)); err != nil {
					return nil, err
				}
				return append(l[:len(l):len(l)], r...), nil
			}
		case *Object:
			if r, ok := b.(*Object); ok {
				o := l.clone()
				for _, k := range r.keys {
					o.set(k, r.vals[k])
				}
				return o, nil
			}
		}
	case "-":
		l, lok := a.([]any)
		r, rok := b.([]any)
		if lok && rok {
			left := []any{}
		outer:
			for _, v := range l {
				for _, w := range r {
					if compare(v, w) == 0 {
						continue outer
					}
				}
				left = append(left, v)
			}
			return left, nil
		}
	case "*":
		if l, ok := a.(*Object); ok {
			if r, ok := b.(*Object); ok {
				return merge(l, r), nil
			}
		}
		if s, ok := b.(string); ok && xok {
			return repeat(s, x)
		}
		if s, ok := a.(string); ok && yok {
			return repeat(s, y)
		}
	case "/":
		if l, ok := a.(string); ok {
			if r, ok := b.(string); ok {
				return split(l, r), nil
			}
		}
	}
	return nil, errorf("%s and %s cannot be %s", described(a), described(b), verb)
}

func repeat(s string, n float64) (any, error) {
	if n <= 0 {
		return nil, nil
	}
	times := int(math.Ceil(min(n, 1<<30)))
	if len(s)*times > 16<<20 {
		return nil, errorf("string is too long")
	}
	return strings.Repeat(s, times), nil
}

func merge(a, b *Object) *Object {
	o := a.clone()
	for _, k := range b.keys {
		l, lok := o.vals[k].(*Object)
		r, rok := b.vals[k].(*Object)
		if lok && rok {
			o.set(k, merge(l, r))
		} else {
			o.set(k, b.vals[k])
		}
	}
	return o
}

// prelude is the environment in which every program begins: builtins in terms of others.
var prelude = sync.OnceValue(func() *env {
	p := &parser{src: definitions}
	p.next()
	var e *env
	for p.tok.kind == "def" {
		fn := p.def()
		e = &env{up: e, name: sig(fn.name, len(fn.params)), fn: fn}
		e.def = e
	}
	return e
})

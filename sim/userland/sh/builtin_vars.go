package sh

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/userland/sh/grammar"
)

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

// export is export and readonly.
func (s *shell) export(inv *invocation) int {
	name := inv.args[0]
	if s.d == Bash {
		return s.declare(inv)
	}
	args := inv.args[1:]
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' {
		a := args[0]
		switch {
		case a == "--":
		case a == "-p":
		case a == "-n" && s.d == Ash && name == "export":
			for _, n := range args[1:] {
				s.own(n).exported = false
			}
			return 0
		default:
			s.errorf(s.choose("illegal option %s", "Illegal option %s", ""), a[:2])
			panic(discard{2})
		}
		args = args[1:]
	}
	if len(args) == 0 {
		w := s.newOut()
		for _, n := range sortedKeys(s.vars) {
			v := s.vars[n]
			if name == "export" && v.exported || name == "readonly" && v.readonly {
				if v.set {
					fmt.Fprintf(w, "%s %s=%s\n", name, n, quoteSingle(v.value))
				} else {
					fmt.Fprintf(w, "%s %s\n", name, n)
				}
			}
		}
		return w.done()
	}
	for _, a := range args {
		n, value, has := strings.Cut(a, "=")
		if !grammar.IsName(n) {
			s.errorf("%s: bad variable name", n)
			panic(discard{2})
		}
		if has {
			s.assign(n, value)
		}
		v := s.own(n)
		if name == "export" {
			v.exported = true
		} else {
			v.readonly = true
		}
	}
	return 0
}

// local is local.
func (s *shell) local(inv *invocation) int {
	if len(s.locals) == 0 {
		if s.d == Bash {
			s.errorf("can only be used in a function")
			return 1
		}
		s.errorf("not in a function")
		panic(discard{2})
	}
	if s.d == Bash {
		return s.declare(inv)
	}
	for _, a := range inv.args[1:] {
		n, value, has := strings.Cut(a, "=")
		if n == "-" {
			sc := s.locals[len(s.locals)-1]
			if sc.opts == nil {
				o := s.opt
				o.named, o.shopt = cloneMap(o.named), cloneMap(o.shopt)
				sc.opts = &o
			}
			continue
		}
		if !grammar.IsName(n) {
			s.errorf("%s: bad variable name", n)
			panic(discard{2})
		}
		old := s.vars[n]
		if old != nil && old.readonly && has {
			s.readonlyError(n)
		}
		v := s.localize(n, s.d == Dash)
		if old == nil {
			v.set = false
		}
		if has {
			s.assign(n, value)
		}
	}
	return 0
}

// declare is bash's declare, typeset, local, export and readonly.
func (s *shell) declare(inv *invocation) int {
	cmd := inv.args[0]
	type attr struct{ on, off bool }
	attrs := map[byte]*attr{}
	for _, c := range []byte("aAilnrtuxfFgpI") {
		attrs[c] = &attr{}
	}
	allowed := map[string]string{"declare": "aAfFgiIlnrtuxp", "typeset": "aAfFgiIlnrtuxp", "local": "aAilnrtuxIp", "export": "fnp", "readonly": "aAfp"}[cmd]
	i := 1
	for ; i < len(inv.args); i++ {
		a := inv.args[i]
		if a == "--" {
			i++
			break
		}
		if len(a) < 2 || a[0] != '-' && (a[0] != '+' || cmd == "export" || cmd == "readonly") {
			break
		}
		if _, ok := inv.arrays[i]; ok {
			break
		}
		for j := 1; j < len(a); j++ {
			if strings.IndexByte(allowed, a[j]) < 0 {
				s.errorf("%c%c: invalid option", a[0], a[j])
				switch cmd {
				case "export":
					s.usage("export [-fn] [name[=value] ...] or export -p")
				case "readonly":
					s.usage("readonly [-aAf] [name[=value] ...] or readonly -p")
				case "local":
					s.usage("local [option] name[=value] ...")
				default:
					s.usage(cmd + " [-aAfFgiIlnrtux] [name[=value] ...] or " + cmd + " -p [-aAfFilnrtux] [name ...]")
				}
				return 2
			}
			if a[0] == '-' {
				attrs[a[j]].on = true
			} else {
				attrs[a[j]].off = true
			}
		}
	}
	unexport := cmd == "export" && attrs['n'].on
	if unexport {
		attrs['n'].on = false
	}
	switch cmd {
	case "export":
		attrs['x'].on = !unexport
	case "readonly":
		attrs['r'].on = true
	}
	rest := inv.args[i:]
	if attrs['f'].on || attrs['F'].on {
		return s.declareFunctions(cmd, rest, attrs['F'].on, attrs['x'].on, unexport)
	}
	if len(rest) == 0 {
		w := s.newOut()
		filter := func(v *variable) bool {
			return (!attrs['x'].on || v.exported) && (!attrs['r'].on || v.readonly) && (!attrs['i'].on || v.integer) &&
				(!attrs['a'].on || v.kind == indexed) && (!attrs['A'].on || v.kind == associative) && (!attrs['n'].on || v.nameref) &&
				(!attrs['l'].on || v.lower) && (!attrs['u'].on || v.upper)
		}
		all := s.allVars()
		names := sortedKeys(all)
		if cmd == "local" {
			names = sortedKeys(s.locals[len(s.locals)-1].saved)
		}
		plain := cmd != "export" && cmd != "readonly" && !attrs['p'].on && !attrs['x'].on && !attrs['r'].on && !attrs['i'].on && !attrs['a'].on && !attrs['A'].on
		if plain && cmd != "local" {
			s.listVars()
			return 0
		}
		for _, n := range names {
			v := all[n]
			if v == nil || !filter(v) {
				continue
			}
			fmt.Fprintln(w, s.declareLine(n, v))
		}
		return w.done()
	}
	status := 0
	for k, a := range rest {
		if attrs['p'].on && cmd != "export" && cmd != "readonly" {
			v := s.vars[a]
			if v == nil {
				if t, ok := s.dynamicArray(a); ok {
					s.print("declare -a " + a + "=" + s.arrayLiteral(t) + "\n")
					continue
				}
				s.errorf("%s: not found", a)
				status = 1
				continue
			}
			s.print(s.declareLine(a, v) + "\n")
			continue
		}
		arr := inv.arrays[i+k]
		name, value, has := a, "", false
		add := false
		index, indexed := "", false
		if arr != nil {
			name = arr.Name
		} else {
			name, value, has = strings.Cut(a, "=")
			if has && strings.HasSuffix(name, "+") {
				add, name = true, name[:len(name)-1]
			}
			if base, ix, ok := splitIndex(name); ok {
				name, index, indexed = base, ix, true
			}
		}
		if name == "-" && cmd == "local" {
			sc := s.locals[len(s.locals)-1]
			if sc.opts == nil {
				o := s.opt
				o.named, o.shopt = cloneMap(o.named), cloneMap(o.shopt)
				sc.opts = &o
			}
			continue
		}
		if !grammar.IsName(name) {
			s.errorf("`%s': not a valid identifier", a)
			status = 1
			continue
		}
		if has && !add && s.set('x') && (cmd == "export" || cmd == "readonly") {
			s.trace(name + "=" + s.traceQuote(value))
		}
		if !s.declareOne(cmd, name, attrsOn(attrs['a'].on, attrs['A'].on, attrs['i'].on, attrs['l'].on, attrs['u'].on, attrs['n'].on, attrs['r'].on, attrs['x'].on, attrs['t'].on, attrs['g'].on, attrs['I'].on),
			attrsOn(attrs['a'].off, attrs['A'].off, attrs['i'].off, attrs['l'].off, attrs['u'].off, attrs['n'].off, attrs['r'].off, attrs['x'].off || unexport, attrs['t'].off, false, false),
			arr, value, has, add, index, indexed) {
			status = 1
		}
	}
	return status
}

// attributes of a declaration.
type attributes struct {
	array, assoc, integer, lower, upper, nameref, readonly, export, trace, global, inherit bool
}

func attrsOn(a, A, i, l, u, n, r, x, t, g, I bool) attributes {
	return attributes{a, A, i, l, u, n, r, x, t, g, I}
}

func (s *shell) declareOne(cmd, name string, on, off attributes, arr *grammar.Assign, value string, has, add bool, index string, indexedElem bool) bool {
	makeLocal := len(s.locals) > 0 && !on.global && cmd != "export" && cmd != "readonly"
	if makeLocal {
		if old := s.vars[name]; old != nil && old.readonly {
			s.errorf("%s: readonly variable", name)
			return false
		}
		s.localize(name, on.inherit || s.opt.shopt["localvar_inherit"])
	} else if !on.nameref && !off.nameref {
		name = s.ref(name)
	}
	if n := len(s.tmpVars); n > 0 && (on.export || on.readonly) {
		delete(s.tmpVars[n-1], name) // "a=1 export a" is to last
	}
	if v := s.vars[name]; v != nil && v.readonly {
		if off.readonly || has || arr != nil || on.integer != v.integer && on.integer {
			s.readonlyError(name)
			return false
		}
	}
	v := s.own(name)
	if on.assoc && v.kind != associative {
		if v.kind == indexed && v.set && len(v.array) > 0 {
			s.errorf("%s: cannot convert indexed to associative array", name)
			return false
		}
		v.kind, v.assoc = associative, map[string]string{}
		if v.set && v.value != "" {
			s.setAssoc(v, "0", v.value, false)
		}
		v.value = ""
	}
	if on.array && v.kind == scalar {
		set := v.set
		s.toIndexed(v)
		v.set = set
	}
	if on.integer {
		v.integer = true
	}
	if off.integer {
		v.integer = false
	}
	if on.lower {
		v.lower, v.upper = true, false
	}
	if on.upper {
		v.upper, v.lower = true, false
	}
	if off.lower {
		v.lower = false
	}
	if off.upper {
		v.upper = false
	}
	if off.nameref {
		v.nameref = false
	}
	if off.export {
		v.exported = false
	}
	ok := true
	switch {
	case arr != nil:
		if v.kind == scalar {
			v.kind = indexed
			v.value = ""
		}
		ok = s.assignArray(arr)
	case on.nameref:
		if has && (value == name || !grammar.IsName(strings.SplitN(value, "[", 2)[0])) {
			if value == name {
				s.errorf("%s: nameref variable self references not allowed", name)
			} else {
				s.errorf("`%s': invalid variable name for name reference", value)
			}
			return false
		}
		v.nameref = true
		if has {
			v.value, v.set = value, true
		}
	case indexedElem:
		if has {
			ok = s.assignElement(name, index, value, add)
		} else if v.kind == scalar {
			s.toIndexed(v)
		}
	case has && (on.array || on.assoc) && strings.HasPrefix(value, "(") && strings.HasSuffix(value, ")"):
		// declare -a "x=(1 2)": the text is parsed again
		p := grammar.FromString(Bash, name+"="+value)
		if cmd, err := p.Next(); err == nil {
			if sc, good := cmd.(*grammar.Simple); good && len(sc.Assigns) == 1 {
				ok = s.assignArray(sc.Assigns[0])
			}
		}
	case has:
		ok = s.assignVar(name, value, add)
	}
	v = s.own(name)
	if on.export {
		v.exported = true
	}
	if on.trace {
		v.trace = true
	}
	if on.readonly {
		v.readonly = true
	}
	return ok
}

// declareLine is a variable as declare -p prints it.
func (s *shell) declareLine(name string, v *variable) string {
	f := v.flags()
	if f == "" {
		f = "-"
	}
	line := "declare -" + f + " " + name
	switch {
	case v.kind != scalar:
		if v.set {
			line += "=" + s.arrayText(v)
		}
	case v.set:
		line += "=" + s.doubleQuote(v.value)
	}
	return line
}

// arrayText is an array's elements as declare -p prints them.
func (s *shell) arrayText(v *variable) string {
	values, keys := v.elements()
	assoc := v.kind == associative
	var b strings.Builder
	b.WriteByte('(')
	for i, k := range keys {
		if i > 0 && !assoc {
			b.WriteByte(' ')
		}
		if assoc {
			k = s.quoteKey(k)
		}
		fmt.Fprintf(&b, "[%s]=%s", k, s.doubleQuote(values[i]))
		if assoc {
			b.WriteByte(' ')
		}
	}
	b.WriteByte(')')
	return b.String()
}

func (s *shell) quoteKey(k string) string {
	if k != "" && plainWord(k, "%+,-./:=@_^") {
		return k
	}
	return s.doubleQuote(k)
}

func (s *shell) arrayLiteral(values []string) string {
	var b strings.Builder
	b.WriteByte('(')
	for i, v := range values {
		if i > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, "[%d]=%s", i, s.doubleQuote(v))
	}
	b.WriteByte(')')
	return b.String()
}

func (s *shell) declareFunctions(cmd string, names []string, namesOnly, export, unexport bool) int {
	w := s.newOut()
	defer w.flush()
	if len(names) == 0 {
		for _, n := range sortedKeys(s.funcs) {
			if namesOnly {
				fmt.Fprintf(w, "declare -f %s\n", n)
			} else {
				fmt.Fprint(w, s.functionText(s.funcs[n]))
			}
		}
		return 0
	}
	status := 0
	for _, n := range names {
		f := s.funcs[n]
		if f == nil {
			if cmd == "export" || cmd == "readonly" {
				s.errorf("%s: not a function", n)
			}
			status = 1
			continue
		}
		switch {
		case cmd == "readonly":
			c := *f
			c.readonly = true
			s.funcs[n] = &c
		case cmd == "export":
			c := *f
			c.exported = !unexport
			s.funcs[n] = &c
		case namesOnly:
			fmt.Fprintln(w, n)
		default:
			fmt.Fprint(w, s.functionText(f))
		}
	}
	return status
}

func (s *shell) unsetBuiltin(args []string) int {
	vars, funcs, refs := false, false, false
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' {
		if args[0] == "--" {
			args = args[1:]
			break
		}
		for _, c := range args[0][1:] {
			switch {
			case c == 'v':
				vars = true
			case c == 'f':
				funcs = true
			case c == 'n' && s.d == Bash:
				refs = true
			default:
				if s.d == Bash {
					s.errorf("-%c: invalid option", c)
					s.usage("unset [-f] [-v] [-n] [name ...]")
					return 2
				}
				s.errorf(s.choose("illegal option -%c", "Illegal option -%c", ""), c)
				panic(discard{2})
			}
		}
		args = args[1:]
	}
	status := 0
	for _, a := range args {
		name := a
		if f := s.funcs[name]; f != nil && f.readonly && (funcs || s.d == Bash && !vars && !refs && s.vars[name] == nil) {
			s.errorf("%s: cannot unset: readonly function", name)
			status = 1
			continue
		}
		if funcs {
			delete(s.funcs, name)
			continue
		}
		if s.d == Bash {
			if base, ix, ok := splitIndex(a); ok {
				if !s.unsetElement(base, ix) {
					status = 1
				}
				continue
			}
			if refs {
				delete(s.vars, name)
				continue
			}
			if !vars && s.vars[name] == nil && s.funcs[name] != nil {
				delete(s.funcs, name)
				continue
			}
		}
		if !grammar.IsName(name) {
			if s.d == Bash {
				if vars {
					s.errorf("`%s': not a valid identifier", name)
					status = 1
				}
				continue
			}
			s.errorf("%s: bad variable name", name)
			panic(discard{2})
		}
		if !s.unset(name) {
			if s.d == Bash {
				s.errorf("%s: cannot unset: readonly variable", name)
				status = 1
				continue
			}
			s.errorf("%s: is read only", name)
			panic(discard{2})
		}
	}
	return status
}

func (s *shell) unsetElement(name, index string) bool {
	name = s.ref(name)
	v := s.vars[name]
	if v == nil {
		return true
	}
	if v.readonly {
		s.errorf("%s: cannot unset: readonly variable", name)
		return false
	}
	if index == "@" || index == "*" {
		return s.unset(name)
	}
	v = s.own(name)
	switch v.kind {
	case associative:
		index = strings.Trim(index, `"'`)
		if _, ok := v.assoc[index]; ok {
			delete(v.assoc, index)
			v.order = slices.DeleteFunc(v.order, func(k string) bool { return k == index })
		}
	case indexed:
		i := s.arithText(index)
		if i < 0 {
			i += int64(len(v.array))
		}
		if i < 0 {
			s.errorf("[%s]: bad array subscript", index)
			return false
		}
		if i < int64(len(v.array)) {
			v.array[i], v.present[i] = "", false
			for n := len(v.array); n > 0 && !v.present[n-1]; n-- {
				v.array, v.present = v.array[:n-1], v.present[:n-1]
			}
		}
	default:
		if s.arithText(index) == 0 {
			return s.unset(name)
		}
		s.errorf("%s: not an array variable", name)
		return false
	}
	return true
}

// getoptState is where getopts stands in its arguments.
type getoptState struct {
	ind int // OPTIND
	at  int // within the argument
}

func (s *shell) getopts(args []string) int {
	if len(args) < 2 {
		switch s.d {
		case Bash:
			s.usage("getopts optstring name [arg ...]")
		case Dash:
			s.errorf("Usage: getopts optstring var [arg...]")
		default:
			s.errorf("usage: getopts optstring var [arg]")
		}
		return 2
	}
	spec, name := args[0], args[1]
	list := s.pos
	if len(args) > 2 {
		list = args[2:]
	}
	quiet := strings.HasPrefix(spec, ":")
	if quiet {
		spec = spec[1:]
	}
	if !grammar.IsName(name) {
		if s.d == Bash {
			s.errorf("`%s': not a valid identifier", name)
			return 1
		}
		s.errorf("%s: bad variable name", name)
		return 2
	}
	g := &s.getopt
	if g.ind < 1 {
		g.ind = 1
	}
	setInd := func() {
		v := s.own("OPTIND")
		v.value, v.set = strconv.Itoa(g.ind), true
	}
	finish := func(opt string) int {
		setInd()
		if !s.assign(name, opt) {
			return 1
		}
		return 0
	}
	if g.at == 0 {
		if g.ind > len(list) || list[g.ind-1] == "-" || !strings.HasPrefix(list[g.ind-1], "-") {
			s.unset("OPTARG")
			finish("?")
			return 1
		}
		if list[g.ind-1] == "--" {
			g.ind++
			s.unset("OPTARG")
			finish("?")
			return 1
		}
		g.at = 1
	}
	arg := list[g.ind-1]
	if g.at >= len(arg) {
		g.at = 0
		finish("?")
		return 1
	}
	c := arg[g.at]
	g.at++
	lastChar := g.at >= len(arg)
	step := func() {
		if lastChar {
			g.ind++
			g.at = 0
		}
	}
	i := strings.IndexByte(spec, c)
	opterr := s.value("OPTERR") != "0"
	if i < 0 || c == ':' {
		step()
		if quiet {
			s.assign("OPTARG", string(c))
		} else {
			s.unset("OPTARG")
			if s.d == Bash {
				if opterr {
					fmt.Fprintf(s.p.Writer(2), "%s: illegal option -- %c\n", s.arg0, c)
				}
			} else if opterr || s.d == Dash {
				fmt.Fprintf(s.p.Writer(2), "Illegal option -%c\n", c)
			}
		}
		return finish("?")
	}
	if i+1 < len(spec) && spec[i+1] == ':' {
		if !lastChar {
			s.assign("OPTARG", arg[g.at:])
			g.ind++
			g.at = 0
			return finish(string(c))
		}
		g.at = 0
		g.ind++
		if g.ind > len(list) {
			if quiet {
				s.assign("OPTARG", string(c))
				return finish(":")
			}
			s.unset("OPTARG")
			if s.d == Bash {
				if opterr {
					fmt.Fprintf(s.p.Writer(2), "%s: option requires an argument -- %c\n", s.arg0, c)
				}
			} else {
				fmt.Fprintf(s.p.Writer(2), "No arg for -%c option\n", c)
			}
			return finish("?")
		}
		s.assign("OPTARG", list[g.ind-1])
		g.ind++
		return finish(string(c))
	}
	step()
	if s.d == Bash {
		s.unset("OPTARG")
	} else {
		s.assign("OPTARG", "")
	}
	return finish(string(c))
}

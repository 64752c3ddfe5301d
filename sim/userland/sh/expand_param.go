package sh

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/dockerlab/dockerlab/sim/userland/sh/grammar"
)

// value is what a parameter holds: one string, or the list of "$@" and its like.
type pvalue struct {
	set  bool
	text string
	list []string
	many bool // list counts
	star bool // "*" rather than "@"
}

// param expands a parameter.
func (s *shell) param(b *builder, x *grammar.Param, m mode) {
	s.p.Step(1)
	if x.Bad {
		s.badSubstitution(x)
	}
	if x.Names {
		s.emitList(b, s.namesWith(x.Name), x.Op == "*", m)
		return
	}
	if x.Indirect && (x.IndexAs == "@" || x.IndexAs == "*") {
		_, keys := s.elements(x.Name)
		s.emitList(b, keys, x.IndexAs == "*", m)
		return
	}
	v := s.paramValue(x)
	name := x.Name
	if x.Index != nil {
		name += "[" + x.IndexAs + "]"
	}
	if x.Indirect {
		v, name = s.indirect(x, v)
	}
	if x.Length {
		s.emit(b, strconv.Itoa(s.paramLength(x, v)), m)
		return
	}
	switch x.Op {
	case "-", ":-", "+", ":+", "=", ":=", "?", ":?":
		unset := !v.set && !(v.many && s.d != Bash)
		if x.Op[0] == ':' {
			if v.many {
				unset = len(v.list) == 0 || len(v.list) == 1 && v.list[0] == ""
			} else {
				unset = unset || v.text == ""
			}
		}
		switch x.Op[len(x.Op)-1] {
		case '+':
			if !unset {
				s.operand(b, x.Arg, m)
			} else if m.quoted && !v.many {
				b.quoted("")
			}
			return
		case '-':
			if unset {
				s.operand(b, x.Arg, m)
				return
			}
		case '=':
			if unset {
				s.assignDefault(b, x, name, m)
				return
			}
		case '?':
			if unset {
				s.missing(x, name)
			}
		}
		s.emitValue(b, v, m)
		return
	}
	if !v.set && x.Op != "" && x.Op != "@" {
		s.unbound(x, name, v)
	} else if !v.set {
		if !(x.Op == "@") {
			s.unbound(x, name, v)
		}
	}
	switch x.Op {
	case "":
	case "#", "##", "%", "%%":
		pat := s.pattern(x.Arg)
		if v.many && s.d != Bash && len(v.list) > 1 {
			// ash and dash strip the parameters as one text
			const sep = "\x00"
			v.list = strings.Split(s.strip(strings.Join(v.list, sep), pat, x.Op), sep)
			break
		}
		v.each(func(t string) string { return s.strip(t, pat, x.Op) })
	case "/", "//", "/#", "/%":
		s.replace(&v, x)
	case ":":
		s.slice(&v, x)
	case "^", "^^", ",", ",,", "~", "~~":
		pat := "?"
		if x.Arg != nil && len(x.Arg.Parts) > 0 {
			pat = s.pattern(x.Arg)
		}
		mt := s.matcher()
		v.each(func(t string) string { return changeCase(t, x.Op, func(c string) bool { return mt.match(pat, c) }) })
	case "@":
		op, _ := x.Arg.Literal()
		s.transform(&v, x, name, op)
	}
	s.emitValue(b, v, m)
}

func (v *pvalue) each(f func(string) string) {
	if v.many {
		out := make([]string, len(v.list))
		for i, t := range v.list {
			out[i] = f(t)
		}
		v.list = out
		return
	}
	v.text = f(v.text)
}

// operand expands the word of ${x-word} in its place.
func (s *shell) operand(b *builder, w *grammar.Word, m mode) {
	if w == nil || len(w.Parts) == 0 {
		if m.quoted {
			b.quoted("")
		}
		return
	}
	if m.quoted && !(len(w.Parts) == 1 && isAt(w.Parts[0])) {
		b.quoted("")
	}
	m.param = !m.quoted
	s.parts(b, w.Parts, m)
}

func isAt(p grammar.Part) bool {
	q, ok := p.(*grammar.Param)
	return ok && (q.Name == "@" || q.IndexAs == "@")
}

func (s *shell) emitValue(b *builder, v pvalue, m mode) {
	if v.many {
		s.emitList(b, v.list, v.star, m)
		return
	}
	s.emit(b, v.text, m)
}

// emitList adds a list as "$@" or "$*" do.
func (s *shell) emitList(b *builder, list []string, star bool, m mode) {
	sep := " "
	if len(b.ifs) > 0 {
		sep = b.ifs[:1]
	} else if b.ifs == "" {
		sep = ""
	}
	switch {
	case m.quoted && star, b.nosplit && star:
		b.quoted(strings.Join(list, sep))
	case b.nosplit:
		if m.quoted {
			b.quoted(strings.Join(list, " "))
		} else {
			b.split(strings.Join(list, " "))
		}
	case m.quoted:
		for i, t := range list {
			if i > 0 {
				b.fieldBreak()
			}
			b.quoted(t)
		}
	default:
		for i, t := range list {
			if i > 0 {
				b.fieldBreak()
			}
			b.split(t)
		}
	}
}

// paramValue reads a parameter, before any operator.
func (s *shell) paramValue(x *grammar.Param) pvalue {
	name := x.Name
	if x.Index != nil {
		switch x.IndexAs {
		case "@", "*":
			values, _ := s.elements(name)
			return pvalue{set: len(values) > 0, list: values, many: true, star: x.IndexAs == "*"}
		}
		t, ok := s.element(name, s.indexText(name, x.Index))
		return pvalue{set: ok, text: t}
	}
	c := name[0]
	switch {
	case c >= '0' && c <= '9':
		n, err := strconv.Atoi(name)
		if err != nil {
			return pvalue{}
		}
		if n == 0 {
			return pvalue{set: true, text: s.arg0}
		}
		if n <= len(s.pos) {
			return pvalue{set: true, text: s.pos[n-1]}
		}
		return pvalue{}
	case c == '@', c == '*':
		return pvalue{set: len(s.pos) > 0, list: s.pos, many: true, star: c == '*'}
	case c == '#':
		return pvalue{set: true, text: strconv.Itoa(len(s.pos))}
	case c == '?':
		return pvalue{set: true, text: strconv.Itoa(s.status)}
	case c == '$':
		return pvalue{set: true, text: strconv.Itoa(s.pid)}
	case c == '!':
		if s.lastBg == 0 {
			return pvalue{}
		}
		return pvalue{set: true, text: strconv.Itoa(s.lastBg)}
	case c == '-':
		return pvalue{set: true, text: s.flags()}
	case name == "_" && s.d == Bash:
		return pvalue{set: true, text: s.lastArg}
	}
	t, ok := s.get(name)
	return pvalue{set: ok, text: t}
}

// indexText is the key that an index stands for: the text for an associative array.
func (s *shell) indexText(name string, w *grammar.Word) string {
	if v := s.vars[s.ref(name)]; v != nil && v.kind == associative {
		return s.text(w)
	}
	return s.arithWord(w)
}

// indirect is ${!x}: the value of the parameter whose name x holds.
func (s *shell) indirect(x *grammar.Param, v pvalue) (pvalue, string) {
	if x.Index == nil {
		if ref := s.vars[x.Name]; ref != nil && ref.nameref {
			return pvalue{set: true, text: ref.value}, x.Name
		}
	}
	name := v.text
	if v.many && len(v.list) > 0 {
		name = v.list[0]
	}
	if !v.set || name == "" {
		switch x.Op {
		case "-", ":-", "+", ":+":
			if v.set || name != "" {
				break
			}
			return pvalue{}, x.Name
		}
		if !v.set {
			s.plainf("%s: invalid indirect expansion", x.Name)
			panic(discard{1})
		}
		s.plainf("%s: invalid variable name", name)
		panic(discard{1})
	}
	y := &grammar.Param{Name: name}
	if base, ix, ok := splitIndex(name); ok {
		y.Name, y.IndexAs = base, ix
		y.Index = &grammar.Word{Parts: []grammar.Part{&grammar.Lit{Text: ix}}}
	} else if !grammar.IsName(name) && !isSpecialParam(name) {
		s.plainf("%s: invalid variable name", name)
		panic(discard{1})
	}
	return s.paramValue(y), name
}

func isSpecialParam(name string) bool {
	if len(name) == 1 && strings.Contains("@*#?-$!", name) {
		return true
	}
	_, err := strconv.Atoi(name)
	return err == nil
}

func (s *shell) namesWith(prefix string) []string {
	var out []string
	for name, v := range s.vars {
		if strings.HasPrefix(name, prefix) && (v.set || v.kind != scalar) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

func (s *shell) paramLength(x *grammar.Param, v pvalue) int {
	if v.many {
		if s.d != Bash {
			// in ash and dash ${#@} is the length of "$*"
			n := max(len(v.list)-1, 0)
			for _, t := range v.list {
				n += len(t)
			}
			return n
		}
		return len(v.list)
	}
	if !v.set {
		s.unbound(x, x.Name, v)
	}
	if s.utf8() {
		return utf8.RuneCountInString(v.text)
	}
	return len(v.text)
}

// unbound fails for a parameter that is not set under set -u.
func (s *shell) unbound(x *grammar.Param, name string, v pvalue) {
	if !s.set('u') || v.many && x.Name != "" {
		return
	}
	if s.d == Bash {
		if name != "" && (name[0] >= '0' && name[0] <= '9' || name == "!") {
			name = "$" + name
		}
		s.plainf("%s: unbound variable", name)
		s.expansionFailed()
	}
	s.plainf("%s: parameter not set", name)
	panic(discard{2})
}

// expansionFailed ends a bash that is not interactive: a parameter was not there.
func (s *shell) expansionFailed() {
	if s.set('e') {
		s.exitUnlessInteractive(1)
	}
	s.exitUnlessInteractive(127)
}

func (s *shell) exitUnlessInteractive(status int) {
	if s.interactive {
		panic(discard{1})
	}
	if status == 127 && (s.forked || !s.cString) {
		status = 1
	}
	panic(exit{status})
}

// missing is ${x?words}.
func (s *shell) missing(x *grammar.Param, name string) {
	text := ""
	if x.Arg != nil && len(x.Arg.Parts) > 0 {
		text = s.text(x.Arg)
	} else if x.Op == ":?" {
		text = s.choose("parameter not set or null", "parameter not set or null", "parameter null or not set")
	} else {
		text = "parameter not set"
	}
	s.plainf("%s: %s", name, text)
	if s.d == Bash {
		s.expansionFailed()
	}
	panic(discard{2})
}

func (s *shell) badSubstitution(x *grammar.Param) {
	switch s.d {
	case Bash:
		s.plainf("%s: bad substitution", x.Src)
		panic(discard{1})
	case Dash:
		s.plainf("Bad substitution")
	default:
		s.plainf("syntax error: bad substitution")
	}
	panic(discard{2})
}

func (s *shell) assignDefault(b *builder, x *grammar.Param, name string, m mode) {
	if base, ix, ok := splitIndex(name); ok {
		value := s.text(x.Arg)
		s.assignElement(base, ix, value, false)
		s.emit(b, value, m)
		return
	}
	if !grammar.IsName(name) {
		if s.d == Bash {
			s.plainf("$%s: cannot assign in this way", name)
			panic(discard{1})
		}
		s.plainf("%s: %s", name, s.choose("bad variable name", "bad variable name", ""))
		panic(discard{2})
	}
	value := s.text(x.Arg)
	if !s.assign(name, value) {
		panic(discard{1})
	}
	value, _ = s.get(name)
	s.emit(b, value, m)
}

// strip is ${x#pat} and its kin.
func (s *shell) strip(text, pat, op string) string {
	if pat == "" {
		return text
	}
	mt := s.matcher()
	if !mt.special(pat) {
		lit := unescape(pat)
		if op[0] == '#' {
			return strings.TrimPrefix(text, lit)
		}
		return strings.TrimSuffix(text, lit)
	}
	n := len(text)
	try := func(i int) (string, bool) {
		if op[0] == '#' {
			return text[i:], mt.match(pat, text[:i])
		}
		return text[:n-i], mt.match(pat, text[n-i:])
	}
	if w := mt.width(pat); w >= 0 && !mt.utf8 {
		if w <= n {
			if rest, ok := try(w); ok {
				return rest
			}
		}
		return text
	}
	for i := 0; i <= n; i++ {
		j := i
		if len(op) == 2 {
			j = n - i
		}
		if rest, ok := try(j); ok {
			return rest
		}
	}
	return text
}

// replace is ${x/pat/new} and its kin.
func (s *shell) replace(v *pvalue, x *grammar.Param) {
	pat := s.pattern(x.Arg)
	if pat == "" {
		return
	}
	// In bash an unquoted & in the replacement is what was matched (patsub_replacement).
	amp := s.d == Bash && (s.opt.shopt["patsub_replacement"])
	repl := ""
	if x.Arg2 != nil {
		b := s.newBuilder(false)
		s.parts(b, x.Arg2.Parts, mode{})
		repl = string(b.cur.text)
		if amp {
			repl = string(b.cur.pat)
		}
	}
	put := func(match string) string {
		if !amp {
			return repl
		}
		var out strings.Builder
		for i := 0; i < len(repl); i++ {
			switch {
			case repl[i] == '\\' && i+1 < len(repl):
				i++
				out.WriteByte(repl[i])
			case repl[i] == '&':
				out.WriteString(match)
			default:
				out.WriteByte(repl[i])
			}
		}
		return out.String()
	}
	mt := s.matcher()
	mt.fold = s.opt.shopt["nocasematch"]
	v.each(func(t string) string { return s.substitute(mt, t, pat, x.Op, put) })
}

func (s *shell) substitute(mt *matcher, text, pat, op string, put func(string) string) string {
	n := len(text)
	// longest match at i, or -1
	fixed := mt.width(pat)
	lit, plain := unescape(pat), !mt.special(pat) && !mt.fold
	at := func(i int) int {
		if plain {
			if strings.HasPrefix(text[i:], lit) {
				return len(lit)
			}
			return -1
		}
		if fixed >= 0 && !mt.utf8 {
			if i+fixed <= n && mt.match(pat, text[i:i+fixed]) {
				return fixed
			}
			return -1
		}
		for j := n; j >= i; j-- {
			if mt.match(pat, text[i:j]) {
				return j - i
			}
		}
		return -1
	}
	switch op {
	case "/#":
		if w := at(0); w >= 0 {
			return put(text[:w]) + text[w:]
		}
		return text
	case "/%":
		for i := 0; i <= n; i++ {
			if mt.match(pat, text[i:]) {
				return text[:i] + put(text[i:])
			}
		}
		return text
	}
	var out strings.Builder
	for i := 0; i < n; {
		s.p.Step(1)
		w := at(i)
		if w > 0 {
			out.WriteString(put(text[i : i+w]))
			i += w
			if op == "/" {
				out.WriteString(text[i:])
				return out.String()
			}
		} else {
			out.WriteByte(text[i])
			i++
		}
		if out.Len() > maxText {
			s.outOfMemory()
		}
	}
	if n == 0 && at(0) == 0 {
		return put("")
	}
	return out.String()
}

// slice is ${x:offset:length}.
func (s *shell) slice(v *pvalue, x *grammar.Param) {
	off := s.arith(s.arithWord(x.Arg), false)
	has := x.Arg2 != nil
	var n int64
	if has {
		n = s.arith(s.arithWord(x.Arg2), false)
	}
	if v.many {
		list := v.list
		if x.Index == nil {
			// positional parameters begin with $0 at offset 0
			list = append([]string{s.arg0}, s.pos...)
			if off < 0 {
				off += int64(len(list))
			}
			if off < 0 {
				v.list = nil
				return
			}
		} else if vr := s.vars[s.ref(x.Name)]; vr != nil && vr.kind == indexed {
			if off < 0 {
				off += int64(len(vr.array))
			}
			if off < 0 {
				v.list = nil
				return
			}
			// offsets are indices: skip what stands before
			i := 0
			for k := int64(0); k < off && k < int64(len(vr.array)); k++ {
				if vr.present[k] {
					i++
				}
			}
			off = int64(i)
		} else if off < 0 {
			off += int64(len(list))
		}
		if has && n < 0 {
			s.plainf("%d: substring expression < 0", n)
			panic(discard{1})
		}
		off = max(0, min(off, int64(len(list))))
		end := int64(len(list))
		if has {
			end = min(end, off+n)
		}
		v.list = list[off:end]
		return
	}
	if !v.set {
		return
	}
	text := v.text
	index := func(i int64) int { return int(i) }
	length := int64(len(text))
	if s.utf8() {
		length = int64(utf8.RuneCountInString(text))
		index = func(i int64) int {
			at := 0
			for range i {
				_, w := utf8.DecodeRuneInString(text[at:])
				at += w
			}
			return at
		}
	}
	if off < 0 {
		off += length
		if off < 0 {
			if s.d == Ash {
				off = 0
			} else {
				v.text = ""
				return
			}
		}
	}
	off = min(off, length)
	end := length
	if has {
		if n < 0 {
			end = length + n
			if end < off {
				if s.d == Bash {
					s.plainf("%s: substring expression < 0", s.arithWord(x.Arg2))
					panic(discard{1})
				}
				end = off
			}
		} else {
			end = min(end, off+n)
		}
	}
	v.text = text[index(off):index(end)]
}

func changeCase(text, op string, match func(string) bool) string {
	var out strings.Builder
	first := true
	for len(text) > 0 {
		r, w := utf8.DecodeRuneInString(text)
		c := text[:w]
		text = text[w:]
		if r == utf8.RuneError || len(op) == 1 && !first || !match(c) {
			out.WriteString(c)
			first = false
			continue
		}
		first = false
		switch op[0] {
		case '^':
			c = strings.ToUpper(c)
		case ',':
			c = strings.ToLower(c)
		default:
			if up := strings.ToUpper(c); up != c {
				c = up
			} else {
				c = strings.ToLower(c)
			}
		}
		out.WriteString(c)
	}
	return out.String()
}

// transform is ${x@Op}.
func (s *shell) transform(v *pvalue, x *grammar.Param, name, op string) {
	switch op {
	case "Q":
		if !v.set && !v.many {
			v.text = ""
			return
		}
		v.each(s.quoteAlways)
	case "U":
		v.each(strings.ToUpper)
	case "L":
		v.each(strings.ToLower)
	case "u":
		v.each(func(t string) string { return changeCase(t, "^", func(string) bool { return true }) })
	case "E":
		v.each(grammar.DecodeANSI)
	case "P":
		v.each(func(t string) string { return s.promptText(t) })
	case "a":
		base := x.Name
		a := ""
		if vr := s.vars[s.ref(base)]; vr != nil {
			a = vr.flags()
		}
		if v.many {
			for i := range v.list {
				v.list = slices.Clone(v.list)
				v.list[i] = a
			}
			return
		}
		v.text, v.set = a, true
	case "A":
		if vr := s.vars[s.ref(x.Name)]; vr != nil {
			v.text = s.asAssignment(x.Name, vr)
			if v.many {
				v.many = false
			}
		}
	case "K", "k":
		if !v.many {
			v.each(s.quoteAlways)
			return
		}
		values, keys := s.elements(x.Name)
		var out []string
		for i, k := range keys {
			if op == "K" {
				out = append(out, k+" "+s.doubleQuote(values[i]))
			} else {
				out = append(out, k, values[i])
			}
		}
		if op == "K" {
			v.list = []string{strings.Join(out, " ")}
		} else {
			v.list = out
		}
	}
}

func (v *variable) flags() string {
	var b strings.Builder
	flag := func(on bool, c byte) {
		if on {
			b.WriteByte(c)
		}
	}
	flag(v.kind == indexed, 'a')
	flag(v.kind == associative, 'A')
	flag(v.integer, 'i')
	flag(v.nameref, 'n')
	flag(v.readonly, 'r')
	flag(v.trace, 't')
	flag(v.exported, 'x')
	flag(v.lower, 'l')
	flag(v.upper, 'u')
	return b.String()
}

func (s *shell) asAssignment(name string, v *variable) string {
	f := v.flags()
	if v.kind == scalar && f == "" {
		return name + "=" + s.quoteAlways(v.value)
	}
	if f == "" {
		f = "-"
	}
	if v.kind == scalar {
		return "declare -" + f + " " + name + "=" + s.quoteAlways(v.value)
	}
	return "declare -" + f + " " + name + "=" + s.arrayText(v)
}

package awk

import (
	"bufio"
	"cmp"
	"hash/fnv"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/posixre"
)

// bySlot orders the keys by slots of a table hashed by FNV-1a, the latest touched first in each.
func (a *array) bySlot(mask uint32) []string {
	type slotted struct {
		key  string
		slot uint32
		c    *cell
	}
	list := make([]slotted, 0, len(a.cells))
	for k, c := range a.cells {
		h := fnv.New32a()
		io.WriteString(h, k)
		list = append(list, slotted{k, h.Sum32() & mask, c})
	}
	slices.SortFunc(list, func(x, y slotted) int {
		if d := cmp.Compare(x.slot, y.slot); d != 0 {
			return d
		}
		switch {
		case x.c.number && y.c.number:
			// Integers are moved to this table slot by slot of their own, the last to the front.
			if d := cmp.Compare(y.c.n&mask, x.c.n&mask); d != 0 {
				return d
			}
			return cmp.Compare(x.c.touched, y.c.touched)
		case x.c.number != y.c.number:
			if x.c.number {
				return -1
			}
			return 1
		}
		return cmp.Compare(y.c.touched, x.c.touched)
	})
	keys := make([]string, len(list))
	for i, s := range list {
		keys[i] = s.key
	}
	return keys
}

// The variables that the language itself knows come first among the globals.
var specialNames = []string{"NF", "NR", "FNR", "FS", "OFS", "ORS", "RS", "FILENAME", "SUBSEP", "RSTART", "RLENGTH", "CONVFMT", "OFMT", "ENVIRON", "ARGC", "ARGV", "RT", "ERRNO"}

const (
	vNF = iota
	vNR
	vFNR
	vFS
	vOFS
	vORS
	vRS
	vFILENAME
	vSUBSEP
	vRSTART
	vRLENGTH
	vCONVFMT
	vOFMT
	vENVIRON
	vARGC
	vARGV
	vRT    // Busybox only: what ended the record
	vERRNO // Busybox only: why getline failed
)

// Limits on what a program may hold.
const (
	maxCalls  = 5000
	maxString = 32 << 20
	maxFields = 1 << 20
	maxArrays = 64 << 20
)

// variableCell is a variable: a scalar or an array, decided by its first use.
type variableCell struct {
	v   value
	arr *array
	// ref is where an argument came from that was not set when it was passed: if it is used as an
	// array here, it is one there too.
	ref *variableCell
}

type interp struct {
	p       *Program
	d       Dialect
	h       Host
	name    string
	globals []variableCell
	frame   []variableCell
	depth   int

	record  string
	fields  []value // from 1
	nf      int
	split   bool // fields are those of record
	stale   bool // record must be joined from fields
	convfmt string
	ofmt    string

	regexps map[string]*posixre.Regexp
	streams map[string]*stream
	order   []string
	main    *recordReader
	args    int // next ARGV to open
	opened  bool
	done    bool // no input is left
	random  randomState
	seed    float64
	ret     value
	code    int
}

// stream is an open file or command.
type stream struct {
	w    *bufio.Writer
	c    io.Closer
	pipe Pipe
	r    *recordReader
}

// Run carries the program out and gives its exit code.
func (p *Program) Run(c Config) (code int) {
	in := &interp{p: p, d: p.dialect, h: c.Host, name: c.Name, globals: make([]variableCell, len(p.names)), convfmt: "%.6g", ofmt: "%.6g",
		regexps: map[string]*posixre.Regexp{}, streams: map[string]*stream{}, args: 1}
	in.seedRandom()
	defer func() {
		if r := recover(); r != nil {
			switch r := r.(type) {
			case *Error:
				if in.d == Busybox {
					in.closeAll()
				}
				c.Report(r)
				in.closeAll()
				code = r.Code
			case exitPanic:
				in.closeAll()
				code = r.code
			default:
				panic(r)
			}
		}
	}()
	set := func(i int, v value) { in.globals[i].v = v }
	set(vFS, text(" "))
	set(vOFS, text(" "))
	set(vORS, text("\n"))
	set(vRS, text("\n"))
	set(vSUBSEP, text("\x1c"))
	set(vCONVFMT, text("%.6g"))
	set(vOFMT, text("%.6g"))
	set(vNR, number(0))
	set(vFNR, number(0))
	set(vNF, number(0))
	set(vRSTART, number(0))
	set(vRLENGTH, number(-1))
	set(vFILENAME, text(""))
	if in.d == Busybox {
		set(vFILENAME, value{})
		set(vRSTART, value{})
		set(vRLENGTH, value{})
	}
	env := newArray(in.d)
	for _, kv := range c.Host.Environ() {
		k, v, _ := strings.Cut(kv, "=")
		*env.get(k) = input(v)
	}
	in.globals[vENVIRON].arr = env
	argv := newArray(in.d)
	*argv.get("0") = text(c.Name)
	for i, a := range c.Args {
		*argv.get(strconv.Itoa(i + 1)) = input(a)
	}
	in.globals[vARGV].arr = argv
	set(vARGC, number(float64(len(c.Args)+1)))
	if c.FS != nil {
		set(vFS, text(unescape(*c.FS, in.d)))
	}
	for _, a := range c.Assign {
		in.assignment(a)
	}
	in.whole()
	return in.code
}

// whole runs BEGIN, the rules, END.
func (in *interp) whole() {
	in.catchExit(func() {
		for _, b := range in.p.begin {
			in.special(b)
		}
		if len(in.p.rules) == 0 && len(in.p.end) == 0 {
			return
		}
		for in.readMain() {
			in.rules()
		}
	})
	in.catchExit(func() {
		for _, b := range in.p.end {
			in.special(b)
		}
	})
	in.closeAll()
}

// catchExit runs f, which may end by exit.
func (in *interp) catchExit(f func()) {
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(exitPanic)
			if !ok {
				panic(r)
			}
			in.code = e.code
		}
	}()
	f()
}

// special runs a BEGIN or END, where next has nothing to go on to.
func (in *interp) special(b []stmt) {
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(nextPanic); !ok {
				panic(r)
			}
		}
	}()
	in.block(b)
}

func (in *interp) rules() {
	defer func() {
		if r := recover(); r != nil {
			n, ok := r.(nextPanic)
			if !ok {
				panic(r)
			}
			in.frame, in.depth = nil, 0
			if n.file {
				in.nextFile()
			}
		}
	}()
	for _, r := range in.p.rules {
		switch {
		case r.end != nil:
			if !r.in {
				if !in.eval(r.pattern).truth(in.d) {
					continue
				}
				r.in = true
			}
			if in.eval(r.end).truth(in.d) {
				r.in = false
			}
		case r.pattern != nil:
			if !in.eval(r.pattern).truth(in.d) {
				continue
			}
		}
		if r.noBody {
			in.write(in.output("", ""), in.line()+in.str(in.globals[vORS].v))
			continue
		}
		in.block(r.body)
	}
}

func (in *interp) die(format string, args ...any) { panic(failure(in.errCode(), format, args...)) }

func (in *interp) errCode() int {
	if in.d == Busybox {
		return 1
	}
	return 2
}

// runtime ends the program with a run time error.
func (in *interp) runtime(busybox, mawk string) {
	if in.d == Busybox {
		in.die("cmd. line:1: %s", busybox)
	}
	in.die("run time error: %s\n\tFILENAME=%q FNR=%s NR=%s", mawk, in.str(in.globals[vFILENAME].v), in.str(in.globals[vFNR].v), in.str(in.globals[vNR].v))
}

// control is how a statement ended.
type control uint8

const (
	cNone control = iota
	cBreak
	cContinue
	cReturn
)

func (in *interp) block(list []stmt) control {
	for _, s := range list {
		if c := in.exec(s); c != cNone {
			return c
		}
	}
	return cNone
}

func (in *interp) exec(s stmt) control {
	in.h.Step(1)
	switch s := s.(type) {
	case *exprStmt:
		in.eval(s.x)
	case *printStmt:
		in.print(s)
	case *blockStmt:
		return in.block(s.body)
	case *ifStmt:
		if in.eval(s.cond).truth(in.d) {
			return in.block(s.yes)
		}
		return in.block(s.no)
	case *whileStmt:
		for first := true; first && s.post || in.eval(s.cond).truth(in.d); first = false {
			in.h.Step(1)
			if c := in.block(s.body); c == cBreak {
				break
			} else if c == cReturn {
				return c
			}
		}
	case *forStmt:
		if s.init != nil {
			in.exec(s.init)
		}
		for s.cond == nil || in.eval(s.cond).truth(in.d) {
			in.h.Step(1)
			if c := in.block(s.body); c == cBreak {
				break
			} else if c == cReturn {
				return c
			}
			if s.step != nil {
				in.exec(s.step)
			}
		}
	case *forInStmt:
		arr := in.array(s.array)
		for _, k := range arr.keys() {
			in.h.Step(1)
			in.store(s.v, input(k))
			if c := in.block(s.body); c == cBreak {
				break
			} else if c == cReturn {
				return c
			}
		}
	case *breakStmt:
		return cBreak
	case *continueStmt:
		return cContinue
	case *nextStmt:
		panic(nextPanic{s.file})
	case *exitStmt:
		code := in.code
		if s.code != nil {
			code = int(int64(in.eval(s.code).num(in.d))) & 0xff
		}
		panic(exitPanic{code})
	case *returnStmt:
		in.ret = value{}
		if s.x != nil {
			in.ret = in.eval(s.x)
		}
		return cReturn
	case *deleteStmt:
		arr := in.array(s.array)
		if s.index == nil {
			arr.clear()
		} else {
			arr.remove(in.subscript(s.index))
		}
	}
	return cNone
}

func (in *interp) cell(v *variable) *variableCell {
	if v.local {
		return &in.frame[v.index]
	}
	return &in.globals[v.index]
}

func (in *interp) array(v *variable) *array { return in.arrayOf(in.cell(v)) }

func (in *interp) arrayOf(c *variableCell) *array {
	if c.arr == nil {
		if c.ref != nil {
			c.arr = in.arrayOf(c.ref)
		} else {
			c.arr = newArray(in.d)
		}
	}
	return c.arr
}

func (in *interp) subscript(index []expr) string {
	if len(index) == 1 {
		return in.key(in.eval(index[0]))
	}
	parts := make([]string, len(index))
	for i, x := range index {
		parts[i] = in.key(in.eval(x))
	}
	return strings.Join(parts, in.str(in.globals[vSUBSEP].v))
}

// element is the element of an array with a subscript.
func (in *interp) element(arr *array, index []expr) *value {
	if len(index) == 1 {
		sub := in.eval(index[0])
		return arr.at(in.str(sub), sub)
	}
	return arr.get(in.subscript(index))
}

func (in *interp) key(v value) string { return in.str(v) }

func (in *interp) eval(x expr) value {
	switch x := x.(type) {
	case *numberLit:
		return x.v
	case *stringLit:
		return x.v
	case *regexLit:
		return boolean(x.re.Match([]byte(in.line()), 0, 0, 0, in.h.Step) != nil)
	case *group:
		return in.eval(x.x)
	case *variable:
		if !x.local && x.index == vNF {
			in.splitFields()
		}
		c := in.cell(x)
		if c.arr != nil && in.d == Mawk {
			in.die("can't use array %s as a scalar", x.name)
		}
		return c.v
	case *field:
		return in.field(in.fieldNumber(x.n))
	case *element:
		arr := in.array(x.array)
		v := *in.element(arr, x.index)
		if arr.bytes > maxArrays {
			in.die("out of memory")
		}
		return v
	case *inArray:
		return boolean(in.array(x.array).has(in.subscript(x.index)))
	case *unary:
		v := in.eval(x.x)
		switch x.op {
		case '!':
			return boolean(!v.truth(in.d))
		case '-':
			return number(-v.num(in.d))
		}
		return number(v.num(in.d))
	case *logical:
		l := in.eval(x.l).truth(in.d)
		if l == x.or {
			return boolean(l)
		}
		return boolean(in.eval(x.r).truth(in.d))
	case *conditional:
		if in.eval(x.c).truth(in.d) {
			return in.eval(x.a)
		}
		return in.eval(x.b)
	case *match:
		s := in.str(in.eval(x.l))
		return boolean((in.regexp(x.r).Match([]byte(s), 0, 0, 0, in.h.Step) != nil) != x.not)
	case *binary:
		return in.binary(x)
	case *assign:
		return in.assign(x)
	case *increment:
		in.h.Step(1)
		old := in.eval(x.x).num(in.d)
		in.store(x.x, number(old+x.delta))
		if x.prefix {
			return number(old + x.delta)
		}
		return number(old)
	case *call:
		return in.call(x)
	case *builtin:
		return in.builtin(x)
	case *getline:
		return in.getline(x)
	}
	panic("unknown expression")
}

func (in *interp) binary(x *binary) value {
	l := in.eval(x.l)
	if x.op == " " {
		s := in.str(l)
		r := in.str(in.eval(x.r))
		return text(in.bounded(s + r))
	}
	r := in.eval(x.r)
	switch x.op {
	case "<":
		return boolean(in.compare(l, r) < 0)
	case "<=":
		return boolean(in.compare(l, r) <= 0)
	case "==":
		return boolean(in.compare(l, r) == 0)
	case "!=":
		return boolean(in.compare(l, r) != 0)
	case ">":
		return boolean(in.compare(l, r) > 0)
	case ">=":
		return boolean(in.compare(l, r) >= 0)
	}
	return number(in.arithmetic(x.op, l.num(in.d), r.num(in.d)))
}

func (in *interp) bounded(s string) string {
	in.h.Step(len(s) / 256)
	if len(s) > maxString {
		in.die("out of memory")
	}
	return s
}

func (in *interp) arithmetic(op string, a, b float64) float64 {
	switch op {
	case "+":
		return a + b
	case "-":
		return a - b
	case "*":
		return a * b
	case "/":
		if b == 0 {
			if in.d == Busybox {
				in.die("cmd. line:1: Division by zero")
			}
			if a == 0 {
				return math.Copysign(math.NaN(), -1)
			}
		}
		return a / b
	case "%":
		if b == 0 {
			if in.d == Busybox {
				in.die("cmd. line:1: Division by zero")
			}
			return math.Copysign(math.NaN(), -1)
		}
		return math.Mod(a, b)
	case "^":
		in.noMath()
		return math.Pow(a, b)
	}
	return 0
}

// noMath is what Debian's Busybox, built without the library of mathematics, has to say.
func (in *interp) noMath() {
	if in.d == Busybox {
		in.die("cmd. line:1: Math support is not compiled in")
	}
}

func (in *interp) assign(x *assign) value {
	in.h.Step(1)
	var v value
	if x.op == "" {
		v = in.eval(x.r)
	} else {
		r := in.eval(x.r)
		v = number(in.arithmetic(x.op, in.eval(x.l).num(in.d), r.num(in.d)))
	}
	in.store(x.l, v)
	return v
}

// store sets a variable, a field or an element.
func (in *interp) store(x expr, v value) {
	switch x := x.(type) {
	case *variable:
		c := in.cell(x)
		if c.arr != nil {
			if in.d == Mawk {
				in.die("can't use array %s as a scalar", x.name)
			}
			c.arr = nil
		}
		if !x.local && x.index < len(specialNames) {
			in.setSpecial(x.index, v)
			return
		}
		c.v = v
	case *field:
		in.setField(in.fieldNumber(x.n), v)
	case *element:
		arr := in.array(x.array)
		*in.element(arr, x.index) = v
		if len(v.s) > 64 {
			arr.bytes += len(v.s)
		}
		if arr.bytes > maxArrays {
			in.die("out of memory")
		}
	}
}

func (in *interp) setSpecial(i int, v value) {
	switch i {
	case vNF:
		in.splitFields()
		n := v.num(in.d)
		if n < 0 || n > maxFields {
			in.runtime("NF set to negative value", "negative value assigned to NF")
		}
		in.resize(int(n))
		in.stale = true
	case vCONVFMT:
		in.convfmt = in.str(v)
	case vOFMT:
		in.ofmt = in.str(v)
	case vFS:
		// Fields not yet split are split by the old separator, in both.
		in.splitFields()
	}
	in.globals[i].v = v
}

// assignment carries out "name=value".
func (in *interp) assignment(a string) bool {
	name, val, ok := strings.Cut(a, "=")
	if !ok || name == "" || !letter(name[0]) || strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz_0123456789") != "" {
		return false
	}
	v := input(unescape(val, in.d))
	i, ok := in.p.globals[name]
	if !ok {
		return true // no part of the program looks at it
	}
	if i < len(specialNames) {
		in.setSpecial(i, v)
	} else {
		in.globals[i].v = v
	}
	return true
}

// line is $0.
func (in *interp) line() string {
	if in.stale {
		in.stale = false
		ofs := in.str(in.globals[vOFS].v)
		var b strings.Builder
		for i := 0; i < in.nf; i++ {
			if i > 0 {
				b.WriteString(ofs)
			}
			b.WriteString(in.str(in.fields[i]))
			in.h.Step(1)
		}
		in.record = in.bounded(b.String())
	}
	return in.record
}

func (in *interp) setLine(s string) {
	in.record, in.stale, in.split = s, false, false
}

func (in *interp) splitFields() {
	if in.split {
		return
	}
	in.split = true
	parts := in.splitText(in.record, in.globals[vFS].v, nil)
	in.fields = in.fields[:0]
	for _, p := range parts {
		in.fields = append(in.fields, input(p))
	}
	in.nf = len(parts)
	in.globals[vNF].v = number(float64(in.nf))
}

// splitText cuts s as FS has it; re stands for a regular expression given as such.
func (in *interp) splitText(s string, fs value, re *posixre.Regexp) []string {
	in.h.Step(1 + len(s)/32)
	if s == "" {
		return nil
	}
	sep := in.str(fs)
	switch {
	case re != nil:
	case sep == " ":
		return strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r >= '\t' && r <= '\r' })
	case sep == "":
		parts := make([]string, len(s))
		for i := range parts {
			parts[i] = s[i : i+1]
		}
		return parts
	case len(sep) == 1 && sep != "\\":
		if in.str(in.globals[vRS].v) == "" && sep != "\n" {
			return splitAny(s, sep+"\n") // in paragraphs a newline separates too
		}
		return strings.Split(s, sep)
	default:
		re = in.dynamic(sep)
	}
	var parts []string
	b := []byte(s)
	from := 0
	for at := 0; at <= len(b); {
		loc := re.Match(b, at, 0, 0, in.h.Step)
		if loc == nil {
			break
		}
		if loc[0] == loc[1] {
			at = loc[1] + 1
			continue
		}
		parts = append(parts, s[from:loc[0]])
		from, at = loc[1], loc[1]
	}
	return append(parts, s[from:])
}

func (in *interp) fieldNumber(x expr) int {
	n := in.eval(x).num(in.d)
	if n < 0 {
		in.runtime("Access to negative field", "negative field index $"+in.str(number(n)))
	}
	if n > maxFields {
		in.die("out of memory")
	}
	return int(n)
}

func (in *interp) field(n int) value {
	if n == 0 {
		return input(in.line())
	}
	in.splitFields()
	if n > in.nf {
		return value{}
	}
	return in.fields[n-1]
}

func (in *interp) resize(n int) {
	in.h.Step(n / 16)
	for len(in.fields) < n {
		in.fields = append(in.fields, value{})
	}
	for i := in.nf; i < n; i++ {
		in.fields[i] = value{}
	}
	in.nf = n
}

func (in *interp) setField(n int, v value) {
	if n == 0 {
		in.setLine(in.str(v))
		return
	}
	in.splitFields()
	if n > in.nf {
		in.resize(n)
		in.globals[vNF].v = number(float64(n))
	}
	if v.kind == kNumber {
		// A number in a field is a string that looks like one.
		v = value{kind: kStrNum, n: v.n, s: in.str(v)}
	}
	in.fields[n-1] = v
	in.stale = true
}

// splitAny splits at each of the bytes.
func splitAny(s, seps string) []string {
	var parts []string
	for {
		i := strings.IndexAny(s, seps)
		if i < 0 {
			return append(parts, s)
		}
		parts = append(parts, s[:i])
		s = s[i+1:]
	}
}

// regexp is the regular expression that an expression stands for.
func (in *interp) regexp(x expr) *posixre.Regexp {
	if l, ok := x.(*regexLit); ok {
		return l.re
	}
	return in.dynamic(in.str(in.eval(x)))
}

func (in *interp) dynamic(s string) *posixre.Regexp {
	if re := in.regexps[s]; re != nil {
		return re
	}
	in.h.Step(len(s) + 1)
	re, err := compileRegexp(s, in.d)
	if err != nil {
		if in.d == Busybox {
			in.die("bad regex '%s': %v", s, err)
		}
		in.runtime("", "regular expression compile failed ("+mawkRegexp(err)+")\n"+s)
	}
	if len(in.regexps) > 500 {
		clear(in.regexps)
	}
	in.regexps[s] = re
	return re
}

func (in *interp) call(x *call) value {
	f := x.fn
	if f == nil {
		in.die("cmd. line:%d: Call to undefined function", x.line)
	}
	if in.depth++; in.depth > maxCalls {
		in.die("function call nesting too deep")
	}
	in.h.Step(4)
	frame := make([]variableCell, len(f.params))
	for i, a := range x.args {
		if v, ok := a.(*variable); ok && i < len(frame) {
			c := in.cell(v)
			if !v.local && v.index == vNF {
				in.splitFields()
			}
			switch {
			case c.arr != nil:
				frame[i].arr = c.arr
			case c.ref != nil && c.v.kind == kNone:
				frame[i].ref = c.ref
				if c.ref.arr != nil {
					frame[i].arr = c.ref.arr
				}
			case c.v.kind == kNone:
				frame[i].ref = c
			default:
				frame[i].v = c.v
			}
			continue
		}
		v := in.eval(a)
		if i < len(frame) {
			frame[i].v = v
		}
	}
	saved := in.frame
	in.frame = frame
	in.ret = value{}
	in.block(f.body)
	in.frame = saved
	in.depth--
	r := in.ret
	in.ret = value{}
	return r
}

// print carries out print and printf.
func (in *interp) print(s *printStmt) {
	var out string
	switch {
	case s.format:
		f := in.str(in.eval(s.args[0]))
		args := make([]value, len(s.args)-1)
		for i, a := range s.args[1:] {
			args[i] = in.eval(a)
		}
		out = in.printf("printf", f, args)
	case len(s.args) == 0:
		out = in.line() + in.str(in.globals[vORS].v)
	case in.d == Busybox && s.to == nil:
		// Busybox writes each item when it has it.
		w := in.h.Stdout()
		for i, a := range s.args {
			if i > 0 {
				in.write(w, in.str(in.globals[vOFS].v))
			}
			in.write(w, in.format(in.eval(a), in.ofmt))
		}
		out = in.str(in.globals[vORS].v)
	default:
		var b strings.Builder
		ofs := in.str(in.globals[vOFS].v)
		for i, a := range s.args {
			if i > 0 {
				b.WriteString(ofs)
			}
			b.WriteString(in.format(in.eval(a), in.ofmt))
		}
		b.WriteString(in.str(in.globals[vORS].v))
		out = b.String()
	}
	to := ""
	if s.to != nil {
		to = in.str(in.eval(s.to))
	}
	in.write(in.output(s.mode, to), out)
}

func (in *interp) write(w io.Writer, s string) {
	if _, err := io.WriteString(w, s); err != nil {
		panic(exitPanic{2})
	}
}

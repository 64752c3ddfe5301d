package c

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// Program is units that were linked.
type Program struct {
	Units []LinkedUnit
}

// LinkedUnit is what an executable keeps of a unit.
type LinkedUnit struct{ File, Text string }

// Encode writes p as the bytes of an executable's text.
func (p *Program) Encode() []byte {
	b, err := json.Marshal(p)
	if err != nil {
		panic(err) // strings only
	}
	return b
}

// Decode reads what Encode wrote, and whatever stands behind it.
func Decode(b []byte) (*Program, error) {
	var p Program
	end := slices.Index(b, 0)
	if end >= 0 {
		b = b[:end]
	}
	if err := json.Unmarshal(b, &p); err != nil {
		return nil, fmt.Errorf("reading a program: %w", err)
	}
	return &p, nil
}

// The machine that evaluates a program is bounded by its process's steps; and by these.
const (
	maxCalls = 1000
	maxHeap  = 1 << 20 // cells
)

// machine is a program that runs.
type machine struct {
	c       *prog.Ctx
	funcs   map[string]*function
	globals map[string]*global
	streams [3]*object
	errno   *object
	top     *frame
	old     []value // of assignments that are under way
	calls   int
	heap    int
	seed    uint64
}

// frame is a call of a function.
type frame struct {
	m      *machine
	slots  []*object
	result value
}

// Run evaluates p in the process of c, whose arguments are the program's. The result is its exit
// code.
func (p *Program) Run(c *prog.Ctx) (int, error) {
	m := &machine{c: c, funcs: map[string]*function{}, globals: map[string]*global{}, seed: 1}
	for i := range m.streams {
		m.streams[i] = &object{elem: tFile, fd: i, cells: make([]value, 1)}
	}
	m.errno = m.alloc(tInt)
	m.top = &frame{m: m}
	var units []*Unit
	for _, lu := range p.Units {
		u := &Unit{File: lu.File}
		tokens, err := lex(lu.File, lu.Text)
		if err != nil {
			return 0, err
		}
		tokens = slices.DeleteFunc(tokens, func(t token) bool { return t.kind == newline })
		if err := u.parse(tokens, c.Step); err != nil {
			return 0, err
		}
		units = append(units, u)
		for n, f := range u.funcs {
			if f.body != nil && !f.static {
				m.funcs[n] = f
			}
		}
		for n, g := range u.globals {
			if !g.extern {
				m.globals[n] = g
			}
		}
	}
	for _, u := range units {
		for _, g := range u.order {
			g.object = m.alloc(g.t)
		}
	}
	for _, u := range units {
		for _, g := range u.order {
			if g.init != nil {
				g.init(m, g.object)
			}
		}
	}
	main := m.funcs["main"]
	if main == nil {
		return 0, errors.New("there is no function main")
	}
	var args []value
	if len(main.params) > 0 {
		argv := &object{elem: tString}
		for _, a := range append([]string{c.Name}, c.Args...) {
			s := constantString(a)
			s.fixed = false
			argv.cells = append(argv.cells, value{p: address{o: s}})
		}
		args = append(args, value{i: int64(len(argv.cells))}, value{p: address{o: argv}}, value{})
		argv.cells = append(argv.cells, value{})
		args = args[:min(len(args), len(main.params))]
	}
	v := m.call(main, args, main.at)
	return int(v.i) & 0xff, nil
}

func (m *machine) step() {
	if m.c != nil {
		m.c.Step(1)
	}
}

// call runs a function of the program.
func (m *machine) call(fn *function, args []value, at token) value {
	m.step()
	if m.calls++; m.calls > maxCalls {
		m.fault(at) // the stack has run over
	}
	f := &frame{m: m, slots: make([]*object, fn.slots)}
	for i, p := range fn.params {
		o := m.alloc(p.t)
		if i < len(args) {
			o.cells[0] = args[i]
		}
		f.slots[i] = o
	}
	fn.body(f)
	m.calls--
	for _, o := range f.slots {
		m.release(o)
	}
	return f.result
}

// alloc makes an object for a variable of type t, filled with zeros.
func (m *machine) alloc(t *ctype) *object {
	n := t.cells()
	if !m.grow(n) {
		m.fault(token{}) // the stack has run over
	}
	return &object{elem: t.scalar(), cells: make([]value, n)}
}

// grow makes room for n more cells, if there is.
func (m *machine) grow(n int) bool {
	m.c.Step(1 + n>>4)
	if m.heap+n > maxHeap {
		return false
	}
	m.heap += n
	return true
}

// release gives back an object's room. What still points to it keeps it.
func (m *machine) release(o *object) {
	if o != nil {
		m.heap -= len(o.cells)
	}
}

// fault ends the process as a bad address does.
func (m *machine) fault(token) {
	m.die(linux.SIGSEGV)
}

func (m *machine) divide(at token) {
	if m.c == nil {
		at.throw("error", "division by zero in constant expression")
	}
	m.die(linux.SIGFPE)
}

// die ends the process by a signal that what it did raises. What it has printed and not flushed is
// lost.
func (m *machine) die(sig linux.Signal) {
	m.c.Proc.Signal(sig, kernel.Default)
	m.c.Kill(m.c.Pid(), sig)
	m.c.Proc.Sleep(time.Nanosecond)
	m.c.Proc.Exit(128 + int(sig)) // process 1, which its own signals do not reach
}

func (m *machine) load(p address, at token) value {
	if p.o == nil || p.o.freed || p.off < 0 || p.off >= len(p.o.cells) {
		m.fault(at)
	}
	return p.o.cells[p.off]
}

func (m *machine) put(p address, v value, at token) {
	if p.o == nil || p.o.freed || p.o.fixed || p.off < 0 || p.off >= len(p.o.cells) {
		m.fault(at)
	}
	p.o.cells[p.off] = v
}

func constantString(s string) *object {
	o := &object{elem: tChar, fixed: true, cells: make([]value, len(s)+1)}
	for i := range len(s) {
		o.cells[i].i = int64(int8(s[i]))
	}
	return o
}

// text is the string that p points to.
func (m *machine) text(p address, at token) string {
	var b []byte
	for {
		v := m.load(p, at)
		if v.i == 0 {
			return string(b)
		}
		b = append(b, byte(v.i))
		p.off++
		m.step()
	}
}

// fill writes s and its NUL at p.
func (m *machine) fill(p address, s string, at token) {
	for i := range len(s) {
		m.put(p, value{i: int64(int8(s[i]))}, at)
		p.off++
	}
	m.put(p, value{}, at)
}

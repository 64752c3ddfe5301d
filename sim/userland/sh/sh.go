// Package sh is the lab's shell: one interpreter that is busybox's ash, Debian's dash or bash.
//
// Package grammar reads scripts; this package expands and runs them. A Program is what the kernel
// runs for /bin/sh and its kin, a Session what a prompt that reads its own lines drives. What the
// three shells have in common is written once; where they differ the code asks for the dialect,
// and what they say differently stands together in dialect.go.
//
// A subshell, a member of a pipeline and a background job are processes of the kernel, made by
// fork: the child runs a copy of the interpreter. Nothing here touches the host.
//
// Everything that a script can make long is bounded: each command, each loop and each expansion
// takes steps of the sandbox's budget, text that grows is charged to its memory, and what is nested
// (functions, eval, arithmetic) has a limit of its own, so that no script can overflow the stack.
package sh

import (
	"errors"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/sh/grammar"
)

// Dialect is which shell it is.
type Dialect = grammar.Lang

// The dialects.
const (
	Ash  = grammar.Ash
	Dash = grammar.Dash
	Bash = grammar.Bash
)

// Program is the shell of a dialect as a program: sh, ash, dash or bash with their arguments.
func Program(d Dialect) kernel.Program {
	return func(p *kernel.Proc) int {
		s := newShell(p, d)
		return s.process(func() int { return s.main() })
	}
}

// Standalone is ash in a busybox binary, which is what the process runs: Debian's build looks for
// applets in itself before it looks on PATH. Alpine's does not.
func Standalone(p *kernel.Proc) int {
	s := newShell(p, Ash)
	_, err := p.Stat("/etc/alpine-release")
	s.standalone = err != nil
	return s.process(func() int { return s.main() })
}

// options are what set, and for bash shopt, switches.
type options struct {
	letters [128]bool // by letter: e, u, x, ...
	named   map[string]bool
	shopt   map[string]bool
}

// shell is one interpreter in one process.
type shell struct {
	p *kernel.Proc
	d Dialect

	arg0    string   // $0, and who speaks in errors
	applet  string   // ash: who speaks in the errors of programs that are built in
	command string   // ash, dash: the script or builtin that errors name; bash: the builtin
	pos     []string // $1...
	opt     options
	vars    map[string]*variable
	gen     *byte // who may change a variable in place; see variable.own
	locals  []*scope
	funcs   map[string]*function
	aliases map[string]string
	// The names of aliases as they came: ash and dash list them so within a bucket.
	aliasOrder []string

	status   int // $?
	lastBg   int // $!
	line     int // of the command that runs
	lineBase int
	pid      int // $$
	subshell int // BASH_SUBSHELL
	forked   bool
	pipe     []int // PIPESTATUS
	lastArg  string

	loops       int // how many loops enclose what runs
	depth       int // functions, evals and sourced files that enclose what runs
	flow        flow
	flowN       int
	quiet       int // enclosing places where -e does not count
	inFunc      int
	sourced     int
	calls       []call
	inTrap      int
	dirs        []string // bash's directory stack below the current one
	jobs        jobTable
	traps       trapTable
	input       *source // the script that is read
	hash        map[string]hashed
	getopt      getoptState
	seconds     time.Time
	random      uint32
	cwd         string
	tmpVars     []map[string]*variable
	born        int               // how many variables have come
	before      []*grammar.Assign // that stand before the program that is executed
	piped       bool              // this process, or one that it descends from, is part of a pipeline
	substStatus int               // of the last command substitution; $? only in bash, before the command has run
	substRan    bool              // a command substitution ran: its status is that of an assignment
	fdSaved     int
	lateLine    int

	interactive bool
	prompted    bool // this shell, or the one that it was forked from, is interactive
	loginShell  bool
	script      string // the file that main runs
	standalone  bool   // applets are found without PATH
	cString     bool   // -c
	cText       string
	stdinScript bool
	ttyFd       int
	term        *editor
	lineFrom    LineReader // of Interactive
	history     []string
	histLoaded  int
	startAt     time.Time
	sourceName  string // bash: BASH_SOURCE of what is defined now
	xtrace      int
	extglobAt   bool
	current     *grammar.Parser
	mem         int64 // charged to the sandbox
	unsettled   int64 // and yet to be charged
	traceArgs   []string
	running     grammar.Node // BASH_COMMAND
}

// flow is what a break, continue or return does to what encloses it.
type flow uint8

const (
	flowNone flow = iota
	flowBreak
	flowContinue
	flowReturn
)

type call struct {
	name   string
	line   int // where it was called
	source string
	args   []string
}

type function struct {
	name   string
	def    *grammar.FuncDef
	source string
	line   int

	exported bool
	readonly bool
}

type hashed struct {
	path string
	hits int
}

// exit unwinds the interpreter of this process.
type exit struct{ status int }

// discard unwinds to the reader of commands: an error that bash only drops the rest of a command
// for, and that ends the others.
type discard struct{ status int }

const (
	maxDepth = 1000     // functions, evals and sourced files within each other
	maxText  = 16 << 20 // bytes of one expanded word
)

func newShell(p *kernel.Proc, d Dialect) *shell {
	s := &shell{p: p, d: d, vars: map[string]*variable{}, gen: new(byte), funcs: map[string]*function{},
		aliases: map[string]string{}, hash: map[string]hashed{}, pid: p.Pid(), seconds: p.Now(), startAt: p.Now(), ttyFd: -1}
	s.opt.named = map[string]bool{}
	s.opt.shopt = map[string]bool{}
	s.random = uint32(p.Kernel().Rand().Uint32())
	args := p.Args()
	s.arg0 = "sh"
	if len(args) > 0 {
		s.arg0 = args[0]
	}
	s.applet = strings.TrimPrefix(path.Base(s.arg0), "-")
	s.initVars()
	s.initShopt()
	s.initTraps()
	if d == Bash {
		s.importFunctions()
	}
	return s
}

// process runs body as the whole life of this process: an exit within ends it, and then the EXIT
// trap runs.
func (s *shell) process(body func() int) int {
	status := s.protect(body)
	status = s.protect(func() int { return s.leave(status) })
	s.release()
	return status
}

// outOfMemory ends the shell, and its container, for a text that is longer than a lab's shell holds.
func (s *shell) outOfMemory() {
	box := s.p.Sandbox()
	box.Exceed("memory", box.Budget().Memory)
	s.p.Step(1)
	s.p.Exit(137)
}

// protect runs body and turns an exit, or an error that nobody else caught, into a status.
func (s *shell) protect(body func() int) (status int) {
	defer func() {
		switch v := recover().(type) {
		case nil:
		case exit:
			status = v.status
		case discard:
			status = v.status
		default:
			panic(v)
		}
	}()
	return body()
}

// leave is what a shell does last: the EXIT trap, whose exit may change the status, and the history.
func (s *shell) leave(status int) int {
	s.status = status
	s.flow = flowNone
	if action, ok := s.traps.actions[0]; ok && action != "" {
		delete(s.traps.actions, 0)
		s.line = max(s.line, 1)
		s.protect2(&status, func() {
			s.status = status
			s.runTrapText(action)
		})
	}
	if s.interactive && !s.forked {
		s.saveHistory()
	}
	return status & 255
}

func (s *shell) protect2(status *int, f func()) {
	defer func() {
		switch v := recover().(type) {
		case nil:
		case exit:
			*status = v.status
		case discard:
			*status = v.status
		default:
			panic(v)
		}
	}()
	f()
}

// fork makes the interpreter of a child process.
func (s *shell) fork() *shell {
	c := *s
	c.forked = true
	c.subshell++
	s.gen, c.gen = new(byte), new(byte)
	c.vars = make(map[string]*variable, len(s.vars))
	for k, v := range s.vars {
		c.vars[k] = v
	}
	c.funcs = cloneMap(s.funcs)
	c.aliases = cloneMap(s.aliases)
	c.aliasOrder = slices.Clone(s.aliasOrder)
	c.hash = cloneMap(s.hash)
	c.opt.named = cloneMap(s.opt.named)
	c.opt.shopt = cloneMap(s.opt.shopt)
	c.locals = nil
	for _, l := range s.locals {
		c.locals = append(c.locals, &scope{saved: cloneMap(l.saved), opts: l.opts})
	}
	c.calls = append([]call(nil), s.calls...)
	c.pipe = append([]int(nil), s.pipe...)
	c.dirs = append([]string(nil), s.dirs...)
	c.jobs = s.jobs.inherited(s.d)
	c.traps = s.traps.inherited(s)
	c.interactive = false
	c.term = nil
	c.mem, c.unsettled = 0, 0
	return &c
}

func cloneMap[K comparable, V any](m map[K]V) map[K]V {
	c := make(map[K]V, len(m))
	for k, v := range m {
		c[k] = v
	}
	return c
}

// spawn forks a child that runs body with a copy of this interpreter.
func (s *shell) spawn(body func(c *shell) int) (pid int, err error) {
	c := s.fork()
	return s.p.Fork(func(p *kernel.Proc) int {
		c.p = p
		c.resetTraps()
		return c.process(func() int { return body(c) })
	})
}

// set says whether an option is on, by its letter.
func (s *shell) set(letter byte) bool { return s.opt.letters[letter] }

// --- reading and running scripts ---

// source is a script that is read, command by command.
type source struct {
	parser *grammar.Parser
	name   string // of the file, for BASH_SOURCE
	fd     int    // -1 for text
}

func (s *shell) newParser(more func() (string, bool)) *grammar.Parser {
	p := grammar.New(s.d, more)
	s.setUpParser(p)
	return p
}

func (s *shell) textParser(text string) *grammar.Parser {
	p := grammar.FromString(s.d, text)
	s.setUpParser(p)
	return p
}

func (s *shell) setUpParser(p *grammar.Parser) {
	p.Alias = s.lookupAlias
	p.Extglob = s.opt.shopt["extglob"]
	p.UTF8 = s.utf8()
	p.Warn = func(line int, text string) { s.warn(line, text) }
}

func (s *shell) lookupAlias(name string) (string, bool) {
	if s.d == Bash && !s.interactive && !s.opt.shopt["expand_aliases"] {
		return "", false
	}
	v, ok := s.aliases[name]
	return v, ok
}

// runParser reads commands and runs them to the end of the input. oneShot says that this is the
// last that the process does, so that its last command may be executed in its place.
func (s *shell) runParser(p *grammar.Parser, oneShot bool, text *string) int {
	before := s.current
	s.current = p
	defer func() { s.current = before }()
	ran := false
	more := p.More
	p.More = func() (string, bool) {
		line, ok := more()
		if ok && s.set('v') && (s.d == Bash || !s.cString) {
			io.WriteString(s.p.Writer(2), strings.TrimSuffix(line, "\n")+"\n")
		}
		return line, ok
	}
	for {
		s.runPendingTraps()
		p.Extglob = s.opt.shopt["extglob"]
		cmd, err := p.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			s.syntaxError(p, err)
			return s.status
		}
		if cmd == nil {
			continue
		}
		if s.set('n') {
			continue
		}
		ran = true
		tail := oneShot && p.Rest() == "" && atEnd(&more)
		s.runTop(cmd, tail)
		if s.flow == flowReturn || s.flow != flowNone && s.loops > 0 {
			return s.status
		}
		s.flow = flowNone
	}
	if !ran {
		s.status = 0
	}
	return s.status
}

// atEnd says whether a source of lines is at its end; what it reads to learn that comes again.
func atEnd(more *func() (string, bool)) bool {
	next := *more
	line, ok := next()
	if !ok {
		*more = func() (string, bool) { return "", false }
		return true
	}
	*more = func() (string, bool) {
		*more = next
		return line, true
	}
	return false
}

// runTop runs one complete command. In bash some errors only drop what is left of it.
func (s *shell) runTop(cmd grammar.Node, tail bool) {
	depth := s.depth
	defer func() {
		switch v := recover().(type) {
		case nil:
		case discard:
			s.status = v.status
			s.depth, s.quiet = depth, 0
			if s.d != Bash && !s.interactive {
				panic(exit{v.status})
			}
			s.flow = flowNone
			for len(s.tmpVars) > 0 {
				s.popTmp()
			}
			if s.set('e') && !s.interactive {
				panic(exit{v.status})
			}
		default:
			panic(v)
		}
	}()
	s.run(cmd, tail)
}

// syntaxError says what is wrong with a script and ends it: its status is in s.status.
func (s *shell) syntaxError(p *grammar.Parser, err error) {
	var e *grammar.Error
	if !errors.As(err, &e) {
		s.errorf("%v", err)
		s.status = 2
		return
	}
	save, status := s.line, s.status
	s.line = e.Line
	for _, text := range e.Lines() {
		s.sayAt(e.Line, text, true)
	}
	s.line = save
	s.status = 2
	p.Discard()
	if !s.interactive {
		switch {
		case s.d != Bash:
			panic(exit{2})
		case e.Fault == grammar.CondExpected: // bash reads no further, and says no more
			panic(exit{status})
		}
	}
}

// runText runs text, as eval and traps do.
func (s *shell) runText(text string, line int, name string) int {
	s.enterDepth()
	defer func() { s.depth-- }()
	p := s.textParser(text)
	p.Line = line
	status := s.runParser(p, false, nil)
	return status
}

func (s *shell) enterDepth() {
	s.depth++
	if s.depth > maxDepth {
		if s.d == Bash {
			s.errorf("maximum nesting level exceeded (%d)", maxDepth)
		} else {
			s.errorf("nested too deeply (%d levels)", maxDepth)
		}
		s.depth = 0
		panic(exit{2})
	}
}

// charge takes bytes that the interpreter holds from the sandbox's memory. They are given back when
// they are dropped; past the bound the sandbox ends.
func (s *shell) charge(n int) {
	if n > 0 {
		s.p.Step(n / 64)
	}
	s.held(n)
}

// held counts bytes, and settles with the sandbox when they have become a few.
func (s *shell) held(n int) {
	s.unsettled += int64(n)
	if s.unsettled > -4096 && s.unsettled < 4096 {
		return
	}
	n64 := s.unsettled
	s.unsettled = 0
	s.mem += n64
	if err := s.p.Charge(n64); err != nil {
		s.p.Step(1)
		s.p.Exit(137)
	}
}

// release gives back what the interpreter of this process held.
func (s *shell) release() {
	if s.mem != 0 {
		s.p.Charge(-s.mem)
		s.mem = 0
	}
}

func errnoText(err error) string {
	var e linux.Errno
	if errors.As(err, &e) {
		return e.Error()
	}
	return err.Error()
}

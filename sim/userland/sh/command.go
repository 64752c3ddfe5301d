package sh

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
	"github.com/dockerlab/dockerlab/sim/userland/sh/grammar"
)

// invocation is a simple command that is about to run.
type invocation struct {
	args   []string                // with the name
	arrays map[int]*grammar.Assign // arguments of declare and its kin that are array assignments
	n      *grammar.Simple
	tail   bool
	plain  bool // by "command": no functions, and errors of special builtins end nothing
	undo   []savedFd
}

// simple runs a simple command.
func (s *shell) simple(n *grammar.Simple, tail bool) {
	s.setLine(n.Line)
	if s.inTrap == 0 {
		s.running = n
	}
	s.substRan = false
	procs := len(s.jobs.procFds)
	defer s.closeProcSubsts(procs)
	inv := &invocation{n: n, tail: tail}
	oldStatus := s.status
	inv.args, inv.arrays = s.commandWords(n.Words)
	s.debugTrap()
	if len(inv.args) == 0 {
		s.bare(n, oldStatus)
		return
	}
	if len(s.jobs.procFds) > procs {
		inv.tail = false
	}
	s.traceSimple(n, inv)
	s.invoke(inv)
	if s.d == Bash && len(inv.args) > 0 {
		s.lastArg = inv.args[len(inv.args)-1]
	}
}

// commandWords expands the words of a command. Assignments among the arguments of export and its
// kin are not split.
func (s *shell) commandWords(words []*grammar.Word) (args []string, arrays map[int]*grammar.Assign) {
	if len(words) == 0 {
		return nil, nil
	}
	name, _ := words[0].Literal()
	decl := declaration(s.d, name)
	if !decl && name == "command" && len(words) > 1 {
		second, _ := words[1].Literal()
		decl = declaration(s.d, second)
	}
	if !decl {
		return s.fields(words), nil
	}
	for _, w := range words {
		if len(w.Parts) == 1 {
			if d, ok := w.Parts[0].(*grammar.DeclArray); ok {
				if arrays == nil {
					arrays = map[int]*grammar.Assign{}
				}
				arrays[len(args)] = d.Assign
				args = append(args, d.Src)
				continue
			}
		}
		if l, ok := first(w.Parts); ok {
			if i := strings.IndexByte(l, '='); i > 0 && grammar.IsName(strings.TrimSuffix(l[:i], "+")) {
				rest := &grammar.Word{Line: w.Line}
				if l[i+1:] != "" {
					rest.Parts = append(rest.Parts, &grammar.Lit{Text: l[i+1:]})
				}
				rest.Parts = append(rest.Parts, w.Parts[1:]...)
				args = append(args, l[:i+1]+s.assignText(rest))
				continue
			}
		}
		args = append(args, s.fields([]*grammar.Word{w})...)
	}
	return args, arrays
}

func first(parts []grammar.Part) (string, bool) {
	if len(parts) == 0 {
		return "", false
	}
	l, ok := parts[0].(*grammar.Lit)
	if !ok {
		return "", false
	}
	return l.Text, true
}

func declaration(d Dialect, name string) bool {
	switch name {
	case "export", "readonly", "local":
		return true
	case "declare", "typeset", "alias":
		return d == Bash
	}
	return false
}

// bare is a command of assignments and redirections alone.
func (s *shell) bare(n *grammar.Simple, oldStatus int) {
	if len(n.Redirs) > 0 {
		undo, ok := s.redirect(n.Redirs, true)
		s.restore(undo)
		if !ok {
			s.status = s.choose2(1, 2, 1)
			return
		}
	}
	if !s.substRan {
		s.status = oldStatus
	}
	status := s.substStatus
	ran := s.substRan
	s.substRan = false
	trace := s.set('x')
	var line strings.Builder
	for _, a := range n.Assigns {
		s.substRan = false
		ok := s.doAssign(a, func(value string) {
			if trace && s.d == Bash {
				s.trace(s.traceAssign(a, value))
			} else if trace {
				if line.Len() > 0 {
					line.WriteByte(' ')
				}
				line.WriteString(s.traceAssign(a, value))
			}
		})
		if !ok {
			if s.d == Bash {
				panic(discard{1})
			}
			panic(discard{2})
		}
		if s.substRan {
			ran, status = true, s.substStatus
		}
	}
	if line.Len() > 0 {
		s.trace(line.String())
	}
	if ran {
		s.status = status
	} else {
		s.status = 0
	}
}

func (s *shell) traceAssign(a *grammar.Assign, value string) string {
	name := a.Name
	if a.Index != nil {
		name += "[" + a.IndexAs + "]"
	}
	op := "="
	if a.Append {
		op = "+="
	}
	if a.IsArray {
		var b strings.Builder
		for i, e := range a.Array {
			if i > 0 {
				b.WriteByte(' ')
			}
			if e.Index != nil {
				fmt.Fprintf(&b, "[%s]=", e.IndexAs)
			}
			b.WriteString(e.Value.Src)
		}
		return name + op + "(" + b.String() + ")"
	}
	switch s.d {
	case Dash:
		return name + op + value
	case Ash:
		return name + op + ashTraceQuote(value)
	}
	if value == "" {
		return name + op
	}
	return name + op + s.traceQuote(value)
}

// ashTraceQuote quotes a word of ash's trace where it must.
func ashTraceQuote(t string) string {
	if t == "" || plainWord(t, "%+,-./:@_^]") && isASCII(t) && !grammar.Reserved(Ash, t) {
		return t
	}
	return quoteSingle(t)
}

func (s *shell) traceSimple(n *grammar.Simple, inv *invocation) {
	if !s.set('x') {
		return
	}
	var words []string
	for i, a := range inv.args {
		switch s.d {
		case Dash:
			words = append(words, a)
		case Ash:
			words = append(words, ashTraceQuote(a))
		default:
			if arr, ok := inv.arrays[i]; ok {
				words = append(words, s.traceAssign(arr, ""))
			} else {
				words = append(words, s.traceQuote(a))
			}
		}
	}
	if s.d == Bash || len(n.Assigns) == 0 {
		if len(n.Assigns) == 0 {
			s.trace(strings.Join(words, " "))
		}
		return
	}
}

// doAssign makes one assignment of the script. trace is told the value before it is assigned.
func (s *shell) doAssign(a *grammar.Assign, trace func(value string)) bool {
	if a.IsArray {
		trace("")
		return s.assignArray(a)
	}
	value := s.assignText(a.Value)
	trace(value)
	if a.Index != nil {
		return s.assignElement(a.Name, s.indexText(a.Name, a.Index), value, a.Append)
	}
	return s.assignVar(a.Name, value, a.Append)
}

// assignArray is name=(...).
func (s *shell) assignArray(a *grammar.Assign) bool {
	name := s.ref(a.Name)
	if v := s.vars[name]; v != nil && v.readonly {
		s.readonlyError(name)
		return false
	}
	type elem struct {
		key, value string
		keyed, add bool
	}
	isAssoc := s.vars[name] != nil && s.vars[name].kind == associative
	var elems []elem
	for _, e := range a.Array {
		if e.Index != nil {
			elems = append(elems, elem{s.indexText(name, e.Index), s.assignText(e.Value), true, e.Append})
			continue
		}
		for _, f := range s.fields([]*grammar.Word{e.Value}) {
			elems = append(elems, elem{value: f})
		}
	}
	s.p.Step(len(elems))
	v := s.own(name)
	if !a.Append {
		v.value, v.array, v.present, v.assoc, v.order = "", nil, nil, nil, nil
		v.set = true
	} else if v.kind == scalar {
		s.toIndexed(v)
	}
	if v.kind == scalar {
		v.kind = indexed
	}
	if isAssoc {
		v.kind = associative
		if v.assoc == nil {
			v.assoc = map[string]string{}
		}
		for i := 0; i < len(elems); i++ {
			e := elems[i]
			if e.keyed {
				s.setAssoc(v, e.key, s.shaped(v, e.value), e.add)
				continue
			}
			// bare words come in pairs of key and value
			val := ""
			if i+1 < len(elems) {
				val = elems[i+1].value
			}
			s.setAssoc(v, e.value, s.shaped(v, val), false)
			i++
		}
		return true
	}
	v.set = true
	at := len(v.array)
	for _, e := range elems {
		if e.keyed {
			i := s.arithText(e.key)
			if i < 0 {
				i += int64(len(v.array))
			}
			if i < 0 {
				s.plainf("[%s]=%s: bad array subscript", e.key, e.value)
				continue
			}
			at = int(min(i, maxIndex))
		}
		s.setIndexed(v, at, s.shaped(v, e.value), e.add)
		at++
	}
	if s.set('a') {
		v.exported = true
	}
	return true
}

// invoke finds what a command's name means and runs it.
func (s *shell) invoke(inv *invocation) {
	name := inv.args[0]
	if !inv.plain {
		if isSpecial(s.d, name) && s.d != Bash {
			s.runBuiltin(builtins(s.d)[name], inv)
			return
		}
		if f := s.funcs[name]; f != nil {
			s.callFunction(f, inv)
			return
		}
	}
	if b := builtins(s.d)[name]; b != nil && !s.opt.shopt["disabled "+name] {
		s.runBuiltin(b, inv)
		return
	}
	s.external(inv)
}

// withAssigns makes the assignments before a command for as long as f runs. keep leaves them.
func (s *shell) withAssigns(n *grammar.Simple, keep, export bool, f func()) {
	if len(n.Assigns) == 0 {
		f()
		return
	}
	if !keep {
		s.pushTmp()
		level := len(s.tmpVars)
		defer func() {
			for len(s.tmpVars) >= level {
				s.popTmp()
			}
		}()
	}
	var line strings.Builder
	for _, a := range n.Assigns {
		if !keep {
			s.saveTmp(a.Name)
		}
		ok := s.doAssign(a, func(value string) {
			if s.set('x') && s.d == Bash {
				s.trace(s.traceAssign(a, value))
			} else if s.set('x') {
				line.WriteString(s.traceAssign(a, value) + " ")
			}
		})
		if !ok {
			if s.d == Bash {
				s.status = 1
				return
			}
			panic(discard{2})
		}
		if export {
			s.own(s.ref(a.Name)).exported = true
		}
	}
	if s.set('x') {
		inv := &invocation{args: s.traceArgs, n: n}
		if s.d == Bash {
			s.traceSimple(&grammar.Simple{}, inv)
		} else {
			var words []string
			for _, a := range inv.args {
				if s.d == Ash {
					a = ashTraceQuote(a)
				}
				words = append(words, a)
			}
			s.trace(line.String() + strings.Join(words, " "))
		}
	}
	f()
}

// callFunction calls a shell function.
func (s *shell) callFunction(f *function, inv *invocation) {
	s.traceArgs = inv.args
	undo, ok := s.redirect(inv.n.Redirs, true)
	if !ok {
		s.restore(undo)
		s.status = s.choose2(1, 2, 1)
		return
	}
	s.guard(func() {
		s.withAssigns(inv.n, false, true, func() { s.callWith(f, inv.args) })
	}, func() { s.restore(undo) })
}

func (s *shell) callWith(f *function, args []string) {
	if v := s.vars["FUNCNEST"]; v != nil && s.d == Bash {
		var n int
		fmt.Sscan(v.value, &n)
		if n > 0 && s.inFunc >= n {
			s.plainf("%s: maximum function nesting level exceeded (%d)", f.name, n)
			panic(discard{1})
		}
	}
	s.enterDepth()
	pos, loops, cmd := s.pos, s.loops, s.command
	s.pos = args[1:]
	s.loops = 0
	if s.d == Bash {
		s.command = ""
	}
	s.inFunc++
	s.locals = append(s.locals, &scope{saved: map[string]*variable{}})
	level := len(s.locals)
	s.calls = append(s.calls, call{name: f.name, line: s.line, source: f.source, args: args})
	ncalls := len(s.calls)
	line := s.line
	debug := s.traps.actions[trapDEBUG]
	if s.d == Bash && !s.set('T') && debug != "" {
		delete(s.traps.actions, trapDEBUG)
	}
	s.guard(func() {
		s.run(f.def.Body, false)
		if s.flow == flowReturn {
			s.flow = flowNone
		}
		if s.d == Bash && s.set('T') {
			s.returnTrap()
		}
	}, func() {
		for len(s.locals) >= level {
			s.popScope()
		}
		s.calls = s.calls[:ncalls-1]
		s.inFunc--
		s.depth--
		s.pos, s.loops, s.command, s.line = pos, loops, cmd, line
		if debug != "" && !s.set('T') {
			if _, ok := s.traps.actions[trapDEBUG]; !ok {
				s.traps.actions[trapDEBUG] = debug
			}
		}
	})
}

// runBuiltin runs a builtin in this process.
func (s *shell) runBuiltin(b *builtin, inv *invocation) {
	name := inv.args[0]
	special := isSpecial(s.d, name) && !inv.plain
	s.traceArgs = inv.args
	if name == "exec" {
		s.execBuiltin(inv)
		return
	}
	undo, ok := s.redirect(inv.n.Redirs, true)
	inv.undo = undo
	if !ok {
		s.restore(undo)
		s.status = s.choose2(1, 2, 1)
		if special && s.d != Bash {
			panic(discard{s.status})
		}
		return
	}
	command := s.command
	s.guard(func() {
		s.withAssigns(inv.n, special && s.d != Bash, true, func() {
			s.command = name
			defer func() {
				if special || s.d == Bash {
					return
				}
				// an error in a builtin that is not special ends only that
				switch e := recover().(type) {
				case nil:
				case discard:
					s.status = e.status
				default:
					panic(e)
				}
			}()
			s.status = b.run(s, inv)
		})
	}, func() {
		s.command = command
		s.restore(inv.undo)
	})
}

// external runs a program.
func (s *shell) external(inv *invocation) {
	name := inv.args[0]
	s.traceArgs = inv.args
	if inv.tail && s.canExec() {
		s.execHere(inv)
	}
	path, code, text := s.find(name)
	if path == "" && s.d == Bash && code == 127 {
		if f := s.funcs["command_not_found_handle"]; f != nil {
			pid, err := s.spawn(func(c *shell) int {
				if _, ok := c.redirect(inv.n.Redirs, false); !ok {
					return 1
				}
				c.callWith(f, append([]string{f.name}, inv.args...))
				return c.status
			})
			if err != nil {
				s.forkError(err)
			}
			s.status = s.waitFg([]int{pid}, inv.n)
			return
		}
	}
	pid, err := s.spawn(func(c *shell) int {
		c.joinForeground()
		return c.execProgram(inv, path, code, text)
	})
	if err != nil {
		s.forkError(err)
	}
	s.foreground(pid)
	s.status = s.waitFg([]int{pid}, inv.n)
	s.pipe = []int{s.status}
}

// execHere executes a program in the place of the shell.
func (s *shell) execHere(inv *invocation) {
	path, code, text := s.find(inv.args[0])
	if path == "" && s.d == Bash && s.funcs["command_not_found_handle"] != nil {
		return
	}
	if !s.piped {
		s.shallower()
	}
	panic(exit{s.execProgram(inv, path, code, text)})
}

// shallower has SHLVL count one shell less: bash executes a program in its own place.
func (s *shell) shallower() {
	if v := s.vars["SHLVL"]; s.d == Bash && v != nil {
		n, _ := strconv.Atoi(v.value)
		s.own("SHLVL").value = strconv.Itoa(max(n-1, 0))
	}
}

// execProgram makes the redirections and assignments and executes the program. It gives the status
// for what could not be executed.
func (s *shell) execProgram(inv *invocation, path string, code int, text string) int {
	s.interactive = false
	if _, ok := s.redirect(inv.n.Redirs, false); !ok {
		return s.choose2(1, 2, 1)
	}
	status := 0
	s.withAssigns(inv.n, true, true, func() {
		s.before = inv.n.Assigns
		if len(inv.n.Assigns) > 0 {
			// PATH itself may have been among them
			path, code, text = s.find(inv.args[0])
		}
		if path == "" {
			s.plainf("%s", text)
			status = code
			return
		}
		status = s.exec(path, inv.args)
	})
	return status
}

// exec executes a file; it returns only when that fails, and has said so.
func (s *shell) exec(path string, args []string) int {
	if s.d == Bash {
		v := s.own("_")
		v.value, v.set, v.exported = path, true, true
	}
	mem := s.mem
	s.release()
	err := s.p.Exec(path, args, s.environ())
	s.held(int(mem))
	if err == linux.ENOEXEC {
		return s.runScriptFile(path, args)
	}
	code, text := s.execError(args[0], path, err)
	s.plainf("%s", text)
	return code
}

// execError words the failure of an exec.
func (s *shell) execError(name, path string, err error) (code int, text string) {
	if s.d != Bash {
		switch err {
		case linux.ENOENT, linux.ENOTDIR:
			return 127, name + ": not found"
		case linux.ELOOP, linux.ENAMETOOLONG:
			return 127, name + ": " + errnoText(err)
		}
		return 126, name + ": " + errnoText(err)
	}
	switch err {
	case linux.ENOENT, linux.ENOTDIR, linux.EACCES:
		st, serr := s.p.Stat(path)
		switch {
		case serr != nil:
			if err == linux.EACCES {
				return 126, name + ": " + errnoText(err)
			}
			return 127, name + ": " + errnoText(err)
		case st.Mode.IsDir():
			return 126, name + ": Is a directory"
		}
		if s.p.Access(path, linux.X_OK) == nil {
			if err == linux.ENOENT {
				return 127, name + ": cannot execute: required file not found"
			}
		}
	}
	return 126, name + ": " + errnoText(err)
}

func (s *shell) head(path string) string {
	fd, err := s.p.Open(path, linux.O_RDONLY|linux.O_CLOEXEC, 0)
	if err != nil {
		return ""
	}
	defer s.p.Close(fd)
	b := make([]byte, 256)
	n, _ := s.p.Read(fd, b)
	return string(b[:max(n, 0)])
}

// runScriptFile runs a file that has no "#!" line as a script of this shell.
func (s *shell) runScriptFile(path string, args []string) int {
	head := s.head(path)
	i := strings.IndexByte(head, 0)
	if i >= 0 && !strings.Contains(head[:i], "\n") || s.d != Ash && strings.HasPrefix(head, "\x7fELF") {
		if s.d == Bash {
			s.plainf("%s: cannot execute binary file: Exec format error", path)
			return 126
		}
		s.plainf("%s: %s", args[0], linux.ENOEXEC.Error())
		return 126
	}
	argv := append([]string{s.applet, path}, args[1:]...)
	prog := Program(s.d)
	s.p.SetArgs(argv)
	c := newShell(s.p, s.d)
	for name, v := range s.vars {
		if v.exported {
			c.vars[name] = v
		}
	}
	for name := range c.vars {
		if v := s.vars[name]; v == nil && s.isEnviron(name) {
			delete(c.vars, name)
		}
	}
	_ = prog
	return c.process(func() int { return c.main() })
}

func (s *shell) isEnviron(name string) bool {
	for _, e := range s.p.Env() {
		if strings.HasPrefix(e, name+"=") {
			return true
		}
	}
	return false
}

// find looks a program up. Without a path, text is what to say and code the status.
func (s *shell) find(name string) (path string, code int, text string) {
	if strings.Contains(name, "/") {
		return name, 0, ""
	}
	if name == "" {
		return "", 127, s.choose(": Permission denied", ": Permission denied", ": command not found")
	}
	if s.standalone && prog.IsBusyboxApplet(name) {
		return s.p.Exe(), 0, ""
	}
	if h, ok := s.hash[name]; ok {
		if st, err := s.p.Stat(h.path); err == nil && st.Mode.IsRegular() {
			h.hits++
			s.hash[name] = h
			return h.path, 0, ""
		}
		delete(s.hash, name)
	}
	v := s.vars["PATH"]
	if v == nil || !v.set || v.value == "" && s.d == Bash {
		if s.d == Bash {
			return "", 127, name + ": " + linux.ENOENT.Error()
		}
		return "", 127, s.notFound(name)
	}
	denied := ""
	for _, dir := range strings.Split(v.value, ":") {
		full := dir + "/" + name
		if dir == "" {
			full = "./" + name
		}
		st, err := s.p.Stat(full)
		if err != nil || !st.Mode.IsRegular() {
			continue
		}
		if s.p.Access(full, linux.X_OK) != nil {
			if denied == "" {
				denied = full
			}
			continue
		}
		s.hash[name] = hashed{full, 1}
		return full, 0, ""
	}
	if denied != "" {
		if s.d == Bash {
			return "", 126, denied + ": Permission denied"
		}
		return "", 126, name + ": Permission denied"
	}
	return "", 127, s.notFound(name)
}

// execBuiltin is exec: its redirections stay.
func (s *shell) execBuiltin(inv *invocation) {
	args := inv.args[1:]
	argv0, clean, login := "", false, false
	for s.d != Dash && len(args) > 0 && strings.HasPrefix(args[0], "-") {
		if args[0] == "--" {
			args = args[1:]
			break
		}
		switch {
		case args[0] == "-a" && len(args) > 1:
			argv0 = args[1]
			args = args[1:]
		case args[0] == "-c" && s.d == Bash:
			clean = true
		case args[0] == "-l" && s.d == Bash:
			login = true
		default:
			s.command = "exec"
			if s.d == Bash {
				s.errorf("%s: invalid option", args[0][:2])
				fmt.Fprintf(s.p.Writer(2), "exec: usage: exec [-cl] [-a name] [command [argument ...]] [redirection ...]\n")
			} else {
				s.errorf("illegal option %s", args[0][:2])
			}
			s.command = ""
			s.status = 2
			return
		}
		args = args[1:]
	}
	if s.d == Dash && len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		_, ok := s.redirect(inv.n.Redirs, false)
		if !ok {
			s.status = s.choose2(1, 2, 1)
			if s.d != Bash {
				panic(discard{s.status})
			}
			return
		}
		s.withAssigns(inv.n, s.d != Bash, false, func() {})
		s.status = 0
		return
	}
	undo, ok := s.redirect(inv.n.Redirs, s.interactive)
	if !ok {
		s.restore(undo)
		s.status = s.choose2(1, 2, 1)
		if !s.interactive {
			panic(exit{s.status})
		}
		return
	}
	s.withAssigns(inv.n, false, true, func() {
		path, code, text := s.find(args[0])
		s.command = "exec"
		defer func() { s.command = "" }()
		if path == "" {
			s.errorf("%s", strings.Replace(text, ": command not found", ": not found", 1))
			s.execFailed(code)
			return
		}
		argv := append([]string{}, args...)
		if argv0 != "" {
			argv[0] = argv0
		}
		if login {
			argv[0] = "-" + argv[0]
		}
		if !s.piped {
			s.shallower()
		}
		delete(s.vars, "_")
		env := s.environ()
		if clean {
			env = nil
		}
		mem := s.mem
		s.release()
		err := s.p.Exec(path, argv, env)
		s.held(int(mem))
		if err == linux.ENOEXEC {
			s.command = ""
			panic(exit{s.runScriptFile(path, args)})
		}
		code, text = s.execError(args[0], path, err)
		if s.d == Bash {
			s.command = ""
			s.errorf("%s", text)
			s.command = "exec"
			if err != linux.ENOENT {
				s.errorf("%s: cannot execute: %s", args[0], errnoText(err))
			}
			if err == linux.ENOENT {
				code = 127
			}
		} else {
			s.errorf("%s", text)
		}
		s.execFailed(code)
	})
	s.restore(undo)
}

func (s *shell) execFailed(code int) {
	s.status = code
	if s.interactive || s.opt.shopt["execfail"] {
		return
	}
	panic(exit{code})
}

var _ = kernel.Ignore

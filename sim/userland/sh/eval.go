package sh

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/sh/grammar"
)

// run runs a command and leaves its status in s.status. tail says that the process has nothing else
// to do afterwards, so that a program may be executed in its place.
func (s *shell) run(n grammar.Node, tail bool) {
	s.p.Step(2)
	if s.flow != flowNone {
		return
	}
	switch n := n.(type) {
	case nil:
		s.status = 0
	case *grammar.Simple:
		s.simple(n, tail)
		s.pipe = []int{s.status}
		s.afterCommand()
	case *grammar.List:
		s.list(n, tail)
	case *grammar.AndOr:
		s.quiet++
		s.guard(func() { s.run(n.Left, false) }, func() { s.quiet-- })
		if s.flow == flowNone && (s.status == 0) != n.Or {
			s.run(n.Right, tail)
		}
	case *grammar.Pipeline:
		s.pipeline(n, tail)
	case *grammar.Redirected:
		s.redirected(n, tail)
	case *grammar.Group:
		s.run(n.Body, tail)
	case *grammar.Subshell:
		s.subshellCmd(n, tail)
	case *grammar.If:
		s.ifCmd(n, tail)
	case *grammar.While:
		s.while(n)
	case *grammar.For:
		s.forCmd(n)
	case *grammar.ArithFor:
		s.arithFor(n)
	case *grammar.Select:
		s.selectCmd((*grammar.For)(n))
	case *grammar.Case:
		s.caseCmd(n, tail)
	case *grammar.FuncDef:
		s.define(n)
	case *grammar.Arith:
		s.setLine(n.Line)
		s.debugTrap()
		text := s.arithWord(n.Expr)
		if s.set('x') {
			s.trace("(( " + strings.TrimSpace(text) + " ))")
		}
		save := s.command
		s.command = "(("
		v := s.arithCommand(text, "((")
		s.command = save
		s.status = int(1 - truth(v != 0))
		s.afterCommand()
	case *grammar.Cond:
		s.setLine(n.Line)
		s.debugTrap()
		s.status = s.condStatus(n.Expr)
		s.afterCommand()
	case *grammar.Coproc:
		s.coproc(n)
	}
}

// arithCommand is arith for (( )) and let, whose errors make the status 1 and no more.
func (s *shell) arithCommand(text, name string) (v int64) {
	defer func() {
		switch e := recover().(type) {
		case nil:
		case discard:
			if s.d != Bash {
				panic(e)
			}
			v = 0
		default:
			panic(e)
		}
	}()
	return s.arith(text, false)
}

// guard runs f and then after, also when f unwinds.
func (s *shell) guard(f, after func()) {
	defer after()
	f()
}

func (s *shell) setLine(line int) {
	if line > 0 || s.d == Ash {
		s.line = line
	}
}

// afterCommand is what follows a command that may fail: the ERR trap, and -e.
func (s *shell) afterCommand() {
	s.runPendingTraps()
	if s.status == 0 || s.quiet > 0 || s.flow != flowNone {
		return
	}
	s.failed()
}

func (s *shell) failed() {
	if s.d == Bash {
		if action, ok := s.traps.actions[trapERR]; ok && action != "" && s.inTrap == 0 && (s.inFunc == 0 && s.subshell == 0 || s.set('E') || s.traps.errHere == s.inFunc) {
			s.runTrap(action)
		}
	}
	if s.set('e') {
		panic(exit{s.status})
	}
}

func (s *shell) list(l *grammar.List, tail bool) {
	for i, item := range l.Items {
		if s.set('n') && !s.interactive {
			return
		}
		last := i == len(l.Items)-1
		if item.Background {
			s.background(item.Cmd)
			continue
		}
		s.run(item.Cmd, tail && last)
		if s.flow != flowNone {
			return
		}
	}
}

func (s *shell) ifCmd(n *grammar.If, tail bool) {
	for {
		s.quiet++
		s.guard(func() { s.run(n.Cond, false) }, func() { s.quiet-- })
		if s.flow != flowNone {
			return
		}
		if s.status == 0 {
			s.run(n.Then, tail)
			return
		}
		if n.Else == nil {
			s.status = 0
			return
		}
		if e, ok := n.Else.(*grammar.If); ok {
			n = e
			continue
		}
		s.run(n.Else, tail)
		return
	}
}

// loopFlow deals with a break or continue that a loop's body did; true ends the loop.
func (s *shell) loopFlow() bool {
	switch s.flow {
	case flowNone:
		return false
	case flowReturn:
		return true
	}
	if s.flowN > 1 {
		s.flowN--
		return true
	}
	stop := s.flow == flowBreak
	s.flow = flowNone
	return stop
}

func (s *shell) while(n *grammar.While) {
	s.loops++
	defer func() { s.loops-- }()
	status := 0
	for {
		s.p.Step(5)
		s.quiet++
		s.guard(func() { s.run(n.Cond, false) }, func() { s.quiet-- })
		if s.flow != flowNone {
			if s.loopFlow() {
				break
			}
			continue
		}
		if (s.status == 0) == n.Until {
			break
		}
		s.run(n.Body, false)
		status = s.status
		if s.loopFlow() {
			break
		}
	}
	if s.flow != flowReturn {
		s.status = status
	}
}

func (s *shell) forCmd(n *grammar.For) {
	s.setLine(n.Line)
	words := s.pos
	if n.In {
		words = s.fields(n.Words)
	}
	name, _ := n.Var.Literal()
	if !grammar.IsName(name) {
		s.plainf("`%s': not a valid identifier", n.Var.Src)
		s.status = 1
		if s.opt.named["posix"] {
			panic(exit{1})
		}
		return
	}
	s.loops++
	defer func() { s.loops-- }()
	s.status = 0
	for _, w := range words {
		s.p.Step(5)
		if s.d == Bash && s.set('x') {
			s.setLine(n.Line)
			text := "for " + name
			if n.In {
				text += " in"
				for _, w := range n.Words {
					text += " " + w.Src
				}
			}
			s.trace(text)
		}
		s.debugTrap()
		if !s.assign(name, w) {
			s.status = 1
			return
		}
		s.run(n.Body, false)
		if s.loopFlow() {
			return
		}
	}
}

func (s *shell) arithFor(n *grammar.ArithFor) {
	s.setLine(n.Line)
	s.loops++
	defer func() { s.loops-- }()
	eval := func(w *grammar.Word) int64 {
		if w == nil {
			return 1
		}
		s.setLine(n.Line)
		text := s.arithWord(w)
		if s.set('x') {
			s.trace("(( " + strings.TrimSpace(text) + " ))")
		}
		return s.arith(text, false)
	}
	if n.Init != nil {
		eval(n.Init)
	}
	status := 0
	for eval(n.Cond) != 0 {
		s.p.Step(5)
		s.run(n.Body, false)
		status = s.status
		if s.loopFlow() {
			break
		}
		if n.Post != nil {
			eval(n.Post)
		}
	}
	if s.flow != flowReturn {
		s.status = status
	}
}

func (s *shell) caseCmd(n *grammar.Case, tail bool) {
	s.setLine(n.Line)
	word := s.text(n.Word)
	if s.d == Bash && s.set('x') {
		s.trace("case " + n.Word.Src + " in")
	}
	s.debugTrap()
	mt := s.matcher()
	mt.fold = s.opt.shopt["nocasematch"]
	mt.bangs = s.d == Dash
	s.status = 0
	through := false
	for _, item := range n.Items {
		hit := through
		for _, w := range item.Patterns {
			if hit {
				break
			}
			hit = mt.match(s.pattern(w), word)
		}
		if !hit {
			continue
		}
		through = false
		if item.Body == nil {
			s.status = 0
		} else {
			s.run(item.Body, tail && item.End == ";;")
		}
		switch item.End {
		case ";&":
			through = true
		case ";;&":
		default:
			return
		}
		if s.flow != flowNone {
			return
		}
	}
}

func (s *shell) selectCmd(n *grammar.For) {
	s.setLine(n.Line)
	words := s.pos
	if n.In {
		words = s.fields(n.Words)
	}
	name, _ := n.Var.Literal()
	if len(words) == 0 {
		s.status = 0
		return
	}
	s.loops++
	defer func() { s.loops-- }()
	menu := func() {
		io.WriteString(s.p.Writer(2), selectMenu(words, s.columns()))
	}
	menu()
	for {
		s.p.Step(5)
		prompt, ok := s.get("PS3")
		if !ok {
			prompt = "#? "
		}
		io.WriteString(s.p.Writer(2), prompt)
		line, ok := s.readLine(0)
		if !ok {
			io.WriteString(s.p.Writer(2), "\n")
			s.status = 1
			return
		}
		if strings.TrimSpace(line) == "" {
			menu()
			continue
		}
		s.assign("REPLY", line)
		pick := ""
		var i int
		if _, err := fmt.Sscanf(line, "%d", &i); err == nil && i >= 1 && i <= len(words) {
			pick = words[i-1]
		}
		s.assign(name, pick)
		s.run(n.Body, false)
		if s.loopFlow() {
			return
		}
	}
}

// selectMenu lays the numbered choices of a select out in as many columns as the width holds, read
// downwards, with tabs between them; what fits in one row stands in one column.
func selectMenu(words []string, width int) string {
	digits := len(strconv.Itoa(len(words)))
	longest := 0
	for _, w := range words {
		longest = max(longest, utf8.RuneCountInString(w))
	}
	cell := longest + digits + 4
	columns := max(1, width/cell)
	rows := (len(words) + columns - 1) / columns
	if rows == 1 {
		rows = len(words)
	}
	var b strings.Builder
	for row := range rows {
		for i, at := row, 0; i < len(words); i, at = i+rows, at+cell {
			wide := digits
			if at == 0 {
				wide = len(strconv.Itoa(rows))
			}
			fmt.Fprintf(&b, "%*d) %s", wide, i+1, words[i])
			if i+rows >= len(words) {
				break
			}
			for from := at + wide + 2 + utf8.RuneCountInString(words[i]); from < at+cell; {
				if (at+cell)/8 > from/8 {
					b.WriteByte('\t')
					from += 8 - from%8
				} else {
					b.WriteByte(' ')
					from++
				}
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// columns is the width of the terminal as bash takes it, from COLUMNS or 80.
func (s *shell) columns() int {
	if n, err := strconv.Atoi(s.value("COLUMNS")); err == nil && n > 0 {
		return n
	}
	return 80
}

// readLine reads one line without reading beyond it.
func (s *shell) readLine(fd int) (string, bool) {
	var out []byte
	var b [1]byte
	for {
		n, err := s.p.Read(fd, b[:])
		if err == linux.EINTR {
			s.runPendingTraps()
			continue
		}
		if n <= 0 || err != nil {
			return string(out), len(out) > 0
		}
		if b[0] == '\n' {
			return string(out), true
		}
		out = append(out, b[0])
		if len(out) > maxText {
			return string(out), true
		}
	}
}

func (s *shell) define(n *grammar.FuncDef) {
	if s.d != Bash && isSpecial(s.d, n.Name) {
		s.syntaxFatal(&grammar.Error{Lang: s.d, Fault: grammar.BadFuncName, Line: n.Line})
	}
	s.p.Step(20)
	if f := s.funcs[n.Name]; f == nil {
		s.held(256)
	} else if f.readonly {
		s.plainf("%s: readonly function", n.Name)
		s.status = 1
		return
	}
	s.funcs[n.Name] = &function{name: n.Name, def: n, source: s.definedIn(), line: n.Line}
	s.status = 0
}

func (s *shell) syntaxFatal(e *grammar.Error) {
	for _, text := range e.Lines() {
		s.sayAt(e.Line, text, true)
	}
	panic(discard{2})
}

// definedIn is what bash calls the place where a function was defined.
func (s *shell) definedIn() string {
	for i := len(s.calls) - 1; i >= 0; i-- {
		return s.calls[i].source
	}
	if s.input != nil && s.input.name != "" {
		return s.input.name
	}
	if s.cString {
		return "environment"
	}
	return "main"
}

func (s *shell) redirected(n *grammar.Redirected, tail bool) {
	undo, ok := s.redirect(n.Redirs, true)
	if !ok {
		s.restore(undo)
		s.status = s.choose2(1, 2, 1)
		s.afterCommand()
		return
	}
	s.guard(func() { s.run(n.Cmd, false) }, func() { s.restore(undo) })
}

func (s *shell) choose2(ash, dash, bash int) int {
	switch s.d {
	case Ash:
		return ash
	case Dash:
		return dash
	}
	return bash
}

func (s *shell) subshellCmd(n *grammar.Subshell, tail bool) {
	s.setLine(n.Line)
	if tail && s.canExec() && s.d != Bash {
		// nothing comes after it: ash and dash make no process for it
		s.loops = 0
		s.run(n.Body, true)
		return
	}
	pid, err := s.spawn(func(c *shell) int {
		c.joinForeground()
		c.loops = 0
		if c.d == Ash {
			c.traps.shown = nil // only a substitution lists what the shell would do
		}
		return c.runBody(n.Body)
	})
	if err != nil {
		s.forkError(err)
	}
	s.foreground(pid)
	s.status = s.waitFg([]int{pid}, n)
	s.pipe = []int{s.status}
	s.afterCommand()
}

// canExec says whether a program may take the place of this process: nothing is left to do for it.
func (s *shell) canExec() bool {
	if s.d == Dash && s.p.Pid() == 1 {
		return false
	}
	if s.interactive {
		return false
	}
	for sig := range s.traps.actions {
		if s.traps.actions[sig] != "" {
			return false
		}
	}
	return len(s.jobs.procFds) == 0
}

func (s *shell) pipeline(n *grammar.Pipeline, tail bool) {
	start, cpu := s.p.Now(), s.cpu()
	before := s.quiet
	if n.Negate {
		s.quiet++
	}
	s.guard(func() {
		switch len(n.Cmds) {
		case 0:
			s.status = 0
		case 1:
			s.run(n.Cmds[0], tail && !n.Timed && !n.Negate)
		default:
			s.pipe = s.runPipeline(n)
		}
	}, func() { s.quiet = before })
	if n.Negate && s.flow != flowReturn {
		s.status = int(1 - truth(s.status != 0))
	}
	if n.Timed {
		s.timed(n, s.p.Now().Sub(start), cpu)
	}
	if len(n.Cmds) > 1 && !n.Negate {
		s.afterCommand()
	} else {
		s.runPendingTraps()
	}
}

type cpuTimes struct{ user, sys time.Duration }

func (s *shell) cpu() cpuTimes {
	u, y, cu, cy := s.p.Times()
	return cpuTimes{u + cu, y + cy}
}

// timed prints what bash's time keyword does.
func (s *shell) timed(n *grammar.Pipeline, real time.Duration, before cpuTimes) {
	now := s.cpu()
	user, sys := now.user-before.user, now.sys-before.sys
	format, ok := s.get("TIMEFORMAT")
	switch {
	case n.PosixTime:
		format = "real %2R\nuser %2U\nsys %2S"
	case !ok:
		format = "\nreal\t%3lR\nuser\t%3lU\nsys\t%3lS"
	case format == "":
		return
	}
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			b.WriteByte(format[i])
			continue
		}
		i++
		prec, long := 3, false
		if format[i] >= '0' && format[i] <= '9' {
			prec = min(int(format[i]-'0'), 3)
			i++
		}
		if i < len(format) && format[i] == 'l' {
			long = true
			i++
		}
		if i == len(format) {
			break
		}
		var d time.Duration
		switch format[i] {
		case 'R':
			d = real
		case 'U':
			d = user
		case 'S':
			d = sys
		case 'P':
			p := 0.0
			if real > 0 {
				p = float64(user+sys) * 100 / float64(real)
			}
			fmt.Fprintf(&b, "%.2f", p)
			continue
		case '%':
			b.WriteByte('%')
			continue
		default:
			s.plainf("TIMEFORMAT: `%c': invalid format character", format[i])
			return
		}
		if long {
			fmt.Fprintf(&b, "%dm%.*fs", int(d.Minutes()), prec, d.Seconds()-60*float64(int(d.Minutes())))
		} else {
			fmt.Fprintf(&b, "%.*f", prec, d.Seconds())
		}
	}
	b.WriteByte('\n')
	io.WriteString(s.p.Writer(2), b.String())
}

// runPipeline runs commands joined by pipes and gives the status of each.
func (s *shell) runPipeline(n *grammar.Pipeline) []int {
	s.setLine(n.Line)
	lastHere := s.d == Bash && s.opt.shopt["lastpipe"] && !s.interactive
	var pids []int
	next := -1 // the reading end of the pipe to the next command
	statuses := make([]int, len(n.Cmds))
	pgid := 0
	for i, cmd := range n.Cmds {
		last := i == len(n.Cmds)-1
		r, w := -1, -1
		if !last {
			var err error
			if r, w, err = s.p.Pipe(); err != nil {
				if next >= 0 {
					s.p.Close(next)
				}
				s.plainf("%s", s.choose("can't create pipe: "+errnoText(err), "Pipe call failed", "pipe error: "+errnoText(err)))
				break
			}
		}
		if last && lastHere {
			saved, _ := s.p.Dup(0, 10)
			s.p.Cloexec(saved, true)
			s.p.Dup2(next, 0)
			s.p.Close(next)
			s.guard(func() { s.run(cmd, false) }, func() {
				s.p.Dup2(saved, 0)
				s.p.Close(saved)
			})
			statuses[i] = s.status
			break
		}
		both := !last && i < len(n.BothTo) && n.BothTo[i]
		in := next
		group := pgid // the child runs later, when pgid may have changed
		pid, err := s.spawn(func(c *shell) int {
			c.joinPipeline(group)
			c.piped = true
			if in >= 0 {
				c.p.Dup2(in, 0)
				c.p.Close(in)
			}
			if w >= 0 {
				c.p.Close(r)
				if w != 1 {
					c.p.Dup2(w, 1)
					c.p.Close(w)
				}
				if both {
					c.p.Dup2(1, 2)
				}
			}
			c.loops = 0
			return c.runBody(cmd)
		})
		if in >= 0 {
			s.p.Close(in)
		}
		if w >= 0 {
			s.p.Close(w)
		}
		next = r
		if err != nil {
			if r >= 0 {
				s.p.Close(r)
			}
			s.forkError(err)
		}
		if i == 0 && s.jobControl() {
			pgid = pid
			s.foreground(pid)
		} else if s.jobControl() {
			s.p.Setpgid(pid, pgid)
		}
		pids = append(pids, pid)
	}
	lastStatus := s.status
	status := s.waitFgAll(pids, n, statuses)
	if lastHere && len(pids) < len(n.Cmds) {
		status = lastStatus
		statuses[len(statuses)-1] = lastStatus
	}
	s.status = status
	if s.opt.named["pipefail"] {
		for i := len(statuses) - 1; i >= 0; i-- {
			if statuses[i] != 0 {
				s.status = statuses[i]
				break
			}
		}
	}
	return statuses
}

// background starts a command as a job of its own.
func (s *shell) background(n grammar.Node) {
	pid, err := s.spawn(func(c *shell) int {
		if c.jobControlWanted() {
			c.p.Setpgid(0, 0)
		} else {
			c.p.Signal(linux.SIGINT, kernel.Ignore)
			c.p.Signal(linux.SIGQUIT, kernel.Ignore)
			if fd, err := c.p.Open("/dev/null", linux.O_RDONLY, 0); err == nil && fd != 0 {
				c.p.Dup2(fd, 0)
				c.p.Close(fd)
			}
		}
		c.loops = 0
		c.quiet = 0
		return c.runBody(n)
	})
	if err != nil {
		s.forkError(err)
	}
	if s.jobControl() {
		s.p.Setpgid(pid, pid)
	}
	s.lastBg = pid
	j := s.jobs.add(&job{pids: []int{pid}, text: s.oneLine(n), pgid: pid, line: s.line})
	if s.interactive {
		fmt.Fprintf(s.p.Writer(2), "%s\n", s.choose("", "", fmt.Sprintf("[%d] %d", j.id, pid)))
	}
	s.status = 0
	if s.d == Bash {
		s.pipe = []int{0}
	}
}

func (s *shell) coproc(n *grammar.Coproc) {
	r1, w1, err1 := s.p.Pipe()
	r2, w2, err2 := s.p.Pipe()
	if err1 != nil || err2 != nil {
		s.fatal("cannot make pipe for coprocess")
	}
	move := func(fd int) int {
		at := s.freeFd(63)
		s.p.Dup2(fd, at)
		s.p.Close(fd)
		s.p.Cloexec(at, true)
		return at
	}
	r, w := move(r1), move(w2)
	pid, err := s.spawn(func(c *shell) int {
		c.p.Close(r)
		c.p.Close(w)
		c.p.Dup2(r2, 0)
		c.p.Dup2(w1, 1)
		c.p.Close(r2)
		c.p.Close(w1)
		return c.runBody(n.Body)
	})
	s.p.Close(r2)
	s.p.Close(w1)
	if err != nil {
		s.forkError(err)
	}
	s.unset(n.Name)
	s.assignElement(n.Name, "0", fmt.Sprint(r), false)
	s.assignElement(n.Name, "1", fmt.Sprint(w), false)
	s.assign(n.Name+"_PID", fmt.Sprint(pid))
	s.lastBg = pid
	s.jobs.add(&job{pids: []int{pid}, text: "coproc " + n.Name, pgid: pid})
	s.status = 0
}

// trace writes a line of set -x.
func (s *shell) trace(text string) {
	ps4, _ := s.get("PS4")
	if s.xtrace > 0 {
		return
	}
	s.xtrace++
	prefix := s.promptExpand(ps4)
	s.xtrace--
	if s.d == Bash && prefix != "" {
		// the first character is repeated for each level of nesting
		for range s.subLevel() {
			prefix = prefix[:1] + prefix
		}
	}
	fd := 2
	if v := s.vars["BASH_XTRACEFD"]; v != nil && s.d == Bash {
		fmt.Sscan(v.value, &fd)
	}
	io.WriteString(s.p.Writer(fd), prefix+text+"\n")
}

// subLevel is how deep evals and substitutions are nested, for the trace.
func (s *shell) subLevel() int { return s.lateLine }

// promptExpand expands parameters and substitutions in a prompt such as PS4.
func (s *shell) promptExpand(text string) string {
	if s.d == Bash {
		text = s.promptText(text)
	}
	if !strings.ContainsAny(text, "$`\\") {
		return text
	}
	w, err := grammar.ParseDoubleQuoted(s.d, text)
	if err != nil {
		return text
	}
	status, pipe := s.status, s.pipe
	defer func() { s.status, s.pipe = status, pipe }()
	// A here-document ends in a newline; a prompt only if it says so.
	expanded := s.hereText(w)
	if !strings.HasSuffix(text, "\n") {
		expanded = strings.TrimSuffix(expanded, "\n")
	}
	return expanded
}

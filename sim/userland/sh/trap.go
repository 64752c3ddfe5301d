package sh

import (
	"fmt"
	"io"
	"strings"

	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/linux"
)

// Conditions of trap that are no signals.
const (
	trapEXIT   = 0
	trapERR    = -1
	trapDEBUG  = -2
	trapRETURN = -3
)

// trapTable holds what is to be done: "" ignores a signal.
type trapTable struct {
	actions map[int]string
	ignored map[int]bool // ignored when the shell began: they stay so
	shown   map[int]string
	pending []linux.Signal
	errHere int // the function depth at which the ERR trap was set
}

func (s *shell) initTraps() {
	s.traps.actions = map[int]string{}
	s.traps.ignored = map[int]bool{}
	if s.d != Bash && s.p.Pid() == 1 && s.p.Disposition(linux.SIGINT) == kernel.Default {
		s.p.Signal(linux.SIGINT, kernel.Catch) // see runPendingTraps
	}
	for sig := linux.SIGHUP; sig <= linux.SIGSYS; sig++ {
		if s.p.Disposition(sig) == kernel.Ignore {
			s.traps.ignored[int(sig)] = true
		}
	}
}

// inherited is what a subshell begins with: only what is ignored, and in bash what -E and -T hand on.
func (t *trapTable) inherited(s *shell) trapTable {
	c := trapTable{actions: map[int]string{}, ignored: cloneMap(t.ignored), shown: map[int]string{}, errHere: t.errHere}
	for sig, a := range t.actions {
		if s.d != Dash || a == "" {
			c.shown[sig] = a
		}
		switch {
		case a == "" && sig > 0:
			c.actions[sig] = a
		case sig == trapERR && s.set('E'), (sig == trapDEBUG || sig == trapRETURN) && s.set('T'):
			c.actions[sig] = a
		}
	}
	return c
}

// resetTraps makes the kernel forget in a child what the parent caught.
func (s *shell) resetTraps() {
	for sig := linux.SIGHUP; sig <= linux.SIGSYS; sig++ {
		if s.p.Disposition(sig) == kernel.Catch {
			s.p.Signal(sig, kernel.Default)
		}
	}
	if s.set('m') {
		for _, sig := range []linux.Signal{linux.SIGTSTP, linux.SIGTTIN, linux.SIGTTOU, linux.SIGTERM, linux.SIGQUIT} {
			if !s.traps.ignored[int(sig)] && s.traps.actions[int(sig)] == "" {
				if _, set := s.traps.actions[int(sig)]; !set {
					s.p.Signal(sig, kernel.Default)
				}
			}
		}
	}
}

func (s *shell) signalName(sig int) string {
	switch sig {
	case trapEXIT:
		return "EXIT"
	case trapERR:
		return "ERR"
	case trapDEBUG:
		return "DEBUG"
	case trapRETURN:
		return "RETURN"
	}
	name := linux.Signal(sig).Name()
	if s.d == Bash {
		return "SIG" + bashSignal(linux.Signal(sig))
	}
	return name
}

// parseTrap reads a condition of trap.
func (s *shell) parseTrap(text string) (int, bool) {
	up := strings.ToUpper(text)
	if s.d == Dash {
		up = text
	}
	switch up {
	case "0", "EXIT":
		return trapEXIT, true
	}
	if s.d == Bash {
		switch up {
		case "ERR":
			return trapERR, true
		case "DEBUG":
			return trapDEBUG, true
		case "RETURN":
			return trapRETURN, true
		case "SIGEXIT":
			return trapEXIT, true
		}
	}
	if s.d == Dash && strings.HasPrefix(text, "SIG") {
		return 0, false
	}
	if s.d == Dash && text != strings.ToUpper(text) {
		return 0, false
	}
	sig, ok := linux.ParseSignal(text)
	if !ok || sig == 0 {
		return 0, false
	}
	return int(sig), true
}

func (s *shell) trapBuiltin(args []string) int {
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	} else if len(args) > 0 && s.d == Bash && len(args[0]) > 1 && args[0][0] == '-' {
		switch args[0] {
		case "-p":
			return s.listTraps(args[1:])
		case "-l":
			return s.killList(nil)
		default:
			s.errorf("%s: invalid option", args[0])
			s.usage("trap [-lp] [[arg] signal_spec ...]")
			return 2
		}
	}
	if len(args) > 0 && s.d != Bash && len(args[0]) > 1 && args[0][0] == '-' && args[0] != "--" {
		s.errorf(s.choose("illegal option %s", "Illegal option %s", ""), args[0][:2])
		panic(discard{2})
	}
	if len(args) == 0 {
		return s.listTraps(nil)
	}
	action, conds := args[0], args[1:]
	clear := action == "-"
	if len(args) == 1 {
		// a condition alone is reset
		clear, conds = true, args
		if _, ok := s.parseTrap(args[0]); !ok && s.d == Bash {
			s.usage("trap [-lp] [[arg] signal_spec ...]")
			return 2
		}
	} else if isNumber(action) {
		clear, conds = true, args
	}
	status := 0
	s.traps.shown = nil
	for _, c := range conds {
		sig, ok := s.parseTrap(c)
		if !ok {
			if s.d == Dash {
				fmt.Fprintf(s.p.Writer(2), "trap: %s: bad trap\n", c)
				return 1
			}
			s.errorf("%s: invalid signal specification", c)
			status = 1
			continue
		}
		s.setTrap(sig, action, clear)
	}
	return status
}

func isNumber(t string) bool {
	for i := range len(t) {
		if t[i] < '0' || t[i] > '9' {
			return false
		}
	}
	return t != ""
}

func (s *shell) setTrap(sig int, action string, clear bool) {
	if s.traps.ignored[sig] && !s.interactive {
		return
	}
	if clear {
		delete(s.traps.actions, sig)
	} else {
		s.traps.actions[sig] = action
		if sig == trapERR {
			s.traps.errHere = s.inFunc
		}
	}
	if sig <= 0 {
		return
	}
	n := linux.Signal(sig)
	switch {
	case clear && s.interactive && n == linux.SIGINT:
		s.p.Signal(n, kernel.Catch)
	case clear && s.interactive && (n == linux.SIGTERM || n == linux.SIGQUIT || n == linux.SIGTSTP || n == linux.SIGTTIN || n == linux.SIGTTOU):
		s.p.Signal(n, kernel.Ignore)
	case clear:
		s.p.Signal(n, kernel.Default)
	case action == "":
		s.p.Signal(n, kernel.Ignore)
	default:
		s.p.Signal(n, kernel.Catch)
	}
}

func (s *shell) listTraps(conds []string) int {
	actions := s.traps.actions
	if s.forked && s.traps.shown != nil {
		actions = s.traps.shown
	}
	want := map[int]bool{}
	status := 0
	for _, c := range conds {
		sig, ok := s.parseTrap(c)
		if !ok {
			s.errorf("%s: invalid signal specification", c)
			status = 1
			continue
		}
		want[sig] = true
	}
	order := []int{trapEXIT}
	for i := 1; i <= 64; i++ {
		order = append(order, i)
	}
	order = append(order, trapDEBUG, trapERR, trapRETURN)
	for _, sig := range order {
		a, ok := actions[sig]
		if !ok || len(conds) > 0 && !want[sig] {
			continue
		}
		q := quoteSingle(a)
		if s.d == Bash {
			q = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
		fmt.Fprintf(s.p.Writer(1), "trap -- %s %s\n", q, s.signalName(sig))
	}
	return status
}

// runPendingTraps runs the actions of signals that came.
func (s *shell) runPendingTraps() {
	for {
		var sig linux.Signal
		if len(s.traps.pending) > 0 {
			sig = s.traps.pending[0]
			s.traps.pending = s.traps.pending[1:]
		} else {
			var ok bool
			if sig, ok = s.p.TakeSignal(); !ok {
				return
			}
		}
		action := s.traps.actions[int(sig)]
		if action == "" {
			if sig == linux.SIGINT && s.interactive {
				panic(discard{130})
			}
			if sig == linux.SIGINT && s.p.Pid() == 1 {
				// ash and dash catch it, to end by it themselves; the first process cannot, and exits.
				panic(exit{130})
			}
			continue
		}
		s.runTrap(action)
	}
}

// runTrap runs an action; $? is afterwards what it was.
func (s *shell) runTrap(action string) {
	status, pipe, line, last := s.status, s.pipe, s.line, s.lastArg
	s.inTrap++
	s.guard(func() { s.runTrapText(action) }, func() { s.inTrap-- })
	if s.flow == flowNone {
		s.status = status
	}
	s.pipe, s.line, s.lastArg = pipe, line, last
}

func (s *shell) runTrapText(action string) {
	command := s.command
	s.command = s.scriptName()
	s.guard(func() { s.runText(action, max(s.line, 1), "") }, func() { s.command = command })
}

func (s *shell) debugTrap() {
	if s.d != Bash {
		return
	}
	if a := s.traps.actions[trapDEBUG]; a != "" && s.inTrap == 0 {
		s.runTrap(a)
	}
}

func (s *shell) returnTrap() {
	if s.d != Bash {
		return
	}
	if a := s.traps.actions[trapRETURN]; a != "" && s.inTrap == 0 {
		flow := s.flow
		s.flow = flowNone
		s.runTrap(a)
		s.flow = flow
	}
}

var _ = io.EOF

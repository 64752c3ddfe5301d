package sh

import (
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/sh/grammar"
)

// Options of wait4(2).
const (
	wnohang   = 1
	wuntraced = 2
)

// job is a pipeline that runs in the background, or that was stopped.
type job struct {
	id      int
	pids    []int
	pgid    int
	text    string
	line    int
	stopped bool
	done    bool
	status  kernel.Status // of its last process, once done
	left    int           // processes that have not ended
	told    bool
	waited  bool // by number: the next job takes its place
}

type jobTable struct {
	jobs    []*job
	unnamed []int                 // processes that nobody waits for by name
	done    map[int]int           // statuses of background processes that have been waited for
	foreign bool                  // the jobs are the parent's
	procFds []int                 // pipes of process substitutions
	early   map[int]kernel.Status // of children that ended while another was waited for
}

// inherited is what a child knows of its parent's jobs: it can list them, and not wait for them. A
// child of dash knows nothing.
func (t *jobTable) inherited(d Dialect) jobTable {
	c := jobTable{foreign: true}
	if d == Dash {
		return c
	}
	for _, j := range t.jobs {
		o := *j
		o.pids = append([]int(nil), j.pids...)
		c.jobs = append(c.jobs, &o)
	}
	return c
}

func (t *jobTable) add(j *job) *job {
	if t.foreign {
		t.jobs, t.foreign = nil, false
	}
	for _, o := range append([]*job(nil), t.jobs...) {
		if o.done && o.waited {
			t.remove(o)
		}
	}
	for _, o := range t.jobs {
		j.id = max(j.id, o.id)
	}
	j.id++
	j.left = len(j.pids)
	for _, pid := range j.pids {
		delete(t.early, pid) // it was stopped with the rest
	}
	t.jobs = append(t.jobs, j)
	return j
}

func (t *jobTable) remove(j *job) {
	for i, o := range t.jobs {
		if o == j {
			t.jobs = append(t.jobs[:i], t.jobs[i+1:]...)
			return
		}
	}
}

func (s *shell) jobControl() bool       { return s.set('m') && !s.forked }
func (s *shell) jobControlWanted() bool { return s.set('m') && s.subshell == 1 }

// joinForeground puts a child into a process group of its own, under job control.
func (s *shell) joinForeground() {
	if s.jobControlWanted() {
		s.p.Setpgid(0, 0)
	}
}

func (s *shell) joinPipeline(pgid int) {
	if s.jobControlWanted() {
		s.p.Setpgid(0, pgid)
	}
}

// foreground gives the terminal to a child.
func (s *shell) foreground(pid int) {
	if !s.jobControl() {
		return
	}
	s.p.Setpgid(pid, pid)
	if s.ttyFd >= 0 {
		s.p.Tcsetpgrp(s.ttyFd, pid)
	}
}

func (s *shell) takeTerminal() {
	if s.jobControl() && s.ttyFd >= 0 {
		s.p.Tcsetpgrp(s.ttyFd, s.p.Pgid())
	}
}

// await waits for one child as waitpid(-1) does: whatever else ends meanwhile is collected too, so
// that no job stays behind as a zombie that "kill -0" still finds.
func (s *shell) await(pid, opts int) (kernel.Status, error) {
	if st, ok := s.jobs.early[pid]; ok {
		delete(s.jobs.early, pid)
		return st, nil
	}
	for {
		got, st, err := s.p.Wait(-1, opts)
		if err != nil || got == pid {
			return st, err
		}
		j, i := s.jobOfPid(got)
		switch {
		case j != nil && stopped(st):
			j.stopped = true
		case j != nil:
			s.jobEnded(j, i, st)
		case !slices.Contains(s.jobs.unnamed, got):
			if s.jobs.early == nil {
				s.jobs.early = map[int]kernel.Status{}
			}
			s.jobs.early[got] = st
		}
	}
}

// waitFor waits for a child of the shell's own, such as a command substitution.
func (s *shell) waitFor(pid int) int {
	for {
		st, err := s.await(pid, 0)
		if err == linux.EINTR {
			continue
		}
		if err != nil {
			return 127
		}
		if s.d != Bash {
			s.tellSignal(st, nil, nil)
		}
		return st.ExitCode()
	}
}

func (s *shell) waitFg(pids []int, n grammar.Node) int {
	return s.waitFgAll(pids, n, make([]int, len(pids)))
}

// waitFgAll waits for the processes of the foreground and gives the status of the last. One that is
// stopped becomes a job.
func (s *shell) waitFgAll(pids []int, n grammar.Node, statuses []int) int {
	opts := 0
	if s.jobControl() {
		opts = wuntraced
	}
	var last kernel.Status
	for i := 0; i < len(pids); i++ {
		st, err := s.await(pids[i], opts)
		if err == linux.EINTR {
			i--
			continue
		}
		if err != nil {
			statuses[i] = 127
			continue
		}
		if stopped(st) {
			s.takeTerminal()
			j := s.jobs.add(&job{pids: pids[i:], pgid: pids[0], text: s.oneLine(n), stopped: true, line: s.line})
			fmt.Fprintf(s.p.Writer(2), "\n%s\n", s.jobLine(j, false))
			statuses[len(statuses)-1] = 128 + int(st.Signal)
			return 128 + int(st.Signal)
		}
		statuses[i] = st.ExitCode()
		last = st
		if s.d != Bash {
			s.tellSignal(st, pids, n) // ash and dash tell it of each process
		}
	}
	s.takeTerminal()
	if s.d == Bash {
		s.tellSignal(last, pids, n)
	}
	if s.d == Bash && !s.interactive {
		s.forgetEnded()
	}
	if len(pids) == 0 {
		return 0
	}
	return statuses[len(pids)-1]
}

// stopped says whether a wait status is that of a stopped process.
func stopped(st kernel.Status) bool { return st.Stopped }

// tellSignal says which signal ended the foreground.
func (s *shell) tellSignal(st kernel.Status, pids []int, n grammar.Node) {
	sig := st.Signal
	if sig == 0 || sig == linux.SIGINT || sig == linux.SIGPIPE {
		if s.interactive && sig == linux.SIGINT {
			io.WriteString(s.p.Writer(2), "\n")
		}
		return
	}
	if _, trapped := s.traps.actions[int(sig)]; s.d != Bash || s.interactive || sig == linux.SIGTERM || trapped {
		io.WriteString(s.p.Writer(2), signalText(sig, false)+"\n")
		return
	}
	s.plainf("%5d %-23s %s", pids[len(pids)-1], signalText(sig, false), s.oneLine(n))
}

// forgetEnded drops the jobs that have ended, as a bash without a prompt does when a program in the
// foreground has ended. Their statuses stay known.
func (s *shell) forgetEnded() {
	if len(s.jobs.jobs) == 0 {
		return
	}
	s.poll()
	s.jobs.jobs = slices.DeleteFunc(s.jobs.jobs, func(j *job) bool { return j.done })
}

// reapUnnamed collects children that nobody waits for, without waiting.
func (s *shell) reapUnnamed() {
	kept := s.jobs.unnamed[:0]
	for _, pid := range s.jobs.unnamed {
		got, _, err := s.p.Wait(pid, wnohang)
		if err == nil && got == 0 {
			kept = append(kept, pid)
		}
	}
	s.jobs.unnamed = kept
}

// poll learns without waiting which jobs have ended.
func (s *shell) poll() {
	if s.jobs.foreign {
		return
	}
	for _, j := range s.jobs.jobs {
		if j.done {
			continue
		}
		for i := 0; i < len(j.pids); i++ {
			if j.pids[i] == 0 {
				continue
			}
			got, st, err := s.p.Wait(j.pids[i], wnohang|wuntraced)
			if err != nil {
				s.jobEnded(j, i, kernel.Status{Code: 127})
				continue
			}
			if got != 0 {
				if stopped(st) {
					j.stopped = true
					continue
				}
				s.jobEnded(j, i, st)
			}
		}
	}
}

func (s *shell) jobEnded(j *job, i int, st kernel.Status) {
	if s.jobs.done == nil {
		s.jobs.done = map[int]int{}
	}
	if len(s.jobs.done) > 4096 {
		clear(s.jobs.done)
	}
	s.jobs.done[j.pids[i]] = st.ExitCode()
	if i == len(j.pids)-1 {
		j.status = st
	}
	j.pids[i] = -j.pids[i]
	j.left--
	j.done = j.left == 0
	if !j.done {
		j.pids[i] = 0
	}
}

func (j *job) lastPid() int {
	p := j.pids[len(j.pids)-1]
	if p < 0 {
		return -p
	}
	return p
}

// notify tells of jobs that have ended since the last prompt.
func (s *shell) notify() {
	s.poll()
	for _, j := range append([]*job(nil), s.jobs.jobs...) {
		if j.done {
			fmt.Fprintln(s.p.Writer(2), s.jobLine(j, false))
			s.jobs.remove(j)
		} else if j.stopped && !j.told {
			j.told = true
		}
	}
}

// jobLine is a job as jobs lists it.
func (s *shell) jobLine(j *job, long bool) string {
	mark := byte(' ')
	if cur := s.currentJob(); cur == j {
		mark = '+'
	} else if s.previousJob() == j {
		mark = '-'
	}
	state := "Running"
	switch {
	case j.done && j.status.Signal != 0:
		state = signalText(j.status.Signal, false)
	case j.done && j.status.Code != 0:
		state = fmt.Sprintf("%s%d", s.choose("Done(", "Done(", "Exit "), j.status.Code)
		if s.d != Bash {
			state += ")"
		}
	case j.done:
		state = "Done"
	case j.stopped:
		state = "Stopped"
	}
	text := j.text
	if s.d != Bash && !s.set('m') {
		text = ""
	}
	pid := ""
	if s.d == Bash {
		if !j.done && !j.stopped {
			text += " &"
		}
		if long {
			return fmt.Sprintf("[%d]%c %5d %-23s %s", j.id, mark, j.lastPid(), state, text)
		}
		return fmt.Sprintf("[%d]%c  %s%-23s %s", j.id, mark, pid, state, text)
	}
	if long {
		pid = strconv.Itoa(j.lastPid()) + " "
	}
	return fmt.Sprintf("%-32s %s", fmt.Sprintf("[%d]%s%s%s", j.id, s.choose(fmt.Sprintf("%c  ", mark), fmt.Sprintf(" %c ", mark), ""), pid, state), text)
}

func (s *shell) currentJob() *job {
	for i := len(s.jobs.jobs) - 1; i >= 0; i-- {
		if s.jobs.jobs[i].stopped {
			return s.jobs.jobs[i]
		}
	}
	if n := len(s.jobs.jobs); n > 0 {
		return s.jobs.jobs[n-1]
	}
	return nil
}

func (s *shell) previousJob() *job {
	cur := s.currentJob()
	for i := len(s.jobs.jobs) - 1; i >= 0; i-- {
		if s.jobs.jobs[i] != cur {
			return s.jobs.jobs[i]
		}
	}
	return nil
}

// findJob finds a job by %n, %+, %-, %name, %?name.
func (s *shell) findJob(spec string) *job {
	t := strings.TrimPrefix(spec, "%")
	switch t {
	case "", "+", "%":
		return s.currentJob()
	case "-":
		return s.previousJob()
	}
	if n, err := strconv.Atoi(t); err == nil {
		for _, j := range s.jobs.jobs {
			if j.id == n {
				return j
			}
		}
		return nil
	}
	for _, j := range s.jobs.jobs {
		if strings.HasPrefix(t, "?") && strings.Contains(j.text, t[1:]) || strings.HasPrefix(j.text, t) {
			return j
		}
	}
	return nil
}

func (s *shell) jobOfPid(pid int) (*job, int) {
	for _, j := range s.jobs.jobs {
		for i, p := range j.pids {
			if p == pid {
				return j, i
			}
		}
	}
	return nil, 0
}

// interrupted says whether a trapped signal ended a wait, and its status.
func (s *shell) interruptedBy() (int, bool) {
	if sig, ok := s.p.TakeSignal(); ok {
		if action, trapped := s.traps.actions[int(sig)]; trapped && action != "" {
			s.traps.pending = append(s.traps.pending, sig)
			return 128 + int(sig), true
		}
		if sig == linux.SIGINT && s.interactive {
			return 130, true
		}
	}
	return 0, false
}

// waitJob waits for a job; ok is false when a signal came first. ash and dash say what signal ended
// a job that was waited for by name.
func (s *shell) waitJob(j *job, byName bool) (status int, ok bool) {
	for i := range j.pids {
		for j.pids[i] > 0 {
			_, st, err := s.p.Wait(j.pids[i], 0)
			if err == linux.EINTR {
				if code, hit := s.interruptedBy(); hit {
					return code, false
				}
				continue
			}
			if err != nil {
				st = kernel.Status{Code: 127}
			}
			s.jobEnded(j, i, st)
		}
	}
	if sig := j.status.Signal; sig != 0 && s.d == Bash && !s.interactive && sig != linux.SIGINT && sig != linux.SIGPIPE && sig != linux.SIGTERM {
		s.plainf("%5d %-23s %s", j.lastPid(), signalText(sig, false), j.text)
	}
	if j.status.Signal != 0 && byName && s.d != Bash && j.status.Signal != linux.SIGINT && j.status.Signal != linux.SIGPIPE {
		io.WriteString(s.p.Writer(2), signalText(j.status.Signal, false)+"\n")
	}
	return j.status.ExitCode(), true
}

// waitBuiltin is wait.
func (s *shell) waitBuiltin(args []string) int {
	if s.jobs.foreign {
		s.jobs.jobs, s.jobs.foreign = nil, false
	}
	variable := ""
	if s.d == Bash {
		next := false
		for len(args) > 0 && strings.HasPrefix(args[0], "-") && len(args[0]) > 1 {
			switch args[0] {
			case "-n":
				next = true
			case "-f":
			case "-p":
				if len(args) > 1 {
					variable = args[1]
					args = args[1:]
				}
			case "--":
			default:
				s.errorf("%s: invalid option", args[0])
				s.usage("wait [-fn] [-p var] [id ...]")
				return 2
			}
			args = args[1:]
		}
		if next {
			return s.waitNext(args, variable)
		}
	}
	if len(args) == 0 {
		for _, j := range append([]*job(nil), s.jobs.jobs...) {
			if j.stopped && !j.done {
				continue
			}
			code, ok := s.waitJob(j, false)
			if !ok {
				return code
			}
			if s.d == Bash {
				s.jobs.remove(j)
			} else {
				j.waited = true
			}
		}
		for _, pid := range s.jobs.unnamed {
			s.waitFor(pid)
		}
		s.jobs.unnamed = nil
		return 0
	}
	status := 0
	for _, a := range args {
		var j *job
		if strings.HasPrefix(a, "%") {
			if j = s.findJob(a); j == nil {
				switch s.d {
				case Bash:
					s.errorf("%s: no such job", a)
					status = 127
				case Dash:
					s.errorf("No such job: %s", a)
					return 2
				default:
					s.errorf("%s: no such job", a)
					return 2
				}
				continue
			}
		} else {
			pid, err := strconv.Atoi(a)
			if err != nil || pid < 0 {
				if s.d == Bash {
					s.errorf("`%s': not a pid or valid job spec", a)
					status = 1
					continue
				}
				s.errorf("Illegal number: %s", a)
				return 2
			}
			if j, _ = s.jobOfPid(pid); j == nil {
				if code, ok := s.jobs.done[pid]; ok {
					status = code
					continue
				}
				if i := indexInt(s.jobs.unnamed, pid); i >= 0 {
					status = s.waitFor(pid)
					s.jobs.unnamed = append(s.jobs.unnamed[:i], s.jobs.unnamed[i+1:]...)
					continue
				}
				if s.d == Bash {
					s.errorf("pid %d is not a child of this shell", pid)
				}
				status = 127
				continue
			}
		}
		code, ok := s.waitJob(j, true)
		if !ok {
			return code
		}
		if variable != "" {
			s.assign(variable, strconv.Itoa(j.lastPid()))
		}
		if s.d == Bash {
			s.jobs.remove(j)
		} else {
			j.waited = true // it is listed until another takes its place
		}
		status = code
	}
	return status
}

func indexInt(list []int, n int) int {
	for i, v := range list {
		if v == n {
			return i
		}
	}
	return -1
}

// waitNext is bash's wait -n.
func (s *shell) waitNext(args []string, variable string) int {
	for {
		s.poll()
		live := false
		for _, j := range s.jobs.jobs {
			if len(args) > 0 && !s.named(j, args) {
				continue
			}
			if j.done {
				s.jobs.remove(j)
				if variable != "" {
					s.assign(variable, strconv.Itoa(j.lastPid()))
				}
				return j.status.ExitCode()
			}
			live = true
		}
		if !live {
			return 127
		}
		pid, st, err := s.p.Wait(-1, 0)
		if err == linux.EINTR {
			if code, hit := s.interruptedBy(); hit {
				return code
			}
			continue
		}
		if err != nil {
			return 127
		}
		if j, i := s.jobOfPid(pid); j != nil {
			s.jobEnded(j, i, st)
		}
	}
}

func (s *shell) named(j *job, args []string) bool {
	for _, a := range args {
		if strings.HasPrefix(a, "%") && s.findJob(a) == j {
			return true
		}
		if n, err := strconv.Atoi(a); err == nil && n == j.lastPid() {
			return true
		}
	}
	return false
}

// fgBuiltin is fg and bg.
func (s *shell) fgBuiltin(args []string, fg bool) int {
	if s.d == Bash && !s.set('m') {
		s.errorf("no job control")
		return 1
	}
	j := s.currentJob()
	spec := "current"
	if len(args) > 0 {
		spec = args[0]
		j = s.findJob(spec)
	}
	if j == nil {
		switch {
		case s.d == Bash:
			s.errorf("%s: no such job", spec)
			return 1
		case len(args) == 0:
			s.errorf("No current job")
		default:
			s.errorf(s.choose("%s: no such job", "No such job: %s", ""), spec)
		}
		return 2
	}
	if !s.set('m') {
		s.errorf("job (null) not created under job control")
		return 2
	}
	if !fg {
		j.stopped = false
		s.p.Kill(-j.pgid, linux.SIGCONT)
		fmt.Fprintf(s.p.Writer(1), "[%d]%s %s%s\n", j.id, s.choose("", "", "+"), j.text, s.choose("", "", " &"))
		return 0
	}
	fmt.Fprintln(s.p.Writer(1), j.text)
	if s.ttyFd >= 0 {
		s.p.Tcsetpgrp(s.ttyFd, j.pgid)
	}
	j.stopped = false
	s.p.Kill(-j.pgid, linux.SIGCONT)
	var live []int
	for _, p := range j.pids {
		if p > 0 {
			live = append(live, p)
		}
	}
	s.jobs.remove(j)
	return s.waitFgText(live, j)
}

func (s *shell) waitFgText(pids []int, j *job) int {
	status := 0
	for _, pid := range pids {
		for {
			st, err := s.await(pid, wuntraced)
			if err == linux.EINTR {
				continue
			}
			if err != nil {
				break
			}
			if stopped(st) {
				s.takeTerminal()
				n := s.jobs.add(&job{pids: pids, pgid: j.pgid, text: j.text, stopped: true})
				fmt.Fprintf(s.p.Writer(2), "\n%s\n", s.jobLine(n, false))
				return 128 + int(st.Signal)
			}
			status = st.ExitCode()
			break
		}
	}
	s.takeTerminal()
	return status
}

// killBuiltin is kill, which knows jobs.
func (s *shell) killBuiltin(args []string) int {
	if len(args) == 0 {
		return s.killUsage()
	}
	sig := linux.SIGTERM
	bad := func(name string) int {
		switch s.d {
		case Bash:
			s.errorf("%s: invalid signal specification", name)
		case Dash:
			s.errorf("invalid signal number or name: %s", name)
			return 2
		default:
			s.appletf("bad signal name '%s'", name)
		}
		return 1
	}
	a := args[0]
	switch {
	case a == "-l" || a == "-L" && s.d == Bash:
		return s.killList(args[1:])
	case a == "-s" || a == "-n" && s.d == Bash:
		if len(args) < 2 {
			if s.d == Bash {
				s.errorf("%s: option requires an argument", a)
				return 1
			}
			if s.d == Dash {
				s.errorf("No arg for -s option")
				return 2
			}
			return bad("s")
		}
		var ok bool
		if sig, ok = parseSignal(args[1]); !ok {
			return bad(args[1])
		}
		args = args[2:]
	case a == "--":
		args = args[1:]
	case len(a) > 1 && a[0] == '-':
		name := a[1:]
		var ok bool
		if s.d == Dash && strings.HasPrefix(name, "s") && len(name) > 1 {
			name = name[1:]
		}
		if sig, ok = parseSignal(name); !ok {
			if s.d == Dash {
				s.errorf("Illegal option -%c", name[0])
				return 2
			}
			return bad(name)
		}
		args = args[1:]
	}
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		return s.killUsage()
	}
	status := 0
	for _, a := range args {
		pid := 0
		if strings.HasPrefix(a, "%") {
			j := s.findJob(a)
			if j == nil {
				if s.d == Dash && (a == "%%" || a == "%+") {
					s.errorf("No current job")
				} else {
					s.errorf(s.choose("%s: no such job", "No such job: %s", "%s: no such job"), a)
				}
				status = s.choose2(1, 2, 1)
				continue
			}
			if s.set('m') || s.d == Dash { // dash does not ask whether the job has a group of its own
				pid = -j.pgid
			} else {
				pid = j.lastPid()
			}
		} else {
			n, err := strconv.Atoi(a)
			if err != nil {
				switch s.d {
				case Bash:
					s.errorf("%s: arguments must be process or job IDs", a)
				case Dash:
					s.errorf("Illegal number: %s", a)
					return 2
				default:
					s.appletf("invalid number '%s'", a)
				}
				status = 1
				continue
			}
			pid = n
		}
		if err := s.p.Kill(pid, sig); err != nil {
			switch s.d {
			case Bash:
				s.errorf("(%s) - %s", a, errnoText(err))
			case Dash:
				s.errorf("%s\n", errnoText(err))
			default:
				s.appletf("can't kill pid %s: %s", a, errnoText(err))
			}
			status = 1
		}
	}
	return status
}

func (s *shell) killUsage() int {
	switch s.d {
	case Bash:
		s.usage("kill [-s sigspec | -n signum | -sigspec] pid | jobspec ... or kill -l [sigspec]")
		return 2
	case Dash:
		s.errorf("Usage: kill [-s sigspec | -signum | -sigspec] [pid | job]... or\nkill -l [exitstatus]")
		return 2
	}
	s.appletf("you need to specify whom to kill")
	return 1
}

func (s *shell) killList(args []string) int {
	out := s.p.Writer(1)
	if len(args) == 0 {
		switch s.d {
		case Bash:
			var b strings.Builder
			n := 0
			for sig := linux.SIGHUP; sig <= linux.SIGRTMAX; sig++ {
				if sig == 32 || sig == 33 {
					continue
				}
				fmt.Fprintf(&b, "%2d) SIG%s", sig, bashSignal(sig))
				if n++; n%5 == 0 {
					b.WriteByte('\n')
				} else {
					b.WriteByte('\t')
				}
			}
			io.WriteString(out, b.String()+"\n")
		case Dash:
			fmt.Fprintln(out, "0")
			for sig := linux.SIGHUP; sig <= linux.SIGRTMAX; sig++ {
				fmt.Fprintln(out, dashSignal(sig))
			}
		default:
			for sig := linux.SIGHUP; sig <= linux.SIGSYS; sig++ {
				name := sig.Name()
				if name == "IO" {
					name = "POLL"
				}
				fmt.Fprintf(out, "%2d) %s\n", sig, name)
			}
		}
		return 0
	}
	status := 0
	for _, a := range args {
		n, err := strconv.Atoi(a)
		if err != nil {
			sig, ok := parseSignal(a)
			if s.d == Dash {
				s.errorf("Illegal number: %s", a)
				return 2
			}
			if !ok {
				if s.d == Bash {
					s.errorf("%s: invalid signal specification", a)
				} else {
					s.appletf("unknown signal '%s'", a)
				}
				status = 1
				continue
			}
			fmt.Fprintln(out, int(sig))
			continue
		}
		if n > 128 && (s.d != Ash || n < 128+65) {
			n -= 128
		}
		if n == 0 && s.d != Dash {
			fmt.Fprintln(out, "EXIT")
			continue
		}
		if n == 32 || n == 33 {
			if s.d != Bash { // bash passes over them
				fmt.Fprintln(out, n)
			}
			continue
		}
		if n <= 0 || n > 64 {
			switch s.d {
			case Dash:
				s.errorf("invalid signal number or exit status: %s", a)
				return 2
			case Bash:
				s.errorf("%s: invalid signal specification", a)
				status = 1
			default:
				fmt.Fprintln(out, n)
			}
			continue
		}
		if s.d == Dash {
			fmt.Fprintln(out, dashSignal(linux.Signal(n)))
			continue
		}
		fmt.Fprintln(out, linux.Signal(n).Name())
	}
	return status
}

// parseSignal knows signal 0 too, by its number and as EXIT.
func parseSignal(name string) (linux.Signal, bool) {
	if name == "0" || name == "EXIT" {
		return 0, true
	}
	return linux.ParseSignal(name)
}

// dashSignal is a signal's name as dash has it: it counts as bash does and has no STKFLT.
func dashSignal(sig linux.Signal) string {
	if sig == linux.SIGSTKFLT {
		return "16"
	}
	return bashSignal(sig)
}

// bashSignal is a signal's name as bash counts the real-time ones.
func bashSignal(sig linux.Signal) string {
	switch {
	case sig > linux.SIGRTMIN+15 && sig < linux.SIGRTMAX:
		return fmt.Sprintf("RTMAX-%d", linux.SIGRTMAX-sig)
	}
	return sig.Name()
}

// openNet opens bash's /dev/tcp/HOST/PORT.
func (s *shell) openNet(name string) (fd int, is bool, err error) {
	rest, ok := strings.CutPrefix(name, "/dev/tcp/")
	if !ok {
		return 0, false, nil
	}
	host, port, ok := strings.Cut(rest, "/")
	n, perr := strconv.ParseUint(port, 10, 16)
	if !ok || perr != nil {
		return 0, false, nil
	}
	addrs, err := s.p.Resolve(host)
	if err != nil || len(addrs) == 0 {
		s.plainf("%s: Name or service not known", host)
		return 0, true, linux.EINVAL
	}
	fd, err = s.p.Dial("tcp", netip.AddrPortFrom(addrs[0], uint16(n)))
	return fd, true, err
}

package kernel

import (
	"maps"
	"slices"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// Disposition is what a signal does to a process.
type Disposition uint8

const (
	// Default is the action of signal(7): to end, to stop, or nothing.
	Default Disposition = iota
	// Ignore drops the signal.
	Ignore
	// Catch queues it: blocking calls fail with EINTR until TakeSignal has taken it.
	Catch
)

// Signal says what sig does from now on, and what it did so far. EINVAL's like for SIGKILL and
// SIGSTOP is that nothing changes.
func (p *Proc) Signal(sig linux.Signal, d Disposition) (old Disposition) {
	if sig <= 0 || int(sig) >= len(p.disposition) {
		return Default
	}
	old = p.disposition[sig]
	if sig == linux.SIGKILL || sig == linux.SIGSTOP {
		return old
	}
	p.disposition[sig] = d
	if d != Catch {
		p.caught = slices.DeleteFunc(p.caught, func(s linux.Signal) bool { return s == sig })
	}
	return old
}

// Disposition is what sig does now.
func (p *Proc) Disposition(sig linux.Signal) Disposition {
	if sig <= 0 || int(sig) >= len(p.disposition) {
		return Default
	}
	return p.disposition[sig]
}

// TakeSignal takes the oldest caught signal, if there is one.
func (p *Proc) TakeSignal() (linux.Signal, bool) {
	if len(p.caught) == 0 {
		return 0, false
	}
	s := p.caught[0]
	p.caught = p.caught[1:]
	return s, true
}

// Sigwait waits for a caught signal and takes it.
func (p *Proc) Sigwait() linux.Signal {
	for {
		if s, ok := p.TakeSignal(); ok {
			return s
		}
		p.Pause()
	}
}

// Kill is kill(2): pid 0 is the own group, -1 all but the caller and the first process, < -1 a
// group. Signal 0 only probes. ESRCH, EPERM, EINVAL.
func (p *Proc) Kill(pid int, sig linux.Signal) error {
	p.Step(1)
	if sig < 0 || sig > linux.SIGRTMAX {
		return linux.EINVAL
	}
	var targets []*Proc
	switch {
	case pid > 0:
		if q := p.find(pid); q != nil {
			targets = []*Proc{q}
		}
	default:
		for _, q := range p.visible() {
			switch {
			case pid == -1 && q != p && p.number(q) != 1,
				pid == 0 && q.group == p.group,
				pid < -1 && p.groupNumber(q.group) == -pid:
				targets = append(targets, q)
			}
		}
	}
	if len(targets) == 0 {
		return linux.ESRCH
	}
	err := error(linux.EPERM)
	for _, q := range targets {
		c, d := p.view.Cred, q.view.Cred
		if !c.Has(vfs.CapKill) && c.UID != d.RUID && c.UID != d.SUID && c.RUID != d.RUID && c.RUID != d.SUID {
			continue
		}
		err = nil
		if sig != 0 {
			q.post(sig, q.box.pids == p.box.pids)
		}
	}
	if err == nil {
		p.checkpoint() // it may have been meant for the caller itself
	}
	return err
}

// visible are the processes that p can name, by number.
func (p *Proc) visible() []*Proc {
	if !p.box.pids.host {
		return sorted(p.box.pids.procs)
	}
	return slices.SortedFunc(maps.Values(p.k.procs), func(a, b *Proc) int { return a.pid - b.pid })
}

// post delivers a signal; inside says that it comes from the same sandbox, whose first process
// only gets what it catches (pid_namespaces(7)).
func (p *Proc) post(sig linux.Signal, inside bool) {
	if p.zombie {
		return
	}
	d := p.disposition[sig]
	if p.nspid == 1 && d == Default {
		forced := !inside && (sig == linux.SIGKILL || sig == linux.SIGSTOP)
		if !forced && (sig != linux.SIGCONT) {
			return
		}
	}
	if sig == linux.SIGCONT || sig == linux.SIGKILL {
		p.resume()
	}
	switch {
	case d == Ignore:
	case d == Catch && p.outside != nil:
		p.outside.catch(sig)
	case d == Catch:
		if sig >= linux.SIGRTMIN || !slices.Contains(p.caught, sig) {
			p.caught = append(p.caught, sig)
		}
		p.nudge()
	default:
		switch sig {
		case linux.SIGCHLD, linux.SIGURG, linux.SIGWINCH, linux.SIGCONT:
		case linux.SIGSTOP, linux.SIGTSTP, linux.SIGTTIN, linux.SIGTTOU:
			if sig != linux.SIGSTOP && p.orphaned() {
				return
			}
			p.stop(sig)
		default:
			p.kill(sig)
		}
	}
}

// kill makes the process die of sig at its next checkpoint.
func (p *Proc) kill(sig linux.Signal) {
	if p.zombie || p.unwinding || p.killed == linux.SIGKILL {
		return
	}
	p.killed = sig
	p.nudge()
}

// nudge wakes the process from whatever it waits for.
func (p *Proc) nudge() {
	if p.outside != nil {
		if p.killed != 0 {
			p.outside.interrupt()
		}
		return
	}
	p.sigq.wakeAll()
	p.task.ready()
}

func (p *Proc) stop(sig linux.Signal) {
	p.stopped, p.newState, p.continued = sig, true, false
	p.nudge()
	if q := p.parent; q != nil {
		q.childq.wakeAll()
		q.post(linux.SIGCHLD, true)
	}
}

func (p *Proc) resume() {
	if p.stopped == 0 {
		return
	}
	p.stopped, p.newState, p.continued = 0, true, true
	p.box.thawed.wakeAll()
	if p.outside == nil {
		p.task.ready()
	}
	if q := p.parent; q != nil {
		q.childq.wakeAll()
		q.post(linux.SIGCHLD, true)
	}
}

// orphaned says whether nobody in the session could continue the process's group.
func (p *Proc) orphaned() bool {
	for _, q := range p.box.procs {
		if q.group == p.group && q.parent != nil && q.parent.group != p.group && q.parent.group.session == p.group.session {
			return false
		}
	}
	return true
}

// signalGroup sends sig to all of a group, as the terminal does.
func (k *Kernel) signalGroup(g *group, sig linux.Signal) {
	if g == nil {
		return
	}
	for _, q := range g.session.box.sorted() {
		if q.group == g {
			q.post(sig, false)
		}
	}
}

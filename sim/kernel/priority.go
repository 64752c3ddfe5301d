package kernel

import (
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// The niceness of a process: it is kept, handed to children and shown, and takes no part in whose
// turn it is, as on a machine that has cores to spare.
const (
	minNice = -20
	maxNice = 19
)

// Getpriority is getpriority(2) of a process; pid 0 is this one. ESRCH where there is none such.
func (p *Proc) Getpriority(pid int) (nice int, err error) {
	q := p.orSelf(pid)
	if q == nil {
		return 0, linux.ESRCH
	}
	return q.nice, nil
}

// Setpriority is setpriority(2) of a process; pid 0 is this one. Without CAP_SYS_NICE a niceness
// only grows, EACCES, and another user's process stays as it is, EPERM.
func (p *Proc) Setpriority(pid, nice int) error {
	q := p.orSelf(pid)
	if q == nil {
		return linux.ESRCH
	}
	nice = min(max(nice, minNice), maxNice)
	if !p.view.Cred.Has(vfs.CapSysNice) {
		if c := p.view.Cred; c.UID != q.view.Cred.UID && c.UID != q.view.Cred.RUID {
			return linux.EPERM
		}
		if nice < q.nice {
			return linux.EACCES
		}
	}
	q.nice = nice
	return nil
}

func (p *Proc) orSelf(pid int) *Proc {
	if pid == 0 {
		return p
	}
	return p.find(pid)
}

// SetNoNewPrivs is prctl's PR_SET_NO_NEW_PRIVS: from now on no set-id program gives this process
// or its children another identity.
func (p *Proc) SetNoNewPrivs() { p.noNewPrivs = true }

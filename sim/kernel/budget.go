package kernel

import (
	"fmt"

	"github.com/dockerlab/dockerlab/sim/linux"
)

// Budget bounds what one sandbox may use. Zero fields are DefaultBudget's; a negative one is no
// bound.
type Budget struct {
	Steps     int64 // elementary steps of all its processes, ever
	Processes int   // at one time
	Memory    int64 // bytes of file content and of variables that are held in memory
	Output    int64 // captured bytes of standard output and error; who captures, enforces
}

// DefaultBudget is what a container or a host script may use unless told otherwise.
var DefaultBudget = Budget{Steps: 5_000_000, Processes: 256, Memory: 64 << 20, Output: 1 << 20}

func (b Budget) orDefault() Budget {
	d := DefaultBudget
	if b.Steps != 0 {
		d.Steps = b.Steps
	}
	if b.Processes != 0 {
		d.Processes = b.Processes
	}
	if b.Memory != 0 {
		d.Memory = b.Memory
	}
	if b.Output != 0 {
		d.Output = b.Output
	}
	return d
}

// BudgetError says which bound of a sandbox was hit. Its processes have been killed.
type BudgetError struct {
	What  string // "steps", "memory", "output"
	Limit int64
}

func (e *BudgetError) Error() string {
	unit := ""
	if e.What == "memory" || e.What == "output" {
		unit = " bytes of"
		return fmt.Sprintf("budget exceeded: more than %d%s %s", e.Limit, unit, e.What)
	}
	return fmt.Sprintf("budget exceeded: more than %d %s", e.Limit, e.What)
}

// exceed ends all that runs in the sandbox because a bound was hit.
func (s *Sandbox) exceed(what string, limit int64) {
	if s.hit != nil {
		return
	}
	s.hit = &BudgetError{What: what, Limit: limit}
	if s.cfg.OnBudget != nil {
		s.cfg.OnBudget(s.hit)
	}
	s.end()
}

// Exceed ends the sandbox as if it had hit the named bound itself: whoever captures its output
// calls this. It is called inside the kernel.
func (s *Sandbox) Exceed(what string, limit int64) { s.exceed(what, limit) }

// Hit is the bound that ended the sandbox, or nil.
func (s *Sandbox) Hit() *BudgetError { return s.hit }

// Refill gives the sandbox its whole budget of steps again and forgets a bound that was hit: the
// prompt does this before each command. It is called inside the kernel.
func (s *Sandbox) Refill() {
	s.hit = nil
	s.steps = s.budget.Steps
}

// Budget is what the sandbox may use.
func (s *Sandbox) Budget() Budget { return s.budget }

// Charge takes n bytes from the sandbox's memory (or gives them back, where n is negative); past
// the bound the sandbox ends. It is called inside the kernel.
func (s *Sandbox) Charge(n int64) error {
	s.memory += n
	if n > 0 && s.budget.Memory >= 0 && s.memory > s.budget.Memory {
		s.exceed("memory", s.budget.Memory)
		return s.hit
	}
	return nil
}

// Charge takes n bytes of the process's own memory from the sandbox, as Sandbox.Charge does; a
// negative n gives them back, and so does the end of the process. Past the sandbox's MemoryLimit
// the process that holds the most is killed.
func (p *Proc) Charge(n int64) error {
	s := p.box
	p.memory += n
	s.anon += n
	if n > 0 && s.cfg.MemoryLimit > 0 && s.anon > s.cfg.MemoryLimit {
		s.oom(p)
	}
	return s.Charge(n)
}

// oom kills the process of the sandbox that holds the most memory; of several, the one that asked.
func (s *Sandbox) oom(asked *Proc) {
	victim := asked
	for _, q := range s.sorted() {
		if q.memory > victim.memory && !q.zombie {
			victim = q
		}
	}
	if s.cfg.OnOOM != nil {
		s.cfg.OnOOM()
	}
	victim.kill(linux.SIGKILL)
	asked.checkpoint()
}

// Memory is how many bytes are charged to the sandbox.
func (s *Sandbox) Memory() int64 { return s.memory }

package lessons

import (
	"context"
	"fmt"
)

// Session is one learner in one lesson.
type Session struct {
	Lesson *Lesson
	Lang   Lang
	lab    Lab
	done   map[string]bool
	at     int // the step that is being worked on; len(steps) when all are done
	hints  int // how many of its hints were given
	mark   int // requests that were made before it began
}

// Open begins a lesson, or goes on with it where done names the steps that are finished. The lab
// is expected to be as those steps leave it: Replay makes it so.
func Open(l *Lesson, lang Lang, lab Lab, done []string) *Session {
	s := &Session{Lesson: l, Lang: lang, lab: lab, done: map[string]bool{}}
	for _, id := range done {
		s.done[id] = true
	}
	s.advance()
	return s
}

func (s *Session) text() *Text { return s.Lesson.In(s.Lang) }

func (s *Session) advance() {
	steps := s.text().Steps
	for s.at < len(steps) && s.done[steps[s.at].ID] {
		s.at++
	}
	s.hints = 0
	s.mark = len(s.lab.Requests())
}

// Replay brings a fresh lab to the state in which the finished steps left the learner's, by their
// solutions.
func (s *Session) Replay(ctx context.Context) error {
	for _, st := range s.text().Steps[:s.at] {
		if out, code, err := s.lab.RunHost(ctx, st.Solution); err != nil || code != 0 {
			return fmt.Errorf("replaying step %s of lesson %s: exit code %d: %s: %w", st.ID, s.Lesson.ID, code, lastLine(out), err)
		}
	}
	s.mark = len(s.lab.Requests())
	return nil
}

// Step is the step being worked on, its number from 1, and how many there are; nil when all are
// done.
func (s *Session) Step() (step *Step, number, of int) {
	steps := s.text().Steps
	if s.at >= len(steps) {
		return nil, len(steps), len(steps)
	}
	return &steps[s.at], s.at + 1, len(steps)
}

// Done are the IDs of the finished steps, in order.
func (s *Session) Done() []string {
	var out []string
	for _, st := range s.text().Steps {
		if s.done[st.ID] {
			out = append(out, st.ID)
		}
	}
	return out
}

// since is a lab whose requests are those made after a mark.
type since struct {
	Lab
	mark int
}

func (l since) Requests() []Request {
	all := l.Lab.Requests()
	return all[min(l.mark, len(all)):]
}

// Observe looks at the lab, and gives the steps that are finished now: one command can finish
// several. Where the current one is not, the findings say why.
func (s *Session) Observe(ctx context.Context) (finished []Step, why []Finding, err error) {
	for {
		step, _, _ := s.Step()
		if step == nil {
			return finished, nil, nil
		}
		why, err = Judge(ctx, since{s.lab, s.mark}, step.Checks)
		if err != nil || len(why) > 0 {
			return finished, why, err
		}
		finished = append(finished, *step)
		s.done[step.ID] = true
		mark := s.mark
		s.advance()
		if next, _, _ := s.Step(); next != nil && onlyLooks(next) {
			// what was asked in the same breath counts for the next step too, if only that is left
			s.mark = max(mark, s.mark)
		}
	}
}

func onlyLooks(s *Step) bool {
	for _, c := range s.Checks {
		if c.Looked == "" {
			return false
		}
	}
	return true
}

// Hint says what is missing now, and with each call more of how to get there.
func (s *Session) Hint(ctx context.Context) (string, error) {
	step, _, _ := s.Step()
	if step == nil {
		return "", nil
	}
	why, err := Judge(ctx, since{s.lab, s.mark}, step.Checks)
	if err != nil {
		return "", err
	}
	var out string
	if len(why) > 0 {
		out = why[0].In(s.Lang)
	}
	if n := min(s.hints, len(step.Hints)-1); n >= 0 {
		if out != "" {
			out += "\n\n"
		}
		out += step.Hints[n]
	}
	s.hints++
	return out, nil
}

// Solution is how the current step can be done.
func (s *Session) Solution() string {
	if step, _, _ := s.Step(); step != nil {
		return step.Solution
	}
	return ""
}

// Skip does the current step for the learner.
func (s *Session) Skip(ctx context.Context) error {
	step, _, _ := s.Step()
	if step == nil {
		return nil
	}
	if out, code, err := s.lab.RunHost(ctx, step.Solution); err != nil {
		return err
	} else if code != 0 {
		return fmt.Errorf("skipping step %s: its solution ended with %d: %s", step.ID, code, lastLine(out))
	}
	s.done[step.ID] = true
	s.advance()
	return nil
}

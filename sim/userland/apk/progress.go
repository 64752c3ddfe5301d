package apk

import (
	"fmt"
	"strings"
)

// progress is how far a run has come, as its bar shows on a terminal.
type progress struct{ total, have int64 }

// weight is how much a change counts: the bytes that are laid down, and one for each package.
func weight(c change) int64 {
	var n int64
	if c.new != nil {
		n += c.new.InstalledSize + 1
	}
	if c.old != nil {
		n++
	}
	return n
}

func (p *progress) add(c change)  { p.total += weight(c) }
func (p *progress) done(c change) { p.have += weight(c) }

// show draws the bar, on the line that the cursor stays on.
func (p *progress) show(s *session, more int64) {
	if !s.progress {
		return
	}
	columns := 50
	if _, cols, err := s.c.Winsize(1); err == nil && cols > 25 {
		columns = cols
	}
	mark := "#"
	if s.c.UTF8() {
		mark = "█"
	}
	if own, ok := s.c.LookupEnv("APK_PROGRESS_CHAR"); ok {
		mark = own
	}
	width := int64(columns - 6)
	bar, percent := int64(0), int64(0)
	if p.total > 0 {
		bar, percent = width*(p.have+more)/p.total, 100*(p.have+more)/p.total
	}
	fmt.Fprintf(s.c.Out, "\x1b7%3d%% %s%s\x1b8\x1b[0K", percent, strings.Repeat(mark, int(bar)), strings.Repeat(" ", int(width-bar)))
}

// indent writes words in lines as long as the screen is wide.
type indent struct {
	s     *session
	at, x int // where lines begin, and where this one has come to
}

func (i *indent) word(w string) {
	columns := 50
	if _, cols, err := i.s.c.Winsize(1); err == nil && cols > 25 {
		columns = cols
	}
	switch {
	case i.x <= i.at:
		i.s.c.Printf("%*s%s", i.at-i.x, "", w)
		i.x = i.at + len(w)
	case i.x+len(w)+1 >= columns:
		i.s.c.Printf("\n%*s%s", i.at, "", w)
		i.x = i.at + len(w)
	default:
		i.s.c.Print(" ", w)
		i.x += len(w) + 1
	}
}

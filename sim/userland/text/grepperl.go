package text

import (
	"strings"

	"github.com/dockerlab/dockerlab/sim/perlre"
)

// compilePerl makes the matcher of -P, which takes one pattern.
func (g *grepper) compilePerl() {
	if len(g.patterns) > 1 {
		g.c.Die(2, "the -P option only supports a single pattern")
	}
	p := strings.Join(g.patterns, "")
	switch {
	case g.line:
		p = "^(?:" + p + ")$"
	case g.word:
		p = `(?<!\w)(?:` + p + `)(?!\w)`
	}
	re, err := perlre.Compile(p, g.ignoreCase)
	if err != nil {
		g.c.Die(2, "%v", err)
	}
	g.match = append(g.match, perlMatcher{re, stepper(g.c)})
}

type perlMatcher struct {
	re   *perlre.Regexp
	step func(int)
}

func (m perlMatcher) find(line []byte, from int) (int, int, bool) {
	return m.re.Find(line, from, m.step)
}

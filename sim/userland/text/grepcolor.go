package text

import (
	"strings"

	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// grepColors are the colours of grep --color by GREP_COLORS' two letters, as parameters of SGR.
// An empty one is no colour.
type grepColors struct {
	sgr     map[string]string
	noErase bool // ne: the rest of the line is not erased
}

// readGrepColors takes GREP_COLORS, "mt=01;34:ne", and the GREP_COLOR of old.
func readGrepColors(c *prog.Ctx) *grepColors {
	g := &grepColors{sgr: map[string]string{"ms": "01;31", "mc": "01;31", "fn": "35", "ln": "32", "bn": "32", "se": "36"}}
	match := func(sgr string) { g.sgr["ms"], g.sgr["mc"] = sgr, sgr }
	if old := c.Getenv("GREP_COLOR"); old != "" {
		c.Warn("warning: GREP_COLOR='%s' is deprecated; use GREP_COLORS='mt=%s'", old, old)
		match(old)
	}
	for _, item := range strings.Split(c.Getenv("GREP_COLORS"), ":") {
		name, sgr, set := strings.Cut(item, "=")
		if strings.Trim(sgr, "0123456789;") != "" {
			break // the rest is not looked at
		}
		switch {
		case name == "ne":
			g.noErase = true
		case name == "rv":
			g.sgr["rv"] = "1"
		case !set:
		case name == "mt":
			match(sgr)
		case len(name) == 2 && strings.Contains("ms mc sl cx fn ln bn se", name):
			g.sgr[name] = sgr
		}
	}
	return g
}

// paint is s in a colour; a nil g has none.
func (g *grepColors) paint(name, s string) string {
	if g == nil || g.sgr[name] == "" || s == "" {
		return s
	}
	erase := "\x1b[K"
	if g.noErase {
		erase = ""
	}
	return "\x1b[" + g.sgr[name] + "m" + erase + s + "\x1b[m" + erase
}

// lineColor is the colour of what does not match in a line, by whether it was selected.
func (g *grepColors) lineColor(selected, inverted bool) string {
	if selected != (inverted && g.sgr["rv"] != "") {
		return "sl"
	}
	return "cx"
}

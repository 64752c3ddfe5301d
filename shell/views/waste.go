package views

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/dockerlab/dockerlab/sim/lineage"
)

// WasteReport is what costs space in an image and cannot be seen.
type WasteReport struct {
	About
	Sizes
	Layers []lineage.Layer `json:"layers"`
	// Base is how many of the lowest layers are somebody else's. What is hidden among these,
	// BaseWasted, is in Wasted and not in Files, and counts against no limit.
	Base       int   `json:"base"`
	BaseWasted int64 `json:"base_wasted"`
	// Causes sums Files by why they are there, in bytes.
	Causes Causes `json:"causes"`
	// Pairs are Files by the layers that brought them and that hid them, the most bytes first.
	Pairs []Pair          `json:"pairs"`
	Files []lineage.Waste `json:"files"` // the largest first
	// Rules are the limits that were asked for, and whether they are kept.
	Rules []Rule `json:"rules"`
	Pass  bool   `json:"pass"`
}

// Causes are bytes by the reason for which nobody can see them.
type Causes struct {
	Removed    int64 `json:"removed"`    // deleted by a later line, or gone with a directory
	Rewritten  int64 `json:"rewritten"`  // a later line brought other content
	Attributes int64 `json:"attributes"` // a later line changed the mode, the owner or attributes alone
	Mtime      int64 `json:"mtime"`      // a later line changed the time alone
	Copied     int64 `json:"copied"`     // a later line brought the same again
}

func (c *Causes) add(w *lineage.Waste) {
	switch {
	case w.How == lineage.Rewritten || w.How == lineage.Replaced:
		c.Rewritten += w.Bytes
	case w.How == lineage.Attributes && w.Diff == lineage.Mtime:
		c.Mtime += w.Bytes
	case w.How == lineage.Attributes:
		c.Attributes += w.Bytes
	case w.How == lineage.Linked || w.How == lineage.Copied:
		c.Copied += w.Bytes
	default:
		c.Removed += w.Bytes
	}
}

// Pair is two layers of which one hides what the other brought.
type Pair struct {
	Layer  int    `json:"layer"`
	By     int    `json:"hidden"`
	Bytes  int64  `json:"bytes"`
	Files  int    `json:"files"`
	Causes Causes `json:"causes"`
	// Line and ByLine are the lines of the Dockerfile that made the two, where one was given and has
	// them.
	Line   int `json:"line,omitempty"`
	ByLine int `json:"hidden_line,omitempty"`
}

// Limits are what an image may waste; a limit that is nil is none.
type Limits struct {
	Efficiency *float64 // at least, 0 to 1
	Wasted     *int64   // at most, in bytes
}

// Rule is a limit, and how the image keeps it.
type Rule struct {
	Name   string  `json:"rule"` // that of the flag: "min-efficiency"
	Limit  float64 `json:"limit"`
	Actual float64 `json:"actual"`
	Pass   bool    `json:"pass"`
}

// Names of rules.
const (
	MinEfficiency = "min-efficiency"
	MaxWasted     = "max-wasted"
)

// Waste reports what is wasted in a subject. base is how many of its lowest layers are a base image;
// what is hidden among these does not count.
func Waste(sub *Subject, base int, limits Limits) (*WasteReport, error) {
	s, err := lineage.New(sub.Parts)
	if err != nil {
		return nil, err
	}
	if base < 0 || base > len(s.Layers) {
		return nil, fmt.Errorf("%s has %d layers, so the base cannot have %d", sub.Name, len(s.Layers), base)
	}
	r := &WasteReport{About: sub.About, Sizes: sizesOf(s), Layers: s.Layers, Base: base, Pairs: []Pair{}, Files: []lineage.Waste{}, Rules: []Rule{}, Pass: true}
	type key struct{ layer, by int }
	pairs := map[key]int{}
	for _, w := range s.Waste() {
		if w.By <= base {
			r.BaseWasted += w.Bytes
			continue
		}
		r.Files = append(r.Files, w)
		r.Causes.add(&w)
		k := key{w.Layer, w.By}
		i, ok := pairs[k]
		if !ok {
			i = len(r.Pairs)
			pairs[k] = i
			r.Pairs = append(r.Pairs, Pair{Layer: w.Layer, By: w.By})
		}
		p := &r.Pairs[i]
		p.Bytes += w.Bytes
		p.Files++
		p.Causes.add(&w)
	}
	slices.SortStableFunc(r.Pairs, func(a, b Pair) int { return cmp.Compare(b.Bytes, a.Bytes) })
	r.judge(limits)
	return r, nil
}

// judge holds the report against limits.
func (r *WasteReport) judge(l Limits) {
	wasted := r.Wasted - r.BaseWasted
	if l.Efficiency != nil {
		e := lineage.Efficiency(r.Size-wasted, r.Size)
		r.Rules = append(r.Rules, Rule{MinEfficiency, *l.Efficiency, e, e >= *l.Efficiency})
	}
	if l.Wasted != nil {
		r.Rules = append(r.Rules, Rule{MaxWasted, float64(*l.Wasted), float64(wasted), wasted <= *l.Wasted})
	}
	for _, rule := range r.Rules {
		r.Pass = r.Pass && rule.Pass
	}
}

// write writes the report; of each pair of layers at most top files.
func (r *WasteReport) write(p *page, top int) {
	p.head(&r.About)
	p.line(fmt.Sprintf(p.sum, count(len(r.Layers), p.oneLayer, p.layersN), size(r.Size), size(r.Visible), size(r.Wasted), p.paint(bold, percent(r.Efficiency))))
	if r.Base > 0 {
		p.line(fmt.Sprintf(p.inBase, r.Base, size(r.BaseWasted)))
	}
	files := map[[2]int][]*lineage.Waste{}
	for i := range r.Files {
		w := &r.Files[i]
		files[[2]int{w.Layer, w.By}] = append(files[[2]int{w.Layer, w.By}], w)
	}
	for i := range r.Pairs {
		pair := &r.Pairs[i]
		p.line()
		p.line(p.paint(bold, size(pair.Bytes)), "  ", count(pair.Files, p.oneFile, p.files), p.comma, p.causes(&pair.Causes))
		p.who(p.broughtBy, pair.Layer, pair.Line, r.Layers)
		p.who(p.hiddenBy, pair.By, pair.ByLine, r.Layers)
		all := files[[2]int{pair.Layer, pair.By}]
		for n, w := range all {
			if top > 0 && n == top {
				rest := int64(0)
				for _, w := range all[n:] {
					rest += w.Bytes
				}
				p.line("    ", right(size(rest), 7), "  ", fmt.Sprintf(p.more, len(all)-n))
				break
			}
			name := w.Path
			if len(w.Links) > 0 {
				name += " = " + strings.Join(w.Links[:min(len(w.Links), 9)], " = ")
			}
			how := p.short(w.How, w.Diff)
			p.line("    ", right(size(w.Bytes), 7), "  ", fit(name, p.Width-15-width(how)), "  ", how)
		}
	}
	if len(r.Pairs) == 0 {
		p.line(p.noWaste)
	}
	if advice := p.advice(r); advice != "" {
		p.line()
		for _, s := range wrapped(advice, p.Width) {
			p.line(s)
		}
	}
	if len(r.Rules) > 0 {
		p.line()
	}
	for _, rule := range r.Rules {
		verdict, color := p.kept, green
		if !rule.Pass {
			verdict, color = p.crossed, red
		}
		limit, actual := size(int64(rule.Limit)), size(int64(rule.Actual))
		if rule.Name == MinEfficiency {
			limit, actual = percent(rule.Limit), percent(rule.Actual)
		}
		p.line(p.paint(color, verdict), "  ", rule.Name, "  ", fmt.Sprintf(p.rules[rule.Name], actual, limit))
	}
}

// who names a layer of a pair.
func (p *page) who(what string, number, line int, layers []lineage.Layer) {
	at := fmt.Sprintf(p.layerN, number)
	if line > 0 {
		at += fmt.Sprintf(p.lineN, line)
	}
	p.line("  ", what, " ", at, "  ", cut(p.label(&layers[number-1]), p.Width-5-width(what)-width(at)))
}

// causes lists what is not zero.
func (p *page) causes(c *Causes) string {
	var all []string
	for _, x := range []struct {
		n    int64
		word string
	}{{c.Removed, p.causeRemoved}, {c.Rewritten, p.causeRewritten}, {c.Attributes, p.causeAttributes}, {c.Mtime, p.causeMtime}, {c.Copied, p.causeCopied}} {
		if x.n > 0 {
			all = append(all, x.word)
		}
	}
	return strings.Join(all, p.comma)
}

// advice is what would help most.
func (p *page) advice(r *WasteReport) string {
	c := &r.Causes
	switch m := max(c.Removed, c.Rewritten, c.Attributes, c.Mtime, c.Copied); {
	case m == 0:
		return ""
	case m == c.Removed:
		return p.adviseRemoved
	case m == c.Attributes, m == c.Mtime:
		return p.adviseAttributes
	case m == c.Copied:
		return p.adviseCopied
	}
	return p.adviseRewritten
}

// WriteText writes the report for people: of each pair of layers at most top files, all where top
// is 0.
func (r *WasteReport) WriteText(w io.Writer, lang string, st Style, top int) error {
	p := newPage(st, wordsIn(lang))
	r.write(p, top)
	_, err := io.WriteString(w, p.String())
	return err
}

package views

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/dockerlab/dockerlab/sim/lineage"
)

// LayersReport is the stack of an image or a container.
type LayersReport struct {
	About
	Sizes
	Layers []LayerReport `json:"layers"` // from the bottom up
}

// Sizes are the sums of a stack, in bytes.
type Sizes struct {
	Size       int64   `json:"size"`       // of all layers
	Visible    int64   `json:"visible"`    // what can be seen at the top
	Wasted     int64   `json:"wasted"`     // the rest
	Efficiency float64 `json:"efficiency"` // Visible of Size: 0 to 1
}

func sizesOf(s *lineage.Stack) Sizes {
	return Sizes{s.Size(), s.Visible(), s.Size() - s.Visible(), s.Efficiency()}
}

// LayerReport is one layer.
type LayerReport struct {
	lineage.Layer
	// Changes are the paths that it adds, changes and removes, where they were asked for.
	Changes []lineage.Change `json:"changes,omitempty"`
}

// Layers reports the stack of a subject; with changes, what each layer does to which path.
func Layers(sub *Subject, changes bool) (*LayersReport, error) {
	s, err := lineage.New(sub.Parts)
	if err != nil {
		return nil, err
	}
	r := &LayersReport{About: sub.About, Sizes: sizesOf(s), Layers: []LayerReport{}}
	for _, l := range s.Layers {
		r.Layers = append(r.Layers, LayerReport{Layer: l})
	}
	if changes {
		for i, c := range s.Changes() {
			r.Layers[i].Changes = c
		}
	}
	return r, nil
}

// write draws the stack, the topmost layer first. whole shows commands to their end.
func (r *LayersReport) write(p *page, whole bool) {
	p.head(&r.About)
	p.line(fmt.Sprintf(p.sum, count(len(r.Layers), p.oneLayer, p.layersN), size(r.Size), size(r.Visible), size(r.Wasted), percent(r.Efficiency)))
	if len(r.Layers) == 0 {
		return
	}
	p.line()
	inner := p.Width - 8 // the borders, and the column of numbers
	text := inner - 2
	rule := func(left, middle, right string) {
		p.line(p.paint(dim, left+"─────"+middle+strings.Repeat("─", inner)+right))
	}
	row := func(number, s string) {
		p.line(p.paint(dim, "│"), number, p.paint(dim, "│"), " ", s, strings.Repeat(" ", max(0, text-width(s))), " ", p.paint(dim, "│"))
	}
	largest := int64(1)
	for _, l := range r.Layers {
		largest = max(largest, l.Size)
	}
	rule("┌", "┬", "┐")
	for i := range slices.Backward(r.Layers) {
		l := &r.Layers[i]
		number := p.paint(bold, fmt.Sprintf("%4d ", l.Number))
		bytes := size(l.Size)
		name := p.label(&l.Layer)
		lines := []string{cut(name, text-width(bytes)-2)}
		if whole {
			lines = wrapped(name, text-width(bytes)-2)
		}
		for n, s := range lines {
			if n == 0 {
				row(number, fit(s, text-width(bytes))+p.paint(bold, bytes))
			} else {
				row("     ", s)
			}
		}
		if does := p.account(l, largest, text); strings.TrimSpace(plain(does)) != "" {
			row("     ", does)
		}
		for _, c := range l.Changes {
			row("     ", p.change(&c, text))
		}
		if i > 0 {
			rule("├", "┼", "┤")
		}
	}
	rule("└", "┴", "┘")
	p.line(p.paint(dim, p.legend))
}

// barWidth is the length of the largest layer's bar.
const barWidth = 20

// account is the second line of a layer: what it does, and a bar of what of it can be seen.
func (p *page) account(l *LayerReport, largest int64, n int) string {
	full := int(float64(l.Size)/float64(largest)*barWidth + 0.5)
	if l.Size > 0 {
		full = max(full, 1)
	}
	seen := 0
	if l.Size > 0 {
		seen = int(float64(l.Visible)/float64(l.Size)*float64(full) + 0.5)
	}
	bar := p.paint(green, strings.Repeat("█", seen)) + p.paint(red, strings.Repeat("▒", full-seen)) + strings.Repeat(" ", barWidth-full)
	var does []string
	for _, c := range []struct {
		sign  string
		n     int
		color string
	}{{"+", l.Added, green}, {"~", l.Changed, yellow}, {"-", l.Removed, red}} {
		if c.n > 0 {
			does = append(does, p.paint(c.color, fmt.Sprintf("%s%d", c.sign, c.n)))
		}
	}
	left := bar + "  " + strings.Join(does, " ")
	end := ""
	switch {
	case l.Hides > 0:
		end = fmt.Sprintf(p.hides, size(l.Hides))
	case l.Visible < l.Size:
		end = fmt.Sprintf(p.seen, size(l.Visible))
	}
	if l.Hides > 0 && l.Visible < l.Size {
		end = fmt.Sprintf(p.seen, size(l.Visible)) + p.comma + end
	}
	return left + right(end, n-width(left))
}

// change is a line of the list of what a layer does.
func (p *page) change(c *lineage.Change, n int) string {
	sign, color := "~", yellow
	switch c.How {
	case lineage.Added:
		sign, color = "+", green
	case lineage.Removed:
		sign, color = "-", red
	}
	end := ""
	if c.How != lineage.Added && c.How != lineage.Removed {
		end = p.short(c.How, c.Diff)
	}
	if c.Size > 0 {
		end += "  " + size(c.Size)
	}
	end = strings.TrimSpace(end)
	room := n - width(end) - 4
	return p.paint(color, sign) + " " + fit(c.Path, room) + "  " + end
}

// head names what a report is about.
func (p *page) head(a *About) {
	id := a.ID[:min(12, len(a.ID))]
	kind := p.image
	if a.Kind == "container" {
		kind = p.container
	}
	p.line(p.paint(bold, cut(a.Name, p.Width-32)), "  ", kind, " ", id)
}

func percent(f float64) string {
	s := fmt.Sprintf("%.1f%%", f*100)
	if s == "100.0%" && f < 1 {
		s = "99.9%" // what is not whole does not look so
	}
	return s
}

// PathReport is where a path comes from.
type PathReport struct {
	About
	lineage.Origin
	// Layer is the number of the layer that provides what one sees; 0 where nothing is there.
	Layer int `json:"layer"`
	// Hidden are bytes of copies of the path that nobody can see.
	Hidden int64 `json:"hidden"`
	// Layers are those that Events speak of.
	Layers []lineage.Layer `json:"layers"`
}

// NoPathError says that no layer speaks of a path.
type NoPathError struct{ Name, Path string }

func (e *NoPathError) Error() string {
	return fmt.Sprintf("no layer of %s has %s, or ever had it", e.Name, e.Path)
}

// Path reports where a path of the subject comes from. The error is a *NoPathError where no layer
// speaks of it.
func Path(sub *Subject, path string) (*PathReport, error) {
	s, err := lineage.New(sub.Parts)
	if err != nil {
		return nil, err
	}
	o, ok := s.Origin(path)
	if !ok {
		return nil, &NoPathError{sub.Name, path}
	}
	r := &PathReport{About: sub.About, Origin: *o, Layer: o.Provider(), Hidden: s.Hidden(o.Path)}
	spoken := map[int]bool{}
	for _, e := range o.Events {
		spoken[e.Layer] = true
	}
	for _, sh := range o.Shares {
		spoken[sh.Layer] = true
	}
	for _, l := range s.Layers {
		if spoken[l.Number] {
			r.Layers = append(r.Layers, l)
		}
	}
	return r, nil
}

func (r *PathReport) write(p *page) {
	p.head(&r.About)
	p.line()
	p.line(p.paint(bold, cut(r.Origin.Path, p.Width)))
	layers := map[int]*lineage.Layer{}
	for i := range r.Layers {
		layers[r.Layers[i].Number] = &r.Layers[i]
	}
	for i := range slices.Backward(r.Events) {
		e := &r.Events[i]
		mark := " "
		if i == len(r.Events)-1 && e.File != nil {
			mark = "▶"
		}
		p.line(fmt.Sprintf("%s%4d ", mark, e.Layer), p.paint(dim, "│ "), p.paint(bold, cut(p.label(layers[e.Layer]), p.Width-8)))
		var before *lineage.Attr
		if i > 0 {
			before = r.Events[i-1].File
		}
		for _, s := range wrapped(p.tell(e, before), p.Width-8) {
			p.line("      ", p.paint(dim, "│ "), s)
		}
	}
	p.line()
	switch {
	case r.Layer == 0:
		p.line(p.nothingThere)
	case r.Events[len(r.Events)-1].File.Type == "directory":
		p.line(fmt.Sprintf(p.directoryFrom, r.Layer))
	default:
		p.line(fmt.Sprintf(p.fileFrom, r.Layer))
	}
	if r.Hidden > 0 {
		p.line(fmt.Sprintf(p.copiesHidden, size(r.Hidden)))
	}
	if len(r.Shares) > 0 {
		p.line(p.inIt)
		for i := range slices.Backward(r.Shares) {
			sh := &r.Shares[i]
			p.line(fmt.Sprintf(" %4d ", sh.Layer), p.paint(dim, "│ "), right(size(sh.Bytes), 8), "  ", fit(count(sh.Files, p.oneFile, p.files), 12), "  ", cut(p.label(layers[sh.Layer]), p.Width-32))
		}
	}
}

// WriteText writes the report for people; whole shows commands to their end.
func (r *LayersReport) WriteText(w io.Writer, lang string, st Style, whole bool) error {
	p := newPage(st, wordsIn(lang))
	r.write(p, whole)
	_, err := io.WriteString(w, p.String())
	return err
}

// WriteText writes the report for people.
func (r *PathReport) WriteText(w io.Writer, lang string, st Style) error {
	p := newPage(st, wordsIn(lang))
	r.write(p)
	_, err := io.WriteString(w, p.String())
	return err
}

package views

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/dockerlab/dockerlab/sim/image"
	"github.com/dockerlab/dockerlab/sim/lineage"
)

// CompareReport is in what two images or containers differ.
type CompareReport struct {
	A Side `json:"a"`
	B Side `json:"b"`
	// Shared is how many layers, from the bottom up, the two have in common, and SharedSize their
	// bytes.
	Shared     int   `json:"shared_layers"`
	SharedSize int64 `json:"shared_size"`
	// Config is in what their configurations differ, in the order of their fields.
	Config []Setting `json:"config"`
	// Paths is in what their files differ, by path, and Count sums it.
	Paths []lineage.Difference `json:"paths"`
	Count Count                `json:"count"`
}

// Side is one of the two.
type Side struct {
	About
	Sizes
	Layers []lineage.Layer `json:"layers"`
}

// Setting is a field of the configuration that differs. Values are as in the image's JSON; null
// where there is none.
type Setting struct {
	Field string          `json:"field"`
	A     json.RawMessage `json:"a"`
	B     json.RawMessage `json:"b"`
}

// Count sums differences: paths, and bytes of their files.
type Count struct {
	Added        int   `json:"added"`
	AddedBytes   int64 `json:"added_bytes"`
	Removed      int   `json:"removed"`
	RemovedBytes int64 `json:"removed_bytes"`
	Changed      int   `json:"changed"` // those in Times left out
	Times        int   `json:"times"`   // what differs in its time alone
}

// Equal says that the two differ in nothing but times.
func (r *CompareReport) Equal() bool {
	c := r.Count
	return len(r.Config) == 0 && c.Added == 0 && c.Removed == 0 && c.Changed == 0
}

// Compare reports in what two subjects differ.
func Compare(a, b *Subject) (*CompareReport, error) {
	x, err := lineage.New(a.Parts)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.Name, err)
	}
	y, err := lineage.New(b.Parts)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", b.Name, err)
	}
	r := &CompareReport{A: Side{a.About, sizesOf(x), x.Layers}, B: Side{b.About, sizesOf(y), y.Layers}, Shared: lineage.Shared(x, y)}
	for _, l := range x.Layers[:r.Shared] {
		r.SharedSize += l.Size
	}
	if r.Config, err = settings(&a.Config, &b.Config); err != nil {
		return nil, err
	}
	if r.Paths, err = lineage.Compare(x, y); err != nil {
		return nil, err
	}
	if r.Paths == nil {
		r.Paths = []lineage.Difference{}
	}
	for _, d := range r.Paths {
		switch {
		case d.What == lineage.OnlyInB:
			r.Count.Added++
			r.Count.AddedBytes += d.Grows()
		case d.What == lineage.OnlyInA:
			r.Count.Removed++
			r.Count.RemovedBytes -= d.Grows()
		case d.Diff == lineage.Mtime:
			r.Count.Times++
		default:
			r.Count.Changed++
		}
	}
	return r, nil
}

// passing are the fields of a configuration that say of which build or machine it is, and nothing
// about what it does.
var passing = []string{"Hostname", "Domainname", "Image", "AttachStdin", "AttachStdout", "AttachStderr", "OpenStdin", "StdinOnce", "Tty", "ArgsEscaped"}

// settings compares configurations: what they run on, and how.
func settings(a, b *image.Config) ([]Setting, error) {
	x, err := fields(a)
	if err != nil {
		return nil, err
	}
	y, err := fields(b)
	if err != nil {
		return nil, err
	}
	names := maps.Clone(x)
	maps.Copy(names, y)
	all := []Setting{}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		p, q := x[name], y[name]
		if empty(p) && empty(q) || bytes.Equal(p, q) {
			continue
		}
		if p == nil {
			p = json.RawMessage("null")
		}
		if q == nil {
			q = json.RawMessage("null")
		}
		all = append(all, Setting{name, p, q})
	}
	return all, nil
}

// fields are those of a configuration that say what a container of it does.
func fields(c *image.Config) (map[string]json.RawMessage, error) {
	raw, err := json.Marshal(c.Config)
	if err != nil {
		return nil, err
	}
	m := map[string]json.RawMessage{}
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, err
	}
	if m == nil { // of "null"
		m = map[string]json.RawMessage{}
	}
	for _, name := range passing {
		delete(m, name)
	}
	for name, value := range map[string]string{"Architecture": c.Architecture, "OS": c.OS, "Author": c.Author} {
		if m[name], err = json.Marshal(value); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// empty says that a value means the same as none.
func empty(v json.RawMessage) bool {
	return v == nil || slices.Contains([]string{"null", `""`, "[]", "{}", "false", "0"}, string(v))
}

// write writes the report; at most top paths of each kind.
func (r *CompareReport) write(p *page, top int, times bool) {
	for _, s := range []struct {
		name string
		side *Side
	}{{"A", &r.A}, {"B", &r.B}} {
		id := s.side.ID[:min(12, len(s.side.ID))]
		p.line(p.paint(bold, s.name+"  "), fit(s.side.Name, p.Width-46), "  ", fit(id, 12), "  ", right(size(s.side.Size), 7), "  ", count(len(s.side.Layers), p.oneLayer, p.layersN))
	}
	sharing := fmt.Sprintf(p.sharing, r.Shared, size(r.SharedSize))
	switch r.Shared {
	case 0:
		sharing = p.sharingNone
	case 1:
		sharing = fmt.Sprintf(p.sharingOne, size(r.SharedSize))
	}
	p.line(sharing, growth(p, r.B.Size-r.A.Size))
	if r.Shared < max(len(r.A.Layers), len(r.B.Layers)) {
		p.line()
		p.ownLayers("A", red, &r.A, r.Shared)
		p.ownLayers("B", green, &r.B, r.Shared)
	}
	if len(r.Config) > 0 {
		p.line()
		p.line(p.paint(bold, p.configHead))
		for _, s := range r.Config {
			p.setting(&s)
		}
	}
	p.line()
	c := &r.Count
	if c.Added+c.Removed+c.Changed == 0 {
		p.line(p.sameFiles)
	} else {
		p.line(p.paint(bold, fmt.Sprintf(p.filesHead, c.Added, size(c.AddedBytes), c.Removed, size(c.RemovedBytes), c.Changed)))
	}
	groups := slices.DeleteFunc(grouped(r.Paths), func(g group) bool { return g.Diff == lineage.Mtime && !times })
	for i := range groups {
		if top > 0 && i == top {
			p.line("           ", fmt.Sprintf(p.more, len(groups)-i))
			break
		}
		p.difference(&groups[i])
	}
	if c.Times > 0 && !times {
		p.line(fmt.Sprintf(p.timesAlone, c.Times))
	}
}

func growth(p *page, n int64) string {
	switch {
	case n > 0:
		return fmt.Sprintf(p.larger, size(n))
	case n < 0:
		return fmt.Sprintf(p.smaller, size(-n))
	}
	return ""
}

// ownLayers lists the layers that only one side has.
func (p *page) ownLayers(name, color string, s *Side, shared int) {
	for _, l := range s.Layers[shared:] {
		p.line(p.paint(color, name), fmt.Sprintf("%4d  ", l.Number), right(size(l.Size), 7), "  ", cut(p.label(&l), p.Width-16))
	}
}

// setting writes a field that differs: of lists and tables the items that do.
func (p *page) setting(s *Setting) {
	a, okA := items(s.A)
	b, okB := items(s.B)
	if !okA || !okB || s.Field == "Cmd" || s.Field == "Entrypoint" || s.Field == "Shell" {
		p.line("  ", fit(s.Field, 12), " ", p.paint(red, "- "), cut(value(s.A, p), p.Width-18))
		p.line("  ", fit("", 12), " ", p.paint(green, "+ "), cut(value(s.B, p), p.Width-18))
		return
	}
	name := s.Field
	for _, side := range []struct {
		sign, color string
		has, lacks  []string
	}{{"- ", red, a, b}, {"+ ", green, b, a}} {
		for _, item := range side.has {
			if !slices.Contains(side.lacks, item) {
				p.line("  ", fit(name, 12), " ", p.paint(side.color, side.sign), cut(item, p.Width-18))
				name = ""
			}
		}
	}
	if name != "" { // the same items in another order
		p.line("  ", fit(name, 12), " ", p.otherOrder)
	}
}

// value is a value as people read it.
func value(v json.RawMessage, p *page) string {
	var s string
	switch {
	case empty(v):
		return p.unset
	case json.Unmarshal(v, &s) == nil:
		return s
	}
	return string(v)
}

// items are what a list or a table has in it; it is not ok of another value.
func items(v json.RawMessage) ([]string, bool) {
	if empty(v) {
		return nil, true
	}
	var list []string
	if json.Unmarshal(v, &list) == nil {
		return list, true
	}
	var table map[string]json.RawMessage
	if json.Unmarshal(v, &table) != nil {
		return nil, false
	}
	for _, k := range slices.Sorted(maps.Keys(table)) {
		var s string
		switch x := table[k]; {
		case json.Unmarshal(x, &s) == nil:
			k += "=" + s
		case !empty(x):
			k += "=" + string(x)
		}
		list = append(list, k)
	}
	return list, true
}

// group is a difference, which may stand for a whole directory.
type group struct {
	lineage.Difference
	paths int // those in it, itself included
	bytes int64
}

// grouped joins to a directory that only one side has what is in it, and puts first what weighs most.
func grouped(all []lineage.Difference) []group {
	var out []group
	for _, d := range all {
		if n := len(out); n > 0 && d.What != lineage.Changed && out[n-1].What == d.What && within(d.Path, out[n-1].Path) {
			out[n-1].paths++
			out[n-1].bytes += d.Grows()
			continue
		}
		out = append(out, group{d, 1, d.Grows()})
	}
	slices.SortStableFunc(out, func(a, b group) int { return cmp.Compare(max(b.bytes, -b.bytes), max(a.bytes, -a.bytes)) })
	return out
}

func within(p, dir string) bool { return strings.HasPrefix(p, path.Clean(dir)+"/") }

func (p *page) difference(g *group) {
	sign, color, name := "~", yellow, g.Path
	file, layer := g.B, g.LayerB
	switch g.What {
	case lineage.OnlyInA:
		sign, color, file, layer = "-", red, g.A, g.LayerA
	case lineage.OnlyInB:
		sign, color = "+", green
	}
	end := ""
	switch {
	case g.What == lineage.Changed:
		end = p.what(g.Diff, g.A, g.B)
	case g.paths > 1:
		end = fmt.Sprintf(p.paths, g.paths)
	}
	if file.Type == "directory" {
		name += "/"
	}
	n := size(g.bytes)
	if g.What == lineage.Changed && g.bytes >= 0 {
		n = "+" + n
	}
	if g.bytes == 0 {
		n = ""
	}
	end = strings.TrimSpace(end + "  " + fmt.Sprintf(p.ofLayer, layer))
	p.line(p.paint(color, sign), right(n, 9), "  ", fit(name, p.Width-15-width(end)), "  ", end)
}

// WriteText writes the report for people: at most top paths, all where top is 0. With times, what
// differs in its time alone is among them.
func (r *CompareReport) WriteText(w io.Writer, lang string, st Style, top int, times bool) error {
	p := newPage(st, wordsIn(lang))
	r.write(p, top, times)
	_, err := io.WriteString(w, p.String())
	return err
}

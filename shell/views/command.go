package views

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/docker/go-units"
	"github.com/spf13/cobra"

	"github.com/dockerlab/dockerlab/sim/lineage"
)

// Env is where a command runs.
type Env struct {
	Lang   string // "zh" or "en"
	Source func() (Source, error)
	// Open opens a file by name.
	Open func(name string) (io.ReadCloser, error)
	In   io.Reader // what the name "-" means
	Out  io.Writer
	Style
}

// ErrFailed is what a command ends with that found what it was asked to find: an image that wastes
// more than is allowed, two that differ. It has said so.
var ErrFailed = errors.New("a check failed")

// Commands are those of this package.
func Commands(e *Env) []*cobra.Command {
	return []*cobra.Command{newLayers(e), newWaste(e), newCompare(e)}
}

// open opens a file, or standard input for "-".
func (e *Env) open(name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(e.In), nil
	}
	return e.Open(name)
}

// find finds an image or a container by name.
func (e *Env) find(ctx context.Context, ref string) (*Subject, error) {
	s, err := e.Source()
	if err != nil {
		return nil, err
	}
	return s.Find(ctx, ref)
}

// archived finds an image in an archive.
func (e *Env) archived(file, choice string) (*Subject, error) {
	f, err := e.open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readArchive(file, f, choice)
}

// subject is what the command line of a command for one image means: that of an archive, or the
// first argument, which is taken off the rest.
func (e *Env) subject(ctx context.Context, archive, choice string, args []string) (*Subject, []string, error) {
	w := usageIn(e.Lang)
	if archive != "" {
		sub, err := e.archived(archive, choice)
		return sub, args, err
	}
	if choice != "" {
		return nil, nil, errors.New(w.imageNeedsArchive)
	}
	if len(args) == 0 {
		return nil, nil, errors.New(w.wantImage)
	}
	sub, err := e.find(ctx, args[0])
	return sub, args[1:], err
}

// format is the value of --format.
type format struct{ json bool }

func (f *format) String() string {
	if f.json {
		return "json"
	}
	return "text"
}

func (f *format) Type() string { return "text|json" }

func (f *format) Set(s string) error {
	if s != "text" && s != "json" {
		return errors.New("want text or json")
	}
	f.json = s == "json"
	return nil
}

func newLayers(e *Env) *cobra.Command {
	w := usageIn(e.Lang)
	var archive, choice string
	var f format
	var changes, whole bool
	c := &cobra.Command{
		Use:   "layers [IMAGE | CONTAINER | --archive FILE] [PATH]",
		Short: w.layersShort,
		Long:  w.layersLong,
		Args:  cobra.MaximumNArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			sub, args, err := e.subject(c.Context(), archive, choice, args)
			switch {
			case err != nil:
				return err
			case len(args) > 1:
				return fmt.Errorf(w.onePath, args[1])
			case len(args) == 1 && (changes || whole):
				return errors.New(w.wholeStack)
			case len(args) == 1:
				return e.path(sub, args[0], f)
			}
			r, err := Layers(sub, changes)
			if err != nil {
				return err
			}
			if f.json {
				return writeJSON(e.Out, r)
			}
			return r.WriteText(e.Out, e.Lang, e.Style, whole)
		},
	}
	c.Flags().StringVar(&archive, "archive", "", w.archive)
	c.Flags().StringVar(&choice, "image", "", w.choice)
	c.Flags().Var(&f, "format", w.format)
	c.Flags().BoolVar(&changes, "files", false, w.changes)
	c.Flags().BoolVar(&whole, "no-trunc", false, w.whole)
	return c
}

func (e *Env) path(sub *Subject, path string, f format) error {
	r, err := Path(sub, path)
	var none *NoPathError
	switch {
	case errors.As(err, &none):
		return fmt.Errorf(usageIn(e.Lang).noPath, none.Name, none.Path)
	case err != nil:
		return err
	case f.json:
		return writeJSON(e.Out, r)
	}
	return r.WriteText(e.Out, e.Lang, e.Style)
}

// fraction is the value of --min-efficiency.
type fraction struct{ f *float64 }

func (v *fraction) String() string {
	if v.f == nil {
		return ""
	}
	return strconv.FormatFloat(*v.f, 'g', -1, 64)
}

func (v *fraction) Type() string { return "FRACTION" }

func (v *fraction) Set(s string) error {
	number, percent := strings.CutSuffix(s, "%")
	f, err := strconv.ParseFloat(number, 64)
	if percent {
		f /= 100
	}
	if err != nil || !(f >= 0 && f <= 1) {
		return errors.New("want a number from 0 to 1, or from 0% to 100%")
	}
	v.f = &f
	return nil
}

// amount is the value of --max-wasted.
type amount struct{ n *int64 }

func (v *amount) String() string {
	if v.n == nil {
		return ""
	}
	return size(*v.n)
}

func (v *amount) Type() string { return "SIZE" }

func (v *amount) Set(s string) error {
	n, err := units.FromHumanSize(s)
	if err != nil || n < 0 {
		return errors.New("want bytes, such as 20MB")
	}
	v.n = &n
	return nil
}

func newWaste(e *Env) *cobra.Command {
	w := usageIn(e.Lang)
	var archive, choice, base, file string
	var f format
	var efficiency fraction
	var wasted amount
	var top uint
	c := &cobra.Command{
		Use:   "waste [IMAGE | CONTAINER | --archive FILE]",
		Short: w.wasteShort,
		Long:  w.wasteLong,
		Args:  cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if archive != "" && len(args) > 0 {
				return fmt.Errorf(w.oneImage, args[0])
			}
			sub, _, err := e.subject(c.Context(), archive, choice, args)
			if err != nil {
				return err
			}
			n, err := e.base(c.Context(), sub, base)
			if err != nil {
				return fmt.Errorf("--base: %w", err)
			}
			r, err := Waste(sub, n, Limits{efficiency.f, wasted.n})
			if err != nil {
				return err
			}
			if file != "" {
				if err := e.lines(r, sub, file); err != nil {
					return fmt.Errorf("--dockerfile: %w", err)
				}
			}
			if f.json {
				err = writeJSON(e.Out, r)
			} else {
				err = r.WriteText(e.Out, e.Lang, e.Style, int(top))
			}
			if err == nil && !r.Pass {
				err = ErrFailed
			}
			return err
		},
	}
	c.Flags().StringVar(&archive, "archive", "", w.archive)
	c.Flags().StringVar(&choice, "image", "", w.choice)
	c.Flags().Var(&f, "format", w.format)
	c.Flags().UintVar(&top, "top", 5, w.wasteTop)
	c.Flags().Var(&efficiency, MinEfficiency, w.minEfficiency)
	c.Flags().Var(&wasted, MaxWasted, w.maxWasted)
	c.Flags().StringVar(&base, "base", "", w.base)
	c.Flags().StringVar(&file, "dockerfile", "", w.dockerfile)
	return c
}

// base is how many layers of a subject --base means: a number, or those that it shares with an
// image.
func (e *Env) base(ctx context.Context, sub *Subject, value string) (int, error) {
	if value == "" {
		return 0, nil
	}
	if n, err := strconv.Atoi(value); err == nil {
		return n, nil
	}
	other, err := e.find(ctx, value)
	if err != nil {
		return 0, err
	}
	n := 0
	for n < len(sub.Parts) && n < len(other.Parts) && sub.Parts[n].Layer.DiffID() == other.Parts[n].Layer.DiffID() {
		n++
	}
	if n == 0 || n < len(other.Parts) {
		return 0, fmt.Errorf(usageIn(e.Lang).notBase, sub.Name, value)
	}
	return n, nil
}

// lines finds the lines of a Dockerfile that made the layers of a report.
func (e *Env) lines(r *WasteReport, sub *Subject, file string) error {
	f, err := e.open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	lines, err := dockerfileLines(f, sub.Config.History)
	if err != nil {
		return err
	}
	at := func(number int) int {
		l := &r.Layers[number-1]
		if l.Kind != lineage.OfImage {
			return 0
		}
		return lines[l.Row]
	}
	for i := range r.Pairs {
		r.Pairs[i].Line, r.Pairs[i].ByLine = at(r.Pairs[i].Layer), at(r.Pairs[i].By)
	}
	return nil
}

func newCompare(e *Env) *cobra.Command {
	w := usageIn(e.Lang)
	var archives, times, code bool
	var choices []string
	var f format
	var top uint
	c := &cobra.Command{
		Use:   "compare A B",
		Short: w.compareShort,
		Long:  w.compareLong,
		Args:  cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			if len(choices) > 2 || len(choices) > 0 && !archives {
				return errors.New(w.imageNeedsArchive)
			}
			if archives && args[0] == "-" && args[1] == "-" {
				return errors.New(w.oneStdin)
			}
			var sides [2]*Subject
			for i, name := range args {
				var err error
				if archives {
					choice := ""
					if len(choices) > 0 {
						choice = choices[min(i, len(choices)-1)]
					}
					sides[i], err = e.archived(name, choice)
				} else {
					sides[i], err = e.find(c.Context(), name)
				}
				if err != nil {
					return err
				}
			}
			r, err := Compare(sides[0], sides[1])
			if err != nil {
				return err
			}
			if f.json {
				err = writeJSON(e.Out, r)
			} else {
				err = r.WriteText(e.Out, e.Lang, e.Style, int(top), times)
			}
			if err == nil && code && !r.Equal() {
				err = ErrFailed
			}
			return err
		},
	}
	c.Flags().BoolVar(&archives, "archive", false, w.archives)
	c.Flags().StringArrayVar(&choices, "image", nil, w.choices)
	c.Flags().Var(&f, "format", w.format)
	c.Flags().UintVar(&top, "top", 30, w.compareTop)
	c.Flags().BoolVar(&times, "times", false, w.times)
	c.Flags().BoolVar(&code, "exit-code", false, w.exitCode)
	return c
}

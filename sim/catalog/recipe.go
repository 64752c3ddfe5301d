package catalog

import (
	"fmt"
	"io"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/dockerlab/dockerlab/sim/layer"
)

// The generated files are layer.Recipes: where a state of a lab is kept, they cost a line.

// Recipe is what ELF was told.
func (s stub) Recipe() string { return fmt.Sprintf("program %d %q %q", s.size, s.program, s.family) }

// Recipe is what the bytes follow from.
func (b blob) Recipe() string { return fmt.Sprintf("bytes %d %q", b.size, b.name) }

// Recipe is what the lines follow from.
func (l lines) Recipe() string {
	return fmt.Sprintf("lines %d %q %q %q", l.size, l.begin, l.end, l.name)
}

// Content makes the file of a recipe.
func Content(recipe string) (layer.Content, error) {
	kind, rest, _ := strings.Cut(recipe, " ")
	var size int64
	var words [3]string
	var err error
	scan := func(n int) {
		args := []any{&size}
		format := "%d"
		for i := range n {
			args = append(args, &words[i])
			format += " %q"
		}
		r := strings.NewReader(rest)
		if _, err = fmt.Fscanf(r, format, args...); err == nil {
			if left, _ := io.ReadAll(r); len(left) > 0 || size < 0 {
				err = fmt.Errorf("there is more than there should be")
			}
		}
	}
	var c layer.Content
	switch kind {
	case "program":
		scan(2)
		c = stub{words[0], words[1], size}
	case "bytes":
		scan(1)
		c = blob{words[0], size}
	case "lines":
		scan(3)
		c = lines{comment{words[0], words[1]}, words[2], size}
		if err == nil && words[0]+words[1]+words[2] == "" {
			err = fmt.Errorf("it has no words")
		}
	default:
		err = fmt.Errorf("there is no such kind of file")
	}
	if err != nil {
		return nil, fmt.Errorf("catalog: recipe %.40q: %w", recipe, err)
	}
	return c, nil
}

// Layer finds the layer of a diff ID, of those whose diff IDs are written in the catalogue. It is
// nil where there is none.
func (r *Registry) Layer(diffID digest.Digest) (*layer.Layer, error) {
	for _, f := range r.folders {
		known, err := f.digests()
		if err != nil {
			return nil, err
		}
		for name, d := range known {
			if d.diffID != diffID {
				continue
			}
			l, err := r.layer(name)
			if err != nil {
				return nil, err
			}
			if l.DiffID == diffID {
				return l.layer, nil
			}
		}
	}
	return nil, nil
}

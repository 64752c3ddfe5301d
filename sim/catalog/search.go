package catalog

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Found is a repository of Docker Hub as docker search lists it.
type Found struct {
	Name        string
	Description string
	Stars       int
	Official    bool
}

// Search lists the repositories of Docker Hub whose name or description holds term, the one with
// the most stars first. What the file search.yaml says of them comes with them.
func (r *Registry) Search(term string) ([]Found, error) {
	var all []Found
	seen := map[string]bool{}
	for _, f := range r.folders {
		about := map[string]struct {
			Description string
			Stars       int
		}{}
		b, err := fs.ReadFile(f.fsys, "search.yaml")
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("catalog: %w", err)
		}
		if err := yaml.Unmarshal(b, &about); err != nil {
			return nil, fmt.Errorf("catalog: search.yaml: %w", err)
		}
		err = fs.WalkDir(f.fsys, "images", func(file string, d fs.DirEntry, err error) error {
			if err != nil || path.Ext(file) != ".yaml" {
				return err
			}
			name := strings.TrimSuffix(strings.TrimPrefix(file, "images/"), ".yaml")
			first, _, deep := strings.Cut(name, "/")
			if seen[name] || deep && strings.ContainsAny(first, ".:") { // of another registry
				return nil
			}
			seen[name] = true
			a := about[name]
			if strings.Contains(name, term) || strings.Contains(strings.ToLower(a.Description), strings.ToLower(term)) {
				all = append(all, Found{name, a.Description, a.Stars, !deep})
			}
			return nil
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("catalog: %w", err)
		}
	}
	slices.SortFunc(all, func(a, b Found) int {
		return cmp.Or(cmp.Compare(b.Stars, a.Stars), strings.Compare(a.Name, b.Name))
	})
	return all, nil
}

package apt

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dockerlab/dockerlab/sim/catalog/debian"
)

// source is a distribution of an archive with its components, as sources.list(5) names it.
type source struct {
	uri        string // with a slash at its end: "http://deb.debian.org/debian/"
	dist       string
	components []string
	trusted    bool
	flat       bool // the distribution is a path: there are no components
}

// at is what a source is called in messages: "http://deb.debian.org/debian bookworm".
func (s source) at() string { return strings.TrimSuffix(s.uri, "/") + " " + s.dist }

// host and path take the URI apart.
func (s source) host() string {
	_, rest, _ := strings.Cut(s.uri, "://")
	host, _, _ := strings.Cut(rest, "/")
	return host
}

func (s source) path() string {
	_, rest, _ := strings.Cut(s.uri, "://")
	_, path, _ := strings.Cut(rest, "/")
	return strings.TrimSuffix("/"+path, "/")
}

// file is where a file of the source lies in /var/lib/apt/lists.
func (s source) file(name string) string {
	_, rest, _ := strings.Cut(s.uri, "://")
	return listsDir + "/" + listName(rest+"dists/"+s.dist+"/"+name)
}

// listName is a URI as a file's name.
func listName(uri string) string {
	return strings.ReplaceAll(strings.ReplaceAll(uri, "_", "%5f"), "/", "_")
}

const listsDir = "/var/lib/apt/lists"

// sourceError is a line that is not understood.
type sourceError struct{ text string }

func (e *sourceError) Error() string { return e.text }

// sources reads sources.list and what is beside it, in order.
func (s *session) sources() ([]source, error) {
	var all []source
	add := func(more []source, err error) error {
		if err != nil {
			return err
		}
		for _, m := range more {
			i := slices.IndexFunc(all, func(o source) bool { return o.uri == m.uri && o.dist == m.dist })
			if i < 0 {
				all = append(all, m)
				continue
			}
			for _, c := range m.components {
				if !slices.Contains(all[i].components, c) {
					all[i].components = append(slices.Clone(all[i].components), c)
				}
			}
		}
		return nil
	}
	const list = "/etc/apt/sources.list"
	if b, err := s.c.ReadFile(list); err == nil {
		if err := add(parseList(list, string(b))); err != nil {
			return nil, err
		}
	}
	entries, err := s.c.ReadDir("/etc/apt/sources.list.d")
	if err != nil {
		return all, nil
	}
	for _, e := range entries {
		name := "/etc/apt/sources.list.d/" + e.Name
		b, err := s.c.ReadFile(name)
		if err != nil {
			continue
		}
		switch {
		case strings.HasSuffix(name, ".list"):
			err = add(parseList(name, string(b)))
		case strings.HasSuffix(name, ".sources"):
			err = add(parseSources(name, string(b)))
		}
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// parseList reads the one-line format.
func parseList(file, text string) ([]source, error) {
	var all []source
	n := 0
	for line := range strings.Lines(text) {
		n++
		line, _, _ = strings.Cut(line, "#")
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		wrong := func(format string, args ...any) error {
			return &sourceError{fmt.Sprintf("Malformed entry %d in list file %s (%s)", n, file, fmt.Sprintf(format, args...))}
		}
		if f[0] != "deb" && f[0] != "deb-src" && len(f) == 1 {
			return nil, &sourceError{fmt.Sprintf("Malformed line %d in source list %s (type)", n, file)}
		}
		if f[0] != "deb" && f[0] != "deb-src" {
			return nil, &sourceError{fmt.Sprintf("Type '%s' is not known on line %d in source list %s", f[0], n, file)}
		}
		kind, rest := f[0], f[1:]
		src := source{}
		if len(rest) > 0 && strings.HasPrefix(rest[0], "[") {
			end := slices.IndexFunc(rest, func(s string) bool { return strings.HasSuffix(s, "]") })
			if end < 0 {
				return nil, wrong("[option] unparseable")
			}
			src.trusted = strings.Contains(strings.Join(rest[:end+1], " "), "trusted=yes")
			rest = rest[end+1:]
		}
		if len(rest) == 0 || !strings.Contains(rest[0], ":") {
			return nil, wrong("URI")
		}
		if len(rest) == 1 {
			return nil, wrong("Suite")
		}
		src.uri, src.dist, src.components = strings.TrimRight(rest[0], "/")+"/", strings.TrimSuffix(rest[1], "/"), rest[2:]
		src.flat = strings.HasSuffix(rest[1], "/")
		if src.flat != (len(src.components) == 0) {
			return nil, wrong("Component")
		}
		if kind == "deb" {
			all = append(all, src)
		}
	}
	return all, nil
}

// parseSources reads the deb822 format.
func parseSources(file, text string) ([]source, error) {
	var all []source
	for i, stanza := range strings.Split(text, "\n\n") {
		c, err := debian.ParseControl(stanza)
		if err != nil {
			return nil, &sourceError{fmt.Sprintf("Malformed entry %d in sources file %s (%v)", i+1, file, err)}
		}
		if len(c) == 0 || c.Get("Enabled") == "no" || !slices.Contains(strings.Fields(c.Get("Types")), "deb") {
			continue
		}
		for _, field := range []struct{ name, what string }{{"URIs", "URI"}, {"Suites", "Suite"}} {
			if c.Get(field.name) == "" {
				return nil, &sourceError{fmt.Sprintf("Malformed entry %d in %s file %s (%s)", i+1, "sources", file, field.what)}
			}
		}
		for _, uri := range strings.Fields(c.Get("URIs")) {
			for _, dist := range strings.Fields(c.Get("Suites")) {
				all = append(all, source{
					uri: strings.TrimRight(uri, "/") + "/", dist: dist, components: strings.Fields(c.Get("Components")),
					trusted: c.Get("Trusted") == "yes", flat: strings.HasSuffix(dist, "/"),
				})
			}
		}
	}
	return all, nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

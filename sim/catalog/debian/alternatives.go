package debian

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Alternative is one package's offer to stand at a common name: vim-tiny's to be vi.
type Alternative struct {
	Name     string // "vi", the link's name in /etc/alternatives
	Link     string // "/usr/bin/vi"
	Path     string // "/usr/bin/vim.tiny"
	Priority int    // the highest wins
	Slaves   []Slave
}

// Slave is a link that goes with an Alternative: its manual page.
type Slave struct{ Name, Link, Path string }

// ParseAlternative reads a file of /var/lib/dpkg/alternatives: one Alternative for each choice.
func ParseAlternative(name, s string) ([]Alternative, error) {
	lines := strings.Split(s, "\n")
	next := func() (string, bool) {
		if len(lines) == 0 {
			return "", false
		}
		l := lines[0]
		lines = lines[1:]
		return l, true
	}
	next() // auto or manual
	link, ok := next()
	var slaves []Slave
	for {
		slave, more := next()
		if slave == "" || !more {
			break
		}
		slaveLink, _ := next()
		slaves = append(slaves, Slave{Name: slave, Link: slaveLink})
	}
	var all []Alternative
	for {
		path, more := next()
		if path == "" || !more {
			break
		}
		text, _ := next()
		priority, err := strconv.Atoi(text)
		if err != nil {
			return nil, fmt.Errorf("debian: alternative %s: %w", name, err)
		}
		a := Alternative{Name: name, Link: link, Path: path, Priority: priority}
		for _, s := range slaves {
			if s.Path, ok = next(); s.Path != "" {
				a.Slaves = append(a.Slaves, s)
			}
		}
		all = append(all, a)
	}
	if !ok {
		return nil, fmt.Errorf("debian: alternative %s: the file is cut off", name)
	}
	return all, nil
}

// choice is all that is offered for one name.
type choice []Alternative

// best is what stands there in automatic mode: the highest priority, the first of equals.
func (c choice) best() Alternative {
	return slices.MaxFunc(c, func(a, b Alternative) int { return a.Priority - b.Priority })
}

// FormatAlternative writes a file of /var/lib/dpkg/alternatives: what is offered for one name, and
// whether somebody chose among it.
func FormatAlternative(choices []Alternative, manual bool) string {
	return choice(choices).text(manual)
}

// text is the file of /var/lib/dpkg/alternatives.
func (c choice) text(manual bool) string {
	mode := "auto"
	if manual {
		mode = "manual"
	}
	slaves := map[string]string{}
	for _, a := range c {
		for _, s := range a.Slaves {
			slaves[s.Name] = s.Link
		}
	}
	names := slices.Sorted(maps.Keys(slaves))
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s\n", mode, c[0].Link)
	for _, n := range names {
		fmt.Fprintf(&b, "%s\n%s\n", n, slaves[n])
	}
	b.WriteString("\n")
	for _, a := range slices.SortedFunc(slices.Values(c), func(a, b Alternative) int { return strings.Compare(a.Path, b.Path) }) {
		fmt.Fprintf(&b, "%s\n%d\n", a.Path, a.Priority)
		for _, n := range names {
			path := ""
			for _, s := range a.Slaves {
				if s.Name == n {
					path = s.Path
				}
			}
			b.WriteString(path + "\n")
		}
	}
	b.WriteString("\n")
	return b.String()
}

// choices are the alternatives of all the packages, by name.
func choices(packages []*Package) map[string]choice {
	all := map[string]choice{}
	for _, p := range packages {
		for _, a := range p.Alternatives {
			all[a.Name] = append(all[a.Name], a)
		}
	}
	return all
}

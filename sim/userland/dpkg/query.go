package dpkg

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dockerlab/dockerlab/sim/catalog/debian"
	"github.com/dockerlab/dockerlab/sim/fnmatch"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// summary is the first line of the description.
func (p *Package) summary() string {
	line, _, _ := strings.Cut(p.Get("Description"), "\n")
	if line == "" {
		return "(no description available)"
	}
	return line
}

// letters are the two of dpkg -l: what is wanted, and what is.
func (p *Package) letters() string {
	want := map[string]string{"install": "i", "deinstall": "r", "purge": "p", "hold": "h"}[p.Want]
	is := map[string]string{Installed: "i", ConfigFiles: "c", Unpacked: "U", HalfConfigured: "F", "half-installed": "H", "not-installed": "n", "triggers-pending": "t", "triggers-awaited": "W"}[p.State]
	if want == "" {
		want = "u"
	}
	if is == "" {
		is = "n"
	}
	return want + is
}

// matching are the packages of a name, with or without its architecture, or of a pattern.
func matching(all []*Package, pattern string) []*Package {
	var out []*Package
	for _, s := range all {
		if s.Name() == pattern || s.Name()+":"+s.Get("Architecture") == pattern || fnmatch.Match(pattern, s.Name(), 0) {
			out = append(out, s)
		}
	}
	return out
}

func query(c *prog.Ctx) int {
	format := "${binary:Package}\t${Version}\n"
	var action string
	var names []string
	for i := 0; i < len(c.Args); i++ {
		switch a := c.Args[i]; {
		case a == "-f" || a == "--showformat":
			if i++; i == len(c.Args) {
				fmt.Fprintf(c.Err, "dpkg-query: error: %s option takes a value\n", a)
				return 2
			}
			format = c.Args[i]
		case strings.HasPrefix(a, "-f="):
			format = a[3:]
		case strings.HasPrefix(a, "-f"):
			format = a[2:]
		case strings.HasPrefix(a, "--showformat="):
			format = strings.TrimPrefix(a, "--showformat=")
		case slices.Contains([]string{"-W", "--show", "-l", "--list", "-s", "--status", "-L", "--listfiles", "-S", "--search"}, a):
			action = a
		case strings.HasPrefix(a, "-"):
			fmt.Fprintf(c.Err, "dpkg-query: error: unknown option %s\n\nUse --help for help about querying packages.\n", a)
			return 2
		default:
			names = append(names, a)
		}
	}
	switch action {
	case "":
		fmt.Fprint(c.Err, "dpkg-query: error: need an action option\n\nUse --help for help about querying packages.\n")
		return 2
	case "-W", "--show":
		return show(c, format, names)
	}
	return asked(c, action, names)
}

// asked carries out what dpkg hands on to dpkg-query.
func asked(c *prog.Ctx, action string, names []string) int {
	db := Open(c)
	all := db.Packages()
	if long, short := map[string]string{"-l": "--list", "-s": "--status", "-L": "--listfiles", "-S": "--search", "-p": "--print-avail"}[action]; short {
		action = long
	}
	if len(names) == 0 && action != "--list" {
		fmt.Fprintf(c.Err, "dpkg-query: error: %s needs at least one package name argument\n\nUse --help for help about querying packages.\n", action)
		return 2
	}
	switch action {
	case "--list":
		return list(c, all, names)
	case "--search":
		return search(c, db, names)
	case "--listfiles":
		return files(c, db, names)
	}
	status := 0
	for i, n := range names {
		found := matching(all, n)
		if len(found) == 0 {
			fmt.Fprintf(c.Err, "dpkg-query: package '%s' is not installed and no information is available\nUse dpkg --info (= dpkg-deb --info) to examine archive files.\n", n)
			status = 1
			continue
		}
		if i > 0 {
			c.Print("\n")
		}
		c.Print(found[0].stanza())
	}
	return status
}

// mentioned says that an installed package names another in its fields: dpkg then knows the name.
func mentioned(all []*Package, name string) bool {
	for _, p := range all {
		for _, field := range []string{"Pre-Depends", "Depends", "Recommends", "Suggests", "Enhances", "Conflicts", "Breaks", "Replaces"} {
			for _, clause := range debian.ParseRelations(p.Get(field)) {
				if slices.ContainsFunc(clause, func(r debian.Relation) bool { return r.Name == name }) {
					return true
				}
			}
		}
	}
	return false
}

// chosen are the packages that the names mean, all where there are none; a name that means nothing
// is complained of, and makes the status 1.
func chosen(c *prog.Ctx, all []*Package, names []string, unknown func(name string) *Package) (rows []*Package, status int) {
	if len(names) == 0 {
		return all, 0
	}
	for _, n := range names {
		found := matching(all, n)
		if len(found) == 0 && unknown != nil && mentioned(all, n) {
			found = []*Package{unknown(n)}
		}
		if len(found) == 0 {
			fmt.Fprintf(c.Err, "dpkg-query: no packages found matching %s\n", n)
			status = 1
		}
		rows = append(rows, found...)
	}
	return rows, status
}

func list(c *prog.Ctx, all []*Package, names []string) int {
	rows, status := chosen(c, all, names, func(name string) *Package {
		return &Package{Control: debian.Control{{Name: "Package", Value: name}, {Name: "Version", Value: "<none>"}, {Name: "Architecture", Value: "<none>"}}}
	})
	if len(rows) == 0 {
		return status
	}
	w := [4]int{14, 12, 12, 33}
	for _, s := range rows {
		for i, v := range []string{s.Shown(), s.Get("Version"), s.Get("Architecture"), s.summary()} {
			w[i] = max(w[i], len(v))
		}
	}
	c.Print("Desired=Unknown/Install/Remove/Purge/Hold\n| Status=Not/Inst/Conf-files/Unpacked/halF-conf/Half-inst/trig-aWait/Trig-pend\n|/ Err?=(none)/Reinst-required (Status,Err: uppercase=bad)\n")
	c.Printf("||/ %-*s %-*s %-*s Description\n", w[0], "Name", w[1], "Version", w[2], "Architecture")
	c.Printf("+++-%s-%s-%s-%s\n", strings.Repeat("=", w[0]), strings.Repeat("=", w[1]), strings.Repeat("=", w[2]), strings.Repeat("=", w[3]))
	for _, s := range rows {
		c.Printf("%s  %-*s %-*s %-*s %s\n", s.letters(), w[0], s.Shown(), w[1], s.Get("Version"), w[2], s.Get("Architecture"), s.summary())
	}
	return status
}

func files(c *prog.Ctx, db *Database, names []string) int {
	status := 0
	for i, n := range names {
		found := matching(db.Packages(), n)
		if len(found) == 0 || db.List(found[0]) == nil {
			fmt.Fprintf(c.Err, "dpkg-query: package '%s' is not installed\nUse dpkg --contents (= dpkg-deb --contents) to list archive files contents.\n", n)
			status = 1
			continue
		}
		if i > 0 {
			c.Print("\n")
		}
		for _, p := range db.List(found[0]) {
			c.Print(p, "\n")
		}
	}
	return status
}

func search(c *prog.Ctx, db *Database, patterns []string) int {
	status := 0
	all := db.Packages()
	for _, given := range patterns {
		pattern := given
		if !strings.HasPrefix(pattern, "/") && !strings.ContainsAny(pattern, `*?[\`) {
			pattern = "*" + pattern + "*"
		}
		owners := map[string][]string{}
		var order []string
		for _, s := range all {
			c.Step(10)
			for _, p := range db.List(s) {
				if p == pattern || fnmatch.Match(pattern, p, 0) {
					if owners[p] == nil {
						order = append(order, p)
					}
					owners[p] = append(owners[p], s.Shown())
				}
			}
		}
		if len(order) == 0 {
			fmt.Fprintf(c.Err, "dpkg-query: no path found matching pattern %s\n", pattern)
			status = 1
		}
		for _, p := range order {
			c.Printf("%s: %s\n", strings.Join(owners[p], ", "), p)
		}
	}
	return status
}

// show is dpkg-query -W.
func show(c *prog.Ctx, format string, names []string) int {
	rows, status := chosen(c, Open(c).Packages(), names, nil)
	for _, s := range rows {
		c.Print(expand(format, s))
	}
	return status
}

// expand puts a package's fields into a format: ${Field} and ${Field;width}, \n, \t and \\.
func expand(format string, s *Package) string {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		switch {
		case format[i] == '\\' && i+1 < len(format):
			i++
			switch format[i] {
			case 'n':
				b.WriteByte('\n')
			case 't':
				b.WriteByte('\t')
			case 'r':
				b.WriteByte('\r')
			default:
				b.WriteByte(format[i])
			}
		case strings.HasPrefix(format[i:], "${"):
			end := strings.IndexByte(format[i:], '}')
			if end < 0 {
				b.WriteString(format[i:])
				return b.String()
			}
			field, width, _ := strings.Cut(format[i+2:i+end], ";")
			i += end
			v := s.value(field)
			n := 0
			fmt.Sscan(width, &n)
			fmt.Fprintf(&b, "%*s", min(n, 1000), v)
		default:
			b.WriteByte(format[i])
		}
	}
	return b.String()
}

func (s *Package) value(field string) string {
	switch field {
	case "binary:Package":
		return s.Shown()
	case "binary:Summary":
		return s.summary()
	case "db:Status-Abbrev":
		return s.letters() + " "
	case "db:Status-Want":
		return s.Want
	case "db:Status-Eflag":
		return s.Flag
	case "db:Status-Status":
		return s.State
	case "Status":
		return s.Want + " " + s.Flag + " " + s.State
	case "source:Version":
		if _, v, ok := strings.Cut(s.Get("Source"), " "); ok {
			return strings.Trim(v, "()")
		}
		return s.Version()
	case "source:Package":
		if src, _, _ := strings.Cut(s.Get("Source"), " "); src != "" {
			return src
		}
		return s.Name()
	}
	return s.Get(field)
}

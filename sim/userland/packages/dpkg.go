// Package packages holds the programs that ask what Debian packages are installed. They read dpkg's
// own database, /var/lib/dpkg, and so agree with whatever has written it. Installing is not theirs.
package packages

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/dockerlab/dockerlab/sim/fnmatch"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// Programs are dpkg and dpkg-query, as dpkg 1.21.22 has them.
var Programs = []prog.Program{{Name: "dpkg", Families: prog.GNU, Run: dpkg}, {Name: "dpkg-query", Families: prog.GNU, Run: query}}

const (
	database = "/var/lib/dpkg"
	version  = "1.21.22"
)

// stanza is a package's entry in the status file.
type stanza struct {
	text   string
	fields map[string]string
}

func (s *stanza) name() string { return s.fields["Package"] }

// binary is the name as dpkg shows it: with the architecture, where several may be installed.
func (s *stanza) binary() string {
	if s.fields["Multi-Arch"] == "same" {
		return s.name() + ":" + s.fields["Architecture"]
	}
	return s.name()
}

// summary is the first line of the description.
func (s *stanza) summary() string {
	line, _, _ := strings.Cut(s.fields["Description"], "\n")
	if line == "" {
		return "(no description available)"
	}
	return line
}

// letters are the two of dpkg -l: what is wanted, and what is.
func (s *stanza) letters() string {
	f := strings.Fields(s.fields["Status"])
	if len(f) != 3 {
		return "un"
	}
	want := map[string]string{"install": "i", "deinstall": "r", "purge": "p", "hold": "h"}[f[0]]
	is := map[string]string{"installed": "i", "config-files": "c", "unpacked": "U", "half-configured": "F", "half-installed": "H", "not-installed": "n"}[f[2]]
	return want + is
}

// installed reads the status file, by the names of packages.
func installed(c *prog.Ctx) []*stanza {
	b, err := c.ReadFile(database + "/status")
	if err != nil {
		return nil
	}
	return parse(string(b))
}

func parse(status string) []*stanza {
	var out []*stanza
	for _, text := range strings.Split(status, "\n\n") {
		if text = strings.Trim(text, "\n"); text == "" {
			continue
		}
		s := &stanza{text: text, fields: map[string]string{}}
		last := ""
		for line := range strings.Lines(text) {
			line = strings.TrimSuffix(line, "\n")
			if strings.HasPrefix(line, " ") {
				s.fields[last] += "\n" + line
				continue
			}
			if k, v, ok := strings.Cut(line, ":"); ok {
				last = k
				s.fields[k] = strings.TrimSpace(v)
			}
		}
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b *stanza) int { return strings.Compare(a.name(), b.name()) })
	return out
}

// matching are the packages of a name, with or without its architecture, or of a pattern.
func matching(all []*stanza, pattern string) []*stanza {
	var out []*stanza
	for _, s := range all {
		if s.name() == pattern || s.name()+":"+s.fields["Architecture"] == pattern || fnmatch.Match(pattern, s.name(), 0) {
			out = append(out, s)
		}
	}
	return out
}

const help = `
Type dpkg --help for help about installing and deinstalling packages [*];
Use 'apt' or 'aptitude' for user-friendly package management;
Type dpkg -Dhelp for a list of dpkg debug flag values;
Type dpkg --force-help for a list of forcing options;
Type dpkg-deb --help for help about manipulating *.deb files;

Options marked [*] produce a lot of output - pipe it through 'less' or 'more' !
`

func dpkg(c *prog.Ctx) int {
	wrong := func(format string, args ...any) int {
		fmt.Fprintf(c.Err, "dpkg: error: "+format+"\n"+help, args...)
		return 2
	}
	if len(c.Args) == 0 {
		return wrong("need an action option")
	}
	switch a := c.Args[0]; a {
	case "--version":
		c.Printf("Debian 'dpkg' package management program version %s (amd64).\nThis is free software; see the GNU General Public License version 2 or\nlater for copying conditions. There is NO warranty.\n", version)
		return 0
	case "--print-architecture":
		c.Print("amd64\n")
		return 0
	case "--print-foreign-architectures":
		return 0
	case "-l", "--list", "-s", "--status", "-L", "--listfiles", "-S", "--search", "-p", "--print-avail":
		return asked(c, a, c.Args[1:])
	default:
		if strings.HasPrefix(a, "--") {
			return wrong("unknown option %s", a)
		}
		if strings.HasPrefix(a, "-") {
			return wrong("unknown option %s", a[:min(2, len(a))])
		}
		return wrong("need an action option")
	}
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
	all := installed(c)
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
		return search(c, all, names)
	case "--listfiles":
		return files(c, all, names)
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
		c.Print(found[0].text, "\n")
	}
	return status
}

// chosen are the packages that the names mean, all where there are none; a name that means nothing
// is complained of, and makes the status 1.
func chosen(c *prog.Ctx, all []*stanza, names []string) (rows []*stanza, status int) {
	if len(names) == 0 {
		return all, 0
	}
	for _, n := range names {
		found := matching(all, n)
		if len(found) == 0 {
			fmt.Fprintf(c.Err, "dpkg-query: no packages found matching %s\n", n)
			status = 1
		}
		rows = append(rows, found...)
	}
	return rows, status
}

func list(c *prog.Ctx, all []*stanza, names []string) int {
	rows, status := chosen(c, all, names)
	if len(rows) == 0 {
		return status
	}
	w := [4]int{14, 12, 12, 33}
	for _, s := range rows {
		for i, v := range []string{s.binary(), s.fields["Version"], s.fields["Architecture"], s.summary()} {
			w[i] = max(w[i], len(v))
		}
	}
	c.Print("Desired=Unknown/Install/Remove/Purge/Hold\n| Status=Not/Inst/Conf-files/Unpacked/halF-conf/Half-inst/trig-aWait/Trig-pend\n|/ Err?=(none)/Reinst-required (Status,Err: uppercase=bad)\n")
	c.Printf("||/ %-*s %-*s %-*s Description\n", w[0], "Name", w[1], "Version", w[2], "Architecture")
	c.Printf("+++-%s-%s-%s-%s\n", strings.Repeat("=", w[0]), strings.Repeat("=", w[1]), strings.Repeat("=", w[2]), strings.Repeat("=", w[3]))
	for _, s := range rows {
		c.Printf("%s  %-*s %-*s %-*s %s\n", s.letters(), w[0], s.binary(), w[1], s.fields["Version"], w[2], s.fields["Architecture"], s.summary())
	}
	return status
}

// paths are the files of a package, by its list.
func paths(c *prog.Ctx, s *stanza) []string {
	b, err := c.ReadFile(path.Join(database, "info", s.binary()+".list"))
	if err != nil {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
}

func files(c *prog.Ctx, all []*stanza, names []string) int {
	status := 0
	for i, n := range names {
		found := matching(all, n)
		if len(found) == 0 {
			fmt.Fprintf(c.Err, "dpkg-query: package '%s' is not installed\nUse dpkg --contents (= dpkg-deb --contents) to list archive files contents.\n", n)
			status = 1
			continue
		}
		if i > 0 {
			c.Print("\n")
		}
		for _, p := range paths(c, found[0]) {
			c.Print(p, "\n")
		}
	}
	return status
}

func search(c *prog.Ctx, all []*stanza, patterns []string) int {
	status := 0
	for _, given := range patterns {
		pattern := given
		if !strings.HasPrefix(pattern, "/") && !strings.ContainsAny(pattern, `*?[\`) {
			pattern = "*" + pattern + "*"
		}
		owners := map[string][]string{}
		var order []string
		for _, s := range all {
			c.Step(10)
			for _, p := range paths(c, s) {
				if p == pattern || fnmatch.Match(pattern, p, 0) {
					if owners[p] == nil {
						order = append(order, p)
					}
					owners[p] = append(owners[p], s.binary())
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
	rows, status := chosen(c, installed(c), names)
	for _, s := range rows {
		c.Print(expand(format, s))
	}
	return status
}

// expand puts a package's fields into a format: ${Field} and ${Field;width}, \n, \t and \\.
func expand(format string, s *stanza) string {
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

func (s *stanza) value(field string) string {
	status := strings.Fields(s.fields["Status"])
	for len(status) < 3 {
		status = append(status, "")
	}
	switch field {
	case "binary:Package":
		return s.binary()
	case "binary:Summary":
		return s.summary()
	case "db:Status-Abbrev":
		return s.letters() + " "
	case "db:Status-Want":
		return status[0]
	case "db:Status-Eflag":
		return status[1]
	case "db:Status-Status":
		return status[2]
	case "source:Package":
		if src, _, _ := strings.Cut(s.fields["Source"], " "); src != "" {
			return src
		}
		return s.name()
	}
	return s.fields[field]
}

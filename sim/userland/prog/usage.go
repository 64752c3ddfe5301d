package prog

import (
	_ "embed"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
)

// The help texts of the real programs, one file of an archive for each, as
// usage/record.sh recorded them.
//
//go:embed usage/busybox.txtar
var busyboxText []byte

//go:embed usage/alpine.txtar
var alpineText []byte

//go:embed usage/gnu.txtar
var gnuText []byte

var (
	busyboxUsage = sync.OnceValue(func() map[string]string { return readUsage(busyboxText) }) // applet: what follows the banner
	alpineUsage  = sync.OnceValue(func() map[string]string { return readUsage(alpineText) })  // likewise, of what Debian's build lacks
	gnuUsage     = sync.OnceValue(func() map[string]string { return readUsage(gnuText) })     // "ls --help", "ls --version"
)

func readUsage(b []byte) map[string]string {
	m := map[string]string{}
	for _, part := range strings.Split("\n"+strings.TrimSuffix(string(b), "\n"), "\n-- ")[1:] {
		if name, text, ok := strings.Cut(part, " --\n"); ok {
			m[name] = text + "\n" // the one before the next "--"
		} else {
			m[strings.TrimSuffix(name, " --")] = ""
		}
	}
	return m
}

// BusyboxBanner is the first line of Busybox's own help and of every applet's in Debian's build.
const BusyboxBanner = "BusyBox v1.35.0 (Debian 1:1.35.0-4+deb12u1+b1) multi-call binary."

// AlpineBanner is that line in Alpine's build of a release.
func AlpineBanner(release string) string {
	built := map[string]string{"1.24.2": "2016-11-01 12:56:28 GMT", "1.30.1": "2021-01-21 17:29:32 UTC"}[release]
	if built == "" {
		release, built = "1.35.0", "2022-11-19 10:13:10 UTC"
	}
	return "BusyBox v" + release + " (" + built + ") multi-call binary."
}

// Usage ends the program as its family does on wrong use: GNU points to --help, Busybox prints
// its usage. Both exit with c.UsageStatus.
func (c *Ctx) Usage() {
	if c.OnUsage != nil {
		c.OnUsage()
	} else if c.GNU() {
		c.Errorf("Try '%s --help' for more information.\n", c.Name)
	} else {
		c.Errorf("%s", c.busyboxHelp())
	}
	c.Exit(c.UsageStatus)
}

// AtMost ends the program in the words of wrong use if it was given more than n operands.
func (c *Ctx) AtMost(n int) {
	if len(c.Args) <= n {
		return
	}
	if c.GNU() {
		c.Warn("extra operand %s", c.Quote(c.Args[n]))
	}
	c.Usage()
}

// Help ends the program as --help does.
func (c *Ctx) Help() {
	if c.GNU() {
		c.Print(c.HelpText())
		c.Exit(0)
	}
	io.WriteString(c.Err, c.busyboxHelp())
	c.Exit(0)
}

// HelpText is what the GNU program's --help prints; some print it on wrong use too.
func (c *Ctx) HelpText() string {
	text := gnuUsage()[c.Program+" --help"]
	if c.Name != c.Program {
		for _, before := range []string{"Usage: ", "  or:  ", "  or: ", "Usage:\n "} {
			text = strings.ReplaceAll(text, before+c.Program+" ", before+c.Name+" ")
		}
	}
	return text
}

// Version ends the program as --version does.
func (c *Ctx) Version() {
	c.Print(gnuUsage()[c.Program+" --version"])
	c.Exit(0)
}

func (c *Ctx) busyboxHelp() string {
	text := busyboxUsage()[c.Program]
	if text == "" {
		text = alpineUsage()[c.Program]
	}
	if text == "" {
		text = "No help available\n"
	}
	banner := BusyboxBanner
	if c.Alpine {
		banner = AlpineBanner(c.Release())
	}
	return banner + "\n\n" + text
}

// Applets are the applets of a build of Busybox: the paths that it is linked at, whether the lab has
// them or not, by name.
type Applets map[string][]string

// BusyboxApplets are those of Debian's build.
var BusyboxApplets = sync.OnceValue(func() Applets {
	all := Applets{}
	for _, full := range strings.Fields(busyboxUsage()["--list-full"]) {
		all[path.Base(full)] = []string{"/" + full}
	}
	return all
})

//go:embed usage/alpine.txt
var alpineList string

// alpineReleases are the releases of Busybox in those of Alpine, as usage/alpine.txt calls them.
var alpineReleases = []string{"1.24", "1.30", "1.35"}

// alpineApplets are those of Alpine's builds, by release; "" has them all, and Debian's: it is the
// build of the image busybox.
var alpineApplets = sync.OnceValue(func() map[string]Applets {
	all := map[string]Applets{"": maps.Clone(BusyboxApplets())}
	for _, r := range alpineReleases {
		all[r] = Applets{}
	}
	for line := range strings.Lines(alpineList) {
		words := strings.Fields(line)
		if len(words) == 0 || words[0] == "#" {
			continue
		}
		name, in := path.Base(words[0]), words[1:]
		if len(in) == 0 {
			in = alpineReleases
		}
		for _, r := range in {
			all[r][name] = append(all[r][name], words[0])
		}
		if all[""][name] == nil {
			all[""][name] = words[:1]
		}
	}
	return all
})

// AlpineApplets are those of Alpine's build of a release, "1.24.2"; of all builds together where it
// is not known.
func AlpineApplets(release string) Applets {
	major, minor, _ := strings.Cut(release, ".")
	minor, _, _ = strings.Cut(minor, ".")
	if a, ok := alpineApplets()[major+"."+minor]; ok {
		return a
	}
	return alpineApplets()[""]
}

// Has says whether the build has an applet.
func (a Applets) Has(name string) bool { return a[name] != nil }

// Names are the names of the applets, sorted.
func (a Applets) Names() []string { return slices.Sorted(maps.Keys(a)) }

// IsBusyboxApplet says whether Debian's Busybox has the applet.
func IsBusyboxApplet(name string) bool { return BusyboxApplets().Has(name) }

// BusyboxHelp is what the binary itself says, with a list of applets.
func BusyboxHelp(banner string, applets []string, standalone bool) string {
	var b strings.Builder
	b.WriteString(banner + `
BusyBox is copyrighted by many authors between 1998-2015.
Licensed under GPLv2. See source distribution for detailed
copyright notices.

Usage: busybox [function [arguments]...]
   or: busybox --list[-full]
   or: busybox --install [-s] [DIR]
   or: function [arguments]...

	BusyBox is a multi-call binary that combines many common Unix
	utilities into a single executable.`)
	if standalone {
		b.WriteString(`  The shell in this build
	is configured to run built-in utilities without $PATH search.
	You don't need to install a link to busybox for each utility.
	To run external program, use full path (/sbin/ip instead of ip).
`)
	} else {
		b.WriteString(`  Most people will create a
	link to busybox for each function they wish to use and BusyBox
	will act like whatever it was invoked as.
`)
	}
	b.WriteString(`
Currently defined functions:
`)
	col := 0
	for _, a := range applets {
		switch {
		case col == 0:
			b.WriteString("\t")
			col = 6
		case col > 80-len(a)-2:
			b.WriteString(",\n\t")
			col = 6
		default:
			b.WriteString(", ")
		}
		b.WriteString(a)
		col += len(a) + 2
	}
	b.WriteString("\n\n")
	return b.String()
}

// UsageIsHelp makes Usage print HelpText to standard error.
func (c *Ctx) UsageIsHelp() { c.OnUsage = func() { c.Errorf("%s", c.HelpText()) } }

package prog

import (
	_ "embed"
	"io"
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

//go:embed usage/gnu.txtar
var gnuText []byte

var (
	busyboxUsage = sync.OnceValue(func() map[string]string { return readUsage(busyboxText) }) // applet: what follows the banner
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

// The first line of Busybox's own help and of every applet's, in Alpine's build and in Debian's.
const (
	AlpineBanner  = "BusyBox v1.35.0 (2022-11-19 10:13:10 UTC) multi-call binary."
	BusyboxBanner = "BusyBox v1.35.0 (Debian 1:1.35.0-4+deb12u1+b1) multi-call binary."
)

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
		text = "No help available\n"
	}
	banner := BusyboxBanner
	if c.Alpine {
		banner = AlpineBanner
	}
	return banner + "\n\n" + text
}

// BusyboxApplets are the applets of Debian's Busybox, whether the lab has them or not, sorted.
func BusyboxApplets() []string {
	var names []string
	for _, full := range busyboxDirs() {
		names = append(names, path.Base(full))
	}
	slices.Sort(names)
	return names
}

var busyboxDirs = sync.OnceValue(func() []string { return strings.Fields(busyboxUsage()["--list-full"]) })

// IsBusyboxApplet says whether Debian's Busybox has the applet.
func IsBusyboxApplet(name string) bool {
	return slices.Contains(BusyboxApplets(), name)
}

// BusyboxDir is where an applet is installed: "/bin", "/usr/sbin".
func BusyboxDir(applet string) string {
	for _, full := range busyboxDirs() {
		if path.Base(full) == applet {
			return path.Dir("/" + full)
		}
	}
	return "/usr/bin"
}

// BusyboxHelp is what the binary itself says, with a list of applets.
func BusyboxHelp(applets []string) string {
	var b strings.Builder
	b.WriteString(BusyboxBanner + `
BusyBox is copyrighted by many authors between 1998-2015.
Licensed under GPLv2. See source distribution for detailed
copyright notices.

Usage: busybox [function [arguments]...]
   or: busybox --list[-full]
   or: busybox --install [-s] [DIR]
   or: function [arguments]...

	BusyBox is a multi-call binary that combines many common Unix
	utilities into a single executable.  The shell in this build
	is configured to run built-in utilities without $PATH search.
	You don't need to install a link to busybox for each utility.
	To run external program, use full path (/sbin/ip instead of ip).

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

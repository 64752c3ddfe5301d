package prog

import (
	"iter"
	"strings"
)

// Arg says whether a long option takes an argument.
type Arg uint8

const (
	NoArg  Arg = iota
	ReqArg     // "--name=x" or "--name x"
	OptArg     // "--name" or "--name=x"
)

// Long is a long option. Val is what Getopt yields for it: its short form where it has one.
type Long struct {
	Name string
	Arg  Arg
	Val  int
}

// LongOnly is where a program's own values for long options without a short form begin.
const LongOnly = 256

const (
	optHelp = -2 - iota
	optVersion
)

// Operand is the value that Getopt yields for an operand when short begins with '-'.
const Operand = 1

// Opt is one option as Getopt found it.
type Opt struct {
	Val  int
	Arg  string
	Has  bool   // an argument was given; tells "--x=" from "--x"
	Name string // as it stood in the arguments: "-x" or the whole "--name"
}

// Getopt iterates over the options in c.Args as glibc's getopt_long does: options may follow
// operands unless short begins with '+', "--" ends them, a long name may be shortened. short is
// in getopt's notation, with "x:" for an argument and "x::" for an optional one. When the loop is
// over, c.Args holds the operands.
//
// A wrong option ends the program in the family's words by c.Usage. In the GNU family, --help
// and --version are added to long, and answered.
func (c *Ctx) Getopt(short string, long []Long) iter.Seq[Opt] {
	return c.getopt(short, long, true, false)
}

// GetoptUtil is Getopt for util-linux's programs, which have -h and -V as the short forms of
// --help and --version. An option of the program's own by those letters goes first.
func (c *Ctx) GetoptUtil(short string, long []Long) iter.Seq[Opt] {
	if !c.GNU() {
		return c.Getopt(short, long)
	}
	help, version := !strings.Contains(short, "h"), !strings.Contains(short, "V")
	if help {
		short += "h"
	}
	if version {
		short += "V"
	}
	inner := c.Getopt(short, long)
	return func(yield func(Opt) bool) {
		for o := range inner {
			switch {
			case o.Val == 'h' && help:
				c.Help()
			case o.Val == 'V' && version:
				c.Print(c.Name, " from util-linux 2.38.1\n")
				c.Exit(0)
			}
			if !yield(o) {
				return
			}
		}
	}
}

// GetoptOnly is Getopt without --help and --version, for programs that know them not.
func (c *Ctx) GetoptOnly(short string, long []Long) iter.Seq[Opt] {
	return c.getopt(short, long, false, false)
}

// GetoptLongOnly is glibc's getopt_long_only: long options may also begin with one dash.
func (c *Ctx) GetoptLongOnly(short string, long []Long) iter.Seq[Opt] {
	return c.getopt(short, long, true, true)
}

func (c *Ctx) getopt(short string, long []Long, help, only bool) iter.Seq[Opt] {
	return func(yield func(Opt) bool) {
		if help && c.GNU() {
			long = withHelp(long)
		}
		inOrder, posix := false, false
		switch {
		case strings.HasPrefix(short, "-"):
			inOrder, short = true, short[1:]
		case strings.HasPrefix(short, "+"):
			posix, short = true, short[1:]
		}
		if c.Getenv("POSIXLY_CORRECT") != "" && !inOrder {
			posix = true
		}
		args := c.Args
		var operands []string
		give := func(o Opt) bool {
			switch o.Val {
			case optHelp:
				c.Help()
			case optVersion:
				c.Version()
			}
			return yield(o)
		}
		// bad reports a wrong option and ends the program.
		bad := func(format string, a ...any) {
			c.Errorf(c.argv0+": "+format+"\n", a...)
			c.Usage()
		}
	scan:
		for len(args) > 0 {
			a := args[0]
			args = args[1:]
			switch {
			case a == "--":
				break scan
			case len(a) < 2 || a[0] != '-':
				if inOrder {
					if !give(Opt{Val: Operand, Arg: a, Has: true}) {
						return
					}
					continue
				}
				if posix {
					args = append([]string{a}, args...)
					break scan
				}
				operands = append(operands, a)
				continue
			}
			dashes := "--"
			name, isLong := strings.CutPrefix(a, "--")
			if !isLong && only {
				name, dashes = a[1:], "-"
				// A single dash is a long option if it names one, or cannot be a short one.
				key, _, _ := strings.Cut(name, "=")
				n := 0
				for _, l := range long {
					if strings.HasPrefix(l.Name, key) {
						n++
					}
				}
				isLong = n > 0 && (len(name) > 1 || !strings.Contains(short, name[:1])) || !strings.Contains(short, name[:1])
			}
			if isLong {
				if len(long) == 0 && !help {
					// getopt without long options takes "--x" for the option '-'.
					bad("invalid option -- '-'")
					continue
				}
				name, val, has := strings.Cut(name, "=")
				l, msg := FindLong(long, name, dashes, a)
				if msg != "" {
					bad("%s", msg)
					continue
				}
				switch {
				case has && l.Arg == NoArg:
					bad("option '%s%s' doesn't allow an argument", dashes, l.Name)
					continue
				case !has && l.Arg == ReqArg:
					if len(args) == 0 {
						bad("option '%s%s' requires an argument", dashes, l.Name)
						continue
					}
					val, has, args = args[0], true, args[1:]
				}
				if !give(Opt{Val: l.Val, Arg: val, Has: has, Name: dashes + l.Name}) {
					return
				}
				continue
			}
			for rest := a[1:]; rest != ""; {
				x := rest[:1]
				rest = rest[1:]
				i := strings.Index(short, x)
				if i < 0 || x == ":" || x == ";" {
					bad("invalid option -- '%s'", x)
					continue
				}
				o := Opt{Val: int(x[0]), Name: "-" + x}
				switch spec := short[i+1:]; {
				case strings.HasPrefix(spec, "::"):
					o.Arg, o.Has, rest = rest, rest != "", ""
				case strings.HasPrefix(spec, ":"):
					if rest == "" {
						if len(args) == 0 {
							bad("option requires an argument -- '%s'", x)
							continue
						}
						rest, args = args[0], args[1:]
					}
					o.Arg, o.Has, rest = rest, true, ""
				}
				if !give(o) {
					return
				}
			}
		}
		c.Args = append(operands, args...)
	}
}

func withHelp(long []Long) []Long {
	for _, l := range long {
		if l.Name == "help" || l.Name == "version" {
			return long
		}
	}
	return append(long[:len(long):len(long)], Long{"help", NoArg, optHelp}, Long{"version", NoArg, optVersion})
}

// FindLong finds the option that name is or begins, or says in getopt's words why there is none: dashes are
// what stands before a name, arg the whole argument.
func FindLong(long []Long, name, dashes, arg string) (Long, string) {
	var found []Long
	same := true
	for _, l := range long {
		if l.Name == name {
			return l, ""
		}
		if strings.HasPrefix(l.Name, name) {
			if len(found) > 0 && (l.Arg != found[0].Arg || l.Val != found[0].Val) {
				same = false
			}
			found = append(found, l)
		}
	}
	switch {
	case len(found) == 0:
		return Long{}, "unrecognized option '" + arg + "'"
	case same:
		return found[0], ""
	}
	msg := "option '" + arg + "' is ambiguous; possibilities:"
	for _, l := range found {
		msg += " '" + dashes + l.Name + "'"
	}
	return Long{}, msg
}

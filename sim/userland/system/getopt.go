package system

import (
	"strings"

	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// getoptProgram is getopt(1): it sorts a script's own options, so that the script need not.
func getoptProgram(c *prog.Ctx) int {
	g := &scriptOptions{c: c, quoted: true, name: c.Name}
	compatible := len(c.Args) > 0 && !strings.HasPrefix(c.Args[0], "-") || c.Getenv("GETOPT_COMPATIBLE") != ""
	if len(c.Args) == 0 {
		if c.Getenv("GETOPT_COMPATIBLE") != "" {
			c.Print(" --\n")
			return 0
		}
		if c.GNU() {
			c.UsageStatus = 2
		}
		c.Warn("missing optstring argument")
		if c.GNU() {
			c.Usage()
		}
		return 1
	}
	if compatible {
		g.quoted, g.short = false, strings.TrimLeft(c.Args[0], "+-")
		g.print(c.Args[1:])
		return g.status
	}
	c.UsageStatus = 1
	if c.GNU() {
		c.UsageStatus = 2
	}
	long := []prog.Long{{Name: "options", Arg: prog.ReqArg, Val: 'o'}, {Name: "longoptions", Arg: prog.ReqArg, Val: 'l'}, {Name: "quiet", Val: 'q'},
		{Name: "quiet-output", Val: 'Q'}, {Name: "shell", Arg: prog.ReqArg, Val: 's'}, {Name: "test", Val: 'T'}, {Name: "unquoted", Val: 'u'},
		{Name: "alternative", Val: 'a'}, {Name: "name", Arg: prog.ReqArg, Val: 'n'}}
	hasShort := false
	short := "+ao:l:n:qQs:Tu"
	if c.GNU() {
		short = "+ao:l:n:qQs:TuhV"
	}
	for o := range c.Getopt(short, long) {
		switch o.Val {
		case 'o':
			g.short, hasShort = o.Arg, true
		case 'l':
			g.addLong(o.Arg)
		case 'a':
			g.oneDash = true
		case 'n':
			g.name = o.Arg
		case 'q':
			g.quiet = true
		case 'Q':
			g.silent = true
		case 's':
			switch o.Arg {
			case "csh", "tcsh":
				g.csh = true
			case "sh", "bash":
				g.csh = false
			default:
				if c.GNU() {
					c.Warn("unknown shell after -s or --shell argument")
					c.Usage()
				}
				c.Warn("unknown shell '%s', assuming bash", o.Arg)
			}
		case 'T':
			return 4
		case 'u':
			g.quoted = false
		case 'h':
			c.Help()
		case 'V':
			c.Version()
		}
	}
	if !hasShort {
		if len(c.Args) == 0 {
			c.Warn("missing optstring argument")
			if c.GNU() {
				c.Usage()
			}
			return 1
		}
		g.short, c.Args = c.Args[0], c.Args[1:]
	}
	g.print(c.Args)
	return g.status
}

// scriptOptions is one run of getopt.
type scriptOptions struct {
	c       *prog.Ctx
	name    string // before errors
	short   string
	long    []prog.Long
	oneDash bool // -a: long options may begin with one dash
	quiet   bool
	silent  bool
	quoted  bool
	csh     bool
	status  int
}

// addLong takes a list of long options: "name", "name:" or "name::" with commas or blanks between.
func (g *scriptOptions) addLong(list string) {
	for _, name := range strings.FieldsFunc(list, func(r rune) bool { return strings.ContainsRune(", \t\n", r) }) {
		l := prog.Long{Name: name}
		if s, ok := strings.CutSuffix(name, "::"); ok {
			l = prog.Long{Name: s, Arg: prog.OptArg}
		} else if s, ok := strings.CutSuffix(name, ":"); ok {
			l = prog.Long{Name: s, Arg: prog.ReqArg}
		}
		if l.Name == "" {
			g.c.Die(1, "empty long option specified")
		}
		l.Val = prog.LongOnly // of all alike: a beginning that fits two options means the first
		g.long = append(g.long, l)
	}
}

func (g *scriptOptions) bad(format string, args ...any) {
	g.status = 1
	if !g.quiet {
		g.c.Errorf(g.name+": "+format+"\n", args...)
	}
}

// print writes the options in order, "--", and the operands.
func (g *scriptOptions) print(args []string) {
	var out, operands []string
	inOrder := strings.HasPrefix(g.short, "-")
	posix := strings.HasPrefix(g.short, "+") || g.c.Getenv("POSIXLY_CORRECT") != ""
	short := strings.TrimLeft(g.short, "+-:")
scan:
	for len(args) > 0 {
		a := args[0]
		args = args[1:]
		switch {
		case a == "--":
			break scan
		case len(a) < 2 || a[0] != '-':
			switch {
			case inOrder:
				out = append(out, g.quote(a))
			case posix:
				args = append([]string{a}, args...)
				break scan
			default:
				operands = append(operands, a)
			}
			continue
		}
		if name, ok := g.longName(a, short); ok {
			out, args = g.longOption(name, a, out, args)
			continue
		}
		for rest := a[1:]; rest != ""; {
			x := rest[:1]
			rest = rest[1:]
			i := strings.Index(short, x)
			if i < 0 || x == ":" {
				g.bad("invalid option -- '%s'", x)
				continue
			}
			spec := short[i+1:]
			switch {
			case strings.HasPrefix(spec, "::"):
				out = append(out, "-"+x, g.quote(rest))
				rest = ""
			case strings.HasPrefix(spec, ":"):
				if rest == "" {
					if len(args) == 0 {
						g.bad("option requires an argument -- '%s'", x)
						continue
					}
					rest, args = args[0], args[1:]
				}
				out = append(out, "-"+x, g.quote(rest))
				rest = ""
			default:
				out = append(out, "-"+x)
			}
		}
	}
	if g.silent {
		return
	}
	for _, o := range out {
		g.c.Print(" ", o)
	}
	g.c.Print(" --")
	for _, o := range append(operands, args...) {
		g.c.Print(" ", g.quote(o))
	}
	g.c.Print("\n")
}

// longName says whether an argument is to be read as a long option.
func (g *scriptOptions) longName(a, short string) (name string, ok bool) {
	if name, ok := strings.CutPrefix(a, "--"); ok {
		// Busybox reads long options only if it was told of any.
		return name, g.c.GNU() || len(g.long) > 0
	}
	if !g.oneDash {
		return "", false
	}
	key, _, _ := strings.Cut(a[1:], "=")
	for _, l := range g.long {
		if strings.HasPrefix(l.Name, key) && (len(key) > 1 || !strings.Contains(short, key)) {
			return a[1:], true
		}
	}
	return a[1:], !strings.Contains(short, a[1:2])
}

func (g *scriptOptions) longOption(name, arg string, out, args []string) ([]string, []string) {
	name, val, has := strings.Cut(name, "=")
	l, msg := prog.FindLong(g.long, name, "--", arg)
	switch {
	case msg != "":
		g.bad("%s", msg)
		return out, args
	case has && l.Arg == prog.NoArg:
		g.bad("option '--%s' doesn't allow an argument", l.Name)
		return out, args
	case !has && l.Arg == prog.ReqArg:
		if len(args) == 0 {
			g.bad("option '--%s' requires an argument", l.Name)
			return out, args
		}
		val, args = args[0], args[1:]
	}
	out = append(out, "--"+l.Name)
	if l.Arg != prog.NoArg {
		out = append(out, g.quote(val))
	}
	return out, args
}

// quote writes an argument so that the shell's eval gives it back.
func (g *scriptOptions) quote(s string) string {
	if !g.quoted {
		return s
	}
	if !g.csh {
		return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}
	var b strings.Builder
	b.WriteByte('\'')
	for i := range len(s) {
		switch ch := s[i]; {
		case ch == '\'':
			b.WriteString(`'\''`)
		case ch == '\\':
			b.WriteString(`\\`)
		case ch == '!':
			b.WriteString(`'\!'`)
		case ch == '\n':
			b.WriteString(`\n`)
		case ch == ' ' || ch >= '\t' && ch <= '\r':
			b.WriteString(`'\` + string(rune(ch)) + `'`)
		default:
			b.WriteByte(ch)
		}
	}
	b.WriteByte('\'')
	return b.String()
}

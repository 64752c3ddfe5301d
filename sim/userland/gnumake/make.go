// Package gnumake is GNU make 4.3: the program that brings files up to date by the rules of a
// makefile.
//
//	read.go      a makefile becomes variables, files with prerequisites and recipes, and pattern rules
//	expand.go    $(references), and functions.go the functions among them
//	search.go    which pattern rule makes a file that no rule names
//	update.go    the walk over prerequisites that finds what is out of date
//	job.go       the recipes: lines given to a shell, or executed as they are where no shell is needed
//
// The walk is the real one's: a pass over the goals starts what can be started, and is repeated
// when a job has ended, so that -j N has N recipes under way, sub-makes among them by way of a
// pipe of tokens. What is not simulated is an unknown option: -d, -p, -O, -l and -L.
package gnumake

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// Programs is make, as Debian installs it.
var Programs = []prog.Program{
	{Name: "make", Families: prog.Any, Run: run},
}

// flags are what the command line and MAKEFLAGS set.
type flags struct {
	alwaysMake, envOverrides, ignoreErrors, keepGoing, justPrint, question, silent, touch bool
	noBuiltinRules, noBuiltinVars, printDir, noPrintDir, trace, warnUndefined             bool
	jobs                                                                                  int // at once; 0: as many as there are
	dirs, makefiles, include, eval                                                        []string
	old, new                                                                              []string // -o, -W
	jobserver                                                                             string   // the two descriptors of the pipe of tokens
}

// maker is one run of make.
type maker struct {
	c *prog.Ctx
	flags
	level  int // MAKELEVEL
	vars   *scope
	files  map[string]*file
	order  []*file // as the makefiles name them
	rules  []*patternRule
	goals  []string
	cwd    string
	argv   []string // as make was called
	quiet  bool
	serial bool // .NOTPARALLEL
	// specific says that a pattern rule for this suffix exists, which keeps match-anything rules away.
	patternVars []patternVar
	vpaths      []vpath
	makefiles   []*makefileRef
	secondExp   bool
	oneShell    bool
	posix       bool
	deleteOnErr bool
	exportAll   bool
	suffixes    []string
	builtin     map[string]*recipe // suffix rules that nobody has replaced
	depth       int                // of expansion
	started     int                // commands started so far
	children    []*child
	running     int
	tokens      []byte // taken from the pipe of tokens
	jobR, jobW  int    // the pipe; -1 without
	entered     bool
	unfinished  bool     // "Waiting for unfinished jobs" has been said
	where       location // what is being read or run
	varAt       location // where the variable that is being expanded was set
	skewed      bool     // a file is from the future
	overrides   []string // the command line's variables
	precious    []string // patterns of .PRECIOUS
}

// location is a line of a makefile.
type location struct {
	file string
	line int
}

func (l location) String() string {
	if l.file == "" {
		return ""
	}
	return l.file + ":" + strconv.Itoa(l.line)
}

const (
	optDebug = prog.LongOnly + iota
	optEval
	optNoPrintDir
	optTrace
	optWarnUndefined
	optJobserver
	optNoSilent
	optVersion
	optHelp
)

var long = []prog.Long{
	{Name: "always-make", Val: 'B'}, {Name: "directory", Arg: prog.ReqArg, Val: 'C'}, {Name: "environment-overrides", Val: 'e'},
	{Name: "eval", Arg: prog.ReqArg, Val: optEval}, {Name: "file", Arg: prog.ReqArg, Val: 'f'}, {Name: "makefile", Arg: prog.ReqArg, Val: 'f'},
	{Name: "help", Val: 'h'}, {Name: "ignore-errors", Val: 'i'}, {Name: "include-dir", Arg: prog.ReqArg, Val: 'I'}, {Name: "jobs", Arg: prog.OptArg, Val: 'j'},
	{Name: "keep-going", Val: 'k'}, {Name: "just-print", Val: 'n'}, {Name: "dry-run", Val: 'n'}, {Name: "recon", Val: 'n'}, {Name: "old-file", Arg: prog.ReqArg, Val: 'o'},
	{Name: "assume-old", Arg: prog.ReqArg, Val: 'o'}, {Name: "question", Val: 'q'}, {Name: "no-builtin-rules", Val: 'r'}, {Name: "no-builtin-variables", Val: 'R'},
	{Name: "silent", Val: 's'}, {Name: "quiet", Val: 's'}, {Name: "no-silent", Val: optNoSilent}, {Name: "no-keep-going", Val: 'S'}, {Name: "stop", Val: 'S'},
	{Name: "touch", Val: 't'}, {Name: "trace", Val: optTrace}, {Name: "version", Val: 'v'}, {Name: "print-directory", Val: 'w'},
	{Name: "no-print-directory", Val: optNoPrintDir}, {Name: "what-if", Arg: prog.ReqArg, Val: 'W'}, {Name: "new-file", Arg: prog.ReqArg, Val: 'W'},
	{Name: "assume-new", Arg: prog.ReqArg, Val: 'W'}, {Name: "warn-undefined-variables", Val: optWarnUndefined},
	{Name: "jobserver-auth", Arg: prog.ReqArg, Val: optJobserver},
}

const short = "BC:eE:f:hiI:j::kmbno:qrRsStvwW:"

func run(c *prog.Ctx) int {
	m := &maker{c: c, vars: newScope(nil), files: map[string]*file{}, builtin: map[string]*recipe{}, jobR: -1, jobW: -1}
	m.flags.jobs = 1
	m.level, _ = strconv.Atoi(c.Getenv("MAKELEVEL"))
	m.argv = c.Args
	m.vars.set("MAKELEVEL", strconv.Itoa(m.level), fromEnvironment, false)
	m.environment()
	m.defineDefaults()
	m.command()
	for _, d := range m.flags.dirs {
		if err := c.Chdir(d); err != nil {
			m.fatal(location{}, "%s: %v", d, err)
		}
	}
	m.cwd, _ = c.Getwd()
	m.vars.set("CURDIR", m.cwd, fromFile, false)
	m.startJobserver()
	if !m.noPrintDir && !m.silent && (len(m.flags.dirs) > 0 || m.level > 0) {
		m.printDir = true
	}
	m.defineFlags()
	m.vars.set("MAKECMDGOALS", strings.Join(m.goals, " "), fromDefault, false)
	m.readAll()
	m.remakeMakefiles()
	if len(m.goals) == 0 {
		if g := strings.TrimSpace(m.expand("$(.DEFAULT_GOAL)", nil)); g != "" {
			if strings.ContainsAny(g, " \t") {
				m.fatal(location{}, ".DEFAULT_GOAL contains more than one target")
			}
			m.goals = []string{g}
		}
	}
	if len(m.goals) == 0 {
		if len(m.makefiles) == 0 {
			m.fatal(location{}, "No targets specified and no makefile found")
		}
		m.fatal(location{}, "No targets")
	}
	var goals []*file
	for _, g := range m.goals {
		goals = append(goals, m.enter(trimDots(g)))
	}
	status := m.updateGoals(goals, false)
	m.die(status)
	return status
}

// name is how messages begin: "make", or "make[1]" in a make that a make started.
func (m *maker) name() string {
	n := path.Base(m.c.Name)
	if m.level > 0 {
		n += "[" + strconv.Itoa(m.level) + "]"
	}
	return n
}

// print writes a line to standard output, behind the line about the directory.
func (m *maker) print(format string, a ...any) {
	m.enterDir()
	m.c.Printf(format, a...)
	m.c.Out.Flush()
}

// say writes a message: "make: ..." or, of a line of a makefile, "Makefile:3: ...".
func (m *maker) say(at location, format string, a ...any) {
	m.enterDir()
	head := m.name()
	if at.file != "" {
		head = at.String()
	}
	m.c.Errorf("%s: %s\n", head, fmt.Sprintf(format, a...))
}

// fatal says why make gives up, and ends it.
func (m *maker) fatal(at location, format string, a ...any) {
	m.say(at, "*** %s.  Stop.", fmt.Sprintf(format, a...))
	m.die(2)
}

func (m *maker) enterDir() {
	if m.printDir && !m.entered {
		m.entered = true
		m.c.Printf("%s: Entering directory '%s'\n", m.name(), m.cwd)
		m.c.Out.Flush()
	}
}

// die waits for the jobs under way, removes what was intermediate, and ends.
func (m *maker) die(status int) {
	for m.running > 0 {
		m.reap(true, status != 0)
	}
	m.removeIntermediates()
	m.returnTokens()
	if m.entered {
		m.c.Printf("%s: Leaving directory '%s'\n", m.name(), m.cwd)
	}
	if m.skewed {
		m.say(location{}, "warning:  Clock skew detected.  Your build may be incomplete.")
	}
	m.c.Exit(status)
}

// command reads MAKEFLAGS and then the arguments.
func (m *maker) command() {
	c := m.c
	args := c.Args
	var words []string
	if env := c.Getenv("MAKEFLAGS"); env != "" {
		words = splitFlags(env)
		if len(words) > 0 && !strings.HasPrefix(words[0], "-") && !strings.Contains(words[0], "=") {
			words[0] = "-" + words[0]
		}
	}
	c.OnUsage = func() {
		c.Errorf("%s", c.HelpText())
		c.Exit(2)
	}
	if len(words) > 0 {
		c.Args = words
		for o := range c.GetoptOnly("-"+short, long) {
			if o.Val == prog.Operand {
				m.operand(o.Arg)
			} else if o.Val != 'C' && o.Val != 'f' && o.Val != 'w' {
				m.option(o)
			}
		}
		for _, a := range c.Args {
			m.operand(a)
		}
		m.goals = nil
	}
	inherited := m.flags.jobs
	c.Args = args
	for o := range c.GetoptOnly("-"+short, long) {
		if o.Val == prog.Operand {
			m.operand(o.Arg)
		} else {
			m.option(o)
		}
	}
	for _, a := range c.Args {
		m.operand(a)
	}
	if m.flags.jobserver != "" && m.flags.jobs != inherited {
		m.say(location{}, "warning: -j%d forced in submake: resetting jobserver mode.", m.flags.jobs)
		m.flags.jobserver = ""
	}
}

func (m *maker) option(o prog.Opt) {
	switch o.Val {
	case 'B':
		m.alwaysMake = true
	case 'C':
		m.flags.dirs = append(m.flags.dirs, o.Arg)
	case 'e':
		m.envOverrides = true
	case 'E', optEval:
		m.flags.eval = append(m.flags.eval, o.Arg)
	case 'f':
		m.flags.makefiles = append(m.flags.makefiles, o.Arg)
	case 'h':
		m.c.Help()
	case 'i':
		m.ignoreErrors = true
	case 'I':
		m.flags.include = append(m.flags.include, o.Arg)
	case 'j':
		m.flags.jobs = 0
		if o.Has {
			n, err := strconv.Atoi(o.Arg)
			if err != nil || n < 1 {
				m.c.Errorf("%s: the '-j' option requires a positive integer argument\n", m.name())
				m.c.Usage()
			}
			m.flags.jobs = n
		}
	case 'k':
		m.keepGoing = true
	case 'S':
		m.keepGoing = false
	case 'n':
		m.justPrint = true
	case 'o':
		m.flags.old = append(m.flags.old, o.Arg)
	case 'W':
		m.flags.new = append(m.flags.new, o.Arg)
	case 'q':
		m.question = true
	case 'r':
		m.noBuiltinRules = true
	case 'R':
		m.noBuiltinRules, m.noBuiltinVars = true, true
	case 's':
		m.silent = true
	case optNoSilent:
		m.silent = false
	case 't':
		m.touch = true
	case 'v':
		m.c.Version()
	case 'w':
		m.printDir = true
	case optNoPrintDir:
		m.noPrintDir = true
		m.printDir = false
	case optTrace:
		m.trace = true
	case optWarnUndefined:
		m.warnUndefined = true
	case optJobserver:
		m.flags.jobserver = o.Arg
	}
}

// operand is a goal, or a variable for the run.
func (m *maker) operand(a string) {
	if name, op, value, ok := assignment(a); ok {
		name = m.expand(name, nil)
		m.assign(m.vars, name, op, value, fromCommand, location{})
		if !contains(m.overrides, name) {
			m.overrides = append([]string{name}, m.overrides...)
		}
		return
	}
	if a != "" {
		m.goals = append(m.goals, a)
	}
}

// splitFlags is how MAKEFLAGS is cut into words: a backslash keeps a blank.
func splitFlags(s string) []string {
	var words []string
	var b strings.Builder
	in := false
	for i := 0; i < len(s); i++ {
		switch ch := s[i]; {
		case ch == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
			in = true
		case ch == ' ' || ch == '\t':
			if in {
				words = append(words, b.String())
				b.Reset()
				in = false
			}
		default:
			b.WriteByte(ch)
			in = true
		}
	}
	if in {
		words = append(words, b.String())
	}
	return words
}

// defineFlags sets MAKEFLAGS, by which a make that a recipe starts learns of the options.
func (m *maker) defineFlags() {
	var letters, rest strings.Builder
	for _, f := range []struct {
		on     bool
		letter byte
	}{{m.alwaysMake, 'B'}, {m.envOverrides, 'e'}, {m.ignoreErrors, 'i'}, {m.keepGoing, 'k'}, {m.justPrint, 'n'}, {m.question, 'q'},
		{m.noBuiltinRules, 'r'}, {m.noBuiltinVars, 'R'}, {m.silent, 's'}, {m.touch, 't'}, {m.printDir, 'w'}} {
		if f.on {
			letters.WriteByte(f.letter)
		}
	}
	for _, dir := range m.flags.include {
		rest.WriteString(" -I" + quoteFlag(dir))
	}
	switch {
	case m.flags.jobs == 0:
		rest.WriteString(" -j")
	case m.flags.jobs > 1:
		rest.WriteString(" -j" + strconv.Itoa(m.flags.jobs))
		if m.flags.jobserver != "" {
			rest.WriteString(" --jobserver-auth=" + m.flags.jobserver)
		}
	}
	if m.trace {
		rest.WriteString(" --trace")
	}
	if m.noPrintDir {
		rest.WriteString(" --no-print-directory")
	}
	if m.warnUndefined {
		rest.WriteString(" --warn-undefined-variables")
	}
	all := letters.String() + rest.String()
	var overrides []string
	for _, name := range m.overrides {
		if v := m.vars.vars[name]; v.origin == fromCommand {
			op := ":="
			if v.recursive {
				op = "="
			}
			overrides = append(overrides, quoteFlag(name+op+v.value))
		}
	}
	m.vars.set("MAKEOVERRIDES", "${-*-command-variables-*-}", fromDefault, true)
	m.vars.set("-*-command-variables-*-", strings.Join(overrides, " "), fromAutomatic, false)
	mflags := strings.TrimSpace(rest.String())
	if letters.Len() > 0 {
		mflags = strings.TrimSpace("-" + letters.String() + rest.String())
	}
	m.vars.set("MFLAGS", mflags, fromFile, false)
	if len(overrides) > 0 {
		all += " -- $(MAKEOVERRIDES)"
	}
	v := m.vars.set("MAKEFLAGS", all, fromFile, true)
	v.export = exportYes
}

// quoteFlag guards the blanks of a word in MAKEFLAGS.
func quoteFlag(s string) string {
	return strings.NewReplacer(`\`, `\\`, " ", `\ `, "\t", "\\\t", "$", "$$").Replace(s)
}

// environment makes variables of the environment's.
func (m *maker) environment() {
	for _, kv := range m.c.Env() {
		name, value, ok := strings.Cut(kv, "=")
		if !ok || name == "MAKEFLAGS" || name == "MAKELEVEL" {
			continue
		}
		v := m.vars.set(name, value, fromEnvironment, true)
		v.export = exportYes
		if name == "SHELL" {
			// The user's own shell is not to change what a makefile means.
			v.origin, v.value = fromDefault, "/bin/sh"
			v.export = exportDefault
		}
	}
}

func trimDots(name string) string {
	for strings.HasPrefix(name, "./") && len(name) > 2 {
		name = strings.TrimLeft(name[2:], "/")
	}
	return name
}

// exists says whether a file is there.
func (m *maker) exists(name string) bool {
	_, err := m.c.Stat(name)
	return err == nil
}

// contains is slices.Contains, of a list of names.
func contains(list []string, s string) bool { return slices.Contains(list, s) }

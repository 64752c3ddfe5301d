package gnumake

import (
	"slices"
	"strings"
	"time"
)

// file is a target or a prerequisite.
type file struct {
	name    string
	found   string // where vpath found it; "" is by its name
	deps    []dep
	cmds    *recipe
	double  []*file // its double-colon rules, each a file of its own
	target  bool    // some rule names it as one
	vars    *scope  // its own variables
	parent  *file   // what needed it last
	stem    string
	also    []*file // made by the same recipe
	phony   bool
	made    bool // by a pattern rule's chain: intermediate
	keep    bool // .PRECIOUS
	second  bool // .SECONDARY
	temp    bool // .INTERMEDIATE
	ignore  bool // .IGNORE
	quiet   bool // .SILENT
	searchd bool // an implicit rule was looked for
	secondX []pendingDeps

	state    state
	visiting bool
	updated  bool
	status   int // exit code of its recipe as make sees it: 0, 1 (question) or 2
	changed  bool
	silentNo bool // that there is no rule for it is not to be said
	mtimeOK  bool
	mtime    time.Time // zero where there is no file

	scope *scope // of its recipe: automatic variables and its own
	newer []string
}

// pendingDeps are prerequisites that are expanded a second time when they are needed.
type pendingDeps struct {
	text, order, stem string
	static            bool
	at                location
}

// dep is a prerequisite.
type dep struct {
	file      *file
	orderOnly bool
	changed   bool
	optional  bool
}

// state is how far a file's update has come.
type state int

const (
	notStarted state = iota
	depsRunning
	running
	finished
)

// recipe is the lines of a rule.
type recipe struct {
	lines   []string
	at      location // of the first
	builtin bool
}

// line says where a recipe's line n stands.
func (r *recipe) line(n int) string {
	if r.builtin || r.at.file == "" {
		return "<builtin>"
	}
	return location{r.at.file, r.at.line + n}.String()
}

// patternRule makes files whose names match.
type patternRule struct {
	targets  []string
	deps     []string
	order    []bool // which of deps are order-only
	cmds     *recipe
	terminal bool
	inUse    bool
	second   bool // expand deps again
}

// patternVar is "%.o: NAME = value".
type patternVar struct {
	pattern, name, op, value string
	origin                   origin
	export                   export
	private                  bool
	at                       location
}

// vpath is one directive: where to look for files that match.
type vpath struct {
	pattern string
	dirs    []string
}

// enter finds a file by name, or begins one.
func (m *maker) enter(name string) *file {
	f := m.files[name]
	if f == nil {
		f = &file{name: name}
		m.files[name] = f
		m.order = append(m.order, f)
		if len(m.order) > 200000 {
			m.fatal(m.where, "too many files")
		}
	}
	return f
}

func (m *maker) defineVpath(text string) {
	f := strings.Fields(text)
	switch len(f) {
	case 0:
		m.vpaths = nil
	case 1:
		m.vpaths = slices.DeleteFunc(m.vpaths, func(v vpath) bool { return v.pattern == f[0] })
	default:
		v := vpath{pattern: f[0]}
		for _, d := range f[1:] {
			v.dirs = append(v.dirs, strings.FieldsFunc(d, func(r rune) bool { return r == ':' })...)
		}
		m.vpaths = append(m.vpaths, v)
	}
}

// record puts a rule that was read among files and patterns.
func (m *maker) record(p *pending) {
	var cmds *recipe
	if p.hasCmds {
		cmds = &recipe{lines: p.lines, at: p.cmdsAt}
		if strings.TrimSpace(strings.Join(p.lines, "")) == "" {
			cmds.lines = nil
		}
	}
	patterns := 0
	for _, t := range p.targets {
		if strings.Contains(t, "%") {
			patterns++
		}
	}
	deps, order := p.deps, ""
	if before, after, ok := strings.Cut(p.deps, "|"); ok && (after == "" || strings.ContainsAny(after[:1], " \t") || before == "" || strings.HasSuffix(before, " ")) {
		deps, order = before, after
	}
	if patterns > 0 && p.pattern == "" {
		if patterns == len(p.targets) {
			m.recordPattern(p, deps, order, cmds)
			return
		}
		m.say(p.at, "*** mixed implicit and normal rules: deprecated syntax")
		split := *p
		split.targets = slices.DeleteFunc(slices.Clone(p.targets), func(t string) bool { return !strings.Contains(t, "%") })
		m.recordPattern(&split, deps, order, cmds)
		p.targets = slices.DeleteFunc(slices.Clone(p.targets), func(t string) bool { return strings.Contains(t, "%") })
	}
	for _, t := range p.targets {
		name := trimDots(t)
		m.special(name, deps)
		f := m.enter(name)
		if p.double {
			if f.target && len(f.double) == 0 {
				m.fatal(p.at, "target file '%s' has both : and :: entries", name)
			}
			f.target = true
			sub := &file{name: name, target: true, vars: f.vars}
			f.double = append(f.double, sub)
			f = sub
		} else if len(f.double) > 0 {
			m.fatal(p.at, "target file '%s' has both : and :: entries", name)
		}
		f.target = true
		if cmds != nil {
			switch {
			case f.cmds != nil && !f.cmds.builtin && f.cmds.at == cmds.at:
				m.say(p.at, "warning: target '%s' given more than once in the same rule", name)
			case f.cmds != nil && !f.cmds.builtin && len(f.cmds.lines) > 0:
				m.say(cmds.at, "warning: overriding recipe for target '%s'", name)
				m.say(f.cmds.at, "warning: ignoring old recipe for target '%s'", name)
			}
			f.cmds = cmds
		}
		stem := ""
		if p.pattern != "" {
			s, ok := match(p.pattern, t)
			if !ok {
				m.say(p.at, "target '%s' doesn't match the target pattern", t)
				continue
			}
			stem = s
			f.stem = s
		}
		if p.secondly && strings.Contains(p.deps, "$") {
			f.secondX = append(f.secondX, pendingDeps{text: deps, order: order, stem: stem, static: p.pattern != "", at: p.at})
			continue
		}
		f.add(m.depsOf(deps, order, stem, p.pattern != ""), cmds != nil)
		if p.grouped {
			for _, o := range p.targets {
				if o := trimDots(o); o != name {
					f.also = append(f.also, m.enter(o))
				}
			}
		}
	}
}

// add gives f more prerequisites. Those of the rule with the recipe come first.
func (f *file) add(deps []dep, first bool) {
	if first {
		f.deps = append(deps, f.deps...)
	} else {
		f.deps = append(f.deps, deps...)
	}
}

// depsOf reads a list of prerequisites, and the order-only ones.
func (m *maker) depsOf(deps, order, stem string, static bool) []dep {
	var out []dep
	for i, list := range []string{deps, order} {
		for _, w := range splitWords(list) {
			if static {
				if before, after, ok := cutPercent(w); ok {
					w = before + stem + after
				}
			}
			for _, name := range m.globOrSelf(w) {
				out = append(out, dep{file: m.enter(trimDots(name)), orderOnly: i == 1})
			}
		}
	}
	return out
}

// special is for the targets that are directions to make.
func (m *maker) special(name, deps string) {
	names := splitWords(deps)
	mark := func(set func(f *file)) {
		for _, n := range names {
			for _, g := range m.globOrSelf(n) {
				set(m.enter(trimDots(g)))
			}
		}
	}
	switch name {
	case ".PHONY":
		mark(func(f *file) { f.phony, f.target = true, true })
	case ".PRECIOUS":
		mark(func(f *file) { f.keep = true })
		for _, n := range names {
			if strings.Contains(n, "%") {
				m.precious = append(m.precious, n)
			}
		}
	case ".INTERMEDIATE":
		mark(func(f *file) { f.temp, f.made = true, true })
	case ".SECONDARY":
		mark(func(f *file) { f.second, f.made = true, true })
		if len(names) == 0 {
			m.enter(".SECONDARY").second = true
		}
	case ".IGNORE":
		mark(func(f *file) { f.ignore = true })
		m.ignoreErrors = m.ignoreErrors || len(names) == 0
	case ".SILENT":
		mark(func(f *file) { f.quiet = true })
		m.quiet = m.quiet || len(names) == 0
	case ".DELETE_ON_ERROR":
		m.deleteOnErr = true
	case ".EXPORT_ALL_VARIABLES":
		m.exportAll = true
	case ".NOTPARALLEL":
		m.serial = true
	case ".ONESHELL":
		m.oneShell = true
	case ".POSIX":
		m.posix = true
		m.vars.set(".SHELLFLAGS", "-ec", fromDefault, false)
	case ".SECONDEXPANSION":
		m.secondExp = true
	case ".SUFFIXES":
		if len(names) == 0 {
			m.suffixes = nil
			break
		}
		for _, n := range names {
			if !contains(m.suffixes, n) {
				m.suffixes = append(m.suffixes, n)
			}
		}
		m.vars.set("SUFFIXES", strings.Join(m.suffixes, " "), fromDefault, false)
	}
}

// recordPattern records an implicit rule. A later one of the same targets and prerequisites takes
// the place of the earlier, and cancels it if it has no recipe.
func (m *maker) recordPattern(p *pending, deps, order string, cmds *recipe) {
	r := &patternRule{cmds: cmds, terminal: p.double, second: p.secondly && strings.Contains(deps, "$")}
	for _, t := range p.targets {
		r.targets = append(r.targets, trimDots(t))
	}
	for i, list := range []string{deps, order} {
		for _, w := range splitWords(list) {
			r.deps = append(r.deps, trimDots(w))
			r.order = append(r.order, i == 1)
		}
	}
	same := func(o *patternRule) bool { return slices.Equal(o.targets, r.targets) && slices.Equal(o.deps, r.deps) }
	m.rules = slices.DeleteFunc(m.rules, same)
	if cmds != nil {
		m.rules = append(m.rules, r)
	}
}

// finishRules turns old-fashioned suffix rules into pattern rules, behind those of the makefiles,
// and lets variables of patterns wait for their targets.
func (m *maker) finishRules() {
	convert := func(target, source string, cmds *recipe) {
		r := &patternRule{targets: []string{"%" + target}, cmds: cmds}
		if source != "" {
			r.deps, r.order = []string{"%" + source}, []bool{false}
		}
		for _, o := range m.rules {
			if slices.Equal(o.targets, r.targets) && slices.Equal(o.deps, r.deps) {
				return
			}
		}
		m.rules = append(m.rules, r)
	}
	suffixRule := func(name string) *recipe {
		if f := m.files[name]; f != nil && f.cmds != nil && len(f.deps) == 0 {
			return f.cmds
		}
		if m.noBuiltinRules {
			return nil
		}
		return m.builtin[name]
	}
	for _, s := range m.suffixes {
		convert(s, "", nil) // keeps rules for any file at all away from such files
		if cmds := suffixRule(s); cmds != nil {
			convert("", s, cmds)
		}
		for _, to := range m.suffixes {
			if to == s {
				continue
			}
			if cmds := suffixRule(s + to); cmds != nil {
				convert(to, s, cmds)
			}
		}
	}
	if !m.noBuiltinRules {
		for _, r := range builtinPatterns {
			m.rules = append(m.rules, &patternRule{targets: []string{r.target}, deps: []string{r.dep}, order: []bool{false}, terminal: r.terminal,
				cmds: &recipe{lines: r.lines, builtin: true}})
		}
	}
	for _, f := range m.flags.old {
		o := m.enter(trimDots(f))
		o.mtime, o.mtimeOK = time.Unix(1, 0), true
		o.updated, o.state = true, finished
	}
	for _, f := range m.flags.new {
		o := m.enter(trimDots(f))
		o.mtime, o.mtimeOK = time.Unix(1<<40, 0), true
	}
}

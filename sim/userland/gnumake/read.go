package gnumake

import (
	"path"
	"slices"
	"strings"

	"github.com/dockerlab/dockerlab/sim/fnmatch"
	"github.com/dockerlab/dockerlab/sim/linux"
)

// makefileRef is a makefile that was read, or that is to be made and then read.
type makefileRef struct {
	name     string
	at       location // of the include
	missing  bool
	err      error // why
	optional bool  // -include
}

// maxInclude is how deep makefiles include each other.
const maxInclude = 100

// readAll reads the makefiles that the command line names, or the one that is there.
func (m *maker) readAll() {
	for _, e := range m.flags.eval {
		m.readText(e, location{}, true)
	}
	if len(m.flags.makefiles) == 0 {
		for _, name := range []string{"GNUmakefile", "makefile", "Makefile"} {
			if m.exists(name) {
				m.readFile(name, location{}, false)
				break
			}
		}
	}
	for _, name := range m.flags.makefiles {
		m.readFile(name, location{}, false)
	}
	m.finishRules()
}

// readFile reads a makefile. One that is missing may be made by a rule yet.
func (m *maker) readFile(name string, at location, optional bool) {
	ref := &makefileRef{name: name, at: at, optional: optional}
	m.makefiles = append(m.makefiles, ref)
	if len(m.makefiles) > 1000 {
		m.fatal(at, "too many makefiles")
	}
	b, err := m.readMakefile(name)
	if err == linux.ENOENT && !strings.HasPrefix(name, "/") && at.file != "" {
		for _, dir := range m.includeDirs() {
			if b, err = m.c.ReadFile(path.Join(dir, name)); err == nil {
				ref.name = path.Join(dir, name)
				break
			}
		}
	}
	if err != nil {
		ref.missing, ref.err = true, err
		return
	}
	list, _ := m.lookup("MAKEFILE_LIST", nil)
	seen := ""
	if list != nil {
		seen = list.value
	}
	m.vars.set("MAKEFILE_LIST", seen+" "+ref.name, fromFile, false)
	m.readText(string(b), location{file: ref.name}, false)
}

func (m *maker) readMakefile(name string) ([]byte, error) {
	if name == "-" {
		var b []byte
		buf := make([]byte, 4096)
		for len(b) < maxValue {
			n, err := m.c.In.Read(buf)
			b = append(b, buf[:n]...)
			if err != nil {
				break
			}
		}
		return b, nil
	}
	return m.c.ReadFile(name)
}

func (m *maker) includeDirs() []string {
	dirs := slices.Clone(m.flags.include)
	for _, d := range []string{"/usr/include", "/usr/local/include"} {
		if m.exists(d) {
			dirs = append(dirs, d)
		}
	}
	return dirs
}

// conditions are the ifs that are open.
type conditions struct {
	stack []condition
}

type condition struct {
	ignoring bool // this part
	taken    bool // some part was true
	elseSeen bool
	nested   bool // it stands in a part that is ignored
}

func (c *conditions) ignoring() bool {
	return len(c.stack) > 0 && (c.stack[len(c.stack)-1].ignoring || c.stack[len(c.stack)-1].nested)
}

// reader reads one text.
type reader struct {
	m     *maker
	lines []string
	n     int // lines taken so far
	at    location
	conds conditions
	rule  *pending
	none  bool // a rule whose targets came to nothing: its recipe is skipped
}

// pending is a rule whose recipe is being collected.
type pending struct {
	at       location
	targets  []string
	double   bool
	grouped  bool
	pattern  string // of a static pattern rule
	deps     string // expanded
	order    string // behind the bar
	lines    []string
	cmdsAt   location
	hasCmds  bool
	secondly bool
}

// readText reads a makefile's text. Lines of an eval all count as the line that it stands on.
func (m *maker) readText(text string, at location, eval bool) {
	if m.depth++; m.depth > maxInclude {
		m.depth = 0
		m.fatal(at, "makefiles include each other too deep")
	}
	defer func() { m.depth-- }()
	text = strings.TrimPrefix(text, "\ufeff")
	r := &reader{m: m, lines: strings.Split(strings.TrimSuffix(text, "\n"), "\n"), at: at}
	if text == "" {
		return
	}
	before := m.where
	for r.n < len(r.lines) {
		first := r.n
		line := r.logical()
		if !eval {
			r.at.line = first + 1
		}
		m.where = r.at
		m.c.Step(1 + len(line)>>5)
		if before, _, ok := strings.Cut(line, "\x00"); ok {
			m.say(r.at, "warning: NUL character seen; rest of line ignored")
			line = before
		}
		r.line(line)
	}
	if len(r.conds.stack) > 0 {
		if !eval {
			r.at.line = len(r.lines) + 1
		}
		m.fatal(r.at, "missing 'endif'")
	}
	r.flush()
	m.where = before
}

// logical takes the next line with those that a backslash joins to it, newlines and all.
func (r *reader) logical() string {
	line := strings.TrimSuffix(r.lines[r.n], "\r")
	r.n++
	for continued(line) && r.n < len(r.lines) {
		line += "\n" + strings.TrimSuffix(r.lines[r.n], "\r")
		r.n++
	}
	return line
}

// continued says whether an odd number of backslashes ends the line.
func continued(line string) bool {
	n := 0
	for strings.HasSuffix(line[:len(line)-n], `\`) {
		n++
	}
	return n%2 == 1
}

// collapse joins continued lines by single blanks.
func collapse(line string) string {
	if !strings.Contains(line, "\n") {
		return line
	}
	parts := strings.Split(line, "\n")
	for i, p := range parts {
		if i > 0 {
			p = strings.TrimLeft(p, " \t")
		}
		if i < len(parts)-1 {
			p = strings.TrimRight(p[:len(p)-1], " \t")
		}
		parts[i] = p
	}
	return strings.Join(parts, " ")
}

// uncomment cuts a comment off; a backslash before the sign keeps it.
func uncomment(s string) string {
	if !strings.Contains(s, "#") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '$' && i+1 < len(s) && (s[i+1] == '(' || s[i+1] == '{') {
			if end := matching(s, i+1); end > 0 {
				b.WriteString(s[i : end+1])
				i = end
				continue
			}
		}
		if s[i] == '\\' && i+1 < len(s) && s[i+1] == '#' {
			b.WriteByte('#')
			i++
			continue
		}
		if s[i] == '#' {
			break
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func (r *reader) prefix() string {
	if v := r.m.vars.vars[".RECIPEPREFIX"]; v != nil && v.value != "" {
		return v.value[:1]
	}
	return "\t"
}

func (r *reader) line(raw string) {
	m := r.m
	tab := strings.HasPrefix(raw, r.prefix())
	if tab {
		if r.none {
			return
		}
		if r.rule != nil {
			if !r.conds.ignoring() {
				r.recipe(raw[1:])
			}
			return
		}
	}
	line := uncomment(collapse(raw))
	text := strings.TrimLeft(line, " \t")
	if strings.TrimSpace(text) == "" {
		return
	}
	if r.variable(text) {
		return
	}
	word, rest := firstWord(text)
	if r.conditional(word, rest) {
		return
	}
	if r.conds.ignoring() {
		return
	}
	switch word {
	case "export", "unexport":
		r.flush()
		how := exportYes
		if word == "unexport" {
			how = exportNo
		}
		names := strings.Fields(m.expand(rest, nil))
		if len(names) == 0 {
			m.exportAll = word == "export"
		}
		for _, name := range names {
			v := m.vars.vars[name]
			if v == nil {
				v = m.vars.set(name, "", fromFile, true)
			}
			v.export = how
		}
		return
	case "vpath":
		r.flush()
		m.defineVpath(m.expand(rest, nil))
		return
	case "include", "-include", "sinclude":
		r.flush()
		names := strings.Fields(m.expand(rest, nil))
		for _, name := range names {
			for _, n := range m.globOrSelf(name) {
				m.readFile(n, r.at, word != "include")
			}
		}
		return
	}
	if tab {
		m.fatal(r.at, "recipe commences before first target")
	}
	r.flush()
	r.ruleLine(raw)
}

func firstWord(text string) (word, rest string) {
	i := strings.IndexAny(text, " \t")
	if i < 0 {
		return text, ""
	}
	return text[:i], strings.TrimSpace(text[i:])
}

// variable reads a line that sets a variable, or begins to define one.
func (r *reader) variable(text string) bool {
	m := r.m
	o, private, exp := fromFile, false, exportDefault
	rest := text
	for {
		word, after := firstWord(rest)
		if _, _, _, ok := assignment(rest); ok && !contains([]string{"define", "undefine", "override", "export", "private"}, word) {
			break
		}
		next, _ := firstWord(after)
		isAssignment := next != "" && (strings.HasPrefix(next, "=") || strings.HasPrefix(next, ":=") || strings.HasPrefix(next, "?=") || strings.HasPrefix(next, "+=") || strings.HasPrefix(next, "::="))
		if isAssignment {
			break
		}
		switch word {
		case "override":
			o, rest = fromOverride, after
			continue
		case "export":
			exp, rest = exportYes, after
			continue
		case "private":
			private, rest = true, after
			continue
		case "define":
			r.flush()
			r.define(after, o, exp)
			return true
		case "undefine":
			if !r.conds.ignoring() {
				r.flush()
				name := strings.TrimSpace(m.expand(after, nil))
				if name == "" {
					m.fatal(r.at, "empty variable name")
				}
				if v := m.vars.vars[name]; v != nil && v.origin <= o {
					delete(m.vars.vars, name)
				}
			}
			return true
		}
		break
	}
	name, op, value, ok := assignment(rest)
	if !ok && (strings.HasPrefix(rest, "=") || strings.HasPrefix(rest, ":=")) && !r.conds.ignoring() {
		m.fatal(r.at, "empty variable name")
	}
	if !ok {
		return false
	}
	if r.conds.ignoring() {
		return true
	}
	r.flush()
	v := m.assign(m.vars, strings.TrimSpace(m.expand(name, nil)), op, value, o, r.at)
	if v != nil {
		v.private = v.private || private
		if exp != exportDefault {
			v.export = exp
		}
		if v.name == ".RECIPEPREFIX" || v.name == "MAKEFLAGS" {
			r.special(v)
		}
	}
	return true
}

// special is for the variables that act when they are set.
func (r *reader) special(v *variable) {
	if v.name != "MAKEFLAGS" {
		return
	}
	m := r.m
	for i, w := range splitFlags(m.expand(v.value, nil)) {
		if w == "--" {
			break
		}
		switch {
		case w == "--no-print-directory":
			m.noPrintDir, m.printDir = true, false
		case w == "--warn-undefined-variables":
			m.warnUndefined = true
		case strings.HasPrefix(w, "-j"), strings.HasPrefix(w, "--"):
		case i == 0 || strings.HasPrefix(w, "-"):
			for _, l := range strings.TrimPrefix(w, "-") {
				switch l {
				case 'k':
					m.keepGoing = true
				case 's':
					m.silent = true
				case 'i':
					m.ignoreErrors = true
				case 'r':
					m.noBuiltinRules = true
				case 'R':
					m.noBuiltinRules, m.noBuiltinVars = true, true
				case 'B':
					m.alwaysMake = true
				}
			}
		}
	}
	m.defineFlags()
}

// define reads up to the endef that belongs to it.
func (r *reader) define(head string, o origin, exp export) {
	m := r.m
	name, op := strings.TrimSpace(uncomment(head)), "="
	for _, suffix := range []string{"::=", ":=", "?=", "+=", "!=", "="} {
		if before, ok := strings.CutSuffix(name, suffix); ok {
			name, op = strings.TrimSpace(before), suffix
			break
		}
	}
	start := r.at
	var body []string
	for depth := 1; ; {
		if r.n >= len(r.lines) {
			m.fatal(start, "missing 'endef', unterminated 'define'")
		}
		line := r.logical()
		word, rest := firstWord(strings.TrimLeft(uncomment(collapse(line)), " \t"))
		if !strings.HasPrefix(line, r.prefix()) {
			if word == "define" {
				depth++
			}
			if word == "endef" {
				if rest != "" {
					m.say(location{r.at.file, r.n}, "extraneous text after 'endef' directive")
				}
				if depth--; depth == 0 {
					break
				}
			}
		}
		body = append(body, line)
	}
	if r.conds.ignoring() {
		return
	}
	name = strings.TrimSpace(m.expand(name, nil))
	v := m.assign(m.vars, name, op, strings.Join(body, "\n"), o, start)
	if v != nil && exp != exportDefault {
		v.export = exp
	}
}

// conditional reads ifeq and its like.
func (r *reader) conditional(word, rest string) bool {
	m := r.m
	c := &r.conds
	extra := func() {
		if rest != "" {
			m.say(r.at, "extraneous text after '%s' directive", word)
		}
	}
	switch word {
	case "endif":
		extra()
		if len(c.stack) == 0 {
			m.fatal(r.at, "extraneous 'endif'")
		}
		c.stack = c.stack[:len(c.stack)-1]
		return true
	case "else":
		if len(c.stack) == 0 {
			m.fatal(r.at, "extraneous 'else'")
		}
		top := &c.stack[len(c.stack)-1]
		if top.elseSeen {
			m.fatal(r.at, "only one 'else' per conditional")
		}
		next, after := firstWord(rest)
		if contains([]string{"ifeq", "ifneq", "ifdef", "ifndef"}, next) {
			if top.taken || top.nested {
				top.ignoring = true
				return true
			}
			holds := r.holds(next, after)
			top.ignoring, top.taken = !holds, holds
			return true
		}
		extra()
		top.elseSeen = true
		top.ignoring = top.taken
		return true
	case "ifeq", "ifneq", "ifdef", "ifndef":
		if c.ignoring() {
			c.stack = append(c.stack, condition{ignoring: true, taken: true, nested: true})
			return true
		}
		if len(c.stack) > 1000 {
			m.fatal(r.at, "conditionals are nested too deep")
		}
		holds := r.holds(word, rest)
		c.stack = append(c.stack, condition{ignoring: !holds, taken: holds})
		return true
	}
	return false
}

// holds tells whether the condition of an if does.
func (r *reader) holds(word, rest string) bool {
	m := r.m
	if word == "ifdef" || word == "ifndef" {
		name := strings.TrimSpace(m.expand(rest, nil))
		if strings.ContainsAny(name, " \t") {
			m.fatal(r.at, "invalid syntax in conditional")
		}
		v, _ := m.lookup(name, nil)
		return (v != nil && v.value != "") == (word == "ifdef")
	}
	x, y, extra, ok := comparison(rest)
	if !ok {
		m.fatal(r.at, "invalid syntax in conditional")
	}
	if extra != "" {
		m.say(r.at, "extraneous text after '%s' directive", word)
	}
	return (m.expand(x, nil) == m.expand(y, nil)) == (word == "ifeq")
}

// comparison takes apart (x,y), "x" "y" and 'x' 'y'.
func comparison(s string) (x, y, extra string, ok bool) {
	if s == "" {
		return "", "", "", false
	}
	if s[0] == '(' {
		depth, comma := 0, -1
		for i := 0; i < len(s); i++ {
			switch s[i] {
			case '(':
				depth++
			case ')':
				if depth--; depth == 0 {
					if comma < 0 {
						return "", "", "", false
					}
					return strings.TrimRight(s[1:comma], " \t"), strings.TrimLeft(s[comma+1:i], " \t"), strings.TrimSpace(s[i+1:]), true
				}
			case ',':
				if depth == 1 && comma < 0 {
					comma = i
				}
			}
		}
		return "", "", "", false
	}
	quoted := func(s string) (string, string, bool) {
		if s == "" || s[0] != '"' && s[0] != '\'' {
			return "", "", false
		}
		end := strings.IndexByte(s[1:], s[0])
		if end < 0 {
			return "", "", false
		}
		return s[1 : 1+end], s[2+end:], true
	}
	x, rest, ok := quoted(s)
	if !ok {
		return "", "", "", false
	}
	y, rest, ok = quoted(strings.TrimLeft(rest, " \t"))
	return x, y, strings.TrimSpace(rest), ok
}

// recipe takes a line of the pending rule's recipe.
func (r *reader) recipe(line string) {
	// In a continued line, the tab that begins the next one is not the shell's.
	line = strings.ReplaceAll(line, "\n"+r.prefix(), "\n")
	if len(r.rule.lines) == 0 && strings.TrimSpace(line) == "" && !r.rule.hasCmds {
		r.rule.hasCmds = true
		r.rule.cmdsAt = r.at
	}
	if !r.rule.hasCmds || len(r.rule.lines) == 0 {
		r.rule.cmdsAt = r.at
	}
	r.rule.hasCmds = true
	r.rule.lines = append(r.rule.lines, line)
}

// splitRule cuts a rule's line at the semicolon before its first command, and its comment off.
func splitRule(raw string) (rule, command string, has bool) {
	for i := 0; i < len(raw); i++ {
		switch raw[i] {
		case '$':
			if i+1 < len(raw) {
				i++
				if raw[i] == '(' || raw[i] == '{' {
					if end := matching(raw, i); end > 0 {
						i = end
					}
				}
			}
		case '\\':
			i++
		case ';':
			return collapse(raw[:i]), raw[i+1:], true
		case '#':
			return collapse(raw[:i]), "", false
		}
	}
	return collapse(raw), "", false
}

// colonIn finds the colon that ends the targets, outside of references.
func colonIn(s string) int {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '$':
			if i+1 < len(s) {
				i++
				if s[i] == '(' || s[i] == '{' {
					if end := matching(s, i); end > 0 {
						i = end
					}
				}
			}
		case '\\':
			if i+1 < len(s) && (s[i+1] == ':' || s[i+1] == ' ') {
				i++
			}
		case ':':
			return i
		}
	}
	return -1
}

// ruleLine reads "targets: prerequisites", in all its forms.
func (r *reader) ruleLine(raw string) {
	m := r.m
	text, command, hasCommand := splitRule(raw)
	colon := colonIn(text)
	if colon < 0 {
		text = m.expand(text, nil)
		if strings.TrimSpace(text) == "" {
			// Nothing is left of the line: it was a call for its effect.
			return
		}
		if colon = colonIn(text); colon < 0 {
			if strings.HasPrefix(raw, "        ") {
				m.fatal(r.at, "missing separator (did you mean TAB instead of 8 spaces?)")
			}
			m.fatal(r.at, "missing separator")
		}
	}
	p := &pending{at: r.at, cmdsAt: r.at}
	left, right := text[:colon], text[colon+1:]
	if before, ok := strings.CutSuffix(left, "&"); ok {
		left, p.grouped = before, true
	}
	if strings.HasPrefix(right, ":") && !strings.HasPrefix(right, ":=") {
		p.double, right = true, right[1:]
	}
	for _, t := range splitWords(m.expand(left, nil)) {
		p.targets = append(p.targets, m.globOrSelf(t)...)
	}
	if len(p.targets) == 0 {
		r.none = true
		return
	}
	if r.targetVariable(p, right, command, hasCommand) {
		return
	}
	if static := colonIn(right); static >= 0 {
		pattern := strings.Fields(m.expand(right[:static], nil))
		switch {
		case len(pattern) == 0:
			m.fatal(r.at, "missing target pattern")
		case len(pattern) > 1:
			m.fatal(r.at, "multiple target patterns")
		case !strings.Contains(pattern[0], "%"):
			m.fatal(r.at, "target pattern contains no '%%'")
		}
		p.pattern, right = pattern[0], right[static+1:]
	}
	p.secondly = m.secondExp
	p.deps = m.expand(right, nil)
	if hasCommand {
		p.hasCmds = true
		p.lines = []string{command}
	}
	r.rule = p
	if v, _ := m.lookup(".DEFAULT_GOAL", nil); v == nil || v.value == "" {
		for _, t := range p.targets {
			if strings.Contains(t, "%") || strings.HasPrefix(t, ".") && !strings.Contains(t, "/") {
				continue
			}
			m.vars.set(".DEFAULT_GOAL", trimDots(t), fromFile, false)
			break
		}
	}
}

// targetVariable reads "target: NAME = value".
func (r *reader) targetVariable(p *pending, right, command string, has bool) bool {
	m := r.m
	text := strings.TrimLeft(right, " \t")
	o, private, exp := fromFile, false, exportDefault
	for {
		word, after := firstWord(text)
		if after == "" || strings.HasPrefix(after, "=") || strings.HasPrefix(after, ":=") {
			break
		}
		switch word {
		case "override":
			o, text = fromOverride, after
			continue
		case "export":
			exp, text = exportYes, after
			continue
		case "private":
			private, text = true, after
			continue
		}
		break
	}
	name, op, value, ok := assignment(text)
	if !ok {
		return false
	}
	if has {
		value += ";" + uncomment(collapse(command))
	}
	name = strings.TrimSpace(m.expand(name, nil))
	for _, t := range p.targets {
		if strings.Contains(t, "%") {
			m.patternVars = append(m.patternVars, patternVar{pattern: t, name: name, op: op, value: value, origin: o, export: exp, private: private, at: r.at})
			continue
		}
		f := m.enter(trimDots(t))
		if f.vars == nil {
			f.vars = newScope(nil)
		}
		if v := m.assign(f.vars, name, op, value, o, r.at); v != nil && f.vars.vars[name] == v {
			v.private = private
			if exp != exportDefault {
				v.export = exp
			}
		}
	}
	return true
}

// splitWords cuts a list of files into words; a backslash keeps a blank in one.
func splitWords(s string) []string {
	if !strings.Contains(s, `\ `) && !strings.Contains(s, `\:`) {
		return strings.Fields(s)
	}
	var words []string
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch ch := s[i]; {
		case ch == '\\' && i+1 < len(s) && (s[i+1] == ' ' || s[i+1] == ':'):
			i++
			b.WriteByte(s[i])
		case ch == ' ' || ch == '\t' || ch == '\n':
			if b.Len() > 0 {
				words = append(words, b.String())
				b.Reset()
			}
		default:
			b.WriteByte(ch)
		}
	}
	if b.Len() > 0 {
		words = append(words, b.String())
	}
	return words
}

// flush puts the pending rule among the files.
func (r *reader) flush() {
	p := r.rule
	r.rule, r.none = nil, false
	if p != nil {
		r.m.record(p)
	}
}

func hasGlob(s string) bool { return strings.ContainsAny(s, "*?[") }

func (m *maker) globOrSelf(word string) []string {
	word = m.tilde(word)
	if !hasGlob(word) {
		return []string{word}
	}
	if found := m.glob(word); len(found) > 0 {
		return found
	}
	return []string{word}
}

// tilde expands "~/".
func (m *maker) tilde(word string) string {
	if word == "~" || strings.HasPrefix(word, "~/") {
		if home := m.c.Getenv("HOME"); home != "" {
			return home + word[1:]
		}
	}
	return word
}

// glob gives the files that a pattern matches, sorted.
func (m *maker) glob(pattern string) []string {
	dirs := []string{""}
	if strings.HasPrefix(pattern, "/") {
		dirs = []string{"/"}
	}
	parts := strings.Split(strings.TrimPrefix(pattern, "/"), "/")
	for i, part := range parts {
		last := i == len(parts)-1
		var next []string
		for _, dir := range dirs {
			if !hasGlob(part) {
				if name := dir + part; part == "" && last || m.exists(name) {
					next = append(next, name)
				}
				continue
			}
			where := dir
			if where == "" {
				where = "."
			}
			ents, err := m.c.ReadDir(where)
			if err != nil {
				continue
			}
			for _, e := range ents {
				if strings.HasPrefix(e.Name, ".") && !strings.HasPrefix(part, ".") {
					continue
				}
				if fnmatch.Match(part, e.Name, 0) {
					next = append(next, dir+e.Name)
				}
			}
		}
		if !last {
			for j := range next {
				next[j] += "/"
			}
		}
		dirs = next
	}
	slices.Sort(dirs)
	return dirs
}

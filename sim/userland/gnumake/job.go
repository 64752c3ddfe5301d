package gnumake

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/linux"
)

// child is a recipe under way.
type child struct {
	f       *file
	lines   []recipeLine
	n       int // lines started
	pid     int
	env     []string
	ignore  bool // the line that runs has a dash
	token   bool // it runs on a token of the pipe
	deleted bool
}

// recipeLine is a line of a recipe after expansion.
type recipeLine struct {
	text      string
	no        int    // which line of the recipe
	flags     string // its @, - and +, as the makefile has them before it
	recursive bool   // it runs make, or has a plus
}

// startJob expands f's recipe and starts its first line.
func (m *maker) startJob(f *file) {
	m.scopeOf(f)
	m.automatic(f, f.scope)
	if m.trace {
		at := f.cmds.line(0)
		if newer := f.scope.vars["?"].value; newer == "" {
			m.print("%s: target '%s' does not exist\n", at, f.name)
		} else {
			m.print("%s: update target '%s' due to: %s\n", at, f.name, newer)
		}
	}
	c := &child{f: f}
	m.where = f.cmds.at
	for i, line := range f.cmds.lines {
		at := f.cmds.at
		if at.line > 0 {
			at.line += i
		}
		m.where = at
		text := m.expand(joinInReferences(line), f.scope)
		recursive := strings.Contains(line, "$(MAKE)") || strings.Contains(line, "${MAKE}")
		for _, l := range m.recipeLines(text) {
			c.lines = append(c.lines, recipeLine{text: l, no: i, flags: flagsOf(line), recursive: recursive})
		}
	}
	if m.oneShell && len(c.lines) > 0 {
		c.lines = m.joinLines(c.lines)
	}
	c.env = m.environ(f.scope)
	f.state = running
	m.waitSlot(c)
	m.runLine(c)
	if m.flags.jobs == 1 || m.serial {
		for f.state == running {
			m.reap(true, false)
		}
	}
}

// recipeLines cuts what came of one line: a canned recipe has several.
func (m *maker) recipeLines(text string) []string {
	if !strings.Contains(text, "\n") {
		return []string{text}
	}
	var out []string
	cur := ""
	for i, l := range strings.Split(text, "\n") {
		if i > 0 && cur != "" {
			cur += "\n" + strings.TrimPrefix(l, "\t")
		} else {
			cur = strings.TrimPrefix(l, "\t")
		}
		if continued(l) {
			continue
		}
		out = append(out, cur)
		cur = ""
	}
	if cur != "" {
		out = append(out, cur)
	}
	return out
}

// flagsOf are the @, - and + that begin a line.
func flagsOf(line string) string {
	return line[:len(line)-len(strings.TrimLeft(line, "@-+ \t"))]
}

// joinLines makes one script of all lines, for .ONESHELL. Only the first line's @-+ count.
func (m *maker) joinLines(lines []recipeLine) []recipeLine {
	var texts []string
	recursive := false
	for i, l := range lines {
		t := l.text
		if i > 0 && m.posixShell() {
			t = strings.TrimLeft(t, "@-+ \t")
		}
		texts = append(texts, t)
		recursive = recursive || l.recursive
	}
	return []recipeLine{{text: strings.Join(texts, "\n"), recursive: recursive}}
}

func (m *maker) posixShell() bool {
	return contains([]string{"sh", "bash", "dash", "ksh", "rksh", "zsh", "ash"}, path.Base(m.expand("$(SHELL)", nil)))
}

// joinInReferences takes the newlines of continued lines out of $(...).
func joinInReferences(line string) string {
	if !strings.Contains(line, "\\\n") {
		return line
	}
	var b strings.Builder
	for i := 0; i < len(line); i++ {
		if line[i] == '$' && i+1 < len(line) && (line[i+1] == '(' || line[i+1] == '{') {
			if end := matching(line, i+1); end > 0 {
				b.WriteString(collapse(line[i : end+1]))
				i = end
				continue
			}
		}
		b.WriteByte(line[i])
	}
	return b.String()
}

// runLine starts the next line of a child that has something to do, or ends the child.
func (m *maker) runLine(c *child) {
	f := c.f
	for c.n < len(c.lines) {
		l := c.lines[c.n]
		c.n++
		text := l.flags + strings.TrimLeft(l.text, " \t\n")
		silent := m.silent || m.quiet || f.quiet
		c.ignore = m.ignoreErrors || f.ignore
		plus := l.recursive
	flags:
		for text != "" {
			switch text[0] {
			case '@':
				silent = true
			case '-':
				c.ignore = true
			case '+':
				plus = true
			case ' ', '\t':
			default:
				break flags
			}
			text = text[1:]
		}
		if m.question && !plus {
			f.status = 1
			m.started++
			m.finish(c)
			return
		}
		argv := m.argvOf(text, f.scope)
		if m.trace || m.justPrint || !silent {
			if strings.TrimSpace(text) != "" || m.justPrint {
				m.print("%s\n", text)
			}
		}
		m.enterDir()
		if len(argv) == 0 {
			continue
		}
		m.started++
		if m.justPrint && !plus {
			continue
		}
		env := c.env
		if !plus && m.flags.jobserver != "" {
			env = withoutJobserver(env)
		}
		m.c.Out.Flush()
		pid, err := m.spawn(argv, env, plus)
		if err != nil {
			m.say(location{}, "%s: %v", argv[0], err)
			code := 127
			if err != linux.ENOENT && err != linux.ENOTDIR {
				code = 126
				if err == linux.EACCES {
					code = 127
				}
			}
			if m.failed(c, kernel.Status{Code: code}) {
				return
			}
			continue
		}
		c.pid = pid
		m.children = append(m.children, c)
		m.running++
		return
	}
	m.finish(c)
}

// spawn starts a line. The pipe of tokens is for sub-makes.
func (m *maker) spawn(argv, env []string, sub bool) (int, error) {
	files := map[int]int{0: 0, 1: 1, 2: 2}
	if sub && m.jobR >= 0 {
		files[m.jobR], files[m.jobW] = m.jobR, m.jobW
	}
	o := &kernel.SpawnOpts{Files: files}
	// PATH is the recipe's.
	search := *m.c
	for _, kv := range env {
		if p, ok := strings.CutPrefix(kv, "PATH="); ok {
			for _, dir := range strings.Split(p, ":") {
				if strings.Contains(argv[0], "/") {
					break
				}
				full := dir + "/" + argv[0]
				if dir == "" {
					full = argv[0]
				}
				if st, err := m.c.Stat(full); err == nil && st.Mode.IsRegular() && m.c.Access(full, linux.X_OK) == nil {
					return m.c.Proc.Spawn(full, argv, env, o)
				}
			}
		}
	}
	return search.Start(argv, env, o)
}

func withoutJobserver(env []string) []string {
	out := slices.Clone(env)
	for i, kv := range out {
		if strings.HasPrefix(kv, "MAKEFLAGS=") {
			if at := strings.Index(kv, " --jobserver-auth="); at >= 0 {
				end := strings.IndexByte(kv[at+1:], ' ')
				rest := ""
				if end >= 0 {
					rest = kv[at+1+end:]
				}
				out[i] = kv[:at] + " --jobserver-auth=-2,-2" + rest
			}
		}
	}
	return out
}

// failed deals with a line that did not succeed. It says whether the recipe is over.
func (m *maker) failed(c *child, st kernel.Status) bool {
	f := c.f
	what := "Error " + strconv.Itoa(st.Code)
	if st.Signal != 0 {
		what = st.Signal.String()
	}
	at := f.cmds.line(max(0, c.lines[max(0, c.n-1)].no))
	if c.ignore && st.Signal == 0 {
		m.say(location{}, "[%s: %s] %s (ignored)", at, f.name, what)
		return false
	}
	m.say(location{}, "*** [%s: %s] %s", at, f.name, what)
	f.status = 2
	if m.deleteOnErr || st.Signal != 0 {
		m.deleteTarget(c)
	}
	m.finish(c)
	return true
}

// deleteTarget removes what a failed recipe has made of its file.
func (m *maker) deleteTarget(c *child) {
	f := c.f
	if m.kept(f) || f.phony {
		return
	}
	st, err := m.c.Stat(f.name)
	if err != nil || st.Mode.IsDir() || f.mtimeOK && st.Mtime.Equal(f.mtime) {
		return
	}
	m.say(location{}, "*** Deleting file '%s'", f.name)
	m.c.Unlink(f.name)
}

// kept says whether .PRECIOUS names f.
func (m *maker) kept(f *file) bool {
	return f.keep || slices.ContainsFunc(m.precious, func(p string) bool { _, ok := match(p, f.name); return ok })
}

// finish ends a child's recipe.
func (m *maker) finish(c *child) {
	if c.token {
		m.giveToken(c)
	}
	m.notice(c.f, true)
}

// reap takes children that have ended; with block it waits for one. failing says that make is on
// its way out.
func (m *maker) reap(block, failing bool) {
	if block && failing && m.running > 0 && !m.unfinished {
		m.unfinished = true
		m.say(location{}, "*** Waiting for unfinished jobs....")
	}
	for m.running > 0 {
		how := 0
		if !block {
			how = kernel.WNOHANG
		}
		pid, st, err := m.c.Wait(-1, how)
		if err == linux.EINTR {
			continue
		}
		if err != nil || pid == 0 {
			return
		}
		i := slices.IndexFunc(m.children, func(c *child) bool { return c.pid == pid })
		if i < 0 {
			continue
		}
		c := m.children[i]
		m.children = slices.Delete(m.children, i, i+1)
		m.running--
		block = false
		if st.Code != 0 || st.Signal != 0 {
			if m.failed(c, st) {
				continue
			}
		}
		if failing || m.dying() {
			// Nothing new is begun, but what was is carried to its end.
			m.runLine(c)
			continue
		}
		m.runLine(c)
	}
}

func (m *maker) dying() bool { return m.unfinished }

// --- slots and tokens ---

// startJobserver makes the pipe of tokens that sub-makes share, or takes the one that is inherited.
func (m *maker) startJobserver() {
	if r, w, ok := strings.Cut(m.flags.jobserver, ","); ok {
		m.jobR, _ = strconv.Atoi(r)
		m.jobW, _ = strconv.Atoi(w)
		if _, err := m.c.FdFlags(m.jobR); m.jobR < 0 || err != nil {
			m.jobR, m.jobW = -1, -1
			m.flags.jobserver = ""
			if m.flags.jobs != 1 {
				m.say(location{}, "warning: jobserver unavailable: using -j1.  Add '+' to parent make rule.")
			}
			m.flags.jobs = 1
		}
		return
	}
	if m.flags.jobs < 2 {
		return
	}
	m.flags.jobs = min(m.flags.jobs, 4096)
	r, w, err := m.c.Pipe()
	if err != nil {
		m.fatal(location{}, "creating jobs pipe: %v", err)
	}
	m.c.Write(w, []byte(strings.Repeat("+", m.flags.jobs-1)))
	m.jobR, m.jobW = r, w
	m.flags.jobserver = itoa(r) + "," + itoa(w)
}

// waitSlot waits until one more job may run. The first needs no token.
func (m *maker) waitSlot(c *child) {
	for {
		m.reap(false, false)
		if m.running == 0 || m.flags.jobs == 0 {
			return
		}
		if m.jobR >= 0 && m.takeToken() {
			c.token = true
			return
		}
		if m.jobR < 0 && m.running < m.flags.jobs {
			return
		}
		m.reap(true, false)
	}
}

func (m *maker) takeToken() bool {
	fds := []kernel.PollFd{{Fd: m.jobR, Events: kernel.POLLIN}}
	if n, err := m.c.Poll(fds, 0); err != nil || n == 0 {
		return false
	}
	b := make([]byte, 1)
	n, err := m.c.Read(m.jobR, b)
	if err != nil || n == 0 {
		return false
	}
	m.tokens = append(m.tokens, b[0])
	return true
}

func (m *maker) giveToken(c *child) {
	c.token = false
	if n := len(m.tokens); n > 0 {
		m.c.Write(m.jobW, m.tokens[n-1:])
		m.tokens = m.tokens[:n-1]
	}
}

func (m *maker) returnTokens() {
	if len(m.tokens) > 0 {
		m.c.Write(m.jobW, m.tokens)
		m.tokens = nil
	}
}

// --- how a line is run ---

// shellChars are what a line has that needs a shell; shellWords are commands that only a shell has.
const shellChars = "#;\"*?[]&|<>(){}$`^~!"

var shellWords = []string{".", ":", "alias", "bg", "break", "case", "cd", "command", "continue", "eval", "exec", "exit", "export", "fc", "fg", "for", "getopts", "hash",
	"if", "jobs", "login", "logout", "read", "readonly", "return", "set", "shift", "test", "times", "trap", "type", "ulimit", "umask", "unalias", "unset", "wait", "while"}

// argvOf is what a line of a recipe executes: its words, or a shell with the line.
func (m *maker) argvOf(line string, s *scope) []string {
	line = strings.TrimLeft(line, " \t\n")
	if strings.TrimSpace(line) == "" {
		return nil
	}
	shell := strings.TrimSpace(m.expand("$(SHELL)", s))
	flags := strings.Fields(m.expand("$(.SHELLFLAGS)", s))
	if len(flags) == 0 {
		flags = []string{"-c"}
	}
	plain := shell == "" || shell == "/bin/sh"
	if plain && !m.oneShell && slices.Equal(flags, []string{"-c"}) {
		if argv, ok := directly(line); ok {
			return argv
		}
	}
	if shell == "" {
		shell = "/bin/sh"
	}
	return slices.Concat(strings.Fields(shell), flags, []string{line})
}

// directly cuts a line into words as a shell would, if nothing in it needs one.
func directly(line string) ([]string, bool) {
	var words []string
	var b strings.Builder
	in := false
	for i := 0; i < len(line); i++ {
		ch := line[i]
		switch {
		case strings.IndexByte(shellChars, ch) >= 0:
			return nil, false
		case ch == '=' && len(words) == 0:
			return nil, false
		case ch == '\'':
			end := strings.IndexByte(line[i+1:], '\'')
			if end < 0 {
				return nil, false
			}
			if strings.Contains(line[i+1:i+1+end], "\\\n") {
				return nil, false
			}
			b.WriteString(line[i+1 : i+1+end])
			i += 1 + end
			in = true
		case ch == '\\':
			if i+1 == len(line) {
				return nil, false
			}
			i++
			if line[i] == '\n' {
				continue // joined
			}
			b.WriteByte(line[i])
			in = true
		case ch == ' ' || ch == '\t' || ch == '\n':
			if in {
				words = append(words, b.String())
				b.Reset()
				in = false
				if len(words) == 1 && contains(shellWords, words[0]) {
					return nil, false
				}
			}
		default:
			b.WriteByte(ch)
			in = true
		}
	}
	if in {
		words = append(words, b.String())
	}
	if len(words) == 1 && contains(shellWords, words[0]) {
		return nil, false
	}
	return words, true
}

// anyRecursive says whether f's recipe runs make itself.
func (m *maker) anyRecursive(f *file) bool {
	for _, l := range f.cmds.lines {
		if strings.Contains(l, "$(MAKE)") || strings.Contains(l, "${MAKE}") || strings.HasPrefix(strings.TrimLeft(l, " \t@-"), "+") {
			return true
		}
	}
	return false
}

// automatic sets $@, $< and their like for f.
func (m *maker) automatic(f *file, s *scope) {
	var all, unique, order, newer []string
	first := ""
	for _, d := range f.deps {
		name := d.file.path()
		if d.orderOnly {
			if !contains(order, name) {
				order = append(order, name)
			}
			continue
		}
		if first == "" {
			first = name
		}
		all = append(all, name)
	}
	order = slices.DeleteFunc(order, func(n string) bool { return contains(all, n) })
	seen := map[string]bool{}
	for _, n := range all {
		if !seen[n] {
			seen[n] = true
			unique = append(unique, n)
		}
	}
	for _, n := range f.newer {
		if !contains(newer, n) {
			newer = append(newer, n)
		}
	}
	stem := f.stem
	if stem == "" {
		for _, suffix := range m.suffixes {
			if s, ok := strings.CutSuffix(f.name, suffix); ok && s != "" && len(suffix) > 0 {
				stem = s
				break
			}
		}
	}
	set := func(name string, words ...string) {
		value := strings.Join(words, " ")
		s.set(name, value, fromAutomatic, false)
		var dirs, bases []string
		for _, w := range strings.Fields(value) {
			i := strings.LastIndexByte(w, '/')
			d := "."
			if i == 0 {
				d = "/"
			} else if i > 0 {
				d = w[:i]
			}
			dirs, bases = append(dirs, d), append(bases, w[i+1:])
		}
		s.set(name+"D", strings.Join(dirs, " "), fromAutomatic, false)
		s.set(name+"F", strings.Join(bases, " "), fromAutomatic, false)
	}
	set("@", f.path())
	set("<", first)
	if first == "" {
		set("<")
	}
	set("^", unique...)
	set("+", all...)
	set("?", newer...)
	set("*", stem)
	set("|", order...)
	set("%")
}

// removeIntermediates removes the files that only a chain of rules needed.
func (m *maker) removeIntermediates() {
	if m.justPrint || m.question || m.touch {
		return
	}
	if all := m.files[".SECONDARY"]; all != nil && all.second && len(all.deps) == 0 {
		return
	}
	var gone []string
	for _, f := range m.order {
		if !f.made || m.kept(f) || f.second || !f.updated || f.cmds == nil || f.phony || contains(m.goals, f.name) {
			continue
		}
		if f.state != finished || f.scope == nil || f.scope.vars["@"] == nil {
			continue // it was there before
		}
		if st, err := m.c.Lstat(f.name); err != nil || st.Mode.IsDir() {
			continue
		}
		if m.c.Unlink(f.name) == nil {
			gone = append(gone, f.name)
		}
	}
	if len(gone) > 0 && !m.silent {
		m.print("rm %s\n", strings.Join(gone, " "))
	}
}

// restart begins anew, after a makefile was made.
func (m *maker) restart() {
	m.removeIntermediates()
	m.returnTokens()
	if m.jobR >= 0 && m.level == 0 {
		m.c.Close(m.jobR)
		m.c.Close(m.jobW)
	}
	n, _ := strconv.Atoi(m.c.Getenv("MAKE_RESTARTS"))
	if n > 100 {
		m.fatal(location{}, "makefiles are made over and over")
	}
	env := slices.DeleteFunc(slices.Clone(m.c.Env()), func(kv string) bool { return strings.HasPrefix(kv, "MAKE_RESTARTS=") })
	env = append(env, "MAKE_RESTARTS="+itoa(n+1))
	m.c.Out.Flush()
	if len(m.flags.dirs) > 0 {
		if err := m.c.Chdir(m.c.Getenv("PWD")); err != nil {
			m.fatal(location{}, "%s: %v", m.c.Getenv("PWD"), err)
		}
	}
	err := m.c.Exec(m.c.Exe(), append([]string{m.c.Name}, m.argv...), env)
	m.fatal(location{}, "%s: %v", m.c.Exe(), err)
}

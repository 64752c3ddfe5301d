package gnumake

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/linux"
)

// function is one of make's. Its arguments come expanded, unless it is lazy and does that itself.
type function struct {
	min, max int // of arguments; 0 is any number
	lazy     bool
	run      func(m *maker, args []string, s *scope) string
}

var functions map[string]function

func init() {
	functions = map[string]function{
		"abspath": {1, 1, false, func(m *maker, a []string, _ *scope) string {
			return each(a[0], func(w string) string {
				if !strings.HasPrefix(w, "/") {
					w = m.cwd + "/" + w
				}
				return path.Clean(w)
			})
		}},
		"addprefix": {2, 2, false, func(_ *maker, a []string, _ *scope) string {
			return each(a[1], func(w string) string { return a[0] + w })
		}},
		"addsuffix": {2, 2, false, func(_ *maker, a []string, _ *scope) string {
			return each(a[1], func(w string) string { return w + a[0] })
		}},
		"and":      {1, 0, true, and},
		"basename": {1, 1, false, func(_ *maker, a []string, _ *scope) string { return each(a[0], baseName) }},
		"call":     {1, 0, false, call},
		"dir": {1, 1, false, func(_ *maker, a []string, _ *scope) string {
			return each(a[0], func(w string) string {
				if i := strings.LastIndexByte(w, '/'); i >= 0 {
					return w[:i+1]
				}
				return "./"
			})
		}},
		"error": {0, 1, false, func(m *maker, a []string, _ *scope) string {
			m.fatal(m.where, "%s", a[0])
			return ""
		}},
		"eval": {0, 1, false, func(m *maker, a []string, _ *scope) string {
			m.readText(a[0], m.where, true)
			return ""
		}},
		"file":       {1, 2, false, fileFunc},
		"filter":     {2, 2, false, func(_ *maker, a []string, _ *scope) string { return filter(a[0], a[1], true) }},
		"filter-out": {2, 2, false, func(_ *maker, a []string, _ *scope) string { return filter(a[0], a[1], false) }},
		"findstring": {2, 2, false, func(_ *maker, a []string, _ *scope) string {
			if strings.Contains(a[1], a[0]) {
				return a[0]
			}
			return ""
		}},
		"firstword": {0, 1, false, func(_ *maker, a []string, _ *scope) string {
			if f := strings.Fields(a[0]); len(f) > 0 {
				return f[0]
			}
			return ""
		}},
		"flavor": {1, 1, false, func(m *maker, a []string, s *scope) string {
			v, _ := m.lookup(a[0], s)
			switch {
			case v == nil:
				return "undefined"
			case v.recursive:
				return "recursive"
			}
			return "simple"
		}},
		"foreach": {3, 3, true, foreach},
		"if": {2, 3, true, func(m *maker, a []string, s *scope) string {
			switch cond := m.expand(strings.TrimSpace(a[0]), s); {
			case cond != "":
				return m.expand(a[1], s)
			case len(a) > 2:
				return m.expand(a[2], s)
			}
			return ""
		}},
		"info": {0, 1, false, func(m *maker, a []string, _ *scope) string {
			m.print("%s\n", a[0])
			return ""
		}},
		"join": {2, 2, false, func(_ *maker, a []string, _ *scope) string {
			x, y := strings.Fields(a[0]), strings.Fields(a[1])
			for i := range y {
				if i < len(x) {
					x[i] += y[i]
				} else {
					x = append(x, y[i])
				}
			}
			return strings.Join(x, " ")
		}},
		"lastword": {0, 1, false, func(_ *maker, a []string, _ *scope) string {
			if f := strings.Fields(a[0]); len(f) > 0 {
				return f[len(f)-1]
			}
			return ""
		}},
		"notdir": {1, 1, false, func(_ *maker, a []string, _ *scope) string {
			return each(a[0], func(w string) string { return w[strings.LastIndexByte(w, '/')+1:] })
		}},
		"or": {1, 0, true, or},
		"origin": {1, 1, false, func(m *maker, a []string, s *scope) string {
			v, _ := m.lookup(a[0], s)
			switch {
			case v == nil:
				return "undefined"
			case m.envOverrides && v.origin == fromEnvironment:
				return fromEnvOverride.String()
			}
			return v.origin.String()
		}},
		"patsubst": {3, 3, false, func(_ *maker, a []string, _ *scope) string { return patsubst(a[0], a[1], a[2]) }},
		"realpath": {1, 1, false, func(m *maker, a []string, _ *scope) string {
			return each(a[0], func(w string) string {
				if ref, err := m.c.View().Resolve(w, true); err == nil {
					if name, ok := m.c.View().PathOf(ref); ok {
						return name
					}
				}
				return ""
			})
		}},
		"shell": {0, 1, false, func(m *maker, a []string, s *scope) string { return m.shell(a[0], s) }},
		"sort": {1, 1, false, func(_ *maker, a []string, _ *scope) string {
			f := strings.Fields(a[0])
			slices.Sort(f)
			return strings.Join(slices.Compact(f), " ")
		}},
		"strip": {0, 1, false, func(_ *maker, a []string, _ *scope) string { return strings.Join(strings.Fields(a[0]), " ") }},
		"subst": {3, 3, false, func(_ *maker, a []string, _ *scope) string {
			if a[0] == "" {
				return a[2] + a[1]
			}
			return strings.ReplaceAll(a[2], a[0], a[1])
		}},
		"suffix": {1, 1, false, func(_ *maker, a []string, _ *scope) string { return each(a[0], suffixOf) }},
		"value": {1, 1, false, func(m *maker, a []string, s *scope) string {
			if v, _ := m.lookup(a[0], s); v != nil {
				return v.value
			}
			return ""
		}},
		"warning": {0, 1, false, func(m *maker, a []string, _ *scope) string {
			m.say(m.where, "%s", a[0])
			return ""
		}},
		"wildcard": {1, 1, false, func(m *maker, a []string, _ *scope) string {
			var found []string
			for _, w := range strings.Fields(a[0]) {
				if !hasGlob(w) {
					if m.exists(w) {
						found = append(found, w)
					}
					continue
				}
				found = append(found, m.glob(w)...)
			}
			return strings.Join(found, " ")
		}},
		"word": {2, 2, false, func(m *maker, a []string, _ *scope) string {
			n := m.numeral(a[0], "word")
			if n == 0 {
				m.fatal(m.where, "first argument to 'word' function must be greater than 0")
			}
			if f := strings.Fields(a[1]); n <= len(f) {
				return f[n-1]
			}
			return ""
		}},
		"wordlist": {3, 3, false, func(m *maker, a []string, _ *scope) string {
			from, to := m.numeral(a[0], "wordlist"), m.numeral2(a[1])
			if from < 1 {
				m.fatal(m.where, "invalid first argument to 'wordlist' function: '%s'", strings.TrimSpace(a[0]))
			}
			f := strings.Fields(a[2])
			to = min(to, len(f))
			if from > to {
				return ""
			}
			return strings.Join(f[from-1:to], " ")
		}},
		"words": {0, 1, false, func(_ *maker, a []string, _ *scope) string { return itoa(len(strings.Fields(a[0]))) }},
	}
}

// call splits the arguments of a function and carries it out.
func (m *maker) call(name string, f function, text string, open byte, s *scope) string {
	var args []string
	close := byte(')')
	if open == '{' {
		close = '}'
	}
	depth, from := 0, 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case open:
			depth++
		case close:
			depth--
		case ',':
			if depth == 0 && (f.max == 0 || len(args)+1 < f.max) {
				args = append(args, text[from:i])
				from = i + 1
			}
		}
	}
	args = append(args, text[from:])
	if len(args) < f.min {
		m.fatal(m.expandingAt(), "insufficient number of arguments (%d) to function '%s'", len(args), name)
	}
	if !f.lazy {
		for i, a := range args {
			args[i] = m.expand(a, s)
		}
	}
	m.c.Step(1 + len(text)>>6)
	return f.run(m, args, s)
}

func each(text string, f func(string) string) string {
	var out []string
	for _, w := range strings.Fields(text) {
		if w = f(w); w != "" {
			out = append(out, w)
		}
	}
	return strings.Join(out, " ")
}

func baseName(w string) string { return strings.TrimSuffix(w, suffixOf(w)) }

// suffixOf is from the last dot of the last element on.
func suffixOf(w string) string {
	i := strings.LastIndexByte(w, '.')
	if i < 0 || strings.IndexByte(w[i:], '/') >= 0 {
		return ""
	}
	return w[i:]
}

func filter(patterns, text string, keep bool) string {
	ps := strings.Fields(patterns)
	var out []string
	for _, w := range strings.Fields(text) {
		hit := slices.ContainsFunc(ps, func(p string) bool { _, ok := match(p, w); return ok })
		if hit == keep {
			out = append(out, w)
		}
	}
	return strings.Join(out, " ")
}

func and(m *maker, args []string, s *scope) string {
	last := ""
	for _, a := range args {
		if last = m.expand(strings.TrimSpace(a), s); last == "" {
			return ""
		}
	}
	return last
}

func or(m *maker, args []string, s *scope) string {
	for _, a := range args {
		if v := m.expand(strings.TrimSpace(a), s); v != "" {
			return v
		}
	}
	return ""
}

// inner makes a scope for the variables of a function inside of s.
func inner(s *scope) *scope { return newScope(s) }

func foreach(m *maker, args []string, s *scope) string {
	name := strings.TrimSpace(m.expand(args[0], s))
	list := strings.Fields(m.expand(args[1], s))
	in := inner(s)
	var out []string
	size := 0
	for _, w := range list {
		in.set(name, w, fromAutomatic, false)
		v := m.expand(args[2], in)
		out = append(out, v)
		if size += len(v) + 1; size > maxValue {
			m.fatal(m.where, "a value is longer than %d bytes", maxValue)
		}
	}
	return strings.Join(out, " ")
}

func call(m *maker, args []string, s *scope) string {
	name := strings.TrimSpace(args[0])
	if name == "" {
		return ""
	}
	if f, ok := functions[name]; ok && name != "call" {
		if len(args)-1 < f.min {
			m.fatal(m.expandingAt(), "insufficient number of arguments (%d) to function '%s'", len(args)-1, name)
		}
		return f.run(m, args[1:], s)
	}
	v, _ := m.lookup(name, s)
	if v == nil {
		return ""
	}
	in := inner(s)
	in.set("0", name, fromAutomatic, false)
	for i := 1; i < max(10, len(args)); i++ {
		value := ""
		if i < len(args) {
			value = args[i]
		}
		in.set(itoa(i), value, fromAutomatic, false)
	}
	if !v.recursive {
		return v.value
	}
	return m.expand(v.value, in) // a function may call itself
}

func (m *maker) numeral(s, function string) int {
	n, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil || n < 0 {
		m.fatal(m.where, "non-numeric first argument to '%s' function: '%s'", function, s)
	}
	return n
}

func (m *maker) numeral2(s string) int {
	n, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil || n < 0 {
		m.fatal(m.where, "non-numeric second argument to 'wordlist' function: '%s'", s)
	}
	return n
}

// fileFunc is $(file >name,text): it writes, appends or reads.
func fileFunc(m *maker, args []string, _ *scope) string {
	spec := strings.TrimSpace(args[0])
	op := strings.TrimLeft(spec, "<>")
	mode := spec[:len(spec)-len(op)]
	name := strings.TrimSpace(op)
	if name == "" {
		if mode == "" {
			m.fatal(m.where, "Missing file operation: %s", spec)
		}
		m.fatal(m.where, "file: missing filename")
	}
	switch mode {
	case "<":
		b, err := m.c.ReadFile(name)
		if err == linux.ENOENT {
			return ""
		}
		if err != nil {
			m.fatal(m.where, "open: %s: %v", name, err)
		}
		return strings.TrimSuffix(string(b), "\n")
	case ">", ">>":
		how := linux.O_WRONLY | linux.O_CREAT | linux.O_TRUNC
		if mode == ">>" {
			how = linux.O_WRONLY | linux.O_CREAT | linux.O_APPEND
		}
		f, err := m.c.OpenFile(name, how, 0o666)
		if err != nil {
			m.fatal(m.where, "open: %s: %v", name, err)
		}
		defer f.Close()
		if len(args) > 1 {
			text := args[1]
			if !strings.HasSuffix(text, "\n") {
				text += "\n"
			}
			if _, err := f.Write([]byte(text)); err != nil {
				m.fatal(m.where, "write: %s: %v", name, err)
			}
		}
		return ""
	}
	m.fatal(m.where, "Invalid file operation: %s", spec)
	return ""
}

// shell is $(shell): what a command prints, on one line.
func (m *maker) shell(command string, s *scope) string {
	argv := m.argvOf(command, s)
	if len(argv) == 0 {
		return ""
	}
	r, w, err := m.c.Pipe()
	if err != nil {
		m.fatal(m.where, "pipe: %v", err)
	}
	m.c.Cloexec(r, true)
	m.c.Cloexec(w, true)
	m.c.Out.Flush()
	pid, err := m.c.Start(argv, m.c.Env(), &kernel.SpawnOpts{Files: map[int]int{0: 0, 1: w, 2: 2}})
	m.c.Close(w)
	if err != nil {
		m.c.Close(r)
		m.say(location{}, "%s: %v", argv[0], err)
		m.vars.set(".SHELLSTATUS", "127", fromOverride, false)
		return ""
	}
	var out []byte
	buf := make([]byte, 4096)
	for len(out) < maxValue {
		n, err := m.c.Read(r, buf)
		if err == linux.EINTR {
			continue
		}
		if err != nil || n == 0 {
			break
		}
		out = append(out, buf[:n]...)
	}
	m.c.Close(r)
	status := 127
	if _, st, err := m.c.Wait(pid, 0); err == nil {
		status = st.ExitCode()
	}
	m.vars.set(".SHELLSTATUS", itoa(status), fromOverride, false)
	text := strings.TrimRight(strings.ReplaceAll(string(out), "\r\n", "\n"), "\n")
	return strings.ReplaceAll(text, "\n", " ")
}

package gnumake

import (
	"slices"
	"strings"
)

// origin says where a variable comes from; a later one stands before an earlier one.
type origin int

const (
	fromDefault origin = iota
	fromEnvironment
	fromFile
	fromEnvOverride // the environment's, with -e
	fromCommand
	fromOverride
	fromAutomatic
)

// String is what $(origin) says.
func (o origin) String() string {
	return [...]string{"default", "environment", "file", "environment override", "command line", "override", "automatic"}[o]
}

// export says whether a variable goes into the environment of recipes.
type export int

const (
	exportDefault export = iota // if it came from there, or from the command line
	exportYes
	exportNo
)

type variable struct {
	name, value string
	recursive   bool // expanded when it is used, not when it is set
	origin      origin
	export      export
	expanding   bool
	at          location // where it was set
	private     bool     // of a target, not of its prerequisites
	appends     bool     // += of a target's own: behind what the scope outside has
}

// scope is a set of variables: the global one, or those of a target, outside of which stand those
// of the target that needs it.
type scope struct {
	vars    map[string]*variable
	outer   *scope
	private bool // hide private variables: this scope is seen from a prerequisite
}

func newScope(outer *scope) *scope { return &scope{vars: map[string]*variable{}, outer: outer} }

func (s *scope) names() []string {
	var names []string
	for n := range s.vars {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// set defines a variable of s, whatever stood there.
func (s *scope) set(name, value string, o origin, recursive bool) *variable {
	v := s.vars[name]
	if v == nil {
		v = &variable{name: name}
		s.vars[name] = v
	}
	v.value, v.origin, v.recursive = value, o, recursive
	return v
}

// lookup finds a variable in s and outside of it.
func (m *maker) lookup(name string, s *scope) (*variable, *scope) {
	inherited := false
	for ; s != nil; s = s.outer {
		if v := s.vars[name]; v != nil && !(v.private && inherited) {
			return v, s
		}
		inherited = true
	}
	if v := m.vars.vars[name]; v != nil {
		return v, m.vars
	}
	return nil, nil
}

// assignment takes apart "NAME OP VALUE"; op is "=", ":=", "::=", "?=", "+=" or "!=".
func assignment(line string) (name, op, value string, ok bool) {
	depth := 0
	seen, blank := false, false
	for i := 0; i < len(line); i++ {
		ch := line[i]
		if ch == '$' && i+1 < len(line) {
			i++
			if open := line[i]; open == '(' || open == '{' {
				n := matching(line, i)
				if n < 0 {
					return "", "", "", false
				}
				i = n
			}
			if blank {
				return "", "", "", false
			}
			seen = true
			continue
		}
		if ch == '#' && depth == 0 {
			return "", "", "", false
		}
		if ch == ' ' || ch == '\t' {
			blank = seen
			continue
		}
		for _, o := range []string{"=", ":=", "::=", "?=", "+=", "!="} {
			if !strings.HasPrefix(line[i:], o) {
				continue
			}
			if name = strings.TrimSpace(line[:i]); name == "" {
				return "", "", "", false
			}
			return name, o, strings.TrimLeft(line[i+len(o):], " \t"), true
		}
		if ch == ':' || blank {
			return "", "", "", false
		}
		seen = true
	}
	return "", "", "", false
}

// assign carries out one assignment into s. name is expanded already, value is not.
func (m *maker) assign(s *scope, name, op, value string, o origin, at location) *variable {
	v := m.assignTo(s, name, op, value, o, at)
	if v != nil && s.vars[name] == v {
		v.at = at
	}
	return v
}

func (m *maker) assignTo(s *scope, name, op, value string, o origin, at location) *variable {
	if name == "" {
		m.fatal(at, "empty variable name")
	}
	target := s != m.vars
	old := s.vars[name]
	global := m.vars.vars[name]
	seen := old
	if target && seen == nil {
		seen, _ = m.lookup(name, s)
	}
	if m.envOverrides && o == fromFile && seen != nil && seen.origin == fromEnvironment {
		seen.origin = fromEnvOverride
	}
	protected := old != nil && old.origin > o || target && global != nil && global.origin > o && global.origin != fromAutomatic
	switch op {
	case "?=":
		if seen != nil {
			return seen
		}
		return s.set(name, value, o, true)
	case "=":
		if protected {
			return seen
		}
		return s.set(name, value, o, true)
	case ":=", "::=":
		value = m.expand(value, scopeOrNil(s, m))
		if protected {
			return seen
		}
		return s.set(name, value, o, false)
	case "!=":
		value = m.shell(m.expand(value, scopeOrNil(s, m)), s)
		if protected {
			return seen
		}
		return s.set(name, value, o, true)
	}
	// +=
	if protected {
		return seen
	}
	if old == nil && target {
		v := s.set(name, value, o, true)
		v.appends = true
		if global != nil && !global.recursive {
			v.value, v.recursive = m.expand(value, s), false
		}
		return v
	}
	if old == nil {
		return s.set(name, value, o, true)
	}
	if !old.recursive {
		value = m.expand(value, scopeOrNil(s, m))
	}
	if old.value != "" && value != "" {
		value = old.value + " " + value
	} else {
		value = old.value + value
	}
	exported := old.export
	appends := old.appends
	v := s.set(name, value, max(o, old.origin), old.recursive)
	v.export, v.appends = exported, appends
	return v
}

func scopeOrNil(s *scope, m *maker) *scope {
	if s == m.vars {
		return nil
	}
	return s
}

// environ is the environment of a recipe of f's, or of $(shell) where f is nil.
func (m *maker) environ(s *scope) []string {
	set := map[string]string{}
	var names []string
	seen := map[string]bool{}
	consider := func(name string, v *variable) {
		if seen[name] {
			return
		}
		seen[name] = true
		switch v.export {
		case exportNo:
			return
		case exportDefault:
			if v.origin == fromDefault || v.origin == fromAutomatic || !shellName(name) {
				return
			}
			global := m.vars.vars[name]
			if !m.exportAll && v.origin != fromCommand && v.origin != fromEnvironment && v.origin != fromEnvOverride && (global == nil || global.export != exportYes) {
				return
			}
		}
		names = append(names, name)
		set[name] = m.valueOf(v, s)
	}
	for sc := s; sc != nil; sc = sc.outer {
		for _, name := range sc.names() {
			if v := sc.vars[name]; !(v.private && sc != s) {
				consider(name, v)
			}
		}
	}
	for _, name := range m.vars.names() {
		consider(name, m.vars.vars[name])
	}
	set["MAKELEVEL"] = itoa(m.level + 1)
	names = append(names, "MAKELEVEL")
	if v := m.vars.vars["SHELL"]; v != nil && v.export != exportYes {
		// SHELL of the environment passes through as it was.
		if old := m.c.Getenv("SHELL"); old != "" && !contains(names, "SHELL") {
			names = append(names, "SHELL")
			set["SHELL"] = old
		}
	}
	slices.Sort(names)
	var env []string
	for _, n := range slices.Compact(names) {
		env = append(env, n+"="+set[n])
	}
	return env
}

func shellName(s string) bool {
	for i := 0; i < len(s); i++ {
		ch := s[i]
		if !(ch == '_' || ch >= 'a' && ch <= 'z' || ch >= 'A' && ch <= 'Z' || ch >= '0' && ch <= '9' && i > 0) {
			return false
		}
	}
	return s != ""
}

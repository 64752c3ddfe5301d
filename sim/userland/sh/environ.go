package sh

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/dockerlab/dockerlab/sim/userland/sh/grammar"
)

// Shells keep variables, aliases and commands in hash tables and list them bucket by bucket: env in
// a script shows the order of the table. ash and dash have the same hash; bash's is FNV-1. The
// orders are recorded in testdata/order.txtar.

// almquistHash is the hash of ash and dash.
func almquistHash(name string) uint32 {
	if name == "" {
		return 0
	}
	h := uint32(name[0]) << 4
	for i := range len(name) {
		h += uint32(name[i])
	}
	return h
}

// fnvHash is bash's hash.
func fnvHash(name string) uint32 {
	h := uint32(2166136261)
	for i := range len(name) {
		h = h*16777619 ^ uint32(name[i])
	}
	return h
}

// The sizes of the tables.
const (
	almquistVars     = 39
	almquistAliases  = 39
	almquistCommands = 31
	bashVars         = 1024
	bashCommands     = 256
	bashTempVars     = 4
)

// environ is the environment of a program that is executed, in the order of the shell's table.
func (s *shell) environ() []string {
	var names, out []string
	foreign := map[string]bool{} // inherited under names that no variable has
	for _, e := range s.p.Env() {
		name, _, _ := strings.Cut(e, "=")
		if !grammar.IsName(name) && !isExportedFunction(name) && s.d == Bash && !foreign[name] {
			foreign[name] = true
			out = append(out, e)
		}
	}
	for name, v := range s.vars {
		if v.exported && v.set && v.kind == scalar && name != "_" {
			names = append(names, name)
		}
	}
	bucket := func(name string) uint32 { return almquistHash(name) % almquistVars }
	newest := 1
	if s.d == Bash {
		bucket = func(name string) uint32 { return fnvHash(name) % bashVars }
		newest = -1 // bash puts a new variable at the head of its bucket
	}
	temp := map[string]int{} // bash lists first what is assigned before the command
	if s.d == Bash {
		for i, a := range s.before {
			temp[a.Name] = i + 1
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		ta, tb := temp[a], temp[b]
		switch {
		case ta > 0 && tb > 0:
			return cmp.Or(cmp.Compare(fnvHash(a)%bashTempVars, fnvHash(b)%bashTempVars), cmp.Compare(tb, ta))
		case ta > 0:
			return -1
		case tb > 0:
			return 1
		}
		return cmp.Or(cmp.Compare(bucket(a), bucket(b)), newest*cmp.Compare(s.vars[a].born, s.vars[b].born), cmp.Compare(a, b))
	})
	for _, name := range names {
		out = append(out, name+"="+s.vars[name].value)
	}
	if s.d == Bash {
		for _, name := range slices.Sorted(maps.Keys(s.funcs)) {
			if f := s.funcs[name]; f.exported {
				out = append(out, exportedFunction(name)+"="+s.functionDefinition(f))
			}
		}
	}
	if v := s.vars["_"]; v != nil && v.exported && v.set {
		out = append(out, "_="+v.value)
	}
	return out
}

// Exported functions stand in the environment as BASH_FUNC_NAME%%=() {  ...}.

func exportedFunction(name string) string { return "BASH_FUNC_" + name + "%%" }

func isExportedFunction(name string) bool {
	rest, ok := strings.CutPrefix(name, "BASH_FUNC_")
	return ok && strings.HasSuffix(rest, "%%")
}

// functionDefinition is a function as the environment carries it.
func (s *shell) functionDefinition(f *function) string {
	_, body, _ := strings.Cut(s.functionText(f), "\n{ \n")
	lines := strings.Split(strings.TrimSuffix(body, "\n"), "\n")
	for i, l := range lines[:len(lines)-1] {
		lines[i] = " " + strings.TrimLeft(l, " ")
	}
	return "() { " + strings.Join(lines, "\n")
}

// importFunctions takes over the functions that a parent bash has exported.
func (s *shell) importFunctions() {
	for _, e := range s.p.Env() {
		name, text, _ := strings.Cut(e, "=")
		if !isExportedFunction(name) || !strings.HasPrefix(text, "() {") {
			continue
		}
		name = strings.TrimSuffix(strings.TrimPrefix(name, "BASH_FUNC_"), "%%")
		cmd, err := s.textParser(name + " " + text).Next()
		if def, ok := cmd.(*grammar.FuncDef); err == nil && ok {
			s.funcs[name] = &function{name: name, def: def, source: "environment", line: 1, exported: true}
		}
	}
}

// byBucket orders names as a table of so many buckets lists them.
func byBucket(hash func(string) uint32, buckets uint32) func(a, b string) int {
	return func(a, b string) int {
		return cmp.Or(cmp.Compare(hash(a)%buckets, hash(b)%buckets), cmp.Compare(a, b))
	}
}

// aliasNames is the aliases in the order in which alias lists them.
func (s *shell) aliasNames() []string {
	if s.d == Bash {
		return sortedKeys(s.aliases)
	}
	s.aliasOrder = slices.DeleteFunc(s.aliasOrder, func(name string) bool { _, ok := s.aliases[name]; return !ok })
	names := slices.Clone(s.aliasOrder)
	slices.SortStableFunc(names, func(a, b string) int {
		return cmp.Compare(almquistHash(a)%almquistAliases, almquistHash(b)%almquistAliases)
	})
	return names
}

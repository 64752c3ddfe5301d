package build

import (
	"maps"
	"slices"
	"strings"
)

// predefinedArgs may be given without being declared. They do not show in history, and a build is
// the same for the cache whatever they are.
var predefinedArgs = []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "FTP_PROXY", "ftp_proxy", "NO_PROXY", "no_proxy"}

// args are the build arguments in force at one place of a Dockerfile.
type args struct {
	given      map[string]*string // with --build-arg; nil: named without a value
	meta       map[string]*string // declared before the first FROM
	declared   map[string]*string // in this stage, with the default or nil
	referenced map[string]bool    // declared anywhere so far
}

func newArgs(given map[string]*string) *args {
	return &args{given: given, meta: map[string]*string{}, declared: map[string]*string{}, referenced: map[string]bool{}}
}

// stage gives the args for the beginning of a stage, where none is declared.
func (a *args) stage() *args {
	return &args{given: a.given, meta: a.meta, declared: map[string]*string{}, referenced: maps.Clone(a.referenced)}
}

// declare is ARG name=def.
func (a *args) declare(name string, def *string) {
	a.declared[name] = def
	a.referenced[name] = true
}

// value is what an argument has: what was given, else its default, else what it had before the
// first FROM.
func (a *args) value(name string, in map[string]*string) (string, bool) {
	if v := a.given[name]; v != nil {
		return *v, true
	}
	if v := in[name]; v != nil {
		return *v, true
	}
	if v := a.meta[name]; v != nil {
		return *v, true
	}
	return "", false
}

// list gives NAME=VALUE of the arguments in a map and of the predefined ones, by name.
func (a *args) list(in map[string]*string) []string {
	names := map[string]bool{}
	for n := range in {
		names[n] = true
	}
	for _, n := range predefinedArgs {
		names[n] = true
	}
	var out []string
	for _, n := range slices.Sorted(maps.Keys(names)) {
		if v, ok := a.value(n, in); ok {
			out = append(out, n+"="+v)
		}
	}
	return out
}

// forFrom are the variables that FROM sees.
func (a *args) forFrom() []string { return a.list(a.meta) }

// beside are the arguments that no variable of env hides.
func (a *args) beside(env []string) []string {
	has := map[string]bool{}
	for _, e := range env {
		k, _, _ := strings.Cut(e, "=")
		has[k] = true
	}
	var out []string
	for _, e := range a.list(a.declared) {
		if k, _, _ := strings.Cut(e, "="); !has[k] {
			out = append(out, e)
		}
	}
	return out
}

// recorded are those of a list that history shows and the cache compares: a predefined one counts
// only where it is declared.
func (a *args) recorded(list []string) []string {
	var out []string
	for _, e := range list {
		k, _, _ := strings.Cut(e, "=")
		if _, ok := a.declared[k]; ok || !slices.Contains(predefinedArgs, k) {
			out = append(out, e)
		}
	}
	slices.Sort(out)
	return out
}

// unused are those given that no ARG declares.
func (a *args) unused() []string {
	var out []string
	for n := range a.given {
		if !a.referenced[n] && !slices.Contains(predefinedArgs, n) {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out
}

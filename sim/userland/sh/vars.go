package sh

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/userland/sh/grammar"
)

// variable is a shell variable. Its value is one string, an array or a map of strings.
type variable struct {
	set      bool
	value    string
	array    []string // indexed; holes are not present
	present  []bool
	assoc    map[string]string
	order    []string // keys of assoc, in the order of their arrival
	kind     varKind
	exported bool
	readonly bool
	integer  bool
	lower    bool
	upper    bool
	nameref  bool
	trace    bool
	born     int   // counts the variables of this shell as they come
	gen      *byte // the interpreter that may change it in place
}

type varKind uint8

const (
	scalar varKind = iota
	indexed
	associative
)

// scope holds what the locals of one function call hide; nil stands for "was not set".
type scope struct {
	saved map[string]*variable
	opts  *options // what "local -" saved
}

// own gives a variable that this interpreter may change in place, and that is name's.
func (s *shell) own(name string) *variable {
	v := s.vars[name]
	if v == nil {
		s.born++
		v = &variable{gen: s.gen, born: s.born}
		s.vars[name] = v
		return v
	}
	if v.gen != s.gen {
		c := *v
		c.gen = s.gen
		c.array = slices.Clone(v.array)
		c.present = slices.Clone(v.present)
		c.order = slices.Clone(v.order)
		if v.assoc != nil {
			c.assoc = maps.Clone(v.assoc)
		}
		v = &c
		s.vars[name] = v
	}
	return v
}

func (s *shell) initVars() {
	for _, e := range s.p.Env() {
		name, value, ok := strings.Cut(e, "=")
		if !ok || !grammar.IsName(name) {
			continue
		}
		s.born++
		s.vars[name] = &variable{set: true, value: value, exported: true, born: s.born, gen: s.gen}
	}
	def := func(name, value string) {
		if s.vars[name] == nil {
			s.vars[name] = &variable{set: true, value: value, gen: s.gen}
		}
	}
	delete(s.vars, "IFS")
	def("IFS", " \t\n")
	s.vars["OPTIND"] = &variable{set: true, value: "1", gen: s.gen}
	s.getopt = getoptState{}
	s.initCwd()
	ppid := strconv.Itoa(s.p.Ppid())
	switch s.d {
	case Bash:
		s.vars["PPID"] = &variable{set: true, value: ppid, readonly: true, integer: true, gen: s.gen}
		c := s.p.Cred()
		s.vars["UID"] = &variable{set: true, value: strconv.Itoa(int(c.RUID)), readonly: true, integer: true, gen: s.gen}
		s.vars["EUID"] = &variable{set: true, value: strconv.Itoa(int(c.UID)), readonly: true, integer: true, gen: s.gen}
		s.vars["OPTIND"].integer = true
		def("OPTERR", "1")
		def("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
		if def("PS4", "+ "); s.p.Cred().UID == 0 { // which root does not take from the environment
			s.vars["PS4"] = &variable{set: true, value: "+ ", gen: s.gen}
		}
		def("HOSTNAME", s.p.Uname().Nodename)
		def("HOSTTYPE", "x86_64")
		def("MACHTYPE", "x86_64-pc-linux-gnu")
		def("OSTYPE", "linux-gnu")
		def("TERM", "dumb")
		def("SHELL", "/bin/bash")
		def("BASH", s.p.Exe())
		s.vars["BASH_VERSION"] = &variable{set: true, value: "5.2.15(1)-release", gen: s.gen}
		s.vars["BASH_VERSINFO"] = &variable{set: true, kind: indexed, readonly: true, gen: s.gen,
			array:   []string{"5", "2", "15", "1", "release", "x86_64-pc-linux-gnu"},
			present: []bool{true, true, true, true, true, true}}
		level, _ := strconv.Atoi(s.value("SHLVL"))
		s.vars["SHLVL"] = &variable{set: true, value: strconv.Itoa(level + 1), exported: true, gen: s.gen}
		if v := s.vars["OLDPWD"]; v == nil {
			s.vars["OLDPWD"] = &variable{exported: true, gen: s.gen}
		}
		s.vars["_"] = &variable{set: true, value: s.arg0, gen: s.gen}
	default:
		s.vars["PPID"] = &variable{set: true, value: ppid, gen: s.gen}
		prompt := "# "
		if s.p.Cred().UID != 0 {
			prompt = "$ "
		}
		if s.d == Ash {
			prompt = "\\w \\$ "
			level, _ := strconv.Atoi(s.value("SHLVL"))
			s.vars["SHLVL"] = &variable{set: true, value: strconv.Itoa(level + 1), exported: true, gen: s.gen}
			def("PATH", "/sbin:/usr/sbin:/bin:/usr/bin")
		} else {
			def("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
		}
		def("PS1", prompt)
		def("PS2", "> ")
		s.vars["PS4"] = &variable{set: true, value: "+ ", gen: s.gen}
	}
}

// initCwd trusts PWD if it names the working directory.
func (s *shell) initCwd() {
	real, err := s.p.Getwd()
	if err != nil {
		real = ""
	}
	s.cwd = real
	if v := s.vars["PWD"]; v != nil && strings.HasPrefix(v.value, "/") {
		a, err1 := s.p.Stat(v.value)
		b, err2 := s.p.Stat(".")
		if err1 == nil && err2 == nil && a.Ino == b.Ino && a.Dev == b.Dev {
			s.cwd = v.value
		}
	}
	s.vars["PWD"] = &variable{set: true, value: s.cwd, exported: true, gen: s.gen}
}

// ref follows namerefs to the name of a variable.
func (s *shell) ref(name string) string {
	for range 8 {
		v := s.vars[name]
		if v == nil || !v.nameref || v.value == "" {
			return name
		}
		name = v.value
	}
	return name
}

// get is a variable's value as a string, and whether it is set.
func (s *shell) get(name string) (string, bool) {
	if v, ok := s.dynamic(name); ok {
		return v, true
	}
	v := s.vars[name]
	if v == nil {
		return "", false
	}
	if v.nameref {
		to := s.ref(name)
		if base, ix, ok := splitIndex(to); ok {
			return s.element(base, ix)
		}
		if v = s.vars[to]; v == nil {
			return "", false
		}
	}
	switch v.kind {
	case indexed:
		if len(v.array) > 0 && v.present[0] {
			return v.array[0], true
		}
		return "", false
	case associative:
		val, ok := v.assoc["0"]
		return val, ok
	}
	return v.value, v.set
}

func (s *shell) value(name string) string {
	v, _ := s.get(name)
	return v
}

// splitIndex takes "name[index]" apart.
func splitIndex(text string) (name, index string, ok bool) {
	i := strings.IndexByte(text, '[')
	if i <= 0 || !strings.HasSuffix(text, "]") || !grammar.IsName(text[:i]) {
		return "", "", false
	}
	return text[:i], text[i+1 : len(text)-1], true
}

// dynamic is the value of a variable that the shell computes when it is read.
func (s *shell) dynamic(name string) (string, bool) {
	switch name {
	case "LINENO":
		if s.d == Dash {
			return "", false
		}
		if v := s.vars[name]; v != nil && v.set && s.d == Bash {
			return "", false
		}
		return strconv.Itoa(s.line), true
	case "RANDOM":
		if s.d == Dash || s.vars[name] != nil && s.d == Ash {
			return "", false
		}
		return strconv.Itoa(s.nextRandom()), true
	}
	if s.d == Ash {
		switch name {
		case "EPOCHSECONDS":
			return strconv.FormatInt(s.p.Now().Unix(), 10), true
		case "EPOCHREALTIME":
			now := s.p.Now()
			return strconv.FormatInt(now.Unix(), 10) + "." + pad(strconv.Itoa(now.Nanosecond()/1000), 6), true
		}
	}
	if s.d != Bash {
		return "", false
	}
	switch name {
	case "SECONDS":
		if v := s.vars[name]; v != nil && v.set {
			n, _ := strconv.Atoi(v.value)
			return strconv.Itoa(n + int(s.p.Now().Sub(s.seconds).Seconds())), true
		}
		return strconv.Itoa(int(s.p.Now().Sub(s.seconds).Seconds())), true
	case "EPOCHSECONDS":
		return strconv.FormatInt(s.p.Now().Unix(), 10), true
	case "EPOCHREALTIME":
		now := s.p.Now()
		return strconv.FormatInt(now.Unix(), 10) + "." + pad(strconv.Itoa(now.Nanosecond()/1000), 6), true
	case "SRANDOM":
		return strconv.FormatUint(uint64(s.p.Kernel().Rand().Uint32()), 10), true
	case "BASHPID":
		return strconv.Itoa(s.p.Pid()), true
	case "BASH_SUBSHELL":
		return strconv.Itoa(s.subshell), true
	case "BASHOPTS":
		return s.bashOpts(), true
	case "SHELLOPTS":
		return s.shellOpts(), true
	case "FUNCNAME":
		for i := len(s.calls) - 1; i >= 0; i-- {
			if s.calls[i].name != "" {
				return s.calls[i].name, true
			}
		}
		return "", false
	case "BASH_SOURCE":
		if a := s.bashSource(); len(a) > 0 {
			return a[0], true
		}
		return "", false
	case "BASH_LINENO":
		if n := len(s.calls); n > 0 {
			return strconv.Itoa(s.calls[n-1].line), true
		}
		return "", false
	case "PIPESTATUS":
		if len(s.pipe) > 0 {
			return strconv.Itoa(s.pipe[0]), true
		}
		return strconv.Itoa(s.status), true
	case "DIRSTACK":
		return s.cwd, true
	case "BASH_COMMAND":
		if s.running != nil {
			return s.oneLine(s.running), true
		}
		return "", false
	case "BASH_EXECUTION_STRING":
		return s.cText, s.cString
	case "HISTCMD":
		return strconv.Itoa(len(s.history) + 1), true
	case "GROUPS":
		return strconv.Itoa(int(s.p.Cred().GID)), true
	case "COLUMNS", "LINES":
		if s.interactive && s.vars[name] == nil {
			if rows, cols, err := s.p.Winsize(s.ttyFd); err == nil {
				if name == "LINES" {
					return strconv.Itoa(rows), true
				}
				return strconv.Itoa(cols), true
			}
		}
	}
	return "", false
}

func pad(s string, width int) string {
	for len(s) < width {
		s = "0" + s
	}
	return s
}

func (s *shell) nextRandom() int {
	s.random = s.random*1103515245 + 12345
	return int(s.random>>16) & 0x7fff
}

// bashSource is BASH_SOURCE, the innermost first.
func (s *shell) bashSource() []string {
	var out []string
	for i := len(s.calls) - 1; i >= 0; i-- {
		out = append(out, s.calls[i].source)
	}
	if s.script != "" {
		out = append(out, s.script)
	}
	return out
}

// dynamicArray is an array that the shell computes when it is read.
func (s *shell) dynamicArray(name string) ([]string, bool) {
	if s.d != Bash {
		return nil, false
	}
	switch name {
	case "PIPESTATUS":
		var out []string
		for _, n := range s.pipe {
			out = append(out, strconv.Itoa(n))
		}
		if out == nil {
			out = []string{strconv.Itoa(s.status)}
		}
		return out, true
	case "FUNCNAME":
		var out []string
		for i := len(s.calls) - 1; i >= 0; i-- {
			name := s.calls[i].name
			if name == "" {
				name = "source"
			}
			out = append(out, name)
		}
		if out != nil && !s.cString {
			out = append(out, "main")
		}
		return out, true
	case "BASH_SOURCE":
		return s.bashSource(), true
	case "BASH_LINENO":
		var out []string
		for i := len(s.calls) - 1; i >= 0; i-- {
			out = append(out, strconv.Itoa(s.calls[i].line))
		}
		return out, true
	case "DIRSTACK":
		return append([]string{s.cwd}, s.dirs...), true
	case "GROUPS":
		out := []string{strconv.Itoa(int(s.p.Cred().GID))}
		for _, g := range s.p.Cred().Groups {
			if g != s.p.Cred().GID {
				out = append(out, strconv.Itoa(int(g)))
			}
		}
		return out, true
	}
	return nil, false
}

// elements gives the values and keys of an array, or of a scalar as an array of one.
func (s *shell) elements(name string) (values, keys []string) {
	if a, ok := s.dynamicArray(name); ok {
		for i := range a {
			keys = append(keys, strconv.Itoa(i))
		}
		return a, keys
	}
	v := s.vars[s.ref(name)]
	if v == nil {
		if val, ok := s.dynamic(name); ok {
			return []string{val}, []string{"0"}
		}
		return nil, nil
	}
	if v.kind != scalar {
		return v.elements()
	}
	if val, ok := s.get(name); ok {
		return []string{val}, []string{"0"}
	}
	return nil, nil
}

// elements is what an array holds, in the order in which it is listed.
func (v *variable) elements() (values, keys []string) {
	switch v.kind {
	case indexed:
		for i, val := range v.array {
			if v.present[i] {
				values, keys = append(values, val), append(keys, strconv.Itoa(i))
			}
		}
	case associative:
		for _, k := range v.assocOrder() {
			values, keys = append(values, v.assoc[k]), append(keys, k)
		}
	}
	return values, keys
}

// assocOrder lists keys as bash's hash table does: by bucket of their FNV-1 hash, the latest first.
func (v *variable) assocOrder() []string {
	const buckets = 1024
	hash := func(k string) uint32 { return fnvHash(k) % buckets }
	keys := slices.Clone(v.order)
	slices.Reverse(keys)
	slices.SortStableFunc(keys, func(a, b string) int { return int(hash(a)) - int(hash(b)) })
	return keys
}

// element is one element of an array.
func (s *shell) element(name, index string) (string, bool) {
	if a, ok := s.dynamicArray(name); ok {
		i := s.arithIndex(index, len(a), name)
		if i >= 0 && i < len(a) {
			return a[i], true
		}
		return "", false
	}
	name = s.ref(name)
	v := s.vars[name]
	if v == nil {
		s.arithText(index)
		return "", false
	}
	switch v.kind {
	case associative:
		val, ok := v.assoc[index]
		return val, ok
	case indexed:
		i := s.arithIndex(index, len(v.array), name)
		if i >= 0 && i < len(v.array) && v.present[i] {
			return v.array[i], true
		}
		return "", false
	}
	if s.arithIndex(index, 1, name) == 0 {
		return s.get(name)
	}
	return "", false
}

// arithIndex evaluates an index; a negative one counts from the end.
func (s *shell) arithIndex(index string, n int, name string) int {
	i := s.arithText(index)
	if i < 0 {
		i += int64(n)
		if i < 0 {
			s.plainf("%s: bad array subscript", name)
			return -1
		}
	}
	if i > 1<<31 {
		return -1
	}
	return int(i)
}

// assign sets a variable; it fails, and says so, if it is readonly. ok is false then.
func (s *shell) assign(name, value string) bool { return s.assignVar(name, value, false) }

func (s *shell) assignVar(name, value string, add bool) bool {
	name = s.ref(name)
	if base, ix, ok := splitIndex(name); ok {
		return s.assignElement(base, ix, value, add)
	}
	if v := s.vars[name]; v != nil && v.readonly {
		s.readonlyError(name)
		return false
	}
	v := s.own(name)
	if v.nameref {
		if value != "" {
			v.value, v.set = value, true
		}
		return true
	}
	value = s.shaped(v, value)
	if add && v.kind == scalar {
		if v.integer {
			value = strconv.FormatInt(s.arithText(v.value)+s.arithText(value), 10)
		} else {
			value = v.value + value
		}
	}
	switch v.kind {
	case indexed:
		s.setIndexed(v, 0, value, add)
	case associative:
		s.setAssoc(v, "0", value, add)
	default:
		s.charge(len(value) - len(v.value))
		v.value, v.set = value, true
	}
	if s.set('a') {
		v.exported = true
	}
	s.assigned(name, value)
	return true
}

// shaped is a value as the variable's attributes want it.
func (s *shell) shaped(v *variable, value string) string {
	switch {
	case v.integer:
		return strconv.FormatInt(s.arithText(value), 10)
	case v.lower:
		return strings.ToLower(value)
	case v.upper:
		return strings.ToUpper(value)
	}
	return value
}

// assigned does what else the assignment to some variables means.
func (s *shell) assigned(name, value string) {
	switch name {
	case "PATH":
		clear(s.hash)
	case "OPTIND":
		s.getopt.at = 0
		n, _ := strconv.Atoi(value)
		s.getopt.ind = max(n, 1)
	case "SECONDS":
		s.seconds = s.p.Now()
	case "RANDOM":
		if n, err := strconv.Atoi(value); err == nil {
			s.random = uint32(n)
		}
		if s.d == Bash {
			delete(s.vars, name)
		}
	case "LINENO":
		if s.d == Bash {
			delete(s.vars, name)
		}
	case "BASH_ARGV0":
		s.arg0 = value
	}
}

const maxIndex = 1 << 22 // elements of an indexed array, holes included

func (s *shell) setIndexed(v *variable, i int, value string, add bool) {
	if i >= maxIndex {
		s.fatal("array index %d is beyond the lab's bound of %d", i, maxIndex)
	}
	if grow := i + 1 - len(v.array); grow > 0 {
		s.charge(17 * grow)
		v.array = append(v.array, make([]string, grow)...)
		v.present = append(v.present, make([]bool, grow)...)
	}
	if add {
		if v.integer {
			value = strconv.FormatInt(s.arithText(v.array[i])+s.arithText(value), 10)
		} else {
			value = v.array[i] + value
		}
	}
	s.charge(len(value) - len(v.array[i]))
	v.array[i], v.present[i], v.set = value, true, true
}

func (s *shell) setAssoc(v *variable, key, value string, add bool) {
	if v.assoc == nil {
		v.assoc = map[string]string{}
	}
	old, ok := v.assoc[key]
	if !ok {
		v.order = append(v.order, key)
		s.charge(64)
	}
	if add {
		value = old + value
	}
	s.charge(len(value) - len(old))
	v.assoc[key], v.set = value, true
}

// assignElement sets one element of an array.
func (s *shell) assignElement(name, index, value string, add bool) bool {
	name = s.ref(name)
	if v := s.vars[name]; v != nil && v.readonly {
		s.readonlyError(name)
		return false
	}
	v := s.own(name)
	value = s.shaped(v, value)
	switch v.kind {
	case associative:
		s.setAssoc(v, index, value, add)
		return true
	case scalar:
		s.toIndexed(v)
	}
	i := s.arithText(index)
	if i < 0 {
		i += int64(len(v.array))
		if i < 0 {
			s.plainf("%s[%s]: bad array subscript", name, index)
			panic(discard{1})
		}
	}
	s.setIndexed(v, int(min(i, 1<<40)), value, add)
	return true
}

func (s *shell) toIndexed(v *variable) {
	v.kind = indexed
	if v.set {
		v.array, v.present = []string{v.value}, []bool{true}
		v.value = ""
	}
}

func (s *shell) readonlyError(name string) {
	if s.d == Bash {
		save := s.command
		if !s.declaring() {
			s.command = ""
		}
		s.errorf("%s: readonly variable", name)
		s.command = save
		return
	}
	if s.command != "" && s.command != s.scriptName() {
		s.errorf("%s: is read only", name)
	} else {
		s.plainf("%s: is read only", name)
	}
	panic(discard{2})
}

func (s *shell) declaring() bool {
	switch s.command {
	case "declare", "local", "typeset":
		return true
	}
	return false
}

// unset removes a variable; false if it is readonly.
func (s *shell) unset(name string) bool {
	name = s.ref(name)
	v := s.vars[name]
	if v != nil && v.readonly {
		return false
	}
	if v != nil {
		s.charge(-len(v.value))
	}
	if s.d == Bash && v != nil {
		// an unset local stays local
		if n := len(s.locals); n > 0 {
			if _, ok := s.locals[n-1].saved[name]; ok {
				s.vars[name] = &variable{gen: s.gen}
				return true
			}
		}
	}
	delete(s.vars, name)
	if name == "PATH" {
		clear(s.hash)
	}
	return true
}

// localize makes name local to the running function.
func (s *shell) localize(name string, inherit bool) *variable {
	sc := s.locals[len(s.locals)-1]
	old := s.vars[name]
	if _, ok := sc.saved[name]; !ok {
		sc.saved[name] = old
		v := &variable{gen: s.gen}
		if old != nil {
			v.exported = old.exported
			if inherit {
				c := *old
				c.gen = nil
				v = &c
			}
		}
		s.vars[name] = v
		return s.own(name)
	}
	return s.own(name)
}

func (s *shell) popScope() {
	n := len(s.locals) - 1
	sc := s.locals[n]
	s.locals = s.locals[:n]
	for name, v := range sc.saved {
		if v == nil {
			delete(s.vars, name)
		} else {
			s.vars[name] = v
		}
		if name == "PATH" {
			clear(s.hash)
		}
		if name == "OPTIND" && v != nil {
			n, _ := strconv.Atoi(v.value)
			s.getopt.ind, s.getopt.at = max(n, 1), 0
		}
	}
	if sc.opts != nil {
		s.opt = *sc.opts
	}
}

// pushTmp makes the assignments before a command, which popTmp takes back.
func (s *shell) pushTmp() { s.tmpVars = append(s.tmpVars, map[string]*variable{}) }

func (s *shell) saveTmp(name string) {
	m := s.tmpVars[len(s.tmpVars)-1]
	if _, ok := m[name]; ok {
		return
	}
	old := s.vars[name]
	m[name] = old
	if old != nil {
		c := *old
		c.gen = nil
		s.vars[name] = &c
	}
}

func (s *shell) popTmp() {
	n := len(s.tmpVars) - 1
	m := s.tmpVars[n]
	s.tmpVars = s.tmpVars[:n]
	for name, v := range m {
		if v == nil {
			delete(s.vars, name)
		} else {
			s.vars[name] = v
		}
		if name == "PATH" {
			clear(s.hash)
		}
	}
}

// allVars is the variables as set and declare list them: also those that the shell makes up when
// they are asked for.
func (s *shell) allVars() map[string]*variable {
	all := maps.Clone(s.vars)
	add := func(name string, v variable) {
		if all[name] == nil {
			all[name] = &v
		}
	}
	switch s.d {
	case Ash:
		add("FUNCNAME", variable{set: true})
		add("LINENO", variable{set: true})
	case Bash:
		for _, name := range []string{"BASH_ARGV0", "BASH_COMMAND", "BASH_SUBSHELL", "COMP_WORDBREAKS", "EPOCHREALTIME", "EPOCHSECONDS", "LINENO", "SECONDS"} {
			add(name, variable{})
		}
		for _, name := range []string{"BASHPID", "HISTCMD", "RANDOM", "SRANDOM"} {
			add(name, variable{integer: true})
		}
		add("BASHOPTS", variable{set: true, value: s.bashOpts(), readonly: true})
		add("SHELLOPTS", variable{set: true, value: s.shellOpts(), readonly: true})
		add("BASH_LOADABLES_PATH", variable{set: true, value: "/usr/local/lib/bash:/usr/lib/bash:/opt/local/lib/bash:/usr/pkg/lib/bash:/opt/pkg/lib/bash:."})
		if s.cString {
			add("BASH_EXECUTION_STRING", variable{set: true, value: s.cText})
		}
		for _, name := range []string{"BASH_ALIASES", "BASH_CMDS"} {
			add(name, variable{set: true, kind: associative})
		}
		for _, name := range []string{"BASH_ARGC", "BASH_ARGV", "DIRSTACK", "GROUPS"} {
			add(name, variable{set: true, kind: indexed}) // filled when they are asked for by name
		}
		for _, name := range []string{"BASH_LINENO", "BASH_SOURCE", "FUNCNAME", "PIPESTATUS"} {
			list, _ := s.dynamicArray(name)
			if name == "PIPESTATUS" && s.pipe == nil {
				continue
			}
			v := variable{set: name != "FUNCNAME" || list != nil, kind: indexed, array: list}
			for range list {
				v.present = append(v.present, true)
			}
			add(name, v)
		}
	}
	return all
}

package sh

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// option is a switch of set: a letter, a name, or both.
type option struct {
	letter byte
	name   string
}

var ashOptions = []option{{'e', "errexit"}, {'f', "noglob"}, {'I', "ignoreeof"}, {'m', "monitor"}, {'n', "noexec"},
	{'x', "xtrace"}, {'v', "verbose"}, {'C', "noclobber"}, {'a', "allexport"}, {'b', "notify"}, {'u', "nounset"},
	{'E', "errtrace"}, {0, "vi"}, {0, "pipefail"}}

var dashOptions = []option{{'e', "errexit"}, {'f', "noglob"}, {'I', "ignoreeof"}, {'i', "interactive"}, {'m', "monitor"},
	{'n', "noexec"}, {'s', "stdin"}, {'x', "xtrace"}, {'v', "verbose"}, {'V', "vi"}, {'E', "emacs"}, {'C', "noclobber"},
	{'a', "allexport"}, {'b', "notify"}, {'u', "nounset"}, {'p', "privileged"}, {0, "nolog"}, {0, "debug"}}

var bashOptions = []option{{'a', "allexport"}, {'B', "braceexpand"}, {0, "emacs"}, {'e', "errexit"}, {'E', "errtrace"},
	{'T', "functrace"}, {'h', "hashall"}, {'H', "histexpand"}, {0, "history"}, {0, "ignoreeof"}, {0, "interactive-comments"},
	{'k', "keyword"}, {'m', "monitor"}, {'C', "noclobber"}, {'n', "noexec"}, {'f', "noglob"}, {0, "nolog"}, {'b', "notify"},
	{'u', "nounset"}, {'t', "onecmd"}, {'P', "physical"}, {0, "pipefail"}, {0, "posix"}, {'p', "privileged"}, {'v', "verbose"},
	{0, "vi"}, {'x', "xtrace"}}

func (s *shell) options() []option {
	switch s.d {
	case Ash:
		return ashOptions
	case Dash:
		return dashOptions
	}
	return bashOptions
}

var shoptDefaults = map[string]bool{"autocd": false, "assoc_expand_once": false, "cdable_vars": false, "cdspell": false,
	"checkhash": false, "checkjobs": false, "checkwinsize": true, "cmdhist": true, "compat31": false, "compat32": false,
	"compat40": false, "compat41": false, "compat42": false, "compat43": false, "compat44": false, "complete_fullquote": true,
	"direxpand": false, "dirspell": false, "dotglob": false, "execfail": false, "expand_aliases": false, "extdebug": false,
	"extglob": false, "extquote": true, "failglob": false, "force_fignore": true, "globasciiranges": true, "globskipdots": true,
	"globstar": false, "gnu_errfmt": false, "histappend": false, "histreedit": false, "histverify": false, "hostcomplete": true,
	"huponexit": false, "inherit_errexit": false, "interactive_comments": true, "lastpipe": false, "lithist": false,
	"localvar_inherit": false, "localvar_unset": false, "login_shell": false, "mailwarn": false, "no_empty_cmd_completion": false,
	"nocaseglob": false, "nocasematch": false, "noexpand_translation": false, "nullglob": false, "patsub_replacement": true,
	"progcomp": true, "progcomp_alias": false, "promptvars": true, "restricted_shell": false, "shift_verbose": false,
	"sourcepath": true, "varredir_close": false, "xpg_echo": false}

func (s *shell) initShopt() {
	if s.d != Bash {
		return
	}
	for k, v := range shoptDefaults {
		s.opt.shopt[k] = v
	}
	s.opt.letters['h'], s.opt.letters['B'] = true, true
	s.opt.named["interactive-comments"] = true
}

func (s *shell) knownFlag(c byte) bool {
	for _, o := range s.options() {
		if o.letter == c && c != 0 {
			return true
		}
	}
	return false
}

// option says whether a named option is on.
func (s *shell) named2(o option) bool {
	if o.letter != 0 {
		return s.opt.letters[o.letter]
	}
	return s.opt.named[o.name]
}

// setNamed switches an option by its name; false if there is none.
func (s *shell) setNamed(name string, on bool) bool {
	for _, o := range s.options() {
		if o.name != name {
			continue
		}
		if o.letter != 0 {
			s.opt.letters[o.letter] = on
		} else {
			s.opt.named[name] = on
		}
		if name == "emacs" && on {
			s.opt.named["vi"] = false
		}
		if name == "vi" && on {
			s.opt.named["emacs"] = false
		}
		s.syncNamed()
		return true
	}
	return false
}

// syncNamed keeps what is derived from options.
func (s *shell) syncNamed() { s.opt.named["nobraceexpand"] = s.d == Bash && !s.opt.letters['B'] }

// flags is $-.
func (s *shell) flags() string {
	var b strings.Builder
	if s.d == Bash {
		for _, c := range "abefhkmnptuvxBCEHPT" {
			if c == 'e' && s.set('e') || c != 'e' && s.opt.letters[c] {
				b.WriteRune(c)
			}
			if c == 'h' && s.interactive {
				b.WriteByte('i')
			}
		}
		text := b.String()
		if s.cString {
			text += "c"
		}
		if s.stdinScript {
			text += "s"
		}
		return text
	}
	order := "efIimnsxvVECabupE"
	if s.d == Ash {
		order = "cefiIlmnsxvCabuEV"
	}
	seen := map[rune]bool{}
	for _, c := range order {
		if seen[c] {
			continue
		}
		seen[c] = true
		on := s.opt.letters[c]
		switch c {
		case 'i':
			on = s.interactive
		case 's':
			on = s.stdinScript
		case 'c':
			on = s.d == Ash && s.cString
		case 'l':
			on = s.d == Ash && s.loginShell
		}
		if on {
			b.WriteRune(c)
		}
	}
	return b.String()
}

func (s *shell) shellOpts() string {
	var on []string
	for _, o := range bashOptions {
		if s.named2(o) {
			on = append(on, o.name)
		}
	}
	return strings.Join(on, ":")
}

func (s *shell) bashOpts() string {
	var on []string
	for _, k := range slices.Sorted(maps.Keys(shoptDefaults)) {
		if s.opt.shopt[k] {
			on = append(on, k)
		}
	}
	return strings.Join(on, ":")
}

// listOptions is set -o, and set +o if not table.
func (s *shell) listOptions(table bool) {
	w := s.p.Writer(1)
	if table && s.d == Dash {
		fmt.Fprintln(w, "Current option settings")
	}
	for _, o := range s.options() {
		state := "off"
		if s.named2(o) || o.name == "interactive" && s.interactive || o.name == "stdin" && s.stdinScript {
			state = "on"
		}
		switch {
		case table && s.d == Bash:
			fmt.Fprintf(w, "%-15s\t%s\n", o.name, state)
		case table:
			fmt.Fprintf(w, "%-16s%s\n", o.name, state)
		case state == "on":
			fmt.Fprintf(w, "set -o %s\n", o.name)
		default:
			fmt.Fprintf(w, "set +o %s\n", o.name)
		}
	}
}

// setBuiltin is set.
func (s *shell) setBuiltin(args []string) int {
	if len(args) == 0 {
		s.listVars()
		return 0
	}
	for i := 0; i < len(args); i++ {
		a := args[i]
		switch {
		case a == "--":
			s.pos = args[i+1:]
			return 0
		case a == "-":
			s.opt.letters['x'], s.opt.letters['v'] = false, false
			if i+1 < len(args) {
				s.pos = args[i+1:]
			}
			return 0
		case a == "+" && s.d != Bash:
			s.pos = args[i+1:]
			return 0
		case len(a) < 2 || a[0] != '-' && a[0] != '+':
			s.pos = args[i:]
			return 0
		}
		on := a[0] == '-'
		for j := 1; j < len(a); j++ {
			c := a[j]
			if c == 'o' {
				if i+1 >= len(args) {
					s.listOptions(on)
					continue
				}
				i++
				if !s.setNamed(args[i], on) {
					switch s.d {
					case Bash:
						s.errorf("%s: invalid option name", args[i])
						return 2
					case Dash:
						s.errorf("Illegal option %co %s", a[0], args[i])
						panic(discard{2})
					}
					s.errorf("illegal option %co %s", a[0], args[i])
					return 1
				}
				if args[i] == "monitor" {
					s.setMonitor(on)
				}
				continue
			}
			if !s.knownFlag(c) || c == 'i' || c == 's' {
				switch s.d {
				case Bash:
					s.errorf("%c%c: invalid option", a[0], c)
					s.usage("set [-abefhkmnptuvxBCEHPT] [-o option-name] [--] [-] [arg ...]")
					return 2
				case Dash:
					s.errorf("Illegal option %c%c", a[0], c)
				default:
					s.errorf("illegal option %c%c", a[0], c)
				}
				panic(discard{2})
			}
			s.opt.letters[c] = on
			if c == 'm' {
				s.setMonitor(on)
				if on && s.ttyFd < 0 && s.d != Bash {
					s.errorf("can't access tty; job control turned off")
					s.opt.letters[c] = false
				}
			}
			s.syncNamed()
		}
	}
	return 0
}

// listVars is set without arguments.
func (s *shell) listVars() {
	w := s.newOut()
	defer w.flush()
	all := s.allVars()
	for _, name := range sortedKeys(all) {
		v := all[name]
		if !v.set {
			continue
		}
		switch {
		case s.d != Bash:
			fmt.Fprintf(w, "%s=%s\n", name, quoteSingle(v.value))
		case v.kind != scalar:
			fmt.Fprintf(w, "%s=%s\n", name, s.arrayText(v))
		case v.value == "":
			fmt.Fprintf(w, "%s=\n", name)
		default:
			fmt.Fprintf(w, "%s=%s\n", name, s.quoteIfNeeded(v.value))
		}
	}
	if s.d == Bash && !s.opt.named["posix"] {
		for _, name := range slices.Sorted(maps.Keys(s.funcs)) {
			fmt.Fprint(w, s.functionText(s.funcs[name]))
		}
	}
}

// shoptBuiltin is bash's shopt.
func (s *shell) shoptBuiltin(args []string) int {
	set, unset, quiet, print, useO := false, false, false, false, false
	for len(args) > 0 && strings.HasPrefix(args[0], "-") && len(args[0]) > 1 {
		if args[0] == "--" {
			args = args[1:]
			break
		}
		for _, c := range args[0][1:] {
			switch c {
			case 's':
				set = true
			case 'u':
				unset = true
			case 'q':
				quiet = true
			case 'p':
				print = true
			case 'o':
				useO = true
			default:
				s.errorf("-%c: invalid option", c)
				s.usage("shopt [-pqsu] [-o] [optname ...]")
				return 2
			}
		}
		args = args[1:]
	}
	if set && unset {
		s.errorf("cannot set and unset shell options simultaneously")
		return 1
	}
	get := func(n string) (bool, bool) {
		if useO {
			for _, o := range bashOptions {
				if o.name == n {
					return s.named2(o), true
				}
			}
			return false, false
		}
		on, ok := s.opt.shopt[n]
		if _, real := shoptDefaults[n]; !real {
			ok = false
		}
		return on, ok
	}
	w := s.newOut()
	defer w.flush()
	show := func(n string, on bool) {
		if quiet {
			return
		}
		switch {
		case print && useO:
			fmt.Fprintf(w, "set %co %s\n", map[bool]byte{true: '-', false: '+'}[on], n)
		case print:
			fmt.Fprintf(w, "shopt -%c %s\n", map[bool]byte{true: 's', false: 'u'}[on], n)
		default:
			state := "off"
			if on {
				state = "on"
			}
			fmt.Fprintf(w, "%-15s\t%s\n", n, state)
		}
	}
	if len(args) == 0 {
		var names []string
		if useO {
			for _, o := range bashOptions {
				names = append(names, o.name)
			}
		} else {
			names = slices.Sorted(maps.Keys(shoptDefaults))
		}
		for _, n := range names {
			on, _ := get(n)
			if set && !on || unset && on {
				continue
			}
			show(n, on)
		}
		return 0
	}
	status := 0
	for _, n := range args {
		on, ok := get(n)
		if !ok {
			if useO {
				s.errorf("%s: invalid option name", n)
			} else {
				s.errorf("%s: invalid shell option name", n)
			}
			status = 1
			continue
		}
		switch {
		case set || unset:
			if useO {
				s.setNamed(n, set)
			} else {
				s.opt.shopt[n] = set
			}
			if n == "extglob" && s.current != nil {
				s.current.Extglob = set
			}
		default:
			if !on {
				status = 1
			}
			show(n, on)
		}
	}
	return status
}

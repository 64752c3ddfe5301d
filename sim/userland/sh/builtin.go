package sh

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
	"github.com/dockerlab/dockerlab/sim/userland/sh/grammar"
)

// builtin is a command that the shell runs itself.
type builtin struct {
	run func(s *shell, inv *invocation) int
}

// args makes a builtin of a function of the arguments behind the name.
func args(f func(s *shell, args []string) int) *builtin {
	return &builtin{func(s *shell, inv *invocation) int { return f(s, inv.args[1:]) }}
}

var common = map[string]*builtin{
	":":        args(func(*shell, []string) int { return 0 }),
	"true":     args(func(*shell, []string) int { return 0 }),
	"false":    args(func(*shell, []string) int { return 1 }),
	".":        args((*shell).dot),
	"alias":    args((*shell).alias),
	"bg":       args(func(s *shell, a []string) int { return s.fgBuiltin(a, false) }),
	"break":    args(func(s *shell, a []string) int { return s.breakLoop(a, flowBreak) }),
	"cd":       args((*shell).cd),
	"continue": args(func(s *shell, a []string) int { return s.breakLoop(a, flowContinue) }),
	"echo":     args((*shell).echo),
	"exec":     {},
	"exit":     args((*shell).exitBuiltin),
	"export":   {(*shell).export},
	"fg":       args(func(s *shell, a []string) int { return s.fgBuiltin(a, true) }),
	"getopts":  args((*shell).getopts),
	"hash":     args((*shell).hashBuiltin),
	"jobs":     args((*shell).jobsBuiltin),
	"kill":     args((*shell).killBuiltin),
	"local":    {(*shell).local},
	"printf":   args((*shell).printf),
	"pwd":      args((*shell).pwd),
	"read":     args((*shell).read),
	"readonly": {(*shell).export},
	"return":   args((*shell).returnBuiltin),
	"set":      args((*shell).setBuiltin),
	"shift":    args((*shell).shift),
	"test":     args((*shell).test),
	"times":    args((*shell).times),
	"trap":     args((*shell).trapBuiltin),
	"type":     args((*shell).typeBuiltin),
	"ulimit":   args((*shell).ulimit),
	"umask":    args((*shell).umask),
	"unalias":  args((*shell).unalias),
	"unset":    args((*shell).unsetBuiltin),
	"wait":     args((*shell).waitBuiltin),
	"[":        args((*shell).bracket),
}

var perDialect [3]map[string]*builtin

func init() {
	// these call run, which looks builtins up
	common["command"] = &builtin{(*shell).commandBuiltin}
	common["eval"] = args((*shell).eval)
	for d := range perDialect {
		perDialect[d] = cloneMap(common)
	}
	ash, bash := perDialect[Ash], perDialect[Bash]
	ash["source"] = common["."]
	ash["chdir"] = common["cd"]
	ash["let"] = args((*shell).let)
	ash["history"] = args((*shell).historyBuiltin)
	ash["help"] = args((*shell).help)
	ash["[["] = args((*shell).bracket2)
	perDialect[Dash]["chdir"] = common["cd"]

	bash["source"] = common["."]
	bash["builtin"] = &builtin{(*shell).builtinBuiltin}
	bash["caller"] = args((*shell).caller)
	bash["compgen"] = args((*shell).compgen)
	bash["complete"] = args(func(*shell, []string) int { return 0 })
	bash["compopt"] = args(func(*shell, []string) int { return 0 })
	bash["declare"] = &builtin{(*shell).declare}
	bash["typeset"] = bash["declare"]
	bash["dirs"] = args((*shell).dirsBuiltin)
	bash["disown"] = args((*shell).disown)
	bash["enable"] = args((*shell).enable)
	bash["help"] = args((*shell).help)
	bash["history"] = args((*shell).historyBuiltin)
	bash["let"] = args((*shell).let)
	bash["logout"] = args((*shell).logout)
	bash["mapfile"] = args((*shell).mapfile)
	bash["readarray"] = bash["mapfile"]
	bash["popd"] = args((*shell).popd)
	bash["pushd"] = args((*shell).pushd)
	bash["shopt"] = args((*shell).shoptBuiltin)
	bash["suspend"] = args((*shell).suspend)
	bash["bind"] = args(func(*shell, []string) int { return 0 })
	bash["fc"] = args((*shell).fc)
}

func builtins(d Dialect) map[string]*builtin { return perDialect[d] }

// usage prints bash's usage line of the builtin that runs.
func (s *shell) usage(text string) {
	name, _, _ := strings.Cut(text, " ")
	fmt.Fprintf(s.p.Writer(2), "%s: usage: %s\n", name, text)
}

// out buffers what a builtin prints.
type out struct {
	s   *shell
	buf []byte
	err error
}

func (s *shell) newOut() *out { return &out{s: s} }

func (o *out) Write(b []byte) (int, error) {
	o.buf = append(o.buf, b...)
	if len(o.buf) > 1<<16 {
		o.flush()
	}
	return len(b), nil
}

func (o *out) flush() {
	if len(o.buf) > 0 && o.err == nil {
		_, o.err = o.s.p.Write(1, o.buf)
	}
	o.buf = o.buf[:0]
}

// done flushes and says what went wrong; the builtin's status.
func (o *out) done() int {
	o.flush()
	if o.err == nil {
		return 0
	}
	switch o.s.d {
	case Bash:
		o.s.errorf("write error: %s", errnoText(o.err))
	case Dash:
		o.s.errorf("I/O error")
	default:
		o.s.appletf("write error: %s", errnoText(o.err))
	}
	return o.s.choose2(1, 1, 1)
}

// print writes text to standard output and gives the status.
func (s *shell) print(text string) int {
	o := s.newOut()
	io.WriteString(o, text)
	return o.done()
}

func (s *shell) number(text string) (int, bool) {
	n, err := strconv.Atoi(strings.TrimSpace(text))
	return n, err == nil
}

func (s *shell) exitBuiltin(args []string) int {
	if s.interactive && s.d == Bash {
		if s.loginShell {
			io.WriteString(s.p.Writer(2), "logout\n")
		} else {
			io.WriteString(s.p.Writer(2), "exit\n")
		}
	}
	status := s.status
	if len(args) > 0 && args[0] == "--" && s.d == Bash {
		args = args[1:]
	}
	if len(args) > 0 {
		n, ok := s.number(args[0])
		if !ok || n < 0 && s.d != Bash {
			if s.d == Bash {
				s.errorf("%s: numeric argument required", args[0])
				panic(exit{2})
			}
			s.errorf("Illegal number: %s", args[0])
			panic(discard{2})
		}
		if len(args) > 1 && s.d == Bash {
			s.errorf("too many arguments")
			panic(discard{1})
		}
		status = n & 255
	}
	panic(exit{status})
}

func (s *shell) logout(args []string) int {
	if !s.loginShell {
		s.errorf("not login shell: use `exit'")
		return 1
	}
	return s.exitBuiltin(args)
}

func (s *shell) returnBuiltin(args []string) int {
	if s.d == Bash && s.inFunc == 0 && s.sourced == 0 {
		s.errorf("can only `return' from a function or sourced script")
		return 2
	}
	status := s.status
	if len(args) > 1 && s.d == Bash {
		s.errorf("too many arguments")
		panic(discard{1})
	}
	if len(args) > 0 {
		n, ok := s.number(args[0])
		if !ok || n < 0 && s.d != Bash {
			if s.d == Bash {
				s.errorf("%s: numeric argument required", args[0])
				s.flow = flowReturn
				return 2
			}
			s.errorf("Illegal number: %s", args[0])
			panic(discard{2})
		}
		status = n & 255
		if s.d == Dash {
			status = n
		}
	}
	s.flow = flowReturn
	return status
}

func (s *shell) breakLoop(args []string, f flow) int {
	n := 1
	if len(args) > 0 {
		v, ok := s.number(args[0])
		if !ok || v <= 0 {
			if s.d == Bash {
				if !ok {
					s.errorf("%s: numeric argument required", args[0])
					panic(exit{128})
				}
				s.errorf("%s: loop count out of range", args[0])
				s.flow, s.flowN = flowBreak, s.loops
				return 1
			}
			s.errorf("Illegal number: %s", args[0])
			panic(discard{2})
		}
		n = v
	}
	if s.loops == 0 {
		if s.d == Bash {
			s.errorf("only meaningful in a `for', `while', or `until' loop")
		}
		return 0
	}
	s.flow, s.flowN = f, min(n, s.loops)
	return 0
}

func (s *shell) shift(args []string) int {
	n := 1
	if len(args) > 0 {
		v, ok := s.number(args[0])
		if !ok || v < 0 {
			if s.d == Bash {
				if ok {
					s.errorf("%s: shift count out of range", args[0])
				} else {
					s.errorf("%s: numeric argument required", args[0])
				}
				return 1
			}
			s.errorf("Illegal number: %s", args[0])
			panic(discard{2})
		}
		n = v
	}
	if n > len(s.pos) {
		if s.d == Dash {
			s.errorf("can't shift that many")
			panic(discard{2})
		}
		if s.opt.shopt["shift_verbose"] {
			s.errorf("%d: shift count out of range", n)
		}
		return 1
	}
	s.pos = s.pos[n:]
	return 0
}

func (s *shell) eval(args []string) int {
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if s.d == Bash && s.badOption(args, "", "eval [arg ...]") {
		return 2
	}
	if len(args) == 0 {
		return 0
	}
	text := strings.Join(args, " ")
	if strings.TrimSpace(text) == "" {
		return 0
	}
	status := s.status
	command := s.command
	if s.d == Bash {
		s.command = "eval"
	}
	_ = status
	defer func() { s.command = command }()
	if s.d == Ash {
		s.command = "eval"
	}
	return s.runEval(text)
}

// runEval runs text; errors of its syntax name eval, other errors do not.
func (s *shell) runEval(text string) int {
	s.enterDepth()
	s.p.Step(20 + len(text)/4)
	line := s.line
	s.lateLine++
	defer func() { s.depth--; s.line = line; s.lateLine-- }()
	p := s.textParser(text)
	p.Line = line
	if s.d == Bash && s.current != nil {
		// bash goes on counting where its reader stands
		p.Line = max(line, s.current.Line-1)
	}
	before := s.current
	s.current = p
	defer func() { s.current = before }()
	s.status = 0
	for {
		s.runPendingTraps()
		p.Extglob = s.opt.shopt["extglob"]
		cmd, err := p.Next()
		if err == io.EOF {
			return s.status
		}
		if err != nil {
			s.command = "eval"
			s.syntaxError(p, err)
			return s.status
		}
		if cmd == nil {
			continue
		}
		save := s.command
		s.command = s.scriptName()
		s.run(cmd, false)
		s.command = save
		if s.flow != flowNone {
			return s.status
		}
	}
}

func (s *shell) dot(args []string) int {
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		switch s.d {
		case Bash:
			s.errorf("filename argument required")
			name := s.command
			fmt.Fprintf(s.p.Writer(2), "%s: usage: %s filename [arguments]\n", name, name)
			return 2
		case Dash:
			return 0
		}
		return 2
	}
	name := args[0]
	file := name
	if !strings.Contains(name, "/") {
		file = ""
		for _, dir := range strings.Split(s.value("PATH"), ":") {
			full := dir + "/" + name
			if dir == "" {
				full = name
			}
			if st, err := s.p.Stat(full); err == nil && st.Mode.IsRegular() {
				file = full
				break
			}
		}
		if file == "" && s.d == Bash {
			if st, err := s.p.Stat(name); err == nil && !st.Mode.IsDir() {
				file = name
			}
		}
		if file == "" && s.d != Bash {
			s.errorf("%s: not found", name)
			panic(discard{2})
		}
		if file == "" {
			file = name
		}
	}
	if s.d == Bash {
		if st, err := s.p.Stat(file); err == nil && st.Mode.IsDir() {
			s.errorf("%s: is a directory", name)
			return 1
		}
	}
	var pos []string
	if len(args) > 1 && s.d != Dash {
		pos = args[1:]
	}
	fd, err := s.p.Open(file, linux.O_RDONLY, 0)
	if err != nil {
		switch s.d {
		case Bash:
			s.plainf("%s: %s", name, errnoText(err))
			return 1
		case Dash:
			s.errorf("cannot open %s: %s", file, strings.Replace(errnoText(err), " or directory", "", 1))
		default:
			s.errorf("can't open '%s': %s", file, errnoText(err))
		}
		panic(discard{2})
	}
	s.p.Close(fd)
	return s.sourceFile(file, pos)
}

func (s *shell) alias(args []string) int {
	w := s.newOut()
	defer w.flush()
	line := func(name string) {
		v := s.aliases[name]
		if s.d == Bash {
			fmt.Fprintf(w, "alias %s='%s'\n", name, strings.ReplaceAll(v, "'", `'\''`))
		} else {
			fmt.Fprintf(w, "%s=%s\n", name, quoteSingle(v))
		}
	}
	if len(args) > 0 && args[0] == "-p" && s.d == Bash {
		args = args[1:]
	}
	if len(args) == 0 {
		for _, name := range s.aliasNames() {
			line(name)
		}
		return 0
	}
	status := 0
	for _, a := range args {
		name, value, ok := strings.Cut(a, "=")
		if ok && s.d == Bash && strings.ContainsAny(name, " \t\n;&|()<>/$`\\'\"") {
			s.errorf("`%s': invalid alias name", name)
			status = 1
			continue
		}
		if ok && name != "" {
			s.charge(len(value) - len(s.aliases[name]))
			if _, ok := s.aliases[name]; !ok {
				s.aliasOrder = append(s.aliasOrder, name)
			}
			s.aliases[name] = value
			continue
		}
		if _, ok := s.aliases[a]; !ok {
			if s.d == Bash {
				s.errorf("%s: not found", a)
			} else {
				w.flush()
				fmt.Fprintf(s.p.Writer(2), "alias: %s not found\n", a)
			}
			status = 1
			continue
		}
		line(a)
	}
	return status
}

func (s *shell) unalias(args []string) int {
	if len(args) > 0 && args[0] == "-a" {
		clear(s.aliases)
		return 0
	}
	if s.d == Bash && s.badOption(args, "", "unalias [-a] name [name ...]") {
		return 2
	}
	if len(args) == 0 && s.d == Bash {
		s.usage("unalias [-a] name [name ...]")
		return 2
	}
	status := 0
	for _, a := range args {
		if _, ok := s.aliases[a]; !ok {
			if s.d == Bash {
				s.errorf("%s: not found", a)
			} else {
				fmt.Fprintf(s.p.Writer(2), "unalias: %s not found\n", a)
			}
			status = 1
		}
		delete(s.aliases, a)
	}
	return status
}

func (s *shell) echo(args []string) int {
	newline, escapes := true, s.d == Dash
	if s.d == Dash {
		if len(args) > 0 && args[0] == "-n" {
			newline = false
			args = args[1:]
		}
	} else {
		escapes = s.opt.shopt["xpg_echo"]
	options:
		for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' {
			for _, c := range args[0][1:] {
				if c != 'n' && c != 'e' && c != 'E' {
					break options
				}
			}
			for _, c := range args[0][1:] {
				switch c {
				case 'n':
					newline = false
				case 'e':
					escapes = true
				case 'E':
					escapes = false
				}
			}
			args = args[1:]
		}
	}
	o := s.newOut()
	for i, a := range args {
		if i > 0 {
			o.buf = append(o.buf, ' ')
		}
		if escapes {
			text, stop := s.echoEscapes(a)
			io.WriteString(o, text)
			if stop {
				return o.done()
			}
		} else {
			io.WriteString(o, a)
		}
	}
	if newline {
		o.buf = append(o.buf, '\n')
	}
	return o.done()
}

// echoEscapes expands the escapes of echo -e; stop is \c.
func (s *shell) echoEscapes(t string) (text string, stop bool) {
	d := s.d
	if strings.IndexByte(t, '\\') < 0 {
		return t, false
	}
	var b []byte
	for i := 0; i < len(t); i++ {
		if t[i] != '\\' || i+1 == len(t) {
			b = append(b, t[i])
			continue
		}
		i++
		digits := func(base, most int) (int, bool) {
			n, any := 0, false
			for range most {
				if i+1 >= len(t) {
					break
				}
				v := digitValue(t[i+1], 16)
				if v < 0 || v >= int64(base) || v > 15 {
					break
				}
				n, any, i = n*base+int(v), true, i+1
			}
			return n, any
		}
		switch c := t[i]; c {
		case 'a':
			b = append(b, 7)
		case 'b':
			b = append(b, 8)
		case 'c':
			return string(b), true
		case 'e', 'E':
			if c == 'E' && d != Bash {
				b = append(b, '\\', c)
			} else {
				b = append(b, 27)
			}
		case 'f':
			b = append(b, 12)
		case 'n':
			b = append(b, 10)
		case 'r':
			b = append(b, 13)
		case 't':
			b = append(b, 9)
		case 'v':
			b = append(b, 11)
		case '\\':
			b = append(b, '\\')
		case '0':
			n, _ := digits(8, 3)
			b = append(b, byte(n))
		case '1', '2', '3', '4', '5', '6', '7':
			if d == Bash {
				b = append(b, '\\', c)
				continue
			}
			i--
			n, _ := digits(8, 3)
			b = append(b, byte(n))
		case 'x':
			if d == Dash {
				b = append(b, '\\', 'x')
				continue
			}
			if n, ok := digits(16, 2); ok {
				b = append(b, byte(n))
			} else {
				b = append(b, '\\', 'x')
			}
		case 'u', 'U':
			if d != Bash {
				b = append(b, '\\', c)
				continue
			}
			most := 4
			if c == 'U' {
				most = 8
			}
			if n, ok := digits(16, most); ok {
				b = append(b, s.unicode(n)...)
			} else {
				b = append(b, '\\', c)
			}
		default:
			b = append(b, '\\', c)
		}
	}
	return string(b), false
}

func (s *shell) pwd(args []string) int {
	physical := s.opt.letters['P'] && s.d == Bash
	for _, a := range args {
		switch a {
		case "-P":
			physical = true
		case "-L":
			physical = false
		default:
			if strings.HasPrefix(a, "-") && len(a) > 1 && a != "--" {
				switch s.d {
				case Bash:
					s.errorf("%s: invalid option", a[:2])
					s.usage("pwd [-LP]")
					return 2
				default:
					s.errorf(s.choose("illegal option %s", "Illegal option %s", ""), a[:2])
					return 2
				}
			}
		}
	}
	dir := s.cwd
	if physical || dir == "" {
		if real, err := s.p.Getwd(); err == nil {
			dir = real
		}
	}
	return s.print(dir + "\n")
}

// cleanPath resolves "." and ".." in the text of a path.
func cleanPath(p string) string {
	var out []string
	for _, e := range strings.Split(p, "/") {
		switch e {
		case "", ".":
		case "..":
			if len(out) > 0 {
				out = out[:len(out)-1]
			}
		default:
			out = append(out, e)
		}
	}
	root := "/"
	if strings.HasPrefix(p, "//") && !strings.HasPrefix(p, "///") {
		root = "//" // which POSIX leaves to the system, and the shells keep
	}
	return root + strings.Join(out, "/")
}

func (s *shell) cd(args []string) int {
	physical := s.opt.letters['P'] && s.d == Bash
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' {
		a := args[0]
		if a == "--" {
			args = args[1:]
			break
		}
		bad := byte(0)
		for i := 1; i < len(a); i++ {
			switch a[i] {
			case 'P':
				physical = true
			case 'L':
				physical = false
			case 'e':
				if s.d != Bash {
					bad = a[i]
				}
			default:
				bad = a[i]
			}
		}
		if bad != 0 {
			if s.d == Bash {
				s.errorf("-%c: invalid option", bad)
				s.usage("cd [-L|[-P [-e]] [-@]] [dir]")
				return 2
			}
			s.errorf(s.choose("illegal option -%c", "Illegal option -%c", ""), bad)
			return 2
		}
		args = args[1:]
	}
	if len(args) > 1 && s.d == Bash {
		s.errorf("too many arguments")
		return 1
	}
	show := false
	dir := ""
	switch {
	case len(args) == 0:
		home, ok := s.get("HOME")
		if home == "" && s.d == Bash {
			if !ok {
				s.errorf("HOME not set")
				return 1
			}
			return 0
		}
		dir = home
	case args[0] == "-":
		old, ok := s.get("OLDPWD")
		if !ok {
			if s.d == Bash {
				s.errorf("OLDPWD not set")
				return 1
			}
			old = s.cwd
		}
		dir, show = old, true
	default:
		dir = args[0]
	}
	nowhere := dir == ""
	if nowhere && show && s.d == Bash { // an empty OLDPWD
		return s.print("\n")
	}
	if nowhere {
		dir = "." // ash and dash go there by way of CDPATH
		if s.d == Bash {
			dir = s.cwd
		}
	}
	tries := []string{dir}
	if cdpath, ok := s.get("CDPATH"); ok && !strings.HasPrefix(dir, "/") && (dir != "." || nowhere) && dir != ".." && !strings.HasPrefix(dir, "./") && !strings.HasPrefix(dir, "../") {
		tries = nil
		for _, c := range strings.Split(cdpath, ":") {
			if c == "" {
				tries = append(tries, dir)
			} else {
				if s.d == Bash {
					c = strings.TrimSuffix(c, "/")
				}
				tries = append(tries, c+"/"+dir)
			}
		}
		tries = append(tries, dir)
	}
	var err error
	for i, t := range tries {
		if st, e := s.p.Stat(t); i < len(tries)-1 && (e != nil || !st.Mode.IsDir()) {
			continue
		}
		if err = s.chdir(t, physical); err == nil {
			if show || t != dir {
				return s.print(s.cwd + "\n")
			}
			return 0
		}
	}
	switch s.d {
	case Bash:
		s.errorf("%s: %s", dir, errnoText(err))
		return 1
	case Dash:
		s.errorf("can't cd to %s", dir)
		return 2
	}
	s.errorf("can't cd to %s: %s", dir, errnoText(err))
	return 2
}

// chdir changes the directory and PWD with it.
func (s *shell) chdir(dir string, physical bool) error {
	to := dir
	if !physical {
		if !strings.HasPrefix(to, "/") {
			to = strings.TrimSuffix(s.cwd, "/") + "/" + to
		}
		if s.cwd == "" && !strings.HasPrefix(dir, "/") {
			to = dir
		} else {
			to = cleanPath(to)
		}
	}
	err := s.p.Chdir(to)
	if err != nil && !physical && s.d == Bash {
		// Bash alone tries the argument as it stands.
		if e := s.p.Chdir(dir); e != nil {
			// what the path says is what is told of
			return e
		}
		physical = true
	} else if err != nil {
		return err
	}
	if physical {
		real, err := s.p.Getwd()
		if err != nil {
			return err
		}
		to = real
	}
	s.setCwd(to)
	return nil
}

func (s *shell) setCwd(to string) {
	old := s.own("OLDPWD")
	old.value, old.set = s.cwd, true
	if s.d == Ash || s.d == Dash {
		old.exported = true
	}
	s.cwd = to
	pwd := s.own("PWD")
	pwd.value, pwd.set = to, true
	if s.d == Dash {
		pwd.exported = true
	}
}

func (s *shell) umask(args []string) int {
	symbolic, reusable := false, false
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' {
		switch args[0] {
		case "-S":
			symbolic = true
		case "-pS", "-Sp":
			if s.d != Bash {
				s.errorf(s.choose("illegal option %s", "Illegal option %s", ""), args[0][:2])
				return 2
			}
			symbolic, reusable = true, true
		case "-p":
			if s.d != Bash {
				s.errorf(s.choose("illegal option %s", "Illegal option %s", ""), args[0])
				return 2
			}
			reusable = true
		case "--":
		default:
			if s.d == Bash {
				s.errorf("%s: invalid option", args[0])
				s.usage("umask [-p] [-S] [mode]")
				return 2
			}
			s.errorf(s.choose("illegal option %s", "Illegal option %s", ""), args[0][:2])
			return 2
		}
		args = args[1:]
	}
	old := s.p.Umask(0)
	s.p.Umask(old)
	text := func(m linux.Mode) string {
		if !symbolic {
			return fmt.Sprintf("%04o", m)
		}
		var b strings.Builder
		for i, who := range []byte("ugo") {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteByte(who)
			b.WriteByte('=')
			bits := ^m >> (6 - 3*i) & 7
			for j, c := range []byte("rwx") {
				if bits&(4>>j) != 0 {
					b.WriteByte(c)
				}
			}
		}
		return b.String()
	}
	if len(args) == 0 {
		t := text(old)
		if reusable {
			if symbolic {
				t = "umask -S " + t
			} else {
				t = "umask " + t
			}
		}
		return s.print(t + "\n")
	}
	mode := args[0]
	if mode != "" && mode[0] >= '0' && mode[0] <= '9' {
		n, err := strconv.ParseUint(mode, 8, 12)
		if err != nil {
			switch s.d {
			case Bash:
				s.errorf("%s: octal number out of range", mode)
				return 1
			case Dash:
				s.errorf("Illegal number: %s", mode)
			default:
				s.errorf("illegal mode: %s", mode)
			}
			return 2
		}
		s.p.Umask(linux.Mode(n))
		if symbolic && s.d == Bash {
			return s.print(text(linux.Mode(n)) + "\n")
		}
		return 0
	}
	m, badChar, fault := s.symbolicMask(mode, old)
	if fault != "" {
		switch s.d {
		case Bash:
			s.errorf("`%c': invalid symbolic mode %s", badChar, fault)
			return 1
		case Dash:
			s.errorf("Illegal mode: %s", mode)
		default:
			s.errorf("illegal mode: %s", mode)
		}
		return 2
	}
	s.p.Umask(m)
	if symbolic && s.d == Bash {
		return s.print(text(m) + "\n")
	}
	return 0
}

// symbolicMask applies "u=rwx,g-w" to a mask.
// symbolicMask applies a mode such as u=rwx,g-w to a mask. fault is what bash calls a wrong character.
func (s *shell) symbolicMask(t string, mask linux.Mode) (m linux.Mode, bad byte, fault string) {
	allow := ^mask & 0o777
	for _, clause := range strings.Split(t, ",") {
		var who linux.Mode
		i := 0
		for ; i < len(clause); i++ {
			switch clause[i] {
			case 'u':
				who |= 0o700
			case 'g':
				who |= 0o070
			case 'o':
				who |= 0o007
			case 'a':
				who |= 0o777
			default:
				goto ops
			}
		}
	ops:
		if who == 0 {
			who = 0o777
		}
		if i == len(clause) {
			switch {
			case clause == "" && s.d == Ash || clause != "" && s.d == Dash:
				continue
			case clause == "" && len(t) > 0:
				return 0, ',', "operator"
			}
			return 0, 0, "operator"
		}
		for i < len(clause) {
			op := clause[i]
			if op != '+' && op != '-' && op != '=' {
				return 0, clause[i], "operator"
			}
			i++
			var perm linux.Mode
			for ; i < len(clause) && strings.IndexByte("+-=", clause[i]) < 0; i++ {
				switch clause[i] {
				case 'r':
					perm |= 0o444
				case 'w':
					perm |= 0o222
				case 'X':
					if s.d == Bash {
						return 0, 'X', "character"
					}
					if s.d == Dash {
						perm |= 0o111
					}
				case 'x':
					perm |= 0o111
				case 's', 't':
					if s.d != Dash {
						return 0, clause[i], "character"
					}
				case 'u':
					b := allow >> 6 & 7
					perm |= b | b<<3 | b<<6
				case 'g':
					b := allow >> 3 & 7
					perm |= b | b<<3 | b<<6
				case 'o':
					b := allow & 7
					perm |= b | b<<3 | b<<6
				default:
					return 0, clause[i], "character"
				}
			}
			switch op {
			case '+':
				allow |= perm & who
			case '-':
				allow &^= perm & who
			default:
				allow = allow&^who | perm&who
			}
		}
	}
	return ^allow & 0o777, 0, ""
}

func (s *shell) times([]string) int {
	u, y, cu, cy := s.p.Times()
	format := func(d float64) string {
		m := int(d / 60)
		if s.d == Dash {
			return fmt.Sprintf("%dm%.6fs", m, d-60*float64(m))
		}
		return fmt.Sprintf("%dm%.3fs", m, d-60*float64(m))
	}
	return s.print(format(u.Seconds()) + " " + format(y.Seconds()) + "\n" + format(cu.Seconds()) + " " + format(cy.Seconds()) + "\n")
}

// kindOf is what a name means as a command.
func (s *shell) kindOf(name string, functions bool) (kind, detail string) {
	if v, ok := s.lookupAlias(name); ok {
		return "alias", v
	}
	if grammar.Reserved(s.d, name) || s.d == Bash && name == "]]" {
		return "keyword", ""
	}
	if isSpecial(s.d, name) && s.d != Bash {
		return "special", ""
	}
	if s.funcs[name] != nil && functions {
		return "function", ""
	}
	if builtins(s.d)[name] != nil && !s.opt.shopt["disabled "+name] {
		return "builtin", ""
	}
	if strings.Contains(name, "/") {
		if st, err := s.p.Stat(name); err == nil && (!st.Mode.IsDir() && s.p.Access(name, linux.X_OK) == nil || s.d != Bash && !st.Mode.IsDir()) {
			return "file", name
		}
		return "", ""
	}
	if s.standalone && prog.IsBusyboxApplet(name) {
		return "file", name
	}
	if _, ok := s.hash[name]; ok {
		if full, _, _ := s.find(name); full != "" {
			return "hashed", full
		}
	}
	before := len(s.hash)
	if full, _, _ := s.find(name); full != "" {
		if len(s.hash) > before && s.d != Dash {
			delete(s.hash, name)
		}
		return "file", full
	}
	return "", ""
}

func (s *shell) typeBuiltin(args []string) int {
	all, onlyType, path, force, nofunc := false, false, false, false, false
	if s.d == Bash {
		for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' {
			if args[0] == "--" {
				args = args[1:]
				break
			}
			for _, c := range args[0][1:] {
				switch c {
				case 'a':
					all = true
				case 't':
					onlyType = true
				case 'p':
					path = true
				case 'P':
					path, force = true, true
				case 'f':
					nofunc = true
				default:
					s.errorf("-%c: invalid option", c)
					s.usage("type [-afptP] name [name ...]")
					return 2
				}
			}
			args = args[1:]
		}
	}
	short := s.d == Ash && len(args) > 0 && strings.HasPrefix(args[0], "-") // ash knows no options, only that one is there
	if short {
		args = args[1:]
	}
	status := 0
	w := s.newOut()
	defer w.flush()
	for _, name := range args {
		if force {
			if full, _, _ := s.find(name); full != "" {
				fmt.Fprintln(w, full)
			} else {
				status = 1
			}
			continue
		}
		kind, detail := s.kindOf(name, !nofunc)
		if kind == "" {
			if !onlyType && !path && !short {
				w.flush()
				if s.d == Bash {
					s.errorf("%s: not found", name)
				} else {
					fmt.Fprintf(w, "%s: not found\n", name)
				}
			}
			status = s.choose2(127, 127, 1)
			continue
		}
		switch {
		case short:
			io.WriteString(w, s.brief(name, kind, detail))
		case onlyType:
			switch kind {
			case "hashed":
				kind = "file"
			case "special":
				kind = "builtin"
			}
			fmt.Fprintln(w, kind)
		case path:
			if kind == "file" || kind == "hashed" {
				fmt.Fprintln(w, detail)
			}
		default:
			io.WriteString(w, s.describe(name, kind, detail))
			if all && kind != "file" && kind != "hashed" && !strings.Contains(name, "/") {
				if kind == "function" && builtins(s.d)[name] != nil {
					fmt.Fprintf(w, "%s is a shell builtin\n", name)
				}
				for _, dir := range strings.Split(s.value("PATH"), ":") {
					full := dir + "/" + name
					if st, err := s.p.Stat(full); err == nil && st.Mode.IsRegular() && s.p.Access(full, linux.X_OK) == nil {
						fmt.Fprintf(w, "%s is %s\n", name, full)
					}
				}
			}
		}
	}
	return status
}

// describe says what a command is, as type and command -V do.
func (s *shell) describe(name, kind, detail string) string {
	switch kind {
	case "alias":
		if s.d == Bash {
			return fmt.Sprintf("%s is aliased to `%s'\n", name, detail)
		}
		return fmt.Sprintf("%s is an alias for %s\n", name, detail)
	case "keyword":
		return name + " is a shell keyword\n"
	case "special":
		return name + " is a special shell builtin\n"
	case "function":
		if s.d == Dash {
			return name + " is a shell function\n"
		}
		if s.d == Bash {
			return name + " is a function\n" + s.functionText(s.funcs[name])
		}
		return name + " is a function\n"
	case "builtin":
		return name + " is a shell builtin\n"
	case "hashed":
		if s.d == Bash {
			return fmt.Sprintf("%s is hashed (%s)\n", name, detail)
		}
		return fmt.Sprintf("%s is a tracked alias for %s\n", name, detail)
	}
	return fmt.Sprintf("%s is %s\n", name, detail)
}

func (s *shell) commandBuiltin(inv *invocation) int {
	args := inv.args[1:]
	show := byte(0)
	defaultPath := false
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' {
		a := args[0]
		args = args[1:]
		if a == "--" {
			break
		}
		for i := 1; i < len(a); i++ {
			switch a[i] {
			case 'v', 'V':
				show = a[i]
			case 'p':
				defaultPath = true
			default:
				if s.d == Bash {
					s.errorf("-%c: invalid option", a[i])
					s.usage("command [-pVv] command [arg ...]")
					return 2
				}
				s.errorf(s.choose("illegal option -%c", "Illegal option -%c", ""), a[i])
				return 2
			}
		}
	}
	if defaultPath {
		s.pushTmp()
		s.saveTmp("PATH")
		s.assign("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
		defer s.popTmp()
	}
	if len(args) == 0 {
		return 0
	}
	if show == 0 {
		s.command = s.scriptName()
		arrays := map[int]*grammar.Assign{}
		for i, a := range inv.arrays {
			arrays[i-(len(inv.args)-len(args))] = a
		}
		sub := &invocation{args: args, arrays: arrays, n: &grammar.Simple{Line: inv.n.Line}, plain: true, tail: false}
		s.invoke(sub)
		inv.undo = append(inv.undo, sub.undo...)
		return s.status
	}
	missing := 0
	w := s.newOut()
	defer w.flush()
	for _, name := range args {
		kind, detail := s.kindOf(name, true)
		if kind == "" {
			if show == 'V' {
				if s.d == Bash {
					s.errorf("%s: not found", name)
				} else {
					fmt.Fprintf(w, "%s: not found\n", name)
				}
			}
			if s.d != Bash {
				return 127
			}
			missing++
			continue
		}
		if show == 'V' {
			io.WriteString(w, s.describe(name, kind, detail))
		} else {
			io.WriteString(w, s.brief(name, kind, detail))
		}
		if s.d != Bash {
			break
		}
	}
	if missing > 0 && missing == len(args) {
		return 1
	}
	return 0
}

// brief is what command -v says of a name.
func (s *shell) brief(name, kind, detail string) string {
	switch kind {
	case "alias":
		return fmt.Sprintf("alias %s='%s'\n", name, detail)
	case "file", "hashed":
		if s.d == Bash && !strings.HasPrefix(detail, "/") {
			detail = strings.TrimSuffix(s.cwd, "/") + "/" + strings.TrimPrefix(detail, "./")
		}
		return detail + "\n"
	}
	return name + "\n"
}

func (s *shell) builtinBuiltin(inv *invocation) int {
	args := inv.args[1:]
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		return 0
	}
	b := builtins(s.d)[args[0]]
	if b == nil {
		s.errorf("%s: not a shell builtin", args[0])
		return 1
	}
	s.command = ""
	s.runBuiltin(b, &invocation{args: args, n: &grammar.Simple{}, plain: true})
	return s.status
}

func (s *shell) hashBuiltin(args []string) int {
	status := 0
	w := s.newOut()
	defer w.flush()
	if len(args) == 0 {
		if s.d == Bash {
			if len(s.hash) == 0 {
				fmt.Fprintln(w, "hash: hash table empty")
				return 0
			}
			fmt.Fprintln(w, "hits\tcommand")
			for _, n := range slices.SortedFunc(maps.Keys(s.hash), byBucket(fnvHash, bashCommands)) {
				fmt.Fprintf(w, "%4d\t%s\n", s.hash[n].hits, s.hash[n].path)
			}
			return 0
		}
		for _, n := range slices.SortedFunc(maps.Keys(s.hash), byBucket(almquistHash, almquistCommands)) {
			fmt.Fprintln(w, s.hash[n].path)
		}
		return 0
	}
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' {
		switch args[0] {
		case "-r":
			clear(s.hash)
		case "-l":
			if s.d != Bash {
				s.errorf(s.choose("illegal option %s", "Illegal option %s", ""), args[0])
				return 2
			}
			for _, n := range slices.SortedFunc(maps.Keys(s.hash), byBucket(fnvHash, bashCommands)) {
				fmt.Fprintf(w, "builtin hash -p %s %s\n", s.hash[n].path, n)
			}
			return 0
		case "-p":
			if s.d != Bash {
				s.errorf(s.choose("illegal option %s", "Illegal option %s", ""), args[0])
				return 2
			}
			if len(args) < 2 {
				s.errorf("-p: option requires an argument")
				s.usage("hash [-lr] [-p pathname] [-dt] [name ...]")
				return 2
			}
			for _, n := range args[2:] {
				s.hash[n] = hashed{path: args[1]}
			}
			return 0
		case "-t":
			for _, n := range args[1:] {
				if h, ok := s.hash[n]; ok {
					fmt.Fprintln(w, h.path)
				} else {
					s.errorf("%s: not found", n)
					status = 1
				}
			}
			return status
		case "-d":
			for _, n := range args[1:] {
				delete(s.hash, n)
			}
			return 0
		default:
			if s.d == Bash {
				s.errorf("%s: invalid option", args[0])
				s.usage("hash [-lr] [-p pathname] [-dt] [name ...]")
				return 2
			}
			s.errorf(s.choose("illegal option %s", "Illegal option %s", ""), args[0])
			return 2
		}
		args = args[1:]
	}
	for _, n := range args {
		if strings.Contains(n, "/") || builtins(s.d)[n] != nil || s.funcs[n] != nil {
			continue
		}
		delete(s.hash, n)
		full, _, _ := s.find(n)
		if full == "" {
			s.errorf("%s: not found", n)
			status = 1
			continue
		}
		if s.standalone && prog.IsBusyboxApplet(n) {
			continue
		}
		s.hash[n] = hashed{full, 0}
	}
	return status
}

func (s *shell) jobsBuiltin(args []string) int {
	long, pids, running, stoppedOnly := false, false, false, false
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' {
		for _, c := range args[0][1:] {
			switch c {
			case 'l':
				long = true
			case 'p':
				pids = true
			case 'r':
				running = true
			case 's':
				stoppedOnly = true
			case 'n':
			default:
				if s.d == Bash {
					s.errorf("-%c: invalid option", c)
					s.usage("jobs [-lnprs] [jobspec ...] or jobs -x command [args]")
				} else {
					s.errorf(s.choose("illegal option -%c", "Illegal option -%c", ""), c)
				}
				return 2
			}
		}
		args = args[1:]
	}
	s.poll()
	w := s.newOut()
	defer w.flush()
	list := slices.Clone(s.jobs.jobs)
	if s.d != Bash {
		slices.Reverse(list)
	}
	if len(args) > 0 {
		list = nil
		for _, a := range args {
			j := s.findJob(a)
			if j == nil {
				s.errorf(s.choose("%s: no such job", "No such job: %s", "%s: no such job"), a)
				return s.choose2(2, 2, 1)
			}
			list = append(list, j)
		}
	}
	for _, j := range list {
		if running && (j.done || j.stopped) || stoppedOnly && !j.stopped {
			continue
		}
		if pids {
			fmt.Fprintln(w, j.pgid)
			continue
		}
		fmt.Fprintln(w, s.jobLine(j, long))
		if j.done {
			s.jobs.remove(j)
		}
	}
	return 0
}

func (s *shell) disown(args []string) int {
	if s.badOption(args, "ahr", "disown [-h] [-ar] [jobspec ... | pid ...]") {
		return 2
	}
	all, keep := false, false
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		all = all || strings.ContainsAny(args[0], "ar")
		keep = keep || strings.Contains(args[0], "h") // it only gets no SIGHUP from the shell that ends
		args = args[1:]
	}
	if keep && (len(args) == 0 || s.findJob(args[0]) != nil) {
		return 0
	}
	if all && len(args) == 0 {
		s.jobs.jobs = nil
		return 0
	}
	if len(args) == 0 {
		j := s.currentJob()
		if j == nil {
			s.errorf("current: no such job")
			return 1
		}
		s.jobs.remove(j)
		return 0
	}
	status := 0
	for _, a := range args {
		var j *job
		if n, err := strconv.Atoi(a); err == nil {
			j, _ = s.jobOfPid(n)
		} else {
			j = s.findJob(a)
		}
		if j == nil {
			s.errorf("%s: no such job", a)
			status = 1
			continue
		}
		s.jobs.remove(j)
	}
	return status
}

func (s *shell) suspend([]string) int {
	if !s.set('m') {
		s.errorf("cannot suspend: no job control")
		return 1
	}
	s.p.Kill(s.p.Pid(), linux.SIGSTOP)
	return 0
}

func (s *shell) caller(args []string) int {
	n := 0
	if len(s.calls) == 0 {
		return 1
	}
	if len(args) > 0 {
		v, ok := s.number(args[0])
		if !ok {
			s.errorf("%s: invalid number", args[0])
			s.usage("caller [expr]")
			return 2
		}
		n = v
	}
	i := len(s.calls) - 1 - n
	if i < 0 {
		return 1
	}
	line := s.calls[i].line
	src := "NULL"
	name := "main"
	if i > 0 {
		src, name = s.calls[i-1].source, s.calls[i-1].name
	} else if s.input != nil && s.input.name != "" {
		src = s.input.name
	}
	if i == 0 && s.cString && len(args) > 0 {
		return 1
	}
	if len(args) == 0 {
		return s.print(fmt.Sprintf("%d %s\n", line, src))
	}
	return s.print(fmt.Sprintf("%d %s %s\n", line, name, src))
}

// badOption reports the first word that begins as an option does with a letter that is none of
// allowed, in bash's words.
func (s *shell) badOption(args []string, allowed, usage string) bool {
	for _, a := range args {
		if a == "--" || len(a) < 2 || a[0] != '-' {
			return false
		}
		for _, c := range a[1:] {
			if !strings.ContainsRune(allowed, c) {
				s.errorf("-%c: invalid option", c)
				s.usage(usage)
				return true
			}
		}
	}
	return false
}

// enable turns builtins off and on, and lists them: all with -a, POSIX's special ones with -s.
func (s *shell) enable(args []string) int {
	if s.badOption(args, "adnpsf", "enable [-a] [-dnps] [-f filename] [name ...]") {
		return 2
	}
	given := map[rune]bool{}
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' {
		for _, c := range args[0][1:] {
			given[c] = true
		}
		args = args[1:]
	}
	off := given['n']
	if given['f'] {
		if len(args) == 0 {
			s.errorf("-f: option requires an argument")
			s.usage("enable [-a] [-dnps] [-f filename] [name ...]")
			return 2
		}
		s.errorf("cannot open shared object %s: %s: cannot open shared object file: %v", args[0], args[0], linux.ENOENT)
		return 1
	}
	if len(args) == 0 || given['p'] {
		var b strings.Builder
		for _, n := range sortedKeys(builtins(s.d)) {
			if given['s'] && !isSpecial(s.d, n) {
				continue
			}
			if s.opt.shopt["disabled "+n] == off || given['a'] {
				off := s.opt.shopt["disabled "+n]
				if off {
					b.WriteString("enable -n " + n + "\n")
				} else {
					b.WriteString("enable " + n + "\n")
				}
			}
		}
		return s.print(b.String())
	}
	status := 0
	for _, n := range args {
		if builtins(s.d)[n] == nil {
			s.errorf("%s: not a shell builtin", n)
			status = 1
			continue
		}
		if given['d'] {
			s.errorf("%s: not dynamically loaded", n)
			status = 1
			continue
		}
		s.opt.shopt["disabled "+n] = off
	}
	return status
}

func (s *shell) help(args []string) int {
	var b strings.Builder
	if s.d == Ash {
		b.WriteString("Built-in commands:\n------------------\n")
		line := "\t"
		for _, n := range sortedKeys(builtins(s.d)) {
			if len(line)+len(n) > 60 {
				b.WriteString(strings.TrimRight(line, " ") + "\n")
				line = "\t"
			}
			line += n + " "
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
		return s.print(b.String())
	}
	if len(args) > 0 {
		if builtins(s.d)[args[0]] == nil && !grammar.Reserved(s.d, args[0]) {
			s.errorf("no help topics match `%s'.  Try `help help' or `man -k %s' or `info %s'.", args[0], args[0], args[0])
			return 1
		}
		return s.print(args[0] + ": " + args[0] + "\n")
	}
	b.WriteString("GNU bash, version 5.2.15(1)-release (x86_64-pc-linux-gnu)\nThese shell commands are defined internally.  Type `help' to see this list.\n\n")
	for _, n := range sortedKeys(builtins(s.d)) {
		b.WriteString(" " + n + "\n")
	}
	return s.print(b.String())
}

func (s *shell) let(args []string) int {
	if len(args) == 0 {
		s.errorf("expression expected")
		return s.choose2(2, 2, 1)
	}
	var v int64
	for _, a := range args {
		if s.d == Bash {
			v = s.arithCommand(a, "let")
		} else {
			v = s.arith(a, false)
		}
	}
	return int(1 - truth(v != 0))
}

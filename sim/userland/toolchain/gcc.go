package toolchain

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/dockerlab/dockerlab/sim/elfnote"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
	"github.com/dockerlab/dockerlab/sim/userland/toolchain/c"
)

const (
	gccVersion = "12.2.0"
	gccDir     = "/usr/lib/gcc/x86_64-linux-gnu/12"
	libDir     = "/usr/lib/x86_64-linux-gnu"
)

// driver is one call of gcc.
type driver struct {
	c        *prog.Ctx
	name     string // as its messages begin
	cplus    bool
	mode     byte // 'c', 'E', 'M', or 0 to link
	out      string
	inputs   []input
	include  []string // -I
	libDirs  []string // -L
	define   []string
	undefine []string
	static   bool
	shared   bool
	stripped bool
	nostdlib bool
	depend   bool   // -MD, -MMD
	depFile  string // -MF
	depName  string // -MT
	depPhony bool   // -MP
	depUser  bool   // -MM, -MMD: without the headers of the system
	lang     string // -x
	werror   bool
	quiet    bool // -w
	status   int
}

// input is a source, an object, an archive or a library of the command line, in order.
type input struct {
	name string
	lib  bool
	lang string
}

// takesValue are the options whose value may be the next argument.
var takesValue = []string{"-o", "-I", "-L", "-l", "-D", "-U", "-x", "-MF", "-MT", "-MQ", "-include", "-isystem", "-iquote", "-idirafter", "-Xlinker", "-T", "-u", "-z"}

// known are the options of the compiler that change nothing for a program without machine code:
// by how they begin.
var known = []string{"-O", "-g", "-m", "-f", "-W", "-std=", "-pedantic", "-ansi", "-pipe", "-pthread", "-rdynamic", "-P", "-no-pie", "-pie", "-Xlinker", "-isystem", "-iquote", "-idirafter", "-z", "-u",
	"-save-temps", "-nostdinc", "-static-libgcc", "-static-libstdc++", "-s", "-w", "--param", "-T"}

// standards are what -std= may be.
var standards = []string{"c89", "c90", "c99", "c11", "c17", "c18", "c2x", "gnu89", "gnu90", "gnu99", "gnu11", "gnu17", "gnu18", "gnu2x", "iso9899:1990", "iso9899:1999", "iso9899:2011",
	"c++98", "c++03", "c++11", "c++14", "c++17", "c++20", "c++2a", "c++23", "gnu++98", "gnu++11", "gnu++14", "gnu++17", "gnu++20", "gnu++23"}

func gcc(ctx *prog.Ctx) int {
	d := &driver{c: ctx, name: path.Base(ctx.Name), cplus: strings.Contains(path.Base(ctx.Name), "++")}
	if d.arguments() {
		return 0
	}
	if len(d.inputs) == 0 {
		return d.fatal("no input files")
	}
	if d.status != 0 {
		return d.status
	}
	if d.out != "" && d.mode != 0 && len(d.inputs) > 1 {
		return d.fatal("cannot specify %s with %s, %s or %s with multiple files", d.quote("-o"), d.quote("-c"), d.quote("-S"), d.quote("-E"))
	}
	return d.run()
}

// quote is how GCC quotes in this locale.
func (d *driver) quote(s string) string {
	if d.c.UTF8() {
		return "‘" + s + "’"
	}
	return "'" + s + "'"
}

func (d *driver) fatal(format string, a ...any) int {
	d.c.Errorf("%s: fatal error: %s\ncompilation terminated.\n", d.name, fmt.Sprintf(format, a...))
	return 1
}

func (d *driver) error(format string, a ...any) {
	d.c.Errorf("%s: error: %s\n", d.name, fmt.Sprintf(format, a...))
	d.status = 1
}

// arguments reads the command line. It says whether that was all.
func (d *driver) arguments() (done bool) {
	args := d.c.Args
	for len(args) > 0 {
		a := args[0]
		args = args[1:]
		if a == "-" || !strings.HasPrefix(a, "-") {
			d.inputs = append(d.inputs, input{name: a, lang: d.lang})
			continue
		}
		opt, value := a, ""
		for _, o := range takesValue {
			if a == o {
				if len(args) == 0 {
					what := "filename"
					if o == "-I" || o == "-L" {
						what = "path"
					}
					if o == "-D" || o == "-U" {
						d.error("macro name missing after %s", d.quote(o))
					} else {
						d.error("missing %s after %s", what, d.quote(o))
					}
					return false
				}
				value, args = args[0], args[1:]
				break
			}
			if len(o) == 2 && strings.HasPrefix(a, o) && !strings.HasPrefix(a, "--") {
				opt, value = o, a[2:]
			}
		}
		switch {
		case a == "--version":
			d.c.Printf("%s (Debian 12.2.0-14+deb12u1) %s\nCopyright (C) 2022 Free Software Foundation, Inc.\nThis is free software; see the source for copying conditions.  There is NO\n"+
				"warranty; not even for MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE.\n\n", d.name, gccVersion)
			return true
		case a == "-dumpversion":
			d.c.Print("12\n")
			return true
		case a == "-dumpfullversion":
			d.c.Print(gccVersion, "\n")
			return true
		case a == "-dumpmachine":
			d.c.Print("x86_64-linux-gnu\n")
			return true
		case a == "-v" && len(d.c.Args) == 1:
			d.c.Errorf("Using built-in specs.\nCOLLECT_GCC=%s\nTarget: x86_64-linux-gnu\nThread model: posix\ngcc version %s (Debian 12.2.0-14+deb12u1) \n", d.c.Name, gccVersion)
			return true
		case a == "-c":
			d.mode = 'c'
		case a == "-E":
			d.mode = 'E'
		case a == "-M" || a == "-MM":
			d.mode, d.depUser = 'M', a == "-MM"
		case a == "-MD" || a == "-MMD":
			d.depend, d.depUser = true, a == "-MMD"
		case a == "-MP":
			d.depPhony = true
		case a == "-static":
			d.static = true
		case a == "-shared":
			d.shared = true
		case a == "-nostdlib" || a == "-nodefaultlibs" || a == "-nostartfiles" || a == "-ffreestanding":
			d.nostdlib = a == "-nostdlib" || a == "-nostartfiles"
		case a == "-s":
			d.stripped = true
		case a == "-w":
			d.quiet = true
		case a == "-Werror":
			d.werror = true
		case opt == "-o":
			d.out = value
		case opt == "-I" || opt == "-isystem" || opt == "-iquote" || opt == "-idirafter":
			d.include = append(d.include, value)
		case opt == "-L":
			d.libDirs = append(d.libDirs, value)
		case opt == "-l":
			d.inputs = append(d.inputs, input{name: value, lib: true})
		case opt == "-D":
			d.define = append(d.define, value)
		case opt == "-U":
			d.undefine = append(d.undefine, value)
		case opt == "-x":
			if d.lang = value; value == "none" {
				d.lang = ""
			}
		case opt == "-MF":
			d.depFile = value
		case opt == "-MT" || opt == "-MQ":
			d.depName = value
		case opt == "-u" || opt == "-z" || opt == "-T" || opt == "-Xlinker":
		case strings.HasPrefix(a, "-std="):
			if !slices.Contains(standards, a[5:]) {
				d.error("unrecognized command-line option %s", d.quote(a))
			}
		case slices.ContainsFunc(known, func(k string) bool {
			return strings.HasPrefix(a, k) && (len(k) > 2 || a == k || strings.IndexByte("Ogmf W", k[1]) >= 0)
		}) && plausible(a):
		default:
			d.error("unrecognized command-line option %s", d.quote(a))
		}
	}
	return false
}

// flagNames are what -f, -m and -W may be followed by; the list is of those that makefiles use.
var flagNames = map[byte][]string{
	'f': {"PIC", "pic", "PIE", "pie", "no-", "stack-", "omit-", "strict-", "visibility", "data-sections", "function-sections", "common", "lto", "openmp", "exceptions", "rtti", "signed-char", "unsigned-char",
		"wrapv", "diagnostics-", "sanitize", "profile-", "test-coverage", "debug-prefix-map", "file-prefix-map", "macro-prefix-map", "asynchronous-", "inline-", "unroll-", "tree-", "fast-math", "permissive",
		"short-enums", "gnu89-inline", "use-linker-plugin", "plugin", "cf-protection", "builtin", "math-errno", "verbose-asm", "keep-", "optimize-", "max-", "expensive-"},
	'm': {"64", "32", "x32", "arch=", "tune=", "cpu=", "sse", "ssse3", "avx", "fpu", "no-", "stackrealign", "abi=", "cmodel=", "pclmul", "aes", "bmi", "popcnt", "red-zone", "tls-"},
	'W': {"", "all", "extra", "error", "no-", "l,", "a,", "p,", "pedantic", "shadow", "conversion", "format", "unused", "missing-", "strict-", "pointer-", "cast-", "write-strings", "undef", "implicit", "return-type",
		"redundant-", "nested-", "old-style", "declaration-", "sign-", "uninitialized", "maybe-", "switch", "type-limits", "float-", "init-self", "inline", "logical-op", "vla", "null-", "double-promotion",
		"jump-misses-init", "aggregate-", "bad-", "comment", "parentheses", "misleading-", "deprecated", "array-bounds", "stringop-", "fatal-errors", "disabled-", "overlength-", "stack-", "c++-compat", "int-"},
}

func plausible(a string) bool {
	if len(a) < 2 {
		return true
	}
	names, ok := flagNames[a[1]]
	if !ok {
		return true
	}
	rest := a[2:]
	for _, n := range names {
		if n == "" && rest == "" || n != "" && strings.HasPrefix(rest, n) {
			return true
		}
	}
	return false
}

// run compiles the inputs, and links what came of them.
func (d *driver) run() int {
	var objects []*object
	unused := false
	for _, in := range d.inputs {
		if in.lib {
			continue
		}
		if in.name == "-" && in.lang == "" {
			return d.errorReturn("-E or -x required when input is from standard input")
		}
		kind := in.lang
		if kind == "" {
			kind = languageOf(in.name)
		}
		if kind == "" {
			if d.mode != 0 {
				if _, err := d.c.Stat(in.name); err != nil {
					d.c.Errorf("%s: warning: %s: linker input file unused because linking not done\n", d.name, in.name)
					d.error("%s: linker input file not found: %v", in.name, err)
				} else {
					d.c.Errorf("%s: warning: %s: linker input file unused because linking not done\n", d.name, in.name)
				}
				unused = true
				continue
			}
			found, ok := d.linkInput(in.name)
			if !ok {
				return 1
			}
			objects = append(objects, found...)
			continue
		}
		o := d.compile(in.name, kind)
		if o != nil {
			objects = append(objects, o)
		}
	}
	_ = unused
	if d.status != 0 {
		return d.status
	}
	if d.mode != 0 {
		return 0
	}
	return d.link(objects)
}

func (d *driver) errorReturn(format string, a ...any) int {
	d.error(format, a...)
	return d.status
}

// languageOf goes by a name's extension; "" is for the linker.
func languageOf(name string) string {
	switch path.Ext(name) {
	case ".c":
		return "c"
	case ".cc", ".cpp", ".cxx", ".C", ".c++":
		return "c++"
	case ".s", ".S", ".asm":
		return "assembler"
	case ".h":
		return "c-header"
	case ".f", ".f90":
		return "fortran"
	}
	return ""
}

// compile makes an object of a source, and where the mode asks for it, its file.
func (d *driver) compile(name, lang string) *object {
	p := &c.Preprocessor{Step: d.c.Step, Define: d.define, Read: d.read, System: system}
	for _, u := range d.undefine {
		p.Define = slices.DeleteFunc(p.Define, func(m string) bool { return m == u || strings.HasPrefix(m, u+"=") })
	}
	switch lang {
	case "c", "c++":
	default:
		d.c.Errorf("%s: sorry, unimplemented: the lab compiles C, not %s\n", name, lang)
		d.status = 1
		return nil
	}
	if lang == "c++" || d.cplus {
		if !d.needs(path.Join(gccDir, "cc1plus")) {
			return nil
		}
		p.Define = append(p.Define, "__cplusplus=201703L")
	}
	u, files, err := p.Compile(name)
	if err != nil {
		d.c.Errorf("%v\n", err)
		if e, ok := err.(*c.Error); ok && e.Kind == "fatal error" {
			d.c.Errorf("compilation terminated.\n")
		}
		d.status = 1
		return nil
	}
	if !d.quiet {
		for _, w := range u.Warnings {
			d.c.Errorf("%v\n", w)
		}
		if d.werror && len(u.Warnings) > 0 {
			d.c.Errorf("cc1: all warnings being treated as errors\n")
			d.status = 1
			return nil
		}
	}
	base := strings.TrimSuffix(path.Base(name), path.Ext(name))
	target := d.out
	if target == "" {
		target = base + ".o"
	}
	o := &object{File: name, Text: u.Text, Stand: u.Stand, Defines: u.Defines, Uses: u.Uses}
	switch d.mode {
	case 'E':
		d.put([]byte(fmt.Sprintf("# 0 %q\n%s", name, u.Text)), d.out)
		return o
	case 'M':
		d.put([]byte(d.rule(base+".o", files)), d.out)
		return o
	case 'c':
		if !d.put(o.encode(), target) {
			return nil
		}
	}
	if d.depend {
		dep := d.depFile
		if dep == "" {
			dep = strings.TrimSuffix(target, path.Ext(target)) + ".d"
		}
		if !d.put([]byte(d.rule(target, files)), dep) {
			return nil
		}
	}
	return o
}

// needs says that a part of the compiler is missing, if it is.
func (d *driver) needs(file string) bool {
	if _, err := d.c.Stat(file); err == nil {
		return true
	}
	d.status = d.fatal("cannot execute %s: execvp: No such file or directory", d.quote(path.Base(file)))
	return false
}

// rule is the make rule that -M and -MD write.
func (d *driver) rule(target string, files []string) string {
	if d.depName != "" {
		target = d.depName
	}
	if d.depUser {
		files = slices.DeleteFunc(slices.Clone(files), system)
	}
	text := target + ": " + strings.Join(files, " ") + "\n"
	if d.depPhony && len(files) > 1 {
		for _, f := range files[1:] {
			text += f + ":\n"
		}
	}
	return text
}

// put writes an output; "" is standard output.
func (d *driver) put(b []byte, name string) bool {
	if name == "" || name == "-" {
		d.c.Out.Write(b)
		return true
	}
	if err := d.c.WriteFile(name, b, 0o666); err != nil {
		d.c.Errorf("Assembler messages:\nFatal error: can't create %s: %v\n", name, err)
		d.status = 1
		return false
	}
	return true
}

// systemDirs are searched for headers last.
var systemDirs = []string{gccDir + "/include", "/usr/local/include", "/usr/include/x86_64-linux-gnu", "/usr/include", "/usr/include/c++/12"}

// system says whether a header is one that a package brings.
func system(name string) bool {
	return strings.HasPrefix(name, "/usr/include/") || strings.HasPrefix(name, gccDir+"/include/")
}

// read finds a source or a header.
func (d *driver) read(file string, system bool, from string) (string, string, error) {
	try := []string{file}
	if from != "" && !strings.HasPrefix(file, "/") {
		try = nil
		if !system {
			try = append(try, path.Join(path.Dir(from), file))
		}
		for _, dir := range d.include {
			try = append(try, path.Join(dir, file))
		}
		if system {
			for _, dir := range systemDirs {
				try = append(try, path.Join(dir, file))
			}
		}
	}
	if file == "-" && from == "" {
		var b []byte
		buf := make([]byte, 4096)
		for len(b) < 1<<20 {
			n, err := d.c.In.Read(buf)
			b = append(b, buf[:n]...)
			if err != nil {
				break
			}
		}
		return "<stdin>", string(b), nil
	}
	first := error(linux.ENOENT)
	for _, name := range try {
		st, err := d.c.Stat(name)
		if err != nil || st.Mode.IsDir() {
			continue
		}
		if st.Size > 4<<20 {
			return "", "", linux.EFBIG
		}
		b, err := d.c.ReadFile(name)
		if err == nil {
			return name, string(b), nil
		}
		first = err
	}
	return "", "", first
}

// linkInput reads an object or an archive.
func (d *driver) linkInput(name string) ([]*object, bool) {
	b, err := d.c.ReadFile(name)
	if err != nil {
		d.c.Errorf("/usr/bin/ld: cannot find %s: %v\n", name, err)
		d.ldFailed()
		return nil, false
	}
	if o, ok := readObject(b); ok {
		return []*object{o}, true
	}
	if members, ok := readArchive(b); ok {
		var all []*object
		for _, m := range members {
			if o, ok := readObject(m.data); ok {
				all = append(all, o)
			}
		}
		return all, true
	}
	if strings.HasPrefix(string(b), "\x7fELF") && strings.Contains(path.Base(name), ".so") {
		return nil, true // a shared library: whatever it defines, the loader finds
	}
	d.c.Errorf("/usr/bin/ld:%s: file format not recognized; treating as linker script\n/usr/bin/ld:%s:0: syntax error\n", name, name)
	d.ldFailed()
	return nil, false
}

func (d *driver) ldFailed() {
	d.c.Errorf("collect2: error: ld returned 1 exit status\n")
	d.status = 1
}

// libraries finds what -l names, and reads the archives among it that hold the lab's objects.
func (d *driver) libraries() (objects []*object, math bool, ok bool) {
	ok = true
	dirs := append(slices.Clone(d.libDirs), libDir, "/lib/x86_64-linux-gnu", "/usr/lib", "/lib", "/usr/local/lib", gccDir)
	for _, in := range d.inputs {
		if !in.lib {
			continue
		}
		found := in.name == "c" || in.name == "gcc"
		math = math || in.name == "m"
		for _, dir := range dirs {
			for _, ext := range []string{".so", ".a"} {
				name := path.Join(dir, "lib"+in.name+ext)
				if found || d.static && ext == ".so" {
					continue
				}
				if _, err := d.c.Stat(name); err != nil {
					continue
				}
				found = true
				if ext == ".a" {
					if b, err := d.c.ReadFile(name); err == nil {
						if members, ok := readArchive(b); ok {
							for _, m := range members {
								if o, ok := readObject(m.data); ok {
									objects = append(objects, o)
								}
							}
						}
					}
				}
			}
		}
		if !found {
			d.c.Errorf("/usr/bin/ld: cannot find -l%s: No such file or directory\n", in.name)
			ok = false
		}
	}
	return objects, math, ok
}

// sizes of what is linked, in bytes, apart from the program's own text.
const (
	dynamicSize = 15 << 10
	staticSize  = 700 << 10
)

func (d *driver) link(objects []*object) int {
	libs, math, ok := d.libraries()
	for _, name := range []string{"Scrt1.o", "crti.o"} {
		if d.nostdlib || !ok {
			break
		}
		if _, err := d.c.Stat(path.Join(libDir, name)); err != nil {
			d.c.Errorf("/usr/bin/ld: cannot find %s: No such file or directory\n", name)
			ok = false
		}
	}
	if !ok {
		d.ldFailed()
		return d.status
	}
	if d.shared {
		d.c.Errorf("%s: sorry, unimplemented: the lab links no shared libraries\n", d.name)
		return 1
	}
	defined := map[string]bool{}
	var stand *c.Stand
	program := &c.Program{}
	add := func(o *object) {
		for _, n := range o.Defines {
			defined[n] = true
		}
		if o.Stand != nil {
			stand = o.Stand
		}
		program.Units = append(program.Units, c.LinkedUnit{File: o.File, Text: o.Text})
	}
	owner := map[string]string{}
	for _, o := range objects {
		for _, n := range o.Defines {
			if first, ok := owner[n]; ok {
				d.c.Errorf("/usr/bin/ld: %s: in function `%s':\n%s: multiple definition of `%s'; %s: first defined here\n", o.File, n, o.File, n, first)
				d.ldFailed()
				return d.status
			}
			owner[n] = o.File
		}
		add(o)
	}
	for _, o := range libs {
		add(o)
	}
	if stand == nil {
		if !defined["main"] {
			d.c.Errorf("/usr/bin/ld: %s/../../../x86_64-linux-gnu/Scrt1.o: in function `_start':\n(.text+0x17): undefined reference to `main'\n", gccDir)
			d.ldFailed()
			return d.status
		}
		bad := false
		for _, o := range append(slices.Clone(objects), libs...) {
			for _, n := range o.Uses {
				if !defined[n] && !(c.Math[n] && (math || d.cplus)) {
					d.c.Errorf("/usr/bin/ld: %s: undefined reference to `%s'\n", o.File, n)
					bad = true
				}
			}
		}
		if bad {
			d.ldFailed()
			return d.status
		}
	}
	return d.writeProgram(program, stand)
}

// writeProgram writes the executable.
func (d *driver) writeProgram(p *c.Program, stand *c.Stand) int {
	name := d.out
	if name == "" {
		name = "a.out"
	}
	program, size := compiled, int64(dynamicSize)
	if d.static {
		size = staticSize
	}
	var text []byte
	if stand != nil {
		program, size = strings.TrimSpace(stand.Program+" "+stand.Release), stand.Size
	} else {
		text = p.Encode()
		size += int64(len(text))
	}
	head := elfnote.WriteDynamic(program, "gnu", loader)
	if d.static {
		head = elfnote.Write(program, "gnu")
	}
	b := make([]byte, codeAt, codeAt+len(text))
	copy(b, head)
	b = append(b, text...)
	// What stands there is removed first, as ld does: a program that runs keeps its file.
	if st, err := d.c.Lstat(name); err == nil && st.Mode.IsRegular() {
		d.c.Unlink(name)
	}
	f, err := d.c.OpenFile(name, linux.O_WRONLY|linux.O_CREAT|linux.O_TRUNC, 0o777)
	if err != nil {
		d.c.Errorf("/usr/bin/ld: cannot open output file %s: %v\n", name, err)
		d.ldFailed()
		return d.status
	}
	defer f.Close()
	_, err = f.Write(b)
	if err == nil {
		err = writeZeros(f, int64(len(b)), size)
	}
	if err != nil {
		d.c.Errorf("/usr/bin/ld: final link failed: %v\n", err)
		d.ldFailed()
	}
	return d.status
}

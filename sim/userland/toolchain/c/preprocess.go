package c

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Preprocessor is how sources are read.
type Preprocessor struct {
	// Read gives the text of a file. system is an include in angle brackets; from is the file that
	// includes it, "" for the source itself. It gives the path that was found.
	Read func(file string, system bool, from string) (path, content string, err error)
	// System says whether a file that was found is a header of the system, whose stand-ins in the
	// catalogue have no text: what they declare, the lab knows.
	System func(path string) bool
	// Define are macros of the command line: "NAME" or "NAME=VALUE".
	Define []string
	// Step is called for each bit of work.
	Step func(n int)

	macros   map[string]*macro
	included []string // all files that were read, the source first
	program  *Stand
	out      []token
	once     map[string]bool
	depth    int
}

// Stand is what a source of the catalogue stands for.
type Stand struct {
	Program string
	Size    int64  // of the linked file, in bytes
	Release string // its version, "" where there is one only
}

type macro struct {
	name     string
	function bool
	params   []string
	body     []token
}

// Preprocessing is bounded: a source is anybody's.
const (
	maxIncludes = 200
	maxTokens   = 1 << 18
)

type condition struct {
	on, taken, nested bool
	at                token
}

// run preprocesses one file and what it includes.
func (p *Preprocessor) run(fileName, from string, system bool, at token) *Error {
	if p.depth++; p.depth > maxIncludes {
		return at.fail("fatal error", "#include nested depth %d exceeds maximum of %d (use -fmax-include-depth=DEPTH to increase the maximum)", p.depth, maxIncludes)
	}
	defer func() { p.depth-- }()
	path, content, err := p.Read(fileName, system, from)
	if err != nil {
		if from == "" {
			return &Error{File: "cc1", Kind: "fatal error", Text: fmt.Sprintf("%s: %v", fileName, err)}
		}
		return at.fail("fatal error", "%s: %v", fileName, err)
	}
	p.Step(1 + len(content)>>6)
	if !slices.Contains(p.included, path) {
		p.included = append(p.included, path)
	}
	if p.System(path) {
		return nil
	}
	if p.once[path] {
		return nil
	}
	tokens, lexErr := lex(path, content)
	if lexErr != nil {
		return lexErr
	}
	return p.lines(tokens, path)
}

func (p *Preprocessor) lines(tokens []token, path string) *Error {
	var conds []condition
	active := func() bool { return len(conds) == 0 || conds[len(conds)-1].on && !conds[len(conds)-1].nested }
	for i := 0; i < len(tokens); {
		j := i
		for j < len(tokens) && tokens[j].kind != newline {
			j++
		}
		line := tokens[i:j]
		i = j + 1
		if len(line) == 0 {
			continue
		}
		if line[0].text != "#" || line[0].kind != punct {
			if !active() {
				continue
			}
			// A call of a macro may go on over lines.
			for p.open(line) && i < len(tokens) {
				k := i
				for k < len(tokens) && tokens[k].kind != newline {
					k++
				}
				line = slices.Concat(line, tokens[i:k])
				i = k + 1
			}
			out, err := p.expand(line)
			if err != nil {
				return err
			}
			p.out = append(p.out, out...)
			if len(p.out) > maxTokens {
				return line[0].fail("fatal error", "the source becomes longer than %d tokens", maxTokens)
			}
			continue
		}
		if len(line) == 1 {
			continue
		}
		d, rest := line[1], line[2:]
		switch d.text {
		case "if", "ifdef", "ifndef":
			if !active() {
				conds = append(conds, condition{nested: true, at: d})
				continue
			}
			on, err := p.test(d, rest)
			if err != nil {
				return err
			}
			conds = append(conds, condition{on: on, taken: on, at: d})
			if len(conds) > maxIncludes {
				return d.fail("fatal error", "conditionals are nested too deep")
			}
			continue
		case "elif", "else":
			if len(conds) == 0 {
				return d.fail("error", "#%s without #if", d.text)
			}
			c := &conds[len(conds)-1]
			if c.nested {
				continue
			}
			if c.taken {
				c.on = false
				continue
			}
			on := true
			if d.text == "elif" {
				var err *Error
				if on, err = p.test(token{text: "if", src: d.src, line: d.line, col: d.col}, rest); err != nil {
					return err
				}
			}
			c.on, c.taken = on, on
			continue
		case "endif":
			if len(conds) == 0 {
				return d.fail("error", "#endif without #if")
			}
			conds = conds[:len(conds)-1]
			continue
		}
		if !active() {
			continue
		}
		if err := p.directive(d, rest, path); err != nil {
			return err
		}
	}
	if len(conds) > 0 {
		c := conds[len(conds)-1]
		return c.at.fail("error", "unterminated #%s", c.at.text)
	}
	return nil
}

// open says whether a line ends within the arguments of a macro.
func (p *Preprocessor) open(line []token) bool {
	for i, t := range line {
		if m := p.macros[t.text]; t.kind == name && m != nil && m.function && i+1 < len(line) && line[i+1].text == "(" {
			depth := 0
			for _, t := range line[i+1:] {
				if t.kind == punct && t.text == "(" {
					depth++
				} else if t.kind == punct && t.text == ")" {
					depth--
				}
			}
			return depth > 0
		}
	}
	return false
}

func (p *Preprocessor) directive(d token, rest []token, path string) *Error {
	switch d.text {
	case "include":
		if len(rest) > 0 && rest[0].kind == name {
			var err *Error
			if rest, err = p.expand(rest); err != nil {
				return err
			}
		}
		if len(rest) == 0 {
			return d.fail("error", "#include expects \"FILENAME\" or <FILENAME>")
		}
		if rest[0].kind == text {
			return p.run(rest[0].text, path, false, rest[0])
		}
		if rest[0].text == "<" {
			line := rest[0].src.lines[rest[0].line-1]
			from := rest[0].col
			if n := strings.IndexByte(line[min(from, len(line)):], '>'); n >= 0 {
				at := rest[0]
				at.width = n + 2
				return p.run(line[from:from+n], path, true, at)
			}
			return rest[0].fail("error", "missing terminating > character")
		}
		return d.fail("error", "#include expects \"FILENAME\" or <FILENAME>")
	case "define":
		if len(rest) == 0 || rest[0].kind != name {
			return d.fail("error", "no macro name given in #define directive")
		}
		m := &macro{name: rest[0].text}
		body := rest[1:]
		if len(body) > 0 && body[0].text == "(" && body[0].kind == punct && !body[0].blank {
			m.function = true
			k := 1
			for k < len(body) && body[k].text != ")" {
				if body[k].kind == name {
					m.params = append(m.params, body[k].text)
				} else if body[k].text == "..." {
					return body[k].fail("sorry, unimplemented", "a variadic macro")
				}
				k++
			}
			if k >= len(body) {
				return d.fail("error", "expected ')' before end of line")
			}
			body = body[k+1:]
		}
		for _, t := range body {
			if t.text == "##" || t.text == "#" && t.kind == punct {
				return t.fail("sorry, unimplemented", "the operator %s in a macro", t.text)
			}
		}
		m.body = body
		p.macros[m.name] = m
	case "undef":
		if len(rest) == 0 {
			return d.fail("error", "no macro name given in #undef directive")
		}
		delete(p.macros, rest[0].text)
	case "error":
		return d.fail("error", "#error %s", words(rest))
	case "warning", "line", "ident":
		if d.text == "line" {
			return d.fail("sorry, unimplemented", "#line")
		}
	case "pragma":
		return p.pragma(d, rest, path)
	default:
		return d.fail("error", "invalid preprocessing directive #%s", d.text)
	}
	return nil
}

func (p *Preprocessor) pragma(d token, rest []token, path string) *Error {
	if len(rest) > 0 && rest[0].text == "once" {
		p.once[path] = true
	}
	if len(rest) < 4 || rest[0].text != "lab" || rest[1].text != "program" {
		return nil
	}
	words := strings.Fields(words(rest[2:]))
	size, err := strconv.ParseInt(words[min(1, len(words)-1)], 10, 64)
	if err != nil || size <= 0 || size > 1<<30 || len(words) > 3 {
		return rest[2].fail("error", "a program needs its size in bytes, and nothing but a version after it")
	}
	p.program = &Stand{Program: words[0], Size: size}
	if len(words) == 3 {
		p.program.Release = words[2]
	}
	return nil
}

func words(tokens []token) string {
	var b strings.Builder
	for i, t := range tokens {
		if i > 0 && t.blank {
			b.WriteByte(' ')
		}
		if t.kind == text {
			b.WriteString(strconv.Quote(t.text))
		} else {
			b.WriteString(t.text)
		}
	}
	return b.String()
}

// test evaluates the condition of an #if, #ifdef or #ifndef.
func (p *Preprocessor) test(d token, rest []token) (bool, *Error) {
	if d.text != "if" {
		if len(rest) == 0 {
			return false, d.fail("error", "no macro name given in #%s directive", d.text)
		}
		return (p.macros[rest[0].text] != nil) == (d.text == "ifdef"), nil
	}
	var in []token
	for i := 0; i < len(rest); i++ {
		if rest[i].text == "defined" && rest[i].kind == name && i+1 < len(rest) {
			arg, skip := rest[i+1], 1
			if arg.text == "(" && i+3 < len(rest) {
				arg, skip = rest[i+2], 3
			}
			t := rest[i]
			t.kind, t.text = number, "0"
			if p.macros[arg.text] != nil {
				t.text = "1"
			}
			in = append(in, t)
			i += skip
			continue
		}
		in = append(in, rest[i])
	}
	in, err := p.expand(in)
	if err != nil {
		return false, err
	}
	for i := range in {
		if in[i].kind == name {
			in[i].kind, in[i].text = number, "0"
		}
	}
	if len(in) == 0 {
		return false, d.fail("error", "#if with no expression")
	}
	ps := &parser{tokens: in, unit: &Unit{}, step: p.Step}
	var v int64
	if err := ps.protect(func() {
		e := ps.conditional()
		if ps.peek().kind != end {
			ps.peek().throw("error", "missing binary operator before token \"%s\"", ps.peek().text)
		}
		v = ps.constant(e)
	}); err != nil {
		return false, err
	}
	return v != 0, nil
}

// expand replaces the macros in a line.
func (p *Preprocessor) expand(in []token) ([]token, *Error) {
	var out []token
	// What is still to be read, the next token last.
	todo := slices.Clone(in)
	slices.Reverse(todo)
	for n := 0; len(todo) > 0; n++ {
		t := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if n > maxTokens || len(todo) > maxTokens {
			return nil, t.fail("fatal error", "macros expand to more than %d tokens", maxTokens)
		}
		p.Step(4 + len(t.hide))
		m := p.macros[t.text]
		if t.kind == name && m == nil {
			switch t.text {
			case "__LINE__":
				t.kind, t.text = number, strconv.Itoa(t.line)
			case "__FILE__":
				t.kind, t.text = text, t.src.name
			}
		}
		if t.kind != name || m == nil || slices.Contains(t.hide, t.text) || m.function && (len(todo) == 0 || todo[len(todo)-1].text != "(" || todo[len(todo)-1].kind != punct) {
			out = append(out, t)
			continue
		}
		hide := append(slices.Clone(t.hide), m.name)
		body := slices.Clone(m.body)
		if m.function {
			args, used, ok := arguments(todo)
			if !ok {
				return nil, t.fail("error", "unterminated argument list invoking macro \"%s\"", m.name)
			}
			if len(m.params) == 0 && len(args) == 1 && len(args[0]) == 0 {
				args = nil
			}
			if len(args) != len(m.params) {
				return nil, t.fail("error", "macro \"%s\" requires %d arguments, but only %d given", m.name, len(m.params), len(args))
			}
			todo = todo[:len(todo)-used]
			var filled []token
			for _, b := range body {
				if k := slices.Index(m.params, b.text); k >= 0 && b.kind == name {
					filled = append(filled, args[k]...)
					continue
				}
				filled = append(filled, b)
			}
			body = filled
		}
		for i := range body {
			body[i].hide = append(slices.Clone(body[i].hide), hide...)
			body[i].line, body[i].col, body[i].src = t.line, t.col, t.src
			if len(body[i].hide) > maxIncludes {
				return nil, t.fail("fatal error", "macros are nested too deep")
			}
		}
		slices.Reverse(body)
		todo = append(todo, body...)
	}
	return out, nil
}

// arguments takes apart what follows the name of a function-like macro, read from the end of todo,
// and says how many tokens that is.
func arguments(todo []token) (args [][]token, used int, ok bool) {
	depth := 0
	var cur []token
	for i := len(todo) - 1; i >= 0; i-- {
		t := todo[i]
		if t.kind == punct {
			switch t.text {
			case "(":
				if depth++; depth == 1 {
					continue
				}
			case ")":
				if depth--; depth == 0 {
					return append(args, cur), len(todo) - i, true
				}
			case ",":
				if depth == 1 {
					args, cur = append(args, cur), nil
					continue
				}
			}
		}
		cur = append(cur, t)
	}
	return nil, 0, false
}

// predefined are the macros that need no header: the compiler's own, and those of headers that the
// lab knows.
var predefined = []string{"__STDC__=1", "__STDC_VERSION__=201710L", "__x86_64__=1", "__linux__=1", "linux=1", "unix=1", "__unix__=1", "__GNUC__=12", "__GNUC_MINOR__=2", "__LP64__=1",
	"NULL=0", "EXIT_SUCCESS=0", "EXIT_FAILURE=1", "EOF=-1", "INT_MAX=2147483647", "INT_MIN=(-2147483647-1)", "LONG_MAX=9223372036854775807L", "true=1", "false=0", "bool=int",
	"STDIN_FILENO=0", "STDOUT_FILENO=1", "STDERR_FILENO=2", "RAND_MAX=2147483647", "BUFSIZ=8192"}

// Compile reads a source. The files that it is made of come back even with an error.
func (p *Preprocessor) Compile(fileName string) (u *Unit, files []string, err error) {
	p.macros, p.once = map[string]*macro{}, map[string]bool{}
	for _, d := range slices.Concat(predefined, p.Define) {
		macroName, value, ok := strings.Cut(d, "=")
		if !ok {
			value = "1"
		}
		body, lexErr := lex("<command-line>", value)
		if lexErr != nil {
			return nil, nil, lexErr
		}
		if n := len(body); n > 0 {
			body = body[:n-1]
		}
		p.macros[macroName] = &macro{name: macroName, body: body}
	}
	if err := p.run(fileName, "", false, token{}); err != nil {
		return nil, p.included, err
	}
	u = &Unit{File: fileName, Stand: p.program}
	if p.program != nil {
		return u, p.included, nil
	}
	if err := u.parse(p.out, p.Step); err != nil {
		return nil, p.included, err
	}
	u.Text = render(p.out)
	return u, p.included, nil
}

// render writes tokens as a text that lexes to the same ones, on their lines.
func render(tokens []token) string {
	var b strings.Builder
	for _, t := range tokens {
		switch t.kind {
		case text:
			b.WriteByte('"')
			for i := range len(t.text) {
				fmt.Fprintf(&b, "\\%03o", t.text[i])
			}
			b.WriteByte('"')
		case char:
			fmt.Fprintf(&b, "'\\%03o'", t.text[0])
		default:
			b.WriteString(t.text)
		}
		b.WriteByte(' ')
		if b.Len() > 0 && (t.text == ";" || t.text == "}") {
			b.WriteByte('\n')
		}
	}
	return b.String()
}

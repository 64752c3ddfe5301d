package text

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/userland/prog"
	"github.com/dockerlab/dockerlab/sim/userland/text/jq"
)

// jqRun is one run of jq.
type jqRun struct {
	c *prog.Ctx

	null, raw, join, slurp, rawInput, sequence bool
	exitStatus                                 bool
	style                                      jq.Style
	vars                                       map[string]any
	positional                                 []any

	files []string
	text  string // of the file being read
	dec   *json.Decoder
	name  any // of the file, nil for standard input
	line  int // of the input so far
	ended bool
	bad   bool // a file could not be read
}

// tell writes to standard error at once: what standard output holds back comes later.
func (r *jqRun) tell(format string, args ...any) { fmt.Fprintf(r.c.Err, format, args...) }

// errParse ends the input: it is no JSON.
type errParse struct{ text string }

func (e errParse) Error() string { return e.text }

func jqProgram(c *prog.Ctx) int {
	r := &jqRun{c: c, vars: map[string]any{}, style: jq.Style{Indent: "  "}}
	program, from := r.options(c.Args)
	if from != "" {
		b, err := c.ReadFile(from)
		if err != nil {
			r.tell("jq: Could not open %s: %v\n", from, err)
			return 2
		}
		program = string(b)
	}
	named := jq.NewObject()
	for name, v := range r.vars {
		named.Set(name, v)
	}
	all := jq.NewObject()
	all.Set("positional", append([]any{}, r.positional...))
	all.Set("named", named)
	r.vars["ARGS"] = all
	p, err := jq.Compile(program, jq.Config{
		Vars: r.vars,
		Env: func() *jq.Object {
			o := jq.NewObject()
			for _, kv := range c.Env() {
				if k, v, ok := strings.Cut(kv, "="); ok {
					o.Set(k, v)
				}
			}
			return o
		},
		Inputs: r.next,
		Now:    func() float64 { return float64(c.Now().UnixMicro()) / 1e6 },
		Debug:  func(msg string) { c.Errorf("%s", msg) },
		Line:   func() int { return r.line },
		File:   func() any { return r.name },
		Step:   c.Step,
	})
	if err != nil {
		// The program is shown with blanks behind it, as many as stand before what is wrong.
		pad := 0
		if e, ok := err.(*jq.SyntaxError); ok {
			pad = e.At
		}
		r.tell("jq: error: %s at <top-level>, line %d:\n%s%*s\njq: 1 compile error\n", err, strings.Count(program[:min(pad, len(program))], "\n")+1, program, pad, "")
		return 3
	}
	return r.run(p)
}

// options reads the command line: options stand before and behind the program and the files.
func (r *jqRun) options(args []string) (program, from string) {
	c := r.c
	have, fromFile, only := false, false, false
	kind := byte('f') // what operands behind the program are: files, strings or JSON
	need := func(n int, option, example string) []string {
		if len(args) < n {
			what := "one parameter"
			if n == 2 {
				what = "two parameters"
			}
			r.tell("jq: %s takes %s%s\n", option, what, example)
			r.seeHelp()
		}
		v := args[:n]
		args = args[n:]
		return v
	}
	for len(args) > 0 {
		a := args[0]
		args = args[1:]
		if only || len(a) < 2 || a[0] != '-' {
			switch {
			case !have:
				program, have = a, true
			case kind == 'f':
				r.files = append(r.files, a)
			case kind == 's':
				r.positional = append(r.positional, a)
			default:
				r.positional = append(r.positional, r.json(a, "--jsonargs"))
			}
			continue
		}
		if a == "--" {
			only = true
			continue
		}
		letters, isLong := a[1:], strings.HasPrefix(a, "--")
		if isLong {
			letters = map[string]string{"null-input": "n", "raw-output": "r", "join-output": "j", "ascii-output": "a", "slurp": "s", "compact-output": "c",
				"sort-keys": "S", "color-output": "C", "monochrome-output": "M", "exit-status": "e", "from-file": "f", "raw-input": "R", "help": "h", "version": "V"}[a[2:]]
		}
		for _, ch := range letters {
			switch ch {
			case 'n':
				r.null = true
			case 'r':
				r.raw = true
			case 'j':
				r.raw, r.join = true, true
			case 'a':
				r.style.ASCII = true
			case 's':
				r.slurp = true
			case 'c':
				r.style.Indent = ""
			case 'S':
				r.style.Sort = true
			case 'C':
				r.style.Color = true
			case 'M':
				r.style.Color = false
			case 'e':
				r.exitStatus = true
			case 'f':
				fromFile = true
			case 'R':
				r.rawInput = true
			case 'h':
				r.usage(0)
			case 'V':
				c.Print("jq-1.6\n")
				c.Exit(0)
			default:
				r.unknown(a)
			}
		}
		if letters != "" {
			continue
		}
		switch a {
		case "--tab":
			r.style.Indent = "\t"
		case "--indent":
			n, err := strconv.Atoi(need(1, a, "")[0])
			if err != nil || n < -1 || n > 7 {
				r.tell("jq: --indent takes a number between -1 and 7\n")
				r.seeHelp()
			}
			if n < 0 {
				r.style.Indent = "\t"
				continue
			}
			r.style.Indent = strings.Repeat(" ", n)
		case "--arg":
			v := need(2, a, " (e.g. --arg varname value)")
			r.vars[v[0]] = v[1]
		case "--argjson":
			v := need(2, a, " (e.g. --argjson varname text)")
			r.vars[v[0]] = r.json(v[1], "--argjson")
		case "--slurpfile", "--rawfile":
			v := need(2, a, " (e.g. "+a+" varname filename)")
			b, err := c.ReadFile(v[1])
			if err != nil {
				r.tell("jq: Bad JSON in --%s %s %s: Could not open %s: %v\n", a[2:], v[0], v[1], v[1], err)
				c.Exit(2)
			}
			if a == "--rawfile" {
				r.vars[v[0]] = string(b)
				continue
			}
			list := []any{}
			d := json.NewDecoder(strings.NewReader(string(b)))
			d.UseNumber()
			for {
				x, err := jq.Decode(d)
				if err == io.EOF {
					break
				}
				if err != nil {
					r.tell("jq: Bad JSON in --slurpfile %s %s: %s\n", v[0], v[1], jq.Explain(string(b), err))
					c.Exit(2)
				}
				list = append(list, x)
			}
			r.vars[v[0]] = list
		case "--args":
			kind = 's'
		case "--jsonargs":
			kind = 'j'
		case "--seq":
			r.sequence = true
		case "--unbuffered":
			c.Out.Unbuffered()
		default:
			r.unknown(a)
		}
	}
	switch {
	case fromFile && have:
		return "", program
	case !have && c.Isatty(0) && c.Isatty(1):
		r.usage(2)
	case !have:
		return ".", ""
	}
	return program, ""
}

func (r *jqRun) unknown(option string) {
	r.tell("jq: Unknown option %s\n", option)
	r.seeHelp()
}

// seeHelp ends the program after wrong use.
func (r *jqRun) seeHelp() {
	r.tell("Use jq --help for help with command-line options,\nor see the jq manpage, or online docs  at https://stedolan.github.io/jq\n")
	r.c.Exit(2)
}

func (r *jqRun) usage(status int) {
	out := func(format string, args ...any) { r.c.Printf(format, args...) }
	if status != 0 {
		out = r.c.Errorf
	}
	out("Usage:\tjq [options] <filter> [file...]\n\tjq [options] --args <filter> [strings...]\n\tjq [options] --jsonargs <filter> [values...]\n\n")
	for _, o := range [][2]string{
		{"-c", "each result on one line"}, {"-n", "null as the only input"}, {"-e", "exit code 1 if the last result is null or false"}, {"-s", "all inputs as one array"},
		{"-r", "strings as they are, without quotes"}, {"-j", "-r, and no newlines"}, {"-R", "lines of text as inputs"}, {"-C", "colours"}, {"-M", "no colours"},
		{"-S", "objects with their keys sorted"}, {"-a", "nothing but ASCII"}, {"-f file", "the filter from a file"}, {"--tab", "tabs for indentation"},
		{"--indent n", "so many blanks for indentation"}, {"--arg a v", "$a is the string v"}, {"--argjson a v", "$a is the JSON value v"},
		{"--slurpfile a f", "$a is an array of what is in file f"}, {"--rawfile a f", "$a is the text of file f"},
	} {
		out("  %-17s %s\n", o[0], o[1])
	}
	r.c.Exit(status)
}

// json reads the value of an option.
func (r *jqRun) json(text, option string) any {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	v, err := jq.Decode(d)
	if err == nil && d.More() {
		err = errors.New("more than one value")
	}
	if err != nil {
		r.tell("jq: invalid JSON text passed to %s\n", option)
		r.seeHelp()
	}
	return v
}

// open begins the next file; false when there is none.
func (r *jqRun) open() bool {
	for {
		name := "-"
		switch {
		case r.ended:
			return false
		case len(r.files) > 0:
			name, r.files = r.files[0], r.files[1:]
			r.ended = len(r.files) == 0
		default:
			r.ended = true
		}
		f, err := input(r.c, name)
		var b []byte
		if err == nil {
			b, err = readLimited(f)
			f.Close()
		}
		if err != nil {
			r.tell("jq: error: Could not open file %s: %v\n", name, err)
			r.bad = true
			continue
		}
		r.c.Step(len(b) / 16)
		if r.name = any(name); name == "-" {
			r.name = nil
		}
		r.text, r.line = string(b), 0
		r.dec = json.NewDecoder(strings.NewReader(r.text))
		r.dec.UseNumber()
		return true
	}
}

// next gives the next input, io.EOF at the end.
func (r *jqRun) next() (any, error) {
	if r.slurp {
		return r.everything()
	}
	return r.one()
}

func (r *jqRun) one() (any, error) {
	for {
		if r.dec == nil && !r.open() {
			return nil, io.EOF
		}
		if r.rawInput {
			if r.text == "" {
				r.dec = nil
				continue
			}
			line, rest, ended := strings.Cut(r.text, "\n")
			r.text = rest
			if ended {
				r.line++
			}
			return strings.ToValidUTF8(line, "\ufffd"), nil
		}
		v, err := jq.Decode(r.dec)
		at := int(r.dec.InputOffset())
		if err == nil {
			r.line = strings.Count(r.text[:at], "\n")
			if strings.Contains(r.text[at:], "\n") {
				r.line++
			}
			return v, nil
		}
		if err == io.EOF && strings.Trim(r.text[min(at, len(r.text)):], " \t\r\n") == "" {
			r.dec = nil
			continue
		}
		r.dec, r.ended = nil, true
		return nil, errParse{jq.Explain(r.text, err)}
	}
}

// everything is -s: all inputs in one.
func (r *jqRun) everything() (any, error) {
	r.slurp = false
	if r.rawInput {
		var all strings.Builder
		for r.open() {
			all.WriteString(r.text)
		}
		r.dec = nil
		return strings.ToValidUTF8(all.String(), "\ufffd"), nil
	}
	list := []any{}
	for {
		v, err := r.one()
		if err == io.EOF {
			return list, nil
		}
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
}

// run feeds the inputs to the program and gives the exit code.
func (r *jqRun) run(p *jq.Program) int {
	c := r.c
	status, seen := 0, false
	var last any
	for first := true; ; first = false {
		var in any
		if r.null {
			if !first {
				break
			}
		} else {
			v, err := r.next()
			if err == io.EOF {
				break
			}
			if err != nil {
				r.tell("parse error: %s\n", err)
				status = 4
				break
			}
			in = v
		}
		err := p.Run(in, func(v any) error {
			last, seen = v, true
			return r.print(v)
		})
		switch e := err.(type) {
		case nil:
		case *jq.ErrHalt:
			if e.Loud {
				if s, ok := e.Value.(string); ok {
					c.Errorf("%s", s)
				} else {
					c.Errorf("%s\n", jq.Format(e.Value, jq.Style{}))
				}
			}
			return e.Code
		case *jq.Error:
			status = 5
			kind := ""
			if _, ok := e.Value.(string); !ok {
				kind = " (not a string)"
			}
			r.tell("jq: error (at %s)%s: %s\n", r.where(), kind, e)
		case errParse:
			r.tell("parse error: %s\n", e)
			status = 4
		default:
			r.tell("jq: error: %v\n", err)
			status = 5
		}
	}
	switch {
	case status != 0:
		return status
	case r.bad:
		return 2
	case r.exitStatus && !seen:
		return 4
	case r.exitStatus && (last == nil || last == false):
		return 1
	}
	return 0
}

// where is the place of the input in an error.
func (r *jqRun) where() string {
	if r.null && r.line == 0 {
		return "<unknown>"
	}
	name, ok := r.name.(string)
	if !ok {
		name = "<stdin>"
	}
	return name + ":" + strconv.Itoa(r.line)
}

func (r *jqRun) print(v any) error {
	if r.sequence {
		r.c.Print("\x1e")
	}
	s, isString := v.(string)
	if !r.raw || !isString {
		s = jq.Format(v, r.style)
	} else if r.style.ASCII {
		s = jq.Format(v, jq.Style{ASCII: true})
	}
	r.c.Step(len(s) / 32)
	r.c.Print(s)
	if !r.join {
		r.c.Print("\n")
	}
	return r.c.Out.Err()
}

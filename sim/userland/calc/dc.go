package calc

import (
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// value is what dc's stack holds: a number, or a string if text is not nil.
type value struct {
	n    number
	text *string
}

// command is one command of dc with what follows it: a number's digits, a string, a register and
// the register of its "else".
type command struct {
	op       byte // its letter; '0' a number, '[' a string, opIf and opUnless a comparison by which
	which    byte
	arg      string
	other    string
	hasOther bool
}

const (
	opIf     = '='
	opUnless = '!'
)

// frame is a macro under way.
type frame struct {
	code []command
	at   int
}

var (
	errStack   = errors.New("stack has too few elements")
	errType    = errors.New("variable is wrong type")
	errTooDeep = errors.New("out of memory")
)

// maxFrames bounds macros within macros, maxStack the stack.
const (
	maxFrames = 1 << 18
	maxStack  = 1 << 18
)

// calculator is dc.
type calculator struct {
	c                   *prog.Ctx
	print               *printer
	ibase, obase, scale int
	stack               []value
	regs                map[string][]value
	arrays              map[string]map[int]value
	frames              []frame
	compiled            map[string][]command // of macros
	extended            bool                 // -x: a name after a blank is a register
	file                string               // for errors
	line                int
}

func dc(c *prog.Ctx) int {
	d := &calculator{c: c, print: newPrinter(c, "DC_LINE_LENGTH", 1), ibase: 10, obase: 10,
		regs: map[string][]value{}, arrays: map[string]map[int]value{}, compiled: map[string][]command{}}
	script := false
	for o := range c.Getopt("e:f:x", nil) {
		switch o.Val {
		case 'x':
			d.extended = true
		case 'e':
			script = true
			d.text(o.Arg)
		case 'f':
			script = true
			d.readFile(o.Arg)
		}
	}
	for _, name := range c.Args {
		script = true
		d.readFile(name)
	}
	if !script {
		d.lines(c.In)
	}
	return 0
}

// readFile runs a file.
func (d *calculator) readFile(name string) {
	f, err := d.c.OpenFile(name, linux.O_RDONLY, 0)
	if err != nil {
		d.c.Die(1, "can't open '%s': %v", name, err)
	}
	defer f.Close()
	d.file = name
	d.lines(f)
	d.file = ""
}

// text runs a script that stands in the arguments.
func (d *calculator) text(s string) { d.lines(strings.NewReader(s)) }

// lines runs what r gives, each line as it comes; a string may go on over lines.
func (d *calculator) lines(r io.Reader) {
	in := buffered(r)
	d.line = 1
	for {
		d.c.Out.Flush()
		text, err := in.ReadString('\n')
		for err == nil && open(text) && len(text) < 1<<20 {
			var more string
			more, err = in.ReadString('\n')
			text += more
		}
		if err != nil && err != io.EOF {
			d.c.Die(1, "input error: %v", err)
		}
		text = strings.ReplaceAll(text, "\x00", "")
		d.c.Step(1 + len(text)/16)
		if e := d.run(text); e == errQuit {
			d.c.Exit(0)
		} else if e != nil {
			place := ""
			if d.file != "" {
				place = fmt.Sprintf("%s:%d: ", d.file, d.line)
			}
			d.c.Warn("%s%v", place, e)
			if !d.c.Isatty(0) || d.file != "" {
				d.c.Exit(1)
			}
			d.frames = d.frames[:0]
		}
		d.line += strings.Count(text, "\n")
		if err == io.EOF {
			return
		}
	}
}

// open says whether s ends within a string or before the register of a command.
func open(s string) bool {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '[':
			depth++
		case ']':
			depth--
		case '#':
			if depth == 0 {
				if j := strings.IndexByte(s[i:], '\n'); j >= 0 {
					i += j
				} else {
					return false
				}
			}
		}
	}
	return depth > 0 || strings.HasSuffix(s, "s\n") || strings.HasSuffix(s, "l\n")
}

// compile reads commands.
func (d *calculator) compile(s string) ([]command, error) {
	var code []command
	bad := func(ch byte) error { return fmt.Errorf("bad character '%s'", string([]byte{ch})) }
	badToken := func(at int) error {
		rest, _, _ := strings.Cut(s[at:], "\n")
		return fmt.Errorf("bad token at '%s'", rest)
	}
	for i := 0; i < len(s); {
		ch := s[i]
		start := i
		i++
		// register reads the name after a command.
		register := func() (string, bool) {
			if i >= len(s) {
				return "", false
			}
			if !d.extended || strings.IndexByte(" \t\n\r", s[i]) < 0 {
				i++
				return s[i-1 : i], true
			}
			for i < len(s) && strings.IndexByte(" \t\n\r", s[i]) >= 0 {
				i++
			}
			from := i
			for i < len(s) && (s[i] >= 'a' && s[i] <= 'z' || i > from && (s[i] >= '0' && s[i] <= '9' || s[i] == '_')) {
				i++
			}
			return s[from:i], i > from
		}
		number := func() bool {
			from, point := i, false
			for i < len(s) && (s[i] >= '0' && s[i] <= '9' || s[i] >= 'A' && s[i] <= 'F' || s[i] == '.' && !point) {
				point = point || s[i] == '.'
				i++
			}
			return i > from && s[from:i] != "."
		}
		switch {
		case strings.IndexByte(" \t\n\r\v\f", ch) >= 0:
		case ch == '#':
			if j := strings.IndexByte(s[i:], '\n'); j >= 0 {
				i += j
			} else {
				i = len(s)
			}
		case ch >= '0' && ch <= '9', ch >= 'A' && ch <= 'F', ch == '.':
			i--
			if !number() {
				return nil, bad(ch)
			}
			code = append(code, command{op: '0', arg: s[start:i]})
		case ch == '_':
			for i < len(s) && s[i] == ' ' {
				i++
			}
			from := i
			if !number() {
				return nil, badToken(from)
			}
			code = append(code, command{op: '0', arg: "-" + s[from:i]})
		case ch == '[':
			depth := 1
			for depth > 0 {
				if i == len(s) {
					return nil, errors.New("unterminated string")
				}
				switch s[i] {
				case '[':
					depth++
				case ']':
					depth--
				}
				i++
			}
			code = append(code, command{op: '[', arg: s[start+1 : i-1]})
		case strings.IndexByte("<>=!", ch) >= 0:
			cmd := command{op: opIf, which: ch}
			if ch == '!' {
				if i == len(s) || strings.IndexByte("<>=", s[i]) < 0 {
					return nil, bad(ch)
				}
				cmd.op, cmd.which = opUnless, s[i]
				i++
			}
			name, ok := register()
			if !ok {
				return nil, badToken(start)
			}
			cmd.arg = name
			k := i
			for k < len(s) && (s[k] == ' ' || s[k] == '\t') {
				k++
			}
			if k < len(s) && s[k] == 'e' {
				i = k + 1
				if cmd.other, cmd.hasOther = register(); !cmd.hasOther {
					return nil, badToken(start)
				}
			}
			code = append(code, cmd)
		case strings.IndexByte(":;lLsS", ch) >= 0:
			name, ok := register()
			if !ok {
				return nil, badToken(start)
			}
			code = append(code, command{op: ch, arg: name})
		case strings.IndexByte("%(*+-/?GIKNOPQRXZ^acdfiknopqrvxz{|~", ch) >= 0:
			code = append(code, command{op: ch})
		default:
			return nil, bad(ch)
		}
	}
	return code, nil
}

// run executes commands and the macros that they call.
func (d *calculator) run(text string) error {
	code, err := d.compile(text)
	if err != nil {
		return err
	}
	base := len(d.frames)
	d.frames = append(d.frames, frame{code: code})
	for len(d.frames) > base {
		top := &d.frames[len(d.frames)-1]
		if top.at == len(top.code) {
			d.frames = d.frames[:len(d.frames)-1]
			continue
		}
		cmd := top.code[top.at]
		top.at++
		d.c.Step(1)
		if err := d.execute(cmd); err != nil {
			return err
		}
	}
	return nil
}

func (d *calculator) pop() (value, error) {
	if len(d.stack) == 0 {
		return value{}, errStack
	}
	v := d.stack[len(d.stack)-1]
	d.stack = d.stack[:len(d.stack)-1]
	return v, nil
}

// popNumbers takes n numbers, the deepest first. Nothing is taken if one is missing or a string.
func (d *calculator) popNumbers(n int) ([]number, error) {
	if len(d.stack) < n {
		return nil, errStack
	}
	ns := make([]number, n)
	for i, v := range d.stack[len(d.stack)-n:] {
		if v.text != nil {
			return nil, errType
		}
		ns[i] = v.n
	}
	d.stack = d.stack[:len(d.stack)-n]
	return ns, nil
}

func (d *calculator) push(n number) error {
	if len(d.stack) >= maxStack {
		return errTooDeep
	}
	d.stack = append(d.stack, value{n: n})
	return nil
}

func (d *calculator) pushText(s string) { d.stack = append(d.stack, value{text: &s}) }

// call begins a macro.
func (d *calculator) call(s string) error {
	code, ok := d.compiled[s]
	if !ok {
		var err error
		if code, err = d.compile(s); err != nil {
			return err
		}
		d.compiled[s] = code
	}
	if len(d.frames) >= maxFrames {
		return errTooDeep
	}
	d.frames = append(d.frames, frame{code: code})
	return nil
}

func (d *calculator) show(v value) {
	if v.text != nil {
		d.print.text(*v.text)
	} else {
		d.print.number(v.n, d.obase)
	}
	d.print.newline()
}

func (d *calculator) execute(cmd command) error {
	top := len(d.stack) - 1
	switch cmd.op {
	case '0':
		s, neg := strings.CutPrefix(cmd.arg, "-")
		n := parseNumber(s, d.ibase)
		if neg {
			n = n.neg()
		}
		return d.push(n)
	case '[':
		d.pushText(cmd.arg)
	case '+', '-', '*', '/', '%', '^', '~':
		return d.arithmetic(cmd.op)
	case '|':
		ns, err := d.popNumbers(3)
		if err != nil {
			return err
		}
		for _, n := range ns {
			if n.scale > 0 {
				return errors.New("not an integer")
			}
		}
		if ns[1].m.Sign() < 0 {
			return errNegative
		}
		if ns[2].isZero() {
			return errDivide
		}
		if ns[1].isZero() {
			return d.push(one) // whatever the modulus
		}
		d.c.Step(1 + ns[1].m.BitLen()*(1+ns[2].m.BitLen()/256))
		return d.push(number{m: new(big.Int).Exp(ns[0].m, ns[1].m, new(big.Int).Abs(ns[2].m))})
	case 'v':
		ns, err := d.popNumbers(1)
		if err != nil {
			return err
		}
		if ns[0].m.Sign() < 0 {
			return errNegative
		}
		d.c.Step(1 + (ns[0].digits()+d.scale)/8)
		r, err := ns[0].sqrt(d.scale)
		if err != nil {
			return errTooDeep
		}
		return d.push(r)
	case 'G', '(', '{':
		ns, err := d.popNumbers(2)
		if err != nil {
			return err
		}
		k := ns[1].cmp(ns[0])
		return d.push(truth(cmd.op == 'G' && k == 0 || cmd.op == '(' && k < 0 || cmd.op == '{' && k <= 0))
	case 'N':
		ns, err := d.popNumbers(1)
		if err != nil {
			return err
		}
		return d.push(truth(ns[0].isZero()))
	case opIf, opUnless:
		ns, err := d.popNumbers(2)
		if err != nil {
			return err
		}
		k := ns[1].cmp(ns[0])
		yes := cmd.which == '=' && k == 0 || cmd.which == '<' && k < 0 || cmd.which == '>' && k > 0
		name := cmd.arg
		if yes == (cmd.op == opUnless) {
			if !cmd.hasOther {
				return nil
			}
			name = cmd.other
		}
		r := d.regs[name]
		if len(r) == 0 || r[len(r)-1].text == nil {
			return errType
		}
		return d.call(*r[len(r)-1].text)
	case 'p', 'n', 'P':
		if top < 0 {
			return errStack
		}
		v := d.stack[top]
		if cmd.op != 'p' {
			d.stack = d.stack[:top]
		}
		switch {
		case cmd.op != 'P':
			d.show(v)
		case v.text != nil:
			d.print.text(*v.text)
		default:
			d.c.Out.Write(new(big.Int).Abs(v.n.integer()).Bytes())
		}
	case 'f':
		for i := top; i >= 0; i-- {
			d.show(d.stack[i])
		}
	case 'c':
		d.stack = d.stack[:0]
	case 'd':
		if top < 0 {
			return errStack
		}
		if len(d.stack) >= maxStack {
			return errTooDeep
		}
		d.stack = append(d.stack, d.stack[top])
	case 'r':
		if top < 1 {
			return errStack
		}
		d.stack[top], d.stack[top-1] = d.stack[top-1], d.stack[top]
	case 'R':
		_, err := d.pop()
		return err
	case 'z':
		return d.push(fromInt(int64(len(d.stack))))
	case 'I':
		return d.push(fromInt(int64(d.ibase)))
	case 'O':
		return d.push(fromInt(int64(d.obase)))
	case 'K':
		return d.push(fromInt(int64(d.scale)))
	case 'i', 'o', 'k':
		return d.set(cmd.op)
	case 'l':
		if r := d.regs[cmd.arg]; len(r) > 0 {
			if len(d.stack) >= maxStack {
				return errTooDeep
			}
			d.stack = append(d.stack, r[len(r)-1])
			return nil
		}
		return d.push(zero)
	case 'L':
		r := d.regs[cmd.arg]
		if len(r) == 0 {
			return errStack
		}
		d.stack = append(d.stack, r[len(r)-1])
		d.regs[cmd.arg] = r[:len(r)-1]
	case 's', 'S':
		v, err := d.pop()
		if err != nil {
			return err
		}
		r := d.regs[cmd.arg]
		if cmd.op == 's' && len(r) > 0 {
			r = r[:len(r)-1]
		}
		if len(r) >= maxStack {
			return errTooDeep
		}
		d.regs[cmd.arg] = append(r, v)
	case ':', ';':
		ns, err := d.popNumbers(1)
		if err != nil {
			return err
		}
		i := ns[0].integer()
		if i.Sign() < 0 {
			return errNegative
		}
		if !i.IsInt64() || i.Int64() > maxArray {
			return errTooDeep
		}
		k := int(i.Int64())
		if cmd.op == ';' {
			if v, ok := d.arrays[cmd.arg][k]; ok {
				d.stack = append(d.stack, v)
				return nil
			}
			return d.push(zero)
		}
		v, err := d.pop()
		if err != nil {
			return err
		}
		if d.arrays[cmd.arg] == nil {
			d.arrays[cmd.arg] = map[int]value{}
		}
		if d.c.Sandbox().Charge(64) != nil {
			return errTooDeep
		}
		d.arrays[cmd.arg][k] = v
	case 'X', 'Z':
		v, err := d.pop()
		if err != nil {
			return err
		}
		n := v.n.scale
		switch {
		case v.text != nil && cmd.op == 'X':
			return errType
		case v.text != nil:
			n = len(*v.text)
		case cmd.op == 'Z':
			n = v.n.significant()
		}
		return d.push(fromInt(int64(n)))
	case 'a':
		v, err := d.pop()
		if err != nil {
			return err
		}
		switch {
		case v.text == nil:
			m := new(big.Int).Mod(v.n.integer(), big.NewInt(256))
			d.pushText(strings.TrimRight(string(m.Bytes()), "\x00"))
		case *v.text == "":
			d.pushText("")
		default:
			d.pushText((*v.text)[:1])
		}
	case 'x':
		if top < 0 {
			return errStack
		}
		if v := d.stack[top]; v.text != nil {
			d.stack = d.stack[:top]
			return d.call(*v.text)
		}
	case '?':
		d.c.Out.Flush()
		line, err := d.c.In.ReadString('\n')
		if err != nil && err != io.EOF {
			return err
		}
		return d.call(line)
	case 'q':
		if len(d.frames) <= 2 {
			return errQuit
		}
		d.frames = d.frames[:len(d.frames)-2]
	case 'Q':
		ns, err := d.popNumbers(1)
		if err != nil {
			return err
		}
		n := ns[0].integer()
		switch {
		case n.Sign() < 0:
			return errNegative
		case !n.IsInt64() || n.Int64() > int64(len(d.frames)):
			return errStack
		case n.Int64() == int64(len(d.frames)):
			return errQuit
		}
		d.frames = d.frames[:len(d.frames)-int(n.Int64())]
	}
	return nil
}

func (d *calculator) arithmetic(op byte) error {
	ns, err := d.popNumbers(2)
	if err != nil {
		return err
	}
	x, y := ns[0], ns[1]
	d.c.Step(1 + (x.m.BitLen()+y.m.BitLen())/512 + x.m.BitLen()/512*(y.m.BitLen()/512))
	var r number
	switch op {
	case '+':
		r = x.add(y)
	case '-':
		r = x.sub(y)
	case '*':
		r, err = x.mul(y, d.scale)
	case '/':
		r, err = x.div(y, d.scale)
	case '%':
		_, r, err = x.divmod(y, d.scale)
	case '~':
		var q number
		if q, r, err = x.divmod(y, d.scale); err == nil {
			err = d.push(q)
		}
	case '^':
		if y.scale > 0 {
			return errors.New("not an integer")
		}
		r, err = x.pow(y.m, d.scale)
		d.c.Step(r.digits() / 8)
	}
	if err == linux.ENOMEM {
		return errTooDeep
	}
	if err != nil {
		return err
	}
	return d.push(r)
}

// set is i, o and k.
func (d *calculator) set(op byte) error {
	ns, err := d.popNumbers(1)
	if err != nil {
		return err
	}
	i := ns[0].integer()
	if i.Sign() < 0 {
		return errNegative
	}
	n := 1 << 30
	if i.IsInt64() && i.Int64() < int64(n) {
		n = int(i.Int64())
	}
	switch op {
	case 'i':
		if n < 2 || n > 16 {
			return errors.New("bad ibase; must be [2,16]")
		}
		d.ibase = n
	case 'o':
		if n < 2 || n > 999 {
			return errors.New("bad obase; must be [2,999]")
		}
		d.obase = n
	case 'k':
		if n > maxDigits {
			return errTooDeep
		}
		d.scale = n
	}
	return nil
}

package c

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/dockerlab/dockerlab/sim/linux"
)

// libraryFunc is a function of the C library: the types of its parameters, with a tail of any
// where more is true, and what it does.
type libraryFunc struct {
	result *ctype
	params []*ctype
	more   bool
	run    func(m *machine, a []arg, at token) value
}

// arg is an argument with its type.
type arg struct {
	value
	t *ctype
}

var streams = map[string]int{"stdin": 0, "stdout": 1, "stderr": 2}

var tStream = &ctype{k: pointer, elem: tFile}

var library map[string]libraryFunc

func init() {
	s, i, l, u, d, any := tString, tInt, tLong, tULong, tDouble, tAny
	p := func(t ...*ctype) []*ctype { return t }
	isByte := func(ok func(ch byte) bool) func(m *machine, a []arg, at token) value {
		return func(_ *machine, a []arg, _ token) value {
			return number01(a[0].i >= 0 && a[0].i < 256 && ok(byte(a[0].i)))
		}
	}
	in := func(set string) func(ch byte) bool {
		return func(ch byte) bool { return strings.IndexByte(set, ch) >= 0 }
	}
	lower := func(ch byte) bool { return ch >= 'a' && ch <= 'z' }
	upper := func(ch byte) bool { return ch >= 'A' && ch <= 'Z' }
	float := func(f func(float64) float64) libraryFunc {
		return libraryFunc{d, p(d), false, func(_ *machine, a []arg, _ token) value { return value{f: f(a[0].f)} }}
	}
	compare := func(x, y string) value { return value{i: int64(strings.Compare(x, y))} }
	library = map[string]libraryFunc{
		"printf": {i, p(s), true, func(m *machine, a []arg, at token) value { return m.write(1, m.format(a[0].p, a[1:], at)) }},
		"fprintf": {i, p(tStream, s), true, func(m *machine, a []arg, at token) value {
			return m.write(m.stream(a[0].p, at), m.format(a[1].p, a[2:], at))
		}},
		"dprintf": {i, p(i, s), true, func(m *machine, a []arg, at token) value { return m.write(int(a[0].i), m.format(a[1].p, a[2:], at)) }},
		"sprintf": {i, p(s, s), true, func(m *machine, a []arg, at token) value {
			text := m.format(a[1].p, a[2:], at)
			m.fill(a[0].p, text, at)
			return value{i: int64(len(text))}
		}},
		"snprintf": {i, p(s, u, s), true, func(m *machine, a []arg, at token) value {
			text := m.format(a[2].p, a[3:], at)
			if n := a[1].i; n > 0 {
				m.fill(a[0].p, text[:min(int64(len(text)), n-1)], at)
			}
			return value{i: int64(len(text))}
		}},
		"puts": {i, p(s), false, func(m *machine, a []arg, at token) value { return m.write(1, m.text(a[0].p, at)+"\n") }},
		"putchar": {i, p(i), false, func(m *machine, a []arg, at token) value {
			m.write(1, string([]byte{byte(a[0].i)}))
			return value{i: a[0].i & 0xff}
		}},
		"fputs": {i, p(s, tStream), false, func(m *machine, a []arg, at token) value { return m.write(m.stream(a[1].p, at), m.text(a[0].p, at)) }},
		"fputc": {i, p(i, tStream), false, func(m *machine, a []arg, at token) value {
			return m.write(m.stream(a[1].p, at), string([]byte{byte(a[0].i)}))
		}},
		"write": {l, p(i, any, u), false, func(m *machine, a []arg, at token) value {
			var b []byte
			q := a[1].p
			for range a[2].i {
				b = append(b, byte(m.load(q, at).i))
				q.off++
			}
			return m.direct(int(a[0].i), string(b))
		}},
		"fflush":  {i, p(tStream), false, func(m *machine, _ []arg, _ token) value { m.c.Out.Flush(); return value{} }},
		"getchar": {i, nil, false, func(m *machine, _ []arg, _ token) value { return m.getc() }},
		"fgets": {s, p(s, i, tStream), false, func(m *machine, a []arg, at token) value {
			if m.stream(a[2].p, at) != 0 {
				m.fault(at)
			}
			var b []byte
			for int64(len(b)) < a[1].i-1 {
				ch := m.getc()
				if ch.i < 0 {
					break
				}
				if b = append(b, byte(ch.i)); ch.i == '\n' {
					break
				}
			}
			if len(b) == 0 {
				return value{}
			}
			m.fill(a[0].p, string(b), at)
			return a[0].value
		}},
		"exit":  {tVoid, p(i), false, func(m *machine, a []arg, _ token) value { m.c.Exit(int(a[0].i) & 0xff); return value{} }},
		"_exit": {tVoid, p(i), false, func(m *machine, a []arg, _ token) value { m.c.Proc.Exit(int(a[0].i) & 0xff); return value{} }},
		"abort": {tVoid, nil, false, func(m *machine, _ []arg, _ token) value {
			m.c.Kill(m.c.Pid(), linux.SIGABRT)
			m.c.Exit(134)
			return value{}
		}},
		"strlen": {u, p(s), false, func(m *machine, a []arg, at token) value { return value{i: int64(len(m.text(a[0].p, at)))} }},
		"strcmp": {i, p(s, s), false, func(m *machine, a []arg, at token) value { return compare(m.text(a[0].p, at), m.text(a[1].p, at)) }},
		"strncmp": {i, p(s, s, u), false, func(m *machine, a []arg, at token) value {
			x, y := m.text(a[0].p, at), m.text(a[1].p, at)
			return compare(x[:min(int64(len(x)), a[2].i)], y[:min(int64(len(y)), a[2].i)])
		}},
		"strcpy": {s, p(s, s), false, func(m *machine, a []arg, at token) value { m.fill(a[0].p, m.text(a[1].p, at), at); return a[0].value }},
		"strncpy": {s, p(s, s, u), false, func(m *machine, a []arg, at token) value {
			text, q := m.text(a[1].p, at), a[0].p
			for k := range a[2].i {
				ch := byte(0)
				if k < int64(len(text)) {
					ch = text[k]
				}
				m.put(q, value{i: int64(int8(ch))}, at)
				q.off++
			}
			return a[0].value
		}},
		"strcat": {s, p(s, s), false, func(m *machine, a []arg, at token) value {
			q := a[0].p
			q.off += len(m.text(q, at))
			m.fill(q, m.text(a[1].p, at), at)
			return a[0].value
		}},
		"strchr": {s, p(s, i), false, func(m *machine, a []arg, at token) value {
			text := m.text(a[0].p, at) + "\x00"
			k := strings.IndexByte(text, byte(a[1].i))
			if k < 0 {
				return value{}
			}
			return value{p: address{a[0].p.o, a[0].p.off + k}}
		}},
		"strstr": {s, p(s, s), false, func(m *machine, a []arg, at token) value {
			k := strings.Index(m.text(a[0].p, at), m.text(a[1].p, at))
			if k < 0 {
				return value{}
			}
			return value{p: address{a[0].p.o, a[0].p.off + k}}
		}},
		"strdup": {s, p(s), false, func(m *machine, a []arg, at token) value {
			text := m.text(a[0].p, at)
			if !m.grow(len(text) + 1) {
				return value{}
			}
			o := &object{elem: tChar, cells: make([]value, len(text)+1)}
			m.fill(address{o: o}, text, at)
			return value{p: address{o: o}}
		}},
		"strerror": {s, p(i), false, func(_ *machine, a []arg, _ token) value {
			return value{p: address{o: constantString(linux.Errno(a[0].i).Error())}}
		}},
		"perror": {tVoid, p(s), false, func(m *machine, a []arg, at token) value {
			m.write(2, m.text(a[0].p, at)+": "+linux.Errno(m.errno.cells[0].i).Error()+"\n")
			return value{}
		}},
		"memset": {any, p(any, i, u), false, func(m *machine, a []arg, at token) value {
			q := a[0].p
			if q.o != nil && q.o.elem != nil && q.o.elem.size() > 1 {
				if a[1].i != 0 {
					m.fault(at)
				}
				for range a[2].i / q.o.elem.size() {
					m.put(q, value{}, at)
					q.off++
				}
				return a[0].value
			}
			for range a[2].i {
				m.put(q, value{i: int64(int8(a[1].i))}, at)
				q.off++
			}
			return a[0].value
		}},
		"atoi": {i, p(s), false, func(m *machine, a []arg, at token) value { return value{i: wrap(leadingInt(m.text(a[0].p, at)), tInt)} }},
		"atol": {l, p(s), false, func(m *machine, a []arg, at token) value { return value{i: leadingInt(m.text(a[0].p, at))} }},
		"atof": {d, p(s), false, func(m *machine, a []arg, at token) value {
			text := strings.TrimSpace(m.text(a[0].p, at))
			for n := len(text); n > 0; n-- {
				if v, err := strconv.ParseFloat(text[:n], 64); err == nil {
					return value{f: v}
				}
			}
			return value{}
		}},
		"abs":    {i, p(i), false, func(_ *machine, a []arg, _ token) value { return value{i: max(a[0].i, -a[0].i)} }},
		"malloc": {any, p(u), false, func(m *machine, a []arg, at token) value { return m.malloc(a[0].i, at) }},
		"calloc": {any, p(u, u), false, func(m *machine, a []arg, at token) value {
			if a[0].i < 0 || a[1].i < 0 || a[0].i > maxHeap || a[1].i > maxHeap {
				return value{}
			}
			return m.malloc(a[0].i*a[1].i, at)
		}},
		"free": {tVoid, p(any), false, func(m *machine, a []arg, at token) value {
			if o := a[0].p.o; o != nil {
				if o.freed || o.fixed || a[0].p.off != 0 {
					m.write(2, "free(): invalid pointer\n")
					m.die(linux.SIGABRT)
				}
				o.freed = true
				m.heap -= max(o.bytes, len(o.cells))
			}
			return value{}
		}},
		"getenv": {s, p(s), false, func(m *machine, a []arg, at token) value {
			v, ok := m.c.LookupEnv(m.text(a[0].p, at))
			if !ok {
				return value{}
			}
			o := constantString(v)
			o.fixed = false
			return value{p: address{o: o}}
		}},
		"getpid":  {i, nil, false, func(m *machine, _ []arg, _ token) value { return value{i: int64(m.c.Pid())} }},
		"getppid": {i, nil, false, func(m *machine, _ []arg, _ token) value { return value{i: int64(m.c.Ppid())} }},
		"getuid":  {tUInt, nil, false, func(m *machine, _ []arg, _ token) value { return value{i: int64(m.c.Cred().RUID)} }},
		"geteuid": {tUInt, nil, false, func(m *machine, _ []arg, _ token) value { return value{i: int64(m.c.Cred().UID)} }},
		"getgid":  {tUInt, nil, false, func(m *machine, _ []arg, _ token) value { return value{i: int64(m.c.Cred().RGID)} }},
		"getegid": {tUInt, nil, false, func(m *machine, _ []arg, _ token) value { return value{i: int64(m.c.Cred().GID)} }},
		"gethostname": {i, p(s, u), false, func(m *machine, a []arg, at token) value {
			h := m.c.Uname().Nodename
			if int64(len(h)) >= a[1].i {
				return value{i: -1}
			}
			m.fill(a[0].p, h, at)
			return value{}
		}},
		"getcwd": {s, p(s, u), false, func(m *machine, a []arg, at token) value {
			dir, err := m.c.Getwd()
			if err != nil || int64(len(dir)) >= a[1].i {
				return value{}
			}
			m.fill(a[0].p, dir, at)
			return a[0].value
		}},
		"sleep": {tUInt, p(tUInt), false, func(m *machine, a []arg, _ token) value { m.sleep(time.Duration(a[0].i) * time.Second); return value{} }},
		"usleep": {i, p(tUInt), false, func(m *machine, a []arg, _ token) value {
			m.sleep(time.Duration(a[0].i) * time.Microsecond)
			return value{}
		}},
		"pause": {i, nil, false, func(m *machine, _ []arg, _ token) value { m.c.Out.Flush(); m.c.Pause(); return value{i: -1} }},
		"time": {l, p(&ctype{k: pointer, elem: tLong}), false, func(m *machine, a []arg, at token) value {
			now := value{i: m.c.Now().Unix()}
			if a[0].p.o != nil {
				m.put(a[0].p, now, at)
			}
			return now
		}},
		"srand": {tVoid, p(tUInt), false, func(m *machine, a []arg, _ token) value { m.seed = uint64(a[0].i); return value{} }},
		"rand": {i, nil, false, func(m *machine, _ []arg, _ token) value {
			m.seed = m.seed*6364136223846793005 + 1442695040888963407
			return value{i: int64(m.seed >> 33)}
		}},
		"toupper": {i, p(i), false, func(_ *machine, a []arg, _ token) value {
			if a[0].i >= 'a' && a[0].i <= 'z' {
				return value{i: a[0].i - 32}
			}
			return a[0].value
		}},
		"tolower": {i, p(i), false, func(_ *machine, a []arg, _ token) value {
			if a[0].i >= 'A' && a[0].i <= 'Z' {
				return value{i: a[0].i + 32}
			}
			return a[0].value
		}},
		"isdigit": {i, p(i), false, isByte(digit)},
		"islower": {i, p(i), false, isByte(lower)},
		"isupper": {i, p(i), false, isByte(upper)},
		"isalpha": {i, p(i), false, isByte(func(ch byte) bool { return lower(ch) || upper(ch) })},
		"isalnum": {i, p(i), false, isByte(func(ch byte) bool { return lower(ch) || upper(ch) || digit(ch) })},
		"isspace": {i, p(i), false, isByte(in(" \t\n\v\f\r"))},
		"isprint": {i, p(i), false, isByte(func(ch byte) bool { return ch >= ' ' && ch < 0x7f })},
		"ispunct": {i, p(i), false, isByte(func(ch byte) bool { return ch > ' ' && ch < 0x7f && !lower(ch) && !upper(ch) && !digit(ch) })},
		"sqrt":    float(math.Sqrt),
		"fabs":    float(math.Abs),
		"floor":   float(math.Floor),
		"ceil":    float(math.Ceil),
		"sin":     float(math.Sin),
		"cos":     float(math.Cos),
		"exp":     float(math.Exp),
		"log":     float(math.Log),
		"pow":     {d, p(d, d), false, func(_ *machine, a []arg, _ token) value { return value{f: math.Pow(a[0].f, a[1].f)} }},
	}
	library["putc"], library["__builtin_puts"] = library["fputc"], library["puts"]
}

// Math are the functions that need -lm to be linked.
var Math = map[string]bool{"sqrt": true, "floor": true, "ceil": true, "sin": true, "cos": true, "exp": true, "log": true, "pow": true}

func (ps *parser) libraryCall(id token, lib libraryFunc, args []*expr) *expr {
	if len(args) < len(lib.params) {
		id.throw("error", "too few arguments to function '%s'", id.text)
	}
	if len(args) > len(lib.params) && !lib.more {
		id.throw("error", "too many arguments to function '%s'", id.text)
	}
	for i := range args {
		if i < len(lib.params) {
			args[i] = ps.convertTo(args[i], lib.params[i])
			continue
		}
		switch t := args[i].t; {
		case t.k == void:
			args[i].at.throw("error", "invalid use of void expression")
		case t.integer():
			args[i] = ps.convertTo(args[i], usual(t, tInt))
		}
	}
	if Math[id.text] {
		ps.unit.Uses = append(ps.unit.Uses, id.text)
	}
	return &expr{t: lib.result, at: id, value: func(f *frame) value {
		f.m.step()
		vals := make([]arg, len(args))
		for i, a := range args {
			vals[i] = arg{a.value(f), decay(a.t)}
		}
		return lib.run(f.m, vals, id)
	}}
}

func (m *machine) write(fd int, s string) value {
	if fd == 1 {
		m.c.Out.WriteString(s)
		return value{i: int64(len(s))}
	}
	return m.direct(fd, s) // what standard output holds back stays there, as in C
}

func (m *machine) direct(fd int, s string) value {
	n, err := m.c.Proc.Write(fd, []byte(s))
	if err != nil {
		if e, ok := err.(linux.Errno); ok {
			m.errno.cells[0].i = int64(e)
		}
		return value{i: -1}
	}
	return value{i: int64(n)}
}

func (m *machine) getc() value {
	m.step()
	ch, err := m.c.In.ReadByte()
	if err != nil {
		return value{i: -1}
	}
	return value{i: int64(ch)}
}

func (m *machine) stream(p address, at token) int {
	if p.o == nil || p.o.elem != tFile {
		m.fault(at)
	}
	return p.o.fd
}

func (m *machine) sleep(d time.Duration) { m.c.Sleep(d) }

func (m *machine) malloc(n int64, _ token) value {
	if n < 0 || n > maxHeap || !m.grow(int(n)) {
		m.errno.cells[0].i = int64(linux.ENOMEM)
		return value{}
	}
	return value{p: address{o: &object{bytes: int(n)}}}
}

func leadingInt(s string) int64 {
	s = strings.TrimLeft(s, " \t\n\v\f\r")
	n := 0
	if n < len(s) && (s[n] == '-' || s[n] == '+') {
		n++
	}
	for n < len(s) && digit(s[n]) {
		n++
	}
	v, _ := strconv.ParseInt(s[:n], 10, 64)
	return v
}

// format is printf's.
func (m *machine) format(p address, args []arg, at token) string {
	f := m.text(p, at)
	var b strings.Builder
	take := func() arg {
		if len(args) == 0 {
			return arg{t: tInt} // whatever a register holds; here, nothing
		}
		a := args[0]
		args = args[1:]
		return a
	}
	for i := 0; i < len(f); i++ {
		if f[i] != '%' {
			b.WriteByte(f[i])
			continue
		}
		spec := "%"
		for i++; i < len(f) && strings.IndexByte("-+ #0123456789.*", f[i]) >= 0; i++ {
			if f[i] == '*' {
				spec += strconv.FormatInt(take().i, 10)
				continue
			}
			spec += string(f[i])
		}
		size := ""
		for i < len(f) && strings.IndexByte("hlLqjzt", f[i]) >= 0 {
			size += string(f[i])
			i++
		}
		if i == len(f) {
			b.WriteString(spec)
			break
		}
		if len(spec) > 12 {
			spec = "%"
		}
		integer := func() int64 {
			a := take()
			if a.t.address() {
				return int64(a.p.off)
			}
			if strings.HasPrefix(size, "l") || size == "z" || size == "j" || size == "t" {
				return a.i
			}
			switch size {
			case "h":
				return int64(int16(a.i))
			case "hh":
				return int64(int8(a.i))
			}
			return int64(int32(a.i))
		}
		unsigned := func() uint64 {
			v := integer()
			switch size {
			case "":
				return uint64(uint32(v))
			case "h":
				return uint64(uint16(v))
			case "hh":
				return uint64(uint8(v))
			}
			return uint64(v)
		}
		switch f[i] {
		case '%':
			b.WriteByte('%')
		case 'd', 'i':
			fmt.Fprintf(&b, spec+"d", integer())
		case 'u':
			fmt.Fprintf(&b, spec+"d", unsigned())
		case 'x', 'X', 'o':
			fmt.Fprintf(&b, spec+string(f[i]), unsigned())
		case 'c':
			fmt.Fprintf(&b, strings.ReplaceAll(spec, "0", "")+"s", string([]byte{byte(take().i)}))
		case 's':
			a := take()
			text := "(null)"
			if a.t.address() && a.p.o != nil {
				text = m.text(a.p, at)
			} else if !a.t.address() {
				m.fault(at)
			}
			fmt.Fprintf(&b, spec+"s", text)
		case 'p':
			a := take()
			if a.p.o == nil {
				b.WriteString("(nil)")
			} else {
				fmt.Fprintf(&b, "0x7ffd%08x", a.p.off*8)
			}
		case 'f', 'F', 'e', 'E', 'g', 'G':
			a := take()
			if a.t.k != double {
				a.f = 0
			}
			fmt.Fprintf(&b, spec+string(f[i]), a.f)
		default:
			b.WriteString(spec + size + string(f[i]))
		}
	}
	return b.String()
}

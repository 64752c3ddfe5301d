package awk

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/dockerlab/dockerlab/sim/posixre"
	"github.com/dockerlab/dockerlab/sim/userland/text/cformat"
)

func (in *interp) builtin(x *builtin) value {
	arg := func(i int) value { return in.eval(x.args[i]) }
	num := func(i int) float64 { return arg(i).num(in.d) }
	str := func(i int) string { return in.str(arg(i)) }
	in.h.Step(2)
	switch x.name {
	case "length":
		if len(x.args) == 0 {
			return number(float64(len(in.line())))
		}
		if v, ok := x.args[0].(*variable); ok {
			c := in.cell(v)
			if c.arr == nil && c.ref != nil && c.ref.arr != nil {
				c.arr = c.ref.arr
			}
			if c.arr != nil {
				return number(float64(len(c.arr.cells)))
			}
		}
		return number(float64(len(str(0))))
	case "substr":
		return text(in.substr(x))
	case "index":
		s, t := str(0), str(1)
		if t == "" && in.d == Busybox {
			return number(0)
		}
		if t == "" {
			return number(1)
		}
		return number(float64(strings.Index(s, t) + 1))
	case "split":
		s := str(0)
		v, ok := x.args[1].(*variable)
		if !ok {
			in.die("cmd. line:%d: Not an array", x.line)
		}
		fs := in.globals[vFS].v
		var re *posixre.Regexp
		if len(x.args) > 2 {
			if l, ok := x.args[2].(*regexLit); ok {
				re = l.re
			} else {
				fs = arg(2)
			}
		}
		parts := in.splitText(s, fs, re)
		arr := in.array(v)
		arr.clear()
		for i, p := range parts {
			*arr.at(strconv.Itoa(i+1), number(float64(i+1))) = input(p)
		}
		return number(float64(len(parts)))
	case "sub", "gsub":
		return number(float64(in.substitute(x, x.name == "gsub")))
	case "gensub":
		return in.gensub(x)
	case "match":
		s := str(0)
		loc := in.regexp(x.args[1]).Match([]byte(s), 0, 0, 0, in.h.Step)
		start, length := 0.0, -1.0
		if loc != nil {
			start, length = float64(loc[0]+1), float64(loc[1]-loc[0])
		}
		in.globals[vRSTART].v, in.globals[vRLENGTH].v = number(start), number(length)
		return number(start)
	case "sprintf":
		f := str(0)
		args := make([]value, len(x.args)-1)
		for i := range args {
			args[i] = arg(i + 1)
		}
		return text(in.printf("sprintf", f, args))
	case "sin", "cos", "exp", "log", "sqrt":
		in.noMath()
		f := map[string]func(float64) float64{"sin": math.Sin, "cos": math.Cos, "exp": math.Exp, "log": math.Log, "sqrt": math.Sqrt}[x.name]
		n := num(0)
		v := f(n)
		if math.IsNaN(v) && !math.IsNaN(n) {
			v = math.Copysign(v, -1)
		}
		return number(v)
	case "atan2":
		in.noMath()
		return number(math.Atan2(num(0), num(1)))
	case "int":
		return number(math.Trunc(num(0)))
	case "rand":
		return number(in.rand())
	case "srand":
		old := in.seed
		if len(x.args) > 0 {
			in.seed = num(0)
		} else {
			in.seed = float64(in.h.Time())
		}
		in.random.seed(uint32(int64(in.seed)))
		return number(old)
	case "tolower":
		return text(mapBytes(str(0), 'A', 'Z'))
	case "toupper":
		return text(mapBytes(str(0), 'a', 'z'))
	case "system":
		cmd := str(0)
		in.flushAll()
		return number(in.h.System(cmd))
	case "close":
		return number(in.close(str(0)))
	case "fflush":
		if len(x.args) == 0 {
			in.h.Flush()
			return number(0)
		}
		name := str(0)
		s := in.streams[name]
		switch {
		case name == "" || name == "/dev/stdout":
			in.flushAll()
		case s == nil || s.w == nil:
			return number(-1)
		default:
			s.w.Flush()
		}
		return number(0)
	case "systime":
		return number(float64(in.h.Time()))
	case "strftime":
		f, t, utc := "%c", in.h.Time(), false
		if in.d == Busybox {
			f = "%a %b %e %H:%M:%S %Z %Y"
		}
		if len(x.args) > 0 {
			f = str(0)
		}
		if len(x.args) > 1 {
			t = int64(num(1))
		}
		if len(x.args) > 2 {
			utc = arg(2).truth(in.d)
		}
		return text(in.h.Strftime(f, t, utc))
	case "mktime":
		var p [6]int
		n, _ := fmt.Sscan(str(0), &p[0], &p[1], &p[2], &p[3], &p[4], &p[5])
		if n < 6 {
			return number(-1)
		}
		return number(float64(time.Date(p[0], time.Month(p[1]), p[2], p[3], p[4], p[5], 0, time.UTC).Unix()))
	}
	a := uint64(int64(num(0)))
	if x.name == "compl" {
		return number(float64(^a))
	}
	b := uint64(int64(num(1)))
	switch x.name {
	case "and":
		return number(float64(a & b))
	case "or":
		return number(float64(a | b))
	case "xor":
		return number(float64(a ^ b))
	case "lshift":
		return number(float64(a << min(b, 64)))
	}
	return number(float64(a >> min(b, 64)))
}

func mapBytes(s string, lo, hi byte) string {
	b := []byte(s)
	for i, c := range b {
		if c >= lo && c <= hi {
			b[i] ^= 0x20
		}
	}
	return string(b)
}

func (in *interp) substr(x *builtin) string {
	s := in.str(in.eval(x.args[0]))
	start := in.eval(x.args[1]).num(in.d)
	limited := len(x.args) > 2
	length := math.Inf(1)
	if limited {
		length = in.eval(x.args[2]).num(in.d)
	}
	if math.IsNaN(start) || math.IsNaN(length) {
		return ""
	}
	if in.d == Busybox {
		// Both numbers are cut to integers, and a start before the first character is the first.
		i := int(max(math.Trunc(start)-1, 0))
		if i > len(s) {
			return ""
		}
		n := len(s) - i
		if limited {
			n = int(min(max(math.Trunc(length), 0), float64(n)))
		}
		return s[i : i+n]
	}
	if length <= 0 {
		return ""
	}
	i, n := math.Trunc(start), length
	if i < 1 {
		n -= i // mawk 1.3.4 of 2020 adds what it should take away
		i = 1
	}
	n = math.Trunc(n)
	if n <= 0 || i > float64(len(s)) {
		return ""
	}
	end := min(float64(len(s)), i-1+n)
	return s[int(i)-1 : int(end)]
}

// substitute is sub and gsub.
func (in *interp) substitute(x *builtin, all bool) int {
	re := in.regexp(x.args[0])
	repl := in.str(in.eval(x.args[1]))
	var target expr = &field{&numberLit{number(0)}}
	if len(x.args) > 2 {
		target = x.args[2]
		if g, ok := target.(*group); ok {
			target = g.x
		}
	}
	s := in.str(in.eval(target))
	out, n := in.replace(re, s, all, 1, func(b *bytes.Buffer, loc []int) {
		for i := 0; i < len(repl); i++ {
			c := repl[i]
			switch {
			case c == '\\' && i+1 < len(repl) && (repl[i+1] == '&' || repl[i+1] == '\\'):
				i++
				b.WriteByte(repl[i])
			case c == '&':
				b.WriteString(s[loc[0]:loc[1]])
			default:
				b.WriteByte(c)
			}
		}
	}, 0)
	if n > 0 && lvalue(target) {
		in.store(target, text(out))
	}
	return n
}

// replace replaces matches by what repl writes, from the nth on, all or that one.
func (in *interp) replace(re *posixre.Regexp, s string, all bool, nth int, repl func(b *bytes.Buffer, loc []int), nsub int) (string, int) {
	src := []byte(s)
	var out bytes.Buffer
	at, n, count, prev := 0, 0, 0, -1
	for from := 0; from <= len(src); {
		loc := re.Match(src, from, 0, nsub, in.h.Step)
		if loc == nil {
			break
		}
		if loc[0] == loc[1] && loc[0] == prev && in.d == Mawk {
			// An empty match right behind the last one is none.
			if loc[0] >= len(src) {
				break
			}
			from = loc[0] + 1
			prev = -1
			continue
		}
		count++
		if count >= nth {
			out.Write(src[at:loc[0]])
			repl(&out, loc)
			at = loc[1]
			n++
			if out.Len() > maxString {
				in.die("out of memory")
			}
		}
		if !all && n > 0 {
			break
		}
		prev = loc[1]
		if loc[0] == loc[1] {
			if loc[1] >= len(src) {
				break
			}
			from = loc[1] + 1
			prev = -1
			continue
		}
		from = loc[1]
		if from >= len(src) && in.d == Busybox {
			break
		}
	}
	if n == 0 {
		return s, 0
	}
	out.Write(src[at:])
	return out.String(), n
}

// gensub is gawk's, which Busybox has.
func (in *interp) gensub(x *builtin) value {
	re := in.regexp(x.args[0])
	repl := in.str(in.eval(x.args[1]))
	how := in.str(in.eval(x.args[2]))
	s := in.line()
	if len(x.args) > 3 {
		s = in.str(in.eval(x.args[3]))
	}
	all := how != "" && how[0]|0x20 == 'g'
	nth := 1
	if !all {
		if n, _ := strconv.Atoi(how); n > 0 {
			nth = n
		}
	}
	out, _ := in.replace(re, s, all, nth, func(b *bytes.Buffer, loc []int) {
		group := func(n int) {
			if 2*n+1 < len(loc) && loc[2*n] >= 0 {
				b.WriteString(s[loc[2*n]:loc[2*n+1]])
			}
		}
		for i := 0; i < len(repl); i++ {
			switch {
			case repl[i] == '&':
				group(0)
			case repl[i] == '\\' && i+1 < len(repl):
				i++
				if digit(repl[i]) {
					group(int(repl[i] - '0'))
				} else {
					b.WriteByte(repl[i])
				}
			default:
				b.WriteByte(repl[i])
			}
		}
	}, -1)
	return text(out)
}

// randomState is glibc's random(3), the additive generator of 31 words that both awks use.
type randomState struct {
	r [34]uint32
	i int
}

func (s *randomState) seed(seed uint32) {
	if seed == 0 {
		seed = 1
	}
	var r [344]uint32
	r[0] = seed
	word := int32(seed)
	for i := 1; i < 31; i++ {
		hi, lo := word/127773, word%127773
		word = 16807*lo - 2836*hi
		if word < 0 {
			word += 2147483647
		}
		r[i] = uint32(word)
	}
	for i := 31; i < 34; i++ {
		r[i] = r[i-31]
	}
	for i := 34; i < 344; i++ {
		r[i] = r[i-31] + r[i-3]
	}
	copy(s.r[:], r[310:])
	s.i = 0
}

func (s *randomState) next() uint32 {
	// r holds the last 34 words; the new one is those 31 and 3 before.
	v := s.r[3] + s.r[31]
	copy(s.r[:], s.r[1:])
	s.r[33] = v
	return v >> 1
}

func (in *interp) seedRandom() {
	in.seed = 1
	if in.d == Mawk {
		in.seed = float64(in.h.Time())
	}
	in.random.seed(uint32(int64(in.seed)))
}

func (in *interp) rand() float64 {
	if in.d == Mawk {
		return float64(in.random.next()) / 2147483647
	}
	u := in.random.next()<<16 ^ in.random.next()
	v := uint64(in.random.next())<<32 | uint64(u)
	return float64(v&(1<<63-1)) / (1 << 63)
}

// formatG is "%.6g".
func formatG(n float64) string { return cformat.Float("", 0, 6, true, 'g', n) }

func (in *interp) sprintf(f string, args []value) string { return in.printf("sprintf", f, args) }

// printf formats as C does; the length modifiers are taken and mean nothing.
func (in *interp) printf(who, f string, args []value) string {
	var b strings.Builder
	next := 0
	take := func() value {
		if next >= len(args) {
			if in.d == Mawk {
				if who == "printf" {
					io.WriteString(in.h.Stdout(), b.String())
				}
				in.runtime("", fmt.Sprintf("not enough arguments passed to %s(\"%s\")", who, f))
			}
			return value{}
		}
		next++
		return args[next-1]
	}
	for i := 0; i < len(f); i++ {
		if f[i] != '%' {
			b.WriteByte(f[i])
			continue
		}
		if i+1 < len(f) && f[i+1] == '%' {
			b.WriteByte('%')
			i++
			continue
		}
		start := i
		i++
		flags := ""
		for i < len(f) && strings.IndexByte("-+ #0", f[i]) >= 0 {
			flags += f[i : i+1]
			i++
		}
		num := func() int {
			if i < len(f) && f[i] == '*' {
				if in.d == Busybox {
					in.die("cmd. line:1: %%*x formats are not supported")
				}
				i++
				return int(max(-1<<20, min(take().num(in.d), 1<<20)))
			}
			n := 0
			for i < len(f) && digit(f[i]) {
				n = min(n*10+int(f[i]-'0'), 1<<20)
				i++
			}
			return n
		}
		width := num()
		if width < 0 {
			flags += "-"
			width = -width
		}
		prec, hasPrec := 0, false
		if i < len(f) && f[i] == '.' {
			i++
			hasPrec = true
			if prec = num(); prec < 0 {
				hasPrec = false
			}
		}
		for i < len(f) && strings.IndexByte("hlLqjzt", f[i]) >= 0 {
			i++
		}
		if i >= len(f) {
			if in.d == Mawk {
				in.runtime("", fmt.Sprintf("bad conversion: %s", f[start:]))
			}
			b.WriteString(f[start:])
			break
		}
		pad := func(s string) {
			fill := strings.Repeat(" ", max(0, width-len(s)))
			if strings.Contains(flags, "-") {
				b.WriteString(s + fill)
			} else {
				b.WriteString(fill + s)
			}
		}
		switch c := f[i]; c {
		case 'c':
			v := take()
			v.settle(in.d)
			switch {
			case v.kind == kNumber || v.kind == kStrNum:
				pad(string([]byte{byte(int64(v.n))}))
			case in.str(v) != "":
				pad(in.str(v)[:1])
			default:
				pad(map[bool]string{true: "\x00", false: ""}[in.d == Mawk])
			}
		case 's':
			s := in.str(take())
			if hasPrec {
				s = s[:min(len(s), prec)]
			}
			pad(s)
		case 'd', 'i':
			n := in.integer(take().num(in.d))
			b.WriteString(cformat.Int(flags, width, prec, hasPrec, n < 0, magnitude(n), 10, ""))
		case 'o', 'x', 'X', 'u':
			n := uint64(in.unsigned(take().num(in.d)))
			base := map[byte]int{'o': 8, 'x': 16, 'X': 16, 'u': 10}[c]
			prefix := ""
			if strings.Contains(flags, "#") && n != 0 {
				prefix = map[byte]string{'o': "0", 'x': "0x", 'X': "0X"}[c]
			}
			s := cformat.Int(strings.NewReplacer("+", "", " ", "").Replace(flags), width, prec, hasPrec, false, n, base, prefix)
			if c == 'X' {
				s = strings.ToUpper(s)
			}
			b.WriteString(s)
		case 'e', 'E', 'f', 'F', 'g', 'G', 'a', 'A':
			b.WriteString(cformat.Float(flags, width, prec, hasPrec, c, take().num(in.d)))
		default:
			if in.d == Busybox {
				in.die("cmd. line:1: Invalid format specifier")
			}
			in.runtime("", fmt.Sprintf("improper conversion(number %d) in %s(\"%s\")", next+1, who, f))
		}
		if b.Len() > maxString {
			in.die("out of memory")
		}
	}
	return b.String()
}

// integer is what %d makes of a number: mawk stops at the ends of int, Busybox wraps around.
func (in *interp) integer(n float64) int64 {
	switch {
	case math.IsNaN(n):
		return math.MinInt32
	case in.d == Mawk:
		return int64(max(-math.MaxInt32-1, min(n, math.MaxInt32)))
	case n > math.MaxInt32 || n < math.MinInt32: // as the processor converts what does not fit
		return math.MinInt32
	}
	return int64(n)
}

func (in *interp) unsigned(n float64) uint32 {
	switch {
	case math.IsNaN(n):
		return 0
	case in.d == Mawk && n >= math.MaxUint32:
		return math.MaxUint32
	case n < 0:
		return uint32(int32(max(n, math.MinInt32)))
	case n >= 1<<63:
		return 0
	}
	return uint32(uint64(n))
}

func magnitude(n int64) uint64 {
	if n < 0 {
		return uint64(-n)
	}
	return uint64(n)
}

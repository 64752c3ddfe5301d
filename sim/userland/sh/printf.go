package sh

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dockerlab/dockerlab/sim/userland/sh/grammar"
)

func (s *shell) printf(args []string) int {
	target := ""
	if s.d == Bash {
		for len(args) > 0 && strings.HasPrefix(args[0], "-") && len(args[0]) > 1 {
			if args[0] == "--" {
				args = args[1:]
				break
			}
			if args[0] == "-v" && len(args) > 1 {
				target = args[1]
				args = args[2:]
				base := target
				if b, _, ok := splitIndex(target); ok {
					base = b
				}
				if !grammar.IsName(base) {
					s.errorf("`%s': not a valid identifier", target)
					return 2
				}
				continue
			}
			s.errorf("%s: invalid option", args[0][:2])
			s.usage("printf [-v var] format [arguments]")
			return 2
		}
	} else if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	} else if len(args) > 0 && s.d == Dash && len(args[0]) > 1 && args[0][0] == '-' {
		s.errorf("Illegal option %s", args[0][:2])
		return 2
	}
	if len(args) == 0 {
		switch s.d {
		case Bash:
			s.usage("printf [-v var] format [arguments]")
		case Dash:
			s.errorf("usage: printf format [arg ...]")
		default:
			s.appletf("usage: printf FORMAT [ARGUMENT...]")
		}
		return 2
	}
	f := &formatter{s: s, args: args[1:], toVar: target != ""}
	f.run(args[0])
	if target != "" {
		if base, ix, ok := splitIndex(target); ok {
			if v := s.vars[base]; v != nil && v.kind == associative {
				ix = strings.Trim(ix, `"'`)
			}
			s.assignElement(base, ix, string(f.out), false)
		} else if !s.assign(target, string(f.out)) {
			return 1
		}
		return f.status
	}
	o := s.newOut()
	o.Write(f.out)
	if st := o.done(); st != 0 {
		return st
	}
	return f.status
}

// formatter is printf at work.
type formatter struct {
	s      *shell
	args   []string
	out    []byte
	status int
	stop   bool
	toVar  bool   // printf -v
	rest   string // the format from the directive on
}

func (f *formatter) run(format string) {
	for {
		used := len(f.args)
		f.once(format)
		f.s.p.Step(1 + len(format)/16)
		if f.stop || len(f.args) == 0 || len(f.args) == used {
			return
		}
		if len(f.out) > maxText {
			f.s.outOfMemory()
		}
	}
}

func (f *formatter) arg() (string, bool) {
	if len(f.args) == 0 {
		return "", false
	}
	a := f.args[0]
	f.args = f.args[1:]
	return a, true
}

func (f *formatter) fail(ash, dash, bash string) {
	if f.s.d != Dash && !f.toVar && len(f.out) > 0 {
		// what is printed already comes before the error
		f.s.p.Write(1, f.out)
		f.out = f.out[:0]
	}
	switch f.s.d {
	case Bash:
		f.s.errorf("%s", bash)
	case Dash:
		f.s.errorf("%s", dash)
	default:
		f.s.appletf("%s", ash)
	}
	f.status = 1
}

// once walks the format once.
func (f *formatter) once(format string) {
	for i := 0; i < len(format) && !f.stop; i++ {
		c := format[i]
		if c == '\\' {
			text, n, stop := f.escape(format[i:])
			f.out = append(f.out, text...)
			if stop {
				f.stop = true
				return
			}
			i += n - 1
			continue
		}
		if c != '%' {
			f.out = append(f.out, c)
			continue
		}
		if i+1 < len(format) && format[i+1] == '%' {
			f.out = append(f.out, '%')
			i++
			continue
		}
		j := i + 1
		var sp spec
		for j < len(format) && strings.IndexByte("-+ #0'", format[j]) >= 0 {
			switch format[j] {
			case '-':
				sp.left = true
			case '+':
				sp.plus = true
			case ' ':
				sp.space = true
			case '#':
				sp.alt = true
			case '0':
				sp.zero = true
			}
			j++
		}
		number := func() (int, bool) {
			if j < len(format) && format[j] == '*' {
				j++
				a, _ := f.arg()
				return int(f.integer(a)), true
			}
			n, any := 0, false
			for j < len(format) && format[j] >= '0' && format[j] <= '9' {
				n, any = min(n*10+int(format[j]-'0'), maxText), true
				j++
			}
			return n, any
		}
		sp.width, _ = number()
		if sp.width < 0 {
			sp.left, sp.width = true, -sp.width
		}
		sp.prec = -1
		if j < len(format) && format[j] == '.' {
			j++
			sp.prec, _ = number()
		}
		if f.s.p.Step(max(sp.width, sp.prec, 0) / 64); len(f.out)+max(sp.width, sp.prec) >= maxText {
			f.s.outOfMemory()
		}
		for j < len(format) && strings.IndexByte("hlLjzt", format[j]) >= 0 && f.s.d != Dash {
			if f.s.d == Ash && format[j] == 'z' && (j+1 >= len(format) || strings.IndexByte("diouxX", format[j+1]) < 0) {
				break
			}
			j++
		}
		if j >= len(format) {
			f.rest = format[i:]
			f.badDirective(format[i:], 0)
			return
		}
		conv := format[j]
		if conv == '(' && f.s.d == Bash {
			if end := strings.IndexByte(format[j:], ')'); end >= 0 && j+end+1 < len(format) && format[j+end+1] == 'T' {
				f.timeFormat(format[j+1:j+end], sp)
				i = j + end + 1
				continue
			}
		}
		f.rest = format[i:]
		if !f.convert(conv, sp, format[i:j+1]) {
			return
		}
		i = j
	}
}

func (f *formatter) badDirective(text string, conv byte) {
	f.stop = true
	b := "`" + text + "': missing format character"
	if conv != 0 {
		b = fmt.Sprintf("`%c': invalid format character", conv)
	}
	// busybox takes the length modifiers out before it looks, and shows all of the format that is left.
	rest := strings.NewReplacer("h", "", "l", "", "L", "", "j", "", "z", "", "t", "").Replace(text[1:]) + f.rest[len(text):]
	f.fail("%"+rest+": invalid format", text+": invalid directive", b)
	if f.s.d == Dash {
		f.status = 2
	}
	if f.s.d == Ash {
		f.status = 1
	}
}

// spec is a conversion's flags.
type spec struct {
	left, plus, space, alt, zero bool
	width, prec                  int
}

// padFloat is pad for floating-point numbers, whose precision does not keep zeros away.
func (sp spec) padFloat(text string) string {
	sp.prec = -1
	return sp.pad(text, !strings.ContainsAny(text, "iInN"))
}

func (sp spec) pad(text string, numeric bool) string {
	n := sp.width - len(text)
	if n <= 0 {
		return text
	}
	switch {
	case sp.left:
		return text + strings.Repeat(" ", n)
	case sp.zero && numeric && sp.prec < 0:
		sign := 0
		if text != "" && (text[0] == '-' || text[0] == '+' || text[0] == ' ') {
			sign = 1
		}
		if strings.HasPrefix(text[sign:], "0x") || strings.HasPrefix(text[sign:], "0X") {
			sign += 2
		}
		return text[:sign] + strings.Repeat("0", n) + text[sign:]
	}
	return strings.Repeat(" ", n) + text
}

func (f *formatter) convert(conv byte, sp spec, text string) bool {
	switch conv {
	case 's', 'b', 'q', 'Q':
		if conv == 'q' && f.s.d != Bash || conv == 'Q' && f.s.d != Bash {
			f.badDirective(text, conv)
			return false
		}
		a, _ := f.arg()
		switch conv {
		case 'b':
			t, stop := f.percentB(a)
			a = t
			if stop {
				f.stop = true
			}
		case 'q':
			a = f.s.quoteBackslash(a)
		case 'Q':
			if sp.prec >= 0 && sp.prec < len(a) {
				a = a[:sp.prec]
			}
			a = f.s.quoteBackslash(a)
			sp.prec = -1
		}
		if sp.prec >= 0 && sp.prec < len(a) {
			a = a[:sp.prec]
		}
		f.out = append(f.out, sp.pad(a, false)...)
	case 'c':
		a, _ := f.arg()
		if len(a) > 1 {
			a = a[:1]
		}
		if a == "" && f.s.d != Bash {
			a = "\x00"
		}
		f.out = append(f.out, sp.pad(a, false)...)
	case 'd', 'i':
		a, ok := f.arg()
		var n int64
		if ok {
			n = f.integer(a)
		}
		digits := strconv.FormatInt(n, 10)
		sign := ""
		if n < 0 {
			sign, digits = "-", digits[1:]
		} else if sp.plus {
			sign = "+"
		} else if sp.space {
			sign = " "
		}
		for len(digits) < sp.prec {
			digits = "0" + digits
		}
		if sp.prec == 0 && n == 0 {
			digits = ""
		}
		f.out = append(f.out, sp.pad(sign+digits, true)...)
	case 'o', 'u', 'x', 'X':
		a, ok := f.arg()
		var n uint64
		if ok {
			n = f.unsigned(a)
		}
		base := map[byte]int{'o': 8, 'u': 10, 'x': 16, 'X': 16}[conv]
		digits := strconv.FormatUint(n, base)
		for len(digits) < sp.prec {
			digits = "0" + digits
		}
		if sp.alt && n != 0 {
			switch conv {
			case 'o':
				if digits[0] != '0' {
					digits = "0" + digits
				}
			case 'x', 'X':
				digits = "0x" + digits
			}
		}
		if conv == 'X' {
			digits = strings.ToUpper(digits)
		}
		f.out = append(f.out, sp.pad(digits, true)...)
	case 'f', 'F', 'e', 'E', 'g', 'G', 'a', 'A':
		a, ok := f.arg()
		v := 0.0
		if ok {
			v = f.float(a)
		}
		f.out = append(f.out, sp.padFloat(formatFloat(v, conv, sp))...)
	default:
		f.badDirective(text, conv)
		return false
	}
	return true
}

func formatFloat(v float64, conv byte, sp spec) string {
	prec := sp.prec
	if prec < 0 && conv != 'a' && conv != 'A' {
		prec = 6
	}
	var text string
	switch {
	case math.IsInf(v, 0):
		text = "inf"
		if v < 0 {
			text = "-inf"
		}
	case math.IsNaN(v):
		text = "nan"
	default:
		switch conv {
		case 'a', 'A':
			text = strconv.FormatFloat(v, 'x', prec, 64)
		case 'g', 'G':
			if prec == 0 {
				prec = 1
			}
			if sp.alt {
				text = fmt.Sprintf("%#.*g", prec, v)
			} else {
				text = fmt.Sprintf("%.*g", prec, v)
			}
		case 'F':
			text = strconv.FormatFloat(v, 'f', prec, 64)
		case 'E':
			text = strconv.FormatFloat(v, 'e', prec, 64)
		default:
			text = strconv.FormatFloat(v, conv, prec, 64)
		}
	}
	if conv == 'E' || conv == 'G' || conv == 'A' || conv == 'F' {
		text = strings.ToUpper(text)
	}
	if v >= 0 || math.IsNaN(v) {
		if sp.plus {
			text = "+" + text
		} else if sp.space {
			text = " " + text
		}
	}
	return text
}

// quotedChar is the value of an argument such as "'a".
func quotedChar(a string) (int64, bool) {
	if len(a) > 0 && (a[0] == '\'' || a[0] == '"') {
		if len(a) == 1 {
			return 0, true
		}
		r, n := utf8.DecodeRuneInString(a[1:])
		if n > 1 && r != utf8.RuneError {
			return int64(r), true
		}
		return int64(a[1]), true
	}
	return 0, false
}

func (f *formatter) notNumber(a string, rest bool) {
	dash := a + ": expected numeric value"
	if rest {
		dash = a + ": not completely converted"
	}
	f.fail("invalid number '"+a+"'", dash, a+": invalid number")
}

func (f *formatter) integer(a string) int64 {
	if n, ok := quotedChar(a); ok {
		return n
	}
	n, rest, over := scanInt(a)
	if over && rest == "" {
		if f.fail("invalid number '"+a+"'", a+": Numerical result out of range", "warning: "+a+": Numerical result out of range"); f.s.d == Bash {
			f.status = 0
		}
		if f.s.d == Ash {
			return 0
		}
		return n
	}
	if rest != "" || a == "" && f.s.d != Bash {
		if a == "" {
			if f.s.d == Ash {
				f.notNumber(a, false)
			}
			return 0
		}
		f.notNumber(a, rest != a && rest != "")
		if f.s.d == Ash {
			return 0
		}
	}
	return n
}

func (f *formatter) unsigned(a string) uint64 {
	if strings.HasPrefix(a, "-") || strings.HasPrefix(a, "+") {
		return uint64(f.integer(a))
	}
	if n, err := strconv.ParseUint(a, 10, 64); err == nil && (a[0] != '0' || len(a) == 1) {
		return n
	}
	return uint64(f.integer(a))
}

// scanInt reads a C integer and gives what follows it. One that is over the largest is the largest.
func scanInt(a string) (n int64, rest string, over bool) {
	t := strings.TrimLeft(a, " \t\n")
	neg := false
	if t != "" && (t[0] == '-' || t[0] == '+') {
		neg, t = t[0] == '-', t[1:]
	}
	base := int64(10)
	if len(t) > 2 && t[0] == '0' && (t[1] == 'x' || t[1] == 'X') && digitValue(t[2], 16) >= 0 && digitValue(t[2], 16) < 16 {
		base, t = 16, t[2:]
	} else if len(t) > 1 && t[0] == '0' {
		base = 8
	}
	i := 0
	for i < len(t) {
		d := digitValue(t[i], 16)
		if d < 0 || d >= base {
			break
		}
		if n > (math.MaxInt64-d)/base {
			over = true
			n = math.MaxInt64
		} else if !over {
			n = n*base + d
		}
		i++
	}
	if i == 0 {
		return 0, a, false
	}
	if neg {
		n = -n
		if over {
			n = math.MinInt64
		}
	}
	return n, t[i:], over
}

func (f *formatter) float(a string) float64 {
	if n, ok := quotedChar(a); ok {
		return float64(n)
	}
	t := strings.TrimSpace(a)
	for end := len(t); end > 0; end-- {
		if strings.ContainsAny(t[:end], "_") {
			continue
		}
		if v, err := strconv.ParseFloat(t[:end], 64); err == nil || math.IsInf(v, 0) {
			if end < len(t) {
				f.notNumber(a, true)
			}
			return v
		}
		if end > 64 && end > len(t)-1 {
			end = 64
		}
	}
	if a != "" || f.s.d == Dash {
		f.notNumber(a, false)
	}
	return 0
}

// escape reads an escape of the format.
func (f *formatter) escape(t string) (text string, n int, stop bool) {
	if len(t) < 2 {
		return `\`, 1, false
	}
	switch c := t[1]; c {
	case 'a':
		return "\a", 2, false
	case 'b':
		return "\b", 2, false
	case 'f':
		return "\f", 2, false
	case 'n':
		return "\n", 2, false
	case 'r':
		return "\r", 2, false
	case 't':
		return "\t", 2, false
	case 'v':
		return "\v", 2, false
	case '\\':
		return `\`, 2, false
	case '"':
		if f.s.d == Bash {
			return `"`, 2, false
		}
	case 'c':
		if f.s.d == Ash {
			return "", 2, true
		}
		return `\c`, 2, false
	case 'e', 'E':
		if f.s.d == Bash || c == 'e' {
			return "\x1b", 2, false
		}
	case '0', '1', '2', '3', '4', '5', '6', '7':
		v, i := 0, 1
		for i < len(t) && i < 4 && t[i] >= '0' && t[i] <= '7' {
			v = v*8 + int(t[i]-'0')
			i++
		}
		return string([]byte{byte(v)}), i, false
	case 'x':
		if f.s.d == Dash {
			break
		}
		v, i := 0, 2
		for i < len(t) && i < 4 {
			d := digitValue(t[i], 16)
			if d < 0 || d > 15 {
				break
			}
			v = v*16 + int(d)
			i++
		}
		if i > 2 {
			return string([]byte{byte(v)}), i, false
		}
	case 'u', 'U':
		if f.s.d != Bash {
			break
		}
		most := 6
		if c == 'U' {
			most = 10
		}
		v, i := 0, 2
		for i < len(t) && i < most {
			d := digitValue(t[i], 16)
			if d < 0 || d > 15 {
				break
			}
			v = v*16 + int(d)
			i++
		}
		if i > 2 {
			return f.s.unicode(v), i, false
		}
	}
	return t[:2], 2, false
}

// percentB expands the argument of %b.
func (f *formatter) percentB(a string) (string, bool) { return f.s.echoEscapes(a) }

// unicode is a character as \u gives it: in a locale that lacks it, the escape itself.
func (s *shell) unicode(v int) string {
	switch {
	case v < 128 || s.utf8():
		return string(rune(v))
	case v < 0x10000:
		return fmt.Sprintf("\\u%04X", v)
	}
	return fmt.Sprintf("\\U%08X", v)
}

// timeFormat is bash's %(fmt)T.
func (f *formatter) timeFormat(format string, sp spec) {
	t := f.s.p.Now()
	if a, ok := f.arg(); ok {
		switch n := f.integer(a); n {
		case -1:
		case -2:
			t = f.s.startAt
		default:
			t = time.Unix(n, 0)
		}
	}
	if format == "" {
		format = "%X"
	}
	f.out = append(f.out, sp.pad(f.s.strftime(format, t), false)...)
}

// strftime formats a time in the C locale, in UTC or the zone of TZ where that is UTC too.
func (s *shell) strftime(format string, t time.Time) string {
	t = t.UTC()
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			b.WriteByte(format[i])
			continue
		}
		i++
		switch format[i] {
		case 'Y':
			fmt.Fprintf(&b, "%d", t.Year())
		case 'y':
			fmt.Fprintf(&b, "%02d", t.Year()%100)
		case 'C':
			fmt.Fprintf(&b, "%02d", t.Year()/100)
		case 'm':
			fmt.Fprintf(&b, "%02d", t.Month())
		case 'd':
			fmt.Fprintf(&b, "%02d", t.Day())
		case 'e':
			fmt.Fprintf(&b, "%2d", t.Day())
		case 'H':
			fmt.Fprintf(&b, "%02d", t.Hour())
		case 'I':
			fmt.Fprintf(&b, "%02d", (t.Hour()+11)%12+1)
		case 'M':
			fmt.Fprintf(&b, "%02d", t.Minute())
		case 'S':
			fmt.Fprintf(&b, "%02d", t.Second())
		case 'F':
			b.WriteString(t.Format("2006-01-02"))
		case 'T', 'X':
			b.WriteString(t.Format("15:04:05"))
		case 'R':
			b.WriteString(t.Format("15:04"))
		case 'D', 'x':
			b.WriteString(t.Format("01/02/06"))
		case 'r':
			b.WriteString(t.Format("03:04:05 PM"))
		case 'c':
			b.WriteString(t.Format("Mon Jan _2 15:04:05 2006"))
		case 'a':
			b.WriteString(t.Format("Mon"))
		case 'A':
			b.WriteString(t.Format("Monday"))
		case 'b', 'h':
			b.WriteString(t.Format("Jan"))
		case 'B':
			b.WriteString(t.Format("January"))
		case 'p':
			b.WriteString(t.Format("PM"))
		case 'j':
			fmt.Fprintf(&b, "%03d", t.YearDay())
		case 'u':
			fmt.Fprintf(&b, "%d", (int(t.Weekday())+6)%7+1)
		case 'w':
			fmt.Fprintf(&b, "%d", t.Weekday())
		case 's':
			fmt.Fprintf(&b, "%d", t.Unix())
		case 'z':
			b.WriteString("+0000")
		case 'Z':
			b.WriteString("UTC")
		case 'n':
			b.WriteByte('\n')
		case 't':
			b.WriteByte('\t')
		case '%':
			b.WriteByte('%')
		default:
			b.WriteByte('%')
			b.WriteByte(format[i])
		}
	}
	return b.String()
}

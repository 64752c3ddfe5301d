package text

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/userland/prog"
	"github.com/dockerlab/dockerlab/sim/userland/text/cformat"
)

// echo is the program; shells have their own.
func echo(c *prog.Ctx) int {
	args := c.Args
	newline, escapes := true, false
	if c.GNU() && len(args) == 1 {
		switch args[0] {
		case "--help":
			c.Help()
		case "--version":
			c.Version()
		}
	}
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' && strings.Trim(args[0][1:], "neE") == "" {
		for _, o := range args[0][1:] {
			switch o {
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
	for i, a := range args {
		if i > 0 {
			c.Print(" ")
		}
		if !escapes {
			c.Print(a)
			continue
		}
		s, stop := UnescapeEcho(a)
		c.Print(s)
		if stop {
			return 0
		}
	}
	if newline {
		c.Print("\n")
	}
	return 0
}

// UnescapeEcho replaces the escapes of echo -e and printf's %b; stop tells of a \c.
func UnescapeEcho(s string) (out string, stop bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		switch ch := s[i]; ch {
		case 'c':
			return b.String(), true
		case '0', '1', '2', '3', '4', '5', '6', '7':
			limit := i + 3
			if ch == '0' {
				limit++
			}
			v := 0
			for ; i < len(s) && i < limit && s[i] >= '0' && s[i] <= '7'; i++ {
				v = v*8 + int(s[i]-'0')
			}
			i--
			b.WriteByte(byte(v))
		default:
			if out, n := simpleEscape(s[i:]); n > 0 {
				b.WriteString(out)
				i += n - 1
				continue
			}
			b.WriteByte('\\')
			b.WriteByte(ch)
		}
	}
	return b.String(), false
}

// simpleEscape reads what follows a backslash: a letter of C's, \e, \\ or \xHH.
func simpleEscape(s string) (string, int) {
	if i := strings.IndexByte("abefnrtv\\", s[0]); i >= 0 {
		return "\a\b\x1b\f\n\r\t\v\\"[i : i+1], 1
	}
	if s[0] == 'x' {
		n, v := 1, 0
		for ; n < len(s) && n < 3; n++ {
			d, err := strconv.ParseUint(s[n:n+1], 16, 8)
			if err != nil {
				break
			}
			v = v*16 + int(d)
		}
		if n > 1 {
			return string([]byte{byte(v)}), n
		}
	}
	return "", 0
}

// printer is one run of printf.
type printer struct {
	c    *prog.Ctx
	args []string
	used bool
}

func printf(c *prog.Ctx) int {
	if c.GNU() && len(c.Args) == 1 {
		switch c.Args[0] {
		case "--help":
			c.Help()
		case "--version":
			c.Version()
		}
	}
	if len(c.Args) > 0 && c.Args[0] == "--" {
		c.Args = c.Args[1:]
	}
	if len(c.Args) == 0 {
		if c.GNU() {
			c.Warn("missing operand")
		}
		c.Usage()
	}
	p := &printer{c: c, args: c.Args[1:]}
	for {
		before := len(p.args)
		if !p.format(c.Args[0]) {
			break
		}
		if len(p.args) == 0 {
			break
		}
		if len(p.args) == before {
			if c.GNU() {
				c.Warn("warning: ignoring excess arguments, starting with '%s'", p.args[0])
			}
			break
		}
	}
	return c.Status
}

func (p *printer) next() (string, bool) {
	if len(p.args) == 0 {
		return "", false
	}
	a := p.args[0]
	p.args = p.args[1:]
	return a, true
}

// format writes the format once; false: a \c or a bad directive ended the output.
func (p *printer) format(f string) bool {
	c := p.c
	for i := 0; i < len(f); i++ {
		switch f[i] {
		case '\\':
			if i+1 == len(f) {
				c.Print("\\")
				break
			}
			i++
			switch ch := f[i]; {
			case ch == 'c':
				return false
			case ch >= '0' && ch <= '7':
				v, j := 0, i
				for ; j < len(f) && j < i+3 && f[j] >= '0' && f[j] <= '7'; j++ {
					v = v*8 + int(f[j]-'0')
				}
				i = j - 1
				c.Print(string([]byte{byte(v)}))
			case ch == '"' && c.GNU():
				c.Print("\"")
			case (ch == 'u' || ch == 'U') && c.GNU():
				n := 4
				if ch == 'U' {
					n = 8
				}
				v, err := strconv.ParseUint(f[i+1:min(len(f), i+1+n)], 16, 32)
				if err != nil || i+1+n > len(f) {
					c.Warn("missing hexadecimal number in escape")
					c.Exit(1)
				}
				switch {
				case v < 0x80 || utf8Locale(c):
					c.Print(string(rune(v)))
				case v > 0xffff:
					c.Printf("\\U%08X", v)
				default:
					c.Printf("\\u%04X", v)
				}
				i += n
			default:
				if out, n := simpleEscape(f[i:]); n > 0 {
					c.Print(out)
					i += n - 1
					break
				}
				if ch == 'x' && c.GNU() {
					c.Die(1, "missing hexadecimal number in escape")
				}
				c.Print("\\", string([]byte{ch}))
			}
		case '%':
			if i+1 < len(f) && f[i+1] == '%' {
				c.Print("%")
				i++
				break
			}
			n, ok := p.directive(f[i:])
			if !ok {
				return false
			}
			i += n - 1
		default:
			j := i
			for j < len(f) && f[j] != '\\' && f[j] != '%' {
				j++
			}
			c.Print(f[i:j])
			i = j - 1
		}
	}
	return true
}

// directive writes one conversion and gives its length.
func (p *printer) directive(f string) (int, bool) {
	c := p.c
	i := 1
	flags := ""
	for i < len(f) && strings.IndexByte("-+ #0'I", f[i]) >= 0 {
		flags += f[i : i+1]
		i++
	}
	width, prec, hasPrec := 0, 0, false
	num := func() int {
		if i < len(f) && f[i] == '*' {
			i++
			a, _ := p.next()
			if a == "" {
				return 0
			}
			n := p.integer(a)
			return int(max(-math.MaxInt32, min(n, math.MaxInt32)))
		}
		n := 0
		for i < len(f) && isDigit(int(f[i])) {
			n = min(n*10+int(f[i]-'0'), math.MaxInt32)
			i++
		}
		return n
	}
	if width = num(); width < 0 {
		flags += "-"
		width = -width
	}
	if i < len(f) && f[i] == '.' {
		i++
		hasPrec = true
		if prec = num(); prec < 0 {
			hasPrec = false
		}
	}
	for i < len(f) && strings.IndexByte("hlLjtz", f[i]) >= 0 {
		i++
	}
	// What is padded is made whole before it is written.
	size := int64(max(width, prec))
	if c.Charge(size) != nil {
		c.Step(1)
	}
	defer c.Charge(-size)
	invalid := func() (int, bool) {
		if c.GNU() {
			c.Fail("%s: invalid conversion specification", f[:min(len(f), i+1)])
		} else {
			c.Fail("%s: invalid format", f)
		}
		return 0, false
	}
	if i == len(f) {
		return invalid()
	}
	spec := "%" + strings.Map(func(r rune) rune {
		if r == '\'' || r == 'I' {
			return -1
		}
		return r
	}, flags)
	if width > 0 {
		spec += strconv.Itoa(width)
	}
	withPrec := spec
	if hasPrec {
		withPrec += "." + strconv.Itoa(prec)
	}
	conv := f[i]
	i++
	switch conv {
	case 'c':
		a, _ := p.next()
		if a != "" {
			a = a[:1]
		} else {
			if c.GNU() {
				a = "\x00"
			}
		}
		p.pad(a, flags, width)
	case 's', 'b':
		a, _ := p.next()
		stop := false
		if conv == 'b' {
			a, stop = UnescapeEcho(a)
		}
		if hasPrec {
			a = a[:min(len(a), prec)]
		}
		p.pad(a, flags, width)
		if stop {
			return 0, false
		}
	case 'q':
		if !c.GNU() {
			i--
			return invalid()
		}
		a, _ := p.next()
		p.pad(prog.QuoteShell(a, false), flags, width)
	case 'd', 'i':
		a, ok := p.next()
		n := int64(0)
		if ok {
			n = p.integer(a)
		}
		c.Print(cformat.Int(flags, width, prec, hasPrec, n < 0, absolute(n), 10, ""))
	case 'o', 'u', 'x', 'X':
		a, ok := p.next()
		n := uint64(0)
		if ok {
			n = p.unsigned(a)
		}
		base, pre := map[byte]int{'o': 8, 'u': 10, 'x': 16, 'X': 16}[conv], ""
		flags := strings.NewReplacer("+", "", " ", "").Replace(flags)
		if strings.Contains(flags, "#") && n != 0 {
			pre = map[byte]string{'o': "0", 'x': "0x", 'X': "0X"}[conv]
		}
		s := cformat.Int(flags, width, prec, hasPrec, false, n, base, pre)
		if conv == 'X' {
			s = strings.ToUpper(s)
		}
		c.Print(s)
	case 'a', 'A', 'e', 'E', 'f', 'F', 'g', 'G':
		a, ok := p.next()
		v := 0.0
		if ok {
			v = p.float(a)
		}
		if conv|0x20 == 'a' && c.GNU() && !hasPrec && v != 0 && !math.IsInf(v, 0) && !math.IsNaN(v) {
			p.pad(hexLongDouble(v, conv == 'A'), flags, width)
			break
		}
		c.Print(cformat.Float(flags, width, prec, hasPrec, conv, v))
	default:
		i--
		return invalid()
	}
	return i, true
}

// hexLongDouble is %a of x86's long double, whose first digit holds four bits.
func hexLongDouble(v float64, upper bool) string {
	frac, exp := math.Frexp(math.Abs(v)) // 0.5 <= frac < 1
	m := uint64(math.Ldexp(frac, 64))
	s := fmt.Sprintf("0x%x", m>>60)
	if rest := strings.TrimRight(fmt.Sprintf("%015x", m<<4>>4), "0"); rest != "" {
		s += "." + rest
	}
	s += fmt.Sprintf("p%+d", exp-4)
	if v < 0 {
		s = "-" + s
	}
	if upper {
		s = strings.ToUpper(s)
	}
	return s
}

func absolute(n int64) uint64 {
	if n < 0 {
		return uint64(-n)
	}
	return uint64(n)
}

func (p *printer) pad(s, flags string, width int) {
	fill := strings.Repeat(" ", max(0, width-len(s)))
	if strings.Contains(flags, "-") {
		p.c.Print(s, fill)
	} else {
		p.c.Print(fill, s)
	}
}

// quoted reads 'x, whose value is the character's.
func quoted(s string) (int64, bool) {
	if len(s) > 1 && (s[0] == '\'' || s[0] == '"') {
		return int64(s[1]), true
	}
	return 0, s == "'" || s == "\""
}

// complain reports what is not a number, or has more behind it.
func (p *printer) complain(s string, some bool) {
	c := p.c
	if !c.GNU() {
		c.Fail("invalid number '%s'", s)
		return
	}
	if some {
		c.Fail("'%s': value not completely converted", s)
		return
	}
	c.Fail("'%s': expected a numeric value", s)
}

func (p *printer) integer(s string) int64 {
	if n, ok := quoted(s); ok {
		return n
	}
	t := strings.TrimLeft(s, " \t\n\v\f\r")
	n, rest, over := parseC(t)
	switch {
	case over:
		if p.c.GNU() {
			p.c.Fail("'%s': Numerical result out of range", s)
		} else {
			p.complain(s, true)
			return 0
		}
	case rest != "" || t == "":
		if s == "" && p.c.GNU() {
			return 0
		}
		p.complain(s, len(rest) < len(t))
		if !p.c.GNU() {
			return 0
		}
	}
	return n
}

func (p *printer) unsigned(s string) uint64 {
	if n, err := strconv.ParseUint(strings.TrimLeft(s, " +"), 0, 64); err == nil && !strings.Contains(s, "_") {
		return n
	}
	return uint64(p.integer(s))
}

// parseC reads an integer as strtoimax with base 0.
func parseC(s string) (n int64, rest string, over bool) {
	i := 0
	if i < len(s) && (s[i] == '-' || s[i] == '+') {
		i++
	}
	base := 10
	switch {
	case strings.HasPrefix(strings.ToLower(s[i:]), "0x") && len(s) > i+2 && trClasses["xdigit"](s[i+2]):
		base, i = 16, i+2
	case i < len(s) && s[i] == '0':
		base = 8
	}
	start := i
	var v uint64
	for ; i < len(s); i++ {
		d, err := strconv.ParseUint(s[i:i+1], base, 8)
		if err != nil {
			break
		}
		if v > (1<<63)/uint64(base) {
			over = true
		}
		v = v*uint64(base) + d
	}
	if i == start {
		return 0, s, false
	}
	neg := s[0] == '-'
	switch {
	case neg && v > 1<<63, over && neg:
		return math.MinInt64, s[i:], true
	case !neg && v > math.MaxInt64, over:
		return math.MaxInt64, s[i:], true
	case neg:
		return -int64(v), s[i:], false
	}
	return int64(v), s[i:], false
}

func (p *printer) float(s string) float64 {
	if n, ok := quoted(s); ok {
		return float64(n)
	}
	t := strings.TrimLeft(s, " \t\n")
	if v, err := strconv.ParseFloat(t, 64); (err == nil || errIsRange(err)) && !strings.Contains(t, "_") {
		return v
	}
	if n, rest, _ := parseC(t); rest == "" && t != "" {
		return float64(n)
	}
	for n := len(t) - 1; n > 0; n-- {
		if v, err := strconv.ParseFloat(t[:n], 64); err == nil {
			p.complain(s, true)
			if !p.c.GNU() {
				return 0
			}
			return v
		}
	}
	p.complain(s, false)
	return 0
}

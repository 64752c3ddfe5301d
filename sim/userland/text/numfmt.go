package text

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/userland/prog"
	"github.com/dockerlab/dockerlab/sim/userland/text/cformat"
)

// numbers is one run of numfmt.
type numbers struct {
	c *prog.Ctx

	from, to         string // none, si, iec, iec-i; from also auto
	fromUnit, toUnit float64
	round            string
	suffix           string
	padding          int // columns; negative: to the left
	autoPad          bool
	delimiter        string // "": blanks
	fields           fieldRanges
	invalid          string // abort, fail, warn, ignore
	format           *numberFormat
	grouping         bool
	debug            bool
	header           int
	end              byte

	failed bool
}

// numberFormat is what --format gives.
type numberFormat struct {
	before, after string
	width, prec   int // prec -1: as the number is
	left, zero    bool
}

// fieldRanges are first and last fields, from 1; a last of 0 is the last there is.
type fieldRanges [][2]int

func (f fieldRanges) has(n int) bool {
	return slices.ContainsFunc(f, func(r [2]int) bool { return n >= r[0] && (r[1] == 0 || n <= r[1]) })
}

const (
	numFrom = prog.LongOnly + iota
	numFromUnit
	numTo
	numToUnit
	numRound
	numSuffix
	numGrouping
	numPadding
	numField
	numDebug
	numHeader
	numFormat
	numInvalid
	numDevDebug
)

var numfmtLong = []prog.Long{
	{Name: "from", Arg: prog.ReqArg, Val: numFrom}, {Name: "from-unit", Arg: prog.ReqArg, Val: numFromUnit}, {Name: "to", Arg: prog.ReqArg, Val: numTo},
	{Name: "to-unit", Arg: prog.ReqArg, Val: numToUnit}, {Name: "round", Arg: prog.ReqArg, Val: numRound}, {Name: "padding", Arg: prog.ReqArg, Val: numPadding},
	{Name: "suffix", Arg: prog.ReqArg, Val: numSuffix}, {Name: "grouping", Val: numGrouping}, {Name: "delimiter", Arg: prog.ReqArg, Val: 'd'},
	{Name: "field", Arg: prog.ReqArg, Val: numField}, {Name: "debug", Val: numDebug}, {Name: "-debug", Val: numDevDebug}, {Name: "header", Arg: prog.OptArg, Val: numHeader},
	{Name: "format", Arg: prog.ReqArg, Val: numFormat}, {Name: "invalid", Arg: prog.ReqArg, Val: numInvalid}, {Name: "zero-terminated", Val: 'z'},
}

// unitLetters are the suffixes of the powers of 1000 or 1024, from the first.
const unitLetters = "KMGTPEZY"

func numfmt(c *prog.Ctx) int {
	n := &numbers{c: c, from: "none", to: "none", fromUnit: 1, toUnit: 1, round: "from-zero", invalid: "abort", fields: fieldRanges{{1, 1}}, end: '\n'}
	for o := range c.Getopt("d:z", numfmtLong) {
		switch o.Val {
		case numFrom:
			n.from = c.Choose("--from", o.Arg, "none", "auto", "si", "iec", "iec-i")
		case numTo:
			n.to = c.Choose("--to", o.Arg, "none", "si", "iec", "iec-i")
		case numFromUnit:
			n.fromUnit = n.unit(o.Arg)
		case numToUnit:
			n.toUnit = n.unit(o.Arg)
		case numRound:
			n.round = c.Choose("--round", o.Arg, "up", "down", "from-zero", "towards-zero", "nearest")
		case numGrouping:
			n.grouping = true
		case numPadding:
			v, err := strconv.Atoi(o.Arg)
			if err != nil || v == 0 || v > 1<<20 || v < -1<<20 {
				c.Die(1, "invalid padding value %s", c.Quote(o.Arg))
			}
			n.padding = v
		case numField:
			n.fields = n.parseFields(o.Arg)
		case 'd':
			if len(o.Arg) > 1 {
				c.Die(1, "the delimiter must be a single character")
			}
			n.delimiter = o.Arg
		case 'z':
			n.end = 0
		case numSuffix:
			n.suffix = o.Arg
		case numDebug, numDevDebug:
			n.debug = true
		case numHeader:
			n.header = 1
			if o.Has {
				v, err := strconv.Atoi(o.Arg)
				if err != nil || v < 1 {
					c.Die(1, "invalid header value %s", c.Quote(o.Arg))
				}
				n.header = v
			}
		case numFormat:
			n.format = n.parseFormat(o.Arg)
		case numInvalid:
			n.invalid = c.Choose("--invalid", o.Arg, "abort", "fail", "warn", "ignore")
		}
	}
	if n.format != nil && n.grouping {
		c.Die(1, "--grouping cannot be combined with --format")
	}
	if n.grouping && n.to != "none" {
		c.Die(1, "grouping cannot be combined with --to")
	}
	if n.debug && n.from == "none" && n.to == "none" && !n.grouping && n.padding == 0 && n.format == nil {
		c.Warn("no conversion option specified")
	}
	if n.debug && n.grouping {
		c.Warn("grouping has no effect in this locale") // nor does it: C has no thousands separator
	}
	n.autoPad = n.padding == 0 && n.delimiter == "" && n.format == nil
	if len(c.Args) > 0 {
		if n.debug && n.header > 0 {
			c.Warn("--header ignored with command-line input")
		}
		for _, a := range c.Args {
			n.line(a)
			c.Out.WriteByte(n.end)
		}
	} else {
		in := newLines(c, c.In, n.end)
		for i := 0; ; i++ {
			raw, err := in.next()
			if err != nil {
				break
			}
			line, ended := in.chomp(raw)
			if i < n.header {
				c.Out.Write(line)
			} else {
				n.line(string(line))
			}
			if ended {
				c.Out.WriteByte(n.end)
			}
		}
	}
	if n.failed && n.debug {
		c.Warn("failed to convert some of the input numbers")
	}
	if n.failed && n.invalid == "fail" {
		return 2
	}
	return c.Status
}

// unit reads the argument of --from-unit and --to-unit: a number, a letter for a power of 1000,
// a letter and "i" for one of 1024, or both.
func (n *numbers) unit(s string) float64 {
	digits := s[:len(s)-len(strings.TrimLeft(s, "0123456789"))]
	v := uint64(1)
	var err error
	if digits != "" {
		v, err = strconv.ParseUint(digits, 10, 64)
	}
	unit, ok := float64(v), s != ""
	if rest := s[len(digits):]; rest != "" && ok {
		base := 1000.0
		letter, binary := strings.CutSuffix(rest, "i")
		if binary {
			base = 1024
		}
		i := strings.Index(unitLetters, letter)
		ok = i >= 0 && len(letter) == 1
		unit *= math.Pow(base, float64(i+1))
	}
	if err != nil || !ok || unit == 0 {
		n.c.Die(1, "invalid unit size: %s", n.c.Quote(s))
	}
	return unit
}

func (n *numbers) parseFields(s string) fieldRanges {
	var f fieldRanges
	for part := range strings.SplitSeq(s, ",") {
		lo, hi, ranged := strings.Cut(part, "-")
		r := [2]int{1, 0}
		for i, text := range []string{lo, hi} {
			if text == "" && ranged {
				continue
			}
			if i == 1 && !ranged {
				r[1] = r[0]
				break
			}
			v, err := strconv.Atoi(text)
			if err != nil || v < 0 {
				n.c.Warn("invalid field value %s", n.c.Quote(text))
				n.c.Usage()
			}
			if v == 0 {
				n.c.Warn("fields are numbered from 1")
				n.c.Usage()
			}
			r[i] = v
		}
		if r[1] != 0 && r[1] < r[0] {
			n.c.Warn("invalid decreasing range")
			n.c.Usage()
		}
		f = append(f, r)
	}
	return f
}

// parseFormat reads the argument of --format.
func (n *numbers) parseFormat(text string) *numberFormat {
	c := n.c
	f := &numberFormat{prec: -1}
	i := 0
	for ; ; i++ {
		switch {
		case i == len(text):
			c.Die(1, "format %s has no %% directive", c.Quote(text))
		case text[i] == '%' && i+1 < len(text) && text[i+1] == '%':
			i++
			continue
		case text[i] != '%':
			continue
		}
		break
	}
	f.before = text[:i]
	rest := text[i+1:]
	for rest != "" && strings.Contains("0' -", rest[:1]) {
		switch rest[0] {
		case '0':
			f.zero = true
		case '\'':
			n.grouping = false // C has no thousands separator
		case '-':
			f.left = true
		}
		rest = rest[1:]
	}
	number := func() int {
		after := strings.TrimLeft(rest, "0123456789")
		v, err := strconv.Atoi(rest[:len(rest)-len(after)])
		if len(after) < len(rest) && (err != nil || v > 1<<20) {
			c.Die(1, "invalid format %s (width overflow)", c.Quote(text))
		}
		rest = after
		return v
	}
	f.width = number()
	if strings.HasPrefix(rest, "-") {
		f.left, rest = true, rest[1:]
		f.width = number()
	}
	if strings.HasPrefix(rest, ".") {
		rest = rest[1:]
		if strings.HasPrefix(rest, "-") || strings.HasPrefix(rest, "+") {
			c.Die(1, "invalid precision in format %s", c.Quote(text))
		}
		f.prec = number()
	}
	switch {
	case rest == "":
		c.Die(1, "format %s ends in %%", c.Quote(text))
	case rest[0] != 'f':
		c.Die(1, "invalid format %s, directive must be %%[0]['][-][N][.][N]f", c.Quote(text))
	}
	f.after = rest[1:]
	if strings.Contains(strings.ReplaceAll(f.after, "%%", ""), "%") {
		c.Die(1, "format %s has too many %% directives", c.Quote(text))
	}
	return f
}

// line writes a line with its numbers converted.
func (n *numbers) line(s string) {
	n.c.Step(1 + len(s)/16)
	for field := 1; ; field++ {
		var text string
		last := true
		if n.delimiter != "" {
			var found bool
			text, s, found = strings.Cut(s, n.delimiter)
			last = !found
		} else {
			blank := len(s) - len(strings.TrimLeft(s, " \t"))
			end := strings.IndexAny(s[blank:], " \t\n")
			if end < 0 {
				text, s = s, ""
			} else {
				text, s, last = s[:blank+end], s[blank+end:], false
			}
		}
		if n.fields.has(field) {
			n.number(text)
		} else {
			n.c.Print(text)
		}
		if last {
			return
		}
		if n.delimiter != "" {
			n.c.Print(n.delimiter)
		} else {
			n.c.Print(s[:1])
			s = s[1:]
		}
	}
}

// number writes one field, converted, or as it is if it is no number and that is allowed.
func (n *numbers) number(text string) {
	bare := strings.TrimLeft(text, " \t")
	v, digits, msg := n.parse(strings.TrimSuffix(bare, n.suffix))
	if msg == "" && n.to == "none" && (wholeDigits(v) > 18 || digits > 18 && n.format == nil) {
		msg = "value too large to be printed: '" + cformat.Float("", 0, 6, true, 'g', v) + "' (consider using --to)"
	}
	if msg != "" {
		switch n.invalid {
		case "abort":
			n.c.Die(2, "%s", msg)
		case "fail", "warn":
			n.c.Warn("%s", msg)
		}
		n.failed = true
		n.c.Print(text)
		return
	}
	s := n.render(v, digits) + n.suffix
	pad := n.padding
	if n.autoPad && len(text) > len(bare) {
		pad = len(text)
	}
	switch f := n.format; {
	case f != nil:
		width := f.width
		if n.padding != 0 {
			width = max(n.padding, -n.padding)
		}
		fill := strings.Repeat(" ", max(0, width-len(s)))
		switch {
		case f.left || n.padding < 0:
			s += fill
		case f.zero:
			sign := s[:len(s)-len(strings.TrimLeft(s, "-"))]
			s = sign + strings.Repeat("0", len(fill)) + s[len(sign):]
		default:
			s = fill + s
		}
		s = f.before + s + f.after
	case pad < 0:
		s += strings.Repeat(" ", max(0, -pad-len(s)))
	default:
		s = strings.Repeat(" ", max(0, pad-len(s))) + s
	}
	n.c.Print(s)
}

// parse reads a number with its suffix: the value, its digits behind the point, or what is wrong.
func (n *numbers) parse(s string) (v float64, decimals int, msg string) {
	q := n.c.Quote(s)
	body := strings.TrimPrefix(s, "-")
	after := strings.TrimLeft(body, "0123456789")
	whole := body[:len(body)-len(after)]
	if whole == "" {
		return 0, 0, "invalid number: " + q
	}
	if len(whole) > 27 {
		return 0, 0, "value too large to be converted: " + q
	}
	num := whole
	if frac, ok := strings.CutPrefix(after, "."); ok {
		rest := strings.TrimLeft(frac, "0123456789")
		digits := frac[:len(frac)-len(rest)]
		if digits == "" {
			return 0, 0, "invalid suffix in input: " + q
		}
		num, decimals, after = num+"."+digits, len(digits), rest
	}
	v, err := strconv.ParseFloat(num, 64)
	if err != nil {
		return 0, 0, "invalid number: " + q
	}
	if after = strings.TrimLeft(after, " \t"); after != "" {
		i := strings.Index(unitLetters, after[:1])
		switch {
		case i < 0:
			return 0, 0, "invalid suffix in input: " + q
		case n.from == "none":
			return 0, 0, "rejecting suffix in input: " + q + " (consider using --from)"
		}
		base := 1024.0
		after = after[1:]
		switch n.from {
		case "si":
			base = 1000
		case "auto":
			var binary bool
			if after, binary = strings.CutPrefix(after, "i"); !binary {
				base = 1000
			}
		case "iec-i":
			var binary bool
			if after, binary = strings.CutPrefix(after, "i"); !binary {
				return 0, 0, "missing 'i' suffix in input: " + q + " (e.g Ki/Mi/Gi)"
			}
		}
		if after != "" {
			return 0, 0, "invalid suffix in input " + q + ": " + n.c.Quote(after)
		}
		if v *= math.Pow(base, float64(i+1)); decimals > 0 && v == math.Trunc(v) {
			decimals = 0
		}
	}
	if strings.HasPrefix(s, "-") {
		v = -v
	}
	if n.fromUnit != 1 || n.toUnit != 1 {
		v = v * n.fromUnit / n.toUnit
	}
	return v, decimals, ""
}

// wholeDigits counts the digits before the point.
func wholeDigits(v float64) int {
	return len(strconv.FormatFloat(math.Trunc(math.Abs(v)), 'f', 0, 64))
}

// rounded rounds v to an integer.
func (n *numbers) rounded(v float64) float64 {
	switch n.round {
	case "up":
		return math.Ceil(v)
	case "down":
		return math.Floor(v)
	case "towards-zero":
		return math.Trunc(v)
	case "nearest":
		return math.Round(v)
	}
	if v < 0 {
		return math.Floor(v)
	}
	return math.Ceil(v)
}

// render writes v on the scale of --to.
func (n *numbers) render(v float64, decimals int) string {
	prec := -1
	if n.format != nil {
		prec = n.format.prec
	}
	if n.to == "none" {
		if prec >= 0 {
			decimals = prec
		}
		p := math.Pow10(decimals)
		return strconv.FormatFloat(n.rounded(v*p)/p, 'f', decimals, 64)
	}
	base := 1000.0
	if n.to != "si" {
		base = 1024
	}
	power := 0
	for math.Abs(v) >= base && power < len(unitLetters) {
		v /= base
		power++
	}
	shown := 0
	switch {
	case prec >= 0:
		shown = prec
		p := math.Pow10(prec)
		v = n.rounded(v*p) / p
	default:
		if math.Abs(v) < 10 {
			shown = 1
		}
		p := math.Pow10(shown)
		v = n.rounded(v*p) / p
	}
	if math.Abs(v) >= base {
		v /= base
		power++
	}
	if prec < 0 {
		shown = 0
		if v != 0 && math.Abs(v) < 10 && power > 0 {
			shown = 1
		}
	}
	s := strconv.FormatFloat(v, 'f', shown, 64)
	if power > 0 {
		s += unitLetters[power-1 : power]
		if n.to == "iec-i" {
			s += "i"
		}
	}
	return s
}

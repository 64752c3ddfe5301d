package text

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/userland/prog"
	"github.com/dockerlab/dockerlab/sim/userland/text/cformat"
)

// odType is one -t of od.
type odType struct {
	kind  byte // a c d f o u x
	size  int
	ascii bool // z: the characters behind the line
	width int  // of a field
}

// dumper is one run of od.
type dumper struct {
	c       *prog.Ctx
	types   []odType
	radix   byte
	all     bool // -v
	line    int
	skip    int64
	limit   int64
	strings int
	big     bool
}

var odWidths = map[byte]map[int]int{
	'd': {1: 4, 2: 6, 4: 11, 8: 20}, 'o': {1: 3, 2: 6, 4: 11, 8: 22}, 'u': {1: 3, 2: 5, 4: 10, 8: 20}, 'x': {1: 2, 2: 4, 4: 8, 8: 16}, 'f': {4: 15, 8: 24}, 'a': {1: 3}, 'c': {1: 3},
}

const (
	odEndian = prog.LongOnly + iota
	odTraditional
)

func od(c *prog.Ctx) int {
	d := &dumper{c: c, radix: 'o', limit: -1}
	short, long := "A:aBbcDdeFfHhIij:LlN:OoS:st:vw::Xx", []prog.Long{{Name: "skip-bytes", Arg: prog.ReqArg, Val: 'j'}, {Name: "address-radix", Arg: prog.ReqArg, Val: 'A'},
		{Name: "read-bytes", Arg: prog.ReqArg, Val: 'N'}, {Name: "format", Arg: prog.ReqArg, Val: 't'}, {Name: "output-duplicates", Val: 'v'}, {Name: "strings", Arg: prog.OptArg, Val: 'S'},
		{Name: "traditional", Val: odTraditional}, {Name: "width", Arg: prog.OptArg, Val: 'w'}, {Name: "endian", Arg: prog.ReqArg, Val: odEndian}}
	if !c.GNU() {
		short, long = "A:N:abcdfhij:lot:vxsS:w::", []prog.Long{{Name: "traditional", Val: prog.LongOnly + 1}, {Name: "skip-bytes", Arg: prog.ReqArg, Val: 'j'}, {Name: "address-radix", Arg: prog.ReqArg, Val: 'A'},
			{Name: "read-bytes", Arg: prog.ReqArg, Val: 'N'}, {Name: "format", Arg: prog.ReqArg, Val: 't'}, {Name: "output-duplicates", Val: 'v'}, {Name: "strings", Arg: prog.ReqArg, Val: 'S'},
			{Name: "width", Arg: prog.OptArg, Val: 'w'}}
	}
	number := func(s string, opt byte) int64 {
		base := s
		mult := int64(1)
		for suf, m := range map[string]int64{"b": 512, "k": 1024, "K": 1024, "m": 1 << 20, "M": 1 << 20, "kB": 1000, "MB": 1e6, "G": 1 << 30} {
			if t, ok := strings.CutSuffix(base, suf); ok && !strings.HasPrefix(base, "0x") {
				if _, err := strconv.ParseInt(t, 0, 64); err == nil {
					base, mult = t, m
				}
			}
		}
		n, err := strconv.ParseInt(base, 0, 64)
		if err != nil || n < 0 || base == "" {
			if c.GNU() {
				c.Die(1, "invalid -%c argument '%s'", opt, s)
			}
			c.Die(1, "invalid number '%s'", s)
		}
		return n * mult
	}
	var letters []odType
	modern, traditional := false, false
	for o := range c.Getopt(short, long) {
		modern = modern || strings.ContainsRune("AjNStvw", rune(o.Val)) || o.Val == odEndian
		switch o.Val {
		case 'A':
			if o.Arg == "" || strings.IndexByte("doxn", o.Arg[0]) < 0 {
				if c.GNU() {
					c.Die(1, "invalid output address radix '%s'; it must be one character from [doxn]", o.Arg)
				}
				c.Die(1, "bad output address radix '%c' (must be [doxn])", (o.Arg + "\x00")[0])
			}
			d.radix = o.Arg[0]
		case 'j':
			d.skip = number(o.Arg, 'j')
		case 'N':
			d.limit = number(o.Arg, 'N')
		case 'S':
			d.strings = 3
			if o.Arg != "" {
				d.strings = int(number(o.Arg, 'S'))
			}
		case 't':
			d.format(o.Arg)
		case 'v':
			d.all = true
		case 'w':
			d.line = 32
			if o.Arg != "" {
				d.line = int(min(number(o.Arg, 'w'), 4096))
			}
		case odEndian:
			d.big = c.Choose("--endian", o.Arg, "little", "big") == "big"
		case odTraditional:
			traditional = true
		default:
			spec := map[int]string{'a': "a", 'b': "o1", 'c': "c", 'd': "u2", 'f': "fF", 'h': "x2", 'i': "dI", 'l': "dL", 'o': "o2", 's': "d2", 'x': "x2",
				'B': "o2", 'D': "u4", 'e': "fD", 'F': "fD", 'H': "x4", 'I': "dL", 'L': "dL", 'O': "o4", 'X': "x4"}[o.Val]
			if !c.GNU() {
				spec = strings.NewReplacer("dI", "d2", "dL", "d4").Replace(spec)
				had := d.types
				d.types = nil
				d.format(spec)
				letters = append(letters, d.types...)
				d.types = had
				continue
			}
			d.format(spec)
		}
	}
	if c.GNU() && (!modern || traditional) {
		d.oldOffset(traditional)
	}
	d.types = append(letters, d.types...) // Busybox takes -t behind the letters
	if len(d.types) == 0 {
		d.format("o2")
	}
	return d.run()
}

// oldOffset takes an offset of the traditional syntax, "+0x20", off the end of the operands. It is
// octal, decimal with a point behind it, and counts blocks with a b.
func (d *dumper) oldOffset(traditional bool) {
	args := d.c.Args
	if len(args) < 1 || len(args) > 2 {
		return
	}
	s := args[len(args)-1]
	digits, plus := strings.CutPrefix(s, "+")
	if !plus && !traditional && (len(args) == 1 || s == "" || !isDigit(int(s[0]))) {
		return
	}
	digits, blocks := strings.CutSuffix(digits, "b")
	base := 8
	if t, decimal := strings.CutSuffix(digits, "."); decimal {
		digits, base = t, 10
	} else if t := strings.TrimPrefix(strings.TrimPrefix(digits, "0"), "x"); strings.Contains(digits, "x") {
		digits, base = t, 16
	}
	n, err := strconv.ParseInt(digits, base, 54)
	if err != nil {
		return
	}
	if blocks {
		n *= 512
	}
	d.skip, d.c.Args = n, args[:len(args)-1]
}

// format reads a type string, "x1z" or "d4o2".
func (d *dumper) format(s string) {
	c := d.c
	whole := s
	bad := func(format string, args ...any) {
		if c.GNU() {
			c.Die(1, format, args...)
		}
		if strings.HasPrefix(format, "invalid character") {
			c.Die(1, format, args...)
		}
		c.Die(1, "invalid type string '%s'; %d-byte integral type is not supported", whole, uint32(1<<32-1))
	}
	for s != "" {
		t := odType{kind: s[0], size: 1}
		s = s[1:]
		switch t.kind {
		case 'a', 'c':
		case 'd', 'o', 'u', 'x', 'f':
			t.size = 4
			if t.kind == 'f' {
				t.size = 8
			}
			letters := map[byte]int{'C': 1, 'S': 2, 'I': 4, 'L': 8}
			if t.kind == 'f' {
				letters = map[byte]int{'F': 4, 'D': 8, 'L': 8}
			}
			if s != "" {
				if n, ok := letters[s[0]]; ok {
					t.size, s = n, s[1:]
				} else if isDigit(int(s[0])) {
					i := 0
					for i < len(s) && isDigit(int(s[i])) {
						i++
					}
					n, _ := strconv.Atoi(s[:i])
					if odWidths[t.kind][n] == 0 {
						what := "integral"
						if t.kind == 'f' {
							what = "floating point"
						}
						if !c.GNU() {
							c.Die(1, "invalid type string '%s'; %d-byte integral type is not supported", whole, n)
						}
						bad("invalid type string '%s';\nthis system doesn't provide a %d-byte %s type", whole, n, what)
					}
					t.size, s = n, s[i:]
				}
			}
		default:
			bad("invalid character '%c' in type string '%s'", t.kind, whole)
		}
		if strings.HasPrefix(s, "z") {
			if !c.GNU() {
				bad("")
			}
			t.ascii, s = true, s[1:]
		}
		t.width = odWidths[t.kind][t.size]
		d.types = append(d.types, t)
	}
	if whole == "" {
		bad("invalid type string '%s'", whole)
	}
}

func (d *dumper) run() int {
	c := d.c
	var readers []io.Reader
	any := false
	for _, name := range orStdin(c.Args) {
		f, err := input(c, name)
		if err != nil {
			if c.GNU() {
				c.Fail("%s: %v", c.QuoteColon(name), err)
			} else {
				c.Fail("%s: %v", name, err)
			}
			continue
		}
		any = true
		defer f.Close()
		readers = append(readers, &odFile{c, f, name})
	}
	if !any {
		return c.Status
	}
	var r io.Reader = io.MultiReader(readers...)
	if n, err := io.CopyN(io.Discard, r, d.skip); err != nil && n < d.skip {
		if c.GNU() {
			c.Fail("cannot skip past end of combined input")
		} else {
			c.Fail("can't skip past end of combined input")
		}
		return 1
	}
	if d.limit >= 0 {
		r = io.LimitReader(r, d.limit)
	}
	if d.strings > 0 {
		d.findStrings(r)
		return c.Status
	}
	block := 1
	for _, t := range d.types {
		block = lcm(block, t.size)
	}
	if d.line == 0 {
		d.line = max(16/block*block, block)
	} else if d.line%block != 0 {
		c.Warn("warning: invalid width %d; using %d instead", d.line, block)
		d.line = block
	}
	perBlock := 0
	for _, t := range d.types {
		perBlock = max(perBlock, (t.width+1)*(d.line/t.size))
	}
	at := d.skip
	buf := make([]byte, d.line)
	prev := make([]byte, d.line)
	first, starred := true, false
	for {
		n, err := io.ReadFull(r, buf)
		if n == 0 {
			break
		}
		if n == d.line && !first && !d.all && bytes.Equal(buf, prev) {
			if !starred {
				c.Print("*\n")
				starred = true
			}
		} else {
			starred = false
			clear(buf[n:])
			for i, t := range d.types {
				if i == 0 {
					c.Print(d.address(at))
				} else {
					c.Print(strings.Repeat(" ", len(d.address(at))))
				}
				d.row(t, buf, n, perBlock)
			}
		}
		first = false
		copy(prev, buf)
		at += int64(n)
		if err != nil {
			break
		}
	}
	if d.radix != 'n' {
		c.Print(d.address(at), "\n")
	}
	return c.Status
}

// odFile reports what cannot be read and goes on.
type odFile struct {
	c    *prog.Ctx
	r    io.Reader
	name string
}

func (f *odFile) Read(b []byte) (int, error) {
	n, err := f.r.Read(b)
	f.c.Step(1 + n/16)
	if err != nil && err != io.EOF {
		f.c.Fail("%s: read error: %v", f.name, err)
		err = io.EOF
	}
	return n, err
}

func lcm(a, b int) int {
	x, y := a, b
	for y != 0 {
		x, y = y, x%y
	}
	return a / x * b
}

func (d *dumper) address(at int64) string {
	switch d.radix {
	case 'd':
		return fmt.Sprintf("%07d", at)
	case 'x':
		return fmt.Sprintf("%06x", at)
	case 'n':
		return ""
	}
	return fmt.Sprintf("%07o", at)
}

func (d *dumper) row(t odType, b []byte, n, perBlock int) {
	fields := d.line / t.size
	pad := perBlock - fields*t.width
	if !d.c.GNU() {
		pad = fields // Busybox does not line the rows up
	}
	blank := (d.line - n) / t.size
	var out strings.Builder
	left := pad
	for i := fields; i > blank; i-- {
		next := pad * (i - 1) / fields
		at := (fields - i) * t.size
		s := d.item(t, b[at:at+t.size])
		out.WriteString(strings.Repeat(" ", max(0, left-next+t.width-len(s))) + s)
		left = next
	}
	if t.ascii {
		if blank > 0 {
			out.WriteString(strings.Repeat(" ", blank*t.width+left))
		}
		out.WriteString("  >")
		for _, ch := range b[:n] {
			if ch < ' ' || ch > '~' {
				ch = '.'
			}
			out.WriteByte(ch)
		}
		out.WriteByte('<')
	}
	d.c.Print(out.String(), "\n")
}

var odNames = []string{"nul", "soh", "stx", "etx", "eot", "enq", "ack", "bel", "bs", "ht", "nl", "vt", "ff", "cr", "so", "si", "dle", "dc1", "dc2", "dc3", "dc4", "nak", "syn", "etb", "can", "em", "sub", "esc", "fs", "gs", "rs", "us", "sp"}

func (d *dumper) item(t odType, b []byte) string {
	var u uint64
	var order binary.ByteOrder = binary.LittleEndian
	if d.big {
		order = binary.BigEndian
	}
	switch t.size {
	case 1:
		u = uint64(b[0])
	case 2:
		u = uint64(order.Uint16(b))
	case 4:
		u = uint64(order.Uint32(b))
	case 8:
		u = order.Uint64(b)
	}
	switch t.kind {
	case 'a':
		ch := byte(u) & 0x7f
		switch {
		case ch == 0x7f:
			return "del"
		case int(ch) < len(odNames):
			return odNames[ch]
		}
		return string(rune(ch))
	case 'c':
		switch ch := byte(u); {
		case ch == 0:
			return `\0`
		case ch >= 7 && ch <= 13:
			return `\` + "abtnvfr"[ch-7:ch-6]
		case ch < ' ' || ch > '~':
			return fmt.Sprintf("%03o", ch)
		default:
			return string(rune(ch))
		}
	case 'd':
		shift := 64 - 8*t.size
		return strconv.FormatInt(int64(u<<shift)>>shift, 10)
	case 'u':
		return strconv.FormatUint(u, 10)
	case 'o':
		return fmt.Sprintf("%0*o", t.width, u)
	case 'x':
		return fmt.Sprintf("%0*x", t.width, u)
	}
	if t.size == 4 {
		f := math.Float32frombits(uint32(u))
		if !d.c.GNU() {
			return fmt.Sprintf("%.7e", f)
		}
		first := 6
		if a := math.Abs(float64(f)); a < 0x1p-126 {
			first = 1
		}
		for p := first; p <= 9; p++ {
			s := cformat.Float("", 0, p, true, 'g', float64(f))
			if v, _ := strconv.ParseFloat(s, 32); float32(v) == f || p == 9 {
				return s
			}
		}
	}
	f := math.Float64frombits(u)
	if !d.c.GNU() {
		return fmt.Sprintf("%.14e", f)
	}
	first := 15
	if math.Abs(f) < 0x1p-1022 {
		first = 1
	}
	for p := first; p <= 17; p++ {
		s := cformat.Float("", 0, p, true, 'g', f)
		if v, _ := strconv.ParseFloat(s, 64); v == f || p == 17 {
			return s
		}
	}
	return ""
}

func (d *dumper) findStrings(r io.Reader) {
	buf := make([]byte, 8192)
	var s []byte
	at := d.skip
	for {
		n, err := r.Read(buf)
		for _, ch := range buf[:n] {
			at++
			if ch >= ' ' && ch <= '~' {
				s = append(s, ch)
				continue
			}
			if ch == 0 && len(s) >= d.strings {
				if a := d.address(at - int64(len(s)) - 1); a != "" {
					d.c.Print(a, " ")
				}
				d.c.Print(string(s), "\n")
			}
			s = s[:0]
		}
		if err != nil {
			return
		}
	}
}

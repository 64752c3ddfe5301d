package text

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
	"github.com/dockerlab/dockerlab/sim/userland/text/cformat"
)

// hexUnit is one unit of a hexdump format: repeated, over so many bytes, with a printf format.
type hexUnit struct {
	reps  int
	bytes int
	parts []hexPart
	auto  bool // as often as the block has room for
}

// hexPart is text, and a conversion behind it.
type hexPart struct {
	text  string
	flags string // "%08.8" without the conversion
	conv  string // "x", "_ax", "_c", ""
	bytes int
}

// hexdumper is one run of hexdump.
type hexdumper struct {
	c       *prog.Ctx
	formats [][]hexUnit
	ends    []hexUnit // of the end: _A
	all     bool
	skip    int64
	limit   int64
	at      int64
}

var hexdumpLong = []prog.Long{
	{Name: "one-byte-octal", Val: 'b'}, {Name: "one-byte-char", Val: 'c'}, {Name: "canonical", Val: 'C'}, {Name: "two-bytes-decimal", Val: 'd'},
	{Name: "two-bytes-octal", Val: 'o'}, {Name: "two-bytes-hex", Val: 'x'}, {Name: "format", Arg: prog.ReqArg, Val: 'e'}, {Name: "format-file", Arg: prog.ReqArg, Val: 'f'},
	{Name: "color", Arg: prog.OptArg, Val: 'L'}, {Name: "length", Arg: prog.ReqArg, Val: 'n'}, {Name: "skip", Arg: prog.ReqArg, Val: 's'}, {Name: "no-squeezing", Val: 'v'},
}

func hexdump(c *prog.Ctx) int {
	h := &hexdumper{c: c, limit: -1}
	if c.Program == "hd" {
		h.canonical()
	}
	short, long := "bcdoxCe:f:n:s:v", []prog.Long(nil)
	if c.GNU() {
		short, long = "bcCde:f:L::n:os:vx", hexdumpLong
	}
	for o := range c.GetoptUtil(short, long) {
		switch o.Val {
		case 'L':
			if o.Has && o.Arg != "auto" && o.Arg != "never" && o.Arg != "always" {
				c.Die(1, "unsupported color mode: '%s'", o.Arg)
			}
			// Colours are what a format asks for by _L[...], which this one does not have.
		case 'C':
			h.canonical()
		case 'b':
			h.add(`"%07.7_Ax\n"`)
			h.add(`"%07.7_ax " 16/1 "%03o " "\n"`)
		case 'c':
			h.add(`"%07.7_Ax\n"`)
			h.add(`"%07.7_ax " 16/1 "%3_c " "\n"`)
		case 'd':
			h.add(`"%07.7_Ax\n"`)
			h.add(`"%07.7_ax " 8/2 "  %05u " "\n"`)
		case 'o':
			h.add(`"%07.7_Ax\n"`)
			h.add(`"%07.7_ax " 8/2 " %06o " "\n"`)
		case 'x':
			h.add(`"%07.7_Ax\n"`)
			h.add(`"%07.7_ax " 8/2 "   %04x " "\n"`)
		case 'e':
			h.add(o.Arg)
		case 'f':
			b, err := c.ReadFile(o.Arg)
			if err != nil {
				if c.GNU() {
					c.Die(1, "can't read %s: %v", o.Arg, err)
				}
				c.Die(1, "can't open '%s': %v", o.Arg, err)
			}
			for line := range strings.Lines(string(b)) {
				if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
					h.add(line)
				}
			}
		case 'n', 's':
			n, ok := suffixed(o.Arg, busyboxSuffix)
			if v, err := strconv.ParseInt(o.Arg, 0, 64); err == nil {
				n, ok = v, true
			}
			if !ok {
				if c.GNU() {
					what := map[int]string{'n': "length", 's': "offset"}[o.Val]
					c.Die(1, "failed to parse %s: '%s': %v", what, o.Arg, linux.EINVAL)
				}
				c.Die(1, "invalid number '%s'", o.Arg)
			}
			if o.Val == 'n' {
				h.limit = n
			} else {
				h.skip = n
			}
		case 'v':
			h.all = true
		}
	}
	if len(h.formats) == 0 {
		h.add(`"%07.7_Ax\n"`)
		h.add(`"%07.7_ax " 8/2 "%04x " "\n"`)
	}
	return h.run()
}

func (h *hexdumper) canonical() {
	h.add(`"%08.8_Ax\n"`)
	h.add(`"%08.8_ax  " 8/1 "%02x " "  " 8/1 "%02x "`)
	h.add(`"  |" 16/1 "%_p" "|\n"`)
}

// add reads a format string.
func (h *hexdumper) add(s string) {
	c := h.c
	whole := s
	bad := func() { c.Die(1, "bad format {%s}", whole) }
	var units []hexUnit
	for {
		s = strings.TrimLeft(s, " \t\n")
		if s == "" {
			break
		}
		u := hexUnit{reps: 1}
		num := func() int {
			i := 0
			for i < len(s) && isDigit(int(s[i])) {
				i++
			}
			n, _ := strconv.Atoi(s[:i])
			s = strings.TrimLeft(s[i:], " \t")
			return min(n, 4096)
		}
		explicit := false
		if isDigit(int(s[0])) {
			u.reps, explicit = num(), true
		}
		if strings.HasPrefix(s, "/") {
			s = strings.TrimLeft(s[1:], " \t")
			u.bytes = num()
		}
		if s == "" || s[0] != '"' {
			bad()
		}
		end := strings.IndexByte(s[1:], '"')
		for end >= 0 && s[end] == '\\' {
			n := strings.IndexByte(s[end+2:], '"')
			if n < 0 {
				bad()
			}
			end += n + 1
		}
		if end < 0 {
			bad()
		}
		u.parts = hexParts(unescapeC(s[1:1+end]), u.bytes)
		s = s[end+2:]
		for i := range u.parts {
			if strings.HasPrefix(u.parts[i].conv, "_A") {
				h.ends = append(h.ends, u)
				u.parts = nil
				break
			}
		}
		if u.parts == nil {
			continue
		}
		u.auto = !explicit && u.size() > 0
		units = append(units, u)
	}
	if len(units) > 0 {
		h.formats = append(h.formats, units)
	}
}

func (u *hexUnit) size() int {
	n := 0
	for _, p := range u.parts {
		n += p.bytes
	}
	return n
}

// hexParts cuts a printf format into conversions.
func hexParts(f string, size int) []hexPart {
	var parts []hexPart
	text := ""
	for i := 0; i < len(f); i++ {
		if f[i] != '%' {
			text += f[i : i+1]
			continue
		}
		if i+1 < len(f) && f[i+1] == '%' {
			text += "%"
			i++
			continue
		}
		j := i + 1
		for j < len(f) && strings.IndexByte("#-+ 0123456789.", f[j]) >= 0 {
			j++
		}
		p := hexPart{text: text, flags: f[i:j]}
		text = ""
		switch {
		case strings.HasPrefix(f[j:], "_a") || strings.HasPrefix(f[j:], "_A"):
			p.conv = f[j:min(len(f), j+3)]
			j += 3
		case j < len(f) && f[j] == '_':
			p.conv, p.bytes = f[j:min(len(f), j+2)], 1
			j += 2
		case j < len(f):
			p.conv = f[j : j+1]
			p.bytes = size
			if size == 0 {
				switch p.conv {
				case "c":
					p.bytes = 1
				case "s":
					p.bytes = 1
				case "e", "f", "g", "E", "G":
					p.bytes = 8
				default:
					p.bytes = 4
				}
			}
			j++
		}
		i = j - 1
		parts = append(parts, p)
	}
	if text != "" {
		parts = append(parts, hexPart{text: text})
	}
	return parts
}

func unescapeC(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		if k := strings.IndexByte("abfnrtv0", s[i]); k >= 0 {
			b.WriteByte("\a\b\f\n\r\t\v\x00"[k])
		} else {
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

func (h *hexdumper) run() int {
	c := h.c
	var readers []io.Reader
	any := false
	for _, name := range orStdin(c.Args) {
		f, err := input(c, name)
		if err != nil {
			c.Fail("%s: %v", name, err)
			continue
		}
		defer f.Close()
		any = true
		readers = append(readers, &odFile{c, f, name})
	}
	if !any {
		if c.GNU() {
			c.Warn("all input file arguments failed")
		}
		return c.Status
	}
	var r io.Reader = io.MultiReader(readers...)
	io.CopyN(io.Discard, r, h.skip)
	h.at = h.skip
	if h.limit >= 0 {
		r = io.LimitReader(r, h.limit)
	}
	block := 0
	for _, f := range h.formats {
		n := 0
		for _, u := range f {
			n += u.reps * u.size()
		}
		block = max(block, n)
	}
	if block == 0 {
		block = 1
	}
	for _, f := range h.formats { // the last unit without a count fills the block
		n := 0
		for _, u := range f {
			n += u.reps * u.size()
		}
		last := len(f) - 1
		if f[last].auto && n > 0 && n < block {
			f[last].reps += (block - n) / f[last].size()
		}
	}
	buf, prev := make([]byte, block), make([]byte, block)
	first, starred := true, false
	for {
		n, err := io.ReadFull(r, buf)
		if n == 0 {
			break
		}
		if n == block && !first && !h.all && bytes.Equal(buf, prev) {
			if !starred {
				c.Print("*\n")
				starred = true
			}
			h.at += int64(n)
			continue
		}
		starred, first = false, false
		for _, f := range h.formats {
			h.block(f, buf[:n])
		}
		copy(prev, buf)
		h.at += int64(n)
		if err != nil {
			break
		}
	}
	if h.at > h.skip || len(h.ends) > 0 && h.at > 0 {
		for _, u := range h.ends {
			for _, p := range u.parts {
				c.Print(p.text)
				if p.conv != "" {
					c.Print(h.convert(p, nil, h.at))
				}
			}
		}
	}
	return c.Status
}

// block prints one block by one format; where the data ends, conversions become blanks.
func (h *hexdumper) block(units []hexUnit, b []byte) {
	off := 0
	for _, u := range units {
		for rep := range u.reps {
			for pi, p := range u.parts {
				text := p.text
				last := rep == u.reps-1 && pi == len(u.parts)-1
				if p.conv == "" {
					if u.reps > 1 && last {
						text = strings.TrimSuffix(text, " ")
					}
					h.c.Print(text)
					continue
				}
				// White space behind the last conversion of a unit goes.
				h.c.Print(text)
				if p.bytes > 0 && off+p.bytes > len(b) && off >= len(b) {
					_, width, _, _ := hexFlags(p.flags)
					h.c.Print(strings.Repeat(" ", width))
				} else if p.bytes > 0 {
					data := make([]byte, p.bytes)
					copy(data, b[off:])
					h.c.Print(h.convert(p, data, h.at+int64(off)))
				} else {
					h.c.Print(h.convert(p, nil, h.at+int64(off)))
				}
				off += p.bytes
			}
		}

	}
}

func (h *hexdumper) convert(p hexPart, data []byte, at int64) string {
	flags, width, prec, hasPrec := hexFlags(p.flags)
	num := func(n uint64, neg bool, base int, upper bool) string {
		s := cformat.Int(flags, width, prec, hasPrec, neg, n, base, "")
		if upper {
			s = strings.ToUpper(s)
		}
		return s
	}
	pad := func(s string) string {
		if strings.Contains(flags, "-") {
			return s + strings.Repeat(" ", max(0, width-len(s)))
		}
		return strings.Repeat(" ", max(0, width-len(s))) + s
	}
	var u uint64
	if len(data) <= 8 {
		var b [8]byte
		copy(b[:], data)
		u = binary.LittleEndian.Uint64(b[:])
	}
	switch p.conv {
	case "_ax", "_Ax":
		return num(uint64(at), false, 16, false)
	case "_ad", "_Ad":
		return num(uint64(at), false, 10, false)
	case "_ao", "_Ao":
		return num(uint64(at), false, 8, false)
	case "_p":
		ch := data[0]
		if ch < ' ' || ch > '~' {
			ch = '.'
		}
		return pad(string(rune(ch)))
	case "_c":
		switch ch := data[0]; {
		case ch == 0:
			return pad(`\0`)
		case ch >= 7 && ch <= 13:
			return pad(`\` + "abtnvfr"[ch-7:ch-6])
		case ch < ' ' || ch > '~':
			return pad(fmt.Sprintf("%03o", ch))
		default:
			return pad(string(rune(ch)))
		}
	case "_u":
		if data[0] < ' ' {
			n := odNames[data[0]]
			if n == "nl" {
				n = "lf"
			}
			return pad(n)
		}
		if data[0] == 0x7f {
			return pad("del")
		}
		if data[0] > 0x7f {
			return pad(fmt.Sprintf("%02x", data[0]))
		}
		return pad(string(rune(data[0])))
	case "c":
		return pad(string(data[:1]))
	case "s":
		return pad(string(bytes.TrimRight(data, "\x00")))
	case "d", "i":
		shift := 64 - 8*min(len(data), 8)
		n := int64(u<<shift) >> shift
		if n < 0 {
			return num(uint64(-n), true, 10, false)
		}
		return num(uint64(n), false, 10, false)
	case "u":
		return num(u, false, 10, false)
	case "o":
		return num(u, false, 8, false)
	case "x":
		return num(u, false, 16, false)
	case "X":
		return num(u, false, 16, true)
	case "e", "f", "g", "E", "G":
		v := math.Float64frombits(u)
		if len(data) == 4 {
			v = float64(math.Float32frombits(uint32(u)))
		}
		return cformat.Float(flags, width, prec, hasPrec, p.conv[0], v)
	}
	h.c.Die(1, "bad conversion character %%%s", p.conv)
	return ""
}

// hexFlags reads "%-08.8".
func hexFlags(s string) (flags string, width, prec int, hasPrec bool) {
	s = strings.TrimPrefix(s, "%")
	i := 0
	for i < len(s) && strings.IndexByte("#-+ 0", s[i]) >= 0 {
		i++
	}
	flags, s = s[:i], s[i:]
	w, p, hasPrec := strings.Cut(s, ".")
	width, _ = strconv.Atoi(w)
	prec, _ = strconv.Atoi(p)
	return flags, min(width, 1000), min(prec, 1000), hasPrec
}

// xxdBusybox is Busybox's xxd, which has fewer options than vim's.
func xxdBusybox(c *prog.Ctx) int {
	var plain, reverse, include bool
	group, cols, limit, skip, offset := 2, 0, int64(-1), int64(0), int64(0)
	number := func(s string) int64 {
		n, err := strconv.ParseInt(s, 0, 64)
		if err != nil {
			c.Die(1, "invalid number '%s'", s)
		}
		return n
	}
	for o := range c.Getopt("l:s:apric:g:o:", nil) {
		switch o.Val {
		case 'a':
		case 'p':
			plain = true
		case 'r':
			reverse = true
		case 'i':
			include = true
		case 'c':
			cols = int(min(number(o.Arg), 256))
		case 'g':
			group = int(number(o.Arg))
		case 'l':
			limit = number(o.Arg)
		case 's':
			skip = number(o.Arg)
		case 'o':
			offset = number(o.Arg)
		}
	}
	if len(c.Args) > 1 {
		c.Usage()
	}
	name := orStdin(c.Args)[0]
	f, err := input(c, name)
	if err != nil {
		c.Die(1, "%s: %v", name, err)
	}
	defer f.Close()
	b, err := readLimited(f)
	if err != nil {
		c.Die(1, "read error: %v", err)
	}
	if reverse {
		xxdReverse(c, b, plain)
		return c.Status
	}
	b = b[min(max(skip, 0), int64(len(b))):]
	if limit >= 0 {
		b = b[:min(limit, int64(len(b)))]
	}
	c.Step(len(b) / 8)
	switch {
	case plain:
		if cols == 0 {
			cols = 30
		}
		for len(b) > 0 {
			n := min(cols, len(b))
			c.Print(hex.EncodeToString(b[:n]), "\n")
			b = b[n:]
		}
		return 0
	case include:
		id := strings.Map(func(r rune) rune {
			if r >= '0' && r <= '9' || r|0x20 >= 'a' && r|0x20 <= 'z' {
				return r
			}
			return '_'
		}, name)
		if name != "-" {
			c.Printf("unsigned char %s[] = {\n", id)
		}
		if cols == 0 {
			cols = 12
		}
		for i := 0; i < len(b); i += cols {
			row := b[i:min(len(b), i+cols)]
			items := make([]string, len(row))
			for j, x := range row {
				items[j] = fmt.Sprintf("0x%02x", x)
			}
			c.Print("  ", strings.Join(items, ", "), ",\n")
		}
		if name != "-" {
			c.Printf("};\nunsigned int %s_len = %d;\n", id, len(b))
		}
		return 0
	}
	if cols == 0 {
		cols = 16
	}
	if group <= 0 {
		group = cols
	}
	at := skip + offset
	for len(b) > 0 {
		n := min(cols, len(b))
		c.Printf("%08x: ", at)
		for i := range cols {
			if i < n {
				c.Print(hex.EncodeToString(b[i : i+1]))
			} else {
				c.Print("  ")
			}
			if i%group == group-1 || i == cols-1 {
				c.Print(" ")
			}
		}
		c.Print(" ")
		for _, ch := range b[:n] {
			if ch < ' ' || ch > '~' {
				ch = '.'
			}
			c.Print(string(rune(ch)))
		}
		c.Print("\n")
		b = b[n:]
		at += int64(n)
	}
	return 0
}

func xxdReverse(c *prog.Ctx, b []byte, plain bool) {
	for line := range strings.Lines(string(b)) {
		line = strings.TrimRight(line, "\n")
		if !plain {
			_, rest, ok := strings.Cut(line, ":")
			if !ok {
				continue
			}
			line, _, _ = strings.Cut(strings.TrimPrefix(rest, " "), "  ")
		}
		digits := []byte{}
		for i := 0; i < len(line); i++ {
			ch := line[i]
			if ch == ' ' || ch == '\t' {
				continue
			}
			if !trClasses["xdigit"](ch) {
				break
			}
			digits = append(digits, ch)
		}
		out := make([]byte, len(digits)/2)
		hex.Decode(out, digits[:len(out)*2])
		c.Out.Write(out)
	}
}

func stringsProgram(c *prog.Ctx) int {
	names, size, radix := false, 4, ""
	for o := range c.Getopt("an:fot:", nil) {
		switch o.Val {
		case 'n':
			n, ok := parseCount(o.Arg)
			if !ok || n < 1 {
				c.Die(1, "invalid number '%s'", o.Arg)
			}
			size = n
		case 'f':
			names = true
		case 'o':
			radix = "o"
		case 't':
			if o.Arg != "o" && o.Arg != "d" && o.Arg != "x" {
				c.Usage()
			}
			radix = o.Arg
		}
	}
	for _, name := range orStdin(c.Args) {
		f := plainOpen(c, name)
		if f == nil {
			continue
		}
		var s []byte
		at := int64(0)
		flush := func() {
			if len(s) >= size {
				if names {
					c.Print(name, ": ")
				}
				if radix != "" {
					c.Printf("%7"+radix+" ", at-int64(len(s)))
				}
				c.Print(string(s), "\n")
			}
			s = s[:0]
		}
		buf := make([]byte, 8192)
		for {
			n, err := f.Read(buf)
			c.Step(n / 32)
			for _, ch := range buf[:n] {
				if ch >= ' ' && ch <= '~' || ch == '\t' {
					s = append(s, ch)
					at++
					continue
				}
				flush()
				at++
			}
			if err != nil {
				break
			}
		}
		flush()
		f.Close()
	}
	return c.Status
}

package text

import (
	"math/bits"
	"strings"

	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// A radix writes bytes as characters of a few bits each, most significant bits first: RFC 4648's
// encodings and plain binary.
type radix struct {
	alphabet string // 1<<bits characters
	bits     int    // of one character
	quantum  int    // characters of the smallest group that is whole bytes
	pad      bool   // the last group is filled with '='
	reversed bool   // the bits of each byte come least significant first
}

const (
	base64Alphabet    = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	base64URLAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	base32Alphabet    = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	base32HexAlphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUV"
	base85Alphabet    = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
)

var (
	base64Radix = radix{alphabet: base64Alphabet, bits: 6, quantum: 4, pad: true}
	base32Radix = radix{alphabet: base32Alphabet, bits: 5, quantum: 8, pad: true}

	// radixes are the encodings of basenc by the names of their options; z85 is no radix.
	radixes = map[string]radix{
		"base64":    base64Radix,
		"base64url": {alphabet: base64URLAlphabet, bits: 6, quantum: 4, pad: true},
		"base32":    base32Radix,
		"base32hex": {alphabet: base32HexAlphabet, bits: 5, quantum: 8, pad: true},
		"base16":    {alphabet: "0123456789ABCDEF", bits: 4, quantum: 2},
		"base2msbf": {alphabet: "01", bits: 1, quantum: 8},
		"base2lsbf": {alphabet: "01", bits: 1, quantum: 8, reversed: true},
	}
)

func (r radix) encode(b []byte) string {
	var out strings.Builder
	acc, n := uint(0), 0
	for _, x := range b {
		if r.reversed {
			x = bits.Reverse8(x)
		}
		acc, n = acc<<8|uint(x), n+8
		for ; n >= r.bits; n -= r.bits {
			out.WriteByte(r.alphabet[acc>>(n-r.bits)&(1<<r.bits-1)])
		}
		acc &= 1<<n - 1
	}
	if n > 0 {
		out.WriteByte(r.alphabet[acc<<(r.bits-n)&(1<<r.bits-1)])
	}
	for r.pad && out.Len()%r.quantum != 0 {
		out.WriteByte('=')
	}
	return out.String()
}

// group decodes the characters of one group: the bytes that are whole, and whether the group is.
func (r radix) group(text string) (b []byte, ok bool) {
	chars := text
	if r.pad {
		chars = strings.TrimRight(text, "=")
	}
	acc, n := uint(0), 0
	for i := range len(chars) {
		v := strings.IndexByte(r.alphabet, chars[i])
		if v < 0 {
			return b, false
		}
		if acc, n = acc<<r.bits|uint(v), n+r.bits; n >= 8 {
			n -= 8
			x := byte(acc >> n)
			if r.reversed {
				x = bits.Reverse8(x)
			}
			b = append(b, x)
		}
	}
	return b, len(text) == r.quantum && n < r.bits
}

// decode gives the bytes of text up to what is wrong in it. Newlines do not count, and with
// ignoreGarbage nor does anything else that is no character of the encoding.
func (r radix) decode(text []byte, ignoreGarbage bool) (b []byte, ok bool) {
	var group []byte
	for _, ch := range text {
		switch {
		case ch == '\n':
			continue
		case ch == '=' && r.pad && len(group) > 0:
		case strings.IndexByte(r.alphabet, ch) < 0:
			if ignoreGarbage {
				continue
			}
			return append(b, r.partial(group)...), false
		}
		if group = append(group, ch); len(group) == r.quantum {
			part, ok := r.group(string(group))
			if b = append(b, part...); !ok {
				return b, false
			}
			group = group[:0]
		}
	}
	return append(b, r.partial(group)...), len(group) == 0
}

// partial gives the bytes of a group that ends early; of base32's none.
func (r radix) partial(group []byte) []byte {
	if r.bits == 5 {
		return nil
	}
	b, _ := r.group(string(group))
	return b
}

// z85Encode writes each 4 bytes as 5 characters; there must be no rest.
func z85Encode(b []byte) (text string, ok bool) {
	if len(b)%4 != 0 {
		return "", false
	}
	var out []byte
	for ; len(b) > 0; b = b[4:] {
		v := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
		var five [5]byte
		for i := 4; i >= 0; i-- {
			five[i] = base85Alphabet[v%85]
			v /= 85
		}
		out = append(out, five[:]...)
	}
	return string(out), true
}

func z85Decode(text []byte, ignoreGarbage bool) (b []byte, ok bool) {
	v, n := uint64(0), 0
	for _, ch := range text {
		if ch == '\n' {
			continue
		}
		d := strings.IndexByte(base85Alphabet, ch)
		if d < 0 {
			if ignoreGarbage {
				continue
			}
			return b, false
		}
		if v, n = v*85+uint64(d), n+1; n < 5 {
			continue
		}
		if v > 1<<32-1 {
			return b, false
		}
		b = append(b, byte(v>>24), byte(v>>16), byte(v>>8), byte(v))
		v, n = 0, 0
	}
	return b, n == 0
}

// encoder is one run of base64, base32 or basenc.
type encoder struct {
	radix         radix
	z85           bool
	decode        bool
	ignoreGarbage bool
	wrap          int
}

func base64Program(c *prog.Ctx) int { return encode(c, &encoder{radix: base64Radix}) }
func base32Program(c *prog.Ctx) int { return encode(c, &encoder{radix: base32Radix}) }
func basenc(c *prog.Ctx) int        { return encode(c, &encoder{}) }

func encode(c *prog.Ctx, e *encoder) int {
	e.wrap = 76
	short, long := "diw:", []prog.Long{{Name: "decode", Val: 'd'}, {Name: "wrap", Arg: prog.ReqArg, Val: 'w'}, {Name: "ignore-garbage", Val: 'i'}}
	names := []string{"base64", "base64url", "base32", "base32hex", "base16", "base2msbf", "base2lsbf", "z85"}
	if c.Program == "basenc" {
		for i, name := range names {
			long = append(long, prog.Long{Name: name, Val: prog.LongOnly + i})
		}
	}
	if !c.GNU() {
		short, long = "dw:i", nil
	}
	for o := range c.Getopt(short, long) {
		switch o.Val {
		case 'd':
			e.decode = true
		case 'i':
			e.ignoreGarbage = true
		case 'w':
			n, ok := parseCount(o.Arg)
			if !ok || n < 0 {
				if c.GNU() {
					c.Die(1, "invalid wrap size: %s", c.Quote(o.Arg))
				}
				c.Die(1, "invalid number '%s'", o.Arg)
			}
			e.wrap = n
		default:
			name := names[o.Val-prog.LongOnly]
			e.radix, e.z85 = radixes[name], name == "z85"
		}
	}
	if e.radix.bits == 0 && !e.z85 {
		c.Warn("missing encoding type")
		c.Usage()
	}
	c.AtMost(1)
	name := orStdin(c.Args)[0]
	f, err := input(c, name)
	if err != nil {
		if c.GNU() {
			c.Die(1, "%s: %v", c.QuoteColon(name), err)
		}
		c.Die(1, "%s: %v", name, err)
	}
	b, err := readLimited(f)
	f.Close()
	if err != nil {
		c.Die(1, "read error: %v", err)
	}
	c.Step(len(b) / 16)
	if e.decode {
		return e.decodeTo(c, b)
	}
	var s string
	if e.z85 {
		var ok bool
		if s, ok = z85Encode(b); !ok {
			c.Die(1, "invalid input (length must be multiple of 4 characters)")
		}
	} else {
		s = e.radix.encode(b)
	}
	if e.wrap == 0 {
		c.Print(s)
		return 0
	}
	for s != "" {
		n := min(e.wrap, len(s))
		c.Print(s[:n], "\n")
		s = s[n:]
	}
	return 0
}

// decodeTo writes as much as can be decoded.
func (e *encoder) decodeTo(c *prog.Ctx, b []byte) int {
	var out []byte
	var ok bool
	switch {
	case !c.GNU():
		return e.decodeBusybox(c, b)
	case e.z85:
		out, ok = z85Decode(b, e.ignoreGarbage)
	default:
		out, ok = e.radix.decode(b, e.ignoreGarbage)
	}
	c.Out.Write(out)
	if !ok {
		c.Fail("invalid input")
	}
	return c.Status
}

// decodeBusybox leaves out what is no character of the encoding, and ends at the padding.
func (e *encoder) decodeBusybox(c *prog.Ctx, b []byte) int {
	var group []byte
	ended := false
	for _, ch := range b {
		if ch != '=' && strings.IndexByte(e.radix.alphabet, ch) < 0 {
			continue
		}
		if ended {
			if ch == '=' {
				continue
			}
			c.Fail("truncated input")
			return c.Status
		}
		if ch == '=' && len(group) == 0 {
			ended = true
			continue
		}
		if group = append(group, ch); len(group) < e.radix.quantum {
			continue
		}
		out, _ := e.radix.group(string(group))
		c.Out.Write(out)
		ended = ch == '='
		group = group[:0]
	}
	if len(group) > 0 {
		c.Fail("truncated input")
	}
	return c.Status
}

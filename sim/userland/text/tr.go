package text

import (
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// trSet is a string of tr, expanded.
type trSet struct {
	chars                []byte
	classes, endsInClass bool
	// fill: where a [c*] without a count stands in chars, -1 none.
	fill     int
	fillChar byte
	cases    []int // where [:upper:] and [:lower:] begin in chars
}

// translator is one run of tr.
type translator struct{ c *prog.Ctx }

func tr(c *prog.Ctx) int {
	t := &translator{c}
	var complement, del, squeeze, truncate bool
	short, long := "+AcCdst", []prog.Long{{Name: "complement", Val: 'c'}, {Name: "delete", Val: 'd'}, {Name: "squeeze-repeats", Val: 's'}, {Name: "truncate-set1", Val: 't'}}
	if !c.GNU() {
		short, long = "+Ccds", nil
	}
	for o := range c.Getopt(short, long) {
		switch o.Val {
		case 'c', 'C':
			complement = true
		case 'd':
			del = true
		case 's':
			squeeze = true
		case 't':
			truncate = true
		}
	}
	if c.GNU() {
		lo, hi := 2, 2
		if del == squeeze {
			lo = 2
		} else {
			lo = 1
		}
		if del && !squeeze {
			hi = 1
		}
		switch {
		case len(c.Args) == 0:
			c.Warn("missing operand")
			c.Usage()
		case len(c.Args) < lo:
			c.Warn("missing operand after %s", c.Quote(c.Args[len(c.Args)-1]))
			if squeeze {
				c.Errorf("Two strings must be given when both deleting and squeezing repeats.\n")
			} else {
				c.Errorf("Two strings must be given when translating.\n")
			}
			c.Usage()
		case len(c.Args) > hi:
			c.Warn("extra operand %s", c.Quote(c.Args[hi]))
			if len(c.Args) == 2 {
				c.Errorf("Only one string may be given when deleting without squeezing repeats.\n")
			}
			c.Usage()
		}
	} else {
		if len(c.Args) == 0 {
			c.Usage()
		}
	}
	s1 := t.expand(c.Args[0], 1)
	if complement {
		s1.complement()
	}
	var s2 *trSet
	if len(c.Args) > 1 {
		s2 = t.expand(c.Args[1], 2)
	}
	var table [256]byte
	var deleted, squeezed [256]bool
	for i := range table {
		table[i] = byte(i)
	}
	switch {
	case del:
		for _, ch := range s1.chars {
			deleted[ch] = true
		}
		if squeeze && s2 != nil {
			for _, ch := range s2.chars {
				squeezed[ch] = true
			}
		}
	case s2 == nil && !squeeze:
	case s2 == nil:
		for _, ch := range s1.chars {
			squeezed[ch] = true
		}
	default:
		t.pair(s1, s2, complement, truncate)
		for i, ch := range s1.chars {
			if i < len(s2.chars) {
				table[ch] = s2.chars[i]
			}
		}
		if squeeze {
			for _, ch := range s2.chars {
				squeezed[ch] = true
			}
		}
	}
	buf := make([]byte, 8192)
	last := -1
	for {
		n, err := c.In.Read(buf)
		out := buf[:0]
		for _, ch := range buf[:n] {
			if deleted[ch] {
				continue
			}
			ch = table[ch]
			if squeezed[ch] && int(ch) == last {
				continue
			}
			last = int(ch)
			out = append(out, ch)
		}
		c.Out.Write(out)
		if err != nil || c.Out.Err() != nil {
			if err != nil && err != io.EOF && c.GNU() {
				c.Fail("read error: %v", err)
			}
			return c.Status
		}
	}
}

func (s *trSet) complement() {
	var in [256]bool
	for _, ch := range s.chars {
		in[ch] = true
	}
	s.chars = s.chars[:0]
	for i := range in {
		if !in[i] {
			s.chars = append(s.chars, byte(i))
		}
	}
}

// pair makes the second set as long as the first.
func (t *translator) pair(s1, s2 *trSet, complement, truncate bool) {
	c := t.c
	if s2.fill >= 0 {
		n := max(0, len(s1.chars)-len(s2.chars))
		fill := []byte(strings.Repeat(string([]byte{s2.fillChar}), n))
		s2.chars = append(s2.chars[:s2.fill:s2.fill], append(fill, s2.chars[s2.fill:]...)...)
	}
	if !c.GNU() {
		if len(s2.chars) == 0 {
			c.Die(1, "STRING2 cannot be empty")
		}
	} else {
		if len(s2.chars) == 0 && !truncate && len(s1.chars) > 0 {
			c.Die(1, "when not truncating set1, string2 must be non-empty")
		}
		if s2.endsInClass && len(s1.chars) > len(s2.chars) && !truncate {
			c.Die(1, "when translating with string1 longer than string2,\nthe latter string must not end with a character class")
		}
		for _, at := range s2.cases {
			if !slices.Contains(s1.cases, at) {
				c.Die(1, "misaligned [:upper:] and/or [:lower:] construct")
			}
		}
		if complement && s1.classes {
			for _, ch := range s2.chars {
				if ch != s2.chars[0] {
					c.Die(1, "when translating with complemented character classes,\nstring2 must map all characters in the domain to one")
				}
			}
		}
	}
	switch {
	case truncate:
		s1.chars = s1.chars[:min(len(s1.chars), len(s2.chars))]
	case len(s2.chars) < len(s1.chars) && len(s2.chars) > 0:
		last := s2.chars[len(s2.chars)-1]
		for len(s2.chars) < len(s1.chars) {
			s2.chars = append(s2.chars, last)
		}
	}
}

var trClasses = map[string]func(ch byte) bool{
	"alpha": func(ch byte) bool { return ch|0x20 >= 'a' && ch|0x20 <= 'z' },
	"digit": func(ch byte) bool { return ch >= '0' && ch <= '9' },
	"alnum": func(ch byte) bool { return ch|0x20 >= 'a' && ch|0x20 <= 'z' || ch >= '0' && ch <= '9' },
	"upper": func(ch byte) bool { return ch >= 'A' && ch <= 'Z' },
	"lower": func(ch byte) bool { return ch >= 'a' && ch <= 'z' },
	"space": func(ch byte) bool { return ch == ' ' || ch >= '\t' && ch <= '\r' },
	"blank": func(ch byte) bool { return ch == ' ' || ch == '\t' },
	"punct": func(ch byte) bool {
		return ch > ' ' && ch < 0x7f && !(ch|0x20 >= 'a' && ch|0x20 <= 'z' || ch >= '0' && ch <= '9')
	},
	"print":  func(ch byte) bool { return ch >= ' ' && ch < 0x7f },
	"graph":  func(ch byte) bool { return ch > ' ' && ch < 0x7f },
	"cntrl":  func(ch byte) bool { return ch < ' ' || ch == 0x7f },
	"xdigit": func(ch byte) bool { return ch >= '0' && ch <= '9' || ch|0x20 >= 'a' && ch|0x20 <= 'f' },
}

type trChar struct {
	ch      byte
	escaped bool
}

func trString(chars []trChar) string {
	var b []byte
	for _, ch := range chars {
		b = append(b, ch.ch)
	}
	return string(b)
}

// unescape reads tr's escapes.
func (t *translator) unescape(s string) []trChar {
	var out []trChar
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			out = append(out, trChar{s[i], false})
			continue
		}
		if i+1 == len(s) {
			if t.c.GNU() {
				t.c.Warn("warning: an unescaped backslash at end of string is not portable")
			}
			out = append(out, trChar{'\\', true})
			break
		}
		i++
		if k := strings.IndexByte("abfnrtv", s[i]); k >= 0 {
			out = append(out, trChar{"\a\b\f\n\r\t\v"[k], true})
			continue
		}
		if s[i] >= '0' && s[i] <= '7' {
			j, v := i, 0
			for j < len(s) && j < i+3 && s[j] >= '0' && s[j] <= '7' && v*8+int(s[j]-'0') < 256 {
				v = v*8 + int(s[j]-'0')
				j++
			}
			if j < len(s) && j < i+3 && s[j] >= '0' && s[j] <= '7' && t.c.GNU() {
				t.c.Warn("warning: the ambiguous octal escape \\%s is being\n\tinterpreted as the 2-byte sequence \\0%s, %s", s[i:j+1], s[i:j], s[j:j+1])
			}
			out = append(out, trChar{byte(v), true})
			i = j - 1
			continue
		}
		if s[i] == '\\' || t.c.GNU() {
			out = append(out, trChar{s[i], true})
			continue
		}
		out = append(out, trChar{s[i], true})
	}
	return out
}

func (t *translator) expand(arg string, which int) *trSet {
	c := t.c
	s := &trSet{fill: -1}
	in := t.unescape(arg)
	// text is the characters as they stand, with 0xff.. for escaped ones so that they match nothing.
	plain := func(i int, want byte) bool { return i < len(in) && !in[i].escaped && in[i].ch == want }
	find := func(from int, a byte) int {
		for i := from; i+1 < len(in); i++ {
			if plain(i, a) && plain(i+1, ']') {
				return i
			}
		}
		return -1
	}
	for i := 0; i < len(in); {
		if plain(i, '[') && i+1 < len(in) {
			switch {
			case plain(i+1, ':') && find(i+2, ':') >= 0:
				end := find(i+2, ':')
				name := trString(in[i+2 : end])
				is := trClasses[name]
				if is == nil {
					if !c.GNU() {
						break
					}
					if name == "" {
						c.Die(1, "missing character class name '[::]'")
					}
					c.Die(1, "invalid character class '%s'", name)
				}
				if name == "upper" || name == "lower" {
					s.cases = append(s.cases, len(s.chars))
				}
				s.classes = true
				s.endsInClass = end+2 == len(in)
				if which == 2 && c.GNU() && name != "upper" && name != "lower" {
					c.Die(1, "when translating, the only character classes that may appear in\nstring2 are 'upper' and 'lower'")
				}
				for ch := range 256 {
					if is(byte(ch)) {
						s.chars = append(s.chars, byte(ch))
					}
				}
				i = end + 2
				continue
			case plain(i+1, '=') && find(i+3, '=') == i+3:
				s.chars = append(s.chars, in[i+2].ch)
				i += 5
				continue
			case plain(i+1, '=') && find(i+2, '=') > i+2 && c.GNU():
				c.Die(1, "%s: equivalence class operand must be a single character", trString(in[i+2:find(i+2, '=')]))
			case i+2 < len(in) && plain(i+2, '*') && c.GNU():
				end := i + 3
				for end < len(in) && !plain(end, ']') {
					end++
				}
				if end == len(in) {
					break
				}
				digits := trString(in[i+3 : end])
				if which == 1 && digits == "" {
					c.Die(1, "the [c*] repeat construct may not appear in string1")
				}
				base := 10
				if strings.HasPrefix(digits, "0") {
					base = 8
				}
				n := int64(0)
				if digits != "" {
					var err error
					if n, err = strconv.ParseInt(digits, base, 32); err != nil {
						c.Die(1, "invalid repeat count '%s' in [c*n] construct", digits)
					}
				}
				if n == 0 {
					if s.fill >= 0 {
						c.Die(1, "only one [c*] repeat construct may appear in string2")
					}
					s.fill, s.fillChar = len(s.chars), in[i+1].ch
				}
				for range min(n, 1<<16) {
					s.chars = append(s.chars, in[i+1].ch)
				}
				i = end + 1
				continue
			}
		}
		if plain(i+1, '-') && i+2 < len(in) {
			lo, hi := in[i].ch, in[i+2].ch
			if lo > hi {
				if c.GNU() {
					c.Die(1, "range-endpoints of '%s-%s' are in reverse collating sequence order", trPrintable(lo), trPrintable(hi))
				}
				i += 3
				continue
			}
			for ch := int(lo); ch <= int(hi); ch++ {
				s.chars = append(s.chars, byte(ch))
			}
			i += 3
			continue
		}
		s.chars = append(s.chars, in[i].ch)
		i++
	}
	return s
}

func trPrintable(ch byte) string { return prog.EscapeC(string([]byte{ch}), 0) }

package posixre

import (
	"bytes"
	"slices"
	"unicode"
	"unicode/utf8"
)

// charset is a set of characters. Bytes above 0x7f are characters of their own unless the
// pattern is UTF-8.
type charset struct {
	ranges [][2]rune
	negate bool
	ascii  [256]bool // membership of bytes; for UTF-8 only those below 0x80 count
	utf8   bool
}

func (s *charset) add(lo, hi rune) { s.ranges = append(s.ranges, [2]rune{lo, hi}) }

var classes = map[string]func(r rune) bool{
	"alpha": func(r rune) bool { return r|0x20 >= 'a' && r|0x20 <= 'z' },
	"digit": func(r rune) bool { return r >= '0' && r <= '9' },
	"alnum": func(r rune) bool { return r|0x20 >= 'a' && r|0x20 <= 'z' || r >= '0' && r <= '9' },
	"upper": func(r rune) bool { return r >= 'A' && r <= 'Z' },
	"lower": func(r rune) bool { return r >= 'a' && r <= 'z' },
	"space": func(r rune) bool { return r == ' ' || r >= '\t' && r <= '\r' },
	"blank": func(r rune) bool { return r == ' ' || r == '\t' },
	"punct": func(r rune) bool {
		return r > ' ' && r < 0x7f && !(r|0x20 >= 'a' && r|0x20 <= 'z' || r >= '0' && r <= '9')
	},
	"print":  func(r rune) bool { return r >= ' ' && r < 0x7f },
	"graph":  func(r rune) bool { return r > ' ' && r < 0x7f },
	"cntrl":  func(r rune) bool { return r < ' ' || r == 0x7f },
	"xdigit": func(r rune) bool { return r >= '0' && r <= '9' || r|0x20 >= 'a' && r|0x20 <= 'f' },
}

// beyond says which Unicode tables a class has above ASCII.
var beyond = map[string][]*unicode.RangeTable{
	"alpha": {unicode.L, unicode.Nl}, "alnum": {unicode.L, unicode.Nl, unicode.Nd}, "upper": {unicode.Lu}, "lower": {unicode.Ll},
	"punct": {unicode.P, unicode.S}, "print": {unicode.L, unicode.M, unicode.N, unicode.P, unicode.S, unicode.Zs},
	"graph": {unicode.L, unicode.M, unicode.N, unicode.P, unicode.S}, "space": {unicode.Zs, unicode.Zl, unicode.Zp},
}

// class adds a named class; false if there is none of that name.
func (s *charset) class(name string, flags Flags) bool {
	in := classes[name]
	if in == nil {
		return false
	}
	if flags&IgnoreCase != 0 && (name == "upper" || name == "lower") {
		in = classes["alpha"]
	}
	for r := rune(0); r < 0x80; r++ {
		if in(r) {
			s.add(r, r)
		}
	}
	if flags&UTF8 != 0 {
		for _, t := range beyond[name] {
			for _, r := range t.R16 {
				if r.Stride == 1 {
					s.addAbove(rune(r.Lo), rune(r.Hi))
					continue
				}
				for c := rune(r.Lo); c <= rune(r.Hi); c += rune(r.Stride) {
					s.addAbove(c, c)
				}
			}
			for _, r := range t.R32 {
				for c := rune(r.Lo); c <= rune(r.Hi); c += rune(r.Stride) {
					if r.Stride == 1 {
						s.addAbove(c, rune(r.Hi))
						break
					}
					s.addAbove(c, c)
				}
			}
		}
	}
	return true
}

func (s *charset) addAbove(lo, hi rune) {
	if hi >= 0x80 {
		s.add(max(lo, 0x80), hi)
	}
}

// foldLimit bounds how much of a range is folded rune by rune.
const foldLimit = 0x3000

// finish folds case, sorts the ranges and applies negation.
func (s *charset) finish(flags Flags) {
	s.utf8 = flags&UTF8 != 0
	if flags&IgnoreCase != 0 {
		for _, r := range s.ranges[:len(s.ranges):len(s.ranges)] {
			for c := r[0]; c <= min(r[1], r[0]+foldLimit); c++ {
				switch {
				case c < 0x80:
					if u := c | 0x20; u >= 'a' && u <= 'z' {
						s.add(c^0x20, c^0x20)
					}
				case s.utf8:
					for f := unicode.SimpleFold(c); f != c; f = unicode.SimpleFold(f) {
						s.add(f, f)
					}
				}
			}
		}
	}
	slices.SortFunc(s.ranges, func(a, b [2]rune) int { return int(a[0] - b[0]) })
	merged := s.ranges[:0]
	for _, r := range s.ranges {
		if n := len(merged); n > 0 && r[0] <= merged[n-1][1]+1 {
			merged[n-1][1] = max(merged[n-1][1], r[1])
			continue
		}
		merged = append(merged, r)
	}
	s.ranges = merged
	if s.negate {
		top := rune(0xff)
		if s.utf8 {
			top = unicode.MaxRune
		}
		var not [][2]rune
		at := rune(0)
		for _, r := range s.ranges {
			if at < r[0] {
				not = append(not, [2]rune{at, r[0] - 1})
			}
			at = r[1] + 1
		}
		if at <= top {
			not = append(not, [2]rune{at, top})
		}
		s.ranges, s.negate = not, false
	}
	for _, r := range s.ranges {
		for c := r[0]; c <= min(r[1], 0xff); c++ {
			s.ascii[c] = true
		}
	}
}

// match gives the length of the character at the beginning of b if it is in the set, else 0.
func (s *charset) match(b []byte) int {
	if len(b) == 0 {
		return 0
	}
	if !s.utf8 || b[0] < 0x80 {
		if s.ascii[b[0]] {
			return 1
		}
		return 0
	}
	r, n := utf8.DecodeRune(b)
	if r == utf8.RuneError && n < 2 {
		return 0
	}
	i, found := slices.BinarySearchFunc(s.ranges, r, func(a [2]rune, r rune) int { return int(a[0] - r) })
	if found || i > 0 && s.ranges[i-1][1] >= r {
		return n
	}
	return 0
}

// single is the one byte that the set holds, if it is a set of one byte.
func (s *charset) single() (byte, bool) {
	if len(s.ranges) == 1 && s.ranges[0][0] == s.ranges[0][1] && (s.ranges[0][0] < 0x80 || !s.utf8) {
		return byte(s.ranges[0][0]), true
	}
	return 0, false
}

func index(text, sub []byte) int { return bytes.Index(text, sub) }

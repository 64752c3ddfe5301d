// Package fnmatch is glob(7) patterns against whole strings, as fnmatch(3) has them: *, ?, and
// bracket expressions with ranges, classes and ! or ^ for the complement. Strings are bytes.
package fnmatch

import "strings"

// Flags of Match.
type Flags uint

const (
	// Pathname lets only a slash match a slash.
	Pathname Flags = 1 << iota
	// Period lets only a period match a leading one (after a slash too, with Pathname).
	Period
	// NoEscape makes a backslash an ordinary character.
	NoEscape
	// FoldCase ignores case.
	FoldCase
	// LeadingDir is satisfied with a match that ends before a slash.
	LeadingDir
)

// Match tells whether pattern matches all of s. Its time is at most proportional to the product
// of the lengths for each star that is not within a path component.
func Match(pattern, s string, flags Flags) bool {
	p, i := 0, 0
	star, mark := -1, 0 // where to go on after a mismatch: the pattern after a star, and the text
	for {
		if p == len(pattern) {
			if i == len(s) || flags&LeadingDir != 0 && s[i] == '/' {
				return true
			}
		} else if pattern[p] == '*' {
			if period(s, i, flags) {
				return false
			}
			for p < len(pattern) && pattern[p] == '*' {
				p++
			}
			star, mark = p, i
			continue
		} else if i < len(s) {
			if n := one(pattern[p:], s, i, flags); n > 0 {
				p, i = p+n, i+1
				continue
			}
		}
		if star < 0 || mark >= len(s) || flags&Pathname != 0 && s[mark] == '/' {
			return false
		}
		mark++
		p, i = star, mark
	}
}

func period(s string, i int, flags Flags) bool {
	return flags&Period != 0 && i < len(s) && s[i] == '.' && (i == 0 || flags&Pathname != 0 && s[i-1] == '/')
}

func fold(c byte, flags Flags) byte {
	if flags&FoldCase != 0 && c >= 'A' && c <= 'Z' {
		return c | 0x20
	}
	return c
}

// one matches s[i] against the first item of pattern and gives the item's length, or 0.
func one(pattern, s string, i int, flags Flags) int {
	c := s[i]
	switch pattern[0] {
	case '?':
		if c == '/' && flags&Pathname != 0 || period(s, i, flags) {
			return 0
		}
		return 1
	case '[':
		if n, in := bracket(pattern, c, flags); n > 0 {
			if !in || c == '/' && flags&Pathname != 0 || period(s, i, flags) {
				return 0
			}
			return n
		}
	case '\\':
		if flags&NoEscape == 0 {
			if len(pattern) < 2 {
				return 0
			}
			if fold(pattern[1], flags) == fold(c, flags) {
				return 2
			}
			return 0
		}
	}
	if fold(pattern[0], flags) == fold(c, flags) {
		return 1
	}
	return 0
}

var classes = map[string]func(c byte) bool{
	"alpha":  alpha,
	"digit":  digit,
	"alnum":  func(c byte) bool { return alpha(c) || digit(c) },
	"upper":  func(c byte) bool { return c >= 'A' && c <= 'Z' },
	"lower":  func(c byte) bool { return c >= 'a' && c <= 'z' },
	"space":  func(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' },
	"blank":  func(c byte) bool { return c == ' ' || c == '\t' },
	"punct":  func(c byte) bool { return c > ' ' && c < 0x7f && !alpha(c) && !digit(c) },
	"print":  func(c byte) bool { return c >= ' ' && c < 0x7f },
	"graph":  func(c byte) bool { return c > ' ' && c < 0x7f },
	"cntrl":  func(c byte) bool { return c < ' ' || c == 0x7f },
	"xdigit": func(c byte) bool { return digit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' },
}

func alpha(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func digit(c byte) bool { return c >= '0' && c <= '9' }

// bracket reads a bracket expression and tells whether c is in it; n is 0 if it is not closed.
func bracket(pattern string, c byte, flags Flags) (n int, in bool) {
	i := 1
	not := i < len(pattern) && (pattern[i] == '!' || pattern[i] == '^')
	if not {
		i++
	}
	c = fold(c, flags)
	item := func() (byte, bool) {
		if strings.HasPrefix(pattern[i:], "[.") || strings.HasPrefix(pattern[i:], "[=") {
			if end := strings.Index(pattern[i+2:], pattern[i+1:i+2]+"]"); end == 1 {
				ch := pattern[i+2]
				i += 5
				return ch, true
			}
		}
		if pattern[i] == '\\' && flags&NoEscape == 0 {
			if i++; i == len(pattern) {
				return 0, false
			}
		}
		i++
		return pattern[i-1], true
	}
	for first := true; ; first = false {
		if i >= len(pattern) {
			return 0, false
		}
		if pattern[i] == ']' && !first {
			return i + 1, in != not
		}
		if strings.HasPrefix(pattern[i:], "[:") {
			if end := strings.Index(pattern[i+2:], ":]"); end >= 0 {
				if is := classes[pattern[i+2:i+2+end]]; is != nil {
					in = in || is(c) || flags&FoldCase != 0 && c >= 'a' && c <= 'z' && is(c^0x20)
					i += end + 4
					continue
				}
			}
		}
		lo, ok := item()
		if !ok {
			return 0, false
		}
		hi := lo
		if i+1 < len(pattern) && pattern[i] == '-' && pattern[i+1] != ']' {
			i++
			if hi, ok = item(); !ok {
				return 0, false
			}
		}
		if fold(lo, flags) <= c && c <= fold(hi, flags) {
			in = true
		}
	}
}

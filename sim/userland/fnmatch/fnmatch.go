// Package fnmatch matches names against shell patterns as fnmatch(3) does in the C locale, where
// a character is a byte. It is what find -name, tar --exclude and their like use; the shell's own
// globs are the shell's business.
package fnmatch

// Flags change what a pattern means.
type Flags uint8

const (
	Pathname   Flags = 1 << iota // "/" is matched only by "/"
	Period                       // a leading "." is matched only by "."
	NoEscape                     // a backslash is an ordinary character
	CaseFold                     // letters match in either case
	LeadingDir                   // ignore what follows a "/" after a match
)

// Match says whether name matches pattern. It takes at most len(pattern)*len(name) steps.
func Match(pattern, name string, f Flags) bool {
	var starP, starN = -1, 0
	p, n := 0, 0
	for {
		if p == len(pattern) {
			if n == len(name) || f&LeadingDir != 0 && name[n] == '/' {
				return true
			}
		} else if pattern[p] == '*' {
			if f&Period != 0 && leadingDot(name, n, f) {
				// falls to the retry below
			} else {
				starP, starN = p+1, n
				p++
				continue
			}
		} else if n < len(name) {
			if w, ok := one(pattern[p:], name, n, f); ok {
				p += w
				n++
				continue
			}
		}
		// Let the last star take one byte more.
		if starP < 0 || starN >= len(name) || f&Pathname != 0 && name[starN] == '/' {
			return false
		}
		starN++
		p, n = starP, starN
	}
}

func leadingDot(name string, n int, f Flags) bool {
	return n < len(name) && name[n] == '.' && (n == 0 || f&Pathname != 0 && name[n-1] == '/')
}

// one matches the byte name[n] against the element that p begins with, and gives its width.
func one(p, name string, n int, f Flags) (width int, ok bool) {
	ch := name[n]
	switch p[0] {
	case '?':
		return 1, !(f&Pathname != 0 && ch == '/' || f&Period != 0 && leadingDot(name, n, f))
	case '[':
		if w, in, ok := bracket(p, ch, f); ok {
			return w, in && !(f&Pathname != 0 && ch == '/' || f&Period != 0 && leadingDot(name, n, f))
		}
	case '\\':
		if f&NoEscape == 0 && len(p) > 1 {
			return 2, fold(p[1], f) == fold(ch, f)
		}
	}
	return 1, fold(p[0], f) == fold(ch, f)
}

func fold(b byte, f Flags) byte {
	if f&CaseFold != 0 && b >= 'A' && b <= 'Z' {
		return b + 'a' - 'A'
	}
	return b
}

// bracket matches ch against the bracket expression that p begins with; ok is false if there is
// no end to it, and "[" then stands for itself.
func bracket(p string, ch byte, f Flags) (width int, in, ok bool) {
	i := 1
	not := i < len(p) && (p[i] == '!' || p[i] == '^')
	if not {
		i++
	}
	ch = fold(ch, f)
	for first := true; ; first = false {
		if i >= len(p) {
			return 0, false, false
		}
		if p[i] == ']' && !first {
			return i + 1, in != not, true
		}
		if p[i] == '[' && i+1 < len(p) && p[i+1] == ':' {
			j := i + 2
			for j+1 < len(p) && !(p[j] == ':' && p[j+1] == ']') {
				j++
			}
			if j+1 < len(p) {
				in = in || Class(p[i+2:j], ch) || f&CaseFold != 0 && (p[i+2:j] == "upper" && Class("lower", ch))
				i = j + 2
				continue
			}
		}
		take := func() byte {
			if p[i] == '\\' && f&NoEscape == 0 && i+1 < len(p) {
				i++
			} else if p[i] == '[' && i+4 < len(p) && (p[i+1] == '.' || p[i+1] == '=') && p[i+3] == p[i+1] && p[i+4] == ']' {
				i += 5
				return p[i-3]
			}
			i++
			return p[i-1]
		}
		lo := take()
		hi := lo
		if i+1 < len(p) && p[i] == '-' && p[i+1] != ']' {
			i++
			hi = take()
		}
		if fold(lo, f) <= ch && ch <= fold(hi, f) {
			in = true
		}
	}
}

// Class says whether b is in a POSIX character class of the C locale: "alpha", "digit" and so on.
func Class(name string, b byte) bool {
	lower, upper, digit := b >= 'a' && b <= 'z', b >= 'A' && b <= 'Z', b >= '0' && b <= '9'
	switch name {
	case "alpha":
		return lower || upper
	case "digit":
		return digit
	case "alnum":
		return lower || upper || digit
	case "lower":
		return lower
	case "upper":
		return upper
	case "space":
		return b == ' ' || b >= '\t' && b <= '\r'
	case "blank":
		return b == ' ' || b == '\t'
	case "punct":
		return b > ' ' && b < 0x7f && !(lower || upper || digit)
	case "print":
		return b >= ' ' && b < 0x7f
	case "graph":
		return b > ' ' && b < 0x7f
	case "cntrl":
		return b < ' ' || b == 0x7f
	case "xdigit":
		return digit || b >= 'a' && b <= 'f' || b >= 'A' && b <= 'F'
	}
	return false
}

package alpine

import (
	"slices"
	"strconv"
	"strings"
)

// token is a kind of a version's parts, in the order in which a version may have them.
type token int

const (
	invalid      token = iota - 1
	digitOrZero        // after a dot: leading zeros count
	digits             //
	letter             // one, after a number
	suffix             // _rc, _p and so on
	suffixNumber       //
	revision           // -r0, of the package
	end
)

// before and after are the suffixes of a version that come before the version without one, and
// after it, each in order.
var (
	before = []string{"alpha", "beta", "pre", "rc"}
	after  = []string{"cvs", "svn", "git", "hg", "p"}
)

// scanner goes through a version part by part.
type scanner struct {
	rest string
	kind token // of the part that comes next
}

// next takes a part, and gives its value.
func (s *scanner) next() int {
	if s.rest == "" {
		s.kind = end
		return 0
	}
	var value, n int
	switch s.kind {
	case digitOrZero:
		if s.rest[0] == '0' { // a shorter row of zeros is greater
			n = len(s.rest) - len(strings.TrimLeft(s.rest, "0"))
			value = -n
			if s.rest = s.rest[n:]; s.rest == "" {
				s.kind = end
			} else {
				s.kind = digits
			}
			return value
		}
		fallthrough
	case digits, suffixNumber, revision:
		for n < len(s.rest) && isDigit(s.rest[n]) {
			n++
		}
		value, _ = strconv.Atoi(s.rest[:min(n, 18)])
	case letter:
		value, n = int(s.rest[0]), 1
	case suffix:
		if i := slices.IndexFunc(before, func(name string) bool { return strings.HasPrefix(s.rest, name) }); i >= 0 {
			value, n = i-len(before), len(before[i])
		} else if i := slices.IndexFunc(after, func(name string) bool { return strings.HasPrefix(s.rest, name) }); i >= 0 {
			value, n = i, len(after[i])
		} else {
			s.kind = invalid
			return -1
		}
	default:
		s.kind = invalid
		return -1
	}
	s.rest = s.rest[n:]
	s.step()
	return value
}

// step tells from the next character which part begins there, and skips what only introduces it.
func (s *scanner) step() {
	kind, skip := invalid, 0
	switch {
	case s.rest == "":
		s.kind = end
		return
	case (s.kind == digits || s.kind == digitOrZero) && 'a' <= s.rest[0] && s.rest[0] <= 'z':
		kind = letter
	case s.kind == letter && isDigit(s.rest[0]):
		kind = digits
	case s.kind == suffix && isDigit(s.rest[0]):
		kind = suffixNumber
	case s.rest[0] == '.':
		kind, skip = digitOrZero, 1
	case s.rest[0] == '_':
		kind, skip = suffix, 1
	case strings.HasPrefix(s.rest, "-r"):
		kind, skip = revision, 2
	}
	back := kind < s.kind
	if back && !(kind == digitOrZero && s.kind == digits || kind == suffix && s.kind == suffixNumber || kind == digits && s.kind == letter) {
		kind = invalid
	}
	s.kind, s.rest = kind, s.rest[skip:]
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// ValidVersion says whether apk takes something for a version: "1.2.3a_rc1-r0". It asks for the order
// of the parts, and is content with empty ones.
func ValidVersion(v string) bool {
	s := scanner{v, digits}
	for s.kind != end && s.kind != invalid {
		s.next()
	}
	return s.kind == end
}

// Compare is below 0 where version a is older than b, above 0 where it is newer.
func Compare(a, b string) int { return compare(a, b, false) }

// compare is Compare; fuzzy takes a for equal to b where it begins with all of b's parts.
func compare(a, b string, fuzzy bool) int {
	x, y := scanner{a, digits}, scanner{b, digits}
	xv, yv := 0, 0
	for x.kind == y.kind && x.kind != end && x.kind != invalid && xv == yv {
		xv, yv = x.next(), y.next()
	}
	switch {
	case xv != yv:
		return xv - yv
	case x.kind == y.kind, fuzzy && y.kind == end:
		return 0
	case x.kind == suffix && x.next() < 0: // a pre-release is older than the release
		return -1
	case y.kind == suffix && y.next() < 0:
		return 1
	}
	return int(y.kind - x.kind)
}

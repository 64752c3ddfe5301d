package fnmatch

import "testing"

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, s string
		flags      Flags
		want       bool
	}{
		{"*", "", 0, true}, {"*", "abc", 0, true}, {"a*c", "abc", 0, true}, {"a*c", "abcd", 0, false},
		{"a*b*c", "aXbYbZc", 0, true}, {"?", "", 0, false}, {"??", "ab", 0, true},
		{"[a-c]x", "bx", 0, true}, {"[!a-c]x", "bx", 0, false}, {"[^a]", "b", 0, true}, {"[]]", "]", 0, true},
		{"[a", "[a", 0, true}, {"[[:digit:]]*", "1x", 0, true}, {"[[:upper:]]", "a", FoldCase, true},
		{`\*`, "*", 0, true}, {`\*`, "x", 0, false}, {`\*`, `\x`, NoEscape, true}, {`a\`, "a", 0, false},
		{"*", "a/b", 0, true}, {"*", "a/b", Pathname, false}, {"*/*", "a/b", Pathname, true}, {"a?b", "a/b", Pathname, false},
		{"*", ".x", Period, false}, {".*", ".x", Period, true}, {"a/*", "a/.x", Pathname | Period, false},
		{"*.C", "x.c", FoldCase, true}, {"a*", "a/b/c", LeadingDir | Pathname, true}, {"b", "a/b", LeadingDir, false},
		{"[.-0]", "/", 0, true}, {"[[.-.]]", "-", 0, true}, {"[a-]", "-", 0, true},
	} {
		if got := Match(c.pattern, c.s, c.flags); got != c.want {
			t.Errorf("Match(%q, %q, %b) = %v", c.pattern, c.s, c.flags, got)
		}
	}
}

func FuzzMatch(f *testing.F) {
	f.Add("a*[b-d]?", "axc1", uint(1))
	f.Fuzz(func(t *testing.T, p, s string, flags uint) {
		if len(p) > 50 || len(s) > 50 {
			return
		}
		Match(p, s, Flags(flags&31))
		if !Match("*", s, 0) {
			t.Fatal("a star matches everything")
		}
	})
}

package perlre

import "testing"

func TestFind(t *testing.T) {
	for _, c := range []struct{ pattern, text, want string }{
		{`(?<=foo)\d+`, "foo123", "123"}, {`\d+(?=px)`, "12em 34px", "34"}, {`foo(?!bar)`, "foobar foox", "foo"},
		{`a+?`, "aaa", "a"}, {`a++a`, "aaa", "-"}, {`(\w)\1`, "hello", "ll"}, {`key=\K\w+`, "key=val", "val"},
		{`(?i)ABC`, "xabc", "abc"}, {`[^\s]+`, "  ab ", "ab"}, {`\bfoo\b`, "afoo foo", "foo"}, {`(?:a|b){2,3}`, "abab", "aba"},
		{`\x41\t?`, "A", "A"}, {`\Qa.b\E`, "axb a.b", "a.b"}, {`(?<n>x)y`, "xy", "xy"}, {`(`, "", "missing closing parenthesis"},
		{`[a`, "", "missing terminating ] for character class"}, {`*a`, "", "quantifier does not follow a repeatable item"},
	} {
		got := "-"
		re, err := Compile(c.pattern, false)
		if err != nil {
			got = err.Error()
		} else if b, e, ok := re.Find([]byte(c.text), 0, nil); ok {
			got = c.text[b:e]
		}
		if got != c.want {
			t.Errorf("%s on %q: got %q, want %q", c.pattern, c.text, got, c.want)
		}
	}
}

func FuzzFind(f *testing.F) {
	f.Add(`(a|b)*?\1(?=x)[^c]{2,3}`, "abax")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if len(pattern) > 60 || len(text) > 60 {
			return
		}
		re, err := Compile(pattern, true)
		if err != nil {
			return
		}
		left := 20000
		defer func() {
			if r := recover(); r != nil && r != "budget" {
				panic(r)
			}
		}()
		re.Find([]byte(text), 0, func(n int) {
			if left -= n; left < 0 {
				panic("budget")
			}
		})
	})
}

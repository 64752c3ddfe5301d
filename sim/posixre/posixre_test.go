package posixre

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// The truth is what glibc's regcomp and regexec answer; testdata/record.c records it.
func TestGlibc(t *testing.T) {
	truth, err := os.ReadFile("testdata/regcomp.txt")
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(strings.TrimSuffix(string(truth), "\n"), "\n") {
		f := strings.Split(line, "\t")
		flags := Regcomp
		for _, c := range f[0] {
			flags |= map[rune]Flags{'E': Extended, 'i': IgnoreCase, 'n': Newline}[c]
		}
		got := "-"
		if re, err := Compile(f[1], flags); err != nil {
			got = "E " + err.Error()
		} else if loc := re.Match([]byte(f[2]), 0, 0, 9, nil); loc != nil {
			got = ""
			for i := 0; i < len(loc); i += 2 {
				got += fmt.Sprintf("%d,%d ", loc[i], loc[i+1])
			}
		}
		if want := f[len(f)-1]; got != want {
			t.Errorf("line %d: %s %q on %q: got %s, want %s", i+1, f[0], f[1], f[2], got, want)
		}
	}
}

func find(t *testing.T, pattern string, flags Flags, text string, from int) string {
	t.Helper()
	re, err := Compile(pattern, flags)
	if err != nil {
		return err.Error()
	}
	loc := re.Match([]byte(text), from, 0, 0, nil)
	if loc == nil {
		return "none"
	}
	return text[loc[0]:loc[1]] + fmt.Sprintf("@%d", loc[0])
}

func TestDialects(t *testing.T) {
	for _, c := range []struct {
		pattern string
		flags   Flags
		text    string
		want    string
	}{
		{"a)", Extended, "a)", "Unmatched ) or \\)"},
		{"a\\)", 0, "a)", "Unmatched ) or \\)"},
		{"a{1", Extended | StrayInterval, "a{1", "a{1@0"},
		{"*a", Extended | StrayRepeat, "*a", "a@1"},
		{"a{2}", Extended | NoInterval, "a{2}aa", "a{2}@0"},
		{"[\\]x]+", Extended | BracketEscape, "a]x", "]x@1"},
		{"a\\tb", Extended | CEscape | NoBackref, "a\tb", "a\tb@0"},
		{"(a)\\1", Extended | NoBackref, "a1", "a1@0"},
		{"a.b*", Literal, "xa.b*", "a.b*@1"},
		{"a.b", Newline, "a\nb a-b", "a-b@4"},
		{"^b$", Newline, "a\nb\nc", "b@2"},
		{"a*", WholeWord, "xaa aa", "aa@4"},
		{"a\\+", WholeWord, "xaa aab-aa", "aa@8"},
		{"-\\(a\\|ab\\)", WholeWord, "x-abc -ab", "-ab@6"},
		{"a\\|b", WholeLine | Newline, "ab\nb", "b@3"},
		{".", UTF8, "é", "é@0"},
		{".", 0, "é", "\xc3@0"},
		{"[à-ü]+", UTF8 | Extended, "xéèy", "éè@1"},
		{"É", UTF8 | IgnoreCase, "né", "é@1"},
		{"[^a]", UTF8, "a世", "世@1"},
		{"[[:alpha:]]*", UTF8, "世界!", "世界@0"},
		{"世+", UTF8 | Extended, "世世", "世世@0"},
	} {
		if got := find(t, c.pattern, c.flags, c.text, 0); got != c.want {
			t.Errorf("%q (%b) on %q: got %q, want %q", c.pattern, c.flags, c.text, got, c.want)
		}
	}
}

func TestWhatIsBeforeCounts(t *testing.T) {
	for _, c := range []struct{ pattern, want string }{
		{"^b", "none"}, {"\\<b", "none"}, {"b", "b@1"}, {"\\Bb", "b@1"}, {"\\`b", "none"}, {"c", "c@2"},
	} {
		if got := find(t, c.pattern, 0, "abc", 1); got != c.want {
			t.Errorf("%q in abc from 1: got %q, want %q", c.pattern, got, c.want)
		}
	}
}

func TestWarnings(t *testing.T) {
	re, err := Compile(`*a|+b|{1}`, Extended|StrayRepeat)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(re.Warnings(), "; ")
	if want := "* at start of expression; + at start of expression; {...} at start of expression"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A catastrophic pattern tells of its steps and can be stopped.
func TestStepsBoundBackreferences(t *testing.T) {
	re, err := Compile(`^\(a*\)*\1\1b$`, 0)
	if err != nil {
		t.Fatal(err)
	}
	spent := 0
	defer func() {
		if recover() == nil {
			t.Errorf("the search ended by itself after %d steps", spent)
		}
	}()
	re.Match([]byte(strings.Repeat("a", 40)), 0, 0, 0, func(n int) {
		if spent += n; spent > 10000 {
			panic("budget")
		}
	})
}

// Without back-references a pattern that ruins a backtracking matcher is nothing special.
func TestNestedRepetitionIsCheap(t *testing.T) {
	re, err := Compile("((a*)*)*(a|aa)+$", Extended)
	if err != nil {
		t.Fatal(err)
	}
	spent := 0
	re.Match([]byte(strings.Repeat("a", 2000)+"b"), 0, 0, 0, func(n int) { spent += n })
	if spent > 5000 {
		t.Errorf("%d steps", spent)
	}
}

func FuzzCompile(f *testing.F) {
	for _, s := range []string{`\(a\)\1`, "a{2,3}", "[[:alpha:]-z]", "((a|b)*c)+", "[^]\\n]", "x\\{1,\\}"} {
		f.Add(s, "abcabc", uint(3))
		f.Add(s, "aé\xff\n", uint(9))
	}
	f.Fuzz(func(t *testing.T, pattern, text string, flags uint) {
		if len(pattern) > 100 || len(text) > 100 {
			return
		}
		re, err := Compile(pattern, Flags(flags)&(WholeLine<<1-1))
		if err != nil {
			return
		}
		spent := 0
		defer func() {
			if r := recover(); r != nil && r != "budget" {
				panic(r)
			}
		}()
		loc := re.Match([]byte(text), 0, 0, -1, func(n int) {
			if spent += n; spent > 20000 {
				panic("budget")
			}
		})
		for i := 0; i < len(loc); i += 2 {
			if b, e := loc[i], loc[i+1]; b > e || e > len(text) || b < -1 || (b < 0) != (e < 0) {
				t.Fatalf("%q on %q: %v", pattern, text, loc)
			}
		}
	})
}

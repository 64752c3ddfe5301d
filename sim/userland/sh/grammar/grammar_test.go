package grammar

import (
	"errors"
	"io"
	"strings"
	"testing"
)

func parseAll(lang Lang, src string) (int, error) {
	p := FromString(lang, src)
	n := 0
	for {
		cmd, err := p.Next()
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		if cmd != nil {
			n++
		}
	}
}

// What each shell says of a script that is none, as recorded from the real ones.
func TestSyntaxErrors(t *testing.T) {
	for _, c := range []struct{ src, ash, dash, bash string }{
		{"echo 'abc", "unterminated quoted string", "Unterminated quoted string", "unexpected EOF while looking for matching `''"},
		{"echo `abc", "EOF in backquote substitution", "EOF in backquote substitution", "unexpected EOF while looking for matching ``'"},
		{"echo ${abc", "missing '}'", "Missing '}'", "unexpected EOF while looking for matching `}'"},
		{"echo $((1+2", "missing '))'", "Missing '))'", "unexpected EOF while looking for matching `)'"},
		{"echo a\nif true; then echo x", `unexpected end of file (expecting "fi")`, `end of file unexpected (expecting "fi")`, "syntax error: unexpected end of file"},
		{"echo a; }", `unexpected "}"`, `"}" unexpected`, "syntax error near unexpected token `}'"},
		{"( echo a", `unexpected end of file (expecting ")")`, `end of file unexpected (expecting ")")`, "syntax error: unexpected end of file"},
		{"for", "bad for loop variable", "Bad for loop variable", "syntax error near unexpected token `newline'"},
		{"case x in y", `unexpected end of file (expecting ")")`, `end of file unexpected (expecting ")")`, "syntax error near unexpected token `newline'"},
		{"case x y", `unexpected word (expecting "in")`, `word unexpected (expecting "in")`, "syntax error near unexpected token `y'"},
		{"if true; fi", `unexpected "fi" (expecting "then")`, `"fi" unexpected (expecting "then")`, "syntax error near unexpected token `fi'"},
		{"f( a", `unexpected word (expecting ")")`, `word unexpected (expecting ")")`, "syntax error near unexpected token `a'"},
		{"echo a >\necho b", "unexpected newline", "newline unexpected", "syntax error near unexpected token `newline'"},
		{"echo a | | cat", `unexpected "|"`, `"|" unexpected`, "syntax error near unexpected token `|'"},
		{"for i in 1 2; echo $i; done", `unexpected word (expecting "do")`, `word unexpected (expecting "do")`, "syntax error near unexpected token `echo'"},
		{"cat <<< x", "unexpected redirection", "redirection unexpected", ""},
		{"{ }; echo a", `unexpected "}"`, `"}" unexpected`, "syntax error near unexpected token `}'"},
		{"1f() { :; }", "bad function name", "Bad function name", ""},
		{"a=(1 2)", `unexpected "("`, `"(" unexpected`, ""},
		{"echo a; function f() { :; }", "", `"(" unexpected`, ""},
		{"case x in (a) echo;; esac", "", "", ""},
	} {
		for lang, want := range map[Lang]string{Ash: c.ash, Dash: c.dash, Bash: c.bash} {
			_, err := parseAll(lang, c.src)
			got := ""
			if err != nil {
				got = strings.TrimPrefix(strings.TrimPrefix(err.Error(), "Syntax error: "), "syntax error: ")
				want = strings.TrimPrefix(want, "syntax error: ")
			}
			if got != want {
				t.Errorf("%d %q: got %q, want %q", lang, c.src, got, want)
			}
		}
	}
}

// Nesting that would overflow the stack is refused, whatever it is made of.
func TestDepthIsBounded(t *testing.T) {
	for _, unit := range []string{"$(", "`", "(", "{ ", "if ", "while ", "${x-", "\"$(", "$((", "[[ ! ", "[[ ( ", "case x in x) ", "f() ", "<(", "a=(", "! ", "x[", "$[", "@(", "until (", "function f { ", "coproc ", "time ", "[[ a && ( "} {
		src := strings.Repeat(unit, 1<<20/len(unit))
		for _, lang := range []Lang{Ash, Dash, Bash} {
			p := FromString(lang, src)
			p.Extglob = true
			p.Next() // must come back
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"echo a | b && c", "x=(1 [2]=3) y[1]+=2", "case $x in a|b) ;; esac", "cat <<E\n$x\nE\n", "[[ a =~ (b|c) ]]", "f() { ${x//a/b}; }", "`echo \\`x\\``", "$'a\\x41'"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		for _, lang := range []Lang{Ash, Dash, Bash} {
			p := FromString(lang, src)
			p.Extglob = true
			p.Alias = func(name string) (string, bool) {
				if name == "a" {
					return "b a ", true
				}
				return "", false
			}
			for range 10000 {
				if _, err := p.Next(); err != nil {
					break
				}
			}
		}
	})
}

package grammar

import (
	"errors"
	"io"
	"strings"
	"testing"

	"mvdan.cc/sh/v3/syntax"
)

// mvdan.cc/sh is a second opinion on what is a script and what is not, where the shells' own quirks
// are not at stake.
func TestSecondOpinion(t *testing.T) {
	for lang, scripts := range map[Lang][]string{
		Dash: {
			"", "echo a", "a=1 b=2 cmd", "! a | b && c || d; e &", "if a; then b; elif c; then d; else e; fi", "while a; do b; done", "until a; do b; done",
			"for i in a b; do c; done", "for i; do c; done", "case x in a) b;; c|d) e;; *) ;; esac", "f() { a; }", "(a; b) >f 2>&1 <g", "{ a; b; }", "cat <<E\nx $y\nE\n",
			"cat <<'E'\nx $y\nE\n", "cat <<-E\n\tx\n\tE\n", "echo ${x:-y} ${x#y} ${x%%y} ${#x}", "echo $(a $(b)) `c`", "echo $((1 + 2 * (3)))", "echo 'a' \"b $c\" d\\ e", "a \\\n b", "# only",
			"if", "if a; then", "if a; fi", "while a; do", "for", "case x in", "case x a) ;; esac", "f() {", "(a", "{ a;", "echo 'a", "echo \"a", "echo $(a", "echo ${x",
			"a |", "a &&", "a ||", "| a", "&& a", ";; a", "a ;;", "fi", "done", "}", ")", "a )", "if a then b fi", "< ", "a >", "a > > b", "a & & b", "a ; ; b", "f() a b", "then", "do", "esac",
		},
		Bash: {
			"x=(1 2 3)", "x[1]=2", "x+=(4)", "[[ -n $x && $y == z* ]]", "[[ a =~ ^b ]]", "(( x++ ))", "for ((i=0;i<3;i++)); do a; done", "a <<< b", "a < <(b) > >(c)", "a |& b", "a &> b", "a &>> b",
			"function f { a; }", "echo ${x/a/b} ${x^^} ${x:1:2} ${!x} ${x[@]}", "echo $'a\\n' $\"b\"", "select i in a b; do c; done", "case x in a) b;;& c) d;& esac", "coproc a", "{fd}>f", "time a",
			"[[ a", "[[ a b c ]]", "(( x", "x=(1", "for ((;;)) do", "function {", "a <<<", "select", "${x",
		},
	} {
		variant := syntax.LangPOSIX
		if lang == Bash {
			variant = syntax.LangBash
		}
		for _, src := range scripts {
			_, err := syntax.NewParser(syntax.Variant(variant)).Parse(strings.NewReader(src), "")
			if theirs, ours := err == nil, accepts(lang, src); theirs != ours {
				t.Errorf("%q: we accept it: %v, mvdan.cc/sh: %v (%v)", src, ours, theirs, err)
			}
		}
	}
}

func accepts(lang Lang, src string) bool {
	p := FromString(lang, src)
	for range 1000 {
		switch _, err := p.Next(); {
		case errors.Is(err, io.EOF):
			return true
		case err != nil:
			return false
		}
	}
	return false
}

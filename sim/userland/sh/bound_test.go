package sh_test

import (
	"strings"
	"testing"

	"github.com/dockerlab/dockerlab/sim/userland/progtest"
)

// Scripts that would never end, or grow for ever, end within their budget; the machine lives on.
func TestBounded(t *testing.T) {
	for _, c := range []struct{ name, script string }{
		{"loop", "while true; do :; done"},
		{"until", "until false; do true; done"},
		{"recursion", "f() { f; }; f"},
		{"mutual recursion", "f() { g; }; g() { f $@ x; }; f"},
		{"eval", "e='eval \"$e\"'; eval \"$e\""},
		{"source", "echo '. ./s' > s; . ./s"},
		{"doubling", "x=x; while true; do x=$x$x; done"},
		{"doubling in an argument", "x=x; while true; do set -- \"$@\" \"$@\" a; done"},
		{"array", "while true; do a+=(x); a+=(\"${a[@]}\"); done"},
		{"sparse array", "a[4000000000000]=1; a[99999999]=1"},
		{"braces", "echo {1..1000000000}"},
		{"braces of braces", "echo {1..9999}{1..9999}{1..9999}"},
		{"endless output", "x=$(while :; do echo yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy; done)"},
		{"fork", ":(){ :|:& };:"},
		{"subshells", "f() { (f); }; f"},
		{"substitutions", "f() { x=$(f); }; f"},
		{"arithmetic", "a=b b=a; echo $((a))"},
		{"deep arithmetic", "x=1; for i in 1 2 3 4 5 6 7 8 9 10 11 12; do x=\"($x)+($x)\"; done; echo $((" + strings.Repeat("(", 100000) + "))"},
		{"deep test", "test " + strings.Repeat("! ", 100000) + "x"},
		{"trap", "trap 'kill -USR1 $$' USR1; kill -USR1 $$; while :; do :; done"},
		{"alias", "shopt -s expand_aliases; alias a='a a a a'\na\na"},
		{"pattern", "x=" + strings.Repeat("a", 5000) + "; case $x in *a*a*a*a*a*a*a*a*a*b) ;; esac; echo ${x//*a*a*b/}"},
		{"extended pattern", "shopt -s extglob\nx=" + strings.Repeat("a", 400) + "; [[ $x == +(a|aa|aaa)b ]]"},
		{"printf", "printf %999999999999d 1 | cat >/dev/null; printf '%*s' 2000000000 x | cat > /dev/null"},
		{"here-document", "x=$(printf %100000s y); while :; do x=$(cat <<E\n$x$x\nE\n); done"},
		{"nest", strings.Repeat("$(", 100000)},
		{"functions", "while :; do eval \"f$((i=i+1))() { :; }; g$i() { f$i; }; h$i() { f$i; }\"; done"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := progtest.NewWorld(t, "gnu")
			w.WriteFile("/t/script", c.script) // some are longer than an argument may be
			w.Run("bash", "script")            // must come back, and not panic
		})
	}
}

// Whatever the script, the interpreter ends within its budget and does not panic.
func FuzzRun(f *testing.F) {
	for _, s := range []string{"a=(1 2); echo ${a[@]:1}", "f() { local x=$1; }; f 1 | cat", "echo $((x=1+2)) ${x//a/b} {1..3}",
		"trap 'echo x' EXIT; (exit 3) & wait", "read a b <<< 'x y'; [[ $a =~ ^(x)$ ]]", "set -eux; cd /; printf '%s' \"$@\"", "exec 3>&1 4<&- >f"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, script string) {
		if strings.IndexByte(script, 0) >= 0 {
			t.Skip()
		}
		progtest.NewWorld(t, "gnu").Run("bash", "-c", script)
		progtest.NewWorld(t, "busybox").Run("sh", "-c", script)
	})
}

package toolchain_test

import (
	"os"
	"path"
	"strings"
	"testing"

	"github.com/dockerlab/dockerlab/sim/userland/progtest"
)

// world has what the compiler's packages install, of which it looks at the names.
func world(t testing.TB) *progtest.World {
	w := progtest.NewWorld(t, "gnu")
	for _, name := range []string{
		"/usr/include/stdio.h", "/usr/include/stdlib.h", "/usr/include/string.h", "/usr/include/unistd.h", "/usr/include/ctype.h", "/usr/include/math.h", "/usr/lib/gcc/x86_64-linux-gnu/12/include/limits.h",
		"/usr/lib/x86_64-linux-gnu/Scrt1.o", "/usr/lib/x86_64-linux-gnu/crti.o", "/usr/lib/x86_64-linux-gnu/libm.so", "/usr/lib/x86_64-linux-gnu/libpthread.a", "/lib64/ld-linux-x86-64.so.2",
	} {
		if a := w.Sh("sh", "mkdir -p "+path.Dir(name)); a.Exit != 0 {
			t.Fatal(a.Output)
		}
		w.WriteFile(name, "")
	}
	return w
}

func TestLikeTheRealCompiler(t *testing.T) {
	text, err := os.ReadFile("testdata/cc.txtar")
	if err != nil {
		t.Fatal(err)
	}
	f, err := progtest.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range f.Cases {
		t.Run(c.Name, func(t *testing.T) {
			w := world(t)
			for i, block := range c.Blocks {
				if got, want := w.Sh(c.Shell(), block), c.Answers["gnu"][i]; got != want {
					t.Errorf("$ %s\n[%d]\n%s\nwant [%d]\n%s", block, got.Exit, got.Output, want.Exit, want.Output)
				}
			}
		})
	}
}

func TestWhatIsNotSimulatedIsRefusedByPlace(t *testing.T) {
	for source, want := range map[string]string{
		"struct p { int x; };\nint main(void) { return 0; }\n":                         "x.c:1:1: sorry, unimplemented: 'struct' in the lab's C",
		"#include <stdio.h>\nint main(void) {\n  void (*f)(void);\n}\n":                "x.c:3:8: sorry, unimplemented: a pointer to a function",
		"int main(void) { goto out; out: return 0; }\n":                                "x.c:1:18: sorry, unimplemented: 'goto'",
		"#define CAT(a, b) a##b\nint main(void) { return 0; }\n":                       "x.c:1:20: sorry, unimplemented: the operator ## in a macro",
		"int main(void) { int n = 3; int a[n]; return 0; }\n":                          "x.c:1:35: sorry, unimplemented: an array of variable length",
		"int sum(int n, ...);\nint main(void) { return 0; }\n":                         "x.c:1:16: sorry, unimplemented: a variadic function",
		"#include <stdlib.h>\nint main(void) { long *p = 0; int *q = p; return 0; }\n": "x.c:2:40: sorry, unimplemented: a 'long int *' as a 'int *'",
		"int main(void) { return 'ab'; }\n":                                            "x.c:1:25: sorry, unimplemented: a character constant of more than one byte",
		"#include <pthread.h>\nint main(void) { return 0; }\n":                         "x.c:1:10: fatal error: pthread.h: No such file or directory",
	} {
		w := world(t)
		w.WriteFile("/t/x.c", source)
		a := w.Sh("sh", "gcc x.c; ls")
		if !strings.Contains(a.Output, want) || !strings.HasSuffix(a.Output, "\nx.c\n") {
			t.Errorf("%s\n%s\nwant %s, and no program", source, a.Output, want)
		}
	}
}

func TestASourceOfTheCatalogueBecomesItsProgram(t *testing.T) {
	w := world(t)
	w.WriteFile("/t/server.c", "// comment\n#pragma lab program redis-cli 2617000\n// comment\n")
	w.WriteFile("/t/part.c", "/* nothing but comment */\n")
	a := w.Sh("sh", "cc -O2 -c server.c && cc -c part.c && cc -o server server.o part.o -lm && ls -l server | cut -d' ' -f1,5 && ./server --version && cp server other && ./other -v && du -k server")
	if want := "-rwxr-xr-x 2617000\nredis-cli 7.0.15\nredis-cli 7.0.15\n2556\tserver\n"; a.Output != want {
		t.Errorf("%s\nwant %s", a.Output, want)
	}
}

func TestADynamicProgramNeedsItsLoader(t *testing.T) {
	w := world(t)
	w.WriteFile("/t/x.c", "#include <stdio.h>\nint main(void) { puts(\"ran\"); return 0; }\n")
	a := w.Sh("sh", "gcc -o dynamic x.c && gcc -static -o static x.c && ./dynamic && rm /lib64/ld-linux-x86-64.so.2; ./static; ./dynamic")
	if want := "ran\nran\nsh: 1: ./dynamic: not found\n"; a.Output != want {
		t.Errorf("%s\nwant %s", a.Output, want)
	}
}

// A source is anybody's: compiling it and running it ends, within the budget.
func TestHostileSources(t *testing.T) {
	for name, c := range map[string]struct{ source, want string }{
		"blocks within blocks":      {"int main(void) " + strings.Repeat("{", 5000), "nested too deep"},
		"parentheses":               {"int x = " + strings.Repeat("(", 5000), "nested too deep"},
		"a macro that doubles":      {"#define A0 x\n" + doubling(40) + "A40\n", ""},
		"an include of itself":      {"#include \"x.c\"\n", "#include nested depth"},
		"a recursion without end":   {"int f(int n) { return f(n + 1); }\nint main(void) { return f(0); }\n", "Segmentation fault"},
		"a loop without end":        {"int main(void) { for (;;) ; }\n", ""},
		"memory without end":        {"#include <stdlib.h>\nint main(void) { for (;;) { char *p = malloc(1000000); if (p) p[0] = 1; } }\n", ""},
		"an array beyond its bound": {"int a[3];\nint main(void) { a[100] = 1; return 0; }\n", "Segmentation fault"},
		"nothing":                   {"int main(void) { char *p = 0; *p = 1; return 0; }\n", "Segmentation fault"},
		"division by zero":          {"int main(void) { int z = 0; return 1 / z; }\n", "Floating point exception"},
		"a constant division":       {"int a[1 / 0];\n", "division by zero"},
		"a huge array":              {"int a[1000000][1000000];\n", "too large"},
		"not a text":                {"\x00\x01\xff", "stray"},
	} {
		t.Run(name, func(t *testing.T) {
			w := world(t)
			w.WriteFile("/t/x.c", c.source)
			if a := w.Sh("sh", "gcc x.c && ./a.out; exit $?"); a.Exit == 0 || !strings.Contains(a.Output, c.want) {
				t.Errorf("[%d] %.300q, want %q", a.Exit, a.Output, c.want)
			}
		})
	}
}

func doubling(n int) string {
	var b strings.Builder
	for i := range n {
		num := func(i int) string { return "A" + string(rune('0'+i/10)) + string(rune('0'+i%10)) }
		from := num(i)
		if i == 0 {
			from = "A0"
		}
		to := num(i + 1)
		b.WriteString("#define " + to + " " + from + " " + from + "\n")
	}
	return b.String()
}

func FuzzCompileAndRun(f *testing.F) {
	for _, seed := range []string{
		"#include <stdio.h>\nint main(int argc, char **argv) { printf(\"%d %s\\n\", argc, argv[0]); return 0; }\n",
		"#define N 3\nint a[N] = {1, 2};\nint main(void) { int s = 0; for (int i = 0; i < N; i++) s += a[i]; return s; }\n",
		"#if 1 > 0 && defined(X)\n#else\nchar *s = \"x\";\n#endif\nint main() { switch (*s) { case 'x': return 1; default: break; } do ; while (0); }\n",
		"long f(double d) { return (long)d % 3 ? sizeof d : -1; }\nint main(void) { return f(2.5e3) << 1 | ~0; }\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, source string) {
		w := world(t)
		w.WriteFile("/t/x.c", source)
		w.Sh("sh", "gcc x.c && ./a.out </dev/null")
	})
}

package gnumake_test

import (
	"strings"
	"testing"

	"github.com/dockerlab/dockerlab/sim/userland/progtest"
)

func TestLikeTheRealProgram(t *testing.T) { progtest.Run(t, "testdata/*.txtar") }

// A makefile is anybody's: what is in it ends make with an error or not at all, within its budget.
func TestHostileMakefiles(t *testing.T) {
	for name, c := range map[string]struct{ makefile, want string }{
		"a function that calls itself for ever":   {"r = $(call r,$(1)x)\nall: ; @echo $(call r)\n", "nested too deep"},
		"a value that doubles":                    {"A0 := xxxxxxxxxxxxxxxx\n" + doubling(40) + "all: ; @echo $(words $(A40))\n", "longer than"},
		"references within references":            {"all: ; @echo " + strings.Repeat("$(", 5000) + strings.Repeat(")", 5000) + "\n", "nested too deep"},
		"a makefile that includes itself":         {"include Makefile\nall: ; @echo\n", "too deep"},
		"an eval that evals itself":               {"E = $(eval $(value E))$(E)\n$(E)\nall: ; @echo\n", "too deep"},
		"ifs within ifs":                          {strings.Repeat("ifeq (a,a)\n", 5000), "nested too deep"},
		"rules that chain for ever":               {"%: %.x ; touch $@\n", "No rule to make target 'all'"},
		"prerequisites that are nested very deep": {"all: t0\n" + chain(3000) + "\n", "nested too deep"},
		"not a text":                              {"all\x00:\n\xff\xfe", "NUL character seen; rest of line ignored\nMakefile:1: *** missing separator"},
	} {
		w := progtest.NewWorld(t, "gnu")
		w.WriteFile("/t/Makefile", c.makefile)
		goal := ""
		if strings.Contains(c.want, "'all'") {
			goal = "all"
		}
		if a := w.Sh("sh", "make "+goal); !strings.Contains(a.Output, c.want) || a.Exit == 0 {
			t.Errorf("%s: [%d] %.300q, want %q", name, a.Exit, a.Output, c.want)
		}
	}
}

func doubling(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("A" + itoa(i+1) + " := $(A" + itoa(i) + ")$(A" + itoa(i) + ")\n")
	}
	return b.String()
}

func chain(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("t" + itoa(i) + ": t" + itoa(i+1) + "\n")
	}
	return b.String()
}

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + itoa(n%10)
}

func FuzzMakefile(f *testing.F) {
	for _, seed := range []string{
		"all: a b ; echo $@\na:\n\ttouch $@\n", "define f\n$(1):\n\techo $$@\nendef\n$(eval $(call f,x))\n", "ifeq (a,b)\nelse ifdef X\nendif\n", "%.o: %.c | d\n\tcc $<\n.c.o:;x\n",
		"A ?= $(shell echo b)\nA += c\nexport A\noverride B := d\nt: A = 1\n", "vpath %.c a:b\na:: b\n$(x:a=b) &: $(patsubst %,%,a)\n", ".SECONDEXPANSION:\na: $$(@D)/b\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, makefile string) {
		w := progtest.NewWorld(t, "gnu")
		w.WriteFile("/t/Makefile", makefile)
		w.Sh("sh", "make -n >/dev/null 2>&1")
	})
}

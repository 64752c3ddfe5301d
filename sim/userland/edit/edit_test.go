package edit_test

import (
	"strings"
	"testing"

	"github.com/dockerlab/dockerlab/sim/userland/progtest"
)

const esc = "\x1b"

func TestViChangesAFile(t *testing.T) {
	const text = "one two three\nsecond line\n\nlast\n"
	for _, c := range []struct{ keys, want string }{
		{":wq\r", text},
		{"ix" + esc + ":wq\r", "x" + text},
		{"Aend" + esc + ":x\r", "one two threeend\nsecond line\n\nlast\n"},
		{"oNew\rlines" + esc + "ZZ", "one two three\nNew\nlines\nsecond line\n\nlast\n"},
		{"ddp:wq\r", "second line\none two three\n\nlast\n"},
		{"2dd:wq\r", "\nlast\n"},
		{"wdw:wq\r", "one three\nsecond line\n\nlast\n"},
		{"wcwTWO" + esc + ":wq\r", "one TWO three\nsecond line\n\nlast\n"},
		{"3x:wq\r", " two three\nsecond line\n\nlast\n"},
		{"xxxuuu:wq\r", text},
		{"x..:wq\r", " two three\nsecond line\n\nlast\n"},
		{"jD:wq\r", "one two three\n\n\nlast\n"},
		{"yyGp:wq\r", text + "one two three\n"},
		{"J:wq\r", "one two three second line\n\nlast\n"},
		{"$r!:wq\r", "one two thre!\nsecond line\n\nlast\n"},
		{"/line\rcwword" + esc + ":wq\r", "one two three\nsecond word\n\nlast\n"},
		{":%s/e/E/g\r:wq\r", "onE two thrEE\nsEcond linE\n\nlast\n"},
		{":2,3d\r:wq\r", "one two three\nlast\n"},
		{"i你好，" + esc + ":wq\r", "你好，" + text},
		{"i你好" + esc + "x:wq\r", "你" + text},
		{esc + "[B" + esc + "[Cix" + esc + ":wq\r", "one two three\nsxecond line\n\nlast\n"},
		{"ix" + esc + ":q!\r", text},
		{"ix" + esc + ":q\r:w\r:q\r", "x" + text},
		{"dG:wq\r", ""},
		{"fwdtr:wq\r", "one tree\nsecond line\n\nlast\n"},
		{"~:wq\r", "One two three\nsecond line\n\nlast\n"},
		{"ia\r\x7fb" + esc + ":wq\r", "ab" + text},
	} {
		w := progtest.NewWorld(t, "gnu")
		w.WriteFile("/t/f", text)
		if a := w.Type(c.keys, "vi", "f"); a.Exit != 0 {
			t.Errorf("%q: exit code %d", c.keys, a.Exit)
		}
		if got := w.File("/t/f"); got != c.want {
			t.Errorf("%q made\n%q, want\n%q", c.keys, got, c.want)
		}
	}
}

func TestViShowsWhereItIs(t *testing.T) {
	for family, want := range map[string][]string{
		"gnu":     {`"new" [New]`, "-- INSERT --", `"new" [New] 1L, 3B written`, "~"},
		"busybox": {"- new 1/1 100%", "I new", "'new' 1L, 3C"},
	} {
		w := progtest.NewWorld(t, family)
		a := w.Type("ihi"+esc+":wq\r", "vi", "new")
		for _, s := range want {
			if !strings.Contains(a.Output, s) {
				t.Errorf("%s: %q is not on the screen: %q", family, s, a.Output)
			}
		}
		if got := w.File("/t/new"); got != "hi\n" {
			t.Errorf("%s wrote %q", family, got)
		}
	}
}

func TestNanoChangesAFile(t *testing.T) {
	const ctrlO, ctrlX, ctrlK, ctrlU, ctrlW = "\x0f", "\x18", "\x0b", "\x15", "\x17"
	for _, c := range []struct{ keys, want string }{
		{"hi " + ctrlX + "y\r", "hi one\ntwo\n"},
		{"hi " + ctrlX + "n", "one\ntwo\n"},
		{ctrlK + esc + "[B" + ctrlU + ctrlO + "\r" + ctrlX, "two\none\n"},
		{ctrlW + "wo\r你" + ctrlX + "y\r", "one\nt你wo\n"},
	} {
		w := progtest.NewWorld(t, "gnu")
		w.WriteFile("/t/f", "one\ntwo\n")
		if a := w.Type(c.keys, "nano", "f"); a.Exit != 0 || !strings.Contains(a.Output, "GNU nano") {
			t.Errorf("%q: exit code %d, screen %q", c.keys, a.Exit, a.Output)
		}
		if got := w.File("/t/f"); got != c.want {
			t.Errorf("%q made %q, want %q", c.keys, got, c.want)
		}
	}
}

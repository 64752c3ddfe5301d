package filemode

import (
	"testing"

	"github.com/dockerlab/dockerlab/sim/linux"
)

func TestApply(t *testing.T) {
	for _, c := range []struct {
		text      string
		from      linux.Mode
		dir       bool
		umask, to linux.Mode
	}{
		{"644", 0o755, false, 0o022, 0o644},
		{"+x", 0o644, false, 0o022, 0o755},
		{"+w", 0o444, false, 0o022, 0o644},
		{"a+w", 0o444, false, 0o022, 0o666},
		{"u=rwX,go-w", 0o666, false, 0, 0o644},
		{"u=rwX", 0o600, true, 0, 0o700},
		{"g=u", 0o740, false, 0, 0o770},
		{"=", 0o777, false, 0, 0},
		{"u+s,g+s,+t", 0o755, false, 0, 0o7755},
		{"755", 0o2755, true, 0, 0o2755},
		{"00755", 0o2755, true, 0, 0o755},
	} {
		change, ok := Parse(c.text)
		if !ok {
			t.Errorf("%q is no mode", c.text)
			continue
		}
		if got := change.Apply(c.from, c.dir, c.umask); got != c.to {
			t.Errorf("%q of %04o (directory %v, umask %03o) = %04o, want %04o", c.text, c.from, c.dir, c.umask, got, c.to)
		}
	}
	for _, text := range []string{"", "8", "u", "ux", "77777", "u+q", "+x,", ",", "u=rw9"} {
		if _, ok := Parse(text); ok {
			t.Errorf("%q is taken for a mode", text)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("u=rwX,go-w", uint32(0o644))
	f.Add("7777", uint32(0))
	f.Fuzz(func(t *testing.T, text string, mode uint32) {
		for _, parse := range []func(string) (Change, bool){Parse, ParseBusybox} {
			if c, ok := parse(text); ok {
				if got := c.Apply(linux.Mode(mode), mode&1 != 0, 0o022); got&^0o7777 != 0 {
					t.Errorf("%q gives %o", text, got)
				}
			}
		}
	})
}

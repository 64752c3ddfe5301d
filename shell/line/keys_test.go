package line

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestKeys(t *testing.T) {
	tests := []struct {
		name  string
		reads []string // what single reads of the terminal bring
		want  []string
	}{
		{"a run of text is one key", []string{"docker ps"}, []string{"docker ps"}},
		{"control characters stand alone", []string{"ls\r\x03a\x7f"}, []string{"ls", "\r", "\x03", "a", "\x7f"}},
		{"fast typing of two lines", []string{"ls\rpwd\r"}, []string{"ls", "\r", "pwd", "\r"}},
		{"arrow keys", []string{"\x1b[A\x1b[B"}, []string{"\x1b[A", "\x1b[B"}},
		{"an arrow key cut in two", []string{"a\x1b", "[A"}, []string{"a", "\x1b[A"}},
		{"an unknown sequence is no text", []string{"a\x1b[97;5ub\x1b]"}, []string{"a", "b"}},
		{"Chinese text", []string{"echo 你好"}, []string{"echo 你好"}},
		{"a Chinese character cut in three", []string{"\xe4", "\xbd", "\xa0x"}, []string{"你x"}},
		{"bytes that are no UTF-8 are dropped", []string{"a\xff\xfeb\r"}, []string{"ab", "\r"}},
		{"a pasted block is lines", []string{"\x1b[200~one\ntwo\r\nthree\x1b[201~"}, []string{"one", "\r", "two", "\r", "three"}},
		{"a pasted tab asks for no completion", []string{"\x1b[200~a\tb\x1b[201~"}, []string{"a    b"}},
		{"pasted control characters do nothing", []string{"\x1b[200~a\x03\x1b[Ab\x1b[201~c"}, []string{"a[Ab", "c"}},
		{"the end of a paste cut in two", []string{"\x1b[200~one\x1b[20", "1~two"}, []string{"one", "two"}},
		{"Alt and a letter that is bound", []string{"\x1bb"}, []string{"\x1bb"}},
		{"Alt and one that is not", []string{"\x1bq"}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var k keys
			var got []string
			for _, read := range test.reads {
				for _, key := range k.feed([]byte(read)) {
					got = append(got, string(key))
				}
			}
			if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", test.want) {
				t.Errorf("%q gives\n %q, want\n %q", test.reads, got, test.want)
			}
		})
	}
}

// An escape that nothing follows is the Escape key, once the wait for more is over.
func TestKeysLoneEscape(t *testing.T) {
	var k keys
	if got := k.feed([]byte{0x1b}); got != nil {
		t.Fatalf("an escape gave %q at once", got)
	}
	if got := k.flush(); len(got) != 1 || !bytes.Equal(got[0], []byte{0x1b}) {
		t.Errorf("flush gave %q", got)
	}
	if got := k.flush(); got != nil {
		t.Errorf("a second flush gave %q", got)
	}
}

// Whatever a terminal sends, in whatever pieces: no key is empty, text is valid and has no control
// characters, and what is kept for later is bounded.
func FuzzKeys(f *testing.F) {
	f.Add([]byte("docker run\r\x1b[200~a\nb\x1b[201~\x1b[A\xe4\xbd\xa0"), 3)
	f.Add([]byte("\x1b[[A\x1bOP\x1b\x1b\x1b[999999"), 1)
	f.Fuzz(func(t *testing.T, input []byte, step int) {
		if step < 1 {
			step = 1
		}
		var k keys
		for len(input) > 0 {
			n := min(step, len(input))
			for _, key := range append(k.feed(input[:n]), k.flush()...) {
				if len(key) == 0 {
					t.Fatal("an empty key")
				}
				if len(key) > 1 && key[0] != 0x1b {
					if !utf8.Valid(key) || strings.ContainsFunc(string(key), func(r rune) bool { return r < 0x20 || r == 0x7f }) {
						t.Fatalf("text %q", key)
					}
				}
			}
			if len(k.rest) > maxSequence {
				t.Fatalf("keeps %d bytes", len(k.rest))
			}
			input = input[n:]
		}
	})
}

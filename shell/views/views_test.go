package views

import (
	"reflect"
	"strings"
	"testing"
)

// Every word is there in both languages, and takes as many arguments in the one as in the other.
func TestWordsInBothLanguages(t *testing.T) {
	for _, pair := range [][2]any{{english, chinese}, {englishUsage, chineseUsage}, {englishExplain, chineseExplain}} {
		en, zh := reflect.ValueOf(pair[0]), reflect.ValueOf(pair[1])
		for i := range en.NumField() {
			name := en.Type().Name() + "." + en.Type().Field(i).Name
			a, b := en.Field(i), zh.Field(i)
			if a.Kind() == reflect.Map {
				if a.Len() == 0 || a.Len() != b.Len() {
					t.Errorf("%s: %d words and %d", name, a.Len(), b.Len())
				}
				continue
			}
			if a.String() == "" || b.String() == "" {
				t.Errorf("%s is missing", name)
			}
			if x, y := strings.Count(a.String(), "%"), strings.Count(b.String(), "%"); x != y && !strings.Contains(name, "Efficiency") {
				t.Errorf("%s: %q and %q", name, a, b)
			}
		}
	}
}

func TestInstruction(t *testing.T) {
	for _, test := range []struct{ row, want string }{
		{"/bin/sh -c #(nop)  CMD [\"bash\"]", `CMD ["bash"]`},
		{"/bin/sh -c #(nop) COPY file:abc in /x ", "COPY file:abc in /x"},
		{"/bin/sh -c apt-get update", "RUN apt-get update"},
		{"|2 A=1 B=2 /bin/sh -c make $A", "RUN make $A"},
		{"RUN /bin/sh -c make # buildkit", "RUN make"},
		{"RUN |1 A=1 /bin/sh -c make # buildkit", "RUN make"},
		{"COPY a /b # buildkit", "COPY a /b"},
		{"/bin/app --x", "/bin/app --x"},
		{"", ""},
	} {
		if got := instruction(test.row); got != test.want {
			t.Errorf("%q: %q, want %q", test.row, got, test.want)
		}
	}
}

// What others wrote can neither move the cursor nor begin a line.
func TestTextOfArchivesObeysTheScreen(t *testing.T) {
	if got := clean("a\x1b[2Jb\r\nc\u009bd\u202ee"); got != "a?[2Jb c?d?e" {
		t.Errorf("%q", got)
	}
	for _, test := range []struct {
		s    string
		n    int
		want string
	}{{"abc", 5, "abc  "}, {"abcdef", 4, "abc…"}, {"可写层", 6, "可写层"}, {"可写层", 5, "可写…"}, {"可写层", 4, "可… "}} {
		if got := fit(test.s, test.n); got != test.want || width(got) != test.n {
			t.Errorf("%q in %d: %q", test.s, test.n, got)
		}
	}
}

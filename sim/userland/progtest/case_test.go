package progtest

import (
	"reflect"
	"testing"
)

func TestFormatKeepsWhatParseRead(t *testing.T) {
	f := &File{Comment: "about\n", Cases: []Case{
		{Name: "a", Blocks: []string{"one\ntwo", "three"}, Answers: map[string][]Answer{
			"gnu":     {{1, "x\n[3]\n-- y --\n"}, {0, "no newline"}},
			"busybox": {{0, ""}, {127, "a\\n\n\nb\\"}},
		}},
		{Name: "b [gnu]", Blocks: []string{"x"}, Answers: map[string][]Answer{"gnu": {{0, "\n"}}}},
	}}
	got, err := Parse(f.Format())
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, f) {
		t.Errorf("got %+v\nof\n%s", got, f.Format())
	}
}

package layer

import (
	"errors"
	"strings"
	"testing"
)

func summed(s string) Content {
	var h Summer
	h.Write([]byte(s))
	return h.Content()
}

func TestSameContent(t *testing.T) {
	long := strings.Repeat("x", 200<<10)
	text := Text("hello")
	for _, test := range []struct {
		name string
		a, b Content
		want bool
	}{
		{"nothing and nothing", nil, Bytes{}, true},
		{"nothing and something", nil, text, false},
		{"one value", text, text, true},
		{"two values of the same bytes", text, Text("hello"), true},
		{"other bytes", text, Text("hullo"), false},
		{"another size", text, Text("hello!"), false},
		{"in parts", Join(Text("he"), Text("llo")), text, true},
		{"generated alike", Generated(7, 1<<40), Generated(7, 1<<40), true},
		{"zeros generated and written", Zero(3), Text("\x00\x00\x00"), true},
		{"a difference far in", Text(long), Join(Text(long[1:]), Text("y")), false},
		{"summed both", summed("hello"), summed("hello"), true},
		{"summed both, others", summed("hello"), summed("hullo"), false},
		{"one summed", summed(long), Text(long), true},
		{"the other summed", Text("hullo"), summed("hello"), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := Same(test.a, test.b)
			if err != nil || got != test.want {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}

func TestSummedContentCannotBeRead(t *testing.T) {
	c := summed("hello")
	if n, err := c.ReadAt(make([]byte, 5), 0); n != 0 || !errors.Is(err, ErrNotKept) || c.Size() != 5 {
		t.Errorf("%d bytes of %d, %v", n, c.Size(), err)
	}
}

func TestSummerStartsAnew(t *testing.T) {
	var h Summer
	h.Write([]byte("first"))
	h.Content()
	if h.Content() != nil {
		t.Error("content of nothing")
	}
	h.Write([]byte("hello"))
	if h.Content() != summed("hello") {
		t.Error("what came before counts")
	}
}

package jq

import (
	"errors"
	"testing"
)

func run(t *testing.T, program, input string) (out []string, err error) {
	t.Helper()
	p, err := Compile(program, Config{Vars: map[string]any{"v": 7.0}, Env: NewObject})
	if err != nil {
		return nil, err
	}
	v, err := fromJSON(input)
	if err != nil {
		t.Fatal(err)
	}
	err = p.Run(v, func(v any) error { out = append(out, Format(v, Style{})); return nil })
	return out, err
}

// Every builtin that is written in the language uses only what stands before it.
func TestDefinitionsAreWhole(t *testing.T) {
	for e := prelude(); e != nil; e = e.up {
		if err := check(e.fn.body, defEnv(e.fn, e)); err != nil {
			t.Errorf("%s: %v", e.name, err)
		}
	}
}

func TestFilters(t *testing.T) {
	for _, tc := range []struct {
		program, input string
		want           []string
	}{
		{`.a.b`, `{"a":{"b":1}}`, []string{"1"}},
		{`.[] | select(.n > 1) | .s`, `[{"n":1,"s":"x"},{"n":2,"s":"y"}]`, []string{`"y"`}},
		{`(1,2) + (10,20)`, `null`, []string{"11", "12", "21", "22"}},
		{`reduce .[] as [$a,$b] (0; . + $a * $b)`, `[[1,2],[3,4]]`, []string{"14"}},
		{`.a[1:] |= map(. + 1)`, `{"a":[1,2,3]}`, []string{`{"a":[1,3,4]}`}},
		{`[path(..)]`, `{"a":[0]}`, []string{`[[],["a"],["a",0]]`}},
		{`del(.[] | select(. < 3))`, `[1,5,2]`, []string{"[5]"}},
		{`try error("x") catch . + "y"`, `null`, []string{`"xy"`}},
		{`label $out | 1, break $out, 2`, `null`, []string{"1"}},
		{`def f($n; g): if $n > 0 then g, f($n - 1; g) else empty end; [f(3; $v)]`, `null`, []string{"[7,7,7]"}},
		{`to_entries | from_entries | keys`, `{"b":1,"a":2}`, []string{`["a","b"]`}},
		{`"\(.a) is @text", @json "\(.)"`, `{"a":"b"}`, []string{`"b is @text"`, `"{\"a\":\"b\"}"`}},
	} {
		got, err := run(t, tc.program, tc.input)
		if err != nil || len(got) != len(tc.want) {
			t.Errorf("%s: %v, %v", tc.program, got, err)
			continue
		}
		for i := range got {
			if got[i] != tc.want[i] {
				t.Errorf("%s: %s, want %s", tc.program, got[i], tc.want[i])
			}
		}
	}
}

// A program that never ends is ended by its budget, which Step stands for, or by its depth.
func TestBounds(t *testing.T) {
	if _, err := run(t, `def f: f | f; f`, `null`); !errors.Is(err, ErrDepth) {
		t.Errorf("endless recursion: %v", err)
	}
	if _, err := run(t, `[limit(5; repeat("x" * 1000000000))]`, `null`); err == nil {
		t.Error("a string of 5 GB was made")
	}
	if _, err := run(t, `.[100000000000] = 1`, `[]`); err == nil {
		t.Error("an array of 10^11 was made")
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{".a[1:2]?", `"\(1)\u00e9"`, "def f(x; $y): x; f(1;2)", ". as [$a,{b:$c}] | $a", "if . then 1 elif 2 then 3 else 4 end", "{a:1,\"b\":2,(.c):3,$__loc__}", ".a |= . // 1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		if n, err := Parse(src); err == nil {
			check(n, prelude())
		}
	})
}

// Package jq is the language of jq 1.6: filters that turn a JSON value into any number of others.
//
// Parse reads a program, Program.Run evaluates it for one input and hands out what it yields, one
// value after the other. Values are Go's: nil, bool, float64, string, []any and *Object, which
// remembers the order of its keys. Nothing is ever changed in place: a filter that "updates" makes
// a new value.
//
// Evaluation is by continuation: each expression is given a function to call for every value that
// it yields, which is what backtracking in jq comes to. Paths, which assignment and del need, are
// kept beside the values by the same evaluator.
package jq

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Object is a JSON object. Its keys have the order in which they were set first.
type Object struct {
	keys []string
	vals map[string]any
}

// NewObject makes an empty object.
func NewObject() *Object { return newObject() }

func newObject() *Object { return &Object{vals: map[string]any{}} }

func (o *Object) clone() *Object {
	c := &Object{keys: append([]string(nil), o.keys...), vals: make(map[string]any, len(o.vals))}
	for k, v := range o.vals {
		c.vals[k] = v
	}
	return c
}

// Set adds or replaces a value; it is for objects that no program has seen yet.
func (o *Object) Set(k string, v any) { o.set(k, v) }

// set changes o itself: only for an object that nobody else has seen.
func (o *Object) set(k string, v any) {
	if _, ok := o.vals[k]; !ok {
		o.keys = append(o.keys, k)
	}
	o.vals[k] = v
}

func (o *Object) without(k string) *Object {
	c := newObject()
	for _, key := range o.keys {
		if key != k {
			c.set(key, o.vals[key])
		}
	}
	return c
}

func (o *Object) sorted() []string {
	keys := append([]string(nil), o.keys...)
	sort.Strings(keys)
	return keys
}

// Error is what a program raises, by error or by a filter that does not fit its input.
type Error struct{ Value any }

// Error is the message; of a value that is no string, its JSON.
func (e *Error) Error() string {
	if s, ok := e.Value.(string); ok {
		return s
	}
	return Format(e.Value, Style{})
}

func errorf(format string, args ...any) error { return &Error{fmt.Sprintf(format, args...)} }

// ErrHalt ends a program for good; the exit code and what is to be written are with it.
type ErrHalt struct {
	Code  int
	Value any
	Loud  bool // halt_error
}

func (e *ErrHalt) Error() string { return "halt" }

type breakError struct{ label int }

func (breakError) Error() string { return "break" }

// ErrDepth says that a program or value is nested beyond the bound.
var ErrDepth = errors.New("exceeds depth limit")

// maxDepth bounds the nesting of values, of programs and of calls.
const maxDepth = 2000

func typeOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case float64:
		return "number"
	case string:
		return "string"
	case []any:
		return "array"
	}
	return "object"
}

// described is a value in an error: its type and, shortened, itself.
func described(v any) string {
	s := Format(v, Style{})
	if len(s) > 11 {
		s = s[:10]
		for !utf8.ValidString(s) {
			s = s[:len(s)-1]
		}
		s += "..."
	}
	return typeOf(v) + " (" + s + ")"
}

func truthy(v any) bool { return v != nil && v != false }

// order ranks values of different types: null, false, true, numbers, strings, arrays, objects.
func order(v any) int {
	switch v := v.(type) {
	case nil:
		return 0
	case bool:
		if v {
			return 2
		}
		return 1
	case float64:
		return 3
	case string:
		return 4
	case []any:
		return 5
	}
	return 6
}

// compare is jq's total order.
func compare(a, b any) int {
	if d := order(a) - order(b); d != 0 {
		return d
	}
	switch a := a.(type) {
	case float64:
		b := b.(float64)
		switch {
		case a < b || math.IsNaN(a):
			return -1
		case a > b:
			return 1
		}
	case string:
		return strings.Compare(a, b.(string))
	case []any:
		b := b.([]any)
		for i := 0; i < len(a) && i < len(b); i++ {
			if d := compare(a[i], b[i]); d != 0 {
				return d
			}
		}
		return len(a) - len(b)
	case *Object:
		b := b.(*Object)
		ka, kb := a.sorted(), b.sorted()
		for i := 0; i < len(ka) && i < len(kb); i++ {
			if d := strings.Compare(ka[i], kb[i]); d != 0 {
				return d
			}
		}
		if d := len(ka) - len(kb); d != 0 {
			return d
		}
		for _, k := range ka {
			if d := compare(a.vals[k], b.vals[k]); d != 0 {
				return d
			}
		}
	}
	return 0
}

// Style is how a value is written.
type Style struct {
	Indent string // "": on one line
	Sort   bool   // the keys of objects
	ASCII  bool   // escape all else
	Color  bool
}

// Format writes a value as JSON.
func Format(v any, s Style) string {
	w := writer{Style: s}
	w.value(v, 0)
	return w.String()
}

type writer struct {
	strings.Builder
	Style
}

// The colours of jq 1.6.
var colors = map[string]string{"null": "1;30", "boolean": "0;39", "number": "0;39", "string": "0;32", "array": "1;39", "object": "1;39"}

func (w *writer) line(depth int) {
	if w.Indent != "" {
		w.WriteString("\n" + strings.Repeat(w.Indent, depth))
	}
}

func (w *writer) value(v any, depth int) {
	start, end := "", ""
	if w.Color {
		start, end = "\x1b["+colors[typeOf(v)]+"m", "\x1b[0m"
	}
	if depth > maxDepth {
		w.WriteString("<skipped: too deep>")
		return
	}
	switch v := v.(type) {
	case nil:
		w.WriteString(start + "null" + end)
	case bool:
		w.WriteString(start + strconv.FormatBool(v) + end)
	case float64:
		w.WriteString(start + number(v) + end)
	case string:
		w.WriteString(start)
		w.quote(v)
		w.WriteString(end)
	case []any:
		if len(v) == 0 {
			w.WriteString(start + "[]" + end)
			return
		}
		w.WriteString(start + "[")
		for i, e := range v {
			if i > 0 {
				w.WriteString(start + ",")
			}
			w.line(depth + 1)
			w.value(e, depth+1)
		}
		w.WriteString(start)
		w.line(depth)
		w.WriteString(start + "]" + end)
	case *Object:
		if len(v.keys) == 0 {
			w.WriteString(start + "{}" + end)
			return
		}
		w.WriteString(start + "{")
		keys := v.keys
		if w.Sort {
			keys = v.sorted()
		}
		for i, k := range keys {
			if i > 0 {
				w.WriteString(start + ",")
			}
			w.line(depth + 1)
			w.WriteString(end)
			if w.Color {
				w.WriteString("\x1b[34;1m")
			}
			w.quote(k)
			w.WriteString(end + start + ":")
			if w.Indent != "" {
				w.WriteString(" ")
			}
			w.WriteString(end)
			w.value(v.vals[k], depth+1)
		}
		w.WriteString(start)
		w.line(depth)
		w.WriteString(start + "}" + end)
	}
}

func (w *writer) quote(s string) {
	w.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			w.WriteString(`\` + string(r))
		case r == '\n':
			w.WriteString(`\n`)
		case r == '\t':
			w.WriteString(`\t`)
		case r == '\r':
			w.WriteString(`\r`)
		case r == '\b':
			w.WriteString(`\b`)
		case r == '\f':
			w.WriteString(`\f`)
		case r < ' ' || r == 0x7f || w.ASCII && r >= 0x80 && r < 0x10000:
			fmt.Fprintf(w, `\u%04x`, r)
		case w.ASCII && r >= 0x10000:
			r -= 0x10000
			fmt.Fprintf(w, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			w.WriteRune(r)
		}
	}
	w.WriteByte('"')
}

// number writes the fewest digits, at most 17, that give v again.
func number(v float64) string {
	switch {
	case math.IsNaN(v):
		return "null"
	case math.IsInf(v, 1):
		v = math.MaxFloat64
	case math.IsInf(v, -1):
		v = -math.MaxFloat64
	case v == 0 && math.Signbit(v):
		return "-0"
	}
	e := strconv.FormatFloat(v, 'e', -1, 64)
	mant, exp, _ := strings.Cut(e, "e")
	x, _ := strconv.Atoi(exp)
	digits := len(strings.Trim(strings.Replace(mant, ".", "", 1), "-"))
	if x < -4 || x+1 > digits+15 {
		return e // Go's exponents have two digits, as these have
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}

// fromJSON reads one value of a text.
func fromJSON(text string) (any, error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	v, err := decode(d, 0)
	if err != nil {
		return nil, err
	}
	if d.More() {
		return nil, errors.New("Unexpected extra JSON values")
	}
	return v, nil
}

// decode reads the next value, keeping the order of keys.
func decode(d *json.Decoder, depth int) (v any, err error) {
	if depth > maxDepth {
		return nil, ErrDepth
	}
	if depth == 0 {
		started := d.More() // else io.EOF is the end and not an error
		defer func() {
			if started && err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
		}()
	}
	tok, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := tok.(type) {
	case json.Number:
		f, err := strconv.ParseFloat(t.String(), 64)
		if err != nil && !math.IsInf(f, 0) {
			return nil, err
		}
		return f, nil
	case json.Delim:
		if t == '[' {
			list := []any{}
			for d.More() {
				v, err := decode(d, depth+1)
				if err != nil {
					return nil, err
				}
				list = append(list, v)
			}
			_, err := d.Token()
			return list, err
		}
		o := newObject()
		for d.More() {
			k, err := d.Token()
			if err != nil {
				return nil, err
			}
			v, err := decode(d, depth+1)
			if err != nil {
				return nil, err
			}
			o.set(k.(string), v)
		}
		_, err := d.Token()
		return o, err
	}
	return tok, nil
}

// Decode reads the next JSON value; d must use Number. It gives io.EOF at the end.
func Decode(d *json.Decoder) (any, error) { return decode(d, 0) }

package jq

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dockerlab/dockerlab/sim/userland/datetime"
)

// definitions are the builtins that are written in the language itself.
const definitions = `
def map(f): [.[] | f];
def select(f): if f then . else empty end;
def recurse(f): def r: ., (f | r); r;
def recurse(f; cond): def r: ., (f | select(cond) | r); r;
def recurse: recurse(.[]?);
def recurse_down: recurse;
def values: select(. != null);
def nulls: select(. == null);
def booleans: select(type == "boolean");
def numbers: select(type == "number");
def strings: select(type == "string");
def arrays: select(type == "array");
def objects: select(type == "object");
def iterables: select(type == "array" or type == "object");
def scalars: select(type != "array" and type != "object");
def to_entries: [keys_unsorted[] as $k | {key: $k, value: .[$k]}];
def add: reduce .[] as $x (null; . + $x);
def from_entries: map({(.key // .k // .name // .Name // .K // .Key | if . == null or type == "string" then . else tojson end):
	(if has("value") then .value else .Value end)}) | add + {} // {};
def with_entries(f): to_entries | map(f) | from_entries;
def map_values(f): .[] |= f;
def first(f): label $out | (f | ., break $out);
def isempty(g): first((g | false), true);
def any(g; f): isempty(first(g | f or empty)) | not;
def any(f): any(.[]; f);
def any: any(.);
def all(g; f): isempty(first(g | f and empty));
def all(f): all(.[]; f);
def all: all(.);
def del(f): delpaths([path(f)]);
def paths: path(..) | select(length > 0);
def paths(f): . as $dot | paths | select(. as $p | $dot | getpath($p) | f);
def leaf_paths: paths(scalars);
def join($x): reduce .[] as $i (null; (if . == null then "" else . + $x end) +
	($i | if . == null then "" elif type == "boolean" or type == "number" then tojson else . end)) // "";
def first: .[0];
def last(f): reduce f as $x (null; $x);
def last: .[-1];
def limit($n; f): if $n > 0 then label $out | foreach f as $item (0; . + 1; $item, if . >= $n then break $out else empty end)
	elif $n == 0 then empty else f end;
def nth($n): .[$n];
def nth($n; f): if $n < 0 then error("Out of bounds negative array index") else last(limit($n + 1; f)) end;
def until(cond; update): def r: if cond then . else (update | r) end; r;
def while(cond; update): def r: if cond then ., (update | r) else empty end; r;
def repeat(f): def r: f | (., r); r;
def range($x): range(0; $x);
def in(xs): . as $x | xs | has($x);
def inside(xs): . as $x | xs | contains($x);
def walk(f): . as $in | if type == "object" then reduce keys_unsorted[] as $k ({}; . + {($k): ($in[$k] | walk(f))}) | f
	elif type == "array" then map(walk(f)) | f else f end;
def todate: strftime("%Y-%m-%dT%H:%M:%SZ");
def fromdateiso8601: strptime("%Y-%m-%dT%H:%M:%SZ") | mktime;
def todateiso8601: todate;
def fromdate: fromdateiso8601;
def date: todate;
def dateadd(u; n): . + n;
def datesub(u; n): . - n;
def combinations: if length == 0 then [] else .[0][] as $x | (.[1:] | combinations) as $w | [$x] + $w end;
def combinations(n): . as $dot | [range(n)] | map($dot) | combinations;
def flatten: flatten(1e9);
def transpose: if . == [] then [] else . as $in | (map(length) | max) as $max
	| [range(0; $max) as $j | [range(0; $in | length) as $i | $in[$i][$j]]] end;
def test(re; flags): isempty(_match(re; flags)) | not;
def test(re): test(re; null);
def match(re; flags): _match(re; flags);
def match(re): match(re; null);
def capture(re; flags): match(re; flags) | [.captures[] | select(.name != null) | {key: .name, value: .string}] | from_entries;
def capture(re): capture(re; null);
def scan(re): match(re; "g") | if (.captures | length) > 0 then [.captures[].string] else .string end;
def split(re; flags): . as $s | [foreach (match(re; flags + "g"), null) as $m ({at: 0};
	if $m == null then .piece = $s[.at:] else .piece = $s[.at:$m.offset] | .at = $m.offset + $m.length end; .piece)];
def splits(re; flags): split(re; flags) | .[];
def splits(re): splits(re; null);
def sub(re; str; flags): . as $s | reduce (match(re; flags), null) as $m ({at: 0, out: ""};
	if $m == null then .out + $s[.at:] else
	([$m.captures[] | select(.name != null) | {key: .name, value: .string}] | from_entries | str) as $r
	| .out += $s[.at:$m.offset] + $r | .at = $m.offset + $m.length end);
def sub(re; str): sub(re; str; "");
def gsub(re; str; flags): sub(re; str; flags + "g");
def gsub(re; str): sub(re; str; "g");
def tostream: path(def r: (.[]? | r), .; r) as $p | getpath($p) | reduce path(.[]?) as $q ([$p, .]; [$p + $q]);
def inputs: def r: (try [input] catch (if . == "No more inputs" then empty else error end)) | .[0], r; r;
def ascii: [.] | implode;
def halt_error: halt_error(5);
def index($i): indices($i) | .[0];
def rindex($i): indices($i) | .[-1:][0];
def finites: select(isinfinite or isnan | not);
def normals: select(isnormal);
`

type builtin func(in *interp, args []*node, e *env, x pv, out func(pv) error) error

var builtins map[string]builtin

// pure makes a builtin of a function of the input alone.
func pure(f func(v any) (any, error)) builtin {
	return func(in *interp, _ []*node, _ *env, x pv, out func(pv) error) error {
		r, err := f(x.v)
		if err != nil {
			return err
		}
		return in.value(x, r, out)
	}
}

// with makes a builtin of a function of the input and of the values of its arguments.
func with(f func(v any, args []any) (any, error)) builtin {
	return func(in *interp, nodes []*node, e *env, x pv, out func(pv) error) error {
		return in.cross(nodes, e, x, nil, func(args []any) error {
			r, err := f(x.v, args)
			if err != nil {
				return err
			}
			return in.value(x, r, out)
		})
	}
}

// cross evaluates arguments in all combinations, the last one slowest.
func (in *interp) cross(nodes []*node, e *env, x pv, tail []any, then func([]any) error) error {
	if len(nodes) == 0 {
		return then(tail)
	}
	last := len(nodes) - 1
	return in.eval(nodes[last], e, pv{v: x.v}, func(v pv) error {
		return in.cross(nodes[:last], e, x, append([]any{v.v}, tail...), then)
	})
}

func floats(f func(float64) float64) builtin {
	return pure(func(v any) (any, error) {
		n, ok := v.(float64)
		if !ok {
			return nil, errorf("%s number required", described(v))
		}
		return f(n), nil
	})
}

func sortValues(list []any) { slices.SortStableFunc(list, compare) }

func init() {
	builtins = map[string]builtin{
		"empty/0": func(*interp, []*node, *env, pv, func(pv) error) error { return nil },
		"error/0": func(_ *interp, _ []*node, _ *env, x pv, _ func(pv) error) error { return &Error{x.v} },
		"error/1": func(in *interp, args []*node, e *env, x pv, _ func(pv) error) error {
			return in.eval(args[0], e, pv{v: x.v}, func(v pv) error { return &Error{v.v} })
		},
		"not/0":            pure(func(v any) (any, error) { return !truthy(v), nil }),
		"length/0":         pure(length),
		"utf8bytelength/0": pure(byteLength),
		"keys/0":           pure(func(v any) (any, error) { return keys(v, true) }),
		"keys_unsorted/0":  pure(func(v any) (any, error) { return keys(v, false) }),
		"has/1":            with(func(v any, a []any) (any, error) { return has(v, a[0]) }),
		"contains/1":       with(func(v any, a []any) (any, error) { return contains(v, a[0]) }),
		"type/0":           pure(func(v any) (any, error) { return typeOf(v), nil }),
		"tostring/0":       pure(func(v any) (any, error) { return text(v), nil }),
		"tojson/0":         pure(func(v any) (any, error) { return Format(v, Style{}), nil }),
		"fromjson/0":       pure(fromJSONValue),
		"tonumber/0":       pure(toNumber),
		"ascii_downcase/0": pure(func(v any) (any, error) { return mapASCII(v, 'A', 'Z', "ascii_downcase") }),
		"ascii_upcase/0":   pure(func(v any) (any, error) { return mapASCII(v, 'a', 'z', "ascii_upcase") }),
		"explode/0":        pure(explode),
		"implode/0":        pure(implode),
		"startswith/1":     with(func(v any, a []any) (any, error) { return affix(v, a[0], "startswith", strings.HasPrefix) }),
		"endswith/1":       with(func(v any, a []any) (any, error) { return affix(v, a[0], "endswith", strings.HasSuffix) }),
		"ltrimstr/1":       with(func(v any, a []any) (any, error) { return trim(v, a[0], strings.TrimPrefix), nil }),
		"rtrimstr/1":       with(func(v any, a []any) (any, error) { return trim(v, a[0], strings.TrimSuffix), nil }),
		"split/1":          with(splitBuiltin),
		"indices/1":        with(func(v any, a []any) (any, error) { return indicesOf(v, a[0]) }),
		"sort/0":           pure(func(v any) (any, error) { return sortedBy(v, nil) }),
		"sort_by/1":        by(func(list []keyed) any { return plain(list) }),
		"group_by/1":       by(group),
		"unique_by/1":      by(unique),
		"min_by/1":         by(func(list []keyed) any { return extreme(list, true) }),
		"max_by/1":         by(func(list []keyed) any { return extreme(list, false) }),
		"unique/0":         simpleBy(unique),
		"min/0":            simpleBy(func(list []keyed) any { return extreme(list, true) }),
		"max/0":            simpleBy(func(list []keyed) any { return extreme(list, false) }),
		"reverse/0":        pure(reverse),
		"flatten/1":        with(flatten),
		"range/2":          rangeBuiltin,
		"range/3":          rangeBuiltin,
		"path/1":           pathBuiltin,
		"getpath/1":        getPathBuiltin,
		"setpath/2":        with(setPathBuiltin),
		"delpaths/1":       with(delPaths),
		"input/0":          inputBuiltin,
		"debug/0":          debugBuiltin,
		"stderr/0":         stderrBuiltin,
		"input_line_number/0": func(in *interp, _ []*node, _ *env, x pv, out func(pv) error) error {
			return in.value(x, float64(in.conf.Line()), out)
		},
		"input_filename/0": func(in *interp, _ []*node, _ *env, x pv, out func(pv) error) error {
			return in.value(x, in.conf.File(), out)
		},
		"now/0": func(in *interp, _ []*node, _ *env, x pv, out func(pv) error) error {
			return in.value(x, in.conf.Now(), out)
		},
		"env/0": func(in *interp, _ []*node, _ *env, x pv, out func(pv) error) error {
			return in.value(x, in.conf.Env(), out)
		},
		"halt/0": func(*interp, []*node, *env, pv, func(pv) error) error { return &ErrHalt{} },
		"halt_error/1": func(in *interp, args []*node, e *env, x pv, _ func(pv) error) error {
			return in.eval(args[0], e, pv{v: x.v}, func(v pv) error {
				code, ok := v.v.(float64)
				if !ok {
					return errorf("halt_error/1: number required")
				}
				return &ErrHalt{Code: int(code), Value: x.v, Loud: true}
			})
		},
		"_match/2":     matchBuiltin,
		"floor/0":      floats(math.Floor),
		"ceil/0":       floats(math.Ceil),
		"round/0":      floats(math.Round),
		"trunc/0":      floats(math.Trunc),
		"fabs/0":       floats(math.Abs),
		"sqrt/0":       floats(math.Sqrt),
		"exp/0":        floats(math.Exp),
		"exp2/0":       floats(math.Exp2),
		"exp10/0":      floats(func(v float64) float64 { return math.Pow(10, v) }),
		"log/0":        floats(math.Log),
		"log2/0":       floats(math.Log2),
		"log10/0":      floats(math.Log10),
		"sin/0":        floats(math.Sin),
		"cos/0":        floats(math.Cos),
		"tan/0":        floats(math.Tan),
		"pow/2":        with(power),
		"infinite/0":   pure(func(any) (any, error) { return math.Inf(1), nil }),
		"nan/0":        pure(func(any) (any, error) { return math.NaN(), nil }),
		"isinfinite/0": pure(func(v any) (any, error) { return testNumber(v, func(f float64) bool { return math.IsInf(f, 0) }) }),
		"isnan/0":      pure(func(v any) (any, error) { return testNumber(v, math.IsNaN) }),
		"isnormal/0": pure(func(v any) (any, error) {
			return testNumber(v, func(f float64) bool { return f != 0 && !math.IsInf(f, 0) && !math.IsNaN(f) })
		}),
		"gmtime/0":   pure(gmtime),
		"mktime/0":   pure(mktime),
		"strftime/1": with(strftime),
		"strptime/1": with(strptime),
	}
}

func length(v any) (any, error) {
	switch v := v.(type) {
	case nil:
		return 0.0, nil
	case float64:
		return math.Abs(v), nil
	case string:
		return float64(utf8.RuneCountInString(v)), nil
	case []any:
		return float64(len(v)), nil
	case *Object:
		return float64(len(v.keys)), nil
	}
	return nil, errorf("%s has no length", described(v))
}

func byteLength(v any) (any, error) {
	s, ok := v.(string)
	if !ok {
		return nil, errorf("%s only strings have UTF-8 byte length", described(v))
	}
	return float64(len(s)), nil
}

func keys(v any, sorted bool) (any, error) {
	var list []any
	switch v := v.(type) {
	case []any:
		for i := range v {
			list = append(list, float64(i))
		}
	case *Object:
		ks := v.keys
		if sorted {
			ks = v.sorted()
		}
		for _, k := range ks {
			list = append(list, k)
		}
	default:
		return nil, errorf("%s has no keys", described(v))
	}
	return append([]any{}, list...), nil
}

func has(v, k any) (any, error) {
	switch c := v.(type) {
	case *Object:
		if k, ok := k.(string); ok {
			_, has := c.vals[k]
			return has, nil
		}
	case []any:
		if k, ok := k.(float64); ok {
			return k >= 0 && k < float64(len(c)), nil
		}
	}
	return nil, errorf("Cannot check whether %s has a %s key", typeOf(v), typeOf(k))
}

func contains(a, b any) (any, error) {
	if typeOf(a) != typeOf(b) {
		return nil, errorf("%s and %s cannot have their containment checked", described(a), described(b))
	}
	return holds(a, b), nil
}

func holds(a, b any) bool {
	switch b := b.(type) {
	case *Object:
		a, ok := a.(*Object)
		if !ok {
			return false
		}
		for k, v := range b.vals {
			if w, ok := a.vals[k]; !ok || !holds(w, v) {
				return false
			}
		}
		return true
	case []any:
		a, ok := a.([]any)
		if !ok {
			return false
		}
		for _, v := range b {
			if !slices.ContainsFunc(a, func(w any) bool { return holds(w, v) }) {
				return false
			}
		}
		return true
	case string:
		a, ok := a.(string)
		return ok && strings.Contains(a, b)
	}
	return compare(a, b) == 0
}

// text is a string as it is, anything else as JSON.
func text(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return Format(v, Style{})
}

func fromJSONValue(v any) (any, error) {
	s, ok := v.(string)
	if !ok {
		return nil, errorf("%s cannot be parsed as JSON", described(v))
	}
	r, err := fromJSON(s)
	if err != nil {
		return nil, errorf("%s (while parsing '%s')", Explain(s, err), s)
	}
	return r, nil
}

// Explain words why text is no JSON.
func Explain(text string, err error) string {
	var bad *json.SyntaxError
	if errors.As(err, &bad) {
		// A decoder's offset stands before the character that does not fit.
		at := int(bad.Offset)
		if at >= 0 && at < len(text) && (text[at] == '}' || text[at] == ']') {
			what := "Unmatched '}'"
			if text[at] == ']' {
				what = "Expected another array element"
			}
			before := text[:at+1]
			return fmt.Sprintf("%s at line %d, column %d", what, strings.Count(before, "\n")+1, len(before)-strings.LastIndex(before, "\n")-1)
		}
	}
	line := strings.Count(text, "\n") + 1
	col := len(text) - strings.LastIndex(text, "\n") - 1
	if err == io.EOF || err == io.ErrUnexpectedEOF || strings.Contains(err.Error(), "unexpected end") {
		if strings.Trim(text, " \t\r\n") != "" && !strings.ContainsAny(text, "[{\"") {
			return fmt.Sprintf("Invalid numeric literal at EOF at line %d, column %d", line, col)
		}
		return fmt.Sprintf("Unfinished JSON term at EOF at line %d, column %d", line, col)
	}
	if !strings.Contains(text, "\n") {
		return fmt.Sprintf("Invalid numeric literal at EOF at line %d, column %d", line, col)
	}
	return fmt.Sprintf("Invalid numeric literal at line %d, column %d", line, col)
}

func toNumber(v any) (any, error) {
	switch v := v.(type) {
	case float64:
		return v, nil
	case string:
		r, err := fromJSON(v)
		if err != nil {
			return nil, errorf("%s (while parsing '%s')", Explain(v, err), v)
		}
		if f, ok := r.(float64); ok {
			return f, nil
		}
		return nil, errorf("%s cannot be parsed as a number", described(v))
	}
	return nil, errorf("%s cannot be parsed as a number", described(v))
}

func mapASCII(v any, from, to byte, name string) (any, error) {
	s, ok := v.(string)
	if !ok {
		return nil, errorf("%s input must be a string", name)
	}
	b := []byte(s)
	for i, c := range b {
		if c >= from && c <= to {
			b[i] ^= 0x20
		}
	}
	return string(b), nil
}

func explode(v any) (any, error) {
	s, ok := v.(string)
	if !ok {
		return nil, errorf("%s cannot be exploded", described(v))
	}
	list := []any{}
	for _, r := range s {
		list = append(list, float64(r))
	}
	return list, nil
}

func implode(v any) (any, error) {
	list, ok := v.([]any)
	if !ok {
		return nil, errorf("implode input must be an array")
	}
	var b strings.Builder
	for _, x := range list {
		f, ok := x.(float64)
		if !ok {
			return nil, errorf("Unicode codepoint must be numeric")
		}
		b.WriteRune(rune(f))
	}
	return b.String(), nil
}

func affix(v, a any, name string, f func(s, affix string) bool) (any, error) {
	s, ok1 := v.(string)
	t, ok2 := a.(string)
	if !ok1 || !ok2 {
		return nil, errorf("%s() requires string inputs", name)
	}
	return f(s, t), nil
}

func trim(v, a any, f func(s, affix string) string) any {
	s, ok1 := v.(string)
	t, ok2 := a.(string)
	if !ok1 || !ok2 {
		return v
	}
	return f(s, t)
}

func split(s, sep string) any {
	list := []any{}
	if s == "" {
		return list
	}
	for _, p := range strings.Split(s, sep) {
		list = append(list, p)
	}
	return list
}

func splitBuiltin(v any, a []any) (any, error) {
	s, ok1 := v.(string)
	sep, ok2 := a[0].(string)
	if !ok1 || !ok2 {
		return nil, errorf("split input and separator must be strings")
	}
	return split(s, sep), nil
}

func indicesOf(v, a any) (any, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case string:
		s, ok := a.(string)
		if !ok {
			return nil, errorf("Cannot determine indices of %s in a string", typeOf(a))
		}
		list := []any{}
		for i := 0; s != "" && i+len(s) <= len(v); i++ {
			if v[i:i+len(s)] == s {
				list = append(list, float64(i))
			}
		}
		return list, nil
	case []any:
		if l, ok := a.([]any); ok {
			return indices(v, l), nil
		}
		return indices(v, []any{a}), nil
	}
	return index(v, a)
}

// indices are the places where part stands in list.
func indices(list, part []any) any {
	r := []any{}
	for i := 0; len(part) > 0 && i+len(part) <= len(list); i++ {
		same := true
		for j := range part {
			same = same && compare(list[i+j], part[j]) == 0
		}
		if same {
			r = append(r, float64(i))
		}
	}
	return r
}

// keyed is an element with what it is sorted by.
type keyed struct{ key, v any }

func plain(list []keyed) any {
	r := make([]any, len(list))
	for i, k := range list {
		r[i] = k.v
	}
	return r
}

func sortedBy(v any, key func(any) (any, error)) (any, error) {
	l, err := keyedList(v, key)
	if err != nil {
		return nil, err
	}
	return plain(l), nil
}

func keyedList(v any, key func(any) (any, error)) ([]keyed, error) {
	list, ok := v.([]any)
	if !ok {
		return nil, errorf("%s cannot be sorted, as it is not an array", described(v))
	}
	r := make([]keyed, len(list))
	for i, x := range list {
		r[i] = keyed{x, x}
		if key != nil {
			k, err := key(x)
			if err != nil {
				return nil, err
			}
			r[i].key = k
		}
	}
	slices.SortStableFunc(r, func(a, b keyed) int { return compare(a.key, b.key) })
	return r, nil
}

// by makes a builtin of a function of the elements in the order of what the argument yields.
func by(f func([]keyed) any) builtin {
	return func(in *interp, args []*node, e *env, x pv, out func(pv) error) error {
		list, err := keyedList(x.v, func(v any) (any, error) {
			k := []any{}
			err := in.eval(args[0], e, pv{v: v}, func(r pv) error { k = append(k, r.v); return nil })
			return k, err
		})
		if err != nil {
			return err
		}
		return in.value(x, f(list), out)
	}
}

func simpleBy(f func([]keyed) any) builtin {
	return pure(func(v any) (any, error) {
		list, err := keyedList(v, nil)
		if err != nil {
			return nil, err
		}
		return f(list), nil
	})
}

func group(list []keyed) any {
	r := []any{}
	for i, k := range list {
		if i > 0 && compare(list[i-1].key, k.key) == 0 {
			r[len(r)-1] = append(r[len(r)-1].([]any), k.v)
		} else {
			r = append(r, []any{k.v})
		}
	}
	return r
}

func unique(list []keyed) any {
	r := []any{}
	for i, k := range list {
		if i == 0 || compare(list[i-1].key, k.key) != 0 {
			r = append(r, k.v)
		}
	}
	return r
}

// extreme is the first of the least or the last of the greatest.
func extreme(list []keyed, least bool) any {
	if len(list) == 0 {
		return nil
	}
	if least {
		return list[0].v
	}
	return list[len(list)-1].v
}

func reverse(v any) (any, error) {
	switch v := v.(type) {
	case nil:
		return []any{}, nil
	case []any:
		r := append([]any{}, v...)
		slices.Reverse(r)
		return r, nil
	case string:
		if v == "" {
			return []any{}, nil
		}
	}
	return nil, errorf("Cannot reverse %s", described(v))
}

func flatten(v any, a []any) (any, error) {
	depth, ok := a[0].(float64)
	if !ok || depth < 0 {
		return nil, errorf("flatten depth must not be negative")
	}
	list, ok := v.([]any)
	if !ok {
		return nil, errorf("Cannot iterate over %s", described(v))
	}
	r := []any{}
	var walk func(list []any, depth float64)
	walk = func(list []any, depth float64) {
		for _, x := range list {
			if l, ok := x.([]any); ok && depth > 0 {
				walk(l, depth-1)
			} else {
				r = append(r, x)
			}
		}
	}
	walk(list, depth)
	return r, nil
}

func rangeBuiltin(in *interp, args []*node, e *env, x pv, out func(pv) error) error {
	return in.cross(args, e, x, nil, func(a []any) error {
		step := any(1.0)
		if len(a) == 3 {
			step = a[2]
		}
		from, ok1 := a[0].(float64)
		to, ok2 := a[1].(float64)
		by, ok3 := step.(float64)
		if !ok1 || !ok2 || !ok3 {
			return errorf("Range bounds must be numeric")
		}
		for v := from; by > 0 && v < to || by < 0 && v > to; v += by {
			if in.conf.Step != nil {
				in.conf.Step(1)
			}
			if err := in.value(x, v, out); err != nil {
				return err
			}
		}
		return nil
	})
}

func pathBuiltin(in *interp, args []*node, e *env, x pv, out func(pv) error) error {
	return in.paths(args[0], e, x.v, func(p pv) error { return in.value(x, append([]any{}, p.path...), out) })
}

func getPathBuiltin(in *interp, args []*node, e *env, x pv, out func(pv) error) error {
	return in.eval(args[0], e, pv{v: x.v}, func(p pv) error {
		path, ok := p.v.([]any)
		if !ok {
			return errorf("Path must be specified as an array")
		}
		v, err := getPath(x.v, path)
		if err != nil {
			return err
		}
		if x.path == nil {
			return out(pv{v: v})
		}
		return out(pv{v, append(x.path[:len(x.path):len(x.path)], path...)})
	})
}

func setPathBuiltin(v any, a []any) (any, error) {
	path, ok := a[0].([]any)
	if !ok {
		return nil, errorf("Path must be specified as an array")
	}
	return setPath(v, path, a[1])
}

func delPaths(v any, a []any) (any, error) {
	paths, ok := a[0].([]any)
	if !ok {
		return nil, errorf("Paths must be specified as an array")
	}
	return deletePaths(v, paths)
}

func inputBuiltin(in *interp, _ []*node, _ *env, x pv, out func(pv) error) error {
	v, err := in.conf.Inputs()
	if err == io.EOF {
		return errorf("No more inputs")
	}
	if err != nil {
		return err
	}
	return in.value(x, v, out)
}

func debugBuiltin(in *interp, _ []*node, _ *env, x pv, out func(pv) error) error {
	in.conf.Debug("[\"DEBUG:\"," + Format(x.v, Style{}) + "]\n")
	return out(x)
}

func stderrBuiltin(in *interp, _ []*node, _ *env, x pv, out func(pv) error) error {
	in.conf.Debug(Format(x.v, Style{}))
	return out(x)
}

func testNumber(v any, f func(float64) bool) (any, error) {
	n, ok := v.(float64)
	if !ok {
		return nil, errorf("%s number required", described(v))
	}
	return f(n), nil
}

func power(_ any, a []any) (any, error) {
	x, ok1 := a[0].(float64)
	y, ok2 := a[1].(float64)
	if !ok1 || !ok2 {
		return nil, errorf("%s number required", described(a[0]))
	}
	return math.Pow(x, y), nil
}

// matchBuiltin is _match(re; flags).
func matchBuiltin(in *interp, nodes []*node, e *env, x pv, out func(pv) error) error {
	return in.cross(nodes, e, x, nil, func(a []any) error { return in.match(x, a, out) })
}

// match gives the matches of a regular expression. Expressions are those of Go's regexp, which
// take no more than linear time; look-around and back-references, which jq's have, they lack.
func (in *interp) match(x pv, a []any, out func(pv) error) error {
	s, ok := x.v.(string)
	if !ok {
		return errorf("%s cannot be matched, as it is not a string", described(x.v))
	}
	re, flags := a[0], a[1]
	if l, ok := re.([]any); ok && len(l) > 0 {
		re = l[0]
		if len(l) > 1 {
			flags = l[1]
		}
	}
	pattern, ok := re.(string)
	if !ok {
		return errorf("%s cannot be matched, as it is not a string", described(re))
	}
	global, goFlags, skipEmpty := false, "", false
	if f, ok := flags.(string); ok {
		for _, r := range f {
			switch r {
			case 'g':
				global = true
			case 'i':
				goFlags += "i"
			case 's':
				goFlags += "s"
			case 'n':
				skipEmpty = true
			case 'x':
				pattern = unspaced(pattern)
			case 'p':
				goFlags += "s"
			case 'l':
			default:
				return errorf("%s is not a valid modifier string", f)
			}
		}
	} else if flags != nil {
		return errorf("%s is not a string", described(flags))
	}
	if goFlags != "" {
		pattern = "(?" + goFlags + ")" + pattern
	}
	r, err := regexp.Compile(pattern)
	if err != nil {
		return errorf("%s (at offset 0) is not a valid regex: %v", a[0], err)
	}
	if in.conf.Step != nil {
		in.conf.Step(len(s)/8 + 1)
	}
	most := 1
	if global {
		most = -1
	}
	chars := func(byteAt int) float64 { return float64(utf8.RuneCountInString(s[:byteAt])) }
	for _, m := range r.FindAllStringSubmatchIndex(s, most) {
		if skipEmpty && m[0] == m[1] {
			continue
		}
		one := func(i int) *Object {
			o := newObject()
			if m[2*i] < 0 {
				o.set("offset", -1.0)
				o.set("length", 0.0)
				o.set("string", nil)
				return o
			}
			part := s[m[2*i]:m[2*i+1]]
			o.set("offset", chars(m[2*i]))
			o.set("length", float64(utf8.RuneCountInString(part)))
			o.set("string", part)
			return o
		}
		o := one(0)
		captures := []any{}
		for i := 1; i < len(m)/2; i++ {
			c := one(i)
			var name any
			if n := r.SubexpNames()[i]; n != "" {
				name = n
			}
			c.set("name", name)
			captures = append(captures, c)
		}
		o.set("captures", captures)
		if err := in.value(x, o, out); err != nil {
			return err
		}
	}
	return nil
}

// unspaced leaves out the blanks and comments of an extended expression.
func unspaced(p string) string {
	var b strings.Builder
	for i := 0; i < len(p); i++ {
		switch c := p[i]; {
		case c == '\\' && i+1 < len(p):
			b.WriteString(p[i : i+2])
			i++
		case c == '#':
			for i < len(p) && p[i] != '\n' {
				i++
			}
		case strings.IndexByte(" \t\r\n", c) < 0:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// gmtime is seconds as jq's broken-down time: year, month from 0, day, hour, minute, seconds,
// weekday, day of the year from 0.
func gmtime(v any) (any, error) {
	f, ok := v.(float64)
	if !ok {
		return nil, errorf("gmtime() requires a number")
	}
	t := time.Unix(int64(math.Floor(f)), 0).UTC()
	return []any{float64(t.Year()), float64(t.Month() - 1), float64(t.Day()), float64(t.Hour()), float64(t.Minute()),
		float64(t.Second()) + f - math.Floor(f), float64(t.Weekday()), float64(t.YearDay() - 1)}, nil
}

// broken reads a broken-down time.
func broken(v any) (time.Time, bool) {
	list, ok := v.([]any)
	if !ok || len(list) < 6 {
		return time.Time{}, false
	}
	var n [6]int
	for i := range n {
		f, ok := list[i].(float64)
		if !ok {
			return time.Time{}, false
		}
		n[i] = int(f)
	}
	return time.Date(n[0], time.Month(n[1]+1), n[2], n[3], n[4], n[5], 0, time.UTC), true
}

func mktime(v any) (any, error) {
	if typeOf(v) != "array" {
		return nil, errorf("mktime requires array of 6 numbers")
	}
	t, ok := broken(v)
	if !ok {
		return nil, errorf("mktime requires parsed datetime inputs")
	}
	return float64(t.Unix()), nil
}

func strftime(v any, a []any) (any, error) {
	f, ok := a[0].(string)
	if !ok {
		return nil, errorf("strftime/1 requires a string format")
	}
	var t time.Time
	switch v := v.(type) {
	case float64:
		t = time.Unix(int64(math.Floor(v)), 0).UTC()
	default:
		if t, ok = broken(v); !ok {
			return nil, errorf("strftime/1 requires parsed datetime inputs")
		}
	}
	return datetime.Format(f, t), nil
}

func strptime(v any, a []any) (any, error) {
	s, ok1 := v.(string)
	f, ok2 := a[0].(string)
	if !ok1 {
		return nil, errorf("strptime/1 requires string inputs and arguments")
	}
	layout := strings.NewReplacer("%Y", "2006", "%m", "01", "%d", "02", "%H", "15", "%M", "04", "%S", "05", "%Z", "MST", "%z", "-0700", "%b", "Jan", "%B", "January",
		"%a", "Mon", "%A", "Monday", "%y", "06", "%e", "_2", "%I", "03", "%p", "PM", "%T", "15:04:05", "%F", "2006-01-02", "%D", "01/02/06").Replace(f)
	t, err := time.Parse(layout, s)
	if !ok2 || err != nil {
		return nil, errorf("date \"%s\" does not match format \"%s\"", s, f)
	}
	return gmtime(float64(t.Unix()))
}

// format is @text, @json and the like.
func format(name string, v any) (string, error) {
	escape := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(text(v)) }
	switch name {
	case "@text":
		return text(v), nil
	case "@json":
		return Format(v, Style{}), nil
	case "@html":
		return escape("<", "&lt;", ">", "&gt;", "&", "&amp;", "'", "&#39;", `"`, "&quot;"), nil
	case "@uri":
		var b strings.Builder
		for _, c := range []byte(text(v)) {
			if c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || strings.IndexByte("-_.~", c) >= 0 {
				b.WriteByte(c)
			} else {
				fmt.Fprintf(&b, "%%%02X", c)
			}
		}
		return b.String(), nil
	case "@base64":
		return base64.StdEncoding.EncodeToString([]byte(text(v))), nil
	case "@base64d":
		b, err := base64.StdEncoding.DecodeString(text(v))
		if err != nil {
			b, err = base64.RawStdEncoding.DecodeString(strings.TrimRight(text(v), "="))
		}
		if err != nil {
			return "", errorf("%s is not valid base64 data", described(v))
		}
		return strings.ToValidUTF8(string(b), "\ufffd"), nil
	case "@sh", "@csv", "@tsv":
		return row(name, v)
	}
	return "", errorf("%s is not a valid format", strings.TrimPrefix(name, "@"))
}

// row is the formats of lists.
func row(name string, v any) (string, error) {
	list, ok := v.([]any)
	if !ok && name == "@sh" {
		list, ok = []any{v}, true
	}
	if !ok {
		return "", errorf("%s cannot be %s-formatted, only an array can be", described(v), strings.TrimPrefix(name, "@"))
	}
	cells := make([]string, len(list))
	for i, x := range list {
		s, isString := x.(string)
		switch {
		case name == "@sh" && isString:
			cells[i] = "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
		case name == "@sh" && (typeOf(x) == "array" || typeOf(x) == "object"):
			return "", errorf("%s can not be escaped for shell", described(x))
		case name == "@sh":
			cells[i] = text(x)
		case typeOf(x) == "array" || typeOf(x) == "object":
			if name == "@csv" {
				return "", errorf("%s is not valid in a csv row", described(x))
			}
			return "", errorf("%s cannot be tsv-formatted, only an array can be", described(x))
		case name == "@csv" && isString:
			cells[i] = `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
		case isString:
			cells[i] = strings.NewReplacer("\\", `\\`, "\t", `\t`, "\n", `\n`, "\r", `\r`).Replace(s)
		case x == nil:
		case typeOf(x) == "number":
			cells[i] = number(x.(float64))
		default:
			cells[i] = text(x)
		}
	}
	return strings.Join(cells, map[string]string{"@sh": " ", "@csv": ",", "@tsv": "\t"}[name]), nil
}

package awk

import (
	"math"
	"strconv"
	"strings"
)

// value is a number, a string, or both: what came from input and looks like a number.
type value struct {
	kind kind
	n    float64
	s    string
}

type kind uint8

const (
	kNone kind = iota // uninitialised: 0 and ""
	kNumber
	kString
	kInput // a string from input; whether it is a number is found out when asked
	kStrNum
)

func number(n float64) value { return value{kind: kNumber, n: n} }
func text(s string) value    { return value{kind: kString, s: s} }
func input(s string) value   { return value{kind: kInput, s: s} }

func boolean(b bool) value {
	if b {
		return number(1)
	}
	return number(0)
}

// settle finds out whether a value from input looks like a number.
func (v *value) settle(d Dialect) {
	if v.kind != kInput {
		return
	}
	t := strings.Trim(v.s, " \t\n\r\f\v")
	if n, w := toNumber(t, d); w == len(t) && w > 0 {
		v.kind, v.n = kStrNum, n
	} else {
		v.kind = kString
	}
}

// toNumber reads a number at the beginning of s, as strtod, and gives its length.
func toNumber(s string, d Dialect) (float64, int) {
	i := 0
	neg := false
	if i < len(s) && (s[i] == '-' || s[i] == '+') {
		neg = s[i] == '-'
		i++
	}
	rest := s[i:]
	var n float64
	w := 0
	switch {
	case rest == "":
		return 0, 0
	case d == Busybox && (digit(rest[0]) || rest[0] == '.'):
		n, w = busyboxNumber(rest)
	case len(rest) > 2 && rest[0] == '0' && rest[1]|0x20 == 'x' && d == Mawk:
		j := 2
		for j < len(rest) && strings.IndexByte("0123456789abcdefABCDEF", rest[j]) >= 0 {
			x, _ := strconv.ParseUint(rest[j:j+1], 16, 8)
			n = n*16 + float64(x)
			j++
		}
		if j > 2 {
			w = j
		} else {
			w = 1
		}
	case digit(rest[0]) || rest[0] == '.':
		n, w = decimal(rest)
	default:
		low := strings.ToLower(rest[:min(len(rest), 8)])
		switch {
		case strings.HasPrefix(low, "infinity"):
			n, w = math.Inf(1), 8
		case strings.HasPrefix(low, "inf"):
			n, w = math.Inf(1), 3
		case strings.HasPrefix(low, "nan"):
			n, w = math.NaN(), 3
		}
	}
	if w == 0 {
		return 0, 0
	}
	if neg {
		n = -n
	}
	return n, i + w
}

func (v value) num(d Dialect) float64 {
	switch v.kind {
	case kNumber, kStrNum:
		return v.n
	case kNone:
		return 0
	}
	n, _ := toNumber(strings.TrimLeft(v.s, " \t\n\r\f\v"), d)
	return n
}

// isInt tells whether n is written as an integer.
func isInt(n float64, d Dialect) bool {
	if n != math.Trunc(n) {
		return false
	}
	if d == Mawk {
		return n <= math.MaxInt32 && n > math.MinInt32
	}
	return n < 1<<63 && n >= -(1<<63)
}

func (in *interp) str(v value) string { return in.format(v, in.convfmt) }

func (in *interp) format(v value, f string) string {
	switch v.kind {
	case kNumber:
		if isInt(v.n, in.d) {
			return strconv.FormatInt(int64(v.n), 10)
		}
		return in.formatNumber(f, v.n)
	case kNone:
		return ""
	}
	return v.s
}

func (in *interp) formatNumber(f string, n float64) string {
	if f == "%.6g" {
		return formatG(n)
	}
	return in.sprintf(f, []value{number(n)})
}

func (v value) truth(d Dialect) bool {
	v.settle(d)
	switch v.kind {
	case kNumber, kStrNum:
		return v.n != 0
	case kNone:
		return false
	}
	return v.s != ""
}

// compare orders two values: as numbers if both are, else as strings.
func (in *interp) compare(a, b value) int {
	a.settle(in.d)
	b.settle(in.d)
	numeric := func(k kind) bool { return k == kNumber || k == kStrNum || k == kNone }
	if numeric(a.kind) && numeric(b.kind) {
		switch {
		case a.n < b.n:
			return -1
		case a.n > b.n:
			return 1
		case a.n == b.n:
			return 0
		}
		return -1 // a NaN
	}
	return strings.Compare(in.str(a), in.str(b))
}

// array is an associative array that is walked in the order in which the real program's hash
// table would be.
type array struct {
	d       Dialect
	cells   map[string]*cell
	clock   uint64
	buckets [][]string // Busybox
	size    int        // Busybox's elements ever added
	primes  int
	bytes   int
}

type cell struct {
	v       value
	touched uint64
	number  bool // made by an integer subscript, which mawk keeps in a table of its own
	n       uint32
}

func newArray(d Dialect) *array {
	a := &array{d: d}
	a.clear()
	return a
}

func (a *array) clear() {
	a.cells = map[string]*cell{}
	a.buckets, a.size, a.primes, a.bytes = nil, 0, 0, 0
}

func busyboxHash(s string) uint32 {
	idx := uint32(0)
	for i := 0; i < len(s); i++ {
		idx = uint32(int32(int8(s[i]))) + idx<<6 - idx
	}
	return idx
}

var busyboxPrimes = []int{251, 1021, 4093, 16381, 65521}

func (a *array) get(key string) *value { return &a.cell(key).v }

// at is the element of a subscript.
func (a *array) at(key string, sub value) *value {
	old := len(a.cells)
	c := a.cell(key)
	if len(a.cells) > old && sub.kind == kNumber && sub.n == math.Trunc(sub.n) {
		c.number, c.n = true, uint32(int64(sub.n))
	}
	return &c.v
}

func (a *array) cell(key string) *cell {
	a.clock++
	if c := a.cells[key]; c != nil {
		c.touched = a.clock
		return c
	}
	c := &cell{touched: a.clock}
	a.cells[key] = c
	a.bytes += len(key) + 64
	if a.d == Busybox {
		if a.buckets == nil {
			a.buckets = make([][]string, 61)
		}
		a.size++
		if a.size/len(a.buckets) > 10 && a.primes < len(busyboxPrimes) {
			old := a.buckets
			a.buckets = make([][]string, busyboxPrimes[a.primes])
			a.primes++
			for _, b := range old {
				for i := len(b) - 1; i >= 0; i-- { // chains begin with the newest
					a.put(b[i])
				}
			}
		}
		a.put(key)
	}
	return c
}

// put adds a key to its chain; the last element is the chain's first.
func (a *array) put(key string) {
	i := busyboxHash(key) % uint32(len(a.buckets))
	a.buckets[i] = append(a.buckets[i], key)
}

func (a *array) has(key string) bool { return a.cells[key] != nil }

func (a *array) remove(key string) {
	if a.cells[key] == nil {
		return
	}
	delete(a.cells, key)
	a.bytes -= len(key) + 64
	if a.d == Busybox {
		i := busyboxHash(key) % uint32(len(a.buckets))
		for j, k := range a.buckets[i] {
			if k == key {
				a.buckets[i] = append(a.buckets[i][:j:j], a.buckets[i][j+1:]...)
				break
			}
		}
		a.size--
	}
}

// keys are the subscripts in the order of "for (k in a)".
func (a *array) keys() []string {
	if a.d == Busybox {
		keys := make([]string, 0, len(a.cells))
		for _, b := range a.buckets {
			for i := len(b) - 1; i >= 0; i-- {
				keys = append(keys, b[i])
			}
		}
		return keys
	}
	mask := uint32(63)
	for len(a.cells) > int(mask+1)*12 {
		mask = mask<<1 | 1
	}
	return a.bySlot(mask)
}

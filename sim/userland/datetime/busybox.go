package datetime

import (
	"strconv"
	"strings"
	"time"
)

// busyboxForms are what ParseBusybox reads, in the order in which it tries them: where the numbers
// go (Y m d H M S), what stands between them, and how many of them there have to be. Seconds may
// follow any form that ends in minutes.
var busyboxForms = []struct {
	fields string
	gaps   string
	least  int
	zoned  bool // a zone may follow
}{
	{"HM", ":", 2, false},
	{"mdHM", ".-:", 4, false},
	{"YmdHM", "..-:", 5, false},
	{"YmdHM", "-- :", 5, true},
	{"YmdH", "-- ", 4, false},
	{"Ymd", "--", 3, false},
}

// ParseBusybox reads a date as Busybox's date -d and touch -d do: "hh:mm[:ss]",
// "[YYYY.]MM.DD-hh:mm[:ss]", "YYYY-MM-DD[ hh[:mm[:ss]][ZONE]]", "[[[[[YY]YY]MM]DD]hh]mm[.ss]",
// "@SECONDS", where ZONE is "Z" or "+hh[[:]mm]". What is not said is now's. Days and seconds that
// the month or the minute does not have run over into the next.
func ParseBusybox(s string, now time.Time) (t time.Time, ok bool) {
	if rest, ok := strings.CutPrefix(s, "@"); ok {
		n, err := strconv.ParseInt(rest, 10, 64)
		return time.Unix(n, 0).In(now.Location()), err == nil
	}
	for _, form := range busyboxForms {
		b := brokenDown(now)
		rest, n := s, 0
		for ; n < len(form.fields); n++ {
			v, after, ok := leadingNumber(rest)
			if !ok {
				break
			}
			b.set(form.fields[n], v)
			if rest = after; n < len(form.gaps) {
				if rest == "" || rest[0] != form.gaps[n] {
					n++
					break
				}
				rest = rest[1:]
			}
		}
		if n < form.least {
			continue
		}
		if more, ok := strings.CutPrefix(rest, ":"); ok && strings.HasSuffix(form.fields, "M") {
			if v, after, ok := leadingNumber(more); ok {
				b.second, rest = v, after
			}
		}
		if form.zoned && rest != "" {
			east, ok := busyboxZone(rest)
			if !ok {
				return t, false
			}
			t, ok := b.time(time.FixedZone("", east))
			return t.In(now.Location()), ok
		}
		if rest != "" {
			return t, false
		}
		return b.time(now.Location())
	}
	return parseDigits(s, now)
}

// leadingNumber reads digits, blanks and a plus before them allowed, as scanf does.
func leadingNumber(s string) (n int, rest string, ok bool) {
	s = strings.TrimPrefix(strings.TrimLeft(s, " \t\n"), "+")
	i := 0
	for i < len(s) && i < 9 && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	n, err := strconv.Atoi(s[:i])
	return n, s[i:], err == nil
}

// busyboxZone reads "Z" or "+hh[[:]mm]", in seconds east.
func busyboxZone(s string) (east int, ok bool) {
	s = strings.TrimLeft(s, " ")
	if s == "Z" {
		return 0, true
	}
	if s == "" || s[0] != '+' && s[0] != '-' {
		return 0, false
	}
	digits := strings.Replace(s[1:], ":", "", 1)
	for _, r := range digits {
		if r < '0' || r > '9' {
			return 0, false
		}
	}
	switch len(digits) {
	case 2:
		east = atoi(digits) * 3600
	case 4:
		east = atoi(digits[:2])*3600 + atoi(digits[2:])*60
	default:
		return 0, false
	}
	if s[0] == '-' {
		east = -east
	}
	return east, true
}

// parseDigits reads "[[[[[YY]YY]MM]DD]hh]mm[.ss]", and "1": a sign before them is ignored.
func parseDigits(s string, now time.Time) (t time.Time, ok bool) {
	b := brokenDown(now)
	b.second = 0
	digits, secs, dot := strings.Cut(s, ".")
	if dot {
		if len(secs) != 2 {
			return t, false
		}
		v, rest, ok := leadingNumber(secs)
		if !ok || rest != "" {
			return t, false
		}
		b.second = v
	}
	if len(digits)%2 != 0 || len(digits) == 0 || len(digits) > 12 {
		return t, false
	}
	for i, fields := len(digits), "MHdmYC"; i > 0; i, fields = i-2, fields[1:] {
		v, rest, ok := leadingNumber(digits[i-2 : i])
		if !ok || rest != "" {
			return t, false
		}
		switch fields[0] {
		case 'Y':
			if b.year = v; i == 2 { // in the century that brings it nearest
				b.year += (now.Year() + 50 - v) / 100 * 100
			}
		case 'C':
			b.year += v * 100
		default:
			b.set(fields[0], v)
		}
	}
	return b.time(now.Location())
}

// fields is a date in its parts, as C's struct tm.
type fields struct{ year, month, day, hour, minute, second int }

// brokenDown is now's date, at midnight unless now has a time of day.
func brokenDown(now time.Time) fields {
	return fields{now.Year(), int(now.Month()), now.Day(), now.Hour(), now.Minute(), now.Second()}
}

func (f *fields) set(which byte, v int) {
	switch which {
	case 'Y':
		f.year = v
	case 'm':
		f.month = v
	case 'd':
		f.day = v
	case 'H':
		f.hour = v
	case 'M':
		f.minute = v
	}
}

func (f *fields) time(loc *time.Location) (time.Time, bool) {
	t := time.Date(f.year, time.Month(f.month), f.day, f.hour, f.minute, f.second, 0, loc)
	return t, f.month >= 1 && f.month <= 12 && f.day >= 1 && f.day <= 31 && f.hour < 24 && f.minute < 60 && f.second < 62
}

// Strptime reads s by a format as C's strptime does; what the format does not name is now's.
// Text behind what the format takes is ignored.
func Strptime(s, format string, now time.Time) (t time.Time, ok bool) {
	p := timeReader{s: s, f: brokenDown(now), now: now}
	if !p.read(format) {
		return t, false
	}
	if p.since != nil {
		return *p.since, true
	}
	if p.pm && p.f.hour < 12 {
		p.f.hour += 12
	}
	return p.f.time(now.Location())
}

// timeReader is one run of Strptime.
type timeReader struct {
	s     string // what is left
	f     fields
	pm    bool
	since *time.Time // of %s
	now   time.Time
}

func (p *timeReader) blanks() { p.s = strings.TrimLeft(p.s, " \t\n\r\v\f") }

// number reads at most digits digits of a number from lo to hi.
func (p *timeReader) number(digits, lo, hi int) (n int, ok bool) {
	p.blanks()
	i := 0
	for i < len(p.s) && i < digits && p.s[i] >= '0' && p.s[i] <= '9' && n*10 <= hi {
		n = n*10 + int(p.s[i]-'0')
		i++
	}
	p.s = p.s[i:]
	return n, i > 0 && n >= lo && n <= hi
}

// name reads one of the names of which n numbers them from 0, whole or its first three letters.
func (p *timeReader) name(count int, name func(int) string) (int, bool) {
	for i := range count {
		for _, w := range []string{name(i), name(i)[:3]} {
			if len(p.s) >= len(w) && strings.EqualFold(p.s[:len(w)], w) {
				p.s = p.s[len(w):]
				return i, true
			}
		}
	}
	return 0, false
}

func (p *timeReader) read(format string) (ok bool) {
	for i := 0; i < len(format); i++ {
		c := format[i]
		switch {
		case strings.IndexByte(" \t\n\r\v\f", c) >= 0:
			p.blanks()
			continue
		case c != '%':
			if p.s == "" || p.s[0] != c {
				return false
			}
			p.s = p.s[1:]
			continue
		}
		i++
		if i < len(format) && (format[i] == 'E' || format[i] == 'O') {
			i++
		}
		if i == len(format) || !p.conversion(format[i]) {
			return false
		}
	}
	return true
}

func (p *timeReader) conversion(verb byte) (ok bool) {
	n := 0
	switch verb {
	case '%':
		ok = strings.HasPrefix(p.s, "%")
		p.s = strings.TrimPrefix(p.s, "%")
	case 'n', 't':
		p.blanks()
		ok = true
	case 'Y':
		p.f.year, ok = p.number(4, 0, 9999)
	case 'C':
		if n, ok = p.number(2, 0, 99); ok {
			p.f.year = n*100 + p.f.year%100
		}
	case 'y':
		if n, ok = p.number(2, 0, 99); ok {
			if p.f.year = 1900 + n; n < 69 {
				p.f.year += 100
			}
		}
	case 'm':
		p.f.month, ok = p.number(2, 1, 12)
	case 'b', 'B', 'h':
		if n, ok = p.name(12, func(i int) string { return time.Month(i + 1).String() }); ok {
			p.f.month = n + 1
		}
	case 'a', 'A':
		_, ok = p.name(7, func(i int) string { return time.Weekday(i).String() })
	case 'd', 'e':
		p.f.day, ok = p.number(2, 1, 31)
	case 'j':
		if n, ok = p.number(3, 1, 366); ok {
			d := time.Date(p.f.year, 1, n, 0, 0, 0, 0, time.UTC)
			p.f.month, p.f.day = int(d.Month()), d.Day()
		}
	case 'H', 'k':
		p.f.hour, ok = p.number(2, 0, 23)
	case 'I', 'l':
		if n, ok = p.number(2, 1, 12); ok {
			p.f.hour = n % 12
		}
	case 'M':
		p.f.minute, ok = p.number(2, 0, 59)
	case 'S':
		p.f.second, ok = p.number(2, 0, 61)
	case 'p', 'P':
		if len(p.s) >= 2 && (strings.EqualFold(p.s[:2], "am") || strings.EqualFold(p.s[:2], "pm")) {
			p.pm, ok = p.s[0]|0x20 == 'p', true
			p.s = p.s[2:]
		}
	case 's':
		if n, ok = p.number(18, 0, 1<<55); ok {
			t := time.Unix(int64(n), 0).In(p.now.Location())
			p.since = &t
		}
	case 'u', 'w':
		_, ok = p.number(1, 0, 7)
	case 'U', 'W', 'V':
		_, ok = p.number(2, 0, 53)
	case 'z': // read, and of no effect on the result
		p.blanks()
		end := 0
		for end < len(p.s) && end < 6 && strings.IndexByte("+-:0123456789Z", p.s[end]) >= 0 {
			end++
		}
		ok = end > 0
		p.s = p.s[end:]
	case 'Z':
		p.s = strings.TrimLeft(p.s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
		ok = true
	default:
		if whole, composed := map[byte]string{'D': "%m/%d/%y", 'x': "%m/%d/%y", 'T': "%H:%M:%S", 'X': "%H:%M:%S", 'R': "%H:%M", 'F': "%Y-%m-%d",
			'r': "%I:%M:%S %p", 'c': "%a %b %e %H:%M:%S %Y"}[verb]; composed {
			ok = p.read(whole)
		}
	}
	return ok
}

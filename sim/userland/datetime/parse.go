package datetime

import (
	"strconv"
	"strings"
	"time"
)

// Parse reads a date as GNU's date -d does: absolute ("2024-01-31 10:00:00 +0200", "31 Jan 2024",
// "@86400"), by name ("yesterday", "next monday", "noon") and relative ("2 days ago", "+1 hour"),
// in any mixture. What is not said is now's; a date without a time of day means midnight.
func Parse(s string, now time.Time) (t time.Time, ok bool) {
	if rest, ok := strings.CutPrefix(s, `TZ="`); ok {
		zone, rest, found := strings.Cut(rest, `"`)
		if !found {
			return t, false
		}
		s, now = rest, now.In(Zone(zone))
	}
	p := &parser{now: now, toks: tokens(s), loc: now.Location()}
	if p.toks == nil && strings.TrimSpace(stripComments(s)) != "" {
		return t, false
	}
	for p.i < len(p.toks) {
		if !p.item() {
			return t, false
		}
	}
	return p.result()
}

type token struct {
	kind  byte   // 'n' number, 'w' word, or the character itself
	text  string // digits, or the word in lower case
	frac  string // digits behind a decimal point
	space bool   // a blank stood before it
}

func stripComments(s string) string {
	depth := 0
	return strings.Map(func(r rune) rune {
		switch {
		case r == '(':
			depth++
			return -1
		case r == ')' && depth > 0:
			depth--
			return -1
		case depth > 0:
			return -1
		}
		return r
	}, s)
}

func tokens(s string) []token {
	s = stripComments(s)
	var ts []token
	space := false
	for i := 0; i < len(s); {
		ch := s[i]
		j := i
		switch {
		case ch == ' ' || ch >= '\t' && ch <= '\r':
			space = true
			i++
			continue
		case ch >= '0' && ch <= '9':
			for j < len(s) && s[j] >= '0' && s[j] <= '9' {
				j++
			}
			t := token{kind: 'n', text: s[i:j], space: space}
			if j+1 < len(s) && (s[j] == '.' || s[j] == ',') && s[j+1] >= '0' && s[j+1] <= '9' {
				k := j + 1
				for k < len(s) && s[k] >= '0' && s[k] <= '9' {
					k++
				}
				t.frac, j = s[j+1:k], k
			}
			ts = append(ts, t)
		case ch|0x20 >= 'a' && ch|0x20 <= 'z':
			for j < len(s) && (s[j]|0x20 >= 'a' && s[j]|0x20 <= 'z' || s[j] == '.') {
				j++
			}
			ts = append(ts, token{kind: 'w', text: strings.ReplaceAll(strings.ToLower(s[i:j]), ".", ""), space: space})
		case ch == ',':
			j++ // a comma is as good as a blank
		case strings.IndexByte("-+/:@", ch) >= 0:
			j++
			ts = append(ts, token{kind: ch, text: string(ch), space: space})
		default:
			return nil
		}
		space = false
		i = j
	}
	return ts
}

type parser struct {
	now  time.Time
	loc  *time.Location
	toks []token
	i    int

	year, day      int
	month          time.Month
	haveDate       bool
	h, m, s, ns    int
	haveTime       bool
	epoch          *time.Time
	zone           *time.Location
	timeEnds       int // where a time of day without am or pm has ended; 0: nowhere
	weekday, which int // which: 0 this or next one, 1 next, -1 last
	haveDay        bool
	rel            [7]int // years, months, days, hours, minutes, seconds, nanoseconds
	haveRel        bool
}

func (p *parser) peek(k int) token {
	if p.i+k < len(p.toks) {
		return p.toks[p.i+k]
	}
	return token{}
}

func (p *parser) kinds(pattern string) bool {
	for k := range len(pattern) {
		if p.peek(k).kind != pattern[k] {
			return false
		}
	}
	return true
}

func atoi(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil || n > 1<<40 {
		return -1
	}
	return n
}

func nanos(frac string) int {
	return atoi((frac + "000000000")[:9])
}

var months = map[string]time.Month{"jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6, "jul": 7, "aug": 8, "sep": 9, "sept": 9, "oct": 10, "nov": 11, "dec": 12}
var weekdays = map[string]int{"sun": 0, "mon": 1, "tue": 2, "tues": 2, "wed": 3, "wednes": 3, "thu": 4, "thur": 4, "thurs": 4, "fri": 5, "sat": 6}
var units = map[string]struct{ field, n int }{
	"year": {0, 1}, "month": {1, 1}, "fortnight": {2, 14}, "week": {2, 7}, "day": {2, 1},
	"hour": {3, 1}, "minute": {4, 1}, "min": {4, 1}, "second": {5, 1}, "sec": {5, 1},
}
var ordinals = map[string]int{"last": -1, "this": 0, "next": 1, "first": 1, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9, "tenth": 10, "eleventh": 11, "twelfth": 12}
var zones = map[string]int{"utc": 0, "gmt": 0, "ut": 0, "z": 0, "wet": 0, "bst": 1, "cet": 1, "cest": 2, "met": 1, "eet": 2, "msk": 3, "jst": 9, "est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7}

func monthOf(w string) (time.Month, bool) {
	if m, ok := months[w]; ok {
		return m, true
	}
	for m := time.January; m <= time.December; m++ {
		if strings.EqualFold(m.String(), w) {
			return m, true
		}
	}
	return 0, false
}

func weekdayOf(w string) (int, bool) {
	if d, ok := weekdays[w]; ok {
		return d, true
	}
	d, ok := weekdays[strings.TrimSuffix(w, "day")]
	return d, ok && strings.HasSuffix(w, "day")
}

func (p *parser) unit(w string) bool {
	_, ok := units[w]
	if !ok {
		_, ok = units[strings.TrimSuffix(w, "s")]
	}
	return ok
}

// add adds n of the unit named by the word at k, and "ago" behind it, and goes past both.
func (p *parser) add(n int, frac string, k int) bool {
	u, ok := units[p.peek(k).text]
	if !ok {
		u = units[strings.TrimSuffix(p.peek(k).text, "s")]
	}
	sign := 1
	p.i += k + 1
	if p.peek(0).text == "ago" {
		sign = -1
		p.i++
	}
	if n > 1<<33 || n < -1<<33 {
		return false
	}
	p.rel[u.field] += sign * n * u.n
	if frac != "" {
		if u.field != 5 {
			return false
		}
		if n < 0 {
			sign = -sign
		}
		p.rel[6] += sign * nanos(frac)
	}
	p.haveRel = true
	return true
}

func (p *parser) date(y int, mo time.Month, d int) bool {
	if p.haveDate || mo < 1 || mo > 12 || d < 1 || d > 31 || y < 0 {
		return false
	}
	p.year, p.month, p.day, p.haveDate = y, mo, d, true
	return true
}

func year(t string) int {
	y := atoi(t)
	if len(t) <= 2 && y >= 0 {
		if y < 69 {
			return y + 2000
		}
		return y + 1900
	}
	return y
}

// item reads one item and says whether it could.
func (p *parser) item() bool {
	t := p.peek(0)
	switch t.kind {
	case '@':
		p.i++
		sign := 1
		if p.peek(0).kind == '-' {
			sign = -1
			p.i++
		}
		n := p.peek(0)
		if n.kind != 'n' || p.epoch != nil || len(p.toks) > 3 {
			return false
		}
		p.i++
		v, err := strconv.ParseInt(n.text, 10, 64)
		if err != nil {
			return false
		}
		e := time.Unix(int64(sign)*v, int64(sign*nanos(n.frac))).In(p.loc)
		p.epoch = &e
		return true
	case '+', '-':
		// A signed number with a unit, or a zone behind a time.
		if n := p.peek(1); n.kind == 'n' {
			sign := 1
			if t.kind == '-' {
				sign = -1
			}
			// Right behind a time it is the zone, even with a unit after it.
			if p.timeEnds == p.i && p.haveTime && p.zone == nil {
				return p.numericZone()
			}
			if p.peek(2).kind == 'w' && p.unit(p.peek(2).text) {
				return p.add(sign*atoi(n.text), n.frac, 2)
			}
			if p.haveTime && p.zone == nil {
				return p.numericZone()
			}
		}
		return false
	case 'w':
		return p.word(t.text)
	case 'n':
		return p.number(t)
	}
	return false
}

func (p *parser) numericZone() bool {
	sign := 1
	if p.peek(0).kind == '-' {
		sign = -1
	}
	n := p.peek(1).text
	p.i += 2
	h, m := 0, 0
	switch {
	case len(n) <= 2 && p.peek(0).kind == ':' && p.peek(1).kind == 'n':
		h, m = atoi(n), atoi(p.peek(1).text)
		p.i += 2
	case len(n) <= 2:
		h = atoi(n)
	case len(n) <= 4:
		h, m = atoi(n)/100, atoi(n)%100
	default:
		return false
	}
	if h > 24 || m > 59 {
		return false
	}
	p.zone = time.FixedZone("", sign*(h*3600+m*60))
	return true
}

func (p *parser) word(w string) bool {
	if m, ok := monthOf(w); ok {
		// Jan 31 [2024]; Jan 2024 is the first of it
		n := p.peek(1)
		if n.kind == '-' {
			n = p.peek(2)
			p.i++
		}
		if n.kind != 'n' {
			return false
		}
		p.i += 2
		y := p.now.Year()
		if k := p.peek(0); k.kind == 'n' && p.peek(1).kind != ':' && (len(k.text) == 4) && !p.unit(p.peek(1).text) {
			y = atoi(k.text)
			p.i++
		} else if k.kind == '-' && p.peek(1).kind == 'n' {
			y = year(p.peek(1).text)
			p.i += 2
		}
		return p.date(y, m, atoi(n.text))
	}
	if d, ok := weekdayOf(w); ok {
		p.i++
		if p.haveDay {
			return false
		}
		p.weekday, p.which, p.haveDay = d, 0, true
		return true
	}
	if n, ok := ordinals[w]; ok {
		next := p.peek(1).text
		if d, ok := weekdayOf(next); ok {
			p.weekday, p.which, p.haveDay = d, n, true
			p.i += 2
			return true
		}
		if p.unit(next) {
			return p.add(n, "", 1)
		}
		return false
	}
	if p.unit(w) {
		return p.add(1, "", 0)
	}
	p.i++
	switch w {
	case "now", "today":
		p.haveRel = true
	case "yesterday":
		p.rel[2]--
		p.haveRel = true
	case "tomorrow":
		p.rel[2]++
		p.haveRel = true
	case "t": // between date and time, in ISO 8601
		return p.haveDate && p.peek(0).kind == 'n'
	case "dst":
		return p.zone != nil
	default:
		h, ok := zones[w]
		if len(w) == 1 && !ok {
			h, ok = military(w[0])
		}
		if !ok || p.zone != nil {
			return false
		}
		p.zone = time.FixedZone(strings.ToUpper(w), h*3600)
		if (p.peek(0).kind == '+' || p.peek(0).kind == '-') && p.peek(1).kind == 'n' && !p.unit(p.peek(2).text) {
			return p.numericZone()
		}
	}
	return true
}

// military is the hours of a time zone of one letter: A to M (without J) east, N to Y west.
func military(letter byte) (hours int, ok bool) {
	switch {
	case letter >= 'a' && letter <= 'i':
		return int(letter-'a') + 1, true
	case letter >= 'k' && letter <= 'm':
		return int(letter-'k') + 10, true
	case letter >= 'n' && letter <= 'y':
		return -int(letter-'n') - 1, true
	}
	return 0, false
}

func (p *parser) clock(h, m, s, ns int) bool {
	if p.haveTime || h < 0 || h > 24 || m < 0 || m > 59 || s < 0 || s > 60 {
		return false
	}
	p.h, p.m, p.s, p.ns, p.haveTime = h, m, s, ns, true
	return true
}

// meridian applies an "am" or "pm" that stands next.
func (p *parser) meridian(h int) (int, bool) {
	switch w := p.peek(0).text; w {
	case "am", "pm":
		p.i++
		if h < 1 || h > 12 {
			return 0, false
		}
		h %= 12
		if w == "pm" {
			h += 12
		}
	}
	return h, h < 24
}

func (p *parser) number(t token) bool {
	n := atoi(t.text)
	switch {
	case p.kinds("n:n"): // 10:30[:00[.5]] [pm] [zone]
		m := atoi(p.peek(2).text)
		s, ns := 0, 0
		p.i += 3
		if p.kinds(":n") {
			s, ns = atoi(p.peek(1).text), nanos(p.peek(1).frac)
			p.i += 2
		}
		before := p.i
		h, ok := p.meridian(n)
		if p.i == before {
			p.timeEnds = p.i
		}
		return ok && p.clock(h, m, s, ns)
	case p.kinds("n-n-n"): // 2024-01-31
		d := p.date(year(t.text), time.Month(atoi(p.peek(2).text)), atoi(p.peek(4).text))
		p.i += 5
		return d
	case p.kinds("n-w-n"): // 31-Jan-2024
		m, ok := monthOf(p.peek(2).text)
		d := ok && p.date(year(p.peek(4).text), m, n)
		p.i += 5
		return d
	case p.kinds("n/n/n"): // 1/31/2024, or 2024/1/31
		a, b, c := p.peek(0), p.peek(2), p.peek(4)
		p.i += 5
		if len(a.text) >= 4 {
			return p.date(atoi(a.text), time.Month(atoi(b.text)), atoi(c.text))
		}
		return p.date(year(c.text), time.Month(n), atoi(b.text))
	case p.kinds("n/n"): // 1/31
		d := atoi(p.peek(2).text)
		p.i += 3
		return p.date(p.now.Year(), time.Month(n), d)
	case p.kinds("nw"):
		w := p.peek(1).text
		if m, ok := monthOf(w); ok { // 31 Jan [2024]
			p.i += 2
			y := p.now.Year()
			if k := p.peek(0); k.kind == 'n' && p.peek(1).kind != ':' && !p.unit(p.peek(1).text) {
				y = year(k.text)
				p.i++
			}
			return p.date(y, m, n)
		}
		if p.unit(w) {
			return p.add(n, t.frac, 1)
		}
		if w == "am" || w == "pm" {
			p.i++
			h, ok := p.meridian(n)
			return ok && p.clock(h, 0, 0, 0)
		}
	}
	p.i++
	switch {
	case p.haveDate && p.haveTime && !p.haveRel && len(t.text) == 4:
		p.year = n
		return true
	case len(t.text) > 4 && !p.haveDate: // YYYYMMDD
		return p.date(n/10000, time.Month(n/100%100), n%100)
	case len(t.text) <= 2:
		return p.clock(n, 0, 0, 0)
	case len(t.text) <= 4:
		return p.clock(n/100, n%100, 0, 0)
	}
	return false
}

func (p *parser) result() (time.Time, bool) {
	if p.epoch != nil {
		if p.haveDate || p.haveTime || p.haveDay || p.zone != nil {
			return time.Time{}, false
		}
		t := p.epoch.AddDate(p.rel[0], p.rel[1], p.rel[2])
		return p.relative(t), true
	}
	loc := p.loc
	now := p.now
	if p.zone != nil {
		loc = p.zone
		now = now.In(loc)
	}
	y, mo, d := now.Date()
	if p.haveDate {
		y, mo, d = p.year, p.month, p.day
		if d > 28 && time.Date(y, mo, d, 0, 0, 0, 0, time.UTC).Day() != d {
			return time.Time{}, false
		}
	}
	h, m, s, ns := p.h, p.m, p.s, p.ns
	if !p.haveTime && !p.haveDate && !p.haveDay && p.haveRel || p.zone != nil && !p.haveTime && !p.haveDate && !p.haveDay && p.haveRel {
		h, m, s = now.Clock()
		ns = now.Nanosecond()
	}
	if p.haveDay && !p.haveDate {
		base := time.Date(y, mo, d, 0, 0, 0, 0, loc)
		delta := (p.weekday - int(base.Weekday()) + 7) % 7
		delta += 7 * p.which
		if p.which > 0 && delta >= 7 && (p.weekday-int(base.Weekday())+7)%7 != 0 {
			delta -= 7
		}
		d += delta
	}
	t := time.Date(y+p.rel[0], mo+time.Month(p.rel[1]), d+p.rel[2], h, m, s, ns, loc)
	return p.relative(t).In(p.loc), true
}

func (p *parser) relative(t time.Time) time.Time {
	return t.Add(time.Duration(p.rel[3])*time.Hour + time.Duration(p.rel[4])*time.Minute + time.Duration(p.rel[5])*time.Second + time.Duration(p.rel[6]))
}

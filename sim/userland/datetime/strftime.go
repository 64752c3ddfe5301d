// Package datetime writes and reads times as C programs do: strftime(3) in the C locale with
// GNU's flags and widths, and the loose dates of GNU's date -d and touch -d.
package datetime

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Format is strftime(3) in the C locale, with GNU date's %N, %:z and flags (- _ 0 ^ # +) and
// widths. A conversion that there is not stands as it is.
func Format(format string, t time.Time) string {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			b.WriteByte(format[i])
			continue
		}
		start := i
		i++
		var pad byte
		upper, swap := false, false
		for ; i < len(format) && strings.IndexByte("-_0^#+", format[i]) >= 0; i++ {
			switch format[i] {
			case '^':
				upper = true
			case '#':
				swap = true
			default:
				pad = format[i]
			}
		}
		width := -1
		for ; i < len(format) && format[i] >= '0' && format[i] <= '9'; i++ {
			width = min(max(width, 0)*10+int(format[i]-'0'), 4096)
		}
		colons := 0
		for ; i < len(format) && format[i] == ':' && colons < 3; i++ {
			colons++
		}
		if i < len(format) && (format[i] == 'E' || format[i] == 'O') {
			i++
		}
		if i >= len(format) {
			b.WriteString(format[start:])
			break
		}
		text, ok := conversion(format[i], t, pad, width, colons)
		if !ok {
			b.WriteString(format[start : i+1])
			continue
		}
		switch {
		case upper:
			text = strings.ToUpper(text)
		case swap && (format[i] == 'Z' || format[i] == 'p'):
			text = strings.ToLower(text)
		case swap:
			text = strings.ToUpper(text)
		}
		b.WriteString(text)
	}
	return b.String()
}

// number writes n in at least digits digits (or width), padded by pad, '0' or '_' or '-'.
func number(n int, digits int, pad, def byte, width int) string {
	if pad == 0 || pad == '+' {
		pad = def
	}
	if width >= 0 {
		digits = width
	}
	sign := ""
	if n < 0 {
		sign, n = "-", -n
		digits--
	}
	s := strconv.Itoa(n)
	switch {
	case pad == '-':
		return sign + s
	case pad == '_':
		return strings.Repeat(" ", max(0, digits-len(s))) + sign + s
	}
	return sign + strings.Repeat("0", max(0, digits-len(s))) + s
}

func conversion(verb byte, t time.Time, pad byte, width, colons int) (string, bool) {
	num := func(n, digits int) (string, bool) { return number(n, digits, pad, '0', width), true }
	blank := func(n, digits int) (string, bool) { return number(n, digits, pad, '_', width), true }
	str := func(s string) (string, bool) {
		fill := " "
		if pad == '0' {
			fill = "0"
		}
		return strings.Repeat(fill, max(0, width-len(s))) + s, true
	}
	sub := func(f string) (string, bool) { return str(Format(f, t)) }
	hour12 := (t.Hour()+11)%12 + 1
	if colons > 0 && verb != 'z' {
		return "", false
	}
	switch verb {
	case '%':
		return str("%")
	case 'n':
		return str("\n")
	case 't':
		return str("\t")
	case 'a':
		return str(t.Weekday().String()[:3])
	case 'A':
		return str(t.Weekday().String())
	case 'b', 'h':
		return str(t.Month().String()[:3])
	case 'B':
		return str(t.Month().String())
	case 'c':
		return sub("%a %b %e %H:%M:%S %Y")
	case 'C':
		return num(t.Year()/100, 2)
	case 'd':
		return num(t.Day(), 2)
	case 'D', 'x':
		return sub("%m/%d/%y")
	case 'e':
		return blank(t.Day(), 2)
	case 'F':
		return sub("%Y-%m-%d")
	case 'g':
		y, _ := t.ISOWeek()
		return num(y%100, 2)
	case 'G':
		y, _ := t.ISOWeek()
		return num(y, 1)
	case 'H':
		return num(t.Hour(), 2)
	case 'I':
		return num(hour12, 2)
	case 'j':
		return num(t.YearDay(), 3)
	case 'k':
		return blank(t.Hour(), 2)
	case 'l':
		return blank(hour12, 2)
	case 'm':
		return num(int(t.Month()), 2)
	case 'M':
		return num(t.Minute(), 2)
	case 'N':
		s := fmt.Sprintf("%09d", t.Nanosecond())
		switch {
		case pad == '-':
			if s = strings.TrimRight(s, "0"); s == "" {
				s = "0"
			}
		case width > 0 && width <= 9:
			s = s[:width]
		case width > 9:
			s += strings.Repeat("0", width-9)
		}
		return s, true
	case 'p':
		if t.Hour() < 12 {
			return str("AM")
		}
		return str("PM")
	case 'P':
		if t.Hour() < 12 {
			return str("am")
		}
		return str("pm")
	case 'q':
		return num((int(t.Month())+2)/3, 1)
	case 'r':
		return sub("%I:%M:%S %p")
	case 'R':
		return sub("%H:%M")
	case 's':
		return num(int(t.Unix()), 1)
	case 'S':
		return num(t.Second(), 2)
	case 'T', 'X':
		return sub("%H:%M:%S")
	case 'u':
		return num((int(t.Weekday())+6)%7+1, 1)
	case 'U':
		return num((t.YearDay()+6-int(t.Weekday()))/7, 2)
	case 'V':
		_, w := t.ISOWeek()
		return num(w, 2)
	case 'w':
		return num(int(t.Weekday()), 1)
	case 'W':
		return num((t.YearDay()+6-(int(t.Weekday())+6)%7)/7, 2)
	case 'y':
		return num((t.Year()%100+100)%100, 2)
	case 'Y':
		return num(t.Year(), 1)
	case 'z':
		_, off := t.Zone()
		sign := "+"
		if off < 0 {
			sign, off = "-", -off
		}
		h, m, s := off/3600, off/60%60, off%60
		switch colons {
		case 1:
			return fmt.Sprintf("%s%02d:%02d", sign, h, m), true
		case 2:
			return fmt.Sprintf("%s%02d:%02d:%02d", sign, h, m, s), true
		case 3:
			switch {
			case s != 0:
				return fmt.Sprintf("%s%02d:%02d:%02d", sign, h, m, s), true
			case m != 0:
				return fmt.Sprintf("%s%02d:%02d", sign, h, m), true
			}
			return fmt.Sprintf("%s%02d", sign, h), true
		}
		return fmt.Sprintf("%s%02d%02d", sign, h, m), true
	case 'Z':
		name, _ := t.Zone()
		return str(name)
	}
	return "", false
}

// Where time zones are described: the machine's own, and all others by their names.
const (
	localZone = "/etc/localtime"
	zoneDir   = "/usr/share/zoneinfo/"
)

// Load is the time zone of a process, as the C library finds it: /etc/localtime if TZ is not set,
// or else the file that TZ names, by its whole path or below /usr/share/zoneinfo, or else what
// Zone reads in it. read gives the content of a file.
func Load(tz string, set bool, read func(path string) ([]byte, error)) *time.Location {
	file := localZone
	if set {
		tz = strings.TrimPrefix(tz, ":")
		switch {
		case tz == "":
			return time.UTC
		case strings.HasPrefix(tz, "/"):
			file = tz
		default:
			file = zoneDir + tz
		}
	}
	if b, err := read(file); err == nil && len(b) < 1<<20 {
		if loc, err := time.LoadLocationFromTZData(tz, b); err == nil {
			return loc
		}
	}
	return Zone(tz)
}

// Zone reads the value of TZ in POSIX's notation ("UTC0", "EST5EDT,M3.2.0,M11.1.0", "<+03>-3"), or
// the names "UTC", "GMT" and "Etc/UTC". What it does not know is UTC under that name,
// as the C library has it for a zone without a file.
func Zone(tz string) *time.Location {
	tz = strings.TrimPrefix(tz, ":")
	if tz == "" || tz == "UTC" || tz == "Etc/UTC" || tz == "UTC0" || tz == "Universal" {
		return time.UTC
	}
	name, rest := "", tz
	if strings.HasPrefix(tz, "<") {
		end := strings.IndexByte(tz, '>')
		if end < 0 {
			return time.UTC
		}
		name, rest = tz[1:end], tz[end+1:]
	} else {
		i := 0
		for i < len(tz) && (tz[i]|0x20 >= 'a' && tz[i]|0x20 <= 'z') {
			i++
		}
		name, rest = tz[:i], tz[i:]
	}
	if len(name) < 3 || rest == "" {
		if len(name) < 3 {
			return time.UTC
		}
		return time.FixedZone(name, 0)
	}
	sign := -1 // west of Greenwich is positive in POSIX
	switch rest[0] {
	case '-':
		sign, rest = 1, rest[1:]
	case '+':
		rest = rest[1:]
	}
	secs, unit := 0, 3600
	for unit > 0 && rest != "" {
		i := 0
		for i < len(rest) && rest[i] >= '0' && rest[i] <= '9' && i < 3 {
			i++
		}
		n, err := strconv.Atoi(rest[:i])
		if err != nil {
			break
		}
		secs += n * unit
		rest = rest[i:]
		if !strings.HasPrefix(rest, ":") {
			break
		}
		rest, unit = rest[1:], unit/60
	}
	if rest != "" { // the name of a summer time, and when it is
		if loc, err := time.LoadLocationFromTZData(tz, ruled(name, sign*secs, tz)); err == nil {
			return loc
		}
	}
	return time.FixedZone(name, sign*secs)
}

// ruled is the content of a time zone file (RFC 8536) that knows no change of its own and leaves
// all to the rule in its footer.
func ruled(name string, east int, rule string) []byte {
	b := []byte("TZif2" + string(make([]byte, 15+6*4)) + "TZif2" + string(make([]byte, 15)))
	for _, n := range []int{0, 0, 0, 0, 1, len(name) + 1, east} {
		b = binary.BigEndian.AppendUint32(b, uint32(n))
	}
	return append(b, "\x00\x00"+name+"\x00\n"+rule+"\n"...)
}

package system

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/dockerlab/dockerlab/sim/userland/datetime"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// calendar is one run of cal. Up to 2 September 1752 it counts leap years as Julius Caesar did, and
// the next day is the 14th, as England had it.
type calendar struct {
	c      *prog.Ctx
	julian bool // days of the year instead of the month
	monday bool
	cell   int // width of a day
}

func cal(c *prog.Ctx) int {
	k := &calendar{c: c, cell: 2}
	whole := false
	for o := range c.Getopt("jmy", nil) {
		switch o.Val {
		case 'j':
			k.julian, k.cell = true, 3
		case 'm':
			k.monday = true
		case 'y':
			whole = true
		}
	}
	now := c.Now().In(datetime.Zone(c.Getenv("TZ")))
	month, year := int(now.Month()), now.Year()
	switch len(c.Args) {
	case 0:
		if whole {
			month = 0
		}
	case 1:
		month, year = 0, k.number(c.Args[0], 9999)
	case 2:
		month = k.number(c.Args[0], 12)
		year = k.number(c.Args[1], 9999)
		if whole {
			month = 0
		}
	default:
		c.Usage()
	}
	if month == 0 {
		k.year(year)
		return 0
	}
	title := time.Month(month).String() + " " + strconv.Itoa(year)
	c.Print(strings.Repeat(" ", (k.width()-len(title))/2), title, "\n", k.headings(), "\n")
	for _, week := range k.weeks(month, year) {
		k.row(week + " ")
	}
	return 0
}

// number reads a number from 1 to most.
func (k *calendar) number(s string, most int) int {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		k.c.Die(1, "invalid number '%s'", s)
	}
	if n < 1 || n > uint64(most) {
		k.c.Die(1, "number %s is not in 1..%d range", s, most)
	}
	return int(n)
}

// width is that of a week.
func (k *calendar) width() int { return 7*(k.cell+1) - 1 }

func (k *calendar) headings() string {
	var days []string
	for i := range 7 {
		day := i
		if k.monday {
			day = (i + 1) % 7
		}
		days = append(days, fmt.Sprintf("%*s", k.cell, time.Weekday(day).String()[:2]))
	}
	return strings.Join(days, " ")
}

// row writes a line without the blanks at its end, unless it is all blanks.
func (k *calendar) row(s string) {
	if t := strings.TrimRight(s, " "); t != "" {
		s = t
	}
	k.c.Print(s, "\n")
}

func leap(year int) bool {
	if year <= 1752 {
		return year%4 == 0
	}
	return year%4 == 0 && year%100 != 0 || year%400 == 0
}

func daysIn(month, year int) int {
	switch month {
	case 2:
		if leap(year) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// weekday is the day of the week of the first of a month, Sunday being 0.
func weekday(month, year int) int {
	days := 0
	for m := 1; m < month; m++ {
		days += daysIn(m, year)
	}
	y := year - 1
	if year > 1752 || year == 1752 && month > 9 {
		leaps := y / 4
		if y >= 1752 {
			leaps += -y/100 + y/400
			return (days + 365*y + leaps + 1) % 7
		}
		// The last months of 1752: eleven days fewer.
		return (days + 365*y + leaps + 6 - 11 + 7*2) % 7
	}
	return (days + 365*y + y/4 + 6) % 7
}

// weeks are the six lines of a month, each as wide as a week.
func (k *calendar) weeks(month, year int) [6]string {
	var cells [42]string
	at := weekday(month, year)
	if k.monday {
		at = (at + 6) % 7
	}
	before := 0
	for m := 1; m < month; m++ {
		before += daysIn(m, year)
	}
	for d := 1; d <= daysIn(month, year); d++ {
		if year == 1752 && month == 9 && d > 2 && d < 14 {
			continue
		}
		n := d
		if k.julian {
			n += before
		}
		cells[at] = strconv.Itoa(n)
		at++
	}
	var weeks [6]string
	for i := range weeks {
		var week []string
		for _, s := range cells[7*i : 7*i+7] {
			week = append(week, fmt.Sprintf("%*s", k.cell, s))
		}
		weeks[i] = strings.Join(week, " ")
	}
	return weeks
}

// center puts s into the middle of width columns.
func center(s string, width int) string {
	pad := width - len(s)
	return strings.Repeat(" ", pad/2) + s + strings.Repeat(" ", pad-pad/2)
}

// year prints all months, three in a row, or two where days have three digits.
func (k *calendar) year(year int) {
	const gap, line = "  ", 79
	across := 3
	if k.julian {
		across = 2
	}
	k.c.Print(center(strconv.Itoa(year), across*k.width()+(across-1)*len(gap)), "\n\n")
	for m := 1; m <= 12; m += across {
		var names, heads []string
		var weeks [6][]string
		for i := range across {
			names = append(names, center(time.Month(m+i).String(), k.width()))
			heads = append(heads, k.headings())
			for w, s := range k.weeks(m+i, year) {
				weeks[w] = append(weeks[w], s)
			}
		}
		k.c.Print(strings.Join(names, gap), "\n", strings.Join(heads, gap), "\n")
		for _, w := range weeks {
			k.row(fmt.Sprintf("%-*s", line, strings.Join(w, gap)))
		}
	}
}

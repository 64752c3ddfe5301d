package system

import (
	"bufio"
	"strings"
	"time"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/datetime"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

const (
	dateRFC3339 = prog.LongOnly + iota
	dateDebug
	dateResolution
)

func date(c *prog.Ctx) int {
	var text, set, file, reference, format, layout string
	var haveText, haveSet, haveFormat, utc bool
	setFormat := func(f string) {
		if haveFormat && c.GNU() {
			c.Die(1, "multiple output formats specified")
		}
		format, haveFormat = f, true
	}
	long := []prog.Long{
		{Name: "date", Arg: prog.ReqArg, Val: 'd'}, {Name: "debug", Val: dateDebug}, {Name: "file", Arg: prog.ReqArg, Val: 'f'}, {Name: "iso-8601", Arg: prog.OptArg, Val: 'I'},
		{Name: "reference", Arg: prog.ReqArg, Val: 'r'}, {Name: "resolution", Val: dateResolution}, {Name: "rfc-822", Val: 'R'}, {Name: "rfc-2822", Val: 'R'}, {Name: "rfc-email", Val: 'R'},
		{Name: "rfc-3339", Arg: prog.ReqArg, Val: dateRFC3339}, {Name: "set", Arg: prog.ReqArg, Val: 's'}, {Name: "uct", Val: 'u'}, {Name: "utc", Val: 'u'}, {Name: "universal", Val: 'u'},
	}
	short := "d:f:I::r:Rs:u"
	if !c.GNU() {
		short = "Rs:ud:r:I::D:"
		long = []prog.Long{{Name: "rfc-822", Val: 'R'}, {Name: "rfc-2822", Val: 'R'}, {Name: "set", Arg: prog.ReqArg, Val: 's'}, {Name: "utc", Val: 'u'}, {Name: "date", Arg: prog.ReqArg, Val: 'd'}, {Name: "reference", Arg: prog.ReqArg, Val: 'r'}}
	}
	iso := map[string]string{"date": "%Y-%m-%d", "hours": "%Y-%m-%dT%H%:z", "minutes": "%Y-%m-%dT%H:%M%:z", "seconds": "%Y-%m-%dT%H:%M:%S%:z", "ns": "%Y-%m-%dT%H:%M:%S,%N%:z"}
	for o := range c.Getopt(short, long) {
		switch o.Val {
		case 'd':
			text, haveText = o.Arg, true
		case 'D':
			layout = o.Arg
		case 'f':
			file = o.Arg
		case 'I':
			which := "date"
			if o.Has && o.Arg != "" {
				if c.GNU() {
					which = c.Choose("--iso-8601", o.Arg, "hours", "minutes", "date", "seconds", "ns")
				} else {
					which = ""
					for _, w := range []string{"date", "hours", "minutes", "seconds", "ns"} {
						if strings.HasPrefix(w, o.Arg) && which == "" {
							which = w
						}
					}
					if which == "" {
						c.Usage()
					}
				}
			}
			setFormat(iso[which])
		case 'r':
			reference = o.Arg
		case 'R':
			setFormat("%a, %d %b %Y %H:%M:%S %z")
		case dateRFC3339:
			setFormat(map[string]string{"date": "%Y-%m-%d", "seconds": "%Y-%m-%d %H:%M:%S%:z", "ns": "%Y-%m-%d %H:%M:%S.%N%:z"}[c.Choose("--rfc-3339", o.Arg, "date", "seconds", "ns")])
		case 's':
			set, haveSet = o.Arg, true
		case 'u':
			utc = true
		case dateResolution:
			c.Print("0.000000001\n")
			return 0
		}
	}
	sources := 0
	for _, b := range []bool{haveText, file != "", reference != ""} {
		if b {
			sources++
		}
	}
	if sources > 1 && c.GNU() {
		c.Fail("the options to specify dates for printing are mutually exclusive")
		c.Usage()
	}
	if haveSet && sources > 0 && c.GNU() {
		c.Fail("the options to print and set the time may not be used together")
		c.Usage()
	}
	args := c.Args
	stamp := ""
	for i, a := range args {
		switch {
		case strings.HasPrefix(a, "+") && i == 0:
			setFormat(a[1:])
		case i == 0 && !c.GNU():
			text, haveText = a, true
			stamp = a
		case i > 0 && !c.GNU():
			text, haveText = a, true
		case i > 0:
			c.Fail("extra operand %s", c.Quote(a))
			c.Usage()
		case sources > 0 || haveSet:
			c.Fail("the argument %s lacks a leading '+';\nwhen using an option to specify date(s), any non-option\nargument must be a format string beginning with '+'", c.Quote(a))
			c.Usage()
		default:
			stamp = a
		}
	}
	zone := c.Zone()
	if utc {
		zone = time.UTC
	}
	now := c.Now().In(zone)
	show := func(t time.Time) {
		f := format
		if !haveFormat {
			f = "%a %b %e %H:%M:%S %Z %Y"
		}
		c.Print(datetime.Format(f, t), "\n")
	}
	parse := func(s string) (time.Time, bool) {
		if c.GNU() {
			return datetime.Parse(s, now)
		}
		midnight := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location())
		if layout != "" {
			return datetime.Strptime(s, layout, midnight)
		}
		return datetime.ParseBusybox(s, midnight)
	}
	invalid := func(s string) {
		if c.GNU() {
			c.Fail("invalid date %s", c.Quote(s))
		} else {
			c.Fail("invalid date '%s'", s)
		}
	}
	switch {
	case file != "":
		f, err := c.OpenInput(file)
		if err != nil {
			c.Die(1, "%s: %v", c.QuoteColon(file), err)
		}
		defer f.Close()
		for sc := bufio.NewScanner(f); sc.Scan(); {
			t, ok := parse(sc.Text())
			if !ok {
				invalid(sc.Text())
				continue
			}
			show(t)
		}
		return c.Status
	case reference != "":
		st, err := c.Stat(reference)
		if err != nil {
			if !c.GNU() {
				c.Die(1, "can't stat '%s': %v", reference, err)
			}
			c.Die(1, "%s: %v", c.QuoteColon(reference), err)
		}
		show(st.Mtime.In(zone))
		return 0
	case haveSet || stamp != "":
		when := set
		if stamp != "" {
			when = stamp
		}
		t, ok := parse(when)
		if stamp != "" {
			t, ok = setStamp(stamp, now)
			if !c.GNU() && !ok {
				t, ok = parse(stamp)
			}
		}
		if !ok {
			invalid(when)
			return 1
		}
		// A container may not set the machine's clock, and the lab's has one for all.
		if c.GNU() {
			c.Fail("cannot set date: %v", linux.EPERM)
		} else {
			c.Fail("can't set date: %v", linux.EPERM)
		}
		show(t)
		return 1
	case haveText:
		t, ok := parse(text)
		if !ok {
			invalid(text)
			return 1
		}
		show(t)
		return 0
	}
	show(now)
	return 0
}

// setStamp reads the operand of date that sets the time: MMDDhhmm[[CC]YY][.ss].
func setStamp(s string, now time.Time) (time.Time, bool) {
	digits, secs, _ := strings.Cut(s, ".")
	if len(digits) != 8 && len(digits) != 10 && len(digits) != 12 {
		return time.Time{}, false
	}
	year := now.Format("2006")
	switch len(digits) {
	case 10:
		year = "20" + digits[8:]
	case 12:
		year = digits[8:]
	}
	if secs == "" {
		secs = "00"
	}
	t, err := time.ParseInLocation("200601021504.05", year+digits[:8]+"."+secs, now.Location())
	return t, err == nil
}

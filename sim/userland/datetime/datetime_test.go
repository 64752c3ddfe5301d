package datetime

import (
	"testing"
	"time"
)

func TestFormat(t *testing.T) {
	at := time.Date(2024, 2, 3, 4, 5, 6, 7_008_009, time.FixedZone("CET", 3600))
	for format, want := range map[string]string{
		"%Y-%m-%d %H:%M:%S.%N %z":  "2024-02-03 04:05:06.007008009 +0100",
		"%a %A %b %B %e|%k|%l|%p":  "Sat Saturday Feb February  3| 4| 4|AM",
		"%c":                       "Sat Feb  3 04:05:06 2024",
		"%-d %_d %03d %^a %#Z":     "3  3 003 SAT cet",
		"%3N %:z %::z %j %U %W %V": "007 +01:00 +01:00:00 034 04 05 05",
		"%s %u %w %C %y %G %g %F":  "1706929506 6 6 20 24 2024 24 2024-02-03",
		"%Q %":                     "%Q %",
		"%10Y|%_10m|%n%t%%":        "0000002024|         2|\n\t%",
	} {
		if got := Format(format, at); got != want {
			t.Errorf("Format(%q) = %q, want %q", format, got, want)
		}
	}
}

func TestParse(t *testing.T) {
	now := time.Date(2024, 1, 31, 10, 20, 30, 500, time.UTC) // a Wednesday
	for s, want := range map[string]string{
		"2024-02-29":                     "2024-02-29 00:00:00",
		"2024-02-29 12:34":               "2024-02-29 12:34:00",
		"2024-02-29T12:34:56Z":           "2024-02-29 12:34:56",
		"2024-02-29 12:34:56 +0200":      "2024-02-29 10:34:56",
		"2024-02-29T12:34:56.5-03:30":    "2024-02-29 16:04:56",
		"@0":                             "1970-01-01 00:00:00",
		"@1700000000":                    "2023-11-14 22:13:20",
		"now":                            "2024-01-31 10:20:30",
		"yesterday":                      "2024-01-30 10:20:30",
		"tomorrow":                       "2024-02-01 10:20:30",
		"2 days ago":                     "2024-01-29 10:20:30",
		"+1 hour":                        "2024-01-31 11:20:30",
		"1 month":                        "2024-03-02 10:20:30",
		"next year":                      "2025-01-31 10:20:30",
		"last week":                      "2024-01-24 10:20:30",
		"friday":                         "2024-02-02 00:00:00",
		"next monday":                    "2024-02-05 00:00:00",
		"last monday":                    "2024-01-29 00:00:00",
		"31 Jan 2020 3pm":                "2020-01-31 15:00:00",
		"Jan 2, 2020 10:00":              "2020-01-02 10:00:00",
		"20200102":                       "2020-01-02 00:00:00",
		"1/2/2020":                       "2020-01-02 00:00:00",
		"2020-01-01 10:00 UTC + 3 days":  "2020-01-04 10:00:00",
		"Thu, 01 Jan 1970 00:00:00 GMT":  "1970-01-01 00:00:00",
		"Sat Feb  3 04:05:06 UTC 2024":   "2024-02-03 04:05:06",
		"2024-01-01 00:00:00 1 hour ago": "2023-12-31 23:00:00",
		"":                               "2024-01-31 00:00:00",
	} {
		got, ok := Parse(s, now)
		if !ok || got.Format(time.DateTime) != want {
			t.Errorf("Parse(%q) = %v, %v, want %s", s, got, ok, want)
		}
	}
	for _, s := range []string{"j", "noon", "2024-13-01", "2024-02-30", "25:00", "@", "@x", "10:00 11:00", "!", "1 2 3 4"} {
		if got, ok := Parse(s, now); ok {
			t.Errorf("Parse(%q) = %v, and is no date", s, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("Sat Feb  3 04:05:06 UTC 2024")
	f.Add("@1 - 3")
	f.Add(`TZ="EST5" next -99999999999 months ago`)
	f.Fuzz(func(t *testing.T, s string) { Parse(s, time.Unix(0, 0).UTC()) })
}

func TestZone(t *testing.T) {
	at := time.Unix(0, 0)
	for tz, want := range map[string]string{
		"UTC0": "00:00 UTC", "EST5EDT": "19:00 EST", "CET-1": "01:00 CET", "<+0330>-3:30": "03:30 +0330", "Nowhere/City": "00:00 Nowhere",
	} {
		if got := at.In(Zone(tz)).Format("15:04 MST"); got != want {
			t.Errorf("in %s it is %s, want %s", tz, got, want)
		}
	}
}

package system

import (
	"testing"
	"time"
)

func TestCronJobIsDue(t *testing.T) {
	at := func(s string) time.Time {
		v, err := time.Parse("2006-01-02 15:04", s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, test := range []struct {
		line, when string
		due        bool
	}{
		{"* * * * * x", "2024-06-01 12:34", true},
		{"34 12 * * * x", "2024-06-01 12:34", true},
		{"35 12 * * * x", "2024-06-01 12:34", false},
		{"*/2 * * * * x", "2024-06-01 12:34", true},
		{"*/2 * * * * x", "2024-06-01 12:35", false},
		{"10-20/5,34 * * * * x", "2024-06-01 12:15", true},
		{"10-20/5,34 * * * * x", "2024-06-01 12:16", false},
		{"* * * jun sat x", "2024-06-01 12:34", true},
		{"* * * * 7 x", "2024-06-02 12:34", true},
		{"* * 1 * sun x", "2024-06-01 12:34", true}, // the first, or any Sunday
		{"* * 1 * sun x", "2024-06-02 12:34", true},
		{"* * 1 * sun x", "2024-06-03 12:34", false},
	} {
		job, ok := parseCronLine(test.line)
		if !ok {
			t.Errorf("%q does not parse", test.line)
		} else if got := job.due(at(test.when)); got != test.due {
			t.Errorf("%q at %s: due is %v", test.line, test.when, got)
		}
	}
}

func TestCronLinesThatAreNone(t *testing.T) {
	for _, line := range []string{"", "# * * * * * x", "* * * * *", "60 * * * * x", "* 24 * * * x", "* * 0 * * x", "*/0 * * * * x", "5-1 * * * * x", "MAILTO=root", "* * * foo * x"} {
		if _, ok := parseCronLine(line); ok {
			t.Errorf("%q is taken for a job", line)
		}
	}
}

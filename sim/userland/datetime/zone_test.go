package datetime

import (
	"os"
	"testing"
	"time"
)

func TestLoad(t *testing.T) {
	files := map[string][]byte{
		"/etc/localtime":                    ruled("EET", 7200, "EET-2"),
		"/usr/share/zoneinfo/Asia/Shanghai": ruled("CST", 28800, "CST-8"),
		"/usr/share/zoneinfo/Odd":           []byte("no zone at all"),
	}
	read := func(path string) ([]byte, error) {
		if b, ok := files[path]; ok {
			return b, nil
		}
		return nil, os.ErrNotExist
	}
	noon := time.Date(2024, 6, 1, 12, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		tz   string
		set  bool
		want string
	}{
		{"", false, "14:00 EET"},
		{"", true, "12:00 UTC"},
		{"Asia/Shanghai", true, "20:00 CST"},
		{":Asia/Shanghai", true, "20:00 CST"},
		{"/etc/localtime", true, "14:00 EET"},
		{"Europe/Nowhere", true, "12:00 Europe"},
		{"Odd", true, "12:00 Odd"},
		{"CST-8", true, "20:00 CST"},
		{"EST5EDT", true, "08:00 EDT"},
		{"EET-2EEST,M3.5.0/3,M10.5.0/4", true, "15:00 EEST"},
		{"NZST-12NZDT,M9.5.0,M4.1.0/3", true, "00:00 NZST"},
	} {
		got := noon.In(Load(tc.tz, tc.set, read)).Format("15:04 MST")
		if got != tc.want {
			t.Errorf("TZ=%q (set: %v): %s, want %s", tc.tz, tc.set, got, tc.want)
		}
	}
}

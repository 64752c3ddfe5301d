package datetime

import (
	"bytes"
	"encoding/binary"
	"os"
	"testing"
	"time"
)

// zoneFile is the content of a time zone file that has one offset for ever.
func zoneFile(name string, seconds int32, rule string) []byte {
	var b bytes.Buffer
	for range 2 { // the blocks for times of 32 and of 64 bits
		b.WriteString("TZif2" + string(make([]byte, 15)))
		binary.Write(&b, binary.BigEndian, []uint32{0, 0, 0, 0, 1, uint32(len(name) + 1)})
		binary.Write(&b, binary.BigEndian, seconds)
		b.Write([]byte{0, 0})
		b.WriteString(name + "\x00")
	}
	b.WriteString("\n" + rule + "\n")
	return b.Bytes()
}

func TestLoad(t *testing.T) {
	files := map[string][]byte{
		"/etc/localtime":                    zoneFile("EET", 7200, "EET-2"),
		"/usr/share/zoneinfo/Asia/Shanghai": zoneFile("CST", 28800, "CST-8"),
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
	} {
		got := noon.In(Load(tc.tz, tc.set, read)).Format("15:04 MST")
		if got != tc.want {
			t.Errorf("TZ=%q (set: %v): %s, want %s", tc.tz, tc.set, got, tc.want)
		}
	}
}

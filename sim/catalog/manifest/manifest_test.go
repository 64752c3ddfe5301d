package manifest

import (
	"reflect"
	"strings"
	"testing"

	"github.com/dockerlab/dockerlab/sim/linux"
)

func TestLines(t *testing.T) {
	for line, want := range map[string]Entry{
		"d 755 0:0 /etc/nginx": {Path: "/etc/nginx", Mode: linux.S_IFDIR | 0o755},
		"d 1777 0:0 /tmp":      {Path: "/tmp", Mode: linux.S_IFDIR | 0o1777},
		"f 640 0:42 @1679593652 474 /etc/shadow": {
			Path: "/etc/shadow", Mode: linux.S_IFREG | 0o640, GID: 42, Time: 1679593652, Size: 474, Kind: Text},
		"b 644 0:0 7 /lib/x.so":         {Path: "/lib/x.so", Mode: linux.S_IFREG | 0o644, Size: 7, Kind: Binary},
		"x 755 0:0 9 /bin/ls":           {Path: "/bin/ls", Mode: linux.S_IFREG | 0o755, Size: 9, Kind: Program, Program: "ls"},
		"x 755 0:0 9 /bin/vi = busybox": {Path: "/bin/vi", Mode: linux.S_IFREG | 0o755, Size: 9, Kind: Program, Program: "busybox"},
		"l 777 0:0 /bin -> usr/bin":     {Path: "/bin", Mode: linux.S_IFLNK | 0o777, Target: "usr/bin"},
		"h /bin/ash -> /bin/sh":         {Path: "/bin/ash", Target: "/bin/sh"},
		"c 666 0:0 1,3 /dev/null":       {Path: "/dev/null", Mode: linux.S_IFCHR | 0o666, Major: 1, Minor: 3},
		"p 600 33:33 /run/initctl":      {Path: "/run/initctl", Mode: linux.S_IFIFO | 0o600, UID: 33, GID: 33},
		`f 644 0:0 0 "/a b"`:            {Path: "/a b", Mode: linux.S_IFREG | 0o644, Kind: Text},
		`l 777 0:0 "/a\n" -> "b c"`:     {Path: "/a\n", Mode: linux.S_IFLNK | 0o777, Target: "b c"},
	} {
		got, err := Parse(line)
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s\n got %+v\nwant %+v", line, got, want)
		}
		if got.String() != line {
			t.Errorf("%s is written as %s", line, got)
		}
	}
}

func TestBadLines(t *testing.T) {
	for line, why := range map[string]string{
		"d":                           "too short",
		"d 755 0:0":                   "too short",
		"d 855 0:0 /x":                `a bad number: "855"`,
		"d 10000 0:0 /x":              `a bad number: "10000"`,
		"d 755 0 /x":                  "expected user:group",
		"d 755 root:root /x":          `a bad number: "root"`,
		"d 755 0:0 x":                 "not an absolute, clean path",
		"d 755 0:0 /x/":               "not an absolute, clean path",
		"d 755 0:0 /x/../../y":        "not an absolute, clean path",
		`d 755 0:0 "/x\x00"`:          "not an absolute, clean path",
		"d 755 0:0 /x y":              "more than the line should have",
		"f 644 0:0 -1 /x":             `a bad number: "-1"`,
		"f 644 0:0 @x 1 /x":           `a bad number: "x"`,
		"f 644 0:0 /x":                `a bad number: "/x"`,
		"l 777 0:0 /x":                "too short",
		"l 777 0:0 /x => y":           "expected ->",
		"h /x -> y":                   "not an absolute, clean path",
		"c 666 0:0 1 /dev/null":       "a device needs its numbers",
		"z 644 0:0 1 /x":              `unknown type "z"`,
		`f 644 0:0 1 "/x`:             "does not end",
		`f 644 0:0 1 "/x"y`:           "expected a blank",
		"x 755 0:0 1 /bin/vi busybox": "expected =",
	} {
		if e, err := Parse(line); err == nil {
			t.Errorf("%s: read as %+v", line, e)
		} else if !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v, want %q", line, err, why)
		}
	}
	if _, err := Read(strings.NewReader("# fine\n\nd 755 0:0 /\nd 755\n")); err == nil || !strings.HasPrefix(err.Error(), "line 4: ") {
		t.Errorf("the error does not name line 4: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("f 4755 0:0 @1679593652 62672 /usr/bin/chfn")
	f.Add(`l 777 0:0 "/a\n" -> "b c"`)
	f.Add("x 755 0:0 9 /bin/vi = busybox")
	f.Add("h /bin/ash -> /bin/sh")
	f.Fuzz(func(t *testing.T, line string) {
		e, err := Parse(line)
		if err != nil {
			return
		}
		again, err := Parse(e.String())
		if err != nil || !reflect.DeepEqual(e, again) {
			t.Errorf("%q is read as %+v, written as %q, read as %+v, %v", line, e, e.String(), again, err)
		}
	})
}

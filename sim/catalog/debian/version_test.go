package debian

import "testing"

func TestCompare(t *testing.T) {
	// In ascending order, the first of each line.
	ascending := []string{"", "~~", "~", "0.9~rc1-1", "0.9-1", "0.9-1+b1", "0.9-1.1", "0.9-2", "0.9-10", "0.9a", "0.9+dfsg-1", "0.10", "1.0-1~bpo12+1", "1.0-1", "1.0-1+deb12u1", "1:0.1", "2:0"}
	// The empty version comes after what begins with a tilde.
	ascending[0], ascending[1], ascending[2] = "~~", "~", ""
	for i, a := range ascending {
		for j, b := range ascending {
			c := Compare(a, b)
			if (c < 0) != (i < j) || (c > 0) != (i > j) {
				t.Errorf("Compare(%q, %q) = %d", a, b, c)
			}
		}
	}
	for _, same := range [][2]string{{"1.0", "1.00"}, {"0:1", "1"}, {"1-0", "1"}, {"1.0-00", "1.0-0"}} {
		if c := Compare(same[0], same[1]); c != 0 {
			t.Errorf("Compare(%q, %q) = %d", same[0], same[1], c)
		}
	}
}

func TestRelationHolds(t *testing.T) {
	for _, c := range []struct {
		op, version string
		want        bool
	}{
		{"", "9", true}, {"<<", "2", false}, {"<<", "1", true}, {"<=", "2", true}, {"=", "2", true}, {"=", "2-1", false},
		{">=", "2", true}, {">=", "1", false}, {">>", "2", false}, {">>", "2+b1", true}, {"?", "2", false},
	} {
		if got := (Relation{Op: c.op, Version: "2"}).Holds(c.version); got != c.want {
			t.Errorf("%s %s 2: %v", c.version, c.op, got)
		}
	}
}

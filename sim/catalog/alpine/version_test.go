package alpine

import "testing"

func TestCompare(t *testing.T) {
	for _, c := range []struct {
		older, newer string
		why          string
	}{
		{"1.2", "1.10", "numbers count as numbers"},
		{"1.2", "1.2.1", "more is newer"},
		{"1.2", "1.2a", "so is a letter"},
		{"1.2a", "1.2b", "letters have their order"},
		{"1.2_rc1", "1.2", "what comes before a release"},
		{"1.2_alpha", "1.2_beta", "comes in an order"},
		{"1.2", "1.2_p1", "what comes after a release"},
		{"1.2_p1", "1.2_p2", "is counted"},
		{"1.2-r1", "1.2-r2", "the package's revision"},
		{"1.2-r9", "1.2.1-r0", "counts last"},
		{"1.01", "1.1", "leading zeros after a dot are smaller"},
		{"1.001", "1.01", "the more the smaller"},
	} {
		if Compare(c.older, c.newer) >= 0 || Compare(c.newer, c.older) <= 0 || Compare(c.older, c.older) != 0 {
			t.Errorf("%s: %s and %s compare as %d", c.why, c.older, c.newer, Compare(c.older, c.newer))
		}
	}
	for version, want := range map[string]bool{
		"1": true, "1.2.3": true, "1.2b_pre3_p2-r4": true, "20160104-r4": true, "0": true,
		"": true, "x": true, "1.": true, "1-r": true, "1.2-r1-r2": true, "1..2": true, "1.2bc": false, "1_foo": false, "1-2": false,
	} {
		if ValidVersion(version) != want {
			t.Errorf("%q is valid: %v", version, !want)
		}
	}
}

func TestDependencies(t *testing.T) {
	for text, allowed := range map[string]map[string]bool{
		"musl":       {"1": true, "": true},
		"musl>=1.1":  {"1.1": true, "1.0": false, "1.2": true, "": false},
		"musl<1.1":   {"1.0": true, "1.1": false},
		"musl=1.1":   {"1.1": true, "1.1-r0": false},
		"musl~1.1":   {"1.1": true, "1.1.14-r9": true, "1.2": false},
		"!musl@edge": {"1": true},
	} {
		d, err := ParseDependency(text)
		if err != nil || d.String() != text || d.Name != "musl" {
			t.Errorf("%s is read as %+v, %v", text, d, err)
		}
		for version, want := range allowed {
			if d.Allows(version) != want {
				t.Errorf("%s allows %q: %v", text, version, !want)
			}
		}
	}
	for _, bad := range []string{"", "!", ">1", "a>", "a>1-2", "@edge"} {
		if d, err := ParseDependency(bad); err == nil {
			t.Errorf("%q is read as %+v", bad, d)
		}
	}
}

const stanza = "C:Q1abc=\nP:curl\nV:7.51.0-r0\nA:x86_64\nS:104683\nI:188416\nT:An URL retrival utility\nU:http://curl.haxx.se\nL:MIT\no:curl\nt:1478457373\nk:3\n" +
	"D:ca-certificates so:libcurl.so.4\np:cmd:curl=7.51.0-r0\ni:x y\n"

func TestAnIndexIsWrittenAsItIsRead(t *testing.T) {
	all, err := ParseIndex(stanza + "\n" + "P:b\nV:1\nX:new\n")
	if err != nil || len(all) != 2 || all[0].Stanza() != stanza {
		t.Fatalf("%v, %v", all, err)
	}
	if b := all[1]; b.Checksum == "" || b.File() != "b-1.apk" {
		t.Errorf("%+v", b)
	}
	curl := all[0]
	for text, want := range map[string]bool{"curl": true, "curl>8": false, "cmd:curl": true, "cmd:curl>8": false, "curl><Q1abc=": true, "wget": false} {
		if d, err := ParseDependency(text); err != nil || curl.Satisfies(d) != want {
			t.Errorf("curl satisfies %s: %v, %v", text, !want, err)
		}
	}
	for _, bad := range []string{"x", "P=x", "S:x"} {
		if all, err := ParseIndex(bad); err == nil {
			t.Errorf("%q is read as %v", bad, all)
		}
	}
}

func FuzzIndex(f *testing.F) {
	f.Add(stanza)
	f.Add("P:a\nV:1\nD:!b<>1\n")
	f.Fuzz(func(t *testing.T, text string) {
		all, err := ParseIndex(text)
		if err != nil {
			return
		}
		for _, p := range all {
			again, err := ParseIndex(p.Stanza())
			if err != nil || len(again) != 1 || again[0].Stanza() != p.Stanza() {
				t.Errorf("%q is read again as %v, %v", p.Stanza(), again, err)
			}
		}
	})
}

func FuzzCompare(f *testing.F) {
	f.Add("1.2_rc1-r0", "1.2b")
	f.Fuzz(func(t *testing.T, a, b string) {
		if ValidVersion(a) && ValidVersion(b) && (Compare(a, b) > 0) != (Compare(b, a) < 0) {
			t.Errorf("%q and %q: %d and %d", a, b, Compare(a, b), Compare(b, a))
		}
	})
}

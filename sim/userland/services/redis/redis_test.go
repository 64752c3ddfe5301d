package redis

import (
	"testing"
)

func FuzzRequest(f *testing.F) {
	f.Add([]byte("*2\r\n$3\r\nGET\r\n$1\r\na\r\n"))
	f.Add([]byte("SET a \"b\\x41\"\r\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		if _, used, err := request(in); err == nil && (used <= 0 || used > len(in)) {
			t.Errorf("took %d of %d bytes", used, len(in))
		}
	})
}

func FuzzRdb(f *testing.F) {
	f.Add([]byte("REDIS0010\xfe\x00\x00\x01a\x01b\xff\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, in []byte) {
		parseRdb(in, []database{{}, {}})
	})
}

func TestChecksumIsRedis(t *testing.T) {
	// the check value of CRC-64-Jones, as redis's own source states it
	if got := checksum([]byte("123456789")); got != 0xe9c6d914c4b8d9ca {
		t.Errorf("%#x", got)
	}
}

func TestGlob(t *testing.T) {
	for _, c := range []struct {
		pattern, s string
		want       bool
	}{
		{"*", "", true}, {"h?llo", "hello", true}, {"h?llo", "hllo", false}, {"h*llo", "heeello", true},
		{"h[ae]llo", "hallo", true}, {"h[^e]llo", "hello", false}, {"h[a-b]llo", "hbllo", true}, {`h\*`, "h*", true}, {`h\*`, "hx", false}, {"[", "a", false},
	} {
		if got := glob(c.pattern, c.s); got != c.want {
			t.Errorf("%s on %s: %v", c.pattern, c.s, got)
		}
	}
}

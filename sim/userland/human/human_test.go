package human

import "testing"

func TestGNURoundsUp(t *testing.T) {
	for n, want := range map[uint64]string{
		0: "0", 1023: "1023", 1024: "1.0K", 1025: "1.1K", 10239: "10K", 10240: "10K", 10241: "11K",
		1 << 20: "1.0M", 1<<20 - 1: "1.0M", 1023 << 10: "1023K", 4096: "4.0K", 117 << 20: "117M", 1 << 60: "1.0E",
	} {
		if got := GNU(n, 1024); got != want {
			t.Errorf("GNU(%d) = %s, want %s", n, got, want)
		}
	}
	if got := GNU(1500, 1000); got != "1.5k" {
		t.Errorf("si: %s", got)
	}
}

func TestBusyboxRounds(t *testing.T) {
	for n, want := range map[uint64]string{
		0: "0", 1023: "1023", 1024: "1.0K", 1025: "1.0K", 10239: "10.0K", 1536: "1.5K", 5 << 20: "5.0M",
	} {
		if got := Busybox(n); got != want {
			t.Errorf("Busybox(%d) = %s, want %s", n, got, want)
		}
	}
}

func TestParseSize(t *testing.T) {
	for s, want := range map[string]uint64{"1": 1, "1K": 1024, "2KB": 2000, "1MiB": 1 << 20, "k": 1024, "3b": 1536, "5c": 5} {
		if got, _, ok := ParseSize(s); !ok || got != want {
			t.Errorf("ParseSize(%q) = %d, %v", s, got, ok)
		}
	}
	for _, s := range []string{"", "x", "1X", "1KiX", "99999999999999999999", "99999999E"} {
		if got, _, ok := ParseSize(s); ok {
			t.Errorf("ParseSize(%q) = %d", s, got)
		}
	}
}

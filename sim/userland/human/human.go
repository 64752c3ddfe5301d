// Package human writes and reads sizes for people, as GNU programs (rounding up) and Busybox
// (rounding to the nearest) do.
package human

import (
	"strconv"
	"strings"
)

// GNU is gnulib's human_readable with a base of 1024 or 1000, rounding up: "4.0K", "12M", "0".
func GNU(n uint64, base uint64) string {
	if n < base {
		return strconv.FormatUint(n, 10)
	}
	unit, exp := uint64(1), 0
	for n/unit >= base && exp < 8 {
		unit *= base
		exp++
		if exp == 6 {
			break
		}
	}
	letter := "KMGTPEZY"[exp-1 : exp]
	if base == 1000 && exp == 1 {
		letter = "k"
	}
	whole, rest := n/unit, n%unit
	if whole < 10 {
		// tenths, rounded up
		tenths := (rest*10 + unit - 1) / unit
		if tenths == 10 {
			whole, tenths = whole+1, 0
		}
		if whole < 10 {
			return strconv.FormatUint(whole, 10) + "." + strconv.FormatUint(tenths, 10) + letter
		}
		rest = 0
	}
	if rest > 0 {
		whole++
	}
	if whole == base && exp < 6 {
		letter = "KMGTPEZY"[exp : exp+1]
		return "1.0" + letter
	}
	return strconv.FormatUint(whole, 10) + letter
}

// Busybox is its make_human_readable_str: one decimal, rounded to the nearest: "4.0K", "1.2M".
func Busybox(n uint64) string {
	if n < 1024 {
		return strconv.FormatUint(n, 10)
	}
	exp := 0
	frac := uint64(0)
	for n >= 1024 && exp < 6 {
		frac = (n%1024*10 + 512) / 1024
		n /= 1024
		exp++
	}
	if frac >= 10 {
		n++
		frac = 0
	}
	return strconv.FormatUint(n, 10) + "." + strconv.FormatUint(frac, 10) + "KMGTPE"[exp-1:exp]
}

// Ceil divides n by size, rounding up, as GNU's programs count blocks.
func Ceil(n, size uint64) uint64 {
	if size == 0 {
		return 0
	}
	return n/size + b2u(n%size != 0)
}

func b2u(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// BlockSize reads the argument of --block-size (and of df -B, du -B): "1K", "KB", "MiB", "1",
// "human-readable", "si". A size without a number shows its suffix behind each value.
type BlockSize struct {
	Size   uint64 // bytes per unit, 0 for Human
	Human  uint64 // 1024 or 1000: as GNU writes it
	Suffix string // behind each number
}

// ParseBlockSize reads one.
func ParseBlockSize(s string) (b BlockSize, ok bool) {
	switch s {
	case "human-readable":
		return BlockSize{Human: 1024}, true
	case "si":
		return BlockSize{Human: 1000}, true
	}
	s = strings.TrimPrefix(s, "'")
	n, suffix, ok := ParseSize(s)
	if !ok || n == 0 {
		return b, false
	}
	b.Size = n
	if s != "" && (s[0] < '0' || s[0] > '9') {
		b.Suffix = suffix
	}
	return b, true
}

// ParseSize reads a number with a multiplier: none, "K", "KiB" (1024), "KB" (1000), and the like
// up to E, "b" (512), "c" (1), "w" (2). Without digits the multiplier alone counts. ok is false
// for anything else, and for what does not fit.
func ParseSize(s string) (n uint64, suffix string, ok bool) {
	i := 0
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	n = 1
	if i > 0 {
		var err error
		if n, err = strconv.ParseUint(s[:i], 10, 64); err != nil {
			return 0, "", false
		}
	}
	suffix = s[i:]
	if suffix == "" {
		return n, "", i > 0
	}
	switch suffix {
	case "b":
		return mul(n, 512)
	case "c":
		return n, suffix, true
	case "w":
		return mul(n, 2)
	}
	letter := suffix[0]
	if letter == 'k' {
		letter = 'K'
	}
	exp := strings.IndexByte("KMGTPE", letter) + 1
	if exp == 0 {
		if letter == 'm' {
			exp = 2
		} else if letter == 'g' {
			exp = 3
		} else {
			return 0, "", false
		}
	}
	base := uint64(1024)
	switch suffix[1:] {
	case "", "iB":
	case "B":
		base = 1000
	default:
		return 0, "", false
	}
	for range exp {
		if n > (1<<64-1)/base {
			return 0, "", false
		}
		n *= base
	}
	return n, suffix, true
}

func mul(n, by uint64) (uint64, string, bool) {
	if n > (1<<64-1)/by {
		return 0, "", false
	}
	return n * by, "", true
}

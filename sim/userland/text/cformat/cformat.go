// Package cformat writes numbers as C's printf does, for the programs that are thin clothes around
// it: printf, awk, seq, od.
package cformat

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Int writes an integer as C's printf does.
func Int(flags string, width, prec int, hasPrec, neg bool, n uint64, base int, prefix string) string {
	s := strconv.FormatUint(n, base)
	if hasPrec && prec == 0 && n == 0 {
		s = ""
	}
	if hasPrec {
		s = strings.Repeat("0", max(0, prec-len(s))) + s
	}
	sign := ""
	switch {
	case neg:
		sign = "-"
	case strings.Contains(flags, "+"):
		sign = "+"
	case strings.Contains(flags, " "):
		sign = " "
	}
	if prefix == "0" && strings.HasPrefix(s, "0") {
		prefix = ""
	}
	sign += prefix
	switch {
	case strings.Contains(flags, "-"):
		return sign + s + strings.Repeat(" ", max(0, width-len(sign)-len(s)))
	case strings.Contains(flags, "0") && !hasPrec:
		return sign + strings.Repeat("0", max(0, width-len(sign)-len(s))) + s
	}
	return strings.Repeat(" ", max(0, width-len(sign)-len(s))) + sign + s
}

// Float writes v as C's printf does with the conversion conv, of "aAeEfFgG".
func Float(flags string, width, prec int, hasPrec bool, conv byte, v float64) string {
	spec := "%"
	for _, f := range "+ #-" {
		if strings.ContainsRune(flags, f) {
			spec += string(f)
		}
	}
	zero := strings.Contains(flags, "0") && !strings.Contains(flags, "-")
	if math.IsInf(v, 0) || math.IsNaN(v) {
		s := "inf"
		if math.IsNaN(v) {
			s = "nan"
		}
		switch {
		case math.Signbit(v):
			s = "-" + s
		case strings.Contains(flags, "+"):
			s = "+" + s
		case strings.Contains(flags, " "):
			s = " " + s
		}
		if conv < 'a' {
			s = strings.ToUpper(s)
		}
		fill := strings.Repeat(" ", max(0, width-len(s)))
		if strings.Contains(flags, "-") {
			return s + fill
		}
		return fill + s
	}
	if zero {
		spec += "0"
	}
	if width > 0 {
		spec += strconv.Itoa(width)
	}
	if !hasPrec {
		prec = 6
	}
	switch conv {
	case 'a', 'A':
		p := -1
		if hasPrec {
			p = prec
		}
		s := strconv.FormatFloat(v, 'x', p, 64)
		s = strings.Replace(s, "p+0", "p+", 1)
		s = strings.Replace(s, "p-0", "p-", 1)
		if conv == 'A' {
			s = strings.ToUpper(s)
		}
		return fmt.Sprintf("%*s", width, s)
	case 'g', 'G':
		if !strings.Contains(flags, "#") {
			return padFloat(flags, width, shortest(v, max(prec, 1), conv))
		}
		prec = max(prec, 1)
	}
	return fmt.Sprintf(spec+"."+strconv.Itoa(prec)+string(rune(conv)), v)
}

// shortest is %g: prec significant digits without trailing zeros.
func shortest(v float64, prec int, conv byte) string {
	e := strconv.FormatFloat(v, 'e', prec-1, 64)
	exp, _ := strconv.Atoi(e[strings.IndexByte(e, 'e')+1:])
	var s string
	if exp < -4 || exp >= prec {
		mant := e[:strings.IndexByte(e, 'e')]
		if strings.Contains(mant, ".") {
			mant = strings.TrimRight(strings.TrimRight(mant, "0"), ".")
		}
		s = mant + e[strings.IndexByte(e, 'e'):]
	} else {
		s = strconv.FormatFloat(v, 'f', prec-1-exp, 64)
		if strings.Contains(s, ".") {
			s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
		}
	}
	if conv == 'G' {
		s = strings.ToUpper(s)
	}
	return s
}

func padFloat(flags string, width int, s string) string {
	if !strings.HasPrefix(s, "-") {
		if strings.Contains(flags, "+") {
			s = "+" + s
		} else if strings.Contains(flags, " ") {
			s = " " + s
		}
	}
	n := max(0, width-len(s))
	switch {
	case strings.Contains(flags, "-"):
		return s + strings.Repeat(" ", n)
	case strings.Contains(flags, "0"):
		i := 0
		if s != "" && strings.IndexByte("+- ", s[0]) >= 0 {
			i = 1
		}
		return s[:i] + strings.Repeat("0", n) + s[i:]
	}
	return strings.Repeat(" ", n) + s
}

package text

import (
	"bytes"
	"math/big"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// lineEnds is dos2unix and unix2dos.
func lineEnds(c *prog.Ctx) int {
	toDOS := c.Program == "unix2dos"
	for o := range c.Getopt("du", nil) {
		toDOS = o.Val == 'd'
	}
	convert := func(b []byte) []byte {
		b = bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n"))
		if toDOS {
			b = bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n"))
		}
		return b
	}
	if len(c.Args) == 0 {
		b, err := readLimited(c.In)
		if err != nil {
			c.Die(1, "%v", err)
		}
		c.Out.Write(convert(b))
		return 0
	}
	for _, name := range c.Args {
		b, err := c.ReadFile(name)
		if err != nil {
			c.Die(1, "can't open '%s': %v", name, err)
		}
		c.Step(len(b) / 64)
		if err := c.WriteFile(name, convert(b), 0o666); err != nil {
			c.Die(1, "can't open '%s': %v", name, err)
		}
	}
	return 0
}

func factor(c *prog.Ctx) int {
	if c.GNU() { // Busybox's takes an option for a number
		for range c.Getopt("", nil) {
		}
	}
	one := func(s string) {
		n, err := strconv.ParseUint(strings.TrimPrefix(strings.TrimSpace(s), "+"), 10, 64)
		if err != nil {
			if !c.GNU() {
				c.Usage()
			}
			c.Errorf("%s: '%s' is not a valid positive integer\n", c.Name, s)
			c.Status = 1
			return
		}
		c.Print(strconv.FormatUint(n, 10), ":")
		for _, p := range primeFactors(c, n) {
			c.Print(" ", strconv.FormatUint(p, 10))
		}
		c.Print("\n")
	}
	if len(c.Args) == 0 {
		b, _ := readLimited(c.In)
		for _, w := range strings.Fields(string(b)) {
			one(w)
		}
		return c.Status
	}
	for _, a := range c.Args {
		one(a)
	}
	return c.Status
}

// primeFactors are the primes whose product is n, in order, none for 0 and 1. Small ones are
// found by division, the rest by Pollard's rho, which needs some 2^16 rounds for 64 bits.
func primeFactors(c *prog.Ctx, n uint64) []uint64 {
	var found []uint64
	for p := uint64(2); p < 1000 && p*p <= n; p++ {
		for n%p == 0 {
			found = append(found, p)
			n /= p
		}
	}
	var split func(n uint64)
	split = func(n uint64) {
		if n < 2 {
			return
		}
		if new(big.Int).SetUint64(n).ProbablyPrime(0) { // which is exact for 64 bits
			found = append(found, n)
			return
		}
		d := divisor(c, n)
		split(d)
		split(n / d)
	}
	split(n)
	slices.Sort(found)
	return found
}

// divisor finds a proper divisor of n, which is odd and no prime.
func divisor(c *prog.Ctx, n uint64) uint64 {
	for add := uint64(1); ; add++ {
		next := func(x uint64) uint64 {
			hi, lo := bits.Mul64(x, x)
			lo, carry := bits.Add64(lo, add, 0)
			return bits.Rem64(hi+carry, lo, n)
		}
		slow, fast := uint64(2), uint64(2)
		for round := 0; ; round++ {
			if round%64 == 0 {
				c.Step(1)
			}
			slow, fast = next(slow), next(next(fast))
			diff := max(slow, fast) - min(slow, fast)
			if diff == 0 {
				break // a cycle without one: another sequence
			}
			if d := gcd(diff, n); d > 1 {
				return d
			}
		}
	}
}

func gcd(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// pager is more and less: cat where the output is no terminal, else a screen at a time.
func pager(c *prog.Ctx) int {
	short := "EFIMmNSRh~cdfnpPqQrsuUVwWXx:z:eg"
	if c.Program == "more" {
		short = "cdflpsun:V"
		if !c.GNU() {
			short = "cdflpsu"
		}
	} else if !c.GNU() {
		short = "EFIMmNSRXs"
	}
	number := false
	for o := range c.Getopt(short, nil) {
		number = number || o.Val == 'N'
	}
	if len(c.Args) == 0 && c.Isatty(0) {
		if c.Program == "less" {
			c.Errorf("Missing filename (\"less --help\" for help)\n")
			return 1
		}
		if c.GNU() {
			c.Errorf("more: bad usage\nTry 'more --help' for more information.\n")
			return 1
		}
		c.Usage()
	}
	rows, _, err := c.Winsize(1)
	screen := err == nil && c.Isatty(1) && rows > 1
	var keys *prog.File
	if screen {
		if keys, err = c.OpenFile("/dev/tty", linux.O_RDONLY, 0); err != nil {
			screen = false
		} else if mode, err := c.Tcgetattr(keys.Fd); err == nil {
			raw := mode
			raw.Canon, raw.Echo, raw.Min, raw.Time = false, false, 1, 0
			c.Tcsetattr(keys.Fd, raw)
			c.AtExit(func() { c.Tcsetattr(keys.Fd, mode) })
		}
	}
	shown, n := 0, 0
	for _, name := range orStdin(c.Args) {
		f, err := input(c, name)
		if err != nil {
			switch {
			case c.Program == "less" && c.GNU():
				c.Errorf("%s: %v\n", name, err)
				c.Status = 1
			case c.GNU():
				c.Errorf("more: cannot open %s: %v\n", name, err)
				c.Status = 1
			default:
				c.Fail("can't open '%s': %v", name, err)
			}
			continue
		}
		in := newLines(c, f, '\n')
		if c.Program == "more" && c.GNU() && !screen && name != "-" {
			c.Print("::::::::::::::\n", name, "\n::::::::::::::\n")
		}
		for {
			raw, err := in.next()
			if err != nil {
				break
			}
			n++
			if number {
				c.Printf("%7d ", n)
			}
			c.Out.Write(raw)
			if c.Out.Err() != nil {
				return c.Status
			}
			if shown++; !screen || shown < rows-1 {
				continue
			}
			prompt := "--More--"
			if c.Program == "less" {
				prompt = ":"
			}
			c.Print("\x1b[7m", prompt, "\x1b[m")
			c.Out.Flush()
			var key [1]byte
			k, err := keys.Read(key[:])
			c.Print("\r\x1b[K")
			switch {
			case err != nil || k == 0 || key[0] == 'q' || key[0] == 'Q' || key[0] == 3:
				return c.Status
			case key[0] == '\r' || key[0] == '\n' || key[0] == 'j':
				shown--
			default:
				shown = 0
			}
		}
		f.Close()
	}
	return c.Status
}

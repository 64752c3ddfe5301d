package calc

import (
	"math/big"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// printer writes numbers, and breaks those that are too long for a line.
type printer struct {
	c      *prog.Ctx
	width  int // characters of a number on a line before a backslash; 0: no limit
	column int
	line   []byte // of the number that is being written
}

// newPrinter reads the width from an environment variable, as the family does. margin is what the
// program keeps free of it.
func newPrinter(c *prog.Ctx, env string, margin int) *printer {
	p := &printer{c: c, width: 70 - margin}
	if v := c.Getenv(env); v != "" {
		n, err := strconv.Atoi(v)
		switch {
		case err != nil:
		case n == 0:
			p.width = 0
		case n-margin >= 1 && n > 1:
			p.width = n - margin
		}
	}
	return p
}

func (p *printer) char(ch byte) {
	if p.width > 0 && p.column == p.width {
		p.line = append(p.line, "\\\n"...)
		p.column = 0
	}
	p.line = append(p.line, ch)
	p.column++
}

func (p *printer) text(s string) {
	p.c.Print(s)
	if i := strings.LastIndexByte(s, '\n'); i >= 0 {
		p.column = len(s) - i - 1
	} else {
		p.column += len(s)
	}
}

func (p *printer) newline() {
	p.c.Out.WriteByte('\n')
	p.column = 0
}

// number writes n in a base. From 17 on, each digit is a decimal number after a blank.
func (p *printer) number(n number, base int) {
	defer func() {
		p.c.Out.Write(p.line)
		p.line = p.line[:0]
	}()
	if n.isZero() {
		p.char('0')
		return
	}
	if n.m.Sign() < 0 {
		p.char('-')
	}
	abs := new(big.Int).Abs(n.m)
	p.c.Step(abs.BitLen() / 256)
	if base == 10 {
		s := abs.String()
		if n.scale > 0 {
			if len(s) < n.scale {
				s = strings.Repeat("0", n.scale-len(s)) + s
			}
			s = s[:len(s)-n.scale] + "." + s[len(s)-n.scale:]
		}
		for i := range len(s) {
			p.char(s[i])
		}
		return
	}
	unit := pow10(n.scale)
	whole, frac := new(big.Int).QuoRem(abs, unit, new(big.Int))
	b := big.NewInt(int64(base))
	width := 1
	if base > 16 {
		width = len(strconv.Itoa(base - 1))
	}
	digit := func(d int, first bool) {
		if base <= 16 {
			if first {
				p.char('.')
			}
			p.char("0123456789ABCDEF"[d])
			return
		}
		lead := byte(' ')
		if first {
			lead = '.'
		}
		p.char(lead)
		s := strconv.Itoa(d)
		for range width - len(s) {
			p.char('0')
		}
		for i := range len(s) {
			p.char(s[i])
		}
	}
	if base <= 36 {
		if whole.Sign() > 0 {
			for _, ch := range whole.Text(base) {
				d := int(ch - '0')
				if ch >= 'a' {
					d = int(ch-'a') + 10
				}
				digit(d, false)
			}
		}
	} else {
		var ds []int
		rem := new(big.Int)
		for whole.Sign() > 0 {
			p.c.Step(1 + whole.BitLen()/512)
			whole.QuoRem(whole, b, rem)
			ds = append(ds, int(rem.Int64()))
		}
		for i := len(ds) - 1; i >= 0; i-- {
			digit(ds[i], false)
		}
	}
	if n.scale == 0 {
		return
	}
	// Digits follow as long as so many could not show all of the fraction.
	d := new(big.Int)
	first := true
	for shown := big.NewInt(1); shown.Cmp(unit) < 0; shown.Mul(shown, b) {
		p.c.Step(n.scale / 64)
		d.QuoRem(frac.Mul(frac, b), unit, frac)
		digit(int(d.Int64()), first)
		first = false
	}
}

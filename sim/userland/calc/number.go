package calc

import (
	"math/big"
	"strings"

	"github.com/dockerlab/dockerlab/sim/linux"
)

// maxDigits bounds a number, in decimal digits; a larger one fails with ENOMEM.
const maxDigits = 1 << 20

// number is a decimal fraction, m / 10^scale. It is a value: no method changes it.
type number struct {
	m     *big.Int
	scale int
}

var (
	ten  = big.NewInt(10)
	zero = number{m: new(big.Int)}
	one  = number{m: big.NewInt(1)}
)

func fromInt(n int64) number { return number{m: big.NewInt(n)} }

func truth(b bool) number {
	if b {
		return one
	}
	return zero
}

// pow10 is 10^n.
func pow10(n int) *big.Int { return new(big.Int).Exp(ten, big.NewInt(int64(n)), nil) }

// digits is about how many decimal digits n has, at least.
func (n number) digits() int { return n.m.BitLen() * 30103 / 100000 }

func (n number) isZero() bool { return n.m.Sign() == 0 }

// rescale gives n with so many digits after the point, the rest cut off.
func (n number) rescale(scale int) number {
	switch {
	case scale == n.scale:
		return n
	case scale > n.scale:
		return number{new(big.Int).Mul(n.m, pow10(scale-n.scale)), scale}
	}
	return number{new(big.Int).Quo(n.m, pow10(n.scale-scale)), scale}
}

// integer is n without what follows the point.
func (n number) integer() *big.Int { return n.rescale(0).m }

func (n number) neg() number { return number{new(big.Int).Neg(n.m), n.scale} }

// align gives the two numbers' digits under the larger scale.
func align(a, b number) (x, y *big.Int, scale int) {
	scale = max(a.scale, b.scale)
	return a.rescale(scale).m, b.rescale(scale).m, scale
}

func (n number) cmp(b number) int {
	x, y, _ := align(n, b)
	return x.Cmp(y)
}

func (n number) add(b number) number {
	x, y, s := align(n, b)
	return number{new(big.Int).Add(x, y), s}
}

func (n number) sub(b number) number { return n.add(b.neg()) }

// mul is the product, with no more digits after the point than the larger of scale and the
// operands' own.
func (n number) mul(b number, scale int) (number, error) {
	if n.digits()+b.digits() > maxDigits {
		return zero, linux.ENOMEM
	}
	p := number{new(big.Int).Mul(n.m, b.m), n.scale + b.scale}
	return p.rescale(min(p.scale, max(scale, n.scale, b.scale))), nil
}

// div is the quotient to scale digits, cut off.
func (n number) div(b number, scale int) (number, error) {
	if b.isZero() {
		return zero, errDivide
	}
	if scale+n.digits()+b.digits() > maxDigits {
		return zero, linux.ENOMEM
	}
	// n.m/10^n.scale / (b.m/10^b.scale) * 10^scale
	x, y := n.m, b.m
	if shift := scale + b.scale - n.scale; shift >= 0 {
		x = new(big.Int).Mul(x, pow10(shift))
	} else {
		y = new(big.Int).Mul(y, pow10(-shift))
	}
	return number{new(big.Int).Quo(x, y), scale}, nil
}

// divmod is the quotient to scale digits and what it leaves over.
func (n number) divmod(b number, scale int) (quo, rem number, err error) {
	if quo, err = n.div(b, scale); err != nil {
		return zero, zero, err
	}
	p := number{new(big.Int).Mul(quo.m, b.m), quo.scale + b.scale}
	return quo, n.sub(p), nil
}

// pow is n to the whole power e; a negative power gives scale digits.
func (n number) pow(e *big.Int, scale int) (number, error) {
	if e.Sign() == 0 {
		return one, nil
	}
	if n.isZero() {
		return zero, nil
	}
	k := new(big.Int).Abs(e)
	if !k.IsInt64() || k.Int64() > 1<<40 || int64(n.digits()+1+n.scale)*k.Int64() > maxDigits {
		if n.scale != 0 || n.m.CmpAbs(big.NewInt(1)) != 0 {
			return zero, linux.ENOMEM
		}
		k = new(big.Int).And(k, big.NewInt(1)) // 1 and -1 know only odd and even
	}
	r := number{new(big.Int).Exp(n.m, k, nil), n.scale * int(k.Int64())}
	if e.Sign() < 0 {
		return one.div(r, scale)
	}
	return r.rescale(min(r.scale, max(scale, n.scale))), nil
}

// sqrt is the square root to the larger of scale and n's own; n is not negative.
func (n number) sqrt(scale int) (number, error) {
	scale = max(scale, n.scale)
	if 2*scale+n.digits() > maxDigits {
		return zero, linux.ENOMEM
	}
	if n.isZero() {
		return zero, nil
	}
	return number{new(big.Int).Sqrt(n.rescale(2 * scale).m), scale}, nil
}

// significant counts n's digits without the zeros that lead it.
func (n number) significant() int {
	if n.isZero() {
		return 1
	}
	return len(new(big.Int).Abs(n.m).String())
}

// parseNumber reads digits 0-9 and A-Z in a base of up to 36, with one point at most. A digit too
// large for the base counts as its largest; a digit that stands alone as what it is.
func parseNumber(s string, base int) number {
	whole, frac, _ := strings.Cut(s, ".")
	all := whole + frac
	if len(all) > maxDigits {
		all = all[:maxDigits]
	}
	if base == 10 && strings.IndexFunc(all, func(r rune) bool { return r > '9' }) < 0 {
		m, ok := new(big.Int).SetString("0"+all, 10)
		if !ok {
			return zero
		}
		return number{m, len(frac)}
	}
	alone := len(all) == 1
	digit := func(c byte) byte {
		if c >= 'A' {
			c -= 'A' - 10
		} else {
			c -= '0'
		}
		if int(c) >= base && !alone {
			c = byte(base - 1)
		}
		return c
	}
	if alone {
		return number{big.NewInt(int64(digit(all[0]))), len(frac)}.scaledFrom(base, len(frac))
	}
	text := []byte("0")
	for i := range len(all) {
		text = append(text, "0123456789abcdefghijklmnopqrstuvwxyz"[digit(all[i])])
	}
	m, ok := new(big.Int).SetString(string(text), base)
	if !ok {
		return zero
	}
	return number{m, 0}.scaledFrom(base, len(frac))
}

// scaledFrom divides n's digits by base^k, to k digits.
func (n number) scaledFrom(base, k int) number {
	if k == 0 {
		return number{n.m, 0}
	}
	q := new(big.Int).Mul(n.m, pow10(k))
	q.Quo(q, new(big.Int).Exp(big.NewInt(int64(base)), big.NewInt(int64(k)), nil))
	return number{q, k}
}

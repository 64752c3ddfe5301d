package calc

import "math/big"

// library loads what -l loads: scale is 20, and there are s, c, a, l, e and j.
func (m *machine) library() {
	m.scale = 20
	m.builtin = map[string]func(*machine, []number) (number, error){"s": sine, "c": cosine, "a": arctangent, "l": logarithm, "e": exponential, "j": bessel}
}

func (m *machine) callBuiltin(n *node) (number, error) {
	want := 1
	if n.text == "j" {
		want = 2
	}
	if len(n.kids) != want {
		at := &node{adr: n.adr + min(len(n.kids), want) + 1}
		return zero, m.fault(at, "function has "+string(rune('0'+want))+" parameters, but called with "+fromInt(int64(len(n.kids))).m.String(), "Parameter number mismatch")
	}
	args := make([]number, want)
	for i, k := range n.kids {
		v, err := m.eval(k)
		if err != nil {
			return zero, err
		}
		args[i] = v
	}
	return m.builtin[n.text](m, args)
}

// maxLibrary bounds the digits that the library computes with.
const maxLibrary = 20_000

// fixed computes with integers that stand for fractions of one unit.
type fixed struct {
	m    *machine
	unit *big.Int // 10^digits
	n    int      // its digits
}

// room makes a fixed with so many digits to spare.
func (m *machine) room(spare int) (fixed, error) {
	n := m.scale + spare
	if n > maxLibrary {
		return fixed{}, m.outOfMemory()
	}
	return fixed{m, pow10(n), n}, nil
}

func (f fixed) of(x number) *big.Int { return new(big.Int).Set(x.rescale(f.n).m) }

// cut gives x as a number of the machine's scale.
func (f fixed) cut(x *big.Int) number { return number{x, f.n}.rescale(f.m.scale) }

func (f fixed) mul(x, y *big.Int) *big.Int {
	f.m.c.Step(1 + f.n/64*(f.n/64+1))
	z := new(big.Int).Mul(x, y)
	return z.Quo(z, f.unit)
}

func (f fixed) div(x, y *big.Int) *big.Int {
	f.m.c.Step(1 + f.n/64*(f.n/64+1))
	z := new(big.Int).Mul(x, f.unit)
	return z.Quo(z, y)
}

func (f fixed) over(x *big.Int, n int64) *big.Int { return new(big.Int).Quo(x, big.NewInt(n)) }

// exp is e^x by its series, x being halved until it is small.
func (f fixed) exp(x *big.Int) *big.Int {
	neg := x.Sign() < 0
	x = new(big.Int).Abs(x)
	halved := 0
	for x.Cmp(f.unit) > 0 {
		x.Rsh(x, 1)
		halved++
	}
	sum, term := new(big.Int).Set(f.unit), new(big.Int).Set(f.unit)
	for i := int64(1); term.Sign() != 0; i++ {
		term = f.over(f.mul(term, x), i)
		sum.Add(sum, term)
	}
	for ; halved > 0; halved-- {
		sum = f.mul(sum, sum)
	}
	if neg {
		return f.div(f.unit, sum)
	}
	return sum
}

func exponential(m *machine, args []number) (number, error) {
	x := args[0]
	whole := new(big.Int).Abs(x.integer())
	if !whole.IsInt64() || whole.Int64() > 40_000 {
		if x.m.Sign() < 0 {
			return number{new(big.Int), m.scale}, nil
		}
		return zero, m.outOfMemory()
	}
	if x.isZero() {
		return one.rescale(m.scale), nil
	}
	f, err := m.room(12 + int(whole.Int64()))
	if err != nil {
		return zero, err
	}
	return f.cut(f.exp(f.of(x))), nil
}

// log is the natural logarithm of x > 0: roots bring x near 1, where the series is short.
func (f fixed) log(x *big.Int) *big.Int {
	x = new(big.Int).Set(x)
	near := new(big.Int).Quo(f.unit, big.NewInt(20))
	roots := uint(1)
	for d := new(big.Int); ; roots++ {
		if d.Sub(x, f.unit).CmpAbs(near) < 0 {
			break
		}
		f.m.c.Step(1 + f.n/16)
		x.Sqrt(x.Mul(x, f.unit))
	}
	y := f.div(new(big.Int).Sub(x, f.unit), new(big.Int).Add(x, f.unit))
	sum, power, square := new(big.Int).Set(y), new(big.Int).Set(y), f.mul(y, y)
	for i := int64(3); power.Sign() != 0; i += 2 {
		power = f.mul(power, square)
		sum.Add(sum, f.over(power, i))
	}
	return sum.Lsh(sum, roots)
}

func logarithm(m *machine, args []number) (number, error) {
	x := args[0]
	if x.m.Sign() <= 0 {
		v := new(big.Int).Sub(big.NewInt(1), pow10(m.scale))
		return number{v, 0}.rescale(m.scale), nil
	}
	f, err := m.room(20 + x.digits())
	if err != nil {
		return zero, err
	}
	if x.cmp(one) == 0 {
		return zero, nil
	}
	return f.cut(f.log(f.of(x))), nil
}

// atan is the arcus tangens: halving the angle, x / (1 + sqrt(1+x²)), makes the series short.
func (f fixed) atan(x *big.Int) *big.Int {
	x = new(big.Int).Set(x)
	halved := uint(0)
	small := new(big.Int).Quo(f.unit, big.NewInt(10))
	for ; x.CmpAbs(small) > 0; halved++ {
		f.m.c.Step(1 + f.n/16)
		r := new(big.Int).Add(f.unit, f.mul(x, x))
		r.Sqrt(r.Mul(r, f.unit))
		x = f.div(x, r.Add(r, f.unit))
	}
	sum, power, square := new(big.Int).Set(x), new(big.Int).Set(x), f.mul(x, x)
	for i := int64(3); power.Sign() != 0; i += 2 {
		power = f.mul(power, square)
		power.Neg(power)
		sum.Add(sum, f.over(power, i))
	}
	return sum.Lsh(sum, halved)
}

func arctangent(m *machine, args []number) (number, error) {
	if args[0].isZero() {
		return zero, nil
	}
	f, err := m.room(20 + args[0].digits())
	if err != nil {
		return zero, err
	}
	return f.cut(f.atan(f.of(args[0]))), nil
}

// sin is the sinus, of an angle brought into half a turn.
func (f fixed) sin(x *big.Int) *big.Int {
	quarter := f.atan(f.unit) // π/4
	half := new(big.Int).Lsh(quarter, 2)
	turns, x := new(big.Int).QuoRem(new(big.Int).Add(x, new(big.Int).Lsh(quarter, 1)), half, new(big.Int))
	if x.Sign() < 0 {
		x.Add(x, half)
		turns.Sub(turns, big.NewInt(1))
	}
	x.Sub(x, new(big.Int).Lsh(quarter, 1))
	sum, term, square := new(big.Int).Set(x), new(big.Int).Set(x), f.mul(x, x)
	for i := int64(2); term.Sign() != 0; i += 2 {
		term = f.over(f.mul(term, square), i*(i+1))
		term.Neg(term)
		sum.Add(sum, term)
	}
	if turns.Bit(0) == 1 {
		sum.Neg(sum)
	}
	return sum
}

func sine(m *machine, args []number) (number, error) {
	if args[0].isZero() {
		return zero, nil
	}
	f, err := m.room(20 + 2*args[0].digits())
	if err != nil {
		return zero, err
	}
	return f.cut(f.sin(f.of(args[0]))), nil
}

func cosine(m *machine, args []number) (number, error) {
	if args[0].isZero() {
		return one.rescale(m.scale), nil
	}
	f, err := m.room(20 + 2*args[0].digits())
	if err != nil {
		return zero, err
	}
	return f.cut(f.sin(new(big.Int).Add(f.of(args[0]), new(big.Int).Lsh(f.atan(f.unit), 1)))), nil
}

// bessel is the Bessel function of integer order args[0], by its power series.
func bessel(m *machine, args []number) (number, error) {
	order := args[0].integer()
	sign := order.Sign() < 0 && order.Bit(0) == 1
	if !order.IsInt64() || order.Int64() > 10_000 || order.Int64() < -10_000 {
		return zero, m.outOfMemory()
	}
	n := new(big.Int).Abs(order).Int64()
	x := args[1]
	whole := new(big.Int).Abs(x.integer())
	if !whole.IsInt64() || whole.Int64() > 2000 {
		return zero, m.outOfMemory()
	}
	f, err := m.room(20 + int(whole.Int64()))
	if err != nil {
		return zero, err
	}
	half := f.of(x)
	half.Quo(half, big.NewInt(2))
	term := new(big.Int).Set(f.unit)
	for i := int64(1); i <= n; i++ {
		term = f.over(f.mul(term, half), i)
	}
	sum, square := new(big.Int).Set(term), f.mul(half, half)
	for k := int64(1); term.Sign() != 0; k++ {
		term = f.over(f.mul(term, square), k*(k+n))
		term.Neg(term)
		sum.Add(sum, term)
	}
	if sign {
		sum.Neg(sum)
	}
	return f.cut(sum), nil
}

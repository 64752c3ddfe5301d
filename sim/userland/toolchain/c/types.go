package c

// ctype is one of the types of the language.
type ctype struct {
	k    typeKind
	elem *ctype // of a pointer or an array
	n    int    // of an array; -1 while it is not known
}

type typeKind uint8

const (
	void typeKind = iota
	char8
	uchar
	short16
	ushort
	int32t
	uint32t
	long64
	ulong
	double
	stream // FILE
	pointer
	array
)

var (
	tVoid   = &ctype{k: void}
	tChar   = &ctype{k: char8}
	tInt    = &ctype{k: int32t}
	tUInt   = &ctype{k: uint32t}
	tLong   = &ctype{k: long64}
	tULong  = &ctype{k: ulong}
	tDouble = &ctype{k: double}
	tFile   = &ctype{k: stream}
	tString = &ctype{k: pointer, elem: tChar}
	tAny    = &ctype{k: pointer, elem: tVoid}
)

func (t *ctype) String() string {
	switch t.k {
	case pointer:
		return t.elem.String() + " *"
	case array:
		return t.elem.String() + "[]"
	}
	return [...]string{"void", "char", "unsigned char", "short int", "short unsigned int", "int", "unsigned int", "long int", "long unsigned int", "double", "FILE"}[t.k]
}

// size is sizeof, in bytes.
func (t *ctype) size() int64 {
	switch t.k {
	case char8, uchar, void:
		return 1
	case short16, ushort:
		return 2
	case int32t, uint32t:
		return 4
	case array:
		return t.elem.size() * int64(max(t.n, 0))
	}
	return 8
}

// cells is how many scalars a value of the type has.
func (t *ctype) cells() int {
	if t.k == array {
		return t.elem.cells() * max(t.n, 0)
	}
	return 1
}

// scalar is the type of the cells.
func (t *ctype) scalar() *ctype {
	for t.k == array {
		t = t.elem
	}
	return t
}

func (t *ctype) integer() bool { return t.k >= char8 && t.k <= ulong }
func (t *ctype) number() bool  { return t.k >= char8 && t.k <= double }
func (t *ctype) address() bool { return t.k == pointer || t.k == array }
func (t *ctype) unsigned() bool {
	return t.k == uchar || t.k == ushort || t.k == uint32t || t.k == ulong
}

// same says whether pointers to both may be mixed without a cast.
func same(a, b *ctype) bool {
	return a.k == b.k && (a.elem == nil || b.elem == nil || same(a.elem, b.elem))
}

// value is a scalar; which of its parts counts, the type says.
type value struct {
	i int64
	f float64
	p address
}

// address is where a pointer points: a cell of an object. Without an object it is a number, 0 for
// NULL.
type address struct {
	o   *object
	off int
}

// object is what has an address: a variable, a string, what malloc gave.
type object struct {
	cells []value
	elem  *ctype // of the cells; nil for what malloc gave, until a pointer to it has a type
	bytes int    // of such
	fixed bool   // a string constant
	freed bool
	fd    int // of a stream
}

// wrap cuts an integer to the size of its type.
func wrap(i int64, t *ctype) int64 {
	switch t.k {
	case char8:
		return int64(int8(i))
	case uchar:
		return int64(uint8(i))
	case short16:
		return int64(int16(i))
	case ushort:
		return int64(uint16(i))
	case int32t:
		return int64(int32(i))
	case uint32t:
		return int64(uint32(i))
	}
	return i
}

// convert makes a value of type from one of type to.
func convert(v value, from, to *ctype) value {
	switch {
	case to.k == double && from.k == ulong:
		return value{f: float64(uint64(v.i))}
	case to.k == double && from.integer():
		return value{f: float64(v.i)}
	case to.k == double:
		return value{f: v.f}
	case to.integer() && from.k == double:
		return value{i: wrap(int64(v.f), to)}
	case to.integer() && from.address():
		if v.p.o == nil {
			return value{i: wrap(int64(v.p.off), to)}
		}
		return value{i: wrap(1<<40+int64(v.p.off), to)}
	case to.integer():
		return value{i: wrap(v.i, to)}
	case to.k == pointer && from.integer():
		return value{p: address{off: int(v.i)}}
	case to.k == pointer:
		if o := v.p.o; o != nil && o.elem == nil && to.elem.k != void {
			o.elem = to.elem.scalar()
			o.cells = make([]value, o.bytes/int(o.elem.size()))
		}
		return v
	}
	return v
}

// usual are the conversions of an arithmetic operation.
func usual(a, b *ctype) *ctype {
	if a.k == double || b.k == double {
		return tDouble
	}
	for _, t := range []*ctype{tULong, tLong, tUInt} {
		if a.k == t.k || b.k == t.k {
			return t
		}
	}
	return tInt
}

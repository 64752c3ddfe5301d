package blob

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"
)

// Encoder puts a blob together. Its methods append; the first error, which only a Store can make,
// is kept for Put.
type Encoder struct {
	b   Blob
	err error
}

// Uint appends a number.
func (e *Encoder) Uint(n uint64) { e.b.Data = binary.AppendUvarint(e.b.Data, n) }

// Int appends a number that may be negative.
func (e *Encoder) Int(n int64) { e.b.Data = binary.AppendVarint(e.b.Data, n) }

// Bool appends a truth.
func (e *Encoder) Bool(v bool) {
	n := byte(0)
	if v {
		n = 1
	}
	e.b.Data = append(e.b.Data, n)
}

// Bytes appends bytes.
func (e *Encoder) Bytes(b []byte) {
	e.Uint(uint64(len(b)))
	e.b.Data = append(e.b.Data, b...)
}

// String appends a string.
func (e *Encoder) String(s string) {
	e.Uint(uint64(len(s)))
	e.b.Data = append(e.b.Data, s...)
}

// Time appends a moment, without its zone; the zero Time stays the zero Time.
func (e *Encoder) Time(t time.Time) {
	if t.IsZero() {
		e.Int(math.MinInt64)
		return
	}
	e.Int(t.Unix())
	e.Uint(uint64(t.Nanosecond()))
}

// Ref appends the name of a blob, which may be the zero Ref.
func (e *Encoder) Ref(r Ref) {
	e.Bool(!r.IsZero())
	if !r.IsZero() {
		e.b.Refs = append(e.b.Refs, r)
	}
}

// Fail notes an error of a part, and gives whether there is one.
func (e *Encoder) Fail(err error) bool {
	if e.err == nil {
		e.err = err
	}
	return err != nil
}

// Len is how many bytes were appended.
func (e *Encoder) Len() int { return len(e.b.Data) }

// Append appends what another encoder has.
func (e *Encoder) Append(o *Encoder) {
	e.Fail(o.err)
	e.b.Data = append(e.b.Data, o.b.Data...)
	e.b.Refs = append(e.b.Refs, o.b.Refs...)
}

// Put keeps the blob in a store.
func (e *Encoder) Put(s Store) (Ref, error) {
	if e.err != nil {
		return Ref{}, e.err
	}
	return s.Put(e.b)
}

// Decoder takes apart a blob that an Encoder put together. After the first error, which is a
// *DamagedError, all that it gives is zero.
type Decoder struct {
	ref  Ref
	b    Blob
	data []byte
	refs []Ref
	err  error
}

// Open reads a blob of a source.
func Open(s Source, r Ref) (*Decoder, error) {
	b, err := s.Get(r)
	if err != nil {
		return nil, err
	}
	return &Decoder{ref: r, b: b, data: b.Data, refs: b.Refs}, nil
}

// NewDecoder takes a blob apart.
func NewDecoder(b Blob) *Decoder { return &Decoder{b: b, data: b.Data, refs: b.Refs} }

// Err is what was wrong.
func (d *Decoder) Err() error { return d.err }

// Fail notes what is wrong with a value that was given: the blob is damaged.
func (d *Decoder) Fail(err error) {
	if err != nil {
		d.Pass(&DamagedError{d.ref, err})
	}
}

// Pass notes an error of something that the blob speaks of.
func (d *Decoder) Pass(err error) {
	if d.err == nil && err != nil {
		d.err = err
		d.data, d.refs = nil, nil
	}
}

// End gives what was wrong, were it only that something is left.
func (d *Decoder) End() error {
	if d.err == nil && (len(d.data) > 0 || len(d.refs) > 0) {
		d.Fail(errors.New("it holds more than it should"))
	}
	return d.err
}

// Uint takes a number.
func (d *Decoder) Uint() uint64 {
	n, size := binary.Uvarint(d.data)
	if size <= 0 {
		d.Fail(errShort)
		return 0
	}
	d.data = d.data[size:]
	return n
}

// Int takes a number that may be negative.
func (d *Decoder) Int() int64 {
	n, size := binary.Varint(d.data)
	if size <= 0 {
		d.Fail(errShort)
		return 0
	}
	d.data = d.data[size:]
	return n
}

// Bool takes a truth.
func (d *Decoder) Bool() bool {
	if len(d.data) == 0 || d.data[0] > 1 {
		d.Fail(errShort)
		return false
	}
	v := d.data[0] == 1
	d.data = d.data[1:]
	return v
}

// Bytes takes bytes, which must not be changed.
func (d *Decoder) Bytes() []byte {
	n := d.Uint()
	if n > uint64(len(d.data)) {
		d.Fail(errShort)
		return nil
	}
	b := d.data[:n:n]
	d.data = d.data[n:]
	return b
}

// String takes a string.
func (d *Decoder) String() string { return string(d.Bytes()) }

// Time takes a moment, in UTC.
func (d *Decoder) Time() time.Time {
	s := d.Int()
	if s == math.MinInt64 || d.err != nil {
		return time.Time{}
	}
	n := d.Uint()
	if n >= uint64(time.Second) {
		d.Fail(fmt.Errorf("a second has no %d nanoseconds", n))
		return time.Time{}
	}
	return time.Unix(s, int64(n)).UTC()
}

// Ref takes the name of a blob.
func (d *Decoder) Ref() Ref {
	if !d.Bool() {
		return Ref{}
	}
	if len(d.refs) == 0 {
		d.Fail(errShort)
		return Ref{}
	}
	r := d.refs[0]
	d.refs = d.refs[1:]
	return r
}

// Count takes the number of things that follow, each of at least one byte.
func (d *Decoder) Count() int {
	n := d.Uint()
	if n > uint64(len(d.data)+len(d.refs)) {
		d.Fail(errShort)
		return 0
	}
	return int(n)
}

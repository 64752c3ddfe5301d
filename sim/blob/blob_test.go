package blob

import (
	"fmt"
	"runtime"
	"testing"
	"time"
)

// What an Encoder appended, a Decoder takes, and no more.
func TestWhatIsPutIsTaken(t *testing.T) {
	m := Memory{}
	part, err := m.Put(Blob{Data: []byte("part")})
	if err != nil {
		t.Fatal(err)
	}
	when := time.Date(2026, 11, 24, 1, 2, 3, 4, time.UTC)
	var e Encoder
	e.Uint(1 << 63)
	e.Int(-5)
	e.Bool(true)
	e.String("text")
	e.Time(when)
	e.Time(time.Time{})
	e.Ref(part)
	e.Ref(Ref{})
	r, err := e.Put(m)
	if err != nil {
		t.Fatal(err)
	}
	d, err := Open(m, r)
	if err != nil {
		t.Fatal(err)
	}
	if n, i, b, s, at, zero, p, none := d.Uint(), d.Int(), d.Bool(), d.String(), d.Time(), d.Time(), d.Ref(), d.Ref(); n != 1<<63 || i != -5 || !b || s != "text" || !at.Equal(when) || !zero.IsZero() || p != part || !none.IsZero() {
		t.Error(n, i, b, s, at, zero, p, none)
	}
	if err := d.End(); err != nil {
		t.Error(err)
	}
	if d.Uint(); d.Err() == nil {
		t.Error("there was more than there is")
	}
}

// A table gives its entries in order, whatever their number, and one that has changed shares all but
// one of its blobs with what it was.
func TestTables(t *testing.T) {
	m := Memory{}
	write := func(n, changed int) Ref {
		w := NewTable(m)
		for i := range n {
			w.Add(fmt.Sprintf("key %06d", i), func(e *Encoder) { e.Bool(i == changed) })
		}
		var e Encoder
		w.End(&e)
		r, err := e.Put(m)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	for _, n := range []int{0, 1, 50, 5000} {
		r := write(n, -1)
		before := len(m)
		write(n, n/2)
		if more := len(m) - before; more > 2 {
			t.Errorf("of %d entries one changed, and %d blobs did", n, more)
		}
		d, err := Open(m, r)
		if err != nil {
			t.Fatal(err)
		}
		i := 0
		d.Table(m, func(key string, d *Decoder) {
			if want := fmt.Sprintf("key %06d", i); key != want || d.Bool() {
				t.Fatalf("entry %d is %q", i, key)
			}
			i++
		})
		if err := d.End(); err != nil || i != n {
			t.Errorf("%d entries of %d, %v", i, n, err)
		}
	}
}

// A Memo holds nothing alive, and forgets what is gone.
func TestMemoForgets(t *testing.T) {
	w := &Writer{Memory{}, &Memo{}}
	r, _ := w.Put(Blob{Data: []byte("x")})
	v := new([100]int)
	Remember(w, v, r)
	if got, ok := Recall(w, v); !ok || got != r {
		t.Errorf("recalled %v, %v", got, ok)
	}
	runtime.KeepAlive(v)
	for range 100 {
		runtime.GC()
		w.Memo.mu.Lock()
		n := len(w.Memo.refs)
		w.Memo.mu.Unlock()
		if n == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("it is remembered still")
}

// Whatever a blob holds, taking it apart ends.
func FuzzDecoder(f *testing.F) {
	f.Add([]byte{3, 1, 2, 'a', 'b', 0}, true)
	f.Fuzz(func(t *testing.T, b []byte, table bool) {
		d := NewDecoder(Blob{Data: b, Refs: []Ref{{1}}})
		if table {
			d.Table(Memory{}, func(string, *Decoder) {})
		}
		for d.Err() == nil && d.End() != nil && len(d.data) > 0 {
			_, _, _ = d.Count(), d.Bytes(), d.Ref()
		}
	})
}

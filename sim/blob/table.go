package blob

import "hash/fnv"

// Table writes a sorted map as a list of blobs. Where one of them ends and the next begins follows
// from the keys alone: a changed entry changes one of the blobs, wherever it is, and the others are
// the same as before.
type Table struct {
	store  Store
	chunks []Ref
	n      uint64
	cur    Encoder
	count  uint64
	err    error
}

// NewTable begins a table.
func NewTable(s Store) *Table { return &Table{store: s} }

const (
	tableFan  = 64       // entries of a blob, on average
	tableMost = 64 << 10 // bytes after which one is cut whatever the key
)

// Add adds the entry after those before it; value appends what it holds.
func (t *Table) Add(key string, value func(e *Encoder)) {
	t.cur.String(key)
	value(&t.cur)
	t.count++
	t.n++
	h := fnv.New32a()
	h.Write([]byte(key))
	if h.Sum32()%tableFan == 0 || t.cur.Len() > tableMost {
		t.cut()
	}
}

func (t *Table) cut() {
	if t.count == 0 || t.err != nil {
		return
	}
	var e Encoder
	e.Uint(t.count)
	e.Append(&t.cur)
	r, err := e.Put(t.store)
	t.err = err
	t.chunks = append(t.chunks, r)
	t.cur, t.count = Encoder{}, 0
}

// End appends the table to a blob: within it where it is small.
func (t *Table) End(e *Encoder) {
	e.Uint(t.n)
	if len(t.chunks) == 0 && t.cur.Len() <= 1024 {
		e.Uint(0)
		e.Append(&t.cur)
		e.Fail(t.err)
		return
	}
	t.cut()
	e.Fail(t.err)
	e.Uint(uint64(len(t.chunks)))
	for _, r := range t.chunks {
		e.Ref(r)
	}
}

// Table takes a table; each is called for every entry in order, and takes what value appended from
// the decoder that it is given.
func (d *Decoder) Table(s Source, each func(key string, d *Decoder)) {
	n := d.Uint()
	chunks := d.Count()
	if chunks == 0 {
		for ; n > 0 && d.err == nil; n-- {
			each(d.String(), d)
		}
		return
	}
	for ; chunks > 0 && d.err == nil; chunks-- {
		c, err := Open(s, d.Ref())
		if err != nil {
			d.Pass(err)
			return
		}
		for m := c.Count(); m > 0 && c.err == nil; m-- {
			each(c.String(), c)
			n--
		}
		d.Pass(c.End())
	}
	if n != 0 {
		d.Fail(errShort)
	}
}

package blob

import (
	"runtime"
	"sync"
	"weak"
)

// Writer is a Store with the memory of what was kept in it: what two states share is hashed and
// written once.
type Writer struct {
	Store
	Memo *Memo
}

// Memo remembers under which names values have been kept, for as long as they live. Only what can no
// longer change may be told to it. It is safe for concurrent use; a nil Memo remembers nothing.
type Memo struct {
	mu   sync.Mutex
	refs map[any]Ref // by weak.Pointer
}

// Recall gives the name under which v was kept, if it still is.
func Recall[T any](w *Writer, v *T) (Ref, bool) {
	m := w.Memo
	if m == nil {
		return Ref{}, false
	}
	m.mu.Lock()
	r, ok := m.refs[weak.Make(v)]
	m.mu.Unlock()
	return r, ok && w.Has(r)
}

// Remember notes that v was kept as r. A nil Writer remembers nothing.
func Remember[T any](w *Writer, v *T, r Ref) {
	if w == nil || w.Memo == nil {
		return
	}
	m := w.Memo
	key := weak.Make(v)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.refs == nil {
		m.refs = map[any]Ref{}
	}
	if _, had := m.refs[key]; !had {
		runtime.AddCleanup(v, m.forget, any(key))
	}
	m.refs[key] = r
}

func (m *Memo) forget(key any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.refs, key)
}

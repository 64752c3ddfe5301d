package blob

import (
	"runtime"
	"sync"
	"weak"
)

// Memo remembers under which names values have been kept, for as long as they live: what is shared
// by two states is written and hashed once. Only what can no longer change may be told to it. It is
// safe for concurrent use; a nil Memo remembers nothing.
type Memo struct {
	mu   sync.Mutex
	refs map[any]Ref // by weak.Pointer
}

// Recall gives the name under which v was kept.
func Recall[T any](m *Memo, v *T) (Ref, bool) {
	if m == nil {
		return Ref{}, false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.refs[weak.Make(v)]
	return r, ok
}

// Remember notes that v was kept as r.
func Remember[T any](m *Memo, v *T, r Ref) {
	if m == nil {
		return
	}
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

// Len is how many values are remembered.
func (m *Memo) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.refs)
}

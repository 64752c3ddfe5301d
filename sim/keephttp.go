package sim

import (
	"bufio"
	"encoding/json"
	"net"
	"net/http"
)

// Handler serves the Engine API of the lab that the timeline follows, so that what a client is told
// is kept: before an answer begins, before more of it is sent and before it ends, what has happened
// until then is saved. Where that fails, so does the request.
func (t *Timeline) Handler(h http.Handler) http.Handler {
	if t.store == nil {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		k := &keptAnswer{ResponseWriter: w, t: t, acts: r.Method != http.MethodGet && r.Method != http.MethodHead}
		h.ServeHTTP(k, r)
		if !k.hijacked && k.settle(k.acts) != nil && k.began {
			panic(http.ErrAbortHandler) // the client has begun to believe it
		}
	})
}

// settle saves where the engine's records have changed since the last time.
func (t *Timeline) settle() error {
	t.mu.Lock()
	settled := t.lab == nil || t.lab.engine.State() == t.savedOf
	t.mu.Unlock()
	if settled {
		return nil
	}
	return t.Save()
}

// keptAnswer is the answer to a request.
type keptAnswer struct {
	http.ResponseWriter
	t        *Timeline
	acts     bool // the request is for a change
	began    bool // the answer has a beginning
	hijacked bool
	err      error // of a save
}

// settle saves; all says that what running processes write is to be saved as well.
func (k *keptAnswer) settle(all bool) error {
	if k.err != nil {
		return k.err
	}
	if all {
		k.err = k.t.Save()
	} else {
		k.err = k.t.settle()
	}
	if k.err != nil && !k.began {
		k.began = true
		k.ResponseWriter.Header().Set("Content-Type", "application/json")
		k.ResponseWriter.Header().Del("Content-Length")
		k.ResponseWriter.WriteHeader(http.StatusInternalServerError)
		json.NewEncoder(k.ResponseWriter).Encode(map[string]string{"message": k.err.Error()})
	}
	return k.err
}

func (k *keptAnswer) WriteHeader(status int) {
	if k.settle(k.acts) != nil {
		return
	}
	k.began = true
	k.ResponseWriter.WriteHeader(status)
}

func (k *keptAnswer) Write(b []byte) (int, error) {
	if err := k.settle(k.acts && !k.began); err != nil {
		return 0, err
	}
	k.began = true
	return k.ResponseWriter.Write(b)
}

// Flush sends on what was written.
func (k *keptAnswer) Flush() {
	if f, ok := k.ResponseWriter.(http.Flusher); ok {
		f.Flush()
	}
}

// Hijack gives the connection away, whose end is saved before.
func (k *keptAnswer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	h, ok := k.ResponseWriter.(http.Hijacker)
	if !ok {
		return nil, nil, http.ErrNotSupported
	}
	conn, buf, err := h.Hijack()
	if err != nil {
		return nil, nil, err
	}
	k.hijacked = true
	return &keptConn{conn, k.t}, buf, nil
}

// keptConn is a connection whose end tells a client that something has come to its end.
type keptConn struct {
	net.Conn
	t *Timeline
}

// CloseWrite ends what is sent. Where saving fails, the connection breaks off.
func (c *keptConn) CloseWrite() error {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok || c.t.Save() != nil {
		return c.Conn.Close()
	}
	return half.CloseWrite()
}

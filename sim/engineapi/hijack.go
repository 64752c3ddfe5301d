package engineapi

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/dockerlab/dockerlab/sim/container"
)

// hijack takes a connection over for raw bytes. Headers are those that the answer has besides the
// protocol's own.
func hijack(w http.ResponseWriter, r *request, headers http.Header) (net.Conn, io.Reader, error) {
	hj, ok := w.(http.Hijacker)
	if !ok {
		return nil, nil, refuse(container.Invalid, "hijack connection missing")
	}
	conn, buf, err := hj.Hijack()
	if err != nil {
		return nil, nil, err
	}
	if _, up := r.Header["Upgrade"]; up {
		fmt.Fprint(conn, "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n")
	} else {
		fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n")
	}
	headers.Write(conn)
	fmt.Fprint(conn, "\r\n")
	in := rest(conn, buf.Reader)
	if !strings.HasPrefix(r.UserAgent(), "Docker-Client/") {
		conn = &late{Conn: conn, from: time.Now().Add(50 * time.Millisecond)}
	}
	return conn, in, nil
}

// late is a connection on which output is held back until the client has had time to read the
// headers alone. One that reads them through a buffer and then takes the bare socket, as docker-py
// does, loses output which arrives together with them. A real engine is never that fast.
type late struct {
	net.Conn
	from time.Time
}

func (l *late) Write(p []byte) (int, error) {
	time.Sleep(time.Until(l.from))
	return l.Conn.Write(p)
}

// rest reads what the server has read of a connection already, and then the connection itself: not
// through the server's reader, which takes the end of input for the end of the client and cancels
// the request.
func rest(conn net.Conn, r *bufio.Reader) io.Reader {
	early := make([]byte, r.Buffered())
	io.ReadFull(r, early)
	return &input{early: early, conn: conn}
}

// input is what comes from a client. When the session ends, hangUp reads it to its end while the
// session's own reader may still wait in it.
type input struct {
	mu    sync.Mutex
	early []byte
	conn  net.Conn
}

func (i *input) Read(p []byte) (int, error) {
	i.mu.Lock()
	if len(i.early) > 0 {
		n := copy(p, i.early)
		i.early = i.early[n:]
		i.mu.Unlock()
		return n, nil
	}
	i.mu.Unlock()
	return i.conn.Read(p)
}

// linger is how long a client has to take what was sent to it at the end.
const linger = 10 * time.Second

// hangUp ends what is sent on a connection, and closes it once the client has done the same.
func hangUp(conn net.Conn, in io.Reader) {
	if l, is := conn.(*late); is {
		conn = l.Conn
	}
	half, ok := conn.(interface{ CloseWrite() error })
	if !ok {
		conn.Close()
		return
	}
	half.CloseWrite()
	go func() {
		conn.SetReadDeadline(time.Now().Add(linger))
		io.Copy(io.Discard, in)
		conn.Close()
	}()
}

// frames sends the streams of a process to a client.
type frames struct {
	w   io.Writer
	mux bool // each chunk has a header that says which stream it is of
}

func (f frames) Frame(s container.Stream, b []byte) error {
	if !f.mux {
		_, err := f.w.Write(b)
		return err
	}
	out := make([]byte, 8, 8+len(b))
	out[0] = byte(s)
	binary.BigEndian.PutUint32(out[4:], uint32(len(b)))
	_, err := f.w.Write(append(out, b...))
	return err
}

// Package web is what the lab's web servers have in common: a loop that serves many connections in
// one process, as event-driven servers do, and HTTP/1.1 to the byte.
package web

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/linux"
)

// Request is one request with its body.
type Request struct {
	*http.Request
	Line   string // the request line as it came, "GET / HTTP/1.1"
	Body   []byte
	Remote netip.AddrPort
	Local  netip.AddrPort
	Conn   int // number of the connection, from 1
	Bad    int // not 0: the status of a request that could not be read
}

// Response is an answer. Headers go out in their order.
type Response struct {
	Status int
	Phrase string // after the status; empty: nginx's
	Header [][2]string
	Size   int64                   // of what Send writes; -1: unknown, and the connection is closed after it
	Send   func(w io.Writer) error // nil: no body
	Close  bool                    // close the connection after it
	Sent   int64                   // bytes of the body that were sent, once Done is called
	Done   func(r *Response)       // told when it has gone out: the access log
}

// Set sets a header.
func (r *Response) Set(name, value string) {
	for i := range r.Header {
		if strings.EqualFold(r.Header[i][0], name) {
			r.Header[i][1] = value
			return
		}
	}
	r.Header = append(r.Header, [2]string{name, value})
}

// Text makes b the body.
func (r *Response) Text(b []byte) {
	r.Size = int64(len(b))
	r.Send = func(w io.Writer) error { _, err := w.Write(b); return err }
}

// Handler answers requests.
type Handler func(r *Request) *Response

// Limits on what a client may send.
const (
	maxHead = 32 << 10
	maxBody = 1 << 20
)

// Server is the loop.
type Server struct {
	P         *kernel.Proc
	Listeners []int
	Handle    Handler
	// Keep is how long an idle connection is kept open; zero closes it after each answer.
	Keep time.Duration
	// Signal is told of each caught signal; it may end the loop.
	Signal func(s linux.Signal) (stop bool)

	conns map[int]*conn
	count int
}

type conn struct {
	fd    int
	num   int
	peer  netip.AddrPort
	local netip.AddrPort
	in    []byte
	until time.Time
}

// Run serves until a signal ends it.
func (s *Server) Run() {
	p := s.P
	s.conns = map[int]*conn{}
	buf := make([]byte, 16<<10)
	for {
		for {
			sig, ok := p.TakeSignal()
			if !ok {
				break
			}
			if s.Signal != nil && s.Signal(sig) {
				s.closeAll()
				return
			}
		}
		var fds []kernel.PollFd
		for _, l := range s.Listeners {
			fds = append(fds, kernel.PollFd{Fd: l, Events: kernel.POLLIN})
		}
		wait := time.Duration(-1)
		now := p.Now()
		for _, fd := range p.Fds() {
			c := s.conns[fd]
			if c == nil {
				continue
			}
			if left := c.until.Sub(now); left <= 0 {
				s.drop(c)
				continue
			} else if wait < 0 || left < wait {
				wait = left
			}
			fds = append(fds, kernel.PollFd{Fd: fd, Events: kernel.POLLIN})
		}
		n, err := p.Poll(fds, wait)
		if err != nil || n == 0 {
			continue
		}
		for _, f := range fds {
			if f.Revents == 0 {
				continue
			}
			if c := s.conns[f.Fd]; c != nil {
				s.feed(c, buf)
				continue
			}
			fd, peer, err := p.Accept(f.Fd)
			if err != nil {
				continue
			}
			s.count++
			s.conns[fd] = &conn{fd: fd, num: s.count, peer: peer, local: p.SockName(fd), until: now.Add(60 * time.Second)}
		}
	}
}

func (s *Server) closeAll() {
	for _, c := range s.conns {
		s.drop(c)
	}
}

func (s *Server) drop(c *conn) {
	s.P.Close(c.fd)
	delete(s.conns, c.fd)
}

// feed reads what has come and answers every request that is complete.
func (s *Server) feed(c *conn, buf []byte) {
	n, err := s.P.Read(c.fd, buf)
	if errors.Is(err, linux.EINTR) {
		return
	}
	if n == 0 || err != nil {
		s.drop(c)
		return
	}
	c.in = append(c.in, buf[:n]...)
	for len(c.in) > 0 {
		r, used, err := parse(c.in)
		if err == errMore {
			return
		}
		if r == nil {
			r = &Request{Request: &http.Request{Method: "", Header: http.Header{}}, Bad: http.StatusBadRequest}
			line, _, _ := bytes.Cut(c.in, []byte("\n"))
			r.Line = strings.TrimRight(string(line), "\r")
			used = len(c.in)
		}
		c.in = c.in[used:]
		r.Remote, r.Local, r.Conn = c.peer, c.local, c.num
		if !s.answer(c, r) {
			s.drop(c)
			return
		}
		c.until = s.P.Now().Add(s.Keep)
	}
}

var errMore = errors.New("the request is not complete yet")

// parse reads one request from the beginning of b.
func parse(b []byte) (*Request, int, error) {
	end := bytes.Index(b, []byte("\r\n\r\n"))
	skip := 4
	if i := bytes.Index(b, []byte("\n\n")); i >= 0 && (end < 0 || i < end) {
		end, skip = i, 2
	}
	if end < 0 {
		if len(b) > maxHead {
			return nil, 0, errors.New("the head is too long")
		}
		return nil, 0, errMore
	}
	line, _, _ := bytes.Cut(b, []byte("\n"))
	hr, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(b[:end+skip])))
	if err != nil {
		return nil, 0, err
	}
	r := &Request{Request: hr, Line: strings.TrimRight(string(line), "\r")}
	size := 0
	if cl := hr.Header.Get("Content-Length"); cl != "" {
		if size, err = strconv.Atoi(cl); err != nil || size < 0 {
			return nil, 0, fmt.Errorf("content length %q", cl)
		}
		if size > maxBody {
			r.Bad = http.StatusRequestEntityTooLarge
			return r, len(b), nil
		}
	}
	if len(b) < end+skip+size {
		return nil, 0, errMore
	}
	r.Body = b[end+skip : end+skip+size]
	return r, end + skip + size, nil
}

// answer sends the response, and says whether the connection is kept.
func (s *Server) answer(c *conn, r *Request) bool {
	resp := s.Handle(r)
	if resp == nil {
		return false // nginx's 444
	}
	old := r.ProtoMajor < 1 || r.ProtoMajor == 1 && r.ProtoMinor == 0
	keep := s.Keep > 0 && !resp.Close && resp.Size >= 0 && r.Bad == 0 && !r.Request.Close && !(old && !strings.EqualFold(r.Header.Get("Connection"), "keep-alive"))
	var head bytes.Buffer
	phrase := resp.Phrase
	if phrase == "" {
		phrase = Reason(resp.Status)
	}
	fmt.Fprintf(&head, "HTTP/1.1 %d %s\r\n", resp.Status, phrase)
	for _, h := range resp.Header {
		v := h[1]
		if h[0] == "Connection" && v == "" {
			if v = "keep-alive"; !keep {
				v = "close"
			}
		}
		fmt.Fprintf(&head, "%s: %s\r\n", h[0], v)
	}
	head.WriteString("\r\n")
	w := &counting{w: s.P.Writer(c.fd)}
	out := bufio.NewWriterSize(w, 32<<10)
	out.Write(head.Bytes())
	var err error
	if resp.Send != nil && r.Method != http.MethodHead {
		err = resp.Send(out)
	}
	if e := out.Flush(); err == nil {
		err = e
	}
	resp.Sent = max(0, w.n-int64(head.Len()))
	if resp.Done != nil {
		resp.Done(resp)
	}
	return keep && err == nil
}

type counting struct {
	w io.Writer
	n int64
}

func (c *counting) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}

// Reason is the phrase of a status, as nginx words it.
func Reason(status int) string {
	switch status {
	case http.StatusFound:
		return "Moved Temporarily"
	case http.StatusRequestEntityTooLarge:
		return "Request Entity Too Large"
	case http.StatusRequestURITooLong:
		return "Request-URI Too Large"
	case http.StatusServiceUnavailable:
		return "Service Temporarily Unavailable"
	case http.StatusGatewayTimeout:
		return "Gateway Time-out"
	case http.StatusMethodNotAllowed:
		return "Not Allowed"
	}
	if t := http.StatusText(status); t != "" {
		return t
	}
	return ""
}

// Date is the form that times have in HTTP.
func Date(t time.Time) string { return t.UTC().Format(http.TimeFormat) }

// File is the content of an open file as a body, from off on.
func File(p *kernel.Proc, fd int, off, size int64) func(w io.Writer) error {
	return func(w io.Writer) error {
		b := make([]byte, 32<<10)
		for size > 0 {
			n, err := p.Pread(fd, b[:min(int64(len(b)), size)], off)
			if err != nil || n == 0 {
				return err
			}
			if _, err := w.Write(b[:n]); err != nil {
				return err
			}
			off, size = off+int64(n), size-int64(n)
		}
		return nil
	}
}

// Range reads a Range header of one stretch. ok is false where there is none that counts; bad says
// that it lies outside of the file.
func Range(header string, size int64) (off, n int64, ok, bad bool) {
	spec, found := strings.CutPrefix(header, "bytes=")
	if !found || strings.Contains(spec, ",") {
		return 0, 0, false, false
	}
	from, to, found := strings.Cut(strings.TrimSpace(spec), "-")
	if !found {
		return 0, 0, false, false
	}
	if from == "" {
		last, err := strconv.ParseInt(to, 10, 64)
		if err != nil {
			return 0, 0, false, false
		}
		last = min(last, size)
		return size - last, last, last > 0, last <= 0
	}
	a, err := strconv.ParseInt(from, 10, 64)
	if err != nil {
		return 0, 0, false, false
	}
	b := size - 1
	if to != "" {
		if b, err = strconv.ParseInt(to, 10, 64); err != nil || b < a {
			return 0, 0, false, false
		}
		b = min(b, size-1)
	}
	if a >= size {
		return 0, 0, false, true
	}
	return a, b - a + 1, true, false
}

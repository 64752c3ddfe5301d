// Package network holds the programs that use the lab's network: curl and wget, nc, ping, the
// programs that look up names, those that show interfaces, routes and sockets, and Busybox's httpd.
//
// They talk over the sockets of the kernel. HTTP is spoken by a small client of their own; https is
// spoken plainly, as the lab's web does.
package network

import (
	"bufio"
	"encoding/base64"
	"errors"
	"io"
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// Programs are the programs of this package.
var Programs = []prog.Program{
	{Name: "curl", Families: prog.Any, Run: curlProgram},
	{Name: "wget", Families: prog.Any, Run: wgetProgram},
	{Name: "nc", Families: prog.Any, Run: nc},
	{Name: "telnet", Families: prog.Any, Run: telnet},
	{Name: "arping", Families: prog.Busybox, Run: arping},
	{Name: "ftpget", Families: prog.Busybox, Run: ftp},
	{Name: "ftpput", Families: prog.Busybox, Run: ftp},
	{Name: "ipcalc", Families: prog.Busybox, Run: ipcalc},
	{Name: "ping", Families: prog.Any, Run: ping},
	{Name: "ping6", Families: prog.Busybox, Run: ping6},
	{Name: "rdate", Families: prog.Busybox, Run: rdate},
	{Name: "tc", Families: prog.Busybox, Run: tc},
	{Name: "tftp", Families: prog.Busybox, Run: tftp},
	{Name: "traceroute", Families: prog.Busybox, Run: traceroute},
	{Name: "traceroute6", Families: prog.Busybox, Run: traceroute},
	{Name: "udhcpc", Families: prog.Busybox, Run: udhcpc},
	{Name: "nslookup", Families: prog.Any, Run: nslookup},
	{Name: "host", Families: prog.GNU, Run: hostProgram},
	{Name: "ip", Families: prog.Any, Run: ip},
	{Name: "ifconfig", Families: prog.Any, Run: ifconfig},
	{Name: "route", Families: prog.Any, Run: route},
	{Name: "netstat", Families: prog.Any, Run: netstat},
	{Name: "ss", Families: prog.GNU, Run: ss},
	{Name: "httpd", Families: prog.Busybox, Run: httpdProgram},
}

// errTimeout is a wait that took too long.
var errTimeout = errors.New("timed out")

// conn is a connection with a deadline.
type conn struct {
	c        *prog.Ctx
	fd       int
	r        *bufio.Reader
	deadline time.Time // zero: none
	local    netip.AddrPort
	peer     netip.AddrPort
}

// dial connects to the first of the addresses that answers.
func dial(c *prog.Ctx, addrs []netip.Addr, port uint16, limit time.Duration) (*conn, error) {
	var last error = linux.ECONNREFUSED
	for _, a := range addrs {
		to := netip.AddrPortFrom(a, port)
		fd, err := c.DialTimeout("tcp", to, limit)
		if err != nil {
			last = err
			continue
		}
		k := &conn{c: c, fd: fd, local: c.SockName(fd), peer: to}
		k.r = bufio.NewReader(k)
		return k, nil
	}
	return nil, last
}

// Read implements io.Reader.
func (k *conn) Read(b []byte) (int, error) {
	if !k.deadline.IsZero() {
		left := k.deadline.Sub(k.c.Now())
		if left <= 0 {
			return 0, errTimeout
		}
		fds := []kernel.PollFd{{Fd: k.fd, Events: kernel.POLLIN}}
		if n, err := k.c.Poll(fds, left); err == nil && n == 0 {
			return 0, errTimeout
		}
	}
	n, err := k.c.Proc.Read(k.fd, b)
	if err == nil && n == 0 {
		err = io.EOF
	}
	return n, err
}

// Write implements io.Writer.
func (k *conn) Write(b []byte) (int, error) { return k.c.Proc.Write(k.fd, b) }

func (k *conn) close() { k.c.Proc.Close(k.fd) }

// addresses are those of a host, the older kind first, as a network without the newer has it.
func addresses(c *prog.Ctx, host string) ([]netip.Addr, error) {
	all, err := c.Resolve(strings.Trim(host, "[]"))
	if err != nil {
		return nil, err
	}
	var v4, v6 []netip.Addr
	for _, a := range all {
		if a.Is4() {
			v4 = append(v4, a)
		} else {
			v6 = append(v6, a)
		}
	}
	return append(v4, v6...), nil
}

// target is where a URL points.
type target struct {
	*url.URL
	host string // without brackets
	port uint16
}

// parseURL reads a URL as the web's clients do: http is the default.
func parseURL(s string) (*target, error) {
	if !strings.Contains(s, "://") {
		s = "http://" + s
	}
	u, err := url.Parse(strings.ReplaceAll(s, " ", "%20"))
	if err != nil {
		return nil, err
	}
	t := &target{URL: u, host: u.Hostname(), port: 80}
	if u.Scheme == "https" {
		t.port = 443
	}
	if p := u.Port(); p != "" {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil {
			return nil, err
		}
		t.port = uint16(n)
	}
	return t, nil
}

// hostHeader is the value of the Host header.
func (t *target) hostHeader() string {
	h := t.host
	if strings.Contains(h, ":") {
		h = "[" + h + "]"
	}
	if t.Port() != "" && !(t.Scheme == "http" && t.port == 80 || t.Scheme == "https" && t.port == 443) {
		h += ":" + t.Port()
	}
	return h
}

// path is what stands in the request line.
func (t *target) path() string {
	p := t.EscapedPath()
	if p == "" {
		p = "/"
	}
	if t.RawQuery != "" || t.ForceQuery {
		p += "?" + t.RawQuery
	}
	return p
}

// response is the head of an answer.
type response struct {
	proto   string // "HTTP/1.1"
	status  int
	reason  string
	line    string // the status line as it came
	headers []string
	length  int64 // of the body; -1: to the end of the connection
	chunked bool
}

// header is the value of the first header of the name, "" if there is none.
func (r *response) header(name string) string {
	for _, h := range r.headers {
		if k, v, ok := strings.Cut(h, ":"); ok && strings.EqualFold(strings.TrimSpace(k), name) {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// maxHead bounds the head of an answer.
const maxHead = 256 << 10

var (
	errEmpty     = errors.New("empty reply")
	errMalformed = errors.New("malformed reply")
)

// readHead reads the head of an answer.
func (k *conn) readHead(method string) (*response, error) {
	size := 0
	line := func() (string, error) {
		var b []byte
		for {
			part, err := k.r.ReadSlice('\n')
			b = append(b, part...)
			if size += len(part); size > maxHead {
				return "", errMalformed
			}
			if err == bufio.ErrBufferFull {
				continue
			}
			return strings.TrimRight(string(b), "\r\n"), err
		}
	}
	for {
		first, err := line()
		if err == io.EOF && first == "" {
			return nil, errEmpty
		}
		if err != nil {
			return nil, err
		}
		r := &response{line: first, length: -1}
		f := strings.SplitN(first, " ", 3)
		if len(f) < 2 || !strings.HasPrefix(f[0], "HTTP/") {
			return nil, errMalformed
		}
		r.proto = f[0]
		if r.status, err = strconv.Atoi(f[1]); err != nil || r.status < 100 || r.status > 999 {
			return nil, errMalformed
		}
		if len(f) > 2 {
			r.reason = f[2]
		}
		for {
			h, err := line()
			if err != nil && err != io.EOF {
				return nil, err
			}
			if h == "" {
				break
			}
			r.headers = append(r.headers, h)
			if err == io.EOF {
				break
			}
		}
		if r.status == 100 {
			continue
		}
		r.chunked = strings.EqualFold(r.header("Transfer-Encoding"), "chunked")
		if n, err := strconv.ParseInt(r.header("Content-Length"), 10, 64); err == nil && n >= 0 && !r.chunked {
			r.length = n
		}
		if method == "HEAD" || r.status == 204 || r.status == 304 {
			r.length, r.chunked = 0, false
		}
		return r, nil
	}
}

// errShort is a body that ended before its length.
var errShort = errors.New("transfer closed with data remaining")

// body reads the body of an answer; it fails with errShort if it ends too soon.
func (k *conn) body(r *response) io.Reader {
	switch {
	case r.chunked:
		return &chunkedReader{r: k.r}
	case r.length >= 0:
		return &sizedReader{r: k.r, left: r.length}
	}
	return k.r
}

type sizedReader struct {
	r    io.Reader
	left int64
}

func (s *sizedReader) Read(b []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	n, err := s.r.Read(b[:min(int64(len(b)), s.left)])
	s.left -= int64(n)
	if err == io.EOF && s.left > 0 {
		err = errShort
	}
	return n, err
}

type chunkedReader struct {
	r    *bufio.Reader
	left int64
	done bool
	any  bool
}

func (s *chunkedReader) Read(b []byte) (int, error) {
	if s.done {
		return 0, io.EOF
	}
	if s.left == 0 {
		if s.any {
			s.r.ReadSlice('\n')
		}
		s.any = true
		line, err := s.r.ReadSlice('\n')
		if err != nil {
			return 0, errShort
		}
		size, _, _ := strings.Cut(strings.TrimSpace(string(line)), ";")
		n, err := strconv.ParseInt(size, 16, 63)
		if err != nil || n < 0 {
			return 0, errMalformed
		}
		if n == 0 {
			s.done = true
			for {
				line, err := s.r.ReadSlice('\n')
				if err != nil || len(strings.TrimSpace(string(line))) == 0 {
					return 0, io.EOF
				}
			}
		}
		s.left = n
	}
	n, err := s.r.Read(b[:min(int64(len(b)), s.left)])
	s.left -= int64(n)
	if err == io.EOF {
		err = errShort
	}
	return n, err
}

func newReader(r io.Reader) *bufio.Reader { return bufio.NewReader(r) }

const ignore = kernel.Ignore

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// basic is the value of a Basic authorization.
func basic(user, password string) string {
	return base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
}

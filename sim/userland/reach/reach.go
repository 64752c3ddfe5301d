// Package reach asks the hosts that packages come from whether they have a file, over the network
// as the container sees it. What the file holds is the catalogue's, whose content is then shared.
package reach

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// Kind is why a file cannot be had.
type Kind int

const (
	BadURL       Kind = iota
	BadScheme         // neither http nor https
	NoNetwork         // names cannot be looked up at all
	NoHost            // there is no such host
	NoConnection      // Errno says why
	NoAnswer          // the connection ended before there was one
	Untrusted         // https, and nothing to know the host by
	Refused           // the answer is another one than 200: Status
)

// Error is what keeps a file from being had.
type Error struct {
	Kind   Kind
	Host   string
	Addr   netip.AddrPort
	Errno  linux.Errno
	Status int
}

func (e *Error) Error() string {
	switch e.Kind {
	case BadURL:
		return "bad URL"
	case BadScheme:
		return "unknown scheme"
	case NoNetwork, NoHost:
		return fmt.Sprintf("cannot resolve %s", e.Host)
	case NoConnection:
		return fmt.Sprintf("connecting to %v: %v", e.Addr, e.Errno)
	case Untrusted:
		return fmt.Sprintf("%s is not trusted", e.Host)
	case Refused:
		return fmt.Sprintf("%s answers %d", e.Host, e.Status)
	}
	return fmt.Sprintf("no answer from %s", e.Host)
}

// Certificates is what https needs to know a host by.
const Certificates = "/etc/ssl/certs/ca-certificates.crt"

// knownHost is a host that every network of the lab reaches.
const knownHost = "deb.debian.org"

// File asks for a file with a HEAD request. It is nil where the host has it.
func File(c *prog.Ctx, uri, agent string) *Error {
	u, err := url.Parse(uri)
	if err != nil {
		return &Error{Kind: BadURL}
	}
	e := &Error{Host: u.Hostname()}
	port := uint16(80)
	switch u.Scheme {
	case "http":
	case "https":
		port = 443
	default:
		e.Kind = BadScheme
		return e
	}
	if p := u.Port(); p != "" {
		fmt.Sscan(p, &port)
	}
	addrs, err := c.Resolve(e.Host)
	if err != nil || len(addrs) == 0 {
		e.Kind = NoHost
		if known, err := c.Resolve(knownHost); err != nil || len(known) == 0 {
			e.Kind = NoNetwork
		}
		return e
	}
	e.Addr = netip.AddrPortFrom(addrs[0], port)
	fd, err := c.DialTimeout("tcp", e.Addr, 30*time.Second)
	if err != nil {
		e.Kind, e.Errno = NoConnection, linux.ECONNREFUSED
		if errno, ok := err.(linux.Errno); ok {
			e.Errno = errno
		}
		return e
	}
	defer c.Close(fd)
	if u.Scheme == "https" {
		if _, err := c.Stat(Certificates); err != nil {
			e.Kind = Untrusted
			return e
		}
	}
	e.Kind = NoAnswer
	request := fmt.Sprintf("HEAD %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\nConnection: close\r\n\r\n", u.EscapedPath(), u.Host, agent)
	if _, err := c.Proc.Write(fd, []byte(request)); err != nil {
		return e
	}
	answer, err := http.ReadResponse(bufio.NewReader(io.LimitReader(c.Reader(fd), 64<<10)), &http.Request{Method: http.MethodHead})
	if err != nil {
		return e
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		e.Kind, e.Status = Refused, answer.StatusCode
		return e
	}
	return nil
}

package apt

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/dockerlab/dockerlab/sim/layer"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// fetchError is what keeps something from being fetched, as APT words it.
type fetchError struct {
	text      string
	transient bool // the host cannot be reached, which may be otherwise later
	missing   bool // the host has no such file
}

func (e *fetchError) Error() string { return e.text }

// certificates is what https needs to know a host by.
const certificates = "/etc/ssl/certs/ca-certificates.crt"

// knownHost is a host that every network of the lab reaches.
const knownHost = "deb.debian.org"

// reach asks the host for a file, over the network as it is, and reports whether it is there. The
// host of the lab's web has what the catalogue has, whose content is then shared and not copied.
func (s *session) reach(uri string) *fetchError {
	u, err := url.Parse(uri)
	if err != nil {
		return &fetchError{text: err.Error()}
	}
	port := uint16(80)
	switch u.Scheme {
	case "http":
	case "https":
		port = 443
	default:
		return &fetchError{text: fmt.Sprintf("The method driver /usr/lib/apt/methods/%s could not be found.", u.Scheme)}
	}
	host := u.Hostname()
	if p := u.Port(); p != "" {
		fmt.Sscan(p, &port)
	}
	addrs, err := s.c.Resolve(host)
	if err != nil || len(addrs) == 0 {
		text := fmt.Sprintf("Could not resolve '%s'", host)
		if known, err := s.c.Resolve(knownHost); err != nil || len(known) == 0 {
			text = fmt.Sprintf("Temporary failure resolving '%s'", host) // there is no network
		}
		return &fetchError{text: text, transient: true}
	}
	to := netip.AddrPortFrom(addrs[0], port)
	fd, err := s.c.DialTimeout("tcp", to, 30*time.Second)
	if err != nil {
		why := "connect (111: Connection refused)"
		if e, ok := err.(linux.Errno); ok && e != linux.ECONNREFUSED {
			why = fmt.Sprintf("connect (%d: %v)", int(e), e)
		}
		text := fmt.Sprintf("Could not connect to %s:%d (%s). - %s", host, port, to.Addr(), why)
		if err == linux.ETIMEDOUT {
			text = fmt.Sprintf("Could not connect to %s:%d (%s), connection timed out", host, port, to.Addr())
		}
		return &fetchError{text: text, transient: true}
	}
	defer s.c.Close(fd)
	if u.Scheme == "https" {
		if _, err := s.c.Stat(certificates); err != nil {
			return &fetchError{text: fmt.Sprintf("Certificate verification failed: The certificate is NOT trusted. The certificate issuer is unknown.  Could not handshake: Error in the certificate verification. [IP: %s %d]", to.Addr(), port), transient: true}
		}
	}
	request := fmt.Sprintf("HEAD %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: Debian APT-HTTP/1.3 (%s)\r\nConnection: close\r\n\r\n", u.EscapedPath(), u.Host, version)
	if _, err := s.c.Proc.Write(fd, []byte(request)); err != nil {
		return &fetchError{text: "Connection failed", transient: true}
	}
	answer, err := http.ReadResponse(bufio.NewReader(io.LimitReader(s.c.Reader(fd), 64<<10)), &http.Request{Method: http.MethodHead})
	if err != nil {
		return &fetchError{text: "Connection failed", transient: true}
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return &fetchError{text: fmt.Sprintf("%s [IP: %s %d]", strings.TrimSpace(fmt.Sprintf("%d  %s", answer.StatusCode, http.StatusText(answer.StatusCode))), to.Addr(), port), missing: answer.StatusCode == http.StatusNotFound}
	}
	return nil
}

// put writes a file that holds content of the catalogue, without a copy of it where the file system
// can do without.
func (s *session) put(name string, content layer.Content, perm linux.Mode) error {
	c := s.c
	c.Unlink(name)
	fd, err := c.Open(name, linux.O_WRONLY|linux.O_CREAT|linux.O_EXCL|linux.O_CLOEXEC, perm)
	if err != nil {
		return err
	}
	defer c.Close(fd)
	if ref, err := c.View().Resolve(name, false); err == nil {
		if fs, ok := ref.Mount.FS.(interface {
			SetContent(ino vfs.Ino, c layer.Content) error
		}); ok {
			return fs.SetContent(ref.Ino, content)
		}
	}
	_, err = io.Copy(c.Writer(fd), layer.NewReader(content))
	return err
}

// fetched says how much was fetched, as if at some 20 MB a second.
func (s *session) fetched(bytes int64) {
	const rate = 20_000_000
	seconds := float64(bytes)/rate + 0.1
	s.say("Fetched %sB in %ds (%sB/s)\n", size(bytes), int(seconds), size(int64(float64(bytes)/seconds)))
}

// directory makes a directory and what is missing above it.
func (s *session) directory(name string, perm linux.Mode) error {
	if _, err := s.c.Stat(name); err == nil {
		return nil
	}
	if i := strings.LastIndexByte(name, '/'); i > 0 {
		if err := s.directory(name[:i], 0o755); err != nil {
			return err
		}
	}
	if err := s.c.Mkdir(name, perm); err != nil && err != linux.EEXIST {
		return err
	}
	return nil
}

// lock takes a lock file, which only root can.
func (s *session) lock(name string) error {
	fd, err := s.c.Open(name, linux.O_RDWR|linux.O_CREAT|linux.O_CLOEXEC, 0o640)
	if err != nil {
		return err
	}
	s.c.Close(fd)
	return nil
}

// scripts runs the commands of a configuration list.
func (s *session) scripts(name string) bool {
	for _, command := range s.config.lists[strings.ToLower(name)] {
		st, err := s.c.Command([]string{"/bin/sh", "-c", command}, nil, nil)
		if err != nil {
			s.c.Errorf("E: Problem executing scripts %s '%s'\n", name, command)
			return false
		}
		if st.Code != 0 || st.Signal != 0 {
			s.c.Errorf("E: Problem executing scripts %s '%s'\nE: Sub-process returned an error code\n", name, command)
			return false
		}
	}
	return true
}

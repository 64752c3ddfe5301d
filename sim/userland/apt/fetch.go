package apt

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/dockerlab/dockerlab/sim/layer"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/reach"
	"github.com/dockerlab/dockerlab/sim/userland/unpack"
)

// fetchError is what keeps something from being fetched, as APT words it.
type fetchError struct {
	text      string
	transient bool // the host cannot be reached, which may be otherwise later
	missing   bool // the host has no such file
}

func (e *fetchError) Error() string { return e.text }

// reach asks the host for a file, over the network as it is, and reports whether it is there. The
// host of the lab's web has what the catalogue has, whose content is then shared and not copied.
func (s *session) reach(uri string) *fetchError {
	e := reach.File(s.c, uri, "Debian APT-HTTP/1.3 ("+version+")")
	if e == nil {
		return nil
	}
	switch e.Kind {
	case reach.BadURL:
		return &fetchError{text: e.Error()}
	case reach.BadScheme:
		scheme, _, _ := strings.Cut(uri, ":")
		return &fetchError{text: fmt.Sprintf("The method driver /usr/lib/apt/methods/%s could not be found.", scheme)}
	case reach.NoHost:
		return &fetchError{text: fmt.Sprintf("Could not resolve '%s'", e.Host), transient: true}
	case reach.NoNetwork:
		return &fetchError{text: fmt.Sprintf("Temporary failure resolving '%s'", e.Host), transient: true}
	case reach.NoConnection:
		text := fmt.Sprintf("Could not connect to %s:%d (%s). - connect (%d: %v)", e.Host, e.Addr.Port(), e.Addr.Addr(), int(e.Errno), e.Errno)
		if e.Errno == linux.ETIMEDOUT {
			text = fmt.Sprintf("Could not connect to %s:%d (%s), connection timed out", e.Host, e.Addr.Port(), e.Addr.Addr())
		}
		return &fetchError{text: text, transient: true}
	case reach.Untrusted:
		return &fetchError{text: fmt.Sprintf("Certificate verification failed: The certificate is NOT trusted. The certificate issuer is unknown.  Could not handshake: Error in the certificate verification. [IP: %s %d]", e.Addr.Addr(), e.Addr.Port()), transient: true}
	case reach.Refused:
		return &fetchError{text: fmt.Sprintf("%s [IP: %s %d]", strings.TrimSpace(fmt.Sprintf("%d  %s", e.Status, http.StatusText(e.Status))), e.Addr.Addr(), e.Addr.Port()), missing: e.Status == http.StatusNotFound}
	}
	return &fetchError{text: "Connection failed", transient: true}
}

// put writes a file that holds content of the catalogue, without a copy of it where the file system
// can do without.
func (s *session) put(name string, content layer.Content, perm linux.Mode) error {
	s.c.Unlink(name)
	return unpack.Put(s.c, name, content, perm)
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

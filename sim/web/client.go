package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/build"
	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/layer"
	"github.com/dockerlab/dockerlab/sim/linux"
)

// Client fetches for the engine, whose daemon stands on the lab's host: it reaches what the host
// does, published ports included. It is a build.Web.
type Client struct {
	Web  *Web
	Host *kernel.NetNS
}

var _ build.Web = Client{}

// Get fetches a page.
func (c Client) Get(ctx context.Context, address string) (*build.Page, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{DialContext: c.dial, DisableCompression: true, DisableKeepAlives: true}
	client := http.Client{Transport: plainly{transport}}
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	return &build.Page{
		Status: res.StatusCode, ContentType: res.Header.Get("Content-Type"), ContentDisposition: res.Header.Get("Content-Disposition"),
		LastModified: res.Header.Get("Last-Modified"), Length: res.ContentLength, Body: res.Body,
	}, nil
}

// plainly speaks https as http on https's port.
type plainly struct{ base http.RoundTripper }

func (p plainly) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != "https" {
		return p.base.RoundTrip(req)
	}
	r := req.Clone(req.Context())
	if r.Host == "" {
		r.Host = r.URL.Host
	}
	r.URL.Scheme = "http"
	if r.URL.Port() == "" {
		r.URL.Host = net.JoinHostPort(r.URL.Hostname(), "443")
	}
	res, err := p.base.RoundTrip(r)
	if res != nil {
		res.Request = req // where a redirect starts from
	}
	return res, err
}

// dial connects from the host.
func (c Client) dial(_ context.Context, network, address string) (net.Conn, error) {
	name, text, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return nil, err
	}
	a, err := netip.ParseAddr(name)
	if err != nil {
		found := c.Web.Resolve(name)
		if name == "localhost" {
			found = []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}
		}
		if len(found) == 0 {
			return nil, &net.OpError{Op: "dial", Net: network, Err: &net.DNSError{Err: "no such host", Name: name, Server: "127.0.0.53:53", IsNotFound: true}}
		}
		a = found[0]
	}
	to := netip.AddrPortFrom(a, uint16(port))
	conn, err := c.Host.Dial(c.Web.k, to)
	if err != nil {
		// As Go words a connect(2) that fails.
		var errno linux.Errno
		if errors.As(err, &errno) {
			err = errno
		}
		err = fmt.Errorf("connect: %s", strings.ToLower(err.Error()))
		return nil, &net.OpError{Op: "dial", Net: network, Addr: net.TCPAddrFromAddrPort(to), Err: err}
	}
	return conn, nil
}

// Clone gives the files of a repository as a tar. Its errors are git's, as the engine passes them
// on.
func (c Client) Clone(_ context.Context, address, ref string) (io.ReadCloser, error) {
	failed := func(format string, a ...any) error {
		return fmt.Errorf("error fetching: %s\n: exit status 128", fmt.Sprintf("fatal: "+format, a...))
	}
	host, path, err := splitRepository(address)
	if err != nil {
		return nil, failed("%s", err)
	}
	if len(c.Web.Resolve(host)) == 0 {
		return nil, failed("unable to access '%s/': Could not resolve host: %s", strings.TrimSuffix(address, "/"), host)
	}
	entries, err := c.Web.pages.Git(host+path, ref)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := c.Web.pages.Git(host+path, ""); err == nil {
			return nil, failed("couldn't find remote ref %s", ref)
		}
		return nil, failed("repository '%s/' not found", strings.TrimSuffix(address, "/"))
	}
	if err != nil {
		return nil, err
	}
	l, err := layer.New(entries)
	if err != nil {
		return nil, err
	}
	tar, err := l.Tar()
	if err != nil {
		return nil, err
	}
	return io.NopCloser(tar), nil
}

// splitRepository takes the host and the path from the address of a repository: a URL, or the
// user@host:path of ssh.
func splitRepository(address string) (host, path string, err error) {
	if user, rest, ok := strings.Cut(address, "@"); ok && !strings.Contains(user, "/") {
		host, path, ok = strings.Cut(rest, ":")
		if !ok {
			return "", "", fmt.Errorf("'%s' does not appear to be a git repository", address)
		}
		return host, "/" + path, nil
	}
	if !strings.Contains(address, "://") {
		address = "https://" + address
	}
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" {
		return "", "", fmt.Errorf("unable to find remote helper for '%s'", address)
	}
	return strings.ToLower(u.Hostname()), strings.TrimSuffix(u.Path, "/"), nil
}

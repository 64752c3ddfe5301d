// Package web is the lab's internet: one server for all hosts of the catalogue's web, reached by
// name and address from the lab's host and its containers, and the client that the engine fetches
// with (ADD of a URL, builds from the web and from Git).
//
//	curl, wget ─▶ Resolve (names) ─▶ Route ─▶ server ─▶ catalog.Registry
//	engine ─▶ Get, Clone ───────────────────────┘
//
// Nothing is encrypted: https is spoken plainly on port 443, and the lab's clients know.
package web

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dockerlab/dockerlab/sim/catalog"
	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/layer"
)

// Web is the internet of one lab.
type Web struct {
	k     *kernel.Kernel
	pages *catalog.Registry
	hosts []string
	ns    *kernel.NetNS // the server's
	stop  []func()
}

// network is where the hosts have their addresses: RFC 2544 sets it aside for tests.
var network = netip.MustParsePrefix("198.18.0.0/16")

// Serve starts the server of the catalogue's hosts. They are reached from namespaces whose Resolver
// and Route are the Web's.
func Serve(k *kernel.Kernel, pages *catalog.Registry) (*Web, error) {
	hosts, err := pages.Hosts()
	if err != nil {
		return nil, err
	}
	w := &Web{k: k, pages: pages, hosts: hosts, ns: kernel.NewNetNS()}
	for _, port := range []uint16{80, 443, 11371} { // the last is where keyservers listen
		stop, err := w.ns.Daemon(k, netip.AddrPortFrom(netip.IPv4Unspecified(), port), w.serve)
		if err != nil {
			return nil, fmt.Errorf("starting the web: %w", err)
		}
		w.stop = append(w.stop, stop)
	}
	return w, nil
}

// Close stops the server.
func (w *Web) Close() {
	for _, stop := range w.stop {
		stop()
	}
}

// Resolve gives the address of a host, as kernel.NetNS.Resolver does.
func (w *Web) Resolve(name string) []netip.Addr {
	i, ok := slices.BinarySearch(w.hosts, strings.ToLower(strings.TrimSuffix(name, ".")))
	if !ok || i >= 1<<16-2 {
		return nil
	}
	a := network.Addr().As4()
	a[2], a[3] = byte((i+1)>>8), byte(i+1)
	return []netip.Addr{netip.AddrFrom4(a)}
}

// Route gives who answers at an address, as kernel.NetNS.Route does.
func (w *Web) Route(a netip.Addr) *kernel.NetNS {
	if !network.Contains(a) {
		return nil
	}
	return w.ns
}

// maxRequest bounds the head of a request, in bytes.
const maxRequest = 64 << 10

// serve answers the requests of one connection.
func (w *Web) serve(c io.ReadWriter) {
	for {
		r := bufio.NewReader(io.LimitReader(c, maxRequest))
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		if _, err := io.Copy(io.Discard, req.Body); err != nil {
			return
		}
		if !w.answer(c, req) {
			return
		}
	}
}

// answer writes the answer to one request, and reports whether there may be another.
func (w *Web) answer(c io.Writer, req *http.Request) (more bool) {
	host, _, err := net.SplitHostPort(req.Host)
	if err != nil {
		host = req.Host
	}
	var page *catalog.Page
	switch {
	case req.Method != http.MethodGet && req.Method != http.MethodHead:
		page = fault(http.StatusMethodNotAllowed)
	default:
		page, err = w.pages.Page(strings.ToLower(host), req.URL.Path, req.URL.RawQuery)
		if err != nil {
			page = fault(http.StatusInternalServerError)
		} else if page == nil {
			page = fault(http.StatusNotFound)
		}
	}
	more = !req.Close && req.ProtoAtLeast(1, 1)
	connection := "close"
	if more {
		connection = "keep-alive"
	}
	out := bufio.NewWriter(c)
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(out, "%s: %s\r\n", name, value)
		}
	}
	fmt.Fprintf(out, "HTTP/1.1 %d %s\r\n", page.Status, http.StatusText(page.Status))
	line("Server", "nginx")
	line("Date", w.k.Now().UTC().Format(http.TimeFormat))
	line("Content-Type", page.Type)
	line("Content-Length", strconv.FormatInt(page.Content.Size(), 10))
	if page.Status == http.StatusOK {
		line("Last-Modified", modified.Format(http.TimeFormat))
	}
	line("Connection", connection)
	line("Location", page.Location)
	out.WriteString("\r\n")
	if req.Method != http.MethodHead {
		if _, err := io.Copy(out, layer.NewReader(page.Content)); err != nil {
			return false
		}
	}
	return out.Flush() == nil && more
}

// modified is when all pages were written.
var modified = time.Date(2017, 11, 17, 2, 30, 19, 0, time.UTC)

// fault is the page that nginx sends with a status that is no success.
func fault(status int) *catalog.Page {
	title := fmt.Sprintf("%d %s", status, http.StatusText(status))
	return &catalog.Page{Status: status, Type: "text/html", Content: layer.Text("<html>\r\n<head><title>" + title +
		"</title></head>\r\n<body>\r\n<center><h1>" + title + "</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n")}
}

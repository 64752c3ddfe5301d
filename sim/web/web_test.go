package web_test

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/dockerlab/dockerlab/sim/catalog"
	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/web"
)

// lab is a web of the catalogue's example folder, and a machine that reaches it.
func lab(t *testing.T) (*kernel.Kernel, *web.Web, *kernel.NetNS) {
	t.Helper()
	k := kernel.New(kernel.Options{Clock: kernel.Virtual, Start: time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)})
	w, err := web.Serve(k, catalog.OpenDir(os.DirFS("../catalog/testdata/teacher")))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	host := kernel.NewNetNS()
	bridge := kernel.NewNetwork("net", "br0", netip.MustParsePrefix("10.0.0.0/24"), netip.MustParseAddr("10.0.0.1"), kernel.NewNetNS())
	bridge.Attach(host, "eth0", netip.MustParseAddr("10.0.0.2"), "")
	host.Resolver, host.Route = w.Resolve, w.Route
	return k, w, host
}

func TestTheServerSpeaksHTTP(t *testing.T) {
	k, w, host := lab(t)
	at := w.Resolve("www.course.example")
	if len(at) != 1 || w.Resolve("nowhere.example") != nil {
		t.Fatalf("the host is at %v", at)
	}
	c, err := host.Dial(k, netip.AddrPortFrom(at[0], 80))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r := bufio.NewReader(c)
	for _, step := range []struct{ request, want string }{
		{"GET /ip HTTP/1.1\r\nHost: www.course.example\r\n\r\n",
			"HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Tue, 02 Jan 2024 03:04:05 GMT\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n" +
				"Last-Modified: Fri, 17 Nov 2017 02:30:19 GMT\r\nConnection: keep-alive\r\n\r\n192.0.2.7\n"},
		{"HEAD /ip HTTP/1.1\r\nHost: www.course.example:80\r\n\r\n",
			"HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Tue, 02 Jan 2024 03:04:05 GMT\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n" +
				"Last-Modified: Fri, 17 Nov 2017 02:30:19 GMT\r\nConnection: keep-alive\r\n\r\n"},
		{"GET /old HTTP/1.0\r\nHost: www.course.example\r\n\r\n",
			"HTTP/1.1 302 Found\r\nServer: nginx\r\nDate: Tue, 02 Jan 2024 03:04:05 GMT\r\nContent-Type: text/html; charset=UTF-8\r\nContent-Length: 0\r\n" +
				"Connection: close\r\nLocation: http://www.course.example/\r\n\r\n"},
	} {
		if _, err := io.WriteString(c, step.request); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(step.want))
		if _, err := io.ReadFull(r, got); err != nil || string(got) != step.want {
			t.Errorf("%q\nanswers %q, %v\nwant    %q", step.request, got, err, step.want)
		}
	}
	if b, err := io.ReadAll(r); err != nil || len(b) > 0 {
		t.Errorf("after Connection: close come %q, %v", b, err)
	}
}

func TestGet(t *testing.T) {
	k, w, host := lab(t)
	client := web.Client{Web: w, Host: host}
	for _, c := range []struct {
		url    string
		status int
		body   string
		fault  string
	}{
		{url: "http://www.course.example/", status: 200, body: "<p>The course</p>\n"},
		{url: "https://www.course.example/ip", status: 200, body: "192.0.2.7\n"},
		{url: "https://www.course.example/old", status: 200, body: "<p>The course</p>\n"}, // by its Location
		{url: "http://www.course.example/nothing", status: 404, body: "<html>\r\n<head><title>404 Not Found</title></head>\r\n<body>\r\n<center><h1>404 Not Found</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"},
		{url: "http://nowhere.example/x", fault: `Get "http://nowhere.example/x": dial tcp: lookup nowhere.example on 127.0.0.53:53: no such host`},
		{url: "http://www.course.example:81/", fault: "connection refused"},
	} {
		page, err := client.Get(context.Background(), c.url)
		if c.fault != "" {
			if err == nil || !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(c.fault)) {
				t.Errorf("%s: %v, want %s", c.url, err, c.fault)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.url, err)
			continue
		}
		b, err := io.ReadAll(page.Body)
		page.Body.Close()
		if err != nil || page.Status != c.status || string(b) != c.body || page.Length != int64(len(b)) {
			t.Errorf("%s: %d %q of %d bytes, %v", c.url, page.Status, b, page.Length, err)
		}
	}
	// A server of the lab itself is reached, too.
	l, err := host.Listen(k, netip.MustParseAddrPort("127.0.0.1:8080"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "here") }))
	page, err := client.Get(context.Background(), "http://localhost:8080/")
	if err != nil {
		t.Fatal(err)
	}
	defer page.Body.Close()
	if b, err := io.ReadAll(page.Body); err != nil || string(b) != "here" {
		t.Errorf("localhost answers %q, %v", b, err)
	}
}

func TestClone(t *testing.T) {
	_, w, host := lab(t)
	client := web.Client{Web: w, Host: host}
	for _, c := range []struct{ url, ref, want, fault string }{
		{url: "https://git.course.example/app.git", want: "Dockerfile"},
		{url: "https://git.course.example/app.git", ref: "v1", want: "Dockerfile src/file"},
		{url: "git@git.course.example:app.git", ref: "v1", want: "Dockerfile src/file"},
		{url: "https://git.course.example/app.git", ref: "v2", fault: "error fetching: fatal: couldn't find remote ref v2"},
		{url: "https://git.course.example/other.git", fault: "error fetching: fatal: repository 'https://git.course.example/other.git/' not found"},
		{url: "https://nowhere.example/app.git", fault: "error fetching: fatal: unable to access 'https://nowhere.example/app.git/': Could not resolve host: nowhere.example"},
		{url: "https://git.course.example/../../images/course", fault: "not found"},
	} {
		body, err := client.Clone(context.Background(), c.url, c.ref)
		if c.fault != "" {
			if err == nil || !strings.Contains(err.Error(), c.fault) {
				t.Errorf("%s#%s: %v, want %s", c.url, c.ref, err, c.fault)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s#%s: %v", c.url, c.ref, err)
			continue
		}
		b, err := io.ReadAll(body)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for r := tar.NewReader(bytes.NewReader(b)); ; {
			h, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, h.Name)
		}
		if got := strings.Join(names, " "); got != c.want {
			t.Errorf("%s#%s has %s, want %s", c.url, c.ref, got, c.want)
		}
	}
}

package engineapi_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/dockerlab/dockerlab/sim/container"
	"github.com/dockerlab/dockerlab/sim/engineapi"
	"github.com/dockerlab/dockerlab/sim/kernel"
)

// cat copies its input to its output, word for word of what a learner pipes into docker run -i.
func cat(p *kernel.Proc) int {
	io.Copy(p.Writer(1), p.Reader(0))
	return 0
}

// serve is an engine whose every executable is the given program.
func serve(t *testing.T, clock kernel.Clock, program kernel.Program) *httptest.Server {
	k := kernel.New(kernel.Options{Clock: clock, Loader: func(*kernel.Proc, *kernel.Executable) (kernel.Program, error) {
		return program, nil
	}})
	e := container.New(container.Options{Kernel: k})
	if err := e.AddImage(busybox(t)); err != nil {
		t.Fatal(err)
	}
	if err := e.Tag(string(e.State().Images.All()[0].ID), "busybox", ""); err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(engineapi.NewHandler(e, nil))
	t.Cleanup(func() { e.Shutdown(); s.Close() })
	return s
}

func post(t *testing.T, s *httptest.Server, path, body string, answer any) {
	t.Helper()
	resp, err := http.Post(s.URL+path, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	if resp.StatusCode >= 300 {
		t.Fatalf("POST %s: %d %s", path, resp.StatusCode, b)
	}
	if answer != nil {
		if err := json.Unmarshal(b, answer); err != nil {
			t.Fatalf("POST %s: %v in %q", path, err, b)
		}
	}
}

// upgrade takes a connection over, as docker attach does.
func upgrade(t *testing.T, s *httptest.Server, path, body string) (*net.TCPConn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body)
	r := bufio.NewReader(conn)
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("POST %s: %s", path, resp.Status)
	}
	return conn.(*net.TCPConn), r
}

// What is sent before the container starts, and the end of it, arrive; the stream ends with the
// container. This is docker run -i.
func TestAttachFeedsStandardInput(t *testing.T) {
	for _, clock := range []kernel.Clock{kernel.Real, kernel.Virtual} {
		s := serve(t, clock, cat)
		for i := range 50 {
			var c struct{ ID string }
			post(t, s, fmt.Sprintf("/containers/create?name=c%d-%d", clock, i), `{"Image":"busybox","OpenStdin":true,"StdinOnce":true,"AttachStdin":true}`, &c)
			conn, out := upgrade(t, s, "/containers/"+c.ID+"/attach?stream=1&stdin=1&stdout=1&stderr=1", "")
			post(t, s, "/containers/"+c.ID+"/start", "", nil)
			io.WriteString(conn, "a\nb\n")
			conn.CloseWrite()
			got, err := io.ReadAll(out)
			if want := "\x01\x00\x00\x00\x00\x00\x00\x04a\nb\n"; err != nil || string(got) != want {
				t.Fatalf("run %d: got %q, %v; want %q", i, got, err, want)
			}
			var end struct{ StatusCode int }
			post(t, s, "/containers/"+c.ID+"/wait", "", &end)
			if end.StatusCode != 0 {
				t.Errorf("run %d: exit code %d", i, end.StatusCode)
			}
		}
	}
}

package publish

import (
	"context"
	"io"
	"net"
	"net/netip"
	"testing"
)

// fakeLab is a lab of which one container answers at every port: "hello ", and what it was sent, once
// the sender has ended.
type fakeLab struct {
	t     *testing.T
	ports chan []netip.AddrPort
	inner net.Listener
}

func newFakeLab(t *testing.T) *fakeLab {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				b, _ := io.ReadAll(c)
				io.WriteString(c, "hello "+string(b))
			}()
		}
	}()
	return &fakeLab{t: t, ports: make(chan []netip.AddrPort), inner: l}
}

func (f *fakeLab) WatchPorts(ctx context.Context, changed func([]netip.AddrPort)) {
	for {
		select {
		case p := <-f.ports:
			changed(p)
		case <-ctx.Done():
			return
		}
	}
}

func (f *fakeLab) DialHost(ctx context.Context, _ netip.AddrPort) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, "tcp", f.inner.Addr().String())
}

// freePort is a port of the loopback interface that nobody has.
func freePort(t *testing.T) (port uint16, taken net.Listener) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l.Addr().(*net.TCPAddr).AddrPort().Port(), l
}

func ask(port uint16, text string) (string, error) {
	c, err := net.Dial("tcp", netip.AddrPortFrom(loopback, port).String())
	if err != nil {
		return "", err
	}
	defer c.Close()
	io.WriteString(c, text)
	c.(*net.TCPConn).CloseWrite()
	b, err := io.ReadAll(c)
	return string(b), err
}

func TestPortsAreServedWhileTheyArePublished(t *testing.T) {
	port, l := freePort(t)
	l.Close()
	all := netip.AddrPortFrom(netip.IPv4Unspecified(), port)
	notices := make(chan Notice, 9)
	p := New(func(n Notice) { notices <- n })
	defer p.Close()
	lab := newFakeLab(t)
	p.Follow(lab)

	lab.ports <- []netip.AddrPort{all}
	if n := <-notices; n.Err != nil || n.Port != port {
		t.Fatalf("a port that is published: %+v", n)
	}
	if got, err := ask(port, "you"); got != "hello you" {
		t.Errorf("the container answers %q, %v", got, err)
	}

	lab.ports <- nil
	p.Close()
	if got, err := ask(port, ""); err == nil {
		t.Errorf("a port that is published no longer answers %q", got)
	}
}

func TestPortInUseIsToldAndTheLabGoesOn(t *testing.T) {
	port, other := freePort(t)
	defer other.Close()
	free, l := freePort(t)
	l.Close()
	notices := make(chan Notice, 9)
	p := New(func(n Notice) { notices <- n })
	defer p.Close()
	lab := newFakeLab(t)
	p.Follow(lab)

	lab.ports <- []netip.AddrPort{netip.AddrPortFrom(loopback, port)}
	if n := <-notices; !n.InUse() || n.Port != port {
		t.Errorf("a port that another program has: %+v", n)
	}
	lab.ports <- []netip.AddrPort{netip.AddrPortFrom(loopback, port), netip.AddrPortFrom(loopback, free)}
	if n := <-notices; n.Err != nil || n.Port != free {
		t.Errorf("the port after it: %+v", n)
	}
}

func TestAnotherLabTakesOver(t *testing.T) {
	port, l := freePort(t)
	l.Close()
	at := []netip.AddrPort{netip.AddrPortFrom(loopback, port)}
	notices := make(chan Notice, 9)
	p := New(func(n Notice) { notices <- n })
	defer p.Close()
	for range 2 {
		lab := newFakeLab(t)
		p.Follow(lab)
		lab.ports <- at
		if n := <-notices; n.Err != nil {
			t.Fatalf("%+v", n)
		}
		if got, err := ask(port, "x"); got != "hello x" {
			t.Errorf("answers %q, %v", got, err)
		}
	}
}

// Package publish serves the published ports of a lab's containers on this machine, so that a
// browser shows their pages. It is the only part of the lab that opens ports of the real machine:
// of its loopback interface and no other, and only where somebody has asked for it.
//
//	browser ─▶ 127.0.0.1:8080 ─▶ Publisher ─▶ Lab.DialHost ─▶ the container's port 80
package publish

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"syscall"
)

// Lab is whose ports are served; *sim.Lab is one.
type Lab interface {
	// WatchPorts calls changed with the published ports, now and after each change, until ctx is done.
	WatchPorts(ctx context.Context, changed func([]netip.AddrPort))
	// DialHost connects to a port of the lab's host.
	DialHost(ctx context.Context, to netip.AddrPort) (net.Conn, error)
}

// maxConns bounds how many connections are open at one time; others wait.
const maxConns = 256

// Publisher serves the ports of one lab at a time.
type Publisher struct {
	notify func(Notice)
	conns  chan struct{} // a place for each that is open

	mu     sync.Mutex
	cancel context.CancelFunc // ends what the present lab is served by
	done   chan struct{}      // closed when that has ended
}

// Notice tells that a port is served on this machine from now on, or why it is not.
type Notice struct {
	Port uint16
	Err  error // nil: it is served
}

// InUse says whether the port is not served because another program has it.
func (n Notice) InUse() bool { return errors.Is(n.Err, syscall.EADDRINUSE) }

// New makes a publisher. notify is told of each port that comes; it is called by one goroutine at
// a time for a lab.
func New(notify func(Notice)) *Publisher {
	return &Publisher{notify: notify, conns: make(chan struct{}, maxConns)}
}

// Follow serves the ports of a lab from now on, and those of another no longer.
func (p *Publisher) Follow(lab Lab) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stop()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	p.cancel, p.done = cancel, done
	go func() {
		defer close(done)
		s := &served{p: p, ctx: ctx, lab: lab, ports: map[uint16]io.Closer{}}
		lab.WatchPorts(ctx, s.set)
		s.set(nil)
	}()
}

// Close serves nothing any more, and returns when all ports are free.
func (p *Publisher) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stop()
}

func (p *Publisher) stop() {
	if p.cancel != nil {
		p.cancel()
		<-p.done
		p.cancel = nil
	}
}

// served are the ports of a lab that are open on this machine.
type served struct {
	p     *Publisher
	ctx   context.Context
	lab   Lab
	ports map[uint16]io.Closer // nil for one that could not be opened
}

// set opens and closes what is to be for these to be served.
func (s *served) set(want []netip.AddrPort) {
	targets := map[uint16]netip.AddrPort{}
	for _, at := range want {
		if _, ok := targets[at.Port()]; !ok { // one port, two addresses: the first, which may be all of them
			targets[at.Port()] = at
		}
	}
	for port, l := range s.ports {
		if _, ok := targets[port]; !ok {
			if l != nil {
				l.Close()
			}
			delete(s.ports, port)
		}
	}
	for port, at := range targets {
		if _, open := s.ports[port]; open {
			continue
		}
		l, err := net.Listen("tcp", netip.AddrPortFrom(loopback, port).String())
		s.ports[port] = nil
		if err == nil {
			s.ports[port] = l
			go s.accept(l, at)
		}
		s.p.notify(Notice{port, err})
	}
}

var loopback = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// accept serves the connections to a port until its listener is closed.
func (s *served) accept(l net.Listener, at netip.AddrPort) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		select {
		case s.p.conns <- struct{}{}:
		case <-s.ctx.Done():
			conn.Close()
			return
		}
		go func() {
			defer func() { <-s.p.conns }()
			defer conn.Close()
			if err := s.pass(conn.(*net.TCPConn), at); err != nil {
				conn.(*net.TCPConn).SetLinger(0) // the browser is to see that it was cut off
			}
		}()
	}
}

// halfCloser is a connection of which one direction can be ended.
type halfCloser interface {
	net.Conn
	CloseWrite() error
}

// pass carries both directions of a connection until both have ended, or the lab is left.
func (s *served) pass(out *net.TCPConn, at netip.AddrPort) error {
	conn, err := s.lab.DialHost(s.ctx, at)
	if err != nil {
		return fmt.Errorf("reaching the lab's port %d: %w", at.Port(), err)
	}
	defer conn.Close()
	in, ok := conn.(halfCloser)
	if !ok {
		return fmt.Errorf("the lab's connection to port %d cannot be closed by halves", at.Port())
	}
	defer context.AfterFunc(s.ctx, func() { out.Close(); in.Close() })()
	failed := make(chan error, 2)
	carry := func(to, from halfCloser) {
		_, err := io.Copy(to, from)
		to.CloseWrite()
		failed <- err
	}
	go carry(in, out)
	go carry(out, in)
	return errors.Join(<-failed, <-failed)
}

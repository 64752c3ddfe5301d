package kernel

import (
	"io"
	"net/netip"
	"sync/atomic"
)

// Daemon has serve answer the connections to a port of the namespace, as a machine elsewhere does:
// there is no process for it. serve runs inside the kernel, once for each connection, which is
// closed when it returns; it may block in the connection's Read and Write and in nothing else.
// stop ends it; connections that are open live on.
func (ns *NetNS) Daemon(k *Kernel, at netip.AddrPort, serve func(c io.ReadWriter)) (stop func(), err error) {
	var l *listener
	k.Do(func() { l, err = ns.listen(at) })
	if err != nil {
		return nil, err
	}
	var stopped atomic.Bool
	k.detach(func(t *task) {
		t.gone = stopped.Load
		for !stopped.Load() {
			if len(l.backlog) == 0 {
				t.wait(&l.changed)
				continue
			}
			s := l.backlog[0]
			l.backlog = l.backlog[1:]
			k.detach(func(t *task) {
				c := daemonConn{t, k.socketFile(s), s}
				serve(c)
				s.shut()
				s.in.changed.wakeAll()
				s.out.changed.wakeAll()
			})
		}
	})
	return func() {
		k.Do(func() {
			if !stopped.Swap(true) {
				l.close(nil)
				l.changed.wakeAll()
			}
		})
	}, nil
}

// detach runs f inside the kernel, on a task of its own. A virtual clock does not pass before f
// has begun.
func (k *Kernel) detach(f func(t *task)) {
	done := k.Busy()
	go func() {
		t := k.enter()
		defer t.leave()
		done()
		f(t)
	}()
}

// daemonConn is a connection in the hands of a Daemon.
type daemonConn struct {
	t *task
	f *File
	s *socket
}

func (c daemonConn) Read(b []byte) (int, error) {
	n, err := c.s.read(c.t, c.f, b)
	if n == 0 && err == nil && len(b) > 0 {
		err = io.EOF
	}
	return n, err
}

func (c daemonConn) Write(b []byte) (int, error) {
	done := 0
	for done < len(b) {
		n, err := c.s.write(c.t, c.f, b[done:])
		done += n
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

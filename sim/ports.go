package sim

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/docker/docker/api/types/filters"
)

// WatchPorts calls changed with the TCP ports at which containers are published on the lab's host,
// in order: those of now, and after each change all of them again, until ctx is done.
func (l *Lab) WatchPorts(ctx context.Context, changed func([]netip.AddrPort)) {
	_, events := l.engine.Events(ctx, time.Time{}, time.Time{}, filters.NewArgs(filters.Arg("type", "container")))
	last := l.ports()
	changed(last)
	for range events {
		if now := l.ports(); !slices.Equal(now, last) {
			last = now
			changed(now)
		}
	}
}

// ports are the published TCP ports of containers that run.
func (l *Lab) ports() []netip.AddrPort {
	var all []netip.AddrPort
	for _, c := range l.engine.State().Containers.All() {
		for p, bindings := range c.Net.Ports {
			if p.Proto() != "tcp" {
				continue
			}
			for _, b := range bindings {
				a, err := netip.ParseAddr(b.HostIP)
				port, perr := strconv.ParseUint(b.HostPort, 10, 16)
				if err == nil && perr == nil && a.Is4() { // on [::] they are what they are on 0.0.0.0
					all = append(all, netip.AddrPortFrom(a, uint16(port)))
				}
			}
		}
	}
	slices.SortFunc(all, netip.AddrPort.Compare)
	return all
}

// DialHost connects to a TCP port of the lab's host, as a program there does.
func (l *Lab) DialHost(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c, err := l.host.Sandbox().Net().Dial(l.k, to)
	if err != nil {
		return nil, err
	}
	return c, nil
}

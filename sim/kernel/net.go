package kernel

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// NetNS is a network namespace: a loopback, addresses on networks, and who listens where.
type NetNS struct {
	host      bool
	ifaces    []Iface
	listeners map[netip.AddrPort]*listener
	forwards  map[netip.AddrPort]forward
	ephemeral uint16
	// Unprivileged is the first port that everybody may listen on, as the sysctl
	// net.ipv4.ip_unprivileged_port_start says: 0 in a container, 1024 on a host.
	Unprivileged uint16
	// Resolver finds the addresses of a name that /etc/hosts does not have. ENOENT's like is an
	// empty result.
	Resolver func(name string) []netip.Addr
	// Reverser finds the name of an address that /etc/hosts does not have; "" where it has none.
	Reverser func(addr netip.Addr) string
	// Route finds the namespace that answers at an address outside of all networks (the lab's web),
	// or nil: then nobody does.
	Route func(addr netip.Addr) *NetNS
}

// Iface is an address of a namespace on a network.
type Iface struct {
	Name    string // "eth0"
	Addr    netip.Prefix
	Addr6   netip.Prefix // of IPv6, where it has one
	MAC     string
	Network *Network
}

// Network is a bridge: namespaces on it reach each other, and the host.
type Network struct {
	Name     string
	Subnet   netip.Prefix
	Gateway  netip.Addr // the host's address on it
	Internal bool       // reaches nothing else
	Bridge   string     // its interface on the host: "docker0"
	MTU      int        // of the interfaces on it, in bytes
	members  map[netip.Addr]*NetNS
	host     *NetNS
}

type forward struct {
	to   netip.AddrPort
	ns   *NetNS
	dial bool
}

// NewNetNS is a namespace with a loopback only.
func NewNetNS() *NetNS {
	return &NetNS{listeners: map[netip.AddrPort]*listener{}, forwards: map[netip.AddrPort]forward{}, ephemeral: 32768, Unprivileged: 1024}
}

// NewNetwork is a bridge of the given host.
func NewNetwork(name, bridge string, subnet netip.Prefix, gateway netip.Addr, host *NetNS) *Network {
	n := &Network{Name: name, Bridge: bridge, Subnet: subnet, Gateway: gateway, MTU: 1500, members: map[netip.Addr]*NetNS{}, host: host}
	if host != nil && gateway.IsValid() {
		n.members[gateway] = host
		host.ifaces = append(host.ifaces, Iface{Name: bridge, Addr: netip.PrefixFrom(gateway, subnet.Bits()), Network: n})
	}
	return n
}

// Remove takes the bridge away from the host.
func (n *Network) Remove() {
	if n.host == nil {
		return
	}
	for i, f := range n.host.ifaces {
		if f.Network == n {
			n.host.ifaces = append(n.host.ifaces[:i], n.host.ifaces[i+1:]...)
			return
		}
	}
}

// Attach gives ns an address on the network. It is called inside the kernel, as all that changes
// namespaces is.
func (n *Network) Attach(ns *NetNS, iface string, addr netip.Addr, mac string) {
	n.members[addr] = ns
	ns.ifaces = append(ns.ifaces, Iface{Name: iface, Addr: netip.PrefixFrom(addr, n.Subnet.Bits()), MAC: mac, Network: n})
}

// Attach6 gives ns, which is on the network, an IPv6 address there too.
func (n *Network) Attach6(ns *NetNS, addr netip.Prefix) {
	for i := range ns.ifaces {
		if ns.ifaces[i].Network == n {
			ns.ifaces[i].Addr6 = addr
			n.members[addr.Addr()] = ns
		}
	}
}

// Detach takes ns off the network.
func (n *Network) Detach(ns *NetNS) {
	for i, f := range ns.ifaces {
		if f.Network == n {
			delete(n.members, f.Addr.Addr())
			delete(n.members, f.Addr6.Addr())
			ns.ifaces = append(ns.ifaces[:i], ns.ifaces[i+1:]...)
			return
		}
	}
}

// Ifaces are the addresses of the namespace, the loopback left out.
func (ns *NetNS) Ifaces() []Iface { return append([]Iface(nil), ns.ifaces...) }

// DefaultIface is the index of the interface whose network leads to all other addresses: of those
// that lead out of the machine, or of all where there is none, the one whose network's name comes
// first. It is -1 without interfaces.
func (ns *NetNS) DefaultIface() int {
	best := -1
	for i, f := range ns.ifaces {
		if f.Network == nil {
			continue
		}
		if best < 0 {
			best = i
			continue
		}
		b := ns.ifaces[best].Network
		if b.Internal && !f.Network.Internal || b.Internal == f.Network.Internal && f.Network.Name < b.Name {
			best = i
		}
	}
	return best
}

// Forward publishes a port: who connects to at, an address of this (the host's) namespace, is
// connected to the port to of ns. EADDRINUSE where at is taken.
func (ns *NetNS) Forward(at netip.AddrPort, target *NetNS, to netip.AddrPort) error {
	if ns.taken(at) {
		return linux.EADDRINUSE
	}
	ns.forwards[at] = forward{to: to, ns: target}
	return nil
}

// Unforward ends a Forward.
func (ns *NetNS) Unforward(at netip.AddrPort) { delete(ns.forwards, at) }

// Taken says whether a port is listened on or published at an address, or at all of them.
func (ns *NetNS) Taken(at netip.AddrPort) bool { return ns.taken(at) }

func (ns *NetNS) taken(at netip.AddrPort) bool {
	clash := func(o netip.AddrPort) bool {
		return o.Port() == at.Port() && (o.Addr() == at.Addr() || o.Addr().IsUnspecified() || at.Addr().IsUnspecified()) && o.Addr().Is4() == at.Addr().Is4()
	}
	for o := range ns.listeners {
		if clash(o) {
			return true
		}
	}
	for o := range ns.forwards {
		if clash(o) {
			return true
		}
	}
	return false
}

func (ns *NetNS) own(a netip.Addr) bool {
	if a.IsLoopback() || a.IsUnspecified() {
		return true
	}
	for _, f := range ns.ifaces {
		if f.Addr.Addr() == a {
			return true
		}
	}
	return false
}

// find is the listener at an address of ns itself.
func (ns *NetNS) find(to netip.AddrPort) *listener {
	if l := ns.listeners[to]; l != nil {
		return l
	}
	any := netip.IPv4Unspecified()
	if to.Addr().Is6() {
		any = netip.IPv6Unspecified()
	}
	if l := ns.listeners[netip.AddrPortFrom(any, to.Port())]; l != nil {
		return l
	}
	if to.Addr().Is4() { // a listener on [::] takes IPv4 too
		return ns.listeners[netip.AddrPortFrom(netip.IPv6Unspecified(), to.Port())]
	}
	return nil
}

// reach finds who listens where a connection from ns to the address ends, and which address the
// peer sees it come from. ECONNREFUSED where nobody does, EHOSTUNREACH or ETIMEDOUT where there is
// no way.
func (ns *NetNS) reach(to netip.AddrPort, depth int) (*listener, netip.Addr, error) {
	if depth > 4 {
		return nil, netip.Addr{}, linux.ELOOP
	}
	a := to.Addr()
	if ns.own(a) {
		if a.IsUnspecified() {
			a = netip.AddrFrom4([4]byte{127, 0, 0, 1})
			if to.Addr().Is6() {
				a = netip.IPv6Loopback()
			}
			to = netip.AddrPortFrom(a, to.Port())
		}
		if l := ns.find(to); l != nil {
			return l, a, nil
		}
		for at, f := range ns.forwards {
			if at.Port() == to.Port() && (at.Addr() == a || at.Addr().IsUnspecified() && at.Addr().Is4() == a.Is4()) {
				l, _, err := f.ns.reach(f.to, depth+1)
				src := a
				for _, i := range f.ns.ifaces {
					if i.Network != nil {
						src = i.Network.Gateway
					}
				}
				if err != nil {
					return nil, src, linux.ECONNREFUSED
				}
				return l, src, nil
			}
		}
		return nil, a, linux.ECONNREFUSED
	}
	for _, f := range ns.ifaces {
		if f.Network == nil || !f.Network.Subnet.Contains(a) {
			continue
		}
		m := f.Network.members[a]
		if m == nil {
			return nil, f.Addr.Addr(), linux.EHOSTUNREACH
		}
		if l := m.find(to); l != nil {
			return l, f.Addr.Addr(), nil
		}
		if m.host {
			return m.forwarded(to, f.Addr.Addr(), depth)
		}
		return nil, f.Addr.Addr(), linux.ECONNREFUSED
	}
	src, routed := netip.Addr{}, ns.host
	for _, f := range ns.ifaces {
		if f.Network != nil && !f.Network.Internal && f.Network.Gateway.IsValid() {
			routed, src = true, f.Addr.Addr()
			break
		}
	}
	if !routed {
		return nil, src, linux.ENETUNREACH
	}
	if ns.Route != nil {
		if w := ns.Route(a); w != nil {
			if l := w.find(to); l != nil {
				return l, src, nil
			}
			return nil, src, linux.ECONNREFUSED
		}
	}
	if !ns.host {
		for _, f := range ns.ifaces {
			if f.Network != nil && f.Network.host != nil {
				if f.Network.host.own(a) {
					return f.Network.host.forwarded(to, src, depth)
				}
				break
			}
		}
	}
	return nil, src, linux.ETIMEDOUT
}

// forwarded is reach for a connection that came to ns from src: who is behind a published port sees
// it come from the gateway, who listens on ns itself from src.
func (ns *NetNS) forwarded(to netip.AddrPort, src netip.Addr, depth int) (*listener, netip.Addr, error) {
	l, via, err := ns.reach(to, depth+1)
	if err == nil && l.ns != ns {
		src = via
	}
	return l, src, err
}

func (ns *NetNS) closeAll() {
	for _, f := range ns.ifaces {
		if f.Network != nil {
			delete(f.Network.members, f.Addr.Addr())
		}
	}
	ns.ifaces = nil
}

// listener takes connections at an address.
type listener struct {
	addr    netip.AddrPort
	ns      *NetNS
	path    string
	backlog []*socket
	changed queue
	closed  bool
	onClose func()
}

func (l *listener) read(*task, *File, []byte) (int, error)  { return 0, linux.ENOTCONN }
func (l *listener) write(*task, *File, []byte) (int, error) { return 0, linux.ENOTCONN }
func (l *listener) stat(f *File) (vfs.Stat, error)          { return socketStat(f), nil }
func (l *listener) close(*File) {
	l.closed = true
	if l.ns != nil {
		delete(l.ns.listeners, l.addr)
	}
	if l.onClose != nil {
		l.onClose()
	}
	for _, s := range l.backlog {
		s.shut()
	}
	l.changed.wakeAll()
}
func (l *listener) poll(*File) (int16, []*queue) {
	if len(l.backlog) > 0 {
		return POLLIN, []*queue{&l.changed}
	}
	return 0, []*queue{&l.changed}
}

// seenAt is the address that the listener's side of a connection has: where the client connected
// to, unless that was a published port of another namespace.
func (l *listener) seenAt(to netip.Addr) netip.AddrPort {
	at := l.addr.Addr()
	if at.IsUnspecified() {
		if at = to; l.ns != nil && !l.ns.own(to) || to.IsLoopback() && l.ns != nil && !l.ns.host && len(l.ns.ifaces) > 0 {
			for _, i := range l.ns.ifaces {
				at = i.Addr.Addr()
			}
		}
	}
	return netip.AddrPortFrom(at, l.addr.Port())
}

// socket is one end of a connection.
type socket struct {
	in, out     *pipe
	local, peer netip.AddrPort
	path        string
	noRead      bool
	noWrite     bool
}

func socketStat(f *File) vfs.Stat {
	return vfs.Stat{Dev: linux.Mkdev(0, 8), Ino: vfs.Ino(f.ino), Mode: linux.S_IFSOCK | 0o777, Nlink: 1}
}

func socketPair(k *Kernel) (a, b *socket) {
	x, y := &pipe{ino: k.nextIno(), readers: 1, writers: 1, everR: 1, everW: 1}, &pipe{ino: k.nextIno(), readers: 1, writers: 1, everR: 1, everW: 1}
	return &socket{in: x, out: y}, &socket{in: y, out: x}
}

func (s *socket) read(t *task, f *File, b []byte) (int, error) {
	if s.noRead {
		return 0, nil
	}
	return s.in.get(t, b, f.flags&linux.O_NONBLOCK != 0)
}

func (s *socket) write(t *task, f *File, b []byte) (int, error) {
	if s.noWrite {
		return 0, linux.EPIPE
	}
	return s.out.put(t, b, f.flags&linux.O_NONBLOCK != 0)
}

func (s *socket) stat(f *File) (vfs.Stat, error) { return socketStat(f), nil }
func (s *socket) close(*File)                    { s.shut() }

func (s *socket) shut() {
	s.shutdown(true, true)
}

func (s *socket) shutdown(rd, wr bool) {
	if rd && !s.noRead {
		s.noRead = true
		s.in.readers--
		s.in.changed.wakeAll()
	}
	if wr && !s.noWrite {
		s.noWrite = true
		s.out.writers--
		s.out.changed.wakeAll()
	}
}

func (s *socket) poll(*File) (int16, []*queue) {
	var ev int16
	if len(s.in.buf) > 0 || s.in.writers == 0 || s.noRead {
		ev |= POLLIN
	}
	if len(s.out.buf) < pipeSize || s.out.readers == 0 {
		ev |= POLLOUT
	}
	if s.in.writers == 0 && s.out.readers == 0 {
		ev |= POLLHUP
	}
	return ev, []*queue{&s.in.changed, &s.out.changed}
}

func (k *Kernel) socketFile(ops fileOps) *File {
	f := k.newFile(ops, linux.O_RDWR)
	f.ino = k.nextIno()
	f.label = fmt.Sprintf("socket:[%d]", f.ino)
	return f
}

// Listen listens for connections; network is "tcp", and EPROTONOSUPPORT anything else. EADDRINUSE, EADDRNOTAVAIL, EACCES below port 1024 without
// CapNetBindService. Port 0 chooses one.
func (p *Proc) Listen(network string, addr netip.AddrPort) (fd int, err error) {
	p.Step(10)
	if network != "tcp" {
		return -1, linux.EPROTONOSUPPORT
	}
	ns := p.box.cfg.Net
	if !ns.own(addr.Addr()) {
		return -1, linux.EADDRNOTAVAIL
	}
	if addr.Port() != 0 && addr.Port() < ns.Unprivileged && !p.view.Cred.Has(vfs.CapNetBindService) {
		return -1, linux.EACCES
	}
	l, err := ns.listen(addr)
	if err != nil {
		return -1, err
	}
	return p.install(p.k.socketFile(l), 0, false)
}

func (ns *NetNS) listen(addr netip.AddrPort) (*listener, error) {
	if addr.Port() == 0 {
		addr = netip.AddrPortFrom(addr.Addr(), ns.freePort(addr.Addr()))
	}
	if ns.taken(addr) {
		return nil, linux.EADDRINUSE
	}
	l := &listener{addr: addr, ns: ns}
	ns.listeners[addr] = l
	return l, nil
}

func (ns *NetNS) freePort(a netip.Addr) uint16 {
	for {
		if ns.ephemeral++; ns.ephemeral >= 60999 {
			ns.ephemeral = 32768
		}
		if !ns.taken(netip.AddrPortFrom(a, ns.ephemeral)) {
			return ns.ephemeral
		}
	}
}

// Listening lists the addresses that somebody listens on. It is called inside the kernel.
func (ns *NetNS) Listening() []netip.AddrPort {
	var out []netip.AddrPort
	for a := range ns.listeners {
		out = append(out, a)
	}
	return out
}

func (ns *NetNS) sortedListeners() []netip.AddrPort {
	out := ns.Listening()
	slices.SortFunc(out, netip.AddrPort.Compare)
	return out
}

// Accept waits for a connection to a listening descriptor.
func (p *Proc) Accept(fd int) (conn int, peer netip.AddrPort, err error) {
	p.Step(5)
	f, err := p.file(fd)
	if err != nil {
		return -1, peer, err
	}
	l, ok := f.ops.(*listener)
	if !ok {
		return -1, peer, linux.EINVAL
	}
	for len(l.backlog) == 0 {
		if f.flags&linux.O_NONBLOCK != 0 {
			return -1, peer, linux.EAGAIN
		}
		if err := p.task.wait(&l.changed); err != nil {
			return -1, peer, err
		}
	}
	s := l.backlog[0]
	l.backlog = l.backlog[1:]
	conn, err = p.install(p.k.socketFile(s), 0, false)
	return conn, s.peer, err
}

// Dial connects to a TCP address: ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, ETIMEDOUT (after the
// time that takes).
func (p *Proc) Dial(network string, to netip.AddrPort) (fd int, err error) {
	return p.DialTimeout(network, to, 130*time.Second)
}

// DialTimeout is Dial that gives up with ETIMEDOUT after limit, if nobody answers.
func (p *Proc) DialTimeout(network string, to netip.AddrPort, limit time.Duration) (fd int, err error) {
	p.Step(20)
	if network != "tcp" {
		return -1, linux.EPROTONOSUPPORT
	}
	s, err := p.k.connect(p.box.cfg.Net, to)
	if err == linux.ETIMEDOUT {
		if err := p.Sleep(min(limit, 130*time.Second)); err != nil {
			return -1, err
		}
	}
	if err != nil {
		return -1, err
	}
	return p.install(p.k.socketFile(s), 0, false)
}

func (k *Kernel) connect(ns *NetNS, to netip.AddrPort) (*socket, error) {
	l, src, err := ns.reach(to, 0)
	if err != nil {
		return nil, err
	}
	a, b := socketPair(k)
	a.local, a.peer = netip.AddrPortFrom(src, ns.freePort(src)), to
	b.local, b.peer = l.seenAt(to.Addr()), a.local
	l.backlog = append(l.backlog, b)
	l.changed.wakeAll()
	return a, nil
}

// ListenUnix makes a socket at path, and listens on it. EADDRINUSE where something is there.
func (p *Proc) ListenUnix(path string) (fd int, err error) {
	p.Step(10)
	l, err := p.box.listenUnix(p.view, path)
	if err != nil {
		return -1, err
	}
	return p.install(p.k.socketFile(l), 0, false)
}

func (s *Sandbox) listenUnix(v *vfs.View, path string) (*listener, error) {
	r, _, err := v.ResolveParent(path)
	if err != nil {
		return nil, err
	}
	if r.Ino != 0 {
		return nil, linux.EADDRINUSE
	}
	if r, err = v.Create(r, vfs.Node{Mode: linux.S_IFSOCK | 0o777}); err != nil {
		return nil, err
	}
	key := fifoKey{r.Mount.FS, r.Ino}
	l := &listener{path: path, onClose: func() { delete(s.k.unixSockets(), key) }}
	s.k.unixSockets()[key] = l
	return l, nil
}

func (k *Kernel) unixSockets() map[fifoKey]*listener {
	if k.unix == nil {
		k.unix = map[fifoKey]*listener{}
	}
	return k.unix
}

// DialUnix connects to the socket at path. ENOENT, ECONNREFUSED, EACCES.
func (p *Proc) DialUnix(path string) (fd int, err error) {
	p.Step(10)
	s, err := p.k.dialUnix(p.view, path)
	if err != nil {
		return -1, err
	}
	return p.install(p.k.socketFile(s), 0, false)
}

func (k *Kernel) dialUnix(v *vfs.View, path string) (*socket, error) {
	r, err := v.Resolve(path, true)
	if err != nil {
		return nil, err
	}
	st, err := r.Stat()
	if err != nil {
		return nil, err
	}
	if !v.Cred.May(&st, linux.W_OK) {
		return nil, linux.EACCES
	}
	l := k.unixSockets()[fifoKey{r.Mount.FS, r.Ino}]
	if l == nil {
		return nil, linux.ECONNREFUSED
	}
	a, b := socketPair(k)
	a.path = path
	l.backlog = append(l.backlog, b)
	l.changed.wakeAll()
	return a, nil
}

// Ways of Shutdown.
const (
	SHUT_RD   = 0
	SHUT_WR   = 1
	SHUT_RDWR = 2
)

// Shutdown ends one or both directions of a connection.
func (p *Proc) Shutdown(fd, how int) error {
	f, err := p.file(fd)
	if err != nil {
		return err
	}
	s, ok := f.ops.(*socket)
	if !ok {
		return linux.ENOTSOCK
	}
	s.shutdown(how != SHUT_WR, how != SHUT_RD)
	return nil
}

// SockName and PeerName are the two addresses of a connection.
func (p *Proc) SockName(fd int) netip.AddrPort {
	if f, err := p.file(fd); err == nil {
		switch s := f.ops.(type) {
		case *socket:
			return s.local
		case *listener:
			return s.addr
		}
	}
	return netip.AddrPort{}
}

// PeerName is the address of the other side.
func (p *Proc) PeerName(fd int) netip.AddrPort {
	if f, err := p.file(fd); err == nil {
		if s, ok := f.ops.(*socket); ok {
			return s.peer
		}
	}
	return netip.AddrPort{}
}

// Resolve finds a name's addresses: its own, if it is one; in /etc/hosts; by the namespace's
// resolver. ENOENT where it has none.
func (p *Proc) Resolve(name string) ([]netip.Addr, error) {
	p.Step(10)
	if a, err := netip.ParseAddr(name); err == nil {
		return []netip.Addr{a}, nil
	}
	var found []netip.Addr
	hosts, _ := p.view.ReadFile("/etc/hosts", 1<<20)
	for line := range strings.Lines(string(hosts)) {
		line, _, _ = strings.Cut(line, "#")
		f := strings.Fields(line)
		if len(f) < 2 || !slices.ContainsFunc(f[1:], func(n string) bool { return strings.EqualFold(n, name) }) {
			continue
		}
		if a, err := netip.ParseAddr(f[0]); err == nil {
			found = append(found, a)
		}
	}
	if len(found) > 0 {
		return found, nil
	}
	if r := p.box.cfg.Net.Resolver; r != nil {
		found = r(name)
	}
	if len(found) == 0 {
		return nil, linux.ENOENT
	}
	return found, nil
}

// ReverseNames are the names of an address, its own first: those of its line in /etc/hosts, or the
// one that the namespace's reverser knows. It is empty where there is none.
func (p *Proc) ReverseNames(a netip.Addr) []string {
	p.Step(10)
	hosts, _ := p.view.ReadFile("/etc/hosts", 1<<20)
	for line := range strings.Lines(string(hosts)) {
		line, _, _ = strings.Cut(line, "#")
		if f := strings.Fields(line); len(f) > 1 {
			if at, err := netip.ParseAddr(f[0]); err == nil && at == a {
				return f[1:]
			}
		}
	}
	if r := p.box.cfg.Net.Reverser; r != nil {
		if name := r(a); name != "" {
			return []string{name}
		}
	}
	return nil
}

// --- sockets from outside ---

// Listen listens in a sandbox's network for code outside of the kernel.
func (ns *NetNS) Listen(k *Kernel, addr netip.AddrPort) (net.Listener, error) {
	var l *listener
	var err error
	k.Do(func() { l, err = ns.listen(addr) })
	if err != nil {
		return nil, err
	}
	return &outsideListener{k: k, l: l}, nil
}

// ListenUnixOutside makes a socket at path in the sandbox, and listens on it for code outside.
func (s *Sandbox) ListenUnixOutside(path string, perm linux.Mode, gid uint32) (net.Listener, error) {
	var l *listener
	var err error
	s.k.Do(func() {
		v := s.cfg.NS.View(vfs.Root(vfs.CapsAll))
		if l, err = s.listenUnix(v, path); err != nil {
			return
		}
		if err = v.Chmod(path, perm); err == nil {
			err = v.Chown(path, vfs.NoID, gid, true)
		}
	})
	if err != nil {
		return nil, err
	}
	return &outsideListener{k: s.k, l: l}, nil
}

type outsideListener struct {
	k      *Kernel
	l      *listener
	closed atomic.Bool
}

func (o *outsideListener) Accept() (net.Conn, error) {
	t := o.k.newTask(nil)
	t.gone = o.closed.Load
	t.acquire()
	defer t.leave()
	for len(o.l.backlog) == 0 {
		if o.closed.Load() {
			return nil, net.ErrClosed
		}
		t.wait(&o.l.changed)
	}
	s := o.l.backlog[0]
	o.l.backlog = o.l.backlog[1:]
	return o.k.conn(s), nil
}

func (o *outsideListener) Close() error {
	o.k.Do(func() {
		if !o.closed.Swap(true) {
			o.l.close(nil)
		}
	})
	return nil
}

func (o *outsideListener) Addr() net.Addr { return sockAddr{o.l.addr, o.l.path} }

type sockAddr struct {
	ap   netip.AddrPort
	path string
}

func (a sockAddr) Network() string {
	if a.ap.IsValid() {
		return "tcp"
	}
	return "unix"
}

func (a sockAddr) String() string {
	if a.ap.IsValid() {
		return a.ap.String()
	}
	return a.path
}

// Conn is a connection of the lab in the hands of code outside: a net.Conn with CloseWrite.
type Conn struct {
	k       *Kernel
	f       *File
	s       *socket
	closed  atomic.Bool
	mu      sync.Mutex
	expired atomic.Bool
	timer   *time.Timer
}

func (k *Kernel) conn(s *socket) *Conn { return &Conn{k: k, f: k.socketFile(s), s: s} }

// Dial connects from the namespace to a TCP address, for code outside of the kernel.
func (ns *NetNS) Dial(k *Kernel, to netip.AddrPort) (*Conn, error) {
	var c *Conn
	var err error
	k.Do(func() {
		var s *socket
		if s, err = k.connect(ns, to); err == nil {
			c = k.conn(s)
		}
	})
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: err}
	}
	return c, nil
}

// DialUnixOutside connects to a socket of the sandbox by its path, for code outside.
func (s *Sandbox) DialUnixOutside(_ context.Context, path string) (*Conn, error) {
	c, err := s.k.dialFor(s.cfg.NS.View(vfs.Root(vfs.CapsAll)), path)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: "unix", Addr: sockAddr{path: path}, Err: err}
	}
	return c, nil
}

// dialFor is dialUnix for callers outside of the kernel.
func (k *Kernel) dialFor(v *vfs.View, path string) (c *Conn, err error) {
	k.Do(func() {
		var s *socket
		if s, err = k.dialUnix(v, path); err == nil {
			c = k.conn(s)
		}
	})
	return c, err
}

// ConnPair is two ends of a connection that has no address.
func (k *Kernel) ConnPair() (a, b *Conn) {
	k.Do(func() {
		x, y := socketPair(k)
		a, b = k.conn(x), k.conn(y)
	})
	return a, b
}

// enter comes into the kernel to read or write; what waits then ends when stop says so.
func (c *Conn) enter(stop func() error) *task {
	t := c.k.newTask(nil)
	t.gone = func() bool { return stop() != nil }
	t.acquire()
	return t
}

func (c *Conn) unreadable() error {
	if !c.closed.Load() && c.expired.Load() {
		return os.ErrDeadlineExceeded
	}
	return c.unusable()
}

func (c *Conn) unusable() error {
	if c.closed.Load() {
		return net.ErrClosed
	}
	return nil
}

// Read reads, and gives io.EOF when the peer has closed its side.
func (c *Conn) Read(b []byte) (int, error) {
	t := c.enter(c.unreadable)
	defer t.leave()
	if err := c.unreadable(); err != nil {
		return 0, err
	}
	if len(b) == 0 {
		return 0, nil
	}
	n, err := c.s.read(t, c.f, b)
	if n > 0 {
		return n, nil
	}
	if stopped := c.unreadable(); stopped != nil {
		return 0, stopped
	}
	if err == nil {
		err = io.EOF
	}
	return 0, err
}

// Write writes all of b.
func (c *Conn) Write(b []byte) (int, error) {
	t := c.enter(c.unusable)
	defer t.leave()
	done := 0
	for done < len(b) {
		if err := c.unusable(); err != nil {
			return done, err
		}
		n, err := c.s.write(t, c.f, b[done:])
		done += n
		if err != nil {
			return done, &net.OpError{Op: "write", Net: "tcp", Err: err}
		}
	}
	return done, nil
}

// Close closes both directions.
func (c *Conn) Close() error {
	c.k.Do(func() {
		if !c.closed.Swap(true) {
			c.s.shut()
			c.s.in.changed.wakeAll()
			c.s.out.changed.wakeAll()
		}
	})
	return nil
}

// CloseWrite lets the peer see the end of what was written.
func (c *Conn) CloseWrite() error {
	c.k.Do(func() { c.s.shutdown(false, true) })
	return nil
}

// LocalAddr and RemoteAddr are the connection's ends.
func (c *Conn) LocalAddr() net.Addr  { return sockAddr{c.s.local, c.s.path} }
func (c *Conn) RemoteAddr() net.Addr { return sockAddr{c.s.peer, c.s.path} }

// SetReadDeadline makes Read fail with a timeout from then on, in real time.
func (c *Conn) SetReadDeadline(d time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timer != nil {
		c.timer.Stop()
		c.timer = nil
	}
	c.expired.Store(false)
	if d.IsZero() {
		return nil
	}
	expire := func() {
		c.k.Do(func() {
			c.expired.Store(true)
			c.s.in.changed.wakeAll()
			c.s.out.changed.wakeAll()
		})
	}
	if wait := time.Until(d); wait > 0 {
		c.timer = time.AfterFunc(wait, expire)
		return nil
	}
	expire()
	return nil
}

// SetDeadline is SetReadDeadline, since SetWriteDeadline does nothing: a write waits for a reader of
// the lab only.
func (c *Conn) SetDeadline(d time.Time) error { return c.SetReadDeadline(d) }

// SetWriteDeadline does nothing.
func (c *Conn) SetWriteDeadline(time.Time) error { return nil }

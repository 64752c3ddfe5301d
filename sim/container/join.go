package container

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	ntypes "github.com/docker/docker/api/types/network"
	"github.com/docker/go-connections/nat"

	"github.com/dockerlab/dockerlab/sim/kernel"
)

// wire is the kernel's side of a network, made when the first container joins it.
func (e *Engine) wire(n *Network) *kernel.Network {
	e.mu.Lock()
	defer e.mu.Unlock()
	w := e.wires[n.ID]
	if w == nil {
		p := n.Pools[0]
		w = kernel.NewNetwork(n.Name, n.Interface, p.Subnet, p.Gateway, e.hostNet())
		w.Internal = n.Internal
		if mtu, err := strconv.Atoi(n.Options["com.docker.network.driver.mtu"]); err == nil {
			w.MTU = mtu
		}
		e.wires[n.ID] = w
	}
	return w
}

// hostNet is the network namespace of the lab's host, where ports are published.
func (e *Engine) hostNet() *kernel.NetNS {
	if h := e.k.Host(); h != nil {
		return h.Net()
	}
	return e.alone
}

// detached are a container's networks as they are shown when it does not run: what was asked for,
// without what was given.
func detached(ends map[string]*ntypes.EndpointSettings) map[string]*ntypes.EndpointSettings {
	out := map[string]*ntypes.EndpointSettings{}
	for name, ep := range ends {
		out[name] = &ntypes.EndpointSettings{
			IPAMConfig: ep.IPAMConfig, Links: ep.Links, Aliases: ep.Aliases, NetworkID: ep.NetworkID,
			DriverOpts: ep.DriverOpts,
		}
	}
	return out
}

// connectAll joins a container that starts to its networks and publishes its ports. ns is its
// network namespace.
func (e *Engine) connectAll(c *Container, ns *kernel.NetNS) (*Container, error) {
	if c.Config.NetworkDisabled || c.Host.NetworkMode.IsContainer() {
		return c, nil
	}
	sandbox := e.newID()
	if err := e.change(c.ID, func(c *Container) error {
		c.Net = NetState{SandboxID: sandbox, Ports: nat.PortMap{}}
		return nil
	}); err != nil {
		return nil, err
	}
	names := slices.Sorted(maps.Keys(c.Ends))
	// The network of --network comes first, so that it has the first interface.
	slices.SortStableFunc(names, func(a, b string) int {
		first := func(n string) int {
			if n == string(c.Host.NetworkMode) || n == "bridge" && c.Host.NetworkMode.IsDefault() {
				return 0
			}
			return 1
		}
		return first(a) - first(b)
	})
	for _, name := range names {
		n, err := e.Network(name)
		if err != nil {
			return nil, err
		}
		if err := checkEndpoint(n, c.Ends[name]); err != nil {
			return nil, err
		}
		if err := e.join(c, n, c.Ends[name].Copy(), false); err != nil {
			return nil, err
		}
	}
	c, err := e.Container(c.ID)
	if err != nil {
		return nil, err
	}
	if err := e.publish(c, ns); err != nil {
		return nil, err
	}
	return e.Container(c.ID)
}

// join gives a running (or starting) container an address on a network. ep is what it asks for,
// and is completed with what it gets.
func (e *Engine) join(c *Container, n *Network, ep *ntypes.EndpointSettings, late bool) error {
	ep.NetworkID, ep.EndpointID = n.ID, e.newID()
	ep.Aliases = aliasesOf(c, n.Name, ep.Aliases)
	var addr netip.Addr
	var addr6 netip.Prefix
	if len(n.Pools) > 0 {
		var want, want6 netip.Addr
		if i := ep.IPAMConfig; i != nil {
			var err error
			if want, err = wanted(i.IPv4Address); err != nil {
				return invalid("invalid IPv4 address: %s", i.IPv4Address)
			}
			if want6, err = wanted(i.IPv6Address); err != nil {
				return invalid("invalid IPv6 address: %s", i.IPv6Address)
			}
		}
		if err := e.update(func(s *State) error {
			now, ok := s.Networks.Get(n.ID)
			if !ok {
				return notFound("network %s not found", n.Name)
			}
			m := *now
			var from Pool
			var err error
			if m.Pools, from, addr, err = allocate(m.Pools, want); errors.Is(err, errNoAddress) {
				return fmt.Errorf("%w: %s (%s)", err, n.Name, n.ID)
			} else if err != nil {
				return err
			}
			ep.IPPrefixLen, ep.Gateway = from.Subnet.Bits(), from.Gateway.String()
			if len(m.Pools6) > 0 {
				var a netip.Addr
				if m.Pools6, from, a, err = allocate(m.Pools6, want6); err != nil {
					return err
				}
				addr6 = netip.PrefixFrom(a, from.Subnet.Bits())
				ep.GlobalIPv6Address, ep.GlobalIPv6PrefixLen, ep.IPv6Gateway = a.String(), addr6.Bits(), from.Gateway.String()
			}
			s.Networks = s.Networks.With(m.ID, &m)
			return nil
		}); err != nil {
			return err
		}
		ep.IPAddress = addr.String()
		ep.MacAddress = macOf(addr) // whatever the endpoint asks for: only the container can
		if mac, err := net.ParseMAC(c.Config.MacAddress); err == nil {
			ep.MacAddress = mac.String()
		}
	}
	if err := e.change(c.ID, func(c *Container) error {
		c.Ends = cloneMap(c.Ends)
		c.Ends[n.Name] = ep
		return nil
	}); err != nil {
		return err
	}
	if addr.IsValid() {
		w := e.wire(n)
		l := e.live(c.ID)
		e.k.Do(func() {
			e.mu.Lock()
			ns, etc := l.net, l.etc
			e.mu.Unlock()
			if ns == nil {
				return
			}
			e.mu.Lock()
			sys, number := l.sys, l.ifaces
			l.ifaces++ // no number comes twice
			e.mu.Unlock()
			w.Attach(ns, fmt.Sprintf("eth%d", number), addr, ep.MacAddress)
			if addr6.IsValid() {
				w.Attach6(ns, addr6)
			}
			if etc != nil {
				etc.appendHosts(ownHostsLine(c, addr))
				if addr6.IsValid() {
					etc.appendHosts(ownHostsLine(c, addr6.Addr()))
				}
				if isUserDefined(n.Name) {
					etc.useOwnResolver(c)
				}
			}
			if sys != nil {
				sysNet(view(sys), ns)
			}
		})
	}
	e.emitNetwork(n, "connect", map[string]string{"container": c.ID})
	return nil
}

// aliasesOf are those of a container on a network: the ones asked for, and on one that somebody
// created its short ID and its hostname too.
func aliasesOf(c *Container, network string, asked []string) []string {
	all := slices.Clip(asked)
	if isPredefined(network) {
		return all
	}
	for _, own := range []string{c.ID[:12], c.Config.Hostname} {
		if !slices.Contains(all, own) {
			all = append(all, own)
		}
	}
	return all
}

// wanted is an address that somebody asks for, the zero Addr where it is empty.
func wanted(s string) (netip.Addr, error) {
	if s == "" {
		return netip.Addr{}, nil
	}
	return netip.ParseAddr(s)
}

// leave takes a running container off a network. The event is the caller's to emit.
func (e *Engine) leave(c *Container, n *Network) {
	ep := c.Ends[n.Name]
	if ep == nil || ep.EndpointID == "" {
		return
	}
	if addr, err := netip.ParseAddr(ep.IPAddress); err == nil {
		addr6, _ := wanted(ep.GlobalIPv6Address)
		l := e.live(c.ID)
		w := e.wire(n)
		e.k.Do(func() {
			e.mu.Lock()
			ns, etc, sys := l.net, l.etc, l.sys
			e.mu.Unlock()
			if ns != nil {
				w.Detach(ns)
			}
			if ns != nil && sys != nil {
				sysNet(view(sys), ns)
			}
			if etc != nil {
				etc.removeHosts(addr.String())
				etc.removeHosts(addr6.String())
			}
		})
		e.giveBack(n.ID, addr)
		e.giveBack(n.ID, addr6)
	}
}

func (e *Engine) giveBack(network string, addr netip.Addr) {
	e.update(func(s *State) error {
		now, ok := s.Networks.Get(network)
		if !ok {
			return nil
		}
		m := *now
		m.Pools, m.Pools6 = slices.Clone(m.Pools), slices.Clone(m.Pools6)
		for _, pools := range [][]Pool{m.Pools, m.Pools6} {
			for i, p := range pools {
				if p.Subnet.Contains(addr) {
					pools[i] = p.give(addr)
				}
			}
		}
		s.Networks = s.Networks.With(m.ID, &m)
		return nil
	})
}

// disconnectAll takes a container that has ended off its networks, which it gives, and frees its
// ports.
func (e *Engine) disconnectAll(id string) (left []*Network) {
	c, err := e.Container(id)
	if err != nil {
		return nil
	}
	e.unpublish(id)
	if c.Net.Ports == nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(c.Ends)) {
		if n, err := e.Network(name); err == nil && c.Ends[name] != nil && c.Ends[name].EndpointID != "" {
			e.leave(c, n)
			left = append(left, n)
		}
	}
	e.change(id, func(c *Container) error {
		c.Ends = detached(c.Ends)
		c.Net.Ports = nil
		return nil
	})
	return left
}

// resolve is a container's resolver: names of other containers on its networks that somebody
// created, then whatever the host can resolve.
func (e *Engine) resolve(id, name string) []netip.Addr {
	s := e.State()
	name = strings.TrimSuffix(name, ".")
	if c, ok := s.Containers.Get(id); ok {
		for _, netName := range slices.Sorted(maps.Keys(c.Ends)) {
			if isPredefined(netName) {
				continue
			}
			mine := c.Ends[netName]
			var found []netip.Addr
			for _, o := range s.Containers.All() {
				ep := o.Ends[netName]
				if ep == nil || ep.NetworkID != mine.NetworkID || ep.EndpointID == "" {
					continue
				}
				if !answersTo(o, ep, netName, name) && !linksTo(mine, o, name) {
					continue
				}
				if a, err := netip.ParseAddr(ep.IPAddress); err == nil {
					found = append(found, a)
				}
			}
			if len(found) > 0 {
				return found
			}
		}
	}
	if r := e.hostNet().Resolver; r != nil {
		return r(name)
	}
	return nil
}

// reverse is the name that a container's resolver has for an address.
func (e *Engine) reverse(id string, a netip.Addr) string {
	s := e.State()
	c, ok := s.Containers.Get(id)
	if !ok {
		return ""
	}
	for network, mine := range c.Ends {
		if isPredefined(network) {
			continue
		}
		for _, o := range s.Containers.All() {
			if ep := o.Ends[network]; ep != nil && ep.NetworkID == mine.NetworkID && ep.IPAddress == a.String() {
				return strings.TrimPrefix(o.Name, "/") + "." + network
			}
		}
	}
	return ""
}

// answersTo says whether a container on a network is meant by a name.
func answersTo(c *Container, ep *ntypes.EndpointSettings, network, name string) bool {
	own := strings.TrimPrefix(c.Name, "/")
	return name == own || name == own+"."+network || slices.Contains(ep.Aliases, strings.TrimSuffix(name, "."+network))
}

// linksTo says whether name is an alias that --link gives to the container.
func linksTo(mine *ntypes.EndpointSettings, c *Container, name string) bool {
	for _, l := range mine.Links {
		child, alias, err := parseLink(l)
		if err == nil && alias == name && (child == strings.TrimPrefix(c.Name, "/") || child == c.ID) {
			return true
		}
	}
	return false
}

// firstEphemeral is the first port that the engine gives out where none was asked for.
const firstEphemeral = 32768
const lastEphemeral = 60999

type portKey struct {
	ip    netip.Addr
	port  uint16
	proto string
}

// publish opens the container's ports on the host.
func (e *Engine) publish(c *Container, ns *kernel.NetNS) error {
	if c.Host.NetworkMode.IsHost() || c.Host.NetworkMode.IsNone() {
		return nil
	}
	var addr netip.Addr
	var ep *ntypes.EndpointSettings
	network := ""
	for _, name := range slices.Sorted(maps.Keys(c.Ends)) {
		n, err := e.Network(name)
		if err != nil || n.Internal || n.Driver != "bridge" {
			continue
		}
		if a, err := netip.ParseAddr(c.Ends[name].IPAddress); err == nil {
			addr, ep, network = a, c.Ends[name], name
			break
		}
	}
	ports := nat.PortMap{}
	for _, p := range c.publishedPorts() {
		bindings := slices.Clone(c.Host.PortBindings[p])
		if len(bindings) == 0 {
			_, asked := c.Host.PortBindings[p]
			if !c.Host.PublishAllPorts && !asked {
				ports[p] = nil
				continue
			}
			bindings = []nat.PortBinding{{}}
		}
		if ep == nil {
			ports[p] = nil
			continue
		}
		for _, b := range bindings {
			got, err := e.bindPort(c.ID, p, b)
			if err != nil {
				e.unpublish(c.ID)
				return refuse(KindOf(err), "driver failed programming external connectivity on endpoint %s (%s): %w", strings.TrimPrefix(c.Name, "/"), c.Ends[network].EndpointID, err)
			}
			ports[p] = append(ports[p], got...)
			if p.Proto() != "tcp" {
				continue
			}
			for _, g := range got {
				at := netip.AddrPortFrom(netip.MustParseAddr(g.HostIP), portNumber(g.HostPort))
				to := netip.AddrPortFrom(addr, uint16(p.Int()))
				e.k.Do(func() { err = e.hostNet().Forward(at, ns, to) })
				if err != nil {
					e.unpublish(c.ID)
					proto := "tcp4"
					if at.Addr().Is6() {
						proto = "tcp6"
					}
					return refuse(Unknown, "driver failed programming external connectivity on endpoint %s (%s): Error starting userland proxy: listen %s %s: bind: address already in use", strings.TrimPrefix(c.Name, "/"), c.Ends[network].EndpointID, proto, at)
				}
			}
		}
	}
	return e.change(c.ID, func(c *Container) error {
		c.Net.Ports = ports
		return nil
	})
}

func portNumber(s string) uint16 {
	n, _ := strconv.ParseUint(s, 10, 16)
	return uint16(n)
}

// bindPort reserves a port of the host: the one asked for, the first free one of a range, or any.
// Without an address it is taken on all of them, IPv4 and IPv6.
func (e *Engine) bindPort(id string, p nat.Port, want nat.PortBinding) ([]nat.PortBinding, error) {
	ips := []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()}
	if want.HostIP != "" {
		a, err := netip.ParseAddr(want.HostIP)
		if err != nil {
			return nil, invalid("invalid IP address: %s", want.HostIP)
		}
		ips = []netip.Addr{a}
	}
	lo, hi := 0, 0
	if want.HostPort != "" {
		a, b, err := nat.ParsePortRangeToInt(want.HostPort)
		if err != nil {
			return nil, invalid("Error parsing HostPort value(%s):%v", want.HostPort, err)
		}
		lo, hi = a, b
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	// A port that is taken at the same address is known to be; at an overlapping one, it shows when
	// the proxy wants to listen. The lab has no proxy for udp and sctp, so nothing shows there.
	taken := func(port uint16) (ip netip.Addr, same, any bool) {
		for _, ip := range ips {
			if _, same := e.ports[portKey{ip, port, p.Proto()}]; same {
				return ip, true, true
			}
		}
		for _, ip := range ips {
			for k := range e.ports {
				if k.port == port && k.proto == p.Proto() && k.ip.Is4() == ip.Is4() && (k.ip.IsUnspecified() || ip.IsUnspecified()) {
					return ip, false, true
				}
			}
		}
		return netip.Addr{}, false, false
	}
	give := func(port uint16) []nat.PortBinding {
		var out []nat.PortBinding
		for _, ip := range ips {
			e.ports[portKey{ip, port, p.Proto()}] = id
			out = append(out, nat.PortBinding{HostIP: ip.String(), HostPort: fmt.Sprint(port)})
		}
		return out
	}
	if lo == 0 {
		for range lastEphemeral - firstEphemeral + 1 {
			port := e.nextEph
			if e.nextEph++; e.nextEph > lastEphemeral {
				e.nextEph = firstEphemeral
			}
			if _, _, no := taken(port); !no {
				return give(port), nil
			}
		}
		return nil, errors.New("all ports are allocated")
	}
	for port := lo; port <= hi; port++ {
		if _, _, no := taken(uint16(port)); !no {
			return give(uint16(port)), nil
		}
	}
	if lo < hi {
		return nil, errors.New("all ports are allocated")
	}
	ip, same, _ := taken(uint16(lo))
	if !same {
		proto := p.Proto() + "4"
		if ip.Is6() {
			proto = p.Proto() + "6"
		}
		return nil, fmt.Errorf("Error starting userland proxy: listen %s %s: bind: address already in use", proto, netip.AddrPortFrom(ip, uint16(lo)))
	}
	return nil, fmt.Errorf("Bind for %s failed: port is already allocated", netip.AddrPortFrom(ip, uint16(lo)))
}

// unpublish closes the container's ports on the host.
func (e *Engine) unpublish(id string) {
	var free []netip.AddrPort
	e.mu.Lock()
	for k, holder := range e.ports {
		if holder == id {
			delete(e.ports, k)
			if k.proto == "tcp" {
				free = append(free, netip.AddrPortFrom(k.ip, k.port))
			}
		}
	}
	e.mu.Unlock()
	if len(free) == 0 {
		return
	}
	e.k.Do(func() {
		for _, at := range free {
			e.hostNet().Unforward(at)
		}
	})
}

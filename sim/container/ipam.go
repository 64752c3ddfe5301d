package container

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	ntypes "github.com/docker/docker/api/types/network"
)

// Pool is one subnet of a network, and who has which of its addresses. It is immutable.
type Pool struct {
	Subnet  netip.Prefix
	Range   netip.Prefix // where addresses are given out from; the zero Prefix is all of Subnet
	Gateway netip.Addr
	Taken   map[netip.Addr]bool
	Last    netip.Addr // given out last: the next search starts after it
}

var (
	errAddressInUse  = refuse(Forbidden, "Address already in use")
	errOutOfRange    = errors.New("Requested address is out of range")
	errNoAddress     = errors.New("no available IPv4 addresses on this network's address pools")
	errPoolOverlaps  = refuse(Forbidden, "Pool overlaps with other one on this address space")
	errPoolsUsedUp   = notFound("could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network")
	errNoIPv6Default = notFound("could not find an available, non-overlapping IPv6 address pool among the defaults to assign to the network")
)

// defaultPools are the subnets for networks that ask for none, in the order in which they are
// given out.
var defaultPools = func() (pools []netip.Prefix) {
	for b := 17; b < 32; b++ {
		pools = append(pools, netip.PrefixFrom(netip.AddrFrom4([4]byte{172, byte(b), 0, 0}), 16))
	}
	for c := 0; c < 256; c += 16 {
		pools = append(pools, netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 168, byte(c), 0}), 20))
	}
	return pools
}()

// newPool makes the pool that c describes; an empty subnet takes the first default one that is
// free.
func newPool(c ntypes.IPAMConfig, used []netip.Prefix) (Pool, error) {
	free := func(p netip.Prefix) bool {
		return !slices.ContainsFunc(used, p.Overlaps)
	}
	p := Pool{Taken: map[netip.Addr]bool{}}
	if c.Subnet == "" {
		i := slices.IndexFunc(defaultPools, free)
		if i < 0 {
			return p, errPoolsUsedUp
		}
		p.Subnet = defaultPools[i]
	} else {
		sub, err := netip.ParsePrefix(c.Subnet)
		if err != nil {
			return p, refuse(Unknown, "Invalid subnet %s : invalid CIDR address: %s", c.Subnet, c.Subnet)
		}
		p.Subnet = sub.Masked()
		if !free(p.Subnet) {
			return p, errPoolOverlaps
		}
	}
	if c.IPRange != "" {
		r, err := netip.ParsePrefix(c.IPRange)
		if err != nil {
			return p, invalid("invalid CIDR address: %s", c.IPRange)
		}
		p.Range = r.Masked()
	}
	p.Taken[p.Subnet.Addr()] = true
	if p.Subnet.Addr().Is4() {
		p.Taken[broadcast(p.Subnet)] = true
	}
	for name, a := range c.AuxAddress {
		ip, err := netip.ParseAddr(a)
		if err != nil || !p.Subnet.Contains(ip) {
			return p, fmt.Errorf("auxiliary address: (%s:%s) must belong to the master pool: %s", name, a, p.Subnet)
		}
		p.Taken[ip] = true
	}
	if c.Gateway == "" {
		if p.Gateway = p.first(); p.Taken[p.Gateway] || !p.Subnet.Contains(p.Gateway) {
			return p, errors.New("failed to allocate gateway (): No available addresses on this pool")
		}
	} else {
		g, err := netip.ParseAddr(c.Gateway)
		if err != nil {
			return p, fmt.Errorf("failed to parse gateway address %s", c.Gateway)
		}
		if !p.Subnet.Contains(g) {
			return p, fmt.Errorf("failed to allocate gateway (%s): %w", c.Gateway, errOutOfRange)
		}
		p.Gateway = g
	}
	p.Taken[p.Gateway] = true
	return p, nil
}

func (p Pool) scope() netip.Prefix {
	if p.Range.IsValid() && p.Subnet.Contains(p.Range.Addr()) {
		return p.Range
	}
	return p.Subnet
}

func (p Pool) first() netip.Addr {
	a := p.scope().Addr()
	if p.Taken[a] {
		a = a.Next()
	}
	return a
}

// take gives out an address: want, or where it is the zero Addr the next free one.
func (p Pool) take(want netip.Addr) (Pool, netip.Addr, error) {
	if want.IsValid() {
		if p.Taken[want] {
			return p, want, errAddressInUse
		}
		return p.with(want), want, nil
	}
	scope := p.scope()
	a := p.Last
	// Of more addresses than are taken, one is free.
	for range min(1<<min(scope.Addr().BitLen()-scope.Bits(), 20), len(p.Taken)+1) {
		if a = a.Next(); !a.IsValid() || !scope.Contains(a) {
			a = scope.Addr()
		}
		if !p.Taken[a] {
			q := p.with(a)
			q.Last = a
			return q, a, nil
		}
	}
	return p, netip.Addr{}, errNoAddress
}

func (p Pool) with(a netip.Addr) Pool {
	p.Taken = maps.Clone(p.Taken)
	p.Taken[a] = true
	return p
}

// give takes an address back. The search starts anew, as the engine's does after a release.
func (p Pool) give(a netip.Addr) Pool {
	if p.Taken[a] {
		p.Taken = maps.Clone(p.Taken)
		delete(p.Taken, a)
		p.Last = netip.Addr{}
	}
	return p
}

func broadcast(p netip.Prefix) netip.Addr {
	b := p.Addr().As4()
	for i := p.Bits(); i < 32; i++ {
		b[i/8] |= 1 << (7 - i%8)
	}
	return netip.AddrFrom4(b)
}

// allocate gives out an address of one of the pools, want where it is not the zero Addr.
func allocate(pools []Pool, want netip.Addr) (left []Pool, from Pool, addr netip.Addr, err error) {
	for i, p := range pools {
		if want.IsValid() && !p.Subnet.Contains(want) {
			continue
		}
		q, a, err := p.take(want)
		if errors.Is(err, errNoAddress) && i+1 < len(pools) {
			continue
		}
		if err != nil {
			return nil, p, a, err
		}
		left = slices.Clone(pools)
		left[i] = q
		return left, p, a, nil
	}
	return nil, Pool{}, addr, invalid("Invalid address %s: It does not belong to any of this network's subnets", want)
}

// macOf is the hardware address that goes with an IPv4 address: Docker's prefix and its bytes.
func macOf(a netip.Addr) string {
	b := a.As4()
	return fmt.Sprintf("02:42:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3])
}

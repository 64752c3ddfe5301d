package network

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"net/netip"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// ipcalc works out the network of an IPv4 address.
func ipcalc(c *prog.Ctx) int {
	want := map[int]bool{}
	for o := range c.Getopt("mbnphs", []prog.Long{{Name: "netmask", Val: 'm'}, {Name: "broadcast", Val: 'b'}, {Name: "network", Val: 'n'},
		{Name: "prefix", Val: 'p'}, {Name: "hostname", Val: 'h'}, {Name: "silent", Val: 's'}}) {
		want[o.Val] = true
	}
	silent := want['s']
	delete(want, 's')
	if len(want) == 0 || len(c.Args) < 1 || len(c.Args) > 2 {
		c.Usage()
	}
	fail := func(format string, args ...any) {
		if !silent {
			c.Warn(format, args...)
		}
		c.Exit(1)
	}
	text, length, hasLength := strings.Cut(c.Args[0], "/")
	a, err := netip.ParseAddr(text)
	if err != nil || !a.Is4() {
		fail("bad IP address: %s", text)
	}
	var mask uint32
	switch {
	case hasLength:
		n, err := strconv.ParseUint(length, 10, 32)
		if err != nil || n > 32 {
			fail("bad IP prefix: %s", length)
		}
		mask = uint32(uint64(0xffffffff) << (32 - n))
		if len(c.Args) == 2 {
			fail("use prefix or netmask, not both")
		}
	case len(c.Args) == 2:
		m, err := netip.ParseAddr(c.Args[1])
		if err != nil || !m.Is4() {
			fail("bad netmask: %s", c.Args[1])
		}
		b := m.As4()
		mask = binary.BigEndian.Uint32(b[:])
	default:
		mask = classMask(a.As4()[0])
	}
	b := a.As4()
	ip := binary.BigEndian.Uint32(b[:])
	dotted := func(v uint32) string { return fmt.Sprintf("%d.%d.%d.%d", v>>24, v>>16&255, v>>8&255, v&255) }
	if want['m'] {
		c.Print("NETMASK=", dotted(mask), "\n")
	}
	if want['b'] {
		c.Print("BROADCAST=", dotted(ip|^mask), "\n")
	}
	if want['n'] {
		c.Print("NETWORK=", dotted(ip&mask), "\n")
	}
	if want['p'] {
		c.Printf("PREFIX=%d\n", bits.LeadingZeros32(^mask))
	}
	if want['h'] {
		name := hostOf(c, a)
		if name == "" {
			fail("can't find hostname for %s", a)
		}
		c.Print("HOSTNAME=", name, "\n")
	}
	return 0
}

// classMask is the mask that an address had before there were prefixes.
func classMask(first byte) uint32 {
	switch {
	case first < 128:
		return 0xff000000
	case first < 192:
		return 0xffff0000
	}
	return 0xffffff00
}

// hostOf is the name that /etc/hosts has for an address.
func hostOf(c *prog.Ctx, a netip.Addr) string {
	b, _ := c.ReadFile("/etc/hosts")
	for line := range strings.Lines(string(b)) {
		line, _, _ = strings.Cut(line, "#")
		f := strings.Fields(line)
		if len(f) > 1 && f[0] == a.String() {
			return f[1]
		}
	}
	return ""
}

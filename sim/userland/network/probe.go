package network

import (
	"encoding/binary"
	"io"
	"net/netip"
	"strconv"
	"time"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/datetime"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// routed says whether packets to a have anywhere to go.
func routed(c *prog.Ctx, a netip.Addr) bool {
	return a.IsLoopback() || c.Sandbox().IsHost() || len(c.Sandbox().Net().Ifaces()) > 0
}

// traceroute lists the hops to a host. In the lab's networks that is the host itself; what lies
// beyond does not answer.
func traceroute(c *prog.Ctx) int {
	six := c.Program == "traceroute6"
	hops, size, queries, wait := 30, 46, 3, 5*time.Second
	first := 1
	numeric := false
	number := func(s string) int {
		n, err := strconv.ParseUint(s, 10, 16)
		if err != nil {
			c.Die(1, "invalid number '%s'", s)
		}
		return int(n)
	}
	for o := range c.Getopt("46FIlnrdvt:i:m:p:q:s:w:z:f:", nil) {
		switch o.Val {
		case 'm':
			hops = number(o.Arg)
		case 'q':
			queries = number(o.Arg)
		case 'w':
			wait = time.Duration(number(o.Arg)) * time.Second
		case 'n':
			numeric = true
		case 'f':
			first = number(o.Arg)
		case '6':
			six = true
		}
	}
	if len(c.Args) < 1 || len(c.Args) > 2 {
		c.Usage()
	}
	if len(c.Args) > 1 {
		size = number(c.Args[1])
	}
	host := c.Args[0]
	if six {
		if host == "::1" || host == "localhost" {
			c.Die(1, "can't connect to remote host: %v", linux.EADDRNOTAVAIL)
		}
		c.Die(1, "bad address '%s'", host)
	}
	addrs, err := addresses(c, host)
	if err != nil || len(addrs) == 0 {
		c.Die(1, "bad address '%s'", host)
	}
	a := addrs[0]
	if !routed(c, a) {
		c.Die(1, "can't connect to remote host (%s): %v", a, linux.ENETUNREACH)
	}
	c.Printf("traceroute to %s (%s), %d hops max, %d byte packets\n", host, a, hops, size)
	c.Out.Flush()
	for hop := first; hop <= hops; hop++ {
		c.Printf("%2d", hop)
		for q := range queries {
			if !reachable(c, a) {
				c.Sleep(wait)
				c.Print("  *")
				c.Out.Flush()
				continue
			}
			if q == 0 && numeric {
				c.Printf("  %s", a)
			} else if q == 0 {
				name := host
				if a.IsLoopback() {
					name = "localhost"
				}
				c.Printf("  %s (%s)", name, a)
			}
			c.Printf("  %.3f ms", 0.007-0.001*float64(q))
		}
		c.Print("\n")
		c.Out.Flush()
		if reachable(c, a) {
			break
		}
	}
	return 0
}

func ping6(c *prog.Ctx) int {
	size := 56
	for o := range c.Getopt("qvc:s:t:w:W:I:n4i:6Ap:", nil) {
		if o.Val == 's' {
			n, err := strconv.ParseUint(o.Arg, 10, 16)
			if err != nil {
				c.Die(1, "invalid number '%s'", o.Arg)
			}
			size = int(n)
		}
	}
	if len(c.Args) == 0 {
		c.Usage()
	}
	host := c.Args[0]
	a, err := netip.ParseAddr(host)
	if host == "localhost" {
		a, err = netip.IPv6Loopback(), nil
	}
	if err != nil || !a.Is6() {
		c.Die(1, "bad address '%s'", host)
	}
	c.Printf("PING %s (%s): %d data bytes\n", host, a, size)
	c.Die(1, "sendto: %v", linux.EADDRNOTAVAIL) // no interface has an IPv6 address
	return 1
}

// arping asks who has an address, on a link.
func arping(c *prog.Ctx) int {
	device, count := "eth0", 0
	for o := range c.Getopt("DUAqfbc:w:I:s:", nil) {
		switch o.Val {
		case 'I':
			device = o.Arg
		case 'c':
			n, err := strconv.ParseUint(o.Arg, 10, 31)
			if err != nil {
				c.Die(1, "invalid number '%s'", o.Arg)
			}
			count = int(n)
		}
	}
	if len(c.Args) != 1 {
		c.Usage()
	}
	if device == "lo" {
		c.Die(2, "interface lo is not ARPable")
	}
	var own netip.Addr
	found := false
	for _, i := range c.Sandbox().Net().Ifaces() {
		if i.Name == device {
			own, found = i.Addr.Addr(), true
		}
	}
	if !found {
		c.Die(2, "interface %s not found: %v", device, linux.ENODEV)
	}
	addrs, err := addresses(c, c.Args[0])
	if err != nil || len(addrs) == 0 {
		c.Die(2, "bad address '%s'", c.Args[0])
	}
	c.Printf("ARPING %s from %s %s\n", addrs[0], own, device)
	c.Out.Flush()
	sent, got := 0, 0
	for count == 0 || sent < count {
		sent++
		if reachable(c, addrs[0]) {
			got++
			ip := addrs[0].As4()
			c.Printf("Unicast reply from %s [02:42:%02x:%02x:%02x:%02x]  0.010ms\n", addrs[0], ip[0], ip[1], ip[2], ip[3])
			c.Out.Flush()
		}
		if c.Sleep(time.Second) != nil {
			break
		}
	}
	c.Printf("Sent %d probe(s) (1 broadcast(s))\nReceived %d response(s) (0 request(s), 0 broadcast(s))\n", sent, got)
	if got == 0 {
		return 1
	}
	return 0
}

// remote connects to a host's port, or ends the program.
func remote(c *prog.Ctx, host string, port uint16) *prog.File {
	addrs, err := addresses(c, host)
	if err != nil || len(addrs) == 0 {
		c.Die(1, "bad address '%s'", host)
	}
	k, err := dial(c, addrs, port, 130*time.Second)
	if err != nil {
		c.Die(1, "can't connect to remote host (%s): %v", addrs[0], err)
	}
	return c.FD(k.fd)
}

// rdate prints the time of another machine, and may not set it here.
func rdate(c *prog.Ctx) int {
	set, show := false, false
	for o := range c.Getopt("sp", nil) {
		set = set || o.Val == 's'
		show = show || o.Val == 'p'
	}
	if len(c.Args) != 1 {
		c.Usage()
	}
	f := remote(c, c.Args[0], 37)
	var b [4]byte
	if _, err := io.ReadFull(f, b[:]); err != nil {
		c.Die(1, "short read")
	}
	const epoch = 2208988800 // 1970, in seconds since 1900
	t := time.Unix(int64(binary.BigEndian.Uint32(b[:]))-epoch, 0)
	if set || !show {
		c.Warn("current time matches remote time")
	}
	if show || !set {
		c.Print(datetime.Format("%a %b %e %H:%M:%S %Y", t.In(datetime.Zone(c.Getenv("TZ")))), "\n")
	}
	return 0
}

// ftp is ftpget and ftpput, as far as the lab has servers: there is none that speaks FTP.
func ftp(c *prog.Ctx) int {
	port := uint16(21)
	for o := range c.Getopt("cvu:p:P:", []prog.Long{{Name: "continue", Val: 'c'}, {Name: "verbose", Val: 'v'}, {Name: "username", Arg: prog.ReqArg, Val: 'u'},
		{Name: "password", Arg: prog.ReqArg, Val: 'p'}, {Name: "port", Arg: prog.ReqArg, Val: 'P'}}) {
		if o.Val == 'P' {
			n, err := strconv.ParseUint(o.Arg, 10, 16)
			if err != nil {
				c.Die(1, "bad port '%s'", o.Arg)
			}
			port = uint16(n)
		}
	}
	if len(c.Args) < 2 || len(c.Args) > 3 {
		c.Usage()
	}
	f := remote(c, c.Args[0], port)
	buf := make([]byte, 512)
	n, _ := f.Read(buf)
	c.Die(1, "unexpected server response: %s", string(buf[:n]))
	return 1
}

// tftp sends a request that nobody answers: the lab has no such server.
func tftp(c *prog.Ctx) int {
	get, put := false, false
	for o := range c.Getopt("gpl:r:b:", nil) {
		get = get || o.Val == 'g'
		put = put || o.Val == 'p'
	}
	if get == put || len(c.Args) < 1 || len(c.Args) > 2 {
		c.Usage()
	}
	addrs, err := addresses(c, c.Args[0])
	if err != nil || len(addrs) == 0 {
		c.Die(1, "bad address '%s'", c.Args[0])
	}
	if !routed(c, addrs[0]) {
		c.Die(1, "send: %v", linux.ENETUNREACH)
	}
	for wait := 100 * time.Millisecond; wait < 2500*time.Millisecond; wait += wait / 2 {
		if c.Sleep(wait) != nil {
			return 1
		}
	}
	c.Die(1, "timeout")
	return 1
}

// udhcpc asks for an address; no server hears it.
func udhcpc(c *prog.Ctx) int {
	device, now := "eth0", false
	for o := range c.Getopt("CV:H:F:i:np:qRr:s:T:t:SA:O:oBfab:x:v", nil) {
		switch o.Val {
		case 'i':
			device = o.Arg
		case 'n':
			now = true
		}
	}
	known := device == "lo"
	for _, i := range c.Sandbox().Net().Ifaces() {
		known = known || i.Name == device
	}
	if !known {
		c.Die(1, "SIOCGIFINDEX: %v", linux.ENODEV)
	}
	c.Errorf("udhcpc: started, v1.35.0\n")
	for range 3 {
		c.Errorf("udhcpc: broadcasting discover\n")
		if c.Sleep(3*time.Second) != nil {
			return 0
		}
	}
	if now {
		c.Errorf("udhcpc: no lease, failing\n")
		return 1
	}
	c.Errorf("udhcpc: no lease, forking to background\n")
	return 0
}

// tc shows how packets are queued.
func tc(c *prog.Ctx) int {
	if len(c.Args) == 0 {
		c.Usage()
	}
	switch c.Args[0] {
	case "qdisc", "class", "filter":
	default:
		c.Die(1, "invalid argument '%s' to 'tc'", c.Args[0])
	}
	verb := "show"
	if len(c.Args) > 1 {
		verb = c.Args[1]
	}
	switch verb {
	case "show", "list":
	default:
		c.Die(1, "invalid argument '%s' to 'tc'", verb)
	}
	if c.Args[0] == "qdisc" {
		c.Print("qdisc noqueue 0: dev lo root refcnt 2 \n")
		for _, i := range c.Sandbox().Net().Ifaces() {
			if i.Name != "lo" {
				c.Printf("qdisc noqueue 0: dev %s root refcnt 2 \n", i.Name)
			}
		}
	}
	return 0
}

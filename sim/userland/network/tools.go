package network

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// nc is netcat: Busybox's, and the options of OpenBSD's that are the same.
func nc(c *prog.Ctx) int {
	listen, port, wait, interval, run := 0, "", time.Duration(0), time.Duration(0), ""
	verbose, zero := false, false
	short := "lp:w:i:e:f:"
	if c.GNU() {
		short = "lp:w:i:vznkNq:u4"
	}
	seconds := func(s string) time.Duration {
		n, err := strconv.Atoi(s)
		if err != nil || n < 0 {
			c.Die(1, "invalid number '%s'", s)
		}
		return time.Duration(n) * time.Second
	}
	for o := range c.Getopt("+"+short, nil) {
		switch o.Val {
		case 'l':
			listen++
		case 'p':
			port = o.Arg
		case 'w', 'q':
			wait = seconds(o.Arg)
		case 'i':
			interval = seconds(o.Arg)
		case 'e':
			run = o.Arg
		case 'v':
			verbose = true
		case 'z':
			zero = true
		case 'u':
			c.Die(1, "UDP is not part of the lab's network")
		case 'f':
			c.Die(1, "can't open '%s': %v", o.Arg, linux.ENXIO)
		}
	}
	number := func(s string) uint16 {
		n, err := strconv.ParseUint(s, 10, 16)
		if err != nil {
			if p, ok := services[s]; ok {
				return p
			}
			c.Die(1, "bad port '%s'", s)
		}
		return uint16(n)
	}
	if listen > 0 {
		if port == "" && len(c.Args) > 0 {
			port = c.Args[len(c.Args)-1]
		}
		fd, err := c.Listen("tcp", netip.AddrPortFrom(netip.IPv4Unspecified(), number(port)))
		if err != nil {
			if c.GNU() {
				c.Die(1, "%v", err)
			}
			c.Die(1, "bind: %v", err)
		}
		if verbose {
			c.Errorf("Listening on 0.0.0.0 %s\n", port)
		}
		for {
			cfd, peer, err := c.Accept(fd)
			if err == linux.EINTR {
				continue
			}
			if err != nil {
				c.Die(1, "accept: %v", err)
			}
			if verbose {
				c.Errorf("Connection received on %s %d\n", peer.Addr(), peer.Port())
			}
			if run == "" {
				c.Close(fd)
				return relay(c, cfd, wait, interval)
			}
			argv := append([]string{run}, c.Args...)
			pid, err := c.Start(argv, nil, &kernel.SpawnOpts{Files: map[int]int{0: cfd, 1: cfd, 2: cfd}})
			c.Close(cfd)
			if err != nil {
				c.Die(127, "can't execute '%s': %v", run, err)
			}
			if listen == 1 {
				c.Wait(pid, 0)
				return 0
			}
			c.Wait(-1, kernel.WNOHANG)
		}
	}
	if len(c.Args) < 2 {
		if c.GNU() {
			c.Errorf("usage: nc [-46CDdFhklNnrStUuvZz] [-I length] [-i interval] [-M ttl]\n\t  [-m minttl] [-O length] [-P proxy_username] [-p source_port]\n\t  [-q seconds] [-s sourceaddr] [-T keyword] [-V rtable] [-W recvlimit]\n\t  [-w timeout] [-X proxy_protocol] [-x proxy_address[:port]]\n\t  [destination] [port]\n")
			return 1
		}
		c.Usage()
	}
	addrs, err := addresses(c, c.Args[0])
	if err != nil || len(addrs) == 0 {
		if c.GNU() {
			c.Errorf("nc: getaddrinfo for host \"%s\" port %s: Name or service not known\n", c.Args[0], c.Args[1])
			return 1
		}
		c.Die(1, "bad address '%s'", c.Args[0])
	}
	limit := 130 * time.Second
	if wait > 0 {
		limit = wait
	}
	first, last := number(strings.SplitN(c.Args[1], "-", 2)[0]), uint16(0)
	if lo, hi, ok := strings.Cut(c.Args[1], "-"); ok && c.GNU() {
		first, last = number(lo), number(hi)
	}
	status := 1
	for p := first; ; p++ {
		k, err := dial(c, addrs, p, limit)
		if err != nil {
			switch {
			case !c.GNU() && err == linux.ETIMEDOUT && wait > 0:
				c.Die(1, "timed out")
			case !c.GNU():
				c.Die(1, "can't connect to remote host (%s): %v", addrs[0], err)
			case verbose:
				c.Errorf("nc: connect to %s (%s) port %d (tcp) failed: %v\n", c.Args[0], addrs[0], p, err)
			}
		} else {
			if verbose {
				name := "*"
				for n, v := range services {
					if v == p {
						name = n
					}
				}
				c.Errorf("Connection to %s (%s) %d port [tcp/%s] succeeded!\n", c.Args[0], addrs[0], p, name)
			}
			status = 0
			if !zero {
				if run != "" {
					for fd := range 3 {
						c.Dup2(k.fd, fd)
					}
					err := c.Execvp(append([]string{run}, c.Args[2:]...), c.Env())
					c.Die(127, "can't execute '%s': %v", run, err)
				}
				return relay(c, k.fd, wait, interval)
			}
			k.close()
		}
		if p >= last {
			return status
		}
	}
}

// services are names of ports that people use.
var services = map[string]uint16{"ftp": 21, "ssh": 22, "telnet": 23, "smtp": 25, "domain": 53, "http": 80, "https": 443, "pop3": 110, "imap2": 143, "mysql": 3306, "postgresql": 5432, "redis": 6379, "http-alt": 8080}

// relay copies standard input to the connection and the connection to standard output, until the
// connection ends.
func relay(c *prog.Ctx, fd int, idle, interval time.Duration) int {
	c.Signal(linux.SIGPIPE, kernel.Ignore)
	buf := make([]byte, 8192)
	open := true
	for {
		fds := []kernel.PollFd{{Fd: fd, Events: kernel.POLLIN}}
		if open {
			fds = append(fds, kernel.PollFd{Fd: 0, Events: kernel.POLLIN})
		}
		wait := time.Duration(-1)
		if idle > 0 && !open {
			wait = idle
		}
		n, err := c.Poll(fds, wait)
		if err == linux.EINTR {
			continue
		}
		if err != nil || n == 0 {
			return 0
		}
		if len(fds) > 1 && fds[1].Revents != 0 {
			n, err := c.Read(0, buf)
			if n > 0 {
				if _, werr := c.Write(fd, buf[:n]); werr != nil {
					return 1
				}
			}
			if err != nil || n == 0 {
				open = false
				c.Shutdown(fd, 1)
			}
			if interval > 0 {
				c.Sleep(interval)
			}
		}
		if fds[0].Revents != 0 {
			n, err := c.Read(fd, buf)
			if n > 0 {
				c.Out.Write(buf[:n])
				c.Out.Flush()
			}
			if err != nil || n == 0 {
				return 0
			}
		}
	}
}

// telnet is nc for people.
func telnet(c *prog.Ctx) int {
	for range c.Getopt("al:", nil) {
	}
	if len(c.Args) == 0 {
		c.Usage()
	}
	port := uint16(23)
	if len(c.Args) > 1 {
		n, err := strconv.ParseUint(c.Args[1], 10, 16)
		if err != nil {
			c.Die(1, "bad port '%s'", c.Args[1])
		}
		port = uint16(n)
	}
	addrs, err := addresses(c, c.Args[0])
	if err != nil || len(addrs) == 0 {
		c.Die(1, "bad address '%s'", c.Args[0])
	}
	k, err := dial(c, addrs, port, 130*time.Second)
	if err != nil {
		c.Die(1, "can't connect to remote host (%s): %v", addrs[0], err)
	}
	return relay(c, k.fd, 0, 0)
}

// reachable tells whether a host answers: it refuses a connection if nothing else.
func reachable(c *prog.Ctx, a netip.Addr) bool {
	fd, err := c.DialTimeout("tcp", netip.AddrPortFrom(a, 1), time.Millisecond)
	if err == nil {
		c.Close(fd)
	}
	return err == nil || err == linux.ECONNREFUSED
}

func ping(c *prog.Ctx) int {
	count, interval, timeout, deadline, size, quiet := 0, time.Second, 10*time.Second, time.Duration(0), 56, false
	short := "qvc:s:t:w:W:I:n4i:6Ap:"
	if c.GNU() {
		short = "aAbBc:CdDe:fF:hHi:I:l:Lm:M:nN:Op:qQ:rRs:S:t:T:UvVw:W:46"
		c.UsageStatus = 2
	}
	seconds := func(s string) time.Duration {
		v, err := strconv.ParseFloat(s, 64)
		if err != nil || v < 0 {
			if c.GNU() {
				c.Die(1, "invalid argument: '%s'", s)
			}
			c.Die(1, "invalid number '%s'", s)
		}
		return time.Duration(v * float64(time.Second))
	}
	number := func(s string) int {
		n, err := strconv.Atoi(s)
		if err != nil || n < 0 {
			if c.GNU() {
				c.Die(1, "invalid argument: '%s'", s)
			}
			c.Die(1, "invalid number '%s'", s)
		}
		return n
	}
	for o := range c.Getopt(short, nil) {
		switch o.Val {
		case 'c':
			count = number(o.Arg)
		case 'i':
			interval = seconds(o.Arg)
		case 'W':
			timeout = seconds(o.Arg)
		case 'w':
			deadline = seconds(o.Arg)
		case 's':
			size = number(o.Arg)
		case 'q':
			quiet = true
		case 'V':
			c.Print("ping from iputils 20221126\n")
			return 0
		}
	}
	if len(c.Args) == 0 {
		if c.GNU() {
			c.Errorf("ping: usage error: Destination address required\n")
			return 1
		}
		c.Usage()
	}
	host := c.Args[len(c.Args)-1]
	addrs, err := addresses(c, host)
	if err != nil || len(addrs) == 0 {
		if c.GNU() {
			c.Errorf("ping: %s: Name or service not known\n", host)
			return 2
		}
		c.Die(1, "bad address '%s'", host)
	}
	a := addrs[0]
	if c.GNU() {
		c.Printf("PING %s (%s) %d(%d) bytes of data.\n", host, a, size, size+28)
	} else {
		c.Printf("PING %s (%s): %d data bytes\n", host, a, size)
	}
	c.Out.Flush()
	if !c.GNU() && !c.Cred().Has(vfs.CapNetRaw) {
		c.Die(1, "permission denied (are you root?)")
	}
	if !a.IsLoopback() && len(c.Sandbox().Net().Ifaces()) == 0 && !c.Sandbox().IsHost() {
		if c.GNU() {
			c.Errorf("ping: connect: %v\n", linux.ENETUNREACH)
			return 2
		}
		c.Die(1, "sendto: %v", linux.ENETUNREACH)
	}
	c.Signal(linux.SIGINT, kernel.Catch)
	from := a.String()
	if host != from {
		if names := c.ReverseNames(a); len(names) > 0 {
			from = fmt.Sprintf("%s (%s)", names[0], a)
		}
	}
	start := c.Now()
	sent, got := 0, 0
	least, most, total := time.Duration(1<<62), time.Duration(0), time.Duration(0)
	for count == 0 || sent < count {
		if _, ok := c.TakeSignal(); ok {
			break
		}
		began := c.Now()
		alive := reachable(c, a)
		sent++
		if alive {
			got++
			took := max(c.Now().Sub(began), 40*time.Microsecond+time.Duration(sent%7)*3*time.Microsecond)
			least, most, total = min(least, took), max(most, took), total+took
			ms := float64(took) / 1e6
			if !quiet {
				if c.GNU() {
					c.Printf("%d bytes from %s: icmp_seq=%d ttl=64 time=%.3f ms\n", size+8, from, sent, ms)
				} else {
					c.Printf("%d bytes from %s: seq=%d ttl=64 time=%.3f ms\n", size+8, a, sent-1, ms)
				}
				c.Out.Flush()
			}
		}
		if count > 0 && sent >= count {
			if !alive {
				c.Sleep(timeout)
			}
			break
		}
		if deadline > 0 && c.Now().Sub(start)+interval > deadline {
			break
		}
		if c.Sleep(interval) == linux.EINTR {
			break
		}
	}
	loss := 0
	if sent > 0 {
		loss = (sent - got) * 100 / sent
	}
	c.Printf("\n--- %s ping statistics ---\n", host)
	if c.GNU() {
		c.Printf("%d packets transmitted, %d received, %d%% packet loss, time %dms\n", sent, got, loss, c.Now().Sub(start).Milliseconds())
	} else {
		c.Printf("%d packets transmitted, %d packets received, %d%% packet loss\n", sent, got, loss)
	}
	if got > 0 {
		ms := func(d time.Duration) float64 { return float64(d) / 1e6 }
		avg := total / time.Duration(got)
		if c.GNU() {
			c.Printf("rtt min/avg/max/mdev = %.3f/%.3f/%.3f/%.3f ms\n", ms(least), ms(avg), ms(most), ms((most-least)/4))
		} else {
			c.Printf("round-trip min/avg/max = %.3f/%.3f/%.3f ms\n", ms(least), ms(avg), ms(most))
		}
		return 0
	}
	if c.GNU() {
		c.Print("\n")
	}
	return 1
}

// server is the name server of /etc/resolv.conf.
func server(c *prog.Ctx) string {
	b, _ := c.ReadFile("/etc/resolv.conf")
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "nameserver" {
			return f[1]
		}
	}
	return "127.0.0.1"
}

// lookup asks as a name server is asked, which does not know /etc/hosts.
func lookup(c *prog.Ctx, name string) ([]netip.Addr, error) {
	if r := c.Sandbox().Net().Resolver; r != nil {
		if found := r(strings.TrimSuffix(name, ".")); len(found) > 0 {
			return found, nil
		}
	}
	return nil, linux.ENOENT
}

func hostProgram(c *prog.Ctx) int {
	for range c.Getopt("aCdilrTvwt:W:4", nil) {
	}
	if len(c.Args) == 0 {
		c.Usage()
	}
	addrs, err := lookup(c, c.Args[0])
	if err != nil {
		c.Printf("Host %s not found: 3(NXDOMAIN)\n", c.Args[0])
		return 1
	}
	for _, a := range addrs {
		kind := "has address"
		if a.Is6() {
			kind = "has IPv6 address"
		}
		c.Printf("%s %s %s\n", c.Args[0], kind, a)
	}
	return 0
}

// iface is an interface as the programs show it.
type iface struct {
	index, peer int
	name, mac   string
	addr, addr6 netip.Prefix
	gateway     netip.Addr
	mtu         int // in bytes
	loopback    bool
}

// ifaces are the interfaces of the namespace, the loopback first.
func ifaces(c *prog.Ctx) []iface {
	all := []iface{{index: 1, name: "lo", mac: "00:00:00:00:00:00", addr: netip.MustParsePrefix("127.0.0.1/8"), mtu: 65536, loopback: true}}
	leads := c.Sandbox().Net().DefaultIface()
	for i, f := range c.Sandbox().Net().Ifaces() {
		n := iface{index: 2*i + 6, peer: 2*i + 7, name: f.Name, mac: strings.ToLower(f.MAC), addr: f.Addr, addr6: f.Addr6, mtu: f.Network.MTU}
		if i == leads {
			n.gateway = f.Network.Gateway
		}
		all = append(all, n)
	}
	return all
}

func (f iface) broadcast() netip.Addr {
	b := f.addr.Addr().As4()
	bits := f.addr.Bits()
	for i := range 4 {
		host := byte(0xff)
		switch n := bits - 8*i; {
		case n >= 8:
			host = 0
		case n > 0:
			host = 0xff >> n
		}
		b[i] |= host
	}
	return netip.AddrFrom4(b)
}

func mask(p netip.Prefix) string {
	v := ^uint32(0) << (32 - p.Bits())
	if p.Bits() == 0 {
		v = 0
	}
	return fmt.Sprintf("%d.%d.%d.%d", v>>24, v>>16&0xff, v>>8&0xff, v&0xff)
}

func ip(c *prog.Ctx) int {
	args := c.Args
	four, six, brief, oneline := false, false, false, false
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		switch o := strings.TrimLeft(args[0], "-"); {
		case o == "4":
			four = true
		case o == "6":
			six = true
		case strings.HasPrefix("oneline", o):
			oneline = true
		case (strings.HasPrefix("brief", o) && len(o) > 1) && c.GNU():
			brief = true
		case (o == "c" || o == "color" || o == "d" || o == "details" || o == "s" || o == "stats") && c.GNU():
		default:
			if c.GNU() {
				c.Errorf("Option \"%s\" is unknown, try \"ip -help\".\n", args[0])
				return 255
			}
			c.Usage()
		}
		args = args[1:]
	}
	if len(args) == 0 {
		if c.GNU() {
			c.Errorf("Usage: ip [ OPTIONS ] OBJECT { COMMAND | help }\n       ip [ -force ] -batch filename\n")
			return 255
		}
		c.Usage()
	}
	object, rest := args[0], args[1:]
	words := []string{"address", "link", "route", "neighbour", "neigh", "rule"}
	i := slices.IndexFunc(words, func(w string) bool { return strings.HasPrefix(w, object) })
	if i < 0 {
		if c.GNU() {
			c.Errorf("Object \"%s\" is unknown, try \"ip help\".\n", object)
			return 1
		}
		c.Usage()
	}
	dev := ""
	if len(rest) > 0 {
		switch {
		case strings.HasPrefix("show", rest[0]), strings.HasPrefix("list", rest[0]), rest[0] == "lst":
			rest = rest[1:]
		case slices.Contains([]string{"add", "del", "delete", "set", "change", "replace", "flush", "append"}, rest[0]):
			switch {
			case c.GNU():
				c.Errorf("RTNETLINK answers: %v\n", linux.EPERM)
				return 2
			case object == "link" && rest[0] == "set":
				c.Die(1, "SIOCSIFFLAGS: %v", linux.EPERM)
			}
			c.Die(2, "RTNETLINK answers: %v", linux.EPERM)
		}
	}
	if words[i] == "route" && len(rest) > 1 && rest[0] == "get" {
		return routeTo(c, ifaces(c), rest[1])
	}
	for len(rest) > 0 {
		if rest[0] == "dev" && len(rest) > 1 {
			rest = rest[1:]
		}
		dev = rest[0]
		rest = rest[1:]
	}
	all := ifaces(c)
	if dev != "" && i < 2 {
		if !slices.ContainsFunc(all, func(f iface) bool { return f.name == dev }) {
			if c.GNU() {
				c.Errorf("Device \"%s\" does not exist.\n", dev)
				return 1
			}
			c.Die(1, "can't find device '%s'", dev)
		}
		all = slices.DeleteFunc(all, func(f iface) bool { return f.name != dev })
	}
	switch words[i] {
	case "address", "link":
		for _, f := range all {
			showLink(c, f, words[i] == "address", four, six, brief, oneline)
		}
	case "route":
		for _, f := range all {
			if f.gateway.IsValid() {
				c.Printf("default via %s dev %s \n", f.gateway, f.name)
				break
			}
		}
		slices.SortStableFunc(all, func(a, b iface) int { return a.addr.Masked().Addr().Compare(b.addr.Masked().Addr()) })
		for _, f := range all {
			if f.loopback || !f.addr.IsValid() {
				continue
			}
			if c.GNU() {
				c.Printf("%s dev %s proto kernel scope link src %s \n", f.addr.Masked(), f.name, f.addr.Addr())
			} else {
				c.Printf("%s dev %s scope link  src %s \n", f.addr.Masked(), f.name, f.addr.Addr())
			}
		}
	case "rule":
		c.Print("0:\tfrom all lookup local\n32766:\tfrom all lookup main\n32767:\tfrom all lookup default\n")
	}
	return 0
}

// routeTo shows by which interface packets to an address leave.
func routeTo(c *prog.Ctx, all []iface, to string) int {
	a, err := netip.ParseAddr(to)
	if err != nil {
		if c.GNU() {
			c.Errorf("Error: any valid prefix is expected rather than %q.\n", to)
			return 1
		}
		c.Die(1, "invalid argument '%s' to '%s'", to, "inet prefix")
	}
	via := ""
	i := slices.IndexFunc(all, func(f iface) bool { return f.addr.IsValid() && f.addr.Contains(a) })
	if i < 0 {
		if i = slices.IndexFunc(all, func(f iface) bool { return f.gateway.IsValid() }); i >= 0 {
			via = fmt.Sprintf("via %s ", all[i].gateway)
		}
	}
	switch {
	case i < 0 && c.GNU():
		c.Errorf("RTNETLINK answers: %v\n", linux.ENETUNREACH)
		return 2
	case i < 0:
		c.Die(1, "RTNETLINK answers: %v", linux.ENETUNREACH)
	case c.GNU():
		c.Printf("%s %sdev %s src %s uid %d \n    cache \n", a, via, all[i].name, all[i].addr.Addr(), c.Cred().UID)
	default:
		c.Printf("%s %sdev %s  src %s \n", a, via, all[i].name, all[i].addr.Addr())
	}
	return 0
}

func showLink(c *prog.Ctx, f iface, addr, four, six, brief, oneline bool) {
	name := f.name
	flags := "LOOPBACK,UP,LOWER_UP"
	if !f.loopback {
		flags = "BROADCAST,MULTICAST,UP,LOWER_UP"
		if f.peer > 0 {
			name = fmt.Sprintf("%s@if%d", f.name, f.peer)
		}
	}
	if brief {
		state := "UP"
		if f.loopback {
			state = "UNKNOWN"
		}
		what := f.addr.String() + " "
		if !addr {
			what = fmt.Sprintf("%s <%s> ", f.mac, flags)
		}
		c.Printf("%-16s %-14s %s\n", name, state, what)
		return
	}
	brd := "ff:ff:ff:ff:ff:ff"
	kind, scope := "ether", "global"
	if f.loopback {
		brd, kind, scope = f.mac, "loopback", "host"
	}
	if !c.GNU() && !f.loopback {
		flags += ",M-DOWN"
	}
	broadcast := ""
	if !f.loopback {
		broadcast = fmt.Sprintf("brd %s ", f.broadcast())
	}
	if oneline && addr {
		c.Printf("%d: %s    inet %s %sscope %s %s\\       valid_lft forever preferred_lft forever\n", f.index, f.name, f.addr, broadcast, scope, f.name)
		if f.addr6.IsValid() {
			c.Printf("%d: %s    inet6 %s scope global \\       valid_lft forever preferred_lft forever\n", f.index, f.name, f.addr6)
		}
		return
	}
	tail := ""
	if f.loopback {
		tail = "qlen 1000"
	}
	if c.GNU() {
		tail = "state UP group default "
		if f.loopback {
			tail = "state UNKNOWN group default qlen 1000"
		}
	}
	end := "\n"
	if oneline {
		end = "\\"
	}
	c.Printf("%d: %s: <%s> mtu %d qdisc noqueue %s%s", f.index, name, flags, f.mtu, tail, end)
	if !four && !six {
		link := ""
		if c.GNU() && !f.loopback {
			link = " link-netnsid 0"
		}
		c.Printf("    link/%s %s brd %s%s\n", kind, f.mac, brd, link)
	}
	if addr && !six && f.addr.IsValid() {
		c.Printf("    inet %s %sscope %s %s\n       valid_lft forever preferred_lft forever\n", f.addr, broadcast, scope, f.name)
	}
	if addr && !four && f.addr6.IsValid() {
		c.Printf("    inet6 %s scope global \n       valid_lft forever preferred_lft forever\n", f.addr6)
	}
}

func ifconfig(c *prog.Ctx) int {
	args := c.Args
	if len(args) > 0 && args[0] == "-a" {
		args = args[1:]
	}
	all := ifaces(c)
	slices.SortStableFunc(all, func(a, b iface) int { return strings.Compare(a.name, b.name) })
	if len(args) > 0 {
		if len(args) > 1 {
			call := "SIOCSIFADDR"
			if args[1] == "up" || args[1] == "down" {
				call = "SIOCSIFFLAGS"
			}
			c.Errorf("%s: %s: %v\n", c.Name, call, linux.EPERM)
			return 1
		}
		if !slices.ContainsFunc(all, func(f iface) bool { return f.name == args[0] }) {
			if c.GNU() {
				c.Errorf("%s: error fetching interface information: Device not found\n", args[0])
			} else {
				c.Errorf("ifconfig: %s: error fetching interface information: Device not found\n", args[0])
			}
			return 1
		}
		all = slices.DeleteFunc(all, func(f iface) bool { return f.name != args[0] })
	}
	for _, f := range all {
		if c.GNU() {
			if f.loopback {
				c.Printf("%s: flags=73<UP,LOOPBACK,RUNNING>  mtu 65536\n        inet %s  netmask %s\n        loop  txqueuelen 1000  (Local Loopback)\n", f.name, f.addr.Addr(), mask(f.addr))
			} else {
				c.Printf("%s: flags=4163<UP,BROADCAST,RUNNING,MULTICAST>  mtu %d\n        inet %s  netmask %s  broadcast %s\n        ether %s  txqueuelen 0  (Ethernet)\n", f.name, f.mtu, f.addr.Addr(), mask(f.addr), f.broadcast(), f.mac)
			}
			c.Print("        RX packets 0  bytes 0 (0.0 B)\n        RX errors 0  dropped 0  overruns 0  frame 0\n        TX packets 0  bytes 0 (0.0 B)\n        TX errors 0  dropped 0 overruns 0  carrier 0  collisions 0\n\n")
			continue
		}
		if f.loopback {
			c.Printf("%-9s Link encap:Local Loopback  \n          inet addr:%s  Mask:%s\n          UP LOOPBACK RUNNING  MTU:65536  Metric:1\n", f.name, f.addr.Addr(), mask(f.addr))
		} else {
			c.Printf("%-9s Link encap:Ethernet  HWaddr %s  \n          inet addr:%s  Bcast:%s  Mask:%s\n          UP BROADCAST RUNNING MULTICAST  MTU:%d  Metric:1\n", f.name, strings.ToUpper(f.mac), f.addr.Addr(), f.broadcast(), mask(f.addr), f.mtu)
		}
		queue := 0
		if f.loopback {
			queue = 1000
		}
		c.Printf("          RX packets:0 errors:0 dropped:0 overruns:0 frame:0\n          TX packets:0 errors:0 dropped:0 overruns:0 carrier:0\n          collisions:0 txqueuelen:%d \n          RX bytes:0 (0.0 B)  TX bytes:0 (0.0 B)\n\n", queue)
	}
	return 0
}

func route(c *prog.Ctx) int {
	numeric := false
	for o := range c.Getopt("A:nee", nil) {
		numeric = numeric || o.Val == 'n'
	}
	if len(c.Args) > 0 {
		c.Errorf("SIOCADDRT: %v\n", linux.EPERM)
		return 1
	}
	c.Print("Kernel IP routing table\nDestination     Gateway         Genmask         Flags Metric Ref    Use Iface\n")
	routes(c, numeric, func(dest, gw, mask, flags, dev string) {
		c.Printf("%-15s %-15s %-15s %-5s %-6d %-2d %7d %s\n", dest, gw, mask, flags, 0, 0, 0, dev)
	})
	return 0
}

// routes gives the routing table line by line.
func routes(c *prog.Ctx, numeric bool, line func(dest, gw, mask, flags, dev string)) {
	all := ifaces(c)
	for _, f := range all {
		if f.gateway.IsValid() {
			dest := "default"
			if numeric {
				dest = "0.0.0.0"
			}
			line(dest, f.gateway.String(), "0.0.0.0", "UG", f.name)
			break
		}
	}
	for _, f := range all {
		if f.loopback || !f.addr.IsValid() {
			continue
		}
		gw := "*"
		if numeric || c.GNU() {
			gw = "0.0.0.0"
		}
		line(f.addr.Masked().Addr().String(), gw, mask(f.addr), "U", f.name)
	}
}

func netstat(c *prog.Ctx) int {
	listening, all, tcp, udp, unix, numeric, table := false, false, false, false, false, false, false
	short := "laentuwxr"
	if c.GNU() {
		short = "laentuwxrWpiscvN46"
	}
	for o := range c.Getopt(short, []prog.Long{{Name: "listening", Val: 'l'}, {Name: "all", Val: 'a'}, {Name: "tcp", Val: 't'}, {Name: "udp", Val: 'u'}, {Name: "numeric", Val: 'n'}, {Name: "route", Val: 'r'}, {Name: "programs", Val: 'p'}}) {
		switch o.Val {
		case 'l':
			listening = true
		case 'a':
			all = true
		case 't':
			tcp = true
		case 'u':
			udp = true
		case 'x':
			unix = true
		case 'n':
			numeric = true
		case 'r':
			table = true
		}
	}
	if table {
		c.Print("Kernel IP routing table\nDestination     Gateway         Genmask         Flags   MSS Window  irtt Iface\n")
		routes(c, numeric, func(dest, gw, mask, flags, dev string) {
			c.Printf("%-15s %-15s %-15s %-7s %5d %-5d %6d %s\n", dest, gw, mask, flags, 0, 0, 0, dev)
		})
		return 0
	}
	if !tcp && !udp && !unix {
		tcp, udp, unix = true, true, true
	}
	if tcp || udp {
		what := "w/o servers"
		switch {
		case listening:
			what = "only servers"
		case all:
			what = "servers and established"
		}
		c.Printf("Active Internet connections (%s)\nProto Recv-Q Send-Q Local Address           Foreign Address         State       \n", what)
		if tcp && (listening || all) {
			for _, a := range c.Sandbox().Net().Listening() {
				proto, local := "tcp", a.String()
				star := "0.0.0.0:*"
				if a.Addr().Is6() {
					proto, local, star = "tcp6", strings.Trim(a.Addr().String(), "[]")+":"+strconv.Itoa(int(a.Port())), ":::*"
					if !c.GNU() {
						proto = "tcp"
					}
				}
				c.Printf("%-4s %6d %6d %-23s %-23s %-12s\n", proto, 0, 0, local, star, "LISTEN")
			}
		}
	}
	if unix && !tcp || unix && tcp && udp && !listening {
		c.Printf("Active UNIX domain sockets (%s)\nProto RefCnt Flags       Type       State         I-Node Path\n", map[bool]string{true: "servers and established", false: "w/o servers"}[all])
	}
	return 0
}

func ss(c *prog.Ctx) int {
	listening, head := false, true
	for o := range c.Getopt("ltunapxHs4r", []prog.Long{{Name: "listening", Val: 'l'}, {Name: "tcp", Val: 't'}, {Name: "udp", Val: 'u'}, {Name: "numeric", Val: 'n'}, {Name: "all", Val: 'a'}, {Name: "processes", Val: 'p'}, {Name: "no-header", Val: 'H'}}) {
		switch o.Val {
		case 'l', 'a':
			listening = true
		case 'H':
			head = false
		}
	}
	if head {
		c.Print("State  Recv-Q Send-Q Local Address:Port Peer Address:PortProcess\n")
	}
	if listening {
		for _, a := range c.Sandbox().Net().Listening() {
			local := a.String()
			c.Printf("LISTEN %-6d %-6d %18s %18s\n", 0, 511, local, map[bool]string{true: "0.0.0.0:*", false: "[::]:*"}[a.Addr().Is4()])
		}
	}
	return 0
}

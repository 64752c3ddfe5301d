package network

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// queryTypes are the records that nslookup can ask for.
var queryTypes = []string{"soa", "ns", "a", "aaaa", "cname", "mx", "txt", "ptr", "srv", "any"}

// nslookup asks the name server for a host's addresses, or for the name of an address. Each record
// type that is asked for has an answer of its own.
func nslookup(c *prog.Ctx) int {
	q := query{c: c}
	args := c.Args
	if c.GNU() {
		for range c.Getopt("", nil) {
		}
		args = c.Args
	} else {
		for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' {
			q.option(strings.TrimLeft(args[0], "-"))
			args = args[1:]
		}
	}
	if len(args) == 0 || len(args) > 2 {
		c.Usage()
	}
	q.name, q.server = args[0], server(c)
	if len(args) > 1 {
		q.server = args[1]
		if addrs, err := addresses(c, q.server); err != nil || len(addrs) == 0 {
			c.Die(1, "bad address '%s'", q.server)
		}
	}
	at := q.server + ":53"
	if c.GNU() {
		at = q.server + "#53"
	}
	addr, err := netip.ParseAddr(q.name)
	numeric := err == nil
	if !numeric && slices.Contains(q.types, "ptr") {
		return q.timeout() // the name is no address: the server does not answer
	}
	c.Printf("Server:\t\t%s\nAddress:\t%s\n\n", q.server, at)
	switch {
	case numeric:
		q.reverse(addr)
	case c.GNU():
		q.host("a")
	case len(q.types) > 0:
		slices.Reverse(q.types) // the answers come in this order
		for _, t := range q.types {
			q.host(t)
		}
	default:
		q.host("a")
		q.host("aaaa")
	}
	return c.Status
}

// query is what one nslookup asks.
type query struct {
	c            *prog.Ctx
	name, server string
	types        []string // asked for by option
	debug        bool
	answered     int
}

// option takes "type=a" and its like. The names of options can be cut short.
func (q *query) option(o string) {
	name, value, given := strings.Cut(o, "=")
	is := func(full string) bool { return name != "" && strings.HasPrefix(full, name) }
	switch {
	case given && (name == "t" || is("type") || is("querytype")):
		value = strings.ToLower(value)
		if !slices.Contains(queryTypes, value) {
			q.c.Die(1, "invalid query type \"%s\"", value)
		}
		q.types = append(q.types, value)
	case given && (is("port") || is("retry") || is("timeout")): // there is one server, which answers
	case !given && is("debug"):
		q.debug = true
	default:
		q.c.Usage()
	}
}

// timeout is what there is to say where no server answers.
func (q *query) timeout() int {
	q.c.Sleep(10 * time.Second)
	q.c.Print(";; connection timed out; no servers could be reached\n\n")
	return 1
}

// answer prints one answer: found are its records, each in its lines.
func (q *query) answer(asked string, known bool, found ...string) {
	if q.debug {
		q.c.Printf("Query #%d completed in 0ms:\n", q.answered)
	}
	q.answered++
	if !known {
		q.c.Status = 1
		q.c.Printf("** server can't find %s: NXDOMAIN\n\n", asked)
		return
	}
	q.c.Print("Non-authoritative answer:\n", strings.Join(found, ""), "\n")
}

// host asks for one type of record of a name.
func (q *query) host(kind string) {
	addrs, err := lookup(q.c, q.name)
	known := err == nil && kind != "any"
	var found []string
	for _, a := range addrs {
		if kind == "a" && a.Is4() || kind == "aaaa" && a.Is6() {
			found = append(found, fmt.Sprintf("Name:\t%s\nAddress: %s\n", strings.TrimSuffix(q.name, "."), a))
		}
	}
	separator := "\n"
	if q.c.GNU() {
		separator = ""
	}
	q.answer(q.name, known, strings.Join(found, separator))
}

// reverse asks for the name of an address.
func (q *query) reverse(a netip.Addr) {
	asked := reverseName(a)
	name := ""
	if r := q.c.Sandbox().Net().Reverser; r != nil {
		name = r(a)
	}
	line := fmt.Sprintf("%s\tname = %s\n", asked, name)
	if q.c.GNU() {
		line = fmt.Sprintf("%s\tname = %s.\n", asked, name)
	}
	q.answer(asked, name != "", line)
}

// reverseName is the name under which the name system knows an address.
func reverseName(a netip.Addr) string {
	var b strings.Builder
	if a.Is4() {
		for _, n := range slices.Backward(a.AsSlice()) {
			fmt.Fprintf(&b, "%d.", n)
		}
		return b.String() + "in-addr.arpa"
	}
	for _, n := range slices.Backward(a.AsSlice()) {
		fmt.Fprintf(&b, "%x.%x.", n&15, n>>4)
	}
	return b.String() + "ip6.arpa"
}

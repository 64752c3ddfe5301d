package accounts

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/userland/prog"
	"github.com/dockerlab/dockerlab/sim/userland/userdb"
)

// getent asks a database by key, or lists it.
func getent(c *prog.Ctx) int {
	if !c.GNU() {
		return getentMusl(c)
	}
	for o := range c.GetoptOnly("s:i", []prog.Long{{Name: "service", Arg: prog.ReqArg, Val: 's'}, {Name: "no-idn", Val: 'i'}, {Name: "help", Val: prog.LongOnly}, {Name: "usage", Val: prog.LongOnly}, {Name: "version", Val: prog.LongOnly + 1}}) {
		switch o.Val {
		case prog.LongOnly:
			c.Print(c.HelpText())
			return 0
		case prog.LongOnly + 1:
			c.Version()
		}
	}
	if len(c.Args) == 0 {
		c.Errorf("%s: wrong number of arguments\nTry `%s --help' or `%s --usage' for more information.\n", c.Name, c.Name, c.Name)
		return 1
	}
	return lookup(c, c.Args[0], c.Args[1:])
}

// getentMusl is the script of that name in alpine, which knows the same databases.
func getentMusl(c *prog.Ctx) int {
	if len(c.Args) == 0 {
		c.Errorf("Usage: %s database key...\n", c.Name)
		return 1
	}
	return lookup(c, c.Args[0], c.Args[1:])
}

// lookup is 0 if every key was found, 1 for an unknown database, 2 for a missing key.
func lookup(c *prog.Ctx, database string, keys []string) int {
	db := userdb.Load(c)
	switch database {
	case "passwd":
		if len(keys) == 0 {
			for _, u := range db.Users {
				c.Print(u.String(), "\n")
			}
		}
		for _, k := range keys {
			u, ok := db.User(k)
			if n, err := strconv.ParseUint(k, 10, 32); err == nil {
				u, ok = db.UID(uint32(n))
			}
			if !ok {
				c.Status = 2
				continue
			}
			c.Print(u.String(), "\n")
		}
	case "group":
		if len(keys) == 0 {
			for _, g := range db.Groups {
				c.Print(g.String(), "\n")
			}
		}
		for _, k := range keys {
			g, ok := db.Group(k)
			if n, err := strconv.ParseUint(k, 10, 32); err == nil {
				g, ok = db.GID(uint32(n))
			}
			if !ok {
				c.Status = 2
				continue
			}
			c.Print(g.String(), "\n")
		}
	case "initgroups":
		for _, k := range keys {
			u, ok := db.User(k)
			c.Printf("%-21s", k)
			if ok {
				for _, g := range db.GroupList(k, u.GID)[1:] {
					c.Printf(" %d", g)
				}
			}
			c.Print("\n")
		}
	case "shadow", "gshadow":
		b, err := c.ReadFile("/etc/" + database)
		if err != nil {
			return 2
		}
		lines := strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
		if len(keys) == 0 {
			for _, l := range lines {
				c.Print(l, "\n")
			}
		}
		for _, k := range keys {
			i := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, k+":") })
			if i < 0 {
				return 2
			}
			c.Print(lines[i], "\n")
		}
	case "hosts", "ahosts", "ahostsv4", "ahostsv6":
		return hosts(c, database, keys)
	case "services", "protocols", "networks", "rpc", "ethers", "aliases", "netgroup":
		return etcTable(c, database, keys)
	default:
		c.Errorf("Unknown database: %s\nTry `%s --help' or `%s --usage' for more information.\n", database, c.Name, c.Name)
		return 1
	}
	return c.Status
}

func hosts(c *prog.Ctx, database string, keys []string) int {
	if len(keys) == 0 {
		b, _ := c.ReadFile("/etc/hosts")
		for line := range strings.Lines(string(b)) {
			line, _, _ = strings.Cut(line, "#")
			if f := strings.Fields(line); len(f) > 1 {
				c.Printf("%-15s %s\n", f[0], strings.Join(f[1:], " "))
			}
		}
		return 0
	}
	for _, k := range keys {
		addrs, err := c.Resolve(k)
		if err != nil || len(addrs) == 0 {
			return 2
		}
		if database == "hosts" {
			names := []string{k}
			if a, err := netip.ParseAddr(k); err == nil {
				if names = c.ReverseNames(a); len(names) == 0 {
					return 2
				}
			}
			// The newer kind of address is asked for first, and the older only where there is none.
			if newer := slices.DeleteFunc(slices.Clone(addrs), netip.Addr.Is4); len(newer) > 0 {
				addrs = newer
			}
			for _, a := range addrs {
				line := names
				if all := c.ReverseNames(a); slices.Contains(all, k) {
					line = all // the whole line of /etc/hosts
				}
				c.Printf("%-15s %s\n", a, strings.Join(line, " "))
			}
			continue
		}
		for _, a := range addrs {
			if database == "ahostsv4" && !a.Is4() || database == "ahostsv6" && a.Is4() {
				continue
			}
			for i, kind := range []string{"STREAM", "DGRAM", "RAW"} {
				name := ""
				if i == 0 {
					name = k
				}
				c.Printf("%-15s %-6s %s\n", a, kind, name)
			}
		}
	}
	return 0
}

// etcTable looks a name up in /etc/services and its like.
func etcTable(c *prog.Ctx, database string, keys []string) int {
	b, err := c.ReadFile("/etc/" + database)
	if err != nil {
		return 2
	}
	show := func(f []string) {
		c.Printf("%-21s %s", f[0], f[1])
		for _, alias := range f[2:] {
			c.Print(" ", alias)
		}
		c.Print("\n")
	}
	found := map[string]bool{}
	for line := range strings.Lines(string(b)) {
		line, _, _ = strings.Cut(line, "#")
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		if len(keys) == 0 {
			show(f)
			continue
		}
		for _, k := range keys {
			number, _, _ := strings.Cut(f[1], "/")
			if !found[k] && (f[0] == k || number == k || f[1] == k || slices.Contains(f[2:], k)) {
				found[k] = true
				show(f)
			}
		}
	}
	if len(found) < len(keys) {
		return 2
	}
	return 0
}

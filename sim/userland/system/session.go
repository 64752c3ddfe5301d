package system

import (
	"strings"

	"github.com/dockerlab/dockerlab/sim/userland/prog"
	"github.com/dockerlab/dockerlab/sim/userland/userdb"
)

// The programs that tell who is logged in. Nobody logs in to a container: there is no
// /run/utmp, so that what they list is empty and only their headings are left.

const (
	whoIPs = prog.LongOnly + iota
	whoLookup
)

var whoLong = []prog.Long{
	{Name: "all", Val: 'a'}, {Name: "boot", Val: 'b'}, {Name: "count", Val: 'q'}, {Name: "dead", Val: 'd'}, {Name: "heading", Val: 'H'},
	{Name: "ips", Val: whoIPs}, {Name: "login", Val: 'l'}, {Name: "lookup", Val: whoLookup}, {Name: "message", Val: 'T'}, {Name: "mesg", Val: 'T'},
	{Name: "process", Val: 'p'}, {Name: "runlevel", Val: 'r'}, {Name: "short", Val: 's'}, {Name: "time", Val: 't'}, {Name: "users", Val: 'u'}, {Name: "writable", Val: 'T'},
}

func who(c *prog.Ctx) int {
	var heading, count, idle, state bool
	if !c.GNU() {
		for o := range c.Getopt("aH", nil) {
			heading = heading || o.Val == 'H'
		}
		if heading {
			c.Print("USER\t\tTTY\t\tIDLE\tTIME\t\t HOST\n")
		}
		return 0
	}
	for o := range c.Getopt("abdlmpqrstuwHT", whoLong) {
		switch o.Val {
		case 'H':
			heading = true
		case 'q':
			count = true
		case 'u', 'l', 'd':
			idle = true
		case 'T', 'w':
			state = true
		case 'a':
			idle, state = true, true
		}
	}
	c.AtMost(2)
	switch {
	case count:
		c.Print("\n# users=0\n")
	case heading:
		c.Print("NAME     ")
		if state {
			c.Print("  ")
		}
		c.Print("LINE         TIME         ")
		if idle {
			c.Print("IDLE          PID ")
		}
		c.Print("COMMENT\n")
	}
	return 0
}

func users(c *prog.Ctx) int {
	for range c.Getopt("", nil) {
	}
	c.AtMost(1)
	return 0
}

// pinky lists sessions, of which there are none, or with -l tells what is known of users.
func pinky(c *prog.Ctx) int {
	var long, noHome, noProject, noPlan, noHeading bool
	name, where, idle := true, true, true
	for o := range c.Getopt("sfwiqbhlp", nil) {
		switch o.Val {
		case 'l':
			long = true
		case 's':
			long = false
		case 'f':
			noHeading = true
		case 'w':
			name = false
		case 'i':
			name, where = false, false
		case 'q':
			name, where, idle = false, false, false
		case 'b':
			noHome = true
		case 'h':
			noProject = true
		case 'p':
			noPlan = true
		}
	}
	if long {
		if len(c.Args) == 0 {
			c.Warn("no username specified; at least one must be specified when using -l")
			c.Usage()
		}
		db := userdb.Load(c)
		for _, login := range c.Args {
			c.Printf("Login name: %-28sIn real life: ", login)
			u, ok := db.User(login)
			if !ok {
				c.Print(" ???\n")
				continue
			}
			real, _, _ := strings.Cut(u.Gecos, ",")
			c.Print(" ", strings.ReplaceAll(real, "&", login), "\n")
			if !noHome {
				c.Printf("Directory: %-29sShell:  %s\n", u.Home, u.Shell)
			}
			for _, about := range []struct {
				skip        bool
				file, title string
			}{{noProject, ".project", "Project: "}, {noPlan, ".plan", "Plan:\n"}} {
				if text, err := c.ReadFile(prog.JoinPath(u.Home, about.file)); err == nil && !about.skip {
					c.Print(about.title, string(text))
				}
			}
			c.Print("\n")
		}
		return 0
	}
	if noHeading {
		return 0
	}
	c.Printf("%-8s", "Login")
	if name {
		c.Printf(" %-19s", "Name")
	}
	c.Printf(" %-9s", " TTY")
	if idle {
		c.Printf(" %-6s", "Idle")
	}
	c.Printf(" %-12s", "When")
	if where {
		c.Printf(" %s", "Where")
	}
	c.Print("\n")
	return 0
}

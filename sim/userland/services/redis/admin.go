package redis

import (
	"fmt"
	"strconv"
	"strings"
)

var adminCommands = map[string]command{
	"ping":     {1, 2, pingCommand},
	"echo":     {2, 2, func(c *client, a []string) reply { return a[1] }},
	"quit":     {1, 0, func(c *client, a []string) reply { c.closing = true; return ok }},
	"select":   {2, 2, selectCommand},
	"save":     {1, 1, saveCommand},
	"bgsave":   {1, 2, bgsaveCommand},
	"lastsave": {1, 1, func(c *client, a []string) reply { return c.s.saved.Unix() }},
	"time":     {1, 1, timeCommand},
	"info":     {1, 0, func(c *client, a []string) reply { return c.s.info(a[1:]) }},
	"config":   {2, 0, configure},
	"client":   {2, 0, clientCommand},
	"command":  {1, 0, commandCommand},
	"shutdown": {1, 0, shutdownCommand},
	"auth":     {2, 3, authCommand},
}

func pingCommand(c *client, a []string) reply {
	if len(a) == 2 {
		return a[1]
	}
	return simple("PONG")
}

func selectCommand(c *client, a []string) reply {
	n, err := strconv.Atoi(a[1])
	if err != nil {
		return notInt
	}
	if n < 0 || n >= len(c.s.dbs) {
		return fault("ERR DB index is out of range")
	}
	c.dbNum = n
	return ok
}

func saveCommand(c *client, a []string) reply {
	if err := c.s.save(); err != nil {
		return fault("ERR")
	}
	return ok
}

func bgsaveCommand(c *client, a []string) reply {
	c.s.background()
	return simple("Background saving started")
}

func timeCommand(c *client, a []string) reply {
	t := c.s.now()
	return []string{strconv.FormatInt(t.Unix(), 10), strconv.Itoa(t.Nanosecond() / 1000)}
}

func clientCommand(c *client, a []string) reply {
	switch strings.ToLower(a[1]) {
	case "list", "info":
		return fmt.Sprintf("id=%d addr=%s laddr=%s fd=8 name=%s age=%d idle=0 flags=N db=%d\n", c.id, c.peer, c.local, c.name, int(c.s.now().Sub(c.since).Seconds()), c.dbNum)
	case "setname":
		if len(a) != 3 {
			break
		}
		c.name = a[2]
		return ok
	case "getname":
		if c.name == "" {
			return nil
		}
		return c.name
	case "id":
		return c.id
	}
	return fault("ERR unknown subcommand or wrong number of arguments for '" + a[1] + "'. Try CLIENT HELP.")
}

func commandCommand(c *client, a []string) reply {
	if len(a) > 1 && strings.EqualFold(a[1], "count") {
		return len(commands)
	}
	return []reply{}
}

func shutdownCommand(c *client, a []string) reply {
	save := !(len(a) > 1 && strings.EqualFold(a[1], "nosave"))
	c.s.log('#', "User requested shutdown...")
	c.s.stop(save)
	c.closing = true
	return nil
}

func authCommand(c *client, a []string) reply {
	pass := c.s.conf["requirepass"]
	switch {
	case pass == "":
		return fault("ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?")
	case a[len(a)-1] != pass:
		return fault("WRONGPASS invalid username-password pair or user is disabled.")
	}
	c.authed = true
	return ok
}

func configure(c *client, a []string) reply {
	switch strings.ToLower(a[1]) {
	case "get":
		if len(a) < 3 {
			return fault("ERR wrong number of arguments for 'config|get' command")
		}
		out := []string{}
		for _, k := range keysOf(c.s.conf) {
			for _, p := range a[2:] {
				if glob(strings.ToLower(p), k) {
					out = append(out, k, c.s.conf[k])
					break
				}
			}
		}
		return out
	case "set":
		if len(a) < 4 || len(a)%2 != 0 {
			return fault("ERR wrong number of arguments for 'config|set' command")
		}
		for i := 2; i < len(a); i += 2 {
			if _, known := c.s.conf[strings.ToLower(a[i])]; !known {
				return fault(fmt.Sprintf("ERR Unknown option or number of arguments for CONFIG SET - '%s'", a[i]))
			}
		}
		for i := 2; i < len(a); i += 2 {
			c.s.conf[strings.ToLower(a[i])] = a[i+1]
		}
		return ok
	case "resetstat", "rewrite":
		return ok
	}
	return fault("ERR unknown subcommand '" + a[1] + "'. Try CONFIG HELP.")
}

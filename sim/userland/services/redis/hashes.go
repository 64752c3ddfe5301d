package redis

import (
	"strconv"
)

var hashCommands = map[string]command{
	"hset":    {4, 0, hsetCommand},
	"hmset":   {4, 0, hmsetCommand},
	"hget":    {3, 3, hgetCommand},
	"hmget":   {3, 0, hmgetCommand},
	"hgetall": {2, 2, hgetallCommand},
	"hkeys":   {2, 2, hkeysCommand},
	"hvals":   {2, 2, hvalsCommand},
	"hlen":    {2, 2, hlenCommand},
	"hexists": {3, 3, hexistsCommand},
	"hdel":    {3, 0, hdelCommand},
	"hincrby": {4, 4, hincrbyCommand},
}

func hsetCommand(c *client, a []string) reply {
	if len(a)%2 != 0 {
		return fault("ERR wrong number of arguments for 'hset' command")
	}
	h, okay := at(c, a[1], func() hash { return hash{} })
	if !okay {
		return wrongType
	}
	n := 0
	for i := 2; i < len(a); i += 2 {
		if _, have := h[a[i]]; !have {
			n++
		}
		h[a[i]] = a[i+1]
	}
	c.s.dirty++
	return n
}

func hmsetCommand(c *client, a []string) reply {
	if r, bad := hsetCommand(c, a).(fault); bad {
		return r
	}
	return ok
}

func hgetCommand(c *client, a []string) reply {
	h, okay := at[hash](c, a[1], nil)
	if !okay {
		return wrongType
	}
	if s, have := h[a[2]]; have {
		return s
	}
	return nil
}

func hmgetCommand(c *client, a []string) reply {
	h, okay := at[hash](c, a[1], nil)
	if !okay {
		return wrongType
	}
	var out []reply
	for _, f := range a[2:] {
		if s, have := h[f]; have {
			out = append(out, s)
		} else {
			out = append(out, nil)
		}
	}
	return out
}

func hgetallCommand(c *client, a []string) reply {
	h, okay := at[hash](c, a[1], nil)
	if !okay {
		return wrongType
	}
	out := []string{}
	for _, k := range keysOf(h) {
		out = append(out, k, h[k])
	}
	return out
}

func hkeysCommand(c *client, a []string) reply {
	h, okay := at[hash](c, a[1], nil)
	if !okay {
		return wrongType
	}
	return keysOf(h)
}

func hvalsCommand(c *client, a []string) reply {
	h, okay := at[hash](c, a[1], nil)
	if !okay {
		return wrongType
	}
	out := []string{}
	for _, k := range keysOf(h) {
		out = append(out, h[k])
	}
	return out
}

func hlenCommand(c *client, a []string) reply {
	h, okay := at[hash](c, a[1], nil)
	if !okay {
		return wrongType
	}
	return len(h)
}

func hexistsCommand(c *client, a []string) reply {
	h, okay := at[hash](c, a[1], nil)
	if !okay {
		return wrongType
	}
	if _, have := h[a[2]]; have {
		return 1
	}
	return 0
}

func hdelCommand(c *client, a []string) reply {
	h, okay := at[hash](c, a[1], nil)
	if !okay {
		return wrongType
	}
	n := 0
	for _, f := range a[2:] {
		if _, have := h[f]; have {
			delete(h, f)
			n++
		}
	}
	if h != nil {
		c.dropIfEmpty(a[1], len(h))
	}
	c.s.dirty += n
	return n
}

func hincrbyCommand(c *client, a []string) reply {
	h, okay := at(c, a[1], func() hash { return hash{} })
	if !okay {
		return wrongType
	}
	by, err := strconv.ParseInt(a[3], 10, 64)
	if err != nil {
		return notInt
	}
	n := int64(0)
	if s, have := h[a[2]]; have {
		if n, err = strconv.ParseInt(s, 10, 64); err != nil {
			return fault("ERR hash value is not an integer")
		}
	}
	h[a[2]] = strconv.FormatInt(n+by, 10)
	c.s.dirty++
	return n + by
}

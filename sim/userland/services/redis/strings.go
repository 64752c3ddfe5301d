package redis

import (
	"math"
	"strconv"
	"strings"
	"time"
)

var stringCommands = map[string]command{
	"set":         {3, 0, setCommand},
	"setex":       {4, 4, setexCommand},
	"setnx":       {3, 3, setnxCommand},
	"get":         {2, 2, getCommand},
	"getset":      {3, 3, getsetCommand},
	"getdel":      {2, 2, getdelCommand},
	"mset":        {3, 0, msetCommand},
	"mget":        {2, 0, mgetCommand},
	"append":      {3, 3, appendCommand},
	"strlen":      {2, 2, strlenCommand},
	"getrange":    {4, 4, getrangeCommand},
	"incr":        {2, 2, incr(1, false)},
	"decr":        {2, 2, incr(-1, false)},
	"incrby":      {3, 3, incr(1, true)},
	"decrby":      {3, 3, incr(-1, true)},
	"incrbyfloat": {3, 3, incrbyfloatCommand},
}

// incr makes the command that adds 1, or with by the number in its argument, to a key's number.
func incr(sign int64, by bool) func(c *client, a []string) reply {
	return func(c *client, a []string) reply {
		n := int64(1)
		if by {
			var err error
			if n, err = strconv.ParseInt(a[2], 10, 64); err != nil {
				return notInt
			}
		}
		return add(c, a[1], sign*n)
	}
}

func setCommand(c *client, a []string) reply {
	var nx, xx, keep, get bool
	var until time.Time
	for i := 3; i < len(a); i++ {
		switch o := strings.ToUpper(a[i]); o {
		case "NX":
			nx = true
		case "XX":
			xx = true
		case "KEEPTTL":
			keep = true
		case "GET":
			get = true
		case "EX", "PX":
			if i++; i == len(a) {
				return syntax
			}
			n, err := strconv.ParseInt(a[i], 10, 64)
			if err != nil {
				return notInt
			}
			if n <= 0 {
				return fault("ERR invalid expire time in 'set' command")
			}
			unit := time.Second
			if o == "PX" {
				unit = time.Millisecond
			}
			until = c.s.now().Add(time.Duration(n) * unit)
		default:
			return syntax
		}
	}
	old := c.get(a[1])
	var before reply
	if get && old != nil {
		s, okay := old.v.(string)
		if !okay {
			return wrongType
		}
		before = s
	}
	if nx && old != nil || xx && old == nil {
		return before
	}
	v := &value{v: a[2], expire: until}
	if keep && old != nil {
		v.expire = old.expire
	}
	c.db()[a[1]] = v
	c.s.dirty++
	if get {
		return before
	}
	return ok
}

func setexCommand(c *client, a []string) reply {
	n, err := strconv.ParseInt(a[2], 10, 64)
	if err != nil {
		return notInt
	}
	if n <= 0 {
		return fault("ERR invalid expire time in 'setex' command")
	}
	c.db()[a[1]] = &value{v: a[3], expire: c.s.now().Add(time.Duration(n) * time.Second)}
	c.s.dirty++
	return ok
}

func setnxCommand(c *client, a []string) reply {
	if c.get(a[1]) != nil {
		return 0
	}
	c.put(a[1], a[2])
	return 1
}

func getCommand(c *client, a []string) reply {
	s, found, e := str(c, a[1])
	if e != nil || !found {
		return e
	}
	return s
}

func getsetCommand(c *client, a []string) reply {
	s, found, e := str(c, a[1])
	if e != nil {
		return e
	}
	c.db()[a[1]] = &value{v: a[2]}
	c.s.dirty++
	if !found {
		return nil
	}
	return s
}

func getdelCommand(c *client, a []string) reply {
	s, found, e := str(c, a[1])
	if e != nil || !found {
		return e
	}
	delete(c.db(), a[1])
	c.s.dirty++
	return s
}

func msetCommand(c *client, a []string) reply {
	if len(a)%2 == 0 {
		return fault("ERR wrong number of arguments for 'mset' command")
	}
	for i := 1; i < len(a); i += 2 {
		c.db()[a[i]] = &value{v: a[i+1]}
	}
	c.s.dirty++
	return ok
}

func mgetCommand(c *client, a []string) reply {
	var out []reply
	for _, k := range a[1:] {
		if s, found, e := str(c, k); found && e == nil {
			out = append(out, s)
		} else {
			out = append(out, nil)
		}
	}
	return out
}

func appendCommand(c *client, a []string) reply {
	s, _, e := str(c, a[1])
	if e != nil {
		return e
	}
	if len(s)+len(a[2]) > maxBulk {
		return fault("ERR string exceeds maximum allowed size (proto-max-bulk-len)")
	}
	c.put(a[1], s+a[2])
	return len(s) + len(a[2])
}

func strlenCommand(c *client, a []string) reply {
	s, _, e := str(c, a[1])
	if e != nil {
		return e
	}
	return len(s)
}

func getrangeCommand(c *client, a []string) reply {
	s, _, e := str(c, a[1])
	if e != nil {
		return e
	}
	i, j, e := span(a[2], a[3], len(s))
	if e != nil {
		return e
	}
	return s[i:j]
}

func incrbyfloatCommand(c *client, a []string) reply {
	s, _, e := str(c, a[1])
	if e != nil {
		return e
	}
	if s == "" {
		s = "0"
	}
	x, err1 := strconv.ParseFloat(s, 64)
	y, err2 := strconv.ParseFloat(a[2], 64)
	if err1 != nil || err2 != nil {
		return notFloat
	}
	out := shortNumber(x + y)
	c.put(a[1], out)
	return out
}

func str(c *client, key string) (string, bool, reply) {
	v := c.get(key)
	if v == nil {
		return "", false, nil
	}
	s, ok := v.v.(string)
	if !ok {
		return "", false, wrongType
	}
	return s, true, nil
}

func add(c *client, key string, by int64) reply {
	s, _, e := str(c, key)
	if e != nil {
		return e
	}
	n := int64(0)
	if s != "" {
		var err error
		if n, err = strconv.ParseInt(s, 10, 64); err != nil {
			return notInt
		}
	}
	if by > 0 && n > math.MaxInt64-by || by < 0 && n < math.MinInt64-by {
		return fault("ERR increment or decrement would overflow")
	}
	c.put(key, strconv.FormatInt(n+by, 10))
	return n + by
}

package redis

import (
	"strconv"
	"strings"
	"time"
)

var keyCommands = map[string]command{
	"del":       {2, 0, deleteKeys},
	"unlink":    {2, 0, deleteKeys},
	"exists":    {2, 0, existsCommand},
	"type":      {2, 2, typeCommand},
	"keys":      {2, 2, keysCommand},
	"scan":      {2, 0, scanCommand},
	"randomkey": {1, 1, randomkeyCommand},
	"rename":    {3, 3, renameCommand},
	"dbsize":    {1, 1, func(c *client, a []string) reply { return len(c.db()) }},
	"flushdb":   {1, 2, flushdbCommand},
	"flushall":  {1, 2, flushallCommand},
	"expire":    {3, 4, expire(time.Second, false)},
	"pexpire":   {3, 4, expire(time.Millisecond, false)},
	"expireat":  {3, 4, expire(time.Second, true)},
	"pexpireat": {3, 4, expire(time.Millisecond, true)},
	"ttl":       {2, 2, func(c *client, a []string) reply { return c.ttl(a[1], time.Second) }},
	"pttl":      {2, 2, func(c *client, a []string) reply { return c.ttl(a[1], time.Millisecond) }},
	"persist":   {2, 2, persistCommand},
	"object":    {2, 3, objectCommand},
}

// expire makes the command that lets a key end after a time in units, or with absolute at one.
func expire(unit time.Duration, absolute bool) func(c *client, a []string) reply {
	return func(c *client, a []string) reply {
		n, err := strconv.ParseInt(a[2], 10, 64)
		if err != nil {
			return notInt
		}
		if absolute {
			return c.expireAt(a[1], time.Unix(0, 0).Add(time.Duration(n)*unit))
		}
		return c.expireAt(a[1], c.s.now().Add(time.Duration(n)*unit))
	}
}

func existsCommand(c *client, a []string) reply {
	n := 0
	for _, k := range a[1:] {
		if c.get(k) != nil {
			n++
		}
	}
	return n
}

func typeCommand(c *client, a []string) reply {
	if v := c.get(a[1]); v != nil {
		return simple(typeOf(v.v))
	}
	return simple("none")
}

func keysCommand(c *client, a []string) reply {
	out := []string{}
	for _, k := range keysOf(c.db()) {
		if c.get(k) != nil && glob(a[1], k) {
			out = append(out, k)
		}
	}
	return out
}

func scanCommand(c *client, a []string) reply {
	pattern := "*"
	for i := 2; i+1 < len(a); i += 2 {
		if strings.EqualFold(a[i], "match") {
			pattern = a[i+1]
		}
	}
	out := []reply{}
	for _, k := range keysOf(c.db()) {
		if c.get(k) != nil && glob(pattern, k) {
			out = append(out, k)
		}
	}
	return []reply{"0", out}
}

func randomkeyCommand(c *client, a []string) reply {
	ks := keysOf(c.db())
	if len(ks) == 0 {
		return nil
	}
	return ks[c.s.p.Kernel().Rand().IntN(len(ks))]
}

func renameCommand(c *client, a []string) reply {
	v := c.get(a[1])
	if v == nil {
		return fault("ERR no such key")
	}
	delete(c.db(), a[1])
	c.db()[a[2]] = v
	c.s.dirty++
	return ok
}

func flushdbCommand(c *client, a []string) reply {
	c.s.dirty += len(c.db())
	c.s.dbs[c.dbNum] = database{}
	return ok
}

func flushallCommand(c *client, a []string) reply {
	for i := range c.s.dbs {
		c.s.dbs[i] = database{}
	}
	c.s.dirty++
	return ok
}

func persistCommand(c *client, a []string) reply {
	if v := c.get(a[1]); v != nil && !v.expire.IsZero() {
		v.expire = time.Time{}
		return 1
	}
	return 0
}

func objectCommand(c *client, a []string) reply {
	if !strings.EqualFold(a[1], "encoding") || len(a) != 3 {
		return fault("ERR unknown subcommand or wrong number of arguments for '" + a[1] + "'. Try OBJECT HELP.")
	}
	v := c.get(a[2])
	if v == nil {
		return nil
	}
	switch x := v.v.(type) {
	case string:
		if _, err := strconv.ParseInt(x, 10, 64); err == nil {
			return "int"
		}
		if len(x) <= 44 {
			return "embstr"
		}
		return "raw"
	case *list:
		return "quicklist"
	case set:
		return "hashtable"
	}
	return "listpack"
}

// glob is redis's pattern matching: * ? [a-z] [^a] and backslash.
func glob(p, s string) bool {
	for p != "" {
		switch p[0] {
		case '*':
			for len(p) > 1 && p[1] == '*' {
				p = p[1:]
			}
			if len(p) == 1 {
				return true
			}
			for i := 0; i <= len(s); i++ {
				if glob(p[1:], s[i:]) {
					return true
				}
			}
			return false
		case '?':
			if s == "" {
				return false
			}
		case '[':
			if s == "" {
				return false
			}
			end := strings.IndexByte(p, ']')
			if end < 0 {
				return false
			}
			in := p[1:end]
			not := strings.HasPrefix(in, "^")
			in = strings.TrimPrefix(in, "^")
			hit := false
			for i := 0; i < len(in); i++ {
				if i+2 < len(in) && in[i+1] == '-' {
					hit = hit || in[i] <= s[0] && s[0] <= in[i+2]
					i += 2
				} else {
					hit = hit || in[i] == s[0]
				}
			}
			if hit == not {
				return false
			}
			p = p[end:]
		case '\\':
			if len(p) > 1 {
				p = p[1:]
			}
			fallthrough
		default:
			if s == "" || s[0] != p[0] {
				return false
			}
		}
		p, s = p[1:], s[1:]
	}
	return s == ""
}

func (c *client) expireAt(key string, when time.Time) reply {
	v := c.get(key)
	if v == nil {
		return 0
	}
	c.s.dirty++
	if !c.s.now().Before(when) {
		delete(c.db(), key)
		return 1
	}
	v.expire = when
	return 1
}

func (c *client) ttl(key string, unit time.Duration) reply {
	v := c.get(key)
	switch {
	case v == nil:
		return -2
	case v.expire.IsZero():
		return -1
	}
	return int64((v.expire.Sub(c.s.now()) + unit/2) / unit)
}

func typeOf(v any) string {
	switch v.(type) {
	case string:
		return "string"
	case *list:
		return "list"
	case set:
		return "set"
	case hash:
		return "hash"
	case zset:
		return "zset"
	}
	return "none"
}

func deleteKeys(c *client, a []string) reply {
	n := 0
	for _, k := range a[1:] {
		if c.get(k) != nil {
			delete(c.db(), k)
			n++
		}
	}
	c.s.dirty += n
	return n
}

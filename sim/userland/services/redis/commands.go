package redis

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
)

// value is what a key holds: string, *list, set, hash or zset.
type value struct {
	v      any
	expire time.Time // zero: never
}

type (
	list struct{ items []string }
	set  map[string]struct{}
	hash map[string]string
	zset map[string]float64
)

type database map[string]*value

const (
	wrongType = fault("WRONGTYPE Operation against a key holding the wrong kind of value")
	notInt    = fault("ERR value is not an integer or out of range")
	notFloat  = fault("ERR value is not a valid float")
	syntax    = fault("ERR syntax error")
)

// command is one command: least and most arguments with its own name (most 0: no bound).
type command struct {
	least, most int
	run         func(c *client, a []string) reply
}

func (c *client) db() database { return c.s.dbs[c.dbNum] }

// get is the value of a key that has not expired.
func (c *client) get(key string) *value {
	v := c.db()[key]
	if v != nil && !v.expire.IsZero() && !c.s.now().Before(v.expire) {
		delete(c.db(), key)
		return nil
	}
	return v
}

func (c *client) put(key string, v any) {
	if old := c.get(key); old != nil {
		old.v = v
	} else {
		c.db()[key] = &value{v: v}
	}
	c.s.dirty++
}

// at finds or makes the value of a type.
func at[T any](c *client, key string, make func() T) (T, bool) {
	var zero T
	v := c.get(key)
	if v == nil {
		if make == nil {
			return zero, true
		}
		n := make()
		c.db()[key] = &value{v: n}
		return n, true
	}
	t, ok := v.v.(T)
	return t, ok
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

func (c *client) dropIfEmpty(key string, n int) {
	if n == 0 {
		delete(c.db(), key)
	}
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

// span turns start and stop, which may count from the end, into a range of n items.
func span(a, b string, n int) (from, to int, e reply) {
	i, err1 := strconv.Atoi(a)
	j, err2 := strconv.Atoi(b)
	if err1 != nil || err2 != nil {
		return 0, 0, notInt
	}
	if i < 0 {
		i = max(0, n+i)
	}
	if j < 0 {
		j = n + j
	}
	j = min(j, n-1)
	if i > j || i >= n {
		return 0, 0, nil
	}
	return i, j + 1, nil
}

func shortNumber(f float64) string {
	if f == math.Trunc(f) && math.Abs(f) < 1e15 {
		return strconv.FormatInt(int64(f), 10)
	}
	return strconv.FormatFloat(f, 'g', -1, 64)
}

func (z zset) ranked() []string {
	var ks []string
	for k := range z {
		ks = append(ks, k)
	}
	sort.Slice(ks, func(i, j int) bool { return z[ks[i]] < z[ks[j]] || z[ks[i]] == z[ks[j]] && ks[i] < ks[j] })
	return ks
}

func keysOf[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
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

var commands map[string]command

func init() {
	push := func(left, only bool) func(c *client, a []string) reply {
		return func(c *client, a []string) reply {
			if only && c.get(a[1]) == nil {
				return 0
			}
			l, okay := at(c, a[1], func() *list { return &list{} })
			if !okay {
				return wrongType
			}
			for _, x := range a[2:] {
				if left {
					l.items = slices.Insert(l.items, 0, x)
				} else {
					l.items = append(l.items, x)
				}
			}
			c.s.dirty++
			return len(l.items)
		}
	}
	pop := func(left bool) func(c *client, a []string) reply {
		return func(c *client, a []string) reply {
			l, okay := at[*list](c, a[1], nil)
			if !okay {
				return wrongType
			}
			n, many := 1, len(a) == 3
			if many {
				var err error
				if n, err = strconv.Atoi(a[2]); err != nil || n < 0 {
					return fault("ERR value is out of range, must be positive")
				}
			}
			if l == nil {
				if many {
					return emptyArray{}
				}
				return nil
			}
			var out []string
			for range min(n, len(l.items)) {
				if left {
					out = append(out, l.items[0])
					l.items = l.items[1:]
				} else {
					out = append(out, l.items[len(l.items)-1])
					l.items = l.items[:len(l.items)-1]
				}
			}
			c.s.dirty++
			c.dropIfEmpty(a[1], len(l.items))
			if many {
				return out
			}
			return out[0]
		}
	}
	incr := func(sign int64, by bool) func(c *client, a []string) reply {
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
	expire := func(unit time.Duration, absolute bool) func(c *client, a []string) reply {
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
	combine := func(keep func(in int, of int) bool, first bool) func(c *client, a []string) reply {
		return func(c *client, a []string) reply {
			count := map[string]int{}
			var base set
			for i, k := range a[1:] {
				s, okay := at[set](c, k, nil)
				if !okay {
					return wrongType
				}
				if i == 0 {
					base = s
				}
				for m := range s {
					count[m]++
				}
			}
			out := []string{}
			for _, m := range keysOf(count) {
				if _, in := base[m]; (!first || in) && keep(count[m], len(a)-1) {
					out = append(out, m)
				}
			}
			return out
		}
	}
	zrange := func(rev bool) func(c *client, a []string) reply {
		return func(c *client, a []string) reply {
			z, okay := at[zset](c, a[1], nil)
			if !okay {
				return wrongType
			}
			scores := false
			for _, o := range a[4:] {
				switch strings.ToUpper(o) {
				case "WITHSCORES":
					scores = true
				case "REV":
					rev = true
				default:
					return syntax
				}
			}
			ks := z.ranked()
			if rev {
				slices.Reverse(ks)
			}
			i, j, e := span(a[2], a[3], len(ks))
			if e != nil {
				return e
			}
			out := []string{}
			for _, k := range ks[i:j] {
				out = append(out, k)
				if scores {
					out = append(out, shortNumber(z[k]))
				}
			}
			return out
		}
	}
	commands = map[string]command{
		"ping": {1, 2, func(c *client, a []string) reply {
			if len(a) == 2 {
				return a[1]
			}
			return simple("PONG")
		}},
		"echo": {2, 2, func(c *client, a []string) reply { return a[1] }},
		"quit": {1, 0, func(c *client, a []string) reply { c.closing = true; return ok }},
		"select": {2, 2, func(c *client, a []string) reply {
			n, err := strconv.Atoi(a[1])
			if err != nil {
				return notInt
			}
			if n < 0 || n >= len(c.s.dbs) {
				return fault("ERR DB index is out of range")
			}
			c.dbNum = n
			return ok
		}},
		"set": {3, 0, func(c *client, a []string) reply {
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
		}},
		"setex": {4, 4, func(c *client, a []string) reply {
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
		}},
		"setnx": {3, 3, func(c *client, a []string) reply {
			if c.get(a[1]) != nil {
				return 0
			}
			c.put(a[1], a[2])
			return 1
		}},
		"get": {2, 2, func(c *client, a []string) reply {
			s, found, e := str(c, a[1])
			if e != nil || !found {
				return e
			}
			return s
		}},
		"getset": {3, 3, func(c *client, a []string) reply {
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
		}},
		"getdel": {2, 2, func(c *client, a []string) reply {
			s, found, e := str(c, a[1])
			if e != nil || !found {
				return e
			}
			delete(c.db(), a[1])
			c.s.dirty++
			return s
		}},
		"mset": {3, 0, func(c *client, a []string) reply {
			if len(a)%2 == 0 {
				return fault("ERR wrong number of arguments for 'mset' command")
			}
			for i := 1; i < len(a); i += 2 {
				c.db()[a[i]] = &value{v: a[i+1]}
			}
			c.s.dirty++
			return ok
		}},
		"mget": {2, 0, func(c *client, a []string) reply {
			var out []reply
			for _, k := range a[1:] {
				if s, found, e := str(c, k); found && e == nil {
					out = append(out, s)
				} else {
					out = append(out, nil)
				}
			}
			return out
		}},
		"append": {3, 3, func(c *client, a []string) reply {
			s, _, e := str(c, a[1])
			if e != nil {
				return e
			}
			if len(s)+len(a[2]) > maxBulk {
				return fault("ERR string exceeds maximum allowed size (proto-max-bulk-len)")
			}
			c.put(a[1], s+a[2])
			return len(s) + len(a[2])
		}},
		"strlen": {2, 2, func(c *client, a []string) reply {
			s, _, e := str(c, a[1])
			if e != nil {
				return e
			}
			return len(s)
		}},
		"getrange": {4, 4, func(c *client, a []string) reply {
			s, _, e := str(c, a[1])
			if e != nil {
				return e
			}
			i, j, e := span(a[2], a[3], len(s))
			if e != nil {
				return e
			}
			return s[i:j]
		}},
		"incr": {2, 2, incr(1, false)}, "decr": {2, 2, incr(-1, false)}, "incrby": {3, 3, incr(1, true)}, "decrby": {3, 3, incr(-1, true)},
		"incrbyfloat": {3, 3, func(c *client, a []string) reply {
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
		}},
		"del": {2, 0, deleteKeys}, "unlink": {2, 0, deleteKeys},
		"exists": {2, 0, func(c *client, a []string) reply {
			n := 0
			for _, k := range a[1:] {
				if c.get(k) != nil {
					n++
				}
			}
			return n
		}},
		"type": {2, 2, func(c *client, a []string) reply {
			if v := c.get(a[1]); v != nil {
				return simple(typeOf(v.v))
			}
			return simple("none")
		}},
		"keys": {2, 2, func(c *client, a []string) reply {
			out := []string{}
			for _, k := range keysOf(c.db()) {
				if c.get(k) != nil && glob(a[1], k) {
					out = append(out, k)
				}
			}
			return out
		}},
		"scan": {2, 0, func(c *client, a []string) reply {
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
		}},
		"randomkey": {1, 1, func(c *client, a []string) reply {
			ks := keysOf(c.db())
			if len(ks) == 0 {
				return nil
			}
			return ks[c.s.p.Kernel().Rand().IntN(len(ks))]
		}},
		"rename": {3, 3, func(c *client, a []string) reply {
			v := c.get(a[1])
			if v == nil {
				return fault("ERR no such key")
			}
			delete(c.db(), a[1])
			c.db()[a[2]] = v
			c.s.dirty++
			return ok
		}},
		"dbsize": {1, 1, func(c *client, a []string) reply { return len(c.db()) }},
		"flushdb": {1, 2, func(c *client, a []string) reply {
			c.s.dirty += len(c.db())
			c.s.dbs[c.dbNum] = database{}
			return ok
		}},
		"flushall": {1, 2, func(c *client, a []string) reply {
			for i := range c.s.dbs {
				c.s.dbs[i] = database{}
			}
			c.s.dirty++
			return ok
		}},
		"expire": {3, 4, expire(time.Second, false)}, "pexpire": {3, 4, expire(time.Millisecond, false)},
		"expireat": {3, 4, expire(time.Second, true)}, "pexpireat": {3, 4, expire(time.Millisecond, true)},
		"ttl":  {2, 2, func(c *client, a []string) reply { return c.ttl(a[1], time.Second) }},
		"pttl": {2, 2, func(c *client, a []string) reply { return c.ttl(a[1], time.Millisecond) }},
		"persist": {2, 2, func(c *client, a []string) reply {
			if v := c.get(a[1]); v != nil && !v.expire.IsZero() {
				v.expire = time.Time{}
				return 1
			}
			return 0
		}},
		"lpush": {3, 0, push(true, false)}, "rpush": {3, 0, push(false, false)}, "lpushx": {3, 0, push(true, true)}, "rpushx": {3, 0, push(false, true)},
		"lpop": {2, 3, pop(true)}, "rpop": {2, 3, pop(false)},
		"llen": {2, 2, func(c *client, a []string) reply {
			l, okay := at[*list](c, a[1], nil)
			if !okay {
				return wrongType
			}
			if l == nil {
				return 0
			}
			return len(l.items)
		}},
		"lrange": {4, 4, func(c *client, a []string) reply {
			l, okay := at[*list](c, a[1], nil)
			if !okay {
				return wrongType
			}
			if l == nil {
				l = &list{}
			}
			i, j, e := span(a[2], a[3], len(l.items))
			if e != nil {
				return e
			}
			return slices.Clone(l.items[i:j])
		}},
		"lindex": {3, 3, func(c *client, a []string) reply {
			l, okay := at[*list](c, a[1], nil)
			if !okay {
				return wrongType
			}
			n, err := strconv.Atoi(a[2])
			if err != nil {
				return notInt
			}
			if l == nil {
				return nil
			}
			if n < 0 {
				n += len(l.items)
			}
			if n < 0 || n >= len(l.items) {
				return nil
			}
			return l.items[n]
		}},
		"ltrim": {4, 4, func(c *client, a []string) reply {
			l, okay := at[*list](c, a[1], nil)
			if !okay {
				return wrongType
			}
			if l == nil {
				return ok
			}
			i, j, e := span(a[2], a[3], len(l.items))
			if e != nil {
				return e
			}
			l.items = l.items[i:j]
			c.dropIfEmpty(a[1], len(l.items))
			return ok
		}},
		"hset": {4, 0, func(c *client, a []string) reply {
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
		}},
		"hmset": {4, 0, func(c *client, a []string) reply {
			if r, bad := commands["hset"].run(c, a).(fault); bad {
				return r
			}
			return ok
		}},
		"hget": {3, 3, func(c *client, a []string) reply {
			h, okay := at[hash](c, a[1], nil)
			if !okay {
				return wrongType
			}
			if s, have := h[a[2]]; have {
				return s
			}
			return nil
		}},
		"hmget": {3, 0, func(c *client, a []string) reply {
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
		}},
		"hgetall": {2, 2, func(c *client, a []string) reply {
			h, okay := at[hash](c, a[1], nil)
			if !okay {
				return wrongType
			}
			out := []string{}
			for _, k := range keysOf(h) {
				out = append(out, k, h[k])
			}
			return out
		}},
		"hkeys": {2, 2, func(c *client, a []string) reply {
			h, okay := at[hash](c, a[1], nil)
			if !okay {
				return wrongType
			}
			return keysOf(h)
		}},
		"hvals": {2, 2, func(c *client, a []string) reply {
			h, okay := at[hash](c, a[1], nil)
			if !okay {
				return wrongType
			}
			out := []string{}
			for _, k := range keysOf(h) {
				out = append(out, h[k])
			}
			return out
		}},
		"hlen": {2, 2, func(c *client, a []string) reply {
			h, okay := at[hash](c, a[1], nil)
			if !okay {
				return wrongType
			}
			return len(h)
		}},
		"hexists": {3, 3, func(c *client, a []string) reply {
			h, okay := at[hash](c, a[1], nil)
			if !okay {
				return wrongType
			}
			if _, have := h[a[2]]; have {
				return 1
			}
			return 0
		}},
		"hdel": {3, 0, func(c *client, a []string) reply {
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
		}},
		"hincrby": {4, 4, func(c *client, a []string) reply {
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
		}},
		"sadd": {3, 0, func(c *client, a []string) reply {
			s, okay := at(c, a[1], func() set { return set{} })
			if !okay {
				return wrongType
			}
			n := 0
			for _, m := range a[2:] {
				if _, have := s[m]; !have {
					s[m] = struct{}{}
					n++
				}
			}
			c.s.dirty += n
			return n
		}},
		"srem": {3, 0, func(c *client, a []string) reply {
			s, okay := at[set](c, a[1], nil)
			if !okay {
				return wrongType
			}
			n := 0
			for _, m := range a[2:] {
				if _, have := s[m]; have {
					delete(s, m)
					n++
				}
			}
			if s != nil {
				c.dropIfEmpty(a[1], len(s))
			}
			c.s.dirty += n
			return n
		}},
		"smembers": {2, 2, func(c *client, a []string) reply {
			s, okay := at[set](c, a[1], nil)
			if !okay {
				return wrongType
			}
			return keysOf(s)
		}},
		"sismember": {3, 3, func(c *client, a []string) reply {
			s, okay := at[set](c, a[1], nil)
			if !okay {
				return wrongType
			}
			if _, have := s[a[2]]; have {
				return 1
			}
			return 0
		}},
		"scard": {2, 2, func(c *client, a []string) reply {
			s, okay := at[set](c, a[1], nil)
			if !okay {
				return wrongType
			}
			return len(s)
		}},
		"sinter": {2, 0, combine(func(in, of int) bool { return in == of }, false)},
		"sunion": {2, 0, combine(func(in, of int) bool { return true }, false)},
		"sdiff":  {2, 0, combine(func(in, of int) bool { return in == 1 }, true)},
		"zadd": {4, 0, func(c *client, a []string) reply {
			if len(a)%2 != 0 {
				return syntax
			}
			scores := make([]float64, 0, len(a)/2)
			for i := 2; i < len(a); i += 2 {
				f, err := strconv.ParseFloat(a[i], 64)
				if err != nil || math.IsNaN(f) {
					return notFloat
				}
				scores = append(scores, f)
			}
			z, okay := at(c, a[1], func() zset { return zset{} })
			if !okay {
				return wrongType
			}
			n := 0
			for i, f := range scores {
				m := a[3+2*i]
				if _, have := z[m]; !have {
					n++
				}
				z[m] = f
			}
			c.s.dirty++
			return n
		}},
		"zrange": {4, 0, zrange(false)}, "zrevrange": {4, 5, zrange(true)},
		"zscore": {3, 3, func(c *client, a []string) reply {
			z, okay := at[zset](c, a[1], nil)
			if !okay {
				return wrongType
			}
			if f, have := z[a[2]]; have {
				return shortNumber(f)
			}
			return nil
		}},
		"zcard": {2, 2, func(c *client, a []string) reply {
			z, okay := at[zset](c, a[1], nil)
			if !okay {
				return wrongType
			}
			return len(z)
		}},
		"zrank": {3, 3, func(c *client, a []string) reply {
			z, okay := at[zset](c, a[1], nil)
			if !okay {
				return wrongType
			}
			if i := slices.Index(z.ranked(), a[2]); i >= 0 {
				return i
			}
			return nil
		}},
		"zincrby": {4, 4, func(c *client, a []string) reply {
			by, err := strconv.ParseFloat(a[2], 64)
			if err != nil {
				return notFloat
			}
			z, okay := at(c, a[1], func() zset { return zset{} })
			if !okay {
				return wrongType
			}
			z[a[3]] += by
			c.s.dirty++
			return shortNumber(z[a[3]])
		}},
		"zrem": {3, 0, func(c *client, a []string) reply {
			z, okay := at[zset](c, a[1], nil)
			if !okay {
				return wrongType
			}
			n := 0
			for _, m := range a[2:] {
				if _, have := z[m]; have {
					delete(z, m)
					n++
				}
			}
			if z != nil {
				c.dropIfEmpty(a[1], len(z))
			}
			return n
		}},
		"save": {1, 1, func(c *client, a []string) reply {
			if err := c.s.save(); err != nil {
				return fault("ERR")
			}
			return ok
		}},
		"bgsave": {1, 2, func(c *client, a []string) reply {
			c.s.background()
			return simple("Background saving started")
		}},
		"lastsave": {1, 1, func(c *client, a []string) reply { return c.s.saved.Unix() }},
		"time": {1, 1, func(c *client, a []string) reply {
			t := c.s.now()
			return []string{strconv.FormatInt(t.Unix(), 10), strconv.Itoa(t.Nanosecond() / 1000)}
		}},
		"info":   {1, 0, func(c *client, a []string) reply { return c.s.info(a[1:]) }},
		"config": {2, 0, configure},
		"client": {2, 0, func(c *client, a []string) reply {
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
		}},
		"command": {1, 0, func(c *client, a []string) reply {
			if len(a) > 1 && strings.EqualFold(a[1], "count") {
				return len(commands)
			}
			return []reply{}
		}},
		"shutdown": {1, 0, func(c *client, a []string) reply {
			save := !(len(a) > 1 && strings.EqualFold(a[1], "nosave"))
			c.s.log('#', "User requested shutdown...")
			c.s.stop(save)
			c.closing = true
			return nil
		}},
		"auth": {2, 3, func(c *client, a []string) reply {
			pass := c.s.conf["requirepass"]
			switch {
			case pass == "":
				return fault("ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?")
			case a[len(a)-1] != pass:
				return fault("WRONGPASS invalid username-password pair or user is disabled.")
			}
			c.authed = true
			return ok
		}},
		"multi": {1, 1, func(c *client, a []string) reply {
			if c.multi {
				return fault("ERR MULTI calls can not be nested")
			}
			c.multi, c.queued = true, nil
			return ok
		}},
		"discard": {1, 1, func(c *client, a []string) reply {
			if !c.multi {
				return fault("ERR DISCARD without MULTI")
			}
			c.multi, c.queued = false, nil
			return ok
		}},
		"exec": {1, 1, func(c *client, a []string) reply {
			if !c.multi {
				return fault("ERR EXEC without MULTI")
			}
			q := c.queued
			c.multi, c.queued = false, nil
			out := []reply{}
			for _, cmd := range q {
				out = append(out, c.do(cmd))
			}
			return out
		}},
		"object": {2, 3, func(c *client, a []string) reply {
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
		}},
	}
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

package redis

import (
	"slices"
	"strconv"
)

var listCommands = map[string]command{
	"lpush":  {3, 0, push(true, false)},
	"rpush":  {3, 0, push(false, false)},
	"lpushx": {3, 0, push(true, true)},
	"rpushx": {3, 0, push(false, true)},
	"lpop":   {2, 3, pop(true)},
	"rpop":   {2, 3, pop(false)},
	"llen":   {2, 2, llenCommand},
	"lrange": {4, 4, lrangeCommand},
	"lindex": {3, 3, lindexCommand},
	"ltrim":  {4, 4, ltrimCommand},
}

// push makes the command that adds to one end of a list, and with only does so just where there is a list already.
func push(left, only bool) func(c *client, a []string) reply {
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

// pop makes the command that takes from one end of a list.
func pop(left bool) func(c *client, a []string) reply {
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

func llenCommand(c *client, a []string) reply {
	l, okay := at[*list](c, a[1], nil)
	if !okay {
		return wrongType
	}
	if l == nil {
		return 0
	}
	return len(l.items)
}

func lrangeCommand(c *client, a []string) reply {
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
}

func lindexCommand(c *client, a []string) reply {
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
}

func ltrimCommand(c *client, a []string) reply {
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

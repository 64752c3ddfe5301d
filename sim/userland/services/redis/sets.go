package redis

var setCommands = map[string]command{
	"sadd":      {3, 0, saddCommand},
	"srem":      {3, 0, sremCommand},
	"smembers":  {2, 2, smembersCommand},
	"sismember": {3, 3, sismemberCommand},
	"scard":     {2, 2, scardCommand},
	"sinter":    {2, 0, combine(func(in, of int) bool { return in == of }, false)},
	"sunion":    {2, 0, combine(func(in, of int) bool { return true }, false)},
	"sdiff":     {2, 0, combine(func(in, of int) bool { return in == 1 }, true)},
}

// combine makes the command that gives the members of which keep says so: how many of the sets have it, of how many. With first
// only the members of the first set are asked about.
func combine(keep func(in int, of int) bool, first bool) func(c *client, a []string) reply {
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

func saddCommand(c *client, a []string) reply {
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
}

func sremCommand(c *client, a []string) reply {
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
}

func smembersCommand(c *client, a []string) reply {
	s, okay := at[set](c, a[1], nil)
	if !okay {
		return wrongType
	}
	return keysOf(s)
}

func sismemberCommand(c *client, a []string) reply {
	s, okay := at[set](c, a[1], nil)
	if !okay {
		return wrongType
	}
	if _, have := s[a[2]]; have {
		return 1
	}
	return 0
}

func scardCommand(c *client, a []string) reply {
	s, okay := at[set](c, a[1], nil)
	if !okay {
		return wrongType
	}
	return len(s)
}

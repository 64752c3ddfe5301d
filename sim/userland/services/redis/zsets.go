package redis

import (
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"
)

var zsetCommands = map[string]command{
	"zadd":      {4, 0, zaddCommand},
	"zrange":    {4, 0, zrange(false)},
	"zrevrange": {4, 5, zrange(true)},
	"zscore":    {3, 3, zscoreCommand},
	"zcard":     {2, 2, zcardCommand},
	"zrank":     {3, 3, zrankCommand},
	"zincrby":   {4, 4, zincrbyCommand},
	"zrem":      {3, 0, zremCommand},
}

// zrange makes the command that gives a range by rank, from the highest down with rev.
func zrange(rev bool) func(c *client, a []string) reply {
	return func(c *client, a []string) reply {
		z, okay := at[zset](c, a[1], nil)
		if !okay {
			return wrongType
		}
		scores, backwards := false, rev
		for _, o := range a[4:] {
			switch strings.ToUpper(o) {
			case "WITHSCORES":
				scores = true
			case "REV":
				backwards = true
			default:
				return syntax
			}
		}
		ks := z.ranked()
		if backwards {
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

func zaddCommand(c *client, a []string) reply {
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
}

func zscoreCommand(c *client, a []string) reply {
	z, okay := at[zset](c, a[1], nil)
	if !okay {
		return wrongType
	}
	if f, have := z[a[2]]; have {
		return shortNumber(f)
	}
	return nil
}

func zcardCommand(c *client, a []string) reply {
	z, okay := at[zset](c, a[1], nil)
	if !okay {
		return wrongType
	}
	return len(z)
}

func zrankCommand(c *client, a []string) reply {
	z, okay := at[zset](c, a[1], nil)
	if !okay {
		return wrongType
	}
	if i := slices.Index(z.ranked(), a[2]); i >= 0 {
		return i
	}
	return nil
}

func zincrbyCommand(c *client, a []string) reply {
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
}

func zremCommand(c *client, a []string) reply {
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
}

func (z zset) ranked() []string {
	var ks []string
	for k := range z {
		ks = append(ks, k)
	}
	sort.Slice(ks, func(i, j int) bool { return z[ks[i]] < z[ks[j]] || z[ks[i]] == z[ks[j]] && ks[i] < ks[j] })
	return ks
}

func shortNumber(f float64) string {
	if f == math.Trunc(f) && math.Abs(f) < 1e15 {
		return strconv.FormatInt(int64(f), 10)
	}
	return strconv.FormatFloat(f, 'g', -1, 64)
}

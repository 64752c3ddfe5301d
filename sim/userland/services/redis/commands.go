package redis

import (
	"maps"
	"slices"
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

func (c *client) dropIfEmpty(key string, n int) {
	if n == 0 {
		delete(c.db(), key)
	}
}

func keysOf[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// commands are all there are, by their names in lower case. They are put together here and not where the variable stands, since
// EXEC and COMMAND look into it.
var commands = map[string]command{}

func init() {
	for _, some := range []map[string]command{adminCommands, transactionCommands, keyCommands, stringCommands, listCommands, hashCommands, setCommands, zsetCommands} {
		maps.Copy(commands, some)
	}
}

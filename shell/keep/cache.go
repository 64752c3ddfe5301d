package keep

import (
	"container/list"
	"sync"

	"github.com/dockerlab/dockerlab/sim/blob"
)

// cacheSize is the most bytes of blobs that are held to be read again.
const cacheSize = 16 << 20

// cache is the blobs that were read last. It is safe for concurrent use.
type cache struct {
	mu    sync.Mutex
	size  int
	order list.List // of cached, the one used last in front
	at    map[blob.Ref]*list.Element
}

type cached struct {
	ref  blob.Ref
	blob blob.Blob
}

func (c cached) size() int { return len(c.blob.Data) + len(c.blob.Refs)*refSize }

func (c *cache) get(r blob.Ref) (blob.Blob, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.at[r]
	if e == nil {
		return blob.Blob{}, false
	}
	c.order.MoveToFront(e)
	return e.Value.(cached).blob, true
}

func (c *cache) put(r blob.Ref, b blob.Blob) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.at[r] != nil {
		return
	}
	if c.at == nil {
		c.at = map[blob.Ref]*list.Element{}
	}
	e := cached{r, b}
	c.at[r] = c.order.PushFront(e)
	c.size += e.size()
	for c.size > cacheSize && c.order.Len() > 1 {
		last := c.order.Remove(c.order.Back()).(cached)
		delete(c.at, last.ref)
		c.size -= last.size()
	}
}

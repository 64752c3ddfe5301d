package network

import (
	"fmt"
	"io"
	"time"

	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// fetchTimeout is how long Fetch waits for a connection, and then for each part of the answer.
const fetchTimeout = 30 * time.Second

// Fetch gets a page for a program that is no client of the web itself: the status of the answer and
// at most max bytes of its body. It follows no redirects.
func Fetch(c *prog.Ctx, address string, max int64) (status int, body []byte, err error) {
	t, err := parseURL(address)
	if err != nil {
		return 0, nil, err
	}
	addrs, err := addresses(c, t.host)
	if err != nil {
		return 0, nil, err
	}
	k, err := dial(c, addrs, t.port, fetchTimeout)
	if err != nil {
		return 0, nil, err
	}
	defer k.close()
	k.deadline = c.Now().Add(fetchTimeout)
	if _, err := fmt.Fprintf(k, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", t.path(), t.hostHeader()); err != nil {
		return 0, nil, err
	}
	r, err := k.readHead("GET")
	if err != nil {
		return 0, nil, err
	}
	body, err = io.ReadAll(io.LimitReader(k.body(r), max))
	return r.status, body, err
}

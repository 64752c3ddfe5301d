package redis

var transactionCommands = map[string]command{
	"multi":   {1, 1, multiCommand},
	"discard": {1, 1, discardCommand},
	"exec":    {1, 1, execCommand},
}

func multiCommand(c *client, a []string) reply {
	if c.multi {
		return fault("ERR MULTI calls can not be nested")
	}
	c.multi, c.queued = true, nil
	return ok
}

func discardCommand(c *client, a []string) reply {
	if !c.multi {
		return fault("ERR DISCARD without MULTI")
	}
	c.multi, c.queued = false, nil
	return ok
}

func execCommand(c *client, a []string) reply {
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
}

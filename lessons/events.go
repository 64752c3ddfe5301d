package lessons

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/client"
)

// judgeRan asks the engine's memory of events.
func (c *Check) judgeRan(ctx context.Context, lab Lab) (*Finding, error) {
	events, err := containerEvents(ctx, lab)
	if err != nil {
		return nil, err
	}
	created, other := "", ""
	for _, e := range events {
		image, name := e.Actor.Attributes["image"], e.Actor.Attributes["name"]
		switch of := sameImage(image, c.Ran); {
		case of && e.Action == "start":
			return nil, nil
		case of && e.Action == "create":
			created = name
		case e.Action == "start":
			other = image
		}
	}
	switch {
	case created != "":
		return find(createdNotRun, created, c.Ran), nil
	case other != "":
		return find(ranOther, c.Ran, other), nil
	}
	return find(notRan, c.Ran), nil
}

func sameImage(a, b string) bool {
	full := func(s string) string {
		if !strings.Contains(s[strings.LastIndexByte(s, '/')+1:], ":") {
			s += ":latest"
		}
		return s
	}
	return full(a) == full(b)
}

// containerEvents are those of containers that the engine remembers.
func containerEvents(ctx context.Context, lab Lab) ([]events.Message, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	info, err := lab.Engine().Info(ctx, client.InfoOptions{})
	if err != nil {
		return nil, err
	}
	now, err := time.Parse(time.RFC3339Nano, info.Info.SystemTime)
	if err != nil {
		return nil, fmt.Errorf("the engine's clock: %w", err)
	}
	r := lab.Engine().Events(ctx, client.EventsListOptions{Since: "1", Until: fmt.Sprintf("%d.%09d", now.Unix(), now.Nanosecond()),
		Filters: client.Filters{}.Add("type", "container")})
	var out []events.Message
	for {
		select {
		case m := <-r.Messages:
			out = append(out, m)
		case err := <-r.Err:
			if err != nil && !errors.Is(err, io.EOF) {
				return nil, fmt.Errorf("asking for events: %w", err)
			}
			return out, nil
		}
	}
}

package container

import (
	"context"
	"maps"
	"strings"
	"time"

	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"

	"github.com/dockerlab/dockerlab/sim/image"
)

// eventsKept is how many past events docker events --since can see, as the engine keeps them.
const eventsKept = 256

// journal keeps the last events and hands new ones to whoever listens. Engine.mu guards it.
type journal struct {
	past      []events.Message
	listeners map[*listener]bool
}

// listener receives events that match. Its channel never makes the engine wait: one that falls far
// behind loses events.
type listener struct{ c chan events.Message }

// emit records that something happened just now.
func (e *Engine) emit(kind, action, id string, attributes map[string]string) {
	e.emitAt(e.now(), kind, action, id, attributes)
}

// emitAt is emit for callers inside the kernel, who know the time.
func (e *Engine) emitAt(now time.Time, kind, action, id string, attributes map[string]string) {
	m := events.Message{
		Type: kind, Action: action,
		Actor:    events.Actor{ID: id, Attributes: attributes},
		Scope:    "local",
		Time:     now.Unix(),
		TimeNano: now.UnixNano(),
	}
	switch kind {
	case events.ContainerEventType:
		m.ID, m.Status, m.From = id, action, attributes["image"]
	case events.ImageEventType:
		m.ID, m.Status = id, action
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	j := &e.journal
	if len(j.past) >= 2*eventsKept {
		j.past = append(j.past[:0:0], j.past[len(j.past)-eventsKept+1:]...)
	}
	j.past = append(j.past, m)
	for l := range j.listeners {
		select {
		case l.c <- m:
		default:
		}
	}
}

// emitContainer records what happened to a container, with its labels, image and name.
func (e *Engine) emitContainer(c *Container, action string, more map[string]string) {
	e.emitContainerAt(e.now(), c, action, more)
}

func (e *Engine) emitContainerAt(now time.Time, c *Container, action string, more map[string]string) {
	a := maps.Clone(c.Config.Labels)
	if a == nil {
		a = map[string]string{}
	}
	maps.Copy(a, more)
	if c.Config.Image != "" {
		a["image"] = c.Config.Image
	}
	a["name"] = strings.TrimPrefix(c.Name, "/")
	e.emitAt(now, events.ContainerEventType, action, c.ID, a)
}

// emitImage records what happened to an image; ref is how it was named.
func (e *Engine) emitImage(id, ref, action string) {
	a := map[string]string{}
	if img := e.State().Images.Get(image.ID(id)); img != nil && img.Config.Config != nil {
		maps.Copy(a, img.Config.Config.Labels)
	}
	if ref != "" {
		a["name"] = ref
	}
	e.emit(events.ImageEventType, action, id, a)
}

func (e *Engine) emitNetwork(n *Network, action string, more map[string]string) {
	a := map[string]string{"name": n.Name, "type": n.Driver}
	maps.Copy(a, more)
	e.emit(events.NetworkEventType, action, n.ID, a)
}

func (e *Engine) emitVolume(name, action string, more map[string]string) {
	e.emit(events.VolumeEventType, action, name, more)
}

// Events gives past events that happened from since on (where past is asked for at all: since or
// until is set), then, until the end of ctx, new ones as they come. A zero until is for ever.
func (e *Engine) Events(ctx context.Context, since, until time.Time, f filters.Args) (past []events.Message, next <-chan events.Message) {
	match := func(m events.Message) bool { return matchEvent(f, m) }
	l := &listener{c: make(chan events.Message, 4*eventsKept)}
	e.mu.Lock()
	if !since.IsZero() || !until.IsZero() {
		kept := e.journal.past
		if len(kept) > eventsKept {
			kept = kept[len(kept)-eventsKept:]
		}
		for _, m := range kept {
			if m.TimeNano < since.UnixNano() || (!until.IsZero() && m.TimeNano > until.UnixNano()) {
				continue
			}
			if match(m) {
				past = append(past, m)
			}
		}
	}
	if e.journal.listeners == nil {
		e.journal.listeners = map[*listener]bool{}
	}
	e.journal.listeners[l] = true
	e.mu.Unlock()

	out := make(chan events.Message)
	go func() {
		defer close(out)
		defer func() {
			e.mu.Lock()
			delete(e.journal.listeners, l)
			e.mu.Unlock()
		}()
		for {
			select {
			case m := <-l.c:
				if !until.IsZero() && m.TimeNano > until.UnixNano() {
					return
				}
				if !match(m) {
					continue
				}
				select {
				case out <- m:
				case <-ctx.Done():
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	return past, out
}

// matchEvent says whether an event passes the filters of docker events.
func matchEvent(f filters.Args, m events.Message) bool {
	if f.Len() == 0 {
		return true
	}
	// What a filter names by its kind is found by the start of its ID or name, whatever the kind of
	// the event: "network=web" finds the container web-1 too.
	about := func(kinds ...string) bool {
		for _, kind := range kinds {
			if !f.FuzzyMatch(kind, m.Actor.ID) && !f.FuzzyMatch(kind, m.Actor.Attributes["name"]) {
				return false
			}
		}
		return true
	}
	action := func() bool {
		if !f.Contains("event") {
			return true
		}
		for _, want := range f.Get("event") {
			// "exec_create: sh -c ..." and "health_status: healthy" are found by their first word
			if want == m.Action || strings.HasPrefix(m.Action, want+":") {
				return true
			}
		}
		return false
	}
	scope := !f.Contains("scope") || f.ExactMatch("scope", m.Scope)
	return action() && f.ExactMatch("type", m.Type) && scope &&
		about(events.ContainerEventType, events.PluginEventType, events.VolumeEventType, events.NetworkEventType,
			events.DaemonEventType, events.NodeEventType, events.ServiceEventType) &&
		matchEventImage(f, m) &&
		f.MatchKVList("label", m.Actor.Attributes)
}

// matchEventImage: an image filter names an image, by ID or by name with or without its tag, or
// the image of a container.
func matchEventImage(f filters.Args, m events.Message) bool {
	if !f.Contains("image") {
		return true
	}
	name := "image"
	if m.Type == events.ImageEventType {
		name = "name"
	}
	n := m.Actor.Attributes[name]
	return f.ExactMatch("image", m.Actor.ID) || f.ExactMatch("image", n) || f.ExactMatch("image", stripTag(n))
}

// stripTag is a reference without its tag or digest.
func stripTag(ref string) string {
	if i := strings.IndexByte(ref, '@'); i >= 0 {
		return ref[:i]
	}
	if i := strings.LastIndexByte(ref, ':'); i > strings.LastIndexByte(ref, '/') {
		return ref[:i]
	}
	return ref
}

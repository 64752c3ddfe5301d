package container

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"text/template"
	"text/template/parse"
	"time"

	timetypes "github.com/docker/docker/api/types/time"
)

// LogsOptions is what docker logs asks for.
type LogsOptions struct {
	Stdout, Stderr bool
	Follow         bool
	Timestamps     bool
	Details        bool
	Since, Until   string // seconds and nanoseconds, "1136073600.000000001"
	Tail           string // a number of lines; anything else is all
}

// logTime is how timestamps of logs are written.
const logTime = "2006-01-02T15:04:05.000000000Z07:00"

// logAttrs are what --log-opt labels, env and tag add to each line.
func logAttrs(c *Container) map[string]string {
	o := c.Host.LogConfig.Config
	attrs := map[string]string{}
	vars := map[string]string{}
	for _, v := range c.Config.Env {
		if k, val, ok := strings.Cut(v, "="); ok {
			vars[k] = val
		}
	}
	for _, kind := range []struct {
		from      map[string]string
		list, exp string
	}{{c.Config.Labels, o["labels"], o["labels-regex"]}, {vars, o["env"], o["env-regex"]}} {
		for _, k := range strings.Split(kind.list, ",") {
			if v, ok := kind.from[k]; ok && k != "" {
				attrs[k] = v
			}
		}
		if re, err := regexp.Compile(kind.exp); err == nil && kind.exp != "" {
			for k, v := range kind.from {
				if re.MatchString(k) {
					attrs[k] = v
				}
			}
		}
	}
	if text := o["tag"]; text != "" {
		if tag, err := logTag(text, c); err == nil {
			attrs["tag"] = tag
		}
	}
	return attrs
}

// logTag is --log-opt tag, a template over the container. Templates with loops are refused: nobody
// needs them here, and one can run for ever.
func logTag(text string, c *Container) (string, error) {
	t, err := template.New("").Parse(text)
	if err != nil {
		return "", err
	}
	for _, n := range t.Root.Nodes {
		if k := n.Type(); k != parse.NodeText && k != parse.NodeAction {
			return "", fmt.Errorf("template %q: only fields can be had", text)
		}
	}
	image := strings.TrimPrefix(c.Image, "sha256:")
	var b strings.Builder
	err = t.Execute(&b, map[string]string{
		"ID": c.ID[:12], "FullID": c.ID, "Name": strings.TrimPrefix(c.Name, "/"),
		"ImageID": image[:min(12, len(image))], "ImageFullID": c.Image, "ImageName": c.Config.Image, "DaemonName": "docker",
	})
	return b.String(), err
}

// Logs sends the log of a container, and while o.Follow says so what is added to it until the
// container ends. open is called once nothing can be refused any more.
func (e *Engine) Logs(ctx context.Context, ref string, o LogsOptions, open func(mux bool) FrameWriter) error {
	if !o.Stdout && !o.Stderr {
		return invalid("You must choose at least one stream")
	}
	c, err := e.Container(ref)
	if err != nil {
		return err
	}
	if c.Status.Removing || c.Status.Dead {
		return conflict("can not get logs from container which is dead or marked for removal")
	}
	if c.Host.LogConfig.Type == "none" {
		return refuse(Unsupported, "configured logging driver does not support reading")
	}
	since, err := logBound(o.Since)
	if err != nil {
		return err
	}
	until, err := logBound(o.Until)
	if err != nil {
		return err
	}
	if !c.HasLog {
		e.change(c.ID, func(c *Container) error { c.HasLog = true; return nil })
	}
	l := e.live(c.ID)
	e.mu.Lock()
	var log *logger
	if l.io != nil && l.io.log != nil {
		log = l.io.log
	}
	c, _ = e.state.Load().Containers.Get(c.ID)
	e.mu.Unlock()
	if c == nil {
		return noSuchContainer(ref)
	}
	lines, ended := c.Log.Lines, true
	var changed <-chan struct{}
	if log != nil {
		lines, ended, changed = log.after()
	}
	out := open(!c.Config.Tty)
	shown := len(lines)
	lines = tail(within(lines, since, until), o.Tail)
	for {
		for _, line := range lines {
			if line.Stream == Stdout && !o.Stdout || line.Stream == Stderr && !o.Stderr {
				continue
			}
			if err := out.Frame(line.Stream, o.format(line)); err != nil {
				return nil
			}
		}
		if !o.Follow || ended || log == nil || !c.Status.Running {
			return nil
		}
		stop := false
		var late chan func()
		if !until.IsZero() {
			w, cancel := e.Deadline(until)
			defer cancel()
			late = w.C
		}
		Park(ctx, func() (hold func()) {
			select {
			case <-changed:
			case hold = <-late:
				stop = true
			case <-ctx.Done():
				stop = true
			}
			return hold
		})
		if stop {
			return nil
		}
		var all []LogLine
		all, ended, changed = log.after()
		if shown > len(all) {
			shown = 0 // old lines were dropped
		}
		lines = within(all[shown:], since, until)
		shown = len(all)
	}
}

func logBound(s string) (time.Time, error) {
	if s == "" || s == "0" {
		return time.Time{}, nil
	}
	sec, nsec, err := timetypes.ParseTimestamps(s, 0)
	if err != nil {
		return time.Time{}, err
	}
	return time.Unix(sec, nsec), nil
}

func within(lines []LogLine, since, until time.Time) []LogLine {
	if since.IsZero() && until.IsZero() {
		return lines
	}
	var out []LogLine
	for _, l := range lines {
		if !since.IsZero() && l.Time.Before(since) || !until.IsZero() && l.Time.After(until) {
			continue
		}
		out = append(out, l)
	}
	return out
}

func tail(lines []LogLine, n string) []LogLine {
	if k, err := strconv.Atoi(n); err == nil && k >= 0 && k < len(lines) {
		return lines[len(lines)-k:]
	}
	return lines
}

func (o LogsOptions) format(l LogLine) []byte {
	if !o.Timestamps && !o.Details {
		return l.Data
	}
	var b []byte
	if o.Timestamps {
		b = append(l.Time.UTC().AppendFormat(b, logTime), ' ')
	}
	if o.Details {
		keys := make([]string, 0, len(l.Attrs))
		for k := range l.Attrs {
			keys = append(keys, k)
		}
		sort.Strings(keys)
		for i, k := range keys {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(append(append(b, url.QueryEscape(k)...), '='), url.QueryEscape(l.Attrs[k])...)
		}
		b = append(b, ' ')
	}
	return append(b, l.Data...)
}

// parseTime reads a time as users write it: a timestamp, a date, or how long ago.
func parseTime(s string, now time.Time) (time.Time, error) {
	v, err := timetypes.GetTimestamp(s, now)
	if err != nil {
		return time.Time{}, err
	}
	sec, nsec, err := timetypes.ParseTimestamps(v, 0)
	if err != nil {
		return time.Time{}, err
	}
	return time.Unix(sec, nsec), nil
}

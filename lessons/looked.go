package lessons

import (
	"context"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/moby/moby/client"
)

// look is a docker command that only looks, and the request that it makes.
type look struct {
	verb      string
	path      *regexp.Regexp // of the request; its group is the object
	object    string
	container bool // the object is a container
	command   string
}

// looks are those that a check can ask for. The order is that of being tried: a path may be of
// more than one.
var looks = []look{
	{verb: "images", path: regexp.MustCompile(`^/images/json$`), command: "docker images"},
	{verb: "ps", path: regexp.MustCompile(`^/containers/json$`), command: "docker ps"},
	{verb: "history", path: regexp.MustCompile(`^/images/(.+)/history$`), command: "docker history"},
	{verb: "diff", path: regexp.MustCompile(`^/containers/(.+)/changes$`), container: true, command: "docker diff"},
	{verb: "logs", path: regexp.MustCompile(`^/containers/(.+)/logs$`), container: true, command: "docker logs"},
	{verb: "info", path: regexp.MustCompile(`^/info$`), command: "docker info"},
	{verb: "version", path: regexp.MustCompile(`^/version$`), command: "docker version"},
	{verb: "inspect", path: regexp.MustCompile(`^/(?:images|containers|volumes|networks)/(.+?)(?:/json)?$`), command: "docker inspect"},
}

func lookRule(s string) (look, error) {
	verb, obj, _ := strings.Cut(s, " ")
	for _, l := range looks {
		if l.verb == verb && (l.path.NumSubexp() > 0) == (obj != "") {
			l.object = obj
			l.command = strings.TrimSpace(l.command + " " + obj)
			return l, nil
		}
	}
	return look{}, fmt.Errorf("looked %q: say images, ps, info, version, or history, diff, logs, inspect and a name", s)
}

// lookCommand is the docker command that a request comes from, if it is one that only looks.
func lookCommand(q Request) string {
	for _, l := range looks {
		if m := l.path.FindStringSubmatch(q.Path); q.Method == "GET" && m != nil && l.verb != "info" && l.verb != "version" {
			if len(m) > 1 {
				return l.command + " " + m[1]
			}
			return l.command
		}
	}
	return ""
}

func (c *Check) judgeLooked(ctx context.Context, lab Lab) (*Finding, error) {
	rule, err := lookRule(c.Looked)
	if err != nil {
		return nil, err
	}
	names := []string{rule.object, rule.object + ":latest", strings.TrimSuffix(rule.object, ":latest")}
	var ids []string
	if rule.object != "" {
		if r, err := lab.Engine().ContainerInspect(ctx, rule.object, client.ContainerInspectOptions{}); err == nil {
			ids = append(ids, r.Container.ID)
		}
		if r, err := lab.Engine().ImageInspect(ctx, rule.object); err == nil {
			ids = append(ids, r.ID, strings.TrimPrefix(r.ID, "sha256:"))
		}
		if len(ids) == 0 {
			if rule.container {
				return noContainer(ctx, lab, rule.object, "")
			}
			return noImage(ctx, lab, rule.object)
		}
	}
	last := ""
	for _, q := range lab.Requests() {
		if q.Status >= 300 {
			continue
		}
		if m := rule.path.FindStringSubmatch(q.Path); q.Method == "GET" && m != nil {
			if rule.object == "" {
				return nil, nil
			}
			asked := path.Clean(m[1])
			if slices.Contains(names, asked) || slices.ContainsFunc(ids, func(id string) bool { return len(asked) >= 4 && strings.HasPrefix(id, asked) }) {
				return nil, nil
			}
		}
		if cmd := lookCommand(q); cmd != "" {
			last = cmd
		}
	}
	if last != "" {
		return find(lookedElsewhere, rule.command, last), nil
	}
	return find(notLooked, rule.command), nil
}

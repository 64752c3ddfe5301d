package container

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/filters"
	ntypes "github.com/docker/docker/api/types/network"
	"github.com/docker/go-connections/nat"
	"github.com/docker/go-units"

	"github.com/dockerlab/dockerlab/sim/image"
)

// ListOptions are those of docker ps.
type ListOptions struct {
	All     bool
	Size    bool
	Limit   int
	Filters filters.Args
}

// containers lists all, the newest first.
func (s *State) containers() []*Container {
	var list []*Container
	for _, c := range s.Containers.All() {
		list = append(list, c)
	}
	sort.SliceStable(list, func(i, j int) bool { return list[i].Created.After(list[j].Created) })
	return list
}

// List describes the containers that pass the filters, the newest first.
func (e *Engine) List(o ListOptions) ([]*types.Container, error) {
	m, err := e.matcher(&o)
	if err != nil {
		return nil, err
	}
	list := []*types.Container{}
	s := e.State()
	for _, c := range s.containers() {
		ok, stop := m.match(s, c)
		if stop {
			break
		}
		if !ok {
			continue
		}
		list = append(list, e.summary(s, c, o.Size))
		if o.Limit > 0 && len(list) >= o.Limit {
			break
		}
	}
	return list, nil
}

// matcher is the filters of docker ps, read.
type matcher struct {
	o         ListOptions
	exited    map[int]bool
	before    *Container
	since     *Container
	images    map[string]bool
	ancestor  bool
	publish   map[nat.Port]bool
	expose    map[nat.Port]bool
	isTask    bool
	taskGiven bool
	names     []string
}

func (e *Engine) matcher(o *ListOptions) (*matcher, error) {
	f := o.Filters
	if err := checkFilters(f, "ancestor", "before", "exited", "id", "isolation", "label", "name", "status", "health",
		"since", "volume", "network", "is-task", "publish", "expose"); err != nil {
		return nil, err
	}
	m := &matcher{exited: map[int]bool{}, images: map[string]bool{}, publish: map[nat.Port]bool{}, expose: map[nat.Port]bool{}}
	for _, v := range f.Get("exited") {
		n, err := strconv.Atoi(v)
		if err != nil {
			return nil, err
		}
		m.exited[n] = true
	}
	for _, v := range f.Get("status") {
		if !slices.Contains([]string{"paused", "restarting", "removing", "running", "dead", "created", "exited"}, v) {
			return nil, badFilter("status", v)
		}
		o.All = true
	}
	for _, v := range f.Get("health") {
		if !slices.Contains([]string{"starting", "healthy", "unhealthy", "none"}, v) {
			return nil, invalid("Unrecognised filter value for health: %s", v)
		}
	}
	var err error
	if m.isTask, m.taskGiven, err = boolFilter(f, "is-task"); err != nil {
		return nil, badFilter("is-task", f.Get("is-task"))
	}
	find := func(name string) (*Container, error) {
		ref := ""
		for _, v := range f.Get(name) {
			ref = v
		}
		if ref == "" {
			return nil, nil
		}
		o.All = true
		c, err := e.Container(ref)
		if KindOf(err) == NotFound {
			return nil, fmt.Errorf("no such container %s", ref)
		}
		return c, err
	}
	if m.before, err = find("before"); err != nil {
		return nil, err
	}
	if m.since, err = find("since"); err != nil {
		return nil, err
	}
	if f.Contains("ancestor") {
		m.ancestor = true
		store := e.State().Images
		var add func(id image.ID)
		add = func(id image.ID) {
			if m.images[string(id)] {
				return
			}
			m.images[string(id)] = true
			for _, child := range store.Children(id) {
				add(child)
			}
		}
		for _, v := range f.Get("ancestor") {
			if img, err := store.Find(v); err == nil {
				add(img.ID)
			}
		}
	}
	for _, p := range []struct {
		name string
		to   map[nat.Port]bool
	}{{"publish", m.publish}, {"expose", m.expose}} {
		for _, v := range f.Get(p.name) {
			if err := parsePortFilter(p.name, v, p.to); err != nil {
				return nil, err
			}
		}
	}
	m.o = *o
	return m, nil
}

// parsePortFilter reads "80", "80/udp" or "8000-8080/tcp".
func parsePortFilter(name, v string, to map[nat.Port]bool) error {
	if strings.Contains(v, ":") {
		return fmt.Errorf("filter for '%s' should not contain ':': %s", name, v)
	}
	proto, port := nat.SplitProtoPort(v)
	start, end, err := parsePortRange(port)
	if err != nil {
		return fmt.Errorf("error while looking up for %s %s: %w", name, v, err)
	}
	if end-start > 65535 {
		return errors.New("invalid range format")
	}
	for i := start; i <= end; i++ {
		p, err := nat.NewPort(proto, strconv.FormatUint(i, 10))
		if err != nil {
			return fmt.Errorf("error while looking up for %s %s: %w", name, v, err)
		}
		to[p] = true
	}
	return nil
}

// parsePortRange reads "80" or "80-90". Its errors are in the words of the engine's time.
func parsePortRange(s string) (lo, hi uint64, err error) {
	if s == "" {
		return 0, 0, errors.New("empty string specified for ports")
	}
	first, last, ranged := strings.Cut(s, "-")
	if lo, err = strconv.ParseUint(first, 10, 16); err != nil {
		return 0, 0, err
	}
	if !ranged {
		return lo, lo, nil
	}
	if hi, err = strconv.ParseUint(last, 10, 16); err != nil {
		return 0, 0, err
	}
	if hi < lo {
		return 0, 0, fmt.Errorf("invalid range specified for the Port: %s", s)
	}
	return lo, hi, nil
}

// match says whether a container is listed, and whether nothing that comes after it can be.
func (m *matcher) match(s *State, c *Container) (ok, stop bool) {
	f := m.o.Filters
	if !c.Status.Running && !m.o.All && m.o.Limit <= 0 {
		return false, false
	}
	if !f.Match("name", c.Name) && !f.Match("name", strings.TrimPrefix(c.Name, "/")) && !m.matchesOtherName(s, c) {
		return false, false
	}
	if !f.Match("id", c.ID) || m.taskGiven && m.isTask || !f.MatchKVList("label", c.Config.Labels) {
		return false, false
	}
	if m.before != nil {
		if c.ID == m.before.ID {
			m.before = nil
			return false, false
		}
		return false, false
	}
	if m.since != nil && c.ID == m.since.ID {
		return false, true
	}
	if len(m.exited) > 0 && (!m.exited[c.Status.ExitCode] || c.Status.Running || c.Status.FinishedAt.IsZero()) {
		return false, false
	}
	if !f.ExactMatch("status", c.Status.String()) || !f.ExactMatch("health", health(c)) {
		return false, false
	}
	if f.Contains("volume") && !slices.ContainsFunc(f.Get("volume"), func(v string) bool {
		return slices.ContainsFunc(c.Mounts, func(p *Mount) bool {
			return p.Destination == v || p.Name == v || p.Name == "" && p.Source == v
		})
	}) {
		return false, false
	}
	if m.ancestor && !m.images[c.Image] {
		return false, false
	}
	if f.Contains("network") {
		found := false
		for name, ep := range c.Ends {
			found = found || f.Contains("network") && (f.ExactMatch("network", name) || ep.NetworkID != "" && f.Match("network", ep.NetworkID))
		}
		if !found {
			return false, false
		}
	}
	if len(m.publish) > 0 {
		found := false
		// it is the host's ports that are compared, of containers that run
		for p, bindings := range c.Net.Ports {
			for _, b := range bindings {
				found = found || m.publish[nat.Port(b.HostPort+"/"+p.Proto())]
			}
		}
		if !found {
			return false, false
		}
	}
	if len(m.expose) > 0 {
		found := false
		for p := range c.Config.ExposedPorts {
			found = found || m.expose[p]
		}
		if !found {
			return false, false
		}
	}
	return true, false
}

func (m *matcher) matchesOtherName(s *State, c *Container) bool {
	for _, n := range s.namesOf(c) {
		if m.o.Filters.Match("name", strings.TrimPrefix(n, "/")) {
			return true
		}
	}
	return false
}

func health(c *Container) string {
	if c.Health == nil {
		return "none"
	}
	return c.Health.Status
}

// namesOf are a container's own name and those that --link gives to it.
func (s *State) namesOf(c *Container) []string {
	names := []string{c.Name}
	for n, id := range s.Names.All() {
		if id == c.ID && n != c.Name {
			names = append(names, n)
		}
	}
	return names
}

// summary is a container as docker ps shows it.
func (e *Engine) summary(s *State, c *Container, size bool) *types.Container {
	t := &types.Container{
		ID: c.ID, Names: s.namesOf(c), Image: c.Config.Image, ImageID: c.Image, Created: c.Created.Unix(),
		Ports: ports(c), Labels: c.Config.Labels, State: c.Status.String(), Status: e.statusText(c), Mounts: mountPoints(c),
	}
	if t.Labels == nil {
		t.Labels = map[string]string{}
	}
	if c.Image != "" {
		if img, err := s.Images.Find(c.Config.Image); err != nil || string(img.ID) != c.Image {
			t.Image = c.Image
		}
	}
	t.HostConfig.NetworkMode = string(c.Host.NetworkMode)
	t.NetworkSettings = &types.SummaryNetworkSettings{Networks: map[string]*ntypes.EndpointSettings{}}
	for name, ep := range c.Ends {
		cp := ep.Copy()
		cp.Links, cp.Aliases, cp.IPAMConfig = nil, nil, nil
		if ep.IPAMConfig != nil && ep.IPAMConfig.IPv4Address != "" {
			cp.IPAMConfig = &ntypes.EndpointIPAMConfig{IPv4Address: ep.IPAMConfig.IPv4Address}
		}
		t.NetworkSettings.Networks[name] = cp
	}
	if len(c.Args) > 0 {
		var args []string
		for _, a := range c.Args {
			if strings.Contains(a, " ") {
				args = append(args, "'"+a+"'")
			} else {
				args = append(args, a)
			}
		}
		t.Command = c.Path + " " + strings.Join(args, " ")
	} else {
		t.Command = c.Path
	}
	if size {
		t.SizeRw, t.SizeRootFs = e.sizes(c)
	}
	return t
}

// ports are a container's ports as docker ps shows them.
func ports(c *Container) []types.Port {
	list := []types.Port{}
	for p, bindings := range c.Net.Ports {
		if len(bindings) == 0 {
			list = append(list, types.Port{PrivatePort: uint16(p.Int()), Type: p.Proto()})
			continue
		}
		for _, b := range bindings {
			list = append(list, types.Port{PrivatePort: uint16(p.Int()), PublicPort: portNumber(b.HostPort), Type: p.Proto(), IP: b.HostIP})
		}
	}
	sort.Slice(list, func(i, j int) bool {
		a, b := list[i], list[j]
		if a.PrivatePort != b.PrivatePort {
			return a.PrivatePort < b.PrivatePort
		}
		if a.Type != b.Type {
			return a.Type < b.Type
		}
		return a.IP < b.IP
	})
	return list
}

// statusText is a container's state in words: "Up 3 minutes (healthy)".
func (e *Engine) statusText(c *Container) string {
	now := e.now()
	st := c.Status
	since := func(t time.Time) string { return units.HumanDuration(now.Sub(t)) }
	switch {
	case st.Running && st.Paused:
		return "Up " + since(st.StartedAt) + " (Paused)"
	case st.Running && st.Restarting:
		return fmt.Sprintf("Restarting (%d) %s ago", st.ExitCode, since(st.FinishedAt))
	case st.Running:
		text := "Up " + since(st.StartedAt)
		if h := c.Health; h != nil {
			if h.Status == types.Starting {
				text += " (health: starting)"
			} else {
				text += " (" + h.Status + ")"
			}
		}
		return text
	case st.Removing:
		return "Removal In Progress"
	case st.Dead:
		return "Dead"
	case st.StartedAt.IsZero():
		return "Created"
	case st.FinishedAt.IsZero():
		return ""
	}
	return fmt.Sprintf("Exited (%d) %s ago", st.ExitCode, since(st.FinishedAt))
}

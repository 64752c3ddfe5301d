package container

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/filters"
	ntypes "github.com/docker/docker/api/types/network"
)

const notSwarmManager = `This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.`

// ErrNoSwarm is the answer to all that needs a swarm.
var ErrNoSwarm = refuse(Unavailable, notSwarmManager)

// predefined are the networks that every engine has; their names are their modes too.
var predefined = []string{"none", "host", "bridge"}

func isPredefined(name string) bool { return slices.Contains(predefined, name) || name == "default" }

// isUserDefined says whether a container's network mode names a network that somebody created.
func isUserDefined(mode string) bool {
	return mode != "" && !isPredefined(mode) && !strings.HasPrefix(mode, "container:")
}

// addPredefinedNetworks makes the networks of a fresh engine.
func (e *Engine) addPredefinedNetworks(s *State) {
	for _, name := range predefined {
		n := &Network{ID: e.newID(), Name: name, Driver: name, Created: e.now()}
		n.IPAM = ntypes.IPAM{Driver: "default", Config: []ntypes.IPAMConfig{}}
		n.Options, n.Labels = map[string]string{}, map[string]string{}
		switch name {
		case "none":
			n.Driver = "null"
		case "bridge":
			p, _ := newPool(ntypes.IPAMConfig{}, nil)
			n.Pools, n.Interface = []Pool{p}, "docker0"
			n.IPAM.Config = []ntypes.IPAMConfig{{Subnet: p.Subnet.String()}}
			n.Options = map[string]string{
				"com.docker.network.bridge.default_bridge":       "true",
				"com.docker.network.bridge.enable_icc":           "true",
				"com.docker.network.bridge.enable_ip_masquerade": "true",
				"com.docker.network.bridge.host_binding_ipv4":    "0.0.0.0",
				"com.docker.network.bridge.name":                 "docker0",
				"com.docker.network.driver.mtu":                  "1500",
			}
		}
		s.Networks = s.Networks.With(n.ID, n)
	}
}

// CreateNetwork makes a network.
func (e *Engine) CreateNetwork(r types.NetworkCreateRequest) (*types.NetworkCreateResponse, error) {
	if isPredefined(r.Name) {
		return nil, refuse(Forbidden, "operation is not permitted on predefined %s network ", r.Name)
	}
	warning := ""
	if r.Name == "" && r.CheckDuplicate {
		return nil, conflict("network with name  already exists") // an empty name is the start of every ID
	}
	if same := e.networksNamed(r.Name); len(same) > 0 {
		if r.CheckDuplicate {
			return nil, conflict("network with name %s already exists", r.Name)
		}
		warning = fmt.Sprintf("Network with name %s (id : %s) already exists", same[0].Name, same[0].ID)
	}
	if strings.TrimSpace(r.Name) == "" {
		return nil, fmt.Errorf("invalid name: %s", r.Name)
	}
	driver := r.Driver
	if driver == "" {
		driver = "bridge"
	}
	if r.ConfigOnly {
		driver = "null"
	}
	switch {
	case driver == "overlay", r.Scope != "" && r.Scope != "local" && r.Scope != "swarm":
		return nil, errors.New(notSwarmManager)
	case driver == "host", driver == "null" && !r.ConfigOnly:
		return nil, refuse(Forbidden, "only one instance of %q network is allowed", driver)
	case driver != "bridge" && driver != "null" && driver != "macvlan" && driver != "ipvlan":
		return nil, notFound("plugin %q not found", driver)
	case r.Scope == "swarm":
		return nil, refuse(Forbidden, "cannot create a swarm scoped network when swarm is not active")
	case r.Ingress:
		return nil, refuse(Forbidden, "Ingress network can only be global scope network")
	}
	n := &Network{
		ID: e.newID(), Name: r.Name, Driver: driver, Created: e.now(),
		Internal: r.Internal, Attachable: r.Attachable, EnableIPv6: r.EnableIPv6, ConfigOnly: r.ConfigOnly,
		Options: orEmpty(r.Options), Labels: orEmpty(r.Labels),
	}
	if r.ConfigFrom != nil {
		n.ConfigFrom = r.ConfigFrom.Network
		if n.ConfigFrom != "" {
			from := e.networksNamed(n.ConfigFrom)
			if len(from) == 0 {
				return nil, notFound("configuration network %q does not exist", n.ConfigFrom)
			}
			if !from[0].ConfigOnly {
				return nil, refuse(Forbidden, "network %q is not a configuration network", n.ConfigFrom)
			}
		}
	}
	if driver == "bridge" {
		n.Interface = "br-" + n.ID[:12]
		if name := n.Options["com.docker.network.bridge.name"]; name != "" {
			n.Interface = name
		}
	}
	n.IPAM = ntypes.IPAM{Driver: "default", Config: []ntypes.IPAMConfig{}}
	var configs []ntypes.IPAMConfig
	if r.IPAM != nil {
		if d := r.IPAM.Driver; d != "" && d != "default" && d != "null" {
			return nil, notFound("plugin %q not found", d)
		}
		n.IPAM.Options = r.IPAM.Options
		configs = r.IPAM.Config
	}
	err := e.update(func(s *State) error {
		if !n.ConfigOnly {
			if err := n.allot(configs, s); err != nil {
				return err
			}
		}
		s.Networks = s.Networks.With(n.ID, n)
		return nil
	})
	if err != nil {
		return nil, err
	}
	e.emitNetwork(n, "create", nil)
	return &types.NetworkCreateResponse{ID: n.ID, Warning: warning}, nil
}

// allot gives a new network its pools.
func (n *Network) allot(configs []ntypes.IPAMConfig, s *State) error {
	var used []netip.Prefix
	for _, o := range s.Networks.All() {
		for _, p := range slices.Concat(o.Pools, o.Pools6) {
			used = append(used, p.Subnet)
		}
	}
	six := func(c ntypes.IPAMConfig) bool { return strings.Contains(c.Subnet, ":") }
	if !slices.ContainsFunc(configs, func(c ntypes.IPAMConfig) bool { return !six(c) }) {
		p, err := newPool(ntypes.IPAMConfig{}, used)
		if err != nil {
			return err
		}
		n.Pools = []Pool{p}
		n.IPAM.Config = []ntypes.IPAMConfig{{Subnet: p.Subnet.String(), Gateway: p.Gateway.String()}}
	}
	if n.EnableIPv6 && !slices.ContainsFunc(configs, six) {
		return errNoIPv6Default
	}
	n.ChosenSubnet = len(configs) > 0
	for _, c := range configs {
		if c.Subnet == "" {
			return refuse(Unknown, "Invalid subnet %s : invalid CIDR address: %s", c.Subnet, c.Subnet)
		}
		p, err := newPool(c, used)
		if err != nil {
			return err
		}
		if six(c) {
			if n.EnableIPv6 {
				used = append(used, p.Subnet)
				n.Pools6 = append(n.Pools6, p)
			}
			n.IPAM.Config = append(n.IPAM.Config, c)
			continue
		}
		if used = append(used, p.Subnet); len(n.Pools) > 0 && n.Driver == "bridge" {
			return refuse(Forbidden, "bridge driver doesn't support multiple subnets")
		}
		n.Pools = append(n.Pools, p)
		// The default gateway is not shown of a subnet that somebody chose, until the engine is
		// restarted: unlike of one out of the default pools.
		n.IPAM.Config = append(n.IPAM.Config, c)
	}
	return nil
}

func orEmpty(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return maps.Clone(m)
}

// networks lists all, the oldest first.
func (s *State) networks() []*Network {
	var list []*Network
	for _, n := range s.Networks.All() {
		list = append(list, n)
	}
	sort.SliceStable(list, func(i, j int) bool { return list[i].Created.Before(list[j].Created) })
	return list
}

func (e *Engine) networksNamed(name string) []*Network {
	var list []*Network
	for _, n := range e.State().networks() {
		if n.Name == name {
			list = append(list, n)
		}
	}
	return list
}

// Network finds a network by its ID, its name or the start of its ID, in this order.
func (e *Engine) Network(ref string) (*Network, error) {
	n, err := e.findNetwork(ref)
	var many *ambiguous
	if errors.As(err, &many) {
		how := "based on " + many.by
		if many.by == "name" {
			how = "on name"
		}
		return nil, invalid("network %s is ambiguous (%d matches found %s)", ref, many.n, how)
	}
	return n, err
}

type ambiguous struct {
	n  int
	by string
}

func (a *ambiguous) Error() string { return "ambiguous" }

func (e *Engine) findNetwork(ref string) (*Network, error) {
	s := e.State()
	if n, ok := s.Networks.Get(ref); ok {
		return n, nil
	}
	if named := e.networksNamed(ref); len(named) == 1 {
		return named[0], nil
	} else if len(named) > 1 {
		return nil, &ambiguous{len(named), "name"}
	}
	var byID []*Network
	for id, n := range s.Networks.From(ref) {
		if !strings.HasPrefix(id, ref) {
			break
		}
		byID = append(byID, n)
	}
	switch len(byID) {
	case 0:
		return nil, notFound("network %s not found", ref)
	case 1:
		return byID[0], nil
	}
	return nil, &ambiguous{len(byID), "ID prefix"}
}

// InspectNetwork describes one network.
func (e *Engine) InspectNetwork(ref string) (types.NetworkResource, error) {
	n, err := e.findNetwork(ref)
	var many *ambiguous
	if errors.As(err, &many) {
		return types.NetworkResource{}, invalid("%d matches found based on %s: network %s is ambiguous", many.n, many.by, ref)
	}
	if err != nil {
		return types.NetworkResource{}, err
	}
	return e.networkResource(n, true), nil
}

// networkResource is a network as the API tells it; only a detailed one has its containers.
func (e *Engine) networkResource(n *Network, detailed bool) types.NetworkResource {
	r := types.NetworkResource{
		Name: n.Name, ID: n.ID, Created: n.Created, Scope: "local", Driver: n.Driver,
		EnableIPv6: n.EnableIPv6, IPAM: n.IPAM, Internal: n.Internal, Attachable: n.Attachable, Ingress: n.Ingress,
		ConfigFrom: ntypes.ConfigReference{Network: n.ConfigFrom}, ConfigOnly: n.ConfigOnly,
		Containers: map[string]types.EndpointResource{}, Options: n.Options, Labels: n.Labels,
	}
	if !detailed {
		return r
	}
	for _, c := range e.State().Containers.All() {
		ep := c.Ends[n.Name]
		if ep == nil || ep.NetworkID != n.ID || ep.EndpointID == "" {
			continue
		}
		er := types.EndpointResource{Name: strings.TrimPrefix(c.Name, "/"), EndpointID: ep.EndpointID, MacAddress: ep.MacAddress}
		if ep.IPAddress != "" {
			er.IPv4Address = fmt.Sprintf("%s/%d", ep.IPAddress, ep.IPPrefixLen)
		}
		if ep.GlobalIPv6Address != "" {
			er.IPv6Address = fmt.Sprintf("%s/%d", ep.GlobalIPv6Address, ep.GlobalIPv6PrefixLen)
		}
		r.Containers[c.ID] = er
	}
	return r
}

// Networks lists those that pass the filters. Only a detailed list knows who uses a network: in
// another, all that somebody created are dangling, as in the engine's.
func (e *Engine) Networks(f filters.Args, detailed bool) ([]types.NetworkResource, error) {
	if err := checkFilters(f, "dangling", "driver", "id", "idOrName", "label", "name", "scope", "type"); err != nil {
		return nil, err
	}
	dangling, byUse, err := boolFilter(f, "dangling")
	if err != nil {
		return nil, err
	}
	list := []types.NetworkResource{}
	s := e.State()
	for _, n := range s.networks() {
		if f.Contains("driver") && !f.ExactMatch("driver", n.Driver) ||
			f.Contains("name") && !f.Match("name", n.Name) ||
			f.Contains("id") && !f.Match("id", n.ID) ||
			f.Contains("label") && !f.MatchKVList("label", n.Labels) ||
			f.Contains("scope") && !f.ExactMatch("scope", "local") {
			continue
		}
		if byUse && dangling != (!isPredefined(n.Name) && !(detailed && s.networkInUse(n))) {
			continue
		}
		if ok, err := ofType(f, n); err != nil {
			return nil, err
		} else if !ok {
			continue
		}
		list = append(list, e.networkResource(n, detailed))
	}
	return list, nil
}

func ofType(f filters.Args, n *Network) (bool, error) {
	if !f.Contains("type") {
		return true, nil
	}
	ok := false
	for _, t := range f.Get("type") {
		switch t {
		case "builtin":
			ok = ok || isPredefined(n.Name)
		case "custom":
			ok = ok || !isPredefined(n.Name)
		default:
			return false, fmt.Errorf("invalid filter: 'type'='%s'", t)
		}
	}
	return ok, nil
}

// networkInUse says whether a running container is connected to it.
func (s *State) networkInUse(n *Network) bool {
	for _, c := range s.Containers.All() {
		for _, ep := range c.Ends {
			if ep.NetworkID == n.ID && ep.EndpointID != "" {
				return true
			}
		}
	}
	return false
}

// RemoveNetwork removes a network that no running container is connected to.
func (e *Engine) RemoveNetwork(ref string) error {
	n, err := e.findNetwork(ref)
	var many *ambiguous
	if errors.As(err, &many) {
		return invalid("network %s is ambiguous (%d matches found based on %s)", ref, many.n, many.by)
	}
	if err != nil {
		return err
	}
	if isPredefined(n.Name) {
		return refuse(Forbidden, "%s is a pre-defined network and cannot be removed", n.Name)
	}
	err = e.update(func(s *State) error {
		if s.networkInUse(n) {
			return refuse(Forbidden, "error while removing network: network %s id %s has active endpoints", n.Name, n.ID)
		}
		if n.ConfigOnly {
			for _, o := range s.Networks.All() {
				if o.ConfigFrom == n.Name {
					return refuse(Forbidden, "error while removing network: configuration network %q is in use", n.Name)
				}
			}
		}
		s.Networks = s.Networks.Without(n.ID)
		return nil
	})
	if err != nil {
		return err
	}
	if !n.ConfigOnly {
		e.emitNetwork(n, "destroy", nil)
	}
	return nil
}

// PruneNetworks removes networks that somebody created and no container refers to.
func (e *Engine) PruneNetworks(ctx context.Context, f filters.Args) (*types.NetworksPruneReport, error) {
	if err := checkFilters(f, "label", "label!", "until"); err != nil {
		return nil, err
	}
	until, err := e.untilFilter(f)
	if err != nil {
		return nil, err
	}
	r := &types.NetworksPruneReport{}
	s := e.State()
	for _, n := range s.networks() {
		if ctx.Err() != nil {
			break
		}
		if isPredefined(n.Name) || s.networkInUse(n) ||
			!until.IsZero() && n.Created.After(until) || !matchLabels(f, n.Labels) {
			continue
		}
		if e.RemoveNetwork(n.ID) == nil {
			r.NetworksDeleted = append(r.NetworksDeleted, n.Name)
		}
	}
	e.emit("network", "prune", "", map[string]string{"reclaimed": "0"})
	return r, nil
}

// Connect connects a container to one more network.
func (e *Engine) Connect(ref, network string, want *ntypes.EndpointSettings) error {
	c, err := e.Container(ref)
	if err != nil {
		return err
	}
	if want == nil {
		want = &ntypes.EndpointSettings{}
	}
	l := e.live(c.ID)
	l.op.Lock()
	defer l.op.Unlock()
	if c, err = e.Container(c.ID); err != nil {
		return err
	}
	n, err := e.Network(network)
	if !c.Status.Running {
		if c.Status.Removing || c.Status.Dead {
			return conflict("Container %s is marked for removal and cannot be connected or disconnected to the network", c.ID)
		}
		if err != nil && isPredefined(network) {
			return err
		}
		name := network
		if err == nil {
			name = n.Name
			if err := e.checkConnect(c, n, want); err != nil {
				return err
			}
		}
		return e.change(c.ID, func(c *Container) error {
			c.Ends = maps.Clone(c.Ends)
			if c.Ends == nil {
				c.Ends = map[string]*ntypes.EndpointSettings{}
			}
			if c.Ends[name] != nil {
				return nil // what was asked for first stays
			}
			ep := want.Copy()
			ep.Aliases = aliasesOf(c, name, ep.Aliases)
			c.Ends[name] = ep
			return nil
		})
	}
	if err != nil {
		return err
	}
	if err := e.checkConnect(c, n, want); err != nil {
		return err
	}
	if err := e.join(c, n, want.Copy(), true); err != nil {
		return err
	}
	return nil
}

// checkConnect refuses what cannot be connected.
func (e *Engine) checkConnect(c *Container, n *Network, want *ntypes.EndpointSettings) error {
	mode := c.Host.NetworkMode
	_, again := c.Ends[n.Name]
	switch others := len(c.Ends) > 0 && !again; {
	case !mode.IsHost() && n.Name == "host":
		return invalid("container cannot be disconnected from host network or connected to host network")
	case mode.IsContainer(), mode.IsHost() && n.Name != "host":
		return invalid("container sharing network namespace with another container or host cannot be connected to any other network")
	case others && (n.Name == "none" || c.Ends["none"] != nil):
		return invalid("container cannot be connected to multiple networks with one of the networks in private (none) mode")
	case n.ConfigOnly:
		return refuse(Forbidden, "cannot create endpoint on configuration-only network")
	case c.Status.Running && c.Ends[n.Name] != nil && c.Ends[n.Name].EndpointID != "":
		return refuse(Forbidden, "endpoint with name %s already exists in network %s", strings.TrimPrefix(c.Name, "/"), n.Name)
	}
	return checkEndpoint(n, want)
}

// checkEndpoint refuses addresses and aliases that a network cannot give.
func checkEndpoint(n *Network, want *ntypes.EndpointSettings) error {
	ipam := want.IPAMConfig
	fixed := ipam != nil && (ipam.IPv4Address != "" || ipam.IPv6Address != "")
	if isPredefined(n.Name) {
		if fixed {
			return invalid("user specified IP address is supported on user defined networks only")
		}
		if len(want.Aliases) > 0 {
			return invalid("network-scoped alias is supported only for containers in user defined networks")
		}
		return nil
	}
	if fixed && !n.ChosenSubnet || ipam != nil && ipam.IPv6Address != "" && len(n.Pools6) == 0 {
		return invalid("user specified IP address is supported only when connecting to networks with user configured subnets")
	}
	return nil
}

// Disconnect takes a container off a network.
func (e *Engine) Disconnect(ref, network string, force bool) error {
	c, err := e.Container(ref)
	if err != nil {
		if force {
			return notFound("endpoint %s not found", ref)
		}
		return err
	}
	l := e.live(c.ID)
	l.op.Lock()
	defer l.op.Unlock()
	if c, err = e.Container(c.ID); err != nil {
		return err
	}
	n, err := e.Network(network)
	if err != nil && c.Status.Running {
		return err
	}
	name := network
	if err == nil {
		name = n.Name
	}
	if name == "host" && c.Host.NetworkMode.IsHost() {
		return invalid("container cannot be disconnected from host network or connected to host network")
	}
	if c.Ends[name] == nil {
		the := "the "
		if c.Status.Running {
			the = ""
		}
		return refuse(Unknown, "container %s is not connected to %snetwork %s", c.ID, the, name)
	}
	if c.Status.Running {
		e.leave(c, n)
		for range 2 { // as the engine says it
			e.emitNetwork(n, "disconnect", map[string]string{"container": c.ID})
		}
	}
	return e.change(c.ID, func(c *Container) error {
		c.Ends = maps.Clone(c.Ends)
		delete(c.Ends, name)
		return nil
	})
}

// boolFilter reads a filter that is true or false.
func boolFilter(f filters.Args, name string) (value, given bool, err error) {
	if !f.Contains(name) {
		return false, false, nil
	}
	value = f.ExactMatch(name, "true") || f.ExactMatch(name, "1")
	if !value && !f.ExactMatch(name, "false") && !f.ExactMatch(name, "0") {
		return false, true, invalid(`invalid value for filter '%s', must be "true" (or "1"), or "false" (or "0")`, name)
	}
	return value, true, nil
}

func badFilter(name string, value any) error { return invalid("Invalid filter '%s=%v'", name, value) }

// checkFilters refuses filters that a list does not have.
func checkFilters(f filters.Args, known ...string) error {
	m := map[string]bool{}
	for _, k := range known {
		m[k] = true
	}
	return as(Invalid, f.Validate(m))
}

// matchLabels says whether labels pass the filters label and label!.
func matchLabels(f filters.Args, labels map[string]string) bool {
	if !f.MatchKVList("label", labels) {
		return false
	}
	return !f.Contains("label!") || !f.MatchKVList("label!", labels)
}

// untilFilter reads the filter until, a time or how long ago it was.
func (e *Engine) untilFilter(f filters.Args) (time.Time, error) {
	if !f.Contains("until") {
		return time.Time{}, nil
	}
	v := f.Get("until")
	if len(v) > 1 {
		return time.Time{}, errors.New("more than one until filter specified")
	}
	return parseTime(v[0], e.now())
}

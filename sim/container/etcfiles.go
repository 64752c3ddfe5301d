package container

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/dockerlab/dockerlab/sim/unionfs"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

const etcLimit = 64 << 10

// newEtcFiles writes /etc/hosts, /etc/hostname and /etc/resolv.conf of a container that is about
// to start. It is called inside the kernel.
func (e *Engine) newEtcFiles(c *Container) (*etcFiles, error) {
	fs := unionfs.New(nil, e.fsOptions("ext4", nil))
	v := view(fs)
	host := e.hostView()
	hosts, resolve := hostsFile(c, e.linkedHosts(c)), ""
	if c.Host.NetworkMode.IsHost() && host != nil {
		if b, err := host.ReadFile("/etc/hosts", etcLimit); err == nil {
			hosts = string(b) + extraHosts(c)
		}
	}
	if host != nil {
		b, _ := host.ReadFile("/etc/resolv.conf", etcLimit)
		resolve = string(b)
	}
	etc := &etcFiles{fs: fs, host: resolve}
	resolve = resolvFile(c, resolve, isUserDefined(string(c.Host.NetworkMode)))
	etc.resolved = resolve
	for _, f := range []struct {
		name, text string
		ino        *vfs.Ino
	}{{"hosts", hosts, &etc.hosts}, {"hostname", c.Config.Hostname + "\n", &etc.hostname}, {"resolv.conf", resolve, &etc.resolve}} {
		if err := v.WriteFile("/"+f.name, []byte(f.text), 0o644); err != nil {
			return nil, err
		}
		ref, err := v.Resolve("/"+f.name, false)
		if err != nil {
			return nil, err
		}
		*f.ino = ref.Ino
	}
	return etc, nil
}

func (e *Engine) hostView() *vfs.View {
	if e.o.Host == nil {
		return nil
	}
	return e.o.Host.View(vfs.Root(vfs.CapsAll))
}

func fqdn(c *Container) string {
	if c.Config.Domainname != "" {
		return c.Config.Hostname + "." + c.Config.Domainname
	}
	return c.Config.Hostname
}

const defaultHosts = "127.0.0.1\tlocalhost\n" +
	"::1\tlocalhost ip6-localhost ip6-loopback\n" +
	"fe00::0\tip6-localnet\n" +
	"ff00::0\tip6-mcastprefix\n" +
	"ff02::1\tip6-allnodes\n" +
	"ff02::2\tip6-allrouters\n"

func extraHosts(c *Container) string {
	var b strings.Builder
	for _, x := range c.Host.ExtraHosts {
		name, ip, _ := strings.Cut(x, ":")
		if ip == "host-gateway" {
			ip = "172.17.0.1"
		}
		fmt.Fprintf(&b, "%s\t%s\n", ip, name)
	}
	return b.String()
}

// hostsFile is /etc/hosts before the container's own addresses, which each network that it joins
// adds.
func hostsFile(c *Container, links string) string { return defaultHosts + extraHosts(c) + links }

// ownHostsLine is the line that a network adds: the address, and the name with and without domain.
func ownHostsLine(c *Container, addr netip.Addr) string {
	names := fqdn(c)
	if short, _, dotted := strings.Cut(names, "."); dotted {
		names += " " + short
	}
	return fmt.Sprintf("%s\t%s\n", addr, names)
}

// checkLinks refuses links on the default network to containers that cannot be reached there.
func (e *Engine) checkLinks(c *Container) error {
	if c.Ends["bridge"] == nil {
		return nil
	}
	for _, alias := range slices.Sorted(maps.Keys(c.Links)) {
		child, err := e.Container(c.Links[alias])
		switch {
		case err != nil:
			return err
		case child.Ends["bridge"] == nil:
			return refuse(Unknown, "Cannot link to %s, as it does not belong to the default network", child.Name)
		case !child.Status.Running:
			return refuse(Unknown, "Cannot link to a non running container: %s AS %s/%s", child.Name, c.Name, alias)
		}
	}
	return nil
}

// linkedHosts are the lines of --link on the default network.
func (e *Engine) linkedHosts(c *Container) string {
	var b strings.Builder
	for _, alias := range slices.Sorted(maps.Keys(c.Links)) {
		child, err := e.Container(c.Links[alias])
		if err != nil || !child.Status.Running || child.Ends["bridge"] == nil {
			continue
		}
		names := alias + " " + child.Config.Hostname
		if n := strings.TrimPrefix(child.Name, "/"); n != alias {
			names += " " + n
		}
		fmt.Fprintf(&b, "%s\t%s\n", child.Ends["bridge"].IPAddress, names)
	}
	return b.String()
}

// resolvFile is /etc/resolv.conf of a container: the host's but for what --dns and its like say;
// on a network that somebody created, the engine's own resolver.
func resolvFile(c *Container, host string, own bool) string {
	var servers, search, options []string
	for line := range strings.Lines(host) {
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		switch f[0] {
		case "nameserver":
			if a, err := netip.ParseAddr(f[1]); err == nil && !a.IsLoopback() {
				servers = append(servers, f[1])
			}
		case "search":
			search = f[1:]
		case "options":
			options = f[1:]
		}
	}
	h := c.Host
	if len(h.DNS) > 0 {
		servers = h.DNS
	}
	if len(h.DNSSearch) > 0 {
		search = h.DNSSearch
	}
	if len(h.DNSOptions) > 0 {
		options = h.DNSOptions
	}
	if len(servers) == 0 {
		servers = []string{"8.8.8.8", "8.8.4.4"}
	}
	if own {
		servers = []string{"127.0.0.11"}
		if !slices.ContainsFunc(options, func(o string) bool { return strings.HasPrefix(o, "ndots:") }) {
			options = append(slices.Clone(options), "ndots:0")
		}
	}
	var b strings.Builder
	if len(search) > 0 && !(len(search) == 1 && search[0] == ".") {
		fmt.Fprintf(&b, "search %s\n", strings.Join(search, " "))
	}
	for _, s := range servers {
		fmt.Fprintf(&b, "nameserver %s\n", s)
	}
	if list := strings.Join(options, " "); strings.TrimSpace(list) != "" {
		fmt.Fprintf(&b, "options %s\n", list)
	}
	return b.String()
}

// useOwnResolver makes the engine's own resolver that of a container that has joined a network
// which somebody created, unless its resolv.conf has been edited. It is called inside the kernel.
func (f *etcFiles) useOwnResolver(c *Container) {
	v := view(f.fs)
	if b, err := v.ReadFile("/resolv.conf", etcLimit); err != nil || string(b) != f.resolved {
		return
	}
	f.resolved = resolvFile(c, f.host, true)
	v.WriteFile("/resolv.conf", []byte(f.resolved), 0o644)
}

// appendHosts adds lines to a running container's /etc/hosts, removeHosts takes away those of an
// address. Both are called inside the kernel.
func (f *etcFiles) appendHosts(lines string) {
	f.rewriteHosts(func(old string) string { return old + lines })
}

func (f *etcFiles) removeHosts(addr string) {
	f.rewriteHosts(func(old string) string {
		var b strings.Builder
		for line := range strings.Lines(old) {
			if a, _, _ := strings.Cut(line, "\t"); a != addr {
				b.WriteString(line)
			}
		}
		return b.String()
	})
}

func (f *etcFiles) rewriteHosts(edit func(string) string) {
	v := view(f.fs)
	b, err := v.ReadFile("/hosts", etcLimit)
	if err != nil {
		return
	}
	v.WriteFile("/hosts", []byte(edit(string(b))), 0o644)
}

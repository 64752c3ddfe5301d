package container

import (
	"net/netip"
	"strings"
	"testing"

	mtypes "github.com/docker/docker/api/types/mount"
	ntypes "github.com/docker/docker/api/types/network"

	"github.com/dockerlab/dockerlab/sim/vfs"
)

// The forms of docker run -v, and what the engine says to those that are none. Recorded with
//
//	docker create -v SPEC busybox
func TestBindForms(t *testing.T) {
	for spec, want := range map[string]string{
		"/anon":          "volume  -> /anon rw copy",
		"data:/v":        "volume data -> /v rw copy",
		"data:/v:ro":     "volume data -> /v ro copy",
		"data:/v:nocopy": "volume data -> /v rw",
		"data:/v/../w/":  "volume data -> /w rw copy",
		"/src:/dst":      "bind /src -> /dst rw",
		"/src/:/dst:ro":  "bind /src -> /dst ro",
		"/src:/dst:ro,z": "bind /src -> /dst ro",
		"a:b:c:d":        "invalid volume specification: 'a:b:c:d'",
		":/y":            "invalid volume specification: ':/y'",
		"/foo:rw":        "invalid volume specification: '/foo:rw'",
		"/x:/y:bad":      "invalid mode: bad",
		"/x:/y:ro,rw":    "invalid mode: ro,rw",
		"data:rel":       `invalid volume specification: 'data:rel': invalid mount config for type "volume": invalid mount path: 'rel' mount path must be absolute`,
		"/:/":            `invalid volume specification: '/:/': invalid mount config for type "bind": invalid specification: destination can't be '/'`,
	} {
		m, err := parseBind(spec, "")
		got := ""
		if err != nil {
			got = err.Error()
		} else {
			from, mode := m.Name+m.Source, "rw"
			if !m.RW {
				mode = "ro"
			}
			if m.CopyData {
				mode += " copy"
			}
			got = string(m.Type) + " " + from + " -> " + m.Destination + " " + mode
		}
		if got != want {
			t.Errorf("-v %s: got %q, want %q", spec, got, want)
		}
	}
}

func TestMountsThatCannotBe(t *testing.T) {
	none := func(string) bool { return false }
	for _, c := range []struct {
		spec mtypes.Mount
		want string
	}{
		{mtypes.Mount{Type: "volume"}, `field Target must not be empty`},
		{mtypes.Mount{Type: "volume", Target: "/v", ReadOnly: true}, `must not set ReadOnly mode when using anonymous volumes`},
		{mtypes.Mount{Type: "volume", Target: "/v", BindOptions: &mtypes.BindOptions{}}, `field BindOptions must not be specified`},
		{mtypes.Mount{Type: "bind", Target: "/v"}, `field Source must not be empty`},
		{mtypes.Mount{Type: "bind", Target: "/v", Source: "rel"}, `invalid mount path: 'rel' mount path must be absolute`},
		{mtypes.Mount{Type: "bind", Target: "/v", Source: "/no"}, `bind source path does not exist: /no`},
		{mtypes.Mount{Type: "bind", Target: "/v", Source: "/s", BindOptions: &mtypes.BindOptions{Propagation: "x"}}, `invalid propagation mode: x`},
		{mtypes.Mount{Type: "tmpfs", Target: "/v", Source: "x"}, `field Source must not be specified`},
		{mtypes.Mount{Type: "nosuch", Target: "/v"}, `mount type unknown`},
	} {
		_, err := mountFromSpec(c.spec, none)
		want := `invalid mount config for type "` + string(c.spec.Type) + `": ` + c.want
		if err == nil || err.Error() != want || KindOf(err) != Invalid {
			t.Errorf("--mount %+v: got %v, want %s", c.spec, err, want)
		}
	}
}

// Who --user is, in the files of an image. Recorded with docker run -u SPEC IMAGE id.
func TestUsers(t *testing.T) {
	passwd := []byte("root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33:www-data:/var/www:/bin/false\n# a comment\nshort\n")
	group := []byte("root:x:0:\nmail:x:8:\nwww-data:x:33:\nstaff:x:50:www-data,other\n")
	for _, c := range []struct {
		spec  string
		extra []string
		want  string
	}{
		{"", nil, "0:0 /root"},
		{"0", nil, "0:0 /root"},
		{"www-data", nil, "33:33 /var/www 50"},
		{"33", nil, "33:33 /var/www 50"},
		{"www-data:mail", nil, "33:8 /var/www"},
		{"www-data:1000", nil, "33:1000 /var/www"},
		{":mail", nil, "0:8 /root"},
		{"1234", nil, "1234:0 /"},
		{"1234:5678", nil, "1234:5678 /"},
		{"1234", []string{"mail", "77"}, "1234:0 / 8 77"},
		{"nosuch", nil, "unable to find user nosuch: no matching entries in passwd file"},
		{"root:nosuch", nil, "unable to find group nosuch: no matching entries in group file"},
		{"99999999999", nil, "uids and gids must be in range 0-2147483647"},
		{"-1", nil, "uids and gids must be in range 0-2147483647"},
		{"0", []string{"nosuch"}, "Unable to find group nosuch: no matching entries in group file"},
	} {
		id, err := lookupUser(c.spec, c.extra, passwd, group)
		got := join(id.uid, ":", id.gid, " ", id.home)
		for _, g := range id.groups {
			got += join(" ", g)
		}
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("--user %q --group-add %v: got %q, want %q", c.spec, c.extra, got, c.want)
		}
	}
}

func join(parts ...any) string {
	var b strings.Builder
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			b.WriteString(p)
		case uint32:
			b.WriteString(itoa(p))
		}
	}
	return b.String()
}

func itoa(n uint32) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + string(rune('0'+n%10))
}

func FuzzUsers(f *testing.F) {
	f.Add("a:b", "a:x:1:2::/:", "b:x:3:a")
	f.Add("-5:99999999999999999999", ":::::::::", "\n\n::")
	f.Fuzz(func(t *testing.T, spec, passwd, group string) {
		id, err := lookupUser(spec, []string{spec}, []byte(passwd), []byte(group))
		if err == nil {
			id.cred(vfs.CapsContainer)
		}
	})
}

func FuzzBind(f *testing.F) {
	f.Add("a:/b:ro,z")
	f.Add(":::")
	f.Fuzz(func(t *testing.T, spec string) {
		if m, err := parseBind(spec, ""); err == nil && !strings.HasPrefix(m.Destination, "/") {
			t.Errorf("%q is mounted at %q", spec, m.Destination)
		}
	})
}

// Names: what is allowed, and what the engine makes up is.
func TestNames(t *testing.T) {
	for name, ok := range map[string]bool{
		"ab": true, "a_b.c-d": true, "/ab": true, "A9": true,
		"a": false, "": false, "-ab": false, ".ab": false, "a b": false, "a/b": false, "//ab": false,
	} {
		got, err := cleanName(name)
		if (err == nil) != ok {
			t.Errorf("cleanName(%q) = %q, %v", name, got, err)
		}
		if ok && !strings.HasPrefix(got, "/") {
			t.Errorf("cleanName(%q) = %q: no slash", name, got)
		}
	}
	for _, list := range [][]string{adjectives, surnames} {
		seen := map[string]bool{}
		for _, w := range list {
			if !nameRule.MatchString(w) || seen[w] {
				t.Errorf("%q cannot be part of a name, or is there twice", w)
			}
			seen[w] = true
		}
	}
}

// The order in which the default subnets and their addresses are given out.
func TestAddresses(t *testing.T) {
	var used []netip.Prefix
	for i, want := range []string{"172.17.0.0/16", "172.18.0.0/16"} {
		p, err := newPool(ntypes.IPAMConfig{}, used)
		if err != nil || p.Subnet.String() != want {
			t.Fatalf("pool %d: %v, %v; want %s", i, p.Subnet, err, want)
		}
		used = append(used, p.Subnet)
	}
	p, err := newPool(ntypes.IPAMConfig{Subnet: "10.1.0.0/29"}, used)
	if err != nil {
		t.Fatal(err)
	}
	if p.Gateway.String() != "10.1.0.1" {
		t.Errorf("gateway %s", p.Gateway)
	}
	var got []string
	for {
		q, a, err := p.take(netip.Addr{})
		if err != nil {
			break
		}
		p = q
		got = append(got, a.String())
	}
	if want := "10.1.0.2 10.1.0.3 10.1.0.4 10.1.0.5 10.1.0.6"; strings.Join(got, " ") != want {
		t.Errorf("addresses %v, want %s", got, want)
	}
	p = p.give(netip.MustParseAddr("10.1.0.4"))
	if _, a, err := p.take(netip.Addr{}); err != nil || a.String() != "10.1.0.4" {
		t.Errorf("after a release: %s, %v", a, err)
	}
	if _, _, err := p.take(netip.MustParseAddr("10.1.0.2")); err != errAddressInUse {
		t.Errorf("an address twice: %v", err)
	}
	for _, c := range []struct {
		config ntypes.IPAMConfig
		want   string
	}{
		{ntypes.IPAMConfig{Subnet: "bad"}, "Invalid subnet bad : invalid CIDR address: bad"},
		{ntypes.IPAMConfig{Subnet: "172.17.0.0/24"}, "Pool overlaps with other one on this address space"},
		{ntypes.IPAMConfig{Subnet: "10.99.0.0/24", Gateway: "10.98.0.1"}, "failed to allocate gateway (10.98.0.1): Requested address is out of range"},
	} {
		if _, err := newPool(c.config, used); err == nil || err.Error() != c.want {
			t.Errorf("%+v: %v, want %s", c.config, err, c.want)
		}
	}
}

// The detach keys are held back while they may still become the sequence, and passed on else.
func TestDetachKeys(t *testing.T) {
	keys, err := parseDetachKeys("ctrl-p,ctrl-q")
	if err != nil {
		t.Fatal(err)
	}
	for typed, want := range map[string]string{
		"ls\r": "ls\r", "a\x10b": "a\x10b", "a\x10\x10\x11z": "a\x10!", "\x10\x11": "!", "\x10": "",
	} {
		e := escape{keys: keys}
		pass, detach := e.scan([]byte(typed))
		got := string(pass)
		if detach {
			got += "!"
		}
		if got != want {
			t.Errorf("typed %q: got %q, want %q", typed, got, want)
		}
	}
	for _, bad := range []string{"zz", "ctrl-", "ctrl-1", "a,,b"} {
		if _, err := parseDetachKeys(bad); err == nil {
			t.Errorf("detach keys %q are taken", bad)
		}
	}
}

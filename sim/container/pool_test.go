package container

import (
	"net/netip"
	"slices"
	"testing"

	ntypes "github.com/docker/docker/api/types/network"
)

func TestPoolGivesAllOfItsRange(t *testing.T) {
	for _, c := range []struct {
		about  string
		config ntypes.IPAMConfig
		want   []string // what is given out, in order, until there is no more
	}{
		{"a small subnet", ntypes.IPAMConfig{Subnet: "10.0.0.0/29"}, []string{"10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6"}},
		{"one address beside the gateway", ntypes.IPAMConfig{Subnet: "10.0.0.0/30"}, []string{"10.0.0.2"}},
		{"a range with auxiliary addresses", ntypes.IPAMConfig{
			Subnet: "10.0.0.0/24", IPRange: "10.0.0.64/30", Gateway: "10.0.0.1",
			AuxAddress: map[string]string{"a": "10.0.0.65", "b": "10.0.0.66"},
		}, []string{"10.0.0.64", "10.0.0.67"}},
	} {
		p, err := newPool(c.config, nil)
		if err != nil {
			t.Errorf("%s: %v", c.about, err)
			continue
		}
		var got []string
		for {
			var a netip.Addr
			if p, a, err = p.take(netip.Addr{}); err != nil {
				break
			}
			got = append(got, a.String())
		}
		if !slices.Equal(got, c.want) || err != errNoAddress {
			t.Errorf("%s: %v and %v, want %v and %v", c.about, got, err, c.want, errNoAddress)
		}
	}
	for _, subnet := range []string{"10.0.0.0/31", "10.0.0.0/32"} {
		if p, err := newPool(ntypes.IPAMConfig{Subnet: subnet}, nil); err == nil {
			t.Errorf("%s has a gateway %v", subnet, p.Gateway)
		}
	}
}

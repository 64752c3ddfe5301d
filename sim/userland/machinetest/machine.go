// Package machinetest boots images of the catalogue for tests of what manages their packages.
package machinetest

import (
	"bytes"
	"context"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/distribution/reference"

	"github.com/dockerlab/dockerlab/sim/catalog"
	"github.com/dockerlab/dockerlab/sim/host"
	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/layer"
	"github.com/dockerlab/dockerlab/sim/userland"
	"github.com/dockerlab/dockerlab/sim/web"
)

// registry is the catalogue, which all machines of a test share.
var registry = sync.OnceValue(catalog.Open)

// New is a machine whose disk is an image's, with a network that reaches the lab's web.
func New(t testing.TB, image string) *host.Host {
	t.Helper()
	r := registry()
	ref, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		t.Fatal(err)
	}
	found, err := r.Resolve(ref)
	if err != nil {
		t.Fatal(err)
	}
	var stack *layer.Stack
	for _, l := range found.Layers {
		opened, err := l.Open()
		if err != nil {
			t.Fatal(err)
		}
		if stack, err = stack.Push(opened); err != nil {
			t.Fatal(err)
		}
	}
	tree, err := stack.Tree()
	if err != nil {
		t.Fatal(err)
	}
	k := kernel.New(kernel.Options{
		Clock: kernel.Virtual, Start: time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC), Loader: userland.New(userland.Packages(r)...).Load,
	})
	h, err := host.Boot(k, host.Options{Tree: tree})
	if err != nil {
		t.Fatal(err)
	}
	w, err := web.Serve(k, r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	net := h.Sandbox().Net()
	bridge := kernel.NewNetwork("net", "br0", netip.MustParsePrefix("10.0.0.0/24"), netip.MustParseAddr("10.0.0.1"), kernel.NewNetNS())
	bridge.Attach(net, "eth0", netip.MustParseAddr("10.0.0.2"), "")
	net.Resolver, net.Route = w.Resolve, w.Route
	return h
}

// Run gives what a script of a shell prints on both streams, and its exit code.
func Run(t testing.TB, h *host.Host, shell, script string) (string, int) {
	t.Helper()
	var out bytes.Buffer
	code, err := h.Run(context.Background(), host.Command{
		Argv: []string{shell, "-c", script}, Env: []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"}, Dir: "/", Stdout: &out, Stderr: &out,
	})
	if err != nil {
		t.Fatalf("%s: %v", script, err)
	}
	return out.String(), code
}

// Package storage replays what a real engine did with files and layers: Docker Engine 20.10.24 on
// overlay2. Its cases are the documents in testdata, to be read as such: shell sessions on a host, with
// what each command printed there. To record them again, with an engine at hand that has the image
// busybox:
//
//	go test ./tests/storage -record unix:///var/run/docker.sock [-run Documents/NAME]
//
// The host, its shell and its docker command are the lab's own in both cases; only the engine that
// the command talks to is another. Besides, the host has the program members, which lists the
// headers of a tar.
//
// What the cases make there begins with lab-, or lab/ for an image, and is removed after each.
package storage

import (
	"context"
	"flag"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/pmezard/go-difflib/difflib"

	"github.com/dockerlab/dockerlab/shell"
	"github.com/dockerlab/dockerlab/sim/kernel"
)

var record = flag.String("record", "", "record the answers of the engine at this address")

func TestDocuments(t *testing.T) {
	files, err := filepath.Glob("testdata/*.md")
	if err != nil || len(files) == 0 {
		t.Fatal("no documents", err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".md"), func(t *testing.T) {
			d, err := readDocument(f)
			if err != nil {
				t.Fatal(err)
			}
			h, err := newHost(*record)
			if err != nil {
				t.Fatal(err)
			}
			defer h.lab.Close()
			defer h.clean("all")
			h.clean("all")
			if d.path != basePath {
				base, err := readDocument(basePath)
				if err != nil {
					t.Fatal(err)
				}
				if h.replay(t, base.cases[0], false); t.Failed() {
					return
				}
			}
			for _, c := range d.cases {
				if c.name == "" {
					h.replay(t, c, *record != "")
					continue
				}
				t.Run(c.name, func(t *testing.T) {
					defer h.clean("")
					h.replay(t, c, *record != "")
				})
			}
			if *record == "" || t.Failed() {
				return
			}
			if err := os.WriteFile(f, []byte(d.String()), 0o666); err != nil {
				t.Error(err)
			}
		})
	}
}

// basePath is the document that makes the image lab/base, which all others have.
const basePath = "testdata/base.md"

// host is a lab's host with an engine.
type host struct {
	lab  *shell.Lab
	root string // where the engine has its files
}

// newHost opens a lab; address is a real engine's, or "" for the lab's own.
func newHost(address string) (*host, error) {
	o := shell.Options{
		Clock:    kernel.Virtual,
		Budget:   kernel.Budget{Steps: -1, Memory: 1 << 30, Output: 16 << 20},
		Programs: map[string]kernel.Program{"members": members, "captar": captar},
	}
	if address != "" {
		u, err := url.Parse(address)
		if err != nil {
			return nil, err
		}
		o.Clock = kernel.Real
		o.Engine = func(ctx context.Context) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, u.Scheme, u.Path)
		}
	}
	l, err := shell.Open(o)
	if err != nil {
		return nil, err
	}
	if address == "" {
		if _, _, err = l.RunHost(context.Background(), "docker pull -q busybox"); err != nil {
			return nil, err
		}
	}
	root, _, err := l.RunHost(context.Background(), "docker info -f '{{.DockerRootDir}}'")
	return &host{l, strings.TrimSpace(root)}, err
}

// replay runs the commands of a case. It compares what they print, or keeps it.
func (h *host) replay(t *testing.T, c *docCase, keep bool) {
	t.Helper()
	var want, got strings.Builder
	hide := hider{}
	for i := range c.parts {
		p := &c.parts[i]
		if p.command == "" {
			continue
		}
		out, code, err := h.lab.RunHost(t.Context(), p.command)
		if err != nil {
			t.Fatalf("%s: %v\n%s", p.command, err, out)
		}
		out = strings.ReplaceAll(out, h.root, "/var/lib/docker")
		out = lsTime.ReplaceAllString(hide.identifiers(out), "just now    ")
		if out != "" && !strings.HasSuffix(out, "\n") {
			out += "\n"
		}
		if code != 0 {
			out += fmt.Sprintf("[exit %d]\n", code)
		}
		want.WriteString(p.String())
		if answered := (part{command: p.command, answer: out}); keep {
			*p = answered
			if err := p.check(); err != nil {
				t.Fatal(err)
			}
		} else {
			got.WriteString(answered.String())
		}
	}
	if !keep && got.String() != want.String() {
		diff, _ := difflib.GetUnifiedDiffString(difflib.UnifiedDiff{
			A: difflib.SplitLines(want.String()), B: difflib.SplitLines(got.String()), FromFile: "the engine", ToFile: "ours", Context: 3,
		})
		t.Errorf("\n%s", diff)
	}
}

// clean removes what cases have made; the base too, for "all".
func (h *host) clean(what string) {
	keep := "lab/base"
	if what == "all" {
		keep = "none"
	}
	h.lab.RunHost(context.Background(), `
		docker ps -aqf name=lab- | xargs -r docker rm -fv
		docker volume ls -qf name=lab- | xargs -r docker volume rm -f
		docker images --format '{{.Repository}}:{{.Tag}}' | grep ^lab/ | grep -v `+keep+` | tac | xargs -r docker rmi -f
		rm -rf /root/*`)
}

// hider puts numbers for identifiers, which are of the moment.
type hider struct{ seen []string }

var (
	identifier = regexp.MustCompile(`\b[0-9a-f]{64}\b|\b[0-9a-f]{12}\b`)
	temporary  = regexp.MustCompile(`docker-import-[0-9]+`)
)

// lsTime is how ls writes a time that is not long ago.
var lsTime = regexp.MustCompile(`\b(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ 0-9][0-9] [0-9][0-9]:[0-9][0-9]\b`)

func (h *hider) identifiers(s string) string {
	s = temporary.ReplaceAllString(s, "docker-import-<n>")
	return identifier.ReplaceAllStringFunc(s, func(id string) string {
		for i, seen := range h.seen {
			if strings.HasPrefix(seen, id[:12]) {
				return fmt.Sprintf("<id %d>", i+1)
			}
		}
		h.seen = append(h.seen, id)
		return fmt.Sprintf("<id %d>", len(h.seen))
	})
}

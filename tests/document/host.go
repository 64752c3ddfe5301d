package document

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pmezard/go-difflib/difflib"

	"github.com/dockerlab/dockerlab/shell"
	"github.com/dockerlab/dockerlab/sim/kernel"
)

// Host is a lab's host with an engine, its own or a real one. Its shell and its docker command are the
// lab's in both cases.
type Host struct {
	Lab  *shell.Lab
	root string // where the engine has its files
	mask func(string) string
}

// NewHost opens a lab with more programs on its host; address is a real engine's, or "" for the lab's own.
func NewHost(address string, programs map[string]kernel.Program) (*Host, error) {
	o := shell.Options{
		Clock:    kernel.Virtual,
		Budget:   kernel.Budget{Steps: -1, Memory: 1 << 30, Output: 16 << 20},
		Programs: programs,
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
	return &Host{Lab: l, root: strings.TrimSpace(root)}, err
}

// Prepare runs the commands of the document at path, which are to answer as it says.
func (h *Host) Prepare(t *testing.T, path string) {
	t.Helper()
	d, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	h.replay(t, d.Cases[0], false)
}

// patience is how long a command may take on a real engine, on an average of its case.
const patience = time.Minute

// mark stands in a case's output after what a command printed, before its exit code.
const mark = "\x1eexit "

// run runs the commands of a case, each in a shell of its own. One shell starts them all: a virtual clock
// runs on where nobody is at work, and would not stand still between two commands otherwise.
func (h *Host) run(t *testing.T, commands []string) (answers []string) {
	t.Helper()
	var script strings.Builder
	for _, c := range commands {
		fmt.Fprintf(&script, "bash -c '%s'; printf '%s%%d\n' $?\n", strings.ReplaceAll(c, "'", `'\''`), mark)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience*time.Duration(len(commands)))
	defer cancel()
	out, _, err := h.Lab.RunHost(ctx, script.String())
	for out != "" {
		answer, rest, _ := strings.Cut(out, mark)
		code, rest, _ := strings.Cut(rest, "\n")
		if answer != "" && !strings.HasSuffix(answer, "\n") {
			answer += "\n"
		}
		if code != "0" {
			answer += "[exit " + code + "]\n"
		}
		answers, out = append(answers, answer), rest
	}
	if err == nil && len(answers) != len(commands) {
		err = fmt.Errorf("%d of %d commands answered", len(answers), len(commands))
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, strings.Join(answers, ""))
	}
	return answers
}

// replay runs the commands of a case. It compares what they print, or keeps it.
func (h *Host) replay(t *testing.T, c *Case, keep bool) {
	t.Helper()
	var commands []string
	for _, p := range c.parts {
		if p.command != "" {
			commands = append(commands, p.command)
		}
	}
	if len(commands) == 0 {
		return
	}
	answers := h.run(t, commands)
	var want, got strings.Builder
	hide := hider{}
	for i := range c.parts {
		p := &c.parts[i]
		if p.command == "" {
			continue
		}
		out := strings.ReplaceAll(answers[0], h.root, "/var/lib/docker")
		answers = answers[1:]
		if h.mask != nil {
			out = h.mask(out)
		}
		out = lsTime.ReplaceAllString(hide.identifiers(out), "just now    ")
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

// Clean removes what cases have made, which begins with lab; the image lab/base too, for "all".
func (h *Host) Clean(what string) {
	keep := "lab/base"
	if what == "all" {
		keep = "none"
	}
	h.Lab.RunHost(context.Background(), `
		docker ps -aqf name=lab- | xargs -r docker rm -fv
		docker volume ls -qf name=lab- | xargs -r docker volume rm -f
		docker network ls -qf name=lab- | xargs -r docker network rm
		docker images --format '{{.Repository}}:{{.Tag}}' | grep '^lab[-/]' | grep -v `+keep+` | tac | xargs -r docker rmi -f
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

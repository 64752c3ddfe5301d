package lessons

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/moby/client"
	"go.yaml.in/yaml/v3"
)

// Lab is what a lesson is taught in and judged on: an engine, and the host that its learner works
// on.
type Lab interface {
	// Engine is a client of the engine.
	Engine() *client.Client
	// RunHost runs a script on the host, and gives what it printed and its exit code. An error is
	// for a script that could not be run at all.
	RunHost(ctx context.Context, script string) (output string, code int, err error)
	// ReadHostFile reads a file of the host; fs.ErrNotExist where there is none.
	ReadHostFile(ctx context.Context, name string) ([]byte, error)
	// Requests are those that the learner's docker commands have made of the engine, oldest first.
	Requests() []Request
}

// Request is one call of the Engine API.
type Request struct {
	Method string
	Path   string // without the version: "/containers/web/json"
	Status int    // of the answer
}

// Check is one thing that is to be so. Exactly one of the subjects (the first block of fields) is
// set; the other fields narrow it.
type Check struct {
	Image       string `yaml:"image"`        // an image that is to exist
	NoImage     string `yaml:"no-image"`     // one that is not
	Container   string `yaml:"container"`    // a container that is to exist
	NoContainer string `yaml:"no-container"` // one that is not
	File        string `yaml:"file"`         // CONTAINER:PATH, or HOST:PATH, in whatever layer
	Diff        string `yaml:"diff"`         // what docker diff of a container says
	Page        string `yaml:"page"`         // what curl gets on the host: "localhost:8080/x"
	Looked      string `yaml:"looked"`       // the learner asked: "history IMAGE", "diff CONTAINER", "images", "ps", "logs CONTAINER", "inspect NAME"
	Ran         string `yaml:"ran"`          // an image that a container was run from, which may be gone since
	Run         string `yaml:"run"`          // a script on the host
	Volume      string `yaml:"volume"`       // a volume that is to exist

	// of an image
	From      string            `yaml:"from"`            // its layers begin with this image's
	MostNew   *int              `yaml:"most-new-layers"` // and at most
	NewLayers *int              `yaml:"new-layers"`      // how many it has beyond from
	MaxLayers *int              `yaml:"max-layers"`
	MaxSize   string            `yaml:"max-size"` // "120MB"
	Author    string            `yaml:"author"`   // a regular expression, as all texts below are
	Comment   string            `yaml:"comment"`
	User      string            `yaml:"user"`
	Cmd       []string          `yaml:"cmd"`
	Entry     []string          `yaml:"entrypoint"`
	Env       map[string]string `yaml:"env"`
	Labels    map[string]string `yaml:"labels"`
	Exposes   []string          `yaml:"exposes"`
	Workdir   string            `yaml:"workdir"`
	History   string            `yaml:"history"`    // some row's command matches
	NoHistory string            `yaml:"no-history"` // none does

	// of a container
	State     string `yaml:"state"`     // running, exited, created, paused
	Of        string `yaml:"of"`        // the image it was made from
	Publishes string `yaml:"publishes"` // HOSTPORT:PORT
	Exit      *int   `yaml:"exit"`      // exit code; of run, too
	Mounts    string `yaml:"mounts"`    // VOLUME:PATH

	// of file, page, run
	Contains string `yaml:"contains"`
	Lacks    string `yaml:"lacks"`
	Absent   bool   `yaml:"absent"` // of file

	// of diff
	Has    []string `yaml:"has"`     // "C /etc/hosts.conf"
	HasNot []string `yaml:"has-not"` // paths

	// for assignments
	Points float64 `yaml:"points"`
	Name   string  `yaml:"name"`
}

// ParseChecks reads a check block: a YAML list.
func ParseChecks(src []byte) ([]Check, error) {
	dec := yaml.NewDecoder(bytes.NewReader(src))
	dec.KnownFields(true)
	var cs []Check
	if err := dec.Decode(&cs); err != nil {
		return nil, fmt.Errorf("check: %w", err)
	}
	for i := range cs {
		if err := cs[i].valid(); err != nil {
			return nil, fmt.Errorf("check %d: %w", i+1, err)
		}
	}
	return cs, nil
}

func (c *Check) subjects() []string {
	var out []string
	for name, v := range map[string]string{"image": c.Image, "no-image": c.NoImage, "container": c.Container, "no-container": c.NoContainer,
		"file": c.File, "diff": c.Diff, "page": c.Page, "looked": c.Looked, "ran": c.Ran, "run": c.Run, "volume": c.Volume} {
		if v != "" {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

func (c *Check) valid() error {
	switch s := c.subjects(); {
	case len(s) == 0:
		return errors.New("no subject: one of image, no-image, container, no-container, file, diff, page, looked, ran, run, volume")
	case len(s) > 1:
		return fmt.Errorf("more than one subject: %s", strings.Join(s, ", "))
	}
	for _, re := range []string{c.Author, c.Comment, c.User, c.Workdir, c.History, c.NoHistory, c.Contains, c.Lacks} {
		if _, err := regexp.Compile(re); err != nil {
			return err
		}
	}
	if c.File != "" && !strings.Contains(c.File, ":") {
		return fmt.Errorf("file %q: say CONTAINER:PATH or HOST:PATH", c.File)
	}
	if c.Looked != "" {
		if _, err := lookRule(c.Looked); err != nil {
			return err
		}
	}
	if c.MaxSize != "" {
		if _, err := parseSize(c.MaxSize); err != nil {
			return err
		}
	}
	return nil
}

func parseSize(s string) (int64, error) {
	units := map[string]float64{"B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9}
	for _, u := range []string{"KB", "MB", "GB", "B"} {
		if n, ok := strings.CutSuffix(strings.ToUpper(s), u); ok {
			f, err := strconv.ParseFloat(strings.TrimSpace(n), 64)
			if err != nil {
				return 0, fmt.Errorf("size %q: %w", s, err)
			}
			return int64(f * units[u]), nil
		}
	}
	return 0, fmt.Errorf("size %q: say a number and B, kB, MB or GB", s)
}

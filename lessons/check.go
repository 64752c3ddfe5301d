package lessons

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"
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

// Judge looks whether all checks hold. The findings say what does not, in the order of the
// checks; none is success. An error means that the lab could not be looked at.
func Judge(ctx context.Context, lab Lab, checks []Check) ([]Finding, error) {
	var out []Finding
	for i := range checks {
		f, err := checks[i].judge(ctx, lab)
		if err != nil {
			return out, err
		}
		if f != nil {
			f.Check = i
			out = append(out, *f)
		}
	}
	return out, nil
}

// JudgeOne is Judge for a single check; nil is success.
func JudgeOne(ctx context.Context, lab Lab, c *Check) (*Finding, error) { return c.judge(ctx, lab) }

func (c *Check) judge(ctx context.Context, lab Lab) (*Finding, error) {
	switch {
	case c.Image != "":
		return c.judgeImage(ctx, lab)
	case c.NoImage != "":
		return c.judgeNoImage(ctx, lab)
	case c.Container != "":
		return c.judgeContainer(ctx, lab)
	case c.NoContainer != "":
		r, err := lab.Engine().ContainerInspect(ctx, c.NoContainer, client.ContainerInspectOptions{})
		switch {
		case err != nil:
			return nil, ignoreMissing(err)
		case r.Container.State != nil && r.Container.State.Running:
			return find(containerStillRuns, c.NoContainer), nil
		}
		return find(containerStillThere, c.NoContainer), nil
	case c.File != "":
		return c.judgeFile(ctx, lab)
	case c.Diff != "":
		return c.judgeDiff(ctx, lab)
	case c.Page != "":
		return c.judgePage(ctx, lab)
	case c.Looked != "":
		return c.judgeLooked(ctx, lab)
	case c.Ran != "":
		return c.judgeRan(ctx, lab)
	case c.Volume != "":
		_, err := lab.Engine().VolumeInspect(ctx, c.Volume, client.VolumeInspectOptions{})
		if errdefs.IsNotFound(err) {
			return find(volumeMissing, c.Volume), nil
		}
		return nil, err
	}
	return c.judgeRun(ctx, lab)
}

func ignoreMissing(err error) error {
	if errdefs.IsNotFound(err) {
		return nil
	}
	return err
}

func (c *Check) judgeImage(ctx context.Context, lab Lab) (*Finding, error) {
	img, err := lab.Engine().ImageInspect(ctx, c.Image)
	if errdefs.IsNotFound(err) {
		return noImage(ctx, lab, c.Image)
	}
	if err != nil {
		return nil, fmt.Errorf("looking at image %s: %w", c.Image, err)
	}
	layers := img.RootFS.Layers
	if c.From != "" {
		base, err := lab.Engine().ImageInspect(ctx, c.From)
		if errdefs.IsNotFound(err) {
			return noImage(ctx, lab, c.From)
		}
		if err != nil {
			return nil, err
		}
		b := base.RootFS.Layers
		if len(layers) < len(b) || !slices.Equal(layers[:len(b)], b) {
			return find(imageNotFrom, c.Image, c.From), nil
		}
		if c.NewLayers != nil && len(layers)-len(b) != *c.NewLayers {
			return find(imageNewLayers, c.Image, len(layers)-len(b), *c.NewLayers, c.From), nil
		}
		if c.MostNew != nil && len(layers)-len(b) > *c.MostNew {
			return find(imageMostNew, c.Image, len(layers)-len(b), *c.MostNew, c.From), nil
		}
	}
	if c.MaxLayers != nil && len(layers) > *c.MaxLayers {
		return find(imageTooManyLayers, c.Image, len(layers), *c.MaxLayers), nil
	}
	if c.MaxSize != "" {
		if most, _ := parseSize(c.MaxSize); img.Size > most {
			return find(imageTooLarge, c.Image, fmt.Sprintf("%.1fMB", float64(img.Size)/1e6), c.MaxSize), nil
		}
	}
	if c.Author != "" && !matches(c.Author, img.Author) {
		return find(imageAuthor, c.Image, img.Author), nil
	}
	if c.Comment != "" && !matches(c.Comment, img.Comment) {
		return find(imageComment, c.Image, img.Comment), nil
	}
	if cfg := img.Config; cfg != nil {
		if c.User != "" && !matches("^(?:"+c.User+")$", cfg.User) {
			return find(imageUser, c.Image, cfg.User), nil
		}
		if c.Workdir != "" && !matches("^(?:"+c.Workdir+")$", cfg.WorkingDir) {
			return find(imageWorkdir, c.Image, cfg.WorkingDir), nil
		}
		if c.Cmd != nil && !slices.Equal(c.Cmd, cfg.Cmd) {
			return find(imageCmd, c.Image, fmt.Sprintf("%q", cfg.Cmd), fmt.Sprintf("%q", c.Cmd)), nil
		}
		if c.Entry != nil && !slices.Equal(c.Entry, cfg.Entrypoint) {
			return find(imageEntrypoint, c.Image, fmt.Sprintf("%q", cfg.Entrypoint), fmt.Sprintf("%q", c.Entry)), nil
		}
		for _, k := range sortedKeys(c.Env) {
			if !slices.Contains(cfg.Env, k+"="+c.Env[k]) {
				return find(imageEnv, c.Image, k+"="+c.Env[k]), nil
			}
		}
		for _, k := range sortedKeys(c.Labels) {
			if v, ok := cfg.Labels[k]; !ok || !matches("^(?:"+c.Labels[k]+")$", v) {
				return find(imageLabel, c.Image, k), nil
			}
		}
		for _, p := range c.Exposes {
			if !strings.Contains(p, "/") {
				p += "/tcp"
			}
			if _, ok := cfg.ExposedPorts[p]; !ok {
				return find(imageExpose, c.Image, p), nil
			}
		}
	}
	if c.History != "" || c.NoHistory != "" {
		h, err := lab.Engine().ImageHistory(ctx, c.Image)
		if err != nil {
			return nil, err
		}
		some := false
		for _, row := range h.Items {
			if c.NoHistory != "" && matches(c.NoHistory, row.CreatedBy) {
				return find(imageHistoryHas, c.Image, row.CreatedBy), nil
			}
			some = some || c.History != "" && matches(c.History, row.CreatedBy)
		}
		if c.History != "" && !some {
			return find(imageHistoryLacks, c.Image, c.History), nil
		}
	}
	return nil, nil
}

func sortedKeys(m map[string]string) []string {
	var ks []string
	for k := range m {
		ks = append(ks, k)
	}
	slices.Sort(ks)
	return ks
}

func matches(re, s string) bool { return regexp.MustCompile(re).MatchString(s) }

func (c *Check) judgeContainer(ctx context.Context, lab Lab) (*Finding, error) {
	r, err := lab.Engine().ContainerInspect(ctx, c.Container, client.ContainerInspectOptions{})
	if errdefs.IsNotFound(err) {
		return noContainer(ctx, lab, c.Container, c.Of)
	}
	if err != nil {
		return nil, fmt.Errorf("looking at container %s: %w", c.Container, err)
	}
	con := r.Container
	if c.Of != "" {
		img, err := lab.Engine().ImageInspect(ctx, c.Of)
		if errdefs.IsNotFound(err) {
			return noImage(ctx, lab, c.Of)
		}
		if err != nil {
			return nil, err
		}
		if con.Image != img.ID {
			return find(containerOtherImage, c.Container, con.Config.Image, c.Of), nil
		}
	}
	if c.State != "" && con.State != nil && string(con.State.Status) != c.State {
		return find(containerState, c.Container, string(con.State.Status), c.State), nil
	}
	if c.Exit != nil && con.State != nil && con.State.ExitCode != *c.Exit {
		return find(containerExit, c.Container, con.State.ExitCode, *c.Exit), nil
	}
	if c.Publishes != "" && !publishes(con.HostConfig, c.Publishes) {
		return find(containerPort, c.Container, c.Publishes), nil
	}
	if c.Mounts != "" {
		name, dest, _ := strings.Cut(c.Mounts, ":")
		if !slices.ContainsFunc(con.Mounts, func(m container.MountPoint) bool { return m.Destination == dest && (name == "" || m.Name == name) }) {
			return find(containerMount, c.Container, c.Mounts), nil
		}
	}
	return nil, nil
}

func publishes(h *container.HostConfig, want string) bool {
	if h == nil {
		return false
	}
	hostPort, port, ok := strings.Cut(want, ":")
	if !ok {
		port, hostPort = hostPort, ""
	}
	if !strings.Contains(port, "/") {
		port += "/tcp"
	}
	for p, bs := range h.PortBindings {
		if p.String() != port {
			continue
		}
		for _, b := range bs {
			if hostPort == "" || b.HostPort == hostPort {
				return true
			}
		}
	}
	return false
}

// maxFile is the most that a check reads of a file.
const maxFile = 1 << 20

func (c *Check) judgeFile(ctx context.Context, lab Lab) (*Finding, error) {
	where, name, _ := strings.Cut(c.File, ":")
	var body []byte
	missing := false
	if where == "HOST" {
		b, err := lab.ReadHostFile(ctx, name)
		if err != nil {
			missing = true
		}
		body = b
	} else {
		r, err := lab.Engine().CopyFromContainer(ctx, where, client.CopyFromContainerOptions{SourcePath: name})
		switch {
		case errdefs.IsNotFound(err):
			if _, err := lab.Engine().ContainerInspect(ctx, where, client.ContainerInspectOptions{}); errdefs.IsNotFound(err) {
				return noContainer(ctx, lab, where, "")
			}
			missing = true
		case err != nil:
			return nil, fmt.Errorf("reading %s: %w", c.File, err)
		default:
			defer r.Content.Close()
			tr := tar.NewReader(io.LimitReader(r.Content, maxFile+4096))
			if h, err := tr.Next(); err != nil {
				return nil, fmt.Errorf("reading %s: %w", c.File, err)
			} else if h.Typeflag == tar.TypeReg {
				if body, err = io.ReadAll(io.LimitReader(tr, maxFile)); err != nil {
					return nil, fmt.Errorf("reading %s: %w", c.File, err)
				}
			}
		}
	}
	switch {
	case missing && c.Absent:
		return nil, nil
	case missing:
		return find(fileMissing, name, where), nil
	case c.Absent:
		return find(fileStillThere, name, where), nil
	case c.Contains != "" && !matches(c.Contains, string(body)):
		return find(fileLacks, name, where, c.Contains), nil
	case c.Lacks != "" && matches(c.Lacks, string(body)):
		return find(fileHas, name, where, c.Lacks), nil
	}
	return nil, nil
}

func (c *Check) judgeDiff(ctx context.Context, lab Lab) (*Finding, error) {
	r, err := lab.Engine().ContainerDiff(ctx, c.Diff, client.ContainerDiffOptions{})
	if errdefs.IsNotFound(err) {
		return noContainer(ctx, lab, c.Diff, "")
	}
	if err != nil {
		return nil, err
	}
	kinds := []string{"C", "A", "D"}
	have := map[string]string{}
	for _, ch := range r.Changes {
		if int(ch.Kind) < len(kinds) {
			have[ch.Path] = kinds[ch.Kind]
		}
	}
	for _, want := range c.Has {
		kind, p, ok := strings.Cut(want, " ")
		if !ok {
			kind, p = "", want
		}
		if got, ok := have[p]; !ok {
			return find(diffLacks, c.Diff, p), nil
		} else if kind != "" && got != kind {
			return find(diffOther, c.Diff, p, got, kind), nil
		}
	}
	for _, p := range c.HasNot {
		if _, ok := have[p]; ok {
			return find(diffHas, c.Diff, p), nil
		}
	}
	return nil, nil
}

func (c *Check) judgePage(ctx context.Context, lab Lab) (*Finding, error) {
	out, code, err := lab.RunHost(ctx, "curl -sS -m 10 "+quote(c.Page))
	switch {
	case err != nil:
		return nil, err
	case code != 0:
		return find(pageUnreachable, c.Page, strings.TrimSpace(out)), nil
	case c.Contains != "" && !matches(c.Contains, out):
		return find(pageLacks, c.Page, c.Contains), nil
	case c.Lacks != "" && matches(c.Lacks, out):
		return find(pageHas, c.Page, c.Lacks), nil
	}
	return nil, nil
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

func (c *Check) judgeRun(ctx context.Context, lab Lab) (*Finding, error) {
	out, code, err := lab.RunHost(ctx, c.Run)
	want := 0
	if c.Exit != nil {
		want = *c.Exit
	}
	switch {
	case err != nil:
		return nil, err
	case code != want:
		return find(runExit, c.Run, code, want, lastLine(out)), nil
	case c.Contains != "" && !matches(c.Contains, out):
		return find(runLacks, c.Run, c.Contains), nil
	case c.Lacks != "" && matches(c.Lacks, out):
		return find(runHas, c.Run, c.Lacks), nil
	}
	return nil, nil
}

// judgeRan asks the engine's memory of events.
func (c *Check) judgeRan(ctx context.Context, lab Lab) (*Finding, error) {
	events, err := containerEvents(ctx, lab)
	if err != nil {
		return nil, err
	}
	created, other := "", ""
	for _, e := range events {
		image, name := e.Actor.Attributes["image"], e.Actor.Attributes["name"]
		switch of := sameImage(image, c.Ran); {
		case of && e.Action == "start":
			return nil, nil
		case of && e.Action == "create":
			created = name
		case e.Action == "start":
			other = image
		}
	}
	switch {
	case created != "":
		return find(createdNotRun, created, c.Ran), nil
	case other != "":
		return find(ranOther, c.Ran, other), nil
	}
	return find(notRan, c.Ran), nil
}

func sameImage(a, b string) bool {
	full := func(s string) string {
		if !strings.Contains(s[strings.LastIndexByte(s, '/')+1:], ":") {
			s += ":latest"
		}
		return s
	}
	return full(a) == full(b)
}

// containerEvents are those of containers that the engine remembers.
func containerEvents(ctx context.Context, lab Lab) ([]events.Message, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	info, err := lab.Engine().Info(ctx, client.InfoOptions{})
	if err != nil {
		return nil, err
	}
	now, err := time.Parse(time.RFC3339Nano, info.Info.SystemTime)
	if err != nil {
		return nil, fmt.Errorf("the engine's clock: %w", err)
	}
	r := lab.Engine().Events(ctx, client.EventsListOptions{Since: "1", Until: fmt.Sprintf("%d.%09d", now.Unix(), now.Nanosecond()),
		Filters: client.Filters{}.Add("type", "container")})
	var out []events.Message
	for {
		select {
		case m := <-r.Messages:
			out = append(out, m)
		case err := <-r.Err:
			if err != nil && !errors.Is(err, io.EOF) {
				return nil, fmt.Errorf("asking for events: %w", err)
			}
			return out, nil
		}
	}
}

// noImage says of an image that is not here what may have gone wrong.
func noImage(ctx context.Context, lab Lab, name string) (*Finding, error) {
	r, err := lab.Engine().ImageList(ctx, client.ImageListOptions{})
	if err != nil {
		return nil, err
	}
	repo, _, _ := strings.Cut(name, ":")
	var here, tags []string
	for _, img := range r.Items {
		for _, t := range img.RepoTags {
			here = append(here, t)
			if strings.HasPrefix(t, repo+":") {
				tags = append(tags, t)
			}
		}
	}
	slices.Sort(here)
	slices.Sort(tags)
	switch {
	case len(tags) > 0:
		return find(imageOtherTag, name, strings.Join(tags, ", ")), nil
	case len(here) > 0:
		return find(imageMissing, name, strings.Join(here, ", ")), nil
	}
	return find(noImages, name), nil
}

// noContainer does so of a container; of is the image that it should have come from, if known.
func noContainer(ctx context.Context, lab Lab, name, of string) (*Finding, error) {
	r, err := lab.Engine().ContainerList(ctx, client.ContainerListOptions{All: true})
	if err != nil {
		return nil, err
	}
	var here []string
	for _, c := range r.Items {
		n := ""
		if len(c.Names) > 0 {
			n = strings.TrimPrefix(c.Names[0], "/")
		}
		if of != "" && sameImage(c.Image, of) {
			return find(containerOtherName, name, n, of), nil
		}
		here = append(here, n)
	}
	slices.Sort(here)
	if len(here) > 0 {
		return find(containerMissing, name, strings.Join(here, ", ")), nil
	}
	return find(noContainers, name), nil
}

// judgeNoImage says why an image that should be gone is not.
func (c *Check) judgeNoImage(ctx context.Context, lab Lab) (*Finding, error) {
	img, err := lab.Engine().ImageInspect(ctx, c.NoImage)
	if err != nil {
		return nil, ignoreMissing(err)
	}
	r, err := lab.Engine().ContainerList(ctx, client.ContainerListOptions{All: true})
	if err != nil {
		return nil, err
	}
	for _, con := range r.Items {
		if con.ImageID == img.ID && len(con.Names) > 0 {
			return find(imageInUse, c.NoImage, strings.TrimPrefix(con.Names[0], "/")), nil
		}
	}
	return find(imageStillThere, c.NoImage), nil
}

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return s[strings.LastIndexByte(s, '\n')+1:]
}

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

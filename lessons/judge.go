package lessons

import (
	"archive/tar"
	"context"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

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

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return s[strings.LastIndexByte(s, '\n')+1:]
}

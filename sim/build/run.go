package build

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/dockerlab/dockerlab/sim/build/dockerfile"
	"github.com/dockerlab/dockerlab/sim/image"
)

// run is one build under way.
type run struct {
	ctx     context.Context
	engine  Engine
	web     Web
	limits  Limits
	options Options
	tell    func(Event)
	context *source // nil: there is only a Dockerfile

	escape     rune
	steps, of  int // told so far, and in all
	cache      *cache
	stages     []*stage // that are done
	byName     map[string]*stage
	images     map[image.ID]*source // opened for COPY --from
	containers []string             // intermediate, not removed yet
	closers    []func()
}

// stage is the state of a stage, which each of its instructions changes.
type stage struct {
	name       string
	config     *container.Config
	image      *image.Image // that the next instruction stands on; nil is scratch
	platform   string       // of the base
	maintainer string
	cmdSet     bool // by a CMD of this stage: ENTRYPOINT leaves it alone then
	args       *args
	lex        dockerfile.Expander
}

func (r *run) close() {
	for _, c := range r.closers {
		c()
	}
}

// build runs a Dockerfile that was read.
func (r *run) build(file *dockerfile.File, warnings []string) (image.ID, error) {
	if file.Len() > r.limits.Instructions {
		return "", inputError{errInstructions}
	}
	if err := file.Parse(); err != nil {
		return "", inputError{err}
	}
	if r.options.Platform != "" {
		if _, err := parsePlatform(r.options.Platform); err != nil {
			return "", inputError{err}
		}
	}
	stages := file.Stages
	if t := r.options.Target; t != "" {
		i, ok := file.Stage(t)
		if !ok {
			return "", inputError{fmt.Errorf("failed to reach build target %s in Dockerfile", t)}
		}
		stages = stages[:i+1]
	}
	if len(stages) > 0 {
		labelLast(stages, r.options.Labels)
	} else if len(r.options.Labels) > 0 {
		return "", ErrNoStage
	}
	r.tell(Parsed{warnings})

	r.escape, r.byName, r.images = file.Escape, map[string]*stage{}, map[image.ID]*source{}
	r.of = len(file.Args) + len(stages)
	for _, s := range stages {
		r.of += len(s.Commands)
	}
	args := newArgs(r.options.BuildArgs)
	lex := dockerfile.Expander{Escape: file.Escape}
	for _, a := range file.Args {
		r.step(a.String())
		if err := metaArg(a, lex, args); err != nil {
			return "", err
		}
	}
	for _, s := range stages {
		if err := r.stage(s, args); err != nil {
			return "", err
		}
	}
	if len(r.stages) == 0 {
		return "", ErrNoStage
	}
	if names := args.unused(); len(names) > 0 {
		r.tell(ArgsUnused{names})
	}
	last := r.stages[len(r.stages)-1]
	if last.image == nil {
		return "", errors.New("No image was generated. Is your Dockerfile empty?")
	}
	return last.image.ID, nil
}

// step tells that a step begins.
func (r *run) step(source string) {
	r.steps++
	r.tell(StepStarted{r.steps, r.of, source})
}

// labelLast adds --label to the last stage, one LABEL for each, by name.
func labelLast(stages []*dockerfile.Stage, labels map[string]string) {
	last := stages[len(stages)-1]
	for _, k := range sortedKeys(labels) {
		last.Commands = append(last.Commands, instructions.NewLabelCommand(k, labels[k], true))
	}
}

// metaArg is an ARG before the first FROM.
func metaArg(c *instructions.ArgCommand, lex dockerfile.Expander, a *args) error {
	env := a.list(a.declared)
	if err := expandArg(c, func(w string) (string, error) { return lex.Word(w, env) }); err != nil {
		return err
	}
	for _, kv := range c.Args {
		a.declare(kv.Key, kv.Value)
		a.meta[kv.Key] = kv.Value
	}
	return nil
}

// stage runs a stage.
func (r *run) stage(s *dockerfile.Stage, all *args) error {
	if _, taken := r.byName[s.Name]; taken && s.Name != "" {
		return fmt.Errorf("%s stage name already used", s.Name)
	}
	r.cache = nil
	if !r.options.NoCache {
		r.cache = newCache(r.ctx, r.engine, r.options.CacheFrom)
	}
	st := &stage{name: s.Name, args: all.stage(), lex: dockerfile.Expander{Escape: r.escape}}
	r.step(s.Source)
	if err := r.from(st, s); err != nil {
		return err
	}
	r.made(st)
	for _, c := range s.Commands {
		if r.ctx.Err() != nil {
			r.tell(Cancelled{})
			return errors.New("Build cancelled")
		}
		r.step(fmt.Sprint(c))
		if err := r.dispatch(st, c); err != nil {
			return err
		}
		r.made(st)
	}
	if st.image != nil {
		r.tell(StageDone{st.image.ID})
	}
	for n := range st.args.referenced {
		all.referenced[n] = true
	}
	if st.name != "" {
		r.byName[st.name] = st
	}
	r.stages = append(r.stages, st)
	return nil
}

// made tells what a step ends with.
func (r *run) made(st *stage) {
	st.config.Image = string(idOf(st.image))
	r.tell(ImageMade{idOf(st.image)})
}

// from begins a stage: it finds the base image and runs its triggers.
func (r *run) from(st *stage, s *dockerfile.Stage) error {
	var plat string
	if s.Platform != "" {
		p, err := st.lex.Word(s.Platform, st.args.forFrom())
		if err != nil {
			return fmt.Errorf("failed to process arguments for platform %s: %w", p, err)
		}
		if plat, err = parsePlatform(p); err != nil {
			return fmt.Errorf("failed to parse platform %s: %w", p, err)
		}
	}
	name, err := st.lex.Word(s.From, st.args.forFrom())
	if err != nil {
		return err
	}
	if name == "" {
		return fmt.Errorf("base name (%s) should not be blank", s.From)
	}
	if plat == "" {
		plat = r.options.Platform
	}
	st.platform = plat
	st.config = &container.Config{}
	earlier, isStage := r.byName[strings.ToLower(name)]
	switch {
	case isStage && earlier.image == nil:
		// FROM a stage that is still scratch is scratch.
	case isStage:
		st.image = earlier.image
	case name == "scratch":
		if goos, _, _ := strings.Cut(plat, "/"); plat != "" && goos != "linux" {
			return errors.New("operating system is not supported")
		}
	default:
		if st.image, err = r.lookUp(name, plat); err != nil {
			return err
		}
	}
	if st.image != nil && st.image.Config.Config != nil {
		st.config = frozen(st.image.Config.Config)
	}
	if envIndex(st.config.Env, "PATH") < 0 {
		st.config.Env = append(st.config.Env, defaultPath)
	}
	st.config.OpenStdin, st.config.StdinOnce = false, false
	st.config.Image = string(idOf(st.image))
	triggers := st.config.OnBuild
	st.config.OnBuild = nil
	return r.triggers(st, triggers)
}

// lookUp finds an image, which may be pulled.
func (r *run) lookUp(ref, plat string) (*image.Image, error) {
	o := LookUp{Platform: plat, Progress: func(p Progress) { r.tell(Pulling{p}) }}
	if r.options.Pull {
		o.Pull = PullAlways
	}
	return r.engine.Image(r.ctx, ref, o)
}

// triggers runs the ONBUILD instructions of a base image.
func (r *run) triggers(st *stage, triggers []string) error {
	if len(triggers) == 0 {
		return nil
	}
	if len(triggers) > r.limits.Instructions {
		return errInstructions
	}
	r.tell(Triggers{len(triggers)})
	for _, t := range triggers {
		st.config.Image = string(idOf(st.image))
		cs, err := dockerfile.Commands(t, nil)
		if err != nil {
			return err
		}
		if len(cs) != 1 {
			return errors.New("onbuild trigger should be a single expression")
		}
		if err := r.dispatch(st, cs[0]); err != nil {
			return err
		}
	}
	return nil
}

// earlier finds a stage that COPY --from names, by name or number; nil where it is none.
func (r *run) earlier(name string) (*stage, error) {
	if st, ok := r.byName[strings.ToLower(name)]; ok {
		return st, nil
	}
	n, err := strconv.ParseInt(name, 10, 0)
	switch {
	case err != nil:
		return nil, nil
	case int(n) == len(r.stages):
		return nil, errors.New("refers to current build stage")
	case n < 0 || int(n) > len(r.stages):
		return nil, errors.New("index out of bounds")
	}
	return r.stages[n], nil
}

// look asks the cache for the image that a config would lead to.
func (r *run) look(st *stage, cfg *container.Config) (bool, error) {
	hit, miss, err := r.cache.look(st.image, cfg)
	if err != nil {
		return false, err
	}
	if hit == nil {
		r.tell(CacheMiss{*miss})
		return false, nil
	}
	r.tell(CacheHit{hit.ID})
	st.image = hit
	return true, nil
}

// create makes an intermediate container. cfg is filled from the image's config.
func (r *run) create(st *stage, cfg *container.Config) (string, error) {
	if st.image != nil && st.image.Config.Config != nil {
		inherit(cfg, frozen(st.image.Config.Config))
	}
	id, warnings, err := r.engine.CreateContainer(frozen(cfg), r.hostConfig())
	if err != nil {
		return "", err
	}
	r.containers = append(r.containers, id)
	cfg.Hostname = id[:12] // the engine names the container in the config that it was given
	for _, w := range warnings {
		r.tell(Warning{w})
	}
	r.tell(Running{id})
	return id, nil
}

func (r *run) hostConfig() *container.HostConfig {
	o := &r.options
	return &container.HostConfig{
		NetworkMode: container.NetworkMode(o.NetworkMode),
		LogConfig:   container.LogConfig{Type: "none"},
		ExtraHosts:  o.ExtraHosts,
		SecurityOpt: o.SecurityOpt,
		Isolation:   o.Isolation,
		ShmSize:     o.ShmSize,
		Resources: container.Resources{
			CgroupParent: o.CgroupParent,
			CPUShares:    o.CPUShares,
			CPUPeriod:    o.CPUPeriod,
			CPUQuota:     o.CPUQuota,
			CpusetCpus:   o.CPUSetCPUs,
			CpusetMems:   o.CPUSetMems,
			Memory:       o.Memory,
			MemorySwap:   o.MemorySwap,
			Ulimits:      o.Ulimits,
		},
	}
}

// commit makes an image of an intermediate container. as is what it records of the container.
func (r *run) commit(st *stage, id string, as *container.Config) error {
	made, err := r.engine.CommitContainer(id, Commit{
		Author:          st.maintainer,
		Config:          frozen(st.config),
		ContainerConfig: frozen(as),
	})
	if err != nil {
		return err
	}
	st.image, err = r.engine.Image(r.ctx, string(made), LookUp{Pull: PullNever})
	return err
}

// note makes the image of an instruction that only changes the config.
func (r *run) note(st *stage, comment string) error {
	cfg := noted(st.config, "#(nop) ", comment)
	if hit, err := r.look(st, cfg); err != nil || hit {
		return err
	}
	id, err := r.create(st, cfg)
	if err != nil {
		return err
	}
	return r.commit(st, id, cfg)
}

// remove removes the intermediate containers that are left. It stops at the first that cannot be.
func (r *run) remove() {
	for len(r.containers) > 0 {
		id := r.containers[0]
		err := r.engine.RemoveContainer(id)
		r.tell(Removed{id, err})
		if err != nil {
			return
		}
		r.containers = r.containers[1:]
	}
}

// output tells what a container writes.
func (r *run) output(stderr bool) io.Writer { return outputWriter{r.tell, stderr} }

type outputWriter struct {
	tell   func(Event)
	stderr bool
}

func (w outputWriter) Write(p []byte) (int, error) {
	w.tell(Output{w.stderr, append([]byte(nil), p...)})
	return len(p), nil
}

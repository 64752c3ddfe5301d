package build

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/go-connections/nat"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
)

// dispatch runs an instruction and sees to the containers that it made.
func (r *run) dispatch(st *stage, c instructions.Command) (err error) {
	defer func() {
		if r.options.ForceRemove || r.options.Remove && err == nil {
			r.remove()
		}
	}()
	env := slices.Concat(st.config.Env, st.args.beside(st.config.Env))
	if err := expand(c, func(w string) (string, error) { return st.lex.Word(w, env) }); err != nil {
		return inputError{err}
	}
	switch c := c.(type) {
	case *instructions.RunCommand:
		return r.runCommand(st, c)
	case *instructions.AddCommand:
		return r.add(st, c)
	case *instructions.CopyCommand:
		return r.copy(st, c)
	case *instructions.WorkdirCommand:
		return r.workdir(st, c)
	case *instructions.HealthCheckCommand:
		if h := st.config.Healthcheck; h != nil && len(h.Test) > 0 && h.Test[0] != "NONE" {
			r.tell(HealthcheckReplaced{slices.Clone(h.Test)})
		}
	}
	comment, err := change(st, c, env)
	if err != nil {
		return err
	}
	return r.note(st, comment)
}

// expand replaces the variables in the words of an instruction. RUN, CMD, ENTRYPOINT, HEALTHCHECK,
// SHELL, ONBUILD and MAINTAINER have none; EXPOSE sees to its own.
func expand(c instructions.Command, word instructions.SingleWordExpander) error {
	var words []*string
	switch c := c.(type) {
	case *instructions.ArgCommand:
		return expandArg(c, word)
	case *instructions.EnvCommand:
		return c.Expand(word)
	case *instructions.LabelCommand:
		return c.Expand(word) // --label is not expanded: buildkit knows it
	case *instructions.AddCommand:
		words = append(pointers(c.SourcePaths), &c.DestPath)
		words = append([]*string{&c.Chown}, words...)
	case *instructions.CopyCommand:
		words = append(pointers(c.SourcePaths), &c.DestPath)
		words = append([]*string{&c.Chown}, words...)
	case *instructions.StopSignalCommand:
		words = []*string{&c.Signal}
	case *instructions.UserCommand:
		words = []*string{&c.User}
	case *instructions.VolumeCommand:
		words = pointers(c.Volumes)
	case *instructions.WorkdirCommand:
		words = []*string{&c.Path}
	}
	for _, w := range words {
		s, err := word(*w)
		if err != nil {
			return err
		}
		*w = s
	}
	return nil
}

func pointers(s []string) []*string {
	out := make([]*string, len(s))
	for i := range s {
		out[i] = &s[i]
	}
	return out
}

func expandArg(c *instructions.ArgCommand, word instructions.SingleWordExpander) error {
	for i, kv := range c.Args {
		k, err := word(kv.Key)
		if err != nil {
			return err
		}
		c.Args[i].Key = k
		if kv.Value != nil {
			v, err := word(*kv.Value)
			if err != nil {
				return err
			}
			c.Args[i].Value = &v
		}
	}
	return nil
}

// change applies an instruction that only changes the config, and gives the comment that history
// shows of it. docker commit --change ends here as well.
func change(st *stage, c instructions.Command, env []string) (comment string, err error) {
	cfg := st.config
	switch c := c.(type) {
	case *instructions.EnvCommand:
		comment = "ENV"
		for _, kv := range c.Env {
			setEnv(cfg, kv.Key, kv.Value)
			comment += " " + kv.Key + "=" + kv.Value
		}
	case *instructions.MaintainerCommand:
		st.maintainer = c.Maintainer
		comment = "MAINTAINER " + c.Maintainer
	case *instructions.LabelCommand:
		if cfg.Labels == nil {
			cfg.Labels = map[string]string{}
		}
		comment = "LABEL"
		for _, kv := range c.Labels {
			cfg.Labels[kv.Key] = kv.Value
			comment += " " + kv.Key + "=" + kv.Value
		}
	case *instructions.OnbuildCommand:
		cfg.OnBuild = append(cfg.OnBuild, c.Expression)
		comment = "ONBUILD " + c.Expression
	case *instructions.CmdCommand:
		cfg.Cmd, cfg.ArgsEscaped = commandLine(c.ShellDependantCmdLine, cfg), false
		comment = fmt.Sprintf("CMD %q", []string(cfg.Cmd))
		// The engine notes this when the image has been made. Nothing can look at it in between.
		st.cmdSet = st.cmdSet || len(c.CmdLine) > 0
	case *instructions.EntrypointCommand:
		cfg.Entrypoint, cfg.ArgsEscaped = commandLine(c.ShellDependantCmdLine, cfg), false
		if !st.cmdSet {
			cfg.Cmd = nil
		}
		comment = fmt.Sprintf("ENTRYPOINT %q", []string(cfg.Entrypoint))
	case *instructions.HealthCheckCommand:
		cfg.Healthcheck = &container.HealthConfig{
			Test:        c.Health.Test,
			Interval:    c.Health.Interval,
			Timeout:     c.Health.Timeout,
			StartPeriod: c.Health.StartPeriod,
			Retries:     c.Health.Retries,
		}
		// The engine prints the struct with %q, which makes a character of the number of retries.
		h := cfg.Healthcheck
		comment = fmt.Sprintf("HEALTHCHECK &{%q %q %q %q %q}", h.Test, h.Interval, h.Timeout, h.StartPeriod, rune(h.Retries))
	case *instructions.ExposeCommand:
		comment, err = expose(st, c, env)
	case *instructions.UserCommand:
		cfg.User = c.User
		comment = "USER " + c.User
	case *instructions.VolumeCommand:
		if cfg.Volumes == nil {
			cfg.Volumes = map[string]struct{}{}
		}
		for _, v := range c.Volumes {
			if v == "" {
				return "", errors.New("VOLUME specified can not be an empty string")
			}
			cfg.Volumes[v] = struct{}{}
		}
		comment = fmt.Sprintf("VOLUME %v", c.Volumes)
	case *instructions.StopSignalCommand:
		if !isSignal(c.Signal) {
			return "", inputError{fmt.Errorf("Invalid signal: %s", c.Signal)}
		}
		cfg.StopSignal = c.Signal
		comment = "STOPSIGNAL " + c.Signal
	case *instructions.ArgCommand:
		comment = "ARG"
		for _, kv := range c.Args {
			comment += " " + kv.Key
			if kv.Value != nil {
				comment += "=" + *kv.Value
			}
			st.args.declare(kv.Key, kv.Value)
		}
	case *instructions.ShellCommand:
		cfg.Shell = c.Shell
		comment = fmt.Sprintf("SHELL %v", c.Shell)
	default:
		err = fmt.Errorf("unsupported command type: %T", c)
	}
	return comment, err
}

// commandLine puts the shell before a command in the shell form.
func commandLine(c instructions.ShellDependantCmdLine, cfg *container.Config) []string {
	if c.PrependShell && c.CmdLine != nil {
		return append(shellOf(cfg), c.CmdLine...)
	}
	return c.CmdLine
}

// expose splits the values of variables into several ports: no other instruction does.
func expose(st *stage, c *instructions.ExposeCommand, env []string) (string, error) {
	ports := []string{}
	for _, p := range c.Ports {
		ps, err := st.lex.Words(p, env)
		if err != nil {
			return "", err
		}
		ports = append(ports, ps...)
	}
	set, err := parsePorts(ports)
	if err != nil {
		return "", err
	}
	if st.config.ExposedPorts == nil {
		st.config.ExposedPorts = nat.PortSet{}
	}
	maps.Copy(st.config.ExposedPorts, set)
	return "EXPOSE " + strings.Join(ports, " "), nil
}

// newWorkdir is the working directory after WORKDIR asked for one. An absolute path is not cleaned.
func newWorkdir(now, asked string) (string, error) {
	if asked == "" {
		return "", errors.New("cannot normalize nothing")
	}
	if !path.IsAbs(asked) {
		return path.Join("/", now, asked), nil
	}
	return asked, nil
}

func (r *run) workdir(st *stage, c *instructions.WorkdirCommand) error {
	dir, err := newWorkdir(st.config.WorkingDir, c.Path)
	if err != nil {
		return err
	}
	st.config.WorkingDir = dir
	cfg := noted(st.config, "#(nop) WORKDIR "+dir)
	if hit, err := r.look(st, cfg); err != nil || hit {
		return err
	}
	id, err := r.create(st, cfg)
	if err != nil {
		return err
	}
	if err := r.engine.MakeWorkdir(id); err != nil {
		return err
	}
	return r.commit(st, id, cfg)
}

// needsBuildKit is what the classic builder says to a flag that it knows but cannot do.
func needsBuildKit(flag string) error {
	return fmt.Errorf("the --%s option requires BuildKit. Refer to https://docs.docker.com/go/buildkit/ to learn how to build images with BuildKit enabled", flag)
}

func (r *run) runCommand(st *stage, c *instructions.RunCommand) error {
	if len(c.FlagsUsed) > 0 {
		return needsBuildKit(c.FlagsUsed[0])
	}
	cmd := commandLine(c.ShellDependantCmdLine, st.config)
	given := st.args.beside(st.config.Env)

	// What the image records begins with the build arguments, so that the cache sees them:
	// "|2 a=1 b=2 /bin/sh -c ...". The bar is no character that a command begins with.
	record := cmd
	if len(given) > 0 {
		shown := st.args.recorded(given)
		record = slices.Concat([]string{fmt.Sprintf("|%d", len(shown))}, shown, cmd)
	}
	as := clone(st.config)
	as.Cmd, as.ArgsEscaped = record, false
	if len(record) > 0 {
		as.Entrypoint = nil
	}
	if hit, err := r.look(st, as); err != nil || hit {
		return err
	}

	cfg := clone(st.config)
	cfg.Cmd, cfg.ArgsEscaped = slices.Clone(cmd), false
	cfg.Env = append(cfg.Env, given...)
	if len(record) > 0 {
		cfg.Entrypoint = []string{""} // none, rather than the image's
	}
	cfg.Healthcheck = &container.HealthConfig{Test: []string{"NONE"}}
	id, err := r.create(st, cfg)
	if err != nil {
		return err
	}
	code, err := r.engine.RunContainer(r.ctx, id, r.output(false), r.output(true))
	if err != nil {
		return err
	}
	if code != 0 {
		return &ExitError{fmt.Sprintf("The command '%s' returned a non-zero code: %d", strings.Join(cfg.Cmd, " "), code), code}
	}
	return r.commit(st, id, as)
}

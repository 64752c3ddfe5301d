package build

import (
	"maps"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/container"
)

// defaultPath is the PATH of images that have none.
const defaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// clone copies a config. The copy's Healthcheck is the original's: 20.10 changes it through either
// when a container is created (see inherit).
func clone(c *container.Config) *container.Config {
	d := *c
	d.Cmd = slices.Clone(c.Cmd)
	d.Env = slices.Clone(c.Env)
	d.Entrypoint = slices.Clone(c.Entrypoint)
	d.OnBuild = slices.Clone(c.OnBuild)
	d.Shell = slices.Clone(c.Shell)
	d.Volumes = maps.Clone(c.Volumes)
	d.ExposedPorts = maps.Clone(c.ExposedPorts)
	d.Labels = maps.Clone(c.Labels)
	return &d
}

// frozen copies a config so that nothing is shared.
func frozen(c *container.Config) *container.Config {
	d := clone(c)
	if c.Healthcheck != nil {
		h := *c.Healthcheck
		h.Test = slices.Clone(h.Test)
		d.Healthcheck = &h
	}
	return d
}

// shellOf is what stands before the commands of the shell form.
func shellOf(c *container.Config) []string {
	if len(c.Shell) == 0 {
		return []string{"/bin/sh", "-c"}
	}
	return slices.Clone(c.Shell)
}

// noted copies a config and sets Cmd to a comment, which is what history shows of an instruction
// that runs nothing.
func noted(c *container.Config, comment ...string) *container.Config {
	d := clone(c)
	d.Cmd = append(shellOf(c), comment...)
	return d
}

// inherit fills what a container's config leaves open from its image's, as the engine does when it
// creates a container. The config that was filled is what the image made of the container records,
// and what the cache compares from then on.
func inherit(c, from *container.Config) {
	if c.User == "" {
		c.User = from.User
	}
	if len(c.ExposedPorts) == 0 {
		c.ExposedPorts = maps.Clone(from.ExposedPorts)
	} else {
		for p := range from.ExposedPorts {
			c.ExposedPorts[p] = struct{}{}
		}
	}
	if len(c.Env) == 0 {
		c.Env = slices.Clone(from.Env)
	} else {
		for _, e := range from.Env {
			if envIndex(c.Env, e) < 0 {
				c.Env = append(c.Env, e)
			}
		}
	}
	if c.Labels == nil {
		c.Labels = map[string]string{}
	}
	for k, v := range from.Labels {
		if _, ok := c.Labels[k]; !ok {
			c.Labels[k] = v
		}
	}
	if len(c.Entrypoint) == 0 {
		if len(c.Cmd) == 0 {
			c.Cmd, c.ArgsEscaped = slices.Clone(from.Cmd), from.ArgsEscaped
		}
		if c.Entrypoint == nil {
			c.Entrypoint = slices.Clone(from.Entrypoint)
		}
	}
	if h := from.Healthcheck; h != nil {
		if c.Healthcheck == nil {
			c.Healthcheck = h
		} else {
			to := c.Healthcheck // shared with the stage's config: HEALTHCHECK inherits by this
			if len(to.Test) == 0 {
				to.Test = h.Test
			}
			if to.Interval == 0 {
				to.Interval = h.Interval
			}
			if to.Timeout == 0 {
				to.Timeout = h.Timeout
			}
			if to.StartPeriod == 0 {
				to.StartPeriod = h.StartPeriod
			}
			if to.Retries == 0 {
				to.Retries = h.Retries
			}
		}
	}
	if c.WorkingDir == "" {
		c.WorkingDir = from.WorkingDir
	}
	if len(c.Volumes) == 0 {
		c.Volumes = maps.Clone(from.Volumes)
	} else {
		for v := range from.Volumes {
			c.Volumes[v] = struct{}{}
		}
	}
	if c.StopSignal == "" {
		c.StopSignal = from.StopSignal
	}
}

// envIndex finds the variable of entry, NAME=VALUE or NAME, in a list; -1 where it is not there.
func envIndex(env []string, entry string) int {
	name, _, _ := strings.Cut(entry, "=")
	return slices.IndexFunc(env, func(e string) bool {
		k, _, _ := strings.Cut(e, "=")
		return k == name
	})
}

// setEnv gives a variable its value.
func setEnv(c *container.Config, name, value string) {
	entry := name + "=" + value
	if i := envIndex(c.Env, name); i >= 0 {
		c.Env[i] = entry
		return
	}
	c.Env = append(c.Env, entry)
}

package docker

import (
	"errors"
	"fmt"
	"slices"

	"github.com/moby/moby/client/pkg/versions"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// docker/cli marks commands and flags with what they need of the engine, by annotations:
// "version" (of the API), "ostype", "experimental" and "swarm". Its main package, which cannot be
// imported, acts on them; these are the same rules.

// supported says whether the engine has what cmd, the commands above it and its flags need. The
// engine is only asked where an annotation makes it necessary, so that help needs no engine.
func supported(cmd *cobra.Command, inv *invocation) error {
	for c := cmd; c != nil; c = c.Parent() {
		if v, ok := c.Annotations["version"]; ok && versions.LessThan(inv.CurrentVersion(), v) {
			return fmt.Errorf("%s requires API version %s, but the Docker daemon API version is %s", cmd.CommandPath(), v, inv.CurrentVersion())
		}
		if os, ok := c.Annotations["ostype"]; ok {
			if have := inv.ServerInfo().OSType; have != "" && have != os {
				return fmt.Errorf("%s is only supported on a Docker daemon running on %s, but the Docker daemon is running on %s", cmd.CommandPath(), os, have)
			}
		}
		if _, ok := c.Annotations["experimental"]; ok && !inv.ServerInfo().HasExperimental {
			return fmt.Errorf("%s is only supported on a Docker daemon with experimental features enabled", cmd.CommandPath())
		}
	}
	var errs []error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Changed {
			return
		}
		if v, ok := annotation(f, "version"); ok && v != "" && versions.LessThan(inv.CurrentVersion(), v) {
			errs = append(errs, fmt.Errorf(`"--%s" requires API version %s, but the Docker daemon API version is %s`, f.Name, v, inv.CurrentVersion()))
			return
		}
		if os, ok := annotation(f, "ostype"); ok && os != "" {
			if have := inv.ServerInfo().OSType; have != "" && have != os {
				errs = append(errs, fmt.Errorf(`"--%s" is only supported on a Docker daemon running on %s, but the Docker daemon is running on %s`, f.Name, os, have))
				return
			}
		}
		if _, ok := annotation(f, "experimental"); ok && !inv.ServerInfo().HasExperimental {
			errs = append(errs, fmt.Errorf(`"--%s" is only supported on a Docker daemon with experimental features enabled`, f.Name))
		}
	})
	return errors.Join(errs...)
}

// annotation gives a flag's annotation; one without a value is there, and empty.
func annotation(f *pflag.Flag, name string) (value string, ok bool) {
	values, ok := f.Annotations[name]
	if len(values) > 0 {
		value = values[0]
	}
	return value, ok
}

// hideUnsupported takes from cmd's help what the engine does not have.
func hideUnsupported(cmd *cobra.Command, inv *invocation) {
	unsupported := func(name, value string) bool {
		info := inv.ServerInfo()
		switch name {
		case "experimental":
			return !info.HasExperimental
		case "ostype":
			return info.OSType != "" && value != info.OSType
		case "version":
			return versions.LessThan(inv.CurrentVersion(), value)
		case "swarm":
			switch {
			case info.SwarmStatus == nil:
				return false
			case value == "manager":
				return !info.SwarmStatus.ControlAvailable
			case value == "active":
				return info.SwarmStatus.NodeState == "inactive"
			}
		}
		return false
	}
	kinds := []string{"experimental", "ostype", "swarm", "version"}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if names, ok := f.Annotations["top-level"]; ok && cmd.Parent() != nil && !under(cmd, names) {
			f.Hidden = true
		}
		for _, kind := range kinds {
			if value, ok := annotation(f, kind); ok && unsupported(kind, value) {
				f.Hidden = true
			}
		}
	})
	for _, sub := range cmd.Commands() {
		for _, kind := range kinds {
			if value, ok := sub.Annotations[kind]; ok && unsupported(kind, value) {
				sub.Hidden = true
			}
		}
	}
}

// under reports whether cmd or a command above it has one of the names.
func under(cmd *cobra.Command, names []string) bool {
	for c := cmd; c != nil; c = c.Parent() {
		if slices.Contains(names, c.Name()) {
			return true
		}
	}
	return false
}

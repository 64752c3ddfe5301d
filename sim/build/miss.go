package build

import (
	"maps"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/container"

	"github.com/dockerlab/dockerlab/sim/image"
)

// Why says why the cache had no image for a step.
type Why string

// Why the cache can have none.
const (
	SwitchedOff  Why = "no-cache"    // docker build --no-cache
	AfterMiss    Why = "after-miss"  // an earlier step of the stage missed, so this one stands on a new image
	FirstTime    Why = "first-time"  // no image was made from the one before
	OtherFiles   Why = "files"       // the same COPY or ADD had other files
	OtherArgs    Why = "build-args"  // the same RUN had other build arguments
	OtherConfig  Why = "config"      // the same instruction had another environment, user, ...
	OtherCommand Why = "instruction" // another instruction was run
	NotInSources Why = "cache-from"  // an image has it, but none that --cache-from names stands on it
	NoSources    Why = "no-sources"  // of the images that --cache-from names, none is here
)

// Miss is why the cache had no image for a step, and what comes nearest.
type Miss struct {
	Why Why
	// Now is the instruction as the cache compares it, and Was that of the image that comes nearest:
	// Nearest, which was made from the same image. Both are empty where there is none.
	Was, Now string
	Nearest  image.ID
	// Settings are what differs in OtherArgs and OtherConfig.
	Settings []Setting
}

// Setting is a build argument, a variable or a field of the configuration that was another.
type Setting struct {
	Field string `json:"field"`          // "ARG", "Env", "User", ...
	Name  string `json:"name,omitempty"` // of an argument, a variable, a label; "" of a field that is one value
	Was   string `json:"was"`            // "" where there was none
	Now   string `json:"now"`
}

// explain says why none of the images made from a parent will do for a config. It compares with the
// one that comes nearest, of several such with the newest.
func explain(all []*image.Image, cfg *container.Config) *Miss {
	m := &Miss{Why: FirstTime, Now: strings.Join(cfg.Cmd, " ")}
	var nearest *image.Image
	best := 0
	for _, i := range all {
		n := nearness(&i.Config.ContainerConfig, cfg)
		if nearest == nil || n > best || n == best && nearest.Config.Created.Before(i.Config.Created) {
			nearest, best = i, n
		}
	}
	if nearest == nil {
		return m
	}
	was := &nearest.Config.ContainerConfig
	m.Nearest, m.Was = nearest.ID, strings.Join(was.Cmd, " ")
	argsWas, runWas := splitArgs(was.Cmd)
	argsNow, runNow := splitArgs(cfg.Cmd)
	switch {
	case slices.Equal(was.Cmd, cfg.Cmd):
		m.Why, m.Settings = OtherConfig, configSettings(was, cfg)
	case withoutSums(m.Was) == withoutSums(m.Now):
		m.Why = OtherFiles
	case slices.Equal(runWas, runNow):
		m.Why, m.Settings = OtherArgs, settings("ARG", argsWas, argsNow)
	default:
		m.Why = OtherCommand
	}
	return m
}

// nearness counts how near one config is to another.
func nearness(was, now *container.Config) int {
	a, b := strings.Join(was.Cmd, " "), strings.Join(now.Cmd, " ")
	_, runWas := splitArgs(was.Cmd)
	_, runNow := splitArgs(now.Cmd)
	const far = 1 << 24
	switch {
	case a == b:
		return 4 * far
	case withoutSums(a) == withoutSums(b):
		return 3 * far
	case slices.Equal(runWas, runNow):
		return 2 * far
	}
	// What begins and ends alike was most likely edited.
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	m := 0
	for m < min(len(a), len(b))-n && a[len(a)-1-m] == b[len(b)-1-m] {
		m++
	}
	return min(n+m, far)
}

// splitArgs takes the build arguments off a recorded command: "|2 a=1 b=2 /bin/sh -c ...".
func splitArgs(cmd []string) (args, run []string) {
	if len(cmd) == 0 || !strings.HasPrefix(cmd[0], "|") {
		return nil, cmd
	}
	n := 0
	for _, c := range cmd[0][1:] {
		if c < '0' || c > '9' || n > len(cmd) {
			return nil, cmd
		}
		n = n*10 + int(c-'0')
	}
	if n+1 > len(cmd) {
		return nil, cmd
	}
	return cmd[1 : n+1], cmd[n+1:]
}

// withoutSums is a recorded COPY or ADD without the checksums of its files.
func withoutSums(s string) string {
	at := strings.Index(s, "#(nop) ")
	if at < 0 || !strings.HasPrefix(s[at+7:], "COPY ") && !strings.HasPrefix(s[at+7:], "ADD ") {
		return s
	}
	words := strings.Split(s, " ")
	for i, w := range words {
		for _, kind := range []string{"file:", "dir:", "multi:"} {
			if k := strings.Index(w, kind); k >= 0 && len(w)-k-len(kind) >= 64 {
				words[i] = w[:k] + "FILES" // a file may have become a directory
			}
		}
	}
	return strings.Join(words, " ")
}

// settings compares two lists of NAME=VALUE.
func settings(field string, was, now []string) []Setting {
	a, b := table(was), table(now)
	names := maps.Clone(a)
	maps.Copy(names, b)
	var all []Setting
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if a[name] != b[name] {
			all = append(all, Setting{field, name, a[name], b[name]})
		}
	}
	return all
}

func table(list []string) map[string]string {
	m := map[string]string{}
	for _, kv := range list {
		name, value, _ := strings.Cut(kv, "=")
		m[name] = value
	}
	return m
}

// configSettings lists what differs of what sameConfig compares.
func configSettings(a, b *container.Config) []Setting {
	all := settings("Env", a.Env, b.Env)
	if len(all) == 0 && !slices.Equal(a.Env, b.Env) {
		all = append(all, Setting{"Env", "", strings.Join(a.Env, " "), strings.Join(b.Env, " ")}) // in another order
	}
	one := func(field, was, now string) {
		if was != now {
			all = append(all, Setting{field, "", was, now})
		}
	}
	one("User", a.User, b.User)
	one("Entrypoint", strings.Join(a.Entrypoint, " "), strings.Join(b.Entrypoint, " "))
	one("ExposedPorts", joinKeys(a.ExposedPorts), joinKeys(b.ExposedPorts))
	one("Volumes", joinKeys(a.Volumes), joinKeys(b.Volumes))
	for _, name := range sortedKeys(mergedLabels(a.Labels, b.Labels)) {
		if a.Labels[name] != b.Labels[name] {
			all = append(all, Setting{"Labels", name, a.Labels[name], b.Labels[name]})
		}
	}
	return all
}

func joinKeys[K ~string](m map[K]struct{}) string {
	var keys []string
	for k := range m {
		keys = append(keys, string(k))
	}
	slices.Sort(keys)
	return strings.Join(keys, " ")
}

func mergedLabels(a, b map[string]string) map[string]string {
	m := map[string]string{}
	maps.Copy(m, a)
	maps.Copy(m, b)
	return m
}

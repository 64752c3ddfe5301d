package dockerfile

import (
	"encoding/csv"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/moby/buildkit/frontend/dockerfile/command"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// instruction checks a node by the rules of 20.10 and types it.
func instruction(n *parser.Node) (any, error) {
	v := vet{args: arguments(n), json: n.Attributes["json"], flags: map[string][]string{}}
	check, ok := checks[n.Value]
	if !ok {
		return nil, fmt.Errorf("unknown instruction: %s", strings.ToUpper(n.Value))
	}
	if err := check(&v, n); err != nil {
		return nil, err
	}
	return v.typed(n)
}

// vet is an instruction under examination.
type vet struct {
	args  []string
	json  bool
	flags map[string][]string // as given, after parseFlags
	order []string            // of the flags
}

// checks give the first thing that is wrong with an instruction, in the order in which 20.10 looks.
var checks = map[string]func(*vet, *parser.Node) error{
	command.Env:         func(v *vet, n *parser.Node) error { return v.pairs(n, "ENV") },
	command.Label:       func(v *vet, n *parser.Node) error { return v.pairs(n, "LABEL") },
	command.Maintainer:  func(v *vet, n *parser.Node) error { return v.exactlyOne(n, "MAINTAINER") },
	command.Workdir:     func(v *vet, n *parser.Node) error { return v.exactlyOne(n, "WORKDIR") },
	command.User:        func(v *vet, n *parser.Node) error { return v.exactlyOne(n, "USER") },
	command.Add:         func(v *vet, n *parser.Node) error { return v.files(n, "ADD", "chown", "chmod") },
	command.Copy:        func(v *vet, n *parser.Node) error { return v.files(n, "COPY", "chown", "from", "chmod") },
	command.Cmd:         func(v *vet, n *parser.Node) error { return v.parseFlags(n) },
	command.Entrypoint:  func(v *vet, n *parser.Node) error { return v.parseFlags(n) },
	command.From:        (*vet).from,
	command.Onbuild:     (*vet).onbuild,
	command.Run:         (*vet).run,
	command.Healthcheck: (*vet).healthcheck,
	command.Expose:      (*vet).expose,
	command.Volume:      (*vet).volume,
	command.StopSignal:  (*vet).stopSignal,
	command.Arg:         (*vet).arg,
	command.Shell:       (*vet).shell,
}

func atLeastOne(name string) error { return fmt.Errorf("%s requires at least one argument", name) }

// parseFlags reads the flags of a node, of which an instruction knows those that are named; one
// that ends in "..." may come more than once.
func (v *vet) parseFlags(n *parser.Node, known ...string) error {
	for _, f := range n.Flags {
		if !strings.HasPrefix(f, "--") {
			return fmt.Errorf("Arg should start with -- : %s", f)
		}
		if f == "--" {
			return nil
		}
		name, value, hasValue := strings.Cut(f[2:], "=")
		many := slices.Contains(known, name+"...")
		if !many && !slices.Contains(known, name) {
			return fmt.Errorf("Unknown flag: %s", name)
		}
		if _, twice := v.flags[name]; twice && !many {
			return fmt.Errorf("Duplicate flag specified: %s", name)
		}
		if !hasValue {
			return fmt.Errorf("Missing a value on flag: %s", name)
		}
		v.flags[name] = append(v.flags[name], value)
	}
	return nil
}

// flag is the value of a flag; empty where it was not given.
func (v *vet) flag(name string) string {
	if len(v.flags[name]) == 0 {
		return ""
	}
	return v.flags[name][0]
}

func (v *vet) pairs(n *parser.Node, name string) error {
	if err := v.parseFlags(n); err != nil {
		return err
	}
	if len(v.args) == 0 {
		return atLeastOne(name)
	}
	for i := 0; i < len(v.args); i += 3 {
		if v.args[i] == "" {
			return fmt.Errorf("%s names can not be blank", name)
		}
	}
	return nil
}

func (v *vet) exactlyOne(n *parser.Node, name string) error {
	if len(v.args) != 1 {
		return fmt.Errorf("%s requires exactly one argument", name)
	}
	return v.parseFlags(n)
}

func (v *vet) files(n *parser.Node, name string, flags ...string) error {
	if len(v.args) < 2 {
		return fmt.Errorf("%s requires at least two arguments, but only one was provided. Destination could not be determined", name)
	}
	return v.parseFlags(n, flags...)
}

var stageName = regexp.MustCompile(`^[a-z][a-z0-9-_.]*$`)

func (v *vet) from(n *parser.Node) error {
	switch {
	case len(v.args) == 3 && strings.EqualFold(v.args[1], "as"):
		if !stageName.MatchString(strings.ToLower(v.args[2])) {
			return fmt.Errorf("invalid name for build stage: %q, name can't start with a number or contain symbols", v.args[2])
		}
	case len(v.args) != 1:
		return errors.New("FROM requires either one or three arguments")
	}
	return v.parseFlags(n, "platform")
}

func (v *vet) onbuild(n *parser.Node) error {
	if len(v.args) == 0 {
		return atLeastOne("ONBUILD")
	}
	if err := v.parseFlags(n); err != nil {
		return err
	}
	switch t := strings.ToUpper(strings.TrimSpace(v.args[0])); t {
	case "ONBUILD":
		return errors.New("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed")
	case "MAINTAINER", "FROM":
		return fmt.Errorf("%s isn't allowed as an ONBUILD trigger", t)
	}
	return nil
}

// run knows --mount well enough to find fault with it; a mount without fault is refused later, when
// the instruction runs, for wanting BuildKit.
func (v *vet) run(n *parser.Node) error {
	if err := v.parseFlags(n, "mount..."); err != nil {
		return err
	}
	for _, m := range v.flags["mount"] {
		if err := checkMount(m); err != nil {
			return err
		}
	}
	return nil
}

// minimumInterval is the least that the engine takes for the durations of a health check.
const minimumInterval = time.Millisecond

func (v *vet) healthcheck(n *parser.Node) error {
	if len(v.args) == 0 {
		return atLeastOne("HEALTHCHECK")
	}
	typ := strings.ToUpper(v.args[0])
	if typ == "NONE" {
		if len(v.args) > 1 {
			return errors.New("HEALTHCHECK NONE takes no arguments")
		}
		return nil // its flags are not looked at
	}
	if err := v.parseFlags(n, "interval", "timeout", "start-period", "retries"); err != nil {
		return err
	}
	if typ != "CMD" {
		return fmt.Errorf("Unknown type %#v in HEALTHCHECK (try CMD)", typ)
	}
	if len(v.args) == 1 {
		return errors.New("Missing command after HEALTHCHECK CMD")
	}
	for _, name := range []string{"interval", "timeout", "start-period"} {
		value := v.flag(name)
		if value == "" {
			continue
		}
		d, err := time.ParseDuration(value)
		if err != nil {
			return err
		}
		if d < minimumInterval {
			return fmt.Errorf("Interval %#v cannot be less than %s", name, minimumInterval)
		}
	}
	if value := v.flag("retries"); value != "" {
		r, err := strconv.ParseInt(value, 10, 32)
		if err != nil {
			return err
		}
		if r < 1 {
			return fmt.Errorf("--retries must be at least 1 (not %d)", r)
		}
	}
	return nil
}

func (v *vet) expose(n *parser.Node) error {
	if len(v.args) == 0 {
		return atLeastOne("EXPOSE")
	}
	return v.parseFlags(n)
}

func (v *vet) volume(n *parser.Node) error {
	if len(v.args) == 0 {
		return atLeastOne("VOLUME")
	}
	if err := v.parseFlags(n); err != nil {
		return err
	}
	for _, a := range v.args {
		if strings.TrimSpace(a) == "" {
			return errors.New("VOLUME specified can not be an empty string")
		}
	}
	return nil
}

// stopSignal and arg do not look at flags: what looks like one is dropped.
func (v *vet) stopSignal(*parser.Node) error {
	if len(v.args) != 1 {
		return errors.New("STOPSIGNAL requires exactly one argument")
	}
	return nil
}

func (v *vet) arg(*parser.Node) error {
	if len(v.args) == 0 {
		return atLeastOne("ARG")
	}
	for _, a := range v.args {
		if strings.HasPrefix(a, "=") {
			return errors.New("ARG names can not be blank")
		}
	}
	return nil
}

func (v *vet) shell(n *parser.Node) error {
	if err := v.parseFlags(n); err != nil {
		return err
	}
	if len(v.args) == 0 {
		return atLeastOne("SHELL")
	}
	if !v.json {
		return errors.New("SHELL requires the arguments to be in JSON form")
	}
	return nil
}

// typed has buildkit type an instruction that passed. What buildkit would read into words that mean
// nothing to 20.10 (heredocs, newer flags) is kept from it.
func (v *vet) typed(n *parser.Node) (any, error) {
	m := *n
	switch n.Value {
	case command.Add, command.Copy:
		m.Next = nil
		chain(&m, []string{"source", "destination"})
	case command.Run, command.Arg, command.StopSignal:
		m.Flags = nil
	case command.Healthcheck:
		if strings.EqualFold(v.args[0], "NONE") {
			m.Flags = nil
		}
	}
	c, err := instructions.ParseInstruction(&m)
	if err != nil {
		return nil, fmt.Errorf("%s is not understood: %w", strings.ToUpper(n.Value), err)
	}
	last := len(v.args) - 1
	switch c := c.(type) {
	case *instructions.AddCommand:
		c.SourcePaths, c.DestPath, c.SourceContents = v.args[:last], v.args[last], nil
	case *instructions.CopyCommand:
		c.SourcePaths, c.DestPath, c.SourceContents = v.args[:last], v.args[last], nil
	case *instructions.RunCommand:
		for name := range v.flags {
			c.FlagsUsed = append(c.FlagsUsed, name)
		}
	case *instructions.ExposeCommand:
		c.Ports = slices.Clone(v.args)
		sort.Strings(c.Ports)
	}
	return c, nil
}

// checkMount finds fault with the value of RUN --mount.
func checkMount(value string) error {
	fields, err := csv.NewReader(strings.NewReader(value)).Read()
	if err != nil {
		return fmt.Errorf("failed to parse csv mounts: %w", err)
	}
	typ := "bind"
	given := map[string]string{}
	for _, field := range fields {
		key, value, ok := strings.Cut(field, "=")
		key = strings.ToLower(key)
		secretOrSSH := typ == "secret" || typ == "ssh"
		if !ok {
			switch key {
			case "readonly", "ro", "readwrite", "rw":
				continue
			case "required":
				if secretOrSSH {
					continue
				}
				return fmt.Errorf("unexpected key '%s' for mount type '%s'", key, typ)
			}
			return fmt.Errorf("invalid field '%s' must be a key=value pair", field)
		}
		switch key {
		case "type":
			t := strings.ToLower(value)
			if !slices.Contains([]string{"bind", "cache", "tmpfs", "secret", "ssh"}, t) {
				return fmt.Errorf("unsupported mount type %q", value)
			}
			typ = t
		case "from", "id":
			given[key] = value
		case "source", "src":
			given["source"] = value
		case "target", "dst", "destination":
			given["target"] = value
		case "readonly", "ro", "readwrite", "rw", "required":
			if key == "required" && !secretOrSSH {
				return fmt.Errorf("unexpected key '%s' for mount type '%s'", key, typ)
			}
			if _, err := strconv.ParseBool(value); err != nil {
				return fmt.Errorf("invalid value for %s: %s", key, value)
			}
		case "sharing":
			if s := strings.ToLower(value); s != "shared" && s != "private" && s != "locked" {
				return fmt.Errorf("unsupported sharing value %q", value)
			}
			given[key] = value
		case "mode", "uid", "gid":
			base := 10
			if key == "mode" {
				base = 8
			}
			if _, err := strconv.ParseUint(value, base, 32); err != nil {
				return fmt.Errorf("invalid value %s for %s", value, key)
			}
			given[key] = value
		default:
			return fmt.Errorf("unexpected key '%s' in '%s'", key, field)
		}
	}
	if typ == "bind" || typ == "tmpfs" {
		for _, key := range []string{"mode", "uid", "gid"} {
			if _, ok := given[key]; ok {
				return fmt.Errorf("%s not allowed for %q type mounts", key, typ)
			}
		}
	}
	if given["sharing"] != "" && typ != "cache" {
		return fmt.Errorf("invalid cache sharing set for %v mount", typ)
	}
	if typ != "secret" {
		return nil
	}
	switch {
	case given["from"] != "":
		return errors.New("secret mount should not have a from")
	case given["source"] == "" && given["target"] == "" && given["id"] == "":
		return errors.New("invalid secret mount. one of source, target required")
	case given["source"] != "" && given["id"] != "":
		return errors.New("both source and id can't be set")
	}
	return nil
}

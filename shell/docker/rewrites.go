package docker

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/docker/cli/cli"
	"github.com/docker/cli/cli/streams"
	"github.com/docker/cli/opts"
	"github.com/docker/cli/pkg/kvfile"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// A rewrite changes a command of docker/cli so that what it reaches for is the lab's.
type rewrite func(inv *invocation, cmd *cobra.Command)

// rewrites is the one table of what docker/cli would do to the machine that it runs on: every
// command that opens files, asks the environment, starts programs or connects to anything but the
// engine is here, by its names, with what is done instead.
var rewrites = []struct {
	commands []string // without "docker"
	rewrite  rewrite
}{
	{[]string{"run", "container run", "create", "container create"}, rewriteCreate},
	{[]string{"exec", "container exec"}, rewriteExec},
	{[]string{"attach", "container attach"}, rewriteSigProxy},
	{[]string{"start", "container start"}, rewriteStart},
	{[]string{"build", "image build", "builder build"}, rewriteBuild},
	{[]string{"cp", "container cp"}, rewriteCopy},
	{[]string{"save", "image save", "export", "container export"}, rewriteOutput},
	{[]string{"load", "image load"}, rewriteLoad},
	{[]string{"import", "image import"}, rewriteImport},
	{[]string{"images", "image ls", "ps", "container ls", "history", "image history", "system df"}, rewriteTimes},

	{[]string{"bake", "buildx"}, needsBuildKit},

	// These belong to a swarm, a registry account or several engines, and the lab has none.
	{[]string{
		"login", "logout", "context create", "context update", "context rm", "context use",
		"context import", "context export", "plugin create", "plugin install", "plugin push",
		"manifest", "stack config", "stack deploy", "config create", "secret create",
		"swarm init", "swarm join", "swarm update", "swarm ca", "service create", "service update",
		"system dial-stdio",
	}, refuse},
}

// rewriteTree applies the table to the tree under root.
func rewriteTree(root *cobra.Command, inv *invocation) {
	table := make(map[string]rewrite)
	for _, row := range rewrites {
		for _, name := range row.commands {
			table[name] = row.rewrite
		}
	}
	each(root, func(cmd *cobra.Command) {
		name := strings.TrimPrefix(cmd.CommandPath(), "docker ")
		if r := table[name]; r != nil {
			r(inv, cmd)
		} else if parent, _, ok := strings.Cut(name, " "); ok && table[parent] != nil {
			table[parent](inv, cmd)
		}
		if f := cmd.Flags().Lookup("platform"); f != nil && f.Value.Type() == "string" {
			setDefault(cmd.Flags(), "platform", inv.getenv("DOCKER_DEFAULT_PLATFORM"))
		}
	})
}

// wrap wraps what a command does.
func wrap(cmd *cobra.Command, f func(orig func(*cobra.Command, []string) error, cmd *cobra.Command, args []string) error) {
	if orig := cmd.RunE; orig != nil {
		cmd.RunE = func(cmd *cobra.Command, args []string) error { return f(orig, cmd, args) }
	}
}

// refuse makes a command fail and say why. Some of its flags would open their files while they are
// parsed; none gets its value.
func refuse(inv *invocation, cmd *cobra.Command) {
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if f.Name != "help" {
			f.Value = &list{Value: f.Value}
		}
	})
	wrap(cmd, func(_ func(*cobra.Command, []string) error, cmd *cobra.Command, _ []string) error {
		return fmt.Errorf("%s: not available: the lab is one engine, with no swarm, plugins or registry accounts", cmd.CommandPath())
	})
}

// needsBuildKit makes a command fail as it does where BuildKit's client is not installed.
func needsBuildKit(inv *invocation, cmd *cobra.Command) {
	cmd.RunE = func(*cobra.Command, []string) error {
		return errors.New("ERROR: docker bake requires the buildx component but it is missing or broken.\n" +
			"       Install the buildx component to use bake:\n       https://docs.docker.com/go/buildx/")
	}
}

// list is a flag that collects values, to be read when the command runs.
type list struct {
	pflag.Value
	values []string
	change func(string) (string, error) // may be nil
}

func (l *list) Set(value string) error {
	if l.change != nil {
		var err error
		if value, err = l.change(value); err != nil {
			return err
		}
	}
	l.values = append(l.values, value)
	return nil
}

// GetSlice makes completion offer the flag again after its first use.
func (l *list) GetSlice() []string { return l.values }

// collect puts a list in the place of a flag's value. docker/cli does not see what is set, until
// it is handed over with inner.Set.
func collect(cmd *cobra.Command, name string, change func(string) (string, error)) *list {
	f := cmd.Flags().Lookup(name)
	if f == nil {
		return &list{}
	}
	l := &list{Value: f.Value, change: change}
	f.Value = l
	return l
}

// last is the value of a flag that counts once; "" when it is not set.
func last(l *list) string {
	if len(l.values) == 0 {
		return ""
	}
	return l.values[len(l.values)-1]
}

// through is a flag whose value is changed on its way to docker/cli.
type through struct {
	pflag.Value
	change func(string) string
}

func (t *through) Set(value string) error { return t.Value.Set(t.change(value)) }

func passThrough(cmd *cobra.Command, name string, change func(string) string) {
	if f := cmd.Flags().Lookup(name); f != nil {
		f.Value = &through{f.Value, change}
	}
}

// withEnv is opts.ValidateEnv over the lab's environment: a name alone gets its value.
func (inv *invocation) withEnv(value string) (string, error) {
	name, _, hasValue := strings.Cut(value, "=")
	if name == "" {
		return "", errors.New("invalid environment variable: " + value)
	}
	if v, ok := inv.lookupEnv(name); ok && !hasValue {
		return name + "=" + v, nil
	}
	return value, nil
}

// hand gives values to docker/cli's own list. Its validator would look a name that still has no
// value up in the environment of this program; the name is put in past it.
func hand(inner pflag.Value, values []string) error {
	for _, v := range values {
		if err := inner.Set(v); err != nil {
			return err
		}
		if l, ok := inner.(*opts.ListOpts); ok {
			s := l.GetSlice()
			s[len(s)-1] = v
		}
	}
	return nil
}

// maxVariables bounds a file of variables or labels.
const maxVariables = 16 << 20

// readVariables reads --env-file and --label-file files; lookup finds the value of a name alone.
func (inv *invocation) readVariables(names []string, lookup func(string) (string, bool)) ([]string, error) {
	var variables []string
	for _, name := range names {
		b, err := readFile(inv.o.Files, inv.abs(name), maxVariables)
		if err != nil {
			return nil, withName(err, name)
		}
		v, err := kvfile.ParseFromReader(strings.NewReader(string(b)), lookup)
		if err != nil {
			return nil, fmt.Errorf("invalid env file (%s): %v", name, err)
		}
		variables = append(variables, v...)
	}
	return variables, nil
}

// rewriteVariables handles --env, --env-file, --label and --label-file. The function that it
// returns is called when the command runs.
func rewriteVariables(inv *invocation, cmd *cobra.Command) (deliver func() error) {
	env := collect(cmd, "env", inv.withEnv)
	envFiles := collect(cmd, "env-file", nil)
	labels := collect(cmd, "label", opts.ValidateLabel)
	labelFiles := collect(cmd, "label-file", nil)
	return func() error {
		fromFiles, err := inv.readVariables(envFiles.values, inv.lookupEnv)
		if err != nil {
			if cmd.Name() != "exec" {
				err = fmt.Errorf("--env-file: %w", err)
			}
			return err
		}
		labelsFromFiles, err := inv.readVariables(labelFiles.values, nil)
		if err != nil {
			return fmt.Errorf("--label-file: %w", err)
		}
		inv.env = slices.Concat(fromFiles, env.values)
		if env.Value != nil {
			if err := hand(env.Value, slices.Concat(fromFiles, env.values)); err != nil {
				return err
			}
		}
		if labels.Value != nil {
			return hand(labels.Value, slices.Concat(labelsFromFiles, labels.values))
		}
		return nil
	}
}

// hostPath resolves a path that begins with a dot, as the client does before it sends a mount.
func (inv *invocation) hostPath(p string) string {
	if strings.HasPrefix(p, ".") {
		return inv.abs(p)
	}
	return p
}

func rewriteCreate(inv *invocation, cmd *cobra.Command) {
	deliver := rewriteVariables(inv, cmd)
	passThrough(cmd, "volume", func(value string) string {
		if source, rest, ok := strings.Cut(value, ":"); ok {
			return inv.hostPath(source) + ":" + rest
		}
		return value
	})
	passThrough(cmd, "mount", inv.mountSource)
	cidPath := collect(cmd, "cidfile", nil)
	wrap(cmd, func(orig func(*cobra.Command, []string) error, cmd *cobra.Command, args []string) error {
		if err := deliver(); err != nil {
			return cli.StatusError{
				Status:     fmt.Sprintf("docker: %v\n\nRun 'docker %s --help' for more information", err, cmd.Name()),
				StatusCode: 125,
			}
		}
		inv.takeSigProxy(cmd)
		inv.cidFile.inv, inv.cidFile.given = inv, last(cidPath)
		defer inv.cidFile.close()
		return orig(cmd, args)
	})
}

// mountSource resolves the source in the fields of --mount.
func (inv *invocation) mountSource(value string) string {
	fields, err := csv.NewReader(strings.NewReader(value)).Read()
	if err != nil {
		return value // docker/cli says what is wrong with it
	}
	for i, field := range fields {
		key, source, ok := strings.Cut(field, "=")
		if k := strings.ToLower(strings.TrimSpace(key)); ok && (k == "source" || k == "src") {
			fields[i] = key + "=" + inv.hostPath(source)
		}
	}
	var b strings.Builder
	w := csv.NewWriter(&b)
	if w.Write(fields) != nil {
		return value
	}
	w.Flush()
	return strings.TrimSuffix(b.String(), "\n")
}

func rewriteExec(inv *invocation, cmd *cobra.Command) {
	deliver := rewriteVariables(inv, cmd)
	wrap(cmd, func(orig func(*cobra.Command, []string) error, cmd *cobra.Command, args []string) error {
		if err := deliver(); err != nil {
			return err
		}
		return orig(cmd, args)
	})
}

// takeSigProxy takes the forwarding of signals away from docker/cli, which would forward those of
// this program's process.
func (inv *invocation) takeSigProxy(cmd *cobra.Command) {
	if f := cmd.Flags().Lookup("sig-proxy"); f != nil {
		inv.sigProxy = f.Value.String() == "true"
		f.Value.Set("false")
	}
}

func rewriteSigProxy(inv *invocation, cmd *cobra.Command) {
	wrap(cmd, func(orig func(*cobra.Command, []string) error, cmd *cobra.Command, args []string) error {
		inv.takeSigProxy(cmd)
		return orig(cmd, args)
	})
}

func rewriteStart(inv *invocation, cmd *cobra.Command) {
	wrap(cmd, func(orig func(*cobra.Command, []string) error, cmd *cobra.Command, args []string) error {
		inv.sigProxy = true
		return orig(cmd, args)
	})
}

// cidFile is the file of --cidfile: it is made before the container, and goes again if that
// cannot be made.
type cidFile struct {
	inv     *invocation
	given   string // as on the command line; "" is none
	made    bool
	written bool
}

// make makes the file, unless it is there already.
func (c *cidFile) make() error {
	if c.given == "" || c.made {
		return nil
	}
	abs := c.inv.abs(c.given)
	if _, err := c.inv.o.Files.Stat(abs); err == nil {
		return errors.New("container ID file found, make sure the other container isn't running or delete " + c.given)
	}
	f, err := c.inv.o.Files.Create(abs, 0o666)
	if err != nil {
		return fmt.Errorf("failed to create the container ID file: %w", withName(err, c.given))
	}
	c.made = true
	return f.Close()
}

func (c *cidFile) write(id string) error {
	if !c.made {
		return nil
	}
	if err := c.inv.writeFile(c.inv.abs(c.given), []byte(id), 0o666); err != nil {
		return fmt.Errorf("failed to write the container ID (%s) to file: %w", id, err)
	}
	c.written = true
	return nil
}

func (c *cidFile) close() {
	if c.made && !c.written {
		_ = c.inv.o.Files.Remove(c.inv.abs(c.given))
	}
}

func (inv *invocation) writeFile(name string, b []byte, perm fs.FileMode) error {
	f, err := inv.o.Files.Create(name, perm)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Close())
}

// rewriteOutput turns -o FILE into a stream to that file. As in docker/cli, the file appears
// whole or not at all.
func rewriteOutput(inv *invocation, cmd *cobra.Command) {
	output := collect(cmd, "output", nil)
	doing := "save image"
	if cmd.Name() == "export" {
		doing = "export container"
	}
	wrap(cmd, func(orig func(*cobra.Command, []string) error, cmd *cobra.Command, args []string) error {
		name := last(output)
		if name == "" {
			return orig(cmd, args)
		}
		file, err := inv.newWholeFile(name)
		if err != nil {
			return fmt.Errorf("failed to %s: %w", doing, err)
		}
		old := inv.Out()
		inv.setOut(streams.NewOut(file))
		err = orig(cmd, args)
		inv.setOut(old)
		return errors.Join(err, file.close(err == nil))
	})
}

// wholeFile is written beside its name, and takes the name when it is complete.
type wholeFile struct {
	io.WriteCloser
	inv        *invocation
	temp, name string
}

func (inv *invocation) newWholeFile(name string) (*wholeFile, error) {
	if name == "" {
		return nil, errors.New("file name is empty")
	}
	abs := inv.abs(name)
	dir := path.Dir(abs)
	if info, err := inv.o.Files.Stat(dir); err != nil {
		return nil, fmt.Errorf("invalid output path: %w", withName(err, path.Dir(name)))
	} else if !info.IsDir() {
		return nil, fmt.Errorf("invalid output path: %w", &fs.PathError{Op: "stat", Path: path.Dir(name), Err: fs.ErrInvalid})
	}
	if info, err := inv.o.Files.Stat(abs); err == nil && !info.Mode.IsRegular() {
		return nil, fmt.Errorf("cannot write to a %s", kindOf(info.Mode))
	}
	temp := path.Join(dir, ".tmp-"+path.Base(abs))
	w, err := inv.o.Files.Create(temp, 0o600)
	if err != nil {
		return nil, withName(err, name)
	}
	return &wholeFile{w, inv, temp, abs}, nil
}

func (w *wholeFile) close(complete bool) error {
	err := w.WriteCloser.Close()
	if complete && err == nil {
		return w.inv.o.Files.Rename(w.temp, w.name)
	}
	return errors.Join(err, w.inv.o.Files.Remove(w.temp))
}

func kindOf(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "directory"
	case m&fs.ModeSymlink != 0:
		return "symbolic link file"
	case m&fs.ModeNamedPipe != 0:
		return "named pipe file"
	case m&fs.ModeSocket != 0:
		return "socket file"
	case m&fs.ModeDevice != 0:
		return "device file"
	}
	return "irregular file"
}

// rewriteLoad makes the file of -i the command's input.
func rewriteLoad(inv *invocation, cmd *cobra.Command) {
	input := collect(cmd, "input", nil)
	wrap(cmd, func(orig func(*cobra.Command, []string) error, cmd *cobra.Command, args []string) error {
		if last(input) == "" {
			return orig(cmd, args)
		}
		return inv.withInput(last(input), func() error { return orig(cmd, args) })
	})
}

// rewriteImport makes the file that is imported the command's input.
func rewriteImport(inv *invocation, cmd *cobra.Command) {
	wrap(cmd, func(orig func(*cobra.Command, []string) error, cmd *cobra.Command, args []string) error {
		source := args[0]
		if source == "-" || strings.HasPrefix(source, "http://") || strings.HasPrefix(source, "https://") {
			return orig(cmd, args)
		}
		args = append([]string{"-"}, args[1:]...)
		return inv.withInput(source, func() error { return orig(cmd, args) })
	})
}

// withInput calls f while the standard input is the file name.
func (inv *invocation) withInput(name string, f func() error) error {
	file, err := inv.o.Files.Open(inv.abs(name))
	if err != nil {
		return withName(err, name)
	}
	defer file.Close()
	old := inv.In()
	inv.SetIn(streams.NewIn(struct{ io.ReadCloser }{file}))
	defer inv.SetIn(old)
	return f()
}

// rewriteTimes keeps times as they are where absolute ones are shown.
func rewriteTimes(inv *invocation, cmd *cobra.Command) {
	wrap(cmd, func(orig func(*cobra.Command, []string) error, cmd *cobra.Command, args []string) error {
		if f := cmd.Flags().Lookup("format"); f != nil && strings.Contains(f.Value.String(), "CreatedAt") {
			inv.keepTime = true
		}
		if f := cmd.Flags().Lookup("human"); f != nil && f.Value.String() == "false" {
			inv.keepTime = true
		}
		return orig(cmd, args)
	})
}

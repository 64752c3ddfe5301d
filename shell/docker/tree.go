package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/docker/cli/cli"
	"github.com/docker/cli/cli/command"
	"github.com/docker/cli/cli/command/commands"
	"github.com/docker/cli/cli/config"
	cliflags "github.com/docker/cli/cli/flags"
	"github.com/docker/cli/cli/version"
	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Version, Commit and Built are what "docker version" says of the client; they are those of the
// docker/cli release in go.mod, which a build from the module cannot know.
const (
	Version = "29.9.3"
	commit  = "dockerlab"
	built   = "2026-11-03T21:35:02.000000000+00:00"
)

// configDir is where the client looks for its configuration unless told otherwise.
const configDir = "/root/.docker"

// templates are docker/cli's own, taken from it once.
type templates struct{ usage, help string }

// setup does what docker/cli keeps in package variables, once for the whole program: it fills
// cobra's table of template functions, and tells version and configuration directory.
var setup = sync.OnceValue(func() templates {
	version.Version, version.GitCommit, version.BuildTime = Version, commit, built
	config.SetDir(noConfigDir)
	pluginDirs = nil
	// Its log would go to the standard error of the program, which is not that of the command.
	logrus.SetOutput(io.Discard)
	scratch := &cobra.Command{Use: "docker"}
	cli.SetupRootCommand(scratch)
	return templates{usage: scratch.UsageTemplate(), help: scratch.HelpTemplate()}
})

// newTree builds docker's whole command tree over inv, with the rewrites in place.
func newTree(inv *invocation) *cobra.Command {
	t := setup()
	root := &cobra.Command{
		Use:              "docker [OPTIONS] COMMAND [ARG...]",
		Short:            "A self-sufficient runtime for containers",
		SilenceUsage:     true,
		SilenceErrors:    true,
		TraverseChildren: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return command.ShowHelp(inv.stderr)(cmd, args)
			}
			return fmt.Errorf("docker: unknown command: docker %s\n\nRun 'docker --help' for more information", args[0])
		},
		PersistentPreRunE: func(cmd *cobra.Command, args []string) error {
			return supported(cmd, inv)
		},
		Version:               fmt.Sprintf("%s, build %s", version.Version, version.GitCommit),
		DisableFlagsInUseLine: true,
		CompletionOptions:     cobra.CompletionOptions{HiddenDefaultCmd: true},
		Annotations: map[string]string{
			"additionalHelp": "For more help on how to use Docker, head to https://docs.docker.com/go/guides/",
		},
	}
	root.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveNoFileComp)
	root.SetIn(inv.In())
	root.SetOut(inv.Out())
	root.SetErr(inv.Err())

	// The width of help is that of the terminal; docker/cli would ask file descriptor 0 for it.
	width := 80
	if inv.o.Terminal != nil {
		if _, cols := inv.o.Terminal.Size(); cols > 0 {
			width = cols
		}
	}
	root.SetVersionTemplate("Docker version {{.Version}}\n")
	root.SetUsageTemplate(strings.ReplaceAll(t.usage, "wrappedFlagUsages .", fmt.Sprintf(".Flags.FlagUsagesWrapped %d", width-1)))
	root.SetHelpTemplate(t.help)
	root.PersistentFlags().BoolP("help", "h", false, "Print usage")
	root.PersistentFlags().MarkShorthandDeprecated("help", "use --help")
	root.PersistentFlags().Lookup("help").Hidden = true
	root.Flags().BoolP("version", "v", false, "Print version information and quit")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		if err := supported(cmd, inv); err != nil {
			return err
		}
		return cli.FlagErrorFunc(cmd, err)
	})
	root.SetHelpCommand(&cobra.Command{
		Use:               "help [command]",
		Short:             "Help about the command",
		PersistentPreRunE: func(*cobra.Command, []string) error { return nil },
		RunE: func(c *cobra.Command, args []string) error {
			cmd, rest, err := c.Root().Find(args)
			if cmd == nil || err != nil || len(rest) > 0 {
				return fmt.Errorf("unknown help topic: %v", strings.Join(args, " "))
			}
			cmd.HelpFunc()(cmd, rest)
			return nil
		},
	})
	help := root.HelpFunc()
	root.SetHelpFunc(func(cmd *cobra.Command, args []string) {
		if err := supported(cmd, inv); err != nil {
			cmd.Println(err)
			return
		}
		hideUnsupported(cmd, inv)
		if bake, _, err := cmd.Root().Find([]string{"bake"}); err == nil && bake.Name() == "bake" {
			bake.Hidden = true // it needs BuildKit
		}
		help(cmd, args)
	})

	commands.AddCommands(root, inv)
	each(root, func(cmd *cobra.Command) {
		if check := cmd.Args; check != nil {
			// What the engine does not support is said before what is wrong with the arguments.
			cmd.Args = func(cmd *cobra.Command, args []string) error {
				if err := supported(cmd, inv); err != nil {
					return err
				}
				return check(cmd, args)
			}
		}
	})
	rewriteTree(root, inv)
	return root
}

// each calls f for cmd and all commands under it.
func each(cmd *cobra.Command, f func(*cobra.Command)) {
	f(cmd)
	for _, sub := range cmd.Commands() {
		each(sub, f)
	}
}

// run parses the global flags and executes the command.
func (inv *invocation) run(ctx context.Context, args []string) (err error) {
	defer func() {
		if r := recover(); r != nil {
			a, ok := r.(abort)
			if !ok {
				panic(r)
			}
			err = a.err
		}
	}()
	inv.configDir = configDir
	if dir := inv.getenv("DOCKER_CONFIG"); dir != "" {
		inv.configDir = dir
	} else if home := inv.getenv("HOME"); home != "" {
		inv.configDir = home + "/.docker"
	}
	setup() // before the flags ask for the configuration directory
	root := newTree(inv)
	options := cliflags.NewClientOptions()
	options.InstallFlags(root.Flags())
	setDefault(root.Flags(), "config", inv.configDir)
	for _, name := range []string{"tlscacert", "tlscert", "tlskey"} {
		f := root.Flags().Lookup(name)
		setDefault(root.Flags(), name, strings.Replace(f.DefValue, noConfigDir, inv.configDir, 1))
	}

	// Global flags stand before the command; a flag set of its own stops at the first argument.
	global := pflag.NewFlagSet(root.Name(), pflag.ContinueOnError)
	global.SetInterspersed(false)
	global.SetOutput(io.Discard)
	global.AddFlagSet(root.Flags())
	global.AddFlagSet(root.PersistentFlags())
	if err := global.Parse(args); err != nil {
		return root.FlagErrorFunc()(root, err)
	}
	if _, err := logrus.ParseLevel(options.LogLevel); err != nil {
		fmt.Fprintln(inv.stderr, "Unable to parse logging level:", options.LogLevel)
		return cli.StatusError{StatusCode: 1}
	}
	inv.hosts, inv.contextName, inv.configDir = options.Hosts, options.Context, options.ConfigDir
	if options.Context != "" && len(options.Hosts) > 0 {
		return errors.New("conflicting options: cannot specify both --host and --context")
	}
	if options.TLS || options.TLSVerify || global.Changed(cliflags.FlagTLSVerify) {
		return errors.New("the lab's engine is reached over a socket, without TLS")
	}
	rest := global.Args()
	if rest == nil {
		rest = []string{} // nil would make cobra take the program's own arguments
	}
	root.SetArgs(rest)
	return root.ExecuteContext(ctx)
}

// setDefault gives a flag that is not set another default, and shows it in help.
func setDefault(flags *pflag.FlagSet, name, value string) {
	f := flags.Lookup(name)
	if f == nil || f.Changed {
		return
	}
	f.DefValue = value
	f.Value.Set(value)
}

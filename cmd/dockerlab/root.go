package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// app is what the verbs share: where they came from, and in which language they speak.
type app struct {
	env environment
	streams
	lang    string // "zh" or "en"
	catalog string // a folder of images and pages; "" for those built in
	state   string // where a lab is kept; "" for where the verb keeps its own
	noState bool   // it is not kept

	publishReal bool // published ports are served on this machine
}

// newRoot builds the table of verbs. args are looked at for --lang first, because the help text
// is made before flags are parsed.
func newRoot(args []string, env environment, s streams) *cobra.Command {
	a := &app{env: env, streams: s, lang: env.language()}
	if lang, ok := langFlag(args); ok {
		a.lang = lang
	}
	w := wordsIn(a.lang)
	root := &cobra.Command{
		Use:           "dockerlab",
		Short:         w.rootShort,
		Long:          w.rootLong,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          noVerb(w),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.learn(cmd.Context(), w, "", "", cmd.Flags().Changed("lang"))
		},
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.SetIn(s.in)
	root.SetOut(s.out)
	root.SetErr(s.err)
	root.SetArgs(args)
	root.SetUsageTemplate(w.usageTemplate)
	root.SetHelpCommand(&cobra.Command{Hidden: true, Use: "help", RunE: func(cmd *cobra.Command, args []string) error {
		target, rest, err := root.Find(args)
		if err != nil || len(rest) > 0 {
			return fmt.Errorf(w.unknownVerb, strings.Join(args, " "))
		}
		return target.Help()
	}})
	a.keepFlags(root, w)
	a.publishFlag(root, w)
	root.PersistentFlags().Var(&langValue{&a.lang}, "lang", w.langFlag)
	root.PersistentFlags().BoolP("help", "h", false, w.helpFlag)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fmt.Errorf("%w\n%s", err, fmt.Sprintf(w.seeHelp, cmd.CommandPath()))
	})
	for _, verb := range verbs {
		root.AddCommand(verb(a, w))
	}
	root.AddCommand(newViews(a, w)...)
	return root
}

// verbs is the table of what dockerlab can do. A verb that is not in it does not exist: it is
// absent from help and exits 2.
var verbs = []func(a *app, w *words) *cobra.Command{
	newLearn,
	newPlay,
	newSh,
	newEngine,
	newLessons,
	newLint,
	newGrade,
	newGradeWorker,
	newGuard,
	newCheck,
	newVersion,
}

// noVerb refuses arguments of the root command: each is meant as a verb.
func noVerb(w *words) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return fmt.Errorf(w.unknownVerb+"\n"+w.seeHelp, args[0], cmd.CommandPath())
		}
		return nil
	}
}

// langFlag looks for a valid --lang among args, up to "--".
func langFlag(args []string) (lang string, ok bool) {
	for i, arg := range args {
		var value string
		switch {
		case arg == "--":
			return lang, ok
		case arg == "--lang" && i+1 < len(args):
			value = args[i+1]
		case strings.HasPrefix(arg, "--lang="):
			value = strings.TrimPrefix(arg, "--lang=")
		default:
			continue
		}
		if value == "zh" || value == "en" {
			lang, ok = value, true
		}
	}
	return lang, ok
}

// langValue is the value of --lang.
type langValue struct{ lang *string }

var _ pflag.Value = (*langValue)(nil)

func (v *langValue) String() string {
	if v.lang == nil {
		return ""
	}
	return *v.lang
}
func (v *langValue) Type() string { return "zh|en" }
func (v *langValue) Set(s string) error {
	if s != "zh" && s != "en" {
		return fmt.Errorf("want zh or en")
	}
	*v.lang = s
	return nil
}

package main

import "strings"

// words are all that the verbs say themselves, in one language.
type words struct {
	rootShort, rootLong    string
	unknownVerb, seeHelp   string
	langFlag, helpFlag     string
	versionShort           string
	headUsage, headVerbs   string
	headFlags, headGlobals string
	moreHelp               string
	usageTemplate          string
}

func wordsIn(lang string) *words {
	w := english
	if lang == "zh" {
		w = chinese
	}
	w.usageTemplate = strings.NewReplacer(
		"USAGE", w.headUsage, "VERBS", w.headVerbs, "FLAGS", w.headFlags, "GLOBALS", w.headGlobals, "MORE", w.moreHelp,
	).Replace(usageTemplate)
	return &w
}

var english = words{
	rootShort: "Learn Docker in a lab that needs no Docker",
	rootLong: `Learn Docker in a lab that needs no Docker.

The docker command in the lab is the real one; the engine, the containers and the
host that it talks to are simulated in memory, and nothing of your machine is touched.`,
	unknownVerb:  "unknown verb: %s",
	seeHelp:      "see '%s --help'",
	langFlag:     "language of lessons and messages",
	helpFlag:     "show this help",
	versionShort: "show the version of dockerlab, Go and the main modules",
	headUsage:    "Usage",
	headVerbs:    "Verbs",
	headFlags:    "Options",
	headGlobals:  "Options of every verb",
	moreHelp:     `Use "{{.CommandPath}} VERB --help" for more about a verb.`,
}

var chinese = words{
	rootShort: "不用安装 Docker 就能学 Docker 的实验室",
	rootLong: `不用安装 Docker 就能学 Docker 的实验室。

实验室里的 docker 命令是真的；它背后的引擎、容器和主机都在内存中模拟，
不会动您机器上的任何东西。`,
	unknownVerb:  "没有这个命令：%s",
	seeHelp:      "请看 '%s --help'",
	langFlag:     "课程和提示的语言",
	helpFlag:     "显示本帮助",
	versionShort: "显示 dockerlab、Go 和主要模块的版本",
	headUsage:    "用法",
	headVerbs:    "命令",
	headFlags:    "选项",
	headGlobals:  "通用选项",
	moreHelp:     `用 "{{.CommandPath}} 命令 --help" 查看某个命令的说明。`,
}

const usageTemplate = `USAGE:{{if .Runnable}}
  {{.UseLine}}{{end}}{{if .HasAvailableSubCommands}}
  {{.CommandPath}} [command]

VERBS:{{range .Commands}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}{{if and .HasAvailableLocalFlags .HasParent}}

FLAGS:
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}{{if not .HasParent}}

GLOBALS:
{{.PersistentFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}{{if .HasAvailableInheritedFlags}}

GLOBALS:
{{.InheritedFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}{{if .HasAvailableSubCommands}}

MORE{{end}}
`

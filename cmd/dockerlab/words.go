package main

import "strings"

// words are all that the verbs say themselves, in one language.
type words struct {
	rootShort, rootLong    string
	unknownVerb, seeHelp   string
	langFlag, helpFlag     string
	versionShort           string
	learnShort, learnLong  string
	contentFlag            string
	catalogFlag            string
	lessonsShort           string
	lintShort, lintLong    string
	lintPassed             string
	checkShort, checkLong  string
	checkFormat            string
	gradeShort, gradeLong  string
	gradeFormat            string
	gradeOutput            string
	gradeWorkers           string
	gradeTimeout           string
	playShort, playLong    string
	playBanner             string
	shShort, shLong        string
	shCommand, shMount     string
	shSeed, shTimeout      string
	engineShort            string
	engineLong             string
	engineHost, engineSeed string
	engineAddress          string
	engineReady            string
	engineState            string
	stateFlag, noStateFlag string
	heldFlag               string
	publishFlag            string
	publishServed          string
	publishInUse           string
	publishFailed          string
	stateOrNone            string
	stateElsewhere         string
	maxSteps, maxProcesses string
	maxMemory, maxOutput   string
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
	learnShort:   "take a lesson, or go on where you left",
	learnLong: `Take a lesson, or go on where you left. Steps are recognised as soon as their state
is reached, whichever way you take.

At the prompt: hint, solution, skip, step (show it again), reset, lessons, learn NAME,
next, lang; undo, redo, snapshot NAME, restore NAME and snapshots for the whole lab;
clock +30s lets time pass; exit leaves. The lab is kept, and is there again the next time.`,
	catalogFlag:  "a folder `DIR` with images, packages and pages, before those built in",
	contentFlag:  "a folder with lessons and assignments, instead of those built in: `DIR`",
	lessonsShort: "list the lessons",
	lintShort:    "check lessons",
	lintLong: `Prove of each lesson that no step is solved before it is begun, that its solution
solves it, and that its languages agree. DIR is a content folder; without it, the lessons
built in are checked.`,
	lintPassed: "%d lessons, no problems",
	checkShort: "lint a Dockerfile",
	checkLong: `Look at a Dockerfile with BuildKit's own rules, as "docker build --check" does. Base images
are looked up in the lab's catalogue. The exit code is 1 where something was found.`,
	checkFormat: "`FORMAT` of the report: text or json",
	gradeShort:  "grade submissions",
	gradeLong: `Grade submissions of an assignment. ASSIGNMENT is a name, or a file that ends in .md; a
SUBMISSION is a folder with a Dockerfile or a shell script of docker commands. Each is
judged in a fresh lab, in a process of its own that the operating system bounds.

The exit code is 0 when all pass, 1 when some fail, 2 for a broken assignment and 3 when
the grader itself failed.`,
	gradeFormat:  "how to report: text, json or junit",
	gradeOutput:  "write the report to `FILE`",
	gradeWorkers: "how many submissions to judge at one time (default: one for each processor)",
	gradeTimeout: "how long one submission may take",
	playShort:    "work in the lab at a prompt, with no lesson",
	playLong: `Work in the lab at a prompt, with no lesson. The lab is kept, and is there again the
next time: whatever had been done when a prompt came back, even if dockerlab was killed.
Containers that ran are then as after a crash of the machine.

At the prompt, undo takes back the last command that changed the lab, redo does it again,
snapshot NAME and restore NAME keep a state and go back to it, and snapshots lists them:
images, containers, volumes and files of the host, all of it. Containers that ran then are
started anew. clock +30s lets the lab's time pass, and clock alone tells it.

Where standard input is no terminal, the lines that come from it are run.`,
	playBanner: "This is the lab: a simulated host with a Docker engine. It touches nothing\r\nof your machine. Try \"docker run hello-world\"; Tab completes;\r\n\"exit\" or Ctrl-D leaves.",
	shShort:    "run a shell script in a fresh lab",
	shLong: `Run a bash script on the host of a fresh lab, without a terminal. The exit code is
the script's. The lab's clock is virtual: sleeping takes no time, and the same script
prints the same on every machine.

With -c the script is CMD; otherwise it is FILE, or standard input. What follows are
its arguments.`,
	shCommand:     "run `CMD`",
	shMount:       "copy the files in `DIR` into the lab's working directory",
	shSeed:        "where the lab's identifiers come from",
	shTimeout:     "how long the script may take in real time; 0 is as long as it likes",
	engineShort:   "serve the Docker Engine API of a lab",
	engineLong:    "Serve the Docker Engine API 1.41 of a fresh lab on a socket, for any Docker client:\n\n    DOCKER_HOST=unix://PATH docker ps",
	engineHost:    "where to listen: `unix://PATH`",
	engineSeed:    "where the lab's identifiers come from (default: the time)",
	engineAddress: "cannot listen at %q: want unix://PATH",
	engineReady:   "dockerlab: the engine listens at %s",
	engineState:   "keep the lab in `DIR`; without it, it ends with the process",
	heldFlag:      "look at the lab that is kept in `DIR`, as it was last saved",
	stateFlag:     "keep the lab in `DIR`, instead of beside the learner's progress",
	publishFlag:   "serve the ports that containers publish on 127.0.0.1 of this machine, for a browser",
	publishServed: "http://127.0.0.1:%d reaches the container from this machine",
	publishInUse:  "port %d of this machine is in use by another program: the container is reached on it only inside the lab",
	publishFailed: "port %d cannot be served on this machine, the container is reached on it only inside the lab: %v",
	noStateFlag:   "begin with a fresh lab, and do not keep it",
	stateOrNone:   "--state and --no-state cannot be used together",
	stateElsewhere: `%v
--no-state opens a lab that is not kept, --state DIR one that is kept elsewhere`,
	maxSteps:     "most steps of a container, or of a script on the host",
	maxProcesses: "most processes of each at one time",
	maxMemory:    "most bytes that each holds in memory",
	maxOutput:    "most bytes of captured output",
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
	learnShort:   "上一课，或从上次停下的地方继续",
	learnLong: `上一课，或从上次停下的地方继续。不管用什么方法，只要达到了某一步要求的状态，
这一步就算完成。

在提示符下可以输入：hint（提示）、solution（答案）、skip（跳过）、step（再看一遍）、
reset（重来）、lessons（课程列表）、learn 课程名、next（下一课）、lang（换语言）；
对整个实验室：undo（撤销）、redo（重做）、snapshot 名字（保存快照）、restore 名字（回到快照）、
snapshots（列出快照）；clock +30s 让时间往前走；exit 离开。实验室会保存下来，下次还在。`,
	catalogFlag:  "用目录 `DIR` 中的镜像、软件包和网页补充内置的",
	contentFlag:  "用目录 `DIR` 中的课程和作业代替内置的",
	lessonsShort: "列出课程",
	lintShort:    "检查课程",
	lintLong: `证明每一课：每一步在开始之前都没有完成，答案能完成它，各语言版本一致。
DIR 是内容目录；不写则检查内置的课程。`,
	lintPassed: "%d 课，没有问题",
	checkShort: "检查一个 Dockerfile",
	checkLong: `用 BuildKit 自己的规则检查 Dockerfile，同 "docker build --check" 一样。基础镜像在实验室的
目录中查找。发现问题时退出码为 1。`,
	checkFormat: "报告的格式 `FORMAT`：text 或 json",
	gradeShort:  "批改作业",
	gradeLong: `批改一项作业的提交。ASSIGNMENT 是作业名，或以 .md 结尾的文件；SUBMISSION 是一个
目录，里面有 Dockerfile 或写有 docker 命令的 shell 脚本。每份提交都在一个新的实验室里、
在由操作系统限制的独立进程中评判。

全部通过退出码为 0，有不通过的为 1，作业本身有错为 2，批改程序出错为 3。`,
	gradeFormat:  "报告格式：text、json 或 junit",
	gradeOutput:  "把报告写到 `FILE`",
	gradeWorkers: "同时批改多少份（默认每个处理器一份）",
	gradeTimeout: "一份提交最多用多长时间",
	playShort:    "在提示符下使用实验室，没有课程",
	playLong: `在提示符下使用实验室，没有课程。实验室会保存下来，下次还在：只要提示符再次出现，
之前做的一切就已保存，即使 dockerlab 被强行终止。当时在运行的容器就像机器断电后一样。

在提示符下，undo 撤销上一条改变了实验室的命令，redo 重做；snapshot 名字 保存快照，
restore 名字 回到快照，snapshots 列出快照。它们对整个实验室有效：镜像、容器、卷和主机上的
文件。当时在运行的容器会重新启动。clock +30s 让实验室的时间往前走，clock 显示时间。

标准输入不是终端时，逐行运行从中读到的命令。`,
	playBanner: "这里是实验室：一台模拟的主机，带有 Docker 引擎，不会动您的机器。\r\n试试 docker run hello-world；按 Tab 补全，输入 exit 或按 Ctrl-D 离开。",
	shShort:    "在新的实验室里运行 shell 脚本",
	shLong: `在新实验室的主机上运行 bash 脚本，不用终端。退出码就是脚本的退出码。
实验室用的是虚拟时钟：sleep 不花时间，同一个脚本在任何机器上的输出都一样。

用 -c 时脚本是 CMD；否则是 FILE 或标准输入。后面的是脚本的参数。`,
	shCommand:     "运行 `CMD`",
	shMount:       "把目录 `DIR` 中的文件复制到实验室的工作目录",
	shSeed:        "实验室各种 ID 的随机种子",
	shTimeout:     "脚本最多用多长真实时间；0 表示不限",
	engineShort:   "提供实验室的 Docker Engine API",
	engineLong:    "在套接字上提供一个新实验室的 Docker Engine API 1.41，任何 Docker 客户端都能用：\n\n    DOCKER_HOST=unix://PATH docker ps",
	engineHost:    "在哪里监听：`unix://PATH`",
	engineSeed:    "实验室各种 ID 的随机种子（默认取自时间）",
	engineAddress: "不能在 %q 监听：要写成 unix://PATH",
	engineReady:   "dockerlab: 引擎正在 %s 监听",
	engineState:   "把实验室保存在目录 `DIR`；不写则随进程一起结束",
	heldFlag:      "查看保存在目录 `DIR` 中的实验室，以最后一次保存为准",
	stateFlag:     "把实验室保存在目录 `DIR`，而不是学习进度旁边",
	publishFlag:   "把容器发布的端口也开在本机的 127.0.0.1 上，供浏览器访问",
	publishServed: "在本机用 http://127.0.0.1:%d 可以访问容器",
	publishInUse:  "本机的端口 %d 已被别的程序占用：只能在实验室里从这个端口访问容器",
	publishFailed: "本机的端口 %d 不能用，只能在实验室里从这个端口访问容器：%v",
	noStateFlag:   "打开新的实验室，也不保存它",
	stateOrNone:   "--state 和 --no-state 不能同时使用",
	stateElsewhere: `%v
--no-state 打开一个不保存的实验室，--state DIR 打开保存在别处的实验室`,
	maxSteps:     "每个容器或主机脚本最多走多少步",
	maxProcesses: "每个容器或主机脚本最多同时有多少进程",
	maxMemory:    "每个容器或主机脚本最多占用多少字节内存",
	maxOutput:    "捕获的输出最多多少字节",
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

package views

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// usage are the words of commands' help and errors, in one language.
type usage struct {
	layersShort, layersLong, wasteShort, wasteLong  string
	compareShort, compareLong                       string
	archive, archives, choice, choices, format      string
	changes, whole, wasteTop, compareTop            string
	minEfficiency, maxWasted, base, dockerfile      string
	times, exitCode, help                           string
	wantImage, imageNeedsArchive, onePath, oneImage string
	wholeStack, oneStdin, notBase, noPath, seeHelp  string
	headUsage, headFlags                            string
	explainShort, explainLong, back, noBuild        string
	fewBuilds, fewSteps, wantStep                   string
}

func usageIn(lang string) *usage {
	if lang == "zh" {
		return &chineseUsage
	}
	return &englishUsage
}

// Alone gives a command what its parent would give it otherwise: its help in the language of e, and
// a word for whoever uses it wrongly.
func Alone(e *Env, c *cobra.Command) *cobra.Command {
	w := usageIn(e.Lang)
	c.SilenceUsage, c.SilenceErrors = true, true
	c.CompletionOptions.DisableDefaultCmd = true
	c.Flags().BoolP("help", "h", false, w.help)
	c.SetUsageTemplate(strings.NewReplacer("USAGE", w.headUsage, "FLAGS", w.headFlags).Replace(`USAGE:
  {{.UseLine}}

FLAGS:
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}
`))
	c.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return fmt.Errorf("%w\n"+w.seeHelp, err, c.Name())
	})
	c.SetOut(e.Out)
	return c
}

var englishUsage = usage{
	layersShort: "show the layers of an image or a container, or where a path in it comes from",
	layersLong: `Show the layers of an image or a container as a stack: what each adds, changes and
hides, how large it is, and how much of it can still be seen from the top.

With a PATH: which layer provides it, and how it came there. A layer may have added
or rewritten it, copied it up whole for a change of mode, owner or time alone, or
hidden it by a whiteout or an opaque directory.`,
	wasteShort: "show what costs space in an image and cannot be seen",
	wasteLong: `Show the bytes in an image that cost space and that nobody can see, by the line that
brought them and the line that hid them. Of N copies of a file, N-1 are waste.

With limits, for a pipeline: the exit code is 1 where one is crossed.`,
	compareShort: "show in what two images or containers differ",
	compareLong: `Show in what two images or containers differ: layers, configuration, and files with
what differs in each: content, mode, owner, time.`,
	archive:       "look into an archive of docker save or an OCI layout: `FILE`, or - for standard input; it may be compressed",
	archives:      "A and B are archives of docker save or OCI layouts; - is standard input",
	choice:        "which image of the archive: `NAME` or ID",
	choices:       "which image of the archives: `NAME` or ID; once for both, or twice",
	format:        "how to write the report",
	changes:       "list the paths that each layer adds, changes and hides",
	whole:         "in text, show commands to their end",
	wasteTop:      "in text, list at most `N` files for each two layers; 0 is all",
	compareTop:    "in text, list at most `N` paths; 0 is all",
	minEfficiency: "the least part of all bytes that must be seen: 0.95 or 95%",
	maxWasted:     "the most that may be wasted: 20MB",
	base:          "`IMAGE` that this one is made from, or how many layers that has: waste within it does not count",
	dockerfile:    "name the lines of the Dockerfile `FILE` that the image was made of",
	times:         "in text, list what differs in its time alone as well",
	exitCode:      "exit with 1 if there are differences other than times",
	help:          "show this help",

	wantImage:         "want the name of an image or a container, or --archive FILE",
	imageNeedsArchive: "--image chooses an image of an archive: want --archive with it",
	onePath:           "want one PATH: %q is too much",
	oneImage:          "want one image: %q is too much",
	wholeStack:        "--files and --no-trunc are of the whole stack, not of a PATH",
	oneStdin:          "only one archive can come from standard input",
	notBase:           "%s is not made from %s",
	noPath:            "no layer of %s has, or ever had, %s",
	seeHelp:           "see '%s --help'",
	headUsage:         "Usage",
	headFlags:         "Options",

	explainShort: "say why the steps of the last build did or did not come from the cache",
	explainLong: `Say of each step of the last build why it came from the cache or why it did not: a
file that changed, a build argument, the instruction, the image below, --no-cache.`,
	back:      "explain the build `N` before the last one",
	noBuild:   "nothing has been built yet",
	fewBuilds: "only %d builds are remembered",
	fewSteps:  "the build came to %d steps",
	wantStep:  "want the number of a step, not %q",
}

var chineseUsage = usage{
	layersShort: "显示镜像或容器的各层，或某个路径从哪里来",
	layersLong: `把镜像或容器的各层画成一叠：每层新增、修改、遮住了什么，有多大，
从最上面还能看见多少。

给出 PATH 时：它由哪一层提供，是怎么来的。可能是某层新增或改写的，只因为改了权限、
属主或时间而被整个复制上来的，或者被 whiteout、不透明目录遮住了。`,
	wasteShort: "显示镜像中占空间却看不见的内容",
	wasteLong: `显示镜像中占空间却谁也看不见的字节，按带来它们的指令和遮住它们的指令列出。
一个文件有 N 个副本时，其中 N-1 个是浪费。

可以设限，用于流水线：超过限度时退出码为 1。`,
	compareShort: "显示两个镜像或容器的差别",
	compareLong: `显示两个镜像或容器的差别：层、配置、文件，以及每个文件的内容、权限、属主、
时间哪一项不同。`,
	archive:       "查看 docker save 或 OCI 布局的归档 `FILE`，- 表示标准输入；可以是压缩的",
	archives:      "A 和 B 是 docker save 或 OCI 布局的归档；- 表示标准输入",
	choice:        "归档中的哪个镜像：`NAME` 或 ID",
	choices:       "归档中的哪个镜像：`NAME` 或 ID；写一次用于两者，或写两次",
	format:        "报告的格式",
	changes:       "列出每层新增、修改和遮住的路径",
	whole:         "文本格式中显示完整的命令",
	wasteTop:      "文本格式中每两层之间最多列出 `N` 个文件；0 表示全部",
	compareTop:    "文本格式中最多列出 `N` 个路径；0 表示全部",
	minEfficiency: "看得见的字节至少占多少：0.95 或 95%",
	maxWasted:     "最多允许浪费多少：20MB",
	base:          "基础镜像 `IMAGE`，或它的层数：其中的浪费不计入",
	dockerfile:    "指出构建镜像的 Dockerfile `FILE` 中的行号",
	times:         "文本格式中也列出只有时间不同的",
	exitCode:      "除时间外还有差别时，退出码为 1",
	help:          "显示本帮助",

	wantImage:         "要写镜像或容器的名字，或者 --archive FILE",
	imageNeedsArchive: "--image 用来选归档中的镜像，要和 --archive 一起用",
	onePath:           "只能写一个 PATH，多了 %q",
	oneImage:          "只能写一个镜像，多了 %q",
	wholeStack:        "--files 和 --no-trunc 用于整叠的层，不能和 PATH 一起用",
	oneStdin:          "只能有一个归档来自标准输入",
	notBase:           "%s 不是从 %s 构建的",
	noPath:            "%s 的任何一层都没有、也从来没有过 %s",
	seeHelp:           "请看 '%s --help'",
	headUsage:         "用法",
	headFlags:         "选项",

	explainShort: "说明上次构建的每一步为什么用了或没用缓存",
	explainLong: `对上次构建的每一步，说明它为什么来自缓存或者为什么不是：某个文件变了，构建参数、
指令或下面的镜像不同，用了 --no-cache。`,
	back:      "说明上次之前的第 `N` 次构建",
	noBuild:   "还没有构建过",
	fewBuilds: "只记得 %d 次构建",
	fewSteps:  "那次构建只走到 %d 步",
	wantStep:  "要写第几步，而不是 %q",
}

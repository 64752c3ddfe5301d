package views

import (
	"fmt"
	"strings"

	"github.com/dockerlab/dockerlab/sim/lineage"
)

// words are all that reports say, in one language.
type words struct {
	image, container                 string
	initLayer, writeLayer, noCommand string
	sum                              string
	hides, seen, legend, comma       string

	nothingThere, directoryFrom, fileFrom, copiesHidden string
	inIt, oneFile, files                                string
	hows                                                map[lineage.How]string // as short as they can be
	diffs                                               map[lineage.Diff]string
	alone, same                                         string

	told                                                                 map[lineage.How]string // whole sentences
	copiedUp, changedTo, attributesOf, linkedWith                        string
	partedFrom, byDirectory, more                                        string
	inBase, broughtBy, hiddenBy, layerN, lineN                           string
	noWaste                                                              string
	causeRemoved, causeRewritten, causeAttributes                        string
	causeMtime, causeCopied                                              string
	adviseRemoved, adviseRewritten, adviseCopied                         string
	adviseAttributes                                                     string
	kept, crossed                                                        string
	rules                                                                map[string]string
	oneLayer, layersN, sharing, sharingOne, sharingNone, larger, smaller string
	configHead, unset, otherOrder, sameFiles                             string
	filesHead, timesAlone, ofLayer, paths                                string
	types                                                                map[string]string
}

func wordsIn(lang string) *words {
	if lang == "zh" {
		return &chinese
	}
	return &english
}

// count is one, or many with the number in it.
func count(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return fmt.Sprintf(many, n)
}

// short says in a few words what became of a path.
func (w *words) short(how lineage.How, diff lineage.Diff) string {
	if how == lineage.Attributes {
		return fmt.Sprintf(w.alone, w.list(diff))
	}
	return w.hows[how]
}

// list names what is in d.
func (w *words) list(d lineage.Diff) string {
	var all []string
	for bit := lineage.Type; bit <= lineage.Mtime; bit <<= 1 {
		if d&bit != 0 {
			all = append(all, w.diffs[bit])
		}
	}
	return strings.Join(all, w.comma)
}

// what tells what two files differ in, with the values where these are short.
func (w *words) what(d lineage.Diff, a, b *lineage.Attr) string {
	var all []string
	for bit := lineage.Type; bit <= lineage.Mtime; bit <<= 1 {
		if d&bit == 0 || bit == lineage.Mtime && d&(lineage.Content|lineage.Target) != 0 {
			continue // whoever writes a file changes its time
		}
		word := w.diffs[bit]
		switch bit {
		case lineage.Type:
			word += fmt.Sprintf(w.changedTo, w.types[a.Type], w.types[b.Type])
		case lineage.Mode:
			word += fmt.Sprintf(w.changedTo, a.Mode, b.Mode)
		case lineage.Owner:
			word += fmt.Sprintf(w.changedTo, fmt.Sprintf("%d:%d", a.UID, a.GID), fmt.Sprintf("%d:%d", b.UID, b.GID))
		case lineage.Target:
			word += fmt.Sprintf(w.changedTo, cut(a.Target, 24), cut(b.Target, 24))
		}
		all = append(all, word)
	}
	return strings.Join(all, w.comma)
}

// tell says in sentences what a layer did to a path; before is what was there.
func (w *words) tell(e *lineage.Event, before *lineage.Attr) string {
	var all []string
	directory := e.File != nil && e.File.Type == "directory"
	switch {
	case e.How == lineage.Attributes && before != nil && directory:
		all = append(all, w.what(e.Diff, before, e.File))
	case e.How == lineage.Attributes && before != nil:
		all = append(all, fmt.Sprintf(w.copiedUp, w.what(e.Diff, before, e.File)))
	case e.How == lineage.Copied && directory:
		all = append(all, w.same)
	default:
		all = append(all, w.told[e.How])
	}
	if e.By != "" {
		all = append(all, fmt.Sprintf(w.byDirectory, e.By))
	}
	if f := e.File; f != nil {
		of := fmt.Sprintf(w.attributesOf, w.types[f.Type], f.Mode, f.UID, f.GID)
		if f.Target != "" {
			of += " → " + f.Target
		}
		if !directory && len(e.Links) == 0 {
			of += w.comma + size(f.Size)
		}
		all = append(all, of)
		if len(e.Links) > 0 {
			all = append(all, fmt.Sprintf(w.linkedWith, strings.Join(e.Links[:min(9, len(e.Links))], " "), size(f.Size)))
		}
	}
	if len(e.Parted) > 0 {
		all = append(all, fmt.Sprintf(w.partedFrom, strings.Join(e.Parted[:min(9, len(e.Parted))], " ")))
	}
	return strings.Join(all, "; ")
}

var english = words{
	image: "image", container: "container",
	initLayer: "(the engine's layer: mount points)", writeLayer: "(the container's write layer)", noCommand: "(no command is recorded)",
	sum:    "%s, %s: %s can be seen, %s cannot; efficiency %s",
	hides:  "hides %s below",
	seen:   "%s seen",
	legend: "█ can be seen  ▒ hidden by layers above   + added  ~ changed  - removed",
	comma:  ", ",

	nothingThere:  "Nothing is there now.",
	directoryFrom: "The directory that one sees was last described by layer %d.",
	fileFrom:      "The file that one sees is that of layer %d.",
	copiesHidden:  "Copies that nobody can see cost %s.",
	inIt:          "What one sees in it comes from",
	oneFile:       "1 file", files: "%d files",
	hows: map[lineage.How]string{
		lineage.Added: "added", lineage.Rewritten: "rewritten", lineage.Linked: "copied up for a link", lineage.Copied: "copied unchanged",
		lineage.Replaced: "another type", lineage.Opaque: "directory made anew", lineage.Removed: "removed", lineage.RemovedAbove: "removed with its directory",
		lineage.Covered: "directory replaced",
	},
	diffs: map[lineage.Diff]string{
		lineage.Type: "type", lineage.Content: "content", lineage.Target: "target", lineage.Device: "device", lineage.Mode: "mode",
		lineage.Owner: "owner", lineage.Xattrs: "extended attributes", lineage.Mtime: "time",
	},
	alone: "%s only", same: "named again as it was, because something in it changed",
	told: map[lineage.How]string{
		lineage.Added:        "added",
		lineage.Rewritten:    "rewritten",
		lineage.Attributes:   "changed",
		lineage.Linked:       "copied up whole to be given another name; nothing else changed",
		lineage.Copied:       "brought again just as it was: copied up and changed back, or copied once more",
		lineage.Replaced:     "something of another type took its place",
		lineage.Opaque:       "made anew: an opaque directory, which hides what the layers below have in it",
		lineage.Removed:      "removed: a whiteout hides it",
		lineage.RemovedAbove: "removed with a directory above",
		lineage.Covered:      "gone: a directory above is none any more",
	},
	copiedUp:     "copied up whole to change %s alone",
	changedTo:    " %s → %s",
	attributesOf: "%s %s of %d:%d",
	linkedWith:   "one file with %s, %s once",
	partedFrom:   "no longer one file with %s, since a copy-up breaks hard links",
	byDirectory:  "the whiteout or mark is at %s",
	more:         "and %d more",

	inBase:          "The lowest %d layers are the base; %s of the waste lie within it and do not count.",
	broughtBy:       "brought by",
	hiddenBy:        "hidden by ",
	layerN:          "layer %d",
	lineN:           ", Dockerfile line %d",
	noWaste:         "Nothing is wasted.",
	causeRemoved:    "removed later",
	causeRewritten:  "rewritten later",
	causeAttributes: "brought again for a mode, an owner or attributes alone",
	causeMtime:      "brought again for a time alone",
	causeCopied:     "brought again unchanged",

	adviseRemoved:    "A later line cannot make an image smaller. Remove what a line leaves behind in the same RUN (a && b && rm ...), or build in a stage of its own and COPY --from it what is needed.",
	adviseAttributes: "A change of mode, owner or time brings the whole file again. Set them where the file comes in: in the same RUN, or with COPY --chown.",
	adviseCopied:     "Files come again just as they were. Leave out what brings them again.",
	adviseRewritten:  "Files are written by one line and written again by another. Do both in one RUN, or bring only what is to stay.",
	kept:             "pass",
	crossed:          "FAIL",
	rules: map[string]string{
		MinEfficiency: "%s can be seen; at least %s must be",
		MaxWasted:     "%s is wasted; at most %s may be",
	},

	layersN:     "%d layers",
	oneLayer:    "1 layer",
	sharingOne:  "The lowest layer is the same (%s).",
	sharing:     "The lowest %d layers are the same (%s).",
	sharingNone: "No layers are the same.",
	larger:      " B is %s larger.",
	smaller:     " B is %s smaller.",
	configHead:  "Configuration",
	unset:       "(none)",
	otherOrder:  "the same in another order",
	sameFiles:   "The files are the same.",
	filesHead:   "Files: %d added (%s), %d removed (%s), %d changed",
	timesAlone:  "%d more differ in their time alone (--times lists them).",
	ofLayer:     "layer %d",
	paths:       "%d paths",
	types: map[string]string{
		"file": "file", "directory": "directory", "symlink": "symlink", "char-device": "character device", "block-device": "block device", "fifo": "pipe",
	},
}

var chinese = words{
	image: "镜像", container: "容器",
	initLayer: "（引擎的初始层：挂载点）", writeLayer: "（容器的可写层）", noCommand: "（没有命令记录）",
	sum:    "共 %s，%s：看得见 %s，看不见 %s；效率 %s",
	hides:  "遮住下层 %s",
	seen:   "可见 %s",
	legend: "█ 看得见  ▒ 被上层遮住   + 新增  ~ 修改  - 删除",
	comma:  "，",

	nothingThere:  "现在这里什么也没有。",
	directoryFrom: "看到的目录，其属性来自第 %d 层。",
	fileFrom:      "看到的文件来自第 %d 层。",
	copiesHidden:  "看不见的副本占用 %s。",
	inIt:          "目录里看得见的内容来自",
	oneFile:       "1 个文件", files: "%d 个文件",
	hows: map[lineage.How]string{
		lineage.Added: "新增", lineage.Rewritten: "内容改写", lineage.Linked: "因硬链接复制", lineage.Copied: "原样复制",
		lineage.Replaced: "类型改变", lineage.Opaque: "目录重建", lineage.Removed: "删除", lineage.RemovedAbove: "随目录删除",
		lineage.Covered: "目录被替换",
	},
	diffs: map[lineage.Diff]string{
		lineage.Type: "类型", lineage.Content: "内容", lineage.Target: "指向", lineage.Device: "设备号", lineage.Mode: "权限",
		lineage.Owner: "属主", lineage.Xattrs: "扩展属性", lineage.Mtime: "时间",
	},
	alone: "只改%s", same: "属性不变，因为里面有变化而再次列出",
	told: map[lineage.How]string{
		lineage.Added:        "新增",
		lineage.Rewritten:    "内容改写",
		lineage.Attributes:   "改变",
		lineage.Linked:       "为了起另一个名字（硬链接）而整个复制上来，其他没有变化",
		lineage.Copied:       "原样再来一份：复制上来又改了回去，或者又复制了一次",
		lineage.Replaced:     "被另一种类型的文件取代",
		lineage.Opaque:       "重建：不透明目录，遮住下层该目录的内容",
		lineage.Removed:      "删除：被 whiteout 遮住",
		lineage.RemovedAbove: "随上级目录一起删除",
		lineage.Covered:      "消失：上级目录不再是目录",
	},
	copiedUp:     "只为改变%s而整个复制上来",
	changedTo:    " %s → %s",
	attributesOf: "%s %s，属主 %d:%d",
	linkedWith:   "与 %s 是同一个文件，%s 只算一次",
	partedFrom:   "不再与 %s 是同一个文件：写时复制会断开硬链接",
	byDirectory:  "whiteout 或标记在 %s",
	more:         "还有 %d 个",

	inBase:          "最下面 %d 层是基础镜像；其中浪费的 %s 不计入。",
	broughtBy:       "带来：",
	hiddenBy:        "遮住：",
	layerN:          "第 %d 层",
	lineN:           "，Dockerfile 第 %d 行",
	noWaste:         "没有浪费。",
	causeRemoved:    "后来被删除",
	causeRewritten:  "后来被改写",
	causeAttributes: "只为改权限、属主或属性而再来一份",
	causeMtime:      "只为改时间而再来一份",
	causeCopied:     "原样再来一份",

	adviseRemoved:    "后面的指令不能让镜像变小。用完就在同一条 RUN 里删除（a && b && rm ...），或者在单独的构建阶段里编译，再用 COPY --from 取出需要的文件。",
	adviseAttributes: "改权限、属主或时间会把整个文件再复制一份。请在文件进来的时候就设好：在同一条 RUN 里，或者用 COPY --chown。",
	adviseCopied:     "同样的文件原样又来了一次。去掉重复的做法。",
	adviseRewritten:  "文件被一条指令写入，又被另一条改写。请放在同一条 RUN 里，或者只带来最后需要的内容。",
	kept:             "通过",
	crossed:          "超限",
	rules: map[string]string{
		MinEfficiency: "看得见 %s，要求至少 %s",
		MaxWasted:     "浪费 %s，最多允许 %s",
	},

	layersN:     "%d 层",
	oneLayer:    "1 层",
	sharingOne:  "最下面一层相同（%s）。",
	sharing:     "最下面 %d 层相同（%s）。",
	sharingNone: "没有相同的层。",
	larger:      "B 大 %s。",
	smaller:     "B 小 %s。",
	configHead:  "配置",
	unset:       "（无）",
	otherOrder:  "内容相同，次序不同",
	sameFiles:   "文件相同。",
	filesHead:   "文件：新增 %d（%s），删除 %d（%s），修改 %d",
	timesAlone:  "另有 %d 个只有时间不同（--times 可列出）。",
	ofLayer:     "第 %d 层",
	paths:       "%d 个路径",
	types: map[string]string{
		"file": "文件", "directory": "目录", "symlink": "符号链接", "char-device": "字符设备", "block-device": "块设备", "fifo": "管道",
	},
}

package views

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dockerlab/dockerlab/sim/build"
	"github.com/dockerlab/dockerlab/sim/image"
	"github.com/dockerlab/dockerlab/sim/lineage"
)

// ExplainReport is why the steps of a build did or did not come from the cache.
type ExplainReport struct {
	Started string       `json:"started"` // RFC 3339
	Tags    []string     `json:"tags,omitempty"`
	Image   string       `json:"image,omitempty"` // ID; none of a build that failed
	Error   string       `json:"error,omitempty"`
	Steps   []StepReport `json:"steps"`
}

// StepReport is one step.
type StepReport struct {
	Step   int    `json:"step"`
	Of     int    `json:"of"`
	Source string `json:"instruction"`
	// Cache is "hit", "miss", or "none" for a step that asks no cache.
	Cache string `json:"cache"`
	// Why says why the cache had nothing, in a word: see Reasons. Text is the same as a sentence.
	Why  string `json:"why,omitempty"`
	Text string `json:"text"`
	// Image is the ID of the image that the step ended with, and Nearest of one that would almost have
	// done.
	Image   string `json:"image,omitempty"`
	Nearest string `json:"nearest,omitempty"`
	// Was and Now are the instructions compared, where they differ.
	Was string `json:"was,omitempty"`
	Now string `json:"now,omitempty"`
	// Settings are build arguments, variables and other settings that differ.
	Settings []build.Setting `json:"settings,omitempty"`
	// Files are the files that differ, by their path in the image.
	Files []lineage.Difference `json:"files,omitempty"`
}

// Reasons that only a look at earlier builds tells, beside those of package build.
const (
	otherBase = "base" // the image that the stage begins with is another than the last time
	removed   = "gone" // the image that the last build made has been removed
)

// Images finds images by their whole ID; nil where there is none, or no longer.
type Images func(image.ID) *image.Image

// Explain reports a build. earlier are the builds before it, the last one first.
func Explain(r *build.Record, earlier []build.Record, images Images, lang string) (*ExplainReport, error) {
	x := explaining{words: explainWordsIn(lang), images: images, earlier: earlier}
	out := &ExplainReport{Started: r.Started.UTC().Format("2006-01-02T15:04:05Z"), Tags: r.Tags, Image: r.Image.String(), Error: r.Err, Steps: []StepReport{}}
	missed := 0 // the step of this stage that was the first to miss
	for i := range r.Steps {
		s := &r.Steps[i]
		if isFrom(s.Source) {
			missed = 0
		}
		report, err := x.step(s, missed)
		if err != nil {
			return nil, err
		}
		if report.Cache == "miss" && missed == 0 {
			missed = s.N
		}
		out.Steps = append(out.Steps, report)
	}
	return out, nil
}

func isFrom(source string) bool {
	word, _, _ := strings.Cut(source, " ")
	return strings.EqualFold(word, "FROM")
}

type explaining struct {
	words   *explainWords
	images  Images
	earlier []build.Record
}

// step reports one step; missed is the earlier one of its stage that was not in the cache.
func (x *explaining) step(s *build.Step, missed int) (StepReport, error) {
	w := x.words
	r := StepReport{Step: s.N, Of: s.Of, Source: s.Source, Cache: "none", Image: s.Made.String()}
	switch {
	case s.Miss == nil && s.Hit != "":
		text := w.hit
		if word := strings.ToUpper(strings.SplitN(s.Source, " ", 2)[0]); word == "COPY" || word == "ADD" {
			text = w.hitFiles
		}
		r.Cache, r.Text = "hit", fmt.Sprintf(text, shortID(s.Hit))
		return r, nil
	case !s.Looked && isFrom(s.Source):
		r.Text = fmt.Sprintf(w.from, shortID(s.Made))
		if then := x.sameStep(s); then != nil && then.Made != s.Made && then.Made != "" && s.Made != "" {
			r.Text = fmt.Sprintf(w.otherFrom, shortID(then.Made), shortID(s.Made))
		}
		return r, nil
	case s.Miss == nil:
		r.Text = w.notAsked
		return r, nil
	}
	m := s.Miss
	r.Cache, r.Why, r.Nearest = "miss", string(m.Why), m.Nearest.String()
	switch m.Why {
	case build.AfterMiss:
		r.Text = fmt.Sprintf(w.afterMiss, missed)
	case build.OtherCommand:
		r.Was, r.Now = instruction(m.Was), instruction(m.Now)
		if then := x.sameStep(s); then != nil && then.From != s.From {
			x.parent(&r, then, s)
			break
		}
		text := w.command
		if verb(m.Was) != verb(m.Now) {
			text = w.otherVerb
		}
		r.Text = fmt.Sprintf(text, r.Was, r.Now)
	case build.OtherArgs, build.OtherConfig:
		r.Settings = m.Settings
		r.Text = x.settings(m)
	case build.OtherFiles:
		var err error
		if r.Files, err = x.files(m.Nearest, s.Made); err != nil {
			return r, err
		}
		r.Text = x.filesText(r.Files)
	case build.FirstTime:
		x.first(&r, s)
	default:
		r.Text = w.reasons[m.Why]
	}
	return r, nil
}

// sameStep is what an earlier build did with the same instruction at the same place.
func (x *explaining) sameStep(s *build.Step) *build.Step {
	for i := range x.earlier {
		steps := x.earlier[i].Steps
		if s.N <= len(steps) && steps[s.N-1].Source == s.Source && steps[s.N-1].N == s.N {
			return &steps[s.N-1]
		}
	}
	return nil
}

// first explains a step on an image from which none was made.
func (x *explaining) first(r *StepReport, s *build.Step) {
	then := x.sameStep(s)
	switch {
	case then == nil:
		r.Text = x.words.first
	case then.From != s.From:
		x.parent(r, then, s)
	case then.Made != "" && x.images(then.Made) == nil:
		r.Why, r.Text = removed, fmt.Sprintf(x.words.gone, shortID(then.Made))
	case then.Made == "":
		r.Text = x.words.failedThen
	default:
		r.Text = x.words.first
	}
}

// parent explains a step that stands on another image than the last time.
func (x *explaining) parent(r *StepReport, then, now *build.Step) {
	r.Why, r.Was, r.Now = otherBase, "", ""
	r.Text = fmt.Sprintf(x.words.parent, shortID(then.From), shortID(now.From))
}

func shortID(id image.ID) string {
	if id == "" {
		return "scratch"
	}
	return id.Encoded()[:12]
}

// listed is how many things a sentence names.
const listed = 3

func (x *explaining) settings(m *build.Miss) string {
	var all []string
	for i, s := range m.Settings {
		if i == listed {
			all = append(all, fmt.Sprintf(x.words.more, len(m.Settings)-i))
			break
		}
		name := strings.TrimSpace(s.Field + " " + s.Name)
		switch {
		case s.Was == "":
			all = append(all, fmt.Sprintf(x.words.settingNew, name, s.Now))
		case s.Now == "":
			all = append(all, fmt.Sprintf(x.words.settingGone, name, s.Was))
		default:
			all = append(all, fmt.Sprintf(x.words.setting, name, s.Was, s.Now))
		}
	}
	if len(all) == 0 {
		return x.words.configText
	}
	return x.words.same + strings.Join(all, x.words.and)
}

// files compares what two images have in their topmost layers, which are both made by the same COPY
// or ADD. Times are no matter to the cache.
func (x *explaining) files(was, now image.ID) ([]lineage.Difference, error) {
	a, b := x.images(was), x.images(now)
	if a == nil || b == nil || a.Layers == nil || b.Layers == nil {
		return nil, nil
	}
	var tops [2]*lineage.Stack
	for i, img := range []*image.Image{a, b} {
		s, err := lineage.New([]lineage.Part{{Layer: img.Layers.Top}})
		if err != nil {
			return nil, err
		}
		tops[i] = s
	}
	all, err := lineage.Compare(tops[0], tops[1])
	kept := all[:0]
	for _, d := range all {
		if d.Diff != lineage.Mtime {
			kept = append(kept, d)
		}
	}
	return kept, err
}

func (x *explaining) filesText(all []lineage.Difference) string {
	w := x.words
	var names []string
	for _, d := range all {
		what := w.fileChanged
		switch {
		case d.What == lineage.OnlyInB:
			what = w.fileNew
		case d.What == lineage.OnlyInA:
			what = w.fileGone
		case d.Diff&lineage.Content == 0:
			what = w.fileAttributes
		}
		names = append(names, fmt.Sprintf(what, d.Path))
	}
	switch {
	case len(names) == 0:
		return w.files
	case len(names) > listed:
		names = append(names[:listed], fmt.Sprintf(w.more, len(names)-listed))
	}
	return w.filesNamed + strings.Join(names, w.and)
}

// WriteText writes the report for people.
func (r *ExplainReport) WriteText(w io.Writer, lang string, st Style) error {
	p := newPage(st, wordsIn(lang))
	x := explainWordsIn(lang)
	for _, s := range r.Steps {
		mark, color := x.hitMark, green
		switch s.Cache {
		case "miss":
			mark, color = x.missMark, red
		case "none":
			mark, color = x.noneMark, dim
		}
		p.line(p.paint(bold, cut(fmt.Sprintf("%d/%d  %s", s.Step, s.Of, s.Source), p.Width)))
		for i, line := range wrapped(s.Text, p.Width-8) {
			if i > 0 {
				mark = ""
			}
			p.line("  ", p.paint(color, fit(mark, 5)), line)
		}
	}
	if r.Error != "" {
		p.line(p.paint(red, fmt.Sprintf(x.failed, cut(r.Error, p.Width-16))))
	}
	_, err := io.WriteString(w, p.String())
	return err
}

// NewExplain makes the command that explains the builds of a lab.
func NewExplain(e *Env, log func() []build.Record, images func() Images) *cobra.Command {
	w := usageIn(e.Lang)
	var f format
	var back uint
	var step uint
	c := &cobra.Command{
		Use:   "explain [STEP]",
		Short: w.explainShort,
		Long:  w.explainLong,
		Args:  cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				if n, err := fmt.Sscanf(args[0], "%d", &step); n != 1 || err != nil || step == 0 {
					return fmt.Errorf(w.wantStep, args[0])
				}
			}
			all := log()
			if len(all) == 0 {
				return errors.New(w.noBuild)
			}
			if int(back) >= len(all) {
				return fmt.Errorf(w.fewBuilds, len(all))
			}
			r, err := Explain(&all[back], all[back+1:], images(), e.Lang)
			if err != nil {
				return err
			}
			if step > 0 {
				if int(step) > len(r.Steps) {
					return fmt.Errorf(w.fewSteps, len(r.Steps))
				}
				r.Steps = r.Steps[step-1 : step]
			}
			if f.json {
				return writeJSON(e.Out, r)
			}
			return r.WriteText(e.Out, e.Lang, e.Style)
		},
	}
	c.Flags().Var(&f, "format", w.format)
	c.Flags().UintVar(&back, "back", 0, w.back)
	return c
}

// explainWords are what explanations say, in one language.
type explainWords struct {
	hit, hitFiles, from, otherFrom, notAsked, afterMiss string
	command, otherVerb                                  string
	first, failedThen, gone, parent                     string
	same, setting, settingNew, settingGone, configText  string
	files, filesNamed                                   string
	fileChanged, fileNew, fileGone, fileAttributes      string
	more, and, failed                                   string
	hitMark, missMark, noneMark                         string
	reasons                                             map[build.Why]string
}

func explainWordsIn(lang string) *explainWords {
	if lang == "zh" {
		return &chineseExplain
	}
	return &englishExplain
}

var englishExplain = explainWords{
	hit:       "From the cache: the same instruction made the image %s from the same image.",
	hitFiles:  "From the cache: the same instruction made the image %s from the same image, with the same files.",
	from:      "The stage begins with the image %s.",
	otherFrom: "The stage begins with another image than the last time: it was %s, and is %s now.",
	notAsked:  "The cache has no part in this.",
	afterMiss: "Made anew because step %d was: this step stands on a new image.",
	command:   "Another instruction: it was %q and is %q now.",
	otherVerb: "Nothing like it was built on the image that this step stands on: there is %q, and this is %q.",
	first:     "Nothing was ever built on the image that this step stands on.",

	failedThen:  "The last build failed at this step, so there is no image of it.",
	gone:        "The image %s that the last build made here has been removed.",
	parent:      "The step stands on another image than the last time: it was %s, and is %s now.",
	same:        "The same instruction with other settings: ",
	setting:     "%s was %q and is %q now",
	settingNew:  "%s is %q now and was not set",
	settingGone: "%s was %q and is not set any more",
	configText:  "The same instruction, but the environment, user, ports, volumes or labels were others.",
	files:       "The same instruction with other files.",
	filesNamed:  "The same instruction with other files: ",

	fileChanged: "%s has changed", fileNew: "%s is new", fileGone: "%s is gone", fileAttributes: "%s has another mode or owner",
	more: "%d more", and: ", ", failed: "The build failed: %s",
	hitMark: "hit", missMark: "miss", noneMark: "-",
	reasons: map[build.Why]string{
		build.SwitchedOff:  "The cache was switched off by --no-cache.",
		build.NotInSources: "There is an image of this step, but no image that --cache-from names was made from it.",
		build.NoSources:    "None of the images that --cache-from names is here, so there is no cache at all.",
	},
}

var chineseExplain = explainWords{
	hit:       "来自缓存：镜像 %s 是在同一个镜像上用同一条指令构建的。",
	hitFiles:  "来自缓存：镜像 %s 是在同一个镜像上用同一条指令、同样的文件构建的。",
	from:      "这个阶段从镜像 %s 开始。",
	otherFrom: "这个阶段开始的镜像和上次不同：上次是 %s，现在是 %s。",
	notAsked:  "这一步不用缓存。",
	afterMiss: "重新构建，因为第 %d 步是重新构建的：这一步建立在新的镜像上。",
	command:   "指令不同：原来是 %q，现在是 %q。",
	otherVerb: "在这一步所用的镜像上没有做过类似的构建：有过 %q，而这里是 %q。",
	first:     "在这一步所用的镜像上还从来没有构建过。",

	failedThen:  "上次构建在这一步失败了，所以没有它的镜像。",
	gone:        "上次构建在这里得到的镜像 %s 已被删除。",
	parent:      "这一步所用的镜像和上次不同：上次是 %s，现在是 %s。",
	same:        "指令相同，设置不同：",
	setting:     "%s 原来是 %q，现在是 %q",
	settingNew:  "%s 现在是 %q，原来没有设置",
	settingGone: "%s 原来是 %q，现在没有设置",
	configText:  "指令相同，但环境变量、用户、端口、卷或标签不同。",
	files:       "指令相同，文件不同。",
	filesNamed:  "指令相同，文件不同：",

	fileChanged: "%s 变了", fileNew: "%s 是新的", fileGone: "%s 没有了", fileAttributes: "%s 的权限或属主不同",
	more: "还有 %d 个", and: "，", failed: "构建失败：%s",
	hitMark: "命中", missMark: "未中", noneMark: "-",
	reasons: map[build.Why]string{
		build.SwitchedOff:  "--no-cache 关闭了缓存。",
		build.NotInSources: "有这一步的镜像，但 --cache-from 指出的镜像都不是从它构建的。",
		build.NoSources:    "--cache-from 指出的镜像都不在这里，所以完全没有缓存。",
	},
}

package shell

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/dockerlab/dockerlab/lessons"
	"github.com/dockerlab/dockerlab/sim"
)

// Tutor leads through lessons at a Session's prompt. It shows a step, looks at the lab after each
// command, and goes on as soon as the step's state is reached, by whatever way.
type Tutor struct {
	Book     *lessons.Book
	Progress *lessons.Progress
	Lang     lessons.Lang
	// NewLab opens a lab, for the lesson that is taught, for another and for "reset": fresh where the
	// state is nil.
	NewLab func(*sim.State) (*Lab, error)
	// Style is how lessons are set; the width may change between two calls.
	Style func() lessons.Style

	session *Session
	lesson  *lessons.Session
}

// Teach runs s with the lesson named, or where name is "" the one where the learner was last, or
// the first that is not finished. The lab of the session is the one that its timeline has kept of the
// lesson, or a fresh one that is brought to where the learner was.
func (t *Tutor) Teach(ctx context.Context, s *Session, name string) error {
	lesson, err := t.choose(name)
	if err != nil {
		return err
	}
	t.session = s
	s.Command, s.Ran = t.command, t.ran
	s.Lang = func() lessons.Lang { return t.Lang }
	var kept *sim.State
	if s.Timeline != nil && s.Timeline.Label() == lesson.ID && !t.finished(lesson) {
		kept = s.Timeline.State()
	}
	if s.Lab, err = t.NewLab(kept); err != nil {
		return err
	}
	if err := t.open(ctx, lesson, s.Lab, s.out(), kept); err != nil {
		return err
	}
	if s.Timeline != nil {
		s.Lab.Follow(s.Timeline, lesson.ID, "")
		s.done(ctx, "")
	}
	return s.Run(ctx)
}

func (t *Tutor) choose(name string) (*lessons.Lesson, error) {
	if name != "" {
		return t.Book.Lesson(name)
	}
	if len(t.Book.Lessons) == 0 {
		return nil, fmt.Errorf("there are no lessons")
	}
	if l, err := t.Book.Lesson(t.Progress.Lesson); t.Progress.Lesson != "" && err == nil && !t.finished(l) {
		return l, nil
	}
	for _, l := range t.Book.Lessons {
		if !t.finished(l) {
			return l, nil
		}
	}
	return t.Book.Lessons[0], nil
}

func (t *Tutor) finished(l *lessons.Lesson) bool {
	return len(t.Progress.Done[l.ID]) >= len(l.In(t.Lang).Steps)
}

// open begins a lesson in a lab that is fresh, or goes on with it there: by doing what was done, or
// where the lab was kept, just so. A lesson that is finished begins anew.
func (t *Tutor) open(ctx context.Context, l *lessons.Lesson, lab *Lab, out io.Writer, kept *sim.State) error {
	done := t.Progress.Done[l.ID]
	if t.finished(l) {
		done = nil
	}
	t.lesson = lessons.Open(l, t.Lang, lab, done)
	lab.Speak(t.Lang)
	switch {
	case kept != nil && kept.Running() > 0:
		t.say(out, "%s", t.words().asYouLeft+t.words().ended)
	case kept != nil:
		t.say(out, "%s", t.words().asYouLeft)
	case len(done) > 0:
		t.say(out, t.words().replaying, len(done))
		if err := t.lesson.Replay(ctx); err != nil {
			return err
		}
	}
	text := l.In(t.Lang)
	t.show(out, "# "+text.Title)
	if len(done) == 0 {
		t.show(out, text.Intro)
	}
	t.showStep(out)
	if err := t.save(); err != nil {
		return err
	}
	if kept != nil { // a step may have been finished just before the end came
		t.ran(ctx, out)
	}
	return nil
}

func (t *Tutor) save() error {
	t.Progress.Lesson, t.Progress.Lang = t.lesson.Lesson.ID, t.Lang
	t.Progress.Done[t.lesson.Lesson.ID] = t.lesson.Done()
	return t.Progress.Save()
}

// show sets Markdown, with an empty line after it.
func (t *Tutor) show(out io.Writer, markdown string) {
	if strings.TrimSpace(markdown) != "" {
		fmt.Fprintf(out, "%s\n", lessons.Render(markdown, t.Style()))
	}
}

// say shows a message of the tutor's own, in Markdown.
func (t *Tutor) say(out io.Writer, format string, args ...any) {
	fmt.Fprint(out, lessons.Render(fmt.Sprintf(format, args...), t.Style()))
}

// showStep shows the step that is to be done, or the end of the lesson.
func (t *Tutor) showStep(out io.Writer) {
	step, n, of := t.lesson.Step()
	if step == nil {
		t.show(out, t.lesson.Lesson.In(t.Lang).Outro)
		if next := t.nextLesson(); next != nil {
			t.say(out, t.words().next, next.In(t.Lang).Title, next.ID)
		} else {
			t.say(out, "%s", t.words().allDone)
		}
		return
	}
	t.show(out, fmt.Sprintf("## %d/%d %s\n\n%s", n, of, step.Title, step.Prose))
}

// nextLesson is the first that is not finished, after this one if possible.
func (t *Tutor) nextLesson() *lessons.Lesson {
	at := slices.Index(t.Book.Lessons, t.lesson.Lesson)
	for i := range t.Book.Lessons {
		l := t.Book.Lessons[(at+1+i)%len(t.Book.Lessons)]
		if l != t.lesson.Lesson && !t.finished(l) {
			return l
		}
	}
	return nil
}

// ran looks whether a command has finished a step.
func (t *Tutor) ran(ctx context.Context, out io.Writer) {
	step, _, _ := t.lesson.Step()
	if step == nil {
		return
	}
	finished, _, err := t.lesson.Observe(ctx)
	if err != nil {
		t.say(out, t.words().failed, err)
		return
	}
	if len(finished) == 0 {
		return
	}
	fmt.Fprintln(out)
	for _, f := range finished {
		t.say(out, t.words().done, f.Title)
	}
	fmt.Fprintln(out)
	t.showStep(out)
	if err := t.save(); err != nil {
		t.say(out, t.words().failed, err)
	}
}

// command carries out the tutor's own commands. Their names are no programs of the host.
func (t *Tutor) command(ctx context.Context, text string, out io.Writer) bool {
	words := strings.Fields(text)
	if len(words) == 0 {
		return false
	}
	var err error
	switch name, args := words[0], words[1:]; {
	case name == "hint" && len(args) == 0:
		err = t.hint(ctx, out)
	case name == "solution" && len(args) == 0:
		if s := t.lesson.Solution(); s != "" {
			t.show(out, "```\n"+s+"\n```")
		} else {
			t.say(out, "%s", t.words().nothingToDo)
		}
	case name == "skip" && len(args) == 0:
		if err = t.lesson.Skip(ctx); err == nil {
			t.showStep(out)
			err = t.save()
		}
	case name == "step" && len(args) == 0:
		t.showStep(out)
	case name == "reset" && len(args) == 0:
		delete(t.Progress.Done, t.lesson.Lesson.ID)
		err = t.move(ctx, t.lesson.Lesson, name, out)
	case name == "lessons" && len(args) == 0:
		t.list(out)
	case name == "learn" && len(args) == 1:
		var l *lessons.Lesson
		if l, err = t.Book.Lesson(args[0]); err == nil {
			err = t.move(ctx, l, name, out)
		}
	case name == "next" && len(args) == 0:
		if l := t.nextLesson(); l != nil {
			err = t.move(ctx, l, name, out)
		} else {
			t.say(out, "%s", t.words().allDone)
		}
	case name == "lang" && len(args) <= 1:
		t.changeLang(args, out)
	default:
		return false
	}
	if err != nil {
		t.say(out, t.words().failed, err)
	}
	return true
}

func (t *Tutor) hint(ctx context.Context, out io.Writer) error {
	hint, err := t.lesson.Hint(ctx)
	if err != nil {
		return err
	}
	if hint == "" {
		hint = t.words().nothingToDo
	}
	t.show(out, hint)
	return nil
}

// move goes on in a fresh lab, with a lesson.
func (t *Tutor) move(ctx context.Context, l *lessons.Lesson, command string, out io.Writer) error {
	lab, err := t.NewLab(nil)
	if err != nil {
		return err
	}
	if err := t.open(ctx, l, lab, out, nil); err != nil {
		lab.Close()
		return err
	}
	t.session.MoveTo(lab, l.ID, command)
	return nil
}

func (t *Tutor) list(out io.Writer) {
	for _, l := range t.Book.Lessons {
		mark := " "
		if t.finished(l) {
			mark = "x"
		}
		done, of := len(t.Progress.Done[l.ID]), len(l.In(t.Lang).Steps)
		fmt.Fprintf(out, "[%s] %d/%d  %-24s %s\n", mark, done, of, l.ID, l.In(t.Lang).Title)
	}
	fmt.Fprintln(out)
	t.say(out, "%s", t.words().howToOpen)
}

func (t *Tutor) changeLang(args []string, out io.Writer) {
	switch {
	case len(args) == 0 && t.Lang == lessons.English:
		t.Lang = lessons.Chinese
	case len(args) == 0:
		t.Lang = lessons.English
	case slices.Contains(lessons.Langs, lessons.Lang(args[0])):
		t.Lang = lessons.Lang(args[0])
	default:
		t.say(out, "%s", t.words().whichLang)
		return
	}
	t.lesson.Lang = t.Lang
	t.Progress.Lang = t.Lang
	t.session.Lab.Speak(t.Lang)
	t.showStep(out)
}

// tutorWords are the tutor's own sentences, in one language; they are Markdown.
type tutorWords struct {
	replaying, asYouLeft, ended, done, next, allDone, nothingToDo, failed, howToOpen, whichLang string
}

func (t *Tutor) words() tutorWords {
	if t.Lang == lessons.Chinese {
		return tutorWords{
			replaying:   "正在恢复已完成的 %d 步……",
			asYouLeft:   "实验室和您离开时一样。",
			ended:       "当时在运行的容器已经停止，`docker ps -a` 列出它们。",
			done:        "**完成：%s**",
			next:        "下一课：*%s*。输入 `next` 或 `learn %s` 开始。",
			allDone:     "所有课程都完成了。可以随意使用实验室，`exit` 离开。",
			nothingToDo: "这一课没有要做的了。`next` 进入下一课，`lessons` 列出所有课程。",
			failed:      "dockerlab：%v",
			howToOpen:   "用 `learn 课程名` 打开一课。",
			whichLang:   "语言是 `zh` 或 `en`。",
		}
	}
	return tutorWords{
		replaying:   "Restoring the %d steps that you have done...",
		asYouLeft:   "The lab is as you left it.",
		ended:       " Containers that ran have ended; `docker ps -a` lists them.",
		done:        "**Done: %s**",
		next:        "Next: *%s*. Type `next` or `learn %s` to begin.",
		allDone:     "You have finished all lessons. The lab is yours; `exit` leaves.",
		nothingToDo: "Nothing is left to do in this lesson. `next` goes on, `lessons` lists all.",
		failed:      "dockerlab: %v",
		howToOpen:   "Open one with `learn NAME`.",
		whichLang:   "The languages are `zh` and `en`.",
	}
}

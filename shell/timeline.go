package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/dockerlab/dockerlab/lessons"
	"github.com/dockerlab/dockerlab/sim"
)

// NewTimeline begins a timeline of labs that are opened with o. A nil store keeps nothing, and undo
// goes back to the beginning of the process.
func NewTimeline(store sim.Store, o Options) (*sim.Timeline, error) {
	return sim.NewTimeline(store, o.sim(&Lab{}))
}

// Follow makes a timeline go on with the lab; see sim.Timeline.Follow.
func (l *Lab) Follow(t *sim.Timeline, label, what string) { t.Follow(l.sim, label, what) }

// timelineCommands are the prompt's commands that move the whole lab in time. Their names are no
// programs of the host.
var timelineCommands = []string{"undo", "redo", "snapshot", "snapshots", "restore"}

// timeTravel carries out a line that is one of timelineCommands. It reports whether it was one, and
// whether the lab is another now.
func (s *Session) timeTravel(text string, out io.Writer) (was, moved bool) {
	words := strings.Fields(text)
	if s.Timeline == nil || len(words) == 0 {
		return false, false
	}
	w := timelineWordsIn(s.lang())
	var m sim.Moved
	var err error
	var said string
	switch name, args := words[0], words[1:]; {
	case name == "undo" && len(args) == 0:
		m, err = s.Timeline.Undo()
		said = w.undone
	case name == "redo" && len(args) == 0:
		m, err = s.Timeline.Redo()
		said = w.redone
	case name == "restore" && len(args) == 1:
		m, err = s.Timeline.Restore(args[0])
		said = w.restored
	case name == "snapshot" && len(args) == 1:
		if err = s.Timeline.Snapshot(args[0]); err == nil {
			fmt.Fprintf(out, w.taken+"\n", args[0])
		}
	case (name == "snapshot" || name == "snapshots") && len(args) == 0:
		list := s.Timeline.Snapshots()
		for _, n := range list {
			fmt.Fprintf(out, "%s  %s\n", n.At.Format("2006-01-02 15:04:05"), n.Name)
		}
		if len(list) == 0 {
			fmt.Fprintln(out, w.noneYet)
		}
	case name == "snapshot" || name == "restore":
		fmt.Fprintln(out, w.usage)
	default:
		return false, false
	}
	if err == nil && said == "" {
		return true, false
	}
	var none *sim.NoSnapshotError
	switch {
	case errors.Is(err, sim.ErrNothingToUndo):
		fmt.Fprintln(out, w.nothingToUndo)
	case errors.Is(err, sim.ErrNothingToRedo):
		fmt.Fprintln(out, w.nothingToRedo)
	case errors.As(err, &none):
		fmt.Fprintf(out, w.noSnapshot+"\n", none.Name)
	case err != nil:
		fmt.Fprintf(out, w.failed+"\n", err)
	}
	if m.What == "" {
		return true, false
	}
	fmt.Fprintf(out, said+"\n", m.What)
	for _, again := range m.Again {
		if again.Err != nil {
			fmt.Fprintf(out, w.notStarted+"\n", again.Name, again.Err)
		} else {
			fmt.Fprintf(out, w.startedAnew+"\n", again.Name)
		}
	}
	return true, true
}

// begin and done stand around a line that the shell runs.
func (s *Session) begin() {
	if s.Timeline != nil {
		s.Timeline.Begin()
	}
}

func (s *Session) done(_ context.Context, text string) {
	if s.Timeline == nil {
		return
	}
	if err := s.Timeline.Done(text); err != nil {
		fmt.Fprintf(s.out(), timelineWordsIn(s.lang()).failed+"\n", err)
	}
}

func (s *Session) lang() lessons.Lang {
	if s.Lang == nil {
		return lessons.English
	}
	return s.Lang()
}

// timelineWords are what timeTravel says.
type timelineWords struct {
	undone, redone, restored, taken, noneYet string
	startedAnew, notStarted                  string
	nothingToUndo, nothingToRedo, noSnapshot string
	usage, failed                            string
}

func timelineWordsIn(lang lessons.Lang) timelineWords {
	if lang == lessons.Chinese {
		return timelineWords{
			undone:        "已撤销：%s",
			redone:        "已重做：%s",
			restored:      "实验室已回到快照 %s。",
			taken:         "已保存快照 %s。",
			noneYet:       "还没有快照。用 snapshot 名字 保存一个。",
			startedAnew:   "容器 %s 当时在运行，已用它的命令重新启动。",
			notStarted:    "容器 %s 当时在运行，但没能重新启动：%v",
			nothingToUndo: "没有可以撤销的命令。",
			nothingToRedo: "没有可以重做的命令。",
			noSnapshot:    "没有叫 %s 的快照。snapshots 列出所有快照。",
			usage:         "用法：snapshot 名字，restore 名字；snapshots 列出所有快照。",
			failed:        "dockerlab：%v",
		}
	}
	return timelineWords{
		undone:        "Undone: %s",
		redone:        "Done again: %s",
		restored:      "The lab is as it was at snapshot %s.",
		taken:         "Snapshot %s is taken.",
		noneYet:       "There are no snapshots yet. Take one with: snapshot NAME",
		startedAnew:   "Container %s ran then: it was started anew from its command.",
		notStarted:    "Container %s ran then, but could not be started anew: %v",
		nothingToUndo: "There is nothing to undo.",
		nothingToRedo: "There is nothing to do again.",
		noSnapshot:    "There is no snapshot %s. List them with: snapshots",
		usage:         "Usage: snapshot NAME, restore NAME; snapshots lists them.",
		failed:        "dockerlab: %v",
	}
}

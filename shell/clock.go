package shell

import (
	"fmt"
	"strings"
	"time"

	"github.com/dockerlab/dockerlab/lessons"
	"github.com/dockerlab/dockerlab/sim/kernel"
)

// maxSkip is how far one command moves the lab's time.
const maxSkip = 366 * 24 * time.Hour

// clock is the program that tells the lab's time, and moves it: "clock +30s". What would have
// happened meanwhile happens: sleeps end, health checks run, restart policies take effect.
func (l *Lab) clock(p *kernel.Proc) int {
	words := clockWordsIn(l.language(p.Env()))
	args := p.Args()[1:]
	say := func(fd int, format string, a ...any) { _, _ = p.Write(fd, fmt.Appendf(nil, format+"\n", a...)) }
	switch {
	case len(args) == 1 && args[0] == "--help":
		say(1, "%s", words.usage)
		return 0
	case len(args) > 1:
		say(2, "%s", words.usage)
		return 2
	case len(args) == 1:
		d, err := parseSkip(args[0])
		if err != nil {
			say(2, words.wrong+"\n%s", args[0], words.usage)
			return 2
		}
		if k := l.sim.Kernel(); k.ClockKind() == kernel.Virtual {
			p.Sleep(d) // that is all that it takes there
		} else {
			p.Outside(func(*kernel.Outside) int { k.Skip(d); return 0 })
		}
	}
	say(1, "%s", p.Now().Format("2006-01-02 15:04:05 MST"))
	return 0
}

// parseSkip reads how far the clock is to move: "+" and a duration as Go writes them.
func parseSkip(s string) (time.Duration, error) {
	text, ok := strings.CutPrefix(s, "+")
	if !ok {
		return 0, fmt.Errorf("%q does not begin with +", s)
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, err
	}
	if d < 0 || d > maxSkip {
		return 0, fmt.Errorf("%v is not from 0 to %v", d, maxSkip)
	}
	return d, nil
}

// clockWords are what the program clock says.
type clockWords struct{ usage, wrong string }

func clockWordsIn(lang lessons.Lang) clockWords {
	if lang == lessons.Chinese {
		return clockWords{
			usage: "用法：clock [+时长]\n显示实验室的时间；写 +30s、+5m 或 +1h30m 则先让时间往前走，健康检查、sleep 和重启策略都会照常发生。",
			wrong: "clock：%s 不是从现在起的时长",
		}
	}
	return clockWords{
		usage: "Usage: clock [+DURATION]\nTell the lab's time. With +30s, +5m or +1h30m it passes first, and with it what happens\nmeanwhile: health checks, sleeps, restarts.",
		wrong: "clock: %s is no duration from now on",
	}
}

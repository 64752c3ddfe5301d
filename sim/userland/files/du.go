package files

import (
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/dockerlab/dockerlab/sim/fnmatch"
	"github.com/dockerlab/dockerlab/sim/userland/datetime"
	"github.com/dockerlab/dockerlab/sim/userland/human"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

const (
	duApparent = prog.LongOnly + iota
	duExclude
	duFiles0
	duInodes
	duSI
	duTime
	duTimeStyle
)

var duLong = []prog.Long{
	{Name: "all", Val: 'a'}, {Name: "apparent-size", Val: duApparent}, {Name: "block-size", Arg: prog.ReqArg, Val: 'B'}, {Name: "bytes", Val: 'b'},
	{Name: "count-links", Val: 'l'}, {Name: "dereference", Val: 'L'}, {Name: "dereference-args", Val: 'D'}, {Name: "exclude", Arg: prog.ReqArg, Val: duExclude},
	{Name: "exclude-from", Arg: prog.ReqArg, Val: 'X'}, {Name: "files0-from", Arg: prog.ReqArg, Val: duFiles0}, {Name: "human-readable", Val: 'h'},
	{Name: "inodes", Val: duInodes}, {Name: "si", Val: duSI}, {Name: "max-depth", Arg: prog.ReqArg, Val: 'd'}, {Name: "null", Val: '0'},
	{Name: "no-dereference", Val: 'P'}, {Name: "one-file-system", Val: 'x'}, {Name: "separate-dirs", Val: 'S'}, {Name: "summarize", Val: 's'},
	{Name: "total", Val: 'c'}, {Name: "threshold", Arg: prog.ReqArg, Val: 't'}, {Name: "time", Arg: prog.OptArg, Val: duTime}, {Name: "time-style", Arg: prog.ReqArg, Val: duTimeStyle},
}

// usage is one run of du.
type usage struct {
	*prog.Ctx
	all, total, links, separate, oneFS, apparent, inodes bool
	deref                                                byte
	depth                                                int // -1: all
	size                                                 human.BlockSize
	end                                                  string
	exclude                                              []string
	threshold                                            int64
	time                                                 byte
	timeFormat                                           string
	seen                                                 map[vfsID]bool
}

// amount is what a tree takes.
type amount struct {
	blocks, bytes, inodes int64
	latest                time.Time
}

func (a *amount) add(b amount) {
	a.blocks += b.blocks
	a.bytes += b.bytes
	a.inodes += b.inodes
	if b.latest.After(a.latest) {
		a.latest = b.latest
	}
}

func du(c *prog.Ctx) int {
	u := &usage{Ctx: c, depth: -1, end: "\n", seen: map[vfsID]bool{}, size: human.BlockSize{Size: 1024}, timeFormat: "%Y-%m-%d %H:%M"}
	summarize := false
	var files0, timeStyle string
	short, long := "0abd:chHklmst:xB:DLPSX:", duLong
	if !c.GNU() {
		short, long = "aHkLsxd:clhmb", nil
	} else {
		for _, env := range []string{"DU_BLOCK_SIZE", "BLOCK_SIZE"} {
			if b, ok := human.ParseBlockSize(c.Getenv(env)); ok {
				u.size = b
				break
			}
		}
	}
	for o := range c.Getopt(short, long) {
		switch o.Val {
		case '0':
			u.end = "\x00"
		case 'a':
			u.all = true
		case duApparent:
			u.apparent = true
		case 'b':
			u.apparent, u.size = true, human.BlockSize{Size: 1}
		case 'c':
			u.total = true
		case 'd':
			n, err := strconv.Atoi(o.Arg)
			if err != nil || n < 0 {
				if c.GNU() {
					c.Fail("invalid maximum depth %s", c.Quote(o.Arg))
					c.Usage()
				}
				c.Die(1, "invalid number '%s'", o.Arg)
			}
			u.depth = n
		case 'h':
			u.size = human.BlockSize{Human: 1024}
		case duSI:
			u.size = human.BlockSize{Human: 1000}
		case 'k':
			u.size = human.BlockSize{Size: 1024}
		case 'm':
			u.size = human.BlockSize{Size: 1 << 20}
		case 'l':
			u.links = true
		case 's':
			summarize = true
		case 't':
			arg := strings.TrimPrefix(o.Arg, "-")
			n, _, ok := human.ParseSize(arg)
			if !ok || n == 0 && arg != o.Arg {
				c.Die(1, "invalid --threshold argument %s", c.Quote(o.Arg))
			}
			if u.threshold = int64(n); arg != o.Arg {
				u.threshold = -u.threshold
			}
		case 'x':
			u.oneFS = true
		case 'B':
			b, ok := human.ParseBlockSize(o.Arg)
			if !ok {
				c.Die(1, "invalid -B argument %s", c.Quote(o.Arg))
			}
			u.size = b
		case 'H', 'D':
			u.deref = 'D'
		case 'L':
			u.deref = 'L'
		case 'P':
			u.deref = 0
		case 'S':
			u.separate = true
		case 'X':
			b, err := c.ReadFile(o.Arg)
			if err != nil {
				c.Fail("%s: %v", c.QuoteColon(o.Arg), err)
				c.Usage()
			}
			for line := range strings.Lines(string(b)) {
				u.exclude = append(u.exclude, strings.TrimSuffix(line, "\n"))
			}
		case duExclude:
			u.exclude = append(u.exclude, o.Arg)
		case duFiles0:
			files0 = o.Arg
		case duInodes:
			u.inodes = true
		case duTime:
			u.time = 'm'
			if o.Has {
				u.time = c.Choose("--time", o.Arg, "atime|access|use", "ctime|status")[0]
			}
		case duTimeStyle:
			timeStyle = o.Arg
		}
	}
	if u.time != 0 && timeStyle != "" {
		if format, own := strings.CutPrefix(timeStyle, "+"); own {
			u.timeFormat = format
		} else {
			u.timeFormat = map[string]string{"full-iso": "%Y-%m-%d %H:%M:%S.%N %z", "long-iso": "%Y-%m-%d %H:%M", "iso": "%Y-%m-%d"}[c.Choose("--time-style", timeStyle, "full-iso", "long-iso", "iso")]
		}
	}
	if u.all && summarize {
		if c.GNU() {
			c.Fail("cannot both summarize and show all entries")
			c.Usage()
		}
	}
	if summarize {
		if u.depth > 0 {
			c.Warn("warning: summarizing conflicts with --max-depth=%d", u.depth)
			c.Usage()
		}
		u.depth = 0
	}
	names := c.Args
	if files0 != "" {
		if len(names) > 0 {
			c.Fail("extra operand %s", c.QuoteFile(names[0]))
			c.Errorf("file operands cannot be combined with --files0-from\n")
			c.Usage()
		}
		names = u.readNames(files0)
	} else if len(names) == 0 {
		names = []string{"."}
	}
	var sum amount
	for i, name := range names {
		if name == "" && c.GNU() {
			at := ""
			if files0 != "" {
				at = files0 + ":" + strconv.Itoa(i+1) + ": "
			}
			c.Fail("%sinvalid zero-length file name", at)
			continue
		}
		a, ok := u.walk(name, 0, vfs.Stat{})
		if ok {
			sum.add(a)
		}
	}
	if u.total {
		u.show(sum, "total")
	}
	return c.Status
}

func (u *usage) readNames(from string) []string {
	f, err := u.OpenInput(from)
	if err != nil {
		u.Die(1, "cannot open %s for reading: %v", u.QuoteFile(from), err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 1<<20))
	if err != nil {
		u.Die(1, "%s: read error: %v", u.QuoteColon(from), err)
	}
	if len(b) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(b), "\x00"), "\x00")
}

func (u *usage) walk(name string, level int, top vfs.Stat) (amount, bool) {
	u.Step(4)
	base := name[strings.LastIndexByte(strings.TrimRight(name, "/"), '/')+1:]
	for _, p := range u.exclude {
		if fnmatch.Match(p, base, fnmatch.LeadingDir) || fnmatch.Match(p, name, fnmatch.LeadingDir) {
			return amount{}, false
		}
	}
	stat := u.Lstat
	if u.deref == 'L' || u.deref == 'D' && level == 0 {
		stat = u.Stat
	}
	st, err := stat(name)
	if err != nil {
		if u.GNU() {
			u.Fail("cannot access %s: %v", u.QuoteFile(name), err)
		} else {
			u.Fail("%s: %v", name, err)
		}
		return amount{}, false
	}
	if level == 0 {
		top = st
	}
	if u.oneFS && st.Dev != top.Dev {
		return amount{}, false
	}
	id := vfsID{st.Dev, st.Ino}
	if !u.links && (st.Nlink > 1 || st.Mode.IsDir() || u.GNU() && level == 0) {
		if u.seen[id] {
			return amount{}, false
		}
		u.seen[id] = true
	}
	own := amount{blocks: st.Blocks, bytes: st.Size, inodes: 1, latest: u.stamp(st)}
	sum := own
	if st.Mode.IsDir() {
		ents, err := u.ReadDir(name)
		if err != nil {
			if u.GNU() {
				u.Fail("cannot read directory %s: %v", u.QuoteFile(name), err)
			} else {
				u.Fail("can't open '%s': %v", name, err)
			}
		}
		direct := own
		for _, e := range ents {
			a, ok := u.walk(prog.JoinPath(name, e.Name), level+1, top)
			if ok {
				sum.add(a)
				if !e.Mode.IsDir() {
					direct.add(a)
				}
			}
		}
		if u.depth < 0 || level <= u.depth {
			if u.separate {
				u.show(direct, name)
			} else {
				u.show(sum, name)
			}
		}
		return sum, true
	}
	if (u.all || level == 0) && (u.depth < 0 || level <= u.depth) {
		u.show(sum, name)
	}
	return sum, true
}

func (u *usage) stamp(st vfs.Stat) time.Time {
	switch u.time {
	case 'a':
		return st.Atime
	case 'c':
		return st.Ctime
	}
	return st.Mtime
}

func (u *usage) show(a amount, name string) {
	n := a.blocks * 512
	if u.apparent {
		n = a.bytes
	}
	if u.inodes {
		n = a.inodes
	}
	if u.threshold > 0 && n < u.threshold || u.threshold < 0 && n > -u.threshold {
		return
	}
	var text string
	switch {
	case u.inodes && u.size.Human == 0:
		text = strconv.FormatInt(n, 10)
	case u.size.Human != 0 && u.GNU():
		text = human.GNU(uint64(n), u.size.Human)
	case u.size.Human != 0:
		text = human.Busybox(uint64(n))
	case !u.GNU() && u.size.Size > 1024:
		text = strconv.FormatUint(human.Ceil(uint64(n), u.size.Size), 10)
	default:
		text = strconv.FormatUint(human.Ceil(uint64(n), u.size.Size), 10) + u.size.Suffix
	}
	if u.time != 0 {
		text += "\t" + datetime.Format(u.timeFormat, a.latest.In(u.Zone()))
	}
	u.Print(text, "\t", name, u.end)
}

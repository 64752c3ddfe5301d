package text

import (
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// suffixes of counts.
var (
	gnuSuffix = map[string]int64{"b": 512, "kB": 1000, "K": 1 << 10, "k": 1 << 10, "KB": 1000, "KiB": 1 << 10, "MB": 1e6, "M": 1 << 20, "m": 1 << 20, "MiB": 1 << 20,
		"GB": 1e9, "G": 1 << 30, "GiB": 1 << 30, "TB": 1e12, "T": 1 << 40, "PB": 1e15, "P": 1 << 50, "EB": 1e18, "E": 1 << 60}
	busyboxSuffix = map[string]int64{"b": 512, "k": 1 << 10, "m": 1 << 20, "kB": 1000, "KB": 1000, "K": 1 << 10, "M": 1 << 20, "MB": 1e6, "G": 1 << 30}
)

// maxSuffixed is what suffixed makes of any greater number.
const maxSuffixed = 1 << 62

// suffixed reads a number with a suffix.
func suffixed(s string, suffixes map[string]int64) (int64, bool) {
	i := 0
	for i < len(s) && isDigit(int(s[i])) {
		i++
	}
	if i == 0 {
		return 0, false
	}
	mult := int64(1)
	if s[i:] != "" {
		var ok bool
		if mult, ok = suffixes[s[i:]]; !ok {
			return 0, false
		}
	}
	n, err := strconv.ParseInt(s[:i], 10, 64)
	if err != nil || n > maxSuffixed/mult {
		return maxSuffixed, true
	}
	return n * mult, true
}

func (h *headTail) number(kind, s string) int64 {
	c := h.c
	t := strings.TrimPrefix(s, "-")
	if h.tail || c.GNU() && t == s {
		t = strings.TrimLeft(s, "-+")
	}
	if c.GNU() {
		n, ok := suffixed(t, gnuSuffix)
		if ok && n == maxSuffixed && !h.tail {
			c.Die(1, "invalid number of %s: '%s': %v", kind, t, linux.EOVERFLOW)
		}
		if !ok {
			if u := strings.TrimRight(t, "iB"); len(u) > 1 && strings.IndexByte("ZYRQ", u[len(u)-1]) >= 0 && strings.Trim(u[:len(u)-1], "0123456789") == "" {
				c.Die(1, "invalid number of %s: '%s': %v", kind, t, linux.EOVERFLOW)
			}
			c.Die(1, "invalid number of %s: '%s'", kind, t)
		}
		return n
	}
	n, ok := suffixed(t, busyboxSuffix)
	if !ok {
		c.Die(1, "invalid number '%s'", t)
	}
	return n
}

// headTail is one run of head or tail.
type headTail struct {
	c              *prog.Ctx
	tail           bool
	bytes          bool
	n              int64
	inverse        bool // head: all but the last n; tail: from the nth on
	quiet, verbose bool
	end            byte
	printed        bool
	// of tail
	follow, retry bool
	byName        bool
	interval      time.Duration
	pid           int
}

// header prints the name above a file's lines if there are several.
func (h *headTail) header(name string, several bool) {
	if h.quiet || !several && !h.verbose {
		return
	}
	if name == "-" {
		name = "standard input"
	}
	if h.printed {
		h.c.Print("\n")
	}
	h.printed = true
	h.c.Print("==> ", name, " <==\n")
}

// oldStyle turns "-5" as the first argument into "-n 5".
func (h *headTail) oldStyle(signs string) {
	c := h.c
	if len(c.Args) == 0 || len(c.Args[0]) < 2 || strings.IndexByte(signs, c.Args[0][0]) < 0 || !isDigit(int(c.Args[0][1])) {
		return
	}
	a := c.Args[0]
	i := 1
	for i < len(a) && isDigit(int(a[i])) {
		i++
	}
	num, rest := a[1:i], a[i:]
	opt := "-n"
	follow := false
	extra := []string{}
	for _, ch := range rest {
		switch ch {
		case 'c':
			opt = "-c"
		case 'b':
			opt, num = "-c", num+"b"
		case 'k', 'm':
			if c.GNU() && h.tail {
				return
			}
			opt, num = "-c", num+string(ch)
		case 'l':
			opt = "-n"
		case 'q', 'v', 'z':
			if h.tail {
				return
			}
			extra = append(extra, "-"+string(ch))
		case 'f':
			if !h.tail {
				return
			}
			follow = true
		default:
			if c.GNU() && !h.tail {
				c.Warn("invalid trailing option -- %c", ch)
				c.Usage()
			}
			return
		}
	}
	if h.tail && a[0] == '+' {
		num = "+" + num
	}
	args := append([]string{opt, num}, extra...)
	if follow {
		args = append(args, "-f")
	}
	c.Args = append(args, c.Args[1:]...)
}

func head(c *prog.Ctx) int {
	h := &headTail{c: c, n: 10, end: '\n'}
	h.oldStyle("-")
	short, long := "c:n:qvz0123456789", []prog.Long{{Name: "bytes", Arg: prog.ReqArg, Val: 'c'}, {Name: "lines", Arg: prog.ReqArg, Val: 'n'},
		{Name: "quiet", Val: 'q'}, {Name: "silent", Val: 'q'}, {Name: "verbose", Val: 'v'}, {Name: "zero-terminated", Val: 'z'}}
	opts := c.Getopt(short, long)
	if !c.GNU() {
		opts = c.GetoptOnly("n:c:qv", nil)
	}
	for o := range opts {
		switch o.Val {
		case 'c':
			h.bytes, h.inverse = true, strings.HasPrefix(o.Arg, "-")
			h.n = h.number("bytes", o.Arg)
		case 'n':
			h.bytes, h.inverse = false, strings.HasPrefix(o.Arg, "-")
			h.n = h.number("lines", o.Arg)
		case 'q':
			h.quiet, h.verbose = true, false
		case 'v':
			h.verbose, h.quiet = true, false
		case 'z':
			h.end = 0
		default:
			c.Warn("invalid trailing option -- %c", o.Val)
			c.Usage()
		}
	}
	files := orStdin(c.Args)
	for _, name := range files {
		f, err := input(c, name)
		if err != nil {
			if c.GNU() {
				c.Fail("cannot open %s for reading: %v", c.QuoteFile(name), err)
			} else {
				c.Fail("%s: %v", name, err)
				h.printed = true
			}
			continue
		}
		h.header(name, len(files) > 1)
		if err := h.head(f); err != nil {
			if c.GNU() {
				c.Fail("error reading %s: %v", c.QuoteFile(nameOr(name)), err)
			} else {
				c.Fail("%s: %v", name, linux.EIO)
			}
		}
		f.Close()
	}
	return c.Status
}

func nameOr(name string) string {
	if name == "-" {
		return "standard input"
	}
	return name
}

func (h *headTail) head(f io.Reader) error {
	c := h.c
	if h.bytes && !h.inverse {
		_, err := io.CopyN(c.Out, f, h.n)
		return notEOF(err)
	}
	if h.bytes {
		var held []byte
		buf := make([]byte, 8192)
		for {
			n, err := f.Read(buf)
			held = append(held, buf[:n]...)
			if k := int64(len(held)) - h.n; k > 0 {
				c.Out.Write(held[:k])
				held = append(held[:0], held[k:]...)
			}
			if len(held) > maxLine {
				return linux.ENOMEM
			}
			if err != nil {
				return notEOF(err)
			}
		}
	}
	in := newLines(c, f, h.end)
	var held [][]byte
	size := 0
	for i := int64(0); h.inverse || i < h.n; i++ {
		line, err := in.next()
		if err != nil {
			return notEOF(err)
		}
		if !h.inverse {
			c.Out.Write(line)
			if c.Out.Err() != nil {
				return nil
			}
			continue
		}
		held = append(held, line)
		size += len(line)
		if int64(len(held)) > h.n {
			c.Out.Write(held[0])
			size -= len(held[0])
			held = held[1:]
		}
		if size > maxLine {
			return linux.ENOMEM
		}
	}
	// What was read ahead goes back, so that the next reader of the file goes on there.
	if pf, ok := f.(*prog.File); ok {
		pf.Seek(int64(-in.r.Buffered()), linux.SEEK_CUR)
	}
	return nil
}

func notEOF(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}

const (
	tailRetry = prog.LongOnly + iota
	tailPid
	tailMax
)

func tail(c *prog.Ctx) int {
	h := &headTail{c: c, tail: true, n: 10, end: '\n', interval: time.Second}
	if len(c.Args) < 3 || !c.GNU() { // with one file at most
		h.oldStyle("-+")
	}
	short, long := "c:n:fFqs:vz0123456789", []prog.Long{{Name: "bytes", Arg: prog.ReqArg, Val: 'c'}, {Name: "follow", Arg: prog.OptArg, Val: 'f'},
		{Name: "lines", Arg: prog.ReqArg, Val: 'n'}, {Name: "pid", Arg: prog.ReqArg, Val: tailPid}, {Name: "quiet", Val: 'q'}, {Name: "silent", Val: 'q'},
		{Name: "retry", Val: tailRetry}, {Name: "sleep-interval", Arg: prog.ReqArg, Val: 's'}, {Name: "verbose", Val: 'v'},
		{Name: "max-unchanged-stats", Arg: prog.ReqArg, Val: tailMax}, {Name: "zero-terminated", Val: 'z'}}
	if !c.GNU() {
		short, long = "fc:n:qs:vF", nil
	}
	for o := range c.Getopt(short, long) {
		switch o.Val {
		case 'c', 'n':
			h.bytes, h.inverse = o.Val == 'c', strings.HasPrefix(o.Arg, "+")
			h.n = h.number(map[bool]string{true: "bytes", false: "lines"}[h.bytes], o.Arg)
		case 'f':
			h.follow = true
			h.byName = o.Has && c.Choose("--follow", o.Arg, "descriptor", "name") == "name"
		case 'F':
			h.follow, h.retry, h.byName = true, true, true
		case 'q':
			h.quiet, h.verbose = true, false
		case 'v':
			h.verbose, h.quiet = true, false
		case 's':
			sec, err := strconv.ParseFloat(o.Arg, 64)
			if err != nil || sec < 0 {
				if c.GNU() {
					c.Die(1, "invalid number of seconds: '%s'", o.Arg)
				}
				c.Die(1, "invalid number '%s'", o.Arg)
			}
			h.interval = time.Duration(sec * float64(time.Second))
		case 'z':
			h.end = 0
		case tailRetry:
			h.retry = true
		case tailPid:
			n, err := strconv.Atoi(o.Arg)
			if err != nil {
				c.Die(1, "invalid PID: '%s'", o.Arg)
			}
			h.pid = n
		case tailMax:
			// It bounds how late a rotation is seen; the lab's names are looked up at every turn.
			if _, ok := parseCount(o.Arg); !ok {
				c.Die(1, "invalid maximum number of unchanged stats between opens: '%s'", o.Arg)
			}
		default:
			c.Warn("option used in invalid context -- %c", o.Val)
			c.Exit(1)
		}
	}
	if h.retry && !h.follow && c.GNU() {
		c.Warn("warning: --retry ignored; --retry is useful only when following")
	}
	if h.pid != 0 && !h.follow {
		c.Warn("warning: PID ignored; --pid=PID is useful only when following")
	}
	if h.inverse && h.n > 0 {
		h.n--
	}
	files := orStdin(c.Args)
	var open []*followed
	several := len(files) > 1
	if !c.GNU() {
		files, several = h.openable(files)
	}
	for _, name := range files {
		t := &followed{name: name}
		f, err := input(c, name)
		if err != nil {
			c.Fail("cannot open %s for reading: %v", c.QuoteFile(name), err)
			if h.retry {
				open = append(open, t)
			}
			continue
		}
		h.header(name, several)
		if err := h.tailOf(f); err != nil {
			if c.GNU() {
				c.Fail("error reading %s: %v", c.QuoteFile(nameOr(name)), err)
			} else {
				c.Fail("read error: %v", err)
			}
			f.Close()
			continue
		}
		t.f = f
		if pf, ok := f.(*prog.File); ok {
			t.st, _ = pf.Stat()
		} else {
			t.st, _ = c.Fstat(0)
		}
		if h.follow && t.st.Mode.Type() != linux.S_IFIFO {
			open = append(open, t)
		} else if h.follow && name != "-" {
			open = append(open, t)
		} else {
			f.Close()
		}
	}
	c.Out.Flush()
	if h.follow {
		if len(open) == 0 {
			if c.GNU() && c.Status != 0 {
				c.Warn("no files remaining")
			}
			return c.Status
		}
		h.followAll(open, several)
	}
	return c.Status
}

// openable drops the files that Busybox cannot open, before it prints any.
func (h *headTail) openable(files []string) (left []string, several bool) {
	for _, name := range files {
		f, err := input(h.c, name)
		if err != nil {
			h.c.Fail("can't open '%s': %v", name, err)
			if h.retry {
				left = append(left, name)
			}
			continue
		}
		f.Close()
		left = append(left, name)
	}
	if len(left) == 0 {
		h.c.Die(1, "no files")
	}
	return left, len(left) > 1
}

// tailOf prints the end of a file.
func (h *headTail) tailOf(f io.Reader) error {
	c := h.c
	if h.inverse {
		if h.bytes {
			if _, err := io.CopyN(io.Discard, f, h.n); err != nil {
				return notEOF(err)
			}
		} else {
			in := newLines(c, f, h.end)
			for i := int64(0); i < h.n; i++ {
				if _, err := in.next(); err != nil {
					return notEOF(err)
				}
			}
			f = in.r
		}
		_, err := io.Copy(c.Out, f)
		return err
	}
	if pf, ok := f.(*prog.File); ok && h.bytes {
		if st, err := pf.Stat(); err == nil && st.Mode.IsRegular() && st.Size > h.n {
			pf.Seek(st.Size-h.n, linux.SEEK_SET)
			_, err := io.Copy(c.Out, f)
			return err
		}
	}
	if h.bytes {
		var held []byte
		buf := make([]byte, 8192)
		for {
			n, err := f.Read(buf)
			held = append(held, buf[:n]...)
			if k := int64(len(held)) - h.n; k > 0 {
				held = append(held[:0], held[k:]...)
			}
			if len(held) > maxLine {
				return linux.ENOMEM
			}
			if err != nil {
				c.Out.Write(held)
				return notEOF(err)
			}
		}
	}
	in := newLines(c, f, h.end)
	var held [][]byte
	size := 0
	for {
		line, err := in.next()
		if err != nil {
			for _, l := range held {
				c.Out.Write(l)
			}
			return notEOF(err)
		}
		if h.n == 0 {
			continue
		}
		held = append(held, line)
		size += len(line)
		if int64(len(held)) > h.n {
			size -= len(held[0])
			held = held[1:]
		}
		if size > maxLine {
			return linux.ENOMEM
		}
	}
}

// followed is a file that tail -f watches.
type followed struct {
	name string
	f    io.ReadCloser // nil: it is not there
	st   vfs.Stat
	gone bool
}

// followAll prints what is added to the files, for ever.
func (h *headTail) followAll(files []*followed, several bool) {
	c := h.c
	last := files[len(files)-1]
	buf := make([]byte, 8192)
	for {
		for _, t := range files {
			if h.byName && t.name != "-" {
				h.reopen(t)
			}
			if t.f == nil {
				continue
			}
			if pf, ok := t.f.(*prog.File); ok {
				if st, err := pf.Stat(); err == nil && st.Mode.IsRegular() {
					if at, err := pf.Seek(0, linux.SEEK_CUR); err == nil && st.Size < at {
						if c.GNU() {
							c.Warn("%s: file truncated", t.name)
						}
						pf.Seek(0, linux.SEEK_SET)
					}
				}
			}
			for {
				n, err := t.f.Read(buf)
				if n > 0 {
					if t != last {
						last = t
						h.header(t.name, several)
					}
					c.Out.Write(buf[:n])
				}
				if err != nil || n == 0 {
					break
				}
			}
		}
		c.Out.Flush()
		if c.Out.Err() != nil {
			c.Exit(1)
		}
		if h.pid != 0 && c.Kill(h.pid, 0) == linux.ESRCH {
			return
		}
		c.Sleep(h.interval)
	}
}

// reopen looks whether the name is another file now.
func (h *headTail) reopen(t *followed) {
	c := h.c
	st, err := c.Stat(t.name)
	if err != nil {
		if t.f != nil && !t.gone {
			t.gone = true
			if c.GNU() {
				c.Warn("%s has become inaccessible: %v", c.QuoteFile(t.name), err)
			}
		}
		return
	}
	if t.f != nil && st.Ino == t.st.Ino && st.Dev == t.st.Dev {
		t.gone = false
		return
	}
	f, err := c.OpenInput(t.name)
	if err != nil {
		return
	}
	if c.GNU() {
		if t.f == nil || t.gone {
			c.Warn("%s has appeared;  following new file", c.QuoteFile(t.name))
		} else {
			c.Warn("%s has been replaced;  following new file", c.QuoteFile(t.name))
		}
	}
	if t.f != nil {
		t.f.Close()
	}
	t.f, t.st, t.gone = f, st, false
}

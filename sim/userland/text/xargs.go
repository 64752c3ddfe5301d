package text

import (
	"bufio"
	"fmt"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// xarger is one run of xargs.
type xarger struct {
	c        *prog.Ctx
	in       *bufio.Reader
	delim    int // -1: words, with quotes
	eof      string
	replace  string
	maxArgs  int
	maxLines int
	maxChars int
	exitSize bool
	noEmpty  bool
	trace    bool
	ask      bool
	procs    int
	running  int
	openTTY  bool
	status   int
	command  []string
	lineEnd  bool // the last word ended its line
	blankEnd bool // a blank stood before that end, so the line goes on
	started  bool
	slot     string
}

const (
	xargsShowLimits = prog.LongOnly + iota
	xargsSlot
)

var xargsLong = []prog.Long{{Name: "null", Val: '0'}, {Name: "arg-file", Arg: prog.ReqArg, Val: 'a'}, {Name: "delimiter", Arg: prog.ReqArg, Val: 'd'},
	{Name: "eof", Arg: prog.OptArg, Val: 'e'}, {Name: "replace", Arg: prog.OptArg, Val: 'i'}, {Name: "max-lines", Arg: prog.OptArg, Val: 'l'},
	{Name: "max-args", Arg: prog.ReqArg, Val: 'n'}, {Name: "open-tty", Val: 'o'}, {Name: "interactive", Val: 'p'}, {Name: "no-run-if-empty", Val: 'r'},
	{Name: "max-chars", Arg: prog.ReqArg, Val: 's'}, {Name: "show-limits", Val: xargsShowLimits}, {Name: "verbose", Val: 't'}, {Name: "exit", Val: 'x'},
	{Name: "max-procs", Arg: prog.ReqArg, Val: 'P'}, {Name: "process-slot-var", Arg: prog.ReqArg, Val: xargsSlot}}

func xargs(c *prog.Ctx) int {
	x := &xarger{c: c, delim: -1, procs: 1, maxChars: 131072, in: c.In}
	short, long := "+0a:E:e::i::I:l::L:n:prs:txP:d:o", xargsLong
	if !c.GNU() {
		short, long = "+0ptn:s:e::E:I:i::ra:xP:", []prog.Long{{Name: "no-run-if-empty", Val: 'r'}}
		x.maxChars = 32*1024 - 2048
	}
	number := func(s string, opt int, lo int) int {
		n, ok := parseCount(s)
		if !ok {
			if c.GNU() {
				c.Warn("invalid number \"%s\" for -%c option", s, opt)
				c.Usage()
			}
			c.Die(1, "invalid number '%s'", s)
		}
		if n < lo {
			if c.GNU() {
				c.Warn("value %s for -%c option should be >= %d", s, opt, lo)
				c.Usage()
			}
			c.Die(1, "number %s is not in %d..2147483647 range", s, lo)
		}
		return n
	}
	exclusive := func(old, now string) {
		if c.GNU() {
			c.Warn("warning: options %s and %s are mutually exclusive, ignoring previous %s value", old, now, old)
		}
	}
	exclusiveReplace := func() {
		if c.GNU() {
			c.Warn("warning: options --replace and --max-args/-n are mutually exclusive, ignoring previous --replace value")
		}
	}
	for o := range c.Getopt(short, long) {
		switch o.Val {
		case '0':
			x.delim = 0
		case 'd':
			x.delim = x.delimiter(o.Arg)
		case 'a':
			if o.Arg != "-" {
				f, err := c.OpenFile(o.Arg, linux.O_RDONLY, 0)
				if err != nil {
					if c.GNU() {
						c.Die(1, "Cannot open input file %s: %v", c.QuoteFile(o.Arg), err)
					}
					c.Die(1, "can't open '%s': %v", o.Arg, err)
				}
				x.in = bufio.NewReader(f)
			}
		case 'E', 'e':
			x.eof = o.Arg
		case 'I', 'i':
			x.replace = o.Arg
			if o.Val == 'i' && o.Arg == "" {
				x.replace = "{}"
			}
			if x.maxArgs > 0 {
				exclusive("--max-args", "--replace/-I/-i")
				x.maxArgs = 0
			}
			if x.maxLines > 0 {
				exclusive("--max-lines", "--replace/-I/-i")
				x.maxLines = 0
			}
		case 'L', 'l':
			x.maxLines = 1
			if o.Arg != "" {
				x.maxLines = number(o.Arg, o.Val, 1)
			}
			if x.maxArgs > 0 {
				exclusive("--max-args", "--max-lines")
				x.maxArgs = 0
			}
			if x.replace != "" {
				exclusive("--replace", "--max-lines")
				x.replace = ""
			}
		case 'n':
			x.maxArgs = number(o.Arg, 'n', 1)
			if x.maxLines > 0 {
				exclusive("--max-lines", "--max-args")
				x.maxLines = 0
			}
			if x.replace != "" {
				if x.maxArgs == 1 {
					x.maxArgs = 0
				} else {
					exclusiveReplace()
					x.replace = ""
				}
			}
		case 'o':
			x.openTTY = true
		case 'p':
			x.ask, x.trace = true, true
		case 'r':
			x.noEmpty = true
		case 's':
			x.maxChars = min(number(o.Arg, 's', 1), 131072)
		case 't':
			x.trace = true
		case 'x':
			x.exitSize = true
		case 'P':
			x.procs = number(o.Arg, 'P', 0)
		case xargsSlot:
			x.slot = o.Arg
		case xargsShowLimits:
			size := 0
			for _, e := range c.Env() {
				size += len(e) + 1
			}
			c.Errorf("Your environment variables take up %d bytes\nPOSIX upper limit on argument length (this system): %d\nPOSIX smallest allowable upper limit on argument length (all systems): 4096\nMaximum length of command we could actually use: %d\nSize of command buffer we are actually using: 131072\nMaximum parallelism (--max-procs must be no greater): 2147483647\n", size, 2092095-size, 2092095-2*size-0)
		}
	}
	x.command = c.Args
	if len(x.command) == 0 {
		x.command = []string{"echo"}
	}
	if x.replace != "" || x.maxLines > 0 {
		x.exitSize = true
	}
	if x.replace != "" && !c.GNU() {
		x.noEmpty = true
	}
	x.run()
	for x.running > 0 {
		x.wait()
	}
	return x.status
}

// delimiter reads the argument of -d.
func (x *xarger) delimiter(s string) int {
	c := x.c
	if len(s) == 1 {
		return int(s[0])
	}
	if strings.HasPrefix(s, "\\") && len(s) > 1 {
		if i := strings.IndexByte("abfnrtv\\", s[1]); i >= 0 && len(s) == 2 {
			return int("\a\b\f\n\r\t\v\\"[i])
		}
		base, digits := 8, s[1:]
		if s[1] == 'x' {
			base, digits = 16, s[2:]
		}
		if n, err := strconv.ParseUint(digits, base, 8); err == nil {
			return int(n)
		}
		c.Die(1, "Invalid escape sequence %s in input delimiter specification.", s)
	}
	c.Die(1, "Invalid input delimiter specification %s: the delimiter must be either a single character or an escape sequence starting with \\.", s)
	return 0
}

// item reads the next argument.
func (x *xarger) item() (string, bool) {
	c := x.c
	var b []byte
	x.lineEnd = false
	if x.delim >= 0 {
		for {
			ch, err := x.in.ReadByte()
			if err != nil {
				x.lineEnd = true
				return string(b), len(b) > 0
			}
			if int(ch) == x.delim {
				x.lineEnd = true
				return string(b), true
			}
			x.grow(&b, ch)
		}
	}
	quote, any := byte(0), false
	for {
		ch, err := x.in.ReadByte()
		if err == nil {
			c.Step(1)
		}
		switch {
		case err != nil && quote != 0, err == nil && quote != 0 && ch == '\n':
			kind := map[byte]string{'\'': "single", '"': "double"}[quote]
			if c.GNU() {
				x.finish()
				c.Die(1, "unmatched %s quote; by default quotes are special to xargs unless you use the -0 option", kind)
			}
			c.Die(1, "unmatched %s quote", kind)
		case err != nil:
			x.lineEnd = true
			return string(b), any
		case quote != 0 && ch == quote:
			quote = 0
		case quote != 0:
			x.grow(&b, ch)
		case ch == '\'' || ch == '"':
			quote, any = ch, true
		case ch == '\\':
			any = true
			if ch, err = x.in.ReadByte(); err == nil {
				x.grow(&b, ch)
			}
		case ch == '\n':
			if x.replace != "" {
				if !any {
					continue
				}
				x.lineEnd = true
				return string(b), true
			}
			if any {
				x.lineEnd = true
				return string(b), true
			}
		case x.replace != "" && (ch == ' ' || ch == '\t' || !c.GNU() && strings.IndexByte("\v\f\r", ch) >= 0):
			if any { // leading blanks go, others stay
				x.grow(&b, ch)
			}
		case ch == ' ' || ch == '\t':
			if !any {
				continue
			}
			// A blank at the end of a line joins it to the next one.
			for {
				next, err := x.in.ReadByte()
				if err != nil {
					x.lineEnd = true
					break
				}
				if next == ' ' || next == '\t' {
					continue
				}
				x.in.UnreadByte()
				break
			}
			return string(b), true
		default:
			any = true
			x.grow(&b, ch)
		}
	}
}

// tooLong ends the program: -s leaves no room for an argument.
func (x *xarger) tooLong() {
	if x.c.GNU() && x.maxChars <= len(strings.Join(x.command, " "))+1 {
		x.c.Die(1, "cannot fit single argument within argument list size limit")
	}
	x.c.Die(1, "argument line too long")
}

func (x *xarger) grow(b *[]byte, ch byte) {
	*b = append(*b, ch)
	if len(*b) >= x.maxChars {
		x.finish()
		x.tooLong()
	}
}

func (x *xarger) finish() {
	for x.running > 0 {
		x.wait()
	}
}

func (x *xarger) run() {
	if x.replace != "" {
		for {
			item, ok := x.item()
			if !ok || x.eof != "" && item == x.eof {
				return
			}
			var argv []string
			size := 0
			for i, a := range x.command {
				if i > 0 || !x.c.GNU() {
					a = strings.ReplaceAll(a, x.replace, item)
				}
				if size += len(a) + 1; size > 1<<20 {
					x.c.Die(1, "argument list too long")
				}
				argv = append(argv, a)
			}
			x.exec(argv)
		}
	}
	base := 0
	for _, a := range x.command {
		base += len(a) + 1
	}
	var args []string
	size, lineCount := base, 0
	flush := func() {
		x.exec(append(x.command[:len(x.command):len(x.command)], args...))
		args, size, lineCount = nil, base, 0
	}
	any := false
	for {
		item, ok := x.item()
		if !ok || x.eof != "" && item == x.eof {
			break
		}
		any = true
		if size+len(item)+1 > x.maxChars {
			if len(args) == 0 || x.exitSize && (x.maxArgs > 0 || x.maxLines > 0) {
				x.finish()
				x.tooLong()
			}
			flush()
		}
		args = append(args, item)
		size += len(item) + 1
		if x.lineEnd {
			lineCount++
		}
		if x.maxArgs > 0 && len(args) >= x.maxArgs || x.maxLines > 0 && lineCount >= x.maxLines {
			flush()
		}
	}
	if len(args) > 0 || !any && !x.noEmpty {
		flush()
	}
}

// exec runs one command, or starts it with -P.
func (x *xarger) exec(argv []string) {
	c := x.c
	if x.trace {
		line := strings.Join(argv, " ")
		if c.GNU() {
			q := make([]string, len(argv))
			for i, a := range argv {
				q[i] = prog.QuoteShell(a, false)
			}
			line = strings.Join(q, " ")
		}
		c.Errorf("%s", line)
		if x.ask {
			if !x.yes() {
				return
			}
		} else {
			c.Errorf("\n")
		}
	}
	for x.procs > 0 && x.running >= x.procs {
		x.wait()
	}
	null, err := c.Open("/dev/null", linux.O_RDONLY|linux.O_CLOEXEC, 0)
	if x.openTTY {
		fd, e := c.Open("/dev/tty", linux.O_RDONLY|linux.O_CLOEXEC, 0)
		if e != nil {
			c.Die(125, "%s: %v", c.QuoteFile("/dev/tty"), e)
		}
		null = fd
	}
	files := map[int]int{0: null, 1: 1, 2: 2}
	if err != nil {
		files = nil
	} else if x.in != c.In {
		files[0] = 0 // with -a, standard input is the commands'
	}
	env := c.Env()
	if x.slot != "" {
		env = append(env[:len(env):len(env)], x.slot+"="+strconv.Itoa(x.running))
	}
	_, err = c.Start(argv, env, &kernel.SpawnOpts{Files: files})
	if null >= 0 {
		c.Close(null)
	}
	if err != nil {
		c.Warn("%s: %v", argv[0], err)
		x.finish()
		if err == linux.ENOENT {
			c.Exit(127)
		}
		c.Exit(126)
	}
	x.running++
	if x.procs == 1 {
		x.wait()
	}
}

// yes asks the terminal.
func (x *xarger) yes() bool {
	if !x.c.GNU() {
		fmt.Fprint(x.c.Err, " ?...")
	}
	f, err := x.c.OpenFile("/dev/tty", linux.O_RDONLY, 0)
	if err != nil {
		x.c.Die(1, "failed to open /dev/tty for reading: %v", err)
	}
	defer f.Close()
	if x.c.GNU() {
		fmt.Fprint(x.c.Err, " ?...")
	}
	line, _ := bufio.NewReader(f).ReadString('\n')
	return strings.HasPrefix(line, "y") || strings.HasPrefix(line, "Y")
}

func (x *xarger) wait() {
	c := x.c
	for {
		_, st, err := c.Wait(-1, 0)
		if err == linux.EINTR {
			continue
		}
		x.running--
		if err != nil {
			x.running = 0
			return
		}
		name := x.command[0]
		switch {
		case st.Signal != 0:
			if c.GNU() {
				c.Warn("%s: terminated by signal %d", name, st.Signal)
			} else {
				c.Warn("'%s' terminated by signal %d", name, st.Signal)
			}
			x.finish()
			c.Exit(125)
		case st.Code == 255:
			c.Warn("%s: exited with status 255; aborting", name)
			x.finish()
			c.Exit(124)
		case st.Code == 126 || st.Code == 127:
			if c.GNU() {
				x.status = 123
			} else {
				x.status = st.Code
			}
		case st.Code != 0:
			x.status = 123
		}
		return
	}
}

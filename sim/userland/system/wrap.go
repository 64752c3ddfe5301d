package system

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/human"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// Small programs: some that run another one in a setting that the lab has no use for, and some
// that stand alone.

// timeCommand is Busybox's time.
func timeCommand(c *prog.Ctx) int {
	posix := false
	for o := range c.Getopt("+vpao:f:", nil) {
		switch o.Val {
		case 'p':
			posix = true
		default:
			c.Die(1, "-%c is not part of the lab's time", rune(o.Val))
		}
	}
	if len(c.Args) == 0 {
		c.Usage()
	}
	begin := c.Now()
	_, _, user0, sys0 := c.Times()
	st, err := c.Command(c.Args, nil, nil)
	code := st.ExitCode()
	if err != nil {
		code = execFailedShort(c, c.Args[0], err)
	}
	_, _, user1, sys1 := c.Times()
	for _, row := range []struct {
		name string
		d    time.Duration
	}{{"real", c.Now().Sub(begin)}, {"user", user1 - user0}, {"sys", sys1 - sys0}} {
		s := row.d.Seconds()
		if posix {
			c.Errorf("%s %.2f\n", row.name, s)
		} else {
			c.Errorf("%s\t%dm %.2fs\n", row.name, int(s)/60, s-float64(int(s)/60*60))
		}
	}
	return code
}

// stdbuf runs a program; the lab's programs buffer as they do.
func stdbuf(c *prog.Ctx) int {
	c.UsageStatus = 125
	given := false
	for o := range c.Getopt("+i:o:e:", []prog.Long{{Name: "input", Arg: prog.ReqArg, Val: 'i'}, {Name: "output", Arg: prog.ReqArg, Val: 'o'}, {Name: "error", Arg: prog.ReqArg, Val: 'e'}}) {
		given = true
		_, _, ok := human.ParseSize(o.Arg)
		if o.Arg == "L" && o.Val == 'i' {
			c.Fail("line buffering stdin is meaningless")
			c.Usage()
		}
		if o.Arg != "L" && o.Arg != "0" && !ok {
			c.Die(125, "invalid mode %s", c.Quote(o.Arg))
		}
	}
	if len(c.Args) == 0 {
		missingOperand(c)
	}
	if !given {
		c.Fail("you must specify a buffering mode option")
		c.Usage()
	}
	return prog.ExecFailed(c, c.Args[0], c.Execvp(c.Args, c.Env()))
}

// ionice runs a program with an I/O priority, or tells its own.
func ionice(c *prog.Ctx) int {
	var of []string // the processes, groups and users to tell of
	var kind byte
	set, ignore := false, false
	short, long := "+c:n:p:P:u:t", []prog.Long(nil)
	if c.GNU() {
		long = []prog.Long{{Name: "class", Arg: prog.ReqArg, Val: 'c'}, {Name: "classdata", Arg: prog.ReqArg, Val: 'n'}, {Name: "pid", Arg: prog.ReqArg, Val: 'p'},
			{Name: "pgid", Arg: prog.ReqArg, Val: 'P'}, {Name: "uid", Arg: prog.ReqArg, Val: 'u'}, {Name: "ignore", Val: 't'}}
	}
	for o := range c.GetoptUtil(short, long) {
		switch o.Val {
		case 'c':
			set = true
			n, err := strconv.Atoi(o.Arg)
			if named := strings.ToLower(o.Arg); c.GNU() && (err != nil && named != "none" && named != "realtime" && named != "best-effort" && named != "idle" || err == nil && (n < 0 || n > 3)) {
				c.Die(1, "unknown scheduling class: '%s'", o.Arg)
			}
		case 'n':
			set = true
		case 't':
			ignore = true
		default:
			if kind != 0 && c.GNU() {
				c.Die(1, "can handle only one of pid, pgid or uid at once")
			}
			kind = byte(o.Val)
			if _, err := strconv.Atoi(o.Arg); err != nil {
				c.Die(1, "invalid %s argument: '%s'", map[byte]string{'p': "PID", 'P': "PGID", 'u': "UID"}[kind], o.Arg)
			}
			of = append(of, o.Arg)
		}
	}
	switch {
	case kind != 0:
		for _, id := range append(of, c.Args...) {
			n, _ := strconv.Atoi(id)
			found := false
			for _, p := range c.Processes() {
				found = found || kind == 'p' && p.Pid == n || kind == 'P' && p.Pgid == n || kind == 'u' && int(p.Cred.UID) == n
			}
			verb := "get"
			if set {
				verb = "set"
			}
			if !found && !ignore {
				c.Die(1, "ioprio_%s failed: %v", verb, linux.ESRCH)
			}
			if found && !set {
				c.Print("none: prio 0\n")
			}
		}
		return 0
	case len(c.Args) == 0 && set:
		if c.GNU() {
			c.Warn("bad usage")
		}
		c.Usage()
	case len(c.Args) == 0:
		c.Print("none: prio 0\n")
		return 0
	}
	// There are no disks to schedule: the priority makes no difference to the program.
	return execFailedShort(c, c.Args[0], c.Execvp(c.Args, c.Env()))
}

const (
	setarch4GB = prog.LongOnly + iota
	setarchUname26
)

var setarchLong = []prog.Long{
	{Name: "32bit", Val: 'B'}, {Name: "fdpic-funcptrs", Val: 'F'}, {Name: "short-inode", Val: 'I'}, {Name: "addr-compat-layout", Val: 'L'},
	{Name: "addr-no-randomize", Val: 'R'}, {Name: "whole-seconds", Val: 'S'}, {Name: "sticky-timeouts", Val: 'T'}, {Name: "read-implies-exec", Val: 'X'},
	{Name: "mmap-page-zero", Val: 'Z'}, {Name: "3gb", Val: '3'}, {Name: "4gb", Val: setarch4GB}, {Name: "uname-2.6", Val: setarchUname26}, {Name: "verbose", Val: 'v'},
}

// setarch is linux32, linux64 and the like: every machine of the lab is x86_64 anyway.
func setarch(c *prog.Ctx) int {
	if !c.GNU() {
		for range c.Getopt("+R", nil) {
		}
	} else {
		verbose := false
		for o := range c.GetoptUtil("+BFILRSTXZ3v", setarchLong) {
			switch o.Val {
			case 'v':
				verbose = true
			case setarch4GB, setarchUname26: // neither shows in anything that the lab has
			default:
				// The seccomp profile of a container allows no other personality.
				c.Die(1, "failed to set personality to %s: %v", c.Program, linux.EPERM)
			}
		}
		if verbose && len(c.Args) > 0 {
			c.Printf("Execute command `%s'.\n", c.Args[0])
		}
	}
	argv := c.Args
	if len(argv) == 0 {
		argv = []string{"/bin/sh"}
	}
	return execFailedShort(c, argv[0], c.Execvp(argv, c.Env()))
}

// w shows nobody below a heading, for nobody logs in to a container.
func w(c *prog.Ctx) int {
	if !c.GNU() {
		for range c.Getopt("", nil) {
		}
		c.AtMost(0)
		c.Print("USER\t\tTTY\t\tIDLE\tTIME\t\t HOST\n")
		return 0
	}
	c.UsageIsHelp()
	head := true
	for o := range c.Getopt("husfoVip", []prog.Long{{Name: "no-header", Val: 'h'}, {Name: "short", Val: 's'}}) {
		head = head && o.Val != 'h'
	}
	if head {
		c.Print(" ", c.Now().In(c.Zone()).Format("15:04:05"), " ", upText(c), "\nUSER     TTY      FROM             LOGIN@   IDLE   JCPU   PCPU WHAT\n")
	}
	return 0
}

// locale tells the settings of the environment.
func locale(c *prog.Ctx) int {
	all := false
	for o := range c.Getopt("akmc", []prog.Long{{Name: "all-locales", Val: 'a'}}) {
		all = all || o.Val == 'a'
	}
	if all {
		c.Print("C\nC.utf8\nPOSIX\n")
		return 0
	}
	lang, lcAll := c.Getenv("LANG"), c.Getenv("LC_ALL")
	c.Print("LANG=", lang, "\nLANGUAGE=", c.Getenv("LANGUAGE"), "\n")
	for _, k := range []string{"CTYPE", "NUMERIC", "TIME", "COLLATE", "MONETARY", "MESSAGES", "PAPER", "NAME", "ADDRESS", "TELEPHONE", "MEASUREMENT", "IDENTIFICATION"} {
		k = "LC_" + k
		own := c.Getenv(k)
		switch {
		case lcAll != "":
			c.Printf("%s=%q\n", k, lcAll)
		case own != "":
			c.Printf("%s=%s\n", k, own)
		case lang != "":
			c.Printf("%s=%q\n", k, lang)
		default:
			c.Printf("%s=%q\n", k, "POSIX")
		}
	}
	c.Print("LC_ALL=", lcAll, "\n")
	return 0
}

// factor writes the prime factors of its arguments, or of the numbers on standard input.
func factor(c *prog.Ctx) int {
	for range c.Getopt("", nil) {
	}
	nums := c.Args
	if len(nums) == 0 {
		for {
			var s string
			if _, err := fmt.Fscan(c.In, &s); err != nil {
				break
			}
			nums = append(nums, s)
		}
	}
	for _, s := range nums {
		n, err := strconv.ParseUint(strings.TrimPrefix(s, "+"), 10, 64)
		if err != nil {
			if !c.GNU() {
				c.Usage()
			}
			if _, ok := new(big.Int).SetString(s, 10); ok && !strings.HasPrefix(s, "-") {
				c.Fail("%s is too large", c.Quote(s))
			} else {
				c.Fail("%s is not a valid positive integer", c.Quote(s))
			}
			continue
		}
		c.Printf("%d:", n)
		for d := uint64(2); d <= n/d; {
			c.Step(1)
			if n%d != 0 {
				if d++; d > 3 && d%2 == 0 {
					d++
				}
				continue
			}
			c.Printf(" %d", d)
			n /= d
		}
		if n > 1 {
			c.Printf(" %d", n)
		}
		c.Print("\n")
	}
	return c.Status
}

var fallocateLong = []prog.Long{
	{Name: "length", Arg: prog.ReqArg, Val: 'l'}, {Name: "offset", Arg: prog.ReqArg, Val: 'o'}, {Name: "keep-size", Val: 'n'}, {Name: "posix", Val: 'x'},
	{Name: "collapse-range", Val: 'c'}, {Name: "dig-holes", Val: 'd'}, {Name: "insert-range", Val: 'i'}, {Name: "punch-hole", Val: 'p'}, {Name: "zero-range", Val: 'z'}, {Name: "verbose", Val: 'v'},
}

// fallocate gives a file its room at once.
func fallocate(c *prog.Ctx) int {
	var length, offset int64
	have, keep := false, false
	size := func(s string) int64 {
		n, _, ok := human.ParseSize(s)
		if !ok || n > 1<<62 {
			if c.GNU() {
				c.Die(1, "failed to parse length")
			}
			c.Die(1, "invalid number '%s'", s)
		}
		return int64(n)
	}
	punch, dig, zero, shift, verbose := false, false, false, "", false
	short, long := "l:o:", []prog.Long(nil)
	if c.GNU() {
		short, long = "cdil:no:pvxz", fallocateLong
	}
	for o := range c.GetoptUtil(short, long) {
		switch o.Val {
		case 'c', 'i':
			shift = string(rune(o.Val))
		case 'd':
			dig = true
		case 'p':
			punch, keep = true, true
		case 'z':
			zero = true
		case 'v':
			verbose = true
		case 'x': // posix_fallocate, which does the same
		case 'l':
			length, have = size(o.Arg), true
		case 'o':
			offset = size(o.Arg)
		case 'n':
			keep = true
		}
	}
	switch {
	case len(c.Args) != 1:
		if c.GNU() {
			c.Die(1, "no filename specified")
		}
		c.Usage()
	case !have && !dig:
		if c.GNU() {
			c.Die(1, "no length argument specified")
		}
		c.Usage()
	case length == 0 && !dig:
		c.Die(1, "invalid length value specified")
	}
	flags := linux.O_RDWR
	if !dig && !punch && shift == "" {
		flags |= linux.O_CREAT
	}
	f, err := c.OpenFile(c.Args[0], flags, 0o666)
	if err != nil {
		if c.GNU() {
			c.Die(1, "cannot open %s: %v", c.Args[0], err)
		}
		c.Die(1, "can't open '%s': %v", c.Args[0], err)
	}
	defer f.Close()
	switch {
	case shift != "":
		// overlay's file systems can, but only in whole blocks; the lab's cannot at all.
		c.Die(1, "fallocate failed: %v", linux.EOPNOTSUPP)
	case dig:
		return 0 // zeros take no room in the lab as it is
	case punch || zero:
		st, err := f.Stat()
		for at := offset; err == nil && at < min(offset+length, st.Size); {
			n := min(offset+length, st.Size) - at
			_, err = c.Pwrite(f.Fd, make([]byte, min(n, 1<<16)), at)
			at += min(n, 1<<16)
		}
		if err != nil {
			c.Die(1, "fallocate failed: %v", err)
		}
	}
	if verbose {
		c.Printf("%s: %s (%d bytes) allocated.\n", c.Args[0], human.GNU(uint64(length), 1024), length)
	}
	if st, err := f.Stat(); err == nil && st.Size < offset+length && !keep {
		if err := c.Ftruncate(f.Fd, offset+length); err != nil {
			c.Die(1, "fallocate failed: %v", err)
		}
	}
	return 0
}

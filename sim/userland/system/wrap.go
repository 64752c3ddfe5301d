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
	for range c.Getopt("+c:n:p:P:u:t", nil) {
	}
	if len(c.Args) == 0 {
		c.Print("none: prio 0\n")
		return 0
	}
	return execFailedShort(c, c.Args[0], c.Execvp(c.Args, c.Env()))
}

// setarch is linux32, linux64 and the like: every machine of the lab is x86_64 anyway.
func setarch(c *prog.Ctx) int {
	for range c.Getopt("+BFILRSTXZ3hvV", nil) {
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
	for o := range c.Getopt("l:o:nx", []prog.Long{{Name: "length", Arg: prog.ReqArg, Val: 'l'}, {Name: "offset", Arg: prog.ReqArg, Val: 'o'}, {Name: "keep-size", Val: 'n'}, {Name: "posix", Val: 'x'}}) {
		switch o.Val {
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
	case !have:
		if c.GNU() {
			c.Die(1, "no length argument specified")
		}
		c.Usage()
	case length == 0:
		c.Die(1, "invalid length value specified")
	}
	f, err := c.OpenFile(c.Args[0], linux.O_RDWR|linux.O_CREAT, 0o666)
	if err != nil {
		if c.GNU() {
			c.Die(1, "cannot open %s: %v", c.Args[0], err)
		}
		c.Die(1, "can't open '%s': %v", c.Args[0], err)
	}
	defer f.Close()
	if st, err := f.Stat(); err == nil && st.Size < offset+length && !keep {
		if err := c.Ftruncate(f.Fd, offset+length); err != nil {
			c.Die(1, "fallocate failed: %v", err)
		}
	}
	return 0
}

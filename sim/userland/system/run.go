package system

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/posixre"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// The programs that run another one: env, nice, nohup, timeout, setsid, flock, watch, run-parts,
// and the small inits.

const (
	envDefault = prog.LongOnly + iota
	envIgnore
)

func env(c *prog.Ctx) int {
	c.UsageStatus = 125
	ignore, end, dir := false, "\n", ""
	verbose := false
	var unset []string
	short, long := "+C:iS:u:v0", []prog.Long{
		{Name: "ignore-environment", Val: 'i'}, {Name: "null", Val: '0'}, {Name: "unset", Arg: prog.ReqArg, Val: 'u'}, {Name: "chdir", Arg: prog.ReqArg, Val: 'C'},
		{Name: "default-signal", Arg: prog.OptArg, Val: envDefault}, {Name: "ignore-signal", Arg: prog.OptArg, Val: envIgnore},
		{Name: "debug", Val: 'v'}, {Name: "split-string", Arg: prog.ReqArg, Val: 'S'},
	}
	if !c.GNU() {
		c.UsageStatus = 1
		short, long = "+iu:0", []prog.Long{{Name: "ignore-environment", Val: 'i'}, {Name: "unset", Arg: prog.ReqArg, Val: 'u'}, {Name: "null", Val: '0'}}
	} else {
		c.Args = splitEnvString(c, c.Args)
	}
	signals := func(o prog.Opt, d kernel.Disposition) {
		list := strings.Split(o.Arg, ",")
		if !o.Has {
			list = nil
			for s := linux.SIGHUP; s < linux.SIGRTMIN; s++ {
				list = append(list, s.Name())
			}
		}
		for _, name := range list {
			sig, ok := linux.ParseSignal(name)
			if !ok || sig == 0 {
				c.Fail("%s: invalid signal", c.Quote(name))
				c.Usage()
			}
			if sig != linux.SIGKILL && sig != linux.SIGSTOP {
				c.Signal(sig, d)
			}
		}
	}
	for o := range c.Getopt(short, long) {
		switch o.Val {
		case 'i':
			ignore = true
		case 'u':
			unset = append(unset, o.Arg)
		case 'v':
			verbose = true
		case '0':
			end = "\x00"
		case 'C':
			dir = o.Arg
		case envDefault:
			signals(o, kernel.Default)
		case envIgnore:
			signals(o, kernel.Ignore)
		case 'S': // was carried out before
		}
	}
	vars := slices.Clone(c.Env())
	args := c.Args
	if len(args) > 0 && args[0] == "-" {
		ignore, args = true, args[1:]
	}
	if ignore {
		vars = nil
		if verbose {
			c.Errorf("cleaning environ\n")
		}
	}
	for _, name := range unset {
		if (name == "" || strings.Contains(name, "=")) && c.GNU() {
			c.Die(125, "cannot unset %s: %v", c.Quote(name), linux.EINVAL)
		}
		if verbose {
			c.Errorf("unset:    %s\n", name)
		}
		vars = slices.DeleteFunc(vars, func(kv string) bool { return strings.HasPrefix(kv, name+"=") })
	}
	for len(args) > 0 && strings.Contains(args[0], "=") {
		if verbose {
			c.Errorf("setenv:   %s\n", args[0])
		}
		vars = setVar(vars, args[0])
		args = args[1:]
	}
	if len(args) == 0 {
		if dir != "" {
			c.Fail("must specify command with --chdir (-C)")
			c.Usage()
		}
		for _, kv := range vars {
			c.Print(kv, end)
		}
		return 0
	}
	if end != "\n" && c.GNU() {
		c.Fail("cannot specify --null (-0) with command")
		c.Usage()
	}
	if dir != "" {
		if err := c.Chdir(dir); err != nil {
			c.Die(125, "cannot change directory to %s: %v", c.QuoteFile(dir), err)
		}
	}
	if verbose {
		c.Errorf("executing: %s\n", args[0])
		for i, a := range args {
			c.Errorf("   arg[%d]= %s\n", i, c.Quote(a))
		}
	}
	err := c.Execvp(args, vars)
	status := 126
	if err == linux.ENOENT {
		status = 127
	}
	if c.GNU() {
		c.Warn("%s: %v", c.QuoteFile(args[0]), err)
		if err == linux.ENOENT && strings.ContainsAny(args[0], " \t") {
			c.Warn("use -[v]S to pass options in shebang lines")
		}
	} else {
		c.Warn("can't execute '%s': %v", args[0], err)
	}
	return status
}

func setVar(vars []string, kv string) []string {
	name, _, _ := strings.Cut(kv, "=")
	for i, v := range vars {
		if strings.HasPrefix(v, name+"=") {
			vars[i] = kv
			return vars
		}
	}
	return append(vars, kv)
}

// splitEnvString carries out env -S, the option of shebang lines: its argument becomes arguments.
func splitEnvString(c *prog.Ctx, args []string) []string {
	for i, a := range args {
		if a == "--" || !strings.HasPrefix(a, "-") {
			return args
		}
		text, ok := strings.CutPrefix(a, "--split-string=")
		rest := args[i+1:]
		if !ok && !strings.HasPrefix(a, "--") {
			if j := strings.IndexByte(a, 'S'); j > 0 && strings.Trim(a[1:j], "iv0") == "" {
				lead := a[:j]
				if text, ok = a[j+1:], true; text == "" && len(rest) > 0 {
					text, rest = rest[0], rest[1:]
				}
				if len(lead) > 1 {
					args = append(slices.Clone(args[:i]), lead)
					i++
				}
			}
		} else if a == "--split-string" && len(rest) > 0 {
			text, rest, ok = rest[0], rest[1:], true
		}
		if ok {
			words := splitWords(c, text)
			if slices.Contains(args[:i], "-v") || strings.Contains(a, "v") && !strings.HasPrefix(a, "--") {
				c.Errorf("split -S:  %s\n", c.Quote(text))
				for k, w := range words {
					lead := "    &    "
					if k == 0 {
						lead = "into:    "
					}
					c.Errorf(" %s%s\n", lead, c.Quote(w))
				}
			}
			return append(append(slices.Clone(args[:i]), words...), rest...)
		}
	}
	return args
}

// splitWords splits a line of env -S: blanks separate, quotes keep together, ${VAR} expands.
func splitWords(c *prog.Ctx, s string) []string {
	var words []string
	var b strings.Builder
	in := false
	var quote byte
	for i := 0; i < len(s); i++ {
		ch := s[i]
		switch {
		case quote == 0 && (ch == ' ' || ch == '\t' || ch == '\n'):
			if in {
				words = append(words, b.String())
				b.Reset()
				in = false
			}
			continue
		case quote == 0 && ch == '#' && !in:
			i = len(s)
			continue
		case (ch == '\'' || ch == '"') && (quote == 0 || quote == ch):
			if quote == 0 {
				quote = ch
			} else {
				quote = 0
			}
			in = true
			continue
		case ch == '\\' && quote != '\'':
			i++
			if i >= len(s) {
				c.Die(125, "invalid backslash at end of string in -S")
			}
			if k := strings.IndexByte("fnrtv", s[i]); k >= 0 {
				b.WriteByte("\f\n\r\t\v"[k])
			} else if s[i] == '_' && quote == 0 {
				words = append(words, b.String())
				b.Reset()
				in = false
				continue
			} else if s[i] == '_' {
				b.WriteByte(' ')
			} else if strings.IndexByte("\\#$\"'", s[i]) >= 0 {
				b.WriteByte(s[i])
			} else {
				c.Die(125, "invalid sequence '\\%c' in -S", s[i])
			}
			in = true
			continue
		case ch == '$' && quote != '\'':
			end := strings.IndexByte(s[i:], '}')
			if end < 0 || i+1 >= len(s) || s[i+1] != '{' {
				c.Die(125, "only ${VARNAME} expansion is supported, error at: %s", s[i:])
			}
			b.WriteString(c.Getenv(s[i+2 : i+end]))
			i += end
			in = true
			continue
		}
		b.WriteByte(ch)
		in = true
	}
	if quote != 0 {
		c.Die(125, "no terminating quote in -S string")
	}
	if in {
		words = append(words, b.String())
	}
	return words
}

func nice(c *prog.Ctx) int {
	c.UsageStatus = 125
	adjust := "10"
	given := false
	if !c.GNU() {
		c.UsageStatus = 1
	}
	// "-5" and "--5" are old forms of "-n 5" and "-n -5".
	if len(c.Args) > 0 && len(c.Args[0]) > 1 && c.Args[0][0] == '-' {
		t := strings.TrimPrefix(c.Args[0][1:], "-")
		if t != "" && strings.Trim(t, "0123456789") == "" {
			adjust, given = c.Args[0][1:], true
			c.Args = c.Args[1:]
		}
	}
	for o := range c.Getopt("+n:", []prog.Long{{Name: "adjustment", Arg: prog.ReqArg, Val: 'n'}}) {
		adjust, given = o.Arg, true
	}
	n, err := strconv.Atoi(adjust)
	if err != nil {
		if c.GNU() {
			c.Die(125, "invalid adjustment %s", c.Quote(adjust))
		}
		c.Die(1, "invalid number '%s'", adjust)
	}
	if len(c.Args) == 0 {
		if given && c.GNU() {
			c.Fail("a command must be given with an adjustment")
			c.Usage()
		}
		now, _ := c.Getpriority(0)
		c.Print(strconv.Itoa(now), "\n")
		return 0
	}
	now, _ := c.Getpriority(0)
	if err := c.Setpriority(0, now+n); err != nil {
		if !c.GNU() {
			c.Die(1, "setpriority(%d): %v", now+n, err)
		}
		c.Warn("cannot set niceness: %v", err)
	}
	return execFailedShort(c, c.Args[0], c.Execvp(c.Args, c.Env()))
}

// execFailedShort is prog.ExecFailed for the programs that name the command alone.
func execFailedShort(c *prog.Ctx, name string, err error) int {
	if c.GNU() {
		c.Warn("%s: %v", c.QuoteFile(name), err)
	} else {
		c.Warn("can't execute '%s': %v", name, err)
	}
	if err == linux.ENOENT {
		return 127
	}
	return 126
}

func renice(c *prog.Ctx) int {
	args := c.Args
	if len(args) < 2 {
		if c.GNU() {
			c.Warn("not enough arguments")
			c.Usage()
		}
		c.Usage()
	}
	relative := args[0] == "-n" // with Busybox; util-linux takes it for the same as without
	if relative {
		args = args[1:]
	}
	prio, err := strconv.Atoi(args[0])
	if err != nil {
		if c.GNU() {
			c.Fail("invalid priority '%s'", args[0])
			c.Usage()
		}
		c.Die(1, "invalid number '%s'", args[0])
	}
	for _, a := range args[1:] {
		if a == "-p" || a == "--pid" {
			continue
		}
		pid, err := strconv.Atoi(a)
		if err != nil {
			c.Fail("invalid number '%s'", a)
			continue
		}
		old, err := c.Getpriority(pid)
		if err != nil {
			if c.GNU() {
				c.Fail("failed to get priority for %d (process ID): %v", pid, err)
			} else {
				c.Fail("getpriority: %v", err)
			}
			continue
		}
		want := prio
		if relative && !c.GNU() {
			want += old
		}
		if err := c.Setpriority(pid, want); err != nil {
			if c.GNU() {
				c.Fail("failed to set priority for %d (process ID): %v", pid, err)
			} else {
				c.Fail("setpriority: %v", err)
			}
			continue
		}
		if now, err := c.Getpriority(pid); err == nil && c.GNU() {
			c.Printf("%d (process ID) old priority %d, new priority %d\n", pid, old, now)
		}
	}
	return c.Status
}

func nohup(c *prog.Ctx) int {
	c.UsageStatus = 125
	if c.GNU() {
		for range c.Getopt("+", nil) {
		}
		if len(c.Args) == 0 {
			missingOperand(c)
		}
	} else {
		c.UsageStatus = 127
		for range c.Getopt("+", nil) {
		}
		if len(c.Args) == 0 {
			c.Usage()
		}
	}
	inTTY, outTTY, errTTY := c.Isatty(0), c.Isatty(1), c.Isatty(2)
	if inTTY {
		if fd, err := c.Open("/dev/null", linux.O_WRONLY, 0); err == nil {
			c.Dup2(fd, 0)
			if fd != 0 {
				c.Close(fd)
			}
		}
		if !outTTY && !errTTY && c.GNU() {
			c.Warn("ignoring input")
		}
	}
	if outTTY {
		name := "nohup.out"
		f, err := c.OpenFile(name, linux.O_CREAT|linux.O_WRONLY|linux.O_APPEND, 0o600)
		if err != nil {
			if home := c.Getenv("HOME"); home != "" {
				name = prog.JoinPath(home, "nohup.out")
				f, err = c.OpenFile(name, linux.O_CREAT|linux.O_WRONLY|linux.O_APPEND, 0o600)
			}
			if err != nil {
				c.Die(125, "failed to open %s: %v", c.QuoteFile(name), err)
			}
		}
		c.Out.Flush()
		c.Dup2(f.Fd, 1)
		f.Close()
		if c.GNU() {
			word := ""
			if inTTY {
				word = "ignoring input and "
			}
			c.Warn("%sappending output to %s", word, c.QuoteFile(name))
		} else {
			c.Warn("appending output to %s", name)
		}
	}
	if errTTY {
		if inTTY && !outTTY && c.GNU() {
			c.Warn("ignoring input and redirecting stderr to stdout")
		} else if !outTTY && c.GNU() {
			c.Warn("redirecting stderr to stdout")
		}
		c.Dup2(1, 2)
	}
	c.Signal(linux.SIGHUP, kernel.Ignore)
	return prog.ExecFailed(c, c.Args[0], c.Execvp(c.Args, c.Env()))
}

// duration reads "5", "0.5", "2m", "1h", "3d", "infinity".
func duration(s string) (time.Duration, bool) {
	unit := 1.0
	t := s
	if s != "" {
		switch s[len(s)-1] {
		case 's':
			t = s[:len(s)-1]
		case 'm':
			unit, t = 60, s[:len(s)-1]
		case 'h':
			unit, t = 3600, s[:len(s)-1]
		case 'd':
			if !strings.HasPrefix(s, "0x") {
				unit, t = 86400, s[:len(s)-1]
			}
		}
	}
	v, err := strconv.ParseFloat(t, 64)
	if err != nil || v < 0 || math.IsNaN(v) || strings.Contains(t, "_") {
		return 0, false
	}
	if v *= unit * 1e9; v > math.MaxInt64/2 {
		return math.MaxInt64 / 2, true
	}
	return time.Duration(math.Ceil(v)), true
}

func sleep(c *prog.Ctx) int {
	if c.GNU() {
		for range c.Getopt("", nil) {
		}
	}
	if len(c.Args) == 0 {
		missingOperand(c)
	}
	var total time.Duration
	bad := false
	for _, a := range c.Args {
		d, ok := duration(a)
		if !ok {
			if !c.GNU() {
				c.Die(1, "invalid number '%s'", a)
			}
			c.Fail("invalid time interval %s", c.Quote(a))
			bad = true
		}
		if total += d; total < 0 {
			total = math.MaxInt64 / 2
		}
	}
	if bad {
		c.Usage()
	}
	pause(c, total)
	return 0
}

// pause sleeps for all of d, whatever signals come that are caught.
func pause(c *prog.Ctx, d time.Duration) {
	end := c.Now().Add(d)
	for left := d; left > 0; left = end.Sub(c.Now()) {
		if c.Sleep(left) == nil {
			return
		}
		c.TakeSignal()
	}
}

func usleep(c *prog.Ctx) int {
	if len(c.Args) != 1 {
		c.Usage()
	}
	n, err := strconv.ParseUint(c.Args[0], 10, 32)
	if err != nil {
		c.Die(1, "invalid number '%s'", c.Args[0])
	}
	pause(c, time.Duration(n)*time.Microsecond)
	return 0
}

const (
	timeoutForeground = prog.LongOnly + iota
	timeoutPreserve
)

func timeout(c *prog.Ctx) int {
	c.UsageStatus = 125
	foreground, preserve, verbose := false, false, false
	killAfter := time.Duration(-1)
	sig := linux.SIGTERM
	short, long := "+k:s:v", []prog.Long{
		{Name: "kill-after", Arg: prog.ReqArg, Val: 'k'}, {Name: "signal", Arg: prog.ReqArg, Val: 's'}, {Name: "verbose", Val: 'v'},
		{Name: "foreground", Val: timeoutForeground}, {Name: "preserve-status", Val: timeoutPreserve},
	}
	if !c.GNU() {
		c.UsageStatus = 1
		short, long = "+s:k:", nil
	}
	interval := func(s string) time.Duration {
		d, ok := duration(s)
		if !ok {
			if c.GNU() {
				c.Fail("invalid time interval %s", c.Quote(s))
				c.Usage()
			}
			c.Die(1, "invalid number '%s'", s)
		}
		return d
	}
	for o := range c.Getopt(short, long) {
		switch o.Val {
		case 'k':
			killAfter = interval(o.Arg)
		case 's':
			s, ok := linux.ParseSignal(o.Arg)
			if !ok {
				if c.GNU() {
					c.Fail("%s: invalid signal", c.Quote(o.Arg))
					c.Usage()
				}
				c.Die(1, "unknown signal '%s'", o.Arg)
			}
			sig = s
		case 'v':
			verbose = true
		case timeoutForeground:
			foreground = true
		case timeoutPreserve:
			preserve = true
		}
	}
	if len(c.Args) < 2 {
		c.Usage()
	}
	limit := interval(c.Args[0])
	argv := c.Args[1:]
	if !c.GNU() {
		return timeoutBy(c, argv, limit, killAfter, sig)
	}
	if !foreground {
		c.Setpgid(0, 0)
	}
	c.Signal(linux.SIGTERM, kernel.Catch)
	c.Signal(linux.SIGINT, kernel.Catch)
	c.Signal(linux.SIGHUP, kernel.Catch)
	c.Signal(linux.SIGQUIT, kernel.Catch)
	c.Signal(linux.SIGCHLD, kernel.Catch)
	c.Signal(linux.SIGTTIN, kernel.Ignore)
	c.Signal(linux.SIGTTOU, kernel.Ignore)
	reset := []linux.Signal{linux.SIGTERM, linux.SIGINT, linux.SIGHUP, linux.SIGQUIT, linux.SIGCHLD, linux.SIGTTIN, linux.SIGTTOU}
	pid, err := c.Start(argv, nil, &kernel.SpawnOpts{Default: reset})
	if err != nil {
		return prog.ExecFailed(c, argv[0], err)
	}
	timedOut := false
	send := func(s linux.Signal) {
		c.Kill(pid, s)
		if !foreground {
			// The group hears it too; timeout itself does not end by it.
			old := c.Signal(s, kernel.Ignore)
			c.Kill(0, s)
			if s != linux.SIGKILL && s != linux.SIGCONT && s != linux.SIGSTOP {
				c.Kill(pid, linux.SIGCONT)
				c.Kill(0, linux.SIGCONT)
			}
			if s != linux.SIGKILL && s != linux.SIGSTOP {
				c.Signal(s, old)
			}
		}
	}
	deadline := c.Now().Add(limit)
	forever := limit == 0
	for {
		got, st, err := c.Wait(pid, kernel.WNOHANG)
		if err == nil && got == pid {
			switch {
			case timedOut && !preserve:
				if st.Signal == linux.SIGKILL {
					return 128 + int(linux.SIGKILL)
				}
				return 124
			case st.Signal != 0 && !timedOut:
				// End as the command did, so that a shell says so.
				c.Out.Flush()
				c.Signal(st.Signal, kernel.Default)
				c.Kill(c.Pid(), st.Signal)
				return 128 + int(st.Signal)
			case st.Signal != 0:
				return 128 + int(st.Signal)
			}
			return st.Code
		}
		left := deadline.Sub(c.Now())
		if forever {
			left = math.MaxInt64 / 2
		}
		if left > 0 {
			c.Sleep(left) // SIGCHLD ends it
			for {
				s, ok := c.TakeSignal()
				if !ok {
					break
				}
				if s != linux.SIGCHLD {
					if killAfter >= 0 {
						deadline, forever = c.Now().Add(killAfter), false
					}
					send(s)
				}
			}
			continue
		}
		if timedOut {
			sig = linux.SIGKILL
		}
		if verbose {
			c.Warn("sending signal %s to command %s", sig.Name(), c.Quote(argv[0]))
		}
		send(sig)
		timedOut = true
		if killAfter >= 0 && sig != linux.SIGKILL {
			deadline = c.Now().Add(killAfter)
			killAfter = -1
		} else {
			forever = true
		}
	}
}

// timeoutBy is timeout as Busybox has it: the program takes the place of timeout itself, and a
// grandchild watches it, which wakes every second to see whether it is still there. So the first process
// of a container, which signals do not end, is not ended by it either.
func timeoutBy(c *prog.Ctx, argv []string, limit, killAfter time.Duration, sig linux.Signal) int {
	target := c.Pid()
	wait := func(p *kernel.Proc, d time.Duration) (there bool) {
		for p.Sleep(time.Millisecond); d > 0; d -= time.Second { // the program begins before its time is up
			p.Sleep(min(d, time.Second))
			if p.Kill(target, 0) != nil {
				return false
			}
		}
		return true
	}
	watch := func(p *kernel.Proc) int {
		if !wait(p, limit) {
			return 0
		}
		p.Kill(target, sig)
		if killAfter >= 0 && wait(p, killAfter) {
			p.Kill(target, linux.SIGKILL)
		}
		return 0
	}
	child, err := c.Fork(func(p *kernel.Proc) int {
		p.Setsid()
		if _, err := p.Fork(watch); err != nil {
			return 1
		}
		return 0
	})
	if err != nil {
		c.Die(1, "vfork: %v", err)
	}
	c.Wait(child, 0)
	return execFailedShort(c, argv[0], c.Execvp(argv, c.Env()))
}

func setsid(c *prog.Ctx) int {
	fork, wait, ctty := false, false, false
	short, long := "+cfw", []prog.Long{{Name: "ctty", Val: 'c'}, {Name: "fork", Val: 'f'}, {Name: "wait", Val: 'w'}}
	if !c.GNU() {
		short, long = "+c", nil
	}
	for o := range c.GetoptUtil(short, long) {
		switch o.Val {
		case 'c':
			ctty = true
		case 'f':
			fork = true
		case 'w':
			wait = true
		}
	}
	if len(c.Args) == 0 {
		if c.GNU() {
			c.Fail("no command specified")
		}
		c.Usage()
	}
	if fork || c.Pgid() == c.Pid() {
		argv, envv := c.Args, c.Env()
		c.Out.Flush()
		pid, err := c.Fork(func(p *kernel.Proc) int {
			p.Setsid()
			child := *c
			child.Proc = p
			if ctty && c.GNU() && !p.Isatty(0) {
				child.Die(1, "failed to set the controlling terminal: %v", linux.ENOTTY)
			}
			return execFailedShort(&child, argv[0], child.Execvp(argv, envv))
		})
		if err != nil {
			c.Die(1, "fork: %v", err)
		}
		if !wait || !c.GNU() {
			return 0
		}
		_, st, _ := c.Wait(pid, 0)
		return st.ExitCode()
	}
	if _, err := c.Setsid(); err != nil {
		c.Die(1, "setsid failed: %v", err)
	}
	if ctty && c.GNU() && !c.Isatty(0) {
		c.Die(1, "failed to set the controlling terminal: %v", linux.ENOTTY)
	}
	err := c.Execvp(c.Args, c.Env())
	if c.GNU() {
		c.Warn("failed to execute %s: %v", c.Args[0], err)
		if err == linux.ENOENT {
			return 127
		}
		return 126
	}
	return execFailedShort(c, c.Args[0], err)
}

func flock(c *prog.Ctx) int {
	const (
		lockShared    = 1
		lockExclusive = 2
		lockNonblock  = 4
		lockUnlock    = 8
	)
	how, nonblock, closeFd, command := lockExclusive, false, false, ""
	conflict, verbose := 1, false
	wait := time.Duration(-1)
	short, long := "+sexnoc:uE:Fw:", []prog.Long{
		{Name: "shared", Val: 's'}, {Name: "exclusive", Val: 'x'}, {Name: "unlock", Val: 'u'}, {Name: "nonblocking", Val: 'n'}, {Name: "nb", Val: 'n'},
		{Name: "timeout", Arg: prog.ReqArg, Val: 'w'}, {Name: "wait", Arg: prog.ReqArg, Val: 'w'}, {Name: "conflict-exit-code", Arg: prog.ReqArg, Val: 'E'},
		{Name: "close", Val: 'o'}, {Name: "no-fork", Val: 'F'}, {Name: "command", Arg: prog.ReqArg, Val: 'c'}, {Name: "verbose", Val: prog.LongOnly},
	}
	if !c.GNU() {
		short, long = "+sxnu", []prog.Long{{Name: "shared", Val: 's'}, {Name: "exclusive", Val: 'x'}, {Name: "unlock", Val: 'u'}, {Name: "nonblock", Val: 'n'}}
	}
	c.UsageStatus = 64
	if !c.GNU() {
		c.UsageStatus = 1
	}
	for o := range c.GetoptUtil(short, long) {
		switch o.Val {
		case 's':
			how = lockShared
		case 'x', 'e':
			how = lockExclusive
		case 'u':
			how = lockUnlock
		case 'n':
			nonblock = true
		case 'o':
			closeFd = true
		case 'F':
		case 'c':
			command = o.Arg
		case 'E':
			conflict, _ = strconv.Atoi(o.Arg)
		case 'w':
			d, ok := duration(o.Arg)
			if !ok {
				c.Die(64, "invalid timeout value: '%s'", o.Arg)
			}
			wait = d
		case prog.LongOnly:
			verbose = true
		}
	}
	args := c.Args
	if len(args) == 0 {
		if c.GNU() {
			c.Fail("not enough arguments")
		}
		c.Usage()
	}
	var fd int
	var argv []string
	if n, err := strconv.Atoi(args[0]); err == nil && len(args) == 1 && command == "" {
		fd = n
	} else {
		var err error
		if fd, err = c.Open(args[0], linux.O_RDONLY|linux.O_CREAT|linux.O_NOCTTY, 0o666); err == linux.EISDIR {
			fd, err = c.Open(args[0], linux.O_RDONLY|linux.O_NOCTTY, 0)
		}
		if err != nil {
			c.Die(66, "cannot open lock file %s: %v", args[0], err)
		}
		argv = args[1:]
		if len(argv) == 2 && (argv[0] == "-c" || argv[0] == "--command") {
			command, argv = argv[1], nil
		}
		if command != "" {
			argv = []string{"/bin/sh", "-c", command}
		}
		if len(argv) == 0 {
			c.Fail("bad file descriptor: '%s'", args[0])
			return 65
		}
	}
	begin := c.Now()
	for {
		flags := how
		if nonblock || wait >= 0 {
			flags |= lockNonblock
		}
		err := c.Flock(fd, flags)
		if err == nil {
			break
		}
		if err == linux.EINTR {
			continue
		}
		if err == linux.EAGAIN {
			if wait > 0 && c.Now().Sub(begin) < wait {
				c.Sleep(min(100*time.Millisecond, wait))
				continue
			}
			if verbose {
				c.Warn("failed to get lock")
			}
			return conflict
		}
		c.Die(65, "%s: %v", args[0], err)
	}
	if argv == nil {
		return 0
	}
	if closeFd {
		c.Cloexec(fd, true)
	}
	st, err := c.Command(argv, nil, nil)
	if err != nil {
		if c.GNU() {
			c.Warn("failed to execute %s: %v", argv[0], err)
			if err == linux.ENOENT {
				return 69
			}
			return 126
		}
		return execFailedShort(c, argv[0], err)
	}
	return st.ExitCode()
}

func watch(c *prog.Ctx) int {
	interval := 2 * time.Second
	title, errExit, chgExit, beep, useExec := true, false, false, false, false
	short, long := "+bced::ghn:pqtwvCx", []prog.Long{
		{Name: "color", Val: 'c'}, {Name: "differences", Arg: prog.OptArg, Val: 'd'}, {Name: "errexit", Val: 'e'}, {Name: "chgexit", Val: 'g'}, {Name: "interval", Arg: prog.ReqArg, Val: 'n'},
		{Name: "beep", Val: 'b'}, {Name: "no-title", Val: 't'}, {Name: "exec", Val: 'x'}, {Name: "precise", Val: 'p'}, {Name: "no-wrap", Val: 'w'}, {Name: "equexit", Arg: prog.ReqArg, Val: 'q'},
	}
	if !c.GNU() {
		short, long = "+dn:t", nil
	}
	for o := range c.Getopt(short, long) {
		switch o.Val {
		case 'n':
			d, ok := duration(o.Arg)
			if !ok {
				c.Die(1, "failed to parse argument: '%s': %v", o.Arg, linux.EINVAL)
			}
			interval = max(d, 100*time.Millisecond)
		case 't':
			title = false
		case 'e':
			errExit = true
		case 'g':
			chgExit = true
		case 'b':
			beep = true
		case 'x':
			useExec = true
		case 'h':
			c.Help()
		case 'v':
			c.Version()
		}
	}
	if len(c.Args) == 0 {
		c.Usage()
	}
	if c.GNU() && !c.Isatty(1) {
		// curses cannot begin
		c.Errorf("Error opening terminal: %s.\n", orUnknown(c.Getenv("TERM")))
		return 1
	}
	line := strings.Join(c.Args, " ")
	argv := []string{"sh", "-c", line}
	if useExec {
		argv = c.Args
	}
	last := ""
	c.Signal(linux.SIGINT, kernel.Catch)
	c.Signal(linux.SIGTERM, kernel.Catch)
	for first := true; ; first = false {
		out, st := output(c, argv)
		c.Print("\x1b[H\x1b[J")
		rows, cols, err := c.Winsize(1)
		if err != nil || rows < 3 {
			rows, cols = 24, 80
		}
		if title {
			left := fmt.Sprintf("Every %.1fs: %s", interval.Seconds(), line)
			right := c.Uname().Nodename + ": " + c.Now().In(c.Zone()).Format("Mon Jan _2 15:04:05 2006")
			if !c.GNU() {
				left = fmt.Sprintf("Every %.1fs: %s", interval.Seconds(), line)
				right = c.Now().In(c.Zone()).Format("2006-01-02 15:04:05")
			}
			pad := max(1, cols-len(left)-len(right))
			c.Print(left, strings.Repeat(" ", pad), right, "\r\n\r\n")
			rows -= 2
		}
		lines := strings.SplitAfter(out, "\n")
		if len(lines) > rows {
			lines = lines[:rows]
		}
		c.Print(strings.Join(lines, ""))
		c.Out.Flush()
		if st.ExitCode() != 0 {
			if beep {
				c.Print("\a")
			}
			if errExit {
				return st.ExitCode()
			}
		}
		if chgExit && !first && out != last {
			return 0
		}
		last = out
		if c.Sleep(interval) != nil {
			if sig, ok := c.TakeSignal(); ok {
				return 128 + int(sig)
			}
		}
	}
}

// maxOutput bounds what output keeps, in bytes.
const maxOutput = 1 << 20

// output runs a command and gives what it wrote to standard output and error.
func output(c *prog.Ctx, argv []string) (string, kernel.Status) {
	r, w, err := c.Pipe()
	if err != nil {
		c.Die(1, "pipe: %v", err)
	}
	c.Cloexec(r, true)
	pid, err := c.Start(argv, nil, &kernel.SpawnOpts{Files: map[int]int{0: 0, 1: w, 2: w}})
	c.Close(w)
	defer c.Close(r)
	if err != nil {
		return argv[0] + ": " + err.Error() + "\n", kernel.Status{Code: 127}
	}
	var b strings.Builder
	buf := make([]byte, 4096)
	for {
		n, err := c.Proc.Read(r, buf)
		if n == 0 && err != linux.EINTR {
			break
		}
		if b.Len() < maxOutput {
			b.Write(buf[:n])
		}
	}
	_, st, _ := c.Wait(pid, 0)
	return b.String(), st
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}

func runParts(c *prog.Ctx) int {
	const (
		rpTest = prog.LongOnly + iota
		rpList
		rpRegex
		rpReport
		rpReverse
		rpExitOnError
		rpNewSession
		rpLSB
		rpNames
	)
	var args []string
	var names *posixre.Regexp
	if c.GNU() {
		c.OnUsage = func() { c.Errorf("Try `%s --help' for more information.\n", c.Name) }
	}
	testOnly, list, verbose, reverse, stop, lsb := false, false, false, false, false, false
	mask := linux.Mode(0o022)
	for o := range c.Getopt("va:u:", []prog.Long{
		{Name: "test", Val: rpTest}, {Name: "list", Val: rpList}, {Name: "verbose", Val: 'v'}, {Name: "report", Val: rpReport}, {Name: "reverse", Val: rpReverse}, {Name: "umask", Arg: prog.ReqArg, Val: 'u'},
		{Name: "arg", Arg: prog.ReqArg, Val: 'a'}, {Name: "lsbsysinit", Val: rpLSB}, {Name: "exit-on-error", Val: rpExitOnError}, {Name: "new-session", Val: rpNewSession}, {Name: "regex", Arg: prog.ReqArg, Val: rpNames},
	}) {
		switch o.Val {
		case rpTest:
			testOnly = true
		case rpList:
			list = true
		case rpReport: // names come before their output in any case
		case rpReverse:
			reverse = true
		case rpExitOnError:
			stop = true
		case rpNames:
			re, err := posixre.Compile(o.Arg, posixre.Extended)
			if err != nil {
				c.Die(1, "failed to compile regular expression")
			}
			names = re
		case rpLSB:
			lsb = true
		case 'v':
			verbose = true
		case 'a':
			args = append(args, o.Arg)
		case 'u':
			if n, err := strconv.ParseUint(o.Arg, 8, 32); err == nil {
				mask = linux.Mode(n)
			}
		}
	}
	if len(c.Args) != 1 {
		if c.GNU() {
			c.Fail("missing operand")
		}
		c.Usage()
	}
	dir := c.Args[0]
	ents, err := c.ReadDir(dir)
	if err != nil {
		if c.GNU() {
			c.Die(1, "failed to open directory %s: %v", dir, err)
		}
		c.Die(1, "%s: %v", dir, err)
	}
	if reverse {
		slices.Reverse(ents)
	}
	c.Umask(mask)
	for _, e := range ents {
		if names != nil && names.Match([]byte(e.Name), 0, 0, 0, c.Step) == nil || names == nil && !partName(e.Name, lsb) {
			continue
		}
		path := prog.JoinPath(dir, e.Name)
		st, err := c.Stat(path)
		if err != nil || !st.Mode.IsRegular() {
			continue
		}
		if list {
			c.Print(path, "\n")
			continue
		}
		if c.Access(path, linux.X_OK) != nil {
			continue
		}
		if testOnly {
			c.Print(path, "\n")
			continue
		}
		if verbose {
			c.Errorf("run-parts: executing %s\n", path)
		}
		st2, err := c.Command(append([]string{path}, args...), nil, nil)
		switch {
		case err != nil:
			c.Fail("failed to exec %s: %v", path, err)
			if !c.GNU() {
				c.Status = 1
			}
		case st2.Signal != 0:
			c.Fail("%s exited because of uncaught signal %d", path, st2.Signal)
		case st2.Code != 0:
			if c.GNU() {
				c.Fail("%s exited with return code %d", path, st2.Code)
			} else {
				c.Fail("%s: exit status %d", path, st2.Code)
			}
		}
		if stop && c.Status != 0 {
			return c.Status
		}
	}
	return c.Status
}

func partName(name string, lsb bool) bool {
	if name == "" {
		return false
	}
	for i := range len(name) {
		ch := name[i]
		if !(ch == '-' || ch == '_' || ch >= '0' && ch <= '9' || ch|0x20 >= 'a' && ch|0x20 <= 'z' || lsb && ch == '.') {
			return false
		}
	}
	return true
}

func nsenter(c *prog.Ctx) int { return noNamespaces(c) }
func unshare(c *prog.Ctx) int { return noNamespaces(c) }

// noNamespaces refuses as the kernel does where CAP_SYS_ADMIN is missing, which is so in every
// container that is not privileged.
func noNamespaces(c *prog.Ctx) int {
	if c.GNU() && len(c.Args) > 0 && (c.Args[0] == "--help" || c.Args[0] == "-h") {
		c.Help()
	}
	if c.GNU() && len(c.Args) > 0 && (c.Args[0] == "--version" || c.Args[0] == "-V") {
		c.Version()
	}
	if c.Program == "unshare" {
		if c.GNU() {
			c.Die(1, "unshare failed: %v", linux.EPERM)
		}
		c.Die(1, "unshare(0x0): %v", linux.EPERM)
	}
	if len(c.Args) == 0 {
		sh := c.Getenv("SHELL")
		if sh == "" {
			sh = "/bin/sh"
		}
		return execFailedShort(c, sh, c.Execvp([]string{sh}, c.Env()))
	}
	if c.GNU() {
		for _, a := range c.Args {
			kind := map[string]string{"-m": "mnt", "--mount": "mnt", "-u": "uts", "--uts": "uts", "-i": "ipc", "--ipc": "ipc", "-n": "net", "--net": "net", "-p": "pid", "--pid": "pid", "-U": "user", "--user": "user", "-C": "cgroup", "--cgroup": "cgroup"}[a]
			if kind != "" {
				c.Die(1, "reassociate to namespace 'ns/%s' failed: %v", kind, linux.EPERM)
			}
		}
		c.Die(1, "reassociate to namespaces failed: %v", linux.EPERM)
	}
	c.Die(1, "setns(): %v", linux.EPERM)
	return 1
}

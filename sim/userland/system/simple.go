package system

import (
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
	"github.com/dockerlab/dockerlab/sim/userland/userdb"
)

func truth(c *prog.Ctx) int {
	soleOption(c)
	return 0
}

func falsehood(c *prog.Ctx) int {
	if c.GNU() && len(c.Args) == 1 && (c.Args[0] == "--help" || c.Args[0] == "--version") {
		soleOption(c)
	}
	return 1
}

// soleOption answers --help and --version where they stand alone, as true and false do.
func soleOption(c *prog.Ctx) {
	if !c.GNU() || len(c.Args) != 1 {
		return
	}
	switch c.Args[0] {
	case "--help":
		c.Help()
	case "--version":
		c.Version()
	}
}

func yes(c *prog.Ctx) int {
	if c.GNU() {
		for range c.Getopt("+", nil) {
		}
	}
	line := "y\n"
	if len(c.Args) > 0 {
		line = strings.Join(c.Args, " ") + "\n"
	}
	// Whole buffers, as the real one writes.
	chunk := strings.Repeat(line, max(1, 8192/len(line)))
	if !c.GNU() {
		chunk = strings.Repeat(line, max(1, 4096/len(line)))
	}
	for {
		if _, err := c.Proc.Write(1, []byte(chunk)); err != nil {
			c.Fail("standard output: %v", err)
			return 1
		}
	}
}

func arch(c *prog.Ctx) int {
	if c.GNU() {
		for range c.Getopt("", nil) {
		}
		c.AtMost(0)
	}
	c.Print(c.Uname().Machine, "\n")
	return 0
}

func uname(c *prog.Ctx) int {
	const (
		kernelName = 1 << iota
		nodeName
		release
		version
		machine
		processor
		platform
		system
	)
	what := 0
	long := []prog.Long{
		{Name: "all", Val: 'a'}, {Name: "kernel-name", Val: 's'}, {Name: "sysname", Val: 's'}, {Name: "nodename", Val: 'n'}, {Name: "kernel-release", Val: 'r'},
		{Name: "release", Val: 'r'}, {Name: "kernel-version", Val: 'v'}, {Name: "machine", Val: 'm'}, {Name: "processor", Val: 'p'},
		{Name: "hardware-platform", Val: 'i'}, {Name: "operating-system", Val: 'o'},
	}
	for o := range c.Getopt("asnrvmpio", long) {
		switch o.Val {
		case 'a':
			what |= 0xff
		case 's':
			what |= kernelName
		case 'n':
			what |= nodeName
		case 'r':
			what |= release
		case 'v':
			what |= version
		case 'm':
			what |= machine
		case 'p':
			what |= processor
		case 'i':
			what |= platform
		case 'o':
			what |= system
		}
	}
	c.AtMost(0)
	all := what == 0xff
	if what == 0 {
		what = kernelName
	}
	u := c.Uname()
	var out []string
	for _, f := range []struct {
		bit  int
		text string
	}{{kernelName, u.Sysname}, {nodeName, u.Nodename}, {release, u.Release}, {version, u.Version}, {machine, u.Machine}, {processor, "unknown"}, {platform, "unknown"}, {system, "GNU/Linux"}} {
		if what&f.bit == 0 || all && f.text == "unknown" {
			continue
		}
		out = append(out, f.text)
	}
	c.Print(strings.Join(out, " "), "\n")
	return 0
}

const (
	nprocAll = prog.LongOnly + iota
	nprocIgnore
)

func nproc(c *prog.Ctx) int {
	ignore, all := 0, false
	for o := range c.Getopt("", []prog.Long{{Name: "all", Val: nprocAll}, {Name: "ignore", Arg: prog.ReqArg, Val: nprocIgnore}}) {
		switch o.Val {
		case nprocAll:
			all = true
		case nprocIgnore:
			n, err := strconv.Atoi(strings.TrimSpace(o.Arg))
			if err != nil || n < 0 {
				if c.GNU() {
					c.Die(1, "invalid number: %s", c.Quote(o.Arg))
				}
				c.Die(1, "invalid number '%s'", o.Arg)
			}
			ignore = n
		}
	}
	if c.GNU() {
		c.AtMost(0)
	}
	n := cpus(c)
	if !all {
		n = min(n, c.CPUs())
	}
	if v, err := strconv.Atoi(c.Getenv("OMP_NUM_THREADS")); err == nil && v > 0 && c.GNU() {
		n = v
	}
	c.Print(strconv.Itoa(max(1, n-ignore)), "\n")
	return 0
}

// cpus is how many processors /proc/cpuinfo lists.
func cpus(c *prog.Ctx) int {
	b, err := c.ReadFile("/proc/cpuinfo")
	if err != nil {
		return 1
	}
	return max(1, strings.Count("\n"+string(b), "\nprocessor"))
}

func hostid(c *prog.Ctx) int {
	if c.GNU() {
		for range c.Getopt("", nil) {
		}
		c.AtMost(0)
	}
	c.Print("007f0101\n") // of 127.0.1.1, as without /etc/hostid
	return 0
}

func logname(c *prog.Ctx) int {
	if c.GNU() { // Busybox's takes an option for an operand
		for range c.Getopt("", nil) {
		}
	}
	c.AtMost(0)
	// There is no utmp in the lab: nobody has logged in.
	if c.GNU() {
		c.Die(1, "no login name")
	}
	c.Die(1, "getlogin: %v", linux.ENXIO)
	return 1
}

func tty(c *prog.Ctx) int {
	silent := false
	c.UsageStatus, c.WriteStatus = 2, 3
	long := []prog.Long{{Name: "silent", Val: 's'}, {Name: "quiet", Val: 's'}}
	if !c.GNU() {
		long = nil
	}
	for o := range c.Getopt("s", long) {
		if o.Val == 's' {
			silent = true
		}
	}
	c.AtMost(0)
	name := c.Ttyname(0)
	if name == "" {
		if !silent {
			c.Print("not a tty\n")
		}
		return 1
	}
	if !silent {
		c.Print(name, "\n")
	}
	return 0
}

func whoami(c *prog.Ctx) int {
	if c.GNU() { // Busybox's takes an option for an operand
		for range c.Getopt("", nil) {
		}
	}
	c.AtMost(0)
	uid := c.Cred().UID
	u, ok := userdb.Load(c).UID(uid)
	switch {
	case ok:
		c.Print(u.Name, "\n")
	case c.GNU():
		c.Die(1, "cannot find name for user ID %d", uid)
	default:
		c.Die(1, "unknown uid %d", uid)
	}
	return 0
}

func groups(c *prog.Ctx) int {
	for range c.Getopt("", nil) {
	}
	db := userdb.Load(c)
	show := func(gids []uint32) {
		for i, g := range gids {
			if i > 0 {
				c.Print(" ")
			}
			if _, ok := db.GID(g); !ok && c.GNU() {
				c.Fail("cannot find name for group ID %d", g)
			}
			c.Print(db.GroupName(g))
		}
		c.Print("\n")
	}
	if len(c.Args) == 0 {
		show(ownGroups(c))
		return c.Status
	}
	for _, name := range c.Args {
		u, ok := db.User(name)
		if !ok {
			if c.GNU() {
				c.Fail("%s: no such user", c.Quote(name))
				continue
			}
			c.Die(1, "unknown user %s", name)
		}
		if c.GNU() {
			c.Print(name, " : ")
		}
		show(db.GroupList(u.Name, u.GID))
	}
	return c.Status
}

// ownGroups are the process's real, effective and supplementary groups, each once.
func ownGroups(c *prog.Ctx) []uint32 {
	cred := c.Cred()
	list := []uint32{cred.RGID}
	for _, g := range append([]uint32{cred.GID}, cred.Groups...) {
		if !slices.Contains(list, g) {
			list = append(list, g)
		}
	}
	return list
}

func id(c *prog.Ctx) int {
	var user, group, all, name, realID, zero bool
	long := []prog.Long{
		{Name: "context", Val: 'Z'}, {Name: "group", Val: 'g'}, {Name: "groups", Val: 'G'}, {Name: "name", Val: 'n'}, {Name: "real", Val: 'r'}, {Name: "user", Val: 'u'}, {Name: "zero", Val: 'z'},
	}
	short := "agnruzGZ"
	if !c.GNU() {
		short, long = "ungrG", nil
	}
	context := false
	for o := range c.Getopt(short, long) {
		switch o.Val {
		case 'g':
			group = true
		case 'G':
			all = true
		case 'n':
			name = true
		case 'r':
			realID = true
		case 'u':
			user = true
		case 'z':
			zero = true
		case 'Z':
			context = true
		}
	}
	if context {
		c.Die(1, "--context (-Z) works only on an SELinux-enabled kernel")
	}
	n := 0
	for _, b := range []bool{user, group, all} {
		if b {
			n++
		}
	}
	if n > 1 {
		if c.GNU() {
			c.Die(1, "cannot print \"only\" of more than one choice")
		}
		c.Usage()
	}
	if n == 0 && (name || realID) && c.GNU() {
		c.Die(1, "cannot print only names or real IDs in default format")
	}
	if n == 0 && zero {
		c.Die(1, "option --zero not permitted in default format")
	}
	if n == 0 && (name || realID) {
		c.Usage()
	}
	db := userdb.Load(c)
	cred := c.Cred()
	show := func(ruid, euid, rgid, egid uint32, gids []uint32) {
		uid, gid := euid, egid
		if realID {
			uid, gid = ruid, rgid
		}
		sep, end := " ", "\n"
		if zero {
			sep, end = "\x00", "\x00"
		}
		// text is an ID as its name, where names are asked for.
		text := func(id uint32, known bool, named, kind string) string {
			number := strconv.FormatUint(uint64(id), 10)
			switch {
			case !name:
				return number
			case !known && c.GNU():
				c.Fail("cannot find name for %s ID %d", kind, id)
			case !known:
				// Busybox shows the number, and flushes it before the complaint
				c.Print(number)
				c.Out.Flush()
				c.Fail("unknown ID %d", id)
				return ""
			}
			return named
		}
		userText := func(id uint32) string {
			_, known := db.UID(id)
			return text(id, known, db.UserName(id), "user")
		}
		groupText := func(id uint32) string {
			_, known := db.GID(id)
			return text(id, known, db.GroupName(id), "group")
		}
		switch {
		case user:
			c.Print(userText(uid), end)
		case group:
			c.Print(groupText(gid), end)
		case all:
			for i, g := range gids {
				if i > 0 {
					c.Print(sep)
				}
				c.Print(groupText(g))
			}
			c.Print(end)
		default:
			c.Print("uid=", named(ruid, db.UserName(ruid)), " gid=", named(rgid, db.GroupName(rgid)))
			if euid != ruid {
				c.Print(" euid=", named(euid, db.UserName(euid)))
			}
			if egid != rgid {
				c.Print(" egid=", named(egid, db.GroupName(egid)))
			}
			for i, g := range gids {
				if i == 0 {
					c.Print(" groups=")
				} else {
					c.Print(",")
				}
				c.Print(named(g, db.GroupName(g)))
			}
			c.Print("\n")
		}
	}
	if len(c.Args) == 0 {
		gids := ownGroups(c)
		if !user && !group && !all {
			// The default format lists what the kernel has, in its order.
			gids = cred.Groups
			if len(gids) == 0 {
				gids = []uint32{cred.GID}
			}
			if !slices.Contains(gids, cred.RGID) && c.GNU() {
				gids = append([]uint32{cred.RGID}, gids...)
			}
			if !c.GNU() && !slices.Contains(gids, cred.GID) {
				gids = append([]uint32{cred.GID}, gids...)
			}
		}
		show(cred.RUID, cred.UID, cred.RGID, cred.GID, gids)
		return c.Status
	}
	if len(c.Args) > 1 && !c.GNU() {
		c.Usage()
	}
	for _, who := range c.Args {
		u, ok := db.User(who)
		if !ok && c.GNU() {
			if n, err := strconv.ParseUint(strings.TrimPrefix(who, "+"), 10, 32); err == nil {
				u, ok = db.UID(uint32(n))
			}
		}
		if !ok {
			if c.GNU() {
				c.Fail("%s: no such user", c.Quote(who))
				continue
			}
			c.Die(1, "unknown user %s", who)
		}
		show(u.UID, u.UID, u.GID, u.GID, db.GroupList(u.Name, u.GID))
	}
	return c.Status
}

func named(id uint32, name string) string {
	s := strconv.FormatUint(uint64(id), 10)
	if name == s {
		return s
	}
	return s + "(" + name + ")"
}

func clearScreen(c *prog.Ctx) int {
	if c.GNU() && c.Program == "clear" {
		keep := false
		for o := range c.GetoptOnly("T:Vx", nil) {
			keep = keep || o.Val == 'x'
		}
		if c.Getenv("TERM") == "" {
			c.Errorf("TERM environment variable not set.\n")
			return 1
		}
		c.Print("\x1b[H\x1b[2J")
		if !keep {
			c.Print("\x1b[3J")
		}
		return 0
	}
	if c.Program == "reset" {
		if c.Isatty(0) {
			if t, err := c.Tcgetattr(0); err == nil {
				t.Echo, t.Canon, t.Isig, t.Icrnl, t.Onlcr, t.Opost, t.Ixon = true, true, true, true, true, true, true
				c.Tcsetattr(0, t)
			}
			c.Print("\x1bc\x1b(B\x1b[m\x1b[J\x1b[?25h")
		}
		return 0
	}
	c.Print("\x1b[H\x1b[J")
	return 0
}

func printenv(c *prog.Ctx) int {
	c.UsageStatus, c.WriteStatus = 2, 2
	end := "\n"
	if c.GNU() {
		for o := range c.Getopt("+iu:0", []prog.Long{{Name: "null", Val: '0'}}) {
			if o.Val == '0' {
				end = "\x00"
			}
		}
	} else {
		c.UsageStatus, c.WriteStatus = 1, 0
	}
	if len(c.Args) == 0 {
		for _, kv := range c.Env() {
			c.Print(kv, end)
		}
		return 0
	}
	for _, name := range c.Args {
		v, ok := c.LookupEnv(name)
		if !ok || strings.Contains(name, "=") {
			c.Status = 1
			continue
		}
		c.Print(v, end)
	}
	return c.Status
}

func seq(c *prog.Ctx) int {
	equal, sep, format := false, "\n", ""
	short := "+f:s:w"
	long := []prog.Long{{Name: "equal-width", Val: 'w'}, {Name: "format", Arg: prog.ReqArg, Val: 'f'}, {Name: "separator", Arg: prog.ReqArg, Val: 's'}}
	if !c.GNU() {
		short, long = "+ws:", nil
	}
	// A negative number is no option.
	var opts []string
	rest := c.Args
	for len(rest) > 0 && !(negative(rest[0]) && c.GNU()) {
		a := rest[0]
		if a == "--" || !strings.HasPrefix(a, "-") || a == "-" {
			break
		}
		opts, rest = append(opts, a), rest[1:]
		if (a == "-s" || a == "-f" || a == "--separator" || a == "--format") && len(rest) > 0 {
			opts, rest = append(opts, rest[0]), rest[1:]
		}
	}
	if len(rest) > 0 && rest[0] != "--" && c.GNU() {
		opts = append(opts, "--")
	}
	c.Args = append(opts, rest...)
	for o := range c.Getopt(short, long) {
		switch o.Val {
		case 'f':
			format = o.Arg
		case 's':
			sep = o.Arg
		case 'w':
			equal = true
		}
	}
	args := c.Args
	if len(args) == 0 {
		missingOperand(c)
	}
	c.AtMost(3)
	if format != "" {
		if equal {
			c.Fail("format string may not be specified when printing equal width strings")
			c.Usage()
		}
		seqCheckFormat(c, format)
	}
	if c.GNU() && format == "" && !equal && seqWhole(c, args, sep) {
		return 0
	}
	nums := make([]float64, len(args))
	prec := 0
	for i, a := range args {
		v, err := strconv.ParseFloat(strings.TrimSpace(a), 64)
		if n, e := strconv.ParseInt(a, 0, 64); e == nil && strings.Contains(strings.ToLower(a), "0x") {
			v, err = float64(n), nil
		}
		if err != nil && !(err.(*strconv.NumError).Err == strconv.ErrRange) || strings.ContainsAny(a, "_pP") && !strings.Contains(a, "0x") {
			if c.GNU() {
				c.Fail("invalid floating point argument: %s", c.Quote(a))
				c.Usage()
			}
			c.Usage()
		}
		if math.IsNaN(v) {
			c.Fail("invalid %s argument: %s", c.Quote("not-a-number"), c.Quote(a))
			c.Usage()
		}
		nums[i] = v
		if i < len(args)-1 || len(args) == 1 {
			prec = max(prec, decimals(a))
		}
	}
	first, step, last := 1.0, 1.0, nums[len(nums)-1]
	if len(nums) == 1 {
		prec = 0
	}
	if len(nums) > 1 {
		first = nums[0]
	}
	if len(nums) > 2 {
		step = nums[1]
	}
	if step == 0 {
		if c.GNU() {
			c.Fail("invalid Zero increment value: %s", c.Quote(args[1]))
			c.Usage()
		}
	}
	text := func(v float64) string { return strconv.FormatFloat(v, 'f', prec, 64) }
	width := 0
	if equal {
		width = max(len(text(first)), len(text(lastOf(first, step, last))))
		if !c.GNU() {
			width = 0
			for _, a := range args {
				whole, _, _ := strings.Cut(a, ".")
				width = max(width, len(whole))
			}
			if prec > 0 {
				width += prec + 1
			}
		}
	}
	printed := false
	for i := 0; ; i++ {
		c.Step(1)
		v := first + float64(i)*step
		if step >= 0 && v > last || step < 0 && v < last {
			// The rounding of decimals must not lose the last number.
			if !(prec > 0 && math.Abs(v-last) < math.Pow(10, -float64(prec))/2) {
				break
			}
		}
		s := text(v)
		if format != "" {
			s = seqPrintf(format, v)
		} else if pad := width - len(s); pad > 0 {
			if strings.HasPrefix(s, "-") {
				s = "-" + strings.Repeat("0", pad) + s[1:]
			} else {
				s = strings.Repeat("0", pad) + s
			}
		}
		if printed {
			c.Print(sep)
		}
		printed = true
		c.Print(s)
		if c.Out.Err() != nil {
			return 1
		}
	}
	if printed {
		c.Print("\n")
	}
	return 0
}

// seqWhole counts by whole numbers of any size, which floating point does not hold; it reports
// false if the operands are not all such numbers, or small enough to do without.
func seqWhole(c *prog.Ctx, args []string, sep string) bool {
	nums := []*big.Int{big.NewInt(1), big.NewInt(1), nil}
	long := false
	for i, a := range args {
		n, ok := new(big.Int).SetString(a, 10)
		if !ok || n.Sign() < 0 || strings.Trim(a, "0123456789") != "" {
			return false
		}
		long = long || len(a) > 15
		switch {
		case i == len(args)-1:
			nums[2] = n
		default:
			nums[i] = n
		}
	}
	if !long || nums[1].Sign() == 0 {
		return false
	}
	n := nums[0]
	if n.Cmp(nums[2]) > 0 {
		return true
	}
	for n.Cmp(nums[2]) <= 0 && c.Out.Err() == nil {
		c.Step(1)
		if n != nums[0] {
			c.Print(sep)
		}
		c.Print(n.String())
		n = new(big.Int).Add(n, nums[1])
	}
	c.Print("\n")
	return true
}

func lastOf(first, step, last float64) float64 {
	if step == 0 || (last-first)/step < 0 {
		return first
	}
	return first + math.Floor((last-first)/step+1e-9)*step
}

func negative(a string) bool {
	return len(a) > 1 && a[0] == '-' && (a[1] >= '0' && a[1] <= '9' || a[1] == '.')
}

func decimals(a string) int {
	if i := strings.IndexAny(a, "eE"); i >= 0 && !strings.HasPrefix(strings.ToLower(a), "0x") {
		a = a[:i]
	}
	if i := strings.IndexByte(a, '.'); i >= 0 {
		return len(a) - i - 1
	}
	return 0
}

// seqCheckFormat refuses what seq -f refuses.
func seqCheckFormat(c *prog.Ctx, f string) {
	q := c.Quote(f)
	n := 0
	for i := 0; i < len(f); i++ {
		if f[i] != '%' {
			continue
		}
		if i+1 < len(f) && f[i+1] == '%' {
			i++
			continue
		}
		if n++; n > 1 {
			c.Die(1, "format %s has too many %% directives", q)
		}
		i++
		for i < len(f) && strings.IndexByte("-+#0 '", f[i]) >= 0 {
			i++
		}
		for i < len(f) && (f[i] >= '0' && f[i] <= '9' || f[i] == '.') {
			i++
		}
		if i >= len(f) {
			c.Die(1, "format %s ends in %%", q)
		}
		if strings.IndexByte("efgaEFGA", f[i]) < 0 {
			c.Die(1, "format %s has unknown %%%c directive", q, f[i])
		}
	}
	if n == 0 {
		c.Die(1, "format %s has no %% directive", q)
	}
}

func seqPrintf(f string, v float64) string {
	return fmt.Sprintf(goFloatVerb(strings.ReplaceAll(f, "%'", "%")), v)
}

// goFloatVerb leaves %e, %f and %g as they are, which mean the same to fmt, but for the precision
// of %g.
func goFloatVerb(f string) string {
	i := strings.IndexByte(f, '%')
	for i >= 0 && i+1 < len(f) && f[i+1] == '%' {
		j := strings.IndexByte(f[i+2:], '%')
		if j < 0 {
			return f
		}
		i += 2 + j
	}
	j := i + 1
	for j < len(f) && strings.IndexByte("efgaEFGA", f[j]) < 0 {
		j++
	}
	if j < len(f) && (f[j] == 'g' || f[j] == 'G') && !strings.Contains(f[i:j], ".") {
		return f[:j] + ".6" + f[j:]
	}
	return f
}

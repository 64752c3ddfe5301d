package accounts

import (
	"bufio"
	"strconv"
	"strings"
	"time"

	"github.com/dockerlab/dockerlab/sim/userland/datetime"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// parseDate reads YYYY-MM-DD, and gives seconds since 1970.
func parseDate(s string) (int64, bool) {
	t, ok := datetime.Parse(s, time.Unix(0, 0).UTC())
	return t.Unix(), ok
}

// askPassword prompts and reads a line without echo; ok is false at the end of input.
func askPassword(c *prog.Ctx, prompt string) (string, bool) {
	c.Out.Flush()
	c.Errorf("%s", prompt)
	if old, err := c.Tcgetattr(0); err == nil {
		quiet := old
		quiet.Echo = false
		c.Tcsetattr(0, quiet)
		defer func() { c.Tcsetattr(0, old); c.Errorf("\n") }()
	}
	line, err := c.In.ReadString('\n')
	return strings.TrimSuffix(line, "\n"), err == nil || line != ""
}

func passwd(c *prog.Ctx) int {
	if !c.GNU() {
		return passwdBusybox(c)
	}
	c.UsageStatus = 6
	c.UsageIsHelp()
	var remove, lock, unlock, status, all, expire, keep, quiet bool
	ages := map[int]string{}
	for o := range c.GetoptOnly("adehi:kln:qr:R:Suw:x:", []prog.Long{{Name: "all", Val: 'a'}, {Name: "delete", Val: 'd'}, {Name: "expire", Val: 'e'}, {Name: "help", Val: 'h'}, {Name: "inactive", Arg: prog.ReqArg, Val: 'i'}, {Name: "keep-tokens", Val: 'k'}, {Name: "lock", Val: 'l'},
		{Name: "mindays", Arg: prog.ReqArg, Val: 'n'}, {Name: "quiet", Val: 'q'}, {Name: "repository", Arg: prog.ReqArg, Val: 'r'}, {Name: "root", Arg: prog.ReqArg, Val: 'R'}, {Name: "status", Val: 'S'}, {Name: "unlock", Val: 'u'}, {Name: "warndays", Arg: prog.ReqArg, Val: 'w'}, {Name: "maxdays", Arg: prog.ReqArg, Val: 'x'}}) {
		switch o.Val {
		case 'a':
			all = true
		case 'd':
			remove = true
		case 'e':
			expire = true
		case 'h':
			c.Print(c.HelpText(), "\n")
			return 0
		case 'k':
			keep = true
		case 'q':
			quiet = true
		case 'i', 'n', 'w', 'x':
			if n, err := strconv.Atoi(o.Arg); err != nil || n < -1 {
				c.Warn("invalid numeric argument '%s'", o.Arg)
				c.Usage()
			}
			ages[o.Val] = o.Arg
		case 'r':
			c.Die(6, "repository %s not supported", o.Arg)
		case 'l':
			lock = true
		case 'u':
			unlock = true
		case 'S':
			status = true
		case 'R':
			foreignRoot(c, o)
		}
	}
	// The long way to say which options exclude each other.
	if change := remove || lock || unlock || expire || len(ages) > 0; len(c.Args) > 1 || all && !status || status && change {
		c.UsageStatus = 2
		c.Usage()
	}
	d := open(c)
	db := d.db()
	name := db.UserName(c.Cred().RUID)
	if len(c.Args) > 0 {
		name = c.Args[0]
	}
	if status && all {
		for i := range d.shadow.lines {
			passwdStatus(c, d.shadow.fields(i))
		}
		return 0
	}
	u, ok := db.User(name)
	if !ok {
		c.Die(1, "user '%s' does not exist", name)
	}
	me := c.Cred()
	if me.RUID != 0 && (u.UID != me.RUID || remove || lock || unlock || expire) {
		if u.UID != me.RUID {
			c.Die(1, "You may not view or modify password information for %s.", name)
		}
		c.Die(1, "Permission denied.")
	}
	i := d.shadow.find(name)
	if i < 0 {
		d.shadow.add(name, "!", days(c), "0", "99999", "7", "", "", "")
		if i = d.shadow.find(name); i < 0 {
			c.Die(3, "Permission denied.")
		}
	}
	f := d.shadow.fields(i)
	for len(f) < 9 {
		f = append(f, "")
	}
	switch {
	case status:
		passwdStatus(c, f)
		return 0
	case remove:
		f[1] = ""
	case lock && !unlock:
		if !strings.HasPrefix(f[1], "!") {
			f[1] = "!" + f[1]
		}
	case unlock:
		if f[1] == "!" || f[1] == "!!" || f[1] == "!*" {
			c.Warn("unlocking the password would result in a passwordless account.")
			c.Errorf("You should set a password with usermod -p to unlock the password of this account.\n")
			return 3
		}
		f[1] = strings.TrimPrefix(f[1], "!")
	case expire:
		f[2] = "0"
	case len(ages) > 0:
	default:
		if me.RUID == 0 && keep {
			old, _ := askPassword(c, "Current password: ")
			if !checkPassword(old, f[1]) {
				c.Errorf("passwd: Authentication token manipulation error\npasswd: password unchanged\n")
				return 10
			}
		}
		if me.RUID != 0 {
			c.Printf("Changing password for %s.\n", name)
			old, _ := askPassword(c, "Current password: ")
			if !checkPassword(old, f[1]) {
				c.Errorf("passwd: Authentication token manipulation error\npasswd: password unchanged\n")
				return 10
			}
		}
		first, again, ok, ok2 := "", "", false, false
		for range 3 {
			if first, ok = askPassword(c, "New password: "); ok {
				again, ok2 = askPassword(c, "Retype new password: ")
			}
			if !ok || !ok2 || first != "" || again != "" {
				break
			}
			c.Errorf("No password has been supplied.\n")
		}
		if !ok || !ok2 || first != again || first == "" {
			switch {
			case !ok || !ok2:
				c.Errorf("Password change has been aborted.\n")
			case first != again:
				c.Errorf("Sorry, passwords do not match.\n")
			}
			c.Errorf("passwd: Authentication token manipulation error\npasswd: password unchanged\n")
			return 10
		}
		f[1], f[2] = hashPassword(c, first), days(c)
		d.shadow.set(i, f)
		d.save(5, "/etc/shadow")
		c.Errorf("passwd: password updated successfully\n")
		return 0
	}
	for field, option := range map[int]int{3: 'n', 4: 'x', 5: 'w', 6: 'i'} {
		if v, ok := ages[option]; ok {
			f[field] = strings.TrimPrefix(v, "-1")
		}
	}
	d.shadow.set(i, f)
	d.save(5, "/etc/shadow")
	if !quiet {
		c.Print("passwd: password changed.\n")
	}
	return 0
}

func passwdStatus(c *prog.Ctx, f []string) {
	for len(f) < 9 {
		f = append(f, "")
	}
	kind := "P"
	switch {
	case f[1] == "":
		kind = "NP"
	case strings.HasPrefix(f[1], "!"), strings.HasPrefix(f[1], "*"):
		kind = "L"
	}
	or := func(s, def string) string {
		if s == "" {
			return def
		}
		return s
	}
	var day int64
	for _, ch := range f[2] {
		day = day*10 + int64(ch-'0')
	}
	date := time.Unix(day*86400, 0).UTC().Format("2006-01-02")
	c.Print(f[0], " ", kind, " ", date, " ", or(f[3], "-1"), " ", or(f[4], "-1"), " ", or(f[5], "-1"), " ", or(f[6], "-1"), "\n")
}

func passwdBusybox(c *prog.Ctx) int {
	lock, unlock, remove := false, false, false
	for o := range c.Getopt("a:lud", nil) {
		switch o.Val {
		case 'l':
			lock = true
		case 'u':
			unlock = true
		case 'd':
			remove = true
		}
	}
	d := open(c)
	db := d.db()
	me := c.Cred().RUID
	name := db.UserName(me)
	if len(c.Args) > 0 {
		name = c.Args[0]
	}
	u, ok := db.User(name)
	if !ok {
		c.Die(1, "unknown user %s", name)
	}
	if me != 0 && u.UID != me {
		c.Die(1, "%s can't change password for %s", db.UserName(me), name)
	}
	t := d.shadow
	i := t.find(name)
	if i < 0 {
		t = d.passwd
		i = t.find(name)
	}
	f := t.fields(i)
	switch {
	case lock:
		if strings.HasPrefix(f[1], "!") {
			c.Die(1, "password for %s is already %slocked", name, "")
		}
		f[1] = "!" + f[1]
	case unlock:
		if !strings.HasPrefix(f[1], "!") {
			c.Die(1, "password for %s is already %slocked", name, "un")
		}
		f[1] = strings.TrimPrefix(f[1], "!")
	case remove:
		f[1] = ""
	default:
		c.Printf("Changing password for %s\n", name)
		if me != 0 {
			old, _ := askPassword(c, "Old password: ")
			if !checkPassword(old, f[1]) {
				c.Die(1, "incorrect password for %s", name)
			}
		}
		tty := c.Isatty(0)
		ask := func(prompt string) (string, bool) {
			s, ok := askPassword(c, prompt)
			if !tty {
				c.Errorf("\n")
			}
			return s, ok
		}
		first, ok := ask("New password: ")
		if !ok {
			c.Die(1, "password for %s is unchanged", name)
		}
		switch {
		case len(first) < 6:
			c.Errorf("Bad password: too short\n")
		case strings.Contains(strings.ToLower(first), strings.ToLower(name)):
			c.Errorf("Bad password: similar to username\n")
		}
		again, _ := ask("Retype password: ")
		if first != again {
			c.Errorf("Passwords don't match\n")
			c.Die(1, "password for %s is unchanged", name)
		}
		f[1] = hashPassword(c, first)
		if t == d.shadow && len(f) > 2 {
			f[2] = days(c)
		}
	}
	t.set(i, f)
	if err := d.write(); err != nil {
		c.Die(1, "can't update password file /etc/%s", map[bool]string{true: "shadow", false: "passwd"}[t == d.shadow])
	}
	c.Errorf("passwd: password for %s changed by %s\n", name, db.UserName(me))
	return 0
}

// chpasswd reads "user:password" lines.
func chpasswd(c *prog.Ctx) int {
	encrypted, method := false, ""
	short, long := "c:ehR:", []prog.Long{{Name: "crypt-method", Arg: prog.ReqArg, Val: 'c'}, {Name: "encrypted", Val: 'e'}, {Name: "help", Val: 'h'}, {Name: "root", Arg: prog.ReqArg, Val: 'R'}}
	if !c.GNU() {
		short, long = "emc:R:", []prog.Long{{Name: "encrypted", Val: 'e'}, {Name: "md5", Val: 'm'}, {Name: "crypt-method", Arg: prog.ReqArg, Val: 'c'}, {Name: "root", Arg: prog.ReqArg, Val: 'R'}}
	} else {
		shadowUsage(c)
	}
	for o := range c.GetoptOnly(short, long) {
		switch o.Val {
		case 'e':
			encrypted = true
		case 'c':
			method = o.Arg
		case 'h':
			c.Print(c.HelpText(), "\n")
			return 0
		case 'R':
			foreignRoot(c, o)
		}
	}
	switch {
	case !c.GNU():
	case method != "" && encrypted:
		c.Warn("the -c, -e, and -m flags are exclusive")
		c.Usage()
	case method != "" && method != "SHA512" && method != "NONE":
		// The others are real, but not the lab's.
		c.Warn("unsupported crypt method: %s", method)
		c.Usage()
	}
	encrypted = encrypted || method == "NONE"
	if c.Cred().UID != 0 && !c.GNU() {
		c.Die(1, "must be suid to work properly")
	}
	d := open(c)
	n := 0
	for sc := bufio.NewScanner(c.In); sc.Scan(); {
		n++
		name, pass, ok := strings.Cut(sc.Text(), ":")
		if !ok {
			if c.GNU() {
				c.Fail("line %d: missing new password", n)
				continue
			}
			c.Die(1, "missing new password")
		}
		i := d.shadow.find(name)
		t := d.shadow
		if i < 0 {
			t = d.passwd
			i = t.find(name)
		}
		if i < 0 {
			if c.GNU() {
				c.Errorf("chpasswd: (user %s) pam_chauthtok() failed, error:\nAuthentication token manipulation error\n", name)
				c.Fail("(line %d, user %s) password not changed", n, name)
				continue
			}
			c.Die(1, "unknown user %s", name)
		}
		f := t.fields(i)
		if f[1] = pass; !encrypted {
			f[1] = hashPassword(c, pass)
		}
		if t == d.shadow && len(f) > 2 {
			f[2] = days(c)
		}
		t.set(i, f)
		if !c.GNU() {
			c.Printf("chpasswd: password for '%s' changed\n", name)
		}
	}
	d.save(1, "/etc/shadow")
	return c.Status
}

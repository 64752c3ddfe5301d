package accounts

import (
	"bufio"
	"strconv"
	"strings"
	"time"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// setUseraddDefaults is useradd -D with other options: it writes them into /etc/default/useradd.
func setUseraddDefaults(c *prog.Ctx, values map[string]string) int {
	rootOnly(c, "/etc/default/useradd")
	const path = "/etc/default/useradd"
	b, err := c.ReadFile(path)
	if err != nil && err != linux.ENOENT {
		c.Die(1, "cannot open %s: %v", path, err)
	}
	var out strings.Builder
	for line := range strings.Lines(string(b)) {
		if key, _, ok := strings.Cut(line, "="); ok {
			if v, ok := values[key]; ok {
				line = key + "=" + v + "\n"
				delete(values, key)
			}
		}
		out.WriteString(line)
	}
	for _, key := range []string{"GROUP", "HOME", "INACTIVE", "EXPIRE", "SHELL"} {
		if v, ok := values[key]; ok {
			out.WriteString(key + "=" + v + "\n")
		}
	}
	c.Mkdir("/etc/default", 0o755)
	if err := c.WriteFile(path, []byte(out.String()), 0o644); err != nil {
		c.Die(1, "cannot write %s: %v", path, err)
	}
	return 0
}

var chageLong = []prog.Long{
	{Name: "lastday", Arg: prog.ReqArg, Val: 'd'}, {Name: "expiredate", Arg: prog.ReqArg, Val: 'E'}, {Name: "help", Val: 'h'}, {Name: "iso8601", Val: 'i'},
	{Name: "inactive", Arg: prog.ReqArg, Val: 'I'}, {Name: "list", Val: 'l'}, {Name: "mindays", Arg: prog.ReqArg, Val: 'm'}, {Name: "maxdays", Arg: prog.ReqArg, Val: 'M'},
	{Name: "root", Arg: prog.ReqArg, Val: 'R'}, {Name: "warndays", Arg: prog.ReqArg, Val: 'W'},
}

// chage shows or changes how long a password lasts.
func chage(c *prog.Ctx) int {
	shadowUsage(c)
	list, iso := false, false
	fields := map[int]int{'d': 2, 'm': 3, 'M': 4, 'W': 5, 'I': 6, 'E': 7} // of /etc/shadow
	set := map[int]string{}
	for o := range c.GetoptOnly("d:E:hiI:lm:M:R:W:", chageLong) {
		switch o.Val {
		case 'h':
			c.Print(c.HelpText(), "\n")
			return 0
		case 'i':
			iso = true
		case 'l':
			list = true
		case 'R':
			foreignRoot(c, o)
		case 'd', 'E':
			v := o.Arg
			if n, err := strconv.Atoi(v); err != nil || n < -1 {
				t, ok := parseDate(v)
				if !ok {
					c.Warn("invalid date '%s'", v)
					c.Usage()
				}
				v = strconv.FormatInt(t/86400, 10)
			}
			set[fields[o.Val]] = v
		default:
			if n, err := strconv.Atoi(o.Arg); err != nil || n < -1 {
				c.Warn("invalid numeric argument '%s'", o.Arg)
				c.Usage()
			}
			set[fields[o.Val]] = o.Arg
		}
	}
	if len(c.Args) != 1 {
		c.Usage()
	}
	if list && len(set) > 0 {
		c.Warn("do not include \"l\" with other flags")
		c.Usage()
	}
	d := open(c)
	name := c.Args[0]
	u, ok := d.db().User(name)
	if me := c.Cred().RUID; me != 0 && (!list || ok && u.UID != me) {
		c.Die(1, "Permission denied.")
	}
	if !ok {
		c.Die(1, "user '%s' does not exist in /etc/passwd", name)
	}
	i := d.shadow.find(name)
	f := []string{name, "!", "", "", "", "", "", "", ""}
	if i >= 0 {
		f = d.shadow.fields(i)
		for len(f) < 9 {
			f = append(f, "")
		}
	}
	if list {
		showAging(c, f, iso)
		return 0
	}
	if len(set) == 0 {
		c.Printf("Changing the aging information for %s\nEnter the new value, or press ENTER for the default\n\n", name)
		if !askAging(c, f) {
			c.Print("\n")
			c.Die(1, "error changing fields")
		}
	}
	for field, v := range set {
		if v == "-1" && field != 4 {
			v = ""
		}
		f[field] = v
	}
	if i < 0 {
		d.shadow.add(f...)
	} else {
		d.shadow.set(i, f)
	}
	d.save(1, "/etc/shadow")
	return 0
}

// askAging asks for each value; false at the end of input.
func askAging(c *prog.Ctx, f []string) bool {
	for _, q := range []struct {
		field int
		text  string
	}{{3, "Minimum Password Age"}, {4, "Maximum Password Age"}, {2, "Last Password Change (YYYY-MM-DD)"}, {5, "Password Expiration Warning"},
		{6, "Password Inactive"}, {7, "Account Expiration Date (YYYY-MM-DD)"}} {
		now := f[q.field]
		date := q.field == 2 || q.field == 7
		switch n, err := strconv.ParseInt(now, 10, 32); {
		case err != nil:
			now = "-1"
		case date:
			now = time.Unix(n*86400, 0).UTC().Format("2006-01-02")
		}
		c.Printf("\t%s [%s]: ", q.text, now)
		c.Out.Flush()
		line, err := c.In.ReadString('\n')
		if err != nil {
			return false
		}
		line = strings.TrimSpace(line)
		n, err := strconv.Atoi(line)
		switch {
		case line == "":
		case err == nil && n == -1:
			f[q.field] = ""
		case err == nil:
			f[q.field] = line
		case date:
			t, ok := parseDate(line)
			if !ok {
				return false
			}
			f[q.field] = strconv.FormatInt(t/86400, 10)
		default:
			return false
		}
	}
	return true
}

// showAging is chage -l: what the fields of a line of /etc/shadow say.
func showAging(c *prog.Ctx, f []string, iso bool) {
	number := func(i int) int64 {
		n, err := strconv.ParseInt(f[i], 10, 32)
		if err != nil {
			return -1
		}
		return n
	}
	date := func(day int64) string {
		format := "Jan 02, 2006"
		if iso {
			format = "2006-01-02"
		}
		return time.Unix(day*86400, 0).UTC().Format(format)
	}
	last, most, inactive, end := number(2), number(4), number(6), number(7)
	const must = "password must be changed"
	changed, expires, idle, account := "never", "never", "never", "never"
	switch {
	case last == 0:
		changed, expires, idle = must, must, must
	case last > 0:
		changed = date(last)
		if most >= 0 && most < 10000 {
			expires = date(last + most)
			if inactive >= 0 {
				idle = date(last + most + inactive)
			}
		}
	}
	if end >= 0 {
		account = date(end)
	}
	c.Print("Last password change\t\t\t\t\t: ", changed, "\nPassword expires\t\t\t\t\t: ", expires, "\nPassword inactive\t\t\t\t\t: ", idle,
		"\nAccount expires\t\t\t\t\t\t: ", account, "\n")
	c.Printf("Minimum number of days between password change\t\t: %d\n", number(3))
	c.Printf("Maximum number of days between password change\t\t: %d\n", most)
	c.Printf("Number of days of warning before password expires\t: %d\n", number(5))
}

// chgpasswd reads "group:password" lines.
func chgpasswd(c *prog.Ctx) int {
	shadowUsage(c)
	encrypted := false
	for o := range c.GetoptOnly("ehR:", []prog.Long{{Name: "encrypted", Val: 'e'}, {Name: "help", Val: 'h'}, {Name: "root", Arg: prog.ReqArg, Val: 'R'}}) {
		switch o.Val {
		case 'e':
			encrypted = true
		case 'h':
			c.Print(c.HelpText(), "\n")
			return 0
		case 'R':
			foreignRoot(c, o)
		}
	}
	rootOnly(c, "/etc/group")
	d := open(c)
	n := 0
	for sc := bufio.NewScanner(c.In); sc.Scan(); {
		n++
		name, pass, ok := strings.Cut(sc.Text(), ":")
		i := d.gshadow.find(name)
		switch {
		case !ok:
			c.Fail("line %d: missing new password", n)
			continue
		case i < 0:
			c.Fail("line %d: group '%s' does not exist", n, name)
			continue
		}
		f := d.gshadow.fields(i)
		if f[1] = pass; !encrypted {
			f[1] = hashPassword(c, pass)
		}
		d.gshadow.set(i, f)
	}
	if c.Status != 0 {
		c.Die(1, "error detected, changes ignored")
	}
	d.save(1, "/etc/gshadow")
	return 0
}

// newusers makes users of lines like those of /etc/passwd, with passwords as they are typed.
func newusers(c *prog.Ctx) int {
	shadowUsage(c)
	c.UsageStatus = 1
	badName, system := false, false
	for o := range c.GetoptOnly("bhrR:", []prog.Long{{Name: "badname", Val: 'b'}, {Name: "help", Val: 'h'}, {Name: "system", Val: 'r'}, {Name: "root", Arg: prog.ReqArg, Val: 'R'}}) {
		switch o.Val {
		case 'b':
			badName = true
		case 'h':
			c.Print(c.HelpText(), "\n")
			return 0
		case 'r':
			system = true
		case 'R':
			foreignRoot(c, o)
		}
	}
	in := c.In
	if len(c.Args) > 0 {
		f, err := c.OpenFile(c.Args[0], linux.O_RDONLY, 0)
		if err != nil {
			c.Die(1, "%s: %v", c.Args[0], err)
		}
		defer f.Close()
		in = bufio.NewReader(f)
	}
	rootOnly(c, "/etc/passwd")
	d, limits := open(c), loadLimits(c)
	type home struct {
		dir      string
		uid, gid uint32
	}
	var homes []home
	n := 0
	for sc := bufio.NewScanner(in); sc.Scan(); {
		n++
		f := strings.Split(sc.Text(), ":")
		if len(f) != 7 {
			c.Fail("line %d: invalid line", n)
			continue
		}
		name := f[0]
		if !validName(name) && !badName {
			c.Fail("invalid user name '%s': use --badname to ignore", name)
			c.Warn("line %d: can't create user", n)
			continue
		}
		u, exists := d.db().User(name)
		if !exists {
			var ok bool
			if u.UID, ok = d.newUID(limits.ids("UID", system)); f[2] != "" {
				u.UID, ok = uint32(0), true
				v, err := strconv.ParseUint(f[2], 10, 32)
				if err != nil {
					c.Fail("invalid user ID '%s'", f[2])
					c.Warn("line %d: can't create user", n)
					continue
				}
				u.UID = uint32(v)
			}
			if !ok {
				c.Fail("line %d: can't create user", n)
				continue
			}
			u.GID = u.UID
			if g, ok := d.db().ParseGroup(f[3]); f[3] != "" && ok {
				u.GID = g
			}
			if _, taken := d.db().GID(u.GID); !taken {
				d.addGroup(name, u.GID)
			}
			d.passwd.add(name, "x", num(u.UID), num(u.GID), f[4], f[5], f[6])
			d.shadow.add(name, hashPassword(c, f[1]), days(c), "0", "99999", "7", "", "", "")
			if !system {
				d.addSubIDs(name)
			}
		} else if i := d.shadow.find(name); i >= 0 {
			s := d.shadow.fields(i)
			s[1] = hashPassword(c, f[1])
			d.shadow.set(i, s)
		}
		if f[5] != "" {
			homes = append(homes, home{f[5], u.UID, u.GID})
		}
	}
	if c.Status != 0 {
		c.Die(1, "error detected, changes ignored")
	}
	d.save(1, "/etc/passwd")
	for _, h := range homes {
		if _, err := c.Stat(h.dir); err == nil {
			continue
		}
		if err := c.Mkdir(h.dir, 0o755); err != nil {
			c.Fail("line %d: mkdir %s failed: %v", n, h.dir, err)
		} else if err := c.Chown(h.dir, h.uid, h.gid); err != nil {
			c.Fail("line %d: chown %s failed: %v", n, h.dir, err)
		}
	}
	return c.Status
}

// pwconv is pwconv and grpconv, which find nothing to do: passwords stand in the shadow files.
func pwconv(c *prog.Ctx) int {
	shadowUsage(c)
	for o := range c.GetoptOnly("hR:", []prog.Long{{Name: "help", Val: 'h'}, {Name: "root", Arg: prog.ReqArg, Val: 'R'}}) {
		if o.Val == 'h' {
			c.Print(c.HelpText(), "\n")
			return 0
		}
		foreignRoot(c, o)
	}
	if len(c.Args) > 0 {
		c.Usage()
	}
	rootOnly(c, "/etc/passwd")
	return 0
}

package accounts

import (
	"slices"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
	"github.com/dockerlab/dockerlab/sim/userland/userdb"
)

// The programs of Debian's passwd package: useradd, usermod, userdel and those for groups.

// shadowUsage makes wrong use print the whole help, as the shadow programs do.
func shadowUsage(c *prog.Ctx) {
	c.UsageStatus = 2
	c.OnUsage = func() { c.Errorf("%s\n", c.HelpText()) }
}

var userLong = []prog.Long{
	{Name: "append", Val: 'a'}, {Name: "badname", Val: 'b'}, {Name: "base-dir", Arg: prog.ReqArg, Val: 'B'}, {Name: "btrfs-subvolume-home", Val: prog.LongOnly}, {Name: "comment", Arg: prog.ReqArg, Val: 'c'},
	{Name: "home-dir", Arg: prog.ReqArg, Val: 'd'}, {Name: "defaults", Val: 'D'}, {Name: "expiredate", Arg: prog.ReqArg, Val: 'e'}, {Name: "inactive", Arg: prog.ReqArg, Val: 'f'}, {Name: "add-subids-for-system", Val: 'F'},
	{Name: "gid", Arg: prog.ReqArg, Val: 'g'}, {Name: "groups", Arg: prog.ReqArg, Val: 'G'}, {Name: "help", Val: 'h'}, {Name: "skel", Arg: prog.ReqArg, Val: 'k'}, {Name: "key", Arg: prog.ReqArg, Val: 'K'},
	{Name: "no-log-init", Val: 'l'}, {Name: "create-home", Val: 'm'}, {Name: "no-create-home", Val: 'M'}, {Name: "no-user-group", Val: 'N'}, {Name: "non-unique", Val: 'o'}, {Name: "password", Arg: prog.ReqArg, Val: 'p'},
	{Name: "system", Val: 'r'}, {Name: "root", Arg: prog.ReqArg, Val: 'R'}, {Name: "prefix", Arg: prog.ReqArg, Val: 'P'}, {Name: "shell", Arg: prog.ReqArg, Val: 's'}, {Name: "uid", Arg: prog.ReqArg, Val: 'u'}, {Name: "user-group", Val: 'U'},
	{Name: "selinux-user", Arg: prog.ReqArg, Val: 'Z'},
}

// foreignRoot is --root and --prefix: the program works on the databases of another root. These
// programs run no others, so that it makes no difference to them how they come there.
func foreignRoot(c *prog.Ctx, o prog.Opt) {
	const badArgument = 3
	switch {
	case o.Val == 'P' && !strings.HasPrefix(o.Arg, "/"):
		c.Die(badArgument, "prefix must be an absolute path")
	case !strings.HasPrefix(o.Arg, "/"):
		c.Die(badArgument, "invalid chroot path '%s', only absolute paths are supported.", o.Arg)
	}
	if err := c.Chroot(o.Arg); err != nil {
		c.Die(1, "cannot access chroot directory %s: %v", o.Arg, err)
	}
	c.Chdir("/")
}

// noSELinux ends the program for -Z.
func noSELinux(c *prog.Ctx) { c.Die(3, "-Z requires SELinux enabled kernel") }

// groupList reads the list of groups that -G takes.
func groupList(c *prog.Ctx, db *userdb.DB, list string) []string {
	var names []string
	for _, g := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' }) {
		id, ok := db.ParseGroup(g)
		gr, exists := db.GID(id)
		if !ok || !exists {
			c.Die(6, "group '%s' does not exist", g)
		}
		names = append(names, gr.Name)
	}
	return names
}

// parseID reads a number of a user or group.
func parseID(c *prog.Ctx, what, s string) uint32 {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		c.Die(3, "invalid %s ID '%s'", what, s)
	}
	return uint32(n)
}

// parseExpiry reads a date, or a number of days since 1970, for a field of /etc/shadow.
func parseExpiry(c *prog.Ctx, s string) string {
	if n, err := strconv.Atoi(s); s == "" || err == nil && n >= -1 {
		return strings.TrimPrefix(s, "-1")
	}
	t, ok := parseDate(s)
	if !ok {
		c.Die(3, "invalid date '%s'", s)
	}
	return strconv.FormatInt(t/86400, 10)
}

// parseDays reads a number of days.
func parseDays(c *prog.Ctx, s string) string {
	if n, err := strconv.Atoi(s); err != nil || n < -1 {
		c.Die(3, "invalid numeric argument '%s'", s)
	}
	return s
}

// checkHome ends the program if a directory cannot stand in /etc/passwd.
func checkHome(c *prog.Ctx, what, dir string) string {
	if !strings.HasPrefix(dir, "/") || strings.ContainsAny(dir, ":\n") {
		c.Die(3, "invalid %s directory '%s'", what, dir)
	}
	return dir
}

func useradd(c *prog.Ctx) int {
	shadowUsage(c)
	var comment, home, base, gid, groups, skel, pass, shell, uidText, expire, inactive string
	var defaults, create, noCreate, noGroup, userGroup, nonUnique, system, badName, haveUID, haveSkel bool
	limits := loadLimits(c)
	changed := map[string]string{} // what -D is to change
	base, shell, skel, pass = "/home", "/bin/sh", "/etc/skel", "!"
	if b, err := c.ReadFile("/etc/default/useradd"); err == nil {
		for line := range strings.Lines(string(b)) {
			k, v, ok := strings.Cut(strings.TrimSpace(line), "=")
			switch {
			case !ok || strings.HasPrefix(k, "#"):
			case k == "SHELL":
				shell = v
			case k == "HOME":
				base = v
			case k == "SKEL":
				skel = v
			}
		}
	}
	long := append([]prog.Long{{Name: "badname", Val: prog.LongOnly + 1}}, userLong[2:]...)
	for i := range long {
		if long[i].Name == "base-dir" {
			long[i].Val = 'b'
		}
	}
	for o := range c.GetoptOnly("b:c:d:De:f:Fg:G:hk:K:lmMNop:rR:P:s:u:UZ:", long) {
		switch o.Val {
		case 'h':
			c.Print(c.HelpText(), "\n")
			return 0
		case 'b':
			base = checkHome(c, "base", o.Arg)
			changed["HOME"] = base
		case 'c':
			if strings.ContainsAny(o.Arg, ":\n") {
				c.Die(3, "invalid comment '%s'", o.Arg)
			}
			comment = o.Arg
		case 'd':
			home = checkHome(c, "home", o.Arg)
		case 'D':
			defaults = true
		case 'e':
			expire = parseExpiry(c, o.Arg)
			changed["EXPIRE"] = o.Arg
		case 'f':
			inactive = parseDays(c, o.Arg)
			changed["INACTIVE"] = o.Arg
		case 'g':
			gid = o.Arg
			db := userdb.Load(c)
			g, ok := db.ParseGroup(gid)
			if _, exists := db.GID(g); !ok || !exists {
				c.Die(6, "group '%s' does not exist", gid)
			}
			changed["GROUP"] = o.Arg
		case 'G':
			groups = o.Arg
			groupList(c, userdb.Load(c), groups)
		case 'k':
			skel, haveSkel = o.Arg, true
		case 'K':
			limits.set(o.Arg)
		case 'm':
			create = true
		case 'M':
			noCreate = true
		case 'N':
			noGroup = true
		case 'o':
			nonUnique = true
		case 'p':
			pass = o.Arg
		case 'r':
			system = true
		case 'R', 'P':
			foreignRoot(c, o)
		case 's':
			if o.Arg != "" && !strings.HasPrefix(o.Arg, "/") {
				c.Die(3, "invalid shell '%s'", o.Arg)
			}
			shell = o.Arg
			changed["SHELL"] = shell
			if st, err := c.Stat(shell); shell != "" && shell != "/sbin/nologin" && shell != "/usr/sbin/nologin" && (err != nil || st.Mode.IsDir() || c.Access(shell, linux.X_OK) != nil) {
				c.Warn("Warning: missing or non-executable shell '%s'", shell)
			}
		case 'u':
			uidText, haveUID = o.Arg, true
			parseID(c, "user", uidText)
		case 'U':
			userGroup = true
		case prog.LongOnly + 1:
			badName = true
		case 'Z':
			noSELinux(c)
		}
	}
	if haveSkel && !create {
		c.Warn("-k flag is only allowed with the -m flag")
		c.Usage()
	}
	if nonUnique && !haveUID {
		c.Warn("-o flag is only allowed with the -u flag")
		c.Usage()
	}
	if defaults {
		if len(c.Args) > 0 {
			c.Usage()
		}
		if len(changed) > 0 {
			return setUseraddDefaults(c, changed)
		}
		c.Print("GROUP=100\nHOME=", base, "\nINACTIVE=-1\nEXPIRE=\nSHELL=", shell, "\nSKEL=", skel, "\nCREATE_MAIL_SPOOL=no\nLOG_INIT=yes\n")
		return 0
	}
	if len(c.Args) != 1 {
		c.Usage()
	}
	if create && noCreate {
		c.Warn("options -m and -M conflict")
		c.Usage()
	}
	if userGroup && (gid != "" || noGroup) {
		c.Warn("options -U and %s conflict", map[bool]string{true: "-g", false: "-N"}[gid != ""])
		c.Usage()
	}
	name := c.Args[0]
	if !validName(name) && !badName {
		c.Die(3, "invalid user name '%s': use --badname to ignore", name)
	}
	rootOnly(c, "/etc/passwd")
	d := open(c)
	db := d.db()
	if _, ok := db.User(name); ok {
		c.Die(9, "user '%s' already exists", name)
	}
	var group uint32
	makeGroup := gid == "" && !noGroup || userGroup
	if gid != "" {
		g, ok := db.ParseGroup(gid)
		if _, exists := db.GID(g); !ok || !exists {
			c.Die(6, "group '%s' does not exist", gid)
		}
		group = g
	} else if noGroup {
		group = 100
	}
	extra := groupList(c, db, groups)
	if makeGroup {
		if _, ok := db.Group(name); ok {
			c.Die(9, "group %s exists - if you want to add this user to that group, use -g.", name)
		}
	}
	var uid uint32
	if haveUID {
		uid = parseID(c, "user", uidText)
		if _, ok := db.UID(uid); ok && !nonUnique {
			c.Die(4, "UID %d is not unique", uid)
		}
	} else {
		var ok bool
		if uid, ok = d.newUID(limits.ids("UID", system)); !ok {
			c.Die(4, "can't create user")
		}
	}
	if makeGroup {
		group = uid
		if _, taken := d.db().GID(group); taken {
			var ok bool
			if group, ok = d.newGID(limits.ids("GID", system)); !ok {
				c.Die(4, "can't create group")
			}
		}
		d.addGroup(name, group)
	}
	if home == "" {
		home = base + "/" + name
	}
	pw := "x"
	if d.shadow.missing {
		pw = pass
	}
	d.passwd.add(name, pw, num(uid), num(group), comment, home, shell)
	last := []string{"0", "99999", "7"}
	if system {
		last = []string{"", "", ""}
	}
	d.shadow.add(name, pass, days(c), last[0], last[1], last[2], inactive, expire, "")
	for _, g := range extra {
		d.addMember(g, name)
	}
	if !system {
		d.addSubIDs(name)
	}
	d.save(1, "/etc/passwd")
	if create {
		if _, err := c.Stat(home); err == nil {
			c.Warn("warning: the home directory %s already exists.", home)
			c.Errorf("%s: Not copying any file from skel directory into it.\n", c.Name)
		} else if err := makeHome(c, home, skel, uid, group, 0o755, true); err != nil {
			c.Die(12, "cannot create directory %s", home)
		}
	}
	return 0
}

func usermod(c *prog.Ctx) int {
	shadowUsage(c)
	var appendTo, move, nonUnique, lock, unlock, removeFrom, badName bool
	var subIDs []subIDChange
	set := map[int]string{}
	has := func(v int) bool { _, ok := set[v]; return ok }
	long := append([]prog.Long{{Name: "append", Val: 'a'}, {Name: "badname", Val: 'b'}, {Name: "home", Arg: prog.ReqArg, Val: 'd'}, {Name: "login", Arg: prog.ReqArg, Val: 'l'}, {Name: "lock", Val: 'L'}, {Name: "move-home", Val: 'm'}, {Name: "remove", Val: 'r'}, {Name: "unlock", Val: 'U'},
		{Name: "add-subuids", Arg: prog.ReqArg, Val: 'v'}, {Name: "del-subuids", Arg: prog.ReqArg, Val: 'V'}, {Name: "add-subgids", Arg: prog.ReqArg, Val: 'w'}, {Name: "del-subgids", Arg: prog.ReqArg, Val: 'W'}},
		prog.Long{Name: "comment", Arg: prog.ReqArg, Val: 'c'}, prog.Long{Name: "expiredate", Arg: prog.ReqArg, Val: 'e'}, prog.Long{Name: "inactive", Arg: prog.ReqArg, Val: 'f'}, prog.Long{Name: "gid", Arg: prog.ReqArg, Val: 'g'}, prog.Long{Name: "groups", Arg: prog.ReqArg, Val: 'G'},
		prog.Long{Name: "help", Val: 'h'}, prog.Long{Name: "non-unique", Val: 'o'}, prog.Long{Name: "password", Arg: prog.ReqArg, Val: 'p'}, prog.Long{Name: "root", Arg: prog.ReqArg, Val: 'R'}, prog.Long{Name: "prefix", Arg: prog.ReqArg, Val: 'P'}, prog.Long{Name: "shell", Arg: prog.ReqArg, Val: 's'}, prog.Long{Name: "uid", Arg: prog.ReqArg, Val: 'u'}, prog.Long{Name: "selinux-user", Arg: prog.ReqArg, Val: 'Z'})
	any := false
	for o := range c.GetoptOnly("abc:d:e:f:g:G:hl:Lmop:rR:P:s:u:Uv:V:w:W:Z:", long) {
		switch o.Val {
		case 'h':
			c.Print(c.HelpText(), "\n")
			return 0
		case 'a':
			appendTo = true
			continue
		case 'b':
			badName = true
		case 'm':
			move = true
		case 'o':
			nonUnique = true
		case 'L':
			lock = true
		case 'U':
			unlock = true
		case 'r':
			removeFrom = true
		case 'R', 'P':
			foreignRoot(c, o)
			continue
		case 'Z':
			noSELinux(c)
		case 'v', 'V', 'w', 'W':
			subIDs = append(subIDs, parseSubIDs(c, byte(o.Val), o.Arg))
		case 'd':
			if !strings.HasPrefix(o.Arg, "/") {
				c.Die(3, "homedir must be an absolute path")
			}
			set['d'] = o.Arg
		case 'c':
			if strings.ContainsAny(o.Arg, ":\n") {
				c.Die(3, "invalid field '%s'", o.Arg)
			}
			set['c'] = o.Arg
		case 'e':
			set['e'] = parseExpiry(c, o.Arg)
		case 'f':
			set['f'] = parseDays(c, o.Arg)
		default:
			set[o.Val] = o.Arg
		}
		any = true
	}
	if len(c.Args) != 1 {
		c.Usage()
	}
	name := c.Args[0]
	d := open(c)
	db := d.db()
	u, ok := db.User(name)
	if !ok {
		c.Die(6, "user '%s' does not exist", name)
	}
	if appendTo && !has('G') {
		c.Warn("-a flag is only allowed with the -G flag")
		c.Usage()
	}
	if removeFrom && !has('G') {
		c.Warn("-r flag is only allowed with the -G flag")
		c.Usage()
	}
	if !any {
		c.Warn("no options")
		c.Usage()
	}
	if v := set['s']; v != "" && !strings.HasPrefix(v, "/") {
		c.Die(3, "invalid shell '%s'", v)
	}
	if lock && unlock || has('p') && (lock || unlock) {
		c.Warn("the -L, -p, and -U flags are exclusive")
		c.Usage()
	}
	if move && !has('d') {
		c.Warn("-m flag is only allowed with the -d flag")
		c.Usage()
	}
	if nonUnique && !has('u') {
		c.Warn("-o flag is only allowed with the -u flag")
		c.Usage()
	}
	rootOnly(c, "/etc/passwd")
	old := u
	if v, ok := set['u']; ok {
		n := parseID(c, "user", v)
		if _, taken := db.UID(n); taken && n != u.UID && !nonUnique {
			c.Die(4, "UID '%d' already exists", n)
		}
		u.UID = n
	}
	if v, ok := set['g']; ok {
		g, ok := db.ParseGroup(v)
		if _, exists := db.GID(g); !ok || !exists {
			c.Die(6, "group '%s' does not exist", v)
		}
		u.GID = g
	}
	if v, ok := set['G']; ok {
		in := map[string]bool{}
		for _, g := range groupList(c, db, v) {
			in[g] = true
		}
		for _, g := range db.Groups {
			switch {
			case in[g.Name] && !removeFrom:
				d.addMember(g.Name, name)
			case in[g.Name] && removeFrom, !in[g.Name] && !appendTo && !removeFrom:
				d.dropMember(g.Name, name)
			}
		}
	}
	if v, ok := set['c']; ok {
		u.Gecos = v
	}
	if v, ok := set['d']; ok {
		u.Home = v
	}
	if v, ok := set['s']; ok {
		u.Shell = v
	}
	if v, ok := set['l']; ok {
		if !validName(v) && !badName {
			c.Die(3, "invalid user name '%s': use --badname to ignore", v)
		}
		if _, taken := db.User(v); taken && v != name {
			c.Die(9, "user '%s' already exists", v)
		}
		u.Name = v
		for _, g := range db.Groups {
			d.members(g.Name, func(l []string) []string {
				for i := range l {
					if l[i] == name {
						l[i] = v
					}
				}
				return l
			})
		}
	}
	d.passwd.set(d.passwd.find(name), strings.Split(u.String(), ":"))
	if u.Name != name {
		d.passwd.toEnd(u.Name)
	}
	if i := d.shadow.find(name); i >= 0 {
		f := d.shadow.fields(i)
		for len(f) < 9 {
			f = append(f, "")
		}
		f[0] = u.Name
		switch {
		case has('p'):
			f[1], f[2] = set['p'], days(c)
		case lock && !strings.HasPrefix(f[1], "!"):
			f[1] = "!" + f[1]
		case unlock && (f[1] == "!" || f[1] == "!!"):
			c.Warn("unlocking the user's password would result in a passwordless account.")
			c.Errorf("You should set a password with usermod -p to unlock this user's password.\n")
			c.Exit(0)
		case unlock:
			f[1] = strings.TrimPrefix(f[1], "!")
		}
		if v, ok := set['e']; ok {
			f[7] = v
		}
		if v, ok := set['f']; ok {
			f[6] = v
		}
		d.shadow.set(i, f)
		if u.Name != name {
			d.shadow.toEnd(u.Name)
		}
	}
	for _, ch := range subIDs {
		d.changeSubIDs(u.Name, ch)
	}
	if u == old && len(subIDs) == 0 && !lock && !unlock && !has('p') && !has('e') && !has('f') {
		d.passwd.changed, d.shadow.changed = false, false
		if !has('G') {
			c.Print("usermod: no changes\n")
			return 0
		}
	}
	d.save(1, "/etc/passwd")
	if move {
		if _, err := c.Stat(u.Home); err == nil && old.Home != u.Home {
			c.Die(12, "directory %s exists", u.Home)
		}
		if err := c.Rename(old.Home, u.Home); err != nil && err != linux.ENOENT {
			if st, e := c.Command([]string{"mv", old.Home, u.Home}, nil, nil); e != nil || st.Code != 0 {
				c.Die(12, "cannot rename directory %s to %s", old.Home, u.Home)
			}
		}
	}
	if u.UID != old.UID || u.GID != old.GID {
		chownTree(c, u.Home, old, u)
	}
	return 0
}

// chownTree hands what was the old user's below dir to the new one.
func chownTree(c *prog.Ctx, dir string, old, new userdb.User) {
	st, err := c.Lstat(dir)
	if err != nil || st.UID != old.UID {
		return
	}
	gid := ^uint32(0)
	if st.GID == old.GID {
		gid = new.GID
	}
	c.Lchown(dir, new.UID, gid)
	if st.Mode.IsDir() {
		ents, _ := c.ReadDir(dir)
		for _, e := range ents {
			chownTree(c, prog.JoinPath(dir, e.Name), old, new)
		}
	}
}

func userdel(c *prog.Ctx) int {
	shadowUsage(c)
	force, remove := false, false
	for o := range c.GetoptOnly("fhrR:P:Z", []prog.Long{{Name: "force", Val: 'f'}, {Name: "help", Val: 'h'}, {Name: "remove", Val: 'r'}, {Name: "root", Arg: prog.ReqArg, Val: 'R'}, {Name: "prefix", Arg: prog.ReqArg, Val: 'P'}, {Name: "selinux-user", Val: 'Z'}}) {
		switch o.Val {
		case 'h':
			c.Print(c.HelpText(), "\n")
			return 0
		case 'f':
			force = true
		case 'r':
			remove = true
		case 'R', 'P':
			foreignRoot(c, o)
		case 'Z':
			noSELinux(c)
		}
	}
	if len(c.Args) != 1 {
		c.Usage()
	}
	name := c.Args[0]
	d := open(c)
	db := d.db()
	u, ok := db.User(name)
	if !ok {
		c.Die(6, "user '%s' does not exist", name)
	}
	rootOnly(c, "/etc/passwd")
	for _, p := range c.Processes() {
		if p.Cred.RUID == u.UID && p.State != 'Z' {
			c.Warn("user %s is currently used by process %d", name, p.Pid)
			if !force {
				c.Exit(8)
			}
			break
		}
	}
	d.passwd.remove(name)
	d.shadow.remove(name)
	d.subuid.remove(name)
	d.subgid.remove(name)
	for _, g := range db.Groups {
		d.dropMemberIf(g, name)
	}
	if g, ok := db.Group(name); ok && g.GID == u.GID {
		switch others := d.primaryOf(g.GID); {
		case len(g.Members) > 0 && !(len(g.Members) == 1 && g.Members[0] == name):
			c.Warn("group %s not removed because it has other members.", name)
		case others != "" && !force:
			c.Warn("group %s is the primary group of another user and is not removed.", name)
		default:
			d.group.remove(name)
			d.gshadow.remove(name)
		}
	}
	if remove {
		spool := "/var/mail/" + name
		if _, err := c.Stat(spool); err != nil {
			c.Warn("%s mail spool (%s) not found", name, spool)
		} else {
			c.Unlink(spool)
		}
		switch _, err := c.Stat(u.Home); {
		case err != nil:
			c.Warn("%s home directory (%s) not found", name, u.Home)
		default:
			st, _ := c.Stat(u.Home)
			if st.UID != u.UID && !force {
				c.Warn("%s not owned by %s, not removing", u.Home, name)
				c.Status = 12
			} else if err := removeTree(c, u.Home); err != nil {
				c.Warn("error removing directory %s", u.Home)
				c.Status = 12
			}
		}
	}
	d.save(1, "/etc/passwd")
	return c.Status
}

// dropMemberIf takes a user out of a group that has him.
func (d *databases) dropMemberIf(g userdb.Group, user string) {
	for _, m := range g.Members {
		if m == user {
			d.dropMember(g.Name, user)
			return
		}
	}
}

// primaryOf names a user whose login group gid is.
func (d *databases) primaryOf(gid uint32) string {
	for _, u := range d.db().Users {
		if u.GID == gid {
			return u.Name
		}
	}
	return ""
}

func groupadd(c *prog.Ctx) int {
	shadowUsage(c)
	var force, nonUnique, system, haveGID bool
	var gidText, pass, users string
	limits := loadLimits(c)
	for o := range c.GetoptOnly("fg:hK:op:rR:P:U:", []prog.Long{
		{Name: "force", Val: 'f'}, {Name: "gid", Arg: prog.ReqArg, Val: 'g'}, {Name: "help", Val: 'h'}, {Name: "key", Arg: prog.ReqArg, Val: 'K'}, {Name: "non-unique", Val: 'o'}, {Name: "password", Arg: prog.ReqArg, Val: 'p'},
		{Name: "system", Val: 'r'}, {Name: "root", Arg: prog.ReqArg, Val: 'R'}, {Name: "prefix", Arg: prog.ReqArg, Val: 'P'}, {Name: "users", Arg: prog.ReqArg, Val: 'U'},
	}) {
		switch o.Val {
		case 'h':
			c.Print(c.HelpText(), "\n")
			return 0
		case 'f':
			force = true
		case 'g':
			gidText, haveGID = o.Arg, true
			parseID(c, "group", gidText)
		case 'K':
			limits.set(o.Arg)
		case 'o':
			nonUnique = true
		case 'p':
			pass = o.Arg
		case 'r':
			system = true
		case 'U':
			users = o.Arg
		case 'R', 'P':
			foreignRoot(c, o)
		}
	}
	if len(c.Args) != 1 || nonUnique && !haveGID {
		c.Usage()
	}
	name := c.Args[0]
	if !validName(name) {
		c.Die(3, "'%s' is not a valid group name", name)
	}
	rootOnlyGroup(c)
	d := open(c)
	db := d.db()
	if _, ok := db.Group(name); ok {
		if force {
			return 0
		}
		c.Die(9, "group '%s' already exists", name)
	}
	var gid uint32
	if haveGID {
		gid = parseID(c, "group", gidText)
		if _, taken := db.GID(gid); taken && !nonUnique {
			if !force {
				c.Die(4, "GID '%d' already exists", gid)
			}
			haveGID = false
		}
	}
	if !haveGID {
		var ok bool
		if gid, ok = d.newGID(limits.ids("GID", system)); !ok {
			c.Die(4, "can't create group")
		}
	}
	d.addGroup(name, gid)
	if pass != "" && !d.gshadow.missing {
		i := d.gshadow.find(name)
		f := d.gshadow.fields(i)
		f[1] = pass
		d.gshadow.set(i, f)
	}
	for _, u := range strings.FieldsFunc(users, func(r rune) bool { return r == ',' }) {
		noSuchMember(c, db, u)
		d.addMember(name, u)
	}
	d.save(10, "/etc/group")
	return 0
}

// noSuchMember ends the program if a user that is to be a group's member does not exist.
func noSuchMember(c *prog.Ctx, db *userdb.DB, user string) {
	if _, ok := db.User(user); !ok {
		c.Errorf("Invalid member username %s\n", user)
		c.Exit(10)
	}
}

func groupdel(c *prog.Ctx) int {
	shadowUsage(c)
	force := false
	for o := range c.GetoptOnly("hfR:P:", []prog.Long{{Name: "help", Val: 'h'}, {Name: "force", Val: 'f'}, {Name: "root", Arg: prog.ReqArg, Val: 'R'}, {Name: "prefix", Arg: prog.ReqArg, Val: 'P'}}) {
		switch o.Val {
		case 'h':
			c.Print(c.HelpText(), "\n")
			return 0
		case 'f':
			force = true
		default:
			foreignRoot(c, o)
		}
	}
	if len(c.Args) != 1 {
		c.Usage()
	}
	name := c.Args[0]
	d := open(c)
	g, ok := d.db().Group(name)
	if !ok {
		c.Die(6, "group '%s' does not exist", name)
	}
	if u := d.primaryOf(g.GID); u != "" && !force {
		c.Die(8, "cannot remove the primary group of user '%s'", u)
	}
	rootOnlyGroup(c)
	d.group.remove(name)
	d.gshadow.remove(name)
	d.save(10, "/etc/group")
	return 0
}

func groupmod(c *prog.Ctx) int {
	shadowUsage(c)
	var gidText, newName, pass, users string
	var haveGID, nonUnique, appendTo bool
	for o := range c.GetoptOnly("ag:hn:op:R:P:U:", []prog.Long{
		{Name: "append", Val: 'a'}, {Name: "gid", Arg: prog.ReqArg, Val: 'g'}, {Name: "help", Val: 'h'}, {Name: "new-name", Arg: prog.ReqArg, Val: 'n'}, {Name: "non-unique", Val: 'o'}, {Name: "password", Arg: prog.ReqArg, Val: 'p'},
		{Name: "root", Arg: prog.ReqArg, Val: 'R'}, {Name: "prefix", Arg: prog.ReqArg, Val: 'P'}, {Name: "users", Arg: prog.ReqArg, Val: 'U'},
	}) {
		switch o.Val {
		case 'h':
			c.Print(c.HelpText(), "\n")
			return 0
		case 'a':
			appendTo = true
		case 'g':
			gidText, haveGID = o.Arg, true
		case 'n':
			newName = o.Arg
		case 'o':
			nonUnique = true
		case 'p':
			pass = o.Arg
		case 'U':
			users = o.Arg
		case 'R', 'P':
			foreignRoot(c, o)
		}
	}
	if len(c.Args) != 1 || nonUnique && !haveGID {
		c.Usage()
	}
	name := c.Args[0]
	d := open(c)
	db := d.db()
	g, ok := db.Group(name)
	if !ok {
		c.Die(6, "group '%s' does not exist", name)
	}
	rootOnlyGroup(c)
	if haveGID {
		n := parseID(c, "group", gidText)
		if _, taken := db.GID(n); taken && n != g.GID && !nonUnique {
			c.Die(4, "GID '%d' already exists", n)
		}
		for i := range d.passwd.lines {
			if f := d.passwd.fields(i); len(f) >= 4 && f[3] == num(g.GID) {
				f[3] = gidText
				d.passwd.set(i, f)
			}
		}
		i := d.group.find(name)
		f := d.group.fields(i)
		f[2] = gidText
		d.group.set(i, f)
	}
	if pass != "" {
		if i := d.gshadow.find(name); i >= 0 {
			f := d.gshadow.fields(i)
			f[1] = pass
			d.gshadow.set(i, f)
		}
	}
	if users != "" {
		// Of the two files that list members, groupmod changes only /etc/group.
		i := d.group.find(name)
		f := d.group.fields(i)
		var list []string
		if appendTo && f[3] != "" {
			list = strings.Split(f[3], ",")
		}
		for _, u := range strings.Split(users, ",") {
			noSuchMember(c, db, u)
			if !slices.Contains(list, u) {
				list = append(list, u)
			}
		}
		f[3] = strings.Join(list, ",")
		d.group.set(i, f)
	}
	if newName != "" && newName != name {
		if !validName(newName) {
			c.Die(3, "invalid group name '%s'", newName)
		}
		if _, taken := db.Group(newName); taken {
			c.Die(9, "group '%s' already exists", newName)
		}
		for _, t := range []*table{d.group, d.gshadow} {
			if i := t.find(name); i >= 0 {
				f := t.fields(i)
				f[0] = newName
				t.set(i, f)
				t.toEnd(newName)
			}
		}
	}
	d.save(10, "/etc/group")
	return 0
}

func gpasswd(c *prog.Ctx) int {
	c.UsageStatus = 2
	c.UsageIsHelp()
	add, del, members, admins, actions := "", "", "", "", 0
	var haveMembers, haveAdmins, dropPassword, restrict bool
	for o := range c.GetoptOnly("a:A:d:hM:Q:rR", []prog.Long{{Name: "add", Arg: prog.ReqArg, Val: 'a'}, {Name: "delete", Arg: prog.ReqArg, Val: 'd'}, {Name: "help", Val: 'h'}, {Name: "members", Arg: prog.ReqArg, Val: 'M'}, {Name: "administrators", Arg: prog.ReqArg, Val: 'A'}, {Name: "remove-password", Val: 'r'}, {Name: "restrict", Val: 'R'}, {Name: "root", Arg: prog.ReqArg, Val: 'Q'}}) {
		switch actions++; o.Val {
		case 'a':
			add = o.Arg
		case 'd':
			del = o.Arg
		case 'M':
			members, haveMembers = o.Arg, true
		case 'A':
			admins, haveAdmins = o.Arg, true
		case 'r':
			dropPassword = true
		case 'R':
			restrict = true
		case 'Q':
			actions--
			foreignRoot(c, o)
		case 'h':
			c.Print(c.HelpText(), "\n")
			return 0
		}
	}
	if len(c.Args) != 1 || actions > 1 && !(actions == 2 && haveMembers && haveAdmins) {
		c.Usage()
	}
	group := c.Args[0]
	d := open(c)
	db := d.db()
	g, ok := db.Group(group)
	if !ok {
		c.Die(3, "group '%s' does not exist in /etc/group", group)
	}
	if c.Cred().UID != 0 {
		c.Die(1, "Permission denied.")
	}
	switch {
	case add != "":
		if _, ok := db.User(add); !ok {
			c.Die(3, "user '%s' does not exist", add)
		}
		c.Printf("Adding user %s to group %s\n", add, group)
		d.addMember(group, add)
	case del != "":
		c.Printf("Removing user %s from group %s\n", del, group)
		in := false
		for _, m := range g.Members {
			in = in || m == del
		}
		if !in {
			c.Die(3, "user '%s' is not a member of '%s'", del, group)
		}
		d.dropMember(group, del)
	case haveAdmins || dropPassword || restrict:
		for _, m := range strings.FieldsFunc(admins, func(r rune) bool { return r == ',' }) {
			if _, ok := db.User(m); !ok {
				c.Die(3, "user '%s' does not exist", m)
			}
		}
		if i := d.gshadow.find(group); i >= 0 {
			f := d.gshadow.fields(i)
			for len(f) < 4 {
				f = append(f, "")
			}
			switch {
			case dropPassword:
				f[1] = ""
			case restrict:
				f[1] = "!"
			default:
				f[2] = admins
			}
			d.gshadow.set(i, f)
		}
		if haveMembers {
			d.setMembers(db, group, members)
		}
	case haveMembers:
		d.setMembers(db, group, members)
	default:
		pass, ok := askPassword(c, "Changing the password for group "+group+"\nNew Password: ")
		again := ""
		if ok {
			again, ok = askPassword(c, "Re-enter new password: ")
		}
		if !ok || pass != again {
			c.Die(1, "They don't match; try again")
		}
		if i := d.gshadow.find(group); i >= 0 {
			f := d.gshadow.fields(i)
			f[1] = hashPassword(c, pass)
			d.gshadow.set(i, f)
		}
	}
	d.save(1, "/etc/group")
	return 0
}

// setMembers makes the comma-separated list the members of a group.
func (d *databases) setMembers(db *userdb.DB, group, members string) {
	list := strings.FieldsFunc(members, func(r rune) bool { return r == ',' })
	for _, m := range list {
		if _, ok := db.User(m); !ok {
			d.c.Die(3, "user '%s' does not exist", m)
		}
	}
	d.members(group, func([]string) []string { return list })
}

// chsh is chsh and chfn.
func chsh(c *prog.Ctx) int {
	shadowUsage(c)
	shell, haveShell := "", false
	gecos := map[int]string{}
	short := "hs:R:"
	if c.Program == "chfn" {
		short = "f:h:o:r:R:uw:"
	}
	for o := range c.GetoptOnly(short, []prog.Long{{Name: "shell", Arg: prog.ReqArg, Val: 's'}, {Name: "help", Val: 'u'}, {Name: "root", Arg: prog.ReqArg, Val: 'R'}, {Name: "other", Arg: prog.ReqArg, Val: 'o'}, {Name: "full-name", Arg: prog.ReqArg, Val: 'f'}, {Name: "home-phone", Arg: prog.ReqArg, Val: 'h'}, {Name: "room", Arg: prog.ReqArg, Val: 'r'}, {Name: "work-phone", Arg: prog.ReqArg, Val: 'w'}}) {
		switch {
		case o.Val == 'R':
			foreignRoot(c, o)
		case o.Val == 'u' || o.Val == 'h' && c.Program == "chsh":
			c.Print(c.HelpText(), "\n")
			return 0
		case o.Val == 's':
			shell, haveShell = o.Arg, true
		default:
			gecos[o.Val] = o.Arg
		}
	}
	d := open(c)
	db := d.db()
	name := db.UserName(c.Cred().RUID)
	if len(c.Args) > 0 {
		name = c.Args[0]
	}
	u, ok := db.User(name)
	if !ok {
		c.Die(1, "user '%s' does not exist", name)
	}
	if c.Cred().UID != 0 {
		c.Die(1, "PAM: Authentication failure")
	}
	if c.Program == "chfn" {
		f := strings.Split(u.Gecos, ",")
		for len(f) < 4 {
			f = append(f, "")
		}
		if v, ok := gecos['o']; ok {
			f = append(f[:4:4], v)
		}
		for i, k := range []int{'f', 'r', 'w', 'h'} {
			v, ok := gecos[k]
			if ok && strings.ContainsAny(v, ":,=\n") {
				c.Die(1, "invalid %s: '%s'", []string{"name", "room number", "work phone", "home phone"}[i], v)
			}
			if ok {
				f[i] = v
			}
		}
		u.Gecos = strings.Join(f, ",")
	} else {
		if !haveShell {
			c.Printf("Changing the login shell for %s\nEnter the new value, or press ENTER for the default\n\tLogin Shell [%s]: ", name, u.Shell)
			c.Out.Flush()
			line, _ := c.In.ReadString('\n')
			if shell = strings.TrimSpace(line); shell == "" {
				return 0
			}
		}
		if _, err := c.Stat(shell); err != nil {
			c.Warn("Warning: %s does not exist", shell)
		} else if c.Access(shell, linux.X_OK) != nil {
			c.Warn("Warning: %s is not executable", shell)
		}
		u.Shell = shell
	}
	d.passwd.set(d.passwd.find(name), strings.Split(u.String(), ":"))
	d.save(1, "/etc/passwd")
	return 0
}

package accounts

import (
	"slices"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// Debian's adduser and deluser, which speak more than the shadow programs, and Busybox's applets
// of those names.

const (
	auSystem = prog.LongOnly + iota
	auHome
	auShell
	auUID
	auGID
	auIngroup
	auGroup
	auGecos
	auDisabledPassword
	auDisabledLogin
	auNoCreateHome
	auFirstUID
	auLastUID
	auFirstGID
	auLastGID
	auAddExtraGroups
	auForceBadname
	auQuiet
	auRemoveHome
	auRemoveAll
	auBackup
	auBackupTo
	auOnlyIfEmpty
	auConf
	auDebug
	auHelp
	auVersion
	auEncryptHome
	auAllUsers
)

var adduserLong = []prog.Long{
	{Name: "system", Val: auSystem}, {Name: "home", Arg: prog.ReqArg, Val: auHome}, {Name: "shell", Arg: prog.ReqArg, Val: auShell}, {Name: "uid", Arg: prog.ReqArg, Val: auUID}, {Name: "gid", Arg: prog.ReqArg, Val: auGID},
	{Name: "ingroup", Arg: prog.ReqArg, Val: auIngroup}, {Name: "group", Val: auGroup}, {Name: "gecos", Arg: prog.ReqArg, Val: auGecos}, {Name: "comment", Arg: prog.ReqArg, Val: auGecos},
	{Name: "disabled-password", Val: auDisabledPassword}, {Name: "disabled-login", Val: auDisabledLogin}, {Name: "no-create-home", Val: auNoCreateHome},
	{Name: "firstuid", Arg: prog.ReqArg, Val: auFirstUID}, {Name: "lastuid", Arg: prog.ReqArg, Val: auLastUID}, {Name: "firstgid", Arg: prog.ReqArg, Val: auFirstGID}, {Name: "lastgid", Arg: prog.ReqArg, Val: auLastGID},
	{Name: "add-extra-groups", Val: auAddExtraGroups}, {Name: "add_extra_groups", Val: auAddExtraGroups}, {Name: "force-badname", Val: auForceBadname}, {Name: "allow-badname", Val: auForceBadname}, {Name: "allow-bad-names", Val: auForceBadname}, {Name: "allow-all-names", Val: auForceBadname},
	{Name: "quiet", Val: auQuiet}, {Name: "remove-home", Val: auRemoveHome}, {Name: "remove-all-files", Val: auRemoveAll}, {Name: "backup", Val: auBackup}, {Name: "backup-to", Arg: prog.ReqArg, Val: auBackupTo},
	{Name: "only-if-empty", Val: auOnlyIfEmpty}, {Name: "conf", Arg: prog.ReqArg, Val: auConf}, {Name: "debug", Val: auDebug}, {Name: "verbose", Val: auDebug}, {Name: "help", Val: auHelp}, {Name: "version", Val: auVersion},
}

// adder is one run of adduser or addgroup.
type adder struct {
	*prog.Ctx
	d     *databases
	quiet bool
}

func (a *adder) say(format string, args ...any) {
	if !a.quiet {
		a.Printf(format, args...)
	}
}

// sysFirst are the numbers that adduser gives system users, upwards.
var sysFirst = idRange{100, 999, false}

func adduser(c *prog.Ctx) int {
	if !c.GNU() {
		return adduserBusybox(c)
	}
	a := &adder{Ctx: c}
	set := map[int]string{}
	has := func(v int) bool { _, ok := set[v]; return ok }
	for o := range c.GetoptOnly("qhv", adduserLong) {
		switch o.Val {
		case 'q', auQuiet:
			a.quiet = true
		case 'h', auHelp:
			c.Print("adduser [--uid id] [--firstuid id] [--lastuid id]\n        [--gid id] [--firstgid id] [--lastgid id] [--ingroup group]\n        [--add-extra-groups] [--shell shell]\n        [--comment comment] [--home dir] [--no-create-home]\n        [--allow-all-names] [--allow-bad-names]\n        [--disabled-password] [--disabled-login]\n        [--conf file] [--quiet] [--verbose] [--debug]\n        user\n    Add a normal user\n")
			return 0
		case auVersion:
			c.Print("adduser version 3.134\n")
			return 0
		default:
			set[o.Val] = o.Arg
		}
	}
	if c.Cred().UID != 0 {
		c.Die(1, "Only root may add a user or group to the system.")
	}
	a.d = open(c)
	switch len(c.Args) {
	case 0:
		c.Die(1, "Only one or two names allowed.")
	case 1:
	case 2:
		return a.joinWords(c.Args[0], c.Args[1])
	default:
		c.Die(1, "Only one or two names allowed.")
	}
	name := c.Args[0]
	system := has(auSystem)
	if has(auGroup) && !system {
		return a.newGroup(name, has(auSystem), set[auGID])
	}
	db := a.d.db()
	if u, ok := db.User(name); ok {
		if system && u.UID < 1000 {
			a.say("The system user `%s' already exists. Exiting.\n", name)
			return 0
		}
		c.Die(1, "The user `%s' already exists.", name)
	}
	if !adduserName(name) && !has(auForceBadname) {
		c.Die(1, "Please enter a username matching the regular expression\n            configured via the NAME_REGEX configuration variable.  Use the\n            `--allow-bad-names' option to relax this check or reconfigure\n            NAME_REGEX in configuration.")
	}
	ids := idRange{1000, 59999, false}
	if system {
		ids = sysFirst
	}
	uid, ok := uint32(0), false
	if t, given := set[auUID]; given {
		n, err := strconv.ParseUint(t, 10, 32)
		if err != nil {
			c.Die(1, "Value \"%s\" invalid for option uid (number expected)", t)
		}
		if u, taken := db.UID(uint32(n)); taken {
			c.Die(1, "The UID %d is already in use.", u.UID)
		}
		uid, ok = uint32(n), true
	} else {
		// The first number from which both a user and, if wanted, a group are free.
		for n := ids.min; n <= ids.max; n++ {
			_, u := db.UID(n)
			_, g := db.GID(n)
			if !u && (!g || system || has(auIngroup) || has(auGID)) {
				uid, ok = n, true
				break
			}
		}
	}
	if !ok {
		c.Die(1, "No UID/GID pair is available in the range %d-%d (FIRST_UID - LAST_UID).", ids.min, ids.max)
	}
	if system {
		a.say("Adding system user `%s' (UID %d) ...\n", name, uid)
	} else {
		a.say("Adding user `%s' ...\n", name)
	}
	group := name
	var gid uint32
	switch {
	case has(auIngroup) || has(auGID):
		key := set[auIngroup]
		if has(auGID) {
			key = set[auGID]
		}
		g, ok := db.ParseGroup(key)
		gr, exists := db.GID(g)
		if !ok || !exists {
			c.Die(1, "The group `%s' does not exist.", key)
		}
		gid, group = g, gr.Name
	case system && !has(auGroup):
		gid, group = 65534, "nogroup"
	default:
		if g, taken := db.Group(name); taken {
			if system {
				gid = g.GID
				break
			}
			c.Die(1, "The group `%s' already exists.", name)
		}
		gid = uid
		if system {
			for n := uid; n <= ids.max; n++ {
				if _, taken := db.GID(n); !taken {
					gid = n
					break
				}
			}
			a.say("Adding new group `%s' (GID %d) ...\n", name, gid)
		} else {
			a.say("Adding new group `%s' (%d) ...\n", name, gid)
		}
		a.d.addGroup(name, gid)
	}
	if system {
		a.say("Adding new user `%s' (UID %d) with group `%s' ...\n", name, uid, group)
	} else {
		a.say("Adding new user `%s' (%d) with group `%s (%d)' ...\n", name, uid, group, gid)
	}
	home := "/home/" + name
	shell := "/bin/bash"
	if system {
		home, shell = "/nonexistent", "/usr/sbin/nologin"
	}
	if v, ok := set[auHome]; ok {
		home = v
	}
	if has(auDisabledLogin) {
		shell = "/usr/sbin/nologin"
	}
	if v, ok := set[auShell]; ok {
		shell = v
	}
	gecos := set[auGecos]
	if !system {
		gecos += ",,,"
		gecos = strings.Join(strings.SplitN(gecos, ",", 5)[:4], ",")
		if has(auGecos) && set[auGecos] != "" && !strings.Contains(set[auGecos], ",") {
			gecos = set[auGecos] + ",,,"
		}
	}
	a.d.passwd.add(name, "x", num(uid), num(gid), gecos, home, shell)
	if system {
		a.d.shadow.add(name, "!", days(c), "", "", "", "", "", "")
	} else {
		a.d.shadow.add(name, "!", days(c), "0", "99999", "7", "", "", "")
		a.d.addSubIDs(name)
	}
	a.d.save(1, "/etc/passwd")
	_, exists := c.Stat(home)
	switch {
	case has(auNoCreateHome) && !system:
		a.say("Not creating home directory `%s'.\n", home)
	case has(auNoCreateHome) || home == "/nonexistent":
		a.say("Not creating `%s'.\n", home)
	case exists == nil:
		a.say("The home directory `%s' already exists.  Not copying from `/etc/skel'.\n", home)
	default:
		a.say("Creating home directory `%s' ...\n", home)
		skel := "/etc/skel"
		mode := linux.Mode(0o700)
		if system {
			skel, mode = "/nonexistent", 0o755
		} else {
			a.say("Copying files from `/etc/skel' ...\n")
		}
		if err := makeHome(c, home, skel, uid, gid, mode, false); err != nil {
			c.Die(1, "Couldn't create home directory `%s': %v.", home, err)
		}
	}
	if system {
		return 0
	}
	if !has(auDisabledPassword) && !has(auDisabledLogin) {
		if st, err := c.Command([]string{"passwd", name}, nil, nil); err != nil || st.Code != 0 {
			c.Warn("passwd %s: the password was not set", name)
		}
	}
	if !has(auGecos) {
		c.Printf("Changing the user information for %s\nEnter the new value, or press ENTER for the default\n", name)
		var f []string
		for _, what := range []string{"Full Name", "Room Number", "Work Phone", "Home Phone", "Other"} {
			c.Printf("\t%s []: ", what)
			c.Out.Flush()
			line, err := c.In.ReadString('\n')
			f = append(f, strings.TrimSpace(line))
			if err != nil {
				c.Print("\n")
				break
			}
		}
		for len(f) < 4 {
			f = append(f, "")
		}
		a.d = open(c)
		if i := a.d.passwd.find(name); i >= 0 {
			fields := a.d.passwd.fields(i)
			fields[4] = strings.TrimSuffix(strings.Join(f, ","), ",")
			a.d.passwd.set(i, fields)
			a.d.save(1, "/etc/passwd")
		}
		c.Print("Is the information correct? [Y/n] ")
		c.Out.Flush()
		c.In.ReadString('\n')
	}
	if _, ok := a.d.db().Group("users"); ok {
		a.say("Adding new user `%s' to supplemental / extra groups `users' ...\n", name)
		a.toGroup(name, "users")
	}
	return 0
}

// joinWords is "adduser USER GROUP".
func (a *adder) joinWords(user, group string) int {
	if a.toGroup(user, group) {
		a.say("Done.\n")
	}
	return 0
}

// toGroup makes a user a member of a group; it says whether he was none.
func (a *adder) toGroup(user, group string) bool {
	a.d = open(a.Ctx)
	db := a.d.db()
	if _, ok := db.User(user); !ok {
		a.Die(1, "The user `%s' does not exist.", user)
	}
	g, ok := db.Group(group)
	if !ok {
		a.Die(1, "The group `%s' does not exist.", group)
	}
	if slices.Contains(g.Members, user) {
		a.Errorf("adduser: The user `%s' is already a member of `%s'.\n", user, group)
		return false
	}
	a.say("Adding user `%s' to group `%s' ...\n", user, group)
	a.d.addMember(group, user)
	a.d.save(1, "/etc/group")
	return true
}

func (a *adder) newGroup(name string, system bool, gidText string) int {
	db := a.d.db()
	if g, ok := db.Group(name); ok {
		if system && g.GID < 1000 {
			a.say("The group `%s' already exists as a system group. Exiting.\n", name)
			return 0
		}
		a.Warn("The group `%s' already exists.", name)
		return 1
	}
	ids := idRange{1000, 59999, false}
	if system {
		ids = sysFirst
	}
	var gid uint32
	if gidText != "" {
		n, err := strconv.ParseUint(gidText, 10, 32)
		if err != nil {
			a.Die(1, "Value \"%s\" invalid for option gid (number expected)", gidText)
		}
		if _, taken := db.GID(uint32(n)); taken {
			a.Die(1, "The GID `%d' is already in use.", n)
		}
		gid = uint32(n)
	} else {
		for n := ids.min; n <= ids.max; n++ {
			if _, taken := db.GID(n); !taken {
				gid = n
				break
			}
		}
	}
	a.say("Adding group `%s' (GID %d) ...\n", name, gid)
	a.d.addGroup(name, gid)
	a.d.save(1, "/etc/group")
	a.say("Done.\n")
	return 0
}

func addgroup(c *prog.Ctx) int {
	if !c.GNU() {
		return addgroupBusybox(c)
	}
	a := &adder{Ctx: c}
	system, gid := false, ""
	for o := range c.GetoptOnly("qhv", adduserLong) {
		switch o.Val {
		case 'q', auQuiet:
			a.quiet = true
		case auSystem:
			system = true
		case auGID:
			gid = o.Arg
		case auVersion:
			c.Print("addgroup version 3.134\n")
			return 0
		}
	}
	if c.Cred().UID != 0 {
		c.Die(1, "Only root may add a user or group to the system.")
	}
	a.d = open(c)
	switch len(c.Args) {
	case 1:
		return a.newGroup(c.Args[0], system, gid)
	case 2:
		return a.joinWords(c.Args[0], c.Args[1])
	}
	c.Die(1, "Only one or two names allowed.")
	return 1
}

// deluser is deluser and delgroup.
func deluser(c *prog.Ctx) int {
	if !c.GNU() {
		return deluserBusybox(c)
	}
	a := &adder{Ctx: c}
	group := c.Program == "delgroup"
	perl, onlyEmpty, system := false, false, false
	for o := range c.GetoptOnly("qhv", adduserLong) {
		switch o.Val {
		case 'q', auQuiet:
			a.quiet = true
		case auGroup:
			group = true
		case auSystem:
			system = true
		case auRemoveHome, auRemoveAll, auBackup, auBackupTo:
			perl = true
		case auOnlyIfEmpty:
			onlyEmpty = true
		case auVersion:
			c.Printf("%s version 3.134\n", c.Program)
			return 0
		}
	}
	if c.Cred().UID != 0 {
		c.Die(1, "Only root may remove a user or group from the system.")
	}
	if perl {
		// minbase has perl-base only.
		c.Warn("In order to use the --remove-home, --remove-all-files, and --backup features,")
		c.Errorf("you need to install the `perl' package. To accomplish that, run\napt-get install perl.\n")
		return 8
	}
	a.d = open(c)
	db := a.d.db()
	if len(c.Args) == 0 || len(c.Args) > 2 {
		c.Die(1, "Only one or two names allowed.")
	}
	name := c.Args[0]
	if len(c.Args) == 2 {
		g, ok := db.Group(c.Args[1])
		if !ok {
			c.Die(3, "The group `%s' does not exist.", c.Args[1])
		}
		if _, ok := db.User(name); !ok {
			c.Die(2, "The user `%s' does not exist.", name)
		}
		if !slices.Contains(g.Members, name) {
			c.Die(6, "The user `%s' is not a member of group `%s'.", name, g.Name)
		}
		a.say("Removing user `%s' from group `%s' ...\n", name, g.Name)
		a.d.dropMember(g.Name, name)
		a.d.save(1, "/etc/group")
		a.say("Done.\n")
		return 0
	}
	if group {
		g, ok := db.Group(name)
		if !ok {
			if system {
				a.say("The group `%s' does not exist.\n", name)
				return 0
			}
			c.Die(3, "The group `%s' does not exist.", name)
		}
		if onlyEmpty && len(g.Members) > 0 {
			c.Die(5, "The group `%s' is not empty!", name)
		}
		if u := a.d.primaryOf(g.GID); u != "" {
			c.Die(7, "`%s' still has `%s' as their primary group!", u, name)
		}
		a.say("Removing group `%s' ...\n", name)
		a.d.group.remove(name)
		a.d.gshadow.remove(name)
		a.d.save(1, "/etc/group")
		a.say("Done.\n")
		return 0
	}
	if _, ok := db.User(name); !ok {
		if system {
			if !a.quiet {
				c.Warn("The user `%s' does not exist, but --system was given. Exiting.", name)
			}
			return 0
		}
		c.Die(2, "The user `%s' does not exist.", name)
	}
	for _, g := range db.Groups {
		a.d.dropMemberIf(g, name)
	}
	if _, err := c.Stat("/usr/bin/crontab"); err != nil {
		if !a.quiet {
			c.Warn("`/usr/bin/crontab' not executed. Skipping crontab removal. Package `cron' required.")
		}
	} else {
		a.say("Removing crontab ...\n")
	}
	a.say("Removing user `%s' ...\n", name)
	u, _ := db.User(name)
	a.d.passwd.remove(name)
	a.d.shadow.remove(name)
	a.d.subuid.remove(name)
	a.d.subgid.remove(name)
	if g, ok := db.Group(name); ok && g.GID == u.GID && a.d.primaryOf(g.GID) == "" {
		a.d.group.remove(name)
		a.d.gshadow.remove(name)
	}
	a.d.save(1, "/etc/passwd")
	a.say("Done.\n")
	return 0
}

// adduserBusybox is Busybox's adduser, "adduser [OPTIONS] USER [GROUP]".
func adduserBusybox(c *prog.Ctx) int {
	set := map[int]string{}
	has := func(v int) bool { _, ok := set[v]; return ok }
	for o := range c.Getopt("h:g:s:G:DSHu:k:", []prog.Long{{Name: "home", Arg: prog.ReqArg, Val: 'h'}, {Name: "gecos", Arg: prog.ReqArg, Val: 'g'}, {Name: "shell", Arg: prog.ReqArg, Val: 's'}, {Name: "ingroup", Arg: prog.ReqArg, Val: 'G'},
		{Name: "disabled-password", Val: 'D'}, {Name: "empty-password", Val: 'D'}, {Name: "system", Val: 'S'}, {Name: "no-create-home", Val: 'H'}, {Name: "uid", Arg: prog.ReqArg, Val: 'u'}, {Name: "skel", Arg: prog.ReqArg, Val: 'k'}}) {
		set[o.Val] = o.Arg
	}
	if len(c.Args) < 1 || len(c.Args) > 2 {
		c.Usage()
	}
	if c.Cred().UID != 0 {
		c.Die(1, "must be suid to work properly")
	}
	if len(c.Args) == 2 {
		return joinGroup(c, c.Args[0], c.Args[1])
	}
	name := c.Args[0]
	d := open(c)
	db := d.db()
	if _, ok := db.User(name); ok {
		c.Die(1, "user '%s' in use", name)
	}
	ids := idRange{1000, 60000, false}
	if has('S') {
		ids = idRange{100, 999, false}
	}
	var uid uint32
	if t, ok := set['u']; ok {
		n, err := strconv.ParseUint(t, 10, 32)
		if err != nil {
			c.Die(1, "invalid number '%s'", t)
		}
		if _, taken := db.UID(uint32(n)); taken {
			c.Die(1, "uid '%d' in use", n)
		}
		uid = uint32(n)
	} else {
		for uid = ids.min; uid <= ids.max; uid++ {
			_, u := db.UID(uid)
			_, g := db.GID(uid)
			if !u && (!g || has('S')) {
				break
			}
		}
		if uid > ids.max {
			c.Die(1, "no %cids left", 'u')
		}
	}
	var gid uint32
	switch {
	case has('G'):
		g, ok := db.ParseGroup(set['G'])
		if !ok {
			c.Die(1, "unknown group %s", set['G'])
		}
		gid = g
	case has('S'):
		gid = 65533 // nogroup, as alpine numbers it
		if g, ok := db.Group("nogroup"); ok {
			gid = g.GID
		}
	default:
		if _, taken := db.Group(name); taken {
			c.Die(1, "group name '%s' is in use", name)
		}
		gid = uid
		d.group.add(name, "x", num(gid), "")
	}
	home, shell, gecos := "/home/"+name, "/bin/ash", "Linux User,,,"
	if _, err := c.Stat(shell); err != nil {
		shell = "/bin/sh"
	}
	if has('S') {
		shell = "/bin/false"
	}
	if v, ok := set['h']; ok {
		home = v
	}
	if v, ok := set['s']; ok {
		shell = v
	}
	if v, ok := set['g']; ok {
		gecos = v
	}
	d.passwd.add(name, "x", num(uid), num(gid), gecos, home, shell)
	d.shadow.add(name, "!", days(c), "0", "99999", "7", "", "", "")
	if has('G') {
		if gr, ok := db.GID(gid); ok {
			d.addMember(gr.Name, name)
		}
	}
	d.save(1, "/etc/passwd")
	if !has('H') {
		skel := "/etc/skel"
		if v, ok := set['k']; ok {
			skel = v
		}
		if st, err := c.Stat(home); err == nil {
			if st.UID != uid {
				c.Warn("warning: home directory %s already exists", home)
			}
		} else if err := makeHome(c, home, skel, uid, gid, 0o2755, false); err != nil {
			c.Warn("%s: %v", home, err)
		}
	}
	if !has('D') && !has('S') {
		c.Out.Flush()
		c.Execvp([]string{"passwd", "--", name}, c.Env())
	}
	return 0
}

func addgroupBusybox(c *prog.Ctx) int {
	gidText, system := "", false
	for o := range c.Getopt("g:S", []prog.Long{{Name: "gid", Arg: prog.ReqArg, Val: 'g'}, {Name: "system", Val: 'S'}}) {
		switch o.Val {
		case 'g':
			gidText = o.Arg
		case 'S':
			system = true
		}
	}
	if len(c.Args) < 1 || len(c.Args) > 2 {
		c.Usage()
	}
	if c.Cred().UID != 0 {
		c.Die(1, "must be suid to work properly")
	}
	if len(c.Args) == 2 {
		return joinGroup(c, c.Args[0], c.Args[1])
	}
	name := c.Args[0]
	d := open(c)
	db := d.db()
	if _, ok := db.Group(name); ok {
		c.Die(1, "group '%s' in use", name)
	}
	var gid uint32
	if gidText != "" {
		n, err := strconv.ParseUint(gidText, 10, 32)
		if err != nil {
			c.Die(1, "invalid number '%s'", gidText)
		}
		if _, taken := db.GID(uint32(n)); taken {
			c.Die(1, "gid '%d' in use", n)
		}
		gid = uint32(n)
	} else {
		ids := idRange{1000, 60000, false}
		if system {
			ids = idRange{100, 999, false}
		}
		for gid = ids.min; gid <= ids.max; gid++ {
			if _, taken := db.GID(gid); !taken {
				break
			}
		}
	}
	d.group.add(name, "x", num(gid), "")
	d.save(1, "/etc/group")
	return 0
}

// joinGroup is "addgroup USER GROUP" of Busybox.
func joinGroup(c *prog.Ctx, user, group string) int {
	d := open(c)
	db := d.db()
	if _, ok := db.User(user); !ok {
		c.Die(1, "unknown user %s", user)
	}
	g, ok := db.Group(group)
	if !ok {
		c.Die(1, "unknown group %s", group)
	}
	if !slices.Contains(g.Members, user) {
		d.addMember(group, user)
		d.save(1, "/etc/group")
	}
	return 0
}

func deluserBusybox(c *prog.Ctx) int {
	removeHome := false
	short := ""
	var long []prog.Long
	if c.Program == "deluser" {
		short, long = "r", []prog.Long{{Name: "remove-home", Val: 'r'}}
	}
	for range c.Getopt(short, long) {
		removeHome = true
	}
	if len(c.Args) < 1 || len(c.Args) > 2 {
		c.Usage()
	}
	if c.Cred().UID != 0 {
		c.Die(1, "must be suid to work properly")
	}
	d := open(c)
	db := d.db()
	group, user := "", c.Args[0]
	if c.Program == "delgroup" && len(c.Args) == 1 {
		group, user = c.Args[0], ""
	} else if len(c.Args) == 2 {
		group = c.Args[1]
	}
	if group != "" {
		g, ok := db.Group(group)
		if !ok {
			c.Die(1, "unknown group %s", group)
		}
		if user != "" {
			if _, ok := db.User(user); !ok {
				c.Die(1, "unknown user %s", user)
			}
			if !slices.Contains(g.Members, user) {
				c.Die(1, "can't find %s in /etc/group", user)
			}
			d.dropMember(group, user)
		} else {
			if u := d.primaryOf(g.GID); u != "" {
				c.Die(1, "'%s' still has '%s' as their primary group!", u, group)
			}
			d.group.remove(group)
			d.gshadow.remove(group)
		}
		d.save(1, "/etc/group")
		return 0
	}
	u, ok := db.User(user)
	if !ok {
		c.Die(1, "unknown user %s", user)
	}
	for _, g := range db.Groups {
		d.dropMemberIf(g, user)
	}
	d.passwd.remove(user)
	d.shadow.remove(user)
	if g, ok := db.Group(user); ok && g.GID == u.GID {
		d.group.remove(user)
		d.gshadow.remove(user)
	}
	if removeHome {
		removeTree(c, u.Home)
	}
	d.save(1, "/etc/passwd")
	return 0
}

// adduserName is the pattern of names that adduser takes where its configuration gives no other.
func adduserName(s string) bool {
	if s == "" || len(s) > 32 || !(s[0] == '_' || s[0] >= 'a' && s[0] <= 'z') {
		return false
	}
	for i := 1; i < len(s); i++ {
		ch := s[i]
		if !(ch == '_' || ch == '-' || ch >= 'a' && ch <= 'z' || ch >= '0' && ch <= '9' || ch == '$' && i == len(s)-1) {
			return false
		}
	}
	return true
}

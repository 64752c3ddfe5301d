package accounts

import (
	"path"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
	"github.com/dockerlab/dockerlab/sim/userland/userdb"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// The programs that run another one as somebody else: su, runuser, gosu, su-exec, setpriv.

// become takes on a user's identity.
func become(c *prog.Ctx, uid, gid uint32, groups []uint32) error {
	if err := c.Setgroups(groups); err != nil {
		return err
	}
	if err := c.Setgid(gid); err != nil {
		return err
	}
	return c.Setuid(uid)
}

func setEnv(env []string, name, value string) []string {
	for i, kv := range env {
		if strings.HasPrefix(kv, name+"=") {
			env[i] = name + "=" + value
			return env
		}
	}
	return append(env, name+"="+value)
}

// su is su and runuser.
func su(c *prog.Ctx) int {
	var login, keep, haveCommand bool
	var command, shell, group string
	var supp []string
	runuser := c.Program == "runuser"
	runAs, direct := "", false
	short, long := "+c:fg:G:lmpPTs:hVu:"+"w:", []prog.Long{
		{Name: "command", Arg: prog.ReqArg, Val: 'c'}, {Name: "session-command", Arg: prog.ReqArg, Val: 'C'}, {Name: "fast", Val: 'f'}, {Name: "login", Val: 'l'}, {Name: "preserve-environment", Val: 'p'}, {Name: "pty", Val: 'P'}, {Name: "no-pty", Val: 'T'},
		{Name: "shell", Arg: prog.ReqArg, Val: 's'}, {Name: "group", Arg: prog.ReqArg, Val: 'g'}, {Name: "supp-group", Arg: prog.ReqArg, Val: 'G'}, {Name: "user", Arg: prog.ReqArg, Val: 'u'}, {Name: "whitelist-environment", Arg: prog.ReqArg, Val: 'w'},
	}
	if !c.GNU() {
		short, long = "mplc:s:", nil
	} else {
		short = strings.TrimPrefix(short, "+")
		if !runuser {
			short = strings.Replace(short, "u:", "", 1)
		}
	}
	for o := range c.Getopt(short, long) {
		switch o.Val {
		case 'c', 'C':
			command, haveCommand = o.Arg, true
		case 'f', 'P', 'T', 'w':
		case 'g':
			group = o.Arg
		case 'G':
			supp = append(supp, o.Arg)
		case 'l':
			login = true
		case 'm', 'p':
			keep = true
		case 's':
			shell = o.Arg
		case 'u':
			runAs, direct = o.Arg, true
		case 'h':
			c.Help()
		case 'V':
			c.Version()
		}
	}
	args := c.Args
	if len(args) > 0 && args[0] == "-" {
		login, args = true, args[1:]
	}
	name := "root"
	if direct {
		name = runAs
		if len(args) == 0 {
			c.Die(1, "no command was specified")
		}
	} else if len(args) > 0 {
		name, args = args[0], args[1:]
	}
	db := userdb.Load(c)
	u, ok := db.User(name)
	if !ok {
		if c.GNU() {
			c.Die(1, "user %s does not exist or the user entry does not contain all the required fields", name)
		}
		c.Die(1, "unknown user %s", name)
	}
	me := c.Cred()
	if me.UID != 0 && !c.GNU() {
		c.Die(1, "must be suid to work properly")
	}
	if me.RUID != 0 {
		if runuser {
			c.Die(1, "may not be used by non-root users")
		}
		d := open(c)
		hash := u.Password
		if i := d.shadow.find(name); i >= 0 {
			hash = d.shadow.fields(i)[1]
		}
		pass := ""
		if hash != "" {
			pass, _ = askPassword(c, "Password: ")
		}
		if !checkPassword(pass, hash) {
			if c.GNU() {
				c.Die(1, "Authentication failure")
			}
			c.Die(1, "incorrect password")
		}
	}
	gid, groups := u.GID, db.GroupList(u.Name, u.GID)
	lookup := func(g string) uint32 {
		n, ok := db.ParseGroup(g)
		if !ok {
			c.Die(1, "group %s does not exist", g)
		}
		return n
	}
	if group != "" || supp != nil {
		if me.RUID != 0 {
			c.Die(1, "only root can specify alternative groups")
		}
		groups = nil
		for _, g := range supp {
			groups = append(groups, lookup(g))
		}
		if group != "" {
			gid = lookup(group)
		} else if len(groups) > 0 {
			gid = groups[0]
		}
		groups = append([]uint32{gid}, groups...)
	}
	if shell == "" && keep {
		shell = c.Getenv("SHELL")
	}
	if shell == "" || login && keep && c.Getenv("SHELL") == "" {
		if shell = u.Shell; shell == "" {
			shell = "/bin/sh"
		}
	}
	env := append([]string(nil), c.Env()...)
	path0 := "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games"
	if u.UID == 0 {
		path0 = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	}
	if !c.GNU() {
		path0 = "/bin:/usr/bin"
		if u.UID == 0 {
			path0 = "/sbin:/usr/sbin:/bin:/usr/bin"
		}
	}
	switch {
	case login && !keep:
		env = nil
		if t := c.Getenv("TERM"); t != "" {
			env = append(env, "TERM="+t)
		}
		env = setEnv(env, "HOME", u.Home)
		env = setEnv(env, "SHELL", shell)
		env = setEnv(env, "USER", u.Name)
		env = setEnv(env, "LOGNAME", u.Name)
		env = setEnv(env, "PATH", path0)
	case !keep:
		env = setEnv(env, "HOME", u.Home)
		env = setEnv(env, "SHELL", shell)
		if u.UID != 0 || !c.GNU() {
			env = setEnv(env, "USER", u.Name)
			env = setEnv(env, "LOGNAME", u.Name)
		}
		if c.GNU() {
			env = setEnv(env, "PATH", path0)
		}
	}
	if err := become(c, u.UID, gid, groups); err != nil {
		if c.GNU() {
			c.Die(1, "cannot set groups: %v", err)
		}
		if !c.Cred().Has(vfs.CapSetgid) {
			c.Die(1, "can't set groups: %v", err)
		}
		c.Die(1, "setuid: %v", err)
	}
	if login && !keep {
		if err := c.Chdir(u.Home); err != nil {
			if c.GNU() {
				c.Warn("warning: cannot change directory to %s: %v", u.Home, err)
			} else {
				c.Warn("can't change directory to '%s'", u.Home)
			}
		}
	}
	if direct {
		runIt(c, args, env)
		return 1
	}
	argv := []string{path.Base(shell)}
	if login {
		argv[0] = "-" + argv[0]
	}
	if haveCommand {
		argv = append(argv, "-c", command)
	}
	argv = append(argv, args...)
	c.Out.Flush()
	err := c.Exec(shell, argv, env)
	if err == linux.ENOEXEC {
		err = c.Exec("/bin/sh", append([]string{argv[0], shell}, argv[1:]...), env)
	}
	if c.GNU() {
		c.Warn("failed to execute %s: %v", shell, err)
	} else {
		c.Warn("can't execute '%s': %v", shell, err)
		return 1
	}
	if err == linux.ENOENT {
		return 127
	}
	return 126
}

func runIt(c *prog.Ctx, argv, env []string) int {
	err := c.Execvp(argv, env)
	c.Warn("failed to execute %s: %v", argv[0], err)
	if err == linux.ENOENT {
		return 127
	}
	return 126
}

// gosu is gosu and su-exec: "gosu USER[:GROUP] COMMAND ...", without a process in between.
func gosu(c *prog.Ctx) int {
	args := c.Args
	exec := c.Program == "su-exec"
	if len(args) > 0 && !exec {
		switch args[0] {
		case "--version", "-v":
			c.Print("1.14 (go1.19.8 on linux/amd64; gc)\n")
			return 0
		case "--help", "-h", "-?":
			c.Print(gosuUsage(c))
			return 0
		}
	}
	if len(args) < 2 {
		if exec {
			c.Printf("Usage: %s user-spec command [args]\n", c.Name)
			return 0
		}
		c.Errorf("%s", gosuUsage(c))
		return 1
	}
	db := userdb.Load(c)
	userText, groupText, haveGroup := strings.Cut(args[0], ":")
	fail := func(kind, name string) int {
		if exec {
			call := map[string]string{"user": "getpwnam", "group": "getgrnam"}[kind]
			c.Warn("%s(%s): Success", call, name)
			return 1
		}
		c.Errorf("error: failed switching to \"%s\": unable to find %s %s: no matching entries in %s file\n", args[0], kind, name, map[string]string{"user": "passwd", "group": "group"}[kind])
		return 1
	}
	me := c.Cred()
	uid, gid, home := me.UID, me.GID, "/"
	var groups []uint32
	if userText != "" {
		u, ok := db.User(userText)
		if !ok {
			n, err := strconv.ParseUint(userText, 10, 31)
			if err != nil {
				return fail("user", userText)
			}
			uid = uint32(n)
			if u, ok = db.UID(uid); !ok {
				groups = []uint32{gid}
			}
		}
		if ok {
			uid, gid, home = u.UID, u.GID, u.Home
			groups = db.GroupList(u.Name, u.GID)
		}
	}
	if haveGroup && groupText != "" {
		g, ok := db.ParseGroup(groupText)
		if !ok {
			return fail("group", groupText)
		}
		gid, groups = g, []uint32{g}
	}
	if err := become(c, uid, gid, groups); err != nil {
		if exec {
			c.Warn("setgroups: %v", err)
			return 1
		}
		c.Errorf("error: failed switching to \"%s\": %s\n", args[0], strings.ToLower(err.Error()))
		return 1
	}
	env := setEnv(append([]string(nil), c.Env()...), "HOME", home)
	err := c.Execvp(args[1:], env)
	switch {
	case exec:
		c.Warn("%s: %v", args[1], err)
	case err == linux.ENOENT && !strings.Contains(args[1], "/"):
		c.Errorf("error: exec: %q: executable file not found in $PATH\n", args[1])
	case err == linux.ENOENT:
		c.Errorf("error: stat %s: no such file or directory\n", args[1])
	default:
		c.Errorf("error: exec: %q: %s\n", args[1], strings.ToLower(err.Error()))
	}
	return 1
}

func gosuUsage(c *prog.Ctx) string {
	return "\nUsage: " + c.Name + " user-spec command [args]\n   eg: " + c.Name + " tianon bash\n       " + c.Name + " nobody:root bash -c 'whoami && id'\n       " + c.Name + " 1000:1 id\n\n" +
		c.Name + " version: 1.14 (go1.19.8 on linux/amd64; gc)\n" + strings.Repeat(" ", max(0, len(c.Name)-len("gosu"))) + "     license: Apache-2.0 (full text at https://github.com/tianon/gosu)\n\n"
}

// setpriv is util-linux's, as far as identities go.
func setpriv(c *prog.Ctx) int {
	const (
		spReuid = prog.LongOnly + iota
		spRuid
		spEuid
		spRegid
		spRgid
		spEgid
		spClear
		spKeep
		spInit
		spGroups
		spNNP
		spCaps
		spReset
	)
	var ids [6]string
	var clearG, keepG, initG, reset bool
	groupList, haveGroups := "", false
	for o := range c.Getopt("+dhV", []prog.Long{
		{Name: "reuid", Arg: prog.ReqArg, Val: spReuid}, {Name: "ruid", Arg: prog.ReqArg, Val: spRuid}, {Name: "euid", Arg: prog.ReqArg, Val: spEuid}, {Name: "regid", Arg: prog.ReqArg, Val: spRegid}, {Name: "rgid", Arg: prog.ReqArg, Val: spRgid}, {Name: "egid", Arg: prog.ReqArg, Val: spEgid},
		{Name: "clear-groups", Val: spClear}, {Name: "keep-groups", Val: spKeep}, {Name: "init-groups", Val: spInit}, {Name: "groups", Arg: prog.ReqArg, Val: spGroups}, {Name: "no-new-privs", Val: spNNP}, {Name: "nnp", Val: spNNP},
		{Name: "inh-caps", Arg: prog.ReqArg, Val: spCaps}, {Name: "ambient-caps", Arg: prog.ReqArg, Val: spCaps}, {Name: "bounding-set", Arg: prog.ReqArg, Val: spCaps}, {Name: "reset-env", Val: spReset}, {Name: "dump", Val: 'd'},
	}) {
		switch o.Val {
		case spReuid, spRuid, spEuid, spRegid, spRgid, spEgid:
			ids[o.Val-spReuid] = o.Arg
		case spClear:
			clearG = true
		case spKeep:
			keepG = true
		case spInit:
			initG = true
		case spGroups:
			groupList, haveGroups = o.Arg, true
		case spNNP:
			c.SetNoNewPrivs()
		case spReset:
			reset = true
		case spCaps:
			c.Die(1, "capability sets are not part of the lab's setpriv")
		case 'd':
			me := c.Cred()
			c.Printf("uid: %d\neuid: %d\ngid: %d\negid: %d\n", me.RUID, me.UID, me.RGID, me.GID)
			return 0
		case 'h':
			c.Help()
		case 'V':
			c.Version()
		}
	}
	if len(c.Args) == 0 {
		c.Die(1, "No program specified")
	}
	db := userdb.Load(c)
	me := c.Cred()
	uid := func(s string, old uint32) uint32 {
		if s == "" {
			return old
		}
		n, ok := db.ParseUser(s)
		if !ok {
			c.Die(1, "failed to parse reuid: '%s'", s)
		}
		return n
	}
	gid := func(s string, old uint32) uint32 {
		if s == "" {
			return old
		}
		n, ok := db.ParseGroup(s)
		if !ok {
			c.Die(1, "failed to parse regid")
		}
		return n
	}
	ruid, euid := uid(ids[0], me.RUID), uid(ids[0], me.UID)
	ruid, euid = uid(ids[1], ruid), uid(ids[2], euid)
	rgid, egid := gid(ids[3], me.RGID), gid(ids[3], me.GID)
	rgid, egid = gid(ids[4], rgid), gid(ids[5], egid)
	if (ids[3] != "" || ids[4] != "" || ids[5] != "") && !clearG && !keepG && !initG && !haveGroups {
		c.Die(1, "--[re]gid requires --keep-groups, --clear-groups, --init-groups, or --groups")
	}
	var err error
	u, _ := db.UID(ruid)
	switch {
	case initG:
		err = c.Setgroups(db.GroupList(u.Name, u.GID))
	case clearG:
		err = c.Setgroups(nil)
	case haveGroups:
		var list []uint32
		for _, g := range strings.Split(groupList, ",") {
			list = append(list, gid(g, 0))
		}
		err = c.Setgroups(list)
	}
	if err != nil {
		c.Die(1, "setgroups failed: %v", err)
	}
	if err := c.Setresgid(rgid, egid, egid); err != nil {
		c.Die(1, "setresgid failed: %v", err)
	}
	if err := c.Setresuid(ruid, euid, euid); err != nil {
		c.Die(1, "setresuid failed: %v", err)
	}
	env := c.Env()
	if reset {
		env = []string{"HOME=" + u.Home, "SHELL=" + u.Shell, "USER=" + u.Name, "LOGNAME=" + u.Name, "PATH=/usr/local/bin:/usr/bin:/bin"}
	}
	return runIt(c, c.Args, env)
}

func nologin(c *prog.Ctx) int {
	if !c.GNU() {
		c.Errorf("This account is not available\n")
		return 1
	}
	c.Print("This account is currently not available.\n")
	return 1
}

package accounts

import (
	"slices"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
	"github.com/dockerlab/dockerlab/sim/userland/userdb"
)

// table is one of the files of /etc that hold a record a line, its fields between colons.
type table struct {
	path    string
	perm    linux.Mode
	lines   []string
	missing bool
	changed bool
}

// databases are the tables that the shadow programs work on.
type databases struct {
	c                                              *prog.Ctx
	passwd, shadow, group, gshadow, subuid, subgid *table
	backups                                        bool // keep the old contents under the name with a "-"
}

func open(c *prog.Ctx) *databases {
	load := func(path string, perm linux.Mode) *table {
		t := &table{path: path, perm: perm}
		b, err := c.ReadFile(path)
		if err != nil {
			t.missing = true
			return t
		}
		if text := strings.TrimSuffix(string(b), "\n"); text != "" {
			t.lines = strings.Split(text, "\n")
		}
		return t
	}
	return &databases{c: c, backups: c.GNU(),
		passwd: load("/etc/passwd", 0o644), shadow: load("/etc/shadow", 0o640), group: load("/etc/group", 0o644), gshadow: load("/etc/gshadow", 0o640),
		subuid: load("/etc/subuid", 0o644), subgid: load("/etc/subgid", 0o644)}
}

// find gives the place of name's record, -1 if there is none.
func (t *table) find(name string) int {
	return slices.IndexFunc(t.lines, func(l string) bool { return strings.HasPrefix(l, name+":") })
}

func (t *table) fields(i int) []string { return strings.Split(t.lines[i], ":") }

func (t *table) set(i int, fields []string) {
	t.lines[i] = strings.Join(fields, ":")
	t.changed = true
}

func (t *table) add(fields ...string) {
	if t.missing {
		return // without /etc/shadow, say, passwords stay in /etc/passwd
	}
	t.lines = append(t.lines, strings.Join(fields, ":"))
	t.changed = true
}

// toEnd moves a record behind all others, which is where one lands that was renamed.
func (t *table) toEnd(name string) {
	if i := t.find(name); i >= 0 {
		l := t.lines[i]
		t.lines = append(slices.Delete(t.lines, i, i+1), l)
		t.changed = true
	}
}

func (t *table) remove(name string) {
	if i := t.find(name); i >= 0 {
		t.lines = slices.Delete(t.lines, i, i+1)
		t.changed = true
	}
}

// write stores what has changed: into a new file that takes the old one's place, with the old
// contents kept beside it, as the shadow programs do.
func (d *databases) write() error {
	for _, t := range []*table{d.passwd, d.shadow, d.group, d.gshadow, d.subuid, d.subgid} {
		if !t.changed {
			continue
		}
		perm, gid := t.perm, uint32(0)
		old, err := d.c.ReadFile(t.path)
		if st, e := d.c.Stat(t.path); e == nil {
			perm, gid = st.Mode.Perm(), st.GID
		}
		if err == nil && d.backups {
			if err := d.put(t.path+"-", old, perm, gid); err != nil {
				return err
			}
		}
		text := strings.Join(t.lines, "\n")
		if text != "" {
			text += "\n"
		}
		if err := d.put(t.path+"+", []byte(text), perm, gid); err != nil {
			return err
		}
		if err := d.c.Rename(t.path+"+", t.path); err != nil {
			return err
		}
	}
	return nil
}

func (d *databases) put(path string, data []byte, perm linux.Mode, gid uint32) error {
	if err := d.c.WriteFile(path, data, 0o600); err != nil {
		return err
	}
	if gid != 0 {
		if err := d.c.Chown(path, 0, gid); err != nil {
			return err
		}
	}
	return d.c.Chmod(path, perm)
}

// db reads the tables as they stand now, changes not yet written included.
func (d *databases) db() *userdb.DB {
	return &userdb.DB{Users: userdb.ParseUsers(strings.Join(d.passwd.lines, "\n")), Groups: userdb.ParseGroups(strings.Join(d.group.lines, "\n"))}
}

// days is the date of a password's last change in /etc/shadow: days since 1970.
func days(c *prog.Ctx) string { return strconv.FormatInt(c.Now().Unix()/86400, 10) }

// idRange is the numbers that new users or groups are given.
type idRange struct {
	min, max uint32
	down     bool // from the top, as shadow gives system numbers
}

// normalIDs are the numbers of ordinary users and groups, where /etc/login.defs says nothing else.
var normalIDs = idRange{1000, 60000, false}

// limits are the ranges of numbers as /etc/login.defs and -K give them.
type limits struct {
	c      *prog.Ctx
	values map[string]uint32
}

func loadLimits(c *prog.Ctx) *limits {
	l := &limits{c: c, values: map[string]uint32{}}
	for _, kind := range []string{"UID", "GID"} {
		l.values[kind+"_MIN"], l.values[kind+"_MAX"] = normalIDs.min, normalIDs.max
		l.values["SYS_"+kind+"_MIN"], l.values["SYS_"+kind+"_MAX"] = 101, 999
	}
	b, err := c.ReadFile("/etc/login.defs")
	if err != nil {
		return l
	}
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) < 2 || strings.HasPrefix(f[0], "#") {
			continue
		}
		if n, err := strconv.ParseUint(f[1], 10, 32); err == nil {
			l.values[f[0]] = uint32(n)
		}
	}
	return l
}

// set is -K KEY=VALUE.
func (l *limits) set(arg string) {
	key, value, ok := strings.Cut(arg, "=")
	if !ok {
		l.c.Die(3, "-K requires KEY=VALUE")
	}
	if n, err := strconv.ParseUint(value, 10, 32); err == nil {
		l.values[key] = uint32(n)
	}
}

// ids is the range of "UID" or "GID", of the system or of people.
func (l *limits) ids(kind string, system bool) idRange {
	if system {
		kind = "SYS_" + kind
	}
	return idRange{l.values[kind+"_MIN"], l.values[kind+"_MAX"], system}
}

// free finds the next number: one above the highest in use, or one below the lowest for a range
// that is given out downwards; if that is no more in the range, the first that is free.
func (r idRange) free(used func(n uint32) bool, all []uint32) (uint32, bool) {
	next := r.min
	if r.down {
		next = r.max
	}
	for _, n := range all {
		if n < r.min || n > r.max {
			continue
		}
		if r.down && n <= next {
			next = n - 1
		}
		if !r.down && n >= next {
			next = n + 1
		}
	}
	if next >= r.min && next <= r.max && !used(next) {
		return next, true
	}
	for n := r.min; n <= r.max; n++ {
		if !used(n) {
			return n, true
		}
	}
	return 0, false
}

func (d *databases) newUID(r idRange) (uint32, bool) {
	db := d.db()
	var all []uint32
	for _, u := range db.Users {
		all = append(all, u.UID)
	}
	return r.free(func(n uint32) bool { _, ok := db.UID(n); return ok }, all)
}

func (d *databases) newGID(r idRange) (uint32, bool) {
	db := d.db()
	var all []uint32
	for _, g := range db.Groups {
		all = append(all, g.GID)
	}
	return r.free(func(n uint32) bool { _, ok := db.GID(n); return ok }, all)
}

// members changes the list of members of one group.
func (d *databases) members(group string, change func([]string) []string) {
	for _, t := range []*table{d.group, d.gshadow} {
		i := t.find(group)
		if i < 0 {
			continue
		}
		f := t.fields(i)
		if len(f) < 4 {
			continue
		}
		var list []string
		if f[3] != "" {
			list = strings.Split(f[3], ",")
		}
		f[3] = strings.Join(change(list), ",")
		t.set(i, f)
	}
}

func (d *databases) addMember(group, user string) {
	d.members(group, func(l []string) []string {
		if slices.Contains(l, user) {
			return l
		}
		return append(l, user)
	})
}

func (d *databases) dropMember(group, user string) {
	d.members(group, func(l []string) []string { return slices.DeleteFunc(l, func(m string) bool { return m == user }) })
}

func (d *databases) addGroup(name string, gid uint32) {
	d.group.add(name, "x", num(gid), "")
	d.gshadow.add(name, "!", "", "")
}

// addSubIDs gives a new user 65536 subordinate numbers after those given out.
func (d *databases) addSubIDs(name string) {
	for _, t := range []*table{d.subuid, d.subgid} {
		next := uint64(100000)
		for i := range t.lines {
			f := t.fields(i)
			if len(f) == 3 {
				start, _ := strconv.ParseUint(f[1], 10, 32)
				n, _ := strconv.ParseUint(f[2], 10, 32)
				next = max(next, start+n)
			}
		}
		t.missing = false
		t.add(name, strconv.FormatUint(next, 10), "65536")
	}
}

// A subIDChange gives a user subordinate numbers, or takes them away.
type subIDChange struct {
	groups, remove bool
	first, last    uint32
}

// parseSubIDs reads the argument of usermod's -v, -V, -w or -W, FIRST-LAST.
func parseSubIDs(c *prog.Ctx, option byte, s string) subIDChange {
	ch := subIDChange{groups: option == 'w' || option == 'W', remove: option == 'V' || option == 'W'}
	first, last, ok := strings.Cut(s, "-")
	a, err1 := strconv.ParseUint(first, 10, 32)
	b, err2 := strconv.ParseUint(last, 10, 32)
	if !ok || err1 != nil || err2 != nil || a > b {
		kind := "uid"
		if ch.groups {
			kind = "gid"
		}
		c.Die(3, "invalid subordinate %s range '%s'", kind, s)
	}
	ch.first, ch.last = uint32(a), uint32(b)
	return ch
}

func (d *databases) changeSubIDs(name string, ch subIDChange) {
	t := d.subuid
	if ch.groups {
		t = d.subgid
	}
	first, count := num(ch.first), strconv.FormatUint(uint64(ch.last)-uint64(ch.first)+1, 10)
	if !ch.remove {
		t.missing = false
		t.add(name, first, count)
		return
	}
	t.lines = slices.DeleteFunc(t.lines, func(l string) bool { return l == name+":"+first+":"+count })
	t.changed = true
}

func num(n uint32) string { return strconv.FormatUint(uint64(n), 10) }

// validName is Debian's rule for names of users and groups, which is laxer than shadow's own.
func validName(s string) bool {
	return s != "" && len(s) <= 32 && !strings.ContainsAny(s[:1], "-+~") && !strings.ContainsAny(s, ":,/ \t\n\v\f\r")
}

// makeHome makes a home directory with the contents of skel, all of it the user's.
func makeHome(c *prog.Ctx, home, skel string, uid, gid uint32, perm linux.Mode, keepTimes bool) error {
	for i := 1; i < len(home); i++ {
		if home[i] == '/' {
			if err := c.Mkdir(home[:i], 0o755); err != nil && err != linux.EEXIST {
				return err
			}
		}
	}
	if err := c.Mkdir(home, 0o700); err != nil {
		return err
	}
	if err := copySkel(c, skel, home, uid, gid, keepTimes); err != nil {
		return err
	}
	if err := c.Chown(home, uid, gid); err != nil {
		return err
	}
	return c.Chmod(home, perm)
}

func copySkel(c *prog.Ctx, from, to string, uid, gid uint32, keepTimes bool) error {
	ents, err := c.ReadDir(from)
	if err != nil {
		return nil // no skeleton, empty home
	}
	for _, e := range ents {
		src, dst := prog.JoinPath(from, e.Name), prog.JoinPath(to, e.Name)
		st, err := c.Lstat(src)
		if err != nil {
			return err
		}
		switch {
		case st.Mode.IsDir():
			if err := c.Mkdir(dst, 0o700); err != nil {
				return err
			}
			if err := copySkel(c, src, dst, uid, gid, keepTimes); err != nil {
				return err
			}
		case st.Mode.IsSymlink():
			target, err := c.Readlink(src)
			if err == nil {
				err = c.Symlink(target, dst)
			}
			if err == nil {
				err = c.Lchown(dst, uid, gid)
			}
			if err != nil {
				return err
			}
			continue
		case st.Mode.IsRegular():
			b, err := c.ReadFile(src)
			if err == nil {
				err = c.WriteFile(dst, b, 0o600)
			}
			if err != nil {
				return err
			}
		default:
			continue
		}
		if err := c.Chown(dst, uid, gid); err != nil {
			return err
		}
		if err := c.Chmod(dst, st.Mode.Perm()); err != nil {
			return err
		}
		if keepTimes {
			c.Utimes(dst, &st.Atime, &st.Mtime, false)
		}
	}
	return nil
}

// removeTree removes a directory and all below it.
func removeTree(c *prog.Ctx, name string) error {
	st, err := c.Lstat(name)
	if err != nil {
		return err
	}
	if !st.Mode.IsDir() {
		return c.Unlink(name)
	}
	ents, err := c.ReadDir(name)
	if err != nil {
		return err
	}
	for _, e := range ents {
		if err := removeTree(c, prog.JoinPath(name, e.Name)); err != nil {
			return err
		}
	}
	return c.Rmdir(name)
}

// save writes the tables or ends the program.
func (d *databases) save(status int, what string) {
	if err := d.write(); err != nil {
		if err == linux.EACCES || err == linux.EPERM {
			d.c.Warn("Permission denied.")
		}
		d.c.Warn("cannot lock %s; try again later.", what)
		d.c.Exit(status)
	}
}

// rootOnlyGroup is rootOnly for the programs that change groups.
func rootOnlyGroup(c *prog.Ctx) {
	if c.Cred().UID != 0 {
		c.Warn("Permission denied.")
		c.Warn("cannot lock /etc/group; try again later.")
		c.Exit(10)
	}
}

// rootOnly ends the program in shadow's words if it does not run as root.
func rootOnly(c *prog.Ctx, file string) {
	if c.Cred().UID != 0 {
		c.Warn("Permission denied.")
		c.Warn("cannot lock %s; try again later.", file)
		c.Exit(1)
	}
}

package files

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/datetime"
	"github.com/dockerlab/dockerlab/sim/userland/filemode"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
	"github.com/dockerlab/dockerlab/sim/userland/userdb"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// The programs that change what is known about a file: chmod, chown, chgrp, touch.

const (
	chReference = prog.LongOnly + iota
	chPreserveRoot
	chNoPreserveRoot
	chDeref
	chFrom
	chTime
)

var chmodLong = []prog.Long{
	{Name: "changes", Val: 'c'}, {Name: "recursive", Val: 'R'}, {Name: "no-preserve-root", Val: chNoPreserveRoot}, {Name: "preserve-root", Val: chPreserveRoot},
	{Name: "quiet", Val: 'f'}, {Name: "reference", Arg: prog.ReqArg, Val: chReference}, {Name: "silent", Val: 'f'}, {Name: "verbose", Val: 'v'},
}

// changer walks files for chmod and chown.
type changer struct {
	*prog.Ctx
	recursive, verbose, changes, quiet, preserveRoot bool
	travers                                          byte                       // 'P', 'H', 'L'
	inaccessible                                     func(quoted string) string // what -v says of a name that is not there
	visit                                            func(name string, st vfs.Stat, operand bool) bool
}

func (w *changer) walk(name string, operand bool) {
	w.Step(4)
	stat := w.Lstat
	if w.travers == 'L' || w.travers == 'H' && operand {
		stat = w.Stat
	}
	lst, err := w.Lstat(name)
	if err != nil {
		w.cannotAccess(name, err)
		return
	}
	st, err := stat(name)
	if err != nil {
		st = lst
	}
	if operand && w.recursive && w.preserveRoot && w.GNU() {
		if full, err := prog.Realpath(w.Ctx, name, prog.AllExist); err == nil && full == "/" {
			same := ""
			if name != "/" {
				same = fmt.Sprintf("it is dangerous to operate recursively on %s (same as %s)", w.QuoteFile(name), w.QuoteFile("/"))
			} else {
				same = fmt.Sprintf("it is dangerous to operate recursively on %s", w.QuoteFile(name))
			}
			w.Fail("%s", same)
			w.Warn("use --no-preserve-root to override this failsafe")
			return
		}
	}
	if !w.visit(name, lst, operand) || !w.recursive || !st.Mode.IsDir() {
		return
	}
	ents, err := w.ReadDir(name)
	if err != nil {
		if w.GNU() {
			if !w.quiet {
				w.Fail("cannot read directory %s: %v", w.QuoteFile(name), err)
			} else {
				w.Status = 1
			}
		} else {
			w.Fail("can't open '%s': %v", name, err)
		}
		return
	}
	for _, e := range ents {
		w.walk(prog.JoinPath(name, e.Name), false)
	}
}

func (w *changer) cannotAccess(name string, err error) {
	w.Status = 1
	switch {
	case w.quiet && w.GNU():
	case w.GNU():
		w.Fail("cannot access %s: %v", w.QuoteFile(name), err)
	default:
		w.Fail("%s: %v", name, err)
	}
	if w.verbose && w.GNU() {
		w.Print(w.inaccessible(w.QuoteFile(name)), "\n")
	}
}

func chmod(c *prog.Ctx) int {
	w := &changer{Ctx: c, inaccessible: func(q string) string { return q + " could not be accessed" }}
	reference, modeText := "", ""
	if c.GNU() {
		// An argument such as "-w" is a mode; take such out before getopt sees them.
		var rest []string
		for i, a := range c.Args {
			if a == "--" {
				rest = append(rest, c.Args[i:]...)
				break
			}
			if len(a) > 1 && a[0] == '-' && strings.ContainsRune("rwxXstugoa01234567,+=-", rune(a[1])) && a[1] != '-' {
				if modeText != "" {
					modeText += ","
				}
				modeText += a
				continue
			}
			rest = append(rest, a)
		}
		c.Args = rest
		for o := range c.Getopt("Rcfv", chmodLong) {
			switch o.Val {
			case 'R':
				w.recursive = true
			case 'c':
				w.changes, w.verbose = true, false
			case 'f':
				w.quiet = true
			case 'v':
				w.verbose = true
			case chReference:
				reference = o.Arg
			case chPreserveRoot:
				w.preserveRoot = true
			case chNoPreserveRoot:
				w.preserveRoot = false
			}
		}
	} else {
		for i, a := range c.Args {
			if a == "--" {
				break
			}
			if len(a) > 1 && a[0] == '-' && !strings.ContainsRune("-Rvcf", rune(a[1])) {
				c.Args = append(append(append([]string{}, c.Args[:i]...), "--", a), c.Args[i+1:]...)
				break
			}
		}
		for o := range c.Getopt("Rvcf", nil) {
			switch o.Val {
			case 'R':
				w.recursive = true
			case 'c':
				w.changes = true
			case 'f':
				w.quiet = true
			case 'v':
				w.verbose = true
			}
		}
	}
	args := c.Args
	if modeText != "" && reference != "" {
		c.Fail("cannot combine mode and --reference options")
		c.Usage()
	}
	if modeText == "" && reference == "" {
		if len(args) > 0 {
			modeText, args = args[0], args[1:]
		} else {
			missingOperand(c)
		}
	}
	if len(args) == 0 {
		if c.GNU() {
			if reference != "" || strings.HasPrefix(modeText, "-") {
				c.Fail("missing operand")
			} else {
				c.Fail("missing operand after %s", c.Quote(modeText))
			}
		}
		c.Usage()
	}
	var change filemode.Change
	if reference != "" {
		st, err := c.Stat(reference)
		if err != nil {
			c.Die(1, "failed to get attributes of %s: %v", c.QuoteFile(reference), err)
		}
		change, _ = filemode.Parse(fmt.Sprintf("%05o", st.Mode.Perm()))
	} else {
		var ok bool
		parse := filemode.Parse
		if !c.GNU() {
			parse = filemode.ParseBusybox
		}
		if change, ok = parse(modeText); !ok {
			if c.GNU() {
				c.Fail("invalid mode: %s", c.Quote(modeText))
				c.Usage()
			}
			c.Die(1, "invalid mode '%s'", modeText)
		}
	}
	mask := umask(c)
	w.travers = 'H'
	w.visit = func(name string, lst vfs.Stat, operand bool) bool {
		st := lst
		if lst.Mode.IsSymlink() {
			if !operand {
				if w.verbose && c.GNU() {
					c.Printf("neither symbolic link %s nor referent has been changed\n", c.QuoteFile(name))
				}
				return false
			}
			var err error
			if st, err = c.Stat(name); err != nil {
				switch {
				case c.GNU() && !w.quiet:
					c.Fail("cannot operate on dangling symlink %s", c.QuoteFile(name))
				case !w.quiet:
					c.Fail("%s: %v", name, err)
				}
				c.Status = 1
				return false
			}
		}
		new := change.Apply(st.Mode, st.Mode.IsDir(), mask)
		err := c.Chmod(name, new)
		changed := err == nil && new != st.Mode.Perm()
		if err != nil {
			c.Status = 1
			if !w.quiet {
				if c.GNU() {
					c.Fail("changing permissions of %s: %v", c.QuoteFile(name), err)
				} else {
					c.Fail("%s: %v", name, err)
				}
			}
			if !c.GNU() {
				if w.recursive && st.Mode.IsDir() {
					c.Fail("%s: %v", name, err) // the walk of the tree tells of it too
				}
				return false
			}
		}
		if w.verbose || w.changes && changed {
			was := fmt.Sprintf("%04o (%s)", st.Mode.Perm(), st.Mode.String()[1:])
			is := fmt.Sprintf("%04o (%s)", new, (st.Mode.Type() | new).String()[1:])
			switch {
			case !c.GNU():
				if err == nil {
					c.Printf("mode of '%s' changed to %04o (%s)\n", name, new, (st.Mode.Type() | new).String()[1:])
				}
			case err != nil:
				c.Printf("failed to change mode of %s from %s to %s\n", c.QuoteFile(name), was, is)
			case changed:
				c.Printf("mode of %s changed from %s to %s\n", c.QuoteFile(name), was, is)
			default:
				c.Printf("mode of %s retained as %s\n", c.QuoteFile(name), was)
			}
		}
		if c.GNU() && err == nil && strings.HasPrefix(modeText, "-") {
			// Without "who", the umask may have kept a bit that the text asked to change.
			if naive := change.Apply(st.Mode, st.Mode.IsDir(), 0); naive&^new == 0 && new&^naive != 0 && !w.quiet {
				c.Fail("%s: new permissions are %s, not %s", c.QuoteColon(name), (st.Mode.Type() | new).String()[1:], (st.Mode.Type() | naive).String()[1:])
			}
		}
		return true
	}
	for _, name := range args {
		w.walk(name, true)
	}
	return c.Status
}

var chownLong = []prog.Long{
	{Name: "recursive", Val: 'R'}, {Name: "changes", Val: 'c'}, {Name: "dereference", Val: chDeref}, {Name: "from", Arg: prog.ReqArg, Val: chFrom},
	{Name: "no-dereference", Val: 'h'}, {Name: "no-preserve-root", Val: chNoPreserveRoot}, {Name: "preserve-root", Val: chPreserveRoot},
	{Name: "quiet", Val: 'f'}, {Name: "silent", Val: 'f'}, {Name: "reference", Arg: prog.ReqArg, Val: chReference}, {Name: "verbose", Val: 'v'},
}

// chown is chown and chgrp.
func chown(c *prog.Ctx) int {
	w := &changer{Ctx: c, travers: 'P'}
	chgrp := c.Program == "chgrp"
	deref, derefSet := true, false
	reference, from := "", ""
	short, long := "HLPRcfhv", chownLong
	if chgrp {
		long = append([]prog.Long{}, chownLong...)
		for i, l := range long {
			if l.Name == "from" {
				long = append(long[:i], long[i+1:]...)
				break
			}
		}
	}
	if !c.GNU() {
		short, long = "Rh"+"vcfLHP", []prog.Long{{Name: "recursive", Val: 'R'}, {Name: "dereference", Val: chDeref}, {Name: "no-dereference", Val: 'h'}, {Name: "changes", Val: 'c'}, {Name: "silent", Val: 'f'}, {Name: "quiet", Val: 'f'}, {Name: "verbose", Val: 'v'}}
	}
	for o := range c.Getopt(short, long) {
		switch o.Val {
		case 'H', 'L', 'P':
			w.travers = byte(o.Val)
		case 'R':
			w.recursive = true
		case 'c':
			w.changes, w.verbose = true, false
		case 'f':
			w.quiet = true
		case 'v':
			w.verbose = true
		case 'h':
			deref, derefSet = false, true
		case chDeref:
			deref, derefSet = true, true
		case chReference:
			reference = o.Arg
		case chFrom:
			from = o.Arg
		case chPreserveRoot:
			w.preserveRoot = true
		case chNoPreserveRoot:
			w.preserveRoot = false
		}
	}
	if w.recursive && w.travers == 'P' {
		if derefSet && deref && c.GNU() {
			c.Die(1, "-R --dereference requires either -H or -L")
		}
		deref = false
	}
	if w.recursive && !c.GNU() {
		deref = w.travers == 'L'
	}
	args := c.Args
	if len(args) == 0 && reference == "" {
		missingOperand(c)
	}
	if len(args) < 2 && reference == "" || len(args) == 0 {
		if c.GNU() {
			if reference != "" {
				c.Fail("missing operand")
			} else {
				c.Fail("missing operand after %s", c.Quote(args[0]))
			}
		}
		c.Usage()
	}
	db := userdb.Load(c)
	var uid, gid *uint32
	spec := ""
	var userText, groupText string
	switch {
	case reference != "":
		st, err := c.Stat(reference)
		if err != nil {
			c.Die(1, "failed to get attributes of %s: %v", c.QuoteFile(reference), err)
		}
		gid = &st.GID
		groupText = db.GroupName(st.GID)
		if !chgrp {
			uid = &st.UID
			userText = db.UserName(st.UID)
		}
	case chgrp:
		spec, args = args[0], args[1:]
		if spec != "" {
			g, ok := db.ParseGroup(spec)
			if !ok {
				if c.GNU() {
					c.Die(1, "invalid group: %s", c.Quote(spec))
				}
				c.Die(1, "unknown group %s", spec)
			}
			gid = &g
		}
		groupText = spec
	default:
		spec, args = args[0], args[1:]
		var err error
		uid, gid, err = db.ParseOwner(spec)
		if err == nil && !c.GNU() && strings.Trim(spec, ":") == "" {
			err = userdb.InvalidUser
		}
		if err == nil && c.GNU() && !strings.Contains(spec, ":") && strings.Contains(spec, ".") {
			if _, ok := db.ParseUser(spec); !ok {
				c.Warn("warning: '.' should be ':': %s", c.Quote(spec))
			}
		}
		if err != nil {
			if c.GNU() {
				c.Die(1, "%v: %s", err, c.Quote(spec))
			}
			user, grp, both := strings.Cut(spec, ":")
			switch {
			case user != "" && both:
				c.Die(1, "unknown user/group %s", spec)
			case both:
				c.Die(1, "unknown group %s", grp)
			}
			c.Die(1, "unknown user %s", user)
		}
		userText, groupText, _ = strings.Cut(spec, ":")
		if gid != nil && groupText == "" {
			groupText = db.GroupName(*gid)
		}
	}
	var fromUID, fromGID *uint32
	if from != "" {
		var err error
		if fromUID, fromGID, err = db.ParseOwner(from); err != nil {
			c.Die(1, "%v: %s", err, c.Quote(from))
		}
	}
	kind, what := ownerSpec(userText, groupText, chgrp, uid != nil, gid != nil)
	w.inaccessible = func(q string) string {
		if what == "" {
			return "failed to change " + kind + " of " + q
		}
		return "failed to change " + kind + " of " + q + " to " + what
	}
	keep := ^uint32(0)
	u, g := keep, keep
	if uid != nil {
		u = *uid
	}
	if gid != nil {
		g = *gid
	}
	w.visit = func(name string, lst vfs.Stat, operand bool) bool {
		st := lst
		follow := deref || w.travers == 'L' || w.travers == 'H' && operand && w.recursive && deref
		if lst.Mode.IsSymlink() && follow {
			var err error
			if st, err = c.Stat(name); err != nil {
				if c.GNU() {
					c.Status = 1
					if !w.quiet {
						c.Fail("cannot dereference %s: %v", c.QuoteFile(name), err)
					}
				} else {
					c.Fail("%s: %v", name, err)
				}
				return false
			}
		}
		if fromUID != nil && *fromUID != st.UID || fromGID != nil && *fromGID != st.GID {
			return true
		}
		var err error
		if follow {
			err = c.Chown(name, u, g)
		} else {
			err = c.Lchown(name, u, g)
		}
		changed := err == nil && (uid != nil && st.UID != u || gid != nil && st.GID != g)
		if err != nil {
			c.Status = 1
			if !w.quiet {
				switch {
				case !c.GNU():
					c.Fail("%s: %v", name, err)
				case chgrp:
					c.Fail("changing group of %s: %v", c.QuoteFile(name), err)
				default:
					c.Fail("changing ownership of %s: %v", c.QuoteFile(name), err)
				}
			}
		}
		if w.verbose || w.changes && changed {
			w.tellOwner(name, db, st, userText, groupText, chgrp, uid != nil, gid != nil, changed, err)
		}
		return true
	}
	for _, name := range args {
		w.walk(name, true)
	}
	return c.Status
}

// ownerSpec is what chown and chgrp call the thing they change, and how they write its value.
func ownerSpec(user, group string, chgrp, haveUser, haveGroup bool) (kind, spec string) {
	kind = "ownership"
	if chgrp || !haveUser && haveGroup {
		kind = "group"
	}
	switch {
	case haveUser && haveGroup:
		return kind, user + ":" + group
	case haveUser:
		return kind, user
	case haveGroup:
		return kind, group
	}
	return kind, ""
}

// tellOwner is what -v and -c say.
func (w *changer) tellOwner(name string, db *userdb.DB, st vfs.Stat, user, group string, chgrp, haveUser, haveGroup, changed bool, err error) {
	if !w.GNU() {
		if now, e := w.Lstat(name); err == nil && e == nil {
			w.Printf("changed ownership of '%s' to %d:%d\n", name, now.UID, now.GID)
		}
		return
	}
	oldUser, oldGroup := db.UserName(st.UID), db.GroupName(st.GID)
	kind, is := ownerSpec(user, group, chgrp, haveUser, haveGroup)
	_, was := ownerSpec(oldUser, oldGroup, chgrp, haveUser, haveGroup)
	q := w.QuoteFile(name)
	switch {
	case err != nil:
		w.Printf("failed to change %s of %s from %s to %s\n", kind, q, was, is)
	case changed:
		w.Printf("changed %s of %s from %s to %s\n", kind, q, was, is)
	case !haveUser && !haveGroup:
		w.Printf("ownership of %s retained\n", q)
	default:
		w.Printf("%s of %s retained as %s\n", kind, q, was)
	}
}

var touchLong = []prog.Long{
	{Name: "time", Arg: prog.ReqArg, Val: chTime}, {Name: "no-create", Val: 'c'}, {Name: "date", Arg: prog.ReqArg, Val: 'd'},
	{Name: "reference", Arg: prog.ReqArg, Val: 'r'}, {Name: "no-dereference", Val: 'h'},
}

func touch(c *prog.Ctx) int {
	noCreate, nofollow, explicit := false, false, false
	which := byte(0)
	var date, stamp, reference string
	haveDate := false
	short, long := "acd:fhmr:t:", touchLong
	if !c.GNU() {
		short, long = "cfd:t:r:amh", []prog.Long{{Name: "no-create", Val: 'c'}, {Name: "reference", Arg: prog.ReqArg, Val: 'r'}, {Name: "date", Arg: prog.ReqArg, Val: 'd'}, {Name: "no-dereference", Val: 'h'}}
	}
	both := func(w byte) {
		if which != 0 && which != w {
			which = 'b'
		} else {
			which = w
		}
	}
	for o := range c.Getopt(short, long) {
		switch o.Val {
		case 'a', 'm':
			both(byte(o.Val))
		case 'c':
			noCreate, explicit = true, true
		case 'd':
			date, haveDate = o.Arg, true
		case 'f':
		case 'h':
			nofollow, noCreate = true, true
		case 'r':
			reference = o.Arg
		case 't':
			stamp = o.Arg
		case chTime:
			switch c.Choose("--time", o.Arg, "atime|access|use", "mtime|modify") {
			case "atime":
				both('a')
			default:
				both('m')
			}
		}
	}
	if stamp != "" && !c.GNU() {
		date, haveDate, stamp = stamp, true, "" // busybox's -t takes what its -d does
	}
	now := c.Now()
	var at, mt *time.Time
	sources := 0
	if stamp != "" {
		sources++
		t, ok := readStamp(stamp, now.In(c.Zone()))
		if !ok {
			c.Die(1, "invalid date format %s", c.Quote(stamp))
		}
		at, mt = &t, &t
	}
	if reference != "" {
		a, m, err := timesOf(c, reference, nofollow)
		if err != nil {
			if c.GNU() {
				c.Die(1, "failed to get attributes of %s: %v", c.QuoteFile(reference), err)
			}
			c.Die(1, "can't stat '%s': %v", reference, err)
		}
		sources++
		at, mt = &a, &m
	}
	if haveDate {
		base := now
		if reference != "" {
			base = *mt
		} else {
			sources++
		}
		t, ok := time.Time{}, false
		if c.GNU() {
			t, ok = datetime.Parse(date, base.In(c.Zone()))
		} else {
			t, ok = datetime.ParseBusybox(date, base.In(c.Zone()))
		}
		if !ok {
			if c.GNU() {
				c.Die(1, "invalid date format %s", c.Quote(date))
			}
			c.Die(1, "invalid date '%s'", date)
		}
		at, mt = &t, &t
	}
	if sources > 1 && c.GNU() {
		c.Fail("cannot specify times from more than one source")
		c.Usage()
	}
	if len(c.Args) == 0 {
		missingFile(c)
	}
	for _, name := range c.Args {
		if name == "-" && c.GNU() {
			if err := c.Futimes(1, orNow(at, now), orNow(mt, now)); err != nil {
				c.Fail("setting times of %s: %v", c.QuoteFile(name), err)
			}
			continue
		}
		touchOne(c, name, which, at, mt, noCreate, nofollow, explicit)
	}
	return c.Status
}

func orNow(t *time.Time, now time.Time) *time.Time {
	if t == nil {
		return &now
	}
	return t
}

// touchOne sets the times of one file; nil means now. -h makes no file either, but unless -c was
// explicit, one that is missing is an error.
func touchOne(c *prog.Ctx, name string, which byte, at, mt *time.Time, noCreate, nofollow, explicit bool) {
	if !c.GNU() {
		touchBusybox(c, name, which, at, mt, noCreate, nofollow)
		return
	}
	var openErr error
	if !noCreate {
		f, err := c.OpenFile(name, linux.O_WRONLY|linux.O_CREAT|linux.O_NONBLOCK|linux.O_NOCTTY, 0o666)
		if err == nil {
			f.Close()
		} else if err != linux.EISDIR {
			openErr = err
		}
	}
	var err error
	now := c.Now()
	switch {
	case at == nil && which != 'a' && which != 'm':
		err = c.Touch(name, nofollow)
	default:
		a, m := orNow(at, now), orNow(mt, now)
		switch which {
		case 'a':
			m = nil
		case 'm':
			a = nil
		}
		err = c.Utimes(name, a, m, nofollow)
	}
	switch {
	case err == nil:
	case noCreate && err == linux.ENOENT && (!nofollow || explicit):
	case openErr != nil && !(openErr == linux.ENXIO):
		c.Fail("cannot touch %s: %v", c.QuoteFile(name), openErr)
	default:
		c.Fail("setting times of %s: %v", c.QuoteFile(name), err)
	}
}

// touchBusybox sets the times first, and makes the file if there is none.
func touchBusybox(c *prog.Ctx, name string, which byte, at, mt *time.Time, noCreate, nofollow bool) {
	set := func() error {
		if at == nil && which != 'a' && which != 'm' {
			return c.Touch(name, nofollow)
		}
		now := c.Now()
		a, m := orNow(at, now), orNow(mt, now)
		switch which {
		case 'a':
			m = nil
		case 'm':
			a = nil
		}
		return c.Utimes(name, a, m, nofollow)
	}
	err := set()
	if err == linux.ENOENT {
		if noCreate {
			return
		}
		var f *prog.File
		if f, err = c.OpenFile(name, linux.O_RDWR|linux.O_CREAT, 0o666); err == nil {
			f.Close()
			if at != nil {
				err = set()
			}
		}
	}
	if err != nil {
		c.Fail("%s: %v", name, err)
	}
}

// readStamp reads touch -t's [[CC]YY]MMDDhhmm[.ss].
func readStamp(s string, now time.Time) (time.Time, bool) {
	digits, secs, dot := strings.Cut(s, ".")
	for _, d := range digits + secs {
		if d < '0' || d > '9' {
			return time.Time{}, false
		}
	}
	sec := 0
	if dot {
		if len(secs) != 2 {
			return time.Time{}, false
		}
		sec, _ = strconv.Atoi(secs)
	}
	year := now.Year()
	switch len(digits) {
	case 12:
		year, _ = strconv.Atoi(digits[:4])
		digits = digits[4:]
	case 10:
		year, _ = strconv.Atoi(digits[:2])
		if year < 69 {
			year += 100
		}
		year += 1900
		digits = digits[2:]
	case 8:
	default:
		return time.Time{}, false
	}
	n := func(i int) int { v, _ := strconv.Atoi(digits[i : i+2]); return v }
	mo, d, h, mi := n(0), n(2), n(4), n(6)
	t := time.Date(year, time.Month(mo), d, h, mi, sec, 0, now.Location())
	return t, mo >= 1 && mo <= 12 && t.Day() == d && h < 24 && mi < 60 && sec <= 60
}

package files

import (
	"path"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/filemode"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// The programs that make directories, links and special files.

// missingOperand ends a program that was given too few operands.
func missingOperand(c *prog.Ctx) {
	if c.GNU() {
		c.Fail("missing operand")
	}
	c.Usage()
}

// missingFile is missingOperand in the words of programs that want files.
func missingFile(c *prog.Ctx) {
	if c.GNU() {
		c.Fail("missing file operand")
	}
	c.Usage()
}

// umask reads the process's umask.
func umask(c *prog.Ctx) linux.Mode {
	m := c.Umask(0)
	c.Umask(m)
	return m
}

var mkdirLong = []prog.Long{{Name: "context", Arg: prog.OptArg, Val: cpContext}, {Name: "mode", Arg: prog.ReqArg, Val: 'm'}, {Name: "parents", Val: 'p'}, {Name: "verbose", Val: 'v'}}

func mkdir(c *prog.Ctx) int {
	parents, verbose, modeText := false, false, ""
	short, long := "pm:vZ", mkdirLong
	if !c.GNU() {
		short, long = "m:pv", []prog.Long{{Name: "mode", Arg: prog.ReqArg, Val: 'm'}, {Name: "parents", Val: 'p'}, {Name: "verbose", Val: 'v'}}
	}
	for o := range c.Getopt(short, long) {
		switch o.Val {
		case 'p':
			parents = true
		case 'm':
			modeText = o.Arg
		case 'v':
			verbose = true
		case cpContext:
			warnContext(c, o, "an SELinux/SMACK")
		}
	}
	if len(c.Args) == 0 {
		missingOperand(c)
	}
	mask := umask(c)
	perm, exact := linux.Mode(0o777), false
	if modeText != "" {
		change, ok := filemode.Parse(modeText)
		if !ok {
			if c.GNU() {
				c.Die(1, "invalid mode %s", c.Quote(modeText))
			}
			c.Die(1, "invalid mode '%s'", modeText)
		}
		perm, exact = change.Apply(0o777, true, mask), true
	}
	made := func(dir string) {
		if verbose && c.GNU() {
			c.Printf("%s: created directory %s\n", c.Name, c.QuoteFile(dir))
		} else if verbose {
			c.Printf("created directory: '%s'\n", dir)
		}
	}
	failed := func(dir string, err error) {
		if c.GNU() {
			c.Fail("cannot create directory %s: %v", c.QuoteFile(dir), err)
		} else {
			c.Fail("can't create directory '%s': %v", dir, err)
		}
	}
	for _, dir := range c.Args {
		existed := false
		if parents {
			_, err := c.Stat(dir)
			existed = err == nil
			if mask&0o300 != 0 {
				c.Umask(mask &^ 0o300) // parents that could not be entered would be of no use
			}
			ok := makeAll(c, dir, perm, made, failed)
			c.Umask(mask)
			if !ok {
				continue
			}
		} else if !c.GNU() && (dir == "." || strings.Trim(dir, "/") == "" && dir != "") {
			// Busybox does not try what is always there.
		} else if err := c.Mkdir(dir, perm); err != nil {
			failed(dir, err)
			continue
		} else {
			made(dir)
		}
		if exact && !existed {
			if err := c.Chmod(dir, perm); err != nil {
				failed(dir, err)
			}
		}
	}
	return c.Status
}

func mkfifo(c *prog.Ctx) int {
	modeText := ""
	for o := range c.Getopt("m:Z", []prog.Long{{Name: "context", Arg: prog.OptArg, Val: cpContext}, {Name: "mode", Arg: prog.ReqArg, Val: 'm'}}) {
		switch o.Val {
		case 'm':
			modeText = o.Arg
		case cpContext:
			warnContext(c, o, "an SELinux/SMACK")
		}
	}
	if len(c.Args) == 0 {
		missingOperand(c)
	}
	perm, exact := nodeMode(c, modeText)
	for _, name := range c.Args {
		if err := c.Mkfifo(name, perm); err != nil {
			if c.GNU() {
				c.Fail("cannot create fifo %s: %v", c.QuoteFile(name), err)
			} else {
				c.Fail("%s: %v", name, err)
			}
			continue
		}
		if exact {
			c.Chmod(name, perm)
		}
	}
	return c.Status
}

// nodeMode reads -m of mkfifo and mknod.
func nodeMode(c *prog.Ctx, text string) (perm linux.Mode, exact bool) {
	if text == "" {
		return 0o666, false
	}
	change, ok := filemode.Parse(text)
	if !ok {
		if c.GNU() {
			c.Die(1, "invalid mode")
		}
		c.Die(1, "invalid mode '%s'", text)
	}
	perm = change.Apply(0o666, false, umask(c))
	if perm&^0o777 != 0 && c.GNU() {
		c.Die(1, "mode must specify only file permission bits")
	}
	return perm, true
}

func mknod(c *prog.Ctx) int {
	modeText := ""
	for o := range c.Getopt("m:Z", []prog.Long{{Name: "context", Arg: prog.OptArg, Val: cpContext}, {Name: "mode", Arg: prog.ReqArg, Val: 'm'}}) {
		switch o.Val {
		case 'm':
			modeText = o.Arg
		case cpContext:
			warnContext(c, o, "an SELinux/SMACK")
		}
	}
	perm, exact := nodeMode(c, modeText)
	args := c.Args
	if len(args) < 2 || !c.GNU() && !strings.Contains("bcup", args[1]) {
		if c.GNU() {
			if len(args) == 0 {
				c.Fail("missing operand")
			} else {
				c.Fail("missing operand after %s", c.Quote(args[len(args)-1]))
			}
		}
		c.Usage()
	}
	name, kind := args[0], args[1]
	fifo := strings.HasPrefix(kind, "p")
	want := 4
	if fifo {
		want = 2
	}
	if len(args) != want {
		if !c.GNU() {
			c.Usage()
		}
		if len(args) < want {
			c.Fail("missing operand after %s", c.Quote(args[len(args)-1]))
			if len(args) == 2 {
				c.Errorf("Special files require major and minor device numbers.\n")
			}
		} else {
			c.Fail("extra operand %s", c.Quote(args[want]))
			if want == 2 && len(args) == 4 {
				c.Errorf("Fifos do not have major and minor device numbers.\n")
			}
		}
		c.Usage()
	}
	mode, dev := linux.S_IFIFO, linux.Dev(0)
	switch kind[0] {
	case 'p':
	case 'b', 'c', 'u':
		if mode = linux.S_IFCHR; kind[0] == 'b' {
			mode = linux.S_IFBLK
		}
		var n [2]uint64
		for i, what := range []string{"major", "minor"} {
			var err error
			if n[i], err = strconv.ParseUint(args[2+i], 0, 32); err != nil {
				if c.GNU() {
					c.Die(1, "invalid %s device number %s", what, c.Quote(args[2+i]))
				}
				c.Die(1, "invalid number '%s'", args[2+i])
			}
		}
		dev = linux.Mkdev(uint32(n[0]), uint32(n[1]))
	default:
		c.Fail("invalid device type %s", c.Quote(kind))
		c.Usage()
	}
	if err := c.Mknod(name, mode|perm, dev); err != nil {
		if c.GNU() {
			c.Fail("%s: %v", c.QuoteColon(name), err)
		} else {
			c.Fail("%s: %v", name, err)
		}
		return c.Status
	}
	if exact {
		c.Chmod(name, perm)
	}
	return c.Status
}

func link(c *prog.Ctx) int {
	for range c.Getopt("", nil) {
	}
	if len(c.Args) < 2 {
		if c.GNU() {
			if len(c.Args) == 0 {
				c.Fail("missing operand")
			} else {
				c.Fail("missing operand after %s", c.Quote(c.Args[0]))
			}
		}
		c.Usage()
	}
	c.AtMost(2)
	if err := c.Link(c.Args[0], c.Args[1]); err != nil {
		if c.GNU() {
			c.Fail("cannot create link %s to %s: %v", c.QuoteFile(c.Args[1]), c.QuoteFile(c.Args[0]), err)
		} else {
			c.Fail("can't create hardlink '%s' to '%s': %v", c.Args[1], c.Args[0], err)
		}
	}
	return c.Status
}

var lnLong = []prog.Long{
	{Name: "backup", Arg: prog.OptArg, Val: cpBackup}, {Name: "directory", Val: 'F'}, {Name: "no-dereference", Val: 'n'}, {Name: "no-target-directory", Val: 'T'},
	{Name: "force", Val: 'f'}, {Name: "interactive", Val: 'i'}, {Name: "suffix", Arg: prog.ReqArg, Val: 'S'}, {Name: "target-directory", Arg: prog.ReqArg, Val: 't'},
	{Name: "logical", Val: 'L'}, {Name: "physical", Val: 'P'}, {Name: "relative", Val: 'r'}, {Name: "symbolic", Val: 's'}, {Name: "verbose", Val: 'v'},
}

// linker is one run of ln.
type linker struct {
	*prog.Ctx
	symbolic, force, ask, verbose, relative, logical, dirs bool
	backup                                                 *backup
	made                                                   map[string]bool
}

func ln(c *prog.Ctx) int {
	l := linker{Ctx: c, made: map[string]bool{}}
	noDeref, noTarget, haveTarget := false, false, false
	var target, suffix string
	short, long := "bdfinrst:vFLPS:T", lnLong
	if !c.GNU() {
		short, long = "sfnbS:vT", nil
	}
	for o := range c.Getopt(short, long) {
		switch o.Val {
		case 'b', cpBackup:
			if c.GNU() {
				l.backup = readBackup(c, o, l.backup, "")
			} else {
				l.backup = &backup{control: "simple"}
			}
		case 'd', 'F':
			l.dirs = true // which no file system of Linux lets anybody do
		case 'f':
			l.force, l.ask = true, false
		case 'i':
			l.ask, l.force = true, false
		case 'L':
			l.logical = true
		case 'n':
			noDeref = true
		case 'P':
			l.logical = false
		case 'r':
			l.relative = true
		case 's':
			l.symbolic = true
		case 't':
			target, haveTarget = o.Arg, true
		case 'v':
			l.verbose = true
		case 'S':
			if l.backup == nil {
				l.backup = &backup{control: "simple"}
				if c.GNU() {
					l.backup = readBackup(c, prog.Opt{}, nil, "")
				}
			}
			suffix = o.Arg
		case 'T':
			noTarget = true
		}
	}
	l.backup.setSuffix(c, suffix)
	if l.relative && !l.symbolic {
		c.Die(1, "cannot do --relative without --symbolic")
	}
	args := c.Args
	if len(args) == 0 {
		missingFile(c)
	}
	isDir := func(name string) bool {
		stat := c.Stat
		if noDeref {
			stat = c.Lstat
		}
		st, err := stat(name)
		return err == nil && st.Mode.IsDir()
	}
	if !c.GNU() {
		l.busybox(args, noTarget, noDeref)
		return c.Status
	}
	switch {
	case noTarget:
		if haveTarget {
			c.Die(1, "cannot combine --target-directory and --no-target-directory")
		}
		if len(args) != 2 {
			if len(args) < 2 {
				c.Fail("missing destination file operand after %s", c.QuoteFile(args[0]))
			} else {
				c.Fail("extra operand %s", c.QuoteFile(args[2]))
			}
			c.Usage()
		}
		l.one(args[0], args[1])
	case haveTarget:
		st, err := c.Stat(target)
		if err == nil && !st.Mode.IsDir() {
			err = linux.ENOTDIR
		}
		if err != nil {
			c.Die(1, "target directory %s: %v", c.QuoteFile(target), err)
		}
		for _, a := range args {
			l.one(a, intoDir(target, a))
		}
	case len(args) == 1:
		l.one(args[0], intoDir(".", args[0]))
	case len(args) == 2 && !isDir(args[1]):
		l.one(args[0], args[1])
	default:
		dir := args[len(args)-1]
		if !isDir(dir) {
			err := error(linux.ENOTDIR)
			if _, e := c.Stat(dir); e != nil {
				err = e
			}
			c.Die(1, "target %s: %v", c.QuoteFile(dir), err)
		}
		for _, a := range args[:len(args)-1] {
			l.one(a, intoDir(dir, a))
		}
	}
	return c.Status
}

// one makes the link name to target.
func (l *linker) one(target, name string) {
	if !l.symbolic {
		stat := l.Lstat
		if l.logical {
			stat = l.Stat
		}
		st, err := stat(target)
		if err != nil {
			l.Fail("failed to access %s: %v", l.QuoteFile(target), err)
			return
		}
		if st.Mode.IsDir() && !l.dirs {
			l.Fail("%s: hard link not allowed for directory", l.QuoteColon(target))
			return
		}
	}
	old, exists := l.Lstat(name)
	saved := ""
	if exists == nil && (l.force || l.ask || l.backup != nil) {
		if st, err := l.Stat(target); err == nil && st.Ino == old.Ino && st.Dev == old.Dev && (old.Nlink == 1 || path.Clean(target) == path.Clean(name)) && l.backup == nil {
			l.Fail("%s and %s are the same file", l.QuoteFile(target), l.QuoteFile(name))
			return
		}
		if old.Mode.IsDir() {
			l.Fail("%s: cannot overwrite directory", l.QuoteColon(name))
			return
		}
		if l.made[path.Clean(name)] {
			l.Fail("will not overwrite just-created %s with %s", l.QuoteFile(name), l.QuoteFile(target))
			return
		}
		if l.ask {
			l.Errorf("%s: replace %s? ", l.Name, l.QuoteFile(name))
			if !yes(l.Ctx) {
				return
			}
		}
		if l.backup != nil {
			saved = l.backup.name(l.Ctx, name)
			if err := l.Rename(name, saved); err != nil {
				l.Fail("cannot backup %s: %v", l.QuoteFile(name), err)
				return
			}
			// Where both were links of one file already, the rename has done nothing.
			if _, err := l.Lstat(name); err == nil {
				l.Unlink(name)
			}
		} else if err := l.Unlink(name); err != nil {
			l.Fail("cannot remove %s: %v", l.QuoteFile(name), err)
			return
		}
	}
	text := target
	if l.relative {
		text = l.relativeTo(target, name)
	}
	var err error
	if l.symbolic {
		if err = l.Symlink(text, name); err != nil {
			what := "failed to create symbolic link %s: %v"
			if err == linux.ENAMETOOLONG || text == "" && err == linux.ENOENT {
				l.Fail("failed to create symbolic link %s -> %s: %v", l.QuoteFile(name), l.QuoteFile(text), err)
				return
			}
			l.Fail(what, l.QuoteFile(name), err)
			return
		}
	} else {
		from := target
		if l.logical {
			if full, e := prog.Realpath(l.Ctx, target, prog.AllExist); e == nil {
				from = full
			}
		}
		if err = l.Link(from, name); err != nil {
			if err == linux.EEXIST || err == linux.EDQUOT || err == linux.ENOSPC || err == linux.EROFS {
				l.Fail("failed to create hard link %s: %v", l.QuoteFile(name), err)
			} else {
				l.Fail("failed to create hard link %s => %s: %v", l.QuoteFile(name), l.QuoteFile(target), err)
			}
			return
		}
	}
	l.made[path.Clean(name)] = true
	if l.verbose {
		if saved != "" {
			l.Print(l.QuoteFile(saved), " ~ ")
		}
		arrow := " => "
		if l.symbolic {
			arrow = " -> "
		}
		l.Print(l.QuoteFile(name), arrow, l.QuoteFile(text), "\n")
	}
}

func (l *linker) relativeTo(target, name string) string {
	dir, err := prog.Realpath(l.Ctx, path.Dir(name), prog.AnyMissing)
	if err != nil {
		return target
	}
	full, err := prog.Realpath(l.Ctx, target, prog.AnyMissing)
	if err != nil {
		return target
	}
	return relativePath(full, dir)
}

// relativePath is the way from the directory base to the file full; both are absolute and clean.
func relativePath(full, base string) string {
	f, b := splitPath(full), splitPath(base)
	for len(f) > 0 && len(b) > 0 && f[0] == b[0] {
		f, b = f[1:], b[1:]
	}
	var parts []string
	for range b {
		parts = append(parts, "..")
	}
	parts = append(parts, f...)
	if len(parts) == 0 {
		return "."
	}
	return strings.Join(parts, "/")
}

func splitPath(p string) []string {
	return strings.FieldsFunc(p, func(r rune) bool { return r == '/' })
}

// busybox is ln as Busybox has it.
func (l *linker) busybox(args []string, noTarget, noDeref bool) {
	last := args[len(args)-1]
	switch {
	case len(args) == 1:
		last = path.Base(strings.TrimRight(args[0], "/"))
		args = append(args, last)
	case noTarget && len(args) > 2:
		l.Die(1, "too many arguments")
	}
	for _, target := range args[:len(args)-1] {
		name := last
		stat := l.Stat
		if noDeref {
			stat = l.Lstat
		}
		if st, err := stat(last); err == nil && st.Mode.IsDir() {
			if noTarget {
				l.Fail("'%s' is a directory", last)
				continue
			}
			name = intoDir(last, target)
		}
		if !l.symbolic {
			if _, err := l.Lstat(target); err != nil {
				l.Fail("%s: %v", target, err)
				continue
			}
		}
		saved := ""
		if l.backup != nil {
			saved = name + l.backup.suffix
			if err := l.Rename(name, saved); err != nil && err != linux.ENOENT {
				l.Fail("%s: %v", name, err)
				continue
			}
		} else if l.force {
			l.Unlink(name)
		}
		make := l.Link
		if l.symbolic {
			make = l.Symlink
		}
		if l.verbose {
			l.Printf("'%s' -> '%s'\n", name, target)
		}
		if err := make(target, name); err != nil {
			l.Fail("%s: %v", name, err)
		}
	}
}

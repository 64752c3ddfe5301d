package files

import (
	"bytes"
	"io"
	"strings"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/filemode"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
	"github.com/dockerlab/dockerlab/sim/userland/userdb"
)

const (
	cpAttributesOnly = prog.LongOnly + iota
	cpBackup
	cpCopyContents
	cpNoPreserve
	cpParents
	cpPreserve
	cpReflink
	cpRemoveDestination
	cpSparse
	cpStrip
	cpContext
)

var cpLong = []prog.Long{
	{Name: "archive", Val: 'a'}, {Name: "attributes-only", Val: cpAttributesOnly}, {Name: "backup", Arg: prog.OptArg, Val: cpBackup},
	{Name: "copy-contents", Val: cpCopyContents}, {Name: "dereference", Val: 'L'}, {Name: "force", Val: 'f'}, {Name: "interactive", Val: 'i'},
	{Name: "link", Val: 'l'}, {Name: "no-clobber", Val: 'n'}, {Name: "no-dereference", Val: 'P'}, {Name: "no-preserve", Arg: prog.ReqArg, Val: cpNoPreserve},
	{Name: "no-target-directory", Val: 'T'}, {Name: "one-file-system", Val: 'x'}, {Name: "parents", Val: cpParents}, {Name: "path", Val: cpParents},
	{Name: "preserve", Arg: prog.OptArg, Val: cpPreserve}, {Name: "recursive", Val: 'R'}, {Name: "remove-destination", Val: cpRemoveDestination},
	{Name: "sparse", Arg: prog.ReqArg, Val: cpSparse}, {Name: "reflink", Arg: prog.OptArg, Val: cpReflink},
	{Name: "strip-trailing-slashes", Val: cpStrip}, {Name: "suffix", Arg: prog.ReqArg, Val: 'S'}, {Name: "symbolic-link", Val: 's'},
	{Name: "target-directory", Arg: prog.ReqArg, Val: 't'}, {Name: "update", Val: 'u'}, {Name: "verbose", Val: 'v'}, {Name: "context", Arg: prog.OptArg, Val: cpContext},
}

func cp(c *prog.Ctx) int {
	k := newCopier(c)
	var target, suffix string
	haveTarget := false
	short, long := "abdfHilLnprst:uvxPRS:TZ", cpLong
	if !c.GNU() {
		short, long = "pdRfinlsLHarPvuTt:", []prog.Long{{Name: "update", Val: 'u'}, {Name: "remove-destination", Val: cpRemoveDestination}, {Name: "parents", Val: cpParents}, {Name: "reflink", Arg: prog.OptArg, Val: cpReflink}}
		for i, l := range cpLong {
			if l.Name == "archive" || l.Name == "force" || l.Name == "interactive" || l.Name == "link" || l.Name == "dereference" || l.Name == "no-dereference" || l.Name == "recursive" || l.Name == "symbolic-link" || l.Name == "verbose" {
				long = append(long, cpLong[i])
			}
		}
	}
	for o := range c.Getopt(short, long) {
		switch o.Val {
		case 'a':
			k.recursive, k.deref = true, 'P'
			k.keepMode, k.keepOwner, k.keepTimes, k.keepLinks = true, true, true, true
		case cpAttributesOnly:
			k.attrsOnly = true
		case 'b', cpBackup:
			k.backup = readBackup(c, o, k.backup, "")
		case cpCopyContents:
			k.special = true
		case cpReflink:
			reflink := "always"
			if o.Has {
				reflink = c.Choose("--reflink", o.Arg, "auto", "always", "never")
			}
			k.clone = reflink == "always" && c.GNU()
		case 'Z': // the default label, of which there is none without SELinux
		case cpContext:
			warnContext(c, o, "an SELinux")
		case 'd':
			k.deref, k.keepLinks = 'P', true
		case 'f':
			k.force = true
			if !c.GNU() {
				k.ask = 0
			}
		case 'H', 'L', 'P':
			if c.GNU() || k.deref == 0 || strings.IndexByte("PHL", byte(o.Val)) > strings.IndexByte("PHL", k.deref) {
				k.deref = byte(o.Val) // the last in GNU, the one that follows most in Busybox
			}
		case 'i', 'n':
			k.ask = byte(o.Val)
		case 'l':
			k.hardLink = true
		case 'p':
			k.keepMode, k.keepOwner, k.keepTimes = true, true, true
		case cpPreserve, cpNoPreserve:
			k.preserve(o)
		case cpParents:
			k.parents = true
		case 'r', 'R':
			k.recursive = true
		case cpRemoveDestination:
			k.removeDst = true
		case cpSparse:
			k.sparse = c.Choose("--sparse", o.Arg, "never", "auto", "always")
		case 's':
			k.symLink = true
		case cpStrip:
			k.strip = true
		case 'S':
			if k.backup == nil {
				k.backup = readBackup(c, prog.Opt{}, nil, "")
			}
			suffix = o.Arg
		case 't':
			if haveTarget {
				c.Die(1, "multiple target directories specified")
			}
			target, haveTarget = o.Arg, true
		case 'T':
			k.noTarget = true
		case 'u':
			k.update = true
		case 'v':
			k.verbose = true
		case 'x':
			k.oneFS = true
		}
	}
	k.backup.setSuffix(c, suffix)
	if k.clone && k.sparse != "auto" {
		c.Warn("--reflink can be used only with --sparse=auto")
		c.Usage()
	}
	if k.hardLink && k.symLink {
		if c.GNU() {
			c.Fail("cannot make both hard and symbolic links")
		}
		c.Usage()
	}
	if k.backup != nil && k.ask == 'n' {
		c.Fail("options --backup and --no-clobber are mutually exclusive")
		c.Usage()
	}
	if haveTarget && k.noTarget {
		c.Die(1, "cannot combine --target-directory (-t) and --no-target-directory (-T)")
	}
	if k.recursive && k.deref == 0 {
		k.deref = 'P'
	}
	k.operands(c.Args, target, haveTarget)
	return c.Status
}

// warnContext is what --context=CTX does where the kernel has no SELinux.
func warnContext(c *prog.Ctx, o prog.Opt, kernel string) {
	if o.Has {
		c.Warn("warning: ignoring --context; it requires %s-enabled kernel", kernel)
	}
}

// preserve reads the list of --preserve or --no-preserve.
func (k *copier) preserve(o prog.Opt) {
	on := o.Val == cpPreserve
	if !o.Has {
		k.keepMode, k.keepOwner, k.keepTimes = on, on, on
		return
	}
	for _, word := range strings.Split(o.Arg, ",") {
		name := "--preserve"
		if !on {
			name = "--no-preserve"
		}
		switch k.Choose(name, word, "mode", "timestamps", "ownership", "links", "context", "xattr", "all") {
		case "mode":
			k.keepMode, k.noMode = on, !on
		case "timestamps":
			k.keepTimes = on
		case "ownership":
			k.keepOwner = on
		case "links":
			k.keepLinks = on
		case "context":
			if on {
				k.Die(1, "cannot preserve security context without an SELinux-enabled kernel")
			}
		case "xattr": // no program of the lab gives a file extended attributes
		case "all":
			k.keepMode, k.keepTimes, k.keepOwner, k.keepLinks = on, on, on, on
			k.noMode = !on
		}
	}
}

var mvLong = []prog.Long{
	{Name: "backup", Arg: prog.OptArg, Val: cpBackup}, {Name: "context", Val: 'Z'}, {Name: "force", Val: 'f'}, {Name: "interactive", Val: 'i'},
	{Name: "no-clobber", Val: 'n'}, {Name: "no-target-directory", Val: 'T'}, {Name: "strip-trailing-slashes", Val: cpStrip},
	{Name: "suffix", Arg: prog.ReqArg, Val: 'S'}, {Name: "target-directory", Arg: prog.ReqArg, Val: 't'}, {Name: "update", Val: 'u'}, {Name: "verbose", Val: 'v'},
}

func mv(c *prog.Ctx) int {
	k := newCopier(c)
	k.move = true
	var target, suffix string
	haveTarget := false
	short, long := "bfint:uvS:TZ", mvLong
	if !c.GNU() {
		short, long = "finTt:v", []prog.Long{{Name: "interactive", Val: 'i'}, {Name: "force", Val: 'f'}, {Name: "no-clobber", Val: 'n'}, {Name: "verbose", Val: 'v'}}
	}
	for o := range c.Getopt(short, long) {
		switch o.Val {
		case 'b', cpBackup:
			k.backup = readBackup(c, o, k.backup, "")
		case 'f', 'i', 'n':
			k.ask = byte(o.Val)
		case 't':
			if haveTarget {
				c.Die(1, "multiple target directories specified")
			}
			target, haveTarget = o.Arg, true
		case 'T':
			k.noTarget = true
		case 'u':
			k.update = true
		case 'v':
			k.verbose = true
		case 'S':
			if k.backup == nil {
				k.backup = readBackup(c, prog.Opt{}, nil, "")
			}
			suffix = o.Arg
		case cpStrip:
			k.strip = true
		case 'Z': // the default label, of which there is none without SELinux
		}
	}
	k.backup.setSuffix(c, suffix)
	if k.backup != nil && k.ask == 'n' {
		c.Fail("options --backup and --no-clobber are mutually exclusive")
		c.Usage()
	}
	if haveTarget && k.noTarget {
		c.Die(1, "cannot combine --target-directory (-t) and --no-target-directory (-T)")
	}
	k.operands(c.Args, target, haveTarget)
	return c.Status
}

const (
	installStripProgram = prog.LongOnly + 100 + iota
	installPreserveContext
)

var installLong = []prog.Long{
	{Name: "backup", Arg: prog.OptArg, Val: cpBackup}, {Name: "compare", Val: 'C'}, {Name: "context", Arg: prog.OptArg, Val: cpContext},
	{Name: "directory", Val: 'd'}, {Name: "group", Arg: prog.ReqArg, Val: 'g'}, {Name: "mode", Arg: prog.ReqArg, Val: 'm'},
	{Name: "no-target-directory", Val: 'T'}, {Name: "owner", Arg: prog.ReqArg, Val: 'o'}, {Name: "preserve-timestamps", Val: 'p'},
	{Name: "preserve-context", Val: installPreserveContext}, {Name: "strip", Val: 's'}, {Name: "strip-program", Arg: prog.ReqArg, Val: installStripProgram},
	{Name: "suffix", Arg: prog.ReqArg, Val: 'S'}, {Name: "target-directory", Arg: prog.ReqArg, Val: 't'}, {Name: "verbose", Val: 'v'},
}

// installer is one run of install.
type installer struct {
	*copier
	mode      filemode.Change
	modeText  string
	uid, gid  uint32 // ^0: as it comes
	compare   bool   // -C
	strip     bool
	stripProg string
}

// install copies files and sets their attributes.
func install(c *prog.Ctx) int {
	in := &installer{copier: newCopier(c), modeText: "0755", uid: ^uint32(0), gid: ^uint32(0)}
	k := in.copier
	k.removeDst, k.deref = true, 'L'
	var target, suffix, owner, group string
	dirs, leading, haveTarget := false, false, false
	short, long := "bcCsDdg:m:o:pt:TvS:Z", installLong
	if !c.GNU() {
		short, long = "cdDpsg:m:o:t:v", []prog.Long{{Name: "directory", Val: 'd'}, {Name: "preserve-timestamps", Val: 'p'}, {Name: "strip", Val: 's'}, {Name: "group", Arg: prog.ReqArg, Val: 'g'}, {Name: "mode", Arg: prog.ReqArg, Val: 'm'}, {Name: "owner", Arg: prog.ReqArg, Val: 'o'}}
	}
	for o := range c.Getopt(short, long) {
		switch o.Val {
		case 'b', cpBackup:
			k.backup = readBackup(c, o, k.backup, "")
		case 'c': // for compatibility: it copies anyhow
		case 's':
			in.strip = true
		case installStripProgram:
			in.stripProg = o.Arg
		case 'Z': // the default label, of which there is none without SELinux
		case cpContext:
			warnContext(c, o, "an SELinux")
		case installPreserveContext:
			c.Warn("WARNING: ignoring --preserve-context; this kernel is not SELinux-enabled")
		case 'C':
			in.compare = true
		case 'D':
			leading = true
		case 'd':
			dirs = true
		case 'g':
			group = o.Arg
		case 'm':
			in.modeText = o.Arg
		case 'o':
			owner = o.Arg
		case 'p':
			k.keepTimes = true
		case 'S':
			if k.backup == nil {
				k.backup = readBackup(c, prog.Opt{}, nil, "")
			}
			suffix = o.Arg
		case 't':
			target, haveTarget = o.Arg, true
		case 'T':
			k.noTarget = true
		case 'v':
			k.verbose = true
		}
	}
	k.backup.setSuffix(c, suffix)
	if c.GNU() {
		in.checkOptions(dirs, haveTarget)
	}
	var ok bool
	if in.mode, ok = filemode.Parse(in.modeText); !ok {
		c.Die(1, "invalid mode %s", k.q(in.modeText))
	}
	in.ids(owner, group)
	if dirs {
		if len(c.Args) == 0 {
			if c.GNU() {
				c.Fail("missing file operand")
			}
			c.Usage()
		}
		for _, name := range c.Args {
			if in.makeAll(name) {
				in.finish(name, true)
			}
		}
		return c.Status
	}
	if leading {
		if haveTarget {
			in.makeAll(target)
		} else if len(c.Args) == 2 {
			if i := strings.LastIndexByte(c.Args[1], '/'); i > 0 && !in.makeAll(c.Args[1][:i]) && c.GNU() {
				return c.Status
			}
		}
	}
	verbose := k.verbose
	k.verbose, k.tellRemoved = true, verbose
	k.onCopy = func(src, dst string) {
		if verbose {
			c.Printf("%s -> %s\n", k.q(src), k.q(dst))
		}
		if in.strip && c.GNU() && !in.stripped(dst) {
			return
		}
		at, mt, err := timesOf(c, src, false)
		if k.keepTimes && err == nil {
			c.Utimes(dst, &at, &mt, false)
		}
		in.finish(dst, false)
	}
	if in.compare {
		k.skip = in.unchanged
	}
	k.operands(c.Args, target, haveTarget)
	return c.Status
}

// checkOptions ends the program if options contradict each other.
func (in *installer) checkOptions(dirs, haveTarget bool) {
	c := in.Ctx
	switch {
	case dirs && in.strip:
		c.Die(1, "the strip option may not be used when installing a directory")
	case dirs && haveTarget:
		c.Die(1, "target directory not allowed when installing a directory")
	case in.compare && in.keepTimes:
		c.Warn("options --compare (-C) and --preserve-timestamps are mutually exclusive")
		c.Usage()
	case in.compare && in.strip:
		c.Warn("options --compare (-C) and --strip are mutually exclusive")
		c.Usage()
	}
	if in.stripProg != "" && !in.strip {
		c.Warn("WARNING: ignoring --strip-program option as -s option was not specified")
	}
	if change, ok := filemode.Parse(in.modeText); ok && in.compare && change.Apply(0, false, 0)&^0o777 != 0 {
		c.Warn("the --compare (-C) option is ignored when you specify a mode with non-permission bits")
		in.compare = false
	}
}

// ids reads the names that -o and -g give.
func (in *installer) ids(owner, group string) {
	c, db := in.Ctx, userdb.Load(in.Ctx)
	unknown := "unknown"
	if c.GNU() {
		unknown = "invalid"
	}
	name := func(s string) string {
		if c.GNU() {
			return in.q(s)
		}
		return s
	}
	var ok bool
	if owner != "" {
		if in.uid, ok = db.ParseUser(owner); !ok {
			c.Die(1, "%s user %s", unknown, name(owner))
		}
	}
	if group != "" {
		if in.gid, ok = db.ParseGroup(group); !ok {
			c.Die(1, "%s group %s", unknown, name(group))
		}
	}
}

// makeAll makes a directory and what is missing above it.
func (in *installer) makeAll(dir string) bool {
	if in.GNU() { // directories are 0755, whatever the umask
		in.Umask(0o022)
		defer in.Umask(in.umask)
	}
	return makeAll(in.Ctx, dir, 0o755, func(made string) {
		if in.verbose {
			in.Printf("%s: creating directory %s\n", in.Name, in.q(made))
		}
	}, func(made string, err error) {
		in.failed(err, "cannot create directory %s", "can't create directory %s", in.q(made))
	})
}

// finish gives what was installed its owner and mode.
func (in *installer) finish(name string, dir bool) {
	if in.uid != ^uint32(0) || in.gid != ^uint32(0) {
		if err := in.Chown(name, in.uid, in.gid); err != nil {
			in.failed(err, "cannot change ownership of %s", "can't change ownership of %s", in.q(name))
		}
	}
	if err := in.Chmod(name, in.mode.Apply(0, dir, 0)); err != nil {
		in.failed(err, "cannot change permissions of %s", "can't change permissions of %s", in.q(name))
	}
}

// unchanged says whether dst is already what src would be installed as: same bytes, mode and
// owner.
func (in *installer) unchanged(src, dst string) bool {
	s, err1 := in.Lstat(src)
	d, err2 := in.Lstat(dst)
	if err1 != nil || err2 != nil || !s.Mode.IsRegular() || !d.Mode.IsRegular() || s.Size != d.Size || d.Mode.Perm() != in.mode.Apply(0, false, 0) {
		return false
	}
	cred := in.Cred()
	uid, gid := in.uid, in.gid
	if uid == ^uint32(0) {
		uid = cred.UID
	}
	if gid == ^uint32(0) {
		gid = cred.GID
	}
	if d.UID != uid || d.GID != gid {
		return false
	}
	a, err := in.OpenFile(src, linux.O_RDONLY, 0)
	if err != nil {
		return false
	}
	defer a.Close()
	b, err := in.OpenFile(dst, linux.O_RDONLY, 0)
	if err != nil {
		return false
	}
	defer b.Close()
	var x, y [4096]byte
	for {
		n, err := io.ReadFull(a, x[:])
		m, _ := io.ReadFull(b, y[:])
		in.Step(1 + n>>6)
		if !bytes.Equal(x[:n], y[:m]) {
			return false
		}
		if err != nil {
			return err == io.EOF || err == io.ErrUnexpectedEOF
		}
	}
}

// stripped runs strip on what was installed, which goes if that fails.
func (in *installer) stripped(dst string) bool {
	program := in.stripProg
	if program == "" {
		program = "strip"
	}
	st, err := in.Command([]string{program, dst}, nil, nil)
	if err == nil && st.ExitCode() == 0 {
		return true
	}
	if err != nil {
		in.Warn("cannot run %s: %v", in.q(program), err)
	}
	in.Unlink(dst)
	in.Die(1, "strip process terminated abnormally")
	return false
}

// makeAll is mkdir -p: it makes dir and what is missing above it, with mode perm and the parents
// as mkdir makes them, and tells of each; Busybox shows a parent with the slash behind it. It says whether dir is a directory in the end.
func makeAll(c *prog.Ctx, dir string, perm linux.Mode, made func(string), failed func(string, error)) bool {
	clean := strings.TrimRight(dir, "/")
	if clean == "" {
		clean = "/"
	}
	for i := 1; i <= len(clean); i++ {
		if i < len(clean) && clean[i] != '/' || i < len(clean) && clean[i-1] == '/' {
			continue
		}
		part := clean[:i]
		last := i == len(clean)
		shown := part
		if last {
			part, shown = dir, dir
		} else if !c.GNU() {
			shown += "/"
		}
		if st, err := c.Stat(part); err == nil && !st.Mode.IsDir() && !last {
			failed(shown, linux.ENOTDIR)
			return false
		} else if err == nil && st.Mode.IsDir() {
			continue
		}
		mode := linux.Mode(0o777)
		if last {
			mode = perm
		}
		err := c.Mkdir(part, mode)
		switch {
		case err == nil:
			made(shown)
		case err == linux.EEXIST:
			st, e := c.Stat(part)
			switch {
			case e == nil && st.Mode.IsDir():
				continue
			case e == linux.ELOOP && last && c.GNU():
				c.Fail("cannot stat %s: %v", c.QuoteFile(shown), e)
			case e != nil && (e == linux.ELOOP || !c.GNU()): // the link that is there leads nowhere
				failed(shown, e)
			default:
				failed(shown, err)
			}
			return false
		default:
			failed(shown, err)
			return false
		}
	}
	return true
}

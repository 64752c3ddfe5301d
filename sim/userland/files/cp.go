package files

import (
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
		short, long = "pdRfinlsLHarPvuTt:x", []prog.Long{{Name: "update", Val: 'u'}, {Name: "remove-destination", Val: cpRemoveDestination}, {Name: "parents", Val: cpParents}, {Name: "reflink", Arg: prog.OptArg, Val: cpReflink}}
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
		case cpCopyContents, cpReflink, 'Z', cpContext:
			if o.Val == cpReflink && o.Has {
				c.Choose("--reflink", o.Arg, "auto", "always", "never") // copies here share no blocks
			}
		case 'd':
			k.deref, k.keepLinks = 'P', true
		case 'f':
			k.force = true
			if !c.GNU() {
				k.ask = 0
			}
		case 'H', 'L', 'P':
			k.deref = byte(o.Val)
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
			c.Choose("--sparse", o.Arg, "never", "auto", "always")
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
		case 'Z':
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

var installLong = []prog.Long{
	{Name: "backup", Arg: prog.OptArg, Val: cpBackup}, {Name: "compare", Val: 'C'}, {Name: "context", Arg: prog.OptArg, Val: cpContext},
	{Name: "debug", Val: cpReflink}, {Name: "directory", Val: 'd'}, {Name: "group", Arg: prog.ReqArg, Val: 'g'}, {Name: "mode", Arg: prog.ReqArg, Val: 'm'},
	{Name: "no-target-directory", Val: 'T'}, {Name: "owner", Arg: prog.ReqArg, Val: 'o'}, {Name: "preserve-timestamps", Val: 'p'},
	{Name: "strip", Val: 's'}, {Name: "strip-program", Arg: prog.ReqArg, Val: cpSparse}, {Name: "suffix", Arg: prog.ReqArg, Val: 'S'},
	{Name: "target-directory", Arg: prog.ReqArg, Val: 't'}, {Name: "verbose", Val: 'v'},
}

// install copies files and sets their attributes.
func install(c *prog.Ctx) int {
	k := newCopier(c)
	k.removeDst, k.deref = true, 'L'
	var target, suffix, owner, group string
	mode := "0755"
	dirs, leading, haveTarget, compare := false, false, false, false
	short, long := "bcCsDdg:m:o:pt:TvS:Z", installLong
	if !c.GNU() {
		short, long = "cdDpsg:m:o:t:v", []prog.Long{{Name: "directory", Val: 'd'}, {Name: "preserve-timestamps", Val: 'p'}, {Name: "strip", Val: 's'}, {Name: "group", Arg: prog.ReqArg, Val: 'g'}, {Name: "mode", Arg: prog.ReqArg, Val: 'm'}, {Name: "owner", Arg: prog.ReqArg, Val: 'o'}}
	}
	for o := range c.Getopt(short, long) {
		switch o.Val {
		case 'b', cpBackup:
			k.backup = readBackup(c, o, k.backup, "")
		case 'c', 's', 'Z', cpContext, cpReflink, cpSparse:
			// -c has no meaning; stripping leaves these programs as they are
		case 'C':
			compare = true
		case 'D':
			leading = true
		case 'd':
			dirs = true
		case 'g':
			group = o.Arg
		case 'm':
			mode = o.Arg
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
	_ = compare
	k.backup.setSuffix(c, suffix)
	change, ok := filemode.Parse(mode)
	if !ok {
		c.Die(1, "invalid mode %s", k.q(mode))
	}
	db := userdb.Load(c)
	uid, gid := ^uint32(0), ^uint32(0)
	if owner != "" {
		if uid, ok = db.ParseUser(owner); !ok {
			if c.GNU() {
				c.Die(1, "invalid user %s", k.q(owner))
			}
			c.Die(1, "unknown user %s", owner)
		}
	}
	if group != "" {
		if gid, ok = db.ParseGroup(group); !ok {
			if c.GNU() {
				c.Die(1, "invalid group %s", k.q(group))
			}
			c.Die(1, "unknown group %s", group)
		}
	}
	finish := func(name string, dir bool) {
		if uid != ^uint32(0) || gid != ^uint32(0) {
			if err := c.Chown(name, uid, gid); err != nil {
				k.failed(err, "cannot change ownership of %s", "can't change ownership of %s", k.q(name))
			}
		}
		if err := c.Chmod(name, change.Apply(0, dir, 0)); err != nil {
			k.failed(err, "cannot change permissions of %s", "can't change permissions of %s", k.q(name))
		}
	}
	if dirs {
		if len(c.Args) == 0 {
			if c.GNU() {
				c.Fail("missing file operand")
			}
			c.Usage()
		}
		for _, name := range c.Args {
			if makeAll(c, name, 0o755, func(made string) {
				if k.verbose {
					c.Printf("%s: creating directory %s\n", c.Name, k.q(made))
				}
			}, func(made string, err error) {
				k.failed(err, "cannot create directory %s", "can't create directory %s", k.q(made))
			}) {
				finish(name, true)
			}
		}
		return c.Status
	}
	args := c.Args
	if leading && !haveTarget && len(args) == 2 {
		if i := strings.LastIndexByte(args[1], '/'); i > 0 {
			makeAll(c, args[1][:i], 0o755, func(made string) {
				if k.verbose {
					c.Printf("%s: creating directory %s\n", c.Name, k.q(made))
				}
			}, func(made string, err error) {
				k.failed(err, "cannot create directory %s", "can't create directory %s", k.q(made))
			})
		}
	}
	if leading && haveTarget {
		makeAll(c, target, 0o755, func(string) {}, func(made string, err error) {
			k.failed(err, "cannot create directory %s", "can't create directory %s", k.q(made))
		})
	}
	done := map[string]string{}
	verbose := k.verbose
	k.verbose = true
	k.onCopy = func(src, dst string) {
		done[dst] = src
		if verbose {
			c.Printf("%s -> %s\n", k.q(src), k.q(dst))
		}
		at, mt, err := timesOf(c, src, false)
		if k.keepTimes && err == nil {
			c.Utimes(dst, &at, &mt, false)
		}
		finish(dst, false)
	}
	k.operands(args, target, haveTarget)
	return c.Status
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
			if st, e := c.Stat(part); e == nil && st.Mode.IsDir() {
				continue
			}
			failed(shown, err)
			return false
		default:
			failed(shown, err)
			return false
		}
	}
	return true
}

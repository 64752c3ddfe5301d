package files

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// copier copies and moves trees: what cp, mv and install have in common. Its zero value copies
// one regular file's contents.
type copier struct {
	*prog.Ctx
	move      bool
	recursive bool
	deref     byte // 'P' never, 'H' of operands, 'L' always
	force     bool
	ask       byte // 0, 'i' prompt, 'n' never overwrite, 'f' overwrite without a word
	hardLink  bool
	symLink   bool
	update    bool
	verbose   bool
	oneFS     bool
	attrsOnly bool
	removeDst bool // --remove-destination
	parents   bool
	backup    *backup
	noTarget  bool // -T
	strip     bool // --strip-trailing-slashes

	keepMode, keepOwner, keepTimes, keepLinks bool
	noMode                                    bool // --no-preserve=mode

	// --sparse: "auto" keeps the holes of a file that has some, "always" makes them of zeros,
	// "never" fills them.
	sparse string
	// --reflink=always: no file system of the lab can share blocks between files, so it fails.
	clone bool

	// skip, if set, says that a file that exists needs no copy.
	skip        func(src, dst string) bool
	special     bool                  // --copy-contents: read what is no regular file
	tellRemoved bool                  // say what is removed before a copy is made, whatever onCopy does
	onCopy      func(src, dst string) // tells of each file, if verbose, in words of the caller's

	topSrc, topDst string // the operand that is being copied, and where to

	umask   linux.Mode
	copied  map[vfsID]string // files with several links, and where their copy is
	created map[string]bool  // what this run made, by cleaned name
	dirs    map[vfsID]bool   // directories made by this run: not to be copied again
}

// backup is how a file that is about to be overwritten is kept.
type backup struct {
	control string // "none", "numbered", "existing" or "simple"
	suffix  string
}

// name is what the file dst is to be kept as.
func (b *backup) name(c *prog.Ctx, dst string) string {
	numbered := func() (string, bool) {
		dir, base := path.Split(dst)
		n, any := 0, false
		ents, _ := c.ReadDir(prog.JoinPath(dir, "."))
		if dir == "" {
			ents, _ = c.ReadDir(".")
		}
		for _, e := range ents {
			var k int
			if rest, ok := strings.CutPrefix(e.Name, base+".~"); ok {
				if _, err := fmt.Sscanf(rest, "%d~", &k); err == nil && strings.HasSuffix(rest, "~") {
					n, any = max(n, k), true
				}
			}
		}
		return fmt.Sprintf("%s.~%d~", dst, n+1), any
	}
	switch b.control {
	case "numbered":
		s, _ := numbered()
		return s
	case "existing":
		if s, any := numbered(); any {
			return s
		}
	}
	return dst + b.suffix
}

// readBackup reads the argument of --backup.
func readBackup(c *prog.Ctx, o prog.Opt, b *backup, suffix string) *backup {
	if b == nil {
		b = &backup{}
	}
	arg := o.Arg
	if !o.Has {
		arg = c.Getenv("VERSION_CONTROL")
		if arg == "" {
			arg = "existing"
		}
	}
	switch arg {
	case "none", "off":
		return nil
	case "t", "numbered":
		b.control = "numbered"
	case "nil", "existing":
		b.control = "existing"
	case "simple", "never":
		b.control = "simple"
	default:
		c.Choose("backup type", arg, "none|off", "simple|never", "existing|nil", "numbered|t")
	}
	return b
}

func (b *backup) setSuffix(c *prog.Ctx, suffix string) {
	if b == nil {
		return
	}
	if suffix == "" {
		suffix = c.Getenv("SIMPLE_BACKUP_SUFFIX")
	}
	if suffix == "" || strings.Contains(suffix, "/") {
		suffix = "~"
	}
	b.suffix = suffix
}

func newCopier(c *prog.Ctx) *copier {
	k := &copier{Ctx: c, copied: map[vfsID]string{}, created: map[string]bool{}, dirs: map[vfsID]bool{}, sparse: "auto"}
	k.umask = c.Umask(0)
	c.Umask(k.umask)
	return k
}

func (k *copier) q(name string) string {
	if k.GNU() {
		return k.QuoteFile(name)
	}
	return "'" + name + "'"
}

// failed reports an error of both families' words.
func (k *copier) failed(err error, gnu, busybox string, args ...any) bool {
	format := gnu
	if !k.GNU() {
		format = busybox
	}
	if !strings.Contains(format, "%[") {
		args = args[:min(len(args), strings.Count(format, "%s"))]
	}
	if err != nil {
		format += ": " + strings.ReplaceAll(err.Error(), "%", "%%")
	}
	k.Fail(format, args...)
	return false
}

// operands copies or moves what the command line names, to a file or into a directory.
func (k *copier) operands(args []string, target string, haveTarget bool) {
	var sources []string
	into := false
	switch {
	case haveTarget:
		if len(args) == 0 {
			if k.GNU() {
				k.Fail("missing file operand")
			}
			k.Usage()
		}
		st, err := k.Stat(target)
		if err == nil && !st.Mode.IsDir() {
			err = linux.ENOTDIR
		}
		if err != nil && k.GNU() {
			if k.Program == "install" {
				k.Die(1, "failed to access %s: %v", k.q(target), err)
			}
			k.Die(1, "target directory %s: %v", k.q(target), err)
		}
		sources, into = args, true
	case len(args) < 2:
		if k.GNU() {
			if len(args) == 0 {
				k.Fail("missing file operand")
			} else {
				k.Fail("missing destination file operand after %s", k.q(args[0]))
			}
		}
		k.Usage()
	case k.noTarget:
		if len(args) > 2 {
			if k.GNU() {
				k.Fail("extra operand %s", k.q(args[2]))
				k.Usage()
			}
			k.Die(1, "too many arguments")
		}
		sources, target = args[:1], args[1]
	default:
		sources, target = args[:len(args)-1], args[len(args)-1]
		st, err := k.Stat(target)
		into = err == nil && st.Mode.IsDir()
		if !into && len(sources) > 1 {
			if k.GNU() {
				if err == nil {
					err = linux.ENOTDIR
				}
				k.Die(1, "target %s: %v", k.q(target), err)
			}
			into = true
		}
		if !into && k.GNU() && !k.move && strings.HasSuffix(target, "/") && err == linux.ENOENT && len(sources) == 1 {
			if st, err := k.Stat(sources[0]); err == nil && !st.Mode.IsDir() {
				err := linux.ENOTDIR
				if parent := strings.TrimRight(target, "/"); !exists(k.Ctx, path.Dir(parent)) {
					err = linux.ENOENT
				}
				k.failed(err, "cannot create regular file %s", "", k.q(target))
				return
			}
		}
	}
	if k.parents && !into {
		k.Fail("with --parents, the destination must be a directory")
		k.Usage()
	}
	if !k.GNU() && len(sources) == 1 {
		_, serr := k.Lstat(sources[0])
		_, terr := k.Stat(target)
		switch {
		case serr == linux.ENOTDIR && !k.move:
			k.Die(1, "can't stat '%s': Path has non-directory component", sources[0])
		case terr == linux.ENOTDIR:
			k.Die(1, "can't stat '%s': Path has non-directory component", target)
		case terr == linux.ELOOP && (serr == nil || k.move):
			k.Die(1, "can't stat '%s': %v", target, terr)
		}
	}
	if !k.GNU() && !into {
		s, err := k.Stat(sources[0])
		t, terr := k.Stat(target)
		switch {
		case k.noTarget && terr == nil && t.Mode.IsDir() && (err == nil || !k.move) && !s.Mode.IsDir():
			k.Die(1, "'%s' is a directory", target)
		case !k.move && err == nil && terr == nil && s.Mode.IsDir() && !t.Mode.IsDir() && k.recursive:
			into = true // which will fail, there being no directory
		}
	}
	given := map[string]bool{}
	for _, src := range sources {
		if k.GNU() && !k.move && k.backup == nil {
			if st, err := k.Lstat(src); err == nil && given[src] && !st.Mode.IsDir() {
				k.Warn("warning: source file %s specified more than once", k.q(src))
				continue
			}
			given[src] = true
		}
		if k.strip && into {
			if src = strings.TrimRight(src, "/"); src == "" {
				src = "/"
			}
		}
		dst := target
		if into {
			switch {
			case k.parents:
				rel := strings.TrimLeft(strings.TrimRight(src, "/"), "/")
				if !k.makeParents(target, rel, src) {
					continue
				}
				dst = prog.JoinPath(target, rel)
			default:
				dst = intoDir(target, src)
			}
		}
		if k.move {
			k.moveOne(src, dst)
		} else {
			k.topSrc, k.topDst = src, dst
			k.copyOne(src, dst, true, nil)
		}
	}
}

func exists(c *prog.Ctx, name string) bool {
	_, err := c.Stat(name)
	return err == nil
}

// intoDir is the name that src gets below the directory dir.
func intoDir(dir, src string) string {
	base := strings.TrimRight(src, "/")
	base = base[strings.LastIndexByte(base, '/')+1:]
	if base == ".." {
		base = "."
	}
	if base == "" || base == "." {
		return strings.TrimRight(dir, "/") + "/" + base
	}
	return prog.JoinPath(dir, base)
}

func (k *copier) makeParents(target, rel, src string) bool {
	dir := path.Dir(rel)
	if dir == "." {
		return true
	}
	at, from := target, ""
	if strings.HasPrefix(src, "/") {
		from = "/"
	}
	for _, part := range strings.Split(dir, "/") {
		at, from = prog.JoinPath(at, part), prog.JoinPath(from, part)
		st, err := k.Stat(from)
		if err != nil {
			return k.failed(err, "failed to get attributes of %s", "", k.q(from))
		}
		if d, err := k.Stat(at); err == nil {
			if !d.Mode.IsDir() {
				return k.failed(nil, "%s exists but is not a directory", "", k.q(at))
			}
			continue
		}
		if err := k.Mkdir(at, st.Mode.Perm()); err != nil {
			return k.failed(err, "cannot make directory %s", "", k.q(at))
		}
		if k.verbose {
			k.Printf("%s -> %s\n", from, at)
		}
	}
	return true
}

// moveOne renames src to dst, or copies and removes where they are on different file systems.
func (k *copier) moveOne(src, dst string) {
	sst, err := k.Lstat(src)
	if err != nil {
		k.failed(err, "cannot stat %s", "can't rename %s", k.q(src))
		return
	}
	dstat, derr := k.Lstat(dst)
	if derr == linux.ENOTDIR && k.GNU() {
		k.failed(derr, "cannot stat %s", "", k.q(dst))
		return
	}
	if _, err := k.Stat(dst); err != nil && err != linux.ENOENT && !k.GNU() {
		k.failed(err, "", "can't stat %s", k.q(dst))
		return
	}
	if derr == nil {
		if sst.Ino == dstat.Ino && sst.Dev == dstat.Dev && k.GNU() {
			k.Fail("%s and %s are the same file", k.q(src), k.q(dst))
			return
		}
		if !k.mayOverwrite(src, sst, dst, dstat) {
			return
		}
		if k.GNU() {
			if sst.Mode.IsDir() && !dstat.Mode.IsDir() {
				k.Fail("cannot overwrite non-directory %s with directory %s", k.q(dst), k.q(src))
				return
			}
			if !sst.Mode.IsDir() && dstat.Mode.IsDir() {
				k.Fail("cannot overwrite directory %s with non-directory", k.q(dst))
				return
			}
			if k.created[path.Clean(dst)] {
				k.Fail("will not overwrite just-created %s with %s", k.q(dst), k.q(src))
				return
			}
		}
	}
	saved := ""
	if k.backup != nil && derr == nil {
		saved = k.backup.name(k.Ctx, dst)
		if err := k.Rename(dst, saved); err != nil {
			k.failed(err, "cannot backup %s", "", k.q(dst))
			return
		}
	}
	err = k.Rename(src, dst)
	if err == nil {
		if k.verbose {
			word := "renamed "
			if !k.GNU() {
				word = ""
			}
			k.say(word, src, dst, saved)
		}
		k.created[path.Clean(dst)] = true
		return
	}
	switch {
	case err == linux.EINVAL && k.GNU():
		k.Fail("cannot move %s to a subdirectory of itself, %s", k.q(src), k.q(dst))
		return
	case err != linux.EXDEV && k.GNU():
		k.failed(err, "cannot move %s to %s", "", k.q(src), k.q(dst))
		return
	case err != linux.EXDEV:
		k.failed(err, "", "can't rename %s", k.q(src))
		return
	}
	// Over the border of file systems.
	if derr == nil {
		if dstat.Mode.IsDir() && k.GNU() {
			err = k.Rmdir(dst)
		} else {
			err = k.Unlink(dst)
		}
		if err != nil {
			k.failed(err, "inter-device move failed: %s to %s; unable to remove target", "can't remove %[2]s", k.q(src), k.q(dst))
			return
		}
	}
	cp := *k
	cp.move, cp.recursive, cp.deref, cp.backup, cp.ask = false, true, 'P', nil, 'f'
	cp.keepMode, cp.keepOwner, cp.keepTimes, cp.keepLinks = true, true, true, true
	verbose := k.verbose
	if verbose && k.GNU() {
		cp.onCopy = func(s, d string) { k.Printf("copied %s -> %s\n", k.q(s), k.q(d)) }
	}
	before := k.Status
	k.Status, cp.Ctx.Status = 0, 0
	ok := cp.copyOne(src, dst, true, nil)
	if ok {
		r := remover{Ctx: k.Ctx, recursive: true, force: true, verbose: verbose && k.GNU()}
		r.remove(src)
	}
	k.Status = max(k.Status, before)
}

func (k *copier) say(word, src, dst, saved string) {
	k.Print(word, k.q(src), " -> ", k.q(dst))
	if saved != "" {
		k.Print(" (backup: ", k.q(saved), ")")
	}
	k.Print("\n")
}

// mayOverwrite applies -i, -n, -f and -u to a destination that exists.
func (k *copier) mayOverwrite(src string, sst vfs.Stat, dst string, dstat vfs.Stat) bool {
	if k.update && !dstat.Mode.IsDir() && !sst.Mtime.After(dstat.Mtime) {
		return false
	}
	if k.ask == 'n' && !(sst.Mode.IsDir() && dstat.Mode.IsDir() && !k.move) {
		return false
	}
	writable := k.Access(dst, linux.W_OK) == nil || dstat.Mode.IsSymlink()
	prompt := k.ask == 'i' && !(sst.Mode.IsDir() && !k.move && dstat.Mode.IsDir())
	if k.move && k.ask == 0 && !writable && k.Isatty(0) {
		prompt = true
	}
	if !prompt {
		return true
	}
	k.Out.Flush()
	if k.GNU() {
		if !writable {
			k.Errorf("%s: replace %s, overriding mode %04o (%s)? ", k.Name, k.q(dst), dstat.Mode.Perm(), dstat.Mode.String()[1:])
		} else {
			k.Errorf("%s: overwrite %s? ", k.Name, k.q(dst))
		}
	} else {
		k.Errorf("%s: overwrite '%s'? ", k.Name, dst)
	}
	return yes(k.Ctx)
}

// yes reads a line of standard input and says whether it affirms.
func yes(c *prog.Ctx) bool {
	line, _ := c.In.ReadString('\n')
	line = strings.TrimLeft(line, " \t")
	return strings.HasPrefix(line, "y") || strings.HasPrefix(line, "Y")
}

// copyOne copies src to dst. above holds the directories on the way, to notice a tree that is
// being copied into itself. It says whether all went well.
func (k *copier) copyOne(src, dst string, operand bool, above []vfsID) bool {
	k.Step(4)
	stat := k.Lstat
	if k.deref == 'L' || k.deref == 'H' && operand || k.deref == 0 && !k.recursive {
		stat = k.Stat
	}
	if (k.hardLink || k.symLink) && k.deref == 0 {
		stat = k.Lstat
	}
	sst, err := stat(src)
	if err != nil {
		return k.failed(err, "cannot stat %s", "can't stat %s", k.q(src))
	}
	if sst.Mode.IsDir() && !k.recursive {
		if k.Program == "install" {
			return k.failed(nil, "omitting directory %s", "omitting directory %s", k.q(src))
		}
		return k.failed(nil, "-r not specified; omitting directory %s", "omitting directory %s", k.q(src))
	}
	dstat, derr := k.Lstat(dst)
	ldst := dstat
	if derr == nil && !sst.Mode.IsSymlink() && dstat.Mode.IsSymlink() && !k.removeDst && !k.symLink && !k.hardLink {
		// Written through a symbolic link to a file.
		if through, err := k.Stat(dst); err == nil {
			dstat = through
		} else if k.GNU() && sst.Mode.IsRegular() && k.ask != 'n' && k.backup == nil {
			return k.failed(nil, "not writing through dangling symlink %s", "", k.q(dst))
		} else if !k.GNU() {
			derr = linux.ENOENT
		}
	}
	if derr != nil && derr != linux.ENOENT {
		if sst.Mode.IsDir() {
			return k.failed(derr, "cannot create directory %s", "can't stat %s", k.q(dst))
		}
		return k.failed(derr, "cannot stat %s", "can't stat %s", k.q(dst))
	}
	saved := ""
	if derr == nil {
		same := sst.Dev == dstat.Dev && sst.Ino == dstat.Ino
		if !k.GNU() { // which looks no further than a link, and may empty what it copies
			same = sst.Dev == ldst.Dev && sst.Ino == ldst.Ino
		}
		if !same && k.GNU() && k.deref == 'P' && sst.Mode.IsSymlink() && !dstat.Mode.IsSymlink() && k.backup == nil {
			// A link to what it would replace.
			through, err := k.Stat(src)
			same = err == nil && through.Dev == dstat.Dev && through.Ino == dstat.Ino
		}
		if same && k.GNU() && k.removeDst && ldst.Mode.IsSymlink() {
			same = false // the link goes, the file stays
		}
		saves := k.backup != nil && (k.force || path.Clean(src) != path.Clean(dst))
		if same && (sst.Mode.IsRegular() || sst.Mode.IsDir() || !k.GNU() || sst.Mode.IsSymlink()) && !saves {
			if k.hardLink && !sst.Mode.IsDir() {
				return true
			}
			return k.failed(nil, "%s and %s are the same file", "%s and %s are the same file", k.q(src), k.q(dst))
		}
		if k.skip != nil && k.skip(src, dst) || !k.mayOverwrite(src, sst, dst, dstat) {
			return true
		}
		if k.GNU() && !sst.Mode.IsDir() && k.created[path.Clean(dst)] && k.backup == nil {
			return k.failed(nil, "will not overwrite just-created %s with %s", "", k.q(dst), k.q(src))
		}
		if sst.Mode.IsDir() && !dstat.Mode.IsDir() {
			return k.failed(nil, "cannot overwrite non-directory %s with directory %s", "target %s is not a directory", k.q(dst), k.q(src))
		}
		if !sst.Mode.IsDir() && dstat.Mode.IsDir() {
			if !k.GNU() && !k.move {
				why := linux.EEXIST
				if sst.Mode.IsRegular() && !k.hardLink && !k.symLink {
					why = linux.EISDIR // which opening it says
				}
				return k.failed(why, "", "can't create %s", k.q(dst))
			}
			return k.failed(nil, "cannot overwrite directory %s with non-directory", "target %s is a directory", k.q(dst))
		}
		if k.backup != nil && !sst.Mode.IsDir() {
			saved = k.backup.name(k.Ctx, dst)
			if path.Clean(saved) == path.Clean(src) {
				return k.failed(nil, "backing up %s might destroy source;  %s not copied", "", k.q(dst), k.q(src))
			}
			if err := k.Rename(dst, saved); err != nil {
				return k.failed(err, "cannot backup %s", "", k.q(dst))
			}
			if same {
				src = saved
			}
			derr = linux.ENOENT
		} else if (k.removeDst || k.symLink && k.force || k.hardLink && k.force) && !dstat.Mode.IsDir() {
			if err := k.Unlink(dst); err != nil {
				return k.failed(err, "cannot remove %s", "can't remove %s", k.q(dst))
			}
			if k.GNU() && k.removeDst && (k.verbose && k.onCopy == nil || k.tellRemoved) {
				k.Printf("removed %s\n", k.q(dst))
			}
			derr = linux.ENOENT
		}
	}
	id := vfsID{sst.Dev, sst.Ino}
	if sst.Mode.IsDir() {
		return k.copyDir(src, sst, dst, derr == nil, above)
	}
	if (k.keepLinks || !k.GNU() && k.recursive && k.deref != 'L') && sst.Nlink > 1 && !k.hardLink {
		if first, ok := k.copied[id]; ok {
			if derr == nil {
				k.Unlink(dst)
			}
			if err := k.Link(first, dst); err == nil {
				k.told(src, dst, saved)
				return true
			} else if err != linux.EXDEV {
				return k.failed(err, "cannot create hard link %s to %s", "can't create link %[1]s", k.q(dst), k.q(first))
			}
		}
		k.copied[id] = dst
	}
	ok := false
	switch {
	case k.hardLink:
		err := k.Link(src, dst)
		if err == linux.EEXIST && (k.force || k.removeDst) {
			k.Unlink(dst)
			err = k.Link(src, dst)
		}
		if err != nil {
			return k.failed(err, "cannot create hard link %s to %s", "can't create link %s", k.q(dst), k.q(src))
		}
		k.told(src, dst, saved)
		return true
	case k.symLink:
		if k.GNU() && !strings.HasPrefix(src, "/") && strings.Contains(strings.TrimPrefix(dst, "./"), "/") {
			return k.failed(nil, "%s: can make relative symbolic links only in current directory", "", k.QuoteColon(dst))
		}
		if err := k.Symlink(src, dst); err != nil {
			return k.failed(err, "cannot create symbolic link %s to %s", "can't create symlink %s", k.q(dst), k.q(src))
		}
		k.told(src, dst, saved)
		return true
	case sst.Mode.IsSymlink():
		target, err := k.Readlink(src)
		if err != nil {
			return k.failed(err, "cannot read symbolic link %s", "can't read link %s", k.q(src))
		}
		if derr == nil {
			if !k.GNU() && !k.force {
				return k.failed(linux.EEXIST, "", "can't create %s", k.q(dst))
			}
			if err := k.Unlink(dst); err != nil {
				return k.failed(err, "cannot remove %s", "can't remove %s", k.q(dst))
			}
		}
		if err := k.Symlink(target, dst); err != nil {
			return k.failed(err, "cannot create symbolic link %s", "can't create symlink %s", k.q(dst))
		}
		ok = true
	case sst.Mode.IsRegular() || !k.recursive || k.special:
		ok = k.contents(src, sst, dst, derr == nil)
	default:
		if derr == nil {
			k.Unlink(dst)
		}
		what := "special file"
		if sst.Mode.Type() == linux.S_IFIFO {
			what = "fifo"
		}
		if err := k.Mknod(dst, sst.Mode.Type()|sst.Mode.Perm()&^k.umask, sst.Rdev); err != nil {
			return k.failed(err, "cannot create "+what+" %s", "can't create %s", k.q(dst))
		}
		ok = true
	}
	if !ok {
		return false
	}
	k.created[path.Clean(dst)] = true
	k.told(src, dst, saved)
	return k.attributes(sst, dst, derr != nil)
}

func (k *copier) told(src, dst, saved string) {
	if !k.verbose {
		return
	}
	if k.onCopy != nil {
		k.onCopy(src, dst)
		return
	}
	k.say("", src, dst, saved)
}

func (k *copier) copyDir(src string, sst vfs.Stat, dst string, exists bool, above []vfsID) bool {
	id := vfsID{sst.Dev, sst.Ino}
	for _, a := range above {
		if a == id {
			return k.failed(nil, "cannot copy cyclic symbolic link %s", "recursion detected, omitting directory %s", k.q(src))
		}
	}
	made := false
	if !exists {
		perm := sst.Mode.Perm()
		if k.noMode {
			perm = 0o777
		}
		if err := k.Mkdir(dst, perm&0o777&^0o077|perm&0o777&^k.umask); err != nil {
			return k.failed(err, "cannot create directory %s", "can't create directory %s", k.q(dst))
		}
		made = true
		k.Chmod(dst, perm&0o777&^k.umask|0o700)
		if k.GNU() {
			k.told(src, dst, "")
		}
	}
	if dst2, err := k.Stat(dst); err == nil {
		did := vfsID{dst2.Dev, dst2.Ino}
		if did == id {
			return k.failed(nil, "cannot copy a directory, %s, into itself, %s", "recursion detected, omitting directory %s", k.q(src), k.q(dst))
		}
		if made {
			k.dirs[did] = true
		}
	}
	ents, err := k.ReadDir(src)
	ok := true
	if err != nil {
		ok = k.failed(err, "cannot access %s", "can't open '%[2]s'", k.q(src), src)
	}
	above = append(above, id)
	for _, e := range ents {
		from := prog.JoinPath(src, e.Name)
		if e.Mode.IsDir() {
			st, err := k.Lstat(from)
			if err == nil && k.dirs[vfsID{st.Dev, st.Ino}] {
				// The copy itself lies in the tree that is copied.
				k.failed(nil, "cannot copy a directory, %[1]s, into itself, %[2]s", "recursion detected, omitting directory %[3]s", k.q(k.topSrc), k.q(k.topDst), k.q(from))
				ok = false
				continue
			}
			if err == nil && k.oneFS && st.Dev != sst.Dev {
				// An empty directory stands for a mount point.
				k.Mkdir(prog.JoinPath(dst, e.Name), st.Mode.Perm()&^k.umask)
				continue
			}
		}
		if !k.copyOne(from, prog.JoinPath(dst, e.Name), false, above) {
			ok = false
		}
	}
	if made && !k.keepMode {
		perm := sst.Mode.Perm() &^ k.umask
		if k.noMode {
			perm = 0o777 &^ k.umask
		}
		if k.GNU() {
			perm &= 0o777 | linux.S_ISVTX
		}
		k.Chmod(dst, perm)
	}
	if made || k.GNU() || k.keepMode {
		ok = k.attributes(sst, dst, made) && ok
	}
	if made && !k.GNU() {
		k.told(src, dst, "")
	}
	return ok
}

// contents copies the bytes of a file.
func (k *copier) contents(src string, sst vfs.Stat, dst string, exists bool) bool {
	in, err := k.OpenFile(src, linux.O_RDONLY, 0)
	if err != nil {
		return k.failed(err, "cannot open %s for reading", "can't open '%[2]s'", k.q(src), src)
	}
	defer in.Close()
	if k.attrsOnly {
		sst.Size = 0
	}
	perm := sst.Mode & 0o777
	if !k.GNU() {
		perm = sst.Mode.Perm()
	}
	if k.noMode {
		perm = 0o666
	}
	if k.keepOwner && k.GNU() {
		perm &^= 0o077
	}
	var out *prog.File
	if exists {
		flags := linux.O_WRONLY | linux.O_TRUNC
		if k.attrsOnly {
			flags = linux.O_WRONLY
		}
		out, err = k.OpenFile(dst, flags, 0)
		if err != nil && (k.force || k.move || k.keepLinks && !k.GNU() && k.force) {
			if e := k.Unlink(dst); e != nil {
				return k.failed(e, "cannot remove %s", "can't remove %s", k.q(dst))
			}
			if k.verbose && k.GNU() {
				k.Printf("removed %s\n", k.q(dst))
			}
			exists, err = false, nil
		} else if err != nil {
			return k.failed(err, "cannot create regular file %s", "can't create %s", k.q(dst))
		}
	}
	if !exists {
		out, err = k.OpenFile(dst, linux.O_WRONLY|linux.O_CREAT|linux.O_EXCL, perm)
		if errors.Is(err, linux.EEXIST) { // a dangling link
			out, err = k.OpenFile(dst, linux.O_WRONLY|linux.O_CREAT|linux.O_TRUNC, perm)
		}
		if err != nil {
			return k.failed(err, "cannot create regular file %s", "can't create %s", k.q(dst))
		}
	}
	if k.clone {
		out.Close()
		return k.failed(linux.EOPNOTSUPP, "failed to clone %s from %s", "", k.q(dst), k.q(src))
	}
	if !k.attrsOnly {
		holes := k.GNU() && (k.sparse == "always" || k.sparse == "auto" && sst.Mode.IsRegular() && sst.Blocks*512 < sst.Size)
		if !k.data(in, out, src, dst, holes) {
			out.Close()
			return false
		}
	}
	if err := out.Close(); err != nil {
		return k.failed(err, "failed to close %s", "error closing %s", k.q(dst))
	}
	return true
}

// data copies what in holds, with holes for blocks of zeros if that is wanted.
func (k *copier) data(in, out *prog.File, src, dst string, holes bool) bool {
	const block = 4096
	buf := make([]byte, 32*block)
	var size int64
	trailing := false // a hole is all that was written last
	for {
		n, err := k.Proc.Read(in.Fd, buf)
		if err != nil {
			return k.failed(err, "error reading %s", "read error", k.q(src))
		}
		if n == 0 {
			break
		}
		size += int64(n)
		if !holes {
			if _, err := out.Write(buf[:n]); err != nil {
				return k.failed(err, "error writing %s", "write error", k.q(dst))
			}
			continue
		}
		for b := buf[:n]; len(b) > 0; {
			part := b[:min(block, len(b))]
			b = b[len(part):]
			if trailing = len(bytes.Trim(part, "\x00")) == 0; trailing {
				_, err = out.Seek(int64(len(part)), io.SeekCurrent)
			} else {
				_, err = out.Write(part)
			}
			if err != nil {
				return k.failed(err, "error writing %s", "write error", k.q(dst))
			}
		}
	}
	if trailing {
		if err := k.Ftruncate(out.Fd, size); err != nil {
			return k.failed(err, "failed to extend %s", "", k.q(dst))
		}
	}
	return true
}

// attributes gives dst what -p and its like keep of src, in an order that loses nothing.
func (k *copier) attributes(sst vfs.Stat, dst string, fresh bool) bool {
	link := sst.Mode.IsSymlink()
	ok := true
	if k.keepTimes && (k.GNU() || !link) { // busybox gives a link its owner, and no more
		at, mt := sst.Atime, sst.Mtime
		if err := k.Utimes(dst, &at, &mt, link); err != nil {
			ok = k.failed(err, "preserving times for %s", "can't preserve times of %s", k.q(dst))
		}
	}
	setids := linux.Mode(0)
	if k.keepOwner {
		chown := k.Chown
		if link {
			chown = k.Lchown
		}
		if err := chown(dst, sst.UID, sst.GID); err != nil {
			// Root hears of it; others cannot give files away and know it.
			setids = linux.S_ISUID | linux.S_ISGID
			if !k.GNU() || k.Cred().UID == 0 {
				ok = k.failed(err, "failed to preserve ownership for %s", "can't preserve ownership of %s", k.q(dst))
			} else {
				k.Chown(dst, ^uint32(0), sst.GID)
			}
		}
	}
	switch {
	case link:
	case k.keepMode:
		if err := k.Chmod(dst, sst.Mode.Perm()&^setids); err != nil {
			ok = k.failed(err, "preserving permissions for %s", "can't preserve permissions of %s", k.q(dst))
		}
	case k.keepOwner && fresh && sst.Mode.IsRegular() && k.GNU():
		k.Chmod(dst, sst.Mode&0o777&^k.umask)
	}
	return ok
}

// timesOf reads -r FILE's times.
func timesOf(c *prog.Ctx, name string, nofollow bool) (at, mt time.Time, err error) {
	stat := c.Stat
	if nofollow {
		stat = c.Lstat
	}
	st, err := stat(name)
	return st.Atime, st.Mtime, err
}

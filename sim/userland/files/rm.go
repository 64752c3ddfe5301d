package files

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// remover removes trees, for rm and mv.
type remover struct {
	*prog.Ctx
	recursive, force, emptyDirs, verbose bool
	ask                                  byte // 0 only what is write-protected, at a terminal; 'i' always; 'f' never
	oneFS                                bool
	dev                                  linux.Dev
}

const (
	rmInteractive = prog.LongOnly + iota
	rmOneFS
	rmPreserveRoot
	rmNoPreserveRoot
)

func rm(c *prog.Ctx) int {
	r := remover{Ctx: c}
	once, preserve := false, true
	short, long := "dfirvIR", []prog.Long{
		{Name: "force", Val: 'f'}, {Name: "interactive", Arg: prog.OptArg, Val: rmInteractive}, {Name: "one-file-system", Val: rmOneFS},
		{Name: "no-preserve-root", Val: rmNoPreserveRoot}, {Name: "preserve-root", Arg: prog.OptArg, Val: rmPreserveRoot},
		{Name: "recursive", Val: 'r'}, {Name: "dir", Val: 'd'}, {Name: "verbose", Val: 'v'},
	}
	if !c.GNU() {
		short, long = "fiRrv", nil
	}
	if argv := c.Args; c.GNU() {
		c.OnUsage = func() {
			for _, a := range argv {
				// An option that is wrong may be meant as a name.
				if _, err := c.Lstat(a); err == nil && len(a) > 1 && a[0] == '-' {
					c.Errorf("Try '%s ./%s' to remove the file %s.\n", c.Name, a, c.QuoteFile(a))
					break
				}
			}
			c.Errorf("Try '%s --help' for more information.\n", c.Name)
		}
	}
	whole := slices.Contains(c.Args, "--no-preserve-root")
	for o := range c.Getopt(short, long) {
		switch o.Val {
		case 'd':
			r.emptyDirs = true
		case 'f':
			r.force, r.ask, once = true, 'f', false
		case 'i':
			r.force, r.ask, once = false, 'i', false
		case 'I':
			r.force, r.ask, once = false, 0, true
		case 'r', 'R':
			r.recursive = true
		case 'v':
			r.verbose = true
		case rmInteractive:
			when := "always"
			if o.Has {
				when = c.Choose("--interactive", o.Arg, "never|no|none", "once", "always|yes")
			}
			switch when {
			case "never":
				r.ask, once = 'f', false
			case "once":
				r.force, r.ask, once = false, 0, true
			default:
				r.force, r.ask, once = false, 'i', false
			}
		case rmOneFS:
			r.oneFS = true
		case rmNoPreserveRoot:
			if !whole {
				c.Die(1, "you may not abbreviate the --no-preserve-root option")
			}
			preserve = false
		case rmPreserveRoot:
			if o.Has && o.Arg != "all" {
				c.Die(1, "unrecognized --preserve-root argument: %s", c.QuoteFile(o.Arg))
			}
			preserve = true
		}
	}
	if len(c.Args) == 0 {
		if r.force {
			return 0
		}
		if c.GNU() {
			c.Fail("missing operand")
		}
		c.Usage()
	}
	if once && (r.recursive || len(c.Args) > 3) {
		n := len(c.Args)
		word := "arguments"
		if n == 1 {
			word = "argument"
		}
		if r.recursive {
			word += " recursively"
		}
		fmt.Fprintf(c.Err, "%s: remove %d %s? ", c.Name, n, word)
		if !yes(c) {
			return 0
		}
	}
	for _, name := range c.Args {
		base := strings.TrimRight(name, "/")
		base = base[strings.LastIndexByte(base, '/')+1:]
		if name != "" && (base == "." || base == "..") {
			if !c.GNU() {
				c.Fail("can't remove '.' or '..'")
			} else if _, err := c.Lstat(name); err != nil {
				r.remove(name) // which says so
			} else if r.recursive {
				c.Fail("refusing to remove %s or %s directory: skipping %s", c.QuoteFile("."), c.QuoteFile(".."), c.QuoteFile(name))
			} else {
				c.Fail("cannot remove %s: Is a directory", c.QuoteFile(name))
			}
			continue
		}
		if c.GNU() && preserve && r.recursive && path.Clean(name) == "/" {
			same := ""
			if name != "/" {
				same = " (same as " + c.QuoteFile("/") + ")"
			}
			c.Fail("it is dangerous to operate recursively on %s%s", c.QuoteFile(name), same)
			c.Warn("use --no-preserve-root to override this failsafe")
			continue
		}
		if !c.GNU() && strings.Trim(name, "/") != "" {
			name = strings.TrimRight(name, "/")
		}
		if st, err := c.Lstat(name); err == nil {
			r.dev = st.Dev
		}
		r.remove(name)
	}
	return c.Status
}

func (r *remover) cannot(name string, err error) bool {
	if r.GNU() {
		r.Fail("cannot remove %s: %v", r.QuoteFile(name), err)
	} else {
		r.Fail("can't remove '%s': %v", name, err)
	}
	return false
}

// remove removes one name and what is below it; it says whether that is gone.
func (r *remover) remove(name string) bool {
	r.Step(4)
	st, err := r.Lstat(name)
	if err != nil {
		if r.force && (err == linux.ENOENT || err == linux.ENOTDIR && r.GNU()) {
			return true
		}
		if !r.GNU() && err != linux.ENOENT {
			r.Fail("can't stat '%s': %v", name, err)
			return false
		}
		return r.cannot(name, err)
	}
	if strings.HasSuffix(name, "/") && !st.Mode.IsDir() && r.GNU() {
		return r.cannot(name, linux.ENOTDIR)
	}
	if !st.Mode.IsDir() {
		if !r.confirm(name, st, false) {
			return false
		}
		if err := r.Unlink(name); err != nil {
			return r.cannot(name, err)
		}
		r.told(name, false)
		return true
	}
	if !r.recursive {
		if r.emptyDirs {
			return r.removeDir(name, st)
		}
		if r.GNU() {
			return r.cannot(name, linux.EISDIR)
		}
		r.Fail("'%s' is a directory", name)
		return false
	}
	if r.oneFS && st.Dev != r.dev {
		r.Fail("skipping %s, since it's on a different device", r.QuoteFile(name))
		return false
	}
	ents, err := r.ReadDir(name)
	if err != nil {
		// An empty directory can be removed though it cannot be read.
		if r.GNU() && r.Rmdir(name) == nil {
			r.told(name, true)
			return true
		}
		if r.GNU() {
			return r.cannot(name, err)
		}
		r.Status = 1
		return false
	}
	if len(ents) > 0 && (r.ask == 'i' || r.protected(name, st)) {
		words := "descend into directory"
		if r.GNU() && r.protected(name, st) {
			words = "descend into write-protected directory"
		}
		if !r.prompt(words, name) {
			return false
		}
	}
	ok := true
	for _, e := range ents {
		ok = r.remove(prog.JoinPath(name, e.Name)) && ok
	}
	if !ok && !(r.GNU() && r.ask == 'i') { // GNU's asks about a directory even if something in it stays
		return false
	}
	return r.removeDir(name, st)
}

func (r *remover) removeDir(name string, st vfs.Stat) bool {
	if !r.confirm(name, st, true) {
		return false
	}
	if err := r.Rmdir(name); err != nil {
		return r.cannot(name, err)
	}
	r.told(name, true)
	return true
}

func (r *remover) told(name string, dir bool) {
	if !r.verbose {
		return
	}
	if dir {
		r.Printf("removed directory %s\n", r.QuoteFile(name))
	} else {
		r.Printf("removed %s\n", r.QuoteFile(name))
	}
}

// protected says whether rm without -f asks at a terminal.
func (r *remover) protected(name string, st vfs.Stat) bool {
	return r.ask == 0 && !r.force && r.Isatty(0) && !st.Mode.IsSymlink() && r.Access(name, linux.W_OK) != nil
}

func (r *remover) confirm(name string, st vfs.Stat, dir bool) bool {
	protected := !st.Mode.IsSymlink() && r.Access(name, linux.W_OK) != nil
	if r.ask != 'i' && !r.protected(name, st) {
		return true
	}
	if !r.GNU() && dir && r.recursive {
		return r.prompt("remove directory", name)
	}
	if !r.GNU() {
		return r.prompt("remove", name)
	}
	words := "remove "
	if protected {
		words = "remove write-protected "
	}
	return r.prompt(words+kindOf(st), name)
}

// prompt asks. What -v says goes to standard output, which waits meanwhile.
func (r *remover) prompt(words, name string) bool {
	if r.GNU() {
		fmt.Fprintf(r.Err, "%s: %s %s? ", r.Name, words, r.QuoteFile(name))
	} else {
		r.Errorf("%s: %s '%s'? ", r.Name, words, name)
	}
	return yes(r.Ctx)
}

// kindOf is gnulib's file_type: "regular empty file", "directory", "fifo".
func kindOf(st vfs.Stat) string {
	switch st.Mode.Type() {
	case linux.S_IFREG:
		if st.Size == 0 {
			return "regular empty file"
		}
		return "regular file"
	case linux.S_IFDIR:
		return "directory"
	case linux.S_IFLNK:
		return "symbolic link"
	case linux.S_IFBLK:
		return "block special file"
	case linux.S_IFCHR:
		return "character special file"
	case linux.S_IFIFO:
		return "fifo"
	case linux.S_IFSOCK:
		return "socket"
	}
	return "weird file"
}

const rmdirIgnore = prog.LongOnly

func rmdir(c *prog.Ctx) int {
	parents, verbose, ignore := false, false, false
	short, long := "pv", []prog.Long{{Name: "ignore-fail-on-non-empty", Val: rmdirIgnore}, {Name: "path", Val: 'p'}, {Name: "parents", Val: 'p'}, {Name: "verbose", Val: 'v'}}
	if !c.GNU() {
		short, long = "pv", []prog.Long{{Name: "verbose", Val: 'v'}, {Name: "parents", Val: 'p'}, {Name: "ignore-fail-on-non-empty", Val: rmdirIgnore}}
	}
	for o := range c.Getopt(short, long) {
		switch o.Val {
		case 'p':
			parents = true
		case 'v':
			verbose = true
		case rmdirIgnore:
			ignore = true
		}
	}
	if len(c.Args) == 0 {
		if c.GNU() {
			c.Fail("missing operand")
		}
		c.Usage()
	}
	for _, arg := range c.Args {
		for dir, first := arg, true; ; first = false {
			if verbose {
				c.Printf("%s: removing directory, %s\n", c.Name, c.QuoteFile(dir))
			}
			err := c.Rmdir(dir)
			if err != nil {
				if ignore && (err == linux.ENOTEMPTY || err == linux.EEXIST) {
					break
				}
				switch {
				case !c.GNU():
					c.Fail("'%s': %v", dir, err)
				case first:
					if st, e := c.Lstat(strings.TrimRight(dir, "/")); e == nil && st.Mode.IsSymlink() && strings.HasSuffix(dir, "/") && err == linux.ENOTDIR {
						c.Fail("failed to remove %s: Symbolic link not followed", c.QuoteFile(dir))
						break
					}
					c.Fail("failed to remove %s: %v", c.QuoteFile(dir), err)
				default:
					c.Fail("failed to remove directory %s: %v", c.QuoteFile(dir), err)
				}
				break
			}
			if !parents {
				break
			}
			dir = strings.TrimRight(dir, "/")
			i := strings.LastIndexByte(dir, '/')
			if i < 0 {
				break
			}
			dir = strings.TrimRight(dir[:i], "/")
			if dir == "" || !c.GNU() && dir == "." {
				break
			}
		}
	}
	return c.Status
}

func unlink(c *prog.Ctx) int {
	for range c.Getopt("", nil) {
	}
	if len(c.Args) == 0 {
		if c.GNU() {
			c.Fail("missing operand")
		}
		c.Usage()
	}
	c.AtMost(1)
	if err := c.Unlink(c.Args[0]); err != nil {
		if c.GNU() {
			c.Fail("cannot unlink %s: %v", c.QuoteFile(c.Args[0]), err)
		} else {
			c.Fail("can't remove file '%s': %v", c.Args[0], err)
		}
	}
	return c.Status
}

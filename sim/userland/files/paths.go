package files

import (
	"path"
	"strings"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// The programs that take paths apart and put them together.

func basename(c *prog.Ctx) int {
	multiple, suffix, end := false, "", "\n"
	short, long := "+as:z", []prog.Long{{Name: "multiple", Val: 'a'}, {Name: "suffix", Arg: prog.ReqArg, Val: 's'}, {Name: "zero", Val: 'z'}}
	if !c.GNU() {
		short, long = "+as:", nil
	}
	for o := range c.Getopt(short, long) {
		switch o.Val {
		case 's':
			suffix, multiple = o.Arg, true
		case 'a':
			multiple = true
		case 'z':
			end = "\x00"
		}
	}
	if len(c.Args) == 0 {
		missingOperand(c)
	}
	if multiple {
		for _, a := range c.Args {
			c.Print(baseOf(a, suffix), end)
		}
		return 0
	}
	c.AtMost(2)
	if len(c.Args) == 2 {
		suffix = c.Args[1]
	}
	c.Print(baseOf(c.Args[0], suffix), end)
	return 0
}

func baseOf(name, suffix string) string {
	if name == "" {
		return ""
	}
	b := strings.TrimRight(name, "/")
	if b == "" {
		return "/"
	}
	b = b[strings.LastIndexByte(b, '/')+1:]
	if suffix != "" && suffix != b {
		b = strings.TrimSuffix(b, suffix)
	}
	return b
}

func dirname(c *prog.Ctx) int {
	end := "\n"
	if c.GNU() {
		for o := range c.Getopt("+z", []prog.Long{{Name: "zero", Val: 'z'}}) {
			if o.Val == 'z' {
				end = "\x00"
			}
		}
		if len(c.Args) == 0 {
			missingOperand(c)
		}
	} else {
		if len(c.Args) > 0 && c.Args[0] == "--" {
			c.Args = c.Args[1:]
		}
		if len(c.Args) != 1 {
			c.Usage()
		}
	}
	for _, a := range c.Args {
		d := dirOf(a)
		if !c.GNU() && d == "/" && strings.HasPrefix(a, "//") && !strings.HasPrefix(a, "///") && strings.Trim(a, "/") != "" {
			d = "//" // glibc's dirname leaves two leading slashes alone
		}
		c.Print(d, end)
	}
	return 0
}

func dirOf(name string) string {
	d := strings.TrimRight(name, "/")
	if d == "" && name != "" {
		return "/"
	}
	i := strings.LastIndexByte(d, '/')
	if i < 0 {
		return "."
	}
	if d = strings.TrimRight(d[:i], "/"); d == "" {
		return "/"
	}
	return d
}

func readlink(c *prog.Ctx) int {
	need, canon := prog.AllButLast, false
	verbose, noNewline, end := false, false, "\n"
	short, long := "efmnqsvz", []prog.Long{
		{Name: "canonicalize", Val: 'f'}, {Name: "canonicalize-existing", Val: 'e'}, {Name: "canonicalize-missing", Val: 'm'}, {Name: "no-newline", Val: 'n'},
		{Name: "quiet", Val: 'q'}, {Name: "silent", Val: 's'}, {Name: "verbose", Val: 'v'}, {Name: "zero", Val: 'z'},
	}
	if !c.GNU() {
		short, long = "fnvsq", nil
	}
	for o := range c.Getopt(short, long) {
		switch o.Val {
		case 'e':
			need, canon = prog.AllExist, true
		case 'f':
			need, canon = prog.AllButLast, true
		case 'm':
			need, canon = prog.AnyMissing, true
		case 'n':
			noNewline = true
		case 'q', 's':
			verbose = false
		case 'v':
			verbose = true
		case 'z':
			end = "\x00"
		}
	}
	if len(c.Args) == 0 {
		missingOperand(c)
	}
	if !c.GNU() && len(c.Args) != 1 {
		c.Usage()
	}
	if noNewline && len(c.Args) > 1 {
		c.Warn("ignoring --no-newline with multiple arguments")
		noNewline = false
	}
	if noNewline {
		end = ""
	}
	for _, name := range c.Args {
		var to string
		var err error
		if canon && !c.GNU() {
			to, err = busyboxRealpath(c, name)
		} else if canon {
			to, err = prog.Realpath(c, name, need)
		} else {
			to, err = c.Readlink(name)
		}
		if err != nil {
			c.Status = 1
			if verbose && c.GNU() {
				c.Warn("%s: %v", c.QuoteColon(name), err)
			} else if verbose {
				c.Warn("%s: cannot read link: %v", name, err)
			}
			continue
		}
		c.Print(to, end)
	}
	return c.Status
}

// busyboxRealpath resolves a path of which the last element need not exist if it has a directory
// before it; a link that leads nowhere is resolved from the working directory, not from its own.
func busyboxRealpath(c *prog.Ctx, name string) (string, error) {
	to, err := prog.Realpath(c, name, prog.AllExist)
	if err != linux.ENOENT || name == "" {
		return to, err
	}
	trimmed := strings.TrimRight(name, "/")
	if target, e := c.Readlink(trimmed); e == nil {
		if !strings.HasPrefix(target, "/") && !strings.Contains(target, "/") {
			target = "./" + target
		}
		return busyboxRealpath(c, target)
	}
	i := strings.LastIndexByte(trimmed, '/')
	if i < 0 {
		return "", linux.ENOENT
	}
	dir, e := prog.Realpath(c, trimmed[:i+1], prog.AllExist)
	if e != nil {
		return "", e
	}
	return strings.TrimRight(dir, "/") + "/" + trimmed[i+1:], nil
}

const (
	rpRelativeTo = prog.LongOnly + iota
	rpRelativeBase
)

func realpath(c *prog.Ctx) int {
	if !c.GNU() {
		if len(c.Args) == 0 {
			c.Usage()
		}
		for _, name := range c.Args {
			to, err := busyboxRealpath(c, name)
			if err != nil {
				c.Fail("%s: %v", name, err)
				continue
			}
			c.Print(to, "\n")
		}
		return c.Status
	}
	need, quiet, end, logical, noLinks := prog.AllButLast, false, "\n", false, false
	relTo, relBase := "", ""
	for o := range c.Getopt("eLmPqsz", []prog.Long{
		{Name: "canonicalize-existing", Val: 'e'}, {Name: "canonicalize-missing", Val: 'm'}, {Name: "relative-to", Arg: prog.ReqArg, Val: rpRelativeTo},
		{Name: "relative-base", Arg: prog.ReqArg, Val: rpRelativeBase}, {Name: "quiet", Val: 'q'}, {Name: "strip", Val: 's'}, {Name: "no-symlinks", Val: 's'},
		{Name: "zero", Val: 'z'}, {Name: "logical", Val: 'L'}, {Name: "physical", Val: 'P'},
	}) {
		switch o.Val {
		case 'e':
			need = prog.AllExist
		case 'm':
			need = prog.AnyMissing
		case 'L':
			logical, noLinks = true, false
		case 'P':
			logical, noLinks = false, false
		case 's':
			noLinks, logical = true, false
		case 'q':
			quiet = true
		case 'z':
			end = "\x00"
		case rpRelativeTo:
			relTo = o.Arg
		case rpRelativeBase:
			relBase = o.Arg
		}
	}
	if len(c.Args) == 0 {
		missingOperand(c)
	}
	resolve := func(name string) (string, error) {
		if name == "" {
			return "", linux.ENOENT
		}
		if !noLinks && !logical {
			return prog.Realpath(c, name, need)
		}
		full := name
		if !strings.HasPrefix(full, "/") {
			wd, err := c.Getwd()
			if err != nil {
				return "", err
			}
			full = prog.JoinPath(wd, full)
		}
		if logical {
			// ".." goes back a name and not a directory, but what it follows must be one.
			for i := 0; need != prog.AnyMissing && i < len(full); i++ {
				if strings.HasPrefix(full[i:], "/..") && (i+3 == len(full) || full[i+3] == '/') && i > 0 {
					if st, err := c.Stat(full[:i]); err != nil {
						return "", err
					} else if !st.Mode.IsDir() {
						return "", linux.ENOTDIR
					}
				}
			}
			return prog.Realpath(c, path.Clean(full), need)
		}
		full = path.Clean(full)
		stat := full
		if need == prog.AllButLast {
			stat = path.Dir(full)
		}
		if need != prog.AnyMissing {
			if _, err := c.Stat(stat); err != nil {
				return "", err
			}
		}
		return full, nil
	}
	base := func(name string) string {
		if name == "" {
			return ""
		}
		full, err := resolve(name)
		if err == nil && need == prog.AllExist {
			if st, e := c.Stat(full); e == nil && !st.Mode.IsDir() {
				err = linux.ENOTDIR
			}
		}
		if err != nil {
			c.Die(1, "%s: %v", c.QuoteColon(name), err)
		}
		return full
	}
	to, below := base(relTo), base(relBase)
	if relBase != "" && relTo == "" {
		to = below
	}
	within := func(full, dir string) bool { return dir == "/" || full == dir || strings.HasPrefix(full, dir+"/") }
	if relBase != "" && relTo != "" && !within(to, below) {
		to, below = "", ""
	}
	for _, name := range c.Args {
		full, err := resolve(name)
		if err != nil {
			c.Status = 1
			if !quiet {
				c.Warn("%s: %v", c.QuoteColon(name), err)
			}
			continue
		}
		if to != "" && (below == "" || within(full, below)) {
			full = relativePath(full, to)
		}
		c.Print(full, end)
	}
	return c.Status
}

const pathchkPortability = prog.LongOnly

func pathchk(c *prog.Ctx) int {
	posix, extra := false, false
	for o := range c.Getopt("+pP", []prog.Long{{Name: "portability", Val: pathchkPortability}}) {
		switch o.Val {
		case 'p':
			posix = true
		case 'P':
			extra = true
		case pathchkPortability:
			posix, extra = true, true
		}
	}
	if len(c.Args) == 0 {
		missingOperand(c)
	}
	for _, name := range c.Args {
		c.Status = max(c.Status, b2i(!validPath(c, name, posix, extra)))
	}
	return c.Status
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func validPath(c *prog.Ctx, name string, posix, extra bool) bool {
	if extra {
		for _, part := range strings.Split(name, "/") {
			if strings.HasPrefix(part, "-") {
				c.Fail("leading '-' in a component of file name %s", c.QuoteFile(name))
				return false
			}
		}
	}
	if name == "" && (posix || extra) {
		c.Fail("empty file name")
		return false
	}
	if posix {
		const portable = "/ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"
		for i := range len(name) {
			if !strings.Contains(portable, name[i:i+1]) {
				c.Fail("nonportable character %s in file name %s", c.Quote(name[i:i+1]), c.QuoteFile(name))
				return false
			}
		}
	} else if _, err := c.Lstat(name); err == nil {
		return true
	} else if err != linux.ENOENT || name == "" {
		if err != linux.ENAMETOOLONG {
			c.Fail("%s: %v", c.QuoteColon(name), err)
			return false
		}
	}
	pathMax, nameMax := linux.PATH_MAX-1, linux.NAME_MAX
	if posix {
		pathMax, nameMax = 255, 14
	}
	if len(name) > pathMax {
		c.Fail("limit %d exceeded by length %d of file name %s", pathMax, len(name), c.QuoteFile(name))
		return false
	}
	for _, part := range strings.Split(name, "/") {
		if len(part) > nameMax {
			c.Fail("limit %d exceeded by length %d of file name component %s", nameMax, len(part), c.Quote(part))
			return false
		}
	}
	return true
}

func pwd(c *prog.Ctx) int {
	logical := c.Getenv("POSIXLY_CORRECT") != ""
	if c.GNU() {
		for o := range c.Getopt("LP", []prog.Long{{Name: "logical", Val: 'L'}, {Name: "physical", Val: 'P'}}) {
			logical = o.Val == 'L'
		}
		if len(c.Args) > 0 {
			c.Warn("ignoring non-option arguments")
		}
	} else {
		logical = false
		for o := range c.Getopt("LP", nil) {
			logical = o.Val == 'L'
		}
	}
	if name := c.Getenv("PWD"); logical && strings.HasPrefix(name, "/") && path.Clean(name) == name {
		a, err1 := c.Stat(name)
		b, err2 := c.Stat(".")
		if err1 == nil && err2 == nil && a.Ino == b.Ino && a.Dev == b.Dev {
			c.Print(name, "\n")
			return 0
		}
	}
	wd, err := c.Getwd()
	if err != nil {
		if c.GNU() {
			c.Die(1, "couldn't find directory entry in '..' with matching i-node")
		}
		c.Die(1, "getcwd: %v", err)
	}
	c.Print(wd, "\n")
	return 0
}

const (
	mktempSuffix = prog.LongOnly + iota
	mktempTmpdir
)

func mktemp(c *prog.Ctx) int {
	dir, dry, quiet, inTmp := false, false, false, false
	suffix, haveSuffix, tmpdir, old := "", false, "", false
	short, long := "dp:qtuV", []prog.Long{
		{Name: "directory", Val: 'd'}, {Name: "quiet", Val: 'q'}, {Name: "dry-run", Val: 'u'}, {Name: "suffix", Arg: prog.ReqArg, Val: mktempSuffix}, {Name: "tmpdir", Arg: prog.OptArg, Val: mktempTmpdir},
	}
	if !c.GNU() {
		short, long = "dqtp:u", nil
	}
	for o := range c.Getopt(short, long) {
		switch o.Val {
		case 'd':
			dir = true
		case 'q':
			quiet = true
		case 'u':
			dry = true
		case 't':
			inTmp, old = true, true
		case 'p', mktempTmpdir:
			inTmp = true
			if o.Arg != "" {
				tmpdir = o.Arg
			}
		case mktempSuffix:
			suffix, haveSuffix = o.Arg, true
		}
	}
	template := ""
	switch len(c.Args) {
	case 0:
		inTmp, template = true, "tmp.XXXXXXXXXX"
		if !c.GNU() {
			template = "tmp.XXXXXX"
		}
	case 1:
		template = c.Args[0]
	default:
		if c.GNU() {
			c.Fail("too many templates")
		}
		c.Usage()
	}
	q := c.QuoteFile
	if haveSuffix {
		if !strings.HasSuffix(template, "X") {
			c.Die(1, "with --suffix, template %s must end in X", q(template))
		}
		template += suffix
	} else if c.GNU() {
		if i := strings.LastIndexByte(template, 'X'); i >= 0 {
			suffix = template[i+1:]
		}
	}
	if c.GNU() && strings.Contains(suffix, "/") {
		c.Die(1, "invalid suffix %s, contains directory separator", q(suffix))
	}
	end := len(template) - len(suffix)
	begin := end
	for begin > 0 && template[begin-1] == 'X' {
		begin--
	}
	if c.GNU() && end-begin < 3 {
		c.Die(1, "too few X's in template %s", q(template))
	}
	if inTmp {
		if tmpdir == "" || old && c.Getenv("TMPDIR") != "" {
			if t := c.Getenv("TMPDIR"); t != "" {
				tmpdir = t
			} else if tmpdir == "" {
				tmpdir = "/tmp"
			}
		}
		if c.GNU() && old && strings.Contains(template, "/") {
			c.Die(1, "invalid template, %s, contains directory separator", q(template))
		}
		if c.GNU() && strings.HasPrefix(template, "/") {
			c.Die(1, "invalid template, %s; with --tmpdir, it may not be absolute", q(template))
		}
		joined := prog.JoinPath(tmpdir, template)
		shift := len(joined) - len(template)
		template, begin, end = joined, begin+shift, end+shift
	}
	if !c.GNU() && end-begin < 6 {
		if !quiet {
			c.Fail("(null): %v", linux.EINVAL)
		}
		return 1
	}
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	from := begin
	if !c.GNU() {
		from = end - 6
	}
	for try := 0; ; try++ {
		b := []byte(template)
		for i := from; i < end; i++ {
			b[i] = letters[c.Kernel().Rand().IntN(len(letters))]
		}
		name := string(b)
		var err error
		switch {
		case dry:
			if _, err = c.Lstat(name); err == nil {
				err = linux.EEXIST
			} else if err == linux.ENOENT {
				err = nil
			}
		case dir:
			err = c.Mkdir(name, 0o700)
		default:
			var f *prog.File
			if f, err = c.OpenFile(name, linux.O_RDWR|linux.O_CREAT|linux.O_EXCL, 0o600); err == nil {
				f.Close()
			}
		}
		if err == nil {
			c.Print(name, "\n")
			return 0
		}
		if err == linux.EEXIST && try < 100 {
			continue
		}
		what := "file"
		if dir {
			what = "directory"
		}
		switch {
		case quiet:
		case c.GNU():
			c.Fail("failed to create %s via template %s: %v", what, q(template), err)
		default:
			c.Fail("(null): %v", err)
		}
		return 1
	}
}

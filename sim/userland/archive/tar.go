package archive

import (
	"archive/tar"
	"bufio"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dockerlab/dockerlab/sim/fnmatch"
	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/posixre"
	"github.com/dockerlab/dockerlab/sim/userland/datetime"
	"github.com/dockerlab/dockerlab/sim/userland/filemode"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
	"github.com/dockerlab/dockerlab/sim/userland/userdb"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// tarrer is one run of tar.
type tarrer struct {
	c       *prog.Ctx
	gnu     bool
	op      byte // c x t r u d; 0 none
	file    string
	verbose int
	codec   *codec
	auto    bool // -a
	args    []tarArg
	dir     string // as -C has it now

	keep, overwrite, skipOld, keepNewer, unlink    bool
	toStdout, noMtime, noOwner, sameOwner, numeric bool
	perms                                          int // 1 -p, -1 not
	follow, noRecurse, absolute, removeFiles       bool
	strip                                          int
	excludes                                       []string
	excludeVCS, wildcards, null, sorted            bool
	anchored                                       bool
	owner, group, mode, mtime                      string
	transform                                      *tarTransform
	totals, fullTime, utc, ignoreFailed, oneFS     bool
	toCommand                                      string
	showTransformed                                bool
	format                                         tar.Format
	occurrence                                     bool

	trouble    bool
	warned     map[string]bool
	db         *userdb.DB
	ownWidth   int
	links      map[[2]uint64]string
	dirs       []delayedDir
	matched    map[int]bool
	out        vfs.Stat
	outSet     bool
	when       time.Time
	listed     int64
	deviceRoot linux.Dev
}

// tarArg is a file to be archived or a member to be extracted, and the directory it is in.
type tarArg struct{ name, dir string }

// delayedDir is a directory whose mode and time are set when all is in it.
type delayedDir struct {
	name string
	h    *tar.Header
}

const (
	tarExclude = prog.LongOnly + iota
	tarStrip
	tarNumeric
	tarNoSameOwner
	tarSameOwner
	tarNoSamePerms
	tarOwner
	tarGroup
	tarMode
	tarMtime
	tarSort
	tarZstd
	tarOverwrite
	tarSkipOld
	tarKeepNewer
	tarRemoveFiles
	tarNoRecursion
	tarRecursion
	tarWildcards
	tarNoWildcards
	tarNull
	tarTransformOpt
	tarShowTransformed
	tarTotals
	tarFullTime
	tarUTC
	tarIgnoreFailed
	tarOneFS
	tarFormatOpt
	tarToCommand
	tarExcludeVCS
	tarAnchored
	tarNothing
	tarNothingArg
	tarHelp
	tarVersion
	tarLzma
	tarDelete
	tarUsage
)

var tarLong = []prog.Long{{Name: "create", Val: 'c'}, {Name: "extract", Val: 'x'}, {Name: "get", Val: 'x'}, {Name: "list", Val: 't'}, {Name: "append", Val: 'r'}, {Name: "update", Val: 'u'},
	{Name: "diff", Val: 'd'}, {Name: "compare", Val: 'd'}, {Name: "file", Arg: prog.ReqArg, Val: 'f'}, {Name: "verbose", Val: 'v'}, {Name: "gzip", Val: 'z'}, {Name: "gunzip", Val: 'z'}, {Name: "ungzip", Val: 'z'},
	{Name: "bzip2", Val: 'j'}, {Name: "xz", Val: 'J'}, {Name: "zstd", Val: tarZstd}, {Name: "auto-compress", Val: 'a'}, {Name: "no-auto-compress", Val: tarNothing}, {Name: "directory", Arg: prog.ReqArg, Val: 'C'},
	{Name: "preserve-permissions", Val: 'p'}, {Name: "same-permissions", Val: 'p'}, {Name: "no-same-permissions", Val: tarNoSamePerms}, {Name: "keep-old-files", Val: 'k'}, {Name: "to-stdout", Val: 'O'},
	{Name: "touch", Val: 'm'}, {Name: "dereference", Val: 'h'}, {Name: "absolute-names", Val: 'P'}, {Name: "files-from", Arg: prog.ReqArg, Val: 'T'}, {Name: "exclude-from", Arg: prog.ReqArg, Val: 'X'},
	{Name: "exclude", Arg: prog.ReqArg, Val: tarExclude}, {Name: "strip-components", Arg: prog.ReqArg, Val: tarStrip}, {Name: "numeric-owner", Val: tarNumeric}, {Name: "no-same-owner", Val: tarNoSameOwner},
	{Name: "same-owner", Val: tarSameOwner}, {Name: "owner", Arg: prog.ReqArg, Val: tarOwner}, {Name: "group", Arg: prog.ReqArg, Val: tarGroup}, {Name: "mode", Arg: prog.ReqArg, Val: tarMode},
	{Name: "mtime", Arg: prog.ReqArg, Val: tarMtime}, {Name: "sort", Arg: prog.ReqArg, Val: tarSort}, {Name: "overwrite", Val: tarOverwrite}, {Name: "skip-old-files", Val: tarSkipOld}, {Name: "keep-newer-files", Val: tarKeepNewer},
	{Name: "unlink-first", Val: 'U'}, {Name: "remove-files", Val: tarRemoveFiles}, {Name: "no-recursion", Val: tarNoRecursion}, {Name: "recursion", Val: tarRecursion}, {Name: "wildcards", Val: tarWildcards},
	{Name: "no-wildcards", Val: tarNoWildcards}, {Name: "wildcards-match-slash", Val: tarNothing}, {Name: "anchored", Val: tarAnchored}, {Name: "no-anchored", Val: tarNothing}, {Name: "null", Val: tarNull}, {Name: "no-null", Val: tarNothing},
	{Name: "transform", Arg: prog.ReqArg, Val: tarTransformOpt}, {Name: "xform", Arg: prog.ReqArg, Val: tarTransformOpt}, {Name: "show-transformed-names", Val: tarShowTransformed}, {Name: "totals", Val: tarTotals},
	{Name: "full-time", Val: tarFullTime}, {Name: "utc", Val: tarUTC}, {Name: "ignore-failed-read", Val: tarIgnoreFailed}, {Name: "one-file-system", Val: tarOneFS}, {Name: "format", Arg: prog.ReqArg, Val: tarFormatOpt},
	{Name: "to-command", Arg: prog.ReqArg, Val: tarToCommand}, {Name: "exclude-vcs", Val: tarExcludeVCS}, {Name: "warning", Arg: prog.ReqArg, Val: tarNothingArg}, {Name: "blocking-factor", Arg: prog.ReqArg, Val: 'b'},
	{Name: "ignore-zeros", Val: 'i'}, {Name: "preserve-order", Val: 's'}, {Name: "same-order", Val: 's'}, {Name: "force-local", Val: tarNothing}, {Name: "no-overwrite-dir", Val: tarNothing}, {Name: "delay-directory-restore", Val: tarNothing},
	{Name: "verbatim-files-from", Val: tarNothing}, {Name: "old-archive", Val: tarNothing}, {Name: "portability", Val: tarNothing}, {Name: "posix", Val: tarNothing}, {Name: "hard-dereference", Val: tarNothing}, {Name: "usage", Val: tarUsage},
	{Name: "help", Val: tarHelp}, {Name: "version", Val: tarVersion}}

var tarBusyboxLong = []prog.Long{{Name: "list", Val: 't'}, {Name: "extract", Val: 'x'}, {Name: "directory", Arg: prog.ReqArg, Val: 'C'}, {Name: "file", Arg: prog.ReqArg, Val: 'f'}, {Name: "to-stdout", Val: 'O'}, {Name: "verbose", Val: 'v'},
	{Name: "create", Val: 'c'}, {Name: "dereference", Val: 'h'}, {Name: "bzip2", Val: 'j'}, {Name: "lzma", Val: tarLzma}, {Name: "gzip", Val: 'z'}, {Name: "xz", Val: 'J'}, {Name: "compress", Val: 'Z'},
	{Name: "touch", Val: 'm'}, {Name: "no-same-permissions", Val: tarNoSamePerms}, {Name: "same-permissions", Val: 'p'}, {Name: "keep-old", Val: 'k'},
	{Name: "overwrite", Val: tarOverwrite}, {Name: "strip-components", Arg: prog.ReqArg, Val: tarStrip}, {Name: "no-recursion", Val: tarNoRecursion}, {Name: "numeric-owner", Val: tarNumeric}, {Name: "to-command", Arg: prog.ReqArg, Val: tarToCommand}}

func tarProgram(c *prog.Ctx) int {
	t := &tarrer{c: c, gnu: c.GNU(), warned: map[string]bool{}, links: map[[2]uint64]string{}, matched: map[int]bool{}, ownWidth: 19, format: tar.FormatGNU}
	t.db = userdb.Load(c)
	short, long := "-AcdrtuxC:f:vzjJZapkOmhPT:X:owUb:BsSlWiIF:g:GK:L:M:nN:RV:?", tarLong
	if t.gnu {
		short = "-cdrtuxC:f:vzjJapkOmhPT:X:oUb:BsSi"
		c.UsageStatus = 64
		c.OnUsage = func() {
			c.Errorf("Try '%s --help' or '%s --usage' for more information.\n", c.Name, c.Name)
		}
	} else {
		short, long = "-txC:f:OopvkchzjJZam", tarBusyboxLong
	}
	t.oldStyle(short)
	t.options(short, long)
	if t.file == "" {
		t.file = "-"
	}
	if t.op == 0 {
		if t.gnu {
			c.Warn("You must specify one of the '-Acdtrux', '--delete' or '--test-label' options")
			c.UsageStatus = 2
			c.Usage()
		}
		c.Usage()
	}
	switch t.op {
	case 'c', 'r', 'u':
		t.create()
	default:
		t.read()
	}
	if t.trouble {
		if t.gnu {
			c.Warn("Exiting with failure status due to previous errors")
			return 2
		}
		c.Warn("error exit delayed from previous errors")
		return 1
	}
	return c.Status
}

// oldStyle turns "cvf a b" into "-c -v -f a b".
func (t *tarrer) oldStyle(short string) {
	c := t.c
	if len(c.Args) == 0 || c.Args[0] == "" || c.Args[0][0] == '-' {
		return
	}
	letters, rest := c.Args[0], c.Args[1:]
	var args []string
	for i := 0; i < len(letters); i++ {
		args = append(args, "-"+letters[i:i+1])
		k := strings.IndexByte(short[1:], letters[i])
		if k >= 0 && strings.HasPrefix(short[k+2:], ":") {
			if len(rest) == 0 {
				if t.gnu {
					c.Warn("Old option '%c' requires an argument.", letters[i])
				}
				c.UsageStatus = 2
				c.Usage()
			}
			args = append(args, rest[0])
			rest = rest[1:]
		}
	}
	c.Args = append(args, rest...)
}

func (t *tarrer) options(short string, long []prog.Long) {
	c := t.c
	op := func(b byte) {
		if t.op != 0 && t.op != b {
			if t.gnu {
				c.Warn("You may not specify more than one '-Acdtrux', '--delete' or  '--test-label' option")
				c.UsageStatus = 2
			}
			c.Usage()
		}
		t.op = b
	}
	compress := func(k *codec) {
		if t.codec != nil && t.codec != k && t.gnu {
			c.Warn("Conflicting compression options")
			c.UsageStatus = 2
			c.Usage()
		}
		t.codec = k
	}
	for o := range c.GetoptOnly(short, long) {
		switch o.Val {
		case prog.Operand:
			t.args = append(t.args, tarArg{o.Arg, t.dir})
		case 'c', 'x', 't', 'r', 'u', 'd':
			op(byte(o.Val))
		case 'C':
			if path.IsAbs(o.Arg) || t.dir == "" {
				t.dir = o.Arg
			} else {
				t.dir = prog.JoinPath(t.dir, o.Arg)
			}
		case 'f':
			t.file = o.Arg
		case 'v':
			t.verbose++
		case 'z':
			compress(gzipCodec)
		case 'j':
			compress(bzip2Codec)
		case 'J':
			compress(xzCodec)
		case tarZstd:
			compress(zstdCodec)
		case 'a':
			t.auto = true
		case 'p':
			t.perms = 1
		case tarNoSamePerms:
			t.perms = -1
		case 'k':
			t.keep = true
		case 'O':
			t.toStdout = true
		case 'm':
			t.noMtime = true
		case 'h':
			t.follow = true
		case 'P':
			t.absolute = true
		case 'o', tarNoSameOwner:
			if !(o.Val == 'o' && t.op == 'c') {
				t.noOwner = true
			}
		case tarSameOwner:
			t.sameOwner = true
		case 'T':
			t.fromFile(o.Arg)
		case 'X':
			for _, l := range t.lines(o.Arg, '\n') {
				t.excludes = append(t.excludes, strings.TrimRight(l, "/"))
			}
		case tarExclude:
			t.excludes = append(t.excludes, strings.TrimRight(o.Arg, "/"))
		case tarStrip:
			n, err := strconv.Atoi(o.Arg)
			if err != nil || n < 0 {
				if t.gnu {
					c.Warn("%s: Invalid number of elements", o.Arg)
					c.UsageStatus = 2
					c.Usage()
				}
				c.Die(1, "invalid number '%s'", o.Arg)
			}
			t.strip = n
		case tarNumeric:
			t.numeric = true
		case tarOwner:
			t.owner = o.Arg
		case tarGroup:
			t.group = o.Arg
		case tarMode:
			if _, ok := filemode.Parse(o.Arg); !ok {
				c.Die(2, "Invalid mode given on option")
			}
			t.mode = o.Arg
		case tarMtime:
			t.mtime = o.Arg
			t.when = t.parseTime(o.Arg)
		case tarSort:
			if o.Arg != "name" && o.Arg != "none" && o.Arg != "inode" {
				c.Warn("invalid argument '%s' for '--sort'", o.Arg)
				c.Errorf("Valid arguments are:\n  - 'none'\n  - 'name'\n  - 'inode'\n")
				c.Exit(2)
			}
		case tarOverwrite:
			t.overwrite = true
		case tarSkipOld:
			t.skipOld = true
		case tarKeepNewer:
			t.keepNewer = true
		case 'U':
			t.unlink = true
		case tarRemoveFiles:
			t.removeFiles = true
		case tarNoRecursion:
			t.noRecurse = true
		case tarRecursion:
			t.noRecurse = false
		case tarWildcards:
			t.wildcards = true
		case tarNoWildcards:
			t.wildcards = false
		case tarAnchored:
			t.anchored = true
		case tarNull:
			t.null = true
		case tarTransformOpt:
			t.transform = t.parseTransform(o.Arg)
		case tarShowTransformed:
			t.showTransformed = true
		case tarTotals:
			t.totals = true
		case tarFullTime:
			t.fullTime = true
		case tarUTC:
			t.utc = true
		case tarIgnoreFailed:
			t.ignoreFailed = true
		case tarOneFS:
			t.oneFS = true
		case tarFormatOpt:
			switch o.Arg {
			case "gnu", "oldgnu":
			case "posix", "pax":
				t.format = tar.FormatPAX
			case "ustar", "v7":
				t.format = tar.FormatUSTAR
			default:
				c.Warn("%s: Invalid archive format", o.Arg)
				c.UsageStatus = 2
				c.Usage()
			}
		case tarToCommand:
			t.toCommand = o.Arg
		case tarExcludeVCS:
			t.excludes = append(t.excludes, ".git", ".gitignore", ".gitmodules", ".gitattributes", ".svn", ".hg", "CVS", ".bzr")
		case tarHelp:
			c.Help()
		case tarVersion:
			c.Version()
		case tarUsage:
			c.Help()
		case 'Z', tarLzma:
			c.Die(1, "this program does not know that compression")
		}
	}
	// What is left stood behind "--".
	for _, a := range c.Args {
		t.args = append(t.args, tarArg{a, t.dir})
	}
}

func (t *tarrer) parseTime(s string) time.Time {
	c := t.c
	if strings.HasPrefix(s, "/") || strings.HasPrefix(s, "./") {
		st, err := c.Stat(s)
		if err != nil {
			c.Warn("%s: Cannot stat: %v", s, err)
			c.Exit(2)
		}
		return st.Mtime
	}
	when, ok := datetime.Parse(s, c.Now().In(c.Zone()))
	if !ok {
		c.Warn("Substituting %s for unknown date format %s", c.Now().UTC().Format("2006-01-02 15:04:05"), "'"+s+"'")
		return c.Now()
	}
	return when
}

func (t *tarrer) lines(name string, sep byte) []string {
	c := t.c
	var b []byte
	var err error
	if name == "-" {
		b, err = io.ReadAll(io.LimitReader(c.In, 16<<20))
	} else {
		b, err = c.ReadFile(name)
	}
	if err != nil {
		if t.gnu {
			c.Warn("%s: Cannot open: %v", name, err)
			c.Warn("Error is not recoverable: exiting now")
			c.Exit(2)
		}
		c.Die(1, "can't open '%s': %v", name, err)
	}
	var l []string
	for _, s := range strings.Split(string(b), string([]byte{sep})) {
		if s != "" {
			l = append(l, s)
		}
	}
	return l
}

func (t *tarrer) fromFile(name string) {
	sep := byte('\n')
	if t.null {
		sep = 0
	}
	for _, l := range t.lines(name, sep) {
		if d, ok := strings.CutPrefix(l, "-C"); ok && t.gnu && !t.null {
			t.dir = strings.TrimSpace(d)
			continue
		}
		t.args = append(t.args, tarArg{l, t.dir})
	}
}

// fail reports something that makes the exit code bad, in the end.
func (t *tarrer) fail(format string, args ...any) {
	t.trouble = true
	t.c.Warn(format, args...)
}

// fatal ends tar.
func (t *tarrer) fatal(format string, args ...any) {
	t.c.Warn(format, args...)
	if t.gnu {
		t.c.Warn("Error is not recoverable: exiting now")
		t.c.Exit(2)
	}
	t.c.Exit(1)
}

// helper makes sure that the program that GNU tar would call for a compression is there.
func (t *tarrer) helper(k *codec) {
	if !t.gnu || k == nil {
		return
	}
	for _, p := range t.c.Candidates(k.name) {
		if t.c.Access(p, linux.X_OK) == nil {
			return
		}
	}
	c := t.c
	c.Errorf("%s (child): %s: Cannot exec: %v\n%s (child): Error is not recoverable: exiting now\n", c.Name, k.name, linux.ENOENT, c.Name)
	if t.op == 'c' {
		c.Exit(2)
	}
	c.Warn("Child returned status 2")
	c.Warn("Error is not recoverable: exiting now")
	c.Exit(2)
}

// path is where a name of the file system is, as -C has it.
func inDir(dir, name string) string {
	if dir == "" || path.IsAbs(name) {
		return name
	}
	return prog.JoinPath(dir, name)
}

// ---- writing

func (t *tarrer) create() {
	c := t.c
	if len(t.args) == 0 && t.op == 'c' {
		if t.gnu {
			c.Warn("Cowardly refusing to create an empty archive")
			c.UsageStatus = 2
			c.Usage()
		}
		c.Die(1, "empty archive")
	}
	k := t.codec
	if t.auto && k == nil {
		for _, x := range codecs {
			if slices.ContainsFunc(x.suffix, func(s string) bool { return strings.HasSuffix(t.file, s) }) {
				k = x
			}
		}
	}
	var w io.Writer
	if t.op != 'c' {
		w = t.appendTo()
	} else if t.file == "-" {
		if c.Isatty(1) {
			if t.gnu {
				t.fatal("Refusing to write archive contents to terminal (missing -f option?)")
			}
		}
		w = c.Out
		t.out, _ = c.Fstat(1)
		t.outSet = true
	} else {
		t.helper(k)
		f, err := c.CreateFile(t.file)
		if err != nil {
			if t.gnu {
				t.fatal("%s: Cannot open: %v", t.file, err)
			}
			c.Die(1, "can't open '%s': %v", t.file, err)
		}
		t.out, _ = f.Stat()
		t.outSet = true
		buf := bufio.NewWriterSize(f, 10240)
		defer func() {
			buf.Flush()
			f.Close()
		}()
		w = buf
	}
	if t.file == "-" {
		t.helper(k)
	}
	raw := &counter{c: c, w: w}
	var enc io.WriteCloser
	if k != nil {
		var err error
		if k == gzipCodec {
			enc, err = newGzipWriter(raw, 6, "", 0)
		} else {
			level := 6
			if k == bzip2Codec {
				level = 9
			}
			enc, err = k.writer(raw, level)
		}
		if err != nil {
			c.Die(2, "%v", err)
		}
		raw = &counter{c: c, w: enc}
	}
	tw := tar.NewWriter(raw)
	for _, a := range t.args {
		name := a.name
		if t.deviceRoot == 0 && t.oneFS {
			if st, err := c.Stat(inDir(a.dir, name)); err == nil {
				t.deviceRoot = st.Dev
			}
		}
		t.add(tw, inDir(a.dir, name), name, true)
	}
	if err := tw.Close(); err != nil {
		t.writeFailed(err)
	}
	block := int64(10240)
	if pad := raw.n % block; pad != 0 && t.gnu {
		raw.Write(make([]byte, block-pad))
	}
	if enc != nil {
		if err := enc.Close(); err != nil {
			t.writeFailed(err)
		}
	}
	if t.totals {
		c.Errorf("Total bytes written: %d (%s, %s/s)\n", raw.n, sizeIEC(raw.n), sizeIEC(raw.n))
	}
}

func sizeIEC(n int64) string {
	v := float64(n)
	for _, u := range []string{"B", "KiB", "MiB", "GiB"} {
		if v < 1024 {
			if u == "B" {
				return fmt.Sprintf("%d%s", n, u)
			}
			return fmt.Sprintf("%.0f%s", v, u)
		}
		v /= 1024
	}
	return fmt.Sprintf("%.0fTiB", v)
}

func (t *tarrer) writeFailed(err error) {
	name := t.file
	if t.gnu {
		t.fatal("%s: Cannot write: %v", name, err)
	}
	t.c.Die(1, "%v", err)
}

// appendTo opens an archive behind its last member.
func (t *tarrer) appendTo() io.Writer {
	c := t.c
	f, err := c.OpenFile(t.file, linux.O_RDWR|linux.O_CREAT, 0o666)
	if err != nil {
		t.fatal("%s: Cannot open: %v", t.file, err)
	}
	end := int64(0)
	r := &stepReader{c: c, r: f}
	tr := tar.NewReader(r)
	newest := map[string]time.Time{}
	for {
		h, err := tr.Next()
		if err != nil {
			break
		}
		newest[strings.TrimSuffix(h.Name, "/")] = h.ModTime
		io.Copy(io.Discard, tr)
		end = (r.n + 511) / 512 * 512
	}
	if t.op == 'u' {
		t.args = slices.DeleteFunc(t.args, func(a tarArg) bool {
			st, err := c.Lstat(inDir(a.dir, a.name))
			was, ok := newest[strings.Trim(a.name, "/")]
			return err == nil && ok && !st.Mode.IsDir() && !st.Mtime.Truncate(time.Second).After(was)
		})
	}
	f.Seek(end, linux.SEEK_SET)
	c.Ftruncate(f.Fd, end)
	t.out, _ = f.Stat()
	t.outSet = true
	return f
}

// excluded applies --exclude.
func (t *tarrer) excluded(name string) bool {
	name = strings.TrimRight(name, "/")
	for _, p := range t.excludes {
		if t.matchTail(p, name) {
			return true
		}
	}
	return false
}

func (t *tarrer) matchTail(p, name string) bool {
	for at := name; ; {
		if fnmatch.Match(p, at, fnmatch.LeadingDir) {
			return true
		}
		i := strings.IndexByte(at, '/')
		if i < 0 || t.anchored {
			return false
		}
		at = at[i+1:]
	}
}

// memberName makes a name safe and says so once.
func (t *tarrer) memberName(name string) string {
	if t.absolute {
		return name
	}
	safe, dropped := name, ""
	for {
		switch {
		case strings.HasPrefix(safe, "/"):
			rest := strings.TrimLeft(safe, "/")
			dropped += safe[:len(safe)-len(rest)]
			safe = rest
			continue
		case t.gnu && (strings.HasPrefix(safe, "../") || safe == ".." || strings.Contains(safe, "/../") || strings.HasSuffix(safe, "/..")):
			i := strings.LastIndex(safe, "..")
			dropped += safe[:min(len(safe), i+3)]
			safe = safe[min(len(safe), i+3):]
			continue
		}
		break
	}
	if dropped != "" && !t.warned[dropped] {
		t.warned[dropped] = true
		if t.gnu {
			if len(strings.Trim(dropped, "/")) == 0 {
				dropped = "/"
			}
			t.c.Warn("Removing leading `%s' from member names", dropped)
		} else {
			t.c.Warn("removing leading '%s' from member names", "/")
		}
	}
	if safe == "" {
		if t.gnu && strings.HasSuffix(name, "/") || name == "/" {
			return "./"
		}
		return "./"
	}
	return safe
}

func (t *tarrer) add(tw *tar.Writer, file, name string, top bool) {
	c := t.c
	if t.excluded(name) && !(top && !t.gnu) {
		return
	}
	stat := c.Lstat
	if t.follow {
		stat = c.Stat
	}
	st, err := stat(file)
	if err != nil {
		switch {
		case !t.gnu:
			t.fail("%s: %v", name, err)
		case t.ignoreFailed:
			c.Warn("%s: Warning: Cannot stat: %v", name, err)
		default:
			t.fail("%s: Cannot stat: %v", name, err)
		}
		return
	}
	if t.outSet && t.out.Mode.IsRegular() && st.Ino == t.out.Ino && st.Dev == t.out.Dev {
		if t.gnu {
			c.Warn("%s: file is the archive; not dumped", name)
		} else {
			c.Warn("%s: file is the archive; skipping", name)
		}
		return
	}
	if st.Mode.Type() == linux.S_IFSOCK {
		if t.gnu {
			c.Warn("%s: socket ignored", name)
		} else {
			c.Warn("%s: socket ignored", name)
		}
		return
	}
	h := t.header(st, file, name)
	listing := h.Name
	h.Name = t.rename(h.Name)
	if st.Nlink > 1 && !st.Mode.IsDir() {
		key := [2]uint64{uint64(st.Dev), uint64(st.Ino)}
		if first, ok := t.links[key]; ok {
			h.Typeflag, h.Linkname, h.Size = tar.TypeLink, first, 0
		} else {
			t.links[key] = h.Name
		}
	}
	var f *prog.File
	if h.Typeflag == tar.TypeReg {
		if f, err = c.OpenFile(file, linux.O_RDONLY, 0); err != nil {
			if t.gnu {
				t.fail("%s: Cannot open: %v", name, err)
			} else {
				t.fail("can't open '%s': %v", name, err)
			}
			return
		}
		defer f.Close()
	}
	if t.verbose > 0 {
		w := io.Writer(c.Out)
		if t.file == "-" || !t.gnu {
			w = c.Err
			c.Out.Flush()
		}
		if t.showTransformed {
			listing = h.Name
		}
		if t.verbose > 1 && t.gnu {
			fmt.Fprint(w, t.row(h, listing), "\n")
		} else {
			fmt.Fprint(w, listing, "\n")
		}
	}
	if err := tw.WriteHeader(h); err != nil {
		var n linux.Errno
		if errors.As(err, &n) {
			t.writeFailed(n)
		}
		t.fail("%s: %v", name, err)
		return
	}
	if f != nil {
		n, err := io.Copy(tw, io.LimitReader(&stepReader{c: c, r: f}, h.Size))
		if err != nil {
			var e linux.Errno
			if errors.As(err, &e) {
				if n < h.Size && e == linux.EIO {
					t.fail("%s: Read error at byte %d: %v", name, n, e)
				} else {
					t.writeFailed(e)
				}
			}
		}
		if n < h.Size {
			if t.gnu {
				c.Warn("%s: File shrank by %d bytes; padding with zeros", name, h.Size-n)
				c.Status = 1
			} else {
				c.Warn("short read")
			}
			io.CopyN(tw, zeros{}, h.Size-n)
		}
	}
	if st.Mode.IsDir() && !t.noRecurse {
		if t.oneFS && t.deviceRoot != 0 && st.Dev != t.deviceRoot {
			return
		}
		entries, err := c.ReadDir(file)
		if err != nil {
			if t.gnu {
				t.fail("%s: Cannot open: %v", strings.TrimSuffix(name, "/"), err)
			} else {
				t.fail("can't open '%s': %v", name, err)
			}
		}
		for _, e := range entries {
			t.add(tw, prog.JoinPath(file, e.Name), strings.TrimSuffix(name, "/")+"/"+e.Name, false)
		}
	}
	if t.removeFiles {
		var err error
		if st.Mode.IsDir() {
			err = c.Rmdir(file)
		} else {
			err = c.Unlink(file)
		}
		if err != nil {
			t.fail("%s: Cannot unlink: %v", name, err)
		}
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func (t *tarrer) header(st vfs.Stat, file, name string) *tar.Header {
	c := t.c
	name = t.memberName(name)
	h := &tar.Header{Name: name, Mode: int64(st.Mode.Perm()), Uid: int(st.UID), Gid: int(st.GID), ModTime: st.Mtime.Truncate(time.Second), Format: t.format}
	if t.format == tar.FormatPAX {
		h.ModTime = st.Mtime
	}
	switch st.Mode.Type() {
	case linux.S_IFREG:
		h.Typeflag, h.Size = tar.TypeReg, st.Size
	case linux.S_IFDIR:
		h.Typeflag = tar.TypeDir
		if !strings.HasSuffix(h.Name, "/") {
			h.Name += "/"
		}
	case linux.S_IFLNK:
		h.Typeflag = tar.TypeSymlink
		h.Linkname, _ = c.Readlink(file)
	case linux.S_IFIFO:
		h.Typeflag = tar.TypeFifo
	case linux.S_IFCHR:
		h.Typeflag = tar.TypeChar
	case linux.S_IFBLK:
		h.Typeflag = tar.TypeBlock
	}
	h.Devmajor, h.Devminor = int64(st.Rdev.Major()), int64(st.Rdev.Minor())
	if !t.numeric {
		if u, ok := t.db.UID(st.UID); ok {
			h.Uname = u.Name
		}
		if g, ok := t.db.GID(st.GID); ok {
			h.Gname = g.Name
		}
	}
	if t.owner != "" {
		name, id, _ := strings.Cut(t.owner, ":")
		if n, err := strconv.Atoi(strings.TrimPrefix(name, "+")); err == nil {
			h.Uid, h.Uname = n, ""
			if u, ok := t.db.UID(uint32(n)); ok {
				h.Uname = u.Name
			}
		} else if n, err := strconv.Atoi(id); err == nil {
			h.Uid, h.Uname = n, name
		} else if u, ok := t.db.User(name); ok {
			h.Uid, h.Uname = int(u.UID), name
		} else {
			t.fatal("%s: Invalid owner", t.owner)
		}
		if t.numeric {
			h.Uname = ""
		}
	}
	if t.group != "" {
		name, id, _ := strings.Cut(t.group, ":")
		if n, err := strconv.Atoi(strings.TrimPrefix(name, "+")); err == nil {
			h.Gid, h.Gname = n, ""
			if g, ok := t.db.GID(uint32(n)); ok {
				h.Gname = g.Name
			}
		} else if n, err := strconv.Atoi(id); err == nil {
			h.Gid, h.Gname = n, name
		} else if g, ok := t.db.Group(name); ok {
			h.Gid, h.Gname = int(g.GID), name
		} else {
			t.fatal("%s: Invalid group", t.group)
		}
		if t.numeric {
			h.Gname = ""
		}
	}
	if t.mode != "" {
		if ch, ok := filemode.Parse(t.mode); ok {
			h.Mode = int64(ch.Apply(st.Mode.Perm(), st.Mode.IsDir(), 0).Perm())
		}
	}
	if t.mtime != "" {
		h.ModTime = t.when
	}
	return h
}

// ---- reading

func (t *tarrer) read() {
	c := t.c
	var r io.Reader
	seekable := false
	if t.file == "-" {
		if c.Isatty(0) && t.gnu {
			t.fatal("Refusing to read archive contents from terminal (missing -f option?)")
		}
		r = c.In
	} else {
		f, err := c.OpenFile(t.file, linux.O_RDONLY, 0)
		if err != nil {
			if t.gnu {
				t.fatal("%s: Cannot open: %v", t.file, err)
			}
			c.Die(1, "can't open '%s': %v", t.file, err)
		}
		if st, err := f.Stat(); err == nil && st.Mode.IsDir() {
			if t.gnu {
				c.Warn("%s: Cannot read: %v", t.file, linux.EISDIR)
				c.Warn("At beginning of tape, quitting now")
				c.Warn("Error is not recoverable: exiting now")
				c.Exit(2)
			}
			c.Die(1, "read error: %v", linux.EISDIR)
		}
		defer f.Close()
		r, seekable = f, true
	}
	if t.dir != "" && t.op != 't' {
		if err := c.Chdir(t.dir); err != nil {
			if t.gnu {
				t.fatal("%s: Cannot open: %v", t.dir, err)
			}
			c.Die(1, "can't change directory to '%s': %v", t.dir, err)
		}
	}
	br := bufio.NewReaderSize(&stepReader{c: c, r: r}, 10240)
	head, _ := br.Peek(6)
	k := t.codec
	if found := sniff(head); k == nil && found != nil {
		if !seekable && t.gnu {
			t.fatal("Archive is compressed. Use %s option", map[*codec]string{gzipCodec: "-z", bzip2Codec: "-j", xzCodec: "-J", zstdCodec: "--zstd"}[found])
		}
		if seekable && t.gnu {
			k = found
		}
	}
	var in io.Reader = br
	if k != nil {
		t.helper(k)
		if sniff(head) != k {
			t.notCompressed(k)
		}
		dec, err := k.reader(br)
		if err != nil {
			t.notCompressed(k)
		}
		in = dec
	}
	if !t.gnu && k == nil && len(head) == 0 {
		c.Die(1, "short read")
	}
	tr := tar.NewReader(&errKeeper{r: in})
	first := true
	for {
		h, err := tr.Next()
		if err == io.EOF {
			if first && len(head) == 0 && t.gnu && k == nil {
				t.fail("This does not look like a tar archive")
			}
			break
		}
		if errors.Is(err, io.ErrUnexpectedEOF) && !first && t.gnu && k == nil {
			break // a header that is cut off counts as the end
		}
		if err != nil {
			t.broken(err, first)
			break
		}
		first = false
		t.member(h, tr)
		if _, err := io.Copy(io.Discard, tr); err != nil {
			t.broken(err, false)
			break
		}
	}
	t.finishDirs()
	for i, a := range t.args {
		if !t.matched[i] {
			if t.gnu {
				t.fail("%s: Not found in archive", a.name)
			} else {
				c.Warn("%s: not found in archive", a.name)
				c.Status = 1
			}
		}
	}
}

// errKeeper passes errors on.
type errKeeper struct{ r io.Reader }

func (e *errKeeper) Read(b []byte) (int, error) { return e.r.Read(b) }

func (t *tarrer) notCompressed(k *codec) {
	c := t.c
	if !t.gnu {
		c.Warn("invalid magic")
		c.Die(1, "short read")
	}
	switch k {
	case gzipCodec:
		c.Errorf("\ngzip: stdin: not in gzip format\n")
	case bzip2Codec:
		c.Errorf("bzip2: (stdin) is not a bzip2 file.\n")
	case xzCodec:
		c.Errorf("xz: (stdin): File format not recognized\n")
	case zstdCodec:
		c.Errorf("zstd: /*stdin*\\: unsupported format \n")
	}
	c.Warn("Child returned status 1")
	c.Warn("Error is not recoverable: exiting now")
	c.Exit(2)
}

func (t *tarrer) broken(err error, first bool) {
	c := t.c
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		if t.gnu {
			if t.codec == gzipCodec || t.codec != nil {
				c.Errorf("\ngzip: stdin: unexpected end of file\n")
				c.Warn("Unexpected EOF in archive")
				t.fatal("Unexpected EOF in archive")
			}
			if first {
				t.fail("This does not look like a tar archive")
				return
			}
			c.Warn("Unexpected EOF in archive")
			t.fatal("Unexpected EOF in archive")
		}
		c.Die(1, "short read")
	case errors.Is(err, tar.ErrHeader):
		if t.gnu {
			if first {
				c.Warn("This does not look like a tar archive")
			}
			t.fail("Skipping to next header")
			return
		}
		c.Die(1, "invalid tar magic")
	default:
		if t.gnu {
			t.fatal("%v", err)
		}
		c.Die(1, "%v", err)
	}
}

// wanted tells whether a member was asked for.
func (t *tarrer) wanted(name string) bool {
	if t.excluded(name) {
		return false
	}
	if len(t.args) == 0 {
		return true
	}
	ok := false
	trimmed := strings.TrimRight(name, "/")
	for i, a := range t.args {
		p := strings.TrimRight(a.name, "/")
		hit := p == trimmed || strings.HasPrefix(trimmed, p+"/") || p == ""
		if t.wildcards && t.gnu || !t.gnu {
			hit = hit || fnmatch.Match(p, trimmed, fnmatch.LeadingDir)
		}
		if hit {
			t.matched[i] = true
			ok = true
		}
	}
	return ok
}

// strips drops leading components; ok is false if nothing is left.
func (t *tarrer) strips(name string) (string, bool) {
	for range t.strip {
		name = strings.TrimLeft(name, "/")
		i := strings.IndexByte(name, '/')
		if i < 0 {
			return "", false
		}
		name = name[i+1:]
	}
	return name, name != ""
}

func (t *tarrer) member(h *tar.Header, tr *tar.Reader) {
	c := t.c
	c.Step(10)
	if !t.wanted(h.Name) {
		return
	}
	shown := h.Name
	name := t.rename(h.Name)
	name, ok := t.strips(name)
	if !ok && t.op != 't' {
		return
	}
	if t.strip > 0 && t.op == 'x' && t.gnu {
		if t.showTransformed {
			shown = name
		}
	}
	if !t.gnu && t.strip > 0 && t.op == 'x' {
		shown = name
	}
	switch t.op {
	case 't':
		if t.showTransformed {
			shown = name
		}
		if t.gnu {
			t.memberName(h.Name)
		}
		if t.verbose > 0 {
			c.Print(t.row(h, shown), "\n")
		} else {
			c.Print(shown, "\n")
		}
		return
	case 'd':
		t.compare(h, tr, name)
		return
	}
	if t.verbose > 0 {
		w := io.Writer(c.Out)
		if t.toStdout && t.gnu {
			w = c.Err
			c.Out.Flush()
		}
		if t.verbose > 1 {
			fmt.Fprint(w, t.row(h, shown), "\n")
		} else {
			fmt.Fprint(w, shown, "\n")
		}
	}
	t.extract(h, tr, name)
}

// row is a line of tar tv.
func (t *tarrer) row(h *tar.Header, name string) string {
	mode := linux.Mode(h.Mode & 0o7777)
	size := strconv.FormatInt(h.Size, 10)
	switch h.Typeflag {
	case tar.TypeDir:
		mode |= linux.S_IFDIR
	case tar.TypeSymlink:
		mode |= linux.S_IFLNK
	case tar.TypeFifo:
		mode |= linux.S_IFIFO
	case tar.TypeChar:
		mode |= linux.S_IFCHR
	case tar.TypeBlock:
		mode |= linux.S_IFBLK
	default:
		mode |= linux.S_IFREG
	}
	if h.Typeflag == tar.TypeChar || h.Typeflag == tar.TypeBlock {
		size = fmt.Sprintf("%d,%d", h.Devmajor, h.Devminor)
	}
	perm := []byte(mode.String())
	if h.Typeflag == tar.TypeLink && t.gnu {
		perm[0] = 'h'
	}
	user, group := h.Uname, h.Gname
	if user == "" || t.numeric {
		user = strconv.Itoa(h.Uid)
	}
	if group == "" || t.numeric {
		group = strconv.Itoa(h.Gid)
	}
	when := h.ModTime.In(datetime.Zone(t.c.Getenv("TZ")))
	if t.utc {
		when = when.UTC()
	}
	target := ""
	switch h.Typeflag {
	case tar.TypeSymlink:
		target = " -> " + h.Linkname
	case tar.TypeLink:
		target = " link to " + h.Linkname
		if !t.gnu {
			target = " -> " + h.Linkname
		}
	}
	if !t.gnu {
		if h.Typeflag == tar.TypeChar || h.Typeflag == tar.TypeBlock {
			return fmt.Sprintf("%s %s/%s %4d,%4d %s %s%s", perm, user, group, h.Devmajor, h.Devminor, when.Format("2006-01-02 15:04:05"), name, target)
		}
		return fmt.Sprintf("%s %s/%s %9s %s %s%s", perm, user, group, size, when.Format("2006-01-02 15:04:05"), name, target)
	}
	pad := len(user) + 1 + len(group) + 1 + len(size)
	t.ownWidth = max(t.ownWidth, pad)
	layout := "2006-01-02 15:04"
	if t.fullTime {
		layout = "2006-01-02 15:04:05"
	}
	return fmt.Sprintf("%s %s/%s %*s %s %s%s", perm, user, group, t.ownWidth-pad+len(size), size, when.Format(layout), t.quote(name), target)
}

// quote is GNU's way with odd characters in names.
func (t *tarrer) quote(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r == '\\' || r >= 0x7f }) < 0 {
		return s
	}
	return prog.EscapeC(s, 0)
}

// fileAs is a mode as extraction sets it.
func (t *tarrer) permissions(h *tar.Header) linux.Mode {
	mode := linux.Mode(h.Mode & 0o7777)
	root := t.c.Cred().UID == 0
	exact := t.perms > 0 || root && t.perms == 0 || !t.gnu && t.perms == 0
	if !exact {
		umask := t.c.Umask(0)
		t.c.Umask(umask)
		mode = mode & 0o777 &^ umask
	}
	return mode
}

func (t *tarrer) owned(name string, h *tar.Header) {
	c := t.c
	if t.noOwner || c.Cred().UID != 0 && !t.sameOwner {
		return
	}
	uid, gid := uint32(h.Uid), uint32(h.Gid)
	if !t.numeric {
		if u, ok := t.db.User(h.Uname); ok && h.Uname != "" {
			uid = u.UID
		}
		if g, ok := t.db.Group(h.Gname); ok && h.Gname != "" {
			gid = g.GID
		}
	}
	if err := c.Lchown(name, uid, gid); err != nil {
		if t.gnu {
			t.fail("%s: Cannot change ownership to uid %d, gid %d: %v", name, uid, gid, err)
		}
	}
}

// parents makes the directories that a member is in.
func (t *tarrer) parents(name string) {
	dir := path.Dir(name)
	if dir == "." || dir == "/" {
		return
	}
	if _, err := t.c.Stat(dir); err == nil {
		return
	}
	t.parents(dir)
	t.c.Mkdir(dir, 0o777)
}

// throughLink tells whether a name leads through a symbolic link that the archive itself made: that
// could lead out of where it is unpacked.
func (t *tarrer) safe(h *tar.Header, name string) (string, bool) {
	if t.absolute {
		return name, true
	}
	if !t.gnu {
		clean := strings.TrimLeft(name, "/")
		if clean != name && !t.warned["/"] {
			t.warned["/"] = true
			t.c.Warn("removing leading '/' from member names")
		}
		if slices.Contains(strings.Split(clean, "/"), "..") {
			t.c.Die(1, "skipping/failing unsafe name %s", "'"+name+"'")
		}
		return clean, clean != ""
	}
	if slices.Contains(strings.Split(name, "/"), "..") {
		t.fail("%s: Member name contains '..', skipping", name)
		return "", false
	}
	return t.memberName(name), true
}

// pipe gives a file to the command of --to-command, on its standard input and in variables.
func (t *tarrer) pipe(h *tar.Header, r io.Reader, name string) {
	c := t.c
	in, out, err := c.Pipe()
	if err != nil {
		t.fail("%s: Cannot open: %v", name, err)
		return
	}
	c.Cloexec(out, true)
	base := name[strings.LastIndexByte(name, '/')+1:]
	env := append(slices.Clone(c.Env()), "TAR_FILETYPE=f", "TAR_MODE="+strconv.FormatInt(h.Mode, 8), "TAR_FILENAME="+name, "TAR_REALNAME="+base,
		"TAR_UNAME="+h.Uname, "TAR_GNAME="+h.Gname, "TAR_SIZE="+strconv.FormatInt(h.Size, 10), "TAR_MTIME="+strconv.FormatInt(h.ModTime.Unix(), 10),
		"TAR_UID="+strconv.Itoa(h.Uid), "TAR_GID="+strconv.Itoa(h.Gid), "TAR_SUBCOMMAND=-x")
	pid, err := c.Start([]string{"/bin/sh", "-c", t.toCommand}, env, &kernel.SpawnOpts{Files: map[int]int{0: in, 1: 1, 2: 2}})
	c.Close(in)
	if err != nil {
		c.Close(out)
		t.fail("/bin/sh: Cannot exec: %v", err)
		return
	}
	// A command that ends before it has read all is its own affair.
	old := c.Signal(linux.SIGPIPE, kernel.Ignore)
	io.Copy(c.FD(out), r)
	c.Close(out)
	c.Signal(linux.SIGPIPE, old)
	for {
		_, st, err := c.Wait(pid, 0)
		if err == linux.EINTR {
			continue
		}
		switch {
		case err != nil || st.ExitCode() == 0:
		case st.Signal != 0:
			t.fail("%d: Child died with signal %d", pid, int(st.Signal))
		default:
			t.fail("%d: Child returned status %d", pid, st.Code)
		}
		return
	}
}

func (t *tarrer) extract(h *tar.Header, tr *tar.Reader, name string) {
	c := t.c
	if t.toStdout {
		if h.Typeflag == tar.TypeReg {
			if _, err := io.Copy(c.Out, tr); err != nil {
				t.broken(err, false)
			}
		}
		return
	}
	if t.toCommand != "" {
		if h.Typeflag == tar.TypeReg {
			t.pipe(h, tr, name)
		}
		return
	}
	name, ok := t.safe(h, name)
	if !ok {
		return
	}
	name = strings.TrimSuffix(name, "/")
	if name == "" || name == "." {
		if h.Typeflag == tar.TypeDir {
			t.dirs = append(t.dirs, delayedDir{".", h})
		}
		return
	}
	t.parents(name)
	st, err := c.Lstat(name)
	exists := err == nil
	cannot := func(what string, err error) {
		if t.gnu {
			t.fail("%s: Cannot %s: %v", name, what, err)
			return
		}
		c.Die(1, "can't %s '%s': %v", map[string]string{"open": "open", "mkdir": "make dir", "create symlink to": "create symlink", "hard link to": "create hardlink"}[strings.Split(what, " '")[0]], name, err)
	}
	if exists && h.Typeflag != tar.TypeDir {
		switch {
		case t.keep:
			if t.gnu {
				t.fail("%s: Cannot open: %v", name, linux.EEXIST)
			} else {
				c.Warn("can't open '%s': %v", name, linux.EEXIST)
				c.Exit(1)
			}
			return
		case t.skipOld:
			return
		case t.keepNewer && !st.Mtime.Before(h.ModTime):
			c.Warn("Current '%s' is newer or same age", name)
			return
		case t.overwrite && h.Typeflag == tar.TypeReg && st.Mode.IsRegular():
		case st.Mode.IsDir():
			if err := c.Rmdir(name); err != nil {
				if t.gnu {
					if err == linux.ENOTEMPTY || err == linux.EEXIST {
						err = linux.EISDIR
					}
					cannot("open", linux.EEXIST)
				} else {
					c.Die(1, "can't open '%s': %v", name, linux.EISDIR)
				}
				return
			}
		default:
			c.Unlink(name)
		}
	}
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeGNUSparse, tar.TypeCont:
		f, err := c.OpenFile(name, linux.O_WRONLY|linux.O_CREAT|linux.O_TRUNC, linux.Mode(h.Mode&0o777)|0o200)
		if err != nil {
			cannot("open", err)
			return
		}
		if _, err := io.Copy(f, tr); err != nil {
			f.Close()
			if n, ok := err.(linux.Errno); ok {
				if t.gnu {
					t.fail("%s: Cannot write: %v", name, n)
					return
				}
				c.Die(1, "write error: %v", n)
			}
			t.broken(err, false)
			return
		}
		f.Close()
		t.owned(name, h)
		c.Chmod(name, t.permissions(h))
		t.stamp(name, h)
	case tar.TypeDir:
		if exists && st.Mode.IsSymlink() {
			if s, err := c.Stat(name); err == nil && s.Mode.IsDir() {
				return
			}
		}
		if exists && !st.Mode.IsDir() {
			if !t.gnu {
				cannot("mkdir", linux.EEXIST)
				return
			}
			c.Unlink(name)
			exists = false
		}
		if !exists {
			if err := c.Mkdir(name, linux.Mode(h.Mode&0o777)|0o700); err != nil {
				cannot("mkdir", err)
				return
			}
		}
		t.owned(name, h)
		t.dirs = append(t.dirs, delayedDir{name, h})
	case tar.TypeSymlink:
		if err := c.Symlink(h.Linkname, name); err != nil {
			cannot("create symlink to '"+h.Linkname+"'", err)
			return
		}
		t.owned(name, h)
		if !t.noMtime {
			c.Utimes(name, nil, &h.ModTime, true)
		}
	case tar.TypeLink:
		link, _ := t.strips(h.Linkname)
		link, ok := t.safe(h, link)
		if !ok {
			return
		}
		if err := c.Link(link, name); err != nil {
			cannot("hard link to '"+link+"'", err)
		}
	case tar.TypeFifo, tar.TypeChar, tar.TypeBlock:
		kind := map[byte]linux.Mode{tar.TypeFifo: linux.S_IFIFO, tar.TypeChar: linux.S_IFCHR, tar.TypeBlock: linux.S_IFBLK}[h.Typeflag]
		if err := c.Mknod(name, kind|linux.Mode(h.Mode&0o777), linux.Mkdev(uint32(h.Devmajor), uint32(h.Devminor))); err != nil {
			if t.gnu {
				t.fail("%s: Cannot mknod: %v", name, err)
			} else {
				c.Warn("can't create node %s: %v", name, err)
			}
			return
		}
		t.owned(name, h)
		c.Chmod(name, t.permissions(h))
		t.stamp(name, h)
	default:
		if t.gnu {
			c.Warn("%s: Unknown file type '%c', extracted as normal file", name, h.Typeflag)
		}
	}
}

func (t *tarrer) stamp(name string, h *tar.Header) {
	if !t.noMtime {
		now := t.c.Now()
		t.c.Utimes(name, &now, &h.ModTime, false)
	}
}

// finishDirs gives the directories their modes and times, the deepest first.
func (t *tarrer) finishDirs() {
	for _, d := range slices.Backward(t.dirs) {
		t.c.Chmod(d.name, t.permissions(d.h))
		t.stamp(d.name, d.h)
	}
}

// compare is -d.
func (t *tarrer) compare(h *tar.Header, tr *tar.Reader, name string) {
	c := t.c
	name = strings.TrimSuffix(name, "/")
	st, err := c.Lstat(name)
	if err != nil {
		c.Warn("%s: Warning: Cannot stat: %v", name, err)
		c.Status = 1
		return
	}
	say := func(what string) {
		c.Printf("%s: %s\n", name, what)
		c.Status = 1
	}
	if h.Typeflag == tar.TypeReg {
		if st.Mode.Perm() != linux.Mode(h.Mode&0o7777) {
			say("Mode differs")
		}
		if st.UID != uint32(h.Uid) {
			say("Uid differs")
		}
		if st.GID != uint32(h.Gid) {
			say("Gid differs")
		}
		if !st.Mtime.Truncate(time.Second).Equal(h.ModTime.Truncate(time.Second)) {
			say("Mod time differs")
		}
		if st.Size != h.Size {
			say("Size differs")
			return
		}
		b, err := c.ReadFile(name)
		if err != nil {
			return
		}
		have, _ := io.ReadAll(io.LimitReader(tr, 16<<20))
		if string(b) != string(have) {
			say("Contents differ")
		}
	}
}

// tarTransform is --transform.
type tarTransform struct {
	re     *posixre.Regexp
	repl   string
	global bool
}

// parseTransform reads s/RE/REPL/flags.
func (t *tarrer) parseTransform(s string) *tarTransform {
	bad := func() { t.fatal("Invalid transform expression") }
	if len(s) < 2 || s[0] != 's' {
		bad()
	}
	delim := s[1]
	var parts []string
	cur := ""
	for i := 2; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			if s[i+1] == delim {
				cur += string(rune(delim))
			} else {
				cur += s[i : i+2]
			}
			i++
		case s[i] == delim && len(parts) < 2:
			parts = append(parts, cur)
			cur = ""
		default:
			cur += s[i : i+1]
		}
	}
	if len(parts) < 2 {
		bad()
	}
	var flags posixre.Flags
	x := &tarTransform{repl: parts[1]}
	for _, f := range cur {
		switch f {
		case 'g':
			x.global = true
		case 'i':
			flags |= posixre.IgnoreCase
		case 'x':
			flags |= posixre.Extended
		}
	}
	re, err := posixre.Compile(parts[0], flags)
	if err != nil {
		t.fatal("Invalid transform expression: %v", err)
	}
	x.re = re
	return x
}

func (t *tarrer) rename(name string) string {
	x := t.transform
	if x == nil {
		return name
	}
	var out strings.Builder
	at := 0
	b := []byte(name)
	for at <= len(b) {
		loc := x.re.Match(b, at, 0, -1, t.c.Step)
		if loc == nil {
			break
		}
		out.Write(b[at:loc[0]])
		for i := 0; i < len(x.repl); i++ {
			ch := x.repl[i]
			g := -1
			switch {
			case ch == '&':
				g = 0
			case ch == '\\' && i+1 < len(x.repl):
				i++
				if d := x.repl[i]; d >= '0' && d <= '9' {
					g = int(d - '0')
				} else {
					out.WriteByte(d)
				}
			default:
				out.WriteByte(ch)
			}
			if g >= 0 && 2*g+1 < len(loc) && loc[2*g] >= 0 {
				out.Write(b[loc[2*g]:loc[2*g+1]])
			}
		}
		at = loc[1]
		if !x.global {
			break
		}
		if loc[0] == loc[1] {
			if at >= len(b) {
				break
			}
			out.WriteByte(b[at])
			at++
		}
	}
	if at < len(b) {
		out.Write(b[at:])
	}
	return out.String()
}
